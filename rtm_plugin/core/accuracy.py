"""How many later events a map catches (METHOD §6), honest about ties."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .features import Floats


@dataclass(frozen=True, slots=True)
class Bounds:
    """A figure that depends on the order inside a tie: expected over random orders, and the worst and best order."""

    expected: float
    pessimistic: float
    optimistic: float

    def scaled(self, factor: float) -> "Bounds":
        """Every value times a factor."""
        return Bounds(self.expected * factor, self.pessimistic * factor, self.optimistic * factor)


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


def captured(scores: NDArray[Any], counts: Floats, cells: float) -> Bounds:
    """Events in the `cells` highest-scored cells.

    The tie that the limit cuts gives its mean count for each cell taken (expected), its smallest or its largest
    counts. A fraction of a cell takes that fraction of its events.

    Parameters
    ----------
    scores, counts : (n,)
    cells : float, 0 to n

    Examples
    --------
    >>> captured(np.array([8, 4, 4, 2]), np.array([6.0, 7, 3, 2]), 2)
    Bounds(expected=11.0, pessimistic=9.0, optimistic=13.0)
    """
    if not 0 <= cells <= len(scores):
        raise InputError(f"The flagged area of {cells:g} cells is not within the {len(scores)} cells of the map.")
    order = np.argsort(-scores.astype(np.float64), kind="stable")
    if cells == 0:
        return Bounds(0.0, 0.0, 0.0)
    cut = scores[order[min(len(order) - 1, int(np.ceil(cells)) - 1)]]
    above, tied = scores > cut, scores == cut
    sure, room = float(counts[above].sum()), cells - float(np.count_nonzero(above))
    inside = np.sort(counts[tied])
    return Bounds(sure + room * float(inside.mean()), sure + _first(inside, room), sure + _first(inside[::-1], room))


def _first(values: Floats, number: float) -> float:
    whole = int(number)
    rest = float(values[whole]) * (number - whole) if whole < len(values) else 0.0
    return float(values[:whole].sum()) + rest


def accuracy(scores: NDArray[Any], counts: Floats, share: float) -> Accuracy:
    """Hit rate, PAI and PEI at a share of the area, over equal cells.

    Raises
    ------
    InputError
        No later event lies in the study area, or the share is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise InputError(f"The share of the area is {share:g}; it must be above 0 and at most 1.")
    total = float(counts.sum())
    if total <= 0:
        raise InputError("No later event lies inside the study area, so that accuracy cannot be measured.")
    cells = share * len(scores)
    hits = captured(scores, counts, cells)
    best = captured(counts, counts, cells).expected
    return Accuracy(
        share,
        total,
        hits.scaled(1 / total),
        hits.scaled(1 / total / share),
        hits.scaled(1 / best),
    )


def calibration_rri(scores: NDArray[Any], counts: Floats, predicted: Floats, cells: int) -> float:
    """RRI (calibration): predicted over observed events in the highest-scored cells, pessimistic order inside ties.

    >>> predicted = np.array([8.0, 4, 4, 2, 1, 0])
    >>> round(calibration_rri(predicted, np.array([6.0, 7, 3, 2, 1, 0]), predicted, 2), 4)
    1.3333
    """
    order = np.lexsort((counts, -scores.astype(np.float64)))[:cells]
    seen = float(counts[order].sum())
    return float(predicted[order].sum()) / seen if seen else float("nan")
