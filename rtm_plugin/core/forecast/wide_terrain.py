"""A terrain of all candidates: the elastic net itself, where the risk terrain keeps one variable a factor.

It describes how risk falls with distance in many small steps, which a map to act on should not, and a forecast may.
"""

import numpy as np

from ..arrays import Floats
from ..candidates.columns import DesignMatrix
from ..candidates.covariates import Observations
from ..documents.declaration import default_of
from ..documents.settings import SelectionSettings
from ..errors import FitError
from ..selection.culling import L1_SHARES, Culling, Path, fit_path, penalties, stratified_folds
from ..selection.penalised import Problem
from ..selection.procedure import useless_columns
from ..tools.progress import Progress, silent
from .mixture import Terrain

FOLDS, SEED = default_of(SelectionSettings, "folds"), default_of(SelectionSettings, "seed")
_MOST = 30.0  # of the log of a rate beside another


def wide_terrain(
    observed: Observations,
    counts: Floats,
    offset: Floats | None = None,
    progress: Progress = silent,
    culling: Culling | None = None,
) -> Terrain | None:
    """Expected counts by the elastic net at the penalty that cross-validation chooses (method.md §4.1), L1 share 0.95.

    Each fold's cells are also told what the fit without them expects: a mixture that is fitted on those sees through a
    terrain that has learnt its events by heart.

    Parameters
    ----------
    observed : Observations of n cells; its candidates are used, its counts are not
    counts : (n,) float64
    offset : (n,) float64, optional
        Log exposure, and what adjustments add to the log of the expected counts (pipeline.log_offset).
    culling : Culling, optional
        The culling of the same counts, where there was one: with the same folds, drawn once, and no adjustments, it
        holds what is wanted, and nothing is fitted again.

    Returns
    -------
    Terrain, or None where there are too few cells with events, or no candidate that varies
    """
    candidates = observed.candidates
    useless = useless_columns(candidates)
    progress(0.0)
    usable = [c.name for c in candidates.candidates if c.name not in useless]
    if not usable or np.count_nonzero(counts) < FOLDS:
        return None
    design = DesignMatrix(candidates.only(usable))
    labels = stratified_folds(counts, FOLDS, SEED)
    progress(0.05)
    path = _path_of(culling, len(usable)) if observed.adjust is None else None
    if path is None:
        problem = Problem.build(counts, design, labels, FOLDS, offset)
        try:
            path = fit_path(problem, L1_SHARES[0], penalties(problem, L1_SHARES[0], progress=progress), progress)
        except FitError:
            return None
    fits = path.coefficients[path.best]
    effects = np.column_stack([design.times(np.ascontiguousarray(fits[:, [k]]))[:, 0] for k in range(1 + FOLDS)])
    effects += path.intercepts[path.best][None]
    shift = 0.0 if offset is None else offset
    without = effects[np.arange(len(counts)), 1 + labels]
    return Terrain(_rates(effects[:, 0] + shift), _rates(without + shift))


def _path_of(culling: Culling | None, columns: int) -> Path | None:
    """The culling's own path for our L1 share, when it has our folds."""
    ours = culling is not None and (culling.folds, culling.seed, culling.draws) == (FOLDS, SEED, 1)
    for path in culling.paths if culling is not None and ours else ():
        if path.l1_share == L1_SHARES[0] and path.coefficients.shape[1] == columns:
            return path
    return None


def _rates(logs: Floats) -> Floats:
    """Rates in proportion, the highest 1."""
    rates: Floats = np.exp(np.maximum(logs - logs.max(), -_MOST))
    return rates
