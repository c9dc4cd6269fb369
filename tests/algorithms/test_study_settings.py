"""Weights, exposure, adjustments and cards of a study: the same on every route; what cannot be is refused before."""

import json
from dataclasses import replace

import numpy as np
import pytest
from qgis.core import QgsProcessingFeatureSourceDefinition
from risk_terrain.rtm_plugin.adapters.study_file import load_study, save_study
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.settings import SelectionSettings
from risk_terrain.rtm_plugin.core.documents.study_document import Factor, LayerRef, StudyDocument, Window
from running import Log, bands, files, only_terrain, process, refusal, run_parameters
from small_city import FACTORS, moved, point_wkt, wkt, write_layer
from test_exposure import write_raster
from test_places_and_styles import places_of

DAYS = ["2023-12-31", *(f"2023-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(400))]


def ref(city, name: str) -> LayerRef:
    return LayerRef(city.layer(name), name)


@pytest.fixture
def study(city) -> StudyDocument:
    return StudyDocument(
        title="Thefts",
        study_area=ref(city, "area"),
        events=ref(city, "events"),
        factors=tuple(Factor(ref(city, name), FactorSettings(name)) for name in FACTORS),
        selection=SelectionSettings("poisson", cull=False),
    )


@pytest.fixture
def homes(tmp_path):
    values = np.random.default_rng(6).integers(1, 41, (24, 24)).astype(float)
    values[:, :5] = 0
    return write_raster(tmp_path / "homes.tif", values, x=-200, y=2200)


@pytest.fixture
def income(tmp_path):
    return write_raster(tmp_path / "income.tif", np.random.default_rng(7).normal(30, 6, (20, 20)))


def counted_source(tmp_path, city, numbers) -> str:
    """The events as a table of places: each is there once, with the number of events at it."""
    fields = {"number": [int(n) for n in numbers], "day": [DAYS[i % len(DAYS)] for i in range(len(numbers))]}
    return write_layer(tmp_path / "places.gpkg", "places", point_wkt(city.events), fields)


def test_a_weight_field_is_so_many_events(city, out, tmp_path):
    """A row of three is three rows of one, for model, terrain, forecast and report; a row of none is no row."""
    numbers = np.random.default_rng(3).integers(0, 4, len(city.events))
    table = counted_source(tmp_path, city, numbers)
    rows = write_layer(tmp_path / "rows.gpkg", "places", point_wkt(np.repeat(city.events, numbers, axis=0)))
    for name, given in (("table", {"EVENTS": table, "WEIGHT_FIELD": "number"}), ("rows", {"EVENTS": rows})):
        (out / name).mkdir()
        forecast = {"OUTPUT_FORECAST": str(out / name / "f.tif")}
        process("run", run_parameters(city, out / name, CULL="no", FAMILY="poisson", **forecast, **given))
    for file in ("terrain.tif", "expected.tif"):
        assert (out / "table" / file).read_bytes() == (out / "rows" / file).read_bytes(), file
    assert np.array_equal(bands(out / "table" / "f.tif"), bands(out / "rows" / "f.tif"))
    models = [json.loads((out / name / "model.json").read_text("utf-8")) for name in ("table", "rows")]
    assert models[0]["events"] == models[1]["events"]
    assert models[0]["events"]["inside"] > len(city.events)


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("half", "The field 'half' of 'events' holds 0.5, and a model counts whole events"),
        ("minus", "weights must be numbers of 0 or more"),
        ("text", "weights must be numbers of 0 or more"),
        ("none", "has no field 'none'"),
    ],
)
def test_a_field_that_is_no_count_is_refused(city, out, refused, study, field, told):
    assert told in refused("run", WEIGHT_FIELD=field)
    facts = process("checkstudy", {"STUDY": replace(study, weight_field=field).to_json(), "PART": "outcome"})["FACTS"]
    assert told in facts["outcome"]["refused"]


def test_a_field_that_adds_up_to_too_much_is_refused(city, out, tmp_path):
    table = counted_source(tmp_path, city, np.full(len(city.events), 2_000_000))
    told = refusal("run", only_terrain(city, out, EVENTS=table, WEIGHT_FIELD="number"))
    assert "more than 20,000,000" in told
    assert files(out) == []


def test_later_events_need_the_weight_field_too(city, refused):
    assert "'bars' has no field 'two'" in refused("run", WEIGHT_FIELD="two", TEST_EVENTS=city.layer("bars"))


def test_checkstudy_counts_weighted_events(city, study):
    facts = process("checkstudy", {"STUDY": study.to_json(), "PART": "outcome"})["FACTS"]["outcome"]
    twice = process("checkstudy", {"STUDY": replace(study, weight_field="two").to_json(), "PART": "outcome"})
    assert twice["FACTS"]["outcome"]["inside"] == 2 * facts["inside"]
    assert twice["FACTS"]["outcome"]["stacked"] == facts["stacked"] == 0


def test_study_run_and_model_agree(city, study, out, tmp_path, homes, income):
    """All that a study has, by study file, by rtm:run and by graphical model: maps to the byte, places to the word."""
    lines = [wkt("LINESTRING", [moved([(x, 0), (x, 2000)])]) for x in range(50, 2000, 100)]
    lanes = [f"{'East' if i % 2 else 'West'} Lane" for i in range(len(lines))]
    streets = write_layer(tmp_path / "named.gpkg", "lanes", lines, {"name": lanes})
    full = replace(
        study,
        weight_field="two",
        exposure=LayerRef(homes, "homes", "gdal"),
        exposure_smoothing=1.5,
        adjust=(LayerRef(income, "income", "gdal"),),
        city=(study.factors[0].layer,),
        streets=LayerRef(streets, "lanes", filter="\"name\" = 'East Lane'"),
        areas=study.study_area,
        cards=2,
    )
    save_study(full, tmp_path / "study.json")
    assert str(tmp_path) not in (tmp_path / "study.json").read_text("utf-8").replace(str(city.path.parent), "")
    assert load_study(tmp_path / "study.json") == full
    log = Log()
    process("runstudy", {"STUDY": str(tmp_path / "study.json"), "OUTPUT_FOLDER": str(out / "study")}, log)
    assert log.errors == []
    given = {
        "EXPOSURE": homes,
        "ADJUST": [income],
        "CITY": [study.factors[0].layer.source],
        "STREETS": QgsProcessingFeatureSourceDefinition(streets, filterExpression="\"name\" = 'East Lane'"),
        "AREAS": study.study_area.source,
        "WEIGHT_FIELD": "two",
        "PLACE_CARDS": 2,
        "EXPOSURE_SMOOTHING": 1.5,
    }
    (out / "run").mkdir()
    process("run", run_parameters(city, out / "run", **given, CULL="no", FAMILY="poisson"))
    model = run_graphical_model(full, out, tmp_path)
    for name in ("terrain.tif", "expected.tif"):
        whole = (out / "study" / name).read_bytes()
        assert whole == (out / "run" / name).read_bytes(), name
        assert whole == model[name].read_bytes(), name
    words = [[place["where"], place["street"], place["area_name"]] for place, _ in places_of(out / "places.gpkg")]
    assert {street for _, street, _ in words} == {"East Lane"}
    assert {area for _, _, area in words} == {"all"}
    for folder in ("study", "run"):
        found = [place for place, _ in places_of(out / folder / "places.gpkg")]
        assert [[place["where"], place["street"], place["area_name"]] for place in found] == words
    assert (out / "study" / "report.html").read_text("utf-8").count('class="card"') <= 2
    found = json.loads((out / "study" / "model.json").read_text("utf-8"))
    widths = ["", " (smoothed over 1 cell)", " (smoothed over 2 cells)", " (smoothed over 4 cells)"]
    assert [term["name"] for term in found["adjustments"]] == ["income", *(f"where the city is{w}" for w in widths)]
    assert found["exposure"]["name"] == "homes (smoothed over 1.5 cells)"


def run_graphical_model(study, out, tmp_path):
    from qgis.core import QgsProcessingContext, QgsProcessingModelAlgorithm

    process("studymodel", {"STUDY": study.to_json(), "OUTPUT": str(tmp_path / "study.model3")})
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(str(tmp_path / "study.model3"))
    assert model.validate()[0], model.validate()
    names = {"Risk terrain": "terrain.tif", "Expected counts": "expected.tif", "Model": "m.json"}
    outputs = {
        d.name(): str(out / names.get(d.description(), "places.gpkg")) for d in model.destinationParameterDefinitions()
    }
    inputs = {d.name(): d.defaultValue() for d in model.parameterDefinitions() if not d.isDestination()}
    log = Log()
    _, ok = model.run({**inputs, **outputs}, QgsProcessingContext(), log)
    assert ok, log.errors
    return {name: out / name for name in ("terrain.tif", "expected.tif")}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"exposure": "other cells"}, "has other cells than the study grid"),
        ({"exposure": "nothing"}, "cannot be opened (gone.tif)"),
        ({"adjust": "flat"}, "is the same in every cell"),
    ],
)
def test_checkstudy_refuses_rasters_that_the_run_would_refuse(study, tmp_path, changes, told):
    (kind, what), *_ = changes.items()
    values = {"other cells": np.ones((11, 11)), "flat": np.ones((20, 20))}.get(what)
    source = str(tmp_path / "gone.tif")
    if values is not None:
        source = write_raster(tmp_path / "raster.tif", values, cell=190.0 if what == "other cells" else 100.0)
    layer = LayerRef(source, "raster", "gdal")
    asked = replace(study, **{kind: layer if kind == "exposure" else (layer,)})
    found = process("checkstudy", {"STUDY": asked.to_json(), "PART": "outcome"})
    assert told in found["FACTS"]["outcome"]["refused"]
    save_study(asked, tmp_path / "study.json")
    assert told in refusal("runstudy", {"STUDY": str(tmp_path / "study.json"), "OUTPUT_FOLDER": str(tmp_path / "x")})


@pytest.mark.parametrize(
    ("name", "layer", "told"),
    [
        ("areas", "parks", "The layer '{}' has no text field of names"),
        ("areas", "footpaths", "The layer '{}' holds line features, where polygons are needed"),
        ("streets", "parks", "The layer '{}' holds polygon features, where lines are needed"),
    ],
)
def test_checkstudy_refuses_streets_and_areas_that_the_run_would_refuse(city, study, tmp_path, name, layer, told):
    asked = replace(study, **{name: LayerRef(city.layer(layer), "here")})
    found = process("checkstudy", {"STUDY": asked.to_json(), "PART": "area"})
    assert found["FACTS"]["area"]["refused"].startswith(told.format("here"))
    save_study(asked, tmp_path / "study.json")
    sentence = refusal("runstudy", {"STUDY": str(tmp_path / "study.json"), "OUTPUT_FOLDER": str(tmp_path / "x")})
    assert sentence.startswith(told.format(layer))  # which opens the layer anew


def test_checkstudy_proposes_windows(city, study, tmp_path):
    dated = LayerRef(counted_source(tmp_path, city, np.ones(len(city.events))), "places")
    asked = replace(study, events=dated, date_field="day", fit=Window("2023-01-01", "2023-02-28"))
    facts = process("checkstudy", {"STUDY": asked.to_json(), "PART": "outcome"})["FACTS"]["outcome"]
    proposals = [(p["fit_text"], p["test_text"]) for p in facts["proposals"]]
    assert proposals[0] == ("January 2023 to June 2023", "July 2023 to December 2023")
    assert facts["proposals"][0]["fit"] == ["2023-01-01", "2023-06-30"]


# --- rtm:teststudy


@pytest.fixture
def ran(city, study, tmp_path):
    """A dated study of few factors, run into its folder."""
    dated = LayerRef(counted_source(tmp_path, city, np.ones(len(city.events))), "places")
    small = replace(
        study,
        events=dated,
        date_field="day",
        fit=Window("2023-01-01", "2023-10-31"),
        factors=study.factors[:2],
    )
    save_study(small, tmp_path / "study.json")
    process("runstudy", {"STUDY": str(tmp_path / "study.json"), "OUTPUT_FOLDER": str(tmp_path / "out")})
    return tmp_path


def further(folder, test: str) -> dict:
    asked = {"STUDY": str(folder / "study.json"), "TEST": test, "OUTPUT_FOLDER": str(folder / "out")}
    return process("teststudy", asked)


def test_a_back_test_of_a_study(ran):
    found = further(ran, "backtest")
    rows = (ran / "out" / "backtest.csv").read_text("utf-8").splitlines()
    assert len(rows) == 3  # two of the twelve months have ten before them
    assert found["SUMMARY"].startswith("2 runs of 10 months each, tested on the month after. Mean PAI at 5 %")


def test_a_cross_validation_of_a_study(ran, city):
    found = further(ran, "crossvalidation")
    assert "with random folds" in found["SUMMARY"]
    text = (ran / "out" / "crossvalidation.csv").read_text("utf-8")
    study = load_study(ran / "study.json")
    model = json.loads((ran / "out" / "model.json").read_text("utf-8"))
    apparent = next(line for line in text.splitlines() if line.strip('"').startswith("apparent"))
    assert str(int(model["events"]["inside"])) in apparent
    assert len(study.factors) == 2


def test_joint_risk_of_a_study(ran):
    found = further(ran, "jointrisk")
    assert "cells are vulnerable" in found["SUMMARY"]
    assert bands(ran / "out" / "joint_risk.tif").shape == bands(ran / "out" / "terrain.tif").shape


def test_what_a_further_test_needs(ran):
    (ran / "out" / "terrain.tif").unlink()
    asked = {"STUDY": str(ran / "study.json"), "OUTPUT_FOLDER": str(ran / "out")}
    assert "has no terrain.tif; run the study into it first" in refusal("teststudy", {**asked, "TEST": "jointrisk"})
    study = replace(load_study(ran / "study.json"), date_field="", fit=Window())
    save_study(study, ran / "study.json")
    assert "needs the dates of the events" in refusal("teststudy", {**asked, "TEST": "backtest"})
