"""How many later events a map catches at one share of the area (method.md §6), honest about ties."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..errors import InputError
from .ranking import Bounds, CaptureCurve, Ranking, perfect
from .resampling import intervals, resampled_sums


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SameArea:
    """How many later events chosen ground held, and what the best cells of another map held on the same area.

    Parameters
    ----------
    share : float
        Of the area that the ground covers.
    events : float
        Later events in the whole area.
    hit_rate, pai : float
        Of the ground.
    rival_hit_rate, rival_pai : Bounds
        Of the other map, from its highest score down, on as many cells.
    lower, upper : float
        95 % interval of the difference in hit rate, ground less other map; not a number without replicates.
    """

    share: float
    events: float
    hit_rate: float
    pai: float
    rival_hit_rate: Bounds
    rival_pai: Bounds
    lower: float
    upper: float


def on_same_area(
    ground: NDArray[np.bool_], counts: Floats, rival: NDArray[Any], replicates: int = 1000, seed: int = 1
) -> SameArea:
    """Hit rate and PAI of some cells, and of as many of another map's best cells.

    The interval is of bootstrap samples of the cells that hold events (core.accuracy.resampling); both choices of
    ground stay as they are, the tie at which the other map's cells end being taken in equal parts.

    Parameters
    ----------
    ground : (n,) bool
        The chosen cells, one at least.
    counts : (n,) float64
        Later events.
    rival : (n,)
        Scores of the other map.

    Raises
    ------
    InputError
        No later event lies in the study area.

    Examples
    --------
    Two of four cells hold 5 of 8 events; the best two by the other map hold 4 and, by the order in a tie, 1 or 2:

    >>> found = on_same_area(np.array([True, False, True, False]), np.array([4.0, 2, 1, 1]), np.array([9, 5, 5, 1]))
    >>> found.hit_rate, found.pai, found.rival_hit_rate
    (0.625, 1.25, Bounds(expected=0.6875, pessimistic=0.625, optimistic=0.75))
    """
    total, share = float(counts.sum()), float(ground.mean())
    if total <= 0:
        raise InputError("No later event lies inside the study area, so that accuracy cannot be measured.")
    ranking = Ranking.of(rival.astype(np.float64))
    cells = float(np.count_nonzero(ground))
    caught = ranking.curve(counts).bounds(cells)
    hit_rate = float(counts[ground].sum()) / total
    held = counts > 0
    summands = np.column_stack([ground.astype(np.float64) - ranking.flagged(cells), np.ones(len(counts))])
    sums = resampled_sums(counts[held, None] * summands[held], replicates, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        lower, upper = intervals(sums[:, :1] / sums[:, 1:]) if replicates else (np.array([np.nan]),) * 2
    return SameArea(
        share=share,
        events=total,
        hit_rate=hit_rate,
        pai=hit_rate / share,
        rival_hit_rate=caught.scaled(1 / total),
        rival_pai=caught.scaled(1 / total / share),
        lower=float(lower[0]),
        upper=float(upper[0]),
    )


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
