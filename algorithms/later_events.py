"""What rtm:run does beyond the terrain: a forecast from the fitting period, and all maps measured on later events."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..rtm_plugin.adapters.crs import metres_per_unit, units_text
from ..rtm_plugin.adapters.read_layers import ReadLayer
from ..rtm_plugin.core.accuracy import Accuracy, accuracy
from ..rtm_plugin.core.forecast import Forecast, History
from ..rtm_plugin.core.pipeline import StudyResult, count, forecast_events
from ..rtm_plugin.core.progress import Progress, part
from ..rtm_plugin.core.validation import SHARES, ScoredMap, ValidationSettings, baseline_maps, validate
from ..rtm_plugin.report.validation import ValidationFindings, validation_findings
from ..rtm_plugin.report.validation_context import MapOrigin, ValidationContext
from .base import tr
from .study_inputs import Inputs

TERRAIN, FORECAST = "risk terrain", "forecast"


@dataclass(frozen=True, slots=True)
class Measured:
    """How the maps did on later events: what the page tells, and the accuracy of each map at each share of the area."""

    findings: ValidationFindings
    accuracy: tuple[tuple[str, Accuracy], ...]

    @property
    def terrain(self) -> tuple[Accuracy, ...]:
        """Of the risk terrain."""
        return tuple(row for name, row in self.accuracy if name == TERRAIN)


def forecast_of(inputs: Inputs, result: StudyResult, progress: Progress) -> Forecast:
    """What the fitting period alone gives for the later one; where that is not known, for one as long as itself."""
    fitted = inputs.events.period.days
    coming = inputs.test_events.period.days if inputs.test_events else None
    duration = fitted / coming if fitted and coming else 1.0
    observed = result.observations
    history = [History(observed.counts, duration)]
    return forecast_events(
        result.model.best, observed, result.terrain, history, progress=progress, culling=result.culling
    )


def measured_on_later_events(
    inputs: Inputs,
    later: ReadLayer,
    result: StudyResult,
    found: Forecast,
    provenance: Mapping[str, Any],
    progress: Progress,
) -> Measured:
    """Terrain, forecast and baselines against the later events."""
    fitted, grid = inputs.events.period, result.observations.grid
    baselines, bandwidth = baseline_maps(grid, inputs.events.features.coordinates, part(progress, 0.0, 0.3))
    events = count(grid, later.features.coordinates)
    best = result.model.best
    maps = [
        ScoredMap(
            TERRAIN,
            result.terrain.scores.astype(float),
            expected=result.terrain.expected.astype(float),
            family=best.family,
            dispersion=best.dispersion,
        ),
        ScoredMap(FORECAST, found.expected, expected=found.expected),
        *baselines,
    ]
    measured = validate(
        maps,
        events.counts,
        grid,
        ValidationSettings(metres_per_unit=metres_per_unit(inputs.crs)),
        baselines[0].scores,
        progress=part(progress, 0.3, 1.0),
    )
    about = ValidationContext(
        tr("{}: the maps against {}").format(inputs.title, later.report.name),
        later.report.name,
        events.outside,
        inputs.events.report.name,
        tested=later.period,
        prior=fitted,
        origins=(
            MapOrigin(TERRAIN, "relative risk scores", fitted),
            MapOrigin(FORECAST, "forecast of events", fitted),
        ),
        bandwidth=bandwidth,
        units=units_text(inputs.crs),
        warnings=tuple(later.report.warnings),
        provenance=provenance,
    )
    rows = [(m.name, accuracy(m.scores, events.counts, share)) for m in maps for share in SHARES]
    return Measured(validation_findings(measured, about), tuple(rows))
