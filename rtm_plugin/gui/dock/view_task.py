"""Counts the classes of a terrain in view, off the window's thread."""

from collections.abc import Callable

from qgis.core import QgsRectangle, QgsTask

from ...adapters.classes_in_view import ClassInView, classes_in_view
from ...adapters.feedback import tr
from ...core.terrain.scores import ScoreSummary


class ViewTask(QgsTask):
    """Class statistics of the part of a terrain that the map shows."""

    def __init__(
        self,
        terrain: str,
        expected: str,
        summary: ScoreSummary,
        view: QgsRectangle,
        done: Callable[[tuple[ClassInView, ...]], None],
    ) -> None:
        super().__init__(tr("Counting classes in view"), QgsTask.Flag.CanCancel | QgsTask.Flag.Silent)
        self._asked = (terrain, expected, summary, view)
        self._done = done
        self._rows: tuple[ClassInView, ...] = ()

    def run(self) -> bool:
        """In the background."""
        self._rows = classes_in_view(*self._asked)
        return not self.isCanceled()

    def finished(self, result: bool) -> None:
        """Back in the window's thread; a task that was cancelled tells nothing."""
        if result and not self.isCanceled():
            self._done(self._rows)
