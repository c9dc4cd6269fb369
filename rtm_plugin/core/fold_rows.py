"""Rows of a Poisson regression sorted by fold, for fitting all cross-validation fits together.

Fit 0 is to all rows, fit k to those outside fold k − 1. Coefficients are (q + p, fits): q free ones (the intercept,
then the adjustments), then the p candidates'. The work goes in chunks that stay in the cache of a processor core.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .candidates import DesignMatrix
from .features import Floats
from .scipy_calls import product

_CHUNK = 100_000  # numbers, rows × fits
_DENSE_CHUNK = 400_000  # numbers, rows × columns
_MERGE_BELOW = 0.7  # of the rows: merging must pay
_KEYS = 2.0**40  # combinations of states: with more there are seldom two rows alike

Tick = Callable[[], None]


@dataclass(frozen=True, slots=True, eq=False)
class _Chunk:
    """Some rows: which, the part of each fold among them, their states as a sparse indicator, and that transposed."""

    rows: slice
    folds: list[tuple[int, slice]]
    states: Any  # scipy.sparse.csr_matrix
    transposed: Any  # scipy.sparse.csc_matrix


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
        self._design, self._offset, self._adjust = design, offset, adjust
        self._folds = len(bounds) - 1
        self._free = 1 if adjust is None else 1 + adjust.shape[1]
        self._first = np.cumsum([0] + [len(table) for table in design.tables])
        rows: NDArray[np.int64] | slice = slice(None)
        if adjust is None:
            rows, bounds, self._offset = _merged(design, bounds, offset)
        self._states = np.empty((bounds[-1], len(design.codes)), dtype=np.int32)
        for i, code in enumerate(design.codes):
            np.add(code[rows], np.int32(self._first[i]), out=self._states[:, i])
        self._chunks = list(self._split(bounds))

    def _split(self, bounds: NDArray[np.int64]) -> Iterator["_Chunk"]:
        from scipy import sparse

        n, groups = self._states.shape
        most = max(1, _CHUNK // (self._folds + 1))
        ones = np.ones(most * groups)
        pointers = np.arange(0, ones.size + 1, groups, dtype=np.int32)
        for start in range(0, n, most):
            rows = slice(start, min(start + most, n))
            length = rows.stop - start
            triple = (ones[: length * groups], self._states[rows].ravel(), pointers[: length + 1])
            states = sparse.csr_matrix(triple, shape=(length, self._first[-1]))
            ends = np.clip(bounds - start, 0, length)
            parts = [(k, slice(ends[k], ends[k + 1])) for k in range(self._folds) if ends[k] < ends[k + 1]]
            yield _Chunk(rows, parts, states, states.T)

    def _by_state(self, coefficients: Floats) -> Floats:
        """(states, fits): what each state of each group adds to the log rate; the first group carries the intercept."""
        result = np.empty((self._first[-1], coefficients.shape[1]))
        for i, (table, columns) in enumerate(zip(self._design.tables, self._design.columns, strict=True)):
            result[self._first[i] : self._first[i + 1]] = product(table, coefficients[self._free + columns])
        result[: self._first[1]] += coefficients[0]
        return result

    def _log_rate(self, chunk: "_Chunk", by_state: Floats, coefficients: Floats) -> Floats:
        result: Floats = chunk.states @ by_state
        if self._offset is not None:
            result += self._offset[chunk.rows, None]
        if self._adjust is not None:
            result += product(self._adjust[chunk.rows], coefficients[1 : self._free])
        return result

    def expected(self, coefficients: Floats, tick: Tick) -> tuple[Floats, Floats]:
        """Sums of the expected counts μ.

        Parameters
        ----------
        coefficients : (q + p, fits) float64
        tick : callable
            Called often; it may raise.

        Returns
        -------
        (q + p, fits) float64
            Σ μ·x over the rows of each fit, for the intercept, the adjustments and the candidates.
        (folds,) float64
            Σ μ over each fold under the fit that did not see it.
        """
        by_state = self._by_state(coefficients)
        sums, held = np.zeros_like(by_state), np.zeros(self._folds)
        result = np.zeros_like(coefficients)
        for chunk in self._chunks:
            tick()
            mean = self._log_rate(chunk, by_state, coefficients)
            np.exp(mean, out=mean)
            for fold, rows in chunk.folds:
                held[fold] += mean[rows, fold + 1].sum()
                mean[rows, fold + 1] = 0.0
            sums += chunk.transposed @ mean
            if self._adjust is not None:
                result[1 : self._free] += product(self._adjust[chunk.rows].T, mean)
        result[0] = sums[: self._first[1]].sum(axis=0)
        for i, (table, columns) in enumerate(zip(self._design.tables, self._design.columns, strict=True)):
            result[self._free + columns] = product(table.T, sums[self._first[i] : self._first[i + 1]])
        return result, held

    def curvature(self, coefficients: Floats, tick: Tick) -> Floats:
        """(folds, q + p, q + p): Σ μ·x·xᵀ over each fold for coefficients (q + p,)."""
        column = coefficients[:, None]
        by_state = self._by_state(column)
        size = len(coefficients)
        result = np.zeros((self._folds, size, size))
        most = max(1, _DENSE_CHUNK // size)
        for chunk in self._chunks:
            root = np.exp(self._log_rate(chunk, by_state, column) / 2)
            for fold, rows in chunk.folds:
                for start in range(rows.start, rows.stop, most):
                    tick()
                    part = slice(start, min(start + most, rows.stop))
                    scaled = (
                        self._dense(slice(chunk.rows.start + part.start, chunk.rows.start + part.stop)) * root[part]
                    )
                    result[fold] += product(scaled.T, scaled)
        return result

    def _dense(self, rows: slice) -> Floats:
        """(rows, q + p): free columns and candidates, spelled out."""
        result = np.ones((rows.stop - rows.start, self._free + self._design.shape[1]))
        if self._adjust is not None:
            result[:, 1 : self._free] = self._adjust[rows]
        for i, (table, columns) in enumerate(zip(self._design.tables, self._design.columns, strict=True)):
            result[:, self._free + columns] = table[self._states[rows, i] - self._first[i]]
        return result


def _merged(
    design: DesignMatrix, bounds: NDArray[np.int64], offset: Floats | None
) -> tuple[NDArray[np.int64] | slice, NDArray[np.int64], Floats | None]:
    """One row for each fold and combination of states: which, where each fold begins, log exposures."""
    sizes = [len(table) for table in design.tables]
    folds = len(bounds) - 1
    if np.prod([float(size) for size in sizes]) * folds > _KEYS:
        return slice(None), bounds, offset
    fold = np.repeat(np.arange(folds), np.diff(bounds))
    key = fold
    for code, size in zip(design.codes, sizes, strict=True):
        key = key * size + code
    _, rows, group, cells = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    if len(rows) > _MERGE_BELOW * len(key):
        return slice(None), bounds, offset
    if offset is None:
        exposure = cells.astype(np.float64)
        highest = 0.0
    else:
        highest = float(offset.max())
        exposure = np.maximum(np.bincount(group.ravel(), np.exp(offset - highest)), 1e-300)
    return rows, np.searchsorted(fold[rows], np.arange(folds + 1)), np.log(exposure) + highest
