"""Stepwise selection against the same rules written plainly with statsmodels, one fit of all cells at a time."""

import numpy as np
import pytest
from helpers import candidate_set
from risk_terrain.rtm_plugin.core.regression.likelihood import Rows, fit
from risk_terrain.rtm_plugin.core.selection.stepwise import P_LIMIT, profile, select
from statsmodels.discrete.discrete_model import NegativeBinomial, Poisson

FAMILIES = ["poisson", "nb1", "nb2"]


def city(seed, n=300):
    """Three factors of three nested columns, the last protective; two of them matter; NB1 counts with σ = 1."""
    random = np.random.default_rng(seed)
    near = random.random((3, n))
    own = {name: [near[i] < cut for cut in (0.15, 0.35, 0.6)] for i, name in enumerate("abc")}
    mean = np.exp(-0.3 + 1.0 * (near[0] < 0.35) - 0.9 * (near[2] < 0.6))
    return random.negative_binomial(mean, 0.5).astype(float), candidate_set(own, protective=["c"])


def columns(candidates, names):
    """Their signed columns, (n, k)."""
    chosen = [candidates[name].sign * candidates.column(name) for name in names]
    return np.array(chosen).reshape(len(names), candidates.cells).T


def plain_fit(family, counts, candidates, names):
    """BIC of a model fitted by statsmodels, and whether its signs and p-values are admissible."""
    matrix = np.column_stack([np.ones(len(counts)), columns(candidates, names)])
    if family == "poisson":
        found = Poisson(counts, matrix).fit(disp=0, method="newton")
    else:
        start = np.append(Poisson(counts, matrix).fit(disp=0).params, 1.0)
        model = NegativeBinomial(counts, matrix, loglike_method=family)
        found = model.fit(start_params=start, disp=0, method="bfgs", gtol=1e-5, maxiter=500)
    bic = -2 * found.llf + len(found.params) * np.log(len(counts))
    own = slice(1, 1 + len(names))
    fine = (np.asarray(found.params)[own] > 0).all() and (np.asarray(found.pvalues)[own] <= 0.05).all()
    return bic, bool(fine)


def plain_select(family, counts, candidates):
    """Add, remove or swap: whichever admissible model has the lowest BIC, until none is lower."""
    factor_of = {c.name: c.factor for c in candidates.candidates}
    names, lowest, trace = [], plain_fit(family, counts, candidates, [])[0], []
    while True:
        trials = [[m for m in names if m != out] for out in names]
        for name, factor in factor_of.items():
            if name not in names:
                trials.append([*(m for m in names if factor_of[m] != factor), name])
        fits = [(*plain_fit(family, counts, candidates, trial), trial) for trial in trials]
        bic, _, best = min((f for f in fits if f[1]), default=(np.inf, True, []))
        if bic >= lowest - 1e-6:
            return names, trace
        names, lowest = best, bic
        trace.append((sorted(names), lowest))


@pytest.mark.parametrize("seed", range(1, 7))
@pytest.mark.parametrize("family", FAMILIES)
def test_against_plain_selection(family, seed):
    """The same variables in the same order of BIC, each to 1e-3, step by step."""
    counts, candidates = city(seed)
    names, trace = plain_select(family, counts, candidates)
    found = select(family, counts, candidates)
    assert sorted(c.name for c in found.candidates) == sorted(names)
    assert [step.bic for step in found.steps[1:]] == pytest.approx([bic for _, bic in trace], abs=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_rules_hold(family):
    """BIC falls at every step; one variable a factor; every coefficient above 0; every p ≤ 0.05."""
    counts, candidates = city(11)
    found = select(family, counts, candidates)
    path = [step.bic for step in found.steps]
    assert len(path) > 1
    assert (np.diff(path) < 0).all()
    assert found.steps[0].move == "start"
    assert found.fit.bic == path[-1]
    factors = [c.factor for c in found.candidates]
    assert len(set(factors)) == len(factors)
    assert (found.fit.coefficients[1:] > 0).all()
    assert (found.fit.p_values[1:] <= P_LIMIT).all()


def test_final_fit_is_the_fit_of_its_columns():
    """Grouping the cells changes nothing: the same fit cell by cell, offset and adjustment included."""
    counts, candidates = city(12)
    random = np.random.default_rng(12)
    offset, adjust = np.log(random.integers(1, 4, len(counts))), random.integers(0, 2, (len(counts), 1)).astype(float)
    found = select("nb1", counts, candidates, offset, adjust)
    names = [c.name for c in found.candidates]
    design = np.hstack([columns(candidates, names), adjust])
    direct = fit("nb1", Rows(design, counts, np.ones(len(counts)), offset))
    assert len(names) >= 2
    assert found.fit.coefficients == pytest.approx(direct.coefficients, abs=1e-6)
    assert found.fit.log_likelihood == pytest.approx(direct.log_likelihood, abs=1e-8)
    assert found.fit.bic == pytest.approx(direct.bic, abs=1e-8)


def test_protective_factor_is_found():
    """Exposed cells have a third of the events: one variable, RRV 3. As an aggravating factor it is refused."""
    column = np.tile([0, 1], 60)
    counts = np.where(column, 1.0, 3.0) + np.tile([0.0, 0.0, 1.0, 1.0, -1.0, -1.0], 20)
    guarded = select("poisson", counts, candidate_set({"police": [column]}, protective=["police"]))
    assert [c.name for c in guarded.candidates] == ["police_proximity_1"]
    assert np.exp(guarded.fit.coefficients[1]) == pytest.approx(3, rel=1e-9)
    assert select("poisson", counts, candidate_set({"police": [column]})).candidates == ()


def test_swap():
    """a1, the ground of a2 or b, is the best single variable; once b is in, a2 says the rest better."""
    kind = np.repeat([0, 1, 2, 3], 40)  # neither, only a2, only b, both
    noise = np.tile([-1.0, 0.0, 0.0, 1.0], 40)
    counts = np.where(kind == 0, np.tile([0.0, 1.0], 80), np.array([0.0, 4.0, 4.0, 8.0])[kind] + noise * (kind < 3))
    candidates = candidate_set({"a": [kind > 0, (kind == 1) | (kind == 3)], "b": [kind >= 2]})
    found = select("poisson", counts, candidates)
    assert [(step.move, step.name, step.replaced) for step in found.steps] == [
        ("start", "", ""),
        ("add", "a_proximity_1", ""),
        ("add", "b_proximity_1", ""),
        ("swap", "a_proximity_2", "a_proximity_1"),
    ]


def test_nothing_to_find():
    """Counts that no column moves: the null model."""
    counts = np.tile([0.0, 1.0, 0.0, 1.0], 30)
    found = select("poisson", counts, candidate_set({"a": [np.tile([0, 0, 1, 1], 30)]}))
    assert found.candidates == ()
    assert [step.move for step in found.steps] == ["start"]


@pytest.mark.parametrize("family", FAMILIES)
def test_profile(family):
    """BIC of the final model with each variable in its factor's place; the chosen ones give the final BIC."""
    counts, candidates = city(13)
    found = select(family, counts, candidates)
    table = profile(family, counts, found, candidates)
    assert set(table) == {c.name for c in candidates.candidates}
    for chosen in found.candidates:
        assert table[chosen.name] == pytest.approx(found.fit.bic, abs=1e-6)
    for name in table:
        others = [c.name for c in found.candidates if c.factor != candidates[name].factor]
        expected, _ = plain_fit(family, counts, candidates, [*others, name])
        assert table[name] == pytest.approx(expected, abs=1e-3)
