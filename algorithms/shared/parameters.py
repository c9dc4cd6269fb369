"""Parameters that several algorithms share, and how they become settings."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsFeatureSource,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterArea,
    QgsProcessingParameterDistance,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
)

from ...rtm_plugin.adapters.crs import require_projected
from ...rtm_plugin.adapters.layers import (
    ReadLayer,
    chosen_names,
    layer_choice,
    layer_name,
    read_layer,
)
from ...rtm_plugin.adapters.trusted_filters import require_harmless_filter
from ...rtm_plugin.core.candidates.covariates import Covariates
from ...rtm_plugin.core.documents.filter_words import place_noun
from ...rtm_plugin.core.documents.layer_words import MOST_NAMES, is_generic
from ...rtm_plugin.core.documents.reading import parse_json, read_text
from ...rtm_plugin.core.documents.settings import (
    CELL_RULES,
    DIRECTIONS,
    FAMILY_CHOICES,
    GRID_ORIGINS,
    INCREMENTS,
    MAX_BLOCKS,
    OPERATIONALISATIONS,
    PLACE_RULES,
    FactorSettings,
    GridSettings,
    LayerSettings,
    PlaceSettings,
    SelectionSettings,
    layer_settings,
)
from ...rtm_plugin.core.errors import InputError
from ...rtm_plugin.core.ground.grid import Grid
from .base import RtmAlgorithm, tr
from .inputs import layer_behind

Parameters = dict[str, Any]


def choice(name: str, label: str, options: Sequence[str], default: str) -> QgsProcessingParameterEnum:
    """An enumeration of static strings, so that JSON reads as words."""
    return QgsProcessingParameterEnum(name, label, list(options), defaultValue=default, usesStaticStrings=True)


def whole_number(name: str, label: str, default: int, least: int, most: int) -> QgsProcessingParameterNumber:
    """A whole number between bounds."""
    return QgsProcessingParameterNumber(
        name, label, Qgis.ProcessingNumberParameterType.Integer, default, minValue=least, maxValue=most
    )


def add_study_area(algorithm: RtmAlgorithm) -> None:
    """STUDY_AREA."""
    algorithm.add(
        QgsProcessingParameterFeatureSource("STUDY_AREA", tr("Study area"), [Qgis.ProcessingSourceType.VectorPolygon]),
        tr(
            "Polygons of the area to study, in a projected coordinate reference system (for Great Britain "
            "EPSG:27700). 'Selected features only' chooses one of many areas."
        ),
    )


def add_grid(algorithm: RtmAlgorithm) -> None:
    """BLOCK_LENGTH, CELL_SIZE, CELL_RULE, GRID_ORIGIN, EXCLUDE."""
    algorithm.add(
        QgsProcessingParameterDistance("BLOCK_LENGTH", tr("Block length"), 200.0, "STUDY_AREA", minValue=0.001),
        tr("Mean length of a street block. Spatial influences are steps of half or whole blocks."),
    )
    algorithm.add(
        QgsProcessingParameterDistance(
            "CELL_SIZE", tr("Cell size (half a block when empty)"), None, "STUDY_AREA", optional=True, minValue=0.001
        ),
        tr("Side of the square cells; leave empty for half the block length, which is the standard."),
        advanced=True,
    )
    algorithm.add(
        choice("CELL_RULE", tr("Cells are kept that"), CELL_RULES, "intersects"),
        tr(
            "'intersects' keeps a cell that shares ground with the study area; 'centre' keeps it when its centre lies "
            "inside."
        ),
        advanced=True,
    )
    algorithm.add(
        choice("GRID_ORIGIN", tr("Grid origin"), GRID_ORIGINS, "aligned"),
        tr(
            "'aligned' puts cell edges at multiples of the cell size, so that neighbouring areas and later runs share "
            "cells; 'corner' starts at the lower left corner of the study area."
        ),
        advanced=True,
    )
    algorithm.add(
        QgsProcessingParameterFeatureSource(
            "EXCLUDE", tr("Excluded ground"), [Qgis.ProcessingSourceType.VectorPolygon], optional=True
        ),
        tr("Polygons of water, airfields or farmland, say: a cell wholly inside one is dropped from the grid."),
        advanced=True,
    )


def grid_settings(algorithm: RtmAlgorithm, parameters: Parameters, context: QgsProcessingContext) -> GridSettings:
    """Settings of the grid from the parameters of add_grid."""
    size = (
        algorithm.parameterAsDouble(parameters, "CELL_SIZE", context) if parameters.get("CELL_SIZE") is not None else 0
    )
    return GridSettings(
        algorithm.parameterAsDouble(parameters, "BLOCK_LENGTH", context),
        size or None,
        algorithm.parameterAsEnumString(parameters, "CELL_RULE", context),
        algorithm.parameterAsEnumString(parameters, "GRID_ORIGIN", context),
    )


def add_influence(algorithm: RtmAlgorithm) -> None:
    """OPERATIONALISATION, MAX_BLOCKS, INCREMENT."""
    algorithm.add(
        choice("OPERATIONALISATION", tr("Operationalisation"), OPERATIONALISATIONS, "both"),
        tr(
            "'proximity': being within a distance of a feature matters; 'density': a concentration of features "
            "matters; 'both' lets the model decide."
        ),
    )
    algorithm.add(
        whole_number("MAX_BLOCKS", tr("Largest spatial influence, in blocks"), 3, 1, MAX_BLOCKS),
        tr("How many blocks from a feature its influence may reach, 1 to 4."),
    )
    algorithm.add(
        choice("INCREMENT", tr("Increment"), INCREMENTS, "half"),
        tr("Whether spatial influences are tried in steps of half a block or of a whole block."),
    )


def add_density_sd(algorithm: RtmAlgorithm) -> None:
    """DENSITY_SD and DIRECTION, of one factor."""
    algorithm.add(
        choice("DIRECTION", tr("Direction"), DIRECTIONS, "aggravating"),
        tr("Whether the factor is expected to raise risk ('aggravating') or to lower it ('protective')."),
    )
    algorithm.add(
        QgsProcessingParameterNumber(
            "DENSITY_SD",
            tr("Dense means: mean plus this many standard deviations"),
            Qgis.ProcessingNumberParameterType.Double,
            2.0,
            minValue=0.0,
            maxValue=10.0,
        ),
        tr(
            "A cell counts as dense when the density at its centre is at least the mean plus this many standard "
            "deviations."
        ),
        advanced=True,
    )


def factor_settings(
    algorithm: RtmAlgorithm, parameters: Parameters, context: QgsProcessingContext, name: str
) -> FactorSettings:
    """Settings of one factor; DIRECTION and DENSITY_SD keep their defaults where an algorithm has no such parameter."""
    own = {d.name() for d in algorithm.parameterDefinitions()}
    more: dict[str, Any] = {}
    if "DIRECTION" in own:
        more["direction"] = algorithm.parameterAsEnumString(parameters, "DIRECTION", context)
        more["density_sd"] = algorithm.parameterAsDouble(parameters, "DENSITY_SD", context)
    return FactorSettings(
        name,
        algorithm.parameterAsEnumString(parameters, "OPERATIONALISATION", context),
        algorithm.parameterAsInt(parameters, "MAX_BLOCKS", context),
        algorithm.parameterAsEnumString(parameters, "INCREMENT", context),
        **more,
    )


def add_selection(algorithm: RtmAlgorithm) -> None:
    """FAMILY, FOLDS, SEED, CULL."""
    algorithm.add(
        choice("FAMILY", tr("Family"), FAMILY_CHOICES, "auto"),
        tr(
            "Distribution of the counts. 'auto' tries Poisson and NB1 (the negative binomial of RTMDx) and keeps the "
            "lower BIC; 'all' tries NB2 as well."
        ),
        advanced=True,
    )
    algorithm.add(
        whole_number("FOLDS", tr("Folds of the cross-validation"), 5, 2, 50),
        tr("In how many parts the cells are split when the penalty of the elastic net is chosen."),
        advanced=True,
    )
    algorithm.add(
        whole_number("SEED", tr("Seed"), 1, 0, 2**31 - 1),
        tr("Seeds the split in folds, the only random step: the same seed gives the same model."),
        advanced=True,
    )
    algorithm.add(
        choice("CULL", tr("Cull candidates with an elastic net first"), ("yes", "no"), "yes"),
        tr("'yes' is the standard method; 'no' lets the stepwise selection see all candidates."),
        advanced=True,
    )


def selection_settings(
    algorithm: RtmAlgorithm, parameters: Parameters, context: QgsProcessingContext
) -> SelectionSettings:
    """Settings of the selection from the parameters of add_selection."""
    return SelectionSettings(
        algorithm.parameterAsEnumString(parameters, "FAMILY", context),
        algorithm.parameterAsInt(parameters, "FOLDS", context),
        algorithm.parameterAsInt(parameters, "SEED", context),
        algorithm.parameterAsEnumString(parameters, "CULL", context) == "yes",
    )


def add_covariates(algorithm: RtmAlgorithm) -> None:
    """EXPOSURE and ADJUST."""
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


def read_covariates(
    algorithm: RtmAlgorithm, parameters: Parameters, context: QgsProcessingContext, grid: Grid
) -> Covariates | None:
    """Values of EXPOSURE and ADJUST in the grid's cells; None when neither is given."""
    exposure, name, adjust = None, "", []
    if parameters.get("EXPOSURE"):
        raster = algorithm.raster(parameters, "EXPOSURE", context, "exposure")
        exposure, name = raster.values_on(grid), raster.name
    if parameters.get("ADJUST"):
        rasters = algorithm.rasters(parameters, "ADJUST", context, "adjustment")
        adjust = [(raster.name, raster.values_on(grid)) for raster in rasters]
    if exposure is None and not adjust:
        return None
    return Covariates(exposure, name, tuple(adjust))


def add_places(algorithm: RtmAlgorithm, parent: str) -> None:
    """RULE, VALUE, MAX_AREA."""
    algorithm.add(
        choice("RULE", tr("Which cells become priority places"), PLACE_RULES, "class"),
        tr(
            "'class': cells above the mean plus VALUE standard deviations; 'share': the VALUE percent of cells with "
            "the highest scores; 'count': the VALUE highest-scored cells."
        ),
    )
    algorithm.add(
        QgsProcessingParameterNumber(
            "VALUE", tr("Value of the rule"), Qgis.ProcessingNumberParameterType.Double, 2.0, minValue=0.0
        ),
        tr("For 'class' 0, 1 or 2; for 'share' a percentage; for 'count' a number of cells."),
    )
    algorithm.add(
        QgsProcessingParameterArea(
            "MAX_AREA", tr("Largest area of one place"), None, parent, optional=True, minValue=0.0
        ),
        tr(
            "A sprawling place is split in parts no larger than this, in the map's square units; leave empty to keep "
            "it whole."
        ),
    )


def place_settings(algorithm: RtmAlgorithm, parameters: Parameters, context: QgsProcessingContext) -> PlaceSettings:
    """Settings of the priority places from the parameters of add_places."""
    area = algorithm.parameterAsDouble(parameters, "MAX_AREA", context) if parameters.get("MAX_AREA") is not None else 0
    return PlaceSettings(
        algorithm.parameterAsEnumString(parameters, "RULE", context),
        algorithm.parameterAsDouble(parameters, "VALUE", context),
        area or None,
    )


def source_name(
    algorithm: RtmAlgorithm, parameters: Parameters, name: str, source: QgsFeatureSource, context: QgsProcessingContext
) -> str:
    """The name of the layer behind a source."""
    layer = layer_behind(algorithm, parameters, name, context)
    return layer_name(layer) if layer is not None else source.sourceName()


def read_source(
    algorithm: RtmAlgorithm,
    parameters: Parameters,
    name: str,
    crs: Any,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    *,
    wanted: str = "",
    value_field: str = "",
    date_field: str = "",
    name_field: str | None = None,
    dissolve: bool = False,
    rows: bool = False,
) -> ReadLayer:
    """Read a feature-source input and tell what was noticed."""
    source = algorithm.parameterAsSource(parameters, name, context)
    if source is None:
        raise InputError(algorithm.invalidSourceError(parameters, name))
    label = source_name(algorithm, parameters, name, source, context)
    read = read_layer(
        source,
        label,
        crs,
        context,
        feedback,
        wanted=wanted,
        value_field=value_field,
        date_field=date_field,
        name_field=name_field,
        dissolve=dissolve,
        rows=rows,
    )
    layer = layer_behind(algorithm, parameters, name, context)
    read.report.choice = layer_choice(label, layer, source=parameters.get(name))
    read.report.tell(feedback)
    return read


def read_study_area(
    algorithm: RtmAlgorithm, parameters: Parameters, context: QgsProcessingContext, feedback: QgsProcessingFeedback
) -> tuple[ReadLayer, Any]:
    """The study area's polygons and CRS; one that is untrue at its place is refused."""
    source = algorithm.parameterAsSource(parameters, "STUDY_AREA", context)
    if source is None:
        raise InputError(algorithm.invalidSourceError(parameters, "STUDY_AREA"))
    crs = source.sourceCrs()
    name = source_name(algorithm, parameters, "STUDY_AREA", source, context)
    require_projected(crs, name)
    read = read_source(algorithm, parameters, "STUDY_AREA", crs, context, feedback, wanted="polygon")
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
