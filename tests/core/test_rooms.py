"""The core's rooms have an order: a room imports from those before it, never from one after it."""

import ast
from pathlib import Path

import pytest
from risk_terrain.rtm_plugin import core

ROOMS = [
    "errors",
    "arrays",
    "tools",
    "documents",
    "ground",
    "candidates",
    "data",
    "regression",
    "selection",
    "doubt",
    "diagnostics",
    "terrain",
    "model",
    "forecast",
    "study",
    "pipeline",
    "accuracy",
    "stability",
    "answers",
]
CORE = Path(core.__file__).parent
FILES = sorted(path for path in CORE.rglob("*.py") if path != CORE / "__init__.py")


def room(path: Path) -> str:
    return path.relative_to(CORE).with_suffix("").parts[0]


def imported_rooms(path: Path) -> set[str]:
    """The rooms that a file imports from, by its relative imports; a way out of the core is an error."""
    package = ("core", *path.relative_to(CORE).parts[:-1])
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            assert base[:1] == ("core",), f"{path.name} imports from outside the core"
            full = (*base, *(node.module.split(".") if node.module else ()))
            rooms |= {full[1]} if len(full) > 1 else {alias.name for alias in node.names}
    return rooms


def test_every_room_has_its_place():
    assert {room(path) for path in FILES} == set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CORE)))
def test_imports_go_one_way(path):
    here = ROOMS.index(room(path))
    later = [name for name in imported_rooms(path) if ROOMS.index(name) > here]
    assert not later


def test_no_room_is_too_full():
    """No more than ten modules: a reader takes a room in at one look."""
    counts = {name: len([p for p in FILES if room(p) == name and p.name != "__init__.py"]) for name in ROOMS}
    assert max(counts.values()) <= 10, counts
