"""Names and paths that people really give, and that would do harm if they were taken for more than text."""

import csv
import json
import re

import pytest
from osgeo import ogr
from qgis.core import QgsField, QgsProcessingContext, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QMetaType
from risk_terrain.rtm_plugin.adapters.layers import read_layer
from running import RUN_FILES, Log, files, only_terrain, process, refusal, run_parameters
from small_city import point_wkt, write_layer

NAMES = {
    "html": "<img src=x onerror=alert(1)>",
    "script": "</script><script>alert('x')</script>",
    "quotes": "O'Neill's \"bar\" `x`",
    "path": "../../etc/passwd",
    "backslash": "C:\\Windows\\con",
    "commas": "bars, pubs; clubs",
    "formula": '=HYPERLINK("http://evil.example","bars")',
    "plus": "+1+1",
    "minus": "-2+3",
    "at": "@SUM(1,2)",
    "template": "{{ 7*7 }} ${x} %s {0}",
    "emoji": "🍺 bars",
    "right to left": "حانات \u202e bars",
    "ampersand": "bars & clubs &lt;b&gt;",
    "long": "x" * 120,
    "accents": "Kneipe ‚Zur Mühle‘",
}
QUICK = {"CULL": "no", "FAMILY": "poisson"}
STARTS = ("=", "+", "-", "@", "\t", "\r")


def model_of(folder) -> dict:
    return json.loads((folder / "model.json").read_text("utf-8"))


@pytest.mark.parametrize("case", NAMES)
def test_factor_name(city, out, case):
    """It is in the model and the table as text, and the report shows it as text."""
    name = NAMES[case]
    settings = {"format": "risk-terrain-factors", "version": 1, "factors": [{"layer": "bars", "name": name}]}
    changes = {"FACTOR_SETTINGS": json.dumps(settings), "TITLE": name}
    changes |= {"OUTPUT_TABLE": str(out / "table.csv"), "OUTPUT_REPORT": str(out / "report.html")}
    process("run", only_terrain(city, out, FACTORS=[city.layer("bars")], **changes))
    model = model_of(out)
    assert {c["factor"] for c in model["candidates"]} == {name}
    assert model["selected"][0]["name"].startswith(name + "_")
    with open(out / "table.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert {len(row) for row in rows} == {11}
    assert {row[1] for row in rows[1:]} == {f"'{name}" if name.startswith(STARTS) else name}
    assert not [cell for row in rows for cell in row if cell.startswith(STARTS)]
    page = (out / "report.html").read_text("utf-8")
    assert not re.search(r"<img src=x|<script>alert|49 \$\{x\}", page)


def test_layer_names(city, out):
    """Names of layers reach the table and the model as text."""
    names = list(NAMES.values())
    layers = [QgsVectorLayer(city.layer("bars"), name, "ogr") for name in names]
    table = str(out / "table.gpkg")
    few = {"MAX_BLOCKS": 1, "INCREMENT": "whole"}
    QgsProject.instance().addMapLayers(layers)
    try:
        process("run", only_terrain(city, out, FACTORS=layers, OUTPUT_TABLE=table, **few))
    finally:
        QgsProject.instance().removeAllMapLayers()
    assert list(dict.fromkeys(c["factor"] for c in model_of(out)["candidates"])) == names
    data = ogr.Open(table)
    assert list(dict.fromkeys(feature.GetField("factor") for feature in data.GetLayer(0))) == names


def test_names_in_places_and_bands(chain, city, out):
    """Names go through a raster's metadata and come back the same in the places."""
    name = NAMES["quotes"] + NAMES["emoji"] + NAMES["html"]
    bars, model, places = str(out / "bars.tif"), str(out / "m.json"), str(out / "p.gpkg")
    process("operationalise", {"GRID": chain["grid"], "FACTOR": city.layer("bars"), "NAME": name, "OUTPUT": bars})
    given = {"CANDIDATES": [bars]}
    process("selectmodel", {**given, "COUNTS": chain["counts"], "OUTPUT_MODEL": model})
    process("terrain", {**given, "MODEL": model, "OUTPUT": str(out / "t.tif")})
    process("priorityplaces", {**given, "MODEL": model, "TERRAIN": str(out / "t.tif"), "OUTPUT": places})
    data = ogr.Open(places)
    assert all(feature.GetField("factors").startswith(f"{name} (") for feature in data.GetLayer(0))


@pytest.fixture(scope="module")
def plain_folder(city, provider, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    process("run", run_parameters(city, folder, **QUICK))
    return folder


@pytest.mark.parametrize(
    "folder", ["with spaces", "Ergebnisse für Köln", "результаты", "結果 📁", "it's 100% [draft] #1 & more", "a=b;c,d"]
)
def test_folders(city, out, plain_folder, folder):
    """Outputs in folders with spaces, other alphabets and signs."""
    target = out / folder
    results = process("run", run_parameters(city, target, **QUICK))
    assert files(target) == RUN_FILES
    assert results["OUTPUT_TERRAIN"] == str(target / "terrain.tif")
    assert (target / "terrain.tif").read_bytes() == (plain_folder / "terrain.tif").read_bytes()


def test_inputs_in_such_a_folder(city, out, tmp_path):
    """Inputs with spaces and other alphabets in their paths and names."""
    folder = tmp_path / "dane wejściowe 📁"
    folder.mkdir()
    source = write_layer(folder / "przestępstwa 2024.gpkg", "włamania", point_wkt(city.events))
    process("run", only_terrain(city, out, EVENTS=source))
    model = model_of(out)
    assert model["provenance"]["inputs"][1]["name"] == "włamania"
    assert model["events"]["inside"] == 178


@pytest.mark.parametrize("name", ["é" * 200, "half \ud83c a letter"], ids=["400 bytes", "lone surrogate"])
def test_names_that_are_too_long_or_no_text(city, out, name):
    """Layers of such names are used like others; only the name of a factor has a length."""
    area, events, bars = (QgsVectorLayer(city.layer(inner), name, "ogr") for inner in ("area", "events", "bars"))
    settings = {"format": "risk-terrain-factors", "version": 1, "factors": []}
    shown = name.replace("\ud83c", "\ufffd")
    settings["factors"] = [{"layer": shown, "name": "bars"}]
    QgsProject.instance().addMapLayers([area, events, bars])
    given = {"STUDY_AREA": area, "EVENTS": events, "FACTORS": [bars], "FACTOR_SETTINGS": json.dumps(settings)}
    try:
        process("run", {**run_parameters(city, out, **QUICK), **given})
        without_name = {**run_parameters(city, out, **QUICK), **given, "FACTOR_SETTINGS": None}
        if len(name) > 120:
            assert "longer than 120 characters" in refusal("run", without_name)
    finally:
        QgsProject.instance().removeAllMapLayers()
    assert [item["name"] for item in model_of(out)["provenance"]["inputs"]][:2] == [shown, shown]
    assert shown[:20] in (out / "report.html").read_text("utf-8")


def test_attributes_that_are_no_text_or_number(city, out):
    """Half a letter in a name of a feature, a number beyond all: no trace of either stops a run unless it must."""
    layer = QgsVectorLayer(city.layer("bars"), "bars", "ogr")
    layer.addExpressionField("'Bar ' || char(55357) || $id", QgsField("name", QMetaType.Type.QString))
    layer.addExpressionField(f"'1{'0' * 400}'", QgsField("weight", QMetaType.Type.QString))
    QgsProject.instance().addMapLayer(layer)
    try:
        process("run", {**run_parameters(city, out, **QUICK), "FACTORS": [layer]})
        grid = str(out / "grid.tif")
        process("studygrid", {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200, "OUTPUT": grid})
        weighted = {"EVENTS": layer, "WEIGHT_FIELD": "weight", "OUTPUT": str(out / "counts.tif")}
        sentence = refusal("countevents", {"GRID": grid, **weighted})
        read = read_layer(layer, "bars", layer.crs(), QgsProcessingContext(), Log(), name_field="name")
        names = [name for name, _ in read.named]
    finally:
        QgsProject.instance().removeAllMapLayers()
    assert sentence == f"The field 'weight' of 'bars' holds '1{'0' * 39}'; weights must be numbers of 0 or more."
    assert names == [f"Bar ?{i}" for i in range(1, len(city.bars) + 1)]


@pytest.mark.parametrize("number", ["1e999", "1" + "0" * 400, "-1" + "0" * 400, "NaN", "Infinity"])
@pytest.mark.parametrize("key", ["density_sd", "max_blocks"])
def test_numbers_beyond_all_in_settings(city, out, key, number):
    entry = f'{{"layer": "bars", "{key}": {number}}}'
    text = f'{{"format": "risk-terrain-factors", "version": 1, "factors": [{entry}]}}'
    sentence = refusal("run", only_terrain(city, out, FACTOR_SETTINGS=text))
    assert len(sentence) < 300
    assert "bars" in sentence or "not valid JSON" in sentence or "number" in sentence
