"""How good are these maps: every measure of method.md §6, for each map and between each two, with intervals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

import numpy as np

from ..arrays import Floats
from ..errors import InputError, SettingsError
from ..forecast.baselines import kernel_baseline
from ..ground.grid import Grid, count_events
from ..tools.progress import Progress, part, parts, silent
from .measures import (
    AREA,
    STREET,
    Basis,
    Curve,
    Statistic,
    calibration_statistics,
    capture_statistics,
)
from .ranking import Bounds
from .resampling import Sums, intervals

SHARES = (0.01, 0.02, 0.05, 0.10, 0.20)
PRIOR_COUNTS, KERNEL_DENSITY, RANDOM = "prior counts", "kernel density of prior events", "random"
BASELINES = (PRIOR_COUNTS, KERNEL_DENSITY, RANDOM)
MOST_REPLICATES = 100_000
UNITS = ("cells", "events")


@dataclass(frozen=True, slots=True)
class ValidationSettings:
    """What is measured and how often it is resampled.

    Parameters
    ----------
    shares : tuple of float
        Shares of the area, or of the length of street, to flag; above 0 and at most 1.
    replicates : int
        Of the bootstrap; 0 gives no intervals.
    seed : int
    metres_per_unit : float
        Length of a map unit.
    units : {"cells", "events"}
        What the bootstrap draws: cells with their events, which is safe where events come in clusters, or single
        events, which is right where they are independent (core.resampling).
    """

    shares: tuple[float, ...] = SHARES
    replicates: int = 1000
    seed: int = 1
    metres_per_unit: float = 1.0
    units: str = "cells"

    def __post_init__(self) -> None:
        if not self.shares or not all(0 < share <= 1 for share in self.shares):
            raise SettingsError("The shares of the area must be above 0 and at most 1; name at least one.")
        if not 0 <= self.replicates <= MOST_REPLICATES:
            raise SettingsError(
                f"The number of bootstrap replicates is {self.replicates}; it must be 0 to {MOST_REPLICATES:,}."
            )
        if self.units not in UNITS:
            raise SettingsError(f"The bootstrap is to draw {self.units!r}; it must be one of {', '.join(UNITS)}.")


@dataclass(frozen=True, slots=True, eq=False)
class ScoredMap:
    """A map to validate.

    Parameters
    ----------
    name : str
        Each map has its own.
    scores : (cells,) float64
        Higher is riskier; equal scores are a tie.
    role : {"terrain", "baseline"}
    expected : (cells,) float64, optional
        Expected events, for a period of any length; without them a map has no calibration.
    family : {"poisson", "nb1", "nb2"}
        Distribution of the counts around `expected`.
    dispersion : float or None
        σ of NB1, α of NB2.
    """

    name: str
    scores: Floats
    role: Literal["terrain", "baseline"] = "terrain"
    expected: Floats | None = None
    family: str = "poisson"
    dispersion: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of the validation.

    Parameters
    ----------
    map : str
    against : str
        The other map, for a difference `map` − `against`; "" for a figure of one map.
    basis : {"area", "street"}
        What the shares are of.
    kind : {"share", "class", "all", "decile"}
        What was flagged: a share, the cells above a class limit, all that can be flagged in turn, or a decile.
    threshold : str
        The share, class or decile in words; "" for all.
    share : float or None
        The share that was flagged.
    measure : str
    expected, pessimistic, optimistic : float
        Over random orders, the worst and the best order inside ties; not a number or infinite where there is none.
        Of a difference: the worst order of `map` with the best of `against`, and the other way round.
    lower, upper : float
        95 % bootstrap interval of the expected value.
    """

    map: str
    against: str
    basis: str
    kind: str
    threshold: str
    share: float | None
    measure: str
    expected: float
    pessimistic: float
    optimistic: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """What was measured, on which cells and events.

    Parameters
    ----------
    maps : tuple of (name, role), in the order given
    cells : int
    events : float
        Later events in the cells; the sum of their weights where they have any.
    area : float
        Of the cells, km².
    street : float or None
        Length of street in the cells, km.
    events_off_street : float
        Later events in cells without street, which the figures by street leave out.
    prior_events : float or None
    figures : tuple of Figure
    curves : tuple of Curve; the one of the map "perfect" is the best that any map could do
    settings : ValidationSettings
    notes : tuple of str
        What could not be measured, in sentences.
    """

    maps: tuple[tuple[str, str], ...]
    cells: int
    events: float
    area: float
    street: float | None
    events_off_street: float
    prior_events: float | None
    figures: tuple[Figure, ...]
    curves: tuple[Curve, ...]
    settings: ValidationSettings
    notes: tuple[str, ...] = ()
    _index: dict[tuple[str, str, str, str, float | None], Figure] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for f in self.figures:
            if f.kind in ("share", "all"):
                self._index[f.measure, f.map, f.against, f.basis, f.share] = f

    @property
    def terrains(self) -> tuple[str, ...]:
        """Names of the maps that are not baselines."""
        return tuple(name for name, role in self.maps if role == "terrain")

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the baselines."""
        return tuple(name for name, role in self.maps if role == "baseline")

    def find(
        self, measure: str, map_name: str, share: float | None = None, basis: str = AREA, against: str = ""
    ) -> Figure | None:
        """The figure at a share of the settings, or over all cells; None when it was not measured."""
        return self._index.get((measure, map_name, against, basis, share))


def validate(
    maps: Sequence[ScoredMap],
    counts: Floats,
    grid: Grid,
    settings: ValidationSettings | None = None,
    prior: Floats | None = None,
    streets: Floats | None = None,
    progress: Progress = silent,
    numbers: Floats | None = None,
) -> Validation:
    """Measure maps against later events.

    Parameters
    ----------
    maps : sequence of ScoredMap, terrains and baselines
    counts : (cells,) float64, later events
    grid : Grid
    settings : ValidationSettings, optional
    prior : (cells,) float64, optional
        Events before, for RRI (recapture); they are not resampled.
    streets : (cells,) float64, optional
        Length of street in map units; with it everything is also measured by street.
    numbers : (cells,) float64, optional
        How many events of one weight the counts are worth, (Σw)²/Σw², where events have weights.

    Raises
    ------
    InputError
        No later event in the cells, two maps of one name, scores of other cells, no street.

    Examples
    --------
    >>> grid = Grid(0, 1, 1, 2, np.ones((1, 4), bool))
    >>> validation = validate([ScoredMap("a", np.array([4.0, 3, 2, 1]))], np.array([3.0, 1, 0, 0]), grid,
    ...                  ValidationSettings(shares=(0.25,), replicates=0))
    >>> validation.find("hit rate", "a", 0.25).expected, validation.find("PAI", "a", 0.25).expected
    (0.75, 3.0)
    """
    settings = settings or ValidationSettings()
    _check(maps, counts, grid, prior, streets, numbers)
    bases = _bases(grid, streets, settings.metres_per_unit)
    sums = Sums(counts, counts if numbers is None else numbers)
    watched = parts(part(progress, 0.0, 0.4), len(bases))
    captured = [capture_statistics(maps, basis, sums, settings.shares, prior, next(watched)) for basis in bases]
    calibrated, notes = calibration_statistics(maps, sums, part(progress, 0.4, 0.5))
    statistics = [statistic for of_basis, _ in captured for statistic in of_basis] + calibrated
    samples = sums.resampled(settings.replicates, settings.seed, settings.units, part(progress, 0.5, 0.85))
    return Validation(
        maps=tuple((m.name, m.role) for m in maps),
        cells=grid.cells,
        events=float(counts.sum()),
        area=bases[0].total * bases[0].unit,
        street=None if streets is None else bases[1].total * bases[1].unit,
        events_off_street=0.0 if streets is None else float(counts[streets <= 0].sum()),
        prior_events=None if prior is None else float(prior.sum()),
        figures=_figures(statistics, sums.totals, samples, part(progress, 0.85, 1.0)),
        curves=tuple(curve for _, of_basis in captured for curve in of_basis),
        settings=settings,
        notes=notes,
    )


def _bases(grid: Grid, streets: Floats | None, metres: float) -> list[Basis]:
    """Area in km² and, where streets are given, their length in km; `metres` is the length of a map unit."""
    area = Basis.of(AREA, np.ones(grid.cells), grid.cell_size**2 * metres**2 / 1e6)
    return [area] if streets is None else [area, Basis.of(STREET, streets, metres / 1000)]


def baseline_maps(
    grid: Grid, prior_points: Floats | None, progress: Progress = silent
) -> tuple[list[ScoredMap], float]:
    """Everything an analyst could use instead: prior counts, kernel density of prior events, random.

    Parameters
    ----------
    grid : Grid
    prior_points : (m, 2) float64, or None: then random is the only one

    Returns
    -------
    maps : list of ScoredMap
    bandwidth : float
        Of the kernel density, map units, chosen on the prior events alone; not a number without them.
    """
    nothing = ScoredMap(RANDOM, np.zeros(grid.cells), "baseline")
    if prior_points is None:
        return [nothing], float("nan")
    counts, _ = count_events(grid, prior_points)
    kernel = kernel_baseline(grid, prior_points, progress)
    maps = [ScoredMap(PRIOR_COUNTS, counts, "baseline"), ScoredMap(KERNEL_DENSITY, kernel.density, "baseline"), nothing]
    return maps, kernel.bandwidth


def _check(
    maps: Sequence[ScoredMap],
    counts: Floats,
    grid: Grid,
    prior: Floats | None,
    streets: Floats | None,
    numbers: Floats | None,
) -> None:
    if not any(m.role == "terrain" for m in maps):
        raise InputError("There is no map to validate; choose at least one risk terrain.")
    names = [m.name for m in maps]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"Two maps are called '{name}'; give them different names.")
    given = [
        ("later events", counts),
        ("numbers of events", numbers),
        ("prior events", prior),
        ("street lengths", streets),
    ]
    given += [(f"map '{m.name}'", values) for m in maps for values in (m.scores, m.expected)]
    for what, values in given:
        if values is not None and (len(values) != grid.cells or not np.isfinite(values).all()):
            raise InputError(f"The {what} must have one finite number for each of the {grid.cells:,} cells.")
    if counts.sum() <= 0:
        raise InputError("No later event lies inside the study area, so that accuracy cannot be measured.")
    if prior is not None and prior.sum() <= 0:
        raise InputError(
            "None of the earlier events lies inside the study area, so there is nothing to compare the maps with; "
            "check the layer, its filter and its CRS."
        )
    if streets is not None and counts[streets > 0].sum() <= 0:
        raise InputError(
            "No later event lies in a cell with street, so that accuracy by street length cannot be measured; check "
            "that the street layer covers the study area."
        )


def _figures(
    statistics: Sequence[Statistic], totals: Floats, samples: Floats, progress: Progress
) -> tuple[Figure, ...]:
    """Every statistic and every difference between two maps that have the same one."""
    replicates = [statistic.of(samples) for statistic in statistics]
    values = [statistic.bounds_of(totals) for statistic in statistics]
    pairs = list(_pairs(statistics))
    with np.errstate(invalid="ignore"):
        every = [*replicates, *(replicates[i] - replicates[j] for i, j in pairs)]
    lower, upper = _intervals(every, progress)
    figures = [
        _figure(statistic, "", value, lower[k], upper[k])
        for k, (statistic, value) in enumerate(zip(statistics, values, strict=True))
    ]
    for k, (i, j) in enumerate(pairs, len(statistics)):
        difference = _difference(values[i], values[j])
        figures.append(_figure(statistics[i], statistics[j].about.map, difference, lower[k], upper[k]))
    return tuple(figures)


def _intervals(columns: Sequence[Floats], progress: Progress) -> tuple[Floats, Floats]:
    if not len(columns[0]):
        nothing = np.full(len(columns), np.nan)
        return nothing, nothing
    ends = []
    at_once = max(1, 1_000_000 // len(columns[0]))
    for first in range(0, len(columns), at_once):
        progress(first / len(columns))
        ends.append(np.array(intervals(np.column_stack(columns[first : first + at_once]))))
    progress(1.0)
    joined = np.concatenate(ends, axis=1)
    return joined[0], joined[1]


def _pairs(statistics: Sequence[Statistic]) -> Iterable[tuple[int, int]]:
    """Statistics of two maps that ask the same; at a class, one of the two is the map whose class it is."""
    same: dict[tuple[str, ...], list[int]] = {}
    for i, s in enumerate(statistics):
        if s.compared:
            same.setdefault((s.about.basis, s.about.kind, s.about.threshold, s.measure), []).append(i)
    for members in same.values():
        for i, j in combinations(members, 2):
            one, other = statistics[i].about, statistics[j].about
            if one.owner in ("", one.map, other.map):
                yield i, j


def _difference(one: Bounds, other: Bounds) -> Bounds:
    with np.errstate(invalid="ignore"):
        return Bounds(
            float(np.subtract(one.expected, other.expected)),
            float(np.subtract(one.pessimistic, other.optimistic)),
            float(np.subtract(one.optimistic, other.pessimistic)),
        )


def _figure(s: Statistic, against: str, value: Bounds, lower: float, upper: float) -> Figure:
    return Figure(
        map=s.about.map,
        against=against,
        basis=s.about.basis,
        kind=s.about.kind,
        threshold=s.about.threshold,
        share=s.about.share,
        measure=s.measure,
        expected=value.expected,
        pessimistic=value.pessimistic,
        optimistic=value.optimistic,
        lower=float(lower),
        upper=float(upper),
    )
