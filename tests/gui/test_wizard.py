"""The wizard with real clicks and keys: from an empty project to the report, refusals, cancel, close, crash."""

import json
import sys
from pathlib import Path

import processing
import pytest
from qgis.core import QgsProject, QgsVectorLayer
from qgis.PyQt.QtWidgets import QApplication

sys.path.insert(0, str(Path(__file__).parent))
from wizard_hands import wait

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo" / "northbridge.gpkg"
RASTERS = ("terrain.tif", "expected.tif")


@pytest.fixture
def hands(new_wizard):
    return new_wizard()


def add(table: str, name: str = "", source: str = "") -> QgsVectorLayer:
    """A layer in the project."""
    layer = QgsVectorLayer(source or f"{DEMO}|layername={table}", name or table, "ogr")
    assert layer.isValid()
    QgsProject.instance().addMapLayer(layer)
    QApplication.processEvents()
    return layer


def test_the_demo_from_an_empty_project_to_the_report(hands, tmp_path):
    """Every page in turn; then wizard and processing give the same rasters to the byte."""
    hands.click("start_demo")
    assert hands.page == "area"
    hands.counted()
    assert "cells of 100 metres cover" in hands.find("area_told").text()
    hands.next()
    hands.counted()
    assert hands.find("outcome_told").text().startswith("933 events inside the study area, 14 outside")
    assert "904 later events" in hands.find("outcome_told").text()
    hands.next()
    hands.counted()
    assert hands.find("factors_table").rowCount() == 14
    hands.next()
    assert hands.page == "settings"
    hands.next()
    hands.counted()
    assert "168 candidate variables" in hands.find("review_estimate").text()
    hands.wizard.draft.folder = str(tmp_path / "results")
    hands.wizard.page.show_draft()
    asked = json.loads(hands.find("review_call").toPlainText())["inputs"]
    hands.next()
    assert hands.page == "run"
    assert not hands.can_go_on
    wait(lambda: hands.page == "result" or not hands.wizard.run.running, "the study", 180)
    assert hands.page == "result", hands.reason
    assert "associated with where Robberies happened" in hands.find("result_opening").text()
    said = hands.find("result_sentences").text()
    assert "do not show that a factor causes" in said
    assert hands.find("result_table").rowCount() == 5
    assert Path(hands.wizard.draft.results["OUTPUT_REPORT"]).is_file()
    group = QgsProject.instance().layerTreeRoot().children()[0]
    assert group.name() == "Risk terrain: Robbery in Northbridge BCU, 2024"
    assert [node.name() for node in group.children()][:2] == ["Priority places", "Risk terrain: relative risk score"]
    assert hands.wizard.draft.unfinished is None
    processing.run("rtm:runstudy", {**asked, "OUTPUT_FOLDER": str(tmp_path / "again")})
    for name in RASTERS:
        assert (tmp_path / "results" / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name
