"""Folds of cells for cross-validation: squares or areas held out with what is near them, or cells at random."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..errors import InputError, SettingsError
from ..ground.features import Features
from ..ground.grid import Grid, areas_of_cells
from ..selection.culling import stratified_folds

Labels = NDArray[np.int64]
_TIE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """Which cells are held out together.

    Parameters
    ----------
    kind : {"spatial", "random"}
    label : (n,) int64
        Fold 0 … count − 1 of each cell; −1 for a cell that is never held out.
    count : int
    buffer : float
        Map units: cells with their centre this near to the centre of a held-out cell leave the fit too.
    units : tuple of tuple of str
        For each fold the names of its blocks or areas; empty for random folds.
    """

    kind: str
    label: Labels
    count: int
    buffer: float = 0.0
    units: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        if not np.isfinite(self.buffer) or self.buffer < 0:
            raise SettingsError(f"The buffer is {self.buffer!r}; it must be a distance of 0 or more.")

    def held_out(self, fold: int) -> NDArray[np.bool_]:
        """(n,) bool: the cells of a fold."""
        cells: NDArray[np.bool_] = self.label == fold
        return cells

    def fitted(self, fold: int, grid: Grid) -> NDArray[np.bool_]:
        """(n,) bool: the cells that the model is fitted on while a fold is held out: outside it and its buffer."""
        held = self.held_out(fold)
        return ~held if self.buffer <= 0 else ~held & ~near(grid, held, self.buffer)


def near(grid: Grid, cells: NDArray[np.bool_], distance: float) -> NDArray[np.bool_]:
    """The cells (n,) whose centre lies within a distance of the centre of one of the given cells (n,), those included.

    Examples
    --------
    >>> grid = Grid(0, 1, 1, 2, np.ones((1, 5), bool))
    >>> near(grid, np.array([True, False, False, False, False]), 2.0).tolist()
    [True, True, True, False, False]
    """
    from scipy.ndimage import distance_transform_edt

    away = distance_transform_edt(~grid.raster(cells, False)) * grid.cell_size
    close: NDArray[np.bool_] = away[grid.mask] <= distance * (1 + _TIE)
    return close


def block_folds(grid: Grid, counts: Floats, side: float, folds: int, buffer: float, seed: int) -> Folds:
    """Square blocks, dealt to folds at random so that each fold has about as many events.

    The blocks lie at multiples of their side in the coordinate reference system; a cell belongs to the block of its
    centre. They are dealt as the culling deals cells: sorted by events, ties at random, in runs of one for each fold.

    Parameters
    ----------
    counts : (n,) float64
    side : float, map units, at least a cell
    folds : int
        Fewer where there are fewer blocks.

    Raises
    ------
    InputError, SettingsError
        Blocks smaller than a cell, or fewer than two of them.

    Examples
    --------
    >>> grid = Grid(0, 4, 1, 2, np.ones((4, 4), bool))
    >>> folds = block_folds(grid, np.ones(16), 2.0, 2, 0.0, seed=1)
    >>> np.bincount(folds.label).tolist(), sorted(name for names in folds.units for name in names)
    ([8, 8], ['0, 0', '0, 2', '2, 0', '2, 2'])
    """
    if not np.isfinite(side) or side < grid.cell_size * (1 - _TIE):
        raise SettingsError(
            f"The side of the blocks is {side:g}; it must be at least that of a cell, {grid.cell_size:g} map units."
        )
    corner = np.floor(grid.centres / side)
    unique, member = np.unique(corner, axis=0, return_inverse=True)
    names = [f"{x * side:.10g}, {y * side:.10g}" for x, y in unique]
    if len(names) < 2:
        raise InputError(
            f"Blocks with a side of {side:g} map units cover all cells with one block; choose smaller blocks."
        )
    return _dealt(member.ravel(), names, counts, folds, buffer, seed)


def area_folds(
    grid: Grid,
    areas: Sequence[tuple[str, Features]],
    counts: Floats,
    folds: int,
    buffer: float,
    seed: int,
) -> Folds:
    """Areas such as police districts, dealt to folds as blocks are; a cell belongs to the first area with its centre.

    Cells in no area are never held out.

    Parameters
    ----------
    areas : sequence of (name, Features of polygons); the same name again is the same area

    Raises
    ------
    InputError
        Fewer than two areas with cells.
    """
    label, names = areas_of_cells(grid, areas)
    if len(names) < 2:
        raise InputError(
            f"Only {len(names)} of the areas holds cells of the study, and two are needed to hold one out; choose "
            "areas that divide the study area."
        )
    return _dealt(label, names, counts, folds, buffer, seed)


def _dealt(member: Labels, names: Sequence[str], counts: Floats, folds: int, buffer: float, seed: int) -> Folds:
    """Whole units to folds, stratified on their events."""
    known = member >= 0
    events = np.bincount(member[known], counts[known], len(names)).astype(np.float64)
    count = min(folds, len(names))
    fold_of = stratified_folds(events, count, seed)
    label = np.where(known, fold_of[np.maximum(member, 0)], -1)
    units = tuple(tuple(name for name, dealt in zip(names, fold_of, strict=True) if dealt == k) for k in range(count))
    return Folds("spatial", label, count, buffer, units)


def random_folds(counts: Floats, folds: int, seed: int) -> Folds:
    """Single cells at random, stratified on counts as the culling does: neighbours of a held-out cell are fitted on."""
    return Folds("random", stratified_folds(counts, folds, seed), folds)
