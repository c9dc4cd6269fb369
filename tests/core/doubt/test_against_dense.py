"""The test by random shifts against a plain implementation: loops over pairs and shifts, matrices inverted whole."""

import numpy as np
import pytest
from helpers import candidate_set, dense
from risk_terrain.rtm_plugin.core.candidates.covariates import Observations
from risk_terrain.rtm_plugin.core.doubt.covariance import Clustering, binned_covariogram, fitted_clustering
from risk_terrain.rtm_plugin.core.doubt.lags import Lags
from risk_terrain.rtm_plugin.core.doubt.quasi_likelihood import quasi_fit
from risk_terrain.rtm_plugin.core.doubt.random_shift import LEAST_OVERLAP, Shifts, shift_statistics
from risk_terrain.rtm_plugin.core.doubt.significance import established
from risk_terrain.rtm_plugin.core.doubt.whitening import Precision, WorkingCovariance
from risk_terrain.rtm_plugin.core.ground.grid import Grid
from risk_terrain.rtm_plugin.core.regression.likelihood import Rows, fit

FULL = Precision(np.float64, 1e-12, 1e-12)
CLUSTERED = Clustering(0.3, np.array([0.5, 0.4]), np.array([150.0, 700.0]))


@pytest.fixture
def grid():
    """A map with a hole, a bay and an island."""
    mask = np.ones((13, 17), bool)
    mask[4:7, 5:8] = mask[9:, :4] = mask[:3, 14] = False
    return Grid(0.0, 1300.0, 100.0, 200.0, mask)


@pytest.fixture
def counts(grid):
    random = np.random.default_rng(3)
    return random.poisson(random.gamma(1.2, 0.9, grid.cells)).astype(float)


def places(grid):
    """Row and column of each cell."""
    return np.column_stack(np.nonzero(grid.mask))


def distances(grid):
    """(cells, cells), map units."""
    at = places(grid) * grid.cell_size
    return np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))


def dense_covariance(grid, expected, clustering):
    """M, written down."""
    sigma = clustering.nugget * (expected**2).sum() / expected.sum()
    apart = distances(grid)
    covariance = sum(a * np.exp(-apart / s) for a, s in zip(clustering.variances, clustering.ranges, strict=True))
    return np.diag((1 + sigma) / expected) + covariance


def test_covariogram(grid, counts):
    """Bins a cell wide, every ordered pair once in each direction."""
    expected = np.linspace(0.5, 2.0, grid.cells)
    residual = counts - expected
    apart = distances(grid)
    label = np.floor(apart / grid.cell_size + 0.5).astype(int)
    lag, covariance, weight = binned_covariogram(Lags.between(grid), counts, expected)
    for b in range(len(lag)):
        pairs = label == b
        total = np.outer(residual, residual)[pairs].sum() - (counts.sum() if b == 0 else 0)
        means = np.outer(expected, expected)[pairs].sum()
        assert covariance[b] == pytest.approx(total / means, rel=1e-9)
        assert weight[b] == pytest.approx(means, rel=1e-9)
        assert lag[b] == pytest.approx((apart * np.outer(expected, expected))[pairs].sum() / means, rel=1e-9)


def test_working_covariance_is_inverted(grid):
    expected = np.linspace(0.2, 3.0, grid.cells)
    columns = np.random.default_rng(1).normal(size=(grid.cells, 3))
    solved = WorkingCovariance.of(grid, expected, CLUSTERED, FULL).solve(columns)
    wanted = np.linalg.solve(dense_covariance(grid, expected, CLUSTERED), columns)
    assert solved == pytest.approx(wanted, abs=1e-6 * np.abs(wanted).max())


def test_beside_chance():
    """A disc of 150 m at 20 events a hectare holds 141: chance has variance 141, clustering of 0.5 has 0.5 · 141²."""
    one = Clustering(0.0, np.array([0.5]), np.array([150.0]))
    assert one.beside_chance(20 / 1e4) == pytest.approx(0.5 * 20 / 1e4 * np.pi * 150**2)


def test_independent_cells_need_no_matrix(grid):
    expected = np.linspace(0.2, 3.0, grid.cells)
    alone = Clustering(0.0, np.zeros(0), np.zeros(0))
    columns = np.ones((grid.cells, 1))
    assert WorkingCovariance.of(grid, expected, alone, FULL).solve(columns)[:, 0] == pytest.approx(expected)


def test_quasi_likelihood(grid, counts):
    """The equations hold at the estimate; covariance and residual are those of the matrices."""
    column = (places(grid)[:, 1] < 6).astype(float)[:, None]
    nothing = np.zeros(grid.cells)
    start = fit("poisson", Rows(column, counts, np.ones(grid.cells), nothing)).coefficients
    found = quasi_fit(grid, counts, column, start, nothing, precision=FULL)
    inverse = np.linalg.inv(dense_covariance(grid, found.expected, found.clustering))
    design, relative = found.design, (counts - found.expected) / found.expected
    assert design.T @ inverse @ relative == pytest.approx(np.zeros(2), abs=2e-3 * np.sqrt(grid.cells))
    covariance = np.linalg.inv(design.T @ inverse @ design)
    assert found.covariance == pytest.approx(covariance, rel=1e-6)
    residual = inverse @ relative - inverse @ design @ covariance @ design.T @ inverse @ relative
    assert found.residual == pytest.approx(residual, abs=1e-6 * np.abs(residual).max())


def test_shifts(grid):
    """Each admissible shift by hand: cells before and after, the sum, its mean taken out, the root of their number."""
    random = np.random.default_rng(8)
    residual = random.normal(size=grid.cells)
    layers = [(random.random(grid.cells) < share).astype(float) for share in (0.1, 0.4)]
    rasters = [grid.raster(values, 0.0) for values in (residual, np.ones(grid.cells), *layers)]
    rows, columns = grid.shape
    moved = []
    for down in range(-rows + 1, rows):
        for right in range(-columns + 1, columns):
            if down % 2 or right % 2:
                continue
            here = np.s_[max(0, -down) : rows - max(0, down), max(0, -right) : columns - max(0, right)]
            there = np.s_[max(0, down) : rows + min(0, down), max(0, right) : columns + min(0, right)]
            both = rasters[1][here] * rasters[1][there]
            number = both.sum()
            if number < LEAST_OVERLAP * grid.cells:
                continue
            error = rasters[0][here] * both
            sums = [(error * raster[there]).sum() for raster in rasters[2:]]
            means = [(raster[there] * both).sum() / number for raster in rasters[2:]]
            statistic = [(a - m * error.sum()) / np.sqrt(number) for a, m in zip(sums, means, strict=True)]
            moved.append(((down, right), statistic))
    home = next(values for shift, values in moved if shift == (0, 0))
    away = np.array([values for shift, values in moved if shift != (0, 0)])
    spread = np.sqrt((away**2).mean(axis=0))
    shifts = Shifts.over(Lags.between(grid))
    (found,) = shift_statistics(shifts, [residual], layers)
    assert shifts.number == len(away)
    assert found.unshifted == pytest.approx(np.array(home) / spread, rel=1e-4)
    assert np.sort(found.largest) == pytest.approx(np.sort((away / spread).max(axis=1)), abs=1e-4)


def test_a_known_field_is_found():
    """Counts from a log-Gaussian field of range 300 and variance 0.8: the fitted covariance is near it, on average."""
    grid = Grid(0.0, 4000.0, 100.0, 200.0, np.ones((40, 40), bool))
    root = np.linalg.cholesky(0.8 * np.exp(-distances(grid) / 300.0) + 1e-9 * np.eye(grid.cells))
    random = np.random.default_rng(11)
    lags, total = Lags.between(grid), np.zeros(3)
    for _ in range(12):
        rate = 2.0 * np.exp(root @ random.normal(size=grid.cells) - 0.4)
        counts = random.poisson(rate).astype(float)
        fitted = fitted_clustering(lags, counts, np.full(grid.cells, counts.mean()))
        total += fitted.at(np.array([100.0, 300.0, 900.0])) / 12
    # A field of covariance c multiplies the rate by a field of covariance exp(c) - 1.
    truth = np.exp(0.8 * np.exp(-np.array([100.0, 300.0, 900.0]) / 300.0)) - 1
    assert total == pytest.approx(truth, abs=0.22)


def study(seed, effect, side=30):
    """Counts of a city with one true factor (its first column), one null factor, and clustering of range 200."""
    random = np.random.default_rng(seed)
    grid = Grid(0.0, side * 100.0, 100.0, 200.0, np.ones((side, side), bool))
    root = np.linalg.cholesky(0.4 * np.exp(-distances(grid) / 200.0) + 1e-9 * np.eye(grid.cells))
    bars, parks = (random.random((2, grid.cells)) < 0.12).astype(float)
    rate = 1.2 * np.exp(root @ random.normal(size=grid.cells) - 0.2) * np.exp(effect * bars)
    candidates = candidate_set({"bars": [bars], "parks": [parks]})
    return Observations(grid=grid, counts=random.poisson(rate).astype(float), candidates=candidates), dense(candidates)


def test_a_strong_factor_is_established_and_a_null_one_leaves():
    observed, _ = study(2, np.log(2.5))
    names = [candidate.name for candidate in observed.candidates.candidates]
    found = established(observed, names)
    assert [test.candidate for test in found.remaining] == names[:1]
    assert [test.candidate for test in found.left] == names[1:]
    kept = found.remaining[0]
    assert kept.established
    assert kept.p < 0.05 < found.left[0].p
    assert kept.rrv_lower < 2.5 < kept.rrv_upper


def test_order_of_factors_changes_nothing():
    observed, _ = study(4, np.log(2.0))
    names = [candidate.name for candidate in observed.candidates.candidates]
    one, other = established(observed, names), established(observed, names[::-1])
    assert [test.candidate for test in one.left] == [test.candidate for test in other.left]
    assert one.remaining[0].p == other.remaining[0].p


def test_a_map_too_small_is_not_tested():
    observed, _ = study(1, 1.0, side=5)
    found = established(observed, [observed.candidates.candidates[0].name])
    assert "study a larger area" in found.reason
    assert not any(test.established for test in found.remaining)
