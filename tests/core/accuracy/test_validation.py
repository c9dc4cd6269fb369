"""Every measure of a validation against sums by hand, differences between maps, and intervals that cover the truth."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from helpers import full_grid, repeatable
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from risk_terrain.rtm_plugin.core.accuracy.measures import STREET
from risk_terrain.rtm_plugin.core.accuracy.validation import (
    KERNEL_DENSITY,
    PRIOR_COUNTS,
    RANDOM,
    ScoredMap,
    ValidationSettings,
    baseline_maps,
    validate,
)
from risk_terrain.rtm_plugin.core.errors import Cancelled, InputError, SettingsError
from risk_terrain.rtm_plugin.core.terrain.scores import ScoreSummary

# score, expected count's numerator, later events, prior events, metres of street
cells = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 4), st.integers(0, 3), st.integers(1, 3)), min_size=2, max_size=5
)
COLUMNS = ("expected", "pessimistic", "optimistic")
QUIET = {"replicates": 0}


def row(number):
    return full_grid(1, number, size=500.0)


def figures(found, **where):
    return [f for f in found.figures if all(getattr(f, key) == value for key, value in where.items())]


def taken(order, sizes, share):
    """How much of each cell of an order is flagged."""
    limit, found = share * sum(sizes), {}
    for cell in order:
        found[cell] = min(1.0, max(0.0, limit / sizes[cell]))
        limit -= sizes[cell]
    return found


@repeatable
@given(cells, st.sampled_from([0.2, 0.5, 0.7, 1.0]), st.booleans())
def test_measures_against_every_order(columns, share, by_street):
    """Bounds are those of the orders, or hold them; the expected values are those of the mean events."""
    scores, later, prior, metres = (np.array(column, float) for column in zip(*columns, strict=True))
    assume(later.any() and prior.any())
    number = len(scores)
    sizes = metres if by_street else np.ones(number)
    settings = ValidationSettings(shares=(share,), **QUIET)
    maps = [ScoredMap("a", scores, expected=scores / 7)]
    streets = metres if by_street else None
    found = validate(maps, later, row(number), settings, prior, streets)
    basis = STREET if by_street else "area"
    orders = [o for o in permutations(range(number)) if all(scores[a] >= scores[b] for a, b in pairwise(o))]
    parts = [taken(order, sizes, share) for order in orders]
    sums = {
        name: [sum(part[c] * values[c] for c in part) / values.sum() for part in parts]
        for name, values in (("later", later), ("prior", prior), ("predicted", scores))
    }
    best = max(sum(p[c] * later[c] for c in p) for p in (taken(o, sizes, share) for o in permutations(range(number))))
    low, high = min(sums["later"]), max(sums["later"])
    unit = sizes.sum() * (0.001 if by_street else 0.25)

    def of(measure):
        return found.find(measure, "a", share, basis)

    for measure, factor in (
        ("hit rate", 1.0),
        ("PAI", 1 / share),
        ("PEI", later.sum() / best),
        ("events per km" if by_street else "events per km²", later.sum() / (share * unit)),
    ):
        figure = of(measure)
        assert figure.pessimistic == pytest.approx(low * factor, abs=1e-9)
        assert figure.optimistic == pytest.approx(high * factor, abs=1e-9)
        assert figure.expected == pytest.approx(of("hit rate").expected * factor, abs=1e-9)
    if not by_street:
        assert of("hit rate").expected == pytest.approx(np.mean(sums["later"]), abs=1e-9)
        mean = np.mean(sums["prior"])
        recapture = np.mean(sums["later"]) / mean if mean else np.nan
        assert of("RRI (recapture)").expected == pytest.approx(recapture, nan_ok=True) or not mean
        if np.mean(sums["later"]):
            ratio = np.mean(sums["predicted"]) / np.mean(sums["later"])
            assert of("RRI (calibration)").expected == pytest.approx(ratio)
    for one, other in zip(sums["later"], sums["prior"], strict=True):
        if other:
            figure = of("RRI (recapture)")
            assert figure.pessimistic <= one / other * (1 + 1e-9)
            assert one / other <= figure.optimistic * (1 + 1e-9)


def test_golden_six_cells():
    """method.md §7: the pessimistic order of observed 6, 7, 3, 2, 1, 0 and predicted 8, 4, 4, 2, 1, 0."""
    observed, predicted = np.array([6.0, 7, 3, 2, 1, 0]), np.array([8.0, 4, 4, 2, 1, 0])
    settings = ValidationSettings(shares=tuple(k / 6 for k in range(1, 7)), **QUIET)
    found = validate([ScoredMap("a", predicted, expected=predicted)], observed, row(6), settings)

    def pessimistic(measure):
        return [found.find(measure, "a", share).pessimistic for share in settings.shares]

    assert_allclose(pessimistic("PAI"), [1.8947, 1.4211, 1.6842, 1.4211, 1.2, 1], atol=5e-5)
    assert_allclose(pessimistic("PEI"), [0.8571, 0.6923, 1, 1, 1, 1], atol=5e-5)
    assert_allclose(pessimistic("RRI (calibration)"), [1.3333, 1.3333, 1, 1, 1, 1], atol=5e-5)
    assert found.notes == ("The calibration of 'a' cannot be measured: 1 of its cells expect no event at all.",)


def test_recapture_by_hand():
    """Of 10 prior events 5 lie in the flagged half, of 20 later ones 12: (12/5)/(20/10) = 1.2."""
    found = validate(
        [ScoredMap("a", np.array([2.0, 1.0]))],
        np.array([12.0, 8.0]),
        row(2),
        ValidationSettings(shares=(0.5,), **QUIET),
        prior=np.array([5.0, 5.0]),
    )
    assert found.find("RRI (recapture)", "a", 0.5).expected == pytest.approx(1.2)


def test_classes_are_measured_on_the_same_area():
    random = np.random.default_rng(3)
    scores, counts = random.integers(1, 9, 200) ** 4.0, random.poisson(0.5, 200).astype(float)
    other = ScoredMap("b", random.normal(size=200))
    found = validate([ScoredMap("a", scores), other], counts, row(200), ValidationSettings(**QUIET))
    summary = ScoreSummary.of(scores)
    for cut, label in zip(summary.cuts, ("above mean", "above mean + 1 SD", "above mean + 2 SD"), strict=True):
        above = scores > cut
        own = figures(found, threshold=f"{label} of a", measure="hit rate", map="a", against="")
        assert [f.share for f in own] == [pytest.approx(above.mean())]
        for column in COLUMNS:
            assert getattr(own[0], column) == pytest.approx(counts[above].sum() / counts.sum())
        rivals = figures(found, threshold=f"{label} of a", measure="hit rate", map="b", against="")
        assert [f.share for f in rivals] == [own[0].share]


def test_calibration_figures():
    """Deciles add up, the ratio of totals is before scaling, and the scores are of the scaled counts."""
    random = np.random.default_rng(6)
    expected = random.choice([0.1, 0.2, 0.4, 0.8, 3.0], 500)
    counts = random.poisson(2 * expected).astype(float)
    found = validate([ScoredMap("a", expected, expected=expected)], counts, row(500), ValidationSettings(**QUIET))
    assert found.find("predicted / observed", "a").expected == pytest.approx(expected.sum() / counts.sum())
    seen = figures(found, kind="decile", measure="observed events")
    told = figures(found, kind="decile", measure="predicted events")
    assert len(seen) == 5
    assert sum(f.expected for f in seen) == pytest.approx(counts.sum())
    assert sum(f.expected for f in told) == pytest.approx(counts.sum())
    assert sum(f.share for f in seen) == pytest.approx(1)
    scaled = expected * counts.sum() / expected.sum()
    level = scaled == scaled.max()
    assert told[-1].expected == pytest.approx(scaled[level].sum())
    assert seen[-1].expected == counts[level].sum()
    deviance = 2 * np.where(counts > 0, counts * np.log(np.maximum(counts, 1) / scaled), 0) - 2 * (counts - scaled)
    assert found.find("Poisson deviance", "a").expected == pytest.approx(deviance.mean())


def a_city(seed=1, number=900, dispersion=None):
    random = np.random.default_rng(seed)
    mean = 0.25 * np.exp(random.normal(0, 0.9, number).round(1))
    if dispersion is None:
        return random, mean, random.poisson(mean).astype(float)
    return random, mean, random.negative_binomial(mean / dispersion, 1 / (1 + dispersion)).astype(float)


def test_equal_maps_differ_by_nothing():
    """Also when one is a transformation of the other that keeps the order; the interval is 0 to 0."""
    random, mean, counts = a_city()
    maps = [ScoredMap("a", mean, expected=mean), ScoredMap("b", mean, expected=mean), ScoredMap("c", np.log(mean))]
    found = validate(maps, counts, row(900), streets=random.uniform(0, 300, 900))
    differences = [f for f in found.figures if f.against and f.share != 1 and np.isfinite(f.expected)]
    assert {(f.map, f.against) for f in differences} == {("a", "b"), ("a", "c"), ("b", "c")}
    assert len(differences) > 100
    for f in differences:
        assert (f.expected, f.lower, f.upper) == (0.0, 0.0, 0.0), f


def test_intervals_hold_the_figures():
    """Of other maps the difference is that of the figures, and the intervals are about it."""
    random, mean, counts = a_city()
    maps = [ScoredMap("a", mean, expected=mean), ScoredMap("b", mean * random.gamma(1, 1, 900))]
    found = validate(maps, counts, row(900), prior=counts[::-1].copy(), streets=random.uniform(0, 300, 900))
    for f in found.figures:
        if not f.against:
            assert f.lower <= f.expected <= f.upper or f.kind == "decile", f
        elif f.kind == "share":
            a, b = (found.find(f.measure, name, f.share, f.basis).expected for name in (f.map, f.against))
            assert f.expected == pytest.approx(a - b)
            assert f.lower <= f.expected <= f.upper


def coverage(dispersion, units, periods=150):
    """Of periods from one city, how many intervals hold the hit rates of two maps by the true means, and the gap."""
    settings = ValidationSettings(shares=(0.1,), replicates=300, units=units)
    random, mean, _ = a_city()
    maps = [ScoredMap("a", mean.round(1)), ScoredMap("b", mean * random.gamma(2, 0.5, 900))]
    exact = validate(maps, mean, row(900), ValidationSettings(shares=(0.1,), **QUIET))
    wanted = [("a", ""), ("b", ""), ("a", "b")]
    truth = [exact.find("hit rate", one, 0.1, against=two).expected for one, two in wanted]
    inside = np.zeros(3)
    for seed in range(periods):
        found = validate(maps, a_later_period(mean, dispersion, seed), row(900), settings)
        ours = [found.find("hit rate", one, 0.1, against=two) for one, two in wanted]
        inside += [f.lower <= t <= f.upper for f, t in zip(ours, truth, strict=True)]
    return inside / periods


def test_intervals_of_independent_events():
    """Drawing events covers the truth as often as it says; drawing cells at least as often."""
    by_event, by_cell = coverage(None, "events"), coverage(None, "cells")
    assert ((by_event >= 0.90) & (by_event <= 0.98)).all(), by_event
    assert (by_cell >= by_event).all(), by_cell


def test_intervals_of_clustered_events():
    """With a variance 2.5 times the mean, drawing events covers too little; drawing cells does not."""
    by_event, by_cell = coverage(1.5, "events"), coverage(1.5, "cells")
    assert (by_event < 0.9).all(), by_event
    assert ((by_cell >= 0.92) & (by_cell <= 0.99)).all(), by_cell


def test_weighted_events_are_drawn_by_what_they_are_worth():
    """Events of weight 10 have the intervals of as many events of weight 1."""
    _, mean, counts = a_city()
    settings = ValidationSettings(units="events")
    plain = validate([ScoredMap("a", mean)], counts, row(900), settings)
    heavy = validate([ScoredMap("a", mean)], 10 * counts, row(900), settings, numbers=counts)
    one, other = (found.find("hit rate", "a", 0.05) for found in (plain, heavy))
    assert (one.lower, one.upper) == pytest.approx((other.lower, other.upper))


def a_later_period(mean, dispersion, seed):
    random = np.random.default_rng(1000 + seed)
    if dispersion is None:
        return random.poisson(mean).astype(float)
    return random.negative_binomial(mean / dispersion, 1 / (1 + dispersion)).astype(float)


@pytest.mark.parametrize("seed", range(3))
def test_perfect_calibration(seed):
    _, mean, _ = a_city(seed, 20_000)
    counts = np.random.default_rng(seed + 50).poisson(1.7 * mean).astype(float)
    found = validate(
        [ScoredMap("a", mean, expected=mean)], counts, full_grid(100, 200), ValidationSettings(replicates=100)
    )
    assert found.find("calibration slope", "a").expected == pytest.approx(1, abs=0.05)
    ratios = figures(found, kind="decile", measure="predicted / observed")
    assert all(f.expected == pytest.approx(1, abs=0.3) for f in ratios)


def test_weighted_events_and_scores_far_apart():
    """Counts need not be whole; only the order of the scores matters."""
    scores, counts = np.array([1e30, -5.0, 0.0, 1e-30]), np.array([2.5, 0.0, 0.25, 1.25])
    found = validate([ScoredMap("a", scores)], counts, row(4), ValidationSettings(shares=(0.25, 0.5), **QUIET))
    assert [found.find("hit rate", "a", s).expected for s in (0.25, 0.5)] == pytest.approx([2.5 / 4, 3.75 / 4])


def test_street_leaves_out_cells_without_street():
    scores, counts = np.array([3.0, 2.0, 1.0]), np.array([5.0, 1.0, 1.0])
    found = validate(
        [ScoredMap("a", scores)],
        counts,
        row(3),
        ValidationSettings(shares=(0.5,), metres_per_unit=2.0, **QUIET),
        streets=np.array([0.0, 100.0, 300.0]),
    )
    assert (found.street, found.events_off_street) == (0.8, 5.0)
    figure = found.find("hit rate", "a", 0.5, STREET)
    assert figure.expected == pytest.approx((1 + 1 / 3) / 2)
    assert found.find("events per km", "a", 0.5, STREET).expected == pytest.approx((1 + 1 / 3) / 0.4)


def test_curves():
    _, mean, counts = a_city()
    found = validate([ScoredMap("a", mean), *baseline_maps(row(900), None)[0]], counts, row(900))
    by_name = {curve.map: curve for curve in found.curves}
    assert list(by_name) == ["a", RANDOM, "perfect"]
    for curve in by_name.values():
        assert (curve.shares[0], curve.shares[-1]) == (0, 1)
        for column in COLUMNS:
            values = getattr(curve, column)
            assert (values[0], values[-1]) == (0, pytest.approx(1))
            assert (np.diff(values) >= -1e-12).all()
        assert (np.array(curve.pessimistic) <= np.array(curve.expected) + 1e-12).all()
        assert (np.array(curve.expected) <= np.array(curve.optimistic) + 1e-12).all()
    assert_allclose(by_name[RANDOM].expected, by_name[RANDOM].shares)
    assert (np.array(by_name["perfect"].expected) >= np.array(by_name["a"].optimistic) - 1e-12).all()
    at = by_name["a"].shares.index(0.05)
    assert by_name["a"].expected[at] == pytest.approx(found.find("hit rate", "a", 0.05).expected)


def test_baselines():
    grid = full_grid(20, 20, size=100.0)
    points = np.random.default_rng(2).normal(1000, 150, (60, 2))
    maps, bandwidth = baseline_maps(grid, points)
    assert [(m.name, m.role) for m in maps] == [(n, "baseline") for n in (PRIOR_COUNTS, KERNEL_DENSITY, RANDOM)]
    assert maps[0].scores.sum() == 60
    assert bandwidth > 0
    alone, none = baseline_maps(grid, None)
    assert [m.name for m in alone] == [RANDOM]
    assert np.isnan(none)


def test_random_is_the_share():
    _, mean, counts = a_city()
    found = validate([ScoredMap("a", mean), *baseline_maps(row(900), None)[0]], counts, row(900))
    for share in found.settings.shares:
        figure = found.find("hit rate", RANDOM, share)
        assert (figure.expected, figure.lower, figure.upper) == pytest.approx((share, share, share))
        assert found.find("PAI", RANDOM, share).expected == pytest.approx(1)
    assert found.find("area under the curve", RANDOM).expected == pytest.approx(0.5)


def test_the_same_twice_and_other_seeds():
    _, mean, counts = a_city()
    one, two, other = (
        validate([ScoredMap("a", mean)], counts, row(900), ValidationSettings(seed=seed)) for seed in (1, 1, 2)
    )
    assert one == two
    assert one.figures != other.figures
    assert [f.expected for f in one.figures] == [f.expected for f in other.figures]


def test_flat_map_and_a_single_event():
    """Nothing to rank and next to nothing to draw: figures, no error."""
    found = validate([ScoredMap("a", np.ones(5), expected=np.ones(5))], np.array([0.0, 1, 0, 0, 0]), row(5))
    assert found.find("hit rate", "a", 0.2).expected == pytest.approx(0.2)
    assert found.find("calibration slope", "a") is None
    assert not figures(found, kind="class")


GOOD = ScoredMap("a", np.array([2.0, 1.0, 3.0]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"counts": np.zeros(3)},
            "No later event lies inside the study area, so that accuracy cannot be measured.",
        ),
        ({"maps": []}, "There is no map to validate; choose at least one risk terrain."),
        ({"maps": [GOOD, GOOD]}, "Two maps are called 'a'; give them different names."),
        (
            {"maps": [ScoredMap("b", np.ones(4))]},
            "The map 'b' must have one finite number for each of the 3 cells.",
        ),
        (
            {"maps": [ScoredMap("b", np.array([1.0, np.nan, 2.0]))]},
            "The map 'b' must have one finite number for each of the 3 cells.",
        ),
        (
            {"prior": np.zeros(3)},
            "None of the earlier events lies inside the study area, so there is nothing to compare the maps with; "
            "check the layer, its filter and its CRS.",
        ),
        (
            {"streets": np.array([0.0, 5.0, 0.0])},
            "No later event lies in a cell with street, so that accuracy by street length cannot be measured; check "
            "that the street layer covers the study area.",
        ),
    ],
)
def test_refusals(change, sentence):
    given_ = {"maps": [GOOD], "counts": np.array([1.0, 0.0, 2.0]), "grid": row(3), **change}
    with pytest.raises(InputError) as refusal:
        validate(**given_)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"shares": ()}, "The shares of the area must be above 0 and at most 1; name at least one."),
        ({"shares": (0.0,)}, "The shares of the area must be above 0 and at most 1; name at least one."),
        ({"units": "blocks"}, "The bootstrap is to draw 'blocks'; it must be one of cells, events."),
        ({"replicates": -1}, "The number of bootstrap replicates is -1; it must be 0 to 100,000."),
    ],
)
def test_refused_settings(change, sentence):
    with pytest.raises(SettingsError) as refusal:
        ValidationSettings(**change)
    assert str(refusal.value) == sentence


def test_progress_rises_and_cancels():
    random, mean, counts = a_city()
    seen = []
    maps = [ScoredMap("a", mean, expected=mean, family="nb1", dispersion=0.5), *baseline_maps(row(900), None)[0]]
    validate(maps, counts, row(900), streets=random.uniform(1, 2, 900), progress=seen.append)
    assert seen == sorted(seen)
    assert 0 <= seen[0] <= seen[-1] <= 1

    def stop(fraction):
        if fraction > 0.6:
            raise Cancelled

    with pytest.raises(Cancelled):
        validate(maps, counts, row(900), progress=stop)
