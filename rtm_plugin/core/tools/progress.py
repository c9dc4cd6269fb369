"""Progress as one callable, `progress(fraction)`, which raises Cancelled when the user asks to stop; and a clock."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

Progress = Callable[[float], None]
_T = TypeVar("_T")


def silent(fraction: float) -> None:
    """Progress that nobody watches."""


def part(progress: Progress, start: float, end: float) -> Progress:
    """The same progress, seen from a step that fills `start` to `end` of the whole.

    >>> seen = []
    >>> part(seen.append, 0.2, 0.6)(0.5)
    >>> seen
    [0.4]
    """

    def report(fraction: float) -> None:
        progress(start + (end - start) * fraction)

    return report


def parts(progress: Progress, count: int) -> Iterator[Progress]:
    """Split a progress in `count` equal parts, one for each item of a loop."""
    for i in range(count):
        yield part(progress, i / count, (i + 1) / count)


class Clock:
    """Seconds by stage; `listener` is told the name of each stage when it begins."""

    def __init__(self, listener: Callable[[str], None] | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._listener = listener
        self._stage = ""

    def timed(self, stage: str, work: Callable[[], _T]) -> _T:
        """Do the work and add its time to the stage."""
        if self._listener is not None and stage != self._stage:
            self._stage = stage
            self._listener(stage)
        start = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.perf_counter() - start, 3)
