"""The study document: nothing is lost on the way to JSON and back, and what cannot be is refused in a sentence."""

import json
from dataclasses import replace

import pytest
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings, layer_settings
from risk_terrain.rtm_plugin.core.documents.settings import GridSettings, PlaceSettings, SelectionSettings
from risk_terrain.rtm_plugin.core.documents.study_document import (
    Factor,
    LayerRef,
    StudyDocument,
    Window,
    factor_settings_json,
)
from risk_terrain.rtm_plugin.core.errors import FileFormatError, RtmError, SettingsError

BARS = Factor(
    LayerRef("a.gpkg|layername=bars", 'Bars <b>"x"</b>', filter='"open" > 22'),
    FactorSettings("bars", "density", 2, "whole", "protective", 1.5),
    "licensing",
)
WHOLE = StudyDocument(
    title="Räuber, =cmd()",
    study_area=LayerRef("a.gpkg|layername=area", "area", filter="\"name\" = 'O''Hara'"),
    exclude=LayerRef("sea.gpkg", "sea"),
    events=LayerRef("file:///events.csv?delimiter=;", "events", "delimitedtext"),
    later_events=None,
    date_field="day",
    fit=Window("2017-01-01", "2017-12-31"),
    test=Window("2018-01-01", None),
    factors=(BARS, Factor(LayerRef("b.gpkg", "Calls"), FactorSettings("calls"), "police-generated")),
    grid=GridSettings(250.0, 100.0, "centre", "corner"),
    selection=SelectionSettings("all", 7, 3, False),
    places=PlaceSettings("share", 5.0, 1000.0),
    weight_field="number",
    exposure=LayerRef("homes.tif", "homes", "gdal"),
    adjust=(LayerRef("income.tif", "income", "gdal"), LayerRef("age.tif", "age", "gdal")),
    city=(LayerRef("streets.gpkg", "streets"),),
    streets=LayerRef("roads.gpkg", "roads", filter="\"class\" = 'A'"),
    areas=LayerRef("wards.gpkg", "wards"),
    cards=3,
    marking="OFFICIAL-SENSITIVE",
)


@pytest.mark.parametrize("study", [StudyDocument(), WHOLE])
def test_there_and_back(study):
    text = study.to_json()
    assert StudyDocument.from_json(text) == study
    assert StudyDocument.from_json(text).to_json() == text


def test_a_file_of_the_first_version_is_read():
    """It knows no weights, no exposure, no adjustments and no number of cards."""
    new = ("weight_field", "exposure", "exposure_smoothing", "adjust", "city", "streets", "areas", "cards")
    old = {key: value for key, value in json.loads(WHOLE.to_json()).items() if key not in new} | {"version": 1}
    plain = replace(WHOLE, weight_field="", exposure=None, adjust=(), city=(), streets=None, areas=None, cards=10)
    assert StudyDocument.from_json(json.dumps(old)) == plain


def test_a_filter_on_where_the_city_is_is_refused():
    with pytest.raises(SettingsError, match="'streets' tells where the city is, and takes no filter"):
        StudyDocument(city=(LayerRef("streets.gpkg", "streets", filter="\"class\" = 'A'"),))


def test_what_is_left_out_has_its_default():
    assert StudyDocument.from_json('{"format": "risk-terrain-study", "version": 1}') == StudyDocument()


def broken(**changes) -> str:
    return json.dumps({**json.loads(WHOLE.to_json()), **changes})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "is not a study"),
        ("{", "not valid JSON"),
        (broken(format="risk-terrain-model"), "is not a study"),
        (broken(version=4), "update the plugin"),
        (broken(version=True), "no valid"),
        (broken(titel="x"), "unknown key 'titel'"),
        (broken(title=5), "'title' of the study is 5, which is not text"),
        (broken(factors={}), "not a list"),
        (broken(factors=[{"layer": None}]), "not an object"),
        (broken(grid={}), "lacks a key"),
        (broken(grid={"block_length": -1}), "above 0"),
        (broken(grid={"block_length": "200"}), "not a number"),
        (broken(fit={"start": "1/1/2017", "end": None}), "not a date"),
        (broken(fit={"start": "2018-01-01", "end": "2017-01-01"}), "before it starts"),
        (broken(selection={"folds": True}), "not a whole number"),
        (broken(cards=101), "whole number from 0 to 100"),
        (broken(adjust={"source": "a.tif"}), "not a list"),
        (broken(exposure={"name": "homes"}), "lacks a key"),
    ],
)
def test_refusals(text, told):
    with pytest.raises(RtmError) as caught:
        StudyDocument.from_json(text)
    assert isinstance(caught.value, (FileFormatError, SettingsError))
    assert told in str(caught.value)


def test_an_unknown_origin_is_refused():
    with pytest.raises(SettingsError, match="must be one of physical"):
        replace(BARS, origin="hearsay")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"study_area": None}, "no study area"),
        ({"events": None}, "no outcome"),
        ({"date_field": ""}, "no date field"),
        ({"test": Window("2017-06-01", None)}, "does not come after the fitting window"),
        ({"factors": ()}, "no risk factor"),
        ({"factors": (BARS, replace(BARS, layer=LayerRef("c.gpkg", "c")))}, "Two risk factors are called 'bars'"),
        ({"later_events": WHOLE.events, "test": Window()}, "same layer as the outcome"),
    ],
)
def test_what_is_missing_is_said(changes, told):
    assert WHOLE.missing() == ""
    assert told in replace(WHOLE, **changes).missing()


def test_police_generated_factors_are_named():
    assert "calls" in WHOLE.warnings()[0]
    assert replace(WHOLE, factors=(BARS,)).warnings() == ()


def test_factor_settings_are_what_rtm_run_reads():
    entries = layer_settings(json.loads(factor_settings_json(WHOLE.factors, ["Bars (2)", "Calls"])))
    assert [entry.layer for entry in entries] == ["Bars (2)", "Calls"]
    assert entries[0].filter == '"open" > 22'
    assert entries[0].factor(FactorSettings("x")) == BARS.settings
    assert WHOLE.candidate_count == 2 + 12


def test_every_layer_can_be_moved():
    moved = WHOLE.with_layers(lambda layer: replace(layer, source=f"/d/{layer.source}"))
    for before, after in ((WHOLE.layers, moved.layers), (WHOLE.rasters, moved.rasters)):
        assert [layer.source for layer in after] == [f"/d/{layer.source}" for layer in before]
    assert len(WHOLE.rasters) == 3
