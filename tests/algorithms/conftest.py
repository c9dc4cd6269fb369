"""The provider, the small city, and results that many tests look at."""

import json
from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProject
from running import Log, files, only_terrain, process, qgis_process, refusal, run_parameters, steps
from small_city import FACTORS, write_city

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def provider(qgis_processing):
    """Provider `rtm`, registered while the tests of one file run."""
    from risk_terrain.rtm_plugin.provider import ALGORITHMS, RiskTerrainProvider

    QgsProject.instance().clear()
    registry = QgsApplication.processingRegistry()
    assert registry.providerById("rtm") is None, "an earlier test left the provider behind"
    mine = RiskTerrainProvider()
    assert registry.addProvider(mine)
    assert len(mine.algorithms()) == len(ALGORITHMS), "an algorithm could not be loaded; see stderr"
    yield mine
    registry.removeProvider(mine)


@pytest.fixture(scope="session")
def city(tmp_path_factory):
    return write_city(tmp_path_factory.mktemp("city") / "city.gpkg")


@pytest.fixture(scope="session")
def profile(tmp_path_factory):
    """A new QGIS profile that holds the plugin as a link to the repository, enabled as an administrator would."""
    folder = tmp_path_factory.mktemp("profile")
    plugins = folder / "profiles" / "default" / "python" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "risk_terrain").symlink_to(REPOSITORY, target_is_directory=True)
    done = qgis_process(folder, "plugins", "enable", "risk_terrain")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def _kept():
    return {}


@pytest.fixture
def whole_run(_kept, city, tmp_path_factory):
    """rtm:run on the city, once: folder, results, log, model. Look, do not touch."""
    if "run" not in _kept:
        folder, log = tmp_path_factory.mktemp("run"), Log()
        results = process("run", run_parameters(city, folder), log)
        _kept["run"] = folder, results, log, json.loads((folder / "model.json").read_text(encoding="utf-8"))
    return _kept["run"]


@pytest.fixture
def chain(_kept, city, tmp_path_factory):
    """All six steps on the city and a forecast, once: name → path. Look, do not touch."""
    if "chain" not in _kept:
        folder = tmp_path_factory.mktemp("chain")
        path = steps(city, folder) | {"forecast": str(folder / "forecast.tif")}
        unwanted = dict.fromkeys(f"OUTPUT_{name}" for name in ("LOWER", "UPPER", "PROBABILITY", "PARTS", "JSON"))
        given = {"MODEL": path["model"], "CANDIDATES": [path[name] for name in FACTORS]}
        given |= {"EVENTS": [city.layer("events")], "OUTPUT": path["forecast"]}
        process("forecast", {**given, **unwanted})
        _kept["chain"] = path
    return _kept["chain"]


@pytest.fixture
def out(tmp_path):
    """An empty folder for outputs."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def refused(city, chain, out):
    """Run an algorithm on the city with something wrong; gives the sentence, and sees that nothing is left."""

    def run(algorithm: str, **changes) -> str:
        target = str(out / "result.tif")
        asked = {
            "studygrid": {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200, "OUTPUT": target},
            "countevents": {"GRID": chain["grid"], "EVENTS": city.layer("events"), "OUTPUT": target},
            "operationalise": {"GRID": chain["grid"], "FACTOR": city.layer("bars"), "OUTPUT": target},
            "selectmodel": {
                "COUNTS": chain["counts"],
                "CANDIDATES": [chain["bars"]],
                "OUTPUT_MODEL": str(out / "model.json"),
                "OUTPUT_TABLE": str(out / "table.gpkg"),
            },
            "terrain": {
                "MODEL": chain["model"],
                "CANDIDATES": [chain["bars"], chain["footpaths"]],
                "OUTPUT": target,
                "OUTPUT_EXPECTED": str(out / "expected.tif"),
            },
            "priorityplaces": {"TERRAIN": chain["terrain"], "OUTPUT": str(out / "places.gpkg")},
            "patrolplaces": {"FORECAST": chain["forecast"], "OUTPUT": str(out / "patrol.gpkg")},
            "validate": {
                "TERRAINS": [chain["terrain"]],
                "EVENTS": city.layer("events"),
                "OUTPUT_TABLE": str(out / "table.csv"),
                "OUTPUT_JSON": str(out / "figures.json"),
                "OUTPUT_HTML": str(out / "page.html"),
            },
            "crossvalidate": {
                "COUNTS": chain["counts"],
                "CANDIDATES": [chain["bars"], chain["footpaths"]],
                "BLOCK_SIZE": 500,
                "CULL": "no",
                "OUTPUT_TABLE": str(out / "folds.csv"),
                "OUTPUT_SELECTION": str(out / "selection.csv"),
            },
            "jointrisk": {
                "TERRAIN": chain["terrain"],
                "EVENTS": city.layer("events"),
                "OUTPUT": target,
                "OUTPUT_TABLE": str(out / "classes.csv"),
            },
            "report": {"MODEL": chain["model"], "TERRAIN": chain["terrain"], "OUTPUT_REPORT": str(out / "page.html")},
            "explain": {
                **{name.upper(): chain[name] for name in ("model", "terrain", "expected")},
                "POINT": "400950,301150",
                "FACTORS": city.factors,
                "OUTPUT": str(out / "answer.json"),
            },
            "whatif": {
                **{name.upper(): chain[name] for name in ("model", "terrain", "expected")},
                "FACTOR": "bars",
                "BEFORE": city.layer("bars"),
                "OUTPUT": target,
                "OUTPUT_TABLE": str(out / "change.csv"),
            },
            "run": only_terrain(city, out),
        }[algorithm]
        sentence = refusal(algorithm, {**asked, **changes})
        assert files(out) == []
        return sentence

    return run
