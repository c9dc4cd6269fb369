"""rtm:forecast — expected events in the coming period, from terrain and history together."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
    QgsVectorLayer,
)

from ..rtm_plugin.adapters.crs import crs_of
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.layers import ReadLayer, layer_choice, layer_name, read_layer
from ..rtm_plugin.adapters.rasters import read_candidates
from ..rtm_plugin.core.errors import InputError, SettingsError
from ..rtm_plugin.core.forecast.empirical_bayes import ForecastSettings, History
from ..rtm_plugin.core.ground.grid import Grid
from ..rtm_plugin.core.model.document import RiskModel
from ..rtm_plugin.core.pipeline import count, forecast_events, observe_again, score
from ..rtm_plugin.report.wording import listed
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.data_findings import findings_of_events, tell_findings
from .shared.forecast_outputs import ForecastPaths, save_forecast
from .shared.log import tell_forecast
from .shared.marking import carried_marking, marking_of_model
from .shared.outputs import plain_parameters, versions
from .shared.parameters import add_covariates, no_event_inside, read_covariates, source_item
from .shared.request import Request
from .shared.settings import add_settings, read_settings


class Forecast(RtmAlgorithm):
    """Expected events, intervals, and the probability of the top share."""

    NAME = "forecast"
    LABEL = "Forecast"
    GROUP = ("together", "Terrain and events together")
    TAGS = ("prediction", "expected count", "prior counts", "empirical Bayes", "interval")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(QgsProcessingParameterFile("MODEL", tr("Model"), extension="json"), tr("Output of 'Select model'."))
        self.add(
            QgsProcessingParameterMultipleLayers(
                "CANDIDATES", tr("Candidate variables"), Qgis.ProcessingSourceType.Raster
            ),
            tr(
                "The rasters of the factors that the model selected, and better of all factors: the forecast looks at "
                "every candidate once more, and uses of them what proves right."
            ),
        )
        self.add(
            QgsProcessingParameterMultipleLayers(
                "EVENTS", tr("Events so far, oldest period first"), Qgis.ProcessingSourceType.VectorPoint
            ),
            tr(
                "One layer of points for each past period, in order from the oldest to the newest. One is enough; with "
                "more, the forecast learns from them how far places stay as they are. No later event may be among them."
            ),
        )
        self.add(
            QgsProcessingParameterString("DURATIONS", tr("Durations of the periods"), optional=True),
            tr(
                "How long each period is, in lengths of the period that is forecast, separated by commas: 1, 1, 0.5. "
                "Leave empty when all are as long as the one that is forecast."
            ),
            advanced=True,
        )
        add_covariates(self)
        add_settings(self, ForecastSettings)
        self._add_outputs()

    def _add_outputs(self) -> None:
        raster = QgsProcessingParameterRasterDestination
        self.add(
            raster("OUTPUT", tr("Forecast")),
            tr("Raster of the number of events expected in each cell in the coming period."),
        )
        for name, label, wanted, help_text in (
            ("OUTPUT_LOWER", tr("Lower bound"), False, tr("Raster of the lower bound of the number of events.")),
            ("OUTPUT_UPPER", tr("Upper bound"), False, tr("Raster of the upper bound of the number of events.")),
            (
                "OUTPUT_PROBABILITY",
                tr("Probability of the top share"),
                True,
                tr("Raster of the probability that a cell is among the top share."),
            ),
            (
                "OUTPUT_PARTS",
                tr("Parts of the forecast"),
                True,
                tr(
                    "Raster of three bands, which sum to 1: how much of the forecast comes from the cell's own "
                    "history, from events in the neighbourhood, and from the features of the surroundings."
                ),
            ),
        ):
            self.add(raster(name, label, optional=True, createByDefault=wanted), help_text)
        self.add(
            QgsProcessingParameterFileDestination(
                "OUTPUT_JSON", tr("Choices and evidence"), tr("Forecast (*.json)"), optional=True, createByDefault=True
            ),
            tr("JSON file with the settings, every constant that was chosen, and what it was chosen by."),
        )
        self.addOutput(QgsProcessingOutputNumber("EXPECTED_EVENTS", tr("Expected events, all cells together")))
        self.addOutput(QgsProcessingOutputNumber("EVENTS_USED", tr("Events that the forecast was made from")))

    def execute(self, request: Request) -> dict[str, Any]:
        settings = read_settings(request, ForecastSettings)
        model = RiskModel.load(request.file("MODEL"))
        marking = carried_marking(request, [marking_of_model(model)])
        rasters = request.rasters("CANDIDATES", "candidate")
        grid = rasters[0].grid()
        candidates = read_candidates(rasters, grid, request.progress(0.0, 0.3))
        covariates = read_covariates(request, grid)
        observed = observe_again(model, grid, candidates, covariates)
        read = self._events(request, grid)
        history = self._history(request, read, observed.grid)
        terrain = score(model.best, observed)
        request.feedback.setProgressText(tr("Forecasting"))
        progress = request.progress(0.3, 0.95)
        forecast = forecast_events(model.best, observed, terrain, history, settings, progress)
        words = dict.fromkeys(layer.report.words.events for layer in read)
        tell_forecast(forecast, listed(list(words)), self._coming(request, len(read)), request.feedback)
        sources = [source_item("events", layer) for layer in read]
        provenance = {**versions(marking), "parameters": plain_parameters(request), "inputs": sources}
        paths = self._paths(request)
        with Staging(request.feedback, marking) as staging:
            save_forecast(
                staging,
                paths,
                observed.grid,
                forecast=forecast,
                sources=sources,
                provenance=provenance,
                fitted=model.events.period,
            )
        return self._results(request, paths, forecast.evidence.level, forecast.evidence.events)

    def _coming(self, request: Request, periods: int) -> str:
        """The period that is forecast, in a sentence; its length is given only against those of the events."""
        if request.text("DURATIONS").strip():
            return tr("in the coming period, by whose length the durations are counted")
        if periods > 1:
            return tr("in a coming period as long as each of the past ones")
        return tr("in a coming period as long as that of the events")

    def _events(self, request: Request, grid: Grid) -> list[ReadLayer]:
        """The layers of events, oldest first."""
        histories = []
        for layer in request.layers("EVENTS"):
            if not isinstance(layer, QgsVectorLayer):
                raise InputError(tr("The events '{}' are not a vector layer; choose points.").format(layer.name()))
            read = read_layer(
                layer,
                layer_name(layer),
                crs_of(grid),
                request.context,
                request.feedback,
                wanted="point",
                layer=layer,
                rows=True,
            )
            read.report.choice = layer_choice(read.report.name, layer)
            read.report.tell(request.feedback)
            histories.append(read)
        if not histories:
            raise InputError(tr("No layer of events is given; choose at least one."))
        return histories

    def _history(
        self,
        request: Request,
        layers: list[ReadLayer],
        grid: Grid,
    ) -> list[History]:
        durations = _durations(request.text("DURATIONS"), len(layers))
        history = []
        for read, duration in zip(layers, durations, strict=True):
            events = count(grid, read.features.coordinates)
            if not events.inside:
                raise InputError(no_event_inside(read))
            tell_findings(findings_of_events(read, grid, tr("its period"), events=events), request.feedback)
            history.append(History(events.counts, duration))
        return history

    def _paths(self, request: Request) -> ForecastPaths:
        return ForecastPaths(
            expected=request.output("OUTPUT"),
            lower=request.output("OUTPUT_LOWER"),
            upper=request.output("OUTPUT_UPPER"),
            probability=request.output("OUTPUT_PROBABILITY"),
            parts=request.output("OUTPUT_PARTS"),
            document=request.output("OUTPUT_JSON"),
        )

    def _results(self, request: Request, paths: ForecastPaths, level: float, events: float) -> dict[str, Any]:
        results = {}
        for order, name, path, title in (
            (24, "OUTPUT", paths.expected, tr("Forecast: expected events in a cell")),
            (23, "OUTPUT_PROBABILITY", paths.probability, tr("Forecast: probability of the top share")),
            (22, "OUTPUT_PARTS", paths.parts, tr("Forecast: share of the cell's own history")),
            (21, "OUTPUT_UPPER", paths.upper, tr("Forecast: upper bound")),
            (20, "OUTPUT_LOWER", paths.lower, tr("Forecast: lower bound")),
        ):
            if path:
                request.present(path, title, results_group(), order)
                results[name] = path
        if paths.document:
            results["OUTPUT_JSON"] = paths.document
        return {**results, "EXPECTED_EVENTS": level, "EVENTS_USED": events}


def _durations(text: str, periods: int) -> list[float]:
    """DURATIONS as numbers; all 1 when it is empty."""
    if not text.strip():
        return [1.0] * periods
    try:
        durations = [float(part) for part in text.split(",")]
    except ValueError:
        durations = []
    if len(durations) != periods or not all(0 < value < float("inf") for value in durations):
        raise SettingsError(
            tr("The durations '{}' are not {} numbers above 0, one for each layer of events; correct them.").format(
                text.strip()[:100], periods
            )
        )
    return durations
