"""Hands for dialogs: a click on Run in one of Processing and what came of it, a path typed into one of files."""

from pathlib import Path

from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDialogButtonBox, QFileDialog, QLineEdit, QTextEdit, QWidget
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


def choose_in_dialog(path: Path) -> None:
    """Type a path into the dialog of files that is about to open, and accept it."""

    def type_and_accept() -> None:  # an error in here would end Python, as Qt calls it
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, QFileDialog):
            dialog.findChild(QLineEdit, "fileNameEdit").setText(str(path))
            kinds = QDialogButtonBox.StandardButton.Open, QDialogButtonBox.StandardButton.Save
            box = dialog.findChild(QDialogButtonBox)
            accepting = [box.button(kind) for kind in kinds if box.button(kind) is not None]
            QTest.mouseClick(accepting[0], Qt.MouseButton.LeftButton)

    QTimer.singleShot(500, type_and_accept)
