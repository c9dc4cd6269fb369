"""Power before data: the weakest effect that a study of so many events would probably establish.

Of the events nothing is used but their number. Where nothing has an effect, they lie anywhere: such events, drawn a few
times, say how large Z must be. How far a true effect lifts Z follows from the share of cells that it reaches, and from
how much the layer resembles itself when it is shifted (docs/method.md §10).

Cells are taken to be independent, as large as each other, and to differ in this one factor only. Events that cluster,
an exposure that differs from cell to cell, and other factors that tell nearly the same make it harder.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..arrays import Floats
from ..candidates.columns import Candidate, CandidateSet
from ..documents.factor_settings import sign_of
from ..ground.grid import Grid
from ..tools.normal import NORMAL_80, NORMAL_95_ONE_SIDED
from ..tools.progress import Progress, part, parts, silent
from .lags import Lags
from .random_shift import Shifts, shift_statistics
from .significance import LEVEL, too_few_shifts

_ENOUGH_SHIFTS = 20_000  # of all draws together: the critical value is then known to about two hundredths
_FEWEST_DRAWS, _MOST_DRAWS = 4, 40
_STRONGEST = 1000.0  # RRV: what needs more than this is no effect that anybody expects
_HALVINGS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorPower:
    """What can be established of one factor.

    Parameters
    ----------
    factor, direction : str
    candidate : str
        The variable of the factor's ladder that needs the weakest effect.
    share : float
        Of the cells, exposed to it.
    ceiling : float
        Z that no number of events lifts it above: a layer in few, large places resembles itself at many shifts.
    rrv : float or None
        Relative risk value that is established in four of five studies; None where none up to 1,000 is.
    """

    factor: str
    direction: str
    candidate: str
    share: float
    ceiling: float
    rrv: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPower:
    """What can be established with a number of events.

    Parameters
    ----------
    events : float
    critical : float
        Z that a factor must reach: family-wise over all candidates of all factors offered; 0 where nothing is tested.
    factors : tuple of FactorPower
        In the order in which they are offered, without those that are the same in every cell.
    reason : str
        Why nothing can be tested on this map, in a sentence; empty when it can.
    """

    events: float
    critical: float
    factors: tuple[FactorPower, ...]
    reason: str = ""

    def of(self, factor: str) -> FactorPower | None:
        """What can be established of the named factor."""
        return next((power for power in self.factors if power.factor == factor), None)

    def text(self, factor: str) -> str:
        """What can be established of the named factor, in a sentence; empty where nothing is known of it."""
        power = self.of(factor)
        if power is None:
            return self.reason
        return power_text(self.events, power, self.critical)


def study_power(
    grid: Grid,
    candidates: CandidateSet,
    events: float,
    overdispersion: float = 1.0,
    progress: Progress = silent,
) -> StudyPower:
    """The weakest effect of each factor that would be established in four of five studies.

    Parameters
    ----------
    grid : Grid of n cells
    candidates : CandidateSet of n cells
        All that are to be offered: the more, the larger Z must be.
    events : float
        At least 1.
    overdispersion : float
        Variance of the counts of wide areas over their mean, where it is known; 1 is a Poisson process.
    """
    shifts = Shifts.over(Lags.between(grid))
    reason = too_few_shifts(shifts)
    columns: dict[str, Floats] = {}
    for candidate, exposed in zip(candidates.candidates, candidates.columns(), strict=True):
        if exposed.any() and not exposed.all():
            columns[candidate.name] = candidate.sign * exposed.astype(np.float32)
    if reason or not columns:
        return StudyPower(events=events, critical=0.0, factors=(), reason=reason)
    critical = critical_value(shifts, columns, events, part(progress, 0.0, 0.8))
    ladders: dict[str, list[FactorPower]] = {}
    for (name, column), share in zip(columns.items(), parts(part(progress, 0.8, 1.0), len(columns)), strict=True):
        share(0.0)
        power = _candidate_power(shifts, candidates[name], column, events / overdispersion, critical)
        ladders.setdefault(power.factor, []).append(power)
    return StudyPower(events=events, critical=critical, factors=tuple(_easiest(ladder) for ladder in ladders.values()))


def critical_value(shifts: Shifts, columns: Mapping[str, Floats], events: float, progress: Progress = silent) -> float:
    """Z that a factor must exceed, were there no effect and no clustering: the mean of a few draws.

    p is (1 + #)/(1 + shifts), where # is the number of shifts at which some candidate reaches Z. With k the largest
    whole number up to 5 % of 1 + shifts, p is within 5 % when Z exceeds the k-th largest of the shifts' maxima. It is
    never below 1.645, the 95 % quantile of a single standard normal variable: draws fall short of that only where a
    layer lies in so few places that its shifts tell little.

    Parameters
    ----------
    shifts : Shifts of n cells
    columns : mapping of candidate → (n,) signed
        Of all candidates of all factors.
    events : float
        So many lie in cells drawn at random, each as likely as the others. Seeds are fixed.
    """
    cells, number = shifts.lags.grid.cells, max(1, round(events))
    rank = int(LEVEL * (1 + shifts.number))
    draws = int(np.clip(math.ceil(_ENOUGH_SHIFTS / shifts.number), _FEWEST_DRAWS, _MOST_DRAWS))
    residuals = []
    for seed in range(draws):
        drawn = np.random.default_rng(seed).multinomial(number, np.full(cells, 1 / cells))
        residuals.append(drawn - number / cells)
    found = shift_statistics(shifts, residuals, list(columns.values()), progress)
    needed = [float(np.sort(statistics.largest)[-rank]) for statistics in found]
    return max(NORMAL_95_ONE_SIDED, float(np.mean(needed)))


def smallest_rrv(
    share: float, events: float, critical: float, ceiling: float = math.inf, direction: str = "aggravating"
) -> float | None:
    """Relative risk value at which Z exceeds its critical value in four of five studies, by bisection.

    Of N events a share p = q·r/(1 − q + q·r) lies in the share q of cells whose rate is r times that of the others.
    Against the binomial distribution without an effect Z is δ = (p − q)√N/√(q(1 − q)) on average, and varies by
    √(p(1 − p)/(q(1 − q))): the score test of a Poisson regression of one variable. The layer's shifts, too, meet the
    effect where they cover each other, which widens their spread to √(1 + δ²/ceiling²). So r solves

        (δ − 0.8416·√(p(1 − p)/(q(1 − q)))) / √(1 + δ²/ceiling²) = critical.

    Parameters
    ----------
    share : float, q, above 0 and below 1
    events : float, N
        Over the overdispersion, where there is some.
    critical : float
    ceiling : float
    direction : {"aggravating", "protective"}
        Protective: exposed cells have 1/r times the rate of the others.

    Returns
    -------
    float, r at least 1, or None where no r up to 1,000 is enough

    Examples
    --------
    Half the cells, r = 3: p = 3/4, δ = 0.25·10/0.5 = 5, and 0.8416·√(0.1875/0.25) = 0.7288 of it is lost.

    >>> round(smallest_rrv(0.5, 100, critical=5 - 0.7288), 2)
    3.0
    >>> round(smallest_rrv(0.5, 100, critical=(5 - 0.7288) / 2**0.5, ceiling=5.0), 2)
    3.0
    >>> smallest_rrv(0.5, 100, critical=2.0, ceiling=2.0) is None
    True
    """
    sign, odds, chance = sign_of(direction), share / (1 - share), share * (1 - share)

    def enough(log_rrv: float) -> bool:
        ratio = odds * math.exp(sign * log_rrv)
        p = ratio / (1 + ratio)
        lifted = sign * (p - share) * math.sqrt(events / chance)
        lost = NORMAL_80 * math.sqrt(p * (1 - p) / chance)
        return (lifted - lost) / math.hypot(1.0, lifted / ceiling) >= critical

    low, high = 0.0, math.log(_STRONGEST)
    if not enough(high):
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return math.exp(high)


def power_text(events: float, power: FactorPower, critical: float) -> str:
    """What can be established, in a sentence.

    Examples
    --------
    >>> bars = FactorPower(
    ...     factor="bars", direction="aggravating", candidate="bars_proximity_200", share=0.1, ceiling=20.0, rrv=2.2801
    ... )
    >>> power_text(90, bars, 2.3)[:68]
    'With 90 events only effects stronger than × 2.3 can be established ('
    """
    harder = "clustering of events makes it harder."
    number = f"With {events:,.0f} event{'' if events == 1 else 's'}"
    if power.rrv is not None:
        figure = rrv_figure(power.rrv, power.direction)
        return f"{number} only effects stronger than {figure} can be established (in 4 of 5 such studies); {harder}"
    if power.ceiling <= critical:
        return (
            "It lies in too few places to be told from the same layer shifted about the map, however many the events."
        )
    return f"{number} no effect, however strong, can be established (in 4 of 5 such studies); {harder}"


def rrv_figure(rrv: float, direction: str) -> str:
    """A relative risk value that is known roughly, with what it does to the rate.

    >>> rrv_figure(1.137, "aggravating"), rrv_figure(2.28, "protective"), rrv_figure(12.4, "aggravating")
    ('× 1.14', '÷ 2.3', '× 12')
    """
    figure = f"{rrv:.2f}" if rrv < 2 else f"{rrv:.1f}" if rrv < 9.95 else f"{rrv:.0f}"
    return f"{'×' if sign_of(direction) > 0 else '÷'} {figure}"


def _candidate_power(
    shifts: Shifts, candidate: Candidate, column: Floats, events: float, critical: float
) -> FactorPower:
    """What can be established of one candidate.

    Held against itself, a layer is an effect without chance: its Z is the ceiling.
    """
    share = float(np.abs(column).mean())
    ceiling = float(shift_statistics(shifts, [column - column.mean()], [column])[0].unshifted[0])
    rrv = smallest_rrv(share, events, critical, ceiling, candidate.direction) if ceiling > 0 else None
    return FactorPower(
        factor=candidate.factor,
        direction=candidate.direction,
        candidate=candidate.name,
        share=share,
        ceiling=ceiling,
        rrv=rrv,
    )


def _easiest(ladder: list[FactorPower]) -> FactorPower:
    """The candidate that needs the weakest effect; where none is enough, the one that could be lifted highest."""
    return min(ladder, key=lambda power: (math.inf if power.rrv is None else power.rrv, -power.ceiling))
