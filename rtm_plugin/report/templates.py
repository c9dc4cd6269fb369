"""The templates of the pages: they print, and escape what they print."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from . import wording
from .derive import bic_gap
from .sentences import family_label

TEMPLATES = Path(__file__).parents[2] / "resources" / "report"


def environment() -> Environment:
    """Templates of the pages, with the filters that write numbers."""
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
