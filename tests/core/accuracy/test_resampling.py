"""The bootstrap: moments, groups, chunks and seeds."""

import numpy as np
from numpy.testing import assert_allclose
from risk_terrain.rtm_plugin.core.accuracy import resampling
from risk_terrain.rtm_plugin.core.accuracy.resampling import groups_of, intervals, resampled_sums

VALUES = np.random.default_rng(2).gamma(1.0, 1.0, (500, 3))


def test_mean_and_variance():
    """Each row counts a Poisson(1) number of times: the sum has mean Σv and variance Σv²."""
    sums = resampled_sums(VALUES, 20_000, seed=4)
    assert_allclose(sums.mean(axis=0), VALUES.sum(axis=0), rtol=0.002)
    assert_allclose(sums.var(axis=0), (VALUES**2).sum(axis=0), rtol=0.04)


def test_same_seed_same_sums_in_chunks_of_any_size(monkeypatch):
    whole = resampled_sums(VALUES, 50, seed=9)
    assert np.array_equal(whole, resampled_sums(VALUES, 50, seed=9))
    assert not np.array_equal(whole, resampled_sums(VALUES, 50, seed=10))
    monkeypatch.setattr(resampling, "_NUMBERS_AT_ONCE", 3500)
    seen = []
    assert_allclose(resampled_sums(VALUES, 50, 9, seen.append), whole, rtol=1e-12)
    assert len(seen) == 9


def test_groups_keep_variances():
    many = np.random.default_rng(3).gamma(0.5, 1.0, (200_000, 1))
    groups = np.bincount(groups_of(len(many)), weights=many[:, 0])
    assert len(groups) == 1000
    spread = 1000 * groups.var()  # of the sum, when groups are drawn
    assert_allclose(spread, len(many) * many.var(), rtol=0.15)
    assert groups_of(500).tolist() == list(range(500))


def test_intervals_leave_out_what_has_no_value():
    values = np.column_stack([np.arange(101.0), np.full(101, np.nan), np.r_[np.arange(99.0), np.nan, np.inf]])
    lower, upper = intervals(values)
    assert_allclose(lower, [2.5, np.nan, 2.45])
    assert_allclose(upper, [97.5, np.nan, 95.55])
