"""Back-testing with rolling origins: fit on a window, test on the next, step on, and fit again.

The study grid and the candidates are made once; all that is learnt from events is learnt anew in every run, from the
events of its fitting window only.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..candidates.columns import CandidateSet
from ..candidates.covariates import Covariates, Observations, observe
from ..documents.periods import Dates, Period, RollingSettings, after, rolling_windows
from ..errors import FitError, InputError, SettingsError
from ..forecast.baselines import kernel_baseline
from ..forecast.empirical_bayes import History
from ..ground.grid import Grid, study_grid
from ..model.parts import FamilyModel
from ..pipeline import candidate_set, choose, count, forecast_events, score
from ..study import Study
from ..tools.progress import Progress, part, silent
from .at_share import Accuracy, Yardstick
from .crossvalidation import SHARES

MAPS = ("terrain", "forecast", "prior_counts", "kernel_density")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BacktestSettings:
    """What is done in every run.

    Parameters
    ----------
    rolling : RollingSettings
    forecast_periods : int
        In how many parts of equal length the fitting window is handed to the forecast, which learns from several
        periods what lasts.
    """

    rolling: RollingSettings = field(default_factory=RollingSettings)
    forecast_periods: int = 1

    def __post_init__(self) -> None:
        periods, fit = self.forecast_periods, self.rolling.fit
        if isinstance(periods, bool) or not isinstance(periods, int) or periods < 1 or fit % periods:
            raise SettingsError(
                f"The fitting window of {fit} {self.rolling.unit} cannot be cut in {periods!r} periods of whole "
                f"{self.rolling.unit} for the forecast; choose a number that divides it."
            )

    def history_of(self, fitted: Period) -> tuple[Period, ...]:
        """The parts of a fitting window, oldest first.

        >>> settings = BacktestSettings(RollingSettings(fit=4), forecast_periods=2)
        >>> [p.text for p in settings.history_of(Period.from_iso("2018-01-01", "2018-04-30"))]
        ['1 January 2018 to 28 February 2018', '1 March 2018 to 30 April 2018']
        """
        if fitted.start is None:
            raise InputError("A fitting window needs its first day.")
        length = self.rolling.fit // self.forecast_periods
        cuts = [after(fitted.start, k * length, self.rolling.unit) for k in range(self.forecast_periods + 1)]
        return tuple(Period(a, b - _DAY) for a, b in pairwise(cuts))


@dataclass(frozen=True, eq=False, kw_only=True)
class Backtest:
    """A study over dated events, to be fitted again and again.

    Parameters
    ----------
    study : Study
        Its events are those of all windows.
    dates : Dates, of the study's m events
    settings : BacktestSettings
    span : Period
        What the windows are laid through.
    grid : Grid
    covariates : Covariates or None
    candidates : CandidateSet or None
        None until `prepared`.
    """

    study: Study
    dates: Dates
    settings: BacktestSettings
    span: Period
    grid: Grid
    covariates: Covariates | None
    candidates: CandidateSet | None = None

    @classmethod
    def of(cls, study: Study, dates: Dates, settings: BacktestSettings, span: Period) -> "Backtest":
        """Lay the grid and the windows; candidates, which take longer, are not made yet.

        Parameters
        ----------
        span : Period; where an end is not given, the dates' own

        Raises
        ------
        InputError
            Not even one window, or one that cuts a month of which the days are not known.
        """
        grid = study_grid(study.study_area, study.grid, study.crs, study.exclude)
        covariates = study.covariates(grid) if study.covariates is not None else None
        test = cls(
            study=study,
            dates=dates,
            settings=settings,
            span=span.completed(dates.span),
            grid=grid,
            covariates=covariates,
        )
        for window in (window for pair in test.windows for window in pair):
            dates.mask(window)
        return test

    def prepared(self, progress: Progress = silent, workers: int = 1) -> "Backtest":
        """The same with its candidates made, which all runs share."""
        return replace(self, candidates=candidate_set(self.study.factors, self.grid, progress, workers))

    @cached_property
    def windows(self) -> tuple[tuple[Period, Period], ...]:
        """Every fitting window with its test window, oldest first; refused when there is not even one."""
        return rolling_windows(self.span, self.settings.rolling)

    def events_in(self, window: Period) -> Floats:
        """(k, 2): the events of a window, perhaps none."""
        return self.study.events[self.dates.mask(window)]

    def observations(self, points: Floats) -> Observations:
        """The cells that are fitted, with these events."""
        if self.candidates is None:
            raise InputError("The candidates of the back-test are not made yet; prepare it first.")
        return observe(self.grid, count(self.grid, points).counts, self.candidates, self.covariates)

    def settings_text(self, more: Mapping[str, Any]) -> str:
        """All that decides the outcome of every run, as JSON: settings, and hashes of what was read but the events.

        Parameters
        ----------
        more : mapping, such as the version of the plugin
        """
        document = {
            **more,
            "rolling": asdict(self.settings.rolling),
            "forecast_periods": self.settings.forecast_periods,
            "first_day": self.span.iso[0],
            **asked_of(self.study, self.covariates),
        }
        return settings_json(document)

    def events_hash(self, fitted: Period, tested: Period) -> str:
        """Hash of the events of two windows, in their order."""
        return text_hash(values_hash(self.events_in(fitted)) + values_hash(self.events_in(tested)))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BacktestRun:
    """What came of one fitting window and its test window.

    Parameters
    ----------
    cells : int
    fit_events, test_events : float, in these cells
    model : FamilyModel or None
    bandwidth : float or None
        Of the kernel density.
    accuracy : mapping of each of MAPS → Accuracy at each share
        Empty when it cannot be measured.
    note : str
        Why not, in a sentence.
    """

    fitted: Period
    tested: Period
    cells: int
    fit_events: float
    test_events: float
    model: FamilyModel | None = None
    bandwidth: float | None = None
    accuracy: Mapping[str, tuple[Accuracy, ...]] = field(default_factory=dict)
    note: str = ""


def run_window(
    test: Backtest, fitted: Period, tested: Period, progress: Progress = silent, shares: Sequence[float] = SHARES
) -> BacktestRun:
    """Fit on the events of one window, make every map from them, and measure all on the events of the other.

    Windows without events, and events that no model can be fitted to, are noted and not refused, so that one poor
    window does not end a long back-test.

    Parameters
    ----------
    test : Backtest, prepared
    fitted, tested : Period
    shares : of the area
    """
    earlier = test.events_in(fitted)
    observed = test.observations(earlier)
    later = count(observed.grid, test.events_in(tested)).counts
    run = BacktestRun(
        fitted=fitted,
        tested=tested,
        cells=len(observed.counts),
        fit_events=float(observed.counts.sum()),
        test_events=float(later.sum()),
    )
    if not observed.counts.any():
        return replace(run, note="No event lies in the fitting window.")
    if not later.any():
        return replace(run, note="No event lies in the test window.")
    progress(0.02)
    try:
        choice = choose(observed, test.study.selection, progress=part(progress, 0.02, 0.6))
    except (FitError, InputError) as error:
        return replace(run, note=str(error))
    model = choice.best
    terrain = score(model, observed)
    kernel = kernel_baseline(observed.grid, earlier, part(progress, 0.6, 0.7))
    history = [
        History(count(observed.grid, test.events_in(window)).counts, _duration(window, tested))
        for window in test.settings.history_of(fitted)
    ]
    share, culling = part(progress, 0.7, 0.98), choice.selection.culling
    coming = forecast_events(model, observed, terrain, history, progress=share, culling=culling)
    values = (terrain.scores, coming.expected, observed.counts, kernel.density)
    maps: dict[str, NDArray[Any]] = dict(zip(MAPS, values, strict=True))
    yardstick = Yardstick.of(later)
    measured = {name: yardstick.accuracies(maps[name], shares) for name in MAPS}
    progress(1.0)
    return replace(run, model=model, bandwidth=kernel.bandwidth, accuracy=measured)


def _duration(window: Period, coming: Period) -> float:
    """Length of a window in lengths of the coming one."""
    return (window.days or 1) / (coming.days or 1)


def asked_of(study: Study, covariates: Covariates | None) -> dict[str, Any]:
    """All that decides the outcome of a study but its events: settings, and hashes of what was read."""
    values = None
    if covariates is not None:
        values = {
            "exposure": (
                None if covariates.exposure is None else [covariates.exposure_name, values_hash(covariates.exposure)]
            ),
            "adjust": [[name, values_hash(layer)] for name, layer in covariates.adjust],
        }
    return {
        "grid": asdict(study.grid),
        "selection": asdict(study.selection),
        "study_area": study.study_area.sha256,
        "exclude": None if study.exclude is None else study.exclude.sha256,
        "crs": study.crs,
        "factors": [{**asdict(settings), "sha256": features.sha256} for features, settings in study.factors],
        "covariates": values,
    }


def settings_json(document: Mapping[str, Any]) -> str:
    """Settings as JSON that is the same wherever they are."""
    return json.dumps(document, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)


def text_hash(text: str) -> str:
    """Short hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def values_hash(values: Floats) -> str:
    """Short hash of numbers, in their order."""
    return hashlib.sha256(np.ascontiguousarray(values, dtype="<f8").tobytes()).hexdigest()[:16]
