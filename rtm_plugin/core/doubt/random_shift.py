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
    shifts: Shifts, residual: Floats, columns: Sequence[Floats], progress: Progress = silent
) -> ShiftStatistics:
    """Hold every candidate, where it is and at each shift, against a residual.

    U(v) = [Σ eᵢx(i + v) − (Σ x(i + v)/N(v))·Σ eᵢ] / √N(v), sums over the N(v) cells on the map before and after;
    Z(v) = U(v)/s with s² the mean of U² over the shifts.

    Parameters
    ----------
    shifts : Shifts
    residual : (cells,) float64
    columns : p columns (cells,), signed
    """
    lags, chosen, root = shifts.lags, shifts.chosen, np.sqrt(shifts.overlap)
    errors = lags.transformed(residual.astype(np.float32))
    remaining = lags.sums(errors, shifts.mask)
    at_home = np.zeros(len(columns))
    largest = np.full(shifts.number, -np.inf)
    for j, (column, share) in enumerate(zip(columns, parts(progress, len(columns)), strict=True)):
        share(0.0)
        layer = lags.transformed(column.astype(np.float32))
        together = lags.sums(errors, layer)
        mean = lags.sums(shifts.mask, layer)
        moved = together.ravel()[chosen] - mean.ravel()[chosen] / shifts.overlap * remaining.ravel()[chosen]
        moved = moved / root
        spread = float(np.sqrt(np.mean(moved**2)))
        if spread <= _NO_SPREAD:
            continue
        cells = lags.grid.cells
        home = (together[0, 0] - mean[0, 0] / cells * remaining[0, 0]) / np.sqrt(cells)
        at_home[j] = home / spread
        np.maximum(largest, moved / spread, out=largest)
    return ShiftStatistics(at_home, largest)


def family_wise_p(statistic: float, largest: Floats) -> float:
    """(1 + number of shifts at which some candidate reaches the statistic) / (1 + shifts).

    >>> family_wise_p(2.0, np.array([0.5, 2.5, 1.0]))
    0.5
    """
    return float((1 + np.count_nonzero(largest >= statistic)) / (1 + len(largest)))
