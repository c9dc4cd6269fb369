"""The map tool "Why here?": tells where was clicked."""

from qgis.core import QgsPointXY
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapTool
from qgis.PyQt.QtCore import Qt, pyqtSignal


class WhyHereTool(QgsMapTool):
    """A click asks; the point is in the coordinates of the map."""

    asked = pyqtSignal(QgsPointXY)

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.WhatsThisCursor)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        """Ask about the place under the left button."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.asked.emit(self.toMapCoordinates(event.pos()))
