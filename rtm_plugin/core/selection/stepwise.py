"""Bidirectional stepwise selection on BIC, one variable a factor (method.md §4.2).

The cells are grouped by their pattern over the current variables, their count, exposure and adjustments. A candidate
splits each group in two, and one cross-tabulation of groups and states gives the split for all candidates of a factor.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..candidates.columns import Candidate, CandidateSet, FactorCandidates
from ..errors import FitError
from ..regression.likelihood import Fit, Rows, fit
from ..regression.limit_fit import finite_fit
from ..tools.progress import Progress, part, parts, silent
from ..tools.scipy_calls import product

P_LIMIT = 0.05
_LEAST_GAIN = 1e-8
_LARGEST_TABLE = 4_000_000  # rows × states
_LARGEST_START = 3.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the trace.

    Parameters
    ----------
    move : {"start", "add", "remove", "swap", "not established"}
        The last: taken out by the test of significance, after the selection.
    name : str
        The candidate that came in (add, swap) or went out (remove, not established); "" at the start.
    replaced : str
        The candidate that a swap took out; "" otherwise.
    bic, log_likelihood : float
        After the step.
    """

    move: str
    name: str
    replaced: str
    bic: float
    log_likelihood: float


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """The model that stepwise selection ends with.

    Parameters
    ----------
    candidates : tuple of Candidate, in order of entry
    fit : Fit
        Coefficients: intercept, one for each candidate, one for each adjustment.
    steps : tuple of Step
    """

    candidates: tuple[Candidate, ...]
    fit: Fit
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Groups:
    """Cells grouped into rows: `of_cell` (n,) is each cell's row; the design holds candidates, then adjustments."""

    of_cell: NDArray[np.int64]
    rows: Rows


@dataclass(frozen=True, slots=True, eq=False)
class _Move:
    kind: str
    name: str
    replaced: str
    members: tuple[Candidate, ...]
    fit: Fit


def select(
    family: str,
    counts: Floats,
    candidates: CandidateSet | None,
    offset: Floats | None = None,
    adjust: Floats | None = None,
    progress: Progress = silent,
) -> Selected:
    """Bidirectional stepwise selection from the null model.

    Each step adds a variable, removes one, or swaps one for another of the same factor: whichever lowers BIC
    most among the moves that leave every coefficient above 0 and every p ≤ 0.05. It ends when none lowers it.

    Parameters
    ----------
    family : {"poisson", "nb1", "nb2"}
    counts : (n,) float64
    candidates : CandidateSet, or None when none is left: the null model is the answer
    offset : (n,) float64, optional, log exposure
    adjust : (n, q) float64, optional, columns always in the model

    Raises
    ------
    FitError
        The null model cannot be fitted.
    """
    base = _base_groups(counts, offset, adjust)
    members: tuple[Candidate, ...] = ()
    current = fit(family, base.rows)
    steps = [Step("start", "", "", current.bic, current.log_likelihood)]
    while candidates is not None:
        best = None
        share = part(progress, 1.0 - 0.8 ** len(steps), 1.0 - 0.8 ** (len(steps) + 1))
        for move in _moves(family, base, members, candidates, current, share):
            if best is None or move.fit.bic < best.fit.bic - _LEAST_GAIN:
                best = move
        if best is None or best.fit.bic >= current.bic - _LEAST_GAIN:
            break
        members, current = best.members, best.fit
        steps.append(Step(best.kind, best.name, best.replaced, current.bic, current.log_likelihood))
    return Selected(members, current, tuple(steps))


def without(
    family: str,
    counts: Floats,
    selected: Selected,
    names: Sequence[str],
    candidates: CandidateSet,
    offset: Floats | None = None,
    adjust: Floats | None = None,
) -> Selected:
    """The model without some of its variables, which are taken out one by one, in their order.

    Parameters
    ----------
    family, counts, candidates, offset, adjust
        As for `select`.
    names : of selected candidates

    Raises
    ------
    FitError
        What is left cannot be fitted.
    """
    base = _base_groups(counts, offset, adjust)
    members, current, steps = selected.candidates, selected.fit, list(selected.steps)
    for name in names:
        members = tuple(member for member in members if member.name != name)
        current = finite_fit(family, _grouped(base, members, candidates).rows, len(members))
        steps.append(Step("not established", name, "", current.bic, current.log_likelihood))
    return Selected(members, current, tuple(steps))


def _base_groups(counts: Floats, offset: Floats | None, adjust: Floats | None) -> _Groups:
    if offset is None and adjust is None:
        values, of_cell = np.unique(counts, return_inverse=True)
        rows = np.column_stack([values, np.zeros(len(values))])
    else:
        offset = np.zeros(len(counts)) if offset is None else offset
        adjust = np.zeros((len(counts), 0)) if adjust is None else adjust
        rows, of_cell = np.unique(np.column_stack([counts, offset, adjust]), axis=0, return_inverse=True)
    of_cell = of_cell.ravel()
    weights = np.bincount(of_cell, minlength=len(rows)).astype(np.float64)
    return _Groups(of_cell, Rows(rows[:, 2:], rows[:, 0], weights, rows[:, 1]))


def _grouped(base: _Groups, members: Sequence[Candidate], candidates: CandidateSet) -> _Groups:
    """Split the base groups by the members' columns, which come first in the design."""
    design = np.zeros((len(base.rows.counts), 0))
    of_cell, origin = base.of_cell, np.arange(len(base.rows.counts))
    for member in members:
        halves = of_cell * 2 + candidates.column(member.name)
        present = np.bincount(halves, minlength=2 * len(origin)) > 0
        used, of_cell = np.flatnonzero(present), (np.cumsum(present) - 1)[halves]
        design = np.column_stack([design[used // 2], member.sign * (used % 2)])
        origin = origin[used // 2]
    weights = np.bincount(of_cell, minlength=len(origin)).astype(np.float64)
    full = np.hstack([design, base.rows.design[origin]])
    return _Groups(of_cell, Rows(full, base.rows.counts[origin], weights, base.rows.offset[origin]))


def _moves(
    family: str,
    base: _Groups,
    members: tuple[Candidate, ...],
    candidates: CandidateSet,
    current: Fit,
    progress: Progress,
) -> Iterator[_Move]:
    """All admissible moves, in a fixed order: additions by factor, then for each member its swaps and its removal."""
    taken = {member.factor for member in members}
    groups = _grouped(base, members, candidates)
    start = _parameters(current)
    for entrant, result in _extensions(
        family, groups, len(members), candidates=candidates, taken=taken, only=None, start=start, progress=progress
    ):
        yield _Move("add", entrant.name, "", (*members, entrant), result)
    for i, member in enumerate(members):
        others = members[:i] + members[i + 1 :]
        groups = _grouped(base, others, candidates)
        reduced = np.delete(start, 1 + i)
        for entrant, result in _extensions(
            family,
            groups,
            len(others),
            candidates=candidates,
            taken=set(),
            only=member.factor,
            start=reduced,
            progress=progress,
        ):
            if entrant.name != member.name:
                yield _Move("swap", entrant.name, member.name, (*others, entrant), result)
        result_without = _admissible(family, groups.rows, len(others), reduced)
        if result_without is not None:
            yield _Move("remove", member.name, "", others, result_without)


def _extensions(
    family: str,
    groups: _Groups,
    members: int,
    candidates: CandidateSet,
    taken: set[str],
    only: str | None,
    start: Floats,
    progress: Progress,
) -> Iterator[tuple[Candidate, Fit]]:
    """Admissible fits of the members with one more candidate of a factor not taken (or of factor `only`)."""
    events = groups.rows.counts
    expected = np.exp(groups.rows.matrix @ start[: 1 + groups.rows.design.shape[1]] + groups.rows.offset)
    for block in candidates.factors:
        if block.factor in taken or (only is not None and block.factor != only):
            continue
        exposed = _exposed(groups, block)
        for j, entrant in enumerate(block.candidates):
            progress(0.0)
            split = _split(groups.rows, exposed[:, j], entrant.sign, members)
            ratio = max(float(exposed[:, j] @ events), 0.5) / max(float(exposed[:, j] @ expected), 1e-9)
            guess = np.clip(entrant.sign * np.log(ratio), -_LARGEST_START, _LARGEST_START)
            result = _admissible(family, split, members + 1, np.insert(start, 1 + members, guess))
            if result is not None:
                yield entrant, result


def _exposed(groups: _Groups, block: FactorCandidates) -> Floats:
    """(rows, p of the factor): how many cells of each row are exposed to each candidate."""
    rows, states = len(groups.rows.counts), len(block.table)
    if rows * states > _LARGEST_TABLE:
        cells = (groups.of_cell[block.column(j)] for j in range(len(block.candidates)))
        return np.array([np.bincount(exposed, minlength=rows) for exposed in cells], dtype=np.float64).T
    table = np.bincount(groups.of_cell * states + block.codes, minlength=rows * states)
    return product(table.reshape(rows, states).astype(np.float64), block.table.astype(np.float64))


def _split(rows: Rows, exposed: Floats, sign: float, position: int) -> Rows:
    """Every row in two, the unexposed and the exposed cells, with the new column at `position` of the design."""
    count = len(rows.counts)
    column = np.repeat([0.0, sign], count)
    design = np.insert(np.vstack([rows.design, rows.design]), position, column, axis=1)
    weights = np.concatenate([rows.weights - exposed, exposed])
    used = weights > 0
    return Rows(design[used], np.tile(rows.counts, 2)[used], weights[used], np.tile(rows.offset, 2)[used])


def _admissible(family: str, rows: Rows, members: int, start: Floats) -> Fit | None:
    """The fit, or None when a member's coefficient is not above 0, its p is above 0.05, or there is no finite fit."""
    try:
        result = finite_fit(family, rows, members, start)
    except FitError:
        return None
    of_members = slice(1, 1 + members)
    if (result.coefficients[of_members] <= 0).any() or (result.p_values[of_members] > P_LIMIT).any():
        return None
    return result


def _parameters(result: Fit) -> Floats:
    """Coefficients and ln dispersion, as a start for the next fit."""
    if result.dispersion is None:
        return result.coefficients
    return np.append(result.coefficients, np.log(result.dispersion))


def profile(
    family: str,
    counts: Floats,
    selected: Selected,
    candidates: CandidateSet,
    offset: Floats | None = None,
    adjust: Floats | None = None,
    progress: Progress = silent,
    separated: Collection[str] = (),
) -> dict[str, float]:
    """BIC of the final model with each candidate in place of its factor's variable (or added, for a factor not in it).

    No condition is laid on signs or p; a candidate without a finite fit is left out, unless it is among `separated`, or
    the model has such a variable already: then the likelihood's limit is taken.

    Returns
    -------
    dict : candidate name → BIC
    """
    base = _base_groups(counts, offset, adjust)
    start = _parameters(selected.fit)
    result: dict[str, float] = {}
    for block, share in zip(candidates.factors, parts(progress, len(candidates.factors)), strict=True):
        share(0.0)
        position = [i for i, c in enumerate(selected.candidates) if c.factor == block.factor]
        others = tuple(c for c in selected.candidates if c.factor != block.factor)
        reduced = np.delete(start, [1 + i for i in position])
        groups = _grouped(base, others, candidates)
        exposed = _exposed(groups, block)
        for j, candidate in enumerate(block.candidates):
            rows = _split(groups.rows, exposed[:, j], candidate.sign, len(others))
            guess = np.insert(reduced, 1 + len(others), 0.1)
            try:
                if selected.fit.separated or candidate.name in separated:
                    result[candidate.name] = finite_fit(family, rows, 1 + len(others), guess).bic
                else:
                    result[candidate.name] = fit(family, rows, guess).bic
            except FitError:
                continue
    return result
