"""What is asked: frozen settings. An impossible value is refused by the constructor, with the remedy."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from ..errors import FileFormatError, SettingsError

CellRule = Literal["intersects", "centre"]
GridOrigin = Literal["aligned", "corner"]
Operationalisation = Literal["proximity", "density", "both"]
Increment = Literal["half", "whole"]
Direction = Literal["aggravating", "protective"]
FamilyChoice = Literal["auto", "poisson", "nb1", "nb2", "all"]
Origin = Literal["physical", "licensing", "land use", "police-generated"]
PlaceRule = Literal["class", "share", "count"]

CELL_RULES: tuple[str, ...] = get_args(CellRule)
GRID_ORIGINS: tuple[str, ...] = get_args(GridOrigin)
OPERATIONALISATIONS: tuple[str, ...] = get_args(Operationalisation)
INCREMENTS: tuple[str, ...] = get_args(Increment)
DIRECTIONS: tuple[str, ...] = get_args(Direction)
FAMILY_CHOICES: tuple[str, ...] = get_args(FamilyChoice)
ORIGINS: tuple[str, ...] = get_args(Origin)
PLACE_RULES: tuple[str, ...] = get_args(PlaceRule)

FACTORS_FORMAT = "risk-terrain-factors"
FACTORS_VERSION = 1
MAX_BLOCKS = 4
MAX_NAME = 120
PLACE_CARDS = 10  # priority places that get a card of their own in the report, unless said otherwise
MOST_CARDS = 100

FAMILIES = {
    "auto": ("poisson", "nb1"),
    "poisson": ("poisson",),
    "nb1": ("nb1",),
    "nb2": ("nb2",),
    "all": ("poisson", "nb1", "nb2"),
}


def _positive(value: float, name: str) -> None:
    if not _is_number(value) or not 0 < value < math.inf:
        raise SettingsError(f"{name} is {_shown(value)}; it must be a number above 0.")


def _whole(value: int, name: str, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise SettingsError(f"{name} is {_shown(value)}; it must be a whole number from {least} to {most}.")


def _one_of(value: str, name: str, allowed: Iterable[str]) -> None:
    allowed = tuple(allowed)
    if value not in allowed:
        raise SettingsError(f"{name} is {_shown(value)}; it must be one of {', '.join(allowed)}.")


def _shown(value: object) -> str:
    """The beginning of a value: a number may have hundreds of digits."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:40]}…"


def _is_no_letter(character: str) -> bool:
    """Control characters, and halves of letters, which no file can hold."""
    return ord(character) < 32 or ord(character) == 127 or 0xD800 <= ord(character) < 0xE000


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class GridSettings:
    """How the study area is cut into cells (method.md §2).

    Parameters
    ----------
    block_length : float
        Mean length of a street block, map units.
    cell_size : float, optional
        Map units; half a block when None.
    cell_rule : {"intersects", "centre"}
    grid_origin : {"aligned", "corner"}
        "aligned": cell edges at multiples of the cell size; "corner": at the lower left of the study area.
    """

    block_length: float
    cell_size: float | None = None
    cell_rule: str = "intersects"
    grid_origin: str = "aligned"

    def __post_init__(self) -> None:
        _positive(self.block_length, "The block length")
        if self.cell_size is not None:
            _positive(self.cell_size, "The cell size")
            if self.cell_size > self.block_length:
                raise SettingsError(
                    f"The cell size {self.cell_size:g} is larger than the block length {self.block_length:g}; choose "
                    "cells of half a block or smaller."
                )
        _one_of(self.cell_rule, "The cell rule", CELL_RULES)
        _one_of(self.grid_origin, "The grid origin", GRID_ORIGINS)

    @property
    def size(self) -> float:
        """The cell size, map units."""
        return self.block_length / 2 if self.cell_size is None else self.cell_size


@dataclass(frozen=True, slots=True)
class FactorSettings:
    """How one risk factor becomes candidate variables (method.md §3).

    Parameters
    ----------
    name : str
        Shown to people and used in the names of the candidates.
    operationalisation : {"proximity", "density", "both"}
    max_blocks : int
        Largest spatial influence, in blocks, 1 to 4.
    increment : {"half", "whole"}
    direction : {"aggravating", "protective"}
    density_sd : float
        A cell is flagged dense at the mean plus this many standard deviations.

    Examples
    --------
    >>> FactorSettings("bars", max_blocks=2).distances(200)
    (100.0, 200.0, 300.0, 400.0)
    >>> FactorSettings("bars", increment="whole").candidate_count
    6
    """

    name: str
    operationalisation: str = "both"
    max_blocks: int = 3
    increment: str = "half"
    direction: str = "aggravating"
    density_sd: float = 2.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise SettingsError("A risk factor has no name; give it one.")
        if len(self.name) > MAX_NAME or any(map(_is_no_letter, self.name)):
            raise SettingsError(
                f"The factor name {self.name[:40]!r} is longer than {MAX_NAME} characters or holds a line break or "
                "control character; give it a shorter, plain name."
            )
        _one_of(self.operationalisation, f"The operationalisation of {self.name}", OPERATIONALISATIONS)
        _whole(self.max_blocks, f"The largest influence of {self.name} in blocks", 1, MAX_BLOCKS)
        _one_of(self.increment, f"The increment of {self.name}", INCREMENTS)
        _one_of(self.direction, f"The direction of {self.name}", DIRECTIONS)
        if not _is_number(self.density_sd) or not 0 <= self.density_sd <= 10:
            raise SettingsError(
                f"The density threshold of {self.name} is {_shown(self.density_sd)}; it must be 0 to 10 standard "
                "deviations."
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The operationalisations tried, in order."""
        return ("proximity", "density") if self.operationalisation == "both" else (self.operationalisation,)

    @property
    def candidate_count(self) -> int:
        """How many candidate variables these settings make."""
        return len(self.kinds) * self.max_blocks * (2 if self.increment == "half" else 1)

    def distances(self, block_length: float) -> tuple[float, ...]:
        """The ladder of spatial influences, map units, ascending."""
        step = block_length / 2 if self.increment == "half" else block_length
        return tuple(step * i for i in range(1, round(self.max_blocks * block_length / step) + 1))


@dataclass(frozen=True, slots=True)
class LayerSettings:
    """One entry of FACTOR_SETTINGS: which layer, which of its features, and how they become candidates.

    Parameters
    ----------
    layer : str
        Name of the layer; one layer may serve several factors with different filters.
    filter : str
        QGIS expression that chooses features; empty for all.
    changes : mapping
        The fields of FactorSettings that differ from the run's defaults.
    origin : {"physical", "licensing", "land use", "police-generated"} or ""
        Where the data come from; "" when that is not said.
    """

    layer: str
    filter: str = ""
    changes: Mapping[str, Any] | None = None
    origin: str = ""

    def __post_init__(self) -> None:
        if self.origin:
            _one_of(self.origin, f"The origin of {self.layer}", ORIGINS)

    def factor(self, defaults: FactorSettings) -> FactorSettings:
        """The factor's settings, with the run's defaults where this entry is silent."""
        return FactorSettings(**{**asdict(defaults), "name": self.layer, **(self.changes or {})})


def layer_settings(document: object) -> tuple[LayerSettings, ...]:
    """Read the factor-settings document (resources/schema/factors.schema.json).

    Parameters
    ----------
    document : parsed JSON: {"format": "risk-terrain-factors", "version": 1, "factors": [{"layer": …}, …]}

    Raises
    ------
    FileFormatError, SettingsError
    """
    if not isinstance(document, dict) or document.get("format") != FACTORS_FORMAT:
        raise FileFormatError(
            f'The factor settings are not of the format "{FACTORS_FORMAT}"; see the help for an example.'
        )
    check_version(document, FACTORS_VERSION, "The factor settings")
    unknown = set(document) - {"format", "version", "factors"}
    entries = document.get("factors")
    if unknown or not isinstance(entries, list):
        raise FileFormatError(
            'The factor settings need a list "factors" beside "format" and "version", and nothing else'
            + (f"; remove {', '.join(map(repr, sorted(unknown)))}." if unknown else ".")
        )
    return tuple(_layer_entry(entry, i) for i, entry in enumerate(entries, 1))


def _layer_entry(entry: object, number: int) -> LayerSettings:
    where = f"Entry {number} of the factor settings"
    if not isinstance(entry, dict) or not isinstance(entry.get("layer"), str):
        raise FileFormatError(f'{where} has no text "layer"; name the layer that it is about.')
    allowed = {f.name for f in fields(FactorSettings)}
    unknown = set(entry) - allowed - {"layer", "filter", "origin"}
    if unknown:
        key = _shown(sorted(unknown)[0])
        raise FileFormatError(f"{where} has the unknown key {key}; remove it or correct its spelling.")
    for key, what in (("filter", "a text with a QGIS expression"), ("origin", "a text")):
        if not isinstance(entry.get(key, ""), str):
            raise FileFormatError(f'{where}: "{key}" must be {what}.')
    changes = {key: value for key, value in entry.items() if key in allowed}
    settings = LayerSettings(entry["layer"], entry.get("filter", ""), changes, entry.get("origin", ""))
    settings.factor(FactorSettings("the defaults"))
    return settings


def sign_of(direction: str) -> float:
    """What an exposed cell has in the design: 1 aggravating, −1 protective, so that coefficients come out above 0."""
    return -1.0 if direction == "protective" else 1.0


def rrv_text(rrv: float, direction: str) -> str:
    """A relative risk value in three digits, with what it does to the rate: × multiplies, ÷ divides.

    >>> rrv_text(2.2613, "protective"), rrv_text(12.34, "aggravating"), rrv_text(30451.2, "aggravating")
    ('÷ 2.26', '× 12.3', '× 30,451')
    """
    decimals = 2 if rrv < 9.995 else 1 if rrv < 99.95 else 0
    return f"{'÷' if direction == 'protective' else '×'} {rrv:,.{decimals}f}"


def check_version(document: Mapping[str, Any], newest: int, what: str) -> None:
    """Refuse a document from a newer version of the plugin, or one without a version."""
    version = document.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise FileFormatError(f'{what} have no valid "version"; they are damaged or not ours.')
    if version > newest:
        raise FileFormatError(
            f"{what} are of version {version}, and this plugin reads up to version {newest}; update the plugin."
        )


@dataclass(frozen=True, slots=True)
class SelectionSettings:
    """How the model is chosen (method.md §4).

    Parameters
    ----------
    family : {"auto", "poisson", "nb1", "nb2", "all"}
        "auto" tries Poisson and NB1 and keeps the lower BIC; "all" tries NB2 as well.
    folds : int
        Folds of the cross-validation, 2 to 50.
    seed : int
        Seeds the fold labels: the only random thing.
    cull : bool
        Whether an elastic net culls the candidates before the stepwise selection.
    """

    family: str = "auto"
    folds: int = 5
    seed: int = 1
    cull: bool = True

    def __post_init__(self) -> None:
        _one_of(self.family, "The family", FAMILY_CHOICES)
        _whole(self.folds, "The number of folds", 2, 50)
        _whole(self.seed, "The seed", 0, 2**31 - 1)
        if not isinstance(self.cull, bool):
            raise SettingsError(f"The culling switch is {_shown(self.cull)}; it must be yes or no.")

    @property
    def families(self) -> tuple[str, ...]:
        """The families tried, in order."""
        return FAMILIES[self.family]


def check_cards(cards: int) -> None:
    """Refuse a number of cards that the report cannot have.

    Raises
    ------
    SettingsError
    """
    _whole(cards, "The number of cards", 0, MOST_CARDS)


@dataclass(frozen=True, slots=True)
class PlaceSettings:
    """Which cells become priority places.

    Parameters
    ----------
    rule : {"class", "share", "count"}
    value : float
        class: at least this many standard deviations above the mean (0, 1 or 2); share: percent of the cells; count:
        cells.
    max_area : float, optional
        Largest area of one place, square map units; larger ones are split.
    """

    rule: str = "class"
    value: float = 2.0
    max_area: float | None = None

    def __post_init__(self) -> None:
        _one_of(self.rule, "The rule for priority places", PLACE_RULES)
        if self.rule == "class" and self.value not in (0, 1, 2):
            raise SettingsError(
                f"The class value is {self.value:g}; it must be 0 (above mean), 1 (above mean + 1 SD) or 2 (above "
                "mean + 2 SD)."
            )
        _positive(self.value + (self.rule == "class"), "The value of the rule for priority places")
        if self.rule == "share" and self.value > 100:
            raise SettingsError(f"The share is {self.value:g} percent; it must be 100 or less.")
        if self.max_area is not None:
            _positive(self.max_area, "The largest area of a place")
