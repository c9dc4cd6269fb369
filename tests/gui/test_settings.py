"""The settings page: the analyst's own values, the force's from QGIS's global file, and where they end up."""

import json
import sys
from pathlib import Path

import pytest
from qgis.core import QgsSettings
from qgis.PyQt.QtTest import QTest
from risk_terrain import classFactory
from risk_terrain.rtm_plugin.adapters.preferences import Preferences, load_preferences, save_preferences
from risk_terrain.rtm_plugin.gui.settings import SettingsFactory, SettingsPage
from test_plugin_object import Window

sys.path.insert(0, str(Path(__file__).parents[1] / "algorithms"))
from running import only_terrain, process
from small_city import write_city

GLOBAL = """[risk_terrain]
unit=Northbridge BCU
marking=OFFICIAL
licence=OS 100012345
block_length=160
max_blocks=99
"""


@pytest.fixture(autouse=True)
def own(qgis_app):
    """No setting of the analyst's before and after."""
    QgsSettings().remove("risk_terrain")
    yield
    QgsSettings().remove("risk_terrain")


@pytest.fixture
def force(tmp_path):
    """A global settings file, as a force gives to everyone."""
    before = QgsSettings.globalSettingsPath()
    path = tmp_path / "qgis_global_settings.ini"
    path.write_text(GLOBAL, encoding="utf-8")
    assert QgsSettings.setGlobalSettingsPath(str(path))
    yield path
    empty = tmp_path / "none.ini"
    empty.write_text("", encoding="utf-8")
    QgsSettings.setGlobalSettingsPath(before or str(empty))


def test_nothing_set():
    assert load_preferences() == Preferences()
    assert load_preferences().signature == {}


def test_the_forces_defaults_and_the_analysts_own(force):
    """A value of the force that makes no sense is left out; the analyst's goes before the force's."""
    found = load_preferences()
    assert (found.unit, found.marking, found.block_length, found.max_blocks) == (
        "Northbridge BCU",
        "OFFICIAL",
        160.0,
        3,
    )
    QgsSettings().setValue("risk_terrain/marking", "OFFICIAL-SENSITIVE")
    assert load_preferences().marking == "OFFICIAL-SENSITIVE"
    assert load_preferences().signature == {"unit": "Northbridge BCU", "licence": "OS 100012345"}


def test_the_page_keeps_only_what_was_changed(force):
    page = SettingsPage(None)
    assert page.unit.text() == "Northbridge BCU"
    QTest.keyClicks(page.analyst, "A. N. Alyst")
    page.max_blocks.setValue(2)
    page.increment.setCurrentText("whole")
    page.apply()
    assert load_preferences().analyst == "A. N. Alyst"
    assert load_preferences().study_defaults == {
        "BLOCK_LENGTH": 160.0,
        "MAX_BLOCKS": 2,
        "INCREMENT": "whole",
        "OPERATIONALISATION": "both",
    }
    force.write_text(GLOBAL.replace("Northbridge BCU", "Southbridge BCU"), encoding="utf-8")
    assert QgsSettings.setGlobalSettingsPath(str(force))
    assert load_preferences().unit == "Southbridge BCU", "what was left alone follows the force"


def test_every_field_comes_back():
    mine = Preferences(
        analyst="a",
        unit="b",
        licence="c",
        marking="SECRET",
        study_folder="/tmp",
        output_folder="/var",
        block_length=150.5,
        max_blocks=4,
        increment="whole",
        operationalisation="density",
    )
    save_preferences(mine)
    assert load_preferences() == mine
    assert SettingsPage(None).chosen == mine


@pytest.mark.parametrize(
    ("key", "value"), [("block_length", "-1"), ("block_length", "nan"), ("max_blocks", "many"), ("increment", "third")]
)
def test_a_value_that_makes_no_sense_is_left_out(key, value):
    QgsSettings().setValue(f"risk_terrain/{key}", value)
    assert load_preferences() == Preferences()


def test_hostile_text_is_one_line():
    QgsSettings().setValue("risk_terrain/analyst", "a\n<b>\x00" + "x" * 500)
    assert load_preferences().analyst == ("a <b> " + "x" * 500)[:200]


def test_stamped_in_the_model_file(qgis_processing, qgis_iface, tmp_path, force):
    plugin = classFactory(Window(qgis_iface))
    plugin.initGui()
    city = write_city(tmp_path / "city.gpkg")
    process("run", only_terrain(city, tmp_path))
    signed = json.loads((tmp_path / "model.json").read_text(encoding="utf-8"))["provenance"]["signed"]
    plugin.unload()
    assert signed == {"unit": "Northbridge BCU", "licence": "OS 100012345", "marking": "OFFICIAL"}


RULES = """[risk_terrain]
markings=OFFICIAL, OFFICIAL-SENSITIVE, SECRET
marking_required=true
"""


def test_a_force_demands_one_of_its_markings(force):
    """The list is the force's; the page offers it and nothing else, and keeps the rules as they are."""
    force.write_text(RULES, encoding="utf-8")
    assert QgsSettings.setGlobalSettingsPath(str(force))
    rules = load_preferences()
    assert rules.markings == ("OFFICIAL", "OFFICIAL-SENSITIVE", "SECRET")
    assert rules.marking_required
    assert rules.refusal_of_marking("SECRET") == ""
    assert rules.refusal_of_marking("") == (
        "Your force demands a protective marking on every result; choose one (OFFICIAL, OFFICIAL-SENSITIVE, SECRET)."
    )
    assert rules.refusal_of_marking("RESTRICTED") == (
        "'RESTRICTED' is none of the protective markings of your force; choose one of them (OFFICIAL, "
        "OFFICIAL-SENSITIVE, SECRET)."
    )
    page = SettingsPage(None)
    assert not page.marking.isEditable()
    page.marking.setCurrentText("SECRET")
    page.apply()
    assert load_preferences().marking == "SECRET"
    assert not QgsSettings().contains("risk_terrain/markings", QgsSettings.Section.NoSection) or (
        load_preferences().markings == rules.markings
    )


def test_without_rules_any_marking_will_do():
    assert Preferences().refusal_of_marking("") == ""
    assert Preferences().refusal_of_marking("VS-NfD") == ""
    assert SettingsPage(None).marking.isEditable()


def test_the_factory_makes_a_page(qgis_app):
    factory = SettingsFactory("")
    assert factory.title() == "Risk terrain"
    assert isinstance(factory.createWidget(None), SettingsPage)
