"""The package is imported as `risk_terrain` everywhere: one alias, made here, of the folder that is the repository."""

import faulthandler
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def _alias() -> None:
    folder = Path(tempfile.mkdtemp(prefix="risk_terrain_tests_"))
    (folder / "risk_terrain").symlink_to(REPOSITORY, target_is_directory=True)
    sys.path.insert(0, str(folder))


_alias()


_STDERR: list[TextIO] = []  # the terminal's, where pytest does not catch what is written


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "limit", "seconds after which a test is taken for hung; the slowest takes a fifth of it", default="600"
    )


def pytest_configure(config: pytest.Config) -> None:
    _STDERR.append(os.fdopen(os.dup(2), "w"))


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test that hangs ends the run, and says where each thread stands.

    What hangs may hold Python's lock in C++, so neither a signal nor a thread of Python would be heard: faulthandler's
    own thread needs no lock. There is then nobody to go on with the other tests.
    """
    faulthandler.dump_traceback_later(float(item.config.getini("limit")), exit=True, file=_STDERR[0])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


def pytest_itemcollected(item: pytest.Item) -> None:
    """With two processes, a file's tests go to one of them, and all that open windows to the same: it has the focus.

    Items are marked as they are found, since xdist looks for the marks before any other hook sees the whole list.
    """
    group = "gui" if item.path.parent.name == "gui" else str(item.path)
    item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real cities that RISK_TERRAIN_DATA names (as DATA of `make example-chicago`), or a skip."""
    data = os.environ.get("RISK_TERRAIN_DATA", "")
    if not data:
        pytest.skip("RISK_TERRAIN_DATA names no folder of real data")
    return Path(data)
