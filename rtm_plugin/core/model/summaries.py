"""What the model file says of a selection: families, terms, and the fate of every candidate."""

from dataclasses import asdict

import numpy as np

from ..candidates.columns import CandidateSet
from ..candidates.covariates import Observations
from ..documents.settings import SelectionSettings
from ..selection.procedure import Selection
from ..selection.separation import SeparationSummary, rare_exposures
from ..selection.stepwise import Selected
from .document import (
    AdjustmentTerm,
    CandidateFate,
    CullingSummary,
    FamilyModel,
    GridSummary,
    ModelTerm,
    TraceStep,
)


def grid_summary(observed: Observations) -> GridSummary:
    grid = observed.grid
    with_events = int(np.count_nonzero(observed.counts))
    return GridSummary(grid.cells, with_events, grid.cell_size, grid.block_length, grid.crs, grid.extent)


def culling_summary(selection: Selection, settings: SelectionSettings) -> CullingSummary | None:
    c = selection.culling
    if c is None:
        return None
    return CullingSummary(c.l1_share, c.penalty, c.deviance, settings.folds, settings.seed, len(c.survivors))


def family_model(family: str, selected: Selected, observed: Observations) -> FamilyModel:
    """Terms sorted by relative risk value, largest first."""
    fit = selected.fit
    terms = [
        ModelTerm(
            c.name,
            c.factor,
            c.operationalisation,
            c.distance,
            c.direction,
            float(fit.coefficients[i]),
            float(fit.standard_errors[i]),
            float(fit.p_values[i]),
            float(np.exp(fit.coefficients[i])),
        )
        for i, c in enumerate(selected.candidates, 1)
    ]
    first = 1 + len(terms)
    adjustments = tuple(
        AdjustmentTerm(
            scale.name,
            scale.mean,
            scale.sd,
            float(fit.coefficients[i]),
            float(fit.standard_errors[i]),
            float(fit.p_values[i]),
        )
        for i, scale in enumerate(observed.scales, first)
    )
    return FamilyModel(
        family,
        tuple(sorted(terms, key=lambda term: (-term.rrv, term.name))),
        adjustments,
        float(fit.coefficients[0]),
        float(fit.standard_errors[0]),
        fit.dispersion,
        fit.log_dispersion_error,
        fit.log_likelihood,
        fit.bic,
        tuple(TraceStep(**asdict(step)) for step in selected.steps),
    )


def separation_summary(observed: Observations, selection: Selection) -> SeparationSummary | None:
    """Factors that leave no event on one side, and rare exposure; None where there is neither."""
    best = selection.best
    found = SeparationSummary(
        selection.separated,
        tuple(best.candidates[j].name for j in best.fit.separated),
        rare_exposures(observed.counts, observed.candidates, best.candidates),
    )
    return found if found else None


def fates(candidates: CandidateSet, selection: Selection) -> tuple[CandidateFate, ...]:
    """Fate and reason of every candidate, in order."""
    exposed = candidates.exposed()
    return tuple(
        CandidateFate(
            c.name,
            c.factor,
            c.operationalisation,
            c.distance,
            c.direction,
            int(exposed[j]),
            c.threshold,
            *_fate(c.name, c.factor, selection),
            selection.alternatives.get(c.name),
        )
        for j, c in enumerate(candidates.candidates)
    )


def _fate(name: str, factor: str, selection: Selection) -> tuple[bool, str, str]:
    """survived, fate, reason."""
    if name in selection.dropped:
        return False, "dropped", selection.dropped[name]
    culling = selection.culling
    survived = culling is None or name in culling.survivors
    chosen = {c.factor: c.name for c in selection.best.candidates}
    if chosen.get(factor) == name:
        return survived, "selected", "In the model."
    if culling is not None and not survived:
        reason = (
            f"The elastic net set its coefficient to 0 (penalty {culling.penalty:.4g}, L1 share {culling.l1_share:g})."
        )
        return False, "culled", reason
    if factor in chosen:
        return True, "not selected", f"{chosen[factor]} stands for this factor in the model."
    return True, "not selected", "It does not lower BIC with a coefficient above 0 and p ≤ 0.05."
