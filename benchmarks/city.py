"""Synthetic cities for the benchmarks: seeded, of any size, with a handful of true effects.

    python3 -m benchmarks.city 40000 20 city.gpkg

A city has a ragged boundary and several centres. Four factors in five are points, 300 to 20,000 of them, clustered
round the centres; the others are streets and polygons. Counts are sparse and overdispersed: negative binomial, about
one event in four cells, with the rate raised near the features of six of the factors.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from osgeo import gdal, ogr, osr
from scipy.spatial import cKDTree

from rtm_plugin.core.ground.features import Features, ring_segments

Floats = NDArray[np.float64]

CELL = 50.0
BLOCK = 2 * CELL
CORNER = np.array([400_000.0, 300_000.0])  # EPSG:27700
MEAN_COUNT = 0.25
DISPERSION = 1.5  # α of the negative binomial: variance μ + αμ²
# of the first point factors: within how many metres the rate is multiplied by how much
EFFECTS = ((100.0, 2.6), (200.0, 1.7), (50.0, 3.2), (300.0, 1.5), (150.0, 2.0), (250.0, 1.4))

ogr.UseExceptions()
osr.UseExceptions()


@dataclass(frozen=True, slots=True)
class Layer:
    """One factor: `parts` holds an (k, 2) array of vertices for each feature; rings are closed and anticlockwise."""

    name: str
    geometry: str
    parts: list[Floats]

    @property
    def features(self) -> Features:
        """As the core reads it."""
        if self.geometry == "point":
            return Features("point", np.vstack(self.parts), len(self.parts))
        if self.geometry == "line":
            return Features("line", np.vstack([np.hstack([p[:-1], p[1:]]) for p in self.parts]), len(self.parts))
        return Features("polygon", np.vstack([ring_segments(p, True) for p in self.parts]), len(self.parts))


@dataclass(frozen=True, slots=True)
class City:
    """A study area, factors, and events (m, 2)."""

    boundary: Layer
    factors: list[Layer]
    events: Floats


def make_city(cells: int, factors: int, seed: int = 7) -> City:
    """A city of about this many cells of 50 m."""
    random = np.random.default_rng([seed, cells, factors])
    boundary = _boundary(cells, random)
    radius = CELL * np.sqrt(cells / np.pi)
    middle = CORNER + 1.5 * radius
    centres = middle + random.normal(0.0, 0.4 * radius, (14, 2))
    kinds = _kinds(factors)
    sizes = np.geomspace(300, 20_000, kinds.count("point")).round().astype(int)
    random.shuffle(sizes)
    layers = []
    for i, kind in enumerate(kinds):
        if kind == "point":
            parts = list(_points(int(sizes[i]), centres, middle, radius, random)[:, None, :])
        elif kind == "line":
            parts = _streets(200 + 10 * factors, middle, radius, random)
        else:
            parts = _patches(150 + 5 * factors, middle, radius, random)
        layers.append(Layer(f"{kind}s_{i + 1:02}", kind, parts))
    return City(boundary, layers, _events(boundary, layers, middle, radius, random))


def _kinds(factors: int) -> list[str]:
    """Points first, then streets and polygons: a tenth of the factors each."""
    others = max(1, factors // 10)
    return ["point"] * (factors - 2 * others) + ["line"] * others + ["polygon"] * others


def _boundary(cells: int, random: np.random.Generator) -> Layer:
    angle = np.linspace(0, 2 * np.pi, 361)
    shape = 1 + sum(a * np.cos(k * angle + random.uniform(0, 6)) for k, a in ((2, 0.12), (3, 0.08), (7, 0.04)))
    ring = np.column_stack([np.cos(angle), np.sin(angle)]) * shape[:, None]
    ring[-1] = ring[0]
    x, y = ring.T
    area = (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2
    ring *= np.sqrt(cells * CELL**2 / area)
    radius = CELL * np.sqrt(cells / np.pi)
    return Layer("boundary", "polygon", [CORNER + 1.5 * radius + ring])


def _points(number: int, centres: Floats, middle: Floats, radius: float, random: np.random.Generator) -> Floats:
    """A fifth anywhere, the others in clusters, most of which lie round the centres, in proportions of their own."""
    shares = random.dirichlet(np.full(len(centres), 0.7))
    clusters = max(5, number // 12)
    homes = centres[random.choice(len(centres), clusters, p=shares)]
    homes = homes + random.normal(0.0, 0.18 * radius, (clusters, 2))
    homes[: clusters // 4] = _anywhere(clusters // 4, middle, radius, random)
    clustered = homes[random.integers(clusters, size=number)] + random.normal(0.0, 120.0, (number, 2))
    clustered[: number // 5] = _anywhere(number // 5, middle, radius, random)
    return clustered.round(1)


def _anywhere(number: int, middle: Floats, radius: float, random: np.random.Generator) -> Floats:
    return middle + random.uniform(-1.2 * radius, 1.2 * radius, (number, 2))


def _streets(number: int, middle: Floats, radius: float, random: np.random.Generator) -> list[Floats]:
    """Streets of 20 segments of about 80 m that bend a little."""
    starts = _anywhere(number, middle, radius, random)
    bends = random.normal(0, 0.08, (number, 20)).cumsum(axis=1)
    heading = random.choice([0.3, 0.3 + np.pi / 2], number)[:, None] + bends
    length = random.uniform(50, 110, (number, 20))
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=2) * length[:, :, None]
    whole = np.concatenate([starts[:, None], starts[:, None] + steps.cumsum(axis=1)], axis=1)
    return list(whole.round(2))


def _patches(number: int, middle: Floats, radius: float, random: np.random.Generator) -> list[Floats]:
    """Star-shaped polygons of 16 corners, 40 to 300 m across their half."""
    angle = np.linspace(0, 2 * np.pi, 17)[:-1]
    outline = np.column_stack([np.cos(angle), np.sin(angle)])
    size = np.exp(random.uniform(np.log(40), np.log(300), number))
    rings = _anywhere(number, middle, radius, random)[:, None] + outline * (
        size[:, None, None] * random.uniform(0.7, 1.2, (number, 16, 1))
    )
    return list(np.concatenate([rings, rings[:, :1]], axis=1).round(2))


def _events(boundary: Layer, layers: list[Layer], middle: Floats, radius: float, random: np.random.Generator) -> Floats:
    """Counts on a square lattice of cells round the city; those beyond the boundary are cut by the run itself."""
    ring = boundary.parts[0]
    low, high = ((ring.min(axis=0) // CELL) * CELL, ring.max(axis=0))
    x, y = (np.arange(a, b, CELL) + CELL / 2 for a, b in zip(low, high, strict=True))
    centres = np.stack(np.meshgrid(x, y), axis=2).reshape(-1, 2)
    rate = np.ones(len(centres))
    for layer, (reach, effect) in zip(layers, EFFECTS, strict=False):
        near = cKDTree(np.vstack(layer.parts)).query(centres, distance_upper_bound=reach)[0]
        rate[np.isfinite(near)] *= effect
    rate *= MEAN_COUNT / rate[np.hypot(*(centres - middle).T) < radius].mean()
    counts = random.poisson(rate * random.gamma(1 / DISPERSION, DISPERSION, len(rate)))
    where = np.repeat(centres, counts, axis=0)
    return where + random.uniform(-0.499, 0.499, where.shape) * CELL


def write_city(city: City, path: Path) -> None:
    """All layers as one GeoPackage; it appears under its name when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"unfinished-{path.name}")
    unfinished.unlink(missing_ok=True)
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(27700)
    # a fixed time of change, so that the same city is the same file
    gdal.SetConfigOption("OGR_CURRENT_DATE", "2025-01-01T00:00:00.000Z")
    target = ogr.GetDriverByName("GPKG").CreateDataSource(str(unfinished))
    events = Layer("events", "point", list(city.events[:, None, :]))
    for layer in (city.boundary, events, *city.factors):
        _write_layer(target, layer, crs)
    target = None  # closes the file
    unfinished.replace(path)


def _write_layer(target: ogr.DataSource, layer: Layer, crs: osr.SpatialReference) -> None:
    kind = {"point": ogr.wkbPoint, "line": ogr.wkbLineString, "polygon": ogr.wkbPolygon}[layer.geometry]
    written = target.CreateLayer(layer.name, crs, kind)
    target.StartTransaction()
    for part in layer.parts:
        feature = ogr.Feature(written.GetLayerDefn())
        feature.SetGeometryDirectly(_shape(layer.geometry, kind, part))
        written.CreateFeature(feature)
    target.CommitTransaction()


def _shape(geometry: str, kind: int, part: Floats) -> ogr.Geometry:
    if geometry == "polygon":
        shape, outline = ogr.Geometry(kind), ogr.Geometry(ogr.wkbLinearRing)
    else:
        shape = outline = ogr.Geometry(kind)
    for x, y in part.tolist():
        outline.AddPoint_2D(x, y)
    if outline is not shape:
        shape.AddGeometryDirectly(outline)
    return shape


if __name__ == "__main__":
    write_city(make_city(int(sys.argv[1]), int(sys.argv[2])), Path(sys.argv[3]))
