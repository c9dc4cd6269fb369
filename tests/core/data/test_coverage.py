"""Whether events fill their window: ends and missing months are told, chance gaps are not."""

from datetime import date, timedelta

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.data.coverage import coverage, coverage_findings
from risk_terrain.rtm_plugin.core.documents.periods import Dates, Period


def months(*counted: tuple[str, int]) -> Dates:
    return Dates.of([Period.parse(month) for month, n in counted for _ in range(n)], "'Month' of 'crime'")


def days(*ordinals: int, start: date = date(2018, 1, 1)) -> Dates:
    one = timedelta(days=1)
    return Dates.of([Period(start + n * one, start + n * one) for n in ordinals], "'day' of 'crime'")


YEAR = Period.from_iso("2019-01-01", "2019-12-31")


def test_half_a_year_of_data_in_a_window_of_a_year():
    found = coverage(months(*((f"2019-{m:02}", 150) for m in range(1, 7))), YEAR)
    assert found.covered == Period.from_iso("2019-01-01", "2019-06-30")
    assert (found.days, len(found.empty), found.months) == (181, 6, 12)
    warning, note = coverage_findings(found, "'gap'", "the test window")
    assert warning.severity == "warning"
    assert warning.sentence == (
        "No event of 'gap' is later than 30 June 2019, but the test window runs until 31 December 2019: 6 of 12 months "
        "in it are empty."
    )
    assert "181 days" in warning.remedy
    assert note.sentence == "The events of 'gap' in the test window are from 1 January 2019 to 30 June 2019."
    assert (note.numbers["empty_months"], note.numbers["days_with_data"]) == (6, 181)


def test_data_that_begin_late_and_a_month_that_is_missing():
    found = coverage(months(*((f"2019-{m:02}", 90) for m in (3, 4, 5, 7, 8, 9, 10, 11, 12))), YEAR)
    assert found.covered == Period.from_iso("2019-03-01", "2019-12-31")
    assert found.days == 365 - 59 - 30
    warning = coverage_findings(found, "'crime'", "the fitting window")[0]
    assert "no event of 'crime' is earlier" not in warning.sentence
    assert warning.sentence.startswith("No event of 'crime' is earlier than 1 March 2019")
    assert "no event of 'crime' is from June 2019: 3 of 12 months in it are empty" in warning.sentence


def test_a_whole_year_is_whole():
    found = coverage(months(*((f"2019-{m:02}", 30) for m in range(1, 13))), YEAR)
    assert (found.covered, found.days, found.missing, found.empty) == (YEAR, 365, (), ())
    assert [finding.severity for finding in coverage_findings(found, "'crime'", "it")] == ["note"]


def test_few_events_leave_empty_months_by_chance():
    """Seven events a year: some months are empty, and nothing follows from it."""
    found = coverage(days(10, 40, 100, 170, 200, 290, 330), Period.from_iso("2018-01-01", "2018-12-31"))
    assert found.missing == ()
    assert found.days == 365
    findings = coverage_findings(found, "'homicide'", "the window")
    assert {finding.severity for finding in findings} == {"note"}
    assert "they are few" in findings[-1].sentence


@pytest.mark.parametrize("day", [1, 15])
def test_dates_that_are_lumped_on_a_day_of_the_month_are_no_gaps(day):
    lumped = Dates.of(
        [Period.parse(f"2019-{m:02}-{day:02}") for m in range(1, 13) for _ in range(200)], "'day' of 'crime'"
    )
    assert coverage(lumped, YEAR).missing == ()


def test_a_busy_layer_that_ends_eleven_days_early():
    found = coverage(days(*(n for n in range(354) for _ in range(3))), Period.from_iso("2018-01-01", "2018-12-31"))
    assert found.covered.end == date(2018, 12, 20)


def test_without_a_window_the_events_are_the_window():
    found = coverage(days(3, 4, 9), Period())
    assert found.covered == Period.from_iso("2018-01-04", "2018-01-10")
    assert coverage(Dates.of([None, None], "x"), YEAR) is None


def test_events_without_a_date_play_no_part():
    known = [Period.parse("2019-02"), None, Period.parse("2019-03")]
    found = coverage(Dates.of(known, "x"), Period())
    assert found.count == 2
    assert np.isclose(found.days, 59)
