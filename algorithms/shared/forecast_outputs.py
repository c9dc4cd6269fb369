"""The rasters and the document of a forecast; rtm:forecast and rtm:run write through here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...rtm_plugin.adapters.files import Staging
from ...rtm_plugin.adapters.rasters import Band
from ...rtm_plugin.cartography.styles import count_painter, share_painter
from ...rtm_plugin.core.arrays import Floats
from ...rtm_plugin.core.documents.periods import Period
from ...rtm_plugin.core.documents.reading import json_text, known
from ...rtm_plugin.core.forecast.empirical_bayes import PARTS, Forecast
from ...rtm_plugin.core.ground.grid import Grid
from ...rtm_plugin.core.model.raster_items import FIT, days_item, period_items, sources_item
from .outputs import save_raster

_NODATA = -9999.0
_NO_COUNT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastPaths:
    """Where the results go; an empty path is not written."""

    expected: str = ""
    lower: str = ""
    upper: str = ""
    probability: str = ""
    parts: str = ""
    document: str = ""


def as_saved(forecast: Forecast) -> Floats:
    """Expected events (n,) as the raster has them: what is made of the raster later is the same as now."""
    return forecast.expected.astype(np.float32).astype(np.float64)


def save_forecast(
    staging: Staging,
    paths: ForecastPaths,
    grid: Grid,
    forecast: Forecast,
    sources: Sequence[Mapping[str, Any]],
    provenance: Mapping[str, Any],
    fitted: Period,
    days: int | None = None,
) -> None:
    """Write what has a path: rasters with their styles, and the JSON document with settings, choices and evidence.

    `fitted` is the period of the events that the forecast was made from, `days` the length of the one it is for.
    """
    items = {**sources_item(sources), **period_items(FIT, fitted), **days_item(days)}
    percent, top = f"{forecast.settings.coverage:g} %", f"{forecast.settings.top_share:g} %"
    if paths.expected:
        counts = count_painter(float(np.quantile(forecast.expected, 0.99)))
        band = Band(forecast.expected.astype(np.float32), "expected events in the coming period")
        save_raster(
            staging, paths.expected, grid, bands=[band], nodata=_NODATA, kind="forecast", items=items, painter=counts
        )
    bounds = count_painter(max(float(np.quantile(forecast.upper, 0.99)), 1.0))
    for path, values, end in ((paths.lower, forecast.lower, "lower"), (paths.upper, forecast.upper, "upper")):
        if path:
            band = Band(np.minimum(values, 2**31 - 1).astype(np.int32), f"{end} bound of events, {percent} interval")
            save_raster(
                staging, path, grid, bands=[band], nodata=_NO_COUNT, kind=f"forecast-{end}", items=items, painter=bounds
            )
    if paths.probability:
        band = Band(forecast.probability.astype(np.float32), f"probability of the top {top}")
        painter = share_painter(f"likely to be in the top {top}")
        save_raster(
            staging,
            paths.probability,
            grid,
            bands=[band],
            nodata=_NODATA,
            kind="forecast-probability",
            items=items,
            painter=painter,
        )
    if paths.parts:
        bands = [Band(forecast.parts[:, i].astype(np.float32), f"share of {name}") for i, name in enumerate(PARTS)]
        painter = share_painter("from the cell's own history")
        save_raster(
            staging, paths.parts, grid, bands=bands, nodata=_NODATA, kind="forecast-parts", items=items, painter=painter
        )
    if paths.document:
        document = {**forecast.document(), "provenance": dict(provenance)}
        staging.text(paths.document, json_text(document, known))
