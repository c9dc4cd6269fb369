"""Features by name: those nearest to a point, and those that hold most of some points. What a place is found by."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from .features import Features, nearest_spots, owners_around, winding_number


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


@dataclass(frozen=True, slots=True, eq=False)
class NamedLayer:
    """The features of a layer; `names` is None when it tells no names."""

    features: Features
    names: FeatureNames | None = None

    @property
    def only_named(self) -> "NamedLayer":
        """The features that have a name.

        >>> stops = Features("point", np.array([[0.0, 0.0], [1.0, 0.0]]), 2)
        >>> NamedLayer(stops, FeatureNames(("", "Pier"), np.arange(2))).only_named.features.coordinates.tolist()
        [[1.0, 0.0]]
        """
        if self.names is None:
            return NamedLayer(Features(self.features.geometry, self.features.coordinates[:0], 0))
        has_name = np.array([bool(name) for name in self.names.names], dtype=bool)
        rows = has_name[self.names.owner]
        features = Features(self.features.geometry, self.features.coordinates[rows], int(has_name.sum()))
        return NamedLayer(features, FeatureNames(self.names.names, self.names.owner[rows]))


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


@dataclass(frozen=True, slots=True, eq=False)
class NameFinder:
    """Finds the nearest feature that has a name, for many points: boxes around the features leave most of them out.

    Parameters
    ----------
    layer : NamedLayer, of features with names
    low, high : (k, 2) float64
        Corners of the box around each of the k features that `layer.names` lists; none where it has no coordinates.
    """

    layer: NamedLayer
    low: Floats
    high: Floats

    @classmethod
    def of(cls, layer: NamedLayer) -> "NameFinder":
        """From a layer, whose features without a name are passed over."""
        named = layer.only_named
        number = 0 if named.names is None else len(named.names.names)
        low, high = np.full((number, 2), np.inf), np.full((number, 2), -np.inf)
        if named.names is not None:
            ends = named.features.coordinates.reshape(len(named.names.owner), -1, 2)
            np.minimum.at(low, named.names.owner, ends.min(axis=1))
            np.maximum.at(high, named.names.owner, ends.max(axis=1))
        return cls(named, low, high)

    def nearest(self, point: tuple[float, float], reach: float) -> str:
        """The name of the feature nearest to a point; "" where none is within reach, in map units.

        >>> bars = Features("point", np.array([[0.0, 3.0], [5.0, 0.0]]), 2)
        >>> finder = NameFinder.of(NamedLayer(bars, FeatureNames(("", "Ship"), np.arange(2))))
        >>> finder.nearest((0.0, 0.0), 5.0), finder.nearest((0.0, 0.0), 4.9)
        ('Ship', '')
        """
        features, names = self.layer.features, self.layer.names
        close = ((self.low - reach <= point) & (point <= self.high + reach)).all(axis=1)
        if names is None or not close.any():
            return ""
        rows = close[names.owner]
        around = Features(features.geometry, features.coordinates[rows], int(close.sum()))
        nearest = nearest_features(around, point, 1, FeatureNames(names.names, names.owner[rows]))
        return nearest[0].name if nearest and nearest[0].distance <= reach else ""


def names_around(areas: NamedLayer, points: Floats, group: NDArray[np.int64], groups: int) -> tuple[str, ...]:
    """For each group of points, the name of the area that holds most of them; "" where none holds any.

    Areas of one name count as one. Of two that hold as many, the one that comes first in the layer is told.

    Parameters
    ----------
    areas : NamedLayer of polygons
    points : (n, 2) float64
    group : (n,) int64, 0 … groups − 1
    groups : int

    Examples
    --------
    >>> from .features import ring_segments
    >>> ring = np.array([[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]], float)
    >>> squares = Features("polygon", np.vstack([ring_segments(ring + x, True) for x in (0, 4)]), 2)
    >>> wards = NamedLayer(squares, FeatureNames(("Castle", "Park"), np.repeat([0, 1], 4)))
    >>> names_around(wards, np.array([[1.0, 1.0], [2.0, 2.0], [5.0, 5.0], [9.0, 9.0]]), np.array([0, 0, 0, 1]), 2)
    ('Castle', '')
    """
    held: list[Counter[str]] = [Counter() for _ in range(groups)]
    for name, segments in _each_named(areas):
        ends = segments.reshape(-1, 2)
        near = np.flatnonzero(((points >= ends.min(axis=0)) & (points <= ends.max(axis=0))).all(axis=1))
        if not len(near):
            continue
        inside = near[winding_number(segments, points[near]) > 0]
        for number, count in zip(*np.unique(group[inside], return_counts=True), strict=True):
            held[int(number)][name] += int(count)
    return tuple(count.most_common(1)[0][0] if count else "" for count in held)


def _each_named(layer: NamedLayer) -> Iterator[tuple[str, Floats]]:
    """The name and the coordinates of every feature that has a name."""
    named = layer.only_named
    if named.names is None or not len(named.features.coordinates):
        return
    order = np.argsort(named.names.owner, kind="stable")
    owner, coordinates = named.names.owner[order], named.features.coordinates[order]
    for rows in np.split(np.arange(len(owner)), np.flatnonzero(np.diff(owner)) + 1):
        yield named.names.names[int(owner[rows[0]])], coordinates[rows]


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
