"""The wizard's demonstration in a real QGIS with the scipy that Windows and Debian 13 have, which once ended QGIS.

scipy 1.13 to 1.15 crash when a task is the first to import them; `.ci/setup` puts one of these beside the test tools.
Three of the demonstration's factors are enough: a task imports the same however much it computes.
"""

import sys
from pathlib import Path

import pytest
import scipy

sys.path.insert(0, str(Path(__file__).parent))
import desktop

OTHER = Path(sys.prefix) / "scipy-1.14"
CRASHED = ((1, 13), (1, 14), (1, 15))


def crashed(version: str) -> bool:
    """Whether a version is one of those that crashed."""
    return tuple(int(part) for part in version.split(".")[:2]) in CRASHED


def test_the_wizards_demonstration_with_a_scipy_that_crashed(tmp_path):
    libraries = None if crashed(scipy.__version__) else OTHER
    if libraries is not None and not (libraries / "scipy").is_dir():
        pytest.skip(f"scipy 1.14 is not in {OTHER.name}: there is none for this Python")
    results = desktop.run_session(tmp_path, "few factors", libraries).results
    assert crashed(results["scipy"])
    assert {"terrain.tif", "forecast.tif", "report.html"} <= set(results["wizard"]["files"])
