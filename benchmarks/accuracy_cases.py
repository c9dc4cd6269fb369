"""The cases that the accuracy of maps is measured on: real, the demonstration, and two kinds of synthetic city.

Each is fitted on one period and tested on a later one. The later events are held apart: nothing but the measuring
itself sees them.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from osgeo import ogr, osr

from rtm_plugin.core.arrays import Floats
from rtm_plugin.core.candidates.covariates import Observations, observe
from rtm_plugin.core.documents.factor_settings import FactorSettings
from rtm_plugin.core.documents.settings import GridSettings, SelectionSettings
from rtm_plugin.core.ground.features import Features, ring_segments
from rtm_plugin.core.ground.grid import Grid, count_events, study_grid
from rtm_plugin.core.model.document import RiskModel
from rtm_plugin.core.pipeline import candidate_set, count, fit_model, score

from .measure import CHICAGO_FACTORS
from .page import REPOSITORY

DEMO = REPOSITORY / "resources" / "demo"
SEEDS = (1, 2, 3, 4, 5)  # of each kind of synthetic city
LONDON_CRIMES = ("Violence and sexual offences", "Robbery", "Theft from the person")
LONDON_FACTORS = ("bus_stops", "food_premises_2015", "gambling_premises_2018", "pubs", "stations")

ogr.UseExceptions()
osr.UseExceptions()


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A study fitted on earlier events and tested on later ones.

    Parameters
    ----------
    kind, name : str
        `kind` is shared by the cities that differ by their seed only.
    earlier, later : (m, 2) float64
    factors : name → (features, settings)
    """

    kind: str
    name: str
    boundary: Features
    block_length: float
    earlier: Floats
    later: Floats
    factors: Mapping[str, tuple[Features, FactorSettings]]


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What every map may use: the grid, the model fitted on the earlier events, and those events inside the area."""

    grid: Grid
    observed: Observations
    model: RiskModel
    scores: Floats
    expected: Floats
    earlier: Floats
    counts: Floats


def fitted(case: Case) -> Fitted:
    """Grid, candidates and model, as rtm:run makes them."""
    grid = study_grid(case.boundary, GridSettings(case.block_length))
    events = count(grid, case.earlier)
    candidates = candidate_set(list(case.factors.values()), grid)
    observed = observe(grid, events.counts, candidates, None)
    model = fit_model(observed, events, SelectionSettings(), {})
    terrain = score(model.best, observed)
    inside = count_events(grid, case.earlier)[1]
    return Fitted(
        grid,
        observed,
        model,
        terrain.scores.astype(np.float64),
        terrain.expected.astype(np.float64),
        case.earlier[inside],
        events.counts,
    )


def cases(data: Path | None) -> Iterator[Case]:
    """All of them, each made when it is asked for."""
    if data is not None and (data / "chicago" / "chicago.gpkg").is_file():
        yield from (chicago(data / "chicago" / "chicago.gpkg", block) for block in (400.0, 200.0))
    if data is not None and (data / "city_of_london" / "city.gpkg").is_file():
        yield london(data / "city_of_london")
    yield from northbridge()
    yield from (clustered_city(seed) for seed in SEEDS)
    yield from (snapped_city(seed) for seed in SEEDS)


def chicago(path: Path, block: float) -> Case:
    """Burglaries of 2017, tested on 2018."""
    source = ogr.Open(str(path))
    factors = {name: _factor(source, name) for name in CHICAGO_FACTORS}
    earlier, later = (_layer(source, f"burglaries_{year}").coordinates for year in (2017, 2018))
    name = f"Chicago, {block / 2:g} m"
    return Case(name, name, _layer(source, "boundary"), block, earlier, later, factors)


def london(folder: Path) -> Case:
    """Violence, robbery and theft from the person in the City of London: 2018, tested on 2019; snapped points."""
    source = ogr.Open(str(folder / "city.gpkg"))
    earlier, later = (_police_points(folder / "crime", year) for year in (2018, 2019))
    factors = {name: _factor(source, name) for name in LONDON_FACTORS}
    name = "City of London, 50 m"
    return Case(name, name, _layer(source, "boundary"), 100.0, earlier, later, factors)


def northbridge() -> Iterator[Case]:
    """The demonstration city: 2024, tested on 2025, for each type of crime."""
    truth = json.loads((DEMO / "truth.json").read_text(encoding="utf-8"))
    source = ogr.Open(str(DEMO / "northbridge.gpkg"))
    for crime, known in truth["crime_types"].items():
        protective = {e["factor"] for e in known["effects"] if e["direction"] == "protective"}
        factors = {}
        for factor in truth["factors"]:
            name = factor["layer"]
            direction = "protective" if name in protective else "aggravating"
            factors[name] = (_layer(source, name), FactorSettings(name, direction=direction))
        chosen = f"crime_type = '{crime}' AND date"
        earlier = _layer(source, "events", f"{chosen} < '2025-01-01'").coordinates
        later = _layer(source, "events", f"{chosen} >= '2025-01-01'").coordinates
        title = f"Northbridge, {crime}"
        yield Case(title, title, _layer(source, "boundary"), truth["block_length"], earlier, later, factors)


def clustered_city(seed: int, cells: int = 90) -> Case:
    """Strongly clustered events that no factor explains: hot places of three sizes, most of which last.

    A square of `cells` cells of 100 m a side. The intensity is a sum of Gaussian spots of random weight, of 60 to 1,500
    m, a fifth of which fade or appear between the periods; counts are Poisson. The factors are scattered at random.
    """
    random = np.random.default_rng([seed, 1])
    side = cells * 100.0
    centres = _lattice(cells)
    lasting, before, after = (np.full(len(centres), 0.15) for _ in range(3))
    for number, reach in ((12, 1500.0), (60, 350.0), (250, 60.0)):
        for middle in random.uniform(0, side, (number, 2)):
            squared = ((centres - middle) ** 2).sum(axis=1)
            spot = random.gamma(0.7, 1.0) * np.exp(-squared / (2 * reach**2)) / (number * (reach / 100) ** 2)
            (lasting, before, after)[random.choice(3, p=(0.8, 0.1, 0.1))][:] += 4000 * spot
    rates = [(lasting - 0.3 + part) for part in (before, after)]
    earlier, later = (_scatter(rate * 3000 / rate.sum(), centres, random) for rate in rates)
    return Case("clustered, no factor", f"clustered {seed}", _square(side), 200.0, earlier, later, _noise(side, random))


def snapped_city(seed: int, cells: int = 70) -> Case:
    """Events snapped to the centres of streets: few points hold all of them, in very unequal numbers that last.

    Anchors lie at random, one for every six cells of 50 m. The rate of an anchor is gamma distributed, times 2.5 within
    300 m of a bar.
    """
    random = np.random.default_rng([seed, 2])
    side = cells * 50.0
    anchors = random.uniform(0, side, (cells**2 // 6, 2)).round(1)
    bars = random.uniform(0, side, (25, 2))
    near = (((anchors[:, None] - bars[None]) ** 2).sum(axis=2) <= 300.0**2).any(axis=1)
    rate = random.gamma(0.35, 1.0, len(anchors)) * np.where(near, 2.5, 1.0)
    year = [random.gamma(4.0, 0.25, len(anchors)) * rate for _ in range(2)]  # what each year adds of its own
    earlier, later = (np.repeat(anchors, random.poisson(r * 2500 / r.sum()), axis=0) for r in year)
    factors = {
        "bars": (Features("point", bars, len(bars)), FactorSettings("bars", max_blocks=4)),
        **_noise(side, random),
    }
    return Case("snapped points", f"snapped {seed}", _square(side), 100.0, earlier, later, factors)


def _noise(side: float, random: np.random.Generator) -> dict[str, tuple[Features, FactorSettings]]:
    """Three factors that have nothing to do with the events."""
    layers = {}
    for name, number in (("kiosks", 60), ("trees", 400), ("shelters", 150)):
        layers[name] = (Features("point", random.uniform(0, side, (number, 2)), number), FactorSettings(name))
    return layers


def _lattice(cells: int) -> Floats:
    along = (np.arange(cells) + 0.5) * 100.0
    return np.stack(np.meshgrid(along, along), axis=2).reshape(-1, 2)


def _scatter(rates: Floats, centres: Floats, random: np.random.Generator) -> Floats:
    where = np.repeat(centres, random.poisson(rates), axis=0)
    return where + random.uniform(-49.9, 49.9, where.shape)


def _square(side: float) -> Features:
    ring = np.array([[0, 0], [side, 0], [side, side], [0, side], [0, 0]], dtype=np.float64)
    return Features("polygon", ring_segments(ring, True), 1)


def _factor(source: ogr.DataSource, name: str) -> tuple[Features, FactorSettings]:
    return _layer(source, name), FactorSettings(name)


def _layer(source: ogr.DataSource, name: str, where: str | None = None) -> Features:
    layer = source.GetLayer(name)
    layer.SetAttributeFilter(where)
    points, segments, number = [], [], 0
    for feature in layer:
        shape = feature.GetGeometryRef()
        if shape is None or shape.IsEmpty():  # the demonstration has a few, as real exports do
            continue
        number += 1
        for part in _simple(shape):
            kind = ogr.GT_Flatten(part.GetGeometryType())
            if kind == ogr.wkbPoint:
                points.append(part.GetPoint_2D())
            elif kind == ogr.wkbLineString:
                line = np.array(part.GetPoints())[:, :2]
                segments.append(np.hstack([line[:-1], line[1:]]))
            else:
                for i in range(part.GetGeometryCount()):
                    segments.append(ring_segments(np.array(part.GetGeometryRef(i).GetPoints())[:, :2], i == 0))
    if points:
        return Features("point", np.array(points), number)
    polygons = ogr.GT_Flatten(layer.GetGeomType()) in (ogr.wkbPolygon, ogr.wkbMultiPolygon)
    return Features("polygon" if polygons else "line", np.vstack(segments), number)


def _simple(shape: ogr.Geometry) -> Iterator[ogr.Geometry]:
    if ogr.GT_IsSubClassOf(shape.GetGeometryType(), ogr.wkbGeometryCollection):
        for i in range(shape.GetGeometryCount()):
            yield from _simple(shape.GetGeometryRef(i))
    else:
        yield shape


def _police_points(folder: Path, year: int) -> Floats:
    """Coordinates of the chosen crimes of a year, in EPSG:27700."""
    degrees = []
    for path in sorted(folder.glob(f"{year}-*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            degrees += [
                (float(row["Longitude"]), float(row["Latitude"]))
                for row in csv.DictReader(file)
                if row["Crime type"] in LONDON_CRIMES and row["Longitude"]
            ]
    world, national = osr.SpatialReference(), osr.SpatialReference()
    world.ImportFromEPSG(4326)
    national.ImportFromEPSG(27700)
    for system in (world, national):
        system.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    moved = osr.CoordinateTransformation(world, national).TransformPoints(degrees)
    return np.array(moved)[:, :2]
