"""Run an algorithm, keep what it said, look at what it left."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProcessingFeedback, QgsProject
from small_city import City

RUN_OUTPUTS = {
    "OUTPUT_TERRAIN": "terrain.tif",
    "OUTPUT_EXPECTED": "expected.tif",
    "OUTPUT_PLACES": "places.gpkg",
    "OUTPUT_MODEL": "model.json",
    "OUTPUT_TABLE": "table.csv",
    "OUTPUT_REPORT": "report.html",
}
RUN_FILES = sorted([*RUN_OUTPUTS.values(), "terrain.qml", "expected.qml", "places.qml"])
TRACES = ("Traceback", "Error:", "Error(", "Exception", "unexpected went wrong", 'File "')


class Log(QgsProcessingFeedback):
    """Feedback that remembers, and that presses cancel when the progress reaches `stop_at`."""

    def __init__(self, stop_at: float | None = None) -> None:
        super().__init__(False)
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.errors: list[str] = []
        self.stop_at = stop_at
        self.progressChanged.connect(self._moved)
        if stop_at is not None and stop_at <= 0:
            self.cancel()

    def _moved(self, progress: float) -> None:
        if self.stop_at is not None and progress >= self.stop_at:
            self.cancel()

    def pushInfo(self, info):
        self.notes.append(info)

    def pushWarning(self, warning):
        self.warnings.append(warning)

    def reportError(self, error, fatalError=False):
        self.errors.append(error)


def process(algorithm: str, parameters: dict, log: Log | None = None) -> dict:
    """processing.run in a context of its own."""
    import processing

    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    return processing.run(f"rtm:{algorithm}", parameters, feedback=log or Log(), context=context)


def qgis_process(profile: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess:
    """The command of QGIS, with a configuration of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QGIS_")}
    return subprocess.run(
        ["qgis_process", *arguments],
        env=kept | {"QGIS_CUSTOM_CONFIG_PATH": str(profile), "QT_QPA_PLATFORM": "offscreen"},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def refusal(algorithm: str, parameters: dict) -> str:
    """The sentence with which a run is refused; it holds no trace of Python."""
    with pytest.raises(QgsProcessingException) as caught:
        process(algorithm, parameters)
    sentence = str(caught.value).removeprefix("Unable to execute algorithm\n")
    del caught  # with this frame it holds the context and its layers past the end of QGIS, and pytest crashes
    assert not [trace for trace in TRACES if trace in sentence], sentence
    return sentence


def files(folder: Path) -> list[str]:
    """Every file and folder below, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def run_inputs(city: City, **changes) -> dict:
    """rtm:run on the city with its defaults, without outputs."""
    return {
        "STUDY_AREA": city.layer("area"),
        "EVENTS": city.layer("events"),
        "FACTORS": city.factors,
        "BLOCK_LENGTH": 200,
        **changes,
    }


def run_parameters(city: City, folder: Path, **changes) -> dict:
    """rtm:run on the city with every output in a folder."""
    outputs = {name: str(folder / file) for name, file in RUN_OUTPUTS.items()}
    return run_inputs(city, **{**outputs, **changes})


def only_terrain(city: City, folder: Path, **changes) -> dict:
    """rtm:run on the city, quick: culling off, and the model beside the terrain as the only outputs."""
    unwanted = dict.fromkeys(("OUTPUT_EXPECTED", "OUTPUT_PLACES", "OUTPUT_TABLE", "OUTPUT_REPORT"))
    return run_parameters(city, folder, **{**unwanted, "CULL": "no", "FAMILY": "poisson", **changes})


def bands(path: Path | str) -> np.ndarray:
    """(bands, rows, columns) of a raster."""
    data = gdal.Open(str(path))
    values = data.ReadAsArray()
    return values if values.ndim == 3 else values[None]


def descriptions(path: Path | str) -> list[str]:
    """Names of the bands."""
    data = gdal.Open(str(path))
    return [data.GetRasterBand(i).GetDescription() for i in range(1, data.RasterCount + 1)]


def steps(city: City, folder: Path, **grid_changes) -> dict[str, str]:
    """All six steps on the city; name of the output → its path."""
    path = {name: str(folder / f"{name}.tif") for name in ("grid", "counts", "terrain", "expected")}
    path |= {"model": str(folder / "model.json"), "table": str(folder / "table.gpkg")}
    path["places"] = str(folder / "places.gpkg")
    asked = {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200, **grid_changes}
    process("studygrid", {**asked, "OUTPUT": path["grid"]})
    process("countevents", {"GRID": path["grid"], "EVENTS": city.layer("events"), "OUTPUT": path["counts"]})
    candidates = []
    for source in city.factors:
        name = source.rsplit("=", 1)[1]
        candidates.append(str(folder / f"{name}.tif"))
        path[name] = candidates[-1]
        process("operationalise", {"GRID": path["grid"], "FACTOR": source, "OUTPUT": candidates[-1]})
    outputs = {"OUTPUT_MODEL": path["model"], "OUTPUT_TABLE": path["table"]}
    process("selectmodel", {"COUNTS": path["counts"], "CANDIDATES": candidates, **outputs})
    scored = {"MODEL": path["model"], "CANDIDATES": candidates}
    process("terrain", {**scored, "OUTPUT": path["terrain"], "OUTPUT_EXPECTED": path["expected"]})
    given = {"TERRAIN": path["terrain"], "EXPECTED": path["expected"], "COUNTS": path["counts"]}
    process("priorityplaces", {**given, **scored, "OUTPUT": path["places"]})
    return path


def pairs(document: dict, prefix: str = "") -> dict:
    """A nested document as flat {path: value}, to compare two of them legibly."""
    found = {}
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in items:
        nested = isinstance(value, (dict, list))
        found |= pairs(value, f"{prefix}{key}.") if nested else {f"{prefix}{key}": value}
    return found
