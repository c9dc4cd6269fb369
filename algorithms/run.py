"""rtm:run — the whole study in one go: from boundary, events and risk factors to places and a report."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingOutputVariant,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
)

from ..rtm_plugin.adapters.feedback import progress_of, stage_teller
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.libraries import VERIFYING
from ..rtm_plugin.adapters.memory import require_memory
from ..rtm_plugin.core.documents.findings import Finding, warnings_in
from ..rtm_plugin.core.documents.settings import FactorSettings, GridSettings, PlaceSettings, SelectionSettings
from ..rtm_plugin.core.documents.study_document import StudyDocument
from ..rtm_plugin.core.forecast.empirical_bayes import Forecast
from ..rtm_plugin.core.ground.grid import Grid
from ..rtm_plugin.core.pipeline import Study, StudyResult, memory_for_forecast, run
from ..rtm_plugin.core.tools.parallel import available_workers
from ..rtm_plugin.core.tools.progress import Clock
from ..rtm_plugin.report.derive import findings
from ..rtm_plugin.report.first_page import first_page
from ..rtm_plugin.report.saved import KEY, saved_context
from ..rtm_plugin.report.validation_page import render_validation
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.data_findings import tell_findings
from .shared.event_dates import add_event_dates, add_window
from .shared.forecast_outputs import ForecastPaths, save_forecast
from .shared.later_events import Measured, coming_days, coming_text, forecast_of, measured_on_later_events
from .shared.log import tell_accuracy, tell_forecast, tell_model, tell_places, tell_validation
from .shared.marking import add_marking, given_marking, marking_of_model
from .shared.outputs import (
    made_from_terrain,
    plain_parameters,
    save_candidate_table,
    save_expected,
    save_places,
    save_terrain,
    versions,
)
from .shared.parameters import add_covariates, add_exclude
from .shared.report_parts import REPORT_OUTPUTS, add_report_outputs, cells_of, save_report
from .shared.request import Request
from .shared.settings import OF_ONE_FACTOR, add_settings
from .shared.study_inputs import Inputs, add_study_layers, area_text, read_inputs, report_context, study_of


@dataclass(frozen=True, slots=True)
class Beyond:
    """What a run does beyond the terrain, where it is asked for."""

    forecast: Forecast | None = None
    later: Measured | None = None


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
        self.add(
            QgsProcessingParameterString("TITLE", tr("Title of the study"), optional=True),
            tr(
                "Heads the report and the group of layers, such as 'Robbery in Northbridge BCU, 2024'; made from the "
                "layers' names when empty."
            ),
        )
        add_marking(self)
        add_settings(self, StudyDocument)
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
                "Polygons with rank, area, cells, mean and largest score, expected and observed events, and factors "
                "at work."
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
        self.addOutput(QgsProcessingOutputNumber("PLACE_COUNT", tr("Number of places")))
        self.addOutput(QgsProcessingOutputVariant("ACCURACY", tr("Accuracy against later events, by share of area")))
        self.addOutput(QgsProcessingOutputVariant("FINDINGS", tr("First page of the report")))

    def execute(self, request: Request) -> dict[str, Any]:
        marking = given_marking(request)
        request.feedback.setProgressText(tr("Reading layers"))
        inputs = read_inputs(request, with_names=self._has_cards(request))
        study = study_of(request, inputs)
        provenance = self._provenance(request, inputs, marking)
        clock = Clock(stage_teller(request.feedback))
        wanted = bool(inputs.test_events or request.output("OUTPUT_FORECAST"))

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
        beyond = _beyond(inputs, result, provenance, request.feedback) if wanted else Beyond()
        request.feedback.setProgressText(tr("Writing"))
        return self._write(request, inputs, study, result, beyond, data)

    def _has_cards(self, request: Request) -> bool:
        """Whether there will be cards, which tell the names of features."""
        cards = request.whole("PLACE_CARDS")
        return bool(cards) and any(request.output(name) for name in REPORT_OUTPUTS)

    def _provenance(self, request: Request, inputs: Inputs, marking: str) -> dict[str, Any]:
        return {
            **versions(marking),
            "parameters": plain_parameters(request),
            "inputs": inputs.sources,
        }

    def _write(
        self,
        request: Request,
        inputs: Inputs,
        study: Study,
        result: StudyResult,
        beyond: Beyond,
        data: Sequence[Finding],
    ) -> dict[str, Any]:
        layer = {
            name: request.output(name)
            for name in ("OUTPUT_TERRAIN", "OUTPUT_EXPECTED", "OUTPUT_PLACES", "OUTPUT_TABLE", "OUTPUT_FORECAST")
        }
        file = {name: request.output(name) for name in ("OUTPUT_MODEL", *REPORT_OUTPUTS, "OUTPUT_VALIDATION")}
        later = beyond.later
        if later is None:
            file["OUTPUT_VALIDATION"] = ""
        scored = result.observations.grid
        cells, cards = cells_of(inputs, result), request.whole("PLACE_CARDS")
        tested, measured = (later.terrain, later.findings) if later else ((), None)
        about, spots = report_context(inputs, study, data), result.places.places
        told = findings(result.model, about, spots, cells, tested, cards, measured)
        if not told.cards:
            file["OUTPUT_CARDS"] = ""
        with Staging(request.feedback, marking_of_model(result.model)) as staging:
            save_terrain(staging, layer["OUTPUT_TERRAIN"], scored, result.terrain, study.period, result.model)
            if layer["OUTPUT_EXPECTED"]:
                save_expected(staging, layer["OUTPUT_EXPECTED"], scored, result.terrain, study.period, result.model)
            if layer["OUTPUT_PLACES"]:
                save_places(staging, layer["OUTPUT_PLACES"], scored, result.places, made_from_terrain(result.model))
            if layer["OUTPUT_TABLE"]:
                save_candidate_table(staging, layer["OUTPUT_TABLE"], result.model.candidates)
            if file["OUTPUT_MODEL"]:
                staging.text(file["OUTPUT_MODEL"], result.model.to_json())
            if any(file[name] for name in REPORT_OUTPUTS):
                save_report(staging, file, told, cells)
            if layer["OUTPUT_FORECAST"] and beyond.forecast is not None:
                paths = ForecastPaths(layer["OUTPUT_FORECAST"])
                made_from = inputs.fitted_on
                coming, fitted = coming_days(inputs), study.period
                provenance = result.model.provenance
                save_forecast(staging, paths, scored, beyond.forecast, made_from, provenance, fitted, coming)
            if file["OUTPUT_VALIDATION"] and later is not None:
                staging.text(file["OUTPUT_VALIDATION"], render_validation(later.findings))
        group = results_group(inputs.title)
        request.present(layer["OUTPUT_PLACES"], tr("Priority places"), group, 40)
        beside = {
            "model": file["OUTPUT_MODEL"],
            "expected": layer["OUTPUT_EXPECTED"],
            "places": layer["OUTPUT_PLACES"],
            "report": file["OUTPUT_REPORT"],
        }
        terrain = layer["OUTPUT_TERRAIN"]
        request.present(terrain, tr("Risk terrain: relative risk score"), group, 30, beside)
        request.present(layer["OUTPUT_EXPECTED"], tr("Expected events in a cell"), group, 20)
        request.present(layer["OUTPUT_FORECAST"], tr("Forecast: expected events in a cell"), group, 15)
        request.present(layer["OUTPUT_TABLE"], tr("Candidate table"), group, 10)
        return {
            **{name: path for name, path in {**layer, **file}.items() if path},
            "FAMILY": result.model.family,
            "FACTOR_COUNT": len(result.model.selected),
            "BIC": result.model.best.bic,
            "PLACE_COUNT": len(result.places.places),
            "FINDINGS": first_page(told),
            **({"ACCURACY": [{"map": name, **asdict(row)} for name, row in later.accuracy]} if later else {}),
        }


def _beyond(inputs: Inputs, result: StudyResult, provenance: dict[str, Any], feedback: QgsProcessingFeedback) -> Beyond:
    """The forecast, and the test of all maps when there are later events."""
    feedback.setProgressText(tr("Forecasting"))
    found = forecast_of(inputs, result, progress_of(feedback, 0.8, 0.88))
    tell_forecast(found, inputs.events.report.words.events, coming_text(inputs), feedback)
    later = inputs.test_events
    if later is None:
        return Beyond(found)
    feedback.setProgressText(tr("Measuring on later events"))
    progress = progress_of(feedback, 0.88, 0.95)
    measured = measured_on_later_events(inputs, later, result, found, provenance, progress)
    tell_accuracy(measured.terrain, later.report.words.events, feedback)
    told = (*later.report.warnings, *warnings_in(measured.findings.context.data_findings))
    tell_validation(measured.findings, told, feedback)
    return Beyond(found, measured)
