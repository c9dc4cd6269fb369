"""Whether maps, places and a model belong together: the one way in which every tool and window asks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from osgeo import gdal, ogr, osr
from qgis.core import QgsFeatureSource, QgsFields, QgsVectorLayer

from ..core.errors import InputError
from ..core.ground.grid import Grid
from ..core.model.document import RiskModel
from ..core.model.raster_items import KIND, MODEL, text_items
from ..core.terrain.scores import ScoreSummary
from .layers import layer_name
from .rasters import Raster, same_cells

MADE_FROM, MADE_WITH = KIND, MODEL  # of a layer of places: the kind of raster and the model that they were made from
_PLACE_FIELDS = ("rank", "cells", "mean_score", "max_score")
_LOOKED_AT = 200  # places
_SAME = 1e-4  # relative; some formats keep fewer digits


@dataclass(frozen=True, slots=True, eq=False)
class Terrain:
    """A risk terrain as it was read, over n cells; `fingerprint` is that of its model, "" where it carries none."""

    name: str
    grid: Grid
    scores: NDArray[np.float32]
    kind: str
    fingerprint: str

    @classmethod
    def of(cls, raster: Raster, with_zeros: bool = False) -> Terrain:
        """From a raster of scores."""
        grid = raster.grid(with_zeros=with_zeros)
        scores = raster.band(1)[0][grid.mask].astype(np.float32)
        return cls(raster.name, grid, scores, raster.items.kind or "", raster.items.model or "")

    def require_model(self, model: RiskModel) -> None:
        """Refuse a model that did not make this terrain.

        Raises
        ------
        InputError
        """
        model.require_made(ScoreSummary.of(self.scores), self.grid.cells, self.name, self.fingerprint)

    @property
    def place_items(self) -> dict[str, str]:
        """What a layer of places made from this map keeps, so that it is known again."""
        items = {MADE_FROM: self.kind, MADE_WITH: self.fingerprint}
        return {key: text for key, text in items.items() if text}


def terrain_of(raster: Raster, model: RiskModel) -> Terrain:
    """The terrain in a raster, refused unless the model made it.

    Raises
    ------
    InputError
    """
    raster.require("terrain", "risk terrain", "rtm:terrain or rtm:run", or_foreign=True)
    terrain = Terrain.of(raster, with_zeros=True)
    terrain.require_model(model)
    return terrain


def expected_of(raster: Raster, model: RiskModel, terrain: Terrain, or_foreign: bool = False) -> NDArray[np.float32]:
    """Expected counts (n,) of the same run as a terrain.

    Without exposure and adjustments they are the scores times one number, which tells where the raster carries no
    fingerprint of its model.

    Raises
    ------
    InputError
    """
    raster.require("expected", "expected counts", "rtm:terrain or rtm:run", or_foreign=or_foreign)
    same_cells(raster, terrain.grid)
    expected: NDArray[np.float32] = raster.band(1)[0][terrain.grid.mask].astype(np.float32)
    if not np.isfinite(expected).all() or (expected < 0).any():
        raise InputError(
            f"The expected counts '{raster.name}' lack a value of 0 or more in some cells of the risk terrain; choose "
            "the raster of the same run."
        )
    fingerprint = raster.items.model or ""
    belongs = fingerprint == model.fingerprint
    if not fingerprint:
        plain = model.exposure is None and not model.best.adjustments
        ratio = expected.astype(np.float64) / terrain.scores
        belongs = not plain or bool(np.allclose(ratio, ratio.mean(), rtol=_SAME, atol=0.0))
    if not belongs:
        raise InputError(
            f"The expected counts '{raster.name}' were not made with this model; choose the rasters of one run."
        )
    return expected


def require_places_of(layer: QgsVectorLayer, terrain: Terrain) -> None:
    """Refuse priority places that were made from another map; polygons that are no priority places pass.

    Raises
    ------
    InputError
    """
    if are_places(layer) and not places_belong(layer, terrain):
        raise InputError(
            f"The priority places '{layer_name(layer)}' were not made from the risk terrain '{terrain.name}'; choose "
            "the places of the same run, or make them again."
        )


def are_places(layer: QgsVectorLayer | QgsFeatureSource) -> bool:
    """Whether a layer has the fields of priority places."""
    return has_place_fields(layer.fields())


def has_place_fields(fields: QgsFields) -> bool:
    """Whether these are the fields of priority places."""
    return set(_PLACE_FIELDS) <= set(fields.names())


def places_belong(layer: QgsVectorLayer, terrain: Terrain) -> bool:
    """Whether priority places were made from this terrain, or from a forecast on its cells.

    The layer's metadata tell; where they are lost, as in formats without any, the places must hold as many cells with
    such scores as they say.
    """
    items = place_items(layer)
    fingerprint = items.get(MADE_WITH, "")
    if fingerprint and terrain.fingerprint:
        return fingerprint == terrain.fingerprint
    return _measured_again(layer, terrain, with_scores=items.get(MADE_FROM) != "forecast")


def place_items(layer: QgsVectorLayer) -> Mapping[str, str]:
    """What a layer of places keeps of the map that it was made from; nothing where its format keeps nothing."""
    path, _, rest = layer.source().partition("|")
    name = next((part[len("layername=") :] for part in rest.split("|") if part.startswith("layername=")), "")
    if layer.providerType() != "ogr":
        return {}
    try:
        data = gdal.OpenEx(path, gdal.OF_VECTOR | gdal.OF_READONLY, allowed_drivers=["GPKG"])
    except RuntimeError:
        data = None
    if data is None or not data.GetLayerCount():
        return {}
    stored = data.GetLayerByName(name) if name else data.GetLayer(0)
    return {} if stored is None else text_items(stored.GetMetadata())


def _measured_again(layer: QgsVectorLayer, terrain: Terrain, with_scores: bool) -> bool:
    """Whether each of the first places holds the cells and scores that its row says."""
    grid = terrain.grid
    for number, feature in enumerate(layer.getFeatures()):
        if number == _LOOKED_AT:
            break
        cells = cells_inside(bytes(feature.geometry().asWkb()), grid)
        if not cells.any() or not _same(feature["cells"], float(np.count_nonzero(cells))):
            return False
        scores = terrain.scores[cells].astype(np.float64)
        written = feature["mean_score"], feature["max_score"]
        if with_scores and not (_same(written[0], float(scores.mean())) and _same(written[1], float(scores.max()))):
            return False
    return True


def _same(written: object, value: float) -> bool:
    return isinstance(written, (int, float)) and math.isclose(written, value, rel_tol=_SAME)


def cells_inside(wkb: bytes, grid: Grid) -> NDArray[np.bool_]:
    """(n,) bool: the cells whose centre lies in a polygon."""
    rows, columns = grid.shape
    raster = gdal.GetDriverByName("MEM").Create("", columns, rows, 1, gdal.GDT_Byte)
    raster.SetGeoTransform((grid.x_min, grid.cell_size, 0.0, grid.y_max, 0.0, -grid.cell_size))
    crs = osr.SpatialReference()
    crs.SetFromUserInput(grid.crs)
    raster.SetProjection(crs.ExportToWkt())
    store = ogr.GetDriverByName("Memory").CreateDataSource("")
    layer = store.CreateLayer("place", crs, ogr.wkbUnknown)
    feature = ogr.Feature(layer.GetLayerDefn())
    geometry = ogr.CreateGeometryFromWkb(wkb)
    if geometry is None:
        return np.zeros(grid.cells, dtype=bool)
    feature.SetGeometry(geometry)
    layer.CreateFeature(feature)
    gdal.RasterizeLayer(raster, [1], layer, burn_values=[1])
    covered: NDArray[np.bool_] = raster.ReadAsArray()[grid.mask] == 1
    return covered
