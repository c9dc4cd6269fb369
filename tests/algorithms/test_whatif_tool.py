"""rtm:whatif on the small city."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingFeatureSourceDefinition, QgsRasterLayer
from risk_terrain.rtm_plugin.core.answers.whatif import NOT_CAUSE
from risk_terrain.rtm_plugin.core.model.document import RiskModel
from running import Log, bands, files, process
from small_city import moved, point_wkt, wkt, write_layer

OUTPUTS = {
    "OUTPUT": "terrain.tif",
    "OUTPUT_EXPECTED": "expected.tif",
    "OUTPUT_DIFFERENCE": "difference.tif",
    "OUTPUT_TABLE": "change.csv",
}


@pytest.fixture
def ask(city, chain, out):
    """Run rtm:whatif on the bars with every output; changes as keywords."""

    def run(**changes):
        given = {name.upper(): chain[name] for name in ("model", "terrain", "expected")}
        given |= {"FACTOR": "bars", "BEFORE": city.layer("bars")}
        log = Log()
        given |= {name: str(out / file) for name, file in OUTPUTS.items()}
        return process("whatif", {**given, **changes}, log), log

    return run


def rows(path) -> list[dict]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def without_bars(city, chain, folder, layer) -> np.ndarray:
    """Expected counts by rtm:terrain, the bars' band set by hand to what the model's own threshold makes of a layer."""
    process("operationalise", {"GRID": chain["grid"], "FACTOR": layer, "NAME": "bars", "OUTPUT": str(folder / "b.tif")})
    scored = {"MODEL": chain["model"], "CANDIDATES": [str(folder / "b.tif"), chain["footpaths"]]}
    process("terrain", {**scored, "OUTPUT": str(folder / "t.tif"), "OUTPUT_EXPECTED": str(folder / "e.tif")})
    return bands(folder / "e.tif")[0]


def test_moved_bars_are_those_of_rtm_terrain_on_the_moved_layer(city, chain, ask, out, tmp_path):
    """A proximity variable has no threshold, so the whole chain again must give the same map."""
    model = RiskModel.load(chain["model"])
    term = next(t for t in model.selected if t.factor == "bars")
    assert term.operationalisation == "proximity"
    elsewhere = write_layer(tmp_path / "moved.gpkg", "bars", point_wkt(city.bars + np.array([200.0, 100.0])))
    results, log = ask(AFTER=elsewhere)
    wanted = without_bars(city, chain, tmp_path, elsewhere)
    after, before = bands(out / "expected.tif")[0], bands(chain["expected"])[0]
    inside = before != -9999
    assert after[inside] == pytest.approx(wanted[inside], rel=1e-5)
    difference = bands(out / "difference.tif")[0]
    assert difference[inside] == pytest.approx(after[inside] - before[inside], rel=1e-3, abs=1e-6)
    assert (difference[~inside] == -9999).all()
    assert results["CHANGE"] == pytest.approx(difference[inside].sum(), rel=1e-4)
    assert results["CELLS_CHANGED"] == np.count_nonzero(difference[inside])
    assert any("26 features now, 26 after the change" in note for note in log.notes)


def test_the_words_are_on_every_output(city, chain, ask, out):
    _, log = ask(PLACES=chain["places"])
    for name in ("terrain", "expected", "difference"):
        data = gdal.Open(str(out / f"{name}.tif"))
        assert data.GetMetadataItem("RTM_NOTE") == NOT_CAUSE == "association, not proof of cause"
        assert data.GetMetadataItem("RTM_WHAT_IF") == "bars"
        assert data.GetMetadataItem("RTM_KIND") == f"whatif-{name}"
        assert NOT_CAUSE in data.GetRasterBand(1).GetDescription()
        assert json.loads(data.GetMetadataItem("RTM_SOURCES"))[0]["features"] == 26
    assert {row["note"] for row in rows(out / "change.csv")} == {NOT_CAUSE}
    assert any(NOT_CAUSE in warning for warning in log.warnings)
    assert files(out) == sorted([*OUTPUTS.values(), "terrain.qml", "expected.qml", "difference.qml"])


def test_table_by_priority_place(chain, ask, out, tmp_path):
    places = str(tmp_path / "places.gpkg")
    process("priorityplaces", {"TERRAIN": chain["terrain"], "MAX_AREA": 50_000, "OUTPUT": places})
    results, _ = ask(PLACES=places)
    found = rows(out / "change.csv")
    assert [row["place"] for row in found[:2]] == ["1", "2"], "ranks of the places"
    assert found[-1]["place"] == "whole study area"
    assert float(found[-1]["change"]) == pytest.approx(results["CHANGE"])
    for row in found:
        before, after, change = (float(row[name]) for name in ("expected_before", "expected_after", "change"))
        assert change == pytest.approx(after - before)
        assert float(row["change_low"]) <= change <= float(row["change_high"])
    assert float(found[-1]["expected_before"]) == pytest.approx(bands(chain["expected"])[0].clip(0).sum(), rel=1e-5)


def test_wards_by_a_name_of_ones_own(chain, ask, out, tmp_path):
    ring = [(0, 0), (1000, 0), (1000, 2000), (0, 2000), (0, 0)]
    wards = write_layer(tmp_path / "wards.gpkg", "wards", [wkt("POLYGON", [moved(ring)])], {"ward": ["=West <b>"]})
    ask(PLACES=wards, PLACE_FIELD="ward")
    assert [row["place"] for row in rows(out / "change.csv")] == ["'=West <b>", "whole study area"]


def test_a_filter_takes_features_away(city, ask, out):
    """The same layer with a filter: what is done by hand in QGIS."""
    late = QgsProcessingFeatureSourceDefinition(city.layer("bars"), filterExpression="kind = 'late'")
    results, log = ask(AFTER=late)
    assert results["CHANGE"] < 0
    assert any("26 features now, 13 after" in note for note in log.notes)


def test_a_factor_that_was_not_selected(city, chain, ask, out):
    results, log = ask(FACTOR="kiosks", BEFORE=city.layer("kiosks"))
    assert "The model did not select 'kiosks', so changing its features changes nothing on its maps." in log.warnings
    assert (results["CHANGE"], results["CELLS_CHANGED"]) == (0, 0)
    assert np.array_equal(bands(out / "terrain.tif"), bands(chain["terrain"]))
    assert np.array_equal(bands(out / "expected.tif"), bands(chain["expected"]))


def test_difference_has_two_sides_of_equal_reach(ask, out):
    ask()
    layer = QgsRasterLayer(str(out / "difference.tif"), "difference")
    items = layer.renderer().shader().rasterShaderFunction().colorRampItemList()
    low, lower, none, higher, high = (item.value for item in items)
    assert (low, lower, none) == (-high, -higher, 0)
    values = bands(out / "difference.tif")[0]
    assert items[4].value == pytest.approx(np.abs(values[values != -9999]).max(), rel=1e-6)
    assert [item.color.name() for item in items] == ["#5e3c99", "#b2abd2", "#f7f7f7", "#fdb863", "#e66101"]
    assert items[2].label == "no change"
    assert items[0].label.endswith("fewer events a cell")
    assert items[4].label.endswith("more events a cell")


def test_classes_are_those_of_the_terrain_before(chain, ask, out):
    ask()
    assert cuts(chain["terrain"]) == cuts(out / "terrain.tif")


def cuts(path) -> list[float]:
    layer = QgsRasterLayer(str(path), "terrain")  # the renderer is gone when the layer is
    return [item.value for item in layer.renderer().shader().rasterShaderFunction().colorRampItemList()]


def test_works_on_a_whole_run(city, whole_run, out):
    folder = whole_run[0]
    given = {"MODEL": folder / "model.json", "TERRAIN": folder / "terrain.tif", "EXPECTED": folder / "expected.tif"}
    asked = {name: str(path) for name, path in given.items()} | {"FACTOR": "bars", "BEFORE": city.layer("bars")}
    results = process("whatif", {**asked, "PLACES": str(folder / "places.gpkg"), "OUTPUT": str(out / "t.tif")})
    assert results["CHANGE"] < 0


def test_refusals(city, chain, refused):
    assert refused("whatif", FACTOR="pubs") == (
        "The model has no risk factor 'pubs'; choose one of bars, footpaths, parks, kiosks."
    )
    assert "the layer, with its filter, that the model was fitted on" in refused("whatif", BEFORE=city.layer("kiosks"))
    assert "was not made by rtm:terrain or rtm:run" in refused("whatif", TERRAIN=chain["counts"])
    assert "was not made by rtm:terrain or rtm:run" in refused("whatif", EXPECTED=chain["terrain"])
    assert refused("whatif", AFTER=city.layer("parks")) == (
        "The changed layer of 'bars' holds polygons, the present one points; give both in the same kind of geometry."
    )
    assert "where polygons are needed" in refused("whatif", PLACES=city.layer("bars"))


def test_another_model_is_refused(city, chain, refused, tmp_path):
    document = json.loads(Path(chain["model"]).read_text(encoding="utf-8"))
    document["score"]["max"] *= 2
    other = tmp_path / "other.json"
    other.write_text(json.dumps(document), encoding="utf-8")
    assert "was not made with this model" in refused("whatif", MODEL=str(other))
