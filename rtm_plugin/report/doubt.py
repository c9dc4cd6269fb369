"""How sure the report is: the words of the test of significance, with the factors that are not established."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..core.answers.diagnosis import Check
from ..core.answers.diagnosis_factors import RARE, SEPARATION
from ..core.doubt.significance import NOT_BETTER, THAN_SHIFTED, FactorTest, Significance, p_text
from ..core.model.document import RiskModel
from ..core.model.significance_findings import (
    NO_EFFECT,
    WHERE_PEOPLE_ARE,
    clustering_sentence,
    clusters,
    established_factors,
    goes_with_people,
    untested_sentence,
)
from .wording import listed, many, readable, whole

BEFORE_SELECTION = (
    "The intervals and p-values are computed before selection is taken into account: the same events chose the "
    "factors and measured them, so the intervals are narrower, and the values further from 1, than new data would "
    "show."
)
_INDEPENDENT = (
    "Neighbouring cells resemble one another. The p-values and BIC treat cells as independent, and are lenient for "
    "that reason."
)
_WINNERS = (
    "The p-values and intervals allow for events that cluster. They do not allow for the same events having chosen the "
    "factors: the values of weak findings (p above 0.01) read too high as a rule."
)
_TEST = (
    "A factor is established when it goes better with the events than the same layer does after it is shifted about "
    "the map, in at least 95 of 100 shifts, beside the other factors. Shifting keeps how features and events cluster, "
    "and breaks what ties them together; p counts the best of all variables offered, so that trying many does not "
    "help. Relative risk values and intervals allow for the clustering, too."
)
_TWO_VALUES = (
    "The map multiplies the relative risk values of the table ‘If cells were independent of each other’, as RTMDx "
    "does; those here allow for clustering, and differ from them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEstablished:
    """A factor that the test did not establish.

    Parameters
    ----------
    factor, name : str
        The factor, and its variable.
    p : float or None
    stays : bool
        Whether it is in the model all the same.
    """

    factor: str
    name: str
    p: float | None
    stays: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """The section "How sure is this?".

    Parameters
    ----------
    sentences : tuple of str
        For the analyst, the most important first.
    not_established : tuple of NotEstablished, the least sure first
    checks : tuple of Check
        Of the fit, those that warn and are told nowhere else on the page.
    tested : bool
        Whether there was a test: not where the significance is plain, or it cannot be tested here.
    note : str
        Under the chart of relative risk values: what the intervals allow for.
    caveats : tuple of str
        For the limits of the report.
    """

    sentences: tuple[str, ...]
    not_established: tuple[NotEstablished, ...]
    checks: tuple[Check, ...]
    tested: bool
    note: str
    caveats: tuple[str, ...]


def doubt_of(model: RiskModel, distances: Sequence[str], checks: Sequence[Check] = ()) -> Doubt:
    """The words for a model; `distances` are those of its clusters, with their unit, `checks` those of its fit."""
    warning = _told_here(model, checks)
    significance = model.significance
    if significance is None or significance.reason:
        said = () if significance is None else (untested_sentence(significance),)
        return Doubt(
            sentences=(*said, BEFORE_SELECTION, _INDEPENDENT),
            not_established=(),
            checks=warning,
            tested=False,
            note=BEFORE_SELECTION,
            caveats=(BEFORE_SELECTION, _INDEPENDENT),
        )
    stays = [test for test in significance.remaining if not test.established]
    missing = (*_rows(significance.left, stays=False), *_rows(stays, stays=True))
    sentences = [_counted(significance), _TEST]
    if distances:
        sentences.append(clustering_sentence(distances))
    if missing:
        sentences.append(NO_EFFECT)
    if goes_with_people(model):
        sentences.append(WHERE_PEOPLE_ARE)
    return Doubt(
        sentences=tuple(sentences),
        not_established=missing,
        checks=warning,
        tested=True,
        note=f"{_TWO_VALUES} {_WINNERS}",
        caveats=(_WINNERS,),
    )


def _told_here(model: RiskModel, checks: Sequence[Check]) -> tuple[Check, ...]:
    """Those that warn, but for what stands under "Read this first"."""
    elsewhere = {SEPARATION, *([RARE] if model.separation is not None and model.separation.rare else [])}
    return tuple(check for check in checks if check.severity == "warning" and check.name not in elsewhere)


def clusters_of(model: RiskModel) -> tuple[float, ...]:
    """Over which distances events cluster beyond what the model explains, map units."""
    return clusters(model.significance) if model.significance is not None else ()


def nothing_established(model: RiskModel) -> str:
    """For the top of the page, where everything that was selected had to go; empty otherwise."""
    significance = model.significance
    if significance is None or model.selected or not significance.left:
        return ""
    left = significance.left
    if len(left) == 1:
        tried = f"{readable(left[0].factor)} was selected, but it {NOT_BETTER}"
    else:
        tried = f"{whole(len(left))} factors were selected, but none of them goes better {THAN_SHIFTED}"
    return (
        f"No risk factor is established: {tried}. Every cell therefore has the same score, and the map shows no "
        "differences. The forecast, which needs no factor, still tells where events repeat."
    )


def _counted(significance: Significance) -> str:
    """How many of the selected factors are established, and how sure that is."""
    selected, sure = len(significance.remaining) + len(significance.left), established_factors(significance)
    if selected == len(sure) > 1:
        worst = max(test.p or 0.0 for test in sure)
        return f"All {whole(selected)} factors that the selection chose are established (the highest {p_text(worst)})."
    are = "is" if len(sure) == 1 else "are"
    names = f": {listed([readable(test.factor) for test in sure])}" if sure else ""
    return f"Of {many(selected, 'factor')} that the selection chose, {whole(len(sure))} {are} established{names}."


def _rows(tests: Sequence[FactorTest], stays: bool) -> tuple[NotEstablished, ...]:
    return tuple(NotEstablished(factor=t.factor, name=t.candidate, p=t.p, stays=stays) for t in tests)
