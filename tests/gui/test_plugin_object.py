"""The plugin object: what it adds, that it takes that away again, and that a broken algorithm stops no other."""

import sys

import pytest
from qgis.core import Qgis, QgsApplication
from qgis.PyQt.QtCore import QEvent
from qgis.PyQt.QtGui import QAction
from qgis.PyQt.QtWidgets import QApplication, QDockWidget
from risk_terrain import classFactory
from risk_terrain.rtm_plugin import provider as provider_module

IDS = [f"rtm:{module}" for module, _ in provider_module.ALGORITHMS]


@pytest.fixture
def registry(qgis_processing):
    """The registry of providers; it is left as it was."""
    registry = QgsApplication.processingRegistry()
    assert registry.providerById("rtm") is None, "an earlier test left the provider behind"
    yield registry
    left = registry.providerById("rtm")
    if left is not None:
        registry.removeProvider(left)
        pytest.fail("the provider was left in the registry")


@pytest.fixture
def messages():
    """What comes into the message log, as (text, tab, level)."""
    heard = []

    def hear(*message):
        heard.append(message)

    log = QgsApplication.messageLog()
    log.messageReceived[str, str, Qgis.MessageLevel].connect(hear)
    yield heard
    log.messageReceived[str, str, Qgis.MessageLevel].disconnect(hear)


class Window:
    """The parts of QGIS's interface that plugins add to, kept as lists, on the main window of pytest-qgis."""

    def __init__(self, iface) -> None:
        self.window = iface.mainWindow()
        self.canvas = iface.mapCanvas()
        self.docks: list = []
        self.pages: list = []
        self.menu: list[tuple[str, QAction]] = []
        self.toolbar: list[QAction] = []

    def mainWindow(self):
        return self.window

    def addPluginToMenu(self, name, action) -> None:
        self.menu.append((name, action))

    def removePluginMenu(self, name, action) -> None:
        self.menu.remove((name, action))

    def addToolBarIcon(self, action) -> None:
        self.toolbar.append(action)

    def removeToolBarIcon(self, action) -> None:
        self.toolbar.remove(action)

    def mapCanvas(self):
        return self.canvas

    def addDockWidget(self, area, dock) -> None:
        self.docks.append(dock)
        self.window.addDockWidget(area, dock)

    def removeDockWidget(self, dock) -> None:
        self.docks.remove(dock)
        self.window.removeDockWidget(dock)

    def registerOptionsWidgetFactory(self, factory) -> None:
        self.pages.append(factory)

    def unregisterOptionsWidgetFactory(self, factory) -> None:
        self.pages.remove(factory)

    def left(self) -> list[str]:
        """Names of docks of the plugin, and of its map tool in hand."""
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        docks = [dock.objectName() for dock in self.window.findChildren(QDockWidget, "RiskTerrainDock")]
        tool = self.canvas.mapTool()
        return docks + ([type(tool).__name__] if type(tool).__name__ == "WhyHereTool" else [])

    def actions(self) -> list[str]:
        """Labels of the plugin's actions that the window owns."""
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        return [a.text() for a in self.window.findChildren(QAction) if "Risk Terrain" in a.text()]


@pytest.fixture
def window(qgis_iface) -> Window:
    return Window(qgis_iface)


def algorithms(registry) -> list[str]:
    """Ids of the provider's algorithms, in the order of the list."""
    return sorted((a.id() for a in registry.providerById("rtm").algorithms()), key=IDS.index)


def test_as_qgis_process_does(registry):
    """classFactory(None), then initProcessing: algorithms, and no window asked for."""
    plugin = classFactory(None)
    assert registry.providerById("rtm") is None
    plugin.initProcessing()
    assert algorithms(registry) == IDS
    plugin.unload()
    assert registry.providerById("rtm") is None


@pytest.mark.parametrize("same_object", [True, False])
def test_in_the_desktop_twice(registry, window, same_object):
    """Switched on and off twice, as the plugin manager does; nothing is there twice or left."""
    plugin = classFactory(window)
    for _ in range(2):
        plugin.initGui()
        assert algorithms(registry) == IDS
        assert {name for name, _ in window.menu} == {"Risk Terrain"}
        assert [action.text() for _, action in window.menu] == ["Risk Terrain Modelling…", "Why here?", "Risk terrain"]
        assert [action.text() for action in window.toolbar] == ["Risk Terrain Modelling…", "Why here?"]
        assert window.actions() == ["Risk Terrain Modelling…"]
        assert [dock.windowTitle() for dock in window.docks] == ["Risk terrain"]
        assert [page.title() for page in window.pages] == ["Risk terrain"]
        assert not window.toolbar[0].icon().isNull()
        plugin.unload()
        assert registry.providerById("rtm") is None
        assert (window.menu, window.toolbar, window.actions(), window.docks) == ([], [], [], [])
        assert (window.left(), window.pages) == ([], [])
        plugin = plugin if same_object else classFactory(window)


def test_unload_of_what_was_never_loaded(registry, window):
    """QGIS unloads a plugin whose initGui failed."""
    classFactory(window).unload()
    assert window.actions() == []


def test_the_action_opens_the_wizard_once(registry, window):
    plugin = classFactory(window)
    plugin.initGui()
    window.toolbar[0].trigger()
    first = plugin.wizard
    assert first.isVisible()
    window.toolbar[0].trigger()
    assert plugin.wizard is first
    first.close()
    window.toolbar[0].trigger()
    assert plugin.wizard is not first
    plugin.unload()  # it asks nothing, and takes the open wizard away
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert [w for w in QApplication.topLevelWidgets() if w.objectName() == "rtm_wizard"] == []


def break_module(monkeypatch) -> None:
    """The file cannot be imported."""
    monkeypatch.setitem(sys.modules, "risk_terrain.algorithms.terrain", None)


def break_class(monkeypatch) -> None:
    """The file is there, the algorithm in it fails."""

    def broken():
        raise ValueError("no such setting")

    monkeypatch.setattr("risk_terrain.algorithms.terrain.Terrain", broken)


@pytest.mark.parametrize("damage", [break_module, break_class])
def test_a_broken_algorithm_is_logged_and_the_others_load(registry, messages, monkeypatch, damage):
    damage(monkeypatch)
    plugin = classFactory(None)
    plugin.initProcessing()
    loaded = algorithms(registry)
    plugin.unload()
    assert loaded == [name for name in IDS if name != "rtm:terrain"]
    told = [(text, level) for text, tab, level in messages if tab == "Risk Terrain"]
    assert [level for _, level in told] == [Qgis.MessageLevel.Critical]
    assert told[0][0].startswith("rtm:terrain could not be loaded: ")


def test_every_algorithm_has_icon_help_and_a_group(registry):
    plugin = classFactory(None)
    plugin.initProcessing()
    found = {a.id(): a for a in registry.providerById("rtm").algorithms()}
    shown = {name: (a.group(), bool(a.shortHelpString()), a.icon().isNull()) for name, a in found.items()}
    del found
    plugin.unload()
    assert all(group and told and not empty for group, told, empty in shown.values()), shown
