"""A study document as the parameters of rtm:run, and the file names of its results."""

from types import MappingProxyType
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingParameterFile,
)

from ...rtm_plugin.adapters.layers import layer_name
from ...rtm_plugin.adapters.study_file import OpenLayers, given_study
from ...rtm_plugin.core.documents.declaration import parameters_of
from ...rtm_plugin.core.documents.factor_settings import FactorSettings
from ...rtm_plugin.core.documents.study_document import LayerRef, StudyDocument, factor_settings_json
from ...rtm_plugin.core.errors import InputError
from .base import RtmAlgorithm, tr
from .request import Request
from .settings import PATROL, choice

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
        "OUTPUT_PATROL": "patrol.gpkg",
    }
)


def add_study(algorithm: RtmAlgorithm) -> None:
    """STUDY."""
    algorithm.add(
        QgsProcessingParameterFile("STUDY", tr("Study"), extension="json"),
        tr("The study file that the wizard saves: layers, filters, windows, factors and settings, as JSON."),
    )


def add_allow_remote(algorithm: RtmAlgorithm) -> None:
    """ALLOW_REMOTE."""
    algorithm.add(
        choice("ALLOW_REMOTE", tr("Let this study open databases and services"), ("no", "yes"), "no"),
        tr(
            "A study file may name local files of known kinds only. 'yes' lets this one open databases, web services, "
            "network shares and other kinds of files; say so only when you know where the study comes from."
        ),
        advanced=True,
    )


def study_given(request: Request) -> StudyDocument:
    """The study of STUDY, held to the rules for files from someone else as ALLOW_REMOTE says.

    Raises
    ------
    FileFormatError, SettingsError, InputError
    """
    allowed = request.switch("ALLOW_REMOTE")
    return given_study(request.text("STUDY"), allowed)


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
    parameters = {
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
        **parameters_of(study.grid),
        **parameters_of(study.selection),
        **parameters_of(study.places),
        **parameters_of(study.patrol, PATROL),
        **parameters_of(study),
        "WEIGHT_FIELD": study.weight_field or None,
        "STREETS": source_of(layers, study.streets),
        "AREAS": source_of(layers, study.areas),
        **covariate_parameters(study, layers),
    }
    return {name: value for name, value in parameters.items() if value is not None}


def covariate_parameters(study: StudyDocument, layers: OpenLayers) -> dict[str, Any]:
    """EXPOSURE, ADJUST and CITY, as far as the study has them."""
    parameters: dict[str, Any] = {}
    if study.exposure is not None:
        parameters["EXPOSURE"] = layers.raster(study.exposure).id()
        parameters["EXPOSURE_SMOOTHING"] = study.exposure_smoothing
    if study.adjust:
        parameters["ADJUST"] = [layers.raster(ref).id() for ref in study.adjust]
    if study.city:
        parameters["CITY"] = [layers.open(ref).id() for ref in study.city]
    return parameters


def candidate_parameters(settings: FactorSettings) -> dict[str, Any]:
    """The settings of a factor, as rtm:operationalise has them."""
    return {"NAME": settings.name, **parameters_of(settings)}


def count_parameters(study: StudyDocument) -> dict[str, Any]:
    """Window and fields of the events to fit on, as rtm:countevents has them."""
    parameters = {"START": study.fit.start, "END": study.fit.end}
    parameters |= {"EVENT_DATE_FIELD": study.date_field, "WEIGHT_FIELD": study.weight_field}
    return {name: value for name, value in parameters.items() if value}


def source_of(layers: OpenLayers, ref: LayerRef | None) -> str | QgsProcessingFeatureSourceDefinition | None:
    """A source for an algorithm: the layer's id, or a definition with the filter."""
    if ref is None:
        return None
    layer = layers.open(ref)
    if not ref.filter:
        return layer.id()
    return QgsProcessingFeatureSourceDefinition(layer.id(), filterExpression=ref.filter)
