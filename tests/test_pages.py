"""The pages for contributors are true of the tree as it is."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [path for folder in ("rtm_plugin", "algorithms") for path in (ROOT / folder).rglob("*.py")]
CODE = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
PAGES = ("CONTRIBUTING.md", "docs/architecture.md", "docs/decisions.md", "docs/security.md", "README.md")


def names_in_code() -> list[str]:
    """What docs/words.md gives in its last column."""
    lines = (ROOT / "docs" / "words.md").read_text(encoding="utf-8").splitlines()
    rows = [line.rstrip("| ").rsplit("|", 1)[1] for line in lines if line.startswith("| ") and "`" in line]
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_words_has_its_names():
    assert len(names_in_code()) > 40


@pytest.mark.parametrize("name", names_in_code())
def test_each_word_is_a_name_in_code(name):
    assert re.search(rf"\b{name}\b", CODE)


def test_every_room_and_package_is_in_the_architecture():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    core = ROOT / "rtm_plugin" / "core"
    rooms = {path.stem for path in core.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    packages = {f"rtm_plugin/{path.parent.name}" for path in (ROOT / "rtm_plugin").glob("*/__init__.py")}
    first = set(re.findall(r"^\| `([\w/]+)` \|", page, re.MULTILINE))
    assert first >= (rooms - {"__init__"}) | (packages - {"rtm_plugin/core"}) | {"algorithms", "resources", "tests"}


@pytest.mark.parametrize("page", PAGES)
def test_files_that_pages_name_are_there(page):
    """Paths in backticks and links, from the repository, from the plugin's package or from the core."""
    text = (ROOT / page).read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[\w-]+/)+[\w.-]+\.(?:py|md|json|html))`", text))
    named |= set(re.findall(r"\]\(((?!https?:)[^)#]+)", text))
    bases = (ROOT, ROOT / "rtm_plugin", ROOT / "rtm_plugin" / "core", (ROOT / page).parent)
    assert sorted(name for name in named if not any((base / name).exists() for base in bases)) == []


def test_the_api_page_is_that_of_the_docstrings():
    from risk_terrain.rtm_plugin import core

    sys.path.insert(0, str(ROOT / ".ci"))
    try:
        import api
    finally:
        sys.path.remove(str(ROOT / ".ci"))
    assert (ROOT / "docs" / "api.md").read_text(encoding="utf-8") == api.build(core), "run 'make api'"
