"""rtm:jointrisk — vulnerability and exposure: the risk terrain and the recent events on one map."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterDistance,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorDestination,
)

from ..rtm_plugin.adapters.crs import crs_of, metres_per_unit
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.layers import ReadLayer
from ..rtm_plugin.adapters.tables import Column
from ..rtm_plugin.core.answers.jointrisk import (
    BOTH,
    JOINT_RULES,
    JointClass,
    JointSettings,
    density_of_events,
    joint_classes,
    joint_table,
)
from ..rtm_plugin.core.arrays import Floats
from ..rtm_plugin.core.documents.periods import Period, refuse_unless_later
from ..rtm_plugin.core.errors import InputError
from ..rtm_plugin.core.forecast.baselines import kernel_baseline
from ..rtm_plugin.core.ground.grid import Grid
from ..rtm_plugin.core.model.raster_items import FIT, joint_items
from ..rtm_plugin.core.pipeline import count
from ..rtm_plugin.core.study import Events
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.data_findings import findings_of_events, tell_findings
from .shared.event_dates import add_event_dates, add_window, read_events, read_points, window_of
from .shared.marking import carried_marking
from .shared.outputs import save_joint_risk, save_table
from .shared.parameters import no_event_inside, source_item
from .shared.request import Request
from .shared.settings import choice

JOINT_COLUMNS: tuple[Column, ...] = (
    ("class", int),
    ("name", str),
    ("cells", int),
    ("area_km2", float),
    ("area_share", float),
    ("recent_events", float),
    ("later_events", float),
    ("later_share", float),
    ("later_per_km2", float),
    ("pai", float),
)


class JointRisk(RtmAlgorithm):
    """Cross the risk terrain with the density of recent events."""

    NAME = "jointrisk"
    LABEL = "Joint risk: vulnerability and exposure"
    GROUP = ("together", "Terrain and events together")
    TAGS = ("hot spots", "kernel density", "recent events", "classes")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterRasterLayer("TERRAIN", tr("Risk terrain")),
            tr("Output of 'Risk terrain': how vulnerable each place is."),
        )
        self.add(
            QgsProcessingParameterFeatureSource("EVENTS", tr("Recent events"), [Qgis.ProcessingSourceType.Vector]),
            tr("Points, or a table with coordinates. Their density says how exposed each place is now."),
        )
        add_event_dates(self)
        add_window(self, "", tr("recent events"))
        self.add(
            QgsProcessingParameterDistance(
                "BANDWIDTH", tr("Bandwidth"), None, "TERRAIN", optional=True, minValue=0.001
            ),
            tr(
                "How far the density of recent events spreads: half of an event lies within 1.7 bandwidths. Empty: the "
                "bandwidth under which recent events foretell one another best, which the log names."
            ),
        )
        self.add(
            choice("RULE", tr("High means"), JOINT_RULES, "class"),
            tr(
                "'class': above the mean plus VALUE standard deviations of the cells; 'share': among the VALUE percent "
                "of cells with the highest values. Score and density are held to the same rule."
            ),
        )
        self.add(
            QgsProcessingParameterNumber(
                "VALUE", tr("Value of the rule"), Qgis.ProcessingNumberParameterType.Double, 1.0, minValue=0.0
            ),
            tr("For 'class' a number of standard deviations; for 'share' a percentage."),
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                "LATER_EVENTS", tr("Later events"), [Qgis.ProcessingSourceType.Vector], optional=True
            ),
            tr(
                "Events from after the recent ones. The table then tells how many of them each class held. Where their "
                "layer has the date field too, it is seen that they are later."
            ),
        )
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", tr("Joint risk")),
            tr("Raster of four classes: neither, exposed only, vulnerable only, both."),
        )
        self.add(
            QgsProcessingParameterVectorDestination(
                "OUTPUT_TABLE",
                tr("Area and events by class"),
                Qgis.ProcessingSourceType.Vector,
                optional=True,
                createByDefault=True,
            ),
            tr("Table with a row for each class: cells, area, recent events, and later events where they are given."),
        )
        self.addOutput(QgsProcessingOutputNumber("BANDWIDTH_USED", tr("Bandwidth used")))
        self.addOutput(QgsProcessingOutputNumber("CELLS_BOTH", tr("Cells that are vulnerable and exposed")))
        self.addOutput(QgsProcessingOutputNumber("PAI_BOTH", tr("PAI of the cells that are both")))

    def execute(self, request: Request) -> dict[str, Any]:
        raster = request.raster("TERRAIN", "risk terrain")
        raster.require("terrain", "risk terrain", "rtm:terrain", or_foreign=True)
        marking = carried_marking(request, [raster.marking])
        grid = raster.grid()
        settings = JointSettings(
            request.choice("RULE"),
            request.number("VALUE"),
        )
        window = window_of(request, "")
        read = read_events(request, "EVENTS", crs_of(grid), window)
        recent = self._count(grid, read)
        tell_findings(findings_of_events(read, grid, tr("the recent window"), events=recent), request.feedback)
        later = self._later(request, grid, raster.items.period(FIT), read.period)
        exposure, bandwidth = self._exposure(request, grid, read.features.coordinates)
        classes = joint_classes(raster.band(1)[0][grid.mask], exposure, settings)
        rows = joint_table(classes, cell_area_km2(grid), recent.counts, later.counts if later else None)
        self._tell(rows, read.report.words.events, request.feedback)
        output = request.output("OUTPUT")
        table = request.output("OUTPUT_TABLE")
        with Staging(request.feedback, marking) as staging:
            items = joint_items(bandwidth, settings.rule, settings.value)
            save_joint_risk(
                staging,
                output,
                grid,
                classes=classes,
                recent=recent.period,
                items=items,
                sources=[source_item("events", read)],
            )
            if table:
                save_table(staging, table, JOINT_COLUMNS, map(_row, rows))
        request.present(output, tr("Joint risk: vulnerability and exposure"), results_group(), 35)
        request.present(table, tr("Joint risk: area and events by class"), results_group(), 10)
        result: dict[str, Any] = {"OUTPUT": output, "BANDWIDTH_USED": bandwidth, "CELLS_BOTH": rows[BOTH].cells}
        result |= {"OUTPUT_TABLE": table} if table else {}
        return result | ({"PAI_BOTH": rows[BOTH].pai} if rows[BOTH].pai is not None else {})

    def _count(self, grid: Grid, read: ReadLayer) -> Events:
        counted = count(grid, read.features.coordinates, period=read.period)
        if not counted.inside:
            raise InputError(no_event_inside(read))
        return counted

    def _later(
        self,
        request: Request,
        grid: Grid,
        fitted: Period,
        recent: Period,
    ) -> Events | None:
        """Later events, refused where their dates say that they are not later than the model's or the recent ones."""
        if not request.given("LATER_EVENTS"):
            return None
        field = request.text("EVENT_DATE_FIELD")
        read = read_points(request, "LATER_EVENTS", crs_of(grid), field, demanded=False)
        for earlier in (fitted, recent):
            refuse_unless_later(earlier, read.period)
        return self._count(grid, read)

    def _exposure(
        self,
        request: Request,
        grid: Grid,
        points: Floats,
    ) -> tuple[Floats, float]:
        """Density of the recent events, and its bandwidth."""
        if request.given("BANDWIDTH") is not None:
            bandwidth = request.number("BANDWIDTH")
            return density_of_events(grid, points, bandwidth), bandwidth
        density = kernel_baseline(grid, points, request.progress(0.1, 0.9))
        request.feedback.pushInfo(
            tr("Bandwidth {:g}: of {} tried, the one under which the recent events foretell one another best.").format(
                density.bandwidth, len(density.tried)
            )
        )
        return density.density, density.bandwidth

    def _tell(self, rows: tuple[JointClass, ...], events: str, feedback: QgsProcessingFeedback) -> None:
        for row in reversed(rows):
            text = tr("{}: {:,} cells, {:.1%} of the area, {:,.0f} recent events ({})").format(
                row.name, row.cells, row.share, row.recent, events
            )
            if row.later is not None and row.later_share is not None:
                text += tr(", {:,.0f} later events ({:.1%})").format(row.later, row.later_share)
            feedback.pushInfo(text + ".")
        if not rows[BOTH].cells:
            feedback.pushWarning(tr("No cell is both vulnerable and exposed; a lower value of the rule finds some."))


def cell_area_km2(grid: Grid) -> float:
    """Area of a cell in km², whatever the map's units."""
    return (grid.cell_size * metres_per_unit(crs_of(grid))) ** 2 / 1e6


def _row(row: JointClass) -> list[Any]:
    tested = [row.later, row.later_share, row.later_per_km2, row.pai]
    return [row.number, row.name, row.cells, row.area, row.share, row.recent, *tested]
