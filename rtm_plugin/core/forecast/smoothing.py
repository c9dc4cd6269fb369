"""Counts of cells smoothed by a kernel with heavy tails, through Fourier transforms: as fast for wide as for narrow.

The kernel is k(r) = 1/(2πh²) · (1 + (r/h)²)^(−3/2), the bivariate Cauchy distribution. Half of it lies within 1.7 h, a
quarter beyond 3.9 h: it is peaked where the events are, and still knows the neighbourhood. Crime looks like that, and a
Gaussian or Epanechnikov kernel, which has one scale only, predicts it less well (docs/accuracy.md).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..ground.grid import Grid
from ..tools.scipy_calls import fft

MOST_REACH = 128  # cells: beyond it a kernel is cut off


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A kernel as the smoother uses it.

    Parameters
    ----------
    spectrum : (rows, half the columns) float64
    centre : float
        The share that stays in an event's own cell; 0 for a kernel without its centre.
    """

    spectrum: Floats
    centre: float


@dataclass(frozen=True, slots=True, eq=False)
class Smoother:
    """Smooths values of a grid's cells.

    Parameters
    ----------
    grid : Grid
    shape : (int, int)
        Of the transforms: the grid's box with a margin as wide as the kernels reach, so that nothing wraps round.
    reach : int
        Cells.
    """

    grid: Grid
    shape: tuple[int, int]
    reach: int

    @classmethod
    def over(cls, grid: Grid) -> "Smoother":
        """The smoother of a grid.

        Examples
        --------
        >>> smoother = Smoother.over(Grid(0, 1, 1, 2, np.ones((1, 3), bool)))
        >>> narrow = smoother.kernel(1e-9)
        >>> smoother.smooth(smoother.transformed(np.array([1.0, 0, 2])), narrow).round(6).tolist()
        [1.0, 0.0, 2.0]
        """
        rows, columns = grid.shape
        reach = min(MOST_REACH, max(rows, columns))
        fast = fft().next_fast_len
        return cls(grid, (fast(rows + reach, True), fast(columns + reach, True)), reach)

    def transformed(self, values: Floats) -> NDArray[Any]:
        """The Fourier transform of values (cells,), to be smoothed by one kernel after another."""
        return fft().rfft2(self.grid.raster(values, 0.0), self.shape)

    def kernel(self, bandwidth: float, own: bool = True) -> Kernel:
        """The kernel of a bandwidth, in cells; its mass in each cell is exact, for an event in the middle of its cell.

        From a corner at (x, y) the mass of the quadrant is arctan(xy / (h √(h² + x² + y²))) / 2π.

        Parameters
        ----------
        bandwidth : float, h, in cells
        own : bool
            Whether an event counts in its own cell; if not, only in those around it.
        """
        down, right = (np.arange(n // 2 + 1) + 0.5 for n in self.shape)
        down, right = np.append(-0.5, down)[:, None], np.append(-0.5, right)[None]
        corner = np.arctan2(down * right, bandwidth * np.sqrt(bandwidth**2 + down**2 + right**2))
        quarter = np.diff(np.diff(corner, axis=0), axis=1) / (2 * np.pi)
        quarter[self.reach + 1 :] = 0.0
        quarter[:, self.reach + 1 :] = 0.0
        if not own:
            quarter[0, 0] = 0.0
        whole = quarter[_distances(self.shape[0])][:, _distances(self.shape[1])]
        return Kernel(fft().rfft2(whole).real, float(quarter[0, 0]))

    def smooth(self, transformed: NDArray[Any], kernel: Kernel) -> Floats:
        """Values (cells,) of which `transformed` is the transform, spread by the kernel; never below 0."""
        rows, columns = self.grid.shape
        box = fft().irfft2(transformed * kernel.spectrum, self.shape)[:rows, :columns]
        return np.maximum(box[self.grid.mask], 0.0)


def _distances(length: int) -> NDArray[np.int64]:
    """How far each place of a ring of that length is from the first."""
    place = np.arange(length)
    return np.minimum(place, length - place)
