"""What layers are called in titles and sentences: the crime, the place and the period, whatever the file is called."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass

from .filter_words import alternatives, equalities_of, filter_words, place_noun
from .periods import MONTHS, Period

MOST_NAMES = 3  # of chosen features that a title can hold
_GENERIC = ("boundary", "boundaries", "study area", "outline", "extent", "polygon", "polygons", "aoi")
_LONGEST_FILTER = 120  # letters that are quoted


@dataclass(frozen=True, slots=True)
class LayerChoice:
    """Which features of which layer were taken.

    Parameters
    ----------
    layer : str
    filter : str
        The expressions or SQL that chose features, as they were written; "" where none did.
    selected : bool
        Whether only the features were taken that were selected in QGIS.
    names : tuple of str
        Names of the features that were taken, where the layer has a field of names and part of it was chosen.
    noun : str
        What such a feature is: "ward"; "" where it is not known.
    """

    layer: str
    filter: str = ""
    selected: bool = False
    names: tuple[str, ...] = ()
    noun: str = ""

    @property
    def is_part(self) -> bool:
        """Whether a part of the layer was chosen on purpose."""
        return bool(self.filter or self.selected)

    @property
    def source(self) -> str:
        """Layer, filter and selection, in full.

        >>> LayerChoice("crime", "\\"Crime type\\" = 'Robbery'").source
        'crime, where "Crime type" = \\'Robbery\\''
        """
        text = f"{self.layer}, where {_quoted(self.filter)}" if self.filter else self.layer
        return f"{text}, selected features only" if self.selected else text

    @property
    def events(self) -> str:
        """What the events are, in a sentence.

        >>> LayerChoice("crime", "\\"Crime type\\" = 'Robbery'").events, LayerChoice("burglaries").events
        ('robbery', 'burglaries')
        >>> LayerChoice("crime", "year > 2017", selected=True).events
        'selected crime where year > 2017'
        """
        words = filter_words(self.filter) if self.filter else ""
        if not words:
            words = f"{self.layer} where {_quoted(self.filter)}" if self.filter else self.layer
        return f"selected {words}" if self.selected else words

    @property
    def label(self) -> str:
        """The events in a sentence, with their layer where they are not called by it.

        >>> LayerChoice("crime", "\\"Crime type\\" = 'Robbery'").label, LayerChoice("burglaries").label
        ("robbery (layer 'crime')", "'burglaries'")
        """
        if self.filter and filter_words(self.filter):
            return f"{self.events} (layer '{self.layer}')"
        label = f"'{self.layer}' where {_quoted(self.filter)}" if self.filter else f"'{self.layer}'"
        return f"the selected features of {label}" if self.selected else label

    @property
    def place(self) -> str:
        """What the study area is, in a title.

        >>> LayerChoice("wards", "\\"name\\" = 'Castle'").place, LayerChoice("boundary").place
        ('Castle ward', 'boundary')
        >>> LayerChoice("boundary", selected=True, names=("Castle", "Dock"), noun="ward").place
        'Castle and Dock wards'
        """
        if not self.is_part and not self.names:
            return self.layer
        parts = equalities_of(self.filter)
        equal = parts.equalities[0] if parts.whole and len(parts.equalities) == 1 else None
        names = self.names or (equal.values if equal else ())
        noun = self.noun or (place_noun(equal.field) if equal else "") or place_noun(self.layer)
        if not names or len(names) > MOST_NAMES:
            return f"part of {self.layer}" if not names else f"{len(names)} of {self.layer}"
        return _named(tuple(dict.fromkeys(names)), noun)


def is_generic(layer: str) -> bool:
    """Whether a layer's name says nothing of the place, so that the names of its features say more.

    >>> is_generic("Boundary"), is_generic("study_area"), is_generic("City of London")
    (True, True, False)
    """
    return " ".join(layer.casefold().replace("_", " ").split()) in _GENERIC


def _named(names: tuple[str, ...], noun: str) -> str:
    listed = alternatives(names).replace(" or ", " and ") if len(names) > 1 else names[0]
    if not noun or any(noun.casefold() in name.casefold().split() for name in names):
        return listed
    if all(name.isdigit() for name in names):
        return f"{noun} {listed}"
    return f"{listed} {noun}{'s' if len(names) > 1 else ''}"


def _quoted(text: str) -> str:
    """A filter in one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_FILTER else f"{line[: _LONGEST_FILTER - 1]}…"


def short_period(period: Period) -> str:
    """A period as a title has it: years and months where it fills them; "" when nothing is known.

    >>> short_period(Period.from_iso("2018-01-01", "2018-12-31")), short_period(Period.parse("2018-03"))
    ('2018', 'March 2018')
    >>> short_period(Period.from_iso("2018-01-01", "2019-06-30"))
    'January 2018 to June 2019'
    """
    start, end = period.start, period.end
    if start is None or end is None or start.day != 1 or end.day != monthrange(end.year, end.month)[1]:
        return period.text
    if start.month == 1 and end.month == 12:
        return str(start.year) if start.year == end.year else f"{start.year} to {end.year}"
    last = f"{MONTHS[end.month - 1]} {end.year}"
    if (start.year, start.month) == (end.year, end.month):
        return last
    first = MONTHS[start.month - 1] + ("" if start.year == end.year else f" {start.year}")
    return f"{first} to {last}"


def proposed_title(events: LayerChoice, area: LayerChoice, period: Period) -> str:
    """The title of a study that was given none.

    >>> ward = LayerChoice("wards", "\\"name\\" = 'Castle'")
    >>> robbery = LayerChoice("crime", "\\"Crime type\\" = 'Robbery'")
    >>> proposed_title(robbery, ward, Period.from_iso("2018-01-01", "2018-12-31"))
    'Robbery in Castle ward, 2018'
    """
    what = events.events
    when = short_period(period)
    title = f"{what[:1].upper()}{what[1:]} in {area.place}"
    return f"{title}, {when}" if when else title
