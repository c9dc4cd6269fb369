"""Sheets to take along, as PDF: a drawing with text beside and below it, and lines to be filled in by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qgis.PyQt.QtCore import QByteArray, QMarginsF, QRectF, Qt
from qgis.PyQt.QtGui import QFont, QPageLayout, QPageSize, QPainter, QPdfWriter, QPen, QTextDocument
from qgis.PyQt.QtSvg import QSvgRenderer

from ..core.errors import OutputError
from .briefing import is_whole_pdf

DPI = 300
_WIDTH, _HEIGHT, _MARGIN = 210.0, 297.0, 15.0  # A4 upright, mm
_EDGE = 7.0  # mm from the paper's edge to the middle of the marking
_TEXT, _HEADING, _MARKING = 9.5, 18.0, 11.0  # pt
_DRAWING = 92.0  # mm, width
_GAP = 6.0  # mm
_LINES = ((12.0, 27.0), (28.0, 27.0), (12.0, 27.0))  # mm: height of each line to be filled in, and room for its name


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One page.

    Parameters
    ----------
    heading, under : str
        Plain text at the top.
    drawing : str
        SVG.
    beside, below : str
        HTML as Qt's text documents know it; lengths in it are dots, DPI to an inch.
    lines : tuple of three str
        Names of what is to be filled in by hand; the middle one has the most room.
    """

    heading: str
    under: str
    drawing: str
    beside: str
    below: str
    lines: tuple[str, str, str]


def write_sheets(path: str, title: str, sheets: Sequence[Sheet], marking: str) -> None:
    """Print sheets on A4, the marking at the top and the bottom of each.

    Raises
    ------
    OutputError
    """
    writer = QPdfWriter(path)
    writer.setResolution(DPI)
    writer.setTitle(title)
    writer.setCreator("Risk Terrain, plugin for QGIS")
    writer.setPageLayout(
        QPageLayout(QPageSize(QPageSize.PageSizeId.A4), QPageLayout.Orientation.Portrait, QMarginsF(0, 0, 0, 0))
    )
    painter = QPainter()
    if not painter.begin(writer):
        raise OutputError(f"{Path(path).name} cannot be written; check that the disk has room.")
    try:
        for number, sheet in enumerate(sheets):
            if number:
                writer.newPage()
            _Page(painter).fill(sheet, marking)
    finally:
        painter.end()
    if not is_whole_pdf(Path(path)):
        raise OutputError("The cards cannot be written as PDF; check that the disk has room.")


class _Page:
    """A page that is painted from its top to its bottom; all lengths in millimetres."""

    def __init__(self, painter: QPainter) -> None:
        self._painter = painter

    def fill(self, sheet: Sheet, marking: str) -> None:
        """Paint everything."""
        for y in (_EDGE, _HEIGHT - _EDGE):
            self._line_of_text(marking, y - 4, _MARKING, bold=True, centred=True)
        self._line_of_text(sheet.heading, _MARGIN, _HEADING, bold=True)
        self._line_of_text(sheet.under, _MARGIN + 9, _TEXT)
        top = _MARGIN + 18
        drawn = self._drawing(sheet.drawing, top)
        left = _MARGIN + _DRAWING + _GAP
        text_height = self._html(sheet.beside, left, top, _WIDTH - _MARGIN - left)
        below = top + max(drawn, text_height) + _GAP
        y = below + self._html(sheet.below, _MARGIN, below, _WIDTH - 2 * _MARGIN) + _GAP
        self._to_fill_in(sheet.lines, y)

    def _drawing(self, svg: str, top: float) -> float:
        """The drawing at the left; its height."""
        renderer = QSvgRenderer(QByteArray(_standalone(svg).encode("utf-8")))
        size = renderer.defaultSize()
        height = _DRAWING * size.height() / max(1, size.width())
        renderer.render(self._painter, _rectangle(_MARGIN, top, _DRAWING, height))
        return height

    def _html(self, html: str, left: float, top: float, width: float) -> float:
        """Text with tables; its height."""
        document = QTextDocument()
        document.setDefaultFont(_font_in_dots(_TEXT))
        document.setDocumentMargin(0)
        document.setHtml(html)
        document.setTextWidth(_dots(width))
        self._painter.save()
        self._painter.translate(_dots(left), _dots(top))
        document.drawContents(self._painter)
        self._painter.restore()
        return float(document.size().height()) / _dots(1.0)

    def _line_of_text(self, text: str, top: float, size: float, *, bold: bool = False, centred: bool = False) -> None:
        """One line across the page, made smaller where it would not fit."""
        box, side = _rectangle(_MARGIN, top, _WIDTH - 2 * _MARGIN, size), Qt.AlignmentFlag.AlignLeft
        font = _font(size, bold)
        self._painter.setFont(font)
        wide = self._painter.fontMetrics().horizontalAdvance(text)
        if wide > box.width():
            self._painter.setFont(_font(size * box.width() / wide, bold))
        side = Qt.AlignmentFlag.AlignHCenter if centred else side
        self._painter.drawText(box, int(side | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextSingleLine), text)

    def _to_fill_in(self, names: Sequence[str], top: float) -> None:
        """Lines with their names, as far as the page has room for them."""
        self._painter.setPen(QPen(Qt.GlobalColor.black, _dots(0.25)))
        for name, (height, indent) in zip(names, _LINES, strict=True):
            top += height
            if top > _HEIGHT - _MARGIN - 4:
                return
            self._line_of_text(name, top - 5, _TEXT, bold=True)
            y, left, right = _dots(top), _dots(_MARGIN + indent), _dots(_WIDTH - _MARGIN)
            self._painter.drawLine(int(left), int(y), int(right), int(y))


def _standalone(svg: str) -> str:
    """A drawing of a page as a file of its own, with the older way of naming a picture, which is the one Qt knows."""
    spaces = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    return svg.replace("<svg ", spaces, 1).replace(' href="data:', ' xlink:href="data:')


def _font(size: float, bold: bool = False) -> QFont:
    font = QFont()
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setFamilies(["Segoe UI", "Helvetica Neue", "Arial", "Noto Sans", "DejaVu Sans"])
    font.setPointSizeF(size)
    font.setBold(bold)
    return font


def _font_in_dots(size: float) -> QFont:
    """The font for a text document, which then needs no paint device to know how large a point is.

    Its layout would take one, but Python's half of a layout outlives the document, and the next document's layout, at
    the same address, is then taken for the one that is gone.
    """
    font = _font(size)
    font.setPixelSize(round(size / 72 * DPI))
    return font


def _dots(millimetres: float) -> float:
    return millimetres / 25.4 * DPI


def _rectangle(left: float, top: float, width: float, height: float) -> QRectF:
    return QRectF(_dots(left), _dots(top), _dots(width), _dots(height))
