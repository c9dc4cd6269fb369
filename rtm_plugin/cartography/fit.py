"""Text, tables and legends made to fit their boxes in a layout: smaller letters first, then fewer words; no overlap."""

from bisect import bisect
from collections.abc import Callable, Sequence

from qgis.core import (
    Qgis,
    QgsLayoutFrame,
    QgsLayoutItemLabel,
    QgsLayoutItemLegend,
    QgsLayoutUtils,
    QgsLegendRenderer,
    QgsLegendStyle,
    QgsRenderContext,
    QgsTableCell,
    QgsTextFormat,
    QgsTextRenderer,
)

SMALLEST = 5.5  # points; what is smaller cannot be read on a wall or a table
_STEP = 0.96
_LONGEST_WORD = 26  # letters; longer ones are cut up, as only spaces break lines
_LONGEST_CELL = 120  # letters of a cell or a legend's line
_LONGEST_TEXT = 4000
_LONGEST_SOFT = 250  # letters of a paragraph that QGIS breaks itself; its time grows with their third power
_NARROWER = 0.99  # of lines broken here, so that QGIS does not break them again
_DPI = 300.0


def harmless(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Text that a layout prints as it is: nothing in it is an expression, and its words can be broken into lines.

    >>> harmless("[% env('HOME') %]").replace("\u2060", "")
    "[% env('HOME') %]"
    >>> harmless("[% 1 + 1 %]").startswith("[%")
    False
    >>> harmless("x" * 30) == "x" * 26 + " " + "x" * 4, harmless("bars and clubs", 5)
    (True, 'bars…')
    """
    if len(text) > longest:
        text = text[: longest - 1].rstrip() + "…"
    text = text.replace("[%", "[\u2060%")
    return "\n".join(" ".join(_broken(word) for word in line.split(" ")) for line in text.split("\n"))


def _broken(word: str) -> str:
    return " ".join(word[i : i + _LONGEST_WORD] for i in range(0, len(word), _LONGEST_WORD))


def fit_label(label: QgsLayoutItemLabel, text: str) -> None:
    """Write a text into a label; when it would not fit even in the smallest letters, it ends in an ellipsis."""
    format_, context = label.textFormat(), _context(label.layout())
    width, height = label.rect().width() - 2 * label.marginX(), label.rect().height() - 2 * label.marginY()

    def fits(size: float, words: str) -> bool:
        return _height(context, resized(format_, size), words, width) <= height

    text = harmless(text)
    size = _largest(format_.size(), lambda size: fits(size, text))
    if not fits(size, text):
        words = text.split(" ")
        count = bisect(range(len(words)), -1, key=lambda n: -fits(size, _cut(words, n))) - 1
        text = _cut(words, max(count, 1))
    label.setTextFormat(resized(format_, size))
    label.setText("\n".join(_lines(context, resized(format_, size), text, width)))


def _cut(words: Sequence[str], count: int) -> str:
    return " ".join(words[:count]).rstrip(",;:. ") + " …"


def fit_table(frame: QgsLayoutFrame, headers: Sequence[str], rows: Sequence[Sequence[str]], more: str) -> int:
    """Write a table into its frame; rows that would not fit even in the smallest letters are told as `more`.

    Parameters
    ----------
    frame : first frame of a manual table
    headers, rows : texts
    more : str with one {}, "and {} more"

    Returns
    -------
    int : rows left out
    """
    table = frame.multiFrame()
    body, head = table.contentTextFormat(), table.headerTextFormat()
    height, margin = frame.rect().height(), table.cellMargin()
    shown = [[harmless(cell, _LONGEST_CELL) for cell in row] for row in rows]

    def fill(size: float, count: int) -> bool:
        table.setContentTextFormat(resized(body, size))
        table.setCellMargin(margin * size / body.size())
        cells = [[_cell(text, resized(body, size)) for text in row] for row in shown[:count]]
        rest = len(shown) - count
        if rest:
            last = [more.format(rest), *[""] * (len(headers) - 1)]
            cells.append([_cell(text, resized(body, size)) for text in last])
        top = [[_cell(harmless(text), resized(head, size * head.size() / body.size())) for text in headers]]
        table.setTableContents(top + cells if shown else [])
        return table.totalSize().height() <= height

    size = _largest(body.size(), lambda size: fill(size, len(shown)))
    count = len(shown)
    if not fill(size, count):
        count = max(bisect(range(count), -1, key=lambda n: -fill(size, n)) - 1, 0)
        fill(size, count)
    table.recalculateFrameSizes()
    return len(shown) - count


def _cell(text: str, format_: QgsTextFormat) -> QgsTableCell:
    cell = QgsTableCell(text)
    cell.setTextFormat(format_)
    return cell


def fit_legend(legend: QgsLayoutItemLegend, rooms: Sequence[tuple[float, float, int]]) -> int | None:
    """Make a legend's letters and symbols as small as the first room needs that can hold it.

    Parameters
    ----------
    rooms : sequence of (width, height, columns), in millimetres; tried in order

    Returns
    -------
    int or None : which room; None when it is too large for all of them, and is as small as it can be
    """
    parts = (QgsLegendStyle.Style.Title, QgsLegendStyle.Style.Group, QgsLegendStyle.Style.Subgroup)
    parts = (*parts, QgsLegendStyle.Style.SymbolLabel)
    styles = {part: QgsLegendStyle(legend.style(part)) for part in parts}
    full_size = styles[QgsLegendStyle.Style.SymbolLabel].textFormat().size()
    symbol = legend.symbolWidth(), legend.symbolHeight()

    def fits(size: float, width: float, height: float) -> bool:
        for part, style in styles.items():
            smaller = QgsLegendStyle(style)
            smaller.setTextFormat(resized(style.textFormat(), style.textFormat().size() * size / full_size))
            legend.setStyle(part, smaller)
        legend.setSymbolWidth(symbol[0] * size / full_size)
        legend.setSymbolHeight(symbol[1] * size / full_size)
        context = _context(legend.layout())
        needed = QgsLegendRenderer(legend.model(), legend.legendSettings()).minimumSize(context)
        return needed.height() <= height and needed.width() <= width

    for number, (width, height, columns) in enumerate(rooms):
        legend.setColumnCount(columns)
        chosen = _largest(full_size, lambda size, room=(width, height): fits(size, *room))
        if fits(chosen, width, height):
            return number
    return None


def resized(format_: QgsTextFormat, size: float) -> QgsTextFormat:
    """The same format in another size."""
    smaller = QgsTextFormat(format_)
    smaller.setSize(size)
    return smaller


def _largest(size: float, fits: Callable[[float], bool]) -> float:
    """The largest size down from the item's own one that fits, in steps, or the smallest one; tried last."""
    sizes = [size]
    while sizes[-1] > SMALLEST:
        sizes.append(max(sizes[-1] * _STEP, SMALLEST))
    chosen = sizes[min(bisect(sizes, 0, key=lambda one: int(fits(one))), len(sizes) - 1)]
    fits(chosen)
    return chosen


def _height(context: QgsRenderContext, format_: QgsTextFormat, text: str, width: float) -> float:
    """Millimetres that a text takes in lines of that width."""
    scale = context.scaleFactor()
    lines, mode, wrap = (
        _lines(context, format_, text, width),
        Qgis.TextLayoutMode.Rectangle,
        Qgis.TextRendererFlag.WrapLines,
    )
    return QgsTextRenderer.textHeight(context, format_, lines, mode, None, wrap, width * scale) / scale


def _lines(context: QgsRenderContext, format_: QgsTextFormat, text: str, width: float) -> list[str]:
    """Paragraphs; long ones broken into lines of that width in millimetres."""
    widths: dict[str, float] = {}

    def wide(part: str) -> float:
        if part not in widths:
            widths[part] = QgsTextRenderer.textWidth(context, format_, [part]) / context.scaleFactor()
        return widths[part]

    lines: list[str] = []
    for paragraph in text.split("\n"):
        if len(paragraph) <= _LONGEST_SOFT:
            lines.append(paragraph)
            continue
        space, taken, line = wide("n n") - wide("nn"), 0.0, []
        for word in paragraph.split(" "):
            if line and taken + space + wide(word) > width * _NARROWER:
                lines.append(" ".join(line))
                taken, line = 0.0, []
            taken += wide(word) + (space if line else 0.0)
            line.append(word)
        lines.append(" ".join(line))
    return lines


def _context(layout: object) -> QgsRenderContext:
    return QgsLayoutUtils.createRenderContextForLayout(layout, None, _DPI)
