"""Numbers behind the figures: ladders of distances, scores, observed and expected events, the two lists of places."""

import math
from dataclasses import dataclass

import numpy as np

from ..core.accuracy.at_share import SameArea
from ..core.accuracy.calibration import deciles
from ..core.arrays import Floats
from ..core.ground.event_density import LEAST_SUPPORT, event_density
from ..core.model.document import RiskModel
from ..core.model.parts import CandidateFate
from ..core.regression.likelihood import log_pmf, variance_of
from ..core.terrain.scores import CLASS_NAMES, ScoreSummary
from ..core.tools.normal import NORMAL_95
from .cells import Cells

PRIORITY_PLACES, PATROL_PLACES = "priority places", "patrol places"  # names of the two lists
CLOSE_BIC = 6.0
BINS = 36
_COUNTS = 6  # numbers of events in a cell that are told one by one; the last row is "so many or more"
_DISTINCT = 2000  # expected counts; more are put in as many groups before probabilities are summed


@dataclass(frozen=True, slots=True)
class PlaceList:
    """One of the two lists of places.

    Parameters
    ----------
    name : {"priority places", "patrol places"}
    count : int
    share_of_cells : float
    sentence : str
        What it is for, and how it did on later events where there are some.
    later : SameArea or None
        The numbers of that.
    """

    name: str
    count: int
    share_of_cells: float
    sentence: str
    later: SameArea | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One candidate on a factor's ladder.

    Parameters
    ----------
    gap : float or None
        What BIC would gain (+, worse) or lose (−) with the candidate in its factor's place; None if not tried.
    chosen : bool
    close : bool
        A runner-up: its BIC less than 6 above that of the model.
    """

    name: str
    operationalisation: str
    distance: float
    gap: float | None
    chosen: bool
    close: bool


@dataclass(frozen=True, slots=True)
class FactorLadder:
    """All candidates of a factor; `chosen` is the one in the model in words, "" when there is none."""

    factor: str
    chosen: str
    rungs: tuple[Rung, ...]

    @property
    def close(self) -> int:
        """Number of runners-up."""
        return sum(rung.close for rung in self.rungs)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreClass:
    """One class of the map; events are None where they are not known."""

    name: str
    cells: int
    share_of_cells: float
    square_km: float
    observed: float | None
    share_of_events: float | None


@dataclass(frozen=True, slots=True)
class ScoreBins:
    """Distribution of the scores: edges (n + 1) of equal ratio, and the share of the cells in each bin (n)."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FitGroup:
    """Cells of similar expected counts: events expected, with the model's 95 % range of their sum, and observed."""

    cells: int
    expected: float
    low: float
    high: float
    observed: float


@dataclass(frozen=True, slots=True)
class CountRow:
    """How many cells hold so many events, and how many the model expects to; the last row is "or more"."""

    events: int
    or_more: bool
    cells: int
    expected: float


@dataclass(frozen=True, slots=True)
class DensityNote:
    """How the map of event density was made safe to hand on.

    Parameters
    ----------
    side : float
        Of a square, map units.
    least : int
        Cells with events that must support a square.
    hidden : float
        Share of the squares that fewer support.
    """

    side: float
    least: int
    hidden: float


def ladders_of(model: RiskModel) -> tuple[FactorLadder, ...]:
    """The ladder of every factor: those in the model first, by relative risk value."""
    chosen = {term.factor: term for term in sorted(model.selected, key=lambda t: (-t.rrv, t.name))}
    others = dict.fromkeys(c.factor for c in model.candidates if c.factor not in chosen)
    ladders = []
    for factor in (*chosen, *others):
        term = chosen.get(factor)
        rungs = [_rung(c, term.name if term else "", model.best.bic) for c in model.candidates if c.factor == factor]
        words = f"{term.operationalisation} {term.distance:g}" if term else ""
        ladders.append(
            FactorLadder(factor, words, tuple(sorted(rungs, key=lambda r: (r.operationalisation, r.distance))))
        )
    return tuple(ladders)


def _rung(candidate: CandidateFate, chosen: str, bic: float) -> Rung:
    is_chosen = candidate.name == chosen
    gap = None if candidate.bic_if_used is None else candidate.bic_if_used - bic
    if is_chosen:
        gap = 0.0
    close = bool(chosen) and not is_chosen and gap is not None and gap < CLOSE_BIC
    return Rung(
        name=candidate.name,
        operationalisation=candidate.operationalisation,
        distance=candidate.distance,
        gap=gap,
        chosen=is_chosen,
        close=close,
    )


def score_classes(summary: ScoreSummary, cells: Cells, square_km: float) -> tuple[ScoreClass, ...]:
    """The classes, highest risk first; `square_km` is the ground of a cell."""
    classes = summary.classes(cells.scores)
    number = np.bincount(classes, minlength=len(CLASS_NAMES))
    events = None if cells.counts is None else np.bincount(classes, weights=cells.counts, minlength=len(CLASS_NAMES))
    total = 0.0 if events is None else float(events.sum())
    names = CLASS_NAMES if summary.sd > 0 else CLASS_NAMES[:1]
    rows = [
        ScoreClass(
            name=name,
            cells=int(number[i]),
            share_of_cells=float(number[i]) / len(classes),
            square_km=float(number[i]) * square_km,
            observed=None if events is None else float(events[i]),
            share_of_events=None if events is None or not total else float(events[i]) / total,
        )
        for i, name in enumerate(names)
    ]
    return tuple(reversed(rows))


def score_bins(cells: Cells) -> ScoreBins | None:
    """The distribution of the scores on bins of equal ratio; None when all are equal."""
    scores = cells.scores.astype(np.float64)
    low, high = float(scores.min()), float(scores.max())
    if not high > low * (1 + 1e-9):
        return None
    edges = np.geomspace(low, high * (1 + 1e-9), BINS + 1)
    edges[0], number = low, np.zeros(BINS)
    np.add.at(number, np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, BINS - 1), 1.0)
    return ScoreBins(tuple(map(float, edges)), tuple(map(float, number / len(scores))))


def bin_classes(bins: ScoreBins, summary: ScoreSummary) -> tuple[int, ...]:
    """The class of the middle of each bin."""
    edges = np.array(bins.edges)
    middles = np.sqrt(edges[1:] * edges[:-1]).astype(np.float32)
    return tuple(int(c) for c in summary.classes(middles))


def fit_groups(model: RiskModel, cells: Cells) -> tuple[FitGroup, ...]:
    """Observed and expected events of ten groups of cells by expected count; cells of equal expectation stay together.

    The range is that of the sum of independent counts of the chosen family: expected ± 1.96 √variance. It does not
    know that the same events fitted the model, nor that neighbouring cells resemble one another.
    """
    if cells.expected is None or cells.counts is None:
        return ()
    group = deciles(cells.expected)
    size = np.bincount(group)
    expected, observed, variance = (
        np.bincount(group, weights=values)
        for values in (
            cells.expected,
            cells.counts,
            variance_of(model.family, cells.expected, model.best.dispersion),
        )
    )
    spread = NORMAL_95 * np.sqrt(variance)
    return tuple(
        FitGroup(int(n), float(e), max(0.0, float(e - s)), float(e + s), float(o))
        for n, e, s, o in zip(size, expected, spread, observed, strict=True)
    )


def count_rows(model: RiskModel, cells: Cells) -> tuple[CountRow, ...]:
    """Cells by number of events beside what the chosen family expects; empty without counts of whole events."""
    if cells.expected is None or cells.counts is None or not (cells.counts == np.rint(cells.counts)).all():
        return ()
    means, number = _distinct(cells.expected)
    observed = np.bincount(np.minimum(cells.counts, _COUNTS - 1).astype(np.int64), minlength=_COUNTS)
    each = [
        float(number @ np.exp(log_pmf(model.family, np.array(float(k)), means, model.best.dispersion)))
        for k in range(_COUNTS - 1)
    ]
    each.append(max(0.0, float(number.sum()) - math.fsum(each)))
    return tuple(CountRow(k, k == _COUNTS - 1, int(observed[k]), each[k]) for k in range(_COUNTS))


def _distinct(expected: Floats) -> tuple[Floats, Floats]:
    """Different expected counts and how many cells have each; many of them are gathered in narrow groups."""
    means, number = np.unique(np.maximum(expected, 1e-300), return_counts=True)
    if len(means) > _DISTINCT:
        edges = np.geomspace(means[0], means[-1], _DISTINCT)
        group = np.searchsorted(edges, means, side="left")
        weight = np.bincount(group, weights=number)
        total = np.bincount(group, weights=number * means)
        used = weight > 0
        return total[used] / weight[used], weight[used].astype(np.float64)
    return means, number.astype(np.float64)


def density_note(cells: Cells) -> DensityNote | None:
    """How coarse the map of events is; None without counts."""
    if cells.counts is None or not cells.counts.any():
        return None
    density = event_density(cells.grid, cells.counts)
    return DensityNote(density.side * cells.grid.cell_size, LEAST_SUPPORT, density.shares[0])
