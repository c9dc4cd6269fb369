"""Layers of the project as references that a study can keep, and back."""

from qgis.core import (
    QgsDataSourceUri,
    QgsExpression,
    QgsMapLayer,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsVectorLayer,
)

from ..adapters.feedback import tr
from ..adapters.paths import path_key
from ..adapters.trust import open_layer, open_raster_layer
from ..adapters.trusted_filters import filter_refusal
from ..core.documents.study_document import LayerRef
from ..core.errors import InputError

_NOT_KEPT = ("memory", "virtual")
_RASTER_FILES = "gdal"
_DATABASES = ("postgres", "mssql", "oracle", "hana")


def reference(layer: QgsMapLayer, filter_: str = "") -> LayerRef:
    """What a study keeps of a layer."""
    return LayerRef(layer.source(), layer.name(), layer.providerType(), filter_)


def refusal_of_layer(layer: QgsMapLayer | None) -> str:
    """Why a study cannot keep this layer; empty when it can."""
    if layer is None:
        return ""
    if not layer.isValid():
        return tr("The layer '{}' cannot be read; repair its source, or choose another one.").format(layer.name())
    if layer.providerType() in _NOT_KEPT:
        return tr(
            "The layer '{}' is temporary, so that a saved study could not find it again; save it to a file first "
            "(right-click it ▸ Make Permanent…)."
        ).format(layer.name())
    if layer.providerType() in _DATABASES and QgsDataSourceUri(layer.source()).password():
        return tr(
            "The source of the layer '{}' holds a password, which a study file must not; keep it in QGIS's "
            "authentication settings instead, and add the layer again."
        ).format(layer.name())
    if isinstance(layer, QgsVectorLayer) and layer.isEditable() and layer.isModified():
        return tr("The layer '{}' has edits that are not saved; save them first.").format(layer.name())
    if isinstance(layer, QgsRasterLayer) and layer.providerType() != _RASTER_FILES:
        return tr("The raster '{}' is not a file; save it as a GeoTIFF first.").format(layer.name())
    return ""


def selection_filter(layer: QgsVectorLayer | None) -> str:
    """An expression that chooses the features that are selected now; empty when none is.

    By the layer's key where it has one, as QGIS's own numbers of features can change when a file is edited.
    """
    if layer is None or not layer.selectedFeatureCount():
        return ""
    keys = layer.primaryKeyAttributes()
    if len(keys) != 1:
        return f"$id IN ({', '.join(map(str, sorted(layer.selectedFeatureIds())))})"
    values = sorted({feature[keys[0]] for feature in layer.getSelectedFeatures()}, key=str)
    listed = ", ".join(QgsExpression.quotedValue(value) for value in values)
    return f"{QgsExpression.quotedColumnRef(layer.fields()[keys[0]].name())} IN ({listed})"


def project_layer(ref: LayerRef | None) -> QgsMapLayer | None:
    """The layer of the project that a reference means."""
    if ref is None:
        return None
    same = [
        layer
        for layer in QgsProject.instance().mapLayers().values()
        if isinstance(layer, (QgsVectorLayer, QgsRasterLayer))
        and layer.providerType() == ref.provider
        and _same(layer.source(), ref)
    ]
    return next((layer for layer in same if layer.name() == ref.name), same[0] if same else None)


def add_missing(refs: tuple[LayerRef, ...], group: str) -> list[str]:
    """Add the layers that the project lacks to a group of it; gives the names of those that cannot be opened."""
    lost = []
    for ref in refs:
        if project_layer(ref) is not None:
            continue
        project = QgsProject.instance()
        try:
            layer = _opened(ref, project)
        except InputError:
            lost.append(ref.name)
            continue
        root = project.layerTreeRoot()
        if project.addMapLayer(layer, False) is None:
            continue
        node = (root.findGroup(group) or root.addGroup(group)).addLayer(layer)
        node.setExpanded(False)
    return lost


def _opened(ref: LayerRef, project: QgsProject) -> QgsMapLayer:
    """The layer; raises InputError where it cannot be opened."""
    return open_raster_layer(ref) if ref.provider == _RASTER_FILES else open_layer(ref, project.transformContext())


def expression_problem(layer: QgsVectorLayer | None, text: str) -> str:
    """What is wrong with a filter; empty when nothing is."""
    if not text.strip():
        return ""
    parsed = QgsExpression(text)
    if parsed.hasParserError():
        return tr("The filter is not a valid expression: {}").format(parsed.parserErrorString().strip())
    known = {field.name() for field in layer.fields()} if layer is not None else set()
    missing = sorted(name for name in parsed.referencedColumns() if name not in known and not name.startswith("#!"))
    if layer is not None and missing:
        return tr("The filter names the field '{}', which '{}' lacks.").format(missing[0], layer.name())
    problem = filter_refusal(text)
    if problem:
        return tr("A study can keep harmless filters only, and this one is none: {}.").format(problem)
    return ""


def same_data(layer: QgsMapLayer, ref: LayerRef) -> bool:
    """Whether a layer and a reference show the same data, whatever provider, filter or subset they are shown with."""
    mine, other = _parts(layer.providerType(), layer.source()), _parts(ref.provider, ref.source)
    if not mine.get("path") or not other.get("path"):
        return layer.source() == ref.source
    return mine["path"] == other["path"] and (mine.get("layerName") or "") == (other.get("layerName") or "")


def _same(source: str, ref: LayerRef) -> bool:
    return source == ref.source or _parts(ref.provider, source) == _parts(ref.provider, ref.source)


def _parts(provider: str, source: str) -> dict[str, object]:
    parts = dict(QgsProviderRegistry.instance().decodeUri(provider, source))
    if parts.get("path"):
        parts["path"] = path_key(str(parts["path"]))
    return parts
