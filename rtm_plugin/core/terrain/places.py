"""Priority places, where problems lie: touching cells of high score, ranked, with the factors at work in them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..candidates.columns import CandidateSet
from ..documents.settings import PlaceSettings
from ..ground.grid import Grid
from ..tools.progress import Progress, silent
from .scores import ScoreSummary, Term, contribution

_TOUCHING = np.ones((3, 3), dtype=int)
_WIDEST_NEIGHBOURHOOD = 4  # cells to each side, for breaking ties
FEWEST = 5  # places: where the highest class gives fewer, the cells of the highest scores are taken instead
TOP_SHARE = 5.0  # percent of the cells that are then taken


@dataclass(frozen=True, slots=True)
class FactorPresence:
    """A factor at work in a place: the share of its cells that are raised by it.

    An aggravating factor raises a cell by being near; a protective one by being absent, which `text` says.
    """

    factor: str
    share: float
    protective: bool = False

    @property
    def text(self) -> str:
        """The factor in words.

        >>> FactorPresence("police stations", 1.0, protective=True).text
        'no police stations near'
        """
        return f"no {self.factor} near" if self.protective else self.factor


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Words that a place is found by; each is "" where it is not known.

    Parameters
    ----------
    reference : str
        Of its middle: "TQ 30073 80393", or latitude and longitude.
    street, area, feature : str
        Names: the nearest street, the area that holds most of it, the most telling feature.
    """

    reference: str = ""
    street: str = ""
    area: str = ""
    feature: str = ""

    @property
    def text(self) -> str:
        """Reference, street and area in one line.

        >>> Whereabouts("TQ 30073 80393", area="Castle ward").text
        'TQ 30073 80393, Castle ward'
        """
        return ", ".join(filter(None, (self.reference, *self.names)))

    @property
    def names(self) -> tuple[str, ...]:
        """Street and area, as far as they are known."""
        return tuple(filter(None, (self.street, self.area)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One priority place.

    Parameters
    ----------
    rank : int, from 1
    cells : int
    area : float, square map units
    mean_score, max_score : float
    expected, observed : float or None, events in the place
    factors : tuple of FactorPresence, those at work in most of its cells first
    where : Whereabouts
    """

    rank: int
    cells: int
    area: float
    mean_score: float
    max_score: float
    expected: float | None
    observed: float | None
    factors: tuple[FactorPresence, ...]
    where: Whereabouts = field(default_factory=Whereabouts)

    @property
    def factor_text(self) -> str:
        """The factors in words.

        >>> presence = (FactorPresence("bars", 1.0), FactorPresence("parks", 0.25))
        >>> place = Place(
        ...     rank=1,
        ...     cells=4,
        ...     area=4e4,
        ...     mean_score=3.0,
        ...     max_score=4.0,
        ...     expected=None,
        ...     observed=None,
        ...     factors=presence,
        ... )
        >>> place.factor_text
        'bars (100 %), parks (25 %)'
        """
        return ", ".join(f"{f.text} ({f.share:.0%})".replace("%", " %") for f in self.factors)


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Priority places of a terrain.

    Parameters
    ----------
    label : (cells,) int64
        The rank of each cell's place, 0 outside.
    places : tuple of Place, by rank
    by_class : int or None
        How many places the class would have given, where the cells of the highest scores were taken instead; None
        where the rule stands.
    """

    label: NDArray[np.int64]
    places: tuple[Place, ...]
    by_class: int | None = None

    @property
    def cells(self) -> int:
        """Number of cells in priority places."""
        return int(np.count_nonzero(self.label))


def priority_places(
    grid: Grid,
    scores: NDArray[np.float32],
    settings: PlaceSettings,
    expected: Floats | None = None,
    observed: Floats | None = None,
    terms: Sequence[Term] = (),
    candidates: CandidateSet | None = None,
    progress: Progress = silent,
    fewest: int = 0,
) -> Places:
    """Choose cells, join those that touch (corners included), split what sprawls, and rank.

    Ranks go by expected events where they are given, else by the sum of the scores; ties by largest score, then by
    position from the north west. A factor is at work in a cell where it raises the score above the lowest: an
    aggravating one where the cell is exposed, a protective one where it is not.

    Parameters
    ----------
    grid : Grid
    scores : (cells,) float32
    settings : PlaceSettings
    expected, observed : (cells,) float64, optional
    terms, candidates : optional; the model's selected variables and their columns
    fewest : int
        Where a class gives fewer places than these, the TOP_SHARE percent of cells with the highest scores are taken
        instead, if they are more: a class that hardly any cell reaches says little about where to work.

    Returns
    -------
    Places

    Examples
    --------
    >>> grid = Grid(0, 300, 100, 200, np.ones((3, 3), bool))
    >>> scores = np.array([9, 1, 1, 1, 8, 1, 1, 1, 1], np.float32)
    >>> chosen = priority_places(grid, scores, PlaceSettings("count", 2))
    >>> chosen.label.tolist(), chosen.places[0].area
    ([1, 0, 0, 0, 1, 0, 0, 0, 0], 20000.0)
    """
    label = _joined(grid, choose_cells(grid, scores, settings))
    label, by_class = _enough(grid, scores, settings, label, fewest)
    progress(0.3)
    if settings.max_area is not None:
        label = _split(grid, label, max(1, int(settings.max_area / grid.cell_size**2 + 1e-9)), progress)
    weight = scores.astype(np.float64) if expected is None else expected
    label = _ranked(label, weight, scores)
    progress(0.8)
    at_work = [(t, _raised(t, candidates)) for t in terms] if candidates is not None else []
    return Places(label, _described(grid, label, scores, expected, observed, at_work), by_class)


def _enough(
    grid: Grid, scores: NDArray[np.float32], settings: PlaceSettings, label: NDArray[np.int64], fewest: int
) -> tuple[NDArray[np.int64], int | None]:
    """The joined cells of the rule; those of the highest scores where a class gives fewer places than asked."""
    found = int(label.max(initial=0))
    if settings.rule != "class" or found >= fewest or scores.max() == scores.min():
        return label, None
    top = _joined(grid, choose_cells(grid, scores, PlaceSettings("share", TOP_SHARE)))
    return (top, found) if np.count_nonzero(top) > np.count_nonzero(label) else (label, None)


def choose_cells(grid: Grid, scores: NDArray[np.float32], settings: PlaceSettings) -> NDArray[np.bool_]:
    """The cells that the rule asks for.

    A share or number of cells can end inside a tie, since a risk terrain has few distinct scores. The tie goes to the
    cells whose surroundings score highest (mean of the 3 × 3 cells, then of wider squares up to 9 × 9); cells equal
    in that too are all taken, so that no cell is chosen by its position in the grid.

    Returns
    -------
    (cells,) bool
    """
    if settings.rule == "class":
        return ScoreSummary.of(scores).classes(scores) > settings.value
    wanted = settings.value if settings.rule == "count" else settings.value / 100 * len(scores)
    wanted = min(len(scores), max(1, round(wanted)))
    keys = [scores.astype(np.float64)] + [
        _neighbourhood_mean(grid, scores, reach) for reach in range(1, _WIDEST_NEIGHBOURHOOD + 1)
    ]
    order = np.lexsort([-key for key in reversed(keys)])
    last = order[wanted - 1]
    tied = np.all([key == key[last] for key in keys], axis=0)
    chosen = tied.copy()
    chosen[order[:wanted]] = True
    return chosen


def _neighbourhood_mean(grid: Grid, scores: NDArray[np.float32], reach: int) -> Floats:
    """Mean score of the kept cells in the square around each cell.

    Scores are counted in whole units of 2⁻⁴⁰ of the largest: their sums are exact, so that equal surroundings tie.
    """
    from scipy import ndimage

    ones = np.ones(2 * reach + 1)
    units = np.rint(scores.astype(np.float64) * (2.0**40 / (float(scores.max()) or 1.0)))
    total, number = (
        ndimage.correlate1d(ndimage.correlate1d(values, ones, 0, mode="constant"), ones, 1, mode="constant")[grid.mask]
        for values in (grid.raster(units, 0.0), grid.mask.astype(np.float64))
    )
    return total / number


def _joined(grid: Grid, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    from scipy import ndimage

    label, _ = ndimage.label(grid.raster(chosen, False), structure=_TOUCHING)
    return label[grid.mask].astype(np.int64)


def _split(grid: Grid, label: NDArray[np.int64], most: int, progress: Progress) -> NDArray[np.int64]:
    """Cut every place of more than `most` cells across its longer axis, in parts as equal as can be, until all fit."""
    row, column = np.nonzero(grid.mask)
    result, next_label = np.zeros_like(label), 1
    by_place = np.argsort(label, kind="stable")
    cuts = np.searchsorted(label[by_place], np.arange(1, label.max(initial=0) + 2))
    waiting = [by_place[a:b] for a, b in pairwise(cuts)][::-1]
    while waiting:
        progress(0.5)
        cells = waiting.pop()
        if len(cells) <= most:
            result[cells] = next_label
            next_label += 1
            continue
        for half in _halves(row[cells], column[cells], most):
            waiting.extend(_touching_parts(row, column, cells[half]))
    return result


def _halves(
    row: NDArray[np.int64], column: NDArray[np.int64], most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two parts across the longer principal axis, each sized to hold whole parts of at most `most` cells."""
    place = np.column_stack([row, column]).astype(np.float64)
    centred = place - place.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axis = axes[:, 1] * (1.0 if axes[np.argmax(np.abs(axes[:, 1])), 1] > 0 else -1.0)
    order = np.lexsort((column, row, np.round(centred @ axis, 9)))
    parts_needed = -(-len(row) // most)
    first = len(row) * (parts_needed // 2) // parts_needed
    return order[:first], order[first:]


def _touching_parts(
    row: NDArray[np.int64], column: NDArray[np.int64], cells: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    from scipy import ndimage

    r, c = row[cells] - row[cells].min(), column[cells] - column[cells].min()
    patch = np.zeros((r.max() + 1, c.max() + 1), dtype=bool)
    patch[r, c] = True
    label, count = ndimage.label(patch, structure=_TOUCHING)
    return [cells[label[r, c] == i] for i in range(1, count + 1)]


def _ranked(label: NDArray[np.int64], weight: Floats, scores: NDArray[np.float32]) -> NDArray[np.int64]:
    from scipy import ndimage

    count = int(label.max(initial=0))
    if not count:
        return label
    size = np.round(np.bincount(label, weights=weight, minlength=count + 1)[1:], 6)
    largest = ndimage.maximum(scores, label, np.arange(1, count + 1))
    first = ndimage.minimum(np.arange(len(label)), label, np.arange(1, count + 1))
    rank = np.zeros(count + 1, dtype=np.int64)
    rank[1 + np.lexsort((first, -np.asarray(largest), -size))] = np.arange(1, count + 1)
    return rank[label]


def shares_in_places(label: NDArray[np.int64], places: int, parts: Floats) -> Floats:
    """Mean over the cells of each place of the shares that the factors have in them (method.md §5).

    Parameters
    ----------
    label : (cells,) int64, rank of each cell's place, 0 outside
    places : int
        How many of them, by rank from 1.
    parts : (terms, cells) float64, from `terrain.shares`

    Returns
    -------
    (terms, places) float64; each column sums to 1 where every cell of the place is raised

    Examples
    --------
    >>> shares_in_places(np.array([1, 1, 0, 2]), 2, np.array([[1.0, 0.5, 0.2, 0.0], [0.0, 0.5, 0.8, 1.0]])).tolist()
    [[0.75, 0.0], [0.25, 1.0]]
    """
    cells = np.maximum(np.bincount(label, minlength=places + 1)[1 : places + 1], 1)
    sums = [np.bincount(label, weights=part, minlength=places + 1)[1 : places + 1] for part in parts]
    return np.array(sums).reshape(len(parts), places) / cells


def middle_cell(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> tuple[int, int]:
    """Row and column of the cell nearest the middle of some cells: one of them, whatever their shape.

    >>> middle_cell(np.array([0, 0, 0, 1]), np.array([0, 1, 2, 1]))
    (0, 1)
    """
    nearest = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
    return int(rows[nearest]), int(columns[nearest])


def _raised(term: Term, candidates: CandidateSet) -> NDArray[np.bool_]:
    contributed = contribution(term, candidates)
    return contributed > 0 if term.direction == "aggravating" else contributed == 0


def _described(
    grid: Grid,
    label: NDArray[np.int64],
    scores: NDArray[np.float32],
    expected: Floats | None,
    observed: Floats | None,
    at_work: list[tuple[Term, NDArray[np.bool_]]],
) -> tuple[Place, ...]:
    from scipy import ndimage

    count = int(label.max(initial=0))

    def total(values: NDArray[Any]) -> Floats:
        result: Floats = np.bincount(label, weights=values.astype(np.float64), minlength=count + 1)[1:].astype(float)
        return result

    cells = np.bincount(label, minlength=count + 1)[1:].astype(np.int64)
    largest = ndimage.maximum(scores, label, np.arange(1, count + 1)) if count else []
    mean = total(scores) / cells
    events = None if expected is None else total(expected)
    seen = None if observed is None else total(observed)
    present = [(term, total(raised) / cells) for term, raised in at_work]
    return tuple(
        Place(
            rank=i + 1,
            cells=int(cells[i]),
            area=float(cells[i] * grid.cell_size**2),
            mean_score=float(mean[i]),
            max_score=float(largest[i]),
            expected=None if events is None else float(events[i]),
            observed=None if seen is None else float(seen[i]),
            factors=tuple(
                sorted(
                    (
                        FactorPresence(term.factor, float(share[i]), term.direction == "protective")
                        for term, share in present
                        if share[i] > 0
                    ),
                    key=lambda f: -f.share,
                )
            ),
        )
        for i in range(count)
    )
