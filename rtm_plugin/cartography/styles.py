"""Painters of the rasters: palettes that colour-blind readers tell apart and that print in grey, labels in words."""

import math
from collections.abc import Callable, Sequence

from osgeo import gdal
from qgis.core import (
    Qgis,
    QgsColorRampLegendNodeSettings,
    QgsColorRampShader,
    QgsMapLayer,
    QgsPalettedRasterRenderer,
    QgsRasterShader,
    QgsSingleBandPseudoColorRenderer,
    QgsUnitTypes,
)
from qgis.PyQt.QtGui import QColor

from ..core.answers.jointrisk import JOINT_COLOURS, JOINT_NAMES
from ..core.candidates.columns import Candidate
from ..core.errors import FileFormatError
from ..core.model.raster_items import RasterItems, plain_text
from ..core.terrain.scores import CLASS_COLOURS, CLASS_NAMES, ScoreSummary

# ColorBrewer's OrRd in nine steps: the classes' hues, so that both styles of a terrain read alike
RAMP_COLOURS = (
    "#fff7ec", "#fee8c8", "#fdd49e", "#fdbb84", "#fc8d59", "#ef6548", "#d7301f", "#b30000", "#7f0000",
)  # fmt: skip
COUNT_COLOURS = ("#f3f6fb", "#c6d7ee", "#7fa8d6", "#3a6fb0", "#12366b")
_DIFFERENCE_COLOURS = ("#5e3c99", "#b2abd2", "#f7f7f7", "#fdb863", "#e66101")  # ColorBrewer's PuOr, colour-blind safe
_EXPOSED_COLOUR = "#2f6f8f"
_CELL_COLOUR = "#c9c9c9"

_LINEAR = Qgis.ShaderInterpolationMethod.Linear
FOUR_CLASSES, CONTINUOUS = "Four classes", "Continuous"

Painter = Callable[[QgsMapLayer], None]


def named_styles(layer: QgsMapLayer) -> list[tuple[str, Painter]]:
    """Names and painters of the styles that a raster of ours can be seen in; the first is that of its sidecar.

    A terrain has its four classes and a continuous ramp, a stack of candidates one style a band. Other layers, and
    rasters whose metadata are damaged, have none.
    """
    data = opened(layer)
    if data is None:
        return []
    items = RasterItems.of(data.GetMetadata(), layer.name())
    try:
        if items.kind == "terrain" and items.scores is not None:
            return [(FOUR_CLASSES, terrain_painter(items.scores)), (CONTINUOUS, continuous_painter(items.scores))]
        if items.kind == "candidates":
            units = _unit(layer)
            candidates = [_candidate(data.GetRasterBand(i), items.name) for i in range(1, data.RasterCount + 1)]
            return [(label_of(c, units), candidate_painter(c, i)) for i, c in enumerate(candidates, 1)]
    except FileFormatError:
        pass
    return []


def opened(layer: QgsMapLayer) -> gdal.Dataset | None:
    """The file behind a raster layer, for its metadata; None where there is none."""
    if layer.dataProvider() is None or layer.providerType() != "gdal":
        return None
    try:  # GDAL raises or returns None, as the program around it has chosen
        return gdal.Open(layer.source())
    except RuntimeError:
        return None


def terrain_painter(summary: ScoreSummary) -> Painter:
    """Risk terrain in its four classes."""
    mean, plus_one, plus_two = summary.cuts

    def paint(layer: QgsMapLayer) -> None:
        if summary.sd <= 0:
            _discrete(layer, [(float("inf"), CLASS_COLOURS[0], "the same everywhere: no risk factor is in the model")])
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


def continuous_painter(summary: ScoreSummary) -> Painter:
    """Risk terrain from light to dark without steps, even in the logarithm of the score: each factor multiplies it."""

    def paint(layer: QgsMapLayer) -> None:
        low, high = summary.min, summary.max
        if not 0 < low < high < math.inf:
            terrain_painter(summary)(layer)
            return
        steps = len(RAMP_COLOURS) - 1
        values = [low * (high / low) ** (i / steps) for i in range(steps)] + [high]
        labels = [_number(value) for value in values]
        labels[0] += ": lowest risk"
        labels[-1] += " times the lowest risk"
        _pseudocolour(layer, list(zip(values, RAMP_COLOURS, labels, strict=True)), _LINEAR)

    return paint


def count_painter(largest: float) -> Painter:
    """Counts or expected counts, light to dark up to `largest`."""

    def paint(layer: QgsMapLayer) -> None:
        top = max(largest, 1e-9)
        steps = len(COUNT_COLOURS) - 1
        items = []
        for i, colour in enumerate(COUNT_COLOURS):
            value = top * i / steps
            label = _number(value) + (" or more events a cell" if i == steps else "")
            items.append((value, colour, label))
        _pseudocolour(layer, items, _LINEAR)

    return paint


def difference_painter(largest: float) -> Painter:
    """Changes in counts, fewer in purple, none in white, more in orange, with equal reach to both sides."""

    def paint(layer: QgsMapLayer) -> None:
        top = max(largest, 1e-9)
        half = len(_DIFFERENCE_COLOURS) // 2
        items = []
        for step, colour in zip(range(-half, half + 1), _DIFFERENCE_COLOURS, strict=True):
            size = _number(top * abs(step) / half)
            label = f"{size} {'more' if step > 0 else 'fewer'} events a cell" if step else "no change"
            items.append((top * step / half, colour, label))
        _pseudocolour(layer, items, Qgis.ShaderInterpolationMethod.Linear)

    return paint


def residual_painter(reach: float = 3.0) -> Painter:
    """Residuals in standard deviations: fewer events than expected in purple, as many in white, more in orange."""

    def paint(layer: QgsMapLayer) -> None:
        half = len(_DIFFERENCE_COLOURS) // 2
        items = []
        for step, colour in zip(range(-half, half + 1), _DIFFERENCE_COLOURS, strict=True):
            value = reach * step / half
            end = " or more" if abs(step) == half else ""
            label = f"{_number(abs(value))}{end} standard deviations {'more' if step > 0 else 'fewer'} than expected"
            items.append((value, colour, label if step else "as many events as expected"))
        _pseudocolour(layer, items, _LINEAR)

    return paint


def share_painter(what: str) -> Painter:
    """Shares from 0 to 1 as percentages, light to dark."""

    def paint(layer: QgsMapLayer) -> None:
        steps = len(COUNT_COLOURS) - 1
        items = [(i / steps, colour, f"{i / steps:.0%} {what}") for i, colour in enumerate(COUNT_COLOURS)]
        _pseudocolour(layer, items, _LINEAR)

    return paint


def candidate_painter(candidate: Candidate, band: int = 1) -> Painter:
    """One band of a stack of candidates: its exposed cells, named in words."""

    def paint(layer: QgsMapLayer) -> None:
        flag_painter(label_of(candidate, _unit(layer)), band=band)(layer)

    return paint


def label_of(candidate: Candidate, unit: str) -> str:
    """A candidate variable in words.

    >>> label_of(Candidate("bus_stops_proximity_100", "bus_stops", "proximity", 100.0, "aggravating"), "m")
    'bus stops: within 100 m'
    >>> label_of(Candidate("bars_density_250", "bars", "density", 250.0, "aggravating"), "m")
    'bars: high density within 250 m'
    """
    how = "within" if candidate.operationalisation == "proximity" else "high density within"
    return f"{' '.join(candidate.factor.replace('_', ' ').split())}: {how} {candidate.distance:,.10g} {unit}"


def _candidate(band: gdal.Band, name: str) -> Candidate:
    return RasterItems.of(band.GetMetadata(), name).candidate(plain_text(band.GetDescription()))


def _unit(layer: QgsMapLayer) -> str:
    return QgsUnitTypes.toAbbreviatedString(layer.crs().mapUnits())


def flag_painter(label: str, colour: str = _EXPOSED_COLOUR, band: int = 1) -> Painter:
    """Cells that hold 1 in a band; 0 is left clear."""

    def paint(layer: QgsMapLayer) -> None:
        clear = QColor(0, 0, 0, 0)
        classes = [
            QgsPalettedRasterRenderer.Class(0, clear, f"not {label}"),
            QgsPalettedRasterRenderer.Class(1, QColor(colour), label),
        ]
        layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), band, classes))

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
    if method == _LINEAR:
        ramp.setMinimumValue(items[0][0])
        ramp.setMaximumValue(items[-1][0])
    ramp.setColorRampItemList([QgsColorRampShader.ColorRampItem(v, QColor(c), text) for v, c, text in items])
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(ramp)
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1, shader))


def _number(value: float) -> str:
    """Three digits that count, and whole numbers from 100 on: 0.0475, 3.10, 8.33, 1,250."""
    return f"{value:#.3g}" if 0 < value < 100 else f"{value:,.0f}"
