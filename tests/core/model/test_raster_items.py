"""Metadata of rasters that were tampered with: a sentence with the name, nothing unpacked beyond a limit."""

import base64
import tracemalloc
import zlib

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.candidates.columns import Candidate
from risk_terrain.rtm_plugin.core.documents.periods import Period
from risk_terrain.rtm_plugin.core.errors import FileFormatError
from risk_terrain.rtm_plugin.core.ground.features import Features
from risk_terrain.rtm_plugin.core.ground.grid import Grid
from risk_terrain.rtm_plugin.core.model.raster_items import (
    FIT,
    PERIOD,
    RasterItems,
    candidate_items,
    digest_item,
    events_items,
    family_items,
    grid_items,
    period_items,
    score_items,
    sources_item,
)
from risk_terrain.rtm_plugin.core.terrain.scores import ScoreSummary

SQUARE = np.array([[0, 0, 9, 0], [9, 0, 9, 9], [9, 9, 0, 9], [0, 9, 0, 0]], dtype=np.float64)
GRID = Grid(
    0.0,
    9.0,
    3.0,
    block_length=6.0,
    mask=np.ones((3, 3), dtype=bool),
    crs="EPSG:27700",
    study_area=Features("polygon", SQUARE, 1),
)


def read(**items: str) -> RasterItems:
    return RasterItems(items, "terrain")


def test_what_is_written_is_read():
    period = Period.from_iso("2017-01-01", "2017-12-31")
    written = grid_items(GRID, "terrain") | events_items(12.0, 3.0, 1.0, period) | period_items(FIT, period)
    written |= score_items(ScoreSummary(1.0, 2.0, 0.5, 9.0)) | family_items("nb1", 2.25) | sources_item([{"role": "x"}])
    items = RasterItems(written, "terrain")
    assert (items.kind, items.block_length(3.0), items.cell_size(3.0), items.crs) == ("terrain", 6.0, 3.0, "EPSG:27700")
    assert items.events(0.0) == (12.0, 3.0, 1.0, None)
    assert items.period(PERIOD) == items.period(FIT) == period
    assert items.scores == ScoreSummary(1.0, 2.0, 0.5, 9.0)
    assert items.family == ("nb1", 2.25)
    assert items.sources == [{"role": "x"}]
    assert np.array_equal(items.study_area.coordinates, SQUARE)
    candidate = Candidate("bars_density_200", "bars", "density", 200.0, "aggravating", 0.5)
    assert RasterItems(candidate_items(candidate), "x").candidate("bars_density_200") == candidate


def test_of_a_foreign_raster_nothing_is_known():
    items = read()
    assert items.kind is None
    assert items.block_length(100.0) == 200.0
    assert items.events(5.0) == (5.0, 0.0, 0.0, None)
    assert items.family == ("poisson", None)
    assert items.study_area is None
    assert items.scores is None
    assert items.sources == []
    assert not items.period(PERIOD).known


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "-5", "0", "1e300", "1e9", "x", "1" * 500, "0x10", "1_0_0x"])
def test_lengths(text):
    for look in (
        lambda: read(RTM_BLOCK_LENGTH=text).block_length(100.0),
        lambda: read(RTM_CELL_SIZE=text).cell_size(100.0),
    ):
        with pytest.raises(FileFormatError, match=r"The metadata of 'terrain' are damaged; make the raster again."):
            look()


def test_a_cell_size_that_is_not_the_raster_s():
    with pytest.raises(FileFormatError, match="damaged"):
        read(RTM_CELL_SIZE="50.0").cell_size(100.0)


@pytest.mark.parametrize(
    "items",
    [
        {"RTM_FAMILY": "gamma"},
        {"RTM_FAMILY": "nb1"},
        {"RTM_FAMILY": "nb1", "RTM_DISPERSION": "nan"},
        {"RTM_FAMILY": "nb1", "RTM_DISPERSION": "-1"},
        {"RTM_FAMILY": "poisson", "RTM_DISPERSION": "1"},
        {"RTM_EVENTS_INSIDE": "inf"},
        {"RTM_EVENTS_OUTSIDE": "-1"},
        {"RTM_SOURCES": "5"},
        {"RTM_SOURCES": "[5]"},
        {"RTM_SOURCES": "[" * 10_000},
        {"RTM_SOURCES": '[{"a": 1' + "0" * 400 + "}]"},
        {"RTM_START": "2017-99-01"},
        {"RTM_START": "2018-01-01", "RTM_END": "2017-01-01"},
        {"RTM_VERSION": "1e99"},
        {"RTM_SCORE_MIN": "1", "RTM_SCORE_MEAN": "nan", "RTM_SCORE_SD": "1", "RTM_SCORE_MAX": "3"},
    ],
)
def test_other_values(items):
    found = RasterItems(items, "terrain")

    def look() -> list:
        found.require_readable("terrain")
        return [found.family, found.events(0.0), found.sources, found.period(PERIOD), found.scores]

    with pytest.raises(FileFormatError) as caught:
        look()
    assert "'terrain'" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("RTM_DISTANCE", "nan"),
        ("RTM_DISTANCE", "-100"),
        ("RTM_DISTANCE", "1e12"),
        ("RTM_DISTANCE", ""),
        ("RTM_THRESHOLD", "nan"),
        ("RTM_THRESHOLD", "-1"),
        ("RTM_THRESHOLD", "inf"),
        ("RTM_DIRECTION", "sideways"),
        ("RTM_OPERATIONALISATION", "guess"),
    ],
)
def test_candidates(key, text):
    items = candidate_items(Candidate("bars_density_200", "bars", "density", 200.0, "aggravating", 0.5))
    with pytest.raises(FileFormatError, match="make the raster again with rtm:operationalise"):
        RasterItems({**items, key: text}, "bars").candidate("bars_density_200")


def packed(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "not base64!",
        "AAAA",
        packed(b"12345"),
        packed(SQUARE.astype("<f8").tobytes())[:-8],
        packed(np.full(4, np.nan).tobytes()),
        packed(np.full(4, np.inf).tobytes()),
    ],
)
def test_outlines_that_are_damaged(text):
    with pytest.raises(FileFormatError, match="The study area stored in 'terrain' is damaged"):
        _ = read(RTM_STUDY_AREA=text).study_area


def test_an_outline_that_would_fill_the_memory():
    """320 MB of zeros, packed in 300 kB, are not unpacked beyond the limit of 64 MB."""
    packing = zlib.compressobj(9)
    raw = b"".join(packing.compress(bytes(16_000_000)) for _ in range(20)) + packing.flush()
    text = base64.b64encode(raw).decode()
    tracemalloc.start()
    with pytest.raises(FileFormatError, match="is damaged"):
        _ = read(RTM_STUDY_AREA=text).study_area
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150_000_000


def test_a_band_that_was_changed():
    values, place = np.arange(9, dtype=np.float32).reshape(3, 3), (0.0, 3.0, 0.0, 9.0, 0.0, -3.0)
    items = RasterItems(digest_item(values, place, -9999.0), "terrain")
    items.require_unchanged(values, place, -9999.0)
    other = values.copy()
    other[1, 1] = -9999
    for changed in (
        (other, place, -9999.0),
        (values, (0.5, *place[1:]), -9999.0),
        (values, place, None),
        (values.T, place, -9999.0),
        (values.view(np.uint32), place, -9999.0),
        (np.vstack([values, values[:1]]), place, -9999.0),
        (np.hstack([values, values])[:2], place, -9999.0),
    ):
        with pytest.raises(FileFormatError, match="damaged, or was changed"):
            items.require_unchanged(*changed)
    RasterItems({}, "of 0.1.0").require_unchanged(other, place, None)
    items.require_unchanged(values[1:, :2], (0.0, 3.0, 0.0, 6.0, 0.0, -3.0), -9999.0)
