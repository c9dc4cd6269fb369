"""Progress and cancel: core's callable on one side, QgsProcessingFeedback on the other."""

from collections.abc import Callable

from qgis.core import QgsProcessingFeedback
from qgis.PyQt.QtCore import QCoreApplication

from ..core.errors import Cancelled
from ..core.tools.progress import Progress


def progress_of(feedback: QgsProcessingFeedback, start: float = 0.0, end: float = 1.0) -> Progress:
    """A progress callable that fills `start` to `end` of the feedback's bar and raises Cancelled when asked to stop."""

    def report(fraction: float) -> None:
        if feedback.isCanceled():
            raise Cancelled
        feedback.setProgress(100.0 * (start + (end - start) * fraction))

    return report


def stage_teller(feedback: QgsProcessingFeedback) -> Callable[[str], None]:
    """Tells the analyst which stage has begun."""
    texts = {
        "grid": tr("Making the grid"),
        "candidates": tr("Building candidates"),
        "culling": tr("Culling candidates"),
        "selection": tr("Selecting"),
        "significance": tr("Holding the factors against shifted layers"),
        "verification": tr("Checking the model with statsmodels"),
        "terrain": tr("Scoring"),
        "places": tr("Finding priority places"),
    }

    def tell(stage: str) -> None:
        if stage in texts:
            feedback.setProgressText(texts[stage])

    return tell


def tr(text: str) -> str:
    """Translate a literal."""
    return QCoreApplication.translate("RiskTerrain", text)


def stop_if_cancelled(feedback: QgsProcessingFeedback) -> None:
    """Raise Cancelled when the user has asked to stop."""
    if feedback.isCanceled():
        raise Cancelled
