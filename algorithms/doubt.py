"""rtm:doubt — the whole selection again on maps put together of blocks of the study's own."""

from dataclasses import replace
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterVectorDestination,
)

from ..rtm_plugin.adapters.feedback import stage_teller
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.libraries import VERIFYING
from ..rtm_plugin.adapters.memory import require_memory
from ..rtm_plugin.core.documents.factor_settings import FactorSettings
from ..rtm_plugin.core.documents.reading import json_text, known
from ..rtm_plugin.core.documents.settings import GridSettings, PlaceSettings, SelectionSettings
from ..rtm_plugin.core.ground.grid import Grid
from ..rtm_plugin.core.pipeline import StudyResult, run
from ..rtm_plugin.core.stability.how_sure import HowSure, HowSureSettings, how_sure, memory_needed
from ..rtm_plugin.core.stability.resampled_blocks import BlockSide
from ..rtm_plugin.core.tools.parallel import available_workers
from ..rtm_plugin.core.tools.progress import Clock
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.data_findings import tell_findings
from .shared.doubt_tables import (
    FACTOR_COLUMNS,
    PLACE_COLUMNS,
    factor_rows,
    place_rows,
    tell_blocks,
    tell_doubt,
)
from .shared.event_dates import add_event_dates, add_window
from .shared.log import tell_model
from .shared.marking import add_marking, given_marking
from .shared.outputs import (
    made_from_terrain,
    plain_parameters,
    save_places,
    save_table,
    save_top_probability,
    versions,
)
from .shared.parameters import add_covariates, add_exclude
from .shared.report_parts import cells_of
from .shared.request import Request
from .shared.settings import OF_ONE_FACTOR, add_settings, read_settings
from .shared.study_inputs import Inputs, add_study_layers, area_text, read_inputs, study_of
from .shared.whereabouts import places_told


class HowSureIsThis(RtmAlgorithm):
    """Resample a study."""

    NAME = "doubt"
    LABEL = "How sure is this?"
    GROUP = ("accuracy", "How good is the map")
    TAGS = ("bootstrap", "uncertainty", "confidence", "interval", "stability", "resampling")
    LIBRARIES = VERIFYING

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        add_study_layers(self)
        add_settings(self, GridSettings, parent="STUDY_AREA")
        add_exclude(self)
        add_settings(self, FactorSettings, without=OF_ONE_FACTOR)
        add_covariates(self)
        add_settings(self, SelectionSettings)
        add_event_dates(self)
        add_window(self, "FIT_", tr("fitting window"))
        add_settings(self, PlaceSettings, parent="STUDY_AREA", all_advanced=True)
        add_settings(self, HowSureSettings, parent="STUDY_AREA")
        add_marking(self)
        self._add_outputs()

    def _add_outputs(self) -> None:
        vector, raster = QgsProcessingParameterVectorDestination, QgsProcessingParameterRasterDestination
        table, polygons = Qgis.ProcessingSourceType.Vector, Qgis.ProcessingSourceType.VectorPolygon
        self.add(
            vector("OUTPUT_TABLE", tr("How sure the factors are"), table),
            tr(
                "Table with a row for each factor: in how many resamples it is chosen, by which operationalisation and "
                "over which distances, and the interval of its relative risk value."
            ),
        )
        self.add(
            vector("OUTPUT_PLACES", tr("How sure the places are"), polygons, optional=True, createByDefault=True),
            tr(
                "The priority places of the study, each with the interval of its score and of its rank, and in how "
                "many resamples it is among the first ten."
            ),
        )
        self.add(
            raster("OUTPUT_PROBABILITY", tr("Probability of the top share"), optional=True, createByDefault=True),
            tr("Raster of the share of resamples in which a cell is among the highest-scored percent of the area."),
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "OUTPUT_JSON", tr("Result as JSON"), tr("JSON file (*.json)"), optional=True, createByDefault=False
            ),
            tr("Everything that table and places hold, the settings, and the model of each resample."),
        )
        self.addOutput(QgsProcessingOutputNumber("RESAMPLES_FITTED", tr("Number of resamples with a model")))
        self.addOutput(QgsProcessingOutputNumber("BLOCK_USED", tr("Side of the blocks that were drawn")))

    def execute(self, request: Request) -> dict[str, Any]:
        marking = given_marking(request)
        settings = read_settings(request, HowSureSettings)
        request.feedback.setProgressText(tr("Reading layers"))
        inputs = read_inputs(request)
        result = self._run(request, inputs)
        request.feedback.setProgressText(tr("Resampling"))

        def announce(side: BlockSide) -> None:
            tell_blocks(side, request.feedback)

        found = how_sure(
            result,
            read_settings(request, SelectionSettings),
            settings,
            announce=announce,
            progress=request.progress(0.15, 0.98),
            workers=available_workers(),
        )
        tell_doubt(found, request.feedback)
        cells = cells_of(inputs, result)
        known_of = {"terms": result.model.selected, "shares": cells.shares, "layers": cells.layers}
        places = places_told(result.places, cells.grid, inputs.told_by, request.context, **known_of)
        result = replace(result, places=places)
        provenance = {**versions(marking), "parameters": plain_parameters(request), "inputs": inputs.sources}
        return self._write(request, result, found, provenance, marking)

    def _run(self, request: Request, inputs: Inputs) -> StudyResult:
        """The study as it is."""
        study, workers = study_of(request, inputs), available_workers()

        def announce(grid: Grid, memory: int) -> None:
            request.feedback.pushInfo(area_text(inputs, grid))
            tell_findings(inputs.findings(grid), request.feedback)
            memory += memory_needed(grid, len(study.factors), workers)
            if warning := require_memory(memory):
                request.feedback.pushWarning(warning)

        clock = Clock(stage_teller(request.feedback))
        result = run(study, None, request.progress(0.02, 0.15), clock, workers, announce)
        tell_model(result.model, request.feedback)
        return result

    def _write(
        self, request: Request, result: StudyResult, found: HowSure, provenance: dict[str, Any], marking: str
    ) -> dict[str, Any]:
        names = ("OUTPUT_TABLE", "OUTPUT_PLACES", "OUTPUT_PROBABILITY", "OUTPUT_JSON")
        table, places, probability, document = (request.output(name) for name in names)
        grid, top = result.observations.grid, found.settings.top_share
        with Staging(request.feedback, marking) as staging:
            save_table(staging, table, FACTOR_COLUMNS, factor_rows(found))
            if places:
                more = PLACE_COLUMNS, place_rows(found)
                save_places(staging, places, grid, result.places, made_from_terrain(result.model), more=more)
            if probability:
                save_top_probability(staging, probability, grid, found.probability, top, result.model.events.period)
            if document:
                staging.text(document, json_text({**found.document(), "provenance": provenance}, known))
        group = results_group()
        request.present(table, tr("How sure is this: factors"), group, 10)
        request.present(places, tr("How sure is this: priority places"), group, 40)
        request.present(probability, tr("Probability of the top {:g} percent").format(top), group, 30)
        paths = dict(zip(names, (table, places, probability, document), strict=True))
        return {
            **{name: path for name, path in paths.items() if path},
            "RESAMPLES_FITTED": found.fitted,
            "BLOCK_USED": found.side.length,
        }
