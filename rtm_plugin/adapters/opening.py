"""Layers of files are opened one at a time, whichever thread asks.

QGIS 3.40 locks its table of open files and each file in one order where a layer is looked up, and in the other where
one is opened again read-only. Two threads that open layers of one file at the same moment can so wait for each other
for ever, and with them whoever touches that file next, the window too. Whatever opens layers takes this lock:
`open_vector` here, and the algorithms where QGIS opens an input for them.
"""

import threading

from qgis.core import QgsVectorLayer

ONE_AT_A_TIME = threading.RLock()


def open_vector(
    source: str, name: str, provider: str = "ogr", options: QgsVectorLayer.LayerOptions | None = None
) -> QgsVectorLayer:
    """A vector layer, which may be invalid; the call waits while another thread opens one."""
    with ONE_AT_A_TIME:
        return QgsVectorLayer(source, name, provider, options or QgsVectorLayer.LayerOptions())
