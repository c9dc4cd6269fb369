"""Spatial block bootstrap: square blocks of cells, drawn with replacement and put together to another map.

Cells that lie together have their events together, so that drawing them one by one would make believe that they are
independent. Whole blocks keep what is in them as it is; only what reaches from one block into another is lost (Hall
1985, Lahiri 2003, ch. 12). Where the blocks begin is drawn anew for each map, so that no cell is always at an edge.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..candidates.covariates import Observations
from ..errors import InputError
from ..ground.grid import Grid

WANTED, NEEDED = 6.0, 4.0  # correlation lengths that a block should be long, and below which intervals get too narrow
LEAST_CELLS = 3  # along a side, where the map has room for it
LARGEST_SHARE = 1 / 6  # of the map's width: with fewer than 36 blocks, what is drawn says little


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSide:
    """How long the sides of the blocks are.

    Parameters
    ----------
    cells : int
    length : float, map units
    clustering : float
        Mean distance over which events cluster beyond the model, map units; 0 where they do not.
    too_short : bool
        Whether the blocks are shorter than four such distances, so that intervals are too narrow.
    """

    cells: int
    length: float
    clustering: float
    too_short: bool

    @classmethod
    def of(cls, grid: Grid, clustering: float, asked: float | None = None) -> "BlockSide":
        """Six correlation lengths, at least three cells, at most a sixth of the map's width; or as asked for.

        The width is the side of a square with as many cells.

        Raises
        ------
        InputError
            A side was asked for that is shorter than a cell or longer than a sixth of the width.

        Examples
        --------
        >>> grid = Grid(0, 6000, 100, 200, np.ones((60, 60), bool))
        >>> [BlockSide.of(grid, clustering).cells for clustering in (0.0, 110.0, 240.0, 260.0)]
        [3, 7, 10, 10]
        >>> [BlockSide.of(grid, clustering).too_short for clustering in (240.0, 260.0)]
        [False, True]
        >>> BlockSide.of(grid, 110.0, asked=420.0).length
        400.0
        """
        size = grid.cell_size
        most = max(1, int(np.sqrt(grid.cells) * LARGEST_SHARE + 1e-9))
        wanted = int(np.ceil(WANTED * clustering / size - 1e-9))
        cells = min(max(wanted, LEAST_CELLS), most)
        if asked is not None:
            cells = round(asked / size)
            if not 1 <= cells <= most:
                raise InputError(
                    f"Blocks of {asked:g} map units cannot be drawn here; give a side between {size:g}, one cell, and "
                    f"{most * size:g}, a sixth of the map's width."
                )
        return cls(
            cells=cells, length=float(cells * size), clustering=clustering, too_short=cells * size < NEEDED * clustering
        )


@dataclass(frozen=True, slots=True, eq=False)
class Resample:
    """A map put together of blocks of another.

    Parameters
    ----------
    grid : Grid of m cells
    cells : (m,) int64
        Which of the other map's cells each is a copy of.
    """

    grid: Grid
    cells: NDArray[np.int64]

    @classmethod
    def draw(cls, grid: Grid, side: int, seed: Sequence[int]) -> "Resample":
        """Draw as many blocks as there are, with replacement, and put each in the place of one.

        The squares begin at a corner that is drawn first; those that the border cuts are blocks too. All blocks are as
        likely to be drawn, so that every cell is there once on average.

        Parameters
        ----------
        grid : Grid of n cells
        side : int, in cells
        seed : sequence of int

        Examples
        --------
        Columns 0, 1 with 2, and 3 are three blocks, of which the second is drawn twice, and the last once:

        >>> resample = Resample.draw(Grid(0, 2, 1, 2, np.ones((2, 4), bool)), 2, seed=[6])
        >>> resample.grid.raster(resample.cells, -1).tolist()
        [[1, 2, 1, 2, 3, -1], [5, 6, 5, 6, 7, -1]]
        """
        random = np.random.default_rng(seed)
        blocks = _Blocks.of(grid, side, tuple(random.integers(side, size=2)))
        return blocks.put_together(random.integers(blocks.count, size=blocks.count))

    def of(self, observed: Observations) -> Observations:
        """What is known of the cells, as often as they are there."""
        return observed.take(self.cells, self.grid)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Blocks:
    """A grid cut into squares.

    box: without cells, as large as all squares; side: of a square, in cells; corner: (count, 2), row and column of the
    first cell of each square that holds any; cells: (n,), block after block; first: (count + 1,), where the cells of
    each begin; inside: (n, 2), row and column of each of `cells` in its square.
    """

    box: Grid
    side: int
    corner: NDArray[np.int64]
    cells: NDArray[np.int64]
    first: NDArray[np.int64]
    inside: NDArray[np.int64]

    @property
    def count(self) -> int:
        """Number of blocks."""
        return len(self.corner)

    @classmethod
    def of(cls, grid: Grid, side: int, moved: tuple[int, int]) -> "_Blocks":
        """Squares that begin so many cells north and west of the grid's corner."""
        squares = -(-(np.array(grid.shape) + moved) // side)
        box = replace(
            grid,
            x_min=grid.x_min - moved[1] * grid.cell_size,
            y_max=grid.y_max + moved[0] * grid.cell_size,
            mask=np.zeros(squares * side, dtype=bool),
            study_area=None,
        )
        place = np.argwhere(grid.mask) + moved
        square, inside = np.divmod(place, side)
        number = square[:, 0] * squares[1] + square[:, 1]
        cells = np.argsort(number, kind="stable")
        there, first = np.unique(number[cells], return_index=True)
        return cls(
            box=box,
            side=side,
            corner=np.column_stack(np.divmod(there, squares[1])) * side,
            cells=cells,
            first=np.append(first, len(cells)),
            inside=inside[cells],
        )

    def put_together(self, drawn: NDArray[np.int64]) -> Resample:
        """The map with block `drawn[k]` in the place of block k."""
        size = np.diff(self.first)[drawn]
        begins = np.cumsum(size) - size
        which = np.repeat(self.first[drawn] - begins, size) + np.arange(size.sum())
        row, column = (np.repeat(self.corner, size, axis=0) + self.inside[which]).T
        mask = self.box.mask.copy()
        mask[row, column] = True
        order = np.lexsort((column, row))
        return Resample(replace(self.box, mask=mask), self.cells[which][order])
