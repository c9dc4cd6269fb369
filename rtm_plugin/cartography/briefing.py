"""The briefing: one page with map, legend, factors and findings, filled into a template that a force can replace."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsFillSymbol,
    QgsLayerTree,
    QgsLayoutExporter,
    QgsLayoutFrame,
    QgsLayoutItem,
    QgsLayoutItemLabel,
    QgsLayoutItemLegend,
    QgsLayoutItemManualTable,
    QgsLayoutItemMap,
    QgsLayoutItemMapOverview,
    QgsLayoutItemScaleBar,
    QgsMapLayer,
    QgsMapLayerLegendUtils,
    QgsPrintLayout,
    QgsProject,
    QgsRasterLayer,
    QgsReadWriteContext,
    QgsRectangle,
    QgsUnitTypes,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtXml import QDomDocument

from ..core.errors import InputError, OutputError
from .fit import fit_label, fit_legend, fit_table, harmless
from .styles import Painter
from .symbols import backdrop_painter, factor_painter, outline_painter, places_painter

TEXTS = ("title", "period", "marking", "sentences", "caveat", "author", "date", "inset_caption")
OTHERS = ("map", "inset", "legend", "scalebar", "north_arrow", "factors")
LARGEST_TEMPLATE = 20_000_000  # bytes
DPI = 300.0
_LONGEST_NAME = 80  # letters of a layer in the legend
_MARGIN = 1.04  # of the map around what it shows
_CLOSE_UP = 3.0  # of the inset around the first place
_BAR = 0.28  # of the map's width, at most
_BREAK = "\u2028"  # where a line of the legend is broken
_SIDE_BY_SIDE = 1.2  # box around legend and inset, at most, in sizes of the two
_SEE_THROUGH = 0.7  # opacity of a terrain above a basemap


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefingText:
    """Every word of the page; all are printed as they are.

    Parameters
    ----------
    sentences : tuple of str
        What matters, most important first.
    headers, factors : texts of the factor table and its rows
    more : str with one {}
        Stands for the factors that do not fit.
    close_up, overview : str
        Captions of the inset, when it shows the first place, or the whole study area.
    """

    title: str
    period: str
    marking: str
    sentences: tuple[str, ...]
    headers: tuple[str, ...]
    factors: tuple[tuple[str, ...], ...]
    more: str
    caveat: str
    author: str
    date: str
    close_up: str
    overview: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefingLayers:
    """Layers of the map.

    Parameters
    ----------
    places, outline : may be None
    factors, basemap : tuple of layers, uppermost first
    factor_names : tuple of str
        What the legend calls the factors.
    places_shown : int
        Places of a higher rank number are left out: a map full of numbers tells nothing.
    """

    terrain: QgsRasterLayer
    places: QgsVectorLayer | None = None
    outline: QgsVectorLayer | None = None
    factors: tuple[QgsVectorLayer, ...] = ()
    basemap: tuple[QgsMapLayer, ...] = ()
    factor_names: tuple[str, ...] = ()
    places_shown: int = 20

    @property
    def in_order(self) -> list[QgsMapLayer]:
        """All layers, uppermost first: vectors of the basemap lie as lines above the terrain, pictures below."""
        lines = [layer for layer in self.basemap if isinstance(layer, QgsVectorLayer)]
        ground = [layer for layer in self.basemap if not isinstance(layer, QgsVectorLayer)]
        layers = [self.places, *self.factors, self.outline, *lines, self.terrain, *ground]
        return [layer for layer in layers if layer is not None]

    @property
    def in_legend(self) -> list[QgsMapLayer]:
        """What the legend explains."""
        layers = [self.terrain, self.places, self.outline, *self.factors]
        return [layer for layer in layers if layer is not None]

    def copies(self, terrain: str, places: str, outline: str) -> "BriefingLayers":
        """Copies, to be painted, under the names that the legend shall show; the basemap keeps its own."""

        def copy(layer: QgsMapLayer | None, name: str) -> QgsMapLayer | None:
            if layer is None:
                return None
            clone = layer.clone()
            clone.setName(harmless(name, _LONGEST_NAME))
            return clone

        return BriefingLayers(
            terrain=copy(self.terrain, terrain),
            places=copy(self.places, places),
            outline=copy(self.outline, outline),
            factors=tuple(copy(layer, name) for layer, name in zip(self.factors, self.factor_names, strict=True)),
            basemap=tuple(copy(layer, layer.name()) for layer in self.basemap),
            factor_names=self.factor_names,
            places_shown=self.places_shown,
        )

    def paint(self, terrain: Painter) -> None:
        """Give every layer its style; rasters of the basemap keep theirs."""
        terrain(self.terrain)
        if any(not isinstance(layer, QgsVectorLayer) for layer in self.basemap):
            self.terrain.setOpacity(_SEE_THROUGH)
        if self.places is not None:
            if not self.places.setSubsetString(f'"rank" <= {self.places_shown}'):
                raise InputError("The priority places cannot be drawn; choose the file that rtm:priorityplaces wrote.")
            places_painter()(self.places)
        if self.outline is not None:
            outline_painter()(self.outline)
        for number, layer in enumerate(self.factors):
            factor_painter(number)(layer)
        for layer in self.basemap:
            if isinstance(layer, QgsVectorLayer):
                backdrop_painter()(layer)

    def add_to(self, project: QgsProject, group: str) -> None:
        """Put the layers into a group of the project, switched off: the layout has them, the map stays as it was."""
        node = project.layerTreeRoot().insertGroup(0, group)
        node.setItemVisibilityChecked(False)
        node.setExpanded(False)
        for layer in self.in_order:
            if project.addMapLayer(layer, False) is None:
                raise InputError(f"The layer '{layer.name()}' cannot be drawn; check that its file is still there.")
            node.addLayer(layer).setExpanded(False)


def read_template(project: QgsProject, path: Path, name: str = "briefing") -> QgsPrintLayout:
    """A layout from a template file, which belongs to the project under that name.

    Raises
    ------
    InputError
        Not a template, or one without a map with the id "map".
    """
    try:
        if path.stat().st_size > LARGEST_TEMPLATE:
            raise InputError(f"The template '{path.name}' is too large to be one; choose another file.")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"The template '{path.name}' cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The template '{path.name}' is not text; choose a QGIS layout template (.qpt).") from error
    document, layout = QDomDocument(), QgsPrintLayout(project)
    understood = document.setContent(text)[0] and document.documentElement().tagName() == "Layout"
    if not understood or not layout.loadFromTemplate(document, QgsReadWriteContext())[1]:
        raise InputError(
            f"'{path.name}' is not a layout template of QGIS; save a layout with Layout ▸ Save as Template."
        )
    if not _items(layout, "map", QgsLayoutItemMap):
        raise InputError(
            f"The template '{path.name}' has no map with the item id 'map'; give its main map that id (Item "
            "Properties ▸ Rendering ▸ Item ID) and save it again."
        )
    layout.setName(name)
    project.layoutManager().addLayout(layout)
    return layout


def missing_items(layout: QgsPrintLayout) -> list[str]:
    """Ids that the briefing fills and the template lacks."""
    there = {item.id() for item in layout.items() if isinstance(item, QgsLayoutItem)}
    return [name for name in (*TEXTS, *OTHERS) if name not in there]


def fill(
    layout: QgsPrintLayout, text: BriefingText, layers: BriefingLayers, extent: QgsRectangle | None = None
) -> list[str]:
    """Fill a template's items, found by their ids.

    Parameters
    ----------
    layout : QgsPrintLayout
        From `read_template`, in the project that the layers are in.
    text : BriefingText
    layers : BriefingLayers
    extent : QgsRectangle, optional
        What the map shows, in the terrain's CRS; without it the whole terrain, and the inset shows the first place.

    Returns
    -------
    list of str : sentences on what did not fit
    """
    whole = QgsRectangle(layers.terrain.extent())
    for item in _items(layout, "map", QgsLayoutItemMap):
        _show(item, layers, extent or whole, _MARGIN if extent is None else 1.0)
    caption = _fill_inset(layout, text, layers, extent, whole)
    for name in TEXTS:
        written = {"sentences": "\n\n".join(text.sentences), "inset_caption": caption}.get(name)
        for label in _items(layout, name, QgsLayoutItemLabel):
            fit_label(label, getattr(text, name) if written is None else written)
    problems = []
    for frame in _items(layout, "factors", QgsLayoutFrame):
        if isinstance(frame.multiFrame(), QgsLayoutItemManualTable):
            left_out = fit_table(frame, text.headers, text.factors, text.more)
            if left_out:
                problems.append(f"The factor table has no room for {left_out} of {len(text.factors)} factors.")
    for legend in _items(layout, "legend", QgsLayoutItemLegend):
        _fill_legend(legend, layers.in_legend)
        if not _fit_legend(layout, legend):
            problems.append("The legend is larger than its box; show fewer factor layers or a larger page.")
    for bar in _items(layout, "scalebar", QgsLayoutItemScaleBar):
        _fill_scale_bar(bar)
    return problems


def _items(layout: QgsPrintLayout, name: str, kind: type) -> list[QgsLayoutItem]:
    return [item for item in layout.items() if isinstance(item, kind) and item.id() == name]


def _show(item: QgsLayoutItemMap, layers: BriefingLayers, extent: QgsRectangle, margin: float) -> None:
    item.setCrs(layers.terrain.crs())
    item.setFollowVisibilityPreset(False)
    item.setLayers(layers.in_order)
    item.setKeepLayerSet(True)
    shown = QgsRectangle(extent)
    shown.scale(margin)
    item.zoomToExtent(shown)


def _fill_inset(
    layout: QgsPrintLayout,
    text: BriefingText,
    layers: BriefingLayers,
    extent: QgsRectangle | None,
    whole: QgsRectangle,
) -> str:
    """Show the first place close up, or the whole area when the map shows a part; frame it; give the caption."""
    insets, main = _items(layout, "inset", QgsLayoutItemMap), _items(layout, "map", QgsLayoutItemMap)[0]
    first = None if layers.places is None else _extent_of_first(layers.places)
    if extent is None and first is None:
        for inset in insets:
            inset.setVisibility(False)
        return ""
    for inset in insets:
        if extent is None:
            _show(inset, layers, first, _CLOSE_UP)
            _frame(main, inset)
        else:
            _show(inset, layers, whole, _MARGIN)
            _frame(inset, main)
    return text.close_up if extent is None else text.overview


def _extent_of_first(places: QgsVectorLayer) -> QgsRectangle | None:
    """Around the place of rank 1."""
    ranked = sorted(places.getFeatures(), key=lambda feature: feature["rank"])
    return ranked[0].geometry().boundingBox() if ranked else None


def _frame(shown_in: QgsLayoutItemMap, of: QgsLayoutItemMap) -> None:
    """Draw the outline of what a map shows in another map."""
    overview = QgsLayoutItemMapOverview("inset", shown_in)
    overview.setLinkedMap(of)
    frame = {"style": "no", "outline_color": "#1b2733", "outline_width": "0.4", "outline_style": "dash"}
    overview.setFrameSymbol(QgsFillSymbol.createSimple(frame))
    shown_in.overviews().addOverview(overview)


def _fill_legend(legend: QgsLayoutItemLegend, layers: Sequence[QgsMapLayer]) -> None:
    """The layers in order; of a terrain the highest class first, without the line that names the band."""
    legend.setAutoUpdateModel(False)
    legend.setResizeToContents(False)
    legend.setWrapString(_BREAK)
    root: QgsLayerTree = legend.model().rootGroup()
    root.clear()
    for layer in layers:
        node = root.addLayer(layer)
        if isinstance(layer, QgsRasterLayer):
            legend.model().refreshLayerLegend(node)
            labels = [entry.data(Qt.ItemDataRole.DisplayRole) for entry in legend.model().layerLegendNodes(node, True)]
            for number, label in enumerate(labels):
                QgsMapLayerLegendUtils.setLegendNodeUserLabel(node, number, label.replace(" (", f"{_BREAK}("))
            QgsMapLayerLegendUtils.setLegendNodeOrder(node, list(range(len(labels) - 1, 0, -1)))
        legend.model().refreshLayerLegend(node)


def _fit_legend(layout: QgsPrintLayout, legend: QgsLayoutItemLegend) -> bool:
    """Fit a legend into its box; one that is too long gets the room of an inset at its side, in two columns."""
    legend_area = legend.mapRectToScene(legend.rect())
    insets = [item for item in _items(layout, "inset", QgsLayoutItemMap) if item.isVisible()]
    both, rooms = legend_area, [(legend_area.width(), legend_area.height(), legend.columnCount())]
    if len(insets) == 1:
        beside = insets[0].mapRectToScene(insets[0].rect())
        both = legend_area.united(beside)
        taken = legend_area.width() * legend_area.height() + beside.width() * beside.height()
        if both.width() * both.height() <= _SIDE_BY_SIDE * taken:
            rooms.append((both.width(), both.height(), 2))
    room = fit_legend(legend, rooms)
    if room == 1:
        legend.attemptSetSceneRect(both)
        for item in (*insets, *_items(layout, "inset_caption", QgsLayoutItemLabel)):
            item.setVisibility(False)
        for shown in _items(layout, "map", QgsLayoutItemMap):
            for number in range(shown.overviews().size()):
                shown.overviews().overview(number).setEnabled(False)
    return room is not None


def _fill_scale_bar(bar: QgsLayoutItemScaleBar) -> None:
    """A round length that takes about a quarter of the map's width, in the template's units."""
    shown = bar.linkedMap()
    if shown is None:
        return
    if bar.units() == Qgis.DistanceUnit.Unknown or not bar.unitLabel():
        bar.setUnits(Qgis.DistanceUnit.Meters)
    metres = shown.extent().width() * QgsUnitTypes.fromUnitToUnitFactor(shown.crs().mapUnits(), bar.units())
    if bar.units() == Qgis.DistanceUnit.Meters and metres > 4000:
        bar.setUnits(Qgis.DistanceUnit.Kilometers)
        metres /= 1000
    bar.setMapUnitsPerScaleBarUnit(1.0)
    bar.setUnitLabel(QgsUnitTypes.toAbbreviatedString(bar.units()))
    bar.setUnitsPerSegment(round_length(metres * _BAR / max(bar.numberOfSegments(), 1)))
    bar.update()


def round_length(most: float) -> float:
    """The largest of 1, 2 or 5 times a power of ten that is not above `most`.

    >>> round_length(730), round_length(0.23), round_length(2)
    (500.0, 0.2, 2.0)
    """
    power = 10.0 ** math.floor(math.log10(most))
    return float(f"{max(step * power for step in (1, 2, 5) if step * power <= most * 1.000001):.3g}")


def export_pdf(layout: QgsPrintLayout, path: str) -> None:
    """Write the layout as a PDF with its text as text.

    Raises
    ------
    OutputError
    """
    settings = QgsLayoutExporter.PdfExportSettings()
    settings.dpi = DPI
    settings.textRenderFormat = Qgis.TextRenderFormat.AlwaysText
    settings.forceVectorOutput = True
    settings.appendGeoreference = True
    done = QgsLayoutExporter(layout).exportToPdf(path, settings)
    if done != QgsLayoutExporter.ExportResult.Success or not is_whole_pdf(Path(path)):
        raise OutputError(
            "The briefing cannot be written; check that the disk has room and the folder can be written to."
        )


def is_whole_pdf(path: Path) -> bool:
    """Whether a PDF ends as it should and its table of contents lies where its end says.

    Qt writes on when the disk is full, and QGIS reports success.
    """
    content = path.read_bytes() if path.is_file() else b""
    end = re.search(rb"startxref\s+(\d+)\s+%%EOF\s*$", content[-1024:])
    if end is None or not content.startswith(b"%PDF-"):
        return False
    return re.match(rb"\s*(xref|\d+\s+\d+\s+obj)", content[int(end.group(1)) :][:64]) is not None
