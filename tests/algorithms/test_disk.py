"""Outputs appear whole or not at all: a full disk, a folder that cannot be written, files of the same name."""

import subprocess
import sys
from pathlib import Path

import pytest
from osgeo import gdal, ogr
from running import RUN_FILES, bands, files, only_terrain, process, refusal, run_parameters

OLD = "from last week"


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of a few kB; skipped where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32k,nr_inodes=100", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk; the file-size limit is tested all the same")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path, leave: int) -> None:
    """Take up the disk but for some pages of 4 kB."""
    with open(folder / "full", "wb", buffering=0) as file:
        while True:
            try:
                file.write(b"x" * 4096)
            except OSError:
                break
    with open(folder / "full", "r+b") as file:
        file.truncate(max(0, (folder / "full").stat().st_size - 4096 * leave))


STEPS = {
    "studygrid": ("OUTPUT", "grid.tif"),
    "countevents": ("OUTPUT", "counts.tif"),
    "operationalise": ("OUTPUT", "bars.tif"),
    "selectmodel": ("OUTPUT_MODEL", "model.json"),
    "terrain": ("OUTPUT", "terrain.tif"),
    "priorityplaces": ("OUTPUT", "places.gpkg"),
}


@pytest.fixture
def asked(city, chain):
    given = {"MODEL": chain["model"], "CANDIDATES": [chain["bars"], chain["footpaths"]]}
    return {
        "studygrid": {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200},
        "countevents": {"GRID": chain["grid"], "EVENTS": city.layer("events")},
        "operationalise": {"GRID": chain["grid"], "FACTOR": city.layer("bars")},
        "selectmodel": {"COUNTS": chain["counts"], "CANDIDATES": given["CANDIDATES"]},
        "terrain": given,
        "priorityplaces": {**given, "TERRAIN": chain["terrain"]},
    }


@pytest.mark.parametrize("leave", [0, 1])
@pytest.mark.parametrize("step", STEPS)
def test_full_disk(asked, small_disk, step, leave):
    """A sentence that says so, nothing new, and the earlier result of the same name as it was."""
    output, name = STEPS[step]
    (small_disk / name).write_text(OLD, encoding="utf-8")
    fill(small_disk, leave)
    sentence = refusal(step, {**asked[step], output: str(small_disk / name)})
    assert "cannot be written" in sentence or "could not be written" in sentence
    assert sentence.endswith(".")
    assert files(small_disk) == sorted(["full", name])
    assert (small_disk / name).read_text("utf-8") == OLD


@pytest.mark.parametrize("leave", [0, 1, 2, 3, 5])
def test_full_disk_in_run(city, small_disk, leave):
    """Wherever the disk fills up among the files of a run, none of them appears."""
    (small_disk / "terrain.tif").write_text(OLD, encoding="utf-8")
    fill(small_disk, leave)
    sentence = refusal("run", run_parameters(city, small_disk))
    assert "written" in sentence
    assert files(small_disk) == ["full", "terrain.tif"]
    assert (small_disk / "terrain.tif").read_text("utf-8") == OLD


LIMITED = """
import resource, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from risk_terrain.rtm_plugin.adapters.files import Staging
from risk_terrain.rtm_plugin.core.errors import RtmError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
target = Path(sys.argv[3])
try:
    with Staging() as staging:
        staging.text(target / "small.txt", "fits")
        staging.text(target / "large.txt", "x" * 5000)
except RtmError as error:
    print(error)
"""


def test_file_size_limit(out):
    """The same without a mount: a text output that breaks off half-way."""
    import risk_terrain

    alias = str(Path(next(iter(risk_terrain.__path__))).parent)
    command = [sys.executable, "-c", LIMITED, alias, "/usr/share/qgis/python", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "large.txt cannot be written: File too large.\n"
    assert files(out) == []


def test_folder_that_cannot_be_made(asked, city, out):
    (out / "file").write_text(OLD, encoding="utf-8")
    sentence = refusal("studygrid", {**asked["studygrid"], "OUTPUT": str(out / "file" / "deep" / "grid.tif")})
    assert sentence.startswith("grid.tif cannot be written to ")
    assert sentence.endswith(": the folder cannot be written to.")
    assert files(out) == ["file"]


def test_folder_that_cannot_be_written(asked, small_disk):
    """A share mounted for reading only."""
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for step, (output, name) in STEPS.items():
        sentence = refusal(step, {**asked[step], output: str(small_disk / name)})
        assert "written" in sentence, step
        assert sentence.endswith("."), step
    assert files(small_disk) == []


def test_folders_are_made(asked, out):
    process("studygrid", {**asked["studygrid"], "OUTPUT": str(out / "new" / "deeper" / "grid.tif")})
    assert files(out) == ["new", "new/deeper", "new/deeper/grid.qml", "new/deeper/grid.tif"]


def test_existing_outputs_are_replaced_whole(city, whole_run, out):
    """Old content, old styles and old statistics go."""
    for name in (*RUN_FILES, "terrain.tif.aux.xml", "expected.tif.aux.xml"):
        (out / name).write_text(OLD, encoding="utf-8")
    process("run", run_parameters(city, out))
    assert files(out) == RUN_FILES
    for name in ("terrain.tif", "expected.tif"):
        assert (out / name).read_bytes() == (whole_run[0] / name).read_bytes()
    assert not [name for name in RUN_FILES if OLD.encode() in (out / name).read_bytes()]


def test_replacing_a_larger_geopackage_leaves_nothing_of_it(chain, out):
    given = {"TERRAIN": chain["terrain"], "OUTPUT": str(out / "places.gpkg")}
    process("priorityplaces", {**given, "RULE": "class", "VALUE": 0, "MAX_AREA": 10_000})
    many = process("priorityplaces", {**given, "RULE": "class", "VALUE": 0, "MAX_AREA": 20_000})["PLACE_COUNT"]
    few = process("priorityplaces", given)["PLACE_COUNT"]
    assert many > few == ogr.Open(given["OUTPUT"]).GetLayer(0).GetFeatureCount()
    assert files(out) == ["places.gpkg", "places.qml"]


def test_target_that_is_a_folder(city, out):
    """Nothing of the run appears when one of its outputs cannot take its place."""
    (out / "model.json").mkdir()
    sentence = refusal("run", only_terrain(city, out))
    assert sentence.startswith("model.json cannot be written to ")
    assert files(out) == ["model.json"]


def test_results_stay_open_elsewhere(asked, chain, out):
    """A result that another program has open is replaced on Linux, and the open one stays readable."""
    target = out / "terrain.tif"
    process("terrain", {**asked["terrain"], "OUTPUT": str(target)})
    data = gdal.Open(str(target))
    process("terrain", {**asked["terrain"], "OUTPUT": str(target)})
    assert data.ReadAsArray().shape == (20, 20)
    assert (bands(target) == bands(chain["terrain"])).all()
