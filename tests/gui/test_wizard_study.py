"""What the wizard offers, keeps and refuses: missing tools, unfinished studies, results without places."""

from dataclasses import replace

import pytest
from qgis.core import QgsProject
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication
from risk_terrain.rtm_plugin import provider as provider_module
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.study_document import StudyDocument
from small_study import run_in_wizard, small_study
from wizard_hands import AT_ONCE

BEGINNINGS = ("start_new", "start_open", "start_demo")


def settle() -> None:
    QApplication.processEvents()
    QTest.qWait(10 * AT_ONCE)  # what is kept by itself has been kept by then


# --- a study that could not be run is not begun


@pytest.mark.parametrize("missing", ["run", "runstudy", "checkstudy"])
def test_a_tool_that_could_not_be_loaded_is_said_at_the_start(rtm, new_wizard, monkeypatch, missing):
    kept = tuple(pair for pair in provider_module.ALGORITHMS if pair[0] != missing)
    monkeypatch.setattr(provider_module, "ALGORITHMS", kept)
    rtm.refreshAlgorithms()
    hands = new_wizard()
    assert hands.reason.startswith(f"The tool rtm:{missing} could not be loaded")
    assert not hands.can_go_on
    assert not any(hands.find(name).isEnabled() for name in BEGINNINGS)
    assert hands.find("start_missing").text().startswith(hands.reason)
    monkeypatch.undo()
    rtm.refreshAlgorithms()
    hands.wizard.go(0)
    assert all(hands.find(name).isEnabled() for name in BEGINNINGS)


def test_a_missing_package_is_said_at_the_start(rtm, new_wizard, monkeypatch):
    from risk_terrain.algorithms.run import Run

    sentence = "Risk Terrain needs the Python package Jinja2, which this installation of QGIS lacks."
    monkeypatch.setattr(Run, "canExecute", lambda self: (False, sentence))
    hands = new_wizard()
    assert (hands.reason, hands.can_go_on) == (sentence, False)
    assert not any(hands.find(name).isEnabled() for name in BEGINNINGS)


# --- what is offered again


def test_a_finished_study_is_not_offered_as_unfinished(new_wizard, city, tmp_path):
    """Nor when its layers leave the project afterwards, as with 'New project'."""
    hands = new_wizard()
    run_in_wizard(hands, small_study(city, factors=("bars",)), tmp_path / "out")
    study = hands.wizard.draft.study
    QgsProject.instance().clear()
    settle()
    assert hands.wizard.draft.study == study
    for page in range(1, 6):
        hands.wizard.go(page)
    settle()
    assert hands.wizard.draft.study == study
    assert hands.wizard.draft.unfinished is None
    hands.wizard.close()
    settle()
    again = new_wizard()
    assert again.wizard.draft.unfinished is None
    assert not again.find("start_unfinished").isVisible()


def test_a_study_that_is_changed_after_its_run_is_offered_whole(new_wizard, city, tmp_path):
    hands = new_wizard()
    run_in_wizard(hands, small_study(city, factors=("bars",)), tmp_path / "out")
    hands.wizard.go(4)
    hands.type("settings_title", "Changed")
    wanted = hands.wizard.draft.study
    hands.wizard.close()
    again = new_wizard()
    again.click("start_unfinished")
    assert again.wizard.draft.study == wanted
    assert wanted.title == "Changed"
    assert wanted.study_area is not None
    assert wanted.events is not None


def test_a_new_study_without_anything_in_it_is_not_offered(new_wizard):
    hands = new_wizard()
    hands.click("start_new")
    settle()
    hands.wizard.close()
    assert hands.wizard.draft.unfinished is None


def test_a_new_study_does_not_push_out_the_unfinished_one(new_wizard, city):
    hands = new_wizard()
    hands.wizard.start._take(small_study(city))
    settle()
    hands.wizard.close()
    again = new_wizard()
    again.click("start_new")
    settle()
    again.wizard.close()
    third = new_wizard()
    third.click("start_unfinished")
    assert third.wizard.draft.study == small_study(city)


def test_a_saved_study_is_not_offered_as_unfinished(new_wizard, city, tmp_path, monkeypatch):
    from qgis.PyQt.QtWidgets import QFileDialog

    hands = new_wizard()
    hands.wizard.start._take(small_study(city))
    settle()
    assert hands.wizard.draft.unfinished is not None
    hands.until("review")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine.json"), ""))
    hands.click("review_save")
    hands.wizard.close()
    assert hands.wizard.draft.unfinished is None
    again = new_wizard()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "mine.json"), ""))
    again.click("start_open")
    settle()
    again.wizard.close()
    assert again.wizard.draft.unfinished is None


def test_each_study_has_a_folder_of_its_own(new_wizard, city, tmp_path):
    """A second study does not replace the first one's results because their folder was still there."""
    hands = new_wizard()
    run_in_wizard(hands, small_study(city, factors=("bars",)), tmp_path / "out")
    hands.wizard.go(0)
    hands.click("start_new")
    assert hands.wizard.draft.folder == ""
    assert hands.wizard.draft.results == {}
    assert hands.wizard.draft.study.study_area is StudyDocument().study_area


# --- results with few places or none


def test_where_no_cell_stands_out_the_highest_are_taken(new_wizard, city, tmp_path):
    """A factor that exposes much of the ground lifts no cell above the mean plus two standard deviations."""
    hands = new_wizard()
    study = small_study(city, factors=("bars",))
    settings = FactorSettings("bars", "proximity", max_blocks=1, increment="whole")
    wide = replace(study.factors[0], settings=settings)
    study = replace(study, factors=(wide,), grid=replace(study.grid, block_length=400.0))
    run_in_wizard(hands, study, tmp_path / "out")
    results = hands.wizard.draft.results
    assert results["FACTOR_COUNT"] == 1
    assert results["PLACE_COUNT"] > 0
    assert hands.find("result_zoom").isEnabled()
    assert not hands.find("result_no_place").isVisible()
    assert "No cell scores above the mean + 2 SD, so that the 5 % of the cells" in hands.find("result_sentences").text()


def test_without_a_place_there_is_nothing_to_zoom_to(new_wizard, city, tmp_path):
    """A factor that goes with nothing leaves every cell with the same score."""
    hands = new_wizard()
    run_in_wizard(hands, small_study(city, factors=("kiosks",)), tmp_path / "out")
    results = hands.wizard.draft.results
    assert (results["FACTOR_COUNT"], results["PLACE_COUNT"]) == (0, 0)
    assert not hands.find("result_zoom").isEnabled()
    assert hands.find("result_no_place").text().startswith("Every cell has the same score, so there is no priority")
    assert hands.find("result_no_place").isVisible()
