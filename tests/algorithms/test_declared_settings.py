"""A declared setting becomes a parameter and is read back without a line about it in an algorithm."""

from dataclasses import dataclass, field

import pytest
from qgis.core import Qgis, QgsProcessingContext
from risk_terrain.algorithms.shared.base import RtmAlgorithm
from risk_terrain.algorithms.shared.request import Request
from risk_terrain.algorithms.shared.settings import add_settings, read_settings
from risk_terrain.rtm_plugin.core.documents.declaration import parameters_of, setting


@dataclass(frozen=True)
class Tried:
    """A setting of each kind."""

    name: str
    length: float = field(metadata=setting(parameter="LENGTH", kind="length", label="L", help="h.", proposed=200.0))
    word: str = field(
        default="b", metadata=setting(parameter="WORD", kind="choice", label="W", help="Which.", choices=("a", "b"))
    )
    area: float | None = field(
        default=None, metadata=setting(parameter="AREA", kind="area", label="A", help="h.", optional=True)
    )
    folds: int = field(
        default=3, metadata=setting(parameter="FOLDS", kind="whole", label="F", help="h.", least=2, most=9)
    )
    cut: float = field(default=1.5, metadata=setting(parameter="CUT", kind="number", label="C", help="h.", least=0))
    quick: bool = field(
        default=True, metadata=setting(parameter="QUICK", kind="switch", label="Q", help="h.", advanced=True)
    )


class Tool(RtmAlgorithm):
    """Nothing but settings."""

    NAME = "tool"
    WITHOUT: tuple[str, ...] = ()

    def initAlgorithm(self, configuration=None):
        add_settings(self, Tried, without=self.WITHOUT)


@pytest.fixture
def tool():
    tool = Tool()
    tool.initAlgorithm()
    return tool


def test_parameters(tool):
    assert [(d.name(), d.type(), d.defaultValue()) for d in tool.parameterDefinitions()] == [
        ("LENGTH", "distance", 200.0),
        ("WORD", "enum", "b"),
        ("AREA", "area", None),
        ("FOLDS", "number", 3),
        ("CUT", "number", 1.5),
        ("QUICK", "enum", "yes"),
    ]
    assert tool.parameterDefinition("WORD").help() == "Which. Words: a, b."
    assert (tool.parameterDefinition("FOLDS").minimum(), tool.parameterDefinition("FOLDS").maximum()) == (2, 9)
    flags = {d.name(): d.flags() for d in tool.parameterDefinitions()}
    assert [n for n, f in flags.items() if f & Qgis.ProcessingParameterFlag.Advanced] == ["QUICK"]
    assert [n for n, f in flags.items() if f & Qgis.ProcessingParameterFlag.Optional] == ["AREA"]


@pytest.mark.parametrize(
    "settings",
    [
        Tried("bars", 150.0),
        Tried("bars", 150.0, "a", 4e4, 7, 0.25, False),
    ],
)
def test_what_is_asked_is_read_back(tool, settings):
    given = parameters_of(settings)
    assert read_settings(Request(tool, given, QgsProcessingContext()), Tried, name="bars") == settings


def test_an_area_of_0_is_none(tool):
    assert read_settings(Request(tool, {"AREA": 0}, QgsProcessingContext()), Tried, name="bars").area is None


def test_what_a_tool_has_no_parameter_for_keeps_its_default():
    class Smaller(Tool):
        WITHOUT = ("folds", "quick")

    tool = Smaller()
    tool.initAlgorithm()
    read = read_settings(Request(tool, {"FOLDS": 9, "QUICK": "no"}, QgsProcessingContext()), Tried, name="bars")
    assert (read.folds, read.quick) == (3, True)
