"""Independent pieces of work in threads, with one progress and one cancel button.

Threads and never processes: inside QGIS on Windows a process would start a second QGIS. numpy and scipy let go of
Python's lock in their loops, so that two threads help where arrays are long: candidates and the two paths of culling.
Work in them keeps away from calls that wake BLAS's own threads. The results are those of one thread, in order.
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from ..errors import Cancelled
from .progress import Progress

_T = TypeVar("_T")
_LOOK_EVERY = 0.1  # seconds between two looks at the cancel button


def available_workers(most: int = 2) -> int:
    """How many threads this machine has room for, at most `most`."""
    return max(1, min(most, os.cpu_count() or 1))


def in_threads(jobs: Sequence[Callable[[Progress], _T]], progress: Progress, workers: int = 1) -> list[_T]:
    """Do all jobs, each given a progress of its own; the caller's progress hears from this thread only.

    Parameters
    ----------
    jobs : sequence of callables
    progress : Progress; when it raises, the jobs are stopped at their next report, and it is raised here
    workers : int

    Examples
    --------
    >>> from .progress import silent
    >>> in_threads([lambda progress: 1, lambda progress: 2], silent, workers=2)
    [1, 2]
    """
    progress(0.0)
    done = [0.0] * len(jobs)
    stop = threading.Event()

    def watched(i: int) -> Progress:
        def report(fraction: float) -> None:
            if stop.is_set():
                raise Cancelled
            done[i] = max(done[i], fraction)

        return report

    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(job, watched(i)) for i, job in enumerate(jobs)]
        try:
            while wait(futures, _LOOK_EVERY, return_when="FIRST_EXCEPTION").not_done:
                progress(sum(done) / len(jobs))
                if any(f.done() and f.exception() is not None for f in futures):
                    break
        finally:
            stop.set()
            for future in futures:
                future.cancel()  # those that have not begun
        failed = [f for f in futures if not f.cancelled() and f.done() and f.exception() is not None]
        for future in sorted(failed, key=lambda f: isinstance(f.exception(), Cancelled)):
            future.result()
        progress(1.0)
        return [future.result() for future in futures]
