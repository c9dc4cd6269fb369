"""rtm:patrolplaces — where to be: the ground that a forecast expects most on, in places that a patrol can be in."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorDestination,
)

from ..rtm_plugin.adapters.belonging import are_places
from ..rtm_plugin.adapters.crs import crs_of, metres_per_unit
from ..rtm_plugin.adapters.fields import guessed_name_field
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.core.documents.patrol_settings import PatrolSettings
from ..rtm_plugin.core.errors import InputError
from ..rtm_plugin.core.ground.grid import Grid, areas_of_cells
from ..rtm_plugin.core.terrain.patrol_places import patrol_places
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.log import tell_patrols
from .shared.marking import carried_marking
from .shared.outputs import save_patrols
from .shared.parameters import read_source, source_name
from .shared.patrols import about_patrols
from .shared.request import Request
from .shared.settings import add_settings, read_settings


class PatrolPlaces(RtmAlgorithm):
    """Choose the ground that a forecast expects most on, under a budget."""

    NAME = "patrolplaces"
    LABEL = "Patrol places"
    GROUP = ("together", "Terrain and events together")
    TAGS = ("hot spots", "rank", "presence", "deployment", "budget", "polygons")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        polygons = [Qgis.ProcessingSourceType.VectorPolygon]
        self.add(
            QgsProcessingParameterRasterLayer("FORECAST", tr("Forecast")),
            tr("Output of 'Forecast' or of 'Risk terrain model, start to finish'."),
        )
        add_settings(self, PatrolSettings, parent="FORECAST")
        self.add(
            QgsProcessingParameterFeatureSource("PLACES", tr("Priority places"), polygons, optional=True),
            tr(
                "Output of 'Priority places', or those of the same run; each patrol place is then told whether it "
                "overlaps one of them."
            ),
        )
        self.add(
            QgsProcessingParameterFeatureSource("AREAS", tr("Areas to name"), polygons, optional=True),
            tr(
                "Polygons such as wards or beats; each patrol place is then told in which of them most of its cells "
                "lie."
            ),
        )
        self.add(
            QgsProcessingParameterField(
                "AREA_FIELD", tr("Name of the areas"), parentLayerParameterName="AREAS", optional=True
            ),
            tr("The field that names the areas; one that is called name, title or label, or ends in name, when empty."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterVectorDestination(
                "OUTPUT", tr("Patrol places"), Qgis.ProcessingSourceType.VectorPolygon
            ),
            tr(
                "Polygons with rank, cells, hectares, expected events, their share of all that are expected, expected "
                "events per hectare, area, and whether and which priority place overlaps."
            ),
        )
        self.addOutput(QgsProcessingOutputNumber("PLACE_COUNT", tr("Number of places")))
        self.addOutput(QgsProcessingOutputNumber("EXPECTED_EVENTS", tr("Events expected in all places")))
        self.addOutput(QgsProcessingOutputNumber("EXPECTED_SHARE", tr("Their share of all expected events, percent")))

    def execute(self, request: Request) -> dict[str, Any]:
        settings = read_settings(request, PatrolSettings)
        raster = request.raster("FORECAST", "forecast")
        raster.require("forecast", "forecast", "rtm:forecast or rtm:run")
        marking = carried_marking(request, [raster.marking])
        grid, metres = raster.grid(), metres_per_unit(raster.crs)
        expected = raster.band(1)[0][grid.mask].astype(np.float64)
        areas, problems = self._areas(request, grid), self._problems(request, grid)
        patrols = patrol_places(grid, expected, settings, metres, request.progress(0.1, 0.9))
        if not patrols.places:
            raise InputError(
                f"The forecast '{raster.name}' expects as many events in one cell as in any other, so that there is no "
                "patrol place; make it from more events."
            )
        tell_patrols(patrols, grid, settings, metres, request.feedback)
        output = request.output("OUTPUT")
        with Staging(request.feedback, marking) as staging:
            save_patrols(staging, output, grid, patrols, about_patrols(patrols, metres, areas, problems))
        request.present(output, tr("Patrol places"), results_group(), 45)
        return {
            "OUTPUT": output,
            "PLACE_COUNT": len(patrols.places),
            "EXPECTED_EVENTS": patrols.expected,
            "EXPECTED_SHARE": 100 * patrols.share,
        }

    def _areas(self, request: Request, grid: Grid) -> tuple[NDArray[np.int64], list[str]] | None:
        """The area of each cell, and what the areas are called; None where there are none."""
        if not request.given("AREAS"):
            return None
        source = request.needed_source("AREAS")
        name = request.text("AREA_FIELD") or guessed_name_field(source.fields())
        if not name:
            raise InputError(
                f"The layer '{source_name(request, 'AREAS', source)}' has no field of names; choose the field that "
                "names the areas."
            )
        read = read_source(request, "AREAS", crs_of(grid), wanted="polygon", name_field=name)
        return areas_of_cells(grid, read.named)

    def _problems(self, request: Request, grid: Grid) -> NDArray[np.int64] | None:
        """The rank of each cell's priority place, 0 outside; None where no places are given."""
        if not request.given("PLACES"):
            return None
        source = request.needed_source("PLACES")
        if not are_places(source):
            raise InputError(
                f"The layer '{source_name(request, 'PLACES', source)}' does not hold priority places; choose the "
                "output of rtm:priorityplaces or rtm:run."
            )
        read = read_source(request, "PLACES", crs_of(grid), wanted="polygon", name_field="rank")
        label, names = areas_of_cells(grid, read.named)
        ranks = np.array([0, *(int(float(name)) for name in names)], dtype=np.int64)
        return ranks[label + 1]
