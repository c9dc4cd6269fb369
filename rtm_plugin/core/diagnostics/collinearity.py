"""How far columns of a design say the same as one another: variance inflation, and the condition number.

Both look at the design alone, not at the counts: what they warn of is that coefficients cannot be told apart, whatever
the events are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Floats

INFLATED = 10.0  # variance inflation: from here on, the usual warning (Marquardt 1970)
ILL_CONDITIONED = 30.0  # condition number: the same (Belsley, Kuh and Welsch 1980)
_ROUNDING = 1e-10  # of the length of a column: what is left of it when it follows from others is shorter


@dataclass(frozen=True, slots=True, kw_only=True)
class Collinearity:
    """What the columns of a design share.

    Parameters
    ----------
    inflation : tuple of float, k
        Variance inflation factor of each column, 1 or more: how many times larger the variance of its coefficient is
        than were it uncorrelated with the others. Infinite where the others and the intercept give the column exactly.
    condition : float
        Largest over smallest singular value of the design with its intercept, each column scaled to length 1; infinite
        where one of the columns follows from the others.
    """

    inflation: tuple[float, ...]
    condition: float


def collinearity(design: Floats) -> Collinearity:
    """Variance inflation factors and condition number.

    VIFⱼ = 1/(1 − Rⱼ²), with Rⱼ² of the least-squares regression of column j on the intercept and the other columns
    (Marquardt 1970). The condition number is that of Belsley, Kuh and Welsch (1980): columns are scaled, not centred.

    Parameters
    ----------
    design : (n, k) float64, without the intercept column

    Examples
    --------
    Two columns of correlation 1/√3: R² is 1/3 either way, and VIF 3/2. The cosine c between the intercept and the
    first column is 1/√2, and the square of the condition number (1 + c)/(1 − c).

    >>> first, second = np.array([1.0, 1, 0, 0]), np.array([1.0, 1, 1, 0])
    >>> [round(vif, 6) for vif in collinearity(np.column_stack([first, second])).inflation]
    [1.5, 1.5]
    >>> round(collinearity(first[:, None]).condition ** 2, 6)
    5.828427
    """
    k = design.shape[1]
    with_intercept = np.column_stack([np.ones(len(design)), design])
    centred = design - design.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=0)
    constant = lengths <= _ROUNDING * np.linalg.norm(design, axis=0)
    triangle = np.linalg.qr(centred / np.where(constant, 1.0, lengths))[1]
    inflation = tuple(np.inf if constant[j] else _inflation(triangle, j) for j in range(k))
    return Collinearity(inflation=inflation, condition=_condition(with_intercept))


def _inflation(triangle: Floats, j: int) -> float:
    """1/(1 − R²) of column j, of length 1, on the others; the triangle of a QR decomposition has all their products."""
    column, others = triangle[:, j], np.delete(triangle, j, axis=1)
    fitted = others @ np.linalg.lstsq(others, column, rcond=None)[0] if others.shape[1] else 0.0 * column
    left = float(np.linalg.norm(column - fitted))
    return 1.0 / min(left**2, 1.0) if left > _ROUNDING else np.inf


def _condition(matrix: Floats) -> float:
    lengths = np.linalg.norm(matrix, axis=0)
    if not lengths.all():
        return np.inf
    sizes = np.linalg.svd(matrix / lengths, compute_uv=False)
    return float(sizes[0] / sizes[-1]) if sizes[-1] > _ROUNDING * sizes[0] else np.inf
