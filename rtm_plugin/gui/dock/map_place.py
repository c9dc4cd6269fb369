"""Places of the map in another CRS."""

from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsProject
from qgis.gui import QgsMapCanvas


def from_map(canvas: QgsMapCanvas, crs: QgsCoordinateReferenceSystem) -> QgsCoordinateTransform:
    """The transform from the CRS of the map to another."""
    return QgsCoordinateTransform(canvas.mapSettings().destinationCrs(), crs, QgsProject.instance())
