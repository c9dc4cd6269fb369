"""Influence of single cells against statsmodels and fits without the cell; errors by blocks against its clusters."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import full_grid
from risk_terrain.rtm_plugin.core.diagnostics.cell_influence import (
    CellInfluence,
    block_errors,
    blocks_of,
    influential_cells,
    leave_one_out,
)
from risk_terrain.rtm_plugin.core.errors import FitError, InputError
from risk_terrain.rtm_plugin.core.ground.grid import Grid
from risk_terrain.rtm_plugin.core.regression.likelihood import Rows, fit
from risk_terrain.rtm_plugin.core.tools.normal import NORMAL_95

ROWS, COLUMNS = 15, 20


@pytest.fixture
def grid():
    """300 cells less a hole and a bay."""
    mask = np.ones((ROWS, COLUMNS), bool)
    mask[4:8, 6:9] = mask[12:, :5] = False
    return Grid(0.0, ROWS * 100.0, 100.0, 200.0, mask)


@pytest.fixture
def study(grid):
    """Two factors, the second protective, a layer, an exposure and counts that are more scattered than Poisson's."""
    random = np.random.default_rng(12)
    n = grid.cells
    columns = [random.random(n) < 0.2, -1.0 * (random.random(n) < 0.3), random.normal(size=n)]
    design = np.column_stack([np.ones(n), *columns]).astype(float)
    offset = random.normal(0, 0.3, n)
    expected = np.exp(offset + design @ np.array([0.0, 0.8, 0.5, 0.2]))
    counts = random.poisson(expected * random.gamma(1.0, 1.0, n)).astype(float)
    return design, counts, offset


def fitted(design, counts, offset):
    """Coefficients and expected counts of the maximum."""
    beta = fit("poisson", Rows(design[:, 1:], counts, np.ones(len(counts)), offset)).coefficients
    return beta, np.exp(offset + design @ beta)


def by_statsmodels(study, **options):
    api = pytest.importorskip("statsmodels.api")
    design, counts, offset = study
    return api.GLM(counts, design, family=api.families.Poisson(), offset=offset).fit(tol=1e-13, **options)


def test_against_statsmodels(study):
    design, counts, _ = study
    _, expected = fitted(*study)
    left = leave_one_out(design, counts, expected)
    theirs = by_statsmodels(study).get_influence()
    assert np.abs(left.changes).max() > 0.5
    assert left.changes == pytest.approx(theirs.dfbetas, abs=1e-7)
    assert left.leverage == pytest.approx(theirs.hat_matrix_diag, abs=1e-9)
    assert left.leverage.sum() == pytest.approx(4.0)
    assert left.standard_errors == pytest.approx(theirs.results.bse, rel=1e-7)


def test_against_fits_without_the_cell(study):
    """One Newton step lands near the fit without the cell: within a tenth of the move, of cells that move it far."""
    design, counts, offset = study
    beta, expected = fitted(*study)
    left = leave_one_out(design, counts, expected)
    for cell in np.argsort(-np.abs(left.changes[:, 1]))[:8]:
        others = np.arange(len(counts)) != cell
        result = fit("poisson", Rows(design[others, 1:], counts[others], np.ones(others.sum()), offset[others]))
        moved = (beta - result.coefficients) / left.standard_errors
        assert left.changes[cell, 1] == pytest.approx(moved[1], rel=0.1)
        assert left.standard_errors_without[cell] == pytest.approx(result.standard_errors, rel=0.1)


def test_one_step_is_weighted_least_squares_without_the_cell(study):
    """Exactly: the working response regressed on the design, the cell left out."""
    design, counts, _ = study
    beta, expected = fitted(*study)
    left = leave_one_out(design, counts, expected)
    working = design @ beta + (counts - expected) / expected
    for cell in range(0, len(counts), 37):
        others = np.arange(len(counts)) != cell
        root = np.sqrt(expected[others])
        step = np.linalg.lstsq(root[:, None] * design[others], root * working[others], rcond=None)[0]
        information = design[others].T @ (expected[others, None] * design[others])
        assert left.changes[cell] == pytest.approx((beta - step) / left.standard_errors, abs=1e-8)
        errors = np.sqrt(np.diag(np.linalg.inv(information)))
        assert left.standard_errors_without[cell] == pytest.approx(errors, rel=1e-9)


def test_dispersion_widens_all_errors_alike(study):
    design, counts, _ = study
    _, expected = fitted(*study)
    plain, wide = leave_one_out(design, counts, expected), leave_one_out(design, counts, expected, 4.0)
    assert wide.standard_errors == pytest.approx(2 * plain.standard_errors)
    assert wide.standard_errors_without == pytest.approx(2 * plain.standard_errors_without)
    assert wide.changes == pytest.approx(plain.changes / 2)


def test_influential_cells_by_a_loop(study):
    """Every cell left out in turn, and the model fitted again. Of a coefficient below 0, towards 0 is up."""
    design, counts, offset = study
    flipped = design * np.array([1.0, -1.0, 1.0, 1.0])
    for matrix in (design, flipped):
        beta, expected = fitted(matrix, counts, offset)
        errors = leave_one_out(matrix, counts, expected).standard_errors
        without = []
        for cell in range(len(counts)):
            others = np.arange(len(counts)) != cell
            without.append(
                fit("poisson", Rows(matrix[others, 1:], counts[others], np.ones(others.sum()), offset[others]))
            )
        found = influential_cells(matrix, counts, expected, beta, [1, 2])
        for one, column in zip(found, (1, 2), strict=True):
            size = [np.sign(beta[column]) * result.coefficients[column] for result in without]
            assert (one.column, one.cell) == (column, int(np.argmin(size)))
            assert one.change == pytest.approx((abs(beta[column]) - min(size)) / errors[column], rel=1e-6)
            assert one.z == pytest.approx(beta[column] / errors[column])
            result = without[one.cell]
            assert one.z_without == pytest.approx(
                result.coefficients[column] / result.standard_errors[column], rel=1e-6
            )
    assert beta[1] < 0 < beta[2]


def test_dispersion_lowers_both_z(study):
    design, counts, offset = study
    beta, expected = fitted(design, counts, offset)
    for plain, wide in zip(
        influential_cells(design, counts, expected, beta, [1, 2]),
        influential_cells(design, counts, expected, beta, [1, 2], 4.0),
        strict=True,
    ):
        assert wide.cell == plain.cell
        assert (wide.z, wide.z_without, wide.change) == pytest.approx(
            (plain.z / 2, plain.z_without / 2, plain.change / 2)
        )


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_whether_a_cell_decides(sign):
    one = CellInfluence(column=1, cell=3, change=0.9, z=2.5 * sign, z_without=1.7 * sign)
    assert one.decides
    assert not replace(one, z_without=1.97 * sign).decides  # still beyond
    assert not replace(one, z=1.9 * sign, z_without=1.2 * sign).decides  # it was not beyond before
    assert replace(one, z_without=-3.0 * sign).decides  # on the other side of 0
    assert replace(one, z_without=None).decides


def test_a_factor_made_by_one_cell():
    """30 events in one of ten exposed cells, 1 in each of the others: without it the factor is nothing."""
    exposed = np.arange(100) < 10
    counts = np.ones(100)
    counts[4] = 30.0
    design = np.column_stack([np.ones(100), exposed.astype(float)])
    beta, expected = fitted(design, counts, np.zeros(100))
    (one,) = influential_cells(design, counts, expected, beta, [1])
    assert (one.cell, one.decides) == (4, True)
    assert one.z > 6
    assert one.z_without == pytest.approx(0.0, abs=1e-9)
    # Events spread evenly over the ten cells: no single one matters.
    counts[:10] = 4.0
    beta, expected = fitted(design, counts, np.zeros(100))
    (even,) = influential_cells(design, counts, expected, beta, [1])
    assert not even.decides
    assert even.z_without > 6


def test_a_cell_that_holds_a_factor_back_is_not_the_one():
    """Exposed cells with 0, 5, 5 and 6 events: without the first the factor would be stronger, which is not asked."""
    counts = np.array([0.0, 5, 5, 6, 1, 1, 1, 1])
    design = np.column_stack([np.ones(8), (np.arange(8) < 4).astype(float)])
    beta, expected = fitted(design, counts, np.zeros(8))
    changes = leave_one_out(design, counts, expected).changes[:, 1]
    assert int(np.argmax(np.abs(changes))) == 0
    (one,) = influential_cells(design, counts, expected, beta, [1])
    assert one.cell == 3


def test_a_factor_with_a_single_cell():
    """Without its only cell a factor has no estimate; the other coefficients have, and do not move."""
    random = np.random.default_rng(2)
    other = (random.random(60) < 0.4).astype(float)
    only = (np.arange(60) == 7).astype(float)
    counts = random.poisson(1.0 + other).astype(float)
    counts[7] = 9.0
    design = np.column_stack([np.ones(60), only, other])
    beta, expected = fitted(design, counts, np.zeros(60))
    left = leave_one_out(design, counts, expected)
    assert left.leverage[7] == pytest.approx(1.0)
    assert np.isnan(left.changes).sum() == 1
    assert left.changes[7] == pytest.approx([0.0, np.nan, 0.0], nan_ok=True, abs=1e-6)
    one, two = influential_cells(design, counts, expected, beta, [1, 2])
    assert (one.cell, one.change, one.z_without, one.decides) == (7, None, None, True)
    assert two.cell != 7
    others = np.arange(60) != 7
    alone = leave_one_out(design[others][:, [0, 2]], counts[others], expected[others])
    assert left.standard_errors_without[7, [0, 2]] == pytest.approx(alone.standard_errors, rel=1e-6)


def test_the_first_of_cells_that_are_alike():
    design = np.column_stack([np.ones(8), np.array([0.0, 0, 0, 0, 1, 1, 1, 1])])
    counts = np.array([1.0, 1, 1, 1, 2, 5, 5, 2])
    beta, expected = fitted(design, counts, np.zeros(8))
    (one,) = influential_cells(design, counts, expected, beta, [1])
    assert one.cell == 5


def test_a_factor_whose_events_lie_in_one_cell():
    """Without it no event is left on that side: there is no estimate, and the cell decides."""
    counts = np.where(np.arange(60) < 30, 1.0, 0.0)
    counts[45] = 60.0
    design = np.column_stack([np.ones(60), (np.arange(60) >= 30).astype(float)])
    beta, expected = fitted(design, counts, np.zeros(60))
    (one,) = influential_cells(design, counts, expected, beta, [1])
    assert one.z > NORMAL_95
    assert (one.cell, one.change, one.z_without, one.decides) == (45, None, None, True)


@pytest.mark.parametrize("width", [100.0, 250.0, 300.0, 700.0])
def test_errors_by_blocks_against_statsmodels(grid, study, width):
    design, counts, _ = study
    _, expected = fitted(*study)
    groups = blocks_of(grid, width)
    options = {"groups": groups, "use_correction": False}
    theirs = by_statsmodels(study, cov_type="cluster", cov_kwds=options)
    found = block_errors(grid, design, counts, expected, width)
    number = len(np.unique(groups))
    assert found.blocks == number
    assert found.standard_errors == pytest.approx(theirs.bse * np.sqrt(number / (number - 1)), rel=1e-6)


def test_blocks_by_a_loop(grid):
    """Cells share a block where their centres share a square; numbers leave no gap."""
    for width in (100.0, 250.0, 300.0, 1e6):
        found = blocks_of(grid, width)
        square = [(int(x // width), int((grid.y_max - y) // width)) for x, y in grid.centres]
        assert len(set(zip(found.tolist(), square, strict=True))) == len(set(square)) == len(set(found.tolist()))
        assert sorted(set(found.tolist())) == list(range(len(set(square))))


def test_errors_by_blocks_grow_where_blocks_share_a_rate():
    """Blocks of 3 × 3 cells with a factor and a rate of their own: larger than naive, and as large as the spread of
    estimates over 200 such maps."""
    grid = full_grid(36, 36, size=100.0)
    block = blocks_of(grid, 300.0)
    random = np.random.default_rng(9)
    design = np.column_stack([np.ones(grid.cells), (random.random(144) < 0.5)[block]]).astype(float)
    estimates, robust, naive = [], [], []
    for _ in range(200):
        rate = np.exp(design @ np.array([0.0, 0.5])) * random.gamma(2.0, 0.5, 144)[block]
        counts = random.poisson(rate).astype(float)
        beta, expected = fitted(design, counts, np.zeros(grid.cells))
        estimates.append(beta[1])
        robust.append(block_errors(grid, design, counts, expected, 300.0).standard_errors[1])
        naive.append(leave_one_out(design, counts, expected).standard_errors[1])
    assert np.mean(robust) == pytest.approx(np.std(estimates), rel=0.15)
    assert np.mean(naive) < 0.6 * np.std(estimates)


def test_mirror_changes_no_error_where_blocks_fit():
    """18 × 12 cells in blocks of three: read from the east, the blocks are the same."""
    grid = full_grid(18, 12, size=100.0)
    random = np.random.default_rng(10)
    design = np.column_stack([np.ones(216), random.random(216) < 0.3]).astype(float)
    counts = random.poisson(1.5, 216).astype(float)
    order = np.arange(216).reshape(18, 12)[:, ::-1].ravel()
    _, expected = fitted(design, counts, np.zeros(216))
    one = block_errors(grid, design, counts, expected, 300.0)
    other = block_errors(grid, design[order], counts[order], expected[order], 300.0)
    assert one.standard_errors == pytest.approx(other.standard_errors, rel=1e-12)


def test_refusals(grid, study):
    design, counts, _ = study
    twice = np.column_stack([design, design[:, 1]])
    for call in (
        lambda: leave_one_out(twice, counts, np.ones(grid.cells)),
        lambda: block_errors(grid, twice, counts, np.ones(grid.cells), 300.0),
    ):
        with pytest.raises(FitError, match="columns are collinear"):
            call()
    with pytest.raises(InputError, match="Only 1 block of 1e\\+06 map units"):
        block_errors(grid, design, counts, np.ones(grid.cells), 1e6)
    with pytest.raises(InputError, match="Blocks of 0 map units have no area"):
        blocks_of(grid, 0.0)
