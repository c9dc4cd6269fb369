"""Where the city is: its cells, its surroundings, and that it takes away what factors owe to it alone."""

import numpy as np
import pytest

from rtm_plugin.core.candidates.city import AROUND, city_adjustments, city_cells
from rtm_plugin.core.candidates.smoothed import smoothed
from rtm_plugin.core.ground.features import Features
from rtm_plugin.core.ground.grid import Grid


def ragged(seed: int = 1) -> Grid:
    """A grid with holes."""
    return Grid(0.0, 4000.0, 100.0, 200.0, np.random.default_rng(seed).random((40, 30)) < 0.8)


def points(coordinates) -> Features:
    return Features("point", np.asarray(coordinates, dtype=float), len(coordinates))


def test_smoothing_is_the_average_of_the_grids_own_cells():
    grid = ragged()
    values = np.random.default_rng(2).random(grid.cells)
    row, column = np.argwhere(grid.mask).T
    away = (row[:, None] - row) ** 2 + (column[:, None] - column) ** 2
    for width in (1.0, 2.0, 4.0):
        weight = np.exp(-away / (2 * width**2))
        assert smoothed(grid, values, width) == pytest.approx(weight @ values / weight.sum(axis=1), rel=1e-6)


def test_a_cell_with_a_feature_is_city_and_one_far_away_is_not():
    grid = ragged()
    random = np.random.default_rng(3)
    spots = grid.centres[random.integers(grid.cells, size=60)] + random.uniform(-50, 50, (60, 2))
    city = city_cells(grid, [points(spots[:30]), points(spots[30:])])
    away = np.abs(grid.centres[:, None] - spots).max(axis=2)  # a feature is in a square cell within 50 both ways
    assert city[(away <= 50).any(axis=1)].all()
    assert not city[(np.hypot(*(grid.centres[:, None] - spots).T).T > 71).all(axis=1)].any()


def test_the_columns_are_the_city_and_its_surroundings():
    grid = ragged()
    columns = dict(city_adjustments(grid, [points(grid.centres[grid.centres[:, 0] < 1000])]))
    assert list(columns) == ["where the city is", *(name for name in columns if "smoothed over" in name)]
    assert len(columns) == 1 + len(AROUND)
    assert set(np.unique(columns["where the city is"])) == {0.0, 1.0}


def test_everywhere_or_nowhere_tells_nothing():
    grid = ragged()
    assert city_adjustments(grid, [points(grid.centres)]) == ()
    assert city_adjustments(grid, [points([[1e6, 1e6]])]) == ()
    assert city_adjustments(grid, []) == ()


def test_what_tells_nothing_new_is_left_out():
    """In a row of cells apart from one another, the surroundings are the cells themselves."""
    mask = np.zeros((1, 401), bool)
    mask[0, ::100] = True
    columns = city_adjustments(Grid(0.0, 100.0, 100.0, 200.0, mask), [points([[50.0, 50.0], [10050.0, 50.0]])])
    assert [name for name, _ in columns] == ["where the city is"]
