"""Findings: what is noticed about data, model and places, each as one structure that every route prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ..errors import SettingsError

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[str, ...] = get_args(Severity)  # gravest first


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was noticed.

    Parameters
    ----------
    severity : {"error", "warning", "note"}
        "error": the work cannot go on; "warning": a result may mislead; "note": good to know.
    sentence : str
        What was noticed and about which layer, field or factor; a full sentence in plain British English.
    remedy : str
        What to do about it, a full sentence; "" where nothing need be done.
    numbers : mapping of str to number, text or None
        The figures of the sentence under plain names, for those who read JSON.

    Raises
    ------
    SettingsError
        A severity that there is not, or no sentence.

    Examples
    --------
    >>> gap = Finding("warning", "No event is later than 30 June 2019.", "Ask for the later months.", {"months": 6})
    >>> gap.text
    'No event is later than 30 June 2019. Ask for the later months.'
    """

    severity: str
    sentence: str
    remedy: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise SettingsError(f"A finding is {self.severity!r}; it must be one of {', '.join(SEVERITIES)}.")
        if not self.sentence:
            raise SettingsError("A finding has no sentence; say what was noticed.")

    @property
    def text(self) -> str:
        """Sentence and remedy in one line."""
        return f"{self.sentence} {self.remedy}".rstrip()

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "severity": self.severity,
            "sentence": self.sentence,
            "remedy": self.remedy,
            "numbers": dict(self.numbers),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Finding:
        """From what `to_dict` gave.

        Raises
        ------
        SettingsError
        """
        texts = [document.get(name, "") for name in ("severity", "sentence", "remedy")]
        numbers = document.get("numbers", {})
        if not all(isinstance(text, str) for text in texts) or not isinstance(numbers, Mapping):
            raise SettingsError("A finding needs texts as severity, sentence and remedy, and an object as numbers.")
        return cls(texts[0], texts[1], texts[2], dict(numbers))


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Gravest first, else in the order in which they were noticed; the same text only once.

    >>> note, error = Finding("note", "A."), Finding("error", "B.")
    >>> [finding.sentence for finding in ordered([note, error, note])]
    ['B.', 'A.']
    """
    once = {finding.text: finding for finding in findings}
    return tuple(sorted(once.values(), key=lambda finding: SEVERITIES.index(finding.severity)))


def warnings_in(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The texts of errors and warnings, gravest first: what a reader must see before a result."""
    return tuple(finding.text for finding in ordered(findings) if finding.severity != "note")
