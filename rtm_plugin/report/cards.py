"""One card for each of the first priority places: what an officer takes along."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..core.ground.nearby import Nearby, nearest_features
from ..core.model.document import RiskModel
from ..core.terrain.places import Place, middle_cell, shares_in_places
from .cells import Cells

NEAR_EACH, NEAR_ALL = 2, 10  # features named for each factor, and on a card
NOT_IN_FILE = {"in_file": False}


@dataclass(frozen=True, slots=True)
class FactorAtWork:
    """A factor's part in a place.

    Parameters
    ----------
    share : float or None
        Its share of what raises the place's risk, βⱼxⱼ / Σ βⱼxⱼ, mean over the cells.
    cells : float or None
        Share of the place's cells that it raises.
    separates : bool
        Whether it leaves no event on one side in the whole study area, so that its share rests on half an event.
    """

    factor: str
    protective: bool
    share: float | None
    cells: float | None
    separates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NearFeature:
    """A feature near the middle of a place; `inside` when it lies in one of the place's cells.

    Parameters
    ----------
    number : int
        On the map of the card.
    name : str
        "" where the layer has none.
    distance : float
        From the middle of the place, map units.
    """

    number: int
    factor: str
    name: str
    distance: float
    inside: bool
    x: float = field(default=0.0, metadata=NOT_IN_FILE)
    y: float = field(default=0.0, metadata=NOT_IN_FILE)


@dataclass(frozen=True, slots=True)
class PlaceCard:
    """One priority place in full; `middle` is the centre of the cell nearest its middle."""

    place: Place
    factors: tuple[FactorAtWork, ...]
    near: tuple[NearFeature, ...]
    middle: tuple[float, float] = field(default=(0.0, 0.0), metadata=NOT_IN_FILE)


def place_cards(model: RiskModel, places: Sequence[Place], cells: Cells, count: int) -> tuple[PlaceCard, ...]:
    """The cards of the first `count` places."""
    first = places[:count]
    if not first:
        return ()
    parts = None if cells.shares is None else shares_in_places(cells.places, len(places), cells.shares)
    ranks = cells.grid.raster(cells.places, 0)
    cards = []
    for place in first:
        at_work = _at_work(model, place, None if parts is None else [float(v) for v in parts[:, place.rank - 1]])
        middle = _middle(cells, ranks, place.rank)
        cards.append(PlaceCard(place, at_work, _near(at_work, cells, place, middle), middle))
    return tuple(cards)


def _at_work(model: RiskModel, place: Place, parts: Sequence[float] | None) -> tuple[FactorAtWork, ...]:
    """The factors that raise a place, the largest share first."""
    separated = {factor.name for factor in model.separation.factors} if model.separation is not None else set()
    present = {presence.factor: presence.share for presence in place.factors}
    at_work = [
        FactorAtWork(
            factor=term.factor,
            protective=term.direction == "protective",
            share=None if parts is None else parts[i],
            cells=present.get(term.factor),
            separates=term.name in separated,
        )
        for i, term in enumerate(model.selected)
        if (present.get(term.factor, 0.0) if parts is None else parts[i]) > 0
    ]
    return tuple(sorted(at_work, key=lambda f: (-(f.share or 0.0), -(f.cells or 0.0), f.factor)))


def _middle(cells: Cells, ranks: np.ndarray[tuple[int, int], np.dtype[np.int64]], rank: int) -> tuple[float, float]:
    row, column = middle_cell(*np.nonzero(ranks == rank))
    grid = cells.grid
    return grid.x_min + (column + 0.5) * grid.cell_size, grid.y_max - (row + 0.5) * grid.cell_size


def _near(
    at_work: Sequence[FactorAtWork], cells: Cells, place: Place, middle: tuple[float, float]
) -> tuple[NearFeature, ...]:
    """The features nearest the middle, by factor in the order of their shares."""
    features: list[NearFeature] = []
    for factor in at_work:
        layer = cells.layers.get(factor.factor)
        if layer is None:
            continue
        wanted = NEAR_EACH if layer.names is not None else 1
        nearest = nearest_features(layer.features, middle, wanted, layer.names)
        features += [_told(factor.factor, near, _inside(cells, near, place.rank)) for near in nearest]
    return tuple(replace(near, number=i) for i, near in enumerate(features[:NEAR_ALL], 1))


def _told(factor: str, near: Nearby, inside: bool) -> NearFeature:
    return NearFeature(
        number=0, factor=factor, name=near.name, distance=near.distance, inside=inside, x=near.x, y=near.y
    )


def _inside(cells: Cells, near: Nearby, rank: int) -> bool:
    cell = int(cells.grid.cell_of(np.array([[near.x, near.y]]))[0])
    return cell >= 0 and int(cells.places[cell]) == rank
