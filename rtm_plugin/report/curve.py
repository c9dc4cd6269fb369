"""The curve of events caught against ground flagged."""

from collections.abc import Sequence

from markupsafe import Markup

from ..core.accuracy.measures import PERFECT, STREET, Curve
from ..core.accuracy.validation import RANDOM
from .scales import Scale, linear, linear_ticks
from .svg import INK, LINE, SOFT, Drawing, short, units
from .wording import percent, readable

# Okabe and Ito's colours: told apart by colour-blind readers; the dashes tell them apart in grey print
LINES = (
    ("#b30000", "", 2.4),
    ("#0072b2", "7 4", 1.9),
    ("#009e73", "8 3 2 3", 1.9),
    ("#cc79a7", "2 3", 2.2),
    ("#e69f00", "10 2 2 2 2 2", 1.9),
    ("#56b4e9", "4 2", 1.9),
)
_GREY = "#8a8a8a"
_LEFT_TO = 0.2  # the left panel ends at this share, where the maps are used
_WIDTH, _TOP, _BOTTOM = 880.0, 34.0, 316.0
_PANELS = ((52.0, 468.0), (530.0, 866.0))  # left and right ends
_LEGEND_ROW, _COLUMNS = 19.0, 3


def capture_picture(curves: Sequence[Curve], terrains: Sequence[str]) -> Markup:
    """Share of events against the share flagged: to 20 % on the left, all on the right.

    The band of a terrain spans the worst and the best order inside its ties.

    Parameters
    ----------
    curves : sequence of Curve, of one basis
    terrains : names of the maps that are not baselines
    """
    looks = _looks(curves)
    rows = -(-len(looks) // _COLUMNS)
    drawing = Drawing(_WIDTH, _BOTTOM + 52 + rows * _LEGEND_ROW)
    for (left, right), end, title in zip(
        _PANELS, (_LEFT_TO, 1.0), ("Up to 20 %, where maps are used", "All of it"), strict=True
    ):
        _panel(drawing, looks, terrains, (left, right), end)
        drawing.text(left, _TOP - 14, title, size=12.5)
    street = bool(curves) and curves[0].basis == STREET
    ground = "length of street" if street else "area"
    drawing.text(_WIDTH / 2, _BOTTOM + 40, f"Share of the {ground} flagged, highest scores first", "middle", 12, SOFT)
    for i, (_, colour, dash, width, label) in enumerate(looks):
        x, y = _PANELS[0][0] + i % _COLUMNS * 280, _BOTTOM + 64 + i // _COLUMNS * _LEGEND_ROW
        drawing.line(x, y - 4, x + 34, y - 4, colour, width, dash=dash)
        drawing.text(x + 42, y, short(label, 34), size=12)
    key = f"capture-{curves[0].basis if curves else 'none'}"
    return drawing.markup(
        key,
        f"Share of later events caught against the share of the {ground} flagged",
        "One line for each map, a random choice and the best possible choice. The tables give the same in numbers.",
    )


def _looks(curves: Sequence[Curve]) -> list[tuple[Curve, str, str, float, str]]:
    """Each curve with its colour, dashes, width and label."""
    looks, number = [], 0
    for curve in curves:
        if curve.map == PERFECT:
            looks.append((curve, _GREY, "", 1.0, "perfect: the best possible choice"))
        elif curve.map == RANDOM:
            looks.append((curve, _GREY, "5 4", 1.0, "random"))
        else:
            colour, dash, width = LINES[number % len(LINES)]
            number += 1
            looks.append((curve, colour, dash, width, readable(curve.map)))
    return looks


def _panel(
    drawing: Drawing,
    looks: Sequence[tuple[Curve, str, str, float, str]],
    terrains: Sequence[str],
    ends: tuple[float, float],
    end: float,
) -> None:
    kept = {curve.map: _upto(curve, end) for curve, *_ in looks}
    drawn = [max(kept[curve.map][3 if curve.map in terrains else 1]) for curve, *_ in looks if curve.map != PERFECT]
    highest = 1.0 if end == 1.0 else min(1.0, 1.12 * max([end, *drawn]))
    x, y = linear(0.0, end, *ends), linear(0.0, highest, _BOTTOM, _TOP)
    for tick in linear_ticks(0.0, highest, 5):
        drawing.line(x.start, y.at(tick), x.end, y.at(tick), LINE, 0.8)
        drawing.text(x.start - 6, y.at(tick) + 4, percent(tick), "end", 11, SOFT)
    for tick in (end * i / 4 for i in range(5)):
        drawing.text(x.at(tick), _BOTTOM + 17, percent(tick), "middle", 11, SOFT)
    for curve, colour, dash, width, _ in looks:
        shares, expected, low, high = kept[curve.map]
        if curve.map in terrains:
            _band(drawing, x, y, shares=shares, low=low, high=high, colour=colour)
        drawing.polyline(_inside(x, y, shares, expected, highest), colour, width, dash=dash)
    drawing.line(x.start, _BOTTOM, x.end, _BOTTOM, INK, 1)
    drawing.line(x.start, _TOP, x.start, _BOTTOM, INK, 1)


def _upto(curve: Curve, end: float) -> tuple[list[float], list[float], list[float], list[float]]:
    """Shares, expected, worst and best values up to a share."""
    kept = [i for i, share in enumerate(curve.shares) if share <= end + 1e-9]
    columns = (curve.shares, curve.expected, curve.pessimistic, curve.optimistic)
    shares, expected, low, high = ([values[i] for i in kept] for values in columns)
    return shares, expected, low, high


def _inside(
    x: Scale, y: Scale, shares: Sequence[float], values: Sequence[float], highest: float
) -> list[tuple[float, float]]:
    """The points of a line, as far as it lies inside the panel."""
    points: list[tuple[float, float]] = []
    for i, (share, value) in enumerate(zip(shares, values, strict=True)):
        if value > highest:
            if i and value > values[i - 1]:
                part = (highest - values[i - 1]) / (value - values[i - 1])
                points.append((x.at(shares[i - 1] + part * (share - shares[i - 1])), y.at(highest)))
            break
        points.append((x.at(share), y.at(value)))
    return points


def _band(
    drawing: Drawing,
    x: Scale,
    y: Scale,
    shares: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    colour: str,
) -> None:
    there = [f"{units(x.at(s))} {units(y.at(v))}" for s, v in zip(shares, high, strict=True)]
    back = [f"{units(x.at(s))} {units(y.at(v))}" for s, v in zip(shares, low, strict=True)]
    drawing.area(f"M{' L'.join([*there, *reversed(back)])}Z", colour, 0.14)
