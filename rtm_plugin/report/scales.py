"""Where numbers lie on an axis, and which of them are written beside it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

_BAND = 6.0  # of BIC: up to here differences are drawn at nearly full size, beyond it ever smaller
FARTHEST = 1e9


@dataclass(frozen=True, slots=True)
class Scale:
    """Turns values into drawing units.

    Parameters
    ----------
    low, high : float, values at the ends
    start, end : float, drawing units there
    turn : callable, the scale's function, rising
    """

    low: float
    high: float
    start: float
    end: float
    turn: Callable[[float], float]

    def at(self, value: float) -> float:
        """The place of a value; beyond the ends, the end."""
        low, high = self.turn(self.low), self.turn(self.high)
        place = (self.turn(min(max(value, self.low), self.high)) - low) / ((high - low) or 1.0)
        return self.start + place * (self.end - self.start)


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """A plain scale."""
    return Scale(low, high, start, end, float)


def logarithmic(low: float, high: float, start: float, end: float) -> Scale:
    """A scale on which equal ratios are equally long."""
    return Scale(max(low, 1 / FARTHEST), min(high, FARTHEST), start, end, math.log)


def gap_scale(low: float, high: float, start: float, end: float) -> Scale:
    """A scale for differences of BIC: even round 0, logarithmic far from it."""
    return Scale(low, high, start, end, lambda value: math.asinh(value / _BAND))


def linear_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values between the ends, in even steps.

    >>> linear_ticks(0, 0.23)
    [0.0, 0.05, 0.1, 0.15, 0.2]
    """
    span = high - low
    if not span > 0:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(m * power for m in (1, 2, 5, 10) if span / (m * power) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5 × 10ⁿ between the ends; fewer over many powers of ten, finer ones where there would be less than three.

    >>> log_ticks(0.8, 30), log_ticks(1.05, 1.3)
    ([1.0, 2.0, 5.0, 10.0, 20.0], [1.05, 1.1, 1.15, 1.2, 1.25, 1.3])
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    many = math.log10(high / low) > 3
    steps = range(0, len(powers), max(1, len(powers) // 8)) if many else range(len(powers))
    ticks = [m * 10.0 ** powers[i] for i in steps for m in ((1,) if many else (1, 2, 5))]
    kept = [round(t, 12) for t in ticks if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]
    return kept if len(kept) > 2 else linear_ticks(low, high)


def gap_ticks(low: float, high: float) -> list[float]:
    """0, ±6 and ± 60, 600 … between the ends.

    >>> gap_ticks(-3, 700)
    [0.0, 6.0, 60.0, 600.0]
    """
    sizes = [_BAND * 10**i for i in range(9)]
    return [t for t in sorted([0.0, *sizes, *(-s for s in sizes)]) if low <= t <= high]
