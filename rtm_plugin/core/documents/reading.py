"""Documents as JSON: one reader and one writer for all of them.

A document may come from anyone. What is read is bounded in size and depth, its numbers are finite, its texts can be
written again, and every value has the type that the data class behind it says; each refusal is a sentence.
"""

import codecs
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ..errors import FileFormatError

LARGEST_FILE = 50_000_000  # bytes
_DEEPEST = 40  # levels of lists and objects; the deepest of ours has about ten
_LARGEST_WHOLE = 2**63  # what a whole number must stay below, up and down
_QUOTED = 60  # characters of a value that a sentence repeats
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WORDS = {str: "text", float: "a number", int: "a whole number", bool: "true or false"}


def read_text(path: str | Path, what: str) -> str:
    """The text of a small file: UTF-8, or UTF-16 where a mark at its start says so, as Windows programs write it.

    Raises
    ------
    FileFormatError
        Missing, too large, or not text.
    """
    path = Path(path)
    called = _short(path.name)
    try:
        if path.exists() and not path.is_file():  # a pipe would keep whoever opens it waiting
            raise FileFormatError(f"The {what} {called} cannot be read: it is no file.")
        with open(path, "rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        reason = getattr(error, "strerror", None) or error
        raise FileFormatError(f"The {what} {called} cannot be read: {reason}.") from error
    if len(raw) > LARGEST_FILE:
        raise FileFormatError(f"The {what} {called} is too large to be one; choose another file.")
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise FileFormatError(f"The {what} {called} is not text; choose another file.") from error


def parse_json(text: str, what: str) -> Any:
    """Parse strict JSON: finite numbers, whole ones of at most 63 bits, no key twice, no absurd nesting.

    Parameters
    ----------
    text : str
    what : str
        The document, as the beginning of a sentence: "The model file".

    Raises
    ------
    FileFormatError

    >>> parse_json('{"a": [1, 2.5]}', "The file")
    {'a': [1, 2.5]}
    """

    def refuse(constant: str) -> float:
        raise FileFormatError(f"{what} holds {constant}, which is not a number; it is damaged.")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        read = dict(pairs)
        if len(read) < len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise FileFormatError(f"{what} has the key {_short(twice)} twice in one place; it is damaged.")
        return read

    try:
        document = json.loads(text.lstrip("\ufeff"), parse_constant=refuse, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise FileFormatError(f"{what} is not valid JSON{where}; it is damaged or another kind of file.") from error
    _require_bounded(document, what)
    return document


def _require_bounded(document: Any, what: str) -> None:
    """Refuse what could break whoever works with the document: without recursion, as depth is what is looked for."""
    level = [document]
    for _ in range(_DEEPEST):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below.extend(value)
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            else:
                _require_plain(value, what)
        if not below:
            return
        level = below
    raise FileFormatError(f"{what} is nested deeper than any of ours; it is damaged or another kind of file.")


def _require_plain(value: Any, what: str) -> None:
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise FileFormatError(f"{what} holds half a character (a lone surrogate); it is damaged.")
    elif isinstance(value, int) and abs(value) >= _LARGEST_WHOLE:
        raise FileFormatError(f"{what} holds a whole number of more than 18 digits; it is damaged.")


def json_values(value: Any, number: Callable[[float], Any] | None = None) -> Any:
    """Data classes, tuples, mappings and days as what JSON knows.

    Fields with the metadata item `in_file` false are left out. `number` changes each floating-point number, to round
    it for instance.

    >>> json_values({"shares": (0.01, float("nan"))}, known)
    {'shares': [0.01, None]}
    """
    if is_dataclass(value):
        kept = (f for f in fields(value) if f.metadata.get("in_file", True))
        return {f.name: json_values(getattr(value, f.name), number) for f in kept}
    if isinstance(value, Mapping):
        return {str(key): json_values(item, number) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_values(item, number) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return number(value) if number is not None and isinstance(value, float) else value


def json_text(document: Any, number: Callable[[float], Any] | None = None) -> str:
    """The text of a document's file; ValueError for a number that is not finite, which JSON does not know."""
    return json.dumps(json_values(document, number), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def known(value: float) -> float | None:
    """A finite number; None, JSON's null, for every other."""
    return value if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class DocumentReader:
    """Values from JSON as the types that data classes annotate.

    Parameters
    ----------
    name : str
        Of the document, as the beginning of a sentence: "The study file".
    unknown_refused : bool
        Whether a key that no field has is a typing error, or a note that does no harm.
    defaults : bool
        Whether a key that is left out has its field's default; else only fields with the metadata item `optional` may
        be left out.
    """

    name: str
    unknown_refused: bool
    defaults: bool

    def read(self, kind: Any, value: Any, where: str) -> Any:
        """`value` as the type `kind`, refused with the place where it does not fit.

        Raises
        ------
        FileFormatError
        """
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if is_dataclass(kind):
            return self._object(kind, value, where)
        if origin in (types.UnionType, typing.Union):
            return None if value is None else self.read(arguments[0], value, where)
        if origin is tuple:
            self.require(isinstance(value, list), f"{where} is not a list")
            return tuple(self.read(arguments[0], item, where) for item in value)
        if origin is not None and issubclass(origin, Mapping):
            self.require(isinstance(value, dict), f"{where} is not an object")
            return {key: self.read(arguments[1], item, f"{_short(key)} of {where}") for key, item in value.items()}
        if kind is Any:
            self.require(_all_finite(value), f"{where} holds a number that is not finite")
            return value
        return self._single(kind, value, where)

    def _object(self, kind: Any, value: Any, where: str) -> Any:
        self.require(isinstance(value, dict), f"{where} is not an object")
        annotated = typing.get_type_hints(kind)
        hints = {f.name: annotated[f.name] for f in fields(kind) if f.init}
        unknown = sorted(set(value) - set(hints))
        if unknown and self.unknown_refused:
            raise FileFormatError(
                f"{self.name} has the unknown key {_short(unknown[0])} in {where}; remove it or correct its spelling."
            )
        if not self.defaults:
            for f in fields(kind):
                self.require(f.name in value or "optional" in f.metadata, f"{where} lacks {f.name!r}")
        given = {key: self.read(hints[key], value[key], f"{key!r} of {where}") for key in hints if key in value}
        try:
            return kind(**given)
        except TypeError as error:
            raise FileFormatError(f"{self.name} is damaged: {where} lacks a key that it needs.") from error

    def _single(self, kind: Any, value: Any, where: str) -> Any:
        """A text, number or truth value; a whole number serves as a number, true and false as neither."""
        fits = isinstance(value, (int, float) if kind is float else kind)
        fits = fits and (kind is bool or not isinstance(value, bool))
        self.require(fits, f"{where} is {_short(value)}, which is not {_WORDS[kind]}")
        if kind is float:
            self.require(math.isfinite(value), f"{where} is not a finite number")
            return float(value)
        return value

    def require(self, holds: bool, sentence: str) -> None:
        """Refuse a document of which this does not hold."""
        if not holds:
            raise FileFormatError(f"{self.name} is damaged: {sentence}.")


def _all_finite(value: Any) -> bool:
    """Whether no number is infinite: JSON's 1e999 is."""
    if isinstance(value, dict):
        return all(map(_all_finite, value.values()))
    if isinstance(value, list):
        return all(map(_all_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _short(value: Any) -> str:
    """A value as a sentence can repeat it."""
    text = repr(value)
    return text if len(text) <= _QUOTED else text[:_QUOTED] + "…"
