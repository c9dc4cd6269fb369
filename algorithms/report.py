"""rtm:report — the report of a model that was saved, from the model's file and its rasters."""

from dataclasses import replace
from typing import Any

import numpy as np
from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsVectorLayer,
)

from ..rtm_plugin.adapters.belonging import expected_of, terrain_of
from ..rtm_plugin.adapters.crs import crs_of, metres_per_unit, units_text
from ..rtm_plugin.adapters.feedback import stop_if_cancelled
from ..rtm_plugin.adapters.fields import guessed_name_field
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.layers import layer_name, read_layer
from ..rtm_plugin.adapters.rasters import Raster, read_candidates
from ..rtm_plugin.core.answers.diagnosis import Diagnosis
from ..rtm_plugin.core.arrays import Floats
from ..rtm_plugin.core.candidates.columns import CandidateSet
from ..rtm_plugin.core.candidates.covariates import observe
from ..rtm_plugin.core.documents.settings import PlaceSettings
from ..rtm_plugin.core.documents.study_document import StudyDocument
from ..rtm_plugin.core.errors import InputError
from ..rtm_plugin.core.ground.grid import Grid
from ..rtm_plugin.core.model.document import RiskModel
from ..rtm_plugin.core.terrain.places import FEWEST, Places, priority_places
from ..rtm_plugin.core.terrain.scores import shares
from ..rtm_plugin.core.tools.progress import Progress
from ..rtm_plugin.report.cells import Cells, NamedLayer
from ..rtm_plugin.report.derive import findings
from ..rtm_plugin.report.findings import ReportContext
from ..rtm_plugin.report.place_lists import place_lists
from ..rtm_plugin.report.saved import context_of
from .shared.base import RtmAlgorithm, tr
from .shared.log import tell_places
from .shared.marking import add_carried_marking, carried_marking, marked, marking_of_model
from .shared.report_parts import REPORT_OUTPUTS, add_report_outputs, diagnosis_of, reports_of
from .shared.request import Request
from .shared.settings import add_settings, read_settings
from .shared.study_inputs import with_places
from .shared.whereabouts import add_streets_and_areas, places_told, read_streets_and_areas


class Report(RtmAlgorithm):
    """Write the report of a saved model."""

    NAME = "report"
    LABEL = "Report of a saved model"
    GROUP = ("study", "Study from start to finish")
    TAGS = ("html", "page", "briefing", "findings", "place cards")
    PACKAGES = ("scipy", "jinja2")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        raster, many = QgsProcessingParameterRasterLayer, QgsProcessingParameterMultipleLayers
        self.add(
            QgsProcessingParameterFile("MODEL", tr("Model"), extension="json"),
            tr("Output of 'Select model' or of 'Risk terrain model, start to finish'."),
        )
        self.add(raster("TERRAIN", tr("Risk terrain")), tr("The raster of scores that was made with this model."))
        self.add(
            raster("EXPECTED", tr("Expected counts"), optional=True),
            tr("The raster of expected counts of the same run; it ranks the places and is held against the counts."),
        )
        self.add(
            raster("COUNTS", tr("Event counts"), optional=True),
            tr(
                "Output of 'Count events' for the events that the model was fitted on; without it the report tells no "
                "events of classes and places, and has no map of their density."
            ),
        )
        self.add(
            many("CANDIDATES", tr("Candidate variables"), Qgis.ProcessingSourceType.Raster, optional=True),
            tr("The rasters of the factors that the model selected; with them the cards tell which are at work."),
        )
        self.add(
            many("FACTORS", tr("Risk factors"), Qgis.ProcessingSourceType.Vector, optional=True),
            tr(
                "Layers of the factors in the model, called as they are there; with them and the candidate variables "
                "the cards tell what stands near, by name where a layer has a field of names."
            ),
        )
        add_settings(self, PlaceSettings, parent="TERRAIN")
        add_settings(self, StudyDocument)
        add_streets_and_areas(self)
        self.add(
            QgsProcessingParameterString("TITLE", tr("Title of the study"), optional=True),
            tr("Heads the report; that of the run when empty."),
        )
        add_carried_marking(self, tr("the model"))
        add_report_outputs(self)
        self.addOutput(QgsProcessingOutputNumber("PLACE_COUNT", tr("Number of places")))

    def execute(self, request: Request) -> dict[str, Any]:
        files = {name: request.output(name) for name in REPORT_OUTPUTS}
        if not any(files.values()):
            raise InputError(tr("Neither report, findings nor cards are wanted; choose a file for one of them."))
        model = RiskModel.load(request.file("MODEL"))
        model = marked(model, carried_marking(request, [marking_of_model(model)]))
        raster = request.raster("TERRAIN", "risk terrain")
        terrain = terrain_of(raster, model)
        grid, scores = terrain.grid, terrain.scores
        expected = None
        if request.given("EXPECTED"):
            counted = request.raster("EXPECTED", "expected")
            expected = expected_of(counted, model, terrain, or_foreign=True).astype(np.float64)
        counts = self._counts(request, grid)
        candidates = self._candidates(request, grid)
        if candidates is not None:
            model.require_candidates(candidates)
        settings = read_settings(request, PlaceSettings)
        told_by = read_streets_and_areas(request, crs_of(grid), grid.extent)
        terms = model.selected if candidates is not None else ()
        watched = request.progress(0.3, 0.6)
        places = priority_places(
            grid,
            scores,
            settings,
            expected=expected,
            observed=counts,
            terms=terms,
            candidates=candidates,
            progress=watched,
            fewest=FEWEST,
        )
        tell_places(places, grid, scores, settings, request.feedback)
        cells = Cells(
            grid=grid,
            scores=scores,
            places=places.label,
            expected=expected,
            counts=counts,
            shares=None if candidates is None else shares(terms, candidates),
            layers=self._layers(request, grid, model),
            streets=told_by.streets.features if told_by.streets is not None else None,
        )
        known = {"terms": terms, "shares": cells.shares, "layers": cells.layers}
        places = places_told(places, grid, told_by, request.context, **known)
        about = self._about(request, model, raster, counts)
        about = with_places(about, places, settings)
        cards = request.whole("PLACE_CARDS")
        diagnosis = _diagnosis(model, grid, counts, candidates, places, request.progress(0.6, 0.8))
        report = findings(
            model,
            about,
            places.places,
            cells,
            cards=cards,
            diagnosis=diagnosis,
            lists=place_lists(about, grid, places),
        )
        stop_if_cancelled(request.feedback)
        written = {name: files[name] for name in reports_of(report) if files[name]}
        with Staging(request.feedback, marking_of_model(model)) as staging:
            for name, path in written.items():
                REPORT_OUTPUTS[name](staging, path, report, cells)
        return {**written, "PLACE_COUNT": len(places.places)}

    def _counts(self, request: Request, grid: Grid) -> Floats | None:
        """Events in the cells of the terrain."""
        if not request.given("COUNTS"):
            return None
        raster = request.raster("COUNTS", "counts")
        raster.require("counts", "counts", "rtm:countevents", or_foreign=True)
        values = raster.values_on(grid)
        if not np.isfinite(values).all() or (values < 0).any():
            raise InputError(
                f"The raster '{raster.name}' lacks a value of 0 or more in some cells of the risk terrain; choose the "
                "raster of the same study."
            )
        return values

    def _candidates(self, request: Request, grid: Grid) -> CandidateSet | None:
        if not request.given("CANDIDATES"):
            return None
        rasters = request.rasters("CANDIDATES", "candidate")
        return read_candidates(rasters, grid, request.progress(0.0, 0.3))

    def _layers(
        self,
        request: Request,
        grid: Grid,
        model: RiskModel,
    ) -> dict[str, NamedLayer]:
        """The factors' features, by the names that the model has for them."""
        known = {candidate.factor for candidate in model.candidates}
        layers = {}
        for layer in request.layers("FACTORS"):
            name = layer_name(layer)
            if not isinstance(layer, QgsVectorLayer):
                raise InputError(f"The risk factor '{name}' is not a vector layer; choose points, lines or polygons.")
            if name not in known:
                request.feedback.pushWarning(
                    tr("The layer '{}' is none of the model's factors and is left out; rename it if it is one.").format(
                        name
                    )
                )
                continue
            field = guessed_name_field(layer.fields()) or None
            read = read_layer(
                layer, name, crs_of(grid), request.context, request.feedback, layer=layer, name_field=field
            )
            read.report.tell(request.feedback)
            layers[name] = read.by_name
        return layers

    def _about(
        self,
        request: Request,
        model: RiskModel,
        raster: Raster,
        counts: Floats | None,
    ) -> ReportContext:
        title = request.text("TITLE").strip()
        about = context_of(model, units_text(raster.crs), metres_per_unit(raster.crs), title)
        if counts is None or abs(float(counts.sum()) - model.events_fitted) < 0.5:
            return about
        warning = tr(
            "The event counts hold {:,.0f} events, but the model was fitted on {:,.0f}: events of classes and places "
            "in this report are not those that made the model."
        ).format(float(counts.sum()), model.events_fitted)
        return replace(about, warnings=(*about.warnings, warning))


def _diagnosis(
    model: RiskModel,
    grid: Grid,
    counts: Floats | None,
    candidates: CandidateSet | None,
    places: Places,
    progress: Progress,
) -> Diagnosis | None:
    """Whether the model fits; None unless the rasters hold all that it was fitted on."""
    with_layers = model.exposure is not None or bool(model.best.adjustments)
    if counts is None or candidates is None or with_layers:
        return None
    if any(fate.name not in candidates for fate in model.candidates):
        return None
    return diagnosis_of(observe(grid, counts, candidates, None), model, places.label, progress)
