"""The one way in which windows run an algorithm: in QGIS's task manager, so that the window stays alive.

A job asks first whether the algorithm can run here and with these parameters. What an analyst starts as work of its own
stands in Processing's history, and its layers are loaded as the toolbox loads them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsProcessingAlgorithm,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
    QgsTask,
)
from qgis.PyQt.QtCore import QEventLoop, QObject, Qt, QTimer, pyqtSignal

from ..adapters.feedback import tr
from .history import HistoryEntry
from .results import load_results

_PATIENCE = 10.0  # seconds; a job that was cancelled ends well within one on a quiet machine


class TellingFeedback(QgsProcessingFeedback):
    """Feedback that passes each line on as a signal, and keeps what went wrong."""

    told = pyqtSignal(str, str)  # "stage", "note", "warning" or "error"; the text

    def __init__(self) -> None:
        super().__init__(False)
        self.errors: list[str] = []

    def setProgressText(self, text: str) -> None:
        super().setProgressText(text)
        self.told.emit("stage", text)

    def pushInfo(self, info: str) -> None:
        super().pushInfo(info)
        self.told.emit("note", info)

    def pushWarning(self, warning: str) -> None:
        super().pushWarning(warning)
        self.told.emit("warning", warning)

    def reportError(self, error: str, fatalError: bool = False) -> None:
        super().reportError(error, False)  # a fatal one would be logged as a fault of the plugin; it is a sentence
        self.errors.append(error)
        self.told.emit("error", error)


class Job(QObject):
    """One run of an algorithm; `finished(ok, results)` comes once, in the window's thread, after `start` has returned.

    Parameters
    ----------
    algorithm : str, id in the registry
    parameters : dict
    quiet : bool
        Whether it answers a question of a window rather than doing work that the analyst wants to keep: it then stays
        out of the status bar and of Processing's history, and loads nothing.
    """

    finished = pyqtSignal(bool, dict)
    _alive: ClassVar[set[Job]] = set()  # a task needs its context and feedback to the end, though its window be gone

    def __init__(self, algorithm: str, parameters: dict[str, Any], quiet: bool = False) -> None:
        super().__init__()
        self.feedback = TellingFeedback()
        self._id, self._parameters, self._quiet = algorithm, parameters, quiet
        self._context = QgsProcessingContext()
        self._context.setProject(QgsProject.instance())
        self._context.setFeedback(self.feedback)
        self._algorithm: QgsProcessingAlgorithm | None = None
        self._task: QgsProcessingAlgRunnerTask | None = None
        self._entry: HistoryEntry | None = None

    def start(self) -> None:
        """Hand the task to the task manager, or say why it cannot run."""
        Job._alive.add(self)
        self._algorithm = QgsApplication.processingRegistry().createAlgorithmById(self._id)
        refusal = refusal_to_run(self._algorithm, self._id, self._parameters, self._context)
        if refusal:
            self.feedback.reportError(refusal)
            QTimer.singleShot(0, self._not_started)
            return
        flags = QgsTask.Flag.CanCancel
        if self._quiet:
            flags = flags | QgsTask.Flag.Hidden | QgsTask.Flag.Silent
        else:
            self._entry = HistoryEntry(self._algorithm, self._parameters, self._context)
        if self._algorithm.flags() & Qgis.ProcessingAlgorithmFlag.NoThreading:
            QTimer.singleShot(0, self._run_here)
            return
        self._task = QgsProcessingAlgRunnerTask(self._algorithm, self._parameters, self._context, self.feedback, flags)
        if self._task.isCanceled():  # it could not even be prepared; the manager would not tell
            QTimer.singleShot(0, self._not_started)
            return
        self._task.executed.connect(self._done)
        QgsApplication.taskManager().addTask(self._task)

    def cancel(self) -> None:
        """Ask the algorithm to stop."""
        self.feedback.cancel()

    @property
    def error(self) -> str:
        """Why it failed, in a sentence."""
        return self.feedback.errors[0].strip() if self.feedback.errors else tr("It stopped without saying why.")

    @classmethod
    def settle(cls) -> None:
        """Wait for all jobs that were cancelled: a window, the project's layers or the provider are about to go."""
        end = time.monotonic() + _PATIENCE
        while any(job.feedback.isCanceled() for job in cls._alive) and time.monotonic() < end:
            QgsApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
            time.sleep(0.01)

    def _run_here(self) -> None:
        """In the window's thread, as what makes print layouts must be; the pointer says that QGIS is busy."""
        QgsApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
        try:
            results, ok = self._algorithm.run(self._parameters, self._context, self.feedback, {}, True)
        finally:
            QgsApplication.restoreOverrideCursor()
        self._done(ok, results)

    def _not_started(self) -> None:
        self._done(False, {})

    def _done(self, ok: bool, results: dict[str, Any]) -> None:
        Job._alive.discard(self)
        self._task = None
        if self._entry is not None:
            self._entry.complete(results, self.feedback.htmlLog())
        if ok and not self._quiet and self._algorithm is not None:
            load_results(self._algorithm, self._context, self.feedback, results)
        self.finished.emit(ok, results)


class LatestJob(QObject):
    """One quiet job at a time: a new question cancels the one before, whose answer is then not told."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._current: Job | None = None

    @property
    def running(self) -> bool:
        """Whether an answer is still to come."""
        return self._current is not None

    def run(
        self,
        algorithm: str,
        parameters: dict[str, Any],
        done: Callable[[dict[str, Any]], None],
        failed: Callable[[str], None],
    ) -> None:
        """Start; `done` gets the results, `failed` a sentence, in the window's thread."""
        self.cancel()
        job = self._current = Job(algorithm, parameters, quiet=True)

        def answered(ok: bool, results: dict[str, Any]) -> None:
            if self._current is not job:
                return
            self._current = None
            if ok:
                done(results)
            else:
                failed(job.error)

        job.finished.connect(answered)
        job.start()

    def cancel(self) -> None:
        """Stop what is running and forget it."""
        if self._current is not None:
            self._current.cancel()
            self._current = None

    def stop(self) -> None:
        """Cancel, and wait for what has not ended: the window is about to go."""
        self.cancel()
        Job.settle()


def refusal_to_run(
    algorithm: QgsProcessingAlgorithm | None,
    name: str,
    parameters: dict[str, Any] | None = None,
    context: QgsProcessingContext | None = None,
) -> str:
    """Why an algorithm cannot be run here, and with these parameters where they are given; empty when it can."""
    if algorithm is None:
        return tr(
            "The tool {} could not be loaded; the log panel 'Risk Terrain' says why. Switch the plugin off and on "
            "again."
        ).format(name)
    able, sentence = algorithm.canExecute()
    if able and parameters is not None:
        able, sentence = algorithm.checkParameterValues(parameters, context or QgsProcessingContext())
    return "" if able else sentence
