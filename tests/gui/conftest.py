"""The provider and a wizard for the tests of windows."""

import gc
import shutil
import sys
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsLayerTreeModel, QgsProject
from qgis.gui import QgsBrowserGuiModel, QgsLayerTreeView
from qgis.PyQt.QtCore import QEvent
from qgis.PyQt.QtWidgets import QApplication
from running import process, run_parameters
from small_city import write_city


@pytest.fixture(scope="session")
def city(tmp_path_factory):
    return write_city(tmp_path_factory.mktemp("city") / "city.gpkg")


@pytest.fixture(scope="session")
def _first_run(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("first_run") / "study"


@pytest.fixture
def run_folder(city, _first_run, tmp_path):
    """Makes the folder of a quick rtm:run on the city; the run is made once, by the first test with a provider."""

    def make() -> Path:
        if not _first_run.exists():
            process("run", run_parameters(city, _first_run, CULL="no", FAMILY="poisson"))
        return Path(shutil.copytree(_first_run, tmp_path / "study"))

    return make


@pytest.fixture(autouse=True, scope="session")
def nothing_left_for_the_end(qgis_app):
    """Windows and layers that only a cycle or the last failure's traceback keeps go while QGIS is still there."""
    yield
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        if hasattr(sys, name):
            delattr(sys, name)
    gc.collect()


@pytest.fixture(autouse=True)
def layer_tree_view(qgis_iface, monkeypatch):
    """A real list of layers, which QGIS's own loader of results asks for (3.44 takes nothing else)."""
    model = QgsLayerTreeModel(QgsProject.instance().layerTreeRoot())
    view = QgsLayerTreeView()
    view.setModel(model)
    monkeypatch.setattr(qgis_iface, "layerTreeView", lambda: view, raising=False)
    yield view
    view.deleteLater()
    model.deleteLater()


@pytest.fixture
def rtm(qgis_processing):
    """Provider `rtm`, as the plugin adds it."""
    from risk_terrain.rtm_plugin.provider import RiskTerrainProvider

    registry = QgsApplication.processingRegistry()
    assert registry.providerById("rtm") is None, "an earlier test left the provider behind"
    provider = RiskTerrainProvider()
    registry.addProvider(provider)
    yield provider
    registry.removeProvider(provider)


@pytest.fixture
def new_wizard(rtm, qgis_iface, tmp_path, monkeypatch):
    """Makes a wizard on an empty project; all are closed at the end.

    It counts and keeps the study at once, where one for people waits until their fingers rest.
    """
    from risk_terrain.rtm_plugin.gui.wizard import draft, facts
    from risk_terrain.rtm_plugin.gui.wizard.window import Wizard
    from wizard_hands import AT_ONCE, Hands, wait

    monkeypatch.setattr(facts, "_QUIET", AT_ONCE)
    monkeypatch.setattr(draft, "_AUTOSAVE_AFTER", AT_ONCE)
    QgsProject.instance().clear()
    made = []

    def make() -> Hands:
        wizard = Wizard(qgis_iface, None, tmp_path / "profile" / "unfinished_study.json")
        wizard.show()
        QApplication.processEvents()
        made.append(wizard)
        return Hands(wizard)

    yield make
    for wizard in made:
        wizard.run.stop()
        wait(lambda wizard=wizard: not wizard.run.running, "the end of the run")
        wizard.close()
        wizard.deleteLater()
    wait(lambda: QgsApplication.taskManager().countActiveTasks() == 0, "the tasks")
    QApplication.processEvents()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # no loop does it here; dialogs go before layers
    QgsProject.instance().clear()


@pytest.fixture
def browser_model(qgis_iface, monkeypatch):
    """A browser for QGIS's dialogs: the interface of the tests has none, and they take nothing else."""
    model = QgsBrowserGuiModel()
    monkeypatch.setattr(qgis_iface, "browserModel", lambda: model, raising=False)
    return model


@pytest.fixture
def run_dialog(rtm, browser_model):
    """Opens an algorithm's dialog, clicks Run, and gives the results; whatever the dialog calls an error fails."""
    from dialog_hands import run_to_the_end
    from processing import createAlgorithmDialog

    opened = []

    def run(algorithm: str, parameters: dict) -> dict:
        dialog = createAlgorithmDialog(algorithm, parameters)
        opened.append(dialog)
        return run_to_the_end(dialog)

    yield run
    for dialog in opened:
        dialog.close()
        dialog.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QgsProject.instance().clear()
