"""Moran's I against figures by hand, loops over pairs of cells, all arrangements, and the moments of Cliff and Ord."""

from itertools import permutations

import numpy as np
import pytest
from helpers import full_grid
from risk_terrain.rtm_plugin.core.diagnostics.moran import correlogram, moran_test
from risk_terrain.rtm_plugin.core.errors import Cancelled, InputError
from risk_terrain.rtm_plugin.core.ground.grid import Grid


def grid_of(mask):
    mask = np.array(mask, bool)
    return Grid(0.0, 100.0 * len(mask), 100.0, 200.0, mask)


@pytest.fixture
def grid():
    """A map with a hole, a bay and two cells that touch no other."""
    mask = np.ones((11, 14), bool)
    mask[3:6, 4:7] = mask[8:, :3] = False
    mask[:, 10:] = False
    mask[2, 12] = mask[9, 12] = True
    return grid_of(mask)


def weights(grid, lag):
    """(cells, cells): row-standardised, by a loop over pairs; rows of cells without a partner are 0."""
    at = np.argwhere(grid.mask)
    matrix = np.zeros((len(at), len(at)))
    for i, (row, column) in enumerate(at):
        for j, (other_row, other_column) in enumerate(at):
            if max(abs(row - other_row), abs(column - other_column)) == lag:
                matrix[i, j] = 1.0
    number = matrix.sum(axis=1, keepdims=True)
    return matrix / np.where(number > 0, number, 1.0)


def kept_values(grid, values):
    kept = weights(grid, 1).any(axis=1)
    return kept, values[kept] - values[kept].mean()


def smooth(grid, seed=1):
    """Values that rise to the south east, with noise."""
    x, y = grid.centres.T
    return 0.003 * (x - y) + np.random.default_rng(seed).normal(size=grid.cells)


def test_by_hand():
    """Values 2, 0, 1 in a row and 1 below the first: z = 1, −1, 0 and 0.

    The first touches the second and the one below: 1·(−1 + 0)/2. The second touches all others: −1·(1 + 0 + 0)/3. The
    other two add nothing. I = (−1/2 − 1/3) / (1 + 1).
    """
    test = moran_test(grid_of([[1, 1, 1], [1, 0, 0]]), np.array([2.0, 0.0, 1.0, 1.0]))
    assert test.statistic == pytest.approx(-5 / 12)
    assert (test.expectation, test.cells, test.isolated) == (-1 / 3, 4, 0)


def test_chessboard_and_halves():
    """Of 4 × 4 cells: the chessboard's neighbours are more often of the other colour; the halves' mostly of the own."""
    board = np.indices((4, 4)).sum(axis=0) % 2.0
    # Corner: 1 like and 2 unlike of 3; side: 2 and 3 of 5; inside: 4 and 4 of 8. With z² = 1/4 everywhere:
    assert moran_test(full_grid(4, 4), board.ravel()).statistic == pytest.approx((4 * -1 / 3 + 8 * -1 / 5 + 0) / 16)
    halves = (np.indices((4, 4))[1] >= 2).astype(float)
    # Left column: all like; second column: at the ends 3 of 5 like, inside 5 of 8. The right half is its mirror.
    expected = (4 * 1 + 2 * (3 - 2) / 5 + 2 * (5 - 3) / 8) / 8
    assert moran_test(full_grid(4, 4), halves.ravel()).statistic == pytest.approx(expected)


def test_against_a_loop_over_pairs(grid):
    values = smooth(grid)
    kept, z = kept_values(grid, values)
    w = weights(grid, 1)[np.ix_(kept, kept)]
    test = moran_test(grid, values, permutations=19)
    assert test.statistic == pytest.approx(len(z) / w.sum() * (z @ w @ z) / (z @ z), rel=1e-12)
    assert (test.cells, test.isolated) == (grid.cells - 2, 2)
    assert test.expectation == -1 / (grid.cells - 3)


def test_correlogram_against_a_loop_over_pairs(grid):
    """Every lag there is; the last is as far apart as the map has cells with a neighbour."""
    values = smooth(grid)
    kept, z = kept_values(grid, values)
    rings = correlogram(grid, values, 50)
    assert [ring.lag for ring in rings] == list(range(1, 11))
    assert [ring.distance for ring in rings] == [100.0 * k for k in range(1, 11)]
    for ring in rings:
        at = np.argwhere(grid.mask)[kept]
        only = grid_of(np.zeros(grid.shape))
        only.mask[tuple(at.T)] = True
        w = weights(only, ring.lag)
        assert ring.cells == np.count_nonzero(w.any(axis=1))
        assert ring.statistic == pytest.approx((z @ w @ z) / ring.cells / (z @ z / len(z)), rel=1e-9, abs=1e-12)
        assert ring.expectation == -1 / (len(z) - 1)
    assert rings[0].statistic == pytest.approx(moran_test(grid, values, 1).statistic, rel=1e-12)


def test_spread_of_every_lag_is_that_of_all_arrangements():
    """Of 2 × 3 cells, values with a long tail: 720 arrangements, and no moment is left to a formula."""
    grid = grid_of([[1, 1, 1], [1, 1, 1]])
    values = np.array([0.0, 1.0, 1.0, 2.0, 3.0, 11.0])
    every = np.array([[ring.statistic for ring in correlogram(grid, np.array(v), 2)] for v in permutations(values)])
    for ring, drawn in zip(correlogram(grid, values, 2), every.T, strict=True):
        assert ring.expectation == pytest.approx(drawn.mean())
        assert ring.spread == pytest.approx(drawn.std(), rel=1e-9)
    assert every[:, 0].std() != pytest.approx(every[:, 1].std(), rel=0.1)


def test_spread_against_arrangements_by_chance(grid):
    """Of the map with a hole, a bay and two cells alone."""
    random, values = np.random.default_rng(7), smooth(grid) ** 2
    drawn = [[ring.statistic for ring in correlogram(grid, random.permutation(values), 4)] for _ in range(1500)]
    spread = [ring.spread for ring in correlogram(grid, values, 4)]
    assert np.std(drawn, axis=0) == pytest.approx(spread, rel=0.08)
    alike = [ring.alike for ring in correlogram(grid, smooth(grid), 9)]
    assert alike[0]
    assert not alike[-1]


def test_correlogram_falls_where_likeness_ends():
    """Blocks of 4 × 4 cells with a value each: alike within, not beyond."""
    random = np.random.default_rng(5)
    values = np.kron(random.normal(size=(12, 12)), np.ones((4, 4))).ravel()
    found = [ring.statistic for ring in correlogram(full_grid(48, 48), values, 8)]
    assert found[:4] == sorted(found[:4], reverse=True)
    assert found[0] > 0.6
    assert np.abs(found[4:]).max() < 0.1


def test_cells_without_a_neighbour_say_nothing(grid):
    values = smooth(grid)
    alone = ~weights(grid, 1).any(axis=1)
    other = np.where(alone, 1e6, values)
    assert np.count_nonzero(alone) == 2
    assert moran_test(grid, other, 99) == moran_test(grid, values, 99)
    assert correlogram(grid, other, 5) == correlogram(grid, values, 5)


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, np.transpose, np.rot90], ids=lambda turn: turn.__name__)
def test_mirrored_and_turned(grid, turn):
    values = smooth(grid)
    turned = grid_of(turn(grid.mask))
    moved = turn(grid.raster(values, 0.0))[turned.mask]
    assert not np.array_equal(moved, values)
    assert moran_test(turned, moved, 1).statistic == pytest.approx(moran_test(grid, values, 1).statistic, rel=1e-12)
    for ring, other in zip(correlogram(grid, values, 6), correlogram(turned, moved, 6), strict=True):
        assert (ring.lag, ring.cells) == (other.lag, other.cells)
        assert ring.statistic == pytest.approx(other.statistic, rel=1e-9, abs=1e-12)


def test_scale_and_sign_change_nothing(grid):
    values = smooth(grid)
    test, other = moran_test(grid, values, 99), moran_test(grid, 70.0 - 3.0 * values, 99)
    assert other.statistic == pytest.approx(test.statistic, rel=1e-10)
    assert other.p == test.p


def test_p_against_all_arrangements():
    """Of 2 × 3 cells there are 720 arrangements: p is the share with at least this I, up to chance."""
    grid = full_grid(2, 3)
    values = np.array([3.0, 1.0, 0.0, 2.5, 4.0, 0.5])
    test = moran_test(grid, values, permutations=4000)
    w = weights(grid, 1)
    every = np.array([z @ w @ z for z in (np.array(order) - values.mean() for order in permutations(values))])
    z = values - values.mean()
    share = np.count_nonzero(every >= z @ w @ z - 1e-12) / len(every)
    assert 0.05 < share < 0.5
    assert test.p == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 4000))


def test_moments_of_cliff_and_ord(grid):
    """Mean and spread over the permutations are those that theory has under randomisation (Cliff and Ord 1981)."""
    values = smooth(grid)
    kept, z = kept_values(grid, values)
    w = weights(grid, 1)[np.ix_(kept, kept)]
    n, s0 = len(z), w.sum()
    s1 = ((w + w.T) ** 2).sum() / 2
    s2 = ((w.sum(axis=0) + w.sum(axis=1)) ** 2).sum()
    b2 = n * (z**4).sum() / (z**2).sum() ** 2
    square = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
    square -= b2 * ((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
    variance = square / ((n - 1) * (n - 2) * (n - 3) * s0**2) - 1 / (n - 1) ** 2
    test = moran_test(grid, values, permutations=4000)
    assert test.spread == pytest.approx(np.sqrt(variance), rel=0.05)


def test_where_every_arrangement_is_the_same():
    """Of 2 × 2 cells each has the three others as neighbours: I is −1/3 whatever the values, and p is 1."""
    test = moran_test(full_grid(2, 2), np.array([0.1, 0.7, 0.35, 12.3]))
    assert test.statistic == pytest.approx(test.expectation) == pytest.approx(-1 / 3)
    assert test.spread < 1e-12
    assert test.p == 1.0


def test_clustered_values_reach_the_least_p_and_scattered_ones_do_not(grid):
    x, _ = grid.centres.T
    assert moran_test(grid, x).p == 1 / 1000
    assert moran_test(grid, x, permutations=99).p == 1 / 100
    lonely = (np.argwhere(grid.mask) % 2 == 0).all(axis=1).astype(float)  # every high cell among low ones
    assert moran_test(grid, lonely).p > 0.99


def test_p_is_even_where_nothing_clusters(grid):
    """200 maps of noise: 5 % of them at p ≤ 0.05, 50 % at p ≤ 0.5, up to chance."""
    random = np.random.default_rng(8)
    p = np.array([moran_test(grid, random.normal(size=grid.cells), 99, seed).p for seed in range(200)])
    assert 3 <= np.count_nonzero(p <= 0.05) <= 19
    assert 78 <= np.count_nonzero(p <= 0.5) <= 122


def test_seed(grid):
    values = smooth(grid, seed=2)
    assert moran_test(grid, values, 99, seed=4) == moran_test(grid, values, 99, seed=4)
    assert moran_test(grid, values, 99, seed=4).spread != moran_test(grid, values, 99, seed=5).spread


def test_progress_and_stopping(grid):
    seen = []
    moran_test(grid, smooth(grid), 4, progress=seen.append)
    assert seen == [0.0, 0.25, 0.5, 0.75, 1.0]

    def stop(fraction):
        if fraction >= 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        moran_test(grid, smooth(grid), 4, progress=stop)
    seen.clear()
    correlogram(grid, smooth(grid), 4, progress=seen.append)
    assert seen == [0.0, 0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    ("mask", "values", "sentence"),
    [
        ([[1, 0, 1]], [1.0, 2.0], "No two cells of the study area are neighbours"),
        ([[1, 1, 1]], [0.1, 0.1, 0.1], "The values are the same in every cell"),
        ([[1, 1, 1]], [0.0, 0.0, 0.0], "The values are the same in every cell"),
        ([[1, 1, 0, 1]], [2.0, 2.0, 3.0], "The values are the same in every cell"),
        ([[1, 1, 1]], [1.0, np.nan, 2.0], "needs a value in every cell"),
    ],
)
def test_nothing_to_compare(mask, values, sentence):
    for call in (
        lambda: moran_test(grid_of(mask), np.array(values)),
        lambda: correlogram(grid_of(mask), np.array(values), 2),
    ):
        with pytest.raises(InputError, match=sentence):
            call()
