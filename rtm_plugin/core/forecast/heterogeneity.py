"""How much a cell differs from what its surroundings say, and so how much its own history counts: empirical Bayes.

The rate of a cell with prior mean m is gamma distributed with shape a₀ and rate a₀/m: a₀ = m/σ makes the counts
negative binomial NB1, a₀ = 1/α NB2 (method.md §4). After h events in an exposure of E periods the rate is gamma with
shape a₀ + h and rate a₀/m + E; its mean is (1 − b) m + b h/E with b = E/(a₀/m + E). For NB2 and E = 1 that is
(y + θ)/(1 + θ/μ) with θ = 1/α (method.md §6); for NB1 b = σE/(1 + σE), the same in every cell.

A cell may also have good and bad periods. What does not last from one period to the next must not pull the mean, but it
widens what is to be expected: the rate of the coming period has the same mean and the shape κ (a₀ + h), κ ≤ 1. Only
several periods can tell; with one κ is 1.
"""

from dataclasses import dataclass

import numpy as np

from ..arrays import Floats
from ..tools.progress import Progress, silent
from ..tools.scipy_calls import special

FAMILIES = ("nb1", "nb2")
_DISPERSIONS = np.linspace(-9.0, 9.0, 13)  # logarithms: from as good as Poisson to as good as history alone
_LASTING = np.log([1.0, 0.5, 0.25, 0.1, 0.03])  # κ
_ZOOMS = 5
_CHUNK = 40_000  # cells between two looks at the cancel button
_STEPS = 80
_CLOSE = 1e-7  # of the number of cells in the top share


@dataclass(frozen=True, slots=True)
class Dispersion:
    """How cells differ beyond their prior mean.

    Parameters
    ----------
    family : {"nb1", "nb2"}
    value : float
        σ or α, of the rates in a period of unit length.
    score : float
        Mean log likelihood of the counts that it was chosen by, per event.
    lasting : float
        κ, 0 to 1: how much of what is known of a cell's rate lasts to the next period.
    """

    family: str
    value: float
    score: float
    lasting: float = 1.0

    def shape(self, mean: Floats) -> Floats:
        """a₀ for prior means (n,)."""
        return mean / self.value if self.family == "nb1" else np.full(len(mean), 1.0 / self.value)


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Gamma distributions of the rates of n cells in the coming period, in events in a period of unit length.

    Parameters
    ----------
    shape, mean : (n,) float64
    own : (n,) float64
        b, the weight of each cell's own history.
    """

    shape: Floats
    mean: Floats
    own: Floats

    def scaled(self, factor: float) -> "Posterior":
        """The same with every rate times a factor."""
        return Posterior(self.shape, self.mean * factor, self.own)


def posterior(dispersion: Dispersion, mean: Floats, events: Floats, exposure: float) -> Posterior:
    """Rates after `events` (n,) in an exposure, for prior means (n,), all above 0.

    Examples
    --------
    NB2 with θ = 2, μ = 1 and 4 events in one period: (4 + 2)/(1 + 2/1) = 2.

    >>> rates = posterior(Dispersion("nb2", 0.5, 0.0), np.array([1.0]), np.array([4.0]), 1.0)
    >>> rates.shape.tolist(), rates.mean.tolist(), rates.own.round(6).tolist()
    ([6.0], [2.0], [0.333333])
    """
    shape = dispersion.shape(mean)
    rate = shape / mean + exposure
    return Posterior(dispersion.lasting * (shape + events), (shape + events) / rate, exposure / rate)


def choose_dispersion(
    mean: Floats, target: Floats, duration: float, events: Floats, exposure: float, progress: Progress = silent
) -> Dispersion:
    """The family and dispersion that make the target's counts most likely, given earlier events.

    Without earlier events (exposure 0) that is the marginal likelihood of counts with prior mean m; with some, the
    predictive one, in which only what lasts from one period to the next counts as a difference between cells. Rates are
    per period of unit length, so that the dispersion found on a period of one duration serves for another: α of NB2
    does not change with the duration, σ of NB1 is multiplied by it.

    Parameters
    ----------
    mean : (n,) float64, prior means in a period of unit length, above 0
    target : (n,) float64
    duration : float, of the target
    events : (n,) float64
    exposure : float
    """
    total = max(float(target.sum()), 1.0)

    def tried(family: str, log_value: float, log_lasting: float) -> Dispersion:
        value, lasting = float(np.exp(log_value)), float(np.exp(min(log_lasting, 0.0)))
        rates = posterior(Dispersion(family, value, 0.0, lasting), mean, events, exposure)
        return Dispersion(family, value, log_score(target, rates.shape, rates.mean * duration) / total, lasting)

    best = []
    for i, family in enumerate(FAMILIES):
        values, lastings = _DISPERSIONS, _LASTING if exposure else _LASTING[:1]
        dispersions: list[Dispersion] = []
        for zoom in range(1 + _ZOOMS):
            for value in values:
                dispersions += [tried(family, value, lasting) for lasting in lastings]
                progress((i + zoom / (1 + _ZOOMS)) / len(FAMILIES))
            near = max(dispersions, key=lambda d: d.score)
            step = 0.5 ** (zoom + 1) * np.array([-1.0, 0.0, 1.0])
            values = np.clip(np.log(near.value) + 1.5 * step, _DISPERSIONS[0], _DISPERSIONS[-1])
            lastings = np.log(near.lasting) + step if exposure else lastings
        best.append(near)
    progress(1.0)
    return max(best, key=lambda d: d.score)


def log_score(counts: Floats, shape: Floats, mean: Floats) -> float:
    """Log probability of negative binomial counts (n,), summed over the cells.

    >>> round(float(np.exp(log_score(np.array([0.0]), np.array([2.0]), np.array([2.0])))), 6)  # (2/(2 + 2))²
    0.25
    """
    odds = mean / shape
    result = -float((shape * np.log1p(odds)).sum())
    hit = counts > 0
    y, a, odds = counts[hit], shape[hit], odds[hit]
    gammaln = special().gammaln
    return result + float((gammaln(a + y) - gammaln(a) - gammaln(y + 1) + y * (np.log(odds) - np.log1p(odds))).sum())


def intervals(rates: Posterior, coverage: float, progress: Progress = silent) -> tuple[Floats, Floats]:
    """Bounds of the count in a period of unit length, (n,) each; counts are whole, so they cover at least the share.

    Parameters
    ----------
    rates : Posterior
    coverage : float, 0 to 1; half of what is left lies below and half above
    """
    lower, upper = np.empty_like(rates.mean), np.empty_like(rates.mean)
    for start in range(0, len(rates.mean), _CHUNK):
        cells = slice(start, start + _CHUNK)
        shape = rates.shape[cells]
        success = shape / (shape + rates.mean[cells])
        for bound, probability in ((lower, (1 - coverage) / 2), (upper, (1 + coverage) / 2)):
            bound[cells] = np.maximum(np.ceil(special().nbdtrik(probability, shape, success)), 0.0)
        progress(min(1.0, (start + _CHUNK) / len(rates.mean)))
    return lower, upper


def top_probability(rates: Posterior, share: float, progress: Progress = silent) -> Floats:
    """Probability (n,) that the rate of a cell is among the highest `share` of all.

    With many cells the rate that the top begins at is as good as known: it is the c at which the probabilities of
    being above it add up to the share of the cells. No draws, so no seed; cells that cannot be told apart get the share
    itself.

    Examples
    --------
    >>> same = Posterior(np.full(8, 2.0), np.full(8, 0.5), np.zeros(8))
    >>> top_probability(same, 0.25).round(6).tolist()
    [0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25]
    """
    if share >= 1:
        return np.ones(len(rates.mean))
    wanted = share * len(rates.mean)
    high = float(np.log(rates.mean.max() * 1e3 + 1e3))
    low, above = high - 60.0, np.ones(len(rates.mean))
    under, over = wanted, wanted - len(above)  # how far from the wanted number at the high and at the low end
    for i in range(_STEPS):
        # by turns the straight line between the ends, which is fast, and the middle, which is sure
        part = 0.5 if i % 2 else min(max(over / (over - under), 0.02), 0.98)
        middle = low + (high - low) * part
        above = _above(rates, float(np.exp(middle)), progress, i / _STEPS)
        missing = wanted - float(above.sum())
        if abs(missing) < _CLOSE * wanted:
            break
        if missing < 0:
            low, over = middle, missing
        else:
            high, under = middle, missing
    progress(1.0)
    return np.clip(above * (wanted / float(above.sum())), 0.0, 1.0)


def _above(rates: Posterior, limit: float, progress: Progress, done: float) -> Floats:
    result = np.empty_like(rates.mean)
    for start in range(0, len(result), _CHUNK):
        cells = slice(start, start + _CHUNK)
        result[cells] = special().gammaincc(rates.shape[cells], rates.shape[cells] / rates.mean[cells] * limit)
        progress(done)
    return result
