"""Matrix products that stay fast inside QGIS."""

import numpy as np

from .features import Floats


def product(left: Floats, right: Floats) -> Floats:
    """left @ right, (m, k) by (k, n).

    On Debian, QGIS loads the reference BLAS of the GSL before numpy, whose own calls then end there: 20 to 50 times
    slower than OpenBLAS. scipy calls BLAS by its Fortran names, which the GSL does not have.

    Examples
    --------
    >>> product(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0], [10.0]])).tolist()
    [[21.0], [43.0]]
    """
    from scipy.linalg import blas

    if not left.size or not right.size:
        return np.zeros((left.shape[0], right.shape[1]))
    # Fortran reads a row-major array as its transpose: rightᵀ · leftᵀ = (left · right)ᵀ
    turn_left, turn_right = not left.flags.c_contiguous, not right.flags.c_contiguous
    result: Floats = blas.dgemm(
        1.0,
        right if turn_right else right.T,
        left if turn_left else left.T,
        trans_a=turn_right,
        trans_b=turn_left,
    ).T
    return result
