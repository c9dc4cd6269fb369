"""Styles beside the results, so that they open styled however they are opened, and what the desktop adds on loading."""

from collections.abc import Mapping
from pathlib import Path

from osgeo import gdal
from qgis.core import (
    QgsMapLayer,
    QgsMapLayerLegendUtils,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt import sip

from ..core.errors import OutputError
from .metadata import describe
from .styles import Painter, named_styles

_PAM = "GDAL_PAM_ENABLED"


def save_style(data_path: str, sidecar: str, painter: Painter) -> None:
    """Paint the layer at `data_path` and save its style at `sidecar`; both are closed again."""
    kind = QgsRasterLayer if Path(data_path).suffix.lower() in (".tif", ".tiff") else QgsVectorLayer
    before = gdal.GetThreadLocalConfigOption(_PAM)
    gdal.SetThreadLocalConfigOption(_PAM, "NO")  # else the statistics that a layer looks up become an .aux.xml file
    try:
        layer = kind(data_path, "layer")
        painter(layer)
        categories = QgsMapLayer.StyleCategory.Symbology | QgsMapLayer.StyleCategory.Labeling
        message, saved = layer.saveNamedStyle(sidecar, categories)
        del layer
    finally:
        gdal.SetThreadLocalConfigOption(_PAM, before)
    if not saved or not Path(sidecar).read_bytes().rstrip().endswith(b"</qgis>"):  # QGIS overlooks a full disk
        raise OutputError(f"The style of a result cannot be written ({message}); check that the disk has room.")


def sidecar_path(data_path: str) -> str:
    """Where QGIS looks for the style of a file."""
    return str(Path(data_path).with_suffix(".qml"))


class SidecarStyler(QgsProcessingLayerPostProcessorInterface):
    """Gives a layer that has just been loaded the style of its sidecar, its further named styles, a description, and
    its legend a heading in plain words.

    Parameters
    ----------
    properties : mapping
        Custom properties to keep with the layer, such as where its model lies.
    """

    def __init__(self, properties: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._properties = dict(properties or {})

    def postProcessLayer(
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        node = context.project().layerTreeRoot().findLayer(layer.id()) if context.project() else None
        if node is not None and isinstance(layer, QgsRasterLayer):  # else "Band 1: relative risk score (Gray)"
            QgsMapLayerLegendUtils.setLegendNodeUserLabel(node, 0, layer.dataProvider().bandDescription(1))
        layer.loadDefaultStyle()
        if isinstance(layer, QgsRasterLayer):
            add_named_styles(layer)
            describe(layer)
        for key, value in self._properties.items():
            layer.setCustomProperty(key, value)


def add_named_styles(layer: QgsRasterLayer) -> None:
    """Add the further styles of a raster of ours to those that the layer already has, which stays the current one."""
    (first, _), *others = named_styles(layer) or [("", None)]
    if not others:
        return
    manager = layer.styleManager()
    manager.renameStyle(manager.currentStyle(), first)
    for name, painter in others:
        manager.addStyleFromLayer(name)
        manager.setCurrentStyle(name)
        painter(layer)
    manager.setCurrentStyle(first)


_stylers: set[SidecarStyler] = set()


def styler(properties: Mapping[str, str] | None = None) -> SidecarStyler:
    """A styler for one result: QGIS deletes each with the run's context, so one for two would be deleted twice.

    QGIS does not hold the Python half, without which nothing is styled: it is held here until QGIS deletes its own.
    """
    for known in tuple(_stylers):
        if sip.isdeleted(known):
            _stylers.discard(known)
    new = SidecarStyler(properties)
    _stylers.add(new)
    return new
