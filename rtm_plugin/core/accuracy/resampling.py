"""Bootstrap intervals: what the figures would be, had other events come.

What is drawn are cells with their events, or single events. Later events come in clusters: five in a cell may be one
piece of evidence. Drawing cells takes them as one, so that the intervals are wide enough whatever the clusters are
within cells, and too wide where events are independent and cells hold many of them; drawing events is right for
independent events, and too narrow for clusters. The maps, the ground and the flagged cells stay as they are.

Each unit is drawn a Poisson(1) number of times (the Poisson bootstrap: Hanley and MacGibbon 2006), which is drawing
with replacement from many without the cost of it. All figures are made of sums over cells, so that one product of
matrices resamples all of them together, and two figures of one replicate are paired.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..tools.progress import Progress, parts, silent
from ..tools.scipy_calls import product

LEVEL = 0.95
_NUMBERS_AT_ONCE = 2_000_000
_GROUPS = 1000  # of the cells without events


def resampled_sums(
    values: Floats, replicates: int, seed: int, progress: Progress = silent, events: Floats | None = None
) -> Floats:
    """Sums of the columns over resampled rows.

    Parameters
    ----------
    values : (m, k) float64
    replicates : int
    seed : int
    events : (m,) float64, optional
        How many units each row is made of, above 0: they are drawn one by one, and the row counts in proportion.
        Without them a row is one unit.

    Returns
    -------
    (replicates, k) float64; the same for the same seed, however large the chunks of work are

    Examples
    --------
    >>> sums = resampled_sums(np.array([[1.0, 2.0], [3.0, 6.0]]), 4, seed=1)
    >>> bool((sums[:, 1] == 2 * sums[:, 0]).all())
    True
    """
    random = np.random.default_rng(seed)
    at_once = max(1, _NUMBERS_AT_ONCE // max(1, len(values)))
    sums = np.zeros((replicates, values.shape[1]))
    for first in range(0, replicates, at_once):
        progress(first / replicates)
        rows = min(at_once, replicates - first)
        if events is None:
            times = random.poisson(1.0, (rows, len(values))).astype(np.float64)
        else:
            times = random.poisson(events, (rows, len(values))) / events
        sums[first : first + rows] = product(times, values)
    progress(1.0)
    return sums


def groups_of(cells: int) -> NDArray[np.int64]:
    """Group of each of the cells that are too many to be drawn one by one: at most 1,000 groups, dealt at random.

    A sum over cells has the same variance when groups of them are drawn together, as chance alone says which cells
    share a group.

    Returns
    -------
    (cells,) int64
    """
    return np.random.default_rng(0).permutation(cells) % _GROUPS if cells > _GROUPS else np.arange(cells)


def intervals(replicates: Floats) -> tuple[Floats, Floats]:
    """Lower and upper ends of the 95 % percentile intervals of the columns.

    Replicates in which a figure has no value are left out of its interval.

    Parameters
    ----------
    replicates : (b, k) float64

    Examples
    --------
    >>> lower, upper = intervals(np.arange(41.0)[:, None])
    >>> lower.round(9).tolist(), upper.round(9).tolist()
    ([1.0], [39.0])
    """
    ends = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    result = np.full((2, replicates.shape[1]), np.nan)
    known = np.isfinite(replicates)
    whole = known.all(axis=0)
    if whole.any():
        result[:, whole] = np.quantile(replicates[:, whole], ends, axis=0)
    for column in np.flatnonzero(~whole & known.any(axis=0)):
        result[:, column] = np.quantile(replicates[known[:, column], column], ends)
    return result[0], result[1]


@dataclass(frozen=True, slots=True)
class Ratio:
    """scale · top / bottom; `top` and `bottom` are columns of `Sums`, and None stands for 1."""

    scale: float
    top: int | None
    bottom: int | None

    def of(self, sums: Floats) -> Floats:
        """Values (b,) from rows of sums (b, k); not finite where the bottom is 0.

        >>> Ratio(2.0, 0, 1).of(np.array([[3.0, 4.0]])).tolist(), Ratio(2.0, 0, None).of(np.array([[3.0]])).tolist()
        ([1.5], [6.0])
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            top = 1.0 if self.top is None else sums[:, self.top]
            ratio = np.divide(top, 1.0 if self.bottom is None else sums[:, self.bottom])
            values: Floats = np.broadcast_to(self.scale * ratio, len(sums))
        return values


class Sums:
    """Columns of summands, one for each cell; equal columns are kept once.

    Parameters
    ----------
    counts : (n,) float64
        Cells without events are drawn in groups, as most columns are 0 there.
    numbers : (n,) float64
        How many independent events the counts stand for; the counts themselves where events have no weights.
    """

    def __init__(self, counts: Floats, numbers: Floats) -> None:
        self.counts = counts
        self._drawn = numbers[counts > 0]
        self._of_cells: set[int] = set()
        self._held, self._empty = np.flatnonzero(counts > 0), np.flatnonzero(counts <= 0)
        self._group = groups_of(len(self._empty))
        self._nothing = np.zeros(int(self._group.max(initial=-1)) + 1)
        self._columns: list[Floats] = []
        self._numbers: dict[bytes, int] = {}

    def column(self, values: Floats, of_cells: bool = False) -> int:
        """The number of the column with these summands (n,); `of_cells` where an event alone has none."""
        empty = values[self._empty]
        grouped = (
            np.bincount(self._group, weights=empty, minlength=len(self._nothing)) if empty.any() else self._nothing
        )
        summands = np.concatenate([values[self._held], grouped])
        key = hashlib.blake2b(summands.tobytes()).digest()
        if key not in self._numbers:
            self._numbers[key] = len(self._columns)
            self._columns.append(summands)
        if of_cells:
            self._of_cells.add(self._numbers[key])
        return self._numbers[key]

    @property
    def totals(self) -> Floats:
        """Sums of the columns as they are."""
        return np.array([column.sum() for column in self._columns])

    def resampled(self, replicates: int, seed: int, units: str, progress: Progress) -> Floats:
        """(replicates, columns): sums over resampled cells or events; replicates without any event are left out."""
        whole, held = np.column_stack(self._columns), len(self._held)
        cells = sorted(self._of_cells)
        if units == "events":
            first, second = parts(progress, 2)
            sums = resampled_sums(np.ascontiguousarray(whole[:held]), replicates, seed, first, self._drawn)
            if cells:  # means over cells, of which an event is no part
                sums[:, cells] = resampled_sums(np.ascontiguousarray(whole[:, cells]), replicates, seed, second)
        else:
            sums = resampled_sums(whole if cells else np.ascontiguousarray(whole[:held]), replicates, seed, progress)
        some: Floats = sums[sums[:, self.column(self.counts)] > 0]
        return some
