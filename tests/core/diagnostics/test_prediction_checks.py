"""Dispersion, rootogram, tenths and R² against statsmodels and scipy.stats, figures by hand, and simulation."""

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.accuracy.calibration import deciles
from risk_terrain.rtm_plugin.core.diagnostics.prediction_checks import (
    MOST,
    expectation_groups,
    explained,
    pearson_dispersion,
    pearson_residuals,
    rootogram,
)
from risk_terrain.rtm_plugin.core.errors import FitError, InputError
from risk_terrain.rtm_plugin.core.regression.likelihood import Rows, fit
from scipy import stats

CELLS = 3000


@pytest.fixture
def study():
    """Two factors and an exposure: design with its intercept, offset, and the true expected counts."""
    random = np.random.default_rng(6)
    design = np.column_stack([np.ones(CELLS), random.random((CELLS, 2)) < (0.3, 0.15)]).astype(float)
    offset = random.normal(0.0, 0.4, CELLS)
    return design, offset, np.exp(offset + design @ np.array([-0.5, 0.9, 0.6]))


def nb1(random, expected, excess):
    return random.negative_binomial(expected / excess, 1 / (1 + excess)).astype(float)


def by_statsmodels(counts, design, offset):
    api = pytest.importorskip("statsmodels.api")
    return api.GLM(counts, design, family=api.families.Poisson(), offset=offset).fit(tol=1e-12)


def test_dispersion_against_statsmodels(study):
    design, offset, true = study
    counts = nb1(np.random.default_rng(1), true, 1.5)
    fitted = by_statsmodels(counts, design, offset)
    found = pearson_dispersion(counts, fitted.fittedvalues, 3)
    assert found == pytest.approx(fitted.pearson_chi2 / fitted.df_resid, rel=1e-12)
    assert found == pytest.approx(2.5, abs=0.4)  # 1 + δ


def test_dispersion_of_poisson_counts_is_about_1(study):
    _, _, true = study
    counts = np.random.default_rng(2).poisson(true).astype(float)
    assert pearson_dispersion(counts, true, 3) == pytest.approx(1.0, abs=4 * np.sqrt(3 / CELLS))


def test_dispersion_needs_more_cells_than_parameters():
    assert pearson_dispersion(np.array([1.0, 3.0]), np.array([2.0, 2.0]), 1) == 1.0
    with pytest.raises(InputError, match="2 cells say nothing of the spread around a model with 2 parameters"):
        pearson_dispersion(np.array([1.0, 3.0]), np.array([2.0, 2.0]), 2)


FAMILIES = [("poisson", None), ("nb1", 0.02), ("nb1", 0.8), ("nb1", 6.0), ("nb2", 0.5)]


def distribution(family, mean, dispersion):
    """scipy's own."""
    if family == "poisson":
        return stats.poisson(mean)
    size = mean / dispersion if family == "nb1" else 1 / dispersion
    return stats.nbinom(size, size / (size + mean))


@pytest.mark.parametrize(("family", "dispersion"), FAMILIES)
def test_residuals_against_scipy(study, family, dispersion):
    _, _, true = study
    counts = np.random.default_rng(3).poisson(true).astype(float)
    residuals = pearson_residuals(counts, true, family, dispersion)
    assert residuals == pytest.approx((counts - true) / distribution(family, true, dispersion).std(), rel=1e-9)
    found = pearson_dispersion(counts, true, 3, family, dispersion)
    assert found == pytest.approx((residuals**2).sum() / (CELLS - 3))


@pytest.mark.parametrize(("family", "dispersion"), FAMILIES)
def test_rootogram_against_scipy(study, family, dispersion):
    _, _, true = study
    counts = np.random.default_rng(3).poisson(true).astype(float)
    root = rootogram(counts, true, family, dispersion, most=7)
    pmf = distribution(family, true, dispersion).pmf(np.arange(8)[:, None])
    assert root.expected[:8] == pytest.approx(pmf.sum(axis=1), rel=1e-8)
    assert root.expected[8] == pytest.approx(CELLS - pmf.sum(), abs=1e-6)
    assert root.observed.tolist() == [np.count_nonzero(counts == c) for c in range(8)] + [np.count_nonzero(counts > 7)]
    assert root.hanging == pytest.approx(np.sqrt(root.expected) - np.sqrt(root.observed))


def test_rootogram_tells_the_right_family(study):
    """Counts of NB1: more empty cells than Poisson expects, fewer with one event, and as many as NB1 does."""
    _, _, true = study
    counts = nb1(np.random.default_rng(4), true, 2.0)
    wrong, right = rootogram(counts, true), rootogram(counts, true, "nb1", 2.0)
    assert wrong.hanging[0] < -5  # a root of a count has a standard deviation of about 1/2
    assert wrong.hanging[1] > 5
    assert np.abs(right.hanging[:8]).max() < 2.0


def test_rootogram_of_no_excess_is_poisson(study):
    _, _, true = study
    counts = np.zeros(CELLS)
    assert rootogram(counts, true, "nb1", 1e-4).expected == pytest.approx(
        rootogram(counts, true).expected, rel=1e-2, abs=1e-3
    )


def test_rootogram_has_every_cell(study):
    """Huge counts, expectations from nearly none to many, and weighted events."""
    _, _, true = study
    counts = np.zeros(CELLS)
    counts[:4] = [1e6, MOST, MOST + 1, 2.4]
    expected = np.concatenate([np.full(CELLS // 2, 1e-9), np.full(CELLS - CELLS // 2, 1e4)])
    for root in (rootogram(counts, expected), rootogram(counts, expected, "nb1", 1.0), rootogram(counts, true)):
        assert len(root.observed) == len(root.expected) == MOST + 2
        assert root.observed.sum() == CELLS
        assert root.expected.sum() == pytest.approx(CELLS)
        assert (root.expected >= 0).all()
    assert (root.observed[-1], root.observed[MOST], root.observed[2]) == (2, 1, 1)


def test_tenths_are_those_of_the_validation(study):
    design, _, true = study
    counts = np.random.default_rng(5).poisson(true).astype(float)
    for expected in (true, np.exp(design @ np.array([-0.5, 0.9, 0.6]))):
        group = deciles(expected)
        found = expectation_groups(counts, expected)
        assert len(found) == group.max() + 1
        for number, part in enumerate(found):
            own = group == number
            assert (part.cells, part.observed) == (np.count_nonzero(own), counts[own].sum())
            assert part.expected == pytest.approx(expected[own].sum())
            assert (part.lowest, part.highest) == (expected[own].min(), expected[own].max())
    assert len(found) < 10  # four patterns of factors


def test_tenths_without_ties_are_of_equal_size():
    expected = np.random.default_rng(6).permutation(np.arange(1.0, 51.0))
    found = expectation_groups(expected, expected)
    assert [part.cells for part in found] == [5] * 10
    assert [(part.lowest, part.highest) for part in found] == [(5 * i + 1, 5 * i + 5) for i in range(10)]


def test_what_is_unlikely_in_a_tenth():
    """Four cells of variance 4 in the one group, 16 in the other: standard deviations 4 and 8."""
    expected = np.repeat([1.0, 3.0], 4)
    counts = np.repeat([3.0, 7.0], 4)
    low, high = expectation_groups(counts, expected, 2, variance=np.repeat([4.0, 16.0], 4))
    assert (low.spread, high.spread) == (4.0, 8.0)
    assert (low.observed, low.expected, low.unlikely) == (12.0, 4.0, True)  # 8 is more than 1.96 · 4
    assert not expectation_groups(np.repeat([2.9, 6.9], 4), expected, 2, np.repeat([4.0, 16.0], 4))[0].unlikely
    assert (high.observed, high.expected, high.unlikely) == (28.0, 12.0, True)
    assert np.isnan(expectation_groups(counts, expected, 2)[0].spread)


def test_tenths_do_not_part_what_only_rounding_parts():
    """Half of the cells have one pattern of factors, whose expectation differs in the last digit."""
    expected = np.full(100, 0.3)
    expected[:50:2] = np.nextafter(0.3, 1.0)
    expected[50:] = 0.9
    assert [(part.cells, round(part.expected, 6)) for part in expectation_groups(np.ones(100), expected)] == [
        (50, 15.0),
        (50, 45.0),
    ]
    alike = expectation_groups(np.ones(7), np.full(7, 2.0))
    assert [(part.cells, part.observed, part.expected) for part in alike] == [(7, 7.0, 14.0)]


def test_ties_go_where_their_middle_lies():
    """Of 100 cells the ties begin at 0, 30 and 35; their middles 15, 32.5 and 67.5 lie in three tenths."""
    found = expectation_groups(np.zeros(100), np.repeat([0.1, 0.2, 0.3], [30, 5, 65]))
    assert [part.cells for part in found] == [30, 5, 65]
    # Middles at 10, 22.5, 27.5 and 65: the second and the third lie in the same tenth.
    found = expectation_groups(np.zeros(100), np.repeat([0.1, 0.2, 0.3, 0.4], [20, 5, 5, 70]))
    assert [(part.cells, part.lowest, part.highest) for part in found] == [
        (20, 0.1, 0.1),
        (10, 0.2, 0.3),
        (70, 0.4, 0.4),
    ]


def test_explained_against_statsmodels(study):
    design, offset, true = study
    counts = np.random.default_rng(7).poisson(true).astype(float)
    fitted = by_statsmodels(counts, design, offset)
    found = explained(counts, fitted.fittedvalues, offset=offset)
    assert found.deviance == pytest.approx(1 - fitted.deviance / fitted.null_deviance, rel=1e-8)
    assert found.mcfadden == pytest.approx(1 - fitted.llf / fitted.llnull, rel=1e-8)
    assert 0.05 < found.mcfadden < found.deviance < 0.9


def test_explained_of_nb1_against_statsmodels(study):
    """Both likelihoods are of NB1, the one rate's with an excess of its own."""
    discrete = pytest.importorskip("statsmodels.discrete.discrete_model")
    design, _, _ = study
    counts = nb1(np.random.default_rng(8), np.exp(design @ np.array([-0.5, 0.9, 0.6])), 1.5)
    ours = fit("nb1", Rows(design[:, 1:], counts, np.ones(CELLS), np.zeros(CELLS)))
    expected = np.exp(design @ ours.coefficients)
    theirs = discrete.NegativeBinomial(counts, design, loglike_method="nb1").fit(disp=0, method="bfgs", maxiter=500)
    found = explained(counts, expected, "nb1", ours.dispersion)
    assert found.mcfadden == pytest.approx(1 - theirs.llf / theirs.llnull, rel=1e-4)
    assert found.mcfadden != pytest.approx(explained(counts, expected).mcfadden, rel=0.1)


def test_one_rate_explains_nothing_and_a_wrong_model_less():
    counts = np.array([0.0, 1.0, 0.0, 3.0])
    exposure = np.log(np.array([1.0, 2.0, 1.0, 4.0]))
    one_rate = explained(counts, 0.5 * np.exp(exposure), offset=exposure)
    assert one_rate.deviance == pytest.approx(0.0, abs=1e-12)
    assert one_rate.mcfadden == pytest.approx(0.0, abs=1e-12)
    assert explained(counts, np.array([3.0, 1.0, 3.0, 0.1])).deviance < 0


def test_nothing_to_explain():
    with pytest.raises(FitError, match="There is no event"):
        explained(np.zeros(4), np.full(4, 0.1))
    with pytest.raises(InputError, match="Every cell has the same rate"):
        explained(np.full(4, 2.0), np.full(4, 2.0))
