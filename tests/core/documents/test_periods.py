"""Periods of days, dates as records have them, and windows that roll."""

from datetime import date, timedelta

import numpy as np
import pytest
from helpers import repeatable
from hypothesis import given
from hypothesis import strategies as st
from risk_terrain.rtm_plugin.core.documents.periods import (
    Dates,
    Period,
    RollingSettings,
    after,
    proposed_windows,
    refuse_unless_later,
    rolling_windows,
)
from risk_terrain.rtm_plugin.core.errors import InputError, SettingsError

days = st.dates(date(1990, 1, 1), date(2040, 12, 31))
ends = st.one_of(st.none(), days)


def period(a, b) -> Period:
    """In whatever order."""
    return Period(min(a, b), max(a, b)) if a and b else Period(a, b)


def members(p: Period) -> set[int]:
    """Every day from 1985 to 2045 that the period has."""
    first, last = p.start or date(1985, 1, 1), p.end or date(2045, 12, 31)
    return set(range(first.toordinal(), last.toordinal() + 1))


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2018-03", ("2018-03-01", "2018-03-31")),
        ("2020-02", ("2020-02-01", "2020-02-29")),
        ("2018-03-05", ("2018-03-05", "2018-03-05")),
        (" 2018-03-05T23:59:59+01:00 ", ("2018-03-05", "2018-03-05")),
        ("2018-03-05 07:10", ("2018-03-05", "2018-03-05")),
        ("9999-12", ("9999-12-01", "9999-12-31")),
    ],
)
def test_dates_that_can_be_read(text, iso):
    assert Period.parse(text).iso == iso


@pytest.mark.parametrize(
    "text",
    ["", "2018", "05/03/2018", "2018-13", "2018-02-30", "2018-3-5", "20180305", "soon", "2018-03-05x", "0000-01"],
)
def test_texts_that_are_no_dates(text):
    assert Period.parse(text) is None


def test_a_window_the_wrong_way_round():
    with pytest.raises(SettingsError) as refused:
        Period(date(2018, 1, 1), date(2017, 12, 31))
    assert str(refused.value) == (
        "The window ends on 31 December 2017, before it starts on 1 January 2018; exchange the two dates."
    )


@pytest.mark.parametrize("texts", [("2018-3-5", None), (None, "2018-03"), ("x", "y"), ("20180305", None)])
def test_texts_that_are_no_iso_days(texts):
    with pytest.raises(SettingsError, match="is not a date such as 2018-03-05"):
        Period.from_iso(*texts)


@repeatable
@given(ends, ends, ends, ends)
def test_overlap_and_containment_are_those_of_sets(a, b, c, d):
    one, other = period(a, b), period(c, d)
    assert one.overlaps(other) == bool(members(one) & members(other))
    assert one.contains(other) == (members(one) >= members(other))
    assert Period.from_iso(*one.iso) == one


def test_a_test_window_must_come_later():
    first, second = Period.parse("2018-01"), Period.parse("2018-02")
    refuse_unless_later(first, second)
    refuse_unless_later(Period(), second)
    refuse_unless_later(first, Period())
    for earlier, later in ((second, first), (first, first), (Period(first.start, None), second)):
        with pytest.raises(InputError, match="does not come after the fitting window"):
            refuse_unless_later(earlier, later)
    with pytest.raises(InputError) as refused:
        refuse_unless_later(Period(date(2018, 1, 1), date(2018, 2, 1)), second)
    assert str(refused.value) == (
        "The test window (1 February 2018 to 28 February 2018) does not come after the fitting window (1 January 2018 "
        "to 1 February 2018): a map must be tested on events that it was not fitted on; choose windows that share no "
        "day, the later one for the test."
    )


DATES = Dates.of([Period.parse(t) if t else None for t in ("2018-03", "2018-04-02", "", "2018-05-31")], "the field 'w'")


def test_dates_know_their_range_and_what_is_missing():
    assert DATES.span.iso == ("2018-03-01", "2018-05-31")
    assert DATES.missing == 1
    assert DATES.only(DATES.unknown).span == Period()


@pytest.mark.parametrize(
    ("window", "inside"),
    [
        (("2018-03-01", "2018-03-31"), [1, 0, 0, 0]),
        (("2018-04-02", "2018-04-02"), [0, 1, 0, 0]),
        (("2018-04-01", None), [0, 1, 0, 1]),
        ((None, None), [1, 1, 0, 1]),
        ((None, "2018-05-30"), [1, 1, 0, 0]),
    ],
)
def test_events_in_a_window(window, inside):
    assert DATES.inside(Period.from_iso(*window)).tolist() == list(map(bool, inside))


def test_a_window_that_cuts_a_month():
    with pytest.raises(InputError) as refused:
        DATES.inside(Period.from_iso("2018-03-15", "2018-04-30"))
    assert str(refused.value) == (
        "The window 15 March 2018 to 30 April 2018 cuts the month 2018-03, of whose events the field 'w' does not "
        "tell the day; let windows start and end with whole months."
    )


def test_a_window_without_events():
    with pytest.raises(InputError) as refused:
        DATES.inside(Period.from_iso("2019-01-01", None))
    assert str(refused.value) == (
        "No event lies in the window from 1 January 2019: the field 'w' has dates from 1 March 2018 to 31 May 2018; "
        "choose another window."
    )


@repeatable
@given(st.lists(st.one_of(st.none(), days), min_size=1, max_size=20), ends, ends)
def test_days_in_a_window_as_by_looking_at_each(found, a, b):
    window = period(a, b)
    dates = Dates.of([Period(day, day) if day else None for day in found], "x")
    expected = [day is not None and day.toordinal() in members(window) for day in found]
    if any(expected):
        assert dates.inside(window).tolist() == expected
    else:
        with pytest.raises(InputError, match="No event lies in the window"):
            dates.inside(window)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [("2018-01-31", 1, "2018-02-28"), ("2018-11-30", 3, "2019-02-28"), ("2020-02-29", 12, "2021-02-28")],
)
def test_months_later(start, months, end):
    assert after(date.fromisoformat(start), months, "months").isoformat() == end


@repeatable
@given(
    days,
    st.integers(1, 900),
    st.integers(1, 14),
    st.integers(1, 14),
    st.integers(1, 14),
    st.sampled_from(("months", "days")),
)
def test_rolling_windows_touch_and_stay_within(start, length, fit, test, step, unit):
    span = Period(start, start + timedelta(days=length))
    settings = RollingSettings(fit, test, step, unit)
    if after(start, fit + test, unit) - timedelta(days=1) > span.end:
        with pytest.raises(InputError, match="too short"):
            rolling_windows(span, settings)
        return
    windows = rolling_windows(span, settings)
    assert windows[0][0].start == start
    for i, (fitted, tested) in enumerate(windows):
        assert tested.start == fitted.end + timedelta(days=1)
        assert fitted.start == after(start, i * step, unit)
        assert span.contains(tested)
    last = len(windows) * step + fit + test
    assert after(start, last, unit) - timedelta(days=1) > span.end, "one more would have had room"


def test_too_short_for_one_window():
    with pytest.raises(InputError) as refused:
        rolling_windows(Period.from_iso("2018-01-01", "2018-06-30"), RollingSettings(6, 1, 1))
    assert str(refused.value) == (
        "The dates run from 1 January 2018 to 30 June 2018, too short for a fitting window of 6 and a test window of 1 "
        "months; choose shorter windows."
    )


def test_dates_of_another_age():
    """A typing error such as the year 9999 ends in a sentence, not in a loop without end."""
    with pytest.raises(InputError, match="more than 1,000 windows"):
        rolling_windows(Period.from_iso("2018-01-01", "9999-12-31"), RollingSettings(1, 1, 1))


@pytest.mark.parametrize("changes", [{"fit": 0}, {"test": 1.5}, {"step": True}, {"unit": "weeks"}])
def test_impossible_windows(changes):
    with pytest.raises(SettingsError, match="it must be"):
        RollingSettings(**changes)


def test_dates_are_compared_as_days():
    assert Dates.of([Period.parse("2018-03")], "x").first.dtype == np.dtype("datetime64[D]")


@pytest.mark.parametrize(
    ("start", "end", "windows"),
    [
        # two years, with nothing on the first and the last days
        ("2024-01-02", "2025-12-29", [("2024", "2025"), ("January 2024 to April 2025", "May 2025 to December 2025")]),
        # months of police.uk that no year is whole of
        (
            "2023-03-01",
            "2023-11-30",
            [
                ("March 2023 to July 2023", "August 2023 to November 2023"),
                ("March 2023 to August 2023", "September 2023 to November 2023"),
            ],
        ),
        # the last month has only begun: nothing after its tenth day is claimed
        ("2024-01-01", "2024-02-10", [("January 2024", "1 February 2024 to 10 February 2024")]),
        ("2024-05-05", "2024-05-05", []),
        (None, None, []),
        ("2024-05-05", None, []),
    ],
)
def test_windows_are_proposed_from_the_range_of_the_dates(start, end, windows):
    found = proposed_windows(Period.from_iso(start, end))
    assert [(fit.short, test.short) for fit, test in found] == windows


@pytest.mark.parametrize("days", [1, 2, 3, 28, 31, 59, 60, 90, 364, 366, 731, 1200])
@pytest.mark.parametrize("start", [date(2023, 1, 1), date(2024, 1, 31), date(2023, 12, 15)])
def test_proposed_windows_touch_and_the_test_comes_later(start, days):
    span = Period(start, start + timedelta(days=days - 1))
    for fit, test in proposed_windows(span):
        assert (test.start - fit.end).days == 1
        assert fit.overlaps(span)
        assert test.overlaps(span)
        assert abs((test.end - span.end).days) <= 366
