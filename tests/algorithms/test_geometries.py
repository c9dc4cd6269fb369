"""Geometries the way they come: null, empty, invalid, many parts, heights, arcs, no CRS, cut at the boundary."""

import numpy as np
import pytest
from osgeo import ogr
from qgis.core import QgsFeature, QgsGeometry, QgsProcessingContext, QgsVectorLayer
from risk_terrain.rtm_plugin.adapters.layers import read_layer
from risk_terrain.rtm_plugin.adapters.wkb import polygon
from risk_terrain.rtm_plugin.core.errors import InputError
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
    assert warning.replace("shapes", "lamps") in told.warnings


SQUARE = "((400300 300300, 400700 300300, 400700 300700, 400300 300700, 400300 300300))"
SURFACES = {
    "Triangle": ("TRIANGLE ((400300 300300, 400700 300300, 400300 300700, 400300 300300))", 80_000),
    "TIN": (
        "TIN (((400300 300300, 400700 300300, 400300 300700, 400300 300300)), "
        "((400700 300300, 400700 300700, 400300 300700, 400700 300300)))",
        160_000,
    ),
    # a building: floor, roof above it, and an upright wall, which covers no ground
    "PolyhedralSurface": (
        f"POLYHEDRALSURFACE ({SQUARE}, {SQUARE}, ((400300 300300, 400700 300300, 400700 300300, 400300 300300)))",
        160_000,
    ),
    "Polygon": (f"POLYGON {SQUARE}", 160_000),
    "MultiPolygon": (f"MULTIPOLYGON ({SQUARE})", 160_000),
    "CurvePolygon": (
        "CURVEPOLYGON (CIRCULARSTRING (400500 300300, 400700 300500, 400500 300700, 400300 300500, 400500 300300))",
        np.pi * 200**2,
    ),
    "CurvePolygon of lines": (f"CURVEPOLYGON {SQUARE}", 160_000),
    "MultiSurface": (f"MULTISURFACE ({SQUARE})", 160_000),
}
LINES = {
    "LineString": ("LINESTRING (400000 300000, 400400 300300)", 500),
    "MultiLineString": ("MULTILINESTRING ((400000 300000, 400400 300300), (400000 300000, 400000 300100))", 600),
    "CircularString": ("CIRCULARSTRING (400000 300000, 400100 300100, 400200 300000)", np.pi * 100),
    "CompoundCurve": (
        "COMPOUNDCURVE (CIRCULARSTRING (400000 300000, 400100 300100, 400200 300000), (400200 300000, 400300 300000))",
        np.pi * 100 + 100,
    ),
    "CompoundCurve of lines": ("COMPOUNDCURVE ((400000 300000, 400400 300300), (400400 300300, 400400 300400))", 600),
    "MultiCurve of lines": ("MULTICURVE ((400000 300000, 400400 300300))", 500),
    "MultiCurve": ("MULTICURVE (CIRCULARSTRING (400000 300000, 400100 300100, 400200 300000))", np.pi * 100),
}


def read_in_memory(kind: str, letters: str, text: str):
    """One geometry of a type, with height and measure where the letters say so, read as any layer is."""
    shape = QgsGeometry.fromWkt(text)
    if "Z" in letters:
        shape.get().addZValue(12.0)
    if "M" in letters:
        shape.get().addMValue(7.0)
    layer = QgsVectorLayer(f"{kind.split(' ')[0]}{letters}?crs={CRS}", "shapes", "memory")
    feature = QgsFeature()
    feature.setGeometry(shape)
    assert layer.dataProvider().addFeatures([feature])[0]
    return read_layer(layer, "shapes", layer.crs(), QgsProcessingContext(), Log())


@pytest.mark.parametrize("letters", ["", "Z", "M", "ZM"])
@pytest.mark.parametrize("kind", SURFACES)
def test_ground_of_every_type_of_surface(kind, letters):
    text, ground = SURFACES[kind]
    read = read_in_memory(kind, letters, text)
    a = read.features.coordinates - np.tile([400_000.0, 300_000.0], 2)
    assert (a[:, 0] * a[:, 3] - a[:, 2] * a[:, 1]).sum() / 2 == pytest.approx(ground, rel=1e-3)
    assert (read.features.geometry, read.report.features, read.report.warnings) == ("polygon", 1, [])


@pytest.mark.parametrize("letters", ["", "Z", "M", "ZM"])
@pytest.mark.parametrize("kind", LINES)
def test_length_of_every_type_of_line(kind, letters):
    text, length = LINES[kind]
    read = read_in_memory(kind, letters, text)
    run = read.features.coordinates[:, 2:] - read.features.coordinates[:, :2]
    assert np.hypot(*run.T).sum() == pytest.approx(length, rel=1e-3)
    assert (read.features.geometry, read.report.features, read.report.warnings) == ("line", 1, [])


@pytest.mark.parametrize("letters", ["", "Z", "M", "ZM"])
def test_points_and_collections(letters):
    assert read_in_memory("Point", letters, "POINT (1 2)").features.coordinates.tolist() == [[1, 2]]
    read = read_in_memory("MultiPoint", letters, "MULTIPOINT ((1 2), (3 4))")
    assert read.features.coordinates.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(InputError, match=r"^The layer 'shapes' holds geometries of no known type; choose a layer of"):
        read_in_memory("GeometryCollection", letters, "GEOMETRYCOLLECTION (POINT (1 2))")


def test_coordinates_that_no_place_has(chain, city, expose):
    """A line that ends where no map goes is left out, and counted."""
    found, results, log = expose(
        [*(wkt("LINESTRING", [moved(line)]) for line in FOOTPATHS), "LINESTRING (400000 300000, 1e200 1e308)"]
    )
    assert np.array_equal(found, bands(chain["footpaths"]))
    assert results["FEATURE_COUNT"] == len(FOOTPATHS)
    assert log.warnings == ["1 feature of 'shapes' without a usable geometry left out."]


def test_a_vertex_that_is_no_number(qgis_app):
    """GEOS looks for the ground of such a polygon for ever, and QGIS's iterator over vertices may end QGIS."""
    ring = np.array([[400668.0, 301754.0], [np.nan, 300148.0], [400616.0, 301140.0], [400668.0, 301754.0]])
    layer = QgsVectorLayer(f"Polygon?crs={CRS}", "parks", "memory")
    for vertices in (ring, moved(PARKS[0][0])):
        geometry, feature = QgsGeometry(), QgsFeature()
        geometry.fromWkb(polygon([vertices]))
        feature.setGeometry(geometry)
        layer.dataProvider().addFeature(feature)
    read = read_layer(layer, "parks", layer.crs(), QgsProcessingContext(), Log(), wanted="polygon")
    assert read.features.count == 1
