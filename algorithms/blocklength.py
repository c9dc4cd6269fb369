"""rtm:blocklength — the mean length of a street block, measured from a layer of streets."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSource,
)

from ..rtm_plugin.adapters.crs import units_text
from ..rtm_plugin.core.ground.block_length import street_blocks
from .shared.base import RtmAlgorithm, tr
from .shared.parameters import add_study_area, read_source, read_study_area
from .shared.request import Request


class BlockLength(RtmAlgorithm):
    """Measure the block length."""

    NAME = "blocklength"
    LABEL = "Measure the block length"
    GROUP = ("prepare", "Prepare a study")
    TAGS = ("streets", "junctions", "block")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        add_study_area(self)
        self.add(
            QgsProcessingParameterFeatureSource("STREETS", tr("Streets"), [Qgis.ProcessingSourceType.VectorLine]),
            tr("Lines of streets that share a vertex where they meet, such as OS Open Roads or OpenStreetMap."),
        )
        self.addOutput(QgsProcessingOutputNumber("BLOCK_LENGTH", tr("Block length")))
        self.addOutput(QgsProcessingOutputNumber("BLOCK_COUNT", tr("Number of blocks")))

    def execute(self, request: Request) -> dict[str, Any]:
        area, crs = read_study_area(request)
        streets = read_source(request, "STREETS", crs, wanted="line")
        blocks = street_blocks(streets.features, area.features)
        request.feedback.pushInfo(
            tr("{:,} blocks with a mean length of {:,.0f} {}.").format(
                blocks.count, blocks.mean_length, units_text(crs)
            )
        )
        return {"BLOCK_LENGTH": blocks.mean_length, "BLOCK_COUNT": blocks.count}
