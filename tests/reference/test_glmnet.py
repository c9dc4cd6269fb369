"""Our elastic-net path against R's glmnet on a small problem (glmnet_small.R, which made the stored numbers)."""

import json
from pathlib import Path

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.candidates.columns import Candidate, CandidateSet, DesignMatrix, FactorCandidates
from risk_terrain.rtm_plugin.core.selection import culling

HERE = Path(__file__).parent
FOLDS = 5
PATHS = json.loads((HERE / "glmnet_small.json").read_text())


def small_data():
    """Names of the columns, the columns (n, 13), counts and fold labels."""
    names = (HERE / "glmnet_small.csv").read_text().splitlines()[0].replace('"', "").split(",")
    values = np.loadtxt(HERE / "glmnet_small.csv", delimiter=",", skiprows=1)
    return names[:-2], values[:, :-2], values[:, -2], values[:, -1].astype(np.int64)


def candidate_set(names, columns):
    """Columns as candidates, one factor for each first letter; a column with −1 is protective."""
    blocks = []
    for letter in dict.fromkeys(name[0] for name in names):
        of_factor = [j for j, name in enumerate(names) if name[0] == letter]
        directions = ["protective" if (columns[:, j] < 0).any() else "aggravating" for j in of_factor]
        candidates = [
            Candidate(names[j], letter, "proximity", float(i), direction)
            for i, (j, direction) in enumerate(zip(of_factor, directions, strict=True), 1)
        ]
        blocks.append(FactorCandidates.from_columns(candidates, [columns[:, j] != 0 for j in of_factor]))
    return CandidateSet(tuple(blocks))


def our_path(share, count):
    """The one place that knows how the core's elastic net is called: its own penalties, then the path over them."""
    names, columns, counts, labels = small_data()
    design = DesignMatrix(candidate_set(names, columns))
    problem = culling._Problem.build(counts, design, labels, FOLDS)
    return culling.fit_path(problem, share, culling.penalties(problem, share, count))


def objective(intercept, coefficients, rows, share, penalty):
    """method.md §4.1 written out, on the given rows."""
    _, columns, counts, _ = small_data()
    x, y = columns[rows], counts[rows]
    eta = intercept + x @ coefficients
    scaled = x.std(axis=0) * coefficients
    return np.mean(np.exp(eta) - y * eta) + penalty * (share * scaled.sum() + (1 - share) / 2 * (scaled**2).sum())


@pytest.fixture(scope="module", params=range(len(PATHS)), ids=[f"share {p['l1_share']}" for p in PATHS])
def both(request):
    stored = PATHS[request.param]
    return our_path(stored["l1_share"], len(stored["penalties"])), stored


def test_penalties_are_the_same(both):
    ours, stored = both
    np.testing.assert_allclose(ours.penalties, stored["penalties"], rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("fit", range(FOLDS + 1))
def test_objective_is_not_above_glmnets(both, fit):
    ours, stored = both
    labels = small_data()[3]
    rows = labels != fit - 1
    theirs = stored["fits"][fit]
    for i, penalty in enumerate(ours.penalties):
        own = objective(ours.intercepts[i, fit], ours.coefficients[i, :, fit], rows, ours.l1_share, penalty)
        reference = objective(theirs["intercept"][i], np.array(theirs["coefficients"][i]), rows, ours.l1_share, penalty)
        assert own <= reference + 1e-10


@pytest.mark.parametrize("fit", range(FOLDS + 1))
def test_coefficients_are_glmnets(both, fit):
    ours, stored = both
    np.testing.assert_allclose(ours.coefficients[:, :, fit], stored["fits"][fit]["coefficients"], atol=1e-3)
    np.testing.assert_allclose(ours.intercepts[:, fit], stored["fits"][fit]["intercept"], atol=1e-3)


def test_cross_validated_deviance_and_choice(both):
    ours, stored = both
    np.testing.assert_allclose(ours.deviance, stored["deviance"], atol=1e-6)
    assert ours.best == stored["best"]


def test_survivors_are_glmnets(both):
    ours, stored = both
    kept = np.array(stored["fits"][0]["coefficients"][stored["best"]]) > 0
    np.testing.assert_array_equal(ours.coefficients[ours.best, :, 0] > 0, kept)
