"""Core's features as a layer in memory, to be drawn."""

from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsGeometry, QgsPointXY, QgsVectorLayer

from ..core.features import Features


def outline_layer(features: Features, crs: QgsCoordinateReferenceSystem, name: str) -> QgsVectorLayer:
    """The edges of polygons as one feature of lines."""
    segments = [[QgsPointXY(x0, y0), QgsPointXY(x1, y1)] for x0, y0, x1, y1 in features.coordinates.tolist()]
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromMultiPolylineXY(segments).mergeLines())
    layer = QgsVectorLayer("MultiLineString", name, "memory")
    layer.setCrs(crs)
    layer.dataProvider().addFeatures([feature])
    layer.updateExtents()
    return layer
