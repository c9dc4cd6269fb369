"""rtm:explain — why a place has its score."""

from dataclasses import replace
from typing import Any

import numpy as np
from qgis.core import (
    Qgis,
    QgsFeatureRequest,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingOutputString,
    QgsProcessingOutputVariant,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterPoint,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsVariantUtils,
    QgsVectorLayer,
)

from ..rtm_plugin.adapters.belonging import Terrain, expected_of, require_places_of, terrain_of
from ..rtm_plugin.adapters.crs import crs_of, units_text
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.layers import layer_name, read_layer
from ..rtm_plugin.core.answers.explain import explain
from ..rtm_plugin.core.arrays import Floats
from ..rtm_plugin.core.documents.factor_settings import FactorSettings, LayerSettings
from ..rtm_plugin.core.documents.reading import json_text, known
from ..rtm_plugin.core.errors import InputError
from ..rtm_plugin.core.ground.features import Features
from ..rtm_plugin.core.ground.grid import Grid
from ..rtm_plugin.core.model.document import RiskModel
from ..rtm_plugin.core.pipeline import count
from .shared.base import RtmAlgorithm, tr
from .shared.marking import carried_marking, marking_of_model
from .shared.parameters import read_factor_settings, read_source
from .shared.request import Request


class Explain(RtmAlgorithm):
    """Tell score, class, rank, events and factors of one cell."""

    NAME = "explain"
    LABEL = "Why here? One place explained"
    GROUP = ("answers", "Answers from the model")
    TAGS = ("explain", "share", "factor", "map tool")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterFile("MODEL", tr("Model"), extension="json"),
            tr("Model file of 'Select model' or of a whole study."),
        )
        self.add(
            QgsProcessingParameterRasterLayer("TERRAIN", tr("Risk terrain")),
            tr("The risk terrain that was made with the model."),
        )
        self.add(
            QgsProcessingParameterRasterLayer("EXPECTED", tr("Expected counts"), optional=True),
            tr("The expected counts that were made with the terrain."),
        )
        self.add(
            QgsProcessingParameterPoint("POINT", tr("Place to explain")),
            tr("A point in the cell, with its coordinate reference system in brackets where it is not the terrain's."),
        )
        self.add(
            QgsProcessingParameterMultipleLayers(
                "FACTORS", tr("Risk factors"), Qgis.ProcessingSourceType.Vector, optional=True
            ),
            tr("The layers of the factors, as the model was fitted on them. Factors without a layer are named only."),
        )
        self.add(
            QgsProcessingParameterString(
                "FACTOR_SETTINGS", tr("Factor settings (JSON text or file)"), multiLine=True, optional=True
            ),
            tr("The same as for the whole study: names and filters of the factors that differ from their layers'."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                "EVENTS", tr("Outcome events"), [Qgis.ProcessingSourceType.Vector], optional=True
            ),
            tr("The events that the model was fitted on, to tell how many were observed in the cell."),
        )
        self.add(
            QgsProcessingParameterFeatureSource(
                "PLACES", tr("Priority places"), [Qgis.ProcessingSourceType.VectorPolygon], optional=True
            ),
            tr("Output of 'Priority places'; the answer then tells of the place that the cell lies in."),
        )
        self.add(
            QgsProcessingParameterFileDestination(
                "OUTPUT", tr("Answer"), tr("JSON file (*.json)"), optional=True, createByDefault=False
            ),
            tr("The answer as a JSON file."),
        )
        self.addOutput(QgsProcessingOutputString("TEXT", tr("The answer in plain lines")))
        self.addOutput(QgsProcessingOutputVariant("ANSWER", tr("The answer as a structure")))

    def execute(self, request: Request) -> dict[str, Any]:
        model = RiskModel.load(request.file("MODEL"))
        marking = carried_marking(request, [marking_of_model(model)])
        terrain = terrain_of(request.raster("TERRAIN", "risk terrain"), model)
        grid, scores = terrain.grid, terrain.scores
        cell = self._cell(request, grid)
        request.feedback.setProgress(20)
        expected = None
        if request.given("EXPECTED"):
            raster = request.raster("EXPECTED", "expected counts")
            expected = expected_of(raster, model, terrain)
        observed, notes = self._observed(request, grid, model)
        factors = self._factors(request, grid, {term.factor for term in model.selected})
        answer = explain(model, grid, cell, scores=scores, expected=expected, observed=observed, features=factors)
        place = self._place(request, terrain, answer.x, answer.y)
        answer = replace(answer, notes=(*answer.notes, *notes), place=place)
        units = units_text(crs_of(grid))
        text = "\n".join([*([marking] if marking else []), *answer.lines(units)])
        for line in text.split("\n"):
            request.feedback.pushInfo(line)
        document = {**answer.to_dict(units), "crs": grid.crs, "cell_size": grid.cell_size}
        document |= {"marking": marking} if marking else {}
        output = request.output("OUTPUT")
        if output:
            with Staging(request.feedback) as staging:
                staging.text(output, json_text(document, known))
        return {**({"OUTPUT": output} if output else {}), "TEXT": text, "ANSWER": document}

    def _cell(self, request: Request, grid: Grid) -> int:
        point = request.point("POINT", crs_of(grid))
        cell = int(grid.cell_of(np.array([[point.x(), point.y()]]))[0])
        if cell < 0:
            raise InputError(tr("The point lies in no cell of the risk terrain; choose a place on the coloured map."))
        return cell

    def _observed(
        self,
        request: Request,
        grid: Grid,
        model: RiskModel,
    ) -> tuple[Floats | None, tuple[str, ...]]:
        """Events in each cell, and a note when they are not as many as the model was fitted on."""
        if not request.given("EVENTS"):
            return None, ()
        read = read_source(request, "EVENTS", crs_of(grid), wanted="point")
        counts = count(grid, read.features.coordinates)
        if counts.inside == model.events.inside:
            return counts.counts, ()
        note = tr("The model was fitted on {:,.0f} events, and the layer of observed events holds {:,.0f} in the area.")
        return counts.counts, (note.format(model.events.inside, counts.inside),)

    def _place(self, request: Request, terrain: Terrain, x: float, y: float) -> str:
        """The priority place around the centre of the cell, in a sentence; as much of it as its fields say."""
        source = request.source("PLACES")
        if source is None:
            return ""
        grid, layer = terrain.grid, request.vector_layer("PLACES")
        if layer is not None:
            require_places_of(layer, terrain)
        centre = QgsGeometry.fromPointXY(QgsPointXY(x, y))
        around = QgsFeatureRequest().setDestinationCrs(crs_of(grid), request.context.transformContext())
        around.setFilterRect(centre.boundingBox().buffered(grid.cell_size / 100))
        for feature in source.getFeatures(around):
            if feature.geometry().contains(centre):
                return _place_text({field.name(): feature[field.name()] for field in feature.fields()})
        return ""

    def _factors(
        self,
        request: Request,
        grid: Grid,
        wanted: set[str],
    ) -> dict[str, Features]:
        """Features of the selected factors, by the names that the factor settings give their layers."""
        given = request.given("FACTOR_SETTINGS")
        if not isinstance(given, (dict, list)):  # qgis_process hands over nested JSON as it is
            given = request.text("FACTOR_SETTINGS")
        entries = read_factor_settings(given)
        features: dict[str, Features] = {}
        for layer in request.layers("FACTORS"):
            name = layer_name(layer)
            for entry in [e for e in entries if e.layer == name] or [LayerSettings(name)]:
                factor = entry.factor(FactorSettings(name)).name
                if factor in wanted and isinstance(layer, QgsVectorLayer):
                    read = read_layer(
                        layer,
                        factor,
                        crs_of(grid),
                        request.context,
                        request.feedback,
                        expression=entry.filter,
                        layer=layer,
                    )
                    features[factor] = read.features
        return features


def _place_text(values: dict[str, Any]) -> str:
    known = {name: value for name, value in values.items() if not QgsVariantUtils.isNull(value)}
    rank = known.get("rank")
    which = tr("It lies in priority place {}").format(rank) if rank is not None else tr("It lies in a priority place")
    parts = [", ".join(str(known[name]) for name in ("where", "street", "area_name") if known.get(name))]
    if "cells" in known:
        parts.append(tr("{:,} cells").format(int(known["cells"])))
    if "expected" in known:
        parts.append(tr("{:,.1f} expected events").format(float(known["expected"])))
    if "observed" in known:
        parts.append(tr("{:,.4g} observed events").format(float(known["observed"])))
    if known.get("factors"):
        parts.append(tr("at work: {}").format(known["factors"]))
    text = ", ".join(filter(None, parts))
    return f"{which}: {text}." if text else f"{which}."
