"""Without scipy, or statsmodels, the tools stay visible and say what is missing."""

import subprocess
import sys
from pathlib import Path

import risk_terrain
from risk_terrain.rtm_plugin.provider import ALGORITHMS

ROOT = Path(risk_terrain.__file__).parent.parent
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
for algorithm in provider.algorithms():
    print(algorithm.id(), *algorithm.canExecute())
"""


def tools_without(package: str) -> list[str]:
    code = SESSION.format(missing=package, root=str(ROOT))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if line.startswith("rtm:")]


def test_without_scipy():
    lines = tools_without("scipy")
    assert len(lines) == len(ALGORITHMS)
    for line in lines:
        assert " False Risk Terrain needs the Python package scipy, which this installation of QGIS lacks." in line
        assert line.endswith("Saved results still open.")


def test_without_statsmodels():
    lines = tools_without("statsmodels")
    assert len(lines) == len(ALGORITHMS)
    assert all(" True" in line for line in lines)
