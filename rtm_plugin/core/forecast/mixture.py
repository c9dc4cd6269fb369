"""Where events are expected from what lies around a cell: the terrain and the neighbours' events, at many scales.

Every field gives each cell an expectation that does not use the cell's own events. A convex mixture of them is fitted
by the likelihood of counts that no field has seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import Floats
from ..tools.progress import Progress, parts, silent
from ..tools.scipy_calls import product
from .smoothing import Smoother

SCALES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # h of the kernel, cells
_NO_NEIGHBOUR = 1e-9  # a kernel with less of its mass in the study area tells nothing
_PRIOR_EVENTS = 10.0  # as many events as the mixture's starting weights are worth
_NAMES = (("terrain", "local ratio"), ("wide terrain", "wide local ratio"))  # of each terrain, and of it scaled
_ROUNDS, _LOOK_EVERY, _SETTLED = 500, 10, 1e-7


@dataclass(frozen=True, slots=True)
class Component:
    """One field of the mixture.

    Parameters
    ----------
    kind : {"even", "terrain", "wide terrain", "density", "local ratio", "wide local ratio", "own"}
    bandwidth : float or None
        h of its kernel, map units.
    weight : float
        Its part of the expected events; the weights of a mixture sum to 1.
    """

    kind: str
    bandwidth: float | None
    weight: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """Fields over n cells, each adding up to 1.

    Parameters
    ----------
    components : tuple of Component, k
    values : (k, n) float64
    terrains : sequence of (n,) float64
    """

    components: tuple[Component, ...]
    values: Floats
    terrains: Sequence[Floats]

    def mixed(self, weights: Floats) -> Floats:
        """(n,): the mixture with weights (k,)."""
        return product(weights[None], self.values)[0]

    def of_terrain(self, weights: Floats) -> Floats:
        """(n,): what the terrains alone give to the mixture; what is above it came from the neighbours' events."""
        total = np.zeros(self.values.shape[1])
        for component, value, weight in zip(self.components, self.values, weights, strict=True):
            if component.kind == "density":
                continue
            scaled = [i for i, (_, ratio) in enumerate(_NAMES) if ratio == component.kind]
            total += weight * (np.minimum(value, self.terrains[scaled[0]]) if scaled else value)
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Terrain:
    """What the features of the surroundings make of each cell, in any unit.

    Parameters
    ----------
    expected : (n,) float64
    unseen : (n,) float64
        The same from fits that have not seen the cell's own events; `expected` itself where a fit has so few constants
        that it makes no difference.
    """

    expected: Floats
    unseen: Floats


def fields(smoother: Smoother, terrains: Sequence[Floats], counts: Floats, progress: Progress = silent) -> Fields:
    """An even field, the terrains, and for each scale fields of the events in the other cells.

    "density" is their kernel density, divided by the mass of the kernel in the study area; "local ratio" is a terrain
    times the local ratio of observed to expected events, Σ k y / Σ k μ. Both leave out the cell itself.

    Parameters
    ----------
    smoother : Smoother of the grid
    terrains : one or two of (n,) float64, positive, adding up to 1
    counts : (n,) float64, events, of which there is at least one
    """
    cells = smoother.grid.cells
    even = np.full(cells, 1.0 / cells)
    seen, ones = smoother.transformed(counts), smoother.transformed(np.ones(cells))
    expected = [smoother.transformed(terrain) for terrain in terrains]
    components, values = [Component("even", None)], [even]
    for (name, _), terrain in zip(_NAMES, terrains, strict=False):
        components.append(Component(name, None))
        values.append(terrain)
    for scale, share in zip(SCALES, parts(progress, len(SCALES)), strict=True):
        kernel = smoother.kernel(scale, own=False)
        bandwidth = scale * smoother.grid.cell_size
        share(0.2)
        around = smoother.smooth(seen, kernel)
        share(0.4)
        components.append(Component("density", bandwidth))
        values.append(_adding_to_one(_ratio(around, smoother.smooth(ones, kernel), 1.0), even))
        share(0.6)
        for (_, name), terrain, spectrum in zip(_NAMES, terrains, expected, strict=False):
            ratio = _ratio(around, smoother.smooth(spectrum, kernel), float(terrain.mean()))
            components.append(Component(name, bandwidth))
            values.append(_adding_to_one(terrain * ratio, terrain))
            share(0.8)
    return Fields(tuple(components), np.array(values), terrains)


def _ratio(over: Floats, under: Floats, usual: float) -> Floats:
    """over/under, 0 where `under` is next to nothing beside its usual value."""
    return np.divide(over, under, out=np.zeros_like(over), where=under > _NO_NEIGHBOUR * usual)


def _adding_to_one(values: Floats, otherwise: Floats) -> Floats:
    total = float(values.sum())
    return values / total if total > 0 else otherwise.copy()


def mixture_weights(values: Floats, counts: Floats, start: Floats, progress: Progress = silent) -> Floats:
    """Weights of a convex mixture of fields that make counts most likely.

    The Poisson likelihood of counts y with mean N Σ wₖ fₖ; as a quasi-likelihood it holds for every variance that is
    proportional to the mean. Solved by the EM algorithm, w ← (w Σ y fₖ/f + c s) / (N + c): the starting weights s count
    as c = 10 events, so that a handful of events does not decide.

    Parameters
    ----------
    values : (k, n) float64, each field adding up to 1 over the cells
    counts : (n,) float64
    start : (k,) float64, adding up to 1

    Examples
    --------
    Fields that are certain of one cell each, and many events: the weights are the cells' shares.

    >>> mixture_weights(np.eye(2), np.array([3e6, 1e6]), np.array([0.5, 0.5])).round(3).tolist()
    [0.75, 0.25]
    """
    hit = counts > 0
    columns, seen = np.ascontiguousarray(values[:, hit]), counts[hit]
    weights = start.copy()
    for i in range(_ROUNDS):
        mixed = np.maximum(product(weights[None], columns)[0], np.finfo(float).tiny)
        pull = product(columns, (seen / mixed)[:, None])[:, 0]
        new = (weights * pull + _PRIOR_EVENTS * start) / (seen.sum() + _PRIOR_EVENTS)
        moved, weights = float(np.abs(new - weights).max()), new / new.sum()
        if i % _LOOK_EVERY == 0:
            progress(i / _ROUNDS)
        if moved < _SETTLED:
            break
    progress(1.0)
    return weights


def starting_weights(components: Sequence[Component]) -> Floats:
    """What is believed before the events are looked at: half the terrain, the rest in equal parts."""
    kinds = np.array([c.kind == "terrain" for c in components])
    return np.where(kinds, 0.5, 0.5 / np.count_nonzero(~kinds))


def fitted_weights(field_values: Fields, counts: Floats, target: Floats, progress: Progress = silent) -> Floats:
    """Weights with which fields of some counts make a target most likely, adding up to 1.

    Parameters
    ----------
    field_values : Fields of the counts
    counts, target : (n,) float64
        The same array for a fit that leaves each cell out in turn: no field uses the cell's own count. With another
        period's target, each cell's own count is a field of the mixture as well, so that the others do not stand in for
        it; its weight is dropped, and the others are scaled to add up to 1.
    """
    values, components = field_values.values, field_values.components
    if target is not counts:
        values = np.vstack([values, counts[None] / counts.sum()])
        components = (*components, Component("own", None))
    weights = mixture_weights(values, target, starting_weights(components), progress)[: len(field_values.components)]
    return weights / weights.sum()
