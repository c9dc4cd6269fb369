"""What a file from someone else may name: local files of known kinds; everything else is named and asked for.

A study, factor settings, a model or a project may come from anyone. Such a file must not make this computer reach for
another one, nor run anything, because somebody looks at it. What an analyst types into a tool is not judged here.
The rules for filters and SQL in such files are in `trusted_filters`; docs/security.md tells both in words.
"""

import os
import re
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from osgeo import gdal
from qgis.core import (
    QgsCoordinateTransformContext,
    QgsMapLayer,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsVectorLayer,
)

from ..core.documents.study_document import LayerRef, StudyDocument
from ..core.errors import InputError
from .opening import open_vector
from .sublayers import require_one_layer
from .trusted_filters import filter_refusal, sql_refusal, subset_refusal

# the end of a file's name → the GDAL drivers that may open it; none of them follows an address inside the file
DRIVERS = {
    ".csv": ("CSV",),
    ".dxf": ("DXF",),
    ".fgb": ("FlatGeobuf",),
    ".gdb": ("OpenFileGDB",),
    ".geojson": ("GeoJSON", "GeoJSONSeq", "TopoJSON"),
    ".geojsonl": ("GeoJSONSeq",),
    ".gpkg": ("GPKG",),
    ".gpx": ("GPX",),
    ".json": ("GeoJSON", "GeoJSONSeq", "TopoJSON"),
    ".kml": ("LIBKML", "KML"),
    ".kmz": ("LIBKML",),
    ".mif": ("MapInfo File",),
    ".ods": ("ODS",),
    ".parquet": ("Parquet",),
    ".shp": ("ESRI Shapefile",),
    ".sqlite": ("SQLite",),
    ".tab": ("MapInfo File",),
    ".tsv": ("CSV",),
    ".txt": ("CSV",),
    ".xlsx": ("XLSX",),
}
RASTER_DRIVERS = {".tif": ("GTiff",), ".tiff": ("GTiff",)}
_DATABASES = (".gpkg", ".sqlite")
_OGR_KEYS = ("layername", "layerid", "geometrytype", "uniquegeometrytype")
_TEXT_KEYS = {  # of QGIS's delimited text: how columns are read; `subset` is an expression and looked at as one
    *("type", "delimiter", "quote", "escape", "skiplines", "skipemptyfields", "usehheader", "useheader", "trimfields"),
    *("maxfields", "detecttypes", "decimalpoint", "xfield", "yfield", "zfield", "mfield", "xydms", "wktfield"),
    *("geomtype", "crs", "encoding", "spatialindex", "subsetindex", "watchfile", "booleantrue", "booleanfalse"),
    *("field", "multiline", "subset"),
}
_NEVER = ("virtual", "memory")  # providers whose sources are programs or nothing that could be kept
_SCHEME = re.compile(r"[A-Za-z][\w+.\- ]+:")  # two characters or more: "C:" is a drive
_VSI = re.compile(r"[\\/{]*vsi[a-z0-9_]+[\\/{?]", re.IGNORECASE)  # GDAL's virtual files begin so
_SECRET = re.compile(
    r"(?i)\b((?:pass(?:word|wd)?|pwd|token|\w*key|secret|sig(?:nature)?|auth\w*)\s*=\s*)"
    r"('(?:[^'\\]|\\.)*'|\"[^\"]*\"|[^\s&;|,'\"]+)"
)
_BEFORE_AT = re.compile(r"(?i)(//|\b[a-z]{2,}:)[^/@\s]*(?:/[^/@\s]*)?@")  # //user:password@host, OCI:user/password@db
_VIRTUAL_TABLE = re.compile(r"(?is)^\s*create\s+virtual\s+table\b.*?\busing\s+\W?(\w+)")
_HARMLESS_MODULES = ("rtree", "rtree_i32", "fts3", "fts4", "fts5")
_LONGEST = 160  # characters of a source in a sentence
_QUIET = {  # GDAL options for the thread that opens a file which may come from someone else
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_HTTP_PROXY": "127.0.0.1:0",
    "GML_DOWNLOAD_SCHEMA": "NO",
    "GML_SKIP_RESOLVE_ELEMS": "ALL",
    "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "NO",
}


class UntrustedSourceError(InputError):
    """A file names something else than local files; `sources` are what it names, without passwords."""

    def __init__(self, sentence: str, sources: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.sources = sources


def require_trusted(study: StudyDocument, allow_remote: bool = False, beside: str = "") -> None:
    """Refuse a study whose layers are not local files of known kinds, or whose filters are not harmless.

    Nothing is opened or touched: the texts alone are looked at.

    Parameters
    ----------
    beside : str
        The study file; where the analyst has opened it on a network share, files of that share are as good as local.
    allow_remote : bool
        Whether the analyst has said, for this study, that databases and services may be opened. Filters are held to
        the same rules then.

    Raises
    ------
    UntrustedSourceError, InputError
    """
    for ref in _named_by(study):
        problem = _harm(ref)
        if problem:
            raise UntrustedSourceError(problem)
    remote = remote_layers(study, beside)
    if remote and not allow_remote:
        raise UntrustedSourceError(
            f"The study names {', '.join(remote)}: studies may name local files only, of the kinds "
            f"{', '.join(sorted(DRIVERS))}. Nothing was opened. If you know where the study comes from, allow it for "
            "this study (ALLOW_REMOTE = yes, or the wizard's question); else choose local files instead.",
            remote,
        )


def remote_layers(study: StudyDocument, beside: str = "") -> tuple[str, ...]:
    """What a study names beside local files of known kinds: name, address without password, and why."""
    refusals = ((ref, refusal_of_source(ref.provider, ref.source, beside)) for ref in _named_by(study))
    descriptions = (f"the layer '{ref.name}' at {without_secrets(ref.source)} ({why})" for ref, why in refusals if why)
    return tuple(dict.fromkeys(descriptions))


def _named_by(study: StudyDocument) -> tuple[LayerRef, ...]:
    """Every layer and raster that a study names."""
    return (*study.layers, *study.rasters)


def refusal_of_layer(ref: LayerRef) -> str:
    """Why a layer that a file names is not opened unasked; empty when it is."""
    return _harm(ref) or refusal_of_source(ref.provider, ref.source)


def _harm(ref: LayerRef) -> str:
    """The refusal of what no analyst can allow: programs as sources, filters with functions that reach out."""
    if ref.provider.lower() in _NEVER or ref.source.lstrip()[:1] in ("<", "{", "["):
        return (
            f"The layer '{ref.name}' of the study is no file but a text that would be run or read as data "
            f"({without_secrets(ref.source)}); save it to a file and choose that."
        )
    for problem in (filter_refusal(ref.filter), _subset_problem(ref.provider, ref.source)):
        if problem:
            return f"The filter of '{ref.name}' is refused, as it comes with a file: {problem}."
    return ""


def refusal_of_source(provider: str, source: str, beside: str = "") -> str:
    """Why a source is not a local file of a known kind, in a few words; empty when it is one. Touches nothing."""
    if provider == "ogr":
        path, keys, _ = _ogr_parts(source)
        unknown = next((key for key in keys if key.lower() not in _OGR_KEYS), "")
        if unknown:
            return f"the setting {unknown[:40]!r} is not among those that a file may give"
    elif provider == "delimitedtext":
        address = urlsplit(source)
        if address.scheme != "file" or address.netloc or address.fragment:
            return "not a local file"
        path = re.sub(r"^/(?=[A-Za-z]:)", "", unquote(address.path))
        unknown = next((key for key, _ in _query(source) if key.lower() not in _TEXT_KEYS), "")
        if unknown:
            return f"the setting {unknown[:40]!r} is not among those that a file may give"
    elif provider == "gdal":
        return refusal_of_path(source, RASTER_DRIVERS, beside)
    else:
        return f"of the data provider '{provider[:40]}', not a local file"
    return refusal_of_path(path, DRIVERS, beside)


def refusal_of_path(path: str, kinds: Collection[str], beside: str = "") -> str:
    """Why a text is not the path of a local file that ends in one of `kinds`; empty when it is. Touches nothing."""
    if not path or path != path.strip() or any(ord(c) < 32 or c in '|<>"?*' for c in path):
        return "not a path"
    if _share(path) and _share(path) != _share(beside):
        return "on another computer"
    if _VSI.search(path) or _SCHEME.match(path) or "://" in path:
        return "not a local file"
    if Path(path.replace("\\", "/")).suffix.lower() not in kinds:
        return "not of a kind of file that is known to be harmless"
    return ""


def _share(path: str) -> tuple[str, ...]:
    """Computer and share of a network path; empty for every other, and for devices nothing that could be the same."""
    slashed = path.replace("\\", "/")
    if not slashed.startswith("//"):
        return ()
    computer, _, rest = slashed[2:].partition("/")
    return (computer.casefold(), rest.partition("/")[0].casefold(), *(path,) * (computer in ("", "?", ".")))


def is_local_file(path: object, *endings: str) -> bool:
    """Whether a text from a file or project is a local path with one of these endings, and the file is there.

    The disk is looked at only when the text is that of a local path.
    """
    if not isinstance(path, str) or refusal_of_path(path, tuple(endings) or (*DRIVERS, *RASTER_DRIVERS)):
        return False
    return os.path.isfile(path)


def is_beside(path: object, folder: str, *endings: str) -> bool:
    """Whether a file lies in a folder or below it, ends so, and is there.

    The folder, which the analyst has opened something from, may lie on another computer. Nothing outside it is
    touched: the texts are compared first, and links are followed only then.
    """
    if not isinstance(path, str) or not path or not folder or _VSI.search(path) or "://" in path + folder:
        return False
    if Path(path).suffix.lower() not in endings or not _below(os.path.normpath(path), os.path.normpath(folder)):
        return False
    return os.path.isfile(path) and _below(os.path.realpath(path), os.path.realpath(folder))


def _below(path: str, folder: str) -> bool:
    path, folder = os.path.normcase(path), os.path.normcase(folder)
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def open_layer(ref: LayerRef, transforms: QgsCoordinateTransformContext | None = None) -> QgsVectorLayer:
    """A layer that a study names, opened without its style: a style may hold expressions that run when it is drawn.

    The study has passed `require_trusted`. What a local file holds is looked at before QGIS opens it.

    Raises
    ------
    InputError
        It is not there any more, or holds something else than its name says.
    """
    options = QgsVectorLayer.LayerOptions(transforms or QgsCoordinateTransformContext())
    options.loadDefaultStyle = False
    local = ref.provider in ("ogr", "delimitedtext") and not refusal_of_source(ref.provider, ref.source, ref.source)
    if local:
        require_known_content(path_of(ref.provider, ref.source))
    with without_network() if local else nullcontext():
        layer = open_vector(ref.source, ref.name, ref.provider, options)
    _require_valid(layer, ref)
    require_one_layer(layer, ref.name)
    return layer


def open_raster_layer(ref: LayerRef) -> QgsRasterLayer:
    """A raster that a study names: exposure or an adjustment. The study has passed `require_trusted`.

    Raises
    ------
    InputError
        It is not there any more, or holds something else than its name says.
    """
    local = ref.provider == "gdal" and not refusal_of_source(ref.provider, ref.source, ref.source)
    options = QgsRasterLayer.LayerOptions()
    options.loadDefaultStyle = False
    with without_network() if local else nullcontext():
        is_tiff = not local or open_raster(ref.source) is not None
        layer = QgsRasterLayer(ref.source if is_tiff else "", ref.name, ref.provider, options)
    _require_valid(layer, ref)
    return layer


def _require_valid(layer: QgsMapLayer, ref: LayerRef) -> None:
    if not layer.isValid():
        raise InputError(
            f"The layer '{ref.name}' of the study cannot be opened ({_short(ref)}); put its file back, or "
            "open the study in the wizard and choose the layer again."
        )


def _short(ref: LayerRef) -> str:
    """The file and layer without the folders, and without what may be a password in a database's address."""
    parts = QgsProviderRegistry.instance().decodeUri(ref.provider, ref.source)
    file = str(parts.get("path") or "").replace("\\", "/").rsplit("/", 1)[-1]
    return ", ".join(text for text in (file, str(parts.get("layerName") or "")) if text) or ref.provider


def require_known_content(path: str) -> None:
    """Refuse a local file that holds something else than its name says: a list of addresses, or a program.

    Raises
    ------
    InputError
        Its content is opened by another driver than those for its ending, or its database holds what would reach out.
    """
    ending, name = Path(path).suffix.lower(), Path(path).name
    with without_network():
        try:
            driver = gdal.IdentifyDriverEx(path, gdal.OF_VECTOR)
        except RuntimeError:
            driver = None
    if driver is not None and driver.ShortName not in DRIVERS.get(ending, ()):
        raise InputError(
            f"The file '{name}' does not hold what its name says, but {driver.LongName} ({driver.ShortName}), which "
            "may name other computers; export its data to a file of their own and choose that."
        )
    problem = _database_problem(path) if ending in _DATABASES else ""
    if problem:
        raise InputError(
            f"The database '{name}' holds {problem}, which could reach out when it is read; export its layers to a new "
            "GeoPackage and choose that."
        )


def _database_problem(path: str) -> str:
    """A view, virtual table or computed column that calls what can reach out of the database."""
    if not os.path.isfile(path):
        return ""  # whoever opens it says so
    try:
        with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    except sqlite3.Error as error:
        raise InputError(
            f"The database '{Path(path).name}' cannot be looked at before it is opened ({error}); close it in other "
            "programs, or export its layers to a new GeoPackage and choose that."
        ) from error
    for kind, name, sql in rows:
        module = _VIRTUAL_TABLE.match(str(sql))
        if module and module.group(1).lower() not in _HARMLESS_MODULES:
            return f"the virtual table '{str(name)[:60]}' of {module.group(1)[:40]}"
        if kind in ("view", "table") and sql_refusal(str(sql)):
            return f"the {kind} '{str(name)[:60]}' with {sql_refusal(str(sql))}"
    return ""


@contextmanager
def without_network() -> Iterator[None]:
    """GDAL in this thread without ways to other computers."""
    before = {key: gdal.GetThreadLocalConfigOption(key) for key in _QUIET}
    for key, value in _QUIET.items():
        gdal.SetThreadLocalConfigOption(key, value)
    try:
        yield
    finally:
        for key, value in before.items():
            gdal.SetThreadLocalConfigOption(key, value)


def open_raster(path: str) -> gdal.Dataset | None:
    """A GeoTIFF that a project or file names; None when it cannot be opened, or is another kind of file."""
    with without_network():
        try:
            return gdal.OpenEx(path, gdal.OF_RASTER, allowed_drivers=["GTiff"])
        except RuntimeError:
            return None


def path_of(provider: str, source: str) -> str:
    """The path of the file in a source."""
    if provider == "delimitedtext":
        return re.sub(r"^/(?=[A-Za-z]:)", "", unquote(urlsplit(source).path))
    return _ogr_parts(source)[0]


def without_secrets(source: str) -> str:
    """A source as a sentence or log may repeat it: no password, token or user, and not endless."""
    text = "".join(c if c.isprintable() else " " for c in source)
    text = _BEFORE_AT.sub(r"\1…@", _SECRET.sub(r"\1…", text))
    if "://" in text:
        text = text.partition("?")[0]
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _ogr_parts(source: str) -> tuple[str, list[str], str]:
    """Path, names of the settings, and subset of a source of QGIS's provider ogr."""
    head, *subset = re.split(r"\|subset=", source, maxsplit=1, flags=re.IGNORECASE)
    path, *settings = head.split("|")
    return path, [setting.partition("=")[0] for setting in settings], subset[0] if subset else ""


def _query(source: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(source).query, keep_blank_values=True)


def _subset_problem(provider: str, source: str) -> str:
    """What is wrong with the subset in a source: an expression in delimited text, SQL elsewhere."""
    if provider == "delimitedtext":
        problems = (filter_refusal(value) for key, value in _query(source) if key.lower() == "subset")
        return next(filter(None, problems), "")
    return subset_refusal(_ogr_parts(source)[2])
