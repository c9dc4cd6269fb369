"""What is asked of every input before any work: its values, its layers, and the ground that it lies on."""

from collections.abc import Iterator
from typing import Any

from qgis.core import (
    QgsMapLayer,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingParameterDefinition,
    QgsVectorLayer,
)

from ...rtm_plugin.adapters.crs import require_projected
from ...rtm_plugin.adapters.layers import geometry_of, layer_name
from ...rtm_plugin.adapters.sublayers import require_one_layer
from .values import Parameters, typed_values


def checked(algorithm: QgsProcessingAlgorithm, parameters: Parameters, context: QgsProcessingContext) -> Parameters:
    """The parameters with values of their types, after a look at their layers; cheap enough for an open dialog.

    Raises
    ------
    InputError
    """
    typed = typed_values(algorithm, parameters, context)
    for definition in algorithm.parameterDefinitions():
        for layer in _vectors(algorithm, typed, definition, context):
            require_one_layer(layer, layer_name(layer))
            if definition.name().endswith("EVENTS") and isinstance(layer, QgsVectorLayer):
                geometry_of(layer, layer_name(layer), "point")
    _check_study_area(algorithm, typed, context)
    return typed


def _vectors(
    algorithm: QgsProcessingAlgorithm,
    parameters: Parameters,
    definition: QgsProcessingParameterDefinition,
    context: QgsProcessingContext,
) -> Iterator[QgsMapLayer]:
    """The map layers behind a parameter, where it takes vector layers."""
    kind, name = definition.type(), definition.name()
    if definition.isDestination() or not parameters.get(name):
        return
    if kind == "multilayer":
        yield from algorithm.parameterAsLayerList(parameters, name, context) or ()
    elif kind in ("source", "vector"):
        layer = layer_behind(algorithm, parameters, name, context)
        if layer is not None:
            yield layer


def layer_behind(
    algorithm: QgsProcessingAlgorithm, parameters: Parameters, name: str, context: QgsProcessingContext
) -> QgsVectorLayer | None:
    """The map layer behind a source, also where only some of its features are chosen, which QGIS gives no layer for."""
    given = parameters.get(name)
    if isinstance(given, QgsProcessingFeatureSourceDefinition):
        given = given.source.valueAsString(context.expressionContext(), "")[0]
    return algorithm.parameterAsVectorLayer({**parameters, name: given}, name, context)


def _check_study_area(algorithm: QgsProcessingAlgorithm, parameters: Parameters, context: QgsProcessingContext) -> None:
    """Refuse the CRS of a study area. Where some of its features are chosen, how it suits their place is seen later."""
    definition = algorithm.parameterDefinition("STUDY_AREA")
    if definition is None or definition.type() != "source":
        return  # rtm:briefing draws the layer, whatever its CRS
    source = algorithm.parameterAsSource(parameters, "STUDY_AREA", context)
    if source is None:
        return
    layer = layer_behind(algorithm, parameters, "STUDY_AREA", context)
    name = layer_name(layer) if layer is not None else source.sourceName()
    given: Any = parameters.get("STUDY_AREA")
    some = isinstance(given, QgsProcessingFeatureSourceDefinition) and (
        given.selectedFeaturesOnly or given.filterExpression or given.featureLimit >= 0
    )
    extent = source.sourceExtent()
    require_projected(source.sourceCrs(), name, None if some or extent.isEmpty() else extent)
