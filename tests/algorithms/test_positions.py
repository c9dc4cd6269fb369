"""Where a spot is in words, in systems that a hand can compute."""

import math

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransformContext
from risk_terrain.rtm_plugin.adapters.positions import latitude_longitude, position_text


def told(crs: str, x: float, y: float) -> str:
    return position_text(QgsCoordinateReferenceSystem(crs), QgsCoordinateTransformContext())(x, y)


def mercator(latitude: float, longitude: float) -> tuple[float, float]:
    """EPSG:3857 by its formula."""
    radius = 6378137.0
    upwards = math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))
    return radius * math.radians(longitude), radius * upwards


@pytest.mark.parametrize(
    ("latitude", "longitude", "text"),
    [
        (51.50735, -0.12776, "51.50735° N, 0.12776° W"),
        (-33.85678, 151.21530, "33.85678° S, 151.21530° E"),
        (0.0, -0.000001, "0.00000° N, 0.00000° E"),
        (41.5, -87.123456, "41.50000° N, 87.12346° W"),
    ],
)
def test_latitude_and_longitude(latitude, longitude, text):
    assert latitude_longitude(latitude, longitude) == text
    assert told("EPSG:3857", *mercator(latitude, longitude)) == text


@pytest.mark.parametrize("crs", ["EPSG:27700", "EPSG:7405"])  # the second has heights, too
def test_the_national_grid(crs):
    assert told(crs, 530073.4, 180393.9) == "TQ 30073 80393"


def test_off_the_national_grid():
    """West of the grid's edge, which lies at 7.56° W where the English Channel begins: still a place on the Earth."""
    assert told("EPSG:27700", -5000, 100_000).endswith("° W")


def test_nowhere():
    assert told("EPSG:27700", 1e12, 1e12) == ""
    assert told("EPSG:27700", math.nan, 0.0) == ""
