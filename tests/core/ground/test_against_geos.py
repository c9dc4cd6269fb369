"""Lines, polygons and the grid rule against GEOS, through QGIS."""

import numpy as np
import pytest
from helpers import box, few, full_grid, lines, polygons, repeatable
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from risk_terrain.rtm_plugin.core.candidates.influence import nearest_distance
from risk_terrain.rtm_plugin.core.documents.settings import GridSettings
from risk_terrain.rtm_plugin.core.ground.features import Features, inside, winding_number
from risk_terrain.rtm_plugin.core.ground.grid import study_grid

core = pytest.importorskip("qgis.core", reason="GEOS comes with QGIS, which is not there")
QgsGeometry, QgsPointXY, QgsRectangle = core.QgsGeometry, core.QgsPointXY, core.QgsRectangle

SQUARE_WITH_HOLE = [box(1, 1, 7, 7), box(2.5, 3, 5, 5.5)]
L_SHAPE = [[(8, 0), (12, 0), (12, 1), (9, 1), (9, 5), (8, 5)]]
GRID = full_grid(9, 14)


def geos(part):
    """The same polygon, as GEOS sees it."""
    return QgsGeometry.fromPolygonXY([[QgsPointXY(x, y) for x, y in [*ring, ring[0]]] for ring in part])


def united(parts):
    return QgsGeometry.unaryUnion([geos(part) for part in parts])


def distances(geometry, places):
    return np.array([geometry.distance(QgsGeometry.fromPointXY(QgsPointXY(x, y))) for x, y in places])


@st.composite
def stars(draw):
    """A simple polygon, corners around a centre less than half a turn apart, perhaps with a smaller copy as hole."""
    turns = draw(st.integers(3, 8))
    radii = draw(st.lists(st.floats(0.4, 4.0), min_size=turns, max_size=turns))
    x, y, tilt = draw(st.floats(0, 10)), draw(st.floats(0, 8)), draw(st.floats(0, 1))
    angle = 2 * np.pi * (np.arange(turns) + tilt) / turns
    ring = [(x + r * np.cos(a), y + r * np.sin(a)) for r, a in zip(radii, angle, strict=True)]
    hole = [(x + (u - x) / 2, y + (v - y) / 2) for u, v in ring]
    return [ring, hole] if draw(st.booleans()) else [ring]


lattice = st.integers(0, 40).map(lambda i: i / 4)
triangles = st.tuples(*[st.tuples(lattice, lattice)] * 3).map(lambda ring: [list(ring)])


def test_distance_to_polygons_with_a_hole_and_parts():
    """0 inside, positive in the hole and beyond: to 1e-12."""
    parts = [SQUARE_WITH_HOLE, L_SHAPE]
    expected = distances(united(parts), GRID.centres)
    assert 0 < (expected == 0).sum() < GRID.cells
    assert_allclose(nearest_distance(polygons(*parts), GRID, 99.0), expected, rtol=0, atol=1e-12)


@few
@given(st.lists(stars(), min_size=1, max_size=3), st.floats(0.5, 6))
def test_distance_to_random_polygons(parts, limit):
    expected = distances(united(parts), GRID.centres)
    expected[expected > limit] = np.inf
    found = nearest_distance(polygons(*parts), GRID, limit)
    assert_allclose(found, expected, rtol=0, atol=1e-9)


@few
@given(st.lists(st.tuples(*[st.floats(-5, 15)] * 4), min_size=1, max_size=5), st.floats(0.5, 6))
def test_distance_to_random_lines(segments, limit):
    wkt = ", ".join(f"({a!r} {b!r}, {c!r} {d!r})" for a, b, c, d in segments)
    expected = distances(QgsGeometry.fromWkt(f"MULTILINESTRING({wkt})"), GRID.centres)
    clear = np.abs(expected - limit) > 1e-9
    expected[expected > limit] = np.inf
    found = nearest_distance(lines(*segments), GRID, limit)
    assert_allclose(found[clear], expected[clear], rtol=0, atol=1e-9)


@repeatable
@given(st.lists(stars() | triangles, min_size=1, max_size=3), st.lists(st.tuples(lattice, lattice), max_size=20))
def test_inside(parts, places):
    """Inside and how many times, for points that do not lie on an edge."""
    shapes = [geos(part) for part in parts]
    assume(all(shape.isGeosValid() for shape in shapes))
    spots = np.vstack([GRID.centres, np.array(places).reshape(-1, 2)])
    edges = [QgsGeometry(shape.constGet().boundary()) for shape in shapes]
    clear = np.min([distances(edge, spots) for edge in edges], axis=0) > 1e-9
    times = [sum(shape.contains(QgsPointXY(x, y)) for shape in shapes) for x, y in spots[clear]]
    layer = polygons(*parts)
    assert winding_number(layer.coordinates, spots[clear]).tolist() == times
    assert inside(layer, spots[clear]).tolist() == [t > 0 for t in times]


def test_inside_on_shared_edges():
    """A point on the edge between two polygons lies in exactly one of them, corners too."""
    layer = polygons([box(0, 0, 1, 1)], [box(1, 0, 2, 1)], [box(0, 1, 1, 2)], [box(1, 1, 2, 2)])
    assert winding_number(layer.coordinates, np.array([[1.0, 0.5], [0.5, 1.0], [1.0, 1.0]])).tolist() == [1, 1, 1]


@repeatable
@given(st.lists(stars() | triangles, min_size=1, max_size=3), st.sampled_from([0.5, 1.0, 1.7]), st.booleans())
def test_grid_rule(parts, size, aligned):
    """'intersects' keeps exactly the cells that share ground with the study area, of its box and a margin."""
    assume(all(geos(part).isGeosValid() for part in parts))
    area, layer = united(parts), polygons(*parts)
    grid = study_grid(layer, GridSettings(2 * size, size, grid_origin="aligned" if aligned else "corner"))
    rows, columns = grid.shape
    for row in range(-1, rows + 1):
        for column in range(-1, columns + 1):
            x, y = grid.x_min + column * size, grid.y_max - row * size
            shared = area.intersection(QgsGeometry.fromRect(QgsRectangle(x, y - size, x + size, y))).area()
            known = 0 <= row < rows and 0 <= column < columns and bool(grid.mask[row, column])
            if shared > 1e-9 or shared < 1e-14:  # between them GEOS rounds as well
                assert known == (shared > 1e-9), (row, column, shared)


@few
@given(stars())
def test_centre_rule(part):
    """'centre' keeps the cells whose centre GEOS finds inside."""
    shape, grid = geos(part), study_grid(polygons(part), GridSettings(2.0))
    inner = [shape.contains(QgsPointXY(x, y)) for x, y in grid.centres]
    assume(any(inner))
    centred = study_grid(polygons(part), GridSettings(2.0, cell_rule="centre"))
    assert_allclose(centred.centres, grid.centres[inner], atol=1e-12)


def test_nothing_is_lost_by_direction():
    """Rings given clockwise or anticlockwise make the same polygon."""
    turned = polygons(*[[ring[::-1] for ring in part] for part in (SQUARE_WITH_HOLE, L_SHAPE)])
    straight = polygons(SQUARE_WITH_HOLE, L_SHAPE)
    assert isinstance(turned, Features)
    assert inside(turned, GRID.centres).tolist() == inside(straight, GRID.centres).tolist()
    assert_allclose(nearest_distance(turned, GRID, 9.0), nearest_distance(straight, GRID, 9.0), atol=1e-12)
