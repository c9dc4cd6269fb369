"""scipy where it is called often: loaded at the first call, so that the tools can say when it is missing.

QGIS wraps Python's import, which costs 30 microseconds each time, too much for an import inside a hot function.
"""

from functools import cache
from typing import Any

import numpy as np

from ..arrays import Floats


@cache
def special() -> Any:
    """scipy.special"""
    from scipy import special as module

    return module


@cache
def lapack() -> Any:
    """scipy.linalg.lapack"""
    from scipy.linalg import lapack as module

    return module


@cache
def fft() -> Any:
    """scipy.fft"""
    from scipy import fft as module

    return module


@cache
def _blas() -> Any:
    from scipy.linalg import blas as module

    return module


def product(left: Floats, right: Floats) -> Floats:
    """left @ right, (m, k) by (k, n).

    On Debian, QGIS loads the reference BLAS of the GSL before numpy, whose own calls then end there: 20 to 50 times
    slower than OpenBLAS. scipy calls BLAS by its Fortran names, which the GSL does not have.

    Examples
    --------
    >>> product(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [10.0]])).tolist()
    [[21.0], [43.0]]
    """
    if not left.size or not right.size:
        return np.zeros((left.shape[0], right.shape[1]))
    # Fortran reads a row-major array as its transpose: rightᵀ · leftᵀ = (left · right)ᵀ
    turn_left, turn_right = not left.flags.c_contiguous, not right.flags.c_contiguous
    result: Floats = (
        _blas()
        .dgemm(
            1.0,
            right if turn_right else right.T,
            left if turn_left else left.T,
            trans_a=turn_right,
            trans_b=turn_left,
        )
        .T
    )
    return result


def gram(matrix: Floats) -> Floats:
    """matrixᵀ @ matrix, on the calling thread alone.

    The general product wakes OpenBLAS's threads, which then wait for more in a loop and take processors away from ours.

    Examples
    --------
    >>> gram(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[10.0, 14.0], [14.0, 20.0]]
    """
    upper: Floats = _blas().dsyrk(1.0, matrix.T)
    return upper + np.triu(upper, 1).T


def nnls(matrix: Floats, target: Floats) -> Floats:
    """argmin ‖matrix·x − target‖ over x ≥ 0."""
    solution: Floats = _optimize().nnls(matrix, target)[0]
    return solution


@cache
def _optimize() -> Any:
    """scipy.optimize"""
    from scipy import optimize as module

    return module
