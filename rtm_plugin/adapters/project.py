"""The models of a project: which of its terrains have one, and the files and layers that belong to them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from osgeo import gdal
from qgis.core import QgsMapLayer, QgsProject, QgsRasterLayer, QgsVectorLayer

from ..core.errors import RtmError
from ..core.model import RiskModel
from ..core.study import LayerSettings, layer_settings
from ..core.terrain import ScoreSummary
from .belonging import MADE_WITH, Terrain, are_places, places_belong
from .layers import layer_name
from .paths import path_key, source_key
from .rasters import Raster

PROPERTY = "risk_terrain"  # of a layer: where its model, expected counts, places and report lie
_MANY, _LARGE = 20, 5_000_000  # files of a folder, and bytes of each, that are looked through for a model


@dataclass(frozen=True, slots=True)
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


def risk_terrains(project: QgsProject) -> list[QgsRasterLayer]:
    """The rasters of the project that rtm:terrain or rtm:run made, by name."""
    found = [layer for layer in project.mapLayers().values() if kind_of(layer) == "terrain"]
    return sorted(found, key=lambda layer: (layer.name(), layer.id()))


def kind_of(layer: QgsMapLayer) -> str:
    """What a raster of ours holds; empty for every other layer."""
    return _item(layer, "RTM_KIND")


def project_model(project: QgsProject, terrain: QgsRasterLayer) -> ProjectModel:
    """The model behind a terrain: as the layer remembers, else a model file beside the raster that gives its scores."""
    path, model = _model_of(terrain)
    if model is None:
        return ProjectModel(terrain.id(), terrain.name(), "", "", _beside(terrain, "report"))
    factors, settings, filters = _factor_layers(project, model)
    expected = _expected(project, terrain)
    return ProjectModel(
        terrain.id(),
        terrain.name(),
        path,
        expected,
        _beside(terrain, "report"),
        model,
        factors,
        settings,
        filters,
        _events(project, model),
        _beside(terrain, "places") or _places(project, terrain),
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
    try:
        summary = ScoreSummary(*(float(_item(terrain, f"RTM_SCORE_{name}")) for name in ("MIN", "MEAN", "SD", "MAX")))
    except ValueError:
        return False
    return model.made(summary, model.grid.cells, _item(terrain, MADE_WITH))


def _expected(project: QgsProject, terrain: QgsRasterLayer) -> str:
    """The expected counts: as the layer remembers, else those of the project from the same folder."""
    remembered = _beside(terrain, "expected")
    if remembered:
        return remembered
    folder = path_key(Path(terrain.source()).parent)
    for layer in project.mapLayers().values():
        same = kind_of(layer) == "expected" and layer.extent() == terrain.extent()
        same = same and _item(layer, MADE_WITH) == _item(terrain, MADE_WITH)
        if same and path_key(Path(layer.source()).parent) == folder:
            return str(layer.source())
    return ""


def _beside(terrain: QgsRasterLayer, what: str) -> str:
    """A file that the layer remembers, if it is still there."""
    path = terrain.customProperty(f"{PROPERTY}/{what}") or ""
    return path if isinstance(path, str) and path and Path(path).is_file() else ""


def _item(layer: QgsMapLayer, key: str) -> str:
    if not isinstance(layer, QgsRasterLayer) or layer.providerType() != "gdal" or not layer.isValid():
        return ""
    if Path(layer.source()).suffix.lower() not in (".tif", ".tiff") or not Path(layer.source()).is_file():
        return ""  # not one of ours; opening what lies on a server would hold the window up
    try:
        data = gdal.Open(layer.source())
    except RuntimeError:
        data = None
    return (data.GetMetadataItem(key) or "") if data is not None else ""


def _factor_layers(project: QgsProject, model: RiskModel) -> tuple[dict[str, str], str, dict[str, str]]:
    """Factor → layer, by the sources that the run was given, and by name; the factor settings of that run; filters."""
    parameters = model.provenance.get("parameters")
    parameters = parameters if isinstance(parameters, Mapping) else {}
    settings, entries = _settings(parameters.get("FACTOR_SETTINGS"))
    given = parameters.get("FACTORS")
    vectors = [layer for layer in project.mapLayers().values() if isinstance(layer, QgsVectorLayer)]
    known: dict[str, str] = {}
    for layer in sorted(vectors, key=lambda layer: layer.id()):
        known.setdefault(layer.id(), layer.id())
        known.setdefault(source_key(layer.source()), layer.id())
        known.setdefault(layer_name(layer), layer.id())
    sources = [source for source in given if isinstance(source, str)] if isinstance(given, list) else []
    found: dict[str, str] = {}
    for source in sources:
        name, key = _named(project, known, source)
        for factor in _names(name, entries):
            found.setdefault(factor, key)
    for term in model.selected:
        layers = [entry.layer for entry in entries if term.factor in _names(entry.layer, [entry])]
        for name in [*layers, term.factor]:
            if term.factor not in found and name in known:
                found[term.factor] = known[name]
    selected = {term.factor for term in model.selected}
    filters = {factor: entry.filter for entry in entries if entry.filter for factor in _names(entry.layer, [entry])}
    return {factor: key for factor, key in found.items() if key and factor in selected}, settings, filters


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
    return source if Path(source.partition("|")[0]).is_file() else ""


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
    if Path(path).is_file():
        return rest.split("|")[0] or Path(path).stem, source
    return source, ""


def _settings(given: Any) -> tuple[str, tuple[LayerSettings, ...]]:
    """Factor settings as JSON text, as far as they can be read."""
    if isinstance(given, str) and given.strip() and not given.strip().startswith(("{", "[")):
        try:
            given = Path(given.strip()).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return "", ()
    try:
        document = json.loads(given) if isinstance(given, str) and given.strip() else given
        return (json.dumps(document), layer_settings(document)) if document else ("", ())
    except (ValueError, RtmError):
        return "", ()


def _names(layer: str, entries: Any) -> list[str]:
    """The factors that a layer serves."""
    own = [entry for entry in entries if entry.layer == layer] or [LayerSettings(layer)]
    return [str((entry.changes or {}).get("name", layer)) for entry in own]
