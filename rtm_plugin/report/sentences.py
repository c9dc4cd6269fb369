"""The sentences of the findings, in British English: association, never cause."""

from collections.abc import Sequence

from ..core.accuracy.at_share import Accuracy
from ..core.data.event_split import EventSplit, split_findings
from ..core.documents.findings import Finding, warnings_in
from ..core.documents.layer_words import short_period
from ..core.doubt.significance import FactorTest, p_text
from ..core.model.document import RiskModel
from ..core.model.model_findings import separation_findings
from ..core.model.parts import ModelTerm
from ..core.model.significance_findings import established_factors, significance_findings
from ..core.terrain.scores import ScoreSummary
from .details import ScoreClass
from .doubt import nothing_established
from .findings import (
    NOT_CAUSE,
    AccuracyRow,
    CandidateCounts,
    FamilyRow,
    Parameter,
    PlaceSummary,
    ReportContext,
    middle,
)
from .validation import ValidationFindings
from .wording import (
    NBSP,
    capital,
    counted_events,
    fixed,
    listed,
    many,
    number,
    percent,
    plain,
    range_of,
    readable,
    whole,
)

IN_HEADLINE = 5  # factors, or one more where that is all; the table has every one
DESCRIBED = "that describes the events that made the map, and is no test of it"
_HALF_EVENT = ", a value that stands for half an event on a side where there is none"
FAMILY_NAMES = {
    "poisson": "Poisson",
    "nb1": "negative binomial, linear variance (NB1)",
    "nb2": "negative binomial, quadratic variance (NB2)",
}


def _exposure(term: ModelTerm, context: ReportContext) -> str:
    """Which cells are exposed, in words."""
    factor, distance = readable(term.factor), context.distance(term.distance)
    if term.operationalisation == "proximity":
        return f"A cell within {distance} of {factor}"
    dense = next((f.dense_text for f in context.factors if f.name == term.factor), "")
    dense = dense.replace("mean +", "at least the mean +").replace(" SD", f"{NBSP}SD").replace(" %", f"{NBSP}%")
    least = f"; {dense}" if dense else ""
    return f"A cell with a high density of {factor} (within {distance}{least})"


def term_sentence(term: ModelTerm, low: float, high: float, context: ReportContext, is_limit: bool = False) -> str:
    """`is_limit`: no ratio can be estimated, and the value is what half an event on the empty side would give."""
    interval = f"(95{NBSP}% interval {number(low)} to {number(high)})"
    return _effect_sentence(term, term.rrv, f"{interval}{_HALF_EVENT if is_limit else ''}", context)


def tested_sentence(term: ModelTerm, test: FactorTest, context: ReportContext) -> str:
    """What a factor does, with the interval and p of the test of significance."""
    value = term.rrv if test.rrv is None else test.rrv
    surely = p_text(test.p).replace(" ", NBSP)
    if test.rrv_lower is None:
        return _effect_sentence(term, value, f"({surely}){_HALF_EVENT}", context)
    interval = f"95{NBSP}% interval {number(test.rrv_lower)} to {number(test.rrv_upper)}"
    sentence = _effect_sentence(term, value, f"({interval}; {surely})", context)
    if test.p is not None and not test.established:
        sentence += " This is not established."
    return sentence


def _effect_sentence(term: ModelTerm, rrv: float, surely: str, context: ReportContext) -> str:
    if term.direction == "protective":
        return (
            f"{_exposure(term, context)} has its rate of events divided by {number(rrv)} compared with an otherwise "
            f"equal cell {surely}."
        )
    return f"{_exposure(term, context)} has {number(rrv)} times the rate of events of an otherwise equal cell {surely}."


def headline_of(
    model: RiskModel,
    context: ReportContext,
    rows: Sequence[Parameter],
    summary: PlaceSummary,
    highest: ScoreClass,
    measured: Sequence[AccuracyRow],
    validation: ValidationFindings | None = None,
) -> tuple[str, ...]:
    if not model.selected:
        return (_nothing_selected(model),)
    factors = list(rows)
    shown = len(factors) if len(factors) <= IN_HEADLINE + 1 else IN_HEADLINE
    sentences = [_opening(model, context), *(row.sentence for row in factors[:shown])]
    if shown < len(factors):
        more = many(len(factors) - shown, "more factor")
        sentences.append(f"{more} with smaller relative risk values are in the table of the model.")
    sentences.append(
        f"Put together, the cell with the highest score has an expected rate {number(model.score.max)} times that of "
        "the cell with the lowest."
    )
    sentences += _where(highest, summary, model.score, events_fitted(model, context))
    if context.places_note:
        sentences.append(context.places_note)
    if validation is not None:
        sentences += validation.headline[:2]
    elif measured:
        sentences.append(middle(measured).sentence)
    left_out = _left_out(model)
    if left_out:
        sentences.append(
            f"Not in the model: {listed([readable(name) for name in left_out])}. That is not evidence that they play "
            "no part: their pattern may be too weak to show, or already told by the factors above."
        )
    return tuple(sentences)


def _opening(model: RiskModel, context: ReportContext) -> str:
    names = _names(model)
    tested, chosen = len(_factors(model)), len(names)
    part = f"Of {many(tested, 'risk factor')} tested, {whole(chosen)} {'is' if chosen == 1 else 'are'}"
    if tested == chosen:
        part = "The one risk factor tested is" if tested == 1 else f"All {whole(tested)} risk factors tested are"
    when = f" ({context.fit_period.text})" if context.fit_period.known else ""
    surely = "associated"
    if model.significance is not None and not model.significance.reason:
        surely = "established as associated"
    if not names:
        none = f"None of {many(tested, 'risk factor')} tested is"
        return f"{none} {surely} with where {outcome_name(context)} happened{when}."
    return f"{part} {surely} with where {outcome_name(context)} happened{when}: {listed(names)}."


def events_fitted(model: RiskModel, context: ReportContext) -> str:
    """The events that made the map, with their number and what they are."""
    return counted_events(model.events.inside, "event", context.outcome)


def outcome_name(context: ReportContext) -> str:
    """The outcome in a sentence."""
    return readable(context.outcome) or "events"


def _names(model: RiskModel) -> list[str]:
    """The factors, the strongest first; those that are established, where that was tested."""
    terms = sorted(model.selected, key=lambda term: (-term.rrv, term.name))
    if model.significance is not None and not model.significance.reason:
        sure = {test.candidate for test in established_factors(model.significance)}
        terms = [term for term in terms if term.name in sure]
    return [readable(term.factor) for term in terms]


def _nothing_selected(model: RiskModel) -> str:
    if sentence := nothing_established(model):
        return sentence
    separated = model.separation.factors if model.separation is not None else ()
    if separated:
        return (
            f"No risk factor could be put into the model, although {readable(separated[0].factor)} leaves no event on "
            "one side: the events are too few to go by. Every cell therefore has the same score, and the map shows no "
            "differences. Use more events."
        )
    return (
        f"No risk factor was selected: none of the {many(len(model.candidates), 'candidate variable')} lowers BIC "
        "with a coefficient above 0 and p ≤ 0.05. Every cell therefore has the same score, and the map shows no "
        "differences. Check the layers and their CRS, try other factors or spatial influences, or use more events."
    )


def _where(highest: ScoreClass, summary: PlaceSummary, score: ScoreSummary, events: str) -> list[str]:
    """How much of the area is highest risk, what share of the events fell there, and in which places."""
    if not highest.cells:
        none = (
            f"No cell scores above the mean + 2{NBSP}SD ({number(score.cuts[2])}), the class of the highest risk: the "
            f"highest score is {number(score.max)}, and too many cells have it to stand out that far."
        )
        return [none, _places_sentence(summary, events)]
    held = ""
    if highest.share_of_events is not None:
        held = f", and held {percent(highest.share_of_events)} of the {events}; {DESCRIBED}"
    same = summary.cells == highest.cells
    lie = f", in {many(summary.count, 'priority place')}" if same else ""
    sentence = (
        f"The highest-risk cells (score above mean + 2{NBSP}SD) are {percent(highest.share_of_cells)} of the area, "
        f"{number(highest.square_km)}{NBSP}km²{lie}{held}."
    )
    return [sentence] if same else [sentence, _places_sentence(summary, events)]


def _places_sentence(summary: PlaceSummary, events: str) -> str:
    if not summary.count:
        return "No cell meets the rule for priority places; choose a lower class, or a share of the cells."
    one = summary.count == 1
    text = (
        f"{many(summary.count, 'priority place')} {'covers' if one else 'cover'} "
        f"{number(summary.square_km)}{NBSP}km², {percent(summary.share_of_cells)} of the cells"
    )
    if summary.share_of_events is not None:
        text += f", and held {percent(summary.share_of_events)} of the {events} that made the map"
    return text + "."


def accuracy_sentence(a: Accuracy, context: ReportContext) -> str:
    events = counted_events(a.events, "later event", context.later_events, short_period(context.later_period))
    return (
        f"The highest-scored {percent(a.share)} of the area held {range_of(a.hit_rate)} of {events}: "
        f"{number(a.pai.expected)} times what the same area chosen at random "
        f"would hold, and {percent(a.pei.expected)} of what the best possible choice would have held."
    )


def next_steps_of(
    model: RiskModel, summary: PlaceSummary, *, cards: int, tested: bool, patrols: bool
) -> tuple[str, ...]:
    """What a commander can do with it, for the first page."""
    if not model.selected:
        return (
            f"Do not send anyone by this map: it says nothing about where risk is higher. Use {_instead(patrols)}.",
            "Check the layers and their CRS, try other factors or distances, or gather more events; then run it again.",
        )
    steps = []
    if summary.count:
        shown = min(cards, summary.count)
        ahead = f"the first {whole(shown)} priority places" if shown > 1 else "the first priority place"
        where = ", with the cards of this report," if cards else ""
        steps.append(f"Go and look at {ahead}{where} and ask those who know them what it is about the features there.")
        steps.append("Give each place an owner, a response aimed at its features, and a day to review it.")
    if not tested:
        steps.append("Before relying on the map, test it on events that come after these: tool ‘Validate maps’.")
    steps.append(
        f"For where to be present next week, take {_instead(patrols)}: they tell where events repeat, this map tells "
        "why."
    )
    steps.append("Run it again when a season of new events is in, or when the features have changed.")
    return tuple(steps)


def _instead(patrols: bool) -> str:
    return "the patrol places, which come of the forecast" if patrols else "the forecast, or past counts"


def not_shown_of(model: RiskModel) -> tuple[str, ...]:
    """What the map does not show, for the first page; the report's appendix has it in full."""
    sentences = [NOT_CAUSE] if model.selected else []
    return (
        *sentences,
        "It shows places, not people, and says nothing about anyone who lives there or passes through.",
        "It does not show when the next event will happen, nor that one will.",
        "It rests on events that were reported and recorded; where reporting differs, so does the map.",
    )


def _left_out(model: RiskModel) -> tuple[str, ...]:
    chosen = {term.factor for term in model.selected}
    return tuple(name for name in _factors(model) if name not in chosen)


def _factors(model: RiskModel) -> tuple[str, ...]:
    return tuple(dict.fromkeys(candidate.factor for candidate in model.candidates))


def warnings_of(model: RiskModel, context: ReportContext) -> tuple[str, ...]:
    warnings = list(context.warnings)
    for factor in context.factors:
        warnings += [f"{capital(readable(factor.name))}: {warning}" for warning in factor.warnings]
    warnings += warnings_in((*separation_findings(model), *significance_findings(model)))
    if model.verification.status == "differs":
        warnings.append(f"Do not use this model before the difference is explained. {model.verification.reason}")
    elif model.verification.status != "verified":
        warnings.append(model.verification.reason)
    if model.exposure is not None:
        lost = counted_events(model.exposure.events_without, "event", context.outcome)
        warnings.append(
            f"Rates are per unit of the exposure '{model.exposure.name}'. {many(model.exposure.cells_without, 'cell')} "
            f"without any are not on the map, and {lost} in them were left out."
        )
    if model.best.adjustments:
        names = listed([term.name for term in model.best.adjustments])
        warnings.append(f"The expected counts, not the scores, are adjusted for {names}, which no selection chose.")
    warnings += warnings_in(context.data_findings or _split_of(model, context))
    return tuple(dict.fromkeys(warnings))


def _split_of(model: RiskModel, context: ReportContext) -> tuple[Finding, ...]:
    """Where the events lie, of a model whose file tells no more of its data than their numbers."""
    events = model.events
    split = EventSplit(events.inside, events.left_out or 0.0, events.outside)
    return split_findings(split, f"'{readable(context.outcome)}'")


def verification_sentence(model: RiskModel) -> str:
    check = model.verification
    if check.score is None:
        return check.reason
    return (
        f"{check.reason} The slope of the log-likelihood at the estimates, which is 0 at the maximum, is at most "
        f"{check.score:.1e} in units of one standard error."
    )


def family_label(name: str) -> str:
    """A family in words."""
    return FAMILY_NAMES.get(name, name)


def family_sentence(model: RiskModel, families: Sequence[FamilyRow]) -> str:
    chosen = family_label(model.family)
    others = [row for row in families if not row.chosen]
    if not others:
        return f"The family was set: {chosen}."
    bic = model.best.bic_selected
    gap = others[0].bic - bic
    return (
        f"The {chosen} family was chosen: its BIC is {fixed(bic, 2)}, {fixed(gap, 2)} lower than with the "
        f"{others[0].label} family."
    )


def dispersion_sentence(model: RiskModel) -> str:
    value = model.best.dispersion
    if value is None:
        return "The Poisson family assumes that the variance of the counts equals their mean."
    if model.family == "nb2":
        return f"Dispersion α = {number(value, 4)}: the variance of a count with mean μ is μ + {number(value, 4)} μ²."
    ratio = number(1 + value, 4)
    return f"Dispersion σ = {number(value, 4)}: the variance of a count is {ratio} times its mean (1 would be Poisson)."


def selection_sentence(model: RiskModel, counts: CandidateCounts) -> str:
    factors = many(len(_factors(model)), "risk factor")
    left = len(model.significance.left) if model.significance is not None else 0
    reached = counts.selected + left
    parts = [f"{capital(factors)} made {many(counts.made, 'candidate variable')}."]
    if counts.dropped:
        parts.append(
            f"{many(counts.dropped, 'candidate')} said nothing new (constant, or the same cells as another) and "
            f"{'was' if counts.dropped == 1 else 'were'} dropped."
        )
    if model.culling is None:
        parts.append("The candidates were not culled.")
    else:
        culling = model.culling
        drawn = f" drawn {whole(culling.draws)} times" if culling.draws > 1 else ""
        parts.append(
            "An elastic-net Poisson regression with coefficients of 0 or more, cross-validated in "
            f"{whole(culling.folds)} folds{drawn}, left {many(culling.survivors, 'survivor')} (L1 share "
            f"{plain(culling.l1_share)}, penalty {number(culling.penalty, 4)}; seed {culling.seed})."
        )
    parts.append(
        "Bidirectional stepwise selection on BIC then added, removed or swapped one variable at a time, with at most "
        f"one variable per factor, every coefficient above 0 and every p ≤ 0.05; {many(reached, 'variable')} stayed."
    )
    if left:
        parts.append(f"{many(left, 'variable')} then left the model, being not established: see ‘How sure is this?’.")
    return " ".join(parts)
