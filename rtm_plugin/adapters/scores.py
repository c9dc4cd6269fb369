"""Rasters of scores, ours or anyone's, on the cells that all of them have."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.accuracy.measures import PERFECT
from ..core.accuracy.validation import BASELINES
from ..core.arrays import Floats
from ..core.documents.periods import Period
from ..core.errors import InputError
from ..core.ground.grid import Grid
from ..core.model.raster_items import FIT
from .rasters import Raster

KINDS = {
    "terrain": "relative risk scores",
    "expected": "expected counts",
    "forecast": "forecast of events",
    "forecast-lower": "lower bounds of a forecast",
    "forecast-upper": "upper bounds of a forecast",
    "forecast-probability": "probability of the top share",
    "doubt-probability": "probability of the top share in resamples",
    "counts": "event counts",
    None: "scores",
}
_EXPECTED = ("expected", "forecast")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ScoreRaster:
    """One raster of scores.

    Parameters
    ----------
    name : str
        Unlike those of the other rasters.
    kind : str, in words
    values : (cells,) float64
    left_out : int
        Cells with a score that another raster lacks.
    fitted : Period
        Of the events that its model was fitted on.
    is_expected : bool
        Whether the values are expected counts of ours.
    family : str
    dispersion : float or None
    days : int or None
        How many days the expected counts are for; None where that is not known, or the values are none.
    marking : str
        The protective marking that it carries; "" without one.
    """

    name: str
    kind: str
    values: Floats
    left_out: int
    fitted: Period
    is_expected: bool
    family: str
    dispersion: float | None
    days: int | None = None
    marking: str = ""


def read_scores(rasters: Sequence[Raster]) -> tuple[Grid, list[ScoreRaster]]:
    """The scores of all rasters on the cells where every one of them has a value.

    Parameters
    ----------
    rasters : sequence of Raster
        Their cells must be the same; they may cover more or less ground. Nothing is resampled.

    Raises
    ------
    InputError
        Another kind of raster, other cells, another CRS, or no common cell.
    """
    for raster in rasters:
        if raster.items.kind not in KINDS:
            raise InputError(
                f"The raster '{raster.name}' holds no scores; choose risk terrains, expected counts, forecasts or any "
                "other raster of scores."
            )
        if raster.bands > 1:
            raise InputError(
                f"The raster '{raster.name}' has {raster.bands} bands, of which only one can be the scores; save that "
                "band as a raster of its own."
            )
        if raster.crs != rasters[0].crs:
            raise InputError(
                f"The raster '{raster.name}' is in another coordinate reference system than '{rasters[0].name}'; make "
                "all maps on the same study grid."
            )
    grid = rasters[0].grid(with_zeros=True)
    values = [rasters[0].values_on(grid), *(raster.values_on(grid) for raster in rasters[1:])]
    common = np.all(np.isfinite(values), axis=0)
    if not common.any():
        raise InputError("The maps have no cell in common; choose maps of the same study area.")
    maps = []
    for raster, raster_values, name in zip(rasters, values, _names(rasters), strict=True):
        kind = raster.items.kind
        scored = int(np.count_nonzero(raster.band(1)[1]))
        family, dispersion = raster.items.family
        left_out = scored - int(np.count_nonzero(common))
        fitted, expected = raster.items.period(FIT), kind in _EXPECTED
        days = _days(raster, fitted) if expected else None
        maps.append(
            ScoreRaster(
                name=name,
                kind=KINDS[kind],
                values=raster_values[common],
                left_out=left_out,
                fitted=fitted,
                is_expected=expected,
                family=family,
                dispersion=dispersion,
                days=days,
                marking=raster.marking,
            )
        )
    return grid.only(common), maps


def _names(rasters: Sequence[Raster]) -> list[str]:
    """Their names, numbered where two are called the same or one is called as a baseline is."""
    taken = [*BASELINES, PERFECT]
    for raster in rasters:
        name, number = raster.name, 1
        while name in taken:
            number += 1
            name = f"{raster.name} ({number})"
        taken.append(name)
    return taken[len(BASELINES) + 1 :]


def _days(raster: Raster, fitted: Period) -> int | None:
    """The days that expected counts are for: those the raster tells, or those of the period that it was fitted on.

    A forecast is for a coming period, whose length only its own metadata can tell.
    """
    return raster.items.days or (None if raster.items.kind == "forecast" else fitted.days)
