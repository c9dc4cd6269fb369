"""Whole runs of rtm:run through qgis_process: seconds by stage, memory, ratios to the targets; and how cost grows.

    python3 -m benchmarks.run [--quick] [--data FOLDER]      (`make bench` installs the plugin first)

Writes docs/performance.md. This process stays small on purpose: the system counts its memory at the fork of a call.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from .measure import CHICAGO_FACTORS, Call, Case, middle, run_case, start_up
from .page import REPOSITORY, chicago_data, machine, replace, spread, table

OUTPUT = REPOSITORY / "build" / "bench"
STAGES = ("grid", "events", "candidates", "culling", "selection", "significance", "verification")
PLAIN = {"SIGNIFICANCE": "plain"}  # the targets are those of the method as RTMDx has it
CITIES = ((40_000, 20, None, None), (160_000, 20, 10.0, 1000.0), (640_000, 30, 45.0, 2500.0))  # targets: s, MB


def city_case(cells: int, factors: int, seconds: float | None, megabytes: float | None) -> Case:
    """The case of a synthetic city, written anew when it is not there or older than its generator."""
    path = OUTPUT / f"city_{cells}_{factors}.gpkg"
    maker = Path(__file__).with_name("city.py")
    if not path.is_file() or path.stat().st_mtime < maker.stat().st_mtime:
        call = [sys.executable, "-m", "benchmarks.city", str(cells), str(factors), str(path)]
        subprocess.run(call, cwd=REPOSITORY, check=True)
    others = max(1, factors // 10)
    kinds = ["points"] * (factors - 2 * others) + ["lines"] * others + ["polygons"] * others
    names = tuple(f"{kind}_{i:02}" for i, kind in enumerate(kinds, 1))
    settings = {"BLOCK_LENGTH": 100, "MAX_BLOCKS": 4, "INCREMENT": "half", "OPERATIONALISATION": "both", **PLAIN}
    title = f"city, {cells // 1000}k × {factors}"
    return Case(path.stem, title, path, "events", names, settings, seconds, megabytes)


def chicago_case(data: Path, block: int, seconds: float) -> Case:
    """Burglaries of 2017."""
    settings = {"BLOCK_LENGTH": block, "MAX_AREA": 1_000_000, **PLAIN}
    name = f"chicago_{block // 2}m"
    title = f"Chicago, {block // 2} m"
    return Case(name, title, data, "burglaries_2017", CHICAGO_FACTORS, settings, seconds)


def with_forecast(case: Case, later: str = "") -> Case:
    """The same with a forecast and, given a layer of later events, a validation of all maps on them; no target."""
    outputs = {"OUTPUT_FORECAST": str(OUTPUT / "forecast.tif")}
    outputs |= {"OUTPUT_VALIDATION": str(OUTPUT / "validation.html")} if later else {}
    title = f"{case.title}, with forecast{' and validation' if later else ''}"
    return dataclasses.replace(
        case, title=title, settings={**case.settings, **outputs}, seconds=None, megabytes=None, later=later
    )


def with_significance(case: Case) -> Case:
    """The same with the test of significance, as analysts get it by default; no target."""
    settings = {**case.settings, "SIGNIFICANCE": "spatial"}
    title = f"{case.title}, with significance"
    return dataclasses.replace(case, title=title, settings=settings, seconds=None, megabytes=None)


def cases(quick: bool, chicago: Path | None) -> list[Case]:
    """What is run."""
    chosen = [city_case(*city) for city in (CITIES[:1] if quick else CITIES)]
    if not quick:
        chosen += [with_forecast(chosen[1]), with_significance(chosen[1])]
    if chicago is not None:
        coarse, fine = chicago_case(chicago, 400, 5.0), chicago_case(chicago, 200, 8.0)
        chosen += [coarse, with_significance(coarse)]
        chosen += [] if quick else [fine, with_forecast(fine, "burglaries_2018"), with_significance(fine)]
    return chosen


def target(value: float, limit: float | None, unit: str) -> str:
    """The share of the target that was needed."""
    if limit is None:
        return "–"
    return f"**{value / limit:.2f}** of {limit:g} {unit}{'' if value <= limit else ', missed'}"


def row(case: Case, calls: list[Call], idle: Call) -> list[str]:
    """Size, wall and processor seconds, memory, targets."""
    took = middle(calls)
    return [
        case.title,
        f"{took.cells:,} × {took.candidates}",
        spread([call.seconds for call in calls]),
        spread([call.processor for call in calls]),
        spread([call.megabytes for call in calls]),
        target(took.seconds, case.seconds, "s"),
        target(took.megabytes, case.megabytes, "MB"),
        f"{took.seconds - idle.seconds:.1f}",
    ]


def stage_row(case: Case, calls: list[Call], idle: Call) -> list[str]:
    """Seconds by stage; what is left is reading, scoring, places, writing and the report."""
    took = middle(calls)
    stages = [took.stages.get(stage, 0.0) for stage in STAGES]
    rest = took.seconds - idle.seconds - sum(stages)
    return [case.title, f"{idle.seconds:.1f}", *(f"{seconds:.2f}" for seconds in stages), f"{rest:.1f}"]


HEAD = ["Study", "cells × candidates", "wall, s", "processor, s", "memory, MB", "of the time allowed",
        "of the memory allowed", "without start-up, s"]  # fmt: skip
STAGE_HEAD = ["Study", "start-up", *STAGES, "reading, scoring, places, writing, report"]


def runs_section(quick: bool, chicago: Path | None) -> str:
    """Both tables."""
    runs = 1 if quick else 3
    idle = middle([start_up() for _ in range(runs)])
    rows, stages = [], []
    for case in cases(quick, chicago):
        calls = []
        for _ in range(runs):
            calls.append(run_case(case, OUTPUT))
            print(f"{case.title}: {calls[-1]}", flush=True)
        rows.append(row(case, calls, idle))
        stages.append(stage_row(case, calls, idle))
    missing = "" if chicago else " Chicago was left out: its data were not there."
    how = f"{machine()} {runs} runs each: median (least–most).{missing}"
    return f"{how}\n\n{table(HEAD, rows)}\n\nSeconds by stage, medians:\n\n{table(STAGE_HEAD, stages)}"


def scaling_section(quick: bool) -> str:
    """A table for each thing that is varied."""
    call = [sys.executable, "-m", "benchmarks.scaling", *(["--quick"] if quick else [])]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(call, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return "\n\n".join(_scaling_table(name, study) for name, study in json.loads(done.stdout).items())


def _scaling_table(name: str, study: dict[str, Any]) -> str:
    head = [f"Seconds by {name}", *(f"{value:,}" for value in study["values"]), "exponent"]
    rows = [
        [stage, *(f"{value:.2f}" for value in seconds), f"{study['exponents'][stage]:.2f}"]
        for stage, seconds in study["seconds"].items()
    ]
    return table(head, rows)


def main() -> None:
    """Run, and write the tables into docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run each, the smallest city and Chicago 200 m only")
    parser.add_argument("--data", type=Path, help="folder that holds chicago.gpkg")
    options = parser.parse_args()
    replace("runs", runs_section(options.quick, chicago_data(options.data)))
    replace("scaling", scaling_section(options.quick))


if __name__ == "__main__":
    main()
