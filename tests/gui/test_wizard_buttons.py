"""Every button, link and folded box of the wizard is clicked, and does what it says.

A test says with `clicks` what it clicks. The last test walks through all pages and fails when there is something that
no test clicks.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dialog_hands import choose_in_dialog
from qgis.core import QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgsCollapsibleGroupBoxBasic, QgsExpressionBuilderDialog
from qgis.PyQt.QtCore import QObject, QPoint, Qt, QUrl, pyqtSlot
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QAbstractButton, QApplication, QCheckBox, QFileDialog, QLabel, QToolButton, QWidget
from small_study import run_in_wizard, small_study
from wizard_hands import Hands, wait

sys.path.insert(0, str(Path(__file__).parents[1] / "algorithms"))
from small_city import point_wkt, write_city, write_layer
from test_exposure import write_raster

CLICKED: set[str] = set()
QT_OWN = {"qt_spinbox_lineedit", "ScrollLeftButton", "ScrollRightButton"}


def clicks(*names: str) -> Callable:
    """Says which widgets a test clicks."""

    def keep(test: Callable) -> Callable:
        CLICKED.update(names)
        return test

    return keep


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """The small city, with dated events and a raster of homes beside it."""
    city = write_city(tmp_path_factory.mktemp("city") / "city.gpkg")
    days = [f"202{3 + i % 2}-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(len(city.events))]
    days[:2] = ["2023-01-01", "2024-12-31"]
    numbers = {"day": days, "number": [1] * len(days)}
    write_layer(city.path, "dated", point_wkt(city.events), numbers)
    write_layer(city.path.parent / "single.gpkg", "single", point_wkt(city.events), numbers)
    write_raster(homes(city), np.random.default_rng(6).integers(1, 41, (24, 24)).astype(float), x=-200, y=2200)
    return city


def homes(city) -> Path:
    return city.path.parent / "homes.tif"


@pytest.fixture
def hands(new_wizard):
    return new_wizard()


@pytest.fixture
def at(hands, city):
    """The wizard at a page, with a study of the small city."""

    def go(page: str) -> Hands:
        hands.wizard.start._take(small_study(city))
        hands.until(page)
        return hands

    return go


@pytest.fixture
def chosen_file(monkeypatch):
    """What the file dialog gives, whichever it is."""
    answer = {"path": ""}
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *_, **__: (answer["path"], ""))
    return answer


class Opened(QObject):
    """Takes the place of the browser: keeps what is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[Path] = []

    @pyqtSlot(QUrl)
    def open(self, url: QUrl) -> None:
        self.files.append(Path(url.toLocalFile()))


@pytest.fixture
def opened():
    handler = Opened()
    QDesktopServices.setUrlHandler("file", handler.open)
    yield handler
    QDesktopServices.unsetUrlHandler("file")


# --- start


@clicks("start_new", "start_open", "start_demo", "start_unfinished", "wizard_next", "wizard_back", "wizard_close")
def test_the_start_and_the_frame(new_wizard, chosen_file, tmp_path):
    hands = new_wizard()
    hands.click("start_new")
    assert hands.page == "area"
    hands.click("wizard_back")
    assert hands.page == "start"
    hands.click("start_demo")
    assert (hands.page, len(hands.wizard.draft.study.factors)) == ("area", 14)
    hands.counted()
    hands.click("wizard_next")
    assert hands.page == "outcome"
    hands.wizard.draft.set(title="Changed")
    hands.wizard.draft.save(tmp_path / "mine.json")
    hands.click("wizard_close")
    assert not hands.wizard.isVisible()
    again = new_wizard()
    again.click("start_unfinished")
    assert again.wizard.draft.study.title == "Changed"
    again.wizard.go(0)
    chosen_file["path"] = str(tmp_path / "mine.json")
    again.click("start_open")
    assert (again.page, again.wizard.draft.study.title) == ("area", "Changed")


@clicks("wizard_explanation", "wizard_steps")
def test_the_help_link_and_the_steps(hands):
    hands.click("start_demo")
    hands.until("outcome")
    label = hands.find("wizard_explanation")
    QApplication.setActiveWindow(hands.wizard)
    label.setFocus()
    label.setTextInteractionFlags(label.textInteractionFlags() | Qt.TextInteractionFlag.LinksAccessibleByKeyboard)
    QTest.keyClick(label, Qt.Key.Key_Tab)
    label.linkActivated.emit("#outcome")
    assert hands.find("wizard_help").browser.source().fragment() == "outcome"
    steps = hands.find("wizard_steps")
    place = steps.visualItemRect(steps.item(1)).center()
    QTest.mouseClick(steps.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert hands.page == "area"


# --- files, filters, selections: the same buttons on many pages

FILES = {
    "area_layer_file": ("area", "city.gpkg", "area"),
    "area_streets_file": ("area", "city.gpkg", "footpaths"),
    "area_exclude_file": ("area", "city.gpkg", "parks"),
    "area_areas_file": ("area", "city.gpkg", "area"),
    "outcome_layer_file": ("outcome", "city.gpkg", "dated"),
    "outcome_later_layer_file": ("outcome", "single.gpkg", "single"),
    "outcome_exposure_file": ("outcome", "homes.tif", "homes"),
    "outcome_adjust_choice_file": ("outcome", "homes.tif", "homes"),
    "outcome_city_choice_file": ("outcome", "city.gpkg", "footpaths"),
}


@pytest.mark.parametrize("name", FILES)
@clicks(*FILES)
def test_a_layer_is_taken_from_a_file(at, city, chosen_file, name):
    page, file, layer = FILES[name]
    hands = at(page)
    if any(word in name for word in ("exposure", "adjust", "city")):
        hands.find("outcome_advanced").setCollapsed(False)
    chosen_file["path"] = str(city.path.parent / file)
    hands.click(name)
    if file == "city.gpkg":
        listed = hands.find("file_layers_list")
        rows = [i for i in range(listed.count()) if listed.item(i).text().startswith(f"{layer} –")]
        listed.setCurrentRow(rows[0])
        hands.find("file_layers").accept()
    assert hands.find(name.removesuffix("_file")).currentText() == layer


FILTERS = {
    "area_exclude_filter": ("area", "parks"),
    "outcome_filter": ("outcome", "events"),
    "outcome_later_filter": ("outcome", "dated"),
    "factors_filter": ("factors", "bars"),
}


def with_filter(at, city, name: str) -> Hands:
    """The page with its filter alive."""
    page, layer = FILTERS[name]
    hands = at(page)
    for table in (layer,):
        if not QgsProject.instance().mapLayersByName(table):
            QgsProject.instance().addMapLayer(QgsVectorLayer(city.layer(table), table, "ogr"))
    if name == "area_exclude_filter":
        hands.choose("area_exclude", "parks")
    if name == "outcome_later_filter":
        hands.choose("outcome_later_layer", "dated")
    return hands


@pytest.mark.parametrize("name", FILTERS)
@clicks(*(f"{name}_dialog" for name in FILTERS))
def test_a_filter_is_made_in_the_dialog(at, city, name):
    hands = with_filter(at, city, name)
    hands.click(f"{name}_dialog")
    dialog = hands.find(name).parent().dialog
    assert isinstance(dialog, QgsExpressionBuilderDialog)
    assert dialog.isVisible()
    dialog.setExpressionText('"fid" > 1')
    dialog.accept()
    assert hands.find(name).text() == '"fid" > 1'
    assert '"fid" > 1' in hands.wizard.draft.study.to_json().replace('\\"', '"')


@pytest.mark.parametrize("name", FILTERS)
@clicks(*(f"{name}_selected" for name in FILTERS))
def test_the_selected_features_are_taken(at, city, name):
    hands = with_filter(at, city, name)
    assert not hands.find(f"{name}_selected").isEnabled()
    (layer,) = QgsProject.instance().mapLayersByName(FILTERS[name][1])
    layer.select([1, 2])
    hands.click(f"{name}_selected")
    assert hands.find(name).text() == '"fid" IN (1, 2)'
    layer.removeSelection()
    assert not hands.find(f"{name}_selected").isEnabled()


@clicks("area_selected", "area_measure")
def test_the_area_page(at, city):
    hands = at("area")
    (area,) = QgsProject.instance().mapLayersByName("area")
    area.selectAll()
    hands.click("area_selected")
    assert hands.wizard.draft.study.study_area.filter == '"fid" IN (1)'
    QgsProject.instance().addMapLayer(QgsVectorLayer(city.layer("footpaths"), "footpaths", "ogr"))
    hands.choose("area_streets", "footpaths")
    hands.click("area_measure")
    wait(lambda: hands.find("area_measure").isEnabled(), "the block length")
    assert "blocks, on average" in hands.find("area_measured").text()


def test_streets_and_areas_that_places_are_told_by(at, city):
    """Chosen, counted again, taken back; areas without names hold the page up in a sentence."""
    hands = at("area")
    for table in ("footpaths", "parks"):
        QgsProject.instance().addMapLayer(QgsVectorLayer(city.layer(table), table, "ogr"))
    hands.choose("area_streets", "footpaths")
    hands.choose("area_areas", "area")
    study = hands.wizard.draft.study
    assert (study.streets.name, study.areas.name) == ("footpaths", "area")
    hands.counted()
    assert hands.wizard.page.reason() == ""
    hands.choose("area_areas", "parks")
    hands.counted()
    assert "The layer 'parks' has no text field of names" in hands.wizard.page.reason()
    for name in ("area_streets", "area_areas"):
        hands.choose(name, "None")
    study = hands.wizard.draft.study
    assert (study.streets, study.areas) == (None, None)


# --- outcome

DAYS = ("outcome_fit_start", "outcome_fit_end", "outcome_test_start", "outcome_test_end")


@pytest.mark.parametrize("name", DAYS)
@clicks(*(f"{name}_calendar" for name in DAYS))
def test_the_calendars(at, name):
    hands = at("outcome")
    hands.click(f"{name}_calendar")
    assert hands.find(name).calendar.isVisible()
    QTest.keyClick(hands.find(name).calendar, Qt.Key.Key_Escape)


@pytest.mark.parametrize("number", [1, 2, 3])
@clicks("outcome_propose_1", "outcome_propose_2", "outcome_propose_3")
def test_the_proposals(at, city, number):
    hands = at("outcome")
    QgsProject.instance().addMapLayer(QgsVectorLayer(city.layer("dated"), "dated", "ogr"))
    hands.choose("outcome_layer", "dated")
    hands.find("outcome_date").setField("day")
    hands.counted()
    if not hands.find(f"outcome_propose_{number}").isVisible():
        assert number == 3  # years and halves are the same two windows here
        return
    words = hands.find(f"outcome_propose_{number}").text()
    hands.click(f"outcome_propose_{number}")
    study = hands.wizard.draft.study
    assert words == f"Fit on {study.fit.period.short}, test on {study.test.period.short}"


@clicks("outcome_adjust_add", "outcome_adjust_remove", "outcome_advanced")
def test_adjustments(at, city):
    hands = at("outcome")
    QgsProject.instance().addMapLayer(QgsRasterLayer(str(homes(city)), "homes"))
    box = hands.find("outcome_advanced")
    unfold(box)
    hands.choose("outcome_adjust_choice", "homes")
    hands.click("outcome_adjust_add")
    assert [ref.name for ref in hands.wizard.draft.study.adjust] == ["homes"]
    hands.find("outcome_adjust").setCurrentRow(0)
    hands.click("outcome_adjust_remove")
    assert hands.wizard.draft.study.adjust == ()


@clicks("outcome_city_add", "outcome_city_remove")
def test_where_the_city_is(at):
    hands = at("outcome")
    unfold(hands.find("outcome_advanced"))
    hands.choose("outcome_city_choice", "bars")
    hands.click("outcome_city_add")
    assert [ref.name for ref in hands.wizard.draft.study.city] == ["bars"]
    hands.find("outcome_city").setCurrentRow(0)
    hands.click("outcome_city_remove")
    assert hands.wizard.draft.study.city == ()


def unfold(box: QgsCollapsibleGroupBoxBasic) -> None:
    """A click on the triangle of a folded box."""
    assert box.isCollapsed()
    QTest.mouseClick(box.findChild(QToolButton, "collapseButton"), Qt.MouseButton.LeftButton)
    assert not box.isCollapsed()


# --- factors, settings, review


@clicks("factors_add", "factors_remove", "factors_suggest", "factors_advanced")
def test_the_factors_page(at):
    hands = at("factors")
    hands.counted()
    table = hands.find("factors_table")
    table.selectRow(0)
    unfold(hands.find("factors_advanced"))
    hands.click("factors_suggest")
    assert table.item(0, 2).text() == "density"
    hands.click("factors_remove")
    assert (table.rowCount(), len(hands.wizard.draft.study.factors)) == (3, 3)
    hands.click("factors_add")
    assert [item.text() for item in hands.find("factors_layers_list").selectedItems()] == ["bars"]
    hands.find("factors_layers").accept()
    assert table.item(3, 0).text() == "bars"


@clicks("settings_cull", "settings_advanced")
def test_the_settings_page(at):
    hands = at("settings")
    unfold(hands.find("settings_advanced"))
    before = hands.wizard.draft.study.selection.cull
    box = hands.find("settings_cull")
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    assert hands.wizard.draft.study.selection.cull is not before


@clicks("settings_keep_unestablished")
def test_what_is_not_established_can_be_kept(at):
    hands = at("settings")
    unfold(hands.find("settings_advanced"))
    box = hands.find("settings_keep_unestablished")
    QTest.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    hands.choose("settings_significance", "as if cells were independent of each other, as RTMDx")
    selection = hands.wizard.draft.study.selection
    assert (selection.keep_unestablished, selection.significance) == (True, "plain")


@clicks("review_save", "review_save_call", "review_folder_button", "review_box")
def test_the_review_page(at, chosen_file, tmp_path):
    hands = at("review")
    chosen_file["path"] = str(tmp_path / "mine")
    hands.click("review_save")
    assert json.loads((tmp_path / "mine.json").read_text("utf-8"))["title"] == "Thefts"
    assert hands.find("review_message").text() == "Saved as mine.json."
    chosen_file["path"] = str(tmp_path / "call.json")
    hands.click("review_save_call")
    assert "OUTPUT_FOLDER" in json.loads((tmp_path / "call.json").read_text("utf-8"))["inputs"]
    choose_in_dialog(tmp_path)  # a widget of QGIS, whose dialog does not come through Python
    hands.click("review_folder_button")
    assert hands.wizard.draft.folder == str(tmp_path)
    box = hands.find("review_box")
    box.setCollapsed(True)
    unfold(box)


# --- run and result


@clicks("run_cancel", "run_again")
def test_the_run_page(at, tmp_path):
    hands = at("review")
    hands.wizard.draft.folder = str(tmp_path / "out")
    hands.wizard.page.show_draft()
    hands.next()
    hands.click("run_cancel")
    wait(lambda: not hands.wizard.run.running, "the cancel")
    assert hands.reason.startswith("Cancelled")
    hands.click("run_again")
    wait(lambda: hands.page == "result", "the second run")


@pytest.fixture
def result(hands, city, tmp_path):
    """The result of a dated study of the small city."""
    from dataclasses import replace

    from risk_terrain.rtm_plugin.core.documents.study_document import LayerRef, Window

    study = small_study(city, factors=("bars", "footpaths"))
    study = replace(
        study,
        events=LayerRef(city.layer("dated"), "dated"),
        date_field="day",
        fit=Window("2023-01-01", "2024-10-31"),
        test=Window("2024-11-01", "2024-12-31"),
        places=replace(study.places, rule="share", value=5.0),
    )
    run_in_wizard(hands, study, tmp_path / "out")
    return hands


@clicks("result_report", "result_validation", "result_zoom", "result_model", "result_layout")
def test_the_buttons_of_the_result(result, opened, chosen_file, tmp_path):
    out = tmp_path / "out"
    result.click("result_report")
    result.click("result_validation")
    assert opened.files == [out / "report.html", out / "validation.html"]
    canvas = result.wizard.result.iface.mapCanvas()
    before = canvas.extent()
    result.click("result_zoom")
    assert canvas.extent() != before
    chosen_file["path"] = str(tmp_path / "study")
    result.click("result_model")
    wait(lambda: result.find("result_message").text().startswith("Saved as"), "the model")
    assert (tmp_path / "study.model3").is_file()
    result.find("result_message").setText("")
    result.click("result_layout")
    wait(lambda: (out / "briefing.pdf").is_file() or result.find("result_message").text(), "the briefing")
    wait(lambda: (out / "briefing.pdf").is_file(), "the briefing", 60)


@clicks("result_backtest", "result_crossvalidation", "result_jointrisk", "result_stop")
def test_further_tests(result, tmp_path):
    out = tmp_path / "out"
    tables: list[str] = []
    result.wizard.result.iface.showAttributeTable = lambda layer, *_: tables.append(layer.name())
    for name, file in (
        ("result_backtest", "backtest.csv"),
        ("result_crossvalidation", "crossvalidation.csv"),
        ("result_jointrisk", "joint_risk.tif"),
    ):
        result.click(name)
        assert not result.find(name).isEnabled()
        wait(lambda name=name: result.find(name).isEnabled(), name, 120)
        assert result.find("result_message").text().endswith("The table is in the project."), result.find(
            "result_message"
        ).text()
        assert (out / file).is_file()
        sources = {layer.source().split("|")[0] for layer in QgsProject.instance().mapLayers().values()}
        assert str(out / file) in sources
    assert len(tables) == 3
    result.click("result_crossvalidation")
    result.click("result_stop")
    wait(lambda: not result.find("result_stop").isVisible(), "the stop")
    assert result.find("result_message").text() == "The test was stopped."


# --- nothing is left out


def has_a_name_of_ours(widget: QWidget) -> bool:
    return bool(widget.objectName()) and widget.objectName() not in QT_OWN


def inside_of_a_widget_of_qgis(button: QAbstractButton) -> bool:
    """Arrows of boxes, the cross that clears a line, the triangle of a folded box (which stands in the list itself)."""
    return button.objectName() in {"collapseButton", ""} and not isinstance(button, QCheckBox) and not button.text()


def test_no_button_link_or_box_is_left_out(hands):
    wanted = {"wizard_steps"}
    for label in hands.wizard.findChildren(QLabel):
        if "<a " in label.text():
            wanted.add(label.objectName())
    for button in hands.wizard.findChildren(QAbstractButton):
        if not inside_of_a_widget_of_qgis(button):
            assert has_a_name_of_ours(button), f"a button without a name: {button.text()!r}"
            wanted.add(button.objectName())
    wanted |= {box.objectName() for box in hands.wizard.findChildren(QgsCollapsibleGroupBoxBasic)}
    assert "" not in wanted
    assert wanted - CLICKED == set(), "no test clicks these"
    assert CLICKED - wanted == set(), "these are not there any more"
