"""The risk factors of the demonstration city: what is built where, and what it is called.

Points are drawn beside streets. A factor's placement rule shares its features among habitats (town centre,
district centres, local shopping parades, main roads ...) and keeps them a least distance apart. Layers go
on beyond the boundary, as a city does, except those whose rule says that they come from a register which
stops there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import plan
from city import City, collect, line, parts, point, polygon, rotate
from osgeo import ogr
from scipy.spatial import cKDTree

OUTSIDE_REACH = 800.0  # features are placed up to this far beyond the boundary, in metres
PARADES = 34  # local shopping parades
DECLINE = 6  # quarters with many empty buildings


@dataclass(frozen=True)
class PointRule:
    """How many features, in which habitats (shares), how far apart at least, and where the layer ends."""

    count: int
    habitats: dict[str, float]
    spacing: float
    names: tuple[str, ...]
    stops_at_boundary: bool = False


POINT_RULES = {
    "bars": PointRule(
        90,
        {"centre": 0.40, "district": 0.18, "main": 0.20, "terrace": 0.12, "local": 0.10},
        14.0,
        ("The {adjective} {beast}", "{surname}'s Bar", "The {street} Arms", "The {place} Tavern"),
    ),
    "betting_shops": PointRule(
        45,
        {"centre": 0.26, "district": 0.24, "parade": 0.35, "main": 0.15},
        30.0,
        ("{surname} Racing", "{surname} & Son Turf", "{place} Bookmakers"),
        True,
    ),
    "off_licences": PointRule(
        120,
        {"parade": 0.50, "main": 0.18, "district": 0.16, "centre": 0.06, "local": 0.10},
        25.0,
        ("{surname} Wines", "{street} Stores", "{surname} Food & Wine", "{place} Off Licence"),
    ),
    "fast_food": PointRule(
        160,
        {"centre": 0.22, "district": 0.18, "parade": 0.22, "main": 0.38},
        15.0,
        ("The {adjective} Fryer", "{surname}'s Kebabs", "{street} Fish Bar", "{surname}'s Pizza"),
    ),
    "atms": PointRule(
        130,
        {"centre": 0.32, "district": 0.20, "parade": 0.24, "main": 0.18, "station": 0.06},
        12.0,
        ("Cash machine, {street}",),
    ),
    "bus_stops": PointRule(420, {"main": 0.48, "collector": 0.52}, 170.0, ("{street}, stop {letter}",)),
    "schools": PointRule(
        45,
        {"local": 0.75, "terrace": 0.25},
        480.0,
        (
            "{street} Primary School",
            "{place} Academy",
            "{place} Infant School",
            "St {surname}'s C of E School",
        ),
    ),
    "staffed_public_buildings": PointRule(
        26,
        {"centre": 0.18, "district": 0.20, "parade": 0.22, "local": 0.40},
        420.0,
        ("{place} Library", "{place} Leisure Centre", "{place} Community Hub", "{street} Fire Station"),
    ),
    "vacant_buildings": PointRule(
        200,
        {"decline": 0.66, "terrace": 0.12, "industry": 0.10, "centre": 0.05, "local": 0.07},
        10.0,
        ("{number} {street}",),
    ),
}
CAR_PARKS = PointRule(
    46,
    {"centre": 0.30, "district": 0.17, "parade": 0.18, "station": 0.12, "industry": 0.15, "main": 0.08},
    90.0,
    ("{street} Car Park", "{place} {letter} Car Park"),
)
FOOTPATHS = PointRule(
    150,
    {"terrace": 0.62, "decline": 0.18, "local": 0.14, "centre": 0.06},
    70.0,
    ("{street} Ginnel", "{surname}'s Passage", "{street} Back", "{adjective} Alley"),
)


class StreetSamples:
    """Points every 12 m along the streets, with what is near them; features are placed beside them."""

    def __init__(self, city: City, rng: np.random.Generator) -> None:
        """Sample the streets of `city`; shopping parades and quarters in decline are chosen here."""
        self.city = city
        self.blocked = collect([city.river, *city.parks.values()], ogr.wkbGeometryCollection).Buffer(4)
        rows = [
            row
            for number, street in enumerate(city.streets)
            if street.kind != "path"
            for row in self._along(number, street.geometry)
        ]
        table = np.array(rows)
        self.xy, self.heading, self.street = table[:, :2], table[:, 2], table[:, 3].astype(int)
        self.kind = np.array([s.kind for s in city.streets])[self.street]
        self.land = np.array([s.land for s in city.streets])[self.street]
        local = cKDTree(self.xy[self.kind == "local"])
        self.built = np.minimum(1.0, local.query_ball_point(self.xy, 250.0, return_length=True) / 110.0) ** 2
        self.gap = np.array([point(xy).Distance(city.boundary) for xy in self.xy])
        shops = np.isin(self.kind, ("main", "collector")) & (self._near(city.centres, 700.0) < 0.37)
        self.parades = self._choose(rng, shops * self.built, PARADES, 520.0)
        self.decline = self._choose(rng, (self.land == "terrace") * 1.0, DECLINE, 900.0)
        self.weights = self._habitats()

    @staticmethod
    def _along(number: int, geometry: ogr.Geometry) -> list[tuple[float, float, float, int]]:
        """(x, y, heading, street number) every 12 m along one street."""
        rows = []
        for part in parts(geometry, ogr.wkbLineString):
            places = np.arange(6.0, part.Length(), 12.0)
            xy = np.array([part.Value(float(at)).GetPoint_2D() for at in places])
            ahead = np.array([part.Value(float(min(at + 1.0, part.Length()))).GetPoint_2D() for at in places])
            if len(xy):
                turn = np.arctan2(*(ahead - xy).T[::-1])
                rows.extend((x, y, h, number) for (x, y), h in zip(xy, turn, strict=True))
        return rows

    def _near(self, places: np.ndarray, scale: float) -> np.ndarray:
        """Gaussian closeness of every sample to the nearest of some places, 1 at the place itself."""
        return np.exp(-0.5 * (cKDTree(places).query(self.xy)[0] / scale) ** 2)

    def _choose(self, rng: np.random.Generator, weight: np.ndarray, count: int, spacing: float) -> np.ndarray:
        """Positions of `count` samples drawn by weight, at least `spacing` apart."""
        chosen: list[np.ndarray] = []
        for index in rng.choice(len(weight), size=40 * count, p=weight / weight.sum()):
            if not chosen or np.hypot(*(np.array(chosen) - self.xy[index]).T).min() >= spacing:
                chosen.append(self.xy[index])
            if len(chosen) == count:
                break
        return np.array(chosen)

    def _habitats(self) -> dict[str, np.ndarray]:
        """Weight of every sample in every habitat."""
        centre, districts = self.city.centres[:1], self.city.centres[1:]
        homes = np.isin(self.land, ("terrace", "suburb"))
        busy = np.where(self.kind == "main", 1.0, 0.35)
        shops = self.land != "industry"
        return {
            "centre": self._near(centre, 330.0) * shops,
            "district": self._near(districts, 210.0) * busy * shops,
            "parade": self._near(self.parades, 65.0) * shops,
            "main": (self.kind == "main") * self.built,
            "collector": (self.kind == "collector") * (0.15 + self.built),
            "local": (homes & (self.kind != "main")) * self.built,
            "terrace": ((self.land == "terrace") & (self.kind == "local")) * 1.0,
            "decline": self._near(self.decline, 170.0) * (self.kind != "main"),
            "industry": (self.land == "industry") * 1.0,
            "station": self._near(np.array(list(self.city.stations.values())), 140.0),
        }

    def draw(
        self, rng: np.random.Generator, rule: PointRule, offset: tuple[float, float]
    ) -> list[tuple[int, np.ndarray]]:
        """(sample, position) of every feature of a rule: beside a street, not in a park or in the river."""
        within = self.gap <= (0.0 if rule.stops_at_boundary else OUTSIDE_REACH - 30.0)
        names, shares = list(rule.habitats), np.array(list(rule.habitats.values()))
        odds = {name: self.weights[name] * within / (self.weights[name] * within).sum() for name in names}
        placed: list[tuple[int, np.ndarray]] = []
        for _ in range(60 * rule.count):
            if len(placed) == rule.count:
                break
            sample = int(rng.choice(len(self.xy), p=odds[names[rng.choice(len(names), p=shares / shares.sum())]]))
            aside = self.heading[sample] + rng.choice([-1, 1]) * np.pi / 2
            xy = self.xy[sample] + rng.uniform(*offset) * np.array([np.cos(aside), np.sin(aside)])
            if placed and min(np.hypot(*(xy - other)) for _, other in placed) < rule.spacing:
                continue
            spot = point(xy)
            if spot.Within(self.blocked) or (rule.stops_at_boundary and not spot.Within(self.city.boundary)):
                continue
            placed.append((sample, np.round(xy, 2)))
        return placed

    def name(self, rng: np.random.Generator, rule: PointRule, sample: int, used: set[str]) -> str:
        """An invented name that fits the place; a repeated one only when twenty attempts find no other."""
        anchors = self.city.ward_anchors
        place = min(anchors, key=lambda ward: float(np.hypot(*(anchors[ward] - self.xy[sample]))))
        text = ""
        for _ in range(20):
            words = {key: str(rng.choice(choice)) for key, choice in plan.NAME_WORDS.items()}
            street = self.city.streets[self.street[sample]].name
            text = str(rng.choice(rule.names)).format(
                place=place, street=street, number=int(rng.integers(1, 190)), **words
            )
            if text not in used:
                break
        used.add(text)
        return text


Layer = list[tuple[str, ogr.Geometry]]


def point_layer(rng: np.random.Generator, samples: StreetSamples, rule: PointRule) -> Layer:
    """Named points of one factor."""
    used: set[str] = set()
    return [(samples.name(rng, rule, sample, used), point(xy)) for sample, xy in samples.draw(rng, rule, (7.0, 18.0))]


def car_park_layer(rng: np.random.Generator, samples: StreetSamples) -> Layer:
    """Car parks: oblong or L-shaped, along the street that they open on."""
    used: set[str] = set()
    layer: Layer = []
    box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    for sample, xy in samples.draw(rng, CAR_PARKS, (34.0, 46.0)):
        long_side, short_side = rng.uniform(24, 48), rng.uniform(13, 24)
        whole = polygon(rotate(box * (long_side, short_side), samples.heading[sample]) + xy)
        if rng.random() < 0.45:
            wing = box * (0.4 * long_side, 0.6 * short_side) + (
                0.5 * long_side,
                rng.choice([-1, 1]) * short_side,
            )
            whole = whole.Union(polygon(rotate(wing, samples.heading[sample]) + xy))
        ground = whole.Difference(samples.blocked)
        for street in samples.city.streets:
            if street.geometry.Intersects(ground):
                ground = ground.Difference(street.geometry.Buffer(9.0 if street.kind == "main" else 6.0, 3))
        shape = max(parts(ground, ogr.wkbPolygon), key=lambda part: part.GetArea(), default=None)
        if shape is not None and shape.GetArea() > 600:
            layer.append((samples.name(rng, CAR_PARKS, sample, used), shape))
    return layer


def street_ahead(samples: StreetSamples, start: np.ndarray, heading: float) -> float:
    """Distance in metres from a street to the next one in a direction; infinite when none is near."""
    ahead = rotate(samples.xy - start, -heading)
    hits = ahead[(np.abs(ahead[:, 1]) < 7.0) & (ahead[:, 0] > 35.0), 0]
    return float(hits.min()) if hits.size else np.inf


def footpath_layer(rng: np.random.Generator, samples: StreetSamples) -> Layer:
    """Alleys: most run through to the next street, others behind a row of houses with a turn at each end."""
    used: set[str] = set()
    layer: Layer = []
    spare = replace(FOOTPATHS, count=2 * FOOTPATHS.count)
    for sample, start in samples.draw(rng, spare, (0.0, 0.1)):
        heading = float(samples.heading[sample] + rng.choice([0.0, np.pi]))
        reach = street_ahead(samples, start, heading + np.pi / 2)
        if reach > 130.0 or len(layer) == FOOTPATHS.count:
            continue
        if rng.random() < 0.8:
            kink = rng.normal(0, 4)
            path = np.array([[0, 0], [kink, 0.45 * reach], [kink + 2, 0.55 * reach], [0, reach]])
        else:
            back, depth = rng.uniform(60, 130), 0.5 * reach
            path = np.array([[0, 0], [1, depth], [0.5 * back, depth + rng.normal(0, 2)], [back, depth]])
        way = line(rotate(path, heading) + start)
        if not way.Intersects(samples.blocked):
            layer.append((samples.name(rng, FOOTPATHS, sample, used), way))
    return layer


def clip_reach(layer: Layer, city: City, kind: int) -> Layer:
    """The part of a layer within OUTSIDE_REACH of the boundary; `kind` is the flat type of its parts."""
    reach = city.boundary.Buffer(OUTSIDE_REACH, 8)
    clipped = [(name, list(parts(geometry.Intersection(reach), kind))) for name, geometry in layer]
    multi = ogr.wkbMultiPolygon if kind == ogr.wkbPolygon else ogr.wkbMultiLineString
    return [
        (name, members[0] if len(members) == 1 else collect(members, multi)) for name, members in clipped if members
    ]


def build_factors(city: City, seed: int) -> dict[str, Layer]:
    """All risk-factor layers, by name, each a list of (feature name, geometry)."""
    samples = StreetSamples(city, np.random.default_rng([seed, 2]))
    layers: dict[str, Layer] = {}
    for number, (name, rule) in enumerate(POINT_RULES.items()):
        layers[name] = point_layer(np.random.default_rng([seed, 3, number]), samples, rule)
    layers["rail_stations"] = [(name, point(xy)) for name, xy in city.stations.items()]
    layers["footpaths"] = footpath_layer(np.random.default_rng([seed, 4]), samples)
    layers["railway"] = clip_reach(list(city.railways.items()), city, ogr.wkbLineString)
    layers["parks"] = clip_reach(list(city.parks.items()), city, ogr.wkbPolygon)
    layers["car_parks"] = car_park_layer(np.random.default_rng([seed, 5]), samples)
    return layers
