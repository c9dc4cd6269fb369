"""The nearest-neighbour index against brute force and by simulation; blocks against hand-drawn networks."""

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.errors import InputError
from risk_terrain.rtm_plugin.core.ground.block_length import street_blocks
from risk_terrain.rtm_plugin.core.ground.clustering import NearestNeighbours, nearest_neighbours, suggested
from risk_terrain.rtm_plugin.core.ground.features import Features, ring_segments


def test_against_brute_force():
    points = np.random.default_rng(3).uniform(0, 1000, (60, 2))
    gap = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    np.fill_diagonal(gap, np.inf)
    found = nearest_neighbours(points, 1e6)
    mean, expected = gap.min(axis=1).mean(), 0.5 * np.sqrt(1e6 / 60)
    assert found.mean_distance == pytest.approx(mean)
    assert found.index == pytest.approx(mean / expected)
    assert found.z == pytest.approx((mean - expected) / (0.26136 / np.sqrt(60**2 / 1e6)))


def test_random_points_are_seldom_called_clustered_and_clusters_always():
    rng = np.random.default_rng(5)
    uniform = [nearest_neighbours(rng.uniform(0, 1000, (100, 2)), 1e6).clustered for _ in range(200)]
    assert np.mean(uniform) < 0.06
    hearts = rng.uniform(100, 900, (5, 2))
    clusters = hearts[rng.integers(5, size=100)] + rng.normal(0, 20, (100, 2))
    assert nearest_neighbours(clusters, 1e6).z < -5


@pytest.mark.parametrize(
    ("mean", "z", "largest", "answer"),
    [(80, -8, 600, "density"), (80, -1.9, 600, "proximity"), (700, -8, 600, "proximity"), (80, 3, 600, "proximity")],
)
def test_the_rule_of_the_manual(mean, z, largest, answer):
    assert suggested(NearestNeighbours(50, mean, 200, mean / 200, z), largest)[0] == answer


def test_few_points_decide_nothing():
    assert suggested(NearestNeighbours(4, 1, 200, 0.1, -9), 600)[0] == "both"
    assert suggested(None, 600)[0] == "both"
    with pytest.raises(InputError):
        nearest_neighbours(np.zeros((1, 2)), 1e6)


def lines(*rows) -> Features:
    return Features("line", np.array(rows, float), len(rows))


def test_a_grid_of_streets():
    """Four by four junctions, 100 m apart, each street drawn as pieces of 50 m: 24 blocks of 100 m."""
    rows = []
    for i in range(4):
        for j in range(6):
            rows.append((j * 50, i * 100, j * 50 + 50, i * 100))
            rows.append((i * 100, j * 50, i * 100, j * 50 + 50))
    found = street_blocks(lines(*rows))
    # the four corners are bends: of 24 blocks, the two at each corner are one
    assert (found.count, found.total_length) == (20, 2400)


def test_a_ring_is_one_block_and_a_line_is_one():
    ring = [(0, 0, 50, 0), (50, 0, 50, 50), (50, 50, 0, 0)]
    assert street_blocks(lines(*ring)).count == 1
    assert street_blocks(lines((0, 0, 10, 0), (10, 0, 30, 0))).count == 1
    assert street_blocks(lines(*ring, (200, 0, 210, 0))).count == 2


def test_only_streets_of_the_area_count():
    square = np.array([[0, -10], [0, 10], [100, 10], [100, -10], [0, -10]], float)
    area = Features("polygon", ring_segments(square, True), 1)
    found = street_blocks(lines((10, 0, 90, 0), (500, 0, 900, 0)), area)
    assert (found.count, found.mean_length) == (1, 80)
    with pytest.raises(InputError, match="No street"):
        street_blocks(lines((500, 0, 900, 0)), area)
    with pytest.raises(InputError, match="lines"):
        street_blocks(Features("point", np.zeros((2, 2)), 2))
