"""The validation as one self-contained HTML page: no script, no network, no event points."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..core.accuracy.measures import (
    AREA,
    AREA_UNDER,
    CALIBRATION,
    CLASSES,
    CRPS,
    DEVIANCE,
    EFFICIENCY,
    HIT_RATE,
    OBSERVED,
    PAI,
    PEI,
    PREDICTED,
    RATIO,
    RECAPTURE,
    SLOPE,
    STREET,
)
from ..core.accuracy.validation import RANDOM, Figure, Validation
from .curve import capture_picture
from .origins import origins
from .templates import environment
from .validation import MEASURE_NOTES, ValidationFindings
from .wording import NOT_KNOWN, fixed, number, percent

_GROUND = {AREA: "area", STREET: "length of street"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure as it is printed: the value, its 95 % interval, and its bounds by ties; "" where there is none."""

    value: str
    interval: str = ""
    ties: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True)
class MeasureTable:
    """One measure: a row a map, a column a share."""

    measure: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True)
class ClassRow:
    """What lies above a class limit of a terrain."""

    label: str
    share: float
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class CalibrationTable:
    """Calibration of one map: summary lines and a row a decile."""

    map: str
    summary: tuple[tuple[str, Cell, str], ...]
    deciles: tuple[tuple[str, float, Cell, Cell, Cell], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BasisSection:
    """Everything that was measured by area, or by street."""

    basis: str
    ground: str
    picture: Markup
    tables: tuple[MeasureTable, ...]
    differences: MeasureTable
    under: MeasureTable
    classes: tuple[tuple[str, tuple[ClassRow, ...]], ...]


def render_validation(findings: ValidationFindings) -> str:
    """The page."""
    validation = findings.validation
    bases = (AREA,) if validation.street is None else (AREA, STREET)
    return (
        environment()
        .get_template("validation.html")
        .render(
            f=findings,
            v=validation,
            context=findings.context,
            sections=[_section(validation, basis) for basis in bases],
            calibrations=_calibrations(validation),
            origins=origins(findings.context.provenance),
        )
    )


def area_section(validation: Validation) -> BasisSection:
    """What was measured by area: the part that other pages show too."""
    return _section(validation, AREA)


def _section(validation: Validation, basis: str) -> BasisSection:
    curves = [curve for curve in validation.curves if curve.basis == basis]
    picture = capture_picture(curves, validation.terrains)
    measures = (HIT_RATE, PAI, PEI, EFFICIENCY[basis], RECAPTURE, CALIBRATION)
    tables = [_table(validation, basis, measure) for measure in measures]
    return BasisSection(
        basis=basis,
        ground=_GROUND[basis],
        picture=picture,
        tables=tuple(table for table in tables if table.rows),
        differences=_differences(validation, basis),
        under=_under(validation, basis),
        classes=tuple((name, rows) for name in validation.terrains if (rows := _classes(validation, basis, name))),
    )


def _table(validation: Validation, basis: str, measure: str) -> MeasureTable:
    shares = sorted(validation.settings.shares)
    by_map = {name: [validation.find(measure, name, share, basis) for share in shares] for name, _ in validation.maps}
    by_map = {name: figures for name, figures in by_map.items() if None not in figures}
    higher = measure not in (RECAPTURE, CALIBRATION)
    best = [max((f[i].expected for f in by_map.values()), default=0.0) if higher else None for i in range(len(shares))]
    rows = tuple(
        (name, tuple(_cell(f, _writer(measure), name != RANDOM, f.expected == best[i]) for i, f in enumerate(figures)))
        for name, figures in by_map.items()
    )
    note = MEASURE_NOTES.get(measure, "")
    return MeasureTable(measure, note, tuple(percent(share) for share in shares), rows)


def _writer(measure: str) -> Callable[[float], str]:
    if measure in (HIT_RATE, PEI):
        return lambda value: percent(value, 1)
    if measure in EFFICIENCY.values():
        return number
    return lambda value: fixed(value, 2)


def _cell(figure: Figure, write: Callable[[float], str], ties: bool = True, best: bool = False) -> Cell:
    """A figure; `ties` is False where the order inside ties says nothing, as for a random choice."""
    if not math.isfinite(figure.expected):
        return Cell(NOT_KNOWN)
    interval = between = ""
    if math.isfinite(figure.lower) and math.isfinite(figure.upper):
        interval = f"{write(figure.lower)} to {write(figure.upper)}"
    low, high = sorted((figure.pessimistic, figure.optimistic))
    if ties and math.isfinite(low) and math.isfinite(high) and write(low) != write(high):
        between = f"{write(low)} to {write(high)}"
    return Cell(write(figure.expected), interval, between, best)


def _differences(validation: Validation, basis: str) -> MeasureTable:
    """Hit rate of each terrain less that of every other map, in percentage points."""
    shares = sorted(validation.settings.shares)
    rows = []
    names = [name for name, _ in validation.maps]
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            figures = [validation.find(HIT_RATE, one, share, basis, against=other) for share in shares]
            if one in validation.terrains and None not in figures:
                rows.append((f"{one} − {other}", tuple(_cell(f, _points, ties=False) for f in figures if f)))
    return MeasureTable("difference in hit rate", "", tuple(percent(share) for share in shares), tuple(rows))


def _points(value: float) -> str:
    return ("+" if round(100 * value, 1) > 0 else "") + fixed(100 * value, 1)


def _under(validation: Validation, basis: str) -> MeasureTable:
    rows = []
    for name, _ in validation.maps:
        figure = validation.find(AREA_UNDER, name, None, basis)
        if figure is not None:
            rows.append((name, (_cell(figure, lambda value: fixed(value, 3), name != RANDOM),)))
    return MeasureTable(AREA_UNDER, MEASURE_NOTES[AREA_UNDER], ("Area under the curve",), tuple(rows))


def _classes(validation: Validation, basis: str, name: str) -> tuple[ClassRow, ...]:
    """The classes of a terrain: what it caught there, and what the others caught on as much ground."""
    limits = {f"{label} of {name}": label for label in CLASSES}
    labels: dict[str, float] = {}
    figures: dict[tuple[str, str, str], Figure] = {}
    for f in validation.figures:
        if f.kind == "class" and f.basis == basis and not f.against and f.threshold in limits:
            labels.setdefault(f.threshold, f.share or 0.0)
            figures[f.threshold, f.measure, f.map] = f
    rows = []
    for label, share in labels.items():
        pair = [figures[label, measure, name] for measure in (HIT_RATE, PAI)]
        others = [figures[label, HIT_RATE, other] for other, _ in validation.maps if other != name]
        cells = [_cell(pair[0], _writer(HIT_RATE)), _cell(pair[1], _writer(PAI))]
        cells += [_cell(f, _writer(HIT_RATE), f.map != RANDOM) for f in others]
        rows.append(ClassRow(limits[label], share, tuple(cells)))
    return tuple(rows)


def _calibrations(validation: Validation) -> tuple[CalibrationTable, ...]:
    return tuple(
        _calibration(validation, name) for name, _ in validation.maps if validation.find(RATIO, name) is not None
    )


def _calibration(validation: Validation, name: str) -> CalibrationTable:
    lines: Sequence[tuple[str, str, Callable[[float], str]]] = (
        (
            RATIO,
            "predicted over observed events in all cells, the prediction scaled to the length of the test period where "
            "both are known; 1 when as many came as expected",
            _two,
        ),
        (SLOPE, "of a Poisson regression of the counts on the logarithm of the expected counts; 1 when right", _three),
        (DEVIANCE, "mean over the cells; lower is better", _four),
        (CRPS, "continuous ranked probability score, mean over the cells, in events; lower is better", _four),
    )
    summary = []
    for measure, note, write in lines:
        figure = validation.find(measure, name)
        if figure is not None:
            summary.append((measure, _cell(figure, write), note))
    deciles: dict[str, dict[str, Figure]] = {}
    for f in validation.figures:
        if f.kind == "decile" and f.map == name:
            deciles.setdefault(f.threshold, {})[f.measure] = f
    rows = [
        (
            label,
            by_map[OBSERVED].share or 0.0,
            Cell(number(by_map[PREDICTED].expected)),
            _cell(by_map[OBSERVED], number),
            _cell(by_map[RATIO], _two),
        )
        for label, by_map in deciles.items()
    ]
    return CalibrationTable(name, tuple(summary), tuple(rows))


def _two(value: float) -> str:
    return fixed(value, 2)


def _three(value: float) -> str:
    return fixed(value, 3)


def _four(value: float) -> str:
    return number(value, 4)
