"""Processing's history: what a window runs stands there like a run of the toolbox, to be looked up and repeated."""

from typing import Any

from qgis.core import QgsProcessingAlgorithm, QgsProcessingContext
from qgis.gui import QgsGui

_PROVIDER = "processing"  # QGIS's own; it shows entries with these keys, and opens the tool again from them


class HistoryEntry:
    """An entry made when a run begins, and completed at its end."""

    def __init__(
        self, algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
    ) -> None:
        self._details: dict[str, Any] = {
            "python_command": algorithm.asPythonCommand(parameters, context),
            "algorithm_id": algorithm.id(),
            "parameters": algorithm.asMap(parameters, context),
        }
        command, complete = algorithm.asQgisProcessCommand(parameters, context)
        if complete:
            self._details["process_command"] = command
        self._number, self._kept = QgsGui.historyProviderRegistry().addEntry(_PROVIDER, self._details)
        QgsGui.instance().processingRecentAlgorithmLog().push(algorithm.id())

    def complete(self, results: dict[str, Any], log: str) -> None:
        """Add what came of it."""
        if self._kept:
            details = {**self._details, "results": results, "log": log}
            QgsGui.historyProviderRegistry().updateEntry(self._number, details)
