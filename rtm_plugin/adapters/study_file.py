"""Study documents as files, and their layers opened: paths are relative to the file where they can be."""

from dataclasses import replace
from pathlib import Path

from qgis.core import (
    QgsPathResolver,
    QgsProcessingContext,
    QgsProviderRegistry,
    QgsReadWriteContext,
    QgsVectorLayer,
)

from ..core.errors import FileFormatError, InputError
from ..core.reading import read_text
from ..core.study_document import LayerRef, StudyDocument
from .files import Staging
from .layers import layer_name


def save_study(study: StudyDocument, path: str | Path) -> None:
    """Write a study file, whole or not at all.

    Raises
    ------
    OutputError
    """
    resolver = _resolver(path)

    def relative(layer: LayerRef) -> LayerRef:
        registry = QgsProviderRegistry.instance()
        return replace(layer, source=registry.absoluteToRelativeUri(layer.provider, layer.source, resolver))

    with Staging() as staging:
        staging.text(path, study.with_layers(relative).to_json())


def load_study(path: str | Path) -> StudyDocument:
    """Read a study file; the paths in the answer are absolute.

    Raises
    ------
    FileFormatError, SettingsError
    """
    study = StudyDocument.from_json(read_text(path, "study file"))
    resolver = _resolver(path)

    def absolute(layer: LayerRef) -> LayerRef:
        registry = QgsProviderRegistry.instance()
        return replace(layer, source=registry.relativeToAbsoluteUri(layer.provider, layer.source, resolver))

    return study.with_layers(absolute)


def given_study(given: str) -> StudyDocument:
    """A study from its JSON text, whose paths are absolute, or from a file.

    Raises
    ------
    FileFormatError, SettingsError
    """
    text = given.strip()
    if not text:
        raise FileFormatError("No study is given; choose a study file that the wizard saved.")
    return StudyDocument.from_json(text) if text.startswith("{") else load_study(text)


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
        self._open: dict[tuple[str, str], QgsVectorLayer] = {}

    def open(self, ref: LayerRef) -> QgsVectorLayer:
        """The layer, without its filter.

        Raises
        ------
        InputError
            It is not there any more.
        """
        key = ref.provider, ref.source
        if key not in self._open:
            options = QgsVectorLayer.LayerOptions(self._context.transformContext())
            options.loadDefaultStyle = False
            layer = QgsVectorLayer(ref.source, ref.name, ref.provider, options)
            if not layer.isValid():
                raise InputError(
                    f"The layer '{ref.name}' of the study cannot be opened ({_short(ref)}); put its file back, or "
                    "open the study in the wizard and choose the layer again."
                )
            self._name_apart(layer)
            layer.setId(
                f"study: {layer_name(layer)}"
            )  # the usual ids differ from run to run, and end in the model file
            self._context.temporaryLayerStore().addMapLayer(layer)
            self._open[key] = layer
        return self._open[key]

    def _name_apart(self, layer: QgsVectorLayer) -> None:
        taken = {layer_name(other) for other in self._open.values()}
        name, number = layer_name(layer), 2
        while layer_name(layer) in taken:
            layer.setName(f"{name} ({number})")
            number += 1


def _short(ref: LayerRef) -> str:
    """The file and layer without the folders, and without what may be a password in a database's address."""
    parts = QgsProviderRegistry.instance().decodeUri(ref.provider, ref.source)
    file = str(parts.get("path") or "").replace("\\", "/").rsplit("/", 1)[-1]
    return ", ".join(text for text in (file, str(parts.get("layerName") or "")) if text) or ref.provider
