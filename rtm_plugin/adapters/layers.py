"""Vector layers as they come: other CRSs, tables with coordinates, null and invalid geometries; told, not hidden."""

import math
import struct
from collections.abc import Iterator

import numpy as np
from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSource,
    QgsGeometry,
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
from ..core.ground.features import Features, inside, polygon_area, ring_segments
from .crs import crs_text, is_known, known_crs
from .feedback import stop_if_cancelled
from .fields import (
    DateColumn,
    RowReader,
    guessed_name_field,
    name_text,
    number,
    require_field,
    sound_text,
    weight_reader,
)
from .read_layers import LayerReport, ReadLayer
from .reprojection import operation_of
from .trusted_filters import require_harmless_filter
from .wkb import Part, all_vertices, parts, polygon

_POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])  # well-known binary, as QGIS writes
_PLAIN_POINT = _POINT.itemsize
_CHECK_EVERY = 2000  # features between two looks at the cancel button

# pairs of column names that hold coordinates in tables; the first two are degrees, the others the study area's CRS
_COORDINATE_COLUMNS = (
    (("longitude", "long", "lon", "lng"), ("latitude", "lat"), "EPSG:4326"),
    (("easting", "eastings", "x", "x_coord", "xcoord", "point_x", "coord_x"),
     ("northing", "northings", "y", "y_coord", "ycoord", "point_y", "coord_y"), ""),
)  # fmt: skip

_SURFACES = (QgsWkbTypes.Type.Triangle, QgsWkbTypes.Type.PolyhedralSurface, QgsWkbTypes.Type.TIN)  # ground by facets
_FARTHEST = 1e12  # map units from the origin, where no place on the Earth lies in any unit
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
) -> ReadLayer:
    """Read all features of a source into the study area's CRS.

    Parameters
    ----------
    source : QgsFeatureSource, with "selected features only" and filters already in force
    name : str, for sentences
    crs : of the study area
    wanted : "point", "line", "polygon" or "" for any
    expression : QGIS expression that chooses features
    value_field : name of a numeric field to read
    date_field : name of a field of dates; points only
    name_field : name of the field that names each feature, when they are wanted one by one; "" numbers them
    layer : the map layer behind the source, for expressions that ask for it
    dissolve : whether polygons are merged, so that no edge runs between neighbours
    rows : whether the rows are events whose repeats are to be told; how many cannot be located is then told by those
        who know the period

    Raises
    ------
    InputError
        Wrong geometry, no coordinates, broken expression, or a CRS that cannot be transformed.
    """
    report = LayerReport(name=name)
    geometry = geometry_of(source, name, wanted)
    take = weight_reader(source, name, value_field)
    when = DateColumn(name=name, field_name=date_field) if date_field else None
    if when is not None:
        require_field(source, name, date_field)
    if name_field:
        require_field(source, name, name_field)
    plain = source.wkbType() == QgsWkbTypes.Type.Point and source.sourceCrs() == crs
    row_reader = RowReader(source.fields()) if rows else None
    if plain and take is None and when is None and name_field is None and row_reader is None:
        return _read_points(source, _request(source, name, expression, layer, context), report, feedback)
    if source.wkbType() == QgsWkbTypes.Type.NoGeometry:
        stream = _table_points(source, name, crs, context=context, expression=expression, layer=layer, report=report)
    else:
        fields = [value_field, date_field, name_field or ""] if row_reader is None else source.fields().names()
        stream = _geometries(
            source, name, crs, context=context, expression=expression, wanted_fields=fields, layer=layer, report=report
        )
    names: list[str] = []
    arrays: list[Floats] = []
    merged: list[Part] = []
    owners: list[float] = []
    for i, (feature, found) in enumerate(stream):
        if i % _CHECK_EVERY == 0:
            stop_if_cancelled(feedback)
        if not found:
            report.without_geometry += 1
            if when is not None:
                when.take(feature, 0)
            continue
        arrays.append(_coordinates(found, geometry))
        if dissolve:
            merged.extend(found)
        if take is not None:
            owners.extend([take(feature)] * len(arrays[-1]))
        if when is not None:
            when.take(feature, len(arrays[-1]))
        if row_reader is not None:
            row_reader.take(feature, arrays[-1])
        report.features += 1
        if name_field is not None:
            names.append(name_text(feature, name_field, report.features))
    width = 2 if geometry == "point" else 4
    coordinates = np.concatenate(arrays) if arrays else np.zeros((0, width))
    if dissolve and merged:
        coordinates = _coordinates(_merged(merged, name), geometry)
    _mention(report, with_unlocated=row_reader is None)
    values = np.array(owners, dtype=np.float64) if take is not None else None
    read = ReadLayer(features=Features(geometry, coordinates, report.features), values=values, report=report)
    read.named = [(text, Features(geometry, array, 1)) for text, array in zip(names, arrays, strict=bool(names))]
    read.rows = row_reader.rows() if row_reader is not None else None
    return read.only_dated(when.dates(), when.unlocated()) if when is not None else read


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
    found: list[bytes] = []
    for i, feature in enumerate(source.getFeatures(request)):
        if i % _CHECK_EVERY == 0:
            stop_if_cancelled(feedback)
        found.append(bytes(feature.geometry().asWkb()))
    whole = [wkb for wkb in found if len(wkb) == _PLAIN_POINT]
    points = np.frombuffer(b"".join(whole), dtype=_POINT)
    coordinates = np.column_stack([points["x"], points["y"]])
    coordinates = coordinates[np.isfinite(coordinates).all(axis=1)]
    report.features = len(coordinates)
    report.without_geometry = len(found) - len(coordinates)
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


def _request(
    source: QgsFeatureSource, name: str, expression: str, layer: QgsMapLayer | None, context: QgsProcessingContext
) -> QgsFeatureRequest:
    request = QgsFeatureRequest()
    request.setInvalidGeometryCheck(Qgis.InvalidGeometryCheck.NoCheck)
    if expression:
        require_harmless_filter(expression, name)  # only files and factor settings bring one here
        parsed = QgsExpression(expression)
        scope = QgsExpressionContext(context.expressionContext())
        if isinstance(layer, QgsVectorLayer):
            scope.appendScopes(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
        scope.setFields(source.fields())
        missing = sorted(
            c
            for c in parsed.referencedColumns()
            if c != QgsFeatureRequest.ALL_ATTRIBUTES and source.fields().lookupField(c) < 0
        )
        if parsed.hasParserError() or not parsed.prepare(scope) or missing:
            reason = parsed.parserErrorString() or (
                f"there is no field {missing[0]!r}" if missing else parsed.evalErrorString()
            )
            raise InputError(f"The filter of '{name}' is not a valid expression ({reason.strip()}); correct it.")
        request.setFilterExpression(expression)
        request.setExpressionContext(scope)
    return request


def _geometries(
    source: QgsFeatureSource,
    name: str,
    crs: QgsCoordinateReferenceSystem,
    context: QgsProcessingContext,
    expression: str,
    wanted_fields: list[str],
    layer: QgsMapLayer | None,
    report: LayerReport,
) -> Iterator[tuple[QgsFeature, list[Part]]]:
    """Features with their parts in the study area's CRS; no part where there is no usable geometry."""
    request = _request(source, name, expression, layer, context)
    if not expression:
        request.setSubsetOfAttributes([name for name in wanted_fields if name], source.fields())
    transform = _transform(source.sourceCrs(), name, crs, context, report)
    kind = QgsWkbTypes.geometryType(source.wkbType())
    for feature in source.getFeatures(request):
        geometry = feature.geometry()
        if geometry.isNull() or geometry.isEmpty() or geometry.type() != kind:
            yield feature, []
        else:
            yield feature, _parts(geometry, transform, name, report)


def _transform(
    own: QgsCoordinateReferenceSystem,
    name: str,
    crs: QgsCoordinateReferenceSystem,
    context: QgsProcessingContext,
    report: LayerReport,
) -> QgsCoordinateTransform | None:
    if not is_known(own):
        report.warnings.append(f"The layer '{name}' has no CRS; its coordinates are taken to be in {crs_text(crs)}.")
        return None
    if own == crs:
        return None
    report.notes.append(f"The layer '{name}' was reprojected from {crs_text(own)} to {crs_text(crs)}.")
    transform = QgsCoordinateTransform(own, crs, context.transformContext())
    report.operation = operation_of(transform)
    report.notes.append(report.operation.note)
    if warning := report.operation.warning(name):
        report.warnings.append(warning)
    return transform


def _parts(
    geometry: QgsGeometry, transform: QgsCoordinateTransform | None, name: str, report: LayerReport
) -> list[Part]:
    """Straight, valid, transformed parts; empty when nothing usable is left."""
    kind, flat = geometry.type(), QgsWkbTypes.flatType(geometry.wkbType())
    plain = not QgsWkbTypes.isCurvedType(geometry.wkbType()) and flat not in _SURFACES
    if not (plain and (kind != Qgis.GeometryType.Polygon or geometry.isGeosValid())) and not _is_sound(geometry):
        return []
    if QgsWkbTypes.isCurvedType(geometry.wkbType()):
        geometry = QgsGeometry(geometry.constGet().segmentize())  # types of curves may hold straight lines only
    if flat in _SURFACES:
        geometry = QgsGeometry.unaryUnion([_geometry(polygon(facet)) for facet in parts(bytes(geometry.asWkb()))])
    if kind == Qgis.GeometryType.Polygon and not geometry.isGeosValid():
        geometry = geometry.makeValid()
        if geometry.type() != kind and not geometry.convertGeometryCollectionToSubclass(kind):
            return []
        report.repaired += 1
    if transform is not None:
        problem: object = ""
        try:
            if geometry.transform(transform) != Qgis.GeometryOperationResult.Success:
                problem = "the operation failed"
        except QgsCsException as error:
            problem = error
        if problem:
            raise InputError(f"A feature of '{name}' cannot be reprojected ({problem}); check the CRS of the layer.")
    wkb = bytes(geometry.asWkb())
    if len(wkb) == _PLAIN_POINT and wkb[0] == 1:  # most layers are points, and long
        x, y = struct.unpack_from("<dd", wkb, 5)
        return [[np.array(((x, y),))]] if math.isfinite(x) and math.isfinite(y) else []
    found = parts(wkb)
    least = {Qgis.GeometryType.Point: 1, Qgis.GeometryType.Line: 2}.get(kind, 4)
    return [part for part in found if part and len(part[0]) >= least and _on_a_map(part)]


def _is_sound(geometry: QgsGeometry) -> bool:
    """Whether every vertex is where a place can be; GEOS would search for ever for the ground around NaN."""
    return bool((np.abs(all_vertices(bytes(geometry.asWkb()))) < _FARTHEST).all())


def _on_a_map(part: Part) -> bool:
    """Whether all coordinates are numbers that a place can have."""
    return all(bool((np.abs(vertices) < _FARTHEST).all()) for vertices in part)


def _coordinates(found: list[Part], geometry: str) -> Floats:
    if geometry == "point":
        return found[0][0] if len(found) == 1 else np.concatenate([part[0] for part in found])
    if geometry == "line":
        return np.concatenate([np.hstack([part[0][:-1], part[0][1:]]) for part in found])
    return np.concatenate(
        [ring_segments(ring, anticlockwise=i == 0) for part in found for i, ring in enumerate(part) if len(ring) > 3]
    )


def _merged(polygons: list[Part], name: str) -> list[Part]:
    """The union of polygons."""
    union = QgsGeometry.unaryUnion([_geometry(polygon(rings)) for rings in polygons])
    if union.isNull():
        raise InputError(
            f"The polygons of '{name}' cannot be merged ({union.lastError()}); run 'Fix geometries' "
            "(native:fixgeometries) first."
        )
    return [part for part in parts(bytes(union.asWkb())) if part]


def _geometry(wkb: bytes) -> QgsGeometry:
    geometry = QgsGeometry()
    geometry.fromWkb(wkb)
    return geometry


def _table_points(
    source: QgsFeatureSource,
    name: str,
    crs: QgsCoordinateReferenceSystem,
    context: QgsProcessingContext,
    expression: str,
    layer: QgsMapLayer | None,
    report: LayerReport,
) -> Iterator[tuple[QgsFeature, list[Part]]]:
    """Points of a table with coordinate columns, such as a CSV file; no part where they cannot be read."""
    x_field, y_field, authid = _coordinate_columns(source, name)
    own = known_crs(authid) if authid else crs
    report.notes.append(
        f"'{name}' is a table; its columns {x_field!r} and {y_field!r} are taken as coordinates in {crs_text(own)}."
    )
    transform = _transform(own, name, crs, context, report)
    for feature in source.getFeatures(_request(source, name, expression, layer, context)):
        x, y = number(feature[x_field]), number(feature[y_field])
        if x is None or y is None or (authid and not (abs(x) <= 180 and abs(y) <= 90)):
            yield feature, []
            continue
        geometry = QgsGeometry.fromWkt(f"POINT({x!r} {y!r})")
        yield feature, _parts(geometry, transform, name, report)


def _coordinate_columns(source: QgsFeatureSource, name: str) -> tuple[str, str, str]:
    by_name = {f.name().casefold().strip(): f.name() for f in source.fields()}
    for x_names, y_names, authid in _COORDINATE_COLUMNS:
        x = next((by_name[n] for n in x_names if n in by_name), None)
        y = next((by_name[n] for n in y_names if n in by_name), None)
        if x and y:
            return x, y, authid
    raise InputError(
        f"The table '{name}' has no geometry and no columns that look like coordinates (longitude and latitude, or "
        "easting and northing); rename its columns, or load it with Layer ▸ Add Delimited Text Layer."
    )
