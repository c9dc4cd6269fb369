"""What is told of patrol places beside what they expect: where they lie, and which priority places overlap them."""

import numpy as np
from numpy.typing import NDArray

from ...rtm_plugin.adapters.tables import PatrolsAbout
from ...rtm_plugin.core.terrain.patrol_places import PatrolPlaces, most_shared


def about_patrols(
    patrols: PatrolPlaces,
    metres_per_unit: float,
    areas: tuple[NDArray[np.int64], list[str]] | None = None,
    problems: NDArray[np.int64] | None = None,
) -> PatrolsAbout:
    """For the table, by rank.

    Parameters
    ----------
    areas : (label (cells,) int64, −1 in none; names by number), optional
    problems : (cells,) int64, optional
        Rank of each cell's priority place, 0 outside.
    """
    number = len(patrols.places)
    named, ranks = [""] * number, [None] * number
    if areas is not None:
        label, names = areas
        named = [["", *names][area] for area in most_shared(patrols.label, number, label + 1).tolist()]
    if problems is not None:
        ranks = most_shared(patrols.label, number, problems).tolist()
    return PatrolsAbout(metres_per_unit, named, ranks)
