"""Filters in words, names of places, periods in titles; what is not understood is quoted, never guessed."""

import pytest
from risk_terrain.rtm_plugin.core.data.event_split import EventSplit, split_findings
from risk_terrain.rtm_plugin.core.documents.filter_words import equalities_of, filter_words
from risk_terrain.rtm_plugin.core.documents.layer_words import LayerChoice, proposed_title, short_period
from risk_terrain.rtm_plugin.core.documents.periods import Period


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("\"Crime type\" = 'Robbery'", "robbery"),
        ("\"Crime type\"='Robbery'", "robbery"),
        ("( \"Crime type\" = 'Robbery' )", "robbery"),
        ("crime_type in ('Robbery', 'Theft from the person')", "robbery or theft from the person"),
        ("(\"Crime type\" = 'Robbery') OR (\"Crime type\" = 'Drugs') or \"Crime type\" = 'Arson'",
         "robbery, drugs or arson"),
        ("\"Primary Type\" = 'MOTOR VEHICLE THEFT'", "motor vehicle theft"),
        ("\"offence\" = 'Driver''s licence fraud'", "driver's licence fraud"),
        ("\"Crime type\" = 'Robbery or AND (theft)'", "robbery or AND (theft)"),
        # not simple, or not about what happened
        ("\"Crime type\" <> 'Robbery'", ""),
        ("NOT \"Crime type\" = 'Robbery'", ""),
        ("\"Crime type\" NOT IN ('Robbery')", ""),
        ("\"Crime type\" LIKE 'Rob%'", ""),
        ("\"Crime type\" = 'Robbery' AND year > 2017", ""),
        ("\"Crime type\" = 'Robbery' OR ward = 'Castle'", ""),
        ("a = 1 AND \"Crime type\" = 'Robbery' OR \"Crime type\" = 'Drugs'", ""),
        ("lower(\"Crime type\") = 'robbery'", ""),
        ("year = 2018", ""),
        ("SELECT * FROM crime WHERE type = 'Robbery'", ""),
        ("\"Crime type\" = 'Rob", ""),
        ("\"Crime type\" IN ('a' 'b')", ""),
        ("\"Crime type\" IN ()", ""),
        ("(((", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_filters_in_words(expression, words):
    assert filter_words(expression) == words


def test_only_what_always_holds_is_an_equality():
    assert [e.field for e in equalities_of("(ward = 'Castle') AND (year > 2017)").equalities] == ["ward"]
    assert equalities_of("ward = 'Castle' OR year > 2017").equalities == ()


@pytest.mark.parametrize(
    ("choice", "events", "label"),
    [
        (LayerChoice("crime", "\"Crime type\" = 'Robbery'"), "robbery", "robbery (layer 'crime')"),
        (LayerChoice("burglaries"), "burglaries", "'burglaries'"),
        (LayerChoice("crime", "year > 2017"), "crime where year > 2017", "'crime' where year > 2017"),
        (LayerChoice("crime", selected=True), "selected crime", "the selected features of 'crime'"),
    ],
)
def test_events_are_named(choice, events, label):
    assert (choice.events, choice.label) == (events, label)


@pytest.mark.parametrize(
    ("choice", "place"),
    [
        (LayerChoice("wards", "name = 'Castle'"), "Castle ward"),
        (LayerChoice("areas2018", "\"WARD_NAME\" = 'Castle'"), "Castle ward"),
        (LayerChoice("beats", "beat IN (1011, 1012)"), "beat 1011 and 1012"),
        (LayerChoice("wards", "name = 'Castle ward'"), "Castle ward"),
        (LayerChoice("wards", "population > 1000"), "part of wards"),
        (LayerChoice("wards", selected=True, names=("Castle",)), "Castle ward"),
        (LayerChoice("wards", selected=True, names=("Castle", "Dock", "Hill", "Mill")), "4 of wards"),
        (LayerChoice("boundary", names=("City of London",)), "City of London"),
        (LayerChoice("Northbridge BCU"), "Northbridge BCU"),
    ],
)
def test_places_are_named(choice, place):
    assert choice.place == place


def test_titles_differ_where_crime_place_or_period_do():
    year, half = Period.from_iso("2018-01-01", "2018-12-31"), Period.from_iso("2018-01-01", "2018-06-30")
    robbery = LayerChoice("crime", "\"Crime type\" = 'Robbery'")
    theft = LayerChoice("crime", "\"Crime type\" = 'Theft'")
    castle, dock = (LayerChoice("wards", f"name = '{name}'") for name in ("Castle", "Dock"))
    titles = [
        proposed_title(robbery, castle, year),
        proposed_title(theft, castle, year),
        proposed_title(robbery, dock, year),
        proposed_title(robbery, castle, half),
        proposed_title(robbery, castle, Period()),
    ]
    assert titles[0] == "Robbery in Castle ward, 2018"
    assert titles[3:] == ["Robbery in Castle ward, January to June 2018", "Robbery in Castle ward"]
    assert len(set(titles)) == len(titles)


def test_periods_in_titles():
    assert short_period(Period.from_iso("2017-01-01", "2019-12-31")) == "2017 to 2019"
    assert short_period(Period.from_iso("2018-01-05", "2018-02-28")) == "5 January 2018 to 28 February 2018"
    assert short_period(Period.from_iso("2018-01-01", None)) == "from 1 January 2018"


def test_many_events_elsewhere_are_a_warning_only_where_nobody_chose_a_part():
    split = EventSplit(40, 0, 960)
    assert [f.severity for f in split_findings(split, "'crime'")] == ["note", "warning"]
    chosen = split_findings(split, "'crime'", area_is_part=True)
    assert [f.severity for f in chosen] == ["note", "note"]
    assert chosen[1].sentence == (
        "960 of 1,000 events of 'crime' (96%) lie outside the part that was chosen as study area, as one expects."
    )
    left_out = split_findings(EventSplit(112, 81, 0), "'crime'")
    assert "lie in the study area on ground that was left out" in left_out[1].sentence
