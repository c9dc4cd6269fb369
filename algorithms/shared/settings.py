"""Settings that core declares, as parameters of an algorithm, and the parameters of a run as settings."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from qgis.core import (
    Qgis,
    QgsProcessingParameterArea,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterDistance,
    QgsProcessingParameterEnum,
    QgsProcessingParameterNumber,
)

from ...rtm_plugin.core.documents.declaration import SHORTEST, Setting, default_of, settings_of
from .base import RtmAlgorithm, tr
from .request import Request

Parameters = dict[str, Any]
Settings = TypeVar("Settings")

PATROL = "PATROL_"  # begins the settings of patrol places where those of priority places stand beside them
OF_ONE_FACTOR = ("direction", "density_sd", "density_percent")  # of single factors only, in FACTOR_SETTINGS


def choice(name: str, label: str, options: Sequence[str], default: str) -> QgsProcessingParameterEnum:
    """An enumeration of static strings, so that JSON reads as words."""
    return QgsProcessingParameterEnum(name, label, list(options), defaultValue=default, usesStaticStrings=True)


def whole_number(name: str, label: str, default: int, least: int, most: int) -> QgsProcessingParameterNumber:
    """A whole number between bounds."""
    return QgsProcessingParameterNumber(
        name, label, Qgis.ProcessingNumberParameterType.Integer, default, minValue=least, maxValue=most
    )


def add_settings(
    algorithm: RtmAlgorithm,
    kind: type[Any],
    *,
    parent: str = "",
    without: Sequence[str] = (),
    all_advanced: bool = False,
    prefix: str = "",
) -> None:
    """A parameter for each setting that a dataclass declares, in its order.

    Parameters
    ----------
    parent : str
        The parameter whose layer has the map units of lengths and areas.
    without : sequence of str
        Fields that are no parameter of this algorithm and keep their defaults.
    all_advanced : bool
        Whether a dialog folds all of them away.
    prefix : str
        Begins the names of the parameters, where an algorithm has others of the same name.
    """
    for name, declared in settings_of(kind).items():
        if name not in without:
            definition = _definition(
                replace(declared, parameter=prefix + declared.parameter), default_of(kind, name), parent
            )
            algorithm.add(definition, tr(declared.help), advanced=declared.advanced or all_advanced)


def _definition(declared: Setting, default: Any, parent: str) -> QgsProcessingParameterDefinition:
    name, label, optional = declared.parameter, tr(declared.label), declared.optional
    if declared.kind == "choice":
        return choice(name, label, declared.choices, default)
    if declared.kind == "switch":
        return choice(name, label, ("yes", "no"), "yes" if default else "no")
    if declared.kind == "whole":
        return whole_number(name, label, default, int(declared.least), int(declared.most))
    if declared.kind == "length":
        return QgsProcessingParameterDistance(name, label, default, parent, optional, minValue=SHORTEST)
    if declared.kind == "area":
        return QgsProcessingParameterArea(name, label, default, parent, optional, minValue=0.0)
    bounds = {"minValue": declared.least, "maxValue": declared.most}
    double = Qgis.ProcessingNumberParameterType.Double
    return QgsProcessingParameterNumber(
        name, label, double, default, optional, **{key: value for key, value in bounds.items() if math.isfinite(value)}
    )


def read_settings(
    request: Request,
    kind: Callable[..., Settings],
    prefix: str = "",
    **given: Any,
) -> Settings:
    """The settings that an algorithm was asked for; those that it has no parameter for keep their defaults.

    `prefix` begins the names of the parameters. `given` are the fields that are no settings, such as the name of a
    factor.

    Raises
    ------
    SettingsError
        An impossible value.
    """
    values = {
        name: _value(request, declared, prefix + declared.parameter)
        for name, declared in settings_of(kind).items()
        if request.has(prefix + declared.parameter)
    }
    return kind(**given, **values)


def _value(request: Request, declared: Setting, name: str) -> Any:
    if declared.optional:
        # A dialog cannot empty an area, but sets it to 0, which means the same.
        return (request.number(name) or None) if request.given(name) else None
    if declared.kind == "choice":
        return request.choice(name)
    if declared.kind == "switch":
        return request.switch(name)
    if declared.kind == "whole":
        return request.whole(name)
    return request.number(name)
