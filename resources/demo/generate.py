"""Make the demonstration city "Northbridge BCU": invented places, invented offences, known truth.

    python3 generate.py [--seed N] [--output DIR]

writes `northbridge.gpkg` (boundary, wards, streets, risk factors and two years of offences) and
`truth.json`, which says by which risk factors the offences were drawn. A risk terrain model of the data can
so be compared with the truth. The same seed gives the same features. Nothing here uses the plugin's own
code: the demonstration is also an independent check on it. It needs GDAL's Python bindings, NumPy and
SciPy.

How offences are drawn. The study area is covered with square cells whose edges are multiples of CELL
metres. A cell expects mu = exp(b0 + sum of ln(RRV) x) offences of one type in a year. x is 1 where the
cell's centre is exposed, and for a protective factor -1:

- proximity at d: the distance from the centre to the nearest feature is at most d, 0 inside a polygon;
- density at d: the Epanechnikov sum of 2/(pi d^2) (1 - (r/d)^2) over the points within d is at least the
  mean plus two standard deviations (n - 1) of its values over all cells.

Counts follow a negative binomial with variance mu (1 + sigma): a Poisson with rate A + B, where A and B are
gamma variables with scale sigma and shapes PERSISTENT mu/sigma and (1 - PERSISTENT) mu/sigma. A is drawn
once for a cell, B every year, so places differ from their terrain, and in part they do so year after year.
"""

from __future__ import annotations

import argparse
import datetime
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from city import City, build_city, collect, parts, point, polygon
from factors import POINT_RULES, Layer, build_factors
from osgeo import gdal, ogr, osr
from scipy.spatial import cKDTree

DEFAULT_SEED = 2026
EPSG = 27700
CELL = 100.0
BLOCK = 200.0
YEARS = (2024, 2025)
PERSISTENT = 0.5  # share of a cell's extra risk that it keeps in both years
OUTSIDE_SHARE = 0.015  # events recorded just outside the boundary
OUTSIDE_BAND = 250.0
FIXED_DATE = "2026-01-01T00:00:00.000Z"  # so that the same seed gives the same file
GPKG_NAME, TRUTH_NAME = "northbridge.gpkg", "truth.json"


@dataclass(frozen=True)
class Effect:
    """One true effect: the factor, how it acts and how strongly."""

    factor: str
    operationalisation: str
    distance: int
    rrv: float
    direction: str = "aggravating"


@dataclass(frozen=True)
class CrimeType:
    """Expected offences a year, dispersion sigma, effects, and the shape of the year and of the week."""

    yearly: int
    dispersion: float
    effects: tuple[Effect, ...]
    season: tuple[float, int]  # relative height of the peak, and the day of the year on which it falls
    week: tuple[float, ...]  # Monday to Sunday


CRIME_TYPES = {
    "robbery": CrimeType(
        900,
        0.9,
        (
            Effect("bars", "proximity", 200, 2.6),
            Effect("off_licences", "density", 400, 2.2),
            Effect("rail_stations", "proximity", 400, 3.0),
            Effect("footpaths", "proximity", 100, 1.7),
            Effect("staffed_public_buildings", "proximity", 300, 1.8, "protective"),
        ),
        (0.14, 330),
        (0.93, 0.92, 0.96, 1.00, 1.16, 1.12, 0.91),
    ),
    "burglary": CrimeType(
        2250,
        1.1,
        (
            Effect("vacant_buildings", "density", 500, 2.1),
            Effect("footpaths", "proximity", 200, 1.6),
            Effect("parks", "proximity", 100, 1.5),
            Effect("railway", "proximity", 200, 1.7),
        ),
        (0.22, 345),
        (1.04, 1.02, 1.02, 1.04, 1.12, 0.92, 0.84),
    ),
    "violence": CrimeType(
        3000,
        1.0,
        (
            Effect("bars", "density", 300, 2.8),
            Effect("fast_food", "proximity", 200, 1.9),
            Effect("bus_stops", "proximity", 100, 1.5),
            Effect("vacant_buildings", "density", 400, 1.8),
            Effect("staffed_public_buildings", "proximity", 200, 1.5, "protective"),
        ),
        (0.12, 195),
        (0.90, 0.86, 0.88, 0.92, 1.10, 1.28, 1.06),
    ),
}
NULL_GEOMETRIES = {"robbery": 1, "burglary": 1, "violence": 1}


# ------------------------------------------------------------------------------------------- cells and truth


@dataclass
class Cells:
    """Cells that share area with the study area: centres, and the part inside for those on its edge."""

    centres: np.ndarray
    clipped: dict[int, ogr.Geometry]


def square(centre: np.ndarray) -> ogr.Geometry:
    """The cell around a centre."""
    x, y, half = centre[0], centre[1], CELL / 2
    return ogr.CreateGeometryFromWkt(
        f"POLYGON(({x - half} {y - half},{x + half} {y - half},{x + half} {y + half},"
        f"{x - half} {y + half},{x - half} {y - half}))"
    )


def make_cells(boundary: ogr.Geometry) -> Cells:
    """Cells aligned to multiples of CELL, row by row from the south-west."""
    west, east, south, north = boundary.GetEnvelope()
    xs = np.arange(np.floor(west / CELL), np.ceil(east / CELL)) * CELL + CELL / 2
    ys = np.arange(np.floor(south / CELL), np.ceil(north / CELL)) * CELL + CELL / 2
    edge = boundary.Boundary()
    centres, clipped = [], {}
    for y in ys:
        for x in xs:
            spot = point(np.array([x, y]))
            if spot.Distance(edge) > CELL:
                if spot.Within(boundary):
                    centres.append((x, y))
                continue
            inside = square(np.array([x, y])).Intersection(boundary)
            if inside.GetArea() > 0:
                if inside.GetArea() < CELL * CELL:
                    clipped[len(centres)] = inside
                centres.append((x, y))
    return Cells(np.array(centres), clipped)


def proximity(centres: np.ndarray, layer: Layer, distance: float) -> np.ndarray:
    """1 where the nearest feature is at most `distance` from the centre."""
    shapes = [geometry for _, geometry in layer]
    if all(shape.GetGeometryType() == ogr.wkbPoint for shape in shapes):
        xy = np.array([shape.GetPoint_2D() for shape in shapes])
        return (cKDTree(xy).query(centres)[0] <= distance).astype(float)
    boxes = np.array([shape.GetEnvelope() for shape in shapes])
    flags = np.zeros(len(centres))
    for index, (x, y) in enumerate(centres):
        spot = point(np.array([x, y]))
        near = np.flatnonzero(
            (boxes[:, 0] - distance <= x)
            & (x <= boxes[:, 1] + distance)
            & (boxes[:, 2] - distance <= y)
            & (y <= boxes[:, 3] + distance)
        )
        flags[index] = any(shapes[candidate].Distance(spot) <= distance for candidate in near)
    return flags


def density(centres: np.ndarray, layer: Layer, distance: float) -> np.ndarray:
    """1 where the Epanechnikov density of points is at least its mean plus two standard deviations."""
    xy = np.array([geometry.GetPoint_2D() for _, geometry in layer])
    values = np.zeros(len(centres))
    for index, near in enumerate(cKDTree(xy).query_ball_point(centres, distance)):
        squared = ((xy[near] - centres[index]) ** 2).sum(axis=1) / distance**2
        values[index] = (2.0 / (np.pi * distance**2) * (1.0 - squared)).sum()
    return (values >= values.mean() + 2.0 * values.std(ddof=1)).astype(float)


def exposure(centres: np.ndarray, factors: dict[str, Layer], effect: Effect) -> np.ndarray:
    """The column of one effect: 0 and 1, or 0 and -1 when it protects."""
    column = {"proximity": proximity, "density": density}[effect.operationalisation]
    flags = column(centres, factors[effect.factor], float(effect.distance))
    return -flags if effect.direction == "protective" else flags


# ---------------------------------------------------------------------------------------------------- events


def cell_counts(rng: np.random.Generator, expected: np.ndarray, sigma: float) -> dict[int, np.ndarray]:
    """Counts of every cell in every year; negative binomial with variance expected (1 + sigma)."""
    lasting = rng.gamma(PERSISTENT * expected / sigma, sigma)
    return {year: rng.poisson(lasting + rng.gamma((1 - PERSISTENT) * expected / sigma, sigma)) for year in YEARS}


def draw_dates(rng: np.random.Generator, crime: CrimeType, year: int, count: int) -> list[datetime.date]:
    """Days of one year, drawn by season and day of the week."""
    first = datetime.date(year, 1, 1)
    days = [first + datetime.timedelta(days=n) for n in range((datetime.date(year + 1, 1, 1) - first).days)]
    height, peak = crime.season
    seasonal = 1 + height * np.cos(2 * np.pi * (np.arange(len(days)) + 1 - peak) / 365.25)
    odds = seasonal * np.array([crime.week[day.weekday()] for day in days])
    return [days[n] for n in rng.choice(len(days), size=count, p=odds / odds.sum())]


def draw_place(
    rng: np.random.Generator, cells: Cells, index: int, parks: ogr.Geometry, land_of_parks: ogr.Geometry
) -> ogr.Geometry:
    """A uniform place in a cell, inside the study area and, where there is room, not in a park or lake."""
    inside = cells.clipped.get(index)
    centre = cells.centres[index]
    box = (inside if inside is not None else square(centre)).GetEnvelope()
    second, third = None, None
    for _ in range(300):
        # Places keep two decimals, so they stay a centimetre clear of the edge of the cell.
        x, y = rng.uniform(box[0] + 0.01, box[1] - 0.01), rng.uniform(box[2] + 0.01, box[3] - 0.01)
        spot = point(np.array([x, y]))
        if inside is not None and not spot.Within(inside):
            continue
        if not spot.Within(parks):
            return spot
        if spot.Within(land_of_parks):
            second = second or spot
        third = third or spot
    return second or third or inside.PointOnSurface()


def draw_outside(rng: np.random.Generator, city: City, count: int) -> list[ogr.Geometry]:
    """Places just outside the boundary, on dry land."""
    band = city.boundary.Buffer(OUTSIDE_BAND, 8).Difference(city.boundary.Buffer(1.0)).Difference(city.river)
    west, east, south, north = band.GetEnvelope()
    places: list[ogr.Geometry] = []
    while len(places) < count:
        spot = point(np.array([rng.uniform(west, east), rng.uniform(south, north)]))
        if spot.Within(band):
            places.append(spot)
    return places


Event = tuple[datetime.date, str, ogr.Geometry | None]


def draw_events(city: City, factors: dict[str, Layer], cells: Cells, seed: int) -> tuple[list[Event], dict[str, dict]]:
    """All events in order of date, and what truth.json says about each crime type."""
    land_of_parks = collect([park for _, park in factors["parks"]], ogr.wkbGeometryCollection).Buffer(0)
    shells = [
        polygon(np.array(part.GetGeometryRef(0).GetPoints())[:-1, :2]) for part in parts(land_of_parks, ogr.wkbPolygon)
    ]
    parks = collect(shells, ogr.wkbMultiPolygon)
    events: list[Event] = []
    truth: dict[str, dict] = {}
    for number, (name, crime) in enumerate(CRIME_TYPES.items()):
        rng = np.random.default_rng([seed, 6, number])
        columns = [exposure(cells.centres, factors, effect) for effect in crime.effects]
        relative = np.exp(sum(np.log(e.rrv) * x for e, x in zip(crime.effects, columns, strict=True)))
        expected = relative * crime.yearly / relative.sum()
        counts = cell_counts(rng, expected, crime.dispersion)
        inside = {year: int(counts[year].sum()) for year in YEARS}
        outside = {year: round(inside[year] * OUTSIDE_SHARE) for year in YEARS}
        for year in YEARS:
            places: list[ogr.Geometry | None] = [
                draw_place(rng, cells, index, parks, land_of_parks)
                for index in np.repeat(np.arange(len(expected)), counts[year])
            ]
            places += draw_outside(rng, city, outside[year])
            places += [None] * (NULL_GEOMETRIES[name] if year == YEARS[-1] else 0)
            days = draw_dates(rng, crime, year, len(places))
            events += [(day, name, place) for day, place in zip(days, places, strict=True)]
        truth[name] = describe(crime, columns, factors, inside, outside)
        truth[name]["intercept"] = round(float(np.log(crime.yearly / relative.sum())), 6)
        truth[name]["null_geometry"] = NULL_GEOMETRIES[name]
    order = np.random.default_rng([seed, 7]).permutation(len(events))
    return sorted((events[n] for n in order), key=lambda event: event[0]), truth


# ---------------------------------------------------------------------------------------------------- output


def describe(
    crime: CrimeType, columns: list[np.ndarray], factors: dict[str, Layer], inside: dict, outside: dict
) -> dict:
    """The entry of one crime type in truth.json."""
    effects = [
        {
            "factor": e.factor,
            "operationalisation": e.operationalisation,
            "distance": e.distance,
            "direction": e.direction,
            "rrv": e.rrv,
            "exposed_cells": int(np.abs(column).sum()),
        }
        for e, column in zip(crime.effects, columns, strict=True)
    ]
    active = {e.factor for e in crime.effects}
    return {
        "events": {str(year): count for year, count in inside.items()},
        "events_outside_boundary": {str(year): count for year, count in outside.items()},
        "expected_per_year": crime.yearly,
        "dispersion_nb1": crime.dispersion,
        "effects": effects,
        "null_factors": [name for name in factors if name not in active],
    }


NOTES = (
    "Invented city, invented offences. Expected count of a cell in a year: exp(intercept + sum of ln(rrv) "
    "x), x = 1 in exposed cells and -1 for a protective factor; cells are all squares of 100 m, aligned "
    "to multiples of 100 m, that share area with the boundary. Variance of a year's count: mu (1 + "
    "dispersion_nb1). Half of each cell's extra risk lasts over both years (gamma parts with a common "
    "scale), so the covariance of the two years' counts is 0.5 dispersion_nb1 mu: past counts carry "
    "information beyond the terrain. Places are uniform inside the cell, but outside parks, and outside "
    "their lakes, where the cell leaves room. events counts those inside the boundary; those outside it "
    "and those without geometry are extra. betting_shops stops at the boundary: it stands for a council's "
    "own register."
)


def geometry_kind(layer: Layer) -> str:
    """point, line or polygon."""
    dimension = {geometry.GetDimension() for _, geometry in layer}
    return ("point", "line", "polygon")[max(dimension)]


def write_layer(
    target: gdal.Dataset, name: str, kind: int, fields: list[tuple[str, int]], rows: list[tuple], about: str
) -> None:
    """One layer of the GeoPackage; each row is (geometry or None, value of each field ...)."""
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(EPSG)
    layer = target.CreateLayer(name, reference, kind, ["SPATIAL_INDEX=NO", f"DESCRIPTION={about}"])
    for field, field_type in fields:
        layer.CreateField(ogr.FieldDefn(field, field_type))
    layer.StartTransaction()
    for geometry, *values in rows:
        feature = ogr.Feature(layer.GetLayerDefn())
        for (field, _), value in zip(fields, values, strict=True):
            feature.SetField(field, value)
        if geometry is not None:
            flat = ogr.GT_Flatten(kind)
            feature.SetGeometry(ogr.ForceTo(geometry.Clone(), flat) if flat > ogr.wkbPolygon else geometry)
        layer.CreateFeature(feature)
    layer.CommitTransaction()


def write_geopackage(path: Path, city: City, factors: dict[str, Layer], events: list[Event]) -> None:
    """Everything that an analyst opens, in one GeoPackage."""
    gdal.SetConfigOption("OGR_CURRENT_DATE", FIXED_DATE)
    path.unlink(missing_ok=True)
    target = gdal.GetDriverByName("GPKG").Create(str(path), 0, 0, 0, gdal.GDT_Unknown)
    named = [("name", ogr.OFTString)]
    write_layer(target, "boundary", ogr.wkbPolygon, named, [(city.boundary, "Northbridge BCU")], "Study area")
    wards = [(ward, name, f"NB{n:02d}") for n, (name, ward) in enumerate(city.wards.items(), 1)]
    write_layer(target, "wards", ogr.wkbPolygon, [*named, ("ward_code", ogr.OFTString)], wards, "Wards")
    write_layer(target, "river", ogr.wkbPolygon, named, [(city.river, "River Aske")], "River, for the map only")
    classes = {"main": "main", "collector": "local", "local": "local", "path": "path"}
    streets = [
        (part, street.name, classes[street.kind])
        for street in city.streets
        for part in parts(street.geometry, ogr.wkbLineString)
    ]
    write_layer(target, "streets", ogr.wkbLineString, [*named, ("class", ogr.OFTString)], streets, "Streets")
    kinds = {"point": ogr.wkbPoint, "line": ogr.wkbLineString, "polygon": ogr.wkbPolygon}
    for name, features in factors.items():
        kind = kinds[geometry_kind(features)]
        if any(geometry.GetGeometryCount() and geometry.GetGeometryType() != kind for _, geometry in features):
            kind += 3  # the multi-type of the same dimension
        rows = [(geometry, label) for label, geometry in features]
        write_layer(target, name, kind, named, rows, "Risk factor")
    fields = [("crime_type", ogr.OFTString), ("date", ogr.OFTDate)]
    rows = [(place, crime, day.isoformat()) for day, crime, place in events]
    write_layer(target, "events", ogr.wkbPoint, fields, rows, "Recorded offences 2024 and 2025, invented")
    target.ExecuteSQL("VACUUM")
    target = None  # closes the file


def main() -> None:
    """Command line: make the city and write both files."""
    parser = argparse.ArgumentParser(description="Make the demonstration city Northbridge BCU.")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent, metavar="DIR")
    options = parser.parse_args()
    ogr.UseExceptions()
    options.output.mkdir(parents=True, exist_ok=True)
    city = build_city(options.seed)
    factors = build_factors(city, options.seed)
    cells = make_cells(city.boundary)
    events, crime_truth = draw_events(city, factors, cells, options.seed)
    write_geopackage(options.output / GPKG_NAME, city, factors, events)
    truth = {
        "seed": options.seed,
        "crs": f"EPSG:{EPSG}",
        "cell_size": int(CELL),
        "block_length": int(BLOCK),
        "cells": len(cells.centres),
        "persistent_share": PERSISTENT,
        "crime_types": crime_truth,
        "factors": [
            {
                "layer": name,
                "geometry": geometry_kind(features),
                "features": len(features),
                "stops_at_boundary": name in POINT_RULES and POINT_RULES[name].stops_at_boundary,
            }
            for name, features in factors.items()
        ],
        "notes": NOTES,
    }
    text = json.dumps(truth, indent=1, ensure_ascii=False) + "\n"
    (options.output / TRUTH_NAME).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
