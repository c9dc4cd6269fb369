"""Whether expected counts are right: by decile, slope of a Poisson regression, deviance and CRPS (method.md §6)."""

import numpy as np

from ..arrays import Floats
from ..regression.likelihood import log_pmf
from ..tools.progress import Progress, silent
from ..tools.scipy_calls import special

DECILES = 10
_NODES = 1000  # means at which the spread of a negative binomial is summed; between them it is interpolated
_TAIL = 1e-13
_STEEPEST = 20.0  # slopes beyond this are no numbers to tell
_TABLE = 129


def rescaled(expected: Floats, counts: Floats) -> Floats:
    """Expected counts (n,) for a period with as many events as `counts` holds."""
    scaled: Floats = expected * (counts.sum() / expected.sum())
    return scaled


def deciles(expected: Floats, groups: int = DECILES) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Group of each cell, 0 for the lowest expected counts; equally many cells, ties kept together.

    A tie goes where its middle lies, so that groups may be empty: those that are left are numbered in order.

    Examples
    --------
    >>> deciles(np.array([0.1, 0.1, 0.1, 0.2, 0.3, 0.4]), 3).tolist()
    [0, 0, 0, 1, 2, 2]
    """
    _, tie, number = np.unique(expected, return_inverse=True, return_counts=True)
    middle = np.cumsum(number) - number / 2
    group = np.minimum((groups * middle / len(expected)).astype(np.int64), groups - 1)
    _, order = np.unique(group, return_inverse=True)
    return order[tie].astype(np.int64)


class CalibrationSlope:
    """Slope of the Poisson regression of counts on the log of the expected counts: 1 when they are calibrated.

    Below 1, high and low expected counts are too far apart; above 1, too close together. The likelihood equations
    of intercept and slope b reduce to one: the mean of log expected over the events equals its mean over the cells
    with weights expectedᵇ. So a slope follows from the events' mean alone, however many times they are resampled.

    Parameters
    ----------
    expected : (n,) float64, above 0

    Examples
    --------
    >>> expected = np.array([1.0, 2.0, 4.0])
    >>> slope = CalibrationSlope(expected)
    >>> counts = np.array([3.0, 12.0, 48.0])  # proportional to expected²
    >>> round(float(slope.of(np.array([counts @ np.log(expected) / counts.sum()]))[0]), 6)
    2.0
    """

    def __init__(self, expected: Floats) -> None:
        self._logs, number = np.unique(np.log(expected), return_counts=True)
        self._weights = number.astype(np.float64)

    @property
    def exists(self) -> bool:
        """Whether the expected counts differ at all."""
        return len(self._logs) > 1

    def mean(self, slope: float) -> float:
        """Mean of log expected over the cells with weights expected to the power of the slope."""
        shifted = slope * self._logs
        weight = self._weights * np.exp(shifted - shifted.max())
        return float(weight @ self._logs / weight.sum())

    def of(self, means: Floats) -> Floats:
        """Slope for each mean of log expected over events (m,); not a number where there is none within ±20."""
        ends = [self._solve(float(end)) for end in (np.nanmin(means), np.nanmax(means))]
        if len(means) <= 2 or ends[0] == ends[1]:
            return np.array([self._solve(float(mean)) for mean in means])
        table = np.linspace(max(-_STEEPEST, ends[0]), min(_STEEPEST, ends[1]), _TABLE)
        at = np.array([self.mean(slope) for slope in table])
        return np.interp(means, at, table, left=np.nan, right=np.nan)

    def _solve(self, mean: float) -> float:
        """Bisection, then it is closed by the secant; ±infinity beyond the steepest slope."""
        low, high = -_STEEPEST, _STEEPEST
        at_low, at_high = self.mean(low) - mean, self.mean(high) - mean
        if at_low > 0 or at_high < 0:
            return -np.inf if at_low > 0 else np.inf
        for _ in range(60):
            share = at_low / (at_low - at_high) if at_high > at_low else 0.5
            middle = low + (high - low) * min(max(share, 0.05), 0.95)
            at = self.mean(middle) - mean
            if abs(at) < 1e-13 or high - low < 1e-12:
                break
            low, at_low, high, at_high = (middle, at, high, at_high) if at < 0 else (low, at_low, middle, at)
        return middle


def deviance(*, counts: Floats, expected: Floats) -> Floats:
    """Poisson deviance 2 (y ln(y/μ) − (y − μ)) of each cell.

    Both are named in a call, as nothing would tell that they were swapped.

    Examples
    --------
    >>> deviance(counts=np.array([0.0, 2.0]), expected=np.array([1.0, 2.0])).tolist()
    [2.0, 0.0]
    """
    cells: Floats = 2 * (special().xlogy(counts, counts / expected) - (counts - expected))
    return cells


def crps(
    family: str, expected: Floats, counts: Floats, dispersion: float | None = None, progress: Progress = silent
) -> Floats:
    """Continuous ranked probability score of each cell: E|X − y| − E|X − X′|/2, events; lower is better.

    X and X′ are independent with the forecast distribution (Gneiting and Raftery 2007, equation 21).

    Parameters
    ----------
    family : {"poisson", "nb1", "nb2"}
    expected, counts : (n,) float64
    dispersion : float, None for Poisson

    Examples
    --------
    >>> round(float(crps("poisson", np.array([1.0]), np.array([0.0]))[0]), 6)  # 1 − (I₀(2) + I₁(2))/e²
    0.476222
    """
    score = expected - _half_spread(family, expected, dispersion, progress)
    hit = counts > 0
    score[hit] += _beyond_mean(family, expected[hit], counts[hit], dispersion, progress)
    return score


def _beyond_mean(family: str, expected: Floats, counts: Floats, dispersion: float | None, progress: Progress) -> Floats:
    """E|X − y| − μ = Σ_{k ≤ y} 2 (y − k) p(k) − y."""
    total = -counts
    for k in range(int(counts.max(initial=0.0)) + 1):
        progress(0.5)
        rows = counts >= k
        probability = np.exp(log_pmf(family, np.array(float(k)), expected[rows], dispersion))
        total[rows] += 2 * (counts[rows] - k) * probability
    return total


def _half_spread(family: str, expected: Floats, dispersion: float | None, progress: Progress) -> Floats:
    """E|X − X′|/2 = Σ F(k)(1 − F(k)); for Poisson μ e^(−2μ) (I₀(2μ) + I₁(2μ))."""
    if family == "poisson":
        ive = special().ive
        closed: Floats = expected * (ive(0, 2 * expected) + ive(1, 2 * expected))
        return closed
    means, back = np.unique(expected, return_inverse=True)
    if len(means) > _NODES:
        nodes = np.geomspace(means[0], means[-1], _NODES)
        ratio = _summed(family, nodes, dispersion, progress) / nodes
        means_ratio: Floats = np.interp(np.log(means), np.log(nodes), ratio)
        return (means_ratio * means)[back]
    return _summed(family, means, dispersion, progress)[back]


def _summed(family: str, means: Floats, dispersion: float | None, progress: Progress) -> Floats:
    below, total = np.zeros(len(means)), np.zeros(len(means))
    open_, k = np.arange(len(means)), 0
    while len(open_):
        progress(0.5)
        probability = np.exp(log_pmf(family, np.array(float(k)), means[open_], dispersion))
        below[open_] = np.minimum(below[open_] + probability, 1.0)
        total[open_] += below[open_] * (1 - below[open_])
        open_ = open_[(k < means[open_]) | (probability > _TAIL)]
        k += 1
    return total
