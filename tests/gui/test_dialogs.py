"""Dialogs of Processing, filled in and run to their end as an analyst does: everything that they load is there."""

import sys
from pathlib import Path

import pytest
from qgis.core import QgsProject

sys.path.insert(0, str(Path(__file__).parents[1] / "algorithms"))
from running import run_inputs, steps
from small_city import write_city


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return write_city(tmp_path_factory.mktemp("city") / "city.gpkg")


@pytest.fixture
def chain(city, tmp_path_factory, rtm):
    """Every step's output."""
    return steps(city, tmp_path_factory.mktemp("chain"))


def test_run_by_default_loads_what_it_wrote(city, run_dialog):
    """All outputs temporary, no later events: no validation is written, and nothing is missed."""
    results = run_dialog("rtm:run", run_inputs(city, CULL="no", FAMILY="poisson"))
    names = sorted(layer.name() for layer in QgsProject.instance().mapLayers().values())
    assert names == [
        "Expected events in a cell",
        "Forecast: expected events in a cell",
        "Priority places",
        "Risk terrain: relative risk score",
    ]
