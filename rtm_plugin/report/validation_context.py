"""What the reader of a validation must know beside its figures."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.documents.findings import Finding
from ..core.documents.periods import Period

HEADLINE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class MapOrigin:
    """Where a map comes from: its kind of raster, and the period of the events that its model was fitted on.

    `days` is how many days its expected counts are for, before they are scaled to the test period; None where that is
    not known, or the map expects no counts.
    """

    name: str
    kind: str
    fitted: Period = field(default_factory=Period)
    days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationContext:
    """What the reader must know and the figures do not hold.

    Parameters
    ----------
    title : str
    later_events, prior_events : str
        What the events are called in a sentence; "" where there are none.
    streets, weights : str
        Names of the layer and of the weight field; "" where there is none.
    outside, left_out : float
        Later events outside the study area, and in it on ground without a cell.
    later_source : str
        Layer, filter and selection of the later events.
    tested_days : int or None
        Days that the later events cover; None when that is not known.
    tested, prior : Period
        When the later and the prior events happened, as far as it is known.
    origins : tuple of MapOrigin
    bandwidth : float
        Of the kernel density, map units; not a number without prior events.
    units : str, of the CRS, plural
    overlaps : tuple of str
        Sentences on periods that overlap although they must not, which the analyst insisted on.
    warnings : tuple of str
        Sentences collected while reading.
    data_findings : tuple of Finding
        What was noticed of the events.
    provenance : mapping
    """

    title: str
    later_events: str
    outside: float
    prior_events: str = ""
    streets: str = ""
    weights: str = ""
    tested: Period = field(default_factory=Period)
    prior: Period = field(default_factory=Period)
    origins: tuple[MapOrigin, ...] = ()
    bandwidth: float = math.nan
    units: str = "metres"
    overlaps: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    left_out: float = 0.0
    later_source: str = ""
    tested_days: int | None = None
    data_findings: tuple[Finding, ...] = ()
