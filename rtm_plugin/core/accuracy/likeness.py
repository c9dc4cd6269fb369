"""How alike two maps are: the order of their cells, and the ground that both would flag."""

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..ground.grid import Grid
from .ranking import Ranking


def nearest_cell(grid: Grid, other: Grid) -> NDArray[np.int64]:
    """For each cell of another grid the cell that its centre lies in, or else the nearest.

    Returns
    -------
    (cells of the other grid,) int64

    Examples
    --------
    >>> grid = Grid(0, 1, 1, 2, np.ones((1, 3), bool))
    >>> nearest_cell(grid, Grid(0.5, 1, 1.5, 3, np.ones((1, 3), bool))).tolist()
    [1, 2, 2]
    """
    if grid.same_cells(other):
        return np.arange(grid.cells)
    centres = other.centres
    cell = grid.cell_of(centres)
    outside = cell < 0
    if outside.any():
        from scipy.spatial import cKDTree

        cell[outside] = cKDTree(grid.centres).query(centres[outside])[1]
    return cell


def rank_correlation(one: Floats, other: Floats) -> float | None:
    """Spearman's rank correlation of two maps (n,), equal scores sharing their ranks; None where one has no ranks.

    >>> rank_correlation(np.array([1.0, 2, 3, 3]), np.array([10.0, 20, 30, 30]))
    1.0
    """
    first, second = _ranks(one), _ranks(other)
    spread = float(np.sqrt((first @ first) * (second @ second)))
    return min(max(float(first @ second) / spread, -1.0), 1.0) if spread else None


def _ranks(scores: Floats) -> Floats:
    """(n,): ranks, less their mean."""
    ranking = Ranking.of(scores)
    middle: Floats = ranking.start + ranking.extent / 2
    return middle - len(scores) / 2


def top_overlap(one: Floats, other: Floats, share: float) -> float | None:
    """Share of the highest-scored cells of one map (n,) that are among those of another; None where one has no order.

    Where equal scores straddle the limit, each of their cells counts with the part that has room: what is expected when
    both maps break their ties in one order, drawn at random.

    Examples
    --------
    Half of the area; the first map has two cells for the second place:

    >>> top_overlap(np.array([3.0, 2, 2, 1]), np.array([3.0, 2, 1, 1]), 0.5)
    0.75
    """
    if one.min() == one.max() or other.min() == other.max():
        return None
    first, second = _flagged(one, share), _flagged(other, share)
    return float(np.minimum(first, second).sum() / first.sum())


def _flagged(scores: Floats, share: float) -> Floats:
    """(n,): how much of each cell is among the highest-scored."""
    ranking = Ranking.of(scores)
    parts_of: Floats = np.clip((share * len(scores) - ranking.start) / ranking.extent, 0.0, 1.0)
    return parts_of
