"""Seventh page: the study runs in the task manager; progress, log, cancel."""

from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtGui import QTextCursor
from qgis.PyQt.QtWidgets import QPlainTextEdit, QProgressBar

from ...adapters.feedback import tr
from ...core.errors import RtmError
from ..results import leave_results
from ..tasks import Job
from .page import Page, button, column, text_label
from .review_page import STUDY_FILE, run_inputs


class RunPage(Page):
    """Runs rtm:runstudy."""

    NAME = "run"
    TITLE = tr("Run")
    EXPLANATION = tr(
        "The study runs in the background; QGIS stays usable. Cancelling leaves no half-written file. When it is done, "
        "the maps are added to the project."
    )

    succeeded = pyqtSignal()

    def build(self) -> None:
        self._job: Job | None = None
        self._error = ""
        self.stage = text_label("run_stage")
        self.bar = QProgressBar()
        self.bar.setObjectName("run_bar")
        self.cancel = button("run_cancel", tr("&Cancel the run"), self.stop)
        self.again = button("run_again", tr("&Run again"), self.start)
        self.log = QPlainTextEdit()
        self.log.setObjectName("run_log")
        self.log.setReadOnly(True)
        self.log.setMinimumHeight(8 * self.fontMetrics().height())
        layout = column(self, self.stage, self.bar, self.cancel, self.again, self.log)
        layout.setStretchFactor(self.log, 10)

    @property
    def running(self) -> bool:
        """Whether a study runs."""
        return self._job is not None

    def refresh(self) -> None:
        self.cancel.setVisible(self.running)
        self.again.setVisible(not self.running)

    def reason(self) -> str:
        if self.running:
            return tr("The study is running …")
        return "" if self.draft.results else self._error or tr("The study has not been run yet.")

    def start(self) -> None:
        """Save the study beside its results, and run it."""
        folder = Path(self.draft.folder)
        self.draft.results = {}
        self._error = ""
        self.log.clear()
        self.bar.setRange(0, 100)
        self.bar.setValue(0)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.draft.save(folder / STUDY_FILE)
        except (OSError, RtmError) as error:
            self._fail(tr("The study cannot be saved in its folder: {}").format(error))
            return
        self.facts.stop()  # what was counted for the pages before is not needed any more
        leave_results(folder)
        self._job = Job("rtm:runstudy", run_inputs(self.draft))
        self._job.feedback.told.connect(self._told)
        self._job.feedback.progressChanged.connect(self._moved)
        self._job.finished.connect(self._done)
        self.stage.setText(tr("Starting"))
        self._job.start()
        self.refresh()
        self.checked.emit()

    def stop(self) -> None:
        """Cancel the run; it ends within half a second."""
        if self._job is not None:
            self.stage.setText(tr("Stopping …"))
            self._job.cancel()

    def _moved(self, progress: float) -> None:
        self.bar.setValue(int(progress))

    def _told(self, kind: str, text: str) -> None:
        if kind == "stage":
            self.stage.setText(text)
        prefix = {"warning": tr("Warning: "), "error": tr("Error: ")}.get(kind, "")
        self.log.moveCursor(QTextCursor.MoveOperation.End)
        self.log.insertPlainText(f"{prefix}{text}\n")
        self.log.moveCursor(QTextCursor.MoveOperation.End)

    def _done(self, ok: bool, results: dict[str, Any]) -> None:
        job, self._job = self._job, None
        if ok and "OUTPUT_TERRAIN" in results:
            self.bar.setValue(100)
            self.stage.setText(tr("Done"))
            self.draft.results = dict(results)
            self.draft.forget()
            self.refresh()
            self.checked.emit()
            self.succeeded.emit()
        elif job is not None and job.feedback.isCanceled():
            self._fail(tr("Cancelled; nothing was written. Run again when you are ready."))
        else:
            self._fail(job.error if job is not None else "")

    def _fail(self, sentence: str) -> None:
        self._error = sentence
        self.stage.setText(sentence)
        self.bar.setValue(0)
        self.refresh()
        self.checked.emit()
