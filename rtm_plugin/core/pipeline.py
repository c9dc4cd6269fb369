"""The steps of risk terrain modelling, in order; every route to a result calls these."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np

from .candidates import CandidateSet, operationalise
from .covariates import AdjustmentScale, Covariates, Observations, observe
from .elastic_net import Culling, cull
from .errors import InputError
from .features import Features, Floats
from .grid import Grid, count_events, study_grid
from .model import (
    AdjustmentTerm,
    CandidateFate,
    CullingSummary,
    EventSummary,
    FamilyModel,
    GridSummary,
    ModelTerm,
    RiskModel,
    TraceStep,
)
from .parallel import in_threads
from .places import Places, priority_places
from .progress import Progress, part, parts, silent
from .stepwise import Selected, profile, select
from .study import FactorSettings, GridSettings, PlaceSettings, SelectionSettings
from .terrain import RiskTerrain, risk_terrain
from .verification import Verification, verify

_T = TypeVar("_T")


class Clock:
    """Seconds by stage; `listener` is told the name of each stage when it begins."""

    def __init__(self, listener: Callable[[str], None] | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._listener = listener
        self._stage = ""

    def timed(self, stage: str, work: Callable[[], _T]) -> _T:
        """Do the work and add its time to the stage."""
        if self._listener is not None and stage != self._stage:
            self._stage = stage
            self._listener(stage)
        start = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.perf_counter() - start, 3)


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Counts of the outcome events on a grid.

    Parameters
    ----------
    counts : (cells,) float64
    inside, outside : float
        Number of events that count and that do not; the sums of their weights where they have any.
    """

    counts: Floats
    inside: float
    outside: float


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """All that a run needs, as arrays and settings.

    Parameters
    ----------
    study_area : Features of polygons
    events : (m, 2) float64
    factors : sequence of (Features, FactorSettings)
    exclude : Features of polygons, optional
    covariates : function of the grid that gives its Covariates, optional
    """

    study_area: Features
    crs: str
    events: Floats
    factors: Sequence[tuple[Features, FactorSettings]]
    grid: GridSettings
    selection: SelectionSettings
    places: PlaceSettings
    exclude: Features | None = None
    covariates: Callable[[Grid], Covariates | None] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class StudyResult:
    """Everything that a run computes; `observations` holds the cells with a score, `grid` all of the study area's."""

    grid: Grid
    events: Events
    observations: Observations
    model: RiskModel
    terrain: RiskTerrain
    places: Places
    clock: Clock = field(default_factory=Clock)


def run(
    study: Study,
    provenance: Mapping[str, Any],
    progress: Progress = silent,
    clock: Clock | None = None,
    workers: int = 1,
    announce: Callable[[Grid, int], None] | None = None,
) -> StudyResult:
    """Grid, counts, candidates, selection, terrain, places.

    Parameters
    ----------
    study : Study
    provenance : mapping, stored in the model with the seconds by stage added
    workers : int
        Threads; the result is the same.
    announce : callable, optional
        Told the grid and the memory that the run will need, in bytes, before the long work begins.
    """
    clock = clock or Clock()
    grid = clock.timed("grid", lambda: study_grid(study.study_area, study.grid, study.crs, study.exclude))
    if announce is not None:
        announce(grid, memory_needed(grid, len(study.factors)))
    events = clock.timed("events", lambda: count(grid, study.events))
    check_counts(events.counts)
    candidates = clock.timed(
        "candidates", lambda: candidate_set(study.factors, grid, part(progress, 0.02, 0.4), workers)
    )
    covariates = study.covariates(grid) if study.covariates is not None else None
    observed = observe(grid, events.counts, candidates, covariates)
    model = fit_model(observed, events, study.selection, provenance, clock, part(progress, 0.4, 0.95))
    terrain = clock.timed("terrain", lambda: score(model.best, observed))
    places = clock.timed(
        "places",
        lambda: priority_places(
            observed.grid,
            terrain.scores,
            study.places,
            terrain.expected.astype(np.float64),
            observed.counts,
            model.selected,
            observed.candidates,
            part(progress, 0.95, 1.0),
        ),
    )
    return StudyResult(grid, events, observed, model, terrain, places, clock)


def memory_needed(grid: Grid, factors: int) -> int:
    """Bytes that a run takes beyond QGIS itself, measured and rounded up: libraries, cells, and the box around them."""
    box = grid.mask.size
    return 200_000_000 + grid.cells * (160 + 14 * factors) + 60 * box


def score(family: FamilyModel, observed: Observations) -> RiskTerrain:
    """Scores and expected counts; exposure and adjustments enter the expected counts only."""
    offset = observed.offset
    if observed.adjust is not None:
        shift = observed.adjust @ np.array([term.coefficient for term in family.adjustments])
        offset = shift if offset is None else offset + shift
    return risk_terrain(family.intercept, family.selected, observed.candidates, offset)


def observe_again(
    model: RiskModel, grid: Grid, candidates: CandidateSet, covariates: Covariates | None
) -> Observations:
    """The cells to score with a model that was fitted before, its adjustments scaled as they were then.

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
    return observe(grid, np.zeros(grid.cells), candidates, given, scales)


def count(grid: Grid, points: Floats, weights: Floats | None = None) -> Events:
    """Count the events in the cells of the grid."""
    counts, counted = count_events(grid, points, weights)
    weight = np.ones(len(points)) if weights is None else weights
    return Events(counts, float(weight[counted].sum()), float(weight[~counted].sum()))


def candidate_set(
    factors: Sequence[tuple[Features, FactorSettings]], grid: Grid, progress: Progress = silent, workers: int = 1
) -> CandidateSet:
    """Operationalise every factor."""
    jobs = [partial(operationalise, features, settings, grid) for features, settings in factors]
    return CandidateSet(tuple(in_threads(jobs, progress, workers)))


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Outcome of the selection under every family tried."""

    dropped: Mapping[str, str]
    culling: Culling | None
    families: Mapping[str, Selected]
    family: str
    alternatives: Mapping[str, float]

    @property
    def best(self) -> Selected:
        """Of the chosen family."""
        return self.families[self.family]


def select_model(
    counts: Floats,
    candidates: CandidateSet,
    settings: SelectionSettings,
    offset: Floats | None = None,
    adjust: Floats | None = None,
    progress: Progress = silent,
    clock: Clock | None = None,
) -> Selection:
    """Drop useless columns, cull, select under each family, keep the family with the lowest BIC.

    Parameters
    ----------
    counts : (n,) float64, whole numbers
    candidates : CandidateSet
    settings : SelectionSettings
    offset : (n,) float64, optional, log exposure
    adjust : (n, q) float64, optional, columns always in the model

    Raises
    ------
    InputError
        No events, counts that are not whole numbers, or no usable candidate.
    """
    clock = clock or Clock()
    check_counts(counts)
    dropped = useless_columns(candidates)
    usable = [c.name for c in candidates.candidates if c.name not in dropped]
    if not usable:
        raise InputError(
            "No candidate variable varies over the study area: every cell, or none, is within the spatial influence "
            "of each factor. Use other factors or influences."
        )
    pool = candidates.only(usable)
    culling = None
    if settings.cull:
        culling = clock.timed(
            "culling",
            lambda: cull(counts, pool, settings, offset, adjust, part(progress, 0.0, 0.6)),
        )
    survivors = usable if culling is None else list(culling.survivors)
    kept = pool.only(survivors) if survivors else None
    tried = list(zip(settings.families, parts(part(progress, 0.6, 0.9), len(settings.families)), strict=True))
    families = clock.timed(
        "selection",
        lambda: {family: select(family, counts, kept, offset, adjust, share) for family, share in tried},
    )
    family = min(families, key=lambda name: families[name].fit.bic)
    alternatives = clock.timed(
        "selection",
        lambda: profile(family, counts, families[family], pool, offset, adjust, part(progress, 0.9, 1.0)),
    )
    return Selection(dropped, culling, families, family, alternatives)


def check_counts(counts: Floats) -> None:
    """Refuse counts that no model can be fitted to, before any long work."""
    if not np.isfinite(counts).all() or (counts < 0).any() or (counts != np.rint(counts)).any():
        raise InputError(
            "The event counts are not all whole numbers of 0 or more; a count model needs plain counts, so count the "
            "events without a weight, or with whole-number weights."
        )
    if not counts.any():
        raise InputError("No event lies inside the study area; check the layer, its filter and its CRS.")
    if len(counts) < 10:
        raise InputError(f"The study area has only {len(counts)} cells; choose a smaller cell size.")


def useless_columns(candidates: CandidateSet) -> dict[str, str]:
    """Name → reason for each candidate that is constant or the same as an earlier one.

    The first of identical columns stays.
    """
    dropped: dict[str, str] = {}
    seen: dict[tuple[bytes, str], str] = {}
    for candidate, column in zip(candidates.candidates, candidates.columns(), strict=True):
        exposed = int(np.count_nonzero(column))
        key = (np.packbits(column).tobytes(), candidate.direction)
        if exposed == 0:
            dropped[candidate.name] = "No cell is exposed."
        elif exposed == len(column):
            dropped[candidate.name] = "Every cell is exposed."
        elif key in seen:
            dropped[candidate.name] = f"The same cells as {seen[key]}."
        else:
            seen[key] = candidate.name
    return dropped


def fit_model(
    observed: Observations,
    events: Events,
    settings: SelectionSettings,
    provenance: Mapping[str, Any],
    clock: Clock | None = None,
    progress: Progress = silent,
) -> RiskModel:
    """Select, score, verify with statsmodels, and put together the model."""
    clock = clock or Clock()
    selection = select_model(
        observed.counts,
        observed.candidates,
        settings,
        observed.offset,
        observed.adjust,
        part(progress, 0.0, 0.9),
        clock,
    )
    families = {name: _family_model(name, found, observed) for name, found in selection.families.items()}
    progress(0.92)
    verification = clock.timed("verification", lambda: _verified(selection, observed))
    return RiskModel(
        _grid_summary(observed),
        EventSummary(events.inside, events.outside),
        _fates(observed.candidates, selection),
        selection.family,
        families,
        observed.exposure,
        _culling_summary(selection, settings),
        score(families[selection.family], observed).summary,
        verification,
        {**provenance, "seconds": dict(clock.seconds)},
    )


def _verified(selection: Selection, observed: Observations) -> Verification:
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
        observed.offset,
        fitted.coefficients,
        fitted.standard_errors,
        fitted.dispersion,
        fitted.log_likelihood,
    )


def _grid_summary(observed: Observations) -> GridSummary:
    grid = observed.grid
    with_events = int(np.count_nonzero(observed.counts))
    return GridSummary(grid.cells, with_events, grid.cell_size, grid.block_length, grid.crs, grid.extent)


def _culling_summary(selection: Selection, settings: SelectionSettings) -> CullingSummary | None:
    c = selection.culling
    if c is None:
        return None
    return CullingSummary(c.l1_share, c.penalty, c.deviance, settings.folds, settings.seed, len(c.survivors))


def _family_model(family: str, selected: Selected, observed: Observations) -> FamilyModel:
    """Terms sorted by relative risk value, largest first."""
    fit = selected.fit
    terms = [
        ModelTerm(
            c.name,
            c.factor,
            c.operationalisation,
            c.distance,
            c.direction,
            float(fit.coefficients[i]),
            float(fit.standard_errors[i]),
            float(fit.p_values[i]),
            float(np.exp(fit.coefficients[i])),
        )
        for i, c in enumerate(selected.candidates, 1)
    ]
    first = 1 + len(terms)
    adjustments = tuple(
        AdjustmentTerm(
            scale.name,
            scale.mean,
            scale.sd,
            float(fit.coefficients[i]),
            float(fit.standard_errors[i]),
            float(fit.p_values[i]),
        )
        for i, scale in enumerate(observed.scales, first)
    )
    return FamilyModel(
        family,
        tuple(sorted(terms, key=lambda term: (-term.rrv, term.name))),
        adjustments,
        float(fit.coefficients[0]),
        float(fit.standard_errors[0]),
        fit.dispersion,
        fit.log_dispersion_error,
        fit.log_likelihood,
        fit.bic,
        tuple(TraceStep(**asdict(step)) for step in selected.steps),
    )


def _fates(candidates: CandidateSet, selection: Selection) -> tuple[CandidateFate, ...]:
    """Fate and reason of every candidate, in order."""
    exposed = candidates.exposed()
    return tuple(
        CandidateFate(
            c.name,
            c.factor,
            c.operationalisation,
            c.distance,
            c.direction,
            int(exposed[j]),
            c.threshold,
            *_fate(c.name, c.factor, selection),
            selection.alternatives.get(c.name),
        )
        for j, c in enumerate(candidates.candidates)
    )


def _fate(name: str, factor: str, selection: Selection) -> tuple[bool, str, str]:
    """survived, fate, reason."""
    if name in selection.dropped:
        return False, "dropped", selection.dropped[name]
    culling = selection.culling
    survived = culling is None or name in culling.survivors
    chosen = {c.factor: c.name for c in selection.best.candidates}
    if chosen.get(factor) == name:
        return survived, "selected", "In the model."
    if culling is not None and not survived:
        reason = (
            f"The elastic net set its coefficient to 0 (penalty {culling.penalty:.4g}, L1 share {culling.l1_share:g})."
        )
        return False, "culled", reason
    if factor in chosen:
        return True, "not selected", f"{chosen[factor]} stands for this factor in the model."
    return True, "not selected", "It does not lower BIC with a coefficient above 0 and p ≤ 0.05."
