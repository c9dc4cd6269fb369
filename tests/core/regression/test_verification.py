"""The check of the final model with statsmodels."""

import sys

import numpy as np
import pytest
import statsmodels
from risk_terrain.rtm_plugin.core.regression import verification
from risk_terrain.rtm_plugin.core.regression.likelihood import Rows, fit
from risk_terrain.rtm_plugin.core.regression.verification import verify

FAMILIES = ["poisson", "nb1", "nb2"]


def estimates(family, with_offset=False):
    """The arguments of verify for a right fit of NB1 counts."""
    random = np.random.default_rng(2)
    design = (random.random((300, 2)) < 0.4).astype(float)
    offset = np.log(random.uniform(0.5, 2, 300)) if with_offset else np.zeros(300)
    mean = np.exp(0.2 + design @ [0.8, 0.5] + offset)
    counts = random.negative_binomial(mean, 0.5).astype(float)
    own = fit(family, Rows(design, counts, np.ones(300), offset))
    return {
        "family": family,
        "counts": counts,
        "design": design,
        "offset": offset if with_offset else None,
        "coefficients": own.coefficients,
        "standard_errors": own.standard_errors,
        "dispersion": own.dispersion,
        "log_likelihood": own.log_likelihood,
    }


@pytest.mark.parametrize("with_offset", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_right_estimates(family, with_offset):
    found = verify(**estimates(family, with_offset))
    assert found.status == "verified"
    assert found.statsmodels == statsmodels.__version__
    assert found.log_likelihood_difference < 1e-8
    assert found.score < 1e-4
    assert found.coefficient_difference < 1e-4
    assert found.reason.startswith(f"statsmodels {statsmodels.__version__} agrees: the log-likelihood differs by ")
    assert "coefficients after a refit by at most" in found.reason


@pytest.mark.parametrize("shifted", [0, 1, 2])
@pytest.mark.parametrize("family", FAMILIES)
def test_shifted_coefficient(family, shifted):
    """A coefficient that is 0.01 off is noticed."""
    given = estimates(family)
    given["coefficients"] = given["coefficients"] + 0.01 * np.eye(3)[shifted]
    found = verify(**given)
    assert found.status == "differs"
    assert "does NOT agree" in found.reason


@pytest.mark.parametrize("family", FAMILIES)
def test_wrong_log_likelihood(family):
    given = estimates(family)
    given["log_likelihood"] += 0.01
    found = verify(**given)
    assert found.status == "differs"
    assert found.log_likelihood_difference == pytest.approx(0.01, rel=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_large_models_are_not_fitted_again(family, monkeypatch):
    """Beyond the limit the slopes decide, for a right and a shifted model."""
    monkeypatch.setattr(verification, "REFIT_LIMIT", 10)
    given = estimates(family)
    right = verify(**given)
    given["coefficients"] = given["coefficients"] + [0.0, 0.01, 0.0]
    wrong = verify(**given)
    assert (right.status, wrong.status) == ("verified", "differs")
    assert right.coefficient_difference is None
    assert "refit" not in right.reason


@pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.ConvergenceWarning")
@pytest.mark.parametrize("family", ["nb1", "nb2"])
def test_dispersion_at_its_bound(family):
    """Counts without overdispersion: the fit stands at its smallest dispersion, and is not called wrong."""
    counts, design = np.tile([2.0, 3.0, 6.0, 5.0], 30), np.tile([[0.0], [0.0], [1.0], [1.0]], (30, 1))
    own = fit(family, Rows(design, counts, np.ones(120), np.zeros(120)))
    found = verify(
        family,
        counts,
        design,
        offset=None,
        coefficients=own.coefficients,
        standard_errors=own.standard_errors,
        dispersion=own.dispersion,
        log_likelihood=own.log_likelihood,
    )
    assert found.status == "verified"


def test_without_statsmodels(monkeypatch):
    for name in [m for m in sys.modules if m.split(".")[0] == "statsmodels"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    found = verify(**estimates("poisson"))
    assert found.status == "not verified"
    assert found.reason == "The model was not verified, because statsmodels is not installed."
    assert (found.statsmodels, found.score, found.coefficient_difference) == (None, None, None)
