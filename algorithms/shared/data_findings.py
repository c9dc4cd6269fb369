"""What is noticed of events, found in core and told on every route: wizard, runs, counts, validation."""

from collections.abc import Iterable

from qgis.core import QgsProcessingFeedback

from ...rtm_plugin.adapters.read_layers import ReadLayer
from ...rtm_plugin.core.arrays import Floats
from ...rtm_plugin.core.data.event_findings import EventData, event_findings
from ...rtm_plugin.core.data.event_split import EventSplit
from ...rtm_plugin.core.documents.findings import Finding
from ...rtm_plugin.core.ground.grid import INSIDE, Grid, where_events_lie
from ...rtm_plugin.core.pipeline import count
from ...rtm_plugin.core.study import Events


def split_of(read: ReadLayer, events: Events) -> EventSplit:
    """Where the events of a layer lie; `events` are its counts."""
    report = read.report
    return EventSplit(events.inside, events.left_out, events.outside, report.without_geometry, report.outside_window)


def inside_of(read: ReadLayer, grid: Grid) -> Floats:
    """(k, 2): the points that a layer lists in the cells."""
    points = read.as_listed.features.coordinates
    return points[where_events_lie(grid, points) == INSIDE]


def findings_of_events(
    read: ReadLayer,
    grid: Grid,
    window: str,
    *,
    area_is_part: bool = False,
    events: Events | None = None,
    with_spots: bool = True,
) -> tuple[Finding, ...]:
    """All that is to be said of a layer of events on a grid.

    Parameters
    ----------
    window : what their period is called
    area_is_part : whether the study area is a part of a larger layer
    events : their counts, where they are at hand
    with_spots : whether shared spots are told, which matter for what a model is fitted on
    """
    counted = events if events is not None else count(grid, read.features.coordinates, read.values)
    listed = read.as_listed
    points = listed.features.coordinates
    return event_findings(
        EventData(
            label=read.report.words.label,
            points=points,
            counted=inside_of(read, grid) if with_spots else points[:0],
            split=split_of(read, counted),
            window=window,
            rows=listed.rows,
            dates=listed.dates,
            coverage=read.coverage,
            area_is_part=area_is_part,
        )
    )


def tell_findings(findings: Iterable[Finding], feedback: QgsProcessingFeedback) -> None:
    """Findings in the log, each with the weight that it has."""
    for finding in findings:
        if finding.severity == "note":
            feedback.pushInfo(finding.text)
        else:
            feedback.pushWarning(finding.text)
