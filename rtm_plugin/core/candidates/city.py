"""Where the city is: adjustments that tell a factor from the mere presence of streets, buildings or addresses.

Bars and robberies are both where people are. A cell is in the city where a feature of the given layers touches it, or
nearly; that, and how much of the ground around is city, at three widths, stand in the model beside the factors. With
the mask alone half of all layers placed at random within a city would still be called established; with its
surroundings none is (docs/significance.md).
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from ..arrays import Floats
from ..ground.features import Features
from ..ground.grid import Grid
from ..tools.progress import Progress, parts, silent
from .influence import nearest_distance
from .smoothed import over_cells, smoothed

WHERE_THE_CITY_IS = "where the city is"
AROUND = (1, 2, 4)  # standard deviations of the Gaussians that smooth it, cells
_LEAST_NEW = 1e-4  # of a column's length must be new beside the columns before it


def city_cells(grid: Grid, layers: Sequence[Features], progress: Progress = silent) -> Floats:
    """Which cells have a feature of any layer within half their diagonal of the centre: (cells,) float64, 0 or 1.

    A feature inside the cell always is that near; one just outside may be.

    Examples
    --------
    >>> grid = Grid(0, 100, 100, 200, np.ones((1, 3), bool))
    >>> city_cells(grid, [Features("point", np.array([[10.0, 50.0]]), 1)]).tolist()
    [1.0, 0.0, 0.0]
    """
    near = grid.cell_size / sqrt(2)
    city = np.zeros(grid.cells, dtype=bool)
    for features, share in zip(layers, parts(progress, len(layers)), strict=True):
        city |= nearest_distance(features, grid, near, share) <= near
    return city.astype(np.float64)


def city_adjustments(
    grid: Grid, layers: Sequence[Features], progress: Progress = silent
) -> tuple[tuple[str, Floats], ...]:
    """The adjustments of a grid: the city's cells, and the share of city around each cell at the widths of `AROUND`.

    A column that tells nothing beside those before it is left out; where every cell is city, or none, there is no
    column at all.

    Returns
    -------
    tuple of (name, (cells,) float64)

    Examples
    --------
    >>> grid = Grid(0, 100, 100, 200, np.ones((1, 9), bool))
    >>> columns = city_adjustments(grid, [Features("point", np.array([[10.0, 50.0]]), 1)])
    >>> [name for name, _ in columns][:2]
    ['where the city is', 'where the city is (smoothed over 1 cell)']
    >>> columns[1][1][:2].round(3).tolist()  # 1/(1 + e^(−1/2) + e^(−2) + …) and about half of it
    [0.57, 0.257]
    """
    city = city_cells(grid, layers, progress)
    columns = [(WHERE_THE_CITY_IS, city)]
    columns += [(f"{WHERE_THE_CITY_IS} ({over_cells(width)})", smoothed(grid, city, width)) for width in AROUND]
    kept: list[tuple[str, Floats]] = []
    basis = np.full((grid.cells, 1), 1 / sqrt(grid.cells))
    for name, values in columns:
        new = values - basis @ (basis.T @ values)
        length = float(np.linalg.norm(new))
        if length > _LEAST_NEW * max(float(np.linalg.norm(values)), 1e-300):
            kept.append((name, values))
            basis = np.column_stack([basis, new / length])
    return tuple(kept)
