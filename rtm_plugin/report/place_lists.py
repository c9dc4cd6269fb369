"""What the two lists of places are for, a sentence each, and how well each did on later events."""

import math
from dataclasses import dataclass

from ..core.accuracy.at_share import SameArea
from ..core.documents.layer_words import short_period
from ..core.ground.grid import Grid
from ..core.terrain.patrol_places import PatrolPlaces
from ..core.terrain.places import Places
from .details import PATROL_PLACES, PRIORITY_PLACES, PlaceList
from .findings import ReportContext
from .wording import NBSP, counted_events, fixed, many, number, percent, range_of


@dataclass(frozen=True, slots=True)
class OnLaterEvents:
    """How the lists did on later events beside prior counts; None for one that is empty or was not measured."""

    priority: SameArea | None = None
    patrol: SameArea | None = None


def place_lists(
    context: ReportContext,
    grid: Grid,
    places: Places,
    patrols: PatrolPlaces | None = None,
    measured: OnLaterEvents | None = None,
) -> tuple[PlaceList, ...]:
    """Priority places, and patrol places where there is a forecast."""
    lists = [_priority(context, grid, places, measured.priority if measured else None)]
    if patrols is not None:
        lists.append(_patrol(context, grid, patrols, measured.patrol if measured else None))
    return tuple(lists)


def _priority(context: ReportContext, grid: Grid, places: Places, measured: SameArea | None) -> PlaceList:
    share = places.cells / grid.cells
    purpose = "Priority places show where to work on what drives the events: "
    if not places.places:
        return PlaceList(PRIORITY_PLACES, 0, 0.0, f"{purpose}there is none.", None)
    number_of = many(len(places.places), "place")
    sentence = f"{purpose}{number_of} on {percent(share)} of the area, with the factors at work in each."
    return PlaceList(PRIORITY_PLACES, len(places.places), share, f"{sentence}{_later(measured, context)}", measured)


def _patrol(context: ReportContext, grid: Grid, patrols: PatrolPlaces, measured: SameArea | None) -> PlaceList:
    share = patrols.cells / grid.cells
    purpose = "Patrol places show where to be present: "
    if not patrols.places:
        return PlaceList(PATROL_PLACES, 0, 0.0, f"{purpose}there is none.", None)
    number_of = many(len(patrols.places), "place")
    sentence = (
        f"{purpose}{number_of} on {percent(share)} of the area, where {percent(patrols.share)} of the coming events "
        "are expected."
    )
    return PlaceList(PATROL_PLACES, len(patrols.places), share, f"{sentence}{_later(measured, context)}", measured)


def _later(measured: SameArea | None, context: ReportContext) -> str:
    """What a list held of the later events, and what prior counts held on the same area."""
    if measured is None:
        return ""
    events = counted_events(measured.events, "later event", context.later_events, short_period(context.later_period))
    return (
        f" They held {percent(measured.hit_rate)} of {events}, PAI {number(measured.pai)}; as many cells with the "
        f"highest prior counts held {range_of(measured.rival_hit_rate)}, PAI {number(measured.rival_pai.expected)}"
        f"{_gap(measured)}."
    )


def _gap(measured: SameArea) -> str:
    if not (math.isfinite(measured.lower) and math.isfinite(measured.upper)):
        return ""
    difference = fixed(100 * (measured.hit_rate - measured.rival_hit_rate.expected), 1)
    ends = f"{fixed(100 * measured.lower, 1)} to {fixed(100 * measured.upper, 1)}"
    chance = ", which chance alone may explain" if measured.lower <= 0 <= measured.upper else ""
    return f": a difference of {difference} points, 95{NBSP}% interval {ends}{chance}"
