"""Our whole selection on Chicago against an independent run in R (chicago.R, which made the stored numbers)."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("osgeo", reason="the layers of Chicago are read with GDAL")

from chicago_export import read_study
from risk_terrain.rtm_plugin.core.candidates.columns import CandidateSet, operationalise
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.settings import SelectionSettings
from risk_terrain.rtm_plugin.core.ground.features import Features
from risk_terrain.rtm_plugin.core.selection.culling import cull
from risk_terrain.rtm_plugin.core.selection.stepwise import select

HERE = Path(__file__).parent


@pytest.fixture(scope="module", params=[100, 200], ids=["100 m cells", "200 m cells"])
def run(request, real_data):
    """Counts and candidates of ours, and the stored result of R, for one cell size."""
    stored = json.loads((HERE / f"chicago_{request.param}.json").read_text())
    grid, counts, _, factors = read_study(real_data, 2.0 * request.param)
    blocks = [
        operationalise(Features("point", xy, len(xy)), FactorSettings(name), grid) for name, xy in factors.items()
    ]
    return counts, CandidateSet(tuple(blocks)), stored


@pytest.fixture(scope="module")
def culling(run):
    counts, candidates, _ = run
    return cull(counts, candidates, SelectionSettings())


def test_cells_and_events(run):
    counts, _, stored = run
    assert len(counts) == stored["cells"]
    assert counts.sum() == stored["events"]


def test_exposed_cells(run):
    _, candidates, stored = run
    assert [c.name for c in candidates.candidates] == stored["candidates"]
    assert candidates.exposed().tolist() == stored["exposed"]


def test_cross_validated_choice(run, culling):
    _, _, stored = run
    for ours, theirs in zip(culling.paths, stored["paths"], strict=True):
        assert ours.best == theirs["best"]
        assert ours.penalties[ours.best] == pytest.approx(theirs["penalty"], abs=1e-7)
        assert ours.deviance[ours.best] == pytest.approx(theirs["deviance"], abs=1e-6)
        np.testing.assert_allclose(ours.coefficients[ours.best, :, 0], theirs["coefficients"], atol=1e-3)
    assert culling.l1_share == stored["l1_share"]


def test_survivors(run, culling):
    _, _, stored = run
    assert list(culling.survivors) == stored["survivors"]


@pytest.mark.parametrize("family", ["poisson", "nb1"])
def test_selected_model(run, culling, family):
    counts, candidates, stored = run
    ours, theirs = select(family, counts, candidates.only(culling.survivors)), stored["models"][family]
    assert [c.name for c in ours.candidates] == theirs["selected"]
    np.testing.assert_allclose(ours.fit.coefficients, theirs["coefficients"], atol=5e-4)
    np.testing.assert_allclose(ours.fit.standard_errors, theirs["standard_errors"], atol=5e-4)
    assert ours.fit.log_likelihood == pytest.approx(theirs["log_likelihood"], abs=5e-4)
    assert ours.fit.bic == pytest.approx(theirs["bic"], abs=5e-4)
    assert ours.fit.dispersion == pytest.approx(theirs.get("dispersion"), abs=5e-4)


def test_family(run):
    models = run[2]["models"]
    assert run[2]["family"] == min(models, key=lambda family: models[family]["bic"]) == "nb1"
