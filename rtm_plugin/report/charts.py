"""The charts of the report: rows with intervals, BIC by distance, and the distribution of the scores."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..core.terrain.scores import CLASS_COLOURS
from .details import FactorLadder, FitGroup, Rung, ScoreBins
from .findings import Findings, Parameter
from .scales import FARTHEST, Scale, gap_scale, gap_ticks, linear, linear_ticks, log_ticks, logarithmic
from .svg import INK, LINE, RED, SOFT, Drawing, short
from .wording import capital, difference, fixed, listed, many, number, percent, plain, readable, whole

CLOSE = 6.0  # of BIC: closer runners-up are marked
PANELS_AT_ONCE = 15
_WIDTH, _LEFT, _RIGHT = 720.0, 236.0, 560.0
_ROW, _FOOT = 26.0, 46.0
_LETTERS = 36  # of a label
_PANEL_WIDTH, _PANEL_HEIGHT = 240.0, 168.0
_LABELS = 4  # of an axis of distances, at most about so many
_BLUE = "#0072b2"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A labelled row: an interval with its middle, and perhaps a dot of something observed."""

    label: str
    low: float
    middle: float
    high: float
    text: str
    dot: float | None = None


def forest(rows: Sequence[Parameter]) -> Markup:
    """Rate ratios of the factors with their 95 % intervals, on a logarithmic axis."""
    drawn = [_ratio(row) for row in rows]
    low = min(0.8, *(row.low for row in drawn))
    high = max(1.25, *(row.high for row in drawn))
    scale = logarithmic(low / 1.05, high * 1.05, _LEFT, _RIGHT)
    text = "; ".join(f"{row.label} {row.text}" for row in drawn)
    return _rows(
        drawn,
        scale,
        log_ticks(scale.low, scale.high),
        "Rate of an exposed cell, times that of an otherwise equal cell (logarithmic)",
        1.0,
    ).markup("forest", "Relative risk values with 95 % intervals", capital(text) + ".")


def _ratio(row: Parameter) -> _Row:
    """A factor's rate ratio: below 1 for a protective one, whose relative risk value divides."""
    ends = (row.low, row.rrv, row.high) if row.low is not None else (row.rrv,) * 3
    low, middle, high = (min(max(v or 1 / FARTHEST, 1 / FARTHEST), FARTHEST) for v in ends)
    text = f"{number(row.rrv)} ({row.interval})"
    if row.is_protective:
        low, middle, high, text = 1 / high, 1 / middle, 1 / low, f"÷ {text}"
    return _Row(label=readable(row.factor), low=low, middle=middle, high=high, text=text)


def steps(findings: Findings) -> Markup:
    """BIC after each step of the selection of the chosen family."""
    trace = findings.model.best.steps
    rows = [
        _Row(
            label=_step(step.move, step.name, i), low=step.bic, middle=step.bic, high=step.bic, text=fixed(step.bic, 1)
        )
        for i, step in enumerate(trace)
    ]
    ends = [step.bic for step in trace]
    margin = 0.04 * (max(ends) - min(ends)) or 1.0
    scale = linear(min(ends) - margin, max(ends) + margin, _LEFT, _RIGHT)
    drawing = _rows(rows, scale, linear_ticks(scale.low, scale.high, 4), "BIC after the step; lower is better", None)
    drawing.polyline(((scale.at(row.middle), _at(i)) for i, row in enumerate(rows)), RED, 1.2)
    text = f"BIC falls from {fixed(ends[0], 1)} to {fixed(ends[-1], 1)} in {many(len(trace) - 1, 'step')}."
    return drawing.markup("steps", "BIC after each step of the selection", text)


def _step(move: str, name: str, index: int) -> str:
    return f"{index}. {move} {readable(name)}".strip() if name else f"{index}. {move}"


def observed_and_expected(groups: Sequence[FitGroup]) -> Markup:
    """Observed events beside those expected, by groups of cells: drawn for a cell, as groups are of unequal size."""
    rows = [
        _Row(
            label=f"Group {i}: {many(group.cells, 'cell')}",
            low=group.low / group.cells,
            middle=group.expected / group.cells,
            high=group.high / group.cells,
            text=f"{whole(group.observed)} ({number(group.expected)})",
            dot=group.observed / group.cells,
        )
        for i, group in enumerate(groups, 1)
    ]
    highest = max(max(row.high, row.dot or 0.0) for row in rows)
    scale = linear(0.0, 1.03 * highest or 1.0, _LEFT, _RIGHT)
    drawing = _rows(
        rows,
        scale,
        linear_ticks(0.0, scale.high),
        "Events a cell: observed (dot), expected with 95 % range (bar)",
        None,
    )
    outside = [f"group {i}" for i, group in enumerate(groups, 1) if not group.low <= group.observed <= group.high]
    text = f"{listed(outside)} outside" if outside else "no group outside"
    return drawing.markup(
        "observed",
        "Observed and expected events by groups of cells",
        f"{many(len(groups), 'group')}, {text} the range.",
    )


def _rows(rows: Sequence[_Row], scale: Scale, ticks: Sequence[float], title: str, reference: float | None) -> Drawing:
    bottom = _at(len(rows)) - _ROW / 2 + 4
    drawing = Drawing(_WIDTH, bottom + _FOOT)
    for tick in ticks:
        drawing.line(scale.at(tick), 4, scale.at(tick), bottom, LINE, 0.8)
        drawing.text(scale.at(tick), bottom + 15, plain(tick), "middle", 11, SOFT)
    drawing.line(scale.start, bottom, scale.end, bottom, INK, 1)
    if reference is not None:
        drawing.line(scale.at(reference), 4, scale.at(reference), bottom, INK, 1, dash="4 3")
    drawing.text((scale.start + scale.end) / 2, bottom + 34, title, "middle", 11.5, SOFT)
    for i, row in enumerate(rows):
        y = _at(i)
        drawing.text(0, y + 4, short(row.label, _LETTERS), size=12)
        if row.high > row.low:
            drawing.line(
                scale.at(row.low),
                y,
                scale.at(row.high),
                y,
                INK if row.dot is None else _BLUE,
                2 if row.dot is None else 7,
            )
        if row.dot is None:
            drawing.rectangle(scale.at(row.middle) - 4, y - 4, 8, 8, RED)
        else:
            drawing.line(scale.at(row.middle), y - 6, scale.at(row.middle), y + 6, "#ffffff", 1.6)
            drawing.circle(scale.at(row.dot), y, 4, RED, "#ffffff", 1)
        drawing.text(_WIDTH, y + 4, row.text, "end", 12)
    return drawing


def _at(index: float) -> float:
    return 4 + _ROW * (index + 0.5)


def ladders(factors: Sequence[FactorLadder]) -> tuple[Markup, ...]:
    """BIC by distance and operationalisation, a panel a factor; several drawings where there are many factors."""
    groups = [factors[i : i + PANELS_AT_ONCE] for i in range(0, len(factors), PANELS_AT_ONCE)]
    return tuple(_panels(group, f"ladders-{i}") for i, group in enumerate(groups, 1))


def _panels(factors: Sequence[FactorLadder], key: str) -> Markup:
    across = int(_WIDTH // _PANEL_WIDTH)
    drawing = Drawing(_WIDTH, _PANEL_HEIGHT * -(-len(factors) // across))
    for i, factor in enumerate(factors):
        _panel(drawing, factor, (i % across) * _PANEL_WIDTH, (i // across) * _PANEL_HEIGHT)
    panels = [
        f"{readable(f.factor)}: {f.chosen} chosen, {many(f.close, 'runner-up', 'runners-up')}"
        if f.chosen
        else f"{readable(f.factor)}: not in the model"
        for f in factors
    ]
    return drawing.markup(key, "BIC by distance and operationalisation", "; ".join(panels) + ".")


def _panel(drawing: Drawing, factor: FactorLadder, left: float, top: float) -> None:
    rungs = [rung for rung in factor.rungs if rung.gap is not None]
    name = f"{short(readable(factor.factor), 26)}{'' if factor.chosen else ' (not in the model)'}"
    drawing.text(left + 6, top + 14, short(name, 40), size=11.5, bold=bool(factor.chosen))
    if not rungs:
        drawing.text(left + 6, top + 60, "no candidate could be tried", size=11, colour=SOFT)
        return
    gaps = [rung.gap or 0.0 for rung in rungs]
    reach = sorted({rung.distance for rung in factor.rungs})
    y = gap_scale(min(-1.0, *gaps), max(8.0, *gaps), top + _PANEL_HEIGHT - 34, top + 26)
    x = linear(reach[0], reach[-1], left + 48, left + _PANEL_WIDTH - 16)
    drawing.rectangle(x.start - 6, y.at(CLOSE), x.end - x.start + 12, y.at(0.0) - y.at(CLOSE), "#f3e3c8")
    for tick in gap_ticks(y.low, y.high):
        drawing.line(x.start - 6, y.at(tick), x.end + 6, y.at(tick), LINE, 0.8)
        drawing.text(x.start - 9, y.at(tick) + 3.5, difference(tick).removesuffix(".0"), "end", 10, SOFT)
    for distance in reach[:: max(1, -(-len(reach) // _LABELS))]:
        drawing.text(x.at(distance), top + _PANEL_HEIGHT - 18, plain(distance), "middle", 10, SOFT)
    for operationalisation, colour, dash in (("proximity", INK, ""), ("density", _BLUE, "4 3")):
        rungs_here = [rung for rung in rungs if rung.operationalisation == operationalisation]
        drawing.polyline(((x.at(rung.distance), y.at(rung.gap or 0.0)) for rung in rungs_here), colour, 1.3, dash)
        for rung in rungs_here:
            _mark(drawing, rung, x.at(rung.distance), y.at(rung.gap or 0.0), colour)


def _mark(drawing: Drawing, rung: Rung, x: float, y: float, colour: str) -> None:
    if rung.chosen:
        drawing.circle(x, y, 6, RED, "#ffffff", 1)
    elif rung.operationalisation == "density":
        drawing.rectangle(x - 3, y - 3, 6, 6, colour if rung.close else "#ffffff", colour)
    else:
        drawing.circle(x, y, 3.4, colour if rung.close else "#ffffff", colour, 1)


def distribution(bins: ScoreBins, cuts: Sequence[float], classes: Sequence[int]) -> Markup:
    """How many cells have which score, with the cut points of the classes.

    Parameters
    ----------
    bins : ScoreBins
    cuts : the three cut points
    classes : class of each bin, whose colour its bar has
    """
    height, bottom = 250.0, 206.0
    drawing = Drawing(_WIDTH, height)
    x = logarithmic(bins.edges[0], bins.edges[-1], 56, _WIDTH - 12)
    most = max(bins.shares)
    y = linear(0.0, most * 1.05, bottom, 34)
    for tick in linear_ticks(0.0, y.high, 4):
        drawing.line(x.start, y.at(tick), x.end, y.at(tick), LINE, 0.8)
        drawing.text(x.start - 6, y.at(tick) + 4, percent(tick), "end", 11, SOFT)
    for i, share in enumerate(bins.shares):
        a, b = x.at(bins.edges[i]), x.at(bins.edges[i + 1])
        if share:
            top = min(y.at(share), bottom - 1.2)
            drawing.rectangle(a + 0.5, top, b - a - 1, bottom - top, CLASS_COLOURS[classes[i]], SOFT)
    for tick in log_ticks(x.low, x.high):
        drawing.line(x.at(tick), bottom, x.at(tick), bottom + 4, INK, 1)
        drawing.text(x.at(tick), bottom + 17, plain(tick), "middle", 11, SOFT)
    drawing.line(x.start, bottom, x.end, bottom, INK, 1)
    for i, (cut, label) in enumerate(zip(cuts, ("mean", "+ 1 SD", "+ 2 SD"), strict=True)):
        if x.low <= cut <= x.high:
            drawing.line(x.at(cut), 30 - 10 * (i % 2), x.at(cut), bottom, INK, 1.2, dash="5 3")
            drawing.text(x.at(cut), 24 - 11 * (i % 2), f"{label} {number(cut)}", "middle", 11)
    drawing.text(
        (x.start + x.end) / 2,
        height - 10,
        "Relative risk score (logarithmic); bars are shares of the cells",
        "middle",
        11.5,
        SOFT,
    )
    text = (
        f"{percent(most)} of the cells are in the tallest bar; the cut points are {listed([number(c) for c in cuts])}."
    )
    return drawing.markup("distribution", "Distribution of the scores", text)
