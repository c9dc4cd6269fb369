"""Periods of days: when events happened, and the windows that a map is fitted and tested on."""

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, SettingsError

Unit = Literal["months", "days"]
UNITS: tuple[str, ...] = get_args(Unit)

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DATE = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2})(?:[T ]\d{2}:\d{2}\S*)?)?")
_DAY = timedelta(days=1)
_SLACK = timedelta(days=7)
_MOST_WINDOWS = 1000


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `start` to `end`, both included; None where that end is not known or not limited.

    Raises
    ------
    SettingsError
        The period ends before it starts.

    Examples
    --------
    >>> year = Period(date(2017, 1, 1), date(2017, 12, 31))
    >>> year.text, year.days
    ('1 January 2017 to 31 December 2017', 365)
    >>> year.contains(Period.parse("2017-12")), year.overlaps(Period(date(2017, 12, 31), None))
    (True, True)
    """

    start: date | None = None
    end: date | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.end < self.start:
            raise SettingsError(
                f"The window ends on {day_text(self.end)}, before it starts on {day_text(self.start)}; exchange the "
                "two dates."
            )

    @classmethod
    def parse(cls, text: str) -> "Period | None":
        """The day that "2018-03-05" or "2018-03-05T22:10" names, the month that "2018-03" names; None for other texts.

        >>> Period.parse("2018-02").text
        '1 February 2018 to 28 February 2018'
        >>> Period.parse("05/03/2018") is None
        True
        """
        match = _DATE.fullmatch(text.strip())
        if match is None:
            return None
        year, month, day = (int(part) if part else None for part in match.groups())
        try:
            first = date(year or 0, month or 0, day or 1)
        except ValueError:
            return None
        return cls(first, first if day else first.replace(day=monthrange(first.year, first.month)[1]))

    @classmethod
    def from_iso(cls, start: str | None, end: str | None) -> "Period":
        """From two ISO days, either None.

        Raises
        ------
        SettingsError
            A text that is not an ISO day, or an end before the start.
        """
        days: list[date | None] = []
        for text in (start, end):
            day = cls.parse(text) if text else cls()
            if day is None or (text and len(text) != len("2018-03-05")):
                raise SettingsError(f"{text!r} is not a date such as 2018-03-05.")
            days.append(day.start)
        return cls(*days)

    @property
    def iso(self) -> tuple[str | None, str | None]:
        """Both days as ISO text."""
        return tuple(day.isoformat() if day else None for day in (self.start, self.end))  # type: ignore[return-value]

    @property
    def known(self) -> bool:
        """Whether anything is said at all."""
        return self.start is not None or self.end is not None

    @property
    def text(self) -> str:
        """In words; empty when nothing is known.

        >>> Period(date(2017, 1, 1), None).text, Period().text
        ('from 1 January 2017', '')
        """
        if self.start is not None and self.start == self.end:
            return day_text(self.start)
        if self.start is not None and self.end is not None:
            return f"{day_text(self.start)} to {day_text(self.end)}"
        if self.start is not None:
            return f"from {day_text(self.start)}"
        return f"until {day_text(self.end)}" if self.end is not None else ""

    @property
    def short(self) -> str:
        """In as few words as say it: a year, or months, where the period is whole ones.

        >>> Period(date(2017, 1, 1), date(2017, 12, 31)).short, Period(date(2017, 1, 1), date(2018, 6, 30)).short
        ('2017', 'January 2017 to June 2018')
        """
        if self.start is None or self.end is None or self.start.day != 1 or (self.end + _DAY).day != 1:
            return self.text
        if (self.start.month, self.end.month) == (1, 12):
            return str(self.start.year) if self.start.year == self.end.year else f"{self.start.year} to {self.end.year}"
        first, last = (f"{MONTHS[day.month - 1]} {day.year}" for day in (self.start, self.end))
        return first if first == last else f"{first} to {last}"

    @property
    def days(self) -> int | None:
        """Number of days; None without both ends."""
        return None if self.start is None or self.end is None else (self.end - self.start).days + 1

    def overlaps(self, other: "Period") -> bool:
        """Whether the two share a day; an end that is not known counts as unlimited."""
        return _first(self) <= _last(other) and _first(other) <= _last(self)

    def contains(self, other: "Period") -> bool:
        """Whether every day of the other is one of this."""
        return _first(self) <= _first(other) and _last(other) <= _last(self)

    def completed(self, other: "Period") -> "Period":
        """The same period, with the ends of the other where this has none."""
        return Period(self.start or other.start, self.end or other.end)


def _first(period: Period) -> date:
    return period.start or date.min


def _last(period: Period) -> date:
    return period.end or date.max


def day_text(day: date) -> str:
    """A day in British English, whatever the machine speaks.

    >>> day_text(date(2018, 3, 5))
    '5 March 2018'
    """
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def after(day: date, count: int, unit: str) -> date:
    """The day `count` months or days later; a day that its month lacks becomes the month's last.

    >>> after(date(2018, 1, 31), 1, "months"), after(date(2018, 1, 31), 1, "days")
    (datetime.date(2018, 2, 28), datetime.date(2018, 2, 1))
    """
    if unit == "days":
        return day + timedelta(days=min(count, (date.max - day).days))
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    if year > date.max.year:
        return date.max
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def refuse_unless_later(fitted: Period, tested: Period) -> None:
    """Refuse a test window that does not come after the fitting window; what is not known is not refused.

    Raises
    ------
    InputError
    """
    if not fitted.known or not tested.known or _last(fitted) < _first(tested):
        return
    raise InputError(
        f"The test window ({tested.text}) does not come after the fitting window ({fitted.text}): a map must be tested "
        "on events that it was not fitted on; choose windows that share no day, the later one for the test."
    )


def proposed_windows(span: Period) -> tuple[tuple[Period, Period], ...]:
    """Pairs of a fitting and a test window that dates of this span allow; perhaps none.

    Whole years where the dates have at least two, the last for the test; then halves; then two thirds and one. All are
    cut between months, as dates of police data are often months, and between days only within a single month. Years
    and months at the ends count as whole where at most a week of them is missing: that nothing happened on New Year's
    Day does not shorten the year.

    Examples
    --------
    >>> pairs = proposed_windows(Period(date(2017, 1, 1), date(2018, 12, 30)))
    >>> [(fit.short, test.short) for fit, test in pairs]
    [('2017', '2018'), ('January 2017 to April 2018', 'May 2018 to December 2018')]
    >>> [test.iso for _, test in proposed_windows(Period(date(2018, 3, 1), date(2018, 3, 10)))]
    [('2018-03-06', '2018-03-10'), ('2018-03-08', '2018-03-10')]
    """
    if span.start is None or span.end is None:
        return ()
    pairs = [*_years(span), *(_split(span, parts) for parts in (2, 3))]
    windows: list[tuple[Period, Period]] = []
    for pair in pairs:
        if pair is not None and pair not in windows:
            windows.append(pair)
    return tuple(windows)


def _years(span: Period) -> list[tuple[Period, Period] | None]:
    """All whole years but the last, and the last."""
    start, end = _first(span), _last(span)
    first = start.year + (start > date(start.year, 1, 1) + _SLACK)
    last = end.year - (end < date(end.year, 12, 31) - _SLACK)
    if last <= first:
        return []
    return [(Period(date(first, 1, 1), date(last - 1, 12, 31)), Period(date(last, 1, 1), date(last, 12, 31)))]


def _split(span: Period, parts: int) -> tuple[Period, Period] | None:
    """The last of so many parts for the test; None where the dates are too few."""
    start, end = _first(span), _last(span)
    months = (end.year - start.year) * 12 + end.month - start.month + 1
    if months >= parts:
        cut = after(start.replace(day=1), months - months // parts, "months")
        start, end = _widened(start, end)
    elif months == 1 and (end - start).days + 1 >= parts:
        days = (end - start).days + 1
        cut = after(start, days - days // parts, "days")
    else:
        return None
    return Period(start, cut - _DAY), Period(cut, end)


def _widened(start: date, end: date) -> tuple[date, date]:
    """The same, from the first and to the last day of the month where few days are missing."""
    first, last = start.replace(day=1), end.replace(day=monthrange(end.year, end.month)[1])
    return first if start - first <= _SLACK else start, last if last - end <= _SLACK else end


@dataclass(frozen=True, slots=True)
class RollingSettings:
    """Windows that roll through the dates: fit on one, test on the next, step on.

    Parameters
    ----------
    fit, test, step : int
        Lengths, in units.
    unit : {"months", "days"}
    """

    fit: int = 12
    test: int = 1
    step: int = 1
    unit: str = "months"

    def __post_init__(self) -> None:
        for name in ("fit", "test", "step"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10_000:
                raise SettingsError(
                    f"The length '{name}' of the rolling windows is {value!r}; it must be a whole number from 1 to "
                    "10000."
                )
        if self.unit not in UNITS:
            raise SettingsError(f"The unit of the windows is {self.unit!r}; it must be one of {', '.join(UNITS)}.")


def rolling_windows(span: Period, settings: RollingSettings) -> tuple[tuple[Period, Period], ...]:
    """Every pair of a fitting window and the test window that follows it, within the span, oldest first.

    Parameters
    ----------
    span : Period with both ends
    settings : RollingSettings

    Raises
    ------
    InputError
        The span is too short for one pair.

    Examples
    --------
    >>> span = Period(date(2018, 1, 1), date(2018, 4, 30))
    >>> [(a.iso, b.iso) for a, b in rolling_windows(span, RollingSettings(fit=2, test=1, step=1))]
    ... # doctest: +NORMALIZE_WHITESPACE
    [(('2018-01-01', '2018-02-28'), ('2018-03-01', '2018-03-31')),
     (('2018-02-01', '2018-03-31'), ('2018-04-01', '2018-04-30'))]
    """
    if span.start is None or span.end is None:
        raise InputError("The first and the last day are needed to lay windows through the dates.")
    windows = []
    unit, origin = settings.unit, 0
    while True:
        cuts = [after(span.start, origin + more, unit) for more in (0, settings.fit, settings.fit + settings.test)]
        if cuts[2] - _DAY > span.end:
            break
        windows.append((Period(cuts[0], cuts[1] - _DAY), Period(cuts[1], cuts[2] - _DAY)))
        if len(windows) > _MOST_WINDOWS:
            raise InputError(
                f"The dates run from {day_text(span.start)} to {day_text(span.end)}, which makes more than "
                f"{_MOST_WINDOWS:,} windows; choose a longer step, or limit the dates."
            )
        origin += settings.step
    if not windows:
        raise InputError(
            f"The dates run from {day_text(span.start)} to {day_text(span.end)}, too short for a fitting window of "
            f"{settings.fit} and a test window of {settings.test} {unit}; choose shorter windows."
        )
    return tuple(windows)


Days = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, eq=False)
class Dates:
    """When each of m events happened, as far as its record says: a day, or a month.

    Parameters
    ----------
    first, last : (m,) datetime64[D]
        Earliest and latest day; the same where the day is known; not a time where there is no date.
    source : str
        Field and layer for sentences: "the field 'Month' of 'crime'".
    """

    first: Days
    last: Days
    source: str

    @classmethod
    def of(cls, periods: Sequence[Period | None], source: str) -> "Dates":
        """From one period an event, None where there is no date."""

        def days(which: str) -> Days:
            known = [getattr(period, which) if period else None for period in periods]
            return np.array(known, dtype="datetime64[D]")

        return cls(days("start"), days("end"), source)

    @property
    def unknown(self) -> NDArray[np.bool_]:
        """(m,) bool: the events without a date."""
        return np.isnat(self.first)

    @property
    def missing(self) -> int:
        """How many have no date."""
        return int(np.count_nonzero(self.unknown))

    @property
    def span(self) -> Period:
        """From the earliest to the latest day; nothing known when no event has a date."""
        if self.missing == len(self.first):
            return Period()
        return Period(_day(np.nanmin(self.first)), _day(np.nanmax(self.last)))

    def mask(self, window: Period) -> NDArray[np.bool_]:
        """(m,) bool: the events in the window, perhaps none; those without a date are not.

        Raises
        ------
        InputError
            The window cuts a month of which the days are not known.

        Examples
        --------
        >>> dates = Dates.of([Period.parse("2018-03"), Period.parse("2018-04-02"), None], "'when' of 'thefts'")
        >>> dates.mask(Period.from_iso("2018-04-01", None)).tolist()
        [False, True, False]
        """
        start, end = np.datetime64(_first(window)), np.datetime64(_last(window))
        within = self.within(window)
        cut = ~within & (self.last >= start) & (self.first <= end)
        if cut.any():
            month = str(self.first[cut][0])[:7]
            raise InputError(
                f"The window {window.text} cuts the month {month}, of whose events {self.source} does not tell the "
                "day; let windows start and end with whole months."
            )
        return within

    def within(self, window: Period) -> NDArray[np.bool_]:
        """(m,) bool: the events of which all days lie in the window, whatever it cuts."""
        start, end = np.datetime64(_first(window)), np.datetime64(_last(window))
        inside: NDArray[np.bool_] = (self.first >= start) & (self.last <= end)
        return inside

    def inside(self, window: Period) -> NDArray[np.bool_]:
        """As `mask`, refused when there is none.

        Raises
        ------
        InputError
        """
        mask = self.mask(window)
        if not mask.any():
            raise InputError(
                f"No event lies in the window {window.text}: {self.source} has dates from {self.span.text}; choose "
                "another window."
            )
        return mask

    def only(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "Dates":
        """Those of some of the events: the ones that are true, or of these numbers."""
        return Dates(self.first[keep], self.last[keep], self.source)


def _day(value: Any) -> date:
    day: date = value.astype("datetime64[D]").item()
    return day
