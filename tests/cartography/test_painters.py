"""Styles of rasters and vectors on small layers: what QGIS draws, its legend, named styles and descriptions."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import Qgis, QgsFeature, QgsGeometry, QgsProcessingFeedback, QgsProject, QgsRasterLayer, QgsVectorLayer
from risk_terrain.rtm_plugin.adapters.rasters import Band, candidate_bands, write_raster
from risk_terrain.rtm_plugin.cartography.metadata import describe
from risk_terrain.rtm_plugin.cartography.sidecars import add_named_styles, sidecar_path, style_text, styler
from risk_terrain.rtm_plugin.cartography.styles import (
    CONTINUOUS,
    FOUR_CLASSES,
    RAMP_COLOURS,
    named_styles,
    terrain_painter,
)
from risk_terrain.rtm_plugin.cartography.symbols import factor_painter, outline_painter, places_painter
from risk_terrain.rtm_plugin.core.candidates.columns import Candidate, FactorCandidates
from risk_terrain.rtm_plugin.core.ground.grid import Grid
from risk_terrain.rtm_plugin.core.terrain.scores import CLASS_COLOURS, ScoreSummary

GRID = Grid(400_000.0, 300_300.0, 100.0, 200.0, np.ones((3, 3), dtype=bool), "EPSG:27700")
SCORES = np.array([1, 1, 1, 2, 2, 4, 4, 8, 100], dtype=np.float32)


@pytest.fixture
def terrain(qgis_app, tmp_path) -> QgsRasterLayer:
    """A risk terrain of nine cells with its sidecar, as a layer."""
    path, summary = str(tmp_path / "terrain.tif"), ScoreSummary.of(SCORES)
    items = {f"RTM_SCORE_{name.upper()}": repr(getattr(summary, name)) for name in ("min", "mean", "sd", "max")}
    items |= {"RTM_MODEL": "0123456789abcdef", "RTM_FACTORS": "bars (multiplies by 4)", "RTM_FIT_START": "2024-01-01"}
    write_raster(path, GRID, [Band(SCORES, "relative risk score")], -9999.0, "terrain", items)
    Path(sidecar_path(path)).write_text(style_text(path, terrain_painter(summary)), encoding="utf-8")
    return QgsRasterLayer(path, "terrain")


@pytest.fixture
def stack(qgis_app, tmp_path) -> QgsRasterLayer:
    """Two candidates of a factor with a name that is no good for a sentence."""
    kinds = (("proximity", 100.0), ("density", 250.0))
    candidates = [Candidate(f"bus_stops_{k}_{d:g}", "bus_stops", k, d, "aggravating") for k, d in kinds]
    columns = [np.arange(9) < 3, np.arange(9) < 5]
    path = str(tmp_path / "stack.tif")
    write_raster(path, GRID, candidate_bands(FactorCandidates.from_columns(candidates, columns)), 255, "candidates")
    return QgsRasterLayer(path, "stack")


def ramp_of(layer: QgsRasterLayer) -> list:
    return layer.renderer().shader().rasterShaderFunction().colorRampItemList()


def drawn(layer: QgsRasterLayer) -> list[list[str]]:
    """Colours of the cells as QGIS draws them, rows from the north; "" where nothing is drawn."""
    block = layer.renderer().block(1, layer.extent(), layer.width(), layer.height())
    colours = [[block.color(row, column) for column in range(layer.width())] for row in range(layer.height())]
    return [["" if not _alpha(c) else f"#{c & 0xFFFFFF:06x}" for c in row] for row in colours]


def flat(rows: list[list[str]]) -> list[str]:
    return [colour for row in rows for colour in row]


def _alpha(colour: int) -> int:
    return colour >> 24


def test_a_terrain_has_two_named_styles(terrain):
    """The classes first and current; the ramp does not touch them."""
    add_named_styles(terrain)
    manager = terrain.styleManager()
    assert sorted(manager.styles()) == [CONTINUOUS, FOUR_CLASSES]
    assert manager.currentStyle() == FOUR_CLASSES
    assert len(ramp_of(terrain)) == 4
    manager.setCurrentStyle(CONTINUOUS)
    assert len(ramp_of(terrain)) == len(RAMP_COLOURS)
    manager.setCurrentStyle(FOUR_CLASSES)
    assert [item.color.name() for item in ramp_of(terrain)] == list(CLASS_COLOURS)


def test_the_classes_as_they_are_drawn(terrain):
    """Mean 13.7 and SD 32.5: all below the mean but the last, which lies above mean + 2 SD."""
    colours = flat(drawn(terrain))
    assert colours == [CLASS_COLOURS[0]] * 8 + [CLASS_COLOURS[3]]


def test_the_ramp_is_even_in_the_logarithm(terrain):
    add_named_styles(terrain)
    terrain.styleManager().setCurrentStyle(CONTINUOUS)
    items = ramp_of(terrain)
    values = [item.value for item in items]
    assert (values[0], values[-1]) == (1, 100)
    assert [b / a for a, b in pairwise(values)] == pytest.approx([100 ** (1 / 8)] * 8)
    assert (items[0].label, items[-1].label) == ("1.00: lowest risk", "100 times the lowest risk")
    colours = flat(drawn(terrain))
    assert (colours[0], colours[-1]) == (RAMP_COLOURS[0], RAMP_COLOURS[-1])
    assert len(set(colours)) == 5


def test_named_styles_survive_a_project(terrain, tmp_path):
    add_named_styles(terrain)
    project = QgsProject()
    project.addMapLayer(terrain)
    assert project.write(str(tmp_path / "p.qgz"))
    again = QgsProject()
    assert again.read(str(tmp_path / "p.qgz"))
    layer = next(iter(again.mapLayers().values()))
    assert sorted(layer.styleManager().styles()) == [CONTINUOUS, FOUR_CLASSES]
    again.clear()


def test_every_band_of_a_stack_is_a_style_in_words(stack):
    add_named_styles(stack)
    manager = stack.styleManager()
    names = ["bus stops: within 100 m", "bus stops: high density within 250 m"]
    assert sorted(manager.styles()) == sorted(names)
    for number, name in enumerate(names, 1):
        manager.setCurrentStyle(name)
        if number > 1:
            assert stack.renderer().inputBand() == number
            assert [c.label for c in stack.renderer().classes()] == [f"not {name}", name]
            assert sum(colour != "" for colour in flat(drawn(stack))) == 5


def test_rasters_that_are_not_ours_or_damaged_are_left_alone(terrain, tmp_path):
    path = str(tmp_path / "other.tif")
    gdal.GetDriverByName("GTiff").Create(path, 3, 3, 1)
    other = QgsRasterLayer(path, "other")
    assert named_styles(other) == []
    before = other.metadata().title()
    describe(other)
    assert other.metadata().title() == before
    data = gdal.Open(terrain.source(), gdal.GA_Update)
    data.SetMetadataItem("RTM_SCORE_MEAN", "<b>")
    del data
    assert named_styles(QgsRasterLayer(terrain.source(), "damaged")) == []


def test_a_loaded_result_describes_itself(terrain):
    """Title, abstract, hash of the model, settings, extent, CRS and period, in the layer and in the bare file."""
    styler().postProcessLayer(terrain, _Context(), QgsProcessingFeedback())
    about = terrain.metadata()
    assert about.title() == "Risk terrain: relative risk score"
    assert "ten times the rate" in about.abstract()
    assert about.identifier() == "0123456789abcdef"
    assert "Factors in the model: bars (multiplies by 4)" in about.history()
    assert "Cell size, map units: 100.0" in about.history()
    assert about.crs().authid() == "EPSG:27700"
    box = about.extent().spatialExtents()[0].bounds
    assert (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()) == (400_000, 300_000, 400_300, 300_300)
    assert about.extent().temporalExtents()[0].begin().date().year() == 2024
    assert gdal.Open(terrain.source()).GetMetadataItem("TIFFTAG_DOCUMENTNAME") == about.title()


class _Context:
    def project(self):
        return None


def layer_of(kind: str, *shapes: str, fields: str = "", values=()) -> QgsVectorLayer:
    layer = QgsVectorLayer(f"{kind}?crs=EPSG:27700{fields}", "layer", "memory")
    features = []
    for i, shape in enumerate(shapes):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromWkt(shape))
        if values:
            feature.setAttributes([values[i]])
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    return layer


@pytest.mark.parametrize("kind", ["Point", "LineString", "Polygon"])
def test_fifteen_factors_look_different(qgis_app, kind):
    layer = layer_of(kind)
    seen = set()
    for number in range(15):
        factor_painter(number)(layer)
        symbol = layer.renderer().symbol()
        seen.add(str(sorted(symbol.symbolLayer(0).properties().items())))
    assert len(seen) == (15 if kind == "Point" else 10)


@pytest.mark.parametrize("kind", ["LineString", "Polygon"])
def test_the_outline_is_not_filled(qgis_app, kind):
    layer = layer_of(kind)
    outline_painter()(layer)
    symbol = layer.renderer().symbol()
    assert symbol.symbolLayerCount() == 2
    if kind == "Polygon":
        assert {symbol.symbolLayer(i).properties()["style"] for i in range(2)} == {"no"}


def test_ranks_have_a_light_edge_and_the_first_go_before(qgis_app):
    layer = layer_of("Polygon", fields="&field=rank:int&field=cells:int")
    places_painter()(layer)
    labels = layer.labeling().settings()
    assert labels.format().buffer().enabled()
    assert labels.format().buffer().color().lightness() > 250 > 30 > labels.format().color().lightness()
    priority = labels.dataDefinedProperties().property(type(labels).Property.Priority)
    assert "rank" in priority.expressionString()
    assert layer.renderer().symbol().type() == Qgis.SymbolType.Fill
