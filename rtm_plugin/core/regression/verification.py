"""Check the final model with statsmodels, an implementation that shares no code with ours (method.md §4.5)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Floats
from ..tools.progress import Progress, silent

REFIT_LIMIT = 600_000  # cells × parameters: up to here a refit is cheap


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Result of the check.

    Parameters
    ----------
    status : {"verified", "differs", "not verified"}
    reason : str
        In a sentence.
    statsmodels : str or None
        Version.
    log_likelihood_difference : float or None
        Largest absolute difference in log-likelihood at our estimates.
    score : float or None
        Largest absolute slope of the log-likelihood at our estimates, in units of one standard error; 0 at the maximum.
    coefficient_difference : float or None
        Largest absolute difference after a refit; None when it was not cheap.
    """

    status: str
    reason: str
    statsmodels: str | None = None
    log_likelihood_difference: float | None = None
    score: float | None = None
    coefficient_difference: float | None = None


def verify(
    family: str,
    counts: Floats,
    design: Floats,
    *,
    offset: Floats | None,
    coefficients: Floats,
    standard_errors: Floats,
    dispersion: float | None,
    log_likelihood: float,
    progress: Progress = silent,
    has_maximum: bool = True,
) -> Verification:
    """Compare log-likelihood and slope at our estimates, and, where cheap, a refit.

    Where the likelihood has no finite maximum (core.limit_fit), only the log-likelihood can be compared.

    Parameters
    ----------
    family : {"poisson", "nb1", "nb2"}
    counts : (n,) float64, cell by cell
    design : (n, k) float64, without intercept
    offset : (n,) float64 or None
    coefficients, standard_errors : (1 + k,) float64
    dispersion : float or None
    log_likelihood : float
    """
    try:
        import statsmodels
        from statsmodels.discrete.discrete_model import NegativeBinomial, Poisson
    except ImportError:
        return Verification(
            status="not verified", reason="The model was not verified, because statsmodels is not installed."
        )
    progress(0.2)
    matrix = np.column_stack([np.ones(len(counts)), design])
    if family == "poisson":
        model, parameters = Poisson(counts, matrix, offset=offset), coefficients
    else:
        model = NegativeBinomial(counts, matrix, loglike_method=family, offset=offset)
        # statsmodels takes the logarithm of the dispersion until it has been fitted
        log_scale = getattr(model, "_transparams", False)
        parameters = np.append(coefficients, np.log(dispersion or 1.0) if log_scale else dispersion or 1.0)
    progress(0.4)
    difference = abs(float(model.loglike(parameters)) - log_likelihood)
    close = difference < 1e-6 * (1 + abs(log_likelihood))
    if not has_maximum and np.isfinite(difference):
        return _without_maximum(statsmodels.__version__, difference, close)
    progress(0.6)
    slope = np.asarray(model.score(parameters))[: len(coefficients)]
    score = float(np.abs(slope * standard_errors).max())
    moved = None
    progress(0.8)
    if matrix.size <= REFIT_LIMIT:
        start = 0.9 * coefficients if dispersion is None else np.append(0.9 * coefficients, 1.1 * dispersion)
        moved = _refit_difference(model, start, coefficients, log_likelihood)
    return _judged(statsmodels.__version__, difference, close, score, moved)


def _without_maximum(version: str, difference: float, close: bool) -> Verification:
    return Verification(
        status="verified" if close else "differs",
        reason=f"statsmodels {version} {_verdict(close)}: the log-likelihood differs by {difference:.1e}. Slopes and a "
        "refit cannot be compared, as there is no maximum where a factor leaves no event on one side.",
        statsmodels=version,
        log_likelihood_difference=difference,
    )


def _judged(version: str, difference: float, close: bool, score: float, moved: float | None) -> Verification:
    """What the three comparisons say together; `moved` is None where there was no refit."""
    if not np.isfinite([difference, score, moved if moved is not None else 0.0]).all():
        return Verification(
            status="differs",
            reason=f"statsmodels {version} gives no number where we do, so the model could not be checked.",
            statsmodels=version,
        )
    agrees = close and score < 1e-3 and (moved is None or moved < 1e-3)
    refit = f", coefficients after a refit by at most {moved:.1e}" if moved is not None else ""
    return Verification(
        status="verified" if agrees else "differs",
        reason=f"statsmodels {version} {_verdict(agrees)}: the log-likelihood differs by {difference:.1e}{refit}.",
        statsmodels=version,
        log_likelihood_difference=difference,
        score=score,
        coefficient_difference=moved,
    )


def _verdict(agrees: bool) -> str:
    return "agrees" if agrees else "does NOT agree"


def _refit_difference(model: Any, start: Floats, coefficients: Floats, log_likelihood: float) -> float | None:
    """Largest change of a coefficient in a refit from elsewhere; None when that stopped short of our maximum."""
    options = {"disp": 0, "method": "bfgs", "gtol": 1e-7, "maxiter": 500, "skip_hessian": True}
    again = model.fit(start_params=start, warn_convergence=False, **options)
    short = float(again.llf) < log_likelihood - 1e-6 * (1 + abs(log_likelihood))
    if short and not again.mle_retvals["converged"]:
        return None
    return float(np.abs(np.asarray(again.params)[: len(coefficients)] - coefficients).max())
