"""Writes the templates of rtm:briefing, briefing-a4.qpt and briefing-a3.qpt, beside this file.

    /usr/bin/python3 resources/layout/make_templates.py

Analysts change a copy of a template in QGIS (Layout ► Items); this program keeps the two of the plugin alike. A3 is A4
with everything longer by the square root of 2, and text by a little less.
"""

import base64
import os
import re
import tempfile
from pathlib import Path

os.environ["QT_HASH_SEED"] = "0"  # else Qt writes attributes in another order each time
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp())

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsFillSymbol,
    QgsLayoutFrame,
    QgsLayoutItem,
    QgsLayoutItemLabel,
    QgsLayoutItemLegend,
    QgsLayoutItemManualTable,
    QgsLayoutItemMap,
    QgsLayoutItemPage,
    QgsLayoutItemPicture,
    QgsLayoutItemScaleBar,
    QgsLayoutItemShape,
    QgsLayoutMeasurement,
    QgsLayoutPoint,
    QgsLayoutSize,
    QgsLayoutTable,
    QgsLegendStyle,
    QgsPrintLayout,
    QgsProject,
    QgsReadWriteContext,
    QgsTextFormat,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QFont
from qgis.PyQt.QtXml import QDomDocument

HERE = Path(__file__).resolve().parent
FAMILIES = ["Arial", "Liberation Sans", "DejaVu Sans Condensed", "DejaVu Sans"]
INK, QUIET, RULE = "#1b2733", "#4f5b66", "#1b2733"
LARGER, TEXT_LARGER = 2**0.5, 1.32  # A3 against A4: lengths, and text
ARROW = """<svg xmlns="http://www.w3.org/2000/svg" width="40" height="60" viewBox="0 0 40 60">
<path d="M20 18L34 56L20 47L6 56z" fill="#1b2733" stroke="#ffffff" stroke-width="2" stroke-linejoin="round"/>
<path d="M13 15V2L27 15V2" fill="none" stroke="#ffffff" stroke-width="6" stroke-linejoin="round"/>
<path d="M13 15V2L27 15V2" fill="none" stroke="#1b2733" stroke-width="3" stroke-linejoin="round"/>
</svg>"""


class Sheet:
    """A layout to which items are added in millimetres and points of A4."""

    def __init__(self, page: str) -> None:
        self.lengths, self.texts = (1.0, 1.0) if page == "A4" else (LARGER, TEXT_LARGER)
        self.layout = QgsPrintLayout(QgsProject.instance())
        self.layout.setName(f"Risk terrain briefing, {page}")
        self.layout.initializeDefaults()
        self.layout.pageCollection().page(0).setPageSize(page, QgsLayoutItemPage.Orientation.Landscape)
        self.layout.renderContext().setDpi(300)

    def place(self, item: QgsLayoutItem, name: str, x: float, y: float, width: float, height: float) -> QgsLayoutItem:
        """Give an item its id and its box, and add it."""
        item.setId(name)
        if not isinstance(item, QgsLayoutFrame):
            self.layout.addLayoutItem(item)
        item.attemptMove(QgsLayoutPoint(round(x * self.lengths, 3), round(y * self.lengths, 3)))
        item.attemptResize(QgsLayoutSize(round(width * self.lengths, 3), round(height * self.lengths, 3)))
        return item

    def text(self, size: float, bold: bool = False, colour: str = INK) -> QgsTextFormat:
        font = QFont(FAMILIES[0])
        found = QgsTextFormat()
        found.setFont(font)
        found.setFamilies(FAMILIES)
        found.setForcedBold(bold)
        found.setSize(round(size * self.texts, 2))
        found.setSizeUnit(Qgis.RenderUnit.Points)
        found.setColor(QColor(colour))
        return found

    def label(self, name: str, box: tuple[float, ...], size: float, text: str = "", **style: object) -> None:
        item = QgsLayoutItemLabel(self.layout)
        item.setMode(QgsLayoutItemLabel.Mode.ModeFont)
        item.setText(text)
        item.setTextFormat(self.text(size, bool(style.get("bold")), str(style.get("colour", INK))))
        item.setHAlign(style.get("across", Qt.AlignmentFlag.AlignLeft))
        item.setVAlign(style.get("down", Qt.AlignmentFlag.AlignTop))
        item.setMarginX(0)
        item.setMarginY(0)
        self.place(item, name, *box)

    def rule(self, x: float, y: float, width: float, height: float = 0.3) -> None:
        item = QgsLayoutItemShape(self.layout)
        item.setShapeType(QgsLayoutItemShape.Shape.Rectangle)
        item.setSymbol(QgsFillSymbol.createSimple({"color": RULE, "outline_style": "no"}))
        self.place(item, "", x, y, width, height)

    def map(self, name: str, box: tuple[float, ...]) -> QgsLayoutItemMap:
        item = QgsLayoutItemMap(self.layout)
        item.setFrameEnabled(True)
        item.setFrameStrokeColor(QColor(INK))
        item.setFrameStrokeWidth(QgsLayoutMeasurement(0.25))
        item.setBackgroundColor(QColor("#ffffff"))
        return self.place(item, name, *box)

    def table(self, name: str, box: tuple[float, ...]) -> None:
        table = QgsLayoutItemManualTable.create(self.layout)
        self.layout.addMultiFrame(table)
        frame = QgsLayoutFrame(self.layout, table)
        table.addFrame(frame)
        self.place(frame, name, *box)
        table.setContentTextFormat(self.text(7.5))
        table.setHeaderTextFormat(self.text(7.5, bold=True))
        table.setWrapBehavior(QgsLayoutTable.WrapBehavior.WrapText)
        table.setEmptyTableBehavior(QgsLayoutTable.EmptyTableMode.HideTable)
        table.setCellMargin(0.6 * self.lengths)
        table.setGridColor(QColor("#b7bcc0"))
        table.setGridStrokeWidth(0.15)
        table.setVerticalGrid(False)
        table.setHorizontalGrid(True)
        widths = (35.0, 25.0, 32.0)
        table.setColumnWidths([round(width * self.lengths - 1.2 * self.lengths, 3) for width in widths])

    def legend(self, name: str, box: tuple[float, ...], linked: QgsLayoutItemMap) -> None:
        item = QgsLayoutItemLegend(self.layout)
        item.setAutoUpdateModel(False)
        item.setLinkedMap(linked)
        item.setResizeToContents(False)
        item.setBackgroundEnabled(False)
        style = QgsLegendStyle.Style
        for part in (style.Title, style.Group, style.Subgroup, style.SymbolLabel):
            legend_style = QgsLegendStyle(item.style(part))
            legend_style.setTextFormat(self.text(7.5, bold=part == style.Subgroup))
            item.setStyle(part, legend_style)
        item.setBoxSpace(0)
        item.setSymbolWidth(5 * self.lengths)
        item.setSymbolHeight(3 * self.lengths)
        item.setStyleMargin(style.Subgroup, 1.6 * self.lengths)
        item.setStyleMargin(style.Symbol, 0.9 * self.lengths)
        self.place(item, name, *box)

    def scale_bar(self, name: str, box: tuple[float, ...], linked: QgsLayoutItemMap) -> None:
        item = QgsLayoutItemScaleBar(self.layout)
        item.setStyle("Single Box")
        item.setTextFormat(self.text(7))
        item.setHeight(1.4 * self.lengths)
        item.setNumberOfSegments(2)
        item.setNumberOfSegmentsLeft(0)
        item.setBackgroundEnabled(True)
        item.setBackgroundColor(QColor(255, 255, 255, 255))
        item.setLinkedMap(linked)
        self.place(item, name, *box)

    def north_arrow(self, name: str, box: tuple[float, ...], linked: QgsLayoutItemMap) -> None:
        item = QgsLayoutItemPicture(self.layout)
        item.setMode(QgsLayoutItemPicture.Format.FormatSVG)
        item.setPicturePath("base64:" + base64.b64encode(ARROW.encode()).decode())
        item.setLinkedMap(linked)
        item.setNorthMode(QgsLayoutItemPicture.NorthMode.GridNorth)
        self.place(item, name, *box)

    def save(self, path: Path) -> None:
        document = QDomDocument()
        document.appendChild(self.layout.writeXml(document, QgsReadWriteContext()))
        path.write_text(_same_ids(document.toString(1)), encoding="utf-8")


def _same_ids(text: str) -> str:
    """The random ids that link items replaced with numbers, so that the same program writes the same file."""
    found = dict.fromkeys(re.findall(r"\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}", text))
    for number, name in enumerate(found, 1):
        text = text.replace(name, f"{{00000000-0000-0000-0000-{number:012d}}}")
    return text


def make(page: str) -> None:
    """One template."""
    sheet = Sheet(page)
    centre, right, middle = Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignVCenter
    for y in (3.5, 201.5):
        sheet.label("marking", (8, y, 281, 5), 11, bold=True, across=centre, down=middle)
    sheet.label("title", (8, 9.5, 281, 9.5), 20, bold=True, down=middle)
    sheet.label("period", (8, 19.5, 281, 4.5), 8.5, colour=QUIET, down=middle)
    sheet.rule(8, 25, 281, 0.5)
    main = sheet.map("map", (8, 28, 184, 158))
    sheet.scale_bar("scalebar", (10, 174, 50, 10), main)
    sheet.north_arrow("north_arrow", (181, 30, 9, 13), main)
    x, width = 197, 92
    sheet.label("", (x, 28, width, 5), 10, "What the map says", bold=True)
    sheet.label("sentences", (x, 33.5, width, 42.5), 10)
    sheet.label("", (x, 78, width, 5), 10, "Risk factors in the model", bold=True)
    sheet.table("factors", (x, 83.5, width, 51.5))
    sheet.label("", (x, 137, 52, 5), 10, "Legend", bold=True)
    sheet.legend("legend", (x, 142, 52, 44), main)
    sheet.label("inset_caption", (x + 54, 137, 38, 5), 8, bold=True)
    sheet.map("inset", (x + 54, 142, 38, 44))
    sheet.rule(8, 188.5, 281, 0.2)
    sheet.label("caveat", (8, 190, 210, 10), 7, colour=QUIET)
    sheet.label("author", (220, 190, 69, 5), 7.5, across=right)
    sheet.label("date", (220, 195, 69, 5), 7.5, across=right)
    sheet.save(HERE / f"briefing-{page.lower()}.qpt")


def main() -> None:
    """Both templates."""
    application = QgsApplication([], True)
    application.initQgis()
    application.setFont(QFont(FAMILIES[0]))  # else formats that nobody sets hold this machine's font
    for page in ("A4", "A3"):
        make(page)
    application.exitQgis()


if __name__ == "__main__":
    main()
