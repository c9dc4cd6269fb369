"""The compiled and optional libraries: loaded in the window's thread, and missed in one sentence.

QGIS runs algorithms in threads of a pool, which come and go. Some libraries (scipy.fft of scipy 1.13 to 1.15, by way of
pybind11) keep a note of the thread that first imported them; when that thread is gone, the next task that uses the
library ends QGIS with all unsaved work. So no library is first imported by a task: the quick ones are loaded with the
plugin, the slow one before the task of an algorithm that uses it begins.
"""

import importlib
import importlib.util
from collections.abc import Iterable
from types import MappingProxyType

from qgis.core import Qgis, QgsMessageLog

from .feedback import tr

AT_LOAD = (
    "scipy.fft",
    "scipy.linalg.blas",
    "scipy.linalg.lapack",
    "scipy.ndimage",
    "scipy.optimize",
    "scipy.sparse.csgraph",
    "scipy.spatial",
    "scipy.special",
    "jinja2",
)
VERIFYING = ("statsmodels.discrete.discrete_model",)  # takes a second or two

# what an installation may lack: package of OSGeo4W, the oldest version that is known to work
PACKAGES = MappingProxyType(
    {
        "scipy": ("python3-scipy", "1.10"),
        "jinja2": ("python3-jinja2", "3.0"),
    }
)


def load_libraries(names: Iterable[str] = AT_LOAD) -> None:
    """Import libraries now, in the calling thread, which must be the window's.

    One that is missing or broken stops nothing here: the tools that need it say so when they are opened.
    """
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            QgsMessageLog.logMessage(f"{name} could not be loaded: {error}", "Risk Terrain", Qgis.MessageLevel.Warning)


def what_is_missing(packages: Iterable[str]) -> str:
    """The sentence about packages that are not there; empty when all are.

    Parameters
    ----------
    packages : names among PACKAGES
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if not missing:
        return ""
    osgeo4w, versions = zip(*(PACKAGES[name] for name in missing), strict=True)
    return tr(
        "Risk Terrain needs the Python package {} ({} or newer), which this installation of QGIS lacks. Ask the IT "
        "desk for the QGIS installer that includes it (OSGeo4W: {}). Saved results still open."
    ).format(tr(" and ").join(missing), tr(" and ").join(versions), tr(" and ").join(osgeo4w))
