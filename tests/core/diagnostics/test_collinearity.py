"""Variance inflation and condition number against statsmodels, closed formulas, and designs where columns follow."""

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.diagnostics.collinearity import collinearity


@pytest.fixture
def design():
    """Three overlapping binary columns, one of 0 and −1, and a layer that has been scaled."""
    random = np.random.default_rng(4)
    base = random.normal(size=(300, 1))
    binary = (base + random.normal(size=(300, 4)) > 0.5) * np.array([1.0, 1.0, 1.0, -1.0])
    return np.column_stack([binary, 3.0 * base + random.normal(size=(300, 1))])


def by_statsmodels(design):
    influence = pytest.importorskip("statsmodels.stats.outliers_influence")
    whole = np.column_stack([np.ones(len(design)), design])
    return [influence.variance_inflation_factor(whole, j) for j in range(1, whole.shape[1])]


def test_inflation_against_statsmodels(design):
    expected = by_statsmodels(design)
    assert max(expected) > 2.0
    assert collinearity(design).inflation == pytest.approx(expected, rel=1e-9)


def test_inflation_of_two_columns_by_hand():
    """Exposed are the cells 0–3 and 2–5 of ten: covariance 2/10 − 0.16 = 0.04, variances 0.24, r = 1/6."""
    first, second = np.zeros(10), np.zeros(10)
    first[:4] = second[2:6] = 1.0
    assert collinearity(np.column_stack([first, second])).inflation == pytest.approx([36 / 35] * 2)


def test_condition_by_the_gram_matrix(design):
    """The root of the ratio of the largest to the smallest eigenvalue of the cosines between columns."""
    whole = np.column_stack([np.ones(len(design)), design])
    gram = whole.T @ whole
    lengths = np.sqrt(np.diag(gram))
    values = np.linalg.eigvalsh(gram / np.outer(lengths, lengths))
    assert collinearity(design).condition == pytest.approx(np.sqrt(values[-1] / values[0]), rel=1e-9)


def test_condition_by_hand():
    """A column that is 1 in one of four cells has cosine 1/2 with the intercept: √((1 + 1/2) / (1 − 1/2))."""
    assert collinearity(np.array([[1.0], [0], [0], [0]])).condition == pytest.approx(np.sqrt(3.0))


def test_units_order_and_sign_of_columns_change_nothing(design):
    """A layer in feet, a protective factor, another order: the same figures."""
    found = collinearity(design)
    other = collinearity((design * np.array([1.0, -1.0, 1e4, 1e-4, 7.0]))[:, ::-1])
    assert other.inflation[::-1] == pytest.approx(found.inflation, rel=1e-9)
    assert other.condition == pytest.approx(found.condition, rel=1e-9)


def test_a_shift_of_a_column_inflates_nothing_but_the_condition(design):
    shifted = design + np.array([0.0, 0, 0, 0, 500.0])
    assert collinearity(shifted).inflation == pytest.approx(collinearity(design).inflation, rel=1e-9)
    assert collinearity(shifted).condition > 10 * collinearity(design).condition


def test_uncorrelated_columns():
    """Two halves of a square that cross: nothing is shared, VIF is 1 and never less."""
    first, second = np.array([1.0, 1, 0, 0]), np.array([1.0, 0, 1, 0])
    found = collinearity(np.column_stack([first, second])).inflation
    assert found == pytest.approx((1.0, 1.0), abs=1e-12)
    assert min(found) >= 1.0


@pytest.mark.parametrize(
    ("extra", "infinite"),
    [
        (lambda d: d[:, 0], [0, 5]),  # the same layer twice
        (lambda d: 1.0 - d[:, 1], [1, 5]),  # its complement
        (lambda d: d[:, 0] + d[:, 2], [0, 2, 5]),  # a sum of others
        (lambda d: np.full(len(d), 3.0), [5]),  # exposed everywhere
        (lambda d: np.zeros(len(d)), [5]),  # exposed nowhere
    ],
)
def test_columns_that_follow_from_others(design, extra, infinite):
    found = collinearity(np.column_stack([design, extra(design)]))
    assert list(np.flatnonzero(np.isinf(found.inflation))) == infinite
    assert found.condition == np.inf
    others = [vif for vif in found.inflation if np.isfinite(vif)]
    before = collinearity(design).inflation
    assert others == pytest.approx([before[j] for j in range(5) if j not in infinite], rel=1e-6)


def test_nearly_the_same_is_finite_and_large():
    """One cell of a thousand apart: r² is that of the two columns."""
    first = np.arange(1000) < 300
    second = np.arange(1000) < 301
    r = np.corrcoef(first, second)[0, 1]
    found = collinearity(np.column_stack([first, second]).astype(float))
    assert found.inflation == pytest.approx([1 / (1 - r**2)] * 2, rel=1e-9)
    assert 200 < found.inflation[0] < 220


def test_one_column_and_none():
    assert collinearity(np.array([[1.0], [0], [0]])).inflation == (1.0,)
    none = collinearity(np.zeros((5, 0)))
    assert (none.inflation, none.condition) == ((), 1.0)
