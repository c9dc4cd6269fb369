"""The relative risk values of the selected factors, drawn: a dot and its 95 % interval on a logarithmic scale."""

import math
from typing import Any

from qgis.PyQt.QtCore import QPointF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPaintEvent, QPen
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

from ...adapters.feedback import tr

_MARKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50, 100)
_DOT = QColor("#8e1b2e")


class FactorChart(QWidget):
    """One row a factor; all numbers come from the findings."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("result_chart")
        self._rows: list[dict[str, Any]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_rows(self, rows: list[dict[str, Any]]) -> None:
        """Draw these factors."""
        self._rows = [_as_ratio(row) for row in rows if row["rrv"]]
        self.setVisible(bool(self._rows))
        described = "; ".join(f"{row['factor']} {row['effect']}" for row in self._rows)
        self.setAccessibleName(tr("Relative risk values: {}").format(described))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        line = int(1.7 * self.fontMetrics().height())
        return QSize(40 * self.fontMetrics().averageCharWidth(), line * (len(self._rows) + 2))

    minimumSizeHint = sizeHint

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._rows:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = self.fontMetrics()
        line = 1.7 * metrics.height()
        left = min(max(metrics.horizontalAdvance(_label(row)) for row in self._rows) + 12, self.width() // 2)
        low = math.log(min(1.0, *(row["low"] or row["rrv"] for row in self._rows)) * 0.9)
        high = math.log(max(2.0, *(row["high"] or row["rrv"] for row in self._rows)) * 1.1)

        def x(value: float) -> float:
            return left + (self.width() - left - 12) * (math.log(value) - low) / (high - low)

        text = self.palette().text().color()
        bottom = line * len(self._rows)
        for mark in _MARKS:
            if low <= math.log(mark) <= high:
                painter.setPen(QPen(text, 1.2 if mark == 1 else 0.3))
                painter.drawLine(QPointF(x(mark), 2), QPointF(x(mark), bottom))
                painter.setPen(text)
                painter.drawText(
                    QPointF(x(mark) - metrics.horizontalAdvance(f"{mark:g}") / 2, bottom + line * 0.7), f"{mark:g}"
                )
        title = tr("rate of an exposed cell, times that of another, with its 95 % interval")
        painter.drawText(QPointF(left, bottom + line * 1.6), title)
        for i, row in enumerate(self._rows):
            y = line * (i + 0.5)
            painter.setPen(text)
            name = metrics.elidedText(_label(row), Qt.TextElideMode.ElideRight, left - 8)
            painter.drawText(QPointF(0, y + metrics.ascent() / 2 - 1), name)
            painter.setPen(QPen(_DOT, 2))
            if row["low"] and row["high"]:
                painter.drawLine(QPointF(x(row["low"]), y), QPointF(x(row["high"]), y))
            painter.setBrush(_DOT)
            painter.drawEllipse(QPointF(x(row["rrv"]), y), 4, 4)


def _as_ratio(row: dict[str, Any]) -> dict[str, Any]:
    """The row with ratios of rates: below 1 for a protective factor, whose relative risk value divides."""
    if not row["kind"].startswith("protective"):
        return row
    low, high = (1 / row[end] if row[end] else None for end in ("high", "low"))
    return {**row, "rrv": 1 / row["rrv"], "low": low, "high": high}


def _label(row: dict[str, Any]) -> str:
    """The factor; a protective one divides."""
    return f"÷ {row['factor']}" if row["kind"].startswith("protective") else str(row["factor"])
