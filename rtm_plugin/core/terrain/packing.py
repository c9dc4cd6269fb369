"""Places that are grown one by one where most is expected: for a number of places, and for places that lie apart."""

import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..tools.progress import Progress, part, parts, silent
from .connected_cells import Ground, Part

_TRIES = 96  # cells from which the surroundings of a place are filled anew, divided by the cells of a place
_FEWEST_TRIES = 8
_ROUNDS = 3
_MOST_TRIES = 4_000  # in all: beyond it, more would gain little and last long
_FAR = 20  # cells: places farther apart are left as they were grown, since all of them would have to move
_LEVELS_RISE = 1.5
_ROUNDING = 1e-9  # cells: a gap that is as wide as asked is wide enough


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is asked of places.

    Parameters
    ----------
    most : int
        Cells of one place.
    cells : int
        Cells of all of them.
    places : int or None
        How many of them; None for as many as there is room for.
    gap : float
        Between the edges of two of them, in cells.
    """

    most: int
    cells: int
    places: int | None = None
    gap: float = 0.0

    @property
    def reach(self) -> int:
        """How many cells away another place may be felt, to each side."""
        return math.ceil(self.gap) + 1


def packed(ground: Ground, demand: Demand, progress: Progress = silent) -> list[Part]:
    """Places that hold together along their edges, keep to what is asked, and expect much.

    Each place grows from a cell by the best neighbour, or by two in a row that are better on average; the best place is
    taken, then the best of those that are still free. Where cells are what is limited, a place grows only by cells that
    expect more than a level, which falls until all cells are used; several first levels are tried. At last the
    surroundings of each place are filled anew, beginning elsewhere, and what expects more is kept. It is a search: on
    small smooth grids it comes within 3 % of the best of all choices (tests/core/terrain/test_patrol_places.py).

    Parameters
    ----------
    ground : Ground
        With a margin wider than `demand.reach`.
    demand : Demand

    Returns
    -------
    list of places, each a list of positions in order

    Examples
    --------
    Two places of two cells in a row of six, a cell between them. The 6 goes to neither, though it beats the 5:

    >>> from ..ground.grid import Grid
    >>> ground = Ground.of(Grid(0, 1, 1, 2, np.ones((1, 6), bool)), np.array([5.0, 9, 6, 8, 7, 1]), 3)
    >>> places = packed(ground, Demand(most=2, cells=4, places=2, gap=1.0))
    >>> [[ground.value[cell] for cell in place] for place in places]
    [[8.0, 7.0], [5.0, 9.0]]
    """
    levels = _levels(ground, demand)
    best: list[Part] = []
    used = 0.0
    for start, share in zip(range(len(levels)), parts(part(progress, 0.0, 0.6), len(levels)), strict=True):
        packing = _Packing(ground, demand)
        for level in levels[start:]:
            packing.fill_to(level)
            share(0.5)
        if ground.total(itertools.chain(*packing.places)) > ground.total(itertools.chain(*best)):
            best, used = packing.places, packing.level
    packing = _Packing(ground, demand)
    packing.place_all(best, used)
    packing.rework(part(progress, 0.6, 1.0))
    for level in levels:
        if level < used:
            packing.fill_to(level)
    return packing.places


def _levels(ground: Ground, demand: Demand) -> list[float]:
    """From what the last of the best cells expects, down to 0, at ranks that rise by half.

    Only 0 for a number of places, each of which may be as large as there is room for.
    """
    if demand.places is not None:
        return [0.0]
    values = np.sort(np.array(ground.value)[ground.cells])[::-1]
    levels, rank = [], float(demand.cells)
    while rank <= len(values):
        levels.append(float(values[int(rank) - 1]))
        rank *= _LEVELS_RISE
    return [*sorted(set(levels) - {0.0}, reverse=True), 0.0]


class _Packing:
    """Places, and the cells that are still free beside them."""

    __slots__ = ("_around", "_by_value", "_demand", "_ground", "_near", "level", "places")

    def __init__(self, ground: Ground, demand: Demand) -> None:
        self._ground, self._demand = ground, demand
        self._near = [0 if value > -math.inf else 1 for value in ground.value]  # places that a cell is too near to
        self._around = _around(demand, ground.width)
        self._by_value = ground.best(len(ground.cells))
        self.level = 0.0
        self.places: list[Part] = []

    def place_all(self, places: Iterable[Part], level: float) -> None:
        """Take places as they are."""
        self.level = level
        for place in places:
            self._place(place)

    def _place(self, place: Part) -> None:
        self.places.append(place)
        self._count(place, 1)

    def _remove(self, place: Part) -> None:
        self.places.remove(place)
        self._count(place, -1)

    def _count(self, place: Part, by: int) -> None:
        for cell in self._ground_around(place):
            self._near[cell] += by

    def _ground_around(self, place: Part) -> set[int]:
        """A place and all that lies too near to it."""
        return {cell + step for cell in place for step in self._around}

    def _left(self) -> int:
        return self._demand.cells - sum(map(len, self.places))

    def _worth(self, place: Part) -> float:
        """What a place expects above the level."""
        return self._ground.total(place) - self.level * len(place)

    def _together(self, places: Iterable[Part]) -> float:
        """Worth of places, the best ones where there are more than asked."""
        return math.fsum(sorted(map(self._worth, places), reverse=True)[: self._demand.places])

    def fill_to(self, level: float) -> None:
        """Let the places grow down to a level, and others begin."""
        self.level = level
        for place in sorted(self.places, key=lambda place: (-self._worth(place), place)):
            most = min(self._demand.most, len(place) + self._left())
            if len(place) < most:
                self._remove(place)
                self._place(self._grown(place, most))
        self._fill(self._by_value, self._demand.places)

    def _fill(self, seeds: Sequence[int], number: int | None) -> None:
        """Add the best place that grows from the seeds, and again, until there are so many, or nothing is left.

        The seeds come by what they expect. A place expects no more than its best cell times its size, so that a seed
        need not be tried before the best place so far expects less than that.
        """
        tried = _Tried(iter(seeds), lambda cell: self._demand.most * (self._ground.value[cell] - self.level))
        while self._left() and (number is None or len(self.places) < number):
            for cell in tried.due():
                if not self._near[cell] and self._ground.value[cell] > self.level:
                    self._try(tried, cell)
            found = tried.best()
            if found is None:
                return
            seed, place = found
            if self._near[seed]:
                continue
            if len(place) > self._left() or any(self._near[cell] for cell in place):
                self._try(tried, seed)
            else:
                self._place(place)

    def _try(self, tried: "_Tried", seed: int) -> None:
        place = self._grown([seed], min(self._demand.most, self._left()))
        tried.add(self._worth(place), seed, place)

    def _grown(self, start: Part, most: int) -> Part:
        """A place of up to `most` cells that grows by the best free cell beside it, or by two in a row that are better.

        Two are better where their mean is higher than the one: a poor cell is crossed for a rich one behind it.
        """
        value, near, ground = self._ground.value, self._near, self._ground
        place, inside = list(start), set(start)
        edge = {beside for cell in start for beside in ground.neighbours(cell) if not near[beside]} - inside
        while edge and len(place) < most:
            first = max(edge, key=lambda cell: (value[cell], -cell))
            mean, path = value[first], [first]
            if len(place) + 2 <= most:
                for cell in sorted(edge):
                    for behind in ground.neighbours(cell):
                        if near[behind] or behind in inside or behind in edge:
                            continue
                        both = (value[cell] + value[behind]) / 2
                        if both > mean:
                            mean, path = both, [cell, behind]
            if mean <= self.level:
                break
            place.extend(path)
            inside.update(path)
            edge.update(beside for cell in path for beside in ground.neighbours(cell) if not near[beside])
            edge -= inside
        return sorted(place)

    def rework(self, progress: Progress) -> None:
        """Fill the surroundings of each place anew, beginning in turn with each of the best cells there."""
        if self._demand.reach > _FAR:
            return
        tries = 0
        for share in parts(progress, _ROUNDS):
            before = list(self.places)
            for number, place in enumerate(sorted(before, key=lambda place: (-self._worth(place), place))):
                share(number / len(before))
                if place in self.places and tries < _MOST_TRIES:
                    tries += self._rework_around(place)
            if self.places == before:
                return

    def _rework_around(self, place: Part) -> int:
        """Exchange a place and those near it for what expects more together; how much was tried."""
        now = list(self.places)
        best, kept = self._together(now), None
        close = self._beside(place)
        gone = [other for other in now if not close.isdisjoint(other)]
        for other in gone:
            self._remove(other)
        rest = list(self.places)
        free = {cell for other in gone for cell in self._beside(other) if not self._near[cell]}
        value = self._ground.value
        seeds = sorted((cell for cell in free if value[cell] > self.level), key=lambda cell: (-value[cell], cell))
        seeds = seeds[: max(_FEWEST_TRIES, _TRIES // self._demand.most)]
        for seed in seeds:
            self._place(self._grown([seed], min(self._demand.most, self._left())))
            self._fill(seeds, len(now) + 1)
            found = self.places[len(rest) :]
            together = self._together(self.places)
            if together > best * (1 + 1e-9):
                best, kept = together, found
            for other in found:
                self._remove(other)
        for other in gone if kept is None else kept:
            self._place(other)
        if kept is None:
            self.places = now
        elif self._demand.places is not None:
            for other in sorted(self.places, key=lambda place: (-self._worth(place), place))[self._demand.places :]:
                self._remove(other)
        return len(seeds)

    def _beside(self, place: Part) -> set[int]:
        """The cells that a place keeps others from, and those beside them."""
        around = self._ground_around(place)
        return around.union(*map(self._ground.neighbours, around))


class _Tried:
    """Places grown from seeds, the best first, and the seeds that may still give a better one."""

    def __init__(self, seeds: Iterator[int], bound: Callable[[int], float]) -> None:
        self._seeds, self._bound = seeds, bound
        self._next = next(seeds, None)
        self._places: list[tuple[float, int, Part]] = []

    def due(self) -> Iterator[int]:
        """The seeds that may give a better place than the best so far."""
        while self._next is not None and (not self._places or self._bound(self._next) > -self._places[0][0]):
            seed, self._next = self._next, next(self._seeds, None)
            yield seed

    def add(self, worth: float, seed: int, place: Part) -> None:
        heapq.heappush(self._places, (-worth, seed, place))

    def best(self) -> tuple[int, Part] | None:
        """Seed and place; None when there is no more."""
        return heapq.heappop(self._places)[1:] if self._places else None


def _around(demand: Demand, width: int) -> list[int]:
    """Steps from a cell to those that no other place may have: itself, and cells whose edges are too near its own."""
    steps = range(-demand.reach, demand.reach + 1)
    return [
        down * width + right
        for down in steps
        for right in steps
        if down == right == 0 or math.hypot(max(0, abs(down) - 1), max(0, abs(right) - 1)) < demand.gap - _ROUNDING
    ]
