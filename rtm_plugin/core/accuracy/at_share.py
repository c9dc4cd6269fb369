"""How many later events a map catches at one share of the area (method.md §6), honest about ties."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..errors import InputError
from .ranking import Bounds, CaptureCurve, Ranking, perfect


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Accuracy of one map at one share of the area.

    Parameters
    ----------
    share : float, a/A
    events : float, N
    hit_rate : Bounds, n/N
    pai : Bounds, predictive accuracy index (n/N)/(a/A)
    pei : Bounds, predictive efficiency index: PAI over the best PAI that any choice of the same area could reach
    """

    share: float
    events: float
    hit_rate: Bounds
    pai: Bounds
    pei: Bounds


def captured(scores: NDArray[Any], counts: Floats, cells: float, sizes: Floats | None = None) -> Bounds:
    """Events in the `cells` highest-scored cells.

    The tie that the limit cuts gives its mean count for each cell taken (expected), its smallest or its largest
    counts. A fraction of a cell takes that fraction of its events.

    Parameters
    ----------
    scores, counts : (n,)
    cells : float, 0 to n; with sizes, 0 to their sum
    sizes : (n,) float64, optional
        Of the cells, above 0, where they are not equal: then every part of a tie is as likely to be flagged.

    Examples
    --------
    >>> captured(np.array([8, 4, 4, 2]), np.array([6.0, 7, 3, 2]), 2)
    Bounds(expected=11.0, pessimistic=9.0, optimistic=13.0)
    """
    return Ranking.of(scores.astype(np.float64), sizes).curve(counts).bounds(cells)


@dataclass(frozen=True, slots=True, eq=False)
class Yardstick:
    """Later events that maps are measured against; what the best possible map would catch is worked out once.

    Parameters
    ----------
    counts : (n,) float64
    sizes : (n,) float64 or None
        Of the cells, above 0, where they are not equal.
    ranking : Ranking
        The one that catches most at every size.
    best : CaptureCurve
        What it catches.
    """

    counts: Floats
    sizes: Floats | None
    ranking: Ranking
    best: CaptureCurve

    @classmethod
    def of(cls, counts: Floats, sizes: Floats | None = None) -> "Yardstick":
        """For counts (n,) of later events."""
        ranking = perfect(counts, sizes)
        return cls(counts, sizes, ranking, ranking.curve(counts))

    def accuracies(self, scores: NDArray[Any], shares: Sequence[float]) -> tuple[Accuracy, ...]:
        """Hit rate, PAI and PEI of a map at each share of the area; its cells are ranked once.

        Raises
        ------
        InputError
            No later event lies in the study area, or a share is not above 0 and at most 1.
        """
        for share in shares:
            if not 0 < share <= 1:
                raise InputError(f"The share of the area is {share:g}; it must be above 0 and at most 1.")
        total = float(self.counts.sum())
        if total <= 0:
            raise InputError("No later event lies inside the study area, so that accuracy cannot be measured.")
        ranking = Ranking.of(scores.astype(np.float64), self.sizes)
        curve, size = ranking.curve(self.counts), ranking.total
        at_shares = []
        for share in shares:
            hits = curve.bounds(share * size)
            best = self.best.bounds(share * size).expected
            measured = hits.scaled(1 / total), hits.scaled(1 / total / share), hits.scaled(1 / best)
            at_shares.append(Accuracy(share, total, *measured))
        return tuple(at_shares)


def accuracies(
    scores: NDArray[Any], counts: Floats, shares: Sequence[float], sizes: Floats | None = None
) -> tuple[Accuracy, ...]:
    """Hit rate, PAI and PEI at each share of the area; see `Yardstick.accuracies`."""
    return Yardstick.of(counts, sizes).accuracies(scores, shares)


def accuracy(scores: NDArray[Any], counts: Floats, share: float, sizes: Floats | None = None) -> Accuracy:
    """Hit rate, PAI and PEI at one share of the area; see `Yardstick.accuracies`."""
    return accuracies(scores, counts, (share,), sizes)[0]


def calibration_rri(scores: NDArray[Any], counts: Floats, predicted: Floats, cells: int) -> float:
    """RRI (calibration): predicted over observed events in the highest-scored cells, pessimistic order inside ties.

    >>> predicted = np.array([8.0, 4, 4, 2, 1, 0])
    >>> round(calibration_rri(predicted, np.array([6.0, 7, 3, 2, 1, 0]), predicted, 2), 4)
    1.3333
    """
    order = np.lexsort((counts, -scores.astype(np.float64)))[:cells]
    seen = float(counts[order].sum())
    return float(predicted[order].sum()) / seen if seen else float("nan")
