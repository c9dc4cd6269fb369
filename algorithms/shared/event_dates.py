"""Parameters that say when events happened and how many a row is, and the reading of events in a window."""

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsProcessingParameterDateTime,
    QgsProcessingParameterField,
)

from ...rtm_plugin.adapters.layers import ReadLayer
from ...rtm_plugin.core.documents.periods import Period
from ...rtm_plugin.core.errors import InputError
from .base import RtmAlgorithm, tr
from .parameters import read_source
from .request import Request


def add_event_dates(algorithm: RtmAlgorithm, parent: str = "EVENTS", optional: bool = True) -> None:
    """EVENT_DATE_FIELD."""
    algorithm.add(
        QgsProcessingParameterField(
            "EVENT_DATE_FIELD", tr("Date field of the events"), parentLayerParameterName=parent, optional=optional
        ),
        tr(
            "The field that says when each event happened: dates, dates with times, text such as 2018-03-05, or months "
            "such as 2018-03. Events without a date are counted and left out. The period of the events is kept with "
            "the results."
        ),
        advanced=optional,
    )


def add_weight_field(algorithm: RtmAlgorithm, text: str, parent: str = "EVENTS") -> None:
    """WEIGHT_FIELD; `text` is its help."""
    algorithm.add(
        QgsProcessingParameterField(
            "WEIGHT_FIELD",
            tr("Weight field"),
            parentLayerParameterName=parent,
            type=Qgis.ProcessingFieldParameterDataType.Numeric,
            optional=True,
        ),
        text,
        advanced=True,
    )


def add_window(algorithm: RtmAlgorithm, prefix: str, what: str) -> None:
    """<prefix>START and <prefix>END, which may each be empty; `what` happens in them."""
    for name, label, text in (
        ("START", tr("First day of the {}"), tr("Earlier events are left out. Empty for no limit.")),
        ("END", tr("Last day of the {}"), tr("Later events are left out; the day itself counts. Empty for no limit.")),
    ):
        algorithm.add(
            QgsProcessingParameterDateTime(
                prefix + name, label.format(what), Qgis.ProcessingDateTimeParameterDataType.Date, optional=True
            ),
            text,
            advanced=True,
        )


def window_of(request: Request, prefix: str) -> Period:
    """The window that the parameters of add_window hold; unlimited for an algorithm that has none of this prefix.

    Raises
    ------
    SettingsError
        It ends before it starts.
    """
    if not request.has(prefix + "START"):
        return Period()
    return Period(request.day(prefix + "START"), request.day(prefix + "END"))


def read_events(
    request: Request,
    name: str,
    crs: QgsCoordinateReferenceSystem,
    window: Period,
    *,
    value_field: str = "",
) -> ReadLayer:
    """Read points with the dates of EVENT_DATE_FIELD, those of a window only where one is given.

    Raises
    ------
    InputError
        A window without a date field, dates that cannot be read, or no event in the window.
    """
    field = request.text("EVENT_DATE_FIELD")
    require_date_field(field, window)
    read = read_points(request, name, crs, field, value_field=value_field)
    return read.during(window, request.feedback) if window.known else read


def read_points(
    request: Request,
    name: str,
    crs: QgsCoordinateReferenceSystem,
    date_field: str,
    *,
    value_field: str = "",
    demanded: bool = True,
) -> ReadLayer:
    """Events with their dates; a layer that lacks the field is read without, unless the dates are demanded."""
    source = request.source(name)
    dated = demanded or (source is not None and source.fields().lookupField(date_field) >= 0)
    return read_source(
        request,
        name,
        crs,
        wanted="point",
        value_field=value_field,
        date_field=date_field if dated else "",
        rows=True,
    )


def require_date_field(field: str, window: Period) -> None:
    """Refuse a window where nothing says when the events happened."""
    if window.known and not field:
        raise InputError(
            f"The window {window.text} is given, but not the field that says when the events happened; choose the date "
            "field, or leave the dates empty."
        )
