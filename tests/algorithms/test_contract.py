"""Ids, parameters, defaults and outputs are public API: what was promised first, word for word, and what came later."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from qgis.core import Qgis, QgsProcessingParameterEnum, QgsProcessingParameters

SELECTION = {
    "FAMILY": ("enum", "auto"),
    "FOLDS": ("number", 5),
    "SEED": ("number", 1),
    "FOLD_DRAWS": ("number", 1),
    "CULL": ("enum", "yes"),
    "SIGNIFICANCE": ("enum", "spatial"),
    "KEEP_UNESTABLISHED": ("enum", "no"),
}
INFLUENCE = {
    "OPERATIONALISATION": ("enum", "both"),
    "MAX_BLOCKS": ("number", 3),
    "INCREMENT": ("enum", "half"),
}
GRID = {
    "STUDY_AREA": ("source", None),
    "BLOCK_LENGTH": ("distance", 200.0),
    "CELL_SIZE": ("distance", None),
    "CELL_RULE": ("enum", "intersects"),
    "GRID_ORIGIN": ("enum", "aligned"),
    "EXCLUDE": ("source", None),
}
MARKING = {"MARKING": ("string", "")}  # the settings page's: none in a fresh profile
CARRIED = {"MARKING": ("string", None)}  # empty: that of the results which it is made from
COVARIATES = {
    "EXPOSURE": ("raster", None),
    "EXPOSURE_SMOOTHING": ("number", 0.0),
    "ADJUST": ("multilayer", None),
    "CITY": ("multilayer", None),
}
TOLD_BY = {"STREETS": "source", "AREAS": "source"}
PLACES = {"RULE": ("enum", "class"), "VALUE": ("number", 2.0), "MAX_AREA": ("area", None)}
PATROL = {
    "BUDGET_RULE": ("enum", "share"),
    "BUDGET": ("number", 1.0),
    "MAX_AREA": ("area", None),
    "MIN_DISTANCE": ("distance", None),
}

# id → type and default of each parameter of the contract
PARAMETERS = {
    "studygrid": {**GRID, "OUTPUT": ("rasterDestination", None)},
    "countevents": {
        "GRID": ("raster", None),
        "EVENTS": ("source", None),
        "WEIGHT_FIELD": ("field", None),
        "OUTPUT": ("rasterDestination", None),
    },
    "operationalise": {
        "GRID": ("raster", None),
        "FACTOR": ("source", None),
        "NAME": ("string", None),
        **INFLUENCE,
        "DIRECTION": ("enum", "aggravating"),
        "DENSITY_SD": ("number", 2.0),
        "DENSITY_PERCENT": ("number", None),
        "OUTPUT": ("rasterDestination", None),
    },
    "selectmodel": {
        "COUNTS": ("raster", None),
        "CANDIDATES": ("multilayer", None),
        **SELECTION,
        **COVARIATES,
        **MARKING,
        "OUTPUT_MODEL": ("fileDestination", None),
        "OUTPUT_TABLE": ("vectorDestination", None),
    },
    "terrain": {
        "MODEL": ("file", None),
        "CANDIDATES": ("multilayer", None),
        "OUTPUT": ("rasterDestination", None),
        "OUTPUT_EXPECTED": ("rasterDestination", None),
    },
    "priorityplaces": {"TERRAIN": ("raster", None), **PLACES, "OUTPUT": ("vectorDestination", None)},
    "validate": {
        "TERRAINS": ("multilayer", None),
        "EVENTS": ("source", None),
        "PRIOR_EVENTS": ("source", None),
        "STREETS": ("source", None),
        "WEIGHT_FIELD": ("field", None),
        **CARRIED,
        "OUTPUT_TABLE": ("vectorDestination", None),
        "OUTPUT_JSON": ("fileDestination", None),
        "OUTPUT_HTML": ("fileDestination", None),
    },
    "forecast": {
        "MODEL": ("file", None),
        "CANDIDATES": ("multilayer", None),
        "EVENTS": ("multilayer", None),
        "OUTPUT": ("rasterDestination", None),
        "OUTPUT_LOWER": ("rasterDestination", None),
        "OUTPUT_UPPER": ("rasterDestination", None),
        "OUTPUT_PROBABILITY": ("rasterDestination", None),
        "OUTPUT_JSON": ("fileDestination", None),
    },
    "patrolplaces": {
        "FORECAST": ("raster", None),
        **PATROL,
        "PLACES": ("source", None),
        "AREAS": ("source", None),
        "AREA_FIELD": ("field", None),
        "OUTPUT": ("vectorDestination", None),
    },
    "diagnose": {
        "MODEL": ("file", None),
        "COUNTS": ("raster", None),
        "CANDIDATES": ("multilayer", None),
        **COVARIATES,
        **PLACES,
        "PERMUTATIONS": ("number", 999),
        "SEED": ("number", 1),
        "TITLE": ("string", None),
        **CARRIED,
        "OUTPUT_TABLE": ("vectorDestination", None),
        "OUTPUT_RESIDUALS": ("rasterDestination", None),
        "OUTPUT_CORRELOGRAM": ("vectorDestination", None),
        "OUTPUT_JSON": ("fileDestination", None),
        "OUTPUT_REPORT": ("fileDestination", None),
    },
    "crossvalidate": {
        "COUNTS": ("raster", None),
        "CANDIDATES": ("multilayer", None),
        "HELD_OUT_FOLDS": ("number", 5),
        "BLOCK_SIZE": ("distance", None),
        "BUFFER": ("distance", None),
        "AREAS": ("source", None),
        "AREA_FIELD": ("field", None),
        **COVARIATES,
        **SELECTION,
        **MARKING,
        "OUTPUT_TABLE": ("vectorDestination", None),
        "OUTPUT_SELECTION": ("vectorDestination", None),
        "OUTPUT_EXPECTED": ("rasterDestination", None),
        "OUTPUT_JSON": ("fileDestination", None),
    },
    "jointrisk": {
        "TERRAIN": ("raster", None),
        "EVENTS": ("source", None),
        "EVENT_DATE_FIELD": ("field", None),
        "START": ("datetime", None),
        "END": ("datetime", None),
        "BANDWIDTH": ("distance", None),
        "RULE": ("enum", "class"),
        "VALUE": ("number", 1.0),
        "LATER_EVENTS": ("source", None),
        "OUTPUT": ("rasterDestination", None),
        "OUTPUT_TABLE": ("vectorDestination", None),
    },
    "backtest": {
        **GRID,
        "EVENTS": ("source", None),
        "FACTORS": ("multilayer", None),
        "FACTOR_SETTINGS": ("string", None),
        "EVENT_DATE_FIELD": ("field", None),
        "UNIT": ("enum", "months"),
        "FIT_LENGTH": ("number", 12),
        "TEST_LENGTH": ("number", 1),
        "STEP": ("number", 1),
        "FORECAST_PERIODS": ("number", 1),
        "START": ("datetime", None),
        "END": ("datetime", None),
        **INFLUENCE,
        **COVARIATES,
        **SELECTION,
        **MARKING,
        "OUTPUT": ("fileDestination", None),
    },
    "sensitivity": {
        **GRID,
        "EVENTS": ("source", None),
        "WEIGHT_FIELD": ("field", None),
        "FACTORS": ("multilayer", None),
        "FACTOR_SETTINGS": ("string", None),
        "EVENT_DATE_FIELD": ("field", None),
        "FIT_START": ("datetime", None),
        "FIT_END": ("datetime", None),
        **INFLUENCE,
        **COVARIATES,
        **SELECTION,
        **MARKING,
        "OUTPUT_TABLE": ("vectorDestination", None),
        "OUTPUT_RUNS": ("fileDestination", None),
    },
    "doubt": {
        **GRID,
        "EVENTS": ("source", None),
        "WEIGHT_FIELD": ("field", None),
        "FACTORS": ("multilayer", None),
        "FACTOR_SETTINGS": ("string", None),
        "EVENT_DATE_FIELD": ("field", None),
        "FIT_START": ("datetime", None),
        "FIT_END": ("datetime", None),
        **INFLUENCE,
        **COVARIATES,
        **SELECTION,
        **PLACES,
        "REPLICATES": ("number", 100),
        "SHARE": ("number", 5.0),
        "BLOCK": ("distance", None),
        "WITH_SIGNIFICANCE": ("enum", "no"),
        **MARKING,
        "OUTPUT_TABLE": ("vectorDestination", None),
        "OUTPUT_PLACES": ("vectorDestination", None),
        "OUTPUT_PROBABILITY": ("rasterDestination", None),
        "OUTPUT_JSON": ("fileDestination", None),
    },
    "report": {
        "MODEL": ("file", None),
        "TERRAIN": ("raster", None),
        "EXPECTED": ("raster", None),
        "COUNTS": ("raster", None),
        "CANDIDATES": ("multilayer", None),
        "FACTORS": ("multilayer", None),
        **PLACES,
        "PLACE_CARDS": ("number", 10),
        "TITLE": ("string", None),
        **CARRIED,
        "OUTPUT_REPORT": ("fileDestination", None),
        "OUTPUT_FINDINGS": ("fileDestination", None),
        "OUTPUT_CARDS": ("fileDestination", None),
    },
    "briefing": {
        "MODEL": ("file", None),
        "TERRAIN": ("raster", None),
        "PLACES": ("vector", None),
        "PLACES_SHOWN": ("number", 20),
        "STUDY_AREA": ("vector", None),
        "FACTORS": ("multilayer", None),
        "BASEMAP": ("multilayer", None),
        "EXTENT": ("extent", None),
        "TITLE": ("string", None),
        **CARRIED,
        "AUTHOR": ("string", None),
        "DATE": ("datetime", None),
        "TEMPLATE": ("file", None),
        "TEMPLATE_A3": ("file", None),
        "OUTPUT": ("fileDestination", None),
        "OUTPUT_A3": ("fileDestination", None),
    },
    "exportplaces": {"PLACES": ("source", None), **CARRIED, "OUTPUT": ("fileDestination", None)},
    "blocklength": {"STUDY_AREA": ("source", None), "STREETS": ("source", None)},
    "suggest": {
        "STUDY_AREA": ("source", None),
        "FACTOR": ("source", None),
        "BLOCK_LENGTH": ("distance", 200.0),
        "MAX_BLOCKS": ("number", 3),
    },
    "checkstudy": {"STUDY": ("string", None), "PART": ("enum", "all"), "ALLOW_REMOTE": ("enum", "no")},
    "studymodel": {"STUDY": ("string", None), "OUTPUT": ("fileDestination", None), "ALLOW_REMOTE": ("enum", "no")},
    "runstudy": {
        "STUDY": ("file", None),
        "OUTPUT_FOLDER": ("folderDestination", None),
        "ALLOW_REMOTE": ("enum", "no"),
    },
    "teststudy": {
        "STUDY": ("file", None),
        "TEST": ("enum", "backtest"),
        "OUTPUT_FOLDER": ("folderDestination", None),
        "ALLOW_REMOTE": ("enum", "no"),
    },
    "explain": {
        "MODEL": ("file", None),
        "TERRAIN": ("raster", None),
        "EXPECTED": ("raster", None),
        "POINT": ("point", None),
        "FACTORS": ("multilayer", None),
        "FACTOR_SETTINGS": ("string", None),
        "EVENTS": ("source", None),
        "PLACES": ("source", None),
        "OUTPUT": ("fileDestination", None),
    },
    "whatif": {
        "MODEL": ("file", None),
        "TERRAIN": ("raster", None),
        "EXPECTED": ("raster", None),
        "FACTOR": ("string", None),
        "BEFORE": ("source", None),
        "AFTER": ("source", None),
        "PLACES": ("source", None),
        "PLACE_FIELD": ("field", None),
        "OUTPUT": ("rasterDestination", None),
        "OUTPUT_EXPECTED": ("rasterDestination", None),
        "OUTPUT_DIFFERENCE": ("rasterDestination", None),
        "OUTPUT_TABLE": ("vectorDestination", None),
    },
    "run": {
        **GRID,
        "EVENTS": ("source", None),
        "FACTORS": ("multilayer", None),
        "FACTOR_SETTINGS": ("string", None),
        **INFLUENCE,
        **SELECTION,
        **COVARIATES,
        "TEST_EVENTS": ("source", None),
        "OUTPUT_TERRAIN": ("rasterDestination", None),
        "OUTPUT_EXPECTED": ("rasterDestination", None),
        "OUTPUT_PLACES": ("vectorDestination", None),
        "OUTPUT_MODEL": ("fileDestination", None),
        "OUTPUT_TABLE": ("vectorDestination", None),
        "OUTPUT_REPORT": ("fileDestination", None),
    },
}
WINDOWS = dict.fromkeys(("FIT_START", "FIT_END", "TEST_START", "TEST_END"), "datetime")
EVENT_DATES = {"EVENT_DATE_FIELD": "field"}
# what came later
EXTRA_PARAMETERS = {
    "suggest": {"EVENT_COUNT": "number"},
    "checkstudy": {"EVENT_COUNT": "number"},
    "runstudy": {"LOAD": "boolean"},
    "countevents": {**EVENT_DATES, "START": "datetime", "END": "datetime"},
    "terrain": {"EXPOSURE": "raster", "EXPOSURE_SMOOTHING": "number", "ADJUST": "multilayer", "CITY": "multilayer"},
    "priorityplaces": {
        "EXPECTED": "raster",
        "COUNTS": "raster",
        "MODEL": "file",
        "CANDIDATES": "multilayer",
        **TOLD_BY,
    },
    "report": TOLD_BY,
    "validate": {
        **EVENT_DATES,
        "START": "datetime",
        "END": "datetime",
        "ALLOW_OVERLAP": "boolean",
        "REPLICATES": "number",
        "UNITS": "enum",
        "SEED": "number",
        "TITLE": "string",
    },
    "forecast": {
        "DURATIONS": "string",
        "EXPOSURE": "raster",
        "EXPOSURE_SMOOTHING": "number",
        "ADJUST": "multilayer",
        "CITY": "multilayer",
        "TOP_SHARE": "number",
        "COVERAGE": "number",
        "OUTPUT_PARTS": "rasterDestination",
    },
    "backtest": {"WEIGHT_FIELD": "field"},
    "run": {
        "WEIGHT_FIELD": "field",
        "RULE": "enum",
        "VALUE": "number",
        "MAX_AREA": "area",
        **{f"PATROL_{name}": kind for name, (kind, _) in PATROL.items()},
        "TITLE": "string",
        "MARKING": "string",
        **EVENT_DATES,
        **WINDOWS,
        **TOLD_BY,
        "PLACE_CARDS": "number",
        "OUTPUT_FINDINGS": "fileDestination",
        "OUTPUT_CARDS": "fileDestination",
        "OUTPUT_FORECAST": "rasterDestination",
        **{f"OUTPUT_FORECAST_{end}": "rasterDestination" for end in ("LOWER", "UPPER", "PROBABILITY")},
        "OUTPUT_FORECAST_JSON": "fileDestination",
        "OUTPUT_VALIDATION": "fileDestination",
        "OUTPUT_PATROL": "vectorDestination",
    },
}
OUTPUTS = {
    "studygrid": {"OUTPUT", "CELL_COUNT"},
    "countevents": {"OUTPUT", "EVENTS_INSIDE", "EVENTS_OUTSIDE"},
    "operationalise": {"OUTPUT", "CANDIDATE_COUNT", "FEATURE_COUNT"},
    "selectmodel": {"OUTPUT_MODEL", "OUTPUT_TABLE", "FAMILY", "FACTOR_COUNT", "BIC"},
    "terrain": {"OUTPUT", "OUTPUT_EXPECTED", "MEAN", "SD", "MAX"},
    "priorityplaces": {"OUTPUT"},
    "validate": {"OUTPUT_TABLE", "OUTPUT_JSON", "OUTPUT_HTML", "PAI", "HIT_RATE"},
    "forecast": {name for name in PARAMETERS["forecast"] if name.startswith("OUTPUT")},
    "patrolplaces": {"OUTPUT", "PLACE_COUNT", "EXPECTED_EVENTS", "EXPECTED_SHARE"},
    "diagnose": {name for name in PARAMETERS["diagnose"] if name.startswith("OUTPUT")}
    | {"WARNINGS", "MORAN", "MORAN_P"},
    "crossvalidate": {
        "OUTPUT_TABLE",
        "OUTPUT_SELECTION",
        "OUTPUT_EXPECTED",
        "OUTPUT_JSON",
        "PAI_SPATIAL",
        "PAI_RANDOM",
    },
    "backtest": {"OUTPUT", "RUN_COUNT", "NEW_RUNS"}
    | {f"PAI_{name}" for name in ("TERRAIN", "FORECAST", "PRIOR_COUNTS", "KERNEL_DENSITY")},
    "sensitivity": {"OUTPUT_TABLE", "OUTPUT_RUNS", "RUN_COUNT", "NEW_RUNS"},
    "doubt": {name for name in PARAMETERS["doubt"] if name.startswith("OUTPUT")} | {"RESAMPLES_FITTED", "BLOCK_USED"},
    "jointrisk": {"OUTPUT", "OUTPUT_TABLE", "BANDWIDTH_USED", "CELLS_BOTH", "PAI_BOTH"},
    "report": {"OUTPUT_REPORT", "OUTPUT_FINDINGS", "OUTPUT_CARDS"},
    "briefing": {"OUTPUT", "OUTPUT_A3"},
    "exportplaces": {"OUTPUT", "PLACE_COUNT"},
    "explain": {"OUTPUT", "TEXT", "ANSWER"},
    "whatif": {name for name in PARAMETERS["whatif"] if name.startswith("OUTPUT")} | {"CHANGE", "CELLS_CHANGED"},
    "run": {name for name in PARAMETERS["run"] if name.startswith("OUTPUT_")},
    "blocklength": {"BLOCK_LENGTH", "BLOCK_COUNT"},
    "suggest": {"OPERATIONALISATION", "REASON", "INDEX", "Z", "MEAN_DISTANCE"},
    "checkstudy": {"FACTS", "REFUSALS"},
    "studymodel": {"OUTPUT"},
    "teststudy": {"OUTPUT_FOLDER", "OUTPUT", "OUTPUT_JOINT", "SUMMARY"},
    "runstudy": {"OUTPUT_FOLDER", "FAMILY", "FACTOR_COUNT", "BIC", "PLACE_COUNT", "PATROL_COUNT", "FINDINGS"}
    | {name for name in PARAMETERS["run"] if name.startswith("OUTPUT_")}
    | {"OUTPUT_FORECAST", "OUTPUT_VALIDATION", "OUTPUT_FINDINGS", "OUTPUT_CARDS", "OUTPUT_PATROL"},
}
EXTRA_OUTPUTS = {
    "suggest": {"SMALLEST_RRV"},
    "report": {"PLACE_COUNT"},
    "priorityplaces": {"PLACE_COUNT"},
    "forecast": {"OUTPUT_PARTS", "EXPECTED_EVENTS", "EVENTS_USED"},
    "run": {"FAMILY", "FACTOR_COUNT", "BIC", "PLACE_COUNT", "PATROL_COUNT", "ACCURACY", "FINDINGS"}
    | {"OUTPUT_FORECAST", "OUTPUT_VALIDATION", "OUTPUT_FINDINGS", "OUTPUT_CARDS", "OUTPUT_PATROL"}
    | {f"OUTPUT_FORECAST_{name}" for name in ("LOWER", "UPPER", "PROBABILITY", "JSON")},
}
WORDS = {
    "CELL_RULE": ["intersects", "centre"],
    "GRID_ORIGIN": ["aligned", "corner"],
    "OPERATIONALISATION": ["proximity", "density", "both"],
    "INCREMENT": ["half", "whole"],
    "DIRECTION": ["aggravating", "protective"],
    "FAMILY": ["auto", "poisson", "nb1", "nb2", "all"],
    "CULL": ["yes", "no"],
    "SIGNIFICANCE": ["spatial", "plain"],
    "KEEP_UNESTABLISHED": ["yes", "no"],
    "ALLOW_REMOTE": ["no", "yes"],
    "WITH_SIGNIFICANCE": ["yes", "no"],
    "RULE": ["class", "share", "count"],
    "BUDGET_RULE": ["share", "count", "area"],
    "PATROL_BUDGET_RULE": ["share", "count", "area"],
    "UNITS": ["cells", "events"],
    "UNIT": ["months", "days"],
    "PART": ["all", "area", "outcome", "factors", "power"],
    "TEST": ["backtest", "crossvalidation", "jointrisk"],
}
BOUNDS = {"FOLDS": (2, 50), "MAX_BLOCKS": (1, 4), "SEED": (0, 2**31 - 1), "FOLD_DRAWS": (1, 50)}
BOUNDS |= {"DENSITY_SD": (0, 10), "DENSITY_PERCENT": (0, 50)}
BOUNDS |= {"PERMUTATIONS": (19, 99_999)}
BOUNDS |= {"EVENT_COUNT": (0, 10_000_000)}
BOUNDS |= {"REPLICATES": (0, 100_000), "PLACE_CARDS": (0, 100), "PLACES_SHOWN": (1, 1000)}
BOUNDS |= {"HELD_OUT_FOLDS": (2, 50), "FIT_LENGTH": (1, 10_000), "TEST_LENGTH": (1, 10_000), "STEP": (1, 10_000)}
OPTIONAL = {"CELL_SIZE", "EXCLUDE", "WEIGHT_FIELD", "NAME", "MAX_AREA", "TEST_EVENTS", "FACTOR_SETTINGS", "TITLE"}
OPTIONAL |= {"OUTPUT_EXPECTED", "OUTPUT_TABLE", "EXPECTED", "EXPOSURE", "ADJUST", "CITY"}
OPTIONAL |= {"PRIOR_EVENTS", "STREETS", "OUTPUT_JSON", "OUTPUT_HTML"}
OPTIONAL |= {"EVENT_DATE_FIELD", "START", "END", *WINDOWS}
BOUNDS |= {"TOP_SHARE": (0.1, 99.9), "COVERAGE": (0.1, 99.9), "SHARE": (0.1, 99.9)}
RESAMPLES = {"REPLICATES": (20, 10_000)}  # each a whole selection
OPTIONAL |= {"DURATIONS"}
OPTIONAL |= {"OUTPUT_LOWER", "OUTPUT_UPPER", "OUTPUT_PROBABILITY", "OUTPUT_PARTS", "OUTPUT_JSON"}
OPTIONAL |= {"BLOCK_SIZE", "BUFFER", "AREAS", "AREA_FIELD", "OUTPUT_SELECTION", "OUTPUT_JSON"}
OPTIONAL |= {"BANDWIDTH", "LATER_EVENTS", "OUTPUT_FINDINGS", "OUTPUT_CARDS", "MARKING"}
OPTIONAL |= {"AFTER", "PLACES", "PLACE_FIELD", "OUTPUT_DIFFERENCE", "DENSITY_PERCENT"}
OPTIONAL |= {f"OUTPUT_FORECAST_{name}" for name in ("LOWER", "UPPER", "PROBABILITY", "JSON")}
OPTIONAL |= {"MIN_DISTANCE", "PATROL_MAX_AREA", "PATROL_MIN_DISTANCE", "OUTPUT_PATROL"}
WHOLE = {"run", "report", "briefing", "exportplaces", "checkstudy", "runstudy", "studymodel", "teststudy"}
EACH = pytest.mark.parametrize("name", PARAMETERS)


@pytest.fixture
def algorithm(provider, name):
    return provider.algorithm(name)


def test_the_provider_lists_exactly_these(provider):
    assert provider.id() == "rtm"
    assert {a.id() for a in provider.algorithms()} == {f"rtm:{name}" for name in PARAMETERS}


def test_the_steps_are_one_group_in_pipeline_order(provider):
    order = ["studygrid", "countevents", "operationalise", "selectmodel", "terrain", "priorityplaces"]
    steps = sorted((a for a in provider.algorithms() if a.groupId() == "steps"), key=lambda a: a.displayName())
    assert [a.name() for a in steps] == order
    assert [a.displayName()[:2] for a in steps] == ["1.", "2.", "3.", "4.", "5.", "6."]
    assert len({a.group() for a in steps}) == 1
    assert {a.name() for a in provider.algorithms() if a.groupId() == "study"} == WHOLE
    assert provider.algorithm("validate").groupId() == "accuracy"


@EACH
def test_parameters_types_and_defaults(algorithm, name):
    extra = EXTRA_PARAMETERS.get(name, {})
    found = {d.name(): (d.type(), d.defaultValue()) for d in algorithm.parameterDefinitions()}
    assert {k: v for k, v in found.items() if k not in extra} == PARAMETERS[name]
    assert {k: found[k][0] for k in extra} == extra


@EACH
def test_outputs(algorithm, name):
    assert {o.name() for o in algorithm.outputDefinitions()} == OUTPUTS[name] | EXTRA_OUTPUTS.get(name, set())


@EACH
def test_choices_are_words(algorithm, name):
    """Static strings, so that JSON reads as words and models keep their meaning."""
    choices = [d for d in algorithm.parameterDefinitions() if isinstance(d, QgsProcessingParameterEnum)]
    assert all(d.usesStaticStrings() and not d.allowMultiple() for d in choices)
    words = {**WORDS, **({"RULE": ["class", "share"]} if name == "jointrisk" else {})}
    assert {d.name(): d.options() for d in choices} == {d.name(): words[d.name()] for d in choices}


@EACH
def test_numbers_are_bounded(algorithm, name):
    found = {d.name(): d for d in algorithm.parameterDefinitions() if d.name() in BOUNDS}
    bounds = BOUNDS | (RESAMPLES if name == "doubt" else {})
    assert {k: (d.minimum(), d.maximum()) for k, d in found.items()} == {k: bounds[k] for k in found}


@EACH
def test_what_may_be_left_empty(algorithm, name):
    optional = Qgis.ProcessingParameterFlag.Optional
    found = {d.name() for d in algorithm.parameterDefinitions() if d.flags() & optional}
    allowed = set(OPTIONAL)
    if name == "run":
        allowed |= {"OUTPUT_PLACES", "OUTPUT_MODEL", "OUTPUT_REPORT", "OUTPUT_FORECAST", "OUTPUT_VALIDATION"}
    if name == "backtest":
        allowed -= {"EVENT_DATE_FIELD"}
    if name == "blocklength":
        allowed -= {"STREETS"}
    if name in ("crossvalidate", "sensitivity", "diagnose", "doubt"):
        allowed -= {"OUTPUT_TABLE"}
    if name == "diagnose":
        allowed |= {"OUTPUT_RESIDUALS", "OUTPUT_CORRELOGRAM", "OUTPUT_REPORT"}
    if name == "doubt":
        allowed |= {"BLOCK", "OUTPUT_PLACES"}
    if name == "explain":
        allowed |= {"FACTORS", "EVENTS", "OUTPUT"}
    if name == "whatif":
        allowed -= {"EXPECTED"}
    if name == "exportplaces":
        allowed -= {"PLACES"}
    if name == "priorityplaces":
        allowed |= {"COUNTS", "MODEL", "CANDIDATES"}
    if name == "report":
        allowed |= {"COUNTS", "CANDIDATES", "FACTORS", "OUTPUT_REPORT"}
    if name == "briefing":
        words = {"TITLE", "AUTHOR", "DATE", "TEMPLATE", "TEMPLATE_A3", "OUTPUT", "OUTPUT_A3"}
        allowed |= words | {"PLACES", "STUDY_AREA", "FACTORS", "BASEMAP", "EXTENT"}
    everything = {d.name() for d in algorithm.parameterDefinitions()}
    assert found == allowed & everything


@EACH
def test_every_parameter_has_a_label_and_help(algorithm, name):
    for definition in algorithm.parameterDefinitions():
        assert definition.description().strip(), definition.name()
        assert definition.help().strip().endswith((".", "example.")), definition.name()


@EACH
def test_help_text(algorithm, name):
    text = algorithm.shortHelpString()
    assert len(text) > 200
    assert text.count("<p>") == text.count("</p>") > 0
    assert "**" not in text
    assert algorithm.shortDescription().strip()


def test_every_icon_is_a_picture_of_its_own(provider):
    paths = [Path(a.svgIconPath()) for a in provider.algorithms()] + [Path(provider.svgIconPath())]
    assert all(ElementTree.parse(path).getroot().tag.endswith("svg") for path in paths)
    assert len({path.read_bytes() for path in paths}) == len(PARAMETERS) + 1
    assert not any(a.icon().isNull() for a in provider.algorithms())


@EACH
def test_create_gives_a_fresh_object(algorithm, name):
    one, other = algorithm.create(), algorithm.create()
    assert one is not other
    assert one is not algorithm
    assert one.id() == other.id() == f"rtm:{name}"
    assert vars(one) == {}
    assert not [key for key, value in vars(type(one)).items() if isinstance(value, (list, dict, set))]


@EACH
def test_no_python_widget_wrappers(algorithm, name):
    """Newer QGIS removed them."""
    assert [d.name() for d in algorithm.parameterDefinitions() if "widget_wrapper" in d.metadata()] == []


@EACH
def test_works_from_toolbox_model_batch_and_qgis_process(algorithm, name):
    flag = Qgis.ProcessingAlgorithmFlag
    hidden = flag.HideFromToolbox | flag.HideFromModeler | flag.NotAvailableInStandaloneTool
    assert not algorithm.flags() & (hidden | flag.RequiresProject | flag.DisplayNameIsLiteral)
    assert bool(algorithm.flags() & flag.NoThreading) == (name == "briefing")  # layouts live in the main thread
    assert algorithm.flags() & flag.SupportsBatch
    assert algorithm.flags() & flag.CanCancel
    assert algorithm.canExecute()[0]


@EACH
def test_parameters_survive_being_saved_in_a_model(algorithm, name):
    """Every definition can be written as a script string and a map and comes back the same."""
    for definition in algorithm.parameterDefinitions():
        copy = QgsProcessingParameters.parameterFromVariantMap(definition.toVariantMap())
        assert copy is not None
        assert (copy.name(), copy.type(), copy.defaultValue()) == (
            definition.name(),
            definition.type(),
            definition.defaultValue(),
        )
