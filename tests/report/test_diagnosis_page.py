"""The page of a diagnosis: every check and figure, pictures that say what they show, and nothing a name could do."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.answers.diagnosis import diagnose
from risk_terrain.rtm_plugin.core.answers.diagnosis_checks import checks_of
from risk_terrain.rtm_plugin.core.candidates.columns import Candidate, CandidateSet, FactorCandidates
from risk_terrain.rtm_plugin.core.candidates.covariates import Observations
from risk_terrain.rtm_plugin.core.documents.settings import SelectionSettings
from risk_terrain.rtm_plugin.core.ground.grid import Grid
from risk_terrain.rtm_plugin.core.pipeline import fit_model
from risk_terrain.rtm_plugin.core.selection.separation import RareExposure, SeparatedFactor, SeparationSummary
from risk_terrain.rtm_plugin.core.study import Events
from risk_terrain.rtm_plugin.report.diagnosis import diagnosis_findings
from risk_terrain.rtm_plugin.report.diagnosis_page import render_diagnosis
from risk_terrain.rtm_plugin.report.wording import NBSP, fixed, number
from test_report import context, findings, leeds, places
from test_report import page as report_page
from test_validation_page import HOSTILE, Page

GRID = Grid(0.0, 2000.0, 100.0, 200.0, np.ones((20, 20), bool))


def diagnosed(names=("bars", "police"), acting=True, permutations=19):
    """A model of two factors, the second protective, on clumps that share a rate; or of none."""
    random = np.random.default_rng(3)
    columns = [random.random(GRID.cells) < share for share in (0.2, 0.3)]
    blocks = []
    for name, column, direction in zip(names, columns, ("aggravating", "protective"), strict=True):
        ladder = [column, np.arange(GRID.cells) < 3]
        candidates = [Candidate(f"{name}_proximity_{k}", name, "proximity", 100.0 * k, direction) for k in (1, 2)]
        blocks.append(FactorCandidates.from_columns(candidates, ladder))
    shared = np.kron(random.gamma(1.0, 1.0, (5, 5)), np.ones((4, 4))).ravel()
    rate = shared * np.exp(1.4 * columns[0] - 1.0 * columns[1]) if acting else np.full(GRID.cells, 0.7)
    counts = random.poisson(rate).astype(float)
    observed = Observations(grid=GRID, counts=counts, candidates=CandidateSet(tuple(blocks)))
    settings = SelectionSettings("nb1", cull=False, significance="plain")
    model = fit_model(observed, Events(counts, float(counts.sum()), 0.0), settings, {})
    label = np.zeros(GRID.cells, dtype=np.int64)
    label[np.flatnonzero(columns[0])[:20]] = 1
    return diagnose(observed, model, label, permutations)


@pytest.fixture(scope="module")
def found():
    return diagnosis_findings(diagnosed(), context(("bars", "police"), title="Robbery", outcome="robbery"))


def test_every_check_and_figure_is_on_the_page(found):
    text = Page(render_diagnosis(found)).text
    assert len(found.diagnosis.supports) == 2
    for check in found.checks:
        assert check.sentence in text
        assert number(check.number) in text
    for one in found.diagnosis.supports:
        assert f"{number(float(np.exp(one.told)))} (" in text
        assert fixed(one.cell.z, 1) in text
        assert f"{fixed(one.place.z_without, 1)} (place 1)" in text
    for group in found.diagnosis.tenths:
        assert number(group.expected) in text
    for value in found.diagnosis.rootogram.expected:
        assert fixed(float(value), 1) in text
    assert "÷ " in text
    assert "2 candidate variables with fewer than five events or cells on one side" in text.replace(NBSP, " ")
    assert "in 400 cells of 100 metres" in text.replace(NBSP, " ")


def test_what_warns_comes_first(found):
    assert found.headline[0].replace(NBSP, " ") == (
        f"{len(found.warnings)} of {len(found.checks)} checks give a warning."
    )
    page = render_diagnosis(found)
    assert page.index("Read this first") < page.index("What was found") < page.index("All checks")
    assert page.count('<tr class="chosen">') == len(found.warnings) > 1
    calm = diagnosis_findings(diagnosed(acting=False), context(("bars", "police")))
    assert calm.headline[0].replace(NBSP, " ") == "None of 6 checks gives a warning."
    text = Page(render_diagnosis(calm)).text
    assert "Read this first" not in text
    assert "What do the factors rest on?" not in text


def test_page_is_whole_and_asks_for_nothing(found):
    page = render_diagnosis(found)
    parsed = Page(page)
    assert parsed.open == []
    assert len(parsed.images) == 4
    for picture in parsed.images:
        assert all(f'id="{key}"' in page for key in picture["aria-labelledby"].split())
    assert not re.search(r"https?://|<script|javascript:", page)
    assert page == render_diagnosis(found)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(name):
    told = diagnosis_findings(diagnosed((name, f"{name}2")), context((name, f"{name}2"), title=name, outcome=name))
    page = Page(render_diagnosis(told))
    assert page.open == []
    assert "script" not in page.names
    assert len(page.images) == 4
    assert name in page.text
    assert json.loads(told.to_json())["factors"][0]["factor"].startswith(name)


def test_an_infinite_number_is_told_and_null_in_json(found):
    first = found.diagnosis.supports[0]
    lost = replace(first, cell=replace(first.cell, change=None, z_without=None), block_error=None)
    other = diagnosis_findings(replace(found.diagnosis, supports=(lost,)), context(("bars",)))
    assert "∞" in Page(render_diagnosis(other)).text
    assert "no estimate" in Page(render_diagnosis(other)).text
    document = json.loads(other.to_json())
    assert next(c for c in document["checks"] if c["name"] == "Single cells")["number"] is None
    assert document["factors"][0]["cell"]["z_without"] is None


def test_the_report_of_a_run_tells_what_warns(found):
    """Sentences of the checks that warn, under How sure is this?, with the figure; and no others."""
    text = Page(report_page(leeds(), context(), places(), diagnosis=found.diagnosis)).text
    section = text.split("How sure is this?")[2].split("Priority places")[0]
    warned = [check for check in found.checks if check.severity == "warning"]
    assert [check.name for check in warned if check.sentence in section] == [check.name for check in warned]
    assert not [check for check in found.checks if check.severity == "note" and check.sentence in section]
    assert "the tool ‘Does the model fit?’ has all of them" in section
    assert "Do as many events happen as the map expects?" in section
    assert "Do as many events happen" not in text.rsplit("The fit in full", 1)[1], "the figure is there once"
    assert "in numbers" in text.rsplit("The fit in full", 1)[1]
    told = json.loads(findings(leeds(), context(), places(), diagnosis=found.diagnosis).to_json())
    assert [check["name"] for check in told["doubt"]["checks"]] == [check.name for check in warned]


def test_the_report_tells_nothing_twice(found):
    """What stands under Read this first is not told again."""
    held = SeparatedFactor(
        name="bars_proximity_1", factor="bars", direction="aggravating", events=9.0, cells_exposed=3, cells=400,
        log_likelihood_gain=9.0,
    )  # fmt: skip
    rare = tuple(one for one in found.diagnosis.exposures if one.name.endswith("_2"))
    worse = replace(found.diagnosis, separated=(held,), exposures=rare)
    warn = {check.name for check in checks_of(worse) if check.severity == "warning"}
    assert {"Separation", "Rare exposure"} <= warn
    model = leeds()
    few = RareExposure(model.selected[0].name, "bus_stops", 3, 4.0)
    with_rare = replace(model, separation=SeparationSummary(rare=(few,)))
    told = {check.name for check in findings(model, context(), places(), diagnosis=worse).doubt.checks}
    assert told == warn - {"Separation"}
    told = {check.name for check in findings(with_rare, context(), places(), diagnosis=worse).doubt.checks}
    assert told == warn - {"Separation", "Rare exposure"}
