"""What is noticed of factors and of a study's size: each rule at its edge, and the same sentence whoever asks."""

import numpy as np
import pytest
from helpers import box, lines, points, polygons
from risk_terrain.rtm_plugin.core.data.study_findings import (
    FactorLayer,
    factors_findings,
    layer_findings,
    refuse_errors,
    size_findings,
)
from risk_terrain.rtm_plugin.core.errors import InputError
from risk_terrain.rtm_plugin.core.ground.features import Features

AREA = polygons([box(0, 0, 1000, 1000)])


def scattered(number, seed=1):
    return Features("point", np.random.default_rng(seed).random((number, 2)) * 1000, number)


def factor(name, features, reach=200.0):
    return FactorLayer(name, features, reach)


def test_nothing_to_say():
    factors = [factor("bars", scattered(30, 2)), factor("roads", lines((0, 0, 900, 900)))]
    assert factors_findings(AREA, scattered(300).coordinates, factors) == ()


@pytest.mark.parametrize(
    ("features", "elsewhere"),
    [
        (points((1200.0, 500.0)), False),
        (points((1200.5, 500.0)), True),
        (lines((1100, -900, 1100, 5000)), False),
        (lines((2000, 0, 2000, 1000)), True),
        (polygons([box(-5000, -5000, -201, -201)]), True),
        (polygons([box(-5000, -5000, 5000, 5000)]), False),
    ],
)
def test_elsewhere(features, elsewhere):
    """Within the largest influence of the area's box is near; beyond it the layer can say nothing."""
    found = layer_findings(AREA, factor("bars", features))
    assert [finding.severity for finding in found] == (["warning"] if elsewhere else [])
    if elsewhere:
        assert found[0].sentence == (
            "No feature of the risk factor 'bars' lies in the study area or within its largest influence, 200, of it, "
            "so it can tell nothing."
        )


def test_empty():
    (finding,) = factors_findings(AREA, None, [factor("bars", points())])
    assert finding.severity == "error"
    with pytest.raises(InputError, match=r"^The risk factor 'bars' has no feature with a geometry; remove the layer"):
        refuse_errors([finding])


def test_the_outcome_among_the_factors():
    """In any order, and from another file: the very coordinates tell."""
    events = scattered(80)
    shuffled = Features("point", events.coordinates[::-1] + 1e-7, 80)
    (finding,) = factors_findings(AREA, events.coordinates, [factor("pubs", shuffled)], "pubs")
    assert finding.severity == "error"
    assert finding.sentence.startswith("The risk factor 'pubs' holds the same points as the outcome 'pubs' (80 of 80")
    assert finding.numbers["share_of_events"] == finding.numbers["share_of_factor"] == 1.0


def test_the_outcome_within_a_larger_layer():
    """A layer of all crimes holds the robberies: a warning, since only part of it is the outcome."""
    crimes = scattered(400)
    (finding,) = factors_findings(AREA, crimes.coordinates[:80], [factor("crimes", crimes)], "robbery")
    assert finding.severity == "warning"
    assert finding.sentence.startswith("100 % of the events 'robbery' have the very coordinates")


def test_events_recorded_at_features_are_not_the_features():
    """Twenty events at each of fifteen stations, as after geocoding: no station is an event."""
    stations = scattered(15)
    events = np.repeat(stations.coordinates, 20, axis=0)
    assert factors_findings(AREA, events, [factor("stations", stations)]) == ()


def test_events_outside_do_not_count():
    """Far away points that both layers share are no reason; inside they have nothing in common."""
    far = scattered(100, 9).coordinates + 5000
    events = np.vstack([scattered(50, 3).coordinates, far])
    bars = Features("point", np.vstack([scattered(50, 4).coordinates, far]), 150)
    assert factors_findings(AREA, events, [factor("bars", bars)]) == ()


@pytest.mark.parametrize("make", [scattered, lambda n: lines(*[(i, 0, i, 9) for i in range(n)])])
def test_given_twice(make):
    found = factors_findings(AREA, None, [factor("bars", make(20)), factor("pubs", make(20)), factor("x", make(7))])
    assert [(finding.severity, finding.numbers["factors"]) for finding in found] == [("warning", ["bars", "pubs"])]


def severities(**changes):
    usual = {"events": 500.0, "cells": 5000, "block_length": 200.0, "factors": 5}
    return [(f.severity, f.sentence.split(",")[0].split(":")[0]) for f in size_findings(**{**usual, **changes})]


def test_sizes():
    assert severities() == []
    assert severities(events=100.0) == []
    assert severities(events=99.0) == [("note", "There are few events")]
    assert severities(events=49.0) == [("warning", "There are few events")]
    assert severities(cells=500, events=600.0) == []
    assert severities(cells=499, events=600.0) == [("note", "There are few cells")]
    assert severities(cells=99, events=200.0) == [("warning", "There are few cells")]
    assert severities(events=15_001.0) == [("note", "Cells are large for these events")]
    assert severities(events=200.0, cells=40_001) == [("note", "Cells are small for these events")]
    assert severities(events=0.0) == []


def test_the_city_of_london():
    """90 events and 347 cells at a block length of 200, where blocks are 90 long."""
    found = size_findings(events=90, cells=347, block_length=200, factors=12, measured_block=90.0)
    assert [finding.numbers for finding in found] == [
        {"events": 90, "factors": 12, "most_factors": 9},
        {"cells": 347, "events": 90, "block_length": 200},
        {"block_length": 200, "measured": 90.0},
    ]
    assert found[0].sentence == (
        "There are few events, 90: at ten for each factor they carry at most 9 factors, and 12 are tested, and weak "
        "ones will not show."
    )
    assert "each is 0.3 % of it" in found[1].sentence
    assert "much longer than the street blocks here, 90 on average" in found[2].sentence
    assert found[2].sentence.endswith("cells and influences are too coarse.")


@pytest.mark.parametrize(("block", "severity"), [(150, None), (151, "warning"), (67, None), (66, "note")])
def test_blocks_unlike_the_streets(block, severity):
    found = size_findings(events=500, cells=5000, block_length=block, measured_block=100.0)
    assert [finding.severity for finding in found] == ([severity] if severity else [])
