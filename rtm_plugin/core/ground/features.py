"""Features of a layer as plain arrays, and the one question asked of polygons: what lies inside."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..errors import InputError

Geometry = Literal["point", "line", "polygon"]

_PAIRS_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The geometries of one layer.

    Parameters
    ----------
    geometry : {"point", "line", "polygon"}
    coordinates : (m, 2) or (m, 4) float64, map units
        Points: x, y. Lines and polygons: the segments x1, y1, x2, y2. The segments of polygons are directed
        with the interior on their left: outer rings anticlockwise, holes clockwise.
    count : int
        Number of features that the coordinates came from.
    """

    geometry: Geometry
    coordinates: Floats
    count: int

    def __post_init__(self) -> None:
        width = 2 if self.geometry == "point" else 4
        if self.coordinates.ndim != 2 or self.coordinates.shape[1] != width:
            raise InputError(f"The coordinates of a {self.geometry} layer must have {width} columns.")
        if not np.isfinite(self.coordinates).all():
            raise InputError(
                f"A {self.geometry} layer has coordinates that are not finite numbers; repair or remove those features."
            )

    @property
    def sha256(self) -> str:
        """Hash of the coordinates, in their order."""
        data = np.ascontiguousarray(self.coordinates, dtype="<f8").tobytes()
        return hashlib.sha256(self.geometry.encode() + data).hexdigest()

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """xmin, ymin, xmax, ymax."""
        ends = self.coordinates.reshape(-1, 2)
        (x0, y0), (x1, y1) = ends.min(axis=0), ends.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)


def polygon_area(polygons: Features) -> float:
    """Area in square map units of polygons that do not overlap: the signed areas under their directed edges.

    >>> square = ring_segments(np.array([[0, 0], [0, 2], [2, 2], [2, 0], [0, 0]], float), anticlockwise=True)
    >>> polygon_area(Features("polygon", square, 1))
    4.0
    """
    if not len(polygons.coordinates):
        return 0.0
    return abs(_doubled_area(polygons.coordinates - np.tile(polygons.coordinates[0, :2], 2))) / 2


def ring_segments(ring: Floats, anticlockwise: bool) -> Floats:
    """Segments of a closed ring, turned to run anticlockwise (outer ring) or clockwise (hole).

    Parameters
    ----------
    ring : (v, 2) float64, first vertex repeated at the end
    anticlockwise : bool

    Returns
    -------
    (v − 1, 4) float64

    Examples
    --------
    >>> square = np.array([[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]], float)
    >>> ring_segments(square, anticlockwise=True)[0].tolist()
    [0.0, 0.0, 1.0, 0.0]
    """
    local = ring - ring[0]
    if (_doubled_area(np.hstack([local[:-1], local[1:]])) > 0) != anticlockwise:
        ring = ring[::-1]
    return np.hstack([ring[:-1], ring[1:]])


def _doubled_area(segments: Floats) -> float:
    """Twice the area that directed segments (m, 4) run round anticlockwise: the shoelace formula."""
    ax, ay, bx, by = segments.T
    return float(np.sum(ax * by - bx * ay))


def winding_number(segments: Floats, points: Floats) -> NDArray[np.int64]:
    """How many polygons each point lies in.

    A ray from the point to the right counts +1 for every edge it meets that runs upwards and −1 for every edge
    that runs downwards; with interiors on the left that is 1 inside, 0 outside and in holes, and adds up where
    polygons overlap. A point on an edge belongs to one side only (lower end closed, upper end open).

    Parameters
    ----------
    segments : (m, 4) float64, directed with the interior on the left
    points : (n, 2) float64

    Returns
    -------
    (n,) int64

    Examples
    --------
    >>> square = ring_segments(np.array([[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]], float), True)
    >>> winding_number(square, np.array([[1.0, 1.0], [5.0, 1.0]])).tolist()
    [1, 0]
    """
    order = np.argsort(points[:, 1], kind="stable")
    px, py = points[order, 0], points[order, 1]
    low, high = np.sort(segments[:, 1::2], axis=1).T
    first = np.searchsorted(py, low, side="left")
    met = np.searchsorted(py, high, side="left") - first
    winding = np.zeros(len(points), dtype=np.int64)
    for chunk in _chunks(met):
        edge = np.repeat(chunk, met[chunk])
        point = _ranges(first[chunk], met[chunk])
        crossed = _crossings(segments[edge], px[point], py[point])
        winding += np.bincount(point, weights=crossed, minlength=len(points)).astype(np.int64)
    result = np.empty_like(winding)
    result[order] = winding
    return result


def _crossings(segments: Floats, x: Floats | float, y: Floats | float) -> NDArray[np.int64]:
    """+1 where the ray from (x, y) to the right meets an edge that runs upwards, −1 for one downwards, else 0.

    The edges are those whose heights, lower end closed and upper end open, hold y.
    """
    ax, ay, bx, by = segments.T
    cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
    upward = by > ay
    crossings: NDArray[np.int64] = (upward & (cross > 0)).astype(np.int64) - (~upward & (cross < 0))
    return crossings


def inside(polygons: Features, points: Floats) -> NDArray[np.bool_]:
    """Which of the points (n, 2) lie in at least one of the polygons."""
    covered: NDArray[np.bool_] = winding_number(polygons.coordinates, points) > 0
    return covered


def owners_around(segments: Floats, owner: NDArray[np.int64], point: tuple[float, float]) -> NDArray[np.bool_]:
    """Which owners' polygons hold a point.

    Parameters
    ----------
    segments : (m, 4) float64, directed with the interior on the left
    owner : (m,) int64, 0 … k − 1
        The owner of each segment.
    point : x, y

    Returns
    -------
    (k,) bool
    """
    x, y = point
    low, high = np.sort(segments[:, 1::2], axis=1).T
    crossed = np.where((low <= y) & (y < high), _crossings(segments, x, y), 0)
    around: NDArray[np.bool_] = np.bincount(owner, weights=crossed, minlength=int(owner.max()) + 1) > 0.5
    return around


def from_segment(dx: Floats, dy: Floats, run_x: Floats, run_y: Floats, squared_length: Floats) -> tuple[Floats, Floats]:
    """The way to points from the nearest spots of segments, which run from their start to their end.

    Parameters
    ----------
    dx, dy : arrays, the way from a segment's start to the point
    run_x, run_y : arrays, the way from its start to its end
    squared_length : array, of these; above 0

    Examples
    --------
    >>> one = np.ones(1)
    >>> [way.tolist() for way in from_segment(5 * one, 2 * one, 4 * one, 0 * one, 16 * one)]
    [[1.0], [2.0]]
    """
    t = np.clip((dx * run_x + dy * run_y) / squared_length, 0.0, 1.0)
    return dx - t * run_x, dy - t * run_y


def nearest_spots(features: Features, point: tuple[float, float]) -> Floats:
    """The spot of each row of the coordinates that is nearest to a point, (m, 2); of polygons, the spot of an edge.

    >>> nearest_spots(Features("line", np.array([[0.0, 0.0, 4.0, 0.0], [9.0, 9.0, 9.0, 9.0]]), 2), (5.0, 2.0)).tolist()
    [[4.0, 0.0], [9.0, 9.0]]
    """
    if features.geometry == "point":
        return features.coordinates
    start, run = features.coordinates[:, :2], features.coordinates[:, 2:] - features.coordinates[:, :2]
    squared_length = np.maximum((run**2).sum(axis=1), np.finfo(float).tiny)
    way = np.asarray(point) - start
    dx, dy = from_segment(way[:, 0], way[:, 1], run[:, 0], run[:, 1], squared_length)
    return np.asarray(point) - np.column_stack([dx, dy])


def _chunks(sizes: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Indices of the non-empty items, in runs whose sizes add up to a bounded number of pairs."""
    used = np.flatnonzero(sizes)
    if not len(used):
        return []
    run = np.cumsum(sizes[used]) // _PAIRS_AT_ONCE
    return np.split(used, np.flatnonzero(np.diff(run)) + 1)


def _ranges(first: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
    """The integer ranges first[i] … first[i] + length[i] − 1, one after another."""
    ends = np.cumsum(length)
    steps = np.arange(int(ends[-1]), dtype=np.int64)
    return steps + np.repeat(first - ends + length, length).astype(np.int64)
