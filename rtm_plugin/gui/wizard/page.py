"""What all pages share: they show the draft, change the draft, and say why they are not right yet."""

from collections.abc import Callable
from typing import ClassVar

from qgis.core import Qgis, QgsProject, QgsVectorLayer
from qgis.gui import QgsDateEdit, QgsExpressionBuilderDialog, QgsMapLayerComboBox
from qgis.PyQt.QtCore import QDate, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ...adapters.feedback import tr
from ...adapters.opening import open_vector
from .draft import Draft
from .facts import FactFinder, Facts


class Page(QWidget):
    """One page. It reads and writes the draft only, never another page.

    A subclass gives TITLE, EXPLANATION and NAME (of its help), builds its widgets, and answers `fill` and `reason`.
    """

    NAME: ClassVar[str]
    TITLE: ClassVar[str]
    EXPLANATION: ClassVar[str]

    checked = pyqtSignal()  # what `reason` says may have changed

    def __init__(self, draft: Draft, facts: FactFinder) -> None:
        super().__init__()
        self.setObjectName(f"page_{self.NAME}")
        self.draft, self.facts = draft, facts
        self._filling = False
        self.build()

    def build(self) -> None:
        """Make the widgets."""

    def fill(self) -> None:
        """Show what the draft holds."""

    def refresh(self) -> None:
        """Show what is known by now of the facts."""

    def reason(self) -> str:
        """Why the page is not right yet, in a sentence; empty when it is."""
        return ""

    def show_draft(self) -> None:
        """Fill without taking that for the analyst's work, then show the facts."""
        self._filling = True
        try:
            self.fill()
        finally:
            self._filling = False
        self.refresh()

    def by_hand(self, work: Callable[[], None]) -> Callable[..., None]:
        """A slot that works only when the analyst, not `fill`, has changed a widget."""

        def slot(*_: object) -> None:
            if not self._filling:
                work()
                self.refresh()
                self.checked.emit()

        return slot


def refusal_of(facts: Facts | None) -> str:
    """Why facts hold a page up: still counting, or refused."""
    if facts is None:
        return tr("Counting …")
    return str(facts["refused"]) if "refused" in facts else ""


def form() -> QFormLayout:
    """A form that also fits narrow windows and large letters."""
    layout = QFormLayout()
    layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return layout


class TextLabel(QLabel):
    """Plain text; it takes no room while it says nothing."""

    def setText(self, text: str) -> None:
        super().setText(text)
        self.setVisible(bool(text))


def text_label(name: str = "") -> QLabel:
    """A label of plain text that wraps; names of layers are never read as HTML."""
    label = TextLabel()
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    label.hide()
    return label


def row(*widgets: QWidget, even: bool = False) -> QWidget:
    """Widgets side by side, the first one wide, or all alike."""
    holder = QWidget()
    layout = QHBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    for i, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if even or i == 0 else 0)
    return holder


class LayerChoice(QWidget):
    """A layer of the project, or a file that is then added to it."""

    changed = pyqtSignal()

    def __init__(self, name: str, filters: Qgis.LayerFilters, optional: bool = False, empty: str = "") -> None:
        super().__init__()
        self.combo = QgsMapLayerComboBox()
        self.combo.setObjectName(name)
        self.combo.setFilters(Qgis.LayerFilters(filters))
        self.combo.setAllowEmptyLayer(True, empty or (tr("None") if optional else tr("Choose a layer …")))
        self.combo.setLayer(None)
        self.combo.setMinimumContentsLength(12)
        self.combo.setSizeAdjustPolicy(self.combo.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.layerChanged.connect(lambda _: self.changed.emit())
        self.button = QToolButton()
        self.button.setObjectName(f"{name}_file")
        self.button.setText("…")
        self.button.setToolTip(tr("Take a file, which is added to the project"))
        self.button.clicked.connect(self._browse)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.combo, 1)
        layout.addWidget(self.button)
        self.setFocusProxy(self.combo)

    @property
    def layer(self) -> QgsVectorLayer | None:
        """The chosen layer."""
        layer = self.combo.currentLayer()
        return layer if isinstance(layer, QgsVectorLayer) else None

    def show(self, layer: QgsVectorLayer | None) -> None:
        """Choose a layer."""
        self.combo.setLayer(layer)

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, tr("Choose a file"), "", tr("All files (*)"))
        if not path:
            return
        layer = open_vector(path, path.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0])
        if layer.isValid() and QgsProject.instance().addMapLayer(layer) is not None:
            self.combo.setLayer(layer)


class FilterEdit(QWidget):
    """An expression, written or made in QGIS's dialog."""

    edited = pyqtSignal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.layer: QgsVectorLayer | None = None
        self.line = QLineEdit()
        self.line.setObjectName(name)
        self.line.setPlaceholderText(tr("all features"))
        self.line.setClearButtonEnabled(True)
        self.line.editingFinished.connect(self.edited.emit)
        self.button = QToolButton()
        self.button.setObjectName(f"{name}_dialog")
        self.button.setText("ε")
        self.button.setToolTip(tr("Make the filter in QGIS's expression dialog"))
        self.button.clicked.connect(self._open)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.button)
        self.setFocusProxy(self.line)

    @property
    def text(self) -> str:
        """The expression."""
        return self.line.text().strip()

    def _open(self) -> None:
        if self.layer is None:
            return
        dialog = QgsExpressionBuilderDialog(self.layer, self.text, self)
        dialog.setWindowTitle(tr("Filter of {}").format(self.layer.name()))
        dialog.accepted.connect(lambda: self._take(dialog.expressionText()))
        dialog.open()

    def _take(self, text: str) -> None:
        self.line.setText(text)
        self.edited.emit()


class DayEdit(QgsDateEdit):
    """A day, or none."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAllowNull(True)
        self.setDisplayFormat("d MMM yyyy")
        self.setCalendarPopup(True)
        self.show_day(None)

    @property
    def day(self) -> str | None:
        """As ISO text."""
        return None if self.isNull() else self.date().toString(Qt.DateFormat.ISODate)

    def show_day(self, day: str | None) -> None:
        """Show a day from ISO text."""
        if day is None:
            self.clear()
        else:
            self.setDate(QDate.fromString(day, Qt.DateFormat.ISODate))


def button(name: str, text: str, work: Callable[[], None]) -> QPushButton:
    """A button that does something, and is not pressed by Return in another field."""
    made = QPushButton(text)
    made.setObjectName(name)
    made.setAutoDefault(False)
    made.clicked.connect(lambda: work())
    return made


def column(page: QWidget, *parts: object) -> QVBoxLayout:
    """Parts of a page from top to bottom, pushed together at the top."""
    layout = QVBoxLayout(page)
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part)
        else:
            layout.addLayout(part)
    layout.addStretch(1)
    return layout
