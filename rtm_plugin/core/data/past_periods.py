"""The fitting window cut into periods, so that a forecast can learn from earlier ones what lasts to the later."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..documents.periods import Dates, Period, after
from .coverage import Coverage

_CUTS = ((12, 4), (6, 4), (3, 4), (12, 2), (6, 2), (3, 2))  # months of a period, and how many of them there must be
_LEAST_EVENTS = 50  # in each period: fewer tell chance, and not what lasts
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, eq=False)
class PastPeriod:
    """A part of the fitting window.

    Parameters
    ----------
    period : Period
    events : (m,) bool, which of the window's events are in it
    days : int
        That the events can be taken to cover.
    """

    period: Period
    events: NDArray[np.bool_]
    days: int


def past_periods(dates: Dates, coverage: Coverage) -> tuple[PastPeriod, ...]:
    """The window in whole years, halves or quarters, oldest first: the longest of which there are four, else two.

    They are counted back from the window's end; what is left at its beginning is a period of its own when it is at
    least half as long as the others, else a part of the oldest. Each has fifty events at least, and none cuts a month
    of which the days are not known.

    Parameters
    ----------
    dates : Dates of m events, all of them in the window
    coverage : Coverage of the window

    Returns
    -------
    tuple of PastPeriod; empty where the window cannot be cut so

    Examples
    --------
    >>> from .coverage import coverage
    >>> months = [Period.parse(f"2018-{month:02}") for month in range(1, 13) for _ in range(20)]
    >>> dates = Dates.of(months, "'Month' of 'crime'")
    >>> [one.period.short for one in past_periods(dates, coverage(dates, Period()))][:2]
    ['January 2018 to March 2018', 'April 2018 to June 2018']
    """
    for months, least in _CUTS:
        pieces = list(_pieces(coverage.covered, months))
        if len(pieces) < least:
            continue
        inside = [dates.within(piece) for piece in pieces]
        numbers = [int(np.count_nonzero(mask)) for mask in inside]
        days = [_days_covered(piece, coverage) for piece in pieces]
        if min(numbers) >= _LEAST_EVENTS and sum(numbers) == len(dates.first) and min(days) > 0:
            return tuple(map(PastPeriod, pieces, inside, days))
    return ()


def _pieces(window: Period, months: int) -> Iterator[Period]:
    """The window in stretches of so many months, oldest first."""
    if window.start is None or window.end is None:
        return
    start, beyond = window.start, window.end + _DAY
    number = 1
    while after(beyond, -months * number, "months") > start:
        number += 1
    edges = [start, *(after(beyond, -months * k, "months") for k in range(number - 1, 0, -1)), beyond]
    if len(edges) > 2 and 2 * (edges[1] - edges[0]).days < (edges[2] - edges[1]).days:
        del edges[1]
    for first, last in pairwise(edges):
        yield Period(first, last - _DAY)


def _days_covered(piece: Period, coverage: Coverage) -> int:
    """Days of a piece without the stretches of missing data in it."""
    lost = 0
    for stretch in coverage.missing:
        if stretch.start and stretch.end and piece.start and piece.end and piece.overlaps(stretch):
            lost += (min(stretch.end, piece.end) - max(stretch.start, piece.start)).days + 1
    return (piece.days or 0) - lost
