"""Selection: drop useless columns, cull, select under each family, keep that with the lowest BIC (method.md §4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..candidates.columns import CandidateSet
from ..documents.settings import SelectionSettings
from ..errors import InputError
from ..tools.progress import Clock, Progress, part, parts, silent
from . import stepwise
from .culling import Culling, cull
from .separation import SeparatedFactor, separated_factors
from .stepwise import Selected, profile, select


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Selection:
    """Outcome of the selection under every family tried.

    Parameters
    ----------
    dropped : mapping of candidate → why it is useless
    culling : Culling or None
    families : mapping of family → Selected
    family : str
        That with the lowest BIC.
    alternatives : mapping of candidate → BIC of the final model with it in its factor's place
    separated : tuple of SeparatedFactor
        They leave no event on one side, strongest first.
    """

    dropped: Mapping[str, str]
    culling: Culling | None
    families: Mapping[str, Selected]
    family: str
    alternatives: Mapping[str, float]
    separated: tuple[SeparatedFactor, ...] = ()

    @property
    def best(self) -> Selected:
        """Of the chosen family."""
        return self.families[self.family]

    def table(self) -> Any:
        """A DataFrame of the selected candidates in order of entry: name, coefficient, standard error, p, RRV."""
        import pandas

        fit, names = self.best.fit, [candidate.name for candidate in self.best.candidates]
        rows = slice(1, 1 + len(names))
        return pandas.DataFrame(
            {
                "name": names,
                "coefficient": fit.coefficients[rows],
                "standard_error": fit.standard_errors[rows],
                "p_value": fit.p_values[rows],
                "rrv": np.exp(fit.coefficients[rows]),
            }
        )


def select_model(
    counts: Floats,
    candidates: CandidateSet | Any,
    settings: SelectionSettings | None = None,
    offset: Floats | None = None,
    adjust: Floats | None = None,
    progress: Progress = silent,
    clock: Clock | None = None,
    workers: int = 1,
    copy_of: NDArray[np.int64] | None = None,
) -> Selection:
    """Drop useless columns, cull, select under each family, keep the family with the lowest BIC.

    Parameters
    ----------
    counts : (n,) float64, whole numbers
    candidates : CandidateSet, or what CandidateSet.of takes: a DataFrame of 0 and 1
    settings : SelectionSettings, optional
    offset : (n,) float64, optional, log exposure
    adjust : (n, q) float64, optional, columns always in the model
    workers : int
        Threads; the result is the same.
    copy_of : (n,) int64, optional
        Which cell each is a copy of, where cells were drawn with replacement: copies share a fold of the culling.

    Raises
    ------
    InputError
        No events, counts that are not whole numbers, or no usable candidate.
    """
    clock, settings = clock or Clock(), settings or SelectionSettings()
    counts = np.asarray(counts, dtype=np.float64)
    if not isinstance(candidates, CandidateSet):
        candidates = CandidateSet.of(candidates)
    check_counts(counts)
    if len(counts) != candidates.cells:
        raise InputError(f"There are {len(counts):,} counts and {candidates.cells:,} rows of candidates.")
    dropped = useless_columns(candidates)
    pool = _usable(candidates, dropped)
    culling = None
    if settings.cull:
        with clock.stage("culling"):
            watched = part(progress, 0.0, 0.6)
            culling = cull(
                counts,
                pool,
                settings,
                offset=offset,
                adjust=adjust,
                progress=watched,
                workers=workers,
                copy_of=copy_of,
            )
    separated = separated_factors(counts, pool, offset)
    kept = _survivors(pool, culling, separated)
    tried = zip(settings.families, parts(part(progress, 0.6, 0.9), len(settings.families)), strict=True)
    with clock.stage("selection"):
        families = {family: select(family, counts, kept, offset, adjust, share) for family, share in tried}
        family = min(families, key=lambda name: families[name].fit.bic)
        alternatives = profile(
            family,
            counts,
            families[family],
            candidates=pool,
            offset=offset,
            adjust=adjust,
            progress=part(progress, 0.9, 1.0),
            separated={factor.name for factor in separated},
        )
    return Selection(
        dropped=dropped,
        culling=culling,
        families=families,
        family=family,
        alternatives=alternatives,
        separated=separated,
    )


def without(
    selection: Selection,
    names: Sequence[str],
    counts: Floats,
    candidates: CandidateSet,
    offset: Floats | None = None,
    adjust: Floats | None = None,
    progress: Progress = silent,
) -> Selection:
    """The selection with some variables taken out of the chosen family's model; the other families stay on record.

    Parameters
    ----------
    names : of variables of the chosen family's model, in the order in which they leave
    counts, candidates, offset, adjust
        As for `select_model`.

    Raises
    ------
    FitError
        What is left cannot be fitted.
    """
    if not names:
        return selection
    family, pool = selection.family, _usable(candidates, selection.dropped)
    reduced = stepwise.without(family, counts, selection.best, names, pool, offset, adjust)
    alternatives = profile(
        family,
        counts,
        reduced,
        candidates=pool,
        offset=offset,
        adjust=adjust,
        progress=progress,
        separated={factor.name for factor in selection.separated},
    )
    return replace(selection, families={**selection.families, family: reduced}, alternatives=alternatives)


def _usable(candidates: CandidateSet, dropped: Mapping[str, str]) -> CandidateSet:
    usable = [c.name for c in candidates.candidates if c.name not in dropped]
    if not usable:
        raise InputError(
            "No candidate variable varies over the study area: every cell, or none, is within the spatial influence "
            "of each factor. Use other factors or influences."
        )
    return candidates.only(usable)


def _survivors(
    pool: CandidateSet, culling: Culling | None, separated: Sequence[SeparatedFactor]
) -> CandidateSet | None:
    """What the culling leaves, and those that leave no event on one side.

    A penalty measures a factor by its ratio, which these lack: it is infinite.
    """
    if culling is None:
        return pool
    beyond_penalty = {factor.name for factor in separated}
    names = [c.name for c in pool.candidates if c.name in culling.survivors or c.name in beyond_penalty]
    return pool.only(names) if names else None


def check_counts(counts: Floats) -> None:
    """Refuse counts that no model can be fitted to, before any long work."""
    if not np.isfinite(counts).all() or (counts < 0).any() or (counts != np.rint(counts)).any():
        raise InputError(
            "The event counts are not all whole numbers of 0 or more; a count model needs plain counts, so count the "
            "events without a weight, or with whole-number weights."
        )
    if not counts.any():
        raise InputError("No event lies inside the study area; check the layer, its filter and its CRS.")
    if len(counts) < 10:
        raise InputError(f"The study area has only {len(counts)} cells; choose a smaller cell size.")


def useless_columns(candidates: CandidateSet) -> dict[str, str]:
    """Name → reason for each candidate that is constant or the same as an earlier one.

    The first of identical columns stays.
    """
    dropped: dict[str, str] = {}
    seen: dict[tuple[bytes, str], str] = {}
    for candidate, column in zip(candidates.candidates, candidates.columns(), strict=True):
        exposed = int(np.count_nonzero(column))
        key = (np.packbits(column).tobytes(), candidate.direction)
        if exposed == 0:
            dropped[candidate.name] = "No cell is exposed."
        elif exposed == len(column):
            dropped[candidate.name] = "Every cell is exposed."
        elif key in seen:
            dropped[candidate.name] = f"The same cells as {seen[key]}."
        else:
            seen[key] = candidate.name
    return dropped
