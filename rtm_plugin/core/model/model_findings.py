"""What a model itself gives to say: factors that leave no event on one side, rare exposure, no factor, no place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..documents.findings import Finding
from ..documents.settings import PlaceSettings
from ..regression.limit_fit import LEAST_EVENTS
from ..selection.separation import LEAST_CELLS, RareExposure, SeparatedFactor
from ..terrain.places import TOP_SHARE, Places
from ..terrain.scores import ScoreSummary
from .document import RiskModel
from .parts import CandidateFate
from .significance_findings import significance_findings

_CHECK = (
    "Check that events are not recorded at these features for want of a better place; read the value as 'very much', "
    "not as a ratio."
)


def model_findings(model: RiskModel) -> tuple[Finding, ...]:
    """Separation, the strongest first; rare exposure; what is not established; a model without a factor."""
    return (*separation_findings(model), *significance_findings(model), *_nothing_selected(model))


def separation_findings(model: RiskModel) -> tuple[Finding, ...]:
    """Factors that leave no event on one side, the strongest first, and rare exposure."""
    return (*_separation(model), *_rare(model))


def _separation(model: RiskModel) -> Iterator[Finding]:
    summary = model.separation
    if summary is None:
        return
    selected = {term.name: term for term in model.selected}
    fates = {fate.name: fate for fate in model.candidates}
    for rank, factor in enumerate(summary.factors, 1):
        numbers: dict[str, Any] = {
            "rank": rank,
            "factor": factor.factor,
            "events": factor.events,
            "cells_exposed": factor.cells_exposed,
            "cells": factor.cells,
            "log_likelihood_gain": factor.log_likelihood_gain,
        }
        where = _where(factor, fates[factor.name])
        term = selected.get(factor.name)
        if term is not None:
            numbers["rrv"] = term.rrv
            estimate = (
                f"no ratio can be estimated (complete separation), and {term.rrv_text()} is what half an event on the "
                "empty side would give"
            )
            yield Finding("warning", f"{where}: {estimate}.", _CHECK, numbers)
        elif factor.events < LEAST_EVENTS:
            yield Finding(
                "warning",
                f"{where} (complete separation), but so few are too little to go by, and it is not in the model.",
                "Use more events, of a longer period or a wider kind.",
                numbers,
            )
        else:
            yield Finding(
                "note",
                f"{where} (complete separation); it is not in the model, since others tell as much.",
                _CHECK,
                numbers,
            )
    alone = {factor.name for factor in summary.factors}
    together = [selected[name] for name in summary.without_estimate if name in selected and name not in alone]
    if together:
        named = " and ".join(f"'{term.factor}'" for term in together)
        values = ", ".join(term.rrv_text() for term in together)
        yield Finding(
            "warning",
            f"Beside the rest of the model, {named} leave no event on one side: no ratio can be estimated "
            f"(separation), and {values} is what half an event there would give.",
            _CHECK,
            {"factors": [term.factor for term in together]},
        )


def _where(factor: SeparatedFactor, fate: CandidateFate) -> str:
    share = f"{factor.cells_exposed / factor.cells:.1%}".replace("%", " %")
    cells = f"the {factor.cells_exposed:,} cells ({share}) {reach(fate)} of '{factor.factor}'"
    if factor.direction == "protective":
        return f"None of the {factor.events:,.0f} events lies in {cells}"
    if factor.events == 1:
        return f"The one event lies in {cells}"
    return f"All {factor.events:,.0f} events lie in {cells}"


def reach(fate: CandidateFate) -> str:
    """A variable's influence in words, in map units."""
    return f"{'within' if fate.operationalisation == 'proximity' else 'dense within'} {fate.distance:g}"


def _rare(model: RiskModel) -> Iterator[Finding]:
    for rare in model.separation.rare if model.separation is not None else ():
        yield Finding(
            "warning",
            f"The relative risk value of '{rare.factor}' rests on {_rests_on(rare)}, so it may be far off.",
            "Use more events, or a wider influence of this factor, before acting on it.",
            {
                "factor": rare.factor,
                "cells_exposed": rare.cells_exposed,
                "events_exposed": rare.events_exposed,
                "least_cells": LEAST_CELLS,
                "least_events": LEAST_EVENTS,
            },
        )


def _rests_on(rare: RareExposure) -> str:
    cells = f"{rare.cells_exposed} exposed cell{'' if rare.cells_exposed == 1 else 's'}"
    events = f"{rare.events_exposed:,.0f} event{'' if rare.events_exposed == 1 else 's'}"
    return f"{cells} with {events}"


def _nothing_selected(model: RiskModel) -> Iterator[Finding]:
    if model.selected:
        return
    if model.separation is not None and model.separation.factors:
        strongest = model.separation.factors[0]
        yield Finding(
            "warning",
            "No factor could be put into the model, so the map shows no differences, although "
            f"'{strongest.factor}' leaves no event on one side.",
            "Use more events.",
        )
        return
    if model.significance is not None and model.significance.left:
        yield Finding(
            "warning",
            "No factor is established, so the risk terrain is flat: nothing that was offered goes better with these "
            "events than the same layers shifted about the map.",
            "Send people by the forecast, which needs no factor; try other factors, or use more events.",
        )
        return
    yield Finding(
        "warning",
        "No risk factor goes with these events clearly enough to enter the model: the risk terrain is flat.",
        "Check the layers and their CRS, try other factors or spatial influences, or use more events.",
    )


def class_cut(settings: PlaceSettings) -> str:
    """Where the cells of a class begin, in words.

    >>> class_cut(PlaceSettings("class", 2)), class_cut(PlaceSettings("class", 0))
    ('the mean + 2 SD', 'the mean')
    """
    return "the mean" if settings.value == 0 else f"the mean + {settings.value:g} SD"


def few_places_finding(places: Places, settings: PlaceSettings) -> Finding | None:
    """That a class gave too few priority places, and what was taken instead; None where the rule stands."""
    if places.by_class is None:
        return None
    number = {0: "No cell scores", 1: "Only one place scores"}
    few = number.get(places.by_class, f"Only {places.by_class} places score")
    return Finding(
        "note",
        f"{few} above {class_cut(settings)}, so that the {TOP_SHARE:g} % of the cells with the highest scores are "
        "taken as priority places instead.",
        "",
        {"places_of_the_class": places.by_class, "share": TOP_SHARE},
    )


def no_places_finding(scores: NDArray[np.float32], settings: PlaceSettings) -> Finding:
    """Why a rule gives no priority place, for scores (n,) of a terrain or forecast."""
    summary = ScoreSummary.of(scores)
    numbers = {"highest_score": summary.max, "mean": summary.mean, "sd": summary.sd}
    if summary.max == summary.min:
        return Finding(
            "warning",
            "There is no priority place, since every cell has the same score.",
            "Make a map that tells cells apart first: other factors, other influences, or more events.",
            numbers,
        )
    step = int(settings.value)
    cut = summary.cuts[step]
    which = class_cut(settings)
    highest = int(np.count_nonzero(scores == scores.max()))
    share = f"{highest / len(scores):.1%}".replace("%", " %")
    return Finding(
        "warning",
        f"No cell meets the rule for priority places: {which} is {cut:.4g}, and the highest score, which {highest:,} "
        f"cells ({share}) share, is {summary.max:.4g}. Where so many cells are alike, none stands out that far.",
        "Choose a lower class, or a share of the cells.",
        {**numbers, "limit": cut, "cells_with_highest": highest},
    )
