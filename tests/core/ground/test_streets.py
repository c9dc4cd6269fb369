"""Length of street in cells against clipping every line by every cell."""

import numpy as np
import pytest
from helpers import full_grid, lines, repeatable
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from risk_terrain.rtm_plugin.core.ground import streets
from risk_terrain.rtm_plugin.core.ground.streets import clipped, length_in_cells

GRID = full_grid(4, 5, size=10.0, x_min=100.0, y_min=50.0)
places = st.tuples(st.floats(80, 170), st.floats(30, 110))


def length_inside(segment, box):
    """Length of a segment in a rectangle, by Liang and Barsky."""
    x1, y1, x2, y2 = segment
    low, high = 0.0, 1.0
    for start, way, least, most in ((x1, x2 - x1, box[0], box[2]), (y1, y2 - y1, box[1], box[3])):
        if way == 0:
            if not least <= start <= most:
                return 0.0
            continue
        a, b = sorted(((least - start) / way, (most - start) / way))
        low, high = max(low, a), min(high, b)
    return max(0.0, high - low) * np.hypot(x2 - x1, y2 - y1)


def boxes(grid):
    return [(x - 5, y - 5, x + 5, y + 5) for x, y in grid.centres]


@repeatable
@given(st.lists(st.tuples(places, places), min_size=1, max_size=6))
def test_against_clipping(ends):
    segments = [(*a, *b) for a, b in ends]
    expected = [sum(length_inside(s, box) for s in segments) for box in boxes(GRID)]
    assert_allclose(length_in_cells(lines(*segments), GRID), expected, atol=1e-6)


def test_along_a_line_between_cells():
    """To the cell on the north, and on the east; never to both."""
    found = length_in_cells(lines((100, 60, 120, 60), (130, 50, 130, 70)), GRID).reshape(4, 5)
    assert found[2].tolist() == [10, 10, 0, 10, 0]
    assert found.sum() == 40


def test_only_kept_cells():
    kept = GRID.only(np.arange(20) != 7)
    street = lines((100, 85, 150, 85))
    found = length_in_cells(street, kept)
    assert len(found) == 19
    assert found.sum() == pytest.approx(length_in_cells(street, GRID).sum() - length_in_cells(street, GRID)[7])


def test_far_away_and_without_length():
    assert not length_in_cells(lines((0, 0, 10, 10), (120, 70, 120, 70)), GRID).any()
    assert not length_in_cells(lines(), GRID).any()


def test_work_in_pieces(monkeypatch):
    random = np.random.default_rng(3)
    many = lines(*map(tuple, random.uniform((80, 30, 80, 30), (170, 110, 170, 110), (40, 4))))
    whole, seen = length_in_cells(many, GRID), []
    monkeypatch.setattr(streets, "_SEGMENTS_AT_ONCE", 7)
    assert_allclose(length_in_cells(many, GRID, seen.append), whole, atol=1e-9)
    assert len(seen) >= 5
    assert seen == sorted(seen)


@repeatable
@given(st.lists(st.tuples(places, places), max_size=6))
def test_clipped_to_a_rectangle(ends):
    """As long as the scalar method says, inside, on the line of the segment, in its direction."""
    segments = np.array([(*a, *b) for a, b in ends]).reshape(-1, 4)
    rectangle = (100.0, 50.0, 150.0, 90.0)
    parts = clipped(segments, rectangle)
    lengths = [length for segment in segments if (length := length_inside(segment, rectangle)) > 1e-9]
    found = np.hypot(*(parts[:, 2:] - parts[:, :2]).T)
    assert_allclose(found[found > 1e-9], lengths, atol=1e-6)
    assert (parts.reshape(-1, 2) >= (100 - 1e-9, 50 - 1e-9)).all()
    assert (parts.reshape(-1, 2) <= (150 + 1e-9, 90 + 1e-9)).all()


def test_a_segment_inside_stays_as_it_is():
    inside = np.array([[110.0, 60.0, 120.0, 70.0], [130.0, 60.0, 130.0, 80.0]])
    assert clipped(inside, (100.0, 50.0, 150.0, 90.0)).tolist() == inside.tolist()
    assert clipped(inside, (0.0, 0.0, 9.0, 9.0)).shape == (0, 4)
    diagonal = np.array([[90.0, 60.0, 110.0, 40.0]])  # its box meets the corner, the segment does not
    assert clipped(diagonal, (100.0, 51.0, 150.0, 90.0)).shape == (0, 4)
