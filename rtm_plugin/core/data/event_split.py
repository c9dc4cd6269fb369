"""Where the events of a layer are: inside · on ground left out · outside · without coordinates · outside the window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from ..documents.findings import Finding

_MANY = 0.05  # of all located events, from which those that do not count are a warning


@dataclass(frozen=True, slots=True)
class EventSplit:
    """How many events of a period lie where; sums of their weights where they have any.

    Parameters
    ----------
    inside : float
        In the study area and in one of its cells: these count.
    left_out : float
        In the study area, on ground without a cell: excluded, or cut off by the cell rule, or without exposure.
    outside : float
    without_coordinates : int
        Rows of the period that have no coordinates that can be used.
    outside_window : int
        Rows that have another date.
    """

    inside: float
    left_out: float
    outside: float
    without_coordinates: int = 0
    outside_window: int = 0

    @property
    def located(self) -> float:
        """All of the period that have coordinates."""
        return self.inside + self.left_out + self.outside


def split_findings(split: EventSplit, events: str, area_is_part: bool = False) -> tuple[Finding, ...]:
    """What is to be said of where the events lie.

    Parameters
    ----------
    events : str
        What the events are called in a sentence: "robbery (layer 'crime')".
    area_is_part : bool
        Whether the study area is a part of a larger layer that was chosen on purpose: then it is no wonder that many
        events lie elsewhere.

    Examples
    --------
    >>> split_findings(EventSplit(112, 66, 3), "'crime'")[0].sentence
    "Of 181 events of 'crime', 112 lie inside the study area and count; 66 on ground that was left out and 3 outside."
    """
    return (_whereabouts(split, events), *_losses(split, events, area_is_part))


def _whereabouts(split: EventSplit, events: str) -> Finding:
    """Where all of them are, in one note."""
    parts = [
        f"{_count(value)} {where}"
        for value, where in ((split.left_out, "on ground that was left out"), (split.outside, "outside"))
        if value
    ]
    rest = f"; {' and '.join(parts)}" if parts else ""
    sentences = [
        f"Of {_count(split.located)} events of {events}, {_count(split.inside)} lie inside the study area and "
        f"count{rest}."
    ]
    if split.without_coordinates:
        have = "has" if split.without_coordinates == 1 else "have"
        sentences.append(f"{split.without_coordinates:,} more {have} no usable coordinates.")
    if split.outside_window:
        lie = "lies" if split.outside_window == 1 else "lie"
        sentences.append(f"{split.outside_window:,} more {lie} outside the window of dates.")
    return Finding("note", " ".join(sentences), numbers=asdict(split))


def _losses(split: EventSplit, events: str, area_is_part: bool) -> Iterator[Finding]:
    """Each place where more than a few of the events were lost."""
    total, lost = split.located, split.without_coordinates
    if total and split.outside / total > _MANY:
        share = _share(split.outside, total, events)
        if area_is_part:
            yield Finding("note", f"{share} lie outside the part that was chosen as study area, as one expects.")
        else:
            yield Finding(
                "warning",
                f"{share} lie outside the study area and were not counted.",
                "Check that layer and study area belong together.",
            )
    if total and split.left_out / total > _MANY:
        yield Finding(
            "warning",
            f"{_share(split.left_out, total, events)} lie in the study area on ground that was left out, and were not "
            "counted.",
            "Check the excluded ground and the rule for cells if that is more than you meant to leave out.",
        )
    if lost and lost / (lost + total) > _MANY:
        yield Finding(
            "warning",
            f"{_share(lost, lost + total, events)} have no usable coordinates and were not counted.",
            "Where they happened is not known; if they differ from the others, so does the map.",
        )


def _share(some: float, total: float, events: str) -> str:
    return f"{_count(some)} of {_count(total)} events of {events} ({some / total:.0%})"


def _count(value: float) -> str:
    """A number of events; with one decimal where weights made it a fraction."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
