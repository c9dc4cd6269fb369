"""How sure is this? The whole selection again on maps put together of blocks of the study's own.

Had the same city had another year, other cells would have had the events, and the procedure might have chosen other
factors and ranked other places first. Blocks of cells drawn with replacement stand for that (`resampled_blocks`); on
each such map everything is chosen anew: culling, stepwise selection and, where it is asked for, significance.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ..arrays import Floats
from ..documents.declaration import check_settings, setting
from ..documents.settings import SelectionSettings
from ..doubt.covariance import Clustering, fitted_clustering
from ..doubt.lags import Lags
from ..errors import FitError, InputError
from ..ground.grid import Grid
from ..model.parts import FamilyModel
from ..pipeline import StudyResult, choose, score
from ..tools.parallel import in_threads
from ..tools.progress import Progress, part, silent
from .how_sure_figures import LEAST_VALUES, FactorDoubt, MapTally, PlaceDoubt, factor_doubts
from .resampled_blocks import BlockSide, Resample

FORMAT, VERSION = "risk-terrain-doubt", 1
_FAINT = 2.0  # times the variance of chance: in cities without any, fits find up to about one
_OF_A_TERM = ("name", "factor", "operationalisation", "distance", "direction", "coefficient", "rrv")


@dataclass(frozen=True, slots=True)
class HowSureSettings:
    """How the study is resampled.

    Parameters
    ----------
    resamples : int
    top_share : float
        Percent of the area: the cells with the highest scores.
    side : float or None
        Of the blocks, map units; by how events cluster when None.
    with_significance : bool
        Whether the test of significance, where the study has one, is done for each resample too.
    """

    resamples: int = field(
        default=100,
        metadata=setting(
            parameter="REPLICATES",
            kind="whole",
            label="Resamples",
            help="How many maps are put together of blocks of the study's own; on each, everything is selected anew.",
            noun="The number of resamples",
            least=LEAST_VALUES,
            most=10_000,
        ),
    )
    top_share: float = field(
        default=5.0,
        metadata=setting(
            parameter="SHARE",
            kind="number",
            label="Top share (percent of the area)",
            help="Each cell gets the probability that it is among this percentage of cells with the highest scores.",
            noun="The top share",
            least=0.1,
            most=99.9,
            unit="percent",
        ),
    )
    side: float | None = field(
        default=None,
        metadata=setting(
            parameter="BLOCK",
            kind="length",
            label="Side of the blocks that are drawn",
            help="Empty: six times the mean distance over which events cluster beyond the model, three cells at least "
            "and a sixth of the map's width at most.",
            noun="The side of the blocks",
            optional=True,
            advanced=True,
        ),
    )
    with_significance: bool = field(
        default=False,
        metadata=setting(
            parameter="WITH_SIGNIFICANCE",
            kind="switch",
            label="Test the significance in each resample too",
            help="'yes' takes several times as long. Only where the significance is 'spatial'.",
            noun="The switch for the significance of resamples",
        ),
    )

    def __post_init__(self) -> None:
        check_settings(self)


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

    def document(self) -> dict[str, Any]:
        """As JSON can hold it: of the model, what its scores are made of."""
        model = self.model
        return {
            "number": self.number,
            "cells": self.cells,
            "events": self.events,
            "family": model.family if model else None,
            "terms": [{name: getattr(term, name) for name in _OF_A_TERM} for term in model.selected] if model else [],
            "note": self.note,
        }


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

    def document(self) -> dict[str, Any]:
        """All but the probabilities of the cells, as JSON can hold it (resources/schema/doubt.schema.json)."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "settings": asdict(self.settings),
            "blocks": asdict(self.side),
            "resamples": len(self.runs),
            "fitted": self.fitted,
            "factors": [factor.document() for factor in self.factors],
            "places": [asdict(place) for place in self.places],
            "runs": [run.document() for run in self.runs],
        }


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
    side = BlockSide.of(result.observations.grid, clustered_over(result), settings.side)
    if announce is not None:
        announce(side)
    asked = selection if settings.with_significance else replace(selection, significance="plain")
    jobs = [partial(_run, result, side.cells, number, asked) for number in range(1, settings.resamples + 1)]
    runs = in_threads(jobs, part(progress, 0.0, 0.95), workers)
    models = [run.model for run in runs if run.model is not None]
    if not models:
        raise FitError(f"None of the {len(runs)} resamples has a model. {runs[0].note}")
    maps = _maps(result, models, settings.top_share / 100, part(progress, 0.95, 1.0))
    names = [block.factor for block in result.observations.candidates.factors]
    return HowSure(
        settings=settings,
        side=side,
        runs=tuple(runs),
        factors=factor_doubts(names, result.model, models),
        places=maps.places,
        probability=maps.probability,
    )


def memory_needed(grid: Grid, factors: int, workers: int) -> int:
    """Bytes that resampling takes on top of a run: a copy of the cells in each thread, and what selects from them."""
    return workers * grid.cells * (160 + 78 * factors)


def clustered_over(result: StudyResult) -> float:
    """Mean distance over which events cluster beyond the study's model, map units; 0 where that is faint beside chance.

    The clustering is that which the test of significance found; without a test, that of what the expected counts leave.
    """
    seen, found = result.observations, result.model.significance
    if found is not None and found.ranges:
        clustering = Clustering(found.nugget, np.array(found.variances), np.array(found.ranges))
    else:
        expected = result.terrain.expected.astype(np.float64)
        clustering = fitted_clustering(Lags.between(seen.grid), seen.counts, expected)
    density = float(seen.counts.sum()) / (seen.grid.cells * seen.grid.cell_size**2)
    return clustering.mean_range if clustering.beside_chance(density) > _FAINT else 0.0


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
    """The map of each model on the study's own cells, one after the other: no more than one is in memory."""
    tally = MapTally(result.places, share)
    for number, model in enumerate(models):
        progress(number / len(models))
        terrain = score(model, result.observations)
        tally.add(terrain.scores.astype(np.float64), terrain.expected.astype(np.float64))
    return tally
