"""What stands nearest: beside a plain loop over all features."""

import math

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.ground.features import Features, ring_segments
from risk_terrain.rtm_plugin.core.ground.nearby import FeatureNames, nearest_features
from risk_terrain.rtm_plugin.core.terrain.places import middle_cell, shares_in_places

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]], float)


def test_points_beside_a_plain_loop():
    rng = np.random.default_rng(5)
    points = rng.uniform(0, 1000, (400, 2))
    names = [f"stop {i % 90}" for i in range(400)]
    for point in rng.uniform(0, 1000, (20, 2)):
        found = nearest_features(Features("point", points, 400), tuple(point), 5, FeatureNames(names, np.arange(400)))
        nearest = {}
        for name, (x, y) in zip(names, points, strict=True):
            d = math.hypot(x - point[0], y - point[1])
            nearest[name] = min(nearest.get(name, math.inf), d)
        wanted = sorted(nearest.items(), key=lambda pair: pair[1])[:5]
        assert [near.name for near in found] == [name for name, _ in wanted]
        assert [near.distance for near in found] == pytest.approx([d for _, d in wanted])
        assert [math.hypot(n.x - point[0], n.y - point[1]) for n in found] == pytest.approx([n.distance for n in found])


def test_unnamed_points_of_one_feature_each_are_told_apart():
    points = Features("point", np.array([[3.0, 0], [1, 0], [2, 0]]), 3)
    assert [near.distance for near in nearest_features(points, (0.0, 0.0), 2)] == [1.0, 2.0]


def test_features_without_a_name_are_not_one():
    points = Features("point", np.array([[3.0, 0], [1, 0], [2, 0]]), 3)
    found = nearest_features(points, (0.0, 0.0), 3, FeatureNames(["", "", "Ship"], np.arange(3)))
    assert [(near.name, near.distance) for near in found] == [("", 1.0), ("Ship", 2.0), ("", 3.0)]


def test_a_line_is_as_near_as_its_nearest_spot():
    lines = Features("line", np.array([[0.0, 5, 10, 5], [0, 8, 10, 8], [20, 0, 20, 0]]), 2)
    names = FeatureNames(["High Street", "Back Lane"], np.array([0, 0, 1]))
    found = nearest_features(lines, (4.0, 0.0), 2, names)
    assert [(near.name, near.distance, near.x, near.y) for near in found] == [
        ("High Street", 5.0, 4.0, 5.0),
        ("Back Lane", 16.0, 20.0, 0.0),
    ]


def test_inside_a_polygon_is_no_distance_and_a_hole_is_outside():
    hole = np.array([[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]], float)
    segments = np.concatenate(
        [ring_segments(SQUARE, True), ring_segments(hole, False), ring_segments(SQUARE + 30, True)]
    )
    parks = Features("polygon", segments, 2)
    names = FeatureNames(["Park", "Common"], np.repeat([0, 1], [8, 4]))
    inside, outside = (nearest_features(parks, point, 1, names)[0] for point in ((2.0, 2.0), (5.0, 5.0)))
    assert (inside.name, inside.distance, inside.x) == ("Park", 0.0, 2.0)
    assert (outside.name, outside.distance) == ("Park", 1.0)
    unnamed = nearest_features(parks, (2.0, 2.0), 3)
    assert [near.distance for near in unnamed] == [0.0]


def test_nothing_there():
    assert nearest_features(Features("point", np.zeros((0, 2)), 0), (0.0, 0.0), 3) == ()


def test_shares_of_a_place_are_the_mean_of_its_cells():
    parts = np.array([[0.5, 1.0, 0.0, 0.3], [0.5, 0.0, 1.0, 0.7]])
    found = shares_in_places(np.array([2, 2, 1, 0]), 2, parts)
    assert found.tolist() == [[0.0, 0.75], [1.0, 0.25]]
    assert shares_in_places(np.array([1, 1]), 1, np.zeros((0, 2))).shape == (0, 1)


def test_the_middle_is_a_cell_of_the_place():
    ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)
    assert ring[middle_cell(*np.nonzero(ring))]
