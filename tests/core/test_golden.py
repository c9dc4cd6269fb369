"""The golden numbers of method.md §7: RTMDx's own report of Leeds, and sums that a hand can check."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers import candidate_set, dense
from numpy.testing import assert_allclose
from risk_terrain.rtm_plugin.core.accuracy.at_share import accuracy, calibration_rri
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.regression.likelihood import Rows, bic, fit, log_pmf
from risk_terrain.rtm_plugin.core.terrain.scores import risk_terrain

TWO_LAYERS = candidate_set({"bus_stops": [[0, 0, 1, 1]], "det_points": [[0, 1, 0, 1]]})


def terms(**coefficients):
    """Model terms on the first candidate of each factor."""
    return [
        SimpleNamespace(name=f"{f}_proximity_1", factor=f, direction="aggravating", coefficient=c)
        for f, c in coefficients.items()
    ]


def test_number_of_candidates():
    """15 factors in half increments of 3 blocks, 14 both and 1 proximity: 174. One both and one proximity, whole: 9."""
    both, near = FactorSettings("f"), FactorSettings("f", operationalisation="proximity")
    assert 14 * both.candidate_count + near.candidate_count == 174
    whole = [FactorSettings("f", o, increment="whole").candidate_count for o in ("both", "proximity")]
    assert sum(whole) == 9


def test_leeds_relative_risk_values():
    assert_allclose(np.exp([3.0617, 2.1578]), [21.3638, 8.6521], rtol=3e-5)


def test_leeds_information_criteria():
    """BIC = deviance + 4 ln 9199; AIC = deviance + 8."""
    assert bic(-18288.17 / 2, 4, 9199) == pytest.approx(18324.68, abs=0.005)
    fitted = fit("nb1", Rows(dense(TWO_LAYERS), np.array([0.0, 1, 1, 8]), np.full(4, 50.0), np.zeros(4)))
    assert fitted.parameters == 4
    assert fitted.aic == pytest.approx(-2 * fitted.log_likelihood + 8, abs=1e-9)
    assert fitted.bic == pytest.approx(-2 * fitted.log_likelihood + 4 * np.log(200), abs=1e-9)


def test_leeds_terrain():
    """Expected counts of the four kinds of cells, and scores from 1 to 184.8."""
    terrain = risk_terrain(-3.3565, terms(bus_stops=3.0617, det_points=2.1578), TWO_LAYERS)
    assert_allclose(terrain.expected, [0.034857, 0.30159, 0.74468, 6.44304], rtol=2e-5)
    assert terrain.summary.min == 1.0
    assert terrain.summary.max == pytest.approx(184.8, abs=0.05)


@pytest.mark.parametrize(("mean", "dispersion"), [(0.3, 0.5), (2.0, 4.467), (7.0, 0.1)])
@pytest.mark.parametrize("family", ["poisson", "nb1", "nb2"])
def test_probabilities(family, mean, dispersion):
    """Each sums to 1, has mean μ, and variance μ, μ(1 + σ) or μ + αμ²."""
    y = np.arange(3000.0)
    probability = np.exp(log_pmf(family, y, np.full(3000, mean), None if family == "poisson" else dispersion))
    variance = {"poisson": mean, "nb1": mean * (1 + dispersion), "nb2": mean + dispersion * mean**2}[family]
    assert probability.sum() == pytest.approx(1, abs=1e-10)
    assert probability @ y == pytest.approx(mean, rel=1e-9)
    assert probability @ (y - mean) ** 2 == pytest.approx(variance, rel=1e-8)


def test_nb1_formula():
    """Γ(y+μ/σ) σ^y / (Γ(μ/σ) Γ(y+1) (1+σ)^(y+μ/σ)) at y = 2, μ = 3, σ = 1.5: r = 2, so 3·2·1.5²/(2·2.5⁴)."""
    assert np.exp(log_pmf("nb1", np.array(2.0), np.array(3.0), 1.5)) == pytest.approx(3 * 1.5**2 / 2.5**4, rel=1e-12)


@pytest.mark.parametrize("family", ["poisson", "nb1", "nb2"])
def test_one_two_four_eight(family):
    """Counts 1, 2, 4, 8: relative risk values 2 and 4, scores 1, 2, 4, 8, under every family.

    The counts show no overdispersion: the negative binomials end at their smallest dispersion, 0.00005.
    """
    near = 1e-8 if family == "poisson" else 1e-4
    layers = candidate_set({"a": [[0, 1, 0, 1]], "b": [[0, 0, 1, 1]]})
    fitted = fit(family, Rows(dense(layers), np.array([1.0, 2, 4, 8]), np.ones(4), np.zeros(4)))
    assert_allclose(np.exp(fitted.coefficients), [1, 2, 4], rtol=near)
    found = terms(a=fitted.coefficients[1], b=fitted.coefficients[2])
    assert_allclose(risk_terrain(0.0, found, layers).scores, [1, 2, 4, 8], rtol=max(near, 1e-6))


def test_accuracy():
    """PAI, PEI and RRI (calibration) of six cells, 1 to 6 of them flagged, in the pessimistic order."""
    observed, predicted = np.array([6.0, 7, 3, 2, 1, 0]), np.array([8.0, 4, 4, 2, 1, 0])
    found = [accuracy(predicted, observed, k / 6) for k in range(1, 7)]
    assert_allclose([f.pai.pessimistic for f in found], [1.8947, 1.4211, 1.6842, 1.4211, 1.2, 1], atol=5e-5)
    assert_allclose([f.pei.pessimistic for f in found], [0.8571, 0.6923, 1, 1, 1, 1], atol=5e-5)
    rri = [calibration_rri(predicted, observed, predicted, k) for k in range(1, 7)]
    assert_allclose(rri, [1.3333, 1.3333, 1, 1, 1, 1], atol=5e-5)
