"""What is no number never gets into a result: rasters refuse it, tables leave the cell empty, JSON says null."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from risk_terrain.rtm_plugin.adapters.rasters import Band, write_raster
from risk_terrain.rtm_plugin.adapters.tables import write_table
from risk_terrain.rtm_plugin.core.errors import OutputError
from risk_terrain.rtm_plugin.core.ground.grid import Grid
from risk_terrain.rtm_plugin.report.findings import Parameter
from risk_terrain.rtm_plugin.report.first_page import first_page
from running import files, process, refusal, run_inputs

GRID = Grid(400000, 300200, 100, 200, np.ones((2, 2), bool), "EPSG:27700")


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -9999.0])
def test_a_raster_is_not_written(wrong, tmp_path):
    """Neither what is no number nor the value that stands for none."""
    values = np.array([1.0, 2.0, wrong, 4.0], np.float32)
    with pytest.raises(OutputError, match="1 cells have no number for 'relative risk score'"):
        write_raster(str(tmp_path / "t.tif"), GRID, [Band(values, "relative risk score")], -9999.0, "terrain")
    assert files(tmp_path) == []


def test_a_table_has_an_empty_cell(tmp_path):
    path = str(tmp_path / "t.csv")
    write_table(path, path, (("name", str), ("value", float)), [["a", np.inf], ["b", float("nan")], ["c", 2.5]])
    with open(path, encoding="utf-8") as file:
        assert [row["value"] for row in csv.DictReader(file)] == ["", "", "2.5"]


def test_the_first_page_has_null():
    row = Parameter(
        kind="risk factor",
        name="b",
        factor="b",
        operationalisation="proximity",
        distance=1.0,
        coefficient=5.0,
        standard_error=1e3,
        z=0.0,
        p_value=1.0,
        rrv=148.4,
        low=0.0,
        high=float("inf"),
    )
    context = SimpleNamespace(title="t")
    found = SimpleNamespace(
        context=context,
        headline=(),
        warnings=(),
        caveats=(),
        doubt=SimpleNamespace(not_established=()),
        factor_rows=(row,),
        lists=(),
    )
    assert json.loads(json.dumps(first_page(found), allow_nan=False))["factors"][0]["high"] is None


def test_an_absurd_parameter_is_refused_or_kept_as_text(city, tmp_path):
    """A seed that is no number: a sentence, or a model file without it; never half a file or a trace."""
    model = tmp_path / "m.json"
    run = run_inputs(
        city, FACTORS=city.factors, OUTPUT_TERRAIN=str(tmp_path / "t.tif"), OUTPUT_MODEL=str(model), SEED=float("nan")
    )
    try:
        process("run", run)
    except Exception:
        assert "unexpected" not in refusal("run", run)
        return
    json.loads(model.read_text(encoding="utf-8"), parse_constant=pytest.fail)
