"""The terrain of all candidates: the elastic net's own rates, honest where it is fitted on."""

import numpy as np
import pytest
from helpers import candidate_set
from risk_terrain.rtm_plugin.core.candidates.covariates import observe
from risk_terrain.rtm_plugin.core.documents.settings import SelectionSettings
from risk_terrain.rtm_plugin.core.errors import Cancelled
from risk_terrain.rtm_plugin.core.forecast.wide_terrain import FOLDS, SEED, wide_terrain
from risk_terrain.rtm_plugin.core.ground.grid import Grid
from risk_terrain.rtm_plugin.core.selection.culling import cull, stratified_folds


def city(cells=4000, seed=1):
    """Three rings of a factor that matter, one useless factor, and counts."""
    random = np.random.default_rng(seed)
    distance = random.uniform(0, 6, cells)
    rings = [distance < k for k in (1, 2, 4)]
    noise = [random.random(cells) < p for p in (0.1, 0.4)]
    rate = 0.3 * np.exp(0.7 * rings[0] + 0.5 * rings[1] + 0.6 * rings[2])
    return candidate_set({"a": rings, "b": noise}), rate, random.poisson(rate).astype(float)


def seen(candidates, counts=None):
    """Observations of cells in one row."""
    counts = np.zeros(candidates.cells) if counts is None else counts
    return observe(Grid(0.0, 1.0, 1.0, 2.0, np.ones((1, candidates.cells), bool)), counts, candidates, None)


def test_rates_are_found():
    candidates, rate, counts = city()
    found = wide_terrain(seen(candidates), counts)
    for values in (found.expected, found.unseen):
        ratio = values / rate
        assert np.std(np.log(ratio)) < 0.1


def test_each_fold_has_a_fit_of_its_own():
    """Cells of one fold and pattern are told the same, those of another fold something else."""
    candidates, _, counts = city()
    labels = stratified_folds(counts, FOLDS, SEED)
    found = wide_terrain(seen(candidates), counts)
    fits = {}
    for fold in range(FOLDS):
        inside = labels == fold
        patterns = np.array(list(candidates.columns()))[:, inside]
        for pattern, value in zip(patterns.T, found.unseen[inside], strict=True):
            fits.setdefault((fold, *pattern.tolist()), set()).add(round(float(np.log(value)), 9))
    assert all(len(values) == 1 for values in fits.values()), "one fold, one fit"
    same = {key[1:] for key in fits}
    some = [pattern for pattern in same if (0, *pattern) in fits and (1, *pattern) in fits]
    assert any(fits[(0, *p)] != fits[(1, *p)] for p in some), "each fold has a fit of its own"
    assert not np.array_equal(found.unseen, found.expected)


def test_exposure_multiplies():
    candidates, rate, _ = city()
    random = np.random.default_rng(3)
    exposure = random.uniform(0.5, 5.0, len(rate))
    counts = random.poisson(rate * exposure).astype(float)
    found = wide_terrain(seen(candidates), counts, np.log(exposure))
    assert np.std(np.log(found.expected / (rate * exposure))) < 0.1


@pytest.mark.parametrize("events", [0, 1, 4])
def test_too_few_events_make_none(events):
    candidates, _, counts = city()
    few = np.zeros_like(counts)
    few[:events] = 1
    assert wide_terrain(seen(candidates), few) is None


def test_candidates_that_do_not_vary_make_none():
    assert wide_terrain(seen(candidate_set({"a": [np.ones(50)], "b": [np.zeros(50)]})), np.ones(50)) is None


def test_cancel_is_heard():
    def stop(fraction):
        raise Cancelled

    candidates, _, counts = city()
    with pytest.raises(Cancelled):
        wide_terrain(seen(candidates), counts, progress=stop)


def test_a_culling_of_the_same_counts_saves_the_fit():
    """With the same folds nothing is fitted, and the bytes are the same; with others it is not used."""
    candidates, _, counts = city()
    alone = wide_terrain(seen(candidates), counts)
    same = cull(counts, candidates, SelectionSettings())
    other = cull(counts, candidates, SelectionSettings(seed=2))
    steps = []
    for culling in (same, other):
        found = wide_terrain(seen(candidates), counts, None, steps.append, culling)
        assert found.expected.tobytes() == alone.expected.tobytes()
        assert found.unseen.tobytes() == alone.unseen.tobytes()
        steps.append(-1)
    assert steps.index(-1) == 2, "two reports of progress, none of a fit"
