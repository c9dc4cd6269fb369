"""Metres of street in each cell, exactly: every line is cut at the grid lines; and streets cut to a rectangle."""

import numpy as np

from ..arrays import Floats
from ..tools.progress import Progress, silent
from .features import Features
from .grid import Grid, cuts_at_grid_lines

_SEGMENTS_AT_ONCE = 100_000


def length_in_cells(lines: Features, grid: Grid, progress: Progress = silent) -> Floats:
    """Length of line in each kept cell.

    What runs along the line between two cells belongs to the cell on its east or north, as a point there does.

    Parameters
    ----------
    lines : Features of lines
    grid : Grid

    Returns
    -------
    (cells,) float64, map units

    Examples
    --------
    >>> grid = Grid(0.0, 8.0, 8.0, 16.0, np.ones((1, 2), bool))
    >>> length_in_cells(Features("line", np.array([[4.0, 4.0, 20.0, 4.0]]), 1), grid).tolist()
    [4.0, 8.0]
    """
    x0, y0, x1, y1 = grid.extent
    ends = lines.coordinates.reshape(-1, 2, 2)
    low, high = ends.min(axis=1), ends.max(axis=1)
    near = (low <= (x1, y1)).all(axis=1) & (high >= (x0, y0)).all(axis=1) & (low != high).any(axis=1)
    ends = ends[near]
    total = np.zeros(grid.cells)
    for first in range(0, len(ends), _SEGMENTS_AT_ONCE):
        progress(first / len(ends))
        total += _lengths(ends[first : first + _SEGMENTS_AT_ONCE], grid)
    progress(1.0)
    return total


def clipped(segments: Floats, extent: tuple[float, float, float, float]) -> Floats:
    """The parts of segments that lie in a rectangle, in their order; those beside it are left out (Liang and Barsky).

    Parameters
    ----------
    segments : (m, 4) float64
    extent : xmin, ymin, xmax, ymax

    Returns
    -------
    (k, 4) float64, k ≤ m

    Examples
    --------
    >>> clipped(np.array([[-5.0, 5.0, 15.0, 5.0], [20.0, 0.0, 20.0, 9.0]]), (0.0, 0.0, 10.0, 10.0)).tolist()
    [[0.0, 5.0, 10.0, 5.0]]
    """
    x0, y0, x1, y1 = extent
    low, high = np.minimum(segments[:, :2], segments[:, 2:]), np.maximum(segments[:, :2], segments[:, 2:])
    near = segments[((low <= (x1, y1)) & (high >= (x0, y0))).all(axis=1)]
    start, way = near[:, :2], near[:, 2:] - near[:, :2]
    with np.errstate(divide="ignore", invalid="ignore"):
        to_low, to_high = ((x0, y0) - start) / way, ((x1, y1) - start) / way
    moves = way != 0.0  # along the other axis the segment is inside for all of its length, as it is near
    first = np.where(moves, np.minimum(to_low, to_high), 0.0).max(axis=1, initial=0.0)
    last = np.where(moves, np.maximum(to_low, to_high), 1.0).min(axis=1, initial=1.0)
    met = first < last
    cut: Floats = np.hstack([(start + t[:, None] * way)[met] for t in (first, last)])
    return cut


def _lengths(ends: Floats, grid: Grid) -> Floats:
    u = (ends[:, :, 0] - grid.x_min) / grid.cell_size
    v = (grid.y_max - ends[:, :, 1]) / grid.cell_size
    segment, t = cuts_at_grid_lines(u, v)
    same = segment[1:] == segment[:-1]
    segment, step, middle = segment[1:][same], np.diff(t)[same], ((t[1:] + t[:-1]) / 2)[same]
    start, way = ends[:, 0], ends[:, 1] - ends[:, 0]
    cell = grid.cell_of(start[segment] + middle[:, None] * way[segment])
    length = step * np.hypot(*way.T)[segment]
    return np.bincount(cell[cell >= 0], weights=length[cell >= 0], minlength=grid.cells).astype(np.float64)
