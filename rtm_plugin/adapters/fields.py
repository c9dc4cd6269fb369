"""Fields of a layer: weights, and the dates of events in whatever type they are stored."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from qgis.core import QgsFeature, QgsFeatureSource, QgsFields, QgsVariantUtils
from qgis.PyQt.QtCore import QDate, QDateTime, QMetaType, Qt

from ..core.arrays import Floats
from ..core.data.repeats import NO_ID, EventRows, id_field, is_row_number
from ..core.documents.periods import Dates, Period
from ..core.errors import InputError

_NOT_OF_PLACES = ("username", "user_name", "filename", "file_name", "layername", "layer_name", "surname", "lastname")
_NAMES_OF_STATISTICS = re.compile(r"[a-z]+\d\dnm")  # boundaries of the Office for National Statistics: WD24NM


def sound_text(text: str) -> str:
    """A text that every file can hold: halves of letters that stand alone, which no encoding has, become '\ufffd'."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def number(value: object) -> float | None:
    """A value as a finite number; None when it is none."""
    try:
        parsed = float(str(value).strip())
    except ValueError:
        return None
    return parsed if math.isfinite(parsed) else None


def weight_reader(source: QgsFeatureSource, name: str, value_field: str) -> Callable[[QgsFeature], float] | None:
    """Reads the weight of a feature; None without a field.

    Raises
    ------
    InputError
        No such field; and, when called, a value that is no weight.
    """
    if not value_field:
        return None
    require_field(source, name, value_field)

    def take(feature: QgsFeature) -> float:
        weight = number(feature[value_field])
        if weight is None or weight < 0:
            raise InputError(
                f"The field '{value_field}' of '{name}' holds {str(feature[value_field])[:40]!r}; weights must be "
                "numbers of 0 or more."
            )
        return weight

    return take


def require_field(source: QgsFeatureSource, name: str, wanted: str) -> None:
    """Refuse a field that the layer lacks."""
    if source.fields().lookupField(wanted) < 0:
        raise InputError(f"The layer '{name}' has no field '{wanted}'; choose one of its fields.")


def guessed_name_field(fields: QgsFields) -> str:
    """The text field that most likely names the features; "" where none looks like it."""
    texts = [field.name() for field in fields if field.type() == QMetaType.Type.QString]
    folded = [text.casefold() for text in texts]
    for wanted in ("name", "title", "label", "name1", "name_1"):  # the last two: roads of Ordnance Survey
        if wanted in folded:
            return texts[folded.index(wanted)]
    return next((t for t, low in zip(texts, folded, strict=True) if _names_places(low)), "")


def _names_places(low: str) -> bool:
    """Whether a field of this name, in small letters, looks as if it named places."""
    return (low.endswith("name") and low not in _NOT_OF_PLACES) or bool(_NAMES_OF_STATISTICS.fullmatch(low))


def has_name(feature: QgsFeature, name_field: str) -> bool:
    """Whether the field of names holds one."""
    value = feature[name_field] if name_field else None
    return not QgsVariantUtils.isNull(value) and bool(str(value).strip())


def name_text(feature: QgsFeature, name_field: str, position: int) -> str:
    """What a feature is called: the field's value, or its position in the layer where there is none."""
    value = feature[name_field] if name_field else None
    return str(position) if QgsVariantUtils.isNull(value) else sound_text(str(value))


class RowReader:
    """Reads what tells repeated rows of events: an id, and all that stands in a row."""

    def __init__(self, fields: QgsFields) -> None:
        names = [field.name() for field in fields]
        self._id_name = id_field(names)
        self._id = names.index(self._id_name) if self._id_name else -1
        self._columns = [i for i, name in enumerate(names) if not is_row_number(name)]
        self._codes: dict[str, int] = {}
        self._contents: list[int] = []
        self._ids: list[int] = []

    def take(self, feature: QgsFeature, points: Floats) -> None:
        """Read one feature with its points; the points of a feature of several are not repeats of one another."""
        values = feature.attributes()
        texts = tuple("" if QgsVariantUtils.isNull(values[i]) else str(values[i]) for i in self._columns)
        identity = "" if self._id < 0 or QgsVariantUtils.isNull(values[self._id]) else str(values[self._id]).strip()
        for i, point in enumerate(points):
            self._contents.append(hash((texts, i, point.tobytes())))
            self._ids.append(self._codes.setdefault(identity, len(self._codes)) if identity and i == 0 else NO_ID)

    def rows(self) -> EventRows:
        """All that were read."""
        return EventRows(np.array(self._contents, np.int64), np.array(self._ids, np.int64), self._id_name)


@dataclass(slots=True, kw_only=True)
class DateColumn:
    """Collects the dates of a layer's points: dates, dates with times, ISO text, and months such as 2018-03.

    A date with a time counts for the day that is written, whatever the time zone.
    """

    name: str
    field_name: str
    periods: list[Period | None] = field(default_factory=list)
    _unlocated: list[Period | None] = field(default_factory=list)
    _read: dict[str, Period | None] = field(default_factory=dict)
    _unreadable: list[str] = field(default_factory=list)

    def take(self, feature: QgsFeature, points: int) -> None:
        """Read one feature, which has so many points; one without points is kept apart."""
        period = self._period(feature)
        if points:
            self.periods.extend([period] * points)
        else:
            self._unlocated.append(period)

    def _period(self, feature: QgsFeature) -> Period | None:
        value = feature[self.field_name]
        text = "" if QgsVariantUtils.isNull(value) else self._text(value)
        if text not in self._read:
            self._read[text] = Period.parse(text)
        period = self._read[text]
        if text and period is None:
            self._unreadable.append(text)
        return period

    def unlocated(self) -> Dates:
        """Those of the features without points."""
        return Dates.of(self._unlocated, f"the field '{self.field_name}' of '{self.name}'")

    @staticmethod
    def _text(value: object) -> str:
        if isinstance(value, QDateTime):
            value = value.date()
        return str(value.toString(Qt.DateFormat.ISODate)) if isinstance(value, QDate) else str(value).strip()

    def dates(self) -> Dates:
        """All that were read.

        Raises
        ------
        InputError
            Texts that are no dates, or no date at all.
        """
        if self._unreadable:
            raise InputError(
                f"The field '{self.field_name}' of '{self.name}' holds {len(self._unreadable):,} values that cannot be "
                f"read as dates, such as {self._unreadable[0][:40]!r}; use dates like 2018-03-05, or months like "
                "2018-03."
            )
        dates = Dates.of(self.periods, f"the field '{self.field_name}' of '{self.name}'")
        if self.periods and not dates.span.known:
            raise InputError(
                f"The field '{self.field_name}' of '{self.name}' holds no date; choose the field that says when the "
                "events happened."
            )
        return dates
