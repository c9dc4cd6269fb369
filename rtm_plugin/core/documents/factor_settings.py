"""The document FACTOR_SETTINGS: settings of single factors, where they differ from those of the run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..errors import FileFormatError, SettingsError
from .declaration import shown
from .settings import ORIGINS, FactorSettings, check_version

FACTORS_FORMAT = "risk-terrain-factors"
FACTORS_VERSION = 1


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
