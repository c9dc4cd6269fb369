"""rtm:crossvalidate on the small city: what core finds is in its tables, raster, JSON and log."""

import csv
import json

import numpy as np
import pytest
from osgeo import gdal
from risk_terrain.rtm_plugin.core import pipeline
from risk_terrain.rtm_plugin.core.accuracy.crossvalidation import compare
from risk_terrain.rtm_plugin.core.accuracy.folds import area_folds, block_folds, random_folds
from risk_terrain.rtm_plugin.core.documents.settings import SelectionSettings
from running import Log, bands, descriptions, files, process
from small_city import as_study, moved, polygon_features, wkt, write_layer

FACTORS = ("bars", "footpaths", "parks")
BLOCKS = {"BLOCK_SIZE": 500, "BUFFER": 100, "CULL": "no", "FAMILY": "poisson"}
SETTINGS = SelectionSettings("poisson", cull=False)
HALVES = {
    "<b>east</b>": [(1000, 0), (2100, 0), (2100, 2100), (1000, 2100), (1000, 0)],
    "=west": [(0, 0), (1000, 0), (1000, 1000), (0, 1000), (0, 0)],
}


@pytest.fixture(scope="module")
def observed(city):
    return pipeline.run(as_study(city, FACTORS, selection=SETTINGS), {}).observations


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The run without changes is made once: folder, results, log."""
    return {"folder": tmp_path_factory.mktemp("by_blocks")}


@pytest.fixture
def by_blocks(kept, run):
    if "run" not in kept:
        kept["run"] = run(kept["folder"])
    return kept["run"]


@pytest.fixture
def run(chain, out):
    def crossvalidate(folder="", **changes):
        place = out / folder
        given = {"COUNTS": chain["counts"], "CANDIDATES": [chain[name] for name in FACTORS], **BLOCKS}
        outputs = {
            "OUTPUT_TABLE": "folds.csv",
            "OUTPUT_SELECTION": "selection.csv",
            "OUTPUT_EXPECTED": "expected.tif",
            "OUTPUT_JSON": "result.json",
        }
        log = Log()
        targets = {name: str(place / file) for name, file in outputs.items()}
        return place, process("crossvalidate", {**given, **targets, **changes}, log), log

    return crossvalidate


def square(x: float, y: float) -> list[tuple[float, float]]:
    """The ring of a cell from its lower left corner."""
    return [(x, y), (x + 100, y), (x + 100, y + 100), (x, y + 100), (x, y)]


def table(path) -> list[dict]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_blocks(by_blocks, observed):
    """The same as core: accuracy, folds, selection, and the raster of expected counts."""
    folder, results, log = by_blocks
    spatial = block_folds(observed.grid, observed.counts, 500.0, 5, 100.0, seed=1)
    core = compare(observed, spatial, random_folds(observed.counts, 5, seed=1), SETTINGS)
    assert results["PAI_SPATIAL"] == core.spatial.accuracy[2].pai.expected
    assert results["PAI_RANDOM"] == core.random.accuracy[2].pai.expected
    rows = table(folder / "folds.csv")
    assert len(rows) == 5 + 2 * (5 + 5 * 5)
    pooled = [row for row in rows if row["fold"] == "0"]
    expected = [
        row.pai.expected for rows in (core.apparent, core.random.accuracy, core.spatial.accuracy) for row in rows
    ]
    assert [float(row["pai"]) for row in pooled] == pytest.approx(expected)
    assert [row["kind"] for row in pooled] == ["apparent"] * 5 + ["random"] * 5 + ["spatial"] * 5
    second = [row for row in rows if (row["kind"], row["fold"]) == ("spatial", "2")]
    fold = core.spatial.folds[1]
    assert {row["units"] for row in second} == {"; ".join(fold.units)}
    assert {(int(row["cells_fitted"]), int(row["cells"])) for row in second} == {(fold.fitted, fold.cells)}
    assert [float(row["deviance"]) for row in second] == pytest.approx([fold.deviance] * 5)
    raster = bands(folder / "expected.tif")[0]
    assert np.array_equal(raster[observed.grid.mask], core.spatial.expected.astype(np.float32))
    assert (raster[~observed.grid.mask] == -9999).all()
    assert descriptions(folder / "expected.tif") == ["expected events, by models that had not seen the cell"]
    assert "5 spatial folds of 16 square blocks with a side of 500, with a buffer of 100." in log.notes
    assert "  bars: selected in 5 of 5 spatial folds and 5 of 5 random folds" in log.notes
    names = ["expected.qml", "expected.tif", "folds.csv", "result.json", "selection.csv"]
    assert files(folder) == names


def test_how_often_factors_are_selected(run):
    """By the selection alone: four fifths of 400 cells do not establish the weaker of the two in every fold."""
    folder, *_ = run(SIGNIFICANCE="plain")
    rows = {(row["factor"], row["candidate"]): row for row in table(folder / "selection.csv")}
    assert [factor for factor, candidate in rows if not candidate] == list(FACTORS)
    for factor in ("bars", "footpaths"):
        assert rows[factor, ""]["spatial"] == rows[factor, ""]["spatial_folds"] == "5"
        own = [int(row["spatial"]) for (f, candidate), row in rows.items() if f == factor and candidate]
        assert sum(own) == 5
    assert rows["parks", ""]["all_cells"] == "0"
    assert rows["bars", ""]["all_cells"] == "1"


def test_json_holds_the_same(by_blocks):
    folder, results, _ = by_blocks
    document = json.loads((folder / "result.json").read_text("utf-8"))
    assert (document["format"], document["version"]) == ("risk-terrain-crossvalidation", 1)
    assert document["spatial"]["accuracy"][2]["pai"]["expected"] == results["PAI_SPATIAL"]
    assert len(document["spatial"]["folds"]) == len(document["random"]["folds"]) == 5
    assert document["provenance"]["parameters"]["BLOCK_SIZE"] == 500
    assert {item["name"] for item in document["provenance"]["inputs"]} >= {"events", "bars"}


def test_areas(run, observed, tmp_path):
    """Areas named in HTML and as a formula; cells in none of them are never held out."""
    source = write_layer(
        tmp_path / "a.gpkg", "areas", [wkt("POLYGON", [moved(ring)]) for ring in HALVES.values()], {"name": [*HALVES]}
    )
    folder, results, log = run(AREAS=source, AREA_FIELD="name")
    areas = [(name, polygon_features([[ring]])) for name, ring in HALVES.items()]
    folds = area_folds(observed.grid, areas, observed.counts, 5, 100.0, seed=1)
    core = compare(observed, folds, random_folds(observed.counts, 2, seed=1), SETTINGS)
    assert results["PAI_SPATIAL"] == core.spatial.accuracy[2].pai.expected
    never = int((folds.label < 0).sum())
    assert f"{never:,} cells lie in none of the areas and are never held out." in log.notes
    assert "2 spatial folds of 2 areas of 'areas', with a buffer of 100." in log.notes
    units = {row["units"] for row in table(folder / "folds.csv") if row["kind"] == "spatial" and row["fold"] != "0"}
    assert units == {"<b>east</b>", "'=west"}, "a spreadsheet would take the name for a formula"
    data = gdal.Open(str(folder / "expected.tif"))
    assert int((data.ReadAsArray() == -9999).sum()) == never + int((~observed.grid.mask).sum())
    numbered, *_ = run("numbered", AREAS=source, SIGNIFICANCE="plain")
    units = {row["units"] for row in table(numbered / "folds.csv") if row["kind"] == "spatial" and row["fold"] != "0"}
    assert units == {"1", "2"}


def test_defaults_of_block_and_buffer(run):
    _, _, log = run(BLOCK_SIZE=None, BUFFER=None, HELD_OUT_FOLDS=2)
    assert "2 spatial folds of 4 square blocks with a side of 1200, with a buffer of 200." in log.notes


def test_the_same_bytes_twice(by_blocks, run):
    one, other = by_blocks[0], run("other")[0]
    for name in ("folds.csv", "selection.csv", "expected.tif"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_exposure(run, chain):
    """Covariates reach every fold."""
    _, results, _ = run(EXPOSURE=chain["expected"], ADJUST=[chain["terrain"]])
    assert results["PAI_SPATIAL"] > 1


def test_refusals(refused, city, chain, tmp_path):
    assert refused("crossvalidate", BLOCK_SIZE=50) == (
        "The side of the blocks is 50; it must be at least that of a cell, 100 map units."
    )
    assert refused("crossvalidate", BLOCK_SIZE=9000).endswith("cover all cells with one block; choose smaller blocks.")
    assert refused("crossvalidate", BUFFER=5000) == (
        "Without spatial fold 1 and its buffer, 0 cells with 0 events are left to fit on, too few; choose more folds, "
        "smaller blocks or a smaller buffer."
    )
    assert refused("crossvalidate", AREAS=city.layer("area")) == (
        "Only 1 of the areas holds cells of the study, and two are needed to hold one out; choose areas that divide "
        "the study area."
    )
    assert refused("crossvalidate", AREAS=city.layer("bars")) == (
        "The layer 'bars' holds point features, where polygons are needed; choose another layer."
    )
    assert refused("crossvalidate", AREAS=city.layer("area"), AREA_FIELD="district") == (
        "The layer 'area' has no field 'district'; choose one of its fields."
    )
    assert refused("crossvalidate", COUNTS=chain["terrain"]) == (
        "The event count raster 'terrain' was not made by rtm:countevents; run that first and choose its output."
    )
    row, column = np.argwhere(bands(chain["counts"])[0] == 0)[:2].T
    quiet = [wkt("POLYGON", [moved(square(100 * x, 1900 - 100 * y))]) for x, y in zip(column, row, strict=True)]
    assert refused("crossvalidate", AREAS=write_layer(tmp_path / "q.gpkg", "quiet", quiet)) == (
        "No event lies in the areas to hold out; choose areas that cover the events."
    )
