"""Each step gives what core gives, in files that hold all they should and leave nothing beside them."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr, osr
from risk_terrain.rtm_plugin.core import pipeline
from risk_terrain.rtm_plugin.core.model.document import RiskModel
from running import RUN_FILES, bands, descriptions, files, process
from small_city import FACTORS, TRUE_FACTORS, as_study

KINDS = {"grid": "grid", "counts": "counts", "terrain": "terrain", "expected": "expected", "bars": "candidates"}
EACH_RASTER = pytest.mark.parametrize("name", KINDS)
COLUMNS = [
    "name",
    "factor",
    "operationalisation",
    "distance",
    "direction",
    "cells_exposed",
    "threshold",
    "survived",
    "fate",
    "reason",
    "bic_if_used",
]


@pytest.fixture(scope="module")
def core(city):
    """The same study by core alone, from arrays that QGIS never saw."""
    return pipeline.run(as_study(city), {})


def filled(grid, values, nodata) -> np.ndarray:
    """Values of the kept cells as a whole raster."""
    return grid.raster(np.asarray(values), nodata)


def test_grid(chain, core):
    assert np.array_equal(bands(chain["grid"])[0], core.grid.mask.astype(np.uint8))
    assert 380 < core.grid.cells < 400


def test_counts(chain, core):
    assert np.array_equal(bands(chain["counts"])[0], filled(core.grid, core.events.counts, -1))
    assert core.events.outside >= 3


@pytest.mark.parametrize("factor", FACTORS)
def test_candidates(chain, core, factor):
    block = next(block for block in core.observations.candidates.factors if block.factor == factor)
    expected = [filled(core.grid, block.column(j).astype(np.uint8), 255) for j in range(len(block.candidates))]
    assert np.array_equal(bands(chain[factor]), expected)
    assert descriptions(chain[factor]) == [c.name for c in block.candidates]
    assert len(expected) == 12


def test_model(chain, core):
    model = RiskModel.load(chain["model"])
    assert model.best == core.model.best
    assert model.families == core.model.families
    assert model.candidates == core.model.candidates
    assert [term.factor for term in model.selected] == list(TRUE_FACTORS)
    assert model.verification.status == "verified"


def test_terrain_and_expected(chain, core):
    assert np.array_equal(bands(chain["terrain"])[0], filled(core.grid, core.terrain.scores, -9999))
    assert np.array_equal(bands(chain["expected"])[0], filled(core.grid, core.terrain.expected, -9999))


@EACH_RASTER
def test_raster_format(chain, name):
    """Tiled, compressed, with nodata, description, coordinate reference system and georeference."""
    data = gdal.Open(chain[name])
    band = data.GetRasterBand(1)
    assert data.GetDriver().ShortName == "GTiff"
    assert band.GetBlockSize() == [256, 256]
    assert data.GetMetadataItem("COMPRESSION", "IMAGE_STRUCTURE") == "DEFLATE"
    assert band.GetNoDataValue() == {"grid": 0, "counts": -1, "bars": 255}.get(name, -9999)
    assert data.GetGeoTransform() == (400_000, 100, 0, 302_000, 0, -100)
    assert (data.RasterXSize, data.RasterYSize) == (20, 20)
    assert osr.SpatialReference(data.GetProjection()).GetAuthorityCode(None) == "27700"
    assert all(descriptions(chain[name]))
    if name == "bars":
        assert {data.GetRasterBand(i).DataType for i in range(1, 13)} == {gdal.GDT_Byte}


@EACH_RASTER
def test_raster_metadata(chain, core, name):
    items = gdal.Open(chain[name]).GetMetadata()
    expected = {"RTM_KIND": KINDS[name], "RTM_VERSION": "1", "RTM_CRS": "EPSG:27700"}
    expected |= {"RTM_BLOCK_LENGTH": "200.0", "RTM_CELL_SIZE": "100.0"}
    assert expected.items() <= items.items()
    if name == "counts":
        inside, outside = core.events.inside, core.events.outside
        assert (float(items["RTM_EVENTS_INSIDE"]), float(items["RTM_EVENTS_OUTSIDE"])) == (inside, outside)
    if name == "terrain":
        summary = core.terrain.summary
        found = [float(items[f"RTM_SCORE_{part}"]) for part in ("MIN", "MEAN", "SD", "MAX")]
        assert found == pytest.approx([summary.min, summary.mean, summary.sd, summary.max], rel=1e-9)
    if name in ("grid", "counts", "bars"):
        assert [source["features"] for source in json.loads(items["RTM_SOURCES"])] == [
            {"grid": 1, "counts": 193, "bars": 26}[name]
        ]


def test_candidate_band_metadata(chain, core):
    data = gdal.Open(chain["footpaths"])
    block = core.observations.candidates.factors[1]
    for number, candidate in enumerate(block.candidates, 1):
        items = data.GetRasterBand(number).GetMetadata()
        assert items["RTM_FACTOR"] == "footpaths"
        assert items["RTM_OPERATIONALISATION"] == candidate.operationalisation
        assert float(items["RTM_DISTANCE"]) == candidate.distance
        assert items["RTM_DIRECTION"] == "aggravating"
        threshold = items.get("RTM_THRESHOLD")
        assert (float(threshold) if threshold else None) == candidate.threshold


def test_numbers_that_the_steps_return(city, core, out):
    grid = process(
        "studygrid", {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200, "OUTPUT": str(out / "grid.tif")}
    )
    assert grid["CELL_COUNT"] == core.grid.cells
    given = {"GRID": grid["OUTPUT"]}
    counts = process("countevents", {**given, "EVENTS": city.layer("events"), "OUTPUT": str(out / "c.tif")})
    assert (counts["EVENTS_INSIDE"], counts["EVENTS_OUTSIDE"]) == (core.events.inside, core.events.outside)
    factor = {"FACTOR": city.layer("parks"), "NAME": "green", "MAX_BLOCKS": 1, "INCREMENT": "whole"}
    made = process("operationalise", {**given, **factor, "OUTPUT": str(out / "green.tif")})
    assert (made["CANDIDATE_COUNT"], made["FEATURE_COUNT"]) == (2, 2)
    assert descriptions(made["OUTPUT"]) == ["green_proximity_200", "green_density_200"]


def test_numbers_of_the_terrain_and_the_model(chain, core, out):
    given = {"CANDIDATES": [chain[name] for name in FACTORS]}
    scored = process("terrain", {**given, "MODEL": chain["model"], "OUTPUT": str(out / "t.tif")})
    summary = core.terrain.summary
    assert (scored["MEAN"], scored["SD"], scored["MAX"]) == (summary.mean, summary.sd, summary.max)
    fitted = process("selectmodel", {**given, "COUNTS": chain["counts"], "OUTPUT_MODEL": str(out / "m.json")})
    assert (fitted["FAMILY"], fitted["FACTOR_COUNT"]) == (core.model.family, 2)
    assert fitted["BIC"] == core.model.best.bic
    assert files(out) == ["m.json", "t.qml", "t.tif"]


def table_rows(path) -> list[dict]:
    """Rows of the candidate table by OGR."""
    data = ogr.Open(str(path))
    layer = data.GetLayer(0)
    names = [layer.GetLayerDefn().GetFieldDefn(i).GetName() for i in range(layer.GetLayerDefn().GetFieldCount())]
    assert names == COLUMNS
    return [{name: feature.GetField(name) for name in names} for feature in layer]


def test_candidate_table_as_geopackage(chain, core):
    rows = table_rows(chain["table"])
    assert len(rows) == 48
    for row, fate in zip(rows, core.model.candidates, strict=True):
        assert {name: row[name] for name in COLUMNS} == {name: getattr(fate, name) for name in COLUMNS}


def test_candidate_table_as_csv(whole_run, core):
    with open(whole_run[0] / "table.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == COLUMNS
    assert [row["name"] for row in rows] == [fate.name for fate in core.model.candidates]
    assert {row["fate"] for row in rows} >= {"selected", "culled"}
    assert all(row["reason"].endswith(".") for row in rows)


def test_model_file_has_the_keys_that_others_read(whole_run):
    model = whole_run[3]
    assert (model["format"], model["version"]) == ("risk-terrain-model", 1)
    assert {"cells", "cells_with_events", "cell_size", "block_length", "crs", "extent"} <= model["grid"].keys()
    assert model["events"].keys() == {"inside", "outside", "start", "end", "left_out", "days"}
    wanted = {"name", "factor", "operationalisation", "distance", "cells_exposed", "survived", "fate"}
    assert all(wanted <= candidate.keys() for candidate in model["candidates"])
    term = {"name", "factor", "operationalisation", "distance", "direction", "coefficient", "standard_error"}
    assert all(term | {"p_value", "rrv"} <= selected.keys() for selected in model["selected"])
    numbers = {"intercept", "dispersion", "log_likelihood", "bic"}
    assert numbers <= model.keys()
    assert model["families"].keys() == {"poisson", "nb1"}
    assert all(numbers | {"selected", "steps"} <= family.keys() for family in model["families"].values())
    assert model["families"]["poisson"]["dispersion"] is None
    assert model["score"].keys() == {"min", "mean", "sd", "max"}
    assert model["score"]["min"] == 1
    provenance = {"plugin", "qgis", "numpy", "scipy", "statsmodels", "started", "seconds", "parameters", "inputs"}
    assert provenance <= model["provenance"].keys()


def test_provenance_names_the_inputs(whole_run, chain):
    inputs = whole_run[3]["provenance"]["inputs"]
    assert [(i["role"], i["name"], i["features"]) for i in inputs[:2]] == [
        ("study area", "area", 1),
        ("events", "events", 193),
    ]
    assert [i["name"] for i in inputs if i["role"] == "factor"] == list(FACTORS)
    with open(chain["model"], encoding="utf-8") as file:
        steps = json.load(file)["provenance"]["inputs"]
    by_name = {i["name"]: i["sha256"] for i in inputs}
    assert {i["name"]: i["sha256"] for i in steps}.items() <= by_name.items()
    assert all(len(hash_) == 64 for hash_ in by_name.values())


def test_no_stray_file(whole_run, chain):
    """A style beside every raster and places file; no .aux.xml, nothing hidden, nothing else."""
    assert files(whole_run[0]) == RUN_FILES
    rasters = ["grid", "counts", "terrain", "expected", "forecast", *FACTORS]
    expected = [f"{name}.{ending}" for name in rasters for ending in ("tif", "qml")]
    expected += ["model.json", "table.gpkg", "places.gpkg", "places.qml"]
    assert files(Path(chain["grid"]).parent) == sorted(expected)
