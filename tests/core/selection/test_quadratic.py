"""The bounded quadratic minimum of the elastic net's steps, against scipy and against trying everything."""

import numpy as np
from helpers import repeatable
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from risk_terrain.rtm_plugin.core.selection.quadratic import minimise_quadratic
from scipy.optimize import nnls


@repeatable
@given(st.integers(1, 7), st.integers(0, 10_000))
def test_minimise_quadratic(d, seed):
    """All entries bounded: non-negative least squares, ‖Lᵀx − z‖² with matrix LLᵀ, by scipy."""
    random = np.random.default_rng(seed)
    lower = np.tril(random.normal(size=(d, d))) + 2 * np.eye(d)
    target, start = random.normal(size=d), np.maximum(random.normal(size=d), 0)
    matrix = lower @ lower.T
    gradient = matrix @ start - lower @ target  # of ½‖Lᵀx − target‖² at the start
    found = minimise_quadratic(matrix, gradient, start, 0)
    assert_allclose(found, nnls(lower.T, target)[0], atol=1e-8)


@repeatable
@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 10_000))
def test_minimise_quadratic_with_free_entries(free, bounded, seed):
    """By trying every set of bounded entries at 0: the one feasible solution that has no descent left."""
    random = np.random.default_rng(seed)
    d = free + bounded
    root = random.normal(size=(d, d + 2))
    matrix, gradient = root @ root.T + 0.1 * np.eye(d), random.normal(size=d) * 5
    start = np.append(random.normal(size=free), np.maximum(random.normal(size=bounded), 0))
    found = minimise_quadratic(matrix, gradient, start, free)
    best = np.inf
    for chosen in range(2**bounded):
        inner = np.append(np.ones(free, bool), [(chosen >> j) & 1 == 1 for j in range(bounded)])
        x = np.zeros(d)
        linear = gradient - matrix @ start
        x[inner] = np.linalg.solve(matrix[np.ix_(inner, inner)], -linear[inner])
        if (x[free:] >= 0).all():
            value = x @ matrix @ x / 2 + linear @ x
            if value < best:
                best, expected = value, x
    assert_allclose(found, expected, atol=1e-7)
