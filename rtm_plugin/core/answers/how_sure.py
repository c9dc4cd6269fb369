"""How sure is this? The whole selection again on maps put together of blocks of the study's own.

Had the same city had another year, other cells would have had the events, and the procedure might have chosen other
factors and ranked other places first. Blocks of cells drawn with replacement stand for that (`resampled_blocks`); on
each such map everything is chosen anew: culling, stepwise selection and, where it is asked for, significance.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from ..arrays import Floats
from ..documents.settings import SelectionSettings
from ..doubt.covariance import Clustering, fitted_clustering
from ..doubt.lags import Lags
from ..errors import FitError, InputError, SettingsError
from ..model.parts import FamilyModel
from ..pipeline import StudyResult, choose, score
from ..tools.parallel import in_threads
from ..tools.progress import Progress, part, silent
from .how_sure_figures import LEAST_VALUES, FactorDoubt, MapTally, PlaceDoubt, factor_doubts
from .resampled_blocks import BlockSide, Resample

MOST_RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class HowSureSettings:
    """How the study is resampled.

    Parameters
    ----------
    resamples : int
    share : float
        Of the area, above 0 and below 1: the cells with the highest scores.
    side : float or None
        Of the blocks, map units; by how events cluster when None.
    with_significance : bool
        Whether the test of significance, where the study has one, is done for each resample too. It takes several times
        as long as the rest.
    """

    resamples: int = 100
    share: float = 0.05
    side: float | None = None
    with_significance: bool = False

    def __post_init__(self) -> None:
        if not LEAST_VALUES <= self.resamples <= MOST_RESAMPLES:
            raise SettingsError(
                f"The number of resamples is {self.resamples}; it must be between {LEAST_VALUES} and "
                f"{MOST_RESAMPLES:,}."
            )
        if not 0 < self.share < 1:
            raise SettingsError(f"The share of the area is {self.share:g}; it must be above 0 and below 1.")
        if self.side is not None and not 0 < self.side < math.inf:
            raise SettingsError(f"The side of the blocks is {self.side:g}; it must be a length above 0.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResampleRun:
    """What came of one resample.

    Parameters
    ----------
    number : int, from 1
    cells : int
    events : float, in these cells
    model : FamilyModel or None
        The model as it ends; None where none can be fitted.
    note : str
        Why there is no model, in a sentence.
    """

    number: int
    cells: int
    events: float
    model: FamilyModel | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HowSure:
    """All resamples, and what they say.

    Parameters
    ----------
    settings : HowSureSettings
    side : BlockSide
    runs : tuple of ResampleRun
    factors : tuple of FactorDoubt
        In the order of the study.
    places : tuple of PlaceDoubt
        By their rank in the study.
    probability : (n,) float64
        For each of the study's observed cells, to be in the top share of the area; they add up to the share times n.
    """

    settings: HowSureSettings
    side: BlockSide
    runs: tuple[ResampleRun, ...]
    factors: tuple[FactorDoubt, ...]
    places: tuple[PlaceDoubt, ...]
    probability: Floats = field(repr=False)

    @property
    def fitted(self) -> int:
        """Number of resamples with a model: all shares are of these."""
        return sum(run.model is not None for run in self.runs)


def how_sure(
    result: StudyResult,
    selection: SelectionSettings,
    settings: HowSureSettings | None = None,
    *,
    announce: Callable[[BlockSide], None] | None = None,
    progress: Progress = silent,
    workers: int = 1,
) -> HowSure:
    """Resample a study that was run.

    A resample that no model can be fitted to is noted and not refused; shares are of the others.

    Parameters
    ----------
    result : StudyResult
    selection : SelectionSettings
        Of the study; its seed is that of the resamples too.
    settings : HowSureSettings, optional
    announce : callable, optional
        Told how long the sides of the blocks are, before the long work begins.
    workers : int
        Threads; the result is the same.

    Raises
    ------
    InputError
        A side of the blocks that the map has no room for.
    FitError
        No resample has a model.
    """
    settings = settings or HowSureSettings()
    side = BlockSide.of(result.observations.grid, clustering(result), settings.side)
    if announce is not None:
        announce(side)
    asked = selection if settings.with_significance else replace(selection, significance="plain")
    jobs = [partial(_run, result, side.cells, number, asked) for number in range(1, settings.resamples + 1)]
    runs = in_threads(jobs, part(progress, 0.0, 0.95), workers)
    models = [run.model for run in runs if run.model is not None]
    if not models:
        raise FitError(f"None of the {len(runs)} resamples has a model. {runs[0].note}")
    maps = _maps(result, models, settings.share, part(progress, 0.95, 1.0))
    names = [block.factor for block in result.observations.candidates.factors]
    return HowSure(
        settings=settings,
        side=side,
        runs=tuple(runs),
        factors=factor_doubts(names, result.model, models),
        places=maps.places,
        probability=maps.probability,
    )


def clustering(result: StudyResult) -> float:
    """Mean distance over which events cluster beyond the study's model, map units; 0 where they do not.

    That which the test of significance found; without a test, that of what the expected counts leave.
    """
    found = result.model.significance
    if found is not None and found.ranges:
        return Clustering(found.nugget, np.array(found.variances), np.array(found.ranges)).mean_range
    seen = result.observations
    return fitted_clustering(
        Lags.between(seen.grid), seen.counts, result.terrain.expected.astype(np.float64)
    ).mean_range


def _run(result: StudyResult, side: int, number: int, selection: SelectionSettings, progress: Progress) -> ResampleRun:
    """One resample: drawn, selected, and scored to see that it can be."""
    progress(0.0)  # before any work, so that the jobs that wait end at once when somebody cancels
    seen = result.observations
    again = Resample.draw(seen.grid, side, (selection.seed, number)).of(seen)
    drawn = ResampleRun(number=number, cells=again.grid.cells, events=float(again.counts.sum()))
    try:
        model = choose(again, selection, progress=progress).best
        score(model, seen)
    except (FitError, InputError) as error:
        return replace(drawn, note=str(error))
    return replace(drawn, model=model)


def _maps(result: StudyResult, models: list[FamilyModel], share: float, progress: Progress) -> MapTally:
    """The map of each model on the study's own cells, one after the other, so that no more than one is in memory."""
    tally = MapTally(result.places, share)
    for number, model in enumerate(models):
        progress(number / len(models))
        terrain = score(model, result.observations)
        tally.add(terrain.scores.astype(np.float64), terrain.expected.astype(np.float64))
    return tally
