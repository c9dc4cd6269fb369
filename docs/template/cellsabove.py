"""rtm:cellsabove — how much of a raster lies above a value."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
)

from ..rtm_plugin.core.errors import InputError
from .shared.base import RtmAlgorithm, tr
from .shared.request import Request


class CellsAbove(RtmAlgorithm):
    """Count the cells above a value."""

    NAME = "cellsabove"
    LABEL = "Cells above a value"
    GROUP = ("steps", "Study step by step")
    TAGS = ("share", "threshold")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterRasterLayer("TERRAIN", tr("Risk terrain")),
            tr("Output of 'Risk terrain', or any raster of ours."),
        )
        self.add(
            QgsProcessingParameterNumber("VALUE", tr("Value"), Qgis.ProcessingNumberParameterType.Double, 2.0),
            tr("Cells with more than this are counted."),
        )
        self.addOutput(QgsProcessingOutputNumber("CELLS", tr("Cells above the value")))
        self.addOutput(QgsProcessingOutputNumber("SHARE", tr("Their share of all cells, in percent")))

    def execute(self, request: Request) -> dict[str, Any]:
        raster = request.raster("TERRAIN", "risk terrain")
        value = request.number("VALUE")
        values, valid, _ = raster.band(1)
        if not valid.any():
            raise InputError(f"The raster '{raster.name}' has no cell with a value; choose another.")
        above = int((values[valid] > value).sum())
        share = 100 * above / int(valid.sum())
        request.feedback.pushInfo(f"{above:,} of {int(valid.sum()):,} cells ({share:.1f} %) are above {value:g}.")
        return {"CELLS": above, "SHARE": share}
