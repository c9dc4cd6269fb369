"""Why here: score, class, rank and expected events of one cell, and what each factor has to do with them."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..candidates.columns import exposed_cells
from ..documents.factor_settings import rrv_text
from ..doubt.significance import p_text
from ..ground.features import Features, inside, nearest_spots
from ..ground.grid import Grid
from ..model.document import RiskModel
from ..model.parts import ModelTerm
from ..terrain.scores import CLASS_NAMES
from .whatif import NOT_CAUSE, candidate_of

BAR = 20  # characters of a whole bar
_SAME = 1e-4  # relative; expected counts are stored with seven digits


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorHere:
    """One selected factor at one cell.

    Parameters
    ----------
    operationalisation, direction : str
    influence : float
        Spatial influence of the selected variable, map units.
    rrv : float
    exposed : bool or None
        None where the factor's features are not known.
    share : float or None
        Its part of what raises the cell above the lowest score; the shares sum to 1. None where a factor is not known.
    nearest : float or None
        Distance from the centre of the cell, map units; 0 inside a polygon.
    nearest_feature : tuple of float
        x, y of the nearest point, or x1, y1, x2, y2 of the nearest segment; empty where there is none.
    """

    factor: str
    operationalisation: str
    direction: str
    influence: float
    rrv: float
    exposed: bool | None
    share: float | None
    nearest: float | None
    nearest_feature: tuple[float, ...]

    def text(self, units: str) -> str:
        """The factor in one line.

        >>> bars = FactorHere(
        ...     factor="bars",
        ...     operationalisation="proximity",
        ...     direction="aggravating",
        ...     influence=200.0,
        ...     rrv=3.0,
        ...     exposed=True,
        ...     share=0.5,
        ...     nearest=40.0,
        ...     nearest_feature=(1.0, 2.0),
        ... )
        >>> bars.text("metres")
        'bars ██████████ 50 %: within 200 metres (× 3.00); nearest 40 metres away'
        >>> from dataclasses import replace
        >>> stations = replace(bars, factor="stations", direction="protective", rrv=2.0, exposed=False, nearest=340.0)
        >>> stations.text("metres")
        'no stations near ██████████ 50 %: not within 200 metres, protective (÷ 2.00); nearest 340 metres away'
        """
        bar = "" if not self.share else f" {'█' * max(1, round(BAR * self.share))}"
        share = "" if self.share is None else f" {100 * self.share:.0f} %"
        return f"{self.label}{bar}{share}: {self.about(units)}"

    @property
    def is_protective(self) -> bool:
        """Whether the factor lowers the rate where it is."""
        return self.direction == "protective"

    @property
    def label(self) -> str:
        """The factor as what raises the cell: a protective one raises it where it is not."""
        return f"no {self.factor} near" if self.is_protective and self.exposed is False else self.factor

    def about(self, units: str) -> str:
        """Whether the cell is exposed, to what, and how far the nearest feature is."""
        if self.exposed is None:
            return f"not known, as its layer is not there ({self.effect})"
        near = f"{'within' if self.operationalisation == 'proximity' else 'dense within'} {self.influence:g} {units}"
        where = near if self.exposed else f"not {near}"
        if self.is_protective:
            where += ", protective"
        far = "no feature" if self.nearest is None else f"nearest {self.nearest:,.0f} {units} away"
        return f"{where} ({self.effect}); {far}"

    @property
    def effect(self) -> str:
        """What the factor does to the rate of a cell that is exposed to it."""
        return rrv_text(self.rrv, self.direction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Why a cell has its score.

    Parameters
    ----------
    x, y : float
        Centre of the cell, map units.
    class_name : str, one of CLASS_NAMES
    rank : int
        1 for the highest score; cells of the same score share it.
    tied : int
        Cells with this score, the cell itself included.
    expected, observed : float or None
        Events; None where they are not known.
    factors : tuple of FactorHere, the largest share first
    notes : tuple of str, sentences
    place : str
        A sentence on the priority place that the cell lies in; empty for none.
    """

    x: float
    y: float
    score: float
    class_name: str
    rank: int
    tied: int
    cells: int
    expected: float | None
    observed: float | None
    factors: tuple[FactorHere, ...]
    notes: tuple[str, ...] = ()
    place: str = ""

    def to_dict(self, units: str = "map units") -> dict[str, Any]:
        """All of it as JSON can hold it, with the sentences."""
        factors = [
            {**asdict(factor), "label": factor.label, "effect": factor.effect, "about": factor.about(units)}
            for factor in self.factors
        ]
        return {**asdict(self), "factors": factors, "summary": self.summary, "cautions": self.cautions}

    def lines(self, units: str = "map units") -> tuple[str, ...]:
        """The answer in plain lines, to read or to copy."""
        return (*self.summary, *(factor.text(units) for factor in self.factors), *self.cautions)

    @property
    def summary(self) -> tuple[str, ...]:
        """Score, rank and events in sentences."""
        shared = f", shared by {self.tied:,} cells" if self.tied > 1 else ""
        lines = [
            f"Relative risk score {self.score:.4g}: {self.class_name}.",
            f"Rank {self.rank:,} of {self.cells:,} cells{shared}.",
        ]
        if self.expected is not None:
            lines.append(f"Expected events in the cell: {self.expected:.3g}.")
        if self.observed is not None:
            lines.append(f"Observed events in the cell: {self.observed:,.4g}.")
        if self.place:
            lines.append(self.place)
        if not self.factors:
            lines.append("The model selected no risk factor, so every cell has the same score.")
        elif all(factor.share == 0 for factor in self.factors):
            lines.append("No factor raises this cell above the lowest score.")
        return tuple(lines)

    @property
    def cautions(self) -> tuple[str, ...]:
        """What the reader must know beside the numbers."""
        return (*self.notes, f"The shares are {NOT_CAUSE}.")


def nearest_feature(features: Features, point: Floats) -> tuple[float | None, tuple[float, ...]]:
    """Distance from a point (2,) to the nearest feature, and that point or segment; 0 inside a polygon.

    >>> nearest_feature(Features("point", np.array([[3.0, 4.0], [9.0, 9.0]]), 2), np.zeros(2))
    (5.0, (3.0, 4.0))
    """
    if not len(features.coordinates):
        return None, ()
    x, y = map(float, point)
    gap = np.hypot(*(nearest_spots(features, (x, y)) - point).T)
    first = int(np.argmin(gap))
    covered = features.geometry == "polygon" and bool(inside(features, point[None])[0])
    return 0.0 if covered else float(gap[first]), tuple(map(float, features.coordinates[first]))


def explain(
    model: RiskModel,
    grid: Grid,
    cell: int,
    scores: NDArray[np.float32],
    expected: NDArray[np.float32] | None,
    observed: Floats | None,
    features: Mapping[str, Features],
) -> Answer:
    """Why one cell has its score.

    A factor's share is its βⱼxⱼ above the lowest value that it takes, over the sum of these (method.md §5): an
    aggravating factor counts where it is near, a protective one where it is not.

    Parameters
    ----------
    model : RiskModel
    grid : Grid of n cells
    cell : int, 0 … n − 1
    scores, expected : (n,) float32
    observed : (n,) float64 or None
    features : mapping of factor → its features; factors may be missing, which is said
    """
    x, y = map(float, grid.centres[cell])
    one = Grid(x - grid.cell_size / 2, y + grid.cell_size / 2, grid.cell_size, grid.block_length, np.ones((1, 1), bool))
    exposed = {term.factor: _exposed(model, term, features.get(term.factor), one) for term in model.selected}
    raised = [_raised(term, exposed[term.factor]) for term in model.selected]
    total = math.fsum(part for part in raised if part is not None)
    known = all(part is not None for part in raised)
    factors = []
    for term, part in zip(model.selected, raised, strict=True):
        share = None if not known or part is None else (part / total if total > 0 else 0.0)
        layer = features.get(term.factor)
        gap, feature = (None, ()) if layer is None else nearest_feature(layer, np.array([x, y]))
        factors.append(
            FactorHere(
                factor=term.factor,
                operationalisation=term.operationalisation,
                direction=term.direction,
                influence=term.distance,
                rrv=model.rrv_of(term),
                exposed=exposed[term.factor],
                share=share,
                nearest=gap,
                nearest_feature=feature,
            )
        )
    return Answer(
        x=x,
        y=y,
        score=float(scores[cell]),
        class_name=CLASS_NAMES[int(model.score.classes(scores[cell : cell + 1])[0])],
        rank=1 + int(np.count_nonzero(scores > scores[cell])),
        tied=int(np.count_nonzero(scores == scores[cell])),
        cells=len(scores),
        expected=None if expected is None else float(expected[cell]),
        observed=None if observed is None else float(observed[cell]),
        factors=tuple(sorted(factors, key=lambda factor: -(factor.share or 0.0))),
        notes=_unsure(model) + _notes(model, exposed, None if expected is None else float(expected[cell]), known),
    )


def _exposed(model: RiskModel, term: ModelTerm, features: Features | None, one: Grid) -> bool | None:
    if features is None:
        return None
    candidate, _ = candidate_of(model, term)
    return bool(exposed_cells(features, candidate, one)[0])


def _raised(term: ModelTerm, exposed: bool | None) -> float | None:
    """βx above its lowest value."""
    if exposed is None:
        return None
    return term.coefficient if exposed == (term.direction == "aggravating") else 0.0


def _unsure(model: RiskModel) -> tuple[str, ...]:
    """Factors that are in the model although the test of significance does not establish them."""
    tests = [model.test_of(term) for term in model.selected]
    unsure = [test for test in tests if test is not None and test.p is not None and not test.established]
    return tuple(f"'{test.factor}' is not established ({p_text(test.p)})." for test in unsure)


def _notes(
    model: RiskModel, exposed: Mapping[str, bool | None], expected: float | None, known: bool
) -> tuple[str, ...]:
    """What the reader must know: missing layers, and layers that no longer give the model's own number."""
    if not known:
        missing = ", ".join(name for name, state in exposed.items() if state is None)
        return (f"Shares are not told, as the layers of these factors are not there: {missing}.",)
    if expected is None or model.exposure is not None or model.best.adjustments:
        return ()
    signed = (term.sign * term.coefficient for term in model.selected if exposed[term.factor])
    again = math.exp(model.best.intercept + math.fsum(signed))
    if math.isclose(again, expected, rel_tol=_SAME):
        return ()
    return (
        "The layers do not give the number that the map shows here: they were changed after the model was made, or "
        "another filter is on.",
    )
