"""Candidate variables: each factor's ladder of distances and operationalisations, coded compactly.

A factor's columns are binary and strongly nested, so each cell's joint state over all columns of one factor takes
few values. A factor is stored as one code a cell and a small table of states × columns.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..documents.factor_settings import FactorSettings, sign_of
from ..errors import InputError
from ..ground.features import Features
from ..ground.grid import Grid
from ..tools.progress import Progress, parts, silent
from ..tools.scipy_calls import product
from .influence import kernel_densities, kernel_density, nearest_distance

_TIE = 1e-12
_STATES = 4096  # of a group of factors: more would not stay in the cache of a processor core


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
        return sign_of(self.direction)


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
    def from_columns(cls, candidates: Sequence[Candidate], columns: Sequence[NDArray[np.bool_]]) -> "FactorCandidates":
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

    def subset(self, cells: NDArray[np.bool_] | NDArray[np.int64]) -> "FactorCandidates":
        """The same candidates over some of the cells: those of a mask, or those listed, as often as they are named."""
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

    @classmethod
    def of(cls, frame: Any, protective: Sequence[str] = ()) -> "CandidateSet":
        """Columns that someone has made: a DataFrame, or a mapping of name → (n,), of 0 and 1 (or yes and no).

        Each column is a factor of its own, expected to raise the rate where it is 1; those named `protective` to lower
        it.

        Raises
        ------
        InputError
            Another type, another value than 0 and 1, or columns of several lengths.

        Examples
        --------
        >>> CandidateSet.of({"bars": [1, 0, 0], "parks": [0, 1, 1]}).exposed().tolist()
        [1, 2]
        """
        if not hasattr(frame, "keys") or not hasattr(frame, "__getitem__"):
            raise InputError(f"The candidates are a {type(frame).__name__}; give a DataFrame with a column for each.")
        blocks = []
        for name in frame.keys():  # noqa: SIM118 (a DataFrame is walked by its columns)
            values = np.asarray(frame[name])
            if values.ndim != 1 or not np.isin(values, (0, 1)).all():
                raise InputError(
                    f"The candidate {name!r} holds other values than 0 and 1; make it 0 or 1 in every row."
                )
            direction = "protective" if name in protective else "aggravating"
            candidate = Candidate(str(name), str(name), "given", 0.0, direction)
            blocks.append(FactorCandidates.from_columns([candidate], [values.astype(bool)]))
        return cls(tuple(blocks))

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

    def subset(self, cells: NDArray[np.bool_] | NDArray[np.int64]) -> "CandidateSet":
        """The same candidates over some of the cells: those of a mask, or those listed, as often as they are named."""
        return CandidateSet(tuple(block.subset(cells) for block in self.factors))


class DesignMatrix:
    """The n × p matrix of a candidate set (0/1, protective 0/−1), never spelled out.

    Factors are coded together, in groups, while a group has few states: a row has one code a group, and a group one
    table of states × columns. Products with the matrix cost one addition for each row and group.

    Parameters
    ----------
    candidates : CandidateSet

    Attributes
    ----------
    codes : list of (n,) int32, a group each
    tables : list of (states, columns of the group) float64
    columns : list of (columns of the group,) int64
        Their places in the matrix.
    """

    def __init__(self, candidates: CandidateSet) -> None:
        ends = np.cumsum([len(block.candidates) for block in candidates.factors])
        columns = np.split(np.arange(ends[-1]), ends[:-1])
        signs = [np.array([c.sign for c in block.candidates]) for block in candidates.factors]
        tables = [block.table * sign for block, sign in zip(candidates.factors, signs, strict=True)]
        self._group([block.codes for block in candidates.factors], tables, columns)
        self.shape = (candidates.cells, len(candidates))

    def _group(
        self, codes: Sequence[NDArray[np.int32]], tables: Sequence[Floats], columns: Sequence[NDArray[np.int64]]
    ) -> None:
        self.codes: list[NDArray[np.int32]] = []
        self.tables: list[Floats] = []
        self.columns: list[NDArray[np.int64]] = []
        for i in sorted(range(len(tables)), key=lambda i: len(tables[i])):
            group = (codes[i], tables[i], columns[i])
            if self.codes:
                both = _together((self.codes[-1], self.tables[-1], self.columns[-1]), group)
                if both is not None:
                    self.codes[-1], self.tables[-1], self.columns[-1] = both
                    continue
            self.codes.append(group[0])
            self.tables.append(group[1])
            self.columns.append(group[2])

    def rows(self, order: NDArray[np.int64]) -> "DesignMatrix":
        """The given rows, in this order."""
        result = copy(self)
        result.codes = [codes[order] for codes in self.codes]
        result.shape = (len(order), self.shape[1])
        return result

    def only(self, columns: NDArray[np.int64]) -> "DesignMatrix":
        """The given columns, ascending: fewer states, so larger groups."""
        place = np.full(self.shape[1], -1)
        place[columns] = np.arange(len(columns))
        codes, tables, places = [], [], []
        for code, table, group in zip(self.codes, self.tables, self.columns, strict=True):
            kept = place[group] >= 0
            if kept.any() or not len(columns):
                table, new = np.unique(table[:, kept], axis=0, return_inverse=True)
                codes.append(new.astype(np.int32).ravel()[code])
                tables.append(table)
                places.append(place[group[kept]])
        result = copy(self)
        result.shape = (self.shape[0], len(columns))
        result._group(codes, tables, places)
        return result

    def times(self, coefficients: Floats) -> Floats:
        """X b for coefficients (p,) or (p, m)."""
        result = np.zeros((self.shape[0], *coefficients.shape[1:]))
        for codes, table, columns in zip(self.codes, self.tables, self.columns, strict=True):
            result += (table @ coefficients[columns])[codes]
        return result

    def transposed_times(self, rows: Floats) -> Floats:
        """Xᵀ r for rows (n,) or (n, m)."""
        matrix = rows.reshape(len(rows), -1)
        result = np.zeros((self.shape[1], matrix.shape[1]))
        for codes, table, columns in zip(self.codes, self.tables, self.columns, strict=True):
            sums = [np.bincount(codes, column, len(table)) for column in matrix.T]
            result[columns] = table.T @ np.stack(sums, axis=1)
        return result.reshape(self.shape[1:] + rows.shape[1:])

    def sums(self, labels: NDArray[np.int64], count: int, weights: Floats | None = None) -> Floats:
        """(p, count): Xᵀ w over the rows of each label, 0 … count − 1."""
        result = np.zeros((self.shape[1], count))
        for codes, table, columns in zip(self.codes, self.tables, self.columns, strict=True):
            joint = labels * len(table) + codes
            totals = np.bincount(joint, weights, count * len(table)).reshape(count, len(table))
            result[columns] = product(totals.astype(np.float64), table).T
        return result

    def dense(self, columns: NDArray[np.int64], rows: NDArray[np.int64] | slice = slice(None)) -> Floats:
        """Some columns over some rows, spelled out."""
        result = np.zeros((len(self.codes[0][rows]), self.shape[1]))
        for codes, table, group in zip(self.codes, self.tables, self.columns, strict=True):
            result[:, group] = table[codes[rows]]
        return result[:, columns]


_Group = tuple[NDArray[np.int32], Floats, NDArray[np.int64]]


def _together(first: _Group, second: _Group) -> _Group | None:
    """Two groups as one, or nothing when that has too many states."""
    width = len(second[1])
    possible = len(first[1]) * width
    if possible > 64 * _STATES:
        return None
    joint = first[0] * np.int32(width) + second[0]
    occupied = np.zeros(possible, dtype=bool)
    occupied[joint] = True
    states = np.flatnonzero(occupied)
    if len(states) > _STATES:
        return None
    codes = (np.cumsum(occupied, dtype=np.int32) - np.int32(1))[joint]
    table = np.hstack([first[1][states // width], second[1][states % width]])
    return codes, table, np.concatenate([first[2], second[2]])


def operationalise(
    features: Features, settings: FactorSettings, grid: Grid, progress: Progress = silent
) -> FactorCandidates:
    """Candidates of one factor: proximity first, then density, each by ascending distance.

    Proximity at d: distance to the nearest feature ≤ d. Density at d: kernel density ≥ mean + density_sd · SD
    over the cells, SD with n − 1; or, with density_percent, at least that of the cell at this percentage from the top.

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
        raise InputError(no_feature(settings.name))
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


def no_feature(name: str) -> str:
    """What is wrong with a factor that has no feature, wherever that is noticed."""
    return f"The risk factor '{name}' has no feature with a geometry; remove the layer or its filter."


_Columns = Iterator[tuple[float, float | None, NDArray[np.bool_]]]


def _proximity(
    features: Features, settings: FactorSettings, ladder: tuple[float, ...], grid: Grid, progress: Progress
) -> _Columns:
    nearest = nearest_distance(features, grid, ladder[-1], progress)
    for distance in ladder:
        yield distance, None, _within(nearest, distance)


def _density(
    features: Features, settings: FactorSettings, ladder: tuple[float, ...], grid: Grid, progress: Progress
) -> _Columns:
    for distance, density in zip(ladder, kernel_densities(features, grid, ladder, progress), strict=True):
        threshold = density_threshold(density, settings)
        yield distance, threshold, _dense(density, threshold)


def density_threshold(density: Floats, settings: FactorSettings) -> float:
    """The density (cells,) from which a cell counts as dense; a cell without any never does.

    >>> density_threshold(np.array([0.0, 1, 2, 3, 9]), FactorSettings("bars", density_percent=40.0))
    3.0
    >>> density_threshold(np.array([1.0, 3.0]), FactorSettings("bars", density_sd=0.5)) == 2 + 0.5 * 2**0.5
    True
    """
    if settings.density_percent:
        among = max(1, int(settings.density_percent / 100 * len(density) * (1 + _TIE)))
        return float(np.partition(density, -among)[-among])
    spread = float(density.std(ddof=1)) if len(density) > 1 else 0.0
    return float(density.mean()) + settings.density_sd * spread


def exposed_cells(
    features: Features, candidate: Candidate, grid: Grid, progress: Progress = silent
) -> NDArray[np.bool_]:
    """The cells (n,) that some features expose to one candidate, with the threshold that the candidate has already.

    Parameters
    ----------
    features : Features
        May be empty: nothing is exposed then.

    Examples
    --------
    >>> bars = Candidate("bars_proximity_50", "bars", "proximity", 50.0, "aggravating")
    >>> grid = Grid(0, 100, 100, 200, np.ones((1, 2), bool))
    >>> exposed_cells(Features("point", np.array([[50.0, 90.0]]), 1), bars, grid).tolist()
    [True, False]
    """
    if not len(features.coordinates):
        return np.zeros(grid.cells, dtype=bool)
    if candidate.threshold is None:
        return _within(nearest_distance(features, grid, candidate.distance, progress), candidate.distance)
    return _dense(kernel_density(features, grid, candidate.distance, progress), candidate.threshold)


def _within(nearest: Floats, distance: float) -> NDArray[np.bool_]:
    within: NDArray[np.bool_] = nearest <= distance * (1 + _TIE)
    return within


def _dense(density: Floats, threshold: float) -> NDArray[np.bool_]:
    dense: NDArray[np.bool_] = (density >= threshold) & (density > 0)
    return dense
