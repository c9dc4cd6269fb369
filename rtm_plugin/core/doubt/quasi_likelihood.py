"""Coefficients and intervals that hold where counts cluster: quasi-likelihood with a working covariance.

Guan, Jalilian and Waagepetersen (2015): with B the design, M the working covariance of (y − μ)/μ and W = M⁻¹B, the
estimate solves Wᵀ(y − μ)/μ = 0, and its covariance is (BᵀW)⁻¹ (docs/method.md §10).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Floats
from ..ground.grid import Grid
from ..tools.progress import Progress, silent
from .covariance import Clustering, fitted_clustering
from .lags import Lags
from .whitening import Precision, WorkingCovariance

_STEPS = 6
_CONVERGED = 1e-3  # of a coefficient
_LONGEST_STEP = 1.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class QuasiFit:
    """A quasi-likelihood fit.

    Parameters
    ----------
    design : (cells, 1 + k) float64
        Intercept first.
    coefficients : (1 + k,) float64
    covariance : (1 + k, 1 + k) float64, of the coefficients
    expected : (cells,) float64
    whitened : (cells, 1 + k) float64
        W = M⁻¹B.
    residual : (cells,) float64
        M⁻¹(y − μ)/μ less its part along the design: what the test of further columns looks at.
    clustering : Clustering
    working : WorkingCovariance
    """

    design: Floats
    coefficients: Floats
    covariance: Floats
    expected: Floats
    whitened: Floats
    residual: Floats
    clustering: Clustering
    working: WorkingCovariance

    @property
    def standard_errors(self) -> Floats:
        """(1 + k,) float64"""
        return np.sqrt(np.diag(self.covariance))


def quasi_fit(
    grid: Grid,
    counts: Floats,
    columns: Floats,
    start: Floats,
    offset: Floats,
    precision: Precision | None = None,
    progress: Progress = silent,
) -> QuasiFit:
    """Learn the clustering from the residuals of a Poisson fit, then solve the quasi-likelihood equations.

    Parameters
    ----------
    grid : Grid of n cells
    counts : (n,) float64
    columns : (n, k) float64, without the intercept
    start : (1 + k,) float64
        Coefficients of the Poisson fit, intercept first.
    offset : (n,) float64, log of the exposure
    """
    design = np.column_stack([np.ones(len(counts)), columns])
    beta = start
    expected = np.exp(offset + design @ beta)
    clustering = fitted_clustering(Lags.between(grid), counts, expected)
    working, whitened = WorkingCovariance.of(grid, expected, clustering, precision), None
    for _ in range(_STEPS):
        whitened = working.solve(design, start=whitened, progress=progress)
        step = np.linalg.solve(_symmetric(design.T @ whitened), whitened.T @ ((counts - expected) / expected))
        beta = beta + np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
        expected = np.exp(offset + design @ beta)
        working = WorkingCovariance.of(grid, expected, clustering, precision)
        if np.abs(step).max() < _CONVERGED:
            break
    whitened = working.solve(design, start=whitened, progress=progress)
    relative = working.solve(((counts - expected) / expected)[:, None], progress=progress)[:, 0]
    covariance = np.linalg.inv(_symmetric(design.T @ whitened))
    return QuasiFit(
        design=design,
        coefficients=beta,
        covariance=covariance,
        expected=expected,
        whitened=whitened,
        residual=relative - whitened @ (covariance @ (design.T @ relative)),
        clustering=clustering,
        working=working,
    )


def _symmetric(matrix: Floats) -> Floats:
    return (matrix + matrix.T) / 2
