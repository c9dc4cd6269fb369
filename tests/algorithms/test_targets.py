"""Outputs that would destroy or hide something are refused before any work."""

import json
import shutil
from dataclasses import replace

import pytest
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
    """terrain.tif and terrain.gpkg would both be styled by terrain.qml, and the last would win."""
    parameters = only_terrain(city, out, OUTPUT_PLACES=str(out / "terrain.gpkg"))
    assert refusal("run", parameters) == (
        "The outputs terrain.tif and terrain.gpkg would share the file terrain.qml; give them different names."
    )


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
