"""A registered algorithm in QGIS's task manager: the window stays alive while it works."""

import time
from typing import Any, ClassVar

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
    QgsTask,
)
from qgis.PyQt.QtCore import QObject, pyqtSignal

from ..adapters.feedback import tr


class TellingFeedback(QgsProcessingFeedback):
    """Feedback that passes each line on as a signal, and keeps what went wrong."""

    told = pyqtSignal(str, str)  # "stage", "note", "warning" or "error"; the text

    def __init__(self) -> None:
        super().__init__(False)
        self.errors: list[str] = []

    def setProgressText(self, text: str) -> None:
        self.told.emit("stage", text)

    def pushInfo(self, info: str) -> None:
        self.told.emit("note", info)

    def pushWarning(self, warning: str) -> None:
        self.told.emit("warning", warning)

    def reportError(self, error: str, fatalError: bool = False) -> None:
        self.errors.append(error)
        self.told.emit("error", error)


class Job(QObject):
    """One run of an algorithm; `finished(ok, results)` comes once, in the window's thread.

    Parameters
    ----------
    algorithm : str, id in the registry
    parameters : dict
    quiet : bool
        Whether the task stays out of the status bar: counting, not work that was asked for.
    """

    finished = pyqtSignal(bool, dict)
    _alive: ClassVar[set["Job"]] = set()  # a task goes on when its window is gone

    def __init__(self, algorithm: str, parameters: dict[str, Any], quiet: bool = False) -> None:
        super().__init__()
        self.feedback = TellingFeedback()
        self._context = QgsProcessingContext()
        self._context.setTransformContext(QgsProject.instance().transformContext())
        found = QgsApplication.processingRegistry().createAlgorithmById(algorithm)
        if found is None:
            raise ValueError(f"There is no algorithm {algorithm}.")
        flags = QgsTask.Flag.CanCancel
        if quiet:
            flags = flags | QgsTask.Flag.Hidden | QgsTask.Flag.Silent
        self._task = QgsProcessingAlgRunnerTask(found, parameters, self._context, self.feedback, flags)
        self._task.executed.connect(self._done)

    def start(self) -> None:
        """Hand the task to the task manager."""
        Job._alive.add(self)
        QgsApplication.taskManager().addTask(self._task)

    def cancel(self) -> None:
        """Ask the algorithm to stop."""
        self.feedback.cancel()

    @property
    def error(self) -> str:
        """Why it failed, in a sentence."""
        return self.feedback.errors[-1].strip() if self.feedback.errors else tr("It stopped without saying why.")

    @classmethod
    def settle(cls, seconds: float = 5.0) -> None:
        """Wait for jobs that were cancelled, as their algorithms need the provider."""
        end = time.monotonic() + seconds
        while cls._alive and time.monotonic() < end:
            QgsApplication.processEvents()
            time.sleep(0.01)

    def _done(self, ok: bool, results: dict[str, Any]) -> None:
        Job._alive.discard(self)
        self._task = None
        self.finished.emit(ok, results)
