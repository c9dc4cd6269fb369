"""What a diagnosis says: of every check one sentence for the analyst and one number for the expert."""

from __future__ import annotations

from collections.abc import Iterator

from ..diagnostics.prediction_checks import ExpectationGroup
from .diagnosis import NOTHING, Check, Diagnosis, severity_of
from .diagnosis_factors import factor_checks

_LEVEL = 0.05
_MISSED = 0.5  # of the clustering in neighbouring cells: a curve that lacks more is told
_FAINT = 0.1  # of the pair correlation: clustering that small misses nothing
_FAR_OFF = 1.5  # times the spread that the family allows, or as many times too little
_HANGING = 2.0  # of the roots of two counts: four standard deviations
_ZEROS = 0.01  # of the cells
_CHANCE, _TENTH = 3.0, 0.1  # a group of cells is off by so many standard deviations, and by such a share


def checks_of(diagnosis: Diagnosis, units: str = "map units") -> tuple[Check, ...]:
    """All checks of a diagnosis, in the order of its page; those of factors only where there are any.

    Parameters
    ----------
    diagnosis : Diagnosis
    units : str
        Of distances, plural.
    """
    return (
        _neighbours(diagnosis, units),
        _clustering(diagnosis, units),
        *_spread(diagnosis),
        _empty_cells(diagnosis),
        *_tenths(diagnosis),
        *_explained(diagnosis),
        *factor_checks(diagnosis, units),
    )


def _distance(distance: float, units: str) -> str:
    """To two digits: none of these distances is known better."""
    return f"{float(f'{distance:.2g}'):,g} {units}"


def _allowed(diagnosis: Diagnosis) -> str:
    """Whether people may believe p-values and intervals all the same."""
    if not diagnosis.model.selected:
        return "that may be why no factor stands out"
    if diagnosis.allowed_for:
        return "the p-values and intervals of the factors allow for it"
    why = "test the significance as 'spatial'" if diagnosis.model.significance is None else "study a larger area"
    return f"the p-values and intervals take cells as independent and are too favourable, so {why}"


def _misleads(diagnosis: Diagnosis) -> bool:
    """Whether there are p-values and intervals that do not allow for clustering."""
    return bool(diagnosis.model.selected) and not diagnosis.allowed_for


def _neighbours(diagnosis: Diagnosis, units: str) -> Check:
    name, moran = "Neighbouring cells", diagnosis.moran
    if moran is None:
        sentence = (
            "Whether neighbouring cells are alike cannot be asked, as no two cells differ, or none are neighbours."
        )
        return Check(name=name, sentence=sentence, number_name="Moran's I", number=None, severity="note")
    alike = moran.p <= _LEVEL
    sentence = f"What the model leaves over is no more alike in neighbouring cells than chance makes it; {NOTHING}."
    if alike:
        reach = _distance(max(diagnosis.reach, diagnosis.grid.cell_size), units)
        sentence = (
            f"What the model leaves over is alike in neighbouring cells, over {reach}, so that something which lies "
            "together there is not among the factors: see on the map of residuals what such places share, and offer "
            f"it as a factor; {_allowed(diagnosis)}."
        )
    return Check(
        name=name,
        sentence=sentence,
        number_name=f"Moran's I of the residuals (p = {moran.p:.3f})",
        number=moran.statistic,
        severity=severity_of(alike and _misleads(diagnosis)),
    )


def _clustering(diagnosis: Diagnosis, units: str) -> Check:
    first = next((pair for pair in diagnosis.pairs if pair.lag == 1), None)
    named = {"name": "Clustering beyond the factors", "number_name": "pair correlation in neighbouring cells"}
    number = None if first is None else first.correlation
    missed = 0.0 if first is None else first.correlation - first.fitted
    lacking = first is not None and missed > max(_FAINT, _MISSED * (first.correlation - 1.0))
    if first is None or not (lacking or (len(diagnosis.clustering.ranges) and first.correlation > 1.0 + _FAINT)):
        sentence = f"Beyond what the factors explain, events of different cells fall as if independently; {NOTHING}."
        return Check(**named, sentence=sentence, number=number, severity="note")
    often = f"pairs of events in neighbouring cells are {first.correlation:.2f} times as frequent as chance makes them"
    if lacking:
        sentence = (
            f"Beyond what the factors explain, {often}, and the curve that the test of significance allows for says "
            f"{first.fitted:.2f}, so take its p-values and intervals as too favourable."
        )
        return Check(**named, sentence=sentence, number=number, severity="warning")
    reach = _distance(diagnosis.clustering.mean_range, units)
    sentence = f"Beyond what the factors explain, {often}, over {reach} or so; {_allowed(diagnosis)}."
    return Check(**named, sentence=sentence, number=number, severity=severity_of(_misleads(diagnosis)))


def _spread(diagnosis: Diagnosis) -> Iterator[Check]:
    found = diagnosis.dispersion
    if found is None:
        return
    number = f"{found:.2f}"
    sentence = f"Counts vary about as much around what the model expects as its family says; {NOTHING}."
    if found > _FAR_OFF and diagnosis.model.family == "poisson":
        sentence = (
            f"Counts vary {number} times as much around what the model expects as Poisson counts do, so that ranges of "
            "expected counts are too narrow: let the study choose its family ('auto')."
        )
    elif found > _FAR_OFF:
        sentence = (
            f"Counts vary {number} times as much around what the model expects as even its family allows: some cells "
            "hold far more than the rest, so look at the highest residuals for places that events are entered at for "
            "want of a better one."
        )
    elif found < 1 / _FAR_OFF:
        sentence = (
            f"Counts vary {number} times as much around what the model expects as its family says, less than it "
            "should be: ranges of expected counts are wide, so ask whether events were moved, or evened out, before "
            "they were handed over."
        )
    yield Check(
        name="Spread of the counts",
        sentence=sentence,
        number_name="Pearson dispersion, over that of the family",
        number=found,
        severity=severity_of(not 1 / _FAR_OFF <= found <= _FAR_OFF),
    )


def _empty_cells(diagnosis: Diagnosis) -> Check:
    root = diagnosis.rootogram
    observed, expected = float(root.observed[0]), float(root.expected[0])
    cells = float(root.observed.sum())
    off = abs(float(root.hanging[0])) > _HANGING and abs(observed - expected) > _ZEROS * cells
    both = f"{observed:,.0f} cells hold no event, and the model expects {expected:,.0f} such cells"
    if off and observed > expected:
        sentence = (
            f"{both}: on some ground no such event can happen, water or fields perhaps, so leave it out of the study "
            "or give an exposure."
        )
    elif off:
        sentence = f"{both}: events are spread more evenly than the family has it, so read ranges of counts as wide."
    else:
        sentence = f"{both}, as many as chance allows; {NOTHING}."
    return Check(
        name="Empty cells",
        sentence=sentence,
        number_name="empty cells, observed over expected",
        number=observed / expected if expected > 0 else None,
        severity=severity_of(off),
    )


def _tenths(diagnosis: Diagnosis) -> Iterator[Check]:
    groups = diagnosis.tenths
    if len(groups) < 2:
        return
    top, off = groups[-1], sum(map(_is_off, groups))
    both = (
        f"In the {top.cells:,} cells with the highest expected counts {top.observed:,.0f} events were counted and "
        f"{top.expected:,.0f} expected"
    )
    if off:
        sentence = (
            f"{both}, and {off} of {len(groups)} groups of cells {'is' if off == 1 else 'are'} off by more than a "
            "tenth and more than chance: take expected counts there with care, plan by the forecast, and ask whether "
            "two factors do more, or less, together than apart."
        )
    else:
        sentence = f"{both}, and no group of cells is off by more than a tenth and more than chance; {NOTHING}."
    yield Check(
        name="Observed against expected",
        sentence=sentence,
        number_name="observed over expected events where most are expected",
        number=top.observed / top.expected,
        severity=severity_of(bool(off)),
    )


def _is_off(group: ExpectationGroup) -> bool:
    gap = abs(group.observed - group.expected)
    return gap > _CHANCE * group.spread and gap > _TENTH * group.expected


def _explained(diagnosis: Diagnosis) -> Iterator[Check]:
    found = diagnosis.explained
    if found is None or not diagnosis.model.selected:
        return
    yield Check(
        name="What the factors explain",
        sentence=(
            f"Factors and adjustments account for {100 * found.deviance:.0f} % of how counts differ from cell to cell; "
            "with few events in a cell even a true model explains little, so compare models of the same events by it, "
            "and nothing else."
        ),
        number_name=f"share of the deviance explained (McFadden's R² {found.mcfadden:.3f})",
        number=found.deviance,
        severity="note",
    )
