"""What rtm:run does beyond the terrain: a forecast, the patrol places of it, and all maps measured on later events."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from qgis.core import QgsProcessingFeedback

from ...rtm_plugin.adapters.crs import metres_per_unit, units_text
from ...rtm_plugin.adapters.feedback import progress_of
from ...rtm_plugin.adapters.read_layers import ReadLayer
from ...rtm_plugin.core.accuracy.at_share import Accuracy, Yardstick, on_same_area
from ...rtm_plugin.core.accuracy.validation import SHARES, ScoredMap, ValidationSettings, baseline_maps, validate
from ...rtm_plugin.core.data.past_periods import past_periods
from ...rtm_plugin.core.documents.findings import warnings_in
from ...rtm_plugin.core.documents.layer_words import short_period
from ...rtm_plugin.core.documents.patrol_settings import PatrolSettings
from ...rtm_plugin.core.documents.periods import Period
from ...rtm_plugin.core.forecast.empirical_bayes import Forecast, History
from ...rtm_plugin.core.ground.grid import Grid
from ...rtm_plugin.core.pipeline import StudyResult, count, forecast_events
from ...rtm_plugin.core.study import Events
from ...rtm_plugin.core.terrain.patrol_places import PatrolPlaces, patrol_places
from ...rtm_plugin.core.tools.progress import Progress, part
from ...rtm_plugin.report.place_lists import OnLaterEvents
from ...rtm_plugin.report.validation import ValidationFindings, validation_findings
from ...rtm_plugin.report.validation_context import MapOrigin, ValidationContext
from .base import tr
from .data_findings import findings_of_events
from .forecast_outputs import as_saved
from .log import tell_accuracy, tell_forecast, tell_patrols, tell_validation
from .study_inputs import Inputs

TERRAIN, FORECAST = "risk terrain", "forecast"


@dataclass(frozen=True, slots=True)
class Measured:
    """How the maps did on later events: what the page tells, the accuracy of each map at each share of the area, and
    that of the two lists of places.
    """

    findings: ValidationFindings
    accuracy: tuple[tuple[str, Accuracy], ...]
    lists: OnLaterEvents

    @property
    def terrain(self) -> tuple[Accuracy, ...]:
        """Of the risk terrain."""
        return tuple(row for name, row in self.accuracy if name == TERRAIN)


@dataclass(frozen=True, slots=True)
class Beyond:
    """What a run does beyond the terrain, where it is asked for."""

    forecast: Forecast | None = None
    patrols: PatrolPlaces | None = None
    later: Measured | None = None


def beyond_terrain(
    inputs: Inputs,
    result: StudyResult,
    settings: PatrolSettings,
    provenance: Mapping[str, Any],
    feedback: QgsProcessingFeedback,
) -> Beyond:
    """The forecast and the patrol places of it, and the test of all maps when there are later events."""
    feedback.setProgressText(tr("Forecasting"))
    forecast = forecast_of(inputs, result, progress_of(feedback, 0.8, 0.87))
    tell_forecast(forecast, inputs.events.report.words.events, coming_text(inputs), feedback)
    grid, metres = result.observations.grid, metres_per_unit(inputs.crs)
    patrols = patrol_places(grid, as_saved(forecast), settings, metres, progress_of(feedback, 0.87, 0.88))
    tell_patrols(patrols, grid, settings, metres, feedback)
    later = inputs.test_events
    if later is None:
        return Beyond(forecast, patrols)
    feedback.setProgressText(tr("Measuring on later events"))
    progress = progress_of(feedback, 0.88, 0.95)
    measured = measured_on_later_events(inputs, later, result, forecast, patrols, provenance, progress)
    tell_accuracy(measured.terrain, later.report.words.events, feedback)
    warnings = (*later.report.warnings, *warnings_in(measured.findings.context.data_findings))
    tell_validation(measured.findings, warnings, feedback)
    return Beyond(forecast, patrols, measured)


def later_text(events: str, period: Period) -> str:
    """Later events in a title."""
    when = short_period(period)
    return tr("{}, {}").format(events, when) if when else events


def coming_days(inputs: Inputs) -> int | None:
    """How many days the forecast is for; None when the length of the fitting period is not known."""
    later = inputs.test_events
    return inputs.events.days and ((later.days if later is not None else None) or inputs.events.days)


def coming_text(inputs: Inputs) -> str:
    """The period that the forecast is for, in a sentence."""
    fitted, later = inputs.events.days, inputs.test_events
    if fitted and later is not None and later.days:
        return tr("in the test period ({}, {:,} days)").format(later.period.text, later.days)
    if fitted:
        return tr("in the next {:,} days, a period as long as the one fitted on ({})").format(
            fitted, inputs.events.period.text
        )
    return tr("in a coming period as long as the one fitted on, whose dates are not known")


def days_ratio(coming: int | None, fitted: int | None) -> float | None:
    """By what an expectation for the fitting period is multiplied to be one for the later period."""
    return coming / fitted if coming and fitted else None


def forecast_of(inputs: Inputs, result: StudyResult, progress: Progress) -> Forecast:
    """What the fitting window alone gives for the later period; where that is not known, for one as long as itself."""
    observed, history = result.observations, _history(inputs, result)
    return forecast_events(
        result.model.best, observed, result.terrain, history, progress=progress, culling=result.culling
    )


def _history(inputs: Inputs, result: StudyResult) -> list[History]:
    """The fitting window, in periods where the events' dates bear it; durations are in lengths of the coming one."""
    fitted, later, grid = inputs.events, inputs.test_events, result.observations.grid
    coming = (later.days if later is not None else None) or fitted.days
    cut = past_periods(fitted.dates, fitted.coverage) if fitted.dates is not None and fitted.coverage else ()
    if cut and coming:
        points = fitted.features.coordinates
        return [History(count(grid, points[one.events]).counts, one.days / coming) for one in cut]
    return [History(result.observations.counts, (fitted.days or 1) / coming if coming else 1.0)]


def measured_on_later_events(
    inputs: Inputs,
    later: ReadLayer,
    result: StudyResult,
    forecast: Forecast,
    patrols: PatrolPlaces,
    provenance: Mapping[str, Any],
    progress: Progress,
) -> Measured:
    """Terrain, forecast and baselines against the later events, and the lists of places."""
    grid = result.observations.grid
    baselines, bandwidth = baseline_maps(grid, inputs.events.features.coordinates, part(progress, 0.0, 0.3))
    events = count(grid, later.features.coordinates)
    ratio = days_ratio(later.days, inputs.events.days)
    maps = [*_scored_maps(result, forecast, ratio or 1.0), *baselines]
    measured = validate(
        maps,
        events.counts,
        grid,
        ValidationSettings(metres_per_unit=metres_per_unit(inputs.crs)),
        prior=baselines[0].scores,
        progress=part(progress, 0.3, 1.0),
    )
    about = _about(inputs, later, grid, events, ratio)
    about = replace(about, bandwidth=bandwidth, provenance=provenance)
    yardstick = Yardstick.of(events.counts)
    rows = [(m.name, row) for m in maps for row in yardstick.accuracies(m.scores, SHARES)]
    prior = baselines[0].scores
    lists = (
        on_same_area(label > 0, events.counts, prior) if label.any() else None
        for label in (result.places.label, patrols.label)
    )
    return Measured(validation_findings(measured, about), tuple(rows), OnLaterEvents(*lists))


def _scored_maps(result: StudyResult, forecast: Forecast, ratio: float) -> list[ScoredMap]:
    """Terrain and forecast; the terrain expects events for the fitting period, `ratio` times as many later."""
    best = result.model.best
    terrain = ScoredMap(
        TERRAIN,
        result.terrain.scores.astype(float),
        expected=result.terrain.expected.astype(float) * ratio,
        family=best.family,
        dispersion=best.dispersion,
    )
    return [terrain, ScoredMap(FORECAST, forecast.expected, expected=forecast.expected)]


def _about(inputs: Inputs, later: ReadLayer, grid: Grid, events: Events, ratio: float | None) -> ValidationContext:
    """What the validation page says of the maps and of the later events."""
    words, fitted = later.report.words, inputs.events.period
    window = tr("the test window")
    part_of_area = inputs.area.report.words.is_part
    return ValidationContext(
        title=tr("{}: the maps against {}").format(inputs.title, later_text(words.events, later.period)),
        later_events=words.events,
        outside=events.outside,
        prior_events=inputs.events.report.words.events,
        left_out=events.left_out,
        later_source=words.source,
        tested_days=later.days,
        tested=later.period,
        prior=fitted,
        origins=(
            MapOrigin(TERRAIN, "relative risk scores", fitted, inputs.events.days if ratio else None),
            MapOrigin(FORECAST, "forecast of events", fitted, later.days if ratio else None),
        ),
        units=units_text(inputs.crs),
        warnings=tuple(later.report.warnings),
        data_findings=findings_of_events(
            later, grid, window, area_is_part=part_of_area, events=events, with_spots=False
        ),
    )
