"""rtm:forecast on the small city: what core computes is what the files hold; one or several periods; refusals."""

import json

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.forecast.empirical_bayes import PARTS, ForecastSettings, History, forecast
from risk_terrain.rtm_plugin.core.forecast.wide_terrain import wide_terrain
from risk_terrain.rtm_plugin.core.pipeline import count, run
from running import Log, bands, descriptions, files, process, refusal
from small_city import as_study, write_layer

OUTSIDE = (
    "15 of 193 events of 'events' (8%) lie outside the study area and were not counted. Check that layer and study "
    "area belong together."
)
OUTPUTS = {
    "OUTPUT": "forecast.tif",
    "OUTPUT_LOWER": "lower.tif",
    "OUTPUT_UPPER": "upper.tif",
    "OUTPUT_PROBABILITY": "probability.tif",
    "OUTPUT_PARTS": "parts.tif",
    "OUTPUT_JSON": "forecast.json",
}


def asked(city, chain, folder, **changes):
    """rtm:forecast on the city with every output in a folder."""
    return {
        "MODEL": chain["model"],
        "CANDIDATES": [chain[name] for name in ("bars", "footpaths", "parks", "kiosks")],
        "EVENTS": [city.layer("events")],
        **{name: str(folder / file) for name, file in OUTPUTS.items()},
        **changes,
    }


def years(city):
    """The events by year, as sources."""
    return [f'{city.layer("events")}|subset="year" = {year}' for year in (2024, 2025)]


@pytest.fixture
def made(city, chain, out):
    log = Log()
    return process("forecast", asked(city, chain, out), log), out, log


def test_files_hold_what_core_computes(made, city):
    results, folder, _ = made
    study = run(as_study(city), {})
    grid = study.observations.grid
    counts = study.observations.counts
    wide = wide_terrain(study.observations, counts)
    found = forecast(grid, study.terrain.expected, [History(counts)], wide=wide)
    for name, values in (
        ("forecast", found.expected.astype(np.float32)),
        ("probability", found.probability.astype(np.float32)),
        ("lower", found.lower),
        ("upper", found.upper),
    ):
        np.testing.assert_array_equal(bands(folder / f"{name}.tif")[0][grid.mask], values)
    parts = bands(folder / "parts.tif")[:, grid.mask]
    np.testing.assert_allclose(parts.sum(axis=0), 1.0, atol=1e-6)
    assert descriptions(folder / "parts.tif") == [f"share of {name}" for name in PARTS]
    assert results["EXPECTED_EVENTS"] == pytest.approx(found.evidence.level)
    assert results["EVENTS_USED"] == found.evidence.events == study.events.inside


def test_every_raster_has_its_style(made):
    _, folder, _ = made
    rasters = [name for name in OUTPUTS.values() if name.endswith(".tif")]
    assert files(folder) == sorted([*OUTPUTS.values(), *(name.replace(".tif", ".qml") for name in rasters)])
    assert "% likely to be in the top 5 %" in (folder / "probability.qml").read_text(encoding="utf-8")


def test_the_document_tells_choices_and_evidence(made):
    _, folder, log = made
    told = json.loads((folder / "forecast.json").read_text(encoding="utf-8"))
    assert (told["format"], told["version"]) == ("risk-terrain-forecast", 1)
    assert told["settings"] == {"top_share": 5.0, "coverage": 90.0}
    assert sum(component["weight"] for component in told["components"]) == pytest.approx(1)
    assert sum(told["parts"].values()) == pytest.approx(1)
    assert told["provenance"]["inputs"][0]["role"] == "events"
    assert any("178.0 events (events) are expected in a coming period as long as that" in note for note in log.notes)
    assert log.warnings == [OUTSIDE]
    assert log.errors == []


def test_again_and_by_other_names_the_same_bytes(made, city, chain, tmp_path):
    _, folder, _ = made
    other = tmp_path / "again"
    process("forecast", asked(city, chain, other))
    for name in OUTPUTS.values():
        if name.endswith(".tif"):
            assert (folder / name).read_bytes() == (other / name).read_bytes()


def test_periods_oldest_first_with_durations(city, chain, out):
    process("forecast", asked(city, chain, out, EVENTS=years(city), DURATIONS="1, 0.5", TOP_SHARE=10))
    told = json.loads((out / "forecast.json").read_text(encoding="utf-8"))
    study = run(as_study(city), {})
    grid = study.observations.grid
    halves = [count(grid, city.events[i::2]).counts for i in (0, 1)]
    history = [History(halves[0]), History(halves[1], 0.5)]
    wide = wide_terrain(study.observations, halves[0] + halves[1])
    found = forecast(grid, study.terrain.expected, history, ForecastSettings(top_share=10), wide=wide)
    np.testing.assert_array_equal(bands(out / "forecast.tif")[0][grid.mask], found.expected.astype(np.float32))
    assert told["method"] == "later periods from earlier"
    assert told["level"] == pytest.approx(study.events.inside / 1.5)


def test_only_what_is_wanted_is_written(city, chain, out):
    unwanted = dict.fromkeys(name for name in OUTPUTS if name != "OUTPUT")
    process("forecast", asked(city, chain, out, **unwanted))
    assert files(out) == ["forecast.qml", "forecast.tif"]


def test_refusals(refused_forecast, city, chain, tmp_path):
    away = write_layer(tmp_path / "away.gpkg", "away", ["POINT (0 0)"])
    assert "None of the 1 events of 'away' lies inside the study area" in refused_forecast(EVENTS=[away])
    assert refused_forecast(DURATIONS="1,1").startswith("The durations '1,1' are not 1 numbers above 0")
    assert refused_forecast(DURATIONS="nan").startswith("The durations 'nan' are not 1 numbers above 0")
    assert refused_forecast(DURATIONS="-1").startswith("The durations '-1' are not 1 numbers above 0")
    assert "none of the candidate rasters holds" in refused_forecast(CANDIDATES=[chain["kiosks"]])


@pytest.fixture
def refused_forecast(city, chain, out):
    """The sentence with which rtm:forecast is refused; nothing is left behind."""

    def ask(**changes):
        sentence = refusal("forecast", asked(city, chain, out, **changes))
        assert files(out) == []
        return sentence

    return ask
