"""What the resamples of a study say of each factor and of each priority place."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..accuracy.ranking import Ranking
from ..accuracy.resampling import intervals
from ..arrays import Floats
from ..model.document import RiskModel
from ..model.parts import FamilyModel, ModelTerm
from ..terrain.places import Places

FIRST = 10  # places: those that are looked at first
LEAST_VALUES = 20  # of fewer, the ends of a 95 % interval would lie beyond the lowest and the highest


@dataclass(frozen=True, slots=True)
class Interval:
    """The middle 95 % of some values, and their median."""

    lower: float
    median: float
    upper: float

    @classmethod
    def of(cls, values: Sequence[float] | Floats) -> "Interval | None":
        """Percentiles of values (b,); None of fewer than 20.

        >>> Interval.of([1.0] * 10 + [2.0] * 20), Interval.of([1.0] * 19)
        (Interval(lower=1.0, median=2.0, upper=2.0), None)
        """
        column = np.asarray(values, dtype=np.float64)
        if len(column) < LEAST_VALUES:
            return None
        lower, upper = intervals(column[:, None])
        return cls(float(lower[0]), float(np.median(column)), float(upper[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableCount:
    """In how many resamples one variable of a factor was chosen."""

    name: str
    operationalisation: str
    distance: float
    chosen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorDoubt:
    """One factor over all resamples.

    Parameters
    ----------
    as_asked : str
        Of the study itself: "established", "selected" (and not tested, or kept although it is not established) or "".
    variable : str
        That stands for it in the study's own model; "" where none does.
    rrv : float or None
        Relative risk value of that variable, which the scores are multiplied with.
    resamples : int
        Those with a model.
    chosen : int
        Of these, those whose model has the factor.
    variables : tuple of VariableCount
        Those that were chosen, the most often first.
    rrv_chosen : Interval or None
        Relative risk value, among the resamples that chose the factor; None of fewer than 20.
    rrv_all : Interval or None
        The same, with a value of 1 where it was not chosen.
    """

    factor: str
    as_asked: str
    variable: str
    rrv: float | None
    resamples: int
    chosen: int
    variables: tuple[VariableCount, ...]
    rrv_chosen: Interval | None
    rrv_all: Interval | None

    @property
    def chosen_share(self) -> float:
        """Share of the resamples with a model."""
        return self.chosen / self.resamples

    @property
    def by_operationalisation(self) -> dict[str, int]:
        """In how many resamples it acts by proximity, and in how many by density; the more often first."""
        counts: Counter[str] = Counter()
        for variable in self.variables:
            counts[variable.operationalisation] += variable.chosen
        return dict(counts.most_common())

    @property
    def by_distance(self) -> dict[float, int]:
        """In how many resamples it acts over each distance, from the shortest; map units.

        >>> counts = tuple(
        ...     VariableCount(name="", operationalisation=kind, distance=distance, chosen=chosen)
        ...     for kind, distance, chosen in (("density", 200.0, 6), ("proximity", 200.0, 3), ("density", 100.0, 1))
        ... )
        >>> bars = FactorDoubt(
        ...     factor="bars",
        ...     as_asked="selected",
        ...     variable="bars_density_200",
        ...     rrv=2.0,
        ...     resamples=20,
        ...     chosen=10,
        ...     variables=counts,
        ...     rrv_chosen=None,
        ...     rrv_all=None,
        ... )
        >>> bars.by_distance, bars.by_operationalisation, bars.chosen_share
        ({100.0: 1, 200.0: 9}, {'density': 7, 'proximity': 3}, 0.5)
        """
        counts: Counter[float] = Counter()
        for variable in self.variables:
            counts[variable.distance] += variable.chosen
        return dict(sorted(counts.items()))

    def document(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            **asdict(self),
            "chosen_share": self.chosen_share,
            "by_operationalisation": self.by_operationalisation,
            "by_distance": [{"distance": distance, "chosen": number} for distance, number in self.by_distance.items()],
        }


def factor_doubts(factors: Iterable[str], model: RiskModel, models: Sequence[FamilyModel]) -> tuple[FactorDoubt, ...]:
    """Count the resamples by factor, and take the percentiles of their relative risk values.

    Parameters
    ----------
    factors : iterable of str
    model : RiskModel
        Of the study itself.
    models : sequence of FamilyModel
        Of the resamples that have one.
    """
    return tuple(_factor_doubt(factor, model, models) for factor in dict.fromkeys(factors))


def _factor_doubt(factor: str, model: RiskModel, models: Sequence[FamilyModel]) -> FactorDoubt:
    terms = [term for one in models for term in one.selected if term.factor == factor]
    values = [term.rrv for term in terms]
    own = next((term for term in model.selected if term.factor == factor), None)
    return FactorDoubt(
        factor=factor,
        as_asked=_as_asked(own, model),
        variable=own.name if own else "",
        rrv=own.rrv if own else None,
        resamples=len(models),
        chosen=len(terms),
        variables=_counted(terms),
        rrv_chosen=Interval.of(values),
        rrv_all=Interval.of(values + [1.0] * (len(models) - len(values))),
    )


def _as_asked(own: ModelTerm | None, model: RiskModel) -> str:
    if own is None:
        return ""
    test = model.significance.of(own.name) if model.significance is not None else None
    return "established" if test is not None and test.established else "selected"


def _counted(terms: Sequence[ModelTerm]) -> tuple[VariableCount, ...]:
    one_of = {term.name: term for term in terms}
    counts = Counter(term.name for term in terms)
    return tuple(
        VariableCount(
            name=name,
            operationalisation=one_of[name].operationalisation,
            distance=one_of[name].distance,
            chosen=chosen,
        )
        for name, chosen in sorted(counts.items(), key=lambda count: (-count[1], count[0]))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceDoubt:
    """One priority place of the study over all resamples: the same cells, scored by other models.

    Parameters
    ----------
    rank : int
        Of the study itself.
    mean_score : Interval or None
    ranks : Interval or None
        Its rank among the same places by the events that are expected in them; places that expect the same share the
        middle of their ranks.
    first : float or None
        In how many resamples it is among the first ten. Where places that expect the same straddle the limit, each
        counts with the part that has room. None where there are no more than ten places.
    probability : float
        Mean over its cells of the probability to be in the top share.
    """

    rank: int
    mean_score: Interval | None
    ranks: Interval | None
    first: float | None
    probability: float

    def text(self, places: int, resamples: int) -> str:
        """Its ranks, and how often it is among the first ten of more.

        >>> ranks = Interval(1.0, 3.0, 14.5)
        >>> place = PlaceDoubt(rank=2, mean_score=None, ranks=ranks, first=86.5, probability=0.4)
        >>> place.text(54, 100)
        'rank 1 to 14.5 of 54; in the first ten in 86 of 100 resamples'
        """
        ranks = "" if self.ranks is None else f"rank {self.ranks.lower:.3g} to {self.ranks.upper:.3g} of {places}"
        first = "" if self.first is None else f"in the first ten in {self.first:.0f} of {resamples} resamples"
        return "; ".join(filter(None, (ranks, first)))


class MapTally:
    """What the maps of resamples have in common, added up map by map.

    Parameters
    ----------
    places : Places
        Of the study itself.
    share : float
        Of the cells, from the highest score down.
    """

    def __init__(self, places: Places, share: float) -> None:
        self._label, self._number = places.label, len(places.places)
        self._limit = share * len(places.label)
        self._flagged = np.zeros(len(places.label))
        self._scores: list[Floats] = []
        self._ranks: list[Floats] = []
        self._first = np.zeros(self._number)

    def add(self, scores: Floats, expected: Floats) -> None:
        """One map: scores and expected events (n,) of the study's cells, by the model of a resample."""
        self._flagged += Ranking.of(scores).flagged(self._limit)
        self._scores.append(self._totals(scores) / self._totals(np.ones(len(scores))))
        # As `priority_places` ranks them: to the millionth of an event, so that rounding orders no equals.
        ranking = Ranking.of(np.round(self._totals(expected), 6))
        self._ranks.append(ranking.start + (ranking.extent + 1) / 2)
        self._first += ranking.flagged(FIRST)

    @property
    def probability(self) -> Floats:
        """(n,): share of the maps in which each cell is in the top share; where equal scores straddle the limit, each
        of their cells counts with the part that has room.
        """
        return self._flagged / len(self._scores)

    @property
    def places(self) -> tuple[PlaceDoubt, ...]:
        """By rank."""
        scores, ranks = np.array(self._scores), np.array(self._ranks)
        probability = self._totals(self.probability) / self._totals(np.ones(len(self._label)))
        return tuple(
            PlaceDoubt(
                rank=k + 1,
                mean_score=Interval.of(scores[:, k]),
                ranks=Interval.of(ranks[:, k]),
                first=float(self._first[k]) if self._number > FIRST else None,
                probability=float(probability[k]),
            )
            for k in range(self._number)
        )

    def _totals(self, values: Floats) -> Floats:
        """(places,): sums over their cells."""
        return np.bincount(self._label, weights=values, minlength=self._number + 1)[1:].astype(np.float64)
