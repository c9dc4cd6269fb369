"""Whether a fitted model predicts counts as they are: their spread, how many cells hold how many, by tenths, and R².

All of it looks at the cells that the model was fitted on, and so says where a model is wrong, never that it is right.
Families, and how their counts vary, are those of `regression.likelihood`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..errors import InputError
from ..regression.likelihood import Rows, fit, log_pmf, variance_of
from ..tools.normal import NORMAL_95
from ..tools.scipy_calls import special

GROUPS = 10
MOST = 20  # events in a cell that the rootogram tells apart
_EQUAL = 1e-9  # of an expectation: two that are closer are of the same pattern of factors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rootogram:
    """How many cells hold 0, 1, 2, … events, and how many the model expects to (Kleiber and Zeileis 2016).

    Parameters
    ----------
    observed, expected : (classes,) float64
        Cells with 0, 1, …, classes − 2 events, and with more in the last class; both sum to the number of cells.
    """

    observed: Floats
    expected: Floats

    @property
    def hanging(self) -> Floats:
        """(classes,): √expected − √observed, where a bar that hangs from the expected curve ends.

        Above 0, fewer cells hold as many events as expected; below it, more do.
        """
        hanging: Floats = np.sqrt(self.expected) - np.sqrt(self.observed)
        return hanging


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationGroup:
    """Cells with similar expected counts, and what happened there.

    Parameters
    ----------
    cells : int
    lowest, highest : float
        Expected counts of a cell.
    observed, expected : float
        Events.
    spread : float
        Standard deviation of the observed events, were the cells independent; not a number where no variance is given.
    """

    cells: int
    lowest: float
    highest: float
    observed: float
    expected: float
    spread: float

    @property
    def unlikely(self) -> bool:
        """Whether what was observed is outside the 95 % range of independent cells."""
        return abs(self.observed - self.expected) > NORMAL_95 * self.spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """How much better a model is than one rate for all cells.

    Parameters
    ----------
    mcfadden : float
        1 − log-likelihood of the model / that of one rate (McFadden 1974). Log-likelihoods with all constants.
    deviance : float
        Share of the Poisson deviance from one rate that is gone: 1 − D/D₀ (Cameron and Windmeijer 1996). Of counts as
        scattered as crime in small cells both are far below 1 even where a model is true.
    """

    mcfadden: float
    deviance: float


def pearson_residuals(
    counts: Floats, expected: Floats, family: str = "poisson", dispersion: float | None = None
) -> Floats:
    """(n,): (y − μ)/√variance, in which all cells vary alike where family and dispersion are right.

    Parameters
    ----------
    counts, expected : (n,) float64; μ above 0
    family : {"poisson", "nb1", "nb2"}
    dispersion : float or None
        None for Poisson.

    Examples
    --------
    >>> pearson_residuals(np.array([0.0, 4.0]), np.array([4.0, 1.0]), "nb1", 3.0).tolist()  # −4/√16, 3/√4
    [-1.0, 1.5]
    """
    residuals: Floats = (counts - expected) / np.sqrt(variance_of(family, expected, dispersion))
    return residuals


def pearson_dispersion(
    counts: Floats, expected: Floats, parameters: int, family: str = "poisson", dispersion: float | None = None
) -> float:
    """Pearson's Σ(y − μ)²/variance / (n − p): 1 where counts vary as the family says, above where they vary more.

    Parameters
    ----------
    counts, expected : (n,) float64
    parameters : int
        p of the means, the intercept counted.
    family, dispersion : as `pearson_residuals` takes them

    Raises
    ------
    InputError
        No more cells than parameters.

    Examples
    --------
    >>> pearson_dispersion(np.array([0.0, 4.0, 2.0]), np.array([2.0, 2.0, 2.0]), 1)  # (2 + 2 + 0) / 2
    2.0
    """
    free = len(counts) - parameters
    if free <= 0:
        raise InputError(
            f"{len(counts):,} cells say nothing of the spread around a model with {parameters} parameters; "
            "use more cells."
        )
    return float(((counts - expected) ** 2 / variance_of(family, expected, dispersion)).sum() / free)


def rootogram(
    counts: Floats, expected: Floats, family: str = "poisson", dispersion: float | None = None, most: int = MOST
) -> Rootogram:
    """Observed and expected number of cells by their number of events.

    Expected is the sum over cells of the probability of as many events.

    Parameters
    ----------
    counts : (n,) float64
        Those that are not whole, of weighted events, count as the nearest whole number.
    expected : (n,) float64, μ, above 0
    family, dispersion : as `pearson_residuals` takes them
    most : int
        Events in a cell; cells with more make one class, the last.

    Examples
    --------
    >>> root = rootogram(np.array([0.0, 0.0, 1.0, 5.0]), np.full(4, np.log(2.0)), most=1)
    >>> root.observed.tolist(), root.expected.round(6).tolist()  # P(0) = 1/2, P(1) = ln 2 / 2
    ([2.0, 1.0, 1.0], [2.0, 1.386294, 0.613706])
    >>> root.hanging.round(6).tolist()
    [0.0, 0.17741, -0.216606]
    """
    classes = np.minimum(np.rint(counts), most + 1).astype(np.int64)
    observed = np.bincount(classes, minlength=most + 2).astype(np.float64)
    # Cells of the same pattern of factors have the same expectation: there are far fewer patterns than cells.
    mean, cells = np.unique(expected, return_counts=True)
    frequencies = [
        float(cells @ np.exp(log_pmf(family, np.array(float(number)), mean, dispersion))) for number in range(most + 1)
    ]
    more = max(len(counts) - sum(frequencies), 0.0)
    return Rootogram(observed=observed, expected=np.array([*frequencies, more]))


def expectation_groups(
    counts: Floats, expected: Floats, groups: int = GROUPS, variance: Floats | None = None
) -> tuple[ExpectationGroup, ...]:
    """Observed and expected events by tenths of the cells, from the lowest expected counts to the highest.

    Cells of equal expectation are kept together, in the tenth where their middle lies; so there may be fewer groups
    than ten, of unequal size. The rule is that of `accuracy.calibration.deciles`.

    Parameters
    ----------
    counts, expected : (n,) float64
    groups : int
    variance : (n,) float64, optional
        Of the counts around what is expected.

    Examples
    --------
    >>> expected = np.array([0.1, 0.1, 0.1, 0.2, 0.3, 0.4])
    >>> for group in expectation_groups(np.array([0.0, 1, 0, 0, 1, 1]), expected, 3):
    ...     print(group.cells, group.lowest, group.highest, group.observed, round(group.expected, 6))
    3 0.1 0.1 1.0 0.3
    1 0.2 0.2 0.0 0.2
    2 0.3 0.4 2.0 0.7
    """
    number = _grouped(expected, groups)
    squares = np.full(len(counts), np.nan) if variance is None else variance
    found = []
    for group in np.unique(number):
        own = number == group
        found.append(
            ExpectationGroup(
                cells=int(np.count_nonzero(own)),
                lowest=float(expected[own].min()),
                highest=float(expected[own].max()),
                observed=float(counts[own].sum()),
                expected=float(expected[own].sum()),
                spread=float(np.sqrt(squares[own].sum())),
            )
        )
    return tuple(found)


def _grouped(expected: Floats, groups: int) -> NDArray[np.int64]:
    """Group of each cell; some may have none. Rounding does not tell cells of the same pattern apart."""
    order = np.argsort(expected, kind="stable")
    ascending = expected[order]
    tie = np.concatenate([[0], np.cumsum(np.diff(ascending) > _EQUAL * ascending[1:])])
    size = np.bincount(tie)
    middle = np.cumsum(size) - size / 2
    number = np.empty(len(expected), dtype=np.int64)
    number[order] = np.minimum((groups * middle / len(expected)).astype(np.int64), groups - 1)[tie]
    return number


def explained(
    counts: Floats,
    expected: Floats,
    family: str = "poisson",
    dispersion: float | None = None,
    offset: Floats | None = None,
) -> Explained:
    """McFadden's R² and the share of the deviance explained, over one rate for all cells.

    The one rate is fitted in the same family, with a dispersion of its own, and with the same exposure.

    Parameters
    ----------
    counts, expected : (n,) float64
    family, dispersion : as `pearson_residuals` takes them
    offset : (n,) float64 or None, log of the exposure

    Raises
    ------
    FitError
        There is no event.
    InputError
        All cells have the same rate, so that there is nothing to explain.

    Examples
    --------
    One event a cell would be D₀ = 4·ln 2, and as expected here it is D = 4·ln(4/3). The log-likelihoods are
    −2 − ln 2, and 2·ln(3/2) more.

    >>> found = explained(np.array([0.0, 2.0]), np.array([0.5, 1.5]))
    >>> round(found.deviance, 6), round(1 - np.log(4 / 3) / np.log(2), 6)
    (0.584963, 0.584963)
    >>> round(found.mcfadden, 6), round(2 * np.log(3 / 2) / (2 + np.log(2)), 6)
    (0.301109, 0.301109)
    """
    exposure = np.zeros(len(counts)) if offset is None else offset
    alike, cells = np.unique(np.column_stack([counts, exposure]), axis=0, return_counts=True)
    rows = Rows(np.zeros((len(alike), 0)), alike[:, 0], cells.astype(np.float64), alike[:, 1])
    before_any = fit(family, rows).log_likelihood
    one_rate = counts.sum() * np.exp(exposure) / np.exp(exposure).sum()
    before = _deviance(counts, one_rate)
    if before <= _EQUAL * counts.sum():
        raise InputError("Every cell has the same rate of events, so that there is nothing for factors to explain.")
    return Explained(
        mcfadden=1.0 - float(log_pmf(family, counts, expected, dispersion).sum()) / before_any,
        deviance=1.0 - _deviance(counts, expected) / before,
    )


def _deviance(counts: Floats, expected: Floats) -> float:
    """Poisson: 2·Σ(y·ln(y/μ) − (y − μ))."""
    return float(2.0 * (special().xlogy(counts, counts / expected) - (counts - expected)).sum())
