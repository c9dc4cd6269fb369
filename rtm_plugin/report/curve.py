"""The curve of events caught against ground flagged, as an SVG picture; drawn without pyplot, safe in a thread."""

import io
import math
from collections.abc import Sequence
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator, PercentFormatter

from ..core.measures import PERFECT, STREET, Curve
from ..core.validation import RANDOM
from .figures import INK
from .wording import readable

# Okabe and Ito's colours: told apart by colour-blind readers; the styles tell them apart in grey print
LINES = (
    ("#b30000", "-", 2.2),
    ("#0072b2", "--", 1.6),
    ("#009e73", "-.", 1.6),
    ("#cc79a7", ":", 2.0),
    ("#e69f00", (0, (6, 1, 1, 1, 1, 1)), 1.6),
    ("#56b4e9", (0, (3, 1)), 1.6),
)
_SIZE = (9.2, 4.6)  # inches
_COLUMNS = 3  # of the legend
_LEFT_TO = 0.2  # the left panel ends at this share, where the maps are used


def capture_picture(curves: Sequence[Curve], terrains: Sequence[str]) -> bytes:
    """SVG of the share of events against the share flagged: to 20 % on the left, all on the right.

    The band of a terrain spans the worst and the best order inside its ties.

    Parameters
    ----------
    curves : sequence of Curve, of one basis
    terrains : names of the maps that are not baselines
    """
    with rc_context({"svg.hashsalt": "risk terrain", "svg.fonttype": "path", "font.size": 9}):
        figure = Figure(figsize=_SIZE, facecolor="white")
        FigureCanvasSVG(figure)
        legend_rows = math.ceil(len(curves) / _COLUMNS)
        bottom = (0.62 + 0.2 * legend_rows) / _SIZE[1]
        left, right = figure.subplots(
            1,
            2,
            width_ratios=(1.25, 1),
            gridspec_kw={"left": 0.07, "right": 0.975, "top": 0.93, "bottom": bottom, "wspace": 0.16},
        )
        for axes, end in ((left, _LEFT_TO), (right, 1.0)):
            _draw(axes, curves, terrains, end)
        ground = "length of street" if curves and curves[0].basis == STREET else "area"
        figure.supxlabel(
            f"Share of the {ground} flagged, highest scores first", fontsize=9.5, y=bottom - 0.42 / _SIZE[1], va="top"
        )
        left.set_ylabel("Share of later events caught", fontsize=9.5)
        left.set_title("Up to 20 %, where maps are used", fontsize=9.5, loc="left")
        right.set_title("All of it", fontsize=9.5, loc="left")
        handles, labels = right.get_legend_handles_labels()
        figure.legend(handles, labels, loc="lower center", ncols=_COLUMNS, frameon=False, fontsize=9)
        target = io.BytesIO()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return target.getvalue()


def _draw(axes: Any, curves: Sequence[Curve], terrains: Sequence[str], end: float) -> None:
    number, tallest = 0, 0.0
    for curve in curves:
        kept = [i for i, share in enumerate(curve.shares) if share <= end + 1e-9]
        x = [curve.shares[i] for i in kept]
        y = [curve.expected[i] for i in kept]
        label = readable(curve.map).strip("\u2068\u2069").replace("$", r"\$")
        if curve.map == PERFECT:
            axes.plot(x, y, color="#8a8a8a", linewidth=1.0, label="perfect: the best possible choice")
            continue
        if curve.map == RANDOM:
            axes.plot(x, x, color="#8a8a8a", linewidth=1.0, linestyle=(0, (4, 4)), label="random")
            continue
        colour, style, width = LINES[number % len(LINES)]
        number += 1
        axes.plot(x, y, color=colour, linestyle=style, linewidth=width, label=label)
        tallest = max(tallest, *y)
        if curve.map in terrains:
            low, high = ([values[i] for i in kept] for values in (curve.pessimistic, curve.optimistic))
            axes.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
            tallest = max(tallest, *high)
    axes.set_xlim(0, end)
    axes.set_ylim(0, 1 if end == 1.0 else min(1.0, 1.12 * max(tallest, end)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.xaxis.set_major_locator(MultipleLocator(end / 4))
    axes.grid(color="#e4e0da", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(colors=INK, labelsize=8.5)
