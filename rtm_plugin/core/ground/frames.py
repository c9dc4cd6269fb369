"""GeoDataFrames in and out. GeoPandas is imported here only, and only when something of it is used."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from ..arrays import Floats
from ..errors import InputError
from .features import Features, Geometry, ring_segments
from .grid import Grid

_KINDS: dict[str, Geometry] = {
    "Point": "point",
    "MultiPoint": "point",
    "LineString": "line",
    "LinearRing": "line",
    "MultiLineString": "line",
    "Polygon": "polygon",
    "MultiPolygon": "polygon",
}


def features_of(frame: Any, what: str, crs: Any = None, wanted: str = "") -> Features:
    """The geometries of a GeoDataFrame or GeoSeries, as the plugin reads those of a layer.

    Parameters
    ----------
    frame : GeoDataFrame or GeoSeries
    what : str
        Names it in sentences: "bars".
    crs : pyproj CRS, optional
        Of the study area, which it must be in; None for the study area itself.
    wanted : {"", "point", "polygon"}

    Raises
    ------
    InputError
        Another type, no CRS, degrees, another CRS than the study area's, no geometry, several or other kinds of
        geometry, or polygons that are not valid.
    """
    shapes = _series_of(frame, what)
    _check_crs(shapes.crs, what, crs)
    empty = shapes.isna() | shapes.is_empty
    if empty.any():
        warnings.warn(f"{int(empty.sum())} rows of '{what}' have no geometry and are left out.", stacklevel=3)
        shapes = shapes[~empty]
    if not len(shapes):
        raise InputError(f"'{what}' has no geometry; give at least one row with one.")
    geometry = _kind_of(shapes, what, wanted)
    if geometry == "polygon" and not shapes.is_valid.all():
        raise InputError(f"'{what}' holds polygons that are not valid; mend them first, with make_valid().")
    read = {"point": _points, "line": _lines, "polygon": _polygons}[geometry]
    return Features(geometry, read(shapes), len(shapes))


def _series_of(frame: Any, what: str) -> Any:
    import geopandas

    if isinstance(frame, geopandas.GeoDataFrame):
        return frame.geometry
    if isinstance(frame, geopandas.GeoSeries):
        return frame
    raise InputError(f"'{what}' is a {type(frame).__name__}; give a GeoDataFrame, as geopandas.read_file makes one.")


def _check_crs(crs: Any, what: str, of_area: Any) -> None:
    if crs is None:
        raise InputError(f"'{what}' has no CRS; set the one that their coordinates are in, with set_crs.")
    if crs.is_geographic:
        raise InputError(f"'{what}' is in degrees ({crs.name}); bring them into metres first, with to_crs.")
    if of_area is not None and crs != of_area:
        raise InputError(f"'{what}' is in {crs.name}, the study area in {of_area.name}; use to_crs(area.crs).")


def _kind_of(shapes: Any, what: str, wanted: str) -> Geometry:
    names = sorted(set(shapes.geom_type))
    kinds = {_KINDS.get(name) for name in names}
    if len(kinds) != 1 or None in kinds:
        raise InputError(f"'{what}' holds {' and '.join(names)}; give points, lines or polygons, and one kind only.")
    kind = next(kind for kind in kinds if kind is not None)
    if wanted and kind != wanted:
        raise InputError(f"'{what}' holds {kind}s, where {wanted}s are needed.")
    return kind


def _points(shapes: Any) -> Floats:
    import shapely

    coordinates: Floats = shapely.get_coordinates(shapes.to_numpy())
    return coordinates


def _lines(shapes: Any) -> Floats:
    import shapely

    lines = (shapely.get_coordinates(line) for line in shapely.get_parts(shapes.to_numpy()))
    return np.concatenate([np.hstack([line[:-1], line[1:]]) for line in lines])


def _polygons(shapes: Any) -> Floats:
    """Outer rings anticlockwise, holes clockwise."""
    import shapely

    return np.concatenate(
        [
            ring_segments(shapely.get_coordinates(ring), anticlockwise=i == 0)
            for polygon in shapely.get_parts(shapes.to_numpy())
            for i, ring in enumerate((polygon.exterior, *polygon.interiors))
        ]
    )


def merged(frame: Any, what: str, crs: Any) -> Features:
    """Polygons that may touch or overlap, as one."""
    import geopandas

    shapes = _series_of(frame, what)
    features_of(shapes, what, crs, "polygon")
    return features_of(geopandas.GeoSeries([shapes.union_all()], crs=shapes.crs), what, crs, "polygon")


def cells_frame(grid: Grid, columns: Mapping[str, Any]) -> Any:
    """A GeoDataFrame of the cells as squares, in the grid's order, with columns (cells,)."""
    import geopandas
    import shapely

    half = grid.cell_size / 2
    x, y = grid.centres.T
    squares = shapely.box(x - half, y - half, x + half, y + half)
    return geopandas.GeoDataFrame(dict(columns), geometry=squares, crs=grid.crs or None)


def table_of(records: Iterable[Any]) -> Any:
    """A DataFrame with a row for each dataclass."""
    import pandas

    return pandas.DataFrame([asdict(record) for record in records])
