"""What if: against the model's own terrain, computed anew with the changed features and its own thresholds."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import box, lines, points, polygons
from risk_terrain.rtm_plugin.core.answers.whatif import (
    WHOLE_AREA,
    candidate_of,
    place_changes,
    term_of,
    what_if,
)
from risk_terrain.rtm_plugin.core.candidates.columns import CandidateSet, FactorCandidates, exposed_cells
from risk_terrain.rtm_plugin.core.candidates.influence import kernel_density
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.settings import GridSettings, PlaceSettings, SelectionSettings
from risk_terrain.rtm_plugin.core.errors import InputError
from risk_terrain.rtm_plugin.core.ground.features import Features
from risk_terrain.rtm_plugin.core.pipeline import StudyResult, run
from risk_terrain.rtm_plugin.core.study import Study
from risk_terrain.rtm_plugin.core.terrain.scores import ScoreSummary, risk_terrain

SIDE = 2000.0
EMPTY = points()


def city() -> tuple[Study, dict[str, Features]]:
    """Bars that raise by their density, stations that protect by being near, kiosks without effect."""
    rng = np.random.default_rng(5)
    hearts = rng.uniform(300, 1700, (5, 2))
    layers = {
        "bars": hearts[rng.integers(5, size=40)] + rng.normal(0, 50, (40, 2)),
        "stations": rng.uniform(100, 1900, (6, 2)),
        "kiosks": rng.uniform(0, SIDE, (20, 2)),
    }
    features = {name: Features("point", np.round(xy, 2), len(xy)) for name, xy in layers.items()}
    side = np.arange(20) * 100.0
    corner = np.column_stack([a.ravel() for a in np.meshgrid(side, side)])
    centre = corner + 50

    def distance(name: str) -> np.ndarray:
        return np.hypot(*(centre[:, None] - features[name].coordinates[None]).transpose(2, 0, 1)).min(axis=1)

    number = rng.poisson(np.exp(-0.2 + 2.0 * (distance("bars") <= 100) - 1.8 * (distance("stations") <= 200)))
    events = np.repeat(corner, number, axis=0) + rng.uniform(1, 99, (number.sum(), 2))
    settings = [
        (features["bars"], FactorSettings("bars", operationalisation="density")),
        (features["stations"], FactorSettings("stations", operationalisation="proximity", direction="protective")),
        (features["kiosks"], FactorSettings("kiosks")),
    ]
    area = polygons([box(0, 0, SIDE, SIDE)])
    return Study(
        study_area=area,
        crs="EPSG:27700",
        events=events,
        factors=settings,
        grid=GridSettings(200),
        selection=SelectionSettings(),
        places=PlaceSettings(),
    ), features


@pytest.fixture(scope="module")
def fitted() -> tuple[StudyResult, dict[str, Features]]:
    study, features = city()
    result = run(study, {})
    assert [term.factor for term in result.model.selected] == ["stations", "bars"]
    return result, features


def changed(fitted, factor, after):
    result, features = fitted
    terrain = result.terrain
    return what_if(
        result.model,
        factor,
        features[factor],
        after=after,
        grid=result.grid,
        scores=terrain.scores,
        expected=terrain.expected,
    )


def anew(fitted, factor, after):
    """Scores and expected counts from all columns, the changed one spelled out with the model's threshold."""
    result, _ = fitted
    blocks = []
    for term in result.model.selected:
        candidate, _fate = candidate_of(result.model, term)
        column = result.observations.candidates.column(term.name)
        if term.factor == factor:
            centres = result.grid.centres
            if candidate.threshold is None:
                gaps = np.hypot(*(centres[:, None] - after.coordinates[None]).transpose(2, 0, 1))
                column = (gaps <= candidate.distance).any(axis=1)
            else:
                column = kernel_density(after, result.grid, candidate.distance) >= candidate.threshold
        blocks.append(FactorCandidates.from_columns([candidate], [column]))
    return risk_terrain(result.model.best.intercept, result.model.selected, CandidateSet(tuple(blocks)))


@pytest.mark.parametrize("factor", ["bars", "stations"])
@pytest.mark.parametrize("change", ["removed", "moved", "added"])
def test_maps_are_those_of_the_model_with_the_changed_features(fitted, factor, change):
    now = fitted[1][factor].coordinates
    more = np.vstack([now, [[510.0, 520.0]] * 12])
    xy = {"removed": now[2:], "moved": now + np.array([150.0, 0.0]), "added": more}[change]
    after = Features("point", xy, len(xy))
    found = changed(fitted, factor, after)
    expected = anew(fitted, factor, after)
    assert found.cells_changed > 0
    assert found.expected == pytest.approx(expected.expected, rel=1e-5)
    assert found.difference == pytest.approx(
        expected.expected.astype(float) - fitted[0].terrain.expected, rel=1e-4, abs=1e-6
    )
    ratio = found.scores / expected.scores
    assert ratio == pytest.approx(np.full(len(ratio), ratio[0]), rel=1e-5), "another scale, the same terrain"


def test_scale_stays_that_of_the_terrain_before(fitted):
    """A cell that nothing changed keeps its score, also where the lowest score of all goes."""
    found = changed(fitted, "stations", EMPTY)
    same = found.exposed_before == found.exposed_after
    assert (found.scores[same] == fitted[0].terrain.scores[same]).all()
    lowest = fitted[0].terrain.scores == 1
    assert (found.scores[lowest] > 1).any()


def test_removing_all_divides_by_the_rrv_and_a_protective_one_multiplies(fitted):
    for factor, sign in (("bars", -1), ("stations", 1)):
        found = changed(fitted, factor, EMPTY)
        rrv = found.term.rrv**sign
        assert found.expected[found.exposed_before] == pytest.approx(found.before[found.exposed_before] * rrv, rel=1e-6)
        assert not found.exposed_after.any()
        assert np.sign(found.difference[found.exposed_before]).tolist() == [sign] * found.exposed_before.sum()


def test_the_threshold_is_the_models_own(fitted):
    """Twice each bar: with a threshold of the new layer nothing would change, with the model's own more is dense."""
    twice = Features("point", np.repeat(fitted[1]["bars"].coordinates, 2, axis=0), 80)
    found = changed(fitted, "bars", twice)
    assert found.exposed_after.sum() > found.exposed_before.sum()
    assert found.exposed_after[found.exposed_before].all()


def test_a_factor_that_was_not_selected_changes_nothing(fitted):
    found = changed(fitted, "kiosks", EMPTY)
    assert found.term is None
    assert not found.difference.any()
    assert (found.scores == fitted[0].terrain.scores).all()
    assert [(row.change, row.low, row.high) for row in place_changes(fitted[0].grid, found, [])] == [(0, 0, 0)]


def test_the_same_features_change_nothing(fitted):
    found = changed(fitted, "bars", fitted[1]["bars"])
    assert found.cells_changed == 0
    assert not found.difference.any()


def test_places_and_the_whole_area(fitted):
    result, _ = fitted
    found = changed(fitted, "bars", EMPTY)
    west = polygons([box(0, 0, 1000, SIDE)])
    north_east = polygons([box(1000, 1000, SIDE, SIDE)])
    south_east = polygons([box(1000, 0, SIDE, 1000)])
    away = polygons([box(9000, 0, 9500, 100)])
    rows = place_changes(
        result.grid, found, [("west", west), ("east", north_east), ("away", away), ("east", south_east)]
    )
    assert [row.place for row in rows] == ["west", "east", WHOLE_AREA]
    in_west = result.grid.centres[:, 0] < 1000
    assert [row.cells for row in rows] == [200, 200, 400]
    assert rows[0].before == pytest.approx(found.before[in_west].sum())
    assert rows[0].change == pytest.approx(found.difference[in_west].sum())
    assert rows[0].change + rows[1].change == pytest.approx(rows[2].change)
    assert rows[2].percent == pytest.approx(100 * found.difference.sum() / found.before.sum())
    low = [(found.before[found.exposed_before] * (np.exp(-b) - 1)).sum() for b in interval(result.model, found.term)]
    assert (rows[2].low, rows[2].high) == pytest.approx((min(low), max(low)))
    assert rows[2].low < rows[2].change < rows[2].high < 0


def interval(model, term) -> tuple[float, float]:
    """As wide as that of the test of significance, about the coefficient that the map is made with."""
    test = model.significance.of(term.name)
    half = np.log(test.rrv_upper / test.rrv_lower) / 2
    return term.coefficient - half, term.coefficient + half


def test_refusals(fitted):
    result, features = fitted
    with pytest.raises(InputError, match=r"no risk factor 'pubs'; choose one of bars, stations, kiosks\."):
        term_of(result.model, "pubs")
    with pytest.raises(InputError, match="holds lines, the present one points"):
        changed(fitted, "bars", lines((0, 0, 10, 10)))
    others = replace(features["bars"], coordinates=features["bars"].coordinates[:20])
    terrain = result.terrain
    with pytest.raises(InputError, match=r"that the model was fitted on exposed \d+; give the layer"):
        what_if(
            result.model,
            "bars",
            others,
            after=EMPTY,
            grid=result.grid,
            scores=terrain.scores,
            expected=terrain.expected,
        )
    cells = len(terrain.scores)
    result.model.require_made(ScoreSummary.of(terrain.scores), cells, "terrain", result.model.fingerprint)
    for summary, number, mark in (
        (ScoreSummary.of(terrain.scores * 1.01), cells, ""),
        (ScoreSummary.of(terrain.scores), cells - 1, ""),
        (ScoreSummary.of(terrain.scores), cells, "0123456789abcdef"),
    ):
        with pytest.raises(InputError, match="'other' was not made with this model"):
            result.model.require_made(summary, number, "other", mark)


def test_nothing_is_exposed_to_no_features(fitted):
    result, _ = fitted
    for term in result.model.selected:
        candidate, _fate = candidate_of(result.model, term)
        for empty in (points(), lines(), Features("polygon", np.zeros((0, 4)), 0)):
            assert not exposed_cells(empty, candidate, result.grid).any()
