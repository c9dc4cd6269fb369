"""rtm:report: the same findings as the run's own, from files alone; and names of what stands near."""

import json
import re

import numpy as np
import pytest
from running import Log, files, process, run_parameters
from small_city import point_wkt, write_layer

SAME = ("parameters", "fit", "families", "ladders", "formula", "classes", "bins", "context", "places", "runners_up")


def tops(document: dict) -> list:
    return [[place[key] for key in ("rank", "cells", "expected", "observed")] for place in document["places"]]


@pytest.fixture(scope="module")
def run_with_findings(city, provider, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    findings = str(folder / "findings.json")
    process("run", run_parameters(city, folder, OUTPUT_FINDINGS=findings, TITLE="Robbery in the city"))
    return folder, json.loads((folder / "findings.json").read_text("utf-8"))


def test_from_files_alone_it_finds_the_same(run_with_findings, city, chain, out):
    """Terrain and expected counts of the run, counts and candidates of the steps, factors as they were."""
    folder, of_run = run_with_findings
    asked = {
        "MODEL": str(folder / "model.json"),
        "TERRAIN": str(folder / "terrain.tif"),
        "EXPECTED": str(folder / "expected.tif"),
        "COUNTS": chain["counts"],
        "CANDIDATES": [chain["bars"], chain["footpaths"]],
        "FACTORS": [city.layer("bars"), city.layer("footpaths")],
        "OUTPUT_REPORT": str(out / "report.html"),
        "OUTPUT_FINDINGS": str(out / "findings.json"),
    }
    log = Log()
    results = process("report", asked, log)
    assert (log.warnings, log.errors) == ([], [])
    found = json.loads((out / "findings.json").read_text("utf-8"))
    assert results["PLACE_COUNT"] == len(found["places"]) == len(of_run["places"])
    for key in SAME:
        assert found[key] == of_run[key], key
    assert found["headline"] == of_run["headline"]
    assert found["warnings"] == of_run["warnings"]
    assert [c["factors"] for c in found["cards"]] == [c["factors"] for c in of_run["cards"]]
    assert [c["near"] for c in found["cards"]] == [c["near"] for c in of_run["cards"]]
    assert found["cards"][0]["near"][0]["distance"] > 0
    pages = [(path / "report.html").read_text("utf-8") for path in (folder, out)]
    assert pages[0].count('class="card') == pages[1].count('class="card') > 0
    assert "Robbery in the city" in pages[1]
    assert files(out) == ["findings.json", "report.html"]


def test_with_all_candidates_it_finds_the_same_of_the_fit(city, chain, out, tmp_path):
    """A clustered outcome, whose checks warn where cells are taken as independent: the run's and the report's own."""
    folder = tmp_path / "plain"
    folder.mkdir()
    findings = str(folder / "findings.json")
    factors = [city.layer(name) for name in ("footpaths", "kiosks")]  # without bars, which draw events
    quick = {"FACTORS": factors, "SIGNIFICANCE": "plain", "FAMILY": "poisson", "CULL": "no"}
    process("run", run_parameters(city, folder, OUTPUT_FINDINGS=findings, **quick))
    of_run = json.loads((folder / "findings.json").read_text("utf-8"))["doubt"]
    asked = {
        "MODEL": str(folder / "model.json"),
        "TERRAIN": str(folder / "terrain.tif"),
        "EXPECTED": str(folder / "expected.tif"),
        "COUNTS": chain["counts"],
        "CANDIDATES": [chain[name] for name in ("footpaths", "kiosks")],
        "OUTPUT_FINDINGS": str(out / "findings.json"),
        "OUTPUT_REPORT": None,
    }
    process("report", asked)
    assert json.loads((out / "findings.json").read_text("utf-8"))["doubt"] == of_run
    diagnosis = {key: asked[key] for key in ("MODEL", "COUNTS", "CANDIDATES")}
    outputs = {"OUTPUT_TABLE": str(out / "checks.csv"), "OUTPUT_JSON": str(out / "checks.json"), "PERMUTATIONS": 99}
    process("diagnose", {**diagnosis, **outputs, "OUTPUT_RESIDUALS": None, "OUTPUT_REPORT": None})
    checks = json.loads((out / "checks.json").read_text("utf-8"))["checks"]
    warned = [check for check in checks if check["severity"] == "warning" and check["name"] != "Separation"]
    assert {check["name"] for check in warned} >= {"Neighbouring cells", "Spread of the counts"}
    assert of_run["checks"] == warned
    page = (folder / "report.html").read_text("utf-8")
    assert all(check["sentence"].replace("'", "&#39;") in page for check in warned)


def test_model_and_terrain_are_enough(chain, out):
    asked = {"MODEL": chain["model"], "TERRAIN": chain["terrain"], "OUTPUT_REPORT": str(out / "report.html")}
    process("report", {**asked, "TITLE": "Only two files", "PLACE_CARDS": 2, "MAX_AREA": 20_000})
    page = (out / "report.html").read_text("utf-8")
    assert "Only two files" in page
    assert page.count('class="card') == 2
    assert "Density of the events" not in page
    assert "of the events fell there" not in page


def test_names_of_what_stands_near(city, out):
    names = [f"Bar <{i}>" for i in range(len(city.bars))]
    named = write_layer(
        out / "named.gpkg", "bars", point_wkt(city.bars), {"seats": [1] * len(names), "Pub_Name": names}
    )
    outputs = {"OUTPUT_FINDINGS": str(out / "findings.json"), "CULL": "no"}
    process("run", run_parameters(city, out, FACTORS=[named, city.layer("footpaths")], **outputs))
    document = json.loads((out / "findings.json").read_text("utf-8"))
    model = json.loads((out / "model.json").read_text("utf-8"))
    assert "bars" in {term["factor"] for term in model["selected"]}
    near = [n for card in document["cards"] for n in card["near"] if n["factor"] == "bars"]
    assert near
    assert {n["name"] for n in near} <= set(names)
    page = (out / "report.html").read_text("utf-8")
    assert f"{near[0]['name']}".replace("<", "&lt;").replace(">", "&gt;") in page
    assert "Bar <" not in page


def test_coordinates_of_events_are_nowhere(run_with_findings, city):
    folder, _ = run_with_findings
    texts = [(folder / name).read_text("utf-8") for name in ("report.html", "findings.json", "model.json")]
    for x, y in np.round(city.events, 2):
        for text in texts:
            assert f"{x:.2f}".rstrip("0") not in text
            assert f"{y:.2f}".rstrip("0") not in text


def test_no_cards_when_none_are_wanted(city, out):
    process("run", run_parameters(city, out, PLACE_CARDS=0, CULL="no"))
    page = (out / "report.html").read_text("utf-8")
    assert 'class="card' not in page
    assert 'href="#cards"' not in page


def test_the_same_bytes_twice(chain, out):
    asked = {"MODEL": chain["model"], "TERRAIN": chain["terrain"], "COUNTS": chain["counts"]}
    for name in "ab":
        outputs = {"OUTPUT_REPORT": str(out / f"{name}.html"), "OUTPUT_FINDINGS": str(out / f"{name}.json")}
        process("report", {**asked, **outputs})
    assert (out / "a.html").read_bytes() == (out / "b.html").read_bytes()
    assert (out / "a.json").read_bytes() == (out / "b.json").read_bytes()


def test_other_events_than_those_fitted_on_are_told(city, chain, out):
    few = write_layer(out / "few.gpkg", "few", point_wkt(city.events[:50]))
    process("countevents", {"GRID": chain["grid"], "EVENTS": few, "OUTPUT": str(out / "few.tif")})
    asked = {"MODEL": chain["model"], "TERRAIN": chain["terrain"], "COUNTS": str(out / "few.tif")}
    process("report", {**asked, "OUTPUT_REPORT": str(out / "report.html")})
    page = (out / "report.html").read_text("utf-8")
    assert re.search(r"The event counts hold 50 events, but the model was fitted on \d+", page)


def test_layer_of_no_factor_is_told_and_left_out(city, chain, out):
    log = Log()
    asked = {"MODEL": chain["model"], "TERRAIN": chain["terrain"], "FACTORS": [city.layer("area")]}
    process("report", {**asked, "OUTPUT_REPORT": str(out / "report.html")}, log)
    assert log.warnings == ["The layer 'area' is none of the model's factors and is left out; rename it if it is one."]


def test_refusals(refused, chain, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text("{}", encoding="utf-8")
    assert refused("report", TERRAIN=chain["expected"]).startswith("The risk terrain raster 'expected' was not made by")
    assert refused("report", OUTPUT_REPORT=None) == (
        "Neither report, findings nor cards are wanted; choose a file for one of them."
    )
    assert refused("report", COUNTS=chain["terrain"]).startswith(
        "The counts raster 'terrain' was not made by rtm:count"
    )
    assert refused("report", MODEL=str(broken)).startswith("The file is not a risk terrain model")


def test_terrain_of_another_model_is_refused(refused, city, tmp_path):
    other = str(tmp_path / "terrain.tif")
    asked = run_parameters(
        city, tmp_path, OUTPUT_TERRAIN=other, FACTORS=[city.layer("kiosks"), city.layer("footpaths")]
    )
    process("run", {**asked, "CULL": "no", "OUTPUT_REPORT": None})
    sentence = refused("report", TERRAIN=other)
    assert sentence.startswith("The risk terrain 'terrain' was not made with this model: it has 390 cells with scores")
    assert sentence.endswith("; choose the terrain of the same run.")
