"""Texts in CSV files that no spreadsheet takes for a formula, whatever separator it expects.

Names come from other people's layers. A spreadsheet runs a cell that begins with one of a few signs, also after blanks
and signs that nobody sees, and also in their full-width forms. One that expects semicolons sees cells where we wrote
none, as it knows no quotes in the middle of what it takes for a cell.
"""

import re
import unicodedata
from typing import Any

_FORMULA_STARTS = frozenset("=+-@")  # after normalisation, which makes full-width signs plain ones
_UNSEEN = ("Z", "C")  # Unicode categories: blanks of all kinds, and control and format characters
_SEPARATORS = re.compile("([;|\t\r\n])")


def harmless(value: Any) -> Any:
    """A text with an apostrophe before all that a spreadsheet would take for a formula; numbers stay as they are.

    >>> harmless("=1+1"), harmless(" \uff1d1+1"), harmless("x;=1+1"), harmless("bars; off-licences"), harmless(-5)
    ("'=1+1", "' \uff1d1+1", "x;'=1+1", 'bars; off-licences', -5)
    """
    if not isinstance(value, str):
        return value
    start = "'" if value[:1] in ("|", "\t", "\r", "\n", "\0") else ""  # some pass over these
    pieces = _SEPARATORS.split(value)  # texts, and each separator between two of them
    return start + "".join(
        "'" + piece if i % 2 == 0 and _is_formula(piece) else piece for i, piece in enumerate(pieces)
    )


def _is_formula(piece: str) -> bool:
    """Whether the first sign that is seen starts a formula; quotes around a cell are taken off before it is run."""
    seen = next((c for c in piece if c != '"' and unicodedata.category(c)[0] not in _UNSEEN), "")
    return unicodedata.normalize("NFKC", seen)[:1] in _FORMULA_STARTS if seen else False
