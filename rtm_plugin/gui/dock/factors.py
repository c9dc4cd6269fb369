"""The factors of the chosen model: their features on the map, and what if some were not there."""

from collections.abc import Callable

from qgis.core import QgsProject, QgsVectorLayer
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtWidgets import QTreeWidgetItem

from ...adapters.feedback import tr
from .highlight import MOST, Highlights
from .models import ChosenModel
from .what_if import ask_what_if
from .widgets import CHECKED, FACTOR, UNCHECKED, DockWidgets


class FactorsOnMap(QObject):
    """A factor that is ticked has its features drawn; "What if…" asks about the one that is selected."""

    def __init__(
        self, parts: DockWidgets, models: ChosenModel, canvas: QgsMapCanvas, say: Callable[[str], None]
    ) -> None:
        super().__init__(parts)
        self._parts = parts
        self._models = models
        self._say = say
        self.highlights = Highlights(canvas)
        models.another.connect(self.highlights.clear)
        parts.factors.itemChanged.connect(self._ticked)
        parts.factors.currentItemChanged.connect(self._selected)
        parts.what_if.clicked.connect(self._ask_what_if)

    def layer_of(self, factor: str) -> QgsVectorLayer | None:
        """The layer of a factor, where the project has it."""
        model = self._models.project_model
        layer = QgsProject.instance().mapLayer(model.factors.get(factor, "")) if model is not None else None
        return layer if isinstance(layer, QgsVectorLayer) else None

    def _ticked(self, item: QTreeWidgetItem, _column: int) -> None:
        factor = item.data(0, FACTOR)
        if item.checkState(0) == UNCHECKED:
            self.highlights.hide(factor)
            return
        layer = self.layer_of(factor)
        if item.checkState(0) == CHECKED and layer is not None:
            number = self.highlights.show(factor, layer)
            first = tr("The first {:,} features in view are shown; zoom in for all.").format(MOST)
            self._say(first if number == MOST else "")

    def _selected(self, *_items: object) -> None:
        item, model = self._parts.factors.currentItem(), self._models.project_model
        known = item is not None and self.layer_of(item.data(0, FACTOR)) is not None
        self._parts.what_if.setEnabled(known and model is not None and bool(model.expected))

    def _ask_what_if(self) -> None:
        item, model = self._parts.factors.currentItem(), self._models.project_model
        layer = self.layer_of(item.data(0, FACTOR)) if item is not None else None
        if model is not None and layer is not None:
            self._say(ask_what_if(model, item.data(0, FACTOR), layer))
