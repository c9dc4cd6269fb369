"""Exact maximum likelihood for Poisson, NB1 and NB2 counts with a log link (method.md §4.3–4.4).

Everything works on weighted rows: cells with equal count, exposure and design are one row, so a fit costs as many
rows as there are patterns, not cells. Variances: Poisson μ; NB1 μ(1+σ), which gamlss calls NBII; NB2 μ + αμ².
"""

from dataclasses import dataclass

import numpy as np

from ..arrays import Floats
from ..errors import FitError
from ..tools.scipy_calls import lapack, product, special

LEAST_LOG_DISPERSION = -10.0  # σ 0.00005: Poisson to four digits; lower, and ln Γ(μ/σ) loses the digits that count
MOST_LOG_DISPERSION = 12.0
_STEPS = 60
_CONVERGED = 1e-12  # of the log-likelihood: what a Newton step could still gain
_AS_GOOD_AS_ROUNDING = 1e-8  # the same, when no step in that direction gains anything that can be measured
_LONGEST_STEP = 4.0
_LARGEST_LOOKED_UP = 10_000  # a count: beyond this the gamma function is as fast
_COLLINEAR = 1e11  # variance inflation: beyond this, rounding alone tells two columns apart
_SEPARATED = 25.0  # a coefficient this large means that no event lies on one side


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Weighted rows of a count regression.

    Parameters
    ----------
    design : (r, k) float64
        Without the intercept column, which is always added first.
    counts : (r,) float64
    weights : (r,) float64
        Number of cells that each row stands for.
    offset : (r,) float64
        Log of the exposure; 0 where there is none.
    """

    design: Floats
    counts: Floats
    weights: Floats
    offset: Floats

    @property
    def matrix(self) -> Floats:
        """(r, 1 + k): the design with its intercept column."""
        return np.column_stack([np.ones(len(self.counts)), self.design])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fit:
    """A fitted count regression.

    Parameters
    ----------
    family : {"poisson", "nb1", "nb2"}
    coefficients : (1 + k,) float64
        Intercept first.
    standard_errors : (1 + k,) float64
        From the inverse of the observed information, the dispersion included.
    dispersion : float or None
        σ of NB1, α of NB2; None for Poisson.
    log_dispersion_error : float or None
        Standard error of its logarithm; None where the dispersion is at the bound of its range.
    log_likelihood : float
        With all constants.
    cells : float
        Sum of the weights.
    covariance : (1 + k, 1 + k) float64
        Of the coefficients.
    separated : tuple of int
        Columns of the design whose coefficient has no finite maximum and rests on half an event (core.limit_fit).
    """

    family: str
    coefficients: Floats
    standard_errors: Floats
    dispersion: float | None
    log_dispersion_error: float | None
    log_likelihood: float
    cells: float
    covariance: Floats
    separated: tuple[int, ...] = ()

    @property
    def parameters(self) -> int:
        """Number of parameters, intercept and dispersion counted."""
        return len(self.coefficients) + (self.dispersion is not None)

    @property
    def bic(self) -> float:
        """−2·loglik + k·ln(n cells)."""
        return bic(self.log_likelihood, self.parameters, self.cells)

    @property
    def aic(self) -> float:
        """−2·loglik + 2k."""
        return -2.0 * self.log_likelihood + 2.0 * self.parameters

    @property
    def p_values(self) -> Floats:
        """Two-sided, from the normal distribution of coefficient / standard error."""
        return 2.0 * special().ndtr(-np.abs(self.coefficients / self.standard_errors))


def bic(log_likelihood: float, parameters: int, cells: float) -> float:
    """Bayesian information criterion.

    >>> round(bic(-18288.17 / 2, 4, 9199), 2)  # RTMDx, Leeds
    18324.68
    """
    return -2.0 * log_likelihood + parameters * float(np.log(cells))


def log_pmf(family: str, counts: Floats, mean: Floats, dispersion: float | None = None) -> Floats:
    """Log probability of counts.

    NB1: Γ(y+μ/σ) σ^y / (Γ(μ/σ) Γ(y+1) (1+σ)^(y+μ/σ)). NB2: the same with size 1/α and odds αμ.

    Parameters
    ----------
    family : {"poisson", "nb1", "nb2"}
    counts, mean : arrays that broadcast
    dispersion : float, None for Poisson

    Examples
    --------
    >>> round(float(np.exp(log_pmf("poisson", np.array(0.0), np.array(2.0)))), 6)
    0.135335
    """
    gammaln, xlogy = special().gammaln, special().xlogy
    if family == "poisson":
        return xlogy(counts, mean) - mean - gammaln(counts + 1)
    if dispersion is None:
        raise FitError("A negative binomial needs a dispersion.")
    size = mean / dispersion if family == "nb1" else 1.0 / dispersion
    odds = dispersion if family == "nb1" else dispersion * mean
    return (
        gammaln(counts + size)
        - gammaln(size)
        - gammaln(counts + 1)
        + xlogy(counts, odds)
        - (counts + size) * np.log1p(odds)
    )


def variance_of(family: str, mean: Floats, dispersion: float | None = None) -> Floats:
    """Variance of counts around a mean: Poisson μ; NB1 μ(1+σ); NB2 μ + αμ².

    Parameters
    ----------
    family : {"poisson", "nb1", "nb2"}
    mean : array
    dispersion : float, None for Poisson

    Examples
    --------
    >>> [float(variance_of(family, np.array(2.0), 0.5)) for family in ("poisson", "nb1", "nb2")]
    [2.0, 3.0, 4.0]
    """
    if family == "poisson":
        return mean
    if dispersion is None:
        raise FitError("A negative binomial needs a dispersion.")
    return mean * (1.0 + dispersion) if family == "nb1" else mean + dispersion * mean**2


def fit(family: str, rows: Rows, start: Floats | None = None) -> Fit:
    """Maximum likelihood by Newton's method in (β, ln dispersion) with the analytic Hessian and step halving.

    Parameters
    ----------
    family : {"poisson", "nb1", "nb2"}
    rows : Rows
    start : (1 + k,) or (2 + k,) float64, optional
        Coefficients, intercept first, then ln dispersion, to start from.

    Raises
    ------
    FitError
        No event, or no finite maximum (an exposed or an unexposed side without events, or collinear columns).

    Examples
    --------
    >>> rows = Rows(np.array([[0.0], [1.0]]), np.array([2.0, 6.0]), np.ones(2), np.zeros(2))
    >>> np.exp(fit("poisson", rows).coefficients).round(6).tolist()
    [2.0, 3.0]
    """
    used = rows.weights > 0
    rows = Rows(rows.design[used], rows.counts[used], rows.weights[used], rows.offset[used])
    if not rows.counts.any():
        raise FitError("There is no event, so that no model can be fitted.")
    with np.errstate(over="ignore", invalid="ignore"):
        return _maximum(family, rows, _start(family, rows, start))


def _maximum(family: str, rows: Rows, theta: Floats) -> Fit:
    matrix = rows.matrix
    value, gradient, hessian = _derivatives(family, theta, matrix, rows)
    for _ in range(_STEPS):
        step = _newton_step(theta, gradient, hessian)
        decrement, before = float(gradient @ step) / (1.0 + abs(value)), theta
        theta, value, gradient, hessian = _halved(
            family, theta, step, value=value, curvature=(gradient, hessian), matrix=matrix, rows=rows
        )
        if decrement < (_AS_GOOD_AS_ROUNDING if theta is before else _CONVERGED):
            return _result(family, theta, hessian, matrix, rows)
        if np.abs(theta[1 : matrix.shape[1]]).max(initial=0.0) > _SEPARATED:
            break
    raise FitError("A coefficient has no finite estimate: one side of a variable holds no event.")


def _start(family: str, rows: Rows, start: Floats | None) -> Floats:
    k = rows.design.shape[1] + 1
    theta = np.zeros(k + (family != "poisson"))
    events = float(rows.weights @ rows.counts)
    theta[0] = np.log(events / float(rows.weights @ np.exp(rows.offset)))
    if family != "poisson":
        mean = events / rows.weights.sum()
        variance = float(rows.weights @ (rows.counts - mean) ** 2) / rows.weights.sum()
        excess = max(variance / mean - 1.0, 0.05)
        theta[-1] = np.log(excess if family == "nb1" else excess / mean)
    if start is not None:
        theta[: len(start)] = start
    if family != "poisson":
        theta[-1] = _bounded(theta[-1])
    return theta


def _newton_step(theta: Floats, gradient: Floats, hessian: Floats) -> Floats:
    """Ascent direction: Newton's, or, where the information is not positive definite, with its eigenvalues made so.

    The NB2 likelihood is not concave in ln α: a long step can end where a ridge would creep back for ever.
    """
    information = -hessian
    _, step, failed = lapack().dposv(information, gradient)
    if failed:
        scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-12))
        values, vectors = np.linalg.eigh(information * scale[:, None] * scale)
        step = scale * (vectors @ ((vectors.T @ (scale * gradient)) / np.maximum(np.abs(values), 1e-8)))
    if not np.isfinite(step).all():
        raise FitError("The likelihood has no maximum that can be found: columns are collinear.")
    longest = np.abs(step).max()
    return step * min(1.0, _LONGEST_STEP / longest) if longest > 0 else step


def _halved(
    family: str,
    theta: Floats,
    step: Floats,
    value: float,
    curvature: tuple[Floats, Floats],
    matrix: Floats,
    rows: Rows,
) -> tuple[Floats, float, Floats, Floats]:
    """Take the step, halved until the log-likelihood does not fall; stay put when no part of it helps."""
    for _ in range(30):
        trial = theta + step
        if family != "poisson":
            trial[-1] = _bounded(trial[-1])
        new, gradient, hessian = _derivatives(family, trial, matrix, rows)
        if np.isfinite(new) and new >= value - 1e-12 * (1.0 + abs(value)):
            return trial, new, gradient, hessian
        step = step / 2
    return theta, value, *curvature


def _derivatives(family: str, theta: Floats, matrix: Floats, rows: Rows) -> tuple[float, Floats, Floats]:
    """Log-likelihood without ln y!, gradient and Hessian in (β, ln dispersion)."""
    k = matrix.shape[1]
    eta = matrix @ theta[:k] + rows.offset
    mean = np.exp(eta)
    if family == "poisson":
        value = rows.counts * eta - mean
        by_eta, by_eta_eta = rows.counts - mean, -mean
        gradient = matrix.T @ (rows.weights * by_eta)
        hessian = product(matrix.T, (rows.weights * by_eta_eta)[:, None] * matrix)
        return float(rows.weights @ value), gradient, hessian
    terms = _nb1_terms if family == "nb1" else _nb2_terms
    value, by_eta, by_eta_eta, by_tau, by_tau_tau, by_eta_tau = terms(rows.counts, eta, mean, theta[-1])
    w = rows.weights
    gradient = np.append(matrix.T @ (w * by_eta), w @ by_tau)
    hessian = np.empty((k + 1, k + 1))
    hessian[:k, :k] = product(matrix.T, (w * by_eta_eta)[:, None] * matrix)
    hessian[:k, k] = hessian[k, :k] = matrix.T @ (w * by_eta_tau)
    hessian[k, k] = w @ by_tau_tau
    at_bound = theta[-1] <= LEAST_LOG_DISPERSION and gradient[k] < 0
    if at_bound or (theta[-1] >= MOST_LOG_DISPERSION and gradient[k] > 0):
        gradient[k] = hessian[:k, k] = hessian[k, :k] = 0.0
        hessian[k, k] = -1.0
    return float(w @ value), gradient, hessian


def _gamma_differences(y: Floats, size: Floats) -> tuple[Floats, Floats, Floats]:
    """ln Γ(y + s) − ln Γ(s) and its first two derivatives by s; 0 where y = 0, which most cells are."""
    gammaln, digamma, zeta = special().gammaln, special().digamma, special().zeta  # ζ(2, s) is the trigamma function
    differences = np.zeros((3, len(y)))
    some = y > 0
    y, size = y[some], size[some]
    differences[0, some] = gammaln(y + size) - gammaln(size)
    differences[1, some] = digamma(y + size) - digamma(size)
    differences[2, some] = zeta(2.0, y + size) - zeta(2.0, size)
    return differences[0], differences[1], differences[2]


def _gamma_differences_of_one(y: Floats, size: float) -> tuple[Floats, Floats, Floats]:
    """The same where the size is one number: sums of ln(s + i) and its derivatives over i < y, looked up for each y."""
    index = y.astype(np.int64)
    most = int(index.max(initial=0))
    if most > _LARGEST_LOOKED_UP or (index != y).any():
        return _gamma_differences(y, np.full(len(y), size))
    terms = size + np.arange(most)
    sums = np.zeros((3, most + 1))
    np.cumsum([np.log(terms), 1.0 / terms, -1.0 / terms**2], axis=1, out=sums[:, 1:])
    rise, slope, bend = sums[:, index]
    return rise, slope, bend


def _nb1_terms(y: Floats, eta: Floats, mean: Floats, tau: float) -> tuple[Floats, ...]:
    """NB1 with r = μ/σ and τ = ln σ: value and its derivatives by η, ηη, τ, ττ, ητ."""
    sigma = np.exp(tau)
    r = mean / sigma
    log_odds, p = np.log1p(sigma), sigma / (1.0 + sigma)
    rise, slope, bend = _gamma_differences(y, r)
    value = rise + y * tau - (y + r) * log_odds
    first = r * (slope - log_odds)
    second = r**2 * bend
    expected = (y + r) * p
    return (
        value,
        first,
        second + first,
        y - first - expected,
        second + first + 2.0 * p * r - expected * (1.0 - p),
        -second - first - p * r,
    )


def _nb2_terms(y: Floats, eta: Floats, mean: Floats, tau: float) -> tuple[Floats, ...]:
    """NB2 with θ = 1/α and τ = ln α: value and its derivatives by η, ηη, τ, ττ, ητ."""
    theta = np.exp(-tau)
    total = theta + mean
    rise, slope, bend = _gamma_differences_of_one(y, theta)
    log_growth, gap = np.log1p(mean / theta), (y - mean) / total  # ln(total / θ)
    value = rise + y * (eta + tau) - (y + theta) * log_growth
    by_theta = slope - log_growth - gap
    by_theta_theta = bend + 1.0 / theta - 2.0 / total + (y + theta) / total**2
    return (
        value,
        theta * gap,
        -(y + theta) * theta * mean / total**2,
        -theta * by_theta,
        theta**2 * by_theta_theta + theta * by_theta,
        -theta * gap * mean / total,
    )


def _bounded(log_dispersion: float) -> float:
    return min(max(log_dispersion, LEAST_LOG_DISPERSION), MOST_LOG_DISPERSION)


def _at_bound(log_dispersion: float) -> bool:
    return not LEAST_LOG_DISPERSION < log_dispersion < MOST_LOG_DISPERSION


def _result(family: str, theta: Floats, hessian: Floats, matrix: Floats, rows: Rows) -> Fit:
    k = matrix.shape[1]
    factor, failed = lapack().dpotrf(-hessian)
    inverse = lapack().dpotri(factor)[0]  # its upper half
    variances = np.diag(inverse)
    if failed or not ((variances > 0) & (variances * -np.diag(hessian) < _COLLINEAR)).all():
        raise FitError("The standard errors cannot be computed: columns are collinear.")
    errors = np.sqrt(variances)
    dispersion = None if family == "poisson" else float(np.exp(theta[-1]))
    mean = np.exp(matrix @ theta[:k] + rows.offset)
    log_likelihood = float(rows.weights @ log_pmf(family, rows.counts, mean, dispersion))
    return Fit(
        family=family,
        coefficients=theta[:k].copy(),
        standard_errors=errors[:k],
        dispersion=dispersion,
        log_dispersion_error=None if dispersion is None or _at_bound(theta[-1]) else float(errors[-1]),
        log_likelihood=log_likelihood,
        cells=float(rows.weights.sum()),
        covariance=(np.triu(inverse) + np.triu(inverse, 1).T)[:k, :k],
    )
