"""Small convex quadratic programmes with some variables ≥ 0, and secant estimates of their matrices."""

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..tools.scipy_calls import lapack

_GUESSES = 25


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
            move[inner] = -_solve(matrix[np.ix_(inner, inner)], slope[inner])
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


def minimise_quadratics(matrices: Floats, gradients: Floats, starts: Floats, free: int) -> Floats:
    """`minimise_quadratic` for m programmes at once, fast when the starts are near the solutions.

    Guess which entries are above 0, solve for them, and guess again from the signs found, until the guess holds: the
    primal-dual active set method of Hintermüller, Ito & Kunisch (2002). It rarely cycles; what has not settled
    after some guesses goes to the slower method that always ends.

    Parameters
    ----------
    matrices : (m, d, d) float64, each positive definite
    gradients, starts : (m, d) float64
    free : int

    Examples
    --------
    >>> minimise_quadratics(np.eye(2)[None], np.array([[1.0, -2.0]]), np.zeros((1, 2)), 0).tolist()
    [[0.0, 2.0]]
    """
    target = _times(matrices, starts) - gradients
    above = (starts > 0) | (gradients < 0)
    above[:, :free] = True
    slack = 1e-13 * np.abs(gradients).max(axis=1, keepdims=True)
    result = np.zeros_like(starts)
    todo = np.arange(len(starts))
    for _ in range(_GUESSES):
        matrix, wanted, guess = matrices[todo], target[todo], above[todo]
        x = _solve_above(matrix, wanted, guess)
        slope = _times(matrix, x) - wanted
        now_free = np.where(guess, x > 0, slope < -slack[todo])
        now_free[:, :free] = True
        result[todo], above[todo] = x, now_free
        todo = todo[(now_free != guess).any(axis=1)]
        if not len(todo):
            return result
    for k in todo:
        result[k] = minimise_quadratic(matrices[k], gradients[k], starts[k], free)
    return result


def _times(matrices: Floats, vectors: Floats) -> Floats:
    """(m, d): matrix·vector of each pair; without BLAS, whose threads are not worth waking for it."""
    result: Floats = np.einsum("mij,mj->mi", matrices, vectors)
    return result


def _solve_above(matrices: Floats, targets: Floats, above: NDArray[np.bool_]) -> Floats:
    """Solve matrix·x = target on the entries marked, 0 elsewhere."""
    result = np.zeros_like(targets)
    for matrix, target, marked, x in zip(matrices, targets, above, result, strict=True):
        inner = np.flatnonzero(marked)
        x[inner] = _solve(matrix[np.ix_(inner, inner)], target[inner])
    return result


def _solve(matrix: Floats, target: Floats) -> Floats:
    """matrix⁻¹·target by Cholesky, and by LU where rounding has left the matrix short of positive definite.

    Not LU at once: OpenBLAS cuts even a small one up for its threads, which on a busy machine takes a hundred times
    longer.
    """
    if not len(target):
        return target
    factor, failed = lapack().dpotrf(matrix.T)
    if failed:
        return np.linalg.solve(matrix, target)
    result: Floats = lapack().dpotrs(factor, target)[0]
    return result


def learn_curvature(matrices: Floats, steps: Floats, changes: Floats) -> None:
    """Make each matrix agree, in place, with the change of gradient seen along a step, and stay positive definite.

    H + y·yᵀ/(yᵀs) − H·s·sᵀ·H/(sᵀH·s), the BFGS formula (Nocedal & Wright 2006, eq. 6.19), unless the change is nothing
    like the one expected.

    Parameters
    ----------
    matrices : (m, d, d) float64
    steps, changes : (m, d) float64

    Examples
    --------
    >>> matrix = np.eye(2)[None]
    >>> learn_curvature(matrix, np.array([[1.0, 0.0]]), np.array([[4.0, 0.0]]))
    >>> matrix[0].tolist()
    [[4.0, 0.0], [0.0, 1.0]]
    """
    expected = _times(matrices, steps)
    seen, guessed = (changes * steps).sum(axis=1), (expected * steps).sum(axis=1)
    usable = np.flatnonzero((seen > 0.1 * guessed) & (seen < 10 * guessed))
    gained = changes[usable] / np.sqrt(seen[usable])[:, None]
    lost = expected[usable] / np.sqrt(guessed[usable])[:, None]
    matrices[usable] += gained[:, :, None] * gained[:, None, :] - lost[:, :, None] * lost[:, None, :]
