"""Core's features as a layer to be drawn: in memory, or in a file that a saved project finds again."""

from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from ..core.errors import OutputError
from ..core.ground.features import Features
from .files import Staging
from .opening import open_vector


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


def keep_outline(layer: QgsVectorLayer, wanted: Path) -> QgsVectorLayer:
    """The layer from a GeoPackage: one that is there already and holds this outline, else a new one of a free name.

    A file of an earlier page is never replaced, as a layout of the project may be showing it.

    Raises
    ------
    OutputError
    """
    path, number = wanted, 1
    while path.exists():
        there = open_vector(str(path), layer.name())
        if there.isValid() and there.crs() == layer.crs() and _shape(there).equals(_shape(layer)):
            return there
        number += 1
        path = wanted.with_stem(f"{wanted.stem} {number}")
    with Staging() as staging:
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.layerName = "boundary"
        transform = QgsProject.instance().transformContext()
        result = QgsVectorFileWriter.writeAsVectorFormatV3(layer, staging.beside(path), transform, options)
        if result[0] != QgsVectorFileWriter.WriterError.NoError:
            raise OutputError(f"The boundary {path.name} cannot be written: {result[1]}.")
    kept = open_vector(str(path), layer.name())
    if not kept.isValid() or kept.featureCount() != layer.featureCount():
        raise OutputError(f"The boundary {path.name} was not written whole to {path.parent}; check the disk.")
    return kept


def _shape(layer: QgsVectorLayer) -> QgsGeometry:
    return next((feature.geometry() for feature in layer.getFeatures()), QgsGeometry())
