"""Whether a model fits, in numbers and sentences: what the page, the JSON file and the log all print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..core.answers.diagnosis import Check, Diagnosis
from ..core.answers.diagnosis_checks import checks_of
from ..core.answers.diagnosis_fit import FactorSupport
from ..core.documents.reading import json_text
from .findings import ReportContext
from .validation import rounded
from .wording import many, whole

FORMAT, VERSION = "risk-terrain-diagnosis", 1
OWN_EVENTS = (
    "All of it was looked at on the events that made the model: it can show that a model is wrong, never that it is "
    "right. How well the map does on events that it has not seen is what a validation tells."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisFindings:
    """Everything a reader is told.

    Parameters
    ----------
    context : ReportContext
        Of the study.
    diagnosis : Diagnosis
    checks : tuple of Check
    headline : tuple of str
        What was found, in sentences.
    provenance : mapping
        Of the diagnosis.
    """

    context: ReportContext
    diagnosis: Diagnosis
    checks: tuple[Check, ...]
    headline: tuple[str, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The sentences of the checks that warn."""
        return tuple(check.sentence for check in self.checks if check.severity == "warning")

    def to_json(self) -> str:
        """The text of the JSON file; numbers with ten digits, null where there is none."""
        found = self.diagnosis
        document = {
            "format": FORMAT,
            "version": VERSION,
            "title": self.context.title,
            "model": found.model.fingerprint,
            "family": found.model.family,
            "cells": found.grid.cells,
            "events": found.model.events_fitted,
            "headline": self.headline,
            "checks": [asdict(check) for check in self.checks],
            "moran": None if found.moran is None else asdict(found.moran),
            "correlogram": [asdict(ring) for ring in found.correlogram],
            "pairs": [asdict(pair) for pair in found.pairs],
            "clustering": {
                "nugget": found.clustering.nugget,
                "variances": found.clustering.variances.tolist(),
                "ranges": found.clustering.ranges.tolist(),
            },
            "dispersion": found.dispersion,
            "rootogram": {
                "observed": found.rootogram.observed.tolist(),
                "expected": found.rootogram.expected.tolist(),
            },
            "tenths": [asdict(group) for group in found.tenths],
            "explained": None if found.explained is None else asdict(found.explained),
            "overlaps": [asdict(overlap) for overlap in found.overlaps],
            "condition": found.condition,
            "stand_in": None if found.stand_in is None else asdict(found.stand_in),
            "candidates": [{**asdict(one), "rare": one.rare, "separated": one.separated} for one in found.exposures],
            "separated": [asdict(factor) for factor in found.separated],
            "factors": [_support(one) for one in found.supports],
            "blocks": {"width": found.block_width, "number": found.blocks},
            "provenance": self.provenance,
        }
        return json_text(document, rounded)


def diagnosis_findings(
    diagnosis: Diagnosis, context: ReportContext, provenance: Mapping[str, Any] | None = None
) -> DiagnosisFindings:
    """Put a diagnosis in sentences, with distances in the units of the study."""
    checks = checks_of(diagnosis, context.units)
    return DiagnosisFindings(
        context=context,
        diagnosis=diagnosis,
        checks=checks,
        headline=(_counted(checks), OWN_EVENTS),
        provenance=provenance or {},
    )


def _counted(checks: tuple[Check, ...]) -> str:
    """How many checks warn."""
    warn = sum(check.severity == "warning" for check in checks)
    if not warn:
        return f"None of {many(len(checks), 'check')} gives a warning."
    verb = "gives" if warn == 1 else "give"
    return f"{whole(warn)} of {many(len(checks), 'check')} {verb} a warning."


def _support(one: FactorSupport) -> dict[str, Any]:
    """What a factor rests on, without the place of its cell: a single cell may be where one event was."""
    cell = {**asdict(one.cell), "decides": one.cell.decides, "events": one.cell_events}
    place = None
    if one.place is not None:
        place = {**asdict(one.place), "decides": one.place.decides, "events": one.place_events}
    for influence in (cell, place or {}):
        for key in ("column", "cell"):
            influence.pop(key, None)
    return {
        "factor": one.factor,
        "candidate": one.name,
        "direction": one.direction,
        "told": one.told,
        "standard_error": one.standard_error,
        "coefficient": one.coefficient,
        "block_error": one.block_error,
        "cell": cell,
        "place": place,
    }
