"""Days typed into the wizard's boxes, chosen in the calendar, or proposed from the range of the dates."""

from datetime import date
from itertools import permutations
from pathlib import Path

import pytest
from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QDate, QLocale, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QCalendarWidget

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo" / "northbridge.gpkg"
BOXES = ("outcome_fit_start", "outcome_fit_end", "outcome_test_start", "outcome_test_end")
WRITTEN = {
    "outcome_fit_start": ("1 Jan 2024", "2024-01-01"),
    "outcome_fit_end": ("31 December 2024", "2024-12-31"),
    "outcome_test_start": ("2025-01-01", "2025-01-01"),
    "outcome_test_end": ("30.6.2025", "2025-06-30"),
}


@pytest.fixture
def outcome(new_wizard):
    """The page of the outcome, with the events of the demonstration and their date field."""
    hands = new_wizard()
    for name in ("boundary", "events"):
        layer = QgsVectorLayer(f"{DEMO}|layername={name}", name, "ogr")
        assert QgsProject.instance().addMapLayer(layer)
    hands.click("start_new")
    hands.choose("area_layer", "boundary")
    hands.next()
    hands.choose("outcome_layer", "events")
    hands.type("outcome_filter", "\"crime_type\" = 'robbery'")
    hands.find("outcome_date").setField("date")
    return hands


def windows(hands) -> tuple:
    study = hands.wizard.draft.study
    return study.fit.start, study.fit.end, study.test.start, study.test.end


def test_an_empty_box_looks_empty(outcome):
    for name in BOXES:
        assert outcome.find(name).text() == ""
    assert windows(outcome) == (None, None, None, None)


@pytest.mark.parametrize("order", list(permutations(BOXES))[::5])
def test_days_typed_in_any_order_are_those_days(outcome, order):
    """By real keys, each box left with Tab."""
    for name in order:
        outcome.type(name, WRITTEN[name][0])
    assert windows(outcome) == tuple(WRITTEN[name][1] for name in BOXES)
    outcome.counted()
    assert (outcome.reason, outcome.can_go_on) == ("", True)
    assert "933 lie inside the study area and count; 14 outside" in outcome.find("outcome_message").text()


def test_a_day_can_be_typed_over_and_emptied(outcome):
    outcome.type("outcome_fit_start", "5 Mar 2024")
    outcome.type("outcome_fit_start", "2024-04-06")
    assert windows(outcome)[0] == "2024-04-06"
    assert outcome.find("outcome_fit_start").text() == "6 Apr 2024"
    box = outcome.find("outcome_fit_start")
    box.selectAll()
    QTest.keyClick(box, Qt.Key.Key_Delete)
    assert windows(outcome)[0] is None


def test_what_is_no_day_is_said_and_not_taken(outcome):
    outcome.type("outcome_fit_start", "31 Feb 2024")
    assert outcome.reason.startswith("'31 Feb 2024' is not a day; write it like 5 Mar 2024")
    assert not outcome.can_go_on
    assert windows(outcome)[0] is None
    outcome.type("outcome_fit_start", "28 Feb 2024")
    outcome.type("outcome_fit_end", "1 Feb 2024")
    assert "before it starts" in outcome.reason


def test_the_days_are_there_again_when_one_comes_back(outcome):
    for name in BOXES:
        outcome.type(name, WRITTEN[name][0])
    outcome.click("wizard_back")
    outcome.next()
    assert [outcome.find(name).day for name in BOXES] == [WRITTEN[name][1] for name in BOXES]


@pytest.mark.parametrize("name", BOXES)
def test_a_day_from_the_calendar(outcome, name):
    outcome.click(f"{name}_calendar")
    calendar = outcome.find(name).calendar
    assert isinstance(calendar, QCalendarWidget)
    assert calendar.isVisible()
    calendar.clicked.emit(QDate(2024, 7, 14))
    assert outcome.find(name).day == "2024-07-14"
    assert outcome.wizard.draft.study.fit.start == "2024-07-14" or name != "outcome_fit_start"


def test_windows_are_proposed_and_taken_with_one_click(outcome):
    outcome.counted()
    texts = [outcome.find(f"outcome_propose_{i}").text() for i in (1, 2, 3)]
    assert texts == [
        "Fit on 2024, test on 2025",
        "Fit on January 2024 to April 2025, test on May 2025 to December 2025",
        "",
    ]
    assert not outcome.find("outcome_propose_3").isVisible()
    outcome.click("outcome_propose_1")
    assert windows(outcome) == ("2024-01-01", "2024-12-31", "2025-01-01", "2025-12-31")
    outcome.counted()
    assert "904 later events" in outcome.find("outcome_message").text()
    outcome.click("outcome_propose_2")
    assert windows(outcome) == ("2024-01-01", "2025-04-30", "2025-05-01", "2025-12-31")


def test_nothing_is_proposed_without_dates_or_with_a_layer_of_later_events(outcome):
    outcome.counted()
    outcome.choose("outcome_later_layer", "events")
    assert not outcome.find("outcome_propose_1").isVisible()
    outcome.choose("outcome_later_layer", "the same layer, in the test window")
    outcome.counted()
    assert outcome.find("outcome_propose_1").isVisible()
    outcome.find("outcome_date").setField("")
    assert not outcome.find("outcome_propose_1").isVisible()


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("5 Mar 2024", (2024, 3, 5)),
        ("5 March 2024", (2024, 3, 5)),
        ("5th Sept 2024", (2024, 9, 5)),
        ("Mar 5, 2024", (2024, 3, 5)),
        ("05.03.2024", (2024, 3, 5)),
        ("2024/3/5", (2024, 3, 5)),
        ("20240305", (2024, 3, 5)),
        ("25122024", (2024, 12, 25)),
        (" 2024-03-05 ", (2024, 3, 5)),
        ("29 Feb 2024", (2024, 2, 29)),
        ("12/25/2024", (2024, 12, 25)),
        ("29 Feb 2023", None),
        ("5 Mar 24", None),
        ("5 Foo 2024", None),
        ("5 Mar 1024", None),
        ("yesterday", None),
        ("2024", None),
        ("", None),
    ],
)
def test_how_days_are_written(qgis_app, text, day):
    from risk_terrain.rtm_plugin.gui.wizard.day_edit import day_of

    assert day_of(text) == (date(*day) if day else None)


@pytest.mark.parametrize(("place", "month"), [("en_GB", 4), ("en_US", 3), ("de_DE", 4)])
def test_the_order_of_day_and_month_is_that_of_the_computer(qgis_app, place, month):
    from risk_terrain.rtm_plugin.gui.wizard.day_edit import day_of

    before = QLocale()
    QLocale.setDefault(QLocale(place))
    try:
        assert day_of("3/4/2024").month == month
        assert day_of("5 Okt 2024" if place == "de_DE" else "5 Oct 2024") == date(2024, 10, 5)
    finally:
        QLocale.setDefault(before)
    QApplication.processEvents()
