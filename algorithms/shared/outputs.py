"""Each result as a file with its style beside it; every route to a result writes through here."""

import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from configparser import ConfigParser
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qgis.core import (
    Qgis,
    QgsMapLayer,
    QgsProcessingFeatureSourceDefinition,
)

from ...rtm_plugin.adapters.about import model_items
from ...rtm_plugin.adapters.belonging import MADE_FROM, MADE_WITH
from ...rtm_plugin.adapters.fields import sound_text
from ...rtm_plugin.adapters.files import Staging
from ...rtm_plugin.adapters.preferences import load_preferences
from ...rtm_plugin.adapters.rasters import Band, candidate_bands, write_raster
from ...rtm_plugin.adapters.tables import (
    Column,
    PatrolsAbout,
    write_candidates,
    write_figures,
    write_patrols,
    write_places,
    write_table,
)
from ...rtm_plugin.cartography.sidecars import sidecar_path, style_text, whole_name_sidecar
from ...rtm_plugin.cartography.styles import (
    Painter,
    candidate_painter,
    count_painter,
    difference_painter,
    grid_painter,
    joint_painter,
    share_painter,
    terrain_painter,
)
from ...rtm_plugin.cartography.symbols import patrols_painter, places_painter
from ...rtm_plugin.core.accuracy.validation import Figure
from ...rtm_plugin.core.answers.whatif import NOT_CAUSE, WhatIf
from ...rtm_plugin.core.arrays import Floats
from ...rtm_plugin.core.candidates.columns import FactorCandidates
from ...rtm_plugin.core.documents.periods import Period
from ...rtm_plugin.core.ground.grid import Grid
from ...rtm_plugin.core.model.document import RiskModel
from ...rtm_plugin.core.model.parts import CandidateFate
from ...rtm_plugin.core.model.raster_items import (
    FIT,
    PERIOD,
    days_item,
    events_items,
    family_items,
    marking_items,
    period_items,
    score_items,
    sources_item,
    what_if_items,
)
from ...rtm_plugin.core.study import Events
from ...rtm_plugin.core.terrain.patrol_places import PatrolPlaces
from ...rtm_plugin.core.terrain.places import Places
from ...rtm_plugin.core.terrain.scores import RiskTerrain
from .marking import SIGNED
from .request import Request

Sources = Sequence[Mapping[str, Any]]

_NODATA = -9999.0
_NO_FLAG = 255
_PLUGIN = Path(__file__).resolve().parents[2] / "metadata.txt"


def save_grid(staging: Staging, path: str, grid: Grid, sources: Sources) -> None:
    """1 in the kept cells."""
    band = Band(np.ones(grid.cells, dtype=np.uint8), "study area")
    save_raster(
        staging, path, grid, bands=[band], nodata=0, kind="grid", items=sources_item(sources), painter=grid_painter()
    )


def save_counts(staging: Staging, path: str, grid: Grid, events: Events, sources: Sources) -> None:
    """Events in each cell; whole numbers unless weights were not."""
    whole = bool((events.counts == np.rint(events.counts)).all()) and events.counts.max() < 2**31
    band = Band(events.counts.astype(np.int32 if whole else np.float64), "events")
    items = events_items(events.inside, events.outside, events.left_out, events.period, events.days)
    save_raster(
        staging,
        path,
        grid,
        bands=[band],
        nodata=-1,
        kind="counts",
        items={**items, **sources_item(sources)},
        painter=count_painter(float(np.quantile(events.counts, 0.99)) or 1.0),
    )


def save_candidates(staging: Staging, path: str, grid: Grid, block: FactorCandidates, sources: Sources) -> None:
    """One band a candidate."""
    save_raster(
        staging,
        path,
        grid,
        bands=candidate_bands(block),
        nodata=_NO_FLAG,
        kind="candidates",
        items=sources_item(sources),
        painter=candidate_painter(block.candidates[0]),
    )


def save_terrain(
    staging: Staging,
    path: str,
    grid: Grid,
    terrain: RiskTerrain,
    fitted: Period | None = None,
    model: RiskModel | None = None,
) -> None:
    """Relative risk scores, in the four classes; `fitted` is the period of the model's events."""
    summary = terrain.summary
    items = score_items(summary)
    items |= period_items(FIT, fitted or Period()) | (model_items(model) if model else {})
    band = Band(terrain.scores, "relative risk score")
    save_raster(
        staging, path, grid, bands=[band], nodata=_NODATA, kind="terrain", items=items, painter=terrain_painter(summary)
    )


def save_expected(
    staging: Staging,
    path: str,
    grid: Grid,
    terrain: RiskTerrain,
    fitted: Period | None = None,
    model: RiskModel | None = None,
) -> None:
    """Expected counts; `fitted` is the period of the model's events, and the model tells how counts scatter."""
    save_expected_counts(
        staging, path, grid, expected=terrain.expected, name="expected events", fitted=fitted, model=model
    )


def save_expected_counts(
    staging: Staging,
    path: str,
    grid: Grid,
    expected: NDArray[np.float32],
    name: str,
    fitted: Period | None = None,
    model: RiskModel | None = None,
) -> None:
    """Expected counts, however they were reached, in a band of this name."""
    items = period_items(FIT, fitted or Period())
    items |= {**family_items(model.family, model.best.dispersion), **model_items(model)} if model else {}
    items |= days_item(model.events.days or None) if model else {}
    band = Band(expected, name)
    largest = float(np.quantile(expected, 0.99))
    save_raster(
        staging, path, grid, bands=[band], nodata=_NODATA, kind="expected", items=items, painter=count_painter(largest)
    )


def save_crossvalidated(staging: Staging, path: str, grid: Grid, expected: Floats) -> None:
    """Expected counts by models that had not seen the cell; none where a cell was never held out."""
    known = np.isfinite(expected)
    name = "expected events, by models that had not seen the cell"
    save_expected_counts(staging, path, grid.only(known), expected[known].astype(np.float32), name)


def save_top_probability(
    staging: Staging, path: str, grid: Grid, probability: Floats, share: float, fitted: Period
) -> None:
    """Share of resamples in which each cell is among the highest-scored percent of the area.

    `fitted` is the period of the events that were resampled.
    """
    band = Band(probability.astype(np.float32), f"probability of the top {share:g} %")
    painter = share_painter(f"of resamples have it in the top {share:g} %")
    items = period_items(FIT, fitted)
    save_raster(
        staging,
        path,
        grid,
        bands=[band],
        nodata=_NODATA,
        kind="doubt-probability",
        items=items,
        painter=painter,
    )


def save_joint_risk(
    staging: Staging,
    path: str,
    grid: Grid,
    classes: NDArray[np.uint8],
    recent: Period,
    items: Mapping[str, str],
    sources: Sources,
) -> None:
    """The four classes of vulnerability and exposure; `recent` is the period of the events behind the exposure."""
    band = Band(classes, "vulnerability and exposure")
    metadata = {**items, **period_items(PERIOD, recent), **sources_item(sources)}
    save_raster(
        staging, path, grid, bands=[band], nodata=_NO_FLAG, kind="jointrisk", items=metadata, painter=joint_painter()
    )


def save_what_if(
    staging: Staging,
    paths: Mapping[str, str],
    grid: Grid,
    what_if: WhatIf,
    factor: str,
    model: RiskModel,
    sources: Sources,
) -> None:
    """Terrain, expected counts and their change with other features; each says that it proves no cause.

    The terrain keeps the classes of the model's own, so that both maps can be compared.
    """
    items = {**what_if_items(NOT_CAUSE, factor), **period_items(FIT, model.events.period)}
    items |= sources_item(sources)
    largest = float(np.abs(what_if.difference).max(initial=0.0))
    maps: tuple[tuple[str, str, NDArray[Any], str, Painter], ...] = (
        ("OUTPUT", "terrain", what_if.scores, "relative risk score after the change", terrain_painter(model.score)),
        (
            "OUTPUT_EXPECTED",
            "expected",
            what_if.expected,
            "expected events after the change",
            count_painter(float(np.quantile(what_if.expected, 0.99))),
        ),
        (
            "OUTPUT_DIFFERENCE",
            "difference",
            what_if.difference.astype(np.float32),
            "change in expected events",
            difference_painter(largest),
        ),
    )
    for name, kind, values, label, painter in maps:
        if paths[name]:
            band = Band(values, f"{label} ({NOT_CAUSE})")
            save_raster(
                staging,
                paths[name],
                grid,
                bands=[band],
                nodata=_NODATA,
                kind=f"whatif-{kind}",
                items=items,
                painter=painter,
            )


def save_places(
    staging: Staging,
    path: str,
    grid: Grid,
    places: Places,
    made_from: Mapping[str, str] | None = None,
    patrols: PatrolPlaces | None = None,
    more: tuple[Sequence[Column], Sequence[Sequence[Any]]] = ((), ()),
) -> None:
    """Priority places with rank labels; `made_from` is kept in the file and says which map and model they are of.

    `more` are further columns, and a row of values for each place.
    """
    with staging.data(path) as draft:
        write_places(draft, path, grid, places, staging.marking, made_from, patrols, more)
        style = style_text(draft, places_painter())
    if Path(path).suffix.lower() != ".csv":
        _save_style(staging, path, style)


def save_patrols(staging: Staging, path: str, grid: Grid, patrols: PatrolPlaces, about: PatrolsAbout) -> None:
    """Patrol places with rank labels."""
    with staging.data(path) as draft:
        write_patrols(draft, path, grid, patrols, about, staging.marking)
        style = style_text(draft, patrols_painter())
    if Path(path).suffix.lower() != ".csv":
        _save_style(staging, path, style)


def made_from_terrain(model: RiskModel) -> dict[str, str]:
    """What places keep that were made from a model's own terrain."""
    return {MADE_FROM: "terrain", MADE_WITH: model.fingerprint}


def save_table(staging: Staging, path: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> None:
    """A table without geometry."""
    with staging.data(path) as draft:
        write_table(draft, path, columns, rows, staging.marking)


def save_candidate_table(staging: Staging, path: str, fates: Iterable[CandidateFate]) -> None:
    """One row a candidate."""
    with staging.data(path) as draft:
        write_candidates(draft, path, fates, staging.marking)


def save_figures(staging: Staging, path: str, figures: Iterable[Figure], overlap: bool) -> None:
    """One row a figure of a validation."""
    with staging.data(path) as draft:
        write_figures(draft, path, figures, overlap, staging.marking)


def save_raster(
    staging: Staging,
    path: str,
    grid: Grid,
    bands: Sequence[Band],
    nodata: float,
    kind: str,
    items: Mapping[str, str],
    painter: Painter,
) -> None:
    """Bands with metadata, and their style beside them."""
    with staging.data(path) as draft:
        write_raster(draft, grid, bands, nodata, kind, {**items, **marking_items(staging.marking)})
        style = style_text(draft, painter)
    _save_style(staging, path, style)


def _save_style(staging: Staging, path: str, style: str) -> None:
    """The style beside its file; under a name of its own where an output of the same stem has the usual one."""
    usual, apart = sidecar_path(path), whole_name_sidecar(path)
    staging.text(apart if staging.holds(usual) or Path(apart).exists() else usual, style)


def versions(marking: str = "") -> dict[str, Any]:
    """Versions of what computed a result, when, who signs for it, and its protective marking."""
    config = ConfigParser(interpolation=None)
    config.read(_PLUGIN, encoding="utf-8")
    return {
        "plugin": config.get("general", "version", fallback="unknown"),
        "qgis": Qgis.QGIS_VERSION,
        "python": platform.python_version(),
        **{name: _version(name) for name in ("numpy", "scipy", "statsmodels")},
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        **signature(marking),
    }


def signature(marking: str) -> dict[str, dict[str, str]]:
    """Who made a result, as the settings have it, and its marking: under "signed", what is not empty, if any."""
    signed = {**load_preferences().signature, **({"marking": marking} if marking else {})}
    return {SIGNED: signed} if signed else {}


def plain_parameters(request: Request) -> dict[str, Any]:
    """All parameters of a run, defaults included, as JSON can hold them; objects as text."""

    def plain(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [plain(item) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)  # JSON has no such number
        if isinstance(value, str):
            return sound_text(value)
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, QgsProcessingFeatureSourceDefinition):
            return {"source": value.source.staticValue(), "filter": value.filterExpression}
        return sound_text(value.name() if isinstance(value, QgsMapLayer) else str(value))

    names = sorted(
        d.name()
        for d in request.algorithm.parameterDefinitions()
        if not d.isDestination() or d.name() in request.parameters
    )
    return {
        name: plain(request.parameters.get(name, request.algorithm.parameterDefinition(name).defaultValue()))
        for name in names
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
