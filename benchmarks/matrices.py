"""Candidate matrices made in core alone, from the synthetic cities and from Chicago."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from osgeo import ogr

from rtm_plugin.core.candidates.columns import CandidateSet, operationalise
from rtm_plugin.core.documents.factor_settings import FactorSettings
from rtm_plugin.core.documents.settings import GridSettings
from rtm_plugin.core.ground.features import Features, ring_segments
from rtm_plugin.core.ground.grid import Grid, count_events, study_grid
from rtm_plugin.core.selection.procedure import useless_columns

from .city import BLOCK, make_city
from .measure import CHICAGO_FACTORS

Floats = NDArray[np.float64]

ogr.UseExceptions()


@dataclass(frozen=True, slots=True)
class Matrix:
    """Counts (n,) and usable candidates of a study."""

    title: str
    counts: Floats
    candidates: CandidateSet


def city_matrix(cells: int, factors: int, max_blocks: int = 4) -> Matrix:
    """Of a synthetic city: both operationalisations, two distances a block."""
    city = make_city(cells, factors)
    grid = study_grid(city.boundary.features, GridSettings(BLOCK))
    layers = {layer.name: layer.features for layer in city.factors}
    return _matrix(f"{cells // 1000}k", grid, city.events, layers, max_blocks)


def chicago_matrix(data: Path, block: float) -> Matrix:
    """Of Chicago, burglaries of 2017."""
    source = ogr.Open(str(data))
    grid = study_grid(_boundary(source), GridSettings(block))
    layers = {name: Features("point", xy, len(xy)) for name in CHICAGO_FACTORS for xy in [_points(source, name)]}
    return _matrix(f"Chicago {block / 2:g} m", grid, _points(source, "burglaries_2017"), layers, 3)


def _matrix(title: str, grid: Grid, events: Floats, layers: dict[str, Features], max_blocks: int) -> Matrix:
    blocks = [
        operationalise(features, FactorSettings(name, max_blocks=max_blocks), grid) for name, features in layers.items()
    ]
    candidates = CandidateSet(tuple(blocks))
    useless = useless_columns(candidates)
    usable = candidates.only([c.name for c in candidates.candidates if c.name not in useless])
    counts, _ = count_events(grid, events)
    return Matrix(f"{title} × {len(usable)}", counts, usable)


def _points(source: ogr.DataSource, layer: str) -> Floats:
    return np.array([feature.GetGeometryRef().GetPoint_2D() for feature in source.GetLayer(layer)])


def _boundary(source: ogr.DataSource) -> Features:
    segments = []
    for feature in source.GetLayer("boundary"):
        for polygon in feature.GetGeometryRef():
            for i in range(polygon.GetGeometryCount()):
                ring = np.array(polygon.GetGeometryRef(i).GetPoints())[:, :2]
                segments.append(ring_segments(ring, anticlockwise=i == 0))
    return Features("polygon", np.vstack(segments), 1)
