"""Legends of the maps in plain words."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..core.ground.event_density import LEAST_SUPPORT, MULTIPLES, EventDensity
from ..core.terrain.scores import ScoreSummary
from .details import ScoreClass
from .maps import DENSITY_COLOURS
from .wording import number, plain


@dataclass(frozen=True, slots=True)
class LegendRow:
    """One colour and what it stands for."""

    colour: str
    label: str


def class_legend(classes: Sequence[ScoreClass], summary: ScoreSummary, colours: Sequence[str]) -> tuple[LegendRow, ...]:
    """The classes in words with their scores, highest risk first, as `classes` has them."""
    if len(classes) == 1:
        return (LegendRow(colours[0], f"every cell has the score {number(summary.max)}"),)
    low, middle, high = (number(cut) for cut in summary.cuts)
    ranges = (f"score above {high}", f"{middle} to {high}", f"{low} to {middle}", f"up to {low}")
    return tuple(
        LegendRow(colour, f"{row.name} ({limits})")
        for colour, row, limits in zip(reversed(colours), classes, ranges, strict=True)
    )


def density_legend(density: EventDensity) -> tuple[LegendRow, ...]:
    """The classes of density that are on the map, highest first."""
    limits = [plain(m) for m in MULTIPLES]
    words = [
        f"fewer than {LEAST_SUPPORT} cells with events around: not told",
        f"up to {limits[0]} times the mean density",
        *(f"{a} to {b} times" for a, b in pairwise(limits)),
        f"more than {limits[-1]} times the mean density",
    ]
    return tuple(
        LegendRow(colour, word)
        for colour, word, share in reversed(list(zip(DENSITY_COLOURS, words, density.shares, strict=True)))
        if share
    )
