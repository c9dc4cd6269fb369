"""How the cost of each stage grows with cells, factors and distances: core alone, one core, one thing varied at a time.

    OPENBLAS_NUM_THREADS=1 python3 -m benchmarks.scaling [--quick]     prints JSON

It runs in a process of its own, so that its memory does not count for the calls that run.py measures.
"""

import json
import sys
import time
from statistics import median
from typing import Any

import numpy as np

from rtm_plugin.core.documents.settings import SelectionSettings
from rtm_plugin.core.selection.culling import cull
from rtm_plugin.core.selection.stepwise import profile, select

from .matrices import city_matrix

STAGES = ("candidates", "culling", "selection")
CELLS, FACTORS, BLOCKS = 40_000, 10, 4
LADDERS = {  # what is varied: its values
    "cells": (20_000, 40_000, 80_000, 160_000, 320_000),
    "factors": (5, 10, 20, 40),
    "distances": (2, 4, 6, 8),
}


def once(cells: int, factors: int, blocks: int) -> dict[str, float]:
    """Seconds of the processor by stage; candidates includes the grid and the counts."""
    clock = [time.process_time()]
    matrix = city_matrix(cells, factors, blocks)
    clock.append(time.process_time())
    survivors = cull(matrix.counts, matrix.candidates, SelectionSettings()).survivors
    clock.append(time.process_time())
    pool = matrix.candidates.only(survivors)
    chosen = [select(family, matrix.counts, pool) for family in ("poisson", "nb1")][-1]
    profile("nb1", matrix.counts, chosen, matrix.candidates)
    clock.append(time.process_time())
    return dict(zip(STAGES, np.diff(clock).tolist(), strict=True))


def vary(name: str, values: tuple[int, ...], runs: int) -> dict[str, Any]:
    """Median seconds at each value, and the exponent of the power law through them."""
    seconds: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for value in values:
        size = {"cells": CELLS, "factors": FACTORS, "distances": 2 * BLOCKS, name: value}
        measured = [once(size["cells"], size["factors"], size["distances"] // 2) for _ in range(runs)]
        for stage in STAGES:
            seconds[stage].append(median(took[stage] for took in measured))
    logs = np.log(values)
    exponents = {stage: float(np.polyfit(logs, np.log(seconds[stage]), 1)[0]) for stage in STAGES}
    return {"values": values, "seconds": seconds, "exponents": exponents}


def main(quick: bool) -> None:
    """Vary each in turn."""
    once(20_000, 5, 2)  # warms up imports and caches
    ladders = {name: values[:3] if quick else values for name, values in LADDERS.items()}
    print(json.dumps({name: vary(name, values, 1 if quick else 3) for name, values in ladders.items()}))


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
