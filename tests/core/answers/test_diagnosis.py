"""Does the model fit: numbers against statsmodels, loops and correlations; every planted fault told in its words."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import candidate_set, full_grid
from risk_terrain.rtm_plugin.core.answers.diagnosis import NOTHING, Diagnosis, diagnose
from risk_terrain.rtm_plugin.core.answers.diagnosis_checks import checks_of
from risk_terrain.rtm_plugin.core.answers.diagnosis_fit import mean_fit
from risk_terrain.rtm_plugin.core.candidates.covariates import Covariates, observe
from risk_terrain.rtm_plugin.core.diagnostics.cell_influence import blocks_of
from risk_terrain.rtm_plugin.core.documents.settings import SelectionSettings
from risk_terrain.rtm_plugin.core.errors import Cancelled, InputError
from risk_terrain.rtm_plugin.core.pipeline import fit_model, score
from risk_terrain.rtm_plugin.core.study import Events
from scipy import stats
from scipy.optimize import minimize_scalar

SIDE = 24
GRID = full_grid(SIDE, SIDE, size=100.0)
N = GRID.cells
PLAIN = SelectionSettings("poisson", cull=False, significance="plain")
FAMILIES = {"poisson": None, "nb1": 0.7, "nb2": 0.7}


def near(seed, share=0.2):
    """Cells of a factor, in clumps of 2 × 2."""
    clumps = np.random.default_rng(seed).random((SIDE // 2, SIDE // 2)) < share
    return np.kron(clumps, np.ones((2, 2))).ravel() > 0


def seen(columns, counts, protective=(), covariates=None):
    """The cells of a study."""
    return observe(GRID, np.asarray(counts, float), candidate_set(columns, protective), covariates)


def fitted(observed, settings=PLAIN):
    """Its model."""
    total = float(observed.counts.sum()) + (observed.exposure.events_without if observed.exposure else 0.0)
    return fit_model(observed, Events(observed.counts, total, 0.0), settings, {})


def study(family="poisson", **changes):
    """Two factors that act, the second protective, and one that does not."""
    random = np.random.default_rng(8)
    columns = {"bars": [near(1)], "police": [near(2)], "kiosks": [near(3)]}
    mean = np.exp(-0.2 + 1.1 * columns["bars"][0] - 1.0 * columns["police"][0])
    if family != "poisson":
        mean = mean * random.gamma(1.0, 1.0, N)
    observed = seen(columns, random.poisson(mean), ["police"], **changes)
    return observed, fitted(observed, SelectionSettings(family, cull=False, significance="plain"))


def by_name(diagnosis: Diagnosis, units="metres"):
    return {check.name: check for check in checks_of(diagnosis, units)}


@pytest.fixture(scope="module")
def sound():
    """A model that is as true as a model can be. Look, do not touch."""
    observed, model = study()
    label = np.zeros(N, dtype=np.int64)
    label[np.flatnonzero(near(1))[:12]] = 1
    label[np.flatnonzero(near(1))[12:20]] = 2
    return observed, model, diagnose(observed, model, label, 99), label


@pytest.mark.parametrize("family", FAMILIES)
def test_residuals_and_predictions_against_scipy(family):
    observed, model = study(family)
    found = diagnose(observed, model, permutations=9)
    assert {term.factor for term in model.selected} == {"bars", "police"}
    assert found.expected == pytest.approx(score(model.best, observed).expected, rel=1e-5)
    mean, extra = found.expected, model.best.dispersion
    size = {"poisson": 0.0, "nb1": mean / (extra or 1.0), "nb2": np.full(N, 1 / (extra or 1.0))}[family]
    law = stats.poisson(mean) if family == "poisson" else stats.nbinom(size, size / (size + mean))
    assert found.residuals == pytest.approx((observed.counts - mean) / law.std())
    assert found.dispersion == pytest.approx((found.residuals**2).sum() / (N - 3))
    assert found.rootogram.expected[0] == pytest.approx(law.pmf(0).sum())
    assert found.rootogram.observed[0] == np.count_nonzero(observed.counts == 0)
    assert sum(group.observed for group in found.tenths) == observed.counts.sum()
    for group in found.tenths:
        own = (mean >= group.lowest - 1e-9) & (mean <= group.highest + 1e-9)
        assert group.spread == pytest.approx(np.sqrt((law.std()[own] ** 2).sum()))
    assert found.explained.mcfadden == pytest.approx(
        1 - law.logpmf(observed.counts).sum() / best_of_one_rate(family, observed.counts), rel=1e-6
    )


def best_of_one_rate(family, counts):
    """The largest log-likelihood with the same mean, the counts' own, in every cell."""
    mean = counts.mean()
    if family == "poisson":
        return stats.poisson(mean).logpmf(counts).sum()

    def loss(log_size):
        size = np.exp(log_size)
        return -stats.nbinom(size, size / (size + mean)).logpmf(counts).sum()

    return -minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-9}).fun


def test_nothing_is_wrong_with_a_true_model(sound):
    checks = by_name(sound[2])
    assert [check.name for check in checks.values() if check.severity == "warning"] == []
    assert len(checks) == 14
    for check in checks.values():
        assert check.sentence.endswith(".")
        assert check.sentence.count(". ") == 0, "one sentence"
        assert check.number is not None


def test_pairs_against_a_loop(sound):
    """Σ rᵢrⱼ / Σ μᵢμⱼ of the pairs a cell apart, round about."""
    observed, model, found, _ = sound
    mean = mean_fit(observed, model.selected).expected
    residual, (x, y) = observed.counts - mean, GRID.centres.T
    gap = np.hypot(x[:, None] - x, y[:, None] - y) / 100
    for pair in found.pairs[1:4]:
        own = np.floor(gap + 0.5) == pair.lag
        products, expected = residual @ own @ residual, mean @ own @ mean
        assert pair.correlation == pytest.approx(1 + products / expected, abs=1e-9)
        assert pair.distance == pytest.approx(100 * (mean @ (own * gap) @ mean) / expected)
        assert pair.fitted == pytest.approx(1 + float(found.clustering.at(np.array(pair.distance))))
    inside = 1 + (residual @ residual - observed.counts.sum()) / (mean @ mean)
    assert found.pairs[0].correlation == pytest.approx(inside)
    assert [pair.lag for pair in found.pairs] == list(range(13))  # half the shorter side


def test_the_curve_is_that_of_the_test_of_significance():
    """Clumps of 3 × 3 cells share a rate that no factor knows; model, test and diagnosis see the same clustering."""
    random = np.random.default_rng(4)
    shared = np.kron(random.gamma(1.0, 1.0, (8, 8)), np.ones((3, 3))).ravel()
    bars = np.kron(random.random((8, 8)) < 0.4, np.ones((3, 3))).ravel() > 0
    observed = seen({"bars": [bars]}, random.poisson(shared * np.exp(0.3 + 1.2 * bars)))
    model = fitted(observed, SelectionSettings("nb1", cull=False))
    assert [term.factor for term in model.selected] == ["bars"]
    found = diagnose(observed, model, permutations=99)
    told = model.significance
    assert found.clustering.nugget == pytest.approx(told.nugget)
    assert found.clustering.ranges == pytest.approx(told.ranges)
    assert found.clustering.variances == pytest.approx(told.variances)
    assert found.moran.p == 0.01
    assert 100.0 <= found.reach <= 300.0
    assert found.block_width == pytest.approx(100 * round(3 * found.clustering.mean_range / 100))
    checks = by_name(found)
    assert (checks["Neighbouring cells"].severity, checks["Clustering beyond the factors"].severity) == ("note", "note")
    assert checks["Neighbouring cells"].sentence.endswith("; the p-values and intervals of the factors allow for it.")
    assert f"over {found.reach:g} metres" in checks["Neighbouring cells"].sentence
    # The same model, selected as if cells were independent: now it misleads.
    plain = fitted(observed, SelectionSettings("nb1", cull=False, significance="plain"))
    checks = by_name(diagnose(observed, plain, permutations=99))
    assert (checks["Neighbouring cells"].severity, checks["Clustering beyond the factors"].severity) == ("warning",) * 2
    assert checks["Neighbouring cells"].sentence.endswith("too favourable, so test the significance as 'spatial'.")
    assert checks["Intervals"].severity == "warning"
    assert checks["Intervals"].number > 1.5


def test_errors_by_blocks_against_statsmodels(sound):
    api = pytest.importorskip("statsmodels.api")
    observed, model, found, _ = sound
    design = np.column_stack([np.ones(N), *(t.sign * observed.candidates.column(t.name) for t in model.selected)])
    groups = blocks_of(GRID, found.block_width)
    theirs = api.GLM(observed.counts, design, family=api.families.Poisson()).fit(
        tol=1e-12, cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
    )
    scale = np.sqrt(found.blocks / (found.blocks - 1))
    assert [one.block_error for one in found.supports] == pytest.approx(scale * theirs.bse[1:], rel=1e-6)
    assert [one.coefficient for one in found.supports] == pytest.approx(theirs.params[1:], rel=1e-7)
    told = [model.standard_error_of(term) for term in model.selected]
    assert [one.standard_error for one in found.supports] == told
    assert np.exp([one.told for one in found.supports]) == pytest.approx([model.rrv_of(t) for t in model.selected])
    check = by_name(found)["Intervals"]
    assert check.number == pytest.approx(max(scale * theirs.bse[1:] / told))


def test_influence_is_told_in_the_error_that_people_were_told(sound):
    """Of NB1, or of clustering, wider than Poisson's: z, and what a cell or a place changes, shrink by as much."""
    api = pytest.importorskip("statsmodels.api")
    observed, model, found, label = sound
    design = np.column_stack([np.ones(N), *(t.sign * observed.candidates.column(t.name) for t in model.selected)])
    for j, support in enumerate(found.supports, 1):
        assert support.cell.z == pytest.approx(support.coefficient / support.standard_error)
        place = support.place
        for cells, told in ((label == place.place, place), (np.arange(N) == support.cell.cell, support.cell)):
            rest = api.GLM(observed.counts[~cells], design[~cells], family=api.families.Poisson()).fit(tol=1e-12)
            assert told.change == pytest.approx(
                (support.coefficient - rest.params[j]) / support.standard_error, abs=1e-6
            )
        assert support.place_events == observed.counts[label == place.place].sum()
        assert support.cell_events == observed.counts[support.cell.cell]
        assert place.cells == np.count_nonzero(label == place.place)


def test_overlap_and_stand_in_against_correlations():
    random = np.random.default_rng(6)
    bars = near(1)
    pubs = np.where(random.random(N) < 0.02, ~bars, bars)
    columns = {"bars": [bars], "pubs": [near(9), pubs], "police": [near(2)]}
    observed = seen(columns, random.poisson(np.exp(-0.2 + 1.3 * bars - 1.0 * columns["police"][0])), ["police"])
    model = fitted(observed)
    assert {term.factor for term in model.selected} == {"bars", "police"}
    found = diagnose(observed, model, permutations=9)
    assert (found.stand_in.factor, found.stand_in.other_name) == ("bars", "pubs_proximity_2")
    assert found.stand_in.correlation == pytest.approx(np.corrcoef(bars, pubs)[0, 1])
    check = by_name(found)["Factors that could stand for another"]
    assert check.severity == "warning"
    assert check.sentence == (
        "'pubs', which is not in the model, is in nearly the same cells as 'bars', which is: the events cannot say "
        "which of the two matters, so decide by what you know of them, and say so."
    )
    between = np.corrcoef(bars, columns["police"][0])[0, 1]
    assert [one.inflation for one in found.overlaps] == pytest.approx([1 / (1 - between**2)] * 2)
    assert {one.factor: one.partner for one in found.overlaps} == {"bars": "police", "police": "bars"}


def test_two_factors_that_say_the_same():
    """Both are in the model, since the few cells of the one alone, and of the other alone, hold events enough."""
    random = np.random.default_rng(2)
    bars = near(1, 0.4)
    pubs = bars ^ (random.random(N) < 0.02)
    observed = seen({"bars": [bars], "pubs": [pubs]}, random.poisson(np.exp(1.5 + 0.9 * bars + 0.9 * pubs)))
    model = fitted(observed)
    assert {term.factor for term in model.selected} == {"bars", "pubs"}
    found = diagnose(observed, model, permutations=9)
    inflation = 1 / (1 - np.corrcoef(bars, pubs)[0, 1] ** 2)
    assert inflation > 10
    assert [one.inflation for one in found.overlaps] == pytest.approx([inflation] * 2)
    assert found.stand_in is None
    check = by_name(found)["Factors that overlap"]
    assert (check.severity, check.number) == ("warning", pytest.approx(inflation))
    worst = max(found.overlaps, key=lambda one: one.inflation)
    assert check.sentence == (
        f"'{worst.factor}' says nearly the same as the rest of the model, '{worst.partner}' most of all, so that their "
        "values cannot be told apart: keep the one that can be acted on, and leave the other out."
    )
    shaken = replace(found, condition=31.0)
    assert by_name(shaken)["All columns together"].severity == "warning"
    # Ill conditioned by the adjustments alone: the factors do not suffer.
    firm = replace(shaken, overlaps=(replace(worst, inflation=1.2),))
    assert by_name(firm)["All columns together"].severity == "note"


def test_a_factor_that_holds_every_event():
    random = np.random.default_rng(5)
    depot = near(4, 0.3)
    bars = near(1)
    counts = random.poisson(np.where(depot, np.exp(0.2 + 0.9 * bars), 0.0))
    observed = seen({"depot": [depot], "bars": [bars], "kiosks": [near(3)]}, counts)
    model = fitted(observed)
    found = diagnose(observed, model, permutations=9)
    assert [one.factor for one in found.separated] == ["depot"]
    assert [one.factor for one in found.supports] == ["bars"], "the other has no estimate to hold anything against"
    check = by_name(found)["Separation"]
    assert (check.severity, check.number) == ("warning", 1)
    assert by_name(found)["Rare exposure"].severity == "note", "it is told once"
    assert check.sentence == (
        "'depot' leaves no event on one side, so that no ratio can be estimated: read the value as 'very much', and "
        "check that events are not recorded at these features for want of a better place."
    )


def test_rare_exposure_is_found_before_culling():
    """Wells have three cells at every distance; the elastic net and the stepwise selection never speak of them."""
    random = np.random.default_rng(5)
    bars = near(1)
    wells = [np.arange(N) < 1, np.arange(N) < 3]
    columns = {"bars": [bars, np.arange(N) < 2], "wells": wells}
    observed = seen(columns, random.poisson(np.exp(0.2 + 0.9 * bars)))
    found = diagnose(observed, fitted(observed), permutations=9)
    check = by_name(found)["Rare exposure"]
    assert (check.severity, check.number) == ("warning", 3)
    assert check.number_name == "candidates with fewer than five events or cells on one side, of 4"
    assert check.sentence == (
        "All candidates of 'wells' have fewer than five events or cells on one side, so that nothing could be found "
        "there, true or not: use a longer period, or a wider influence."
    )
    only = replace(found, exposures=tuple(one for one in found.exposures if one.factor == "bars"))
    assert (by_name(only)["Rare exposure"].severity, by_name(only)["Rare exposure"].number) == ("note", 1)


def test_a_rare_factor_in_the_model():
    random = np.random.default_rng(5)
    wells = np.arange(N) < 4
    counts = random.poisson(0.5, N) + 30 * wells
    observed = seen({"wells": [wells]}, counts)
    model = fitted(observed)
    assert [term.factor for term in model.selected] == ["wells"]
    assert by_name(diagnose(observed, model, permutations=9))["Rare exposure"].sentence == (
        "What the model says of 'wells' rests on fewer than five events or cells on one side, and may be far off: use "
        "a longer period, or a wider influence, before acting on it."
    )


def one_cell(events):
    """Bars do nothing but for one of their cells, which holds so many events."""
    random = np.random.default_rng(7)
    bars, police = near(1, 0.1), near(2)
    counts = random.poisson(np.exp(0.3 - 0.8 * police))
    counts[np.flatnonzero(bars)[5]] = events
    observed = seen({"bars": [bars], "police": [police]}, counts, ["police"])
    return observed, fitted(observed), int(np.flatnonzero(bars)[5])


def test_a_single_cell_that_carries_a_factor():
    observed, model, cell = one_cell(90)
    assert {term.factor for term in model.selected} == {"bars", "police"}
    label = np.zeros(N, dtype=np.int64)
    label[cell], label[:5] = 1, 2
    found = diagnose(observed, model, label, 9)
    support = next(one for one in found.supports if one.factor == "bars")
    assert (support.cell.cell, support.cell_events, support.cell.decides) == (cell, 90, True)
    checks = by_name(found)
    assert checks["Single cells"].severity == "warning"
    assert checks["Single cells"].sentence == (
        "The interval of 'bars' reaches 1 as soon as one single cell is left out, with 90 events: look at what is "
        "recorded there, an address that events are entered at for want of a better one perhaps, before acting on it."
    )
    assert checks["Single cells"].number == pytest.approx(support.cell.change)
    assert checks["Single places"].severity == "warning"
    assert (
        "one priority place is left out, place 1 (1 cell, 90 events): ask whether" in checks["Single places"].sentence
    )
    assert "'bars'" in checks["Single places"].sentence
    assert "'police'" not in checks["Single cells"].sentence + checks["Single places"].sentence


def test_without_places_nothing_is_said_of_them(sound):
    observed, model, _, _ = sound
    found = diagnose(observed, model, permutations=9)
    assert "Single places" not in by_name(found)
    assert not found.has_places
    assert "Single places" not in by_name(diagnose(observed, model, np.zeros(N, dtype=np.int64), 9))


def test_an_estimate_that_is_lost_is_an_infinite_number(sound):
    found = sound[2]
    lost = replace(found.supports[0], cell=replace(found.supports[0].cell, change=None, z_without=None))
    check = by_name(replace(found, supports=(lost, *found.supports[1:])))["Single cells"]
    assert (check.number, check.severity) == (np.inf, "warning")


def spread_of(sound, dispersion, family="nb1"):
    found = sound[2]
    model = replace(found.model, family=family, families={family: found.model.best})
    return by_name(replace(found, dispersion=dispersion, model=model))["Spread of the counts"]


def test_words_of_the_spread(sound):
    assert spread_of(sound, 1.2).sentence.endswith(f"; {NOTHING}.")
    assert "let the study choose its family ('auto')" in spread_of(sound, 1.6, "poisson").sentence
    assert spread_of(sound, 1.6).sentence.startswith("Counts vary 1.60 times as much around")
    assert "as even its family allows" in spread_of(sound, 1.6).sentence
    assert "less than it should be" in spread_of(sound, 0.6).sentence
    assert [spread_of(sound, d).severity for d in (0.6, 0.7, 1.49, 1.6)] == ["warning", "note", "note", "warning"]
    assert "Spread of the counts" not in by_name(replace(sound[2], dispersion=None))


@pytest.mark.parametrize(
    ("observed", "expected", "severity", "words"),
    [
        (300.0, 299.0, "note", "as many as chance allows"),
        (400.0, 300.0, "warning", "no such event can happen"),
        (200.0, 300.0, "warning", "more evenly than the family has it"),
    ],
)
def test_words_of_the_empty_cells(sound, observed, expected, severity, words):
    root = replace(sound[2].rootogram, observed=np.array([observed, 276.0]), expected=np.array([expected, 277.0]))
    check = by_name(replace(sound[2], rootogram=root))["Empty cells"]
    assert (check.severity, check.number) == (severity, observed / expected)
    assert check.sentence.startswith(
        f"{observed:.0f} cells hold no event, and the model expects {expected:.0f} such cells"
    )
    assert words in check.sentence


def test_words_of_the_tenths(sound):
    """Off is beyond three standard deviations and a tenth; neither alone."""
    top = replace(sound[2].tenths[-1], observed=160.0, expected=100.0, spread=10.0)
    low = replace(sound[2].tenths[0], observed=50.0, expected=50.0, spread=7.0)

    def told(group):
        return by_name(replace(sound[2], tenths=(low, group)))["Observed against expected"]

    assert told(top).severity == "warning"
    assert "160 events were counted and 100 expected, and 1 of 2 groups of cells is off" in told(top).sentence
    assert told(top).number == 1.6
    assert told(replace(top, spread=21.0)).severity == "note"
    assert told(replace(top, observed=109.0, spread=1.0)).severity == "note"
    assert "Observed against expected" not in by_name(replace(sound[2], tenths=(top,)))


def test_words_of_the_curve(sound):
    """A curve that lacks more than half of the clustering does not allow for it, whatever the test."""
    pair = replace(sound[2].pairs[1], correlation=1.8, fitted=1.2)
    check = by_name(replace(sound[2], pairs=(pair,)))["Clustering beyond the factors"]
    assert check.severity == "warning"
    assert "are 1.80 times as frequent as chance makes them, and the curve" in check.sentence
    assert "says 1.20, so take its p-values and intervals as too favourable." in check.sentence
    assert by_name(replace(sound[2], pairs=()))["Clustering beyond the factors"].number is None


def test_words_of_the_intervals(sound):
    first, *rest = sound[2].supports

    def told(coefficient, **changes):
        changed = replace(first, told=coefficient, coefficient=coefficient, **changes)
        found = replace(sound[2], supports=(changed, *rest), blocks=36, block_width=400.0)
        return by_name(found)["Intervals"]

    lost = told(coefficient=0.5, standard_error=0.2, block_error=0.27)
    assert lost.severity == "warning"
    assert lost.sentence == (
        f"With errors from 36 blocks of 400 metres the interval of '{first.factor}' would reach 1, and as it is told "
        "it does not: call it a lead to follow up, not a finding."
    )
    wide = told(coefficient=2.0, standard_error=0.2, block_error=0.32)
    assert "up to 1.6 times those behind the intervals" in wide.sentence
    assert told(coefficient=2.0, standard_error=0.2, block_error=0.29).severity == "note"
    assert told(coefficient=-0.5, standard_error=0.2, block_error=0.27).severity == "warning"
    assert told(coefficient=0.3, standard_error=0.2, block_error=0.27).severity == "note", "it reached 1 before"


def test_no_factor():
    counts = np.random.default_rng(1).poisson(0.8, N)
    observed = seen({"kiosks": [near(3)]}, counts)
    model = fitted(observed)
    assert model.selected == ()
    checks = by_name(diagnose(observed, model, permutations=9))
    assert set(checks) == {
        "Neighbouring cells", "Clustering beyond the factors", "Spread of the counts", "Empty cells", "Separation",
        "Rare exposure",
    }  # fmt: skip


def test_exposure_and_adjustments():
    """Cells without exposure are no part of it; an adjustment that says the same as a factor is named."""
    random = np.random.default_rng(3)
    bars = near(1)
    homes = random.integers(0, 5, N).astype(float)
    wealth = bars + random.normal(0, 0.1, N)
    counts = random.poisson(homes * np.exp(-0.5 + 1.2 * bars))
    observed = seen({"bars": [bars]}, counts, covariates=Covariates(homes, "homes", (("wealth", wealth),)))
    model = fitted(observed, PLAIN)
    if not model.selected:
        pytest.fail("the city has no factor to look at")
    found = diagnose(observed, model, permutations=9)
    assert len(found.residuals) == np.count_nonzero(homes)
    assert found.expected == pytest.approx(score(model.best, observed).expected, rel=1e-5)
    overlap = found.overlaps[0]
    assert (overlap.factor, overlap.partner) == ("bars", "wealth")
    assert overlap.inflation == pytest.approx(
        1 / (1 - np.corrcoef(bars[homes > 0], wealth[homes > 0])[0, 1] ** 2), rel=1e-6
    )
    assert found.supports[0].name == "bars_proximity_1"
    assert found.explained.deviance == pytest.approx(
        1 - _deviance(observed.counts, found.expected)
        / _deviance(observed.counts, observed.counts.sum() * np.exp(observed.offset) / np.exp(observed.offset).sum())
    )  # fmt: skip


def _deviance(counts, mean):
    logs = np.log(np.where(counts > 0, counts, 1.0) / np.where(counts > 0, mean, 1.0))
    return 2 * (counts * logs - (counts - mean)).sum()


def test_other_counts_are_refused(sound):
    observed, model, _, _ = sound
    moved = observed.counts.copy()
    moved[np.flatnonzero(moved == 0)[0]], moved[np.argmax(moved)] = 1.0, moved.max() - 1
    for counts in (observed.counts * 2, moved):
        with pytest.raises(InputError, match=r"a model is checked on its own events, so choose the counts"):
            diagnose(replace(observed, counts=counts), model)


def test_same_seed_same_diagnosis_and_it_can_be_stopped(sound):
    observed, model, found, label = sound
    again = diagnose(observed, model, label, 99)
    assert checks_of(again) == checks_of(found)

    def stop(fraction):
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        diagnose(observed, model, label, 99, progress=stop)
