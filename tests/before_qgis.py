"""Loaded before QGIS (`-p tests.before_qgis`): settings of the tests' own, and no screen asked for where there is none.

Each process has its own folder of settings, so that a run neither sees nor changes those of the user's QGIS, nor those
of another run at the same time.
"""

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads wait in a loop, and two processes share the cores
if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="risk_terrain_settings_")
atexit.register(shutil.rmtree, os.environ["XDG_CONFIG_HOME"], ignore_errors=True)
