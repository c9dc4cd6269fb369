"""The models of a project: which of its terrains have one, and the files and layers that belong to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qgis.core import QgsMapLayer, QgsProcessingUtils, QgsProject, QgsRasterLayer, QgsVectorLayer

from ..core.documents.factor_settings import LayerSettings, layer_settings
from ..core.documents.reading import json_text, parse_json, read_text
from ..core.documents.study_document import LayerRef
from ..core.errors import RtmError
from ..core.model.document import RiskModel
from ..core.model.raster_items import RasterItems
from .belonging import Terrain, are_places, places_belong
from .layers import layer_name
from .paths import path_key, source_key
from .rasters import Raster
from .trust import (
    DRIVERS,
    RASTER_DRIVERS,
    is_beside,
    is_local_file,
    open_raster,
    path_of,
    refusal_of_layer,
    require_known_content,
)
from .trusted_filters import filter_refusal

PROPERTY = "risk_terrain"  # of a layer: where its model, expected counts, places and report lie
_ENDINGS = {  # of the files that a layer remembers
    "model": (".json",),
    "expected": (".tif", ".tiff"),
    "report": (".html",),
    "places": (".gpkg", ".geojson", ".shp", ".fgb"),
}
_MANY, _LARGE = 20, 5_000_000  # files of a folder, and bytes of each, that are looked through for a model


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectModel:
    """A risk terrain of the project, and what is known to belong to it.

    Parameters
    ----------
    terrain : str
        Id of the layer.
    name : str, of the layer
    path : str
        The model file; empty when it is not known where it lies.
    expected, report, places : str
        Sources and file; empty when not known.
    factors : mapping of factor → layer id, or source of a layer that is not in the project
    settings : str
        JSON of the factor settings that the model was run with; empty for none.
    filters : mapping of factor → the expression that chooses its features; only where there is one
    events : str
        Layer id or source of the events that the model was fitted on; empty when that is not known for sure.
    refused : tuple of str
        What the model file names that no file may name, in sentences; it is not used.
    """

    terrain: str
    name: str
    path: str
    expected: str
    report: str
    model: RiskModel | None = None
    factors: Mapping[str, str] = field(default_factory=dict)
    settings: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    events: str = ""
    places: str = ""
    refused: tuple[str, ...] = ()


def risk_terrains(project: QgsProject) -> list[QgsRasterLayer]:
    """The rasters of the project that rtm:terrain or rtm:run made, by name."""
    terrains = [layer for layer in project.mapLayers().values() if kind_of(layer) == "terrain"]
    return sorted(terrains, key=lambda layer: (layer.name(), layer.id()))


def kind_of(layer: QgsMapLayer) -> str:
    """What a raster of ours holds; empty for every other layer."""
    return _items(layer).kind or ""


def project_model(project: QgsProject, terrain: QgsRasterLayer) -> ProjectModel:
    """The model behind a terrain: as the layer remembers, else a model file beside the raster that gives its scores."""
    path, model = _model_of(terrain)
    if model is None:
        return ProjectModel(
            terrain=terrain.id(), name=terrain.name(), path="", expected="", report=_beside(terrain, "report")
        )
    refused: list[str] = []
    factors, settings, filters = _factor_layers(project, model, refused)
    expected = _expected(project, terrain)
    return ProjectModel(
        terrain=terrain.id(),
        name=terrain.name(),
        path=path,
        expected=expected,
        report=_beside(terrain, "report"),
        model=model,
        factors=factors,
        settings=settings,
        filters=filters,
        events=_events(project, model),
        places=_beside(terrain, "places") or _places(project, terrain),
        refused=tuple(refused),
    )


def remember(terrain: QgsRasterLayer, path: str) -> str:
    """Keep a model file that the analyst has pointed at with the layer; gives the refusal, or nothing."""
    try:
        model = RiskModel.load(path)
    except RtmError as error:
        return str(error)
    if not _gives(model, terrain):
        return f"The model {Path(path).name} does not give the scores of '{terrain.name()}'; choose another file."
    terrain.setCustomProperty(f"{PROPERTY}/model", path)
    return ""


def lost_terrains(project: QgsProject) -> list[str]:
    """Names of the risk terrains of the project whose file has been moved, deleted or damaged."""
    return sorted(layer.name() for layer in project.mapLayers().values() if _is_lost(layer))


def why_no_model(terrain: QgsRasterLayer) -> str:
    """Why no model is known of a terrain that has none: in a sentence, with what to do."""
    remembered, name = _beside(terrain, "model"), Path(str(terrain.customProperty(f"{PROPERTY}/model") or "")).name
    if not name:
        return (
            "No model file beside this raster gives its scores; run the study again, or find the model of "
            f"'{terrain.name()}'."
        )
    if not remembered:
        return f"The model file {name} is not where the run left it; put it back, or find it."
    try:
        RiskModel.load(remembered)
    except RtmError as error:
        return f"{name}: {error}"
    return (
        f"The model file {name} does not give the scores of '{terrain.name()}': another run has replaced one of the "
        "two. Run the study again, or find the model."
    )


def _is_lost(layer: QgsMapLayer) -> bool:
    """Whether a layer that remembers a model, as only a terrain of ours does, cannot be read any more."""
    remembers = isinstance(layer, QgsRasterLayer) and f"{PROPERTY}/model" in layer.customPropertyKeys()
    return remembers and kind_of(layer) != "terrain"


def _model_of(terrain: QgsRasterLayer) -> tuple[str, RiskModel | None]:
    remembered = _beside(terrain, "model")
    folder = Path(terrain.source()).parent
    try:
        beside = sorted(path for path in folder.glob("*.json") if path.stat().st_size < _LARGE)[:_MANY]
    except OSError:
        beside = []
    for path in [remembered, *map(str, beside)]:
        try:
            model = RiskModel.load(path) if path else None
        except RtmError:
            continue
        if model is not None and _gives(model, terrain):
            return path, model
    return "", None


def _gives(model: RiskModel, terrain: QgsRasterLayer) -> bool:
    """Whether the raster holds the model's scores, as its metadata tell; the cells are not read for that."""
    items = _items(terrain)
    try:
        summary = items.scores
    except RtmError:
        return False
    return summary is not None and model.made(summary, model.grid.cells, items.model or "")


def _expected(project: QgsProject, terrain: QgsRasterLayer) -> str:
    """The expected counts: as the layer remembers, else those of the project from the same folder."""
    remembered = _beside(terrain, "expected")
    if remembered:
        return remembered
    folder = path_key(Path(terrain.source()).parent)
    for layer in project.mapLayers().values():
        same = kind_of(layer) == "expected" and layer.extent() == terrain.extent()
        same = same and _items(layer).model == _items(terrain).model
        if same and path_key(Path(layer.source()).parent) == folder:
            return str(layer.source())
    return ""


def _beside(terrain: QgsRasterLayer, what: str) -> str:
    """A file that the layer remembers, if it may be opened and is still there.

    What a layer remembers comes with the project, which may be someone else's: a report is opened by another program,
    so it must lie beside its terrain (or in this session's own folder); the rest must be local files of their kinds.
    """
    path = terrain.customProperty(f"{PROPERTY}/{what}") or ""
    folders = (str(Path(terrain.source()).parent), QgsProcessingUtils.tempFolder())
    if any(is_beside(path, folder, *_ENDINGS[what]) for folder in folders):
        return str(path)
    return str(path) if what != "report" and is_local_file(path, *_ENDINGS[what]) else ""


def _items(layer: QgsMapLayer) -> RasterItems:
    """The metadata of a raster of ours; none of every other layer."""
    nothing = RasterItems({}, layer.name())
    if not isinstance(layer, QgsRasterLayer) or layer.providerType() != "gdal" or not layer.isValid():
        return nothing
    if Path(layer.source()).suffix.lower() not in RASTER_DRIVERS or not Path(layer.source()).is_file():
        return nothing  # not one of ours; opening what lies on a server would hold the window up
    data = open_raster(layer.source())
    return RasterItems.of(data.GetMetadata(), layer.name()) if data is not None else nothing


def _factor_layers(
    project: QgsProject, model: RiskModel, refused: list[str]
) -> tuple[dict[str, str], str, dict[str, str]]:
    """Factor → layer, by the sources that the run was given, and by name; the factor settings of that run; filters.

    A factor whose filter is refused has no layer: its features without the filter would be others.
    """
    parameters = model.provenance.get("parameters")
    parameters = parameters if isinstance(parameters, Mapping) else {}
    settings, entries = _settings(parameters.get("FACTOR_SETTINGS"))
    unsafe: set[str] = set()
    for entry in entries:
        problem = filter_refusal(entry.filter)
        if problem:
            unsafe.update(_names(entry.layer, [entry]))
            refused.append(f"The filter of '{entry.layer}' in the model file is not used: {problem}.")
    settings = "" if unsafe else settings
    given = parameters.get("FACTORS")
    vectors = [layer for layer in project.mapLayers().values() if isinstance(layer, QgsVectorLayer)]
    known: dict[str, str] = {}
    for layer in sorted(vectors, key=lambda layer: layer.id()):
        known.setdefault(layer.id(), layer.id())
        known.setdefault(source_key(layer.source()), layer.id())
        known.setdefault(layer_name(layer), layer.id())
    sources = [source for source in given if isinstance(source, str)] if isinstance(given, list) else []
    layer_of: dict[str, str] = {}
    for source in sources:
        name, key = _named(project, known, source)
        for factor in _names(name, entries):
            layer_of.setdefault(factor, key)
    for term in model.selected:
        layers = [entry.layer for entry in entries if term.factor in _names(entry.layer, [entry])]
        for name in [*layers, term.factor]:
            if term.factor not in layer_of and name in known:
                layer_of[term.factor] = known[name]
    selected = {term.factor for term in model.selected} - unsafe
    filters = {
        factor: entry.filter
        for entry in entries
        for factor in _names(entry.layer, [entry])
        if entry.filter and factor in selected
    }
    return {factor: key for factor, key in layer_of.items() if key and factor in selected}, settings, filters


def _events(project: QgsProject, model: RiskModel) -> str:
    """The layer of events of a run that took all of it."""
    given = model.provenance.get("parameters")
    source = given.get("EVENTS") if isinstance(given, Mapping) else None
    if not isinstance(source, str) or given.get("FIT_START") or given.get("FIT_END"):
        return ""
    for layer in project.mapLayers().values():
        if isinstance(layer, QgsVectorLayer) and (
            source == layer.id() or source_key(source) == source_key(layer.source())
        ):
            return str(layer.id())
    return source if _may_open(source) else ""


def _places(project: QgsProject, terrain: QgsRasterLayer) -> str:
    """A layer of priority places in the project that was made from this terrain."""
    layers = [layer for layer in project.mapLayers().values() if isinstance(layer, QgsVectorLayer)]
    candidates = [layer for layer in layers if are_places(layer)]
    if not candidates:
        return ""
    try:
        read = Terrain.of(Raster(terrain, "risk terrain"))
    except RtmError:
        return ""
    return next((str(layer.id()) for layer in candidates if places_belong(layer, read)), "")


def _named(project: QgsProject, known: Mapping[str, str], source: str) -> tuple[str, str]:
    """Name of the layer behind a source, and its id in the project, or the source where it is a file."""
    layer = project.mapLayer(known.get(source) or known.get(source_key(source), ""))
    if layer is not None:
        return layer_name(layer), layer.id()
    path, _, rest = source.partition("|layername=")
    if _may_open(source):
        return rest.split("|")[0] or Path(path).stem, source
    return source, ""


def _may_open(source: str) -> bool:
    """Whether a source that a model file names is a local vector file of a known kind, and there."""
    if refusal_of_layer(LayerRef(source, "")) or not is_local_file(path_of("ogr", source), *DRIVERS):
        return False
    try:
        require_known_content(path_of("ogr", source))
    except RtmError:
        return False
    return True


def _settings(given: Any) -> tuple[str, tuple[LayerSettings, ...]]:
    """Factor settings as JSON text, as far as they can be read."""
    try:
        if isinstance(given, str) and given.strip() and not given.strip().startswith(("{", "[")):
            given = read_text(given.strip(), "factor settings file") if is_local_file(given.strip(), ".json") else ""
        document = parse_json(given, "The factor settings") if isinstance(given, str) and given.strip() else given
        return (json_text(document), layer_settings(document)) if document else ("", ())
    except (ValueError, RtmError):
        return "", ()


def _names(layer: str, entries: Any) -> list[str]:
    """The factors that a layer serves."""
    matching = [entry for entry in entries if entry.layer == layer] or [LayerSettings(layer)]
    return [str((entry.changes or {}).get("name", layer)) for entry in matching]
