"""Progress and cancel: core's callable on one side, QgsProcessingFeedback on the other."""

from qgis.core import QgsProcessingFeedback

from ..core.errors import Cancelled
from ..core.progress import Progress


def progress_of(feedback: QgsProcessingFeedback, start: float = 0.0, end: float = 1.0) -> Progress:
    """A progress callable that fills `start` to `end` of the feedback's bar and raises Cancelled when asked to stop."""

    def report(fraction: float) -> None:
        if feedback.isCanceled():
            raise Cancelled
        feedback.setProgress(100.0 * (start + (end - start) * fraction))

    return report


def stop_if_cancelled(feedback: QgsProcessingFeedback) -> None:
    """Raise Cancelled when the user has asked to stop."""
    if feedback.isCanceled():
        raise Cancelled
