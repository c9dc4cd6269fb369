"""rtm:terrain — relative risk scores and expected counts."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterDestination,
)

from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.rasters import read_candidates
from ..rtm_plugin.core.model.document import RiskModel
from ..rtm_plugin.core.pipeline import observe_again, score
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.marking import carried_marking, marking_of_model
from .shared.outputs import save_expected, save_terrain
from .shared.parameters import add_covariates, read_covariates
from .shared.request import Request


class Terrain(RtmAlgorithm):
    """Score the cells with a model."""

    NAME = "terrain"
    LABEL = "5. Risk terrain"
    GROUP = ("steps", "Study step by step")
    TAGS = ("score", "map", "expected count")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterFile("MODEL", tr("Model"), extension="json"),
            tr("Output of 'Select model'."),
        )
        self.add(
            QgsProcessingParameterMultipleLayers(
                "CANDIDATES", tr("Candidate variables"), Qgis.ProcessingSourceType.Raster
            ),
            tr("The rasters of the factors that the model selected; others are not used."),
        )
        add_covariates(self)
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", tr("Risk terrain")),
            tr("Raster of relative risk scores; the cell with the lowest risk is 1."),
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "OUTPUT_EXPECTED", tr("Expected counts"), optional=True, createByDefault=True
            ),
            tr(
                "Raster of the number of events that the model expects in each cell in a period like the one it was "
                "fitted on."
            ),
        )
        self.addOutput(QgsProcessingOutputNumber("MEAN", tr("Mean score")))
        self.addOutput(QgsProcessingOutputNumber("SD", tr("Standard deviation of the scores")))
        self.addOutput(QgsProcessingOutputNumber("MAX", tr("Largest score")))

    def execute(self, request: Request) -> dict[str, Any]:
        model_file = request.file("MODEL")
        model = RiskModel.load(model_file)
        marking = carried_marking(request, [marking_of_model(model)])
        rasters = request.rasters("CANDIDATES", "candidate")
        grid = rasters[0].grid()
        candidates = read_candidates(rasters, grid, request.progress(0.0, 0.6))
        covariates = read_covariates(request, grid)
        observed = observe_again(model, grid, candidates, covariates)
        terrain = score(model.best, observed)
        output = request.output("OUTPUT")
        expected = request.output("OUTPUT_EXPECTED")
        with Staging(request.feedback, marking) as staging:
            save_terrain(staging, output, observed.grid, terrain, model.events.period, model)
            if expected:
                save_expected(staging, expected, observed.grid, terrain, model.events.period, model)
        beside = {"model": model_file, "expected": expected}
        request.present(output, tr("Risk terrain: relative risk score"), results_group(), 30, beside)
        request.present(expected, tr("Expected events in a cell"), results_group(), 20)
        summary = terrain.summary
        return {
            "OUTPUT": output,
            "OUTPUT_EXPECTED": expected,
            "MEAN": summary.mean,
            "SD": summary.sd,
            "MAX": summary.max,
        }
