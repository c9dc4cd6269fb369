"""The same layer shifted about the map: the reference that a factor's agreement with the events is held against.

Minus correction: at a shift only the cells count that lie on the map before and after; the statistic is scaled by the
root of their number (variance correction of Mrkvička, Dvořák, González and Mateu 2021), and the maximum is taken over
all candidates of all factors, so that the level holds for the family (docs/method.md §10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..tools.progress import Progress, parts, silent
from .lags import Lags

LEAST_OVERLAP = 0.4  # of the cells
STRIDE = 2  # cells, in both directions
_NO_SPREAD = 1e-9  # a candidate that never varies over the shifts


@dataclass(frozen=True, slots=True, eq=False)
class Shifts:
    """The admissible shifts of a map, and what does not depend on events or candidates.

    Parameters
    ----------
    lags : Lags
    chosen : (s,) int64
        Places of the shifts in the box, as flat indices.
    overlap : (s,) float64
        Cells on the map before and after.
    mask : transform of the map
    """

    lags: Lags
    chosen: NDArray[np.int64]
    overlap: Floats
    mask: NDArray[np.complex64]

    @classmethod
    def over(cls, lags: Lags) -> Shifts:
        """Every second shift in both directions that leaves enough of the map on the map; 0 is not among them."""
        mask = lags.transformed(np.ones(lags.grid.cells, dtype=np.float32))
        overlap = lags.sums(mask, mask).astype(np.float64)
        even = (lags.down % STRIDE == 0)[:, None] & (lags.right % STRIDE == 0)[None]
        admissible = even & lags.within & (overlap >= LEAST_OVERLAP * lags.grid.cells)
        admissible[0, 0] = False
        chosen = np.flatnonzero(admissible)
        return cls(lags, chosen, np.rint(overlap.ravel()[chosen]), mask)

    @property
    def number(self) -> int:
        """How many shifts there are."""
        return len(self.chosen)


@dataclass(frozen=True, slots=True, eq=False)
class ShiftStatistics:
    """What the shifts say of every candidate.

    Parameters
    ----------
    unshifted : (p,) float64
        Z of each candidate where it is, before the correction for what other factors explain; 0 where it cannot vary.
    largest : (s,) float64
        Largest Z over all candidates, at each shift.
    """

    unshifted: Floats
    largest: Floats


def shift_statistics(
    shifts: Shifts, residuals: Sequence[Floats], columns: Sequence[Floats], progress: Progress = silent
) -> list[ShiftStatistics]:
    """Hold every candidate, where it is and at each shift, against each residual.

    U(v) = [Σ eᵢx(i + v) − (Σ x(i + v)/N(v))·Σ eᵢ] / √N(v), sums over the N(v) cells on the map before and after;
    Z(v) = U(v)/s with s² the mean of U² over the shifts. The residuals are taken together, since most of the work on a
    candidate is the same for all of them.

    Parameters
    ----------
    shifts : Shifts
    residuals : each (cells,) float64
    columns : p columns (cells,), signed
    """
    held = [_Residual.of(shifts, residual, len(columns)) for residual in residuals]
    for j, (column, share) in enumerate(zip(columns, parts(progress, len(columns)), strict=True)):
        share(0.0)
        layer = _Layer.of(shifts, column)
        for one, moment in zip(held, parts(share, len(held)), strict=True):
            moment(0.0)
            one.hold(shifts, layer, j)
    return [ShiftStatistics(one.at_home, one.largest) for one in held]


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """A candidate: its transform, and its mean over the cells that each shift, and none, leaves on the map."""

    transform: NDArray[np.complex64]
    moved_mean: Floats
    mean: float

    @classmethod
    def of(cls, shifts: Shifts, column: Floats) -> _Layer:
        lags = shifts.lags
        layer = lags.transformed(column.astype(np.float32))
        sums = lags.sums(shifts.mask, layer)
        return cls(layer, sums.ravel()[shifts.chosen] / shifts.overlap, sums[0, 0] / lags.grid.cells)


@dataclass(frozen=True, slots=True, eq=False)
class _Residual:
    """A residual: its transform, its sums over those cells, and what was found so far."""

    transform: NDArray[np.complex64]
    moved_sum: Floats
    sum: float
    at_home: Floats
    largest: Floats

    @classmethod
    def of(cls, shifts: Shifts, residual: Floats, columns: int) -> _Residual:
        errors = shifts.lags.transformed(residual.astype(np.float32))
        remaining = shifts.lags.sums(errors, shifts.mask)
        largest = np.full(shifts.number, -np.inf)
        return cls(errors, remaining.ravel()[shifts.chosen], remaining[0, 0], np.zeros(columns), largest)

    def hold(self, shifts: Shifts, layer: _Layer, j: int) -> None:
        """Hold the j-th candidate against it."""
        together = shifts.lags.sums(self.transform, layer.transform)
        moved = together.ravel()[shifts.chosen] - layer.moved_mean * self.moved_sum
        moved = moved / np.sqrt(shifts.overlap)
        spread = float(np.sqrt(np.mean(moved**2)))
        if spread <= _NO_SPREAD:
            return
        home = (together[0, 0] - layer.mean * self.sum) / np.sqrt(shifts.lags.grid.cells)
        self.at_home[j] = home / spread
        np.maximum(self.largest, moved / spread, out=self.largest)


def family_wise_p(statistic: float, largest: Floats) -> float:
    """(1 + number of shifts at which some candidate reaches the statistic) / (1 + shifts).

    >>> family_wise_p(2.0, np.array([0.5, 2.5, 1.0]))
    0.5
    """
    return float((1 + np.count_nonzero(largest >= statistic)) / (1 + len(largest)))
