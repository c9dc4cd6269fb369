"""The memory that a run announces is enough for it."""

import subprocess
import sys
from pathlib import Path

import pytest
import risk_terrain

ROOT = Path(next(iter(risk_terrain.__path__))).parent
RUN = """
import re, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from risk_terrain.rtm_plugin.core.ground.features import Features, ring_segments
from risk_terrain.rtm_plugin.core.forecast.empirical_bayes import History
from risk_terrain.rtm_plugin.core.pipeline import forecast_events, memory_for_forecast, run
from risk_terrain.rtm_plugin.core.study import Study
from risk_terrain.rtm_plugin.core.documents.settings import GridSettings, PlaceSettings, SelectionSettings
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read()).group(1)) * 1024

side, factors = int(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(5)
ring = np.array([[0, 0], [side, 0], [side, side], [0, side], [0, 0]], float) * 50
area = Features("polygon", ring_segments(ring, True), 1)
layers = [Features("point", random.random((800, 2)) * side * 50, 800) for _ in range(factors)]
near = layers[0].coordinates[random.integers(800, size=side * 20)] + random.normal(0, 60, (side * 20, 2))
study = Study(
    study_area=area,
    crs="",
    events=near,
    factors=[(f, FactorSettings(f"f{i}", max_blocks=4)) for i, f in enumerate(layers)],
    grid=GridSettings(100.0),
    selection=SelectionSettings(),
    places=PlaceSettings(),
)
stated = []
before = peak()
result = run(study, {}, workers=2, announce=lambda grid, memory: stated.append(memory))
print(stated[0], peak() - before)
history = [History(result.observations.counts)]
forecast_events(result.model.best, result.observations, result.terrain, history)
print(stated[0] + memory_for_forecast(result.grid), peak() - before)
"""


@pytest.mark.parametrize(("side", "factors"), [(60, 2), (250, 8)])
def test_announced_memory_is_kept(side, factors):
    """First for a model, then for a forecast with it; what every run takes, and what cells and factors take."""
    command = [sys.executable, "-c", RUN, str(ROOT), str(side), str(factors)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines()[-2:]:
        stated, used = map(int, line.split())
        assert used <= stated, f"{used / 1e6:.0f} MB used, {stated / 1e6:.0f} MB announced"
        assert stated < 3 * used + 200e6, f"{used / 1e6:.0f} MB used, {stated / 1e6:.0f} MB announced: that frightens"
