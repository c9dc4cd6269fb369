"""The diagnosis as one self-contained HTML page: no script, no network, no place of an event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ..core.answers.diagnosis import Diagnosis
from ..core.answers.diagnosis_fit import FactorSupport
from ..core.diagnostics.prediction_checks import ExpectationGroup
from ..core.tools.normal import NORMAL_95
from .charts import observed_and_expected
from .derive import exponential
from .details import FitGroup
from .diagnosis import DiagnosisFindings
from .diagnosis_charts import correlogram, pairs, rootogram
from .origins import origins
from .sentences import family_label
from .templates import environment
from .wording import NOT_KNOWN, fixed, number


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportRow:
    """What a factor rests on, as it is printed."""

    factor: str
    told: str
    by_blocks: str
    z: float
    cell: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisPictures:
    """Every drawing of the page; None where there is nothing to draw."""

    observed: Markup | None
    rootogram: Markup
    correlogram: Markup | None
    pairs: Markup | None


def render_diagnosis(findings: DiagnosisFindings) -> str:
    """The page."""
    found = findings.diagnosis
    groups = fit_groups_of(found.tenths)
    return (
        environment()
        .get_template("diagnosis.html")
        .render(
            f=findings,
            d=found,
            context=findings.context,
            groups=groups,
            pictures=_pictures(found, groups, findings.context.units),
            supports=[_row(one) for one in found.supports],
            rare=[one for one in found.exposures if one.rare],
            family=family_label(found.model.family),
            origins=origins(findings.provenance),
        )
    )


def fit_groups_of(tenths: Sequence[ExpectationGroup]) -> tuple[FitGroup, ...]:
    """Groups of cells with the 95 % range of independent counts of the family."""
    return tuple(
        FitGroup(
            cells=group.cells,
            expected=group.expected,
            low=max(0.0, group.expected - NORMAL_95 * group.spread),
            high=group.expected + NORMAL_95 * group.spread,
            observed=group.observed,
        )
        for group in tenths
    )


def _pictures(found: Diagnosis, groups: Sequence[FitGroup], units: str) -> DiagnosisPictures:
    beyond = [pair for pair in found.pairs if pair.lag > 0]
    return DiagnosisPictures(
        observed=observed_and_expected(groups) if len(groups) > 1 else None,
        rootogram=rootogram(found.rootogram),
        correlogram=correlogram(found.correlogram, units) if len(found.correlogram) > 1 else None,
        pairs=pairs(beyond, units) if len(beyond) > 1 else None,
    )


def _row(one: FactorSupport) -> SupportRow:
    divides = "÷ " if one.direction == "protective" else ""
    place = NOT_KNOWN
    if one.place is not None:
        place = f"{_left(one.place.z_without)} (place {one.place.place})"
    return SupportRow(
        factor=one.factor,
        told=f"{divides}{number(exponential(one.told))} ({_interval(one.told, one.standard_error)})",
        by_blocks=NOT_KNOWN if one.block_error is None else _interval(one.coefficient, one.block_error),
        z=one.cell.z,
        cell=_left(one.cell.z_without),
        place=place,
    )


def _left(z: float | None) -> str:
    """What is left of z without something."""
    return "no estimate" if z is None else fixed(z, 1)


def _interval(coefficient: float, error: float) -> str:
    low, high = coefficient - NORMAL_95 * error, coefficient + NORMAL_95 * error
    return f"{number(exponential(low))} to {number(exponential(high))}"
