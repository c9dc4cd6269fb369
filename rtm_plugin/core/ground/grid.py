"""The study grid: square cells over the study area (method.md §2)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..documents.settings import GridSettings
from ..errors import InputError
from .features import Features, inside

MAX_BOX_CELLS = 60_000_000  # cells of the bounding box; 60 MB a Byte band
INSIDE, LEFT_OUT, OUTSIDE = 0, 1, 2  # where an event lies
_STRIP = 2_000_000  # centres that are looked at together
_ON_LINE = 1e-9  # of a cell: closer than this to a grid line counts as on it


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Square cells, of which those inside the study area are kept.

    Parameters
    ----------
    x_min, y_max : float
        Upper left corner, map units.
    cell_size, block_length : float
        Map units.
    mask : (rows, columns) bool
        The kept cells; row 0 is the northernmost.
    crs : str
        The coordinate reference system, as WKT or authority id; core never reads it.
    study_area : Features or None
        The polygons; None when the grid came from a raster that does not hold them: then the kept cells are
        the study area.
    """

    x_min: float
    y_max: float
    cell_size: float
    block_length: float
    mask: NDArray[np.bool_]
    crs: str = ""
    study_area: Features | None = None

    @property
    def cells(self) -> int:
        """Number of kept cells."""
        return int(np.count_nonzero(self.mask))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return self.mask.shape[0], self.mask.shape[1]

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """xmin, ymin, xmax, ymax of the bounding box of all cells."""
        rows, columns = self.shape
        return (
            self.x_min,
            self.y_max - rows * self.cell_size,
            self.x_min + columns * self.cell_size,
            self.y_max,
        )

    @property
    def centres(self) -> Floats:
        """(cells, 2): x, y of the centres of the kept cells, by rows from the north west."""
        row, column = np.nonzero(self.mask)
        return np.column_stack(
            [self.x_min + (column + 0.5) * self.cell_size, self.y_max - (row + 0.5) * self.cell_size]
        )

    def cell_of(self, points: Floats) -> NDArray[np.int64]:
        """Index among the kept cells of the cell that holds each point; −1 where there is none.

        A point on a line between cells belongs to the cell on its east and north, as `inside` has it for polygons.
        """
        rows, columns = self.shape
        column = np.floor((points[:, 0] - self.x_min) / self.cell_size)
        row = np.ceil((self.y_max - points[:, 1]) / self.cell_size) - 1
        known = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        index = np.full(self.mask.shape, -1, dtype=np.int64)
        index[self.mask] = np.arange(self.cells)
        result = np.full(len(points), -1, dtype=np.int64)
        result[known] = index[row[known].astype(np.int64), column[known].astype(np.int64)]
        return result

    def raster(self, values: NDArray[Any], nodata: float) -> NDArray[Any]:
        """The (rows, columns) array with `values` (cells,) in the kept cells and `nodata` elsewhere."""
        result = np.full(self.mask.shape, nodata, dtype=values.dtype)
        result[self.mask] = values
        return result

    def only(self, keep: NDArray[np.bool_]) -> "Grid":
        """The same grid with some of its kept cells, chosen by `keep` (cells,)."""
        mask = self.mask.copy()
        mask[self.mask] = keep
        return replace(self, mask=mask)

    def same_cells(self, other: "Grid") -> bool:
        """Whether both grids have the same cells at the same places."""
        return self._same_box(other) and bool(np.array_equal(self.mask, other.mask))

    def holds(self, other: "Grid") -> bool:
        """Whether every cell of the other grid is one of this, as those with an exposure are of the study grid's."""
        return self._same_box(other) and not bool((other.mask & ~self.mask).any())

    def _same_box(self, other: "Grid") -> bool:
        tolerance = 1e-6 * self.cell_size
        return (
            self.shape == other.shape
            and math.isclose(self.cell_size, other.cell_size, rel_tol=1e-9)
            and abs(self.x_min - other.x_min) < tolerance
            and abs(self.y_max - other.y_max) < tolerance
        )


def study_grid(
    study_area: Features,
    settings: GridSettings,
    crs: str = "",
    exclude: Features | None = None,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Grid:
    """Cells over the study area.

    Rule "intersects" keeps a cell that shares ground with the study area (touching its edge is not enough);
    "centre" keeps a cell whose centre lies inside. A cell wholly inside `exclude` is dropped.

    Parameters
    ----------
    study_area : Features of polygons, in a projected CRS
    settings : GridSettings
    crs : str, stored in the grid
    exclude : Features of polygons, optional
    shift : (float, float)
        How far the origin lies from where the settings have it, to the east and to the north, in cells; 0 to 1.

    Returns
    -------
    Grid, cut to the kept cells

    Raises
    ------
    InputError
        No polygon, too many cells, or no cell kept.

    Examples
    --------
    >>> from .features import ring_segments
    >>> ring = np.array([[0, 0], [240, 0], [240, 200], [0, 200], [0, 0]], float)
    >>> area = Features("polygon", ring_segments(ring, True), 1)
    >>> study_grid(area, GridSettings(block_length=200)).mask.tolist()
    [[True, True, True], [True, True, True]]
    >>> study_grid(area, GridSettings(block_length=200, cell_rule="centre")).cells
    4
    >>> study_grid(area, GridSettings(block_length=200), shift=(0.5, 0.0)).extent
    (-50.0, 0.0, 250.0, 200.0)
    """
    if study_area.geometry != "polygon" or not len(study_area.coordinates):
        raise InputError("The study area has no polygon; choose a polygon layer with at least one feature.")
    box = _bounding_box(study_area, settings, shift)
    keep = _centres_inside(study_area, box)
    if settings.cell_rule == "intersects":
        keep |= _crossed(study_area, box)
    if exclude is not None and len(exclude.coordinates):
        keep &= ~(_centres_inside(exclude, box) & ~_crossed(exclude, box))
    return _cut(box, keep, crs, study_area)


def _bounding_box(area: Features, settings: GridSettings, shift: tuple[float, float]) -> Grid:
    x0, y0, x1, y1 = area.extent
    size = settings.size
    left, bottom = (
        _first_line(low, 0.0 if settings.grid_origin == "aligned" else low, size, away)
        for low, away in zip((x0, y0), shift, strict=True)
    )
    columns = max(1, math.ceil((x1 - left) / size - _ON_LINE))
    rows = max(1, math.ceil((y1 - bottom) / size - _ON_LINE))
    if rows * columns > MAX_BOX_CELLS:
        smallest = math.ceil(size * math.sqrt(rows * columns / MAX_BOX_CELLS))
        raise InputError(
            f"Cells of {size:g} map units would make a grid of {rows:,} × {columns:,} cells, more than can be "
            f"handled; choose a cell size of at least {smallest:g}."
        )
    everything = np.ones((rows, columns), dtype=bool)
    return Grid(left, bottom + rows * size, size, settings.block_length, everything)


def _first_line(low: float, origin: float, size: float, shift: float) -> float:
    """The last grid line at or before the study area's edge `low`."""
    return origin + (math.floor((low - origin) / size - shift + _ON_LINE) + shift) * size


def _centres_inside(polygons: Features, box: Grid) -> NDArray[np.bool_]:
    """Strip by strip, as the box of a long study area may hold many times more centres than cells are kept."""
    rows, columns = box.shape
    x = box.x_min + (np.arange(columns) + 0.5) * box.cell_size
    y = box.y_max - (np.arange(rows) + 0.5) * box.cell_size
    keep = np.zeros(box.shape, dtype=bool)
    height = max(1, _STRIP // columns)
    for top in range(0, rows, height):
        strip = y[top : top + height]
        centres = np.column_stack([np.tile(x, len(strip)), np.repeat(strip, columns)])
        keep[top : top + height] = inside(polygons, centres).reshape(len(strip), columns)
    return keep


def _crossed(polygons: Features, box: Grid) -> NDArray[np.bool_]:
    """Cells whose open interior is crossed by an edge: cut every edge at the grid lines; the middle of each
    piece tells its cell."""
    rows, columns = box.shape
    ends = polygons.coordinates.reshape(-1, 2, 2)
    u = (ends[:, :, 0] - box.x_min) / box.cell_size
    v = (box.y_max - ends[:, :, 1]) / box.cell_size
    crossed = np.zeros(box.shape, dtype=bool)
    edge, t = cuts_at_grid_lines(u, v)
    same = edge[1:] == edge[:-1]
    edge, t = edge[1:][same], ((t[1:] + t[:-1]) / 2)[same]
    mid_u = u[edge, 0] + t * (u[edge, 1] - u[edge, 0])
    mid_v = v[edge, 0] + t * (v[edge, 1] - v[edge, 0])
    column, row = np.floor(mid_u), np.floor(mid_v)
    within = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    on_line = (np.abs(mid_u - np.rint(mid_u)) < _ON_LINE) | (np.abs(mid_v - np.rint(mid_v)) < _ON_LINE)
    chosen = within & ~on_line
    crossed[row[chosen].astype(np.int64), column[chosen].astype(np.int64)] = True
    return crossed


def cuts_at_grid_lines(u: Floats, v: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Parameters t in [0, 1] at which each edge starts, meets a grid line, and ends; sorted by edge and t."""
    edges = [np.arange(len(u)), np.arange(len(u))]
    cuts = [np.zeros(len(u)), np.ones(len(u))]
    for w in (u, v):
        low, high = np.ceil(w.min(axis=1)), np.floor(w.max(axis=1))
        number = np.maximum(high - low + 1, 0).astype(np.int64)
        number[w[:, 0] == w[:, 1]] = 0
        edge = np.repeat(np.arange(len(w)), number)
        step = np.arange(len(edge)) - np.repeat(np.cumsum(number) - number, number)
        edges.append(edge)
        cuts.append((low[edge] + step - w[edge, 0]) / (w[edge, 1] - w[edge, 0]))
    edge, t = np.concatenate(edges), np.clip(np.concatenate(cuts), 0.0, 1.0)
    order = np.lexsort((t, edge))
    return edge[order], t[order]


def _cut(box: Grid, keep: NDArray[np.bool_], crs: str, area: Features) -> Grid:
    """The box without its empty margins."""
    row, column = np.flatnonzero(keep.any(axis=1)), np.flatnonzero(keep.any(axis=0))
    if not len(row):
        raise InputError(
            f"No cell of {box.cell_size:g} map units is left in the study area; choose a smaller cell size, the rule "
            "'intersects', or a smaller exclusion."
        )
    return Grid(
        box.x_min + column[0] * box.cell_size,
        box.y_max - row[0] * box.cell_size,
        box.cell_size,
        block_length=box.block_length,
        mask=keep[row[0] : row[-1] + 1, column[0] : column[-1] + 1],
        crs=crs,
        study_area=area,
    )


def where_events_lie(grid: Grid, points: Floats) -> NDArray[np.int8]:
    """Where each event (m, 2) lies: INSIDE, the only ones that count, LEFT_OUT or OUTSIDE.

    INSIDE is in the study area and in a kept cell; LEFT_OUT is in the study area, on ground that has no cell because it
    is excluded, cut off by the cell rule or without a value; OUTSIDE is the rest. A grid that knows no polygons cannot
    tell the last two apart, and calls both OUTSIDE.

    Examples
    --------
    >>> from .features import ring_segments
    >>> ring = np.array([[0, 0], [240, 0], [240, 200], [0, 200], [0, 0]], float)
    >>> area = Features("polygon", ring_segments(ring, True), 1)
    >>> grid = study_grid(area, GridSettings(block_length=200, cell_rule="centre"))
    >>> where_events_lie(grid, np.array([[50.0, 50.0], [230.0, 50.0], [250.0, 50.0]])).tolist()
    [0, 1, 2]
    """
    in_cell = grid.cell_of(points) >= 0
    in_area = in_cell if grid.study_area is None or not len(points) else inside(grid.study_area, points)
    where = np.full(len(points), OUTSIDE, dtype=np.int8)
    where[in_area] = LEFT_OUT
    where[in_area & in_cell] = INSIDE
    return where


def areas_of_cells(grid: Grid, areas: Sequence[tuple[str, Features]]) -> tuple[NDArray[np.int64], list[str]]:
    """The first area that holds the centre of each cell.

    Parameters
    ----------
    grid : Grid
    areas : sequence of (name, Features of polygons); the same name again is the same area

    Returns
    -------
    label : (cells,) int64
        Number of the area from 0, −1 in none.
    names : list of str
        Of the areas that hold a cell, by number.

    Examples
    --------
    >>> from .features import ring_segments
    >>> ring = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]], float)
    >>> west, east = (Features("polygon", ring_segments(ring + [shift, 0], True), 1) for shift in (0, 1))
    >>> row = Grid(0, 1, 1, 2, np.ones((1, 3), bool))
    >>> areas_of_cells(row, [("west", west), ("all", west), ("east", east)])
    (array([ 0,  1, -1]), ['west', 'east'])
    """
    label = np.full(grid.cells, -1, dtype=np.int64)
    names: list[str] = []
    centres = grid.centres
    for name, polygons in areas:
        unassigned_inside = (label < 0) & inside(polygons, centres)
        if unassigned_inside.any():
            if name not in names:
                names.append(name)
            label[unassigned_inside] = names.index(name)
    return label, names


def count_events(grid: Grid, points: Floats, weights: Floats | None = None) -> tuple[Floats, NDArray[np.bool_]]:
    """Events in each cell.

    An event counts when it lies inside the study area and in a kept cell.

    Parameters
    ----------
    grid : Grid
    points : (m, 2) float64
    weights : (m,) float64, optional; 1 each by default

    Returns
    -------
    counts : (cells,) float64
    counted : (m,) bool
    """
    counted = where_events_lie(grid, points) == INSIDE
    weight = None if weights is None else weights[counted]
    cell = grid.cell_of(points[counted])
    return np.bincount(cell, weights=weight, minlength=grid.cells).astype(np.float64), counted
