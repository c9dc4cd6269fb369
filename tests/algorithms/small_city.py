"""A city of 20 × 20 cells with effects that are known and strong; the same every time.

It exists twice: as arrays, made here without QGIS, for core; and as a GeoPackage written by OGR, for the algorithms.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from osgeo import ogr, osr
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.settings import GridSettings, PlaceSettings, SelectionSettings
from risk_terrain.rtm_plugin.core.ground.features import Features, ring_segments
from risk_terrain.rtm_plugin.core.study import Study

ORIGIN = np.array([400_000.0, 300_000.0])
CELL, BLOCK, SIDE = 100.0, 200.0, 2000.0
CRS = "EPSG:27700"
FACTORS = ("bars", "footpaths", "parks", "kiosks")
TRUE_FACTORS = ("bars", "footpaths")

# a square without its north-west corner, so that some cells of the raster lie outside
AREA = [(0, 0), (2000, 0), (2000, 2000), (500, 2000), (0, 1500), (0, 0)]
FOOTPATHS = [[(-200, 640), (700, 660), (2200, 700)], [(1430, -150), (1450, 1000), (1480, 2150)]]
PARKS = [
    [[(300, 1100), (620, 1100), (620, 1500), (300, 1500), (300, 1100)],
     [(380, 1180), (380, 1420), (540, 1420), (540, 1180), (380, 1180)]],
    [[(1700, 200), (2150, 200), (2150, 480), (1700, 480), (1700, 200)]],
]  # fmt: skip


def moved(vertices) -> np.ndarray:
    """Local metres as coordinates of the national grid."""
    return np.array(vertices, dtype=np.float64) + ORIGIN


@dataclass(frozen=True)
class City:
    """Where the GeoPackage lies, and its points."""

    path: Path
    bars: np.ndarray
    kiosks: np.ndarray
    events: np.ndarray

    def layer(self, name: str) -> str:
        """Source text of one layer."""
        return f"{self.path}|layername={name}"

    @property
    def factors(self) -> list[str]:
        """Source texts of all factors."""
        return [self.layer(name) for name in FACTORS]


def make_points() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bars in clusters, kiosks anywhere, and events: four to eight times as many near bars and footpaths."""
    rng = np.random.default_rng(20)
    hearts = rng.uniform(150, 1850, (6, 2))
    bars = np.concatenate([hearts[rng.integers(6, size=24)] + rng.normal(0, 60, (24, 2)), [[-90, 300], [2080, 1500]]])
    kiosks = rng.uniform(-200, 2200, (30, 2))
    column, row = np.meshgrid(np.arange(20), np.arange(20))
    corner = np.column_stack([column.ravel(), row.ravel()]) * CELL
    centre = corner + CELL / 2
    near_bar = np.hypot(*(centre[:, None] - bars[None]).transpose(2, 0, 1)).min(axis=1) <= 100
    near_path = (np.abs(centre[:, 1] - 670) <= 60) | (np.abs(centre[:, 0] - 1450) <= 60)
    number = rng.poisson(np.exp(-1.6 + 2.1 * near_bar + 1.4 * near_path))
    events = np.repeat(corner, number, axis=0) + rng.uniform(1, CELL - 1, (number.sum(), 2))
    events = np.concatenate([events, [[-40, 50], [2300, 900], [60, 1950]]])
    return np.round(bars, 2) + ORIGIN, np.round(kiosks, 2) + ORIGIN, np.round(events, 2) + ORIGIN


def polygon_features(polygons, count: int | None = None) -> Features:
    """Rings in local metres as core wants them."""
    rings = [(ring_segments(moved(ring), i == 0)) for polygon in polygons for i, ring in enumerate(polygon)]
    return Features("polygon", np.concatenate(rings), count or len(polygons))


def line_features() -> Features:
    """The footpaths as segments."""
    lines = [moved(line) for line in FOOTPATHS]
    return Features("line", np.concatenate([np.hstack([a[:-1], a[1:]]) for a in lines]), len(lines))


def as_study(city: City, factors=FACTORS, **changes) -> Study:
    """What rtm:run with its defaults asks of core."""
    features = {
        "bars": Features("point", city.bars, len(city.bars)),
        "footpaths": line_features(),
        "parks": polygon_features(PARKS),
        "kiosks": Features("point", city.kiosks, len(city.kiosks)),
    }
    asked = {
        "study_area": polygon_features([[AREA]]),
        "crs": CRS,
        "events": city.events,
        "factors": [(features[name], FactorSettings(name)) for name in factors],
        "grid": GridSettings(BLOCK),
        "selection": SelectionSettings(),
        "places": PlaceSettings(),
    }
    return Study(**{**asked, **changes})


def wkt(kind: str, rings) -> str:
    """LINESTRING or POLYGON of national grid coordinates; `rings` is a list of one line, or of rings."""
    texts = [", ".join(f"{float(x)!r} {float(y)!r}" for x, y in ring) for ring in rings]
    return f"{kind} ({texts[0]})" if kind == "LINESTRING" else f"{kind} ({', '.join(f'({t})' for t in texts)})"


def write_layer(path: Path, name: str, shapes: list[str], fields=None, crs: str | None = CRS, kind=None) -> str:
    """Write WKT shapes, with {field: values}, as a layer of a GeoPackage; returns its source text."""
    driver = ogr.GetDriverByName("GPKG")
    data = driver.Open(str(path), 1) if path.exists() else driver.CreateDataSource(str(path))
    reference = None
    if crs:
        reference = osr.SpatialReference()
        reference.SetFromUserInput(crs)
        reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    found = [ogr.CreateGeometryFromWkt(shape) if shape else None for shape in shapes]
    if kind is None:
        kind = next((g.GetGeometryType() for g in found if g is not None), ogr.wkbPoint)
    layer = data.CreateLayer(name, reference, kind)
    types = {int: ogr.OFTInteger, float: ogr.OFTReal, str: ogr.OFTString}
    for field, values in (fields or {}).items():
        layer.CreateField(ogr.FieldDefn(field, types[type(values[0])]))
    layer.StartTransaction()
    for i, geometry in enumerate(found):
        feature = ogr.Feature(layer.GetLayerDefn())
        for field, values in (fields or {}).items():
            feature.SetField(field, values[i])
        feature.SetGeometry(geometry)
        layer.CreateFeature(feature)
    layer.CommitTransaction()
    return f"{path}|layername={name}"


def point_wkt(points: np.ndarray) -> list[str]:
    """One POINT for each row."""
    return [f"POINT ({float(x)!r} {float(y)!r})" for x, y in points]


def write_city(path: Path) -> City:
    """Write the city to a GeoPackage."""
    bars, kiosks, events = make_points()
    write_layer(path, "area", [wkt("POLYGON", [moved(AREA)])], {"name": ["all"]})
    kinds = ["late" if i % 2 else "early" for i in range(len(bars))]
    write_layer(path, "bars", point_wkt(bars), {"kind": kinds, "seats": list(range(10, 10 + len(bars)))})
    write_layer(path, "footpaths", [wkt("LINESTRING", [moved(line)]) for line in FOOTPATHS])
    write_layer(path, "parks", [wkt("POLYGON", [moved(ring) for ring in park]) for park in PARKS])
    write_layer(path, "kiosks", point_wkt(kiosks))
    n = len(events)
    weights = {"one": [1] * n, "two": [2] * n, "half": [0.5] * n, "minus": [-1] * n, "text": ["a"] * n}
    write_layer(path, "events", point_wkt(events), {**weights, "year": [2024 + i % 2 for i in range(n)]})
    return City(path, bars, kiosks, events)
