"""The dock "Risk terrain": the project's models, their factors on the map, the classes in view, and answers."""

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgisInterface, QgsDockWidget
from qgis.PyQt.QtCore import QTimer, QUrl
from qgis.PyQt.QtGui import QDesktopServices, QGuiApplication
from qgis.PyQt.QtWidgets import QFileDialog, QTreeWidgetItem

from ..adapters.classes_in_view import ClassInView
from ..adapters.crs import known_crs
from ..adapters.feedback import tr
from ..adapters.project import ProjectModel, project_model, remember, risk_terrains
from .answer import answer_html
from .dock_widgets import CHECKED, FACTOR, UNCHECKED, DockWidgets
from .highlight import MOST, Highlights, geometry_of
from .runner import Runner
from .view_task import ViewTask
from .what_if import ask_what_if

_SETTLE = 250  # milliseconds without a further change before the dock looks again


class RiskTerrainDock(QgsDockWidget):
    """Looks at the project when layers come and go, at the map when it moves; all counting happens in tasks."""

    def __init__(self, iface: QgisInterface) -> None:
        super().__init__(tr("Risk terrain"), iface.mainWindow())
        self.setObjectName("RiskTerrainDock")
        self._canvas = iface.mapCanvas()
        self._iface = iface
        self._runner = Runner(self)
        self._highlights = Highlights(self._canvas)
        self._chosen: ProjectModel | None = None
        self._view_task: ViewTask | None = None
        self._text = ""
        self.parts = DockWidgets(self)
        self.setWidget(self.parts)
        self._projects = self._timer(self.refresh)
        self._views = self._timer(self._count_view)
        self._connect()
        self.refresh()

    def _timer(self, work: Any) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(_SETTLE)
        timer.timeout.connect(work)
        return timer

    def _connect(self) -> None:
        project, parts = QgsProject.instance(), self.parts
        project.layersAdded.connect(self._project_changed)
        project.layersRemoved.connect(self._project_changed)
        self._canvas.extentsChanged.connect(self._view_moved)
        self.visibilityChanged.connect(self._view_moved)
        parts.models.currentIndexChanged.connect(self._choose)
        parts.factors.itemChanged.connect(self._factor_ticked)
        parts.factors.currentItemChanged.connect(self._factor_current)
        parts.find.clicked.connect(self._find_model)
        parts.report.clicked.connect(self._open_report)
        parts.what_if.clicked.connect(self._what_if)
        parts.copy.clicked.connect(self.copy)

    def take_down(self) -> None:
        """Let go of project, map and tasks; called before the dock is deleted."""
        project = QgsProject.instance()
        project.layersAdded.disconnect(self._project_changed)
        project.layersRemoved.disconnect(self._project_changed)
        self._canvas.extentsChanged.disconnect(self._view_moved)
        self._projects.stop()
        self._views.stop()
        self._runner.stop()
        self._stop_counting()
        self._highlights.clear()

    # --- models

    def _project_changed(self, *_layers: object) -> None:
        self._projects.start()

    def refresh(self) -> None:
        """List the risk terrains of the project; keep the chosen one where it is still there."""
        models, chosen = self.parts.models, self.parts.models.currentData()
        models.blockSignals(True)
        models.clear()
        for layer in risk_terrains(QgsProject.instance()):
            models.addItem(layer.name(), layer.id())
        models.setCurrentIndex(max(0, models.findData(chosen)) if models.count() else -1)
        models.blockSignals(False)
        self._choose()

    @property
    def terrain(self) -> QgsRasterLayer | None:
        """The chosen risk terrain."""
        layer = QgsProject.instance().mapLayer(self.parts.models.currentData() or "")
        return layer if isinstance(layer, QgsRasterLayer) else None

    def _choose(self, _index: int = -1) -> None:
        terrain = self.terrain
        found = project_model(QgsProject.instance(), terrain) if terrain is not None else None
        if found is None or found != self._chosen:  # else ticks and features on the map stay as they are
            self._highlights.clear()
            self._chosen = found
            self.parts.show_model(found)
        self._view_moved()

    def _find_model(self) -> None:
        terrain = self.terrain
        if terrain is None:
            return
        folder = str(Path(terrain.source()).parent)
        kind = tr("Risk terrain model (*.json)")
        path, _ = QFileDialog.getOpenFileName(self, tr("Model of this terrain"), folder, kind)
        if path:
            self.use_model(path)

    def use_model(self, path: str) -> None:
        """Keep a model file with the chosen terrain, or say why it cannot be."""
        terrain = self.terrain
        refusal = remember(terrain, path) if terrain is not None else tr("There is no risk terrain to give it to.")
        self._choose()
        if refusal:
            self.parts.state.setText(refusal)

    def _open_report(self) -> None:
        if self._chosen is not None and self._chosen.report:
            QDesktopServices.openUrl(QUrl.fromLocalFile(self._chosen.report))

    # --- factors on the map

    def _layer_of(self, factor: str) -> QgsVectorLayer | None:
        layer = QgsProject.instance().mapLayer(self._chosen.factors.get(factor, "")) if self._chosen else None
        return layer if isinstance(layer, QgsVectorLayer) else None

    def _factor_ticked(self, item: QTreeWidgetItem, _column: int) -> None:
        factor = item.data(0, FACTOR)
        if item.checkState(0) == UNCHECKED:
            self._highlights.hide(factor)
            return
        layer = self._layer_of(factor)
        if item.checkState(0) == CHECKED and layer is not None:
            number = self._highlights.show(factor, layer)
            self.parts.note.setText(tr("The first {:,} features in view are shown; zoom in for all.").format(MOST))
            self.parts.note.setVisible(number == MOST)

    def _factor_current(self, *_items: object) -> None:
        item = self.parts.factors.currentItem()
        known = item is not None and self._layer_of(item.data(0, FACTOR)) is not None
        self.parts.what_if.setEnabled(known and bool(self._chosen and self._chosen.expected))

    def _what_if(self) -> None:
        item = self.parts.factors.currentItem()
        layer = self._layer_of(item.data(0, FACTOR)) if item is not None else None
        if self._chosen is not None and layer is not None:
            ask_what_if(self._chosen, item.data(0, FACTOR), layer)

    # --- classes in view

    def _view_moved(self, *_args: object) -> None:
        if self.isVisible():
            self._views.start()

    def _stop_counting(self) -> None:
        if self._view_task is not None:
            self._view_task.cancel()
            self._view_task = None

    def _count_view(self) -> None:
        self._stop_counting()
        terrain, chosen = self.terrain, self._chosen
        if terrain is None or chosen is None or chosen.model is None:
            self.parts.show_classes(())
            return
        to_terrain = self._transform(terrain.crs())
        try:
            view = to_terrain.transformBoundingBox(self._canvas.extent())
        except QgsCsException:
            return
        self._view_task = ViewTask(terrain.source(), chosen.expected, chosen.model.score, view, self._counted)
        QgsApplication.taskManager().addTask(self._view_task)

    def _counted(self, rows: tuple[ClassInView, ...]) -> None:
        self._view_task = None
        self.parts.show_classes(rows)

    def _transform(self, crs: QgsCoordinateReferenceSystem) -> QgsCoordinateTransform:
        return QgsCoordinateTransform(self._canvas.mapSettings().destinationCrs(), crs, QgsProject.instance())

    # --- why here

    def ask(self, point: QgsPointXY) -> None:
        """Explain the cell at a point of the map."""
        self.setUserVisible(True)
        terrain, chosen = self.terrain, self._chosen
        if terrain is None or chosen is None:
            self._tell(tr("There is no risk terrain in this project; run a study, or add its raster, first."))
            return
        if chosen.model is None:
            self._tell(tr("The model of '{}' is not beside it; find its file first.").format(chosen.name))
            return
        try:
            place = self._transform(terrain.crs()).transform(point)
        except QgsCsException:
            self._tell(tr("This place lies outside what the map's projection can say; click on the terrain."))
            return
        parameters = {
            "MODEL": chosen.path,
            "TERRAIN": terrain.id(),
            "POINT": f"{place.x()!r},{place.y()!r}",
            "FACTORS": sorted(set(chosen.factors.values())),
            "FACTOR_SETTINGS": chosen.settings,
        }
        optional = {"EXPECTED": chosen.expected, "EVENTS": chosen.events, "PLACES": chosen.places}
        self._tell(tr("Looking…"))
        given = parameters | {key: value for key, value in optional.items() if value}
        self._runner.run("rtm:explain", given, self._answered, self._tell)

    def _answered(self, results: dict[str, Any]) -> None:
        answer, self._text = results["ANSWER"], results["TEXT"]
        self.parts.answer.setHtml(answer_html(answer))
        self.parts.copy.setEnabled(True)
        half, x, y = answer["cell_size"] / 2, answer["x"], answer["y"]
        crs = known_crs(answer["crs"])
        cell = QgsGeometry.fromRect(QgsRectangle(x - half, y - half, x + half, y + half))
        nearest = [
            geometry_of(factor["nearest_feature"], crs, self._layer_of(factor["factor"]))
            for factor in answer["factors"]
            if factor["nearest_feature"]
        ]
        self._highlights.flash([cell, *nearest], crs)

    def _tell(self, sentence: str) -> None:
        self._text = ""
        self.parts.answer.setPlainText(sentence)
        self.parts.copy.setEnabled(False)

    def copy(self) -> None:
        """The answer as text on the clipboard."""
        QGuiApplication.clipboard().setText(self._text)
