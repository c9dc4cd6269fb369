"""Every button, menu entry and map tool of dock, settings page and plugin is clicked, and does what it says.

A test says with `clicks` what it clicks. The last tests walk through the windows and fail when there is something in
them that no test clicks.
"""

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from dialog_hands import choose_in_dialog, run_to_the_end
from qgis.core import QgsProject, QgsRasterLayer, QgsSettings, QgsVectorLayer
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import QEvent, QObject, QPoint, Qt, QUrl, pyqtSlot
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAbstractButton, QApplication, QWidget
from risk_terrain import classFactory
from risk_terrain.rtm_plugin.adapters.preferences import load_preferences
from risk_terrain.rtm_plugin.gui.briefing import briefing_parameters
from risk_terrain.rtm_plugin.gui.settings import SettingsFactory
from test_plugin_object import Window
from wizard_hands import wait

sys.path.insert(0, str(Path(__file__).parents[1] / "algorithms"))

CLICKED: dict[str, set[str]] = {"dock": set(), "settings": set(), "plugin": set()}


def clicks(window: str, *labels: str) -> Callable:
    """Says which buttons or entries of a window a test clicks."""

    def keep(test: Callable) -> Callable:
        CLICKED[window].update(labels)
        return test

    return keep


def click(button: QWidget) -> None:
    """A click of the left button on a button that can be clicked."""
    assert button.isEnabled()
    assert button.isVisible()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


class Opened(QObject):
    """Takes the place of the browser: keeps what is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[Path] = []

    @pyqtSlot(QUrl)
    def open(self, url: QUrl) -> None:
        self.files.append(Path(url.toLocalFile()))


@pytest.fixture
def opened():
    handler = Opened()
    QDesktopServices.setUrlHandler("file", handler.open)
    yield handler
    QDesktopServices.unsetUrlHandler("file")


@pytest.fixture
def plugin(qgis_processing, qgis_iface, browser_model):
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
def dock(city, run_folder, plugin):
    """The dock on a run's layers, loaded by hand, and the city's own."""
    folder, project = run_folder(), QgsProject.instance()
    for name in ("bars", "footpaths", "events"):
        project.addMapLayer(QgsVectorLayer(city.layer(name), name))
    project.addMapLayer(QgsVectorLayer(city.layer("footpaths"), "Streets of the city"))
    terrain = QgsRasterLayer(str(folder / "terrain.tif"), "terrain")
    for what, file in (("model", "model.json"), ("report", "report.html"), ("places", "places.gpkg")):
        terrain.setCustomProperty(f"risk_terrain/{what}", str(folder / file))
    terrain.setCustomProperty("risk_terrain/expected", str(folder / "expected.tif"))
    project.addMapLayer(terrain)
    canvas = plugin.iface.mapCanvas()
    canvas.setDestinationCrs(terrain.crs())
    canvas.setExtent(terrain.extent())
    plugin.tools.dock.show()
    plugin.tools.dock.refresh()
    QApplication.processEvents()
    return plugin.tools.dock


def folder_of(dock) -> Path:
    return Path(dock.models.terrain.source()).parent


def choose_factor(dock, name: str) -> None:
    """A click on a factor's row."""
    tree = dock.parts.factors
    (item,) = tree.findItems(name, Qt.MatchFlag.MatchExactly)
    QTest.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=tree.visualItemRect(item).center())


@clicks("dock", "What if…")
def test_what_if_runs_to_its_end(dock, plugin):
    """From the dock's button over the dialog's Run to layers that say what they are."""
    parts = dock.parts
    assert not parts.what_if.isEnabled()
    choose_factor(dock, "bars")
    click(parts.what_if)
    dialogs = [window for window in QApplication.topLevelWidgets() if hasattr(window, "runAlgorithm")]
    (dialog,) = [window for window in dialogs if window.algorithm().id() == "rtm:whatif" and window.isVisible()]
    results = run_to_the_end(dialog)
    assert results["CHANGE"] < 0, "without bars the model expects fewer events"
    group = QgsProject.instance().layerTreeRoot().findGroup("Risk terrain: what if bars changed")
    assert "What if: risk terrain (association, not proof of cause)" in {n.name() for n in group.findLayers()}
    dialog.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_what_if_that_cannot_run_says_so(dock, monkeypatch):
    """canExecute is asked before anything opens."""
    from risk_terrain.algorithms.shared.base import RtmAlgorithm

    sentence = "Risk Terrain needs the Python package scipy, which this installation of QGIS lacks."
    monkeypatch.setattr(RtmAlgorithm, "canExecute", lambda self: (False, sentence))
    before = {id(window) for window in QApplication.topLevelWidgets() if window.isVisible()}
    choose_factor(dock, "bars")
    click(dock.parts.what_if)
    assert dock.parts.note.text() == sentence
    click(dock.parts.page)
    wait(lambda: dock.parts.note.text() == sentence, "the sentence")
    dock.ask(dock.models.terrain.extent().center())
    wait(lambda: dock.parts.answer.toPlainText() == sentence, "the sentence")
    assert {id(window) for window in QApplication.topLevelWidgets() if window.isVisible()} <= before
    assert not (folder_of(dock) / "briefing.pdf").exists()


@clicks("dock", "Report")
def test_the_report_opens(dock, opened):
    click(dock.parts.report)
    assert opened.files == [folder_of(dock) / "report.html"]
    (folder_of(dock) / "report.html").unlink()
    click(dock.parts.report)
    assert dock.parts.note.text() == "report.html is not there any more; put it back, or run the study again."
    assert len(opened.files) == 1


@clicks("dock", "Briefing page")
def test_a_page_with_one_click(dock, opened, tmp_path):
    """A PDF beside the report, opened; its layout is whole in the saved project, boundary, factors and streets too."""
    folder, project = folder_of(dock), QgsProject.instance()
    click(dock.parts.page)
    wait(lambda: opened.files, "the page")
    assert opened.files == [folder / "briefing.pdf"]
    assert (folder / "briefing.pdf").read_bytes().rstrip().endswith(b"%%EOF")
    assert dock.parts.note.text() == (
        f"briefing.pdf is in the folder {folder}; its layout is in the project (Project ▸ Layouts)."
    )
    click(dock.parts.page)
    wait(lambda: len(opened.files) == 2, "the second page")
    assert opened.files[1] == folder / "briefing 2.pdf", "a page that was handed out stays as it is"
    path = str(tmp_path / "saved.qgz")
    assert project.write(path)
    again = QgsProject()
    assert again.read(path)
    layout = again.layoutManager().printLayouts()[0]
    shown = {layer.name(): layer for layer in layout.itemById("map").layers()}
    assert all(layer.isValid() for layer in shown.values())
    assert {"Study area", "Bars", "Footpaths", "Streets of the city", "Relative risk score"} <= set(shown)
    assert next(shown["Study area"].getFeatures()).geometry().length() > 7000
    assert Path(shown["Study area"].source().split("|")[0]) == folder / "briefing-boundary.gpkg"
    again.clear()


@clicks("dock", "Find its model file…")
def test_a_model_is_found_again(dock, tmp_path):
    """Each state of a lost model has its sentence; the dialog of files gives the model back."""
    folder, parts = folder_of(dock), dock.parts
    kept = Path(shutil.move(folder / "model.json", tmp_path / "kept.json"))
    dock.refresh()
    assert parts.state.text() == "The model file model.json is not where the run left it; put it back, or find it."
    assert not parts.page.isEnabled()
    (folder / "model.json").write_text("{", encoding="utf-8")
    dock.refresh()
    assert "model.json" in parts.state.text()
    assert "Traceback" not in parts.state.text()
    dock.ask(dock.models.terrain.extent().center())
    assert parts.answer.toPlainText() == parts.state.text()
    choose_in_dialog(kept)
    click(parts.find)
    assert dock.models.terrain.customProperty("risk_terrain/model") == str(kept)
    assert "factors" in parts.state.text()
    assert not parts.find.isVisible()


@clicks("dock", "Why here?", "Copy as text")
@clicks("plugin", "Why here?")
def test_why_here(dock, plugin):
    """Button, entry, and a click on the map."""
    canvas = plugin.iface.mapCanvas()
    plugin.tools.why.trigger()
    assert canvas.mapTool() is plugin.tools.tool
    plugin.tools.why.trigger()
    assert canvas.mapTool() is not plugin.tools.tool
    click(dock.parts.why)
    at = canvas.mapSettings().mapToPixel().transform(dock.models.terrain.extent().center())
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(round(at.x()), round(at.y())))
    wait(lambda: dock.parts.copy.isEnabled(), "the answer")
    click(dock.parts.copy)
    assert QApplication.clipboard().text().startswith("Relative risk score ")


def test_a_terrain_that_was_moved_or_damaged(dock):
    """Not "no terrain yet": the layer is there, its file is not, or holds something else."""
    file = folder_of(dock) / "terrain.tif"
    content = file.read_bytes()
    sentence = (
        "The file of the risk terrain 'terrain' is not there any more, or damaged; put it back or repair the layer's "
        "source, or run the study again."
    )
    for damage in (file.unlink, lambda: file.write_bytes(b"II*\0 not a raster")):
        damage()
        dock.refresh()
        assert dock.parts.state.text() == sentence
        dock.ask(dock.classes._canvas.extent().center())
        assert dock.parts.answer.toPlainText() == sentence
        assert not dock.parts.page.isEnabled()
    file.write_bytes(content)
    dock.refresh()
    assert "factors" in dock.parts.state.text()


@clicks("plugin", "Risk terrain")
def test_the_panel_opens_and_closes(plugin):
    plugin.tools.panel.trigger()
    assert plugin.tools.dock.isVisible()
    plugin.tools.panel.trigger()
    assert not plugin.tools.dock.isVisible()


@clicks("plugin", "Risk Terrain Modelling…")
def test_the_wizard_opens(plugin):
    plugin.action.trigger()
    assert plugin.wizard.isVisible()


@pytest.fixture
def settings_page(qgis_app):
    QgsSettings().remove("risk_terrain")
    page = SettingsFactory("").createWidget(None)
    page.show()
    yield page
    page.close()
    page.deleteLater()
    QgsSettings().remove("risk_terrain")


@clicks("settings", "study_folder", "output_folder")
def test_folders_are_chosen(settings_page, tmp_path):
    for name in ("study_folder", "output_folder"):
        folder = tmp_path / name
        folder.mkdir()
        choose_in_dialog(folder)
        click(browse_button(getattr(settings_page, name)))
        assert Path(getattr(settings_page, name).filePath()) == folder
    settings_page.apply()
    assert Path(load_preferences().study_folder) == tmp_path / "study_folder"
    assert Path(load_preferences().output_folder) == tmp_path / "output_folder"


def test_a_folder_that_is_gone_is_said(tmp_path):
    """The force may have moved a share since."""
    QgsSettings().setValue("risk_terrain/output_folder", str(tmp_path / "gone"))
    page = SettingsFactory("").createWidget(None)
    assert page.lost.text() == f"The folder {tmp_path / 'gone'} is not there; choose another one."
    page.output_folder.setFilePath(str(tmp_path))
    assert page.lost.text() == ""
    page.deleteLater()
    QgsSettings().remove("risk_terrain")


def browse_button(widget: QgsFileWidget) -> QAbstractButton:
    """The button "…" of a field for a path."""
    (button,) = [found for found in widget.findChildren(QAbstractButton) if found.isVisible()]
    return button


def test_every_button_of_the_dock_is_clicked_above(dock):
    assert {button.text() for button in dock.parts.findChildren(QAbstractButton)} == CLICKED["dock"]


def test_every_button_of_the_settings_is_clicked_above(settings_page):
    """Those of fields for a path, by the field's name; there are no others."""
    names = {widget: name for name, widget in vars(settings_page).items() if isinstance(widget, QgsFileWidget)}
    buttons = [button for button in settings_page.findChildren(QAbstractButton) if button.isVisible()]
    assert {names.get(button.parentWidget(), button.text()) for button in buttons} == CLICKED["settings"]


def test_every_entry_of_the_plugin_is_clicked_above(plugin):
    entries = {action.text() for _, action in plugin.iface.menu} | {action.text() for action in plugin.iface.toolbar}
    assert entries == CLICKED["plugin"]


@pytest.mark.parametrize(
    ("expression", "names"), [("\"kind\" = 'early'", ["bars"]), ("to_date('2024-01-01') < now()", [])]
)
def test_the_page_shows_the_factors_features_only(dock, expression, names):
    """A factor's filter holds on the page too; where the file's driver has no such filter, the factor is left out."""
    chosen = replace(
        dock.models.project_model,
        filters={"bars": expression},
        factors={"bars": dock.models.project_model.factors["bars"]},
    )
    drawn = briefing_parameters(chosen, dock.models.terrain, Path("page.pdf"))["FACTORS"]
    assert [layer.name() for layer in drawn] == names
    for layer in drawn:
        assert {feature["kind"] for feature in layer.getFeatures()} == {"early"}
    (bars,) = QgsProject.instance().mapLayersByName("bars")
    assert bars.subsetString() == "", "the project's own layer stays as it was"
