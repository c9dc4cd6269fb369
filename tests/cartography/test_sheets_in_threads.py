"""The cards' PDF is written in a task, beside windows and other tasks that lay out text too."""

import threading
from pathlib import Path

from qgis.PyQt.QtGui import QTextDocument
from qgis.PyQt.QtWidgets import QApplication, QLabel, QPlainTextEdit
from risk_terrain.rtm_plugin.cartography.sheets import Sheet, write_sheets

SHEET = Sheet(
    "Place 1", "a study", "<svg viewBox='0 0 9 9'></svg>", "<table><tr><td>x</td></tr></table>", "y", ("", "", "")
)
THREADS, PAGES = 3, 150


def test_many_at_a_time(qgis_app, tmp_path):
    wrong: list[Exception] = []

    def write(path: Path) -> None:
        try:
            write_sheets(str(path), "a study", [SHEET] * PAGES, "OFFICIAL")
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=write, args=(tmp_path / f"{i}.pdf",)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    log = QPlainTextEdit()
    log.show()
    while any(thread.is_alive() for thread in threads):
        log.appendPlainText("what the study tells")
        label = QLabel("<b>rich text</b>")
        label.show()
        QApplication.processEvents()
        label.deleteLater()
        for _ in range(20):
            document = QTextDocument()
            document.setHtml("<p>a window's")
            document.size()
            del document
    log.close()
    assert wrong == []
