"""The wizard's window: steps on the left, a page on the right, why Next is not possible at the bottom."""

from pathlib import Path

from qgis.core import QgsProject
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QCloseEvent, QKeyEvent
from qgis.PyQt.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ...adapters.feedback import tr
from ..guide import GuideWindow
from ..tasks import Job
from .area_page import AreaPage
from .draft import Draft, autosave_path
from .factors_page import FactorsPage
from .facts import FactFinder
from .outcome_page import OutcomePage
from .page import Page, text_label
from .result_page import ResultPage
from .review_page import ReviewPage
from .run_page import RunPage
from .settings_page import SettingsPage
from .start_page import StartPage


class Wizard(QDialog):
    """Leads through a study, from an empty project to its report.

    Parameters
    ----------
    iface : QgisInterface or None
    parent : QWidget or None
    autosave : Path, optional
        Where the unfinished study is kept; in the user's profile when None.
    """

    def __init__(
        self, iface: QgisInterface | None = None, parent: QWidget | None = None, autosave: Path | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("rtm_wizard")
        self.setWindowTitle(tr("Risk Terrain Modelling"))
        self.setWindowFlags(self.windowFlags() | Qt.WindowType.WindowMinMaxButtonsHint)
        self.draft = Draft(autosave or autosave_path(), self)
        self.facts = FactFinder(self.draft, self)
        self.start, self.run, self.result = (kind(self.draft, self.facts) for kind in (StartPage, RunPage, ResultPage))
        middle = [
            kind(self.draft, self.facts) for kind in (AreaPage, OutcomePage, FactorsPage, SettingsPage, ReviewPage)
        ]
        self.pages: list[Page] = [self.start, *middle, self.run, self.result]
        self.result.iface = iface
        self._build()
        self._connect()
        self._fit_screen()
        self.go(0)

    def _build(self) -> None:
        self.steps = QListWidget()
        self.steps.setObjectName("wizard_steps")
        self.steps.setAccessibleName(tr("Steps"))
        self.stack = QStackedWidget()
        for i, page in enumerate(self.pages):
            self.steps.addItem(QListWidgetItem(f"{i + 1}  {page.TITLE}"))
            area = QScrollArea()
            area.setWidgetResizable(True)
            area.setFrameShape(QScrollArea.Shape.NoFrame)
            area.setWidget(page)
            self.stack.addWidget(area)
        self.steps.setFixedWidth(self.steps.sizeHintForColumn(0) + 24)
        self.title, self.explanation = QLabel(), QLabel()
        font = self.title.font()
        font.setPointSizeF(font.pointSizeF() * 1.4)
        font.setBold(True)
        self.title.setFont(font)
        self.explanation.setWordWrap(True)
        self.explanation.setObjectName("wizard_explanation")
        self.explanation.linkActivated.connect(self.show_help)
        self.why = text_label("wizard_reason")
        policy = self.why.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.why.setSizePolicy(policy)
        self.back = QPushButton(tr("‹ &Back"))
        self.next = QPushButton(tr("&Next ›"))
        self.leave = QPushButton(tr("Close"))
        for widget, name in ((self.back, "back"), (self.next, "next"), (self.leave, "close")):
            widget.setObjectName(f"wizard_{name}")
            widget.setAutoDefault(False)
        self.next.setDefault(True)
        right, bottom, whole = QVBoxLayout(), QHBoxLayout(), QHBoxLayout(self)
        bottom.addWidget(self.why, 1)
        for widget in (self.back, self.next, self.leave):
            bottom.addWidget(widget)
        right.addWidget(self.title)
        right.addWidget(self.explanation)
        right.addWidget(self.stack, 1)
        right.addLayout(bottom)
        whole.addWidget(self.steps)
        whole.addLayout(right, 1)

    def _connect(self) -> None:
        self.back.clicked.connect(lambda: self.go(self.current - 1))
        self.next.clicked.connect(self._forward)
        self.leave.clicked.connect(self.close)
        self.steps.currentRowChanged.connect(self._step_chosen)
        self.draft.changed.connect(self._draft_changed)
        self.facts.arrived.connect(self._look)
        self.start.begun.connect(self._begin)
        self.run.succeeded.connect(self._show_result)
        for page in self.pages:
            page.checked.connect(self._check)
        project = QgsProject.instance()
        for signal in (project.layersRemoved, project.layersAdded):
            signal.connect(self._project_changed)

    def _fit_screen(self) -> None:
        screen = self.screen().availableGeometry() if self.screen() else None
        if screen is not None:
            self.fit(screen.width(), screen.height())

    def fit(self, width: int, height: int) -> None:
        """As large as the letters ask for, and no larger than most of a screen of that size."""
        em = self.fontMetrics().height()
        self.resize(min(66 * em, int(0.95 * width)), min(46 * em, int(0.93 * height)))

    @property
    def current(self) -> int:
        """Number of the page that is shown."""
        return self.stack.currentIndex()

    @property
    def page(self) -> Page:
        """The page that is shown."""
        return self.pages[self.current]

    def go(self, number: int) -> None:
        """Show a page."""
        self.stack.setCurrentIndex(number)
        self.title.setText(self.page.TITLE)
        self.explanation.setText(f"{self.page.EXPLANATION} <a href='#{self.page.NAME}'>{tr('Help')}</a>")
        self.page.show_draft()
        self._mark_steps()
        self._check()
        first = self._first_field()
        if first is not None:
            first.setFocus()

    def _first_field(self) -> QWidget | None:
        """The first widget of the page that takes keys."""
        widget = self.page.nextInFocusChain()
        while widget is not None and self.page.isAncestorOf(widget):
            strong = widget.focusPolicy() & Qt.FocusPolicy.StrongFocus == Qt.FocusPolicy.StrongFocus
            if strong and widget.isEnabled() and widget.isVisible() and not isinstance(widget, QLabel):
                return widget
            widget = widget.nextInFocusChain()
        return None

    def show_help(self, link: str = "") -> None:
        """Open the guide at the page's section."""
        dialog = GuideWindow(self.page.NAME, self)
        dialog.setObjectName("wizard_help")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def _begin(self) -> None:
        """Go to the first page of the study, unless none can be run here."""
        if not self.start.reason():
            self.go(1)

    def _forward(self) -> None:
        if self.page.reason():
            self._check()
            return
        following = self.current + 1
        if following >= len(self.pages):
            self.close()
            return
        self.go(following)
        if self.page is self.run and not self.run.running:
            self.run.start()

    def _step_chosen(self, row: int) -> None:
        """Steps go back to pages that were filled; the way forward is Next."""
        if 0 <= row < self.current and not self.run.running:
            self.go(row)
        else:
            self._mark_steps()

    def _mark_steps(self) -> None:
        self.steps.blockSignals(True)
        for i in range(self.steps.count()):
            enabled = i <= self.current and not (self.run.running and i != self.current)
            flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
            self.steps.item(i).setFlags(flags if enabled else Qt.ItemFlag.NoItemFlags)
        self.steps.setCurrentRow(self.current)
        self.steps.blockSignals(False)

    def _draft_changed(self) -> None:
        self.draft.results = {}
        self._check()

    def _project_changed(self, *_: object) -> None:
        """A layer has come or gone: the study stays as it is, and the page shows where it is."""
        if self.isVisible() and not self.run.running:
            self.page.show_draft()
            self._check()

    def _look(self) -> None:
        self.page.refresh()
        self._check()

    def _check(self) -> None:
        """Whether Next is possible, and why not."""
        reason = self.page.reason()
        self.why.setText(reason)
        self.next.setEnabled(not reason)
        self.back.setEnabled(self.current > 0 and not self.run.running)
        texts = {"review": tr("&Run ›"), "result": tr("&Finish")}
        self.next.setText(texts.get(self.page.NAME, tr("&Next ›")))
        self._mark_steps()

    def _show_result(self) -> None:
        self.go(self.pages.index(self.result))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes, asking as the button does."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask while a study runs; keep an unfinished study."""
        if self.run.running and not self._may_stop():
            event.ignore()
            return
        self._end_work()
        event.accept()

    def abandon(self) -> None:
        """Go without asking, as when the plugin is switched off; an unfinished study is kept."""
        self._end_work()
        self.hide()
        self.deleteLater()

    def _end_work(self) -> None:
        """Nothing of the window's goes on without it; an unfinished study is kept."""
        self.run.stop()
        self.result.stop()
        self.facts.stop()
        Job.settle()
        if not self.draft.results:
            self.draft.autosave()

    def _may_stop(self) -> bool:
        answer = QMessageBox.question(
            self,
            tr("Risk Terrain Modelling"),
            tr("The study is still running. Stop it and close?"),
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
            QMessageBox.StandardButton.No,
        )
        return answer == QMessageBox.StandardButton.Yes
