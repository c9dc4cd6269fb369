"""Which factors are established: the test by random shifts of whitened residuals, and intervals that hold.

Each selected factor is tested beside the others: does it go better with the events than the same layers do when they
are shifted about the map? The one that does so worst, above 5 %, leaves; the rest are tested again. What remains is
established, and its relative risk values and intervals are those of the quasi-likelihood fit (docs/method.md §10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import Floats
from ..candidates.columns import Candidate
from ..candidates.covariates import Observations
from ..tools.normal import NORMAL_95
from ..tools.progress import Progress, part, parts, silent
from .covariance import Clustering
from .lags import Lags
from .quasi_likelihood import QuasiFit, quasi_fit
from .random_shift import Shifts, ShiftStatistics, family_wise_p, shift_statistics
from .whitening import FAST, Precision

LEVEL = 0.05
METHOD = "random shifts of whitened residuals"
_WIDTHS = 6.0  # correlation lengths that a map must be wide, for its shifts to tell anything
_LEAST_SHIFTS = 39  # fewer, and no p can reach 5 % with room to spare
_LEAST_INFORMATION = 0.05  # share of a candidate's information that the other factors may leave


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorTest:
    """One selected factor, tested beside the others.

    Parameters
    ----------
    candidate : str
        The selected candidate.
    factor : str
    p : float or None
        Family-wise over all candidates of all factors offered; None when it cannot be tested here.
    statistic : float or None
        Largest Z over the factor's ladder of candidates.
    established : bool
    rrv, rrv_lower, rrv_upper : float or None
        Relative risk value with its 95 % interval, from the quasi-likelihood fit of the factors that remain; None for
        one that left.
    """

    candidate: str
    factor: str
    p: float | None
    statistic: float | None
    established: bool
    rrv: float | None = None
    rrv_lower: float | None = None
    rrv_upper: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Significance:
    """What is established.

    Parameters
    ----------
    remaining : tuple of FactorTest
        In the order of the model; all established, or none where `reason` says that nothing can be tested.
    left : tuple of FactorTest
        In the order in which they left.
    clustering : Clustering
        What the remaining factors do not explain.
    shifts : int
    reason : str
        Why it cannot be tested here, in a sentence; empty when it can.
    """

    remaining: tuple[FactorTest, ...]
    left: tuple[FactorTest, ...]
    clustering: Clustering
    shifts: int
    reason: str = ""


def established(
    observed: Observations, members: Sequence[str], precision: Precision = FAST, progress: Progress = silent
) -> Significance:
    """Test the selected factors, let those go that are not established, and fit what remains.

    Parameters
    ----------
    observed : Observations
        Counts, exposure and adjustments of the cells, and all candidates that were offered.
    members : names of the selected candidates, at most one a factor

    Raises
    ------
    FitError
        No event, or no finite fit.
    """
    tester = _Tester(observed, precision)
    fit = tester.fit(members, part(progress, 0.0, 0.1))
    reason = tester.reason_not_to(fit.clustering)
    if reason:
        return Significance(tester.described(members, None, fit), (), fit.clustering, tester.shifts.number, reason)
    remaining, left = list(members), []
    rounds = part(progress, 0.1, 0.9)
    while remaining:
        shares = parts(rounds, len(remaining))
        tests = [tester.test(name, remaining, share) for name, share in zip(remaining, shares, strict=True)]
        worst = max(tests, key=lambda test: (test.p or 0.0, -(test.statistic or 0.0)))
        if (worst.p or 0.0) <= LEVEL:
            break
        remaining.remove(worst.candidate)
        left.append(worst)
    fit = tester.fit(remaining, part(progress, 0.9, 1.0))
    kept = tester.described(remaining, {test.candidate: test for test in tests} if remaining else {}, fit)
    return Significance(kept, tuple(left), fit.clustering, tester.shifts.number)


class _Tester:
    """The offered candidates of a study, and the shifts of its map."""

    def __init__(self, observed: Observations, precision: Precision) -> None:
        self.observed = observed
        self.precision = precision
        self.shifts = Shifts.over(Lags.between(observed.grid))
        self.candidates: dict[str, Candidate] = {c.name: c for c in observed.candidates.candidates}
        self.columns: dict[str, Floats] = {}
        for candidate, column in zip(observed.candidates.candidates, observed.candidates.columns(), strict=True):
            if column.any() and not column.all():
                self.columns[candidate.name] = candidate.sign * column.astype(np.float32)

    def fit(self, members: Sequence[str], progress: Progress) -> QuasiFit:
        """The quasi-likelihood fit of adjustments and members."""
        cells = len(self.observed.counts)
        adjust = np.zeros((cells, 0)) if self.observed.adjust is None else self.observed.adjust
        design = np.column_stack([adjust, *(self.columns[name].astype(np.float64) for name in members)])
        seen = self.observed
        return quasi_fit(seen.grid, seen.counts, design, seen.offset, self.precision, progress)

    def reason_not_to(self, clustering: Clustering) -> str:
        """Why this map is too small for the test, in a sentence; empty when it is large enough."""
        grid = self.observed.grid
        width = float(np.sqrt(grid.cells)) * grid.cell_size
        if self.shifts.number < _LEAST_SHIFTS:
            return (
                f"With {grid.cells:,} cells there are only {self.shifts.number} ways to shift a layer about the map; "
                "study a larger area, or smaller cells."
            )
        if width < _WIDTHS * clustering.mean_range:
            return (
                f"Events cluster over about {clustering.mean_range:,.0f} map units beyond what the factors explain, "
                f"and the map is only {width:,.0f} wide: shifting a layer about it tells too little; study a larger "
                "area."
            )
        return ""

    def test(self, name: str, members: Sequence[str], progress: Progress) -> FactorTest:
        """Hold a factor's whole ladder against the residuals of the other members."""
        factor = self.candidates[name].factor
        fit = self.fit([other for other in members if other != name], part(progress, 0.0, 0.3))
        statistics = shift_statistics(self.shifts, fit.residual, list(self.columns.values()), part(progress, 0.3, 0.9))
        ladder = [j for j, other in enumerate(self.columns) if self.candidates[other].factor == factor]
        statistic = float(self._corrected(fit, statistics, ladder, part(progress, 0.9, 1.0)).max())
        p = family_wise_p(statistic, statistics.largest)
        return FactorTest(candidate=name, factor=factor, p=p, statistic=statistic, established=p <= LEVEL)

    def _corrected(self, fit: QuasiFit, statistics: ShiftStatistics, ladder: list[int], progress: Progress) -> Floats:
        """Z of a ladder where it is, over the root of the share of its information that the other factors leave.

        A shifted layer is no longer correlated with the other factors, the layer where it is may be: there it has less
        room, and its statistic less spread, than at the shifts.
        """
        names = list(self.columns)
        columns = np.column_stack([self.columns[names[j]] for j in ladder]).astype(np.float64)
        solved = fit.working.solve(columns, self.precision.candidates, progress=progress)
        whole = (columns * solved).sum(axis=0)
        beside = columns.T @ fit.whitened
        alone = whole - beside[:, 0] ** 2 / float(fit.design[:, 0] @ fit.whitened[:, 0])
        left = whole - np.einsum("jk,kl,jl->j", beside, fit.covariance, beside)
        share = np.clip(left / np.maximum(alone, 1e-30), _LEAST_INFORMATION, 1.0)
        return statistics.unshifted[ladder] / np.sqrt(share)

    def described(
        self, members: Sequence[str], tests: dict[str, FactorTest] | None, fit: QuasiFit
    ) -> tuple[FactorTest, ...]:
        """The members with their relative risk values; `tests` is None where nothing could be tested."""
        first = len(fit.coefficients) - len(members)
        described = []
        for name, beta, error in zip(members, fit.coefficients[first:], fit.standard_errors[first:], strict=True):
            test = tests[name] if tests is not None else None
            lower, upper = beta - NORMAL_95 * error, beta + NORMAL_95 * error
            described.append(
                FactorTest(
                    candidate=name,
                    factor=self.candidates[name].factor,
                    p=test.p if test else None,
                    statistic=test.statistic if test else None,
                    established=test is not None,
                    rrv=float(np.exp(beta)),
                    rrv_lower=float(np.exp(lower)),
                    rrv_upper=float(np.exp(upper)),
                )
            )
        return tuple(described)
