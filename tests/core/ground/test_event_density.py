"""The density of events tells no single one: what is hidden, what cannot be seen, and the sums beside a plain loop."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from risk_terrain.rtm_plugin.core.ground.event_density import HIDDEN, LEAST_SUPPORT, MULTIPLES, OUTSIDE, event_density
from risk_terrain.rtm_plugin.core.ground.grid import Grid


def grid_of(rows, columns, mask=None):
    kept = np.ones((rows, columns), bool) if mask is None else mask
    return Grid(0.0, rows * 100.0, 100.0, 200.0, kept)


def spelled_out(grid, counts, side):
    """The classes, cell by cell."""
    rows, columns = (-(-n // side) for n in grid.shape)
    box = grid.raster(counts, 0.0)
    kept = grid.mask
    classes = np.zeros((rows, columns), int)
    mean = counts.sum() / grid.cells
    for r, c in itertools.product(range(rows), range(columns)):
        events = ground = support = 0.0
        for dr, dc in itertools.product((-1, 0, 1), repeat=2):
            part = np.s_[
                max(0, (r + dr) * side) : max(0, (r + dr + 1) * side),
                max(0, (c + dc) * side) : max(0, (c + dc + 1) * side),
            ]
            weight = (2 - abs(dr)) * (2 - abs(dc)) / 16
            events += weight * box[part].sum()
            ground += weight * kept[part].sum()
            support += np.count_nonzero(box[part])
        own = kept[r * side : (r + 1) * side, c * side : (c + 1) * side].any()
        if not own:
            classes[r, c] = OUTSIDE
        elif support >= LEAST_SUPPORT:
            classes[r, c] = 1 + sum(events / ground > mean * m + 1e-12 for m in MULTIPLES)
    return classes


@pytest.mark.parametrize("shape", [(12, 31), (5, 5), (1, 300), (83, 41)])
def test_beside_a_plain_loop(shape):
    rng = np.random.default_rng(3)
    mask = rng.random(shape) < 0.8
    mask[0, 0] = True
    grid = grid_of(*shape, mask)
    counts = rng.poisson(0.3, grid.cells).astype(float)
    found = event_density(grid, counts)
    assert found.side == max(5, -(-max(shape) // 40))
    assert found.classes.tolist() == spelled_out(grid, counts, found.side).tolist()
    assert sum(found.shares) == pytest.approx(1.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 899), max_size=40), st.integers(1, 500))
def test_every_square_that_says_something_rests_on_five_cells(cells, times):
    grid = grid_of(30, 30)
    counts = np.zeros(900)
    counts[cells] = times
    found = event_density(grid, counts)
    box = grid.raster(counts, 0.0)
    for r, c in zip(*np.nonzero(found.classes > HIDDEN), strict=True):
        around = box[max(0, (r - 1) * 5) : (r + 2) * 5, max(0, (c - 1) * 5) : (c + 2) * 5]
        assert np.count_nonzero(around) >= LEAST_SUPPORT


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_moving_an_event_inside_its_square_cannot_be_seen(seed):
    """To a cell that has none, from one that has no other: the picture is the same to the byte."""
    rng = np.random.default_rng(seed)
    grid = grid_of(30, 30)
    box = rng.poisson(0.15, (30, 30)).astype(float)
    square = np.s_[10:15, 5:10]
    ones, zeros = np.argwhere(box[square] == 1), np.argwhere(box[square] == 0)
    moved = box.copy()
    if len(ones):
        moved[square][tuple(ones[0])] = 0
        moved[square][tuple(rng.choice(zeros))] = 1
    before, after = (event_density(grid, b.ravel()).classes.tobytes() for b in (box, moved))
    assert before == after


def test_no_events_at_all():
    found = event_density(grid_of(10, 10), np.zeros(100))
    assert found.shares == (1.0, 0, 0, 0, 0, 0)
