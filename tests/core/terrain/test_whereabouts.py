"""Words for places: beside plain loops over all features, and by hand."""

import math
from collections import Counter

import numpy as np
import pytest
from helpers import box, full_grid, lines, points, polygons
from risk_terrain.rtm_plugin.core.ground.features import Features
from risk_terrain.rtm_plugin.core.ground.grid import Grid
from risk_terrain.rtm_plugin.core.ground.nearby import FeatureNames, NamedLayer, NameFinder, names_around
from risk_terrain.rtm_plugin.core.terrain.places import Place, Whereabouts
from risk_terrain.rtm_plugin.core.terrain.whereabouts import Surroundings, told_where, whereabouts

GRID = full_grid(4, 6, size=100.0, x_min=1000.0, y_min=2000.0)  # blocks of 200; rows from the north


class Influence:
    """A selected variable."""

    def __init__(self, factor: str, distance: float = 100.0, direction: str = "aggravating") -> None:
        self.factor, self.distance, self.direction = factor, distance, direction


def numbers(x: float, y: float) -> str:
    """A spot as its numbers, to see which one was asked for."""
    return f"{x:g} {y:g}"


def label_of(picture) -> np.ndarray:
    return np.array(picture).ravel()


def named(features: Features, *names: str) -> NamedLayer:
    """One name a row."""
    return NamedLayer(features, FeatureNames(names, np.arange(len(names))))


def told(label, count=1, grid=GRID, **known) -> tuple[Whereabouts, ...]:
    return whereabouts(grid, label, count, Surroundings(position=numbers, **known))


ELBOW = label_of([[0, 1, 1, 1, 0, 0], [0, 0, 0, 1, 0, 0], [2, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]])


def test_the_reference_is_of_the_cell_nearest_the_mean_of_the_cells():
    """The mean of the elbow's columns is 12/5 and of its rows 3/5: nearest is row 0, column 2, or row 1, column 3."""
    first, second = told(ELBOW, 2)
    assert first.reference == "1250 2350"  # away 0.36 + 0.16 = 0.52, as row 1, column 3 is; the first of both
    assert second.reference == "1050 2150"


def test_a_ring_is_told_by_one_of_its_own_cells():
    ring = label_of([[1, 1, 1, 0, 0, 0], [1, 0, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    x, y = map(float, told(ring)[0].reference.split())
    assert ring[int(GRID.cell_of(np.array([[x, y]]))[0])] == 1
    assert (x, y) != (1150, 2250)


def test_only_kept_cells_count():
    mask = np.ones((1, 5), bool)
    mask[0, 1] = False
    grid = Grid(0.0, 100.0, 100.0, 200.0, mask)
    assert [found.reference for found in told(np.array([1, 2, 2, 2]), 2, grid)] == ["50 50", "350 50"]


def test_streets_beside_a_plain_loop():
    random = np.random.default_rng(4)
    grid = full_grid(30, 30, size=50.0)
    label = np.zeros(900, np.int64)
    label[random.permutation(900)[:60]] = np.arange(1, 61)  # places of one cell, told as far as a block of 100
    ends = random.uniform(-100, 1600, (300, 2))
    segments = np.hstack([ends, ends + random.uniform(-60, 60, (300, 2))])
    names = [f"street {i % 80}" if i % 3 else "" for i in range(300)]
    found = told(label, 60, grid, streets=named(Features("line", segments, 300), *names))
    for number, where in enumerate(found, 1):
        x, y = grid.centres[np.flatnonzero(label == number)[0]]
        gaps = [(gap(x, y, *segment), name) for segment, name in zip(segments, names, strict=True) if name]
        nearest, name = min(gaps)
        assert where.street == (name if nearest <= 100 else "")
    assert 10 < sum(bool(where.street) for where in found) < 60


def gap(x, y, x1, y1, x2, y2) -> float:
    """From a point to a segment, by the foot of the perpendicular."""
    squared = (x2 - x1) ** 2 + (y2 - y1) ** 2
    t = min(1.0, max(0.0, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / squared))
    return math.hypot(x - x1 - t * (x2 - x1), y - y1 - t * (y2 - y1))


@pytest.mark.parametrize(("y", "street"), [(2449.0, "Fleet Street"), (2451.0, "")])
def test_a_street_is_told_within_the_furthest_cell_and_a_block(y, street):
    """Two cells, the middle the western one at 1150 2150, the other 100 away, a block of 200: 300 to the north."""
    label = label_of([[0] * 6, [0] * 6, [0, 1, 1, 0, 0, 0], [0] * 6])
    assert told(label)[0].reference == "1150 2150"
    streets = named(lines((0, y, 5000, y), (1150, 2150, 1151, 2150)), "Fleet Street", "")
    assert told(label, streets=streets)[0].street == street


def test_the_area_holds_most_of_the_cells():
    """Castle holds two of the elbow's five cells, Park three in two pieces of one name; place 2 lies in neither."""
    castle, park, other = box(1100, 2300, 1300, 2400), box(1300, 2300, 1400, 2400), box(1300, 2100, 1400, 2300)
    wards = NamedLayer(
        polygons([castle], [park], [other]), FeatureNames(("Castle", "Park", "Park"), np.repeat([0, 1, 2], 4))
    )
    assert [where.area for where in told(ELBOW, 2, areas=wards)] == ["Park", ""]
    nameless = NamedLayer(wards.features, FeatureNames(("Castle", "", ""), np.repeat([0, 1, 2], 4)))
    assert [where.area for where in told(ELBOW, 2, areas=nameless)] == ["Castle", ""]


def test_areas_beside_a_plain_loop():
    random = np.random.default_rng(8)
    corners = random.uniform(0, 900, (40, 2))
    boxes = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(corners, random.uniform(50, 400, (40, 2)), strict=True)]
    names = [f"ward {i % 25}" if i % 7 else "" for i in range(40)]
    areas = NamedLayer(polygons(*([box(*b)] for b in boxes)), FeatureNames(names, np.repeat(np.arange(40), 4)))
    spots, group = random.uniform(0, 1300, (500, 2)), random.integers(0, 30, 500)
    found = names_around(areas, spots, group, 30)
    for number in range(30):
        held = Counter()
        for (x0, y0, x1, y1), name in zip(boxes, names, strict=True):
            inside = sum(x0 < x < x1 and y0 < y < y1 for x, y in spots[group == number])
            if name and inside:
                held[name] += inside
        assert found[number] in [name for name, n in held.items() if n == max(held.values())]


def test_a_hole_is_not_of_the_area():
    ward = NamedLayer(
        polygons([box(1000, 2000, 1600, 2400), box(1000, 2100, 1100, 2200)]), FeatureNames(("A",), [0] * 8)
    )
    ward = NamedLayer(ward.features, FeatureNames(("A",), np.zeros(8, np.int64)))
    assert [where.area for where in told(ELBOW, 2, areas=ward)] == ["A", ""]


LAYERS = {
    "bars": named(points((1260, 2350), (1250, 2351)), "Crown", ""),
    "stops": named(points((1250, 2250)), "Castle Street"),
    "police": named(points((1250, 2350)), "Station"),
}
TERMS = (Influence("bars"), Influence("stops"), Influence("police", direction="protective"))


@pytest.mark.parametrize(
    ("shares", "feature"),
    [
        ((0.5, 0.3, 0.2), "Crown"),
        ((0.3, 0.5, 0.2), "Castle Street"),
        ((0.1, 0.2, 0.7), "Castle Street"),  # no police near: their station would lead away
        ((0.0, 0.0, 1.0), ""),
    ],
)
def test_the_feature_is_of_the_factor_with_the_largest_share(shares, feature):
    parts = np.repeat(np.array(shares)[:, None], GRID.cells, axis=1)
    where = told(ELBOW, 2, terms=TERMS, shares=parts, layers=LAYERS)
    assert where[0].feature == feature


def test_a_feature_beyond_the_factors_reach_is_not_told():
    """Place 2 is one cell at 1050 2150; the Crown is 290 away, and its factor reaches 100, or 300."""
    parts = np.ones((1, GRID.cells))
    for reach, feature in ((100.0, ""), (300.0, "Crown")):
        known = {"terms": [Influence("bars", reach)], "shares": parts, "layers": LAYERS}
        assert told(ELBOW, 2, **known)[1].feature == feature


def test_around_a_polygon_far_from_its_edge():
    park = NamedLayer(polygons([box(-1e5, -1e5, 1e5, 1e5)]), FeatureNames(("Park",), np.zeros(4, np.int64)))
    assert NameFinder.of(park).nearest((0.0, 0.0), 1.0) == "Park"
    assert NameFinder.of(NamedLayer(park.features)).nearest((0.0, 0.0), 1.0) == ""


def test_nothing_known_is_nothing_told():
    assert told(ELBOW, 3)[1:] == (Whereabouts("1050 2150"), Whereabouts())
    assert told(np.zeros(24, np.int64), 0) == ()
    nowhere = whereabouts(GRID, ELBOW, 2, Surroundings(position=lambda x, y: ""))
    assert [where.text for where in nowhere] == ["", ""]


def test_places_carry_their_words():
    common = {"cells": 1, "area": 1.0, "mean_score": 1.0, "max_score": 1.0, "expected": None, "observed": None}
    places = [Place(rank=rank, factors=(), **common) for rank in (1, 2)]
    words = Whereabouts("TQ 1 1", "Fleet Street", "Castle ward", "Crown"), Whereabouts("TQ 2 2")
    found = told_where(places, words)
    assert [place.where.text for place in found] == ["TQ 1 1, Fleet Street, Castle ward", "TQ 2 2"]
    assert places[0].where == Whereabouts()
