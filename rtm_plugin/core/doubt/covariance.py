"""How events cluster beyond what a model explains: the covariance of the field that multiplies the rate.

Counts are Poisson around μ·exp(field); the covariance of the field at distance h is taken as a sum of exponentials,
c(h) = a₀·1[h = 0] + Σ aₘ·exp(−h/sₘ) with all a ≥ 0, fitted to the covariogram of the residuals (docs/method.md §10).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Floats
from ..ground.grid import Grid
from ..tools.scipy_calls import nnls
from .lags import Lags

RANGES = 7  # exponentials that are offered
_SHORTEST = 0.75  # of a cell
_LONGEST = 0.25  # of the shorter side of the grid's box
_FARTHEST = 0.5  # of the shorter side: lags up to here are fitted
_NOTHING = 1e-9  # a variance below which an exponential is not there


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """The covariance of the log rate beyond the model.

    Parameters
    ----------
    nugget : float
        a₀, the variance inside a cell that its neighbours do not share.
    variances, ranges : (m,) float64
        aₘ and sₘ (map units) of the exponentials that are there; empty where cells are independent.
    """

    nugget: float
    variances: Floats
    ranges: Floats

    @property
    def mean_range(self) -> float:
        """Mean of the ranges, weighted by their variances, map units; 0 where cells are independent."""
        return float(self.variances @ self.ranges / self.variances.sum()) if len(self.ranges) else 0.0

    def at(self, distance: Floats) -> Floats:
        """Covariance at a distance above 0 (any shape)."""
        total = np.zeros(np.shape(distance))
        for variance, reach in zip(self.variances, self.ranges, strict=True):
            total += variance * np.exp(-np.asarray(distance) / reach)
        return total

    def beside_chance(self, density: float) -> float:
        """How much clustering there is beside chance: the variance that it adds to wide counts, over that of chance.

        A disc of radius s holds n = density·πs² events, with the variance n of chance and a·n² of clustering: a·n each.

        Parameters
        ----------
        density : float
            Events per square map unit.
        """
        return float((self.variances * density * np.pi * self.ranges**2).sum())

    def overdispersion(self, expected: Floats) -> float:
        """σ of a linear variance μ(1 + σ) that has as much scatter as the nugget: a₀·Σμ²/Σμ."""
        return self.nugget * float(expected @ expected) / float(expected.sum())


def fitted_clustering(lags: Lags, counts: Floats, expected: Floats) -> Clustering:
    """Fit the covariance to the covariogram of the residuals.

    Non-negative least squares of the binned covariogram on the exponentials, each bin weighted by the root of its
    Σμᵢμⱼ: bins with many expected pairs are known best.

    Parameters
    ----------
    lags : Lags of the cells
    counts, expected : (cells,) float64
    """
    lag, covariogram, weight = binned_covariogram(lags, counts, expected)
    ranges = offered_ranges(lags.grid)
    shapes = np.column_stack([np.arange(len(lag)) == 0, np.exp(-lag[:, None] / ranges)]).astype(np.float64)
    root = np.sqrt(weight / weight.max())
    variances = nnls(shapes * root[:, None], covariogram * root)
    there = variances[1:] > _NOTHING
    return Clustering(float(variances[0]), variances[1:][there], ranges[there])


def offered_ranges(grid: Grid) -> Floats:
    """The ranges of the exponentials, map units, evenly spaced in their logarithm."""
    longest = max(_LONGEST * min(grid.shape) * grid.cell_size, grid.cell_size)
    return np.geomspace(_SHORTEST * grid.cell_size, longest, RANGES)


def binned_covariogram(lags: Lags, counts: Floats, expected: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean lag, covariance and weight of each bin of lags, a cell wide.

    c_b = Σ rᵢrⱼ / Σ μᵢμⱼ over the pairs of the bin, r = y − μ; at lag 0 less Σy, the Poisson variance.

    Returns
    -------
    lag, covariance, weight : (bins,) float64
        Map units; variance of the log rate; Σ μᵢμⱼ.
    """
    residual, mean = lags.transformed(counts - expected), lags.transformed(expected)
    products, weights = lags.sums(residual, residual), lags.sums(mean, mean)
    products[0, 0] -= counts.sum()
    size, distance = lags.grid.cell_size, lags.distance
    bins = int(_FARTHEST * min(lags.grid.shape)) + 1
    label = np.floor(distance / size + 0.5).astype(np.int64)
    used = lags.within & (label < bins)
    total = np.bincount(label[used], products[used], bins)
    weight = np.bincount(label[used], weights[used], bins)
    known = weight > 1e-9 * weight.max()
    lag = np.bincount(label[used], (distance * weights)[used], bins)
    return lag[known] / weight[known], total[known] / weight[known], weight[known]
