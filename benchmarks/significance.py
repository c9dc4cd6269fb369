"""How often factors are called established where none can be, how many true ones are found, how well intervals cover.

    python -m benchmarks.significance [--replicates 100] [--data FOLDER]

Everything runs through the product's own steps, with its defaults. Seeds are fixed; replicate i has seed i. Writes
docs/significance.md.
"""

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import fft

from rtm_plugin.core.arrays import Floats
from rtm_plugin.core.candidates.city import city_adjustments
from rtm_plugin.core.candidates.columns import Candidate, CandidateSet, FactorCandidates
from rtm_plugin.core.candidates.covariates import Covariates, Observations, observe
from rtm_plugin.core.candidates.influence import kernel_densities, nearest_distance
from rtm_plugin.core.documents.factor_settings import FactorSettings
from rtm_plugin.core.documents.settings import GridSettings, SelectionSettings
from rtm_plugin.core.doubt.significance import established
from rtm_plugin.core.ground.features import Features
from rtm_plugin.core.ground.grid import Grid, count_events, study_grid
from rtm_plugin.core.pipeline import candidate_set, choose
from rtm_plugin.core.regression.likelihood import Rows, fit
from rtm_plugin.core.tools.normal import NORMAL_95

from .accuracy_cases import Case, chicago, london, northbridge
from .page import REPOSITORY, table
from .page import replace as replace_section

PAGE = REPOSITORY / "docs" / "significance.md"
SIDE = 60  # cells of 100 m along a side of a synthetic city
CLUSTERING: dict[str, tuple[tuple[float, float], ...]] = {  # variance and range (m) of what multiplies the rate
    "none": (),
    "150 m": ((1.0, 150.0),),
    "500 m": ((1.0, 500.0),),
    "1,500 m": ((1.0, 1500.0),),
    "a mix of these": ((0.4, 100.0), (0.4, 500.0), (0.4, 1500.0)),
}
LAYERS = {"scattered": (60, 0.0), "local": (300, 150.0), "clustered": (150, 500.0), "wide": (200, 1000.0)}
EFFECTS = {"local": 2.0, "clustered": 1.7}
LEAST_MOVE = {"Chicago": 3000.0, "City of London": 300.0}  # metres; half of these and more elsewhere


@dataclass
class Tally:
    """What came of the runs of one kind.

    Parameters
    ----------
    runs, selected, established : int
        Runs; those in which the plain method keeps a factor that has no effect; those in which one is established.
    lowest : float
        Smallest p of the test.
    kept : mapping of true factor → in how many runs it was established
    covered : mapping of (method, true factor) → in how many runs its interval holds the truth
    seconds : float, of the whole procedure
    """

    runs: int = 0
    selected: int = 0
    established: int = 0
    lowest: float = 1.0
    kept: dict[str, int] = field(default_factory=dict)
    covered: dict[tuple[str, str], int] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, observed: Observations, effects: Mapping[str, float]) -> None:
        """Run the whole procedure once; `effects` has the factors that are true."""
        start = time.perf_counter()
        test = choose(observed, SelectionSettings()).significance
        self.seconds += time.perf_counter() - start
        self.runs += 1
        if test is None:
            return
        sure = {one.factor for one in test.remaining if one.established}
        chosen = {one.factor for one in (*test.remaining, *test.left)}
        self.selected += bool(chosen - set(effects))
        self.established += bool(sure - set(effects))
        self.lowest = min([self.lowest, *(one.p for one in (*test.remaining, *test.left) if one.p is not None)])
        for factor in sure & set(effects):
            self.kept[factor] = self.kept.get(factor, 0) + 1


def cities(kind: str, replicates: int, effects: Mapping[str, float], events: int) -> Iterator[Observations]:
    """Square cities whose events cluster, with four layers of which those in `effects` are true within 200 m."""
    grid = Grid(0.0, SIDE * 100.0, 100.0, 200.0, np.ones((SIDE, SIDE), bool))
    for seed in range(replicates):
        random = np.random.default_rng([seed, list(CLUSTERING).index(kind)])
        factors = [(_layer(random, *LAYERS[name]), FactorSettings(name)) for name in LAYERS]
        candidates = candidate_set(factors, grid)
        rate = np.exp(_field(random, CLUSTERING[kind]))
        for name, rrv in effects.items():
            rate *= rrv ** candidates.column(f"{name}_proximity_200")
        yield observe(grid, random.poisson(rate * events / rate.sum()).astype(float), candidates, None)


def built_up(replicates: int, adjusted: bool) -> Iterator[Observations]:
    """Cities built on 76 % of their ground, where nearly all events and all features of four layers without effect are.

    `adjusted`: whether an address in each built-up cell tells where the city is.
    """
    grid = Grid(0.0, SIDE * 100.0, 100.0, 200.0, np.ones((SIDE, SIDE), bool))
    for seed in range(replicates):
        random = np.random.default_rng([seed, 11])
        relief = _field(random, ((1.0, 400.0),))
        built = relief > np.quantile(relief, 0.24)
        addresses = grid.centres[built]
        factors = []
        for name in LAYERS:
            spots = addresses[random.integers(len(addresses), size=1000)] + random.uniform(-50, 50, (1000, 2))
            factors.append((Features("point", spots, 1000), FactorSettings(name)))
        rate = np.exp(_field(random, CLUSTERING["150 m"])) * np.where(built, 1.0, 0.02)
        counts = random.poisson(rate * 5000 / rate.sum()).astype(float)
        layers = [Features("point", addresses, len(addresses))]
        known = Covariates(adjust=city_adjustments(grid, layers)) if adjusted else None
        yield observe(grid, counts, candidate_set(factors, grid), known)


def _layer(random: np.random.Generator, number: int, spread: float) -> Features:
    """Points of a Thomas process of eight offspring, beyond the edges too; scattered where the spread is 0."""
    low, high = -1000.0, SIDE * 100.0 + 1000.0
    number = round(number * ((high - low) / (SIDE * 100.0)) ** 2)
    points = random.uniform(low, high, (number, 2))
    if spread:
        centres = points[: max(1, number // 8)]
        points = centres[random.integers(len(centres), size=number)] + random.normal(0, spread, (number, 2))
    return Features("point", points, number)


def _field(random: np.random.Generator, parts: tuple[tuple[float, float], ...]) -> Floats:
    """A Gaussian field on the cells, mean −half its variance, so that its exponential has mean 1."""
    if not parts:
        return np.zeros(SIDE * SIDE)
    root, variance = _spectrum(parts)
    drawn = fft.irfft2(fft.rfft2(random.standard_normal(root[1])) * root[0], root[1])
    return (drawn[:SIDE, :SIDE] - variance / 2).ravel()


@lru_cache
def _spectrum(parts: tuple[tuple[float, float], ...]) -> tuple[tuple[Any, tuple[int, int]], float]:
    side = fft.next_fast_len(2 * SIDE + int(6 * max(reach for _, reach in parts) / 100), True)
    away = np.minimum(np.arange(side), side - np.arange(side)) * 100.0
    covariance = sum(variance * np.exp(-np.hypot(away[:, None], away) / reach) for variance, reach in parts)
    return (np.sqrt(np.maximum(fft.rfft2(covariance).real, 0)), (side, side)), sum(variance for variance, _ in parts)


def intervals(kind: str, replicates: int, tally: Tally) -> None:
    """Do intervals hold the truth, when the true variables are known? NB1's, and those of the quasi-likelihood."""
    for observed in cities(kind, replicates, EFFECTS, 3000):
        names = [f"{name}_proximity_200" for name in EFFECTS]
        columns = np.column_stack([observed.candidates.column(name) for name in names]).astype(float)
        cells = len(observed.counts)
        plain = fit("nb1", Rows(columns, observed.counts, np.ones(cells), np.zeros(cells)))
        tests = established(observed, names, keep=True).remaining
        for j, (name, rrv) in enumerate(EFFECTS.items()):
            reach = NORMAL_95 * plain.standard_errors[1 + j]
            ends = {
                "NB1": tuple(np.exp(plain.coefficients[1 + j] + np.array([-reach, reach]))),
                "quasi-likelihood": (tests[j].rrv_lower, tests[j].rrv_upper),
            }
            for method, (low, high) in ends.items():
                held = low is not None and low <= rrv <= high
                tally.covered[method, name] = tally.covered.get((method, name), 0) + held
        tally.runs += 1


def moved(case: Case, replicates: int) -> Iterator[Observations]:
    """A real city whose layers, all together, are rolled about the box, mirrored and turned: none can be true."""
    grid = study_grid(case.boundary, GridSettings(case.block_length))
    whole = replace(grid, mask=np.ones(grid.shape, bool))
    rasters = {name: _rasters(features, settings, whole) for name, (features, settings) in case.factors.items()}
    counts = count_events(grid, case.earlier)[0]
    rows, columns = grid.shape
    least = next((move for city, move in LEAST_MOVE.items() if city in case.name), 1000.0)
    for seed in range(replicates):
        random = np.random.default_rng([seed, 7])
        down, right = 0, 0
        while np.hypot(min(down, rows - down), min(right, columns - right)) * grid.cell_size < least:
            down, right = int(random.integers(rows)), int(random.integers(columns))
        flips = tuple(axis for axis in (-2, -1) if random.integers(2))
        blocks = [
            _candidates(
                settings, grid, [_turned(raster, down, right, flips)[..., grid.mask] for raster in rasters[name]]
            )
            for name, (_, settings) in case.factors.items()
        ]
        yield observe(grid, counts, CandidateSet(tuple(blocks)), None)


def _rasters(features: Features, settings: FactorSettings, grid: Grid) -> tuple[Floats, Floats]:
    """Distance (rows, columns), and densities (distances, rows, columns), over the whole box."""
    ladder = settings.distances(grid.block_length)
    away = nearest_distance(features, grid, ladder[-1]).reshape(grid.shape)
    return away, np.array([values.reshape(grid.shape) for values in kernel_densities(features, grid, ladder)])


def _turned(raster: Floats, down: int, right: int, flips: tuple[int, ...]) -> Floats:
    return np.roll(np.flip(raster, flips) if flips else raster, (down, right), (-2, -1))


def _candidates(settings: FactorSettings, grid: Grid, moved_rasters: list[Floats]) -> FactorCandidates:
    """The ladder of a factor from its moved rasters, dense as the product has it: mean plus so many deviations."""
    away, densities = moved_rasters
    ladder = settings.distances(grid.block_length)
    kinds = [("proximity", distance, away <= distance) for distance in ladder]
    for distance, density in zip(ladder, densities, strict=True):
        limit = density.mean() + settings.density_sd * density.std(ddof=1)
        kinds.append(("density", distance, (density >= limit) & (density > 0)))
    names = [
        Candidate(f"{settings.name}_{kind}_{d:g}", settings.name, kind, d, settings.direction) for kind, d, _ in kinds
    ]
    return FactorCandidates.from_columns(names, [exposed for _, _, exposed in kinds])


def share(number: int, runs: int) -> str:
    """A share of runs, with their number."""
    return f"{number / runs:.0%} ({number} of {runs})" if runs else "–"


def false_table(tallies: Mapping[str, Tally]) -> str:
    """The share of runs in which a factor without effect is kept."""
    rows = [
        [name, share(t.selected, t.runs), share(t.established, t.runs), f"{t.lowest:.2g}", f"{t.seconds / t.runs:.1f}"]
        for name, t in tallies.items()
    ]
    return table(["", "plain: selected", "spatial: established", "smallest p", "seconds a run"], rows)


def power_table(tallies: Mapping[str, Tally]) -> str:
    """The share of runs in which each true factor is established."""
    head = ["", *(f"{name}, RRV {rrv:g}" for name, rrv in EFFECTS.items()), "a factor without effect"]
    rows = [
        [name, *(share(t.kept.get(factor, 0), t.runs) for factor in EFFECTS), share(t.established, t.runs)]
        for name, t in tallies.items()
    ]
    return table(head, rows)


def interval_table(tallies: Mapping[str, Tally]) -> str:
    """The share of runs in which each 95 % interval holds the truth."""
    columns = [(method, factor) for factor in EFFECTS for method in ("NB1", "quasi-likelihood")]
    rows = [[name, *(share(t.covered.get(c, 0), t.runs) for c in columns)] for name, t in tallies.items()]
    return table(["", *(f"{factor}, {method}" for method, factor in columns)], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the test of significance by simulation")
    parser.add_argument("--replicates", type=int, default=100)
    parser.add_argument("--data", type=Path, help="folder with chicago/chicago.gpkg and city_of_london/")
    options = parser.parse_args()
    null, power, held = ({kind: Tally() for kind in CLUSTERING} for _ in range(3))
    for kind in CLUSTERING:
        for observed in cities(kind, options.replicates, {}, 2000):
            null[kind].add(observed, {})
        for observed in cities(kind, options.replicates, EFFECTS, 3000):
            power[kind].add(observed, EFFECTS)
        intervals(kind, options.replicates, held[kind])
        print(kind, null[kind], power[kind], held[kind], flush=True)
    replace_section("synthetic cities without an effect", false_table(null), PAGE)
    replace_section("synthetic cities with two effects", power_table(power), PAGE)
    replace_section("intervals", interval_table(held), PAGE)
    shared = {"not told": Tally(), "an address in each built-up cell": Tally()}
    for told, tally in shared.items():
        for observed in built_up(options.replicates, adjusted=told != "not told"):
            tally.add(observed, {})
        print("where the city is:", told, tally, flush=True)
    replace_section("layers without effect, where the city is", false_table(shared), PAGE)
    away: dict[str, Tally] = {}
    for case in _real(options.data):
        tally = away.setdefault(f"{case.name}, layers moved", Tally())
        for observed in moved(case, options.replicates):
            tally.add(observed, {})
        print(case.name, tally, flush=True)
        replace_section("real cities with their layers moved", false_table(away), PAGE)


def _real(data: Path | None) -> Iterator[Case]:
    yield next(northbridge())
    if data is not None:
        yield london(data / "city_of_london")
        yield chicago(data / "chicago" / "chicago.gpkg", 400.0)


if __name__ == "__main__":
    main()
