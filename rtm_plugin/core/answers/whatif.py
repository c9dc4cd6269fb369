"""What if a factor's features were other ones: the terrain, the expected events, and the change by place.

Only the selected variable of that factor changes, so the model's own maps suffice: where a cell becomes exposed or is
so no longer, the rate is multiplied or divided by the relative risk value. The density threshold stays the model's; one
computed from the changed layer would move the meaning of "dense" together with the features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..candidates.columns import Candidate, exposed_cells
from ..errors import InputError
from ..ground.features import Features, inside
from ..ground.grid import Grid
from ..model.document import RiskModel
from ..model.parts import CandidateFate, ModelTerm
from ..tools.normal import NORMAL_95
from ..tools.progress import Progress, part, silent

NOT_CAUSE = "association, not proof of cause"
WHOLE_AREA = "whole study area"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WhatIf:
    """What the model associates with the changed layer, over n cells.

    Parameters
    ----------
    term : ModelTerm or None
        The selected variable of the factor; None when the model did not select it, and nothing changes.
    standard_error : float
        Of its coefficient, as people are told it.
    exposed_before, exposed_after : (n,) bool
    scores : (n,) float32
        On the scale of the terrain before: 1 is its lowest risk, so that both maps can be compared.
    expected : (n,) float32
    before : (n,) float64
        Expected counts before.
    difference : (n,) float64
        Expected counts, after − before.
    """

    term: ModelTerm | None
    standard_error: float
    exposed_before: NDArray[np.bool_]
    exposed_after: NDArray[np.bool_]
    scores: NDArray[np.float32]
    expected: NDArray[np.float32]
    before: Floats
    difference: Floats

    @property
    def cells_changed(self) -> int:
        """Cells that are exposed only before or only after."""
        return int(np.count_nonzero(self.exposed_before != self.exposed_after))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceChange:
    """Expected events of one place before and after.

    Parameters
    ----------
    low, high : float
        The change at the two ends of the coefficient's 95 % interval, the smaller first.
    """

    place: str
    cells: int
    before: float
    after: float
    low: float
    high: float

    @property
    def change(self) -> float:
        """Events, after − before."""
        return self.after - self.before

    @property
    def percent(self) -> float | None:
        """The change in percent of what was expected before."""
        return 100.0 * self.change / self.before if self.before > 0 else None


def term_of(model: RiskModel, factor: str) -> ModelTerm | None:
    """The selected variable of a factor; None when the model did not select the factor.

    Raises
    ------
    InputError
        The model knows no such factor.
    """
    names = list(dict.fromkeys(candidate.factor for candidate in model.candidates))
    if factor not in names:
        raise InputError(f"The model has no risk factor {factor!r}; choose one of {', '.join(names)}.")
    return next((term for term in model.selected if term.factor == factor), None)


def candidate_of(model: RiskModel, term: ModelTerm) -> tuple[Candidate, CandidateFate]:
    """A selected variable as a candidate, with the model's own threshold, and what the model tells of it."""
    fate = next(candidate for candidate in model.candidates if candidate.name == term.name)
    if (fate.threshold is None) != (term.operationalisation == "proximity"):
        raise InputError(f"The model file does not say how dense {term.name!r} is; make the model again.")
    wanted = (fate.factor, fate.operationalisation, fate.distance, fate.direction, fate.threshold)
    return Candidate(fate.name, *wanted), fate


def _unchanged(scores: NDArray[np.float32], expected: NDArray[np.float32]) -> WhatIf:
    """What becomes of a factor that is not in the model: nothing."""
    none = np.zeros(len(scores), dtype=bool)
    return WhatIf(
        term=None,
        standard_error=0.0,
        exposed_before=none,
        exposed_after=none,
        scores=scores,
        expected=expected,
        before=expected.astype(np.float64),
        difference=np.zeros(len(scores)),
    )


def _require_fitted_on(exposed: NDArray[np.bool_], fate: CandidateFate) -> None:
    """Refuse features that expose other cells than those that the model was fitted on."""
    cells = int(np.count_nonzero(exposed))
    if cells != fate.cells_exposed:
        raise InputError(
            f"The present features of {fate.factor!r} expose {cells:,} cells, and those that the model was fitted on "
            f"exposed {fate.cells_exposed:,}; give the layer, with its filter, that the model was fitted on."
        )


def what_if(
    model: RiskModel,
    factor: str,
    before: Features,
    after: Features,
    grid: Grid,
    scores: NDArray[np.float32],
    expected: NDArray[np.float32],
    progress: Progress = silent,
) -> WhatIf:
    """The model's maps with one factor's features changed.

    With x the exposure of a cell (0/1, protective 0/−1): μ′ = μ·exp(β(x′ − x)), and the score likewise. Exposure and
    adjustments of the model are in μ already and stay as they are.

    Parameters
    ----------
    model : RiskModel
    factor : str
    before : Features
        Those that the model was fitted on; held against the number of exposed cells in the model.
    after : Features, the layer as it would be; may be empty
    grid : Grid of n cells, those of the model
    scores, expected : (n,) float32, the model's terrain and expected counts

    Returns
    -------
    WhatIf

    Raises
    ------
    InputError
        An unknown factor, other geometries, or features that the model was not fitted on.
    """
    term = term_of(model, factor)
    if term is None:
        return _unchanged(scores, expected)
    if len(after.coordinates) and after.geometry != before.geometry:
        raise InputError(
            f"The changed layer of {factor!r} holds {after.geometry}s, the present one {before.geometry}s; give both "
            "in the same kind of geometry."
        )
    candidate, fate = candidate_of(model, term)
    exposed_before = exposed_cells(before, candidate, grid, part(progress, 0.0, 0.5))
    _require_fitted_on(exposed_before, fate)
    exposed_after = exposed_cells(after, candidate, grid, part(progress, 0.5, 1.0))
    change = term.coefficient * _step(term, exposed_before, exposed_after)
    wide = expected.astype(np.float64)
    return WhatIf(
        term=term,
        standard_error=model.standard_error_of(term),
        exposed_before=exposed_before,
        exposed_after=exposed_after,
        scores=(scores * np.exp(change)).astype(np.float32),
        expected=(wide * np.exp(change)).astype(np.float32),
        before=wide,
        difference=wide * np.expm1(change),
    )


def place_changes(
    grid: Grid, change: WhatIf, places: Sequence[tuple[str, Features]], progress: Progress = silent
) -> tuple[PlaceChange, ...]:
    """Expected events before and after in each place, and in the whole study area as the last row.

    A cell belongs to every place that holds its centre; places of the same name are one. A place without cells is left
    out.

    Parameters
    ----------
    places : sequence of (name, Features of polygons)
    """
    members: dict[str, NDArray[np.bool_]] = {}
    centres = grid.centres
    for i, (name, polygons) in enumerate(places):
        inside_place = _centres_inside(polygons, centres)
        members[name] = members[name] | inside_place if name in members else inside_place
        progress((i + 1) / len(places))
    rows = [(name, cells) for name, cells in members.items() if cells.any()]
    return tuple(_row(name, cells, change) for name, cells in [*rows, (WHOLE_AREA, np.ones(grid.cells, dtype=bool))])


def _centres_inside(polygons: Features, centres: Floats) -> NDArray[np.bool_]:
    """Which centres lie inside; only those in the bounding box are looked at, as places are small."""
    covered = np.zeros(len(centres), dtype=bool)
    if len(polygons.coordinates):
        x0, y0, x1, y1 = polygons.extent
        near = ((centres >= (x0, y0)) & (centres <= (x1, y1))).all(axis=1)
        covered[near] = inside(polygons, centres[near])
    return covered


def _row(name: str, cells: NDArray[np.bool_], change: WhatIf) -> PlaceChange:
    before = float(change.before[cells].sum())
    after = before + float(change.difference[cells].sum())
    ends = [0.0, 0.0]
    if change.term is not None:
        step = _step(change.term, change.exposed_before[cells], change.exposed_after[cells])
        for i, sign in enumerate((-1.0, 1.0)):
            coefficient = change.term.coefficient + sign * NORMAL_95 * change.standard_error
            ends[i] = float((change.before[cells] * np.expm1(coefficient * step)).sum())
    return PlaceChange(
        place=name, cells=int(np.count_nonzero(cells)), before=before, after=after, low=min(ends), high=max(ends)
    )


def _step(term: ModelTerm, before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Floats:
    """x′ − x."""
    return term.sign * (after.astype(np.float64) - before)
