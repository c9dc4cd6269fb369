"""What the test does inside QGIS desktop. QGIS runs this file with `--code`; `desktop.py` starts it.

Each step is a generator. It yields a `Wait` for what must come true before it goes on, and a timer asks for that: so
the session goes on while QGIS shows a modal dialog. The answers go into results.json, pictures beside it.
"""

import gc
import json
import os
import sys
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import processing
import qgis.utils
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFillSymbol,
    QgsLineSymbol,
    QgsProject,
    QgsSingleSymbolRenderer,
    QgsVectorLayer,
)
from qgis.gui import QgsGui, QgsProcessingAlgorithmDialogBase
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QEvent, QObject, Qt, QTimer, QUrl, pyqtSlot
from qgis.PyQt.QtGui import QAction, QDesktopServices, QIcon
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import (
    QApplication,
    QDialogButtonBox,
    QDockWidget,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QToolBar,
)
from qgis.utils import iface

FOLDER = Path(os.environ["RTM_SESSION_FOLDER"])
DEMO = Path(os.environ["RTM_REPOSITORY"]) / "resources" / "demo" / "northbridge.gpkg"
FACTORS = {
    "bars": "Bars",
    "betting_shops": "Betting shops",
    "off_licences": "Off-licences",
    "fast_food": "Fast food",
    "atms": "Cash machines",
    "bus_stops": "Bus stops",
    "schools": "Schools",
    "staffed_public_buildings": "Staffed public buildings",
    "vacant_buildings": "Vacant buildings",
    "rail_stations": "Rail stations",
    "footpaths": "Footpaths",
    "railway": "Railway",
    "parks": "Parks",
    "car_parks": "Car parks",
}
SETTINGS = {
    "format": "risk-terrain-factors",
    "version": 1,
    "factors": [{"layer": "Staffed public buildings", "direction": "protective"}],
}
ROBBERY = "crime_type = 'robbery' AND date {} '2025-01-01'"
TITLE = "Robbery in Northbridge BCU, 2024"
BATCH = FOLDER / "batch, opened by hand – ü"
PATIENCE = 60  # seconds for whatever should come at once
RUN_PATIENCE = 140  # seconds for the study
RESULTS = {}


@dataclass
class Wait:
    """Go on when `ready()`; give up after some seconds."""

    what: str
    ready: Callable[[], object]
    seconds: float = PATIENCE


class Driver(QObject):
    """Runs the steps one after the other on a timer; leaves QGIS after the last one and after an error."""

    def __init__(self, steps: list[Callable[[], Iterator[Wait]]]) -> None:
        super().__init__()
        self.waits = self._all(steps)
        self.wait = Wait("the event loop", lambda: True)
        self.since = time.monotonic()
        self.timer = QTimer(self)
        self.timer.timeout.connect(self.tick)
        self.timer.start(100)

    def _all(self, steps: list[Callable[[], Iterator[Wait]]]) -> Iterator[Wait]:
        for step in steps:
            start = time.monotonic()
            yield from step()
            RESULTS.setdefault("seconds", {})[step.__name__] = round(time.monotonic() - start, 1)

    def tick(self) -> None:
        """Ask whether what is waited for has come; go on if so."""
        self.timer.stop()
        try:
            if self.wait.ready():
                self.wait = next(self.waits)
                self.since = time.monotonic()
            elif time.monotonic() - self.since > self.wait.seconds:
                raise TimeoutError(f"waited {self.wait.seconds} seconds for {self.wait.what}")
            self.timer.start(100)
        except StopIteration:
            self.leave()
        except Exception:
            RESULTS["error"] = traceback.format_exc()
            picture("error", whole_screen=True)
            self.leave()

    def leave(self) -> None:
        """Write the answers and leave QGIS the way its menu does."""
        RESULTS["log"] = message_log()
        RESULTS["scipy"] = sys.modules["scipy"].__version__
        text = json.dumps(RESULTS, indent=1, ensure_ascii=False, default=str)
        (FOLDER / "results.json").write_text(text, encoding="utf-8")
        for dialog in open_dialogs():
            dialog.reject()
        QgsProject.instance().clear()  # else QGIS asks what to do with temporary layers
        QTimer.singleShot(0, iface.actionExit().trigger)


# --- looking at QGIS


def message_log() -> dict[str, str]:
    """Text of every tab of the log panel."""
    dock = iface.mainWindow().findChild(QDockWidget, "MessageLog")
    tabs = dock.findChild(QObject, "tabWidget") or dock.widget()
    return {tabs.tabText(i): tabs.widget(i).toPlainText() for i in range(tabs.count())}


def open_dialogs() -> list[QgsProcessingAlgorithmDialogBase]:
    """Algorithm dialogs that are seen."""
    return [
        window
        for window in QApplication.topLevelWidgets()
        if isinstance(window, QgsProcessingAlgorithmDialogBase) and window.isVisible()
    ]


def picture(name: str, widget=None, whole_screen: bool = False) -> None:
    """Save a picture of a window as it is, or of all that the screen shows."""
    QApplication.processEvents()
    image = QApplication.primaryScreen().grabWindow(0) if whole_screen else (widget or iface.mainWindow()).grab()
    image.save(str(FOLDER / f"{name}.png"))


def plugin_actions() -> dict[str, list[str]]:
    """Where the window has actions of the plugin: in the menu of plugins, in toolbars, anywhere."""
    window = iface.mainWindow()

    def ours(actions):
        return [plain(action.text()) for action in actions if "risk terrain" in plain(action.text()).lower()]

    menus = [action.menu() for action in iface.pluginMenu().actions() if action.menu()]
    return {
        "submenus": [plain(menu.title()) for menu in menus if "risk terrain" in plain(menu.title()).lower()],
        "entries": [text for menu in menus for text in ours(menu.actions())],
        "toolbars": [text for bar in window.findChildren(QToolBar) for text in ours(bar.actions())],
        # QGIS itself never deletes the submenu that it made for a plugin, so actions of menus do not count
        "anywhere": ours(action for action in window.findChildren(QAction) if action.menu() is None),
    }


def plain(text: str) -> str:
    """A label without its keyboard mark."""
    return text.replace("&", "")


def toolbox_tree() -> dict[str, list[str]]:
    """Groups of the toolbox's entry "Risk Terrain" with their algorithms, in the order shown."""
    tree = toolbox().algorithmTree
    model = tree.model()

    def children(index):
        return [model.index(row, 0, index) for row in range(model.rowCount(index))]

    found = [index for index in children(tree.rootIndex()) if index.data() == "Risk Terrain"]
    for index in found:
        tree.scrollTo(index, tree.ScrollHint.PositionAtTop)
        tree.setExpanded(index, True)
        for group in children(index):
            tree.setExpanded(group, True)
    return {group.data(): [a.data() for a in children(group)] for index in found for group in children(index)}


def toolbox():
    """The dock of the Processing toolbox."""
    return qgis.utils.plugins["processing"].toolbox


def provider():
    """The plugin's provider, if the registry has it."""
    return QgsApplication.processingRegistry().providerById("rtm")


def registered() -> list[str]:
    """Ids of the plugin's algorithms in the registry."""
    return sorted(a.id() for a in QgsApplication.processingRegistry().algorithms() if a.id().startswith("rtm:"))


def described(layer) -> dict[str, object]:
    """Name, renderer and legend of a layer as the panel of layers shows them."""
    model = iface.layerTreeView().layerTreeModel()
    node = QgsProject.instance().layerTreeRoot().findLayer(layer)
    about = {
        "name": node.name(),
        "file": Path(layer.source().split("|")[0]).name,
        "renderer": type(layer.renderer()).__name__,
        "legend": [legend.data(Qt.ItemDataRole.DisplayRole) for legend in model.layerLegendNodes(node)],
        "crs": layer.crs().authid(),
        "styles": sorted(layer.styleManager().styles()),
        "title": layer.metadata().title(),
        "identifier": layer.metadata().identifier(),
    }
    if isinstance(layer, QgsVectorLayer):
        labels = layer.labeling().settings().fieldName if layer.labelsEnabled() and layer.labeling() else ""
        return {**about, "labels": labels, "features": layer.featureCount()}
    function = getattr(layer.renderer(), "shader", lambda: None)()
    if function is not None:
        ramp = function.rasterShaderFunction()
        about["interpolation"] = ramp.colorRampType().name
        about["classes"] = len(ramp.colorRampItemList())
    return about


# --- the steps


def step_loaded() -> Iterator[Wait]:
    """QGIS has loaded the plugin; the window shows it."""
    window = iface.mainWindow()
    window.setGeometry(0, 0, 1920, 1080)
    window.findChild(QDockWidget, "Browser").close()
    toolbox().setUserVisible(True)
    yield Wait("the toolbox", toolbox().isVisible)
    iface.messageBar().clearWidgets()
    window.resizeDocks([toolbox()], [330], Qt.Orientation.Horizontal)
    RESULTS["loaded"] = {
        "plugins": sorted(qgis.utils.plugins),
        "active": sorted(qgis.utils.active_plugins),
        "file": sys.modules["risk_terrain"].__file__,
        "provider": provider().name() if provider() else "",
        "algorithms": registered(),
        "toolbox": toolbox_tree(),
        "actions": plugin_actions(),
        "icon": not the_action().icon().isNull() and not QIcon(the_action().icon()).pixmap(24, 24).isNull(),
    }
    picture("toolbox")


def the_action() -> QAction:
    """The plugin's button."""
    return next(a for a in iface.pluginToolBar().actions() if "Risk Terrain" in plain(a.text()))


def step_demo() -> Iterator[Wait]:
    """The demo's layers in a project."""
    project = QgsProject.instance()
    project.setCrs(QgsCoordinateReferenceSystem("EPSG:27700"))
    group = project.layerTreeRoot().addGroup("Northbridge BCU: demonstration data")
    rows = [("events", "Robbery 2024", ROBBERY.format("<")), ("events", "Robbery 2025", ROBBERY.format(">="))]
    rows += [(table, name, "") for table, name in FACTORS.items()]
    rows += [("streets", "Streets", ""), ("river", "River", ""), ("boundary", "Northbridge BCU", "")]
    for table, name, subset in rows:
        layer = QgsVectorLayer(f"{DEMO}|layername={table}" + (f"|subset={subset}" if subset else ""), name, "ogr")
        if not layer.isValid() or layer.featureCount() == 0:
            raise ValueError(f"The demo's layer {table} is not there or empty.")
        project.addMapLayer(layer, False)
        node = group.addLayer(layer)
        node.setExpanded(False)
        node.setItemVisibilityChecked(name in ("Streets", "River", "Northbridge BCU"))
    group.setExpanded(True)
    paint_background()
    iface.setActiveLayer(layer_named("Northbridge BCU"))
    iface.zoomToActiveLayer()
    yield Wait("the layers on the map", lambda: not iface.mapCanvas().isDrawing())


def paint_background() -> None:
    """The demo's layers in quiet colours."""
    boundary = {"style": "no", "outline_color": "#333333", "outline_width": "0.5"}
    symbols = {
        "Northbridge BCU": QgsFillSymbol.createSimple(boundary),
        "River": QgsFillSymbol.createSimple({"color": "#a6cee3", "outline_style": "no"}),
        "Streets": QgsLineSymbol.createSimple({"color": "#b0b0b0", "width": "0.2"}),
    }
    for name, symbol in symbols.items():
        layer_named(name).setRenderer(QgsSingleSymbolRenderer(symbol))
        iface.layerTreeView().refreshLayerSymbology(layer_named(name).id())


def layer_named(name: str):
    """The project's layer of that name."""
    return QgsProject.instance().mapLayersByName(name)[0]


def parameters() -> dict[str, object]:
    """What an analyst would choose in the dialog; files stay temporary."""
    return {
        "STUDY_AREA": layer_named("Northbridge BCU").id(),
        "EVENTS": layer_named("Robbery 2024").id(),
        "TEST_EVENTS": layer_named("Robbery 2025").id(),
        "FACTORS": [layer_named(name).id() for name in FACTORS.values()],
        "FACTOR_SETTINGS": json.dumps(SETTINGS),
        "BLOCK_LENGTH": 200,
        "MAX_AREA": 250000,
        "TITLE": TITLE,
    }


class Opened(QObject):
    """Takes the place of the programs that would open a file, and keeps the files' names."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    @pyqtSlot(QUrl)
    def open(self, url: QUrl) -> None:
        self.names.append(Path(url.toLocalFile()).name)


def step_wizard(most_factors: int = len(FACTORS)) -> Iterator[Wait]:
    """The button opens the wizard, which leads through the demonstration to its result."""
    button = iface.pluginToolBar().widgetForAction(the_action())
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    yield Wait("the wizard", lambda: qgis.utils.plugins["risk_terrain"].wizard)
    wizard = qgis.utils.plugins["risk_terrain"].wizard
    QTest.mouseClick(wizard.findChild(QPushButton, "start_demo"), Qt.MouseButton.LeftButton)
    wizard.draft.set(factors=wizard.draft.study.factors[:most_factors])
    following, folder = wizard.findChild(QPushButton, "wizard_next"), FOLDER / "by the wizard"
    while wizard.page.NAME != "result":
        yield Wait(f"the wizard's page {wizard.page.NAME} to be right", following.isEnabled, RUN_PATIENCE)
        if wizard.page.NAME == "result":
            break
        if wizard.page.NAME == "review":
            wizard.draft.folder = str(folder)
            wizard.page.show_draft()
        QTest.mouseClick(following, Qt.MouseButton.LeftButton)
    answer = RESULTS["wizard"] = {"files": sorted(file.name for file in folder.iterdir())}
    group = QgsProject.instance().layerTreeRoot().children()[0]
    answer["group"] = {group.name(): [node.name() for node in group.children()]}
    answer["opening"] = wizard.findChild(QLabel, "result_opening").text()
    before = iface.mapCanvas().extent().area()
    QTest.mouseClick(wizard.findChild(QPushButton, "result_zoom"), Qt.MouseButton.LeftButton)
    answer["zoomed"] = iface.mapCanvas().extent().area() < before / 10
    group = QgsProject.instance().layerTreeRoot().findGroup(f"Risk terrain: {TITLE}")
    answer["layers"] = [described(node.layer()) for node in group.findLayers()]
    history = QgsGui.historyProviderRegistry().queryEntries(providerId="processing")
    answer["history"] = [entry.entry["algorithm_id"] for entry in history]
    opened = Opened()
    QDesktopServices.setUrlHandler("file", opened.open)
    QTest.mouseClick(wizard.findChild(QPushButton, "result_layout"), Qt.MouseButton.LeftButton)
    yield Wait("the page", lambda: opened.names)
    QDesktopServices.unsetUrlHandler("file")
    answer["opened"] = opened.names
    answer["layouts"] = [layout.name() for layout in QgsProject.instance().layoutManager().printLayouts()]
    dock = qgis.utils.plugins["risk_terrain"].tools.dock
    dock.refresh()
    answer["report"] = dock.parts.report.isEnabled()
    picture("wizard", wizard)
    QTest.mouseClick(wizard.findChild(QPushButton, "wizard_close"), Qt.MouseButton.LeftButton)
    yield Wait("the wizard's end", lambda: not wizard.isVisible())
    QgsProject.instance().clear()


def step_wizard_with_few_factors() -> Iterator[Wait]:
    """The same with three of the demonstration's factors: every stage of a run, and less of each."""
    yield from step_wizard(3)


def step_dialog() -> Iterator[Wait]:
    """The dialog of rtm:run, filled in, runs the study in the task manager."""
    QTimer.singleShot(0, lambda: processing.execAlgorithmDialog("rtm:run"))
    yield Wait("the dialog", open_dialogs)
    dialog = open_dialogs()[0]
    dialog.setGeometry(360, 60, 1200, 960)
    answer = RESULTS["dialog"] = {"algorithm": dialog.algorithm().id(), "title": dialog.windowTitle()}
    finished = []
    dialog.algorithmFinished.connect(lambda successful, results: finished.append((successful, dict(results))))
    picture("dialog_empty", dialog)
    dialog.setParameters(parameters())
    answer["parameters"] = {name: str(value) for name, value in dialog.createProcessingParameters().items()}
    picture("dialog", dialog)
    QTest.mouseClick(dialog.runButton(), Qt.MouseButton.LeftButton)
    yield Wait("the task", lambda: finished or QgsApplication.taskManager().countActiveTasks())
    answer["in_task_manager"] = not finished
    yield Wait("the end of the study", lambda: finished, RUN_PATIENCE)
    yield Wait("the task's end", lambda: not QgsApplication.taskManager().countActiveTasks())
    answer["successful"], results = finished[0]
    answer["results"] = {name: str(value) for name, value in results.items()}
    answer["log"] = dialog_log(dialog)
    picture("dialog_log", dialog)
    close = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Close)
    QTest.mouseClick(close, Qt.MouseButton.LeftButton)
    yield Wait("the dialog's end", lambda: not open_dialogs())


def dialog_log(dialog: QgsProcessingAlgorithmDialogBase) -> dict[str, str]:
    """What the dialog's log says, and in which colours (errors are red)."""
    log = dialog.findChild(QTextEdit, "txtLog") or dialog.findChild(QPlainTextEdit, "txtLog")
    return {"text": log.toPlainText(), "html": log.toHtml()}


def step_results() -> Iterator[Wait]:
    """The results are in the project, in a group, named, in order and styled; the map shows them."""
    root = QgsProject.instance().layerTreeRoot()
    groups = [group for group in root.findGroups() if group.name().startswith("Risk terrain")]
    RESULTS["groups"] = {group.name(): [described(node.layer()) for node in group.findLayers()] for group in groups}
    RESULTS["top"] = [node.name() for node in root.children()]
    terrain = next(node.layer() for group in groups for node in group.findLayers() if "risk" in node.name())
    iface.setActiveLayer(terrain)
    iface.zoomToActiveLayer()
    node = root.findGroup("Northbridge BCU: demonstration data")
    node.setExpanded(False)
    iface.mainWindow().resizeDocks([layers_dock()], [400], Qt.Orientation.Horizontal)
    yield from drawn()
    RESULTS["colours"] = colours()
    RESULTS["messages"] = [item.text() for item in iface.messageBar().items()]
    iface.messageBar().clearWidgets()
    iface.layerTreeView().scrollToTop()
    toolbox_tree()
    picture("desktop")


def layers_dock() -> QDockWidget:
    """The panel of layers."""
    return iface.mainWindow().findChild(QDockWidget, "Layers")


def drawn() -> Iterator[Wait]:
    """The map has been drawn afresh."""
    canvas, done = iface.mapCanvas(), []
    yield Wait("a quiet map", lambda: not canvas.isDrawing())
    connection = canvas.mapCanvasRefreshed.connect(lambda: done.append(True))
    canvas.refreshAllLayers()
    yield Wait("the map", lambda: done and not canvas.isDrawing())
    canvas.mapCanvasRefreshed.disconnect(connection)


def colours() -> dict[str, int]:
    """The most frequent colours of the map, with their numbers of pixels."""
    image = iface.mapCanvas().grab().toImage()
    counts = {}
    for y in range(0, image.height(), 3):
        for x in range(0, image.width(), 3):
            name = image.pixelColor(x, y).name()
            counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1])[:12])


def step_why() -> Iterator[Wait]:
    """The map tool, in the first priority place of the study that was just run from its dialog."""
    tools = qgis.utils.plugins["risk_terrain"].tools
    next(button for button in iface.pluginToolBar().actions() if plain(button.text()) == "Why here?").trigger()
    dock = tools.dock
    yield Wait("the dock with the model", lambda: dock.isVisible() and dock.parts.factors.topLevelItemCount() > 0)
    yield Wait("the classes in view", lambda: dock.parts.classes.topLevelItemCount() == 4)
    places = next(layer for layer in QgsProject.instance().mapLayers().values() if layer.name() == "Priority places")
    first = next(feature for feature in places.getFeatures() if feature["rank"] == 1)
    canvas = iface.mapCanvas()
    at = canvas.mapSettings().mapToPixel().transform(first.geometry().pointOnSurface().asPoint())
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=at.toQPointF().toPoint())
    yield Wait("the answer", lambda: "not proof of cause" in dock.parts.answer.toPlainText())
    dock.parts.factors.topLevelItem(0).setCheckState(0, Qt.CheckState.Checked)
    RESULTS["why"] = {
        "text": dock.parts.answer.toPlainText(),
        "factors": [dock.parts.factors.topLevelItem(i).text(0) for i in range(dock.parts.factors.topLevelItemCount())],
        "disabled": [
            dock.parts.factors.topLevelItem(i).text(0)
            for i in range(dock.parts.factors.topLevelItemCount())
            if dock.parts.factors.topLevelItem(i).isDisabled()
        ],
        "report": dock.parts.report.isEnabled(),
        "tool": type(canvas.mapTool()).__name__,
    }
    flashed = time.monotonic()
    yield Wait("the flash to end", lambda: time.monotonic() - flashed > 2)
    picture("why")


def step_what_if() -> Iterator[Wait]:
    """The dock's button opens a dialog in which Run works: it adds the layers of the answer."""
    dock = qgis.utils.plugins["risk_terrain"].tools.dock
    tree = dock.parts.factors
    tree.setCurrentItem(tree.topLevelItem(0))
    QTest.mouseClick(dock.parts.what_if, Qt.MouseButton.LeftButton)
    yield Wait("the dialog", open_dialogs)
    dialog = open_dialogs()[0]
    gc.collect()  # what nobody keeps is gone now
    finished = []
    dialog.algorithmFinished.connect(lambda successful, results: finished.append(successful))
    QTest.mouseClick(dialog.runButton(), Qt.MouseButton.LeftButton)
    yield Wait("the answer", lambda: finished)
    groups = [g for g in QgsProject.instance().layerTreeRoot().findGroups() if "what if" in g.name()]
    RESULTS["what_if"] = {
        "successful": finished[0],
        "log": dialog_log(dialog)["text"],
        "layers": [node.name() for group in groups for node in group.findLayers()],
    }
    dialog.close()
    yield Wait("the dialog's end", lambda: not open_dialogs())
    for group in groups:
        QgsProject.instance().removeMapLayers([node.layerId() for node in group.findLayers()])
        QgsProject.instance().layerTreeRoot().removeChildNode(group)
    dock.close()


def step_batch() -> Iterator[Wait]:
    """Results that a batch wrote to files, opened by hand, are styled too."""
    names = ["Bars", "Rail stations", "Off-licences"]
    chosen = {**parameters(), "FACTORS": [layer_named(name).id() for name in names], "FACTOR_SETTINGS": "", "FOLDS": 3}
    chosen |= {"OUTPUT_TERRAIN": str(BATCH / "terrain.tif"), "OUTPUT_EXPECTED": str(BATCH / "expected.tif")}
    chosen |= {"OUTPUT_PLACES": str(BATCH / "places.gpkg"), "OUTPUT_MODEL": None, "OUTPUT_REPORT": None}
    processing.run("rtm:run", chosen)
    RESULTS["batch_files"] = sorted(file.name for file in BATCH.iterdir())
    opened = [iface.addRasterLayer(str(BATCH / f"{name}.tif"), f"{name} by hand") for name in ("terrain", "expected")]
    opened.append(iface.addVectorLayer(str(BATCH / "places.gpkg"), "places by hand", "ogr"))
    RESULTS["batch"] = [described(layer) for layer in opened]
    yield Wait("the map", lambda: not iface.mapCanvas().isDrawing())


def step_briefing() -> Iterator[Wait]:
    """A briefing of the study from its layers in the project: a PDF, and a layout that opens in the designer."""
    project, pdf = QgsProject.instance(), FOLDER / "briefing.pdf"
    asked = {
        "MODEL": RESULTS["dialog"]["results"]["OUTPUT_MODEL"],
        "TERRAIN": layer_named("Risk terrain: relative risk score").id(),
        "PLACES": layer_named("Priority places").id(),
        "STUDY_AREA": layer_named("Northbridge BCU").id(),
        "BASEMAP": [layer_named("River").id(), layer_named("Streets").id()],
        "OUTPUT": str(pdf),
    }
    processing.run("rtm:briefing", asked)
    layouts = project.layoutManager().printLayouts()
    RESULTS["briefing"] = {
        "pdf": pdf.read_bytes()[:5].decode() if pdf.exists() else "",
        "layouts": [layout.name() for layout in layouts],
        "style": layer_named("Risk terrain: relative risk score").styleManager().currentStyle(),
    }
    designer = iface.openLayoutDesigner(layouts[0])
    yield Wait("the designer", lambda: designer.window().isVisible())
    picture("designer", designer.window())
    designer.close()
    yield Wait("the event loop", lambda: True)


SECONDS_TO_LET_GO = 20.0  # QGIS deletes a closed dialog when it is next idle, which a busy machine lets it wait for


def step_unload() -> Iterator[Wait]:
    """Unloaded, the plugin leaves nothing behind."""
    watched = {
        "plugin": weakref.ref(qgis.utils.plugins["risk_terrain"]),
        "action": weakref.ref(the_action()),
    }
    gone = []
    provider().destroyed.connect(lambda: gone.append("provider"))
    RESULTS["unloaded"] = answer = {"returned": qgis.utils.unloadPlugin("risk_terrain")}
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    end = time.monotonic() + SECONDS_TO_LET_GO
    yield Wait("what QGIS still holds of a closed dialog", lambda: not leftover_objects() or time.monotonic() > end)
    answer["plugins"] = sorted(qgis.utils.plugins)
    answer["provider"] = provider() is not None
    answer["provider_destroyed"] = bool(gone)
    answer["algorithms"] = registered()
    answer["actions"] = plugin_actions()
    answer["toolbox"] = toolbox_tree()
    answer["modules"] = leftover_modules()
    answer["alive"] = [name for name, reference in watched.items() if reference() is not None]
    answer["objects"] = leftover_objects()
    picture("unloaded")


def leftover_modules() -> list[str]:
    """Modules of the plugin that would not be read again; of packages QGIS drops only the first."""
    return sorted(name for name, module in sys.modules.items() if is_ours(name) and not hasattr(module, "__path__"))


def leftover_objects() -> list[str]:
    """Living instances of the plugin's classes, but for the declarations of settings, which are part of the classes."""
    gc.collect()
    found = []
    for thing in gc.get_objects():
        dead = isinstance(thing, sip.simplewrapper) and sip.isdeleted(thing)
        if is_ours(type(thing).__module__) and type(thing).__qualname__ != "Setting" and not dead:
            found.append(f"{type(thing).__module__}.{type(thing).__qualname__}")
    return sorted(found)


def is_ours(module: object) -> bool:
    """Whether a module's name is one of the plugin's."""
    return str(module).split(".")[0] == "risk_terrain"


def step_reload() -> Iterator[Wait]:
    """Loaded again, it is all there once."""
    started = qgis.utils.loadPlugin("risk_terrain") and qgis.utils.startPlugin("risk_terrain")
    yield Wait("the event loop", lambda: True)
    RESULTS["reloaded"] = {
        "started": bool(started),
        "algorithms": registered(),
        "actions": plugin_actions(),
        "toolbox": toolbox_tree(),
    }


STEPS = [
    step_loaded,
    step_wizard,
    step_demo,
    step_dialog,
    step_results,
    step_why,
    step_what_if,
    step_batch,
    step_briefing,
]
SESSIONS = {"whole": [*STEPS, step_unload, step_reload], "few factors": [step_wizard_with_few_factors]}
DRIVER = Driver(SESSIONS[os.environ["RTM_SESSION"]])
