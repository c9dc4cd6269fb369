"""How a risk factor becomes candidate variables, and the document FACTOR_SETTINGS: single factors that differ."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from ..errors import FileFormatError, SettingsError
from .declaration import check_settings, setting, shown
from .settings import check_version

Operationalisation = Literal["proximity", "density", "both"]
Increment = Literal["half", "whole"]
Direction = Literal["aggravating", "protective"]
Origin = Literal["physical", "licensing", "land use", "police-generated"]

OPERATIONALISATIONS: tuple[str, ...] = get_args(Operationalisation)
INCREMENTS: tuple[str, ...] = get_args(Increment)
DIRECTIONS: tuple[str, ...] = get_args(Direction)
ORIGINS: tuple[str, ...] = get_args(Origin)

FACTORS_FORMAT = "risk-terrain-factors"
FACTORS_VERSION = 2  # 1 lacks density_percent, and is read as it is
MAX_BLOCKS = 4
MAX_NAME = 120


def _is_no_letter(character: str) -> bool:
    """Control characters, and halves of letters, which no file can hold."""
    return ord(character) < 32 or ord(character) == 127 or 0xD800 <= ord(character) < 0xE000


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
    density_percent : float, optional
        Instead, the cells of highest density, this percentage of all; None or 0 for the standard deviations.

    Examples
    --------
    >>> FactorSettings("bars", max_blocks=2).distances(200)
    (100.0, 200.0, 300.0, 400.0)
    >>> FactorSettings("bars", increment="whole").candidate_count
    6
    """

    name: str
    operationalisation: str = field(
        default="both",
        metadata=setting(
            parameter="OPERATIONALISATION",
            kind="choice",
            label="Operationalisation",
            help="'proximity': being within a distance of a feature matters; 'density': a concentration of features "
            "matters; 'both' lets the model decide.",
            noun="The operationalisation of {}",
            choices=OPERATIONALISATIONS,
            page="O&perationalisation",
        ),
    )
    max_blocks: int = field(
        default=3,
        metadata=setting(
            parameter="MAX_BLOCKS",
            kind="whole",
            label="Largest spatial influence, in blocks",
            help="How many blocks from a feature its influence may reach, 1 to 4.",
            noun="The largest influence of {} in blocks",
            least=1,
            most=MAX_BLOCKS,
            page="&Influence, in blocks",
        ),
    )
    increment: str = field(
        default="half",
        metadata=setting(
            parameter="INCREMENT",
            kind="choice",
            label="Increment",
            help="Whether spatial influences are tried in steps of half a block or of a whole block.",
            noun="The increment of {}",
            choices=INCREMENTS,
            page="in steps of",
        ),
    )
    direction: str = field(
        default="aggravating",
        metadata=setting(
            parameter="DIRECTION",
            kind="choice",
            label="Direction",
            help="Whether the factor is expected to raise risk ('aggravating') or to lower it ('protective').",
            noun="The direction of {}",
            choices=DIRECTIONS,
            page="&Direction",
        ),
    )
    density_sd: float = field(
        default=2.0,
        metadata=setting(
            parameter="DENSITY_SD",
            kind="number",
            label="Dense means: mean plus this many standard deviations",
            help="A cell counts as dense when the density at its centre is at least the mean plus this many standard "
            "deviations.",
            noun="The density threshold of {}",
            least=0,
            most=10,
            unit="standard deviations",
            advanced=True,
            page="Den&se from the mean plus so many standard deviations",
            step=0.5,
        ),
    )
    density_percent: float | None = field(
        default=None,
        metadata=setting(
            parameter="DENSITY_PERCENT",
            kind="number",
            label="Dense means: among so many percent of the cells",
            help="A cell counts as dense when it is among this percentage of the cells, those of highest density; "
            "leave empty for the mean plus standard deviations. A percentage is surer where the densities of a few "
            "cells are far above all others.",
            noun="The densest percentage of {}",
            least=0,
            most=50,
            unit="percent",
            optional=True,
            advanced=True,
            page="or the densest percent of the cells",
            decimals=1,
            when_empty="by standard deviations",
        ),
    )

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise SettingsError("A risk factor has no name; give it one.")
        if len(self.name) > MAX_NAME or any(map(_is_no_letter, self.name)):
            raise SettingsError(
                f"The factor name {self.name[:40]!r} is longer than {MAX_NAME} characters or holds a line break or "
                "control character; give it a shorter, plain name."
            )
        check_settings(self, self.name)

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
        return tuple(step * i for i in range(1, round(self.max_blocks * (block_length / step)) + 1))


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
        if self.origin and self.origin not in ORIGINS:
            raise SettingsError(
                f"The origin of {self.layer} is {shown(self.origin)}; it must be one of {', '.join(ORIGINS)}."
            )

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
        key = shown(sorted(unknown)[0])
        raise FileFormatError(f"{where} has the unknown key {key}; remove it or correct its spelling.")
    for key, what in (("filter", "a text with a QGIS expression"), ("origin", "a text")):
        if not isinstance(entry.get(key, ""), str):
            raise FileFormatError(f'{where}: "{key}" must be {what}.')
    changes = {key: value for key, value in entry.items() if key in allowed}
    settings = LayerSettings(entry["layer"], entry.get("filter", ""), changes, entry.get("origin", ""))
    settings.factor(FactorSettings("the defaults"))
    return settings
