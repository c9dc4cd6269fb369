"""What is told of events is the same on every route: where they lie, their period, repeats, what they are called."""

import json
from dataclasses import replace

import numpy as np
import pytest
from qgis.core import QgsProcessingFeatureSourceDefinition, QgsProject, QgsVectorLayer
from risk_terrain.rtm_plugin.adapters.study_file import save_study
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.settings import GridSettings
from risk_terrain.rtm_plugin.core.documents.study_document import Factor, LayerRef, StudyDocument, Window
from running import Log, only_terrain, process, refusal
from small_city import FACTORS, ORIGIN, moved, point_wkt, wkt, write_layer

LAKE = [(600, 600), (1500, 600), (1500, 1500), (600, 1500), (600, 600)]


@pytest.fixture(scope="module")
def lake(city, tmp_path_factory):
    path = tmp_path_factory.mktemp("lake") / "lake.gpkg"
    return write_layer(path, "lake", [wkt("POLYGON", [moved(LAKE)])])


def study_of(city, **changes):
    def ref(name):
        return LayerRef(city.layer(name), name)

    factors = tuple(Factor(ref(name), FactorSettings(name)) for name in FACTORS)
    study = StudyDocument(
        title="T", study_area=ref("area"), events=ref("events"), grid=GridSettings(200.0), factors=factors
    )
    return replace(study, **changes)


def outcome(study, tmp_path):
    save_study(study, tmp_path / "study.json")
    return process("checkstudy", {"STUDY": str(tmp_path / "study.json"), "PART": "outcome"})["FACTS"]["outcome"]


@pytest.mark.parametrize("case", ["plain", "ground left out", "cell rule centre"])
def test_wizard_run_and_count_tell_the_same(city, lake, tmp_path, out, case):
    """Inside means one thing: in the study area and in one of its cells."""
    given = {
        "plain": ({}, {}),
        "ground left out": ({"exclude": LayerRef(lake, "lake")}, {"EXCLUDE": lake}),
        "cell rule centre": ({"grid": GridSettings(200.0, 200.0, "centre")}, {"CELL_SIZE": 200, "CELL_RULE": "centre"}),
    }[case]
    facts, log = outcome(study_of(city, **given[0]), tmp_path), Log()
    process("run", only_terrain(city, out, **given[1]), log)
    events = json.loads((out / "model.json").read_text("utf-8"))["events"]
    grid = str(tmp_path / "grid.tif")
    process("studygrid", {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200, **given[1], "OUTPUT": grid})
    counts, counted = str(tmp_path / "counts.tif"), Log()
    found = process("countevents", {"GRID": grid, "EVENTS": city.layer("events"), "OUTPUT": counts}, counted)
    local = city.events - ORIGIN
    in_area = (local >= 0).all(axis=1) & (local <= 2000).all(axis=1) & (local[:, 1] - local[:, 0] < 1500)
    in_lake = (local > 600).all(axis=1) & (local < 1500).all(axis=1)
    assert facts["inside"] == events["inside"] == found["EVENTS_INSIDE"]
    assert facts["outside"] == events["outside"] == found["EVENTS_OUTSIDE"] == (~in_area).sum() == 15
    assert facts["left_out"] == events["left_out"]
    assert facts["inside"] + facts["left_out"] == in_area.sum() == 178
    if case == "ground left out":
        assert facts["left_out"] == in_lake.sum() > 0
    elif case == "plain":
        assert facts["left_out"] == 0
    else:
        assert facts["left_out"] > 0
    told = {finding["sentence"] for finding in facts["findings"]}
    everything = "\n".join([*log.notes, *log.warnings])
    assert told
    for sentence in told:
        assert sentence in everything
        assert sentence in "\n".join([*counted.notes, *counted.warnings])
    assert not [warning for warning in log.warnings if f"{in_lake.sum() + 15} of" in warning]


@pytest.fixture(scope="module")
def halves(city, tmp_path_factory):
    """All of 2018 and half of 2019 by month; every tenth row has no coordinates, all of those in 2018."""
    path = tmp_path_factory.mktemp("halves") / "halves.csv"
    rng = np.random.default_rng(3)
    rows = ["Month,Easting,Northing,Crime type"]
    for m in range(18):
        month = f"{2018 + m // 12}-{1 + m % 12:02}"
        for x, y in city.events[rng.integers(len(city.events), size=40)]:
            rows.append(f"{month},{x},{y},Robbery")
    rows += [f"2018-{1 + i % 12:02},,,Robbery" for i in range(11)] + [f"2019-0{1 + i},,,Robbery" for i in range(5)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


WINDOWS = {
    "EVENT_DATE_FIELD": "Month",
    "FIT_START": "2018-01-01",
    "FIT_END": "2018-12-31",
    "TEST_START": "2019-01-01",
    "TEST_END": "2019-12-31",
}


def test_half_a_year_is_compared_with_half_a_year(city, halves, out):
    """The test window is a year, the events are of six months: both are said, and six months are held against six."""
    log = Log()
    page = out / "v.html"
    process("run", only_terrain(city, out, EVENTS=str(halves), **WINDOWS, OUTPUT_VALIDATION=str(page)), log)
    assert "Test period: 1 January 2019 to 30 June 2019" in log.notes
    gap = "No event of 'halves' is later than 30 June 2019, but the test window runs until 31 December 2019"
    assert [w for w in log.warnings if w.startswith(f"{gap}: 6 of 12 months in it are empty.")]
    assert "The events of 'halves' in the test window are from 1 January 2019 to 30 June 2019." in log.notes
    ratio = [n for n in log.notes if n.startswith("Scaled from 365\xa0days to the 181\xa0days tested, ‘risk terrain’")]
    assert len(ratio) == 1
    assert 0.85 < float(ratio[0].split("expected ")[1].split(" ")[0]) < 1.15
    assert [n for n in log.notes if "are expected in the test period (1 January 2019 to 30 June 2019, 181 days)" in n]
    assert "6 of 12 months in it are empty" in page.read_text("utf-8")


def test_unusable_coordinates_are_counted_in_their_period(city, halves, tmp_path):
    """Eleven of 2018 and five of 2019: each window tells its own."""
    study = study_of(
        city,
        events=LayerRef(str(halves), "halves"),
        date_field="Month",
        fit=Window("2018-01-01", "2018-12-31"),
        test=Window("2019-01-01", "2019-06-30"),
    )
    facts = outcome(study, tmp_path)
    assert facts["without_coordinates"] == facts["without_geometry"] == 11
    assert facts["outside_window"] == 240
    numbers = [finding["numbers"] for finding in facts["findings"] if "without_coordinates" in finding["numbers"]]
    assert [found["without_coordinates"] for found in numbers] == [11, 5]
    whole = outcome(replace(study, fit=Window(), test=Window()), tmp_path)
    assert whole["without_coordinates"] == 16


def test_a_repeated_id_is_told_before_the_model(city, tmp_path, out):
    points = np.concatenate([city.events, np.repeat(city.events[:1], 120, axis=0)])
    ids = [f"id{i}" for i in range(len(city.events))] + ["id0"] * 120
    source = write_layer(tmp_path / "repeats.gpkg", "crime", point_wkt(points), {"Crime ID": ids})
    log = Log()
    process("run", only_terrain(city, out, EVENTS=source), log)
    told = "120 of 313 rows of 'crime' repeat a Crime ID that an earlier row has; 120 of them are equal to it in every"
    assert [warning for warning in log.warnings if warning.startswith(told)]
    report = json.loads((out / "model.json").read_text("utf-8"))["provenance"]["context"]["data_findings"]
    assert [f["numbers"] for f in report if "repeated_ids" in f["numbers"]] == [
        {"rows": 313, "repeated_ids": 120, "equal_rows": 120}
    ]


@pytest.fixture
def crimes(city, tmp_path):
    """The city's events as two kinds of crime, and its area as two wards, west and east."""
    kinds = ["Robbery" if i % 2 else "Theft from the person" for i in range(len(city.events))]
    path = tmp_path / "crimes.gpkg"
    write_layer(path, "crime", point_wkt(city.events), {"Crime type": kinds})
    west = [(0, 0), (1000, 0), (1000, 2000), (0, 2000), (0, 0)]
    east = [(1000, 0), (2000, 0), (2000, 2000), (1000, 2000), (1000, 0)]
    write_layer(path, "wards", [wkt("POLYGON", [moved(r)]) for r in (west, east)], {"name": ["Castle", "Dock"]})
    return path


def title_of(city, out, **changes):
    process("run", only_terrain(city, out, OUTPUT_REPORT=str(out / "r.html"), **changes))
    model = json.loads((out / "model.json").read_text("utf-8"))
    return model["provenance"]["context"]["title"], (out / "r.html").read_text("utf-8")


def test_crime_and_place_are_named(city, crimes, out):
    """The same words from a subset of the layer, a filter of the source and a selection; titles of a batch differ."""
    robbery, theft = (f"\"Crime type\" = '{kind}'" for kind in ("Robbery", "Theft from the person"))
    castle = f"{crimes}|layername=wards|subset=\"name\" = 'Castle'"
    by_subset = f"{crimes}|layername=crime|subset={robbery}"
    title, page = title_of(city, out, EVENTS=by_subset, STUDY_AREA=castle)
    assert title == "Robbery in Castle ward"
    assert "associated with where robbery happened" in page or "No risk factor was selected" in page
    assert "events (robbery)" in page.replace("\xa0", " ")
    assert "lie outside the part that was chosen as study area, as one expects." in page
    by_filter = QgsProcessingFeatureSourceDefinition(f"{crimes}|layername=crime", filterExpression=theft)
    title, page = title_of(city, out, EVENTS=by_filter)
    assert title == "Theft from the person in area"
    assert "theft from the person" in page
    assert title_of(city, out, EVENTS=by_subset, STUDY_AREA=castle, TITLE="Our own")[0] == "Our own"


def test_selected_wards_are_named(city, crimes, out):
    layer = QgsVectorLayer(f"{crimes}|layername=wards", "wards", "ogr")
    QgsProject.instance().addMapLayer(layer)
    layer.selectByExpression("name = 'Dock'")
    chosen = QgsProcessingFeatureSourceDefinition(layer.id(), selectedFeaturesOnly=True)
    try:
        assert title_of(city, out, STUDY_AREA=chosen)[0] == "Events in Dock ward"
    finally:
        QgsProject.instance().removeMapLayer(layer.id())


def test_a_filter_can_do_nothing_to_the_page(city, crimes, out):
    """Words of a filter come from a file: they are text on the page, whatever they hold."""
    kinds = ["<b>x</b>"] * len(city.events)
    write_layer(crimes, "evil", point_wkt(city.events), {"Crime type": kinds})
    source = f"{crimes}|layername=evil|subset=\"Crime type\" = '<b>x</b>'"
    title, page = title_of(city, out, EVENTS=source)
    assert title == "<b>x</b> in area"
    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x&lt;/b&gt; in area" in page


def test_lines_and_polygons_near_are_counted_within_reach(city, tmp_path):
    path = tmp_path / "roads.gpkg"
    lines = [[(0, 100), (300, 100)], [(-400, 100), (-350, 100)], [(90_000, 0), (91_000, 0)]]
    source = write_layer(path, "roads", [wkt("LINESTRING", [moved(line)]) for line in lines])
    study = study_of(city, factors=(Factor(LayerRef(source, "roads"), FactorSettings("roads")),))
    save_study(study, tmp_path / "study.json")
    (facts,) = process("checkstudy", {"STUDY": str(tmp_path / "study.json"), "PART": "factors"})["FACTS"]["factors"]
    assert (facts["features"], facts["near"]) == (3, 2)


def test_both_areas_are_told(city, tmp_path):
    save_study(study_of(city), tmp_path / "study.json")
    area = process("checkstudy", {"STUDY": str(tmp_path / "study.json"), "PART": "area"})["FACTS"]["area"]
    assert area["square_km"] == pytest.approx(4 - 0.125)
    assert area["cells_square_km"] == pytest.approx(390 * 0.01)


def test_events_that_all_lie_elsewhere_are_named_in_the_refusal(city, crimes, out):
    source = f"{crimes}|layername=crime|subset=\"Crime type\" = 'Arson'"
    sentence = refusal("run", only_terrain(city, out, EVENTS=source))
    assert sentence.startswith("None of the 0 events of arson (layer 'crime') lies inside the study area")
