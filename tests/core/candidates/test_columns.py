"""Candidate variables: names, ladders, thresholds, and the compact coding of the design."""

import numpy as np
import pytest
from helpers import candidate_set, dense, full_grid, points, repeatable
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from risk_terrain.rtm_plugin.core.candidates.columns import (
    Candidate,
    CandidateSet,
    DesignMatrix,
    FactorCandidates,
    operationalise,
)
from risk_terrain.rtm_plugin.core.candidates.influence import kernel_density, nearest_distance
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.errors import InputError

GRID = full_grid(6, 7, 100.0)  # blocks of 200
BARS = points((130, 150), (140, 160), (410, 520), (690, 30), (-40, 300))


@st.composite
def candidate_sets(draw, protective=True):
    """Up to 4 factors of up to 4 columns over up to 12 cells: constant, equal and nested columns are all likely."""
    n = draw(st.integers(1, 12))
    column = st.lists(st.booleans(), min_size=n, max_size=n)
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    own = {f"f{i}": [draw(column) for _ in range(size)] for i, size in enumerate(sizes)}
    guards = draw(st.sets(st.sampled_from(sorted(own)))) if protective else ()
    return candidate_set(own, guards)


def test_names_and_order():
    """Proximity first, then density, each by ascending distance; the factor's name and whole distances."""
    block = operationalise(BARS, FactorSettings("bars", max_blocks=1), GRID)
    names = ["bars_proximity_100", "bars_proximity_200", "bars_density_100", "bars_density_200"]
    assert [c.name for c in block.candidates] == names
    assert block.factor == "bars"


@pytest.mark.parametrize(
    ("increment", "blocks", "ladder"),
    [("half", 3, (100, 200, 300, 400, 500, 600)), ("whole", 3, (200, 400, 600)), ("whole", 1, (200,))],
)
def test_ladder(increment, blocks, ladder):
    """Half: b/2, b … Kb; whole: b, 2b … Kb."""
    assert FactorSettings("f", max_blocks=blocks, increment=increment).distances(200) == ladder


def test_fractional_distances_have_plain_names():
    block = operationalise(BARS, FactorSettings("bars", "proximity", 1), full_grid(3, 3, 76.25))
    assert [c.name for c in block.candidates] == ["bars_proximity_76.25", "bars_proximity_152.5"]


def test_proximity():
    """1 where the distance to the nearest feature is at most d; nested from step to step."""
    block = operationalise(BARS, FactorSettings("bars", "proximity", 2), GRID)
    nearest = nearest_distance(BARS, GRID, 1e4)
    for j, distance in enumerate((100, 200, 300, 400)):
        assert_array_equal(block.column(j), nearest <= distance)
    assert [c.threshold for c in block.candidates] == [None] * 4
    assert 0 < block.column(0).sum() < block.column(3).sum() <= GRID.cells


@pytest.mark.parametrize("m", [0.0, 1.0, 2.0])
def test_density_threshold(m):
    """Flagged at the mean plus m standard deviations, n − 1, over the cells."""
    block = operationalise(BARS, FactorSettings("bars", "density", 2, "whole", density_sd=m), GRID)
    for j, distance in enumerate((200.0, 400.0)):
        density = kernel_density(BARS, GRID, distance)
        deviation = np.sqrt(((density - density.mean()) ** 2).sum() / (GRID.cells - 1))
        threshold = density.mean() + m * deviation
        assert block.candidates[j].threshold == pytest.approx(threshold, rel=1e-12)
        assert_array_equal(block.column(j), density >= threshold)
    assert block.column(0).any()


@pytest.mark.parametrize("percent", [4.0, 10.0, 37.5])
def test_density_threshold_by_percentage(percent):
    """So many of the cells are dense, those of highest density; only equal densities can make it more."""
    settings = FactorSettings("bars", "density", 2, "whole", density_percent=percent)
    block = operationalise(BARS, settings, GRID)
    for j, distance in enumerate((200.0, 400.0)):
        density, dense = kernel_density(BARS, GRID, distance), block.column(j)
        wanted = int(percent / 100 * GRID.cells)
        assert dense.sum() == min(wanted, (density > 0).sum())
        assert density[dense].min() > density[~dense].max()
    assert block.column(1).sum() == wanted


def test_no_density_anywhere_flags_nothing():
    """Features out of reach: mean 0 and SD 0, and still no cell is dense."""
    block = operationalise(points((9e4, 9e4)), FactorSettings("far"), GRID)
    assert not any(block.column(j).any() for j in range(len(block.candidates)))


def test_protective_sign():
    """The design holds 0/−1, the column itself stays 0/1."""
    settings = FactorSettings("police", "proximity", 1, direction="protective")
    candidates = CandidateSet((operationalise(BARS, settings, GRID),))
    column = candidates.column("police_proximity_200")
    assert column.any()
    assert_array_equal(DesignMatrix(candidates).times(np.array([0.0, 1.0])), -1.0 * column)


def test_refusals():
    """Each in its exact words."""
    one = candidate_set({"bars": [[0, 1]]}).factors[0]
    other = candidate_set({"shops": [[0, 1, 1]]}).factors[0]
    clash = Candidate("bars_proximity_1", "bars_", "proximity", 1.0, "aggravating")
    named = FactorCandidates.from_columns([clash], [np.array([True, False])])
    cases = [
        ((), "There is no risk factor; add at least one layer."),
        ((one, one), "The risk factor 'bars' is given twice; remove one, or give each its own name."),
        ((one, other), "The candidates of 'shops' cover other cells than those of 'bars'."),
        ((one, named), "Two candidates are named 'bars_proximity_1'; rename one of the factors."),
    ]
    for blocks, sentence in cases:
        with pytest.raises(InputError) as refusal:
            CandidateSet(blocks)
        assert str(refusal.value) == sentence
    with pytest.raises(InputError) as refusal:
        operationalise(points(), FactorSettings("bars"), GRID)
    assert str(refusal.value) == (
        "The risk factor 'bars' has no feature with a geometry; remove the layer or its filter."
    )


@repeatable
@given(st.integers(1, 30), st.integers(1, 16), st.randoms(use_true_random=False))
def test_coding_round_trip(n, p, random):
    """Columns → codes and states → the same columns, up to the 16 of the longest ladder."""
    columns = [np.array([random.random() < 0.4 for _ in range(n)]) for _ in range(p)]
    names = [Candidate(f"f_proximity_{j}", "f", "proximity", float(j), "aggravating") for j in range(p)]
    block = FactorCandidates.from_columns(names, columns)
    for j, column in enumerate(columns):
        assert_array_equal(block.column(j), column)
    assert len(block.table) == len({tuple(c[i] for c in columns) for i in range(n)})


@repeatable
@given(candidate_sets(), st.integers(1, 3), st.integers(0, 1000))
def test_design_matrix(candidates, m, seed):
    """times, transposed_times and dense give what the dense matrix gives, for vectors and matrices."""
    matrix, design = dense(candidates), DesignMatrix(candidates)
    random = np.random.default_rng(seed)
    n, p = matrix.shape
    assert design.shape == (n, p)
    for b, r in (
        (random.normal(size=p), random.normal(size=n)),
        (random.normal(size=(p, m)), random.normal(size=(n, m))),
    ):
        assert_allclose(design.times(b), matrix @ b, atol=1e-12)
        assert_allclose(design.transposed_times(r), matrix.T @ r, atol=1e-12)
    some = np.flatnonzero(random.random(p) < 0.6)
    rows = np.flatnonzero(random.random(n) < 0.6)
    assert_array_equal(design.dense(some), matrix[:, some])
    assert_array_equal(design.dense(some, rows), matrix[np.ix_(rows, some)])


@repeatable
@given(candidate_sets(), st.integers(0, 1000))
def test_only_and_subset(candidates, seed):
    """only() keeps the named columns in order, subset() the chosen cells of all columns."""
    random = np.random.default_rng(seed)
    names = [c.name for c in candidates.candidates]
    wanted = [name for name in names if random.random() < 0.5] or names[:1]
    chosen = candidates.only(wanted[::-1])
    assert [c.name for c in chosen.candidates] == wanted
    for name in wanted:
        assert_array_equal(chosen.column(name), candidates.column(name))
    cells = random.random(candidates.cells) < 0.5
    fewer = candidates.subset(cells)
    assert fewer.cells == cells.sum()
    assert_array_equal(dense(fewer), dense(candidates)[cells])
    assert_array_equal(candidates.exposed(), np.abs(dense(candidates)).sum(axis=0))


def test_look_up():
    candidates = candidate_set({"a": [[0, 1]], "b": [[1, 0], [1, 1]]}, protective=["b"])
    assert len(candidates) == 3
    assert "b_proximity_2" in candidates
    assert "c_proximity_1" not in candidates
    assert (candidates["b_proximity_2"].sign, candidates["a_proximity_1"].sign) == (-1.0, 1.0)
