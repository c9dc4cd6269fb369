"""Where events were, told so coarsely that no single one can be found again: for pages that leave the house.

Cells are gathered in squares, their events spread over the square and its eight neighbours, and the density put in
classes. A square says something only where events of several cells support it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from .grid import Grid

LEAST_SIDE = 5  # cells
MOST_SQUARES = 40  # along the longer side of the study area
LEAST_SUPPORT = 5  # cells with events, in a square and its neighbours
MULTIPLES = (0.5, 1.0, 2.0, 4.0)  # of the mean density: the limits of the classes
OUTSIDE, HIDDEN = -1, 0
_WEIGHTS = np.array([0.25, 0.5, 0.25])


@dataclass(frozen=True, slots=True, eq=False)
class EventDensity:
    """Classes of event density.

    Parameters
    ----------
    classes : (rows, columns) int8, of squares from the north west
        −1 outside the study area; 0 where too few cells hold events to say anything; 1 … 5 by multiples of the mean.
    side : int
        Of a square, in cells.
    """

    classes: NDArray[np.int8]
    side: int

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of the squares in each class, 0 … 5."""
        inside = self.classes[self.classes >= 0]
        number = np.bincount(inside, minlength=len(MULTIPLES) + 2)
        return tuple(float(n) / max(1, len(inside)) for n in number)


def event_density(grid: Grid, counts: Floats) -> EventDensity:
    """Event density in classes, safe to hand on.

    A square is at least five cells wide, and so wide that at most forty lie along the longer side. Each is given the
    events of itself and its eight neighbours with weights 4 : 2 : 1 (itself, beside, diagonal), divided by their ground
    with the same weights. Where fewer than five of all those cells hold an event it is in class 0, like one without
    any: repeated events at one address support nothing.

    Parameters
    ----------
    grid : Grid
    counts : (cells,) float64, events

    Returns
    -------
    EventDensity

    Examples
    --------
    >>> grid = Grid(0, 1500, 100, 200, np.ones((15, 15), bool))
    >>> counts = np.zeros(225)
    >>> counts[0] = 1000.0
    >>> int(event_density(grid, counts).classes.max())  # one address alone, however often
    0
    >>> counts[0:5] = 1.0
    >>> event_density(grid, counts).classes.tolist()
    [[4, 3, 0], [3, 2, 0], [0, 0, 0]]
    """
    side = max(LEAST_SIDE, -(-max(grid.shape) // MOST_SQUARES))
    events = _gathered(grid.raster(counts, 0.0), side)
    ground = _gathered(grid.mask.astype(np.float64), side)
    support = _around(_gathered(grid.raster((counts > 0).astype(np.float64), 0.0), side), np.ones(3))
    total = float(counts.sum())
    mean = total / grid.cells if total else 1.0
    density = _around(events, _WEIGHTS) / np.maximum(_around(ground, _WEIGHTS), 1e-12)
    classes = 1 + np.searchsorted(mean * np.array(MULTIPLES), density, side="left")
    classes[support < LEAST_SUPPORT] = HIDDEN
    classes[ground == 0] = OUTSIDE
    return EventDensity(classes.astype(np.int8), side)


def _gathered(box: Floats, side: int) -> Floats:
    """Sums over squares of side × side cells, the last ones padded with nothing."""
    rows, columns = (-(-n // side) for n in box.shape)
    padded = np.zeros((rows * side, columns * side))
    padded[: box.shape[0], : box.shape[1]] = box
    total: Floats = padded.reshape(rows, side, columns, side).sum(axis=(1, 3))
    return total


def _around(box: Floats, weights: Floats) -> Floats:
    """Weighted sums of each square and its eight neighbours."""
    padded = np.pad(box, 1)
    down = sum(w * padded[i : i + box.shape[0]] for i, w in enumerate(weights))
    total: Floats = sum(w * down[:, j : j + box.shape[1]] for j, w in enumerate(weights))
    return total
