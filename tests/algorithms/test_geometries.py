"""Geometries the way they come: null, empty, invalid, many parts, heights, arcs, no CRS, cut at the boundary."""

import numpy as np
import pytest
from osgeo import ogr
from running import Log, bands, only_terrain, process, refusal
from small_city import CRS, FOOTPATHS, PARKS, moved, point_wkt, wkt, write_layer


@pytest.fixture
def expose(chain, tmp_path):
    """Write shapes, run rtm:operationalise on them; gives the bands, results and log."""

    def run(shapes, **more):
        log = Log()
        number = len(list(tmp_path.glob("*.gpkg")))
        source = write_layer(tmp_path / f"{number}.gpkg", "shapes", shapes, **more)
        target = tmp_path / f"{number}.tif"
        results = process("operationalise", {"GRID": chain["grid"], "FACTOR": source, "OUTPUT": str(target)}, log)
        return bands(target), results, log

    return run


def park_wkt() -> list[str]:
    return [wkt("POLYGON", [moved(ring) for ring in park]) for park in PARKS]


def test_null_and_empty_geometries_are_counted(city, chain, expose):
    found, results, log = expose([*point_wkt(city.bars), None, "POINT EMPTY", None])
    assert np.array_equal(found, bands(chain["bars"]))
    assert results["FEATURE_COUNT"] == len(city.bars)
    assert log.warnings == ["3 features of 'shapes' without a usable geometry left out."]


def test_one_null_geometry_reads_well(city, expose):
    log = expose([*point_wkt(city.bars), None])[2]
    assert log.warnings == ["1 feature of 'shapes' without a usable geometry left out."]


def test_bow_tie_is_repaired(expose):
    """A polygon that crosses itself counts as its two triangles, and the log says so."""
    bow_tie = "POLYGON ((400300 300300, 400900 300900, 400900 300300, 400300 300900, 400300 300300))"
    left = "POLYGON ((400300 300300, 400600 300600, 400300 300900, 400300 300300))"
    right = "POLYGON ((400900 300900, 400600 300600, 400900 300300, 400900 300900))"
    found, results, log = expose([bow_tie])
    assert np.array_equal(found, expose([left, right])[0])
    assert results["FEATURE_COUNT"] == 1
    told = [note for note in log.notes if "invalid" in note]
    assert len(told) == 1
    assert "'shapes'" in told[0]
    assert "repaired" in told[0]


def test_bow_tie_study_area(out, tmp_path):
    """An invalid boundary is repaired too: both triangles are studied, the ground between them is not."""
    bow_tie = "POLYGON ((400000 300000, 401000 301000, 401000 300000, 400000 301000, 400000 300000))"
    source = write_layer(tmp_path / "area.gpkg", "area", [bow_tie])
    log = Log()
    asked = {"STUDY_AREA": source, "BLOCK_LENGTH": 200, "CELL_RULE": "centre", "OUTPUT": str(out / "g.tif")}
    process("studygrid", asked, log)
    cells = bands(out / "g.tif")[0]
    assert cells[1, 5] == cells[8, 4] == 0
    assert cells[5, 1] == cells[5, 8] == 1
    assert any("repaired" in note for note in log.notes)


def test_parts_of_one_feature_count_like_features(city, chain, expose):
    """Multipoints, multilines and multipolygons."""
    points = "MULTIPOINT (" + ", ".join(f"({x!r} {y!r})" for x, y in city.bars.tolist()) + ")"
    assert np.array_equal(expose([points])[0], bands(chain["bars"]))
    lines = [wkt("LINESTRING", [moved(line)]).removeprefix("LINESTRING ") for line in FOOTPATHS]
    assert np.array_equal(expose([f"MULTILINESTRING ({', '.join(lines)})"])[0], bands(chain["footpaths"]))
    parks = [text.removeprefix("POLYGON ") for text in park_wkt()]
    found, results, _ = expose([f"MULTIPOLYGON ({', '.join(parks)})"])
    assert np.array_equal(found, bands(chain["parks"]))
    assert results["FEATURE_COUNT"] == 1


@pytest.mark.parametrize("letters", ["Z", "M", "ZM"])
def test_heights_and_measures_are_ignored(chain, expose, letters):
    more = " 7" * len(letters)
    shapes = []
    for park in PARKS:
        rings = ["(" + ", ".join(f"{x} {y}{more}" for x, y in moved(ring).tolist()) + ")" for ring in park]
        shapes.append(f"POLYGON {letters} ({', '.join(rings)})")
    assert np.array_equal(expose(shapes)[0], bands(chain["parks"]))


def test_arcs_are_followed(expose):
    """A disc drawn with arcs is a disc, not the square of its vertices."""
    disc = "CURVEPOLYGON (CIRCULARSTRING (401000 300500, 401500 301000, 401000 301500, 400500 301000, 401000 300500))"
    found, results, _ = expose([disc])
    angle = np.linspace(0, 2 * np.pi, 721)
    ring = np.column_stack([401_000 + 500 * np.cos(angle), 301_000 + 500 * np.sin(angle)])
    smooth, _, _ = expose([wkt("POLYGON", [np.vstack([ring[:-1], ring[:1]])])])
    assert results["FEATURE_COUNT"] == 1
    assert (found != smooth).mean() < 0.002
    square = "POLYGON ((401000 300500, 401500 301000, 401000 301500, 400500 301000, 401000 300500))"
    assert (found != expose([square])[0]).mean() > 0.01


def test_layer_of_mixed_geometries(city, chain, expose):
    """A layer takes the kind that QGIS gives it; features of another kind are counted, never taken for points."""
    line = wkt("LINESTRING", [moved(FOOTPATHS[0])])
    found, results, log = expose([*point_wkt(city.bars), line], kind=ogr.wkbUnknown)
    assert np.array_equal(found, bands(chain["bars"]))
    assert results["FEATURE_COUNT"] == len(city.bars)
    assert log.warnings == ["1 feature of 'shapes' without a usable geometry left out."]


def test_study_area_without_crs_is_refused(out, tmp_path):
    box = "POLYGON ((400000 300000, 400500 300000, 400500 300500, 400000 300500, 400000 300000))"
    source = write_layer(tmp_path / "area.gpkg", "area", [box], crs=None)
    assert refusal("studygrid", {"STUDY_AREA": source, "BLOCK_LENGTH": 200, "OUTPUT": str(out / "g.tif")}) == (
        "The layer 'area' has no coordinate reference system, so distances have no unit; set its CRS "
        "(Layer ▸ Set CRS) and try again."
    )


def test_layer_without_crs_is_taken_as_it_is_and_told(city, chain, expose):
    found, _, log = expose(point_wkt(city.bars), crs=None)
    assert np.array_equal(found, bands(chain["bars"]))
    assert log.warnings == [f"The layer 'shapes' has no CRS; its coordinates are taken to be in {CRS}."]


def grid_of_points(low: float, high: float) -> list[str]:
    """One point every 100 m."""
    at = np.arange(low, high, 100.0)
    return point_wkt(np.array([[400_000 + x, 300_000 + y] for x in at for y in at]))


def test_warning_when_a_layer_stops_at_the_boundary(city, expose, out, tmp_path):
    inside = grid_of_points(40, 2000)
    log = expose(inside)[2]
    warning = (
        "The layer 'shapes' stops at the boundary of the study area, so the risk of cells near the edge may be too "
        "low; add its features up to 600 metres outside."
    )
    corner = [s for s in inside if not (float(s[7:13]) < 400_500 and float(s.split()[2][:-1]) > 301_490)]
    assert log.warnings == []  # some lie in the corner that is cut off
    assert expose(corner)[2].warnings == [warning]
    assert expose(grid_of_points(-560, 2600))[2].warnings == []
    told = Log()
    source = write_layer(tmp_path / "cut.gpkg", "lamps", corner)
    process("run", only_terrain(city, out, FACTORS=[source, city.layer("bars")]), told)
    assert told.warnings == [warning.replace("shapes", "lamps")]
