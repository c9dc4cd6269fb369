"""First page: a new study, a saved one, the unfinished one, or the demonstration."""

import importlib.util
from collections.abc import Callable

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog, QGridLayout, QLabel, QMessageBox

from ...adapters.feedback import tr
from ...adapters.preferences import load_preferences
from ...adapters.trust import UntrustedSourceError
from ...core.documents.settings import GridSettings
from ...core.documents.study_document import StudyDocument
from ...core.errors import RtmError
from ..layers import add_missing
from ..tasks import refusal_to_run
from .demo import demo_study
from .page import Page, button, column, text_label

_NEEDED = ("rtm:checkstudy", "rtm:runstudy", "rtm:run")


class StartPage(Page):
    """Where the study comes from."""

    NAME = "start"
    TITLE = tr("Start")
    EXPLANATION = tr(
        "Risk Terrain Modelling finds the features of a place that go with crime, and maps where their influences "
        "come together. Begin a new study, go on with one, or try it on an invented city."
    )

    begun = pyqtSignal()  # a study is there: go to the next page

    def build(self) -> None:
        self.new = button("start_new", tr("Ne&w study"), self._new)
        self.unfinished = button("start_unfinished", tr("&Continue the unfinished study"), self._continue)
        self.opened = button("start_open", tr("&Open a saved study …"), self._open)
        self.demo = button("start_demo", tr("&Try the demonstration city"), self._demo)
        self.message = text_label("start_message")
        self.missing = text_label("start_missing")
        self.kept = QLabel(tr("It was closed, or lost in a crash, before it was run."))
        grid = QGridLayout()
        for i, (widget, text) in enumerate(
            (
                (self.new, QLabel(tr("Begin with a boundary, events and layers of risk factors."))),
                (self.unfinished, self.kept),
                (self.opened, QLabel(tr("A study.json that was saved with its results, or by hand."))),
                (self.demo, QLabel(tr("An invented city with known risk factors: a study in two minutes."))),
            )
        ):
            text.setWordWrap(True)
            grid.addWidget(widget, i, 0)
            grid.addWidget(text, i, 1)
        grid.setColumnStretch(1, 1)
        column(self, grid, self.message, self.missing)

    def fill(self) -> None:
        for widget in (self.unfinished, self.kept):
            widget.setVisible(self.draft.unfinished is not None)
        refusal = self._refusal()
        for way in (self.new, self.unfinished, self.opened, self.demo):
            way.setEnabled(not refusal)  # a study that could not be run is not begun
        self.missing.setText("\n".join(text for text in (refusal, self._lacking()) if text))

    def reason(self) -> str:
        return self._refusal()

    @staticmethod
    def _refusal() -> str:
        """Why no study can be run here: asked of every tool that a study needs, before anything is filled in."""
        registry = QgsApplication.processingRegistry()
        refusals = (refusal_to_run(registry.createAlgorithmById(name), name) for name in _NEEDED)
        return next(filter(None, refusals), "")

    @staticmethod
    def _lacking() -> str:
        if importlib.util.find_spec("statsmodels") is not None:
            return ""
        return tr(
            "The Python package statsmodels is not installed here: studies run, but their model is not checked by a "
            "second program. Ask the IT desk for it (OSGeo4W: package python3-statsmodels)."
        )

    def _new(self) -> None:
        self.draft.begin(StudyDocument(grid=GridSettings(load_preferences().block_length)))
        self.begun.emit()

    def _demo(self) -> None:
        self.draft.begin(StudyDocument())
        self._take(demo_study())

    def _continue(self) -> None:
        if self.draft.unfinished is not None:
            self._load(self.draft.go_on)

    def _open(self) -> None:
        folder = load_preferences().study_folder
        path, _ = QFileDialog.getOpenFileName(self, tr("Open a study"), folder, tr("Study (*.json)"))
        if path:
            self._load(lambda: self._load_or_ask(path))

    def _load(self, read: Callable[[], None]) -> None:
        try:
            read()
        except RtmError as error:
            self.message.setText(str(error))
            return
        self._take(self.draft.study)

    def _load_or_ask(self, path: str) -> None:
        """Open a study; what it names beside local files is opened only when the analyst says so."""
        try:
            self.draft.load(path)
        except UntrustedSourceError as error:
            if not error.sources or not self._allowed(error.sources):
                raise
            self.draft.load(path, allow_remote=True)

    def _allowed(self, sources: tuple[str, ...]) -> bool:
        question = QMessageBox(self)
        question.setObjectName("start_remote")
        question.setIcon(QMessageBox.Icon.Warning)
        question.setWindowTitle(tr("Open a study"))
        question.setTextFormat(Qt.TextFormat.PlainText)
        sentence = tr("This study names more than local files. Open them only when you know where it comes from:")
        question.setText("\n\n".join((sentence, *sources, tr("Open them?"))))
        question.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No)
        question.setDefaultButton(QMessageBox.StandardButton.No)
        return question.exec() == QMessageBox.StandardButton.Yes

    def _take(self, study: StudyDocument) -> None:
        self.draft.replace(study)
        group = tr("Data of the study: {}").format(study.title or tr("untitled"))
        lost = add_missing((*study.layers, *study.rasters), group)
        if lost:
            self.message.setText(
                tr("These layers cannot be opened: {}. Put their files back, or choose other layers.").format(
                    ", ".join(dict.fromkeys(lost))
                )
            )
            self.checked.emit()
            return
        self.message.setText("")
        self.begun.emit()
