"""rtm:suggest — proximity or density (method.md §3)? And how weak an effect can so many events establish (§10)?"""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterDistance,
    QgsProcessingParameterFeatureSource,
)

from ..rtm_plugin.core.data.study_findings import FactorLayer, layer_findings, size_findings
from ..rtm_plugin.core.documents.factor_settings import MAX_BLOCKS, FactorSettings
from ..rtm_plugin.core.documents.settings import GridSettings
from ..rtm_plugin.core.doubt.power import study_power
from ..rtm_plugin.core.ground.features import Features
from ..rtm_plugin.core.ground.grid import study_grid
from ..rtm_plugin.core.pipeline import candidate_set
from .shared.base import RtmAlgorithm, tr
from .shared.data_findings import tell_findings
from .shared.parameters import add_study_area, read_source, read_study_area
from .shared.request import Request
from .shared.settings import whole_number
from .shared.study_facts import MOST_EVENTS, Ground, factor_facts


class Suggest(RtmAlgorithm):
    """Suggest an operationalisation."""

    NAME = "suggest"
    LABEL = "Suggest an operationalisation"
    GROUP = ("prepare", "Prepare a study")
    TAGS = ("nearest neighbour", "clustered", "proximity", "density", "power", "sample size")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        add_study_area(self)
        self.add(
            QgsProcessingParameterFeatureSource("FACTOR", tr("Risk factor"), [Qgis.ProcessingSourceType.Vector]),
            tr("Features of one kind. The analysis is for points; for lines and polygons the answer is 'both'."),
        )
        self.add(
            QgsProcessingParameterDistance("BLOCK_LENGTH", tr("Block length"), 200.0, "STUDY_AREA", minValue=0.001),
            tr("Mean length of a street block."),
        )
        self.add(
            whole_number("MAX_BLOCKS", tr("Largest spatial influence, in blocks"), 3, 1, MAX_BLOCKS),
            tr("How many blocks from a feature its influence may reach, 1 to 4."),
        )
        self.add(
            whole_number("EVENT_COUNT", tr("Number of events"), 0, 0, MOST_EVENTS),
            tr(
                "How many events the study will have, where that is known: tells how weak an effect of this factor "
                "they can establish. 0 tells nothing."
            ),
        )
        self.addOutput(QgsProcessingOutputString("OPERATIONALISATION", tr("Operationalisation")))
        self.addOutput(QgsProcessingOutputString("REASON", tr("Reason")))
        self.addOutput(QgsProcessingOutputNumber("INDEX", tr("Nearest-neighbour index")))
        self.addOutput(QgsProcessingOutputNumber("Z", tr("z")))
        self.addOutput(QgsProcessingOutputNumber("MEAN_DISTANCE", tr("Mean distance to the nearest neighbour")))
        self.addOutput(QgsProcessingOutputNumber("SMALLEST_RRV", tr("Smallest relative risk value to be established")))

    def execute(self, request: Request) -> dict[str, Any]:
        area, crs = read_study_area(request)
        read = read_source(request, "FACTOR", crs)
        blocks = request.whole("MAX_BLOCKS")
        reach = blocks * request.number("BLOCK_LENGTH")
        ground = Ground(area.features, crs)
        layer = FactorLayer(read.report.name, read.features, reach)
        facts = factor_facts(read, ground, layer)
        block_length = request.number("BLOCK_LENGTH")
        cells = max(1, round(ground.square_units / (block_length / 2) ** 2))
        sizes = size_findings(events=0.0, cells=cells, block_length=block_length)
        tell_findings([*layer_findings(area.features, layer), *sizes], request.feedback)
        request.feedback.pushInfo(f"{facts['operationalisation']}: {facts['reason']}")
        numbers = {name: facts[name.lower()] for name in ("INDEX", "Z", "MEAN_DISTANCE")}
        numbers["SMALLEST_RRV"] = _smallest_rrv(request, area.features, layer, blocks)
        return {"OPERATIONALISATION": facts["operationalisation"], "REASON": facts["reason"], **numbers}


def _smallest_rrv(request: Request, area: Features, layer: FactorLayer, blocks: int) -> float | None:
    """What the given number of events can establish of the factor alone; it is told in the log."""
    events = request.whole("EVENT_COUNT")
    if not events:
        return None
    grid = study_grid(area, GridSettings(request.number("BLOCK_LENGTH")))
    settings = FactorSettings("factor", max_blocks=blocks)
    candidates = candidate_set([(layer.features, settings)], grid, request.progress(0.0, 0.3))
    found = study_power(grid, candidates, events, progress=request.progress(0.3, 1.0))
    told = found.text(settings.name)
    if told:
        request.feedback.pushInfo(told)
    power = found.of(settings.name)
    return power.rrv if power is not None else None
