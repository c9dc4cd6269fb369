"""Culling: elastic-net Poisson regression with coefficients ≥ 0 and cross-validated penalty (METHOD §4.1).

Objective, as glmnet: −loglik/n + λ·(a·Σ s_j β_j + (1−a)/2·Σ s_j² β_j²), β ≥ 0, the intercept and any adjustment free, s_j the
standard deviation (divisor n) of column j over the rows fitted. All folds and the whole are fitted together, one column of
residuals each. Newton steps use an exact gradient and a shared approximate Hessian, which decides how fast the
optimum is found and never where it is: at every penalty the optimality conditions are checked on all columns.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .candidates import CandidateSet, DesignMatrix
from .errors import FitError
from .features import Floats
from .progress import Progress, part, silent
from .study import SelectionSettings

L1_SHARES = (0.95, 0.80)
PENALTIES = 100
SMALLEST_PENALTY = 1e-4  # of the largest
TOLERANCE = 1e-7  # of the penalty on a column: largest violation of an optimality condition
_HESSIAN_ROWS = 20_000
_ROUNDS = 400


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """The whole path for one L1 share.

    Parameters
    ----------
    l1_share : float
    penalties : (m,) float64, descending
    intercepts : (m, 1 + folds) float64
        Column 0 is the fit to all rows, column k the fit without fold k.
    coefficients : (m, p, 1 + folds) float64
    deviance : (m,) float64
        Cross-validated: mean held-out Poisson deviance of a cell.
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


@dataclass(frozen=True, slots=True, eq=False)
class Culling:
    """What survived, and why.

    Parameters
    ----------
    survivors : tuple of str
    l1_share, penalty, deviance : float
        Of the winner.
    paths : tuple of Path, one for each L1 share
    """

    survivors: tuple[str, ...]
    l1_share: float
    penalty: float
    deviance: float
    paths: tuple[Path, ...]


def stratified_folds(counts: Floats, folds: int, seed: int) -> NDArray[np.int64]:
    """Fold label 0 … folds − 1 of each cell.

    Cells are sorted by count, descending, ties at random; in each run of `folds` cells the labels are permuted.

    Parameters
    ----------
    counts : (n,) float64
    folds, seed : int

    Examples
    --------
    >>> labels = stratified_folds(np.array([5.0, 5.0, 0.0, 0.0, 0.0, 0.0]), 2, seed=1)
    >>> sorted(labels[:2].tolist()), np.bincount(labels).tolist()
    ([0, 1], [3, 3])
    """
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
) -> Culling:
    """Cull the candidates: those with a coefficient above 0 at the best penalty of the better L1 share survive.

    Parameters
    ----------
    counts : (n,) float64
    candidates : CandidateSet, without constant columns
    settings : SelectionSettings
    offset : (n,) float64, optional, log exposure
    adjust : (n, q) float64, optional, columns that enter unpenalised

    Raises
    ------
    FitError
        Fewer cells with events than folds.
    """
    with_events = int(np.count_nonzero(counts))
    if with_events < settings.folds:
        raise FitError(
            f"Only {with_events} cells have events, fewer than the {settings.folds} folds of the cross-validation; "
            "use more events, larger cells or fewer folds."
        )
    labels = stratified_folds(counts, settings.folds, settings.seed)
    problem = _Problem.build(counts, DesignMatrix(candidates), labels, settings.folds, offset, adjust)
    paths = []
    for i, share in enumerate(L1_SHARES):
        step = part(progress, i / len(L1_SHARES), (i + 1) / len(L1_SHARES))
        paths.append(fit_path(problem, share, penalties(problem, share), step))
    winner = min(paths, key=lambda path: path.deviance[path.best])
    alive = winner.coefficients[winner.best, :, 0] > 0
    names = [c.name for c in candidates.candidates]
    return Culling(
        tuple(name for name, keep in zip(names, alive, strict=True) if keep),
        winner.l1_share,
        float(winner.penalties[winner.best]),
        float(winner.deviance[winner.best]),
        tuple(paths),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Arrays of one row a cell and one column a fit: column 0 all rows, column k without fold k.

    free : (n, q) float64, the unpenalised columns, the intercept first; scale : (p, fits), the s_j.
    """

    counts: Floats
    design: DesignMatrix
    free: Floats
    offset: Floats
    fitted: Floats
    rows: Floats
    scale: Floats

    @classmethod
    def build(
        cls,
        counts: Floats,
        design: DesignMatrix,
        labels: NDArray[np.int64],
        folds: int,
        offset: Floats | None = None,
        adjust: Floats | None = None,
    ) -> "_Problem":
        n = len(counts)
        fitted = np.ones((n, folds + 1))
        fitted[np.arange(n), labels + 1] = 0.0
        rows = fitted.sum(axis=0)
        mean = design.transposed_times(fitted) / rows
        scale = np.sqrt(np.abs(mean) - mean**2)
        free = np.ones((n, 1)) if adjust is None else np.column_stack([np.ones(n), adjust])
        return cls(counts, design, free, np.zeros(n) if offset is None else offset, fitted, rows, scale)

    @property
    def fits(self) -> int:
        return self.fitted.shape[1]


@dataclass(frozen=True, slots=True, eq=False)
class _Point:
    """A value of the coefficients, with all that follows from it."""

    free: Floats  # (q, fits)
    coefficients: Floats  # (p, fits)
    eta: Floats  # (n, fits)
    mean: Floats  # (n, fits)
    loss: Floats  # (fits,): −loglik/n, without ln y!

    @classmethod
    def at(cls, problem: _Problem, free: Floats, coefficients: Floats) -> "_Point":
        eta = problem.design.times(coefficients) + problem.free @ free + problem.offset[:, None]
        with np.errstate(over="ignore"):
            mean = np.exp(eta)
            loss = np.einsum("ij,ij->j", problem.fitted, mean - problem.counts[:, None] * eta) / problem.rows
        return cls(free, coefficients, eta, mean, loss)

    def objective(self, problem: _Problem, share: float, penalty: float) -> Floats:
        scaled = problem.scale * self.coefficients
        return self.loss + penalty * (share * scaled.sum(axis=0) + (1 - share) / 2 * (scaled**2).sum(axis=0))


def penalties(problem: _Problem, share: float, count: int = PENALTIES) -> Floats:
    """The penalties tried: from the smallest at which no candidate enters, down by equal ratios to a ten-thousandth of it."""
    null = _solve_free(problem)
    gradient = _gradient(problem, null)[1][:, 0] / np.maximum(problem.scale[:, 0], 1e-12)
    largest = max(float(-gradient.min()), 1e-10) / share
    return np.geomspace(largest, largest * SMALLEST_PENALTY, count)


def fit_path(problem: _Problem, share: float, sequence: Floats, progress: Progress = silent) -> Path:
    """Fit every penalty of the sequence (descending), each from the solution of the one before.

    Raises
    ------
    FitError
        The optimality conditions cannot be met.
    """
    p, m = problem.design.shape[1], len(sequence)
    intercepts, coefficients = np.zeros((m, problem.fits)), np.zeros((m, p, problem.fits))
    deviance, violation = np.zeros(m), np.zeros(m)
    point = _solve_free(problem)
    hessian = _Hessian(problem)
    for i, penalty in enumerate(sequence):
        point, violation[i] = _minimise(problem, point, share, float(penalty), hessian, part(progress, i / m, (i + 1) / m))
        intercepts[i], coefficients[i] = point.free[0], point.coefficients
        deviance[i] = _held_out_deviance(problem, point)
    return Path(share, sequence, intercepts, coefficients, deviance, violation)


def _solve_free(problem: _Problem) -> _Point:
    """The null model: intercept and adjustments only."""
    q = problem.free.shape[1]
    free = np.zeros((q, problem.fits))
    exposure = problem.fitted.T @ np.exp(problem.offset)
    free[0] = np.log(problem.fitted.T @ problem.counts / exposure)
    point = _Point.at(problem, free, np.zeros((problem.design.shape[1], problem.fits)))
    for _ in range(50 if q > 1 else 0):
        gradient = problem.free.T @ (problem.fitted * (point.mean - problem.counts[:, None]))
        step = np.empty_like(free)
        for k in range(problem.fits):
            weights = problem.fitted[:, k] * point.mean[:, k]
            step[:, k] = np.linalg.solve((problem.free.T * weights) @ problem.free, gradient[:, k])
        point = _Point.at(problem, point.free - step, point.coefficients)
        if np.abs(step).max() < 1e-10:
            break
    return point


def _gradient(problem: _Problem, point: _Point) -> tuple[Floats, Floats]:
    """Of the loss, by the free coefficients (q, fits) and by the candidates' (p, fits)."""
    residual = problem.fitted * (point.mean - problem.counts[:, None])
    return problem.free.T @ residual / problem.rows, problem.design.transposed_times(residual) / problem.rows


def _held_out_deviance(problem: _Problem, point: _Point) -> float:
    """Mean Poisson deviance of every cell under the fit that did not see it."""
    held = np.argmin(problem.fitted, axis=1)[:, None]
    eta = np.take_along_axis(point.eta, held, axis=1)[:, 0]
    mean = np.take_along_axis(point.mean, held, axis=1)[:, 0]
    y = problem.counts
    own = np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0)) - y, 0.0)
    return float(2.0 * (own - (y * eta - mean)).mean())


def _minimise(
    problem: _Problem, point: _Point, share: float, penalty: float, hessian: "_Hessian", progress: Progress
) -> tuple[_Point, float]:
    """Newton steps on a working set, all fits in step, until no column violates its optimality condition."""
    l1 = penalty * share * problem.scale
    l2 = penalty * (1 - share) * problem.scale**2
    objective = point.objective(problem, share, penalty)
    slow = 0
    for round_ in range(_ROUNDS):
        progress(0.0)
        by_free, by_candidate = _gradient(problem, point)
        slope = by_candidate + l1 + l2 * point.coefficients
        wrong = _violations(point.coefficients, slope, by_free, l1)
        worst = wrong.max(axis=0)
        if worst.max() < TOLERANCE:
            return point, float(worst.max())
        if round_ == 0 or slow >= 2:
            hessian.refresh(point, wrong)
            slow = 0
        moved = _step(point, by_free, slope, l2, wrong, worst, hessian)
        trial = _Point.at(problem, *moved)
        new = trial.objective(problem, share, penalty)
        point, reached = _accept(problem, point, trial, objective, new, share, penalty)
        slow += int(np.any(reached > objective - 0.5 * np.abs(objective - new)) or round_ % 6 == 5)
        objective = reached
    if worst.max() < 1e3 * TOLERANCE:
        return point, float(worst.max())
    raise FitError("The elastic net did not reach its optimum; remove factors whose layers are nearly the same.")


def _violations(coefficients: Floats, slope: Floats, by_free: Floats, l1: Floats) -> Floats:
    """(p + q, fits): how far each optimality condition is from holding, as a share of the penalty."""
    unit = np.maximum(l1, 1e-300)
    candidate = np.where(coefficients > 0, np.abs(slope), np.maximum(-slope, 0.0)) / unit
    candidate[l1 <= 0] = 0.0
    return np.vstack([candidate, np.abs(by_free) / np.median(l1, axis=0)])


class _Hessian:
    """A Hessian shared by all fits: correlations from a subsample of rows, diagonals exact for each fit."""

    def __init__(self, problem: _Problem) -> None:
        n = len(problem.counts)
        self._problem = problem
        step = max(1, n // _HESSIAN_ROWS)
        self._rows = np.arange(step // 2, n, step)
        self._columns = np.zeros(0, dtype=np.int64)
        self._sample = np.zeros((len(self._rows), 0))
        self.matrix = np.zeros((0, 0))
        self.diagonal = np.zeros((0, 0))

    def refresh(self, point: _Point, wrong: Floats) -> None:
        """Compute it anew for the columns in use or violated, free columns first."""
        problem = self._problem
        used = np.flatnonzero((point.coefficients > 0).any(axis=1) | (wrong[: problem.design.shape[1]] > 0).any(axis=1))
        if not np.array_equal(used, self._columns):
            self._columns = used
            self._sample = np.hstack([problem.free[self._rows], problem.design.dense(used, self._rows)])
        weights = point.mean[self._rows, 0]
        self.matrix = (self._sample.T * weights) @ self._sample / weights.sum()
        weighted = problem.fitted * point.mean
        free = np.einsum("iq,ij->qj", problem.free**2, weighted)
        binary = np.abs(problem.design.transposed_times(weighted))[used]
        self.diagonal = np.vstack([free, binary]) / problem.rows

    def of(self, fit: int, columns: NDArray[np.int64]) -> Floats:
        """For one fit: free columns and the given candidates (a subset of those in use)."""
        q = self._problem.free.shape[1]
        index = np.concatenate([np.arange(q), q + np.searchsorted(self._columns, columns)])
        block = self.matrix[np.ix_(index, index)]
        size = np.sqrt(np.maximum(np.diag(block), 1e-12))
        target = np.sqrt(self.diagonal[index, fit])
        correlation = block / np.outer(size, size)
        rare = np.diag(block) <= 1e-12
        correlation[rare] = correlation[:, rare] = 0.0
        np.fill_diagonal(correlation, 1.0 + 1e-9)
        return correlation * np.outer(target, target)

    def knows(self, columns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the columns are in use."""
        return np.isin(columns, self._columns)


def _step(
    point: _Point, by_free: Floats, slope: Floats, l2: Floats, wrong: Floats, worst: Floats, hessian: _Hessian
) -> tuple[Floats, Floats]:
    """One Newton step of each fit that is not yet optimal."""
    p, q = len(point.coefficients), len(point.free)
    free, coefficients = point.free.copy(), point.coefficients.copy()
    for k in np.flatnonzero(worst >= TOLERANCE):
        columns = np.flatnonzero((point.coefficients[:, k] > 0) | (wrong[:p, k] > 0))
        columns = columns[hessian.knows(columns)]
        matrix = hessian.of(int(k), columns)
        matrix[np.arange(q, len(matrix)), np.arange(q, len(matrix))] += l2[columns, k]
        gradient = np.concatenate([by_free[:, k], slope[columns, k]])
        start = np.concatenate([point.free[:, k], point.coefficients[columns, k]])
        end = minimise_quadratic(matrix, gradient, start, q)
        free[:, k], coefficients[columns, k] = end[:q], end[q:]
    return free, coefficients


def _accept(
    problem: _Problem, old: _Point, trial: _Point, before: Floats, after: Floats, share: float, penalty: float
) -> tuple[_Point, Floats]:
    """Halve the steps of those fits whose objective rose, until none does."""
    weight = np.ones(problem.fits)
    for _ in range(30):
        rose = ~(after <= before + 1e-13 * (1.0 + np.abs(before)))
        if not rose.any():
            return trial, after
        weight[rose] /= 2
        free = old.free + (trial.free - old.free) * np.where(rose, 0.5, 1.0)
        coefficients = old.coefficients + (trial.coefficients - old.coefficients) * np.where(rose, 0.5, 1.0)
        trial = _Point.at(problem, free, coefficients)
        after = trial.objective(problem, share, penalty)
    return replace(old), before


def minimise_quadratic(matrix: Floats, gradient: Floats, start: Floats, free: int) -> Floats:
    """Minimise ½(x − start)ᵀ·matrix·(x − start) + gradientᵀ(x − start) with x ≥ 0 but for the first `free` entries.

    Active set: solve on the free set, walk to the first bound met, and let go the bound with the steepest descent.

    Parameters
    ----------
    matrix : (d, d) float64, positive definite
    gradient, start : (d,) float64, start ≥ 0 but for the free entries
    free : int

    Examples
    --------
    >>> minimise_quadratic(np.eye(2), np.array([1.0, -2.0]), np.zeros(2), 0).tolist()
    [0.0, 2.0]
    """
    d = len(start)
    x = start.copy()
    bounded = np.arange(d) >= free
    active = bounded & (x <= 0)
    scale = np.sqrt(np.diag(matrix))
    for _ in range(10 * d + 10):
        slope = gradient + matrix @ (x - start)
        inner = np.flatnonzero(~active)
        move = np.zeros(d)
        if len(inner):
            move[inner] = -np.linalg.solve(matrix[np.ix_(inner, inner)], slope[inner])
        falling = np.flatnonzero(bounded & ~active & (x + move < 0))
        if len(falling):
            room = x[falling] / -move[falling]
            length = float(room.min())
            x = x + length * move
            blocked = falling[room <= length * (1 + 1e-12)]
            x[blocked] = 0.0
            active[blocked] = True
            continue
        x = x + move
        steepness = np.where(active, (gradient + matrix @ (x - start)) / scale, 0.0)
        worst = int(np.argmin(steepness))
        if steepness[worst] >= -1e-12 * (1.0 + np.abs(gradient / scale).max()):
            return x
        active[worst] = False
    return x
