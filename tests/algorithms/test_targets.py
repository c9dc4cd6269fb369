"""Outputs that would destroy or hide something are refused before any work."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from every_output import study_of
from osgeo import gdal
from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsRasterLayer, QgsVectorLayer
from risk_terrain.rtm_plugin.adapters.files import refuse_target
from risk_terrain.rtm_plugin.adapters.paths import path_key, safe_name, same_file
from risk_terrain.rtm_plugin.adapters.study_file import load_study, save_study
from risk_terrain.rtm_plugin.cartography.sidecars import styler
from risk_terrain.rtm_plugin.core.errors import OutputError
from running import files, only_terrain, process, refusal, run_parameters


def test_output_that_is_an_input(city, out):
    """Writing priority places into the GeoPackage of the events would replace all of its layers."""
    own = shutil.copy(city.path, out / "mine.gpkg")
    before = (out / "mine.gpkg").read_bytes()
    mine = replace(city, path=own)
    sentence = refusal("run", only_terrain(mine, out, OUTPUT_PLACES=str(own)))
    assert sentence == (
        "The output mine.gpkg is also an input of this run, which writing would destroy; choose another name."
    )
    assert (out / "mine.gpkg").read_bytes() == before
    assert files(out) == ["mine.gpkg"]


def test_outputs_of_one_name(city, out):
    parameters = only_terrain(city, out, OUTPUT_EXPECTED=str(out / "terrain.tif"))
    assert refusal("run", parameters) == (
        "The outputs terrain.tif and terrain.tif would share the file terrain.tif; give them different names."
    )
    assert files(out) == []


def test_outputs_that_share_a_style(city, out):
    """QGIS looks for terrain.qml for terrain.tif and terrain.gpkg alike: the first has it, the other one its own."""
    process("run", only_terrain(city, out, OUTPUT_PLACES=str(out / "terrain.gpkg")))
    names = ["model.json", "terrain.gpkg", "terrain.gpkg.qml", "terrain.qml", "terrain.tif"]
    assert files(out) == names
    places = QgsVectorLayer(str(out / "terrain.gpkg"), "places")
    styler().postProcessLayer(places, QgsProcessingContext(), QgsProcessingFeedback())
    assert places.labelsEnabled()
    assert QgsRasterLayer(str(out / "terrain.tif"), "terrain").renderer().type() == "singlebandpseudocolor"
    process("run", only_terrain(city, out, OUTPUT_PLACES=str(out / "terrain.gpkg")))
    assert files(out) == names


@pytest.fixture
def inputs(city, chain, tmp_path):
    """Files of an analyst's own: a model, settings, a saved study, a shapefile with a style, all in one folder."""
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(city.path, folder / "city.gpkg")
    shutil.copy(chain["model"], folder / "model.json")
    settings = {"format": "risk-terrain-factors", "version": 1, "factors": [{"layer": "bars", "name": "bars"}]}
    (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    study_of(replace(city, path=folder / "city.gpkg"), folder)
    gdal.VectorTranslate(str(folder / "q.shp"), str(city.path), layers=["bars"])
    (folder / "q.qml").write_text("the analyst's style", encoding="utf-8")
    return folder


def destroyed(inputs, algorithm: str, parameters: dict) -> str:
    """The sentence with which a run is refused; every file of the analyst is as it was."""
    before = {name: (inputs / name).read_bytes() for name in files(inputs)}
    sentence = refusal(algorithm, parameters)
    assert {name: (inputs / name).read_bytes() for name in files(inputs)} == before
    return sentence


ALSO_INPUT = "The output {} is also an input of this run, which writing would destroy; choose another name."


def test_outputs_that_are_files_which_are_read(inputs, chain, city, out):
    """A model, settings, a study, a layer that a study names, each by its own name or by another way to it."""
    model, settings, study = (str(inputs / name) for name in ("model.json", "settings.json", "saved.json"))
    twin = str(out / "twin.json")
    os.link(model, twin)
    (out / "folder").symlink_to(inputs)
    made = {name.upper(): chain[name] for name in ("terrain", "expected")}
    explain = {**made, "MODEL": model, "POINT": "400950,301150", "FACTORS": city.factors}
    told = {"MODEL": model, "TERRAIN": chain["terrain"], "OUTPUT_REPORT": str(out / "r.html")}
    cases = [
        ("explain", {**explain, "OUTPUT": model}),
        ("explain", {**explain, "OUTPUT": str(inputs / ".." / "mine" / "model.json")}),
        ("explain", {**explain, "OUTPUT": str(out / "folder" / "model.json")}),
        ("explain", {**explain, "OUTPUT": twin}),
        ("report", {**told, "OUTPUT_FINDINGS": model}),
        ("run", only_terrain(city, out, FACTOR_SETTINGS=settings, OUTPUT_MODEL=settings)),
        ("studymodel", {"STUDY": study, "OUTPUT": study}),
        ("studymodel", {"STUDY": study, "OUTPUT": str(inputs / "city.gpkg")}),
        ("studymodel", {"STUDY": load_study(study).to_json(), "OUTPUT": str(inputs / "city.gpkg")}),
    ]
    for algorithm, parameters in cases:
        outputs = [Path(value) for key, value in parameters.items() if key.startswith("OUTPUT") and value]
        name = next(path.name for path in outputs if path.exists())
        assert destroyed(inputs, algorithm, parameters) == ALSO_INPUT.format(name)


def test_a_study_named_like_a_result(inputs):
    (inputs / "saved.json").replace(inputs / "findings.json")
    (inputs / "model.json").unlink()
    parameters = {"STUDY": str(inputs / "findings.json"), "OUTPUT_FOLDER": str(inputs)}
    assert destroyed(inputs, "runstudy", parameters) == ALSO_INPUT.format("findings.json")


def test_a_layer_of_a_study_named_like_a_result(inputs):
    (inputs / "city.gpkg").replace(inputs / "places.gpkg")
    text = (inputs / "saved.json").read_text("utf-8").replace("city.gpkg", "places.gpkg")
    (inputs / "saved.json").write_text(text, encoding="utf-8")
    parameters = {"STUDY": str(inputs / "saved.json"), "OUTPUT_FOLDER": str(inputs)}
    assert destroyed(inputs, "runstudy", parameters) == ALSO_INPUT.format("places.gpkg")


@pytest.mark.parametrize("name", ["q.dbf", "q.shx", "q.shp.xml"])
def test_parts_of_an_input(inputs, city, out, name):
    (inputs / "q.shp.xml").write_text("about it", encoding="utf-8")
    parameters = only_terrain(city, out, FACTORS=[str(inputs / "q.shp")], OUTPUT_MODEL=str(inputs / name))
    assert destroyed(inputs, "run", parameters) == (
        f"The output {name} would destroy {name}, which belongs to the input q.shp; choose another name."
    )


def test_style_of_another_layer(inputs, city, out, chain):
    """Whether that layer is an input or not: q.gpkg would be given q.qml, which is the style of q.shp."""
    sentence = "The output q.gpkg would replace q.qml, the style of q.shp; choose another name."
    output = {"OUTPUT_PLACES": str(inputs / "q.gpkg")}
    assert destroyed(inputs, "run", only_terrain(city, out, FACTORS=[str(inputs / "q.shp")], **output)) == sentence
    asked = {"TERRAIN": chain["terrain"], "OUTPUT": str(inputs / "q.gpkg")}
    assert destroyed(inputs, "priorityplaces", asked) == sentence


def test_a_link_is_not_replaced(city, out, inputs):
    """What it leads to would stay as it was, and the link would be gone."""
    (out / "latest.json").symlink_to(inputs / "model.json")
    (out / "nowhere.json").symlink_to(inputs / "not there")
    for name in ("latest.json", "nowhere.json"):
        assert refusal("run", only_terrain(city, out, OUTPUT_MODEL=str(out / name))) == (
            f"{name} is a link to another file; choose that file itself, or another name."
        )
    assert (out / "latest.json").is_symlink()


def test_a_saved_study_does_not_replace_its_layer(inputs):
    study = load_study(inputs / "saved.json")
    before = (inputs / "city.gpkg").read_bytes()
    with pytest.raises(OutputError, match=r"^city\.gpkg is the layer 'area' of this study; choose another name\.$"):
        save_study(study, inputs / "city.gpkg")
    assert (inputs / "city.gpkg").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("CON.json", "is kept by Windows for a device"),
        ("nul", "is kept by Windows for a device"),
        ("com1.tar.json", "is kept by Windows for a device"),
        ("LPT².json", "is kept by Windows for a device"),
        ("model.json.", "ends with a dot or a space, which Windows drops"),
        ("model.json ", "ends with a dot or a space, which Windows drops"),
        ("a:b.json", "has the sign : in it, which Windows refuses"),
        ("what?.json", "has the sign ? in it, which Windows refuses"),
        ("a\tb.json", "has a control sign in it"),
        ("ä" * 130 + ".json", "is longer than 255 bytes"),
        ("aux/model.json", "is kept by Windows for a device"),
        ("folder /model.json", "ends with a dot or a space, which Windows drops"),
    ],
)
def test_names_that_windows_cannot_keep(city, out, name, why):
    sentence = refusal("run", only_terrain(city, out, OUTPUT_MODEL=f"{out}/{name}"))
    part = name.split("/")[0]
    assert sentence == f"The name '{part}' {why}; choose another name."
    assert files(out) == []


@pytest.mark.parametrize(
    "name", ["console.json", "Null.json", "com10.json", "Kriminalität 2024 (1).json", ".hidden.json"]
)
def test_names_that_are_fine(out, name):
    refuse_target(out / name)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("C:\\Cases\\terrain.tif", "c:/cases/Terrain.tif", True),
        ("C:/Cases/old/../terrain.tif", "C:\\Cases\\.\\terrain.tif", True),
        ("\\\\Server\\share\\a.tif", "//server/share/A.tif", True),
        ("C:/a.tif", "D:/a.tif", False),
        ("C:/a.tif", "C:/b/a.tif", False),
        ("/data/a.tif", "/data/x/../a.tif", True),
        ("/data/a.tif", "/data/b.tif", False),
    ],
)
def test_paths_are_compared_as_paths(one, other, same):
    assert same_file(one, other) is same
    assert (path_key(one) == path_key(other)) is same


@pytest.mark.parametrize(
    "title", ["CON", "nul", "Aux. ", "COM1", "", "...", "a/b\\c:d*e?", "x" * 300, "ä" * 200, "\u202eabc"]
)
def test_proposed_names_can_be_written(out, title):
    refuse_target(out / safe_name(title, "study") / "terrain.tif")


def test_output_that_is_being_edited(city, out):
    (out / "places.gpkg").write_bytes(b"old")
    (out / "places.gpkg-wal").write_bytes(b"unsaved")
    sentence = refusal("run", run_parameters(city, out))
    assert sentence == (
        "places.gpkg is being edited in QGIS or another program (there is a file places.gpkg-wal); close or remove it "
        "there, or choose another name."
    )
    assert files(out) == ["places.gpkg", "places.gpkg-wal"]


@pytest.mark.parametrize(
    ("name", "file", "endings"),
    [
        ("OUTPUT_TERRAIN", "terrain.png", ".tif or .tiff"),
        ("OUTPUT_TERRAIN", "terrain", ".tif or .tiff"),
        ("OUTPUT_PLACES", "places.xlsx", ".gpkg or .geojson or .csv or .shp or .fgb"),
        ("OUTPUT_PLACES", "memory:", ".gpkg or .geojson or .csv or .shp or .fgb"),
    ],
)
def test_kinds_that_cannot_be_written(city, out, name, file, endings):
    path = file if file.endswith(":") else str(out / file)
    sentence = refusal("run", only_terrain(city, out, **{name: path}))
    assert sentence == f"The output {name} cannot be written as '{file}'; give it the ending {endings}."
    assert files(out) == []


def test_model_without_an_ending_keeps_its_name(city, out):
    process("run", only_terrain(city, out, OUTPUT_MODEL=str(out / "model")))
    assert "model" in files(out)
    assert json.loads((out / "model").read_text(encoding="utf-8"))["format"] == "risk-terrain-model"


def test_shapefile_comes_with_its_companions(city, out):
    process("run", only_terrain(city, out, OUTPUT_PLACES=str(out / "places.shp")))
    assert {"places.shp", "places.dbf", "places.shx", "places.qml"} <= set(files(out))


def test_factor_settings_as_nested_json(city, out):
    """qgis_process hands over an object as it is: a wrong one is refused, a right one obeyed."""
    wrong = {"format": "risk-terrain-factors", "version": 1, "factors": [{"layer": "bars", "bogus": 1}]}
    assert refusal("run", only_terrain(city, out, FACTOR_SETTINGS=wrong)) == (
        "Entry 1 of the factor settings has the unknown key 'bogus'; remove it or correct its spelling."
    )
    assert refusal("run", only_terrain(city, out, FACTOR_SETTINGS=[1])).startswith("The factor settings are not of the")
    right = {"format": "risk-terrain-factors", "version": 1, "factors": [{"layer": "parks", "direction": "protective"}]}
    process("run", only_terrain(city, out, FACTOR_SETTINGS=right))
    model = json.loads((out / "model.json").read_text(encoding="utf-8"))
    directions = {c["factor"]: c["direction"] for c in model["candidates"]}
    assert directions["parks"] == "protective"
    assert directions["bars"] == "aggravating"


def test_all_settings_are_recorded(city, out):
    process("run", only_terrain(city, out))
    recorded = json.loads((out / "model.json").read_text(encoding="utf-8"))["provenance"]["parameters"]
    assert recorded["CELL_RULE"] == "intersects"
    assert recorded["MAX_BLOCKS"] == 3
    assert recorded["CULL"] == "no"
