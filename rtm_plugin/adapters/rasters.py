"""Rasters: tiled, compressed GeoTIFF with band descriptions and metadata; read back as grids, counts, candidates."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsRasterLayer

from ..core.candidates.columns import Candidate, CandidateSet, FactorCandidates
from ..core.errors import FileFormatError, InputError, OutputError
from ..core.ground.grid import Grid
from ..core.model.raster_items import PERIOD, RasterItems, candidate_items, digest_item, grid_items, plain_text
from ..core.study import Events
from ..core.tools.progress import Progress, silent
from .about import kind_items
from .crs import known_crs, refusal_of_crs, require_written_crs, spatial_reference

_MOST_CELLS = 100_000_000
_ABOUT_CRS = ("GTIFF_SRS_SOURCE", "PROJ", "EPSG")  # in GDAL's messages that say nothing of the values
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
        place = (grid.x_min, grid.cell_size, 0.0, grid.y_max, 0.0, -grid.cell_size)
        data.SetGeoTransform(place)
        data.SetProjection(spatial_reference(grid.crs).ExportToWkt())
        data.SetMetadata({**kind_items(kind), **grid_items(grid, kind), **(metadata or {})})
        for number, band in enumerate(bands, 1):
            target = data.GetRasterBand(number)
            target.SetNoDataValue(nodata)
            target.SetDescription(band.description)
            values = grid.raster(band.values, nodata)
            target.SetMetadata({**band.metadata, **digest_item(values, place, nodata)})
            target.WriteArray(values)
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
def gdal_messages(least: int) -> Iterator[list[str]]:
    """What GDAL would only log, from a level on, and what it raises where the program around it has chosen that."""
    messages: list[str] = []

    def note(level: int, _number: int, message: str) -> None:
        if level >= least:
            messages.append(message)

    gdal.ErrorReset()
    gdal.PushErrorHandler(note)
    try:
        yield messages
        if not messages and gdal.GetLastErrorType() >= least:
            messages.append("a message that is no text")  # Python cannot hand its bytes to note()
    except (RuntimeError, SystemError, UnicodeError) as error:  # the last two: its message held bytes that are no text
        messages.append(str(error))
    finally:
        gdal.PopErrorHandler()


@contextmanager
def gdal_errors() -> Iterator[None]:
    """Turn what GDAL only logs (a full disk, at closing) into an OutputError."""
    with gdal_messages(gdal.CE_Failure) as problems:
        yield
    if problems:
        raise OutputError(
            f"An output cannot be written ({problems[0]}); check that the disk has room and the folder can be written "
            "to."
        )


def candidate_bands(block: FactorCandidates) -> list[Band]:
    """One Byte band a candidate, 1 where a cell is exposed."""
    bands = []
    for j, candidate in enumerate(block.candidates):
        bands.append(Band(block.column(j).astype(np.uint8), candidate.name, candidate_items(candidate)))
    return bands


class Raster:
    """A raster file opened for reading, refused in a sentence when it is not what is needed."""

    def __init__(self, layer: QgsRasterLayer | None, what: str) -> None:
        if layer is None or not layer.isValid():
            raise InputError(f"The {what} raster cannot be opened; choose a raster layer.")
        self.name = layer.name()
        if layer.providerType() != "gdal":
            raise InputError(f"The {what} raster '{self.name}' is not a file; save it as a GeoTIFF first.")
        self._data = None
        with gdal_messages(gdal.CE_Warning) as messages:
            self._data = gdal.Open(layer.source())
            self.items = RasterItems.of(self._data.GetMetadata() if self._data else {}, self.name)
        if self._data is None:
            raise InputError(f"The {what} raster '{self.name}' cannot be opened; choose another file.")
        self._require_silence(messages)
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
        if self._data.RasterXSize * self._data.RasterYSize > _MOST_CELLS:
            raise InputError(f"The {what} raster '{self.name}' has more than {_MOST_CELLS:,} cells; make it coarser.")
        self.items.require_readable(what)

    def _require_silence(self, messages: Sequence[str]) -> None:
        """Refuse a raster that GDAL reads with doubts: from a file that was cut short it may go on with gaps."""
        doubts = [message for message in messages if not any(word in message for word in _ABOUT_CRS)]
        if doubts:
            raise self._unreadable()

    def _unreadable(self) -> InputError:
        return InputError(f"The raster '{self.name}' cannot be read; it is damaged.")

    def require(self, kind: str, what: str, maker: str, or_foreign: bool = False, or_forecast: bool = False) -> None:
        """Refuse a raster that another algorithm made; a forecast or one not ours passes only where that is said."""
        own_kind = self.items.kind
        if own_kind != kind and not (or_foreign and own_kind is None) and not (or_forecast and own_kind == "forecast"):
            raise InputError(
                f"The {what} raster '{self.name}' was not made by {maker}; run that first and choose its output."
            )

    @property
    def marking(self) -> str:
        """The protective marking that it carries; "" without one."""
        return self.items.marking

    @property
    def bands(self) -> int:
        """Number of bands."""
        return int(self._data.RasterCount)

    def band(self, number: int) -> tuple[NDArray[Any], NDArray[np.bool_], Any]:
        """Values, which of them are valid, and the GDAL band."""
        values = band = None
        with gdal_messages(gdal.CE_Warning) as messages:
            band = self._data.GetRasterBand(number)
            self._require_all_blocks(band)
            values = band.ReadAsArray()
        if values is None:
            raise self._unreadable()
        self._require_silence(messages)
        nodata = band.GetNoDataValue()
        if self.items.kind is not None:
            if nodata is None:
                raise self._unreadable()
            RasterItems.of(band.GetMetadata(), self.name).require_unchanged(
                values, self._data.GetGeoTransform(), nodata
            )
        valid = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, dtype=bool)
        if nodata is not None and not math.isnan(nodata):
            valid &= values != nodata
        return values, valid, band

    def _require_all_blocks(self, band: gdal.Band) -> None:
        """Refuse a GeoTIFF of which a block lies beyond the end of the file, or is missing where we write all of them.

        Some versions of GDAL fill such blocks with the nodata value, and some with 0, and say nothing.
        """
        path = self._data.GetDescription()
        if self._data.GetDriver().ShortName != "GTiff" or not os.path.isfile(path):
            return
        size = os.path.getsize(path)
        wide, high = band.GetBlockSize()
        for y in range(math.ceil(band.YSize / high)):
            for x in range(math.ceil(band.XSize / wide)):
                start, length = (band.GetMetadataItem(f"BLOCK_{what}_{x}_{y}", "TIFF") for what in ("OFFSET", "SIZE"))
                missing = not start and self.items.kind is not None
                if missing or (start and int(start) + int(length or 0) > size):
                    raise self._unreadable()

    def grid(self, with_zeros: bool = False) -> Grid:
        """The grid of the valid cells of the first band; for a study grid, those that hold 1.

        A raster that is not ours may be a study grid too, unless 0 is a value like others in it (`with_zeros`).
        """
        values, valid, _ = self.band(1)
        if self.items.kind == "grid" or (not with_zeros and self.items.kind is None):
            valid = valid & (values != 0)
        if not valid.any():
            raise InputError(f"The raster '{self.name}' has no cell with a value; make it with rtm:studygrid.")
        x_min, size, _, y_max, _, _ = self._data.GetGeoTransform()
        crs = self.items.crs or self.crs.authid() or self.crs.toWkt()
        try:
            known_crs(crs)
        except InputError as error:
            raise FileFormatError(f"The metadata of '{self.name}' are damaged; make the raster again.") from error
        exact, block = self.items.cell_size(size), self.items.block_length(size)
        return Grid(x_min, y_max, exact, block_length=block, mask=valid, crs=crs, study_area=self.items.study_area)

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


def read_counts(raster: Raster) -> tuple[Grid, Events]:
    """Grid and event counts from the output of rtm:countevents, or from any raster of whole counts."""
    raster.require("counts", "event count", "rtm:countevents", or_foreign=True)
    grid = raster.grid()
    values, _, _ = raster.band(1)
    counts = values[grid.mask].astype(np.float64)
    inside, outside, left_out, days = raster.items.events(float(counts.sum()))
    return grid, Events(counts, inside, outside, raster.items.period(PERIOD), left_out, days)


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
    blocks: dict[str, list[tuple[Candidate, NDArray[np.bool_]]]] = {}
    for number in range(1, raster.bands + 1):
        values, _, band = raster.band(number)
        items = RasterItems.of(band.GetMetadata(), raster.name)
        candidate = items.candidate(plain_text(band.GetDescription()))
        blocks.setdefault(candidate.factor, []).append((candidate, values[grid.mask] == 1))
    return [FactorCandidates.from_columns([c for c, _ in pairs], [x for _, x in pairs]) for pairs in blocks.values()]


def same_cells(raster: Raster, grid: Grid) -> None:
    """Refuse a raster that has other cells than the grid."""
    if not raster.grid().same_cells(grid):
        raise InputError(_other_cells(raster))


def require_cells(raster: Raster, grid: Grid) -> Grid:
    """The raster's grid; refused when it lacks a cell of this one, which may be a part of it."""
    cells = raster.grid()
    if not cells.holds(grid):
        raise InputError(_other_cells(raster))
    return cells


def _other_cells(raster: Raster) -> str:
    return f"The raster '{raster.name}' has other cells than the first one; make all rasters from the same study grid."
