"""What is noticed of a study's factors and of its size before a model is made; every route prints the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..candidates.columns import no_feature
from ..documents.findings import Finding
from ..errors import InputError
from ..ground.features import Features, inside

EVENTS_FOR_A_FACTOR = 10  # Peduzzi et al. 1996: with fewer events a parameter, coefficients and p-values mislead
FEW_EVENTS = 100  # below: fewer than ten factors can be told at all
VERY_FEW_EVENTS = 50
VERY_FEW_CELLS = 100
FEW_CELLS = 500  # below: a cell is more than 0.2 % of the area, and the top 1 % are a handful
CELLS_FOR_AN_EVENT = 200  # above: nearly all cells are empty, and a larger cell would tell as much
CROWDED = 3.0  # mean events a cell above which cells hide what lies within them
BLOCKS_DIFFER = 1.5  # block length over the measured one, or under it
_SAME_POINTS = 0.9
_MANY_SAME_POINTS = 0.5
_LEAST_SHARED = 5
_DIGITS = 2  # of coordinates that are compared, map units


@dataclass(frozen=True, slots=True, eq=False)
class FactorLayer:
    """A risk factor as it was read: its name, features, and the largest spatial influence in map units."""

    name: str
    features: Features
    reach: float


def near_area(area: Features, features: Features, reach: float) -> NDArray[np.bool_]:
    """(m,): which rows of coordinates lie within reach of the study area's bounding box."""
    ends = features.coordinates.reshape(len(features.coordinates), -1, 2)
    x0, y0, x1, y1 = area.extent
    low, high = ends.min(axis=1), ends.max(axis=1)
    close: NDArray[np.bool_] = (high >= (x0 - reach, y0 - reach)).all(axis=1)
    close &= (low <= (x1 + reach, y1 + reach)).all(axis=1)
    if not close.any() and features.geometry == "polygon" and inside(features, area.coordinates[:, :2]).any():
        close[:] = True  # the area lies within polygons whose edges are all far away
    return close


def layer_findings(area: Features, factor: FactorLayer) -> tuple[Finding, ...]:
    """A factor that has no feature, with which nothing can go on; one without any near the area, which is left out.

    A study that is run for many areas may well have a factor that one of them lacks, so that this is no error.
    """
    if not len(factor.features.coordinates):
        return (Finding("error", no_feature(factor.name)),)
    if not near_area(area, factor.features, factor.reach).any():
        return (
            Finding(
                "warning",
                f"No feature of the risk factor '{factor.name}' lies in the study area or within its largest "
                f"influence, {factor.reach:g}, of it, so it can tell nothing.",
                "Check the layer and its CRS, or leave it out.",
                {"factor": factor.name, "features": factor.features.count, "reach": factor.reach},
            ),
        )
    return ()


def factors_findings(
    area: Features, events: Floats | None, factors: Sequence[FactorLayer], outcome: str = "events"
) -> tuple[Finding, ...]:
    """All that is to be said of the factors together: none near, the outcome among them, one given twice.

    Parameters
    ----------
    area : Features of polygons
    events : (m, 2) float64, or None where they are not known yet
    factors : sequence of FactorLayer
    outcome : str
        What the events are called.
    """
    findings = [finding for factor in factors for finding in layer_findings(area, factor)]
    usable = [factor for factor in factors if len(factor.features.coordinates)]
    if events is not None:
        events_inside = events[inside(area, events)]
        for factor in usable:
            if factor.features.geometry == "point":
                findings += _outcome(area, events_inside, factor, outcome)
    findings += _given_twice(usable)
    return tuple(findings)


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Stop at the first finding that is an error.

    Raises
    ------
    InputError
    """
    for finding in findings:
        if finding.severity == "error":
            raise InputError(finding.text)


def _outcome(area: Features, events: Floats, factor: FactorLayer, outcome: str) -> Iterator[Finding]:
    """Whether a factor's points are the events: as many at the very same coordinates, each counted once."""
    points = factor.features.coordinates
    points = points[inside(area, points)]
    if not len(points) or not len(events):
        return
    shared = _shared(events, points)
    of_events, of_factor = shared / len(events), shared / len(points)
    if shared < _LEAST_SHARED or of_events < _MANY_SAME_POINTS:
        return
    numbers: dict[str, Any] = {
        "factor": factor.name,
        "shared": shared,
        "share_of_events": of_events,
        "share_of_factor": of_factor,
    }
    if of_events >= _SAME_POINTS and of_factor >= _SAME_POINTS:
        yield Finding(
            "error",
            f"The risk factor '{factor.name}' holds the same points as the outcome '{outcome}' ({shared:,} of "
            f"{len(events):,} events have its very coordinates), so the events would explain themselves.",
            "Take it out of the factors.",
            numbers,
        )
        return
    share = f"{of_events:.0%}".replace("%", " %")
    yield Finding(
        "warning",
        f"{share} of the events '{outcome}' have the very coordinates of a point of the risk factor '{factor.name}': "
        "it seems to hold the events themselves, which would explain themselves.",
        "Take out of the factor what is counted as an event.",
        numbers,
    )


def _given_twice(factors: Sequence[FactorLayer]) -> Iterator[Finding]:
    for i, one in enumerate(factors):
        for other in factors[i + 1 :]:
            a, b = one.features, other.features
            if a.geometry != b.geometry:
                continue
            shared = _shared(a.coordinates, b.coordinates)
            if shared >= _SAME_POINTS * max(len(a.coordinates), len(b.coordinates)):
                yield Finding(
                    "warning",
                    f"The risk factors '{one.name}' and '{other.name}' hold the same features, so the model can tell "
                    "at most one of them.",
                    "Leave one out, or give each a filter of its own.",
                    {"factors": [one.name, other.name], "shared": shared},
                )


def _shared(one: Floats, other: Floats) -> int:
    """How many rows two layers of coordinates have in common, each row as often as both have it."""
    if one.shape[1] != other.shape[1]:
        return 0
    rows = np.round(np.vstack([one, other]), _DIGITS)
    _, which = np.unique(rows, axis=0, return_inverse=True)
    which = which.ravel()
    number = int(which.max()) + 1
    counts = [np.bincount(part, minlength=number) for part in (which[: len(one)], which[len(one) :])]
    return int(np.minimum(*counts).sum())


def size_findings(
    *,
    events: float,
    cells: int,
    block_length: float,
    factors: int = 0,
    measured_block: float | None = None,
) -> tuple[Finding, ...]:
    """Few events; cells that are few, crowded or nearly all empty; a block length unlike that of the streets.

    Parameters
    ----------
    events : float
        In the study area; 0 where they are not known.
    cells : int
    block_length : float, map units
    factors : int
        How many are tested.
    measured_block : float, optional
        Mean length of the street blocks, map units, where streets are at hand.
    """
    return (
        *_few_events(events, factors),
        *_cells(events, cells, block_length),
        *_blocks(block_length, measured_block),
    )


def _few_events(events: float, factors: int) -> Iterator[Finding]:
    if not 0 < events < FEW_EVENTS:
        return
    most = max(1, int(events / EVENTS_FOR_A_FACTOR))
    tested = f", and {factors} are tested" if factors > most else ""
    yield Finding(
        "warning" if events < VERY_FEW_EVENTS else "note",
        f"There are few events, {events:,.0f}: at ten for each factor they carry at most {most} "
        f"factor{'' if most == 1 else 's'}{tested}, and weak ones will not show.",
        "Use a longer period or a wider kind of event, or test fewer factors.",
        {"events": events, "factors": factors, "most_factors": most},
    )


def _cells(events: float, cells: int, block_length: float) -> Iterator[Finding]:
    numbers = {"cells": cells, "events": events, "block_length": block_length}
    if cells < FEW_CELLS:
        yield Finding(
            "warning" if cells < VERY_FEW_CELLS else "note",
            f"There are few cells, {cells:,}, for this study area at a block length of {block_length:g}: each is "
            f"{_percent(1 / cells)} of it, so the map is coarse and its highest classes are a handful of cells.",
            "Use the mean length of the blocks in this very area (rtm:blocklength), or a smaller cell size.",
            numbers,
        )
    elif events / cells > CROWDED:
        yield Finding(
            "note",
            f"Cells are large for these events: {events / cells:.1f} lie in one on average, so the map cannot tell "
            "where within a cell they are.",
            "A shorter block length or cell size would show more.",
            numbers,
        )
    if events and cells / events > CELLS_FOR_AN_EVENT:
        yield Finding(
            "note",
            f"Cells are small for these events: there are {cells / events:,.0f} for each event, so nearly all are "
            "empty.",
            "A larger cell size, or more events, would give steadier results.",
            numbers,
        )


def _blocks(block_length: float, measured: float | None) -> Iterator[Finding]:
    if measured is None or measured <= 0:
        return
    ratio = block_length / measured
    if 1 / BLOCKS_DIFFER <= ratio <= BLOCKS_DIFFER:
        return
    size, effect = ("longer", "too coarse") if ratio > 1 else ("shorter", "finer than need be")
    yield Finding(
        "warning" if ratio > 1 else "note",
        f"The block length of {block_length:g} is much {size} than the street blocks here, {measured:,.0f} on average: "
        f"cells and influences are {effect}.",
        f"Use about {measured:,.0f}.",
        {"block_length": block_length, "measured": measured},
    )


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")
