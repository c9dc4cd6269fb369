"""The zip that analysts install: what is in it, and that QGIS takes it.

QGIS runs here as programs of its own with an empty profile: what counts is what they make of the zip alone."""

import configparser
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PREFIX = "risk_terrain/"
LIMIT = 25 * 1024 * 1024  # the plugin repository's
REQUIRED = {"name", "qgisMinimumVersion", "description", "about", "version", "author", "email", "repository", "tracker"}

# Run by the desktop itself, in place of the person who chooses the zip in the plugin manager.
INSTALL_FROM_ZIP = """
import json, os, traceback
from pathlib import Path

answer = {}
try:
    import pyplugin_installer
    import qgis.utils
    from qgis.core import QgsApplication, QgsSettings

    pyplugin_installer.instance().installFromZipFile(os.environ["RTM_ZIP"])
    answer["active"] = "risk_terrain" in qgis.utils.active_plugins
    answer["enabled"] = QgsSettings().value("PythonPlugins/risk_terrain", False, bool)
    answer["providers"] = [provider.id() for provider in QgsApplication.processingRegistry().providers()]
except BaseException:
    answer["error"] = traceback.format_exc()
Path(os.environ["RTM_ANSWER"]).write_text(json.dumps(answer), encoding="utf-8")

from qgis.PyQt.QtCore import QTimer
from qgis.utils import iface

QTimer.singleShot(0, iface.actionExit().trigger)
"""


def build(folder: Path) -> Path:
    command = [sys.executable, REPOSITORY / ".ci" / "package.py", "--output", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def names(package) -> list[str]:
    with zipfile.ZipFile(package) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def metadata(package) -> configparser.SectionProxy:
    """Read as QGIS reads it: a stray per cent sign would fail here."""
    parser = configparser.ConfigParser()
    parser.optionxform = str
    with zipfile.ZipFile(package) as archive:
        parser.read_string(archive.read(f"{PREFIX}metadata.txt").decode())
    return parser["general"]


def environment(profile: Path, **more: str) -> dict[str, str]:
    """This one, less what points QGIS at the profile of the tests; with an empty profile instead."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QGIS_")}
    return kept | {"QGIS_CUSTOM_CONFIG_PATH": str(profile)} | more


def qgis_process(profile: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["qgis_process", *arguments],
        env=environment(profile, QT_QPA_PLATFORM="offscreen"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def algorithms_of(profile: Path) -> set[str]:
    listed = qgis_process(profile, "--json", "list")
    providers = json.loads(listed[listed.index("{") :])["providers"]  # Python may print before the answer
    assert "rtm" in providers, f"qgis_process knows only {', '.join(providers)}"
    return set(providers["rtm"]["algorithms"])


def test_everything_is_in_the_plugin_folder(names):
    assert names
    assert all(name.startswith(PREFIX) for name in names)
    assert [name for name in names if name.endswith("metadata.txt")] == [f"{PREFIX}metadata.txt"]


@pytest.mark.parametrize("name", ["LICENSE", "README.md", "CHANGELOG.md", "resources/demo/northbridge.gpkg"])
def test_holds(names, name):
    assert PREFIX + name in names


def test_holds_no_tests_tools_or_compiled_files(names):
    folders = {name.removeprefix(PREFIX).split("/")[0] for name in names if "/" in name.removeprefix(PREFIX)}
    assert folders == {"rtm_plugin", "algorithms", "resources"}
    unwanted = ("__pycache__", ".pyc", ".so", ".dll", "/.")
    assert [name for name in names if any(part in name for part in unwanted)] == []
    assert [name for name in names if name.startswith(f"{PREFIX}resources/demo/") and name.endswith(".py")] == []


def test_size(package):
    assert package.stat().st_size < LIMIT


def test_metadata(metadata, package, names):
    assert {key for key in REQUIRED if not metadata.get(key, "").strip()} == set()
    assert metadata["hasProcessingProvider"] == "yes"
    assert (metadata["qgisMinimumVersion"], metadata["qgisMaximumVersion"]) == ("3.40", "4.99")
    assert package.name == f"risk_terrain-{metadata['version']}.zip"
    assert PREFIX + metadata["icon"] in names


def test_licence_is_the_gpl(package):
    with zipfile.ZipFile(package) as archive:
        text = archive.read(f"{PREFIX}LICENSE").decode()
    assert text.split("\n", 2)[:2] == [
        "                    GNU GENERAL PUBLIC LICENSE",
        "                       Version 3, 29 June 2007",
    ]


def test_same_files_give_the_same_bytes(package, tmp_path):
    assert build(tmp_path).read_bytes() == package.read_bytes()


def test_qgis_process_lists_the_algorithms(package, tmp_path):
    """As an administrator rolls it out: the zip unpacked into the profile, then enabled from the command line."""
    plugins = tmp_path / "profiles" / "default" / "python" / "plugins"
    plugins.mkdir(parents=True)
    with zipfile.ZipFile(package) as archive:
        archive.extractall(plugins)
    qgis_process(tmp_path, "plugins", "enable", "risk_terrain")
    assert "rtm:run" in algorithms_of(tmp_path)


def test_install_from_zip_in_the_desktop(package, tmp_path):
    """Plugins ► Install from ZIP, in a real window; then the same profile in qgis_process."""
    profile, script, answer = tmp_path / "configuration", tmp_path / "install.py", tmp_path / "answer.json"
    script.write_text(INSTALL_FROM_ZIP, encoding="utf-8")
    desktop = ["qgis", "--nologo", "--noversioncheck", "--code", script]
    subprocess.run(
        ["xvfb-run", "-a", "-s", "-screen 0 1920x1080x24", *desktop],
        env=environment(profile, QT_QPA_PLATFORM="xcb", RTM_ZIP=str(package), RTM_ANSWER=str(answer)),
        capture_output=True,
        timeout=180,
        check=True,
    )
    told = json.loads(answer.read_text(encoding="utf-8"))
    assert "error" not in told, told["error"]
    assert told["active"]
    assert told["enabled"]
    assert "rtm" in told["providers"]
    assert "rtm:run" in algorithms_of(profile)


def test_what_pip_installs_is_this_version_and_every_room():
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(REPOSITORY / "metadata.txt", encoding="utf-8")
    assert f'\nversion = "{metadata["general"]["version"]}"\n' in project
    rooms = {path.parent.name for path in (REPOSITORY / "rtm_plugin" / "core").glob("*/__init__.py")}
    assert set(re.findall(r'"risk_terrain\.(\w+)"', project)) == rooms
