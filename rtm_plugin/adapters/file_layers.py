"""What a file holds that QGIS can open: each layer with its kind, number of features, and the text that opens it."""

from dataclasses import dataclass
from pathlib import PurePath

from qgis.core import Qgis, QgsMapLayer, QgsProviderRegistry, QgsRasterLayer, QgsWkbTypes

from .opening import open_vector

_OURS = ("ogr", "gdal")  # of the providers that may claim a file, those that a study is read with
_QUERY = Qgis.SublayerQueryFlags(Qgis.SublayerQueryFlag.ResolveGeometryType | Qgis.SublayerQueryFlag.CountFeatures)


@dataclass(frozen=True, slots=True)
class FileLayer:
    """One layer of a file.

    Parameters
    ----------
    name : str
    source, provider : str
        What opens this layer and no other.
    kind : {"point", "line", "polygon", "table", "raster", "unknown"}
    features : int or None
        None where it is not known.
    """

    name: str
    source: str
    provider: str
    kind: str
    features: int | None

    def open(self) -> QgsMapLayer:
        """The layer, which may still turn out to be broken."""
        if self.kind == "raster":
            return QgsRasterLayer(self.source, self.name, self.provider)
        return open_vector(self.source, self.name, self.provider)


def layers_of_file(path: str) -> tuple[FileLayer, ...]:
    """All layers of a file or of a zip of files, in their order; empty where it holds none."""
    address = f"/vsizip/{path}" if path.casefold().endswith(".zip") else path
    sublayers = QgsProviderRegistry.instance().querySublayers(address, _QUERY)
    ours = [item for item in sublayers if item.providerKey() in _OURS and item.type() in (_VECTOR, _RASTER)]
    stem = PurePath(path.replace("\\", "/")).stem
    return tuple(
        FileLayer(
            item.name() or stem,
            item.uri(),
            item.providerKey(),
            "raster" if item.type() == _RASTER else _kind(item.wkbType()),
            item.featureCount() if item.featureCount() >= 0 and item.type() == _VECTOR else None,
        )
        for item in ours
    )


def kind_of(layer: QgsMapLayer) -> str:
    """The kind of an open layer."""
    return "raster" if isinstance(layer, QgsRasterLayer) else _kind(layer.wkbType())


def _kind(geometry: Qgis.WkbType) -> str:
    if geometry == Qgis.WkbType.NoGeometry:
        return "table"
    return _KINDS.get(QgsWkbTypes.geometryType(geometry), "unknown")


_VECTOR, _RASTER = Qgis.LayerType.Vector, Qgis.LayerType.Raster
_KINDS = {
    Qgis.GeometryType.Point: "point",
    Qgis.GeometryType.Line: "line",
    Qgis.GeometryType.Polygon: "polygon",
}
