"""Calibration against statsmodels, direct sums and simulation."""

import numpy as np
import pytest
from helpers import repeatable
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from risk_terrain.rtm_plugin.core.accuracy import calibration
from risk_terrain.rtm_plugin.core.accuracy.calibration import CalibrationSlope, crps, deciles, deviance, rescaled
from risk_terrain.rtm_plugin.core.regression.likelihood import log_pmf

RANDOM = np.random.default_rng(8)
MEANS = np.round(RANDOM.gamma(0.7, 1.5, 300), 2) + 0.01
COUNTS = RANDOM.poisson(MEANS * RANDOM.gamma(2, 0.5, 300)).astype(float)
FAMILIES = [("poisson", None), ("nb1", 0.6), ("nb1", 5.4), ("nb2", 0.8)]


def slope_of(expected, counts):
    slope = CalibrationSlope(expected)
    return float(slope.of(np.array([counts @ np.log(expected) / counts.sum()]))[0])


def by_statsmodels(expected, counts):
    api = pytest.importorskip("statsmodels.api")
    return api.GLM(counts, api.add_constant(np.log(expected)), family=api.families.Poisson()).fit(tol=1e-12)


def test_slope_against_statsmodels():
    assert slope_of(MEANS, COUNTS) == pytest.approx(by_statsmodels(MEANS, COUNTS).params[1], abs=1e-7)


def test_slopes_of_resampled_events():
    """Many at once, through the table, as each by itself."""
    times = RANDOM.poisson(1.0, (200, len(COUNTS)))
    logs = np.log(MEANS)
    slope = CalibrationSlope(MEANS)
    together = slope.of((times @ (COUNTS * logs)) / (times @ COUNTS))
    alone = [slope_of(MEANS, COUNTS * row) for row in times]
    assert_allclose(together, alone, atol=2e-4)


def test_scaling_does_not_move_the_slope():
    assert slope_of(7.3 * MEANS, COUNTS) == pytest.approx(slope_of(MEANS, COUNTS), abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_perfectly_calibrated_counts_have_slope_one(seed):
    random = np.random.default_rng(seed)
    expected = random.gamma(0.5, 1.0, 20_000) + 0.01
    assert slope_of(expected, random.poisson(expected).astype(float)) == pytest.approx(1, abs=0.05)
    assert slope_of(expected**2, random.poisson(expected).astype(float)) == pytest.approx(0.5, abs=0.05)


def test_no_slope():
    """All events in the cells of the highest expected count: the slope has no end."""
    assert slope_of(np.array([1.0, 2.0]), np.array([0.0, 3.0])) == np.inf
    assert not CalibrationSlope(np.full(4, 0.3)).exists


def test_deviance_against_statsmodels():
    fitted = by_statsmodels(MEANS, COUNTS)
    assert deviance(counts=COUNTS, expected=fitted.mu).sum() == pytest.approx(fitted.deviance, rel=1e-9)


def direct(family, mean, count, dispersion):
    """Integral of (F(x) − 1(x ≥ y))² in pieces between whole numbers, spelled out."""
    k = np.arange(4000.0)
    below = np.cumsum(np.exp(log_pmf(family, k, np.full(len(k), mean), dispersion)))
    past = np.clip(k + 1 - count, 0.0, 1.0)  # the part of [k, k + 1] that lies beyond y
    return float(np.sum(below**2 * (1 - past) + (below - 1) ** 2 * past))


@pytest.mark.parametrize(("family", "dispersion"), FAMILIES)
def test_crps_against_the_integral(family, dispersion):
    means = np.array([0.01, 0.3, 1.0, 1.0, 6.4, 40.0])
    counts = np.array([0.0, 0.0, 1.0, 2.5, 3.0, 90.0])
    expected = [direct(family, m, y, dispersion) for m, y in zip(means, counts, strict=True)]
    assert_allclose(crps(family, means, counts, dispersion), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("family", "dispersion"), FAMILIES[1:])
def test_crps_interpolated_between_many_means(family, dispersion, monkeypatch):
    whole = crps(family, MEANS, COUNTS, dispersion)
    assert len(np.unique(MEANS)) > 150
    monkeypatch.setattr(calibration, "_NODES", 150)
    assert_allclose(crps(family, MEANS, COUNTS, dispersion), whole, rtol=2e-3)


@repeatable
@given(st.lists(st.integers(1, 12), min_size=1, max_size=60), st.integers(1, 10))
def test_deciles(levels, groups):
    """Ties together, in order, numbered without gaps; of distinct values the groups are as equal as can be."""
    expected = np.array(levels, float)
    group = deciles(expected, groups)
    assert set(group) == set(range(group.max() + 1))
    assert group.max() < groups
    order = np.argsort(expected, kind="stable")
    assert (np.diff(group[order]) >= 0).all()
    for level in set(levels):
        assert len(set(group[expected == level])) == 1
    distinct = deciles(np.arange(len(levels), dtype=float), groups)
    if len(levels) >= groups:
        sizes = np.bincount(distinct)
        assert len(sizes) == groups
        assert sizes.max() - sizes.min() <= 1


def test_rescaled():
    assert rescaled(MEANS, COUNTS).sum() == pytest.approx(COUNTS.sum())
