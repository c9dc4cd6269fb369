"""rtm:run — the whole study in one go: from boundary, events and risk factors to places and a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingOutputVariant,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
)

from ..rtm_plugin.adapters.crs import metres_per_unit
from ..rtm_plugin.adapters.feedback import stage_teller
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.libraries import VERIFYING
from ..rtm_plugin.adapters.memory import require_memory
from ..rtm_plugin.core.documents.factor_settings import FactorSettings
from ..rtm_plugin.core.documents.findings import Finding
from ..rtm_plugin.core.documents.patrol_settings import PatrolSettings
from ..rtm_plugin.core.documents.settings import GridSettings, PlaceSettings, SelectionSettings
from ..rtm_plugin.core.documents.study_document import StudyDocument
from ..rtm_plugin.core.ground.grid import Grid
from ..rtm_plugin.core.pipeline import StudyResult, memory_for_forecast, run
from ..rtm_plugin.core.study import Study
from ..rtm_plugin.core.tools.parallel import available_workers
from ..rtm_plugin.core.tools.progress import Clock
from ..rtm_plugin.report.cells import Cells
from ..rtm_plugin.report.derive import findings
from ..rtm_plugin.report.findings import Findings
from ..rtm_plugin.report.first_page import first_page
from ..rtm_plugin.report.place_lists import place_lists
from ..rtm_plugin.report.saved import KEY, saved_context
from ..rtm_plugin.report.validation_page import render_validation
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.data_findings import tell_findings
from .shared.event_dates import add_event_dates, add_window
from .shared.forecast_outputs import ForecastPaths, save_forecast
from .shared.later_events import Beyond, beyond_terrain, coming_days
from .shared.log import tell_model, tell_places
from .shared.marking import add_marking, given_marking, marking_of_model
from .shared.outputs import (
    made_from_terrain,
    plain_parameters,
    save_candidate_table,
    save_expected,
    save_patrols,
    save_places,
    save_terrain,
    versions,
)
from .shared.parameters import add_covariates, add_exclude
from .shared.patrols import about_patrols
from .shared.report_parts import REPORT_OUTPUTS, add_report_outputs, cells_of, diagnosis_of, reports_of
from .shared.request import Request
from .shared.settings import OF_ONE_FACTOR, PATROL, add_settings, read_settings
from .shared.study_inputs import Inputs, add_study_layers, area_text, read_inputs, report_context, study_of, with_places
from .shared.whereabouts import add_streets_and_areas, places_told

_TERRAIN = "OUTPUT_TERRAIN"
_BESIDE = (  # what the terrain's layer knows the place of
    ("model", "OUTPUT_MODEL"),
    ("expected", "OUTPUT_EXPECTED"),
    ("places", "OUTPUT_PLACES"),
    ("report", "OUTPUT_REPORT"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """All that a run has worked out, before anything is written."""

    inputs: Inputs
    study: Study
    result: StudyResult
    beyond: Beyond
    findings: Findings
    cells: Cells


class Run(RtmAlgorithm):
    """Run a whole risk terrain study."""

    NAME = "run"
    LABEL = "Risk terrain model, start to finish"
    GROUP = ("study", "Study from start to finish")
    TAGS = ("rtmdx", "wizard", "study", "report")
    PACKAGES = ("scipy", "jinja2")
    LIBRARIES = VERIFYING

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        add_study_layers(self)
        add_settings(self, GridSettings, parent="STUDY_AREA")
        add_exclude(self)
        add_settings(self, FactorSettings, without=OF_ONE_FACTOR)
        add_covariates(self)
        add_settings(self, SelectionSettings)
        self.add(
            QgsProcessingParameterFeatureSource(
                "TEST_EVENTS", tr("Later events, to test the map"), [Qgis.ProcessingSourceType.Vector], optional=True
            ),
            tr(
                "Events from after the fitting period. The terrain, a forecast and what could be used instead are "
                "measured on them; they touch neither model nor forecast. Without this layer, the events in the test "
                "window below are taken."
            ),
        )
        add_event_dates(self)
        add_window(self, "FIT_", tr("fitting window"))
        add_window(self, "TEST_", tr("test window"))
        add_settings(self, PlaceSettings, parent="STUDY_AREA", all_advanced=True)
        add_settings(self, PatrolSettings, parent="STUDY_AREA", all_advanced=True, prefix=PATROL)
        self.add(
            QgsProcessingParameterString("TITLE", tr("Title of the study"), optional=True),
            tr(
                "Heads the report and the group of layers, such as 'Robbery in Northbridge BCU, 2024'; made from the "
                "layers' names when empty."
            ),
        )
        add_marking(self)
        add_settings(self, StudyDocument)
        add_streets_and_areas(self)
        self._add_outputs()

    def _add_outputs(self) -> None:
        raster, vector = QgsProcessingParameterRasterDestination, QgsProcessingParameterVectorDestination
        polygons, table = Qgis.ProcessingSourceType.VectorPolygon, Qgis.ProcessingSourceType.Vector
        self.add(
            raster("OUTPUT_TERRAIN", tr("Risk terrain")),
            tr("Raster of relative risk scores; the cell with the lowest risk is 1."),
        )
        self.add(
            raster("OUTPUT_EXPECTED", tr("Expected counts"), optional=True, createByDefault=True),
            tr(
                "Raster of the number of events that the model expects in each cell in a period like the one it was "
                "fitted on."
            ),
        )
        self.add(
            vector("OUTPUT_PLACES", tr("Priority places"), polygons, optional=True, createByDefault=True),
            tr(
                "Polygons with rank, area, cells, mean and largest score, expected and observed events, factors at "
                "work, words to find them by, and the patrol place that overlaps most with its share of all expected "
                "events."
            ),
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "OUTPUT_MODEL", tr("Model"), tr("Risk terrain model (*.json)"), optional=True, createByDefault=True
            ),
            tr("JSON file with the model, every candidate, every step, and how it was made."),
        )
        self.add(
            vector("OUTPUT_TABLE", tr("Candidate table"), table, optional=True, createByDefault=False),
            tr("Table with one row for each candidate: its fate and the reason."),
        )
        add_report_outputs(self)
        self.add(
            raster("OUTPUT_FORECAST", tr("Forecast"), optional=True, createByDefault=True),
            tr(
                "Raster of the number of events expected in each cell in the coming period, from terrain and past "
                "events together. It is the map to send people by; the terrain says why."
            ),
        )
        for name, label, help_text in (
            ("OUTPUT_FORECAST_LOWER", tr("Forecast, lower bound"), tr("Raster of the lower end of a 90 % interval.")),
            ("OUTPUT_FORECAST_UPPER", tr("Forecast, upper bound"), tr("Raster of the upper end of a 90 % interval.")),
            (
                "OUTPUT_FORECAST_PROBABILITY",
                tr("Forecast, probability of the top 5 %"),
                tr("Raster of the probability that a cell is among the 5 % of cells with the highest rates."),
            ),
        ):
            self.add(raster(name, label, optional=True, createByDefault=False), help_text, advanced=True)
        self.add(
            QgsProcessingParameterFileDestination(
                "OUTPUT_FORECAST_JSON",
                tr("Forecast, choices and evidence"),
                tr("Forecast (*.json)"),
                optional=True,
                createByDefault=False,
            ),
            tr("JSON file with every constant of the forecast, and what it was chosen by."),
            advanced=True,
        )
        self.add(
            vector("OUTPUT_PATROL", tr("Patrol places"), polygons, optional=True, createByDefault=True),
            tr(
                "Polygons of the ground on which the forecast expects most, under the budget for patrol places: rank, "
                "hectares, expected events and their share of all. They are for presence; priority places are for work "
                "on what drives the events."
            ),
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "OUTPUT_VALIDATION", tr("Validation"), tr("HTML page (*.html)"), optional=True, createByDefault=True
            ),
            tr(
                "One self-contained HTML page that measures terrain, forecast and baselines against the later events; "
                "not written without them."
            ),
        )
        self.addOutput(QgsProcessingOutputString("FAMILY", tr("Family")))
        self.addOutput(QgsProcessingOutputNumber("FACTOR_COUNT", tr("Number of selected factors")))
        self.addOutput(QgsProcessingOutputNumber("BIC", tr("BIC")))
        self.addOutput(QgsProcessingOutputNumber("PLACE_COUNT", tr("Number of priority places")))
        self.addOutput(QgsProcessingOutputNumber("PATROL_COUNT", tr("Number of patrol places")))
        self.addOutput(QgsProcessingOutputVariant("ACCURACY", tr("Accuracy against later events, by share of area")))
        self.addOutput(QgsProcessingOutputVariant("FINDINGS", tr("First page of the report")))

    def execute(self, request: Request) -> dict[str, Any]:
        marking = given_marking(request)
        request.feedback.setProgressText(tr("Reading layers"))
        inputs = read_inputs(request, with_names=self._names_wanted(request))
        study = study_of(request, inputs)
        provenance = self._provenance(request, inputs, marking)
        clock = Clock(stage_teller(request.feedback))
        patrol = read_settings(request, PatrolSettings, PATROL)
        names = ("OUTPUT_PATROL", *(name for name, *_ in _of_forecast()))
        wanted = bool(inputs.test_events) or any(request.output(name) for name in names)

        data: list[Finding] = []

        def announce(grid: Grid, memory: int) -> None:
            """Say what was noticed of the data before the long work begins, and keep it with the model."""
            data.extend(inputs.findings(grid))
            provenance[KEY] = saved_context(report_context(inputs, study, data))
            request.feedback.pushInfo(area_text(inputs, grid))
            tell_findings(data, request.feedback)
            memory += memory_for_forecast(grid) if wanted else 0
            request.feedback.pushInfo(tr("The run needs up to {:,.0f} MB of memory beside QGIS.").format(memory / 1e6))
            if warning := require_memory(memory):
                request.feedback.pushWarning(warning)

        progress = request.progress(0.05, 0.8 if wanted else 0.95)
        result = run(study, provenance, progress, clock, available_workers(), announce)
        tell_model(result.model, request.feedback)
        tell_places(result.places, result.observations.grid, result.terrain.scores, study.places, request.feedback)
        beyond = beyond_terrain(inputs, result, patrol, provenance, request.feedback) if wanted else Beyond()
        request.feedback.setProgressText(tr("Writing"))
        return self._write(request, self._finished(request, inputs, study, result, beyond, data))

    def _names_wanted(self, request: Request) -> bool:
        """Whether there will be cards, or a layer of places, which tell the names of features."""
        cards = bool(request.whole("PLACE_CARDS")) and any(request.output(name) for name in REPORT_OUTPUTS)
        return cards or bool(request.output("OUTPUT_PLACES"))

    def _provenance(self, request: Request, inputs: Inputs, marking: str) -> dict[str, Any]:
        return {
            **versions(marking),
            "parameters": plain_parameters(request),
            "inputs": inputs.sources,
        }

    def _finished(
        self,
        request: Request,
        inputs: Inputs,
        study: Study,
        result: StudyResult,
        beyond: Beyond,
        data: Sequence[Finding],
    ) -> FinishedRun:
        """With the findings of the report, which the numbers of the run come from, too."""
        later, cells = beyond.later, cells_of(inputs, result)
        known = {"terms": result.model.selected, "shares": cells.shares, "layers": cells.layers}
        places = places_told(result.places, cells.grid, inputs.told_by, request.context, **known)
        result = replace(result, places=places)
        diagnosis = None
        if any(request.output(name) for name in REPORT_OUTPUTS):
            watched = request.progress(0.95, 0.97)
            diagnosis = diagnosis_of(result.observations, result.model, result.places.label, watched)
        about = with_places(report_context(inputs, study, data), result.places, study.places)
        lists = place_lists(
            about, result.observations.grid, result.places, beyond.patrols, later.lists if later else None
        )
        for places in lists:
            request.feedback.pushInfo(places.sentence)
        report = findings(
            result.model,
            about,
            result.places.places,
            cells=cells,
            accuracy=later.terrain if later else (),
            cards=request.whole("PLACE_CARDS"),
            validation=later.findings if later else None,
            diagnosis=diagnosis,
            lists=lists,
        )
        return FinishedRun(inputs=inputs, study=study, result=result, beyond=beyond, findings=report, cells=cells)

    def _write(self, request: Request, run: FinishedRun) -> dict[str, Any]:
        saved = _saved(run)
        wanted = {output.name: request.output(output.name) for output in saved}
        paths = {name: path for name, path in wanted.items() if path}
        with Staging(request.feedback, marking_of_model(run.result.model)) as staging:
            for output in saved:
                if output.name in paths:
                    output.save(staging, paths[output.name])
        group = results_group(run.inputs.title)
        for output in saved:
            if output.title and output.name in paths:
                beside = {what: paths.get(name, "") for what, name in _BESIDE} if output.name == _TERRAIN else None
                request.present(paths[output.name], output.title, group, output.order, beside)
        return {**paths, **_numbers(run)}


@dataclass(frozen=True, slots=True)
class Saved:
    """One output of a run: how it is written to a path, and where it stands in the tree of layers if it is one."""

    name: str
    save: Callable[[Staging, str], None]
    title: str = ""
    order: int = 0


def _saved(run: FinishedRun) -> tuple[Saved, ...]:
    """The outputs that this run has, in the order in which they are written."""
    result, forecast, patrols, later = run.result, run.beyond.forecast, run.beyond.patrols, run.beyond.later
    grid, model, fitted = result.observations.grid, result.model, run.study.period

    def terrain(staging: Staging, path: str) -> None:
        save_terrain(staging, path, grid, result.terrain, fitted, model)

    def expected(staging: Staging, path: str) -> None:
        save_expected(staging, path, grid, result.terrain, fitted, model)

    def places(staging: Staging, path: str) -> None:
        save_places(staging, path, grid, result.places, made_from_terrain(model), patrols)

    saved = [
        Saved(_TERRAIN, terrain, tr("Risk terrain: relative risk score"), 30),
        Saved("OUTPUT_EXPECTED", expected, tr("Expected events in a cell"), 20),
        Saved("OUTPUT_PLACES", places, tr("Priority places"), 40),
        Saved(
            "OUTPUT_TABLE",
            lambda staging, path: save_candidate_table(staging, path, model.candidates),
            tr("Candidate table"),
            10,
        ),
        Saved("OUTPUT_MODEL", lambda staging, path: staging.text(path, model.to_json())),
        *(
            Saved(name, partial(REPORT_OUTPUTS[name], findings=run.findings, cells=run.cells))
            for name in reports_of(run.findings)
        ),
    ]
    if forecast is not None:

        def one_of_forecast(staging: Staging, path: str, which: str) -> None:
            save_forecast(
                staging,
                ForecastPaths(**{which: path}),
                grid,
                forecast=forecast,
                sources=run.inputs.fitted_on,
                provenance=model.provenance,
                fitted=fitted,
                days=coming_days(run.inputs),
            )

        saved += [
            Saved(name, partial(one_of_forecast, which=which), title, order)
            for name, which, title, order in _of_forecast()
        ]
    if patrols is not None:
        about = about_patrols(patrols, metres_per_unit(run.inputs.crs), problems=result.places.label)
        saved.append(
            Saved(
                "OUTPUT_PATROL",
                lambda staging, path: save_patrols(staging, path, grid, patrols, about),
                tr("Patrol places"),
                45,
            )
        )
    if later is not None:
        page = later.findings
        saved.append(Saved("OUTPUT_VALIDATION", lambda staging, path: staging.text(path, render_validation(page))))
    return tuple(saved)


def _of_forecast() -> tuple[tuple[str, str, str, int], ...]:
    """The outputs of the forecast: parameter, field of its paths, title in the tree of layers, and order there."""
    return (
        ("OUTPUT_FORECAST", "expected", tr("Forecast: expected events in a cell"), 15),
        ("OUTPUT_FORECAST_LOWER", "lower", tr("Forecast: lower bound of events"), 14),
        ("OUTPUT_FORECAST_UPPER", "upper", tr("Forecast: upper bound of events"), 13),
        ("OUTPUT_FORECAST_PROBABILITY", "probability", tr("Forecast: probability of the top 5 percent"), 12),
        ("OUTPUT_FORECAST_JSON", "document", "", 0),
    )


def _numbers(run: FinishedRun) -> dict[str, Any]:
    model, patrols, later = run.result.model, run.beyond.patrols, run.beyond.later
    return {
        "FAMILY": model.family,
        "FACTOR_COUNT": len(model.selected),
        "BIC": model.best.bic,
        "PLACE_COUNT": len(run.result.places.places),
        **({"PATROL_COUNT": len(patrols.places)} if patrols is not None else {}),
        "FINDINGS": first_page(run.findings),
        **({"ACCURACY": [{"map": name, **asdict(row)} for name, row in later.accuracy]} if later else {}),
    }
