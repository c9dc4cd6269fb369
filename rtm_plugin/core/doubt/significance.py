"""Which factors are established: the test by random shifts of whitened residuals, and intervals that hold.

Each selected factor is tested beside the others: does it go better with the events than the same layers do when they
are shifted about the map? The one that does so worst, above 5 %, leaves; the rest are tested again. What remains is
established, and its relative risk values and intervals are those of the quasi-likelihood fit (docs/method.md §10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..arrays import Floats
from ..candidates.columns import Candidate
from ..candidates.covariates import Observations
from ..errors import FitError
from ..regression.likelihood import Rows
from ..regression.limit_fit import finite_fit
from ..tools.normal import NORMAL_95
from ..tools.progress import Progress, part, parts, silent
from .covariance import Clustering
from .lags import Lags
from .quasi_likelihood import QuasiFit, quasi_fit
from .random_shift import Shifts, family_wise_p, shift_statistics
from .whitening import Precision

LEVEL = 0.05
WEAK = 0.01  # established with a larger p, the value is likely to be too large (docs/significance.md)
THAN_SHIFTED = "with these events than the same layer shifted about the map"
NOT_BETTER = f"goes no better {THAN_SHIFTED}"
_WIDTHS = 6.0  # correlation lengths that a map must be wide, for its shifts to tell anything
_MATTERS = 4.0  # times the variance of chance: clustering below is too faint to hold a shifted layer back
_LARGEST = 700.0  # coefficient: exp of more is no number that a file can hold
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
        Relative risk value with its 95 % interval, from the quasi-likelihood fit of the model as it ends; None for a
        factor that left it. Of a factor that leaves no event on one side, the value rests on half an event there, and
        there is no interval.
    """

    candidate: str
    factor: str
    p: float | None
    statistic: float | None
    established: bool
    rrv: float | None = None
    rrv_lower: float | None = None
    rrv_upper: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Significance:
    """What is established.

    Parameters
    ----------
    remaining : tuple of FactorTest
        In the order of the model; none is established where `reason` says that nothing can be tested.
    left : tuple of FactorTest
        Not established, in the order in which they left.
    nugget : float
        Variance of the log rate that the model does not explain and neighbours do not share.
    variances, ranges : tuple of float
        Of the variance that neighbours share, by how far it reaches, map units.
    shifts : int
        With which p was reckoned: it is 1/(1 + shifts) at least.
    reason : str
        Why it cannot be tested here, in a sentence; empty when it can.
    """

    remaining: tuple[FactorTest, ...]
    left: tuple[FactorTest, ...]
    nugget: float
    variances: tuple[float, ...]
    ranges: tuple[float, ...]
    shifts: int
    reason: str = ""

    def of(self, candidate: str) -> FactorTest | None:
        """The test of a selected candidate."""
        return next((test for test in (*self.remaining, *self.left) if test.candidate == candidate), None)


def established(
    observed: Observations,
    members: Sequence[str],
    precision: Precision | None = None,
    progress: Progress = silent,
    keep: bool = False,
) -> Significance:
    """Test the selected factors, let those go that are not established, and fit what remains.

    Parameters
    ----------
    observed : Observations
        Counts, exposure and adjustments of the cells, and all candidates that were offered.
    members : names of the selected candidates, at most one a factor
    keep : bool
        Whether factors that are not established stay in the model: they leave for the tests of the others only.

    Where it cannot be tested, nothing leaves, nothing is established, and `reason` says why.
    """
    tester = _Tester(observed, precision or Precision())
    try:
        return _tested(tester, members, progress, keep)
    except (FitError, np.linalg.LinAlgError):
        reason = (
            "The fit that allows for clustering has no solution; take out factors that tell the same, or use more "
            "events."
        )
        untested = tuple(tester.untested(name) for name in members)
        return Significance(
            remaining=untested, left=(), nugget=0.0, variances=(), ranges=(), shifts=tester.shifts.number, reason=reason
        )


def _tested(tester: _Tester, members: Sequence[str], progress: Progress, keep: bool) -> Significance:
    """The test, where every fit that it needs has a solution."""
    fit = tester.fit(members, part(progress, 0.0, 0.1))
    reason = tester.reason_not_to(fit.clustering)
    if reason:
        untested = [tester.untested(name) for name in members]
        return _described(untested, (), fit, tester.shifts.number, reason)
    remaining, left = tester.tested(members, part(progress, 0.1, 0.9))
    if keep:
        order = {name: number for number, name in enumerate(members)}
        remaining, left = sorted([*remaining, *left], key=lambda test: order[test.candidate]), []
    fit = tester.fit([test.candidate for test in remaining], part(progress, 0.9, 1.0))
    return _described(remaining, left, fit, tester.shifts.number)


def _described(
    remaining: Sequence[FactorTest], left: Sequence[FactorTest], fit: MemberFit, shifts: int, reason: str = ""
) -> Significance:
    """With the relative risk values of those that remain, and what they leave unexplained."""
    clustering = fit.clustering
    return Significance(
        remaining=tuple(fit.described(test) for test in remaining),
        left=tuple(left),
        nugget=clustering.nugget,
        variances=tuple(map(float, clustering.variances)),
        ranges=tuple(map(float, clustering.ranges)),
        shifts=shifts,
        reason=reason,
    )


@dataclass(frozen=True, slots=True, eq=False)
class MemberFit:
    """A quasi-likelihood fit of members and adjustments.

    Parameters
    ----------
    fit : QuasiFit
        Columns: the members with an estimate, then the adjustments.
    estimated : tuple of str
    limits : mapping of the other members → coefficient
        They leave no event on one side, so that their coefficient would grow for ever; it is held at the value with
        half an event there.
    """

    fit: QuasiFit
    estimated: tuple[str, ...]
    limits: Mapping[str, float]

    @property
    def clustering(self) -> Clustering:
        """What the members do not explain."""
        return self.fit.clustering

    def described(self, test: FactorTest) -> FactorTest:
        """A test with the relative risk value of its candidate."""
        if test.candidate in self.limits:
            return replace(test, rrv=float(np.exp(self.limits[test.candidate])))
        j = 1 + self.estimated.index(test.candidate)
        beta, reach = self.fit.coefficients[j], NORMAL_95 * self.fit.standard_errors[j]
        ends = np.clip([beta, beta - reach, beta + reach], -_LARGEST, _LARGEST)
        rrv, lower, upper = map(float, np.exp(ends))
        return replace(test, rrv=rrv, rrv_lower=lower, rrv_upper=upper)


def p_figure(p: float) -> str:
    """A p-value that promises no more than the number of shifts can tell.

    >>> p_figure(0.00004), p_figure(0.0312), p_figure(0.333)
    ('< 0.001', '0.031', '0.333')
    """
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_text(p: float | None) -> str:
    """The same in a sentence.

    >>> p_text(0.00004), p_text(0.0312), p_text(None)
    ('p < 0.001', 'p = 0.031', 'not tested')
    """
    if p is None:
        return "not tested"
    return f"p {p_figure(p)}" if p < 0.001 else f"p = {p_figure(p)}"


def p_cell(p: float | None, established: bool | None) -> str:
    """The same in a table of factors that are in the model.

    >>> p_cell(0.0312, True), p_cell(0.333, False), p_cell(None, None)
    ('0.031', '0.333 (not established)', '–')
    """
    if p is None:
        return "–"
    return p_figure(p) if established is not False else f"{p_figure(p)} (not established)"


def too_few_shifts(shifts: Shifts) -> str:
    """Why a map has too few shifts for the test, in a sentence; empty when it has enough."""
    if shifts.number >= _LEAST_SHIFTS:
        return ""
    return (
        f"With {shifts.lags.grid.cells:,} cells there are only {shifts.number} ways to shift a layer about the map; "
        "study a larger area, or smaller cells."
    )


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

    def tested(self, members: Sequence[str], progress: Progress) -> tuple[list[FactorTest], list[FactorTest]]:
        """Those that are established together, in their order, and those that left, the worst first."""
        remaining = list(members)
        left: list[FactorTest] = []
        while remaining:
            progress(len(left) / len(members))
            tests = self.test(remaining, part(progress, len(left) / len(members), (len(left) + 1) / len(members)))
            worst = max(tests, key=lambda test: (test.p or 0.0, -(test.statistic or 0.0)))
            if worst.established:
                return tests, left
            remaining.remove(worst.candidate)
            left.append(worst)
        return [], left

    def untested(self, name: str) -> FactorTest:
        """A member that cannot be tested here."""
        return FactorTest(
            candidate=name, factor=self.candidates[name].factor, p=None, statistic=None, established=False
        )

    def fit(self, members: Sequence[str], progress: Progress) -> MemberFit:
        """The quasi-likelihood fit of members and adjustments."""
        seen = self.observed
        cells = len(seen.counts)
        offset = np.zeros(cells) if seen.offset is None else seen.offset
        adjust = np.zeros((cells, 0)) if seen.adjust is None else seen.adjust
        columns = [self.columns[name].astype(np.float64) for name in members]
        rows = Rows(np.column_stack([*columns, adjust]), seen.counts, np.ones(cells), offset)
        first = finite_fit("poisson", rows, len(members))
        limits = {members[j]: float(first.coefficients[1 + j]) for j in first.separated}
        estimated = tuple(name for name in members if name not in limits)
        for name, beta in limits.items():
            offset = offset + beta * self.columns[name]
        design = np.column_stack([*(self.columns[name].astype(np.float64) for name in estimated), adjust])
        start = np.delete(first.coefficients, [1 + j for j in first.separated])
        fit = quasi_fit(seen.grid, seen.counts, design, start, offset, self.precision, progress)
        return MemberFit(fit, estimated, limits)

    def reason_not_to(self, clustering: Clustering) -> str:
        """Why this map is too small for the test, in a sentence; empty when it is large enough."""
        grid = self.observed.grid
        width = float(np.sqrt(grid.cells)) * grid.cell_size
        too_few = too_few_shifts(self.shifts)
        if too_few:
            return too_few
        density = float(self.observed.counts.sum()) / (grid.cells * grid.cell_size**2)
        if width < _WIDTHS * clustering.mean_range and clustering.beside_chance(density) > _MATTERS:
            return (
                f"Events cluster over about {clustering.mean_range:,.0f} map units beyond what the factors explain, "
                f"and the map is only {width:,.0f} wide: shifting a layer about it tells too little; study a larger "
                "area."
            )
        return ""

    def test(self, members: Sequence[str], progress: Progress) -> list[FactorTest]:
        """Hold each factor's whole ladder against the residuals of the other members."""
        residuals, rooms = [], []
        for name, share in zip(members, parts(part(progress, 0.0, 0.4), len(members)), strict=True):
            fit = self.fit([other for other in members if other != name], part(share, 0.0, 0.7)).fit
            residuals.append(fit.residual)
            rooms.append(self._room(fit, self._ladder(name), part(share, 0.7, 1.0)))
        columns = list(self.columns.values())
        found = shift_statistics(self.shifts, residuals, columns, part(progress, 0.4, 1.0))
        tests = []
        for name, room, statistics in zip(members, rooms, found, strict=True):
            statistic = float((statistics.unshifted[self._ladder(name)] / np.sqrt(room)).max())
            p = family_wise_p(statistic, statistics.largest)
            factor = self.candidates[name].factor
            tests.append(FactorTest(candidate=name, factor=factor, p=p, statistic=statistic, established=p <= LEVEL))
        return tests

    def _ladder(self, name: str) -> list[int]:
        """Places of all candidates of a member's factor."""
        factor = self.candidates[name].factor
        return [j for j, other in enumerate(self.columns) if self.candidates[other].factor == factor]

    def _room(self, fit: QuasiFit, ladder: list[int], progress: Progress) -> Floats:
        """The share of the information of each candidate of a ladder that the other factors leave.

        A shifted layer is no longer correlated with the other factors, the layer where it is may be: there it has less
        room, and its statistic less spread, than at the shifts, so that Z is divided by the root of this share.
        """
        names = list(self.columns)
        columns = np.column_stack([self.columns[names[j]] for j in ladder]).astype(np.float64)
        solved = fit.working.solve(columns, self.precision.candidates, progress=progress)
        whole = (columns * solved).sum(axis=0)
        beside = columns.T @ fit.whitened
        alone = whole - beside[:, 0] ** 2 / float(fit.design[:, 0] @ fit.whitened[:, 0])
        left = whole - np.einsum("jk,kl,jl->j", beside, fit.covariance, beside)
        return np.clip(left / np.maximum(alone, 1e-30), _LEAST_INFORMATION, 1.0)
