"""How many events and cells each candidate has on either side: which are too few to go by, and which have none.

`selection.separation` names the selected variables that are rare and the factors that separate; this is the table of
all candidates behind it, both sides told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Floats
from ..candidates.columns import CandidateSet
from ..regression.limit_fit import LEAST_EVENTS
from .separation import LEAST_CELLS


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateExposure:
    """The two sides of a candidate.

    Parameters
    ----------
    name, factor : str
    cells_exposed, cells_unexposed : int
    events_exposed, events_unexposed : float
    """

    name: str
    factor: str
    cells_exposed: int
    cells_unexposed: int
    events_exposed: float
    events_unexposed: float

    @property
    def rare(self) -> bool:
        """Whether fewer than five events, or fewer than five cells, lie on a side."""
        return (
            min(self.events_exposed, self.events_unexposed) < LEAST_EVENTS
            or min(self.cells_exposed, self.cells_unexposed) < LEAST_CELLS
        )

    @property
    def separated(self) -> bool:
        """Whether a side holds no event, so that no ratio of rates can be estimated."""
        return min(self.events_exposed, self.events_unexposed) <= 0


def candidate_exposures(counts: Floats, candidates: CandidateSet) -> tuple[CandidateExposure, ...]:
    """Events and cells on the two sides of every candidate, in order.

    Parameters
    ----------
    counts : (n,) float64
    candidates : CandidateSet over the same cells

    Examples
    --------
    >>> bars = CandidateSet.of({"bars": [1, 1, 0, 0, 0, 0, 0]})
    >>> (one,) = candidate_exposures(np.array([4.0, 2, 0, 0, 0, 0, 0]), bars)
    >>> one.cells_exposed, one.cells_unexposed, one.events_exposed, one.events_unexposed, one.rare, one.separated
    (2, 5, 6.0, 0.0, True, True)
    """
    sides = []
    for block in candidates.factors:
        held = np.bincount(block.codes, counts, len(block.table))
        cells = np.bincount(block.codes, minlength=len(block.table))
        for candidate, column in zip(block.candidates, block.table.T.astype(bool), strict=True):
            sides.append(
                CandidateExposure(
                    name=candidate.name,
                    factor=candidate.factor,
                    cells_exposed=int(cells[column].sum()),
                    cells_unexposed=int(cells[~column].sum()),
                    events_exposed=float(held[column].sum()),
                    events_unexposed=float(held[~column].sum()),
                )
            )
    return tuple(sides)
