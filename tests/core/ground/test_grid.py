"""Cells over the study area, and the events in them."""

import numpy as np
import pytest
from helpers import box, full_grid, points, polygons
from risk_terrain.rtm_plugin.core.documents.settings import GridSettings
from risk_terrain.rtm_plugin.core.errors import InputError
from risk_terrain.rtm_plugin.core.ground import grid as grid_module
from risk_terrain.rtm_plugin.core.ground.grid import count_events, study_grid


def kept(area, rule="intersects", origin="aligned", exclude=None, size=1.0):
    """The mask as rows of 0 and 1, north first."""
    settings = GridSettings(2 * size, size, rule, origin)
    return study_grid(area, settings, exclude=exclude).mask.astype(int).tolist()


def test_cells_of_a_square_on_grid_lines():
    """Touching a neighbour's edge does not keep it."""
    area = polygons([box(1, 1, 3, 3)])
    assert kept(area) == kept(area, "centre") == [[1, 1], [1, 1]]


def test_rules_differ_at_the_edge():
    """A strip of 0.4 beyond the line is kept by 'intersects', not by 'centre'; a strip of 0.6 by both."""
    area = polygons([box(0, 0, 2.4, 1.6)])
    assert kept(area) == [[1, 1, 1], [1, 1, 1]]
    assert kept(area, "centre") == [[1, 1], [1, 1]]


def test_origins():
    """Aligned: edges at multiples of the size, below zero too; corner: at the lower left of the area."""
    area = polygons([box(-1.3, 10.2, 0.7, 12.2)])
    aligned = study_grid(area, GridSettings(2.0))
    corner = study_grid(area, GridSettings(2.0, grid_origin="corner"))
    assert aligned.extent == (-2.0, 10.0, 1.0, 13.0)
    assert corner.extent == pytest.approx((-1.3, 10.2, 0.7, 12.2), abs=1e-12)
    assert (aligned.cells, corner.cells) == (9, 4)


def test_aligned_to_a_line_that_is_no_binary_number():
    """0.3 / 0.1 is 2.9999999999999996: the edge is still on the third line."""
    grid = study_grid(polygons([box(0.3, 0.3, 0.6, 0.6)]), GridSettings(0.2, 0.1))
    assert grid.shape == (3, 3)
    assert grid.extent == pytest.approx((0.3, 0.3, 0.6, 0.6), abs=1e-12)


def test_hole():
    """A cell wholly in the hole goes; one that the hole only cuts stays."""
    area = polygons([box(0, 0, 4, 4), box(0.8, 1, 3, 3)])
    assert kept(area) == [[1, 1, 1, 1], [1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]]


def test_parts():
    """Two polygons, one cell apart."""
    assert kept(polygons([box(0, 0, 1, 1)], [box(2, 0, 3, 1)])) == [[1, 0, 1]]


def test_shared_edges_leave_no_seam():
    """Two polygons that share an edge through the middle of a cell."""
    area = polygons([box(0, 0, 1.5, 1)], [box(1.5, 0, 3, 1)])
    assert kept(area) == kept(area, "centre") == [[1, 1, 1]]


def test_concave():
    """The inside of a U that is open to the north is not kept."""
    u = [(0, 0), (3, 0), (3, 3), (2, 3), (2, 1), (1, 1), (1, 3), (0, 3)]
    assert kept(polygons([u])) == kept(polygons([u]), "centre") == [[1, 0, 1], [1, 0, 1], [1, 1, 1]]


def test_slivers():
    """A strip of a millionth keeps the cells that it crosses, and none by their centre."""
    strip = [(0.2, 0.3), (2.7, 1.3), (2.7, 1.300001), (0.2, 0.300001)]
    assert kept(polygons([strip])) == [[0, 1, 1], [1, 1, 0]]
    with pytest.raises(InputError, match="No cell"):
        kept(polygons([strip]), "centre")


def test_triangle_through_corners():
    """The diagonal runs through corners of cells: those beyond it are only touched."""
    assert kept(polygons([[(0, 0), (3, 0), (0, 3)]])) == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


def test_polygon_inside_one_cell():
    assert kept(polygons([box(0.1, 0.1, 0.2, 0.2)])) == [[1]]


def test_exclude():
    """A cell goes when it lies wholly in the exclusion; a cell that is only cut stays."""
    area = polygons([box(0, 0, 3, 1)])
    assert kept(area, exclude=polygons([box(0.9, -1, 2, 2)])) == [[1, 0, 1]]
    assert kept(area, exclude=polygons([box(0, 0, 1, 1)])) == [[1, 1]]


def test_cells_are_numbered_from_the_north_west():
    grid = study_grid(polygons([box(0, 0, 2, 1)], [box(0, 1, 1, 2)]), GridSettings(2.0))
    assert grid.centres.tolist() == [[0.5, 1.5], [0.5, 0.5], [1.5, 0.5]]
    assert grid.cell_of(grid.centres).tolist() == [0, 1, 2]
    assert grid.raster(np.array([5, 6, 7]), -1).tolist() == [[5, -1], [6, 7]]


def test_cell_of_points_on_lines_and_outside():
    """A line belongs to the cell on its east and north; outside and dropped cells are −1."""
    grid = full_grid(2, 2)
    found = grid.cell_of(np.array([[1.0, 1.5], [0.5, 1.0], [1.0, 1.0], [-0.1, 0.5], [2.0, 0.5], [0.5, 2.1]]))
    assert found.tolist() == [1, 0, 1, -1, -1, -1]


def test_events():
    """Counted: inside the polygon. Not counted: in a kept cell beyond the polygon, in its hole, and outside."""
    area = polygons([box(0, 0, 3, 1.5), box(1.4, 0.4, 1.6, 0.6)])
    grid = study_grid(area, GridSettings(2.0))
    places = points((0.5, 0.5), (0.6, 0.5), (2.5, 1.4), (2.5, 1.6), (1.5, 0.5), (9, 9)).coordinates
    counts, counted = count_events(grid, places)
    assert counted.tolist() == [True, True, True, False, False, False]
    assert counts.tolist() == [0, 0, 1, 2, 0, 0]


def test_weighted_events():
    grid = full_grid(1, 2)
    counts, _ = count_events(grid, np.array([[0.5, 0.5], [0.2, 0.5], [7.0, 7.0]]), np.array([2.0, 3.0, 4.0]))
    assert counts.tolist() == [5, 0]


def test_no_events():
    counts, counted = count_events(study_grid(polygons([box(0, 0, 2, 1)]), GridSettings(2.0)), np.zeros((0, 2)))
    assert counts.tolist() == [0, 0]
    assert len(counted) == 0


def test_same_cells():
    grid = full_grid(2, 2)
    assert grid.same_cells(full_grid(2, 2))
    for other in (full_grid(2, 3), full_grid(2, 2, 2.0), full_grid(2, 2, x_min=0.5), full_grid(2, 2, y_min=0.5)):
        assert not grid.same_cells(other)


def test_refusals():
    """Each in its exact words."""
    area = polygons([box(0, 0, 1e6, 1e6)])
    cases = [
        (points((1, 1)), None, "The study area has no polygon; choose a polygon layer with at least one feature."),
        (
            area,
            None,
            "Cells of 1 map units would make a grid of 1,000,000 × 1,000,000 cells, more than can be handled; "
            "choose a cell size of at least 130.",
        ),
        (
            polygons([box(0, 0, 2, 2)]),
            polygons([box(-1, -1, 3, 3)]),
            "No cell of 1 map units is left in the study area; "
            "choose a smaller cell size, the rule 'intersects', or a smaller exclusion.",
        ),
    ]
    for given, exclude, sentence in cases:
        with pytest.raises(InputError) as refusal:
            study_grid(given, GridSettings(2.0), exclude=exclude)
        assert str(refusal.value) == sentence


def test_settings_are_refused():
    """Impossible grids are refused by the settings, with the remedy."""
    with pytest.raises(Exception, match=r"The cell size 3 is larger than the block length 2; choose cells of half"):
        GridSettings(2.0, 3.0)
    with pytest.raises(Exception, match=r"The block length is -1; it must be a number above 0\."):
        GridSettings(-1)


def test_event_on_the_south_or_west_edge_counts_once():
    """Cells and polygons close the same ends: the south and west edges count, the north and east ones do not."""
    grid = study_grid(polygons([box(0, 0, 200, 200)]), GridSettings(200))
    counts, counted = count_events(grid, np.array([[50.0, 0.0], [0.0, 50.0], [50.0, 200.0], [200.0, 50.0]]))
    assert counted.tolist() == [True, True, False, False]
    assert counts.sum() == 2


def test_strips_change_no_cell(monkeypatch):
    """The centres are looked at a few rows at a time; a triangle has edges in all of them."""
    area = polygons([[(3, 1), (97, 40), (20, 88), (3, 1)]])
    settings = GridSettings(block_length=4, cell_rule="centre")
    whole = study_grid(area, settings)
    monkeypatch.setattr(grid_module, "_STRIP", 130)
    again = study_grid(area, settings)
    assert np.array_equal(again.mask, whole.mask)
    assert again.cells > 500
