"""Cross-validation of the whole procedure, culling included: how well it tells risk where it has not looked.

For each fold, everything is done again on the other cells, and the model so reached says what it expects in the fold.
Random folds flatter: a held-out cell has neighbours that were fitted on. Spatial folds ask the harder, fairer question.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arrays import Floats
from ..candidates.covariates import Observations
from ..documents.settings import SelectionSettings
from ..errors import InputError
from ..model.parts import FamilyModel
from ..pipeline import choose, score
from ..tools.progress import Progress, part, parts, silent
from .at_share import Accuracy, accuracies
from .calibration import deviance
from .folds import Folds

SHARES = (0.01, 0.02, 0.05, 0.10, 0.20)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FoldResult:
    """What came of one fold.

    Parameters
    ----------
    number : int, from 1
    units : tuple of str
        Names of the blocks or areas that were held out.
    fitted, cells : int
        Cells that the model was fitted on, and cells held out.
    events : float, in the cells held out
    model : FamilyModel
        Fitted without them.
    deviance, null_deviance : float
        Poisson deviance of the cells held out: of the model, and of the mean rate of the cells fitted on.
    accuracy : tuple of Accuracy
        Within the fold, at each share of its area; empty when it holds no event.
    """

    number: int
    units: tuple[str, ...]
    fitted: int
    cells: int
    events: float
    model: FamilyModel
    deviance: float
    null_deviance: float
    accuracy: tuple[Accuracy, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CrossValidation:
    """All folds of one kind.

    Parameters
    ----------
    kind : {"spatial", "random"}
    folds : tuple of FoldResult
    expected : (n,) float64
        Expected counts, each by the model that had not seen the cell; not a number where a cell was never held out.
    accuracy : tuple of Accuracy
        Pooled: all held-out cells ranked together by these expected counts, at each share of their area.
    """

    kind: str
    folds: tuple[FoldResult, ...]
    expected: Floats
    accuracy: tuple[Accuracy, ...]

    @property
    def deviance(self) -> float:
        """Poisson deviance of all held-out cells."""
        return sum(fold.deviance for fold in self.folds)

    @property
    def null_deviance(self) -> float:
        """The same when each fold is expected to have the mean rate of the others."""
        return sum(fold.null_deviance for fold in self.folds)

    @property
    def selected(self) -> Counter[str]:
        """In how many folds each candidate was selected."""
        return Counter(term.name for fold in self.folds for term in fold.model.selected)

    @property
    def factors(self) -> Counter[str]:
        """In how many folds each factor was selected, under whatever candidate."""
        return Counter(term.factor for fold in self.folds for term in fold.model.selected)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The same procedure judged in three ways, from the most flattering to the fairest.

    Parameters
    ----------
    model : FamilyModel, fitted on all cells
    apparent : tuple of Accuracy
        Of that model, on the very events that it was fitted on.
    random, spatial : CrossValidation
    """

    model: FamilyModel
    apparent: tuple[Accuracy, ...]
    random: CrossValidation
    spatial: CrossValidation


def compare(
    observed: Observations, spatial: Folds, random: Folds, settings: SelectionSettings, progress: Progress = silent
) -> Comparison:
    """Fit on all cells, cross-validate with random folds, cross-validate with spatial folds.

    Raises
    ------
    InputError
        See `cross_validate`.
    """
    fits = 1 + random.count + spatial.count
    model = choose(observed, settings, progress=part(progress, 0.0, 1 / fits)).best
    everywhere = score(model, observed).expected
    apparent = accuracies(everywhere, observed.counts, SHARES)
    middle = (1 + random.count) / fits
    return Comparison(
        model,
        apparent,
        cross_validate(observed, random, settings, part(progress, 1 / fits, middle)),
        cross_validate(observed, spatial, settings, part(progress, middle, 1.0)),
    )


def cross_validate(
    observed: Observations,
    folds: Folds,
    settings: SelectionSettings,
    progress: Progress = silent,
    shares: Sequence[float] = SHARES,
) -> CrossValidation:
    """Select and fit without each fold in turn, and look at the fold.

    The candidates are taken as they are: the thresholds of densities were set over all cells, which tells the fit a
    little about the fold's features, and nothing about its events.

    Parameters
    ----------
    observed : Observations of n cells
    folds : Folds of the same cells
    settings : SelectionSettings, for every fit alike
    shares : of the area

    Raises
    ------
    InputError
        A fold that leaves too little to fit on, or held-out cells without a single event.
    """
    expected = np.full(len(observed.counts), np.nan)
    results = []
    for number, share in enumerate(parts(progress, folds.count)):
        results.append(
            _fold(observed, folds, number, settings=settings, expected=expected, progress=share, shares=shares)
        )
    known = np.isfinite(expected)
    pooled = accuracies(expected[known], observed.counts[known], shares)
    return CrossValidation(folds.kind, tuple(results), expected, pooled)


def _fold(
    observed: Observations,
    folds: Folds,
    number: int,
    settings: SelectionSettings,
    expected: Floats,
    progress: Progress,
    shares: Sequence[float],
) -> FoldResult:
    """Fit without one fold, and write what the model expects in it into `expected`."""
    held, fitted = folds.held_out(number), folds.fitted(number, observed.grid)
    rest = observed.only(fitted)
    if len(rest.counts) < 10 or not rest.counts.any():
        raise InputError(
            f"Without {folds.kind} fold {number + 1} and its buffer, {len(rest.counts):,} cells with "
            f"{rest.counts.sum():,.0f} events are left to fit on, too few; choose more folds, smaller blocks or a "
            "smaller buffer."
        )
    try:
        best = choose(rest, settings, progress=progress).best
    except InputError as error:
        raise InputError(f"No model can be fitted without {folds.kind} fold {number + 1}: {error}") from error
    out = observed.only(held)
    expected[held] = score(best, out).expected.astype(np.float64)
    size = np.ones(len(held)) if observed.offset is None else np.exp(observed.offset)
    rate = float(rest.counts.sum()) / float(size[fitted].sum())
    events = float(out.counts.sum())
    return FoldResult(
        number=number + 1,
        units=folds.units[number] if folds.units else (),
        fitted=len(rest.counts),
        cells=len(out.counts),
        events=events,
        model=best,
        deviance=float(deviance(counts=out.counts, expected=expected[held]).sum()),
        null_deviance=float(deviance(counts=out.counts, expected=rate * size[held]).sum()),
        accuracy=accuracies(expected[held], out.counts, shares) if events else (),
    )
