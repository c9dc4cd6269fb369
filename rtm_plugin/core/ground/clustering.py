"""Nearest-neighbour analysis: are features clustered, and which operationalisation follows (method.md §3)."""

import math
from dataclasses import dataclass

import numpy as np

from ..arrays import Floats
from ..errors import InputError
from ..tools.normal import NORMAL_95

_FEWEST = 5  # points below which an index says nothing


@dataclass(frozen=True, slots=True)
class NearestNeighbours:
    """How far points are from their nearest neighbours, against points that lie at random.

    Parameters
    ----------
    points : int
    mean_distance, expected_distance : float
        Observed, and 0.5·√(area / points) for points at random; map units.
    index : float
        Observed over expected: below 1 clustered, above 1 dispersed.
    z : float
        The difference in standard errors, 0.26136 / √(points² / area).
    """

    points: int
    mean_distance: float
    expected_distance: float
    index: float
    z: float

    @property
    def clustered(self) -> bool:
        """Whether the points are significantly clustered."""
        return self.z <= -NORMAL_95


def nearest_neighbours(points: Floats, area: float) -> NearestNeighbours:
    """Clark and Evans' nearest-neighbour index (method.md §7).

    Parameters
    ----------
    points : (n, 2) float64, map units; points at the same spot are at distance 0
    area : float, of the study area, square map units

    Raises
    ------
    InputError
        Fewer than two points, or no area.

    Examples
    --------
    >>> corners = np.array([[0.0, 0.0], [0.0, 100.0], [100.0, 0.0], [100.0, 100.0]])
    >>> corner_points = nearest_neighbours(corners, 40_000.0)
    >>> corner_points.mean_distance, corner_points.expected_distance, corner_points.index, round(corner_points.z, 3)
    (100.0, 50.0, 2.0, 3.826)
    """
    n = len(points)
    if n < 2 or area <= 0:
        raise InputError("Nearest-neighbour analysis needs two points or more in the study area; choose another layer.")
    from scipy.spatial import cKDTree

    distance = cKDTree(points).query(points, k=2)[0][:, 1]
    mean, expected = float(np.mean(distance)), 0.5 * math.sqrt(area / n)
    error = 0.26136 / math.sqrt(n * n / area)
    return NearestNeighbours(n, mean, expected, mean / expected, (mean - expected) / error)


def suggested(neighbours: NearestNeighbours | None, largest: float) -> tuple[str, str]:
    """Operationalisation and the reason, in a sentence.

    Parameters
    ----------
    neighbours : NearestNeighbours, or None when there are too few points or the features are no points
    largest : float
        Largest spatial influence, map units.

    Examples
    --------
    >>> suggested(NearestNeighbours(50, 80.0, 200.0, 0.4, -8.0), 600.0)[0]
    'density'
    >>> suggested(NearestNeighbours(50, 190.0, 200.0, 0.95, -0.7), 600.0)[0]
    'proximity'
    """
    if neighbours is None or neighbours.points < _FEWEST:
        return "both", "There are too few points for nearest-neighbour analysis, so let the model decide."
    figures = f"index {neighbours.index:.2f}, z {neighbours.z:.1f}"
    if not neighbours.clustered:
        return "proximity", f"The features are not significantly clustered ({figures})."
    if neighbours.mean_distance > largest:
        return "proximity", (
            f"The features are clustered ({figures}), but on average further apart than the largest influence."
        )
    return "density", f"The features are significantly clustered ({figures})."
