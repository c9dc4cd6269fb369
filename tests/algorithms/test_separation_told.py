"""All events at one kind of feature: the model holds it, every product says so, and the map is not flat."""

import json
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from osgeo import gdal
from running import Log, process, run_inputs
from small_city import ORIGIN, point_wkt, write_layer

SCHEMA = Path(__file__).resolve().parents[2] / "resources" / "schema" / "model.schema.json"


@pytest.fixture(scope="module")
def told(city, tmp_path_factory):
    """Twenty events at each of ten stations, as after geocoding; bars and parks as further factors."""
    folder = tmp_path_factory.mktemp("stations")
    random = np.random.default_rng(5)
    stations = ORIGIN + random.uniform(400, 1600, (10, 2))
    at = write_layer(folder / "s.gpkg", "stations", point_wkt(stations))
    events = write_layer(folder / "e.gpkg", "thefts", point_wkt(np.repeat(stations, 20, axis=0)))
    outputs = {
        "OUTPUT_TERRAIN": str(folder / "t.tif"),
        "OUTPUT_MODEL": str(folder / "m.json"),
        "OUTPUT_REPORT": str(folder / "r.html"),
        "OUTPUT_FINDINGS": str(folder / "f.json"),
    }
    log = Log()
    run = run_inputs(
        city, EVENTS=events, FACTORS=[city.layer("bars"), at, city.layer("parks")], OPERATIONALISATION="proximity"
    )
    results = process("run", {**run, **outputs}, log)
    return folder, results, log, json.loads((folder / "m.json").read_text(encoding="utf-8"))


def test_the_model_holds_it(told):
    _, results, _, model = told
    assert [term["factor"] for term in model["selected"]] == ["stations"]
    (separated,) = model["separation"]["factors"]
    assert (separated["factor"], separated["events"]) == ("stations", model["events"]["inside"])
    assert model["separation"]["without_estimate"] == [model["selected"][0]["name"]]
    assert model["verification"]["status"] == "verified"
    assert results["FACTOR_COUNT"] == 1
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(model)


def test_the_map_is_not_flat(told):
    folder, results, _, model = told
    scores = gdal.Open(str(folder / "t.tif")).ReadAsArray()
    known = scores[scores > 0]
    assert set(np.unique(known)) == {np.float32(1.0), known.max()}
    assert known.max() > 100
    exposed = model["separation"]["factors"][0]["cells_exposed"]
    assert int((known > 1).sum()) == exposed
    assert results["PLACE_COUNT"] > 0


def test_every_product_says_so(told):
    folder, results, log, model = told
    start = f"All {model['events']['inside']:.0f} events lie in the "
    findings = json.loads((folder / "f.json").read_text(encoding="utf-8"))
    for texts in (log.warnings, results["FINDINGS"]["warnings"], findings["warnings"]):
        assert [text for text in texts if text.startswith(start) and "no ratio can be estimated" in text]
    assert not [text for text in (*log.warnings, *log.notes) if "flat" in text]
    page = (folder / "r.html").read_text(encoding="utf-8")
    assert start in page
    assert "every event lies near one" in page
    assert "half an event on a side where there is none" in page
