"""Rasters that are foreign, damaged, of another kind, of another grid or newer: a sentence, and nothing left."""

from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from running import process

OTHER_CELLS = "The raster 'other' has other cells than the first one; make all rasters from the same study grid."
NOT_CANDIDATES = "The candidate raster '{}' was not made by rtm:operationalise; run that first and choose its output."


@pytest.fixture
def tampered(chain, tmp_path):
    """A copy of a result with its metadata, bands' metadata or values changed; its path."""

    def make(name: str, items=None, band_items=None, values=None, without=()) -> str:
        path = tmp_path / f"{name}_{len(list(tmp_path.iterdir()))}.tif"
        data = gdal.GetDriverByName("GTiff").CreateCopy(str(path), gdal.Open(chain[name]))
        kept = {key: value for key, value in data.GetMetadata().items() if key not in without}
        data.SetMetadata({**kept, **(items or {})})
        band = data.GetRasterBand(1)
        if band_items is not None:
            band.SetMetadata(band_items)
        if values is not None:  # as in a file of 0.1.0, which does not tell whether it was changed
            band.SetMetadata({key: item for key, item in band.GetMetadata().items() if key != "RTM_DIGEST"})
            band.WriteArray(values(band.ReadAsArray()))
        del band, data
        return str(path)

    return make


@pytest.fixture
def other(city, tmp_path):
    """Grid and candidates of other cells."""
    grid, bars = str(tmp_path / "othergrid.tif"), str(tmp_path / "other.tif")
    process("studygrid", {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 250, "OUTPUT": grid})
    process("operationalise", {"GRID": grid, "FACTOR": city.layer("bars"), "OUTPUT": bars})
    return bars


def test_rasters_of_another_grid(refused, chain, other):
    assert refused("selectmodel", CANDIDATES=[chain["bars"], other]) == OTHER_CELLS
    assert refused("terrain", CANDIDATES=[chain["bars"], other]) == OTHER_CELLS
    given = {"MODEL": chain["model"], "CANDIDATES": [chain["bars"], other]}
    assert refused("priorityplaces", **given) == OTHER_CELLS


@pytest.mark.parametrize("algorithm", ["selectmodel", "terrain"])
def test_rasters_of_another_kind_as_candidates(refused, chain, algorithm):
    assert refused(algorithm, CANDIDATES=[chain["terrain"]]) == NOT_CANDIDATES.format("terrain")


def test_rasters_of_another_kind_elsewhere(refused, chain):
    """Counts and terrain are not mistaken for one another."""
    wrong = "The {} raster '{}' was not made by {}; run that first and choose its output."
    assert refused("selectmodel", COUNTS=chain["bars"]) == wrong.format("event count", "bars", "rtm:countevents")
    assert refused("selectmodel", COUNTS=chain["grid"]) == wrong.format("event count", "grid", "rtm:countevents")
    assert refused("priorityplaces", TERRAIN=chain["bars"]) == wrong.format("risk terrain", "bars", "rtm:terrain")
    assert refused("priorityplaces", EXPECTED=chain["terrain"]) == wrong.format("expected", "terrain", "rtm:terrain")
    assert refused("priorityplaces", COUNTS=chain["terrain"]) == wrong.format("counts", "terrain", "rtm:countevents")


def test_counts_that_are_not_whole(refused, city, chain, tmp_path):
    path = str(tmp_path / "half.tif")
    asked = {"GRID": chain["grid"], "EVENTS": city.layer("events"), "WEIGHT_FIELD": "half"}
    process("countevents", {**asked, "OUTPUT": path})
    assert refused("selectmodel", COUNTS=path) == (
        "The event counts are not all whole numbers of 0 or more; a count model needs plain counts, so count the "
        "events without a weight, or with whole-number weights."
    )


def test_raster_without_a_value(refused, tampered):
    empty = tampered("grid", values=np.zeros_like)
    name = Path(empty).stem
    assert refused("countevents", GRID=empty) == (
        f"The raster '{name}' has no cell with a value; make it with rtm:studygrid."
    )


def test_raster_of_a_newer_version(refused, tampered):
    newer = tampered("grid", items={"RTM_VERSION": "99"})
    name = Path(newer).stem
    assert refused("countevents", GRID=newer) == (
        f"The grid raster '{name}' was made by a newer version of the plugin; update the plugin."
    )


@pytest.mark.parametrize(
    "items",
    [
        {"RTM_VERSION": "one"},
        {"RTM_BLOCK_LENGTH": "long"},
        {"RTM_BLOCK_LENGTH": "-200"},
        {"RTM_CELL_SIZE": "nan"},
        {"RTM_STUDY_AREA": "not base64!"},
        {"RTM_STUDY_AREA": "AAAA"},
        {"RTM_STUDY_AREA_FEATURES": "many"},
        {"RTM_CRS": "EPSG:nonsense"},
    ],
)
def test_damaged_metadata(refused, tampered, items):
    sentence = refused("countevents", GRID=tampered("grid", items=items))
    assert "damaged" in sentence
    assert sentence.endswith("make the raster again.")


@pytest.mark.parametrize("key", ["RTM_FACTOR", "RTM_DISTANCE", "RTM_DIRECTION"])
def test_damaged_band_metadata(refused, tampered, chain, key):
    data = gdal.Open(chain["bars"])
    items = data.GetRasterBand(1).GetMetadata()
    for changed in ({k: v for k, v in items.items() if k != key}, {**items, key: "nan" if "DIST" in key else "?"}):
        if changed.get(key) == "?" and key == "RTM_FACTOR":
            continue
        path = tampered("bars", band_items=changed)
        assert refused("terrain", CANDIDATES=[path]) == (
            f"The bands of '{Path(path).stem}' lack their metadata; make the raster again with rtm:operationalise."
        )


def test_damaged_counts(refused, tampered):
    for items in ({"RTM_EVENTS_INSIDE": "few"}, {"RTM_EVENTS_OUTSIDE": "nan"}, {"RTM_SOURCES": "[NaN"}):
        sentence = refused("selectmodel", COUNTS=tampered("counts", items=items))
        assert "damaged" in sentence, sentence


def test_raster_cut_short(refused, chain, tmp_path):
    """A file that a copy broke off."""
    short = tmp_path / "short.tif"
    short.write_bytes(Path(chain["terrain"]).read_bytes()[:-200])
    assert refused("priorityplaces", TERRAIN=str(short)) == "The raster 'short' cannot be read; it is damaged."


def test_model_without_its_factor(refused, chain):
    sentence = refused("terrain", CANDIDATES=[chain["parks"]])
    assert "bars" in sentence
    assert sentence.endswith(".")


def test_no_candidates(refused):
    """In the toolbox QGIS itself asks for one; an empty list from a model or from JSON is refused by us."""
    assert refused("selectmodel", CANDIDATES=[]) == "No candidate raster is given; choose at least one."
