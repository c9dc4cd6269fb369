"""Data the way they come: tables, other CRSs, selections, filters. The answer stays the same, and the log says what
was done."""

import json
import re

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsGeometry,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsVectorLayer,
)
from running import Log, bands, descriptions, only_terrain, process
from small_city import CRS, FACTORS, point_wkt, write_layer


def to(authid: str, shapes: list[str]) -> list[str]:
    """WKT of national grid coordinates in another CRS."""
    own, other = QgsCoordinateReferenceSystem(CRS), QgsCoordinateReferenceSystem(authid)
    transform = QgsCoordinateTransform(own, other, QgsCoordinateTransformContext())
    found = []
    for shape in shapes:
        geometry = QgsGeometry.fromWkt(shape)
        geometry.transform(transform)
        found.append(geometry.asWkt(12))
    return found


OUTSIDE = (
    "15 of 193 events of '{}' (8%) lie outside the study area and were not counted. Check that layer and study area "
    "belong together."
)


@pytest.fixture
def count(chain, out):
    """Run rtm:countevents; gives the raster, the results and the log."""

    def run(events, **more):
        log = Log()
        target = out / f"{len(list(out.iterdir()))}.tif"
        results = process("countevents", {"GRID": chain["grid"], "EVENTS": events, **more, "OUTPUT": str(target)}, log)
        return bands(target)[0], results, log

    return run


@pytest.fixture
def expose(chain, out):
    """Run rtm:operationalise; gives the bands and the log."""

    def run(factor, **more):
        log = Log()
        target = out / f"{len(list(out.iterdir()))}.tif"
        process("operationalise", {"GRID": chain["grid"], "FACTOR": factor, **more, "OUTPUT": str(target)}, log)
        return bands(target), log

    return run


@pytest.mark.parametrize(
    ("header", "authid", "digits"),
    [
        ("Longitude,Latitude", "EPSG:4326", 9),
        ("lon,lat", "EPSG:4326", 9),
        ("Easting,Northing", CRS, 2),
        ("X,Y", CRS, 2),
    ],
)
def test_csv_with_coordinates(city, chain, count, tmp_path, header, authid, digits):
    """A path to a CSV is enough; a row without coordinates is counted and told."""
    points = [QgsGeometry.fromWkt(shape).asPoint() for shape in to(authid, point_wkt(city.events))]
    rows = [f"{i},{p.x():.{digits}f},{p.y():.{digits}f}" for i, p in enumerate(points)]
    path = tmp_path / "crimes 2024.csv"
    path.write_text("\n".join([f"id,{header}", *rows, "994,,", "995,n/a,51.0"]) + "\n", encoding="utf-8")
    raster, results, log = count(str(path))
    assert np.array_equal(raster, bands(chain["counts"])[0])
    assert results["EVENTS_OUTSIDE"] == 15
    x, y = header.split(",")
    told = f"'crimes 2024' is a table; its columns '{x}' and '{y}' are taken as coordinates in {authid}."
    assert told in log.notes
    split = "Of 193 events of 'crimes 2024', 178 lie inside the study area and count; 15 outside."
    assert f"{split} 2 more have no usable coordinates." in log.notes
    moved = [warning for warning in log.warnings if warning.startswith("Reprojection moves 'crimes 2024'")]
    assert log.warnings == [*moved, OUTSIDE.format("crimes 2024")]


@pytest.mark.parametrize("authid", ["EPSG:4326", "EPSG:3857"])
def test_other_crs_is_reprojected_and_told(city, chain, count, tmp_path, authid):
    source = write_layer(tmp_path / "other.gpkg", "events", to(authid, point_wkt(city.events)), crs=authid)
    raster, _, log = count(source)
    assert np.array_equal(raster, bands(chain["counts"])[0])
    assert f"The layer 'events' was reprojected from {authid} to {CRS}." in log.notes
    (operation,) = [note for note in log.notes if note.startswith("Reprojected by '")]
    assert re.search(r"OSGB36 to WGS 84 \(\d+\).* \(accurate to \d m; PROJ \d+\.\d+\)\.$", operation)


def test_run_reprojects_factors(city, out, tmp_path):
    """A factor in degrees gives the same candidates, and the log says so."""
    source = write_layer(tmp_path / "other.gpkg", "bars", to("EPSG:4326", point_wkt(city.bars)), crs="EPSG:4326")
    exposed = []
    for i, bars in enumerate((city.layer("bars"), source)):
        log = Log()
        process("run", only_terrain(city, out / str(i), FACTORS=[bars]), log)
        model = json.loads((out / str(i) / "model.json").read_text("utf-8"))
        exposed.append([c["cells_exposed"] for c in model["candidates"]])
        told = [note for note in log.notes if " was reprojected " in note]
        (bars_input,) = [item for item in model["provenance"]["inputs"] if item["name"] == "bars"]
        assert ("reprojected" in bars_input) == bool(i)
        assert told == ["The layer 'bars' was reprojected from EPSG:4326 to EPSG:27700."][:i]
    assert exposed[0] == exposed[1]


def test_selected_features_only(city, count):
    layer = QgsVectorLayer(city.layer("events"), "events", "ogr")
    layer.selectByExpression("$id <= 40")
    QgsProject.instance().addMapLayer(layer)
    try:
        chosen = QgsProcessingFeatureSourceDefinition(layer.id(), selectedFeaturesOnly=True)
        _, results, _ = count(chosen)
        assert results["EVENTS_INSIDE"] + results["EVENTS_OUTSIDE"] == 40
    finally:
        QgsProject.instance().removeMapLayer(layer)


def test_selected_study_area_only(city, out, tmp_path):
    """One district of many, chosen by selection."""
    box = "POLYGON ((400000 300000, 400500 300000, 400500 300500, 400000 300500, 400000 300000))"
    other = box.replace("4005", "4009").replace("3005", "3009")
    layer = QgsVectorLayer(write_layer(tmp_path / "districts.gpkg", "districts", [box, other]), "districts", "ogr")
    QgsProject.instance().addMapLayer(layer)
    try:
        layer.selectByIds([1])
        chosen = QgsProcessingFeatureSourceDefinition(layer.id(), selectedFeaturesOnly=True)
        asked = {"STUDY_AREA": chosen, "BLOCK_LENGTH": 200, "OUTPUT": str(out / "g.tif")}
        assert process("studygrid", asked)["CELL_COUNT"] == 25
    finally:
        QgsProject.instance().removeMapLayer(layer)


def test_filters_of_the_source(city, count):
    """A filter expression and a |subset= take the same events."""
    by_expression = QgsProcessingFeatureSourceDefinition(city.layer("events"), filterExpression='"year" = 2024')
    one, results, _ = count(by_expression)
    other, _, _ = count(city.layer("events") + "|subset=year = 2024")
    assert np.array_equal(one, other)
    assert results["EVENTS_INSIDE"] + results["EVENTS_OUTSIDE"] == 97


def test_weight_field(chain, count, city):
    raster, results, _ = count(city.layer("events"), WEIGHT_FIELD="two")
    plain = bands(chain["counts"])[0]
    assert np.array_equal(raster, np.where(plain < 0, plain, 2 * plain))
    assert results["EVENTS_INSIDE"] == 2 * 178


def settings(*entries: dict) -> str:
    return json.dumps({"format": "risk-terrain-factors", "version": 1, "factors": list(entries)})


def factors_of(path) -> dict[str, set]:
    """Factor → settings seen in its candidates."""
    found: dict[str, set] = {}
    for c in json.loads(path.read_text("utf-8"))["candidates"]:
        found.setdefault(c["factor"], set()).add((c["operationalisation"], c["distance"], c["direction"]))
    return found


@pytest.mark.parametrize("as_file", [False, True])
def test_factor_settings(city, out, tmp_path, as_file):
    """Two factors of one layer by expression, another operationalisation and direction; as text and as a file."""
    text = settings(
        {"layer": "bars", "name": "late bars", "filter": "\"kind\" = 'late'", "max_blocks": 1},
        {"layer": "bars", "name": "early bars", "filter": "kind = 'early' AND seats > 12"},
        {"layer": "parks", "operationalisation": "proximity", "increment": "whole", "direction": "protective"},
    )
    if as_file:
        path = tmp_path / "factor settings.json"
        path.write_text(text, encoding="utf-8")
        text = str(path)
    process("run", only_terrain(city, out, FACTOR_SETTINGS=text))
    found = factors_of(out / "model.json")
    assert list(found) == ["late bars", "early bars", "footpaths", "parks", "kiosks"]
    both = {(kind, d, "aggravating") for kind in ("proximity", "density") for d in (100, 200)}
    assert found["late bars"] == both
    assert len(found["early bars"]) == 12
    assert found["parks"] == {("proximity", d, "protective") for d in (200, 400, 600)}
    inputs = json.loads((out / "model.json").read_text("utf-8"))["provenance"]["inputs"]
    assert [i["features"] for i in inputs if i["role"] == "factor"] == [13, 11, 2, 2, 30]


def test_factor_settings_with_is_selected(city, out):
    layer = QgsVectorLayer(city.layer("bars"), "pubs", "ogr")
    QgsProject.instance().addMapLayer(layer)
    try:
        layer.selectByIds([1, 2, 3])
        text = settings({"layer": "pubs", "filter": "is_selected()"})
        process("run", only_terrain(city, out, FACTORS=[layer], FACTOR_SETTINGS=text))
        inputs = json.loads((out / "model.json").read_text("utf-8"))["provenance"]["inputs"]
        assert [(i["name"], i["features"]) for i in inputs[2:]] == [("pubs", 3)]
    finally:
        QgsProject.instance().removeMapLayer(layer)


def test_name_and_direction_of_a_factor(chain, expose, out, city):
    found, _ = expose(city.layer("bars"), NAME="pubs", DIRECTION="protective", OPERATIONALISATION="proximity")
    assert np.array_equal(found, bands(chain["bars"])[:6])
    made = next(out.glob("*.tif"))
    assert descriptions(made)[0] == "pubs_proximity_100"


def test_features_outside_the_boundary_count(city, chain, expose):
    """A bar 90 m west of the boundary exposes cells inside; without it they are not exposed."""
    inside = city.layer("bars") + "|subset=fid <= 24"
    west = (slice(None), slice(None), 0)
    with_it, without = bands(chain["bars"])[:6], expose(inside, OPERATIONALISATION="proximity")[0]
    assert (with_it == 1).sum() > (without == 1).sum()
    assert ((with_it != without) & (without == 1)).sum() == 0
    assert (with_it[west] != without[west]).any()


def test_events_outside_are_counted(city, out):
    log = Log()
    process("run", only_terrain(city, out), log)
    cells = "390 cells cover 3.90 km²; the study area itself, within its boundary, has 3.88 km²."
    assert cells in log.notes
    assert "Of 193 events of 'events', 178 lie inside the study area and count; 15 outside." in log.notes
    model = json.loads((out / "model.json").read_text("utf-8"))
    assert model["events"] == {"inside": 178, "outside": 15, "start": None, "end": None, "left_out": 0, "days": None}
    assert [c["factor"] for c in model["candidates"]][::12] == list(FACTORS)
    assert log.warnings == [OUTSIDE.format("events")]
    assert log.errors == []
