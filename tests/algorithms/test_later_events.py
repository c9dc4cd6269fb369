"""rtm:run beyond the terrain: the forecast, and all maps measured on later events, which touch no map."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from running import Log, bands, files, process, run_parameters
from small_city import City, point_wkt, write_layer
from test_places_and_styles import cells_in, places_of

MAPS = ("terrain.tif", "expected.tif", "forecast.tif")
LISTS = ("places.gpkg", "patrol.gpkg")


@pytest.fixture
def later(city, tmp_path):
    """Two layers of later events: the city's own moved by a cell, and a handful elsewhere."""
    moved = city.events + 100.0
    return (
        write_layer(tmp_path / "a.gpkg", "later", point_wkt(moved)),
        write_layer(tmp_path / "b.gpkg", "later", point_wkt(moved[::7] - 250.0)),
    )


def asked(city: City, folder: Path, **changes) -> dict:
    folder.mkdir(exist_ok=True)
    extra = {"OUTPUT_FORECAST": str(folder / "forecast.tif"), "OUTPUT_VALIDATION": str(folder / "validation.html")}
    extra |= {"OUTPUT_PATROL": str(folder / "patrol.gpkg"), "PATROL_BUDGET": 5}
    return run_parameters(city, folder, **{"CULL": "no", "FAMILY": "poisson", **extra, **changes})


@pytest.fixture(scope="module", autouse=True)
def standing_clock():
    """A GeoPackage keeps when it was written; here always the same moment."""
    gdal.SetConfigOption("OGR_CURRENT_DATE", "2026-01-01T00:00:00.000Z")
    yield
    gdal.SetConfigOption("OGR_CURRENT_DATE", None)


@pytest.fixture(scope="module")
def measured(city, provider, tmp_path_factory):
    """A run with the first of them: its folder, results and log. Look, do not touch."""
    folder, log = tmp_path_factory.mktemp("measured"), Log()
    events = write_layer(tmp_path_factory.mktemp("later") / "a.gpkg", "later", point_wkt(city.events + 100.0))
    return folder, process("run", asked(city, folder, TEST_EVENTS=events), log), log


@pytest.fixture(scope="module")
def unmeasured(city, provider, tmp_path_factory):
    """A run without later events: its folder and results. Look, do not touch."""
    folder = tmp_path_factory.mktemp("unmeasured")
    return folder, process("run", asked(city, folder))


def test_later_events_change_no_byte_of_any_map_or_list(city, later, measured, out):
    process("run", asked(city, out, TEST_EVENTS=later[1]))
    for name in (*MAPS, *LISTS):
        assert (measured[0] / name).read_bytes() == (out / name).read_bytes()
    pages = [(folder / "validation.html").read_text("utf-8") for folder in (measured[0], out)]
    assert pages[0] != pages[1]


def test_the_page_measures_terrain_forecast_and_baselines(measured):
    _, results, log = measured
    page = Path(results["OUTPUT_VALIDATION"]).read_text("utf-8")
    for name in ("risk terrain", "forecast", "prior counts", "kernel density of prior events", "random"):
        assert name in page
    at_five = next(row for row in results["ACCURACY"] if row["share"] == 0.05)
    told = f"‘risk terrain’ held {100 * at_five['hit_rate']['expected']:.1f} % (95 % interval"
    assert told in page.replace("\u00a0", " ")
    assert any(told in note.replace("\u00a0", " ") for note in log.notes)


def test_it_is_the_forecast_of_the_single_step(city, chain, measured, out):
    folder, results, _ = measured
    candidates = [chain[source.rsplit("=", 1)[1]] for source in city.factors]
    given = {"MODEL": results["OUTPUT_MODEL"], "CANDIDATES": candidates, "EVENTS": [city.layer("events")]}
    process("forecast", {**given, "OUTPUT": str(out / "step.tif")})
    np.testing.assert_allclose(bands(folder / "forecast.tif"), bands(out / "step.tif"), rtol=1e-5)


def test_patrol_places_are_those_of_the_single_step(city, out):
    """From the run's forecast and beside its priority places; each list names the places of the other."""
    results = process("run", asked(city, out))
    given = {"FORECAST": results["OUTPUT_FORECAST"], "PLACES": results["OUTPUT_PLACES"], "BUDGET": 5}
    process("patrolplaces", {**given, "OUTPUT": str(out / "step.gpkg")})
    of_run, of_step, priority = (places_of(out / f"{name}.gpkg") for name in ("patrol", "step", "places"))
    assert [(p, g.ExportToWkt()) for p, g in of_run] == [(p, g.ExportToWkt()) for p, g in of_step]
    assert results["PATROL_COUNT"] == len(of_run)
    patrols = {place["rank"]: (cells_in(geometry), place) for place, geometry in of_run}
    overlapping = set()
    for place, geometry in priority:
        cells = cells_in(geometry)
        shared, rank = max((np.count_nonzero(cells & own), -rank) for rank, (own, _) in patrols.items())
        overlapping |= {rank for rank, (own, _) in patrols.items() if (cells & own).any()}
        assert place["patrol_rank"] == (-rank if shared else None)
        assert place["patrol_share"] == (pytest.approx(patrols[-rank][1]["share"]) if shared else None)
    assert {rank for rank, (_, place) in patrols.items() if place["problem"]} == overlapping != set()


@pytest.mark.parametrize("unwanted", [{"OUTPUT_FORECAST": None}, {"OUTPUT_FORECAST": None, "OUTPUT_PATROL": None}])
def test_a_forecast_is_made_where_patrol_places_are_wanted(city, out, unwanted):
    """And nowhere else, as it takes the time of a run again."""
    log = Log()
    results = process("run", asked(city, out, **unwanted), log)
    wanted = "OUTPUT_PATROL" not in unwanted
    assert ("PATROL_COUNT" in results) == ("patrol.gpkg" in files(out)) == wanted
    assert any("patrol place" in note for note in log.notes) == wanted
    assert "forecast.tif" not in files(out)
    ranks = [place["patrol_rank"] for place, _ in places_of(out / "places.gpkg")]
    assert any(ranks) == wanted


def test_bounds_and_evidence_are_those_of_the_single_step(city, chain, out):
    names = {"LOWER": "lower.tif", "UPPER": "upper.tif", "PROBABILITY": "probability.tif", "JSON": "evidence.json"}
    more = {f"OUTPUT_FORECAST_{name}": str(out / file) for name, file in names.items()}
    results = process("run", asked(city, out, OUTPUT_FORECAST=None, **more))
    candidates = [chain[source.rsplit("=", 1)[1]] for source in city.factors]
    given = {"MODEL": results["OUTPUT_MODEL"], "CANDIDATES": candidates, "EVENTS": [city.layer("events")]}
    alone = {f"OUTPUT_{name}": str(out / f"step_{file}") for name, file in names.items()}
    process("forecast", {**given, "OUTPUT": str(out / "step.tif"), **alone})
    assert not (out / "forecast.tif").exists()
    for file in ("lower.tif", "upper.tif", "probability.tif"):
        np.testing.assert_allclose(bands(out / file), bands(out / f"step_{file}"), atol=1e-4)
    told, step = (json.loads((out / name).read_text("utf-8")) for name in ("evidence.json", "step_evidence.json"))
    assert told["settings"] == step["settings"]
    assert told["dispersion"]["value"] == pytest.approx(step["dispersion"]["value"], rel=1e-4)


def test_the_first_page_says_what_the_lists_are_for_and_how_they_did(city, later, out):
    """Hit rate and PAI of all cells of a list, beside the best cells of prior counts on the same area."""
    log = Log()
    run = asked(city, out, TEST_EVENTS=later[0], OUTPUT_FINDINGS=str(out / "findings.json"))
    results = process("run", run, log)
    grid = bands(out / "terrain.tif")[0] > 0
    came, prior = (counted(points)[grid] for points in (city.events + 100.0, city.events))
    told = json.loads((out / "findings.json").read_text("utf-8"))["lists"]
    assert [row["name"] for row in told] == ["priority places", "patrol places"]
    page = " ".join(re.sub("<[^>]+>", " ", (out / "report.html").read_text("utf-8")).split())
    for row, name in zip(told, ("places", "patrol"), strict=True):
        places = places_of(out / f"{name}.gpkg")
        ground = np.any([cells_in(geometry) for _, geometry in places], axis=0)[grid]
        hit, number = came[ground].sum() / came.sum(), ground.sum()
        ends = np.sort(prior)[::-1][number - 1]
        rival = came[prior > ends].sum() + came[prior == ends].mean() * (number - (prior > ends).sum())
        assert (row["count"], row["share_of_cells"]) == (len(places), pytest.approx(ground.mean()))
        assert row["later"]["hit_rate"] == pytest.approx(hit)
        assert row["later"]["pai"] == pytest.approx(hit / ground.mean())
        assert row["later"]["rival_hit_rate"]["expected"] == pytest.approx(rival / came.sum())
        assert row["later"]["rival_pai"]["expected"] == pytest.approx(rival / came.sum() / ground.mean())
        assert row["later"]["lower"] <= hit - rival / came.sum() <= row["later"]["upper"]
        sentence = row["sentence"].replace("\u00a0", " ")
        assert f"They held {100 * hit:.1f}".removesuffix(".0") in sentence
        assert f", PAI {hit / ground.mean():.2f}; as many cells with the highest prior counts held" in sentence
        assert sentence in page.replace("\u00a0", " ")
        assert row["sentence"] in log.notes
        assert row["sentence"] in results["FINDINGS"]["lists"]
    assert "work on what drives the events" in told[0]["sentence"]
    assert "where to be present" in told[1]["sentence"]


def counted(points):
    """(20, 20): events in each cell of the city's square."""
    column, row = np.floor((points - [400_000, 300_000]) / 100).astype(int).T
    inside = (column >= 0) & (column < 20) & (row >= 0) & (row < 20)
    counts = np.zeros((20, 20))
    np.add.at(counts, (19 - row[inside], column[inside]), 1)
    return counts


def test_without_later_events_there_is_a_forecast_and_no_page(unmeasured):
    folder, results = unmeasured
    assert "OUTPUT_VALIDATION" not in results
    assert "forecast.tif" in files(folder)
    assert "validation.html" not in files(folder)


@pytest.mark.parametrize("at", [81, 85, 89, 92, 94])
def test_cancel(city, later, out, at):
    log = Log(stop_at=at)
    assert process("run", asked(city, out, TEST_EVENTS=later[0]), log) == {}
    assert "Cancelled; nothing was written." in log.notes
    assert files(out) == []


def test_a_forecast_makes_places_too(unmeasured, out):
    _, results = unmeasured
    given = {"TERRAIN": results["OUTPUT_FORECAST"], "EXPECTED": results["OUTPUT_FORECAST"], "RULE": "share", "VALUE": 5}
    found = process("priorityplaces", {**given, "OUTPUT": str(out / "likely.gpkg")})
    assert found["PLACE_COUNT"] > 0


def test_a_forecast_knows_the_period_it_was_made_from(city, out):
    days = [f"2024-{1 + i % 12:02}-15" for i in range(len(city.events))]
    dated = write_layer(out / "dated.gpkg", "events", point_wkt(city.events), {"day": days})
    results = process("run", asked(city, out, EVENTS=dated, EVENT_DATE_FIELD="day"))
    items = gdal.Open(results["OUTPUT_FORECAST"]).GetMetadata()
    assert (items["RTM_FIT_START"], items["RTM_FIT_END"]) == ("2024-01-15", "2024-12-15")
