"""Our maximum likelihood against R's glm and MASS::glm.nb, and an NB1 maximised in R (likelihood.R)."""

import json
from pathlib import Path

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.regression.likelihood import Rows, fit

HERE = Path(__file__).parent
STORED = json.loads((HERE / "likelihood.json").read_text())


@pytest.fixture(scope="module")
def rows():
    names = (HERE / "glmnet_small.csv").read_text().splitlines()[0].replace('"', "").split(",")
    values = np.loadtxt(HERE / "glmnet_small.csv", delimiter=",", skiprows=1)
    design = values[:, [names.index(column) for column in STORED["columns"]]]
    return Rows(design, values[:, names.index("count")], np.ones(len(values)), np.zeros(len(values)))


@pytest.mark.parametrize("family", STORED["fits"])
def test_fit_is_rs(rows, family):
    ours, theirs = fit(family, rows), STORED["fits"][family]
    assert ours.log_likelihood == pytest.approx(theirs["log_likelihood"], abs=1e-8)
    np.testing.assert_allclose(ours.coefficients, theirs["coefficients"], atol=1e-6)
    assert ours.dispersion == pytest.approx(theirs.get("dispersion"), abs=1e-6)
    if "standard_errors" in theirs:
        np.testing.assert_allclose(ours.standard_errors, theirs["standard_errors"], atol=1e-6)
