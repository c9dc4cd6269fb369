"""A simple filter of a layer in words: '"Crime type" = 'Robbery'' is robbery; what is not simple is quoted.

It reads comparisons for equality (=, IN) joined by OR and AND, as QGIS's expressions and SQL both write them. A filter
is never evaluated here, and what is not understood is never guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""\s*(?:"(?P<field>(?:[^"]|"")*)"|'(?P<text>(?:[^']|'')*)'|(?P<number>-?\d+(?:\.\d+)?)(?![\w.])"""
    r"""|(?P<word>[^\W\d]\w*)|(?P<mark>[=(),]))"""
)
_JOINS = ("and", "or", "in", "not", "is", "null", "like", "ilike", "between", "case", "when", "then", "else", "end")
_MOST_VALUES = 4  # of one field that a title can hold
_OUTCOME = ("crime", "offen", "type", "category", "incident", "class", "kind", "descript", "ucr", "subtype")
_PLACE = (
    "ward", "district", "beat", "borough", "neighbourhood", "neighborhood", "precinct", "sector", "parish", "division",
    "community", "quarter", "suburb", "county", "town", "city", "zone", "area", "region", "bcu", "lsoa", "msoa",
)  # fmt: skip
_SMALL = 4  # letters up to which a word in capitals is taken for an abbreviation


@dataclass(frozen=True, slots=True)
class Equality:
    """A field that must have one of these values."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FilterParts:
    """A filter taken apart: the equalities that all hold, and whether that is the whole of it."""

    equalities: tuple[Equality, ...]
    whole: bool


def equalities_of(expression: str) -> FilterParts:
    """The equalities that are joined by AND at the top of a filter.

    Examples
    --------
    >>> equalities_of("\\"Crime type\\" = 'Robbery' OR \\"Crime type\\" = 'Theft'")
    FilterParts(equalities=(Equality(field='Crime type', values=('Robbery', 'Theft')),), whole=True)
    >>> equalities_of("ward IN ('Castle') AND year > 2017")
    FilterParts(equalities=(Equality(field='ward', values=('Castle',)),), whole=False)
    >>> equalities_of("NOT ward = 'Castle'").equalities, equalities_of("a = 1 AND b = 2 OR c = 3").equalities
    ((), ())
    """
    equalities: list[Equality] = []
    whole = True
    terms = [expression] if len(_split(expression, "or")) > 1 else _split(expression, "and")  # AND binds closer than OR
    for term in terms:
        equality = _equality(term)
        if equality is None:
            whole = False
        else:
            equalities.append(equality)
    return FilterParts(tuple(equalities), whole and bool(equalities))


def is_outcome_field(name: str) -> bool:
    """Whether a field looks like one that says what happened.

    >>> is_outcome_field("Crime type"), is_outcome_field("Primary Type"), is_outcome_field("ward")
    (True, True, False)
    """
    low = name.casefold()
    return any(part in low for part in _OUTCOME)


def place_noun(name: str) -> str:
    """What a field or layer of places is called in the singular: "ward"; "" where it is no such thing.

    >>> place_noun("WARD_NAME"), place_noun("police_districts"), place_noun("boundary")
    ('ward', 'district', '')
    """
    words = re.findall(r"[^\W\d_]+", name.casefold())
    for word in reversed(words):
        for noun in _PLACE:
            plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
            if word in (noun, plural):
                return noun.upper() if len(noun) > 2 and noun in ("bcu", "lsoa", "msoa") else noun
    return ""


def in_sentence(value: str) -> str:
    """A value of a field as a word in a sentence: in small letters, but for abbreviations.

    >>> in_sentence("Theft from the person"), in_sentence("MOTOR VEHICLE THEFT"), in_sentence("ASB")
    ('theft from the person', 'motor vehicle theft', 'ASB')
    """
    text = " ".join(value.replace("_", " ").split())
    if text.isupper() and (len(text) > _SMALL or " " in text):
        return text.lower()
    return " ".join(word if word.isupper() and 1 < len(word) <= _SMALL else word.lower() for word in text.split(" "))


def alternatives(values: tuple[str, ...]) -> str:
    """Several values as alternatives.

    >>> alternatives(("robbery",)), alternatives(("robbery", "theft", "drugs"))
    ('robbery', 'robbery, theft or drugs')
    """
    return " or ".join(part for part in (", ".join(values[:-1]), *values[-1:]) if part)


def filter_words(expression: str) -> str:
    """What a filter of events leaves, as one would say it; "" where only quoting tells it.

    Examples
    --------
    >>> filter_words("\\"Crime type\\" = 'Robbery'")
    'robbery'
    >>> filter_words("\\"Crime type\\" IN ('Robbery', 'Theft from the person')")
    'robbery or theft from the person'
    >>> filter_words("\\"Crime type\\" = 'Robbery' AND \\"year\\" > 2017")
    ''
    >>> filter_words("\\"year\\" = 2018")
    ''
    """
    parts = equalities_of(expression)
    if not parts.whole or len(parts.equalities) != 1 or not is_outcome_field(parts.equalities[0].field):
        return ""
    values = parts.equalities[0].values
    if len(values) > _MOST_VALUES or not all(re.search(r"[^\W\d_]", value) for value in values):
        return ""
    return alternatives(tuple(dict.fromkeys(in_sentence(value) for value in values)))


def _tokens(text: str) -> list[tuple[str, str]] | None:
    """Kind and value of each token; None when something else is there."""
    tokens, position, text = [], 0, text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            return None
        kind, value = match.lastgroup, match.group(match.lastgroup)
        if kind == "field":
            value = value.replace('""', '"')
        if kind == "text":
            value = value.replace("''", "'")
        if kind == "word":
            kind, value = ("join", value.casefold()) if value.casefold() in _JOINS else ("field", value)
        tokens.append((kind, value))
        position = match.end()
    return tokens


def _equality(term: str) -> Equality | None:
    """A term as one field that equals one of some values; None when it is anything else."""
    tokens = _tokens(_unwrapped(term))
    if not tokens:
        return None
    parts = _split(term, "or")
    if len(parts) > 1:
        return _of_one_field([_equality(part) for part in parts])
    kinds = [kind for kind, _ in tokens]
    values = tuple(value for kind, value in tokens if kind in ("text", "number"))
    if len(kinds) == 3 and kinds[0] == "field" and tokens[1] == ("mark", "=") and len(values) == 1:
        return Equality(tokens[0][1], values)
    listed = kinds[:1] == ["field"] and tokens[1:3] == [("join", "in"), ("mark", "(")] and tokens[-1] == ("mark", ")")
    if (
        listed
        and values
        and [v for _, v in tokens[4:-1:2]] == [","] * (len(values) - 1)
        and len(tokens) == 2 * len(values) + 3
    ):
        return Equality(tokens[0][1], values)
    return None


def _of_one_field(either: list[Equality | None]) -> Equality | None:
    """Alternatives as one equality; None unless all are equalities of the same field."""
    known = [part for part in either if part is not None]
    if len(known) < len(either) or len({part.field for part in known}) != 1:
        return None
    return Equality(known[0].field, tuple(value for part in known for value in part.values))


def _unwrapped(text: str) -> str:
    """Without the brackets around the whole."""
    text = text.strip()
    while text.startswith("(") and _closing(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _closing(text: str) -> int:
    """Where the bracket that opens the text is closed; −1 when it is not."""
    depth = 0
    for position, sign in _outside_quotes(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0:
            return position
    return -1


def _split(text: str, join: str) -> list[str]:
    """The parts between a joining word, where it stands outside brackets and quotes."""
    text = _unwrapped(text)
    parts, start, depth = [], 0, 0
    for position, sign in _outside_quotes(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        end = position + len(join)
        stands_alone = (position == 0 or not _is_letter(text[position - 1])) and not _is_letter(text[end : end + 1])
        if depth == 0 and text[position:end].casefold() == join and stands_alone:
            parts.append(text[start:position])
            start = end
    return [*parts, text[start:]]


def _is_letter(sign: str) -> bool:
    return sign.isalnum() or sign == "_"


def _outside_quotes(text: str) -> list[tuple[int, str]]:
    """Position and sign of all that is not quoted."""
    outside, quote = [], ""
    for position, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        else:
            outside.append((position, sign))
    return outside
