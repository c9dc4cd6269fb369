"""Results of a run in the project: loaded, taken out again, looked at."""

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
    QgsRectangle,
)

from ..adapters.opening import open_vector
from ..adapters.paths import same_file

# of the tests that may follow a run: they are of its study, and not of the next one
FURTHER_RESULTS = (
    "backtest.csv",
    "crossvalidation.csv",
    "crossvalidation_factors.csv",
    "joint_risk.tif",
    "joint_risk.csv",
)


def load_results(
    algorithm: QgsProcessingAlgorithm,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    results: dict[str, Any],
) -> bool:
    """Load what a run put on its list, by the toolbox's own function: names, groups, order, styles, descriptions."""
    from processing.gui.Postprocessing import handleAlgorithmResults

    return bool(handleAlgorithmResults(algorithm, context, feedback, results))


def leave_results(folder: Path) -> None:
    """Take the maps of an earlier run in this folder out of the project, so that their files can be replaced."""
    take_out(folder, ("terrain.tif", "expected.tif", "forecast.tif", "places.gpkg", "patrol.gpkg", *FURTHER_RESULTS))


def take_out(folder: Path, names: tuple[str, ...]) -> None:
    """Take the layers of these files out of the project, with the groups that they leave empty."""
    project = QgsProject.instance()
    files = [folder / name for name in names]
    sources = {layer: layer.source().split("|")[0] for layer in project.mapLayers().values()}
    old = [layer for layer, source in sources.items() if any(same_file(source, file) for file in files)]
    groups = {node.parent() for layer in old if (node := project.layerTreeRoot().findLayer(layer)) is not None}
    project.removeMapLayers([layer.id() for layer in old])
    for group in groups:
        if group is not project.layerTreeRoot() and not group.children() and group.parent() is not None:
            group.parent().removeChildNode(group)


def first_place(path: str) -> QgsRectangle | None:
    """Where the place of rank 1 lies; None without one."""
    layer = open_vector(path, "places")
    for feature in layer.getFeatures('"rank" = 1'):
        return feature.geometry().boundingBox()
    return None
