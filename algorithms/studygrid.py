"""rtm:studygrid — square cells over a study area."""

from typing import Any

import numpy as np
from qgis.core import (
    QgsProcessingOutputNumber,
    QgsProcessingParameterRasterDestination,
)

from ..rtm_plugin.adapters.crs import crs_text, units_text
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.core.documents.settings import GridSettings
from ..rtm_plugin.core.ground.grid import study_grid
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.outputs import save_grid
from .shared.parameters import (
    add_exclude,
    add_study_area,
    read_source,
    read_study_area,
    source_item,
)
from .shared.request import Request
from .shared.settings import add_settings, read_settings


class StudyGrid(RtmAlgorithm):
    """Cut a study area into cells."""

    NAME = "studygrid"
    LABEL = "1. Study grid"
    GROUP = ("steps", "Study step by step")
    TAGS = ("grid", "cells", "fishnet")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        add_study_area(self)
        add_settings(self, GridSettings, parent="STUDY_AREA")
        add_exclude(self)
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", tr("Study grid")),
            tr("Raster with 1 in the cells of the study area and nodata outside."),
        )
        self.addOutput(QgsProcessingOutputNumber("CELL_COUNT", tr("Number of cells")))

    def execute(self, request: Request) -> dict[str, Any]:
        area, crs = read_study_area(request)
        exclude = None
        if request.given("EXCLUDE"):
            exclude = read_source(request, "EXCLUDE", crs, wanted="polygon", dissolve=True).features
        settings = read_settings(request, GridSettings)
        grid = study_grid(area.features, settings, crs_text(crs), exclude)
        request.feedback.pushInfo(tr("{:,} cells of {:g} {}.").format(grid.cells, grid.cell_size, units_text(crs)))
        output = request.output("OUTPUT")
        with Staging(request.feedback) as staging:
            save_grid(staging, output, grid, [source_item("study area", area)])
        request.present(output, tr("Study grid"), results_group(), 2)
        return {"OUTPUT": output, "CELL_COUNT": int(np.count_nonzero(grid.mask))}
