"""The wizard with real clicks and keys: from an empty project to the report, refusals, cancel, close, crash."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import processing
import pytest
from osgeo import gdal
from qgis.core import QgsProject, QgsSettings, QgsVectorLayer
from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtCore import QEvent, Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit, QMessageBox, QPushButton
from risk_terrain.rtm_plugin.adapters.study_file import load_study
from risk_terrain.rtm_plugin.core.documents.patrol_settings import PatrolSettings
from risk_terrain.rtm_plugin.core.documents.settings import SelectionSettings
from risk_terrain.rtm_plugin.gui.wizard.day_edit import DayEdit
from small_study import small_study
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
    """Every page in turn, whatever it tells of the demonstration."""
    hands.click("start_demo")
    assert hands.page == "area"
    hands.counted()
    assert "cells of 100 metres cover" in hands.find("area_message").text()
    hands.next()
    hands.counted()
    assert "933 lie inside the study area and count; 14 outside" in hands.find("outcome_message").text()
    assert "904 later events" in hands.find("outcome_message").text()
    hands.next()
    hands.counted()
    table = hands.find("factors_table")
    assert table.rowCount() == 14
    told = "With 933 events only effects stronger than "
    wait(lambda: all(told in table.item(i, 6).text() for i in range(14)), "what the events can establish")
    hands.next()
    assert hands.page == "settings"
    hands.next()
    hands.counted()
    assert "168 candidate variables" in hands.find("review_estimate").text()
    hands.wizard.draft.folder = str(tmp_path / "results")
    hands.wizard.page.show_draft()
    hands.next()
    assert hands.page == "run"
    assert not hands.can_go_on
    wait(lambda: hands.page == "result" or not hands.wizard.run.running, "the study", 180)
    assert hands.page == "result", hands.reason
    assert "associated with where robbery happened" in hands.find("result_opening").text()
    said = hands.find("result_sentences").text()
    assert "do not show that a factor causes" in said
    assert hands.find("result_table").rowCount() == 5
    assert Path(hands.wizard.draft.results["OUTPUT_REPORT"]).is_file()
    group = QgsProject.instance().layerTreeRoot().children()[0]
    assert group.name() == "Risk terrain: Robbery in Northbridge BCU, 2024"
    assert [node.name() for node in group.children()][:2] == ["Patrol places", "Priority places"]
    assert hands.wizard.draft.unfinished is None


# --- a study of one's own, with the mouse and the keyboard


@pytest.fixture
def layers():
    """Layers of the demonstration as an analyst has loaded them."""
    return {name: add(name) for name in ("boundary", "wards", "streets", "events", "bars", "schools", "footpaths")}


def test_a_new_study_from_layers_of_the_project(hands, layers, tmp_path):
    hands.click("start_new")
    assert (hands.page, hands.can_go_on) == ("area", False)
    assert hands.reason == "Choose the layer that holds the boundary of the study area."
    hands.choose("area_layer", "wards")
    hands.find("area_field").setField("name")
    hands.choose("area_feature", "Castle")
    hands.counted()
    castle = int(hands.find("area_message").text().split()[0].replace(",", ""))
    hands.choose("area_feature", "all features")
    hands.counted()
    assert castle < int(hands.find("area_message").text().split()[0].replace(",", ""))
    hands.choose("area_streets", "streets")
    hands.click("area_measure")
    wait(lambda: "blocks, on average" in hands.find("area_measured").text(), "the block length")
    assert 50 < hands.find("area_block").value() < 400
    hands.type("area_block", "200")
    hands.next()
    hands.choose("outcome_layer", "events")
    hands.type("outcome_filter", "\"crime_type\" = 'robbery'")
    hands.find("outcome_date").setField("date")
    hands.counted()
    assert "The layer's dates run from 1 January 2024" in hands.find("outcome_message").text()
    hands.next()
    assert hands.reason == "The study has no risk factor; add at least one layer."
    hands.click("factors_add")
    dialog = hands.find("factors_layers")
    listed = hands.find("factors_layers_list")
    for i in range(listed.count()):
        listed.item(i).setSelected(listed.item(i).text() in ("bars", "schools", "footpaths"))
    dialog.accept()
    hands.counted()
    table = hands.find("factors_table")
    assert [table.item(i, 0).text() for i in range(3)] == ["bars", "footpaths", "schools"]
    table.selectAll()
    hands.choose("factors_operationalisation", "proximity")
    hands.find("factors_max_blocks").setValue(2)
    assert {table.item(i, 2).text() for i in range(3)} == {"proximity"}
    assert {f.settings.max_blocks for f in hands.wizard.draft.study.factors} == {2}
    hands.counted()
    table.selectRow(0)
    hands.choose("factors_origin", "police-generated")
    hands.click("factors_suggest")
    assert table.item(0, 2).text() == "density"
    hands.next()
    assert hands.find("settings_title").text() == "Robbery in wards"
    hands.type("settings_title", "Robbery & <b>more</b>")
    QTest.keyClicks(hands.find("settings_marking").lineEdit(), "OFFICIAL")
    hands.next()
    assert "Generated by police activity: bars" in hands.find("review_warning").text()
    hands.wizard.draft.folder = str(tmp_path / "Räuber, 1")
    hands.wizard.page.show_draft()
    hands.next()
    wait(lambda: hands.page == "result" or not hands.wizard.run.running, "the study", 120)
    assert hands.page == "result", hands.reason
    page = (tmp_path / "Räuber, 1" / "report.html").read_text("utf-8")
    assert "<b>more" not in page
    assert load_study(tmp_path / "Räuber, 1" / "study.json").marking == "OFFICIAL"
    assert '<p class="marking top"><bdi>OFFICIAL</bdi></p>' in page


def test_a_new_study_begins_with_the_settings_of_the_analyst(hands, layers, tmp_path, monkeypatch):
    from risk_terrain.rtm_plugin.adapters.preferences import Preferences
    from risk_terrain.rtm_plugin.gui.wizard import factors_page, review_page, start_page

    mine = Preferences(output_folder=str(tmp_path), block_length=150, max_blocks=2, operationalisation="density")
    for module in (factors_page, review_page, start_page):
        monkeypatch.setattr(module, "load_preferences", lambda: mine)
    hands.click("start_new")
    assert hands.find("area_block").value() == 150
    hands.choose("area_layer", "boundary")
    hands.next()
    hands.choose("outcome_layer", "events")
    hands.next()
    hands.click("factors_add")
    hands.find("factors_layers").accept()
    settings = hands.wizard.draft.study.factors[0].settings
    assert (settings.max_blocks, settings.operationalisation, settings.increment) == (2, "density", "half")
    hands.next()
    hands.type("settings_title", "A: first/try")
    hands.next()
    assert Path(hands.find("review_folder").filePath()) == tmp_path / "A first try"


def test_chicago(hands, real_data, tmp_path):
    """Real data: 6,876 events, six factors, up to 54,177 features."""
    city = real_data / "chicago" / "chicago.gpkg"
    if not city.is_file():
        pytest.skip("the Chicago data are not there")
    names = ("abandoned_buildings", "abandoned_cars", "graffiti", "liquor_retail", "sanitation", "street_light_outages")
    for name in ("boundary", "burglaries_2017", "burglaries_2018", *names):
        add(name, source=f"{city}|layername={name}")
    hands.click("start_new")
    hands.choose("area_layer", "boundary")
    hands.type("area_block", "400")
    hands.next()
    hands.choose("outcome_layer", "burglaries_2017")
    hands.choose("outcome_later_layer", "burglaries_2018")
    hands.counted()
    assert "6,859 lie inside the study area and count; 17 outside" in hands.find("outcome_message").text()
    assert "6,100 later events" in hands.find("outcome_message").text()
    hands.next()
    hands.click("factors_add")
    hands.find("factors_layers").accept()
    hands.next()
    hands.type("settings_title", "Burglary in Chicago")
    hands.next()
    hands.wizard.draft.folder = str(tmp_path / "chicago")
    hands.wizard.page.show_draft()
    hands.next()
    wait(lambda: hands.page == "result" or not hands.wizard.run.running, "the study", 200)
    assert hands.page == "result", hands.reason
    assert (tmp_path / "chicago" / "validation.html").is_file()


def test_only_with_keys(hands):
    """Alt+N goes on, Alt+B back, Return presses Next."""
    hands.click("start_demo")
    hands.counted()
    QApplication.setActiveWindow(hands.wizard)
    wait(hands.wizard.isActiveWindow, "the window to be active")
    window, alt = hands.wizard.windowHandle(), Qt.KeyboardModifier.AltModifier
    QTest.keyClick(window, Qt.Key.Key_N, alt)
    wait(lambda: hands.page == "outcome", "Alt+N", 5)
    QTest.keyClick(window, Qt.Key.Key_B, alt)
    wait(lambda: hands.page == "area", "Alt+B", 5)
    hands.counted()
    assert hands.wizard.focusWidget() is hands.find("area_layer")
    QTest.keyClick(window, Qt.Key.Key_Return)
    wait(lambda: hands.page == "outcome", "Return", 5)
    row = hands.find("wizard_steps")
    row.setCurrentRow(0)
    assert hands.page == "start"


def test_no_two_widgets_of_a_page_share_a_key(hands):
    """A key that two widgets share only moves the focus between them."""
    frame = [button.text() for button in (hands.wizard.back, hands.wizard.next)]
    for page in hands.wizard.pages:
        labels = [label.text() for label in page.findChildren(QLabel) if label.buddy() is not None]
        texts = [*frame, *labels, *(button.text() for button in page.findChildren(QPushButton))]
        keys = [text[text.index("&") + 1].lower() for text in texts if "&" in text]
        assert sorted(keys) == sorted(set(keys)), (page.NAME, texts)


def test_every_page_fits_a_laptop(hands):
    """1366 × 768, also with large letters: what does not fit scrolls, no word is cut, and the buttons stay."""
    before = QApplication.font()
    hands.click("start_demo")
    for scale in (1, 1.25, 1.5):
        large = type(before)(before)
        large.setPointSizeF(before.pointSizeF() * scale)
        hands.wizard.setFont(large)
        check_every_page_fits(hands)


def check_every_page_fits(hands) -> None:
    for i in range(len(hands.wizard.pages)):
        hands.wizard.go(i)
        hands.wizard.fit(1366, 728)
        for box in hands.wizard.pages[i].findChildren(QgsCollapsibleGroupBox):
            box.setCollapsed(False)
        if hands.wizard.page.NAME in ("area", "outcome", "factors", "review"):
            hands.counted()
        QTest.qWait(50)
        name = hands.wizard.pages[i].NAME
        assert hands.wizard.width() <= 1366
        assert hands.wizard.height() <= 728
        assert hands.wizard.stack.currentWidget().horizontalScrollBar().maximum() == 0, name
        assert cut(hands.wizard) == [], name


def cut(window) -> list[str]:
    """Texts of labels, buttons and days that are larger than the room they have."""
    found = []
    for widget in window.findChildren((QLabel, QAbstractButton, DayEdit)):
        if not widget.isVisible() or isinstance(widget.parent(), QLineEdit):
            continue  # hidden, or one of the icons for which Qt itself makes room in a line
        wide, high = widget.sizeHint().width(), widget.sizeHint().height()
        if isinstance(widget, DayEdit):
            wide, high = widget.fontMetrics().horizontalAdvance("30 Sep 2024") + 2 * widget.height(), 0
        elif isinstance(widget, QLabel) and widget.wordWrap():
            wide, high = widget.minimumSizeHint().width(), widget.heightForWidth(widget.width())
        if widget.width() + 1 < wide or widget.height() + 1 < high:
            sizes = f"{widget.width()} of {wide}, {widget.height()} of {high}"
            found.append(f"{widget.text() or widget.objectName()}: {sizes}")
    return found


def test_a_large_study_blocks_no_page(hands, tmp_path):
    """20,000 events and 20 factor layers: nothing is counted in the window's thread, and a page comes at once."""
    rng = np.random.default_rng(8)
    path = tmp_path / "large.gpkg"
    write_points(path, "events", rng.uniform((427_000, 377_000), (433_000, 384_000), (20_000, 2)))
    for i in range(20):
        write_points(path, f"factor_{i}", rng.uniform((425_000, 375_000), (435_000, 386_000), (500, 2)))
    add("boundary")
    for name in ("events", *(f"factor_{i}" for i in range(20))):
        add(name, source=f"{path}|layername={name}")
    hands.click("start_new")
    hands.choose("area_layer", "boundary")
    hands.next()
    hands.choose("outcome_layer", "events")
    hands.counted()
    hands.next()
    hands.click("factors_add")
    listed = hands.find("factors_layers_list")
    for i in range(listed.count()):
        listed.item(i).setSelected(listed.item(i).text().startswith("factor_"))
    hands.find("factors_layers").accept()
    assert hands.find("factors_table").rowCount() == 20
    for i in range(len(hands.wizard.pages)):
        hands.wizard.go(i)
        hands.wizard.grab()
    hands.wizard.go(3)
    assert hands.reason.startswith("Counting"), "the page was not there before its counts"
    hands.counted()
    assert (hands.reason, hands.can_go_on) == ("", True)


def write_points(path: Path, name: str, points: np.ndarray) -> None:
    """Points as a layer of a GeoPackage."""
    table = path.with_name(f"{name}.csv")
    np.savetxt(table, points, "%.2f", ",", header="x,y", comments="")
    columns = gdal.OpenEx(str(table), open_options=["X_POSSIBLE_NAMES=x", "Y_POSSIBLE_NAMES=y"])
    mode = "update" if path.exists() else None
    gdal.VectorTranslate(
        str(path), columns, format="GPKG", layerName=name, srcSRS="EPSG:27700", dstSRS="EPSG:27700", accessMode=mode
    )


# --- refusals: Next is not possible, and the reason is there


def test_refusals_of_the_study_area(hands, layers):
    degrees = QgsVectorLayer("Polygon?crs=EPSG:4326", "scratch", "memory")
    QgsProject.instance().addMapLayer(degrees)
    QApplication.processEvents()
    hands.click("start_new")
    hands.choose("area_layer", "scratch")
    assert "'scratch' is temporary" in hands.reason
    hands.choose("area_layer", "boundary")
    hands.type("area_cell", "300")
    assert "larger than the block length" in hands.reason
    hands.type("area_cell", "0")
    hands.counted()
    assert (hands.reason, hands.can_go_on) == ("", True)


def test_degrees_are_refused_with_the_remedy(hands, layers, tmp_path):
    done = processing.run(
        "native:reprojectlayer",
        {"INPUT": layers["boundary"], "TARGET_CRS": "EPSG:4326", "OUTPUT": str(tmp_path / "degrees.gpkg")},
    )
    add("", "degrees", done["OUTPUT"])
    hands.click("start_new")
    hands.choose("area_layer", "degrees")
    hands.counted()
    assert "coordinates are degrees" in hands.reason
    assert not hands.can_go_on


def test_refusals_of_the_outcome(hands, layers):
    hands.click("start_new")
    hands.choose("area_layer", "boundary")
    hands.next()
    assert hands.reason == "Choose the layer of the events."
    hands.choose("outcome_layer", "events")
    hands.type("outcome_filter", '"crime_type" = ')
    assert "not a valid expression" in hands.reason
    hands.type("outcome_filter", '"no such" = 1')
    assert "'no such', which 'events' lacks" in hands.reason
    hands.type("outcome_filter", "\"crime_type\" = 'piracy'")
    hands.counted()
    assert not hands.can_go_on
    hands.find("outcome_filter").clear()
    hands.type("outcome_filter", "true")
    hands.find("outcome_fit_end").show_day("2024-12-31")
    assert "no date field" in hands.reason
    hands.find("outcome_date").setField("date")
    hands.find("outcome_test_start").show_day("2024-06-01")
    assert "does not come after the fitting window" in hands.reason
    hands.find("outcome_test_start").show_day("2025-01-01")
    hands.counted()
    assert (hands.reason, hands.can_go_on) == ("", True)


def test_refusals_of_factors_settings_and_review(hands, layers, tmp_path):
    hands.click("start_demo")
    hands.until("factors")
    table = hands.find("factors_table")
    table.selectRow(0)
    hands.type("factors_name", "Parks")
    assert "Two risk factors are called 'Parks'" in hands.reason
    hands.type("factors_name", "Bars")
    hands.type("factors_filter", "\"name\" = 'nobody'")
    hands.counted()
    assert "has no feature with a geometry" in hands.reason
    assert "has no feature with a geometry" in table.item(0, 6).text()
    hands.click("factors_remove")
    hands.next()
    hands.find("settings_value").setValue(1.5)
    assert "must be 0 (above mean), 1" in hands.reason
    hands.find("settings_value").setValue(1)
    hands.choose("settings_patrol_rule", "their number")
    assert hands.find("settings_patrol_budget").value() == 10
    hands.find("settings_patrol_budget").setValue(2.5)
    assert hands.reason == "The budget for patrol places is 2.5 places; it must be a whole number of them."
    hands.find("settings_patrol_budget").setValue(3)
    assert hands.wizard.draft.study.patrol == PatrolSettings("count", 3.0)
    hands.type("settings_title", " ")
    assert "Give the study a title" in hands.reason
    hands.type("settings_title", "x")
    QgsSettings().setValue("risk_terrain/marking_required", True)
    hands.find("settings_marking").setEditText("y")
    hands.find("settings_marking").setEditText("")
    assert "demands a protective marking" in hands.reason
    QgsSettings().remove("risk_terrain/marking_required")
    hands.find("settings_marking").setEditText("z")
    hands.next()
    (tmp_path / "file").write_text("x", encoding="utf-8")
    hands.find("review_folder").setFilePath(str(tmp_path / "file" / "below"))
    assert "cannot be written to" in hands.reason
    hands.find("review_folder").setFilePath("")
    assert hands.reason == "Choose a folder for the results."


# --- cancel, close, crash


def to_review(hands, city, folder: Path, **selection) -> None:
    """The review of a study of the small city."""
    study = small_study(city)
    hands.wizard.start._take(replace(study, selection=SelectionSettings(**selection)))
    hands.until("review")
    hands.counted()
    hands.wizard.draft.folder = str(folder)
    hands.wizard.page.show_draft()


def start(hands) -> None:
    hands.next()
    wait(lambda: hands.wizard.run.running, "the run to begin")


def test_cancel_leaves_nothing_and_the_study_can_run_again(hands, city, tmp_path):
    """The second run gives the rasters that the call on the page of the review gives, to the byte."""
    to_review(hands, city, tmp_path / "out")
    asked = json.loads(hands.find("review_call").toPlainText())["inputs"]
    start(hands)
    hands.click("run_cancel")
    wait(lambda: not hands.wizard.run.running, "the cancel", 20)
    assert hands.reason == "Cancelled; nothing was written. Run again when you are ready."
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["study.json"]
    hands.click("wizard_back")
    assert hands.page == "review"
    hands.next()
    wait(lambda: hands.page == "result", "the second run", 180)
    processing.run("rtm:runstudy", {**asked, "OUTPUT_FOLDER": str(tmp_path / "again")})
    for name in RASTERS:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name


def test_a_refusal_while_running_is_said_on_the_page(hands, city, tmp_path):
    """The places of an earlier run are open in another program."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "places.gpkg-wal").write_bytes(b"")
    to_review(hands, city, tmp_path / "out", family="poisson", cull=False)
    hands.next()
    wait(lambda: not hands.wizard.run.running, "the refusal", 120)
    assert hands.page == "run"
    assert "places.gpkg is being edited in QGIS or another program" in hands.reason
    assert not hands.can_go_on
    (tmp_path / "out" / "places.gpkg-wal").unlink()
    hands.click("run_again")
    wait(lambda: hands.page == "result", "the second run", 180)
    hands.wizard.result.save_model(str(tmp_path / "study.model3"))
    wait(lambda: hands.find("result_message").text(), "the model")
    assert (tmp_path / "study.model3").stat().st_size > 5000
    hands.wizard.go(5)
    assert "results already" in hands.find("review_estimate").text() or hands.counted() is None
    hands.next()
    wait(lambda: hands.page == "result", "a third run into the same folder", 180)
    assert len([n for n in QgsProject.instance().layerTreeRoot().children() if n.name().startswith("Risk ")]) == 1


@pytest.mark.parametrize("answer", ["no", "yes"])
def test_closing_while_running_asks(hands, city, tmp_path, answer):
    """A run of one answer goes on to its end; that of the other has much to do, so that there is something to stop."""
    to_review(hands, city, tmp_path / "out", family="all", folds=5 if answer == "no" else 50)
    start(hands)
    asked = []

    def reply() -> None:
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox):
            asked.append(box.text())
            wanted = box.StandardButton.Yes if answer == "yes" else box.StandardButton.No
            QTest.mouseClick(box.button(wanted), Qt.MouseButton.LeftButton)

    timer = QTimer()
    timer.timeout.connect(reply)
    timer.start(100)
    hands.click("wizard_close")
    timer.stop()
    assert asked == ["The study is still running. Stop it and close?"]
    assert hands.wizard.isVisible() == (answer == "no")
    if answer == "no":
        wait(lambda: hands.page == "result", "the run, which goes on", 180)
    else:
        wait(lambda: not hands.wizard.run.running, "the end", 20)
        assert [file.name for file in (tmp_path / "out").iterdir()] == ["study.json"]


def test_a_study_is_offered_again_after_a_crash(new_wizard, city, tmp_path):
    """The first wizard is never closed: what it kept by itself is all that is left."""
    first = new_wizard()
    assert not first.find("start_unfinished").isVisible()
    first.wizard.start._take(small_study(city))
    first.until("factors")
    first.find("factors_table").selectRow(0)
    first.type("factors_name", "Public houses")
    wanted = first.wizard.draft.study
    kept = tmp_path / "profile" / "unfinished_study.json"
    wait(lambda: kept.is_file() and load_study(kept) == wanted, "the study to be kept")
    QgsProject.instance().clear()
    second = new_wizard()
    assert second.find("start_unfinished").isVisible()
    second.click("start_unfinished")
    assert second.wizard.draft.study == wanted
    assert second.page == "area"
    second.until("review")


KILLED = """
import os, signal, sys
sys.path[:0] = sys.argv[1:4]
from pathlib import Path
from qgis.core import QgsApplication
application = QgsApplication([], True)
application.initQgis()
from processing.core.Processing import Processing
from risk_terrain.rtm_plugin.provider import RiskTerrainProvider
Processing.initialize()
provider = RiskTerrainProvider()
QgsApplication.processingRegistry().addProvider(provider)
from risk_terrain.rtm_plugin.gui.wizard.window import Wizard
from wizard_hands import Hands, wait
kept = Path(sys.argv[4])
wizard = Wizard(None, None, kept)
wizard.show()
hands = Hands(wizard)
hands.click("start_demo")
wizard.go(4)
hands.type("settings_title", "Not yet finished")
wait(lambda: kept.is_file() and "Not yet finished" in kept.read_text("utf-8"), "the study to be kept", 10)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_study_survives_a_kill(new_wizard, tmp_path):
    """Another process, killed in the middle of its work."""
    import risk_terrain

    kept = tmp_path / "profile" / "unfinished_study.json"
    folders = [str(Path(risk_terrain.__path__[0]).parent), str(Path(__file__).parent), "/usr/share/qgis/python/plugins"]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", KILLED, *folders, str(kept)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -9, done.stderr
    hands = new_wizard()
    hands.click("start_unfinished")
    assert hands.wizard.draft.study.title == "Not yet finished"
    hands.until("outcome")


def test_hostile_names_are_shown_as_they_are(hands, city, tmp_path):
    """Names with HTML, quotes and formulas, from layer to report."""
    name = '<img src=x onerror=alert(1)> & "=cmd"'
    add("", name, city.layer("area"))
    add("", f"<b>{name}</b>", city.layer("events"))
    add("", f"<i>{name}</i>", city.layer("bars"))
    hands.click("start_new")
    hands.choose("area_layer", name)
    hands.next()
    hands.choose("outcome_layer", f"<b>{name}</b>")
    hands.next()
    hands.click("factors_add")
    listed = hands.find("factors_layers_list")
    for i in range(listed.count()):
        listed.item(i).setSelected(listed.item(i).text().startswith("<i>"))
    hands.find("factors_layers").accept()
    hands.next()
    hands.type("settings_title", name)
    hands.wizard.draft.set(selection=SelectionSettings("poisson", cull=False))
    hands.next()
    assert name in hands.find("review_summary").text()
    assert hands.find("review_summary").textFormat() == Qt.TextFormat.PlainText
    hands.wizard.draft.folder = str(tmp_path / "out")
    hands.wizard.page.show_draft()
    hands.next()
    wait(lambda: hands.page == "result" or not hands.wizard.run.running, "the study", 120)
    assert hands.page == "result", hands.reason
    assert "<img src=x" not in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_a_saved_study_opens_and_a_damaged_one_is_refused(hands, tmp_path, monkeypatch):
    from qgis.PyQt.QtWidgets import QFileDialog

    hands.click("start_demo")
    hands.until("review")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    hands.click("review_save")
    saved = hands.wizard.draft.study
    hands.wizard.go(0)
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "bad.json"), ""))
    hands.click("start_open")
    assert "not valid JSON" in hands.find("start_message").text()
    hands.click("start_new")
    hands.wizard.go(0)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "mine.json"), ""))
    hands.click("start_open")
    assert hands.wizard.draft.study == saved


def test_every_page_has_its_help(hands):
    for i, page in enumerate(hands.wizard.pages):
        hands.wizard.go(i)
        assert f"#{page.NAME}" in hands.find("wizard_explanation").text()
        hands.wizard.show_help()
        shown = hands.find("wizard_help")
        assert page.TITLE in shown.layout().itemAt(0).widget().toPlainText()
        shown.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
