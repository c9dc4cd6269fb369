"""The limit of each test: one that hangs ends the run with where every thread stands."""

import os
import subprocess
import sys
from pathlib import Path

HANGS = """
import threading

def test_before():
    pass

def test_that_hangs():
    lock = threading.Lock()
    lock.acquire()
    threading.Thread(target=lock.acquire, name="another", daemon=True).start()
    lock.acquire()

def test_after():
    pass
"""


def test_a_test_that_hangs_ends_the_run(tmp_path):
    (tmp_path / "test_hangs.py").write_text(HANGS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-o", "limit=2", "-v", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    assert "test_before PASSED" in run.stdout
    assert "test_after" not in run.stdout
    assert run.stderr.startswith("Timeout (0:00:02)!")
    assert "in test_that_hangs" in run.stderr
    assert run.stderr.count("Thread 0x") == 2
