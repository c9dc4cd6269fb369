"""The plugin in QGIS desktop itself: what people see and click. `desktop_session.py` does it, this file judges."""

import re
import sys
from pathlib import Path

import pytest
from risk_terrain.rtm_plugin import provider
from risk_terrain.rtm_plugin.core.terrain.scores import CLASS_COLOURS, CLASS_NAMES

sys.path.insert(0, str(Path(__file__).parent))
import desktop

ALGORITHMS = sorted(name for name, _ in provider.ALGORITHMS)
TOOLBOX = {
    "Answers from the model": ["What if: a risk factor's features change", "Why here? One place explained"],
    "How good is the map": [
        "Back-test through time",
        "Cross-validate the model",
        "Does the model fit?",
        "How sure is this?",
        "Validate maps against later events",
        "What if the choices had been others?",
    ],
    "Prepare a study": ["Measure the block length", "Suggest an operationalisation"],
    "Study from start to finish": [
        "Briefing page (print layout and PDF)",
        "Check a study before it runs",
        "Places for phones and vehicles (KML, GPX)",
        "Report of a saved model",
        "Risk terrain model, start to finish",
        "Run a saved study",
        "Save a study as a graphical model",
        "Test a saved study further",
    ],
    "Study step by step": [
        "1. Study grid",
        "2. Count events",
        "3. Operationalise a risk factor",
        "4. Select model",
        "5. Risk terrain",
        "6. Priority places",
    ],
    "Terrain and events together": ["Forecast", "Joint risk: vulnerability and exposure", "Patrol places"],
}
ACTION = "Risk Terrain Modelling…"
PANEL = "Risk terrain"
ACTIONS = {
    "submenus": ["Risk Terrain"],
    "entries": [ACTION, PANEL],
    "toolbars": [ACTION],
    "anywhere": [ACTION, PANEL],
}
GROUP = "Risk terrain: Robbery in Northbridge BCU, 2024"
NUMBER = r"\d[\d.,]*"


@pytest.fixture(scope="module")
def attempt(tmp_path_factory) -> desktop.Session | desktop.SessionError:
    """One session of QGIS for all tests of this file, or why it did not end well."""
    try:
        return desktop.run_session(tmp_path_factory.mktemp("desktop"))
    except desktop.SessionError as error:
        return error


@pytest.fixture
def session(attempt) -> desktop.Session:
    if isinstance(attempt, desktop.SessionError):
        pytest.fail("QGIS did not end well; test_qgis_ends_well has its logs.", pytrace=False)
    return attempt


@pytest.fixture
def results(session) -> dict:
    return session.results


@pytest.fixture
def layers(results) -> list[dict]:
    """The layers of the results' group, from top to bottom."""
    assert list(results["groups"]) == [GROUP]
    return results["groups"][GROUP]


def test_qgis_ends_well(attempt):
    """QGIS came to the end of the session and closed with exit code 0."""
    assert not isinstance(attempt, desktop.SessionError), str(attempt)


def test_loaded_with_provider_and_icon(results):
    loaded = results["loaded"]
    assert "risk_terrain" in loaded["active"]
    assert "profiles/default/python/plugins/risk_terrain" in loaded["file"]
    assert loaded["provider"] == "Risk Terrain"
    assert loaded["algorithms"] == [f"rtm:{name}" for name in ALGORITHMS]
    assert loaded["icon"]


def test_toolbox_shows_the_steps_in_order(results):
    assert results["loaded"]["toolbox"] == TOOLBOX
    assert list(results["loaded"]["toolbox"]) == list(TOOLBOX)


def test_menu_and_toolbar(results):
    assert results["loaded"]["actions"] == ACTIONS


def test_the_button_opens_the_wizard_which_ends_at_a_result(results):
    wizard = results["wizard"]
    assert {"terrain.tif", "report.html", "validation.html", "study.json", "model.json"} <= set(wizard["files"])
    names = ["Patrol places", "Priority places", "Risk terrain: relative risk score", "Expected events in a cell"]
    assert wizard["group"] == {GROUP: [*names, "Forecast: expected events in a cell"]}
    assert "associated with where robbery happened" in wizard["opening"]
    assert wizard["zoomed"]


def test_the_wizards_layers_are_those_of_the_toolbox(results, layers):
    """Names, legends, styles, descriptions: one loader; the dock has the report; the run stands in the history."""
    wizard = results["wizard"]
    by_name = {layer["name"]: layer for layer in wizard["layers"]}
    for layer in layers:
        for what in ("renderer", "styles", "title"):
            assert by_name[layer["name"]][what] == layer[what], (layer["name"], what)
        assert by_name[layer["name"]]["legend"][0] == layer["legend"][0]
    assert wizard["report"]
    assert wizard["history"] == ["rtm:runstudy"]


def test_the_wizards_page_is_made_with_one_click(results):
    assert results["wizard"]["opened"] == ["briefing.pdf"]
    assert results["wizard"]["layouts"] == [f"Briefing on A4: {GROUP.removeprefix('Risk terrain: ')}"]


def test_what_if_from_the_dock_gives_layers(results):
    what_if = results["what_if"]
    assert what_if["successful"], what_if["log"]
    assert what_if["layers"][0] == "What if: change in expected events (association, not proof of cause)"


def test_the_dialog_keeps_what_is_set(results):
    dialog = results["dialog"]
    assert dialog["algorithm"] == "rtm:run"
    chosen = dialog["parameters"]
    assert (chosen["BLOCK_LENGTH"], chosen["MAX_AREA"]) == ("200.0", "250000.0")
    assert chosen["FACTORS"].count("northbridge.gpkg|layername=") == 14
    assert "protective" in chosen["FACTOR_SETTINGS"]


def test_the_run_succeeds_in_the_task_manager_without_an_error(results):
    dialog = results["dialog"]
    assert dialog["successful"], dialog["log"]["text"]
    assert dialog["in_task_manager"]
    assert dialog["results"]["FACTOR_COUNT"] == "5"
    log = dialog["log"]["text"]
    assert "933 lie inside the study area and count; 14 outside" in log
    bad = r"error:|traceback|failed|not correctly generated|could not be (?!checked)"
    assert not re.search(bad, log, re.IGNORECASE), log
    assert "color:#ff0000" not in dialog["log"]["html"]


def test_nothing_of_ours_in_the_message_log(results):
    """No error at all in any tab, and no Python warning from the plugin."""
    for tab, text in results["log"].items():
        assert "CRITICAL" not in text, f"{tab}: {text}"
        assert "Traceback" not in text, f"{tab}: {text}"
        assert tab != "Python warning" or "risk_terrain" not in text, text


def test_results_stand_in_their_group_in_order(results, layers):
    names = ["Patrol places", "Priority places", "Risk terrain: relative risk score", "Expected events in a cell"]
    names.append("Forecast: expected events in a cell")
    assert [layer["name"] for layer in layers] == names
    assert results["top"][0] == GROUP
    assert {layer["crs"] for layer in layers} == {"EPSG:27700"}
    assert str(layers[1]["features"]) == results["dialog"]["results"]["PLACE_COUNT"]


def test_terrain_is_styled_in_four_classes_with_plain_labels(layers):
    check_terrain(layers[2])
    assert layers[2]["legend"][0] == "relative risk score"


def check_terrain(layer: dict) -> None:
    """Discrete, four classes, each with its name and its range of scores."""
    assert layer["renderer"] == "QgsSingleBandPseudoColorRenderer"
    assert (layer["interpolation"], layer["classes"]) == ("Discrete", 4)
    low, middle, high = f"score up to {NUMBER}", f"{NUMBER} to {NUMBER}", f"above {NUMBER}"
    for label, name, scores in zip(layer["legend"][1:], CLASS_NAMES, (low, middle, middle, high), strict=True):
        assert re.fullmatch(rf"{re.escape(name)} \({scores}\)", label), label


def test_places_are_labelled_by_rank(layers):
    assert layers[1]["labels"] == "rank"
    assert layers[1]["renderer"] == "QgsSingleSymbolRenderer"


def test_expected_counts_have_a_legend_of_numbers(layers):
    check_expected(layers[3])
    assert layers[3]["legend"][0] == "expected events"


def check_expected(layer: dict) -> None:
    """Light to dark from 0, each step with its number."""
    assert (layer["renderer"], layer["interpolation"]) == ("QgsSingleBandPseudoColorRenderer", "Linear")
    steps = layer["legend"][1:]
    assert len(steps) == layer["classes"] == 5
    assert all(re.fullmatch(NUMBER, label) for label in steps[:-1]), steps
    assert re.fullmatch(rf"{NUMBER} or more events a cell", steps[-1]), steps


def test_the_map_shows_the_terrain(session):
    """All four colours of the classes are among the most frequent ones of the map."""
    assert set(CLASS_COLOURS) <= set(session.results["colours"]), session.results["colours"]
    for name in desktop.PICTURES:
        assert session.picture(name).stat().st_size > 20_000


def test_why_here_in_the_first_priority_place(results):
    """The model, its factors' layers, expected counts, places and report of the run are found without a question."""
    why = results["why"]
    assert why["tool"] == "WhyHereTool"
    assert len(why["factors"]) == 5
    assert (why["disabled"], why["report"]) == ([], True)
    assert "It lies in priority place 1: " in why["text"]
    assert "Expected events in the cell: " in why["text"]
    assert "not known" not in why["text"]
    assert "were changed after" not in why["text"]


def test_the_terrain_has_a_second_style_and_describes_itself(layers):
    assert layers[2]["styles"] == ["Continuous", "Four classes"]
    assert layers[2]["title"] == "Risk terrain: relative risk score"
    assert re.fullmatch("[0-9a-f]{16}", layers[2]["identifier"])
    assert layers[3]["identifier"] == layers[2]["identifier"]


def test_the_briefing_is_a_layout_of_the_project(results):
    assert results["briefing"]["pdf"] == "%PDF-"
    assert results["briefing"]["layouts"] == ["Briefing on A4: Robbery in Northbridge BCU, 2024"]
    assert results["briefing"]["style"] == "Four classes"


def test_files_of_a_batch_opened_by_hand_are_styled(results):
    """By the sidecars, from a folder with spaces and letters beyond ASCII; and no other file is left there."""
    terrain, expected, places = results["batch"]
    check_terrain(terrain)
    check_expected(expected)
    assert places["labels"] == "rank"
    wanted = [f"{name}.{ending}" for name in ("expected", "terrain") for ending in ("qml", "tif")]
    assert results["batch_files"] == sorted([*wanted, "places.gpkg", "places.qml"])


def test_unload_leaves_nothing(results):
    unloaded = results["unloaded"]
    assert unloaded["returned"]
    assert "risk_terrain" not in unloaded["plugins"]
    assert not unloaded["provider"]
    assert unloaded["provider_destroyed"]
    assert not any(unloaded["actions"].values())
    for what in ("algorithms", "toolbox", "modules", "alive", "objects"):
        assert not unloaded[what], f"{what}: {unloaded[what]}"


def test_reload_brings_all_of_it_back_once(results):
    reloaded = results["reloaded"]
    assert reloaded["started"]
    assert reloaded["algorithms"] == [f"rtm:{name}" for name in ALGORITHMS]
    assert reloaded["toolbox"] == TOOLBOX
    assert reloaded["actions"] == ACTIONS
