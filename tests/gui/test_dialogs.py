"""Dialogs of Processing, filled in and run to their end as an analyst does: everything that they load is there."""

import sys
from pathlib import Path

import pytest
from qgis.core import QgsProject

sys.path.insert(0, str(Path(__file__).parents[1] / "algorithms"))
from running import run_inputs, steps


@pytest.fixture(scope="module")
def chain_files(tmp_path_factory) -> dict[str, str]:
    """Filled by the first test that needs it, as the provider is there only within a test."""
    return {"folder": str(tmp_path_factory.mktemp("chain"))}


@pytest.fixture
def chain(city, chain_files, rtm) -> dict[str, str]:
    """Every step's output."""
    if "terrain" not in chain_files:
        chain_files.update(steps(city, Path(chain_files["folder"])))
    QgsProject.instance().clear()
    return chain_files


def by_default(algorithm: str, city, chain) -> dict:
    """What an analyst must fill in; every output stays as the dialog proposes it."""
    grid, model, terrain = chain["grid"], chain["model"], chain["terrain"]
    expected, events = chain["expected"], city.layer("events")
    candidates = [chain["bars"], chain["footpaths"], chain["parks"], chain["kiosks"]]
    return {
        "studygrid": {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200},
        "countevents": {"GRID": grid, "EVENTS": events},
        "operationalise": {"GRID": grid, "FACTOR": city.layer("bars")},
        "selectmodel": {"COUNTS": chain["counts"], "CANDIDATES": candidates, "CULL": "no", "FAMILY": "poisson"},
        "terrain": {"MODEL": model, "CANDIDATES": candidates},
        "priorityplaces": {"TERRAIN": terrain},
        "forecast": {"GRID": grid, "EVENTS": [events], "MODEL": model, "CANDIDATES": candidates},
        "jointrisk": {"TERRAIN": terrain, "EVENTS": events},
        "whatif": {
            "MODEL": model,
            "TERRAIN": terrain,
            "EXPECTED": expected,
            "FACTOR": "bars",
            "BEFORE": city.layer("bars"),
        },
        "diagnose": {"MODEL": model, "COUNTS": chain["counts"], "CANDIDATES": candidates},
        "crossvalidate": {
            "COUNTS": chain["counts"],
            "CANDIDATES": candidates,
            "CULL": "no",
            "FAMILY": "poisson",
            "FOLDS": 2,
        },
    }[algorithm]


STEPS = ("studygrid", "countevents", "operationalise", "selectmodel", "terrain", "priorityplaces")


@pytest.mark.parametrize("algorithm", [*STEPS, "forecast", "jointrisk", "whatif", "crossvalidate", "diagnose"])
def test_a_dialog_by_default_loads_what_it_wrote(city, chain, run_dialog, algorithm):
    """No layer that is not there is waited for, and each that was written is loaded, once."""
    results = run_dialog(f"rtm:{algorithm}", by_default(algorithm, city, chain))
    loaded = sorted(layer.source().split("|")[0] for layer in QgsProject.instance().mapLayers().values())
    layers = [str(path) for path in results.values() if str(path).endswith((".tif", ".gpkg", ".csv"))]
    assert loaded == sorted(layers)


def test_run_by_default_loads_what_it_wrote(city, run_dialog):
    """All outputs temporary, no later events: no validation is written, and nothing is missed."""
    run_dialog("rtm:run", run_inputs(city, CULL="no", FAMILY="poisson"))
    names = sorted(layer.name() for layer in QgsProject.instance().mapLayers().values())
    assert names == [
        "Expected events in a cell",
        "Forecast: expected events in a cell",
        "Patrol places",
        "Priority places",
        "Risk terrain: relative risk score",
    ]
