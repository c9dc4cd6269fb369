"""Opens a result in the program that the computer has for it."""

from pathlib import Path

from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QDesktopServices

from ..adapters.feedback import tr


def open_file(path: str) -> str:
    """Open a local file; gives the sentence why it cannot be, or nothing."""
    if not Path(path).is_file():
        return tr("{} is not there any more; put it back, or run the study again.").format(Path(path).name)
    if not QDesktopServices.openUrl(QUrl.fromLocalFile(path)):
        return tr("No program could be opened for it. The file is {}").format(path)
    return ""
