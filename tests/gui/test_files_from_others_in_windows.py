"""Wizard and dock on a study and a project of someone else: nothing is called before the analyst says so."""

import json
import sys
from pathlib import Path

import pytest
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication, QMessageBox
from wizard_hands import wait

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "algorithms"))
from listener import listening
from risk_terrain.rtm_plugin.adapters.project import PROPERTY, project_model
from running import process, run_parameters
from small_city import write_city


@pytest.fixture
def server():
    with listening() as listener:
        yield listener


@pytest.fixture
def study_file(tmp_path, server):
    city = write_city(tmp_path / "city.gpkg")

    def write(**changes) -> str:
        def layer(name: str) -> dict:
            return {"source": city.layer(name), "name": name}

        document = {
            "format": "risk-terrain-study",
            "version": 1,
            "study_area": layer("area"),
            "events": layer("events"),
        }
        document["factors"] = [{"layer": layer("bars"), "settings": {"name": "bars"}}]
        path = tmp_path / "study.json"
        path.write_text(json.dumps({**document, **changes}), encoding="utf-8")
        return str(path)

    return write


def answer(button: QMessageBox.StandardButton, seen: list[str]) -> None:
    """Answer the next question."""

    def press() -> None:
        box = QApplication.activeModalWidget()
        if not isinstance(box, QMessageBox):
            QTimer.singleShot(50, press)
            return
        seen.append(box.text())
        box.button(button).click()

    QTimer.singleShot(50, press)


def test_the_wizard_asks_and_no_means_no(new_wizard, study_file, server):
    source = f"/vsicurl/http://127.0.0.1:{server.port}/x.geojson"
    path = study_file(events={"source": source, "name": "<b>pubs</b>"})
    hands, seen = new_wizard(), []
    answer(QMessageBox.StandardButton.No, seen)
    hands.wizard.start._load(lambda: hands.wizard.start._load_or_ask(path))
    assert "<b>pubs</b>" in seen[0]
    assert f"127.0.0.1:{server.port}" in seen[0]
    assert "Nothing was opened" in hands.wizard.start.message.text()
    assert hands.page == "start"
    assert hands.wizard.draft.study.layers == ()
    assert QgsProject.instance().mapLayers() == {}
    assert server.heard == []


def test_the_wizard_asks_and_yes_means_yes(new_wizard, study_file, server):
    path = study_file(events={"source": f"/vsicurl/http://127.0.0.1:{server.port}/x.geojson", "name": "pubs"})
    hands, seen = new_wizard(), []
    answer(QMessageBox.StandardButton.Yes, seen)
    hands.wizard.start._load(lambda: hands.wizard.start._load_or_ask(path))
    wait(lambda: server.heard, "the call")
    assert hands.wizard.draft.allow_remote == "yes"


def test_a_harmful_filter_is_not_asked_about(new_wizard, study_file, server):
    city = study_file()
    events = json.loads(Path(city).read_text())["events"]
    path = study_file(events={**events, "filter": f"load_layer('http://127.0.0.1:{server.port}/x','ogr')"})
    hands = new_wizard()
    hands.wizard.start._load(lambda: hands.wizard.start._load_or_ask(path))
    assert "load_layer()" in hands.wizard.start.message.text()
    assert QgsProject.instance().mapLayers() == {}
    assert server.heard == []


def test_the_dock_uses_nothing_that_lies_elsewhere(rtm, tmp_path, server):
    """What a project and a model file say of reports, models, layers and filters."""
    city = write_city(tmp_path / "city.gpkg")
    folder, elsewhere = tmp_path / "study", tmp_path / "elsewhere"
    elsewhere.mkdir()
    process("run", run_parameters(city, folder, CULL="no", FAMILY="poisson"))
    model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    at = f"http://127.0.0.1:{server.port}/x"
    parameters = model["provenance"]["parameters"]
    harmful = [{"layer": "bars", "filter": f"load_layer('{at}', 'ogr')"}]
    parameters["FACTOR_SETTINGS"] = {"format": "risk-terrain-factors", "version": 1, "factors": harmful}
    parameters["FACTORS"] = [f"/vsicurl/{at}.geojson|layername=footpaths", city.layer("bars")]
    parameters["EVENTS"] = f"/vsicurl/{at}.geojson"
    (folder / "model.json").write_text(json.dumps(model), encoding="utf-8")
    (elsewhere / "report.html").write_text("x")
    terrain = QgsRasterLayer(str(folder / "terrain.tif"), "terrain")
    QgsProject.instance().addMapLayer(terrain)
    for report in (str(elsewhere / "report.html"), "//127.0.0.1/share/report.html", at, str(folder / "terrain.tif")):
        terrain.setCustomProperty(f"{PROPERTY}/report", report)
        terrain.setCustomProperty(f"{PROPERTY}/expected", f"/vsicurl/{at}.tif")
        terrain.setCustomProperty(f"{PROPERTY}/places", "//127.0.0.1/share/x.gpkg")
        found = project_model(QgsProject.instance(), terrain)
        assert (found.report, found.expected, found.places, found.events) == ("", "", "", "")
        assert found.factors == {}
        assert found.filters == {}
        assert "load_layer()" in found.refused[0]
    terrain.setCustomProperty(f"{PROPERTY}/report", str(folder / "report.html"))
    assert project_model(QgsProject.instance(), terrain).report == str(folder / "report.html")
    QgsProject.instance().clear()
    assert server.heard == []
