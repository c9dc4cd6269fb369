"""Results of a study in the project: a group with the maps in order, as the toolbox loads them."""

from pathlib import Path
from typing import Any

from qgis.core import QgsMapLayer, QgsProject, QgsRasterLayer, QgsRectangle, QgsVectorLayer

from ..adapters.feedback import tr
from ..adapters.paths import same_file

_LAYERS = (
    ("OUTPUT_PLACES", tr("Priority places"), True),
    ("OUTPUT_TERRAIN", tr("Risk terrain: relative risk score"), True),
    ("OUTPUT_EXPECTED", tr("Expected events in a cell"), False),
    ("OUTPUT_FORECAST", tr("Forecast: expected events in a cell"), False),
)


def add_results(results: dict[str, Any], title: str) -> list[QgsMapLayer]:
    """Add the maps of a run to a group at the top of the project; they are styled by the files beside them."""
    project = QgsProject.instance()
    group = project.layerTreeRoot().insertGroup(0, tr("Risk terrain: {}").format(title))
    added = []
    for key, name, shown in _LAYERS:
        path = results.get(key)
        if not path:
            continue
        layer = QgsVectorLayer(path, name, "ogr") if key == "OUTPUT_PLACES" else QgsRasterLayer(path, name)
        if layer.isValid() and project.addMapLayer(layer, False) is not None:
            group.addLayer(layer).setItemVisibilityChecked(shown)
            added.append(layer)
    return added


def leave_results(folder: Path) -> None:
    """Take the maps of an earlier run in this folder out of the project, so that their files can be replaced."""
    project = QgsProject.instance()
    files = [folder / name for name in ("terrain.tif", "expected.tif", "forecast.tif", "places.gpkg")]
    sources = {layer: layer.source().split("|")[0] for layer in project.mapLayers().values()}
    old = [layer for layer, source in sources.items() if any(same_file(source, file) for file in files)]
    groups = {node.parent() for layer in old if (node := project.layerTreeRoot().findLayer(layer)) is not None}
    project.removeMapLayers([layer.id() for layer in old])
    for group in groups:
        if group is not project.layerTreeRoot() and not group.children() and group.parent() is not None:
            group.parent().removeChildNode(group)


def first_place(path: str) -> QgsRectangle | None:
    """Where the place of rank 1 lies; None without one."""
    layer = QgsVectorLayer(path, "places", "ogr")
    for feature in layer.getFeatures('"rank" = 1'):
        return feature.geometry().boundingBox()
    return None
