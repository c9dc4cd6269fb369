"""A study document as the parameters of rtm:run, and the file names of its results."""

from types import MappingProxyType
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingParameterFile,
)

from ..rtm_plugin.adapters.layers import layer_name
from ..rtm_plugin.adapters.study_file import OpenLayers
from ..rtm_plugin.core.errors import InputError
from ..rtm_plugin.core.study_document import LayerRef, StudyDocument, factor_settings_json
from .base import RtmAlgorithm, tr

RESULT_FILES = MappingProxyType(
    {
        "OUTPUT_TERRAIN": "terrain.tif",
        "OUTPUT_EXPECTED": "expected.tif",
        "OUTPUT_PLACES": "places.gpkg",
        "OUTPUT_MODEL": "model.json",
        "OUTPUT_TABLE": "candidates.csv",
        "OUTPUT_REPORT": "report.html",
        "OUTPUT_FINDINGS": "findings.json",
        "OUTPUT_CARDS": "cards.pdf",
        "OUTPUT_FORECAST": "forecast.tif",
        "OUTPUT_VALIDATION": "validation.html",
    }
)


def add_study(algorithm: RtmAlgorithm) -> None:
    """STUDY."""
    algorithm.add(
        QgsProcessingParameterFile("STUDY", tr("Study"), extension="json"),
        tr("The study file that the wizard saves: layers, filters, windows, factors and settings, as JSON."),
    )


def run_parameters(study: StudyDocument, context: QgsProcessingContext) -> dict[str, Any]:
    """The inputs of rtm:run, with every layer opened in the context.

    Raises
    ------
    InputError
        Something is missing, or a layer cannot be opened.
    """
    problem = study.missing()
    if problem:
        raise InputError(problem)
    layers = OpenLayers(context)
    factors = [layers.open(factor.layer) for factor in study.factors]
    found = {
        "TITLE": study.title,
        "MARKING": study.marking,
        "STUDY_AREA": source_of(layers, study.study_area),
        "EXCLUDE": source_of(layers, study.exclude),
        "EVENTS": source_of(layers, study.events),
        "TEST_EVENTS": source_of(layers, study.later_events),
        "EVENT_DATE_FIELD": study.date_field or None,
        "FIT_START": study.fit.start,
        "FIT_END": study.fit.end,
        "TEST_START": study.test.start,
        "TEST_END": study.test.end,
        "FACTORS": [layer.id() for layer in dict.fromkeys(factors)],
        "FACTOR_SETTINGS": factor_settings_json(study.factors, [layer_name(layer) for layer in factors]),
        **grid_parameters(study),
        "FAMILY": study.selection.family,
        "FOLDS": study.selection.folds,
        "SEED": study.selection.seed,
        "CULL": "yes" if study.selection.cull else "no",
        "RULE": study.places.rule,
        "VALUE": study.places.value,
        "MAX_AREA": study.places.max_area,
    }
    return {name: value for name, value in found.items() if value is not None}


def grid_parameters(study: StudyDocument) -> dict[str, Any]:
    """BLOCK_LENGTH, CELL_SIZE, CELL_RULE, GRID_ORIGIN."""
    grid = study.grid
    found = {"BLOCK_LENGTH": grid.block_length, "CELL_SIZE": grid.cell_size}
    return {**found, "CELL_RULE": grid.cell_rule, "GRID_ORIGIN": grid.grid_origin}


def source_of(layers: OpenLayers, ref: LayerRef | None) -> str | QgsProcessingFeatureSourceDefinition | None:
    """A source for an algorithm: the layer's id, or a definition with the filter."""
    if ref is None:
        return None
    layer = layers.open(ref)
    if not ref.filter:
        return layer.id()
    return QgsProcessingFeatureSourceDefinition(layer.id(), filterExpression=ref.filter)
