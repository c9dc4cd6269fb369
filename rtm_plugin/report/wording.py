"""Numbers and names as people read them: British English, thousands separated, no more digits than matter."""

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime

from ..core.accuracy.ranking import Bounds
from ..core.documents.periods import MONTHS
from ..core.doubt.significance import p_figure

NBSP = "\u00a0"
MINUS = "−"
NOT_KNOWN = "–"
_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
_STEERING = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


def fixed(value: float | None, decimals: int = 0) -> str:
    """A number with that many decimals.

    >>> fixed(18324.6766, 2), fixed(-3.3565, 4), fixed(None)
    ('18,324.68', '−3.3565', '–')
    """
    if value is None or math.isnan(value):
        return NOT_KNOWN
    if math.isinf(value):
        return f"{MINUS if value < 0 else ''}∞"
    return f"{round(value, decimals) + 0.0:,.{decimals}f}".replace("-", MINUS)


def number(value: float | None, digits: int = 3) -> str:
    """A number with that many significant digits, whole numbers in full.

    >>> number(2.1349), number(13857.0), number(0.034857), number(1234.56), number(0), number(3e-9)
    ('2.13', '13,857', '0.0349', '1,235', '0', '3.00e−9')
    """
    if value is None or not math.isfinite(value):
        return fixed(value)
    if value == round(value) and abs(value) < 1e15:
        return fixed(value)
    size = math.floor(math.log10(abs(value)))
    if not -4 <= size < 15:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", MINUS)
    return fixed(value, max(0, digits - 1 - size))


def whole(value: float | None) -> str:
    """A count of things; with one decimal where weights made it a fraction.

    >>> whole(9199), whole(12.5), whole(None)
    ('9,199', '12.5', '–')
    """
    if value is None:
        return NOT_KNOWN
    return fixed(value, 0 if value == round(value) else 1)


def plain(value: float) -> str:
    """A number as it is written in a setting, without trailing zeros.

    >>> plain(500.0), plain(12.5)
    ('500', '12.5')
    """
    return f"{value:,.10g}".replace("-", MINUS)


def percent(share: float | None, decimals: int | None = None) -> str:
    """A share as a percentage; with one decimal, or none where it is 0, unless told.

    >>> percent(0.0526).replace(NBSP, " "), percent(1.0).replace(NBSP, " "), percent(0.00004).replace(NBSP, " ")
    ('5.3 %', '100 %', 'less than 0.1 %')
    """
    if share is None or not math.isfinite(share):
        return NOT_KNOWN
    if decimals is not None:
        return f"{fixed(100 * share, decimals)}{NBSP}%"
    if 0 < share < 0.0005:
        return f"less than 0.1{NBSP}%"
    value = round(100 * share, 1)
    return f"{fixed(value, 0 if value == round(value) else 1)}{NBSP}%"


def range_of(bounds: Bounds) -> str:
    """A share, with its bounds where ties leave it open."""
    expected, low, high = percent(bounds.expected), percent(bounds.pessimistic), percent(bounds.optimistic)
    return expected if low == high else f"{expected} (between {low} and {high}, by how ties between cells are broken)"


def p_value(p: float | None) -> str:
    """A p-value; very small ones as a bound.

    >>> p_value(0.0312), p_value(1e-12).replace(NBSP, " ")
    ('0.031', '< 0.001')
    """
    if p is None or not math.isfinite(p):
        return NOT_KNOWN
    return p_figure(p).replace(" ", NBSP)


def difference(value: float | None) -> str:
    """A difference with its sign.

    >>> difference(2.04), difference(-1.0)
    ('+2.0', '−1.0')
    """
    if value is None:
        return NOT_KNOWN
    return ("+" if round(value, 1) > 0 else "") + fixed(value, 1)


def duration(seconds: float) -> str:
    """A length of time.

    >>> [duration(s).replace(NBSP, " ") for s in (0.2, 18.3, 200, 7300)]
    ['less than a second', '18 seconds', '3 minutes 20 seconds', '2 hours 1 minute']
    """
    if seconds < 1:
        return "less than a second"
    total = round(seconds)
    hours, minutes, rest = total // 3600, total // 60 % 60, total % 60
    parts = [(hours, "hour"), (minutes, "minute"), (rest, "second")]
    words = [many(n, unit) for n, unit in (parts[:2] if hours else parts) if n]
    return " ".join(words)


def many(count: float, one: str, more: str | None = None) -> str:
    """A count and its noun.

    >>> many(1, "cell").replace(NBSP, " "), many(2, "cell").replace(NBSP, " ")
    ('1 cell', '2 cells')
    """
    return f"{whole(count)}{NBSP}{one if count == 1 else more or one + 's'}"


def counted_events(count: float, noun: str, outcome: str, period: str = "") -> str:
    """A number of events that says which they are, and of when, where that is known.

    >>> counted_events(933, "event", "robbery", "2018").replace(NBSP, " "), counted_events(2, "event", "events")
    ('933 events (robbery, 2018)', '2\\xa0events')
    """
    named = readable(outcome)
    known = [text for text in (named if named.casefold() not in ("", "event", "events") else "", period) if text]
    return many(count, noun) + (f" ({', '.join(known)})" if known else "")


def listed(items: Sequence[str]) -> str:
    """Items as a list in words.

    >>> listed(["bars"]), listed(["bars", "parks", "shops"])
    ('bars', 'bars, parks and shops')
    """
    return " and ".join(part for part in (", ".join(items[:-1]), *items[-1:]) if part)


def readable(name: str) -> str:
    """A layer or factor name inside a sentence: underscores as spaces, and no power over the text around it.

    >>> readable("bus_stops")
    'bus stops'
    """
    text = " ".join(unsteered(name).replace("_", " ").split())
    if any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in text):
        return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}"
    return text


def unsteered(text: str) -> str:
    """Without the marks that turn the direction of the text after them.

    >>> unsteered("bars\u202ex")
    'barsx'
    """
    return _STEERING.sub("", text)


def longest_word(text: str) -> int:
    """Letters in the longest stretch without a space.

    >>> longest_word("drop-in centres")
    7
    """
    return max((len(word) for word in text.split()), default=0)


def capital(sentence: str) -> str:
    """With a capital letter first.

    >>> capital("bars are near")
    'Bars are near'
    """
    return sentence[:1].upper() + sentence[1:]


def moment(iso: str) -> str:
    """A time in ISO format in words; other text as it is.

    >>> moment("2026-03-01T14:05:09+00:00"), moment("yesterday")
    ('1 March 2026, 14:05 (UTC)', 'yesterday')
    """
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    zone = f" ({when.tzname()})" if when.tzinfo else ""
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}, {when:%H:%M}{zone}"


def crs_label(crs: str) -> str:
    """Name of a coordinate reference system given as WKT or as an authority id.

    >>> crs_label("EPSG:27700"), crs_label('PROJCRS["OSGB36 / British National Grid",BASEGEOGCRS["x"]]')
    ('EPSG:27700', 'OSGB36 / British National Grid')
    """
    name = re.match(r'\s*[A-Z_]+\["([^"]+)"', crs)
    return name.group(1) if name else crs or "not recorded"
