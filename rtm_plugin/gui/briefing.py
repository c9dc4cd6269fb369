"""The briefing page of a terrain with one click: filled in from its model and the project, kept beside the report."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsExpression,
    QgsFeatureRequest,
    QgsMapLayer,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from ..adapters.feedback import tr
from ..adapters.layers import layer_name
from ..adapters.opening import open_vector
from ..adapters.project import ProjectModel, project_model
from .opening import open_file
from .tasks import Job

_STREETS = ("street", "road", "highway")  # words in the names of layers of lines that make a basemap


def make_briefing(terrain: QgsRasterLayer, say: Callable[[str], None]) -> Job | None:
    """Make the page, put its layout into the project, open the PDF; `say` gets sentences on the way.

    Parameters
    ----------
    terrain : a risk terrain with its model beside it; it need not be in the project
    """
    chosen = project_model(QgsProject.instance(), terrain)
    if chosen.model is None:
        say(
            tr("The model of '{}' is not beside it, so that no page can be made; find its file first.").format(
                chosen.name
            )
        )
        return None
    pdf = _free_file(Path(chosen.report or terrain.source()).with_name("briefing.pdf"))
    job = Job("rtm:briefing", briefing_parameters(chosen, terrain, pdf))

    def done(ok: bool, _results: dict[str, Any]) -> None:
        say((open_file(str(pdf)) or _success(pdf)) if ok else job.error)

    job.finished.connect(done)
    say(tr("Making the page …"))
    job.start()
    return job


def briefing_parameters(chosen: ProjectModel, terrain: QgsRasterLayer, pdf: Path) -> dict[str, Any]:
    """Inputs of rtm:briefing; title, period and boundary come from the model and the terrain themselves."""
    factors = _factor_layers(chosen)
    parameters: dict[str, Any] = {
        "MODEL": chosen.path,
        "TERRAIN": terrain.source(),
        "FACTORS": factors,
        "BASEMAP": _streets(set(chosen.factors.values())),
        "OUTPUT": str(pdf),
    }
    return {**parameters, "PLACES": chosen.places} if chosen.places else parameters


def _success(pdf: Path) -> str:
    return tr("{} is in the folder {}; its layout is in the project (Project ▸ Layouts).").format(pdf.name, pdf.parent)


def _free_file(wanted: Path) -> Path:
    """The file, numbered where there is one: a page that was handed out is not replaced unasked."""
    free, number = wanted, 1
    while free.exists():
        number += 1
        free = wanted.with_name(f"{wanted.stem} {number}{wanted.suffix}")
    return free


def _factor_layers(chosen: ProjectModel) -> list[QgsVectorLayer]:
    """The features of each factor as a layer of its name; one whose filter the file's driver lacks is left out."""
    layers = []
    for factor, key in chosen.factors.items():
        known = QgsProject.instance().mapLayer(key)
        layer = known.clone() if isinstance(known, QgsVectorLayer) else open_vector(key, factor)
        if not layer.isValid() or not _keep_only(layer, chosen.filters.get(factor, "")):
            continue
        layer.setName(factor)
        layers.append(layer)
    return layers


def _keep_only(layer: QgsVectorLayer, expression: str) -> bool:
    """Filter a layer as the study did; tells whether exactly these features are left."""
    if not expression:
        return True
    request = QgsFeatureRequest(QgsExpression(expression)).setNoAttributes()
    wanted = {feature.id() for feature in layer.getFeatures(request)}
    both = f"({layer.subsetString()}) AND ({expression})" if layer.subsetString() else expression
    return layer.setSubsetString(both) and {feature.id() for feature in layer.getFeatures()} == wanted


def _streets(taken: set[str]) -> list[str]:
    """Layers of streets of the project that are no risk factors, uppermost first."""

    def is_one(layer: QgsMapLayer | None) -> bool:
        lines = isinstance(layer, QgsVectorLayer) and layer.geometryType() == Qgis.GeometryType.Line
        return lines and layer.isValid() and any(word in layer_name(layer).lower() for word in _STREETS)

    nodes = QgsProject.instance().layerTreeRoot().findLayers()
    layers = [node.layer() for node in nodes if is_one(node.layer())]
    return [layer.id() for layer in layers if layer.id() not in taken][:1]
