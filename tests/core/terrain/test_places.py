"""Priority places: which cells, how they join and split, and their ranks."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers import candidate_set, few, full_grid, repeatable
from hypothesis import given
from hypothesis import strategies as st
from risk_terrain.rtm_plugin.core.documents.settings import PlaceSettings
from risk_terrain.rtm_plugin.core.ground.grid import Grid
from risk_terrain.rtm_plugin.core.model.model_findings import few_places_finding
from risk_terrain.rtm_plugin.core.terrain.places import choose_cells, priority_places
from scipy import ndimage


def places_of(picture, settings=None, **others):
    """Places of a picture of scores; the default rule takes the cells above the mean."""
    picture = np.array(picture, np.float32)
    grid = full_grid(*picture.shape, 100.0)
    found = priority_places(grid, picture.ravel(), settings or PlaceSettings("class", 0), **others)
    return found, found.label.reshape(picture.shape)


def test_corners_join():
    """Cells that touch at a corner are one place; a gap of one cell makes two."""
    _, label = places_of([[9, 1, 1, 1], [1, 9, 1, 9], [1, 1, 1, 1]])
    assert label.tolist() == [[1, 0, 0, 0], [0, 1, 0, 2], [0, 0, 0, 0]]


def test_dropped_cells_do_not_join():
    """Cells beyond the study area separate places."""
    grid = Grid(0, 100, 100.0, 200.0, np.array([[True, False, True, True, True]]))
    found = priority_places(grid, np.array([9, 9, 1, 1], np.float32), PlaceSettings("count", 2))
    assert found.label.tolist() == [1, 2, 0, 0]


def test_class_rule():
    """Above mean + m SD; a map of equal scores has no place."""
    scores = np.array([[1, 1, 1, 1, 1, 1, 1, 6, 9]])
    chosen = [places_of(scores, PlaceSettings("class", m))[0].cells for m in (0, 1, 2)]
    assert chosen == [2, 2, 1]
    nowhere, label = places_of(np.full((3, 3), 2.0))
    assert (nowhere.places, nowhere.cells, label.any()) == ((), 0, False)


def test_share_and_count():
    """10 % of 20 cells are 2; a count of 3 is 3; more than there are is all."""
    scores = np.arange(20).reshape(4, 5)
    assert places_of(scores, PlaceSettings("share", 10))[0].cells == 2
    assert places_of(scores, PlaceSettings("count", 3))[1].tolist()[3] == [0, 0, 1, 1, 1]
    assert places_of(scores, PlaceSettings("count", 99))[0].cells == 20
    assert places_of(scores, PlaceSettings("share", 0.1))[0].cells == 1


def test_ties_go_to_the_higher_surroundings():
    """Two cells of score 5 for one place: the one beside the 4 is chosen, wherever it lies."""
    picture = np.array([[5, 1, 1, 1, 1, 1, 5, 4]], np.float32)
    assert places_of(picture, PlaceSettings("count", 1))[1].tolist() == [[0, 0, 0, 0, 0, 0, 1, 0]]
    assert places_of(picture[:, ::-1], PlaceSettings("count", 1))[1].tolist() == [[0, 1, 0, 0, 0, 0, 0, 0]]


def test_cells_equal_in_all_are_all_taken():
    """Two cells that nothing tells apart: both, though one was asked for."""
    assert places_of([[5, 1, 1, 1, 1, 1, 5]], PlaceSettings("count", 1))[0].cells == 2


@repeatable
@given(st.integers(3, 20), st.integers(3, 20), st.integers(1, 60), st.integers(0, 10_000), st.sampled_from([9.0, 1e7]))
def test_choice_never_depends_on_the_order_of_the_grid(rows, columns, count, seed, top):
    """Mirror the terrain left to right, top to bottom, or both: the chosen cells are mirrored."""
    random = np.random.default_rng(seed)
    picture = (1 + (top - 1) * random.choice([0, 0, 0.37, 1.0], (rows, columns)) / 3).astype(np.float32)
    mask = random.random((rows, columns)) < 0.85
    mask[0, 0] = True

    def chosen(turn):
        kept = turn(mask)
        grid = Grid(0.0, rows, 1.0, 2.0, kept)
        return turn(grid.raster(choose_cells(grid, turn(picture)[kept], PlaceSettings("count", count)), False))

    expected = chosen(lambda a: a)
    assert expected.sum() >= min(count, mask.sum())
    for turn in (np.fliplr, np.flipud, lambda a: a[::-1, ::-1]):
        assert (chosen(turn) == expected).all()


@few
@given(st.integers(1, 9), st.integers(0, 10_000))
def test_split(most, seed):
    """Parts are connected, hold at most the limit, and together the same cells as before."""
    random = np.random.default_rng(seed)
    picture = np.where(random.random((9, 11)) < 0.5, 5.0, 1.0)
    whole, before = places_of(picture)
    split, after = places_of(picture, PlaceSettings("class", 0, max_area=most * 100.0**2))
    assert ((before > 0) == (after > 0)).all()
    assert split.cells == whole.cells
    assert max(place.cells for place in split.places) <= most
    for place in split.places:
        assert ndimage.label(after == place.rank, np.ones((3, 3)))[1] == 1
        assert len(np.unique(before[after == place.rank])) == 1


def test_a_class_that_gives_few_places():
    """Two cells above the mean + 2 SD of 100 make one place; asked for five, the highest five make them instead."""
    picture = np.ones((10, 10))
    picture[0, :2], picture[[4, 6, 8], [3, 6, 1]] = 90, [20, 19, 18]
    stands, label = places_of(picture, PlaceSettings("class", 2))
    assert (stands.by_class, label.max(), np.count_nonzero(label)) == (None, 1, 2)
    instead, label = places_of(picture, PlaceSettings("class", 2), fewest=2)
    assert (instead.by_class, len(instead.places)) == (1, 4)
    assert label[0, :2].tolist() == [1, 1]
    assert sorted(zip(*np.nonzero(label), strict=True)) == [(0, 0), (0, 1), (4, 3), (6, 6), (8, 1)]
    assert few_places_finding(instead, PlaceSettings()).sentence == (
        "Only one place scores above the mean + 2 SD, so that the 5 % of the cells with the highest scores are taken "
        "as priority places instead."
    )
    assert few_places_finding(stands, PlaceSettings()) is None


@pytest.mark.parametrize(
    ("picture", "settings"),
    [
        (np.full((10, 10), 2.0), PlaceSettings("class", 2)),  # nothing tells cells apart
        (np.where(np.arange(100).reshape(10, 10) < 30, 9.0, 1.0), PlaceSettings("class", 0)),  # one place of 30 cells
        (np.arange(100.0).reshape(10, 10), PlaceSettings("count", 1)),  # as asked
        (np.arange(100.0).reshape(10, 10), PlaceSettings("share", 1)),
    ],
)
def test_where_few_places_stay(picture, settings):
    """Where it was asked for, where the highest cells would be fewer, and where every cell is the highest."""
    found, label = places_of(picture, settings, fewest=5)
    assert found.by_class is None
    assert np.array_equal(label, places_of(picture, settings)[1])


def test_split_makes_equal_parts():
    """Eight cells in a row, at most three each: three parts, none of one cell."""
    picture = np.ones((3, 10))
    picture[1, 1:9] = 9
    found, _ = places_of(picture, PlaceSettings("class", 0, max_area=3e4))
    assert sorted(place.cells for place in found.places) == [2, 3, 3]


def test_limit_below_one_cell_is_one_cell():
    found, _ = places_of([[9, 9, 1, 1, 1, 1]], PlaceSettings("class", 0, max_area=1.0))
    assert [place.cells for place in found.places] == [1, 1]


def test_ranks():
    """By expected events; without them by the sum of scores; ties by the largest score, then from the north west."""
    by_score = places_of([[8, 1, 5, 5, 1, 9, 1, 1, 1, 1]])[1]
    assert by_score.tolist() == [[3, 0, 1, 1, 0, 2, 0, 0, 0, 0]]
    expected = np.array([7.0, 0, 1, 1, 0, 3, 0, 0, 0, 0])
    by_events = places_of([[8, 1, 5, 5, 1, 9, 1, 1, 1, 1]], expected=expected)[1]
    assert by_events.tolist() == [[1, 0, 3, 3, 0, 2, 0, 0, 0, 0]]
    tied = places_of([[5, 5, 1, 9, 1, 9, 1, 1, 1, 1]], expected=np.array([1.0, 1, 0, 2, 0, 2, 0, 0, 0, 0]))[1]
    assert tied.tolist() == [[3, 3, 0, 1, 0, 2, 0, 0, 0, 0]]


def test_description():
    """Area, scores, events and the factors at work: exposed to an aggravating one, spared by no protective one."""
    layers = candidate_set({"bars": [[1, 1, 0, 0, 0]], "police": [[0, 1, 0, 0, 1]]}, protective=["police"])
    terms = [
        SimpleNamespace(name="bars_proximity_1", factor="bars", direction="aggravating", coefficient=1.0),
        SimpleNamespace(name="police_proximity_1", factor="police", direction="protective", coefficient=1.0),
    ]
    events = np.array([2.0, 1.0, 0.0, 0.0, 0.0])
    found, _ = places_of([[9, 7, 1, 1, 1]], expected=events / 2, observed=events, terms=terms, candidates=layers)
    (place,) = found.places
    assert (place.rank, place.cells, place.area) == (1, 2, 20_000.0)
    assert (place.mean_score, place.max_score, place.expected, place.observed) == (8.0, 9.0, 1.5, 3.0)
    assert place.factor_text == "bars (100 %), no police near (50 %)"


@pytest.mark.parametrize(
    ("rule", "value", "sentence"),
    [
        (
            "class",
            3,
            "The class value is 3; it must be 0 (above mean), 1 (above mean + 1 SD) or 2 (above mean + 2 SD).",
        ),
        ("share", 101, "The share is 101 percent; it must be 100 or less."),
        ("count", 0, "The value of the rule for priority places is 0; it must be a number above 0."),
    ],
)
def test_refusals(rule, value, sentence):
    with pytest.raises(Exception, match="it must be") as refusal:
        PlaceSettings(rule, value)
    assert str(refusal.value) == sentence
