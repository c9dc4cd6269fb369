"""Where a spot is, in words that can be said and typed in: a National Grid reference, or latitude and longitude."""

from collections.abc import Callable

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsPointXY,
)

from ..core.ground.grid_reference import grid_reference

EARTH, NATIONAL_GRID = "EPSG:4326", "EPSG:27700"
DECIMALS = 5  # of a degree: about a metre

PositionText = Callable[[float, float], str]


def position_text(crs: QgsCoordinateReferenceSystem, context: QgsCoordinateTransformContext) -> PositionText:
    """The function that tells a spot of this CRS in words; "" where it lies nowhere on the Earth.

    In EPSG:27700 it is a grid reference of ten figures, elsewhere, and off the National Grid, latitude and longitude.
    """
    to_earth = QgsCoordinateTransform(crs.horizontalCrs(), QgsCoordinateReferenceSystem(EARTH), context)
    on_the_grid = crs.horizontalCrs().authid() == NATIONAL_GRID

    def text(x: float, y: float) -> str:
        reference = grid_reference(x, y) if on_the_grid else ""
        if reference:
            return reference
        try:
            place = to_earth.transform(QgsPointXY(x, y))
        except QgsCsException:
            return ""
        return latitude_longitude(place.y(), place.x())

    return text


def latitude_longitude(latitude: float, longitude: float) -> str:
    """Degrees with five decimals and the point of the compass.

    >>> latitude_longitude(51.50735, -0.12776)
    '51.50735° N, 0.12776° W'
    """
    north, east = round(latitude, DECIMALS), round(longitude, DECIMALS)
    return (
        f"{abs(north):.{DECIMALS}f}° {'N' if north >= 0 else 'S'}, "
        f"{abs(east):.{DECIMALS}f}° {'E' if east >= 0 else 'W'}"
    )
