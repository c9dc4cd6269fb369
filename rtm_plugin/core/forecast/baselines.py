"""What an analyst could use instead of a model: a kernel density of the events so far, made as good as it can be."""

from dataclasses import dataclass

import numpy as np

from ..arrays import Floats
from ..errors import InputError
from ..ground.grid import Grid, count_events
from ..tools.progress import Progress, parts, silent
from .smoothing import Smoother

BANDWIDTHS = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 16.0)  # cells
_EVENLY = 0.01  # the part of a scored density that is spread evenly: an event far from all others is possible


@dataclass(frozen=True, slots=True, eq=False)
class KernelBaseline:
    """A kernel density of events.

    Parameters
    ----------
    density : (cells,) float64
        Expected events in each cell; they add up to the number of events in the cells.
    bandwidth : float
        h of the kernel (core.smoothing), map units.
    tried : tuple of (float, float)
        Each bandwidth tried, and its score: the mean over the events of the logarithm of the share that the density of
        all other events gives to the event's cell.
    """

    density: Floats
    bandwidth: float
    tried: tuple[tuple[float, float], ...]


def kernel_baseline(grid: Grid, points: Floats, progress: Progress = silent) -> KernelBaseline:
    """Kernel density of earlier events, its bandwidth chosen by cross-validation on those events alone.

    Each event is left out in turn and scored by the density of all others in its cell (method.md §6): the Poisson log
    score, up to a constant, in as many folds as there are events. Events on one coordinate help to predict one
    another, so that snapped data lead to a narrow kernel. The density is divided by the part of the kernel that lies in
    the study area: where events are even, it is even up to the edge.

    Parameters
    ----------
    grid : Grid
    points : (m, 2) float64
        Events outside the study area do not count.

    Raises
    ------
    InputError
        No event lies inside the study area.

    Examples
    --------
    Three events in one cell and one far away: the best kernel is the narrowest.

    >>> grid = Grid(0, 1, 1, 2, np.ones((1, 50), bool))
    >>> baseline = kernel_baseline(grid, np.array([[0.5, 0.5], [0.5, 0.5], [0.5, 0.5], [40.5, 0.5]]))
    >>> baseline.bandwidth, round(float(baseline.density.sum()), 9)
    (0.1, 4.0)
    """
    counts, _ = count_events(grid, points)
    events = float(counts.sum())
    if not events:
        raise InputError(
            "None of the earlier events lies inside the study area, so there is no kernel density; check the layer, "
            "its filter and its CRS."
        )
    smoother = Smoother.over(grid)
    seen, ones = smoother.transformed(counts), smoother.transformed(np.ones(grid.cells))
    hit = counts > 0
    best, density, tried = -np.inf, counts, []
    for bandwidth, share in zip(BANDWIDTHS, parts(progress, len(BANDWIDTHS)), strict=True):
        kernel = smoother.kernel(bandwidth)
        share(0.3)
        inside = smoother.smooth(ones, kernel)
        share(0.6)
        spread = smoother.smooth(seen, kernel) / inside
        others = np.maximum(spread[hit] - kernel.centre / inside[hit], 0.0) / float(spread.sum())
        if events > 1:
            others *= events / (events - 1)
        score = float(counts[hit] @ np.log((1 - _EVENLY) * others + _EVENLY / grid.cells)) / events
        tried.append((bandwidth * grid.cell_size, score))
        if score > best:
            best, density = score, spread * (events / float(spread.sum()))
        share(1.0)
    chosen = max(tried, key=lambda pair: pair[1])[0]
    return KernelBaseline(density, chosen, tuple(tried))
