"""Kernel density with its bandwidth chosen by cross-validation: against sums written out, and where it must end up."""

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.errors import Cancelled, InputError
from risk_terrain.rtm_plugin.core.forecast.baselines import BANDWIDTHS, kernel_baseline
from risk_terrain.rtm_plugin.core.forecast.smoothing import Smoother
from risk_terrain.rtm_plugin.core.ground.grid import Grid, count_events


def ragged(rows=9, columns=14, seed=3):
    """A grid with holes, cells of 10."""
    mask = np.random.default_rng(seed).random((rows, columns)) < 0.8
    return Grid(100.0, 500.0, 10.0, 20.0, mask)


def mass(down, right, h):
    """The Cauchy kernel's mass in a cell that far from the event's, by a fine sum."""
    fine = (np.arange(400) + 0.5) / 400 - 0.5
    squared = (down + fine)[:, None] ** 2 + (right + fine)[None] ** 2
    return ((1 + squared / h**2) ** -1.5).mean() / (2 * np.pi * h**2)


def brute(grid, values, h, own=True):
    """Every cell's mass spread to every other."""
    row, column = np.nonzero(grid.mask)
    masses = {(i, j): mass(i, j, h) for i in range(grid.shape[0]) for j in range(grid.shape[1])}
    masses[0, 0] = masses[0, 0] if own else 0.0
    places = list(zip(row, column, strict=True))
    return np.array([[masses[abs(r - s), abs(c - d)] for s, d in places] for r, c in places]) @ values


@pytest.mark.parametrize("h", [0.7, 3.0])
@pytest.mark.parametrize("own", [True, False])
def test_smoothing_is_the_sum_over_all_pairs(h, own):
    grid = ragged()
    values = np.random.default_rng(1).poisson(1.0, grid.cells).astype(float)
    smoother = Smoother.over(grid)
    found = smoother.smooth(smoother.transformed(values), smoother.kernel(h, own))
    np.testing.assert_allclose(found, brute(grid, values, h, own), rtol=2e-4)


def test_score_leaves_each_event_out_in_turn():
    grid = ragged()
    points = np.random.default_rng(5).uniform((100, 410), (240, 500), (6, 2))
    counts, counted = count_events(grid, points)
    found = kernel_baseline(grid, points)
    cells = grid.cell_of(points[counted])
    events, at = len(cells), BANDWIDTHS.index(1.0)
    inside = brute(grid, np.ones(grid.cells), 1.0)
    whole = (brute(grid, counts, 1.0) / inside).sum()
    score = 0.0
    for cell in cells:
        others = counts.copy()
        others[cell] -= 1
        share = brute(grid, others, 1.0)[cell] / inside[cell] / whole * events / (events - 1)
        score += np.log(0.99 * share + 0.01 / grid.cells) / events
    assert found.tried[at] == (10.0, pytest.approx(score, abs=1e-4))
    assert found.bandwidth == max(found.tried, key=lambda pair: pair[1])[0]
    assert found.density.sum() == pytest.approx(events)


def test_even_events_stay_even_up_to_the_edge():
    grid = ragged()
    found = kernel_baseline(grid, grid.centres)
    np.testing.assert_allclose(found.density, 1.0, rtol=1e-9)


def test_snapped_events_choose_the_narrowest_kernel():
    grid = ragged(40, 40)
    anchors = grid.centres[np.random.default_rng(2).choice(grid.cells, 60, replace=False)]
    found = kernel_baseline(grid, np.repeat(anchors, 20, axis=0))
    assert found.bandwidth == BANDWIDTHS[0] * grid.cell_size
    assert set(np.argsort(-found.density)[:60]) == set(grid.cell_of(anchors))


def test_events_anywhere_choose_a_wide_kernel():
    grid = Grid(0.0, 400.0, 10.0, 20.0, np.ones((40, 40), bool))
    found = kernel_baseline(grid, np.random.default_rng(4).uniform(0, 400, (400, 2)))
    assert found.bandwidth >= 4 * grid.cell_size


@pytest.mark.parametrize("number", [1, 2])
def test_few_events(number):
    grid = ragged()
    found = kernel_baseline(grid, grid.centres[:number])
    assert np.isfinite(found.density).all()
    assert found.density.sum() == pytest.approx(number)


def test_the_same_bytes_again():
    grid, points = ragged(), np.random.default_rng(6).uniform((100, 410), (240, 500), (50, 2))
    assert kernel_baseline(grid, points).density.tobytes() == kernel_baseline(grid, points).density.tobytes()


def test_no_event_inside_is_refused():
    with pytest.raises(InputError, match="None of the earlier events lies inside the study area"):
        kernel_baseline(ragged(), np.array([[0.0, 0.0]]))


def test_cancel_is_heard():
    def stop(fraction):
        if fraction > 0.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        kernel_baseline(ragged(), np.array([[150.0, 450.0]]), stop)
