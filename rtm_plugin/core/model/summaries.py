"""What the model file says of a selection: families, terms, and the fate of every candidate."""

from dataclasses import asdict

import numpy as np

from ..candidates.columns import CandidateSet
from ..candidates.covariates import Observations
from ..documents.settings import SelectionSettings
from ..doubt.significance import NOT_BETTER, Significance, p_text
from ..selection.procedure import Selection
from ..selection.separation import SeparationSummary, rare_exposures
from ..selection.stepwise import Selected
from .parts import AdjustmentTerm, CandidateFate, CullingSummary, FamilyModel, GridSummary, ModelTerm, TraceStep


def grid_summary(observed: Observations) -> GridSummary:
    grid = observed.grid
    with_events = int(np.count_nonzero(observed.counts))
    return GridSummary(
        cells=grid.cells,
        cells_with_events=with_events,
        cell_size=grid.cell_size,
        block_length=grid.block_length,
        crs=grid.crs,
        extent=grid.extent,
    )


def culling_summary(selection: Selection, settings: SelectionSettings) -> CullingSummary | None:
    c = selection.culling
    if c is None:
        return None
    return CullingSummary(
        l1_share=c.l1_share,
        penalty=c.penalty,
        deviance=c.deviance,
        folds=settings.folds,
        seed=settings.seed,
        draws=settings.draws,
        survivors=len(c.survivors),
    )


def family_model(family: str, selected: Selected, observed: Observations) -> FamilyModel:
    """Terms sorted by relative risk value, largest first."""
    fit = selected.fit
    terms = [
        ModelTerm(
            name=c.name,
            factor=c.factor,
            operationalisation=c.operationalisation,
            distance=c.distance,
            direction=c.direction,
            coefficient=float(fit.coefficients[i]),
            standard_error=float(fit.standard_errors[i]),
            p_value=float(fit.p_values[i]),
            rrv=float(np.exp(fit.coefficients[i])),
        )
        for i, c in enumerate(selected.candidates, 1)
    ]
    first = 1 + len(terms)
    adjustments = tuple(
        AdjustmentTerm(
            name=scale.name,
            mean=scale.mean,
            sd=scale.sd,
            coefficient=float(fit.coefficients[i]),
            standard_error=float(fit.standard_errors[i]),
            p_value=float(fit.p_values[i]),
        )
        for i, scale in enumerate(observed.scales, first)
    )
    return FamilyModel(
        family=family,
        selected=tuple(sorted(terms, key=lambda term: (-term.rrv, term.name))),
        adjustments=adjustments,
        intercept=float(fit.coefficients[0]),
        intercept_standard_error=float(fit.standard_errors[0]),
        dispersion=fit.dispersion,
        log_dispersion_standard_error=fit.log_dispersion_error,
        log_likelihood=fit.log_likelihood,
        bic=fit.bic,
        steps=tuple(TraceStep(**asdict(step)) for step in selected.steps),
    )


def separation_summary(observed: Observations, selection: Selection) -> SeparationSummary | None:
    """Factors that leave no event on one side, and rare exposure; None where there is neither."""
    best = selection.best
    summary = SeparationSummary(
        selection.separated,
        tuple(best.candidates[j].name for j in best.fit.separated),
        rare_exposures(observed.counts, observed.candidates, best.candidates),
    )
    return summary if summary else None


def fates(
    candidates: CandidateSet, selection: Selection, significance: Significance | None = None
) -> tuple[CandidateFate, ...]:
    """Fate and reason of every candidate, in order."""
    exposed = candidates.exposed()
    return tuple(
        CandidateFate(
            name=c.name,
            factor=c.factor,
            operationalisation=c.operationalisation,
            distance=c.distance,
            direction=c.direction,
            cells_exposed=int(exposed[j]),
            threshold=c.threshold,
            survived=_survived(c.name, selection),
            fate=fate,
            reason=reason,
            bic_if_used=selection.alternatives.get(c.name),
        )
        for j, c in enumerate(candidates.candidates)
        for fate, reason in (_fate(c.name, c.factor, selection, significance),)
    )


def _survived(name: str, selection: Selection) -> bool:
    culling = selection.culling
    return name not in selection.dropped and (culling is None or name in culling.survivors)


def _fate(name: str, factor: str, selection: Selection, significance: Significance | None) -> tuple[str, str]:
    """Fate and reason."""
    left = {test.candidate: test for test in significance.left} if significance is not None else {}
    if name in left:
        return "not established", f"It {NOT_BETTER} ({p_text(left[name].p)})."
    if name in selection.dropped:
        return "dropped", selection.dropped[name]
    culling = selection.culling
    chosen = {c.factor: c.name for c in selection.best.candidates}
    if chosen.get(factor) == name:
        return "selected", "In the model."
    if culling is not None and not _survived(name, selection):
        reason = (
            f"The elastic net set its coefficient to 0 (penalty {culling.penalty:.4g}, L1 share {culling.l1_share:g})."
        )
        return "culled", reason
    if factor in chosen:
        return "not selected", f"{chosen[factor]} stands for this factor in the model."
    gone = next((test for test in left.values() if test.factor == factor), None)
    if gone is not None:
        return "not selected", f"{gone.candidate} stood for this factor, and is not established."
    return "not selected", "It does not lower BIC with a coefficient above 0 and p ≤ 0.05."
