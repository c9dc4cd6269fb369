"""Accuracy and its bounds against every order inside the ties."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from helpers import repeatable
from hypothesis import given
from hypothesis import strategies as st
from risk_terrain.rtm_plugin.core.accuracy.at_share import Yardstick, accuracy, calibration_rri, captured, on_same_area
from risk_terrain.rtm_plugin.core.accuracy.ranking import Bounds, Ranking
from risk_terrain.rtm_plugin.core.errors import InputError

cells = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 4)), min_size=1, max_size=6)


def in_order(counts, area):
    """Events in the first `area` cells, the last of them in part."""
    whole = int(area)
    return sum(counts[:whole]) + (area - whole) * (counts[whole] if whole < len(counts) else 0)


@repeatable
@given(cells, st.floats(0, 1) | st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_captured_against_every_order(pairs, share):
    """Mean, smallest and largest over all orders of the cells that keep the scores descending."""
    area = share * len(pairs)
    found = [
        in_order([count for _, count in order], area)
        for order in permutations(pairs)
        if all(a[0] >= b[0] for a, b in pairwise(order))
    ]
    bounds = captured(np.array([s for s, _ in pairs]), np.array([c for _, c in pairs], float), area)
    assert bounds.expected == pytest.approx(np.mean(found), abs=1e-9)
    assert bounds.pessimistic == pytest.approx(min(found), abs=1e-9)
    assert bounds.optimistic == pytest.approx(max(found), abs=1e-9)


def test_fraction_of_a_cell():
    """Half of the second cell gives half of its events."""
    bounds = captured(np.array([3, 2, 1]), np.array([4.0, 6.0, 1.0]), 1.5)
    assert bounds == Bounds(7.0, 7.0, 7.0)


@repeatable
@given(cells, st.sampled_from([0.1, 1 / 3, 0.5, 1.0]))
def test_figures_belong_together(pairs, share):
    """PAI = hit rate / share; PEI = 1 for the counts themselves; at the whole area all are 1."""
    scores, counts = np.array([s for s, _ in pairs]), np.array([c for _, c in pairs], float)
    if not counts.any():
        with pytest.raises(InputError, match=r"No later event lies inside the study area"):
            accuracy(scores, counts, share)
        return
    found, perfect = accuracy(scores, counts, share), accuracy(counts, counts, share)
    for figure in ("expected", "pessimistic", "optimistic"):
        hit, pai, pei = (getattr(b, figure) for b in (found.hit_rate, found.pai, found.pei))
        assert pai == pytest.approx(hit / share)
        assert pei == pytest.approx(pai / perfect.pai.expected)
        assert 0 <= pei <= 1 + 1e-12
        assert getattr(perfect.pei, figure) == pytest.approx(1)
        if share == 1.0:
            assert (hit, pai, pei) == pytest.approx((1, 1, 1))


def test_equal_scores_are_random():
    """A map that says nothing has an expected PAI of 1 at every share, and wide bounds."""
    counts = np.array([9.0, 0, 0, 1, 0])
    found = accuracy(np.ones(5), counts, 0.2)
    assert found.pai.expected == pytest.approx(1)
    assert (found.hit_rate.pessimistic, found.hit_rate.optimistic) == (0.0, pytest.approx(0.9))
    assert found.events == 10


def test_shuffling_the_cells_changes_nothing():
    random = np.random.default_rng(5)
    scores, counts, order = random.integers(1, 4, 30), random.poisson(1.0, 30).astype(float), random.permutation(30)
    assert accuracy(scores, counts, 0.17).pai.expected == pytest.approx(
        accuracy(scores[order], counts[order], 0.17).pai.expected, rel=1e-12
    )


@pytest.mark.parametrize("area", [-0.1, 3.1])
def test_area_beyond_the_map(area):
    with pytest.raises(InputError) as refusal:
        captured(np.ones(3), np.ones(3), area)
    assert str(refusal.value) == f"The flagged area of {area:g} cells is not within the 3 cells of the map."


def test_calibration_without_events():
    """Predicted over nothing is not a number, and no error."""
    assert np.isnan(calibration_rri(np.array([2, 1]), np.array([0.0, 5.0]), np.array([1.0, 1.0]), 1))


def test_a_map_is_ranked_once(monkeypatch):
    """All shares of a map, and every map against the same events, share rankings; the figures are those one by one."""
    random = np.random.default_rng(7)
    scores, counts = np.round(random.gamma(2, 2, 400), 1), random.poisson(0.4, 400).astype(float)
    shares = (0.01, 0.05, 0.2, 1.0)
    single = [accuracy(scores, counts, share) for share in shares]
    calls = []
    whole = Ranking.of.__func__
    monkeypatch.setattr(Ranking, "of", classmethod(lambda cls, *given: calls.append(1) or whole(cls, *given)))
    yardstick = Yardstick.of(counts)
    together = [yardstick.accuracies(map_, shares) for map_ in (scores, -scores)]
    assert len(calls) == 3  # the best map, and each of the two
    assert list(together[0]) == single


def test_chosen_ground_beside_another_map_on_the_same_area():
    """Against sums by hand, and an interval by the delta method: D ± 1.96 √Σ cᵢ²(dᵢ − D)² / Σ cᵢ."""
    random = np.random.default_rng(3)
    counts = random.poisson(random.gamma(0.4, 2.0, 5000)).astype(float)
    ground = random.random(5000) < 0.05
    rival = random.permutation(5000).astype(float)  # no ties
    found = on_same_area(ground, counts, rival)
    best = np.argsort(-rival)[: ground.sum()]
    assert found.share == ground.mean()
    assert found.events == counts.sum()
    assert found.hit_rate == pytest.approx(counts[ground].sum() / counts.sum())
    assert found.pai == pytest.approx(found.hit_rate / ground.mean())
    assert found.rival_hit_rate.expected == pytest.approx(counts[best].sum() / counts.sum())
    assert found.rival_hit_rate.pessimistic == pytest.approx(found.rival_hit_rate.optimistic)
    assert found.rival_pai.expected == pytest.approx(found.rival_hit_rate.expected / ground.mean())
    difference = found.hit_rate - found.rival_hit_rate.expected
    summands = ground.astype(float)
    summands[best] -= 1
    spread = 1.96 * np.sqrt(np.sum(counts**2 * (summands - difference) ** 2)) / counts.sum()
    assert (found.lower, found.upper) == pytest.approx((difference - spread, difference + spread), abs=0.08 * spread)


def test_the_same_ground_by_another_way_differs_in_nothing():
    """Where the ground is the rival's best, the difference and its interval are 0."""
    rival = np.arange(20.0)
    found = on_same_area(rival >= 15, np.tile([1.0, 0, 2, 0], 5), rival)
    assert found.hit_rate == found.rival_hit_rate.expected == 3 / 15
    assert (found.lower, found.upper) == (0, 0)


def test_no_later_event_to_measure_on():
    with pytest.raises(InputError, match=r"No later event lies inside the study area"):
        on_same_area(np.ones(3, bool), np.zeros(3), np.arange(3.0))
