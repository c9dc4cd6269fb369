"""The elastic net against its own optimality conditions, recomputed here with dense matrices, and against scipy.

Only public functions are used: what `cull` returns holds the whole path of every fold.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from helpers import candidate_set, dense, few, repeatable
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from risk_terrain.rtm_plugin.core.documents.settings import SelectionSettings
from risk_terrain.rtm_plugin.core.errors import FitError
from risk_terrain.rtm_plugin.core.selection.culling import L1_SHARES, cull, stratified_folds
from scipy.optimize import minimize

FOLDS = 4
SETTINGS = SelectionSettings(folds=FOLDS, seed=3)


@cache
def city(seed, n=160):
    """Three factors of nested columns, one of them protective, and counts that two of them raise."""
    random = np.random.default_rng(seed)
    near = random.random((3, n))
    own = {name: [near[i] < cut for cut in (0.15, 0.3, 0.5)] for i, name in enumerate("abc")}
    mean = np.exp(-0.5 + 1.2 * (near[0] < 0.3) - 0.8 * (near[1] < 0.5))
    return random.poisson(mean).astype(float), candidate_set(own, protective=["b"])


@cache
def culled(seed):
    """The culling of that city without exposure."""
    return cull(*city(seed), SETTINGS)


class Problem:
    """One fit of the path in dense form: all rows (fit 0) or those without fold k (fit k)."""

    def __init__(self, counts, candidates, share, fit, offset=None):
        rows = np.ones(len(counts), bool)
        if fit:
            rows = stratified_folds(counts, FOLDS, SETTINGS.seed) != fit - 1
        self.x, self.y = dense(candidates)[rows], counts[rows]
        self.offset = np.zeros(len(self.y)) if offset is None else offset[rows]
        self.scale, self.share = self.x.std(axis=0), share

    def objective(self, beta, intercept, penalty):
        """−loglik/n without ln y!, and the penalty on standardised coefficients."""
        eta = intercept + self.x @ beta + self.offset
        s = self.scale * beta
        return (np.exp(eta) - self.y * eta).mean() + penalty * (self.share * s.sum() + (1 - self.share) / 2 * s @ s)

    def gradient(self, beta, intercept, penalty):
        """By β and by the intercept."""
        residual = np.exp(intercept + self.x @ beta + self.offset) - self.y
        ridge = penalty * (1 - self.share) * self.scale**2 * beta
        return self.x.T @ residual / len(self.y) + penalty * self.share * self.scale + ridge, residual.mean()


def solution(path, i, fit):
    """Adapter: coefficients and intercept of one fit at the i-th penalty."""
    return path.coefficients[i, :, fit], path.intercepts[i, fit]


@repeatable
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(2, 6), st.integers(0, 9))
def test_stratified_folds(counts, folds, seed):
    """Along the sorted counts every block of K cells holds each label once; the seed decides alone."""
    counts = np.array(counts, float)
    labels = stratified_folds(counts, folds, seed)
    assert_array_equal(labels, stratified_folds(counts, folds, seed))
    assert np.ptp(np.bincount(labels, minlength=folds)) <= 1
    assert set(labels.tolist()) <= set(range(folds))
    for least in range(4):  # the cells with the highest counts are dealt out evenly, whatever the cut
        top = np.bincount(labels[counts >= least], minlength=folds)
        assert np.ptp(top) <= 2


def test_blocks_of_distinct_counts():
    """Without ties the blocks are known: each holds every label once."""
    counts = np.random.default_rng(0).permutation(20).astype(float)
    labels = stratified_folds(counts, 5, 1)[np.argsort(-counts)]
    assert np.sort(labels.reshape(4, 5), axis=1).tolist() == [[0, 1, 2, 3, 4]] * 4


def test_ties_and_labels_depend_on_the_seed():
    counts = np.zeros(50)
    assert (stratified_folds(counts, 5, 1) != stratified_folds(counts, 5, 2)).any()


@pytest.mark.parametrize("with_offset", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_optimality_along_the_path(seed, with_offset):
    """At every seventh penalty, for all fits: slope 0 where β > 0, not below 0 where β = 0, to 1e-6 of the penalty."""
    counts, candidates = city(seed)
    offset = np.log(np.random.default_rng(seed).uniform(0.5, 2, len(counts))) if with_offset else None
    culling = cull(counts, candidates, SETTINGS, offset)
    assert tuple(path.l1_share for path in culling.paths) == L1_SHARES
    for path in culling.paths:
        for fit in range(1 + FOLDS):
            problem = Problem(counts, candidates, path.l1_share, fit, offset)
            for i in range(0, len(path.penalties), 7):
                beta, intercept = solution(path, i, fit)
                penalty = path.penalties[i]
                slope, level = problem.gradient(beta, intercept, penalty)
                slope = slope / (penalty * path.l1_share * problem.scale)
                assert (beta >= 0).all()
                assert np.abs(slope[beta > 0]).max(initial=0) < 1e-6
                assert slope[beta == 0].min(initial=0) > -1e-6
                assert abs(level) < 1e-6 * penalty


def test_adjustments_are_free():
    """With an unpenalised column the conditions hold once intercept and column are at their own optimum."""
    counts, candidates = city(3)
    adjust = np.random.default_rng(3).normal(size=(len(counts), 1))
    path = cull(counts, candidates, SETTINGS, None, adjust).paths[0]
    for i in (10, 20, len(path.penalties) - 1):
        beta, intercept = solution(path, i, 0)
        problem = Problem(counts, candidates, path.l1_share, 0)
        free = np.column_stack([np.ones(len(counts)), adjust])
        found = np.zeros(2)
        for _ in range(30):
            mean = np.exp(free @ found + problem.x @ beta)
            found += np.linalg.solve((free.T * mean) @ free, free.T @ (counts - mean))
        assert intercept == pytest.approx(found[0], abs=1e-5)
        problem.offset = adjust[:, 0] * found[1]
        slope, _ = problem.gradient(beta, found[0], path.penalties[i])
        slope = slope / (path.penalties[i] * path.l1_share * problem.scale)
        assert np.abs(slope[beta > 0]).max(initial=0) < 1e-4
        assert slope[beta == 0].min(initial=0) > -1e-4


def test_largest_penalty():
    """λmax is the largest standardised slope at the null model over a; nothing enters there, something just below."""
    counts, candidates = city(4)
    for path in culled(4).paths:
        problem = Problem(counts, candidates, path.l1_share, 0)
        steepest = (problem.x.T @ (counts - counts.mean()) / len(counts) / problem.scale).max()
        assert path.penalties[0] == pytest.approx(steepest / path.l1_share, rel=1e-9)
        assert_allclose(np.diff(np.log(path.penalties)), np.log(1e-4) / 99, rtol=1e-6)
        assert solution(path, 0, 0)[0].max() < 1e-6
        assert solution(path, 1, 0)[0].max() > 1e-3


@pytest.mark.parametrize("fit", [0, 2])
@pytest.mark.parametrize("i", [5, 20, -1])
def test_scipy_cannot_do_better(i, fit):
    """L-BFGS-B from 0 and from the solution finds nothing lower, to 1e-10."""
    counts, candidates = city(5)
    path = culled(5).paths[1]
    problem, penalty = Problem(counts, candidates, path.l1_share, fit), path.penalties[i]
    beta, intercept = solution(path, i, fit)
    own = problem.objective(beta, intercept, penalty)

    def both(z):
        slope, level = problem.gradient(z[:-1], z[-1], penalty)
        return problem.objective(z[:-1], z[-1], penalty), np.append(slope, level)

    bounds = [(0, None)] * len(beta) + [(None, None)]
    for start in (np.zeros(len(beta) + 1), np.append(beta, intercept)):
        other = minimize(both, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9})
        assert own <= other.fun + 1e-10
        assert own == pytest.approx(other.fun, abs=1e-7)


def test_cross_validated_deviance():
    """Mean Poisson deviance of each cell under the fit that did not see it; the winner has the lowest."""
    counts, candidates = city(6)
    culling = culled(6)
    labels, x = stratified_folds(counts, FOLDS, SETTINGS.seed), dense(candidates)
    for path in culling.paths:
        for i in (0, 20, -1):
            fits = [solution(path, i, k + 1) for k in range(FOLDS)]
            eta = np.array([fits[k][1] + x[c] @ fits[k][0] for c, k in enumerate(labels)])
            own = np.where(counts > 0, counts * np.log(np.maximum(counts, 1)) - counts, 0)
            expected = 2 * (own - counts * eta + np.exp(eta)).mean()
            assert path.deviance[i] == pytest.approx(expected, rel=1e-6)
    assert culling.deviance == min(path.deviance.min() for path in culling.paths)
    winner = next(path for path in culling.paths if path.l1_share == culling.l1_share)
    best = int(np.flatnonzero(winner.penalties == culling.penalty)[0])
    alive = solution(winner, best, 0)[0] > 0
    assert culling.survivors == tuple(c.name for c, a in zip(candidates.candidates, alive, strict=True) if a)
    assert {name[0] for name in culling.survivors} >= {"a", "b"}


@st.composite
def awkward(draw):
    """Counts and columns over 16 cells: duplicates across factors, nested, all ones, and sides without events."""
    n = 16
    column = st.lists(st.booleans(), min_size=n, max_size=n).map(np.array)
    counts = np.array(draw(st.lists(st.sampled_from([0, 0, 0, 1, 2, 9]), min_size=n, max_size=n)), float)
    counts[:FOLDS] += 1  # never fewer cells with events than folds
    a, b = draw(column), draw(column)
    own = {"a": [a, a | b], "same": [a], "nested": [a & b, a], "ones": [np.ones(n)], "events": [counts > 0, counts > 1]}
    return counts, candidate_set(own, draw(st.sampled_from([(), ("events",), ("a", "nested")])))


@settings(few, max_examples=8)
@given(awkward())
def test_awkward_columns(case):
    """Never NaN or infinity, never below 0; a constant column never enters."""
    counts, candidates = case
    culling = cull(counts, candidates, SETTINGS)
    for path in culling.paths:
        for part in (path.coefficients, path.intercepts, path.deviance, path.penalties):
            assert np.isfinite(part).all()
        assert (path.coefficients >= 0).all()
        assert (np.diff(path.penalties) < 0).all()
    assert "ones_proximity_1" not in culling.survivors


def test_a_path_that_ends_early_ends_beyond_its_best():
    """The penalties are the first of a hundred; fewer only when the deviance has clearly turned."""
    for seed in range(4, 10):
        for path in culled(seed).paths:
            whole = len(path.penalties) == 100
            assert whole or path.deviance[-1] > path.deviance[path.best]
            assert path.best < len(path.penalties) - 1 or whole
            assert len(path.deviance) == len(path.coefficients) == len(path.intercepts) == len(path.penalties)


def test_several_draws_of_the_folds_are_averaged():
    """Penalty by penalty; the fit to all cells, which decides who survives, is that of a single draw."""
    counts, candidates = city(5)
    drawn = cull(counts, candidates, replace(SETTINGS, draws=3))
    singles = [cull(counts, candidates, replace(SETTINGS, seed=SETTINGS.seed + k), full_path=True) for k in range(3)]
    for j, path in enumerate(drawn.paths):
        own = [single.paths[j] for single in singles]
        assert_allclose(path.deviance, np.mean([one.deviance for one in own], axis=0), rtol=1e-9)
        assert_allclose(path.coefficients[..., 0], own[1].coefficients[..., 0], rtol=1e-5, atol=1e-7)
    assert np.ptp([single.deviance for single in singles]) > 0
    winner = next(path for path in drawn.paths if path.l1_share == drawn.l1_share)
    assert (drawn.penalty, drawn.deviance) == (
        winner.penalties[winner.best],
        min(p.deviance.min() for p in drawn.paths),
    )
    assert drawn.draws == 3


def test_fewer_cells_with_events_than_folds():
    counts, candidates = city(7)
    few_events = np.where(np.arange(len(counts)) < 3, 5.0, 0.0)
    with pytest.raises(FitError) as refusal:
        cull(few_events, candidates, SETTINGS)
    assert str(refusal.value) == (
        "Only 3 cells have events, fewer than the 4 folds of the cross-validation; "
        "use more events, larger cells or fewer folds."
    )
