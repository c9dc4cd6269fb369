"""Small things that the tests of the core are made of."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from hypothesis import Phase, settings
from risk_terrain.rtm_plugin.core.arrays import Floats
from risk_terrain.rtm_plugin.core.candidates.columns import Candidate, CandidateSet, FactorCandidates, candidate_name
from risk_terrain.rtm_plugin.core.ground.features import Features, ring_segments
from risk_terrain.rtm_plugin.core.ground.grid import Grid

Ring = Sequence[tuple[float, float]]

repeatable = settings(derandomize=True, deadline=None, database=None, max_examples=60)
few = settings(repeatable, max_examples=15, phases=(Phase.explicit, Phase.generate))  # slow: failures are not shrunk


def candidate_set(columns: Mapping[str, Sequence[Any]], protective: Collection[str] = ()) -> CandidateSet:
    """Factor → its 0/1 columns; they become <factor>_proximity_1, _2, … in this order."""
    blocks = []
    for factor, own in columns.items():
        direction = "protective" if factor in protective else "aggravating"
        candidates = [
            Candidate(candidate_name(factor, "proximity", k), factor, "proximity", float(k), direction)
            for k in range(1, len(own) + 1)
        ]
        blocks.append(FactorCandidates.from_columns(candidates, [np.asarray(column, bool) for column in own]))
    return CandidateSet(tuple(blocks))


def dense(candidates: CandidateSet) -> Floats:
    """The n × p matrix, protective columns 0/−1."""
    signs = [c.sign for c in candidates.candidates]
    return np.column_stack(list(candidates.columns())).astype(float) * signs


def points(*places: tuple[float, float]) -> Features:
    """A point layer."""
    return Features("point", np.array(places, float).reshape(-1, 2), len(places))


def lines(*segments: tuple[float, float, float, float]) -> Features:
    """A line layer of single segments x1, y1, x2, y2."""
    return Features("line", np.array(segments, float).reshape(-1, 4), len(segments))


def polygons(*parts: Sequence[Ring]) -> Features:
    """A polygon layer; each part is its outer ring and then its holes, not closed, turned either way."""
    segments = [
        ring_segments(np.array([*ring, ring[0]], float), anticlockwise=i == 0)
        for part in parts
        for i, ring in enumerate(part)
    ]
    return Features("polygon", np.vstack(segments), len(parts))


def box(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    """The ring of a rectangle."""
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def full_grid(rows: int, columns: int, size: float = 1.0, x_min: float = 0.0, y_min: float = 0.0) -> Grid:
    """A grid that keeps every cell, with blocks of two cells."""
    return Grid(x_min, y_min + rows * size, size, 2 * size, np.ones((rows, columns), bool))
