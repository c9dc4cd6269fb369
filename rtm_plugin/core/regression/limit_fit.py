"""Count regression where the likelihood has no finite maximum, because one side of a variable holds no event.

When every event lies in the exposed cells of a variable, the likelihood rises for ever as its coefficient grows
(complete separation; Albert and Anderson 1984, Correia, Guimarães and Zylkin 2019). In the limit the cells of the empty
side expect nothing and say nothing, so that all other coefficients are those of a fit to the remaining cells. That
limit is fitted exactly; then the coefficient is given the finite value at which the empty side expects half an event
altogether. For a single variable this is the correction of Haldane and Anscombe, and Firth's reduction of bias.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..errors import FitError
from .likelihood import Fit, Rows, fit, log_pmf

HALF_EVENT = 0.5
LEAST_EVENTS = 5  # with fewer, "all of them" is too easily chance
_UNUSABLE_ERROR = 50.0  # standard error of a coefficient that has wandered off without a maximum
_NONE = 1e-7  # of a direction of length about 1
_ROUNDS = 200


def finite_fit(family: str, rows: Rows, members: int, start: Floats | None = None) -> Fit:
    """Maximum likelihood, or its limit with half an event on the empty side where there is no finite maximum.

    Parameters
    ----------
    family : {"poisson", "nb1", "nb2"}
    rows : Rows
        The first `members` columns of the design are binary: 0/1, or 0/−1 for protective variables.
    members : int
    start : float64, optional
        As `likelihood.fit` takes it.

    Returns
    -------
    Fit
        `separated` names the members whose value rests on the half event.

    Raises
    ------
    FitError
        A coefficient that runs to minus infinity, collinear columns, or fewer than five events where there is
        separation.

    Examples
    --------
    40 events in the 10 exposed cells, none in the 90 others: 4 a cell against 0.5 / 90.

    >>> rows = Rows(np.array([[0.0], [1.0]]), np.array([0.0, 4.0]), np.array([90.0, 10.0]), np.zeros(2))
    >>> float(np.exp(finite_fit("poisson", rows, 1).coefficients[1]).round(6))
    720.0
    """
    used = rows.weights > 0
    rows = Rows(rows.design[used], rows.counts[used], rows.weights[used], rows.offset[used])
    direction = _direction_of_one(rows, members)
    if direction is not None:
        return _limit(family, rows, members, direction)
    try:
        result = fit(family, rows, start)
    except FitError:
        direction = _direction_of_several(rows, members)
        if direction is None:
            raise
        return _limit(family, rows, members, direction)
    if (result.standard_errors[1 : 1 + members] > _UNUSABLE_ERROR).any():
        direction = _direction_of_several(rows, members)
        if direction is not None:
            return _limit(family, rows, members, direction)
    return result


def _direction_of_one(rows: Rows, members: int) -> Floats | None:
    """The direction (1 + k,) in which a single member's coefficient grows for ever; the newest such member's.

    Raises
    ------
    FitError
        A member's coefficient falls for ever, or all cells are alike to it.
    """
    if not members:
        return None
    exposed = rows.design[:, :members] != 0
    events = rows.weights * rows.counts
    hits, total = events @ exposed, float(events.sum())
    for j in reversed(range(members)):
        if 0 < hits[j] < total:
            continue
        protective = bool((rows.design[:, j] < 0).any())
        if exposed[:, j].all() or not exposed[:, j].any() or (hits[j] > 0) == protective:
            raise FitError("A coefficient has no finite estimate: one side of a variable holds no event.")
        direction = np.zeros(1 + rows.design.shape[1])
        direction[1 + j], direction[0] = 1.0, 0.0 if protective else -1.0
        return direction
    return None


def _direction_of_several(rows: Rows, members: int) -> Floats | None:
    """The direction (1 + k,) in which several members grow for ever together; None when there is none.

    It must leave every row with events as it is and raise no other. Among such directions one is sought by iterative
    rectification (Correia, Guimarães and Zylkin 2019): regress what is lowered on the directions, cut what is below
    0, and repeat until nothing is.
    """
    matrix, with_events = rows.matrix, rows.counts > 0
    _, sizes, turned = np.linalg.svd(matrix[with_events])
    rank = int(np.count_nonzero(sizes > _NONE * max(float(sizes.max(initial=0.0)), 1.0)))
    free = turned[rank:].T  # (1 + k, d): directions that leave rows with events alone
    if not free.shape[1] or with_events.all():
        return None
    lowered = -matrix[~with_events] @ free
    wanted = np.ones(len(lowered))
    for _ in range(_ROUNDS):
        steps = np.linalg.lstsq(lowered, wanted, rcond=None)[0]
        reached = lowered @ steps
        if reached.min() >= -_NONE:
            break
        wanted = np.maximum(reached, 0.0)
    direction: Floats = free @ steps
    largest = float(np.abs(direction).max())
    if reached.min() < -_NONE or reached.max() <= _NONE or largest <= _NONE:
        return None
    direction = direction / largest
    of_members = direction[1 : 1 + members]
    grows = bool((of_members > _NONE).any()) and bool((of_members > -_NONE).all())
    return direction if grows else None


def _limit(family: str, rows: Rows, members: int, direction: Floats) -> Fit:
    """The fit to the cells that the direction leaves alone, and half an event in those that it empties."""
    events = float(rows.weights @ rows.counts)
    if events < LEAST_EVENTS:
        raise FitError(f"All of only {events:g} events lie on one side of a variable, too few to go by.")
    matrix = rows.matrix
    lowering = matrix @ direction
    empty = lowering < -_NONE
    column = int(np.flatnonzero(np.abs(direction[1 : 1 + members]) > _NONE)[-1])
    inner = finite_fit(family, _without(rows, ~empty, column), members - 1)
    others = np.insert(inner.coefficients, 1 + column, 0.0)
    unchanged = rows.weights[empty] * np.exp(matrix[empty] @ others + rows.offset[empty])
    step = _step_to_half_an_event(unchanged, -lowering[empty])
    coefficients = others + step * direction
    covariance = _covariance(inner, column, direction, matrix[empty], unchanged * np.exp(step * lowering[empty]))
    mean = np.exp(matrix @ coefficients + rows.offset)
    grown = np.flatnonzero(direction[1 : 1 + members] > _NONE)
    before = [j + (j >= column) for j in inner.separated]
    return Fit(
        family=family,
        coefficients=coefficients,
        standard_errors=np.sqrt(np.diag(covariance)),
        dispersion=inner.dispersion,
        log_dispersion_error=inner.log_dispersion_error,
        log_likelihood=float(rows.weights @ log_pmf(family, rows.counts, mean, inner.dispersion)),
        cells=float(rows.weights.sum()),
        covariance=covariance,
        separated=tuple(sorted({*before, *map(int, grown)})),
    )


def _without(rows: Rows, keep: NDArray[np.bool_], column: int) -> Rows:
    design = np.delete(rows.design, column, axis=1)
    return Rows(design[keep], rows.counts[keep], rows.weights[keep], rows.offset[keep])


def _step_to_half_an_event(unchanged: Floats, lowered: Floats) -> float:
    """The t at which Σ unchanged · exp(−t · lowered) is half an event, by bisection on a falling function.

    Raises
    ------
    FitError
        The empty side would hold less than half an event anyway.
    """
    if float(unchanged.sum()) <= HALF_EVENT:
        raise FitError("The side without events is so small that none was to be expected there.")
    low, high = 0.0, 1.0
    while float(unchanged @ np.exp(-high * lowered)) > HALF_EVENT:
        low, high = high, 2 * high
        if high > 1e6:
            raise FitError("The side without events cannot be brought to half an event.")
    for _ in range(100):
        middle = (low + high) / 2
        above = float(unchanged @ np.exp(-middle * lowered)) > HALF_EVENT
        low, high = (middle, high) if above else (low, middle)
    return (low + high) / 2


def _covariance(inner: Fit, column: int, direction: Floats, matrix: Floats, expected: Floats) -> Floats:
    """Covariance (1 + k, 1 + k) of all coefficients: that of the others, carried over, and half an event's own.

    ln of the expected half event has variance 1 / 0.5, as the count of a Poisson variable has. The step t follows from
    it and from the other coefficients θ: dt = (weights · X dθ + noise) / (weights · lowered).
    """
    k = len(direction)
    embed = np.delete(np.eye(k), 1 + column, axis=1)
    weights = expected / expected.sum()
    along = float(weights @ (matrix @ direction))
    carried = embed - np.outer(direction, weights @ matrix @ embed) / along
    along_direction = np.outer(direction, direction) / (HALF_EVENT * along**2)
    covariance: Floats = carried @ inner.covariance @ carried.T + along_direction
    return covariance
