"""Culling: elastic-net Poisson regression with coefficients ≥ 0 and cross-validated penalty (method.md §4.1).

Objective, as glmnet: −loglik/n + λ·(a·Σ s_j β_j + (1−a)/2·Σ s_j² β_j²), β ≥ 0, the intercept and any adjustment free,
s_j the standard deviation (divisor n) of column j over the rows fitted. All folds and the whole are fitted together.
The optimum itself is found in penalised.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..candidates.columns import CandidateSet, DesignMatrix
from ..documents.settings import SelectionSettings
from ..errors import FitError
from ..tools.parallel import in_threads
from ..tools.progress import Progress, silent
from .penalised import Penalty, Solver
from .penalised import Problem as _Problem

L1_SHARES = (0.95, 0.80)
PENALTIES = 100
SMALLEST_PENALTY = 1e-4  # of the largest
# A path stops early, beyond its best penalty (`_past_best`): after so many penalties at least, when the deviance has
# risen so many times in a row, by this share of what it had fallen.
_FEWEST_PENALTIES, _RISES_IN_A_ROW, _RISE = 40, 10, 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """The path for one L1 share.

    Parameters
    ----------
    l1_share : float
    penalties : (m,) float64, descending
        Those fitted: fewer than asked for when it stopped early.
    intercepts : (m, 1 + folds) float64
        Column 0 is the fit to all rows, column k the fit without fold k.
    coefficients : (m, p, 1 + folds) float64
    deviance : (m,) float64
        Cross-validated: mean held-out Poisson deviance of a cell, over all draws of the folds.
    violation : (m,) float64
        Largest violation of an optimality condition, as a share of the penalty on the column.
    """

    l1_share: float
    penalties: Floats
    intercepts: Floats
    coefficients: Floats
    deviance: Floats
    violation: Floats

    @property
    def best(self) -> int:
        """Index of the penalty with the lowest cross-validated deviance."""
        return int(np.argmin(self.deviance))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Culling:
    """What survived, and why.

    Parameters
    ----------
    survivors : tuple of str
    l1_share, penalty, deviance : float
        Of the winner.
    paths : tuple of Path, one for each L1 share
    folds, seed, draws : int
        Of the cross-validation; draw k has the seed seed + k.
    """

    survivors: tuple[str, ...]
    l1_share: float
    penalty: float
    deviance: float
    paths: tuple[Path, ...]
    folds: int
    seed: int
    draws: int = 1


def stratified_folds(
    counts: Floats, folds: int, seed: int, copy_of: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Fold label 0 … folds − 1 of each cell.

    Cells are sorted by count, descending, ties at random; in each run of `folds` cells the labels are permuted.

    Parameters
    ----------
    counts : (n,) float64
    folds, seed : int
    copy_of : (n,) int64, optional
        Which cell each is a copy of: the cells are dealt, and copies follow, for held out beside a copy of itself that
        was fitted a cell would be no test.

    Examples
    --------
    >>> labels = stratified_folds(np.array([5.0, 5.0, 0.0, 0.0, 0.0, 0.0]), 2, seed=1)
    >>> sorted(labels[:2].tolist()), np.bincount(labels).tolist()
    ([0, 1], [3, 3])
    >>> labels = stratified_folds(np.array([5.0, 0.0, 5.0]), 2, seed=1, copy_of=np.array([7, 2, 7]))
    >>> bool(labels[0] == labels[2] != labels[1])
    True
    """
    if copy_of is not None:
        _, first, cell = np.unique(copy_of, return_index=True, return_inverse=True)
        return stratified_folds(counts[first], folds, seed)[cell.ravel()]
    random = np.random.default_rng(seed)
    order = np.lexsort((random.random(len(counts)), -counts))
    runs = -(-len(counts) // folds)
    labels = random.permuted(np.tile(np.arange(folds), (runs, 1)), axis=1).ravel()[: len(counts)]
    result = np.empty(len(counts), dtype=np.int64)
    result[order] = labels
    return result


def cull(
    counts: Floats,
    candidates: CandidateSet,
    settings: SelectionSettings,
    offset: Floats | None = None,
    adjust: Floats | None = None,
    progress: Progress = silent,
    workers: int = 1,
    full_path: bool = False,
    copy_of: NDArray[np.int64] | None = None,
) -> Culling:
    """Cull the candidates: those with a coefficient above 0 at the best penalty of the better L1 share survive.

    Parameters
    ----------
    counts : (n,) float64
    candidates : CandidateSet
    settings : SelectionSettings
    offset : (n,) float64, optional, log exposure
    adjust : (n, q) float64, optional, columns that enter unpenalised
    workers : int
        Threads; the result is the same.
    full_path : bool
        Fit every penalty, even when the best one is clear. With several draws of the folds all of them do, since their
        deviances are averaged penalty by penalty.
    copy_of : (n,) int64, optional
        Which cell each is a copy of, where cells were drawn with replacement: copies share a fold.

    Raises
    ------
    FitError
        Fewer cells with events than folds.
    """
    held = counts > 0
    with_events = int(np.count_nonzero(held)) if copy_of is None else len(np.unique(copy_of[held]))
    if with_events < settings.folds:
        raise FitError(
            f"Only {with_events} cells have events, fewer than the {settings.folds} folds of the cross-validation; "
            "use more events, larger cells or fewer folds."
        )
    progress(0.0)
    design = DesignMatrix(candidates)
    progress(0.0)
    problems = []
    for draw in range(settings.draws):
        labels = stratified_folds(counts, settings.folds, settings.seed + draw, copy_of)
        problems.append(_Problem.build(counts, design, labels, settings.folds, offset, adjust))
        progress(0.0)
    whole = full_path or settings.draws > 1

    def path(share: float, problem: _Problem, progress: Progress) -> Path:
        # The sums of the first draw serve all: another order of the cells would change the last digits.
        return fit_path(problem, share, penalties(problems[0], share, progress=progress), progress, whole)

    jobs = [partial(path, share, problem) for share in L1_SHARES for problem in problems]
    drawn = in_threads(jobs, progress, workers)
    paths = [_averaged(drawn[k : k + settings.draws]) for k in range(0, len(drawn), settings.draws)]
    winner = min(paths, key=lambda path: path.deviance[path.best])
    alive = winner.coefficients[winner.best, :, 0] > 0
    names = [c.name for c in candidates.candidates]
    return Culling(
        survivors=tuple(name for name, keep in zip(names, alive, strict=True) if keep),
        l1_share=winner.l1_share,
        penalty=float(winner.penalties[winner.best]),
        deviance=float(winner.deviance[winner.best]),
        paths=tuple(paths),
        folds=settings.folds,
        seed=settings.seed,
        draws=settings.draws,
    )


def _averaged(paths: Sequence[Path]) -> Path:
    """The first draw's path with the deviance of all: the fit to all cells, which decides, is the same in each."""
    if len(paths) == 1:
        return paths[0]
    return replace(
        paths[0],
        deviance=np.mean([path.deviance for path in paths], axis=0),
        violation=np.max([path.violation for path in paths], axis=0),
    )


def penalties(problem: _Problem, share: float, count: int = PENALTIES, progress: Progress = silent) -> Floats:
    """The penalties tried: from the smallest at which no candidate enters, by equal ratios to 1e-4 of it."""
    gradient = Solver(problem, lambda: progress(0.0)).null().gradient / problem.scale.clip(1e-12)
    largest = max(float(-gradient[problem.free :, 0].min()), 1e-10) / share
    return np.geomspace(largest, largest * SMALLEST_PENALTY, count)


def fit_path(
    problem: _Problem, share: float, sequence: Floats, progress: Progress = silent, full_path: bool = False
) -> Path:
    """Fit every penalty of the sequence (descending), each from the solution of the one before.

    Unless the full path is asked for, it stops where the best penalty is clear (`_past_best`).

    Raises
    ------
    FitError
        The optimality conditions cannot be met.
    """
    m, free = len(sequence), problem.free
    deviance: list[float] = []
    violation: list[float] = []
    solutions: list[Floats] = []
    solver = Solver(problem, lambda: progress(len(deviance) / m))
    point = solver.null()
    for penalty in sequence:
        point, worst = solver.minimise(point, Penalty.of(problem, share, float(penalty)))
        solutions.append(point.coefficients)
        violation.append(worst)
        deviance.append(problem.deviance(point))
        if not full_path and _past_best(deviance):
            break
    coefficients = np.array(solutions)
    return Path(
        share,
        sequence[: len(coefficients)],
        coefficients[:, 0],
        coefficients[:, free:],
        np.array(deviance),
        np.array(violation),
    )


def _past_best(deviance: list[float]) -> bool:
    """Whether the cross-validated deviance so far is safely past its minimum.

    It must have risen at each of the last 10 penalties, by more in all than a ten-thousandth of what was gained since
    the null model, after at least 40: the first ones, where a few strong candidates enter, are cheap and can rise and
    fall again. Over 838 whole paths (random problems, Chicago in full and thinned) this never changed the best penalty,
    nor did 5 rises after 30; without the least number, 4 of them went wrong.
    """
    last = np.array(deviance[-_RISES_IN_A_ROW - 1 :])
    if len(deviance) < _FEWEST_PENALTIES or (np.diff(last) <= 0).any():
        return False
    lowest = min(deviance)
    return bool(last[-1] - lowest > _RISE * (deviance[0] - lowest))
