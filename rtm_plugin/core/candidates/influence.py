"""Spatial influence: exact distances and exact kernel densities at the cell centres (method.md §3).

Lines and polygons are handled segment by segment. A segment is cut in pieces no longer than twice the reach; the cell
that holds the middle of a piece is its base. Pieces of about one length are moved together over the window of cells
that the influence can reach: one array operation for each place in the window, never one for each cell.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..ground.features import Features, from_segment, winding_number
from ..ground.grid import Grid
from ..tools.progress import Progress, part, silent

_AT_ONCE = 100_000  # items × places of the window
_Integral = Callable[[Floats, Floats, Floats, float], Floats]

_TIE = 1e-12  # relative: a distance this close to the limit counts as equal to it


def nearest_distance(features: Features, grid: Grid, limit: float, progress: Progress = silent) -> Floats:
    """Distance from each cell centre to the nearest feature; 0 inside a polygon.

    Parameters
    ----------
    features : Features of points, lines or polygons
    grid : Grid
    limit : float
        Map units; nothing beyond is looked for.

    Returns
    -------
    (cells,) float64, map units; infinity where no feature is within the limit

    Examples
    --------
    >>> grid = Grid(0, 100, 100, 200, np.ones((1, 3), bool))
    >>> nearest_distance(Features("point", np.array([[50.0, 90.0]]), 1), grid, 150).tolist()
    [40.0, 107.70329614269008, inf]
    """
    limit *= 1 + _TIE
    near = _within_reach(features, grid, limit)
    if features.geometry == "point" and len(near.coordinates):
        return _distance_to_points(near.coordinates, grid, limit, progress)
    distance = np.full(grid.cells, np.inf)
    if len(near.coordinates):
        distance = _distance_to_segments(near.coordinates, grid, limit, progress)
    if features.geometry == "polygon":
        distance[winding_number(features.coordinates, grid.centres) > 0] = 0.0
    return distance


def kernel_density(features: Features, grid: Grid, bandwidth: float, progress: Progress = silent) -> Floats:
    """Epanechnikov density at each cell centre: k(r) = 2/(πd²) · (1 − (r/d)²) for r ≤ d, which integrates to 1.

    Points: Σ k(r), features per square map unit. Lines: ∫ k along the line, length per square map unit.
    Polygons: ∫ k over the ground that they cover, the kernel-weighted share of the surroundings that is covered
    (overlaps add up). All three in closed form.

    Parameters
    ----------
    features : Features
    grid : Grid
    bandwidth : float, d, map units

    Returns
    -------
    (cells,) float64

    Examples
    --------
    >>> grid = Grid(0, 100, 100, 200, np.ones((1, 2), bool))
    >>> four = Features("point", np.array([[50.0, 50.0], [50.0, 50.0], [100.0, 50.0], [250.0, 50.0]]), 4)
    >>> (kernel_density(four, grid, 100.0) * np.pi * 1e4 / 2).round(9).tolist()  # 1 + 1 + 3/4, and 3/4
    [2.75, 0.75]
    """
    return next(kernel_densities(features, grid, (bandwidth,), progress))


def kernel_densities(
    features: Features, grid: Grid, bandwidths: Sequence[float], progress: Progress = silent
) -> Iterator[Floats]:
    """`kernel_density` at each bandwidth; what polygons cover is looked up once for all."""
    if features.geometry == "polygon":
        polygons = _Polygons.over(features, grid)
    squares = np.cumsum([0.0] + [d**2 for d in bandwidths]) / sum(d**2 for d in bandwidths)
    for bandwidth, (start, end) in zip(bandwidths, pairwise(squares), strict=True):
        share = part(progress, float(start), float(end))
        near = _within_reach(features, grid, bandwidth).coordinates
        if features.geometry == "point":
            yield _density_of_points(near, grid, bandwidth, share)
        elif features.geometry == "line":
            yield _integral(near, grid, bandwidth, _line_integral, share)
        else:
            yield polygons.density(near, bandwidth, share)


def _within_reach(features: Features, grid: Grid, reach: float) -> Features:
    """The points or segments whose bounding box comes within reach of the grid's."""
    x0, y0, x1, y1 = grid.extent
    ends = features.coordinates.reshape(len(features.coordinates), -1, 2)
    low, high = ends.min(axis=1, initial=np.inf), ends.max(axis=1, initial=-np.inf)
    near = (high >= (x0 - reach, y0 - reach)).all(axis=1) & (low <= (x1 + reach, y1 + reach)).all(axis=1)
    return Features(features.geometry, features.coordinates[near], features.count)


def _distance_to_points(points: Floats, grid: Grid, limit: float, progress: Progress) -> Floats:
    window = _Window.around(points, grid, limit)
    x, y = window.local(points)
    nearest = np.full(window.size, np.inf)
    for targets, right, up in window.steps(progress):
        squared = (x - right) ** 2 + (y - up) ** 2
        for target, least in zip(targets, np.minimum.reduceat(squared, window.starts, axis=1), strict=True):
            nearest[target] = np.minimum(nearest[target], least)
    return _within(np.sqrt(window.kept(nearest)), limit)


def _within(distance: Floats, limit: float) -> Floats:
    distance[distance > limit] = np.inf
    return distance


def _distance_to_segments(segments: Floats, grid: Grid, limit: float, progress: Progress) -> Floats:
    """Pieces only decide which cells are looked at; the distance is to the whole segment, so none of it is lost."""
    nearest = np.full(grid.cells, np.inf)
    for pieces, share in _pieces(segments, grid, limit, progress):
        window = _Window.around(pieces.middle, grid, limit + pieces.longest / 2)
        nearest = np.minimum(nearest, _squared_distance(pieces, window, share))
    return _within(np.sqrt(nearest), limit)


def _squared_distance(pieces: "_Pieces", window: "_Window", progress: Progress) -> Floats:
    """Square of the distance to the nearest of the segments that the pieces are of."""
    x, y = window.local(pieces.whole_start)
    run_x, run_y = _axes(pieces.run[window.order])
    squared_length = np.maximum(run_x**2 + run_y**2, np.finfo(float).tiny)
    nearest = np.full(window.size, np.inf)
    for targets, right, up in window.steps(progress):
        dx, dy = from_segment(right - x, up - y, run_x, run_y, squared_length)
        squared = dx**2 + dy**2
        for target, least in zip(targets, np.minimum.reduceat(squared, window.starts, axis=1), strict=True):
            nearest[target] = np.minimum(nearest[target], least)
    return window.kept(nearest)


def _density_of_points(points: Floats, grid: Grid, bandwidth: float, progress: Progress) -> Floats:
    if not len(points):
        return np.zeros(grid.cells)
    window = _Window.around(points, grid, bandwidth)
    x, y = window.local(points)
    total = np.zeros(window.size)
    for targets, right, up in window.steps(progress):
        squared = (x - right) ** 2 + (y - up) ** 2
        kernel = np.maximum(1.0 - squared / bandwidth**2, 0.0)
        for target, density in zip(targets, np.add.reduceat(kernel, window.starts, axis=1), strict=True):
            total[target] += density
    return window.kept(total) * (2.0 / (np.pi * bandwidth**2))


@dataclass(frozen=True, slots=True, eq=False)
class _Polygons:
    """Density of polygons: winding number, corrected along the edges within reach.

    Seen from a centre, the integral of a radial function over a polygon is ∫ F(R(θ)) dθ around its boundary, where
    F(R) is the integral of k(r) r up to min(R, d) and F = 1/(2π) beyond d. Where F stays 1/(2π) the sum is
    the winding number; each edge within d adds ∫ (F − 1/(2π)) dθ. Coordinates are taken from the corner of the grid,
    and centres are moved by a ten-millionth of a cell, so that none lies on an edge; that costs a millionth at most.
    """

    local: Grid
    shift: Floats
    covered: Floats

    @classmethod
    def over(cls, polygons: Features, grid: Grid) -> "_Polygons":
        corner, nudge = np.array([grid.x_min, grid.y_max]), np.array([1.4e-7, 1.7e-7]) * grid.cell_size
        local = replace(grid, x_min=0.0, y_max=0.0)
        whole = polygons.coordinates - np.tile(corner, 2)
        covered = winding_number(whole, local.centres + nudge).astype(np.float64)
        shift: Floats = np.tile(corner + nudge, 2).astype(np.float64)
        return cls(local, shift, covered)

    def density(self, near: Floats, bandwidth: float, progress: Progress) -> Floats:
        correction = _integral(near - self.shift, self.local, bandwidth, _edge_integral, progress)
        return np.maximum(self.covered + correction, 0.0)


def _integral(segments: Floats, grid: Grid, bandwidth: float, integral: _Integral, progress: Progress) -> Floats:
    """Sum over the pieces of an integral along each piece, at every cell centre."""
    total = np.zeros(grid.cells)
    for pieces, share in _pieces(segments, grid, bandwidth, progress):
        window = _Window.around(pieces.middle, grid, bandwidth + pieces.longest / 2)
        total += _integral_along(pieces, window, bandwidth, integral, share)
    return total


def _integral_along(
    pieces: "_Pieces", window: "_Window", bandwidth: float, integral: _Integral, progress: Progress
) -> Floats:
    x, y = window.local(pieces.start)
    along_x, along_y = _axes(pieces.along[window.order])
    length = pieces.length[window.order]
    total = np.zeros(window.size)
    for targets, right, up in window.steps(progress):
        from_centre_x, from_centre_y = x - right, y - up
        t = from_centre_x * along_x + from_centre_y * along_y
        h = from_centre_x * along_y - from_centre_y * along_x
        half_chord = np.sqrt(np.maximum(bandwidth**2 - h**2, 0.0))
        a, b = np.clip(t, -half_chord, half_chord), np.clip(t + length, -half_chord, half_chord)
        along = np.add.reduceat(integral(a, b, h, bandwidth), window.starts, axis=1)
        for target, piece_sum in zip(targets, along, strict=True):
            total[target] += piece_sum
    return window.kept(total)


def _cubes(a: Floats, b: Floats) -> Floats:
    """b³ − a³, without the slow power."""
    return (b - a) * (a * a + a * b + b * b)


def _line_integral(a: Floats, b: Floats, h: Floats, d: float) -> Floats:
    """∫ k dt from a to b along a line at distance h from the centre."""
    return (2.0 / (np.pi * d**2)) * ((1.0 - (h / d) ** 2) * (b - a) - _cubes(a, b) / (3.0 * d**2))


def _edge_integral(a: Floats, b: Floats, h: Floats, d: float) -> Floats:
    """∫ (F − 1/(2π)) dθ from a to b along an edge at signed distance h; dθ = h dt / (h² + t²)."""
    swept = h * (b - a) / 2.0  # ∫ R²/2 dθ
    fourth = h * h * h * (b - a) + h * _cubes(a, b) / 3.0  # ∫ R⁴ dθ
    angle = np.arctan2(h * (b - a), h**2 + a * b)
    return (2.0 / (np.pi * d**2)) * (swept - fourth / (4.0 * d**2)) - angle / (2.0 * np.pi)


def _axes(vectors: Floats) -> tuple[Floats, Floats]:
    """x and y of vectors (m, 2), each contiguous."""
    return np.ascontiguousarray(vectors[:, 0]), np.ascontiguousarray(vectors[:, 1])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Pieces:
    """Segments cut in equal pieces no longer than `longest`; arrays of one row a piece.

    `whole_start` and `run` are of the piece's segment, `along` is its direction.
    """

    longest: float
    whole_start: Floats
    run: Floats
    start: Floats
    middle: Floats
    along: Floats
    length: Floats


def _pieces(segments: Floats, grid: Grid, reach: float, progress: Progress) -> Iterator[tuple[_Pieces, Progress]]:
    """Segments cut in pieces, those of about one length together: up to a cell, two, four … up to twice the reach.

    The cells looked at are those within reach + l/2 of the middle of a piece of length l: π(reach + l/2)²/l of them
    for each unit of length, which is least at l = 2 · reach.
    """
    length = np.hypot(segments[:, 2] - segments[:, 0], segments[:, 3] - segments[:, 1])
    doublings = int(np.log2(max(2.0 * reach / grid.cell_size, 1.0)))
    longest = grid.cell_size * 2.0 ** np.arange(doublings + 1)
    group = np.minimum(np.searchsorted(longest, length), doublings)
    share = np.concatenate([[0.0], np.cumsum(np.bincount(group, np.maximum(length, grid.cell_size), doublings + 1))])
    for i in np.unique(group):
        pieces = _cut(segments[group == i], float(longest[i]), grid, reach)
        if len(pieces.length):
            yield pieces, part(progress, share[i] / share[-1], share[i + 1] / share[-1])


def _cut(segments: Floats, longest: float, grid: Grid, reach: float) -> _Pieces:
    """Pieces that are sure to be beyond reach are not made, as a line may go on far beyond the map."""
    run = segments[:, 2:] - segments[:, :2]
    length = np.hypot(run[:, 0], run[:, 1])
    number = np.maximum(np.ceil(length / longest), 1)
    first, last = _pieces_within(segments[:, :2], run, number, grid, reach)
    count = np.maximum(last - first, 0).astype(np.int64)
    segment = np.repeat(np.arange(len(segments)), count)
    position = np.arange(len(segment)) - np.repeat(np.cumsum(count) - count, count) + first[segment]
    share = run[segment] / number[segment, None]
    whole_start = segments[segment, :2]
    return _Pieces(
        longest=longest,
        whole_start=whole_start,
        run=run[segment],
        start=whole_start + position[:, None] * share,
        middle=whole_start + (position + 0.5)[:, None] * share,
        along=(run / np.where(length > 0, length, 1.0)[:, None])[segment],
        length=(length / number)[segment],
    )


def _pieces_within(start: Floats, run: Floats, number: Floats, grid: Grid, reach: float) -> tuple[Floats, Floats]:
    """The first piece of each segment in the grid's box grown by reach and two cells, and the one after the last."""
    x0, y0, x1, y1 = grid.extent
    grown = reach + 2 * grid.cell_size
    with np.errstate(divide="ignore", invalid="ignore"):
        enter = ((x0 - grown, y0 - grown) - start) / run
        leave = ((x1 + grown, y1 + grown) - start) / run
    flat = run == 0.0  # along such an axis nothing is entered or left: segments beyond reach have gone before
    low = np.where(flat, 0.0, np.minimum(enter, leave)).max(axis=1, initial=0.0)
    high = np.where(flat, 1.0, np.maximum(enter, leave)).min(axis=1, initial=1.0)
    return np.floor(low * number), np.minimum(np.ceil(high * number), number)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Window:
    """Items grouped by the cell that holds them, moved together over the cells within reach.

    The work grid has a margin wide enough that no target needs a test.
    """

    grid: Grid
    margin: int
    width: int
    size: int
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    base: NDArray[np.int64]
    base_centre: Floats
    offsets: NDArray[np.int64]

    @classmethod
    def around(cls, places: Floats, grid: Grid, reach: float) -> "_Window":
        """Group `places` (m, 2), of which those too far away to matter are moved to the outermost margin."""
        rows, columns = grid.shape
        steps = int(np.ceil(reach / grid.cell_size + 0.5))
        margin = 2 * steps + 1
        column = np.floor((places[:, 0] - grid.x_min) / grid.cell_size)
        row = np.floor((grid.y_max - places[:, 1]) / grid.cell_size)
        column = np.clip(column, -steps - 1, columns + steps).astype(np.int64)
        row = np.clip(row, -steps - 1, rows + steps).astype(np.int64)
        width, height = columns + 2 * margin, rows + 2 * margin
        key = (row + margin) * width + column + margin
        order = np.argsort(key, kind="stable")
        base, starts = np.unique(key[order], return_index=True)
        centre = np.column_stack(
            [grid.x_min + (column + 0.5) * grid.cell_size, grid.y_max - (row + 0.5) * grid.cell_size]
        )[order]
        grown = np.arange(-steps, steps + 1)
        down, right = (a.ravel() for a in np.meshgrid(grown, grown, indexing="ij"))
        gap = np.hypot(np.maximum(np.abs(down) - 0.5, 0), np.maximum(np.abs(right) - 0.5, 0))
        offsets = np.column_stack([down, right])[gap * grid.cell_size <= reach * (1 + 1e-9)]
        return cls(
            grid=grid,
            margin=margin,
            width=width,
            size=width * height,
            order=order,
            starts=starts,
            base=base,
            base_centre=centre,
            offsets=offsets,
        )

    def local(self, places: Floats) -> tuple[Floats, Floats]:
        """x and y of places (m, 2) in the order of the groups, from the centre of each one's base."""
        return _axes(places[self.order] - self.base_centre)

    def steps(self, progress: Progress) -> Iterator[tuple[NDArray[np.int64], Floats, Floats]]:
        """For some places in the window at a time: the targets (places, groups), and how far right and up of their
        bases those are (places, 1). Together they are enough work for a thread to let others run meanwhile.
        """
        size = self.grid.cell_size
        most = max(1, _AT_ONCE // max(len(self.order), 1))
        for i in range(0, len(self.offsets), most):
            down, right = self.offsets[i : i + most, :1], self.offsets[i : i + most, 1:]
            yield self.base + down * self.width + right, right * size, -down * size
            progress(min(1.0, (i + most) / len(self.offsets)))

    def kept(self, values: Floats) -> Floats:
        """The values of the grid's kept cells."""
        rows, columns = self.grid.shape
        m = self.margin
        return values.reshape(-1, self.width)[m : m + rows, m : m + columns][self.grid.mask]
