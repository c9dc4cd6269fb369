"""Priority places for phones and vehicles: outlines as KML, waypoints as GPX, in longitude and latitude of WGS 84."""

import html
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr
from qgis.core import QgsGeometry, QgsPointXY

from ..core.errors import OutputError
from ..core.ground.grid import Grid
from ..core.terrain.places import middle_cell
from .belonging import cells_inside
from .crs import spatial_reference
from .positions import EARTH
from .rasters import gdal_errors

_MOST_CELLS = 4_000_000  # of the box around a place
_WHOLE = 1e-6  # how near to a whole number of cells the sides of a place of ours are


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceMark:
    """One place as these files tell it.

    Parameters
    ----------
    rank : int
    where : str
        In one line.
    lines : tuple of str
        What else is told of it, plain text.
    outline : QgsGeometry
        Polygons, in degrees.
    middle : QgsPointXY
        A spot in it, in degrees.
    """

    rank: int
    where: str
    lines: tuple[str, ...]
    outline: QgsGeometry
    middle: QgsPointXY


def middle_of(outline: QgsGeometry, cells: int | None, crs: str) -> QgsPointXY:
    """A spot inside a place: the centre of the cell nearest to the mean of its cells' centres, as `where` tells it.

    The cells are found again from their number and the area. An outline that is not made of so many equal squares (it
    was reprojected or drawn anew) gets a spot on its surface.
    """
    box = outline.boundingBox()
    side = math.sqrt(outline.area() / cells) if cells else 0.0
    columns, rows = (round(length / side) if side > 0 else 0 for length in (box.width(), box.height()))
    whole = bool(columns and rows) and columns * rows <= _MOST_CELLS
    for length, number in ((box.width(), columns), (box.height(), rows)):
        whole = whole and math.isclose(length, number * side, rel_tol=_WHOLE)
    if whole:
        mask = np.ones((rows, columns), dtype=bool)
        grid = Grid(box.xMinimum(), box.yMaximum(), side, 2 * side, mask, crs)
        inside = grid.raster(cells_inside(bytes(outline.asWkb()), grid), False)
        if np.count_nonzero(inside) == cells:
            row, column = middle_cell(*np.nonzero(inside))
            return QgsPointXY(box.xMinimum() + (column + 0.5) * side, box.yMaximum() - (row + 0.5) * side)
    return outline.pointOnSurface().asPoint()


def write_kml(path: str, final: str, marks: Sequence[PlaceMark]) -> None:
    """One placemark a place: its outline, and a description, which viewers of KML take for HTML."""
    with _layer(path, final, "KML", "Priority_places", ogr.wkbMultiPolygon) as layer:
        for field in ("Name", "Description"):
            layer.CreateField(ogr.FieldDefn(field, ogr.OFTString))
        for mark in marks:
            text = "\n".join(html.escape(line, quote=False) for line in (*mark.lines, mark.where) if line)
            _add(layer, final, {"Name": f"Place {mark.rank}", "Description": text}, mark.outline)


def write_gpx(path: str, final: str, marks: Sequence[PlaceMark]) -> None:
    """One waypoint a place, which is called by its rank; devices show the comment, the description, or both."""
    with _layer(path, final, "GPX", "waypoints", ogr.wkbPoint) as layer:
        for mark in marks:
            told = "\n".join(line for line in (*mark.lines, mark.where) if line)
            values = {"name": str(mark.rank), "cmt": mark.where, "desc": told, "type": "place"}
            _add(layer, final, values, QgsGeometry.fromPointXY(mark.middle))


WRITERS = {".kml": write_kml, ".gpx": write_gpx}


@contextmanager
def _layer(path: str, final: str, driver: str, name: str, kind: int) -> Iterator[ogr.Layer]:
    """A new layer of a file of this kind; the file is whole when the block is left."""
    maker = gdal.GetDriverByName(driver)
    if maker is None:
        raise OutputError(f"{Path(final).name} cannot be written, as this QGIS has no {driver}; choose the other kind.")
    with gdal_errors():
        data = maker.Create(path, 0, 0, 0, gdal.GDT_Unknown)
        layer = data.CreateLayer(name, spatial_reference(EARTH), kind)
        yield layer
        del layer, data


def _add(layer: ogr.Layer, final: str, values: dict[str, str], geometry: QgsGeometry) -> None:
    feature = ogr.Feature(layer.GetLayerDefn())
    for field, text in values.items():
        feature.SetField(field, text)
    feature.SetGeometry(ogr.CreateGeometryFromWkb(bytes(geometry.asWkb())))
    if layer.CreateFeature(feature) != ogr.OGRERR_NONE:
        raise OutputError(f"{Path(final).name} cannot be written; check that the disk has room.")
