"""The examples in the docstrings of the core are true."""

import doctest
import importlib
import pkgutil

import pytest
from risk_terrain.rtm_plugin import core

MODULES = sorted(m.name for m in pkgutil.iter_modules(core.__path__))


def test_every_module_is_found():
    assert {"grid", "influence", "likelihood", "elastic_net", "stepwise"} <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    """Each example gives what it says."""
    module = importlib.import_module(f"{core.__name__}.{name}")
    result = doctest.testmod(module, extraglobs={"np": __import__("numpy")})
    assert result.failed == 0
