"""Solving with the working covariance of the residuals, without ever writing that matrix down.

The covariance of (y − μ)/μ is M = diag((1 + σ)/μ) + C, Cᵢⱼ = Σ aₘ exp(−hᵢⱼ/sₘ). C times a vector is one pair of Fourier
transforms on a padded box; M u = b is solved by conjugate gradients with a circulant preconditioner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..ground.grid import Grid
from ..tools.progress import Progress, silent
from ..tools.scipy_calls import fft
from .covariance import Clustering

_PADDING = 6.0  # longest ranges around the box: exp(−6) is 0.25 %
_AT_ONCE = 24  # columns transformed together
_ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Precision:
    """How exactly systems are solved; as it is by default, p and intervals are right to the third digit.

    Parameters
    ----------
    number : type of the numbers in the transforms
    estimates : float
        Residual, relative to the right-hand side, of what enters an estimate.
    candidates : float
        The same for candidates, whose error enters their own information in the second order only.
    """

    number: type = np.float32
    estimates: float = 1e-3
    candidates: float = 3e-2


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WorkingCovariance:
    """M of the cells of a grid.

    Parameters
    ----------
    grid : Grid
    diagonal : (cells,)
        (1 + σ)/μ.
    spectrum, preconditioner : (box), or None where cells are independent
    shape : (int, int)
        Of the padded box.
    precision : Precision
    """

    grid: Grid
    diagonal: NDArray[Any]
    spectrum: NDArray[Any] | None
    preconditioner: NDArray[Any] | None
    shape: tuple[int, int]
    precision: Precision

    @classmethod
    def of(
        cls, grid: Grid, expected: Floats, clustering: Clustering, precision: Precision | None = None
    ) -> WorkingCovariance:
        """The working covariance for expected counts (cells,) and a clustering."""
        precision = precision or Precision()
        diagonal: NDArray[Any] = ((1.0 + clustering.overdispersion(expected)) / expected).astype(precision.number)
        if not len(clustering.ranges):
            return cls(
                grid=grid, diagonal=diagonal, spectrum=None, preconditioner=None, shape=grid.shape, precision=precision
            )
        margin = int(np.ceil(_PADDING * clustering.ranges.max() / grid.cell_size)) + 1
        shape = tuple(fft().next_fast_len(int(min(2 * side - 1, side + margin)), True) for side in grid.shape)
        down, right = (np.minimum(np.arange(side), side - np.arange(side)) for side in shape)
        kernel = clustering.at(np.hypot(down[:, None], right[None]) * grid.cell_size)
        spectrum = np.maximum(fft().rfft2(kernel).real, 0.0).astype(precision.number)
        typical = precision.number(1.0 / np.mean(1.0 / diagonal))
        return cls(
            grid=grid,
            diagonal=diagonal,
            spectrum=spectrum,
            preconditioner=1.0 / (typical + spectrum),
            shape=(shape[0], shape[1]),
            precision=precision,
        )

    def solve(
        self, right: Floats, tolerance: float | None = None, start: Floats | None = None, progress: Progress = silent
    ) -> Floats:
        """M⁻¹ times columns (cells, k), by preconditioned conjugate gradients on all of them together.

        Parameters
        ----------
        right : (cells, k) float64
        tolerance : float, optional
            Residual at which a column is done, relative to its size; that of estimates when None.
        start : (cells, k) float64, optional
            A solution that is nearly right.
        """
        if self.spectrum is None:
            return right / self.diagonal[:, None]
        tolerance = self.precision.estimates if tolerance is None else tolerance
        target: NDArray[Any] = right.astype(self.precision.number)
        size = np.sqrt((target**2).sum(axis=0)) + 1e-30
        solution = self._smoothed(target, progress) if start is None else start.astype(self.precision.number)
        residual = target - self._times(solution, progress)
        direction = searched = self._smoothed(residual, progress)
        slope = (residual * searched).sum(axis=0)
        for _ in range(_ROUNDS):
            if (np.sqrt((residual**2).sum(axis=0)) / size).max() < tolerance:
                break
            turned = self._times(direction, progress)
            step = slope / np.maximum((direction * turned).sum(axis=0), 1e-30)
            solution = solution + step * direction
            residual = residual - step * turned
            searched = self._smoothed(residual, progress)
            before, slope = slope, (residual * searched).sum(axis=0)
            direction = searched + (slope / np.maximum(before, 1e-30)) * direction
        return solution.astype(np.float64)

    def _times(self, columns: NDArray[Any], progress: Progress) -> NDArray[Any]:
        """M times columns."""
        return self.diagonal[:, None] * columns + self._filtered(columns, self.spectrum, progress)

    def _smoothed(self, columns: NDArray[Any], progress: Progress) -> NDArray[Any]:
        """The preconditioner times columns: the inverse of M with its diagonal the same in every cell."""
        return self._filtered(columns, self.preconditioner, progress)

    def _filtered(self, columns: NDArray[Any], spectrum: Any, progress: Progress) -> NDArray[Any]:
        """Columns convolved with the kernel of a spectrum."""
        result = np.empty_like(columns)
        mask, (rows, width) = self.grid.mask, self.grid.shape
        for start in range(0, columns.shape[1], _AT_ONCE):
            progress(0.0)  # a chance to cancel; how far it is, the caller knows
            some = columns[:, start : start + _AT_ONCE]
            box = np.zeros((some.shape[1], rows, width), dtype=columns.dtype)
            box[:, mask] = some.T
            turned = fft().irfft2(fft().rfft2(box, self.shape) * spectrum, self.shape)
            result[:, start : start + _AT_ONCE] = turned[:, :rows, :width][:, mask].T
        return result
