"""The dock and the map tool on a real map: clicks at known cells, ticks, refusals, and nothing left behind."""

import json
import math
import sys
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication
from risk_terrain import classFactory
from risk_terrain.rtm_plugin.adapters.classes_in_view import classes_in_view
from risk_terrain.rtm_plugin.core.model.document import RiskModel
from risk_terrain.rtm_plugin.gui.dock.answer import answer_html
from risk_terrain.rtm_plugin.gui.dock.highlight import geometry_of
from risk_terrain.rtm_plugin.gui.dock.widgets import CHECKED, FACTOR, UNCHECKED
from test_plugin_object import Window

sys.path.insert(0, str(Path(__file__).parents[1] / "algorithms"))
from running import process
from small_city import CRS

PATIENCE = 20_000  # milliseconds


@pytest.fixture
def plugin(qgis_processing, qgis_iface):
    window = Window(qgis_iface)
    plugin = classFactory(window)
    plugin.initGui()
    window.window.show()
    window.canvas.resize(800, 600)
    window.canvas.show()
    yield plugin
    plugin.unload()
    assert window.left() == []
    QgsProject.instance().clear()


@pytest.fixture
def study(run_folder, plugin):
    """The folder of a run; its layers and files are there, nothing is in the project."""
    return run_folder()


@pytest.fixture
def dock(city, study, plugin):
    """The dock on a project with the run's terrain and factors, the whole of it in view."""
    project = QgsProject.instance()
    for name in ("bars", "footpaths", "parks", "kiosks", "events"):
        project.addMapLayer(QgsVectorLayer(city.layer(name), name))
    terrain = QgsRasterLayer(str(study / "terrain.tif"), "terrain")
    project.addMapLayer(terrain)
    project.addMapLayer(QgsRasterLayer(str(study / "expected.tif"), "expected"))
    project.addMapLayer(QgsVectorLayer(str(study / "places.gpkg"), "places"))
    canvas = plugin.tools.dock.classes._canvas
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem(CRS))
    canvas.setExtent(terrain.extent())
    plugin.tools.dock.show()
    plugin.tools.dock.refresh()
    return plugin.tools.dock


def wait(until) -> None:
    """Let events come until something is true."""
    waited = 0
    while not until():
        QTest.qWait(20)
        waited += 20
        assert waited < PATIENCE, "it did not come"


def riskiest(study) -> tuple[float, float, float, float]:
    """Centre of the cell with the highest expected count, its score and that count."""
    expected, score = (gdal.Open(str(study / f"{name}.tif")) for name in ("expected", "terrain"))
    values = expected.ReadAsArray()
    row, column = np.unravel_index(values.argmax(), values.shape)
    x, size, _, y, _, _ = expected.GetGeoTransform()
    place = x + (column + 0.5) * size, y - (row + 0.5) * size
    return *place, float(score.ReadAsArray()[row, column]), float(values.max())


def click(dock, plugin, x: float, y: float) -> None:
    """The tool in hand, a click on the map at a place, and the answer."""
    QTest.mouseClick(dock.parts.why, Qt.MouseButton.LeftButton)
    canvas = dock.classes._canvas
    assert canvas.mapTool() is plugin.tools.tool
    at = canvas.mapSettings().mapToPixel().transform(QgsPointXY(x, y))
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(round(at.x()), round(at.y())))
    wait(lambda: not dock.answers.question.running)


def test_a_click_at_a_known_cell(dock, plugin, study):
    x, y, score, expected = riskiest(study)
    click(dock, plugin, x, y)
    text = dock.parts.answer.toPlainText()
    assert f"Relative risk score {score:.4g}: above mean + 2 SD: highest risk." in text
    assert f"Expected events in the cell: {expected:.3g}." in text
    assert "Rank 1 of " in text
    assert "Observed events in the cell: " in text
    assert "It lies in priority place 1: " in text
    assert "association, not proof of cause" in text
    shares = [line for line in text.splitlines() if line.strip().endswith("%")]
    assert sum(int(line.split("%")[0].strip().split()[-1]) for line in shares) in (99, 100, 101)
    QTest.mouseClick(dock.parts.copy, Qt.MouseButton.LeftButton)
    copied = QApplication.clipboard().text()
    assert copied.splitlines()[0] == f"Relative risk score {score:.4g}: above mean + 2 SD: highest risk."
    assert "█" in copied


def test_a_click_beside_the_terrain_is_a_sentence(dock, plugin, study):
    terrain = dock.models.terrain.extent()
    dock.classes._canvas.setExtent(terrain.buffered(3000))
    click(dock, plugin, terrain.xMinimum() - 2000, terrain.yMinimum() - 2000)
    assert dock.parts.answer.toPlainText() == (
        "The point lies in no cell of the risk terrain; choose a place on the coloured map."
    )
    assert not dock.parts.copy.isEnabled()


def test_the_tool_is_put_down_again(dock, plugin):
    plugin.tools.why.trigger()
    assert dock.parts.why.isChecked()
    assert plugin.tools.why.isChecked()
    QTest.mouseClick(dock.parts.why, Qt.MouseButton.LeftButton)
    assert dock.classes._canvas.mapTool() is not plugin.tools.tool
    assert not plugin.tools.why.isChecked()


def test_an_empty_project(plugin):
    dock = plugin.tools.dock
    dock.refresh()
    dock.ask(QgsPointXY(0, 0))
    sentence = "There is no risk terrain in this project yet; run a study, or add its raster."
    assert dock.parts.answer.toPlainText() == dock.parts.state.text() == sentence
    assert not dock.parts.report.isEnabled()


def test_factors_of_the_model(dock, study):
    model = RiskModel.load(study / "model.json")
    tree = dock.parts.factors
    shown = [tree.topLevelItem(i).data(0, FACTOR) for i in range(tree.topLevelItemCount())]
    assert shown == [term.factor for term in model.selected]
    assert f"{model.events.inside:,.0f} events" in dock.parts.state.text()


def test_a_tick_shows_the_features(dock):
    item = next(
        dock.parts.factors.topLevelItem(i) for i in range(2) if dock.parts.factors.topLevelItem(i).text(0) == "bars"
    )
    item.setCheckState(0, CHECKED)
    assert dock.factors.highlights.shown() == ["bars"]
    dock.refresh()
    assert dock.factors.highlights.shown() == ["bars"], "a layer that comes takes no tick away"
    item.setCheckState(0, UNCHECKED)
    assert dock.factors.highlights.shown() == []


def test_a_factor_without_its_layer(dock, plugin, study):
    bars = QgsProject.instance().mapLayersByName("bars")[0]
    QgsProject.instance().removeMapLayer(bars)
    (study / "model.json").write_text(
        (study / "model.json").read_text(encoding="utf-8").replace("|layername=bars", "-gone|layername=bars"), "utf-8"
    )
    dock.refresh()
    item = next(
        dock.parts.factors.topLevelItem(i) for i in range(2) if dock.parts.factors.topLevelItem(i).text(0) == "bars"
    )
    assert item.isDisabled()
    x, y, *_ = riskiest(study)
    click(dock, plugin, x, y)
    assert "Shares are not told, as the layers of these factors are not there: bars." in dock.parts.answer.toPlainText()


def test_classes_in_view(dock, study):
    wait(lambda: dock.parts.classes.topLevelItemCount() == 4)
    model = RiskModel.load(study / "model.json")
    cells = [int(dock.parts.classes.topLevelItem(i).text(1).replace(",", "")) for i in range(4)]
    assert sum(cells) == model.grid.cells
    total = sum(float(dock.parts.classes.topLevelItem(i).text(3).replace(",", "")) for i in range(4))
    values = gdal.Open(str(study / "expected.tif")).ReadAsArray()
    assert total == pytest.approx(values[values != -9999].sum(), abs=0.3)
    x, y, *_ = riskiest(study)
    dock.classes._canvas.setExtent(QgsRectangle(x - 10, y - 10, x + 10, y + 10))
    wait(
        lambda: (
            "1" in [dock.parts.classes.topLevelItem(i).text(1) for i in range(dock.parts.classes.topLevelItemCount())]
        )
    )


def test_classes_of_a_part_by_hand(study, plugin):
    values = gdal.Open(str(study / "terrain.tif")).ReadAsArray()
    model = RiskModel.load(study / "model.json")
    x, size, _, y, _, _ = gdal.Open(str(study / "terrain.tif")).GetGeoTransform()
    view = QgsRectangle(x + 2 * size + 1, y - 9 * size + 1, x + 7 * size - 1, y - 4 * size - 1)
    rows = classes_in_view(str(study / "terrain.tif"), "", model.score, view)
    part = values[4:9, 2:7]
    part = part[part != -9999].astype(float)
    cuts = (-1, *model.score.cuts, np.inf)
    assert [row.cells for row in rows] == [((part > a) & (part <= b)).sum() for a, b in pairwise(cuts)]
    assert {row.expected for row in rows} == {None}
    away = QgsRectangle(0, 0, 1, 1)
    assert classes_in_view(str(study / "terrain.tif"), "", model.score, away) == ()
    assert classes_in_view("/nowhere.tif", "", model.score, view) == ()


def test_a_lost_model_is_asked_for(dock, study, tmp_path):
    kept = tmp_path / "elsewhere.json"
    (study / "model.json").rename(kept)
    dock.refresh()
    sentence = "No model file beside this raster gives its scores; run the study again, or find the model of 'terrain'."
    assert dock.parts.state.text() == sentence
    assert dock.parts.find.isVisibleTo(dock)
    dock.ask(QgsPointXY(0, 0))
    assert dock.parts.answer.toPlainText() == sentence
    other = json.loads(kept.read_text(encoding="utf-8"))
    other["score"]["mean"] += 1
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(other), encoding="utf-8")
    dock.models.use_file(str(wrong))
    assert dock.parts.state.text() == "The model wrong.json does not give the scores of 'terrain'; choose another file."
    dock.models.use_file(str(kept))
    assert not dock.parts.find.isVisibleTo(dock)
    assert dock.models.terrain.customProperty("risk_terrain/model") == str(kept)


def test_what_if_without_the_selected_features(dock, study):
    from risk_terrain.rtm_plugin.gui.dock.what_if import what_if_parameters

    bars = QgsProject.instance().mapLayersByName("bars")[0]
    bars.selectByExpression("kind = 'early'")
    parameters = what_if_parameters(dock.models.project_model, "bars", bars)
    results = process("whatif", {**parameters, "OUTPUT": str(study / "after.tif")})
    assert results["CHANGE"] < 0
    bars.removeSelection()
    assert "AFTER" not in what_if_parameters(dock.models.project_model, "bars", bars)


def test_the_dock_follows_the_project(dock, plugin):
    QgsProject.instance().removeMapLayer(dock.models.terrain)
    wait(lambda: dock.parts.models.count() == 0)
    assert dock.parts.factors.topLevelItemCount() == 0


def test_unload_while_a_question_is_open(dock, study):
    """The fixture unloads the plugin at once."""
    x, y, *_ = riskiest(study)
    dock.ask(QgsPointXY(x, y))
    assert dock.answers.question.running


def test_a_second_question_takes_the_place_of_the_first(dock, study):
    x, y, score, _ = riskiest(study)
    dock.ask(QgsPointXY(0, 0))
    dock.ask(QgsPointXY(x, y))
    wait(lambda: not dock.answers.question.running)
    assert f"Relative risk score {score:.4g}" in dock.parts.answer.toPlainText()


def test_what_flashes_is_the_whole_feature(dock, city):
    """A park by one of its edges, a bar by its point; the edge itself where the layer is not there."""
    crs = QgsCoordinateReferenceSystem(CRS)
    park, bar = (QgsProject.instance().mapLayersByName(name)[0] for name in ("parks", "bars"))
    ring = next(park.getFeatures()).geometry()
    edge = [ring.vertexAt(i) for i in (0, 1)]
    numbers = [edge[0].x(), edge[0].y(), edge[1].x(), edge[1].y()]
    assert geometry_of(numbers, crs, park).equals(ring)
    assert geometry_of(numbers, crs, None).length() == pytest.approx(edge[0].distance(edge[1]))
    assert geometry_of(city.bars[3], crs, bar).asPoint() == QgsPointXY(*city.bars[3])


def test_names_are_escaped():
    factor = {"factor": "<script>", "share": 0.5, "about": "a & b"}
    page = answer_html({"marking": "<u>", "summary": ("<b>",), "factors": [factor], "cautions": ("<i>",)})
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<b>&lt;u&gt;</b>" in page
    assert "a &amp; b" in page


def test_a_protective_factor_divides(qgis_app):
    """The dock's table and the answer say ÷ and "no … near", never a bare number or the factor alone."""
    from types import SimpleNamespace

    from qgis.PyQt.QtWidgets import QWidget
    from risk_terrain.rtm_plugin.core.answers.explain import FactorHere
    from risk_terrain.rtm_plugin.core.model.document import ModelTerm
    from risk_terrain.rtm_plugin.gui.dock.widgets import DockWidgets

    def term(factor, direction, rrv):
        name = f"{factor}_proximity_300"
        return ModelTerm(
            name=name,
            factor=factor,
            operationalisation="proximity",
            distance=300.0,
            direction=direction,
            coefficient=math.log(rrv),
            standard_error=0.1,
            p_value=0.001,
            rrv=rrv,
        )

    selected = (term("bars", "aggravating", 3.125), term("stations", "protective", 2.26))
    grid, events = SimpleNamespace(cells=100), SimpleNamespace(inside=50.0)
    untested = {"rrv_of": lambda term: term.rrv, "test_of": lambda term: None}
    model = SimpleNamespace(grid=grid, events=events, selected=selected, family="nb1", **untested)
    parent = QWidget()
    widgets = DockWidgets(parent)
    widgets.show_model(SimpleNamespace(model=model, report="", factors={}, refused=()))
    tree = widgets.factors
    assert [tree.topLevelItem(i).text(2) for i in range(2)] == ["× 3.12", "÷ 2.26"]
    here = FactorHere(
        factor="stations",
        operationalisation="proximity",
        direction="protective",
        influence=300.0,
        rrv=2.26,
        exposed=False,
        share=0.33,
        nearest=812.0,
        nearest_feature=(0.0, 0.0),
    )
    factor = {**asdict(here), "label": here.label, "effect": here.effect, "about": here.about("m")}
    page = answer_html({"summary": (), "factors": [factor], "cautions": ()})
    assert "<b>no stations near</b>" in page
    assert "÷ 2.26" in page
    assert "#b30000" not in page
