"""Gamma rates of cells: dispersion found again, posterior means by hand, intervals and top share against draws."""

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.forecast.heterogeneity import (
    Dispersion,
    Posterior,
    choose_dispersion,
    intervals,
    log_score,
    posterior,
    top_probability,
)
from risk_terrain.rtm_plugin.core.regression.likelihood import log_pmf
from scipy import stats


def simulated(family, value, cells=20_000, periods=1, seed=1):
    """Prior means, and counts of periods that share each cell's gamma rate."""
    random = np.random.default_rng(seed)
    mean = random.gamma(2.0, 0.5, cells) + 0.05
    shape = mean / value if family == "nb1" else np.full(cells, 1 / value)
    rate = random.gamma(shape) * mean / shape
    return mean, [random.poisson(rate).astype(float) for _ in range(periods)]


@pytest.mark.parametrize(("family", "value"), [("nb1", 0.3), ("nb1", 5.0), ("nb2", 0.5), ("nb2", 4.0)])
def test_dispersion_is_found_again(family, value):
    mean, (counts,) = simulated(family, value)
    found = choose_dispersion(mean, counts, 1.0, np.zeros_like(mean), 0.0)
    assert found.family == family
    assert found.value == pytest.approx(value, rel=0.08)


@pytest.mark.parametrize(("family", "value"), [("nb1", 1.0), ("nb2", 1.0)])
def test_dispersion_from_a_later_period_of_another_duration(family, value):
    random = np.random.default_rng(3)
    mean = simulated(family, value)[0]
    shape = mean / value if family == "nb1" else np.full(len(mean), 1 / value)
    rate = random.gamma(shape) * mean / shape
    earlier, later = random.poisson(2 * rate).astype(float), random.poisson(0.5 * rate).astype(float)
    found = choose_dispersion(mean, later, 0.5, earlier, 2.0)
    assert found.family == family
    assert found.value == pytest.approx(value, rel=0.12)
    assert found.lasting > 0.9
    half = choose_dispersion(mean, later, 0.5, np.zeros_like(mean), 0.0)
    assert half.value == pytest.approx(value, rel=0.12)


def test_what_does_not_last_is_no_difference_between_cells():
    """Every period has rates of its own: earlier counts say nothing, and get next to no weight."""
    mean, (earlier,) = simulated("nb1", 2.0, seed=1)
    random = np.random.default_rng(8)
    later = random.poisson(random.gamma(mean / 2.0) * 2.0).astype(float)
    found = choose_dispersion(mean, later, 1.0, earlier, 1.0)
    assert posterior(found, mean, earlier, 1.0).own.mean() < 0.05
    assert found.lasting < 0.1


def test_score_is_the_negative_binomials():
    random = np.random.default_rng(2)
    mean, counts = random.gamma(1.0, 2.0, 50) + 0.1, random.poisson(2.0, 50).astype(float)
    for family, value in (("nb1", 0.7), ("nb2", 0.7)):
        shape = Dispersion(family, value, 0.0).shape(mean)
        assert log_score(counts, shape, mean) == pytest.approx(float(log_pmf(family, counts, mean, value).sum()))


def test_posterior_means_by_hand():
    """method.md §6, (y + θ)/(1 + θ/μ), and for NB1 the constant weight σ/(1 + σ)."""
    mean, events, theta, sigma = np.array([0.5, 2.0, 3.0]), np.array([0.0, 5.0, 1.0]), 1.7, 0.6
    nb2 = posterior(Dispersion("nb2", 1 / theta, 0.0), mean, events, 1.0)
    np.testing.assert_allclose(nb2.mean, (events + theta) / (1 + theta / mean))
    nb1 = posterior(Dispersion("nb1", sigma, 0.0), mean, events, 1.0)
    weight = sigma / (1 + sigma)
    np.testing.assert_allclose(nb1.mean, (1 - weight) * mean + weight * events)
    for found in (nb1, nb2):
        np.testing.assert_allclose(found.mean, (1 - found.own) * mean + found.own * events)


def test_intervals_are_quantiles_of_the_negative_binomial():
    random = np.random.default_rng(4)
    shape, mean = np.exp(random.uniform(-6, 12, 3000)), np.exp(random.uniform(-8, 6, 3000))
    lower, upper = intervals(Posterior(shape, mean, np.zeros(3000)), 0.9)
    success = shape / (shape + mean)
    np.testing.assert_array_equal(lower, np.maximum(stats.nbinom.ppf(0.05, shape, success), 0))
    np.testing.assert_array_equal(upper, stats.nbinom.ppf(0.95, shape, success))


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_top_share_is_that_of_draws(share):
    random = np.random.default_rng(5)
    shape, mean = random.gamma(1.0, 2.0, 2000) + 0.05, random.gamma(0.7, 1.0, 2000) + 1e-3
    found = top_probability(Posterior(shape, mean, np.zeros(2000)), share)
    draws = 3000
    seen = np.zeros(2000)
    for _ in range(draws):
        rates = random.gamma(shape) * mean / shape
        seen[np.argsort(-rates)[: round(share * 2000)]] += 1
    error = np.abs(found - seen / draws)
    assert error.max() < 0.06
    assert error.mean() < 0.006
    assert found.sum() == pytest.approx(share * 2000)


@pytest.mark.parametrize("shape", [1e-3, 1.0, 1e9])
@pytest.mark.parametrize("cells", [1, 7, 1000])
def test_exchangeable_cells_have_the_share(shape, cells):
    same = Posterior(np.full(cells, shape), np.full(cells, 0.3), np.zeros(cells))
    np.testing.assert_allclose(top_probability(same, 0.05), 0.05, rtol=1e-6)


def test_certain_cells_are_certain():
    mean = np.array([1.0, 2.0, 3.0, 4.0])
    found = top_probability(Posterior(np.full(4, 1e9), mean, np.zeros(4)), 0.5)
    np.testing.assert_allclose(found, [0, 0, 1, 1], atol=1e-6)
    assert top_probability(Posterior(np.ones(4), mean, np.zeros(4)), 1.0).tolist() == [1.0] * 4
