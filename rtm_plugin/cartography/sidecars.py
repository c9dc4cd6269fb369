"""Styles beside the results, so that they open styled however they are opened, and what the desktop adds on loading."""

from collections.abc import Mapping
from pathlib import Path

from qgis.core import (
    QgsMapLayer,
    QgsMapLayerLegendUtils,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsRasterLayer,
    QgsReadWriteContext,
    QgsVectorLayer,
)
from qgis.PyQt import sip
from qgis.PyQt.QtXml import QDomDocument

from ..core.errors import OutputError
from .metadata import describe
from .styles import Painter, named_styles


def style_text(data_path: str, painter: Painter) -> str:
    """The style of the layer at `data_path`, painted, as a .qml file holds it; the layer is closed again."""
    kind = QgsRasterLayer if Path(data_path).suffix.lower() in (".tif", ".tiff") else QgsVectorLayer
    layer = kind(data_path, "layer")
    painter(layer)
    categories = QgsMapLayer.StyleCategory.Symbology | QgsMapLayer.StyleCategory.Labeling
    document = QDomDocument("qgis")
    problem = layer.exportNamedStyle(document, QgsReadWriteContext(), categories)
    if problem:
        raise OutputError(f"The style of a result cannot be made ({problem}).")
    return str(document.toString(2))


def sidecar_path(data_path: str) -> str:
    """Where QGIS looks for the style of a file."""
    return str(Path(data_path).with_suffix(".qml"))


def whole_name_sidecar(data_path: str) -> str:
    """Where we keep the style of a file whose usual place is another file's; QGIS does not look there by itself."""
    return f"{data_path}.qml"


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
        apart = whole_name_sidecar(str(layer.source()).partition("|")[0])
        _, loaded = layer.loadNamedStyle(apart) if Path(apart).is_file() else ("", False)
        if not loaded:
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
