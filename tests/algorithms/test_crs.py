"""The map that a study lies on: refused where its lengths are not true, on every route; and written into every file."""

import json

import numpy as np
import pytest
from osgeo import gdal, ogr, osr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsVectorLayer,
)
from risk_terrain.rtm_plugin.adapters import crs as crs_module
from risk_terrain.rtm_plugin.adapters import rasters, tables
from risk_terrain.rtm_plugin.adapters.crs import known_crs, metres_per_unit, refusal_of_crs, scale_factors
from risk_terrain.rtm_plugin.core.errors import InputError
from running import bands, files, process, refusal
from small_city import write_layer

LONDON, CHICAGO, PARIS, BERLIN, NAIROBI = (-0.09, 51.51), (-87.7, 41.8), (2.35, 48.86), (13.4, 52.5), (36.8, -1.3)
ENGINEERING = 'ENGCRS["site plan",EDATUM["d"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]'
ROTATED = "+proj=ob_tran +o_proj=longlat +o_lon_p=0 +o_lat_p=30 +lon_0=0 +ellps=WGS84 +type=crs"


def reference(text: str) -> QgsCoordinateReferenceSystem:
    """Of an authority id, PROJ text or WKT."""
    if text.startswith("+proj"):
        return QgsCoordinateReferenceSystem.fromProj(text)
    return known_crs(text)


def box_at(crs: QgsCoordinateReferenceSystem, place: tuple[float, float], side: float = 4000.0):
    """xmin, ymin, xmax, ymax of a square of so many metres about a place in degrees."""
    earth = QgsCoordinateReferenceSystem("EPSG:4326")
    middle = QgsCoordinateTransform(earth, crs, QgsProject.instance()).transform(QgsPointXY(*place))
    half = side / metres_per_unit(crs) / 2
    return middle.x() - half, middle.y() - half, middle.x() + half, middle.y() + half


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("EPSG:27700", LONDON),
        ("EPSG:27700", (-7.5, 58.0)),
        ("EPSG:7405", LONDON),  # with heights
        ("EPSG:26971", CHICAGO),
        ("EPSG:3435", CHICAGO),  # US survey feet
        ("EPSG:32630", LONDON),
        ("EPSG:2154", PARIS),
        ("EPSG:3035", LONDON),
        ("EPSG:3035", BERLIN),
        ("+proj=utm +zone=30 +units=km +datum=WGS84 +type=crs", LONDON),
        ("+proj=tmerc +lat_0=51.5 +lon_0=0 +k=1 +ellps=WGS84 +units=ft +type=crs", LONDON),
        ("EPSG:3857", NAIROBI),  # true to 0.7 % at the equator
    ],
)
def test_maps_that_are_true_at_their_place(text, place):
    crs = reference(text)
    assert refusal_of_crs(crs, "town", box_at(crs, place)) == ""


@pytest.mark.parametrize(
    ("text", "place", "factor", "zone"),
    [
        ("EPSG:3857", LONDON, "1.61", 32630),  # Web Mercator
        ("EPSG:3395", LONDON, "1.6", 32630),  # world Mercator
        ("EPSG:4087", LONDON, "1.6", 32630),  # degrees by another name
        ("EPSG:6933", LONDON, "0.719", 32630),  # equal areas, other lengths
        ("EPSG:3347", (-79.4, 43.7), "1.02", 32617),  # all of Canada, in Toronto
        ("EPSG:3857", (151.2, -33.9), "1.21", 32756),
    ],
)
def test_maps_that_are_not(text, place, factor, zone):
    crs = reference(text)
    sentence = refusal_of_crs(crs, "town", box_at(crs, place))
    assert sentence == (
        f"The layer 'town' is in {text}, where a length on the map is {factor} times the length on the ground, so "
        "distances, areas and the model would be wrong; run 'Reproject layer' (native:reprojectlayer) to a projected "
        f"CRS made for the place first, for Great Britain EPSG:27700, or EPSG:{zone} (UTM)."
    )


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("EPSG:4326", "whose coordinates are degrees"),
        ("EPSG:4979", "whose coordinates are degrees"),
        (ROTATED, "whose coordinates are degrees"),
        ("EPSG:4978", "which is a geocentric system and no map projection"),
        (ENGINEERING, "which is a local system that lies nowhere on the Earth"),
        ("+proj=utm +zone=30 +to_meter=20 +datum=WGS84 +type=crs", "whose unit of length is not known"),
        ("+proj=eqc +R=57.29577951308232 +type=crs", "its coordinates lie nowhere on the Earth"),
    ],
)
def test_kinds_that_are_no_maps(text, wrong):
    assert wrong in refusal_of_crs(reference(text), "town", (-0.1, 51.5, 0.0, 51.6))


def test_scale_is_that_of_the_formula():
    """Web Mercator stretches by 1/cos(latitude) on the sphere of 6,378,137 m."""
    x, y = 0.0, 6_711_000.0
    latitude = np.arctan(np.sinh(y / 6_378_137.0))
    east, north = scale_factors(QgsCoordinateReferenceSystem("EPSG:3857"), QgsPointXY(x, y))
    e2 = 0.00669437999014
    curve = 1 - e2 * np.sin(latitude) ** 2
    assert east == pytest.approx(np.sqrt(curve) / np.cos(latitude), rel=1e-5)
    assert north == pytest.approx(curve**1.5 / (1 - e2) / np.cos(latitude), rel=1e-5)


@pytest.fixture
def mercator(tmp_path):
    """A boundary in London, saved in Web Mercator."""
    x0, y0, x1, y1 = box_at(QgsCoordinateReferenceSystem("EPSG:3857"), LONDON)
    square = f"POLYGON (({x0} {y0}, {x1} {y0}, {x1} {y1}, {x0} {y1}, {x0} {y0}))"
    return write_layer(tmp_path / "m.gpkg", "town", [square], crs="EPSG:3857")


def test_web_mercator_on_every_route(provider, city, out, mercator):
    said = "The layer 'town' is in EPSG:3857, where a length on the map is 1.61 times the length on the ground, so"
    asked = {
        "studygrid": {"BLOCK_LENGTH": 200, "OUTPUT": str(out / "g.tif")},
        "blocklength": {"STREETS": city.layer("footpaths")},
        "suggest": {"FACTOR": city.layer("bars"), "BLOCK_LENGTH": 200},
        "run": {"EVENTS": city.layer("events"), "FACTORS": city.factors, "OUTPUT_TERRAIN": str(out / "t.tif")},
        "backtest": {"EVENTS": city.layer("events"), "FACTORS": city.factors, "OUTPUT": str(out / "b.csv")},
        "sensitivity": {
            "EVENTS": city.layer("events"),
            "FACTORS": city.factors,
            "OUTPUT_TABLE": str(out / "f.csv"),
            "OUTPUT_RUNS": str(out / "r.csv"),
        },
        "doubt": {
            "EVENTS": city.layer("events"),
            "FACTORS": city.factors,
            "OUTPUT_TABLE": str(out / "d.csv"),
        },
    }
    tools = [tool for tool in provider.algorithms() if tool.parameterDefinition("STUDY_AREA") is not None]
    tools = [tool for tool in tools if tool.name() != "briefing"]  # which only draws it, on the terrain's map
    assert {tool.name() for tool in tools} == set(asked), "a tool with a study area is not tested here"
    for tool in tools:
        fine, sentence = tool.create().checkParameterValues({"STUDY_AREA": mercator}, QgsProcessingContext())
        assert not fine
        assert sentence.startswith(said)
        assert refusal(tool.name(), {"STUDY_AREA": mercator, **asked[tool.name()]}).startswith(said)
    chosen = QgsProcessingFeatureSourceDefinition(mercator, filterExpression="$id > 0")
    assert refusal("studygrid", {"STUDY_AREA": chosen, **asked["studygrid"]}).startswith(said)
    layer = {"name": "town", "provider": "ogr", "source": mercator}
    study = {"format": "risk-terrain-study", "version": 1, "study_area": layer, "grid": {"block_length": 100}}
    facts = process("checkstudy", {"STUDY": json.dumps(study), "PART": "area"})["FACTS"]
    assert facts["area"]["refused"].startswith(said)
    assert files(out) == []


def test_raster_on_web_mercator(out, chain, city):
    """A grid that someone else made there is no study grid either."""
    path = str(out / "m.tif")
    data = gdal.GetDriverByName("GTiff").Create(path, 10, 10)
    data.SetGeoTransform((-10_000, 50, 0, 6_711_000, 0, -50))
    data.SetProjection(crs_module.spatial_reference("EPSG:3857").ExportToWkt())
    data.GetRasterBand(1).WriteArray(np.ones((10, 10), np.uint8))
    del data
    sentence = refusal("countevents", {"GRID": path, "EVENTS": city.layer("events"), "OUTPUT": str(out / "c.tif")})
    assert "EPSG:3857, where a length on the map is 1.6" in sentence


def test_some_areas_of_a_wide_layer(out, tmp_path):
    """A layer of districts that reaches beyond its map is fine where the district chosen is."""
    near = "POLYGON ((500000 5700000, 502000 5700000, 502000 5702000, 500000 5702000, 500000 5700000))"
    far = near.replace("50", "250")
    source = write_layer(tmp_path / "d.gpkg", "districts", [near, far], {"name": ["near", "far"]}, crs="EPSG:32630")
    wanted = {"BLOCK_LENGTH": 200, "OUTPUT": str(out / "g.tif")}
    chosen = QgsProcessingFeatureSourceDefinition(source, filterExpression="\"name\" = 'near'")
    assert process("studygrid", {"STUDY_AREA": chosen, **wanted})["CELL_COUNT"] == 400
    assert "a length on the map is" in refusal("studygrid", {"STUDY_AREA": source, **wanted})


def test_crs_without_a_definition(monkeypatch):
    """QGIS's cache may hold a CRS that is valid and empty: its definition then comes from PROJ."""
    asked = []

    def empty_at_first(crs):
        asked.append(crs)
        return len(asked) > 1

    monkeypatch.setattr(crs_module, "_is_defined", empty_at_first)
    assert known_crs("EPSG:27700").toWkt() == QgsCoordinateReferenceSystem("EPSG:27700").toWkt() != ""
    assert len(asked) == 2
    monkeypatch.undo()
    with pytest.raises(InputError, match=r"'EPSG:0' is not known"):
        known_crs("EPSG:0")


BOTH_KINDS = pytest.mark.parametrize(
    ("tool", "made_from"), [("priorityplaces", "terrain"), ("patrolplaces", "forecast")]
)


@BOTH_KINDS
@pytest.mark.parametrize("ending", ["gpkg", "geojson", "shp", "fgb"])
def test_places_hold_their_crs(chain, out, ending, tool, made_from):
    path = str(out / f"places.{ending}")
    process(tool, {made_from.upper(): chain[made_from], "OUTPUT": path})
    assert QgsVectorLayer(path, "places").crs().authid() == "EPSG:27700"


@BOTH_KINDS
@pytest.mark.parametrize("ending", ["gpkg", "geojson", "shp", "fgb"])
@pytest.mark.parametrize("written", ["", "EPSG:32630"])
def test_places_without_their_crs_are_not_kept(chain, out, monkeypatch, ending, written, tool, made_from):
    monkeypatch.setattr(tables, "crs_of", lambda grid: QgsCoordinateReferenceSystem(written))
    sentence = refusal(tool, {made_from.upper(): chain[made_from], "OUTPUT": str(out / f"places.{ending}")})
    assert sentence.startswith(f"places.{ending} was written without its coordinate reference system (EPSG:27700)")
    assert files(out) == []


def test_raster_without_its_crs_is_not_kept(city, out, monkeypatch):
    monkeypatch.setattr(rasters, "spatial_reference", lambda text: crs_module.spatial_reference("EPSG:32630"))
    wanted = {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200, "OUTPUT": str(out / "g.tif")}
    assert refusal("studygrid", wanted).startswith("The raster was written without its coordinate reference system")
    assert files(out) == []


@pytest.mark.parametrize(("crs", "metres"), [("EPSG:32630", 1.0), ("EPSG:3435", 0.3048006096012192), ("EPSG:27700", 1)])
def test_where_places_are(out, crs, metres):
    """One cell of high score: told by latitude and longitude of its centre, and in Great Britain by its reference."""
    place = CHICAGO if crs == "EPSG:3435" else LONDON
    x, y, *_ = box_at(known_crs(crs), place)
    path, cell = str(out / "t.tif"), 100 / metres
    data = gdal.GetDriverByName("GTiff").Create(path, 10, 10, 1, gdal.GDT_Float32)
    data.SetGeoTransform((x, cell, 0, y, 0, -cell))
    data.SetProjection(crs_module.spatial_reference(crs).ExportToWkt())
    scores = np.ones((10, 10), np.float32)
    scores[3, 7] = 9.0
    data.GetRasterBand(1).WriteArray(scores)
    del data
    asked = {"TERRAIN": path, "RULE": "count", "VALUE": 1, "OUTPUT": str(out / "p.gpkg")}
    process("priorityplaces", asked)
    (found,) = QgsVectorLayer(asked["OUTPUT"], "p").getFeatures()
    centre = x + 7.5 * cell, y - 3.5 * cell
    if crs == "EPSG:27700":
        assert found["where"] == f"TQ {int(centre[0]) - 500_000:05d} {int(centre[1]) - 100_000:05d}"
        return
    earth = osr.SpatialReference()
    earth.ImportFromEPSG(4326)  # latitude first
    there = osr.CoordinateTransformation(crs_module.spatial_reference(crs), earth)
    latitude, longitude, _ = there.TransformPoint(*centre)
    told = [float(part.split("°")[0]) for part in found["where"].split(", ")]
    assert told == pytest.approx([latitude, -longitude], abs=6e-6)
    assert found["where"].endswith("° W")


def test_grid_and_places_of_a_crs_without_a_code(out, tmp_path):
    """A map of one's own goes through raster, model and places."""
    own = "+proj=tmerc +lat_0=51.5 +lon_0=-0.1 +k=1 +x_0=5000 +y_0=5000 +ellps=WGS84 +units=m +type=crs"
    square = "POLYGON ((4000 4000, 6000 4000, 6000 6000, 4000 6000, 4000 4000))"
    source = write_layer(tmp_path / "a.gpkg", "area", [square], crs=own)
    process("studygrid", {"STUDY_AREA": source, "BLOCK_LENGTH": 200, "OUTPUT": str(out / "g.tif")})
    assert bands(out / "g.tif").sum() == 400
    data = gdal.Open(str(out / "g.tif"))
    assert "Transverse_Mercator" in data.GetProjection()
    boundary = ogr.Open(source.split("|")[0])
    assert data.GetSpatialRef().IsSame(boundary.GetLayer(0).GetSpatialRef())
