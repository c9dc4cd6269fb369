"""The template of an algorithm (docs/template), put where CONTRIBUTING.md says, is one that works."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACES = {
    "cellsabove.py": "algorithms",
    "cellsabove.md": "resources/help",
    "cellsabove.svg": "resources/icons",
    "test_cellsabove.py": "tests/algorithms",
}


def test_the_template_runs(tmp_path):
    """A copy of the plugin, the four files, one line in the provider; then the template's own tests."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("__init__.py", "metadata.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)
    for name in ("rtm_plugin", "algorithms", "resources", "tests"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    template = ROOT / "docs" / "template"
    assert {path.name for path in template.iterdir() if path.is_file()} == set(PLACES)
    for name, folder in PLACES.items():
        shutil.copy(template / name, copy / folder)
    provider = copy / "rtm_plugin" / "provider.py"
    before = provider.read_text(encoding="utf-8")
    after = before.replace(
        '    ("validate", "Validate"),\n', '    ("validate", "Validate"),\n    ("cellsabove", "CellsAbove"),\n'
    )
    assert after != before
    provider.write_text(after, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/algorithms/test_cellsabove.py"],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
