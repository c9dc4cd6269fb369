"""rtm:run beyond the terrain: the forecast, and all maps measured on later events, which touch no map."""

from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from running import Log, bands, files, process, run_parameters
from small_city import City, point_wkt, write_layer

MAPS = ("terrain.tif", "expected.tif", "forecast.tif")


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
    return run_parameters(city, folder, CULL="no", FAMILY="poisson", **extra, **changes)


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


def test_later_events_change_no_byte_of_any_map(city, later, measured, out):
    process("run", asked(city, out, TEST_EVENTS=later[1]))
    for name in MAPS:
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
