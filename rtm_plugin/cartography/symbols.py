"""Painters of the vectors: priority and patrol places, the study area's outline, risk factors, what lies behind."""

from qgis.core import (
    Qgis,
    QgsFillSymbol,
    QgsLineSymbol,
    QgsMapLayer,
    QgsMarkerSymbol,
    QgsPalLayerSettings,
    QgsProperty,
    QgsSingleSymbolRenderer,
    QgsTextBufferSettings,
    QgsTextFormat,
    QgsVectorLayerSimpleLabeling,
)
from qgis.PyQt.QtGui import QColor

from .styles import Painter

_PLACE_COLOUR = "#101010"
_PATROL_COLOUR = "#0b5394"  # told from red, orange and black by colour-blind readers, and by its dashes in grey
_OUTLINE_COLOUR, _QUIET_COLOUR = "#3c4650", "#9c9c9c"
FACTOR_SHAPES = ("circle", "triangle", "square", "diamond", "cross_fill")
FACTOR_COLOURS = (("#111111", "#ffffff"), ("#ffffff", "#111111"), ("#2b6cb0", "#ffffff"))  # fill and edge
_DASHES = ("solid", "dash", "dot", "dash dot", "dash dot dot")
_HATCHINGS = ("f_diagonal", "b_diagonal", "diagonal_x", "horizontal", "vertical")
_SMALL_PLACE = 6  # cells; a rank in the middle of fewer would hide them


def places_painter() -> Painter:
    """Priority places: dark outline with a light edge, and rank labels that stay legible over any basemap."""

    return _ranked_outlines(_PLACE_COLOUR, "solid")


def patrols_painter() -> Painter:
    """Patrol places: as priority places, but blue and dashed, so that both can lie on one map."""
    return _ranked_outlines(_PATROL_COLOUR, "dash")


def _ranked_outlines(colour: str, line: str) -> Painter:
    def paint(layer: QgsMapLayer) -> None:
        symbol = QgsFillSymbol.createSimple(
            {"style": "no", "outline_color": colour, "outline_width": "0.5", "outline_style": line}
        )
        halo = QgsFillSymbol.createSimple({"style": "no", "outline_color": "#ffffff", "outline_width": "1.1"})
        symbol.insertSymbolLayer(0, halo.symbolLayer(0).clone())
        layer.setRenderer(QgsSingleSymbolRenderer(symbol))
        layer.setLabeling(QgsVectorLayerSimpleLabeling(_rank_labels(colour)))
        layer.setLabelsEnabled(True)

    return paint


def _rank_labels(colour: str) -> QgsPalLayerSettings:
    buffer = QgsTextBufferSettings()
    buffer.setEnabled(True)
    buffer.setSize(1.0)
    buffer.setColor(QColor("white"))
    text = QgsTextFormat()
    text.setSize(9)
    text.setForcedBold(True)  # whatever font the analyst's QGIS takes, while a named style is the font's own
    text.setColor(QColor(colour))
    text.setBuffer(buffer)
    labels = QgsPalLayerSettings()
    labels.fieldName = "rank"
    labels.setFormat(text)
    labels.placement = Qgis.LabelPlacement.OverPoint
    labels.centroidInside = True
    above_right, over = Qgis.LabelQuadrantPosition.AboveRight.value, Qgis.LabelQuadrantPosition.Over.value
    beside = QgsProperty.fromExpression(f'if("cells" < {_SMALL_PLACE}, {above_right}, {over})')
    labels.dataDefinedProperties().setProperty(QgsPalLayerSettings.Property.OffsetQuad, beside)
    properties = labels.dataDefinedProperties()
    properties.setProperty(
        QgsPalLayerSettings.Property.Priority, QgsProperty.fromExpression('greatest(1, 11 - "rank")')
    )
    labels.setDataDefinedProperties(properties)
    return labels


def outline_painter() -> Painter:
    """The study area: a line with a light edge, thinner and greyer than that of the places."""

    def paint(layer: QgsMapLayer) -> None:
        if layer.geometryType() == Qgis.GeometryType.Line:
            symbol = QgsLineSymbol.createSimple({"line_color": _OUTLINE_COLOUR, "line_width": "0.45"})
            halo = QgsLineSymbol.createSimple({"line_color": "#ffffff", "line_width": "0.9"})
        else:
            symbol = QgsFillSymbol.createSimple(
                {"style": "no", "outline_color": _OUTLINE_COLOUR, "outline_width": "0.45"}
            )
            halo = QgsFillSymbol.createSimple({"style": "no", "outline_color": "#ffffff", "outline_width": "0.9"})
        symbol.insertSymbolLayer(0, halo.symbolLayer(0).clone())
        layer.setRenderer(QgsSingleSymbolRenderer(symbol))
        layer.setLabelsEnabled(False)

    return paint


def factor_painter(number: int) -> Painter:
    """Features of a risk factor in the symbol of that number, from 0: small, and told apart by shape, then lightness.

    Fifteen symbols of points differ; then they begin anew. Lines and polygons have the colours and as many dashes and
    hatchings.
    """
    colour, edge = FACTOR_COLOURS[number // len(FACTOR_SHAPES) % len(FACTOR_COLOURS)]
    variant = number % len(FACTOR_SHAPES)

    def paint(layer: QgsMapLayer) -> None:
        kind = layer.geometryType()
        if kind == Qgis.GeometryType.Point:
            drawn = {"color": colour, "outline_color": edge, "outline_width": "0.25", "size": "1.7"}
            symbol = QgsMarkerSymbol.createSimple({"name": FACTOR_SHAPES[variant], **drawn})
        elif kind == Qgis.GeometryType.Line:
            colour_of_line = colour if colour != "#ffffff" else edge
            drawn = {"line_color": colour_of_line, "line_width": "0.35", "line_style": _DASHES[variant]}
            symbol = QgsLineSymbol.createSimple(drawn)
        else:
            colour_of_area = colour if colour != "#ffffff" else edge
            drawn = {"color": colour_of_area, "style": _HATCHINGS[variant]}
            symbol = QgsFillSymbol.createSimple({**drawn, "outline_color": colour_of_area, "outline_width": "0.25"})
        layer.setRenderer(QgsSingleSymbolRenderer(symbol))
        layer.setLabelsEnabled(False)

    return paint


def backdrop_painter() -> Painter:
    """Streets, wards, water and the like: thin grey lines without filling, so that the risk shows through."""

    def paint(layer: QgsMapLayer) -> None:
        if layer.geometryType() == Qgis.GeometryType.Line:
            symbol = QgsLineSymbol.createSimple({"line_color": _QUIET_COLOUR, "line_width": "0.1"})
        else:
            symbol = QgsFillSymbol.createSimple(
                {"style": "no", "outline_color": _QUIET_COLOUR, "outline_width": "0.15"}
            )
        layer.setRenderer(QgsSingleSymbolRenderer(symbol))
        layer.setLabelsEnabled(False)

    return paint
