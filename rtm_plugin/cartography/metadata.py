"""What a layer tells of itself in QGIS (Properties ► Information), from the metadata in its file."""

from qgis.core import QgsBox3d, QgsDateTimeRange, QgsLayerMetadata, QgsMapLayer
from qgis.PyQt.QtCore import QDateTime, Qt

from ..core.model.raster_items import (
    BLOCK_LENGTH,
    CELL_SIZE,
    CONSTRAINT,
    DISPERSION,
    FACTORS,
    FAMILY,
    FIT,
    KIND,
    MARKING,
    MODEL,
    NOTE,
    SCORE_MEAN,
    SCORE_SD,
    text_items,
)
from .styles import opened

TITLE, ABSTRACT = "TIFFTAG_DOCUMENTNAME", "TIFFTAG_IMAGEDESCRIPTION"
_SETTINGS = (
    (BLOCK_LENGTH, "Block length, map units"),
    (CELL_SIZE, "Cell size, map units"),
    (SCORE_MEAN, "Mean score"),
    (SCORE_SD, "Standard deviation of the scores"),
    (FAMILY, "Family"),
    (DISPERSION, "Dispersion"),
    (FACTORS, "Factors in the model"),
    (MODEL, "Hash of the model"),
    (f"{FIT}_START", "Fitted on events from"),
    (f"{FIT}_END", "Fitted on events until"),
)


def describe(layer: QgsMapLayer) -> None:
    """Fill a raster layer's metadata from the items in its file; a raster that is not ours is left alone."""
    data = opened(layer)
    if data is None or not data.GetMetadataItem(KIND):
        return
    items = text_items(data.GetMetadata())
    settings = tuple(f"{label}: {items[key]}" for key, label in _SETTINGS if items.get(key))
    days = tuple(items.get(f"{FIT}_{end}") for end in ("START", "END"))
    title = items.get(TITLE, layer.name())
    abstract = " ".join(text for text in (items.get(ABSTRACT), items.get(NOTE)) if text)
    metadata = metadata_of(layer, title, abstract, settings, items.get(MODEL), days)
    if items.get(MARKING):
        metadata.setConstraints([QgsLayerMetadata.Constraint(items[MARKING], CONSTRAINT)])
    layer.setMetadata(metadata)


def metadata_of(
    layer: QgsMapLayer,
    title: str,
    abstract: str,
    settings: tuple[str, ...],
    identifier: str | None = None,
    days: tuple[str | None, str | None] = (None, None),
) -> QgsLayerMetadata:
    """Title, abstract, settings as the history, identifier, period, extent and CRS of a layer.

    Parameters
    ----------
    identifier : str or None
        The model's hash.
    days : ISO days of the first and the last event behind the layer, each may be missing
    """
    metadata = QgsLayerMetadata()
    metadata.setType("dataset")
    metadata.setLanguage("en-GB")
    metadata.setIdentifier(identifier or "")
    metadata.setTitle(title)
    metadata.setAbstract(abstract)
    metadata.setKeywords({"method": ["Risk Terrain Modelling"], "software": ["Risk Terrain, plugin for QGIS"]})
    metadata.setHistory(list(settings))
    metadata.setCrs(layer.crs())
    metadata.setExtent(_extent(layer, days))
    return metadata


def _extent(layer: QgsMapLayer, days: tuple[str | None, str | None]) -> QgsLayerMetadata.Extent:
    spatial = QgsLayerMetadata.SpatialExtent()
    spatial.extentCrs, box = layer.crs(), layer.extent()
    spatial.bounds = QgsBox3d(box.xMinimum(), box.yMinimum(), 0, box.xMaximum(), box.yMaximum(), 0)
    extent = QgsLayerMetadata.Extent()
    extent.setSpatialExtents([spatial])
    if any(days):
        begin, end = (QDateTime.fromString(day or "", Qt.DateFormat.ISODate) for day in days)
        extent.setTemporalExtents([QgsDateTimeRange(begin, end)])
    return extent
