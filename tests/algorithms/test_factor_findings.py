"""A factor that is empty, elsewhere, the outcome itself, or given twice: the same on every route."""

import json

import numpy as np
import pytest
from risk_terrain.rtm_plugin.adapters.study_file import save_study
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.study_document import Factor, LayerRef, StudyDocument
from running import Log, process, refusal, run_inputs
from small_city import point_wkt, write_layer


def far_points(tmp_path):
    return write_layer(tmp_path / "far.gpkg", "far", point_wkt(np.array([[10.0, 20.0], [500.0, 80.0]])))


def study_of(city, factors, tmp_path):
    """The same study as a file."""
    study = StudyDocument(
        title="Thefts",
        study_area=LayerRef(city.layer("area"), "area"),
        events=LayerRef(city.layer("events"), "events"),
        factors=tuple(Factor(LayerRef(source, name), FactorSettings(name)) for name, source in factors.items()),
    )
    save_study(study, tmp_path / "study.json")
    return str(tmp_path / "study.json")


def every_route(city, factors, tmp_path):
    """What rtm:run, rtm:runstudy and rtm:checkstudy refuse with."""
    study = study_of(city, factors, tmp_path)
    run = run_inputs(city, FACTORS=list(factors.values()), OUTPUT_TERRAIN=str(tmp_path / "t.tif"))
    folder = tmp_path / "results"
    return {
        refusal("run", run),
        refusal("runstudy", {"STUDY": study, "OUTPUT_FOLDER": str(folder)}),
        process("checkstudy", {"STUDY": study, "PART": "all"})["REFUSALS"],
    }


def test_elsewhere(city, tmp_path):
    """A study of many areas may have a factor that one of them lacks: it is told, and the run goes on without it."""
    factors = {"bars": city.layer("bars"), "far": far_points(tmp_path)}
    told = (
        "No feature of the risk factor 'far' lies in the study area or within its largest influence, 600, of it, so it "
        "can tell nothing. Check the layer and its CRS, or leave it out."
    )
    logs = {name: Log() for name in ("run", "runstudy", "checkstudy", "suggest")}
    study = study_of(city, factors, tmp_path)
    run = run_inputs(city, FACTORS=list(factors.values()), OUTPUT_TERRAIN=str(tmp_path / "t.tif"))
    process("run", run, logs["run"])
    process("runstudy", {"STUDY": study, "OUTPUT_FOLDER": str(tmp_path / "results")}, logs["runstudy"])
    checked = process("checkstudy", {"STUDY": study, "PART": "all"}, logs["checkstudy"])
    suggest = {"STUDY_AREA": city.layer("area"), "FACTOR": factors["far"], "BLOCK_LENGTH": 200}
    process("suggest", suggest, logs["suggest"])
    assert [name for name, log in logs.items() if told in log.warnings] == list(logs)
    assert told in checked["FACTS"]["factors"][1]["warnings"]


def test_empty(city, tmp_path):
    empty = write_layer(tmp_path / "empty.gpkg", "empty", [])
    factors = {"bars": city.layer("bars"), "empty": empty}
    assert every_route(city, factors, tmp_path) == {
        "The risk factor 'empty' has no feature with a geometry; remove the layer or its filter."
    }


@pytest.mark.parametrize("copied", [False, True])
def test_the_outcome_among_the_factors(copied, city, tmp_path):
    """The same layer, and another file with the same points."""
    source = city.layer("events")
    if copied:
        source = write_layer(tmp_path / "lamps.gpkg", "lamps", point_wkt(city.events[::-1]))
    name = "lamps" if copied else "events"
    (sentence,) = every_route(city, {"bars": city.layer("bars"), name: source}, tmp_path)
    assert sentence.startswith(f"The risk factor '{name}' holds the same points as the outcome 'events' (")
    assert sentence.endswith("so the events would explain themselves. Take it out of the factors.")


def test_given_twice(city, tmp_path):
    """Under two names: the run goes on, and log, report and check say it."""
    twin = write_layer(tmp_path / "pubs.gpkg", "pubs", point_wkt(city.bars))
    log, findings = Log(), tmp_path / "f.json"
    run = run_inputs(
        city,
        FACTORS=[city.layer("bars"), twin],
        OUTPUT_TERRAIN=str(tmp_path / "t.tif"),
        OUTPUT_FINDINGS=str(findings),
    )
    process("run", run, log)
    sentence = "The risk factors 'bars' and 'pubs' hold the same features, so the model can tell at most one of them."
    told = f"{sentence} Leave one out, or give each a filter of its own."
    assert told in log.warnings
    assert told in json.loads(findings.read_text(encoding="utf-8"))["warnings"]
    study = study_of(city, {"bars": city.layer("bars"), "pubs": twin}, tmp_path)
    checked = process("checkstudy", {"STUDY": study, "PART": "all"})
    assert checked["REFUSALS"] == ""
    assert sentence in [finding["sentence"] for finding in checked["FACTS"]["findings"]]


def test_few_cells_are_told(city, tmp_path):
    """390 cells: the log of the run, the check of the study, and the suggestion for a factor say it."""
    log = Log()
    process("run", run_inputs(city, FACTORS=city.factors, OUTPUT_TERRAIN=str(tmp_path / "t.tif")), log)
    assert any(note.startswith("There are few cells, 390, for this study area") for note in log.notes)
    log = Log()
    process("suggest", {"STUDY_AREA": city.layer("area"), "FACTOR": city.layer("bars"), "BLOCK_LENGTH": 200}, log)
    assert any(note.startswith("There are few cells, ") for note in log.notes)
    study = study_of(city, {"bars": city.layer("bars")}, tmp_path)
    checked = process("checkstudy", {"STUDY": study, "PART": "area"})
    assert [finding["numbers"]["cells"] for finding in checked["FACTS"]["area"]["findings"]] == [390]
