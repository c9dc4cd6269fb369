"""rtm:diagnose: figures recomputed from the rasters, and a city in which four things are wrong, all of them told."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from risk_terrain.algorithms.shared.outputs import save_candidates, save_counts
from risk_terrain.rtm_plugin.adapters.files import Staging
from risk_terrain.rtm_plugin.core.candidates.columns import Candidate, FactorCandidates
from risk_terrain.rtm_plugin.core.ground.grid import Grid
from risk_terrain.rtm_plugin.core.study import Events
from running import Log, bands, descriptions, files, process, refusal
from small_city import FACTORS

SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "resources/schema/diagnosis.schema.json").read_text("utf-8"))
OUTPUTS = {
    "OUTPUT_TABLE": "checks.csv",
    "OUTPUT_RESIDUALS": "residuals.tif",
    "OUTPUT_CORRELOGRAM": "likeness.csv",
    "OUTPUT_JSON": "diagnosis.json",
    "OUTPUT_REPORT": "page.html",
}


def parameters(chain, folder, **changes) -> dict:
    return {
        "MODEL": chain["model"],
        "COUNTS": chain["counts"],
        "CANDIDATES": [chain[name] for name in FACTORS],
        "PERMUTATIONS": 99,
        **{name: str(folder / file) for name, file in OUTPUTS.items()},
        **changes,
    }


def rows(path) -> list[dict]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def _kept():
    return {}


@pytest.fixture
def diagnosed(_kept, chain, tmp_path_factory):
    """The small city, once: folder, results, log. Look, do not touch."""
    if "city" not in _kept:
        folder, log = tmp_path_factory.mktemp("diagnosed"), Log()
        _kept["city"] = folder, process("diagnose", parameters(chain, folder), log), log
    return _kept["city"]


def test_what_it_writes(diagnosed):
    folder, results, log = diagnosed
    assert files(folder) == sorted([*OUTPUTS.values(), "residuals.qml"])
    assert log.errors == []
    table, document = rows(folder / "checks.csv"), json.loads((folder / "diagnosis.json").read_text("utf-8"))
    assert [row["check"] for row in table] == [check["name"] for check in document["checks"]]
    assert [row["sentence"] for row in table] == [check["sentence"] for check in document["checks"]]
    warned = [row for row in table if row["severity"] == "warning"]
    assert results["WARNINGS"] == len(warned) == len(log.warnings)
    assert results["MORAN"] == pytest.approx(document["moran"]["statistic"])
    assert results["MORAN_P"] == document["moran"]["p"]
    page = (folder / "page.html").read_text("utf-8")
    for row in table:
        assert row["sentence"].replace("'", "&#39;") in page
        assert f"{row['check']}: {row['sentence']}" in (log.warnings if row in warned else log.notes)
    assert list(Draft202012Validator(SCHEMA).iter_errors(document)) == []


def test_schema_can_fail(diagnosed):
    Draft202012Validator.check_schema(SCHEMA)
    document = json.loads((diagnosed[0] / "diagnosis.json").read_text("utf-8"))
    for name in document:
        less = {key: value for key, value in document.items() if key != name}
        assert list(Draft202012Validator(SCHEMA).iter_errors(less)), name
    document["checks"][0]["severity"] = "error"
    assert list(Draft202012Validator(SCHEMA).iter_errors(document))


def test_residuals_from_the_rasters(diagnosed, chain):
    """(y − μ)/√(μ(1 + σ)), by the expected counts of rtm:terrain and the dispersion in the model file."""
    model = json.loads(Path(chain["model"]).read_text("utf-8"))
    counts, expected, residuals = (
        bands(path)[0].astype(float) for path in (chain["counts"], chain["expected"], diagnosed[0] / "residuals.tif")
    )
    inside = counts >= 0
    assert (residuals[~inside] == -9999).all()
    spread = expected[inside] * (1 + (model["dispersion"] if model["family"] == "nb1" else 0))
    assert residuals[inside] == pytest.approx((counts[inside] - expected[inside]) / np.sqrt(spread), rel=1e-4, abs=1e-5)
    assert descriptions(diagnosed[0] / "residuals.tif") == ["Pearson residual"]


def test_moran_and_its_correlogram_from_the_raster(diagnosed):
    """By loops over the cells of the raster that was written."""
    raster = bands(diagnosed[0] / "residuals.tif")[0].astype(float)
    at = np.argwhere(raster != -9999)
    z = raster[tuple(at.T)]
    z = z - z.mean()
    apart = np.abs(at[:, None] - at[None]).max(axis=2)
    table = rows(diagnosed[0] / "likeness.csv")
    for row in table[1:4]:
        ring = (apart == int(row["lag"])).astype(float)
        number = ring.sum(axis=1)
        mean = np.divide(ring @ z, number, out=np.zeros(len(z)), where=number > 0)
        statistic = (z @ mean) / np.count_nonzero(number) / (z @ z / len(z))
        assert float(row["moran"]) == pytest.approx(statistic, rel=1e-4, abs=1e-6)
        assert float(row["moran_distance"]) == 100 * int(row["lag"])
        assert float(row["moran_expected"]) == pytest.approx(-1 / (len(z) - 1))
        assert int(row["cells"]) == np.count_nonzero(number)
    assert table[0]["lag"] == "0"
    assert table[0]["moran"] == ""
    assert diagnosed[1]["MORAN"] == pytest.approx(float(table[1]["moran"]))


def test_candidates_from_the_rasters(diagnosed, chain):
    """Both sides of every candidate, culled or not."""
    counts = bands(chain["counts"])[0].astype(float)
    inside = counts >= 0
    document = json.loads((diagnosed[0] / "diagnosis.json").read_text("utf-8"))
    told = {one["name"]: one for one in document["candidates"]}
    number = 0
    for factor in FACTORS:
        for name, band in zip(descriptions(chain[factor]), bands(chain[factor]), strict=True):
            exposed = (band == 1) & inside
            rest = inside & ~exposed
            sides = [exposed.sum(), rest.sum(), counts[exposed].sum(), counts[rest].sum()]
            keys = ("cells_exposed", "cells_unexposed", "events_exposed", "events_unexposed")
            assert [told[name][key] for key in keys] == sides
            assert told[name]["rare"] == (min(sides) < 5)
            number += 1
    assert len(told) == number


def test_expected_tenths_and_zeros_from_the_rasters(diagnosed, chain):
    counts, expected = bands(chain["counts"])[0].astype(float), bands(chain["expected"])[0].astype(float)
    inside = counts >= 0
    document = json.loads((diagnosed[0] / "diagnosis.json").read_text("utf-8"))
    top = document["tenths"][-1]
    own = inside & (expected >= top["lowest"] * (1 - 1e-6))
    assert (top["cells"], top["observed"]) == (own.sum(), counts[own].sum())
    assert top["expected"] == pytest.approx(expected[own].sum(), rel=1e-5)
    assert document["rootogram"]["observed"][0] == np.count_nonzero(counts[inside] == 0)
    assert sum(document["rootogram"]["observed"]) == inside.sum()


def test_no_place_of_a_cell_or_event_on_page_or_in_json(diagnosed, city):
    texts = [(diagnosed[0] / name).read_text("utf-8") for name in ("page.html", "diagnosis.json")]
    row = next(row for row in rows(diagnosed[0] / "checks.csv") if row["check"] == "Single cells")
    for text in texts:
        assert f"{float(row['x']):.0f}" not in text.replace(",", "")
        for x, _ in np.round(city.events, 2):
            assert f"{x:.2f}".rstrip("0") not in text
    assert "<script" not in texts[0]


def test_the_same_bytes_twice(chain, out, diagnosed):
    process("diagnose", parameters(chain, out))
    for name in ("checks.csv", "likeness.csv", "residuals.tif"):
        assert (out / name).read_bytes() == (diagnosed[0] / name).read_bytes(), name


SIDE = 24
GRID = Grid(400_000.0, 302_400.0, 100.0, 200.0, np.ones((SIDE, SIDE), bool), "EPSG:27700")


def clumps(seed, share):
    """Cells of a factor, in clumps of 2 × 2."""
    chosen = np.random.default_rng(seed).random((SIDE // 2, SIDE // 2)) < share
    return np.kron(chosen, np.ones((2, 2))).ravel() > 0


@pytest.fixture
def spoilt(_kept, provider, tmp_path_factory):
    """A city of rasters: all events lie at depots, pubs stand where bars do, one cell makes kiosks, wells are too few.

    Folder with the outputs, and the cell.
    """
    if "spoilt" in _kept:
        return _kept["spoilt"]
    random, folder = np.random.default_rng(5), tmp_path_factory.mktemp("spoilt")
    depots, bars = clumps(11, 0.6), clumps(1, 0.3)
    pubs = bars ^ (random.random(GRID.cells) < 0.02)
    kiosks, wells = clumps(4, 0.08), np.arange(GRID.cells) < 3
    counts = random.poisson(np.where(depots, np.exp(0.4 + 1.0 * bars), 0.0)).astype(float)
    cell = int(np.flatnonzero(kiosks & depots & ~bars)[2])
    counts[cell] = 70.0
    sources = {}
    with Staging(Log()) as staging:
        for name, column in (("depots", depots), ("bars", bars), ("pubs", pubs), ("kiosks", kiosks), ("wells", wells)):
            candidate = Candidate(f"{name}_proximity_200", name, "proximity", 200.0, "aggravating")
            sources[name] = str(folder / f"{name}.tif")
            save_candidates(staging, sources[name], GRID, FactorCandidates.from_columns([candidate], [column]), [])
        sources["counts"] = str(folder / "counts.tif")
        save_counts(staging, sources["counts"], GRID, Events(counts, float(counts.sum()), 0.0), [])
    candidates = [sources[name] for name in ("depots", "bars", "pubs", "kiosks", "wells")]
    given = {"COUNTS": sources["counts"], "CANDIDATES": candidates}
    asked = {"CULL": "no", "SIGNIFICANCE": "plain", "FAMILY": "poisson", "OUTPUT_TABLE": None}
    process("selectmodel", {**given, **asked, "OUTPUT_MODEL": str(folder / "model.json")})
    out = folder / "out"
    out.mkdir()
    outputs = {name: str(out / file) for name, file in OUTPUTS.items()}
    process("diagnose", {**given, "MODEL": str(folder / "model.json"), "RULE": "share", "VALUE": 5, **outputs})
    _kept["spoilt"] = out, cell
    return _kept["spoilt"]


def test_what_is_wrong_is_told(spoilt):
    folder, cell = spoilt
    model = json.loads((folder.parent / "model.json").read_text("utf-8"))
    assert {term["factor"] for term in model["selected"]} >= {"depots", "kiosks"}
    told = {row["check"]: row for row in rows(folder / "checks.csv")}
    assert told["Separation"]["severity"] == "warning"
    assert told["Separation"]["sentence"].startswith("'depots' leaves no event on one side, so that no ratio can be")
    assert told["Separation"]["number"] == "1"
    assert told["Single cells"]["severity"] == "warning"
    assert told["Single cells"]["sentence"].startswith(
        "The interval of 'kiosks' reaches 1 as soon as one single cell is left out, with 70 events: look at"
    )
    assert [float(told["Single cells"][axis]) for axis in "xy"] == GRID.centres[cell].tolist()
    in_model, other = ("bars", "pubs") if "bars" in {t["factor"] for t in model["selected"]} else ("pubs", "bars")
    assert told["Factors that could stand for another"]["severity"] == "warning"
    assert told["Factors that could stand for another"]["sentence"].startswith(
        f"'{other}', which is not in the model, is in nearly the same cells as '{in_model}', which is:"
    )
    assert told["Rare exposure"]["sentence"].startswith(
        "All candidates of 'wells' have fewer than five events or cells on one side, so that nothing could be found"
    )
    assert {row["x"] for name, row in told.items() if name != "Single cells"} == {""}
    page = (folder / "page.html").read_text("utf-8")
    warned = sum(row["severity"] == "warning" for row in told.values())
    assert f"{warned} of {len(told)}\u00a0checks give a warning." in page
    assert (
        list(Draft202012Validator(SCHEMA).iter_errors(json.loads((folder / "diagnosis.json").read_text("utf-8")))) == []
    )


def test_a_lacking_factor_is_told(chain, out):
    log = Log()
    process("diagnose", parameters(chain, out, CANDIDATES=[chain["bars"], chain["footpaths"]]), log)
    assert (
        "The model was offered candidates of parks, kiosks that are not among these rasters, so nothing can be said of "
        "them; add their rasters."
    ) in log.warnings


def test_exposure_and_adjustment(city, chain, out):
    """The model takes them, so the check must; without them it is refused in the words of rtm:terrain."""
    given = {"COUNTS": chain["counts"], "CANDIDATES": [chain["bars"], chain["footpaths"]]}
    layers = {"EXPOSURE": chain["grid"], "ADJUST": [chain["expected"]]}
    model = str(out / "model.json")
    quick = {"CULL": "no", "FAMILY": "poisson", "SIGNIFICANCE": "plain", "OUTPUT_TABLE": None}
    process("selectmodel", {**given, **layers, **quick, "OUTPUT_MODEL": model})
    table = {"MODEL": model, **given, "OUTPUT_TABLE": str(out / "checks.csv")}
    unwanted = {"OUTPUT_RESIDUALS": None, "OUTPUT_REPORT": None, "PERMUTATIONS": 19}
    process("diagnose", {**table, **layers, **unwanted})
    assert any(row["check"] == "Spread of the counts" for row in rows(out / "checks.csv"))
    assert refusal("diagnose", {**table, **unwanted}).startswith("The model was fitted with expected as adjustment")


def test_refusals(city, chain, out):
    asked = parameters(chain, out)
    assert refusal("diagnose", {**asked, "COUNTS": chain["terrain"]}).startswith(
        "The event count raster 'terrain' was not"
    )
    assert refusal("diagnose", {**asked, "CANDIDATES": [chain["bars"]]}).startswith("The model uses the candidate")
    half = str(out.parent / "half.tif")
    process("countevents", {"GRID": chain["grid"], "EVENTS": city.layer("kiosks"), "OUTPUT": half})
    assert "a model is checked on its own events, so choose the counts that it was fitted on." in refusal(
        "diagnose", {**asked, "COUNTS": half}
    )
    broken = out.parent / "broken.json"
    broken.write_text("{}", encoding="utf-8")
    assert refusal("diagnose", {**asked, "MODEL": str(broken)}).startswith("The file is not a risk terrain model")
    assert files(out) == []
