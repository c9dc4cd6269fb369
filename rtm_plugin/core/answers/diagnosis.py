"""Does the model fit? What a model leaves over, how it predicts, what its factors rest on: all that can be checked.

Everything is of the cells and events that the model was fitted on. So it says where a model is wrong, never that it is
right; how well a map does on later events is what a validation says (`accuracy`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..candidates.covariates import Observations
from ..diagnostics.moran import PERMUTATIONS, LagMoran, MoranTest, correlogram, moran_test
from ..diagnostics.prediction_checks import (
    ExpectationGroup,
    Explained,
    Rootogram,
    expectation_groups,
    explained,
    pearson_dispersion,
    pearson_residuals,
    rootogram,
)
from ..doubt.covariance import Clustering, binned_covariogram, fitted_clustering
from ..doubt.lags import Lags
from ..errors import FitError, InputError
from ..ground.grid import Grid
from ..model.document import RiskModel
from ..pipeline import log_offset
from ..regression.likelihood import variance_of
from ..selection.rare_exposure import CandidateExposure, candidate_exposures
from ..selection.separation import SeparatedFactor, separated_factors
from ..terrain.scores import contribution
from ..tools.progress import Progress, part, silent
from .diagnosis_fit import FactorSupport, MeanFit, Overlap, StandIn, block_width, mean_fit, overlaps, stand_in, supports

NOTHING = "nothing need be done"
LAGS = 20  # cells: how far apart cells are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLag:
    """How much more frequent pairs of events are at a distance than if events fell independently of each other.

    Parameters
    ----------
    lag : int
        Cells, rounded; 0 within one.
    distance : float
        Mean of the pairs, map units.
    correlation : float
        Pair correlation beyond the model, Σyᵢyⱼ/Σμᵢμⱼ about: 1 where events fall independently.
    fitted : float
        The same by the covariance for which p-values and intervals allow.
    """

    lag: int
    distance: float
    correlation: float
    fitted: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Diagnosis:
    """Everything that was checked of a model.

    Parameters
    ----------
    model : RiskModel
    grid : Grid of n cells
    expected : (n,) float64
        By the model.
    residuals : (n,) float64
        Pearson's, by the model's own family.
    moran : MoranTest or None
        Of the residuals; None where no two cells are neighbours, or all residuals are the same.
    correlogram : tuple of LagMoran, by distance; empty with it
    pairs : tuple of PairLag, by distance
    clustering : Clustering
        The fitted covariance, as the test of significance has it.
    dispersion : float or None
        Pearson's, over what the family says: 1 where it is right; None with as few cells as parameters.
    rootogram : Rootogram
    tenths : tuple of ExpectationGroup, lowest expected counts first
    explained : Explained or None
        None where all cells have the same rate of events.
    overlaps : tuple of Overlap, of the factors in the order of the model
    condition : float
        Condition number of factors, adjustments and intercept.
    stand_in : StandIn or None
        The one that goes most with a factor of the model; None where there is no other factor.
    exposures : tuple of CandidateExposure, of all candidates
    separated : tuple of SeparatedFactor, of all factors that were offered
    supports : tuple of FactorSupport
        Of the factors that have an estimate.
    has_places : bool
        Whether there were priority places to leave out.
    block_width : float
        Map units.
    blocks : int
        With a cell; 0 where the fit behind `supports` has no solution.
    """

    model: RiskModel
    grid: Grid
    expected: Floats
    residuals: Floats
    moran: MoranTest | None
    correlogram: tuple[LagMoran, ...]
    pairs: tuple[PairLag, ...]
    clustering: Clustering
    dispersion: float | None
    rootogram: Rootogram
    tenths: tuple[ExpectationGroup, ...]
    explained: Explained | None
    overlaps: tuple[Overlap, ...]
    condition: float
    stand_in: StandIn | None
    exposures: tuple[CandidateExposure, ...]
    separated: tuple[SeparatedFactor, ...]
    supports: tuple[FactorSupport, ...]
    has_places: bool
    block_width: float
    blocks: int

    @property
    def allowed_for(self) -> bool:
        """Whether p-values and intervals that people were told allow for clustering."""
        return self.model.significance is not None and not self.model.significance.reason

    @property
    def reach(self) -> float:
        """How far residuals are alike, map units: to the last lag in a row that is; 0 where the first is not."""
        reach = 0.0
        for ring in self.correlogram:
            if not ring.alike:
                break
            reach = ring.distance
        return reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
        What was looked at, in a few words.
    sentence : str
        What was found and what to do about it.
    number_name : str
    number : float or None
        None where there is none; infinite where the factors are the same, or an estimate is lost.
    severity : {"warning", "note"}
        "warning": a result may mislead; "note": nothing need be done, or it is allowed for.
    """

    name: str
    sentence: str
    number_name: str
    number: float | None
    severity: str


def severity_of(severe: bool) -> str:
    """The word for it."""
    return "warning" if severe else "note"


def diagnose(
    observed: Observations,
    model: RiskModel,
    places: NDArray[np.int64] | None = None,
    permutations: int = PERMUTATIONS,
    seed: int = 1,
    progress: Progress = silent,
) -> Diagnosis:
    """Check a model on the cells and events that it was fitted on.

    Parameters
    ----------
    observed : Observations
        Of n cells, with the counts that the model was fitted on and all candidates that were offered.
    model : RiskModel
    places : (n,) int64, optional
        Rank of each cell's priority place; 0 outside.
    permutations, seed : int
        Of the test of Moran's I.

    Raises
    ------
    InputError
        The counts are not those that the model was fitted on.
    """
    require_own_counts(observed, model)
    grid, counts, family, dispersion = observed.grid, observed.counts, model.family, model.best.dispersion
    expected = expected_counts(observed, model)
    residuals = pearson_residuals(counts, expected, family, dispersion)
    moran, rings = _alikeness(grid, residuals, permutations, seed, part(progress, 0.0, 0.6))
    fit = _fit_of_means(observed, model)
    lags = Lags.between(grid)
    means = expected if fit is None else fit.expected
    clustering = fitted_clustering(lags, counts, means)
    held, width, blocks = _supported(observed, model, fit, clustering, places, part(progress, 0.6, 0.9))
    shared, condition = overlaps(observed, model.selected)
    return Diagnosis(
        model=model,
        grid=grid,
        expected=expected,
        residuals=residuals,
        moran=moran,
        correlogram=rings,
        pairs=_pairs(lags, counts, means, clustering),
        clustering=clustering,
        dispersion=_dispersion(counts, expected, model),
        rootogram=rootogram(counts, expected, family, dispersion),
        tenths=expectation_groups(counts, expected, variance=variance_of(family, expected, dispersion)),
        explained=_explained(observed, expected, model),
        overlaps=shared,
        condition=condition,
        stand_in=stand_in(observed, model.selected),
        exposures=candidate_exposures(counts, observed.candidates),
        separated=separated_factors(counts, observed.candidates, observed.offset),
        supports=held,
        has_places=places is not None and bool(places.any()),
        block_width=width,
        blocks=blocks,
    )


def require_own_counts(observed: Observations, model: RiskModel) -> None:
    """Refuse counts that are not those that a model was fitted on.

    Raises
    ------
    InputError
    """
    held, cells = float(observed.counts.sum()), int(np.count_nonzero(observed.counts))
    wanted, wanted_cells = model.events_fitted, model.grid.cells_with_events
    if abs(held - wanted) > 1e-6 * max(wanted, 1.0) or cells != wanted_cells:
        raise InputError(
            f"The event counts hold {held:,.6g} events in {cells:,} cells, and the model was fitted on {wanted:,.6g} "
            f"in {wanted_cells:,}: a model is checked on its own events, so choose the counts that it was fitted on."
        )


def expected_counts(observed: Observations, model: RiskModel) -> Floats:
    """(n,) float64: what the model expects in each cell; exposure and adjustments enter."""
    effect = np.full(len(observed.counts), model.best.intercept)
    for term in model.selected:
        effect += contribution(term, observed.candidates)
    offset = log_offset(model.best, observed)
    expected: Floats = np.exp(effect if offset is None else effect + offset)
    return expected


def _alikeness(
    grid: Grid, residuals: Floats, permutations: int, seed: int, progress: Progress
) -> tuple[MoranTest | None, tuple[LagMoran, ...]]:
    try:
        moran = moran_test(grid, residuals, permutations, seed, part(progress, 0.0, 0.9))
        return moran, correlogram(grid, residuals, LAGS, part(progress, 0.9, 1.0))
    except InputError:  # no two cells are neighbours, or all residuals are the same
        return None, ()


def _fit_of_means(observed: Observations, model: RiskModel) -> MeanFit | None:
    """The Poisson fit; None where it has no solution."""
    try:
        return mean_fit(observed, model.selected)
    except FitError:
        return None


def _supported(
    observed: Observations,
    model: RiskModel,
    fit: MeanFit | None,
    clustering: Clustering,
    places: NDArray[np.int64] | None,
    progress: Progress,
) -> tuple[tuple[FactorSupport, ...], float, int]:
    """What the factors rest on, and the width and number of the blocks; nothing where the fit has no solution."""
    width = block_width(observed.grid, clustering)
    if fit is None:
        return (), width, 0
    held, blocks = supports(observed, model, fit, width, places, progress)
    progress(1.0)
    return held, width, blocks


def _pairs(lags: Lags, counts: Floats, means: Floats, clustering: Clustering) -> tuple[PairLag, ...]:
    """Up to LAGS cells apart."""
    distance, covariance, _ = binned_covariogram(lags, counts, means)
    inside = clustering.nugget + float(clustering.variances.sum())
    found = []
    for far, beyond in zip(distance.tolist(), covariance.tolist(), strict=True):
        lag = round(far / lags.grid.cell_size)
        if lag <= LAGS:
            fitted = inside if lag == 0 else float(clustering.at(np.array(far)))
            found.append(PairLag(lag=lag, distance=far, correlation=1.0 + beyond, fitted=1.0 + fitted))
    return tuple(found)


def _dispersion(counts: Floats, expected: Floats, model: RiskModel) -> float | None:
    parameters = 1 + len(model.selected) + len(model.best.adjustments)
    try:
        return pearson_dispersion(counts, expected, parameters, model.family, model.best.dispersion)
    except InputError:
        return None


def _explained(observed: Observations, expected: Floats, model: RiskModel) -> Explained | None:
    try:
        return explained(observed.counts, expected, model.family, model.best.dispersion, observed.offset)
    except (FitError, InputError):
        return None
