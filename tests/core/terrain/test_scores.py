"""Scores, classes and what each factor contributes."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers import candidate_set, repeatable
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from risk_terrain.rtm_plugin.core.errors import FitError, InputError
from risk_terrain.rtm_plugin.core.terrain.scores import ScoreSummary, contribution, risk_terrain, shares

LAYERS = candidate_set({"bars": [[0, 1, 0, 1]], "police": [[0, 0, 1, 1]]}, protective=["police"])


def term(factor, coefficient, direction="aggravating"):
    return SimpleNamespace(
        name=f"{factor}_proximity_1", factor=factor, direction=direction, coefficient=float(np.log(coefficient))
    )


BARS, POLICE = term("bars", 2), term("police", 5, "protective")


def test_protective_terms_divide():
    """RRV 5 of a protective factor: an exposed cell has a fifth of the score and the expected count of its like."""
    terrain = risk_terrain(np.log(3), [BARS, POLICE], LAYERS)
    assert_allclose(terrain.scores, [5, 10, 1, 2], rtol=1e-6)
    assert_allclose(terrain.expected, [3, 6, 0.6, 1.2], rtol=1e-6)


def test_exposure_changes_expected_counts_only():
    offset = np.log([1.0, 2.0, 4.0, 8.0])
    terrain = risk_terrain(0.0, [BARS], LAYERS, offset)
    assert_allclose(terrain.scores, [1, 2, 1, 2], rtol=1e-6)
    assert_allclose(terrain.expected, [1, 4, 4, 16], rtol=1e-6)


def test_no_terms():
    """The null model: score 1 everywhere, expected counts exp(intercept), no shares."""
    terrain = risk_terrain(np.log(7), [], LAYERS)
    assert terrain.scores.tolist() == [1, 1, 1, 1]
    assert_allclose(terrain.expected, 7, rtol=1e-6)
    assert shares([], LAYERS).shape == (0, 4)


def test_lowest_score_is_one_without_a_wholly_unexposed_cell():
    layers = candidate_set({"bars": [[1, 0, 1]], "shops": [[0, 1, 1]]})
    assert_allclose(risk_terrain(0.0, [term("bars", 3), term("shops", 2)], layers).scores, [1.5, 1, 3], rtol=1e-6)


def test_summary_and_cuts():
    """1, 2, 3, 6: mean 3, SD √(14/3) with n − 1."""
    summary = ScoreSummary.of(np.array([1, 2, 3, 6], np.float32))
    sd = np.sqrt(14 / 3)
    assert (summary.min, summary.mean, summary.max) == (1, 3, 6)
    assert summary.sd == pytest.approx(sd, rel=1e-12)
    assert summary.cuts == pytest.approx((3, 3 + sd, 3 + 2 * sd), rel=1e-12)
    assert ScoreSummary.of(np.ones(1, np.float32)).sd == 0.0


@pytest.mark.parametrize(("score", "expected"), [(9, 0), (10, 0), (10.5, 1), (12, 1), (12.5, 2), (14, 2), (14.5, 3)])
def test_classes_at_the_cuts(score, expected):
    """A score equal to a cut belongs to the class below it."""
    assert ScoreSummary(1, 10.0, 2.0, 20).classes(np.array([score], np.float32)).tolist() == [expected]


def test_equal_scores_are_all_below():
    scores = np.full(5, 1.1, np.float32)
    assert ScoreSummary.of(scores).classes(scores).tolist() == [0] * 5


def test_shares_by_hand():
    """A protective factor counts where it is absent: ln 5, and ln 2 for bars."""
    ln2, ln5 = np.log([2, 5])
    expected = [[0, ln2 / (ln2 + ln5), 0, 1], [1, ln5 / (ln2 + ln5), 0, 0]]
    assert_allclose(shares([BARS, POLICE], LAYERS), expected, atol=1e-12)


@repeatable
@given(st.integers(1, 4), st.integers(0, 10_000))
def test_shares_and_contributions(factors, seed):
    """Shares sum to 1 above the lowest score, and share × ln RRS is each factor's own βⱼxⱼ (protective shifted)."""
    random = np.random.default_rng(seed)
    names = [f"f{i}" for i in range(factors)]
    guards = [name for name in names if random.random() < 0.4]
    own = {name: [random.random(12) < 0.5] for name in names}
    for name, (column,) in own.items():  # cell 0 is the safest there can be
        column[0] = name in guards
    layers = candidate_set(own, guards)
    terms = [term(n, random.uniform(1.1, 9), "protective" if n in guards else "aggravating") for n in names]
    scores, parts = risk_terrain(0.3, terms, layers).scores, shares(terms, layers)
    above = scores > 1
    assert_allclose(parts.sum(axis=0), above, atol=1e-12)
    for part, t in zip(parts, terms, strict=True):
        shift = t.coefficient if t.factor in guards else 0.0
        assert_allclose(part * np.log(scores.astype(float)), contribution(t, layers) + shift, atol=1e-5)


def test_refusals():
    """A term that the candidates lack, and one with the other direction, in exact words."""
    with pytest.raises(InputError) as refusal:
        risk_terrain(0.0, [term("pubs", 2)], LAYERS)
    assert str(refusal.value) == (
        "The model uses the candidate 'pubs_proximity_1', which none of the candidate rasters holds; "
        "add the raster of its factor, made with the same grid and settings."
    )
    with pytest.raises(InputError) as refusal:
        risk_terrain(0.0, [term("police", 2)], LAYERS)
    assert str(refusal.value) == (
        "The model has 'police_proximity_1' as aggravating, the candidate raster as protective; "
        "use the raster that the model was made with."
    )


def test_beyond_all_numbers_is_refused():
    """An exposure of 10^300 in one cell: a sentence, not an infinite expected count on the map."""
    layers = candidate_set({"a": [[0, 1, 0, 1]]})
    offset = np.array([0.0, 0.0, np.log(1e300), 0.0])
    with pytest.raises(FitError, match="The expected counts are beyond all numbers in 1 cells; check exposure"):
        risk_terrain(0.0, [term("a", 2)], layers, offset)
