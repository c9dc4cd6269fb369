"""Patrol places: parts of the ground that people can be present in, where a forecast expects most under a budget."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..documents.patrol_settings import PatrolSettings
from ..ground.grid import Grid
from ..tools.progress import Progress, part, silent
from .connected_cells import Ground, Part, connected_parts, cut, without_lonely
from .packing import Demand, packed

HECTARE = 10_000.0  # square metres
_USUAL_HECTARES = 4.0
_USUAL_CELLS = 4
_ROUNDING = 1e-9  # an area or a share that is a whole number of cells is not cut to one less


@dataclass(frozen=True, slots=True, kw_only=True)
class PatrolPlace:
    """One patrol place: cells that hold together along their edges.

    Parameters
    ----------
    rank : int, from 1
    cells : int
    area : float, square map units
    expected : float
        Events that the forecast expects in it.
    share : float
        Of all events that the forecast expects in the study area, 0 to 1.
    """

    rank: int
    cells: int
    area: float
    expected: float
    share: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PatrolPlaces:
    """The patrol places of a forecast.

    Parameters
    ----------
    label : (cells,) int64
        The rank of each cell's place, 0 outside.
    places : tuple of PatrolPlace, by rank
    kept : float
        What the places expect together, divided by what as many best single cells expect; 1 at most.
    most : int
        Cells that a place may have.
    """

    label: NDArray[np.int64]
    places: tuple[PatrolPlace, ...]
    kept: float
    most: int

    @property
    def cells(self) -> int:
        """Number of cells in patrol places."""
        return int(np.count_nonzero(self.label))

    @property
    def expected(self) -> float:
        """Events expected in all of them."""
        return math.fsum(place.expected for place in self.places)

    @property
    def share(self) -> float:
        """Of all events that the forecast expects, 0 to 1."""
        return math.fsum(place.share for place in self.places)


def patrol_places(
    grid: Grid,
    expected: Floats,
    settings: PatrolSettings | None = None,
    metres_per_unit: float = 1.0,
    progress: Progress = silent,
) -> PatrolPlaces:
    """Choose the ground that expects most under a budget, in connected places that a patrol can be present in.

    Where cells are what is limited and places may touch, the best cells are taken, from the first down; lonely ones
    are exchanged for cells beside the others as long as KEPT of what the best cells expect remains; each part is cut
    into compact pieces no larger than a place. For a number of places, and for places that must lie apart, each is
    grown where most is expected (core.terrain.packing). Ranks go by what a place expects, then by what it expects for
    its area, then by position from the north west.

    Where every cell expects the same, nothing tells one place from another, and there are none.

    Parameters
    ----------
    grid : Grid of n cells
    expected : (n,) float64
        Events expected in each cell, 0 or more.
    settings : PatrolSettings
    metres_per_unit : float
        Length of a map unit.

    Returns
    -------
    PatrolPlaces

    Examples
    --------
    Four cells of a row of eight, at most two in a place: the parts 9, 8, 7 and 6 hold together and are cut in two.

    >>> row = Grid(0, 100, 100, 200, np.ones((1, 8), bool))
    >>> events = np.array([1.0, 9, 8, 7, 6, 1, 2, 1])
    >>> chosen = patrol_places(row, events, PatrolSettings("share", 50.0, max_area=2e4))
    >>> chosen.label.tolist(), [place.expected for place in chosen.places], chosen.kept
    ([0, 1, 1, 2, 2, 0, 0, 0], [17.0, 13.0], 1.0)

    One place of two cells, and with a second one that lies 200 map units from it:

    >>> patrol_places(row, events, PatrolSettings("count", 1.0, max_area=2e4)).label.tolist()
    [0, 1, 1, 0, 0, 0, 0, 0]
    >>> patrol_places(row, events, PatrolSettings("count", 2.0, max_area=2e4, min_distance=200.0)).label.tolist()
    [0, 1, 1, 0, 0, 2, 2, 0]
    """
    settings = settings or PatrolSettings()
    most = place_cells(settings, grid.cell_size, metres_per_unit)
    if float(expected.max()) == float(expected.min()):
        return PatrolPlaces(label=np.zeros(grid.cells, dtype=np.int64), places=(), kept=1.0, most=most)
    gap = (settings.min_distance or 0.0) / grid.cell_size
    cells = budget_cells(settings, grid, metres_per_unit)
    if settings.rule == "count" or gap:
        places = int(settings.budget) if settings.rule == "count" else None
        demand = Demand(most=most, cells=cells, places=places, gap=min(gap, float(max(grid.shape))))
        ground = Ground.of(grid, expected, demand.reach + 1)
        chosen = packed(ground, demand, part(progress, 0.0, 0.9))
    else:
        ground = Ground.of(grid, expected)
        chosen = _best_in_pieces(ground, cells, most, part(progress, 0.0, 0.9))
    return _described(grid, ground, chosen, expected, most)


def place_cells(settings: PatrolSettings, cell_size: float, metres_per_unit: float) -> int:
    """The cells that one place may have: as many as its largest area holds, one at least.

    >>> place_cells(PatrolSettings(), 100.0, 1.0), place_cells(PatrolSettings(), 50.0, 1.0)
    (4, 16)
    >>> place_cells(PatrolSettings(), 200.0, 1.0), place_cells(PatrolSettings(max_area=50_000.0), 100.0, 1.0)
    (4, 5)
    """
    if settings.max_area is not None:
        return max(1, _whole(settings.max_area / cell_size**2))
    return max(_USUAL_CELLS, _whole(_USUAL_HECTARES * HECTARE / (cell_size * metres_per_unit) ** 2))


def budget_cells(settings: PatrolSettings, grid: Grid, metres_per_unit: float) -> int:
    """The cells that the budget pays for: never more than it says, but one where that is less.

    >>> ground = Grid(0, 1000, 100, 200, np.ones((10, 15), bool))
    >>> budget_cells(PatrolSettings("share", 5.0), ground, 1.0), budget_cells(PatrolSettings("share", 0.1), ground, 1.0)
    (7, 1)
    >>> budget_cells(PatrolSettings("area", 12.0), ground, 1.0), budget_cells(PatrolSettings("count", 3.0), ground, 1.0)
    (12, 12)
    """
    return min(grid.cells, max(1, _paid_for(settings, grid, metres_per_unit)))


def pays_for_less_than_a_cell(settings: PatrolSettings, grid: Grid, metres_per_unit: float) -> bool:
    """Whether the one cell that is taken all the same is more than the budget says."""
    return _paid_for(settings, grid, metres_per_unit) < 1


def _paid_for(settings: PatrolSettings, grid: Grid, metres_per_unit: float) -> int:
    if settings.rule == "count":
        return int(min(settings.budget, grid.cells)) * place_cells(settings, grid.cell_size, metres_per_unit)
    if settings.rule == "area":
        return _whole(min(settings.budget * HECTARE / (grid.cell_size * metres_per_unit) ** 2, float(grid.cells)))
    return _whole(settings.budget / 100 * grid.cells)


def most_shared(label: NDArray[np.int64], places: int, other: NDArray[np.int64]) -> NDArray[np.int64]:
    """With which place of another list each place shares most cells.

    Parameters
    ----------
    label, other : (cells,) int64
        Number of each cell's place, from 1; 0 outside.
    places : int
        How many there are in `label`.

    Returns
    -------
    (places,) int64, by number from 1; 0 where no cell is shared; of equals the first.

    Examples
    --------
    >>> most_shared(np.array([1, 1, 1, 2, 0, 3]), 3, np.array([0, 2, 2, 1, 1, 0])).tolist()
    [2, 1, 0]
    """
    others = int(other.max(initial=0))
    shared = np.bincount(label * (others + 1) + other, minlength=(places + 1) * (others + 1))
    shared = shared.reshape(places + 1, others + 1)[1:]
    shared[:, 0] = 0
    return shared.argmax(axis=1)


def _whole(number: float) -> int:
    return math.floor(number * (1 + _ROUNDING))


def _best_in_pieces(ground: Ground, cells: int, most: int, progress: Progress) -> list[Part]:
    """The best cells, as pieces of at most `most`."""
    kept = without_lonely(ground, ground.best(cells), most)
    progress(0.5)
    pieces = []
    for whole in connected_parts(ground, kept):
        pieces.extend(cut(ground, whole, most))
        progress(0.5)
    return pieces


def _described(grid: Grid, ground: Ground, chosen: list[Part], expected: Floats, most: int) -> PatrolPlaces:
    """Ranked, with what each expects."""
    everything = math.fsum(expected.tolist())
    ranked = sorted(chosen, key=lambda place: (-ground.total(place), len(place), place[0]))
    label = np.zeros(grid.cells, dtype=np.int64)
    for rank, place in enumerate(ranked, 1):
        label[np.searchsorted(ground.cells, place)] = rank
    together = ground.total(cell for place in ranked for cell in place)
    best = ground.total(ground.best(int(np.count_nonzero(label))))
    return PatrolPlaces(
        label=label,
        places=tuple(
            PatrolPlace(
                rank=rank,
                cells=len(place),
                area=len(place) * grid.cell_size**2,
                expected=ground.total(place),
                share=ground.total(place) / everything,
            )
            for rank, place in enumerate(ranked, 1)
        ),
        kept=min(1.0, together / best),
        most=most,
    )
