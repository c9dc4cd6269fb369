"""Hands for the dialogs of Processing: a click on Run, and what came of it."""

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QTextEdit, QWidget
from wizard_hands import wait


def run_to_the_end(dialog: QWidget) -> dict:
    """Click Run in a dialog, wait for the end, and give its results; fail when the dialog reports anything as wrong."""
    finished: list[tuple[bool, dict]] = []
    dialog.algorithmFinished.connect(lambda ok, results: finished.append((ok, dict(results))))
    dialog.show()
    assert dialog.runButton().isEnabled()
    QTest.mouseClick(dialog.runButton(), Qt.MouseButton.LeftButton)
    wait(lambda: finished or (dialog.runButton().isVisible() and dialog.runButton().isEnabled()), "the dialog's end")
    text = log_of(dialog)
    assert finished, text
    ((ok, results),) = finished
    assert ok, text
    assert "not correctly generated" not in text
    return results


def log_of(dialog: QWidget) -> str:
    """What the dialog's log says."""
    return "\n".join(edit.toPlainText() for edit in dialog.findChildren(QTextEdit))
