"""rtm:crossvalidate — the whole procedure, judged where it has not looked."""

from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingParameterDistance,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterVectorDestination,
)

from ..rtm_plugin.adapters.crs import crs_of
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.rasters import read_candidates, read_counts
from ..rtm_plugin.core.accuracy.crossvalidation import Comparison, compare
from ..rtm_plugin.core.accuracy.folds import Folds, area_folds, block_folds, random_folds
from ..rtm_plugin.core.candidates.covariates import Observations, observe
from ..rtm_plugin.core.documents.reading import json_text
from ..rtm_plugin.core.documents.settings import SelectionSettings
from ..rtm_plugin.core.errors import InputError
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.crossvalidation_tables import (
    FOLD_COLUMNS,
    HEADLINE_SHARE,
    SELECTION_COLUMNS,
    at_share,
    crossvalidation_document,
    fold_rows,
    selection_rows,
    tell_comparison,
)
from .shared.marking import add_marking, given_marking
from .shared.outputs import plain_parameters, save_crossvalidated, save_table, versions
from .shared.parameters import add_covariates, read_covariates, read_source
from .shared.request import Request
from .shared.settings import add_settings, read_settings, whole_number


class CrossValidate(RtmAlgorithm):
    """Cross-validate the selection in space and at random."""

    NAME = "crossvalidate"
    LABEL = "Cross-validate the model"
    GROUP = ("accuracy", "How good is the map")
    TAGS = ("spatial folds", "blocks", "hold-out", "accuracy", "stability")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterRasterLayer("COUNTS", tr("Event counts")),
            tr("Output of 'Count events'."),
        )
        self.add(
            QgsProcessingParameterMultipleLayers(
                "CANDIDATES", tr("Candidate variables"), Qgis.ProcessingSourceType.Raster
            ),
            tr("Outputs of 'Operationalise a risk factor', one raster for each factor, made from the same study grid."),
        )
        self._add_folds()
        add_covariates(self)
        add_settings(self, SelectionSettings)
        add_marking(self)
        self._add_outputs()

    def _add_folds(self) -> None:
        self.add(
            whole_number("HELD_OUT_FOLDS", tr("Folds to hold out"), 5, 2, 50),
            tr("In how many parts the cells are dealt; each is held out once, and everything is fitted without it."),
        )
        self.add(
            QgsProcessingParameterDistance(
                "BLOCK_SIZE", tr("Side of the blocks"), None, "COUNTS", optional=True, minValue=0.001
            ),
            tr(
                "The spatial folds are made of square blocks with this side, which should be longer than the factors' "
                "influence. Empty: twice the largest spatial influence of the candidates."
            ),
        )
        self.add(
            QgsProcessingParameterDistance("BUFFER", tr("Buffer"), None, "COUNTS", optional=True, minValue=0.0),
            tr(
                "Cells within this distance of a held-out block or area leave the fit too, so that it knows nothing of "
                "the edge. Empty: one block length of the study grid."
            ),
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                "AREAS", tr("Areas to hold out"), [Qgis.ProcessingSourceType.VectorPolygon], optional=True
            ),
            tr(
                "Polygons, such as police districts, that make the spatial folds in place of square blocks. Cells in "
                "none of them are always fitted on."
            ),
        )
        self.add(
            QgsProcessingParameterField(
                "AREA_FIELD", tr("Name of the areas"), parentLayerParameterName="AREAS", optional=True
            ),
            tr("The field that names the areas; polygons of the same name are one area."),
            advanced=True,
        )

    def _add_outputs(self) -> None:
        table = Qgis.ProcessingSourceType.Vector
        self.add(
            QgsProcessingParameterVectorDestination("OUTPUT_TABLE", tr("Folds and accuracy"), table),
            tr("Table with a row for each fold, and for all folds together, at 1, 2, 5, 10 and 20 percent of area."),
        )
        self.add(
            QgsProcessingParameterVectorDestination(
                "OUTPUT_SELECTION", tr("How often factors are selected"), table, optional=True, createByDefault=True
            ),
            tr("Table with a row for each factor and each candidate selected at least once: in how many folds."),
        )
        self.add(
            QgsProcessingParameterRasterDestination(
                "OUTPUT_EXPECTED", tr("Out-of-fold expected counts"), optional=True, createByDefault=False
            ),
            tr("Raster of expected counts, each from the model that had not seen the cell's block or area."),
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "OUTPUT_JSON", tr("Result as JSON"), tr("JSON file (*.json)"), optional=True, createByDefault=False
            ),
            tr("Everything that the tables hold, the settings, and the model of each fold."),
        )
        self.addOutput(QgsProcessingOutputNumber("PAI_SPATIAL", tr("PAI at 5 % of area, spatial folds")))
        self.addOutput(QgsProcessingOutputNumber("PAI_RANDOM", tr("PAI at 5 % of area, random folds")))

    def execute(self, request: Request) -> dict[str, Any]:
        marking = given_marking(request)
        counts = request.raster("COUNTS", "event count")
        grid, events = read_counts(counts)
        rasters = request.rasters("CANDIDATES", "candidate")
        candidates = read_candidates(rasters, grid, request.progress(0.0, 0.05))
        observed = observe(grid, events.counts, candidates, read_covariates(request, grid))
        settings = read_settings(request, SelectionSettings)
        spatial = self._spatial_folds(request, observed)
        random = random_folds(observed.counts, spatial.count, settings.seed)
        comparison = compare(observed, spatial, random, settings, request.progress(0.05, 0.95))
        tell_comparison(comparison, request.feedback)
        sources = [item for raster in (counts, *rasters) for item in raster.items.sources]
        provenance = {**versions(marking), "parameters": plain_parameters(request), "inputs": sources}
        return self._write(request, observed, comparison, provenance, marking)

    def _spatial_folds(
        self,
        request: Request,
        observed: Observations,
    ) -> Folds:
        """Areas where they are given, else square blocks."""
        folds, seed = (request.whole(name) for name in ("HELD_OUT_FOLDS", "SEED"))
        grid, counts = observed.grid, observed.counts
        buffer = grid.block_length
        if request.given("BUFFER") is not None:
            buffer = request.number("BUFFER")
        if request.given("AREAS"):
            name = request.text("AREA_FIELD")
            read = read_source(request, "AREAS", crs_of(grid), wanted="polygon", name_field=name)
            dealt = area_folds(grid, read.named, counts, folds, buffer, seed)
            what = tr("areas of '{}'").format(read.report.name)
        else:
            side = 2 * max(candidate.distance for candidate in observed.candidates.candidates)
            if request.given("BLOCK_SIZE") is not None:
                side = request.number("BLOCK_SIZE")
            dealt = block_folds(grid, counts, side, folds, buffer, seed)
            what = tr("square blocks with a side of {:g}").format(side)
        request.feedback.pushInfo(
            tr("{} spatial folds of {} {}, with a buffer of {:g}.").format(
                dealt.count, sum(map(len, dealt.units)), what, buffer
            )
        )
        never = int((dealt.label < 0).sum())
        if never:
            request.feedback.pushInfo(tr("{:,} cells lie in none of the areas and are never held out.").format(never))
        if not counts[dealt.label >= 0].any():
            raise InputError(tr("No event lies in the areas to hold out; choose areas that cover the events."))
        return dealt

    def _write(
        self,
        request: Request,
        observed: Observations,
        comparison: Comparison,
        provenance: dict[str, Any],
        marking: str,
    ) -> dict[str, Any]:
        table, selection, expected = (
            request.output(name) for name in ("OUTPUT_TABLE", "OUTPUT_SELECTION", "OUTPUT_EXPECTED")
        )
        document = request.output("OUTPUT_JSON")
        with Staging(request.feedback, marking) as staging:
            save_table(staging, table, FOLD_COLUMNS, fold_rows(comparison))
            if selection:
                save_table(staging, selection, SELECTION_COLUMNS, selection_rows(comparison, observed.candidates))
            if expected:
                save_crossvalidated(staging, expected, observed.grid, comparison.spatial.expected)
            if document:
                text = crossvalidation_document(comparison, observed, provenance)
                staging.text(document, json_text(text))
        group = results_group()
        request.present(table, tr("Cross-validation: folds and accuracy"), group, 10)
        request.present(selection, tr("Cross-validation: how often factors are selected"), group, 10)
        request.present(expected, tr("Out-of-fold expected events in a cell"), group, 20)
        paths = {"OUTPUT_TABLE": table, "OUTPUT_SELECTION": selection, "OUTPUT_EXPECTED": expected}
        return {
            **{name: path for name, path in {**paths, "OUTPUT_JSON": document}.items() if path},
            "PAI_SPATIAL": at_share(comparison.spatial.accuracy, HEADLINE_SHARE).pai.expected,
            "PAI_RANDOM": at_share(comparison.random.accuracy, HEADLINE_SHARE).pai.expected,
        }
