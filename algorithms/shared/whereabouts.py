"""STREETS and AREAS, by which places are told, and the words for each place."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsFields,
    QgsProcessingContext,
    QgsProcessingParameterFeatureSource,
)

from ...rtm_plugin.adapters.crs import Extent, crs_of
from ...rtm_plugin.adapters.fields import guessed_name_field
from ...rtm_plugin.adapters.layers import geometry_of
from ...rtm_plugin.adapters.positions import position_text
from ...rtm_plugin.adapters.read_layers import ReadLayer
from ...rtm_plugin.core.errors import InputError
from ...rtm_plugin.core.ground.grid import Grid
from ...rtm_plugin.core.terrain.places import Places, Whereabouts
from ...rtm_plugin.core.terrain.whereabouts import Surroundings, told_where, whereabouts
from .base import RtmAlgorithm, tr
from .parameters import read_source, source_name
from .request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class StreetsAndAreas:
    """The two layers as they were read; None where they are not given."""

    streets: ReadLayer | None = None
    areas: ReadLayer | None = None

    @property
    def all(self) -> list[tuple[str, ReadLayer]]:
        """Role and layer of each that is given."""
        both = (("streets", self.streets), ("areas", self.areas))
        return [(role, read) for role, read in both if read is not None]


def add_streets_and_areas(algorithm: RtmAlgorithm) -> None:
    """STREETS and AREAS."""
    source = QgsProcessingParameterFeatureSource
    algorithm.add(
        source("STREETS", tr("Streets, to tell places by"), [Qgis.ProcessingSourceType.VectorLine], optional=True),
        tr(
            "Each place is told by the nearest of these lines that has a name, and the maps of the cards show them. "
            "Names come from a text field called name, title, label or name1, or one that ends in name."
        ),
        advanced=True,
    )
    algorithm.add(
        source("AREAS", tr("Areas, to tell places by"), [Qgis.ProcessingSourceType.VectorPolygon], optional=True),
        tr(
            "Wards, beats or neighbourhoods: each place is told by the one that holds most of its cells. Names come "
            "from a text field called name, title or label, or one that ends in name or as WD24NM does."
        ),
        advanced=True,
    )


def read_streets_and_areas(request: Request, crs: QgsCoordinateReferenceSystem, extent: Extent) -> StreetsAndAreas:
    """Both layers, as far as they are given, in a CRS; only what lies on the maps of places within an extent.

    Raises
    ------
    InputError
        A layer that cannot be used.
    """
    near = _with_surroundings(extent)
    return StreetsAndAreas(
        streets=_read(request, "STREETS", "line", crs, near), areas=_read(request, "AREAS", "polygon", crs, near)
    )


def _with_surroundings(extent: Extent) -> Extent:
    """Wider by half of the longer side, as the square map around a long place at the edge is."""
    x0, y0, x1, y1 = extent
    half = max(x1 - x0, y1 - y0) / 2
    return x0 - half, y0 - half, x1 + half, y1 + half


def _read(
    request: Request, name: str, wanted: str, crs: QgsCoordinateReferenceSystem, near: Extent
) -> ReadLayer | None:
    if not request.given(name):
        return None
    source = request.needed_source(name)
    label = source_name(request, name, source)
    geometry_of(source, label, wanted)
    field = guessed_name_field(source.fields())
    if not field and name == "AREAS":
        raise InputError(nameless_areas(label))
    read = read_source(request, name, crs, wanted=wanted, name_field=field or None, near=near)
    if not field:
        request.feedback.pushWarning(nameless_streets(label))
    return read


def nameless_areas(label: str) -> str:
    """The refusal of areas that cannot tell a place."""
    return tr(
        "The layer '{}' has no text field of names (name, title, label, or one that ends in name), so its areas cannot "
        "tell where places are; add such a field, or choose another layer."
    ).format(label)


def nameless_streets(label: str) -> str:
    """The warning of streets that can only be drawn."""
    return tr(
        "The layer '{}' has no text field of names (name, title, label, or one that ends in name), so its streets are "
        "drawn on the cards and not told."
    ).format(label)


def can_name(fields: QgsFields) -> bool:
    """Whether a layer with these fields names its features."""
    return bool(guessed_name_field(fields))


def places_told(
    places: Places, grid: Grid, given: StreetsAndAreas, context: QgsProcessingContext, **known: Any
) -> Places:
    """The same places with the words that they are found by; `known` is what else `Surroundings` takes."""
    words = words_for(grid, places.label, len(places.places), given, context, **known)
    return replace(places, places=told_where(places.places, words))


def words_for(
    grid: Grid,
    label: NDArray[np.int64],
    count: int,
    given: StreetsAndAreas,
    context: QgsProcessingContext,
    **known: Any,
) -> tuple[Whereabouts, ...]:
    """The words for `count` places of any kind, by the number that `label` (cells,) has for each, 0 outside."""
    surroundings = Surroundings(
        position=position_text(crs_of(grid), context.transformContext()),
        streets=given.streets.by_name if given.streets is not None else None,
        areas=given.areas.by_name if given.areas is not None else None,
        **known,
    )
    return whereabouts(grid, label, count, surroundings)
