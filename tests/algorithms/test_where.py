"""Where places are: fields of their layer, card and table, on every route, against the ground that they cover."""

import json
from collections import Counter

import numpy as np
import pytest
from osgeo import ogr
from qgis.core import QgsProcessingFeatureSourceDefinition
from risk_terrain.rtm_plugin.adapters.fields import guessed_name_field
from running import Log, files, process, refusal, run_parameters
from small_city import CELL, ORIGIN, moved, point_wkt, wkt, write_layer
from test_places_and_styles import cells_in, places_of

WORDS = ("where", "street", "area_name", "feature")
STREETS = {  # local metres; two of one name, one without
    "Fleet Street": [(-500, 640), (2500, 640)],
    "": [(0, 660), (2000, 660)],
    "Strand": [(850, -500), (850, 2500)],
    "Cheapside": [(5000, 0), (5000, 2000)],
}
WARDS = {
    "Castle ward": [(0, 0), (1000, 0), (1000, 2000), (0, 2000), (0, 0)],
    "Park ward": [(1000, 0), (2000, 0), (2000, 2000), (1000, 2000), (1000, 0)],
}


@pytest.fixture(scope="module")
def ground(city, tmp_path_factory):
    """Streets, wards and bars with names; name → source."""
    path = tmp_path_factory.mktemp("ground") / "ground.gpkg"
    lines = [wkt("LINESTRING", [moved(line)]) for line in STREETS.values()]
    areas = [wkt("POLYGON", [moved(ring)]) for ring in WARDS.values()]
    bars = [f"Bar {i}" for i in range(len(city.bars))]
    return {
        "streets": write_layer(path, "streets", lines, {"name_1": list(STREETS)}),
        "wards": write_layer(path, "wards", areas, {"code": ["E05", "E06"], "WD24NM": list(WARDS)}),
        "bars": write_layer(path, "bars", point_wkt(city.bars), {"name": bars}),
        "nameless": write_layer(path, "nameless", lines, {"code": list(STREETS)}),
        "codes": write_layer(path, "codes", areas, {"code": ["E05", "E06"]}),
        "numbered": write_layer(path, "numbered", areas, {"name": ["1", "2"]}),
    }


@pytest.fixture(scope="module")
def told(city, ground, tmp_path_factory):
    """rtm:run with streets, wards and named bars: its folder."""
    folder = tmp_path_factory.mktemp("told")
    more = {"STREETS": ground["streets"], "AREAS": ground["wards"], "OUTPUT_FINDINGS": str(folder / "findings.json")}
    more |= {"FACTORS": [ground["bars"], city.layer("footpaths")], "VALUE": 1}
    quick = {"CULL": "no", "FAMILY": "poisson", "SIGNIFICANCE": "plain", "OUTPUT_TABLE": None}
    log = Log()
    process("run", run_parameters(city, folder, **more, **quick), log)
    assert log.errors == []
    return folder


def middle(geometry) -> np.ndarray:
    """Local metres of the centre of the cell nearest to the mean of the cells' centres; the first by rows of equals."""
    row, column = np.nonzero(cells_in(geometry))
    nearest = np.argmin((row - row.mean()) ** 2 + (column - column.mean()) ** 2)
    return np.array([(column[nearest] + 0.5) * CELL, 2000 - (row[nearest] + 0.5) * CELL])


def reach(geometry) -> float:
    """From the middle to the centre of the furthest cell."""
    row, column = np.nonzero(cells_in(geometry))
    centres = np.column_stack([(column + 0.5) * CELL, 2000 - (row + 0.5) * CELL])
    return float(np.hypot(*(centres - middle(geometry)).T).max())


def test_the_reference_is_of_the_middle(told):
    found = places_of(told / "places.gpkg")
    assert len(found) > 2
    for place, geometry in found:
        x, y = middle(geometry)
        assert place["where"] == f"SK {x:05.0f} {y:05.0f}"  # the city begins at the corner of that square


def test_the_street_and_the_ward(told):
    """Fleet Street runs along y = 640, the Strand along x = 850, as far as a block of 200 beyond the furthest cell."""
    seen = Counter()
    for place, geometry in places_of(told / "places.gpkg"):
        (x, y), most = middle(geometry), reach(geometry) + 200
        gap, street = min((abs(y - 640), "Fleet Street"), (abs(x - 850), "Strand"))
        assert place["street"] == (street if gap <= most else None)
        west, east = (cells_in(geometry)[:, half].sum() for half in (slice(0, 10), slice(10, 20)))
        assert place["area_name"] == ("Castle ward" if west >= east else "Park ward")
        seen[place["street"]] += 1
        seen[place["area_name"]] += 1
    assert {"Fleet Street", "Strand", None, "Castle ward", "Park ward"} <= set(seen)


def test_the_feature_is_the_nearest_bar_where_bars_tell_most(told, city):
    findings = json.loads((told / "findings.json").read_text("utf-8"))
    (term,) = [t for t in findings["model"]["selected"] if t["factor"] == "bars"]
    largest = {card["place"]["rank"]: card["factors"][0]["factor"] for card in findings["cards"]}
    named = 0
    for place, geometry in places_of(told / "places.gpkg"):
        if place["rank"] not in largest:
            continue
        gaps = np.hypot(*(city.bars - ORIGIN - middle(geometry)).T)
        near = gaps.min() <= reach(geometry) + term["distance"]
        wanted = f"Bar {gaps.argmin()}" if largest[place["rank"]] == "bars" and near else None
        assert place["feature"] == wanted
        named += wanted is not None
    assert named


def test_card_table_and_findings_say_what_the_layer_says(told):
    findings = json.loads((told / "findings.json").read_text("utf-8"))
    layer = [{word: place[word] or "" for word in WORDS} for place, _ in places_of(told / "places.gpkg")]
    kept = [dict(zip(WORDS, place["where"].values(), strict=True)) for place in findings["places"]]
    assert kept == layer
    page = (told / "report.html").read_text("utf-8")
    first = layer[0]
    line = f"{first['where']}, <bdi>{first['street']}</bdi>, <bdi>{first['area_name']}</bdi>"
    assert f"<dt>Where</dt><dd>{line}</dd>" in page
    assert f"<td>{line}</td>" in page
    assert page.count(", streets in grey.</desc>") == len(findings["cards"]) > 0


def test_both_layers_are_among_the_inputs(told):
    model = json.loads((told / "model.json").read_text("utf-8"))
    roles = {item["role"]: (item["name"], item["features"]) for item in model["provenance"]["inputs"]}
    assert roles["streets"] == ("streets", 3)  # Cheapside is far away
    assert roles["areas"] == ("wards", 2)


def test_from_the_terrain_alone_and_in_the_report(told, chain, ground, out):
    """The steps and rtm:report tell the same places by the same words, but for the feature, which they cannot know."""
    given = {"TERRAIN": str(told / "terrain.tif"), "EXPECTED": str(told / "expected.tif"), "VALUE": 1}
    surroundings = {"STREETS": ground["streets"], "AREAS": ground["wards"]}
    process("priorityplaces", {**given, **surroundings, "OUTPUT": str(out / "places.gpkg")})
    again, before = ([p for p, _ in places_of(folder / "places.gpkg")] for folder in (out, told))
    assert [[p[w] for w in WORDS[:3]] for p in again] == [[p[w] for w in WORDS[:3]] for p in before]
    assert {p["feature"] for p in again} == {None}
    made = {"MODEL": str(told / "model.json"), "OUTPUT_FINDINGS": str(out / "findings.json")}
    process("report", {**given, **surroundings, **made})
    of_report, of_run = (json.loads((f / "findings.json").read_text("utf-8"))["places"] for f in (out, told))
    assert [{**p["where"], "feature": ""} for p in of_run] == [p["where"] for p in of_report]


def test_without_the_layers_there_is_still_the_reference(whole_run, chain):
    for path in (whole_run[0] / "places.gpkg", chain["places"]):
        for place, _ in places_of(path):
            assert place["where"].startswith("SK ")
            assert [place[word] for word in WORDS[1:]] == [None] * 3


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "csv", "shp", "fgb"])
def test_in_every_format(chain, ground, out, ending):
    path = out / f"places.{ending}"
    process("priorityplaces", {"TERRAIN": chain["terrain"], "AREAS": ground["wards"], "OUTPUT": str(path)})
    data = ogr.Open(str(path))
    (first, *_) = [json.loads(f.ExportToJson())["properties"] for f in data.GetLayer(0)]
    assert first["where"].startswith("SK ")
    assert first["area_name"] in WARDS
    assert {"street", "feature"} <= set(first)


def test_a_filter_chooses_the_streets(chain, ground, out):
    only = QgsProcessingFeatureSourceDefinition(ground["streets"], filterExpression="\"name_1\" = 'Strand'")
    process("priorityplaces", {"TERRAIN": chain["terrain"], "STREETS": only, "OUTPUT": str(out / "p.gpkg")})
    assert {place["street"] for place, _ in places_of(out / "p.gpkg")} <= {"Strand", None}


def test_names_that_are_numbers_are_names(chain, ground, out):
    """Wards called 1 and 2 are not wards that have no name and are the first and the second."""
    process("priorityplaces", {"TERRAIN": chain["terrain"], "AREAS": ground["numbered"], "OUTPUT": str(out / "p.gpkg")})
    assert {place["area_name"] for place, _ in places_of(out / "p.gpkg")} <= {"1", "2"}


def test_areas_without_names_are_refused(city, chain, ground, out):
    asked = {"TERRAIN": chain["terrain"], "AREAS": ground["codes"], "OUTPUT": str(out / "p.gpkg")}
    said = (
        "The layer 'codes' has no text field of names (name, title, label, or one that ends in name), so its areas "
        "cannot tell where places are; add such a field, or choose another layer."
    )
    assert refusal("priorityplaces", asked) == said
    assert refusal("run", run_parameters(city, out, AREAS=ground["codes"])) == said
    assert refusal("priorityplaces", {**asked, "AREAS": ground["streets"]}).startswith("The layer 'streets' holds line")
    assert files(out) == []


def test_streets_without_names_are_drawn_only(chain, ground, out):
    log = Log()
    asked = {"MODEL": chain["model"], "TERRAIN": chain["terrain"], "STREETS": ground["nameless"]}
    process("report", {**asked, "OUTPUT_REPORT": str(out / "r.html")}, log)
    assert [warning for warning in log.warnings if warning.startswith("The layer 'nameless' has no text field")]
    assert ", streets in grey.</desc>" in (out / "r.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("id", "name_1", "name_2"), "name_1"),  # OS Open Roads
        (("name1", "label"), "label"),
        (("WD24CD", "WD24NM"), "WD24NM"),  # the Office for National Statistics
        (("filename", "roadName_name"), "roadName_name"),
        (("alumnm", "username"), ""),
    ],
)
def test_which_field_names(city, tmp_path, names, chosen):
    from qgis.core import QgsVectorLayer

    source = write_layer(tmp_path / "n.gpkg", "n", ["POINT (0 0)"], {name: ["x"] for name in names})
    assert guessed_name_field(QgsVectorLayer(source).fields()) == chosen
