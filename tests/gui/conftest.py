"""The provider and a wizard for the tests of windows."""

import gc
import sys

import pytest
from qgis.core import QgsApplication, QgsLayerTreeModel, QgsProject
from qgis.gui import QgsBrowserGuiModel, QgsLayerTreeView
from qgis.PyQt.QtCore import QEvent
from qgis.PyQt.QtWidgets import QApplication


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
def new_wizard(rtm, qgis_iface, tmp_path):
    """Makes a wizard on an empty project; all are closed at the end."""
    from risk_terrain.rtm_plugin.gui.wizard.window import Wizard
    from wizard_hands import Hands, wait

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
