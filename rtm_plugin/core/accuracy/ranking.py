"""Cells in the order of their scores, ties kept together; what flagging them from the top catches (method.md §6)."""

from dataclasses import dataclass

import numpy as np

from ..arrays import Floats
from ..errors import InputError


@dataclass(frozen=True, slots=True)
class Bounds:
    """A figure that depends on the order inside a tie: expected over random orders, and the worst and best order."""

    expected: float
    pessimistic: float
    optimistic: float

    def scaled(self, factor: float) -> "Bounds":
        """Every value times a factor."""
        return Bounds(self.expected * factor, self.pessimistic * factor, self.optimistic * factor)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CaptureCurve:
    """Events caught against the size flagged, from the highest score down.

    Parameters
    ----------
    sizes, events : (g + 1,) float64
        Ends of the ties: between two of them the expected number of events is a straight line.
    steps : (n + 1,) float64
        Sizes after each cell, inside a tie with the fewest events for their size first.
    worst : (n + 1,) float64
        Events caught there.
    best_steps, best : (n + 1,) float64
        The same with the most events first.
    """

    sizes: Floats
    events: Floats
    steps: Floats
    worst: Floats
    best_steps: Floats
    best: Floats

    def at(self, limits: Floats) -> tuple[Floats, Floats, Floats]:
        """Expected, fewest and most events caught when these sizes are flagged."""
        return (
            np.interp(limits, self.sizes, self.events),
            np.interp(limits, self.steps, self.worst),
            np.interp(limits, self.best_steps, self.best),
        )

    def bounds(self, limit: float) -> Bounds:
        """Events caught when `limit` is flagged.

        Raises
        ------
        InputError
            The limit is below 0 or above the size of the map.
        """
        total = float(self.sizes[-1])
        if not 0 <= limit <= total * (1 + 1e-12):
            raise InputError(f"The flagged area of {limit:g} cells is not within the {total:g} cells of the map.")
        expected, worst, best = (float(values[0]) for values in self.at(np.array([limit])))
        return Bounds(expected, worst, best)

    @property
    def area_under(self) -> Bounds:
        """Area under the curve of the share of events against the share of the size, 0 to 1; random is one half."""
        whole = float(self.sizes[-1]) * float(self.events[-1])
        return Bounds(
            _under(self.sizes, self.events) / whole,
            _under(self.steps, self.worst) / whole,
            _under(self.best_steps, self.best) / whole,
        )


def _under(x: Floats, y: Floats) -> float:
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]))) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Cells by score, the highest first.

    Parameters
    ----------
    tie : (n,) int64
        Which tie each cell belongs to; 0 has the highest score.
    sizes : (n,) float64
        Of the cells: 1 each where they are equal, or the length of street in them; above 0.
    start, extent : (n,) float64
        For each cell the size that is ranked above its tie, and the size of the tie.
    """

    tie: np.ndarray[tuple[int], np.dtype[np.int64]]
    sizes: Floats
    start: Floats
    extent: Floats

    @classmethod
    def of(cls, scores: Floats, sizes: Floats | None = None) -> "Ranking":
        """Rank cells by scores (n,).

        Examples
        --------
        >>> ranking = Ranking.of(np.array([2.0, 8.0, 4.0, 4.0]))
        >>> ranking.tie.tolist(), ranking.start.tolist(), ranking.extent.tolist()
        ([2, 0, 1, 1], [3.0, 0.0, 1.0, 1.0], [1.0, 1.0, 2.0, 2.0])
        """
        sizes = np.ones(len(scores)) if sizes is None else sizes
        _, tie = np.unique(-scores.astype(np.float64), return_inverse=True)
        extent = np.bincount(tie, weights=sizes).astype(np.float64)
        start = np.cumsum(extent) - extent
        return cls(tie.astype(np.int64), sizes, start[tie], extent[tie])

    @property
    def total(self) -> float:
        """Size of all cells."""
        return float(self.sizes.sum())

    def flagged(self, limit: float) -> Floats:
        """Share of each cell that is flagged when `limit` is flagged from the top, expected over orders of the tie.

        Every part of the tie that the limit cuts is as likely as another to be flagged.

        Examples
        --------
        >>> Ranking.of(np.array([2.0, 8.0, 4.0, 4.0])).flagged(1.5).tolist()
        [0.0, 1.0, 0.25, 0.25]
        """
        shares: Floats = np.clip((limit - self.start) / self.extent, 0.0, 1.0)
        return shares

    @property
    def height(self) -> Floats:
        """What an event in each cell adds to the area under the curve: the share of the size that ranks below it."""
        return 1.0 - (self.start + self.extent / 2) / self.total

    def curve(self, counts: Floats) -> CaptureCurve:
        """Events caught, for counts (n,)."""
        density = counts / self.sizes
        worst, best = np.lexsort((density, self.tie)), np.lexsort((-density, self.tie))
        return CaptureCurve(
            sizes=_running(np.bincount(self.tie, weights=self.sizes).astype(np.float64)),
            events=_running(np.bincount(self.tie, weights=counts).astype(np.float64)),
            steps=_running(self.sizes[worst]),
            worst=_running(counts[worst]),
            best_steps=_running(self.sizes[best]),
            best=_running(counts[best]),
        )


def _running(values: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(values)])


def perfect(counts: Floats, sizes: Floats | None = None) -> Ranking:
    """The ranking that catches most at every size: by events for the size of the cell."""
    return Ranking.of(counts if sizes is None else counts / sizes, sizes)
