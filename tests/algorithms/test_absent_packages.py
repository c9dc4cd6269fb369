"""Without scipy, Jinja2 or statsmodels the tools stay visible, and say what is missing when they are run, too."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import risk_terrain
from risk_terrain.rtm_plugin.adapters.libraries import AT_LOAD, VERIFYING
from risk_terrain.rtm_plugin.provider import ALGORITHMS

PLUGIN = Path(risk_terrain.__file__).parent
ROOT = PLUGIN.parent
SESSION = """
import sys
from importlib.abc import MetaPathFinder
class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == {missing!r}:
            raise ImportError(name)
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == {missing!r} else real(name, package)
sys.meta_path.insert(0, Absent())
sys.path.insert(0, {root!r})
from qgis.core import QgsApplication
application = QgsApplication([], False)
application.initQgis()
from risk_terrain.rtm_plugin.provider import RiskTerrainProvider
provider = RiskTerrainProvider()
QgsApplication.processingRegistry().addProvider(provider)
from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProcessingFeedback
for algorithm in provider.algorithms():
    usable, sentence = algorithm.canExecute()
    print(algorithm.id(), usable, sentence)
    if not usable:  # qgis_process runs it all the same
        try:
            algorithm.processAlgorithm({{}}, QgsProcessingContext(), QgsProcessingFeedback())
        except QgsProcessingException as error:
            if str(error) != sentence:
                print("rtm: run said", error)
"""


def tools_without(package: str) -> list[str]:
    code = SESSION.format(missing=package, root=str(ROOT))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if line.startswith("rtm:")]


def test_without_scipy():
    lines = tools_without("scipy")
    assert len(lines) == len(ALGORITHMS)
    for line in lines:
        assert " False Risk Terrain needs the Python package scipy (1.10 or newer), which this installation" in line
        assert line.endswith("(OSGeo4W: python3-scipy). Saved results still open.")


def test_without_jinja2_only_the_pages_are_missing():
    lines = tools_without("jinja2")
    assert len(lines) == len(ALGORITHMS)
    refused = {line.split()[0] for line in lines if " False " in line}
    assert refused == {"rtm:run", "rtm:runstudy", "rtm:report", "rtm:validate", "rtm:diagnose"}
    assert all("package jinja2 (3.0 or newer)" in line for line in lines if line.split()[0] in refused)


def test_without_statsmodels():
    lines = tools_without("statsmodels")
    assert len(lines) == len(ALGORITHMS)
    assert all(" True" in line for line in lines)


def test_no_library_is_first_imported_by_a_task():
    """Every compiled or optional library of the shipped code is among those loaded in the window's thread."""
    loaded = {*AT_LOAD, *VERIFYING}
    for file in [*(PLUGIN / "rtm_plugin").rglob("*.py"), *(PLUGIN / "algorithms").rglob("*.py")]:
        for name in libraries_of(ast.parse(file.read_text(encoding="utf-8"))):
            assert any(other == name or other.startswith(f"{name}.") for other in loaded), f"{file.name} imports {name}"


def libraries_of(tree: ast.AST) -> set[str]:
    """Names of modules of scipy, statsmodels and Jinja2 that a module imports, wherever it does."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names if alias.name.islower()}
            names |= {name for name in submodules if importlib.util.find_spec(node.module) and is_module(name)} or {
                node.module
            }
    return {name for name in names if name.split(".")[0] in ("scipy", "statsmodels", "jinja2")}


def is_module(name: str) -> bool:
    """Whether a dotted name is a module rather than something in one."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
