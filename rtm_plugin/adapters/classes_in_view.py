"""How much of each class of a terrain lies in a part of the map."""

import math
from dataclasses import dataclass

import numpy as np
from qgis.core import QgsRectangle

from ..core.terrain.scores import CLASS_NAMES, ScoreSummary
from .trust import open_raster


@dataclass(frozen=True, slots=True)
class ClassInView:
    """Cells of one class, their share of all cells in view, and their expected events where those are known."""

    name: str
    cells: int
    share: float
    expected: float | None


def classes_in_view(terrain: str, expected: str, summary: ScoreSummary, view: QgsRectangle) -> tuple[ClassInView, ...]:
    """Cells and expected events by class, of the cells that the view touches.

    Parameters
    ----------
    terrain, expected : str
        Sources of the rasters; `expected` may be empty.
    summary : ScoreSummary of the model
    view : QgsRectangle in the terrain's CRS

    Returns
    -------
    tuple of ClassInView, lowest class first; empty when the view touches no cell or the raster cannot be read
    """
    scores = _part(terrain, view)
    if scores is None:
        return ()
    counts = _part(expected, view) if expected else None
    if counts is not None and counts.shape != scores.shape:
        counts = None
    known = np.isfinite(scores)
    if not known.any():
        return ()
    label = summary.classes(scores[known])
    cells = np.bincount(label, minlength=len(CLASS_NAMES))
    events = None
    if counts is not None:
        events = np.bincount(label, np.nan_to_num(counts[known]), len(CLASS_NAMES))
    return tuple(
        ClassInView(name, int(cells[i]), float(cells[i] / cells.sum()), None if events is None else float(events[i]))
        for i, name in enumerate(CLASS_NAMES)
    )


def _part(source: str, view: QgsRectangle) -> np.ndarray | None:
    """Values of the cells that a rectangle touches, not a number where there is none."""
    try:
        data = open_raster(source)
        if data is None:
            return None
        x_min, width, _, y_max, _, height = data.GetGeoTransform()
        left = max(0, math.floor((view.xMinimum() - x_min) / width))
        right = min(data.RasterXSize, math.ceil((view.xMaximum() - x_min) / width))
        top = max(0, math.floor((view.yMaximum() - y_max) / height))
        bottom = min(data.RasterYSize, math.ceil((view.yMinimum() - y_max) / height))
        if right <= left or bottom <= top:
            return None
        band = data.GetRasterBand(1)
        values = band.ReadAsArray(left, top, right - left, bottom - top)
    except RuntimeError:
        return None
    if values is None:
        return None
    wide = values.astype(np.float64)
    wide[wide == band.GetNoDataValue()] = np.nan
    return wide
