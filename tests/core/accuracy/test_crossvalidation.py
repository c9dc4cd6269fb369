"""Folds that share no cell and keep their distance, and the whole procedure done again inside each."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import box, candidate_set, full_grid, polygons, repeatable
from hypothesis import given
from hypothesis import strategies as st
from risk_terrain.rtm_plugin.core.accuracy.calibration import deviance
from risk_terrain.rtm_plugin.core.accuracy.crossvalidation import compare, cross_validate
from risk_terrain.rtm_plugin.core.accuracy.folds import Folds, area_folds, block_folds, near, random_folds
from risk_terrain.rtm_plugin.core.candidates.covariates import Covariates, observe
from risk_terrain.rtm_plugin.core.documents.settings import SelectionSettings
from risk_terrain.rtm_plugin.core.errors import Cancelled, InputError, SettingsError
from risk_terrain.rtm_plugin.core.pipeline import choose, score

SETTINGS = SelectionSettings(family="poisson", folds=3)
small = st.integers(0, 2**20)


def holes(seed: int, rows: int, columns: int):
    """A grid with a fifth of its cells missing."""
    grid = full_grid(rows, columns, size=10.0)
    return grid.only(np.random.default_rng(seed).random(rows * columns) < 0.8)


@repeatable
@given(small, st.integers(4, 14), st.integers(4, 14), st.integers(2, 6), st.floats(10, 60), st.floats(0, 45))
def test_block_folds_share_no_cell_and_respect_the_buffer(seed, rows, columns, folds, side, buffer):
    """Against distances between all pairs of cells."""
    grid = holes(seed, rows, columns)
    counts = np.random.default_rng(seed).poisson(0.5, grid.cells).astype(float)
    try:
        found = block_folds(grid, counts, side, folds, buffer, seed)
    except InputError:
        return
    assert set(found.label.tolist()) == set(range(found.count))
    centres = grid.centres
    away = np.hypot(*(centres[:, None] - centres[None]).transpose(2, 0, 1))
    total = np.zeros(grid.cells)
    for fold in range(found.count):
        held, fitted = found.held_out(fold), found.fitted(fold, grid)
        total += held
        assert not (held & fitted).any()
        nearest = away[:, held].min(axis=1)
        assert np.array_equal(fitted, ~held & (nearest > buffer * (1 + 1e-9)))
    assert (total == 1).all()
    block = [tuple(pair) for pair in np.floor(centres / side).tolist()]
    for cells in ({b: found.label[[c == b for c in block]] for b in set(block)}).values():
        assert len(set(cells.tolist())) == 1, "a block is torn apart"
    assert sorted(len(names) > 0 for names in found.units) == [True] * found.count


def test_blocks_are_dealt_by_their_events():
    """Eight blocks, two with events: each fold gets one of them and four blocks in all."""
    grid = full_grid(2, 16)
    counts = np.zeros(32)
    counts[[0, 30]] = 50
    found = block_folds(grid, counts, 2.0, 2, 0.0, seed=5)
    assert [float(counts[found.held_out(k)].sum()) for k in range(2)] == [50, 50]
    assert [len(names) for names in found.units] == [4, 4]
    assert np.array_equal(found.label, block_folds(grid, counts, 2.0, 2, 0.0, seed=5).label)
    others = [block_folds(grid, counts, 2.0, 2, 0.0, seed=k).label for k in range(8)]
    assert any(not np.array_equal(found.label, label) for label in others)


def test_fewer_blocks_than_folds():
    assert block_folds(full_grid(2, 4), np.ones(8), 2.0, 5, 0.0, 1).count == 2


def test_areas():
    """Cells in no area are never held out; two polygons of one name are one area; an overlap goes to the first."""
    grid = full_grid(2, 8)
    areas = [
        ("west", polygons([box(0, 0, 2, 2)])),
        ("middle", polygons([box(1, 0, 4, 2)])),
        ("west", polygons([box(4, 0, 5, 2)])),
        ("elsewhere", polygons([box(100, 100, 101, 101)])),
    ]
    found = area_folds(grid, areas, np.ones(16), 5, 1.0, seed=2)
    assert found.count == 2
    assert sorted(found.units) == [("middle",), ("west",)]
    west = found.units.index(("west",))
    assert found.held_out(west).reshape(2, 8).tolist() == [[True, True, False, False, True, False, False, False]] * 2
    assert (found.label.reshape(2, 8)[:, 5:] == -1).all()
    assert found.fitted(west, grid).reshape(2, 8).tolist() == [[False] * 6 + [True] * 2] * 2


def test_random_folds_are_stratified():
    counts = np.repeat([9.0, 4.0, 0.0], [5, 5, 40])
    found = random_folds(counts, 5, seed=3)
    assert (found.kind, found.buffer, found.units) == ("random", 0.0, ())
    assert [counts[found.held_out(k)].sum() for k in range(5)] == [13] * 5


@repeatable
@given(small, st.floats(0, 60))
def test_near_is_distance_between_centres(seed, distance):
    grid = holes(seed, 7, 9)
    chosen = np.random.default_rng(seed + 1).random(grid.cells) < 0.1
    if not chosen.any():
        return
    centres = grid.centres
    away = np.hypot(*(centres[:, None] - centres[chosen][None]).transpose(2, 0, 1)).min(axis=1)
    assert np.array_equal(near(grid, chosen, distance), away <= distance * (1 + 1e-9))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: block_folds(full_grid(4, 4), np.ones(16), 0.5, 2, 0, 1),
            "The side of the blocks is 0.5; it must be at least that of a cell, 1 map units.",
        ),
        (
            lambda: block_folds(full_grid(4, 4), np.ones(16), 4.0, 2, 0, 1),
            "Blocks with a side of 4 map units cover all cells with one block; choose smaller blocks.",
        ),
        (
            lambda: area_folds(full_grid(4, 4), [("a", polygons([box(0, 0, 9, 9)]))], np.ones(16), 2, 0, 1),
            "Only 1 of the areas holds cells of the study, and two are needed to hold one out; choose areas that "
            "divide the study area.",
        ),
        (
            lambda: Folds("spatial", np.zeros(3, np.int64), 1, -1.0),
            "The buffer is -1.0; it must be a distance of 0 or more.",
        ),
    ],
)
def test_refusals_of_folds(make, sentence):
    with pytest.raises((InputError, SettingsError)) as refused:
        make()
    assert str(refused.value) == sentence


def two_worlds(rows: int = 20):
    """In the west events go with factor a, in the east with factor b; both factors are everywhere."""
    rng = np.random.default_rng(11)
    grid = full_grid(rows, 60)
    west = grid.centres[:, 0] < 30
    a, b = (rng.random(grid.cells) < 0.3 for _ in range(2))
    counts = rng.poisson(np.where(west, 0.2 + 3.0 * a, 0.2 + 3.0 * b)).astype(float)
    return grid, west, observe(grid, counts, candidate_set({"a": [a], "b": [b]}), None)


def test_a_factor_that_matters_only_in_the_fold_is_not_selected():
    """The whole procedure is done again inside: what only the held-out half would say is not in the model."""
    _, west, observed = two_worlds()
    halves = Folds("spatial", np.where(west, 0, 1), 2)
    found = cross_validate(observed, halves, SETTINGS)
    assert [[term.factor for term in fold.model.selected] for fold in found.folds] == [["b"], ["a"]]
    assert (found.factors, found.selected["a_proximity_1"]) == ({"a": 1, "b": 1}, 1)
    assert found.deviance > found.null_deviance, "each half is misled by the other"


def test_expected_counts_are_those_of_models_that_had_not_seen_the_cell():
    grid, _, observed = two_worlds(10)
    folds = block_folds(grid, observed.counts, 10.0, 3, 2.0, seed=1)
    found = cross_validate(observed, folds, SETTINGS)
    for k, fold in enumerate(found.folds):
        held, fitted = folds.held_out(k), folds.fitted(k, grid)
        best = choose(observed.only(fitted), SETTINGS).best
        assert fold.model == best
        assert np.array_equal(found.expected[held], score(fold.model, observed.only(held)).expected)
        assert (fold.cells, fold.fitted, fold.events) == (held.sum(), fitted.sum(), observed.counts[held].sum())
        assert 0 < fold.fitted < grid.cells - fold.cells, "the buffer took nothing"
    changed = observed.counts.copy()
    changed[folds.held_out(0)] += 1
    again = cross_validate(observe(grid, changed, observed.candidates, None), folds, SETTINGS)
    assert np.array_equal(again.expected[folds.held_out(0)], found.expected[folds.held_out(0)]), "a leak"


def test_the_model_on_its_own_events_looks_best_and_spatial_folds_worst():
    """Events in a few spots, and factors that are nothing but those spots: they do not carry to other places.

    By the stepwise selection alone: that culling and the spatial test are done again in each fold is asked of
    `two_worlds` above.
    """
    rng = np.random.default_rng(4)
    grid = full_grid(40, 40)
    x, y = grid.centres.T
    columns, rate = {}, np.full(grid.cells, 0.05)
    for k, (cx, cy) in enumerate(rng.uniform(3, 37, (8, 2))):
        spot = np.hypot(x - cx, y - cy) < 3
        columns[f"spot{k}"] = [spot]
        rate = np.where(spot, rng.uniform(0.5, 4), rate)
    observed = observe(grid, rng.poisson(rate).astype(float), candidate_set(columns), None)
    spatial = block_folds(grid, observed.counts, 10.0, 5, 2.0, seed=1)
    plain = replace(SETTINGS, cull=False, significance="plain")
    found = compare(observed, spatial, random_folds(observed.counts, 5, seed=1), plain)
    at_five = [rows[2].pai.expected for rows in (found.apparent, found.random.accuracy, found.spatial.accuracy)]
    assert at_five[0] >= at_five[1] > at_five[2]
    assert found.random.deviance < found.random.null_deviance
    assert found.spatial.deviance > found.random.deviance


def test_exposure_and_adjustments_go_with_their_cells():
    grid, _, observed = two_worlds()
    rng = np.random.default_rng(2)
    covariates = Covariates(rng.uniform(1, 9, grid.cells), "homes", (("wealth", rng.normal(size=grid.cells)),))
    full = observe(grid, observed.counts, observed.candidates, covariates)
    keep = rng.random(grid.cells) < 0.5
    part = full.only(keep)
    assert np.array_equal(part.offset, full.offset[keep])
    assert np.array_equal(part.adjust, full.adjust[keep])
    assert np.array_equal(part.grid.centres, grid.centres[keep])
    assert part.scales == full.scales
    found = cross_validate(full, random_folds(full.counts, 3, 1), SETTINGS)
    k = 0
    rate = (
        full.counts[~random_folds(full.counts, 3, 1).held_out(k)].sum()
        / covariates.exposure[~random_folds(full.counts, 3, 1).held_out(k)].sum()
    )
    held = random_folds(full.counts, 3, 1).held_out(k)
    null = float(deviance(counts=full.counts[held], expected=rate * covariates.exposure[held]).sum())
    assert found.folds[k].null_deviance == pytest.approx(null)


def test_deviance_against_its_definition():
    from scipy.stats import poisson

    rng = np.random.default_rng(8)
    counts, expected = rng.poisson(1.0, 50).astype(float), rng.uniform(0.2, 3, 50)
    saturated = poisson.logpmf(counts, np.maximum(counts, 1e-300)).sum()
    found = deviance(counts=counts, expected=expected).sum()
    assert found == pytest.approx(2 * (saturated - poisson.logpmf(counts, expected).sum()))


def test_a_fold_without_events_has_no_accuracy():
    grid, west, observed = two_worlds()
    counts = np.where(west, observed.counts, 0.0)
    thirds = np.where(grid.centres[:, 0] < 15, 0, np.where(west, 1, 2))
    found = cross_validate(observe(grid, counts, observed.candidates, None), Folds("spatial", thirds, 3), SETTINGS)
    assert [len(fold.accuracy) for fold in found.folds] == [5, 5, 0]
    assert len(found.accuracy) == 5


def test_all_events_in_one_fold():
    grid, west, observed = two_worlds()
    counts = np.where(west, observed.counts, 0.0)
    with pytest.raises(InputError) as refused:
        cross_validate(
            observe(grid, counts, observed.candidates, None), Folds("spatial", np.where(west, 0, 1), 2), SETTINGS
        )
    assert str(refused.value) == (
        "Without spatial fold 1 and its buffer, 600 cells with 0 events are left to fit on, too few; choose more "
        "folds, smaller blocks or a smaller buffer."
    )


def test_a_fold_without_which_no_candidate_varies():
    grid, west, observed = two_worlds()
    only = observe(grid, observed.counts, candidate_set({"a": [west & (grid.centres[:, 1] < 5)]}), None)
    with pytest.raises(InputError, match=r"^No model can be fitted without spatial fold 1: No candidate variable"):
        cross_validate(only, Folds("spatial", np.where(west, 0, 1), 2), SETTINGS)


def test_the_same_twice_and_cancel():
    grid, _, observed = two_worlds(8)
    folds = block_folds(grid, observed.counts, 10.0, 2, 0.0, seed=1)
    one, other = (cross_validate(observed, folds, SETTINGS) for _ in range(2))
    assert np.array_equal(one.expected, other.expected)
    assert one.accuracy == other.accuracy
    seen: list[float] = []

    def stop(fraction: float) -> None:
        seen.append(fraction)
        if fraction > 0.25:
            raise Cancelled

    with pytest.raises(Cancelled):
        cross_validate(observed, folds, SETTINGS, stop)
    assert seen == sorted(seen)
