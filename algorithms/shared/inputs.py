"""What is asked of every input before any work: its values, its layers, and the ground that it lies on."""

from collections.abc import Iterator
from typing import Any

from qgis.core import (
    QgsMapLayer,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingParameterDefinition,
    QgsVectorLayer,
)

from ...rtm_plugin.adapters.crs import require_projected
from ...rtm_plugin.adapters.layers import geometry_of, layer_name
from ...rtm_plugin.adapters.sublayers import require_one_layer
from .request import Request
from .values import typed_values


def checked(request: Request) -> Request:
    """The request with values of their types, after a look at its layers; cheap enough for an open dialog.

    Raises
    ------
    InputError
    """
    request = request.with_parameters(typed_values(request))
    for definition in request.algorithm.parameterDefinitions():
        for layer in _vectors(request, definition):
            require_one_layer(layer, layer_name(layer))
            if definition.name().endswith("EVENTS") and isinstance(layer, QgsVectorLayer):
                geometry_of(layer, layer_name(layer), "point")
    _check_study_area(request)
    return request


def _vectors(request: Request, definition: QgsProcessingParameterDefinition) -> Iterator[QgsMapLayer]:
    """The map layers behind a parameter, where it takes vector layers."""
    kind, name = definition.type(), definition.name()
    if definition.isDestination() or not request.given(name):
        return
    if kind == "multilayer":
        yield from request.layers(name)
    elif kind in ("source", "vector"):
        layer = request.layer_behind(name)
        if layer is not None:
            yield layer


def _check_study_area(request: Request) -> None:
    """Refuse the CRS of a study area. Where some of its features are chosen, how it suits their place is seen later."""
    definition = request.algorithm.parameterDefinition("STUDY_AREA")
    if definition is None or definition.type() != "source":
        return  # rtm:briefing draws the layer, whatever its CRS
    source = request.source("STUDY_AREA")
    if source is None:
        return
    layer = request.layer_behind("STUDY_AREA")
    name = layer_name(layer) if layer is not None else source.sourceName()
    given: Any = request.given("STUDY_AREA")
    some = isinstance(given, QgsProcessingFeatureSourceDefinition) and (
        given.selectedFeaturesOnly or given.filterExpression or given.featureLimit >= 0
    )
    extent = source.sourceExtent()
    require_projected(source.sourceCrs(), name, None if some or extent.isEmpty() else extent)
