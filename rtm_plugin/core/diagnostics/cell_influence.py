"""What a Poisson fit owes to single cells, and its standard errors where the cells of a block go together.

Counts need not be Poisson for either: the fit is a quasi-likelihood, of which only the means have to be right. The
design has its intercept column, as `Rows.matrix` has it, and the expected counts are those of the maximum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..errors import FitError, InputError
from ..ground.grid import Grid
from ..regression.likelihood import Fit, Rows, fit
from ..tools.normal import NORMAL_95
from ..tools.scipy_calls import product

_COLLINEAR = 1e11  # variance inflation, as in `regression.likelihood`
_ALONE = 1e-9  # of the leverage: a cell this near to 1 has a coefficient to itself
_AS_FAR = 1e-9  # standard errors: cells that move a coefficient alike
_SAME = 1e-10  # of an expectation: cells that are closer have the same exposure
_ON_LINE = 1e-9  # of a block: a centre closer than this to the line between two counts as on it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeaveOneOut:
    """How far each coefficient moves when a cell is left out, by one Newton step.

    Parameters
    ----------
    changes : (n, p) float64
        Coefficient with the cell less that without it, in standard errors (DFBETAS); not a number where the
        coefficient has no estimate without the cell.
    leverage : (n,) float64
        hᵢ, 0 to 1; they sum to p.
    standard_errors : (p,) float64
        Naive, of cells that are independent.
    standard_errors_without : (n, p) float64
        The same without the cell; not a number where `changes` is not.
    """

    changes: Floats
    leverage: Floats
    standard_errors: Floats
    standard_errors_without: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class CellInfluence:
    """The cell that a coefficient owes most to.

    Parameters
    ----------
    column : int
        Of the design.
    cell : int
        Whose leaving-out moves the coefficient most towards 0; the first of several that move it alike.
    change : float or None
        By how many standard errors of the whole fit, above 0 towards 0; None where there is no estimate without the
        cell.
    z : float
        Coefficient over its naive standard error.
    z_without : float or None
        The same in a fit without the cell; None where there is none.
    """

    column: int
    cell: int
    change: float | None
    z: float
    z_without: float | None

    @property
    def decides(self) -> bool:
        """Whether z is beyond 1.96, and without the cell falls under it or ends on the other side of 0."""
        return decides(self.z, self.z_without)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patterns:
    """Cells with the same columns and exposure as one row: a Poisson fit asks for no more of them than their sums.

    Parameters
    ----------
    design : (r, p − 1) float64
        Without the intercept.
    offset : (r,) float64
    row : (n,) int64
        Of each cell.
    counts : (n,) float64
    """

    design: Floats
    offset: Floats
    row: NDArray[np.int64]
    counts: Floats

    @classmethod
    def of(cls, design: Floats, counts: Floats, expected: Floats, coefficients: Floats) -> Patterns:
        """Of cells with a design (n, p), the intercept first, and the expected counts μ of coefficients (p,)."""
        linear = np.log(expected)
        key = np.column_stack([design[:, 1:], np.rint(linear / _SAME)])
        _, first, row = np.unique(key, axis=0, return_index=True, return_inverse=True)
        offset = linear - design @ coefficients
        return cls(design=design[first, 1:], offset=offset[first], row=row.ravel().astype(np.int64), counts=counts)

    def fit_without(self, cells: NDArray[np.int64], start: Floats) -> Fit | None:
        """The Poisson fit without some cells; None where it has no finite maximum."""
        kept = np.ones(len(self.row), dtype=bool)
        kept[cells] = False
        weights = np.bincount(self.row[kept], minlength=len(self.offset)).astype(np.float64)
        sums = np.bincount(self.row[kept], self.counts[kept], len(self.offset))
        used = weights > 0
        rows = Rows(self.design[used], sums[used] / weights[used], weights[used], self.offset[used])
        try:
            return fit("poisson", rows, start)
        except FitError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockErrors:
    """Standard errors that allow for cells of one block going together.

    Parameters
    ----------
    standard_errors : (p,) float64
    blocks : int
        With a cell. With few, and 20 to 50 may be few, the errors tend to be too small (Cameron and Miller 2015).
    """

    standard_errors: Floats
    blocks: int


def decides(z: float, z_without: float | None) -> bool:
    """Whether z is beyond 1.96, and falls under it or ends on the other side of 0 without what was left out.

    >>> decides(2.5, 1.7), decides(-2.5, None), decides(1.9, 0.2), decides(2.5, -3.0)
    (True, True, False, True)
    """
    if abs(z) < NORMAL_95:
        return False
    return z_without is None or bool(z_without * np.sign(z) < NORMAL_95)


def leave_one_out(design: Floats, counts: Floats, expected: Floats, dispersion: float = 1.0) -> LeaveOneOut:
    """One-step change of the coefficients for every cell (Pregibon 1981).

    With C = (XᵀWX)⁻¹, W = diag(μ) and hᵢ = μᵢ·xᵢᵀC xᵢ, leaving out cell i lowers the coefficients by
    C xᵢ·(yᵢ − μᵢ)/(1 − hᵢ), and makes their covariance C + C xᵢxᵢᵀC·μᵢ/(1 − hᵢ).

    Parameters
    ----------
    design : (n, p) float64
    counts, expected : (n,) float64; μ above 0
    dispersion : float
        By which the naive covariance C is multiplied; 1 for Poisson counts.

    Raises
    ------
    FitError
        Columns are collinear.

    Examples
    --------
    A mean alone: counts 1, 1 and 4 have mean 2, standard error of its logarithm √(1/6). Without the last h is 1/3, and
    the step (4 − 2)/6 / (2/3) = 1/2.

    >>> left = leave_one_out(np.ones((3, 1)), np.array([1.0, 1.0, 4.0]), np.full(3, 2.0))
    >>> (left.changes[:, 0] * np.sqrt(1 / 6)).round(6).tolist(), left.leverage.round(6).tolist()
    ([-0.25, -0.25, 0.5], [0.333333, 0.333333, 0.333333])
    """
    covariance = _inverse_information(design, expected)
    steps = product(design, covariance)
    leverage = expected * (steps * design).sum(axis=1)
    variances = np.diag(covariance)
    share = expected[:, None] * steps**2  # of each variance, what the cell's information takes from it
    free = 1.0 - leverage
    alone = free < _ALONE
    free[alone] = 1.0
    changes = steps * ((counts - expected) / free)[:, None] / np.sqrt(dispersion * variances)
    without = np.sqrt(dispersion * (variances + share / free[:, None]))
    unknown = alone[:, None] & (share > _ALONE * variances)
    changes[unknown] = without[unknown] = np.nan
    return LeaveOneOut(
        changes=changes,
        leverage=leverage,
        standard_errors=np.sqrt(dispersion * variances),
        standard_errors_without=without,
    )


def influential_cells(
    design: Floats,
    counts: Floats,
    expected: Floats,
    coefficients: Floats,
    columns: Sequence[int],
    dispersion: float = 1.0,
) -> tuple[CellInfluence, ...]:
    """For each of some columns, the cell whose leaving-out moves its coefficient most towards 0.

    The cell is found by the one step of `leave_one_out`. How far it moves the coefficient is told by a fit without it:
    of a cell that holds most of the events of a factor, the step goes only part of the way.

    Parameters
    ----------
    design : (n, p) float64, the intercept first
    counts, expected : (n,) float64; μ above 0
    coefficients : (p,) float64
        Of the maximum, with which μ = exp(Xβ) times any exposure.
    columns : of the design, those of factors that have events on both sides
    dispersion : float
        As `leave_one_out` takes it.

    Raises
    ------
    FitError
        Columns are collinear.

    Examples
    --------
    Three exposed cells with 8, 2 and 2 events, four others with one each: the coefficient is ln 4, its variance
    1/12 + 1/4, and z 2.4. Without the first it is ln 2, with a variance of 1/4 + 1/4.

    >>> design = np.column_stack([np.ones(7), np.array([1.0, 1, 1, 0, 0, 0, 0])])
    >>> counts, expected = np.array([8.0, 2, 2, 1, 1, 1, 1]), np.array([4.0, 4, 4, 1, 1, 1, 1])
    >>> (one,) = influential_cells(design, counts, expected, np.array([0.0, np.log(4.0)]), [1])
    >>> one.cell, round(one.z, 3), round(one.z_without, 3), one.decides
    (0, 2.401, 0.98, True)
    """
    left = leave_one_out(design, counts, expected, dispersion)
    patterns = Patterns.of(design, counts, expected, coefficients)
    found = []
    for column in columns:
        beta, error = float(coefficients[column]), float(left.standard_errors[column])
        cell = _towards_0(left.changes[:, column], beta)
        without = patterns.fit_without(np.array([cell]), coefficients)
        change = z_without = None
        if without is not None:
            moved = float(without.coefficients[column])
            change = (beta - moved) / error * (-1.0 if beta < 0 else 1.0)
            z_without = moved / float(without.standard_errors[column] * np.sqrt(dispersion))
        found.append(CellInfluence(column=column, cell=cell, change=change, z=beta / error, z_without=z_without))
    return tuple(found)


def _towards_0(changes: Floats, beta: float) -> int:
    """The cell that moves a coefficient most; one without which there is no estimate comes before all others."""
    unknown = np.isnan(changes)
    if unknown.any():
        return int(np.argmax(unknown))
    towards = -changes if beta < 0 else changes
    return int(np.argmax(towards >= towards.max() - _AS_FAR))


def block_errors(grid: Grid, design: Floats, counts: Floats, expected: Floats, width: float) -> BlockErrors:
    """Standard errors from a sandwich with the square blocks of the map as clusters (Liang and Zeger 1986).

    C·(Σ s sᵀ)·C · G/(G − 1), with C = (XᵀWX)⁻¹ and, for each of the G blocks, s = Σ xᵢ·(yᵢ − μᵢ) over its cells. Blocks
    are laid from the north west corner of the grid; a cell belongs to the one that holds its centre.

    Parameters
    ----------
    grid : Grid of n cells
    design : (n, p) float64
    counts, expected : (n,) float64; μ above 0
    width : float, map units

    Raises
    ------
    FitError
        Columns are collinear.
    InputError
        The width is not above 0, or fewer than two blocks hold a cell.

    Examples
    --------
    A mean of 2 in four cells, with residuals −1, −1, 1, 1: by pairs the sums are −2 and 2, and the variance
    (4 + 4)/8² · 2/(2 − 1) = 1/4; cell by cell 4/8² · 4/3 = 1/12.

    >>> grid = Grid(0, 100, 100, 200, np.ones((1, 4), bool))
    >>> counts, mean = np.array([1.0, 1, 3, 3]), np.full(4, 2.0)
    >>> [(block_errors(grid, np.ones((4, 1)), counts, mean, w).standard_errors ** 2).round(6) for w in (200.0, 100.0)]
    [array([0.25]), array([0.083333])]
    """
    block = blocks_of(grid, width)
    number = int(block.max(initial=-1)) + 1
    if number < 2:
        raise InputError(
            f"Only {number} block of {width:,g} map units holds cells of the study area; standard errors by blocks "
            "need two at least: make them smaller."
        )
    covariance = _inverse_information(design, expected)
    residual = counts - expected
    sums: Floats = np.column_stack([np.bincount(block, column * residual, number) for column in design.T])
    influence = product(sums, covariance)
    return BlockErrors(standard_errors=np.sqrt((influence**2).sum(axis=0) * number / (number - 1)), blocks=number)


def blocks_of(grid: Grid, width: float) -> NDArray[np.int64]:
    """The square block (cells,) that holds the centre of each cell: 0, 1, … of those with a cell.

    Examples
    --------
    >>> blocks_of(Grid(0, 200, 100, 200, np.ones((2, 3), bool)), 200.0).tolist()
    [0, 0, 1, 0, 0, 1]
    """
    if not width > 0:
        raise InputError(f"Blocks of {width:g} map units have no area; give a width above 0.")
    down, across = (
        np.floor((place + 0.5) * grid.cell_size / width + _ON_LINE).astype(np.int64) for place in np.nonzero(grid.mask)
    )
    label = down * (int(across.max(initial=0)) + 1) + across
    return np.unique(label, return_inverse=True)[1].astype(np.int64)


def _inverse_information(design: Floats, expected: Floats) -> Floats:
    """C = (XᵀWX)⁻¹, (p, p)."""
    information = product(design.T, expected[:, None] * design)
    try:
        inverse: Floats = np.linalg.inv(information)
    except np.linalg.LinAlgError:
        inverse = np.zeros_like(information)
    inflation = np.diag(inverse) * np.diag(information)
    if not ((inflation > 0) & (inflation < _COLLINEAR)).all():
        raise FitError("The influence of cells cannot be computed: columns are collinear.")
    return (inverse + inverse.T) / 2
