"""Hands for the wizard: clicks, keys, and waiting for what must come."""

import time
from collections.abc import Callable

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QWidget

AT_ONCE = 20  # milliseconds, in place of those for which the wizard of an analyst waits before it counts and keeps


def wait(ready: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Let Qt work until something is so."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} seconds for {what}")
        QApplication.processEvents()
        QTest.qWait(20)


class Hands:
    """What an analyst does with one wizard."""

    def __init__(self, wizard) -> None:
        self.wizard = wizard

    def find(self, name: str) -> QWidget:
        """A widget by its name."""
        found = self.wizard.findChild(QWidget, name)
        assert found is not None, name
        return found

    def click(self, name: str) -> None:
        """A click of the left button."""
        widget = self.find(name)
        assert widget.isEnabled(), f"{name} cannot be clicked: {self.reason}"
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)

    def type(self, name: str, text: str) -> None:
        """Write into a field, as keys."""
        widget = self.find(name)
        QApplication.setActiveWindow(self.wizard)  # a screen without a window manager activates none
        widget.setFocus()
        widget.selectAll()
        QTest.keyClicks(widget, text)
        QTest.keyClick(widget, Qt.Key.Key_Tab)

    def choose(self, name: str, text: str) -> None:
        """Choose an entry of a list box with the keyboard."""
        combo = self.find(name)
        at = combo.findText(text)
        assert at >= 0, (text, [combo.itemText(i) for i in range(combo.count())])
        combo.setFocus()
        QTest.keyClick(combo, Qt.Key.Key_Home)
        for _ in range(combo.count()):
            if combo.currentIndex() == at:
                break
            QTest.keyClick(combo, Qt.Key.Key_Down)
        assert combo.currentIndex() == at
        combo.activated.emit(at)

    @property
    def reason(self) -> str:
        """Why Next is not possible."""
        return self.find("wizard_reason").text()

    @property
    def page(self) -> str:
        """Name of the page."""
        return self.wizard.page.NAME

    @property
    def can_go_on(self) -> bool:
        """Whether Next can be clicked."""
        return self.find("wizard_next").isEnabled()

    def counted(self) -> None:
        """Wait until nothing is counted any more."""
        wait(lambda: not self.reason.startswith("Counting"), f"the counts of {self.page}")

    def next(self) -> None:
        """Go on, once the page is right."""
        self.counted()
        assert self.can_go_on, f"{self.page}: {self.reason}"
        self.click("wizard_next")

    def until(self, page: str) -> None:
        """Go on until a page."""
        while self.page != page:
            self.next()
