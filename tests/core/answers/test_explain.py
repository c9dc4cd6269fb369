"""Why here: against the shares of the whole terrain, brute-force distances, and by hand."""

import numpy as np
import pytest
from helpers import box, few, lines, points, polygons
from hypothesis import given
from hypothesis import strategies as st
from risk_terrain.rtm_plugin.core.answers.explain import Answer, FactorHere, explain, nearest_feature
from risk_terrain.rtm_plugin.core.ground.features import Features
from risk_terrain.rtm_plugin.core.pipeline import run
from risk_terrain.rtm_plugin.core.terrain.scores import CLASS_NAMES, shares
from test_whatif import city


@pytest.fixture(scope="module")
def fitted():
    study, features = city()
    return run(study, {}), features


def ask(fitted, cell, **changes):
    result, features = fitted
    given_ = {"expected": result.terrain.expected, "observed": result.events.counts, "features": features, **changes}
    return explain(result.model, result.grid, cell, result.terrain.scores, **given_)


def test_shares_are_those_of_the_terrain_in_every_cell(fitted):
    result, _ = fitted
    wanted = shares(result.model.selected, result.observations.candidates)
    for cell in range(0, result.grid.cells, 7):
        answer = ask(fitted, cell)
        told = {factor.factor: factor.share for factor in answer.factors}
        assert [told[term.factor] for term in result.model.selected] == pytest.approx(wanted[:, cell])
        assert answer.notes == ()
        assert [f.share for f in answer.factors] == sorted((f.share for f in answer.factors), reverse=True)


def test_score_rank_class_and_events(fitted):
    result, _ = fitted
    scores = result.terrain.scores
    for cell in (int(scores.argmax()), int(scores.argmin()), 100):
        answer = ask(fitted, cell)
        assert answer.score == scores[cell]
        assert (answer.x, answer.y) == tuple(result.grid.centres[cell])
        assert answer.rank == sorted(scores, reverse=True).index(scores[cell]) + 1
        assert answer.tied == list(scores).count(scores[cell])
        assert answer.class_name == CLASS_NAMES[sum(scores[cell] > cut for cut in result.model.score.cuts)]
        assert answer.expected == result.terrain.expected[cell]
        assert answer.observed == result.events.counts[cell]
        assert answer.cells == 400
        assert answer.to_dict()["cautions"] == ("The shares are association, not proof of cause.",)


def test_a_missing_layer_is_said_and_no_share_is_made_up(fitted):
    answer = ask(fitted, 3, features={"bars": fitted[1]["bars"]})
    assert [factor.share for factor in answer.factors] == [None, None]
    assert {factor.factor: factor.exposed is None for factor in answer.factors} == {"bars": False, "stations": True}
    assert answer.notes == ("Shares are not told, as the layers of these factors are not there: stations.",)
    assert any(line.startswith("stations: not known") for line in answer.lines("metres"))


def test_layers_changed_since_are_noticed(fitted):
    result, features = fitted
    here = Features("point", result.grid.centres[3:4], 1)
    near = ask(fitted, 3, features={**features, "stations": here})
    away = ask(fitted, 3, features={**features, "stations": points((9e5, 9e5))})
    assert [bool(near.notes), bool(away.notes)].count(True) == 1
    assert "were changed after the model was made" in (near.notes + away.notes)[0]


def test_no_factor_and_no_numbers(fitted):
    answer = Answer(
        x=0,
        y=0,
        score=1.0,
        class_name=CLASS_NAMES[0],
        rank=1,
        tied=9,
        cells=9,
        expected=None,
        observed=None,
        factors=(),
    )
    assert answer.lines() == (
        "Relative risk score 1: below mean.",
        "Rank 1 of 9 cells, shared by 9 cells.",
        "The model selected no risk factor, so every cell has the same score.",
        "The shares are association, not proof of cause.",
    )


def test_a_protective_factor_in_words():
    far = FactorHere(
        factor="stations",
        operationalisation="proximity",
        direction="protective",
        influence=200.0,
        rrv=2.0,
        exposed=False,
        share=1.0,
        nearest=312.4,
        nearest_feature=(0.0, 0.0),
    )
    assert far.text("metres") == (
        "no stations near ████████████████████ 100 %: not within 200 metres, protective (÷ 2.00); nearest 312 metres "
        "away"
    )


@few
@given(
    st.lists(st.tuples(*[st.floats(-100, 100)] * 4), min_size=1, max_size=6),
    st.tuples(st.floats(-100, 100), st.floats(-100, 100)),
)
def test_nearest_segment_by_brute_force(segments, place):
    found, segment = nearest_feature(lines(*segments), np.array(place))
    t = np.linspace(0, 1, 2001)
    by_hand = min(np.hypot(a + t * (c - a) - place[0], b + t * (d - b) - place[1]).min() for a, b, c, d in segments)
    assert found <= by_hand + 1e-9
    assert found == pytest.approx(by_hand, abs=0.15)
    assert segment in segments


def test_inside_a_polygon_and_of_nothing():
    park = polygons([box(0, 0, 10, 10)])
    assert nearest_feature(park, np.array([4.0, 5.0]))[0] == 0
    assert nearest_feature(park, np.array([13.0, 14.0]))[0] == 5
    assert nearest_feature(points(), np.zeros(2)) == (None, ())
