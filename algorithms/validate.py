"""rtm:validate — how good are the maps, beside everything that could be used instead."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
)

from ..rtm_plugin.adapters.crs import crs_of, metres_per_unit, units_text
from ..rtm_plugin.adapters.feedback import stop_if_cancelled
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.read_layers import ReadLayer
from ..rtm_plugin.adapters.scores import ScoreRaster, read_scores
from ..rtm_plugin.core.accuracy.measures import HIT_RATE, PAI
from ..rtm_plugin.core.accuracy.validation import (
    MOST_REPLICATES,
    UNITS,
    ScoredMap,
    Validation,
    ValidationSettings,
    baseline_maps,
    validate,
)
from ..rtm_plugin.core.arrays import Floats
from ..rtm_plugin.core.documents.findings import Finding
from ..rtm_plugin.core.documents.periods import Period
from ..rtm_plugin.core.errors import InputError
from ..rtm_plugin.core.ground.grid import Grid
from ..rtm_plugin.core.ground.streets import length_in_cells
from ..rtm_plugin.core.pipeline import count
from ..rtm_plugin.core.study import Events
from ..rtm_plugin.report.validation import ValidationFindings, validation_findings
from ..rtm_plugin.report.validation_context import HEADLINE_SHARE, MapOrigin, ValidationContext
from ..rtm_plugin.report.validation_page import render_validation
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.data_findings import findings_of_events, tell_findings
from .shared.event_dates import add_event_dates, add_window, read_events, window_of
from .shared.later_events import days_ratio, later_text
from .shared.log import tell_validation
from .shared.marking import add_carried_marking, carried_marking
from .shared.outputs import plain_parameters, save_figures, versions
from .shared.parameters import no_event_inside, read_source, source_item
from .shared.request import Request
from .shared.settings import choice, whole_number

_DAY = timedelta(days=1)
_OUTPUT_NUMBERS = {"PAI": PAI, "HIT_RATE": HIT_RATE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Everything that was read, on the cells that all maps have."""

    grid: Grid
    maps: list[ScoreRaster]
    later: ReadLayer
    counts: Events
    prior: ReadLayer | None
    streets: ReadLayer | None

    @property
    def layers(self) -> list[tuple[str, ReadLayer]]:
        """Role and layer of all that are given."""
        optional = (("prior events", self.prior), ("streets", self.streets))
        return [("later events", self.later), *((role, read) for role, read in optional if read is not None)]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was noticed while reading; the log has it already."""
        return tuple(warning for _, read in self.layers for warning in read.report.warnings)


class Validate(RtmAlgorithm):
    """Measure maps against later events."""

    NAME = "validate"
    LABEL = "Validate maps against later events"
    GROUP = ("accuracy", "How good is the map")
    TAGS = ("accuracy", "hit rate", "PAI", "PEI", "baseline", "calibration", "bootstrap")
    PACKAGES = ("scipy", "jinja2")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self._add_maps_and_events()
        self._add_ground_and_dates()
        self.add(
            whole_number("REPLICATES", tr("Bootstrap replicates"), 1000, 0, MOST_REPLICATES),
            tr("How often the events are drawn anew for the intervals; 0 gives none."),
            advanced=True,
        )
        self.add(
            choice("UNITS", tr("What the bootstrap draws"), UNITS, "cells"),
            tr(
                "'cells' draws cells with their events: safe where events come in clusters, and wide where cells hold "
                "many; 'events' draws single events: right where they are independent."
            ),
            advanced=True,
        )
        self.add(
            whole_number("SEED", tr("Seed"), 1, 0, 2**31 - 1),
            tr("Seeds the bootstrap: the same seed gives the same intervals."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString("TITLE", tr("Title"), optional=True),
            tr("Heads the page; made from the layers' names when empty."),
        )
        add_carried_marking(self, tr("the maps"))
        self._add_outputs()

    def _add_maps_and_events(self) -> None:
        vector, points = [Qgis.ProcessingSourceType.Vector], QgsProcessingParameterFeatureSource
        self.add(
            QgsProcessingParameterMultipleLayers("TERRAINS", tr("Maps to validate"), Qgis.ProcessingSourceType.Raster),
            tr(
                "Risk terrains, expected counts, forecasts, or any other rasters in which a higher value means more "
                "risk. They must have the same cells and are compared on those that all of them have."
            ),
        )
        self.add(
            points("EVENTS", tr("Later events"), vector),
            tr("Events from after the period that the maps were made from: points, or a table with coordinates."),
        )
        self.add(
            points("PRIOR_EVENTS", tr("Prior events"), vector, optional=True),
            tr(
                "The events that the maps were made from. The baselines are made of them: their counts and their "
                "kernel density, which an analyst could use instead. It may be the layer of the later events: with a "
                "date field and a first day of the test, those from before that day are taken."
            ),
        )
        self.add(
            QgsProcessingParameterField(
                "WEIGHT_FIELD",
                tr("Weight field of the later events"),
                parentLayerParameterName="EVENTS",
                type=Qgis.ProcessingFieldParameterDataType.Numeric,
                optional=True,
            ),
            tr("What each later event counts for, such as its harm; 1 when empty."),
            advanced=True,
        )

    def _add_ground_and_dates(self) -> None:
        self.add(
            QgsProcessingParameterFeatureSource(
                "STREETS", tr("Streets"), [Qgis.ProcessingSourceType.VectorLine], optional=True
            ),
            tr("Lines of the streets: with them everything is also measured by length of street, which is patrolled."),
        )
        add_event_dates(self)
        add_window(self, "", tr("test period"))
        self.add(
            QgsProcessingParameterBoolean("ALLOW_OVERLAP", tr("Allow that periods overlap"), False),
            tr(
                "Go on although the later events are from the period that a map was fitted on. The outputs are then "
                "marked, since such a test flatters."
            ),
            advanced=True,
        )

    def _add_outputs(self) -> None:
        file, table = QgsProcessingParameterFileDestination, Qgis.ProcessingSourceType.Vector
        self.add(
            QgsProcessingParameterVectorDestination(
                "OUTPUT_TABLE", tr("Table of figures"), table, optional=True, createByDefault=True
            ),
            tr("One row for each map, share and measure, and for each difference between two maps, with bounds."),
        )
        self.add(
            file("OUTPUT_JSON", tr("Figures as JSON"), tr("JSON file (*.json)"), optional=True, createByDefault=False),
            tr("All figures, curves, periods and settings in one file."),
        )
        self.add(
            file("OUTPUT_HTML", tr("Page"), tr("HTML page (*.html)"), optional=True, createByDefault=True),
            tr("One self-contained HTML page: what was found, curves, tables, and how it was measured."),
        )
        self.addOutput(QgsProcessingOutputNumber("PAI", tr("PAI of the first map at 5 percent of the area")))
        self.addOutput(QgsProcessingOutputNumber("HIT_RATE", tr("Hit rate of the first map at 5 percent of the area")))

    def execute(self, request: Request) -> dict[str, Any]:
        request.feedback.setProgressText(tr("Reading layers"))
        inputs = self._read(request)
        marking = carried_marking(request, [raster.marking for raster in inputs.maps])
        overlaps = _overlaps(inputs, request.flag("ALLOW_OVERLAP"))
        request.feedback.setProgressText(tr("Making baselines"))
        settings = self._settings(request, inputs)
        baselines, bandwidth = baseline_maps(
            inputs.grid,
            inputs.prior.features.coordinates if inputs.prior else None,
            request.progress(0.1, 0.3),
        )
        streets = None
        if inputs.streets is not None:
            streets = length_in_cells(inputs.streets.features, inputs.grid, request.progress(0.3, 0.4))
        request.feedback.setProgressText(tr("Measuring"))
        measured = validate(
            [*(_scored(raster, inputs.later.days) for raster in inputs.maps), *baselines],
            inputs.counts.counts,
            inputs.grid,
            settings=settings,
            prior=baselines[0].scores if inputs.prior else None,
            streets=streets,
            progress=request.progress(0.4, 0.9),
            numbers=_worth(inputs),
        )
        about = self._about(request, inputs, overlaps, bandwidth, marking)
        findings = validation_findings(measured, about)
        tell_findings((f for f in about.data_findings if f.severity == "note"), request.feedback)
        tell_validation(findings, inputs.warnings, request.feedback)
        request.feedback.setProgressText(tr("Writing"))
        return {**self._write(request, findings, marking), **_numbers(measured)}

    def _read(self, request: Request) -> Inputs:
        grid, maps = read_scores(request.rasters("TERRAINS", "risk terrain"))
        crs, window = crs_of(grid), window_of(request, "")
        stop_if_cancelled(request.feedback)
        field = request.text("WEIGHT_FIELD")
        later = read_events(request, "EVENTS", crs, window, value_field=field)
        counts = count(grid, later.features.coordinates, later.values, later.period)
        if not counts.inside:
            raise InputError(no_event_inside(later))
        prior = streets = None
        if request.given("PRIOR_EVENTS"):
            prior = self._read_prior(request, grid, window)
            if prior.features.sha256 == later.features.sha256:
                raise InputError(
                    f"The prior events '{prior.report.name}' are the later events themselves; choose the events that "
                    "the maps were made from, or give a date field and the first day of the test period."
                )
            if not count(grid, prior.features.coordinates).inside:
                raise InputError(no_event_inside(prior))
        if request.given("STREETS"):
            streets = read_source(request, "STREETS", crs, wanted="line")
        return Inputs(grid=grid, maps=maps, later=later, counts=counts, prior=prior, streets=streets)

    def _read_prior(
        self,
        request: Request,
        grid: Grid,
        window: Period,
    ) -> ReadLayer:
        """The prior events; where they have the date field, those before the test period only."""
        field = request.text("EVENT_DATE_FIELD")
        source = request.source("PRIOR_EVENTS")
        dated = bool(field) and source is not None and source.fields().lookupField(field) >= 0
        read = read_source(
            request,
            "PRIOR_EVENTS",
            crs_of(grid),
            wanted="point",
            date_field=field if dated else "",
            rows=True,
        )
        if dated and window.start is not None and read.period.end is not None and read.period.end >= window.start:
            return read.during(Period(None, window.start - _DAY), request.feedback)
        return read

    def _settings(self, request: Request, inputs: Inputs) -> ValidationSettings:
        return ValidationSettings(
            replicates=request.whole("REPLICATES"),
            seed=request.whole("SEED"),
            metres_per_unit=metres_per_unit(crs_of(inputs.grid)),
            units=request.choice("UNITS"),
        )

    def _about(
        self,
        request: Request,
        inputs: Inputs,
        overlaps: tuple[str, ...],
        bandwidth: float,
        marking: str,
    ) -> ValidationContext:
        names = {role: read.report.words.events for role, read in inputs.layers}
        words, tested = inputs.later.report.words, inputs.later.period
        title = request.text("TITLE").strip()
        left_out = tuple(
            tr("{:,} cells of '{}' have a score that another map lacks, and are left out of the comparison.").format(
                raster.left_out, raster.name
            )
            for raster in inputs.maps
            if raster.left_out
        )
        return ValidationContext(
            title=title or tr("{} against {}").format(inputs.maps[0].name, later_text(words.events, tested)),
            later_events=words.events,
            outside=inputs.counts.outside,
            left_out=inputs.counts.left_out,
            later_source=words.source,
            prior_events=names.get("prior events", ""),
            streets=names.get("streets", ""),
            weights=request.text("WEIGHT_FIELD"),
            tested=tested,
            tested_days=inputs.later.days,
            prior=inputs.prior.period if inputs.prior else Period(),
            origins=tuple(MapOrigin(raster.name, raster.kind, raster.fitted, raster.days) for raster in inputs.maps),
            bandwidth=bandwidth,
            units=units_text(crs_of(inputs.grid)),
            overlaps=overlaps,
            warnings=(*left_out, *inputs.warnings),
            data_findings=self._data_findings(inputs),
            provenance={
                **versions(marking),
                "parameters": plain_parameters(request),
                "inputs": [source_item(role, read) for role, read in inputs.layers],
            },
        )

    @staticmethod
    def _data_findings(inputs: Inputs) -> tuple[Finding, ...]:
        """What is to be said of the later events, and of the prior ones."""
        counts, window = inputs.counts, tr("the test window")
        findings = findings_of_events(inputs.later, inputs.grid, window, events=counts, with_spots=False)
        if inputs.prior is None:
            return findings
        return (*findings, *findings_of_events(inputs.prior, inputs.grid, tr("the window before the test")))

    def _write(
        self,
        request: Request,
        findings: ValidationFindings,
        marking: str,
    ) -> dict[str, Any]:
        table = request.output("OUTPUT_TABLE")
        document = request.output("OUTPUT_JSON")
        page = request.output("OUTPUT_HTML")
        with Staging(request.feedback, marking) as staging:
            if table:
                save_figures(staging, table, findings.validation.figures, bool(findings.context.overlaps))
            if document:
                staging.text(document, findings.to_json())
            if page:
                staging.text(page, render_validation(findings))
        request.present(table, tr("Validation: table of figures"), results_group(), 5)
        paths = {"OUTPUT_TABLE": table, "OUTPUT_JSON": document, "OUTPUT_HTML": page}
        return {name: path for name, path in paths.items() if path}


def _scored(raster: ScoreRaster, days: int | None) -> ScoredMap:
    """A map with its expected counts, scaled to so many days where both lengths are known."""
    ratio = days_ratio(days, raster.days) or 1.0
    return ScoredMap(
        raster.name,
        raster.values,
        expected=raster.values * ratio if raster.is_expected else None,
        family=raster.family,
        dispersion=raster.dispersion,
    )


def _worth(inputs: Inputs) -> Floats | None:
    """How many events of one weight the weighted counts of the cells are worth, (Σw)²/Σw²."""
    weights = inputs.later.values
    if weights is None:
        return None
    squares = count(inputs.grid, inputs.later.features.coordinates, weights**2).counts
    sums = inputs.counts.counts
    return np.divide(sums**2, squares, out=np.zeros(len(sums)), where=squares > 0)


def _overlaps(inputs: Inputs, allowed: bool) -> tuple[str, ...]:
    """Sentences on maps and prior events from the period of the later events; refused unless allowed."""
    fitted = [(f"'{raster.name}' was fitted on events of", raster.fitted) for raster in inputs.maps]
    if inputs.prior is not None:
        fitted.append((f"The prior events '{inputs.prior.report.name}' are of", inputs.prior.period))
    tested = inputs.later.period
    overlaps = tuple(
        f"{what} {period.text}, which overlaps with the test period ({tested.text})"
        for what, period in fitted
        if tested.known and period.known and period.overlaps(tested)
    )
    if overlaps and not allowed:
        raise InputError(
            f"{overlaps[0]}; test on later events, or allow the overlap, which then is stated on every output."
        )
    return tuple(f"{sentence}: the figures flatter it and do not say how good it is." for sentence in overlaps)


def _numbers(measured: Validation) -> dict[str, float]:
    first = measured.terrains[0]
    figures = {name: measured.find(measure, first, HEADLINE_SHARE) for name, measure in _OUTPUT_NUMBERS.items()}
    return {name: figure.expected for name, figure in figures.items() if figure is not None}
