"""Rasters of which a copy broke off, or a bit fell over: a sentence, or the very same values."""

from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsRasterLayer
from risk_terrain.rtm_plugin.adapters.rasters import Raster, read_candidates
from risk_terrain.rtm_plugin.core.errors import RtmError
from running import TRACES, process, refusal

SHAPE = (18, 19, 30, 31)  # bytes of a TIFF of ours that hold its columns and rows
NAMES = ("terrain", "counts", "bars", "grid")


def content(path: Path) -> tuple:
    """Grid and values of every band, as algorithms read them."""
    raster = Raster(QgsRasterLayer(str(path), path.stem), "risk terrain")
    grid = raster.grid()
    bands = [np.where(valid, values, 0) for values, valid, _ in (raster.band(i + 1) for i in range(raster.bands))]
    if raster.items.kind == "candidates":
        read_candidates([raster], grid)
    return (grid.x_min, grid.y_max, grid.cell_size), grid.mask, np.array(bands)


def same(found: tuple, whole: tuple) -> bool:
    return found[0] == whole[0] and np.array_equal(found[1], whole[1]) and np.array_equal(found[2], whole[2])


def read_or_refused(path: Path, whole: tuple) -> bool:
    """Whether a damaged file is refused in a sentence; when it is read, its values must be the whole file's."""
    sentence = ""
    try:
        found = content(path)
    except RtmError as error:
        sentence = str(error)
    if sentence:
        assert not [trace for trace in TRACES if trace in sentence], sentence
        assert sentence.endswith(".")
        return True
    assert same(found, whole), path
    return False


@pytest.mark.parametrize("name", NAMES)
def test_cut_at_every_length(chain, tmp_path, name):
    raw, whole = Path(chain[name]).read_bytes(), content(Path(chain[name]))
    path = tmp_path / f"{name}.tif"
    lengths = sorted({*range(0, len(raw), max(1, len(raw) // 90)), *range(len(raw) - 12, len(raw))})
    refused = 0
    for length in lengths:
        path.write_bytes(raw[:length])
        refused += read_or_refused(path, whole)
    assert refused > 0.9 * len(lengths)


@pytest.mark.parametrize("name", NAMES)
def test_a_bit_that_fell_over(chain, tmp_path, name):
    raw, whole = Path(chain[name]).read_bytes(), content(Path(chain[name]))
    rng = np.random.default_rng(7)
    path = tmp_path / f"{name}.tif"
    refused = 0
    places = [*rng.integers(0, min(len(raw), 500), 80), *rng.integers(0, len(raw), 80)]
    for at, bit in zip(places, rng.integers(0, 8, len(places)), strict=True):
        if at in SHAPE:
            continue  # what is then read is a part, as if it had been cut out
        damaged = bytearray(raw)
        damaged[at] ^= 1 << int(bit)
        path.write_bytes(damaged)
        refused += read_or_refused(path, whole)
    assert refused > 0


def test_a_block_that_is_missing(chain, tmp_path):
    """As some versions of GDAL read a file that was cut short: in silence, with the nodata value."""
    path = tmp_path / "terrain.tif"
    source = gdal.Open(chain["terrain"])
    options = ["TILED=YES", "COMPRESS=DEFLATE", "SPARSE_OK=TRUE"]
    data = gdal.GetDriverByName("GTiff").Create(
        str(path), source.RasterXSize, source.RasterYSize, 1, gdal.GDT_Float32, options
    )
    data.SetGeoTransform(source.GetGeoTransform())
    data.SetProjection(source.GetProjection())
    data.SetMetadata(source.GetMetadata())
    data.GetRasterBand(1).SetNoDataValue(-9999)
    del data
    assert refusal("priorityplaces", {"TERRAIN": str(path), "OUTPUT": str(tmp_path / "places.gpkg")}) == (
        "The raster 'terrain' cannot be read; it is damaged."
    )


def test_a_raster_without_its_nodata_value(chain, tmp_path):
    path = tmp_path / "terrain.tif"
    data = gdal.GetDriverByName("GTiff").CreateCopy(str(path), gdal.Open(chain["terrain"]))
    data.GetRasterBand(1).DeleteNoDataValue()
    del data
    sentence = refusal("priorityplaces", {"TERRAIN": str(path), "OUTPUT": str(tmp_path / "places.gpkg")})
    assert sentence == "The raster 'terrain' cannot be read; it is damaged."


def test_values_that_were_changed(chain, tmp_path):
    path = tmp_path / "terrain.tif"
    data = gdal.GetDriverByName("GTiff").CreateCopy(str(path), gdal.Open(chain["terrain"]))
    band = data.GetRasterBand(1)
    values = band.ReadAsArray()
    values[10, 10] += 1
    band.WriteArray(values)
    del band, data
    sentence = refusal("priorityplaces", {"TERRAIN": str(path), "OUTPUT": str(tmp_path / "places.gpkg")})
    assert sentence == "The raster 'terrain' is damaged, or was changed after it was made; make the raster again."


def test_a_copy_in_another_layout_is_read(chain, tmp_path):
    path = tmp_path / "terrain.tif"
    gdal.GetDriverByName("GTiff").CreateCopy(str(path), gdal.Open(chain["terrain"]), options=["COMPRESS=LZW"])
    assert same(content(path), content(Path(chain["terrain"])))


def test_a_part_cut_out_is_read(chain, tmp_path):
    """QGIS's own tools hand on metadata when they clip; what they cut out is no damaged file."""
    path = tmp_path / "part.tif"
    gdal.Translate(str(path), chain["terrain"], srcWin=[5, 0, 15, 18])
    grid, mask, _ = content(path)
    whole, _, _ = content(Path(chain["terrain"]))
    assert grid == (whole[0] + 5 * whole[2], *whole[1:])
    assert mask.shape == (18, 15)
    process("priorityplaces", {"TERRAIN": str(path), "OUTPUT": str(tmp_path / "places.gpkg")})
