"""Factors that leave no event on one side, and variables that too few events or cells speak for.

A factor whose exposed cells hold every event (or, protective, none) is the strongest there can be, and the one that
likelihood, penalty and p-value cannot deal with: no ratio of rates has a finite estimate. So it is looked for before
anything is culled, and ranked by what stays finite: how far the log-likelihood rises when the rates of the two sides
are free, which for counts of one variable is a closed formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..candidates.columns import Candidate, CandidateSet
from ..regression.limit_fit import LEAST_EVENTS
from ..tools.scipy_calls import special

LEAST_CELLS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparatedFactor:
    """A factor whose strongest variable leaves no event on one side: the unexposed, or, protective, the exposed.

    Parameters
    ----------
    name, factor, direction : str
        Of the variable.
    events : float
        All events.
    cells_exposed, cells : int
    log_likelihood_gain : float
        By which the variable alone raises the Poisson log-likelihood over one rate for all cells, in the limit.
    """

    name: str
    factor: str
    direction: str
    events: float
    cells_exposed: int
    cells: int
    log_likelihood_gain: float


@dataclass(frozen=True, slots=True)
class RareExposure:
    """A selected variable that fewer than five events, or fewer than five cells, speak for."""

    name: str
    factor: str
    cells_exposed: int
    events_exposed: float


@dataclass(frozen=True, slots=True)
class SeparationSummary:
    """What the model file says of separation and rare exposure.

    Parameters
    ----------
    factors : tuple of SeparatedFactor, the strongest first
    without_estimate : tuple of str
        Selected variables whose relative risk value rests on half an event where there is none; they separate alone
        or, where they are not among `factors`, together.
    rare : tuple of RareExposure
    """

    factors: tuple[SeparatedFactor, ...] = ()
    without_estimate: tuple[str, ...] = ()
    rare: tuple[RareExposure, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.factors or self.without_estimate or self.rare)


def separated_factors(
    counts: Floats, candidates: CandidateSet, offset: Floats | None = None
) -> tuple[SeparatedFactor, ...]:
    """Factors whose strongest variable leaves no event on one side, by gain in log-likelihood, largest first.

    A wide influence often holds all events by chance, or because a narrower one holds most: a factor is named only
    where no variable of it tells more, and where the gain pays for a parameter by BIC, 2 · gain > ln n.

    Parameters
    ----------
    counts : (n,) float64
    candidates : CandidateSet
    offset : (n,) float64, optional, log exposure

    Examples
    --------
    >>> from ..candidates.columns import FactorCandidates
    >>> one = Candidate("bars_proximity_1", "bars", "proximity", 1.0, "aggravating")
    >>> near = np.arange(100) < 10
    >>> bars = CandidateSet((FactorCandidates.from_columns([one], [near]),))
    >>> [(f.factor, round(f.log_likelihood_gain, 3)) for f in separated_factors(np.where(near, 4.0, 0.0), bars)]
    [('bars', 92.103)]
    """
    total, least = float(counts.sum()), np.log(len(counts)) / 2
    separated = []
    exposure = np.ones(len(counts)) if offset is None else np.exp(offset)
    for block in candidates.factors:
        events, ground, cells = _exposed(counts, exposure, block.codes, block.table)
        sides = zip(block.candidates, events, ground, strict=True)
        gains = np.array([_gain(c, e, g, total, float(exposure.sum())) for c, e, g in sides])
        j = int(np.argmax(gains))
        strongest = block.candidates[j]
        empty = events[j] == 0 if strongest.direction == "protective" else events[j] == total
        if empty and gains[j] > least:
            separated.append(
                SeparatedFactor(
                    name=strongest.name,
                    factor=strongest.factor,
                    direction=strongest.direction,
                    events=total,
                    cells_exposed=int(cells[j]),
                    cells=len(counts),
                    log_likelihood_gain=float(gains[j]),
                )
            )
    return tuple(sorted(separated, key=lambda factor: (-factor.log_likelihood_gain, factor.name)))


def rare_exposures(counts: Floats, candidates: CandidateSet, selected: Sequence[Candidate]) -> tuple[RareExposure, ...]:
    """The selected variables that expose fewer than five cells, or, aggravating, hold fewer than five events there."""
    rare = []
    for candidate in selected:
        exposed = candidates.column(candidate.name)
        cells, events = int(np.count_nonzero(exposed)), float(counts[exposed].sum())
        few_events = candidate.direction != "protective" and events < LEAST_EVENTS
        if cells < LEAST_CELLS or few_events:
            rare.append(RareExposure(candidate.name, candidate.factor, cells, events))
    return tuple(rare)


def _exposed(
    counts: Floats, exposure: Floats, codes: NDArray[np.int32], table: NDArray[np.uint8]
) -> tuple[Floats, Floats, Floats]:
    """(p,) each: events, exposure and number of the cells exposed to each candidate of a factor."""
    wide = table.astype(np.float64)
    sums = [np.bincount(codes, weights, len(table)) @ wide for weights in (counts, exposure, None)]
    return sums[0], sums[1], sums[2]


def _gain(candidate: Candidate, events: float, ground: float, total: float, whole: float) -> float:
    """Gain in Poisson log-likelihood of a rate for each side over one for all; 0 where it points the other way.

    With y events on ground x of each side, Σ y ln(y / x) − Y ln(Y / X).
    """
    if not 0 < ground < whole:
        return 0.0
    higher = events * (whole - ground) > (total - events) * ground
    if higher == (candidate.direction == "protective"):
        return 0.0
    xlogy = special().xlogy
    sides = xlogy(events, events / ground) + xlogy(total - events, (total - events) / (whole - ground))
    return float(sides - total * np.log(total / whole))
