"""From a model to the findings: the numbers, each computed once."""

import math
from collections.abc import Sequence
from dataclasses import replace

from ..core.accuracy.at_share import Accuracy
from ..core.answers.diagnosis import Diagnosis
from ..core.answers.diagnosis_checks import checks_of
from ..core.documents.settings import PLACE_CARDS
from ..core.model.document import RiskModel
from ..core.model.parts import AdjustmentTerm, CandidateFate, ModelTerm
from ..core.terrain.places import Place
from ..core.tools.normal import NORMAL_95
from .cards import place_cards
from .cells import Cells
from .details import (
    CLOSE_BIC,
    PATROL_PLACES,
    PlaceList,
    count_rows,
    density_note,
    fit_groups,
    ladders_of,
    score_bins,
    score_classes,
)
from .doubt import Doubt, clusters_of, doubt_of
from .findings import (
    AccuracyRow,
    CandidateCounts,
    FamilyRow,
    Findings,
    FitSummary,
    Formula,
    Parameter,
    PlaceSummary,
    ReportContext,
    RunnerUp,
)
from .sentences import (
    accuracy_sentence,
    dispersion_sentence,
    family_label,
    family_sentence,
    headline_of,
    next_steps_of,
    not_shown_of,
    selection_sentence,
    term_sentence,
    tested_sentence,
    verification_sentence,
    warnings_of,
)
from .validation import ValidationFindings
from .wording import difference


def findings(
    model: RiskModel,
    context: ReportContext,
    places: Sequence[Place],
    cells: Cells,
    accuracy: Sequence[Accuracy] = (),
    cards: int = PLACE_CARDS,
    validation: ValidationFindings | None = None,
    diagnosis: Diagnosis | None = None,
    lists: Sequence[PlaceList] = (),
) -> Findings:
    """Compute the numbers and sentences of a model.

    Parameters
    ----------
    model : RiskModel
    context : ReportContext
    places : sequence of Place, ranked
    cells : Cells
    accuracy : sequence of Accuracy
        Against events after the fitting period, one for each share of the area; empty when not measured.
    cards : int, of places
    validation : ValidationFindings, optional, the same and more
    diagnosis : Diagnosis, optional
        Whether the model fits; the page tells what warns.
    lists : sequence of PlaceList
    """
    rows = _parameters(model, context)
    factor_rows = _factor_rows(model, context, rows)
    lowest = _lowest_expected(model, places)
    summary = _place_summary(model, context, places)
    measured = tuple(AccuracyRow(a, accuracy_sentence(a, context)) for a in accuracy)
    counts, families = _candidate_counts(model), _families(model)
    classes = score_classes(model.score, cells, context.square_km(model.grid.cell_size**2))
    return Findings(
        context=context,
        model=model,
        headline=headline_of(
            model, context, factor_rows, summary=summary, highest=classes[0], measured=measured, validation=validation
        ),
        warnings=warnings_of(model, context),
        parameters=rows,
        factor_rows=factor_rows,
        doubt=_doubt(model, context, diagnosis),
        fit=_fit(model),
        families=families,
        family_sentence=family_sentence(model, families),
        dispersion_sentence=dispersion_sentence(model),
        candidate_counts=counts,
        selection_sentence=selection_sentence(model, counts),
        runners_up=_runners_up(model),
        formula=_formula(model, lowest),
        lowest_expected=lowest,
        places=tuple(places),
        place_summary=summary,
        accuracy=measured,
        verification=verification_sentence(model),
        classes=classes,
        bins=score_bins(cells),
        ladders=ladders_of(model),
        fit_groups=fit_groups(model, cells),
        count_rows=count_rows(model, cells),
        density=density_note(cells),
        cards=place_cards(model, places, cells, cards),
        next_steps=next_steps_of(
            model,
            summary,
            cards=cards,
            tested=bool(accuracy) or validation is not None,
            patrols=any(places.name == PATROL_PLACES and places.count for places in lists),
        ),
        not_shown=not_shown_of(model),
        validation=validation,
        lists=tuple(lists),
    )


def _doubt(model: RiskModel, context: ReportContext, diagnosis: Diagnosis | None) -> Doubt:
    """How sure it is, with distances in the units of the study."""
    distances = [context.distance(_round_distance(reach)) for reach in clusters_of(model)]
    return doubt_of(model, distances, () if diagnosis is None else checks_of(diagnosis, context.units))


def _parameters(model: RiskModel, context: ReportContext) -> tuple[Parameter, ...]:
    best = model.best
    terms = sorted(best.selected, key=lambda term: (-term.rrv, term.name))
    limits = model.separation.without_estimate if model.separation is not None else ()
    rows = [_factor_row(term, context, term.name in limits) for term in terms]
    rows += [_adjustment_row(term) for term in best.adjustments]
    rows.append(_other_row("intercept", best.intercept, best.intercept_standard_error))
    if best.dispersion is not None:
        logarithm = math.log(best.dispersion) if best.dispersion > 0 else -math.inf
        rows.append(_other_row("dispersion", logarithm, best.log_dispersion_standard_error))
    return tuple(rows)


def _factor_rows(model: RiskModel, context: ReportContext, rows: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """The factors as the reader is told of them, by relative risk value: with the tests' values where there are any."""
    terms = {term.name: term for term in model.selected}
    told = []
    for row in rows:
        if not row.is_factor:
            continue
        term = terms[row.name]
        test = model.test_of(term)
        if test is None or test.rrv is None:
            told.append(row)
            continue
        sentence = tested_sentence(term, test, context)
        told.append(
            replace(
                row,
                rrv=test.rrv,
                low=test.rrv_lower,
                high=test.rrv_upper,
                p_value=test.p,
                established=test.established if test.p is not None else None,
                sentence=sentence,
            )
        )
    return tuple(sorted(told, key=lambda row: (-(row.rrv or 0.0), row.name)))


def _round_distance(distance: float) -> float:
    """To two digits: a correlation range is not known better."""
    return float(f"{distance:.2g}")


def _factor_row(term: ModelTerm, context: ReportContext, is_limit: bool) -> Parameter:
    low = exponential(term.coefficient - NORMAL_95 * term.standard_error)
    high = exponential(term.coefficient + NORMAL_95 * term.standard_error)
    return Parameter(
        kind="protective factor" if term.direction == "protective" else "risk factor",
        name=term.name,
        factor=term.factor,
        operationalisation=term.operationalisation,
        distance=term.distance,
        coefficient=term.coefficient,
        standard_error=term.standard_error,
        z=_z(term.coefficient, term.standard_error),
        p_value=term.p_value,
        rrv=term.rrv,
        low=low,
        high=high,
        sentence=term_sentence(term, low, high, context, is_limit),
    )


def _adjustment_row(term: AdjustmentTerm) -> Parameter:
    """The coefficient of a layer that is always in the model, for one standard deviation."""
    z = _z(term.coefficient, term.standard_error)
    return Parameter(
        kind="adjustment",
        name=term.name,
        factor="",
        operationalisation="",
        distance=None,
        coefficient=term.coefficient,
        standard_error=term.standard_error,
        z=z,
        p_value=term.p_value,
    )


def _other_row(kind: str, value: float, error: float | None) -> Parameter:
    z = _z(value, error)
    p = None if z is None else math.erfc(abs(z) / math.sqrt(2))
    return Parameter(
        kind=kind,
        name="",
        factor="",
        operationalisation="",
        distance=None,
        coefficient=value,
        standard_error=error,
        z=z,
        p_value=p,
    )


def _z(value: float, error: float | None) -> float | None:
    return value / error if error else None


def exponential(value: float) -> float:
    """exp, infinite instead of an overflow."""
    return math.exp(value) if value < 700 else math.inf


def _fit(model: RiskModel) -> FitSummary:
    best = model.best
    aic = -2 * best.log_likelihood + 2 * best.parameters
    return FitSummary(model.grid.cells, best.parameters, best.log_likelihood, aic, best.bic)


def _families(model: RiskModel) -> tuple[FamilyRow, ...]:
    rows = (
        FamilyRow(
            family=name,
            label=family_label(name),
            factors=len(f.selected),
            parameters=f.parameters,
            log_likelihood=f.log_likelihood,
            bic=f.bic,
            chosen=name == model.family,
        )
        for name, f in model.families.items()
    )
    return tuple(sorted(rows, key=lambda row: row.bic))


def _candidate_counts(model: RiskModel) -> CandidateCounts:
    return CandidateCounts(
        len(model.candidates),
        sum(c.fate == "dropped" for c in model.candidates),
        model.culling.survivors if model.culling else None,
        len(model.selected),
    )


def _runners_up(model: RiskModel) -> tuple[RunnerUp, ...]:
    """Other candidates of the selected factors, closest first within each factor."""
    runners_up = []
    for term in sorted(model.selected, key=lambda term: (-term.rrv, term.name)):
        rivals = [
            _rival(term, c, model.best.bic) for c in model.candidates if c.factor == term.factor and c.name != term.name
        ]
        runners_up += sorted((r for r in rivals if r is not None), key=lambda rival: rival.bic_difference)
    return tuple(runners_up)


def _rival(term: ModelTerm, candidate: CandidateFate, bic: float) -> RunnerUp | None:
    if candidate.bic_if_used is None or candidate.bic_if_used - bic >= CLOSE_BIC:
        return None
    return RunnerUp(term.factor, term.name, candidate.name, candidate.bic_if_used - bic)


def _lowest_expected(model: RiskModel, places: Sequence[Place]) -> float | None:
    """Expected events in a cell of score 1: expected counts are proportional to scores, so that any place tells it.

    With an exposure or adjustments they are not, and there is no such number.
    """
    if model.exposure is not None or model.best.adjustments:
        return None
    if not model.selected:
        return exponential(model.best.intercept)
    for place in places:
        if place.expected:
            return place.expected / (place.mean_score * place.cells)
    return None


def _formula(model: RiskModel, lowest_expected: float | None) -> Formula:
    terms = sorted(model.selected, key=lambda term: (-term.rrv, term.name))
    signed = [t.sign * t.coefficient for t in terms]
    inner = _joined([f'{abs(b):.6g} * "{t.name}"' for b, t in zip(signed, terms, strict=True)], signed)
    words = _joined([f"{abs(b):.4g} × [{t.name}]" for b, t in zip(signed, terms, strict=True)], signed)
    raw = f"exp({inner})" if terms else "1"
    lowest = None if lowest_expected is None else lowest_expected / exponential(model.best.intercept)
    if lowest is not None and abs(lowest - 1) < 1e-4:
        lowest = 1.0
    bottom = "minimum" if lowest is None else f"{lowest:.6g}"
    return Formula(
        words=f"Relative risk score = exp({words}) ÷ its smallest value over the study area"
        if terms
        else "Relative risk score = 1",
        raw=raw,
        score=raw if bottom == "1" else f"{raw} / {bottom}",
        expected=f"exp({model.best.intercept:.6g}{_then(inner)}{_adjusted(model)}){_exposed(model)}",
        lowest=lowest,
        bands=tuple(_band(t, model) for t in terms),
    )


def _adjusted(model: RiskModel) -> str:
    """The adjustments' part of the expected count, in the units of their rasters."""
    return "".join(
        f' {"-" if t.coefficient < 0 else "+"} {abs(t.coefficient):.6g} * ("{t.name}" - {t.mean:.6g}) / {t.sd:.6g}'
        for t in model.best.adjustments
    )


def _exposed(model: RiskModel) -> str:
    return "" if model.exposure is None else f' * "{model.exposure.name}"'


def _joined(parts: Sequence[str], signed: Sequence[float]) -> str:
    text = ""
    for part, value in zip(parts, signed, strict=True):
        sign = "-" if value < 0 else "+"
        text += f" {sign} {part}" if text else f"{'-' if value < 0 else ''}{part}"
    return text


def _then(inner: str) -> str:
    if not inner:
        return ""
    return f" - {inner[1:]}" if inner.startswith("-") else f" + {inner}"


def _band(term: ModelTerm, model: RiskModel) -> str:
    ladder = [c.name for c in model.candidates if c.factor == term.factor]
    return (
        f"{term.name}: band {ladder.index(term.name) + 1} of the raster that rtm:operationalise makes of {term.factor}"
    )


def _place_summary(model: RiskModel, context: ReportContext, places: Sequence[Place]) -> PlaceSummary:
    cells = sum(place.cells for place in places)
    seen = [place.observed for place in places if place.observed is not None]
    observed = sum(seen) if places and len(seen) == len(places) else None
    inside = model.events.inside
    return PlaceSummary(
        count=len(places),
        cells=cells,
        square_km=context.square_km(sum(place.area for place in places)),
        share_of_cells=cells / model.grid.cells,
        observed=observed,
        share_of_events=observed / inside if observed is not None and inside else None,
    )


def bic_gap(model: RiskModel, candidate: CandidateFate) -> str:
    """How far BIC would move with this candidate in its factor's place."""
    return difference(None if candidate.bic_if_used is None else candidate.bic_if_used - model.best.bic)
