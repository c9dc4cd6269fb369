"""Resampling a study in blocks: what is drawn, that copies are weights, and what is told of factors and places."""

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from helpers import box, points, polygons
from risk_terrain.rtm_plugin.core.candidates.covariates import Covariates
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.settings import GridSettings, PlaceSettings, SelectionSettings
from risk_terrain.rtm_plugin.core.errors import Cancelled, FitError, InputError, SettingsError
from risk_terrain.rtm_plugin.core.ground.grid import Grid
from risk_terrain.rtm_plugin.core.pipeline import choose, run
from risk_terrain.rtm_plugin.core.selection.culling import cull, stratified_folds
from risk_terrain.rtm_plugin.core.stability.how_sure import HowSureSettings, clustered_over, how_sure
from risk_terrain.rtm_plugin.core.stability.how_sure_figures import Interval, MapTally
from risk_terrain.rtm_plugin.core.stability.resampled_blocks import BlockSide, Resample
from risk_terrain.rtm_plugin.core.study import Study
from risk_terrain.rtm_plugin.core.terrain.places import Places
from risk_terrain.rtm_plugin.core.tools.normal import NORMAL_95

SIDE = 3000
TIMES = 25
AREA = polygons([box(0, 0, SIDE, SIDE)])
QUICK = SelectionSettings("poisson", cull=False)


def make(**changes) -> Study:
    """A city of 30 × 30 cells with bars that draw events, and kiosks that do not."""
    rng = np.random.default_rng(6)
    bars = rng.uniform(0, SIDE, (25, 2))
    near = bars[rng.integers(25, size=400)] + rng.normal(0, 60, (400, 2))
    events = np.concatenate([near, rng.uniform(0, SIDE, (200, 2))])
    kiosks = points(*map(tuple, rng.uniform(0, SIDE, (40, 2))))
    study = Study(
        study_area=AREA,
        crs="EPSG:27700",
        events=events,
        factors=[
            (points(*map(tuple, bars)), FactorSettings("bars", max_blocks=2)),
            (kiosks, FactorSettings("kiosks", max_blocks=2)),
        ],
        grid=GridSettings(200),
        selection=QUICK,
        places=PlaceSettings("class", 1),
    )
    return replace(study, **changes)


@pytest.fixture(scope="module")
def city():
    """The city, run. Look, do not touch."""
    return run(make())


@pytest.fixture(scope="module")
def found(city):
    """The city resampled. Look, do not touch."""
    return how_sure(city, QUICK, HowSureSettings(TIMES))


def ragged() -> Grid:
    """A map of 11 × 8 cells with holes and a torn edge."""
    return Grid(1000.0, 9000.0, 100.0, 200.0, np.random.default_rng(2).random((11, 8)) < 0.7)


def squares(grid: Grid, values, side: int, moved: tuple[int, int]) -> list[dict]:
    """By brute force: for each square with cells, place inside it → value; squares begin `moved` before the corner."""
    held: dict[tuple[int, int], dict] = {}
    raster = grid.raster(np.asarray(values), -1)
    for row, column in np.argwhere(grid.mask):
        r, c = row + moved[0], column + moved[1]
        held.setdefault((r // side, c // side), {})[r % side, c % side] = int(raster[row, column])
    return list(held.values())


@pytest.mark.parametrize("side", [1, 2, 3, 5, 20])
def test_blocks_are_whole(side):
    """Each square of a resample is a square of the map, cell for cell, and there are as many of them."""
    grid = ragged()
    for number in range(20):
        resample = Resample.draw(grid, side, (1, number))
        moved = np.rint([(resample.grid.y_max - grid.y_max) / 100, (grid.x_min - resample.grid.x_min) / 100]).astype(
            int
        )
        assert (moved >= 0).all()
        assert (moved < side).all()
        there = squares(grid, np.arange(grid.cells), side, tuple(moved))
        drawn = squares(resample.grid, resample.cells, side, (0, 0))
        assert len(drawn) == len(there)
        assert all(square in there for square in drawn)


@pytest.mark.parametrize("side", [1, 3])
def test_every_cell_is_as_likely(side):
    """Once on average, at the edge as in the middle; a cell is there Poisson-like often, so its variance is about 1."""
    grid = ragged()
    times = np.array(
        [np.bincount(Resample.draw(grid, side, (4, k)).cells, minlength=grid.cells) for k in range(1000)], float
    )
    assert times.mean(axis=0) == pytest.approx(1, abs=4.5 / np.sqrt(1000))
    assert times.var(axis=0) == pytest.approx(1, abs=0.3)


def test_the_same_seed_draws_the_same():
    one, again, other = (Resample.draw(ragged(), 3, seed) for seed in ((1, 2), (1, 2), (2, 1)))
    assert one.cells.tolist() == again.cells.tolist() != other.cells.tolist()


def test_the_side_of_blocks():
    grid = Grid(0, 6000, 100, 200, np.ones((60, 60), bool))
    small = Grid(0, 500, 100, 200, np.ones((5, 5), bool))
    assert (BlockSide.of(grid, 0.0).cells, BlockSide.of(small, 0.0).cells) == (3, 1)
    assert BlockSide.of(grid, 1e6).cells == 10
    asked = BlockSide.of(grid, 250.0, asked=1000.0)
    assert (asked.cells, asked.length, asked.too_short) == (10, 1000.0, False)
    assert BlockSide.of(grid, 250.0, asked=900.0).too_short
    for length in (40.0, 1100.0):
        with pytest.raises(InputError, match=r"give a side between 100, one cell, and 1000, a sixth"):
            BlockSide.of(grid, 0.0, asked=length)


def test_copies_count_as_weights_do(city):
    """The fit to copied cells is statsmodels' fit to the cells with a weight each."""
    seen = city.observations
    drawn = Resample.draw(seen.grid, 4, (1, 1))
    again = drawn.of(seen)
    assert again.grid.cells == len(drawn.cells) == len(again.counts)
    best = choose(again, replace(QUICK, significance="plain")).selection.best
    times = np.bincount(drawn.cells, minlength=seen.grid.cells)
    design = sm.add_constant(
        np.column_stack([seen.candidates.column(candidate.name) for candidate in best.candidates]).astype(float)
    )
    fitted = sm.GLM(seen.counts, design, family=sm.families.Poisson(), freq_weights=times).fit()
    assert best.fit.coefficients == pytest.approx(fitted.params, abs=1e-6)
    assert best.fit.standard_errors == pytest.approx(fitted.bse, rel=1e-5)
    assert best.fit.log_likelihood == pytest.approx(fitted.llf)
    assert best.fit.bic == pytest.approx(-2 * fitted.llf + len(fitted.params) * np.log(times.sum()))


def test_exposure_and_adjustments_go_with_their_cells():
    rng = np.random.default_rng(5)
    homes, income = rng.integers(1, 9, 900).astype(float), rng.normal(size=900)
    seen = run(make(covariates=lambda grid: Covariates(homes, "homes", (("income", income),)))).observations
    drawn = Resample.draw(seen.grid, 4, (1, 1))
    again = drawn.of(seen)
    assert np.exp(again.offset) == pytest.approx(homes[drawn.cells])
    assert again.adjust[:, 0] == pytest.approx((income - income.mean())[drawn.cells] / income.std())


def test_copies_share_a_fold():
    rng = np.random.default_rng(6)
    counts = rng.poisson(0.5, 300).astype(float)
    cells = np.sort(rng.integers(300, size=300))
    labels = stratified_folds(counts[cells], 5, 1, copy_of=cells)
    assert all(len(set(labels[cells == cell])) == 1 for cell in cells)
    distinct = [labels[cells == cell][0] for cell in np.unique(cells)]
    assert np.ptp(np.bincount(distinct)) <= 1
    in_order = np.arange(300)
    assert (stratified_folds(counts, 5, 1, copy_of=in_order) == stratified_folds(counts, 5, 1)).all()


def test_copies_are_not_held_out_beside_themselves(city):
    """Two copies of every cell predict no better than one: the culling is the same, though twice as sure of itself."""
    seen, settings = city.observations, SelectionSettings("poisson")
    near = seen.candidates.only(
        [one.name for one in seen.candidates.candidates if one.operationalisation == "proximity"]
    )
    once = cull(seen.counts, near, settings)
    cells = np.repeat(np.arange(900), 2)
    twice = cull(seen.counts[cells], near.subset(cells), settings, copy_of=cells)
    assert twice.survivors == once.survivors
    assert twice.penalty == pytest.approx(once.penalty)
    assert twice.deviance == pytest.approx(once.deviance)
    leaking = cull(seen.counts[cells], near.subset(cells), settings)
    assert leaking.deviance < once.deviance


def test_too_few_cells_for_the_folds_are_counted_once(city):
    counts = np.zeros(900)
    counts[:3] = 1
    cells = np.repeat(np.arange(900), 2)
    with pytest.raises(FitError, match="Only 3 cells have events, fewer than the 5 folds"):
        cull(counts[cells], city.observations.candidates.subset(cells), SelectionSettings(), copy_of=cells)


def test_a_true_factor_is_in_all_and_another_in_few(found):
    bars, kiosks = found.factors
    assert found.fitted == len(found.runs) == TIMES
    assert (bars.factor, bars.as_asked, bars.resamples, bars.chosen) == ("bars", "established", TIMES, TIMES)
    assert bars.rrv_chosen == bars.rrv_all
    assert bars.rrv_chosen.lower < bars.rrv < bars.rrv_chosen.upper
    assert (kiosks.as_asked, kiosks.variable, kiosks.rrv) == ("", "", None)
    assert kiosks.chosen <= 6
    assert (kiosks.rrv_chosen, kiosks.rrv_all.lower, kiosks.rrv_all.median) == (None, 1.0, 1.0)


def test_figures_of_factors_are_those_of_the_runs(found):
    for factor in found.factors:
        terms = [term for one in found.runs for term in one.model.selected if term.factor == factor.factor]
        assert sum(variable.chosen for variable in factor.variables) == factor.chosen == len(terms)
        assert factor.chosen_share == len(terms) / TIMES
        for name, number in factor.by_operationalisation.items():
            assert number == sum(term.operationalisation == name for term in terms)
        for distance, number in factor.by_distance.items():
            assert number == sum(term.distance == distance for term in terms)
        values = [term.rrv for term in terms] + [1.0] * (TIMES - len(terms))
        ends = np.quantile(values, [0.025, 0.5, 0.975])
        assert [factor.rrv_all.lower, factor.rrv_all.median, factor.rrv_all.upper] == pytest.approx(ends)


def test_intervals_are_right_where_cells_are_independent():
    """One variable and nothing to choose: the interval of single cells is that of the standard error."""
    rng = np.random.default_rng(7)
    bars = rng.uniform(0, SIDE, (60, 2))
    only = FactorSettings("bars", operationalisation="proximity", max_blocks=1, increment="whole")
    study = make(factors=[(points(*map(tuple, bars)), only)])
    seen = run(study).observations
    counts = rng.poisson(np.where(seen.candidates.column("bars_proximity_200"), 1.2, 0.4))
    result = run(replace(study, events=np.repeat(seen.grid.centres, counts, axis=0)))
    (term,) = result.model.selected
    (factor,) = how_sure(result, QUICK, HowSureSettings(250, side=100.0)).factors
    width = np.log(factor.rrv_chosen.upper / factor.rrv_chosen.lower)
    assert width == pytest.approx(2 * NORMAL_95 * term.standard_error, rel=0.15)
    assert factor.rrv_chosen.median == pytest.approx(term.rrv, rel=0.05)


def test_wider_where_events_cluster():
    """Events in whole blocks of nine cells: blocks tell what single cells hide."""
    rng = np.random.default_rng(8)
    bars = points(*map(tuple, rng.uniform(0, SIDE, (60, 2))))
    only = FactorSettings("bars", operationalisation="proximity", max_blocks=1, increment="whole")
    study = make(factors=[(bars, only)], selection=replace(QUICK, significance="plain"))
    observed = run(study).observations
    patches = np.kron(rng.gamma(0.7, 1.4, (10, 10)), np.ones((3, 3))).ravel()
    rate = patches * np.where(observed.candidates.column("bars_proximity_200"), 2.0, 0.5)
    events = np.repeat(observed.grid.centres, rng.poisson(rate), axis=0)
    result = run(replace(study, events=events))
    assert result.model.significance is None
    assert 50 < clustered_over(result) < 300
    ends = [
        how_sure(result, study.selection, HowSureSettings(60, side=side)).factors[0].rrv_all for side in (100.0, 500.0)
    ]
    single, blocks = (np.log(one.upper / one.lower) for one in ends)
    assert blocks > 1.2 * single


def test_probabilities_add_up(city, found):
    assert found.probability.sum() == pytest.approx(0.05 * 900)
    assert found.probability.min() >= 0
    assert found.probability.max() <= 1
    wide = how_sure(city, QUICK, HowSureSettings(20, top_share=30.0))
    assert wide.probability.sum() == pytest.approx(0.3 * 900)


def test_figures_of_places(city, found):
    """The same places in all maps, ranked among each other."""
    assert len(found.places) == len(city.places.places) > 10
    assert [place.rank for place in found.places] == [place.rank for place in city.places.places]
    assert sum(place.first for place in found.places) == pytest.approx(10 * found.fitted)
    assert found.places[0].first > found.places[-1].first
    for place, own in zip(found.places, city.places.places, strict=True):
        assert 1 <= place.ranks.lower <= place.ranks.median <= place.ranks.upper <= len(found.places)
        assert place.mean_score.lower <= own.mean_score <= place.mean_score.upper
        cells = city.places.label == place.rank
        assert place.probability == pytest.approx(found.probability[cells].mean())


def test_maps_by_hand():
    """Three places, of which the last two tie in the first map; a quarter of eight cells is flagged."""
    label = np.array([1, 1, 2, 3, 0, 0, 0, 0])
    tally = MapTally(Places(label, (None, None, None)), 0.25)
    for _ in range(10):
        tally.add(np.array([9.0, 5, 5, 5, 1, 1, 1, 1]), np.array([3.0, 3, 2, 2, 0, 0, 0, 0]))
        tally.add(np.array([1.0, 1, 8, 2, 1, 1, 1, 1]), np.array([1.0, 1, 8, 3, 0, 0, 0, 0]))
    third = (1 / 3 + 0) / 2
    assert tally.probability == pytest.approx([0.5, third, (1 / 3 + 1) / 2, (1 / 3 + 1) / 2, 0, 0, 0, 0])
    one, two, three = tally.places
    assert (one.ranks.lower, one.ranks.upper) == (1, 3)
    assert (two.ranks.lower, two.ranks.upper) == (1, 2.5)
    assert (three.ranks.lower, three.ranks.upper) == (2, 2.5)
    assert (one.mean_score.lower, one.mean_score.median, one.mean_score.upper) == (1, 4, 7)
    assert one.first is None  # all three are among the first ten
    assert one.text(3, 20) == "rank 1 to 3 of 3"
    assert two.probability == pytest.approx((1 / 3 + 1) / 2)


def test_first_ten_shared_by_equals():
    """Eleven places that expect the same: each has ten elevenths of a place among the first ten."""
    tally = MapTally(Places(np.arange(1, 12), (None,) * 11), 0.5)
    for _ in range(22):
        tally.add(np.ones(11), np.ones(11))
    assert [place.first for place in tally.places] == pytest.approx([20.0] * 11)
    assert tally.places[4].text(11, 22) == "rank 6 to 6 of 11; in the first ten in 20 of 22 resamples"


def test_threads_change_nothing(city, found):
    two = how_sure(city, QUICK, HowSureSettings(TIMES), workers=2)
    assert two.runs == found.runs
    assert two.factors == found.factors
    assert two.places == found.places
    assert (two.probability == found.probability).all()


def test_another_seed_draws_others(city, found):
    other = how_sure(city, replace(QUICK, seed=2), HowSureSettings(20))
    assert [run.events for run in other.runs] != [run.events for run in found.runs[:20]]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("at", [0, 1, 3])
def test_cancelled(city, at, workers):
    heard = []

    def progress(fraction):
        heard.append(fraction)
        if len(heard) > at:
            raise Cancelled

    with pytest.raises(Cancelled):
        how_sure(city, QUICK, HowSureSettings(10_000), progress=progress, workers=workers)
    assert len(heard) == at + 1


def test_what_has_no_model_is_noted_and_not_counted(city):
    """Events in six places: the folds of the culling need five of them."""
    six = np.array([[250.0, 250], [750, 750], [1250, 1250], [1750, 1750], [2250, 2250], [2750, 2750]])
    study = make(events=np.repeat(six, 9, axis=0), selection=SelectionSettings("poisson", folds=5))
    found = how_sure(run(study), study.selection, HowSureSettings(20, side=300.0))
    notes = [run.note for run in found.runs if run.model is None]
    assert 0 < found.fitted == 20 - len(notes) < 20
    assert sum("fewer than the 5 folds" in note for note in notes) > len(notes) / 2
    assert all(note.endswith(".") for note in notes)
    assert {factor.resamples for factor in found.factors} == {found.fitted}
    assert found.probability.sum() == pytest.approx(0.05 * 900)


def test_no_model_at_all_is_refused():
    two = np.array([[250.0, 250], [2750, 2750]])
    study = make(events=np.repeat(two, 30, axis=0))
    result = run(study)
    with pytest.raises(FitError, match=r"None of the 20 resamples has a model\. Only"):
        how_sure(result, SelectionSettings("poisson", folds=5), HowSureSettings(20))


def test_with_significance(city, found):
    """What is not established leaves the resamples' models too, where it is asked for."""
    tested = how_sure(city, QUICK, HowSureSettings(20, with_significance=True))
    moves = {step.move for run in tested.runs for step in run.model.steps}
    assert "not established" in moves
    assert "not established" not in {step.move for run in found.runs for step in run.model.steps}
    assert tested.factors[0].chosen >= 18
    assert tested.factors[1].chosen <= sum(
        term.factor == "kiosks" for run in found.runs[:20] for term in run.model.selected
    )


def test_the_clustering_is_that_of_the_model(city):
    """Its mean range, weighted by variance; a faint one, which adds less to a count than chance, asks for nothing."""

    def over(*variances):
        found = replace(city.model.significance, variances=variances, ranges=(100.0, 500.0)[: len(variances)])
        return clustered_over(replace(city, model=replace(city.model, significance=found)))

    density = city.observations.counts.sum() / SIDE**2
    assert over(1.0, 3.0) == 400
    assert over(2.1 / (density * np.pi * 100**2)) == 100
    assert over(1.9 / (density * np.pi * 100**2)) == 0


def test_announced_before_the_work(city):
    told = []

    def stop(side):
        told.append(side)
        raise Cancelled

    with pytest.raises(Cancelled):
        how_sure(city, QUICK, HowSureSettings(20, side=300.0), announce=stop)
    assert [(side.cells, side.length) for side in told] == [(3, 300.0)]


@pytest.mark.parametrize(
    "wrong", [{"resamples": 19}, {"resamples": 10_001}, {"top_share": 0.0}, {"top_share": 100.0}, {"side": 0.0}]
)
def test_impossible_settings(wrong):
    with pytest.raises(SettingsError, match="must be"):
        HowSureSettings(**wrong)


def test_few_values_have_no_interval():
    assert Interval.of([2.0] * 19) is None
    known = Interval.of(np.arange(101.0))
    assert (known.lower, known.median, known.upper) == pytest.approx((2.5, 50.0, 97.5))
