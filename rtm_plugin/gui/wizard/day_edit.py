"""A day, or none, written as people write days; QGIS's own date box keeps parts of today where a day is typed."""

import re
from datetime import date

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QDate, QLocale, QPoint, Qt, pyqtSignal
from qgis.PyQt.QtGui import QAction
from qgis.PyQt.QtWidgets import QCalendarWidget, QLineEdit, QToolButton

from ...adapters.feedback import tr

_NUMBERS = re.compile(r"(\d{1,4})\s*[./\s-]\s*(\d{1,2})\s*[./\s-]\s*(\d{1,4})")
_TOGETHER = re.compile(r"\d{8}")
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[.\s-]*([^\W\d_]{3,})[.,\s-]*(\d{4})")
_MONTH_FIRST = re.compile(r"([^\W\d_]{3,})[.\s-]*(\d{1,2})(?:st|nd|rd|th)?[.,\s-]+(\d{4})")
_ENGLISH = QLocale.c()
_YEARS = range(1900, 2101)


class DayEdit(QLineEdit):
    """Empty, or a day: 5 Mar 2024, 2024-03-05, 5/3/2024 in the order that the computer is set to; or by calendar."""

    edited = pyqtSignal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setPlaceholderText(tr("no limit"))
        self.setClearButtonEnabled(True)
        self.setToolTip(tr("A day such as 5 Mar 2024 or 2024-03-05; empty for no limit"))
        choose = QAction(QgsApplication.getThemeIcon("/propertyicons/temporal.svg"), tr("Choose from a calendar"), self)
        before = set(self.findChildren(QToolButton))
        self.addAction(choose, QLineEdit.ActionPosition.TrailingPosition)
        for button in set(self.findChildren(QToolButton)) - before:
            button.setObjectName(f"{name}_calendar")
        choose.triggered.connect(self._open)
        self.calendar: QCalendarWidget | None = None
        self.textChanged.connect(lambda _: self.edited.emit())
        self.editingFinished.connect(self._tidy)

    @property
    def day(self) -> str | None:
        """As ISO text; None when it is empty or no day yet."""
        written = day_of(self.text())
        return written.isoformat() if written else None

    @property
    def problem(self) -> str:
        """Why the text is no day; empty when it is one, or nothing."""
        if not self.text().strip() or self.day is not None:
            return ""
        return tr("'{}' is not a day; write it like 5 Mar 2024 or 2024-03-05, or leave the box empty.").format(
            self.text().strip()[:40]
        )

    def show_day(self, day: str | None) -> None:
        """Show a day from ISO text."""
        self.setText(_text(date.fromisoformat(day)) if day else "")

    def _tidy(self) -> None:
        """Write the day out, so that 3/4/2024 shows which of two days it was taken for."""
        day = day_of(self.text())
        if day is not None and self.text() != _text(day):
            self.setText(_text(day))

    def _open(self) -> None:
        self.calendar = QCalendarWidget(self)
        self.calendar.setObjectName(f"{self.objectName()}_days")
        self.calendar.setWindowFlags(Qt.WindowType.Popup)
        if self.day is not None:
            self.calendar.setSelectedDate(QDate.fromString(self.day, Qt.DateFormat.ISODate))
        self.calendar.clicked.connect(self._chosen)
        self.calendar.activated.connect(self._chosen)
        self.calendar.move(self.mapToGlobal(QPoint(0, self.height())))
        self.calendar.show()

    def _chosen(self, day: QDate) -> None:
        if self.calendar is not None:
            self.calendar.close()
            self.calendar.deleteLater()
            self.calendar = None
            self.show_day(day.toString(Qt.DateFormat.ISODate))


def day_of(text: str, day_first: bool | None = None) -> date | None:
    """The day that a text means; None where it means none.

    Parameters
    ----------
    text : str
    day_first : bool, optional
        Whether 3/4/2024 is in April; as the computer's own dates are when None.
    """
    text = text.strip().casefold()
    if day_first is None:
        day_first = _local_order()
    if _TOGETHER.fullmatch(text):
        return _together(text, day_first)
    numbers = _NUMBERS.fullmatch(text)
    if numbers:
        return _numbers(*numbers.groups(), day_first)
    named = _DAY_FIRST.fullmatch(text)
    if named:
        return _date(named[3], _month(named[2]), named[1])
    named = _MONTH_FIRST.fullmatch(text)
    return _date(named[3], _month(named[1]), named[2]) if named else None


def _local_order() -> bool:
    """Whether days come before months on this computer."""
    pattern = QLocale().dateFormat(QLocale.FormatType.ShortFormat)
    return pattern.find("d") < pattern.find("M")


def _together(text: str, day_first: bool) -> date | None:
    """20240305, or 05032024."""
    return _date(text[:4], text[4:6], text[6:]) or _numbers(text[:2], text[2:4], text[4:], day_first)


def _numbers(first: str, second: str, third: str, day_first: bool) -> date | None:
    """Year, month, day; or day and month in the order of the place, where only one of them can be the month."""
    if len(first) == 4:
        return _date(first, second, third)
    if len(third) != 4:
        return None
    both = _date(third, second, first), _date(third, first, second)
    wanted, other = both if day_first else both[::-1]
    return wanted or other


def _date(year: str, month: str | int, day: str) -> date | None:
    try:
        day_given = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return day_given if day_given.year in _YEARS else None


def _month(name: str) -> int:
    """The number of a month, from its English or local name or the first letters of it; 0 for other words."""
    for locale in (_ENGLISH, QLocale()):
        for number in range(1, 13):
            if locale.monthName(number, QLocale.FormatType.LongFormat).casefold().startswith(name):
                return number
            if locale.monthName(number, QLocale.FormatType.ShortFormat).casefold().strip(".") == name:
                return number
    return 0


def _text(day: date) -> str:
    """As it is shown: 5 Mar 2024."""
    return f"{day.day} {_ENGLISH.monthName(day.month, QLocale.FormatType.ShortFormat)} {day.year}"
