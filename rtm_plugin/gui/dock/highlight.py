"""Features of a factor drawn over the map, and the one that flashes."""

from collections.abc import Sequence

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCsException,
    QgsFeatureRequest,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
)
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtGui import QColor

from .map_place import from_map

_NEAR = 0.01  # map units; transformed coordinates differ in their last digits
MOST = 2000  # features; more would be a stain, and slow
_COLOUR = QColor(0, 114, 178, 200)  # blue beside the terrain's reds, for colour-blind readers too


class Highlights:
    """Rubber bands by factor; `clear` takes all of them off the map."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._bands: dict[str, QgsRubberBand] = {}

    def show(self, factor: str, layer: QgsVectorLayer) -> int:
        """Draw the features in view; gives their number, at most MOST."""
        self.hide(factor)
        view = self._canvas.mapSettings().visibleExtent()
        try:
            view = from_map(self._canvas, layer.crs()).transformBoundingBox(view)
        except QgsCsException:
            return 0
        band = QgsRubberBand(self._canvas, layer.geometryType())
        band.setColor(_COLOUR)
        band.setFillColor(QColor(0, 114, 178, 60))
        band.setWidth(3)
        band.setIcon(QgsRubberBand.IconType.ICON_CIRCLE)
        band.setIconSize(9)
        number = 0
        for feature in layer.getFeatures(QgsFeatureRequest(view).setNoAttributes().setLimit(MOST)):
            band.addGeometry(feature.geometry(), layer, doUpdate=False)
            number += 1
        band.updatePosition()
        band.update()
        self._bands[factor] = band
        return number

    def hide(self, factor: str) -> None:
        """Take one factor's features off."""
        band = self._bands.pop(factor, None)
        if band is not None:
            self._canvas.scene().removeItem(band)

    def clear(self) -> None:
        """Take all off."""
        for factor in list(self._bands):
            self.hide(factor)

    def shown(self) -> list[str]:
        """Factors on the map."""
        return sorted(self._bands)

    def flash(self, geometries: Sequence[QgsGeometry], crs: QgsCoordinateReferenceSystem) -> None:
        """Flash geometries of a CRS."""
        if geometries:
            self._canvas.flashGeometries(list(geometries), crs)


def geometry_of(
    numbers: Sequence[float], crs: QgsCoordinateReferenceSystem, layer: QgsVectorLayer | None
) -> QgsGeometry:
    """The feature of the layer that a point (x, y) or segment (x1, y1, x2, y2) is of, in the CRS given; else itself."""
    ends = [QgsPointXY(*numbers[i : i + 2]) for i in range(0, len(numbers), 2)]
    itself = QgsGeometry.fromPointXY(ends[0]) if len(ends) == 1 else QgsGeometry.fromPolylineXY(ends)
    if layer is None:
        return itself
    middle = QgsPointXY(sum(end.x() for end in ends) / len(ends), sum(end.y() for end in ends) / len(ends))
    around = QgsGeometry.fromPointXY(middle).boundingBox().buffered(_NEAR)
    request = QgsFeatureRequest().setDestinationCrs(crs, QgsProject.instance().transformContext())
    for feature in layer.getFeatures(request.setFilterRect(around).setNoAttributes()):
        if feature.geometry().distance(QgsGeometry.fromPointXY(middle)) <= _NEAR:
            return feature.geometry()
    return itself
