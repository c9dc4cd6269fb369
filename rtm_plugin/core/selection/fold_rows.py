"""Rows of a Poisson regression sorted by fold, for fitting all cross-validation fits together.

Fit 0 is to all rows, fit k to those outside fold k − 1. Coefficients are (q + p, fits): q free ones (the intercept,
then the adjustments), then the p candidates'. The work goes in chunks that stay in the cache of a processor core.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..candidates.columns import DesignMatrix
from ..tools.scipy_calls import gram, product

_CHUNK = 100_000  # numbers, rows × fits
_DENSE_CHUNK = 400_000  # numbers, rows × columns
_MERGE_BELOW = 0.7  # of the rows: merging must pay
_ENOUGH, _SPARSEST = 30_000, 4  # rows for an approximate curvature: so many, and at least every fourth
_KEYS = 2.0**40  # combinations of states: with more there are seldom two rows alike

Tick = Callable[[], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Chunk:
    """Some rows.

    rows, folds: which, and the part of each fold among them; states: their states as a sparse indicator; exposed: that
    transposed, times the exposures; exposure: (rows,) or None where all are 1.
    """

    rows: slice
    folds: list[tuple[int, slice]]
    states: Any  # scipy.sparse.csr_matrix
    exposed: Any  # scipy.sparse.csc_matrix
    exposure: Floats | None


class FoldRows:
    """Expected counts under given coefficients, summed as the likelihood needs them.

    Rows of one fold with the same states have the same rate: without adjustments they are merged into one row with the
    sum of their exposures, which changes no sum.

    Parameters
    ----------
    design : DesignMatrix, rows sorted by fold
    bounds : (folds + 1,) int64
        Where each fold begins; the last is n.
    offset : (n,) float64 or None
    adjust : (n, q − 1) float64 or None
    """

    def __init__(
        self, design: DesignMatrix, bounds: NDArray[np.int64], offset: Floats | None, adjust: Floats | None
    ) -> None:
        self._design, self._adjust = design, adjust
        self._folds = len(bounds) - 1
        self._free = 1 if adjust is None else 1 + adjust.shape[1]
        self._first = np.cumsum([0] + [len(table) for table in design.tables])
        rows: NDArray[np.int64] | slice = slice(None)
        exposure = None if offset is None else np.exp(offset)
        if adjust is None:
            rows, bounds, exposure = _merged(design, bounds, exposure)
        self._states = np.empty((bounds[-1], len(design.codes)), dtype=np.int32)
        for i, code in enumerate(design.codes):
            np.add(code[rows], np.int32(self._first[i]), out=self._states[:, i])
        self._chunks = list(self._split(bounds, exposure))
        self._table = self._of_states()

    def _split(self, bounds: NDArray[np.int64], exposure: Floats | None) -> Iterator["_Chunk"]:
        from scipy import sparse

        n, groups = self._states.shape
        most = max(1, _CHUNK // (self._folds + 1))
        ones = np.ones(most * groups)
        pointers = np.arange(0, ones.size + 1, groups, dtype=np.int32)
        for start in range(0, n, most):
            rows = slice(start, min(start + most, n))
            length = rows.stop - start
            where = (self._states[rows].ravel(), pointers[: length + 1])
            shape = (length, int(self._first[-1]))
            states = sparse.csr_matrix((ones[: length * groups], *where), shape=shape)
            exposure_here = None if exposure is None else exposure[rows]
            exposed = (
                states
                if exposure_here is None
                else sparse.csr_matrix((np.repeat(exposure_here, groups), *where), shape=shape)
            )
            ends = np.clip(bounds - start, 0, length)
            parts = [(k, slice(ends[k], ends[k + 1])) for k in range(self._folds) if ends[k] < ends[k + 1]]
            yield _Chunk(rows, parts, states, exposed.T, exposure_here)

    def _of_states(self) -> Any:
        """(states, q + p) sparse: the columns of each state of each group; the first group carries the intercept."""
        from scipy import sparse

        entries = [(np.ones(self._first[1]), np.arange(self._first[1]), np.zeros(self._first[1], dtype=np.int64))]
        for first, table, columns in zip(self._first, self._design.tables, self._design.columns, strict=False):
            state, column = np.nonzero(table)
            entries.append((table[state, column], first + state, self._free + columns[column]))
        values, states, columns = (np.concatenate(part) for part in zip(*entries, strict=True))
        shape = (int(self._first[-1]), self._free + self._design.shape[1])
        return sparse.csr_matrix((values, (states, columns)), shape=shape)

    def _log_rate(self, chunk: "_Chunk", by_state: Floats, coefficients: Floats) -> Floats:
        """Of one unit of exposure."""
        result: Floats = chunk.states @ by_state
        if self._adjust is not None:
            result += product(self._adjust[chunk.rows], coefficients[1 : self._free])
        return result

    def expected(self, coefficients: Floats, fits: NDArray[np.int64], tick: Tick) -> tuple[Floats, Floats]:
        """Sums of the expected counts μ.

        Parameters
        ----------
        coefficients : (q + p, m) float64
        fits : (m,) int64
            Which fits these are.
        tick : callable
            Called often; it may raise.

        Returns
        -------
        (q + p, m) float64
            Σ μ·x over the rows of each fit, for the intercept, the adjustments and the candidates.
        (m,) float64
            Σ μ over the fold that the fit did not see; 0 for fit 0.
        """
        by_state = self._table @ coefficients
        sums, held = np.zeros_like(by_state), np.zeros(len(fits))
        adjusted = np.zeros((self._free - 1, len(fits)))
        place = {int(fit) - 1: j for j, fit in enumerate(fits)}
        for chunk in self._chunks:
            tick()
            rate = self._log_rate(chunk, by_state, coefficients)
            np.exp(rate, out=rate)
            for fold, rows in chunk.folds:
                if fold in place:
                    unseen = rate[rows, place[fold]]
                    held[place[fold]] += unseen.sum() if chunk.exposure is None else unseen.dot(chunk.exposure[rows])
                    unseen[:] = 0.0
            sums += chunk.exposed @ rate
            if self._adjust is not None:
                adjust = self._adjust[chunk.rows]
                adjust = adjust if chunk.exposure is None else adjust * chunk.exposure[:, None]
                adjusted += product(adjust.T, rate)
        result: Floats = self._table.T @ sums
        result[1 : self._free] = adjusted
        return result, held

    def curvature(self, coefficients: Floats, tick: Tick, exact: bool = True) -> Floats:
        """(folds, q + p, q + p): Σ μ·x·xᵀ over each fold for coefficients (q + p,).

        Unless exact, from every k-th row, which is enough to find the way.
        """
        column = coefficients[:, None]
        by_state = self._table @ column
        size = len(coefficients)
        result = np.zeros((self._folds, size, size))
        every = 1 if exact else min(_SPARSEST, max(1, len(self._states) // _ENOUGH))
        most = every * max(1, _DENSE_CHUNK // size)
        for chunk in self._chunks:
            root = np.exp(self._log_rate(chunk, by_state, column) / 2)
            if chunk.exposure is not None:
                root *= np.sqrt(chunk.exposure)[:, None]
            for fold, rows in chunk.folds:
                for start in range(rows.start, rows.stop, most):
                    tick()
                    stop, first = min(start + most, rows.stop), chunk.rows.start
                    scaled = self._dense(slice(first + start, first + stop, every)) * root[start:stop:every]
                    result[fold] += gram(scaled)
        return result * every

    def _dense(self, rows: slice) -> Floats:
        """(rows, q + p): free columns and candidates, spelled out."""
        states = self._states[rows]
        result = np.ones((len(states), self._free + self._design.shape[1]))
        if self._adjust is not None:
            result[:, 1 : self._free] = self._adjust[rows]
        for i, (table, columns) in enumerate(zip(self._design.tables, self._design.columns, strict=True)):
            result[:, self._free + columns] = table[states[:, i] - self._first[i]]
        return result


def _merged(
    design: DesignMatrix, bounds: NDArray[np.int64], exposure: Floats | None
) -> tuple[NDArray[np.int64] | slice, NDArray[np.int64], Floats | None]:
    """One row for each fold and combination of states: which, where each fold begins, exposures."""
    sizes = [len(table) for table in design.tables]
    folds = len(bounds) - 1
    if np.prod([float(size) for size in sizes]) * folds > _KEYS:
        return slice(None), bounds, exposure
    fold = np.repeat(np.arange(folds), np.diff(bounds))
    key = fold
    for code, size in zip(design.codes, sizes, strict=True):
        key = key * size + code
    _, rows, group, cells = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    if len(rows) > _MERGE_BELOW * len(key):
        return slice(None), bounds, exposure
    summed: Floats = np.bincount(group.ravel(), exposure).astype(np.float64) if exposure is not None else cells * 1.0
    return rows, np.searchsorted(fold[rows], np.arange(folds + 1)), summed
