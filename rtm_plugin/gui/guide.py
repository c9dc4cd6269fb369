"""The user guide in a window, at the section that is asked for; it comes with the plugin, and needs no network."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import Qt, QUrl
from qgis.PyQt.QtWidgets import QDialog, QTextBrowser, QVBoxLayout, QWidget

from ..adapters.feedback import tr

GUIDE = Path(__file__).resolve().parents[2] / "resources" / "guide" / "guide.html"


class GuideWindow(QDialog):
    """The guide, scrolled to a section; links in it lead to other sections."""

    def __init__(self, section: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("guide")
        self.setWindowTitle(tr("Guide to Risk Terrain"))
        self.setWindowFlags(self.windowFlags() | Qt.WindowType.WindowMinMaxButtonsHint)
        self.browser = QTextBrowser()
        self.browser.setObjectName("guide_text")
        self.browser.setOpenExternalLinks(True)
        QVBoxLayout(self).addWidget(self.browser)
        em = self.fontMetrics().height()
        self.resize(46 * em, 40 * em)
        self.show_section(section)

    def show_section(self, section: str) -> None:
        """Scroll to a section."""
        address = QUrl.fromLocalFile(str(GUIDE))
        address.setFragment(section)
        self.browser.setSource(address)
