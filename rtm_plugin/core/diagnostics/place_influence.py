"""What a Poisson fit owes to places: groups of cells that are left out together.

A place is to a fit what `cell_influence` has of a single cell: where it is found by one Newton step, and how far it
moves a coefficient is told by a fit without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..tools.progress import Progress, silent
from ..tools.scipy_calls import product
from .cell_influence import Patterns, decides

_LOOKED_AT = 3  # places for each column: those that move it most by one step


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceInfluence:
    """The place that a coefficient owes most to.

    Parameters
    ----------
    column : int
        Of the design.
    place : int
        Whose leaving-out brings the coefficient nearest to 0, in standard errors of the fit without it.
    cells : int
        Of the place.
    change : float or None
        By how many standard errors of the whole fit, above 0 towards 0; None where there is no estimate without the
        place.
    z : float
        Coefficient over its naive standard error.
    z_without : float or None
        The same in a fit without the place; None where there is none.
    """

    column: int
    place: int
    cells: int
    change: float | None
    z: float
    z_without: float | None

    @property
    def decides(self) -> bool:
        """Whether z is beyond 1.96, and without the place falls under it or ends on the other side of 0."""
        return decides(self.z, self.z_without)


def influential_places(
    design: Floats,
    counts: Floats,
    expected: Floats,
    coefficients: Floats,
    columns: Sequence[int],
    label: NDArray[np.int64],
    progress: Progress = silent,
) -> tuple[PlaceInfluence, ...]:
    """For each of some columns, the place whose leaving-out brings its coefficient nearest to 0.

    With I = XᵀWX, W = diag(μ), and I_g and s_g = Σ xᵢ·(yᵢ − μᵢ) of the cells of place g, leaving them out lowers the
    coefficients by (I − I_g)⁻¹s_g in one Newton step. The places with the largest steps are left out in fits.

    Parameters
    ----------
    design : (n, p) float64, the intercept first
    counts, expected : (n,) float64; μ above 0
    coefficients : (p,) float64
        Of the maximum, with which μ = exp(Xβ) times any exposure.
    columns : of the design, those of factors that have events on both sides
    label : (n,) int64
        Place of each cell, 1, 2, …; 0 for none.

    Returns
    -------
    tuple of PlaceInfluence
        Empty where no cell lies in a place.

    Examples
    --------
    Four exposed cells with 4, 4, 1 and 1 events, four others with one each: the coefficient is ln(5/2), and ln 1
    without the place of the first two.

    >>> design = np.column_stack([np.ones(8), np.array([1.0, 1, 1, 1, 0, 0, 0, 0])])
    >>> counts, expected = np.array([4.0, 4, 1, 1, 1, 1, 1, 1]), np.array([2.5, 2.5, 2.5, 2.5, 1, 1, 1, 1])
    >>> beta, label = np.array([0.0, np.log(2.5)]), np.array([1, 1, 2, 2, 2, 0, 0, 0])
    >>> (one,) = influential_places(design, counts, expected, beta, [1], label)
    >>> one.place, one.cells, round(one.z * np.sqrt(1 / 10 + 1 / 4) / np.log(2.5), 6), abs(round(one.z_without, 6))
    (1, 2, 1.0, 0.0)
    """
    places = np.unique(label[label > 0])
    if not len(places):
        return ()
    errors = np.sqrt(np.diag(np.linalg.inv(_information(design, expected))))
    steps = _one_steps(design, counts, expected, label, places)
    patterns = Patterns.of(design, counts, expected, coefficients)
    found = []
    for number, column in enumerate(columns):
        towards = -steps[:, column] if coefficients[column] < 0 else steps[:, column]
        towards = np.where(_empties_a_side(design[:, column], counts, label, places), np.inf, towards)
        tried = []
        for at in np.argsort(-towards, kind="stable")[:_LOOKED_AT]:
            progress(number / len(columns))
            tried.append(_without(patterns, label, int(places[at]), coefficients, column, float(errors[column])))
        found.append(min(tried, key=_nearness_to_0))
    return tuple(found)


def _without(
    patterns: Patterns, label: NDArray[np.int64], place: int, coefficients: Floats, column: int, error: float
) -> PlaceInfluence:
    """What a column owes to one place, by a fit without it; `error` is that of the whole fit."""
    cells, beta = np.flatnonzero(label == place), float(coefficients[column])
    change = z_without = None
    without = patterns.fit_without(cells, coefficients)
    if without is not None:
        moved = float(without.coefficients[column])
        change = (beta - moved) / error * (-1.0 if beta < 0 else 1.0)
        z_without = moved / float(without.standard_errors[column])
    return PlaceInfluence(
        column=column, place=place, cells=len(cells), change=change, z=beta / error, z_without=z_without
    )


def _nearness_to_0(one: PlaceInfluence) -> float:
    """Lowest where there is no estimate without the place, or where the coefficient changes its sign."""
    return -np.inf if one.z_without is None else one.z_without * (-1.0 if one.z < 0 else 1.0)


def _one_steps(
    design: Floats, counts: Floats, expected: Floats, label: NDArray[np.int64], places: NDArray[np.int64]
) -> Floats:
    """(places, p): by how much the coefficients fall in one Newton step when each place is left out."""
    information = _information(design, expected)
    steps = np.empty((len(places), design.shape[1]))
    for number, place in enumerate(places):
        own = np.flatnonzero(label == place)
        score = design[own].T @ (counts[own] - expected[own])
        rest = information - _information(design[own], expected[own])
        steps[number] = np.linalg.lstsq(rest, score, rcond=None)[0]  # a column that the rest lacks gets no step
    return steps


def _empties_a_side(
    column: Floats, counts: Floats, label: NDArray[np.int64], places: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """(places,) bool: those without which one side of a binary column holds no event."""
    left = []
    for side in (column != 0, column == 0):
        held = np.bincount(label, counts * side, int(places.max()) + 1)
        left.append(held.sum() - held[places])
    return np.minimum(*left) <= 0


def _information(design: Floats, expected: Floats) -> Floats:
    """XᵀWX, (p, p)."""
    return product(design.T, expected[:, None] * design)
