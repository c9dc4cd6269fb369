"""Sums over pairs of cells at every lag, by Fourier transforms of the grid's box.

A lag v is a shift by whole cells. The box is padded so that nothing wraps round: a pair of cells counts at the lag
between them and at no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..ground.grid import Grid
from ..tools.scipy_calls import fft

Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Lags:
    """The lags between the cells of a grid.

    Parameters
    ----------
    grid : Grid
    shape : (int, int)
        Of the padded box.
    down, right : (rows of the box,), (columns of the box,) int64
        The lag in cells that each row and column stands for; negative ones lie at the end.
    """

    grid: Grid
    shape: tuple[int, int]
    down: NDArray[np.int64]
    right: NDArray[np.int64]

    @classmethod
    def between(cls, grid: Grid) -> Lags:
        """All lags between two cells of a grid.

        Examples
        --------
        >>> lags = Lags.between(Grid(0, 1, 1, 2, np.ones((1, 3), bool)))
        >>> pairs = lags.sums(lags.transformed(np.array([1.0, 0, 2])), lags.transformed(np.array([1.0, 0, 2])))
        >>> pairs[0, :3].round(6).tolist()  # at lag 0: 1·1 + 2·2; at lag 2 to the right: 1·2
        [5.0, 0.0, 2.0]
        """
        rows, columns = grid.shape
        shape = fft().next_fast_len(2 * rows - 1, True), fft().next_fast_len(2 * columns - 1, True)
        return cls(grid, shape, _signed(shape[0]), _signed(shape[1]))

    @property
    def distance(self) -> Floats:
        """Length of each lag (box), map units."""
        return np.hypot(self.down[:, None], self.right[None]) * self.grid.cell_size

    @property
    def within(self) -> NDArray[np.bool_]:
        """Which places of the box stand for a lag between two cells (box)."""
        rows, columns = self.grid.shape
        return (np.abs(self.down)[:, None] < rows) & (np.abs(self.right)[None] < columns)

    def transformed(self, values: NDArray[Any]) -> NDArray[Any]:
        """Transform of values of the cells (cells,), 0 elsewhere; complex64 of float32, complex128 of float64."""
        return fft().rfft2(self.grid.raster(values, 0.0), self.shape)

    def sums(self, first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
        """Σᵢ a(i)·b(i + v) at every lag v (box), from the transforms of a and b."""
        return fft().irfft2(np.conj(first) * second, self.shape)


def _signed(length: int) -> NDArray[np.int64]:
    """The lag that each place of a ring of that length stands for."""
    place = np.arange(length)
    return np.where(place <= length // 2, place, place - length)
