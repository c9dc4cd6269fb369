"""Loaded before all else (`-p tests.display`): without a screen, QGIS draws off screen instead of ending the run."""

import os

if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
