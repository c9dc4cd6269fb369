"""The fit behind a diagnosis: a model's factors in a Poisson fit, what each of them rests on, and errors by blocks.

The means of a Poisson fit are right whatever the family of the counts, as long as the factors are. Its naive standard
errors are not; so what is told of a factor is told in the standard error that people were told of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..candidates.covariates import Observations
from ..diagnostics.cell_influence import CellInfluence, block_errors, influential_cells
from ..diagnostics.collinearity import collinearity
from ..diagnostics.place_influence import PlaceInfluence, influential_places
from ..doubt.covariance import Clustering
from ..errors import InputError
from ..ground.grid import Grid
from ..model.document import RiskModel
from ..model.parts import ModelTerm
from ..regression.likelihood import Rows
from ..regression.limit_fit import finite_fit
from ..tools.normal import NORMAL_95
from ..tools.progress import Progress, part, silent

LEAST_BLOCKS = 30  # with fewer, errors by blocks are as a rule too small (Cameron and Miller 2015)
_RANGES = 3.0  # a block's side, in mean ranges of the clustering: there cells share exp(−3), 5 %, of its variance

_Influence = TypeVar("_Influence", CellInfluence, PlaceInfluence)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MeanFit:
    """The Poisson fit of a model's factors and adjustments.

    Parameters
    ----------
    design : (n, p) float64
        Intercept first, then the factors that have an estimate, then adjustments.
    terms : tuple of ModelTerm
        Those factors. One that leaves no event on one side is not among them: it is held at half an event there.
    coefficients, standard_errors : (p,) float64
        Errors are naive: of Poisson counts in independent cells.
    expected : (n,) float64
    """

    design: Floats
    terms: tuple[ModelTerm, ...]
    coefficients: Floats
    standard_errors: Floats
    expected: Floats

    @property
    def columns(self) -> range:
        """Of the design, those of the factors."""
        return range(1, 1 + len(self.terms))


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorSupport:
    """What a factor of the model rests on.

    Parameters
    ----------
    factor, name, direction : str
        The factor, and its variable.
    told, standard_error : float
        Logarithm of the relative risk value that people were told, and the standard error of its interval.
    coefficient : float
        Of the Poisson fit.
    block_error : float or None
        From blocks of cells; None where the map is too small for two.
    cell : CellInfluence
        The single cell that it owes most to; z and change in the standard error that was told.
    cell_events : float
        In that cell.
    place : PlaceInfluence or None
        The same of priority places; None where there is none.
    place_events : float
    """

    factor: str
    name: str
    direction: str
    told: float
    standard_error: float
    coefficient: float
    block_error: float | None
    cell: CellInfluence
    cell_events: float
    place: PlaceInfluence | None = None
    place_events: float = 0.0

    @property
    def error_ratio(self) -> float | None:
        """How many times as wide the interval would be with the error from blocks."""
        return None if self.block_error is None else self.block_error / self.standard_error

    @property
    def lost_by_blocks(self) -> bool:
        """Whether the interval excludes 1 as it is told, and would not with the error from blocks."""
        if self.block_error is None:
            return False
        excluded = abs(self.told) > NORMAL_95 * self.standard_error
        return excluded and abs(self.coefficient) <= NORMAL_95 * self.block_error


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How far a factor of the model says the same as the rest of it.

    Parameters
    ----------
    factor : str
    inflation : float
        Variance inflation factor; infinite where the others give the factor exactly.
    partner : str
        The factor or adjustment whose column goes most with it; "" where it is alone.
    """

    factor: str
    inflation: float
    partner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """A candidate of a factor that is not in the model, in nearly the same cells as one that is.

    Parameters
    ----------
    factor, name : str
        In the model: the factor, and its variable.
    other_factor, other_name : str
        Not in it.
    correlation : float
        Of the two columns; below 0 where one is exposed where the other is not.
    """

    factor: str
    name: str
    other_factor: str
    other_name: str
    correlation: float


def model_design(observed: Observations, terms: Sequence[ModelTerm]) -> Floats:
    """(n, k): the columns of factors, 0/1 and protective 0/−1, then the adjustments; no intercept."""
    adjust = np.zeros((len(observed.counts), 0)) if observed.adjust is None else observed.adjust
    columns = [term.sign * observed.candidates.column(term.name).astype(np.float64) for term in terms]
    return np.column_stack([*columns, adjust])


def mean_fit(observed: Observations, terms: Sequence[ModelTerm]) -> MeanFit:
    """Fit the factors of a model, and the adjustments, to counts that are taken as Poisson.

    Raises
    ------
    FitError
        There is no maximum: columns are collinear, or a side of a factor is empty of events that should have some.
    """
    cells = len(observed.counts)
    offset = np.zeros(cells) if observed.offset is None else observed.offset
    columns = model_design(observed, terms)
    first = finite_fit("poisson", Rows(columns, observed.counts, np.ones(cells), offset), len(terms))
    for j in first.separated:
        offset = offset + first.coefficients[1 + j] * columns[:, j]
    gone = [1 + j for j in first.separated]
    coefficients = np.delete(first.coefficients, gone)
    design = np.delete(np.column_stack([np.ones(cells), columns]), gone, axis=1)
    return MeanFit(
        design=design,
        terms=tuple(term for j, term in enumerate(terms) if j not in first.separated),
        coefficients=coefficients,
        standard_errors=np.delete(first.standard_errors, gone),
        expected=np.exp(offset + design @ coefficients),
    )


def block_width(grid: Grid, clustering: Clustering) -> float:
    """The side of the blocks for a clustering, map units: whole cells, and so few that there are blocks enough.

    Examples
    --------
    >>> grid = Grid(0, 6000, 100.0, 200.0, np.ones((60, 60), bool))
    >>> block_width(grid, Clustering(0.0, np.array([0.5]), np.array([150.0])))  # three ranges of 150
    400.0
    >>> block_width(grid, Clustering(0.0, np.array([0.5]), np.array([900.0])))  # √(3600/30) is 10.95 cells
    1000.0
    >>> block_width(grid, Clustering(0.3, np.array([]), np.array([])))  # cells are independent
    100.0
    """
    wanted = round(_RANGES * clustering.mean_range / grid.cell_size)
    return max(1, min(wanted, int(np.sqrt(grid.cells / LEAST_BLOCKS)))) * grid.cell_size


def supports(
    observed: Observations,
    model: RiskModel,
    fit: MeanFit,
    width: float,
    places: NDArray[np.int64] | None = None,
    progress: Progress = silent,
) -> tuple[tuple[FactorSupport, ...], int]:
    """What each factor with an estimate rests on, and in how many blocks the map was cut.

    Parameters
    ----------
    width : float
        Of the blocks, map units.
    places : (n,) int64, optional
        Rank of each cell's priority place; 0 outside.
    """
    counts, design = observed.counts, fit.design
    try:
        by_blocks = block_errors(observed.grid, design, counts, fit.expected, width)
        errors, blocks = [float(error) for error in by_blocks.standard_errors], by_blocks.blocks
    except InputError:  # the whole map is one block
        errors, blocks = [], 1
    progress(0.1)
    cells = influential_cells(design, counts, fit.expected, fit.coefficients, fit.columns)
    label = np.zeros(len(counts), dtype=np.int64) if places is None else places
    of_places = influential_places(
        design, counts, fit.expected, fit.coefficients, fit.columns, label, part(progress, 0.4, 1.0)
    )
    found = []
    for number, (term, j) in enumerate(zip(fit.terms, fit.columns, strict=True)):
        told = model.standard_error_of(term)
        widened = told / float(fit.standard_errors[j])
        place = _widened(of_places[number], widened) if of_places else None
        support = FactorSupport(
            factor=term.factor,
            name=term.name,
            direction=term.direction,
            told=float(np.log(model.rrv_of(term))),
            standard_error=told,
            coefficient=float(fit.coefficients[j]),
            block_error=errors[j] if errors else None,
            cell=_widened(cells[number], widened),
            cell_events=float(counts[cells[number].cell]),
            place=place,
            place_events=0.0 if place is None else float(counts[label == place.place].sum()),
        )
        found.append(support)
    return tuple(found), blocks


def _widened(influence: _Influence, by: float) -> _Influence:
    """The same in a standard error so many times as large."""
    return replace(
        influence,
        z=influence.z / by,
        change=None if influence.change is None else influence.change / by,
        z_without=None if influence.z_without is None else influence.z_without / by,
    )


def overlaps(observed: Observations, terms: Sequence[ModelTerm]) -> tuple[tuple[Overlap, ...], float]:
    """Of each factor with the rest of the model, and the condition number."""
    design = model_design(observed, terms)
    if not terms:
        return (), collinearity(design).condition
    found, names = collinearity(design), [*(term.factor for term in terms), *(scale.name for scale in observed.scales)]
    spread = design - design.mean(axis=0)
    spread = spread / np.maximum(np.linalg.norm(spread, axis=0), 1e-300)
    likeness = np.abs(spread.T @ spread)
    np.fill_diagonal(likeness, -1.0)
    partners = [names[int(np.argmax(row))] if len(names) > 1 else "" for row in likeness[: len(terms)]]
    told = [
        Overlap(factor=term.factor, inflation=inflation, partner=partner)
        for term, inflation, partner in zip(terms, found.inflation, partners, strict=False)
    ]
    return tuple(told), found.condition


def stand_in(observed: Observations, terms: Sequence[ModelTerm]) -> StandIn | None:
    """The candidate of a factor that is not in the model whose column goes most with one that is.

    The correlation of two binary columns, (n·n₁₁ − n₁·n₂)/√(n₁(n − n₁)·n₂(n − n₂)).

    Parameters
    ----------
    observed : Observations
    terms : sequence of ModelTerm
    """
    n, own = float(len(observed.counts)), {term.factor for term in terms}
    best: StandIn | None = None
    for term in terms:
        column = observed.candidates.column(term.name)
        first = float(np.count_nonzero(column))
        for block in observed.candidates.factors:
            if block.factor in own:
                continue
            cells = [np.bincount(block.codes, weight, len(block.table)) for weight in (None, column)]
            second, both = (held @ block.table.astype(np.float64) for held in cells)
            spread = np.sqrt(first * (n - first) * second * (n - second))
            correlation = np.divide(n * both - first * second, spread, out=np.zeros(len(spread)), where=spread > 0)
            j = int(np.argmax(np.abs(correlation)))
            if best is None or abs(correlation[j]) > abs(best.correlation):
                best = StandIn(
                    factor=term.factor,
                    name=term.name,
                    other_factor=block.factor,
                    other_name=block.candidates[j].name,
                    correlation=float(correlation[j]),
                )
    return best
