"""What rtm:sensitivity tells: rows of its tables and its lines in the log."""

from collections.abc import Iterator
from typing import Any

from qgis.core import QgsProcessingFeedback

from ...rtm_plugin.adapters.tables import Column
from ...rtm_plugin.core.accuracy.backtest import text_hash
from ...rtm_plugin.core.stability.sensitivity_runs import Sensitivity, SensitivityRun, run_text
from .base import tr

FACTOR_COLUMNS: tuple[Column, ...] = (
    ("factor", str),
    ("as_asked", str),
    ("runs", int),
    ("selected", int),
    ("selected_share", float),
    ("tested", int),
    ("established", int),
    ("established_share", float),
    ("otherwise", str),
)
RESULT = "result"  # the whole run as JSON, which the next time is read
RUN_COLUMNS = (
    "run",
    "choice",
    "value",
    "cells",
    "events",
    "family",
    "variables",
    "selected",
    "established",
    "correlation",
    "overlap_5",
    "note",
    "settings",
    "settings_hash",
    RESULT,
)


def factor_rows(found: Sensitivity) -> Iterator[list[Any]]:
    """One row a factor, in the order of the study."""
    for factor in found.factors:
        yield [
            factor.factor,
            factor.as_asked or "not selected",
            factor.runs,
            factor.selected,
            factor.selected_share,
            factor.tested,
            factor.established,
            factor.established_share,
            "; ".join(factor.otherwise),
        ]


def run_row(number: int, run: SensitivityRun, settings: str) -> dict[str, Any]:
    """One row of the file of runs; what is not known stays empty."""
    return {
        "run": number,
        "choice": run.choice,
        "value": run.value,
        "cells": run.cells if run.fitted else "",
        "events": run.events if run.fitted else "",
        "family": run.family,
        "variables": "; ".join(term.name for term in run.terms),
        "selected": "; ".join(run.selected),
        "established": "; ".join(run.established or ()),
        "correlation": "" if run.correlation is None else run.correlation,
        "overlap_5": "" if run.overlap is None else run.overlap,
        "note": run.note,
        "settings": settings,
        "settings_hash": text_hash(settings),
        RESULT: run_text(run),
    }


def tell_run(number: int, run: SensitivityRun, feedback: QgsProcessingFeedback) -> None:
    """What came of one run, in a line."""
    if not run.fitted:
        feedback.pushWarning(tr("Run {}, {}: {}").format(number, run.name, run.note))
        return
    text = tr("Run {}, {}: {}").format(number, run.name, ", ".join(run.selected) or tr("no factor"))
    if run.established is not None:
        text += tr("; established {}").format(", ".join(run.established) or tr("none"))
    if run.correlation is not None and run.overlap is not None:
        alike = tr("; rank correlation {:.2f}, {:.0%} of the highest 5 percent of area in common")
        text += alike.format(run.correlation, run.overlap)
    feedback.pushInfo(text + ".")
    if run.note:
        feedback.pushWarning(tr("Run {}, {}: {}").format(number, run.name, run.note))


def tell_factors(found: Sensitivity, feedback: QgsProcessingFeedback) -> None:
    """What all runs say of each factor."""
    for factor in found.factors:
        text = tr("{}: selected in {} of {} runs").format(factor.factor, factor.selected, factor.runs)
        if factor.tested:
            text += tr(", established in {} of {}").format(factor.established, factor.tested)
        feedback.pushInfo(text + ".")
