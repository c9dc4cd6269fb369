"""Rolling origins: each run is what the steps give on its fitting window, and looks at nothing later."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from helpers import box, points, polygons
from risk_terrain.rtm_plugin.core.accuracy.at_share import accuracy
from risk_terrain.rtm_plugin.core.accuracy.backtest import (
    MAPS,
    Backtest,
    BacktestSettings,
    run_window,
)
from risk_terrain.rtm_plugin.core.accuracy.crossvalidation import SHARES
from risk_terrain.rtm_plugin.core.candidates.covariates import Covariates
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.periods import Dates, Period, RollingSettings
from risk_terrain.rtm_plugin.core.documents.settings import GridSettings, PlaceSettings, SelectionSettings
from risk_terrain.rtm_plugin.core.errors import Cancelled, InputError, SettingsError
from risk_terrain.rtm_plugin.core.forecast.baselines import kernel_baseline
from risk_terrain.rtm_plugin.core.forecast.empirical_bayes import History
from risk_terrain.rtm_plugin.core.pipeline import choose, count, forecast_events, score
from risk_terrain.rtm_plugin.core.study import Study

ROLLING = RollingSettings(fit=6, test=2, step=2)
FIRST = date(2020, 1, 1)


def make(seed: int = 1, rolling: RollingSettings = ROLLING, forecast_periods: int = 1, **changes) -> Backtest:
    """A city of 30 × 30 cells with bars that draw events, over a year."""
    rng = np.random.default_rng(seed)
    bars = rng.uniform(0, 3000, (25, 2))
    near = bars[rng.integers(25, size=400)] + rng.normal(0, 60, (400, 2))
    events = np.concatenate([near, rng.uniform(0, 3000, (200, 2))])
    days = [FIRST + timedelta(days=int(k)) for k in rng.integers(0, 366, len(events))]
    days[0], days[1] = FIRST, date(2020, 12, 31)
    kiosks = points(*map(tuple, rng.uniform(0, 3000, (20, 2))))
    study = Study(
        study_area=polygons([box(0, 0, 3000, 3000)]),
        crs="EPSG:27700",
        events=events,
        factors=[(points(*map(tuple, bars)), FactorSettings("bars")), (kiosks, FactorSettings("kiosks"))],
        grid=GridSettings(200),
        selection=SelectionSettings("poisson", cull=False),
        places=PlaceSettings(),
    )
    study = replace(study, **changes)
    dates = Dates.of([Period(day, day) for day in days], "the field 'day' of 'events'")
    return Backtest.of(study, dates, BacktestSettings(rolling, forecast_periods), Period()).prepared()


def test_a_run_is_what_the_steps_give():
    """By hand: model, terrain, forecast and baselines of the fitting window, measured on the test window."""
    test = make()
    assert [a.text for a, _ in test.windows] == [
        "1 January 2020 to 30 June 2020",
        "1 March 2020 to 31 August 2020",
        "1 May 2020 to 31 October 2020",
    ]
    fitted, tested = test.windows[1]
    run = run_window(test, fitted, tested)
    day = test.dates.first.astype(object)
    earlier = test.study.events[[fitted.start <= d <= fitted.end for d in day]]
    later = count(test.grid, test.study.events[[tested.start <= d <= tested.end for d in day]]).counts
    observed = test.observations(earlier)
    choice = choose(observed, test.study.selection)
    assert run.model == choice.best
    assert [term.factor for term in run.model.selected] == ["bars"]
    assert (run.fit_events, run.test_events) == (observed.counts.sum(), later.sum())
    terrain = score(run.model, observed)
    history = [History(observed.counts, fitted.days / tested.days)]
    kernel = kernel_baseline(test.grid, earlier)
    by_hand = {
        "terrain": terrain.scores,
        "forecast": forecast_events(run.model, observed, terrain, history).expected,
        "prior_counts": observed.counts,
        "kernel_density": kernel.density,
    }
    assert run.bandwidth == kernel.bandwidth
    for name in MAPS:
        assert run.accuracy[name] == tuple(accuracy(by_hand[name], later, share) for share in SHARES)


def test_nothing_looks_at_the_test_window():
    """Moving every later event changes what is measured, and nothing that is made."""
    test = make()
    fitted, tested = test.windows[0]
    one = run_window(test, fitted, tested)
    moved = test.study.events.copy()
    after = ~test.dates.mask(fitted)
    moved[after] = np.random.default_rng(9).uniform(0, 3000, (after.sum(), 2))
    shifted = replace(test, study=replace(test.study, events=moved))
    other = run_window(shifted, fitted, tested)
    assert (one.model, one.bandwidth, one.fit_events) == (other.model, other.bandwidth, other.fit_events)
    assert one.accuracy != other.accuracy
    assert one.accuracy["terrain"][2].pai.expected > other.accuracy["terrain"][2].pai.expected


def test_several_periods_reach_the_forecast():
    test = make(forecast_periods=3)
    fitted, tested = test.windows[0]
    months = test.settings.history_of(fitted)
    assert [p.iso for p in months] == [
        ("2020-01-01", "2020-02-29"),
        ("2020-03-01", "2020-04-30"),
        ("2020-05-01", "2020-06-30"),
    ]
    run = run_window(test, fitted, tested)
    history = [History(count(test.grid, test.events_in(p)).counts, p.days / tested.days) for p in months]
    observed = test.observations(test.events_in(fitted))
    terrain = score(run.model, observed)
    later = count(test.grid, test.events_in(tested)).counts
    by_hand = accuracy(forecast_events(run.model, observed, terrain, history).expected, later, SHARES[2])
    assert run.accuracy["forecast"][2] == by_hand


def test_windows_without_events_are_noted():
    test = make()
    quiet = Period.from_iso("2030-01-01", "2030-02-28")
    fitted, tested = test.windows[0]
    assert run_window(test, fitted, quiet).note == "No event lies in the test window."
    assert run_window(test, quiet, tested).note == "No event lies in the fitting window."
    assert run_window(test, quiet, tested).accuracy == {}


def test_what_cannot_be_fitted_is_noted():
    """A factor that no cell is near: the refusal is the row's note."""
    test = make()
    far = [(points((9e5, 9e5)), FactorSettings("far"))]
    lost = replace(test, study=replace(test.study, factors=far)).prepared()
    assert run_window(lost, *lost.windows[0]).note.startswith("No candidate variable varies over the study area")


def test_exposure_leaves_cells_out_of_every_map():
    def covariates(grid):
        return Covariates(np.where(grid.centres[:, 0] < 1500, 2.0, 0.0), "homes")

    test = make(covariates=covariates)
    run = run_window(test, *test.windows[0])
    assert run.cells == test.grid.cells / 2
    assert set(run.accuracy) == set(MAPS)


def test_settings_text_tells_everything_apart():
    test = make()
    told = test.settings_text({"plugin": "1"})
    assert told == make().settings_text({"plugin": "1"})
    others = [
        test.settings_text({"plugin": "2"}),
        make(rolling=replace(ROLLING, step=1)).settings_text({"plugin": "1"}),
        make(forecast_periods=2).settings_text({"plugin": "1"}),
        make(selection=SelectionSettings("nb1", cull=False)).settings_text({"plugin": "1"}),
        make(seed=2).settings_text({"plugin": "1"}),
        make(grid=GridSettings(400)).settings_text({"plugin": "1"}),
        make(covariates=lambda grid: Covariates(np.ones(grid.cells), "homes")).settings_text({"plugin": "1"}),
    ]
    assert len({told, *others}) == 1 + len(others)


def test_hash_of_events_is_that_of_both_windows():
    test = make()
    assert len({test.events_hash(*pair) for pair in test.windows}) == 3
    moved = test.study.events.copy()
    moved[test.dates.mask(test.windows[0][1])] += 1
    other = replace(test, study=replace(test.study, events=moved))
    assert test.events_hash(*test.windows[0]) != other.events_hash(*test.windows[0])
    assert test.events_hash(*test.windows[2]) == test.events_hash(*test.windows[2])


@pytest.mark.parametrize("periods", [0, 4, True, 1.5])
def test_impossible_periods(periods):
    with pytest.raises(SettingsError) as refused:
        BacktestSettings(ROLLING, periods)
    assert str(refused.value) == (
        f"The fitting window of 6 months cannot be cut in {periods!r} periods of whole months for the forecast; choose "
        "a number that divides it."
    )


def test_windows_are_looked_at_before_the_long_work():
    test = make()
    with pytest.raises(InputError, match="too short"):
        Backtest.of(test.study, test.dates, BacktestSettings(RollingSettings(fit=12)), Period())
    months = Dates.of([Period.parse(str(day)[:7]) for day in test.dates.first], "the field 'month' of 'events'")
    with pytest.raises(InputError, match="cuts the month"):
        Backtest.of(test.study, months, BacktestSettings(RollingSettings(100, 30, 30, "days")), Period())
    with pytest.raises(InputError, match="not made yet"):
        run_window(replace(test, candidates=None), *test.windows[0])


def test_cancel():
    test = make()
    seen: list[float] = []

    def stop(fraction: float) -> None:
        seen.append(fraction)
        if fraction > 0.65:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_window(test, *test.windows[0], stop)
    assert seen == sorted(seen)
