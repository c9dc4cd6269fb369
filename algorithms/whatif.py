"""rtm:whatif — the terrain and the expected events if a factor's features were other ones."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
)

from ..rtm_plugin.adapters.belonging import Terrain, expected_of, require_places_of, terrain_of
from ..rtm_plugin.adapters.crs import crs_of
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.tables import Column
from ..rtm_plugin.core.answers.whatif import NOT_CAUSE, PlaceChange, WhatIf, place_changes, what_if
from ..rtm_plugin.core.ground.features import Features
from ..rtm_plugin.core.model.document import RiskModel
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.marking import carried_marking, marking_of_model
from .shared.outputs import save_table, save_what_if
from .shared.parameters import read_source, source_item
from .shared.request import Request

RANK = "rank"  # the field that names the places of rtm:priorityplaces
_TOLD = 10  # places in the log, those that change most; the table has all
CHANGE_COLUMNS: tuple[Column, ...] = (
    ("place", str),
    ("cells", int),
    ("expected_before", float),
    ("expected_after", float),
    ("change", float),
    ("change_percent", float),
    ("change_low", float),
    ("change_high", float),
    ("note", str),
)


class WhatIfFeaturesChange(RtmAlgorithm):
    """Score the cells with one factor's features changed."""

    NAME = "whatif"
    LABEL = "What if: a risk factor's features change"
    GROUP = ("answers", "Answers from the model")
    TAGS = ("scenario", "remove", "move", "difference", "problem solving")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self._add_inputs()
        self._add_outputs()

    def _add_inputs(self) -> None:
        vector = [Qgis.ProcessingSourceType.Vector]
        self.add(
            QgsProcessingParameterFile("MODEL", tr("Model"), extension="json"),
            tr("Model file of 'Select model' or of a whole study."),
        )
        self.add(
            QgsProcessingParameterRasterLayer("TERRAIN", tr("Risk terrain")),
            tr("The risk terrain that was made with the model."),
        )
        self.add(
            QgsProcessingParameterRasterLayer("EXPECTED", tr("Expected counts")),
            tr("The expected counts that were made with the terrain."),
        )
        self.add(
            QgsProcessingParameterString("FACTOR", tr("Name of the risk factor")),
            tr("The factor whose features change, by its name in the model."),
        )
        self.add(
            QgsProcessingParameterFeatureSource("BEFORE", tr("The factor's features as they are"), vector),
            tr("The layer that the model was fitted on, with the same filter; it is held against the model."),
        )
        self.add(
            QgsProcessingParameterFeatureSource("AFTER", tr("The features as they would be"), vector, optional=True),
            tr(
                "The whole layer after the change: a copy in which features are removed, moved or added, or the same "
                "layer with a filter. Empty: none of the factor's features is left."
            ),
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                "PLACES", tr("Places"), [Qgis.ProcessingSourceType.VectorPolygon], optional=True
            ),
            tr("Priority places, wards or other polygons; the table tells the change in each of them."),
        )
        self.add(
            QgsProcessingParameterField(
                "PLACE_FIELD", tr("Name of the places"), parentLayerParameterName="PLACES", optional=True
            ),
            tr("The field that names the places; when empty, the rank of priority places, else their order."),
        )

    def _add_outputs(self) -> None:
        raster = QgsProcessingParameterRasterDestination
        self.add(
            raster("OUTPUT", tr("Risk terrain after the change")),
            tr("Raster of relative risk scores, in the classes and on the scale of the terrain as it is."),
        )
        self.add(
            raster("OUTPUT_EXPECTED", tr("Expected counts after the change"), optional=True, createByDefault=True),
            tr("Raster of the number of events that the model expects in each cell with the changed features."),
        )
        self.add(
            raster("OUTPUT_DIFFERENCE", tr("Change in expected counts"), optional=True, createByDefault=True),
            tr("Raster of expected events after the change minus before: orange is more, purple is fewer."),
        )
        self.add(
            QgsProcessingParameterVectorDestination(
                "OUTPUT_TABLE",
                tr("Change by place"),
                Qgis.ProcessingSourceType.Vector,
                optional=True,
                createByDefault=True,
            ),
            tr(
                "Table with expected events before and after in each place and in the whole study area, and the change "
                "at both ends of the coefficient's 95 % interval."
            ),
        )
        self.addOutput(QgsProcessingOutputNumber("CHANGE", tr("Change in expected events in the study area")))
        self.addOutput(QgsProcessingOutputNumber("CELLS_CHANGED", tr("Cells whose exposure changes")))

    def execute(self, request: Request) -> dict[str, Any]:
        model = RiskModel.load(request.file("MODEL"))
        marking = carried_marking(request, [marking_of_model(model)])
        terrain = terrain_of(request.raster("TERRAIN", "risk terrain"), model)
        raster = request.raster("EXPECTED", "expected counts")
        expected = expected_of(raster, model, terrain)
        grid = terrain.grid
        factor = request.text("FACTOR").strip()
        before = read_source(request, "BEFORE", crs_of(grid))
        after, sources = Features(before.features.geometry, before.features.coordinates[:0], 0), []
        if request.given("AFTER"):
            read = read_source(request, "AFTER", crs_of(grid))
            after, sources = read.features, [source_item("after", read)]
        change = what_if(
            model,
            factor,
            before.features,
            after=after,
            grid=grid,
            scores=terrain.scores,
            expected=expected,
            progress=request.progress(0.1, 0.8),
        )
        places = self._places(request, terrain)
        rows = place_changes(grid, change, places, request.progress(0.8, 0.9))
        _tell(change, factor, before.report.features, after, rows, request.feedback)
        sources = [source_item("before", before), *sources]
        names = ("OUTPUT", "OUTPUT_EXPECTED", "OUTPUT_DIFFERENCE", "OUTPUT_TABLE")
        path = {name: request.output(name) for name in names}
        with Staging(request.feedback, marking) as staging:
            save_what_if(staging, path, grid, what_if=change, factor=factor, model=model, sources=sources)
            if path["OUTPUT_TABLE"]:
                save_table(staging, path["OUTPUT_TABLE"], CHANGE_COLUMNS, map(_cells_of, rows))
        self._present(request, path, factor)
        return {
            **{name: file for name, file in path.items() if file},
            "CHANGE": rows[-1].change,
            "CELLS_CHANGED": change.cells_changed,
        }

    def _places(
        self,
        request: Request,
        terrain: Terrain,
    ) -> list[tuple[str, Features]]:
        if not request.given("PLACES"):
            return []
        layer = request.vector_layer("PLACES")
        if layer is not None:
            require_places_of(layer, terrain)
        name = request.text("PLACE_FIELD")
        source = request.source("PLACES")
        if not name and source is not None and source.fields().lookupField(RANK) >= 0:
            name = RANK
        read = read_source(request, "PLACES", crs_of(terrain.grid), wanted="polygon", name_field=name)
        return read.named

    def _present(self, request: Request, path: dict[str, str], factor: str) -> None:
        group = results_group(tr("what if {} changed").format(factor))
        for name, label, order in (
            ("OUTPUT", tr("What if: risk terrain ({})"), 20),
            ("OUTPUT_EXPECTED", tr("What if: expected events ({})"), 10),
            ("OUTPUT_DIFFERENCE", tr("What if: change in expected events ({})"), 30),
            ("OUTPUT_TABLE", tr("What if: change by place ({})"), 5),
        ):
            request.present(path[name], label.format(tr(NOT_CAUSE)), group, order)


def _tell(
    change: WhatIf,
    factor: str,
    features: int,
    after: Features,
    rows: tuple[PlaceChange, ...],
    feedback: QgsProcessingFeedback,
) -> None:
    if change.term is None:
        feedback.pushWarning(
            tr("The model did not select '{}', so changing its features changes nothing on its maps.").format(factor)
        )
    else:
        feedback.pushInfo(
            tr("{}: {:,} features now, {:,} after the change; {:,} cells change their exposure.").format(
                factor, features, after.count, change.cells_changed
            )
        )
    largest = sorted(rows[:-1], key=lambda row: -abs(row.change))[:_TOLD]
    for row in [*largest, rows[-1]]:
        percent = "" if row.percent is None else f" ({row.percent:+.1f} %)"
        feedback.pushInfo(
            tr(
                "{}: {:.2f} expected events before, {:.2f} after: {:+.2f}{}; {:+.2f} to {:+.2f} by the coefficient's "
                "95 % interval."
            ).format(row.place, row.before, row.after, row.change, percent, row.low, row.high)
        )
    feedback.pushWarning(
        tr(
            "These figures are {}: they say what the model goes with, not what a change on the ground would bring. The "
            "interval leaves out that the factor was chosen by the same events."
        ).format(tr(NOT_CAUSE))
    )


def _cells_of(row: PlaceChange) -> list[Any]:
    return [row.place, row.cells, row.before, row.after, row.change, row.percent, row.low, row.high, NOT_CAUSE]
