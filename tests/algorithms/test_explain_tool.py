"""rtm:explain on the small city."""

import json

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.model.document import RiskModel
from risk_terrain.rtm_plugin.core.pipeline import run
from risk_terrain.rtm_plugin.core.terrain.scores import shares
from running import Log, process
from small_city import as_study
from test_places_and_styles import places_of


@pytest.fixture
def ask(city, chain, out):
    def start(point: str, **changes):
        log = Log()
        given = {name.upper(): chain[name] for name in ("model", "terrain", "expected")}
        given |= {"FACTORS": city.factors, "POINT": point, "EVENTS": city.layer("events")}
        return process("explain", {**given, **changes}, log), log

    return start


@pytest.fixture(scope="module")
def core(city):
    return run(as_study(city), {})


@pytest.fixture(scope="module")
def highest(core):
    """The cell of the highest expected count, which both factors raise."""
    return int(core.terrain.expected.argmax())


def at(core, cell) -> str:
    x, y = core.grid.centres[cell]
    return f"{x + 20},{y - 20}"


def test_the_answer_is_that_of_core(core, highest, ask, out):
    results, log = ask(at(core, highest), OUTPUT=str(out / "answer.json"))
    answer = results["ANSWER"]
    assert json.loads((out / "answer.json").read_text(encoding="utf-8")) == json.loads(json.dumps(answer))
    assert answer["score"] == pytest.approx(core.terrain.scores[highest])
    assert answer["expected"] == pytest.approx(core.terrain.expected[highest])
    assert answer["observed"] == core.events.counts[highest]
    assert answer["rank"] == 1
    wanted = shares(core.model.selected, core.observations.candidates)[:, highest]
    told = {factor["factor"]: factor["share"] for factor in answer["factors"]}
    assert [told[term.factor] for term in core.model.selected] == pytest.approx(wanted)
    assert results["TEXT"].splitlines()[0].startswith("Relative risk score ")
    assert "association, not proof of cause" in results["TEXT"]
    assert [line for line in results["TEXT"].splitlines() if line not in log.notes] == []
    assert answer["notes"] == ()


def test_distances_are_to_the_nearest_feature(city, core, highest, ask):
    answer = ask(at(core, highest))[0]["ANSWER"]
    bars = next(factor for factor in answer["factors"] if factor["factor"] == "bars")
    gaps = np.hypot(*(city.bars - core.grid.centres[highest]).T)
    assert bars["nearest"] == pytest.approx(gaps.min())
    assert bars["nearest_feature"] == pytest.approx(tuple(city.bars[gaps.argmin()]))


def test_the_place_that_it_lies_in(city, chain, core, highest, ask):
    results, _ = ask(at(core, highest), PLACES=chain["places"])
    place = core.places.places[core.places.label[highest] - 1]
    told = results["ANSWER"]["place"]
    where = next(p["where"] for p, _ in places_of(chain["places"]) if p["rank"] == place.rank)
    assert told in results["TEXT"]
    assert told == (
        f"It lies in priority place {place.rank}: {where}, {place.cells} cells, {place.expected:,.1f} expected events, "
        f"{place.observed:,.4g} observed events, at work: {place.factor_text}."
    )
    lowest = int(core.terrain.expected.argmin())
    assert ask(at(core, lowest), PLACES=chain["places"])[0]["ANSWER"]["place"] == ""
    wards = ask(at(core, highest), PLACES=city.layer("area"))[0]["ANSWER"]["place"]
    assert wards == "It lies in a priority place."


def test_a_point_in_another_crs(core, highest, ask):
    from qgis.core import QgsCoordinateReferenceSystem as Crs
    from qgis.core import QgsCoordinateTransform, QgsCoordinateTransformContext, QgsPointXY

    to_degrees = QgsCoordinateTransform(Crs("EPSG:27700"), Crs("EPSG:4326"), QgsCoordinateTransformContext())
    place = to_degrees.transform(QgsPointXY(*core.grid.centres[highest]))
    answer = ask(f"{place.x()!r},{place.y()!r} [EPSG:4326]")[0]["ANSWER"]
    assert (answer["x"], answer["y"]) == tuple(core.grid.centres[highest])


def test_without_layers_the_rest_is_told(core, highest, ask):
    results, _ = ask(at(core, highest), FACTORS=None, EVENTS=None, EXPECTED=None)
    answer = results["ANSWER"]
    assert (answer["expected"], answer["observed"], answer["rank"]) == (None, None, 1)
    assert {factor["share"] for factor in answer["factors"]} == {None}
    assert "bars: not known, as its layer is not there" in results["TEXT"]


def test_other_events_than_those_fitted_on_are_told(city, core, highest, ask):
    answer = ask(at(core, highest), EVENTS=city.layer("kiosks"))[0]["ANSWER"]
    assert answer["notes"][-1].startswith(f"The model was fitted on {core.events.inside:,.0f} events, and the layer of")


def test_names_and_filters_of_the_factor_settings(city, chain, core, highest, ask):
    model = RiskModel.load(chain["model"])
    assert "bars" in {term.factor for term in model.selected}
    entry = {"layer": "bars", "filter": "kind = 'nothing'"}
    settings = {"format": "risk-terrain-factors", "version": 1, "factors": [entry]}
    answer = ask(at(core, highest), FACTOR_SETTINGS=json.dumps(settings))[0]["ANSWER"]
    bars = next(factor for factor in answer["factors"] if factor["factor"] == "bars")
    assert (bars["exposed"], bars["nearest"]) == (False, None)
    assert "were changed after the model was made" in answer["notes"][0]


def test_refusals(city, chain, refused):
    assert refused("explain", POINT="0,0") == (
        "The point lies in no cell of the risk terrain; choose a place on the coloured map."
    )
    assert "was not made by rtm:terrain or rtm:run" in refused("explain", TERRAIN=chain["counts"])
    assert "was not made by rtm:terrain or rtm:run" in refused("explain", EXPECTED=chain["terrain"])
