"""The widgets of the dock, and how they show what they are given."""

from collections.abc import Sequence

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QBoxLayout,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSplitter,
    QTextBrowser,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...adapters.classes_in_view import ClassInView
from ...adapters.feedback import tr
from ...adapters.project import ProjectModel
from ...core.documents.factor_settings import rrv_text
from ...core.doubt.significance import p_cell
from ...core.model.document import RiskModel
from ...core.model.parts import ModelTerm

FACTOR = Qt.ItemDataRole.UserRole
CHECKED, UNCHECKED = Qt.CheckState.Checked, Qt.CheckState.Unchecked


class DockWidgets(QWidget):
    """Model above, its factors, the classes in view, the answer below."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.models = QComboBox(self)
        self.models.setToolTip(tr("The risk terrains of this project"))
        self.state = _text(self)
        self.find = QPushButton(tr("Find its model file…"), self)
        self.factors = _tree(self, [tr("Risk factor"), tr("Variable"), tr("RRV"), tr("p")])
        self.factors.setToolTip(tr("Tick a factor to show its features on the map"))
        self.note = _text(self)
        self.what_if = QPushButton(tr("What if…"), self)
        self.what_if.setToolTip(
            tr("The selected factor without the features that are selected on the map, or without any")
        )
        self.report = QPushButton(tr("Report"), self)
        self.report.setToolTip(tr("Open the report of the study again"))
        self.page = QPushButton(tr("Briefing page"), self)
        self.page.setToolTip(tr("Make a page for the wall: a PDF beside the report, and a print layout in the project"))
        self.classes = _tree(self, [tr("Class in view"), tr("Cells"), tr("Share"), tr("Expected")])
        self.why = QPushButton(tr("Why here?"), self)
        self.why.setCheckable(True)
        self.why.setToolTip(tr("Click on the map to learn why a cell has its score"))
        self.answer = QTextBrowser(self)
        self.answer.setOpenLinks(False)
        self.answer.setPlaceholderText(tr("Choose 'Why here?' and click on the risk terrain."))
        self.copy = QPushButton(tr("Copy as text"), self)
        self.copy.setEnabled(False)
        self._lay_out()

    def _lay_out(self) -> None:
        top = QGridLayout()
        top.addWidget(QLabel(tr("Risk terrain"), self), 0, 0)
        top.addWidget(self.models, 0, 1)
        top.setColumnStretch(1, 1)
        split = QSplitter(Qt.Orientation.Vertical, self)
        split.addWidget(_column(self.factors, self.note, _row(self.what_if, self.report, self.page)))
        split.addWidget(self.classes)
        split.addWidget(_column(_row(self.why, self.copy), self.answer))
        split.setChildrenCollapsible(False)
        split.setSizes([150, 110, 300])
        split.setStretchFactor(2, 1)
        page = QVBoxLayout(self)
        page.addLayout(top)
        page.addWidget(self.state)
        page.addWidget(self.find)
        page.addWidget(split, 1)
        self.note.hide()

    def show_model(self, chosen: ProjectModel | None, lacking: str = "") -> None:
        """The model's sentence and factors, or what is lacking."""
        model = chosen.model if chosen is not None else None
        self.find.setVisible(chosen is not None and model is None)
        self.report.setEnabled(bool(chosen and chosen.report))
        self.page.setEnabled(model is not None)
        self.what_if.setEnabled(False)
        self.factors.blockSignals(True)
        self.factors.clear()
        if chosen is None or model is None:
            self.state.setText(lacking)
        else:
            self.state.setText(
                tr("{:,} cells, {:,.0f} events, {} factors, {}").format(
                    model.grid.cells, model.events.inside, len(model.selected), model.family.upper()
                )
                + "".join(f"\n{sentence}" for sentence in chosen.refused)
            )
            for term in model.selected:
                about = f"{term.operationalisation} {term.distance:g}"
                item = QTreeWidgetItem(
                    [term.factor, about, rrv_text(model.rrv_of(term), term.direction), _surely(model, term)]
                )
                item.setData(0, FACTOR, term.factor)
                for column in (2, 3):
                    item.setTextAlignment(column, int(Qt.AlignmentFlag.AlignRight))
                known = term.factor in chosen.factors
                item.setCheckState(0, UNCHECKED)
                item.setDisabled(not known)
                if not known:
                    item.setToolTip(0, tr("The layer of this factor is not in the project"))
                self.factors.addTopLevelItem(item)
        self.factors.blockSignals(False)

    def say(self, sentence: str) -> None:
        """Show why something could not be done, or what to expect; nothing when all is well."""
        self.note.setText(sentence)
        self.note.setVisible(bool(sentence))

    def show_classes(self, rows: Sequence[ClassInView]) -> None:
        """Cells, share and expected events of each class, the highest first."""
        self.classes.clear()
        for row in reversed(rows):
            events = "" if row.expected is None else f"{row.expected:,.1f}"
            item = QTreeWidgetItem([row.name.split(":")[0], f"{row.cells:,}", f"{100 * row.share:.1f} %", events])
            item.setToolTip(0, row.name)
            for column in (1, 2, 3):
                item.setTextAlignment(column, int(Qt.AlignmentFlag.AlignRight))
            self.classes.addTopLevelItem(item)


def _surely(model: RiskModel, term: ModelTerm) -> str:
    """p of the test of significance; a dash where there was none."""
    test = model.test_of(term)
    return p_cell(None, None) if test is None else p_cell(test.p, test.established)


def _row(*widgets: QWidget) -> QWidget:
    return _box(QHBoxLayout, widgets)


def _column(*widgets: QWidget) -> QWidget:
    return _box(QVBoxLayout, widgets)


def _box(layout: type[QBoxLayout], widgets: Sequence[QWidget]) -> QWidget:
    box = QWidget()
    inner = layout(box)
    inner.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        inner.addWidget(widget)
    return box


def _text(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def _tree(parent: QWidget, headings: list[str]) -> QTreeWidget:
    tree = QTreeWidget(parent)
    tree.setHeaderLabels(headings)
    tree.setRootIsDecorated(False)
    tree.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    tree.header().setStretchLastSection(False)
    tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    tree.setMinimumHeight(60)
    return tree
