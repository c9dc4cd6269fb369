"""Events that are there more than once, and events that share their spots: told before any model is made of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..documents.findings import Finding
from ..documents.periods import Dates

Codes = NDArray[np.int64]
NO_ID = -1
_MANY_STACKED = 0.5  # of the events, from which their spots are taken for snapped
_MANY_ALIKE = 0.1  # of the events on a day and spot of an earlier one, from which rows may be people, not incidents
_MANY_EQUAL = 0.25  # of the rows without an id that are equal to an earlier one
_FEW = 20
_IDS = (
    "crimeid", "crimenumber", "crimeno", "crimeref", "crimereference", "crimereferencenumber", "crn",
    "incidentid", "incidentnumber", "incidentno", "incidentref", "incidntnum", "caseid", "casenumber", "caseno",
    "offenceid", "offencenumber", "offenseid", "offensenumber", "occurrenceid", "occurrencenumber", "occurrenceno",
    "reportid", "reportnumber", "reportno", "complaintid", "complaintnumber", "cmplntnum", "drno", "rdnumber",
    "gonumber", "urn", "referencenumber", "eventid", "eventnumber", "uniqueid", "uniquekey", "dckey", "ccn",
)  # fmt: skip
_ROW_NUMBERS = ("fid", "ogcfid", "objectid", "gid", "rowid", "rownumber", "oid", "index", "field1", "pk")


def id_field(names: Sequence[str]) -> str:
    """The field that numbers crimes or incidents; "" where none looks like it.

    >>> id_field(["Month", "Crime ID"]), id_field(["CMPLNT_NUM"]), id_field(["fid", "name"])
    ('Crime ID', 'CMPLNT_NUM', '')
    """
    folded = {_folded(name): name for name in reversed(names)}
    return next((folded[known] for known in _IDS if known in folded), "")


def is_row_number(name: str) -> bool:
    """Whether a field only numbers the rows of its file, so that equal rows differ in it.

    >>> is_row_number("fid"), is_row_number("OBJECTID"), is_row_number("Crime ID")
    (True, True, False)
    """
    return _folded(name) in _ROW_NUMBERS


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


@dataclass(frozen=True, slots=True, eq=False)
class EventRows:
    """The rows that m events come from.

    Parameters
    ----------
    contents : (m,) int64
        Equal where two rows are equal in every column, coordinates included.
    ids : (m,) int64
        Equal where two rows have the same id; NO_ID where a row has none.
    id_name : str
        The field of the ids; "" without one.
    """

    contents: Codes
    ids: Codes
    id_name: str = ""

    def only(self, keep: NDArray[np.bool_]) -> EventRows:
        """Those of some of the events."""
        return EventRows(self.contents[keep], self.ids[keep], self.id_name)


def _beyond_first(values: NDArray[np.generic]) -> int:
    """How many values are equal to an earlier one."""
    return len(values) - len(np.unique(values, axis=0))


def repeat_findings(rows: EventRows | None, points: Floats, dates: Dates | None, events: str) -> tuple[Finding, ...]:
    """Ids that come back, rows that are equal, many events on one day at one spot.

    Parameters
    ----------
    rows : EventRows or None
    points : (m, 2) float64
    dates : Dates or None
    events : str
        What the events are called in a sentence.

    Examples
    --------
    >>> rows = EventRows(np.array([7, 7, 7, 8]), np.array([1, 1, 1, NO_ID]), "Crime ID")
    >>> repeat_findings(rows, np.zeros((4, 2)), None, "'crime'")[0].sentence
    "2 of 4 rows of 'crime' repeat a Crime ID that an earlier row has; 2 of them are equal to it in every column."
    """
    findings: list[Finding] = []
    if rows is not None:
        findings += _repeated_ids(rows, events) + _equal_rows(rows, points, events)
    if not findings and dates is not None:
        findings += _alike(points, dates, events)
    return tuple(findings)


def _repeated_ids(rows: EventRows, events: str) -> list[Finding]:
    known = rows.ids != NO_ID
    repeated = _beyond_first(rows.ids[known])
    if not repeated:
        return []
    equal = _beyond_first(rows.contents[known])
    of_them = f"; {equal:,} of them are equal to it in every column" if equal else ""
    verb = "repeats" if repeated == 1 else "repeat"
    return [
        Finding(
            "warning",
            f"{repeated:,} of {len(rows.ids):,} rows of {events} {verb} a {rows.id_name} that an earlier row has"
            f"{of_them}.",
            "Every row counts as an event; remove the repeats first if they are one event (Processing ▸ Toolbox ▸ "
            "Delete duplicates by attribute).",
            {"rows": len(rows.ids), "repeated_ids": repeated, "equal_rows": equal},
        )
    ]


def _equal_rows(rows: EventRows, points: Floats, events: str) -> list[Finding]:
    """Rows without an id that are equal to an earlier one.

    Where spots are snapped, several events of one kind are often equal in every column. A file that was joined with
    itself shows all the same: every row is there twice, or four times, but never once or three times.
    """
    unknown = rows.ids == NO_ID
    without = int(np.count_nonzero(unknown))
    equal = _beyond_first(rows.contents[unknown])
    if not equal:
        return []
    times = np.unique(rows.contents[unknown], return_counts=True)[1]
    joined = int(np.gcd.reduce(times)) > 1
    many = equal >= _FEW and (joined or (equal > _MANY_EQUAL * without and not Stacking.of(points).snapped))
    named = f" without a {rows.id_name}" if rows.id_name else ""
    return [
        Finding(
            "warning" if many else "note",
            f"{equal:,} of {without:,} rows of {events}{named} are equal to an earlier one in every column.",
            "They may be separate events that the columns do not tell apart, or a file that was joined with itself; "
            "every row counts as an event."
            if many
            else "",
            {"rows": without, "equal_rows": equal},
        )
    ]


def _alike(points: Floats, dates: Dates, events: str) -> list[Finding]:
    """Many events on the day and at the spot of an earlier one, where days are known and spots are not snapped."""
    if not len(points) or bool((dates.first != dates.last).any()) or Stacking.of(points).snapped:
        return []
    keys = np.column_stack([points, dates.first.astype("datetime64[D]").astype(np.int64)])
    alike = _beyond_first(keys)
    if alike < _FEW or alike <= _MANY_ALIKE * len(points):
        return []
    return [
        Finding(
            "warning",
            f"{alike:,} of {len(points):,} events of {events} are on the same day at the same spot as an earlier one.",
            "One row may be a victim or an offence rather than an incident; every row counts as an event.",
            {"events": len(points), "same_day_and_place": alike},
        )
    ]


@dataclass(frozen=True, slots=True)
class Stacking:
    """How events share their spots.

    Parameters
    ----------
    events, spots : int
    stacked : int
        Events that share their spot with another.
    highest : int
        Events at the spot that has most.
    """

    events: int
    spots: int
    stacked: int
    highest: int

    @classmethod
    def of(cls, points: Floats) -> Stacking:
        """Of points (m, 2).

        >>> Stacking.of(np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 5.0]]))
        Stacking(events=3, spots=2, stacked=2, highest=2)
        """
        if not len(points):
            return cls(0, 0, 0, 0)
        times = np.unique(points, axis=0, return_counts=True)[1]
        return cls(len(points), len(times), int(times[times > 1].sum()), int(times.max()))

    @property
    def snapped(self) -> bool:
        """Whether the points look as if they had been moved to few places, as police.uk does."""
        return self.stacked > _MANY_STACKED * self.events


def stacking_findings(stacking: Stacking, events: str) -> tuple[Finding, ...]:
    """What is to be said of events that share their spots."""
    if not stacking.stacked:
        return ()
    numbers = {
        "events": stacking.events,
        "spots": stacking.spots,
        "stacked": stacking.stacked,
        "highest_stack": stacking.highest,
    }
    sentence = (
        f"{stacking.stacked:,} of {stacking.events:,} events of {events} in the study area share their spot with "
        f"others; the highest stack has {stacking.highest:,}."
    )
    if not stacking.snapped:
        return (Finding("note", sentence, numbers=numbers),)
    return (
        Finding(
            "warning",
            f"{sentence} Points seem to be snapped to few places, as on police.uk.",
            "Read small distances and p-values with care.",
            numbers,
        ),
    )
