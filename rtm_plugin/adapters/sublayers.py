"""Sources that hold several layers (folders, zips, workbooks, GeoPackages): the one that is meant must be named."""

from dataclasses import dataclass
from pathlib import PurePath

from qgis.core import Qgis, QgsMapLayer, QgsProviderRegistry, QgsVectorLayer

from ..core.errors import InputError

_ONE_LAYER = (".shp", ".csv", ".tsv", ".geojson", ".fgb")  # files that need not be opened to know it
_NAMES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Sublayer:
    """One layer of a source: its name, and the text that opens this layer and no other."""

    name: str
    source: str


def sublayers(source: str) -> tuple[Sublayer, ...]:
    """The vector layers among which a source of files does not choose; empty where it names one, or holds only one.

    Parameters
    ----------
    source : str
        As QGIS has it: a path, with 'layername=' or other parts behind '|' where there are some.
    """
    parts = QgsProviderRegistry.instance().decodeUri("ogr", source)
    if parts.get("layerName") or parts.get("layerId"):
        return ()
    archive, inside = str(parts.get("vsiPrefix") or ""), str(parts.get("vsiSuffix") or "")
    path = str(parts.get("path") or "") + inside
    if not path or PurePath(path).suffix.casefold() in _ONE_LAYER:
        return ()
    details = QgsProviderRegistry.instance().querySublayers((archive if inside else "") + path)
    vectors = [item for item in details if item.type() == Qgis.LayerType.Vector and item.providerKey() == "ogr"]
    if len(vectors) < 2:
        return ()
    return tuple(sorted((Sublayer(item.name(), item.uri()) for item in vectors), key=lambda layer: layer.name))


def refusal_of_sublayers(layer: QgsMapLayer | None, name: str) -> str:
    """The sentence with which a layer is refused that is only the first of several; empty where it is the one meant."""
    if not isinstance(layer, QgsVectorLayer) or layer.providerType() != "ogr":
        return ""
    layers = sublayers(layer.source())
    if not layers:
        return ""
    shown = ", ".join(f"'{item.name}'" for item in layers[:_NAMES_SHOWN])
    more = f" and {len(layers) - _NAMES_SHOWN} more" if len(layers) > _NAMES_SHOWN else ""
    return (
        f"The source '{name}' holds {len(layers)} layers ({shown}{more}), and none is chosen; name the one that is "
        f"meant, such as '{layers[0].source}', or merge them first (native:mergevectorlayers)."
    )


def require_one_layer(layer: QgsMapLayer | None, name: str) -> None:
    """Refuse a layer that is only the first of several in its source.

    Raises
    ------
    InputError
    """
    refusal = refusal_of_sublayers(layer, name)
    if refusal:
        raise InputError(refusal)
