"""The ground of the demonstration city: outline, wards, river, railway, streets and parks.

Everything that gives Northbridge its character is drawn by hand in the tables below, in kilometres from the
market cross. A smooth random displacement then bends the whole drawing, so that each seed gives another
city with the same plan. Neighbourhoods are the cells of a Voronoi diagram bent in the same way; wards and
the boundary are unions of neighbourhoods, so their edges run along streets, as they do on a real map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import plan
from osgeo import ogr
from scipy.interpolate import CubicSpline
from scipy.spatial import Voronoi

Warp = Callable[[np.ndarray], np.ndarray]


@dataclass
class Street:
    """One street: its line, name, kind (main, collector, local or path) and the land use around it."""

    geometry: ogr.Geometry
    name: str
    kind: str
    land: str


@dataclass
class Piece:
    """Part of a neighbourhood between main roads, railway and river: one land use, one street grid."""

    geometry: ogr.Geometry
    land: str
    angle: float
    has_park: bool = False

    @property
    def centre(self) -> np.ndarray:
        """Centroid, as an array of x and y."""
        centroid = self.geometry.Centroid()
        return np.array([centroid.GetX(), centroid.GetY()])


@dataclass(kw_only=True)
class City:
    """What the rest of the generator needs to know about the ground."""

    boundary: ogr.Geometry
    wards: dict[str, ogr.Geometry]
    river: ogr.Geometry
    railways: dict[str, ogr.Geometry]
    stations: dict[str, np.ndarray]
    streets: list[Street] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    parks: dict[str, ogr.Geometry] = field(default_factory=dict)
    centres: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    ward_anchors: dict[str, np.ndarray] = field(default_factory=dict)


# ------------------------------------------------------------------------------------------ geometry helpers


def line(xy: np.ndarray) -> ogr.Geometry:
    """LineString through the points of an (n, 2) array."""
    geometry = ogr.Geometry(ogr.wkbLineString)
    for x, y in np.round(xy, 2):
        geometry.AddPoint_2D(float(x), float(y))
    return geometry


def polygon(xy: np.ndarray) -> ogr.Geometry:
    """Polygon whose outer ring runs through the points of an (n, 2) array; the ring is closed here."""
    ring = ogr.Geometry(ogr.wkbLinearRing)
    for x, y in np.round(np.vstack([xy, xy[:1]]), 2):
        ring.AddPoint_2D(float(x), float(y))
    geometry = ogr.Geometry(ogr.wkbPolygon)
    geometry.AddGeometry(ring)
    return geometry


def point(xy: np.ndarray) -> ogr.Geometry:
    """Point, rounded to the centimetre."""
    geometry = ogr.Geometry(ogr.wkbPoint)
    geometry.AddPoint_2D(round(float(xy[0]), 2), round(float(xy[1]), 2))
    return geometry


def parts(geometry: ogr.Geometry | None, wanted: int) -> Iterator[ogr.Geometry]:
    """Single parts of one flat type (ogr.wkbPolygon or wkbLineString) in any geometry, no empty ones."""
    if geometry is None or geometry.IsEmpty():
        return
    if geometry.GetGeometryType() == wanted:
        yield geometry.Clone()
    else:
        for index in range(geometry.GetGeometryCount()):
            yield from parts(geometry.GetGeometryRef(index), wanted)


def collect(geometries: list[ogr.Geometry], kind: int) -> ogr.Geometry:
    """Multi-geometry of type `kind` with the given members."""
    result = ogr.Geometry(kind)
    for geometry in geometries:
        result.AddGeometry(geometry)
    return result


def spline(controls: list[tuple[float, float]], warp: Warp, step: float = 60.0) -> np.ndarray:
    """Bent smooth curve through control points in kilometres; closed when the first and last points agree."""
    knots = np.asarray(controls, float) * 1000.0
    at = np.concatenate([[0.0], np.cumsum(np.sqrt(np.linalg.norm(np.diff(knots, axis=0), axis=1)))])
    closed = bool(np.all(knots[0] == knots[-1]))
    length = float(np.linalg.norm(np.diff(knots, axis=0), axis=1).sum())
    curve = CubicSpline(at, knots, bc_type="periodic" if closed else "natural")
    where = np.union1d(np.linspace(0.0, at[-1], max(8, int(length / step))), at)
    return warp(curve(where))


def make_warp(rng: np.random.Generator) -> Warp:
    """Smooth random displacement of the plane, gentle enough to keep neighbours so; adds the origin."""
    lengths = np.array([5200.0, 3400.0, 2300.0, 1500.0, 850.0, 480.0])
    sizes = np.array([150.0, 90.0, 55.0, 28.0, 22.0, 11.0])
    headings = rng.uniform(0, 2 * np.pi, (2, 6))
    waves = np.stack([np.cos(headings), np.sin(headings)], axis=-1) * (2 * np.pi / lengths)[:, None]
    phases = rng.uniform(0, 2 * np.pi, (2, 6))

    def warp(xy: np.ndarray) -> np.ndarray:
        xy = np.asarray(xy, float)
        shift = [(np.sin(xy @ waves[axis].T + phases[axis]) * sizes).sum(axis=-1) for axis in (0, 1)]
        return xy + np.stack(shift, axis=-1) + plan.ORIGIN

    return warp


# ------------------------------------------------------------------------------------- neighbourhoods, wards


def neighbourhood_mesh(rng: np.random.Generator, warp: Warp) -> tuple[list[ogr.Geometry], list, list]:
    """Voronoi cells bent by `warp`: (cells, edges, the pair of cells on both sides of each edge)."""
    step = plan.NEIGHBOURHOOD_SPACING
    columns, rows = np.meshgrid(np.arange(-8200, 8201, step), np.arange(-6200, 8201, step))
    columns = columns + (np.arange(len(rows)) % 2)[:, None] * step / 2
    seeds = np.column_stack([columns.ravel(), rows.ravel()])
    diagram = Voronoi(seeds + rng.uniform(-0.36, 0.36, seeds.shape) * step)
    inside = np.all(np.abs(diagram.vertices) < 9500, axis=1)

    def bent_edge(start: int, end: int) -> np.ndarray:
        first, last = diagram.vertices[min(start, end)], diagram.vertices[max(start, end)]
        count = max(2, int(np.hypot(*(last - first)) / 70) + 1)
        bent = np.round(warp(first + np.linspace(0, 1, count)[:, None] * (last - first)), 2)
        return bent if start < end else bent[::-1]

    cells: dict[int, ogr.Geometry] = {}
    for seed, region in enumerate(diagram.point_region):
        ring = diagram.regions[region]
        if ring and min(ring) >= 0 and inside[ring].all():
            sides = [bent_edge(a, b)[:-1] for a, b in zip(ring, ring[1:] + ring[:1], strict=True)]
            cells[seed] = polygon(np.vstack(sides))
    number = {seed: index for index, seed in enumerate(cells)}
    edges, flanks = [], []
    for (a, b), (left, right) in zip(diagram.ridge_vertices, diagram.ridge_points, strict=True):
        if left in number and right in number and min(a, b) >= 0:
            edges.append(line(bent_edge(a, b)))
            flanks.append((number[left], number[right]))
    return list(cells.values()), edges, flanks


def draw_river(warp: Warp) -> tuple[ogr.Geometry, ogr.Geometry]:
    """(water, water and all the land south of it)."""
    course = spline(plan.RIVER, warp)
    water = line(course).Buffer(plan.RIVER_HALF_WIDTH, 6)
    corners = np.array([[course[-1, 0], plan.ORIGIN[1] - 12_000], [course[0, 0], plan.ORIGIN[1] - 12_000]])
    return water, polygon(np.vstack([course, corners])).Union(water)


def draw_wards(cells: list[ogr.Geometry], south: ogr.Geometry, warp: Warp) -> dict[str, ogr.Geometry]:
    """Wards as unions of the neighbourhoods nearest to each anchor of the plan, cut off at the north bank."""
    outline = polygon(spline([*plan.OUTLINE, plan.OUTLINE[0]], warp))
    anchors = warp(np.array(list(plan.WARDS.values())) * 1000.0)
    members: list[list[ogr.Geometry]] = [[] for _ in plan.WARDS]
    for cell in cells:
        centre = cell.Centroid()
        if outline.Contains(centre):
            gaps = np.hypot(anchors[:, 0] - centre.GetX(), anchors[:, 1] - centre.GetY())
            members[int(gaps.argmin())].append(cell)
    wards = {}
    for name, group in zip(plan.WARDS, members, strict=True):
        whole = collect(group, ogr.wkbMultiPolygon).UnionCascaded().Difference(south)
        wards[name] = max(parts(whole, ogr.wkbPolygon), key=lambda part: part.GetArea())
    return wards


def place_stations(railways: dict[str, ogr.Geometry], boundary: ogr.Geometry, warp: Warp) -> dict[str, np.ndarray]:
    """Stations of the plan moved on to the track, and one 400 to 700 m beyond the boundary."""
    track = collect(list(railways.values()), ogr.wkbMultiLineString)
    track.Segmentize(15.0)
    vertices = np.vstack([part.GetPoints(0) for part in parts(track, ogr.wkbLineString)])[:, :2]
    placed = {}
    for name, xy in plan.STATIONS.items():
        target = warp(np.array(xy) * 1000.0)
        placed[name] = vertices[np.hypot(*(vertices - target).T).argmin()]
    beyond = [v for v in vertices if v[0] > plan.ORIGIN[0] and 400 < point(v).Distance(boundary) < 700]
    placed["Carr Lane Halt"] = beyond[len(beyond) // 2]
    return placed


# -------------------------------------------------------------------------------------------- land and parks


def land_use(centre: np.ndarray, is_field: bool, warp: Warp) -> str:
    """Land use of a piece of a neighbourhood by where it lies."""
    if is_field:
        return "field"
    industry = np.array(plan.INDUSTRY)
    if (np.hypot(*(warp(industry[:, :2] * 1000.0) - centre).T) < industry[:, 2] * 1000.0).any():
        return "industry"
    from_centre = np.hypot(*(warp(np.array(plan.TOWN_CENTRE)) - centre))
    if from_centre < 650:
        return "centre"
    from_district = np.hypot(*(warp(np.array(plan.DISTRICT_CENTRES) * 1000.0) - centre).T).min()
    return "terrace" if from_centre < 2100 or from_district < 700 else "suburb"


def cut_pieces(
    rng: np.random.Generator,
    cells: list[ogr.Geometry],
    world: ogr.Geometry,
    barriers: ogr.Geometry,
    main: list[np.ndarray],
    boundary: ogr.Geometry,
    warp: Warp,
) -> tuple[list[Piece], list[bool]]:
    """Neighbourhoods cut by main roads, railway and river; also says which neighbourhoods are open fields."""
    vertices = np.vstack([road[:-1] for road in main])
    headings = np.concatenate([np.arctan2(*np.diff(road, axis=0).T[::-1]) for road in main])
    pieces, fields = [], []
    for cell in cells:
        gap = cell.Centroid().Distance(boundary)
        fields.append(bool(rng.random() < (0.45 if gap > 0 else 0.0)))
        if not cell.Intersects(world):
            continue
        for part in parts(cell.Intersection(world).Difference(barriers), ogr.wkbPolygon):
            if part.GetArea() < 15_000:
                continue
            piece = Piece(part, "", float(rng.uniform(0, np.pi)))
            gaps = np.hypot(*(vertices - piece.centre).T)
            if gaps.min() < 450:
                piece.angle = float(headings[gaps.argmin()] + rng.normal(0, 0.12) + rng.choice([0, np.pi / 2]))
            piece.land = land_use(piece.centre, fields[-1], warp)
            pieces.append(piece)
    return pieces, fields


def blob(rng: np.random.Generator, centre: np.ndarray, radius: float) -> ogr.Geometry:
    """Rounded irregular polygon, for a lake."""
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    reach = 1 + sum(rng.normal(0, 0.16 / k) * np.cos(k * turn + rng.uniform(0, 6.28)) for k in (1, 2, 3, 4))
    return polygon(centre + radius * reach[:, None] * np.column_stack([1.3 * np.cos(turn), 0.8 * np.sin(turn)]))


def large_parks(rng: np.random.Generator, city: City, warp: Warp) -> None:
    """Turn whole pieces into parks: some with a lake, one cut in two by a road; paths run across them."""
    for name, anchor in plan.LARGE_PARKS.items():
        target = warp(np.array(anchor) * 1000.0)
        roomy = [p for p in city.pieces if not p.has_park and 90_000 < p.geometry.GetArea() < 600_000]
        piece = min(roomy, key=lambda p: float(np.hypot(*(p.centre - target))))
        piece.has_park, piece.land = True, "park"
        whole = piece.geometry.Buffer(-28, 4).Buffer(14, 4).Simplify(1.0)
        park = max(parts(whole, ogr.wkbPolygon), key=lambda part: part.GetArea())
        middle = park.Centroid()
        centre = np.array([middle.GetX(), middle.GetY()])
        if name in plan.PARKS_WITH_LAKE:
            park = park.Difference(blob(rng, centre, min(80.0, 0.16 * park.GetArea() ** 0.5)))
        angle = float(rng.uniform(0, np.pi))
        for number, turn in enumerate((angle, angle + 1.2, angle + 2.2)):
            road = number == 0 and name == plan.PARK_CUT_BY_ROAD
            aside = rng.uniform(0.15, 0.35) * park.GetArea() ** 0.5 * rng.choice([-1, 1])
            along = np.linspace(-1500, 1500, 41)
            track = rotate(np.column_stack([along, aside + 18 * np.sin(along / 95)]), turn) + centre
            if road:
                park = park.Difference(line(track).Buffer(11, 4))
            ground = piece.geometry if road else park
            label, kind = (f"{name} Road", "collector") if road else (f"{name} path", "path")
            for part in parts(line(track).Intersection(ground), ogr.wkbLineString):
                city.streets.append(Street(part, label, kind, "park"))
        city.parks[name] = park


def small_parks(rng: np.random.Generator, city: City) -> None:
    """Recreation grounds and greens inside residential pieces, laid along the piece's street grid."""
    homes = [p for p in city.pieces if p.land in ("terrace", "suburb") and p.geometry.GetArea() > 60_000]
    taken: list[np.ndarray] = []
    for index in rng.permutation(len(homes)):
        piece = homes[index]
        if len(taken) == plan.SMALL_PARKS:
            return
        if taken and np.hypot(*(np.array(taken) - piece.centre).T).min() < 750:
            continue
        half = rng.uniform((55, 40), (120, 95))
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half + rng.normal(0, 14, (4, 2))
        spot = polygon(rotate(corners, piece.angle) + piece.centre + rng.uniform(-60, 60, 2))
        spot = spot.Intersection(piece.geometry.Buffer(-10)).Buffer(-14, 3).Buffer(14, 3)
        if spot.GetGeometryType() != ogr.wkbPolygon or spot.GetArea() < 6_000:
            continue
        taken.append(piece.centre)
        piece.has_park = True
        stem, kind = rng.choice(plan.STREET_STEMS), rng.choice(plan.PARK_KINDS)
        city.parks[f"{stem} {kind}"] = spot


def rotate(xy: np.ndarray, angle: float) -> np.ndarray:
    """Turn points about the origin, anticlockwise by `angle` radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    return xy @ np.array([[cos, sin], [-sin, cos]])


# --------------------------------------------------------------------------------------------------- streets


def street_name(rng: np.random.Generator, land: str) -> str:
    """An invented street name in the manner of the land use."""
    return f"{rng.choice(plan.STREET_STEMS)} {rng.choice(plan.STREET_ENDINGS[land])}"


def kept_runs(keep: np.ndarray) -> Iterator[tuple[int, int]]:
    """(first, last) node of each run of kept edges: [1, 1, 0, 1] gives (0, 2) and (3, 4)."""
    padded = np.concatenate([[0], keep.astype(int), [0]])
    change = np.diff(padded)
    yield from zip(np.flatnonzero(change == 1), np.flatnonzero(change == -1), strict=True)


def grid_streets(rng: np.random.Generator, piece: Piece, open_ground: ogr.Geometry) -> Iterator[Street]:
    """Local streets of one piece: an irregular bent grid with gaps, which leaves closes and T-junctions."""
    gap, cross_gap, keep, keep_cross, bend = plan.STREET_GRIDS[piece.land]
    west, east, low, high = piece.geometry.GetEnvelope()
    reach = np.hypot(east - west, high - low) / 2 + gap
    along = np.arange(-reach, reach + cross_gap, cross_gap)
    across = np.arange(-reach, reach + gap, gap)
    along = along + rng.uniform(-0.25, 0.25, along.size) * cross_gap
    across = across + rng.uniform(-0.12, 0.12, across.size) * gap
    phase = rng.uniform(0, 6.28, 2)

    def place(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        flat = np.column_stack([u + bend * np.sin(v / 150 + phase[0]), v + bend * np.sin(u / 170 + phase[1])])
        return rotate(flat, piece.angle) + piece.centre

    edge = piece.geometry.Boundary()
    for rows, nodes, share, swap in ((across, along, keep, False), (along, across, keep_cross, True)):
        for row in rows:
            for first, last in kept_runs(rng.random(nodes.size - 1) < share):
                run = np.linspace(nodes[first], nodes[last], max(2, int((nodes[last] - nodes[first]) / 35) + 1))
                level = np.full(run.size, row)
                path = line(place(level, run) if swap else place(run, level)).Simplify(1.5)
                name = street_name(rng, piece.land)
                for part in parts(path.Intersection(open_ground), ogr.wkbLineString):
                    middle = part.Value(part.Length() / 2)
                    if part.Length() > 45 and middle.Distance(edge) > 28:
                        yield Street(part, name, "local", piece.land)


def collector_streets(
    rng: np.random.Generator,
    edges: list[ogr.Geometry],
    flanks: list[tuple[int, int]],
    fields: list[bool],
    main: ogr.Geometry,
    ground: ogr.Geometry,
) -> Iterator[Street]:
    """Streets between neighbourhoods, without those in open fields or hard beside a main road."""
    beside = main.Buffer(85)
    for edge, (left, right) in zip(edges, flanks, strict=True):
        if (fields[left] and fields[right]) or not edge.Intersects(ground):
            continue
        if edge.Intersection(beside).Length() > 0.55 * edge.Length():
            continue
        name = street_name(rng, "collector")
        for part in parts(edge.Intersection(ground), ogr.wkbLineString):
            if part.Length() > 60:
                yield Street(part, name, "collector", "suburb")


def build_city(seed: int) -> City:
    """The whole ground from one seed."""
    rng = np.random.default_rng([seed, 1])
    warp = make_warp(rng)
    cells, edges, flanks = neighbourhood_mesh(rng, warp)
    river, south = draw_river(warp)
    wards = draw_wards(cells, south, warp)
    whole = collect(list(wards.values()), ogr.wkbMultiPolygon).UnionCascaded()
    boundary = max(parts(whole, ogr.wkbPolygon), key=lambda part: part.GetArea())
    world = boundary.Buffer(plan.WORLD_MARGIN, 8)
    railways = {name: line(spline(xy, warp)).Intersection(world) for name, xy in plan.RAILWAYS.items()}
    city = City(
        boundary=boundary,
        wards=wards,
        river=river,
        railways=railways,
        stations=place_stations(railways, boundary, warp),
    )
    city.centres = warp(np.array([plan.TOWN_CENTRE, *plan.DISTRICT_CENTRES]) * 1000.0)
    city.ward_anchors = {name: warp(np.array(xy) * 1000.0) for name, xy in plan.WARDS.items()}

    roads = {name: spline(xy, warp) for name, xy in plan.MAIN_ROADS.items()}
    for name, xy in roads.items():
        for part in parts(line(xy).Intersection(world), ogr.wkbLineString):
            city.streets.append(Street(part, name, "main", "main"))
    main = collect([line(xy) for xy in roads.values()], ogr.wkbMultiLineString)
    barred = river.Buffer(35).Union(collect(list(railways.values()), ogr.wkbMultiLineString).Buffer(16))
    city.pieces, fields = cut_pieces(
        rng,
        cells,
        world,
        barriers=barred.Union(main.Buffer(0.3)),
        main=list(roads.values()),
        boundary=boundary,
        warp=warp,
    )
    large_parks(rng, city, warp)
    small_parks(rng, city)
    green = collect(list(city.parks.values()), ogr.wkbGeometryCollection).Buffer(0)
    ground = world.Difference(barred).Difference(green)
    city.streets.extend(collector_streets(rng, edges, flanks, fields, main, ground))
    for piece in city.pieces:
        if piece.land in plan.STREET_GRIDS:
            open_ground = piece.geometry.Difference(green.Buffer(6)) if piece.has_park else piece.geometry
            city.streets.extend(grid_streets(rng, piece, open_ground))
    return city
