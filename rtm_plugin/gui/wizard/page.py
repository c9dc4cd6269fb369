"""What all pages share: they show the draft, change the draft, and say why they are not right yet."""

from collections.abc import Callable
from typing import ClassVar

from qgis.core import QgsApplication, QgsVectorLayer
from qgis.gui import QgsCollapsibleGroupBox, QgsExpressionBuilderDialog
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ...adapters.feedback import tr
from ..layers import selection_filter
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


class Form(QFormLayout):
    """A form that also fits narrow windows and large letters."""

    def __init__(self) -> None:
        super().__init__()
        self.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)

    def addRow(self, label: str, field: QWidget) -> None:
        """A label beside a field; Qt gives a label with an underlined letter a little less room than it takes."""
        named = QLabel(label)
        named.setBuddy(field)
        named.setContentsMargins(0, 0, named.fontMetrics().averageCharWidth(), 0)
        super().addRow(named, field)


def form() -> Form:
    """A new form."""
    return Form()


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


class FilterEdit(QWidget):
    """An expression, written, made in QGIS's dialog, or of the features that are selected."""

    edited = pyqtSignal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self._layer: QgsVectorLayer | None = None
        self.dialog: QgsExpressionBuilderDialog | None = None
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
        self.selected = SelectedButton(f"{name}_selected")
        self.selected.chosen.connect(self._take)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.button)
        layout.addWidget(self.selected)
        self.setFocusProxy(self.line)

    @property
    def layer(self) -> QgsVectorLayer | None:
        """The layer whose features are chosen."""
        return self._layer

    @layer.setter
    def layer(self, layer: QgsVectorLayer | None) -> None:
        self._layer = layer
        self.selected.watch(layer)
        self.button.setEnabled(layer is not None)

    @property
    def text(self) -> str:
        """The expression."""
        return self.line.text().strip()

    def _open(self) -> None:
        if self._layer is None:
            return
        self._close()
        self.dialog = QgsExpressionBuilderDialog(self._layer, self.text, self)
        self.dialog.setWindowTitle(tr("Filter of {}").format(self._layer.name()))
        self.dialog.accepted.connect(lambda: self._take(self.dialog.expressionText()))
        self.dialog.finished.connect(self._close)
        self.dialog.open()

    def _close(self, *_: object) -> None:
        """Let the dialog go as soon as it was answered: its preview reads the layer later, also one that is gone."""
        drop(self.dialog)
        self.dialog = None

    def _take(self, text: str) -> None:
        self.line.setText(text)
        self.edited.emit()


class SelectedButton(QToolButton):
    """Takes the features that are selected in a layer, as a filter that a study can keep; dead while none is."""

    chosen = pyqtSignal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setIcon(QgsApplication.getThemeIcon("/mIconSelected.svg"))
        self.setToolTip(tr("Only the features that are selected in the layer now"))
        self._layer: QgsVectorLayer | None = None
        self.clicked.connect(lambda: self.chosen.emit(selection_filter(self._layer)))
        self._enable()

    def watch(self, layer: QgsVectorLayer | None) -> None:
        """Follow the selection of this layer."""
        if layer is not None and layer is not self._layer:
            layer.selectionChanged.connect(self._enable)
            layer.willBeDeleted.connect(self._forget)
        self._layer = layer
        self._enable()

    def _forget(self) -> None:
        self._layer = None
        self._enable()

    def _enable(self, *_: object) -> None:
        self.setEnabled(self._layer is not None and self._layer.selectedFeatureCount() > 0)


def button(name: str, text: str, work: Callable[[], None]) -> QPushButton:
    """A button that does something, and is not pressed by Return in another field."""
    widget = QPushButton(text)
    widget.setObjectName(name)
    widget.setAutoDefault(False)
    widget.clicked.connect(lambda: work())
    return widget


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


def folded(name: str, inside: QLayout) -> QgsCollapsibleGroupBox:
    """A box called "Advanced", closed until it is wanted."""
    box = QgsCollapsibleGroupBox(tr("Advanced"))
    box.setObjectName(name)
    box.setSaveCollapsedState(False)
    box.setLayout(inside)
    box.setCollapsed(True)
    return box


def plain_tip(text: str) -> str:
    """A tooltip that is never read as HTML."""
    return "<span>" + text.replace("&", "&amp;").replace("<", "&lt;") + "</span>" if text else ""


def drop(dialog: QDialog | None) -> None:
    """Let a dialog go that was answered; its window would stay as long as its page."""
    if dialog is not None:
        dialog.deleteLater()
