"""rtm:countevents — outcome events in each cell."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
)

from ..rtm_plugin.adapters.crs import crs_of
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.core.errors import InputError
from ..rtm_plugin.core.pipeline import count
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.data_findings import findings_of_events, tell_findings
from .shared.event_dates import add_event_dates, add_weight_field, add_window, read_events, window_of
from .shared.outputs import save_counts
from .shared.parameters import no_event_inside, source_item
from .shared.request import Request


class CountEvents(RtmAlgorithm):
    """Count the events in the cells of a study grid."""

    NAME = "countevents"
    LABEL = "2. Count events"
    GROUP = ("steps", "Study step by step")
    TAGS = ("points", "crime counts")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterRasterLayer("GRID", tr("Study grid")),
            tr("Output of 'Study grid'."),
        )
        self.add(
            QgsProcessingParameterFeatureSource("EVENTS", tr("Outcome events"), [Qgis.ProcessingSourceType.Vector]),
            tr(
                "Points of the crimes or incidents to explain, or a table such as a CSV file with longitude and "
                "latitude or easting and northing. Other coordinate reference systems are reprojected."
            ),
        )
        add_weight_field(
            self, tr("Number of events that each point stands for; 1 when empty. Model selection needs whole numbers.")
        )
        add_event_dates(self)
        add_window(self, "", tr("events that count"))
        self.add(
            QgsProcessingParameterRasterDestination("OUTPUT", tr("Event counts")),
            tr("Raster with the number of events in each cell."),
        )
        self.addOutput(QgsProcessingOutputNumber("EVENTS_INSIDE", tr("Events inside the study area")))
        self.addOutput(QgsProcessingOutputNumber("EVENTS_OUTSIDE", tr("Events outside the study area")))

    def execute(self, request: Request) -> dict[str, Any]:
        raster = request.raster("GRID", "grid")
        grid = raster.grid()
        field = request.text("WEIGHT_FIELD")
        window = window_of(request, "")
        read = read_events(request, "EVENTS", crs_of(grid), window, value_field=field)
        events = count(grid, read.features.coordinates, read.values, read.period, read.days)
        if not events.inside:
            raise InputError(no_event_inside(read))
        tell_findings(findings_of_events(read, grid, tr("the window"), events=events), request.feedback)
        output = request.output("OUTPUT")
        with Staging(request.feedback) as staging:
            save_counts(staging, output, grid, events, [source_item("events", read)])
        request.present(output, tr("Event counts: {}").format(read.report.words.events), results_group(), 3)
        return {"OUTPUT": output, "EVENTS_INSIDE": events.inside, "EVENTS_OUTSIDE": events.outside}
