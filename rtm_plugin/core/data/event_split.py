"""Where the events of a layer are: inside · on ground left out · outside · without coordinates · outside the window."""

from __future__ import annotations

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
    numbers = asdict(split)
    parts = [
        f"{_count(value)} {where}"
        for value, where in ((split.left_out, "on ground that was left out"), (split.outside, "outside"))
        if value
    ]
    rest = f"; {' and '.join(parts)}" if parts else ""
    sentence = (
        f"Of {_count(split.located)} events of {events}, {_count(split.inside)} lie inside the study area and count"
    )
    more = []
    if split.without_coordinates:
        have = "has" if split.without_coordinates == 1 else "have"
        more.append(f"{split.without_coordinates:,} more {have} no usable coordinates")
    if split.outside_window:
        lie = "lies" if split.outside_window == 1 else "lie"
        more.append(f"{split.outside_window:,} more {lie} outside the window of dates")
    told = [Finding("note", " ".join([f"{sentence}{rest}.", *(f"{text}." for text in more)]), numbers=numbers)]
    total = split.located
    if total and split.outside / total > _MANY:
        share = f"{_count(split.outside)} of {_count(total)} events of {events} ({split.outside / total:.0%})"
        if area_is_part:
            told.append(Finding("note", f"{share} lie outside the part that was chosen as study area, as one expects."))
        else:
            told.append(
                Finding(
                    "warning",
                    f"{share} lie outside the study area and were not counted.",
                    "Check that layer and study area belong together.",
                )
            )
    if total and split.left_out / total > _MANY:
        share = f"{_count(split.left_out)} of {_count(total)} events of {events} ({split.left_out / total:.0%})"
        told.append(
            Finding(
                "warning",
                f"{share} lie in the study area on ground that was left out, and were not counted.",
                "Check the excluded ground and the rule for cells if that is more than you meant to leave out.",
            )
        )
    lost = split.without_coordinates
    if lost and lost / (lost + total) > _MANY:
        told.append(
            Finding(
                "warning",
                f"{lost:,} of {_count(lost + total)} events of {events} ({lost / (lost + total):.0%}) have no usable "
                "coordinates and were not counted.",
                "Where they happened is not known; if they differ from the others, so does the map.",
            )
        )
    return tuple(told)


def _count(value: float) -> str:
    """A number of events; with one decimal where weights made it a fraction."""
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
