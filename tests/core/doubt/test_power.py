"""Power before data: what is told is what the test then establishes, in cities where the truth is known."""

import math

import numpy as np
import pytest
from helpers import candidate_set
from risk_terrain.rtm_plugin.core.candidates.covariates import Observations
from risk_terrain.rtm_plugin.core.doubt.lags import Lags
from risk_terrain.rtm_plugin.core.doubt.power import critical_value, power_text, smallest_rrv, study_power
from risk_terrain.rtm_plugin.core.doubt.random_shift import Shifts
from risk_terrain.rtm_plugin.core.doubt.significance import established
from risk_terrain.rtm_plugin.core.ground.grid import Grid

SIDE = 40
RUNS = 60
GRID = Grid(0.0, SIDE * 100.0, 100.0, 200.0, np.ones((SIDE, SIDE), bool))


def patches(seed, reach, height=1.2):
    """A layer in patches of about so many cells."""
    random = np.random.default_rng(seed)
    away = np.minimum(np.arange(SIDE), SIDE - np.arange(SIDE))
    kernel = np.exp(-(away[:, None] ** 2 + away**2) / reach**2)
    drawn = np.fft.ifft2(np.fft.fft2(random.normal(size=(SIDE, SIDE))) * np.fft.fft2(kernel)).real
    return (drawn / drawn.std()).ravel() > height


def city(reach, layers, height=1.2):
    """So many layers, of which the first is named "bars"."""
    names = ["bars", "parks", "stops"][:layers]
    return candidate_set({name: [patches(i, reach, height)] for i, name in enumerate(names)})


def share_established(candidates, rate, events):
    """In how many of the runs "bars" is established, beside nothing, when cells have these rates."""
    found = 0
    for seed in range(RUNS):
        counts = np.random.default_rng([seed, 9]).poisson(rate * events / rate.sum()).astype(float)
        observed = Observations(grid=GRID, counts=counts, candidates=candidates)
        found += any(test.established for test in established(observed, ["bars_proximity_1"]).remaining)
    return found / RUNS


@pytest.mark.parametrize(
    ("reach", "layers", "events"),
    [(1.0, 1, 400), (2.0, 3, 150), (4.0, 3, 400), (4.0, 1, 2000), (8.0, 2, 400)],
    ids=["scattered", "small patches", "patches", "patches, many events", "large patches"],
)
def test_four_of_five_studies_establish_what_is_told(reach, layers, events):
    candidates = city(reach, layers)
    power = study_power(GRID, candidates, events).of("bars")
    rate = np.where(candidates.column("bars_proximity_1"), power.rrv, 1.0)
    assert 0.65 <= share_established(candidates, rate, events) <= 0.92


def test_half_of_that_effect_is_mostly_missed():
    candidates = city(4.0, 3)
    power = study_power(GRID, candidates, 400).of("bars")
    rate = np.where(candidates.column("bars_proximity_1"), math.sqrt(power.rrv), 1.0)
    assert share_established(candidates, rate, 400) < 0.5


def test_clustering_makes_it_harder_and_the_factor_for_it_makes_the_told_value_larger():
    candidates = city(4.0, 3)
    power = study_power(GRID, candidates, 400)
    spread = study_power(GRID, candidates, 400, overdispersion=3.0)
    assert spread.of("bars").rrv > 1.3 * power.of("bars").rrv
    assert spread.critical == power.critical


def test_more_events_tell_weaker_effects_and_more_layers_ask_for_stronger_ones():
    candidates = city(2.0, 3)
    values = [study_power(GRID, candidates, events).of("bars").rrv for events in (50, 200, 1000)]
    assert values == sorted(values, reverse=True)
    alone = study_power(GRID, candidates.only(["bars_proximity_1"]), 200)
    assert alone.critical < study_power(GRID, candidates, 200).critical
    assert alone.of("bars").rrv < values[1]


def test_the_same_events_need_the_same_z():
    shifts = Shifts.over(Lags.between(GRID))
    columns = {"bars": patches(0, 2.0).astype(np.float32)}
    first = critical_value(shifts, columns, 200)
    assert first == critical_value(shifts, columns, 200)
    assert 1.645 < first < 2.6  # the 95 % quantile of a standard normal variable, and somewhat more: counts are skewed


@pytest.mark.parametrize("direction", ["aggravating", "protective"])
def test_it_is_the_root_of_its_equation(direction):
    share, events, critical = 0.2, 300, 2.4
    rrv = smallest_rrv(share, events, critical, 15.0, direction)
    rate = rrv if direction == "aggravating" else 1 / rrv
    p = share * rate / (1 - share + share * rate)
    lifted = abs(p - share) * math.sqrt(events) / math.sqrt(share * (1 - share))
    lost = 0.8416212 * math.sqrt(p * (1 - p) / (share * (1 - share)))
    assert (lifted - lost) / math.sqrt(1 + (lifted / 15.0) ** 2) == pytest.approx(critical, abs=1e-6)


def test_a_protective_factor_in_few_cells_cannot_be_told_by_few_events():
    """Where two of forty events would lie, none is no surprise."""
    assert smallest_rrv(0.05, 40, 2.3, direction="protective") is None
    assert smallest_rrv(0.05, 40, 2.3) < 10


def test_the_factor_is_told_by_the_distance_that_needs_least():
    ladder = [patches(0, 2.0, height) for height in (2.5, 1.2, -2.5)]
    found = study_power(GRID, candidate_set({"bars": ladder}), 300)
    (power,) = found.factors
    assert power.candidate == "bars_proximity_2"
    assert power.share == pytest.approx(ladder[1].mean())
    assert found.text("bars") == power_text(300, power, found.critical)


def test_a_layer_in_one_place_is_never_told_from_its_shifts():
    """Half of the map, beside scattered layers that make the test strict."""
    half = np.arange(SIDE * SIDE) < SIDE * SIDE / 2
    others = {name: [patches(i, 1.0)] for i, name in enumerate(("parks", "stops", "schools"))}
    found = study_power(GRID, candidate_set({"bars": [half], **others}), 1e5)
    assert found.of("bars").rrv is None
    assert found.text("bars").startswith("It lies in too few places")


def test_the_critical_value_of_a_layer_whose_shifts_tell_little_is_that_of_one_normal_variable():
    half = np.arange(SIDE * SIDE) < SIDE * SIDE / 2
    assert study_power(GRID, candidate_set({"bars": [half]}), 300).critical == pytest.approx(1.645, abs=1e-3)


def test_what_is_the_same_everywhere_or_cannot_be_tested_has_no_value():
    found = study_power(GRID, candidate_set({"bars": [np.ones(SIDE * SIDE)]}), 300)
    assert (found.factors, found.reason, found.text("bars")) == ((), "", "")
    small = Grid(0.0, 500.0, 100.0, 200.0, np.ones((5, 5), bool))
    found = study_power(small, candidate_set({"bars": [np.arange(25) < 5]}), 300)
    assert found.text("bars").startswith("With 25 cells there are only ")


def test_very_few_events_tell_nothing():
    found = study_power(GRID, city(2.0, 1, height=-0.5), 2)
    assert found.text("bars").startswith("With 2 events no effect, however strong, can be established")
