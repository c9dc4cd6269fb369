"""rtm:exportplaces — priority places for phones and vehicles."""

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsGeometry,
    QgsProcessingFeatureSource,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFileDestination,
)

from ..rtm_plugin.adapters.belonging import has_place_fields, place_items
from ..rtm_plugin.adapters.crs import crs_text, is_known
from ..rtm_plugin.adapters.fields import number as number_in
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.layers import geometry_of
from ..rtm_plugin.adapters.place_files import WRITERS, PlaceMark, middle_of
from ..rtm_plugin.adapters.positions import EARTH, PositionText, position_text
from ..rtm_plugin.adapters.tables import place_words
from ..rtm_plugin.core.errors import InputError, OutputError
from ..rtm_plugin.core.model.raster_items import MARKING
from ..rtm_plugin.report.wording import number
from .shared.base import RtmAlgorithm, tr
from .shared.marking import add_carried_marking, carried_marking
from .shared.parameters import source_name
from .shared.request import Request


class ExportPlaces(RtmAlgorithm):
    """Write priority places as KML or GPX."""

    NAME = "exportplaces"
    LABEL = "Places for phones and vehicles (KML, GPX)"
    GROUP = ("study", "Study from start to finish")
    TAGS = ("kml", "gpx", "waypoints", "phone", "sat nav", "patrol", "export")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterFeatureSource(
                "PLACES", tr("Priority places"), [Qgis.ProcessingSourceType.VectorPolygon]
            ),
            tr(
                "Output of 'Priority places' or of a whole study. 'Selected features only', or a filter such as "
                '"rank" <= 10, takes some of them.'
            ),
        )
        add_carried_marking(self, tr("the places"))
        self.add(
            QgsProcessingParameterFileDestination(
                "OUTPUT", tr("File for phones and vehicles"), tr("KML (*.kml);;GPX (*.gpx)")
            ),
            tr(
                "A name that ends in .kml gives the outlines of the places, with rank, where and expected events; one "
                "that ends in .gpx gives a waypoint in the middle of each, called by its rank."
            ),
        )
        self.addOutput(QgsProcessingOutputNumber("PLACE_COUNT", tr("Number of places")))

    def execute(self, request: Request) -> dict[str, Any]:
        output = request.output("OUTPUT")
        write = WRITERS.get(Path(output).suffix.lower())
        if write is None:
            raise OutputError(
                tr("The places cannot be written as '{}'; give it the ending .kml or .gpx.").format(Path(output).name)
            )
        source = request.needed_source("PLACES")
        label = source_name(request, "PLACES", source)
        layer = request.layer_behind("PLACES")
        kept = place_items(layer).get(MARKING, "") if layer is not None else ""
        marking = carried_marking(request, [kept])
        marks = _marks(request, source, label, marking)
        with Staging(request.feedback, marking) as staging, staging.data(output) as draft:
            write(draft, output, marks)
        request.feedback.pushInfo(tr("{:,} places were written to {}.").format(len(marks), Path(output).name))
        return {"OUTPUT": output, "PLACE_COUNT": len(marks)}


def _marks(request: Request, source: QgsProcessingFeatureSource, label: str, marking: str) -> list[PlaceMark]:
    """The places of a layer, priority places or others, by rank."""
    geometry_of(source, label, "polygon")
    if source.fields().lookupField("rank") < 0:
        raise InputError(
            tr(
                "The layer '{}' does not hold priority places; choose the output of rtm:priorityplaces or rtm:run."
            ).format(label)
        )
    crs = source.sourceCrs()
    if not is_known(crs):
        raise InputError(
            tr(
                "The layer '{}' has no coordinate reference system, so nobody knows where its places are; set its CRS "
                "(Layer ▸ Set CRS) and try again."
            ).format(label)
        )
    context = request.context.transformContext()
    to_earth = QgsCoordinateTransform(crs.horizontalCrs(), QgsCoordinateReferenceSystem(EARTH), context)
    position = position_text(crs, context)
    features = list(source.getFeatures())
    if not features:
        raise InputError(tr("No place of the layer '{}' is chosen; choose another layer or filter.").format(label))
    progress = request.progress()
    marks = []
    for done, feature in enumerate(features):
        progress(done / len(features))
        marks.append(_mark(feature, label, marking, to_earth, position))
    return sorted(marks, key=lambda mark: mark.rank)


def _mark(
    feature: QgsFeature, label: str, marking: str, to_earth: QgsCoordinateTransform, position: PositionText
) -> PlaceMark:
    outline, rank = QgsGeometry(feature.geometry()), number_in(feature["rank"])
    if rank is None or outline.isNull() or outline.isEmpty():
        raise InputError(tr("A place of the layer '{}' has no rank or no outline; make the layer again.").format(label))
    cells, expected = (_value(feature, name) for name in ("cells", "expected"))
    middle = middle_of(outline, int(cells) if cells else None, crs_text(to_earth.sourceCrs()))
    words = place_words(feature)
    where = ", ".join(filter(None, (words.reference or position(middle.x(), middle.y()), *words.names)))
    nowhere = tr("Place {:.0f} of the layer '{}' lies nowhere on the Earth; check the CRS of the layer.")
    try:
        done = outline.transform(to_earth)
        spot = to_earth.transform(middle)
    except QgsCsException as error:
        raise InputError(nowhere.format(rank, label)) from error
    if done != Qgis.GeometryOperationResult.Success:
        raise InputError(nowhere.format(rank, label))
    lines = (
        marking,
        (tr("Priority place {:.0f}") if has_place_fields(feature.fields()) else tr("Place {:.0f}")).format(rank),
        tr("Expected events: {}").format(number(expected)) if expected is not None else "",
        tr("Near: {}").format(words.feature) if words.feature else "",
    )
    return PlaceMark(rank=int(rank), where=where, lines=lines, outline=outline, middle=spot)


def _value(feature: QgsFeature, name: str) -> float | None:
    """A number of a place; None where it has none."""
    return number_in(feature[name]) if feature.fields().lookupField(name) >= 0 else None
