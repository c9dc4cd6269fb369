"""What if the choices had been others? The study again with other grids, distances, cuts, families and seeds.

One choice is changed at a time, and the whole procedure is done anew, selection and significance included. What is said
of a factor in most of the runs does not hang on a choice that could as well have been another.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..accuracy.backtest import asked_of, settings_json, values_hash
from ..accuracy.likeness import nearest_cell, rank_correlation, top_overlap
from ..arrays import Floats
from ..candidates.covariates import Observations, observe
from ..errors import FitError, InputError
from ..ground.grid import Grid
from ..pipeline import Choice, candidate_set, choose, count
from ..selection.procedure import check_counts
from ..study import Study
from ..terrain.scores import risk_terrain
from ..tools.progress import Progress, part, parts, silent
from .sensitivity_runs import ChosenTerm, Sensitivity, SensitivityRun
from .variations import Variation, variations

AS_ASKED = "as asked"
TOP_SHARE = 0.05  # of the area
_OF_CELLS = ("study_area", "events", "factors", "grid", "exclude", "covariates")  # of a study: what its cells hold
_OTHER_CELLS = (
    "Exposure and adjustments are rasters of the study grid's own cells, so that no other cells can be tried with them."
)


def settings_text(study: Study, grid: Grid, more: Mapping[str, Any]) -> str:
    """All that decides the outcome of every run, as JSON: settings, and hashes of what was read.

    Parameters
    ----------
    grid : Grid of the study as asked
    more : mapping, such as the version of the plugin
    """
    covariates = study.covariates(grid) if study.covariates is not None else None
    return settings_json({**more, **asked_of(study, covariates), "events": values_hash(study.events)})


def sensitivity(
    study: Study,
    asked: Sequence[Variation] | None = None,
    *,
    done: Iterable[SensitivityRun] = (),
    save: Callable[[SensitivityRun], None] | None = None,
    announce: Callable[[int, str], None] | None = None,
    progress: Progress = silent,
    workers: int = 1,
) -> Sensitivity:
    """Run the study as asked and then every variation of it.

    A variation that no model can be fitted to is noted and not refused, so that one poor choice does not end a long
    series of runs. The study as asked must have a model.

    Parameters
    ----------
    study : Study
    asked : sequence of Variation, optional
        Those of `variations` when None.
    done : runs of this study that were finished before, with the same settings
    save : callable, optional
        Given each run as soon as it is finished.
    announce : callable, optional
        Told the number, from 1, and the name of each run before it begins.
    workers : int
        Threads; the result is the same.

    Raises
    ------
    InputError, FitError
        The study as asked has no event or no model.
    """
    first = Variation(AS_ASKED, "", study)
    listed = (first, *(variations(study) if asked is None else asked))
    finished = {run.key: run for run in done}
    missing = [(number, one) for number, one in enumerate(listed, 1) if one.key not in finished]
    if missing:
        base = _Base.of(first, finished.get(first.key), part(progress, 0.0, 0.05), workers)
        for (number, one), share in zip(missing, parts(part(progress, 0.05, 1.0), len(missing)), strict=True):
            if announce is not None:
                announce(number, one.name)
            run = base.run_first(share) if one is first else base.run(one, share)
            finished[one.key] = run
            if save is not None:
                save(run)
    progress(1.0)
    names = [settings.name for _, settings in study.factors]
    return Sensitivity.of(names, [finished[one.key] for one in listed])


@dataclass(eq=False)
class _Base:
    """The study as asked: its cells, which many variations share, and its scores, which all are held against.

    Parameters
    ----------
    first : Variation
    grid : Grid
        All cells of the study area, as `observed` may lack those without an exposure.
    observed : Observations
    scores : (n,) float64
        Of the observed cells; empty until the study as asked is run.
    """

    first: Variation
    grid: Grid
    observed: Observations
    workers: int
    scores: Floats = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, first: Variation, run: SensitivityRun | None, progress: Progress, workers: int) -> "_Base":
        """With its scores, where it was run before: its terms tell them, and nothing is selected again."""
        grid = first.grid
        observed = _observed(first, grid, progress, workers)
        base = cls(first, grid, observed, workers)
        if run is not None:
            base.scores = _scores(run, observed)
        return base

    def run_first(self, progress: Progress) -> SensitivityRun:
        """The study as asked."""
        run = _chosen(self.first, self.observed, progress, self.workers)
        self.scores = _scores(run, self.observed)
        return self._compared(run, self.observed)

    def run(self, variation: Variation, progress: Progress) -> SensitivityRun:
        """One variation, or a note why it cannot be run."""
        choice, value = variation.key
        try:
            observed = self._cells_of(variation, part(progress, 0.0, 0.3))
            run = _chosen(variation, observed, part(progress, 0.3, 1.0), self.workers)
            return self._compared(run, observed)
        except (FitError, InputError) as error:
            return SensitivityRun(choice=choice, value=value, note=str(error))

    def _cells_of(self, variation: Variation, progress: Progress) -> Observations:
        """Those of the study as asked where only the selection differs."""
        asked, study = self.first.study, variation.study
        same = all(getattr(study, name) is getattr(asked, name) for name in _OF_CELLS)
        if same and variation.shift == self.first.shift:
            return self.observed
        grid = variation.grid
        if study.covariates is not None and not grid.same_cells(self.grid):
            try:
                study.covariates(grid)
            except InputError as error:
                raise InputError(_OTHER_CELLS) from error
        return _observed(variation, grid, progress, self.workers)

    def _compared(self, run: SensitivityRun, observed: Observations) -> SensitivityRun:
        """With what its map has in common with that of the study as asked, at the centres of the latter's cells."""
        other = _scores(run, observed)[nearest_cell(observed.grid, self.observed.grid)]
        return replace(
            run, correlation=rank_correlation(self.scores, other), overlap=top_overlap(self.scores, other, TOP_SHARE)
        )


def _observed(variation: Variation, grid: Grid, progress: Progress, workers: int) -> Observations:
    study = variation.study
    counts = count(grid, study.events).counts
    check_counts(counts)
    covariates = study.covariates(grid) if study.covariates is not None else None
    return observe(grid, counts, candidate_set(study.factors, grid, progress, workers), covariates)


def _chosen(variation: Variation, observed: Observations, progress: Progress, workers: int) -> SensitivityRun:
    """The whole procedure of selection; not compared yet."""
    choice = choose(observed, variation.study.selection, progress=progress, workers=workers)
    selected, established, reason = _told(choice)
    return SensitivityRun(
        choice=variation.choice,
        value=variation.value,
        cells=observed.grid.cells,
        events=float(observed.counts.sum()),
        family=choice.best.family,
        terms=tuple(
            ChosenTerm(name=term.name, factor=term.factor, direction=term.direction, coefficient=term.coefficient)
            for term in choice.best.selected
        ),
        selected=selected,
        established=established if variation.study.selection.significance == "spatial" else None,
        note=reason,
    )


def _told(choice: Choice) -> tuple[tuple[str, ...], tuple[str, ...] | None, str]:
    """Factors that were selected, those that are established, and why these cannot be tested."""
    significance = choice.significance
    if significance is None:
        return tuple(candidate.factor for candidate in choice.selection.best.candidates), (), ""
    tests = (*significance.remaining, *significance.left)
    selected = tuple(test.factor for test in tests)
    if significance.reason:
        return selected, None, significance.reason
    return selected, tuple(test.factor for test in tests if test.established), ""


def _scores(run: SensitivityRun, observed: Observations) -> Floats:
    """(n,): the scores of the model that a run ends with, on the cells that it was fitted on."""
    return risk_terrain(0.0, run.terms, observed.candidates).scores.astype(np.float64)
