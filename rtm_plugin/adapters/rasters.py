"""Rasters: tiled, compressed GeoTIFF with band descriptions and metadata; read back as grids, counts, candidates."""

import base64
import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsRasterLayer

from ..core.candidates import Candidate, CandidateSet, FactorCandidates
from ..core.errors import FileFormatError, InputError, OutputError, SettingsError
from ..core.features import Features
from ..core.grid import Grid
from ..core.model import parse_json
from ..core.periods import Period
from ..core.pipeline import Events
from ..core.progress import Progress, silent
from ..core.study import DIRECTIONS
from .about import MARKING, kind_items
from .crs import known_crs, refusal_of_crs, require_written_crs, spatial_reference

VERSION = 1
_OPTIONS = ["TILED=YES", "COMPRESS=DEFLATE", "PREDICTOR=1", "BIGTIFF=IF_SAFER"]
_TYPES = {"uint8": gdal.GDT_Byte, "int32": gdal.GDT_Int32, "float32": gdal.GDT_Float32, "float64": gdal.GDT_Float64}


@dataclass(frozen=True, slots=True)
class Band:
    """One band: values of the kept cells, and what it is called."""

    values: NDArray[Any]
    description: str
    metadata: Mapping[str, str] = field(default_factory=dict)


def write_raster(
    path: str,
    grid: Grid,
    bands: Sequence[Band],
    nodata: float,
    kind: str,
    metadata: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> None:
    """Write values of the kept cells as a GeoTIFF; the grid's settings go into its metadata.

    Raises
    ------
    OutputError
        GDAL could not write all of it.
    """
    rows, columns = grid.shape
    _refuse_what_is_no_number(bands, nodata)
    with gdal_errors():
        driver = gdal.GetDriverByName("GTiff")
        data = driver.Create(path, columns, rows, len(bands), _TYPES[bands[0].values.dtype.name], _OPTIONS)
        if data is None:
            raise OutputError(gdal.GetLastErrorMsg())
        data.SetGeoTransform((grid.x_min, grid.cell_size, 0.0, grid.y_max, 0.0, -grid.cell_size))
        data.SetProjection(spatial_reference(grid.crs).ExportToWkt())
        data.SetMetadata({**_grid_metadata(grid, kind), **(metadata or {})})
        for number, band in enumerate(bands, 1):
            target = data.GetRasterBand(number)
            target.SetNoDataValue(nodata)
            target.SetDescription(band.description)
            target.SetMetadata(dict(band.metadata))
            target.WriteArray(grid.raster(band.values, nodata))
            target.SetStatistics(*_statistics(band.values))  # else QGIS computes them and leaves an .aux.xml file
            progress(number / len(bands))
        data.FlushCache()
        del target, data
    require_written_crs(path, "The raster", grid.crs, grid.extent)


def _refuse_what_is_no_number(bands: Sequence[Band], nodata: float) -> None:
    """Stop before a cell of the study area gets no value, or the one that stands for none."""
    for band in bands:
        wrong = int(np.count_nonzero(~np.isfinite(band.values) | (band.values == nodata)))
        if wrong:
            raise OutputError(
                f"{wrong:,} cells have no number for '{band.description}', so the raster is not written; check the "
                "inputs for absurd values."
            )


def _statistics(values: NDArray[Any]) -> tuple[float, float, float, float]:
    """min, max, mean and standard deviation, as GDAL stores them."""
    wide = values.astype(np.float64)
    return float(wide.min()), float(wide.max()), float(wide.mean()), float(wide.std())


@contextmanager
def gdal_errors() -> Iterator[None]:
    """Turn what GDAL only logs (a full disk, at closing) into an OutputError."""
    problems: list[str] = []

    def note(level: int, _number: int, message: str) -> None:
        if level >= gdal.CE_Failure:
            problems.append(message)

    gdal.PushErrorHandler(note)
    try:
        yield
    except RuntimeError as error:
        problems.append(str(error))
    finally:
        gdal.PopErrorHandler()
    if problems:
        raise OutputError(
            f"An output cannot be written ({problems[0]}); check that the disk has room and the folder can be written "
            "to."
        )


def _grid_metadata(grid: Grid, kind: str) -> dict[str, str]:
    items = {
        **kind_items(kind),
        "RTM_KIND": kind,
        "RTM_VERSION": str(VERSION),
        "RTM_CRS": grid.crs,
        "RTM_BLOCK_LENGTH": repr(float(grid.block_length)),
        "RTM_CELL_SIZE": repr(float(grid.cell_size)),
    }
    if grid.study_area is not None:
        raw = np.ascontiguousarray(grid.study_area.coordinates, dtype="<f8").tobytes()
        items["RTM_STUDY_AREA"] = base64.b64encode(zlib.compress(raw, 6)).decode()
        items["RTM_STUDY_AREA_FEATURES"] = str(grid.study_area.count)
    return items


def candidate_bands(block: FactorCandidates) -> list[Band]:
    """One Byte band a candidate, 1 where a cell is exposed."""
    bands = []
    for j, c in enumerate(block.candidates):
        items = {
            "RTM_FACTOR": c.factor,
            "RTM_OPERATIONALISATION": c.operationalisation,
            "RTM_DISTANCE": repr(float(c.distance)),
            "RTM_DIRECTION": c.direction,
        }
        if c.threshold is not None:  # GDAL drops empty items
            items["RTM_THRESHOLD"] = repr(float(c.threshold))
        bands.append(Band(block.column(j).astype(np.uint8), c.name, items))
    return bands


class Raster:
    """A raster file opened for reading, refused in a sentence when it is not what is needed."""

    def __init__(self, layer: QgsRasterLayer | None, what: str) -> None:
        if layer is None or not layer.isValid():
            raise InputError(f"The {what} raster cannot be opened; choose a raster layer.")
        self.name = layer.name()
        if layer.providerType() != "gdal":
            raise InputError(f"The {what} raster '{self.name}' is not a file; save it as a GeoTIFF first.")
        try:  # GDAL raises or returns None, as the program around it has chosen
            self._data = gdal.Open(layer.source())
        except RuntimeError:
            self._data = None
        if self._data is None:
            raise InputError(f"The {what} raster '{self.name}' cannot be opened; choose another file.")
        self.metadata: dict[str, str] = dict(self._data.GetMetadata())
        self.crs: QgsCoordinateReferenceSystem = layer.crs()
        self._check(what)

    def _check(self, what: str) -> None:
        x, dx, skew_x, y, skew_y, dy = self._data.GetGeoTransform()
        rows, columns = self._data.RasterYSize, self._data.RasterXSize
        refusal = refusal_of_crs(self.crs, self.name, (x, y + rows * dy, x + columns * dx, y))
        if refusal:
            raise InputError(refusal)
        if skew_x or skew_y or dx <= 0 or not math.isclose(dx, -dy, rel_tol=1e-6) or not math.isfinite(x):
            raise InputError(
                f"The {what} raster '{self.name}' does not have square cells that run north up; make it with "
                "rtm:studygrid."
            )
        if _number(self.metadata.get("RTM_VERSION"), VERSION, self.name) > VERSION:
            raise FileFormatError(
                f"The {what} raster '{self.name}' was made by a newer version of the plugin; update the plugin."
            )

    def require(self, kind: str, what: str, maker: str, or_foreign: bool = False, or_forecast: bool = False) -> None:
        """Refuse a raster that another algorithm made; a forecast or one not ours passes only where that is said."""
        found = self.metadata.get("RTM_KIND")
        if found != kind and not (or_foreign and found is None) and not (or_forecast and found == "forecast"):
            raise InputError(
                f"The {what} raster '{self.name}' was not made by {maker}; run that first and choose its output."
            )

    @property
    def marking(self) -> str:
        """The protective marking that it carries; "" without one."""
        return self.metadata.get(MARKING, "")

    @property
    def bands(self) -> int:
        """Number of bands."""
        return int(self._data.RasterCount)

    def band(self, number: int) -> tuple[NDArray[Any], NDArray[np.bool_], Any]:
        """Values, which of them are valid, and the GDAL band."""
        band = self._data.GetRasterBand(number)
        try:
            values = band.ReadAsArray()
        except RuntimeError:
            values = None
        if values is None:
            raise InputError(f"The raster '{self.name}' cannot be read; it is damaged.")
        nodata = band.GetNoDataValue()
        valid = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, dtype=bool)
        if nodata is not None and not math.isnan(nodata):
            valid &= values != nodata
        return values, valid, band

    def grid(self, with_zeros: bool = False) -> Grid:
        """The grid of the valid cells of the first band; for a study grid, those that hold 1.

        A raster that is not ours may be a study grid too, unless 0 is a value like others in it (`with_zeros`).
        """
        values, valid, _ = self.band(1)
        if self.metadata.get("RTM_KIND") == "grid" or (not with_zeros and "RTM_KIND" not in self.metadata):
            valid = valid & (values != 0)
        if not valid.any():
            raise InputError(f"The raster '{self.name}' has no cell with a value; make it with rtm:studygrid.")
        x_min, size, _, y_max, _, _ = self._data.GetGeoTransform()
        block = _number(self.metadata.get("RTM_BLOCK_LENGTH"), 2 * size, self.name)
        crs = self.metadata.get("RTM_CRS") or self.crs.authid() or self.crs.toWkt()
        try:
            known_crs(crs)
        except InputError as error:
            raise FileFormatError(f"The metadata of '{self.name}' are damaged; make the raster again.") from error
        exact = _number(self.metadata.get("RTM_CELL_SIZE"), size, self.name)
        return Grid(x_min, y_max, exact, block, valid, crs, self._study_area())

    def _study_area(self) -> Features | None:
        text = self.metadata.get("RTM_STUDY_AREA")
        if not text:
            return None
        try:
            raw = zlib.decompress(base64.b64decode(text, validate=True))
            segments = np.frombuffer(raw, dtype="<f8").reshape(-1, 4).astype(np.float64)
            return Features("polygon", segments, int(self.metadata.get("RTM_STUDY_AREA_FEATURES", "1")))
        except (ValueError, zlib.error) as error:
            raise FileFormatError(
                f"The study area stored in '{self.name}' is damaged; make the raster again."
            ) from error

    def values_on(self, grid: Grid) -> NDArray[np.float64]:
        """Values of the first band in the grid's cells; not a number where the raster has none.

        The raster may cover more or less ground, but its cells must be the grid's: nothing is resampled.
        """
        values, valid, _ = self.band(1)
        x_min, size, _, y_max, _, _ = self._data.GetGeoTransform()
        right, down = (grid.x_min - x_min) / grid.cell_size, (y_max - grid.y_max) / grid.cell_size
        off = max(abs(right - round(right)), abs(down - round(down)))
        if not math.isclose(size, grid.cell_size, rel_tol=1e-6) or off > 1e-3:
            raise InputError(
                f"The raster '{self.name}' has other cells than the study grid ({grid.cell_size:g} map units); make "
                "it on the study grid, for instance with rtm:countevents."
            )
        row, column = np.nonzero(grid.mask)
        row, column = row + round(down), column + round(right)
        inside = (row >= 0) & (row < values.shape[0]) & (column >= 0) & (column < values.shape[1])
        result = np.full(grid.cells, np.nan)
        row, column = row[inside], column[inside]
        result[inside] = np.where(valid[row, column], values[row, column], np.nan)
        return result

    def period(self, prefix: str) -> Period:
        """The period that the metadata items <prefix>_START and <prefix>_END hold; nothing known where they are absent.

        "RTM" is the period of counts, "RTM_FIT" that of the events which a terrain's model was fitted on.
        """
        try:
            return Period.from_iso(*(self.metadata.get(f"{prefix}_{end}") for end in ("START", "END")))
        except SettingsError as error:
            raise FileFormatError(f"The metadata of '{self.name}' are damaged; make the raster again.") from error

    def json_item(self, key: str) -> Any:
        """A metadata item that holds JSON; None when absent."""
        text = self.metadata.get(key)
        return parse_json(text, f"The metadata of '{self.name}'") if text else None


def _number(text: str | None, default: float, name: str) -> float:
    if not text:
        return default
    try:
        value = float(text)
    except ValueError as error:
        raise FileFormatError(f"The metadata of '{name}' are damaged; make the raster again.") from error
    if not math.isfinite(value) or value <= 0:
        raise FileFormatError(f"The metadata of '{name}' are damaged; make the raster again.")
    return value


def read_counts(raster: Raster) -> tuple[Grid, Events]:
    """Grid and event counts from the output of rtm:countevents, or from any raster of whole counts."""
    raster.require("counts", "event count", "rtm:countevents", or_foreign=True)
    grid = raster.grid()
    values, _, _ = raster.band(1)
    counts = values[grid.mask].astype(np.float64)
    inside = _count_item(raster, "RTM_EVENTS_INSIDE", float(counts.sum()))
    outside = _count_item(raster, "RTM_EVENTS_OUTSIDE", 0.0)
    left_out = _count_item(raster, "RTM_EVENTS_LEFT_OUT", 0.0)
    return grid, Events(counts, inside, outside, raster.period("RTM"), left_out)


def _count_item(raster: Raster, key: str, default: float) -> float:
    text = raster.metadata.get(key)
    try:
        value = float(text) if text else default
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise FileFormatError(f"The metadata of '{raster.name}' are damaged; make the raster again.")
    return value


def read_candidates(rasters: Sequence[Raster], grid: Grid, progress: Progress = silent) -> CandidateSet:
    """Candidates from the outputs of rtm:operationalise, in the order given; all must have the grid's cells."""
    blocks: list[FactorCandidates] = []
    for i, raster in enumerate(rasters):
        raster.require("candidates", "candidate", "rtm:operationalise")
        blocks.extend(_factor_blocks(raster, grid))
        progress((i + 1) / len(rasters))
    return CandidateSet(tuple(blocks))


def _factor_blocks(raster: Raster, grid: Grid) -> list[FactorCandidates]:
    same_cells(raster, grid)
    found: dict[str, list[tuple[Candidate, NDArray[np.bool_]]]] = {}
    for number in range(1, raster.bands + 1):
        values, _, band = raster.band(number)
        candidate = _candidate(band, raster.name)
        found.setdefault(candidate.factor, []).append((candidate, values[grid.mask] == 1))
    return [FactorCandidates.from_columns([c for c, _ in pairs], [x for _, x in pairs]) for pairs in found.values()]


def same_cells(raster: Raster, grid: Grid) -> None:
    """Refuse a raster that has other cells than the grid."""
    if not raster.grid().same_cells(grid):
        raise InputError(
            f"The raster '{raster.name}' has other cells than the first one; make all rasters from the same study grid."
        )


def _candidate(band: Any, name: str) -> Candidate:
    items = band.GetMetadata()
    try:
        threshold = items.get("RTM_THRESHOLD")
        candidate = Candidate(
            band.GetDescription(),
            items["RTM_FACTOR"],
            items["RTM_OPERATIONALISATION"],
            float(items["RTM_DISTANCE"]),
            items["RTM_DIRECTION"],
            float(threshold) if threshold else None,
        )
    except (KeyError, ValueError) as error:
        raise FileFormatError(
            f"The bands of '{name}' lack their metadata; make the raster again with rtm:operationalise."
        ) from error
    usable = math.isfinite(candidate.distance) and candidate.direction in DIRECTIONS and candidate.name
    if not usable:
        raise FileFormatError(
            f"The bands of '{name}' lack their metadata; make the raster again with rtm:operationalise."
        )
    return candidate


def sources_item(sources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The metadata item that says which layers a raster was made from."""
    return {"RTM_SOURCES": json.dumps(list(sources), ensure_ascii=False, sort_keys=True)}


def period_items(prefix: str, period: Period) -> dict[str, str]:
    """The metadata items that `Raster.period` reads; none for an end that is not known, as GDAL drops empty ones."""
    return {f"{prefix}_{end}": day for end, day in zip(("START", "END"), period.iso, strict=True) if day}
