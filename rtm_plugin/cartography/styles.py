"""Styles, saved as .qml sidecars so that results open styled however they are opened."""

from collections.abc import Callable, Sequence
from pathlib import Path

from osgeo import gdal
from qgis.core import (
    Qgis,
    QgsColorRampLegendNodeSettings,
    QgsColorRampShader,
    QgsFillSymbol,
    QgsMapLayer,
    QgsMapLayerLegendUtils,
    QgsPalettedRasterRenderer,
    QgsPalLayerSettings,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingLayerPostProcessorInterface,
    QgsProperty,
    QgsRasterLayer,
    QgsRasterShader,
    QgsSingleBandPseudoColorRenderer,
    QgsSingleSymbolRenderer,
    QgsTextBufferSettings,
    QgsTextFormat,
    QgsVectorLayer,
    QgsVectorLayerSimpleLabeling,
)
from qgis.PyQt import sip
from qgis.PyQt.QtGui import QColor

from ..core.errors import OutputError
from ..core.jointrisk import JOINT_COLOURS, JOINT_NAMES
from ..core.terrain import CLASS_COLOURS, CLASS_NAMES, ScoreSummary

_COUNT_COLOURS = ("#f3f6fb", "#c6d7ee", "#7fa8d6", "#3a6fb0", "#12366b")
_EXPOSED_COLOUR = "#2f6f8f"
_CELL_COLOUR = "#c9c9c9"
_PLACE_COLOUR = "#101010"
_SMALL_PLACE = 6  # cells; a rank in the middle of fewer would hide them
_PAM = "GDAL_PAM_ENABLED"

Painter = Callable[[QgsMapLayer], None]


def save_style(data_path: str, sidecar: str, painter: Painter) -> None:
    """Paint the layer at `data_path` and save its style at `sidecar`; both are closed again."""
    kind = QgsRasterLayer if Path(data_path).suffix.lower() in (".tif", ".tiff") else QgsVectorLayer
    before = gdal.GetThreadLocalConfigOption(_PAM)
    gdal.SetThreadLocalConfigOption(_PAM, "NO")  # else the statistics that a layer looks up become an .aux.xml file
    try:
        layer = kind(data_path, "layer")
        painter(layer)
        categories = QgsMapLayer.StyleCategory.Symbology | QgsMapLayer.StyleCategory.Labeling
        message, saved = layer.saveNamedStyle(sidecar, categories)
        del layer
    finally:
        gdal.SetThreadLocalConfigOption(_PAM, before)
    if not saved or not Path(sidecar).read_bytes().rstrip().endswith(b"</qgis>"):  # QGIS overlooks a full disk
        raise OutputError(f"The style of a result cannot be written ({message}); check that the disk has room.")


def sidecar_path(data_path: str) -> str:
    """Where QGIS looks for the style of a file."""
    return str(Path(data_path).with_suffix(".qml"))


def terrain_painter(summary: ScoreSummary) -> Painter:
    """Risk terrain in its four classes."""
    mean, plus_one, plus_two = summary.cuts

    def paint(layer: QgsMapLayer) -> None:
        if summary.sd <= 0:
            _discrete(layer, [(float("inf"), CLASS_COLOURS[0], "the same everywhere: no risk factor was selected")])
            return
        uppers = (mean, plus_one, plus_two, float("inf"))
        ranges = (
            f"score up to {_number(mean)}",
            f"{_number(mean)} to {_number(plus_one)}",
            f"{_number(plus_one)} to {_number(plus_two)}",
            f"above {_number(plus_two)}",
        )
        _discrete(
            layer,
            [
                (upper, colour, f"{name} ({scores})")
                for upper, colour, name, scores in zip(uppers, CLASS_COLOURS, CLASS_NAMES, ranges, strict=True)
            ],
        )

    return paint


def count_painter(largest: float) -> Painter:
    """Counts or expected counts, light to dark up to `largest`."""

    def paint(layer: QgsMapLayer) -> None:
        top = max(largest, 1e-9)
        steps = len(_COUNT_COLOURS) - 1
        items = []
        for i, colour in enumerate(_COUNT_COLOURS):
            value = top * i / steps
            label = _number(value) + (" or more events a cell" if i == steps else "")
            items.append((value, colour, label))
        _pseudocolour(layer, items, Qgis.ShaderInterpolationMethod.Linear)

    return paint


def share_painter(what: str) -> Painter:
    """Shares from 0 to 1 as percentages, light to dark."""

    def paint(layer: QgsMapLayer) -> None:
        steps = len(_COUNT_COLOURS) - 1
        items = [(i / steps, colour, f"{i / steps:.0%} {what}") for i, colour in enumerate(_COUNT_COLOURS)]
        _pseudocolour(layer, items, Qgis.ShaderInterpolationMethod.Linear)

    return paint


def flag_painter(label: str, colour: str = _EXPOSED_COLOUR) -> Painter:
    """Cells that hold 1 in the first band; 0 is left clear."""

    def paint(layer: QgsMapLayer) -> None:
        clear = QColor(0, 0, 0, 0)
        classes = [
            QgsPalettedRasterRenderer.Class(0, clear, f"not {label}"),
            QgsPalettedRasterRenderer.Class(1, QColor(colour), label),
        ]
        layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, classes))

    return paint


def grid_painter() -> Painter:
    """The study grid: kept cells in grey."""
    return flag_painter("cell of the study area", _CELL_COLOUR)


def joint_painter() -> Painter:
    """The four classes of vulnerability and exposure, both first in the legend."""

    def paint(layer: QgsMapLayer) -> None:
        classes = [
            QgsPalettedRasterRenderer.Class(number, QColor(JOINT_COLOURS[number]), JOINT_NAMES[number])
            for number in reversed(range(len(JOINT_NAMES)))
        ]
        layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, classes))

    return paint


def places_painter() -> Painter:
    """Priority places: dark outline with a light edge, and rank labels that stay legible over any basemap."""

    def paint(layer: QgsMapLayer) -> None:
        symbol = QgsFillSymbol.createSimple(
            {"style": "no", "outline_color": _PLACE_COLOUR, "outline_width": "0.5", "outline_style": "solid"}
        )
        halo = QgsFillSymbol.createSimple({"style": "no", "outline_color": "#ffffff", "outline_width": "1.1"})
        symbol.insertSymbolLayer(0, halo.symbolLayer(0).clone())
        layer.setRenderer(QgsSingleSymbolRenderer(symbol))
        layer.setLabeling(QgsVectorLayerSimpleLabeling(_rank_labels()))
        layer.setLabelsEnabled(True)

    return paint


def _rank_labels() -> QgsPalLayerSettings:
    buffer = QgsTextBufferSettings()
    buffer.setEnabled(True)
    buffer.setSize(1.0)
    buffer.setColor(QColor("white"))
    text = QgsTextFormat()
    text.setSize(9)
    text.setForcedBold(True)  # whatever font the analyst's QGIS takes, while a named style is the font's own
    text.setColor(QColor(_PLACE_COLOUR))
    text.setBuffer(buffer)
    labels = QgsPalLayerSettings()
    labels.fieldName = "rank"
    labels.setFormat(text)
    labels.placement = Qgis.LabelPlacement.OverPoint
    labels.centroidInside = True
    above_right, over = Qgis.LabelQuadrantPosition.AboveRight.value, Qgis.LabelQuadrantPosition.Over.value
    beside = QgsProperty.fromExpression(f'if("cells" < {_SMALL_PLACE}, {above_right}, {over})')
    labels.dataDefinedProperties().setProperty(QgsPalLayerSettings.Property.OffsetQuad, beside)
    labels.priority = 10
    return labels


def _discrete(layer: QgsMapLayer, classes: Sequence[tuple[float, str, str]]) -> None:
    _pseudocolour(layer, classes, Qgis.ShaderInterpolationMethod.Discrete)


def _pseudocolour(
    layer: QgsMapLayer, items: Sequence[tuple[float, str, str]], method: Qgis.ShaderInterpolationMethod
) -> None:
    legend = QgsColorRampLegendNodeSettings()
    legend.setUseContinuousLegend(False)  # the items with their labels, not a bar
    ramp = QgsColorRampShader()
    ramp.setLegendSettings(legend)
    ramp.setColorRampType(method)
    if method == Qgis.ShaderInterpolationMethod.Linear:
        ramp.setMinimumValue(items[0][0])
        ramp.setMaximumValue(items[-1][0])
    ramp.setColorRampItemList([QgsColorRampShader.ColorRampItem(v, QColor(c), text) for v, c, text in items])
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(ramp)
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader))


def _number(value: float) -> str:
    """Three digits that count, and whole numbers from 100 on: 0.0475, 3.10, 8.33, 1,250."""
    return f"{value:#.3g}" if 0 < value < 100 else f"{value:,.0f}"


class SidecarStyler(QgsProcessingLayerPostProcessorInterface):
    """Gives a layer that has just been loaded the style of its sidecar, and its legend a heading in plain words."""

    def postProcessLayer(
        self, layer: QgsMapLayer, context: QgsProcessingContext, feedback: QgsProcessingFeedback
    ) -> None:
        node = context.project().layerTreeRoot().findLayer(layer.id()) if context.project() else None
        if node is not None and isinstance(layer, QgsRasterLayer):  # else "Band 1: relative risk score (Gray)"
            QgsMapLayerLegendUtils.setLegendNodeUserLabel(node, 0, layer.dataProvider().bandDescription(1))
        layer.loadDefaultStyle()


_stylers: set[SidecarStyler] = set()


def styler() -> SidecarStyler:
    """A styler for one result: QGIS deletes each with the run's context, so one for two would be deleted twice.

    QGIS does not hold the Python half, without which nothing is styled: it is held here until QGIS deletes its own.
    """
    for known in tuple(_stylers):
        if sip.isdeleted(known):
            _stylers.discard(known)
    new = SidecarStyler()
    _stylers.add(new)
    return new
