"""The study again with other choices: what is varied, what is counted, and what is not done twice."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from helpers import box, points, polygons
from risk_terrain.rtm_plugin.core.accuracy.likeness import nearest_cell, rank_correlation, top_overlap
from risk_terrain.rtm_plugin.core.candidates.covariates import Covariates
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.settings import GridSettings, PlaceSettings, SelectionSettings
from risk_terrain.rtm_plugin.core.errors import Cancelled, FileFormatError, InputError
from risk_terrain.rtm_plugin.core.ground.grid import Grid, study_grid
from risk_terrain.rtm_plugin.core.pipeline import run
from risk_terrain.rtm_plugin.core.stability.sensitivity import AS_ASKED, sensitivity, settings_text
from risk_terrain.rtm_plugin.core.stability.sensitivity_runs import run_of, run_text
from risk_terrain.rtm_plugin.core.stability.variations import Variation, variations
from risk_terrain.rtm_plugin.core.study import Study
from scipy.stats import spearmanr

SIDE = 3000
AREA = polygons([box(0, 0, SIDE, SIDE)])


def make(**changes) -> Study:
    """A city of 30 × 30 cells with bars that draw events, and kiosks that do not."""
    rng = np.random.default_rng(1)
    bars = rng.uniform(0, SIDE, (25, 2))
    near = bars[rng.integers(25, size=400)] + rng.normal(0, 60, (400, 2))
    events = np.concatenate([near, rng.uniform(0, SIDE, (200, 2))])
    kiosks = points(*map(tuple, rng.uniform(0, SIDE, (40, 2))))
    study = Study(
        study_area=AREA,
        crs="EPSG:27700",
        events=events,
        factors=[(points(*map(tuple, bars)), FactorSettings("bars")), (kiosks, FactorSettings("kiosks"))],
        grid=GridSettings(200),
        selection=SelectionSettings("poisson", cull=False),
        places=PlaceSettings(),
    )
    return replace(study, **changes)


@pytest.fixture(scope="module")
def whole():
    """All variations of the city, and what was announced and saved. Look, do not touch."""
    announced, saved = [], []
    found = sensitivity(make(), save=saved.append, announce=lambda *what: announced.append(what))
    return found, announced, saved


def keys(study: Study) -> list[tuple[str, str]]:
    return [one.key for one in variations(study)]


def test_what_is_varied():
    assert keys(make(selection=SelectionSettings())) == [
        ("grid origin", "half a cell east"),
        ("grid origin", "half a cell north"),
        ("grid origin", "half a cell east and north"),
        ("cell size", "75"),
        ("cell size", "125"),
        ("cell size", "150"),
        ("block length", "150"),
        ("block length", "250"),
        ("density cut", "mean + 1 SD"),
        ("density cut", "mean + 3 SD"),
        ("family", "poisson"),
        ("family", "nb1"),
        ("culling seed", "2"),
        ("culling seed", "3"),
        ("culling seed", "4"),
    ]


def test_one_choice_is_changed_at_a_time():
    study = make(selection=SelectionSettings())
    for one in variations(study):
        other = one.study
        kept = {
            "grid origin": one.shift == (0, 0),
            "cell size": other.grid.size == study.grid.size,
            "block length": other.grid.block_length == study.grid.block_length,
            "density cut": [own for _, own in other.factors] == [own for _, own in study.factors],
            "family": other.selection.family == study.selection.family,
            "culling seed": other.selection.seed == study.selection.seed,
        }
        assert [choice for choice, same in kept.items() if not same] == [one.choice]
        assert replace(other, grid=study.grid, factors=study.factors, selection=study.selection).events is study.events


def test_what_changes_nothing_or_cannot_be_is_left_out():
    bars, kiosks = (features for features, _ in make().factors)
    by_proximity = make(factors=[(bars, FactorSettings("bars", operationalisation="proximity", density_sd=1.0))])
    assert not [choice for choice, _ in keys(by_proximity) if choice in ("density cut", "culling seed")]
    assert [value for choice, value in keys(by_proximity) if choice == "family"] == ["nb1"]
    two = [(bars, FactorSettings("bars", density_sd=0.0)), (kiosks, FactorSettings("kiosks", density_sd=10.0))]
    told = {one.value: [own.density_sd for _, own in one.study.factors] for one in variations(make(factors=two))[8:10]}
    assert told == {"1 SD lower": [0.0, 9.0], "1 SD higher": [1.0, 10.0]}
    large = make(grid=GridSettings(200, 180))
    assert [key for key in keys(large) if key[0] in ("cell size", "block length")] == [
        ("cell size", "135"),
        ("block length", "250"),
    ]
    last = make(selection=SelectionSettings("nb1", seed=2**31 - 1))
    assert [value for choice, value in keys(last) if choice == "culling seed"] == ["0", "1", "2"]


@pytest.mark.parametrize("origin", ["aligned", "corner"])
def test_a_grid_is_moved_by_half_a_cell(origin):
    area = polygons([box(30, 30, 480, 480)])
    settings = GridSettings(200, grid_origin=origin)
    first = study_grid(area, settings)
    moved = study_grid(area, settings, shift=(0.5, 0.0))
    assert (moved.x_min - first.x_min) % 100 == 50
    assert (moved.y_max - first.y_max) % 100 == 0
    assert study_grid(area, settings, shift=(0.0, 0.0)).same_cells(first)
    for grid in (first, moved):  # all of the study area has a cell
        assert (grid.extent[0] <= 30, grid.extent[2] >= 480) == (True, True)
        assert grid.cells * grid.cell_size**2 >= 450**2


def test_the_first_run_is_the_study_itself(whole):
    found, announced, saved = whole
    study = make()
    result = run(study)
    first = found.runs[0]
    assert first.key == (AS_ASKED, "")
    assert [term.name for term in first.terms] == [term.name for term in result.model.best.selected]
    assert (first.cells, first.events, first.family) == (900, result.events.inside, "poisson")
    assert (first.selected, first.established) == (("bars",), ("bars",))
    assert (first.correlation, first.overlap) == (pytest.approx(1.0), 1.0)
    assert announced[:2] == [(1, "as asked"), (2, "grid origin half a cell east")]
    assert [run.key for run in saved] == [run.key for run in found.runs] == [(AS_ASKED, ""), *keys(study)]


def test_a_true_factor_survives_and_an_unrelated_one_does_not(whole):
    found, _, _ = whole
    bars, kiosks = found.factors
    assert (bars.factor, bars.runs, bars.tested) == ("bars", 12, 12)
    assert (bars.selected_share, bars.established_share) == (1.0, 1.0)
    assert (bars.as_asked, bars.otherwise) == ("established", ())
    assert (kiosks.factor, kiosks.as_asked) == ("kiosks", "")
    assert kiosks.selected_share <= 0.25
    assert kiosks.established == 0
    assert len(kiosks.otherwise) == kiosks.selected
    for one in found.runs:
        assert one.note == ""
        assert 0.3 < one.correlation <= 1.0
        assert 0.2 < one.overlap <= 1.0


def test_a_variation_that_changes_nothing_is_the_same_map():
    study = make()
    again = Variation("nothing", "", study)
    moved = Variation("grid origin", "a whole cell", study, shift=(1.0, 0.0))
    found = sensitivity(study, [again, moved])
    for one in found.runs:
        assert one.correlation == pytest.approx(1.0)
        assert one.overlap == pytest.approx(1.0)
        assert one.terms == found.runs[0].terms


def test_nothing_is_run_twice(whole):
    """Stopped after any run and gone on with what was saved as text, the result is the same."""
    found, _, _ = whole
    study = make()
    few = variations(study)[:3]
    wanted = found.runs[:4]
    for stop in range(5):
        saved = []

        def save(one, stop=stop, saved=saved):
            if len(saved) == stop:
                raise Cancelled
            saved.append(run_text(one))

        with pytest.raises(Cancelled) if stop < len(wanted) else nullcontext():
            sensitivity(study, few, save=save)
        assert len(saved) == stop
        later = []
        again = sensitivity(study, few, done=map(run_of, saved), save=later.append)
        assert again.runs == wanted
        assert later == list(wanted[stop:])


def test_what_cannot_be_run_is_a_note():
    """One poor choice does not end the series; a study that has no model itself does."""
    study = make()
    nowhere = replace(study, events=np.array([[-500.0, -500.0]]))
    found = sensitivity(study, [Variation("events", "elsewhere", nowhere)])
    assert not found.runs[1].fitted
    assert found.runs[1].note.endswith(".")
    assert (found.runs[1].correlation, found.factors[0].runs) == (None, 1)
    with pytest.raises(InputError):
        sensitivity(nowhere)


def test_with_an_exposure_other_cells_are_not_tried():
    """Its raster is of the study grid's cells; the same cells with blocks of another length can be tried."""
    own = Variation("", "", make()).grid

    def covariates(grid: Grid) -> Covariates:
        if not grid.same_cells(own):
            raise InputError("The exposure has other cells than the study grid.")
        return Covariates(np.ones(grid.cells), "homes")

    study = make(covariates=covariates)
    names = ("cell size", "block length")
    asked = [one for one in variations(study) if one.choice in names]
    found = sensitivity(study, asked)
    assert [one.fitted for one in found.runs] == [True, False, False, False, True, True]
    assert found.runs[1].note.startswith("Exposure and adjustments are rasters of the study grid's own cells")


def test_what_any_cells_can_have_is_tried_on_other_cells():
    """Where the city is follows from layers, not from a raster."""
    study = make(covariates=lambda grid: Covariates(adjust=(("east", grid.centres[:, 0]),)))
    found = sensitivity(study, [one for one in variations(study) if one.choice == "cell size"][:1])
    assert [one.fitted for one in found.runs] == [True, True]
    assert found.runs[1].cells != found.runs[0].cells


def test_without_a_test_nothing_is_said_of_what_is_established():
    plain = make(selection=SelectionSettings("poisson", cull=False, significance="plain"))
    found = sensitivity(plain, variations(plain)[:1])
    assert [one.established for one in found.runs] == [None, None]
    assert (found.factors[0].established_share, found.factors[0].as_asked) == (None, "selected")


def test_the_settings_tell_studies_apart():
    study = make()
    grid = Variation("", "", study).grid
    text = settings_text(study, grid, {"plugin": "1"})
    assert settings_text(make(), grid, {"plugin": "1"}) == text
    moved = replace(study, events=study.events + 1)
    others = [moved, make(grid=GridSettings(210)), make(selection=SelectionSettings("nb1")), make(factors=[])]
    assert len({text, *(settings_text(other, grid, {"plugin": "1"}) for other in others)}) == 5


def test_a_damaged_run_is_refused():
    for text in ("", "[]", '{"choice":"a"}', '{"choice":1}'):
        with pytest.raises(FileFormatError):
            run_of(text)


def test_rank_correlation_is_that_of_scipy():
    rng = np.random.default_rng(3)
    for _ in range(20):
        one, other = rng.integers(0, 6, (2, 50)).astype(float)
        assert rank_correlation(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert rank_correlation(np.ones(5), np.arange(5.0)) is None
    assert rank_correlation(np.arange(5.0), -np.arange(5.0)) == -1.0


def test_overlap_of_the_top():
    one = np.arange(100.0)
    assert top_overlap(one, one, 0.05) == 1.0
    assert top_overlap(one, -one, 0.05) == 0.0
    assert top_overlap(one, np.roll(one, 2), 0.05) == pytest.approx(0.6)
    tied = np.repeat([1.0, 2.0], [60, 40])
    assert top_overlap(tied, tied, 0.05) == pytest.approx(1.0)
    assert top_overlap(one, tied, 0.05) == pytest.approx(5 * (5 / 40) / 5)
    assert top_overlap(one, np.ones(100), 0.05) is None


def test_the_nearest_cell_is_that_of_brute_force():
    rng = np.random.default_rng(4)
    grid = Grid(0, 1000, 100, 200, rng.random((10, 10)) < 0.6)
    other = Grid(-130, 1170, 70, 200, np.ones((20, 20), bool))
    away = np.hypot(*(other.centres[:, None] - grid.centres[None]).transpose(2, 0, 1))
    found = nearest_cell(grid, other)
    inside = grid.cell_of(other.centres)
    assert (found[inside >= 0] == inside[inside >= 0]).all()
    assert away[np.arange(len(found)), found] == pytest.approx(away.min(axis=1))
