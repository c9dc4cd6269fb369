"""The charts of a diagnosis: likeness and pairs of events by distance, and the rootogram."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from ..core.answers.diagnosis import PairLag
from ..core.diagnostics.moran import LagMoran
from ..core.diagnostics.prediction_checks import Rootogram
from ..core.tools.normal import NORMAL_95
from .scales import Scale, linear, linear_ticks
from .svg import INK, LINE, RED, SOFT, Drawing, units
from .wording import fixed, many, number, plain, whole

_WIDTH, _HEIGHT = 720.0, 270.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 706.0, 26.0, 216.0
_BLUE, _GREY = "#0072b2", "#8a8a8a"
_LABELS = 9  # of an axis, at most about so many


def correlogram(rings: Sequence[LagMoran], unit: str) -> Markup:
    """Moran's I of the residuals by distance, with what chance makes of it."""
    low = [ring.expectation - NORMAL_95 * ring.spread for ring in rings]
    high = [ring.expectation + NORMAL_95 * ring.spread for ring in rings]
    values = [ring.statistic for ring in rings]
    drawing, x, y = _panel(
        [ring.distance for ring in rings], (*low, *high, *values), f"Distance, {unit}", "Moran’s I of the residuals"
    )
    there = [f"{units(x.at(ring.distance))} {units(y.at(v))}" for ring, v in zip(rings, high, strict=True)]
    back = [f"{units(x.at(ring.distance))} {units(y.at(v))}" for ring, v in zip(rings, low, strict=True)]
    drawing.area(f"M{' L'.join([*there, *reversed(back)])}Z", _GREY, 0.3)
    drawing.line(x.start, y.at(0.0), x.end, y.at(0.0), INK, 1, dash="4 3")
    drawing.polyline(((x.at(ring.distance), y.at(ring.statistic)) for ring in rings), RED, 1.6)
    for ring in rings:
        drawing.circle(x.at(ring.distance), y.at(ring.statistic), 3.6, RED if ring.alike else "#ffffff", RED, 1.4)
    alike = sum(ring.alike for ring in rings)
    text = (
        f"Moran's I is {number(values[0])} in neighbouring cells; at {many(alike, 'distance')} of {len(rings)} the "
        "residuals are more alike than chance makes them."
    )
    return drawing.markup("correlogram", "How alike residuals are, by distance", text)


def pairs(lags: Sequence[PairLag], unit: str) -> Markup:
    """Pair correlation beyond the model by distance, with the fitted curve; pairs within a cell are left out."""
    drawing, x, y = _panel(
        [lag.distance for lag in lags],
        [1.0, *(lag.correlation for lag in lags), *(lag.fitted for lag in lags)],
        f"Distance, {unit}",
        "Pair correlation beyond the model",
    )
    drawing.line(x.start, y.at(1.0), x.end, y.at(1.0), INK, 1, dash="4 3")
    drawing.polyline(((x.at(lag.distance), y.at(lag.fitted)) for lag in lags), _BLUE, 2.2)
    for lag in lags:
        drawing.circle(x.at(lag.distance), y.at(lag.correlation), 3.6, RED, "#ffffff", 1)
    text = (
        f"In neighbouring cells pairs of events are {fixed(lags[0].correlation, 2)} times as frequent as chance makes "
        f"them, by the fitted curve {fixed(lags[0].fitted, 2)} times."
    )
    return drawing.markup("pairs", "Pairs of events beyond the model, by distance", text)


def rootogram(root: Rootogram) -> Markup:
    """How many cells hold so many events: bars hang from what is expected, and should end at the line."""
    last = max(i for i in range(len(root.observed)) if root.observed[i] > 0 or root.expected[i] >= 0.5)
    shown = range(last + 1)
    whole_range = last + 1 == len(root.observed)
    tops = [math.sqrt(root.expected[i]) for i in shown]
    ends = [top - math.sqrt(root.observed[i]) for i, top in zip(shown, tops, strict=True)]
    drawing = Drawing(_WIDTH, _HEIGHT)
    x = linear(-0.6, last + 0.6, _LEFT, _RIGHT)
    y = linear(min(-1.0, *ends) * 1.08, max(tops) * 1.04, _BOTTOM, _TOP)
    _left_axis(drawing, x, y, "Cells (root)")
    step = max(1, -(-(last + 1) // 2 // _LABELS))
    for i in shown:
        at, top, end = x.at(i), y.at(tops[i]), y.at(ends[i])
        drawing.rectangle(at - 0.36 * (x.at(1) - x.at(0)), top, 0.72 * (x.at(1) - x.at(0)), end - top, "#dcd6cd", SOFT)
        if i % step == 0:
            label = f"{i} or more" if whole_range and i == last else str(i)
            drawing.text(at, _BOTTOM + 17, label, "middle", 11, SOFT)
    drawing.line(x.start, y.at(0.0), x.end, y.at(0.0), INK, 1.2)
    drawing.polyline(((x.at(i), y.at(tops[i])) for i in shown), _BLUE, 2)
    for i in shown:
        drawing.circle(x.at(i), y.at(tops[i]), 3.4, _BLUE, "#ffffff", 1)
    drawing.text((x.start + x.end) / 2, _HEIGHT - 14, "Events in a cell", "middle", 11.5, SOFT)
    empty, expected = float(root.observed[0]), float(root.expected[0])
    text = f"{whole(empty)} cells hold no event, and {number(expected, 4)} are expected to; the table has the others."
    return drawing.markup("rootogram", "How many cells hold so many events", text)


def _panel(
    distances: Sequence[float], values: Sequence[float], below: str, beside: str
) -> tuple[Drawing, Scale, Scale]:
    """An empty panel of distances and values, with its axes."""
    drawing = Drawing(_WIDTH, _HEIGHT)
    low, high = min(values), max(values)
    margin = 0.06 * (high - low) or 0.1
    x = linear(0.0, 1.03 * max(distances), _LEFT, _RIGHT)
    y = linear(low - margin, high + margin, _BOTTOM, _TOP)
    _left_axis(drawing, x, y, beside)
    for tick in linear_ticks(0.0, x.high, _LABELS):
        drawing.line(x.at(tick), _BOTTOM, x.at(tick), _BOTTOM + 4, INK, 1)
        drawing.text(x.at(tick), _BOTTOM + 17, plain(tick), "middle", 11, SOFT)
    drawing.line(x.start, _BOTTOM, x.end, _BOTTOM, INK, 1)
    drawing.text((x.start + x.end) / 2, _HEIGHT - 14, below, "middle", 11.5, SOFT)
    return drawing, x, y


def _left_axis(drawing: Drawing, x: Scale, y: Scale, title: str) -> None:
    for tick in linear_ticks(y.low, y.high, 5):
        drawing.line(x.start, y.at(tick), x.end, y.at(tick), LINE, 0.8)
        drawing.text(x.start - 6, y.at(tick) + 4, plain(tick), "end", 11, SOFT)
    drawing.text(x.start, _TOP - 12, title, size=11.5, colour=SOFT)
