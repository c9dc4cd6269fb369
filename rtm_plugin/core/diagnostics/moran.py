"""Moran's I: whether values of neighbouring cells are alike, over the whole map and by distance (Moran 1950).

Neighbours are the cells that share a side or a corner (queen contiguity), those outside the study area excepted. Each
cell's neighbours weigh 1 together (row-standardised), so that a cell is held against their mean. A cell without any
neighbour has nothing to be held against: it is left out, and counted.

The p-value deals the values out anew over the same cells. That takes them to be exchangeable. Residuals of a model are
nearly so where they are divided by the root of their variance, raw ones are not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..errors import InputError
from ..ground.grid import Grid
from ..tools.normal import NORMAL_95
from ..tools.progress import Progress, silent

PERMUTATIONS = 999
_ROUNDING = 1e-12  # of I: two arrangements that differ by less are alike
_NO_SPREAD = 1e-12  # of the largest value


@dataclass(frozen=True, slots=True, kw_only=True)
class MoranTest:
    """Moran's I of a map, against the same values dealt out at random.

    Parameters
    ----------
    statistic : float
        I: above the expectation where neighbours are alike, below it where they differ more than by chance.
    expectation : float
        −1/(n − 1), of n cells whose values are dealt out at random.
    spread : float
        Standard deviation of I over the permutations; 0 where every arrangement has the same I.
    p : float
        (1 + number of permutations with at least this I) / (1 + permutations).
    permutations : int
    cells : int
        n, with a neighbour.
    isolated : int
        Cells without a neighbour, which are left out.
    """

    statistic: float
    expectation: float
    spread: float
    p: float
    permutations: int
    cells: int
    isolated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LagMoran:
    """Moran's I of the cells a number of queen steps apart.

    Parameters
    ----------
    lag : int
        Queen steps: the larger of the steps down and the steps across.
    distance : float
        The same in map units, along a row or a column; up to √2 times as far along a diagonal.
    statistic : float
    expectation : float
        −1/(n − 1), the same for every lag.
    spread : float
        Standard deviation of I over all arrangements of the values; 0 with fewer than four cells.
    cells : int
        With another cell at this lag.
    """

    lag: int
    distance: float
    statistic: float
    expectation: float
    spread: float
    cells: int

    @property
    def alike(self) -> bool:
        """Whether values at this lag are more alike than 97.5 % of all arrangements would have them, about."""
        return self.statistic > self.expectation + NORMAL_95 * self.spread


def moran_test(
    grid: Grid, values: Floats, permutations: int = PERMUTATIONS, seed: int = 1, progress: Progress = silent
) -> MoranTest:
    """Moran's I with a permutation p-value for values that are more alike than by chance.

    I = Σᵢ zᵢ·(mean of z over the neighbours of i) / Σᵢ zᵢ², with z the values less their mean, over the cells that have
    a neighbour (Cliff and Ord 1981, with row-standardised weights).

    Parameters
    ----------
    grid : Grid of m cells
    values : (m,) float64
    permutations : int, 1 or more
    seed : int
        The same seed gives the same p.
    progress : callable
        Told the share that is done at every permutation.

    Raises
    ------
    InputError
        No two cells are neighbours, a value is missing, or all values are the same.

    Examples
    --------
    z = −2, −1, 3; the neighbours' means are −1, 1/2, −1; so I = (2 − 1/2 − 3) / (4 + 1 + 9).

    >>> grid = Grid(0, 1, 1, 2, np.ones((1, 3), bool))
    >>> test = moran_test(grid, np.array([1.0, 2.0, 6.0]))
    >>> round(test.statistic * 14, 6), test.expectation
    (-1.5, -0.5)
    """
    field = _Field.of(grid, values)
    statistic = field.moran(field.deviations)
    random = np.random.default_rng(seed)
    drawn = np.empty(permutations)
    for number in range(permutations):
        progress(number / permutations)
        drawn[number] = field.moran(random.permutation(field.deviations))
    progress(1.0)
    as_large = int(np.count_nonzero(drawn >= statistic - _ROUNDING))
    return MoranTest(
        statistic=statistic,
        expectation=field.expectation,
        spread=float(drawn.std()),
        p=(1 + as_large) / (1 + permutations),
        permutations=permutations,
        cells=len(field.deviations),
        isolated=grid.cells - len(field.deviations),
    )


def correlogram(grid: Grid, values: Floats, lags: int, progress: Progress = silent) -> tuple[LagMoran, ...]:
    """Moran's I for the rings of cells 1, 2, …, `lags` queen steps apart: how far values are alike.

    Iₖ = (Σᵢ zᵢ·(mean of z over the ring k of i) / nₖ) / (Σᵢ zᵢ² / n), with the first sum over the nₖ cells that have a
    ring k, and mean and variance over all n cells that have a neighbour: every lag is measured with the same rod, and
    the first is the I of `moran_test`. Steps are counted across holes of the map as on the ground. How far I varies
    from one arrangement to another is known without dealing any (Cliff and Ord 1981, under randomisation).

    Parameters
    ----------
    grid : Grid of m cells
    values : (m,) float64
    lags : int

    Returns
    -------
    tuple of LagMoran
        It ends before `lags` where no two cells of the map are as far apart.

    Raises
    ------
    InputError
        As `moran_test`.

    Examples
    --------
    z = −2, −1, 3. Two steps apart are the ends alone: ((−2)·3 + 3·(−2)) / 2 over (4 + 1 + 9) / 3.

    >>> grid = Grid(0, 1, 1, 2, np.ones((1, 3), bool))
    >>> [(ring.lag, ring.cells, round(ring.statistic, 6)) for ring in correlogram(grid, np.array([1.0, 2.0, 6.0]), 5)]
    [(1, 3, -0.107143), (2, 2, -1.285714)]
    """
    field = _Field.of(grid, values)
    z = field.deviations
    inner_sums, inner_numbers = z, np.ones(len(z))
    rings = []
    for lag in range(1, min(lags, max(grid.shape) - 1) + 1):
        progress((lag - 1) / lags)
        sums, numbers = field.square_sums(z, lag), field.square_sums(np.ones(len(z)), lag)
        in_ring = np.rint(numbers - inner_numbers)
        some = in_ring > 0
        if not some.any():
            break
        agreement = float((z[some] * (sums - inner_sums)[some] / in_ring[some]).mean())
        ring = LagMoran(
            lag=lag,
            distance=lag * grid.cell_size,
            statistic=agreement / float((z**2).mean()),
            expectation=field.expectation,
            spread=field.spread(lag, in_ring),
            cells=int(np.count_nonzero(some)),
        )
        rings.append(ring)
        inner_sums, inner_numbers = sums, numbers
    progress(1.0)
    return tuple(rings)


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """The n cells that have a neighbour, and their values.

    Parameters
    ----------
    shape : (int, int), rows and columns
    places : (n,) int64
        Of the cells in the box, as flat indices.
    deviations : (n,) float64
        Values less their mean.
    neighbours : (n,) float64
        Number of each cell's neighbours, 1 to 8.
    """

    shape: tuple[int, int]
    places: NDArray[np.int64]
    deviations: Floats
    neighbours: Floats

    @classmethod
    def of(cls, grid: Grid, values: Floats) -> _Field:
        """Leave out the cells without a neighbour. The neighbours of a cell have one, so that none is lost by that."""
        if not np.isfinite(values).all():
            raise InputError("Moran's I needs a value in every cell; fill those that are missing.")
        neighbours = _square_sums(grid.mask.astype(np.float64), 1)[grid.mask] - 1.0
        kept = neighbours > 0.5
        if not kept.any():
            raise InputError("No two cells of the study area are neighbours, so that Moran's I has nothing to compare.")
        chosen = values[kept]
        deviations = chosen - chosen.mean()
        if np.abs(deviations).max() <= _NO_SPREAD * np.abs(chosen).max():
            raise InputError("The values are the same in every cell, so that Moran's I has nothing to compare.")
        return cls(grid.shape, np.flatnonzero(grid.mask)[kept], deviations, neighbours[kept])

    @property
    def expectation(self) -> float:
        """Of I, with the values dealt out at random."""
        return -1.0 / (len(self.deviations) - 1)

    def square_sums(self, values: Floats, reach: int) -> Floats:
        """(n,): sums of values (n,) over the cells at most so many queen steps away, the cell itself among them."""
        box = np.zeros(self.shape)
        box.ravel()[self.places] = values
        sums: Floats = _square_sums(box, reach).ravel()[self.places]
        return sums

    def spread(self, lag: int, in_ring: Floats) -> float:
        """Standard deviation of I over all arrangements, for rings of in_ring (n,) cells; 0 with fewer than four cells.

        With weights wᵢⱼ = 1/nᵢ over the ring of i: S₀ = Σ wᵢⱼ, S₁ = ½ Σ (wᵢⱼ + wⱼᵢ)² and S₂ = Σᵢ (Σⱼ wᵢⱼ + Σⱼ wⱼᵢ)².
        """
        n = float(len(self.deviations))
        if n < 4:
            return 0.0
        some = in_ring > 0
        weight = np.divide(1.0, in_ring, out=np.zeros(len(in_ring)), where=some)
        received = self.square_sums(weight, lag) - (self.square_sums(weight, lag - 1) if lag > 1 else weight)
        s0, s1 = float(np.count_nonzero(some)), float(weight.sum() + weight @ received)
        s2 = float(((some + received) ** 2).sum())
        squares = self.deviations**2
        kurtosis = float((squares**2).mean() / squares.mean() ** 2)
        whole = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
        tails = kurtosis * ((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
        of_squares = (whole - tails) / ((n - 1) * (n - 2) * (n - 3) * s0**2)
        return float(np.sqrt(max(of_squares - self.expectation**2, 0.0)))

    def moran(self, deviations: Floats) -> float:
        """I of deviations (n,) in this order."""
        around = self.square_sums(deviations, 1) - deviations
        return float((deviations / self.neighbours) @ around / (deviations @ deviations))


def _square_sums(box: Floats, reach: int) -> Floats:
    """Sums over the square of 2·reach + 1 cells around each cell of a box, first down, then across."""
    rows, columns = box.shape
    padded = np.pad(box, reach)
    down = padded[:rows].copy()
    for i in range(1, 2 * reach + 1):
        down += padded[i : i + rows]
    total = down[:, :columns].copy()
    for j in range(1, 2 * reach + 1):
        total += down[:, j : j + columns]
    return total
