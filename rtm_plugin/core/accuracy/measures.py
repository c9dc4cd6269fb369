"""The figures of a validation as ratios of sums over cells, so that all of them are resampled by one product."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..terrain.scores import ScoreSummary
from ..tools.progress import Progress, part, parts
from .at_share import Yardstick
from .calibration import CalibrationSlope, crps, deciles, deviance, rescaled
from .ranking import Bounds, CaptureCurve, Ranking
from .resampling import Ratio, Sums

AREA, STREET = "area", "street"
PERFECT = "perfect"
HIT_RATE, PAI, PEI, AREA_UNDER = "hit rate", "PAI", "PEI", "area under the curve"
RECAPTURE, CALIBRATION = "RRI (recapture)", "RRI (calibration)"
EFFICIENCY = {AREA: "events per km²", STREET: "events per km"}
PREDICTED, OBSERVED, RATIO = "predicted events", "observed events", "predicted / observed"
SLOPE, DEVIANCE, CRPS = "calibration slope", "Poisson deviance", "CRPS"
CLASSES = ("above mean + 2 SD", "above mean + 1 SD", "above mean")
_DRAWN = np.concatenate([np.arange(0, 0.2, 0.0025), np.arange(20, 101) / 100])


class Scored(Protocol):
    """What is needed of a map; ScoredMap of core.validation says what it is."""

    @property
    def name(self) -> str: ...
    @property
    def scores(self) -> Floats: ...
    @property
    def role(self) -> str: ...
    @property
    def expected(self) -> Floats | None: ...
    @property
    def family(self) -> str: ...
    @property
    def dispersion(self) -> float | None: ...


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What shares are of: equal cells, or the length of street in them.

    Parameters
    ----------
    name : {"area", "street"}
    cells : (m,) int64
        The cells with a size above 0.
    sizes : (m,) float64
    unit : float
        km² or km of one unit of size.
    """

    name: str
    cells: NDArray[np.int64]
    sizes: Floats
    unit: float

    @classmethod
    def of(cls, name: str, sizes: Floats, unit: float) -> "Basis":
        """The cells with a size above 0, sizes (n,)."""
        cells = np.flatnonzero(sizes > 0)
        return cls(name, cells, sizes[cells], unit)

    @property
    def total(self) -> float:
        """Size of all cells."""
        return float(self.sizes.sum())

    def spread(self, values: Floats, number: int) -> Floats:
        """Values (m,) of its cells as an array of all `number` cells, 0 elsewhere."""
        result = np.zeros(number)
        result[self.cells] = values
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a figure is about: a map, on which ground, and which part of it.

    Parameters
    ----------
    map, basis, kind, threshold, share
        As core.validation's Figure has them.
    owner : str
        The map whose class is the threshold; "" where all maps have it.
    """

    map: str
    basis: str
    kind: str
    threshold: str
    share: float | None
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One figure of one map: a ratio of two sums.

    Parameters
    ----------
    about : Subject
    measure : str
    ratio : Ratio
    ties : Bounds or None
        Pessimistic and optimistic values, where the order inside ties matters.
    slope : CalibrationSlope, optional
        The figure is the slope that belongs to the ratio.
    most : float
        A figure cannot be higher: the best choice for the events as they came may be beaten on resampled ones.
    """

    about: Subject
    measure: str
    ratio: Ratio
    ties: Bounds | None = None
    slope: CalibrationSlope | None = None
    most: float = np.inf

    @property
    def compared(self) -> bool:
        """Whether a difference between two maps means anything: their deciles hold other cells."""
        return self.about.kind != "decile"

    def of(self, sums: Floats) -> Floats:
        """Values (b,) from rows of sums (b, k)."""
        values = self.ratio.of(sums)
        if self.slope is not None and len(sums):
            return self.slope.of(values)
        return np.minimum(values, self.most)

    def bounds_of(self, totals: Floats) -> Bounds:
        """The value of the events as they came, with its bounds."""
        value = float(self.of(totals[None])[0])
        if self.ties is None:
            return Bounds(value, value, value)
        return Bounds(value, self.ties.pessimistic, self.ties.optimistic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Share of events caught against share of the area or street flagged, for one map or the perfect one."""

    map: str
    basis: str
    shares: tuple[float, ...]
    expected: tuple[float, ...]
    pessimistic: tuple[float, ...]
    optimistic: tuple[float, ...]


def capture_statistics(
    maps: Sequence[Scored],
    basis: Basis,
    sums: Sums,
    shares: Sequence[float],
    prior: Floats | None,
    progress: Progress,
) -> tuple[list[Statistic], list[Curve]]:
    """Hit rate, PAI, PEI, both RRIs, search efficiency, the area under the curve, and the curve of each map."""
    thresholds = [_Threshold("share", f"{100 * share:g} %", share, "") for share in shares]
    thresholds += [class_limit for m in maps if m.role == "terrain" for class_limit in _class_limits(m, basis)]
    counts = sums.counts[basis.cells]
    first, *rest = parts(progress, 1 + len(maps))
    ideal = Yardstick.of(counts, basis.sizes)
    first(0.5)
    best = ideal.best
    rivals = []
    for threshold, step in zip(thresholds, parts(part(first, 0.5, 1.0), len(thresholds)), strict=True):
        limit = threshold.share * basis.total
        step(0.5)
        rival = sums.column(basis.spread(ideal.ranking.flagged(limit) * counts, len(sums.counts)))
        rivals.append((threshold, rival, best.bounds(limit).expected))
    statistics: list[Statistic] = []
    curves = []
    for m, watched in zip(maps, rest, strict=True):
        captured, curve = _captured_by(m, basis, sums, rivals, prior, watched)
        statistics += captured
        curves.append(_drawn(m.name, basis, curve))
    return statistics, [*curves, _drawn(PERFECT, basis, best)]


def _captured_by(
    m: Scored,
    basis: Basis,
    sums: Sums,
    rivals: Sequence[tuple["_Threshold", int, float]],
    prior: Floats | None,
    progress: Progress,
) -> tuple[list[Statistic], CaptureCurve]:
    """The figures of one map; `rivals` has each threshold with what the best choice catches, as column and sum."""
    number, counts = len(sums.counts), sums.counts[basis.cells]
    every = sums.column(basis.spread(counts, number))
    ranking = Ranking.of(m.scores[basis.cells], basis.sizes)
    progress(0.2)
    curve = ranking.curve(counts)
    progress(0.4)
    earlier = None if prior is None else _Earlier(ranking, prior[basis.cells])
    progress(0.6)
    height = sums.column(basis.spread(ranking.height * counts, number))
    everything = Subject(map=m.name, basis=basis.name, kind="all", threshold="", share=None)
    statistics = [
        Statistic(about=everything, measure=AREA_UNDER, ratio=Ratio(1.0, height, every), ties=curve.area_under)
    ]
    expected = None if m.expected is None else m.expected[basis.cells]
    for done, (threshold, rival, most) in enumerate(rivals):
        progress(0.6 + 0.4 * done / len(rivals))
        share = threshold.share
        flagged = ranking.flagged(share * basis.total)
        hit = sums.column(basis.spread(flagged * counts, number))
        hits = curve.bounds(share * basis.total)
        rates = hits.scaled(1 / float(counts.sum()))
        size = share * basis.total * basis.unit
        about = Subject(
            map=m.name,
            basis=basis.name,
            kind=threshold.kind,
            threshold=threshold.label,
            share=share,
            owner=threshold.owner,
        )
        at_threshold = [
            (HIT_RATE, Ratio(1.0, hit, every), rates),
            (PAI, Ratio(1 / share, hit, every), rates.scaled(1 / share)),
            (PEI, Ratio(1.0, hit, rival), hits.scaled(1 / most)),
            (EFFICIENCY[basis.name], Ratio(1 / size, hit, None), hits.scaled(1 / size)),
        ]
        if earlier is not None:
            recaptured = Ratio(earlier.factor(flagged), hit, every)
            at_threshold.append((RECAPTURE, recaptured, earlier.recapture(rates, share)))
        if expected is not None:
            predicted = float(flagged @ expected) / float(expected.sum())
            at_threshold.append((CALIBRATION, Ratio(predicted, every, hit), _over(predicted, rates)))
        for measure, ratio, ties in at_threshold:
            limit = 1.0 if measure == PEI else np.inf
            statistics.append(Statistic(about=about, measure=measure, ratio=ratio, ties=ties, most=limit))
    return statistics, curve


def _drawn(name: str, basis: Basis, curve: CaptureCurve) -> Curve:
    """The curve as shares of events at shares of the ground, fewer points than there are cells."""
    expected, pessimistic, optimistic = (values / curve.events[-1] for values in curve.at(_DRAWN * basis.total))
    return Curve(
        map=name,
        basis=basis.name,
        shares=tuple(_DRAWN.tolist()),
        expected=tuple(expected.tolist()),
        pessimistic=tuple(pessimistic.tolist()),
        optimistic=tuple(optimistic.tolist()),
    )


@dataclass(frozen=True, slots=True)
class _Threshold:
    """How much is flagged; `owner` is the map whose class it is."""

    kind: str
    label: str
    share: float
    owner: str


def _class_limits(m: Scored, basis: Basis) -> list[_Threshold]:
    """What lies above the class limits of a map; a class without cells is left out."""
    summary = ScoreSummary.of(m.scores)
    limits = []
    for cut, label in zip(reversed(summary.cuts), CLASSES, strict=True):
        share = float(basis.sizes[m.scores[basis.cells] > cut].sum()) / basis.total
        if 0 < share < 1:
            limits.append(_Threshold("class", f"{label} of {m.name}", share, m.name))
    return limits


class _Earlier:
    """Prior events along a ranking, for RRI (recapture) = (n₂/n₁)/(N₂/N₁)."""

    def __init__(self, ranking: Ranking, prior: Floats) -> None:
        self._ranking, self._prior, self._all = ranking, prior, float(prior.sum())
        self._curve = ranking.curve(prior)

    def factor(self, flagged: Floats) -> float:
        """N₁/n₁, with the expected n₁."""
        return _divide(self._all, float(flagged @ self._prior))

    def recapture(self, rates: Bounds, share: float) -> Bounds:
        """Bounds that hold whatever the order inside the tie that is cut: the worst n₂ over the best n₁, and so on."""
        prior = self._curve.bounds(share * self._ranking.total).scaled(_divide(1.0, self._all))
        return Bounds(
            _divide(rates.expected, prior.expected),
            _divide(rates.pessimistic, prior.optimistic),
            _divide(rates.optimistic, prior.pessimistic) if prior.pessimistic or not prior.optimistic else np.inf,
        )


def _over(predicted: float, rates: Bounds) -> Bounds:
    return Bounds(
        _divide(predicted, rates.expected), _divide(predicted, rates.pessimistic), _divide(predicted, rates.optimistic)
    )


def _divide(one: float, other: float) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.divide(one, other))


def calibration_statistics(
    maps: Sequence[Scored], sums: Sums, progress: Progress
) -> tuple[list[Statistic], tuple[str, ...]]:
    """Calibration of the maps of expected counts, scaled to the number of later events, and what could not be told."""
    statistics: list[Statistic] = []
    notes = []
    for m, watched in zip(maps, parts(progress, len(maps)), strict=True):
        if m.expected is None:
            continue
        without = int(np.count_nonzero(m.expected <= 0))
        if without:
            notes.append(
                f"The calibration of '{m.name}' cannot be measured: {without:,} of its cells expect no event at all."
            )
        else:
            statistics += _calibration_of(m, m.expected, sums, watched)
    return statistics, tuple(notes)


def _calibration_of(m: Scored, expected: Floats, sums: Sums, progress: Progress) -> list[Statistic]:
    counts = sums.counts
    every, cells = sums.column(counts), sums.column(np.ones(len(counts)), of_cells=True)
    scaled = rescaled(expected, counts)
    misfit = sums.column(deviance(counts=counts, expected=scaled), of_cells=True)
    score = sums.column(crps(m.family, scaled, counts, m.dispersion, progress), of_cells=True)
    logs = sums.column(counts * np.log(scaled))
    whole = Subject(map=m.name, basis=AREA, kind="all", threshold="", share=None)
    statistics = [
        Statistic(about=whole, measure=RATIO, ratio=Ratio(float(expected.sum()), None, every)),
        Statistic(about=whole, measure=DEVIANCE, ratio=Ratio(1.0, misfit, cells)),
        Statistic(about=whole, measure=CRPS, ratio=Ratio(1.0, score, cells)),
    ]
    slope = CalibrationSlope(scaled)
    if slope.exists:
        statistics.append(Statistic(about=whole, measure=SLOPE, ratio=Ratio(1.0, logs, every), slope=slope))
    group = deciles(scaled)
    for number in range(int(group.max()) + 1):
        inside = group == number
        predicted = float(scaled[inside].sum() / scaled.sum())
        seen = sums.column(np.where(inside, counts, 0.0))
        decile = Subject(map=m.name, basis=AREA, kind="decile", threshold=str(number + 1), share=float(inside.mean()))
        statistics += [
            Statistic(about=decile, measure=PREDICTED, ratio=Ratio(predicted, every, None)),
            Statistic(about=decile, measure=OBSERVED, ratio=Ratio(1.0, seen, None)),
            Statistic(about=decile, measure=RATIO, ratio=Ratio(predicted, every, seen)),
        ]
    return statistics
