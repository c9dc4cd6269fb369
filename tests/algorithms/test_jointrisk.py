"""rtm:jointrisk on the small city."""

import csv
import json

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsRasterLayer
from risk_terrain.rtm_plugin.core.accuracy.at_share import captured
from risk_terrain.rtm_plugin.core.answers.jointrisk import (
    JOINT_COLOURS,
    JOINT_NAMES,
    JointSettings,
    joint_classes,
    joint_table,
)
from risk_terrain.rtm_plugin.core.forecast.baselines import kernel_baseline
from risk_terrain.rtm_plugin.core.pipeline import count, run
from running import Log, bands, files, process
from small_city import as_study, point_wkt, write_layer


@pytest.fixture(scope="module")
def core(city):
    return run(as_study(city), {})


@pytest.fixture
def joint(city, chain, out):
    def start(folder="", **changes):
        log = Log()
        given = {"TERRAIN": chain["terrain"], "EVENTS": city.layer("events")}
        made = {"OUTPUT": str(out / folder / "joint.tif"), "OUTPUT_TABLE": str(out / folder / "classes.csv")}
        return process("jointrisk", {**given, **made, **changes}, log), log

    return start


def rows(path) -> list[dict]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_classes_are_those_of_core(city, core, joint, out):
    results, log = joint(LATER_EVENTS=city.layer("events"))
    exposure = kernel_baseline(core.grid, city.events)
    classes = joint_classes(core.terrain.scores, exposure.density, JointSettings())
    assert np.array_equal(bands(out / "joint.tif")[0], core.grid.raster(classes, 255))
    assert results["BANDWIDTH_USED"] == exposure.bandwidth
    table = joint_table(classes, 0.01, core.events.counts, core.events.counts)
    assert results["CELLS_BOTH"] == table[3].cells > 0
    assert results["PAI_BOTH"] == table[3].pai
    told = rows(out / "classes.csv")
    assert [row["name"] for row in told] == list(JOINT_NAMES)
    assert [int(row["cells"]) for row in told] == [row.cells for row in table]
    assert [float(row["later_per_km2"]) for row in told] == pytest.approx([row.later_per_km2 for row in table])
    assert [float(row["pai"]) for row in told] == pytest.approx([row.pai for row in table])
    assert sum(float(row["area_km2"]) for row in told) == pytest.approx(core.grid.cells * 0.01)
    assert any(note.startswith("both: high risk score and many recent events: ") for note in log.notes)
    both = captured(classes, core.events.counts, table[3].cells)
    assert both.expected == table[3].later


def test_raster_and_style(joint, out, core):
    joint(BANDWIDTH=150, RULE="share", VALUE=20)
    assert files(out) == ["classes.csv", "joint.qml", "joint.tif"]
    data = gdal.Open(str(out / "joint.tif"))
    items = data.GetMetadata()
    assert data.GetRasterBand(1).DataType == gdal.GDT_Byte
    assert (items["RTM_KIND"], items["RTM_BANDWIDTH"], items["RTM_RULE"]) == ("jointrisk", "150.0", "share")
    assert [source["name"] for source in json.loads(items["RTM_SOURCES"])] == ["events"]
    layer = QgsRasterLayer(str(out / "joint.tif"), "joint")
    shown = [(item.value, item.color.name(), item.label) for item in layer.renderer().classes()]
    assert shown == [(float(k), JOINT_COLOURS[k], JOINT_NAMES[k]) for k in (3, 2, 1, 0)]
    exposed = np.isin(data.ReadAsArray()[core.grid.mask], (1, 3)).sum()
    assert exposed == np.ceil(core.grid.cells * 0.2)
    assert {row["later_events"] for row in rows(out / "classes.csv")} == {""}


def test_windows(city, joint, out, tmp_path):
    """Recent events of a window; later ones have to be later."""
    days = [f"2024-0{1 + i % 4}-05" for i in range(len(city.events))]
    dated = write_layer(tmp_path / "d.gpkg", "dated", point_wkt(city.events), {"day": days})
    window = {"EVENTS": dated, "EVENT_DATE_FIELD": "day", "START": "2024-02-01", "END": "2024-03-31"}
    later = write_layer(tmp_path / "l.gpkg", "later", point_wkt(city.events), {"day": ["2024-04-01"] * len(days)})
    joint(**window, LATER_EVENTS=later)
    items = gdal.Open(str(out / "joint.tif")).GetMetadata()
    assert (items["RTM_START"], items["RTM_END"]) == ("2024-02-01", "2024-03-31")
    chosen = city.events[[i % 4 in (1, 2) for i in range(len(days))]]
    seen = sum(float(row["recent_events"]) for row in rows(out / "classes.csv"))
    assert seen == count(run(as_study(city), {}).grid, chosen).inside


def test_refusals(refused, city, chain, tmp_path):
    days = {"day": ["2024-03-01"] * len(city.events)}
    dated = write_layer(tmp_path / "d.gpkg", "dated", point_wkt(city.events), days)
    assert refused("jointrisk", EVENTS=dated, LATER_EVENTS=dated, EVENT_DATE_FIELD="day").startswith(
        "The test window (1 March 2024) does not come after the fitting window (1 March 2024)"
    )
    assert refused("jointrisk", TERRAIN=chain["counts"]) == (
        "The risk terrain raster 'counts' was not made by rtm:terrain; run that first and choose its output."
    )
    far = write_layer(tmp_path / "f.gpkg", "far", ["POINT (1 1)"])
    nowhere = "None of the 1 events of 'far' lies inside the study area; check the layer, its filter and its CRS."
    assert refused("jointrisk", EVENTS=far) == nowhere
    assert refused("jointrisk", LATER_EVENTS=far) == nowhere
    assert refused("jointrisk", RULE="share", VALUE=100) == (
        "The share is 100 percent; it must be above 0 and below 100."
    )


def test_nothing_is_both(joint):
    results, log = joint(VALUE=30)
    assert results["CELLS_BOTH"] == 0
    assert log.warnings[-1] == "No cell is both vulnerable and exposed; a lower value of the rule finds some."


def test_the_same_bytes_twice(joint, out):
    joint("a")
    joint("b")
    for name in ("joint.tif", "classes.csv"):
        assert (out / "a" / name).read_bytes() == (out / "b" / name).read_bytes()
