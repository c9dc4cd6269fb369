"""The words of a briefing: taken from the findings, so that page and report say the same."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from ...rtm_plugin.adapters.crs import crs_of, metres_per_unit, units_text
from ...rtm_plugin.cartography.briefing import BriefingText
from ...rtm_plugin.core.documents.periods import day_text
from ...rtm_plugin.core.model.document import RiskModel
from ...rtm_plugin.core.terrain.places import Place
from ...rtm_plugin.report.cells import Cells
from ...rtm_plugin.report.derive import findings
from ...rtm_plugin.report.findings import NOT_CAUSE, RELATIVE, Findings, Parameter, ReportContext
from ...rtm_plugin.report.saved import context_of
from ...rtm_plugin.report.wording import capital, many, readable
from .base import tr

_HIGHEST, _PLACES = ("highest-risk cells", "highest risk"), "priority place"  # said by sentences that tell where


def briefing_text(
    model: RiskModel, cells: Cells, places: Sequence[Place] | None, title: str, marking: str, author: str, day: date
) -> BriefingText:
    """All words of the page; `places` is None when none are given."""
    crs = crs_of(cells.grid)
    context = context_of(model, units_text(crs), metres_per_unit(crs), title)
    wording = findings(model, context, places or (), cells, cards=0)
    headers = tr("Risk factor"), tr("Influence"), tr("RRV (95 % interval)")
    return BriefingText(
        title=capital(readable(context.title)),
        period=_period(wording),
        marking=marking,
        sentences=key_sentences(wording, places is not None),
        headers=headers,
        factors=tuple(_factor_row(row, context) for row in wording.factor_rows),
        more=tr("and {} more: see the report"),
        caveat=f"{NOT_CAUSE} {RELATIVE} "
        + tr("RRV: relative risk value; where it has ÷, the rate of events is divided by it, else multiplied."),
        author=readable(author),
        date=tr("{} · model {}").format(day_text(day), model.fingerprint),
        close_up=tr("Close-up: place 1"),
        overview=tr("Study area"),
    )


def key_sentences(findings: Findings, with_places: bool = True) -> tuple[str, ...]:
    """The three sentences that matter: which factors, how strongly the first of them, and where the risk is."""
    factors = [row.sentence for row in findings.factor_rows]
    if not factors:
        return findings.headline[:1]
    where = [sentence for sentence in findings.headline if any(words in sentence for words in _HIGHEST)]
    if with_places:
        where += [sentence for sentence in findings.headline if _PLACES in sentence][:1]
    return findings.headline[0], factors[0], " ".join(dict.fromkeys(where))


def _period(findings: Findings) -> str:
    grid, context = findings.model.grid, findings.context
    when = context.fit_period.text or tr("period not recorded")
    named = readable(context.outcome).lower() in ("", "event", "events")
    return tr("Fitted on {}{}, {}; {} of {}.").format(
        many(findings.model.events.inside, tr("event")),
        "" if named else f" ({readable(context.outcome)})",
        when,
        many(grid.cells, tr("cell")),
        context.distance(grid.cell_size),
    )


def _factor_row(row: Parameter, context: ReportContext) -> tuple[str, str, str]:
    how = tr("within {}") if row.operationalisation == "proximity" else tr("dense within {}")
    name = capital(readable(row.factor)) + (tr(" (protective)") if row.is_protective else "")
    name += tr(" (not established)") if row.established is False else ""
    return name, how.format(context.distance(row.distance)), f"{row.effect} ({row.interval})".replace(" ", "\u202f", 1)


def names_of(model: RiskModel) -> dict[str, list[str]]:
    """Names of the layers that a model was made from, by role: study area, events, test events, factor."""
    return _by_role(model, "name")


def hashes_of(model: RiskModel) -> dict[str, list[str]]:
    """Hashes of the coordinates of the layers that a model was made from, by role."""
    return _by_role(model, "sha256")


def _by_role(model: RiskModel, key: str) -> dict[str, list[str]]:
    inputs: Any = model.provenance.get("inputs")
    names: dict[str, list[str]] = {}
    for item in inputs if isinstance(inputs, (list, tuple)) else ():
        if isinstance(item, Mapping) and isinstance(item.get(key), str):
            names.setdefault(str(item.get("role")), []).append(item[key])
    return names
