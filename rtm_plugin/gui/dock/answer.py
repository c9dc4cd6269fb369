"""The answer to "Why here?" as a small page, with every name escaped."""

import html
from collections.abc import Mapping
from typing import Any

_BAR = 130  # pixels of a whole bar
_COLOUR, _COLOUR_OF_ABSENCE = "#b30000", "#5b7083"  # a factor that is near; a protective one that is not


def answer_html(answer: Mapping[str, Any]) -> str:
    """The marking; score, rank and events as lines; each factor as a bar with its share and what is known of it.

    Parameters
    ----------
    answer : ANSWER of rtm:explain
    """
    marking = f"<div><b>{html.escape(answer['marking'])}</b></div>" if answer.get("marking") else ""
    summary = "".join(f"<div>{html.escape(line)}</div>" for line in answer["summary"])
    rows = "".join(map(_row, answer["factors"]))
    cautions = "".join(f"<div><i>{html.escape(line)}</i></div>" for line in answer["cautions"])
    return f"{marking}{summary}<table cellpadding='2'>{rows}</table>{cautions}"


def _row(factor: Mapping[str, Any]) -> str:
    share = factor["share"]
    width = max(2, round(_BAR * share)) if share else 0
    colour = _COLOUR_OF_ABSENCE if factor.get("direction") == "protective" else _COLOUR
    bar = f"<table cellspacing='0'><tr><td bgcolor='{colour}' width='{width}' height='9'></td></tr></table>"
    percent = "" if share is None else f"{100 * share:.0f} %"
    return (
        f"<tr><td><b>{html.escape(factor.get('label', factor['factor']))}</b></td><td align='right'>{percent}</td>"
        f"<td>{bar if width else ''}</td></tr><tr><td colspan='3'>{html.escape(factor['about'])}</td></tr>"
    )
