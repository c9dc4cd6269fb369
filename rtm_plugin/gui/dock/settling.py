"""Work that waits until changes have come to rest."""

from collections.abc import Callable

from qgis.PyQt.QtCore import QObject, QTimer

_REST = 250  # milliseconds without a further change


def settling(parent: QObject, work: Callable[[], None]) -> QTimer:
    """A timer that does the work once nobody has started it again for a quarter of a second."""
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(_REST)
    timer.timeout.connect(work)
    return timer
