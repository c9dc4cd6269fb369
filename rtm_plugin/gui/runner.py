"""Runs one registered algorithm in the task manager; the window stays free."""

from collections.abc import Callable
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
)
from qgis.PyQt.QtCore import QObject

from ..adapters.feedback import tr

_LAST_WAIT = 5000  # milliseconds
Done = Callable[[dict[str, Any]], None]
Failed = Callable[[str], None]


class _Feedback(QgsProcessingFeedback):
    """Keeps the sentence of a refusal."""

    def __init__(self) -> None:
        super().__init__(False)
        self.sentence = ""

    def reportError(self, error: str, fatalError: bool = False) -> None:
        self.sentence = self.sentence or error


class Runner(QObject):
    """One run at a time: a new one cancels the one before, whose answer is then not told."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._current: tuple[Any, ...] | None = None
        self._open: list[tuple[Any, ...]] = []  # until QGIS says that they ended: a task needs its context and feedback

    @property
    def running(self) -> bool:
        """Whether an answer is still to come."""
        return self._current is not None

    def run(self, algorithm: str, parameters: dict[str, Any], done: Done, failed: Failed) -> None:
        """Start; `done` gets the results, `failed` a sentence, in the window's own thread."""
        self.cancel()
        found = QgsApplication.processingRegistry().createAlgorithmById(algorithm)
        if found is None:
            failed(tr("The tool {} is not there; switch the plugin off and on again.").format(algorithm))
            return
        context, feedback = QgsProcessingContext(), _Feedback()
        context.setProject(QgsProject.instance())
        usable, refusal = found.checkParameterValues(parameters, context)
        if not usable:
            failed(refusal)
            return
        task = QgsProcessingAlgRunnerTask(found, parameters, context, feedback)
        mine = (task, found, context, feedback)
        self._current = mine
        self._open.append(mine)

        def told(successful: bool, results: dict[str, Any]) -> None:
            self._open.remove(mine)
            if self._current is not mine:
                return
            self._current = None
            if successful:
                done(results)
            else:
                failed(feedback.sentence or tr("The question was not answered; the log panel may say why."))

        task.executed.connect(told)
        QgsApplication.taskManager().addTask(task)

    def cancel(self) -> None:
        """Stop what is running and forget it."""
        if self._current is not None:
            _, _, _, feedback = self._current
            self._current = None
            feedback.cancel()

    def stop(self) -> None:
        """Cancel, and wait for what has not ended: the window is about to go."""
        self.cancel()
        for task, *_ in list(self._open):
            task.waitForFinished(_LAST_WAIT)
