"""Many layers added as risk factors at once; what is no risk factor is listed, but never marked beforehand."""

import re

from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...adapters.feedback import tr
from ...adapters.file_layers import kind_of
from ...core.documents.study_document import StudyDocument
from ..layers import project_layer, refusal_of_layer, same_data

# what columns and layers of recorded crime are called, letters only: police.uk, and the open data of large cities
_CRIME_COLUMN = re.compile(r"crime.*|offen[cs]e.*|ofnsdesc|primarytype|ucr.*|lawcatcd|lastoutcomecategory|iucr|nibrs.*")
_CRIME_LAYER = re.compile(r"crime|offen[cs]e|burglar|robber|theft|assault|homicide|murder|shooting|arson|vandalism")
_SAME_BOX = 0.01  # of its sides: boxes that differ by less are the same ground


class LayersDialog(QDialog):
    """Choose many layers at once; those that a study cannot keep say why, and so do those that are not marked."""

    def __init__(self, study: StudyDocument, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("factors_layers")
        self.setWindowTitle(tr("Add layers as risk factors"))
        self.list = QListWidget()
        self.list.setObjectName("factors_layers_list")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setWordWrap(True)
        layers = [a for a in QgsProject.instance().mapLayers().values() if isinstance(a, QgsVectorLayer)]
        for layer in sorted(layers, key=lambda a: a.name().casefold()):
            self._list(layer, study)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        label = QLabel(tr("Layers of the project. Those that may be risk factors and are not used yet are marked."))
        label.setWordWrap(True)
        layout.addWidget(label)
        layout.addWidget(self.list)
        layout.addWidget(buttons)
        self.resize(32 * self.fontMetrics().height(), 30 * self.fontMetrics().height())

    def _list(self, layer: QgsVectorLayer, study: StudyDocument) -> None:
        refusal = refusal_of_layer(layer)
        why_not = refusal or no_factor(layer, study)
        item = QListWidgetItem(layer.name())
        item.setData(Qt.ItemDataRole.UserRole, layer.id())
        item.setToolTip(why_not)
        if why_not:
            item.setText(f"{layer.name()} – {why_not}")
        if refusal:
            item.setFlags(Qt.ItemFlag.NoItemFlags)
        self.list.addItem(item)
        item.setSelected(not why_not)

    def chosen(self) -> list[QgsVectorLayer]:
        """The marked layers, in the order of the list."""
        items = [self.list.item(i) for i in range(self.list.count()) if self.list.item(i).isSelected()]
        layers = [QgsProject.instance().mapLayer(item.data(Qt.ItemDataRole.UserRole)) for item in items]
        return [layer for layer in layers if isinstance(layer, QgsVectorLayer)]


def no_factor(layer: QgsVectorLayer, study: StudyDocument) -> str:
    """Why a layer is most likely no risk factor to add, in a few words; empty when it may be one."""
    for refs, words in (
        ((study.events, study.later_events), tr("the events to explain")),
        ((study.study_area,), tr("the study area")),
        ((study.exclude,), tr("the ground to leave out")),
        (tuple(factor.layer for factor in study.factors), tr("a risk factor already")),
    ):
        if any(ref is not None and same_data(layer, ref) for ref in refs):
            return words
    if _same_ground(layer, study):
        return tr("covers the study area")
    columns = {_letters(field.name()) for field in layer.fields()}
    if kind_of(layer) in ("point", "table") and (
        _CRIME_LAYER.search(layer.name().casefold()) or any(_CRIME_COLUMN.fullmatch(column) for column in columns)
    ):
        return tr("looks like recorded crime")
    return ""


def _same_ground(layer: QgsVectorLayer, study: StudyDocument) -> bool:
    """Whether polygons have the box of the study area's layer: its boundary from elsewhere, or its wards."""
    area = project_layer(study.study_area)
    if area is None or kind_of(layer) != "polygon" or layer.crs() != area.crs():
        return False
    mine, other = layer.extent(), area.extent()
    slack = _SAME_BOX * max(other.width(), other.height())
    return all(
        abs(a - b) <= slack
        for a, b in (
            (mine.xMinimum(), other.xMinimum()),
            (mine.yMinimum(), other.yMinimum()),
            (mine.xMaximum(), other.xMaximum()),
            (mine.yMaximum(), other.yMaximum()),
        )
    )


def _letters(text: str) -> str:
    return re.sub(r"[\W\d_]+", "", text.casefold())
