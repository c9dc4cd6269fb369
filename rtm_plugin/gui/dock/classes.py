"""How many cells of each class the map shows."""

from qgis.core import QgsApplication, QgsCsException
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject

from ...adapters.classes_in_view import ClassInView
from .map_place import from_map
from .models import ChosenModel
from .settling import settling
from .view_task import ViewTask
from .widgets import DockWidgets

_LAST_WAIT = 5000  # milliseconds for a count that was cancelled


class ClassesInView(QObject):
    """Counts, in a task, once the map has come to rest."""

    def __init__(self, parts: DockWidgets, models: ChosenModel, canvas: QgsMapCanvas) -> None:
        super().__init__(parts)
        self._parts = parts
        self._models = models
        self._canvas = canvas
        self._task: ViewTask | None = None
        self._settled = settling(self, self._count)
        canvas.extentsChanged.connect(self.count_soon)
        models.looked.connect(self.count_soon)

    def count_soon(self, *_args: object) -> None:
        """Count when the map has come to rest; a dock that nobody sees counts nothing."""
        if self._parts.isVisible():
            self._settled.start()

    def end(self) -> None:
        """Wait until nothing reads the terrain any more."""
        self._settled.stop()
        task = self._task
        self._cancel()
        if task is not None:
            task.waitForFinished(_LAST_WAIT)

    def take_down(self) -> None:
        """Let go of the map."""
        self._canvas.extentsChanged.disconnect(self.count_soon)
        self.end()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _count(self) -> None:
        self._cancel()
        terrain, model = self._models.terrain, self._models.usable
        if terrain is None or model is None:
            self._parts.show_classes(())
            return
        try:
            view = from_map(self._canvas, terrain.crs()).transformBoundingBox(self._canvas.extent())
        except QgsCsException:
            return
        self._task = ViewTask(terrain.source(), model.expected, model.model.score, view, self._show)
        QgsApplication.taskManager().addTask(self._task)

    def _show(self, rows: tuple[ClassInView, ...]) -> None:
        self._task = None
        self._parts.show_classes(rows)
