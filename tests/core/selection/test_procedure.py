"""The whole selection on columns and counts that nobody would wish for: an answer, or a sentence."""

import json

import numpy as np
import pytest
from helpers import candidate_set, few, full_grid
from hypothesis import given
from hypothesis import strategies as st
from risk_terrain.rtm_plugin.core.candidates.covariates import Covariates, observe
from risk_terrain.rtm_plugin.core.documents.settings import SelectionSettings
from risk_terrain.rtm_plugin.core.errors import InputError, RtmError
from risk_terrain.rtm_plugin.core.pipeline import fit_model, score
from risk_terrain.rtm_plugin.core.selection.procedure import select_model
from risk_terrain.rtm_plugin.core.study import Events

SIDE = 5
CELLS = SIDE * SIDE


@st.composite
def studies(draw):
    """Duplicates, nested, constant, all-ones and separated columns; no events, a few, one huge count."""
    column = st.lists(st.booleans(), min_size=CELLS, max_size=CELLS).map(np.array)
    counts = np.array(draw(st.lists(st.sampled_from([0, 0, 0, 1, 2, 9]), min_size=CELLS, max_size=CELLS)), float)
    kind = draw(st.sampled_from(["as drawn", "none", "one huge", "one cell", "all alike"]))
    if kind in ("none", "one cell"):
        counts[:] = 0
    if kind in ("one huge", "one cell"):
        counts[draw(st.integers(0, CELLS - 1))] = 1e6 if kind == "one huge" else 3
    if kind == "all alike":
        counts[:] = 2
    a, b = draw(column), draw(column)
    columns = {
        "a": [a, a | b],
        "twin": [a],
        "nested": [a & b, a & b, a],
        "constant": [np.zeros(CELLS), np.ones(CELLS)],
        "separated": [counts > 0, counts == 0, counts > 5],
    }
    chosen = draw(st.lists(st.sampled_from(sorted(columns)), min_size=1, max_size=5, unique=True))
    protective = draw(st.sampled_from([(), ("a",), ("separated", "nested")]))
    exposure = draw(st.sampled_from([None, np.ones(CELLS), np.arange(CELLS) / 7, 10.0 ** (np.arange(CELLS) % 13 - 6)]))
    adjust = draw(st.sampled_from([(), (("slope", np.arange(CELLS) * 1.0),)]))
    settings = SelectionSettings(draw(st.sampled_from(["auto", "all"])), folds=3, cull=draw(st.booleans()))
    covariates = Covariates(exposure, "homes", adjust)
    return counts, candidate_set({name: columns[name] for name in chosen}, protective), covariates, settings


@few
@given(studies())
def test_an_answer_or_a_sentence(study):
    """Every number of the model and the terrain is finite; else one sentence says what to do."""
    counts, candidates, covariates, settings = study
    events = Events(counts, float(counts.sum()), 0.0)
    refused = ""
    try:
        observed = observe(full_grid(SIDE, SIDE), counts, candidates, covariates)
        model = fit_model(observed, events, settings, {})
    except RtmError as refusal:
        refused = str(refusal)
    if refused:
        assert refused.endswith(".")
        assert not {"nan", "inf"} & set(refused.casefold().replace(".", "").split())
        return
    json.loads(model.to_json(), parse_constant=pytest.fail)
    terrain = score(model.best, observed)
    assert np.isfinite(terrain.scores).all()
    assert np.isfinite(terrain.expected).all()
    assert terrain.scores.min() == 1
    assert all(term.coefficient > 0 and term.p_value <= 0.05 for term in model.selected)
    assert len({term.factor for term in model.selected}) == len(model.selected)


def test_no_events_at_all():
    candidates = candidate_set({"a": [np.arange(CELLS) < 9]})
    with pytest.raises(InputError, match=r"^No event lies inside the study area; check the layer, its filter and"):
        select_model(np.zeros(CELLS), candidates, SelectionSettings())
