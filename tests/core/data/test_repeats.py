"""Repeats and shared spots: what is a warning, what a note, and what is nothing."""

import numpy as np
from risk_terrain.rtm_plugin.core.data.repeats import NO_ID, EventRows, Stacking, repeat_findings, stacking_findings
from risk_terrain.rtm_plugin.core.documents.periods import Dates, Period

RNG = np.random.default_rng(5)


def spread(n: int) -> np.ndarray:
    return RNG.uniform(0, 1000, (n, 2))


def test_an_id_that_comes_120_times_more():
    ids = np.concatenate([np.arange(100), np.zeros(120, np.int64)])
    rows = EventRows(ids + 1000, ids, "Crime ID")
    (finding,) = repeat_findings(rows, spread(220), None, "'crime'")
    assert finding.severity == "warning"
    assert finding.sentence.startswith(
        "120 of 220 rows of 'crime' repeat a Crime ID that an earlier row has; 120 of them"
    )
    assert finding.numbers == {"rows": 220, "repeated_ids": 120, "equal_rows": 120}


def test_ids_that_are_all_different_say_nothing():
    rows = EventRows(np.arange(50), np.arange(50), "Crime ID")
    assert repeat_findings(rows, spread(50), None, "'crime'") == ()


def test_equal_rows_without_ids_at_snapped_spots_are_only_noted():
    """Months and snapped spots make separate events equal: not a warning, unless every row is there twice."""
    contents = np.concatenate([np.arange(60), np.arange(30)])
    snapped = np.zeros((90, 2))
    (note,) = repeat_findings(EventRows(contents, np.full(90, NO_ID)), snapped, None, "'crime'")
    assert note.severity == "note"
    twice = np.tile(np.arange(45), 2)
    (warning,) = repeat_findings(EventRows(twice, np.full(90, NO_ID)), snapped, None, "'crime'")
    assert warning.severity == "warning"
    assert warning.sentence == "45 of 90 rows of 'crime' are equal to an earlier one in every column."


def test_many_events_on_one_day_at_one_spot():
    points = np.concatenate([spread(100), np.tile([[5.0, 5.0]], (30, 1))])
    day = Period.parse("2018-03-05")
    dates = Dates.of([day] * 130, "x")
    rows = EventRows(np.arange(130), np.full(130, NO_ID))
    (finding,) = repeat_findings(rows, points, dates, "'victims'")
    assert finding.numbers == {"events": 130, "same_day_and_place": 29}
    months = Dates.of([Period.parse("2018-03")] * 130, "x")
    assert repeat_findings(rows, points, months, "'victims'") == ()


def test_snapped_points():
    snapped = np.repeat(spread(10), 7, axis=0)
    (finding,) = stacking_findings(Stacking.of(snapped), "'crime'")
    assert finding.severity == "warning"
    assert "as on police.uk" in finding.sentence
    few = np.concatenate([spread(50), [[1.0, 1.0], [1.0, 1.0]]])
    (note,) = stacking_findings(Stacking.of(few), "'crime'")
    assert (note.severity, note.numbers["stacked"], note.numbers["highest_stack"]) == ("note", 2, 2)
    assert stacking_findings(Stacking.of(spread(20)), "'crime'") == ()
