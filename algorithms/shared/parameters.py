"""Layers that several algorithms take, and how they are read; their settings are in settings.py."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsFeatureSource,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsVectorLayer,
)

from ...rtm_plugin.adapters.crs import Extent, crs_of, require_projected
from ...rtm_plugin.adapters.feedback import progress_of
from ...rtm_plugin.adapters.layers import (
    ReadLayer,
    chosen_names,
    layer_choice,
    layer_name,
    read_layer,
)
from ...rtm_plugin.adapters.trusted_filters import require_harmless_filter
from ...rtm_plugin.core.arrays import Floats
from ...rtm_plugin.core.candidates.city import city_adjustments
from ...rtm_plugin.core.candidates.covariates import Covariates
from ...rtm_plugin.core.documents.factor_settings import LayerSettings, layer_settings
from ...rtm_plugin.core.documents.filter_words import place_noun
from ...rtm_plugin.core.documents.layer_words import MOST_NAMES, is_generic
from ...rtm_plugin.core.documents.reading import parse_json, read_text
from ...rtm_plugin.core.documents.settings import MOST_SMOOTHING
from ...rtm_plugin.core.errors import InputError
from ...rtm_plugin.core.ground.grid import Grid
from .base import RtmAlgorithm, tr
from .request import Request

Parameters = dict[str, Any]


def add_study_area(algorithm: RtmAlgorithm) -> None:
    """STUDY_AREA."""
    algorithm.add(
        QgsProcessingParameterFeatureSource("STUDY_AREA", tr("Study area"), [Qgis.ProcessingSourceType.VectorPolygon]),
        tr(
            "Polygons of the area to study, in a projected coordinate reference system (for Great Britain "
            "EPSG:27700). 'Selected features only' chooses one of many areas."
        ),
    )


def add_exclude(algorithm: RtmAlgorithm) -> None:
    """EXCLUDE."""
    algorithm.add(
        QgsProcessingParameterFeatureSource(
            "EXCLUDE", tr("Excluded ground"), [Qgis.ProcessingSourceType.VectorPolygon], optional=True
        ),
        tr("Polygons of water, airfields or farmland, say: a cell wholly inside one is dropped from the grid."),
        advanced=True,
    )


def add_covariates(algorithm: RtmAlgorithm) -> None:
    """EXPOSURE, EXPOSURE_SMOOTHING, ADJUST and CITY."""
    algorithm.add(
        QgsProcessingParameterRasterLayer("EXPOSURE", tr("Exposure"), optional=True),
        tr(
            "Raster on the study grid of what there is in each cell for events to happen to: dwellings, street "
            "length, footfall. Rates are then per unit of it; cells with none leave the study and get no score. "
            "'Count events' on points of dwellings makes one."
        ),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterNumber(
            "EXPOSURE_SMOOTHING",
            tr("Smooth the exposure over so many cells"),
            Qgis.ProcessingNumberParameterType.Double,
            0.0,
            minValue=0.0,
            maxValue=MOST_SMOOTHING,
        ),
        tr(
            "Standard deviation, in cells, of the weights with which each cell's exposure is averaged over the cells "
            "around; 0 leaves it as it is. Where points were snapped to the next street, or people of the next cell "
            "count too, 1 or 2 fits."
        ),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterMultipleLayers(
            "ADJUST", tr("Adjustment layers"), Qgis.ProcessingSourceType.Raster, optional=True
        ),
        tr(
            "Rasters on the study grid that are always in the model, whatever the selection says, so that the risk "
            "factors are measured beside them: deprivation, population. They change the expected counts, not the "
            "scores."
        ),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterMultipleLayers(
            "CITY", tr("Where the city is"), Qgis.ProcessingSourceType.Vector, optional=True
        ),
        tr(
            "Layers that tell where people can be at all: streets, buildings, addresses, or the risk factors' own. "
            "Whether a cell has any of their features, and how much of the ground around has (smoothed over 1, 2 and 4 "
            "cells), is then always in the model, so that a factor is not called established only because it is, as "
            "events are, where the city is."
        ),
        advanced=True,
    )


def read_covariates(request: Request, grid: Grid) -> Covariates | None:
    """Values of EXPOSURE, ADJUST and CITY in the grid's cells; None when nothing is given."""
    exposure, name, adjust = None, "", []
    if request.given("EXPOSURE"):
        raster = request.raster("EXPOSURE", "exposure")
        exposure, name = raster.values_on(grid), raster.name
    if request.given("ADJUST"):
        rasters = request.rasters("ADJUST", "adjustment")
        adjust = [(raster.name, raster.values_on(grid)) for raster in rasters]
    if request.given("CITY"):
        adjust.extend(read_city(request.layers("CITY"), grid, crs_of(grid), request.context, request.feedback))
    if exposure is None and not adjust:
        return None
    return Covariates(exposure, name, tuple(adjust)).smoothed_over(grid, request.number("EXPOSURE_SMOOTHING"))


def read_city(
    layers: Sequence[QgsMapLayer],
    grid: Grid,
    crs: QgsCoordinateReferenceSystem,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
) -> tuple[tuple[str, Floats], ...]:
    """Where the city is, as adjustments of the grid's cells; none, and a warning, where it tells nothing."""
    read = []
    for layer in layers:
        name = layer_name(layer)
        if not isinstance(layer, QgsVectorLayer):
            raise InputError(f"'{name}' cannot tell where the city is; choose layers of points, lines or polygons.")
        read.append(read_layer(layer, name, crs, context, feedback, layer=layer).features)
    columns = city_adjustments(grid, read, progress_of(feedback, 0.0, 0.02))
    if not columns:
        names = ", ".join(f"'{layer_name(layer)}'" for layer in layers)
        feedback.pushWarning(
            tr("Every cell has features of {}, or none has, so where the city is tells nothing here.").format(names)
        )
    return columns


def source_name(request: Request, name: str, source: QgsFeatureSource) -> str:
    """The name of the layer behind a source."""
    layer = request.layer_behind(name)
    return layer_name(layer) if layer is not None else source.sourceName()


def read_source(
    request: Request,
    name: str,
    crs: Any,
    *,
    wanted: str = "",
    value_field: str = "",
    date_field: str = "",
    name_field: str | None = None,
    dissolve: bool = False,
    rows: bool = False,
    near: Extent | None = None,
) -> ReadLayer:
    """Read a feature-source input and tell what was noticed."""
    source = request.needed_source(name)
    label = source_name(request, name, source)
    read = read_layer(
        source,
        label,
        crs,
        request.context,
        request.feedback,
        wanted=wanted,
        value_field=value_field,
        date_field=date_field,
        name_field=name_field,
        dissolve=dissolve,
        rows=rows,
        near=near,
    )
    layer = request.layer_behind(name)
    read.report.choice = layer_choice(label, layer, source=request.given(name))
    read.report.tell(request.feedback)
    return read


def read_study_area(request: Request) -> tuple[ReadLayer, Any]:
    """The study area's polygons and CRS; one that is untrue at its place is refused."""
    source = request.needed_source("STUDY_AREA")
    crs = source.sourceCrs()
    name = source_name(request, "STUDY_AREA", source)
    require_projected(crs, name)
    read = read_source(request, "STUDY_AREA", crs, wanted="polygon")
    if not len(read.features.coordinates):
        raise InputError("The study area has no polygon; choose a polygon layer with at least one feature.")
    require_projected(crs, name, read.features.extent)
    choice = read.report.words
    if choice.is_part or is_generic(choice.layer):
        names, field = chosen_names(source, MOST_NAMES)
        read.report.choice = replace(choice, names=names, noun=place_noun(field))
    return read, crs


def read_factor_settings(given: str | dict[str, Any] | list[Any]) -> tuple[LayerSettings, ...]:
    """FACTOR_SETTINGS: JSON text, the path of a JSON file, or JSON already parsed.

    Raises
    ------
    FileFormatError, SettingsError
    InputError
        A filter holds more than a file may bring.
    """
    document: Any = given
    if isinstance(given, str):
        text = given.strip()
        if not text:
            return ()
        if not text.startswith(("{", "[")):
            text = read_text(Path(text), "factor settings file")
        document = parse_json(text, "The text of the factor settings")
    entries = layer_settings(document)
    for entry in entries:
        require_harmless_filter(entry.filter, entry.layer)
    return entries


def no_event_inside(read: ReadLayer) -> str:
    """The refusal of events that all lie elsewhere."""
    lost = read.report.without_geometry
    unread = f" ({lost:,} more have no coordinates that can be read)" if lost else ""
    return (
        f"None of the {read.report.features:,} events of {read.report.words.label}{unread} lies inside the study area; "
        "check the layer, its filter and its CRS."
    )


def source_item(role: str, read: ReadLayer) -> dict[str, Any]:
    """Provenance of one input: role, name, features, a hash of the coordinates used, how they were reprojected."""
    item = {
        "role": role,
        "name": read.report.name,
        "features": read.report.features,
        "sha256": read.features.sha256,
    }
    operation = read.report.operation
    return item if operation is None else {**item, "reprojected": operation.item()}
