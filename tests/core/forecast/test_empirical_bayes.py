"""The forecast in cities where the truth is known: it leans on what carries information, and its intervals hold."""

import numpy as np
import pytest
from helpers import few
from hypothesis import given
from hypothesis import strategies as st
from risk_terrain.rtm_plugin.core.accuracy.at_share import accuracy
from risk_terrain.rtm_plugin.core.errors import Cancelled, InputError, SettingsError
from risk_terrain.rtm_plugin.core.forecast.empirical_bayes import ForecastSettings, History, forecast
from risk_terrain.rtm_plugin.core.forecast.mixture import SCALES, Terrain, fields, mixture_weights
from risk_terrain.rtm_plugin.core.forecast.smoothing import Smoother
from risk_terrain.rtm_plugin.core.ground.grid import Grid

OWN, NEIGHBOURS, FEATURES = range(3)


def square(side=60):
    return Grid(0.0, side * 100.0, 100.0, 200.0, np.ones((side, side), bool))


def patches(grid, random, size=5, effect=1.0):
    """A terrain of square patches, log-normal."""
    rows, columns = grid.shape
    coarse = np.exp(effect * random.normal(size=(-(-rows // size), -(-columns // size))))
    return np.kron(coarse, np.ones((size, size)))[:rows, :columns][grid.mask]


def counts_of(rates, random):
    return random.poisson(rates).astype(float)


def pai(values, later, share=0.05):
    return accuracy(values, later, share).pai.expected


def correlation(a, b):
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("family", ["nb1", "nb2"])
@pytest.mark.parametrize("periods", [1, 3])
def test_a_calibrated_city_is_forecast_calibrated(family, periods):
    """Slope of later counts on the forecast 1 ± 0.05; 95 % intervals hold 90 to 98 % of the later counts."""
    random, grid = np.random.default_rng(11), square(100)
    mean = 4 * patches(grid, random, effect=0.6)
    shape = mean if family == "nb1" else np.full(grid.cells, 2.0)
    rate = random.gamma(shape) * mean / shape
    history = [History(counts_of(rate, random)) for _ in range(periods)]
    found = forecast(grid, mean, history, ForecastSettings(coverage=95.0))
    later = counts_of(rate, random)
    centred = found.expected - found.expected.mean()
    assert centred @ later / (centred @ centred) == pytest.approx(1.0, abs=0.05)
    assert 0.90 <= np.mean((found.lower <= later) & (later <= found.upper)) <= 0.98
    if periods == 1:
        assert found.evidence.dispersion.family == family


def test_history_without_information_falls_back_to_the_terrain():
    random, grid = np.random.default_rng(1), square()
    mean = 0.5 * patches(grid, random)
    found = forecast(grid, mean, [History(counts_of(mean, random))])
    assert correlation(np.log(found.expected), np.log(mean)) > 0.98
    assert found.evidence.parts[FEATURES] > 0.85
    later = counts_of(mean, random)
    assert pai(found.expected, later) > 0.97 * pai(mean, later)


def test_terrain_without_information_falls_back_to_history():
    random, grid = np.random.default_rng(2), square()
    rate = random.gamma(0.3, 5.0, grid.cells)
    useless = patches(grid, random)
    counts, later = counts_of(rate, random), counts_of(rate, random)
    found = forecast(grid, useless, [History(counts)])
    assert correlation(found.expected, counts) > 0.99
    assert found.evidence.parts[OWN] > 0.7
    assert pai(found.expected, later) > 0.98 * pai(counts, later)


def test_neighbours_are_used_where_they_tell_something():
    random, grid = np.random.default_rng(3), square()
    rate = 0.1 * patches(grid, random, size=10, effect=1.0)
    counts, later = counts_of(rate, random), counts_of(rate, random)
    found = forecast(grid, np.ones(grid.cells), [History(counts)])
    assert found.evidence.parts[NEIGHBOURS] > 0.2
    assert pai(found.expected, later) > 1.1 * pai(counts, later)


def test_snapped_points_lean_on_prior_counts():
    random, grid = np.random.default_rng(4), square()
    rate = np.where(random.random(grid.cells) < 0.08, random.gamma(0.4, 20.0, grid.cells), 0.0)
    counts, later = counts_of(rate, random), counts_of(rate, random)
    found = forecast(grid, np.ones(grid.cells), [History(counts)])
    assert found.evidence.parts[OWN] > 0.9
    assert pai(found.expected, later) > 0.98 * pai(counts, later)


@pytest.mark.parametrize("events", [1, 2, 5])
def test_a_handful_of_events_leaves_the_terrain_in_charge(events):
    random, grid = np.random.default_rng(events), square()
    mean = patches(grid, random)
    counts = np.zeros(grid.cells)
    counts[random.choice(grid.cells, events, p=mean / mean.sum(), replace=False)] = 1
    found = forecast(grid, mean, [History(counts)])
    assert np.isfinite(found.expected).all()
    assert found.expected.sum() == pytest.approx(events)
    quiet = counts == 0
    assert correlation(np.log(found.expected[quiet]), np.log(mean[quiet])) > 0.7


def test_many_periods_with_drift_weigh_the_newest_most():
    random, grid = np.random.default_rng(6), square(40)
    steady = random.gamma(0.5, 1.0, grid.cells)
    drifting, log = [], np.log(steady + 0.05)
    for _ in range(8):
        drifting.append(History(counts_of(np.exp(log), random)))
        log = log + random.normal(0, 0.7, grid.cells)
    lasting = [History(counts_of(steady, random)) for _ in range(8)]
    flat = np.ones(grid.cells)
    assert forecast(grid, flat, drifting).evidence.recency < 1
    found = forecast(grid, flat, lasting)
    assert found.evidence.recency == 1
    assert found.evidence.method == "later periods from earlier"
    assert [tried.recency for tried in found.evidence.tried] == [1.0, 0.8]
    one = forecast(grid, flat, lasting[-1:])
    later = counts_of(steady, random)
    assert pai(found.expected, later) > pai(one.expected, later)


def test_the_level_counts_durations():
    random, grid = np.random.default_rng(7), square(20)
    a, b = (counts_of(np.full(grid.cells, 2.0), random) for _ in range(2))
    found = forecast(grid, np.ones(grid.cells), [History(a, 1.0), History(b, 3.0)])
    assert found.evidence.level == pytest.approx((a.sum() + b.sum()) / 4)
    assert found.expected.sum() == pytest.approx(found.evidence.level)


def test_a_period_without_events_is_a_period():
    random, grid = np.random.default_rng(8), square(20)
    counts = counts_of(np.ones(grid.cells), random)
    for history in ([counts, 0 * counts], [0 * counts, counts]):
        found = forecast(grid, np.ones(grid.cells), [History(h) for h in history])
        assert found.evidence.level == pytest.approx(counts.sum() / 2)
        assert found.evidence.method == "each cell from the others"


def test_only_proportions_of_the_terrain_count():
    random, grid = np.random.default_rng(9), square(30)
    mean = patches(grid, random)
    history = [History(counts_of(mean, random))]
    one, other = forecast(grid, mean, history), forecast(grid, 7 * mean, history)
    np.testing.assert_allclose(one.expected, other.expected, rtol=1e-9)


def test_the_same_bytes_again():
    random, grid = np.random.default_rng(10), square(30)
    mean = patches(grid, random)
    history = [History(counts_of(mean, random)) for _ in range(3)]
    one, other = forecast(grid, mean, history), forecast(grid, mean, history)
    for name in ("expected", "lower", "upper", "probability", "parts"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    assert one.document() == other.document()


def test_no_field_of_a_cell_knows_its_own_count():
    random, grid = np.random.default_rng(12), square(15)
    terrain = patches(grid, random)
    terrain /= terrain.sum()
    counts = counts_of(np.ones(grid.cells), random)
    changed = counts.copy()
    changed[100] += 50
    smoother = Smoother.over(grid)
    before, after = (fields(smoother, [terrain, np.roll(terrain, 7)], c) for c in (counts, changed))
    ratio = after.values[3:, 100] / before.values[3:, 100]
    assert (ratio < 1).all(), "its neighbours gained, so that its own part of the whole can only shrink"
    np.testing.assert_array_equal(after.values[:3], before.values[:3])
    np.testing.assert_allclose(after.values.sum(axis=1), 1.0)
    assert len(after.components) == len(after.values) == 3 + 3 * len(SCALES)


def test_a_second_terrain_is_used_where_it_proves_right():
    random, grid = np.random.default_rng(15), square()
    mean = 0.4 * patches(grid, random)
    history, later = [History(counts_of(mean, random))], counts_of(mean, random)
    flat, useless = np.ones(grid.cells), patches(grid, random)
    alone = forecast(grid, flat, history)
    helped = forecast(grid, flat, history, wide=Terrain(mean, mean))
    misled = forecast(grid, mean, history, wide=Terrain(useless, useless))
    assert pai(helped.expected, later) > pai(alone.expected, later)
    assert helped.evidence.parts[FEATURES] > 0.8
    weights = {c.kind: c.weight for c in misled.evidence.components if c.bandwidth is None}
    assert weights["wide terrain"] < 0.05
    assert weights["terrain"] > 0.5


def test_what_has_been_learnt_by_heart_is_not_believed():
    """A terrain that is the counts themselves, with its honest fits beside it, gets next to no weight."""
    random, grid = np.random.default_rng(16), square()
    mean = 0.4 * patches(grid, random)
    counts = counts_of(mean, random)
    found = forecast(grid, mean, [History(counts)], wide=Terrain(counts + 0.01, np.roll(counts + 0.01, 777)))
    assert {c.kind: c.weight for c in found.evidence.components if c.bandwidth is None}["wide terrain"] < 0.05


def test_mixture_is_the_most_likely_one():
    random = np.random.default_rng(13)
    values = random.dirichlet(np.full(400, 0.5), 3)
    counts = random.poisson(30_000 * (np.array([0.6, 0.3, 0.1]) @ values)).astype(float)
    start = np.full(3, 1 / 3)
    weights = mixture_weights(values, counts, start)

    def likelihood(w):
        return counts @ np.log(w @ values) + 10 * start @ np.log(w)

    best = likelihood(weights)
    for step in random.normal(0, 0.01, (200, 3)):
        assert likelihood(np.abs(weights + step) / np.abs(weights + step).sum()) <= best + 1e-4
    np.testing.assert_allclose(weights, [0.6, 0.3, 0.1], atol=0.03)


@few
@given(st.data())
def test_never_anything_that_is_not_a_number(data):
    """Grids with holes, extreme terrains, few or heavy counts, one to four periods."""
    rows, columns = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 9))
    random = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    mask = random.random((rows, columns)) < data.draw(st.sampled_from([0.3, 0.8, 1.1]))
    mask[0, 0] = True
    grid = Grid(0.0, 0.0, 10.0, 20.0, mask)
    terrain = np.exp(data.draw(st.sampled_from([0.0, 1.0, 40.0])) * random.normal(size=grid.cells))
    heavy = data.draw(st.sampled_from([0.05, 1.0, 500.0]))
    history = [
        History(counts_of(random.gamma(0.2, heavy, grid.cells), random), data.draw(st.sampled_from([0.1, 1.0, 12.0])))
        for _ in range(data.draw(st.integers(1, 4)))
    ]
    history[data.draw(st.integers(0, len(history) - 1))].counts[0] += 1
    share = data.draw(st.sampled_from([0.5, 5.0, 50.0, 100.0]))
    found = forecast(grid, terrain, history, ForecastSettings(top_share=share))
    for values in (found.expected, found.lower, found.upper, found.probability, found.parts):
        assert np.isfinite(values).all()
        assert (values >= 0).all()
    assert (found.expected > 0).all()
    assert (found.lower <= found.upper).all()
    assert found.expected.sum() == pytest.approx(found.evidence.level)
    assert found.probability.max() <= 1
    assert found.probability.sum() == pytest.approx(grid.cells * share / 100, rel=1e-3)
    np.testing.assert_allclose(found.parts.sum(axis=1), 1.0)
    assert sum(c.weight for c in found.evidence.components) == pytest.approx(1)


def test_cells_that_cannot_be_told_apart_have_the_share():
    """One cell in the middle of each of many equal worlds is like the other: here a grid without neighbours."""
    mask = np.zeros((261, 261), bool)
    mask[::130, ::130] = True  # farther apart than any kernel reaches
    grid = Grid(0.0, 0.0, 10.0, 20.0, mask)
    found = forecast(grid, np.ones(9), [History(np.full(9, 3.0))], ForecastSettings(top_share=20.0))
    np.testing.assert_allclose(found.probability, 0.2, rtol=1e-6)
    np.testing.assert_allclose(found.expected, 3.0)


def test_refusals():
    grid = square(4)
    ones = np.ones(16)
    for expected, history, sentence in (
        (ones, [], "There is no past period to forecast from"),
        (ones, [History(0 * ones)], "None of the events lies inside the study area"),
        (ones[:3], [History(ones)], "The terrain has 3 cells and the study grid 16"),
        (np.full(16, np.nan), [History(ones)], "not all finite and 0 or more"),
        (0 * ones, [History(ones)], "not all finite and 0 or more"),
        (ones, [History(ones), History(ones[:5])], "Period 2 has counts for 5 cells"),
        (ones, [History(-ones)], "Period 1 has counts that are not finite and 0 or more"),
    ):
        with pytest.raises(InputError, match=sentence):
            forecast(grid, expected, history)
    with pytest.raises(SettingsError, match="The duration of period 1 is 0"):
        forecast(grid, ones, [History(ones, 0.0)])
    with pytest.raises(SettingsError, match="The top share is 0 percent"):
        ForecastSettings(top_share=0)
    with pytest.raises(SettingsError, match="The coverage is 100 percent"):
        ForecastSettings(coverage=100)


@pytest.mark.parametrize("stop_at", [0.0, 0.3, 0.7, 0.9])
def test_cancel_is_heard(stop_at):
    def stop(fraction):
        if fraction >= stop_at:
            raise Cancelled

    random, grid = np.random.default_rng(14), square(20)
    history = [History(counts_of(np.ones(grid.cells), random)) for _ in range(3)]
    with pytest.raises(Cancelled):
        forecast(grid, np.ones(grid.cells), history, progress=stop)
