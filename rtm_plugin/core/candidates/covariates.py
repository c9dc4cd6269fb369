"""Exposure and adjustments: what cells are fitted, at which offset, with which columns always in the model."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..errors import InputError
from ..ground.grid import Grid
from .columns import CandidateSet
from .smoothed import over_cells, smoothed


@dataclass(frozen=True, slots=True, eq=False)
class Covariates:
    """Values of n cells that stand beside the risk factors.

    Parameters
    ----------
    exposure : (n,) float64 or None
        How much there is in a cell for events to happen to: dwellings, street length, footfall. Not a number counts as
        0.
    exposure_name : str
    adjust : tuple of (name, (n,) float64)
        Layers that enter the model unpenalised and unselected.
    """

    exposure: Floats | None = None
    exposure_name: str = ""
    adjust: tuple[tuple[str, Floats], ...] = ()

    def smoothed_over(self, grid: Grid, width: float) -> "Covariates":
        """With the exposure averaged over the cells around, `width` the SD of the weights in cells; 0 leaves it.

        Events happen to what is near, and a point may be counted next door to where it belongs.
        """
        if self.exposure is None or not width:
            return self
        self.exposed(grid.cells)
        values = smoothed(grid, np.nan_to_num(self.exposure, nan=0.0), width)
        return replace(self, exposure=values, exposure_name=f"{self.exposure_name} ({over_cells(width)})")

    def exposed(self, cells: int) -> NDArray[np.bool_]:
        """(n,) bool: the cells with an exposure; all of them when there is none to give.

        Raises
        ------
        InputError
            A negative exposure, or none above 0.
        """
        if self.exposure is None:
            return np.ones(cells, dtype=bool)
        known = np.nan_to_num(self.exposure, nan=0.0, posinf=-1.0)
        if (known < 0).any():
            raise InputError(
                f"The exposure '{self.exposure_name}' holds negative or infinite values; it must be 0 or more in "
                "every cell."
            )
        if not known.any():
            raise InputError(f"The exposure '{self.exposure_name}' is 0 in every cell; choose another raster.")
        return known > 0


@dataclass(frozen=True, slots=True)
class ExposureSummary:
    """The exposure of a model: cells without any leave the fit and get no score."""

    name: str
    cells_without: int
    events_without: float


@dataclass(frozen=True, slots=True)
class AdjustmentScale:
    """How an adjustment layer was scaled before fitting: (value − mean) / sd."""

    name: str
    mean: float
    sd: float

    @classmethod
    def of(cls, name: str, values: Floats) -> "AdjustmentScale":
        """Mean and standard deviation over the cells.

        Raises
        ------
        InputError
            Missing values, or the same value everywhere.
        """
        missing = int(np.count_nonzero(~np.isfinite(values)))
        if missing:
            raise InputError(
                f"The adjustment layer '{name}' has no value in {missing:,} cells of the study area; fill them first."
            )
        spread = float(values.std())
        if spread <= 1e-12 * (1.0 + float(np.abs(values).max())):
            raise InputError(
                f"The adjustment layer '{name}' is the same in every cell, so it adjusts nothing; remove it."
            )
        return cls(name, float(values.mean()), spread)

    def scaled(self, values: Floats) -> Floats:
        """The values as the model has them."""
        return (values - self.mean) / self.sd


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Observations:
    """The n cells that a model is fitted on, and what is known of each.

    Parameters
    ----------
    grid : Grid, of these cells only
    counts : (n,) float64
    candidates : CandidateSet
    offset : (n,) float64 or None, log exposure
    adjust : (n, q) float64 or None, scaled
    scales : tuple of AdjustmentScale, q
    exposure : ExposureSummary or None
    copy_of : (n,) int64 or None
        Which cell of a study each is a copy of, where cells were drawn with replacement.
    """

    grid: Grid
    counts: Floats
    candidates: CandidateSet
    offset: Floats | None = None
    adjust: Floats | None = None
    scales: tuple[AdjustmentScale, ...] = ()
    exposure: ExposureSummary | None = None
    copy_of: NDArray[np.int64] | None = None

    def only(self, keep: NDArray[np.bool_]) -> "Observations":
        """Some of the cells, chosen by `keep` (n,); adjustments keep their scale."""
        return self._of(self.grid.only(keep), keep, None if self.copy_of is None else self.copy_of[keep])

    def take(self, cells: NDArray[np.int64], grid: Grid) -> "Observations":
        """The listed cells (m,), each as often as it is named, on a grid of m cells; adjustments keep their scale.

        Examples
        --------
        >>> from .columns import Candidate, FactorCandidates
        >>> one = Candidate("a_proximity_1", "a", "proximity", 1.0, "aggravating")
        >>> layers = CandidateSet((FactorCandidates.from_columns([one], [np.array([True, False])]),))
        >>> seen = Observations(
        ...     grid=Grid(0, 1, 1, 2, np.ones((1, 2), bool)), counts=np.array([5.0, 0]), candidates=layers
        ... )
        >>> again = seen.take(np.array([1, 0, 0]), Grid(0, 1, 1, 2, np.ones((1, 3), bool)))
        >>> again.counts.tolist(), again.candidates.column("a_proximity_1").tolist(), again.copy_of.tolist()
        ([0.0, 5.0, 5.0], [False, True, True], [1, 0, 0])
        """
        return self._of(grid, cells, cells if self.copy_of is None else self.copy_of[cells])

    def _of(
        self, grid: Grid, cells: NDArray[np.bool_] | NDArray[np.int64], copy_of: NDArray[np.int64] | None
    ) -> "Observations":
        return replace(
            self,
            grid=grid,
            counts=self.counts[cells],
            candidates=self.candidates.subset(cells),
            offset=None if self.offset is None else self.offset[cells],
            adjust=None if self.adjust is None else self.adjust[cells],
            copy_of=copy_of,
        )


def observe(
    grid: Grid,
    counts: Floats,
    candidates: CandidateSet,
    covariates: Covariates | None,
    scales: tuple[AdjustmentScale, ...] = (),
) -> Observations:
    """Keep the cells with an exposure; take its logarithm; scale the adjustments.

    Parameters
    ----------
    grid : Grid of n cells
    counts : (n,) float64
    candidates : CandidateSet over the same cells
    covariates : Covariates or None
    scales : tuple of AdjustmentScale
        Those of a model fitted before; computed here when empty.

    Examples
    --------
    >>> from .columns import Candidate, FactorCandidates
    >>> one = Candidate("a_proximity_1", "a", "proximity", 1.0, "aggravating")
    >>> layers = CandidateSet((FactorCandidates.from_columns([one], [np.array([True, False, True])]),))
    >>> grid = Grid(0, 1, 1, 2, np.ones((1, 3), bool))
    >>> seen = observe(grid, np.array([4.0, 1, 0]), layers, Covariates(np.array([1.0, 0, 3]), "homes"))
    >>> seen.counts.tolist(), seen.exposure.events_without
    ([4.0, 0.0], 1.0)
    """
    if covariates is None:
        return Observations(grid=grid, counts=counts, candidates=candidates)
    keep = covariates.exposed(grid.cells)
    offset = summary = None
    if covariates.exposure is not None:
        offset = np.log(covariates.exposure[keep])
        without = int(np.count_nonzero(~keep))
        summary = ExposureSummary(covariates.exposure_name, without, float(counts[~keep].sum()))
    adjust, scales = scaled_adjustments(covariates, keep, scales)
    return Observations(
        grid=grid.only(keep),
        counts=counts[keep],
        candidates=candidates.subset(keep),
        offset=offset,
        adjust=adjust,
        scales=scales,
        exposure=summary,
    )


def scaled_adjustments(
    covariates: Covariates, keep: NDArray[np.bool_], scales: tuple[AdjustmentScale, ...] = ()
) -> tuple[Floats | None, tuple[AdjustmentScale, ...]]:
    """The adjustments of the kept cells (n, q) and their scales; None without any.

    Raises
    ------
    InputError
        Values that are missing, the same everywhere, or the same as another layer's.
    """
    fresh = tuple(AdjustmentScale.of(name, values[keep]) for name, values in covariates.adjust)
    scales = scales or fresh
    columns = [scale.scaled(values[keep]) for scale, (_, values) in zip(scales, covariates.adjust, strict=True)]
    if not columns:
        return None, scales
    adjust = np.column_stack(columns)
    if np.linalg.matrix_rank(np.column_stack([np.ones(len(adjust)), adjust])) <= len(columns):
        raise InputError("The adjustment layers say the same as one another; remove one of them.")
    return adjust, scales
