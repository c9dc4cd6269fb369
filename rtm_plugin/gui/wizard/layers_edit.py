"""A list of layers, to which others of the project or of files are added."""

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QListWidget, QVBoxLayout, QWidget

from ...adapters.feedback import tr
from ...core.documents.study_document import LayerRef
from ..layers import reference, refusal_of_layer
from .layer_choice import LayerChoice
from .page import button, row


class LayersEdit(QWidget):
    """Several layers for one purpose, such as the rasters that a study adjusts for.

    Parameters
    ----------
    name : str
        Of the list; what is beside it is called name_choice, name_add, name_remove.
    kinds : tuple of "point", "line", "polygon", "raster"
    empty : str, what the empty entry says
    """

    changed = pyqtSignal()

    def __init__(self, name: str, kinds: tuple[str, ...], empty: str) -> None:
        super().__init__()
        self.refs: tuple[LayerRef, ...] = ()
        self.list = QListWidget()
        self.list.setObjectName(name)
        self.list.setMaximumHeight(4 * self.fontMetrics().height())
        self.choice = LayerChoice(f"{name}_choice", kinds, empty=empty)
        self.add = button(f"{name}_add", tr("Add"), self._add)
        self.remove = button(f"{name}_remove", tr("Remove it"), self._remove)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(row(self.choice, self.add, self.remove))
        layout.addWidget(self.list)
        self.choice.changed.connect(self._enable)
        self.list.itemSelectionChanged.connect(self._enable)
        self._enable()

    @property
    def problem(self) -> str:
        """Why the layer that is about to be added cannot be."""
        return refusal_of_layer(self.choice.layer)

    def show_refs(self, refs: tuple[LayerRef, ...]) -> None:
        """Show what the study has."""
        self.refs = refs
        self.list.clear()
        self.list.addItems([ref.name for ref in refs])
        self._enable()

    def _add(self) -> None:
        layer = self.choice.layer
        if layer is not None and not self.problem:
            ref = reference(layer)
            self.choice.show_ref(None)
            if ref not in self.refs:
                self.show_refs((*self.refs, ref))
                self.changed.emit()

    def _remove(self) -> None:
        gone = {self.list.row(item) for item in self.list.selectedItems()}
        self.show_refs(tuple(ref for i, ref in enumerate(self.refs) if i not in gone))
        self.changed.emit()

    def _enable(self) -> None:
        self.add.setEnabled(self.choice.layer is not None and not self.problem)
        self.remove.setEnabled(bool(self.list.selectedItems()))
        self.list.setVisible(bool(self.refs))
