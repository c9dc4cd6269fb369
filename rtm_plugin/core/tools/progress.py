"""Progress as one callable, `progress(fraction)`, which raises Cancelled when the user asks to stop; and a clock."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[float], None]


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

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of a block to a stage, also where the block fails.

        >>> clock = Clock(print)
        >>> with clock.stage("culling"):
        ...     pass
        culling
        >>> list(clock.seconds)
        ['culling']
        """
        if self._listener is not None and name != self._stage:
            self._stage = name
            self._listener(name)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 3)
