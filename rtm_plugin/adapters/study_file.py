"""Study documents as files, and their layers opened: paths are relative to the file where they can be."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from qgis.core import (
    QgsMapLayer,
    QgsPathResolver,
    QgsProcessingContext,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsReadWriteContext,
    QgsVectorLayer,
)

from ..core.documents.reading import read_text
from ..core.documents.study_document import LayerRef, StudyDocument
from ..core.errors import FileFormatError, InputError, OutputError
from .files import Staging
from .layers import layer_name
from .paths import same_file
from .trust import open_layer, open_raster_layer, require_trusted


def save_study(study: StudyDocument, path: str | Path) -> None:
    """Write a study file, whole or not at all.

    Raises
    ------
    OutputError
        Also where the file is a layer of the study.
    """
    for ref in study.layers:
        if layer_file(ref) and same_file(layer_file(ref), path):
            raise OutputError(f"{Path(path).name} is the layer '{ref.name}' of this study; choose another name.")
    resolver = _resolver(path)

    def relative(layer: LayerRef) -> LayerRef:
        registry = QgsProviderRegistry.instance()
        return replace(layer, source=registry.absoluteToRelativeUri(layer.provider, layer.source, resolver))

    with Staging() as staging:
        staging.text(path, study.with_layers(relative).to_json())


def load_study(path: str | Path, allow_remote: bool = False) -> StudyDocument:
    """Read a study file; the paths in the answer are absolute.

    Parameters
    ----------
    path : str or Path
    allow_remote : bool
        Whether the analyst lets this study name databases, services and other computers (see `trust`).

    Raises
    ------
    FileFormatError, SettingsError, UntrustedSourceError, InputError
    """
    study = StudyDocument.from_json(read_text(path, "study file"))
    file = str(Path(path).absolute())
    require_trusted(study, allow_remote, file)  # before paths are resolved, which asks the disk for them
    resolver = _resolver(path)

    def absolute(layer: LayerRef) -> LayerRef:
        registry = QgsProviderRegistry.instance()
        return replace(layer, source=registry.relativeToAbsoluteUri(layer.provider, layer.source, resolver))

    study = study.with_layers(absolute)
    require_trusted(study, allow_remote, file)
    return study


def given_study(given: str, allow_remote: bool = False) -> StudyDocument:
    """A study from its JSON text, whose paths are absolute, or from a file; held to the same rules.

    Raises
    ------
    FileFormatError, SettingsError, UntrustedSourceError, InputError
    """
    text = given.strip()
    if not text:
        raise FileFormatError("No study is given; choose a study file that the wizard saved.")
    if not text.startswith("{"):
        return load_study(text, allow_remote)
    study = StudyDocument.from_json(text)
    require_trusted(study, allow_remote)
    return study


def layer_file(ref: LayerRef) -> str:
    """The file that holds a layer; empty for a layer of a database or a service."""
    return str(QgsProviderRegistry.instance().decodeUri(ref.provider, ref.source).get("path") or "")


def _resolver(path: str | Path) -> QgsReadWriteContext:
    context = QgsReadWriteContext()
    context.setPathResolver(QgsPathResolver(str(Path(path).absolute())))
    return context


class OpenLayers:
    """The layers of a study, each opened once and known under a name of its own.

    They belong to the context, so that the algorithms that get them find them by their ids.
    """

    def __init__(self, context: QgsProcessingContext) -> None:
        self._context = context
        self._open: dict[tuple[str, str], QgsMapLayer] = {}

    def open(self, ref: LayerRef) -> QgsVectorLayer:
        """The layer, without its filter.

        Raises
        ------
        InputError
            It is not there any more.
        """
        return self._kept(ref, lambda: open_layer(ref, self._context.transformContext()))

    def raster(self, ref: LayerRef) -> QgsRasterLayer:
        """A raster.

        Raises
        ------
        InputError
            It is not there any more.
        """
        return self._kept(ref, lambda: open_raster_layer(ref))

    def _kept(self, ref: LayerRef, opened: Callable[[], QgsMapLayer]) -> QgsMapLayer:
        key = ref.provider, ref.source
        if key not in self._open:
            layer = opened()
            self._name_apart(layer)
            # The usual ids differ from run to run, and end in the model file.
            if not layer.setId(f"study: {layer_name(layer)}"):
                raise InputError(f"The layer '{layer_name(layer)}' is in use elsewhere; close it and try again.")
            self._context.temporaryLayerStore().addMapLayer(layer)
            self._open[key] = layer
        return self._open[key]

    def _name_apart(self, layer: QgsMapLayer) -> None:
        taken = {layer_name(other) for other in self._open.values()}
        name, number = layer_name(layer), 2
        while layer_name(layer) in taken:
            layer.setName(f"{name} ({number})")
            number += 1
