"""The features nearest to a point, by name: what stands near a priority place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from .features import Features, nearest_spots, owners_around


@dataclass(frozen=True, slots=True, eq=False)
class FeatureNames:
    """Names of a layer's features.

    Parameters
    ----------
    names : sequence of str, one a feature; "" where it has none
    owner : (m,) int64
        The feature of each row of the layer's coordinates.
    """

    names: Sequence[str]
    owner: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Nearby:
    """A feature near a point.

    Parameters
    ----------
    name : str
        "" where it has none.
    distance : float
        Straight line, map units; 0 inside a polygon.
    x, y : float
        Its nearest spot.
    """

    name: str
    distance: float
    x: float
    y: float


def nearest_features(
    features: Features, point: tuple[float, float], count: int, names: FeatureNames | None = None
) -> tuple[Nearby, ...]:
    """The features nearest to a point, nearest first.

    Lines and polygons without names count as one feature, of which the nearest spot is given; features of one name
    (the stops of a pair, the segments of a street) are given once.

    Parameters
    ----------
    features : Features
    point : x, y
    count : int
        At most so many.
    names : FeatureNames, optional

    Examples
    --------
    >>> bars = Features("point", np.array([[0.0, 3.0], [5.0, 0.0], [0.0, 4.0]]), 3)
    >>> names = FeatureNames(("Crown", "Ship", "Crown"), np.arange(3))
    >>> [(near.name, near.distance) for near in nearest_features(bars, (0.0, 0.0), 2, names)]
    [('Crown', 3.0), ('Ship', 5.0)]
    """
    if not len(features.coordinates):
        return ()
    owner = names.owner if names is not None else _owners(features)
    spots, distance = _spots(features, owner, point)
    nearest: list[Nearby] = []
    taken: set[str | int] = set()
    for row in np.argsort(distance, kind="stable"):
        name = names.names[owner[row]] if names is not None else ""
        key: str | int = name or int(owner[row])
        if key in taken:
            continue
        taken.add(key)
        nearest.append(Nearby(name, float(distance[row]), float(spots[row, 0]), float(spots[row, 1])))
        if len(nearest) == count:
            break
    return tuple(nearest)


def _owners(features: Features) -> NDArray[np.int64]:
    points = features.geometry == "point"
    return np.arange(len(features.coordinates)) if points else np.zeros(len(features.coordinates), dtype=np.int64)


def _spots(features: Features, owner: NDArray[np.int64], point: tuple[float, float]) -> tuple[Floats, Floats]:
    """The spot of each row nearest to the point (m, 2), and its distance; 0 for the polygons around the point."""
    spots = nearest_spots(features, point)
    distance = np.hypot(spots[:, 0] - point[0], spots[:, 1] - point[1])
    if features.geometry == "polygon":
        around = owners_around(features.coordinates, owner, point)
        distance = np.where(around[owner], 0.0, distance)
        spots = np.where(around[owner][:, None], np.asarray(point), spots)
    return spots, distance
