"""The report as one self-contained HTML page: no script, no network, no event points."""

import base64
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from numpy.typing import NDArray

from ..core.grid import Grid
from ..core.terrain import CLASS_COLOURS, ScoreSummary
from . import wording
from .derive import bic_gap
from .figures import RANKED, class_labels, risk_map
from .findings import BEFORE_SELECTION, NOT_CAUSE, RELATIVE, Findings, Parameter
from .sentences import family_label, outcome_name

TEMPLATES = Path(__file__).parents[2] / "resources" / "report"
_BAR_WIDTH, _BAR_PAD = 240.0, 6.0
_FARTHEST = 12.0  # a rate ratio of exp(12) ends the drawn scale
_SOFTWARE = {"plugin": "Risk Terrain plugin", "qgis": "QGIS"}


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class of the map: its name, colour, cells and share of the cells."""

    label: str
    colour: str
    cells: int
    share: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One interval on the common logarithmic scale, in drawing units; `one` is where the rate is unchanged."""

    low: float
    middle: float
    high: float
    one: float


@dataclass(frozen=True, slots=True)
class Origins:
    """What the provenance tells about how the model came to be, ready to print."""

    started: str
    seconds: float | None
    stages: tuple[tuple[str, float], ...]
    versions: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str], ...]
    inputs: tuple[Mapping[str, Any], ...]


def render(findings: Findings, grid: Grid, scores: NDArray[np.float32], place_labels: NDArray[np.int64]) -> str:
    """The report.

    Parameters
    ----------
    findings : Findings
    grid : Grid
    scores : (cells,) float32
    place_labels : (cells,) int64, rank of each cell's priority place, 0 outside
    """
    picture = risk_map(grid, scores, findings.model.score, place_labels, findings.context.units)
    page = environment().get_template("report.html")
    return page.render(
        f=findings,
        model=findings.model,
        context=findings.context,
        outcome=outcome_name(findings.context),
        map="data:image/png;base64," + base64.b64encode(picture).decode("ascii"),
        bars=_bars(findings.factor_rows),
        bar_width=_BAR_WIDTH,
        classes=class_rows(findings.model.score, scores),
        top=findings.places[:RANKED],
        origins=origins(findings.model.provenance),
        not_cause=NOT_CAUSE,
        before_selection=BEFORE_SELECTION,
        relative=RELATIVE,
    )


def environment() -> Environment:
    """Templates of the pages, with the filters that write numbers."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for tool in (
        wording.fixed,
        wording.number,
        wording.whole,
        wording.percent,
        wording.p_value,
        wording.difference,
        wording.duration,
        wording.crs_label,
        wording.capital,
        wording.longest_word,
    ):
        environment.filters[tool.__name__] = tool
    environment.filters["family_label"] = family_label
    environment.globals["bic_gap"] = bic_gap
    environment.globals["many"] = wording.many
    return environment


def class_rows(summary: ScoreSummary, scores: NDArray[np.float32]) -> tuple[ClassRow, ...]:
    """How many cells each class holds, highest risk first."""
    cells = np.bincount(summary.classes(scores), minlength=len(CLASS_COLOURS))
    labels = class_labels(summary) if summary.sd > 0 else ("the same score in every cell",)
    rows = [
        ClassRow(label, colour, int(n), float(n) / len(scores))
        for label, colour, n in zip(labels, CLASS_COLOURS, cells, strict=False)
    ]
    return tuple(reversed(rows))


def _bars(rows: Sequence[Parameter]) -> tuple[Bar, ...]:
    """The rate ratio of each factor with its interval: a protective factor lies below 1."""
    if not rows:
        return ()
    logarithms = [_log_ratio(row) for row in rows]
    low = min(0.0, *(a for a, _, _ in logarithms))
    high = max(0.0, *(b for _, _, b in logarithms))
    scale = (_BAR_WIDTH - 2 * _BAR_PAD) / ((high - low) or 1.0)

    def at(value: float) -> float:
        return round(_BAR_PAD + (value - low) * scale, 2)

    return tuple(Bar(at(a), at(m), at(b), at(0.0)) for a, m, b in logarithms)


def _log_ratio(row: Parameter) -> tuple[float, float, float]:
    spread = (row.coefficient - _log(row.low), _log(row.high) - row.coefficient)
    if row.kind == "protective factor":
        values = (-row.coefficient - spread[1], -row.coefficient, -row.coefficient + spread[0])
    else:
        values = (row.coefficient - spread[0], row.coefficient, row.coefficient + spread[1])
    low, middle, high = (max(-_FARTHEST, min(_FARTHEST, v)) for v in values)
    return low, middle, high


def _log(value: float | None) -> float:
    if not value:
        return -_FARTHEST
    return math.log(value) if math.isfinite(value) else _FARTHEST


def origins(provenance: Mapping[str, Any]) -> Origins:
    """Read the provenance, which is free in form, with tolerance."""
    seconds = provenance.get("seconds")
    stages = (
        tuple((str(k), float(v)) for k, v in seconds.items() if _is_number(v)) if isinstance(seconds, Mapping) else ()
    )
    parameters = provenance.get("parameters")
    inputs = provenance.get("inputs")
    known = {"started", "seconds", "parameters", "inputs"}
    return Origins(
        wording.moment(str(provenance["started"])) if provenance.get("started") else "",
        sum(value for _, value in stages) if stages else None,
        stages,
        tuple((_SOFTWARE.get(k, k), _text(v)) for k, v in provenance.items() if k not in known),
        tuple((str(k), _text(_without_folders(v))) for k, v in parameters.items())
        if isinstance(parameters, Mapping)
        else (),
        tuple(_input(entry) for entry in inputs if isinstance(entry, Mapping))
        if isinstance(inputs, (list, tuple))
        else (),
    )


def _input(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    features = entry.get("features")
    return {
        "role": _text(entry.get("role", "")),
        "name": _text(entry.get("name", "")),
        "features": features if _is_number(features) else None,
        "sha256": _text(entry.get("sha256", "")),
    }


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _without_folders(value: object) -> object:
    """File names without their folders: a page that is handed on need not tell whose computer it came from."""
    if isinstance(value, (list, tuple)):
        return [_without_folders(item) for item in value]
    if not isinstance(value, str) or not re.match(r"/|\\\\|[A-Za-z]:[\\/]", value):
        return value
    path, bar, rest = value.partition("|")
    return path.replace("\\", "/").rsplit("/", 1)[-1] + bar + rest


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False, default=str)
