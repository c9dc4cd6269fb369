"""Opens rtm:whatif with what the dock knows already."""

from qgis.core import QgsProcessingFeatureSourceDefinition, QgsVectorLayer

from ...adapters.project import ProjectModel
from ..dialogs import open_dialog


def ask_what_if(chosen: ProjectModel, factor: str, layer: QgsVectorLayer) -> str:
    """The tool's dialog, filled in: the factor without its selected features, or without any; or why it cannot be."""
    return open_dialog("rtm:whatif", what_if_parameters(chosen, factor, layer))


def what_if_parameters(chosen: ProjectModel, factor: str, layer: QgsVectorLayer) -> dict[str, object]:
    """Inputs of rtm:whatif; features that are selected on the map are those that would go."""
    study_filter = chosen.filters.get(factor, "")
    parameters: dict[str, object] = {
        "MODEL": chosen.path,
        "TERRAIN": chosen.terrain,
        "EXPECTED": chosen.expected,
        "FACTOR": factor,
        "BEFORE": _source(layer, study_filter),
    }
    if chosen.places:
        parameters["PLACES"] = chosen.places
    gone = sorted(layer.selectedFeatureIds())
    if gone:
        kept = f"$id NOT IN ({', '.join(map(str, gone))})"
        parameters["AFTER"] = _source(layer, f"({study_filter}) AND {kept}" if study_filter else kept)
    return parameters


def _source(layer: QgsVectorLayer, expression: str) -> QgsProcessingFeatureSourceDefinition | str:
    if not expression:
        return str(layer.id())
    return QgsProcessingFeatureSourceDefinition(layer.id(), filterExpression=expression)
