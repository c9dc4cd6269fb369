"""Fits against statsmodels, derivatives against differences, and what has no maximum."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from risk_terrain.rtm_plugin.core.errors import FitError
from risk_terrain.rtm_plugin.core.regression.likelihood import LEAST_LOG_DISPERSION, Rows, _derivatives, fit, log_pmf
from statsmodels.discrete.discrete_model import NegativeBinomial, Poisson

FAMILIES = ["poisson", "nb1", "nb2"]


def simulated(seed, n=400, sigma=1.5):
    """NB1 counts over two binary columns, one of them protective, and an exposure."""
    random = np.random.default_rng(seed)
    design = np.column_stack([random.random(n) < 0.3, -1.0 * (random.random(n) < 0.5)]).astype(float)
    offset = np.log(random.uniform(0.5, 3.0, n))
    mean = np.exp(-0.2 + design @ [1.1, 0.6] + offset)
    return design, random.negative_binomial(mean / sigma, 1 / (1 + sigma)).astype(float), offset


def rows_of(design, counts, offset=None):
    """One row a cell."""
    n = len(counts)
    return Rows(np.asarray(design, float).reshape(n, -1), counts, np.ones(n), np.zeros(n) if offset is None else offset)


def reference(family, design, counts, offset):
    """The same model fitted by statsmodels from its own start: log-likelihood, parameters, errors."""
    matrix = np.column_stack([np.ones(len(counts)), design])
    if family == "poisson":
        found = Poisson(counts, matrix, offset=offset).fit(disp=0, method="newton", tol=1e-12)
    else:
        model = NegativeBinomial(counts, matrix, loglike_method=family, offset=offset)
        found = model.fit(disp=0, method="bfgs", gtol=1e-7, maxiter=2000)
    return found.llf, np.asarray(found.params), np.asarray(found.bse)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("with_offset", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_against_statsmodels(family, with_offset, seed):
    """Log-likelihood to 1e-8, coefficients and dispersion to 1e-5, standard errors to a thousandth."""
    design, counts, offset = simulated(seed)
    offset = offset if with_offset else None
    own = fit(family, rows_of(design, counts, offset))
    llf, parameters, errors = reference(family, design, counts, offset)
    assert own.log_likelihood == pytest.approx(llf, rel=1e-8)
    assert_allclose(own.coefficients, parameters[:3], rtol=0, atol=1e-5)
    assert_allclose(own.standard_errors, errors[:3], rtol=1e-3)
    if family != "poisson":
        assert own.dispersion == pytest.approx(parameters[3], rel=1e-4)
        assert own.dispersion * own.log_dispersion_error == pytest.approx(errors[3], rel=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_derivatives(family):
    """Gradient and Hessian against central differences, away from the maximum: to 1e-6 of their size."""
    design, counts, offset = simulated(4, n=60)
    rows = Rows(design, counts, np.linspace(0.5, 3, 60), offset)
    theta = np.array([-0.4, 0.8, 0.3, 0.7][: 3 + (family != "poisson")])

    def at(point):
        return _derivatives(family, point, rows.matrix, rows)

    _, gradient, hessian = at(theta)
    for i, step in enumerate(np.eye(len(theta)) * 1e-5):
        up, down = at(theta + step), at(theta - step)
        assert (up[0] - down[0]) / 2e-5 == pytest.approx(gradient[i], rel=1e-6, abs=1e-5)
        assert_allclose((up[1] - down[1]) / 2e-5, hessian[i], rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_weighted_rows_are_repeated_rows(family):
    """A row of weight 3 is three cells; a row of weight 0 is none."""
    design, counts, offset = simulated(5, n=50)
    weights = np.arange(50) % 4
    twice = [np.repeat(part, weights, axis=0) for part in (design, counts, offset)]
    weighted = fit(family, Rows(design, counts, weights.astype(float), offset))
    repeated = fit(family, rows_of(*twice))
    assert weighted.cells == repeated.cells == weights.sum()
    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, rel=1e-12)
    assert weighted.bic == pytest.approx(repeated.bic, rel=1e-12)
    assert_allclose(weighted.coefficients, repeated.coefficients, atol=1e-7)
    assert_allclose(weighted.standard_errors, repeated.standard_errors, rtol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_start_does_not_decide(family):
    """From a start far away the same maximum is reached."""
    design, counts, offset = simulated(6)
    rows = rows_of(design, counts, offset)
    near, far = fit(family, rows), fit(family, rows, np.array([3.0, -2.0, 2.0]))
    assert far.log_likelihood == pytest.approx(near.log_likelihood, rel=1e-10)
    assert_allclose(far.coefficients, near.coefficients, atol=1e-6)


def test_coefficients_of_one_column_are_log_ratios():
    """Poisson with one binary column: the log of the means' ratio, errors √(1/a + 1/b) of the events."""
    own = fit("poisson", rows_of([0, 0, 0, 1, 1], np.array([1.0, 2, 3, 8, 4])))
    assert_allclose(own.coefficients, [np.log(2), np.log(3)], atol=1e-9)
    assert_allclose(own.standard_errors, [np.sqrt(1 / 6), np.sqrt(1 / 6 + 1 / 12)], rtol=1e-9)
    assert own.p_values[1] == pytest.approx(0.02799, abs=1e-4)  # z = ln 3 / 0.5


@pytest.mark.parametrize("family", ["nb1", "nb2"])
def test_no_overdispersion(family):
    """Counts less scattered than Poisson: the dispersion ends at its bound, the rest is Poisson to 1e-3."""
    counts = np.tile([2.0, 3.0, 6.0, 5.0], 20)
    rows = rows_of(np.tile([0, 0, 1, 1], 20), counts)
    own, poisson = fit(family, rows), fit("poisson", rows)
    assert own.dispersion == pytest.approx(np.exp(LEAST_LOG_DISPERSION))
    assert_allclose(own.coefficients, poisson.coefficients, atol=1e-3)
    assert_allclose(own.standard_errors, poisson.standard_errors, rtol=1e-3)
    assert poisson.log_likelihood - 0.05 < own.log_likelihood < poisson.log_likelihood
    assert own.bic > poisson.bic


@pytest.mark.parametrize("family", FAMILIES)
def test_no_event(family):
    with pytest.raises(FitError, match=r"There is no event, so that no model can be fitted\."):
        fit(family, rows_of([0, 1], np.zeros(2)))


@pytest.mark.parametrize("exposed", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_separated_column(family, exposed):
    """One side of a variable holds no event: no finite estimate, a refusal and no number."""
    column = np.arange(40) % 2 == 0
    counts = np.where(column == exposed, 0.0, 1.0 + np.arange(40) % 7)
    with pytest.raises(FitError, match=r"no finite estimate"):
        fit(family, rows_of(column, counts))


@pytest.mark.parametrize("family", FAMILIES)
def test_collinear_columns(family):
    """The same column twice, a constant column, and a column with its complement."""
    design, counts, _ = simulated(7)
    first = design[:, 0]
    for pair in ([first, first], [first, np.ones_like(first)], [first, 1 - first], [first, -first]):
        with pytest.raises(FitError):
            fit(family, rows_of(np.column_stack(pair), counts))


@pytest.mark.parametrize("family", FAMILIES)
def test_one_huge_count(family):
    """A cell with a million events among cells with one or none: finite, and the gradient is 0 there."""
    counts = np.append(np.tile([0.0, 1.0], 200), 1e6)
    column = np.append(np.arange(400) % 3 == 0, True)
    own = fit(family, rows_of(column, counts))
    assert np.isfinite(own.coefficients).all()
    theta = own.coefficients if own.dispersion is None else np.append(own.coefficients, np.log(own.dispersion))
    rows = rows_of(column, counts)
    _, gradient, _ = _derivatives(family, theta, rows.matrix, rows)
    errors = own.standard_errors if own.dispersion is None else np.append(own.standard_errors, own.log_dispersion_error)
    assert np.abs(gradient * errors).max() < 1e-3


def test_negative_binomial_needs_a_dispersion():
    with pytest.raises(FitError, match=r"A negative binomial needs a dispersion\."):
        log_pmf("nb1", np.array(1.0), np.array(1.0))
