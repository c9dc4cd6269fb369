"""Progress as one callable: `progress(fraction)`, which raises Cancelled when the user asks to stop."""

from collections.abc import Callable, Iterator

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
