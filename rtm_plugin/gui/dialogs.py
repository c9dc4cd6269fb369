"""Dialogs of tools that a window opens, filled in."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtWidgets import QWidget

from .tasks import refusal_to_run

_open: set[QWidget] = set()  # QGIS keeps the window only: without its Python half Run would do nothing


def open_dialog(algorithm: str, parameters: dict[str, Any]) -> str:
    """Show the dialog of a tool; gives the sentence why it cannot be, or nothing."""
    from processing import createAlgorithmDialog

    tool = QgsApplication.processingRegistry().createAlgorithmById(algorithm)
    refusal = refusal_to_run(tool, algorithm)
    if refusal:
        return refusal
    dialog = createAlgorithmDialog(tool, parameters)
    _open.add(dialog)
    dialog.destroyed.connect(lambda: _open.discard(dialog))  # not when closed: its run may go on, and ends in it
    dialog.show()
    return ""


def close_dialogs() -> None:
    """Close all, as the plugin's tools are about to go."""
    for dialog in list(_open):
        dialog.close()
