"""Features as a source has them, one after the other: chosen, moved into the study area's CRS, cut into sound parts."""

import math
import struct
from collections.abc import Iterator, Sequence

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
    QgsRectangle,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ..core.arrays import Floats
from ..core.errors import InputError
from ..core.ground.features import ring_segments
from .coordinate_columns import coordinate_columns
from .crs import Extent, crs_text, is_known, known_crs
from .fields import number
from .read_layers import LayerReport
from .reprojection import operation_of
from .trusted_filters import require_harmless_filter
from .wkb import Part, all_vertices, parts, polygon

POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])  # well-known binary, as QGIS writes

_SURFACES = (QgsWkbTypes.Type.Triangle, QgsWkbTypes.Type.PolyhedralSurface, QgsWkbTypes.Type.TIN)  # ground by facets
_FARTHEST = 1e12  # map units from the origin, where no place on the Earth lies in any unit

Features = Iterator[tuple[QgsFeature, list[Part]]]


class FeatureStream:
    """The features of a source that a filter chooses, with their parts in the study area's CRS.

    Parameters
    ----------
    source : QgsFeatureSource, with "selected features only" and filters already in force
    report : LayerReport
        What is noticed on the way is written into it; its name stands in sentences.
    crs : of the study area
    expression : QGIS expression that chooses features
    layer : the map layer behind the source, for expressions that ask for it
    near : in the study area's CRS; features whose box lies beside it are left out
    """

    def __init__(
        self,
        source: QgsFeatureSource,
        report: LayerReport,
        crs: QgsCoordinateReferenceSystem,
        context: QgsProcessingContext,
        *,
        expression: str = "",
        layer: QgsMapLayer | None = None,
        near: Extent | None = None,
    ) -> None:
        self._source, self._report, self._crs, self._context = source, report, crs, context
        self._expression, self._layer, self._near = expression, layer, near

    def features(self, fields: Sequence[str]) -> Features:
        """Each feature with its parts; no part where there is no geometry that can be used. `fields` are read."""
        if self._source.wkbType() == QgsWkbTypes.Type.NoGeometry:
            return self._of_table()
        return self._of_geometries(fields)

    def request(self) -> QgsFeatureRequest:
        """What the provider is asked for.

        Raises
        ------
        InputError
            The filter is not harmless, or no valid expression.
        """
        request = QgsFeatureRequest()
        request.setInvalidGeometryCheck(Qgis.InvalidGeometryCheck.NoCheck)
        if self._expression:
            request.setFilterExpression(self._expression)
            request.setExpressionContext(self._checked_scope())
        if self._near is not None and self._source.wkbType() != QgsWkbTypes.Type.NoGeometry:
            request.setFilterRect(self._in_the_source(QgsRectangle(*self._near)))
        return request

    def _in_the_source(self, box: QgsRectangle) -> QgsRectangle:
        """A box of the study area's CRS in the layer's own; one around everything where it cannot be told."""
        crs = self._source.sourceCrs()
        if not is_known(crs) or crs == self._crs:
            return box
        try:
            return QgsCoordinateTransform(self._crs, crs, self._context.transformContext()).transformBoundingBox(box)
        except QgsCsException:
            return QgsRectangle()

    def _checked_scope(self) -> QgsExpressionContext:
        """Variables and fields that the filter may name, after a look at the filter."""
        expression, name, fields = self._expression, self._report.name, self._source.fields()
        require_harmless_filter(expression, name)  # only files and factor settings bring one here
        parsed = QgsExpression(expression)
        scope = QgsExpressionContext(self._context.expressionContext())
        if isinstance(self._layer, QgsVectorLayer):
            scope.appendScope(QgsExpressionContextUtils.layerScope(self._layer))  # no others: see `opening`
        scope.setFields(fields)
        missing = sorted(
            column
            for column in parsed.referencedColumns()
            if column != QgsFeatureRequest.ALL_ATTRIBUTES and fields.lookupField(column) < 0
        )
        if parsed.hasParserError() or not parsed.prepare(scope) or missing:
            reason = parsed.parserErrorString() or (
                f"there is no field {missing[0]!r}" if missing else parsed.evalErrorString()
            )
            raise InputError(f"The filter of '{name}' is not a valid expression ({reason.strip()}); correct it.")
        return scope

    def _of_geometries(self, fields: Sequence[str]) -> Features:
        request = self.request()
        if not self._expression:
            request.setSubsetOfAttributes([name for name in fields if name], self._source.fields())
        transform = self._transform(self._source.sourceCrs())
        kind = QgsWkbTypes.geometryType(self._source.wkbType())
        for feature in self._source.getFeatures(request):
            geometry = feature.geometry()
            if geometry.isNull() or geometry.isEmpty() or geometry.type() != kind:
                yield feature, []
            else:
                yield feature, _parts(geometry, transform, self._report)

    def _of_table(self) -> Features:
        """Points of a table with coordinate columns, such as a CSV file; no part where they cannot be read."""
        x_field, y_field, authid = coordinate_columns(self._source, self._report.name)
        crs = known_crs(authid) if authid else self._crs
        self._report.notes.append(
            f"'{self._report.name}' is a table; its columns {x_field!r} and {y_field!r} are taken as coordinates in "
            f"{crs_text(crs)}."
        )
        transform = self._transform(crs)
        for feature in self._source.getFeatures(self.request()):
            x, y = number(feature[x_field]), number(feature[y_field])
            if x is None or y is None or (authid and not (abs(x) <= 180 and abs(y) <= 90)):
                yield feature, []
            else:
                yield feature, _parts(QgsGeometry.fromWkt(f"POINT({x!r} {y!r})"), transform, self._report)

    def _transform(self, crs: QgsCoordinateReferenceSystem) -> QgsCoordinateTransform | None:
        """From the layer's CRS to the study area's; what it does to the coordinates is told."""
        report = self._report
        if not is_known(crs):
            report.warnings.append(
                f"The layer '{report.name}' has no CRS; its coordinates are taken to be in {crs_text(self._crs)}."
            )
            return None
        if crs == self._crs:
            return None
        report.notes.append(f"The layer '{report.name}' was reprojected from {crs_text(crs)} to {crs_text(self._crs)}.")
        transform = QgsCoordinateTransform(crs, self._crs, self._context.transformContext())
        report.operation = operation_of(transform)
        report.notes.append(report.operation.note)
        if warning := report.operation.warning(report.name):
            report.warnings.append(warning)
        return transform


def _parts(geometry: QgsGeometry, transform: QgsCoordinateTransform | None, report: LayerReport) -> list[Part]:
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
            raise InputError(
                f"A feature of '{report.name}' cannot be reprojected ({problem}); check the CRS of the layer."
            )
    wkb = bytes(geometry.asWkb())
    if len(wkb) == POINT.itemsize and wkb[0] == 1:  # most layers are points, and long
        x, y = struct.unpack_from("<dd", wkb, 5)
        return [[np.array(((x, y),))]] if math.isfinite(x) and math.isfinite(y) else []
    vertices = parts(wkb)
    least = {Qgis.GeometryType.Point: 1, Qgis.GeometryType.Line: 2}.get(kind, 4)
    return [part for part in vertices if part and len(part[0]) >= least and _on_a_map(part)]


def _is_sound(geometry: QgsGeometry) -> bool:
    """Whether every vertex is where a place can be; GEOS would search for ever for the ground around NaN."""
    return bool((np.abs(all_vertices(bytes(geometry.asWkb()))) < _FARTHEST).all())


def _on_a_map(part: Part) -> bool:
    """Whether all coordinates are numbers that a place can have."""
    return all(bool((np.abs(vertices) < _FARTHEST).all()) for vertices in part)


def coordinates_of(parts: list[Part], geometry: str) -> Floats:
    if geometry == "point":
        return parts[0][0] if len(parts) == 1 else np.concatenate([part[0] for part in parts])
    if geometry == "line":
        return np.concatenate([np.hstack([part[0][:-1], part[0][1:]]) for part in parts])
    return np.concatenate(
        [ring_segments(ring, anticlockwise=i == 0) for part in parts for i, ring in enumerate(part) if len(ring) > 3]
    )


def merged(polygons: list[Part], name: str) -> list[Part]:
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
