"""A layer of the project, or one of a file, for one purpose: what does not fit is not offered, or refused at once."""

from pathlib import PurePath

from qgis.core import Qgis, QgsMapLayer, QgsProject, QgsVectorLayer
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ...adapters.feedback import tr
from ...adapters.file_layers import FileLayer, layers_of_file
from ...core.documents.study_document import LayerRef
from ..layers import project_layer
from .page import drop, text_label

_FILTERS = {
    "polygon": Qgis.LayerFilter.PolygonLayer,
    "line": Qgis.LayerFilter.LineLayer,
    "point": Qgis.LayerFilter.PointLayer,
    "table": Qgis.LayerFilter.NoGeometry,
    "raster": Qgis.LayerFilter.RasterLayer,
}
KIND_NAMES = {
    "polygon": tr("polygons"),
    "line": tr("lines"),
    "point": tr("points"),
    "table": tr("a table"),
    "raster": tr("a raster"),
    "unknown": tr("geometries of no known type"),
}


class LayerChoice(QWidget):
    """A list of the project's layers that fit, and a button that takes one from a file.

    Parameters
    ----------
    name : str, of the list; its button is called name_file
    kinds : tuple of "point", "line", "polygon", "table", "raster"
    optional : bool
    empty : str, what the empty entry says
    """

    changed = pyqtSignal()  # the analyst has chosen

    def __init__(self, name: str, kinds: tuple[str, ...], optional: bool = False, empty: str = "") -> None:
        super().__init__()
        self._kinds = kinds
        self._lost: LayerRef | None = None
        self.dialog: FileLayersDialog | None = None
        self.combo = QgsMapLayerComboBox()
        self.combo.setObjectName(name)
        filters = _FILTERS[kinds[0]]
        for kind in kinds[1:]:
            filters = filters | _FILTERS[kind]
        self.combo.setFilters(Qgis.LayerFilters(filters))
        self.combo.setAllowEmptyLayer(True, empty or (tr("None") if optional else tr("Choose a layer …")))
        self.combo.setLayer(None)
        self.combo.setMinimumContentsLength(12)
        self.combo.setSizeAdjustPolicy(self.combo.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.activated.connect(self._chosen)  # layerChanged also comes when a layer leaves the project
        self.button = QToolButton()
        self.button.setObjectName(f"{name}_file")
        self.button.setText("…")
        self.button.setToolTip(tr("Take a file, which is added to the project"))
        self.button.clicked.connect(self._browse)
        self.message = text_label(f"{name}_message")
        side = QHBoxLayout()
        side.addWidget(self.combo, 1)
        side.addWidget(self.button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(side)
        layout.addWidget(self.message)
        self.setFocusProxy(self.combo)

    @property
    def layer(self) -> QgsMapLayer | None:
        """The chosen layer of the project."""
        return self.combo.currentLayer()

    @property
    def vector(self) -> QgsVectorLayer | None:
        """The same, where it holds features."""
        return self.layer if isinstance(self.layer, QgsVectorLayer) else None

    @property
    def lost(self) -> LayerRef | None:
        """What is chosen but has left the project; the study still runs with it."""
        return self._lost if self.layer is None and self.combo.currentText() == _lost_text(self._lost) else None

    def show_ref(self, ref: LayerRef | None) -> None:
        """Show what the study has."""
        layer = project_layer(ref)
        self._lost = ref if layer is None else None
        self.combo.setAdditionalItems([_lost_text(ref)] if self._lost is not None else [])
        if layer is None and ref is not None:
            self.combo.setCurrentIndex(self.combo.findText(_lost_text(ref)))
        else:
            self.combo.setLayer(layer)

    def take(self, layer: QgsMapLayer) -> None:
        """Choose a layer, as the analyst does."""
        self.combo.setLayer(layer)
        self._chosen()

    def _chosen(self, *_: object) -> None:
        self.message.setText("")
        self.changed.emit()

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, tr("Choose a file"), "", tr("All files (*)"))
        if path:
            self.take_file(path)

    def take_file(self, path: str) -> None:
        """The layer of a file that fits; which one, where there are several."""
        held = layers_of_file(path)
        fitting = [item for item in held if item.kind in self._kinds]
        if not fitting:
            self.message.setText(self._nothing_fits(PurePath(path.replace("\\", "/")).name, held))
        elif len(held) == 1:
            self._add(fitting[0])
        else:
            drop(self.dialog)
            self.dialog = FileLayersDialog(held, self._kinds, self)
            self.dialog.accepted.connect(self._take_marked)
            self.dialog.open()

    def _take_marked(self) -> None:
        chosen = self.dialog.chosen() if self.dialog is not None else None
        if chosen is not None:
            self._add(chosen)

    def _add(self, item: FileLayer) -> None:
        there = project_layer(LayerRef(item.source, item.name, item.provider))
        layer = there or item.open()
        if not layer.isValid() or (there is None and QgsProject.instance().addMapLayer(layer) is None):
            self.message.setText(tr("The layer '{}' cannot be read; choose another file.").format(item.name))
        else:
            self.take(layer)

    def _nothing_fits(self, file: str, held: tuple[FileLayer, ...]) -> str:
        wanted = tr(" or ").join(KIND_NAMES[kind] for kind in self._kinds)
        if not held:
            return tr("QGIS finds no layer in '{}'; choose a file with {}.").format(file, wanted)
        kinds = tr(" and ").join(KIND_NAMES[kind] for kind in dict.fromkeys(item.kind for item in held))
        return tr("'{}' holds {}, where {} are needed; choose another file.").format(file, kinds, wanted)


class FileLayersDialog(QDialog):
    """Which layer of a file is meant; those of other kinds are seen and cannot be chosen."""

    def __init__(self, held: tuple[FileLayer, ...], kinds: tuple[str, ...], parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("file_layers")
        self.setWindowTitle(tr("Which layer of the file?"))
        self._held = held
        self.list = QListWidget()
        self.list.setObjectName("file_layers_list")
        for item in held:
            count = "" if item.features is None else tr(", {:,} features").format(item.features)
            row = QListWidgetItem(f"{item.name} – {KIND_NAMES[item.kind]}{count}")
            if item.kind not in kinds:
                row.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(row)
        fitting = [i for i, item in enumerate(held) if item.kind in kinds]
        if len(fitting) == 1:
            self.list.setCurrentRow(fitting[0])
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._ok = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self._ok.setEnabled(self.chosen() is not None)
        self.list.itemSelectionChanged.connect(lambda: self._ok.setEnabled(self.chosen() is not None))
        self.list.itemDoubleClicked.connect(lambda _: self.accept())
        label = QLabel(tr("The file holds several layers. Choose the one that is meant."))
        label.setWordWrap(True)
        layout = QVBoxLayout(self)
        for widget in (label, self.list, buttons):
            layout.addWidget(widget)
        self.resize(32 * self.fontMetrics().height(), 24 * self.fontMetrics().height())

    def chosen(self) -> FileLayer | None:
        """The marked layer."""
        rows = self.list.selectedItems()
        return self._held[self.list.row(rows[0])] if rows else None


def _lost_text(ref: LayerRef | None) -> str:
    return tr("{} (not in the project)").format(ref.name) if ref is not None else ""
