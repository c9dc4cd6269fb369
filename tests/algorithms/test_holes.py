"""Several polygons, some with holes, merged: in a process of its own, since memory spoilt there would end QGIS."""

import subprocess
import sys
from pathlib import Path

import pytest
import risk_terrain
from running import bands, process
from small_city import PARKS, moved, wkt, write_layer

ROOT = Path(next(iter(risk_terrain.__path__))).parent
OPENING = """
import sys
sys.path[:0] = sys.argv[1:3]
from qgis.core import QgsApplication
application = QgsApplication([], False)
application.initQgis()
import processing
from processing.core.Processing import Processing
Processing.initialize()
from risk_terrain.rtm_plugin.provider import RiskTerrainProvider
provider = RiskTerrainProvider()
QgsApplication.processingRegistry().addProvider(provider)
area, parks, events, target = sys.argv[3:]
"""
EXCLUDE = """
for _ in range(3):
    wanted = {"STUDY_AREA": area, "EXCLUDE": parks, "BLOCK_LENGTH": 200, "OUTPUT": target}
    found = processing.run("rtm:studygrid", wanted)
print(found["CELL_COUNT"], flush=True)
"""
STUDY_AREA = """
import json
def layer(source):
    return {"name": source.rsplit("=", 1)[1], "provider": "ogr", "source": source}
study = {"format": "risk-terrain-study", "version": 1, "study_area": layer(parks), "grid": {"block_length": 100}}
for _ in range(3):
    found = processing.run("rtm:checkstudy", {"STUDY": json.dumps(study), "PART": "area"})
print(found["FACTS"]["area"]["square_km"], flush=True)
"""
OFTEN = """
from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsVectorLayer
from risk_terrain.rtm_plugin.adapters.layers import read_layer
layer, context, feedback = QgsVectorLayer(parks, "parks"), QgsProcessingContext(), QgsProcessingFeedback(False)
for _ in range(250):
    read = read_layer(layer, "parks", layer.crs(), context, feedback, wanted="polygon", dissolve=True)
a = read.features.coordinates - read.features.coordinates[0, 0]
print(abs((a[:, 0] * a[:, 3] - a[:, 2] * a[:, 1]).sum()) / 2, flush=True)
"""
RING, HOLE = PARKS[0]
GROUND = 320 * 400 - 160 * 240 + 450 * 280  # of the two parks; the first has a hole


def in_process_of_its_own(script: str, city, parks: str, target: Path) -> str:
    """What the script prints last; a process that crashes fails the test."""
    plugins = Path(sys.modules["processing"].__file__).parents[1] if "processing" in sys.modules else ""
    sources = [city.layer("area"), parks, city.layer("events"), str(target)]
    done = subprocess.run(
        [sys.executable, "-c", OPENING + script + "import os; os._exit(0)", str(ROOT), str(plugins), *sources],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout.split()[-1]


@pytest.fixture(scope="module")
def many_parks(city, tmp_path_factory):
    """The parks of the city ten times over, so that there is more than one hole to lose; they cover the same ground."""
    shapes = [wkt("POLYGON", [moved(ring) for ring in park]) for park in PARKS * 10]
    return write_layer(tmp_path_factory.mktemp("parks") / "parks.gpkg", "parks", shapes)


def test_excluded_ground_with_holes(city, many_parks, out):
    cells = in_process_of_its_own(EXCLUDE, city, many_parks, out / "g.tif")
    whole = process("studygrid", {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200, "OUTPUT": str(out / "w.tif")})
    assert whole["CELL_COUNT"] - int(cells) == 6, "the hole leaves no whole cell to the first park, the second has six"
    assert (bands(out / "w.tif")[0] != bands(out / "g.tif")[0]).sum() == 6


def test_study_area_of_several_polygons_with_holes(city, many_parks, out):
    assert float(in_process_of_its_own(STUDY_AREA, city, many_parks, out)) == pytest.approx(GROUND / 1e6)


def test_read_hundreds_of_times(city, many_parks, out):
    assert float(in_process_of_its_own(OFTEN, city, many_parks, out)) == pytest.approx(GROUND)
