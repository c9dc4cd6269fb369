"""Where outputs go, looked at before any work: better a sentence at once than a lost layer at the end."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterVectorDestination,
    QgsProviderRegistry,
)

from ..rtm_plugin.adapters.files import refuse_target
from ..rtm_plugin.cartography.sidecars import sidecar_path
from ..rtm_plugin.core.errors import OutputError

RASTER_ENDINGS = ("tif", "tiff")
VECTOR_ENDINGS = ("gpkg", "geojson", "csv", "shp", "fgb")
_STYLED = {*RASTER_ENDINGS, "gpkg", "geojson", "shp", "fgb"}


def check_targets(algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext) -> None:
    """Refuse outputs of a kind that cannot be written, that share a file, that are inputs, or that are in use.

    Raises
    ------
    OutputError
    """
    inputs = _input_files(algorithm, parameters, context)
    taken: dict[Path, str] = {}
    for definition in algorithm.destinationParameterDefinitions():
        path = _path(parameters.get(definition.name()))
        if path is None or isinstance(definition, QgsProcessingParameterFolderDestination):
            continue  # what is written into a folder is looked at where it is named
        _check_ending(definition, path)
        refuse_target(path)
        if _same_file(path, inputs):
            raise OutputError(
                f"The output {path.name} is also an input of this run, which writing would destroy; choose another "
                "name."
            )
        for file in _files_of(definition, path):
            key = Path(os.path.normcase(os.path.abspath(file)))
            if key in taken:
                raise OutputError(
                    f"The outputs {taken[key]} and {path.name} would share the file {file.name}; give them different "
                    "names."
                )
            taken[key] = path.name


def name_outputs(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> dict[str, Any]:
    """The parameters with a path for each output that will be written.

    Asking QGIS for a temporary output gives a new name each time, and puts it on the list of what is to be loaded. A
    tool that asks twice leaves a file on that list that nobody writes. So QGIS is asked here, once; whoever asks again
    gets the path.
    """
    named = dict(parameters)
    for definition in algorithm.destinationParameterDefinitions():
        layer = isinstance(
            definition, (QgsProcessingParameterRasterDestination, QgsProcessingParameterVectorDestination)
        )
        ask = algorithm.parameterAsOutputLayer if layer else algorithm.parameterAsFileOutput
        path = ask(parameters, definition.name(), context)
        if path:
            named[definition.name()] = path
    return named


def load_only(
    algorithm: QgsProcessingAlgorithm, context: QgsProcessingContext, named: dict[str, Any], results: dict[str, Any]
) -> None:
    """Take outputs that a run has left out, for a reason that its log tells, off the list of what is to be loaded."""
    waiting = context.layersToLoadOnCompletion()
    outputs = {str(named.get(definition.name())) for definition in algorithm.destinationParameterDefinitions()}
    left_out = outputs - set(map(str, results.values()))
    if left_out & set(waiting):
        context.setLayersToLoadOnCompletion({path: waiting[path] for path in waiting if path not in left_out})


def _path(value: Any) -> Path | None:
    """The file that an output parameter names; None for temporary and skipped outputs."""
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink.staticValue()
    if not isinstance(value, str) or not value.strip() or value.startswith("TEMPORARY_OUTPUT"):
        return None
    return Path(value)


def _check_ending(definition: QgsProcessingParameterDefinition, path: Path) -> None:
    allowed: tuple[str, ...] = ()
    if isinstance(definition, QgsProcessingParameterRasterDestination):
        allowed = RASTER_ENDINGS
    elif isinstance(definition, QgsProcessingParameterVectorDestination):
        allowed = VECTOR_ENDINGS
    ending = path.suffix.lstrip(".").lower()
    if allowed and ending not in allowed:
        raise OutputError(
            f"The output {definition.name()} cannot be written as '{path.name}'; give it the ending "
            f"{' or '.join('.' + name for name in allowed)}."
        )
    if not allowed and not isinstance(definition, QgsProcessingParameterFileDestination):
        raise OutputError(f"The output {definition.name()} is of an unknown kind.")


def _files_of(definition: QgsProcessingParameterDefinition, path: Path) -> list[Path]:
    """The file and its style."""
    if path.suffix.lstrip(".").lower() in _STYLED and not isinstance(definition, QgsProcessingParameterFileDestination):
        return [path, Path(sidecar_path(str(path)))]
    return [path]


def _input_files(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> list[Path]:
    files = []
    for definition in algorithm.parameterDefinitions():
        if definition.isDestination() or not parameters.get(definition.name()):
            continue
        for layer in _layers(algorithm, parameters, definition, context):
            path = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source()).get("path")
            if path:
                files.append(Path(path))
    return files


def _layers(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    definition: QgsProcessingParameterDefinition,
    context: QgsProcessingContext,
) -> Iterable[Any]:
    kind, name = definition.type(), definition.name()
    if kind == "multilayer":
        return algorithm.parameterAsLayerList(parameters, name, context)
    if kind in ("source", "vector", "raster"):
        layer = algorithm.parameterAsLayer(parameters, name, context)
        return [layer] if layer is not None else []
    return []


def _same_file(path: Path, inputs: Iterable[Path]) -> bool:
    if not path.exists():
        return False
    return any(other.exists() and os.path.samefile(path, other) for other in inputs)
