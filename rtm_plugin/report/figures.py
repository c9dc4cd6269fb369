"""Figures of the report, drawn with matplotlib's objects and never pyplot: safe in a background thread."""

import io
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Polygon
from numpy.typing import NDArray

from ..core.grid import Grid
from ..core.terrain import CLASS_COLOURS, CLASS_NAMES, ScoreSummary
from .wording import number, plain

INK = "#1a1a1a"
BOUNDARY = "#6b6b6b"
RANKED = 10
_DPI = 200
_WIDTH, _TALLEST, _SHORTEST, _STRIP = 7.0, 7.3, 1.6, 1.25  # inches; the strip holds legend, scale bar and north arrow
_MOST_PIXELS = 3000  # of the grid's longer side; a larger grid is thinned
_OUTLINE_SHARE = 0.25  # of a cell: the width of the outline of a place


@dataclass(frozen=True, slots=True, eq=False)
class _Canvas:
    """Where the map lies on the figure: sizes in inches, extent as imshow takes it."""

    width: float
    height: float
    map_width: float
    map_height: float
    extent: tuple[float, float, float, float]

    @property
    def units_per_inch(self) -> float:
        """Map units for each inch of the figure."""
        return (self.extent[1] - self.extent[0]) / self.map_width


def risk_map(
    grid: Grid,
    scores: NDArray[np.float32],
    summary: ScoreSummary,
    place_labels: NDArray[np.int64],
    units: str = "metres",
) -> bytes:
    """The risk terrain in its four classes, priority places outlined, the first ten with their ranks; as PNG.

    Parameters
    ----------
    grid : Grid
    scores : (cells,) float32
    summary : ScoreSummary, whose cuts make the classes
    place_labels : (cells,) int64, rank of each cell's place, 0 outside
    units : str, of the CRS, plural
    """
    step = max(1, math.ceil(max(grid.shape) / _MOST_PIXELS))
    classes = grid.raster(summary.classes(scores).astype(np.int8), -1)[::step, ::step]
    ranks = grid.raster(place_labels.astype(np.int64), 0)[::step, ::step]
    canvas = _canvas(grid)
    figure = Figure(figsize=(canvas.width, canvas.height), dpi=_DPI, facecolor="white")
    axes = _map_axes(figure, canvas)
    axes.imshow(
        np.where(classes < 0, np.float32(np.nan), classes.astype(np.float32)),
        cmap=ListedColormap(list(CLASS_COLOURS)),
        vmin=-0.5,
        vmax=len(CLASS_COLOURS) - 0.5,
        interpolation="nearest",
        extent=canvas.extent,
        aspect="auto",
    )
    _outline(axes, classes >= 0, canvas, BOUNDARY, 0.5)
    _outline(axes, ranks, canvas, INK, _place_width(canvas, classes.shape))
    _rank_labels(axes, ranks, canvas)
    _legend(figure, summary, bool((ranks > 0).any()))
    _scale_bar(figure, canvas, units)
    _north_arrow(figure, canvas)
    return _png(figure)


def _canvas(grid: Grid) -> _Canvas:
    x0, y0, x1, y1 = grid.extent
    ratio = (y1 - y0) / (x1 - x0)
    map_width = min(_WIDTH, _TALLEST / ratio)
    map_height = map_width * ratio
    return _Canvas(_WIDTH, max(_SHORTEST, map_height) + _STRIP, map_width, map_height, (x0, x1, y0, y1))


def _map_axes(figure: Any, canvas: _Canvas) -> Any:
    left = (canvas.width - canvas.map_width) / 2 / canvas.width
    bottom = (canvas.height - canvas.map_height) / canvas.height
    axes = figure.add_axes((left, bottom, canvas.map_width / canvas.width, canvas.map_height / canvas.height))
    axes.set_axis_off()
    return axes


def _place_width(canvas: _Canvas, shape: tuple[int, ...]) -> float:
    """Line width in points: thinner where cells are small, so that the outline does not hide what it outlines."""
    cell = 72 * canvas.map_width / shape[1]
    return float(np.clip(cell * _OUTLINE_SHARE, 0.3, 1.1))


def edges(values: NDArray[Any]) -> NDArray[np.float64]:
    """The cell edges across which the value changes.

    Parameters
    ----------
    values : (rows, columns); beyond them the value is 0

    Returns
    -------
    (m, 2, 2) float64: both ends of each edge as column, row counted from the upper left corner

    Examples
    --------
    >>> len(edges(np.array([[0, 1, 1]])))
    6
    """
    padded = np.pad(values.astype(np.int64), 1)
    row, column = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    flat = np.stack([np.column_stack([column, row]), np.column_stack([column + 1, row])], axis=1)
    row, column = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    upright = np.stack([np.column_stack([column, row]), np.column_stack([column, row + 1])], axis=1)
    return np.concatenate([flat, upright]).astype(np.float64)


def _outline(axes: Any, values: NDArray[Any], canvas: _Canvas, colour: str, width: float) -> None:
    x0, x1, y0, y1 = canvas.extent
    rows, columns = values.shape
    ends = edges(values) * [(x1 - x0) / columns, -(y1 - y0) / rows] + [x0, y1]
    axes.add_collection(
        LineCollection(ends, colors=colour, linewidths=width, capstyle="projecting", clip_on=False), autolim=False
    )


def _rank_labels(axes: Any, ranks: NDArray[np.int64], canvas: _Canvas) -> None:
    """Ranks beside the first ten places, moved apart, with a line to the place each."""
    x0, y1 = canvas.extent[0], canvas.extent[3]
    rows, columns = ranks.shape
    scale = np.array([canvas.map_width / columns, canvas.map_height / rows])
    middles = {
        rank: tuple(scale * (_middle(ranks == rank) + 0.5)) for rank in range(1, RANKED + 1) if (ranks == rank).any()
    }
    taken = list(middles.values())
    for rank, at in middles.items():
        spot = _free_spot(at, taken, (canvas.map_width, canvas.map_height))
        taken.append(spot)
        to_map = [(x0 + x * canvas.units_per_inch, y1 - y * canvas.units_per_inch) for x, y in (at, spot)]
        axes.annotate(
            str(rank),
            xy=to_map[0],
            xytext=to_map[1],
            ha="center",
            va="center",
            fontsize=8,
            fontweight="bold",
            color=INK,
            zorder=5,
            annotation_clip=False,
            bbox={"boxstyle": "circle,pad=0.25", "facecolor": "white", "edgecolor": INK, "linewidth": 0.8},
            arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0},
        )


def _middle(cells: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Column and row of the cell nearest the middle of some cells: one of them, whatever their shape."""
    row, column = np.nonzero(cells)
    nearest = np.argmin((row - row.mean()) ** 2 + (column - column.mean()) ** 2)
    return np.array([column[nearest], row[nearest]])


def _free_spot(
    at: tuple[float, float], taken: list[tuple[float, float]], size: tuple[float, float]
) -> tuple[float, float]:
    """The nearest spot around `at`, in inches, that is on the map and not on another label or labelled place."""
    apart, best, clearance = 0.27, at, -1.0
    for radius in (0.3, 0.42, 0.56, 0.72, 0.9):
        for turn in range(12):
            angle = math.pi * (turn / 6 - 0.25)
            x, y = at[0] + radius * math.cos(angle), at[1] + radius * math.sin(angle)
            if not (0.1 <= x <= size[0] - 0.1 and 0.1 <= y <= size[1] - 0.1):
                continue
            gap = min((math.hypot(x - a, y - b) for a, b in taken), default=math.inf)
            if gap >= apart:
                return x, y
            if gap > clearance:
                best, clearance = (x, y), gap
    return best


def class_labels(summary: ScoreSummary) -> tuple[str, ...]:
    """The classes in words with their scores, lowest first."""
    low, middle, high = (number(cut) for cut in summary.cuts)
    ranges = (f"score up to {low}", f"{low} to {middle}", f"{middle} to {high}", f"above {high}")
    return tuple(f"{name} ({told})" for name, told in zip(CLASS_NAMES, ranges, strict=True))


def _legend(figure: Any, summary: ScoreSummary, places: bool) -> None:
    labels = class_labels(summary) if summary.sd > 0 else (f"every cell has the score {number(summary.max)}",)
    handles: list[Any] = [
        Patch(facecolor=colour, edgecolor=BOUNDARY, linewidth=0.5, label=label)
        for colour, label in reversed(list(zip(CLASS_COLOURS, labels, strict=False)))
    ]
    if places:
        handles.append(
            Patch(facecolor="none", edgecolor=INK, linewidth=1.1, label="priority place (first ten with rank)")
        )
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 0.0),
        frameon=False,
        fontsize=8,
        title="Relative risk score",
        title_fontproperties={"size": 8.5, "weight": "bold"},
        alignment="left",
    )


def round_length(most: float) -> float:
    """The largest of 1, 2, 5 × 10ⁿ that is not above `most`.

    >>> round_length(7300.0), round_length(0.3)
    (5000.0, 0.2)
    """
    power = 10.0 ** math.floor(math.log10(most))
    return max(m * power for m in (1, 2, 5) if m * power <= most * (1 + 1e-9))


def _scale_bar(figure: Any, canvas: _Canvas, units: str) -> None:
    length = round_length(1.7 * canvas.units_per_inch)
    right, bottom = canvas.width - 0.75, 0.38
    left = right - length / canvas.units_per_inch
    for x0, x1, colour in ((left, (left + right) / 2, INK), ((left + right) / 2, right, "white")):
        corners = [(x0, bottom), (x1, bottom), (x1, bottom + 0.07), (x0, bottom + 0.07)]
        _add(figure, canvas, corners, colour)
    told = f"{plain(length / 1000)} km" if units == "metres" and length >= 1000 else f"{plain(length)} {units}"
    for x, text in ((left, "0"), (right, told.replace("$", r"\$"))):
        figure.text(
            x / canvas.width, (bottom - 0.05) / canvas.height, text, ha="center", va="top", fontsize=8, color=INK
        )


def _north_arrow(figure: Any, canvas: _Canvas) -> None:
    x, y = canvas.width - 0.2, 0.38
    _add(figure, canvas, [(x - 0.09, y), (x, y + 0.36), (x, y + 0.09)], INK)
    _add(figure, canvas, [(x + 0.09, y), (x, y + 0.36), (x, y + 0.09)], "white")
    figure.text(
        x / canvas.width,
        (y + 0.4) / canvas.height,
        "N",
        ha="center",
        va="bottom",
        fontsize=9,
        fontweight="bold",
        color=INK,
    )


def _add(figure: Any, canvas: _Canvas, corners: list[tuple[float, float]], colour: str) -> None:
    scaled = [(x / canvas.width, y / canvas.height) for x, y in corners]
    figure.add_artist(
        Polygon(scaled, closed=True, facecolor=colour, edgecolor=INK, linewidth=0.7, transform=figure.transFigure)
    )


def _png(figure: Any) -> bytes:
    FigureCanvasAgg(figure)
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=_DPI, metadata={"Software": None})
    return target.getvalue()
