"""rtm:diagnose — does the model fit: what it leaves over, how it predicts, what its factors rest on."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
)

from ..rtm_plugin.adapters.crs import crs_of, metres_per_unit, units_text
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.rasters import read_candidates, read_counts
from ..rtm_plugin.core.answers.diagnosis import diagnose
from ..rtm_plugin.core.candidates.covariates import Observations
from ..rtm_plugin.core.diagnostics.moran import PERMUTATIONS
from ..rtm_plugin.core.documents.settings import PlaceSettings
from ..rtm_plugin.core.model.document import RiskModel
from ..rtm_plugin.core.pipeline import observe_again, score
from ..rtm_plugin.core.terrain.places import FEWEST, Places, priority_places
from ..rtm_plugin.report.diagnosis import DiagnosisFindings, diagnosis_findings
from ..rtm_plugin.report.diagnosis_page import render_diagnosis
from ..rtm_plugin.report.saved import context_of
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.diagnosis_tables import (
    CHECK_COLUMNS,
    CORRELOGRAM_COLUMNS,
    check_rows,
    correlogram_rows,
    save_residuals,
    tell_diagnosis,
)
from .shared.marking import add_carried_marking, carried_marking, marking_of_model
from .shared.outputs import plain_parameters, save_table, versions
from .shared.parameters import add_covariates, read_covariates
from .shared.request import Request
from .shared.settings import add_settings, read_settings, whole_number


class Diagnose(RtmAlgorithm):
    """Check a model on the cells and events that it was fitted on."""

    NAME = "diagnose"
    LABEL = "Does the model fit?"
    GROUP = ("accuracy", "How good is the map")
    TAGS = ("diagnostics", "residuals", "Moran", "autocorrelation", "overdispersion", "collinearity", "influence")
    PACKAGES = ("scipy", "jinja2")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterFile("MODEL", tr("Model"), extension="json"),
            tr("Output of 'Select model' or of 'Risk terrain model, start to finish'."),
        )
        self.add(
            QgsProcessingParameterRasterLayer("COUNTS", tr("Event counts")),
            tr("Output of 'Count events' for the events that the model was fitted on."),
        )
        self.add(
            QgsProcessingParameterMultipleLayers(
                "CANDIDATES", tr("Candidate variables"), Qgis.ProcessingSourceType.Raster
            ),
            tr("The rasters of all factors that were offered, those that the model did not select too."),
        )
        add_covariates(self)
        add_settings(self, PlaceSettings, parent="COUNTS", all_advanced=True)
        self.add(
            whole_number("PERMUTATIONS", tr("Arrangements by chance"), PERMUTATIONS, 19, 99_999),
            tr(
                "How often the residuals are dealt out anew over the cells, to say whether neighbours are more alike "
                "than by chance."
            ),
            advanced=True,
        )
        self.add(
            whole_number("SEED", tr("Seed"), 1, 0, 2**31 - 1),
            tr("Seeds these arrangements, the only random step: the same seed gives the same figures."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterString("TITLE", tr("Title"), optional=True),
            tr("Heads the page; that of the study when empty."),
        )
        add_carried_marking(self, tr("the model"))
        self._add_outputs()

    def _add_outputs(self) -> None:
        table, file = QgsProcessingParameterVectorDestination, QgsProcessingParameterFileDestination
        vector = Qgis.ProcessingSourceType.Vector
        self.add(
            table("OUTPUT_TABLE", tr("Checks"), vector),
            tr("Table with a row for each check: a sentence that says what to do, and a number for the expert."),
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "OUTPUT_RESIDUALS", tr("Residuals"), optional=True, createByDefault=True
            ),
            tr(
                "Raster of Pearson residuals: how many standard deviations more, or fewer, events happened in a cell "
                "than the model expects."
            ),
        )
        self.add(
            table("OUTPUT_CORRELOGRAM", tr("Likeness by distance"), vector, optional=True, createByDefault=False),
            tr("Table with a row for each distance: Moran's I of the residuals, and pairs of events with the curve."),
        )
        self.add(
            file("OUTPUT_JSON", tr("Result as JSON"), tr("JSON file (*.json)"), optional=True, createByDefault=False),
            tr("Every check and every figure in one file."),
        )
        self.add(
            file("OUTPUT_REPORT", tr("Page"), tr("HTML page (*.html)"), optional=True, createByDefault=True),
            tr("One self-contained HTML page: what was found, figures, tables, and how it was checked."),
        )
        self.addOutput(QgsProcessingOutputNumber("WARNINGS", tr("Number of checks that warn")))
        self.addOutput(QgsProcessingOutputNumber("MORAN", tr("Moran's I of the residuals")))
        self.addOutput(QgsProcessingOutputNumber("MORAN_P", tr("p of Moran's I")))

    def execute(self, request: Request) -> dict[str, Any]:
        model = RiskModel.load(request.file("MODEL"))
        marking = carried_marking(request, [marking_of_model(model)])
        observed, sources = self._observed(request, model)
        places = self._places(request, model, observed)
        diagnosis = diagnose(
            observed,
            model,
            places.label,
            permutations=request.whole("PERMUTATIONS"),
            seed=request.whole("SEED"),
            progress=request.progress(0.15, 0.95),
        )
        crs = crs_of(observed.grid)
        about = context_of(model, units_text(crs), metres_per_unit(crs), request.text("TITLE").strip())
        provenance = {**versions(marking), "parameters": plain_parameters(request), "inputs": sources}
        findings = diagnosis_findings(diagnosis, about, provenance)
        tell_diagnosis(findings, request.feedback)
        moran = diagnosis.moran
        return {
            **self._write(request, findings, marking),
            "WARNINGS": len(findings.warnings),
            **({} if moran is None else {"MORAN": moran.statistic, "MORAN_P": moran.p}),
        }

    def _observed(self, request: Request, model: RiskModel) -> tuple[Observations, list[dict[str, Any]]]:
        """The cells with what the model was fitted on, and the provenance of their layers."""
        counts = request.raster("COUNTS", "event count")
        grid, events = read_counts(counts)
        rasters = request.rasters("CANDIDATES", "candidate")
        candidates = read_candidates(rasters, grid, request.progress(0.0, 0.1))
        observed = observe_again(model, grid, candidates, read_covariates(request, grid), events.counts)
        model.require_candidates(observed.candidates)
        lacking = {c.factor: None for c in model.candidates if c.name not in observed.candidates}
        if lacking:
            request.feedback.pushWarning(
                tr(
                    "The model was offered candidates of {} that are not among these rasters, so nothing can be said "
                    "of them; add their rasters."
                ).format(", ".join(lacking))
            )
        return observed, [item for raster in (counts, *rasters) for item in raster.items.sources]

    def _places(self, request: Request, model: RiskModel, observed: Observations) -> Places:
        """The priority places of the model's terrain."""
        scores = score(model.best, observed).scores
        settings = read_settings(request, PlaceSettings)
        watched = request.progress(0.1, 0.15)
        return priority_places(observed.grid, scores, settings, progress=watched, fewest=FEWEST)

    def _write(self, request: Request, findings: DiagnosisFindings, marking: str) -> dict[str, Any]:
        names = ("OUTPUT_TABLE", "OUTPUT_RESIDUALS", "OUTPUT_CORRELOGRAM", "OUTPUT_JSON", "OUTPUT_REPORT")
        paths = {name: request.output(name) for name in names}
        table, residuals, correlogram, document, page = (paths[name] for name in names)
        with Staging(request.feedback, marking) as staging:
            save_table(staging, table, CHECK_COLUMNS, check_rows(findings))
            if residuals:
                save_residuals(staging, residuals, findings.diagnosis)
            if correlogram:
                save_table(staging, correlogram, CORRELOGRAM_COLUMNS, correlogram_rows(findings.diagnosis))
            if document:
                staging.text(document, findings.to_json())
            if page:
                staging.text(page, render_diagnosis(findings))
        group = results_group()
        request.present(table, tr("Does the model fit: checks"), group, 10)
        request.present(residuals, tr("Residuals: more or fewer events than expected"), group, 20)
        request.present(correlogram, tr("Does the model fit: likeness by distance"), group, 10)
        return {name: path for name, path in paths.items() if path}
