"""Events with dates: windows, the period that results keep, and fitting and testing on two windows of one layer."""

import json

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsFeature, QgsGeometry, QgsPointXY, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QDate, QDateTime, QTime
from running import Log, bands, files, only_terrain, process, refusal, run_parameters
from small_city import FACTORS, point_wkt, write_layer

START, END = "2023-01-01", "2023-12-31"


def when(i: int) -> QDate:
    """Every fifth event in 2024, the others in 2023; both years have events in each month."""
    return QDate(2024 if i % 5 == 0 else 2023, 1 + i % 12, 1 + i % 28)


@pytest.fixture(scope="module")
def dated(city, tmp_path_factory):
    """A layer of the city's events with their days and months as text; the last but one has no date."""
    path = tmp_path_factory.mktemp("dated") / "dated.gpkg"
    texts = [when(i).toString("yyyy-MM-dd") for i in range(len(city.events))]
    texts[-2] = ""
    fields = {"day": texts, "month": [text[:7] for text in texts], "clerk": ["5 May", *texts[1:]]}
    fields["none"] = [""] * len(texts)
    return write_layer(path, "crimes", point_wkt(city.events), fields)


@pytest.fixture
def typed(city):
    """The same with fields of dates and of dates with times, in memory."""
    layer = QgsVectorLayer("Point?crs=EPSG:27700&field=day:date&field=moment:datetime", "typed", "memory")
    features = []
    for i, (x, y) in enumerate(city.events):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(x, y)))
        if i != len(city.events) - 2:
            feature.setAttributes([when(i), QDateTime(when(i), QTime(23, 59, 59))])
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    QgsProject.instance().addMapLayer(layer)
    yield layer
    QgsProject.instance().removeMapLayer(layer.id())


def counted(chain, out, events, **more):
    target = str(out / f"{len(files(out))}.tif")
    log = Log()
    results = process("countevents", {"GRID": chain["grid"], "EVENTS": events, "OUTPUT": target, **more}, log)
    return bands(target)[0], results, log, gdal.Open(target).GetMetadata()


def test_countevents_in_a_window(city, chain, dated, out):
    """The events of the window and no other; the raster keeps the window."""
    window = {"START": START, "END": END}
    raster, results, log, items = counted(chain, out, dated, EVENT_DATE_FIELD="day", **window)
    chosen = [i for i in range(len(city.events)) if when(i).year() == 2023 and i != len(city.events) - 2]
    alone = write_layer(out / "alone.gpkg", "alone", point_wkt(city.events[chosen]))
    expected, same, _, without = counted(chain, out, alone)
    assert np.array_equal(raster, expected)
    assert (results["EVENTS_INSIDE"], results["EVENTS_OUTSIDE"]) == (same["EVENTS_INSIDE"], same["EVENTS_OUTSIDE"])
    assert (items["RTM_START"], items["RTM_END"]) == (START, END)
    assert "RTM_START" not in without
    outside = "10 of 153 events of 'crimes' in the window (7%) lie outside the study area and were not counted."
    assert log.warnings == [
        "1 event of 'crimes' left out: the field 'day' of 'crimes' is empty for it.",
        f"{outside} Check that layer and study area belong together.",
    ]
    told = f"{len(chosen)} of 192 events of 'crimes' lie in 1 January 2023 to 31 December 2023."
    assert told in log.notes


@pytest.mark.parametrize("field", ["day", "moment"])
def test_fields_of_dates_and_times(chain, dated, typed, out, field):
    window = {"START": START, "END": END}
    text, *_ = counted(chain, out, dated, EVENT_DATE_FIELD="day", **window)
    own, _, log, _ = counted(chain, out, typed, EVENT_DATE_FIELD=field, **window)
    assert np.array_equal(text, own)
    assert log.warnings[0] == f"1 event of 'typed' left out: the field '{field}' of 'typed' is empty for it."


def test_months_count_when_they_lie_wholly_in_the_window(chain, dated, out):
    window = {"START": START, "END": END}
    day, *_ = counted(chain, out, dated, EVENT_DATE_FIELD="day", **window)
    month, *_ = counted(chain, out, dated, EVENT_DATE_FIELD="month", **window)
    assert np.array_equal(day, month)


def test_without_a_window_the_period_is_the_range_of_the_dates(chain, dated, out):
    _, _, _, items = counted(chain, out, dated, EVENT_DATE_FIELD="month")
    assert (items["RTM_START"], items["RTM_END"]) == ("2023-01-01", "2024-12-31")
    _, _, _, items = counted(chain, out, dated, EVENT_DATE_FIELD="month", START="2023-01-01")
    assert (items["RTM_START"], items["RTM_END"]) == ("2023-01-01", "2024-12-31")


REFUSALS = {
    "no such field": (
        {"EVENT_DATE_FIELD": "date"},
        "The layer 'crimes' has no field 'date'; choose one of its fields.",
    ),
    "unreadable": (
        {"EVENT_DATE_FIELD": "clerk"},
        "The field 'clerk' of 'crimes' holds 1 values that cannot be read as dates, such as '5 May'; use dates like "
        "2018-03-05, or months like 2018-03.",
    ),
    "no date at all": (
        {"EVENT_DATE_FIELD": "none"},
        "The field 'none' of 'crimes' holds no date; choose the field that says when the events happened.",
    ),
    "window without a field": (
        {"START": START},
        "The window from 1 January 2023 is given, but not the field that says when the events happened; choose the "
        "date field, or leave the dates empty.",
    ),
    "wrong way round": (
        {"EVENT_DATE_FIELD": "day", "START": END, "END": START},
        "The window ends on 1 January 2023, before it starts on 31 December 2023; exchange the two dates.",
    ),
    "no event": (
        {"EVENT_DATE_FIELD": "day", "END": "1999-12-31"},
        "No event lies in the window until 31 December 1999: the field 'day' of 'crimes' has dates from "
        "1 January 2023 to 16 December 2024; choose another window.",
    ),
    "cuts a month": (
        {"EVENT_DATE_FIELD": "month", "START": "2023-02-02"},
        "The window from 2 February 2023 cuts the month 2023-02, of whose events the field 'month' of 'crimes' does "
        "not tell the day; let windows start and end with whole months.",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(refused, dated, case):
    changes, sentence = REFUSALS[case]
    assert refused("countevents", EVENTS=dated, **changes) == sentence


def test_hostile_field_names(chain, tmp_path, city, out):
    """A field named in HTML or SQL is a field like any other."""
    name = "d'ay\"<b>--"
    source = write_layer(tmp_path / "h.gpkg", "h", point_wkt(city.events), {name: ["2023-01-02"] * len(city.events)})
    raster, _, _, items = counted(chain, out, source, EVENT_DATE_FIELD=name)
    assert np.array_equal(raster, bands(chain["counts"])[0])
    assert items["RTM_END"] == "2023-01-02"


def test_the_period_goes_through_all_steps(chain, dated, out):
    """Counts → model → terrain and expected counts."""
    counted(chain, out, dated, EVENT_DATE_FIELD="day", START=START, END=END)
    candidates = [chain[name] for name in FACTORS]
    given = {"COUNTS": str(out / "0.tif"), "CANDIDATES": candidates}
    process("selectmodel", {**given, "OUTPUT_MODEL": str(out / "model.json"), "CULL": "no", "FAMILY": "poisson"})
    events = json.loads((out / "model.json").read_text("utf-8"))["events"]
    assert (events["start"], events["end"]) == (START, END)
    made = {"OUTPUT": str(out / "t.tif"), "OUTPUT_EXPECTED": str(out / "e.tif")}
    process("terrain", {"MODEL": str(out / "model.json"), "CANDIDATES": candidates, **made})
    for path in made.values():
        items = gdal.Open(path).GetMetadata()
        assert (items["RTM_FIT_START"], items["RTM_FIT_END"]) == (START, END)


def test_damaged_period_of_counts(chain, dated, out):
    counted(chain, out, dated, EVENT_DATE_FIELD="day")
    data = gdal.Open(str(out / "0.tif"), gdal.GA_Update)
    data.SetMetadataItem("RTM_START", "yesterday")
    del data
    given = {"COUNTS": str(out / "0.tif"), "CANDIDATES": [chain["bars"]], "OUTPUT_MODEL": str(out / "m.json")}
    assert refusal("selectmodel", given) == "The metadata of '0' are damaged; make the raster again."


WINDOWS = {"FIT_START": START, "FIT_END": END, "TEST_START": "2024-01-01", "TEST_END": "2024-12-31"}


def test_run_fits_on_one_window_and_tests_on_the_next(city, dated, out):
    """The same as two layers made by hand, model and accuracy alike; the report tells both periods."""
    asked = {"EVENTS": dated, "EVENT_DATE_FIELD": "day", **WINDOWS, "CULL": "no"}
    windows = process("run", run_parameters(city, out / "a", **asked))
    rows = [i for i in range(len(city.events)) if i != len(city.events) - 2]
    made = {}
    for year in (2023, 2024):
        chosen = [i for i in rows if when(i).year() == year]
        made[year] = write_layer(out / "two.gpkg", f"y{year}", point_wkt(city.events[chosen]))
    by_hand = run_parameters(city, out / "b", EVENTS=made[2023], TEST_EVENTS=made[2024], CULL="no")
    layers = process("run", by_hand)
    terrains = [[row for row in run["ACCURACY"] if row["map"] == "risk terrain"] for run in (windows, layers)]
    assert terrains[0] == terrains[1] != []
    assert windows["BIC"] == layers["BIC"]
    for name in ("terrain.tif", "expected.tif"):
        assert np.array_equal(bands(out / "a" / name), bands(out / "b" / name))
    model = json.loads((out / "a" / "model.json").read_text("utf-8"))
    assert (model["events"]["start"], model["events"]["end"]) == (START, END)
    assert gdal.Open(str(out / "a" / "terrain.tif")).GetMetadata()["RTM_FIT_END"] == END
    page = (out / "a" / "report.html").read_text("utf-8")
    assert "<dt>Fitting period</dt><dd>1 January 2023 to 31 December 2023</dd>" in page
    assert "<dt>Test period</dt><dd>1 January 2024 to 31 December 2024</dd>" in page
    assert "period</dt>" not in (out / "b" / "report.html").read_text("utf-8")


def test_the_forecast_learns_from_the_periods_of_the_window(city, chain, dated, out):
    """The fitting year has too few events for quarters, and is two halves: as rtm:forecast has them from two layers."""
    asked = {"EVENTS": dated, "EVENT_DATE_FIELD": "day", **WINDOWS, "CULL": "no"}
    made = process("run", run_parameters(city, out, **asked, OUTPUT_FORECAST=str(out / "forecast.tif")))
    rows = [i for i in range(len(city.events)) if i != len(city.events) - 2 and when(i).year() == 2023]
    quarters = [sum((when(i).month() - 1) // 3 == quarter for i in rows) for quarter in range(4)]
    assert min(quarters) < 50
    halves = []
    for half in (0, 1):
        chosen = [i for i in rows if (when(i).month() > 6) == bool(half)]
        halves.append(write_layer(out / f"half{half}.gpkg", f"half{half}", point_wkt(city.events[chosen])))
    given = {"MODEL": made["OUTPUT_MODEL"], "CANDIDATES": [chain[name] for name in FACTORS], "EVENTS": halves}
    durations = f"{181 / 366}, {184 / 366}"
    process("forecast", {**given, "DURATIONS": durations, "OUTPUT": str(out / "by_hand.tif")})
    np.testing.assert_allclose(bands(out / "forecast.tif"), bands(out / "by_hand.tif"), rtol=1e-5)


def test_run_with_two_dated_layers(city, dated, typed, out):
    """Later events may be a layer of their own, whose dates are then looked at too."""
    later = {"EVENTS": dated, "TEST_EVENTS": typed, "EVENT_DATE_FIELD": "day"}
    sentence = refusal("run", only_terrain(city, out, **later))
    assert sentence.startswith("The test window (1 January 2023 to 16 December 2024) does not come after the fitting")
    results = process("run", only_terrain(city, out, **later, **WINDOWS))
    assert results["ACCURACY"][0]["events"] > 0
    undated = {"TEST_EVENTS": city.layer("events"), "EVENTS": dated, "EVENT_DATE_FIELD": "day"}
    assert process("run", only_terrain(city, out, **undated))["ACCURACY"][0]["events"] == 178
    assert refusal("run", only_terrain(city, out, **undated, TEST_START="2024-01-01", FIT_END=END)) == (
        "The layer 'events' has no field 'day'; choose one of its fields."
    )


def test_run_refuses_windows_that_overlap(refused, dated):
    asked = {"EVENTS": dated, "EVENT_DATE_FIELD": "day"}
    overlap = refused("run", **asked, **{**WINDOWS, "TEST_START": END})
    assert overlap.startswith(
        "The test window (31 December 2023 to 31 December 2024) does not come after the fitting window (1 January 2023 "
        "to 31 December 2023)"
    )
    everything = refused("run", **asked, TEST_START="2024-01-01")
    assert "does not come after the fitting window (1 January 2023 to 16 December 2024)" in everything
