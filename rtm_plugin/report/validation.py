"""How good the maps are, in numbers and sentences: what the page, the JSON file and the log all print."""

import math
from dataclasses import dataclass

from ..core.accuracy.measures import (
    AREA_UNDER,
    CALIBRATION,
    HIT_RATE,
    PAI,
    PEI,
    RECAPTURE,
)
from ..core.accuracy.validation import Validation
from ..core.documents.reading import json_text
from .validation_context import ValidationContext
from .validation_sentences import headline_of, warnings_of

FORMAT, VERSION = "risk-terrain-validation", 1
DIGITS = 10  # of numbers in files: the last ones depend on the machine
MEASURE_NOTES = {
    HIT_RATE: "share of the later events that lie in the flagged cells",
    PAI: "predictive accuracy index: hit rate divided by the share that is flagged; random has 1",
    PEI: "predictive efficiency index: PAI divided by the best PAI that any choice of the same size could have reached",
    RECAPTURE: "recapture rate index: later over prior events in the flagged cells, divided by the same in all cells; "
    "1 when the flagged cells kept their share of events",
    CALIBRATION: "predicted over observed events in the flagged cells, after the predicted events were scaled to the "
    "number observed in all cells; 1 when right",
    AREA_UNDER: "area under the curve of events against ground: 0.5 for random, and what a cell with an event is "
    "likely to outrank",
}


@dataclass(frozen=True, slots=True)
class ValidationFindings:
    """Everything a reader is told.

    Parameters
    ----------
    headline : tuple of str
        What was found; the first sentence says whether a baseline beats the terrain.
    warnings : tuple of str
        What the reader must know before believing it; overlaps of periods first.
    """

    context: ValidationContext
    validation: Validation
    headline: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        """The text of the JSON file; numbers with ten digits, null where there is none."""
        context, validation = self.context, self.validation
        document = {
            "format": FORMAT,
            "version": VERSION,
            "title": context.title,
            "overlap": bool(context.overlaps),
            "headline": self.headline,
            "warnings": self.warnings,
            "periods": {
                "tested": context.tested.iso,
                "prior": context.prior.iso,
                "fitted": {origin.name: origin.fitted.iso for origin in context.origins if origin.fitted.known},
            },
            "events": {
                "inside": validation.events,
                "outside": context.outside,
                "off_street": validation.events_off_street,
                "prior": validation.prior_events,
            },
            "cells": validation.cells,
            "area_km2": validation.area,
            "street_km": validation.street,
            "maps": [{"name": name, "role": role, "kind": self.kind_of(name)} for name, role in validation.maps],
            "kernel_bandwidth": context.bandwidth,
            "replicates": validation.settings.replicates,
            "seed": validation.settings.seed,
            "units": validation.settings.units,
            "figures": validation.figures,
            "curves": validation.curves,
            "provenance": context.provenance,
        }
        return json_text(document, rounded)

    def kind_of(self, name: str) -> str:
        """The kind of raster that a map is; baseline for those that were made here."""
        return next((origin.kind for origin in self.context.origins if origin.name == name), "baseline")


def validation_findings(validation: Validation, context: ValidationContext) -> ValidationFindings:
    """Put the figures of a validation in sentences."""
    return ValidationFindings(context, validation, headline_of(validation, context), warnings_of(validation, context))


def rounded(value: float | None) -> float | None:
    """Ten significant digits; None for what is not a finite number."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.{DIGITS}g}")
