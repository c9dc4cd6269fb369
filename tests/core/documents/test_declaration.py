"""A setting is declared once: its name stands in one file, the schemas follow, and new ones are checked alike."""

import ast
import importlib.util
import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from risk_terrain.rtm_plugin.core.documents.declaration import (
    Setting,
    check_settings,
    default_of,
    parameters_of,
    schema_of,
    setting,
    settings_of,
)
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.patrol_settings import PatrolSettings
from risk_terrain.rtm_plugin.core.documents.settings import GridSettings, PlaceSettings, SelectionSettings
from risk_terrain.rtm_plugin.core.documents.study_document import StudyDocument
from risk_terrain.rtm_plugin.core.errors import SettingsError
from risk_terrain.rtm_plugin.core.forecast.empirical_bayes import ForecastSettings
from risk_terrain.rtm_plugin.core.stability.how_sure import HowSureSettings

REPOSITORY = Path(__file__).resolve().parents[3]
KINDS = (
    GridSettings,
    FactorSettings,
    SelectionSettings,
    PlaceSettings,
    PatrolSettings,
    StudyDocument,
    ForecastSettings,
    HowSureSettings,
)
DECLARED = [(kind, name, declared) for kind in KINDS for name, declared in settings_of(kind).items()]
# Named elsewhere, since these tools or pages give or take them for a purpose of their own.
ALSO_NAMED = {
    "BLOCK_LENGTH": {"preferences", "area_page", "suggest", "blocklength", "study_inputs"},
    "OPERATIONALISATION": {"preferences", "suggest"},
    "MAX_BLOCKS": {"preferences", "suggest"},
    "INCREMENT": {"preferences"},
    "FAMILY": {"run", "runstudy", "selectmodel"},  # an output of this name
    "SEED": {"crossvalidate", "diagnose", "validate"},
    "RULE": {"jointrisk"},
    "VALUE": {"jointrisk"},
    "PLACE_CARDS": {"run", "report"},
    "REPLICATES": {"validate"},
    "MAX_AREA": {"settings", "patrol_settings"},  # of a priority place, and of a patrol place
}
SCHEMA_FILES = ("study", "factors")


def files_with_text(text: str) -> set[str]:
    """Shipped modules that hold a text as a literal."""
    files = [path for folder in ("rtm_plugin", "algorithms") for path in (REPOSITORY / folder).rglob("*.py")]
    return {path.stem for path in files if f'"{text}"' in path.read_text("utf-8") and has_literal(path, text)}


def has_literal(path: Path, text: str) -> bool:
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return any(isinstance(node, ast.Constant) and node.value == text for node in nodes)


@pytest.mark.parametrize(("kind", "name", "declared"), DECLARED, ids=[d.parameter for _, _, d in DECLARED])
def test_the_parameter_is_named_where_it_is_declared(kind, name, declared):
    home = kind.__module__.rsplit(".", 1)[1]
    assert files_with_text(declared.parameter) == {home} | ALSO_NAMED.get(declared.parameter, set())


@pytest.mark.parametrize(("kind", "name", "declared"), DECLARED, ids=[d.parameter for _, _, d in DECLARED])
def test_the_default_is_allowed(kind, name, declared):
    declared.check(default_of(kind, name), "bars")
    assert set(declared.words) <= set(declared.choices)
    assert not declared.words or set(declared.words) == set(declared.choices)


@pytest.mark.parametrize("name", SCHEMA_FILES)
def test_the_schemas_say_what_is_declared(name):
    """`python3 .ci/schemas.py` brings them up to date."""
    spec = importlib.util.spec_from_file_location("schemas", REPOSITORY / ".ci" / "schemas.py")
    schemas = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(schemas)
    text = (REPOSITORY / "resources" / "schema" / f"{name}.schema.json").read_text("utf-8")
    assert schemas.text_of(schemas.updated(json.loads(text), name)) == text


@dataclass(frozen=True)
class Tried:
    """Settings that no shipped file knows."""

    cut: float = field(
        default=1.5,
        metadata=setting(
            parameter="CUT", kind="number", label="Cut", help="Where.", noun="The cut of {}", least=0, most=9, unit="SD"
        ),
    )
    reach: float | None = field(
        default=None,
        metadata=setting(parameter="REACH", kind="length", label="Reach", help="How far.", noun="It", optional=True),
    )
    quick: bool = field(
        default=False,
        metadata=setting(parameter="QUICK", kind="switch", label="Quick", help="Or slow.", noun="The switch"),
    )


def test_parameters_and_schema_of_new_settings():
    assert parameters_of(Tried()) == {"CUT": 1.5, "QUICK": "no"}
    assert parameters_of(Tried(reach=50.0, quick=True)) == {"CUT": 1.5, "REACH": 50.0, "QUICK": "yes"}
    assert [schema_of(declared) for declared in settings_of(Tried).values()] == [
        {"type": "number", "minimum": 0, "maximum": 9},
        {"type": ["number", "null"], "exclusiveMinimum": 0},
        {"type": "boolean"},
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"cut": 9.5}, "The cut of bars is 9.5; it must be 0 to 9 SD."),
        ({"cut": True}, "The cut of bars is True; it must be 0 to 9 SD."),
        ({"cut": float("nan")}, "The cut of bars is nan; it must be 0 to 9 SD."),
        ({"reach": 0}, "It is 0; it must be a number above 0."),
        ({"reach": float("inf")}, "It is inf; it must be a number above 0."),
        ({"quick": "yes"}, "The switch is 'yes'; it must be yes or no."),
    ],
)
def test_impossible_values_are_refused(changes, told):
    with pytest.raises(SettingsError) as refused:
        check_settings(Tried(**changes), "bars")
    assert str(refused.value) == told


def test_a_setting_of_a_kind_that_takes_words_has_some():
    for _, _, declared in DECLARED:
        assert isinstance(declared, Setting)
        assert bool(declared.choices) == (declared.kind == "choice"), declared.parameter


@pytest.mark.parametrize("length", [1e18, 1e308])
def test_a_length_beyond_the_earth(length):
    with pytest.raises(SettingsError, match=r"The block length is .*; it must be below 1,000,000,000,000,000,000"):
        GridSettings(length)


@pytest.mark.parametrize("length", [1e-320, 0.000999])
def test_a_length_of_less_than_a_millimetre(length):
    with pytest.raises(SettingsError, match=r"The block length is .*; it must be at least 0.001"):
        GridSettings(length)
