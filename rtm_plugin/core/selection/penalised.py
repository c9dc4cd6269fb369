"""Poisson regression with an elastic-net penalty and coefficients ≥ 0: all fits of a cross-validation in step.

Newton steps use an exact gradient and an approximate Hessian that learns from every step (quadratic.learn_curvature):
it decides how fast the optimum is found and never where it is, for the optimality conditions are checked on all
columns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..candidates.columns import DesignMatrix
from ..errors import FitError
from .fold_rows import FoldRows
from .quadratic import learn_curvature, minimise_quadratics

TOLERANCE = 5e-7  # of the penalty on a column: largest violation of an optimality condition
_NEAR = 0.3  # of the penalty: columns whose condition is nearer than that to failing join the working set
_ROUNDS = 120
_EARLY = 4  # rounds after which a step that does not halve the violation is slow
_PATIENCE = 12  # rounds before the Hessian is computed afresh, for each fit by itself
_LONGEST_STEP = 3.0  # of a coefficient: e³ is far enough from where the Hessian was true
_DEAD = 1e-9  # standard deviation of a constant column


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Problem:
    """What the fits share. Fit 0 is to all rows, fit k to those outside fold k − 1; rows are sorted by fold.

    Parameters
    ----------
    design : DesignMatrix
    bounds : (folds + 1,) int64
        Where each fold begins.
    offset : (n,) float64 or None
    adjust : (n, q − 1) float64 or None
    cells : FoldRows
        All rows and columns.
    size : (fits,) float64
        Rows of each fit.
    scale : (q + p, fits) float64
        The s_j; 0 for the free columns, and 1 for columns that are constant in a fit and so stay out of it.
    dead : (q + p, fits) bool
        Those constant columns.
    events : (q + p, fits) float64
        Σ y·x over the rows of each fit.
    held : (q + p, folds) float64
        Σ y·x over the rows of each fold.
    saturated : float
        Σ y·ln y − y − y·offset, for the deviance.
    """

    design: DesignMatrix
    bounds: NDArray[np.int64]
    offset: Floats | None
    adjust: Floats | None
    cells: FoldRows
    size: Floats
    scale: Floats
    dead: NDArray[np.bool_]
    events: Floats
    held: Floats
    saturated: float

    @classmethod
    def build(
        cls,
        counts: Floats,
        design: DesignMatrix,
        labels: NDArray[np.int64],
        folds: int,
        offset: Floats | None = None,
        adjust: Floats | None = None,
    ) -> "Problem":
        """Sort by fold, and sum what does not depend on the coefficients."""
        order = np.argsort(labels, kind="stable")
        bounds = np.searchsorted(labels[order], np.arange(folds + 1))
        design, counts = design.rows(order), counts[order]
        offset = None if offset is None else offset[order]
        adjust = None if adjust is None else adjust[order]
        labels = labels[order]
        free = [np.ones(len(counts))] if adjust is None else [np.ones(len(counts)), *adjust.T]
        held = np.array([np.bincount(labels, counts * column, folds) for column in free])
        held = np.vstack([held, design.sums(labels, folds, counts)])
        exposed = np.vstack([np.zeros((len(free), folds)), design.sums(labels, folds)])
        size = _without_each(np.diff(bounds)[None].astype(np.float64))[0]
        share = np.abs(_without_each(exposed)) / size
        scale = np.sqrt(np.maximum(share - share**2, 0.0))
        dead = scale <= _DEAD
        dead[: len(free)] = False
        events = _without_each(held)
        if (events[0] <= 0).any():
            raise FitError("All events are in one fold of the cross-validation; use more events or fewer folds.")
        logs = np.log(np.where(counts > 0, counts, 1.0)) - (0.0 if offset is None else offset)
        cells = FoldRows(design, bounds, offset, adjust)
        saturated = float((counts * logs - counts).sum())
        scale[dead] = 1.0
        return cls(
            design=design,
            bounds=bounds,
            offset=offset,
            adjust=adjust,
            cells=cells,
            size=size,
            scale=scale,
            dead=dead,
            events=events,
            held=held,
            saturated=saturated,
        )

    @property
    def free(self) -> int:
        """Number of unpenalised columns, the intercept first."""
        return 1 if self.adjust is None else 1 + self.adjust.shape[1]

    def deviance(self, point: "Point") -> float:
        """Mean Poisson deviance of every row under the fit that did not see it."""
        fitted = float((point.coefficients[:, 1:] * self.held).sum() - point.held[1:].sum())
        return 2.0 * (self.saturated - fitted) / float(self.size[0])


def _without_each(by_fold: Floats) -> Floats:
    """(…, 1 + folds): the sum over all folds, then without each."""
    total = by_fold.sum(axis=1, keepdims=True)
    return np.hstack([total, total - by_fold])


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """Coefficients of all fits, with what follows from them.

    coefficients, gradient : (q + p, fits), the gradient that of the loss, 0 for columns it was not computed for;
    loss : (fits,), −loglik/n but for what does not depend on the coefficients; held : (fits,), Σ μ over the fold that
    the fit did not see; complete : whether the gradient is of all columns.
    """

    coefficients: Floats
    gradient: Floats
    loss: Floats
    held: Floats
    complete: bool


@dataclass(frozen=True, slots=True, eq=False)
class Penalty:
    """l1, l2, unit : (q + p, fits): the two penalties on each column, and what a violation is a share of."""

    l1: Floats
    l2: Floats
    unit: Floats

    @classmethod
    def of(cls, problem: Problem, share: float, penalty: float) -> "Penalty":
        l1 = penalty * share * problem.scale
        unit = l1.copy()
        unit[: problem.free] = np.median(np.where(problem.dead, 0.0, l1)[problem.free :], axis=0)
        return cls(l1, penalty * (1 - share) * problem.scale**2, np.maximum(unit, _noise(problem) / TOLERANCE))

    def objective(self, point: Point) -> Floats:
        x = point.coefficients
        return point.loss + (self.l1 * x + self.l2 / 2 * x**2).sum(axis=0)

    def slope(self, point: Point) -> Floats:
        """Derivative of the objective for coefficients ≥ 0."""
        return point.gradient + self.l1 + self.l2 * point.coefficients

    def violation(self, point: Point, slope: Floats, free: int) -> Floats:
        """(q + p, fits): how far each optimality condition is from holding, as a share of the penalty on the column."""
        inside = point.coefficients > 0
        inside[:free] = True
        return np.where(inside, np.abs(slope), np.maximum(-slope, 0.0)) / self.unit


def _noise(problem: Problem) -> Floats:
    """(fits,): what rounding leaves of a gradient that is 0, as a rule."""
    return 64 * np.finfo(np.float64).eps * problem.events[0] / problem.size


class Solver:
    """Minimises over all fits in step, and carries what it learns of the Hessian from one penalty to the next."""

    def __init__(self, problem: Problem, tick: Callable[[], None]) -> None:
        self._problem, self._tick = problem, tick
        self._free = problem.free
        self._all = np.arange(len(problem.size))
        self._columns = np.zeros(0, dtype=np.int64)  # the working set: places among q + p
        self._rows = problem.cells
        self._hessian = np.zeros((len(problem.size), 0, 0))
        self._missed = np.zeros_like(problem.scale)  # by the first step at the penalty before

    def null(self) -> Point:
        """The fit without candidates."""
        problem = self._problem
        offset = np.zeros((len(problem.scale), len(problem.size)))
        expected, _ = problem.cells.expected(offset, self._all, self._tick)
        start = np.zeros_like(offset)
        start[0] = np.log(problem.events[0] / expected[0])
        out_of_reach = np.full_like(start, 1e100)
        out_of_reach[: self._free] = 0.0
        unit = np.ones_like(start) * np.maximum(1e-3 * problem.events[0] / problem.size, 1e-300)
        return self.minimise(self._everywhere(start), Penalty(out_of_reach, np.zeros_like(start), unit))[0]

    def minimise(self, point: Point, penalty: Penalty) -> tuple[Point, float]:
        """The optimum, and the largest violation left."""
        stuck = False
        shrinkage, before = 1.0, 0.0
        first: Floats | None = None
        for rounds in range(_ROUNDS):
            slope = penalty.slope(point)
            wrong = penalty.violation(point, slope, self._free)
            worst = float(wrong.max())
            if worst < TOLERANCE:
                if point.complete:
                    self._missed = point.coefficients - first if first is not None else np.zeros_like(self._missed)
                    return point, worst
                point = self._everywhere(point.coefficients)
                continue
            slow = rounds >= _EARLY and worst > before / 2
            self._prepare(point, slope, wrong, slow, stuck or rounds % _PATIENCE == _PATIENCE - 1)
            fits = np.flatnonzero(wrong.max(axis=0) >= TOLERANCE)
            step = self._newton(point, slope, penalty.l2, fits)
            if first is None:
                first = point.coefficients + step
                settled = (point.coefficients > 0) & (first > 0)
                settled[: self._free] = True
                step = np.where(settled, step + self._missed, step)
            if before > 0:
                shrinkage = min(worst / before, 1.0)
            before = worst
            last = worst * shrinkage < TOLERANCE
            evaluate = self._everywhere if last else partial(self._moved, point, fits)
            lower = self._walk(point, step, penalty, evaluate)
            stuck = lower is None
            point = point if lower is None else lower
        if worst < 1e3 * TOLERANCE:
            return self._everywhere(point.coefficients), worst
        raise FitError("The elastic net did not reach its optimum; remove factors whose layers are nearly the same.")

    def _everywhere(self, coefficients: Floats) -> Point:
        """All fits, with the gradient of all columns."""
        problem = self._problem
        with np.errstate(over="ignore", invalid="ignore"):
            expected, held = problem.cells.expected(coefficients, self._all, self._tick)
            gradient = (expected - problem.events) / problem.size
            loss = (expected[0] - (coefficients * problem.events).sum(axis=0)) / problem.size
        gradient[problem.dead] = 0.0
        return Point(coefficients, gradient, loss, held, True)

    def _moved(self, point: Point, fits: NDArray[np.int64], coefficients: Floats) -> Point:
        """The point with these fits at other coefficients, with the gradient of the working set."""
        problem, here = self._problem, np.ix_(self._columns, fits)
        size, events = problem.size[fits], problem.events[here]
        gradient, loss, held = np.zeros_like(coefficients), point.loss.copy(), point.held.copy()
        gradient[self._columns] = point.gradient[self._columns]
        moved = coefficients[here]
        with np.errstate(over="ignore", invalid="ignore"):
            expected, held[fits] = self._rows.expected(moved, fits, self._tick)
            gradient[here] = np.where(problem.dead[here], 0.0, (expected - events) / size)
            loss[fits] = (expected[0] - (moved * events).sum(axis=0)) / size
        return Point(coefficients, gradient, loss, held, False)

    def _prepare(self, point: Point, slope: Floats, wrong: Floats, slow: bool, lost: bool) -> None:
        """Widen the working set when a column outside it must move; then, or in trouble, compute the Hessian afresh.

        As a rule from a part of the rows, at the coefficients of fit 0; when slow from all rows, and when lost for each
        fit by itself.
        """
        problem = self._problem
        must = (point.coefficients > 0) | (wrong > 0)
        must[: self._free] = True
        outside = must.any(axis=1)
        outside[self._columns] = False
        if outside.any():
            near = slope < _NEAR * (slope - point.gradient)
            self._columns = np.flatnonzero((must | near).any(axis=1))
            design = problem.design.only(self._columns[self._free :] - self._free)
            self._tick()
            self._rows = FoldRows(design, problem.bounds, problem.offset, problem.adjust)
        elif not slow and not lost:
            return
        x = point.coefficients[self._columns]
        by_fold = self._rows.curvature(x[:, 0], self._tick, slow or lost)
        total = by_fold.sum(axis=0)
        self._hessian = np.concatenate([total[None], total - by_fold])
        if lost:
            for k in range(1, len(by_fold) + 1):
                by_fold = self._rows.curvature(x[:, k], self._tick)
                self._hessian[k] = by_fold.sum(axis=0) - by_fold[k - 1]
        dead = problem.dead[self._columns].T
        self._hessian[dead[:, :, None] | dead[:, None, :]] = 0.0
        self._hessian /= problem.size[:, None, None]
        diagonal = np.arange(len(self._columns))
        self._hessian[:, diagonal, diagonal] *= 1 + 1e-10
        self._hessian[:, diagonal, diagonal] += dead

    def _newton(self, point: Point, slope: Floats, l2: Floats, todo: NDArray[np.int64]) -> Floats:
        """(q + p, fits): the step to the minimum of the quadratic model, for the fits that are not yet optimal."""
        start, gradient = point.coefficients[self._columns][:, todo], slope[self._columns][:, todo]
        moving = ((start > 0) | (gradient < 0)).any(axis=1)
        moving[: self._free] = True
        inside = np.flatnonzero(moving)
        columns = self._columns[inside]
        matrix = self._hessian[todo[:, None, None], inside[:, None], inside]
        diagonal = np.arange(len(inside))
        matrix[:, diagonal, diagonal] += l2[columns][:, todo].T
        end = minimise_quadratics(matrix, gradient[inside].T, start[inside].T, self._free)
        step = np.zeros_like(slope)
        step[columns[:, None], todo] = end.T - start[inside]
        return step * np.minimum(1.0, _LONGEST_STEP / np.maximum(np.abs(step).max(axis=0), 1e-300))

    def _walk(self, point: Point, step: Floats, penalty: Penalty, evaluate: Callable[[Floats], Point]) -> Point | None:
        """The point after the step, which is halved while the objective would rise; None where it always would.

        `evaluate` makes a point of coefficients: of all fits with all gradients, where the step may well be the last
        one, and of those that move otherwise.
        """
        before = penalty.objective(point)
        allowed = before + 1e-12 * (1.0 + np.abs(before)) + 4 * _noise(self._problem)
        for _ in range(40):
            end = point.coefficients + step
            end[self._free :] = np.maximum(end[self._free :], 0.0)
            trial = evaluate(end)
            rose = ~(penalty.objective(trial) <= allowed)
            if not rose.any():
                break
            step = np.where(rose, step / 2, step)
        else:
            return None
        moved = (trial.coefficients - point.coefficients)[self._columns]
        learn_curvature(self._hessian, moved.T, (trial.gradient - point.gradient)[self._columns].T)
        return trial
