"""EXPOSURE and ADJUST: the same in one go as step by step, cells without exposure blank, other grids refused."""

import json

import numpy as np
import pytest
from osgeo import gdal, osr
from running import Log, bands, only_terrain, process
from small_city import ORIGIN

CELL = 100.0
GRID_NOTE = "make it on the study grid, for instance with rtm:countevents."


def write_raster(path, values, x=0.0, y=2000.0, cell=CELL):
    """A plain GeoTIFF that another tool could have made; x, y local metres of its upper left corner."""
    data = gdal.GetDriverByName("GTiff").Create(str(path), values.shape[1], values.shape[0], 1, gdal.GDT_Float64)
    data.SetGeoTransform((ORIGIN[0] + x, cell, 0, ORIGIN[1] + y, 0, -cell))
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(27700)
    data.SetProjection(crs.ExportToWkt())
    data.GetRasterBand(1).WriteArray(values)
    return str(path)


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """Dwellings on more ground than the study area: 1 to 40 in a cell, none in its first three columns."""
    values = np.random.default_rng(6).integers(1, 41, (24, 24)).astype(float)
    values[:, :5] = 0
    return write_raster(tmp_path_factory.mktemp("homes") / "homes.tif", values, x=-200, y=2200)


@pytest.fixture(scope="module")
def income(tmp_path_factory):
    values = np.random.default_rng(7).normal(30, 6, (20, 20))
    return write_raster(tmp_path_factory.mktemp("income") / "income.tif", values)


def test_run_and_steps_agree(city, chain, out, homes, income):
    given = {"EXPOSURE": homes, "ADJUST": [income]}
    log = Log()
    process("run", only_terrain(city, out, OUTPUT_EXPECTED=str(out / "expected.tif"), **given), log)
    rasters = [chain[source.rsplit("=", 1)[1]] for source in city.factors]
    settings = {"CULL": "no", "FAMILY": "poisson"}
    step = {name: str(out / f"step_{name}") for name in ("model.json", "terrain.tif", "expected.tif")}
    asked = {"COUNTS": chain["counts"], "CANDIDATES": rasters, "OUTPUT_MODEL": step["model.json"], **settings}
    process("selectmodel", {**asked, **given, "OUTPUT_TABLE": None})
    scored = {"MODEL": step["model.json"], "CANDIDATES": rasters, **given}
    process("terrain", {**scored, "OUTPUT": step["terrain.tif"], "OUTPUT_EXPECTED": step["expected.tif"]})
    for name in ("terrain.tif", "expected.tif"):
        assert (out / name).read_bytes() == (out / f"step_{name}").read_bytes()
    model = json.loads((out / "model.json").read_text(encoding="utf-8"))
    assert [term["name"] for term in model["adjustments"]] == ["income"]
    assert model["exposure"]["name"] == "homes"
    assert model["verification"]["status"] == "verified"


def test_cells_without_exposure_are_blank_and_named(city, out, homes):
    log = Log()
    process("run", only_terrain(city, out, EXPOSURE=homes), log)
    scored = bands(out / "terrain.tif")[0] != -9999
    assert not scored[:, :3].any()
    model = json.loads((out / "model.json").read_text(encoding="utf-8"))
    cells, events = model["exposure"]["cells_without"], model["exposure"]["events_without"]
    assert model["grid"]["cells"] == np.count_nonzero(scored)
    assert cells > 0
    assert (
        f"{cells:,} cells have no exposure in 'homes' and get no score; {events:,.0f} events in them were left out "
        "of the fit."
    ) in log.warnings


def test_expected_counts_grow_with_exposure(city, out, homes):
    """Among cells of one score, expected counts are in proportion to the dwellings."""
    process("run", only_terrain(city, out, EXPOSURE=homes, OUTPUT_EXPECTED=str(out / "expected.tif")))
    score, expected = bands(out / "terrain.tif")[0], bands(out / "expected.tif")[0]
    dwellings = bands(homes)[0][2:22, 2:22]
    lowest = score == 1
    ratio = expected[lowest] / dwellings[lowest]
    assert ratio == pytest.approx(np.full(len(ratio), ratio[0]), rel=1e-5)


def test_other_grids_are_refused(refused, tmp_path):
    coarse = write_raster(tmp_path / "coarse.tif", np.ones((10, 10)), cell=200.0)
    shifted = write_raster(tmp_path / "shifted.tif", np.ones((20, 20)), x=30)
    for path, name in ((coarse, "coarse"), (shifted, "shifted")):
        sentence = f"The raster '{name}' has other cells than the study grid (100 map units); {GRID_NOTE}"
        assert refused("run", EXPOSURE=path) == sentence
        assert refused("selectmodel", ADJUST=[path]) == sentence


def test_scoring_without_the_exposure_is_refused(refused, city, chain, tmp_path, homes):
    model = str(tmp_path / "model.json")
    asked = {"COUNTS": chain["counts"], "CANDIDATES": [chain["bars"], chain["footpaths"]], "EXPOSURE": homes}
    process("selectmodel", {**asked, "OUTPUT_MODEL": model, "OUTPUT_TABLE": None})
    sentence = "The model was fitted with the exposure 'homes'; score it in the same way."
    assert refused("terrain", MODEL=model) == sentence


def test_adjustment_with_gaps_is_refused(refused, tmp_path):
    small = write_raster(tmp_path / "small.tif", np.random.default_rng(1).random((20, 10)))
    assert refused("run", ADJUST=[small]).startswith("The adjustment layer 'small' has no value in ")


def test_report_tells_exposure_and_adjustment(city, out, homes, income):
    """They are in the table, the warnings and the formula; no expected count is tied to a score."""
    report = str(out / "report.html")
    process("run", only_terrain(city, out, EXPOSURE=homes, ADJUST=[income], OUTPUT_REPORT=report))
    page = (out / "report.html").read_text(encoding="utf-8")
    model = json.loads((out / "model.json").read_text(encoding="utf-8"))
    (term,) = model["adjustments"]
    assert "Rates are per unit of the exposure" in page
    assert "adjusted for income" in page
    assert "<td>Adjustment</td>" in page
    assert f"{abs(term['coefficient']):.4f}" in page
    assert f"- {term['mean']:.6g}) / {term['sd']:.6g}) * &#34;homes&#34;" in page
    assert "A cell with the lowest score is expected to hold" not in page
