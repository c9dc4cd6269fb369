"""The fitting window in periods: whole, equal, with enough events, and none lost."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.data.coverage import coverage
from risk_terrain.rtm_plugin.core.data.past_periods import past_periods
from risk_terrain.rtm_plugin.core.documents.periods import Dates, Period


def every_day(start: str, days: int, a_day: int = 2) -> Dates:
    first = date.fromisoformat(start)
    listed = [first + timedelta(days=i) for i in range(days) for _ in range(a_day)]
    return Dates.of([Period(day, day) for day in listed], "'day' of 'thefts'")


def cut(dates: Dates, window: Period | None = None):
    return past_periods(dates, coverage(dates, window or Period()))


@pytest.mark.parametrize(
    ("start", "days", "lengths"),
    [
        ("2018-01-01", 365, [90, 91, 92, 92]),
        ("2017-01-01", 730, [181, 184, 181, 184]),
        ("2016-01-01", 4 * 365 + 1, [366, 365, 365, 365]),
        ("2018-01-01", 181, [90, 91]),
        ("2018-01-01", 100, []),
        ("2018-01-20", 346, [71, 91, 92, 92]),  # what is left at the beginning is long enough for a period of its own
        ("2017-12-20", 377, [102, 91, 92, 92]),  # or belongs to the oldest
    ],
)
def test_the_longest_that_is_there_four_times(start, days, lengths):
    dates = every_day(start, days)
    found = cut(dates)
    assert [one.days for one in found] == lengths
    assert all(one.period.days == one.days for one in found)
    if found:
        assert np.array_equal(np.sum([one.events for one in found], axis=0), np.ones(len(dates.first)))
        assert [one.events.sum() for one in found] == [2 * days for days in lengths]


def test_few_events_make_longer_periods_or_none():
    """Forty a quarter are too few, eighty a half are enough; thirty a half are not."""
    assert [one.period.short for one in cut(Dates.of(monthly(13), "'month' of 'crime'"))] == [
        "January 2018 to June 2018",
        "July 2018 to December 2018",
    ]
    assert cut(Dates.of(monthly(5), "'month' of 'crime'")) == ()


def monthly(number: int):
    return [Period.parse(f"2018-{month:02}") for month in range(1, 13) for _ in range(number)]


def test_no_month_is_cut_whose_days_are_not_known():
    """From the fifteenth to the fourteenth, quarters would cut months; the events of a day each do not mind."""
    window = Period(date(2018, 1, 15), date(2019, 1, 14))
    assert len(cut(every_day("2018-01-15", 365), window)) == 4
    months = [Period.parse(f"2018-{month:02}") for month in range(2, 13) for _ in range(60)]
    dates = Dates.of(months, "'month' of 'crime'")
    assert past_periods(dates, replace(coverage(dates, window), missing=())) == ()


def test_missing_months_are_no_days():
    """April and May have no events at all: their quarter covers 30 days."""
    months = [p for p in monthly(60) if p.start.month not in (4, 5)]
    found = cut(Dates.of(months, "'month' of 'crime'"))
    assert [one.days for one in found] == [90, 30, 92, 92]
