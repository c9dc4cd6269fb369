"""The two sides of candidates against sums over the spelled-out columns, and each limit from both sides."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import candidate_set, dense
from risk_terrain.rtm_plugin.core.selection.rare_exposure import CandidateExposure, candidate_exposures
from risk_terrain.rtm_plugin.core.selection.separation import rare_exposures

ENOUGH = CandidateExposure(
    name="bars_proximity_1",
    factor="bars",
    cells_exposed=5,
    cells_unexposed=5,
    events_exposed=5.0,
    events_unexposed=5.0,
)


@pytest.fixture
def candidates():
    """Nested ladders, a protective factor among them, and columns of all cells, of four and of none."""
    random = np.random.default_rng(3)
    near = random.random(200)
    return candidate_set(
        {
            "bars": [near < 0.05, near < 0.2, near < 0.6],
            "parks": [random.random(200) < 0.3],
            "roads": [np.arange(200) < 0, np.arange(200) < 4, np.arange(200) >= 0],
        },
        protective=["parks"],
    )


def test_against_the_columns(candidates):
    """Also with events that have weights."""
    counts = np.random.default_rng(4).poisson(0.4, 200) * 0.75
    matrix = np.abs(dense(candidates))
    found = candidate_exposures(counts, candidates)
    assert [one.name for one in found] == [candidate.name for candidate in candidates.candidates]
    assert [one.factor for one in found] == [candidate.factor for candidate in candidates.candidates]
    assert [one.cells_exposed for one in found] == matrix.sum(axis=0).tolist()
    assert [one.cells_unexposed for one in found] == (1 - matrix).sum(axis=0).tolist()
    assert [one.events_exposed for one in found] == pytest.approx(counts @ matrix)
    assert [one.events_unexposed for one in found] == pytest.approx(counts @ (1 - matrix))


def test_rare_and_separated_by_hand(candidates):
    """One event in each cell: four cells hold four, none hold none, and all leave none."""
    found = {one.name: one for one in candidate_exposures(np.ones(200), candidates)}
    assert [name for name, one in found.items() if one.rare] == [f"roads_proximity_{k}" for k in (1, 2, 3)]
    assert [name for name, one in found.items() if one.separated] == ["roads_proximity_1", "roads_proximity_3"]


@pytest.mark.parametrize("side", ["cells_exposed", "cells_unexposed", "events_exposed", "events_unexposed"])
def test_fewer_than_five_on_either_side(side):
    assert not ENOUGH.rare
    assert not ENOUGH.separated
    four = replace(ENOUGH, **{side: 4})
    assert (four.rare, four.separated) == (True, False)
    assert replace(ENOUGH, **{side: 0}).separated == side.startswith("events")


def test_what_the_model_file_calls_rare_is_rare(candidates):
    counts = np.random.default_rng(5).poisson(0.3, 200).astype(float)
    told = {one.name for one in rare_exposures(counts, candidates, candidates.candidates)}
    assert told
    assert told <= {one.name for one in candidate_exposures(counts, candidates) if one.rare}


def test_no_event_separates_everything(candidates):
    assert all(one.separated and one.rare for one in candidate_exposures(np.zeros(200), candidates))
