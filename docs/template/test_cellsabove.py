"""rtm:cellsabove: parameters, refusals, a run."""

import pytest
from running import bands, process, refusal


def test_parameters(provider):
    names = [definition.name() for definition in provider.algorithm("cellsabove").parameterDefinitions()]
    assert names == ["TERRAIN", "VALUE"]


def test_refusals():
    assert "TERRAIN" in refusal("cellsabove", {"TERRAIN": "nothing.tif"})


def test_a_run(chain):
    """As many as numpy counts."""
    values = bands(chain["terrain"])[0]
    results = process("cellsabove", {"TERRAIN": chain["terrain"], "VALUE": 2})
    assert results["CELLS"] == (values > 2).sum()
    assert results["SHARE"] == pytest.approx(100 * results["CELLS"] / (values > 0).sum())
