"""Factors that leave no event on one side: found, ranked, and in the model with half an event where there is none."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers import candidate_set, full_grid
from numpy.testing import assert_allclose
from risk_terrain.rtm_plugin.core.candidates.covariates import Covariates, observe
from risk_terrain.rtm_plugin.core.documents.settings import PlaceSettings, SelectionSettings
from risk_terrain.rtm_plugin.core.errors import FitError
from risk_terrain.rtm_plugin.core.model.document import RiskModel
from risk_terrain.rtm_plugin.core.model.model_findings import model_findings, no_places_finding, separation_findings
from risk_terrain.rtm_plugin.core.pipeline import fit_model, score
from risk_terrain.rtm_plugin.core.regression.likelihood import Rows, fit
from risk_terrain.rtm_plugin.core.regression.limit_fit import finite_fit
from risk_terrain.rtm_plugin.core.selection.procedure import select_model
from risk_terrain.rtm_plugin.core.selection.separation import separated_factors
from risk_terrain.rtm_plugin.core.study import Events
from risk_terrain.rtm_plugin.core.terrain.scores import ScoreSummary

SIDE = 40
CELLS = SIDE * SIDE
FAMILIES = ["poisson", "nb1", "nb2"]


def modelled(counts, candidates, settings=None, covariates=None):
    """Model and terrain of counts on a square grid."""
    observed = observe(full_grid(SIDE, SIDE), np.asarray(counts, float), candidates, covariates)
    events = Events(observed.counts, float(np.sum(counts)), 0.0)
    model = fit_model(observed, events, settings or SelectionSettings(seed=1), {})
    return model, score(model.best, observed), observed


def near(seed, *shares):
    """Nested columns that expose these shares of the cells."""
    values = np.random.default_rng(seed).random(CELLS)
    return [values < share for share in shares]


def all_at(column, mean, seed=3):
    """Poisson counts in the exposed cells only."""
    return np.random.default_rng(seed).poisson(np.where(column, mean, 0.0)).astype(float)


@pytest.mark.parametrize("family", FAMILIES)
def test_half_an_event_on_the_empty_side(family):
    """40 events in 10 exposed cells: each 4; the 90 others share half an event."""
    rows = Rows(np.array([[0.0], [1.0]]), np.array([0.0, 4.0]), np.array([90.0, 10.0]), np.zeros(2))
    found = finite_fit(family, rows, 1)
    assert_allclose(np.exp(found.coefficients), [0.5 / 90, 720], rtol=2e-3)
    assert found.separated == (0,)
    assert found.standard_errors[1] == pytest.approx(np.sqrt(1 / 0.5 + 1 / 40), rel=2e-3)


def test_the_other_coefficients_are_those_of_the_cells_that_are_left():
    """In the limit the empty side says nothing: intercept + coefficient and the rest are those of a fit without it."""
    random = np.random.default_rng(5)
    a, b = random.random(CELLS) < 0.3, random.random(CELLS) < 0.4
    counts = random.poisson(np.where(a, np.exp(0.2 + 0.7 * b), 0.0)).astype(float)
    rows = Rows(np.column_stack([a, b]).astype(float), counts, np.ones(CELLS), np.zeros(CELLS))
    found = finite_fit("poisson", rows, 2)
    left = fit("poisson", Rows(b[a, None].astype(float), counts[a], np.ones(a.sum()), np.zeros(a.sum())))
    assert found.coefficients[0] + found.coefficients[1] == pytest.approx(left.coefficients[0], abs=1e-9)
    assert found.coefficients[2] == pytest.approx(left.coefficients[1], abs=1e-9)
    assert found.standard_errors[2] == pytest.approx(left.standard_errors[1], rel=1e-9)
    assert np.exp(rows.matrix @ found.coefficients)[~a].sum() == pytest.approx(0.5, rel=1e-9)


def test_a_fit_with_a_maximum_is_untouched():
    rows = Rows(np.array([[0.0], [1.0]]), np.array([2.0, 6.0]), np.ones(2), np.zeros(2))
    plain, found = fit("nb1", rows), finite_fit("nb1", rows, 1)
    assert found.coefficients.tobytes() == plain.coefficients.tobytes()
    assert found.separated == ()


def test_two_factors_that_leave_no_event_only_together():
    """Every event is near a or near b, and no cell is near both: neither alone separates, both together do."""
    counts = np.repeat([0.0, 3.0, 5.0], [80, 10, 10])
    design = np.repeat([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [80, 10, 10], axis=0)
    rows = Rows(design, counts, np.ones(100), np.zeros(100))
    with pytest.raises(FitError):
        fit("poisson", rows)
    found = finite_fit("poisson", rows, 2)
    assert found.separated == (0, 1)
    assert_allclose(np.exp(found.coefficients), [0.5 / 80, 3 * 80 / 0.5, 5 * 80 / 0.5], rtol=1e-6)


def test_all_events_at_one_factor():
    """The model holds that factor, says so, and the map is not flat."""
    stations, pubs = near(1, 0.02, 0.06, 0.2), near(2, 0.1, 0.3)
    counts = all_at(stations[0], 8.0)
    model, terrain, _ = modelled(counts, candidate_set({"pubs": pubs, "stations": stations}))
    assert [term.name for term in model.selected] == ["stations_proximity_1"]
    told = [finding.text for finding in separation_findings(model)]
    assert len(told) == 1
    exposed = int(stations[0].sum())
    assert told[0].startswith(f"All {counts.sum():,.0f} events lie in the {exposed} cells (")
    assert "within 1 of 'stations'" in told[0]
    assert "no ratio can be estimated" in told[0]
    assert "flat" not in " ".join(told)
    assert terrain.scores[stations[0]].min() > 100 * terrain.scores[~stations[0]].max()
    expected = (counts.sum() / exposed) / (0.5 / (CELLS - exposed))
    assert model.selected[0].rrv == pytest.approx(expected, rel=0.02)
    assert model.verification.status == "verified"


def test_all_beats_half():
    """A factor that holds every event comes before one that holds half of them, which stays in the model too."""
    bars, shops = near(11, 0.05, 0.15), near(12, 0.05, 0.15)
    random = np.random.default_rng(13)
    counts = random.poisson(np.where(bars[0], np.where(shops[1], 8.0, 1.5), 0.0)).astype(float)
    model, terrain, _ = modelled(counts, candidate_set({"shops": shops, "bars": bars}))
    assert [term.factor for term in model.selected] == ["bars", "shops"]
    assert [factor.factor for factor in model.separation.factors] == ["bars"]
    both, only_bars, only_shops = bars[0] & shops[1], bars[0] & ~shops[1], ~bars[0] & shops[1]
    order = [float(terrain.scores[cells].mean()) for cells in (both, only_bars, only_shops)]
    assert order == sorted(order, reverse=True)


def test_it_survives_the_culling():
    """Whatever the penalty says, the variable is tried; the file still tells truly what survived."""
    bars, shops = near(21, 0.05, 0.15), near(22, 0.1)
    counts = all_at(bars[0], 3.0)
    candidates = candidate_set({"bars": bars, "shops": shops})
    assert [f.name for f in separated_factors(counts, candidates)] == ["bars_proximity_1"]
    found = select_model(counts, candidates, SelectionSettings())
    assert [c.name for c in found.best.candidates] == ["bars_proximity_1"]


def test_protective():
    """No event near the stations, though many were to be expected there: its rate is divided."""
    stations = near(31, 0.3, 0.5)
    counts = all_at(~stations[0], 0.5)
    model, terrain, _ = modelled(counts, candidate_set({"stations": stations}, protective=["stations"]))
    (term,) = model.selected
    assert (term.name, term.direction) == ("stations_proximity_1", "protective")
    rate, empty = counts.sum() / (~stations[0]).sum(), 0.5 / stations[0].sum()
    assert term.rrv == pytest.approx(rate / empty, rel=1e-6)
    assert terrain.scores[stations[0]].max() < terrain.scores[~stations[0]].min()
    (finding,) = separation_findings(model)
    assert finding.sentence.startswith(f"None of the {counts.sum():,.0f} events lies in the {stations[0].sum()} cells")
    assert "÷" in finding.sentence


def test_empty_by_chance_is_not_separation():
    """A few exposed cells without an event, where hardly any was to be expected, are nothing to speak of."""
    parks = near(41, 0.004)
    counts = all_at(~parks[0], 0.3)
    assert separated_factors(counts, candidate_set({"parks": parks}, protective=["parks"])) == ()
    wide = [~column for column in parks]
    assert separated_factors(counts, candidate_set({"bus_stops": wide})) == ()


def test_a_wide_influence_gives_way_to_a_narrow_one_that_tells_more():
    """All events lie within the wide influence, most within the narrow one: that is no separation worth a word."""
    bars = near(51, 0.05, 0.5)
    counts = all_at(bars[0], 6.0) + all_at(bars[1] & ~bars[0], 0.05, seed=4)
    candidates = candidate_set({"bars": bars})
    assert separated_factors(counts, candidates) == ()
    model, _, _ = modelled(counts, candidates)
    assert [term.name for term in model.selected] == ["bars_proximity_1"]
    assert model.separation is None
    assert "separation" not in json.loads(model.to_json())


def test_one_event():
    """One event in the only exposed cells is said, and does not make a model."""
    counts = np.zeros(CELLS)
    stations = near(61, 0.01)
    counts[np.flatnonzero(stations[0])[0]] = 1.0
    model, _, _ = modelled(counts, candidate_set({"stations": stations}), SelectionSettings(cull=False))
    assert model.selected == ()
    sentences = [finding.sentence for finding in model_findings(model)]
    assert sentences[0].startswith("The one event lies in the")
    assert "too little to go by" in sentences[0]
    assert not any("flat" in sentence for sentence in sentences)


def test_rare_exposure():
    """Four exposed cells speak for the value: it is said."""
    bars = [np.arange(CELLS) < 4]
    random = np.random.default_rng(71)
    counts = random.poisson(np.where(bars[0], 9.0, 0.1)).astype(float)
    model, _, _ = modelled(counts, candidate_set({"bars": bars}))
    assert [term.factor for term in model.selected] == ["bars"]
    (rare,) = model.separation.rare
    assert (rare.factor, rare.cells_exposed, rare.events_exposed) == ("bars", 4, counts[:4].sum())
    (finding,) = separation_findings(model)
    assert "rests on 4 exposed cells" in finding.sentence


def test_with_an_exposure():
    """Half an event is spread by the exposure, and the ranking weighs ground by it."""
    stations = near(81, 0.05)
    homes = np.random.default_rng(82).integers(1, 20, CELLS).astype(float)
    counts = all_at(stations[0], 0.5 * homes)
    model, _, _ = modelled(counts, candidate_set({"stations": stations}), covariates=Covariates(homes, "homes"))
    (term,) = model.selected
    rate = counts.sum() / homes[stations[0]].sum()
    assert term.rrv == pytest.approx(rate / (0.5 / homes[~stations[0]].sum()), rel=1e-3)
    gain = counts.sum() * np.log(homes.sum() / homes[stations[0]].sum())
    assert model.separation.factors[0].log_likelihood_gain == pytest.approx(gain, rel=1e-9)


def test_the_file_keeps_it():
    stations = near(1, 0.02, 0.06)
    model, _, _ = modelled(all_at(stations[0], 8.0), candidate_set({"stations": stations}))
    again = RiskModel.from_json(model.to_json())
    assert again.separation == model.separation
    assert again.separation.without_estimate == ("stations_proximity_1",)
    assert replace(again, provenance=model.provenance) == model


def test_why_there_is_no_place():
    """One factor that exposes a fifth of the cells: its score is the highest, and the mean + 2 SD lies above it."""
    scores = np.where(np.arange(1000) < 200, 3.0, 1.0).astype(np.float32)
    finding = no_places_finding(scores, PlaceSettings())
    cut = ScoreSummary.of(scores).cuts[2]
    assert finding.numbers["limit"] == pytest.approx(cut)
    assert finding.numbers["cells_with_highest"] == 200
    assert "the mean + 2 SD is 3.001, and the highest score, which 200 cells (20.0 %) share, is 3." in finding.sentence
    flat = no_places_finding(np.ones(1000, np.float32), PlaceSettings())
    assert "every cell has the same score" in flat.sentence
