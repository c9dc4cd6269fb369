"""What was found: one frozen structure of the numbers and sentences that report, layout, dock and wizard all print."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.accuracy import Accuracy, Bounds
from ..core.model import CandidateFate, ModelTerm, RiskModel
from ..core.places import Place
from .wording import (
    NBSP,
    capital,
    difference,
    fixed,
    listed,
    many,
    number,
    percent,
    plain,
    readable,
    whole,
)

Z95 = 1.96
CLOSE_BIC = 6.0
MANY_OUTSIDE = 0.05  # of all events
FAMILY_NAMES = {
    "poisson": "Poisson",
    "nb1": "negative binomial, linear variance (NB1)",
    "nb2": "negative binomial, quadratic variance (NB2)",
}
NOT_CAUSE = (
    "These are associations between places and events. They do not show that a factor causes the events, nor that "
    "removing it would prevent them."
)
BEFORE_SELECTION = (
    "The intervals and p-values are computed before selection is taken into account: the same events chose the "
    "factors and measured them, so the intervals are narrower, and the values further from 1, than new data would "
    "show."
)
RELATIVE = (
    "A score is relative: it compares the cells of this study area with its lowest-risk cell. A high score can go "
    "with few expected events, so read it beside the expected count."
)
CAVEATS = (
    RELATIVE,
    NOT_CAUSE,
    BEFORE_SELECTION,
    "Neighbouring cells resemble one another. The p-values and BIC treat cells as independent, and are lenient for "
    "that reason.",
    "Cells near the edge of the study area are under-exposed where a factor layer stops at the boundary, and their "
    "risk is then understated.",
    "Only events that were reported and recorded are counted. Where reporting or police activity differs from place "
    "to place, the map shows that too.",
    "The map says where conditions resemble those of past events, not where or when the next event will happen. Past "
    "counts are often the better short-term forecast; use both.",
    "The map describes places, not the people who live in them or pass through.",
)


@dataclass(frozen=True, slots=True)
class FactorInfo:
    """A risk factor as it was put in.

    Parameters
    ----------
    name, layer : str
        `layer` is the layer's name, without its path.
    geometry : {"point", "line", "polygon"}
    features : int
    operationalisation : {"proximity", "density", "both"}
    max_influence, increment : float
        Largest spatial influence and the step of the ladder, map units.
    direction : {"aggravating", "protective"}
    density_sd : float
        Standard deviations above the mean from which a cell counts as dense.
    warnings : tuple of str, sentences
    """

    name: str
    layer: str
    geometry: str
    features: int
    operationalisation: str
    max_influence: float
    increment: float
    direction: str = "aggravating"
    density_sd: float = 2.0
    warnings: tuple[str, ...] = ()

    @property
    def operationalisation_text(self) -> str:
        """In words, with the density threshold where it matters."""
        dense = f"density (mean + {plain(self.density_sd)} SD)"
        return {"proximity": "proximity", "density": dense, "both": f"proximity and {dense}"}[self.operationalisation]


@dataclass(frozen=True, slots=True)
class ReportContext:
    """What the reader must know and the model file does not hold.

    Versions, start, durations, parameters and input hashes are in the model's provenance; the seed in its culling.

    Parameters
    ----------
    title, study_area, outcome : str
    factors : tuple of FactorInfo
    warnings : tuple of str
        Sentences collected while reading the inputs.
    units : str
        Of the CRS, plural: "metres".
    metres_per_unit : float
        For areas in km².
    places_rule : str
        Which cells became priority places, in words.
    later_events : str
        Name of the events that accuracy was measured against.
    """

    title: str
    study_area: str
    outcome: str
    factors: tuple[FactorInfo, ...]
    warnings: tuple[str, ...] = ()
    units: str = "metres"
    metres_per_unit: float = 1.0
    places_rule: str = "touching cells with a score above mean + 2 SD"
    later_events: str = ""

    def distance(self, value: float) -> str:
        """A distance with its unit."""
        return f"{plain(value)}{NBSP}{self.units}"

    def square_km(self, area: float) -> float:
        """An area in square map units as km²."""
        return area * self.metres_per_unit**2 / 1e6


@dataclass(frozen=True, slots=True)
class Parameter:
    """A row of the model: a factor, the intercept, or the dispersion (as its logarithm).

    Parameters
    ----------
    kind : {"risk factor", "protective factor", "intercept", "dispersion"}
    name : str
        The candidate; "" for intercept and dispersion.
    rrv, low, high : float or None
        Relative risk value and its 95 % interval exp(coefficient ± 1.96 SE), before selection is taken into account.
    sentence : str
    """

    kind: str
    name: str
    factor: str
    operationalisation: str
    distance: float | None
    coefficient: float
    standard_error: float | None
    z: float | None
    p_value: float | None
    rrv: float | None = None
    low: float | None = None
    high: float | None = None
    sentence: str = ""

    @property
    def is_factor(self) -> bool:
        """Whether it is a selected variable."""
        return self.kind.endswith("factor")


@dataclass(frozen=True, slots=True)
class FitSummary:
    """Measures of the chosen model's fit: deviance is −2 log-likelihood."""

    cells: int
    parameters: int
    log_likelihood: float
    aic: float
    bic: float

    @property
    def deviance(self) -> float:
        """−2 log-likelihood."""
        return -2 * self.log_likelihood

    @property
    def residual_df(self) -> int:
        """Cells less parameters."""
        return self.cells - self.parameters


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """One family in the comparison."""

    family: str
    label: str
    factors: int
    parameters: int
    log_likelihood: float
    bic: float
    chosen: bool


@dataclass(frozen=True, slots=True)
class CandidateCounts:
    """How many candidates reached each stage; `survived` is None when nothing was culled."""

    made: int
    dropped: int
    survived: int | None
    selected: int


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """A candidate that would do almost as well in its factor's place: BIC less than 6 above the model's."""

    factor: str
    chosen: str
    name: str
    bic_difference: float


@dataclass(frozen=True, slots=True)
class PlaceSummary:
    """All priority places together; shares are of the study area's cells and events."""

    count: int
    cells: int
    square_km: float
    share_of_cells: float
    observed: float | None
    share_of_events: float | None


@dataclass(frozen=True, slots=True)
class Formula:
    """The score in words and for the QGIS raster calculator.

    Parameters
    ----------
    lowest : float or None
        The smallest value of `raw` over the cells, by which it is divided; None when it is not known.
    bands : tuple of str
        For each candidate named, where to find its band.
    """

    words: str
    raw: str
    score: str
    expected: str
    lowest: float | None
    bands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccuracyRow:
    """Accuracy at one share of the area, with its sentence."""

    figures: Accuracy
    sentence: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything a reader is told.

    Parameters
    ----------
    headline : tuple of str
        What was found, in sentences, most important first.
    warnings : tuple of str
        What the reader must know before believing it.
    parameters : tuple of Parameter
        Factors by relative risk value, then intercept, then dispersion.
    places : tuple of Place, all of them
    lowest_expected : float or None
        Expected events in a cell of score 1.
    family_sentence, dispersion_sentence, verification : str
    """

    context: ReportContext
    model: RiskModel
    headline: tuple[str, ...]
    warnings: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    fit: FitSummary
    families: tuple[FamilyRow, ...]
    family_sentence: str
    dispersion_sentence: str
    candidate_counts: CandidateCounts
    selection_sentence: str
    runners_up: tuple[RunnerUp, ...]
    formula: Formula
    lowest_expected: float | None
    places: tuple[Place, ...]
    place_summary: PlaceSummary
    accuracy: tuple[AccuracyRow, ...]
    verification: str
    caveats: tuple[str, ...] = CAVEATS

    @property
    def factor_rows(self) -> tuple[Parameter, ...]:
        """The selected variables only."""
        return tuple(row for row in self.parameters if row.is_factor)

    @property
    def accuracy_sentence(self) -> str:
        """Accuracy at the middle share, in words; empty when it was not measured."""
        return _middle(self.accuracy).sentence if self.accuracy else ""

    @property
    def highest_expected(self) -> float | None:
        """Expected events in the cell with the highest score."""
        return None if self.lowest_expected is None else self.lowest_expected * self.model.score.max


def findings(
    model: RiskModel, context: ReportContext, places: Sequence[Place], accuracy: Sequence[Accuracy] = ()
) -> Findings:
    """Compute the numbers and sentences of a model.

    Parameters
    ----------
    model : RiskModel
    context : ReportContext
    places : sequence of Place, ranked
    accuracy : sequence of Accuracy
        Against events that come after the fitting period, one for each share of the area; empty when not measured.
    """
    rows = _parameters(model, context)
    lowest = _lowest_expected(model, places)
    summary = _place_summary(model, context, places)
    measured = tuple(AccuracyRow(a, _accuracy_sentence(a)) for a in accuracy)
    counts = _candidate_counts(model)
    return Findings(
        context=context,
        model=model,
        headline=_headline(model, context, rows, summary, measured),
        warnings=_warnings(model, context),
        parameters=rows,
        fit=_fit(model),
        families=_families(model),
        family_sentence=_family_sentence(model),
        dispersion_sentence=_dispersion_sentence(model),
        candidate_counts=counts,
        selection_sentence=_selection_sentence(model, counts),
        runners_up=_runners_up(model),
        formula=_formula(model, lowest),
        lowest_expected=lowest,
        places=tuple(places),
        place_summary=summary,
        accuracy=measured,
        verification=_verification(model),
    )


# the model's parameters


def _parameters(model: RiskModel, context: ReportContext) -> tuple[Parameter, ...]:
    best = model.best
    terms = sorted(best.selected, key=lambda term: (-term.rrv, term.name))
    rows = [_factor_row(term, context) for term in terms]
    rows.append(_other_row("intercept", best.intercept, best.intercept_standard_error))
    if best.dispersion is not None:
        logarithm = math.log(best.dispersion) if best.dispersion > 0 else -math.inf
        rows.append(_other_row("dispersion", logarithm, best.log_dispersion_standard_error))
    return tuple(rows)


def _factor_row(term: ModelTerm, context: ReportContext) -> Parameter:
    low = exponential(term.coefficient - Z95 * term.standard_error)
    high = exponential(term.coefficient + Z95 * term.standard_error)
    return Parameter(
        "protective factor" if term.direction == "protective" else "risk factor",
        term.name,
        term.factor,
        term.operationalisation,
        term.distance,
        term.coefficient,
        term.standard_error,
        _z(term.coefficient, term.standard_error),
        term.p_value,
        term.rrv,
        low,
        high,
        _term_sentence(term, low, high, context),
    )


def _other_row(kind: str, value: float, error: float | None) -> Parameter:
    z = _z(value, error)
    p = None if z is None else math.erfc(abs(z) / math.sqrt(2))
    return Parameter(kind, "", "", "", None, value, error, z, p)


def _z(value: float, error: float | None) -> float | None:
    return value / error if error else None


def exponential(value: float) -> float:
    """exp, infinite instead of an overflow."""
    return math.exp(value) if value < 700 else math.inf


def _exposure(term: ModelTerm, context: ReportContext) -> str:
    """Which cells are exposed, in words."""
    factor, distance = readable(term.factor), context.distance(term.distance)
    if term.operationalisation == "proximity":
        return f"A cell within {distance} of {factor}"
    sd = next((f.density_sd for f in context.factors if f.name == term.factor), 2.0)
    return f"A cell with a high density of {factor} (within {distance}; at least the mean + {plain(sd)}{NBSP}SD)"


def _term_sentence(term: ModelTerm, low: float, high: float, context: ReportContext) -> str:
    interval = f"(95{NBSP}% interval {number(low)} to {number(high)})"
    if term.direction == "protective":
        return (
            f"{_exposure(term, context)} has its rate of events divided by {number(term.rrv)} compared with an "
            f"otherwise equal cell {interval}."
        )
    times = f"{number(term.rrv)} times the rate of events of an otherwise equal cell"
    return f"{_exposure(term, context)} has {times} {interval}."


# sentences


def _headline(
    model: RiskModel,
    context: ReportContext,
    rows: Sequence[Parameter],
    summary: PlaceSummary,
    measured: Sequence[AccuracyRow],
) -> tuple[str, ...]:
    if not model.selected:
        return (_nothing_selected(model),)
    sentences = [_opening(model, context)]
    sentences += [row.sentence for row in rows if row.is_factor]
    sentences.append(
        f"Put together, the cell with the highest score has an expected rate {number(model.score.max)} times that of "
        "the cell with the lowest."
    )
    sentences.append(_places_sentence(summary))
    if measured:
        sentences.append(_middle(measured).sentence)
    left_out = _left_out(model)
    if left_out:
        sentences.append(
            f"Not in the model: {listed([readable(name) for name in left_out])}. That is not evidence that they play "
            "no part: their pattern may be too weak to show, or already told by the factors above."
        )
    return tuple(sentences)


def _opening(model: RiskModel, context: ReportContext) -> str:
    tested, chosen = len(_factors(model)), len(model.selected)
    part = f"Of {many(tested, 'risk factor')} tested, {whole(chosen)} {'is' if chosen == 1 else 'are'}"
    if tested == chosen:
        part = "The one risk factor tested is" if tested == 1 else f"All {whole(tested)} risk factors tested are"
    return f"{part} associated with where {outcome_name(context)} happened: {listed(_names(model))}."


def outcome_name(context: ReportContext) -> str:
    """The outcome in a sentence."""
    return readable(context.outcome) or "events"


def _names(model: RiskModel) -> list[str]:
    return [readable(term.factor) for term in sorted(model.selected, key=lambda term: (-term.rrv, term.name))]


def _nothing_selected(model: RiskModel) -> str:
    return (
        f"No risk factor was selected: none of the {many(len(model.candidates), 'candidate variable')} lowers BIC "
        "with a coefficient above 0 and p ≤ 0.05. Every cell therefore has the same score, and the map shows no "
        "differences. Check the layers and their CRS, try other factors or spatial influences, or use more events."
    )


def _places_sentence(summary: PlaceSummary) -> str:
    if not summary.count:
        return "No cell meets the rule for priority places."
    one = summary.count == 1
    text = (
        f"{many(summary.count, 'priority place')} {'covers' if one else 'cover'} "
        f"{number(summary.square_km)}{NBSP}km², {percent(summary.share_of_cells)} of the cells"
    )
    if summary.share_of_events is not None:
        text += (
            f", and held {percent(summary.share_of_events)} of the events that the model was fitted on; that is a "
            "description, not a test"
        )
    return text + "."


def _accuracy_sentence(a: Accuracy) -> str:
    return (
        f"The highest-scored {percent(a.share)} of the area held {_range(a.hit_rate)} of "
        f"{many(a.events, 'later event')}: {number(a.pai.expected)} times what the same area chosen at random would "
        f"hold, and {percent(a.pei.expected)} of what the best possible choice would have held."
    )


def _middle(measured: Sequence[AccuracyRow]) -> AccuracyRow:
    return measured[len(measured) // 2]


def _range(bounds: Bounds) -> str:
    """A share, with its bounds where ties leave it open."""
    expected, low, high = percent(bounds.expected), percent(bounds.pessimistic), percent(bounds.optimistic)
    return expected if low == high else f"{expected} (between {low} and {high}, by how ties between cells are broken)"


def _left_out(model: RiskModel) -> tuple[str, ...]:
    chosen = {term.factor for term in model.selected}
    return tuple(name for name in _factors(model) if name not in chosen)


def _factors(model: RiskModel) -> tuple[str, ...]:
    return tuple(dict.fromkeys(candidate.factor for candidate in model.candidates))


def _warnings(model: RiskModel, context: ReportContext) -> tuple[str, ...]:
    found = list(context.warnings)
    for factor in context.factors:
        found += [f"{capital(readable(factor.name))}: {warning}" for warning in factor.warnings]
    if model.verification.status == "differs":
        found.append(f"Do not use this model before the difference is explained. {model.verification.reason}")
    elif model.verification.status != "verified":
        found.append(model.verification.reason)
    outside, total = model.events.outside, model.events.inside + model.events.outside
    if total and outside / total > MANY_OUTSIDE:
        found.append(
            f"{whole(outside)} of {many(total, 'event')} ({percent(outside / total)}) lie outside the study area and "
            "were not counted; check that layer and study area belong together."
        )
    return tuple(dict.fromkeys(found))


def _verification(model: RiskModel) -> str:
    check = model.verification
    if check.score is None:
        return check.reason
    return (
        f"{check.reason} The slope of the log-likelihood at the estimates, which is 0 at the maximum, is at most "
        f"{check.score:.1e} in units of one standard error."
    )


# fit and selection


def _fit(model: RiskModel) -> FitSummary:
    best = model.best
    aic = -2 * best.log_likelihood + 2 * best.parameters
    return FitSummary(model.grid.cells, best.parameters, best.log_likelihood, aic, best.bic)


def _families(model: RiskModel) -> tuple[FamilyRow, ...]:
    rows = (
        FamilyRow(
            name,
            family_label(name),
            len(f.selected),
            f.parameters,
            f.log_likelihood,
            f.bic,
            name == model.family,
        )
        for name, f in model.families.items()
    )
    return tuple(sorted(rows, key=lambda row: row.bic))


def family_label(name: str) -> str:
    """A family in words."""
    return FAMILY_NAMES.get(name, name)


def _family_sentence(model: RiskModel) -> str:
    chosen = family_label(model.family)
    others = [row for row in _families(model) if not row.chosen]
    if not others:
        return f"The family was set: {chosen}."
    gap = others[0].bic - model.best.bic
    return (
        f"The {chosen} family was chosen: its BIC is {fixed(model.best.bic, 2)}, {fixed(gap, 2)} lower than with the "
        f"{others[0].label} family."
    )


def _dispersion_sentence(model: RiskModel) -> str:
    value = model.best.dispersion
    if value is None:
        return "The Poisson family assumes that the variance of the counts equals their mean."
    if model.family == "nb2":
        return f"Dispersion α = {number(value, 4)}: the variance of a count with mean μ is μ + {number(value, 4)} μ²."
    ratio = number(1 + value, 4)
    return f"Dispersion σ = {number(value, 4)}: the variance of a count is {ratio} times its mean (1 would be Poisson)."


def _candidate_counts(model: RiskModel) -> CandidateCounts:
    return CandidateCounts(
        len(model.candidates),
        sum(c.fate == "dropped" for c in model.candidates),
        model.culling.survivors if model.culling else None,
        len(model.selected),
    )


def _selection_sentence(model: RiskModel, counts: CandidateCounts) -> str:
    factors = many(len(_factors(model)), "risk factor")
    parts = [f"{capital(factors)} made {many(counts.made, 'candidate variable')}."]
    if counts.dropped:
        parts.append(
            f"{many(counts.dropped, 'candidate')} said nothing new (constant, or the same cells as another) and "
            f"{'was' if counts.dropped == 1 else 'were'} dropped."
        )
    if model.culling is None:
        parts.append("The candidates were not culled.")
    else:
        parts.append(
            "An elastic-net Poisson regression with coefficients of 0 or more, cross-validated in "
            f"{whole(model.culling.folds)} folds, left {many(model.culling.survivors, 'survivor')} (L1 share "
            f"{plain(model.culling.l1_share)}, penalty {number(model.culling.penalty, 4)}; seed {model.culling.seed})."
        )
    parts.append(
        "Bidirectional stepwise selection on BIC then added, removed or swapped one variable at a time, with at most "
        f"one variable per factor, every coefficient above 0 and every p ≤ 0.05; {many(counts.selected, 'variable')} "
        "stayed."
    )
    return " ".join(parts)


def _runners_up(model: RiskModel) -> tuple[RunnerUp, ...]:
    """Other candidates of the selected factors, closest first within each factor."""
    found = []
    for term in sorted(model.selected, key=lambda term: (-term.rrv, term.name)):
        rivals = [
            _rival(term, c, model.best.bic) for c in model.candidates if c.factor == term.factor and c.name != term.name
        ]
        found += sorted((r for r in rivals if r is not None), key=lambda rival: rival.bic_difference)
    return tuple(found)


def _rival(term: ModelTerm, candidate: CandidateFate, bic: float) -> RunnerUp | None:
    if candidate.bic_if_used is None or candidate.bic_if_used - bic >= CLOSE_BIC:
        return None
    return RunnerUp(term.factor, term.name, candidate.name, candidate.bic_if_used - bic)


# scores and places


def _lowest_expected(model: RiskModel, places: Sequence[Place]) -> float | None:
    """Expected events in a cell of score 1: expected counts are proportional to scores, so that any place tells it."""
    if not model.selected:
        return exponential(model.best.intercept)
    for place in places:
        if place.expected:
            return place.expected / (place.mean_score * place.cells)
    return None


def _formula(model: RiskModel, lowest_expected: float | None) -> Formula:
    terms = sorted(model.selected, key=lambda term: (-term.rrv, term.name))
    signed = [(-1 if t.direction == "protective" else 1) * t.coefficient for t in terms]
    inner = _joined([f'{abs(b):.6g} * "{t.name}"' for b, t in zip(signed, terms, strict=True)], signed)
    words = _joined([f"{abs(b):.4g} × [{t.name}]" for b, t in zip(signed, terms, strict=True)], signed)
    raw = f"exp({inner})" if terms else "1"
    lowest = None if lowest_expected is None else lowest_expected / exponential(model.best.intercept)
    if lowest is not None and abs(lowest - 1) < 1e-4:
        lowest = 1.0
    bottom = "minimum" if lowest is None else f"{lowest:.6g}"
    return Formula(
        f"Relative risk score = exp({words}) ÷ its smallest value over the study area"
        if terms
        else "Relative risk score = 1",
        raw,
        raw if bottom == "1" else f"{raw} / {bottom}",
        f"exp({model.best.intercept:.6g}{_then(inner)})",
        lowest,
        tuple(_band(t, model) for t in terms),
    )


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
    own = [c.name for c in model.candidates if c.factor == term.factor]
    return f"{term.name}: band {own.index(term.name) + 1} of the raster that rtm:operationalise makes of {term.factor}"


def _place_summary(model: RiskModel, context: ReportContext, places: Sequence[Place]) -> PlaceSummary:
    cells = sum(place.cells for place in places)
    seen = [place.observed for place in places if place.observed is not None]
    observed = sum(seen) if places and len(seen) == len(places) else None
    inside = model.events.inside
    return PlaceSummary(
        len(places),
        cells,
        context.square_km(sum(place.area for place in places)),
        cells / model.grid.cells,
        observed,
        observed / inside if observed is not None and inside else None,
    )


def bic_gap(model: RiskModel, candidate: CandidateFate) -> str:
    """How far BIC would move with this candidate in its factor's place."""
    return difference(None if candidate.bic_if_used is None else candidate.bic_if_used - model.best.bic)
