"""Expected events in the coming period: the terrain, the neighbourhood's events and each cell's own history together.

Three steps, every constant chosen on the events given (method.md §6):

1. A convex mixture of terrains and of fields of the events around each cell, at eight scales, fitted by the likelihood
   of counts that no field has seen (core.fields). It is what the surroundings say of a cell.
2. The dispersion with which counts differ from that, by negative-binomial likelihood, NB1 or NB2, whichever is the
   likelier: how far cells have something of their own (core.heterogeneity).
3. Empirical Bayes: each cell's own history pulls its expectation with the weight that this dispersion gives.

With one period the fit leaves each cell out in turn: what the others say is held against the cell's count. With more,
the later ones are forecast from the earlier, so that only what lasts counts as a difference between cells, and so that
the weight of older periods can be chosen.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..arrays import Floats
from ..documents.declaration import setting
from ..errors import InputError, SettingsError
from ..ground.grid import Grid
from ..tools.progress import Progress, part, parts, silent
from .heterogeneity import Dispersion, Posterior, choose_dispersion, intervals, posterior, top_probability
from .mixture import Component, Fields, Terrain, fields, fitted_weights
from .smoothing import Smoother

PARTS = ("own history", "events in the neighbourhood", "features of the surroundings")
RECENCIES = (1.0, 0.8, 0.6, 0.4, 0.2)
FORMAT, VERSION = "risk-terrain-forecast", 1
_LEAST = 1e-9  # of the mean: what a terrain is at least, so that nowhere is ruled out


@dataclass(frozen=True, slots=True)
class ForecastSettings:
    """What is asked of a forecast beside the expected events.

    Parameters
    ----------
    top_share : float
        Percent of the cells: the top share whose probability each cell is given.
    coverage : float
        Percent of the intervals.
    """

    top_share: float = field(
        default=5.0,
        metadata=setting(
            parameter="TOP_SHARE",
            kind="number",
            label="Top share (percent of the area)",
            help="Each cell gets the probability that it is among this percentage of cells with the highest rates.",
            least=0.1,
            most=99.9,
        ),
    )
    coverage: float = field(
        default=90.0,
        metadata=setting(
            parameter="COVERAGE",
            kind="number",
            label="Coverage of the intervals (percent)",
            help="How often the interval of a cell is to hold the number of events that come.",
            least=0.1,
            most=99.9,
        ),
    )

    def __post_init__(self) -> None:
        if not 0 < self.top_share <= 100:
            raise SettingsError(f"The top share is {self.top_share:g} percent; it must be above 0 and at most 100.")
        if not 0 < self.coverage < 100:
            raise SettingsError(f"The coverage is {self.coverage:g} percent; it must be above 0 and below 100.")


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Events of one past period.

    Parameters
    ----------
    counts : (cells,) float64
    duration : float
        In lengths of the coming period: 1 when it is as long as the one that is forecast.
    """

    counts: Floats
    duration: float = 1.0


@dataclass(frozen=True, slots=True)
class Tried:
    """One weight of older periods, and how well the later events were then forecast from the earlier."""

    recency: float
    dispersion: Dispersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was chosen, and on what grounds.

    Parameters
    ----------
    method : {"each cell from the others", "later periods from earlier"}
    events, cells_with_events : float, int
    level : float
        Expected events in the coming period, all cells together.
    components : tuple of Component
        The mixture, weights adding up to 1.
    dispersion : Dispersion
    recency : float
        A period counts this many times as much as the next newer one.
    tried : tuple of Tried
        From 1 downwards, until forecasts get worse.
    scores : tuple of (str, float)
        Mean over the target's events of the log of the share of all events expected in their cell; higher is better:
        an even map, the terrain, and the mixture.
    parts : tuple of three floats
        The part of all expected events that each of PARTS gives.
    """

    method: str
    events: float
    cells_with_events: int
    level: float
    components: tuple[Component, ...]
    dispersion: Dispersion
    recency: float
    tried: tuple[Tried, ...]
    scores: tuple[tuple[str, float], ...]
    parts: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Forecast:
    """Forecast for n cells.

    Parameters
    ----------
    expected : (n,) float64
        Expected events in the coming period.
    lower, upper : (n,) float64
        Bounds of the number of events in the coming period.
    probability : (n,) float64
        That the cell's rate is among the highest top_share percent.
    parts : (n, 3) float64
        Shares of PARTS in the expected events; they sum to 1.
    """

    expected: Floats
    lower: Floats
    upper: Floats
    probability: Floats
    parts: Floats
    settings: ForecastSettings
    evidence: Evidence

    def document(self) -> dict[str, Any]:
        """Settings and evidence, as JSON can hold them."""
        content = {"format": FORMAT, "version": VERSION, "settings": asdict(self.settings), **asdict(self.evidence)}
        content["scores"] = dict(self.evidence.scores)
        content["parts"] = dict(zip(PARTS, self.evidence.parts, strict=True))
        return content


def forecast(
    grid: Grid,
    expected: Floats,
    history: Sequence[History],
    settings: ForecastSettings | None = None,
    progress: Progress = silent,
    wide: Terrain | None = None,
) -> Forecast:
    """Expected events in each cell in the coming period, with intervals.

    Parameters
    ----------
    grid : Grid of n cells
    expected : (n,) float64
        The model's expected counts μ; only their proportions are used, the level is the history's.
    history : sequence of History, oldest first
    settings : ForecastSettings
    wide : Terrain, optional
        A second terrain, of all candidates (core.wide_terrain). The mixture takes from each what proves right.

    Returns
    -------
    Forecast
        `parts`: with b the weight of the cell's own history, own history gives b h/E of the expected events; of the
        rest, (1 − b) m, what the terrain alone would give counts as features of the surroundings, and what events
        nearby add to it as neighbourhood.

    Raises
    ------
    InputError
        No period, no event, counts or expected counts that are not those of the grid's cells.

    Examples
    --------
    Forty events in one cell of nine, none elsewhere, on a flat terrain: the cell's own history decides.

    >>> grid = Grid(0, 3, 1, 2, np.ones((3, 3), bool))
    >>> counts = np.array([0.0, 0, 0, 0, 40, 0, 0, 0, 0])
    >>> coming = forecast(grid, np.ones(9), [History(counts)])
    >>> int(np.argmax(coming.expected)), round(float(coming.expected.sum()), 6), coming.parts[4].round(1).tolist()
    (4, 40.0, [1.0, 0.0, 0.0])
    """
    settings = settings or ForecastSettings()
    alone = _proportions(grid, expected)
    terrains = [Terrain(alone, alone)]
    if wide is not None:
        terrains.append(Terrain(_proportions(grid, wide.expected), _proportions(grid, wide.unseen)))
    _check(grid, history)
    smoother = Smoother.over(grid)
    earlier, later = _split(history)
    progress(0.02)
    if later:
        tried, chosen = _from_earlier(smoother, terrains, earlier, later, part(progress, 0.02, 0.6))
    else:
        tried, chosen = (), None
    final = _fit(smoother, terrains, history, chosen, part(progress, 0.6 if later else 0.02, 0.75))
    return _forecast(final, tried, bool(later), settings, part(progress, 0.75, 1.0))


def _proportions(grid: Grid, expected: Floats) -> Floats:
    values = np.asarray(expected, dtype=np.float64)
    if values.shape != (grid.cells,):
        raise InputError(f"The terrain has {values.size:,} cells and the study grid {grid.cells:,}; use the same grid.")
    if not np.isfinite(values).all() or (values < 0).any() or not values.any():
        raise InputError("The model's expected counts are not all finite and 0 or more; make the risk terrain again.")
    values = values / values.mean()
    values = np.maximum(values, _LEAST)
    return values / values.sum()


def _check(grid: Grid, history: Sequence[History]) -> None:
    if not history:
        raise InputError("There is no past period to forecast from; give at least one layer of events.")
    for i, period in enumerate(history, 1):
        if period.counts.shape != (grid.cells,):
            raise InputError(
                f"Period {i} has counts for {period.counts.size:,} cells and the study grid {grid.cells:,}; count its "
                "events on the same grid."
            )
        if not np.isfinite(period.counts).all() or (period.counts < 0).any():
            raise InputError(f"Period {i} has counts that are not finite and 0 or more; count its events again.")
        if not (np.isfinite(period.duration) and period.duration > 0):
            raise SettingsError(f"The duration of period {i} is {period.duration:g}; it must be above 0.")
    if not any(period.counts.any() for period in history):
        raise InputError(
            "None of the events lies inside the study area, so there is no history to forecast from; check the layers, "
            "their filters and their CRS."
        )


def _split(history: Sequence[History]) -> tuple[Sequence[History], Sequence[History]]:
    """Earlier periods, and the later ones that are forecast from them: at most half the time, at least one period.

    No later ones when there is one period, or when one of the sides would have no event.
    """
    whole, newest, number = sum(p.duration for p in history), 0.0, 0
    for period in reversed(history[1:]):
        newest += period.duration
        if number and newest > whole / 2 + 1e-9:
            break
        number += 1
    earlier, later = history[: len(history) - number], history[len(history) - number :]
    if not all(any(p.counts.any() for p in side) for side in (earlier, later)):
        return history, ()
    return earlier, later


def _pooled(history: Sequence[History], recency: float) -> tuple[Floats, float]:
    """Counts and durations, older periods weighted down."""
    weights = recency ** np.arange(len(history) - 1, -1, -1)
    counts = sum((w * p.counts for w, p in zip(weights, history, strict=True)), np.zeros_like(history[0].counts))
    return counts, float(sum(w * p.duration for w, p in zip(weights, history, strict=True)))


@dataclass(frozen=True, slots=True, eq=False)
class _Chosen:
    """Constants found by forecasting later periods from earlier ones."""

    recency: float
    weights: Floats
    dispersion: Dispersion
    scores: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Final:
    """Everything that the forecast is computed from."""

    fields: Fields
    mean: Floats
    counts: Floats
    exposure: float
    level: float
    chosen: _Chosen
    events: float


def _from_earlier(
    smoother: Smoother,
    terrains: Sequence[Terrain],
    earlier: Sequence[History],
    later: Sequence[History],
    progress: Progress,
) -> tuple[tuple[Tried, ...], _Chosen]:
    """The constants that forecast the later periods best from the earlier."""
    target, duration = _pooled(later, 1.0)
    recencies = RECENCIES if len(earlier) > 1 else RECENCIES[:1]
    tried: list[Tried] = []
    best: _Chosen | None = None
    for recency, share in zip(recencies, parts(progress, len(recencies)), strict=True):
        counts, _ = _pooled(earlier, recency)
        earlier_fields = fields(smoother, [t.unseen for t in terrains], counts, part(share, 0.0, 0.4))
        weights = fitted_weights(earlier_fields, counts, target, part(share, 0.4, 0.7))
        level = float(target.sum()) / duration
        mean = _mean(earlier_fields, weights, level)
        # the earlier exposure at the later level: a trend of the whole area is no difference between cells
        exposure = float(counts.sum()) / level
        dispersion = choose_dispersion(mean, target, duration, counts, exposure, part(share, 0.7, 1.0))
        tried.append(Tried(recency, dispersion))
        if best is not None and dispersion.score <= best.dispersion.score:
            break
        best = _Chosen(recency, weights, dispersion, _scores(earlier_fields, weights, target))
    if best is None:
        raise InputError("There is no past period to forecast from; give at least one layer of events.")
    return tuple(tried), best


def _fit(
    smoother: Smoother,
    terrains: Sequence[Terrain],
    history: Sequence[History],
    chosen: _Chosen | None,
    progress: Progress,
) -> _Final:
    """Fields of all periods; constants from them too when there are none from later periods."""
    counts, exposure = _pooled(history, chosen.recency if chosen else 1.0)
    level = float(counts.sum()) / exposure
    final = fields(smoother, [t.expected for t in terrains], counts, part(progress, 0.0, 0.3))
    if chosen is None:
        unseen_fields = final
        if len(terrains) > 1:
            unseen_fields = fields(smoother, [t.unseen for t in terrains], counts, part(progress, 0.3, 0.6))
        weights = fitted_weights(unseen_fields, counts, counts, part(progress, 0.6, 0.7))
        mean = _mean(unseen_fields, weights, level)
        nothing = np.zeros_like(counts)
        dispersion = choose_dispersion(mean, counts, exposure, nothing, 0.0, part(progress, 0.7, 1.0))
        chosen = _Chosen(1.0, weights, dispersion, _scores(unseen_fields, weights, counts))
    mean = _mean(final, chosen.weights, level)
    events = float(sum(p.counts.sum() for p in history))
    return _Final(fields=final, mean=mean, counts=counts, exposure=exposure, level=level, chosen=chosen, events=events)


def _mean(field_values: Fields, weights: Floats, level: float) -> Floats:
    """Prior mean m (n,): what the surroundings say, in events in a period of unit length."""
    return level * field_values.mixed(weights)


def _scores(field_values: Fields, weights: Floats, target: Floats) -> tuple[tuple[str, float], ...]:
    hit = target > 0
    maps = {
        "even": field_values.values[0],
        "terrain": field_values.values[1],
        "mixture": _mean(field_values, weights, 1.0),
    }
    total = float(target.sum())
    return tuple((name, float(target[hit] @ np.log(values[hit])) / total) for name, values in maps.items())


def _forecast(
    final: _Final, tried: tuple[Tried, ...], from_earlier: bool, settings: ForecastSettings, progress: Progress
) -> Forecast:
    chosen = final.chosen
    rates = posterior(chosen.dispersion, final.mean, final.counts, final.exposure)
    rates = rates.scaled(final.level / float(rates.mean.sum()))
    lower, upper = intervals(rates, settings.coverage / 100, part(progress, 0.0, 0.3))
    probability = top_probability(rates, settings.top_share / 100, part(progress, 0.3, 1.0))
    shares = _parts(final, rates)
    evidence = Evidence(
        method="later periods from earlier" if from_earlier else "each cell from the others",
        events=final.events,
        cells_with_events=int(np.count_nonzero(final.counts)),
        level=final.level,
        components=tuple(
            Component(c.kind, c.bandwidth, float(w))
            for c, w in zip(final.fields.components, chosen.weights, strict=True)
        ),
        dispersion=chosen.dispersion,
        recency=chosen.recency,
        tried=tried,
        scores=chosen.scores,
        parts=tuple(float(v) for v in rates.mean @ shares / rates.mean.sum()),
    )
    return Forecast(
        expected=rates.mean,
        lower=lower,
        upper=upper,
        probability=probability,
        parts=shares,
        settings=settings,
        evidence=evidence,
    )


def _parts(final: _Final, rates: Posterior) -> Floats:
    """(n, 3): shares of PARTS."""
    around = (1 - rates.own) * final.mean
    own_events = rates.own * final.counts / final.exposure
    drivers = final.fields.of_terrain(final.chosen.weights) * final.level / final.mean
    shares = np.column_stack([own_events, around * (1 - drivers), around * drivers])
    shares = np.maximum(shares, 0.0)
    return shares / shares.sum(axis=1, keepdims=True)
