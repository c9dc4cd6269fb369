"""What an analyst, or the force for all of them, has set once: names that results carry, folders, study defaults.

Kept in QGIS's settings under "risk_terrain/". Where the analyst has set nothing, QGIS looks in its global settings
file, in which a force sets defaults for everyone.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

from qgis.core import QgsSettings

from ..core.errors import SettingsError
from ..core.study import INCREMENTS, OPERATIONALISATIONS, FactorSettings, GridSettings

SECTION = "risk_terrain"
MARKINGS = ("", "OFFICIAL", "OFFICIAL-SENSITIVE", "SECRET")
_SIGNED = ("analyst", "unit", "licence", "marking")
_WORDS = {"increment": INCREMENTS, "operationalisation": OPERATIONALISATIONS}
_LONGEST = 200  # characters of a text


@dataclass(frozen=True, slots=True)
class Preferences:
    """The settings page as values.

    Parameters
    ----------
    analyst, unit, licence, marking : str
        Name, organisational unit, reference of the data licence, protective marking: stamped on results.
    study_folder, output_folder : str
        Where dialogs begin; empty for QGIS's own choice.
    block_length : float, map units
    max_blocks : int
    increment, operationalisation : str
        Defaults of a new study.
    """

    analyst: str = ""
    unit: str = ""
    licence: str = ""
    marking: str = ""
    study_folder: str = ""
    output_folder: str = ""
    block_length: float = 200.0
    max_blocks: int = 3
    increment: str = "half"
    operationalisation: str = "both"

    @property
    def signature(self) -> dict[str, str]:
        """Analyst, unit, licence and marking, as far as they are set; what report and briefing print."""
        return {name: getattr(self, name) for name in _SIGNED if getattr(self, name)}

    @property
    def study_defaults(self) -> dict[str, Any]:
        """Parameters of rtm:run that a new study begins with."""
        return {
            "BLOCK_LENGTH": self.block_length,
            "MAX_BLOCKS": self.max_blocks,
            "INCREMENT": self.increment,
            "OPERATIONALISATION": self.operationalisation,
        }


def load_preferences() -> Preferences:
    """The settings in force: the analyst's, else the force's, else the plugin's; senseless values are left out."""
    settings, usual = QgsSettings(), Preferences()
    found = {name: _read(settings, name, value) for name, value in asdict(usual).items()}
    return Preferences(**found)


def save_preferences(wanted: Preferences) -> None:
    """Keep what differs from the settings in force, so that what the analyst leaves alone still follows the force."""
    settings, now = QgsSettings(), load_preferences()
    for field in fields(Preferences):
        value = getattr(wanted, field.name)
        if value != getattr(now, field.name):
            settings.setValue(f"{SECTION}/{field.name}", value)


def _read(settings: QgsSettings, name: str, usual: Any) -> Any:
    value = settings.value(f"{SECTION}/{name}", usual)
    try:
        return _checked(name, type(usual)(value))
    except (TypeError, ValueError, OverflowError, SettingsError):
        return usual


def _checked(name: str, value: Any) -> Any:
    """The value as it may stand; else an error."""
    if name == "block_length":
        GridSettings(value)
    elif name == "max_blocks":
        FactorSettings("factor", max_blocks=value)
    elif value not in _WORDS.get(name, (value,)):
        raise ValueError
    elif isinstance(value, str):
        return " ".join("".join(c if c.isprintable() else " " for c in value).split())[:_LONGEST]
    return value
