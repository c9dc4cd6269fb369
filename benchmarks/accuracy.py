"""How many later events each map finds: forecast, terrain, prior counts, kernel density and a random forest.

    python -m benchmarks.accuracy [--data FOLDER]      (`make accuracy` installs scikit-learn, for the forest, first)

Every map is made from the earlier events; the later ones are only counted in the cells that each map flags. Writes
docs/accuracy.md.
"""

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rtm_plugin.core.arrays import Floats
from rtm_plugin.core.candidates.influence import kernel_density, nearest_distance
from rtm_plugin.core.forecast.baselines import kernel_baseline
from rtm_plugin.core.forecast.empirical_bayes import Forecast, History, forecast
from rtm_plugin.core.forecast.wide_terrain import wide_terrain
from rtm_plugin.core.ground.grid import count_events

from .accuracy_cases import SEEDS, Case, Fitted, cases, fitted
from .page import REPOSITORY, replace, table

PAGE = REPOSITORY / "docs" / "accuracy.md"
SHARES = (0.01, 0.02, 0.05, 0.10, 0.20)
BASELINES = ("terrain", "prior counts", "kernel density")
FORESTS = ("random forest", "random forest without counts")
MAPS = ("forecast", *BASELINES, *FORESTS)
REPLICATES = 2000
TREES, LEAF = 300, 5


@dataclass
class Result:
    """PAI of each map in the cities of one kind, and of bootstrap replicates: name → (cities, shares), (…, replicates).

    `notes` says of each city what the forecast chose.
    """

    pai: dict[str, list[Floats]] = field(default_factory=dict)
    replicates: dict[str, list[Floats]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def mean(self, name: str) -> Floats:
        """(shares,): over the cities."""
        return np.mean(self.pai[name], axis=0)

    def difference(self, one: str, other: str) -> Floats:
        """(shares + 1, 3): difference, and its 95 % interval; the last row is the mean over the shares."""
        found = self.mean(one) - self.mean(other)
        spread = np.mean(self.replicates[one], axis=0) - np.mean(self.replicates[other], axis=0)
        found, spread = np.append(found, found.mean()), np.vstack([spread, spread.mean(axis=0)])
        return np.column_stack([found, *np.quantile(spread, (0.025, 0.975), axis=1)])


def maps_of(case: Case, known: Fitted) -> Iterator[tuple[str, Floats, Forecast | None]]:
    """Every map, made from the earlier events alone."""
    wide = wide_terrain(known.observed, known.counts)
    made = forecast(known.grid, known.expected, [History(known.counts)], wide=wide)
    yield "forecast", made.expected, made
    yield "terrain", known.scores, None
    yield "prior counts", known.counts, None
    yield "kernel density", kernel_baseline(known.grid, known.earlier).density, None
    places = place_features(case, known)
    yield "random forest", forest_with_counts(places, known.counts), None
    yield "random forest without counts", forest(places, known.counts).predict(places), None


def place_features(case: Case, known: Fitted) -> Floats:
    """(cells, …): coordinates, and distance to and density of each factor."""
    reach = 3 * case.block_length
    columns = [*known.grid.centres.T]
    for features, _ in case.factors.values():
        distance = nearest_distance(features, known.grid, 2 * reach)
        columns += [np.minimum(distance, 3 * reach), kernel_density(features, known.grid, reach)]
    return np.column_stack(columns)


def forest(features: Floats, counts: Floats):
    """A random forest fitted on counts."""
    from sklearn.ensemble import RandomForestRegressor

    made = RandomForestRegressor(TREES, min_samples_leaf=LEAF, max_features=1 / 3, n_jobs=2, random_state=1)
    return made.fit(features, counts)


def forest_with_counts(places: Floats, counts: Floats) -> Floats:
    """A forest that knows prior counts: it learns one random half of the events from the other, both ways round."""
    half = np.random.default_rng(1).binomial(counts.astype(np.int64), 0.5).astype(np.float64)
    other = counts - half
    known = np.vstack([np.column_stack([places, half]), np.column_stack([places, other])])
    learned = forest(known, np.concatenate([other, half]))
    return learned.predict(np.column_stack([places, counts]))


def flagged(scores: Floats, share: float) -> Floats:
    """(cells,): the part of each cell that is flagged; the tie at the limit is flagged in equal parts."""
    cells = share * len(scores)
    limit = np.sort(scores)[::-1][int(np.ceil(cells)) - 1]
    above, tied = scores > limit, scores == limit
    return above + tied * (cells - above.sum()) / tied.sum()


def measure(scores: Floats, later: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """PAI (shares,), expected over ties, and of bootstrap samples of the cells (shares, replicates)."""
    hit = later > 0
    found, spread = [], []
    for share in SHARES:
        caught = (flagged(scores, share) * later)[hit]
        found.append(caught.sum() / later.sum() / share)
        spread.append((weights @ caught) / (weights @ later[hit]) / share)
    return np.array(found), np.array(spread)


def note(case: Case, known: Fitted, later: Floats, made: Forecast) -> str:
    """A row of the table of choices."""
    chosen = made.evidence
    held = np.mean((made.lower <= later) & (later <= made.upper))
    parts = " · ".join(f"{part:.0%}" for part in chosen.parts)
    cells = [case.name, f"{known.grid.cells:,}", f"{known.counts.sum():,.0f}", f"{later.sum():,.0f}",
             str(len(known.model.selected)), f"{chosen.dispersion.family.upper()} {chosen.dispersion.value:.2f}",
             parts, f"{held:.0%}"]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def run(data: Path | None) -> dict[str, Result]:
    """Kind of city → its result."""
    results: dict[str, Result] = {}
    for case in cases(data):
        known = fitted(case)
        later, _ = count_events(known.grid, case.later)
        # every cell as often as in a sample of all cells with replacement; the same samples for every map
        weights = np.random.default_rng(2).poisson(1.0, (REPLICATES, int((later > 0).sum()))).astype(np.float64)
        result = results.setdefault(case.kind, Result())
        for name, scores, made in maps_of(case, known):
            found, spread = measure(scores, later, weights)
            result.pai.setdefault(name, []).append(found)
            result.replicates.setdefault(name, []).append(spread)
            print(f"{case.name}: {name} {found.round(2).tolist()}, mean {found.mean():.3f}", flush=True)
            if made is not None:
                result.notes.append(note(case, known, later, made))
    return results


def pai_tables(results: dict[str, Result]) -> str:
    """One table for each kind of city."""
    texts = []
    for kind, result in results.items():
        rows = []
        for name in MAPS:
            values = [*result.mean(name), result.mean(name).mean()]
            best = name == max(MAPS, key=lambda n: result.mean(n).mean())
            rows.append([f"**{name}**" if best else name, *(f"{value:.2f}" for value in values)])
        cities = len(result.pai["forecast"])
        title = f"{kind} (mean of {cities} cities)" if cities > 1 else kind
        texts.append(table([title, *(f"{share:.0%}" for share in SHARES), "mean"], rows))
    return "\n\n".join(texts)


def difference_table(results: dict[str, Result]) -> str:
    """Forecast minus the best baseline at each share, and minus the forests on average."""
    head = ["Forecast minus", *(f"best baseline, {share:.0%}" for share in SHARES), "best baseline, mean", *FORESTS]
    rows = []
    for kind, result in results.items():
        row = [kind]
        for i in range(len(SHARES) + 1):
            best = max(BASELINES, key=lambda n: np.append(result.mean(n), result.mean(n).mean())[i])
            row.append(told(result.difference("forecast", best)[i]))
        rows.append(row + [told(result.difference("forecast", name)[-1]) for name in FORESTS])
    ratio = [
        np.mean([r.mean("forecast").mean() / max(r.mean(n).mean() for n in names) for r in results.values()])
        for names in (BASELINES, FORESTS[:1], FORESTS[1:])
    ]
    rows.append(["mean ratio of mean PAI, all kinds", *[""] * len(SHARES), *(f"{value:.3f}" for value in ratio)])
    return table(head, rows)


def told(row: Floats) -> str:
    """Difference with its interval; bold where the interval leaves out 0."""
    value, low, high = row
    text = f"{value:+.2f} ({low:+.2f} to {high:+.2f})"
    return f"**{text}**" if low > 0 or high < 0 else text


def choices_table(results: dict[str, Result]) -> str:
    """What the forecast chose on the earlier events."""
    head = ["City", "cells", "earlier events", "later events", "factors", "dispersion",
            "own history · neighbourhood · features", "later counts inside the 90 % interval"]  # fmt: skip
    return "\n".join([table(head, []), *(row for result in results.values() for row in result.notes)])


def main() -> None:
    """Measure, and write the tables into docs/accuracy.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data", help="folder of real data")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="sklearn")
    results = run(options.data)
    left_out = "" if any("Chicago" in kind for kind in results) else " The real cities were left out: no data."
    head = f"Synthetic kinds: means of {len(SEEDS)} cities with seeds of their own.{left_out}"
    replace("pai", f"{head}\n\n{pai_tables(results)}", PAGE)
    replace("differences", difference_table(results), PAGE)
    replace("choices", choices_table(results), PAGE)


if __name__ == "__main__":
    main()
