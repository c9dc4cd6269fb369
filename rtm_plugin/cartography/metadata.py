"""What a layer tells of itself in QGIS (Properties ► Information), from the metadata in its file."""

from qgis.core import QgsBox3d, QgsDateTimeRange, QgsLayerMetadata, QgsMapLayer
from qgis.PyQt.QtCore import QDateTime, Qt

from .styles import opened

CONSTRAINT = "Protective marking"  # kind of constraint in a layer's metadata
TITLE, ABSTRACT = "TIFFTAG_DOCUMENTNAME", "TIFFTAG_IMAGEDESCRIPTION"
_SETTINGS = (
    ("RTM_BLOCK_LENGTH", "Block length, map units"),
    ("RTM_CELL_SIZE", "Cell size, map units"),
    ("RTM_SCORE_MEAN", "Mean score"),
    ("RTM_SCORE_SD", "Standard deviation of the scores"),
    ("RTM_FAMILY", "Family"),
    ("RTM_DISPERSION", "Dispersion"),
    ("RTM_FACTORS", "Factors in the model"),
    ("RTM_MODEL", "Hash of the model"),
    ("RTM_FIT_START", "Fitted on events from"),
    ("RTM_FIT_END", "Fitted on events until"),
)


def describe(layer: QgsMapLayer) -> None:
    """Fill a raster layer's metadata from the items in its file; a raster that is not ours is left alone."""
    data = opened(layer)
    if data is None or not data.GetMetadataItem("RTM_KIND"):
        return
    items = data.GetMetadata()
    settings = tuple(f"{label}: {items[key]}" for key, label in _SETTINGS if items.get(key))
    days = items.get("RTM_FIT_START"), items.get("RTM_FIT_END")
    title = items.get(TITLE, layer.name())
    abstract = " ".join(text for text in (items.get(ABSTRACT), items.get("RTM_NOTE")) if text)
    found = metadata_of(layer, title, abstract, settings, items.get("RTM_MODEL"), days)
    if items.get("RTM_MARKING"):
        found.setConstraints([QgsLayerMetadata.Constraint(items["RTM_MARKING"], CONSTRAINT)])
    layer.setMetadata(found)


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
    found = QgsLayerMetadata()
    found.setType("dataset")
    found.setLanguage("en-GB")
    found.setIdentifier(identifier or "")
    found.setTitle(title)
    found.setAbstract(abstract)
    found.setKeywords({"method": ["Risk Terrain Modelling"], "software": ["Risk Terrain, plugin for QGIS"]})
    found.setHistory(list(settings))
    found.setCrs(layer.crs())
    found.setExtent(_extent(layer, days))
    return found


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
