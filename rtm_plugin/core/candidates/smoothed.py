"""Values of cells averaged over their surroundings."""

import numpy as np

from ..arrays import Floats
from ..ground.grid import Grid
from ..tools.scipy_calls import fft


def over_cells(width: float) -> str:
    """How wide an average is, in words.

    >>> over_cells(1), over_cells(2.5)
    ('smoothed over 1 cell', 'smoothed over 2.5 cells')
    """
    return f"smoothed over {width:g} cell{'' if width == 1 else 's'}"


def smoothed(grid: Grid, values: Floats, width: float) -> Floats:
    """Values (cells,) averaged over the cells around with Gaussian weights; `width` is their SD in cells.

    Only cells of the grid have a part in the average, so that its edge and its holes pull nothing towards 0:
    Σⱼ vⱼ k(dᵢⱼ) / Σⱼ k(dᵢⱼ) over the cells j, k(d) = exp(−d²/2w²).

    Examples
    --------
    Two cells side by side, 1 apart: 1/(1 + e^(−1/2)) = 0.622.

    >>> smoothed(Grid(0, 1, 1, 2, np.ones((1, 2), bool)), np.array([1.0, 0.0]), 1.0).round(3).tolist()
    [0.622, 0.378]
    """
    rows, columns = grid.shape
    margin = int(np.ceil(6 * width))
    shape = tuple(fft().next_fast_len(length + margin, True) for length in (rows, columns))
    away = [np.minimum(np.arange(length), length - np.arange(length)) for length in shape]
    down, right = (np.fft.fft(np.exp(-(steps**2) / (2 * width**2))).real for steps in away)
    gain = down[:, None] * right[None, : shape[1] // 2 + 1]

    def spread(given: Floats) -> Floats:
        box: Floats = fft().irfft2(fft().rfft2(grid.raster(given, 0.0), shape) * gain, shape)[:rows, :columns]
        return np.maximum(box[grid.mask], 0.0)

    return np.clip(spread(values) / np.maximum(spread(np.ones(grid.cells)), 1e-12), values.min(), values.max())
