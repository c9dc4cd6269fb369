"""Layers of the project as references that a study can keep, and back."""

from pathlib import Path

from qgis.core import QgsDataSourceUri, QgsExpression, QgsMapLayer, QgsProject, QgsProviderRegistry, QgsVectorLayer

from ..adapters.feedback import tr
from ..adapters.trust import open_layer
from ..adapters.trusted_filters import filter_refusal
from ..core.errors import InputError
from ..core.study_document import LayerRef

_NOT_KEPT = ("memory", "virtual")
_DATABASES = ("postgres", "mssql", "oracle", "hana")


def reference(layer: QgsVectorLayer, filter_: str = "") -> LayerRef:
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
    return ""


def project_layer(ref: LayerRef | None) -> QgsVectorLayer | None:
    """The layer of the project that a reference means."""
    if ref is None:
        return None
    same = [
        layer
        for layer in QgsProject.instance().mapLayers().values()
        if isinstance(layer, QgsVectorLayer) and layer.providerType() == ref.provider and _same(layer.source(), ref)
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
            layer = open_layer(ref, project.transformContext())
        except InputError:
            lost.append(ref.name)
            continue
        root = project.layerTreeRoot()
        if project.addMapLayer(layer, False) is None:
            continue
        node = (root.findGroup(group) or root.addGroup(group)).addLayer(layer)
        node.setExpanded(False)
    return lost


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


def _same(source: str, ref: LayerRef) -> bool:
    return source == ref.source or _parts(ref.provider, source) == _parts(ref.provider, ref.source)


def _parts(provider: str, source: str) -> dict[str, object]:
    parts = dict(QgsProviderRegistry.instance().decodeUri(provider, source))
    if parts.get("path"):
        parts["path"] = str(Path(str(parts["path"])))
    return parts
