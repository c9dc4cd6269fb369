"""Cells as parts that hold together along their edges: found, cut to a size, joined, and rid of lonely ones."""

import heapq
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..ground.grid import Grid

Part = list[int]  # positions of cells that hold together along their edges, in order

KEPT = 0.97  # of what the best cells expect: exchanging lonely cells never costs more than the rest
_WORTH_IT = 0.5  # of what a lonely cell expects: what the cell that takes its place must expect at least
_LONELY = 4  # a part of at most the size of a place divided by this is lonely


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The cells of a grid with what each expects, laid out so that neighbours lie a fixed number of positions away.

    A position counts the cells of the grid's box, widened by a margin on all sides, row by row from the north west.

    Parameters
    ----------
    value : list of float
        What is expected at each position; −∞ where there is no cell.
    width : int
        Positions in a row.
    cells : (n,) int64
        The position of each cell of the grid.
    """

    value: list[float]
    width: int
    cells: NDArray[np.int64]

    @classmethod
    def of(cls, grid: Grid, expected: Floats, margin: int = 1) -> "Ground":
        """The cells of a grid with what each expects (n,)."""
        box = np.pad(grid.raster(expected, -np.inf), margin, constant_values=-np.inf)
        cells = np.flatnonzero(np.pad(grid.mask, margin))
        return cls(box.ravel().tolist(), box.shape[1], cells)

    def neighbours(self, cell: int) -> tuple[int, int, int, int]:
        """The positions north, west, east and south of one; some may hold no cell."""
        return cell - self.width, cell - 1, cell + 1, cell + self.width

    def total(self, cells: Iterable[int]) -> float:
        """What cells expect together, exactly rounded, so that it does not depend on their order."""
        return math.fsum(self.value[cell] for cell in cells)

    def best(self, number: int) -> Part:
        """The cells that expect most, by what they expect and then by their order in the grid."""
        expected = np.array(self.value)[self.cells]
        chosen: Part = self.cells[np.argsort(-expected, kind="stable")[:number]].tolist()
        return chosen


def connected_parts(ground: Ground, cells: Iterable[int]) -> list[Part]:
    """Parts that hold together along their edges, by their first cells.

    Examples
    --------
    Three cells in a row, of which the middle one is missing:

    >>> ground = Ground.of(Grid(0, 1, 1, 2, np.ones((1, 3), bool)), np.ones(3))
    >>> first, middle, last = ground.cells.tolist()
    >>> connected_parts(ground, [last, first]) == [[first], [last]]
    True
    >>> connected_parts(ground, [last, first, middle]) == [[first, middle, last]]
    True
    """
    left = set(cells)
    parts = []
    for cell in sorted(left):
        if cell not in left:
            continue
        left.discard(cell)
        part, waiting = [cell], [cell]
        while waiting:
            for beside in ground.neighbours(waiting.pop()):
                if beside in left:
                    left.discard(beside)
                    part.append(beside)
                    waiting.append(beside)
        parts.append(sorted(part))
    return parts


def holds_together(ground: Ground, cells: Collection[int]) -> bool:
    """Whether cells are one part."""
    return len(connected_parts(ground, cells)) <= 1


def without_lonely(ground: Ground, chosen: Part, most: int) -> set[int]:
    """The chosen cells, lonely ones exchanged for as many cells beside the others where that costs little.

    A part is lonely that has no more than a quarter of the cells of a place, or one cell. From the one that expects
    least upwards, each gives way to the best cells beside what remains, if these expect at least half as much, and as
    long as all chosen cells together expect at least KEPT of what they did.

    Parameters
    ----------
    ground : Ground
    chosen : list of positions
    most : int
        Cells of a place.

    Examples
    --------
    Of a row that expects 5, 4, 3.4, 0 and 3.5, the best three are two and a lonely one. The 3.4 beside the two takes
    its place, which costs 0.1 of 12.5 events; a 3 would cost 0.5, more than 3 %.

    >>> row = Grid(0, 1, 1, 2, np.ones((1, 5), bool))
    >>> def left(*expected):
    ...     ground = Ground.of(row, np.array(expected))
    ...     return [ground.value[cell] for cell in sorted(without_lonely(ground, ground.best(3), 4))]
    >>> left(5.0, 4.0, 3.4, 0.0, 3.5), left(5.0, 4.0, 3.0, 0.0, 3.5)
    ([5.0, 4.0, 3.4], [5.0, 4.0, 3.5])
    """
    kept = set(chosen)
    small = max(1, most // _LONELY)
    lonely = [part for part in connected_parts(ground, chosen) if len(part) <= small]
    edge = _Edge(ground, kept)
    total = ground.total(kept)
    least = KEPT * total
    for part in sorted(lonely, key=lambda part: (ground.total(part) / len(part), part[0])):
        if edge.is_beside_kept(part):
            continue  # a cell that was taken since has joined it to others
        kept.difference_update(part)
        instead = edge.take(len(part))
        lost, won = ground.total(part), ground.total(instead)
        if len(instead) == len(part) and won >= _WORTH_IT * lost and total - lost + won >= least:
            total += won - lost
        else:
            edge.put_back(part, instead)
    return kept


class _Edge:
    """The cells beside those that are kept, best first; follows the set as it changes."""

    def __init__(self, ground: Ground, kept: set[int]) -> None:
        self._ground, self._kept = ground, kept
        self._waiting: list[tuple[float, int]] = []
        for cell in sorted(kept):
            self._reach(cell)

    def _reach(self, cell: int) -> None:
        for beside in self._ground.neighbours(cell):
            value = self._ground.value[beside]
            if beside not in self._kept and value > -math.inf:
                heapq.heappush(self._waiting, (-value, beside))

    def is_beside_kept(self, part: Part) -> bool:
        """Whether a part of what is kept touches another."""
        own = set(part)
        return any(
            beside in self._kept and beside not in own for cell in part for beside in self._ground.neighbours(cell)
        )

    def take(self, number: int) -> Part:
        """Keep the best cells beside what is kept, one after the other; fewer where there are no more."""
        taken: Part = []
        while len(taken) < number and self._waiting:
            cell = heapq.heappop(self._waiting)[1]
            if cell not in self._kept and any(beside in self._kept for beside in self._ground.neighbours(cell)):
                self._kept.add(cell)
                taken.append(cell)
                self._reach(cell)
        return taken

    def put_back(self, part: Part, taken: Part) -> None:
        """Keep a part again, and not what was taken instead of it."""
        self._kept.difference_update(taken)
        self._kept.update(part)
        for cell in taken:
            if cell not in self._kept:
                heapq.heappush(self._waiting, (-self._ground.value[cell], cell))
        for cell in part:
            self._reach(cell)


def cut(ground: Ground, part: Part, most: int) -> list[Part]:
    """Pieces of at most `most` cells that hold together along their edges, few and compact.

    A part that is too large is swept along its longer principal axis until half of the pieces that it needs have their
    cells; what the sweep leaves apart from the rest goes with it; both sides are cut again. Pieces that fit together
    in one place are then joined.

    Examples
    --------
    Six cells in two rows, at most three each:

    >>> ground = Ground.of(Grid(0, 2, 1, 2, np.ones((2, 3), bool)), np.ones(6))
    >>> pieces = cut(ground, ground.cells.tolist(), 3)
    >>> sorted(len(piece) for piece in pieces), all(holds_together(ground, piece) for piece in pieces)
    ([3, 3], True)
    """
    waiting, pieces = [part], []
    while waiting:
        piece = waiting.pop()
        if len(piece) <= most:
            pieces.append(piece)
        else:
            waiting.extend(_halves(ground, piece, most))
    return _joined(ground, sorted(pieces), most)


def _halves(ground: Ground, part: Part, most: int) -> tuple[Part, Part]:
    """Two parts that hold together, across the longer principal axis."""
    along = _along(ground, part)
    pieces = -(-len(part) // most)
    wanted = len(part) * (pieces // 2) // pieces
    start = min(part, key=lambda cell: (along[cell], cell))
    waiting, seen, swept = [(along[start], start)], {start}, set[int]()
    while len(swept) < wanted:
        cell = heapq.heappop(waiting)[1]
        swept.add(cell)
        for beside in ground.neighbours(cell):
            if beside in along and beside not in seen:
                seen.add(beside)
                heapq.heappush(waiting, (along[beside], beside))
    rest = sorted(connected_parts(ground, set(part) - swept), key=lambda part: (len(part), part[0]))
    for crumb in rest[:-1]:
        swept.update(crumb)
    return rest[-1], sorted(swept)


def _along(ground: Ground, part: Part) -> dict[int, float]:
    """Where each cell lies along the longer principal axis, whose angle is ½ atan2(2 Sxy, Sxx − Syy)."""
    rows, columns = np.divmod(np.array(part), ground.width)
    x, y = (len(part) * line - line.sum() for line in (columns, rows))  # whole numbers, so that no axis is a toss-up
    angle = math.atan2(2 * int(x @ y), int(x @ x) - int(y @ y)) / 2
    return dict(zip(part, np.round(math.cos(angle) * columns + math.sin(angle) * rows, 9).tolist(), strict=True))


def _joined(ground: Ground, pieces: list[Part], most: int) -> list[Part]:
    """Pieces, the smallest first, joined to the neighbour with which they share most edges, where both fit."""
    owner = {cell: number for number, piece in enumerate(pieces) for cell in piece}
    left = dict(enumerate(pieces))
    waiting = [(len(piece), number) for number, piece in left.items()]
    heapq.heapify(waiting)
    while waiting:
        size, number = heapq.heappop(waiting)
        if number not in left or len(left[number]) != size:
            continue
        shared: dict[int, int] = {}
        for cell in left[number]:
            for beside in ground.neighbours(cell):
                other = owner.get(beside, number)
                if other != number and len(left[other]) + size <= most:
                    shared[other] = shared.get(other, 0) + 1
        if not shared:
            continue
        other = min(shared, key=lambda other: (-shared[other], other))
        owner.update(dict.fromkeys(left[number], other))
        left[other] = sorted(left[other] + left.pop(number))
        heapq.heappush(waiting, (len(left[other]), other))
    return list(left.values())
