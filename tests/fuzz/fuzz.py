"""Feeds the algorithms with wrong inputs for some minutes, in a QGIS of their own that may crash.

    make fuzz [MINUTES=10] [SEED=12345]

Each seed makes one case (cases.py), and the same one every time. It fails on a crash, a traceback, a hang, a file left
behind, a number that is none. Seeds that once failed are kept in seeds.txt and tried first.
"""

import argparse
import json
import os
import random
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
KEPT = HERE / "seeds.txt"
SECONDS_A_CASE = 90.0  # most cases take well under a second, and after 15 s the cancel button is pressed
SECONDS_TO_START = 180.0


class Worker:
    """One QGIS process that is fuzzed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        command = [sys.executable, str(HERE / "worker.py"), str(folder)]
        environment = {**os.environ, "RTM_FUZZ_SECONDS": str(SECONDS_A_CASE - 5)}
        self._noise = (folder / "noise.txt").open("wb")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._noise, env=environment
        )
        self._line(SECONDS_TO_START)

    def try_seed(self, number: int) -> dict[str, Any]:
        """The worker's answer; a crash or a hang becomes one, too, and ends the worker."""
        try:
            self._process.stdin.write(f"{number}\n".encode())
            self._process.stdin.flush()
            return json.loads(self._line(SECONDS_A_CASE))
        except (OSError, EOFError) as error:
            self.end()
            traces = "\n".join(self._told(name) for name in ("fault.txt", "hang.txt"))
            what = "a hang" if isinstance(error, TimeoutError) else f"a crash (exit code {self._process.returncode})"
            return {"seed": number, "case": "", "algorithm": "", "verdict": f"{what}\n{traces}"}

    @property
    def alive(self) -> bool:
        """Whether another seed can be tried."""
        return self._process.poll() is None

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._noise.close()

    def _line(self, seconds: float) -> str:
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        if not ready:
            raise TimeoutError
        line = self._process.stdout.readline()
        if not line:
            raise EOFError(self._told("noise.txt"))
        return line.decode()

    def _told(self, name: str) -> str:
        file = self._folder / name
        return file.read_text(encoding="utf-8", errors="replace")[-3000:] if file.is_file() else ""


def kept_seeds() -> list[int]:
    """The seeds that once failed."""
    lines = KEPT.read_text(encoding="utf-8").splitlines() if KEPT.is_file() else []
    return [int(line.split()[0]) for line in lines if line.strip() and not line.startswith("#")]


def fresh_seeds(first: int) -> Iterator[int]:
    """Seeds without end, the same ones from the same first."""
    rng = random.Random(first)
    while True:
        yield rng.randrange(2**40)


def fuzz(seeds: Iterable[int], folder: Path, deadline: float) -> tuple[Counter[str], list[dict[str, Any]]]:
    """Try seeds until the deadline (time.monotonic); how many of each kind were tried, and what failed."""
    tried: Counter[str] = Counter()
    failures = []
    workers = 0
    worker = None
    try:
        for number in seeds:
            if time.monotonic() > deadline:
                break
            if worker is None or not worker.alive:
                workers += 1
                worker = Worker(folder / f"worker{workers}")
            answer = worker.try_seed(number)
            tried[answer["case"] or "crash or hang"] += 1
            if answer["verdict"] != "right":
                failures.append(answer)
    finally:
        if worker is not None:
            worker.end()
    return tried, failures


def main() -> int:
    """Try the kept seeds, then fresh ones; print and keep what fails."""
    parser = argparse.ArgumentParser(description="Feed the algorithms with wrong inputs.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None, help="first seed (default: from the clock)")
    parser.add_argument("--only", type=int, nargs="*", help="just these cases")
    chosen = parser.parse_args()
    first = int(time.time()) if chosen.seed is None else chosen.seed
    deadline = time.monotonic() + 60 * chosen.minutes

    def seeds() -> Iterator[int]:
        if chosen.only:
            yield from chosen.only
        else:
            yield from kept_seeds()
            yield from fresh_seeds(first)

    with tempfile.TemporaryDirectory(prefix="rtm_fuzz_") as folder:
        tried, failures = fuzz(seeds(), Path(folder), deadline)
    for failure in failures:
        print(f"{failure['seed']} {failure['case']} {failure['algorithm']}: {failure['verdict']}\n")
    print(f"first seed {first}; tried {sum(tried.values())}: {dict(sorted(tried.items()))}; failed {len(failures)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
