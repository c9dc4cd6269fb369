"""rtm:run — the whole study in one go: from boundary, events and risk factors to places and a report."""

from dataclasses import asdict, dataclass
from typing import Any

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingOutputVariant,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
    QgsUnitTypes,
    QgsVectorLayer,
)

from ..rtm_plugin.adapters.feedback import progress_of, stage_teller
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.layers import (
    ReadLayer,
    crs_text,
    layer_name,
    read_layer,
    units_text,
    warn_if_cut_at_boundary,
)
from ..rtm_plugin.core.accuracy import Accuracy, accuracy
from ..rtm_plugin.core.errors import InputError
from ..rtm_plugin.core.features import inside
from ..rtm_plugin.core.grid import Grid
from ..rtm_plugin.core.parallel import available_workers
from ..rtm_plugin.core.pipeline import Study, StudyResult, count, run
from ..rtm_plugin.core.progress import Clock
from ..rtm_plugin.core.study import FactorSettings, LayerSettings, PlaceSettings
from ..rtm_plugin.report.derive import findings
from ..rtm_plugin.report.findings import FactorInfo, ReportContext
from .base import RtmAlgorithm, results_group, tr
from .log import tell_accuracy, tell_model, tell_places
from .outputs import (
    plain_parameters,
    save_candidate_table,
    save_expected,
    save_places,
    save_report,
    save_terrain,
    versions,
)
from .parameters import (
    add_covariates,
    add_grid,
    add_influence,
    add_places,
    add_selection,
    add_study_area,
    factor_settings,
    grid_settings,
    no_event_inside,
    place_settings,
    read_covariates,
    read_factor_settings,
    read_source,
    read_study_area,
    refusal_of_study_area,
    selection_settings,
    source_item,
)

SHARES = (0.01, 0.02, 0.05, 0.10, 0.20)


@dataclass(frozen=True, slots=True)
class Inputs:
    """All layers of a study, read into the study area's CRS."""

    area: ReadLayer
    exclude: ReadLayer | None
    events: ReadLayer
    test_events: ReadLayer | None
    factors: list[tuple[ReadLayer, FactorSettings]]
    title: str
    crs: QgsCoordinateReferenceSystem

    @property
    def all(self) -> list[tuple[str, ReadLayer]]:
        """Role and layer of every input."""
        optional = (("excluded ground", self.exclude), ("test events", self.test_events))
        return [
            ("study area", self.area),
            ("events", self.events),
            *((role, read) for role, read in optional if read is not None),
            *(("factor", read) for read, _ in self.factors),
        ]


class Run(RtmAlgorithm):
    """Run a whole risk terrain study."""

    NAME = "run"
    LABEL = "Risk terrain model, start to finish"
    GROUP = ("study", "Study from start to finish")
    TAGS = ("rtmdx", "wizard", "study", "report")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self._add_layers()
        add_grid(self)
        add_influence(self)
        add_covariates(self)
        add_selection(self)
        self.add(
            QgsProcessingParameterFeatureSource(
                "TEST_EVENTS", tr("Later events, to test the map"), [Qgis.ProcessingSourceType.Vector], optional=True
            ),
            tr(
                "Events from after the fitting period. The map's hit rate and PAI are measured on them; they do not "
                "touch the model."
            ),
        )
        add_places(self, "STUDY_AREA")
        for name in ("RULE", "VALUE", "MAX_AREA"):
            definition = self.parameterDefinition(name)
            definition.setFlags(definition.flags() | Qgis.ProcessingParameterFlag.Advanced)
        self.add(
            QgsProcessingParameterString("TITLE", tr("Title of the study"), optional=True),
            tr(
                "Heads the report and the group of layers, such as 'Robbery in Northbridge BCU, 2024'; made from the "
                "layers' names when empty."
            ),
        )
        self._add_outputs()

    def _add_layers(self) -> None:
        add_study_area(self)
        self.add(
            QgsProcessingParameterFeatureSource("EVENTS", tr("Outcome events"), [Qgis.ProcessingSourceType.Vector]),
            tr(
                "Points of the crimes or incidents to explain, or a table such as a CSV file with longitude and "
                "latitude or easting and northing. Those outside the study area are counted and left out."
            ),
        )
        self.add(
            QgsProcessingParameterMultipleLayers("FACTORS", tr("Risk factors"), Qgis.ProcessingSourceType.Vector),
            tr(
                "Layers of points, lines or polygons, one for each kind of feature. Include features outside the "
                "study area within the largest influence."
            ),
        )
        self.add(
            QgsProcessingParameterString(
                "FACTOR_SETTINGS", tr("Factor settings (JSON text or file)"), multiLine=True, optional=True
            ),
            tr(
                "Settings of single factors, where they differ from those below: name, filter, operationalisation, "
                "max_blocks, increment, direction, density_sd. JSON text, or the path of a JSON file; the help shows "
                "an example."
            ),
            advanced=True,
        )

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
        self.add(
            QgsProcessingParameterFileDestination(
                "OUTPUT_REPORT", tr("Report"), tr("HTML page (*.html)"), optional=True, createByDefault=True
            ),
            tr("One self-contained HTML page with the findings, the map, the full fit and all settings."),
        )
        self.addOutput(QgsProcessingOutputString("FAMILY", tr("Family")))
        self.addOutput(QgsProcessingOutputNumber("FACTOR_COUNT", tr("Number of selected factors")))
        self.addOutput(QgsProcessingOutputNumber("BIC", tr("BIC")))
        self.addOutput(QgsProcessingOutputNumber("PLACE_COUNT", tr("Number of places")))
        self.addOutput(QgsProcessingOutputVariant("ACCURACY", tr("Accuracy against later events, by share of area")))

    def checkParameterValues(self, parameters: dict[str, Any], context: QgsProcessingContext) -> tuple[bool, str]:
        refusal = refusal_of_study_area(self, parameters, context)
        return (False, refusal) if refusal else super().checkParameterValues(parameters, context)

    def execute(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> dict[str, Any]:
        feedback.setProgressText(tr("Reading layers"))
        inputs = self._read(parameters, context, feedback)
        study = self._study(parameters, context, inputs)
        provenance = self._provenance(parameters, inputs)
        clock = Clock(stage_teller(feedback))

        def announce(grid: Grid, memory: int) -> None:
            feedback.pushInfo(
                tr("{:,} cells; the run needs up to {:,.0f} MB of memory beside QGIS.").format(grid.cells, memory / 1e6)
            )

        progress = progress_of(feedback, 0.05, 0.95)
        result = run(study, provenance, progress, clock, available_workers(), announce)
        tested = self._test(inputs, result)
        self._tell(result, tested, feedback)
        feedback.setProgressText(tr("Writing"))
        return self._write(parameters, context, feedback, inputs, study, result, tested)

    def _read(
        self, parameters: dict[str, Any], context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> Inputs:
        area, crs = read_study_area(self, parameters, context, feedback)
        exclude = test_events = None
        if parameters.get("EXCLUDE"):
            exclude = read_source(self, parameters, "EXCLUDE", crs, context, feedback, wanted="polygon", dissolve=True)
        events = read_source(self, parameters, "EVENTS", crs, context, feedback, wanted="point")
        if not inside(area.features, events.features.coordinates).any():
            raise InputError(no_event_inside(events))
        if parameters.get("TEST_EVENTS"):
            test_events = read_source(self, parameters, "TEST_EVENTS", crs, context, feedback, wanted="point")
            if not inside(area.features, test_events.features.coordinates).any():
                raise InputError(no_event_inside(test_events))
        layers = self.parameterAsLayerList(parameters, "FACTORS", context)
        block_length = self.parameterAsDouble(parameters, "BLOCK_LENGTH", context)
        factors = []
        for layer, entry, settings in self._factors(parameters, context, layers):
            if not isinstance(layer, QgsVectorLayer):
                raise InputError(
                    f"The risk factor '{layer.name()}' is not a vector layer; choose points, lines or polygons."
                )
            read = read_layer(layer, settings.name, crs, context, feedback, expression=entry.filter, layer=layer)
            warn_if_cut_at_boundary(read, area.features, settings.distances(block_length)[-1], units_text(crs))
            read.report.tell(feedback)
            factors.append((read, settings))
        title = self.parameterAsString(parameters, "TITLE", context).strip()
        title = title or tr("{} in {}").format(events.report.name, area.report.name)
        return Inputs(area, exclude, events, test_events, factors, title, crs)

    def _factors(
        self, parameters: dict[str, Any], context: QgsProcessingContext, layers: list[QgsMapLayer]
    ) -> list[tuple[QgsMapLayer, LayerSettings, FactorSettings]]:
        """Every layer with each of its entries in FACTOR_SETTINGS, or with the defaults."""
        given = parameters.get("FACTOR_SETTINGS")
        if not isinstance(given, (dict, list)):  # qgis_process hands over nested JSON as it is
            given = self.parameterAsString(parameters, "FACTOR_SETTINGS", context)
        entries = read_factor_settings(given)
        names = [layer_name(layer) for layer in layers]
        for entry in entries:
            if entry.layer not in names:
                raise InputError(
                    f"The factor settings name the layer '{entry.layer}', which is not among the risk factors "
                    f"({', '.join(names)}); add the layer or correct the name."
                )
        found = []
        for layer, name in zip(layers, names, strict=True):
            own = [entry for entry in entries if entry.layer == name] or [LayerSettings(name)]
            defaults = factor_settings(self, parameters, context, name)
            found.extend((layer, entry, entry.factor(defaults)) for entry in own)
        return found

    def _study(self, parameters: dict[str, Any], context: QgsProcessingContext, inputs: Inputs) -> Study:
        return Study(
            inputs.area.features,
            crs_text(inputs.crs),
            inputs.events.features.coordinates,
            [(read.features, settings) for read, settings in inputs.factors],
            grid_settings(self, parameters, context),
            selection_settings(self, parameters, context),
            place_settings(self, parameters, context),
            inputs.exclude.features if inputs.exclude else None,
            lambda grid: read_covariates(self, parameters, context, grid),
        )

    def _provenance(self, parameters: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
        return {
            **versions(),
            "parameters": plain_parameters(self, parameters),
            "inputs": [source_item(role, read) for role, read in inputs.all],
        }

    def _test(self, inputs: Inputs, result: StudyResult) -> tuple[Accuracy, ...]:
        if inputs.test_events is None:
            return ()
        later = count(result.observations.grid, inputs.test_events.features.coordinates)
        return tuple(accuracy(result.terrain.scores, later.counts, share) for share in SHARES)

    def _tell(self, result: StudyResult, tested: tuple[Accuracy, ...], feedback: QgsProcessingFeedback) -> None:
        events = result.events
        feedback.pushInfo(
            tr("{:,} cells; {:,.0f} events inside the study area, {:,.0f} outside.").format(
                result.grid.cells, events.inside, events.outside
            )
        )
        tell_model(result.model, feedback)
        tell_places(result.places, result.observations.grid, feedback)
        tell_accuracy(tested, feedback)

    def _write(
        self,
        parameters: dict[str, Any],
        context: QgsProcessingContext,
        feedback: QgsProcessingFeedback,
        inputs: Inputs,
        study: Study,
        result: StudyResult,
        tested: tuple[Accuracy, ...],
    ) -> dict[str, Any]:
        layer = {
            name: self.parameterAsOutputLayer(parameters, name, context)
            for name in ("OUTPUT_TERRAIN", "OUTPUT_EXPECTED", "OUTPUT_PLACES", "OUTPUT_TABLE")
        }
        file = {
            name: self.parameterAsFileOutput(parameters, name, context) for name in ("OUTPUT_MODEL", "OUTPUT_REPORT")
        }
        scored = result.observations.grid
        with Staging(feedback) as staging:
            save_terrain(staging, layer["OUTPUT_TERRAIN"], scored, result.terrain)
            if layer["OUTPUT_EXPECTED"]:
                save_expected(staging, layer["OUTPUT_EXPECTED"], scored, result.terrain)
            if layer["OUTPUT_PLACES"]:
                save_places(staging, layer["OUTPUT_PLACES"], scored, result.places)
            if layer["OUTPUT_TABLE"]:
                save_candidate_table(staging, layer["OUTPUT_TABLE"], result.model.candidates)
            if file["OUTPUT_MODEL"]:
                staging.text(file["OUTPUT_MODEL"], result.model.to_json())
            if file["OUTPUT_REPORT"]:
                told = findings(result.model, report_context(inputs, study), result.places.places, tested)
                save_report(staging, file["OUTPUT_REPORT"], result, told)
        group = results_group(inputs.title)
        self.present(context, layer["OUTPUT_PLACES"], tr("Priority places"), group, 40)
        self.present(context, layer["OUTPUT_TERRAIN"], tr("Risk terrain: relative risk score"), group, 30)
        self.present(context, layer["OUTPUT_EXPECTED"], tr("Expected events in a cell"), group, 20)
        self.present(context, layer["OUTPUT_TABLE"], tr("Candidate table"), group, 10)
        return {
            **{name: path for name, path in {**layer, **file}.items() if path},
            "FAMILY": result.model.family,
            "FACTOR_COUNT": len(result.model.selected),
            "BIC": result.model.best.bic,
            "PLACE_COUNT": len(result.places.places),
            **({"ACCURACY": [asdict(row) for row in tested]} if tested else {}),
        }


def report_context(inputs: Inputs, study: Study) -> ReportContext:
    """What the report tells of the inputs."""
    outcome, area = inputs.events.report.name, inputs.area.report.name
    metres = QgsUnitTypes.fromUnitToUnitFactor(inputs.crs.mapUnits(), Qgis.DistanceUnit.Meters)
    block = study.grid.block_length
    factors = tuple(
        FactorInfo(
            settings.name,
            read.report.name,
            read.features.geometry,
            read.report.features,
            settings.operationalisation,
            settings.distances(block)[-1],
            settings.distances(block)[0],
            settings.direction,
            settings.density_sd,
            tuple(read.report.warnings),
        )
        for read, settings in inputs.factors
    )
    return ReportContext(
        inputs.title,
        area,
        outcome,
        factors,
        tuple(warning for role, read in inputs.all if role != "factor" for warning in read.report.warnings),
        units_text(inputs.crs),
        metres,
        rule_text(study.places, metres),
        inputs.test_events.report.name if inputs.test_events else "",
    )


def rule_text(places: PlaceSettings, metres: float) -> str:
    """The rule for priority places in words; `metres` is the length of a map unit."""
    square_km = (places.max_area or 0.0) * metres**2 / 1e6
    return _chosen(places) + (tr(", split to at most {:g} km²").format(square_km) if square_km else "")


def _chosen(places: PlaceSettings) -> str:
    if places.rule == "class":
        return tr("touching cells with a score above mean") + (f" + {places.value:g} SD" if places.value else "")
    if places.rule == "share":
        return tr("touching cells among the {:g} percent with the highest scores").format(places.value)
    return tr("touching cells among the {:g} with the highest scores").format(places.value)
