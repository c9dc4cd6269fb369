"""A saved study by processing.run and by qgis_process gives what rtm:run gives; checks and refusals before it runs."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from risk_terrain.rtm_plugin.adapters.study_file import load_study, save_study
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.patrol_settings import PatrolSettings
from risk_terrain.rtm_plugin.core.documents.settings import GridSettings, PlaceSettings, SelectionSettings
from risk_terrain.rtm_plugin.core.documents.study_document import Factor, LayerRef, StudyDocument, Window
from risk_terrain.rtm_plugin.core.doubt.power import rrv_figure
from running import Log, bands, files, process, qgis_process, refusal, run_parameters
from small_city import FACTORS, ORIGIN, moved, point_wkt, wkt, write_layer
from test_places_and_styles import places_of

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((REPOSITORY / "resources" / "schema" / "study.schema.json").read_text("utf-8"))
RASTERS = ("terrain.tif", "expected.tif", "forecast.tif")
_NAMES = ("terrain.qml", "expected.qml", "forecast.qml", "places.gpkg", "places.qml", "patrol.gpkg", "patrol.qml")
WITHOUT_LATER = sorted([*RASTERS, *_NAMES, "model.json", "candidates.csv", "report.html", "findings.json", "cards.pdf"])


def ref(city, name: str, filter_: str = "") -> LayerRef:
    return LayerRef(city.layer(name), name, filter=filter_)


@pytest.fixture
def study(city) -> StudyDocument:
    return StudyDocument(
        title="Thefts",
        study_area=ref(city, "area"),
        events=ref(city, "events"),
        factors=tuple(Factor(ref(city, name), FactorSettings(name)) for name in FACTORS),
        selection=SelectionSettings("poisson", cull=False),
    )


def test_the_same_maps_as_rtm_run(city, study, tmp_path):
    """Filters, one layer for two factors, and grid and place settings included."""
    late, early = (
        Factor(ref(city, "bars", f"\"kind\" = '{kind}'"), FactorSettings(f"{kind} bars", max_blocks=2))
        for kind in ("late", "early")
    )
    study = replace(
        study,
        study_area=ref(city, "area", "\"name\" = 'all'"),
        events=ref(city, "events", '"year" = 2024'),
        later_events=ref(city, "events", '"year" = 2025'),
        factors=(late, early, *study.factors[1:]),
        grid=GridSettings(200.0, 80.0, "centre", "corner"),
        selection=SelectionSettings("poisson", 3, 2, False),
        places=PlaceSettings("share", 10.0, 40_000.0),
        patrol=PatrolSettings("count", 6.0, 30_000.0, 150.0),
    )
    save_study(study, tmp_path / "study.json")
    log = Log()
    found = process("runstudy", {"STUDY": str(tmp_path / "study.json"), "OUTPUT_FOLDER": str(tmp_path / "one")}, log)
    assert log.errors == []
    by_hand = {
        "STUDY_AREA": city.layer("area"),
        "EVENTS": city.layer("events") + '|subset="year" = 2024',
        "TEST_EVENTS": city.layer("events") + '|subset="year" = 2025',
        "FACTOR_SETTINGS": json.dumps(
            {
                "format": "risk-terrain-factors",
                "version": 1,
                "factors": [
                    {"layer": "bars", "name": f"{kind} bars", "filter": f"\"kind\" = '{kind}'", "max_blocks": 2}
                    for kind in ("late", "early")
                ],
            }
        ),
        "CELL_SIZE": 80,
        "CELL_RULE": "centre",
        "GRID_ORIGIN": "corner",
        "FAMILY": "poisson",
        "FOLDS": 3,
        "SEED": 2,
        "CULL": "no",
        "RULE": "share",
        "VALUE": 10,
        "MAX_AREA": 40_000,
        "PATROL_BUDGET_RULE": "count",
        "PATROL_BUDGET": 6,
        "PATROL_MAX_AREA": 30_000,
        "PATROL_MIN_DISTANCE": 150,
        "OUTPUT_FORECAST": str(tmp_path / "two" / "forecast.tif"),
        "OUTPUT_PATROL": str(tmp_path / "two" / "patrol.gpkg"),
    }
    (tmp_path / "two").mkdir()
    process("run", run_parameters(city, tmp_path / "two", **by_hand))
    for name in ("terrain.tif", "expected.tif"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    assert np.array_equal(bands(tmp_path / "one" / "forecast.tif"), bands(tmp_path / "two" / "forecast.tif"))
    for name in ("places.gpkg", "patrol.gpkg"):
        one, two = (places_of(tmp_path / folder / name) for folder in ("one", "two"))
        assert [(p, g.ExportToWkt()) for p, g in one] == [(p, g.ExportToWkt()) for p, g in two]
    assert (found["PATROL_COUNT"], len(two)) == (6, 6)
    assert max(place["hectares"] for place, _ in two) <= 3
    assert sorted(files(tmp_path / "one")) == sorted([*WITHOUT_LATER, "validation.html"])
    assert found["FINDINGS"]["headline"][0].startswith("Of 5\xa0risk factors tested")
    assert len(found["FINDINGS"]["factors"]) == found["FACTOR_COUNT"]


def test_twice_the_same_model_file(study, tmp_path):
    """Nothing random gets into it, such as the ids of layers."""
    save_study(replace(study, events=replace(study.events, filter='"year" > 0')), tmp_path / "study.json")
    told = []
    for name in ("one", "two"):
        process("runstudy", {"STUDY": str(tmp_path / "study.json"), "OUTPUT_FOLDER": str(tmp_path / name)})
        model = json.loads((tmp_path / name / "model.json").read_text("utf-8"))
        told.append({**model["provenance"]["parameters"]})
    assert {key for key in told[0] if told[0][key] != told[1][key]} == {k for k in told[0] if k.startswith("OUTPUT")}
    assert told[0]["FACTORS"] == [f"study: {name}" for name in FACTORS]
    assert told[0]["EVENTS"] == {"source": "study: events", "filter": '"year" > 0'}


def test_by_qgis_process_after_the_folder_has_moved(city, study, profile, tmp_path):
    """Paths are relative, so study and data can be moved together; rasters are equal to the byte."""
    old, new = tmp_path / "old", tmp_path / "new place, ü"
    old.mkdir()
    shutil.copy(city.path, old / "city.gpkg")
    here = study.with_layers(lambda layer: replace(layer, source=layer.source.replace(str(city.path.parent), str(old))))
    save_study(here, old / "study.json")
    assert str(tmp_path) not in (old / "study.json").read_text("utf-8")
    process("runstudy", {"STUDY": str(old / "study.json"), "OUTPUT_FOLDER": str(tmp_path / "one")})
    old.rename(new)
    assert load_study(new / "study.json").study_area.source == f"{new}/city.gpkg|layername=area"
    asked = [f"--STUDY={new / 'study.json'}", f"--OUTPUT_FOLDER={tmp_path / 'two'}"]
    done = qgis_process(profile, "run", "rtm:runstudy", *asked)
    assert done.returncode == 0, done.stderr
    for name in RASTERS[:2]:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    assert files(tmp_path / "two") == WITHOUT_LATER


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"study_area": None}, "The study has no study area; choose the layer that holds its boundary."),
        ({"factors": ()}, "The study has no risk factor; add at least one layer."),
        ({"events": LayerRef("/nowhere/gone.gpkg|layername=x", "Thefts")}, "'Thefts' of the study cannot be opened"),
    ],
)
def test_refusals(study, tmp_path, changes, told):
    save_study(replace(study, **changes), tmp_path / "study.json")
    assert told in refusal("runstudy", {"STUDY": str(tmp_path / "study.json"), "OUTPUT_FOLDER": str(tmp_path / "x")})
    assert files(tmp_path) == ["study.json"]


def test_a_file_that_is_no_study_is_refused(tmp_path):
    (tmp_path / "study.json").write_text('{"format": "something else"}', encoding="utf-8")
    assert "is not a study" in refusal(
        "runstudy", {"STUDY": str(tmp_path / "study.json"), "OUTPUT_FOLDER": str(tmp_path / "x")}
    )


def test_the_report_warns_of_police_generated_factors(study, tmp_path):
    calls = replace(study.factors[3], origin="police-generated")
    save_study(replace(study, factors=(*study.factors[:3], calls)), tmp_path / "study.json")
    log = Log()
    process("runstudy", {"STUDY": str(tmp_path / "study.json"), "OUTPUT_FOLDER": str(tmp_path / "x")}, log)
    assert [w for w in log.warnings if w.startswith("'kiosks' is generated by police activity")]
    assert "generated by police activity" in (tmp_path / "x" / "report.html").read_text("utf-8")


def test_what_rtm_run_refuses_is_told_in_its_own_sentence(study, tmp_path):
    save_study(replace(study, events=replace(study.events, filter='"year" = 1900')), tmp_path / "study.json")
    told = refusal("runstudy", {"STUDY": str(tmp_path / "study.json"), "OUTPUT_FOLDER": str(tmp_path / "x")})
    assert told.startswith("None of the 0 events of 'events'")
    assert files(tmp_path) == ["study.json"]


def test_two_layers_of_one_name_stay_two(city, study, tmp_path):
    """Both are called "bars" in their files."""
    other = write_layer(tmp_path / "other.gpkg", "bars", point_wkt(city.kiosks))
    twin = Factor(LayerRef(other, "bars"), FactorSettings("other bars"))
    save_study(replace(study, factors=(*study.factors[:1], twin)), tmp_path / "study.json")
    process("runstudy", {"STUDY": str(tmp_path / "study.json"), "OUTPUT_FOLDER": str(tmp_path / "out")})
    model = json.loads((tmp_path / "out" / "model.json").read_text("utf-8"))
    assert {c["factor"] for c in model["candidates"]} == {"bars", "other bars"}
    assert model["provenance"]["parameters"]["FACTORS"] == ["study: bars", "study: bars (2)"]


def test_the_schema_holds_what_is_written(study, tmp_path):
    raster = LayerRef(str(tmp_path / "homes.tif"), "homes", "gdal")
    full = replace(study, exclude=study.study_area, later_events=study.events, fit=Window("2024-01-01", None))
    full = replace(full, weight_field="two", exposure=raster, adjust=(raster,), city=(study.events,), cards=2)
    full = replace(full, streets=study.factors[1].layer, areas=study.study_area)
    for document in (StudyDocument(), full):
        save_study(document, tmp_path / "study.json")
        Draft202012Validator(SCHEMA).validate(json.loads((tmp_path / "study.json").read_text("utf-8")))
    wrong = json.loads((tmp_path / "study.json").read_text("utf-8"))
    several = ({"titel": ""}, {"grid": {}}, {"version": 4}, {"cards": -1}, {"adjust": {}}, {"factors": [{}]})
    for changes in (*several, {"fit": {"start": "1/1/2017"}}):
        assert not Draft202012Validator(SCHEMA).is_valid({**wrong, **changes}), changes


def check(study: StudyDocument, part: str = "all") -> dict:
    return process("checkstudy", {"STUDY": study.to_json(), "PART": part})


def test_the_facts_of_a_study(city, study):
    found = check(study)
    facts = found["FACTS"]
    assert found["REFUSALS"] == ""
    assert (facts["area"]["cells"], facts["area"]["crs"], facts["area"]["units"]) == (390, "EPSG:27700", "metres")
    assert facts["area"]["square_km"] == pytest.approx(4 - 0.125)
    local = city.events - ORIGIN
    within = (local >= 0).all(axis=1) & (local <= 2000).all(axis=1) & (local[:, 1] - local[:, 0] < 1500)
    outcome = facts["outcome"]
    assert (outcome["inside"], outcome["outside"]) == (within.sum(), (~within).sum())
    assert (outcome["without_geometry"], outcome["stacked"], outcome["highest_stack"]) == (0, 0, 1)
    assert [f["geometry"] for f in facts["factors"]] == ["point", "line", "polygon", "point"]
    assert [f["operationalisation"] for f in facts["factors"]] == ["density", "both", "both", "proximity"]
    assert facts["factors"][0]["near"] == len(city.bars)


def test_what_the_events_can_establish_is_told_for_each_factor(city, study, tmp_path):
    """With the events counted or their number given; a factor that cannot be used has no sentence."""
    empty = write_layer(tmp_path / "empty.gpkg", "empty", [])
    asked = replace(study, factors=(*study.factors, Factor(LayerRef(empty, "empty"), FactorSettings("empty"))))
    power = check(asked, "power")["FACTS"]["power"]
    inside = check(asked, "outcome")["FACTS"]["outcome"]["inside"]
    assert power["events"] == inside
    assert power["factors"][-1] == {"sentence": "", "rrv": None}
    told = [factor["sentence"] for factor in power["factors"][:-1]]
    assert all(sentence.startswith(f"With {inside:.0f} events only effects stronger than × ") for sentence in told)
    given = process("checkstudy", {"STUDY": asked.to_json(), "PART": "power", "EVENT_COUNT": 20 * inside})["FACTS"]
    assert "outcome" not in given
    assert given["power"]["factors"][0]["rrv"] < power["factors"][0]["rrv"]
    plain = replace(asked, selection=replace(asked.selection, significance="plain"))
    assert not any(factor["sentence"] for factor in check(plain, "power")["FACTS"]["power"]["factors"])
    nobody = replace(study, events=replace(study.events, filter="false"))
    assert "power" not in check(nobody, "power")["FACTS"]


def test_stacked_events_and_lost_ones_are_counted(city, study, tmp_path):
    places = [(100, 100), (100, 100), (100, 100), (900, 900), (900, 900), (950, 40), (-50, 0)]
    shapes = [*point_wkt(moved(places)), None]
    days = [
        "2024-01-05",
        "2024-02-05",
        "2024-03-05",
        "2025-01-05",
        "2025-01-06",
        "2025-02-06",
        "2025-03-01",
        "2025-03-01",
    ]
    source = write_layer(tmp_path / "stacked.gpkg", "thefts", shapes, {"day": days})
    asked = replace(study, events=LayerRef(source, "thefts"))
    found = check(asked, "outcome")["FACTS"]["outcome"]
    expected = {"inside": 6, "outside": 1, "stacked": 5, "highest_stack": 3, "without_geometry": 1}
    assert {key: found[key] for key in expected} == expected
    dated = replace(asked, date_field="day", fit=Window(None, "2024-12-31"), test=Window("2025-01-01", None))
    found = check(dated, "outcome")["FACTS"]["outcome"]
    assert (found["inside"], found["later"], found["dates"]) == (3, 3, "5 January 2024 to 1 March 2025")
    none = replace(dated, fit=Window("2020-01-01", "2020-12-31"), test=Window())
    assert "No event lies in the window" in check(none, "outcome")["FACTS"]["outcome"]["refused"]


def test_every_part_is_refused_on_its_own(city, study, tmp_path):
    far = write_layer(tmp_path / "far.gpkg", "far", point_wkt(np.array([[10.0, 10.0]])))
    degrees = write_layer(
        tmp_path / "d.gpkg", "deg", [wkt("POLYGON", [[(0, 50), (1, 50), (1, 51), (0, 50)]])], crs="EPSG:4326"
    )
    wrong = replace(study.factors[0], layer=LayerRef(far, "far"))
    facts = check(replace(study, events=LayerRef(far, "far"), factors=(wrong, *study.factors[1:])))["FACTS"]
    assert "None of the 1 events of 'far' lies inside" in facts["outcome"]["refused"]
    assert facts["factors"][0]["near"] == 0
    assert "No feature of the risk factor 'bars' lies in the study area" in facts["factors"][0]["warnings"][0]
    assert "refused" not in facts["factors"][1]
    assert "degrees" in check(replace(study, study_area=LayerRef(degrees, "deg")))["FACTS"]["area"]["refused"]
    nobody = replace(study, study_area=replace(study.study_area, filter="\"name\" = 'nobody'"))
    assert "No polygon of 'area' is chosen" in check(nobody)["REFUSALS"]


def test_suggest_and_blocklength(city, tmp_path):
    asked = {"STUDY_AREA": city.layer("area"), "FACTOR": city.layer("bars"), "BLOCK_LENGTH": 200}
    found = process("suggest", asked)
    assert (found["OPERATIONALISATION"], found["INDEX"] < 0.8, found["Z"] < -1.96) == ("density", True, True)
    tiny = process("suggest", {**asked, "BLOCK_LENGTH": 1, "MAX_BLOCKS": 1})
    assert tiny["OPERATIONALISATION"] == "proximity"
    rows = [[(i * 100, j * 100), (i * 100 + 100, j * 100)] for i in range(20) for j in range(20)]
    rows += [[(y, x) for x, y in row] for row in rows]
    streets = write_layer(tmp_path / "streets.gpkg", "streets", [wkt("LINESTRING", [moved(row)]) for row in rows])
    blocks = process("blocklength", {"STUDY_AREA": city.layer("area"), "STREETS": streets})
    assert blocks["BLOCK_LENGTH"] == pytest.approx(100, rel=0.05)
    assert "lines are needed" in refusal(
        "blocklength", {"STUDY_AREA": city.layer("area"), "STREETS": city.layer("bars")}
    )


def test_suggest_tells_what_so_many_events_can_establish(city):
    """Without a number of events it says nothing of it; without enough of them, that there is nothing to hope for."""
    asked = {"STUDY_AREA": city.layer("area"), "FACTOR": city.layer("bars"), "BLOCK_LENGTH": 200}
    silent = Log()
    assert process("suggest", asked, silent)["SMALLEST_RRV"] is None
    assert not any("can be established" in note for note in silent.notes)
    smallest = {}
    for events in (90, 900):
        log = Log()
        smallest[events] = process("suggest", {**asked, "EVENT_COUNT": events}, log)["SMALLEST_RRV"]
        figure = rrv_figure(smallest[events], "aggravating")
        assert (
            f"With {events} events only effects stronger than {figure} can be established (in 4 of 5 such studies); "
            "clustering of events makes it harder."
        ) in log.notes
    assert 1 < smallest[900] < smallest[90] < 10


def test_the_graphical_model_gives_the_same_terrain(city, study, tmp_path):
    """Factors with filters, and names that are not their layers', culled; the model's defaults are the study."""
    from qgis.core import QgsProcessingContext, QgsProcessingModelAlgorithm

    late = Factor(ref(city, "bars", "\"kind\" = 'late'"), FactorSettings('late "bars"', increment="whole"), "licensing")
    study = replace(study, factors=(late, *study.factors[1:]), events=ref(city, "events", '"year" = 2024'))
    study = replace(study, selection=SelectionSettings())
    save_study(study, tmp_path / "study.json")
    process("runstudy", {"STUDY": str(tmp_path / "study.json"), "OUTPUT_FOLDER": str(tmp_path / "one")})
    process("studymodel", {"STUDY": str(tmp_path / "study.json"), "OUTPUT": str(tmp_path / "study.model3")})
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(str(tmp_path / "study.model3"))
    assert model.validate()[0], model.validate()
    (tmp_path / "two").mkdir()
    files_of = {"Risk terrain": "terrain.tif", "Expected counts": "expected.tif"}
    outputs = {
        d.name(): str(
            tmp_path / "two" / {**files_of, "Model": "model.json", "Priority places": "p.gpkg"}[d.description()]
        )
        for d in model.destinationParameterDefinitions()
    }
    inputs = {d.name(): d.defaultValue() for d in model.parameterDefinitions() if not d.isDestination()}
    log = Log()
    _, ok = model.run({**inputs, **outputs}, QgsProcessingContext(), log)
    assert ok, log.errors
    for name in files_of.values():
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_a_study_that_is_not_whole_makes_no_model(tmp_path):
    asked = {"STUDY": StudyDocument().to_json(), "OUTPUT": str(tmp_path / "study.model3")}
    assert "no study area" in refusal("studymodel", asked)
    assert files(tmp_path) == []
