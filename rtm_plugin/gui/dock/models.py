"""Which risk terrain of the project the dock speaks of, and what there is beside it: model, report, page."""

from collections.abc import Callable
from pathlib import Path

from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog

from ...adapters.feedback import tr
from ...adapters.project import ProjectModel, lost_terrains, project_model, remember, risk_terrains, why_no_model
from ..briefing import make_briefing
from ..opening import open_file
from .widgets import DockWidgets


class ChosenModel(QObject):
    """The terrain that is chosen in the list, with its model.

    Signals
    -------
    looked : the terrain and the files beside it were looked at; they may be the same as before
    another : the model is another than before, or there is none now
    """

    looked = pyqtSignal()
    another = pyqtSignal()

    def __init__(self, parts: DockWidgets, say: Callable[[str], None]) -> None:
        super().__init__(parts)
        self._parts = parts
        self._say = say
        self.project_model: ProjectModel | None = None
        parts.models.currentIndexChanged.connect(self.look)
        parts.find.clicked.connect(self._find)
        parts.report.clicked.connect(self._open_report)
        parts.page.clicked.connect(self._make_page)

    @property
    def terrain(self) -> QgsRasterLayer | None:
        """The risk terrain that is chosen."""
        layer = QgsProject.instance().mapLayer(self._parts.models.currentData() or "")
        return layer if isinstance(layer, QgsRasterLayer) else None

    @property
    def usable(self) -> ProjectModel | None:
        """What the project knows of the chosen terrain, where its model is there."""
        return self.project_model if self.project_model is not None and self.project_model.model is not None else None

    def list_terrains(self) -> None:
        """List the risk terrains of the project; keep the chosen one where it is still there."""
        models, chosen = self._parts.models, self._parts.models.currentData()
        models.blockSignals(True)
        models.clear()
        for layer in risk_terrains(QgsProject.instance()):
            models.addItem(layer.name(), layer.id())
        models.setCurrentIndex(max(0, models.findData(chosen)) if models.count() else -1)
        models.blockSignals(False)
        self.look()

    def look(self, _index: int = -1) -> None:
        """Look at the chosen terrain and the files beside it."""
        terrain = self.terrain
        now = project_model(QgsProject.instance(), terrain) if terrain is not None else None
        if now is None or now.model is None or now != self.project_model:  # else ticks and features stay as they are
            self.project_model = now
            self._parts.show_model(now, self.lacking())
            self._say("")
            self.another.emit()
        self.looked.emit()

    def lacking(self) -> str:
        """What there is not, and what to do about it; nothing when a terrain with its model is chosen."""
        terrain, lost = self.terrain, lost_terrains(QgsProject.instance())
        if terrain is not None:
            return "" if self.usable is not None else why_no_model(terrain)
        if lost:
            return tr(
                "The file of the risk terrain '{}' is not there any more, or damaged; put it back or repair the "
                "layer's source, or run the study again."
            ).format(lost[0])
        return tr("There is no risk terrain in this project yet; run a study, or add its raster.")

    def use_file(self, path: str) -> None:
        """Keep a model file with the chosen terrain, or say why it cannot be."""
        terrain = self.terrain
        refusal = remember(terrain, path) if terrain is not None else tr("There is no risk terrain to give it to.")
        self.look()
        if refusal:
            self._parts.state.setText(refusal)

    def _find(self) -> None:
        terrain = self.terrain
        if terrain is None:
            return
        folder = str(Path(terrain.source()).parent)
        kind = tr("Risk terrain model (*.json)")
        path, _ = QFileDialog.getOpenFileName(self._parts, tr("Model of this terrain"), folder, kind)
        if path:
            self.use_file(path)

    def _open_report(self) -> None:
        if self.project_model is not None and self.project_model.report:
            self._say(open_file(self.project_model.report))

    def _make_page(self) -> None:
        terrain = self.terrain
        if terrain is not None:
            make_briefing(terrain, self._say)
