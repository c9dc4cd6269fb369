"""rtm:patrolplaces on the small city: what the polygons say is what the rasters and core say; refusals; the style."""

import json

import numpy as np
import pytest
from osgeo import gdal, ogr
from qgis.core import QgsVectorLayer
from risk_terrain.rtm_plugin.core.documents.patrol_settings import PatrolSettings
from risk_terrain.rtm_plugin.core.ground.grid import Grid
from risk_terrain.rtm_plugin.core.terrain.patrol_places import patrol_places
from running import Log, bands, files, process
from small_city import moved, wkt, write_layer
from test_places_and_styles import cells_in, places_of


def patrols_of(path) -> list[tuple[dict, ogr.Geometry]]:
    """As of priority places; a truth that is not known is None, which GDAL's JSON calls false."""
    data = ogr.Open(str(path))
    known = [feature.IsFieldSetAndNotNull("problem") for feature in data.GetLayer(0)]
    return [
        ({**p, "problem": p["problem"] if k else None}, g) for (p, g), k in zip(places_of(path), known, strict=True)
    ]


@pytest.fixture
def find(chain, out):
    """Run rtm:patrolplaces; gives attributes and geometry of each place, what the tool gives, and what it said."""

    def run(ending="gpkg", **changes):
        target, log = out / f"{len(list(out.iterdir()))}.{ending}", Log()
        results = process("patrolplaces", {"FORECAST": chain["forecast"], **changes, "OUTPUT": str(target)}, log)
        found = patrols_of(target)
        assert results["PLACE_COUNT"] == len(found) > 0
        return found, results, log

    return run


def forecast_of(chain):
    """(20, 20): events expected in each cell; nothing where there is none."""
    values = bands(chain["forecast"])[0].astype(float)
    return np.where(values < 0, np.nan, values)


def halves(folder, field="name", names=("west", "east")):
    """The city in two areas, the border between the tenth and the eleventh column."""
    west, east = ([(x, -100), (x + 1100, -100), (x + 1100, 2100), (x, 2100), (x, -100)] for x in (-100, 1000))
    return write_layer(folder / "h.gpkg", "halves", [wkt("POLYGON", [moved(r)]) for r in (west, east)], {field: names})


@pytest.mark.parametrize(
    "asked",
    [
        {"BUDGET": 10},
        {"BUDGET_RULE": "count", "BUDGET": 5, "MAX_AREA": 60_000},
        {"BUDGET_RULE": "area", "BUDGET": 23.5},
        {"BUDGET": 10, "MIN_DISTANCE": 250},
    ],
)
def test_places_are_what_they_say(find, chain, asked):
    """Numbers that the forecast confirms, cells that core chooses, and the budget kept."""
    found, results, _ = find(**asked)
    expected = forecast_of(chain)
    grid = Grid(400_000, 302_000, 100, 200, np.isfinite(expected))
    area, apart = asked.get("MAX_AREA"), asked.get("MIN_DISTANCE")
    settings = PatrolSettings(asked.get("BUDGET_RULE", "share"), asked["BUDGET"], area, apart)
    label = grid.raster(patrol_places(grid, expected[grid.mask], settings).label, 0)
    everything = np.nansum(expected)
    for rank, (place, geometry) in enumerate(found, 1):
        cells = cells_in(geometry)
        assert np.array_equal(cells, label == rank)
        assert geometry.IsValid()
        assert geometry.GetGeometryCount() == 1  # one part: the cells share edges
        assert (place["rank"], place["cells"]) == (rank, cells.sum())
        assert place["hectares"] == pytest.approx(geometry.Area() / 1e4) == place["cells"]
        assert place["expected"] == pytest.approx(expected[cells].sum())
        assert place["share"] == pytest.approx(100 * expected[cells].sum() / everything)
        assert place["per_hectare"] == pytest.approx(expected[cells].mean())
        assert (place["area"], place["problem"], place["problem_rank"]) == ("", None, None)
    assert label.max() == len(found)
    weights = [place["expected"] for place, _ in found]
    assert weights == sorted(weights, reverse=True)
    assert results["EXPECTED_EVENTS"] == pytest.approx(sum(weights))
    assert results["EXPECTED_SHARE"] == pytest.approx(100 * sum(weights) / everything)
    limit = {"share": 0.1 * grid.cells, "count": 5 * 6, "area": 23.5}[settings.rule]
    assert sum(place["cells"] for place, _ in found) <= limit
    assert max(place["cells"] for place, _ in found) <= (6 if area else 4)


def test_they_expect_what_the_best_cells_do(find, chain):
    """At least 97 %, and the log says how much of all."""
    found, results, log = find(BUDGET=5)
    best = np.sort(forecast_of(chain)[np.isfinite(forecast_of(chain))])[::-1]
    cells = sum(place["cells"] for place, _ in found)
    assert cells == int(0.05 * len(best))
    assert sum(place["expected"] for place, _ in found) >= 0.97 * best[:cells].sum()
    (said,) = [note for note in log.notes if "patrol places of" in note]
    assert said == (
        f"{len(found)} patrol places of {cells} cells, {cells / len(best):.1%} of the area, no place of more than 4; "
        f"{results['EXPECTED_EVENTS']:,.1f} events are expected in them, {results['EXPECTED_SHARE']:.1f}% of all."
    )
    assert log.warnings == []


def test_what_larger_places_cost_is_told(find):
    """Places that lie far apart cannot have the best cells."""
    _, _, log = find(BUDGET=20, MIN_DISTANCE=400)
    assert any("of what as many single cells would expect at best" in warning for warning in log.warnings)


def test_a_budget_of_less_than_a_cell(find):
    """One cell is the least that there is, and that it is more than asked is told."""
    found, _, log = find(BUDGET=0.1)
    assert [place["cells"] for place, _ in found] == [1]
    assert log.warnings == ["The budget for patrol places is less than one cell; one is taken all the same."]


def test_priority_places_that_overlap_are_named(find, chain):
    """The rank of the priority place with which a patrol place shares most cells."""
    found, _, _ = find(BUDGET=15, PLACES=chain["places"])
    priority = [(place["rank"], cells_in(geometry)) for place, geometry in places_of(chain["places"])]
    assert {place["problem"] for place, _ in found} == {True, False}
    for place, geometry in found:
        cells = cells_in(geometry)
        shared = [(np.count_nonzero(cells & other), -rank) for rank, other in priority]
        most, rank = max(shared)
        assert place["problem"] == (most > 0)
        assert place["problem_rank"] == (-rank if most else None)


def test_areas_are_named_by_most_cells(find, tmp_path):
    source = halves(tmp_path)
    found, _, _ = find(BUDGET=15, AREAS=source)
    assert {place["area"] for place, _ in found} == {"west", "east"}
    for place, geometry in found:
        west, east = cells_in(geometry)[:, :10].sum(), cells_in(geometry)[:, 10:].sum()
        assert place["area"] == ("west" if west >= east else "east")
    numbered = halves(tmp_path / "n", "code", (7, 8)) if (tmp_path / "n").mkdir() is None else ""
    assert {place["area"] for place, _ in find(BUDGET=15, AREAS=numbered, AREA_FIELD="code")[0]} == {"7", "8"}


def test_other_formats(find):
    """A table without geometry, and one whose names are short."""
    whole = [place for place, _ in find(BUDGET=5)[0]]
    short = [place for place, _ in find("shp", BUDGET=5)[0]]
    assert [place["rank"] for place in short] == [place["rank"] for place in whole]
    assert [place["expected"] for place in short] == pytest.approx([place["expected"] for place in whole])


def test_again_the_same(find):
    first, second = (json.dumps([place for place, _ in find(BUDGET=10)[0]]) for _ in range(2))
    assert first == second


def test_the_style_is_of_the_family_of_priority_places(find, chain, out):
    """Ranked outlines, but in another colour, and dashed."""
    find()
    patrol = QgsVectorLayer(str(out / "0.gpkg"), "patrol", "ogr")
    priority = QgsVectorLayer(chain["places"], "places", "ogr")
    lines = []
    for layer in (patrol, priority):
        assert layer.labelsEnabled()
        assert layer.labeling().settings().fieldName == "rank"
        halo, line = layer.renderer().symbol().symbolLayers()
        assert halo.strokeColor().name() == "#ffffff"
        lines.append((line.strokeColor().name(), line.properties()["outline_style"]))
    assert lines == [("#0b5394", "dash"), ("#101010", "solid")]


def test_refusals(refused, city, chain, tmp_path):
    """Each in a sentence that names the layer, and nothing left behind."""
    assert refused("patrolplaces", FORECAST=chain["terrain"]) == (
        "The forecast raster 'terrain' was not made by rtm:forecast or rtm:run; run that first and choose its output."
    )
    assert refused("patrolplaces", PLACES=city.layer("parks")) == (
        "The layer 'parks' does not hold priority places; choose the output of rtm:priorityplaces or rtm:run."
    )
    assert refused("patrolplaces", AREAS=city.layer("parks")) == (
        "The layer 'parks' has no field of names; choose the field that names the areas."
    )
    assert refused("patrolplaces", BUDGET=0) == ("The budget for patrol places is 0.0; it must be a number above 0.")
    assert refused("patrolplaces", BUDGET_RULE="count", BUDGET=1.5) == (
        "The budget for patrol places is 1.5 places; it must be a whole number of them."
    )


def test_a_forecast_that_tells_nothing_apart(refused, chain, tmp_path):
    flat = tmp_path / "flat.tif"
    copy = gdal.GetDriverByName("GTiff").CreateCopy(str(flat), gdal.Open(chain["forecast"]))
    values = copy.GetRasterBand(1).ReadAsArray()
    copy.GetRasterBand(1).WriteArray(np.where(values > 0, 1, values))
    copy.GetRasterBand(1).SetMetadataItem("RTM_DIGEST", None)
    del copy
    sentence = refused("patrolplaces", FORECAST=str(flat))
    assert sentence.startswith("The forecast 'flat' expects as many events in one cell as in any other")


def test_only_the_layer_and_its_style_are_written(find, out):
    find()
    assert files(out) == ["0.gpkg", "0.qml"]
    assert ogr.Open(str(out / "0.gpkg")).GetLayer(0).GetGeomType() == ogr.wkbMultiPolygon
