"""What an analyst, or the force for all of them, has set once: names that results carry, folders, study defaults.

Kept in QGIS's settings under "risk_terrain/". Where the analyst has set nothing, QGIS looks in its global settings
file, in which a force sets defaults for everyone.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

from qgis.core import QgsSettings

from ..core.documents.factor_settings import INCREMENTS, OPERATIONALISATIONS, FactorSettings
from ..core.documents.settings import GridSettings
from ..core.errors import InputError, SettingsError
from .feedback import tr

SECTION = "risk_terrain"
MARKINGS = ("", "OFFICIAL", "OFFICIAL-SENSITIVE", "SECRET")
_SIGNED = ("analyst", "unit", "licence")
_RULES = ("markings", "marking_required")  # a force's, in the global settings file; no page changes them
_WORDS = {"increment": INCREMENTS, "operationalisation": OPERATIONALISATIONS}
_LONGEST = 200  # characters of a text


@dataclass(frozen=True, slots=True, kw_only=True)
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
    markings : tuple of str
        The only markings that the force allows; empty where it allows any.
    marking_required : bool
        Whether the force refuses results without a marking.
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
    markings: tuple[str, ...] = ()
    marking_required: bool = False

    @property
    def signature(self) -> dict[str, str]:
        """Analyst, unit and licence, as far as they are set; what report and briefing print."""
        return {name: getattr(self, name) for name in _SIGNED if getattr(self, name)}

    @property
    def marking_choices(self) -> tuple[str, ...]:
        """What a list of markings offers; an empty one stands for none."""
        return (*(() if self.marking_required else ("",)), *self.markings) if self.markings else MARKINGS

    def refusal_of_marking(self, marking: str) -> str:
        """The sentence with which the force's rules refuse a marking; empty where they allow it."""
        offered = ", ".join(self.markings) or tr("any text")
        if not marking and self.marking_required:
            return tr("Your force demands a protective marking on every result; choose one ({}).").format(offered)
        if marking and self.markings and marking not in self.markings:
            return tr("'{}' is none of the protective markings of your force; choose one of them ({}).").format(
                marking, offered
            )
        return ""

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
    kept = {name: _read(settings, name, value) for name, value in asdict(usual).items()}
    return Preferences(**kept)


def plain_marking(text: str) -> str:
    """A marking as it is printed: one line, without signs that cannot be seen.

    Raises
    ------
    InputError
        It is too long for the edge of a page; a marking that is cut would say something else.
    """
    marking = _one_line(text)
    if len(marking) > _LONGEST:
        raise InputError(
            tr("The protective marking has {:,} letters; shorten it to at most {}.").format(len(marking), _LONGEST)
        )
    return marking


def save_preferences(wanted: Preferences) -> None:
    """Keep what differs from the settings in force, so that what the analyst leaves alone still follows the force."""
    settings, now = QgsSettings(), load_preferences()
    for field in fields(Preferences):
        value = getattr(wanted, field.name)
        if field.name not in _RULES and value != getattr(now, field.name):
            settings.setValue(f"{SECTION}/{field.name}", value)


def _read(settings: QgsSettings, name: str, usual: Any) -> Any:
    value = settings.value(f"{SECTION}/{name}", usual)
    try:
        if name in _RULES:
            return _rule(value, usual)
        return _checked(name, type(usual)(value))
    except (TypeError, ValueError, OverflowError, SettingsError):
        return usual


def _rule(value: Any, usual: Any) -> Any:
    """A list of markings, or a flag, as a settings file has them: QGIS makes lists of texts with commas."""
    if isinstance(usual, bool):
        return str(value).strip().lower() in ("true", "1", "yes")
    texts = value if isinstance(value, (list, tuple)) else str(value).split(",")
    return tuple(marking for marking in map(_one_line, map(str, texts)) if marking)


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _checked(name: str, value: Any) -> Any:
    """The value as it may stand; else an error."""
    if name == "block_length":
        GridSettings(value)
    elif name == "max_blocks":
        FactorSettings("factor", max_blocks=value)
    elif value not in _WORDS.get(name, (value,)):
        raise ValueError
    elif isinstance(value, str):
        return _one_line(value)[:_LONGEST]
    return value
