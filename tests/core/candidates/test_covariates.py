"""Exposure and adjustments: who is fitted, at which offset, beside which columns."""

import numpy as np
import pytest
from helpers import full_grid
from risk_terrain.rtm_plugin.core.candidates.columns import Candidate, CandidateSet, FactorCandidates
from risk_terrain.rtm_plugin.core.candidates.covariates import AdjustmentScale, Covariates, observe
from risk_terrain.rtm_plugin.core.documents.settings import SelectionSettings
from risk_terrain.rtm_plugin.core.errors import InputError
from risk_terrain.rtm_plugin.core.pipeline import fit_model, observe_again, score
from risk_terrain.rtm_plugin.core.study import Events
from statsmodels.discrete.discrete_model import NegativeBinomial, Poisson

SIDE = 40


@pytest.fixture(scope="module")
def city():
    """1,600 cells: two factors with bands, dwellings (none in one cell of eight), and a deprivation score."""
    random = np.random.default_rng(4)
    n = SIDE * SIDE
    blocks = []
    for name in ("bars", "parks"):
        distance = random.random(n)
        bands = [
            Candidate(f"{name}_proximity_{d}", name, "proximity", float(d), "aggravating") for d in (100, 200, 300)
        ]
        blocks.append(FactorCandidates.from_columns(bands, [distance < share for share in (0.1, 0.25, 0.4)]))
    candidates = CandidateSet(tuple(blocks))
    homes = random.integers(1, 60, n).astype(float) * (random.random(n) > 0.125)
    deprivation = random.normal(20, 5, n)
    effect = 1.1 * candidates.column("bars_proximity_200") + 0.06 * (deprivation - 20)
    mean = np.maximum(homes, 0.5) * np.exp(-3.2 + effect)
    counts = random.negative_binomial(mean / 0.8, 1 / 1.8).astype(float)
    return full_grid(SIDE, SIDE), counts, candidates, homes, deprivation


def test_a_smoothed_exposure_is_the_average_around(city):
    """Weighted by a Gaussian of distance over the study's own cells; cells beside dwellings now have some."""
    grid, counts, candidates, homes, _ = city
    smoothed = Covariates(homes, "homes").smoothed_over(grid, 2.0)
    row, column = np.divmod(np.arange(grid.cells), SIDE)
    weight = np.exp(-((row[:, None] - row) ** 2 + (column[:, None] - column) ** 2) / 8.0)
    assert smoothed.exposure == pytest.approx(weight @ homes / weight.sum(axis=1), rel=1e-6)
    observed = observe(grid, counts, candidates, smoothed)
    assert observed.exposure.name == "homes (smoothed over 2 cells)"
    assert observed.exposure.cells_without == 0 < (homes == 0).sum()
    assert Covariates(homes, "homes").smoothed_over(grid, 0.0).exposure is homes
    with pytest.raises(InputError, match="negative or infinite"):
        Covariates(homes - 1, "homes").smoothed_over(grid, 2.0)


def fitted(city, family="auto", cull=True, exposure=True, adjust=True):
    grid, counts, candidates, homes, deprivation = city
    layers = (("deprivation", deprivation),) if adjust else ()
    observed = observe(grid, counts, candidates, Covariates(homes if exposure else None, "homes", layers))
    events = Events(counts, float(counts.sum()), 0.0)
    return observed, fit_model(observed, events, SelectionSettings(family, cull=cull), {})


@pytest.mark.parametrize("family", ["poisson", "nb1", "nb2"])
def test_final_model_is_that_of_statsmodels(city, family):
    """With offset and adjustment the estimates are statsmodels' own, and the check in the model says so."""
    observed, model = fitted(city, family)
    assert "bars_proximity_200" in [term.name for term in model.selected]
    columns = [observed.candidates.column(term.name) for term in model.selected]
    design = np.column_stack([np.ones(len(observed.counts)), *columns, observed.adjust])
    if family == "poisson":
        other = Poisson(observed.counts, design, offset=observed.offset).fit(disp=0)
    else:
        other = NegativeBinomial(observed.counts, design, loglike_method=family, offset=observed.offset)
        other = other.fit(disp=0, method="bfgs", maxiter=500, gtol=1e-6)
    ours = [model.best.intercept, *(t.coefficient for t in (*model.selected, *model.best.adjustments))]
    assert ours == pytest.approx(other.params[: len(ours)], abs=2e-4)
    assert model.best.log_likelihood == pytest.approx(other.llf, abs=1e-5)
    assert model.verification.status == "verified"


def test_true_values_are_recovered(city):
    """RRV e^1.1 within its interval; the adjustment 0.06 a unit, 0.3 a standard deviation of 5."""
    _, model = fitted(city)
    (term,) = model.selected
    assert abs(term.coefficient - 1.1) < 2.5 * term.standard_error
    (adjustment,) = model.best.adjustments
    assert abs(adjustment.coefficient / adjustment.sd - 0.06) < 2.5 * adjustment.standard_error / adjustment.sd
    assert model.family == "nb1"


def test_cells_without_exposure_leave_and_are_named(city):
    grid, counts, _, homes, _ = city
    observed, model = fitted(city)
    assert observed.grid.cells == model.grid.cells == np.count_nonzero(homes)
    assert model.exposure.cells_without == grid.cells - observed.grid.cells
    assert model.exposure.events_without == counts[homes == 0].sum()
    terrain = score(model.best, observed)
    assert len(terrain.scores) == observed.grid.cells


def test_scores_leave_exposure_and_adjustment_out(city):
    """Two cells with the same factors score alike, whatever their homes; expected counts sum to the events fitted."""
    observed, model = fitted(city, "poisson")
    terrain = score(model.best, observed)
    by_factors = np.ones(observed.grid.cells)
    for term in model.selected:
        by_factors *= np.where(observed.candidates.column(term.name), term.rrv, 1.0)
    assert terrain.scores == pytest.approx(by_factors, rel=1e-6)
    assert terrain.expected.sum() == pytest.approx(observed.counts.sum(), rel=1e-5)


def test_scored_again_with_the_model_of_the_file(city):
    grid, _, candidates, homes, deprivation = city
    observed, model = fitted(city)
    again = observe_again(model, grid, candidates, Covariates(homes, "homes", (("deprivation", deprivation),)))
    assert np.array_equal(score(model.best, again).expected, score(model.best, observed).expected)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, "The model was fitted with deprivation as adjustment; give the same layers in the same order."),
        ("adjust", "The model was fitted with the exposure 'homes'; score it in the same way."),
    ],
)
def test_scoring_without_them_is_refused(city, given, sentence):
    grid, _, candidates, _, deprivation = city
    _, model = fitted(city)
    covariates = Covariates(adjust=(("deprivation", deprivation),)) if given else None
    with pytest.raises(InputError) as refusal:
        observe_again(model, grid, candidates, covariates)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("covariates", "sentence"),
    [
        (
            Covariates(np.array([1.0, -1, 1, 1]), "homes"),
            "The exposure 'homes' holds negative or infinite values; it must be 0 or more in every cell.",
        ),
        (
            Covariates(np.array([0.0, np.nan, 0, 0]), "homes"),
            "The exposure 'homes' is 0 in every cell; choose another raster.",
        ),
        (
            Covariates(adjust=(("income", np.array([1.0, np.nan, 2, 3])),)),
            "The adjustment layer 'income' has no value in 1 cells of the study area; fill them first.",
        ),
        (
            Covariates(adjust=(("income", np.full(4, 7.0)),)),
            "The adjustment layer 'income' is the same in every cell, so it adjusts nothing; remove it.",
        ),
        (
            Covariates(adjust=(("a", np.array([1.0, 2, 3, 5])), ("b", np.array([2.0, 4, 6, 10])))),
            "The adjustment layers say the same as one another; remove one of them.",
        ),
    ],
)
def test_refusals(covariates, sentence):
    one = Candidate("f_proximity_1", "f", "proximity", 1.0, "aggravating")
    layers = CandidateSet((FactorCandidates.from_columns([one], [np.array([1, 0, 1, 0], bool)]),))
    with pytest.raises(InputError) as refusal:
        observe(full_grid(2, 2), np.ones(4), layers, covariates)
    assert str(refusal.value) == sentence


def test_scale():
    scale = AdjustmentScale.of("x", np.array([1.0, 3.0]))
    assert (scale.mean, scale.sd, scale.scaled(np.array([4.0])).tolist()) == (2.0, 1.0, [2.0])
