"""Rankings with ties and sizes against every order inside the ties."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from helpers import few, repeatable
from hypothesis import given
from hypothesis import strategies as st
from risk_terrain.rtm_plugin.core.accuracy.at_share import accuracy, captured
from risk_terrain.rtm_plugin.core.accuracy.ranking import Ranking, perfect
from risk_terrain.rtm_plugin.core.errors import InputError

# score, events, size
cells = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 4), st.integers(1, 3)), min_size=1, max_size=5)
small = st.lists(st.tuples(st.integers(1, 2), st.integers(0, 4), st.integers(1, 2)), min_size=1, max_size=4)
shares = st.floats(0, 1) | st.sampled_from([0.0, 0.25, 0.5, 1.0])


def arrays(found):
    return tuple(np.array(column, float) for column in zip(*found, strict=True))


def orders(found):
    """Every order of the cells that keeps the scores descending."""
    return [order for order in permutations(found) if all(a[0] >= b[0] for a, b in pairwise(order))]


def caught(order, limit):
    """Events in the first `limit` of size, the last cell in part."""
    total = 0.0
    for _, events, size in order:
        total += events * min(1.0, max(0.0, limit / size))
        limit -= size
    return total


def under(order):
    """Area under the curve of one order, by trapezoids, as shares."""
    area = height = 0.0
    for _, events, size in order:
        area += size * (height + events / 2)
        height += events
    return area / height / sum(size for _, _, size in order)


@repeatable
@given(cells, shares)
def test_bounds_with_sizes_against_every_order(found, share):
    scores, counts, sizes = arrays(found)
    limit = share * sizes.sum()
    bounds = captured(scores, counts, limit, sizes)
    every = [caught(order, limit) for order in orders(found)]
    assert bounds.pessimistic == pytest.approx(min(every), abs=1e-9)
    assert bounds.optimistic == pytest.approx(max(every), abs=1e-9)
    assert bounds.pessimistic - 1e-9 <= bounds.expected <= bounds.optimistic + 1e-9


@few
@given(small, shares)
def test_expected_with_sizes_against_every_order_of_the_pieces(found, share):
    """Every part of a tie is as likely as another: cut in pieces of size 1, the mean over the orders of all pieces."""
    scores, counts, sizes = arrays(found)
    limit = share * sizes.sum()
    pieces = [(score, events / size, 1) for score, events, size in found for _ in range(size)]
    mean = np.mean([caught(order, limit) for order in orders(pieces)]) if len(pieces) <= 7 else None
    if mean is not None:
        assert captured(scores, counts, limit, sizes).expected == pytest.approx(mean, abs=1e-9)


@repeatable
@given(cells, shares)
def test_flagged_shares_give_the_expected_events(found, share):
    scores, counts, sizes = arrays(found)
    ranking = Ranking.of(scores, sizes)
    flagged = ranking.flagged(share * ranking.total)
    assert flagged @ sizes == pytest.approx(share * ranking.total, abs=1e-9)
    assert flagged @ counts == pytest.approx(ranking.curve(counts).bounds(share * ranking.total).expected, abs=1e-9)


@repeatable
@given(cells)
def test_area_under_the_curve_against_every_order(found):
    scores, counts, sizes = arrays(found)
    if not counts.any():
        return
    ranking = Ranking.of(scores, sizes)
    bounds, every = ranking.curve(counts).area_under, [under(order) for order in orders(found)]
    assert bounds.pessimistic == pytest.approx(min(every), abs=1e-9)
    assert bounds.optimistic == pytest.approx(max(every), abs=1e-9)
    assert bounds.expected == pytest.approx(ranking.height @ counts / counts.sum(), abs=1e-9)
    if len(set(sizes)) == 1:
        assert bounds.expected == pytest.approx(np.mean(every), abs=1e-9)


@repeatable
@given(cells, shares)
def test_nothing_beats_the_perfect_ranking(found, share):
    _, counts, sizes = arrays(found)
    best = perfect(counts, sizes).curve(counts).bounds(share * sizes.sum())
    flat = [(1, events, size) for _, events, size in found]
    assert best.expected == pytest.approx(max(caught(o, share * sizes.sum()) for o in permutations(flat)), abs=1e-9)
    assert best.pessimistic == pytest.approx(best.optimistic, abs=1e-9)


def test_accuracy_by_street_length():
    """Two cells of 100 m and one of 200 m; half of the street is the first cell and half of the third."""
    found = accuracy(np.array([3.0, 1.0, 2.0]), np.array([4.0, 2.0, 4.0]), 0.375, np.array([100.0, 100.0, 200.0]))
    assert found.hit_rate.expected == pytest.approx(0.5)
    assert found.pai.expected == pytest.approx(0.5 / 0.375)
    assert found.pei.expected == pytest.approx(1.0)


def test_one_score_has_half_the_area():
    bounds = Ranking.of(np.ones(4)).curve(np.array([5.0, 0, 0, 1])).area_under
    assert bounds.expected == pytest.approx(0.5)
    assert bounds.optimistic == pytest.approx(1 - bounds.pessimistic)


@pytest.mark.parametrize("limit", [-0.1, 3.1])
def test_limit_beyond_the_map(limit):
    with pytest.raises(InputError) as refusal:
        Ranking.of(np.ones(3)).curve(np.ones(3)).bounds(limit)
    assert str(refusal.value) == f"The flagged area of {limit:g} cells is not within the 3 cells of the map."
