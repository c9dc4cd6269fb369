"""Vector outputs: tables of candidates and of figures, and the polygons of priority places and patrol places."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from osgeo import gdal, ogr
from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsLayerMetadata,
    QgsVariantUtils,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QMetaType
from qgis.PyQt.QtXml import QDomDocument

from ..core.accuracy.validation import Figure
from ..core.errors import InputError, OutputError
from ..core.ground.grid import Grid
from ..core.model.parts import CandidateFate
from ..core.model.raster_items import CONSTRAINT, MODEL, marking_items
from ..core.terrain.patrol_places import HECTARE, PatrolPlaces, most_shared
from ..core.terrain.places import Place, Places, Whereabouts
from .about import PLACES
from .crs import crs_of, require_written_crs
from .fields import sound_text
from .layers import layer_name
from .rasters import gdal_errors
from .spreadsheets import harmless

_TYPES = {
    str: QMetaType.Type.QString,
    int: QMetaType.Type.Int,
    float: QMetaType.Type.Double,
    bool: QMetaType.Type.Bool,
}

Column = tuple[str, type]

CANDIDATE_COLUMNS: tuple[Column, ...] = (
    ("name", str),
    ("factor", str),
    ("operationalisation", str),
    ("distance", float),
    ("direction", str),
    ("cells_exposed", int),
    ("threshold", float),
    ("survived", bool),
    ("fate", str),
    ("reason", str),
    ("bic_if_used", float),
)

FIGURE_COLUMNS: tuple[Column, ...] = (
    ("map", str),
    ("against", str),
    ("basis", str),
    ("threshold_kind", str),
    ("threshold", str),
    ("share", float),
    ("measure", str),
    ("expected", float),
    ("pessimistic", float),
    ("optimistic", float),
    ("lower", float),
    ("upper", float),
    ("overlap", bool),
)

PLACE_COLUMNS: tuple[Column, ...] = (
    ("rank", int),
    ("area", float),
    ("cells", int),
    ("mean_score", float),
    ("max_score", float),
    ("expected", float),
    ("observed", float),
    ("factors", str),
    ("where", str),
    ("street", str),
    ("area_name", str),  # "area" is how large it is
    ("feature", str),
    ("patrol_rank", int),
    ("patrol_share", float),
)
_WORDS = ("where", "street", "area_name", "feature")
_LATER_PLACE_COLUMNS = ("factors", *_WORDS, "patrol_rank", "patrol_share")  # not read, or lacking in older files

PATROL_COLUMNS: tuple[Column, ...] = (
    ("rank", int),
    ("cells", int),
    ("hectares", float),
    ("expected", float),
    ("share", float),
    ("per_hectare", float),
    ("area", str),
    ("problem", bool),
    ("problem_rank", int),
)


@dataclass(frozen=True, slots=True)
class PatrolsAbout:
    """What a table tells of patrol places beside what core knows of them; each by rank.

    Parameters
    ----------
    metres_per_unit : float
    areas : sequence of str
        What the area is called in which most of their cells lie; "" where it is not known.
    problems : sequence of int or None
        Rank of the priority place that overlaps most, 0 for none; None where no priority places are given.
    """

    metres_per_unit: float
    areas: Sequence[str]
    problems: Sequence[int | None]


def write_candidates(path: str, final: str, fates: Iterable[CandidateFate], marking: str = "") -> None:
    """One row a candidate: its fate and the reason."""
    rows = [([getattr(fate, name) for name, _ in CANDIDATE_COLUMNS], None) for fate in fates]
    _write(path, final, CANDIDATE_COLUMNS, rows, marking)


def write_figures(path: str, final: str, figures: Iterable[Figure], overlap: bool, marking: str = "") -> None:
    """One row a figure of a validation, and one a difference between two maps; empty where there is no number.

    `overlap` stamps every row: the maps were tested on events that made them.
    """
    rows = [
        (
            [
                *(f.map, f.against, f.basis, f.kind, f.threshold, f.share, f.measure),
                *(f.expected, f.pessimistic, f.optimistic, f.lower, f.upper, overlap),
            ],
            None,
        )
        for f in figures
    ]
    _write(path, final, FIGURE_COLUMNS, rows, marking)


def write_table(
    path: str, final: str, columns: Sequence[Column], rows: Iterable[Sequence[Any]], marking: str = ""
) -> None:
    """A table without geometry, a value for each column in a row; None is left empty."""
    filled = ((list(row), None) for row in rows)
    _write(path, final, columns, filled, marking)


def write_places(
    path: str,
    final: str,
    grid: Grid,
    places: Places,
    marking: str = "",
    made_from: Mapping[str, str] | None = None,
    patrols: PatrolPlaces | None = None,
    more: tuple[Sequence[Column], Sequence[Sequence[Any]]] = ((), ()),
) -> None:
    """One multipolygon a place, by rank.

    Parameters
    ----------
    made_from : mapping
        Which map and model they are of; kept in the file.
    patrols : PatrolPlaces
        With them each place says which overlaps it most, and what that one expects.
    more : columns, and a row of values for each place
        That come after the others.
    """
    over: list[int] = [0] * len(places.places)
    if patrols is not None:
        over = most_shared(places.label, len(places.places), patrols.label).tolist()
    columns, further = more
    rows = []
    for place, rank, row in zip(places.places, over, further or [()] * len(places.places), strict=True):
        values = [place.rank, place.area, place.cells, place.mean_score, place.max_score, place.expected]
        values += [place.observed, place.factor_text]
        where = place.where
        values += [text or None for text in (where.reference, where.street, where.area, where.feature)]
        values += [rank, 100 * patrols.places[rank - 1].share] if patrols is not None and rank else [None, None]
        rows.append([*values, *row])
    _write_polygons(path, final, grid, places.label, (*PLACE_COLUMNS, *columns), rows, marking, made_from)


def write_patrols(path: str, final: str, grid: Grid, patrols: PatrolPlaces, about: PatrolsAbout, marking: str) -> None:
    """One multipolygon a patrol place, by rank."""
    rows = []
    for place, area, problem in zip(patrols.places, about.areas, about.problems, strict=True):
        hectares = place.area * about.metres_per_unit**2 / HECTARE
        values = [place.rank, place.cells, hectares, place.expected, 100 * place.share, place.expected / hectares]
        rows.append([*values, area, None if problem is None else problem > 0, problem or None])
    _write_polygons(path, final, grid, patrols.label, PATROL_COLUMNS, rows, marking)


def _write_polygons(
    path: str,
    final: str,
    grid: Grid,
    label: NDArray[np.int64],
    columns: Sequence[Column],
    rows: Sequence[list[Any]],
    marking: str,
    made_from: Mapping[str, str] | None = None,
) -> None:
    """Rows, the first value of each a rank, with the outlines of the cells that have it in `label` (cells,)."""
    outlines = place_outlines(grid, label)
    _write(
        path,
        final,
        columns,
        rows=[(values, outlines[values[0]]) for values in rows],
        marking=marking,
        items=made_from or {},
        geometry_type=QgsWkbTypes.Type.MultiPolygon,
        crs=crs_of(grid),
    )
    if Path(final).suffix.lower() != ".csv":  # which has no place for a CRS
        require_written_crs(path, Path(final).name, grid.crs, grid.extent)


def read_places(layer: QgsVectorLayer) -> tuple[Place, ...]:
    """The places of a layer that rtm:priorityplaces or rtm:run wrote, by rank; without the factors at work in them.

    Raises
    ------
    InputError
        Another kind of layer.
    """
    read = [(name, kind) for name, kind in PLACE_COLUMNS if name not in _LATER_PLACE_COLUMNS]
    missing = [name for name, _ in read if layer.fields().lookupField(name) < 0]
    if missing or layer.geometryType() != Qgis.GeometryType.Polygon:
        raise InputError(
            f"The layer '{layer_name(layer)}' does not hold priority places; choose the output of "
            "rtm:priorityplaces or rtm:run."
        )

    def number(feature: QgsFeature, name: str) -> float | None:
        value = feature[name]
        return None if QgsVariantUtils.isNull(value) else float(value)

    places = []
    for feature in layer.getFeatures():
        values = {name: number(feature, name) for name, _ in read}
        needed = ("rank", "cells", "area", "mean_score", "max_score")
        if any(values[name] is None for name in needed):
            raise InputError(
                f"A place of the layer '{layer_name(layer)}' has no rank, size or score; make the layer again."
            )
        rank, cells = int(values.pop("rank")), int(values.pop("cells"))
        places.append(Place(rank=rank, cells=cells, factors=(), where=place_words(feature), **values))
    return tuple(sorted(places, key=lambda place: place.rank))


def place_words(feature: QgsFeature) -> Whereabouts:
    """The words that a place is found by, as far as its layer has them.

    A layer of other places than priority places may have the name of the area in `area`, which there is a text.
    """

    def word(name: str) -> str:
        position = feature.fields().lookupField(name)
        value = feature[position] if position >= 0 else None
        return sound_text(value) if isinstance(value, str) else ""

    where, street, area, telling = (word(name) for name in _WORDS)
    return Whereabouts(where, street, area or word("area"), telling)


def place_outlines(grid: Grid, label: NDArray[np.int64]) -> dict[int, QgsGeometry]:
    """Rank → outline of its cells, traced by GDAL (cells joined along edges; corners make further parts).

    `label` (cells,) holds the rank of each cell, 0 outside.
    """
    rows, columns = grid.shape
    raster = gdal.GetDriverByName("MEM").Create("", columns, rows, 1, gdal.GDT_Int32)
    raster.SetGeoTransform((grid.x_min, grid.cell_size, 0.0, grid.y_max, 0.0, -grid.cell_size))
    raster.GetRasterBand(1).WriteArray(grid.raster(label.astype(np.int32), 0))
    store = ogr.GetDriverByName("Memory").CreateDataSource("")
    layer = store.CreateLayer("places", None, ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn("rank", ogr.OFTInteger))
    gdal.Polygonize(raster.GetRasterBand(1), raster.GetRasterBand(1), layer, 0, [])
    parts: dict[int, list[QgsGeometry]] = {}
    for feature in layer:
        geometry = QgsGeometry()
        geometry.fromWkb(bytes(feature.GetGeometryRef().ExportToWkb()))
        parts.setdefault(feature.GetField(0), []).append(geometry)
    return {rank: QgsGeometry.collectGeometry(pieces) for rank, pieces in parts.items()}


def _write(
    path: str,
    final: str,
    columns: Sequence[Column],
    rows: Iterable[tuple[list[Any], QgsGeometry | None]],
    marking: str,
    items: Mapping[str, str] | None = None,
    geometry_type: QgsWkbTypes.Type = QgsWkbTypes.Type.NoGeometry,
    crs: QgsCoordinateReferenceSystem = QgsCoordinateReferenceSystem(),  # noqa: B008, a table has none
) -> None:
    fields = QgsFields()
    for name, kind in columns:
        fields.append(QgsField(name, _TYPES[kind]))
    ending = Path(final).suffix.lstrip(".").lower()
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = QgsVectorFileWriter.driverForExtension(ending)
    options.layerName = Path(final).stem
    options.fileEncoding = "UTF-8"
    is_csv = options.driverName == "CSV"
    if is_csv:
        options.layerOptions = ["STRING_QUOTING=ALWAYS"]
    with gdal_errors():
        writer = QgsVectorFileWriter.create(path, fields, geometry_type, crs, QgsCoordinateTransformContext(), options)
        if writer.hasError() != QgsVectorFileWriter.WriterError.NoError:
            raise OutputError(f"{Path(final).name} cannot be written: {writer.errorMessage()}.")
        for values, geometry in rows:
            feature = QgsFeature(fields)
            numbers = [known(value) for value in values]
            feature.setAttributes([harmless(value) if is_csv else value for value in numbers])
            if geometry is not None:
                feature.setGeometry(geometry)
            if not writer.addFeature(feature):
                raise OutputError(f"{Path(final).name} cannot be written: {writer.errorMessage()}.")
        writer.flushBuffer()
        del writer
    if (marking or items) and options.driverName == "GPKG":  # other formats have no room for metadata in the file
        _describe(path, options.layerName, marking, items or {})


def _describe(path: str, table: str, marking: str, items: Mapping[str, str]) -> None:
    """Put a layer's marking and the model behind it in its metadata: in those that QGIS shows, and in those of GDAL.

    The rows are those that QGIS writes itself; its own function does not know files in memory. Setting GDAL's items
    makes the tables of the GeoPackage's extension for metadata.
    """
    metadata = QgsLayerMetadata()
    if items:
        metadata.setIdentifier(items.get(MODEL, ""))
        metadata.setTitle(PLACES[0])
        metadata.setAbstract(PLACES[1])
    if marking:
        metadata.setConstraints([QgsLayerMetadata.Constraint(marking, CONSTRAINT)])
    document = QDomDocument("qgis")
    root = document.createElement("qgis")
    document.appendChild(root)
    metadata.writeMetadataXml(root, document)
    data = gdal.OpenEx(path, gdal.OF_VECTOR | gdal.OF_UPDATE)
    for key, text in {**items, **marking_items(marking)}.items():
        data.GetLayer(0).SetMetadataItem(key, text)
    data.FlushCache()
    commands = (  # both texts are quoted; files in memory take no parameters
        "INSERT INTO gpkg_metadata (md_scope, md_standard_uri, mime_type, metadata) "  # noqa: S608
        f"VALUES ('dataset', 'http://mrcc.com/qgis.dtd', 'text/xml', {_sql(document.toString())})",
        "INSERT INTO gpkg_metadata_reference (reference_scope, table_name, md_file_id) "  # noqa: S608
        f"VALUES ('table', {_sql(table)}, last_insert_rowid())",
        # One moment for the whole file: a second that turns between two rows would make equal files differ.
        "UPDATE gpkg_metadata_reference SET timestamp = "  # noqa: S608
        f"(SELECT last_change FROM gpkg_contents WHERE table_name = {_sql(table)})",
    )
    for command in commands:
        data.ExecuteSQL(command)
    del data


def _sql(text: str) -> str:
    """A text as a literal of SQL."""
    quoted = text.replace("'", "''")
    return f"'{quoted}'"


def known(value: Any) -> Any:
    """Nothing instead of a number that is none: an empty cell is read as such, nan and inf are not."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
