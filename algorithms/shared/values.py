"""Parameter values as they were meant: numbers, words, dates; what QGIS would silently replace is refused.

QGIS reads a number that it cannot understand as 0, or as the default, and any text as "yes". Every run and every check
of a dialog begins here; what follows may use `parameterAsDouble` and its like, since the values are then of their type.
"""

import math
from collections.abc import Callable
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProperty,
    QgsVariantUtils,
)
from qgis.PyQt.QtCore import QDate, QDateTime, Qt

from ...rtm_plugin.adapters.feedback import tr
from ...rtm_plugin.adapters.fields import sound_text
from ...rtm_plugin.core.errors import InputError
from .request import Request

Parameters = dict[str, Any]

_YES, _NO = ("true", "yes", "1", "on"), ("false", "no", "0", "off")
_UNBOUNDED = 1e300  # QGIS's bounds of a number without bounds lie beyond


def typed_values(request: Request) -> Parameters:
    """The parameters of a run, with every number, word, yes or no, date and text as a plain value of its type.

    Raises
    ------
    InputError
        A value that is none of its type, or not between its bounds.
    """
    typed = dict(request.parameters)
    for definition in request.algorithm.parameterDefinitions():
        name = definition.name()
        read = _READERS.get(definition.type())
        if read is None or name not in request.parameters:
            continue
        value = _evaluated(definition, request.parameters[name], request.context)
        if isinstance(value, str) and definition.type() == "string" and not value.strip():
            typed[name] = ""  # None would bring back the default, which someone has cleared on purpose
        elif _is_empty(value):
            typed[name] = None if definition.flags() & Qgis.ProcessingParameterFlag.Optional else value
        else:
            typed[name] = read(definition, value)
    return typed


def words_of(definition: QgsProcessingParameterDefinition) -> str:
    """The sentence that names the words of a choice, since qgis_process prints numbers; empty for what is no choice."""
    if not isinstance(definition, QgsProcessingParameterEnum):
        return ""
    return tr("Words: {}.").format(", ".join(definition.options()))


def _evaluated(definition: QgsProcessingParameterDefinition, value: Any, context: QgsProcessingContext) -> Any:
    """The value itself; of an expression, what it gives."""
    if not isinstance(value, QgsProperty):
        return value
    result, fine = value.value(context.expressionContext())
    if not fine:
        raise _refusal(definition, value.asExpression(), tr("an expression that gives no value; correct it"))
    return result


def _is_empty(value: Any) -> bool:
    return value is None or QgsVariantUtils.isNull(value) or (isinstance(value, str) and not value.strip())


def _refusal(definition: QgsProcessingParameterDefinition, value: Any, wrong: str) -> InputError:
    text = sound_text(str(value))
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    return InputError(
        tr("{} ({}) is {!r}, which is {}.").format(definition.description(), definition.name(), shown, wrong)
    )


def _number(definition: QgsProcessingParameterDefinition, value: Any) -> float:
    whole = definition.type() == "number" and definition.dataType() == Qgis.ProcessingNumberParameterType.Integer
    number = _finite(value)
    if number is None or (whole and number != math.floor(number)):
        wrong = (
            tr("not a whole number; write digits only, such as 5")
            if whole
            else tr("not a number; write digits with a decimal point and without a unit, such as 200 or 12.5")
        )
        raise _refusal(definition, value, wrong)
    least, most = definition.minimum(), definition.maximum()
    if not least <= number <= most:
        raise _refusal(definition, value, _out_of(least, most))
    if whole:
        return int(number)
    return value if isinstance(value, (int, float)) else number


def _finite(value: Any) -> float | None:
    """A finite number; None where the value is none. Digits with '_', which Python would take, are no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)) or "_" in str(value):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _out_of(least: float, most: float) -> str:
    if most > _UNBOUNDED:
        return tr("too small; it must be {:.12g} or more").format(least)
    if least < -_UNBOUNDED:
        return tr("too large; it must be {:.12g} or less").format(most)
    return tr("not between its limits; it must be from {:.12g} to {:.12g}").format(least, most)


def _word(definition: QgsProcessingParameterEnum, value: Any) -> str:
    words = definition.options()
    text = str(value).strip()
    if text in words:
        return text
    place = _finite(value)
    if place is not None and place in range(len(words)):
        return words[int(place)]
    raise _refusal(definition, value, tr("not one of its words; choose one of {}").format(", ".join(words)))


def _yes_or_no(definition: QgsProcessingParameterDefinition, value: Any) -> bool:
    text = str(value).strip().casefold()
    if text not in _YES + _NO:
        raise _refusal(definition, value, tr("neither yes nor no; write true or false"))
    return text in _YES


def _day(definition: QgsProcessingParameterDefinition, value: Any) -> Any:
    day = value
    if isinstance(value, str):
        day = QDateTime.fromString(value.strip(), Qt.DateFormat.ISODate)
    elif not isinstance(value, (QDate, QDateTime)):
        return value  # Python's own dates, which QGIS reads
    if not day.isValid():
        raise _refusal(definition, value, tr("not a date; write it as year-month-day, such as 2018-03-31"))
    return day.toString(Qt.DateFormat.ISODate)[:10] if isinstance(value, str) else value


def _text(definition: QgsProcessingParameterDefinition, value: Any) -> Any:
    return sound_text(value) if isinstance(value, str) else value


_READERS: dict[str, Callable[[Any, Any], Any]] = {
    **dict.fromkeys(("number", "distance", "area", "volume", "duration", "scale"), _number),
    "enum": _word,
    "boolean": _yes_or_no,
    "datetime": _day,
    "string": _text,
}
