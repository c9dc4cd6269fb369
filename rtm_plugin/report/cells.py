"""What the report needs to know of every cell, and of the ground around the priority places."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Floats
from ..core.ground.features import Features
from ..core.ground.grid import Grid
from ..core.ground.nearby import NamedLayer


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cells:
    """The cells of a study, and the factors around them.

    Parameters
    ----------
    grid : Grid
    scores : (cells,) float32
    places : (cells,) int64
        Rank of each cell's priority place, 0 outside.
    expected, counts : (cells,) float64 or None
        Expected and observed events.
    shares : (terms, cells) float64 or None
        From `terrain.shares`, terms in the order of the model.
    layers : mapping of factor name → NamedLayer
        For what stands near the places; factors may be absent.
    streets : Features of lines, or None
        For the maps of the cards.
    """

    grid: Grid
    scores: NDArray[np.float32]
    places: NDArray[np.int64]
    expected: Floats | None = None
    counts: Floats | None = None
    shares: Floats | None = None
    layers: Mapping[str, NamedLayer] = field(default_factory=dict)
    streets: Features | None = None
