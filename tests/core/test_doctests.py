"""The examples in the docstrings of the core are true."""

import doctest
import importlib
import pkgutil

import pytest
from risk_terrain.rtm_plugin import core

MODULES = sorted(m.name for m in pkgutil.walk_packages(core.__path__, f"{core.__name__}.") if not m.ispkg)


def test_every_module_is_found():
    names = {name.removeprefix(f"{core.__name__}.") for name in MODULES}
    assert {"pipeline", "ground.grid", "candidates.influence", "regression.likelihood", "selection.culling"} <= names


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    """Each example gives what it says."""
    result = doctest.testmod(importlib.import_module(name), extraglobs={"np": __import__("numpy")})
    assert result.failed == 0
