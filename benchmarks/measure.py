"""One measured call of qgis_process: wall time, processor time, peak memory, and the seconds of each stage."""

import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

CHICAGO_FACTORS = (
    "abandoned_cars",
    "abandoned_buildings",
    "graffiti",
    "liquor_retail",
    "sanitation",
    "street_light_outages",
)


@dataclass(frozen=True)
class Case:
    """A study to run.

    name, title: for file and table; data: the GeoPackage; settings: parameters of rtm:run beside the layers;
    seconds, megabytes: the targets (no target: None).
    """

    name: str
    title: str
    data: Path
    events: str
    factors: tuple[str, ...]
    settings: dict[str, Any]
    seconds: float | None = None
    megabytes: float | None = None
    later: str = ""

    def request(self, folder: Path) -> str:
        """What qgis_process reads on standard input."""
        inputs = {
            "STUDY_AREA": f"{self.data}|layername=boundary",
            "EVENTS": f"{self.data}|layername={self.events}",
            "FACTORS": [f"{self.data}|layername={layer}" for layer in self.factors],
            "OUTPUT_TERRAIN": str(folder / "terrain.tif"),
            "OUTPUT_EXPECTED": str(folder / "expected.tif"),
            "OUTPUT_PLACES": str(folder / "places.gpkg"),
            "OUTPUT_MODEL": str(folder / "model.json"),
            "OUTPUT_TABLE": str(folder / "candidates.csv"),
            "OUTPUT_REPORT": str(folder / "report.html"),
            **self.settings,
        }
        if self.later:
            inputs["TEST_EVENTS"] = f"{self.data}|layername={self.later}"
        return json.dumps({"inputs": inputs})


@dataclass(frozen=True)
class Call:
    """What one call took; megabytes: the largest process among it and its children."""

    seconds: float
    processor: float
    megabytes: float
    stages: dict[str, float] = field(default_factory=dict)
    cells: int = 0
    candidates: int = 0


def call(arguments: list[str], asked: str = "") -> Call:
    """Run a command to its end. os.wait4 counts the processor time and the memory, the children's included."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    start = time.perf_counter()
    process = subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    process.stdin.write(asked)
    process.stdin.close()
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - start
    process.stdout.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with exit code {process.returncode}:\n{said}")
    return Call(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def start_up() -> Call:
    """qgis_process with every provider loaded, and nothing run."""
    return call(["qgis_process", "list"])


def run_case(case: Case, folder: Path) -> Call:
    """rtm:run from the GeoPackage to all its outputs."""
    folder = folder / case.name
    folder.mkdir(parents=True, exist_ok=True)
    took = call(["qgis_process", "run", "rtm:run", "-"], case.request(folder))
    model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    stages = model["provenance"]["seconds"]
    return Call(took.seconds, took.processor, took.megabytes, stages, model["grid"]["cells"], len(model["candidates"]))


def middle(calls: list[Call]) -> Call:
    """The median of each number."""
    return Call(
        median(c.seconds for c in calls),
        median(c.processor for c in calls),
        median(c.megabytes for c in calls),
        {stage: median(c.stages[stage] for c in calls) for stage in calls[0].stages},
        calls[0].cells,
        calls[0].candidates,
    )
