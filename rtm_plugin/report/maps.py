"""The maps of the report: cells as a small picture, outlines, ranks and scale drawn over it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from ..core.arrays import Floats
from ..core.ground.event_density import EventDensity
from ..core.ground.features import Features
from ..core.ground.grid import Grid
from ..core.ground.streets import clipped
from ..core.terrain.places import middle_cell
from ..core.terrain.scores import CLASS_COLOURS, ScoreSummary
from .cards import PlaceCard
from .findings import ReportContext
from .svg import INK, RED, Drawing, indexed_png, outline
from .wording import plain

RANKED = 10
BOUNDARY, GROUND, STREET = "#6b6b6b", "#ece8e2", "#8c8c8c"
DENSITY_COLOURS = ("#f1eef6", "#d0d1e6", "#a6bddb", "#74a9cf", "#2b8cbe", "#045a8d")  # ColorBrewer's PuBu
_WIDTH, _TALLEST, _STRIP = 720.0, 780.0, 62.0
_CARD_SIDE = 400.0
_CARD_CELLS = 12  # of ground around a place, at least
_STREET_WIDTH, _STREET_STEP = 0.7, 1.0  # drawing units; bends closer together than a step are drawn as one
_MOST_PIXELS = 3000  # of the grid's longer side; a larger grid is thinned


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """Where a map lies on its drawing: upper left corner and size in drawing units, and units of the map in one."""

    left: float
    top: float
    width: float
    height: float
    x_min: float
    y_max: float
    map_units: float

    def place(self, x: float, y: float) -> tuple[float, float]:
        """A spot of the map on the drawing."""
        return self.left + (x - self.x_min) / self.map_units, self.top + (self.y_max - y) / self.map_units


def terrain_map(
    grid: Grid, scores: NDArray[np.float32], summary: ScoreSummary, about: ReportContext, text: str
) -> Markup:
    """The risk terrain in its four classes."""
    drawing, frame = _sheet(grid)
    step = _thinning(grid)
    classes = grid.raster(1 + summary.classes(scores).astype(np.uint8), 0)[::step, ::step]
    _cells(drawing, frame, classes, CLASS_COLOURS)
    _boundary(drawing, frame, grid, step)
    _scale_and_north(drawing, frame, about)
    return drawing.markup("terrain-map", "Map of relative risk scores", text, "map")


def places_map(grid: Grid, labels: NDArray[np.int64], about: ReportContext, text: str) -> Markup:
    """The priority places, the first ten with their ranks."""
    drawing, frame = _sheet(grid)
    step = _thinning(grid)
    ranks = grid.raster(labels.astype(np.int64), 0)[::step, ::step]
    kept = grid.mask[::step, ::step]
    _cells(drawing, frame, np.where(ranks > 0, 2, kept).astype(np.uint8), (GROUND, RED))
    _boundary(drawing, frame, grid, step)
    drawing.path(_outline(ranks, frame), INK, _outline_width(frame, ranks.shape))
    _rank_labels(drawing, frame, ranks)
    _scale_and_north(drawing, frame, about)
    return drawing.markup("places-map", "Map of the priority places", text, "map")


def density_map(grid: Grid, density: EventDensity, about: ReportContext, text: str) -> Markup:
    """Events as density in coarse squares, never as points."""
    drawing, frame = _sheet(grid)
    rows, columns = grid.shape
    large = (density.classes + 1).astype(np.uint8).repeat(density.side, axis=0).repeat(density.side, axis=1)
    step = _thinning(grid)
    shown = np.where(grid.mask, large[:rows, :columns], 0)[::step, ::step]
    _cells(drawing, frame, shown.astype(np.uint8), DENSITY_COLOURS)
    _boundary(drawing, frame, grid, step)
    _scale_and_north(drawing, frame, about)
    return drawing.markup("density-map", "Map of the density of events", text, "map")


def place_map(
    grid: Grid,
    classes: NDArray[np.uint8],
    ranks: NDArray[np.int64],
    card: PlaceCard,
    about: ReportContext,
    streets: Features | None = None,
) -> Markup:
    """One place and the ground around it, with the features that stand near, and the streets where they are known.

    Parameters
    ----------
    grid : Grid
    classes : (rows, columns) uint8, 1 + class of each cell, 0 outside
    ranks : (rows, columns) int64
    card : PlaceCard
    streets : Features of lines, or None
    """
    row, column = np.nonzero(ranks == card.place.rank)
    spots = [_row_and_column(grid, near.x, near.y) for near in card.near]
    top, left, side = _card_window(row, column)
    drawing = Drawing(_CARD_SIDE, _CARD_SIDE + 52)
    frame = _Frame(
        left=0,
        top=0,
        width=_CARD_SIDE,
        height=_CARD_SIDE,
        x_min=grid.x_min + left * grid.cell_size,
        y_max=grid.y_max - top * grid.cell_size,
        map_units=side * grid.cell_size / _CARD_SIDE,
    )
    _cells(drawing, frame, _window(classes, top, left, side), CLASS_COLOURS)
    if streets is not None and (steps := _street_steps(streets.coordinates, frame)):
        drawing.path(steps, STREET, _STREET_WIDTH)
    window = _window(ranks, top, left, side)
    drawing.path(_outline(np.where(window == card.place.rank, 0, window), frame), BOUNDARY, 1.0)
    drawing.path(_outline(window == card.place.rank, frame), INK, 2.4)
    x, y = frame.place(*card.middle)
    for colour, width in (("#ffffff", 4.4), (INK, 1.8)):  # below the numbers, which would else be hidden by it
        drawing.path(f"M{x - 6:.1f} {y:.1f}h12M{x:.1f} {y - 6:.1f}v12", colour, width)
    _numbers(
        drawing,
        {
            near.number: frame.place(near.x, near.y)
            for near, (r, c) in zip(card.near, spots, strict=True)
            if top <= r < top + side and left <= c < left + side
        },
    )
    drawing.rectangle(0.5, 0.5, _CARD_SIDE - 1, _CARD_SIDE - 1, "none", BOUNDARY)
    _scale_and_north(drawing, frame, about)
    text = f"Priority place {card.place.rank} outlined in thick lines on the risk terrain around it"
    text += ", streets in grey." if streets is not None else "."
    return drawing.markup(f"place-{card.place.rank}-map", f"Map of priority place {card.place.rank}", text, "map")


def _card_window(row: NDArray[np.int64], column: NDArray[np.int64]) -> tuple[int, int, int]:
    """First row, first column and side of the square around the cells of a place."""
    span = max(int(np.ptp(row)) + 1, int(np.ptp(column)) + 1, 2) + 2 * max(2, _CARD_CELLS // 4)
    reach = max(math.ceil(span / 2), _CARD_CELLS // 2)
    top, left = (math.floor((along.min() + along.max() + 1) / 2 - reach) for along in (row, column))
    return top, left, 2 * reach + 1


def _street_steps(segments: Floats, frame: _Frame) -> str:
    """The segments on a map as steps of a path: cut off at its edge, and joined where one begins as another ends."""
    ground = frame.x_min, frame.y_max - frame.height * frame.map_units, frame.x_min + frame.width * frame.map_units
    steps: list[str] = []
    end = drawn = (math.inf, math.inf)
    for x0, y0, x1, y1 in clipped(segments, (*ground, frame.y_max)):
        start, was = frame.place(x0, y0), end
        end = frame.place(x1, y1)
        if math.dist(start, was) > _STREET_STEP / 10:
            if drawn != was:
                steps.append(_to("L", was))
            steps.append(_to("M", start))
            drawn = start
        if math.dist(end, drawn) >= _STREET_STEP:
            steps.append(_to("L", end))
            drawn = end
    if drawn != end:
        steps.append(_to("L", end))
    return "".join(steps)


def _to(letter: str, spot: tuple[float, float]) -> str:
    return f"{letter}{spot[0]:.1f} {spot[1]:.1f}"


def _numbers(drawing: Drawing, spots: Mapping[int, tuple[float, float]]) -> None:
    """Numbers at their spots; one that would cover another stands beside its spot, with a line to it."""
    taken: list[tuple[float, float]] = []
    for number, spot in spots.items():
        at = next((near for near in _around(spot) if _clear(near, taken)), spot)
        taken.append(at)
        if at != spot:
            drawing.line(*spot, *at, INK, 1.2)
            drawing.circle(*spot, 2.0, INK)
        drawing.circle(*at, 7.5, "#ffffff", INK, 1.2)
        drawing.text(at[0], at[1] + 3.6, str(number), "middle", 10, bold=True)


def _around(spot: tuple[float, float]) -> Iterator[tuple[float, float]]:
    """The spot itself, then rings around it, as far as they are on the card's map."""
    yield spot
    for radius in (16.0, 24.0, 34.0):
        for turn in range(8):
            x, y = spot[0] + radius * math.cos(turn * math.pi / 4), spot[1] + radius * math.sin(turn * math.pi / 4)
            if 9 <= x <= _CARD_SIDE - 9 and 9 <= y <= _CARD_SIDE - 9:
                yield x, y


def _clear(at: tuple[float, float], taken: Sequence[tuple[float, float]]) -> bool:
    """Whether a number there covers none of those that are drawn."""
    return all(math.dist(at, other) >= 15.5 for other in taken)


def _sheet(grid: Grid) -> tuple[Drawing, _Frame]:
    rows, columns = grid.shape
    width = min(_WIDTH, _TALLEST * columns / rows)
    height = width * rows / columns
    drawing = Drawing(_WIDTH, height + _STRIP)
    frame = _Frame(
        left=(_WIDTH - width) / 2,
        top=4,
        width=width,
        height=height,
        x_min=grid.x_min,
        y_max=grid.y_max,
        map_units=columns * grid.cell_size / width,
    )
    return drawing, frame


def _thinning(grid: Grid) -> int:
    return max(1, math.ceil(max(grid.shape) / _MOST_PIXELS))


def _cells(drawing: Drawing, frame: _Frame, values: NDArray[np.uint8], colours: Sequence[str]) -> None:
    drawing.picture(frame.left, frame.top, frame.width, frame.height, indexed_png(values, colours))


def _outline(values: NDArray[Any], frame: _Frame) -> str:
    rows, columns = values.shape
    return outline(values, frame.left, frame.top, frame.width / columns, frame.height / rows)


def _boundary(drawing: Drawing, frame: _Frame, grid: Grid, step: int) -> None:
    drawing.path(_outline(grid.mask[::step, ::step], frame), BOUNDARY, 0.6)


def _outline_width(frame: _Frame, shape: tuple[int, ...]) -> float:
    """Thinner where cells are small, so that the outline does not hide what it outlines."""
    return float(np.clip(0.25 * frame.width / shape[1], 0.4, 1.4))


def _window(values: NDArray[Any], top: int, left: int, side: int) -> NDArray[Any]:
    """A square of a raster, with 0 beyond its edges."""
    rows, columns = values.shape
    window = np.zeros((side, side), dtype=values.dtype)
    r0, r1, c0, c1 = max(0, top), min(rows, top + side), max(0, left), min(columns, left + side)
    window[r0 - top : r1 - top, c0 - left : c1 - left] = values[r0:r1, c0:c1]
    return window


def _row_and_column(grid: Grid, x: float, y: float) -> tuple[int, int]:
    return math.floor((grid.y_max - y) / grid.cell_size), math.floor((x - grid.x_min) / grid.cell_size)


def _rank_labels(drawing: Drawing, frame: _Frame, ranks: NDArray[np.int64]) -> None:
    """Ranks beside the first ten places, moved apart, with a line to the place each."""
    cell = frame.width / ranks.shape[1]
    middles: Mapping[int, tuple[float, float]] = {
        rank: (frame.left + (column + 0.5) * cell, frame.top + (row + 0.5) * cell)
        for rank in range(1, RANKED + 1)
        if (cells := np.nonzero(ranks == rank))[0].size
        for row, column in [middle_cell(*cells)]
    }
    taken = list(middles.values())
    for rank, at in middles.items():
        spot = _free_spot(at, taken, frame)
        taken.append(spot)
        drawing.line(*at, *spot, INK, 1.0)
        drawing.circle(*spot, 9, "#ffffff", INK, 1.0)
        drawing.text(spot[0], spot[1] + 4, str(rank), "middle", 11, bold=True)


def _free_spot(at: tuple[float, float], taken: Sequence[tuple[float, float]], frame: _Frame) -> tuple[float, float]:
    """The nearest spot around `at` that is on the map and not on another label or labelled place."""
    apart, best, clearance = 24.0, at, -1.0
    for radius in (28.0, 40.0, 54.0, 70.0, 90.0):
        for turn in range(12):
            angle = math.pi * (turn / 6 - 0.25)
            x, y = at[0] + radius * math.cos(angle), at[1] + radius * math.sin(angle)
            if not (10 <= x <= _WIDTH - 10 and 10 <= y <= frame.top + frame.height - 10):
                continue
            gap = min((math.hypot(x - a, y - b) for a, b in taken), default=math.inf)
            if gap >= apart:
                return x, y
            if gap > clearance:
                best, clearance = (x, y), gap
    return best


def round_length(most: float) -> float:
    """The largest of 1, 2, 5 × 10ⁿ that is not above `most`.

    >>> round_length(7300.0), round_length(0.3)
    (5000.0, 0.2)
    """
    power = 10.0 ** math.floor(math.log10(most))
    return max(m * power for m in (1, 2, 5) if m * power <= most * (1 + 1e-9))


def _scale_and_north(drawing: Drawing, frame: _Frame, about: ReportContext) -> None:
    length = round_length(frame.map_units * min(160.0, 0.45 * drawing.width))
    long = length / frame.map_units
    right, y = drawing.width - 58, frame.top + frame.height + 14
    drawing.rectangle(right - long, y, long / 2, 6, INK, INK)
    drawing.rectangle(right - long / 2, y, long / 2, 6, "#ffffff", INK)
    km = about.units == "metres" and length >= 1000
    drawing.text(right - long, y + 20, "0", "middle", 11)
    drawing.text(right, y + 20, f"{plain(length / 1000)} km" if km else f"{plain(length)} {about.units}", "middle", 11)
    x, foot = drawing.width - 10, y + 22
    drawing.path(
        f"M{x - 6:.1f} {foot:.1f}L{x:.1f} {foot - 24:.1f}L{x + 6:.1f} {foot:.1f}L{x:.1f} {foot - 6:.1f}Z", INK, 0.8, INK
    )
    drawing.text(x, foot + 11, "N", "middle", 10, bold=True)
