"""Where a priority place is, in words that people find it by: a reference, a street, an area, a feature."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..ground.grid import Grid
from ..ground.nearby import NamedLayer, NameFinder, names_around
from ..tools.progress import Progress, silent
from .places import Place, Whereabouts, middle_cell, shares_in_places


class Influence(Protocol):
    """What is asked of a selected variable: its factor, how it acts, and how far."""

    @property
    def factor(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def distance(self) -> float: ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Surroundings:
    """What places are told by.

    Parameters
    ----------
    position : function of x and y
        A spot in words: a grid reference, say; "" where it has none.
    streets, areas : NamedLayer or None
        Lines, and polygons such as wards.
    terms : sequence of Influence
        The selected variables.
    shares : (terms, cells) float64 or None
        From `scores.shares`, in the order of the terms.
    layers : mapping of factor name → NamedLayer
        Their features; factors may be absent.
    """

    position: Callable[[float, float], str]
    streets: NamedLayer | None = None
    areas: NamedLayer | None = None
    terms: Sequence[Influence] = ()
    shares: Floats | None = None
    layers: Mapping[str, NamedLayer] = field(default_factory=dict)


def whereabouts(
    grid: Grid, label: NDArray[np.int64], count: int, surroundings: Surroundings, progress: Progress = silent
) -> tuple[Whereabouts, ...]:
    """Words for each of some places, whatever made them.

    A place is told by its middle, the centre of the cell nearest to the mean of its cells' centres: always one of its
    own cells, whatever its shape. The street is the one nearest to the middle, told where it is no further away than
    the place's furthest cell and one block; the area is the one that holds most of the cells. The feature is the one
    nearest to the middle of the aggravating factor with the largest share in the place, told where it is no further
    than the furthest cell and the factor's spatial influence.

    Parameters
    ----------
    grid : Grid
    label : (cells,) int64
        Number of each cell's place, from 1; 0 outside.
    count : int
        How many places there are.
    surroundings : Surroundings

    Returns
    -------
    tuple of Whereabouts, that of place 1 first; all empty for a number that no cell has
    """
    streets = None if surroundings.streets is None else NameFinder.of(surroundings.streets)
    finders = {factor: NameFinder.of(layer) for factor, layer in surroundings.layers.items()}
    telling = _telling(label, count, surroundings)
    areas = _areas(grid, label, count, surroundings.areas)
    rows, columns = np.nonzero(grid.mask)
    told = []
    for number, cells in enumerate(cells_of_places(label, count)):
        progress(number / count)
        if not len(cells):
            told.append(Whereabouts())
            continue
        middle, radius = _middle(grid, rows[cells], columns[cells])
        term = telling[number]
        finder = finders.get(term.factor) if term is not None else None
        told.append(
            Whereabouts(
                reference=surroundings.position(*middle),
                street="" if streets is None else streets.nearest(middle, radius + grid.block_length),
                area=areas[number],
                feature="" if finder is None or term is None else finder.nearest(middle, radius + term.distance),
            )
        )
    return tuple(told)


def told_where(places: Sequence[Place], where: Sequence[Whereabouts]) -> tuple[Place, ...]:
    """Places by rank, each with its words."""
    return tuple(replace(place, where=where[place.rank - 1]) for place in places)


def cells_of_places(label: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    """The cells of each place, in their order.

    >>> [cells.tolist() for cells in cells_of_places(np.array([2, 0, 1, 2]), 3)]
    [[2], [0, 3], []]
    """
    order = np.argsort(label, kind="stable")
    cuts = np.searchsorted(label[order], np.arange(1, count + 2))
    return [order[start:end] for start, end in pairwise(cuts)]


def _middle(grid: Grid, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[tuple[float, float], float]:
    """The middle of a place, and how far its furthest cell's centre is from it."""
    row, column = middle_cell(rows, columns)
    middle = grid.x_min + (column + 0.5) * grid.cell_size, grid.y_max - (row + 0.5) * grid.cell_size
    return middle, float(np.hypot(rows - row, columns - column).max() * grid.cell_size)


def _areas(grid: Grid, label: NDArray[np.int64], count: int, areas: NamedLayer | None) -> tuple[str, ...]:
    if areas is None:
        return ("",) * count
    cells = np.flatnonzero((label > 0) & (label <= count))
    return names_around(areas, grid.centres[cells], label[cells] - 1, count)


def _telling(label: NDArray[np.int64], count: int, known: Surroundings) -> tuple[Influence | None, ...]:
    """The aggravating factor with the largest share in each place; None where no such factor raises it.

    A protective factor raises a place by being absent: its nearest feature would lead people away.
    """
    aggravating = [i for i, term in enumerate(known.terms) if term.direction == "aggravating"]
    if known.shares is None or not aggravating or not count:
        return (None,) * count
    parts = shares_in_places(label, count, known.shares)[aggravating]
    largest = np.argmax(parts, axis=0)
    return tuple(
        known.terms[aggravating[i]] if parts[i, place] > 0 else None for place, i in enumerate(largest.tolist())
    )
