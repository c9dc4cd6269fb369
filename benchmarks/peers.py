"""Our elastic net and stepwise against R's glmnet, glm and MASS::glm.nb: same matrix, folds, penalties, one core each.

    OPENBLAS_NUM_THREADS=1 python3 -m benchmarks.peers [--quick] [--data FOLDER]

The seconds are of the processor. Ours and theirs take turns, so that a slow minute of the machine is shared.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from rtm_plugin.core.candidates.columns import Candidate, CandidateSet, DesignMatrix
from rtm_plugin.core.documents.settings import SelectionSettings
from rtm_plugin.core.selection.culling import Path as NetPath
from rtm_plugin.core.selection.culling import cull, fit_path, penalties, stratified_folds
from rtm_plugin.core.selection.penalised import Problem
from rtm_plugin.core.selection.stepwise import Selected, select

from .matrices import Matrix, chicago_matrix, city_matrix
from .page import chicago_data, machine, replace, spread, table

FOLDS, SHARE = 10, 0.95
FITS = 10  # of a stepwise, timed in R in each run; each run takes others
TARGETS = {"full": 6, "early": 12, "poisson": 100, "nb2": 500}
R = Path(__file__).with_name("peers.R")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the processor, and the result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


@dataclass(frozen=True)
class Peer:
    """R on one matrix, laid out in a folder."""

    folder: Path

    def lay_out(self, matrix: Matrix, folds: np.ndarray, sequence: np.ndarray) -> None:
        columns = np.array(list(matrix.candidates.columns()), dtype=np.uint8)
        (self.folder / "matrix.bin").write_bytes(columns.tobytes())
        for name, values in (("counts", matrix.counts), ("folds", folds), ("penalties", sequence)):
            (self.folder / f"{name}.bin").write_bytes(values.astype(np.float64).tobytes())
        size = (columns.shape[1], columns.shape[0], len(sequence), SHARE)
        (self.folder / "size.txt").write_text(" ".join(map(str, size)), encoding="ascii")

    def run(self, *what: str) -> dict[str, Any]:
        command = ["Rscript", "--vanilla", str(R), str(self.folder), *what]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"R could not run {' '.join(what)}:\n{done.stderr}")
        return json.loads(done.stdout)

    def fits(self, family: str, fits: list[tuple[int, ...]]) -> dict[str, Any]:
        lines = "".join(" ".join(str(column + 1) for column in fit) + "\n" for fit in fits)
        (self.folder / "fits.txt").write_text(lines, encoding="ascii")
        return self.run("steps", family)


def compare_nets(matrix: Matrix, peer: Peer, runs: int) -> list[str]:
    """One row of the table of elastic nets."""
    labels = stratified_folds(matrix.counts, FOLDS, 1)
    design = DesignMatrix(matrix.candidates)
    sequence = penalties(Problem.build(matrix.counts, design, labels, FOLDS), SHARE)
    peer.lay_out(matrix, labels, sequence)

    def ours(full: bool) -> NetPath:
        problem = Problem.build(matrix.counts, DesignMatrix(matrix.candidates), labels, FOLDS)
        return fit_path(problem, SHARE, sequence, full_path=full)

    took: dict[str, list[float]] = {"full": [], "early": [], "dense": [], "sparse": []}
    for _ in range(runs):
        seconds, full = timed(lambda: ours(True))
        took["full"].append(seconds)
        seconds, early = timed(lambda: ours(False))
        took["early"].append(seconds)
        theirs = peer.run("net")
        took["dense"].append(theirs["dense"])
        took["sparse"].append(theirs["sparse"])
    difference = abs(float(full.deviance[full.best]) - theirs["deviance"])
    agreed = f"{full.best + 1}, {early.best + 1}, {theirs['best'] + 1}"
    print(f"{matrix.title}: {took}, {theirs}", flush=True)
    return [
        matrix.title,
        *(spread(took[kind]) for kind in ("dense", "sparse", "full", "early")),
        *(ratio(took[form], took[kind], TARGETS[kind]) for kind in ("full", "early") for form in ("dense", "sparse")),
        agreed,
        f"{difference:.0e}",
    ]


def ratio(theirs: list[float], ours: list[float], target: float) -> str:
    """Median over the runs of theirs / ours, and whether that reaches the target."""
    value = median(a / b for a, b in zip(theirs, ours, strict=True))
    return f"**{value:.3g}** (≥ {target:g}{'' if value >= target else ', missed'})"


def rounds(selected: Selected) -> Iterator[tuple[Candidate, ...]]:
    """The variables in the model at the start of each round of the stepwise, the last, fruitless one too."""
    members: tuple[Candidate, ...] = ()
    known = {c.name: c for c in selected.candidates}
    for step in selected.steps:
        gone = step.replaced if step.move == "swap" else step.name if step.move == "remove" else ""
        members = tuple(c for c in members if c.name != gone)
        if step.move in ("add", "swap"):
            members = (*members, known.get(step.name) or Candidate(step.name, step.name, "", 0.0, ""))
        yield members


def fits_of(selected: Selected, pool: CandidateSet) -> list[tuple[int, ...]]:
    """Columns of the pool in every fit that the stepwise tries: additions, swaps, removals."""
    candidates = pool.candidates
    place = {c.name: j for j, c in enumerate(candidates)}
    found: list[tuple[int, ...]] = []
    for members in rounds(selected):
        own = {candidates[place[m.name]].factor: place[m.name] for m in members}
        found += [(*own.values(), j) for j, c in enumerate(candidates) if c.factor not in own]
        for factor, member in own.items():
            others = [j for j in own.values() if j != member]
            found += [(*others, j) for j, c in enumerate(candidates) if c.factor == factor and j != member]
            found += [tuple(others)] if others else []
    return found


def compare_stepwise(matrix: Matrix, peer: Peer, runs: int) -> list[list[str]]:
    """Rows of the table of stepwise selections, over the candidates that survive the culling."""
    pool = matrix.candidates.only(cull(matrix.counts, matrix.candidates, SelectionSettings()).survivors)
    place = [j for j, c in enumerate(matrix.candidates.candidates) if c.name in pool]
    rows = []
    for family in ("poisson", "nb2"):
        ours, theirs, failed = [], [], 0
        for run in range(runs):
            seconds, selected = timed(lambda family=family: select(family, matrix.counts, pool))
            tried = fits_of(selected, pool)
            chosen = np.linspace(0, len(tried) - 1, FITS * runs).round().astype(int)[run::runs]
            answer = peer.fits(family, [tuple(place[j] for j in tried[i]) for i in chosen])
            ours.append(seconds)
            theirs.append(float(np.mean(answer["seconds"])) * len(tried))
            failed += answer["failed"]
        print(f"{matrix.title} {family}: {len(tried)} fits, {ours}, {theirs}, {failed} failed", flush=True)
        each = [seconds / len(tried) for seconds in theirs]
        name = "Poisson, `glm`" if family == "poisson" else "NB2, `MASS::glm.nb`"
        row = [matrix.title, name, f"{len(tried)}", spread(each), spread(theirs), spread(ours)]
        rows.append([*row, ratio(theirs, ours, TARGETS[family])])
    return rows


def matrices(quick: bool, chicago: Path | None) -> Iterator[Matrix]:
    """What is compared, one at a time."""
    yield city_matrix(40_000, 20)
    if not quick:
        yield city_matrix(160_000, 20)
    if chicago is not None:
        for block in (400.0,) if quick else (400.0, 200.0):
            yield chicago_matrix(chicago, block)


NETS = [
    "Matrix",
    "cv.glmnet, dense matrix, s",
    "the same, sparse matrix, s",
    "ours, full path, s",
    "ours, early stop, s",
    "full path: dense / ours",
    "sparse / ours",
    "early stop: dense / ours",
    "sparse / ours",
    "best penalty: full, early, R",
    "difference of its deviance",
]
STEPS = ["Matrix", "Family and peer", "Fits", "R, s a fit", "R, s for all (extrapolated)", "ours, s for all", "ratio"]


def main() -> None:
    """Compare, and write the tables into docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one run, small matrices")
    parser.add_argument("--data", type=Path, help="folder that holds chicago.gpkg")
    options = parser.parse_args()
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        raise SystemExit("Set OPENBLAS_NUM_THREADS=1 first, so that both sides use one core (`make bench-peers` does).")
    runs = 1 if options.quick else 3
    nets, steps = [], []
    for matrix in matrices(options.quick, chicago_data(options.data)):
        with tempfile.TemporaryDirectory(prefix="risk_terrain_peers_") as folder:
            peer = Peer(Path(folder))
            nets.append(compare_nets(matrix, peer, runs))
            steps += compare_stepwise(matrix, peer, runs)
    versions = subprocess.run(
        ["Rscript", "-e", "cat(R.version.string, 'glmnet', as.character(packageVersion('glmnet')), "
         "'MASS', as.character(packageVersion('MASS')))"], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
    text = f"{machine()} {versions}. {runs} alternating runs.\n\n{table(NETS, nets)}\n\n{table(STEPS, steps)}"
    replace("peers", text)


if __name__ == "__main__":
    main()
