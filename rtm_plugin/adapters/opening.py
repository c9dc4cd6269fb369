"""Layers of files are opened one at a time, whichever thread asks.

QGIS 3.40 locks its table of open files and each file in one order where a layer is looked up, and in the other where
one is opened again read-only. Two threads that open layers of one file at the same moment can so wait for each other
for ever, and with them whoever touches that file next, the window too. Whatever opens layers takes this lock:
`open_vector` here, and `Request` where QGIS opens an input for an algorithm.

Layers belong to the window's thread, and so does the project: QGIS 3.40 throws the project's variables away where it
looks for a layer in the project, and makes them anew where somebody asks for them, as `globalProjectLayerScopes` does.
Does another thread do so while the window reads them, QGIS crashes. `in_window_thread` says who asks.
"""

import threading

from qgis.core import QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication, QThread

ONE_AT_A_TIME = threading.RLock()


def in_window_thread() -> bool:
    """Whether this is the thread of QGIS's windows, in which a script has all of its work done, too."""
    return QThread.currentThread() == QCoreApplication.instance().thread()


def open_vector(
    source: str, name: str, provider: str = "ogr", options: QgsVectorLayer.LayerOptions | None = None
) -> QgsVectorLayer:
    """A vector layer, which may be invalid; the call waits while another thread opens one."""
    with ONE_AT_A_TIME:
        return QgsVectorLayer(source, name, provider, options or QgsVectorLayer.LayerOptions())
