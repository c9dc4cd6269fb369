"""Text, tables and legends made to fit their boxes in a layout: smaller letters first, then fewer words; no overlap."""

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
_DPI = 300.0


def harmless(text: str) -> str:
    """Text that a layout prints as it is: nothing in it is an expression, and its words can be broken into lines.

    >>> harmless("[% env('HOME') %]").replace("\\u2060", "")
    "[% env('HOME') %]"
    >>> harmless("[% 1 + 1 %]").startswith("[%")
    False
    >>> harmless("x" * 30) == "x" * 26 + " " + "x" * 4
    True
    """
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
    words = text.split(" ")
    while len(words) > 1 and not fits(size, text):
        words.pop()
        text = " ".join(words).rstrip(",;:.") + " …"
    label.setTextFormat(resized(format_, size))
    label.setText(text)


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
    height = frame.rect().height()
    shown = [[harmless(cell) for cell in row] for row in rows]

    def fill(size: float, count: int) -> bool:
        table.setContentTextFormat(resized(body, size))
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
    while not fill(size, count) and count:
        count -= 1
    table.recalculateFrameSizes()
    return len(shown) - count


def _cell(text: str, format_: QgsTextFormat) -> QgsTableCell:
    cell = QgsTableCell(text)
    cell.setTextFormat(format_)
    return cell


def fit_legend(legend: QgsLayoutItemLegend) -> bool:
    """Make a legend's letters and symbols as small as its box needs; False when it is still too large."""
    parts = (QgsLegendStyle.Style.Title, QgsLegendStyle.Style.Group, QgsLegendStyle.Style.Subgroup)
    parts = (*parts, QgsLegendStyle.Style.SymbolLabel)
    styles = {part: QgsLegendStyle(legend.style(part)) for part in parts}
    own = styles[QgsLegendStyle.Style.SymbolLabel].textFormat().size()
    symbol = legend.symbolWidth(), legend.symbolHeight()
    box = legend.rect()

    def fits(size: float) -> bool:
        for part, style in styles.items():
            smaller = QgsLegendStyle(style)
            smaller.setTextFormat(resized(style.textFormat(), style.textFormat().size() * size / own))
            legend.setStyle(part, smaller)
        legend.setSymbolWidth(symbol[0] * size / own)
        legend.setSymbolHeight(symbol[1] * size / own)
        context = _context(legend.layout())
        needed = QgsLegendRenderer(legend.model(), legend.legendSettings()).minimumSize(context)
        return needed.height() <= box.height() and needed.width() <= box.width()

    return fits(_largest(own, fits))


def resized(format_: QgsTextFormat, size: float) -> QgsTextFormat:
    """The same format in another size."""
    found = QgsTextFormat(format_)
    found.setSize(size)
    return found


def _largest(size: float, fits: Callable[[float], bool]) -> float:
    """The largest size down from the item's own one that fits, or the smallest one."""
    smallest = min(SMALLEST, size)
    while size > smallest and not fits(size):
        size = max(size * _STEP, smallest)
    return size


def _height(context: QgsRenderContext, format_: QgsTextFormat, text: str, width: float) -> float:
    """Millimetres that a text takes in lines of that width."""
    scale = context.scaleFactor()
    wrap, lines = Qgis.TextRendererFlag.WrapLines, text.split("\n")
    mode = Qgis.TextLayoutMode.Rectangle
    return QgsTextRenderer.textHeight(context, format_, lines, mode, None, wrap, width * scale) / scale


def _context(layout: object) -> QgsRenderContext:
    return QgsLayoutUtils.createRenderContextForLayout(layout, None, _DPI)
