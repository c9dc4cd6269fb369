"""The steps of risk terrain modelling, in order; every route to a result calls these."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from .arrays import Floats
from .candidates.columns import CandidateSet, operationalise
from .candidates.covariates import AdjustmentScale, Covariates, Observations, observe
from .documents.factor_settings import FactorSettings
from .documents.periods import Period
from .documents.settings import PlaceSettings, SelectionSettings
from .doubt.significance import Significance, established
from .errors import InputError
from .forecast.empirical_bayes import Forecast, ForecastSettings, History, forecast
from .forecast.wide_terrain import wide_terrain
from .ground.features import Features
from .ground.frames import cells_frame, features_of
from .ground.grid import LEFT_OUT, Grid, count_events, study_grid, where_events_lie
from .model.document import RiskModel
from .model.parts import EventSummary, FamilyModel
from .model.summaries import culling_summary, family_model, fates, grid_summary, separation_summary
from .regression.verification import Verification, verify
from .selection.culling import Culling
from .selection.procedure import Selection, check_counts, select_model, without
from .study import Events, Study
from .terrain.places import FEWEST, Places, priority_places
from .terrain.scores import CLASS_NAMES, RiskTerrain, risk_terrain
from .tools.parallel import in_threads
from .tools.progress import Clock, Progress, part, silent


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StudyResult:
    """Everything that a run computes; `observations` holds the cells with a score, `grid` all of the study area's.

    `culling` is None where the selection went without.
    """

    grid: Grid
    events: Events
    observations: Observations
    model: RiskModel
    terrain: RiskTerrain
    places: Places
    clock: Clock = field(default_factory=Clock)
    culling: Culling | None = None

    def to_geodataframe(self) -> Any:
        """The cells as squares: score, its class, expected and observed events, rank of the priority place or 0."""
        scores = self.terrain.scores
        columns = {
            "score": scores,
            "class": [CLASS_NAMES[number] for number in self.terrain.summary.classes(scores)],
            "expected": self.terrain.expected,
            "observed": self.observations.counts,
            "place": self.places.label,
        }
        return cells_frame(self.observations.grid, columns)

    def forecast(self, duration: float = 1.0) -> Forecast:
        """Events expected in a coming period; `duration` is the length of the fitted one in lengths of the coming."""
        history = [History(self.observations.counts, duration)]
        return forecast_events(self.model.best, self.observations, self.terrain, history, culling=self.culling)

    def count(self, events: Any) -> Floats:
        """Other events, a GeoDataFrame of points in the study's CRS, in each cell: to validate on."""
        import pyproj  # comes with GeoPandas

        grid = self.observations.grid
        points = features_of(events, "events", pyproj.CRS(grid.crs), "point").coordinates
        return count_events(grid, points)[0]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What the whole procedure ends with.

    Parameters
    ----------
    selection : Selection
        Without the factors that are not established, where these leave.
    families : mapping of family → FamilyModel
    significance : Significance or None
        None where it was not asked for, or nothing was selected.
    """

    selection: Selection
    families: dict[str, FamilyModel]
    significance: Significance | None

    @property
    def best(self) -> FamilyModel:
        """The model of the chosen family."""
        return self.families[self.selection.family]


def run(
    study: Study,
    provenance: Mapping[str, Any] | None = None,
    progress: Progress = silent,
    clock: Clock | None = None,
    workers: int = 1,
    announce: Callable[[Grid, int], None] | None = None,
) -> StudyResult:
    """Grid, counts, candidates, selection, terrain, places.

    Parameters
    ----------
    study : Study
    provenance : mapping, optional
        Stored in the model with the seconds by stage added.
    workers : int
        Threads; the result is the same.
    announce : callable, optional
        Told the grid and the memory that the run will need, in bytes, before the long work begins.
    """
    clock = clock or Clock()
    with clock.stage("grid"):
        grid = study_grid(study.study_area, study.grid, study.crs, study.exclude)
    if announce is not None:
        announce(grid, memory_needed(grid, len(study.factors)))
    with clock.stage("events"):
        events = count(grid, study.events, period=study.period, days=study.days)
    check_counts(events.counts)
    with clock.stage("candidates"):
        candidates = candidate_set(study.factors, grid, part(progress, 0.02, 0.4), workers)
    covariates = study.covariates(grid) if study.covariates is not None else None
    observed = observe(grid, events.counts, candidates, covariates)
    choice = choose(observed, study.selection, clock, part(progress, 0.4, 0.93), workers)
    model = _described(
        choice,
        observed,
        events=events,
        settings=study.selection,
        provenance=provenance or {},
        clock=clock,
        progress=part(progress, 0.93, 0.95),
    )
    with clock.stage("terrain"):
        terrain = score(model.best, observed)
    with clock.stage("places"):
        places = _places(study.places, model, observed, terrain, part(progress, 0.95, 1.0))
    return StudyResult(
        grid=grid,
        events=events,
        observations=observed,
        model=model,
        terrain=terrain,
        places=places,
        clock=clock,
        culling=choice.selection.culling,
    )


def memory_needed(grid: Grid, factors: int) -> int:
    """Bytes that a run takes beyond QGIS itself, measured and rounded up: libraries, cells, and the box around them."""
    box = grid.mask.size
    return 200_000_000 + grid.cells * (160 + 78 * factors) + 1_260 * box


def memory_for_forecast(grid: Grid) -> int:
    """Bytes that a forecast takes on top, measured and rounded up: fields at eight scales, and their transforms.

    Those are over the whole box around the cells, however few of it are kept.
    """
    return 50_000_000 + 600 * grid.mask.size


def _places(
    settings: PlaceSettings, model: RiskModel, observed: Observations, terrain: RiskTerrain, progress: Progress
) -> Places:
    """Priority places with all that is known of their cells."""
    return priority_places(
        observed.grid,
        terrain.scores,
        settings,
        expected=terrain.expected.astype(np.float64),
        observed=observed.counts,
        terms=model.selected,
        candidates=observed.candidates,
        progress=progress,
        fewest=FEWEST,
    )


def score(family: FamilyModel, observed: Observations) -> RiskTerrain:
    """Scores and expected counts; exposure and adjustments enter the expected counts only."""
    return risk_terrain(family.intercept, family.selected, observed.candidates, log_offset(family, observed))


def log_offset(family: FamilyModel, observed: Observations) -> Floats | None:
    """What exposure and adjustments add to the log of the expected counts (n,); None when there are none."""
    if observed.adjust is None:
        return observed.offset
    shift: Floats = observed.adjust @ np.array([term.coefficient for term in family.adjustments])
    return shift if observed.offset is None else observed.offset + shift


def observe_again(
    model: RiskModel,
    grid: Grid,
    candidates: CandidateSet,
    covariates: Covariates | None,
    counts: Floats | None = None,
) -> Observations:
    """The cells to score with a model that was fitted before, its adjustments scaled as they were then.

    Parameters
    ----------
    counts : (cells,) float64, optional
        Events in them; none where they are not asked for.

    Raises
    ------
    InputError
        The model needs an exposure or adjustments that are not given, or is given others.
    """
    given = covariates or Covariates()
    wanted = [term.name for term in model.best.adjustments]
    if [name for name, _ in given.adjust] != wanted:
        raise InputError(
            f"The model was fitted with {', '.join(wanted) or 'no layer'} as adjustment; give the same layers in the "
            "same order."
        )
    if (model.exposure is None) != (given.exposure is None):
        was = "without an exposure" if model.exposure is None else f"with the exposure '{model.exposure.name}'"
        raise InputError(f"The model was fitted {was}; score it in the same way.")
    scales = tuple(AdjustmentScale(term.name, term.mean, term.sd) for term in model.best.adjustments)
    return observe(grid, np.zeros(grid.cells) if counts is None else counts, candidates, given, scales)


def count(
    grid: Grid,
    points: Floats,
    weights: Floats | None = None,
    period: Period | None = None,
    days: int | None = None,
) -> Events:
    """Count the events in the cells of the grid; `period` and `days` tell when they happened, where that is known."""
    counts, counted = count_events(grid, points, weights)
    weight = np.ones(len(points)) if weights is None else weights
    rest = weight[~counted]
    left_out = where_events_lie(grid, points[~counted]) == LEFT_OUT
    outside = float(rest[~left_out].sum())
    inside = float(weight[counted].sum())
    return Events(counts, inside, outside, period or Period(), float(rest[left_out].sum()), days)


def candidate_set(
    factors: Sequence[tuple[Features, FactorSettings]], grid: Grid, progress: Progress = silent, workers: int = 1
) -> CandidateSet:
    """Operationalise every factor."""
    jobs = [partial(operationalise, features, settings, grid) for features, settings in factors]
    return CandidateSet(tuple(in_threads(jobs, progress, workers)))


def fit_model(
    observed: Observations,
    events: Events,
    settings: SelectionSettings,
    provenance: Mapping[str, Any],
    clock: Clock | None = None,
    progress: Progress = silent,
    workers: int = 1,
) -> RiskModel:
    """Select, score, verify with statsmodels, and put together the model."""
    clock = clock or Clock()
    return _described(
        choose(observed, settings, clock, part(progress, 0.0, 0.9), workers),
        observed,
        events=events,
        settings=settings,
        provenance=provenance,
        clock=clock,
        progress=part(progress, 0.92, 1.0),
    )


def _described(
    choice: Choice,
    observed: Observations,
    events: Events,
    settings: SelectionSettings,
    provenance: Mapping[str, Any],
    clock: Clock,
    progress: Progress,
) -> RiskModel:
    """Verify what was chosen, and put together the model."""
    selection = choice.selection
    with clock.stage("verification"):
        verification = _verified(selection, observed, progress)
    return RiskModel(
        grid=grid_summary(observed),
        events=EventSummary(
            inside=events.inside,
            outside=events.outside,
            start=events.period.iso[0],
            end=events.period.iso[1],
            left_out=events.left_out,
            days=events.days,
        ),
        candidates=fates(observed.candidates, selection, choice.significance),
        family=selection.family,
        families=choice.families,
        exposure=observed.exposure,
        culling=culling_summary(selection, settings),
        score=score(choice.best, observed).summary,
        verification=verification,
        provenance={**provenance, "seconds": dict(clock.seconds)},
        separation=separation_summary(observed, selection),
        significance=choice.significance,
    )


def choose(
    observed: Observations,
    settings: SelectionSettings,
    clock: Clock | None = None,
    progress: Progress = silent,
    workers: int = 1,
) -> Choice:
    """The whole procedure of selection, culling and significance included; not verified."""
    clock, counts, candidates = clock or Clock(), observed.counts, observed.candidates
    tested = settings.significance == "spatial"
    selection = select_model(
        counts,
        candidates,
        settings,
        offset=observed.offset,
        adjust=observed.adjust,
        progress=part(progress, 0.0, 0.6 if tested else 1.0),
        clock=clock,
        workers=workers,
        copy_of=observed.copy_of,
    )
    significance = None
    if tested and selection.best.candidates:
        with clock.stage("significance"):
            members = [candidate.name for candidate in selection.best.candidates]
            watched = part(progress, 0.6, 0.98)
            significance = established(observed, members, progress=watched, keep=settings.keep_unestablished)
            selection = without(
                selection,
                [test.candidate for test in significance.left],
                counts,
                candidates,
                offset=observed.offset,
                adjust=observed.adjust,
                progress=part(progress, 0.98, 1.0),
            )
    families = {name: family_model(name, selected, observed) for name, selected in selection.families.items()}
    return Choice(selection, families, significance)


def forecast_events(
    family: FamilyModel,
    observed: Observations,
    terrain: RiskTerrain,
    history: Sequence[History],
    settings: ForecastSettings | None = None,
    progress: Progress = silent,
    culling: Culling | None = None,
) -> Forecast:
    """Forecast the coming period from a model's terrain, all candidates, and one or many past periods.

    `culling` is that of the observed counts, where it is at hand: it saves a fit when they are the history's.
    """
    counts = np.sum([period.counts for period in history], axis=0)
    known = culling if np.array_equal(counts, observed.counts) else None
    wide = wide_terrain(observed, counts, log_offset(family, observed), part(progress, 0.0, 0.45), known)
    expected = terrain.expected.astype(np.float64)
    return forecast(observed.grid, expected, history, settings, part(progress, 0.45, 1.0), wide)


def _verified(selection: Selection, observed: Observations, progress: Progress) -> Verification:
    """The check of the final model on every cell, spelled out."""
    fitted, members = selection.best.fit, selection.best.candidates
    columns = [c.sign * observed.candidates.column(c.name) for c in members]
    if observed.adjust is not None:
        columns.extend(observed.adjust.T)
    design = np.column_stack(columns) if columns else np.zeros((len(observed.counts), 0))
    return verify(
        selection.family,
        observed.counts,
        design,
        offset=observed.offset,
        coefficients=fitted.coefficients,
        standard_errors=fitted.standard_errors,
        dispersion=fitted.dispersion,
        log_likelihood=fitted.log_likelihood,
        progress=progress,
        has_maximum=not fitted.separated,
    )
