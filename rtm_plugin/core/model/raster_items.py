"""The metadata of our rasters: the names of the items, how they are written, and their values read back.

A raster may come from anyone. Every value is typed and bounded here, and nothing is unpacked beyond a limit; what does
not fit is refused in a sentence that names the raster.
"""

import base64
import binascii
import hashlib
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..candidates.columns import Candidate
from ..documents.factor_settings import DIRECTIONS
from ..documents.periods import Period
from ..documents.reading import parse_json
from ..errors import FileFormatError, InputError, SettingsError
from ..ground.features import Features
from ..ground.grid import Grid
from ..terrain.scores import ScoreSummary

VERSION = 1
SOFTWARE_TAG, SOFTWARE = "TIFFTAG_SOFTWARE", "Risk Terrain, plugin for QGIS"
KIND, MODEL, NOTE = "RTM_KIND", "RTM_MODEL", "RTM_NOTE"
BLOCK_LENGTH, CELL_SIZE = "RTM_BLOCK_LENGTH", "RTM_CELL_SIZE"
FAMILY, DISPERSION, FACTORS = "RTM_FAMILY", "RTM_DISPERSION", "RTM_FACTORS"
SCORE_MEAN, SCORE_SD = "RTM_SCORE_MEAN", "RTM_SCORE_SD"
PERIOD, FIT = "RTM", "RTM_FIT"  # prefixes of START and END: of the events counted, of those a model was fitted on
_VERSION, _CRS = "RTM_VERSION", "RTM_CRS"
_STUDY_AREA, _STUDY_AREA_FEATURES = "RTM_STUDY_AREA", "RTM_STUDY_AREA_FEATURES"
_INSIDE, _OUTSIDE, _SOURCES = "RTM_EVENTS_INSIDE", "RTM_EVENTS_OUTSIDE", "RTM_SOURCES"
_FACTOR, _OPERATIONALISATION, _DISTANCE = "RTM_FACTOR", "RTM_OPERATIONALISATION", "RTM_DISTANCE"
_DIRECTION, _THRESHOLD, _DIGEST = "RTM_DIRECTION", "RTM_THRESHOLD", "RTM_DIGEST"
_LEFT_OUT, _DAYS_COVERED = "RTM_EVENTS_LEFT_OUT", "RTM_DAYS"  # of events: on ground left out; days that they cover
_DAYS = "RTM_EXPECTED_DAYS"  # that expected counts are for
MARKING, CONSTRAINT = "RTM_MARKING", "Protective marking"  # the second: under which QGIS shows it
_WHAT_IF, _BANDWIDTH, _RULE, _VALUE = "RTM_WHAT_IF", "RTM_BANDWIDTH", "RTM_RULE", "RTM_VALUE"
_SCORES = ("min", "mean", "sd", "max")

_FAMILIES = ("poisson", "nb1", "nb2")
_LONGEST = 1e8  # map units of a length; the Earth is 4e7 metres around
_MOST = 1e15  # events, features, scores
_MOST_SEGMENTS = 2_000_000  # of an outline: 64 MB
_SEGMENT = 32  # bytes


def plain_text(value: str | bytes) -> str:
    """A text that GDAL read; where the file's bytes are no text, GDAL gives them as they are."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def text_items(metadata: Mapping[Any, Any]) -> dict[str, str]:
    """Metadata as GDAL read them, as texts."""
    return {plain_text(key): plain_text(value) for key, value in metadata.items()}


@dataclass(frozen=True, slots=True)
class RasterItems:
    """The items of a raster or of one of its bands.

    Parameters
    ----------
    items : mapping
    name : str
        Of the raster, for sentences.
    """

    items: Mapping[str, str]
    name: str

    @classmethod
    def of(cls, metadata: Mapping[Any, Any], name: str) -> "RasterItems":
        """Of a raster or band called `name`, whose metadata are as GDAL read them."""
        return cls(text_items(metadata), name)

    @property
    def kind(self) -> str | None:
        """What a raster of ours holds; None for every other raster."""
        return self.items.get(KIND)

    @property
    def model(self) -> str | None:
        """Fingerprint of the model behind it."""
        return self.items.get(MODEL)

    def require_readable(self, what: str) -> None:
        """Refuse a raster of a newer version of the plugin, and one of ours that has lost its metadata."""
        if self.kind is None and self.items.get(SOFTWARE_TAG) == SOFTWARE:
            raise self._damaged()
        if self._number(_VERSION, VERSION, 1, 1e6) > VERSION:
            raise FileFormatError(
                f"The {what} raster '{self.name}' was made by a newer version of the plugin; update the plugin."
            )

    def block_length(self, cell_size: float) -> float:
        """Map units; two cells where it is not told."""
        return self._number(BLOCK_LENGTH, 2 * cell_size, 1e-9, _LONGEST)

    def cell_size(self, measured: float) -> float:
        """Map units, exact; refused when it is another than the raster's own."""
        size = self._number(CELL_SIZE, measured, 1e-9, _LONGEST)
        if not math.isclose(size, measured, rel_tol=1e-6):
            raise self._damaged()
        return size

    @property
    def crs(self) -> str:
        """Authority id or WKT; empty where it is not told."""
        return self.items.get(_CRS, "")

    @property
    def study_area(self) -> Features | None:
        """The boundary of the study area; None where none is kept."""
        text = self.items.get(_STUDY_AREA)
        if not text:
            return None
        try:
            unpacking = zlib.decompressobj()
            raw = unpacking.decompress(base64.b64decode(text, validate=True), _MOST_SEGMENTS * _SEGMENT)
            if not unpacking.eof:
                raise ValueError("cut short, or larger than any boundary")
            segments = np.frombuffer(raw, dtype="<f8").reshape(-1, 4).astype(np.float64)
            return Features("polygon", segments, int(self._number(_STUDY_AREA_FEATURES, 1, 1, _MOST)))
        except (ValueError, binascii.Error, zlib.error, InputError) as error:
            raise FileFormatError(
                f"The study area stored in '{self.name}' is damaged; make the raster again."
            ) from error

    def period(self, prefix: str) -> Period:
        """The period under a prefix, PERIOD or FIT; nothing known where it is absent."""
        try:
            return Period.from_iso(*(self.items.get(f"{prefix}_{end}") for end in ("START", "END")))
        except SettingsError as error:
            raise self._damaged() from error

    @property
    def marking(self) -> str:
        """The protective marking that it carries; "" without one."""
        return self.items.get(MARKING, "")

    def events(self, counted: float) -> tuple[float, float, float, int | None]:
        """Events inside and outside the study area and on ground left out, and the days that they cover.

        `counted` are inside where that is not told; None days where they are not.
        """
        keys = ((_INSIDE, counted), (_OUTSIDE, 0.0), (_LEFT_OUT, 0.0))
        inside, outside, left_out = (self._number(key, default, 0, _MOST) for key, default in keys)
        return inside, outside, left_out, int(self._number(_DAYS_COVERED, 0, 0, 1e6)) or None

    @property
    def days(self) -> int | None:
        """How many days expected counts are for; None where it is not told."""
        return int(self._number(_DAYS, 0, 1, 1e6)) or None

    @property
    def sources(self) -> list[dict[str, Any]]:
        """Provenance of the layers that it was made from."""
        text = self.items.get(_SOURCES)
        content = parse_json(text, f"The metadata of '{self.name}'") if text else []
        if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
            raise self._damaged()
        return content

    @property
    def family(self) -> tuple[str, float | None]:
        """Distribution of the counts around expected ones, and its dispersion; Poisson where nothing is said."""
        family = self.items.get(FAMILY, "poisson")
        dispersion = self._number(DISPERSION, 0.0, 0, _MOST)
        if family not in _FAMILIES or (family == "poisson") != (dispersion == 0):
            raise self._damaged()
        return family, dispersion or None

    @property
    def scores(self) -> ScoreSummary | None:
        """Summary of a terrain's scores; None where none is kept."""
        keys = [f"RTM_SCORE_{name.upper()}" for name in _SCORES]
        if not all(self.items.get(key) for key in keys):
            return None
        return ScoreSummary(*(self._number(key, 0.0, 0, _MOST) for key in keys))

    def candidate(self, description: str) -> Candidate:
        """The candidate variable of a band.

        Raises
        ------
        FileFormatError
            The band is not one of rtm:operationalise, or its items are damaged.
        """
        try:
            candidate = Candidate(
                description,
                self.items[_FACTOR],
                self.items[_OPERATIONALISATION],
                self._number(_DISTANCE, math.nan, 1e-9, _LONGEST),
                self.items[_DIRECTION],
                self._number(_THRESHOLD, 0.0, 0, 1e300) if self.items.get(_THRESHOLD) else None,
            )
        except (KeyError, FileFormatError) as error:
            raise self._not_candidates() from error
        known = candidate.operationalisation in ("proximity", "density") and candidate.direction in DIRECTIONS
        if not known or not candidate.name or math.isnan(candidate.distance):
            raise self._not_candidates()
        return candidate

    def require_unchanged(self, values: NDArray[Any], place: Sequence[float], nodata: float | None) -> None:
        """Refuse a band whose values, place or nodata value are not those that were written; older files do not tell.

        A smaller band is a part that a tool has cut out, or the whole resampled: its values are that tool's.

        Raises
        ------
        FileFormatError
        """
        written = self.items.get(_DIGEST, "")
        if written and written != _digest(values, place, nodata) and not _is_smaller(values, written):
            raise FileFormatError(
                f"The raster '{self.name}' is damaged, or was changed after it was made; make the raster again."
            )

    def _number(self, key: str, default: float, least: float, most: float) -> float:
        """A number within bounds, or the default where it is not told."""
        text = self.items.get(key)
        if not text:
            return default
        try:
            value = float(text) if len(text) < 100 else math.nan
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise self._damaged()
        return value

    def _damaged(self) -> FileFormatError:
        return FileFormatError(f"The metadata of '{self.name}' are damaged; make the raster again.")

    def _not_candidates(self) -> FileFormatError:
        return FileFormatError(
            f"The bands of '{self.name}' lack their metadata; make the raster again with rtm:operationalise."
        )


def grid_items(grid: Grid, kind: str) -> dict[str, str]:
    """What every raster of ours says of its grid.

    A boundary of more segments than are read back is left out.
    """
    items = {
        KIND: kind,
        _VERSION: str(VERSION),
        _CRS: grid.crs,
        BLOCK_LENGTH: repr(float(grid.block_length)),
        CELL_SIZE: repr(float(grid.cell_size)),
    }
    area = grid.study_area
    if area is not None and len(area.coordinates) <= _MOST_SEGMENTS:
        raw = np.ascontiguousarray(area.coordinates, dtype="<f8").tobytes()
        items[_STUDY_AREA] = base64.b64encode(zlib.compress(raw, 6)).decode()
        items[_STUDY_AREA_FEATURES] = str(area.count)
    return items


def candidate_items(candidate: Candidate) -> dict[str, str]:
    """What a band says of its candidate variable; no threshold where it has none, as GDAL drops empty items."""
    items = {
        _FACTOR: candidate.factor,
        _OPERATIONALISATION: candidate.operationalisation,
        _DISTANCE: repr(float(candidate.distance)),
        _DIRECTION: candidate.direction,
    }
    threshold = candidate.threshold
    return items if threshold is None else {**items, _THRESHOLD: repr(float(threshold))}


def digest_item(values: NDArray[Any], place: Sequence[float], nodata: float) -> dict[str, str]:
    """The item with which a band that was cut short or changed is known."""
    return {_DIGEST: _digest(values, place, nodata)}


def _digest(values: NDArray[Any], place: Sequence[float], nodata: float | None) -> str:
    """Rows and columns, and sixteen digits of a hash of values, geotransform and nodata value."""
    plain = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    about = json.dumps([list(map(float, place)), None if nodata is None else float(nodata), plain.dtype.str])
    shape = "x".join(map(str, values.shape))
    return f"{shape}:{hashlib.sha256(about.encode() + plain.tobytes()).hexdigest()[:16]}"


def _is_smaller(values: NDArray[Any], written: str) -> bool:
    """Whether a band has fewer rows or columns than its digest tells, and not more of the other."""
    whole = written.partition(":")[0].split("x")
    if len(whole) != 2 or not all(side.isdecimal() and len(side) < 10 for side in whole):
        return False
    rows, columns = map(int, whole)
    return values.shape != (rows, columns) and values.shape[0] <= rows and values.shape[1] <= columns


def sources_item(sources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Which layers a raster was made from."""
    return {_SOURCES: json.dumps(list(sources), ensure_ascii=False, sort_keys=True)}


def period_items(prefix: str, period: Period) -> dict[str, str]:
    """What `RasterItems.period` reads; none for an end that is not known, as GDAL drops empty items."""
    return {f"{prefix}_{end}": day for end, day in (("START", period.iso[0]), ("END", period.iso[1])) if day}


def events_items(
    inside: float, outside: float, left_out: float, period: Period, days: int | None = None
) -> dict[str, str]:
    """Events inside and outside the study area and on ground left out, when they happened, and the days they cover."""
    numbers = {_INSIDE: repr(inside), _OUTSIDE: repr(outside), _LEFT_OUT: repr(left_out)}
    covered = {_DAYS_COVERED: str(days)} if days else {}
    return {**numbers, **period_items(PERIOD, period), **covered}


def marking_items(marking: str) -> dict[str, str]:
    """The protective marking of a raster; nothing without one."""
    return {MARKING: marking} if marking else {}


def days_item(days: int | None) -> dict[str, str]:
    """How many days expected counts are for; nothing where that is not known."""
    return {} if days is None else {_DAYS: str(days)}


def score_items(summary: ScoreSummary) -> dict[str, str]:
    """Smallest, mean, standard deviation and largest of the scores."""
    return {f"RTM_SCORE_{name.upper()}": _ten_digits(getattr(summary, name)) for name in _SCORES}


def family_items(family: str, dispersion: float | None) -> dict[str, str]:
    """The distribution of counts around the expected ones."""
    return {FAMILY: family} | ({} if dispersion is None else {DISPERSION: _ten_digits(dispersion)})


def what_if_items(note: str, factor: str) -> dict[str, str]:
    """Which factor's features were changed, and what that does not prove."""
    return {NOTE: note, _WHAT_IF: factor}


def joint_items(bandwidth: float, rule: str, value: float) -> dict[str, str]:
    """How exposure was smoothed and cut."""
    return {_BANDWIDTH: repr(bandwidth), _RULE: rule, _VALUE: repr(value)}


def _ten_digits(value: float) -> str:
    """What was computed, without the last digits, in which one library of linear algebra differs from another."""
    return f"{float(value):.10g}"
