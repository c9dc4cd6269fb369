"""Vulnerability and exposure in four classes."""

import numpy as np
import pytest
from helpers import full_grid, repeatable
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from risk_terrain.rtm_plugin.core.answers.jointrisk import (
    JOINT_COLOURS,
    JOINT_NAMES,
    JointSettings,
    density_of_events,
    joint_classes,
    joint_table,
)
from risk_terrain.rtm_plugin.core.errors import InputError, SettingsError
from risk_terrain.rtm_plugin.core.forecast.baselines import kernel_baseline

# nine cells: mean 2 and, as Σ (x − 2)² = 7 + 16 + 9 = 32, SD √(32 / 8) = 2
SCORES = np.array([1, 1, 1, 1, 1, 1, 1, 6, 5.0], np.float32)
DENSITY = np.array([0, 0, 0, 0, 0, 0, 9, 0, 9.0])


def test_three_by_three_by_hand():
    """Scores: mean 2, SD 2, so high is above 4. Density: mean 2, SD √(126/8) = 3.97, so high is above 5.97."""
    assert (SCORES.mean(), SCORES.std(ddof=1)) == pytest.approx((2.0, 2.0), abs=0.01)
    classes = joint_classes(SCORES, DENSITY, JointSettings())
    assert classes.dtype == np.uint8
    assert classes.tolist() == [0, 0, 0, 0, 0, 0, 1, 2, 3]
    recent = np.array([0, 0, 1, 0, 0, 0, 4, 0, 5.0])
    later = np.array([1, 0, 0, 0, 0, 0, 2, 1, 4.0])
    neither, exposed, vulnerable, both = joint_table(classes, 0.25, recent, later)
    assert [row.name for row in (neither, exposed, vulnerable, both)] == list(JOINT_NAMES)
    assert (neither.cells, neither.area, neither.recent, neither.later) == (6, 1.5, 1.0, 1.0)
    assert (exposed.recent, exposed.later, exposed.later_per_km2) == (4.0, 2.0, 8.0)
    assert (vulnerable.later_share, both.later_share) == (1 / 8, 4 / 8)
    assert both.pai == pytest.approx((4 / 8) / (1 / 9))
    assert sum(row.share for row in (neither, exposed, vulnerable, both)) == pytest.approx(1)


def test_without_later_events():
    rows = joint_table(joint_classes(SCORES, DENSITY, JointSettings()), 1.0, np.ones(9))
    assert {(row.later, row.later_share, row.later_per_km2, row.pai) for row in rows} == {(None,) * 4}


def test_an_empty_class():
    rows = joint_table(np.array([0, 0, 1], np.uint8), 1.0, np.ones(3), np.array([0.0, 0, 2]))
    assert [(row.cells, row.later, row.pai) for row in rows] == [
        (2, 0.0, 0.0),
        (1, 2.0, 3.0),
        (0, 0.0, None),
        (0, 0.0, None),
    ]


@repeatable
@given(arrays(float, st.integers(3, 40), elements=st.integers(0, 5).map(float)), st.floats(0.5, 99.5))
def test_share_takes_the_highest_and_all_that_equal_the_last(values, share):
    if values.min() == values.max():
        with pytest.raises(InputError, match="the same in every cell"):
            JointSettings("share", share).high(values, "score")
        return
    high = JointSettings("share", share).high(values, "score")
    assert high.any()
    assert not high.all()
    assert values[high].min() > values[~high].max()
    wanted = int(np.ceil(len(values) * share / 100))
    below = np.count_nonzero(values > values[high].min())
    assert below < wanted or values[high].min() > values.min()
    if high.sum() > wanted:
        assert np.count_nonzero(values > values[high].min()) < wanted


def test_density_is_that_of_the_baseline():
    """With the bandwidth that the baseline chose, the density is its density."""
    grid = full_grid(20, 30, size=10.0)
    points = np.random.default_rng(5).normal((150, 100), 25, (200, 2))
    found = kernel_baseline(grid, points)
    assert density_of_events(grid, points, found.bandwidth) == pytest.approx(found.density)
    wide = density_of_events(grid, points, 500.0)
    assert wide.sum() == pytest.approx(found.density.sum())
    assert wide.max() < found.density.max()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: JointSettings("sd"), "The rule for high is 'sd'; it must be one of class, share."),
        (
            lambda: JointSettings("class", -1),
            "The value of the rule for high is -1; it must be a number of 0 or more.",
        ),
        (lambda: JointSettings("share", 100), "The share is 100 percent; it must be above 0 and below 100."),
        (
            lambda: joint_classes(np.ones(4), DENSITY[:4], JointSettings()),
            "The risk score is the same in every cell, so that none can be told from the rest.",
        ),
        (
            lambda: density_of_events(full_grid(2, 2), np.zeros((1, 2)), 0.0),
            "The bandwidth is 0.0; it must be a distance above 0.",
        ),
        (
            lambda: joint_table(np.zeros(3, np.uint8), 1.0, np.ones(3), np.zeros(3)),
            "No later event lies inside the cells of the risk terrain, so the classes cannot be tested.",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises((InputError, SettingsError)) as refused:
        make()
    assert str(refused.value) == sentence


def lightness(colour: str) -> float:
    """CIE L* of a colour."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    y = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    return 116 * y ** (1 / 3) - 16


def test_colours_can_be_told_apart_in_grey():
    found = sorted(lightness(colour) for colour in JOINT_COLOURS)
    assert min(np.diff(found)) > 15
