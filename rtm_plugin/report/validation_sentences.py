"""The sentences of a validation, in British English; the first says whether a baseline beats the map."""

import math
from collections.abc import Sequence

from ..core.accuracy.measures import HIT_RATE, PAI, PEI, RATIO, SLOPE, STREET
from ..core.accuracy.validation import RANDOM, Figure, Validation
from ..core.documents.findings import warnings_in
from ..core.documents.layer_words import short_period
from ..core.documents.periods import Period
from .validation_context import HEADLINE_SHARE, ValidationContext
from .wording import NBSP, counted_events, fixed, listed, many, number, percent, readable

_WIDE = 0.5  # bounds wider than this share of the expected value are said to be wide


def headline_of(validation: Validation, context: ValidationContext) -> tuple[str, ...]:
    events = counted_events(validation.events, "later event", context.later_events, short_period(context.tested))
    sentences = [against_baselines(validation, name, events) for name in validation.terrains]
    share = headline_share(validation)
    sentences += [_catch(validation, name, share, events) for name in validation.terrains]
    sentences += [
        _between(validation, one, other, share)
        for i, one in enumerate(validation.terrains)
        for other in validation.terrains[i + 1 :]
    ]
    sentences += [text for name in validation.terrains if (text := _calibrated(validation, name, context))]
    sentences += [text for name in validation.terrains if (text := _on_streets(validation, name, share))]
    return tuple(sentences)


def headline_share(validation: Validation) -> float:
    """5 % of the area where that was measured, or the middle share."""
    shares = sorted(validation.settings.shares)
    return HEADLINE_SHARE if HEADLINE_SHARE in shares else shares[len(shares) // 2]


def _of(validation: Validation, measure: str, name: str, share: float | None = None, **where: str) -> Figure:
    """A figure that is always there."""
    figure = validation.find(measure, name, share, **where)
    if figure is None:
        raise LookupError(f"{measure} of {name}")
    return figure


def against_baselines(validation: Validation, name: str, events: str) -> str:
    """Whether a baseline beats a map at any of the shares, and by how much where it matters.

    At each share the best of the baselines is the one to beat; `events` are the later events with their number.
    """
    shares = sorted(validation.settings.shares)
    rivals = {s: _best_baseline(validation, s) for s in shares}
    rivals = {s: best for s, best in rivals.items() if best}
    if not rivals:
        return f"‘{readable(name)}’ was compared with no baseline, so that its figures stand alone."
    gaps = {s: _hits(validation, name, s) - _hits(validation, best, s) for s, best in rivals.items()}
    lost = [s for s in shares if gaps[s] < -1e-12]
    main = headline_share(validation)
    at = main if main in lost or not lost else min(lost, key=gaps.__getitem__)
    best = rivals[at]
    sentence = (
        f"at {percent(at)}, {_named(best)} caught {percent(_hits(validation, best, at))} of {events} and "
        f"‘{readable(name)}’ {percent(_hits(validation, name, at))}{_gap(validation, name, best, at)}"
    )
    if lost:
        same = all(rivals[s] == best for s in lost)
        who = _named(best).capitalize() if same else "A baseline"
        return f"{who} did better than ‘{readable(name)}’ at {_shares(lost)} of the area: {sentence}."
    if validation.baselines == (RANDOM,):
        return (
            f"‘{readable(name)}’ was compared with flagging ground at random only, since no prior events were given: "
            f"{sentence}. Whether it beats last period’s counts, which are hard to beat, is not known."
        )
    ties = all(abs(gap) <= 1e-12 for gap in gaps.values())
    verb = "caught as much as" if ties else "did at least as well as"
    return f"‘{readable(name)}’ {verb} every baseline at {_shares(list(rivals))} of the area: {sentence}."


def _best_baseline(validation: Validation, share: float) -> str:
    """The baseline that catches most at a share; the first of equals."""
    names = validation.baselines
    return max(names, key=lambda name: _hits(validation, name, share)) if names else ""


def _hits(validation: Validation, name: str, share: float) -> float:
    return _of(validation, HIT_RATE, name, share).expected


def _named(baseline: str) -> str:
    return "a random choice" if baseline == RANDOM else baseline


def _shares(shares: Sequence[float]) -> str:
    return f"{listed([f'{100 * share:g}' for share in shares])}{NBSP}%"


def _gap(validation: Validation, name: str, best: str, share: float) -> str:
    figure = validation.find(HIT_RATE, name, share, against=best)
    if figure is None or not math.isfinite(figure.lower):
        return ""
    ends = [f"{fixed(100 * end, 1)}" for end in (figure.lower, figure.upper)]
    chance = ", which chance alone may explain" if figure.lower <= 0 <= figure.upper else ""
    interval = f"95{NBSP}% interval {ends[0]} to {ends[1]}"
    return f" (a difference of {fixed(100 * figure.expected, 1)} points, {interval}{chance})"


def _catch(validation: Validation, name: str, share: float, events: str) -> str:
    hit, pai, pei = (_of(validation, measure, name, share) for measure in (HIT_RATE, PAI, PEI))
    ties = ""
    if hit.optimistic - hit.pessimistic > 1e-9:
        ties = f", between {percent(hit.pessimistic)} and {percent(hit.optimistic)} by how ties are broken,"
    return (
        f"The highest-scored {percent(share)} of ‘{readable(name)}’ held {percent(hit.expected)}"
        f"{_interval(hit)}{ties} of {events}: {number(pai.expected)} times what the same area "
        f"chosen at random would hold, and {percent(pei.expected)} of what the best possible choice would have "
        "held."
    )


def _interval(figure: Figure) -> str:
    if not (math.isfinite(figure.lower) and math.isfinite(figure.upper)):
        return ""
    return f" (95{NBSP}% interval {percent(figure.lower)} to {percent(figure.upper)})"


def _between(validation: Validation, one: str, other: str, share: float) -> str:
    figure = _of(validation, HIT_RATE, one, share, against=other)
    if figure.expected == 0 and figure.lower == 0 == figure.upper:
        return f"‘{readable(one)}’ and ‘{readable(other)}’ caught the same events at {percent(share)} of the area."
    more = "more" if figure.expected >= 0 else "fewer"
    sign = 1 if figure.expected >= 0 else -1
    ends = sorted(sign * end for end in (figure.lower, figure.upper))
    sentence = (
        f" (95{NBSP}% interval {fixed(100 * ends[0], 1)} to {fixed(100 * ends[1], 1)})"
        if math.isfinite(ends[0])
        else ""
    )
    return (
        f"At {percent(share)} of the area ‘{readable(one)}’ caught {fixed(100 * abs(figure.expected), 1)} percentage "
        f"points {more} of the later events than ‘{readable(other)}’{sentence}."
    )


def _calibrated(validation: Validation, name: str, context: ValidationContext) -> str:
    ratio, slope = (validation.find(measure, name) for measure in (RATIO, SLOPE))
    if ratio is None:
        return ""
    sentence = (
        f"{_expectation(name, context)} {fixed(ratio.expected, 2)} times as many events as came in all"
        f"{_in_days(context.tested_days)}"
    )
    if slope is None or not math.isfinite(slope.expected):
        return sentence + "."
    ends = ""
    if math.isfinite(slope.lower) and math.isfinite(slope.upper):
        ends = f", 95{NBSP}% interval {number(slope.lower)} to {number(slope.upper)}"
        if slope.lower <= 1 <= slope.upper:
            sentence += ", and spread them over the cells as they came"
            return f"{sentence} (calibration slope {number(slope.expected)}{ends})."
    much = "farther apart than" if slope.expected < 1 else "closer together than"
    return (
        f"{sentence}; its expected counts of high and low cells lie {much} the events that came (calibration slope "
        f"{number(slope.expected)}, where 1 is right{ends})."
    )


def _expectation(name: str, context: ValidationContext) -> str:
    """Which expectation is held against the events of the test period, and how it was made comparable."""
    days = next((origin.days for origin in context.origins if origin.name == name), None)
    if days is None or context.tested_days is None:
        return f"For a period that may have another length, ‘{readable(name)}’ expected"
    if days == context.tested_days:
        return f"‘{readable(name)}’ expected"
    tested = many(context.tested_days, "day")
    return f"Scaled from {many(days, 'day')} to the {tested} tested, ‘{readable(name)}’ expected"


def _in_days(days: int | None) -> str:
    return f" in {many(days, 'day')}" if days is not None else ""


def _on_streets(validation: Validation, name: str, share: float) -> str:
    hit = validation.find(HIT_RATE, name, share, basis=STREET)
    if hit is None:
        return ""
    pai = _of(validation, PAI, name, share, basis=STREET)
    return (
        f"By street: the highest-scored {percent(share)} of the {number(validation.street)}{NBSP}km of street in "
        f"‘{readable(name)}’ held "
        f"{percent(hit.expected)} of the later events{_interval(hit)}, {number(pai.expected)} times what the same "
        "length chosen at random would hold."
    )


def _precedes(tested: Period, fitted: Period) -> bool:
    """Whether the test period ends before the fitting period begins."""
    return tested.end is not None and fitted.start is not None and tested.end < fitted.start


def warnings_of(validation: Validation, context: ValidationContext) -> tuple[str, ...]:
    warnings = [*context.overlaps, *context.warnings, *validation.notes]
    unknown = [readable(o.name) for o in context.origins if not o.fitted.known]
    if not context.tested.known or unknown:
        what = []
        if unknown:
            what.append(f"the period of the events that made {listed([f'‘{name}’' for name in unknown])}")
        if not context.tested.known:
            what.append("the period of the later events")
        warnings.append(
            f"Not known: {listed(what)}. So it could not be checked whether maps were tested on events that made them; "
            "a test on those flatters."
        )
    for origin in context.origins:
        if _precedes(context.tested, origin.fitted):
            warnings.append(
                f"‘{readable(origin.name)}’ was fitted on events of {origin.fitted.text}, after the test period "
                f"({context.tested.text}): this tells how it would have done in the past, not how it forecasts."
            )
    warnings += warnings_in(context.data_findings)
    share = headline_share(validation)
    for name in validation.terrains:
        hit = _of(validation, HIT_RATE, name, share)
        if hit.optimistic - hit.pessimistic > _WIDE * max(hit.expected, 1e-12):
            warnings.append(
                f"So many cells of ‘{readable(name)}’ have equal scores that {percent(share)} of the area could be "
                f"chosen in ways that catch {percent(hit.pessimistic)} to {percent(hit.optimistic)} of the events; "
                f"{percent(hit.expected)} is the mean over random orders."
            )
    if validation.events_off_street:
        warnings.append(
            f"{many(validation.events_off_street, 'later event')} lie in cells without street; the figures by street "
            "leave them out."
        )
    return tuple(dict.fromkeys(warnings))
