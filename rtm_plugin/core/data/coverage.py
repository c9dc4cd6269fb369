"""Whether dated events fill the window that they are said to be of: first and last event, months without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from ..documents.findings import Finding
from ..documents.periods import MONTHS, Dates, Period, after, day_text

_USUAL = 0.9  # share of the gaps between days with events that count as usual …
_TIMES_USUAL = 2  # … and how many times longer than these a stretch of missing data is
_CHANCE = 0.001  # an empty stretch less likely than this, were events spread evenly, is taken for missing data
_DAY = timedelta(days=1)
_MOST_MONTHS = 12_000  # of a window that are looked at one by one: a thousand years
_NAMED = 6  # stretches of empty months that a sentence can name


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How the events fill a window.

    Parameters
    ----------
    window : Period with both ends, as it was asked for; where an end was not given, that of the events
    events : Period from the first event to the last; where only months are known, whole months
    count : int, events
    months : int, whole calendar months in the window
    empty : tuple of Period, those of them without an event
    missing : tuple of Period
        Stretches without an event that are too long to be chance: before the first, after the last, months between.
    """

    window: Period
    events: Period
    count: int
    months: int
    empty: tuple[Period, ...]
    missing: tuple[Period, ...]

    @property
    def covered(self) -> Period:
        """The window without the missing stretches at its ends."""
        start, end = self.window.start, self.window.end
        for stretch in self.missing:
            if stretch.start == start:
                start = self.events.start
            if stretch.end == end:
                end = self.events.end
        return Period(start, end)

    @property
    def days(self) -> int:
        """Days that the events can be taken to cover: totals are compared by these."""
        return (self.window.days or 0) - sum(stretch.days or 0 for stretch in self.missing)


def coverage(dates: Dates, window: Period) -> Coverage | None:
    """How the events fill a window; None when no event has a date.

    A stretch of g days of a window of W days without any of n events has the chance (1 − g / W)ⁿ when events come
    evenly. It is called missing when that is below one in a thousand, over all stretches looked at, and the stretch is
    more than twice as long as nine in ten of the gaps between days with events: dates are often lumped on the first or
    the fifteenth of a month, and a month is then no sign of anything.

    Parameters
    ----------
    dates : Dates, of the events in the window only
    window : Period, open where no limit was given

    Examples
    --------
    >>> months = [f"2019-{m:02}" for m in (1, 2, 3, 4, 5, 6) for _ in range(20)]
    >>> dates = Dates.of([Period.parse(month) for month in months], "'Month' of 'gap'")
    >>> known = coverage(dates, Period.from_iso("2019-01-01", "2019-12-31"))
    >>> known.covered.text, known.days, len(known.empty), known.months
    ('1 January 2019 to 30 June 2019', 181, 6, 12)
    """
    events = dates.span
    whole = window.completed(events)
    if events.start is None or events.end is None or whole.start is None or whole.end is None:
        return None
    known = ~dates.unknown
    months = _months(whole)
    held = {(day.year, day.month) for end in (dates.first, dates.last) for day in np.unique(end[known]).tolist()}
    empty = tuple(month for month in months if month.start and (month.start.year, month.start.month) not in held)
    count = int(np.count_nonzero(known))
    missing = []
    if whole.start < events.start:
        missing.append(Period(whole.start, events.start - _DAY))
    missing += [month for month in empty if events.overlaps(month)]
    if events.end < whole.end:
        missing.append(Period(events.end + _DAY, whole.end))
    least = _TIMES_USUAL * _usual_gap(dates.only(known))
    too_long = tuple(
        stretch
        for stretch in missing
        if (stretch.days or 0) > least and _chance(stretch, whole, count) * (len(months) + 2) < _CHANCE
    )
    return Coverage(window=whole, events=events, count=count, months=len(months), empty=empty, missing=too_long)


def _chance(stretch: Period, window: Period, count: int) -> float:
    return float((1 - (stretch.days or 0) / (window.days or 1)) ** count)


def _usual_gap(dates: Dates) -> float:
    """Days from one day or month with events to the next, which nine in ten of them do not exceed."""
    order = np.argsort(dates.first, kind="stable")
    first, last = np.unique(dates.first[order]), np.maximum.accumulate(dates.last[order])
    before = last[np.searchsorted(dates.first[order], first[1:], side="left") - 1]
    gaps = (first[1:] - before).astype("timedelta64[D]").astype(np.float64)
    return float(np.quantile(gaps, _USUAL)) if len(gaps) else 0.0


def _months(window: Period) -> list[Period]:
    """The whole calendar months of a window."""
    months: list[Period] = []
    if window.start is None or window.end is None:
        return months
    first = window.start if window.start.day == 1 else after(window.start.replace(day=1), 1, "months")
    while len(months) < _MOST_MONTHS and first < date.max.replace(month=1, day=1):
        following = after(first, 1, "months")
        if following - _DAY > window.end:
            break
        months.append(Period(first, following - _DAY))
        first = following
    return months


def coverage_findings(coverage: Coverage | None, events: str, window: str) -> tuple[Finding, ...]:
    """What is to be said of the dates.

    Parameters
    ----------
    events : str
        What the events are called in a sentence: "'crime'", "robbery (layer 'crime')".
    window : str
        What the window is called: "the test window".
    """
    if coverage is None or coverage.events.end is None or coverage.events.start is None:
        return ()
    first, last = day_text(coverage.events.start), day_text(coverage.events.end)
    numbers = {
        "first": coverage.events.iso[0],
        "last": coverage.events.iso[1],
        "months": coverage.months,
        "empty_months": len(coverage.empty),
        "days": coverage.window.days,
        "days_with_data": coverage.days,
    }
    findings = [Finding("note", f"The events of {events} in {window} are from {first} to {last}.", numbers=numbers)]
    late = [stretch for stretch in coverage.missing if stretch.end == coverage.window.end]
    early = [stretch for stretch in coverage.missing if stretch.start == coverage.window.start and stretch not in late]
    between = [stretch for stretch in coverage.missing if stretch not in (*late, *early)]
    gaps = []
    if early:
        gaps.append(f"no event of {events} is earlier than {first}, but {window} starts on {_start(coverage.window)}")
    if late:
        gaps.append(f"no event of {events} is later than {last}, but {window} runs until {_end(coverage.window)}")
    if between:
        gaps.append(f"no event of {events} is from {months_text(between)}")
    if gaps:
        sentence = "; ".join(gaps)
        sentence = f"{sentence[:1].upper()}{sentence[1:]}"
        if coverage.empty:
            sentence += f": {len(coverage.empty)} of {coverage.months} months in it are empty"
        remedy = (
            f"Ask for the events that are missing, or change the dates; totals are compared over the {coverage.days:,} "
            f"days that the events cover ({coverage.covered.text}{', without these months' if between else ''})."
        )
        findings.insert(0, Finding("warning", f"{sentence}.", remedy, numbers))
    elif coverage.empty:
        of = f"{len(coverage.empty)} of {coverage.months} months"
        findings.append(Finding("note", f"No event of {events} is in {of} of {window}; they are few.", numbers=numbers))
    return tuple(findings)


def _start(period: Period) -> str:
    return day_text(period.start) if period.start else ""


def _end(period: Period) -> str:
    return day_text(period.end) if period.end else ""


def months_text(months: Sequence[Period]) -> str:
    """Months in words, neighbours together; many of them as a number.

    >>> months_text([Period.parse("2019-03"), Period.parse("2019-04"), Period.parse("2019-09")])
    'March 2019 to April 2019, September 2019'
    """
    runs: list[list[Period]] = []
    for month in months:
        if runs and runs[-1][-1].end is not None and month.start == runs[-1][-1].end + _DAY:
            runs[-1].append(month)
        else:
            runs.append([month])
    if len(runs) > _NAMED:
        return f"{len(months)} months between"
    named = [[_month_text(run[0]), _month_text(run[-1])] for run in runs]
    return ", ".join(" to ".join(dict.fromkeys(ends)) for ends in named)


def _month_text(month: Period) -> str:
    return f"{MONTHS[month.start.month - 1]} {month.start.year}" if month.start else ""
