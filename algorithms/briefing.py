"""rtm:briefing — a page for the wall: map, legend, factors and the sentences that matter, as PDF and print layout."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from qgis.core import (
    Qgis,
    QgsLayoutManager,
    QgsMapLayer,
    QgsProcessingParameterDateTime,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorLayer,
    QgsProject,
    QgsProjectMetadata,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDateTime

from ..rtm_plugin.adapters.belonging import Terrain, require_places_of, terrain_of
from ..rtm_plugin.adapters.feedback import stop_if_cancelled
from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.layers import layer_name, read_layer
from ..rtm_plugin.adapters.outlines import keep_outline, outline_layer
from ..rtm_plugin.adapters.preferences import load_preferences
from ..rtm_plugin.adapters.rasters import Raster
from ..rtm_plugin.adapters.tables import read_places
from ..rtm_plugin.cartography.briefing import (
    BriefingLayers,
    BriefingText,
    export_pdf,
    fill,
    missing_items,
    read_template,
)
from ..rtm_plugin.cartography.styles import Painter, terrain_painter
from ..rtm_plugin.core.errors import InputError
from ..rtm_plugin.core.model.document import RiskModel
from ..rtm_plugin.core.terrain.scores import ScoreSummary
from ..rtm_plugin.report.cells import Cells
from ..rtm_plugin.report.wording import capital, listed, readable
from .shared.base import RESOURCES, RtmAlgorithm, tr
from .shared.briefing_text import briefing_text, hashes_of, names_of
from .shared.marking import add_carried_marking, carried_marking, marking_of_model
from .shared.request import Request
from .shared.settings import whole_number

PAGES = {"OUTPUT": ("A4", "TEMPLATE"), "OUTPUT_A3": ("A3", "TEMPLATE_A3")}  # output → page and own template


class Briefing(RtmAlgorithm):
    """Make a print layout and its PDFs."""

    NAME = "briefing"
    LABEL = "Briefing page (print layout and PDF)"
    GROUP = ("study", "Study from start to finish")
    TAGS = ("print", "layout", "PDF", "poster", "A4", "A3")

    def flags(self) -> Qgis.ProcessingAlgorithmFlag:
        # layouts and their items live in the main thread
        return super().flags() | Qgis.ProcessingAlgorithmFlag.NoThreading

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self._add_results_to_show()
        self._add_words()
        self._add_templates()
        file, pdf = QgsProcessingParameterFileDestination, tr("PDF (*.pdf)")
        self.add(
            file("OUTPUT", tr("Briefing on A4"), pdf, optional=True, createByDefault=True),
            tr("One page, A4 landscape, or of the size that the own template has."),
        )
        self.add(
            file("OUTPUT_A3", tr("Briefing on A3"), pdf, optional=True, createByDefault=False),
            tr("The same, A3 landscape."),
        )

    def _add_results_to_show(self) -> None:
        self.add(
            QgsProcessingParameterFile("MODEL", tr("Model"), extension="json"),
            tr("Output of 'Select model' or of a whole study; it gives the factors, the sentences and the period."),
        )
        self.add(
            QgsProcessingParameterRasterLayer("TERRAIN", tr("Risk terrain")),
            tr("Relative risk scores that were made with this model."),
        )
        polygons = [Qgis.ProcessingSourceType.VectorPolygon]
        self.add(
            QgsProcessingParameterVectorLayer("PLACES", tr("Priority places"), polygons, optional=True),
            tr("Outlined and numbered on the map; the inset shows the first of them."),
        )
        self.add(
            whole_number("PLACES_SHOWN", tr("How many places to show"), 20, 1, 1000),
            tr("The first places by rank; more would fill the map with numbers."),
            advanced=True,
        )
        self.add(
            QgsProcessingParameterVectorLayer("STUDY_AREA", tr("Study area"), polygons, optional=True),
            tr(
                "Outlined on the map; without it the outline that is kept in the risk terrain is drawn, and written "
                "into a GeoPackage beside the page, so that a saved project finds it again."
            ),
        )
        self.add(
            QgsProcessingParameterMultipleLayers(
                "FACTORS", tr("Risk factors to show"), Qgis.ProcessingSourceType.Vector, optional=True
            ),
            tr("Layers of features, each drawn in a symbol of its own. The events themselves are refused."),
        )
        self.add(
            QgsProcessingParameterMultipleLayers(
                "BASEMAP", tr("Basemap"), Qgis.ProcessingSourceType.MapLayer, optional=True
            ),
            tr("Streets, water or a background map, uppermost first; layers of points are refused."),
        )
        self.add(
            QgsProcessingParameterExtent("EXTENT", tr("Part to show"), optional=True),
            tr("What the map shows; the whole risk terrain when empty. The inset then shows where the part lies."),
            advanced=True,
        )

    def _add_words(self) -> None:
        text = QgsProcessingParameterString
        self.add(text("TITLE", tr("Title"), optional=True), tr("Heads the page; the study's own title when empty."))
        add_carried_marking(self, tr("the model"))
        self.add(
            text("AUTHOR", tr("Author"), optional=True),
            tr("Who answers for the page; analyst and unit of the settings page when empty."),
        )
        self.add(
            QgsProcessingParameterDateTime(
                "DATE", tr("Date"), Qgis.ProcessingDateTimeParameterDataType.Date, optional=True
            ),
            tr("Date of the page; today when empty."),
        )

    def _add_templates(self) -> None:
        for name, label in (("TEMPLATE", tr("Own template")), ("TEMPLATE_A3", tr("Own template for A3"))):
            self.add(
                QgsProcessingParameterFile(name, label, extension="qpt", optional=True),
                tr(
                    "A layout template of QGIS to be used instead of the plugin's; its items are found by their ids, "
                    "which the help lists."
                ),
                advanced=True,
            )

    def execute(self, request: Request) -> dict[str, Any]:
        request.feedback.setProgressText(tr("Reading layers"))
        model = RiskModel.load(request.file("MODEL"))
        layers, cells = self._layers(request, model)
        painter = terrain_painter(ScoreSummary.of(cells.scores))
        marking = carried_marking(request, [marking_of_model(model)])
        text = self._text(request, model, layers, cells, marking)
        extent = self._extent(request, layers)
        outputs = {name: request.output(name) for name in PAGES}
        wanted = {name: path for name, path in outputs.items() if path}
        if not wanted:
            raise InputError(tr("No page is asked for; choose where the briefing on A4 or A3 shall go."))
        templates = {name: self._template(request, name, text) for name in wanted}
        request.feedback.setProgressText(tr("Printing"))
        with Staging(request.feedback) as staging:
            for number, (name, path) in enumerate(wanted.items()):
                stop_if_cancelled(request.feedback)
                project = QgsProject()  # to print from: the analyst's own stays as it is when something goes wrong
                project.setMetadata(about(text))
                layout = read_template(project, templates[name])
                shown = add_layers(project, layers, painter, text.title)
                for problem in fill(layout, text, shown, extent):
                    request.feedback.pushWarning(problem)
                export_pdf(layout, staging.beside(path))
                request.feedback.setProgress(20 + 70 * (number + 1) / len(wanted))
        if request.project is not None:
            request.feedback.setProgressText(tr("Adding the layout to the project"))
            first = Path(next(iter(wanted.values())))
            layers = with_kept_outline(layers, first.with_name(f"{first.stem}-boundary.gpkg"))
            self._keep(request.project, templates, text, layers, painter, extent)
        return wanted

    def _layers(
        self,
        request: Request,
        model: RiskModel,
    ) -> tuple[BriefingLayers, Cells]:
        """What the map shows, and the cells of the terrain."""
        raster = request.raster("TERRAIN", "risk terrain")
        terrain = terrain_of(raster, model)
        grid, scores = terrain.grid, terrain.scores
        factors = self._factors(request, model, raster)
        layers = BriefingLayers(
            terrain=request.raster_layer("TERRAIN"),
            places=self._places(request, terrain, raster),
            outline=self._vector(request, "STUDY_AREA"),
            factors=factors,
            basemap=self._basemap(request),
            factor_names=tuple(capital(readable(layer_name(layer))) for layer in factors),
            places_shown=request.whole("PLACES_SHOWN"),
        )
        if layers.outline is None and grid.study_area is not None:
            layers = replace(layers, outline=outline_layer(grid.study_area, raster.crs, tr("Study area")))
        return layers, Cells(grid=grid, scores=scores, places=np.zeros(grid.cells, dtype=np.int64))

    def _places(self, request: Request, terrain: Terrain, raster: Raster) -> QgsVectorLayer | None:
        """The places of this terrain; those of another study are refused."""
        layer = self._vector(request, "PLACES")
        if layer is None:
            return None
        if layer.crs() != raster.crs:
            raise InputError(
                f"The priority places '{layer_name(layer)}' are in another coordinate reference system than the risk "
                f"terrain '{raster.name}'; choose the places of the same study."
            )
        require_places_of(layer, terrain)
        return layer

    def _vector(self, request: Request, name: str) -> QgsVectorLayer | None:
        if not request.given(name):
            return None
        layer = request.vector_layer(name)
        if layer is None:
            raise InputError(self.invalidSourceError(request.parameters, name))
        return layer

    def _factors(
        self,
        request: Request,
        model: RiskModel,
        raster: Raster,
    ) -> tuple[QgsVectorLayer, ...]:
        """Layers of risk factors; refused where they are the events, which never appear."""
        names, hashes = names_of(model), hashes_of(model)
        layers = []
        for layer in request.layers("FACTORS"):
            name = layer_name(layer)
            if not isinstance(layer, QgsVectorLayer) or not layer.isSpatial():
                raise InputError(f"The risk factor '{name}' has no features to draw; choose a layer of features.")
            read = read_layer(layer, name, raster.crs, request.context, request.feedback)
            roles = [role for role in ("events", "test events") if read.features.sha256 in hashes.get(role, ())]
            if roles or name in names.get("events", []):
                raise InputError(
                    f"The layer '{name}' holds the events of this study; where single events happened is not shown on "
                    "a briefing. Choose layers of risk factors only."
                )
            layers.append(layer)
        return tuple(layers)

    def _basemap(self, request: Request) -> tuple[QgsMapLayer, ...]:
        layers = request.layers("BASEMAP")
        for layer in layers:
            if isinstance(layer, QgsVectorLayer) and layer.geometryType() == Qgis.GeometryType.Point:
                raise InputError(
                    f"The basemap layer '{layer_name(layer)}' holds points; show risk factors as such, and no other "
                    "points."
                )
        return tuple(layers)

    def _text(
        self,
        request: Request,
        model: RiskModel,
        layers: BriefingLayers,
        cells: Cells,
        marking: str,
    ) -> BriefingText:
        words = {name: request.text(name).strip() for name in ("TITLE", "AUTHOR")}
        usual = load_preferences()
        words["AUTHOR"] = words["AUTHOR"] or ", ".join(text for text in (usual.analyst, usual.unit) if text)
        chosen = request.day("DATE") or date.today()
        places = None if layers.places is None else read_places(layers.places)
        return briefing_text(
            model, cells, places, title=words["TITLE"], marking=marking, author=words["AUTHOR"], day=chosen
        )

    def _extent(self, request: Request, layers: BriefingLayers) -> QgsRectangle | None:
        if not request.given("EXTENT"):
            return None
        extent = request.extent("EXTENT", layers.terrain.crs())
        if extent.isEmpty() or not extent.intersects(layers.terrain.extent()):
            raise InputError(tr("The part to show lies outside the risk terrain; choose another extent."))
        return extent

    def _template(
        self,
        request: Request,
        output: str,
        text: BriefingText,
    ) -> Path:
        """The template of a page; one that would lose the protective marking is refused."""
        page, name = PAGES[output]
        template = request.file(name)
        path = Path(template) if template else RESOURCES / "layout" / f"briefing-{page.lower()}.qpt"
        project = QgsProject()
        lacking = missing_items(read_template(project, path))
        if lacking:
            request.feedback.pushWarning(
                tr("The template '{}' has no item with the id {}; that part is left out.").format(
                    path.name, listed([f"'{item}'" for item in lacking])
                )
            )
        if text.marking and "marking" in lacking:
            raise InputError(
                f"The template '{path.name}' has no label with the item id 'marking', so the protective marking would "
                "be lost; add one at the top and one at the bottom."
            )
        return path

    def _keep(
        self,
        project: QgsProject,
        templates: dict[str, Path],
        text: BriefingText,
        layers: BriefingLayers,
        painter: Painter,
        extent: QgsRectangle | None,
    ) -> None:
        """Put the layouts into the analyst's project, with copies of the layers that they show."""
        shown = add_layers(project, layers, painter, text.title)
        manager = project.layoutManager()
        for output, template in templates.items():
            name = free_name(manager, tr("Briefing on {}: {}").format(PAGES[output][0], text.title))
            fill(read_template(project, template, name), text, shown, extent)


def with_kept_outline(layers: BriefingLayers, file: Path) -> BriefingLayers:
    """The layers with an outline that was drawn from the terrain in a file, as a project does not keep it otherwise."""
    if layers.outline is None or layers.outline.providerType() != "memory":
        return layers
    return replace(layers, outline=keep_outline(layers.outline, file))


def about(text: BriefingText) -> QgsProjectMetadata:
    """What the PDF tells of itself; without an author QGIS would take the name of the account."""
    metadata = QgsProjectMetadata()
    metadata.setTitle(text.title)
    metadata.setAuthor(text.author)
    metadata.setCreationDateTime(QDateTime.currentDateTime())
    return metadata


def add_layers(project: QgsProject, layers: BriefingLayers, painter: Painter, title: str) -> BriefingLayers:
    """Painted copies of the layers in a group of a project, switched off there."""
    places = tr("Priority place, with its rank")
    total = 0 if layers.places is None else layers.places.featureCount()
    if total > layers.places_shown:
        places = tr("Priority places 1 to {} of {:,}, by rank").format(layers.places_shown, total)
    shown = layers.copies(tr("Relative risk score"), places, tr("Study area"))
    shown.paint(painter)
    shown.add_to(project, tr("Briefing: {}").format(title))
    return shown


def free_name(manager: QgsLayoutManager, name: str) -> str:
    """The name, numbered where a layout is called so already."""
    free, number = name, 1
    while manager.layoutByName(free) is not None:
        number += 1
        free = f"{name} ({number})"
    return free
