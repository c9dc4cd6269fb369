"""Coordinate reference systems: which suit a study, what their units are, and whether a file was written in the right
one."""

import math
from collections.abc import Iterator
from itertools import product

from osgeo import gdal, osr
from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsDistanceArea,
    QgsPointXY,
    QgsRectangle,
    QgsUnitTypes,
)

from ..core.errors import InputError, OutputError
from ..core.ground.grid import Grid

Extent = tuple[float, float, float, float]  # xmin, ymin, xmax, ymax

MOST_OFF = 0.01  # of a length: a map scale further from the truth than this makes another study
_MEASURED = 1000.0  # metres of the lines that the scale is measured with
_EARTH, _ELLIPSOID = "EPSG:4326", "EPSG:7030"  # WGS 84; other ellipsoids differ by a ten-thousandth
_NOT_ON_A_MAP = {
    Qgis.CrsType.Geocentric: "a geocentric system",
    Qgis.CrsType.Geodetic: "a geocentric system",
    Qgis.CrsType.Vertical: "a system of heights",
    Qgis.CrsType.Temporal: "a system of times",
    Qgis.CrsType.Engineering: "a local system that lies nowhere on the Earth",
}
_SAME_PLACE = 1e-3  # metres between one spot in the CRS wanted and in the one that a file holds


def crs_of(grid: Grid) -> QgsCoordinateReferenceSystem:
    """The CRS of a study grid."""
    return known_crs(grid.crs)


def known_crs(text: str) -> QgsCoordinateReferenceSystem:
    """The CRS of an authority id or WKT, sure to have a definition.

    QGIS's cache can hold a CRS under its authority id that is valid and yet has no definition; layers written with it
    get no CRS at all. Its definition then comes from PROJ's own database.

    Raises
    ------
    InputError
        Nobody knows it.
    """
    crs = QgsCoordinateReferenceSystem(text)
    if not _is_defined(crs):
        crs = QgsCoordinateReferenceSystem.fromWkt(spatial_reference(text).ExportToWkt(["FORMAT=WKT2_2019"]))
    if not _is_defined(crs):
        raise InputError(f"The coordinate reference system {text[:60]!r} is not known to QGIS; reproject the layer.")
    return crs


def _is_defined(crs: QgsCoordinateReferenceSystem) -> bool:
    return crs.isValid() and bool(crs.toWkt(Qgis.CrsWktVariant.Preferred))


def spatial_reference(text: str) -> osr.SpatialReference:
    """GDAL's form of an authority id or WKT, its axes in the order of the map.

    Raises
    ------
    InputError
    """
    reference = osr.SpatialReference()
    reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    try:
        known = reference.SetFromUserInput(text) == 0
    except RuntimeError:
        known = False
    if not known:
        raise InputError(f"The coordinate reference system {text[:60]!r} is not known to GDAL; reproject the layer.")
    return reference


def crs_text(crs: QgsCoordinateReferenceSystem) -> str:
    """Authority id, or WKT where there is none."""
    return crs.authid() or crs.toWkt(Qgis.CrsWktVariant.Preferred)


def units_text(crs: QgsCoordinateReferenceSystem) -> str:
    """The units of a CRS in words, plural."""
    return QgsUnitTypes.toString(crs.mapUnits()).replace("meters", "metres")


def metres_per_unit(crs: QgsCoordinateReferenceSystem) -> float:
    """The length of a map unit."""
    return float(QgsUnitTypes.fromUnitToUnitFactor(crs.mapUnits(), Qgis.DistanceUnit.Meters))


def is_known(crs: QgsCoordinateReferenceSystem) -> bool:
    """Whether a CRS says anything: a GeoPackage layer without one comes with an "Undefined … SRS" that looks valid."""
    return crs.isValid() and (bool(crs.authid()) or not crs.description().startswith("Undefined "))


def require_projected(
    crs: QgsCoordinateReferenceSystem, layer_name: str, extent: QgsRectangle | Extent | None = None
) -> None:
    """Refuse a study area whose coordinates are no true lengths at its place.

    Raises
    ------
    InputError
    """
    refusal = refusal_of_crs(crs, layer_name, extent)
    if refusal:
        raise InputError(refusal)


def refusal_of_crs(
    crs: QgsCoordinateReferenceSystem, layer_name: str, extent: QgsRectangle | Extent | None = None
) -> str:
    """The sentence with which a CRS is refused for a study area; empty when it is fine.

    Parameters
    ----------
    extent : of the study area in this CRS; without it, only the kind of CRS is looked at, not its scale at the place
    """
    if not is_known(crs):
        return (
            f"The layer '{layer_name}' has no coordinate reference system, so distances have no unit; set its CRS "
            "(Layer ▸ Set CRS) and try again."
        )
    wrong = _wrong_kind(crs)
    if not wrong and extent is not None:
        wrong = _wrong_scale(crs, extent if isinstance(extent, QgsRectangle) else QgsRectangle(*extent))
    name = crs.authid() or crs.description() or "a CRS without a name"
    return f"The layer '{layer_name}' is in {name}, {wrong}" if wrong else ""


def _wrong_kind(crs: QgsCoordinateReferenceSystem) -> str:
    reproject = "run 'Reproject layer' (native:reprojectlayer) to a projected CRS first, for Great Britain EPSG:27700."
    kind = crs.horizontalCrs().type()
    if kind in _NOT_ON_A_MAP:
        return f"which is {_NOT_ON_A_MAP[kind]} and no map projection, so distances on it mean nothing; {reproject}"
    if crs.isGeographic() or crs.mapUnits() == Qgis.DistanceUnit.Degrees:
        return f"whose coordinates are degrees, and risk terrain needs distances in metres; {reproject}"
    if crs.mapUnits() == Qgis.DistanceUnit.Unknown:
        return f"whose unit of length is not known, and risk terrain needs distances in metres; {reproject}"
    return ""


def _wrong_scale(crs: QgsCoordinateReferenceSystem, extent: QgsRectangle) -> str:
    """What is wrong with lengths on this map between the corners and the middle of an extent; empty when nothing is."""
    middle = extent.center()
    sides = (extent.xMinimum(), extent.xMaximum()), (extent.yMinimum(), extent.yMaximum())
    corners = [QgsPointXY(x, y) for x, y in product(*sides)]
    try:
        factors = [factor for place in (middle, *corners) for factor in scale_factors(crs, place)]
        zone = _utm_zone(crs, middle)
    except QgsCsException:
        factors, zone = [math.nan], ""
    if not all(math.isfinite(factor) for factor in factors):
        return "but its coordinates lie nowhere on the Earth in it; check the CRS of the layer (Layer ▸ Set CRS)."
    worst = max(factors, key=lambda factor: abs(math.log(factor)))
    if abs(worst - 1) <= MOST_OFF:
        return ""
    return (
        f"where a length on the map is {worst:.3g} times the length on the ground, so distances, areas and the model "
        "would be wrong; run 'Reproject layer' (native:reprojectlayer) to a projected CRS made for the place first, "
        f"for Great Britain EPSG:27700, or {zone} (UTM)."
    )


def scale_factors(crs: QgsCoordinateReferenceSystem, place: QgsPointXY) -> Iterator[float]:
    """Length on the map / length on the ground of a short line from west to east, and of one from south to north.

    Raises
    ------
    QgsCsException
        The place has no position on the Earth.
    """
    to_earth = _to_earth(crs)
    ruler = QgsDistanceArea()
    ruler.setSourceCrs(to_earth.destinationCrs(), QgsCoordinateTransformContext())
    if not ruler.setEllipsoid(_ELLIPSOID):
        raise QgsCsException(f"{_ELLIPSOID} is not known")
    half = _MEASURED / metres_per_unit(crs) / 2
    for dx, dy in ((half, 0.0), (0.0, half)):
        ends = (QgsPointXY(place.x() + sign * dx, place.y() + sign * dy) for sign in (-1, 1))
        ground = ruler.measureLine(*(to_earth.transform(end) for end in ends))
        yield _MEASURED / ground if ground > 0 else math.nan


def _utm_zone(crs: QgsCoordinateReferenceSystem, place: QgsPointXY) -> str:
    """The authority id of the UTM zone of a place."""
    where = _to_earth(crs).transform(place)
    zone = min(int((where.x() + 180) // 6) + 1, 60)
    return f"EPSG:{(32600 if where.y() >= 0 else 32700) + zone}"


def _to_earth(crs: QgsCoordinateReferenceSystem) -> QgsCoordinateTransform:
    """From the map to longitude and latitude."""
    earth = QgsCoordinateReferenceSystem(_EARTH)
    return QgsCoordinateTransform(crs.horizontalCrs(), earth, QgsCoordinateTransformContext())


def require_written_crs(path: str, name: str, wanted: str, extent: Extent) -> None:
    """Refuse a file that does not hold the CRS in which it was to be written: its layer would lie elsewhere.

    Parameters
    ----------
    path : of the file as it is now
    name : what the analyst calls it
    wanted : authority id or WKT
    extent : of what was written

    Raises
    ------
    OutputError
    """
    try:
        data = gdal.OpenEx(path)
    except RuntimeError:  # GDAL raises or returns None, as the program around it has chosen
        data = None
    layer = data.GetLayer(0) if data is not None and data.GetLayerCount() else data
    written = layer.GetSpatialRef() if layer is not None else None
    if written is None or not _same_places(written.Clone(), spatial_reference(wanted), extent):
        raise OutputError(
            f"{name} was written without its coordinate reference system ({wanted[:60]}), so it would lie elsewhere on "
            "the map; run it again, and restart QGIS first if that does not help."
        )


def _same_places(written: osr.SpatialReference, wanted: osr.SpatialReference, extent: Extent) -> bool:
    """Whether two CRSs put the corners of an extent at the same spots; names and codes may differ between formats."""
    written.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    if written.IsSame(wanted):
        return True
    x0, y0, x1, y1 = extent
    try:
        transform = osr.CoordinateTransformation(written, wanted)
        moved = [*transform.TransformPoint(x0, y0)[:2], *transform.TransformPoint(x1, y1)[:2]]
    except RuntimeError:
        return False
    within = _SAME_PLACE / wanted.GetLinearUnits()
    return all(abs(a - b) < within for a, b in zip(moved, extent, strict=True))
