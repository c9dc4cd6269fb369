"""Priority places as polygons, and the styles that lie beside the results."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from osgeo import gdal, ogr
from qgis.core import QgsRasterLayer, QgsVectorLayer
from running import bands, process, refusal
from scipy import ndimage
from small_city import FACTORS

LEGEND = ["below mean", "mean to +1 SD", "+1 to +2 SD", "above mean + 2 SD: highest risk"]


def places_of(path) -> list[tuple[dict, ogr.Geometry]]:
    """Attributes and geometry of each place, in file order."""
    data = ogr.Open(str(path))
    return [(json.loads(f.ExportToJson())["properties"], f.GetGeometryRef().Clone()) for f in data.GetLayer(0)]


@pytest.fixture
def find(chain, out):
    """Run rtm:priorityplaces with everything given; changes as keywords, None to leave an input out."""

    def run(**changes):
        given = {"TERRAIN": chain["terrain"], "EXPECTED": chain["expected"], "COUNTS": chain["counts"]}
        given |= {"MODEL": chain["model"], "CANDIDATES": [chain[name] for name in FACTORS]}
        target = out / f"{len(list(out.iterdir()))}.gpkg"
        results = process("priorityplaces", {**given, **changes, "OUTPUT": str(target)})
        found = places_of(target)
        assert results["PLACE_COUNT"] == len(found) > 0
        return found

    return run


def cells_in(geometry: ogr.Geometry) -> np.ndarray:
    """Which cells of the city have their centre in the geometry."""
    inside = np.zeros((20, 20), dtype=bool)
    for row in range(20):
        for column in range(20):
            centre = ogr.CreateGeometryFromWkt(f"POINT ({400_050 + 100 * column} {301_950 - 100 * row})")
            inside[row, column] = geometry.Contains(centre)
    return inside


def test_places_are_what_they_say(find, chain):
    """Valid polygons, ranks from 1, areas, cells, scores and events that the rasters confirm."""
    found = find(RULE="share", VALUE=15)
    terrain, expected, counts = (bands(chain[name])[0] for name in ("terrain", "expected", "counts"))
    assert [p["rank"] for p, _ in found] == list(range(1, len(found) + 1))
    assert len(found) > 1
    for place, geometry in found:
        cells = cells_in(geometry)
        assert geometry.IsValid()
        assert geometry.GetGeometryName() == "MULTIPOLYGON"
        assert place["cells"] == cells.sum()
        assert place["area"] == pytest.approx(geometry.Area()) == place["cells"] * 10_000
        assert place["mean_score"] == pytest.approx(terrain[cells].mean())
        assert place["max_score"] == pytest.approx(terrain[cells].max())
        assert place["expected"] == pytest.approx(expected[cells].sum(), rel=1e-6)
        assert place["observed"] == counts[cells].sum()
        assert {part.split(" (")[0] for part in place["factors"].split(", ")} <= {"bars", "footpaths"}
    weights = [p["expected"] for p, _ in found]
    assert weights == sorted(weights, reverse=True)


def test_the_class_rule_takes_the_cells_above_the_cut(find, chain):
    terrain = bands(chain["terrain"])[0]
    valid = terrain[terrain > 0].astype(float)
    for value in (0, 1):
        cut = valid.mean() + value * valid.std(ddof=1)
        found = find(RULE="class", VALUE=value)
        covered = np.any([cells_in(geometry) for _, geometry in found], axis=0)
        assert np.array_equal(covered, terrain > cut)


def test_where_the_class_gives_few_places_the_highest_cells_are_taken(find, chain):
    """Fewer than five places above the mean + 2 SD: at least 5 % of the cells, none lower than what is left out."""
    terrain = bands(chain["terrain"])[0]
    valid = terrain[terrain > 0].astype(float)
    above = terrain > valid.mean() + 2 * valid.std(ddof=1)
    assert ndimage.label(above, np.ones((3, 3)))[1] < 5
    found = find(RULE="class", VALUE=2)
    covered = np.any([cells_in(geometry) for _, geometry in found], axis=0)
    assert covered[above].all()
    assert covered.sum() >= round(0.05 * len(valid)) > above.sum()
    assert terrain[covered].min() >= terrain[~covered].max()
    assert [p for p, _ in find(RULE="share", VALUE=5)] == [p for p, _ in found]


def test_the_count_rule_takes_that_many_or_a_whole_tie(find, chain):
    total = sum(p["cells"] for p, _ in find(RULE="count", VALUE=10))
    assert 10 <= total < 20


def test_max_area_splits(find):
    whole = find(RULE="class", VALUE=0)
    parts = find(RULE="class", VALUE=0, MAX_AREA=60_000)
    assert max(p["area"] for p, _ in whole) > 60_000
    assert max(p["area"] for p, _ in parts) <= 60_000
    for key in ("area", "cells", "observed"):
        assert sum(p[key] for p, _ in parts) == sum(p[key] for p, _ in whole)
    for i, (_, one) in enumerate(parts):
        assert all(one.Intersection(other).Area() == 0 for _, other in parts[i + 1 :])


def test_without_the_optional_inputs(find):
    """Only what is known is filled in."""
    found = find(RULE="share", VALUE=15, EXPECTED=None, COUNTS=None, MODEL=None, CANDIDATES=None)
    assert all(p["expected"] is None and p["observed"] is None and not p["factors"] for p, _ in found)
    weights = [p["mean_score"] * p["cells"] for p, _ in found]
    assert weights == sorted(weights, reverse=True)


def test_no_cell_meets_the_rule(chain, out):
    """A flat terrain has nothing above its mean."""
    flat = out / "flat.tif"
    copy = gdal.GetDriverByName("GTiff").CreateCopy(str(flat), gdal.Open(chain["terrain"]))
    values = copy.GetRasterBand(1).ReadAsArray()
    copy.GetRasterBand(1).WriteArray(np.where(values > 0, 1, values))
    copy.GetRasterBand(1).SetMetadataItem("RTM_DIGEST", None)
    del copy
    flat.with_name("flat.tif.aux.xml").unlink(missing_ok=True)
    sentence = refusal("priorityplaces", {"TERRAIN": str(flat), "OUTPUT": str(out / "places.gpkg")})
    assert sentence.startswith("There is no priority place, since every cell has the same score.")
    assert sorted(path.name for path in out.iterdir()) == ["flat.tif"]


def legend(path) -> list[tuple[float, str]]:
    """Upper bounds and labels of a .qml's colour ramp."""
    items = ElementTree.parse(path).getroot().iter("item")
    return [(float(item.get("value")), item.get("label")) for item in items if item.get("value")]


def test_terrain_style_has_the_four_classes(whole_run):
    """Breaks at mean, +SD and +2 SD, with labels in plain words."""
    folder, *_, model = whole_run
    mean, sd = model["score"]["mean"], model["score"]["sd"]
    found = legend(folder / "terrain.qml")
    assert [value for value, _ in found] == pytest.approx([mean, mean + sd, mean + 2 * sd, float("inf")], rel=1e-12)
    assert [label.rsplit(" (", 1)[0] for _, label in found] == LEGEND
    assert "INTERP" not in (folder / "terrain.qml").read_text(encoding="utf-8").split("colorRampType=")[1][:16]


def test_the_styles_load_by_themselves(whole_run):
    """A layer made from the bare file opens in the classes."""
    folder = whole_run[0]
    terrain = QgsRasterLayer(str(folder / "terrain.tif"), "t")
    labels = [item.label for item in terrain.renderer().shader().rasterShaderFunction().colorRampItemList()]
    assert [label.rsplit(" (", 1)[0] for label in labels] == LEGEND
    expected = QgsRasterLayer(str(folder / "expected.tif"), "e")
    labels = [item.label for item in expected.renderer().shader().rasterShaderFunction().colorRampItemList()]
    assert labels[-1].endswith("or more events a cell")
    places = QgsVectorLayer(str(folder / "places.gpkg"), "p", "ogr")
    assert places.labelsEnabled()
    assert places.labeling().settings().fieldName == "rank"
    for stray in folder.glob("*.aux.xml"):
        stray.unlink()


@pytest.mark.parametrize(("name", "label"), [("grid", "cell of the study area"), ("bars", "bars: within 100 m")])
def test_flag_styles_have_a_legend(chain, name, label):
    layer = QgsRasterLayer(chain[name], name)
    assert [c.label for c in layer.renderer().classes()] == [f"not {label}", label]
    assert Path(chain[name]).with_suffix(".qml").exists()
