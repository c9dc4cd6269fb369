"""Influence of places: every place left out in turn and the model fitted again; a factor that one place makes."""

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.diagnostics.cell_influence import influential_cells
from risk_terrain.rtm_plugin.core.diagnostics.place_influence import influential_places
from risk_terrain.rtm_plugin.core.regression.likelihood import Rows, fit


@pytest.fixture
def study():
    """400 cells, forty of them in eight places; two factors, the second protective, a layer and an exposure."""
    random = np.random.default_rng(3)
    n = 400
    label = np.zeros(n, dtype=np.int64)
    label[:40] = np.repeat(np.arange(1, 9), 5)
    near = random.random(n) < np.where(label > 0, 0.7, 0.1)
    columns = [near, -1.0 * (random.random(n) < 0.4), random.normal(size=n)]
    design = np.column_stack([np.ones(n), *columns]).astype(float)
    offset = random.normal(0, 0.3, n)
    rate = random.gamma(1.0, 1.0, 9)[label] * np.exp(offset + design @ np.array([0.0, 0.8, 0.5, 0.2]))
    return design, random.poisson(rate).astype(float), offset, label


def fitted(design, counts, offset):
    beta = fit("poisson", Rows(design[:, 1:], counts, np.ones(len(counts)), offset)).coefficients
    return beta, np.exp(offset + design @ beta)


def test_by_a_loop(study):
    """Each place is left out in turn; of a coefficient below 0, towards 0 is up."""
    design, counts, offset, label = study
    for matrix in (design, design * np.array([1.0, -1.0, 1.0, 1.0])):
        beta, expected = fitted(matrix, counts, offset)
        whole = fit("poisson", Rows(matrix[:, 1:], counts, np.ones(len(counts)), offset))
        without = {}
        for place in range(1, 9):
            rest = label != place
            without[place] = fit("poisson", Rows(matrix[rest, 1:], counts[rest], np.ones(rest.sum()), offset[rest]))
        for one, column in zip(influential_places(matrix, counts, expected, beta, [1, 2], label), (1, 2), strict=True):
            z = {
                place: np.sign(beta[column]) * result.coefficients[column] / result.standard_errors[column]
                for place, result in without.items()
            }
            assert (one.column, one.place, one.cells) == (column, min(z, key=z.get), 5)
            assert one.z == pytest.approx(beta[column] / whole.standard_errors[column], rel=1e-6)
            assert one.z_without == pytest.approx(np.sign(beta[column]) * z[one.place], rel=1e-6)
            moved = (beta[column] - without[one.place].coefficients[column]) / whole.standard_errors[column]
            assert one.change == pytest.approx(moved * np.sign(beta[column]), rel=1e-6)


def test_places_of_one_cell_are_cells(study):
    design, counts, offset, _ = study
    beta, expected = fitted(design, counts, offset)
    places = influential_places(design, counts, expected, beta, [1, 2], np.arange(1, 401))
    for place, cell in zip(places, influential_cells(design, counts, expected, beta, [1, 2]), strict=True):
        assert place.place == cell.cell + 1
        assert (place.change, place.z, place.z_without) == pytest.approx((cell.change, cell.z, cell.z_without))


def test_a_factor_made_by_one_place():
    """Ten exposed cells; three of them, a place, hold 12 events each, all other cells one. No single cell decides."""
    exposed = np.arange(100) < 10
    counts = np.ones(100)
    counts[:3] = 12.0
    label = np.zeros(100, dtype=np.int64)
    label[:3], label[50:60] = 1, 2
    design = np.column_stack([np.ones(100), exposed.astype(float)])
    beta, expected = fitted(design, counts, np.zeros(100))
    (one,) = influential_places(design, counts, expected, beta, [1], label)
    assert (one.place, one.cells, one.decides) == (1, 3, True)
    assert one.z_without == pytest.approx(0.0, abs=1e-9)
    (cell,) = influential_cells(design, counts, expected, beta, [1])
    assert not cell.decides


@pytest.mark.parametrize("protective", [False, True])
def test_a_place_with_all_of_the_evidence(protective):
    """Without it one side holds no event: there is no estimate, and it decides."""
    exposed = np.arange(80) < 8
    counts = np.where(exposed, 6.0, 1.0) if not protective else np.where(exposed, 1.0, 6.0)
    counts[exposed] = 0.0
    counts[:2] = 25.0 if not protective else 1.0
    label = np.zeros(80, dtype=np.int64)
    label[:2], label[20:30] = 4, 2
    design = np.column_stack([np.ones(80), np.where(exposed, -1.0 if protective else 1.0, 0.0)])
    beta, expected = fitted(design, counts, np.zeros(80))
    (one,) = influential_places(design, counts, expected, beta, [1], label)
    assert (one.place, one.change, one.z_without, one.decides) == (4, None, None, True)


def test_without_places_or_columns(study):
    design, counts, offset, label = study
    beta, expected = fitted(design, counts, offset)
    assert influential_places(design, counts, expected, beta, [1], np.zeros_like(label)) == ()
    assert influential_places(design, counts, expected, beta, [], label) == ()
