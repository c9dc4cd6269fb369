"""The templates of the pages: they print, and escape what they print."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from . import wording
from .derive import bic_gap
from .sentences import family_label

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parents[2] / "resources" / "report"


@cache  # what a template is compiled to is kept with its environment, and compiling takes longer than printing a page
def environment() -> Environment:
    """Templates of the pages, with the filters that write numbers."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # here, so that a tool can say that it is missing

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for tool in (
        wording.fixed,
        wording.number,
        wording.whole,
        wording.percent,
        wording.p_value,
        wording.difference,
        wording.duration,
        wording.crs_label,
        wording.capital,
        wording.longest_word,
        wording.readable,
        wording.unsteered,
    ):
        environment.filters[tool.__name__] = tool
    environment.filters["family_label"] = family_label
    environment.globals["bic_gap"] = bic_gap
    environment.globals["many"] = wording.many
    return environment
