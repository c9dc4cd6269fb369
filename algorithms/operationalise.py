"""rtm:operationalise — candidate variables of one risk factor."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ..rtm_plugin.adapters.crs import crs_of, units_text
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.layers import warn_if_cut_at_boundary
from ..rtm_plugin.core.candidates.columns import operationalise
from ..rtm_plugin.core.documents.factor_settings import FactorSettings
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.outputs import save_candidates
from .shared.parameters import read_source, source_item
from .shared.request import Request
from .shared.settings import add_settings, read_settings


class Operationalise(RtmAlgorithm):
    """Turn a risk factor into candidate variables."""

    NAME = "operationalise"
    LABEL = "3. Operationalise a risk factor"
    GROUP = ("steps", "Study step by step")
    TAGS = ("proximity", "density", "kernel", "risk factor")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterRasterLayer("GRID", tr("Study grid")),
            tr("Output of 'Study grid'."),
        )
        self.add(
            QgsProcessingParameterFeatureSource("FACTOR", tr("Risk factor"), [Qgis.ProcessingSourceType.Vector]),
            tr(
                "Points, lines or polygons of one kind of feature. Include those outside the study area within the "
                "largest influence: they count for the cells near the edge."
            ),
        )
        self.add(
            QgsProcessingParameterString("NAME", tr("Name (the layer's when empty)"), optional=True),
            tr("Name of the factor in tables, maps and the report."),
        )
        add_settings(self, FactorSettings)
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", tr("Candidate variables")),
            tr("Raster with one band for each candidate: 1 where a cell is exposed, 0 elsewhere."),
        )
        self.addOutput(QgsProcessingOutputNumber("CANDIDATE_COUNT", tr("Number of candidates")))
        self.addOutput(QgsProcessingOutputNumber("FEATURE_COUNT", tr("Number of features")))

    def execute(self, request: Request) -> dict[str, Any]:
        grid = request.raster("GRID", "grid").grid()
        read = read_source(request, "FACTOR", crs_of(grid))
        name = request.text("NAME").strip() or read.report.name
        settings = read_settings(request, FactorSettings, name=name)
        if grid.study_area is not None:
            warnings_before = len(read.report.warnings)
            reach = settings.distances(grid.block_length)[-1]
            warn_if_cut_at_boundary(read, grid.study_area, reach, units_text(crs_of(grid)))
            for warning in read.report.warnings[warnings_before:]:
                request.feedback.pushWarning(warning)
        block = operationalise(read.features, settings, grid, request.progress(0.0, 0.9))
        output = request.output("OUTPUT")
        with Staging(request.feedback) as staging:
            save_candidates(staging, output, grid, block, [source_item("factor", read)])
        request.present(output, tr("Candidates: {}").format(name), results_group(), 4)
        return {
            "OUTPUT": output,
            "CANDIDATE_COUNT": len(block.candidates),
            "FEATURE_COUNT": read.report.features,
        }
