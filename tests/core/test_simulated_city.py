"""A city whose risk factors are known: are they found, and is nothing else?"""

import numpy as np
from helpers import full_grid
from risk_terrain.rtm_plugin.core.candidates.columns import CandidateSet, operationalise
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.settings import SelectionSettings
from risk_terrain.rtm_plugin.core.ground.features import Features
from risk_terrain.rtm_plugin.core.selection.procedure import select_model

SEEDS = range(1, 11)
TRUE = {"bars": 1.1, "shops": 1.0, "police": 0.9}  # coefficients
NULL = ("parks", "schools", "banks", "stops", "gyms")
GRID = full_grid(40, 40, 100.0)  # blocks of 200
DISPERSION = 1.0


def factor(name, features):
    """Both operationalisations of up to two blocks; police protect."""
    direction = "protective" if name == "police" else "aggravating"
    return operationalise(features, FactorSettings(name, max_blocks=2, increment="whole", direction=direction), GRID)


def simulate(seed):
    """Counts and candidates: bars act by proximity 200, shops by density 400, police by proximity 400."""
    random = np.random.default_rng(seed)
    blocks = {}
    for name in (*TRUE, *NULL):
        number = 60 if name in ("bars", "police") else 100
        if name == "shops":  # in clusters, as shops are: density can matter
            middles = random.uniform(300, 3700, (12, 2))
            places = middles[random.integers(0, 12, number)] + random.normal(0, 120, (number, 2))
        else:
            places = random.uniform(0, 4000, (number, 2))
        blocks[name] = factor(name, Features("point", places, number))
    candidates = CandidateSet(tuple(blocks.values()))
    eta = np.full(GRID.cells, -1.2)
    eta += TRUE["bars"] * candidates.column("bars_proximity_200")
    eta += TRUE["shops"] * candidates.column("shops_density_400")
    eta -= TRUE["police"] * candidates.column("police_proximity_400")
    mean = np.exp(eta)
    return random.negative_binomial(mean / DISPERSION, 1 / (1 + DISPERSION)).astype(float), candidates


def test_true_factors_are_found_and_null_factors_are_not():
    """Ten cities: of the true factors at least 90 % are found, of the null factors at least 90 % rejected, NB1 wins,
    and the true coefficients come out right on average (to 0.15)."""
    found, rejected, families, exact, estimates = 0, 0, [], 0, []
    for seed in SEEDS:
        counts, candidates = simulate(seed)
        selection = select_model(counts, candidates, SelectionSettings(seed=seed))
        chosen = {c.factor: c.name for c in selection.best.candidates}
        found += sum(name in chosen for name in TRUE)
        rejected += sum(name not in chosen for name in NULL)
        exact += chosen.get("bars") == "bars_proximity_200"
        families.append(selection.family)
        by_factor = dict(zip(chosen, selection.best.fit.coefficients[1:], strict=True))
        estimates.append([by_factor.get(name, np.nan) for name in TRUE])
    n = len(SEEDS)
    mean = np.nanmean(estimates, axis=0)
    rates = (
        f"true found {found / (3 * n):.0%}, null rejected {rejected / (5 * n):.0%}, "
        f"NB1 {families.count('nb1')} of {n}, right distance for bars {exact} of {n}, mean coefficients {mean.round(2)}"
    )
    assert found >= 0.9 * 3 * n, rates
    assert rejected >= 0.9 * 5 * n, rates
    assert families.count("nb1") == n, rates
    assert exact >= 0.9 * n, rates
    assert np.abs(mean - list(TRUE.values())).max() < 0.15, rates
    print(rates)
