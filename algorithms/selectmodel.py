"""rtm:selectmodel — cull, select, choose the family, verify."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorDestination,
)

from ..rtm_plugin.adapters.feedback import stage_teller
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.libraries import VERIFYING
from ..rtm_plugin.adapters.rasters import read_candidates, read_counts
from ..rtm_plugin.core.candidates.covariates import observe
from ..rtm_plugin.core.documents.settings import SelectionSettings
from ..rtm_plugin.core.pipeline import fit_model
from ..rtm_plugin.core.tools.parallel import available_workers
from ..rtm_plugin.core.tools.progress import Clock
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.log import tell_model
from .shared.marking import add_marking, given_marking
from .shared.outputs import plain_parameters, save_candidate_table, versions
from .shared.parameters import add_covariates, read_covariates
from .shared.request import Request
from .shared.settings import add_settings, read_settings


class SelectModel(RtmAlgorithm):
    """Select the risk terrain model."""

    NAME = "selectmodel"
    LABEL = "4. Select model"
    GROUP = ("steps", "Study step by step")
    TAGS = ("regression", "elastic net", "stepwise", "poisson", "negative binomial")
    LIBRARIES = VERIFYING

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterRasterLayer("COUNTS", tr("Event counts")),
            tr("Output of 'Count events'."),
        )
        self.add(
            QgsProcessingParameterMultipleLayers(
                "CANDIDATES", tr("Candidate variables"), Qgis.ProcessingSourceType.Raster
            ),
            tr("Outputs of 'Operationalise a risk factor', one raster for each factor, made from the same study grid."),
        )
        add_covariates(self)
        add_settings(self, SelectionSettings)
        add_marking(self)
        self.add(
            QgsProcessingParameterFileDestination("OUTPUT_MODEL", tr("Model"), tr("Risk terrain model (*.json)")),
            tr("JSON file with the model, every candidate, every step, and how it was made."),
        )
        self.add(
            QgsProcessingParameterVectorDestination(
                "OUTPUT_TABLE",
                tr("Candidate table"),
                Qgis.ProcessingSourceType.Vector,
                optional=True,
                createByDefault=True,
            ),
            tr("Table with one row for each candidate: its fate and the reason."),
        )
        self.addOutput(QgsProcessingOutputString("FAMILY", tr("Family")))
        self.addOutput(QgsProcessingOutputNumber("FACTOR_COUNT", tr("Number of selected factors")))
        self.addOutput(QgsProcessingOutputNumber("BIC", tr("BIC")))

    def execute(self, request: Request) -> dict[str, Any]:
        counts = request.raster("COUNTS", "event count")
        grid, events = read_counts(counts)
        rasters = request.rasters("CANDIDATES", "candidate")
        candidates = read_candidates(rasters, grid, request.progress(0.0, 0.1))
        settings = read_settings(request, SelectionSettings)
        marking = given_marking(request)
        sources = [item for raster in (counts, *rasters) for item in raster.items.sources]
        provenance = {**versions(marking), "parameters": plain_parameters(request), "inputs": sources}
        clock = Clock(stage_teller(request.feedback))
        observed = observe(grid, events.counts, candidates, read_covariates(request, grid))
        progress = request.progress(0.1, 0.95)
        model = fit_model(
            observed,
            events,
            settings,
            provenance=provenance,
            clock=clock,
            progress=progress,
            workers=available_workers(),
        )
        tell_model(model, request.feedback)
        output_model = request.output("OUTPUT_MODEL")
        output_table = request.output("OUTPUT_TABLE")
        with Staging(request.feedback, marking) as staging:
            staging.text(output_model, model.to_json())
            if output_table:
                save_candidate_table(staging, output_table, model.candidates)
        request.present(output_table, tr("Candidate table"), results_group(), 10)
        return {
            "OUTPUT_MODEL": output_model,
            "OUTPUT_TABLE": output_table,
            "FAMILY": model.family,
            "FACTOR_COUNT": len(model.selected),
            "BIC": model.best.bic,
        }
