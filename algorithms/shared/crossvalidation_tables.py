"""What rtm:crossvalidate tells: rows of its tables, its JSON document, its lines in the log."""

from collections.abc import Iterator, Sequence
from typing import Any

from qgis.core import QgsProcessingFeedback

from ...rtm_plugin.adapters.tables import Column
from ...rtm_plugin.core.accuracy.at_share import Accuracy
from ...rtm_plugin.core.accuracy.crossvalidation import SHARES, Comparison, CrossValidation, FoldResult
from ...rtm_plugin.core.candidates.columns import CandidateSet
from ...rtm_plugin.core.candidates.covariates import Observations
from ...rtm_plugin.core.model.parts import FamilyModel
from .base import tr

FORMAT, VERSION = "risk-terrain-crossvalidation", 1
HEADLINE_SHARE = 0.05

FOLD_COLUMNS: tuple[Column, ...] = (
    ("kind", str),
    ("fold", int),
    ("units", str),
    ("cells_fitted", int),
    ("cells", int),
    ("events", float),
    ("share", float),
    ("hit_rate", float),
    ("hit_rate_low", float),
    ("hit_rate_high", float),
    ("pai", float),
    ("pai_low", float),
    ("pai_high", float),
    ("pei", float),
    ("deviance", float),
    ("null_deviance", float),
    ("family", str),
    ("factors", str),
)
SELECTION_COLUMNS: tuple[Column, ...] = (
    ("factor", str),
    ("candidate", str),
    ("spatial", int),
    ("spatial_folds", int),
    ("random", int),
    ("random_folds", int),
    ("all_cells", bool),
)


def at_share(rows: Sequence[Accuracy], share: float) -> Accuracy:
    """The row of one share."""
    return next(row for row in rows if row.share == share)


def fold_rows(comparison: Comparison) -> Iterator[list[Any]]:
    """The model on its own events, then all random folds, each of them, all spatial folds, each of them."""
    cells = len(comparison.random.expected)
    for row in comparison.apparent:
        yield ["apparent", 0, "", cells, cells, row.events, *_figures(row), None, None, *_model(comparison.model)]
    for kind in (comparison.random, comparison.spatial):
        held = sum(fold.cells for fold in kind.folds)
        for row in kind.accuracy:
            fit = (kind.deviance, kind.null_deviance)
            yield [kind.kind, 0, "", None, held, row.events, *_figures(row), *fit, None, None]
        for fold in kind.folds:
            for share in SHARES:
                yield [kind.kind, fold.number, "; ".join(fold.units), fold.fitted, fold.cells, fold.events,
                       *_of_fold(fold, share), fold.deviance, fold.null_deviance, *_model(fold.model)]  # fmt: skip


def _of_fold(fold: FoldResult, share: float) -> list[float | None]:
    """A fold without events has no accuracy."""
    return _figures(at_share(fold.accuracy, share)) if fold.accuracy else [share, *[None] * 7]


def _figures(row: Accuracy) -> list[float | None]:
    hit, pai = row.hit_rate, row.pai
    return [
        row.share,
        hit.expected,
        hit.pessimistic,
        hit.optimistic,
        pai.expected,
        pai.pessimistic,
        pai.optimistic,
        row.pei.expected,
    ]


def _model(model: FamilyModel) -> list[str]:
    return [model.family, "; ".join(term.name for term in model.selected)]


def selection_rows(comparison: Comparison, candidates: CandidateSet) -> Iterator[list[Any]]:
    """Each factor, with an empty candidate, and then its candidates that were selected at least once."""
    spatial, random = comparison.spatial, comparison.random
    chosen = {term.name for term in comparison.model.selected}
    totals = len(spatial.folds), len(random.folds)
    by_factor = spatial.factors, random.factors
    by_name = spatial.selected, random.selected
    for block in candidates.factors:
        names = [candidate.name for candidate in block.candidates]
        yield [block.factor, "", *_times(block.factor, by_factor, totals), bool(chosen & set(names))]
        for name in names:
            if name in chosen or any(times[name] for times in by_name):
                yield [block.factor, name, *_times(name, by_name, totals), name in chosen]


def _times(name: str, times: Sequence[Any], totals: Sequence[int]) -> list[int]:
    return [number for counter, total in zip(times, totals, strict=True) for number in (counter[name], total)]


def crossvalidation_document(
    comparison: Comparison, observed: Observations, provenance: dict[str, Any]
) -> dict[str, Any]:
    """The result as JSON can hold it."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "cells": len(observed.counts),
        "events": float(observed.counts.sum()),
        "apparent": {"accuracy": comparison.apparent, "model": _chosen_model(comparison.model)},
        "random": _folds_of(comparison.random),
        "spatial": _folds_of(comparison.spatial),
        "selection": [
            dict(zip((name for name, _ in SELECTION_COLUMNS), row, strict=True))
            for row in selection_rows(comparison, observed.candidates)
        ],
        "provenance": provenance,
    }


def _folds_of(kind: CrossValidation) -> dict[str, Any]:
    return {
        "accuracy": kind.accuracy,
        "deviance": kind.deviance,
        "null_deviance": kind.null_deviance,
        "folds": [
            {
                "fold": fold.number,
                "units": list(fold.units),
                "cells_fitted": fold.fitted,
                "cells": fold.cells,
                "events": fold.events,
                "deviance": fold.deviance,
                "null_deviance": fold.null_deviance,
                "accuracy": fold.accuracy,
                "model": _chosen_model(fold.model),
            }
            for fold in kind.folds
        ],
    }


def _chosen_model(model: FamilyModel) -> dict[str, Any]:
    return {
        "family": model.family,
        "intercept": model.intercept,
        "dispersion": model.dispersion,
        "selected": [
            {"name": term.name, "factor": term.factor, "rrv": term.rrv, "direction": term.direction}
            for term in model.selected
        ],
    }


def tell_comparison(comparison: Comparison, feedback: QgsProcessingFeedback) -> None:
    """The three accuracies one under the other, and how often each factor came back."""
    named = (
        (tr("On the events that it was fitted on"), comparison.apparent),
        (tr("Random folds"), comparison.random.accuracy),
        (tr("Spatial folds"), comparison.spatial.accuracy),
    )
    for name, rows in named:
        figures = ", ".join(f"{row.pai.expected:.2f}" for row in rows)
        feedback.pushInfo(tr("{}: PAI at 1, 2, 5, 10 and 20 percent of area {}.").format(name, figures))
    for factor, times in comparison.spatial.factors.most_common():
        feedback.pushInfo(
            tr("  {}: selected in {} of {} spatial folds and {} of {} random folds").format(
                factor,
                times,
                len(comparison.spatial.folds),
                comparison.random.factors[factor],
                len(comparison.random.folds),
            )
        )
    if comparison.spatial.deviance > comparison.spatial.null_deviance:
        feedback.pushWarning(
            tr(
                "In places that it has not seen, the model is worse than the same expected count everywhere: its "
                "factors do not carry from one part of the study area to another."
            )
        )
