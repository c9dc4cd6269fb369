"""rtm:priorityplaces — places to go to first."""

from typing import Any

import numpy as np
from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorDestination,
)

from ..rtm_plugin.adapters.belonging import Terrain
from ..rtm_plugin.adapters.crs import crs_of
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.rasters import read_candidates, require_cells
from ..rtm_plugin.core.arrays import Floats
from ..rtm_plugin.core.candidates.columns import CandidateSet
from ..rtm_plugin.core.documents.settings import PlaceSettings
from ..rtm_plugin.core.errors import InputError
from ..rtm_plugin.core.ground.grid import Grid
from ..rtm_plugin.core.model.document import RiskModel
from ..rtm_plugin.core.model.model_findings import no_places_finding
from ..rtm_plugin.core.terrain.places import FEWEST, priority_places
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.log import tell_places
from .shared.marking import carried_marking
from .shared.outputs import save_places
from .shared.request import Request
from .shared.settings import add_settings, read_settings
from .shared.whereabouts import add_streets_and_areas, places_told, read_streets_and_areas


class PriorityPlaces(RtmAlgorithm):
    """Join touching high-risk cells to ranked places."""

    NAME = "priorityplaces"
    LABEL = "6. Priority places"
    GROUP = ("steps", "Study step by step")
    TAGS = ("hot spots", "rank", "polygons")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterRasterLayer("TERRAIN", tr("Risk terrain")),
            tr("Output of 'Risk terrain'; or a forecast, whose places are where events are expected most."),
        )
        add_settings(self, PlaceSettings, parent="TERRAIN")
        self.add(
            QgsProcessingParameterRasterLayer("EXPECTED", tr("Expected counts"), optional=True),
            tr(
                "Output of 'Risk terrain', or a forecast; gives each place its expected events, by which places are "
                "then ranked."
            ),
        )
        self.add(
            QgsProcessingParameterRasterLayer("COUNTS", tr("Event counts"), optional=True),
            tr("Output of 'Count events'; gives each place its observed events."),
        )
        self.add(
            QgsProcessingParameterFile("MODEL", tr("Model"), extension="json", optional=True),
            tr(
                "Output of 'Select model'; with the candidate variables it tells which factors are at work in each "
                "place."
            ),
        )
        self.add(
            QgsProcessingParameterMultipleLayers(
                "CANDIDATES", tr("Candidate variables"), Qgis.ProcessingSourceType.Raster, optional=True
            ),
            tr("The rasters of the factors that the model selected."),
        )
        add_streets_and_areas(self)
        self.add(
            QgsProcessingParameterVectorDestination(
                "OUTPUT", tr("Priority places"), Qgis.ProcessingSourceType.VectorPolygon
            ),
            tr(
                "Polygons with rank, area, cells, mean and largest score, expected and observed events, factors "
                "at work, and words to find them by."
            ),
        )
        self.addOutput(QgsProcessingOutputNumber("PLACE_COUNT", tr("Number of places")))

    def execute(self, request: Request) -> dict[str, Any]:
        raster = request.raster("TERRAIN", "risk terrain")
        raster.require("terrain", "risk terrain", "rtm:terrain", or_foreign=True, or_forecast=True)
        marking = carried_marking(request, [raster.marking])
        terrain = Terrain.of(raster)
        grid, scores = terrain.grid, terrain.scores
        model, candidates = self._model(request, terrain)
        settings = read_settings(request, PlaceSettings)
        told_by = read_streets_and_areas(request, crs_of(grid), grid.extent)
        places = priority_places(
            grid,
            scores,
            settings,
            expected=self._values(request, "EXPECTED", grid, "rtm:terrain"),
            observed=self._values(request, "COUNTS", grid, "rtm:countevents"),
            terms=model.selected if model is not None and candidates is not None else (),
            candidates=candidates,
            progress=request.progress(),
            fewest=FEWEST,
        )
        if not places.places:
            raise InputError(no_places_finding(scores, settings).text)
        tell_places(places, grid, scores, settings, request.feedback)
        places = places_told(places, grid, told_by, request.context)
        output = request.output("OUTPUT")
        with Staging(request.feedback, marking) as staging:
            save_places(staging, output, grid, places, terrain.place_items)
        request.present(output, tr("Priority places"), results_group(), 40)
        return {"OUTPUT": output, "PLACE_COUNT": len(places.places)}

    def _model(self, request: Request, terrain: Terrain) -> tuple[RiskModel | None, CandidateSet | None]:
        """The model behind the map and its candidates, where they are given; refused where they do not belong to it."""
        path = request.file("MODEL")
        if not path:
            return None, None
        model = RiskModel.load(path)
        if terrain.kind != "forecast":
            terrain.require_model(model)
        if not request.given("CANDIDATES"):
            return model, None
        rasters = request.rasters("CANDIDATES", "candidate")
        whole = require_cells(rasters[0], terrain.grid)
        candidates = read_candidates(rasters, whole).subset(terrain.grid.mask[whole.mask])
        model.require_candidates(candidates)
        return model, candidates

    def _values(self, request: Request, name: str, grid: Grid, maker: str) -> Floats | None:
        if not request.given(name):
            return None
        raster = request.raster(name, name.lower())
        raster.require(name.lower(), name.lower(), maker, or_foreign=True, or_forecast=name == "EXPECTED")
        require_cells(raster, grid)
        return raster.band(1)[0][grid.mask].astype(np.float64)
