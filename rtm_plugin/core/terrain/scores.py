"""Scores of the risk terrain, their classes, and what each factor contributes (method.md §5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..candidates.columns import CandidateSet
from ..errors import FitError, InputError

CLASS_NAMES = ("below mean", "mean to +1 SD", "+1 to +2 SD", "above mean + 2 SD: highest risk")
# ColorBrewer's OrRd: told apart by colour-blind readers, and in order in grey print
CLASS_COLOURS = ("#fef0d9", "#fdcc8a", "#fc8d59", "#b30000")


class Term(Protocol):
    """What scoring needs of a selected variable."""

    @property
    def name(self) -> str: ...
    @property
    def factor(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def coefficient(self) -> float: ...


@dataclass(frozen=True, slots=True, eq=False)
class RiskTerrain:
    """Risk terrain of n cells.

    Parameters
    ----------
    scores : (n,) float32
        Relative risk scores; the lowest is 1.
    expected : (n,) float32
        Expected counts.
    """

    scores: NDArray[np.float32]
    expected: NDArray[np.float32]

    @property
    def summary(self) -> "ScoreSummary":
        """Range, mean and standard deviation of the scores."""
        return ScoreSummary.of(self.scores)


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """min, mean, sd (n − 1) and max of the scores."""

    min: float
    mean: float
    sd: float
    max: float

    @classmethod
    def of(cls, scores: NDArray[np.float32] | Floats) -> "ScoreSummary":
        """Summarise scores (n,)."""
        wide = scores.astype(np.float64)
        spread = float(wide.std(ddof=1)) if len(wide) > 1 else 0.0
        return cls(float(wide.min()), float(wide.mean()), spread, float(wide.max()))

    @property
    def cuts(self) -> tuple[float, float, float]:
        """The three cut points: mean, mean + SD, mean + 2 SD."""
        return self.mean, self.mean + self.sd, self.mean + 2 * self.sd

    def classes(self, scores: NDArray[np.float32]) -> NDArray[np.int64]:
        """Class 0 … 3 of each score; a score equal to a cut belongs to the class below it.

        >>> ScoreSummary(1, 2.0, 1.0, 9).classes(np.array([1, 2, 2.5, 4, 4.1], np.float32)).tolist()
        [0, 0, 1, 2, 3]
        """
        return np.searchsorted(np.array(self.cuts), scores.astype(np.float64), side="left")


def risk_terrain(
    intercept: float, terms: Sequence[Term], candidates: CandidateSet, offset: Floats | None = None
) -> RiskTerrain:
    """Scores RRS = exp(η − min η) and expected counts μ = exp(η), η = β₀ + Σ βⱼxⱼ.

    With an exposure, its log is the offset: it enters the expected counts, not the scores.

    Parameters
    ----------
    intercept : float
    terms : sequence of Term
    candidates : CandidateSet that holds every term
    offset : (n,) float64, optional

    Raises
    ------
    FitError
        A score or an expected count that no number can hold.

    Examples
    --------
    RRV 2 and 4 over four cells exposed to neither, the first, the second and both:

    >>> from types import SimpleNamespace as T
    >>> from ..candidates.columns import Candidate, FactorCandidates
    >>> def one(name, column):
    ...     candidate = Candidate(name, name, "proximity", 1.0, "aggravating")
    ...     return FactorCandidates.from_columns([candidate], [np.array(column, bool)])
    >>> layers = CandidateSet((one("a", [0, 1, 0, 1]), one("b", [0, 0, 1, 1])))
    >>> terms = [T(name="a", factor="a", direction="aggravating", coefficient=np.log(2)),
    ...          T(name="b", factor="b", direction="aggravating", coefficient=np.log(4))]
    >>> risk_terrain(0.0, terms, layers).scores.tolist()
    [1.0, 2.0, 4.0, 8.0]
    """
    effect = np.zeros(candidates.cells)
    for term in terms:
        effect += contribution(term, candidates)
    lowest = float(effect.min()) if len(effect) else 0.0
    eta = intercept + effect if offset is None else intercept + effect + offset
    with np.errstate(over="ignore"):
        scores, expected = np.exp(effect - lowest).astype(np.float32), np.exp(eta).astype(np.float32)
    for values, what in ((scores, "relative risk scores"), (expected, "expected counts")):
        if not np.isfinite(values).all():
            raise FitError(
                f"The {what} are beyond all numbers in {np.count_nonzero(~np.isfinite(values)):,} cells; "
                "check exposure, adjustments and factors for absurd values."
            )
    return RiskTerrain(scores, expected)


def contribution(term: Term, candidates: CandidateSet) -> Floats:
    """βⱼxⱼ of one selected variable in every cell (n,); protective columns are 0/−1."""
    if term.name not in candidates:
        raise InputError(
            f"The model uses the candidate {term.name!r}, which none of the candidate rasters holds; add the raster "
            "of its factor, made with the same grid and settings."
        )
    column = candidates[term.name]
    if column.direction != term.direction:
        raise InputError(
            f"The model has {term.name!r} as {term.direction}, the candidate raster as {column.direction}; use the "
            "raster that the model was made with."
        )
    return term.coefficient * column.sign * candidates.column(term.name)


def shares(terms: Sequence[Term], candidates: CandidateSet) -> Floats:
    """Share of each factor in what raises each cell, (terms, n); the shares of a cell sum to 1.

    Each βⱼxⱼ is measured from its own lowest value over the cells: a protective variable counts where it is absent,
    since that is what raises the cell. Where some cell has the lowest value of every term, the parts add up to ln
    RRS. A cell that nothing raises has shares 0.
    """
    parts = np.array([contribution(term, candidates) for term in terms]).reshape(len(terms), candidates.cells)
    parts -= parts.min(axis=1, keepdims=True, initial=0.0)
    total = parts.sum(axis=0)
    return np.divide(parts, total, out=np.zeros_like(parts), where=total > 0)
