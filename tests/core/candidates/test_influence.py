"""Distances and densities at the cell centres against plain sums and numerical integration."""

from itertools import pairwise

import numpy as np
import pytest
from helpers import box, few, full_grid, lines, points, polygons, repeatable
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from risk_terrain.rtm_plugin.core.candidates.influence import kernel_density, nearest_distance
from risk_terrain.rtm_plugin.core.ground.features import Features
from risk_terrain.rtm_plugin.core.ground.grid import Grid

# Centres of this grid are at 1, 3, 5, …: half of the lattice below hits rows and columns of centres.
GRID = Grid(0.0, 8.0, 2.0, 4.0, np.array([[1, 1, 1, 1, 1], [1, 0, 1, 1, 1], [1, 1, 1, 0, 1], [0, 1, 1, 1, 1]], bool))
lattice = st.integers(-10, 32).map(lambda i: i / 2)
anywhere = st.floats(-6, 16, allow_nan=False, width=32)
place = st.tuples(lattice, lattice) | st.tuples(anywhere, anywhere)
segment = st.tuples(place, place).map(lambda ends: (*ends[0], *ends[1]))
reach = st.sampled_from([0.5, 1.0, 2.0, 2.5, 4.0, 5.0])


def to_segments(segments, centres):
    """(centres, segments): distances, one at a time."""
    result = np.empty((len(centres), len(segments)))
    for i, c in enumerate(centres):
        for j, (x1, y1, x2, y2) in enumerate(segments):
            a, run = np.array([x1, y1]), np.array([x2 - x1, y2 - y1])
            squared = run @ run
            t = min(1.0, max(0.0, (c - a) @ run / squared)) if squared > 0 else 0.0
            result[i, j] = np.hypot(*(c - a - t * run))
    return result


def kernel(r, d):
    """Epanechnikov, written down again."""
    return np.where(r <= d, 2 / (np.pi * d**2) * (1 - (r / d) ** 2), 0.0)


def assert_limited(found, distance, limit):
    """The distances up to the limit, infinity beyond; within 1e-9 of the limit either will do."""
    clear = np.abs(distance - limit) > 1e-9
    expected = np.where(distance <= limit, distance, np.inf)
    assert_allclose(found[clear], expected[clear], rtol=0, atol=1e-9)


@repeatable
@given(st.lists(place, min_size=1, max_size=6), reach)
def test_points(places, limit):
    """Distance to the nearest point and density of points, by plain sums."""
    layer = points(*places)
    r = np.hypot(*(GRID.centres[:, None] - layer.coordinates[None]).transpose(2, 0, 1))
    assert_limited(nearest_distance(layer, GRID, limit), r.min(axis=1), limit)
    assert_allclose(kernel_density(layer, GRID, limit), kernel(r, limit).sum(axis=1), rtol=1e-12, atol=1e-12)


@repeatable
@given(st.lists(segment, min_size=1, max_size=4), reach)
def test_distance_to_lines(segments, limit):
    """Distance to the nearest segment, zero-length ones too, by a loop."""
    layer = lines(*segments)
    expected = to_segments(layer.coordinates, GRID.centres).min(axis=1)
    assert_limited(nearest_distance(layer, GRID, limit), expected, limit)


@few
@given(st.lists(segment, min_size=1, max_size=3), reach)
def test_density_of_lines(segments, d):
    """∫ k along the lines, by 20,000 midpoints a segment: to 1e-6 of the largest value that it can have."""
    t = (np.arange(20_000) + 0.5) / 20_000
    expected = np.zeros(GRID.cells)
    for x1, y1, x2, y2 in segments:
        x, y = x1 + t * (x2 - x1), y1 + t * (y2 - y1)
        r = np.hypot(GRID.centres[:, :1] - x, GRID.centres[:, 1:] - y)
        expected += kernel(r, d).mean(axis=1) * np.hypot(x2 - x1, y2 - y1)
    assert_allclose(kernel_density(lines(*segments), GRID, d), expected, rtol=0, atol=1e-6 * 4 / (np.pi * d))


def covered(layer, centre, d, steps=2000):
    """∫ k over the polygons of a layer: bands of equal height between the heights of all vertices, the crossings of
    each band's middle with the edges in order, and k integrated along the row in closed form."""
    ends = (layer.coordinates.reshape(-1, 2, 2) - centre) / d
    breaks = np.unique(np.clip(np.append(ends[:, :, 1].ravel(), [-1.0, 1.0]), -1, 1))
    total = 0.0
    for low, high in pairwise(breaks):
        y = low + (high - low) * (np.arange(steps) + 0.5) / steps
        row = np.zeros(steps)
        for (x1, y1), (x2, y2) in ends:
            if min(y1, y2) <= low and max(y1, y2) >= high and y1 != y2:
                half = np.sqrt(1 - y**2)
                x = np.clip(x1 + (y - y1) * (x2 - x1) / (y2 - y1), -half, half)
                row += np.sign(y2 - y1) * ((1 - y**2) * x - x**3 / 3)
        total += row.mean() * (high - low)
    return 2 / np.pi * total


triangle = st.tuples(st.tuples(lattice, lattice), st.tuples(lattice, lattice), st.tuples(lattice, lattice))
SMALL = Grid(3.0, 7.0, 2.0, 4.0, np.ones((2, 2), bool))


@few
@given(st.lists(triangle, min_size=1, max_size=2), reach)
def test_density_of_polygons(triangles, d):
    """∫ k over triangles whose corners and edges often lie on centres, overlaps counted twice; to 1e-5."""
    for a, b, c in triangles:
        assume((b[0] - a[0]) * (c[1] - a[1]) != (b[1] - a[1]) * (c[0] - a[0]))
    layer = polygons(*[[t] for t in triangles])
    expected = [covered(layer, centre, d) for centre in SMALL.centres]
    assert_allclose(kernel_density(layer, SMALL, d), expected, rtol=0, atol=1e-5)


def test_reference_for_polygons():
    """The numerical reference itself: half a disc is ½, a quarter ¼, the hole is taken off."""
    centre = np.array([0.0, 0.0])
    assert covered(polygons([box(0, -9, 9, 9)]), centre, 2.0) == pytest.approx(0.5, abs=1e-7)
    assert covered(polygons([box(0, 0, 9, 9)]), centre, 2.0) == pytest.approx(0.25, abs=1e-7)
    assert covered(polygons([box(-9, -9, 9, 9), box(0, 0, 8, 8)]), centre, 2.0) == pytest.approx(0.75, abs=1e-7)


ONE = full_grid(1, 1, 2.0, -1.0, -1.0)  # one centre, at 0, 0


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (polygons([box(-50, -50, 50, 50)]), 1.0),  # holds the whole disc
        (polygons([box(-3, -3, 3, 3)]), 1.0),  # touches the disc
        (polygons([box(0, -9, 9, 9)]), 0.5),  # centre on an edge
        (polygons([[(-9, -9), (9, 9), (-9, 9)]]), 0.5),  # centre on a slanting edge
        (polygons([[(0, -9), (9, -9), (9, 9), (0, 9), (0, 0)]]), 0.5),  # centre on a straight vertex
        (polygons([box(0, 0, 9, 9)]), 0.25),  # centre on a vertex
        (polygons([box(-9, -9, 9, 9), box(0, 0, 8, 8)]), 0.75),  # centre on a vertex of a hole
        (polygons([box(-9, -9, 9, 9), box(-4, -4, 4, 4)]), 0.0),  # disc in a hole
        (polygons([box(-9, -9, 9, 9)], [box(0, -9, 9, 9)]), 1.5),  # overlap counts twice
        (polygons([box(-9, -9, 0, 9)], [box(0, -9, 9, 9)]), 1.0),  # shared edge through the centre
        (polygons([box(5, 5, 6, 6)]), 0.0),  # beyond reach
    ],
)
def test_density_of_a_polygon_by_hand(layer, expected):
    """Shares of the disc that symmetry gives; 1e-6 because centres are moved by a ten-millionth of a cell."""
    assert kernel_density(layer, ONE, 3.0)[0] == pytest.approx(expected, abs=1e-6)


def test_polygon_on_large_coordinates():
    """National coordinates in millions of metres lose nothing that counts, a vertex on a centre included: to 1e-6."""
    here = np.array([530_000.0, 5_180_000.0])
    grid = full_grid(2, 2, 100.0, *here)
    home = full_grid(2, 2, 100.0)
    ring = [(-30.5, -75.0), (260.0, 40.0), (50.0, 150.0)]
    away = polygons([[(x + here[0], y + here[1]) for x, y in ring]])
    for d in (100.0, 300.0):
        assert_allclose(kernel_density(away, grid, d), kernel_density(polygons([ring]), home, d), rtol=0, atol=1e-6)
        assert_allclose(nearest_distance(away, grid, d), nearest_distance(polygons([ring]), home, d), atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        points((3, 4)),
        points((-4, 3), (40, 3)),
        lines((3, 4, 30, 40)),  # the near end
        lines((-9, 5, 9, 5)),  # straight above
        lines((3, -4, 3, -4)),  # no length
        polygons([box(5, -1, 7, 1)]),
    ],
)
def test_distance_equal_to_the_limit(layer):
    """Exactly 5 away is within 5, whatever kind; a little less reach finds nothing."""
    assert nearest_distance(layer, ONE, 5.0)[0] == pytest.approx(5.0, abs=1e-12)
    assert nearest_distance(layer, ONE, 4.999)[0] == np.inf


def test_tie_that_rounding_spoils():
    """0.1 + 0.2 away is within 0.3, though the sum is 0.30000000000000004."""
    grid = full_grid(1, 1, 0.2, -0.1, -0.1)
    assert nearest_distance(points((0.1 + 0.2, 0.0)), grid, 0.3)[0] == pytest.approx(0.3)


@pytest.mark.parametrize("d", [3.0, 5.0])
def test_features_outside_the_grid(d):
    """Within reach they count; far ones change nothing."""
    near, far = points((3.5, 0.0)), points((3.5, 0.0), (1e6, 1e6), (-1e6, 0.0))
    assert kernel_density(near, ONE, d)[0] == pytest.approx(kernel(3.5, d), rel=1e-12)
    assert kernel_density(far, ONE, d)[0] == pytest.approx(kernel(3.5, d), rel=1e-12)
    assert nearest_distance(far, ONE, d)[0] == (3.5 if d > 3.5 else np.inf)
    line = lines((1e5, 1e5, 2e5, 2e5), (2.0, -8.0, 2.0, 8.0))
    assert nearest_distance(line, ONE, d)[0] == pytest.approx(2.0)
    assert kernel_density(line, ONE, d)[0] == pytest.approx(kernel_density(lines((2, -8, 2, 8)), ONE, d)[0])


def test_nothing_within_reach():
    for layer in (points((99, 99)), lines((99, 99, 98, 99)), polygons([box(98, 98, 99, 99)])):
        assert nearest_distance(layer, GRID, 4.0).tolist() == [np.inf] * GRID.cells
        assert kernel_density(layer, GRID, 4.0).tolist() == [0.0] * GRID.cells


def test_polygon_whose_edges_are_out_of_reach():
    """All cells are inside: distance 0 and density 1, though no edge is near."""
    layer = polygons([box(-500, -500, 500, 500)])
    assert nearest_distance(layer, GRID, 4.0).tolist() == [0.0] * GRID.cells
    assert kernel_density(layer, GRID, 4.0).tolist() == [1.0] * GRID.cells


def test_zero_length_segment_has_no_density():
    assert kernel_density(lines((0, 0, 0, 0)), ONE, 3.0).tolist() == [0.0]


def test_density_does_not_depend_on_the_order():
    layer = lines((0, 0, 9, 7), (3, 3, 4, 9), (5, 1, 5, 8))
    other = Features("line", layer.coordinates[::-1].copy(), 3)
    assert_allclose(kernel_density(layer, GRID, 4.0), kernel_density(other, GRID, 4.0), rtol=1e-13)


@pytest.mark.parametrize("geometry", ["line", "polygon"])
def test_what_goes_on_far_beyond_the_map_takes_no_memory(geometry):
    """A coordinate with a digit too many: the part on the map counts, and what lies beyond costs nothing."""
    grid = Grid(0, 1000, 100, 200, np.ones((10, 10), bool))
    far = 1e12
    corners = np.array([[430.0, -far], [430.0, far], [-far, far], [-far, -far]])
    ring = np.hstack([corners, np.roll(corners, -1, axis=0)])
    near = corners.clip(-2000, 3000)
    small = np.hstack([near, np.roll(near, -1, axis=0)])
    rows = slice(None) if geometry == "polygon" else slice(1)
    long, short = (Features(geometry, segments[rows], 1) for segments in (ring, small))
    assert nearest_distance(long, grid, 300) == pytest.approx(nearest_distance(short, grid, 300), abs=1e-3)
    assert kernel_density(long, grid, 300) == pytest.approx(kernel_density(short, grid, 300), rel=1e-3)


def test_a_slanted_line_keeps_every_piece_within_reach():
    """Against all pieces by brute force: distances of a line from far below to far above, and one past a corner."""
    grid = Grid(0, 1000, 100, 200, np.ones((10, 10), bool))
    segments = np.array([[-70_000.0, -50_000.0, 90_000.0, 65_000.0], [-5000.0, 4000.0, 5200.0, -4100.0]])
    centres = grid.centres
    start, run = segments[:, None, :2], (segments[:, 2:] - segments[:, :2])[:, None]
    t = np.clip(((centres - start) * run).sum(2) / (run**2).sum(2), 0, 1)
    distance = np.linalg.norm(centres - start - t[..., None] * run, axis=2).min(axis=0)
    expected = np.where(distance <= 250, distance, np.inf)
    assert nearest_distance(Features("line", segments, 2), grid, 250) == pytest.approx(expected)
