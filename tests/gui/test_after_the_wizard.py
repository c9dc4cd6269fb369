"""What a run of the wizard leaves: layers as the toolbox loads them, a dock that knows them, a line of history."""

from pathlib import Path

from osgeo import ogr
from qgis.core import QgsApplication, QgsMapLayerLegendUtils, QgsProject
from qgis.gui import QgsGui
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from risk_terrain.rtm_plugin.adapters.project import project_model, risk_terrains
from running import run_inputs
from small_study import run_in_wizard, small_study
from wizard_hands import wait

OUTPUTS = {"OUTPUT_TERRAIN": "terrain.tif", "OUTPUT_EXPECTED": "expected.tif", "OUTPUT_PLACES": "places.gpkg"}
OUTPUTS |= {"OUTPUT_FORECAST": "forecast.tif", "OUTPUT_MODEL": "model.json", "OUTPUT_REPORT": "report.html"}
OUTPUTS |= {"OUTPUT_PATROL": "patrol.gpkg"}


def described(group: str) -> dict[str, tuple]:
    """What the analyst sees of each layer of a group, and what the layer remembers."""
    root = QgsProject.instance().layerTreeRoot()
    found = {}
    for node in root.findGroup(group).findLayers():
        layer = node.layer()
        found[layer.name()] = (
            Path(layer.source().split("|")[0]).name,
            node.isVisible(),
            QgsMapLayerLegendUtils.legendNodeUserLabel(node, 0),
            layer.renderer().type(),
            sorted(layer.styleManager().styles()),
            layer.metadata().abstract(),
            layer.metadata().identifier(),
            {key: Path(layer.customProperty(key)).name for key in layer.customPropertyKeys() if "risk_terrain" in key},
        )
    return found


def history() -> list[dict]:
    """Entries of Processing's history, oldest first."""
    return [entry.entry for entry in QgsGui.historyProviderRegistry().queryEntries(providerId="processing")]


def test_two_studies(new_wizard, city, run_dialog, tmp_path):
    """Each terrain knows its own model, report and places; the layers are those that the toolbox would load."""
    for name in ("one", "two"):
        run_in_wizard(new_wizard(), small_study(city, f"Study {name}"), tmp_path / name)
    project = QgsProject.instance()
    terrains = risk_terrains(project)
    assert sorted(Path(terrain.source()).parent.name for terrain in terrains) == ["one", "two"]
    for terrain in terrains:
        folder, known = Path(terrain.source()).parent, project_model(project, terrain)
        assert Path(known.path) == folder / "model.json"
        assert Path(known.report) == folder / "report.html"
        assert Path(known.places) == folder / "places.gpkg"
        assert Path(known.expected) == folder / "expected.tif"
    asked = run_inputs(city, CULL="no", FAMILY="poisson", TITLE="by the toolbox")
    outputs = {name: str(tmp_path / "toolbox" / file) for name, file in OUTPUTS.items()}
    run_dialog("rtm:run", {**asked, **outputs})
    by_wizard = described("Risk terrain: Study one")
    assert set(by_wizard) == {
        "Patrol places",
        "Priority places",
        "Risk terrain: relative risk score",
        "Expected events in a cell",
        "Forecast: expected events in a cell",
    }
    assert by_wizard == described("Risk terrain: by the toolbox")


def test_a_run_stands_in_the_history_and_can_be_repeated(new_wizard, city, run_dialog, tmp_path):
    before = len(history())
    run_in_wizard(new_wizard(), small_study(city), tmp_path / "study")
    entries = history()[before:]
    assert [entry["algorithm_id"] for entry in entries] == ["rtm:runstudy"], "counting is no work to be repeated"
    entry = entries[0]
    assert entry["results"]["OUTPUT_TERRAIN"] == str(tmp_path / "study" / "terrain.tif")
    assert "qgis_process run rtm:runstudy" in entry["process_command"]
    assert entry["log"]
    QgsProject.instance().clear()
    inputs = entry["parameters"]["inputs"]
    first = (tmp_path / "study" / "terrain.tif").read_bytes()
    run_dialog("rtm:runstudy", {**inputs, "OUTPUT_FOLDER": str(tmp_path / "again")})
    assert (tmp_path / "again" / "terrain.tif").read_bytes() == first
    names = {layer.name() for layer in QgsProject.instance().mapLayers().values()}
    assert {"Priority places", "Risk terrain: relative risk score"} <= names, "the toolbox loads a study's maps too"


def test_a_second_run_into_the_folder_replaces_the_layers(new_wizard, city, tmp_path):
    hands = new_wizard()
    for _ in range(2):
        run_in_wizard(hands, small_study(city), tmp_path / "study")
        hands.wizard.go(0)
    (group,) = [g for g in QgsProject.instance().layerTreeRoot().findGroups() if g.name().startswith("Risk terrain:")]
    assert len(group.findLayers()) == 5


def test_what_cannot_be_run_is_not_begun(new_wizard, city, monkeypatch):
    """canExecute is asked: the start page says the sentence, and no way leads on; nor does any count start."""
    from risk_terrain.algorithms.shared.base import RtmAlgorithm

    sentence = "Risk Terrain needs the Python package scipy, which this installation of QGIS lacks."
    monkeypatch.setattr(RtmAlgorithm, "canExecute", lambda self: (False, sentence))
    hands = new_wizard()
    assert hands.reason == sentence
    assert sentence in hands.find("start_missing").text()
    for name in ("start_new", "start_open", "start_demo"):
        QTest.mouseClick(hands.find(name), Qt.MouseButton.LeftButton)
    assert hands.page == "start"
    hands.wizard.draft.replace(small_study(city))
    hands.wizard.go(1)
    hands.wizard.facts.area()
    wait(lambda: hands.reason == sentence, "the sentence instead of a count")


def test_no_first_place_to_zoom_to(new_wizard, city, tmp_path):
    """Where no cell met the rule for places, the button is off."""
    hands = new_wizard()
    run_in_wizard(hands, small_study(city), tmp_path / "study")
    assert hands.find("result_zoom").isEnabled()
    places = ogr.Open(hands.wizard.draft.results["OUTPUT_PLACES"], 1)
    places.ExecuteSQL(f'DELETE FROM "{places.GetLayer(0).GetName()}"')
    del places
    hands.wizard.result.show_draft()
    assert not hands.find("result_zoom").isEnabled()


def test_nothing_runs_on_when_the_window_or_the_project_is_gone(new_wizard, city):
    """Counts are cancelled, and waited for: their threads read layers that are about to go."""
    for leave in (lambda hands: hands.wizard.close(), lambda hands: QgsProject.instance().clear()):
        hands = new_wizard()
        hands.wizard.start._take(small_study(city))
        for look in (hands.wizard.facts.area, hands.wizard.facts.outcome, hands.wizard.facts.factors):
            look()
        wait(lambda: QgsApplication.taskManager().countActiveTasks() > 0, "a count to start")
        leave(hands)
        assert QgsApplication.taskManager().countActiveTasks() == 0
