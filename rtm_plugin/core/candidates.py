"""Candidate variables: each factor's ladder of distances and operationalisations, coded compactly.

A factor's columns are binary and strongly nested, so each cell's joint state over all columns of one factor takes
few values. A factor is stored as one code a cell and a small table of states × columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .errors import InputError
from .features import Features, Floats
from .grid import Grid
from .influence import kernel_density, nearest_distance
from .progress import Progress, part, parts, silent
from .study import FactorSettings

_TIE = 1e-12


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate variable.

    Parameters
    ----------
    name : str
        `<factor>_<proximity|density>_<distance>`
    factor, operationalisation, direction : str
    distance : float
        Spatial influence, map units.
    threshold : float or None
        The density at which a cell is flagged; None for proximity.
    """

    name: str
    factor: str
    operationalisation: str
    distance: float
    direction: str
    threshold: float | None = None

    @property
    def sign(self) -> float:
        """The value of an exposed cell: 1 aggravating, −1 protective, so that every coefficient is expected above 0."""
        return -1.0 if self.direction == "protective" else 1.0


def candidate_name(factor: str, operationalisation: str, distance: float) -> str:
    """Name of a candidate variable.

    >>> candidate_name("bus_stops", "proximity", 500.0)
    'bus_stops_proximity_500'
    """
    return f"{factor}_{operationalisation}_{distance:.10g}"


@dataclass(frozen=True, slots=True, eq=False)
class FactorCandidates:
    """The candidates of one factor over n cells.

    Parameters
    ----------
    candidates : tuple of Candidate, p
    codes : (n,) int32
        The state of each cell.
    table : (states, p) uint8
        Which candidates a state is exposed to.
    """

    candidates: tuple[Candidate, ...]
    codes: NDArray[np.int32]
    table: NDArray[np.uint8]

    @classmethod
    def from_columns(
        cls, candidates: Sequence[Candidate], columns: Sequence[NDArray[np.bool_]]
    ) -> "FactorCandidates":
        """Code the columns, each (n,) bool.

        >>> a = Candidate("f_proximity_1", "f", "proximity", 1.0, "aggravating")
        >>> b = Candidate("f_proximity_2", "f", "proximity", 2.0, "aggravating")
        >>> coded = FactorCandidates.from_columns([a, b], [np.array([True, False]), np.array([True, True])])
        >>> coded.codes.tolist(), coded.table.tolist()
        ([1, 0], [[0, 1], [1, 1]])
        """
        packed = np.zeros(len(columns[0]), dtype=np.int64)
        for column in columns:
            packed = packed * 2 + column
        states, codes = np.unique(packed, return_inverse=True)
        shift = np.arange(len(columns) - 1, -1, -1)
        table = ((states[:, None] >> shift) & 1).astype(np.uint8)
        return cls(tuple(candidates), codes.astype(np.int32).ravel(), table)

    @property
    def factor(self) -> str:
        """Name of the factor."""
        return self.candidates[0].factor

    def column(self, j: int) -> NDArray[np.bool_]:
        """(n,) bool: the cells exposed to candidate j."""
        return self.table[:, j].astype(bool)[self.codes]

    def subset(self, cells: NDArray[np.bool_]) -> "FactorCandidates":
        """The same candidates over some of the cells."""
        return FactorCandidates(self.candidates, self.codes[cells], self.table)


@dataclass(frozen=True, slots=True, eq=False)
class CandidateSet:
    """All candidates of all factors over the same n cells."""

    factors: tuple[FactorCandidates, ...]
    _where: dict[str, tuple[int, int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.factors:
            raise InputError("There is no risk factor; add at least one layer.")
        where: dict[str, tuple[int, int]] = {}
        names = [block.factor for block in self.factors]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"The risk factor {name!r} is given twice; remove one, or give each its own name.")
        for i, block in enumerate(self.factors):
            if len(block.codes) != self.cells:
                raise InputError(f"The candidates of {block.factor!r} cover other cells than those of {names[0]!r}.")
            for j, candidate in enumerate(block.candidates):
                if candidate.name in where:
                    raise InputError(f"Two candidates are named {candidate.name!r}; rename one of the factors.")
                where[candidate.name] = (i, j)
        object.__setattr__(self, "_where", where)

    @property
    def cells(self) -> int:
        """Number of cells."""
        return len(self.factors[0].codes)

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """All candidates, factor by factor."""
        return tuple(c for block in self.factors for c in block.candidates)

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, name: str) -> bool:
        return name in self._where

    def __getitem__(self, name: str) -> Candidate:
        i, j = self._where[name]
        return self.factors[i].candidates[j]

    def column(self, name: str) -> NDArray[np.bool_]:
        """(n,) bool: the cells exposed to the named candidate."""
        i, j = self._where[name]
        return self.factors[i].column(j)

    def columns(self) -> Iterator[NDArray[np.bool_]]:
        """Every column in order."""
        for block in self.factors:
            for j in range(len(block.candidates)):
                yield block.column(j)

    def exposed(self) -> NDArray[np.int64]:
        """(p,): the number of cells exposed to each candidate."""
        return np.concatenate(
            [
                np.bincount(block.codes, minlength=len(block.table)) @ block.table.astype(np.int64)
                for block in self.factors
            ]
        )

    def only(self, keep: Sequence[str]) -> "CandidateSet":
        """The named candidates only; factors that lose all of theirs go."""
        wanted = set(keep)
        blocks = []
        for block in self.factors:
            j = [k for k, c in enumerate(block.candidates) if c.name in wanted]
            if j:
                blocks.append(FactorCandidates(tuple(block.candidates[k] for k in j), block.codes, block.table[:, j]))
        return CandidateSet(tuple(blocks))

    def subset(self, cells: NDArray[np.bool_]) -> "CandidateSet":
        """The same candidates over some of the cells."""
        return CandidateSet(tuple(block.subset(cells) for block in self.factors))


class DesignMatrix:
    """The n × p matrix of a candidate set (0/1, protective 0/−1), never spelled out.

    Each cell is a row of a sparse indicator with one entry a factor; the tables hang below it.
    """

    def __init__(self, candidates: CandidateSet) -> None:
        n, blocks = candidates.cells, candidates.factors
        first = np.cumsum([0] + [len(block.table) for block in blocks])
        indices = np.stack([block.codes + start for block, start in zip(blocks, first[:-1], strict=True)], axis=1)
        indptr = np.arange(0, n * len(blocks) + 1, len(blocks))
        indicator = sparse.csr_matrix((np.ones(indices.size), indices.ravel(), indptr), shape=(n, first[-1]))
        signs = np.array([c.sign for c in candidates.candidates])
        self.shape = (n, len(candidates))
        self._indicator = indicator
        self._transposed = indicator.T.tocsr()
        self._table = sparse.block_diag([block.table for block in blocks], format="csr").multiply(signs).tocsr()
        self._table_transposed = self._table.T.tocsr()

    def times(self, coefficients: Floats) -> Floats:
        """X b for coefficients (p,) or (p, m)."""
        return self._indicator @ (self._table @ coefficients)

    def transposed_times(self, rows: Floats) -> Floats:
        """Xᵀ r for rows (n,) or (n, m)."""
        return self._table_transposed @ (self._transposed @ rows)

    def dense(self, columns: NDArray[np.int64], rows: NDArray[np.int64] | slice = slice(None)) -> Floats:
        """Some columns over some rows, spelled out."""
        return self._indicator[rows] @ self._table[:, columns].toarray()


def operationalise(
    features: Features, settings: FactorSettings, grid: Grid, progress: Progress = silent
) -> FactorCandidates:
    """Candidates of one factor: proximity first, then density, each by ascending distance.

    Proximity at d: distance to the nearest feature ≤ d. Density at d: kernel density ≥ mean + density_sd · SD
    over the cells, SD with n − 1.

    Parameters
    ----------
    features : Features
    settings : FactorSettings
    grid : Grid

    Returns
    -------
    FactorCandidates

    Raises
    ------
    InputError
        The layer has no feature.
    """
    if not len(features.coordinates):
        raise InputError(
            f"The risk factor {settings.name!r} has no feature with a geometry; remove the layer or its filter."
        )
    ladder = settings.distances(grid.block_length)
    candidates: list[Candidate] = []
    columns: list[NDArray[np.bool_]] = []
    for kind, share in zip(settings.kinds, parts(progress, len(settings.kinds)), strict=True):
        columns_of = _proximity if kind == "proximity" else _density
        for distance, threshold, column in columns_of(features, settings, ladder, grid, share):
            name = candidate_name(settings.name, kind, distance)
            candidates.append(Candidate(name, settings.name, kind, distance, settings.direction, threshold))
            columns.append(column)
    return FactorCandidates.from_columns(candidates, columns)


_Columns = Iterator[tuple[float, float | None, NDArray[np.bool_]]]


def _proximity(
    features: Features, settings: FactorSettings, ladder: tuple[float, ...], grid: Grid, progress: Progress
) -> _Columns:
    nearest = nearest_distance(features, grid, ladder[-1], progress)
    for distance in ladder:
        yield distance, None, nearest <= distance * (1 + _TIE)


def _density(
    features: Features, settings: FactorSettings, ladder: tuple[float, ...], grid: Grid, progress: Progress
) -> _Columns:
    squares = np.cumsum([0.0] + [d**2 for d in ladder]) / sum(d**2 for d in ladder)
    for i, distance in enumerate(ladder):
        density = kernel_density(features, grid, distance, part(progress, squares[i], squares[i + 1]))
        spread = float(density.std(ddof=1)) if len(density) > 1 else 0.0
        threshold = float(density.mean()) + settings.density_sd * spread
        yield distance, threshold, (density >= threshold) & (density > 0)
