"""All that is to be said of a layer of events, in one list that every route prints."""

from __future__ import annotations

from dataclasses import dataclass

from ..arrays import Floats
from ..documents.findings import Finding
from ..documents.periods import Dates
from .coverage import Coverage, coverage_findings
from .event_split import EventSplit, split_findings
from .repeats import EventRows, Stacking, repeat_findings, stacking_findings


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EventData:
    """The events of a period as they were read.

    Parameters
    ----------
    label : str
        What they are called in a sentence: "robbery (layer 'crime')".
    points : (m, 2) float64
    counted : (k, 2) float64
        Those of the points that lie in the cells; none where shared spots need not be told.
    split : EventSplit
    window : str
        What their period is called: "the fitting window".
    rows : EventRows or None
    dates : Dates or None
    coverage : Coverage or None
    area_is_part : bool
        Whether the study area is a part of a larger layer, chosen on purpose.
    """

    label: str
    points: Floats
    counted: Floats
    split: EventSplit
    window: str = "the window"
    rows: EventRows | None = None
    dates: Dates | None = None
    coverage: Coverage | None = None
    area_is_part: bool = False


def event_findings(data: EventData) -> tuple[Finding, ...]:
    """Where the events lie, how they fill their window, repeats, and spots that they share."""
    dated = data.label if data.coverage is None else f"{data.label} in {data.window}"
    return (
        *split_findings(data.split, dated, data.area_is_part),
        *coverage_findings(data.coverage, data.label, data.window),
        *repeat_findings(data.rows, data.points, data.dates, dated),
        *stacking_findings(Stacking.of(data.counted), dated),
    )
