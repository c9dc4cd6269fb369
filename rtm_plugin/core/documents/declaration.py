"""How a setting is declared: once, beside the field that holds it; every place that shows or reads it looks here."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeGuard

from ..errors import SettingsError

Kind = Literal["choice", "switch", "whole", "number", "length", "area"]
MEASURES = ("length", "area")  # in map units, or their squares; always above 0

SHORTEST = 0.001  # map units: a shorter length is a slip of the hand, and no grid could be that fine
FARTHEST = 1e18  # map units or their squares: no length or area on the Earth is as large in any unit
_KEY = "setting"  # in the metadata of a field


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as people and files know it; its default is that of the field.

    The texts are English; what shows them translates them.

    Parameters
    ----------
    parameter : str
        Name of the parameter of an algorithm.
    kind : {"choice", "switch", "whole", "number", "length", "area"}
        "switch" is yes or no; "length" is in map units, "area" in square map units.
    label, help : str
        In the dialog of an algorithm.
    noun : str
        What a refusal calls it, {} for the name of the factor that it is of. Empty where the constructor refuses by
        sentences of its own, because what is allowed depends on other settings.
    choices : tuple of str
        Words of a choice.
    least, most : float
        Bounds of a number, themselves allowed.
    optional : bool
        Whether None is allowed.
    proposed : any
        Where the field has no default: what a form begins with.
    unit : str
        Of a number, in a refusal.
    advanced : bool
        Whether a dialog folds it away.
    page : str
        Label in the wizard, & before the letter that is a shortcut; empty where the wizard has a widget of its own.
    words : mapping
        What the wizard calls the choices.
    typed_most, decimals, step, when_empty
        How the wizard's field is typed in: largest number, decimals, step of its arrows, text for None.
    """

    parameter: str
    kind: Kind
    label: str
    help: str
    noun: str = ""
    choices: tuple[str, ...] = ()
    least: float = -math.inf
    most: float = math.inf
    optional: bool = False
    proposed: Any = None
    unit: str = ""
    advanced: bool = False
    page: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    typed_most: float = 1e12
    decimals: int = 2
    step: float = 1.0
    when_empty: str = ""

    def check(self, value: object, of: str = "") -> None:
        """Refuse a value that is none of its kind, or out of its bounds.

        Raises
        ------
        SettingsError
        """
        if not self.noun or (value is None and self.optional) or self._allows(value):
            return
        if self.kind in MEASURES and is_number(value) and FARTHEST <= value < math.inf:
            raise SettingsError(f"{self.noun.format(of)} is {shown(value)}; it must be below {FARTHEST:,.0f}.")
        if self.kind == "length" and is_number(value) and 0 < value < SHORTEST:
            raise SettingsError(f"{self.noun.format(of)} is {shown(value)}; it must be at least {SHORTEST:g}.")
        raise SettingsError(f"{self.noun.format(of)} is {shown(value)}; it must be {self.demand}.")

    def _allows(self, value: object) -> bool:
        if self.kind == "choice":
            return value in self.choices
        if self.kind == "switch":
            return isinstance(value, bool)
        if not is_number(value) or (self.kind == "whole" and not isinstance(value, int)):
            return False
        if self.kind == "length":
            return SHORTEST <= value < FARTHEST
        return 0 < value < FARTHEST if self.kind == "area" else self.least <= value <= self.most

    @property
    def demand(self) -> str:
        """What a value must be, in words."""
        if self.kind == "choice":
            return f"one of {', '.join(self.choices)}"
        if self.kind == "switch":
            return "yes or no"
        if self.kind in MEASURES:
            return "a number above 0"
        whole = "a whole number from " if self.kind == "whole" else ""
        return f"{whole}{self.least:.12g} to {self.most:.12g} {self.unit}".rstrip()


def setting(**about: Any) -> dict[str, Setting]:
    """Metadata of a dataclass field: `field(default=…, metadata=setting(parameter=…, kind=…, …))`."""
    return {_KEY: Setting(**about)}


def settings_of(kind: type[Any]) -> dict[str, Setting]:
    """The declared settings of a dataclass, by field, in order.

    >>> from .settings import PlaceSettings
    >>> {name: declared.parameter for name, declared in settings_of(PlaceSettings).items()}
    {'rule': 'RULE', 'value': 'VALUE', 'max_area': 'MAX_AREA'}
    """
    return {f.name: f.metadata[_KEY] for f in fields(kind) if _KEY in f.metadata}


def default_of(kind: type[Any], name: str) -> Any:
    """What a form begins with: the field's default, else what is proposed."""
    proposed = settings_of(kind)[name].proposed
    return next(f.default for f in fields(kind) if f.name == name) if proposed is None else proposed


def check_settings(settings: Any, of: str = "") -> None:
    """Refuse a dataclass with an impossible value; `of` names the factor that it is of.

    Raises
    ------
    SettingsError
    """
    for name, declared in settings_of(type(settings)).items():
        declared.check(getattr(settings, name), of)


def parameters_of(settings: Any, prefix: str = "") -> dict[str, Any]:
    """The parameters of an algorithm that stand for a settings dataclass; what is None is left out.

    `prefix` begins their names where an algorithm has settings of two kinds.

    >>> from .settings import PlaceSettings
    >>> parameters_of(PlaceSettings("share", 5.0))
    {'RULE': 'share', 'VALUE': 5.0}
    """
    values = {name: getattr(settings, name) for name in settings_of(type(settings))}
    return {
        prefix + declared.parameter: _yes_or_no(values[name]) if declared.kind == "switch" else values[name]
        for name, declared in settings_of(type(settings)).items()
        if values[name] is not None
    }


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"


def schema_of(declared: Setting) -> dict[str, Any]:
    """What a JSON schema says of a setting."""
    if declared.kind == "choice":
        return {"enum": list(declared.choices)}
    if declared.kind == "switch":
        return {"type": "boolean"}
    kind = "integer" if declared.kind == "whole" else "number"
    rule: dict[str, Any] = {"type": [kind, "null"] if declared.optional else kind}
    if declared.kind in MEASURES:
        return {**rule, "exclusiveMinimum": 0}
    bounds = {"minimum": declared.least, "maximum": declared.most}
    return {**rule, **{name: value for name, value in bounds.items() if math.isfinite(value)}}


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number; Python takes True for 1."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def shown(value: object) -> str:
    """The beginning of a value: a number may have hundreds of digits."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:40]}…"
