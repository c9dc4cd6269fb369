"""What a diagnosis says of the factors: whether they can be told apart, and what each of them rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ..diagnostics.collinearity import ILL_CONDITIONED, INFLATED
from ..selection.rare_exposure import CandidateExposure
from .diagnosis import NOTHING, Check, Diagnosis, severity_of
from .diagnosis_fit import FactorSupport

SEPARATION, RARE, SINGLE_CELLS = "Separation", "Rare exposure", "Single cells"  # names of checks
_INFLATED_AT_ALL = 5.0
_THE_SAME = 0.9  # correlation of two columns
_WIDER = 1.5  # times: errors by blocks over those that were told
_NAMED = 3  # factors in a sentence


def factor_checks(diagnosis: Diagnosis, units: str) -> tuple[Check, ...]:
    """The checks of factors and candidates; those of factors in the model only where there are any."""
    return (
        *_overlap(diagnosis),
        *_stand_in(diagnosis),
        _separation(diagnosis),
        _rare(diagnosis),
        *_cells(diagnosis),
        *_places(diagnosis),
        *_blocks(diagnosis, units),
    )


def _overlap(diagnosis: Diagnosis) -> Iterator[Check]:
    if not diagnosis.overlaps:
        return
    worst = max(diagnosis.overlaps, key=lambda one: one.inflation)
    severe = worst.inflation >= INFLATED
    sentence = f"Each factor says something that the rest of the model does not; {NOTHING}."
    if severe:
        sentence = (
            f"'{worst.factor}' says nearly the same as the rest of the model, '{worst.partner}' most of all, so that "
            "their values cannot be told apart: keep the one that can be acted on, and leave the other out."
        )
    yield Check(
        name="Factors that overlap",
        sentence=sentence,
        number_name=f"largest variance inflation factor ('{worst.factor}')",
        number=worst.inflation,
        severity=severity_of(severe),
    )
    shaken = diagnosis.condition >= ILL_CONDITIONED and worst.inflation >= _INFLATED_AT_ALL
    yield Check(
        name="All columns together",
        sentence=(
            "Factors and adjustments come near to following from each other, so that small changes of the data change "
            "the values much: leave out what tells the same."
            if shaken
            else f"Factors and adjustments together leave the values of the factors firm; {NOTHING}."
        ),
        number_name="condition number",
        number=diagnosis.condition,
        severity=severity_of(shaken),
    )


def _stand_in(diagnosis: Diagnosis) -> Iterator[Check]:
    found = diagnosis.stand_in
    if found is None:
        return
    severe = abs(found.correlation) >= _THE_SAME
    where = "in nearly the same cells as" if found.correlation > 0 else "in nearly all cells without"
    sentence = f"No factor that was left out lies in the same cells as one in the model; {NOTHING}."
    if severe:
        sentence = (
            f"'{found.other_factor}', which is not in the model, is {where} '{found.factor}', which is: the events "
            "cannot say which of the two matters, so decide by what you know of them, and say so."
        )
    yield Check(
        name="Factors that could stand for another",
        sentence=sentence,
        number_name=f"largest correlation ({found.name} with {found.other_name})",
        number=found.correlation,
        severity=severity_of(severe),
    )


def _separation(diagnosis: Diagnosis) -> Check:
    found = diagnosis.separated
    sentence = f"No factor holds every event, or keeps every event away; {NOTHING}."
    if found:
        leave = "leaves" if len(found) == 1 else "leave"
        sentence = (
            f"{_listed([one.factor for one in found])} {leave} no event on one side, so that no ratio can be "
            "estimated: read the value as 'very much', and check that events are not recorded at these features for "
            "want of a better place."
        )
    return Check(
        name=SEPARATION,
        sentence=sentence,
        number_name="factors that leave no event on one side",
        number=float(len(found)),
        severity=severity_of(bool(found)),
    )


def _rare(diagnosis: Diagnosis) -> Check:
    rare = [one for one in diagnosis.exposures if one.rare]
    selected = {term.name for term in diagnosis.model.selected}
    thin = _factors(one for one in rare if one.name in selected and not one.separated)
    rich = {one.factor for one in diagnosis.exposures if not one.rare}
    rich |= {factor.factor for factor in diagnosis.separated}  # of which the check before has told
    unheard = [factor for factor in _factors(rare) if factor not in rich]
    few, cure = "fewer than five events or cells on one side", "use a longer period, or a wider influence"
    sentence = f"Every factor has candidates with five events and five cells on both sides; {NOTHING}."
    if thin:
        sentence = (
            f"What the model says of {_listed(thin)} rests on {few}, and may be far off: {cure}, before acting on it."
        )
    elif unheard:
        sentence = (
            f"All candidates of {_listed(unheard)} have {few}, so that nothing could be found there, true or not: "
            f"{cure}."
        )
    return Check(
        name=RARE,
        sentence=sentence,
        number_name=f"candidates with {few}, of {len(diagnosis.exposures):,}",
        number=float(len(rare)),
        severity=severity_of(bool(thin or unheard)),
    )


def _factors(exposures: Iterable[CandidateExposure]) -> list[str]:
    """Their factors, each once, in order."""
    return list(dict.fromkeys(one.factor for one in exposures))


def strongest_cell(diagnosis: Diagnosis) -> FactorSupport | None:
    """The factor that owes most to a single cell, one that the cell decides about first; None without factors."""
    return max(diagnosis.supports, key=lambda one: (one.cell.decides, _moved(one.cell.change)), default=None)


def _cells(diagnosis: Diagnosis) -> Iterator[Check]:
    most = strongest_cell(diagnosis)
    if most is None:
        return
    deciding = [one for one in diagnosis.supports if one.cell.decides]
    sentence = f"No single cell decides about a factor; {NOTHING}."
    if deciding:
        held = " and ".join(f"{one.cell_events:,.0f}" for one in deciding[:_NAMED])
        sentence = (
            f"The interval of {_listed([one.factor for one in deciding])} reaches 1 as soon as one single cell is left "
            f"out, with {held} events: look at what is recorded there, an address that events are entered at for want "
            "of a better one perhaps, before acting on it."
        )
    yield Check(
        name=SINGLE_CELLS,
        sentence=sentence,
        number_name=f"standard errors by which one cell moves a factor ('{most.factor}')",
        number=_moved(most.cell.change),
        severity=severity_of(bool(deciding)),
    )


def _places(diagnosis: Diagnosis) -> Iterator[Check]:
    held = [(one, one.place) for one in diagnosis.supports if one.place is not None]
    if not held:
        return
    deciding = [(one, place) for one, place in held if place.decides]
    most, of_most = max(held, key=lambda pair: _moved(pair[1].change))
    sentence = f"No priority place decides alone about a factor; {NOTHING}."
    if deciding:
        named = " and ".join(
            f"place {place.place} ({_many(place.cells, 'cell')}, {_many(one.place_events, 'event')})"
            for one, place in deciding[:_NAMED]
        )
        sentence = (
            f"The interval of {_listed([one.factor for one, _ in deciding])} reaches 1 as soon as one priority place "
            f"is left out, {named}: ask whether the factor does the same elsewhere, or only stands for what is special "
            "there, before acting on it all over the area."
        )
    yield Check(
        name="Single places",
        sentence=sentence,
        number_name=f"standard errors by which one place moves a factor ('{most.factor}', place {of_most.place})",
        number=_moved(of_most.change),
        severity=severity_of(bool(deciding)),
    )


def _blocks(diagnosis: Diagnosis, units: str) -> Iterator[Check]:
    known = [one for one in diagnosis.supports if one.error_ratio is not None]
    if not known:
        return
    widest = max(known, key=lambda one: one.error_ratio or 0.0)
    ratio, lost = widest.error_ratio or 0.0, [one for one in known if one.lost_by_blocks]
    blocks = f"{_many(diagnosis.blocks, 'block')} of {diagnosis.block_width:,g} {units}"
    wide = ratio > _WIDER
    if lost:
        sentence = (
            f"With errors from {blocks} the interval of {_listed([one.factor for one in lost])} would reach 1, and as "
            "it is told it does not: call it a lead to follow up, not a finding."
        )
    elif wide:
        sentence = (
            f"Errors from {blocks} are up to {ratio:.1f} times those behind the intervals, so read the interval of "
            f"'{widest.factor}' as that much wider."
        )
    else:
        sentence = f"Errors from {blocks} are {ratio:.2f} times those behind the intervals at most; {NOTHING}."
    yield Check(
        name="Intervals",
        sentence=sentence,
        number_name=f"largest standard error from blocks over that of the interval ('{widest.factor}')",
        number=ratio,
        severity=severity_of(bool(lost) or wide),
    )


def _moved(change: float | None) -> float:
    return np.inf if change is None else change


def _many(number: float, noun: str) -> str:
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"


def _listed(factors: Sequence[str]) -> str:
    """Names in quotes, a few of them.

    >>> _listed(["bars"]), _listed(["bars", "parks"]), _listed(["a", "b", "c", "d", "e"])
    ("'bars'", "'bars' and 'parks'", "'a', 'b', 'c' and 2 more")
    """
    named = [f"'{factor}'" for factor in factors[:_NAMED]]
    if len(factors) > _NAMED:
        return f"{', '.join(named)} and {len(factors) - _NAMED} more"
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
