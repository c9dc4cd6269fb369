"""rtm:exportplaces: files that OGR reads back, with the places where they are and words that stay text."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr, osr
from qgis.core import QgsProcessingFeatureSourceDefinition
from running import Log, files, process, refusal
from small_city import ORIGIN, moved, wkt, write_layer
from test_places_and_styles import places_of
from test_where import middle

HOSTILE = '<b onload="x">Fleet & Co\x01</b>'
MARKING = "OFFICIAL-SENSITIVE"


@pytest.fixture
def places(_kept, chain, tmp_path_factory):
    """Places of the city with a hostile street, a ward, and a marking; made once."""
    if "places to export" not in _kept:
        folder = tmp_path_factory.mktemp("places")
        line = wkt("LINESTRING", [moved([(0, 700), (2000, 700)])])
        lanes = write_layer(folder / "g.gpkg", "lanes", [line], {"name": [HOSTILE]})
        ward = wkt("POLYGON", [moved([(-9, -9), (3000, -9), (3000, 3000), (-9, 3000), (-9, -9)])])
        wards = write_layer(folder / "g.gpkg", "wards", [ward], {"name": ["Castle ward"]})
        given = {"TERRAIN": chain["terrain"], "EXPECTED": chain["expected"], "STREETS": lanes, "AREAS": wards}
        path = str(folder / "places.gpkg")
        process("priorityplaces", {**given, "RULE": "share", "VALUE": 15, "OUTPUT": path})
        data = gdal.OpenEx(path, gdal.OF_VECTOR | gdal.OF_UPDATE)
        data.GetLayer(0).SetMetadataItem("RTM_MARKING", MARKING)
        del data
        _kept["places to export"] = folder / "places.gpkg"
    return _kept["places to export"]


def written(places, out: Path, ending: str, **more) -> Path:
    path = out / f"places{ending}"
    assert process("exportplaces", {"PLACES": str(places), "OUTPUT": str(path), **more})["OUTPUT"] == str(path)
    return path


def read_back(path: Path, driver: str) -> list[tuple[dict, ogr.Geometry]]:
    """Properties and geometry of each feature as a driver of OGR's sees them."""
    data = gdal.OpenEx(str(path), gdal.OF_VECTOR, allowed_drivers=[driver])
    layer = data.GetLayerByName("waypoints") if driver == "GPX" else data.GetLayer(0)
    assert layer.GetSpatialRef().GetAuthorityCode(None) == "4326"
    names = [field.GetName() for field in layer.schema]
    return [({name.lower(): f[name] for name in names}, f.GetGeometryRef().Clone()) for f in layer]


def to_degrees(geometry: ogr.Geometry) -> ogr.Geometry:
    """From the National Grid to longitude and latitude, by PROJ without QGIS."""
    grid, earth = osr.SpatialReference(), osr.SpatialReference()
    grid.ImportFromEPSG(27700)
    earth.ImportFromEPSG(4326)
    earth.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    moved_geometry = geometry.Clone()
    moved_geometry.Transform(osr.CoordinateTransformation(grid, earth))
    return moved_geometry


@pytest.mark.parametrize("driver", ["KML", "LIBKML"])
def test_kml(places, out, driver):
    found = read_back(written(places, out, ".kml"), driver)
    before = places_of(places)
    assert len(found) == len(before) > 3
    for (told, outline), (place, geometry) in zip(found, before, strict=True):
        assert told["name"] == f"Place {place['rank']}"
        there = to_degrees(geometry)
        assert outline.Intersection(there).Area() / there.Area() == pytest.approx(1.0, abs=0.02)
        text = " ".join(told["description"].split())  # GDAL's own reader of KML makes one line of it
        rank, where = place["rank"], f"{place['where']}, "
        found_text = re.fullmatch(rf"{MARKING} Priority place {rank} Expected events: ([\d.]+) {where}(.*)", text)
        assert float(found_text[1]) == pytest.approx(place["expected"], rel=0.005)  # three digits
        assert found_text[2].endswith("Castle ward")


def test_gpx(places, out):
    """A waypoint for each place, in the middle that its grid reference names, and inside."""
    found = read_back(written(places, out, ".gpx"), "GPX")
    for (told, spot), (place, geometry) in zip(found, places_of(places), strict=True):
        assert told["name"] == str(place["rank"])
        x, y = middle(geometry) + ORIGIN
        centre = to_degrees(ogr.CreateGeometryFromWkt(f"POINT ({x} {y})"))
        assert np.allclose(spot.GetPoint_2D(), centre.GetPoint_2D(), atol=1e-4)
        assert to_degrees(geometry).Contains(spot)
        assert told["cmt"].startswith(f"{place['where']}, ")
        assert told["desc"].split("\n")[:2] == [MARKING, f"Priority place {place['rank']}"]
        assert told["type"] == "place"


def test_names_are_text(places, out):
    """A street's name is no XML, and in KML, whose viewers take descriptions for HTML, no HTML either."""
    tagless = HOSTILE.replace("\x01", "")
    gpx = ElementTree.parse(written(places, out, ".gpx")).getroot()
    assert [e.text for e in gpx.iter("{http://www.topografix.com/GPX/1/1}cmt") if tagless in e.text]
    kml = ElementTree.parse(written(places, out, ".kml")).getroot()
    texts = [e.text for e in kml.iter("{http://www.opengis.net/kml/2.2}description")]
    assert [text for text in texts if '&lt;b onload="x"&gt;Fleet &amp; Co&lt;/b&gt;' in text]
    assert not [text for text in texts if "<b" in text]
    assert not list(kml.iter("{http://www.opengis.net/kml/2.2}b"))


def test_the_marking_can_be_given_and_another_is_warned_of(places, out):
    log = Log()
    asked = {"PLACES": str(places), "MARKING": "OFFICIAL", "OUTPUT": str(out / "p.gpx")}
    process("exportplaces", asked, log)
    assert log.warnings == [f"The input is marked {MARKING}, the result OFFICIAL; make sure that this is meant."]
    assert {told["desc"].split("\n")[0] for told, _ in read_back(out / "p.gpx", "GPX")} == {"OFFICIAL"}


def test_some_places(places, out):
    some = QgsProcessingFeatureSourceDefinition(str(places), filterExpression='"rank" IN (3, 1)')
    assert process("exportplaces", {"PLACES": some, "OUTPUT": str(out / "p.gpx")})["PLACE_COUNT"] == 2
    assert [told["name"] for told, _ in read_back(out / "p.gpx", "GPX")] == ["1", "3"]


def test_a_layer_of_an_older_version_has_no_words_and_is_told_all_the_same(places, out):
    gdal.VectorTranslate(str(out / "old.gpkg"), str(places), selectFields=["rank", "cells", "expected"])
    told = [told["cmt"] for told, _ in read_back(written(out / "old.gpkg", out, ".gpx"), "GPX")]
    assert told == [place["where"] for place, _ in places_of(places)]


def test_places_of_another_kind(places, out):
    """Whatever has ranks and outlines: such as places to patrol, whose field `area` is the name of one."""
    square = wkt("POLYGON", [moved([(0, 0), (200, 0), (200, 100), (0, 100), (0, 0)])])
    fields = {"rank": [1], "cells": [2], "expected": [2.5], "area": ["Park ward"], "hectares": [2.0]}
    source = write_layer(out / "patrol.gpkg", "patrol", [square], fields)
    ((told, spot),) = read_back(written(source, out, ".gpx"), "GPX")
    assert told["desc"].split("\n") == ["Place 1", "Expected events: 2.50", "SK 00050 00050, Park ward"]
    assert to_degrees(ogr.CreateGeometryFromWkt(square)).Contains(spot)


def test_places_that_were_moved_to_another_map_have_a_spot_inside(places, out):
    """No cells can be found again there: the spot is one on the surface, told in that map's own way."""
    gdal.VectorTranslate(str(out / "utm.gpkg"), str(places), dstSRS="EPSG:32630", selectFields=["rank", "cells"])
    for (told, spot), (_, geometry) in zip(
        read_back(written(out / "utm.gpkg", out, ".gpx"), "GPX"), places_of(places), strict=True
    ):
        assert to_degrees(geometry).Buffer(1e-5).Contains(spot)
        assert told["cmt"].endswith("° W")


def test_the_same_twice(places, out):
    for ending in (".kml", ".gpx"):
        once = written(places, out, ending).read_bytes()
        assert written(places, out, ending).read_bytes() == once


def test_refusals(city, places, out):
    asked = {"PLACES": str(places), "OUTPUT": str(out / "p.gpx")}
    other = "The places cannot be written as 'p.txt'; give it the ending .kml or .gpx."
    assert refusal("exportplaces", {**asked, "OUTPUT": str(out / "p.txt")}) == other
    strange = "The layer 'parks' does not hold priority places; choose the output of rtm:priorityplaces or rtm:run."
    assert refusal("exportplaces", {**asked, "PLACES": city.layer("parks")}) == strange
    assert "holds point features" in refusal("exportplaces", {**asked, "PLACES": city.layer("bars")})
    none = QgsProcessingFeatureSourceDefinition(str(places), filterExpression='"rank" > 999')
    assert "No place of the layer 'places' is chosen" in refusal("exportplaces", {**asked, "PLACES": none})
    square = ["POLYGON ((0 0, 1 0, 1 1, 0 0))"]
    nowhere = write_layer(out.parent / "n.gpkg", "nowhere", square, {"rank": [1]}, crs=None)
    assert "has no coordinate reference system" in refusal("exportplaces", {**asked, "PLACES": nowhere})
    ranked = write_layer(out.parent / "r.gpkg", "unranked", square, {"rank": ["first"]})
    assert "has no rank or no outline" in refusal("exportplaces", {**asked, "PLACES": ranked})
    assert files(out) == []
