"""Vector layers as they come: other CRSs, tables with coordinates, null and invalid geometries; told, not hidden."""

import numpy as np
from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSource,
    QgsMapLayer,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProviderRegistry,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ..core.arrays import Floats
from ..core.documents.layer_words import LayerChoice
from ..core.errors import InputError
from ..core.ground.features import Features, inside, polygon_area
from .crs import Extent
from .feedback import stop_if_cancelled
from .fields import (
    DateColumn,
    RowReader,
    guessed_name_field,
    has_name,
    name_text,
    require_field,
    sound_text,
    weight_reader,
)
from .geometries import POINT, FeatureStream, coordinates_of, merged
from .read_layers import LayerReport, ReadLayer
from .wkb import Part

_CHECK_EVERY = 2000  # features between two looks at the cancel button
_GEOMETRY_NAMES = {
    Qgis.GeometryType.Point: "point",
    Qgis.GeometryType.Line: "line",
    Qgis.GeometryType.Polygon: "polygon",
}


def layer_name(layer: QgsMapLayer) -> str:
    """The layer's name; for one loaded from 'file|layername=x' outside a project, x."""
    name = sound_text(layer.name())
    parts_ = QgsProviderRegistry.instance().decodeUri(layer.providerType(), layer.source())
    inner = sound_text(parts_.get("layerName") or "")
    path = sound_text(parts_.get("path") or "")
    stem = path.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
    if inner and name in ("", stem, f"{stem} — {inner}", layer.source()):
        return inner
    return name or inner or stem


def layer_choice(name: str, layer: QgsMapLayer | None, expression: str = "", source: object = None) -> LayerChoice:
    """Which features of a layer are taken: by its own filter, by an expression, by a selection.

    Parameters
    ----------
    name : what the layer is called
    layer : the layer itself, where it is known
    expression : QGIS expression that chooses features
    source : what the analyst gave as source: a definition with a filter or a selection, or anything else
    """
    filters = [layer.subsetString() if isinstance(layer, QgsVectorLayer) else "", expression]
    selected = False
    if isinstance(source, QgsProcessingFeatureSourceDefinition):
        filters.append(source.filterExpression)
        selected = source.selectedFeaturesOnly
    given = list(dict.fromkeys(text.strip() for text in filters if text.strip()))
    return LayerChoice(name, given[0] if len(given) == 1 else " AND ".join(f"({text})" for text in given), selected)


def chosen_names(source: QgsFeatureSource, most: int) -> tuple[tuple[str, ...], str]:
    """The names of the features of a source and the field that holds them; none where there are more than `most`."""
    field = guessed_name_field(source.fields())
    if not field or source.featureCount() > most:
        return (), ""
    request = QgsFeatureRequest().setFlags(Qgis.FeatureRequestFlag.NoGeometry)
    request.setSubsetOfAttributes([field], source.fields())
    names = [str(feature[field]).strip() for feature in source.getFeatures(request) if feature[field]]
    return tuple(name for name in names if name), field


def read_layer(
    source: QgsFeatureSource,
    name: str,
    crs: QgsCoordinateReferenceSystem,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    *,
    wanted: str = "",
    expression: str = "",
    value_field: str = "",
    date_field: str = "",
    name_field: str | None = None,
    layer: QgsMapLayer | None = None,
    dissolve: bool = False,
    rows: bool = False,
    near: Extent | None = None,
) -> ReadLayer:
    """Read all features of a source into the study area's CRS.

    Parameters
    ----------
    source : QgsFeatureSource, with "selected features only" and filters already in force
    name : str, for sentences
    crs : of the study area
    wanted : "point", "line", "polygon" or "" for any
    expression : that chooses features
    value_field : name of a numeric field to read
    date_field : name of a field of dates; points only
    name_field : of the names of the features, when they are wanted one by one; "" numbers them
    layer : behind the source, for expressions that ask for it
    dissolve : whether polygons are merged, so that no edge runs between neighbours
    rows : whether the rows are events whose repeats are told, as is, by who knows the period, how many have no place
    near : in the study area's CRS; features whose box lies beside it are left out

    Raises
    ------
    InputError
        Wrong geometry, no coordinates, broken expression, or a CRS that cannot be transformed.
    """
    report = LayerReport(name=name)
    geometry = geometry_of(source, name, wanted)
    for field in filter(None, (date_field, name_field)):
        require_field(source, name, field)
    gathered = _Gathered(
        source,
        report,
        geometry,
        value_field=value_field,
        date_field=date_field,
        name_field=name_field,
        dissolve=dissolve,
        rows=rows,
    )
    stream = FeatureStream(source, report, crs, context, expression=expression, layer=layer, near=near)
    if source.wkbType() == QgsWkbTypes.Type.Point and source.sourceCrs() == crs and gathered.coordinates_only:
        return _read_points(source, stream.request(), report, feedback)
    fields = source.fields().names() if rows else [value_field, date_field, name_field or ""]
    for i, (feature, parts) in enumerate(stream.features(fields)):
        if i % _CHECK_EVERY == 0:
            stop_if_cancelled(feedback)
        gathered.take(feature, parts)
    return gathered.read()


class _Gathered:
    """What is kept of the features of a layer, in their order: coordinates, and as much of the rest as is wanted."""

    def __init__(
        self,
        source: QgsFeatureSource,
        report: LayerReport,
        geometry: str,
        *,
        value_field: str,
        date_field: str,
        name_field: str | None,
        dissolve: bool,
        rows: bool,
    ) -> None:
        self._report, self._geometry = report, geometry
        self._weight = weight_reader(source, report.name, value_field)
        self._dates = DateColumn(name=report.name, field_name=date_field) if date_field else None
        self._rows = RowReader(source.fields()) if rows else None
        self._name_field, self._dissolve = name_field, dissolve
        self._arrays: list[Floats] = []
        self._polygons: list[Part] = []
        self._weights: list[float] = []
        self._names: list[str] = []
        self._nameless: set[int] = set()

    @property
    def coordinates_only(self) -> bool:
        """Whether nothing but the coordinates is wanted."""
        return (self._weight, self._dates, self._name_field, self._rows) == (None, None, None, None)

    def take(self, feature: QgsFeature, parts: list[Part]) -> None:
        """One feature with its parts; without any, it is counted as one that cannot be located."""
        report = self._report
        if not parts:
            report.without_geometry += 1
            if self._dates is not None:
                self._dates.take(feature, 0)
            return
        array = coordinates_of(parts, self._geometry)
        self._arrays.append(array)
        if self._dates is not None:
            self._dates.take(feature, len(array))
        if self._dissolve:
            self._polygons.extend(parts)
        if self._weight is not None:
            self._weights.extend([self._weight(feature)] * len(array))
        if self._rows is not None:
            self._rows.take(feature, array)
        report.features += 1
        if self._name_field is not None:
            if not has_name(feature, self._name_field):
                self._nameless.add(len(self._names))
            self._names.append(name_text(feature, self._name_field, report.features))

    def read(self) -> ReadLayer:
        """The layer, with what was noticed of it."""
        geometry, report = self._geometry, self._report
        coordinates = np.concatenate(self._arrays) if self._arrays else np.zeros((0, 2 if geometry == "point" else 4))
        if self._polygons:
            coordinates = coordinates_of(merged(self._polygons, report.name), geometry)
        _mention(report, with_unlocated=self._rows is None)
        read = ReadLayer(
            features=Features(geometry, coordinates, report.features),
            values=None if self._weight is None else np.array(self._weights, dtype=np.float64),
            report=report,
        )
        if self._name_field is not None:
            each = zip(self._names, self._arrays, strict=True)
            read.named = [(text, Features(geometry, array, 1)) for text, array in each]
            read.nameless = self._nameless
        if self._rows is not None:
            read.rows = self._rows.rows()
        if self._dates is None:
            return read
        return read.only_dated(self._dates.dates(), self._dates.unlocated())


def warn_if_cut_at_boundary(read: ReadLayer, study_area: Features, reach: float, units: str) -> None:
    """Warn when a layer stops at the study area's boundary: its edge cells are then under-exposed.

    It stops there when, by its density inside, at least ten features would be expected within reach outside, and none
    is there.
    """
    ends = read.features.coordinates[:, :2]
    if not len(ends):
        return
    within = inside(study_area, ends)
    area = polygon_area(study_area)
    x0, y0, x1, y1 = study_area.extent
    band = 2 * reach * ((x1 - x0) + (y1 - y0))  # at least the area of a band of that width around the boundary's box
    near = ~within & (ends >= (x0 - reach, y0 - reach)).all(axis=1) & (ends <= (x1 + reach, y1 + reach)).all(axis=1)
    expected = np.count_nonzero(within) * band / max(area, 1e-9)
    if expected >= 10 and not near.any():
        read.report.warnings.append(
            f"The layer '{read.report.name}' stops at the boundary of the study area, so the risk of cells near the "
            f"edge may be too low; add its features up to {reach:g} {units} outside."
        )


def geometry_of(source: QgsFeatureSource, name: str, wanted: str) -> str:
    """Point, line or polygon; a table has points. Refused unless it is the one wanted."""
    table = source.wkbType() == QgsWkbTypes.Type.NoGeometry
    geometry = "point" if table else _GEOMETRY_NAMES.get(QgsWkbTypes.geometryType(source.wkbType()), "")
    if wanted and geometry != wanted:
        raise InputError(
            f"The layer '{name}' holds {geometry or 'unknown'} features, where {wanted}s are needed; choose another "
            "layer."
        )
    if not geometry:
        raise InputError(
            f"The layer '{name}' holds geometries of no known type; choose a layer of points, lines or polygons."
        )
    return geometry


def _read_points(
    source: QgsFeatureSource, request: QgsFeatureRequest, report: LayerReport, feedback: QgsProcessingFeedback
) -> ReadLayer:
    """All points of a layer at once: most layers are such, and long."""
    if request.filterType() != Qgis.FeatureRequestFilterType.Expression:
        request.setSubsetOfAttributes([])
    blobs: list[bytes] = []
    for i, feature in enumerate(source.getFeatures(request)):
        if i % _CHECK_EVERY == 0:
            stop_if_cancelled(feedback)
        blobs.append(bytes(feature.geometry().asWkb()))
    whole = [wkb for wkb in blobs if len(wkb) == POINT.itemsize]
    points = np.frombuffer(b"".join(whole), dtype=POINT)
    coordinates = np.column_stack([points["x"], points["y"]])
    coordinates = coordinates[np.isfinite(coordinates).all(axis=1)]
    report.features = len(coordinates)
    report.without_geometry = len(blobs) - len(coordinates)
    _mention(report)
    return ReadLayer(features=Features("point", coordinates, report.features), values=None, report=report)


def _mention(report: LayerReport, with_unlocated: bool = True) -> None:
    if report.without_geometry and with_unlocated:
        report.warnings.append(
            f"{report.without_geometry} feature{'s' if report.without_geometry > 1 else ''} of '{report.name}' "
            "without a usable geometry left out."
        )
    if report.repaired:
        report.notes.append(f"{report.repaired} invalid geometries of '{report.name}' were repaired while reading.")
