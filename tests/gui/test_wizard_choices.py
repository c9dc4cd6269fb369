"""Layers chosen in the wizard: of the project, of files, some of their features; refusals at the moment of choice."""

import shutil
from pathlib import Path

import processing
import pytest
from qgis.core import (
    QgsFeatureRequest,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication, QDialogButtonBox, QFileDialog
from small_study import small_study
from wizard_hands import wait

DEMO = Path(__file__).resolve().parents[2] / "resources" / "demo" / "northbridge.gpkg"
POLICE_UK = "Crime ID,Month,Longitude,Latitude,Crime type\n1,2024-01,-1.55,53.3,Burglary\n"


def add(table: str, name: str = "", source: str = "") -> QgsVectorLayer:
    layer = QgsVectorLayer(source or f"{DEMO}|layername={table}", name or table, "ogr")
    assert layer.isValid()
    QgsProject.instance().addMapLayer(layer)
    QApplication.processEvents()
    return layer


@pytest.fixture
def hands(new_wizard):
    return new_wizard()


# --- the block length is measured in the area that is chosen


def measured(hands) -> str:
    hands.click("area_measure")
    wait(lambda: hands.find("area_measure").isEnabled(), "the block length")
    return hands.find("area_measured").text()


@pytest.mark.parametrize("ward", ["Castle", "", "Station"])
def test_the_block_length_is_that_of_the_chosen_area(hands, ward):
    wards, streets = add("wards"), add("streets")
    names = wards.uniqueValues(wards.fields().lookupField("name"))
    if ward and ward not in names:
        ward = sorted(names)[-1]
    hands.click("start_new")
    hands.choose("area_layer", "wards")
    if ward:
        hands.find("area_field").setField("name")
        hands.choose("area_feature", ward)
    hands.choose("area_streets", "streets")
    area = QgsProcessingFeatureSourceDefinition(wards.id(), filterExpression=f"\"name\" = '{ward}'" if ward else "")
    right = processing.run("rtm:blocklength", {"STUDY_AREA": area, "STREETS": streets.id()})
    expected = f"{right['BLOCK_COUNT']:,} blocks, on average {right['BLOCK_LENGTH']:,.0f} long."
    assert measured(hands) == expected
    assert hands.find("area_block").value() == round(right["BLOCK_LENGTH"])
    if ward == "Castle":
        assert right["BLOCK_LENGTH"] == pytest.approx(286.5, abs=0.05)


def test_streets_that_cannot_be_measured_say_so(hands, tmp_path):
    add("wards")
    memory = add("streets").materialize(QgsFeatureRequest())
    memory.setName("streets in memory")
    QgsProject.instance().addMapLayer(memory)
    hands.click("start_new")
    assert measured(hands) == "Choose the boundary and a layer of streets first."
    hands.choose("area_layer", "wards")
    hands.choose("area_streets", "streets in memory")
    sentence = "The layer 'streets in memory' is temporary; save it to a file first, then measure it."
    assert hands.find("area_measured").text() == sentence
    assert measured(hands) == sentence
    (tmp_path / "points.csv").write_text(POLICE_UK, "utf-8")
    hands.wizard.page.streets.take_file(str(tmp_path / "points.csv"))
    assert hands.find("area_streets_message").text() == (
        "'points.csv' holds a table, where lines are needed; choose another file."
    )


# --- files


def test_a_file_of_several_layers_asks_which_one(hands, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(DEMO), ""))
    hands.click("start_new")
    hands.click("area_layer_file")
    dialog = hands.find("file_layers")
    listed = hands.find("file_layers_list")
    texts = [listed.item(i).text() for i in range(listed.count())]
    assert "wards – polygons, 17 features" in texts
    assert "bars – points, 90 features" in texts
    can = {listed.item(i).text().split(" – ")[1].split(",")[0] for i in range(listed.count()) if listed.item(i).flags()}
    assert can == {"polygons"}
    ok = dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok)
    assert not ok.isEnabled()
    assert hands.wizard.draft.study.study_area is None
    row = listed.item(texts.index("wards – polygons, 17 features"))
    QTest.mouseClick(listed.viewport(), Qt.MouseButton.LeftButton, pos=listed.visualItemRect(row).center())
    QTest.mouseClick(ok, Qt.MouseButton.LeftButton)
    assert hands.wizard.draft.study.study_area.source == f"{DEMO}|layername=wards"
    assert hands.find("area_layer").currentText() == "wards"


def test_cancelling_the_choice_takes_nothing(hands):
    hands.click("start_new")
    hands.wizard.page.layer.take_file(str(DEMO))
    hands.find("file_layers").reject()
    assert hands.wizard.draft.study.study_area is None
    assert QgsProject.instance().count() == 0


def test_a_file_without_a_fitting_layer_says_so(hands, tmp_path):
    hands.click("start_new")
    page = hands.wizard.page
    (tmp_path / "words.txt").write_text("nothing", "utf-8")
    page.layer.take_file(str(tmp_path / "words.txt"))
    assert hands.find("area_layer_message").text() == (
        "QGIS finds no layer in 'words.txt'; choose a file with polygons."
    )
    processing.run("native:savefeatures", {"INPUT": str(DEMO) + "|layername=bars", "OUTPUT": str(tmp_path / "b.gpkg")})
    page.layer.take_file(str(tmp_path / "b.gpkg"))
    assert hands.find("area_layer_message").text() == (
        "'b.gpkg' holds points, where polygons are needed; choose another file."
    )
    assert not hands.can_go_on
    shutil.copy(DEMO, tmp_path / "city.gpkg")
    page.layer.take_file(str(tmp_path / "city.gpkg"))
    hands.find("file_layers_list").setCurrentRow(0)
    hands.find("file_layers").accept()
    assert hands.find("area_layer_message").text() == ""
    assert hands.find("area_layer").currentText() == "boundary"


def test_a_file_of_one_layer_is_taken_at_once(hands, tmp_path):
    add("boundary")
    hands.click("start_new")
    hands.choose("area_layer", "boundary")
    hands.next()
    (tmp_path / "jan.csv").write_text(POLICE_UK, "utf-8")
    hands.wizard.page.layer.take_file(str(tmp_path / "jan.csv"))
    assert hands.find("outcome_layer").currentText() == "jan"
    processing.run(
        "native:savefeatures", {"INPUT": str(DEMO) + "|layername=wards", "OUTPUT": str(tmp_path / "wards.gpkg")}
    )
    hands.wizard.page.layer.take_file(str(tmp_path / "wards.gpkg"))
    assert hands.find("outcome_layer_message").text() == (
        "'wards.gpkg' holds polygons, where points or a table are needed; choose another file."
    )
    assert hands.find("outcome_layer").currentText() == "jan"


# --- some of the features


def test_selected_features_only(hands):
    wards, parks = add("wards"), add("parks")
    hands.click("start_new")
    hands.choose("area_layer", "wards")
    assert not hands.find("area_selected").isEnabled()
    wards.selectByExpression("\"name\" IN ('Castle', 'Station')")
    chosen = [f["name"] for f in wards.getSelectedFeatures()]
    hands.click("area_selected")
    kept = hands.wizard.draft.study.study_area.filter
    assert {f["name"] for f in wards.getFeatures(kept)} == set(chosen)
    assert hands.find("area_feature").currentText() == f"by a filter: {kept}"
    hands.counted()
    assert hands.can_go_on
    hands.choose("area_exclude", "parks")
    parks.select(3)
    hands.click("area_exclude_filter_selected")
    assert [f.id() for f in parks.getFeatures(hands.wizard.draft.study.exclude.filter)] == [3]
    hands.choose("area_feature", "all features")
    assert hands.wizard.draft.study.study_area.filter == ""


def test_a_filter_of_the_boundary_is_not_lost(hands, tmp_path):
    """Neither all nor one value of a field: it is shown, and stays when the page is left and seen again."""
    wards = add("wards")
    hands.click("start_new")
    hands.choose("area_layer", "wards")
    wards.select([1, 2])
    hands.click("area_selected")
    kept = hands.wizard.draft.study.study_area.filter
    hands.next()
    hands.click("wizard_back")
    assert hands.find("area_feature").currentText() == f"by a filter: {kept}"
    assert hands.wizard.draft.study.study_area.filter == kept


# --- risk factors


def test_what_is_no_risk_factor_is_not_marked(hands, tmp_path):
    for name in ("boundary", "wards", "events", "bars", "parks"):
        add(name)
    (tmp_path / "2024-01-northbridge-street.csv").write_text(POLICE_UK, "utf-8")
    add("", "2024-01-northbridge-street", str(tmp_path / "2024-01-northbridge-street.csv"))
    add("schools", "thefts of 2023")
    hands.click("start_new")
    hands.choose("area_layer", "boundary")
    hands.next()
    hands.choose("outcome_layer", "events")
    hands.next()
    hands.click("factors_add")
    listed = hands.find("factors_layers_list")
    items = [listed.item(i) for i in range(listed.count())]
    assert [item.text() for item in items if item.isSelected()] == ["bars", "parks"]
    why = dict(item.text().split(" – ") for item in items if not item.isSelected())
    assert why == {
        "2024-01-northbridge-street": "looks like recorded crime",
        "boundary": "the study area",
        "events": "the events to explain",
        "thefts of 2023": "looks like recorded crime",
        "wards": "covers the study area",
    }
    hands.find("factors_layers").accept()
    hands.click("factors_add")
    assert not hands.wizard.page.dialog.list.selectedItems()


# --- refusals as soon as a layer is chosen


@pytest.mark.parametrize(("target", "word"), [("EPSG:4326", "degrees"), ("EPSG:3857", "3857"), ("EPSG:4978", "")])
def test_a_map_without_distances_is_refused_at_once(hands, tmp_path, target, word):
    """In the sentence of the algorithms, without waiting for counts."""
    from risk_terrain.rtm_plugin.adapters.crs import refusal_of_crs

    boundary = add("boundary")
    path = str(tmp_path / "other.gpkg")
    processing.run("native:reprojectlayer", {"INPUT": boundary, "TARGET_CRS": target, "OUTPUT": path})
    other = add("", "other", path)
    hands.click("start_new")
    hands.choose("area_layer", "other")
    assert hands.reason == refusal_of_crs(other.crs(), "other", other.extent())
    assert hands.reason.startswith("The layer 'other' ")
    assert word in hands.reason
    assert not hands.can_go_on


def test_a_layer_that_leaves_the_project_stays_in_the_study(hands):
    hands.click("start_demo")
    hands.until("outcome")
    before = hands.wizard.draft.study
    QgsProject.instance().removeAllMapLayers()
    QApplication.processEvents()
    assert hands.wizard.draft.study == before
    assert hands.find("outcome_layer").currentText() == "Robberies (not in the project)"
    hands.type("outcome_fit_start", "2 Jan 2024")
    study = hands.wizard.draft.study
    assert (study.fit.start, study.date_field, study.events) == ("2024-01-02", "date", before.events)
    hands.click("wizard_back")
    assert hands.find("area_layer").currentText() == "Northbridge BCU (not in the project)"
    assert hands.wizard.draft.study.study_area == before.study_area
    hands.until("review")


# --- exposure, adjustments, weights


def test_advanced_settings_of_the_outcome(hands, city, tmp_path):
    grid, homes, calls = (str(tmp_path / f"{name}.tif") for name in ("grid", "homes", "calls"))
    processing.run("rtm:studygrid", {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200, "OUTPUT": grid})
    processing.run("rtm:countevents", {"GRID": grid, "EVENTS": city.layer("bars"), "OUTPUT": homes})
    processing.run("rtm:countevents", {"GRID": grid, "EVENTS": city.layer("events"), "OUTPUT": calls})
    for path in (grid, homes, calls):
        QgsProject.instance().addMapLayer(QgsRasterLayer(path, Path(path).stem))
    hands.wizard.start._take(small_study(city))
    hands.until("outcome")
    hands.counted()
    unweighted = hands.find("outcome_message").text()
    hands.find("outcome_advanced").setCollapsed(False)
    hands.choose("outcome_exposure", "homes")
    hands.type("outcome_exposure_smoothing", "1.5")
    assert hands.wizard.draft.study.exposure_smoothing == 1.5
    hands.choose("outcome_adjust_choice", "calls")
    hands.click("outcome_adjust_add")
    study = hands.wizard.draft.study
    assert (study.exposure.source, [ref.source for ref in study.adjust]) == (homes, [calls])
    hands.counted()
    assert hands.can_go_on, hands.reason
    hands.choose("outcome_adjust_choice", "grid")
    hands.click("outcome_adjust_add")
    hands.counted()
    assert "'grid' is the same in every cell" in hands.reason
    hands.find("outcome_adjust").setCurrentRow(1)
    hands.click("outcome_adjust_remove")
    hands.counted()
    assert hands.can_go_on
    hands.find("outcome_weight").setField("fid")
    assert hands.wizard.draft.study.weight_field == "fid"
    hands.counted()
    assert counted(hands.find("outcome_message").text()) > 10 * counted(unweighted)
    hands.until("review")
    told = hands.find("review_summary").text()
    assert "Rates are per unit of homes." in told
    assert "Adjusted for calls." in told
    assert "A row is as many events as its field 'fid' says." in told


def counted(message: str) -> int:
    """How many events there are, as the page begins."""
    return int(message.split()[0].replace(",", ""))


def test_density_cut_and_cards(hands, city):
    hands.wizard.start._take(small_study(city))
    hands.until("factors")
    hands.find("factors_table").selectAll()
    hands.find("factors_advanced").setCollapsed(False)
    hands.type("factors_density_sd", "1.5")
    assert {f.settings.density_sd for f in hands.wizard.draft.study.factors} == {1.5}
    hands.type("factors_density_percent", "10")
    assert {f.settings.density_percent for f in hands.wizard.draft.study.factors} == {10.0}
    hands.until("settings")
    hands.find("settings_advanced").setCollapsed(False)
    hands.type("settings_cards", "3")
    assert hands.wizard.draft.study.cards == 3
