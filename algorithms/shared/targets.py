"""Where outputs go, looked at before any work: better a sentence at once than a lost layer at the end."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterVectorDestination,
    QgsProviderRegistry,
)

from ...rtm_plugin.adapters.files import refuse_target
from ...rtm_plugin.adapters.moves import tidy
from ...rtm_plugin.adapters.paths import path_key, same_file
from ...rtm_plugin.adapters.study_file import given_study, layer_file
from ...rtm_plugin.cartography.sidecars import sidecar_path
from ...rtm_plugin.core.errors import OutputError, RtmError
from .request import Request

RASTER_ENDINGS = ("tif", "tiff")
VECTOR_ENDINGS = ("gpkg", "geojson", "csv", "shp", "fgb")
_STYLED = {".tif", ".tiff", ".gpkg", ".geojson", ".shp", ".fgb"}
_LAYERS = {*_STYLED, ".csv", ".json", ".kml", ".kmz", ".gml", ".gpx", ".tab", ".mif", ".sqlite", ".asc", ".vrt", ".jp2"}

# What belongs to a file: by its ending, files of the same stem; and by what follows the whole name.
_SHAPEFILE = (".shp", ".shx", ".dbf", ".prj", ".cpg", ".qix", ".sbn", ".sbx", ".qpj")
_MAPINFO = (".tab", ".dat", ".map", ".id", ".ind", ".mif", ".mid")
_PARTS = {**dict.fromkeys(_SHAPEFILE, _SHAPEFILE), **dict.fromkeys(_MAPINFO, _MAPINFO)}
_ATTACHED = ("-wal", "-shm", "-journal", ".aux.xml", ".ovr", ".msk", ".xml", ".qml")


def check_targets(request: Request) -> None:
    """Refuse outputs of a kind that cannot be written, that share a file, that are inputs, or that are in use.

    What a killed run left in their folders is repaired first, as it may have to do with the inputs.

    Raises
    ------
    OutputError
    """
    outputs = list(_outputs(request))
    for folder in dict.fromkeys(path.parent for path in outputs):
        tidy(folder)
    inputs = list(_input_files(request))
    taken: dict[str, Path] = {}
    for path in outputs:
        refuse_target(path)
        for file in _files_of(path):
            _refuse_input(path, file, inputs)
            key = path_key(file).casefold()  # two names that differ in case are one on the next computer
            if key in taken:
                raise OutputError(
                    f"The outputs {taken[key].name} and {path.name} would share the file {file.name}; give them "
                    "different names."
                )
            taken[key] = path
    for path in outputs:
        _refuse_foreign_style(path, taken)


def _outputs(request: Request) -> Iterator[Path]:
    """Every file that the parameters name, those in a folder of results too."""
    for definition in request.algorithm.destinationParameterDefinitions():
        path = _path(request.given(definition.name()))
        if path is None:
            continue
        if isinstance(definition, QgsProcessingParameterFolderDestination):
            yield from (path / name for name in request.algorithm.FOLDER_FILES)
        else:
            _check_ending(definition, path)
            yield path


def name_outputs(request: Request) -> Request:
    """The request with a path for each output that will be written.

    Asking QGIS for a temporary output gives a new name each time, and puts it on the list of what is to be loaded. A
    tool that asks twice leaves a file on that list that nobody writes. So QGIS is asked here, once; whoever asks again
    gets the path.
    """
    named = dict(request.parameters)
    for definition in request.algorithm.destinationParameterDefinitions():
        path = request.output(definition.name())
        if path:
            named[definition.name()] = path
    return request.with_parameters(named)


def load_only(request: Request, results: dict[str, Any]) -> None:
    """Take outputs that a run has left out, for a reason that its log tells, off the list of what is to be loaded."""
    waiting = request.context.layersToLoadOnCompletion()
    outputs = {
        str(request.given(definition.name())) for definition in request.algorithm.destinationParameterDefinitions()
    }
    left_out = outputs - set(map(str, results.values()))
    if left_out & set(waiting):
        request.context.setLayersToLoadOnCompletion({path: waiting[path] for path in waiting if path not in left_out})


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


def _files_of(path: Path) -> list[Path]:
    """The file, and what comes with a shapefile; not the style, which gives way to another output's."""
    parts = _SHAPEFILE if path.suffix.lower() == ".shp" else ()
    return [path, *(path.with_suffix(part) for part in parts if part != ".shp")]


def _refuse_input(output: Path, file: Path, inputs: list[Path]) -> None:
    for path in inputs:
        if same_file(file, path):
            raise OutputError(
                f"The output {output.name} is also an input of this run, which writing would destroy; choose another "
                "name."
            )
        if file.exists() and _belongs_to(file, path):
            raise OutputError(
                f"The output {output.name} would destroy {file.name}, which belongs to the input {path.name}; choose "
                "another name."
            )


def _belongs_to(file: Path, path: Path) -> bool:
    """Whether a file is part of another one: a table of a shapefile, the journal of a database."""
    if path_key(file.parent) != path_key(path.parent):
        return False
    one, other = file.name.casefold(), path.name.casefold()
    if file.stem.casefold() == path.stem.casefold() and file.suffix.lower() in _PARTS.get(path.suffix.lower(), ()):
        return True
    return one.startswith(other) and one[len(other) :] in _ATTACHED


def _refuse_foreign_style(path: Path, taken: dict[str, Path]) -> None:
    """Refuse a new file whose style would replace that of a layer of the same stem, which is no output of this run."""
    style = Path(sidecar_path(str(path)))
    if path.suffix.lower() not in _STYLED or path.exists() or not style.exists():
        return
    for other in style.parent.glob("*"):
        if other.stem == path.stem and other.suffix.lower() in _LAYERS and path_key(other).casefold() not in taken:
            raise OutputError(
                f"The output {path.name} would replace {style.name}, the style of {other.name}; choose another name."
            )


def _input_files(request: Request) -> Iterator[Path]:
    """Every file that a run reads: of its layers, documents and templates, and of the layers that a study names."""
    for definition in request.algorithm.parameterDefinitions():
        kind, name = definition.type(), definition.name()
        if definition.isDestination() or not request.given(name):
            continue
        if kind in ("source", "vector", "raster", "multilayer"):
            yield from _layer_files(request, name, kind)
        elif kind in ("file", "string"):
            text = request.text(name).strip()
            if os.path.isfile(text):
                yield Path(text)
            if name == "STUDY":
                yield from _study_files(text)


def _layer_files(request: Request, name: str, kind: str) -> Iterator[Path]:
    for layer in request.layers(name) if kind == "multilayer" else [request.layer(name)]:
        path = layer and QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source()).get("path")
        if path:
            yield Path(path)


def _study_files(text: str) -> Iterator[Path]:
    """Files of the layers of a study; a study that cannot be read is refused where it is used."""
    try:
        study = given_study(text)
    except RtmError:
        return
    for ref in study.layers:
        path = layer_file(ref)
        if path:
            yield Path(path)
