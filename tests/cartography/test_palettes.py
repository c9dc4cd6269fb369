"""Colours that colour-blind readers tell apart and that stay in order when printed in grey."""

from itertools import combinations, product

import numpy as np
import pytest
from risk_terrain.rtm_plugin.cartography.styles import COUNT_COLOURS, RAMP_COLOURS
from risk_terrain.rtm_plugin.cartography.symbols import FACTOR_COLOURS, FACTOR_SHAPES
from risk_terrain.rtm_plugin.core.answers.jointrisk import JOINT_COLOURS
from risk_terrain.rtm_plugin.core.terrain.scores import CLASS_COLOURS

# Machado, Oliveira and Fernandes (2009), full severity, on linear RGB
EYES = {
    "common": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = np.array([0.95047, 1.0, 1.08883])
PALETTES = {
    "classes": (CLASS_COLOURS, 14.0),
    "ramp": (RAMP_COLOURS, 7.0),
    "counts": (COUNT_COLOURS, 14.0),
    "joint risk": (JOINT_COLOURS, 14.0),
    "factors": (tuple(colour for colour, _ in FACTOR_COLOURS), 14.0),
}


def linear(colour: str) -> np.ndarray:
    """sRGB as linear light."""
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    """CIELAB, D65."""
    t = TO_XYZ @ np.clip(light, 0, 1) / WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def seen(colours, eye: str) -> np.ndarray:
    return np.array([lab(EYES[eye] @ linear(colour)) for colour in colours])


def test_lab_is_right():
    """White, black, and pure red as the tables have it."""
    assert lab(linear("#ffffff")) == pytest.approx([100, 0, 0], abs=0.02)
    assert lab(linear("#000000")) == pytest.approx([0, 0, 0], abs=0.02)
    assert lab(linear("#ff0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.05)


def test_the_simulation_confuses_what_the_colour_blind_confuse():
    red_green = [np.linalg.norm(np.subtract(*seen(("#c04000", "#607000"), eye))) for eye in EYES]
    assert red_green[0] > 60
    assert min(red_green[1:]) < 12


@pytest.mark.parametrize(("name", "eye"), list(product(PALETTES, EYES)))
def test_every_two_colours_differ(name, eye):
    colours, least = PALETTES[name]
    found = seen(colours, eye)
    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(found, 2)) >= least


@pytest.mark.parametrize("name", ["classes", "ramp", "counts"])
@pytest.mark.parametrize("eye", EYES)
def test_darker_is_more(name, eye):
    """Lightness falls from each colour to the next, so that a grey print keeps the order."""
    lightness = seen(PALETTES[name][0], eye)[:, 0]
    assert (np.diff(lightness) <= -3).all()
    assert lightness[0] - lightness[-1] > 50


def test_fifteen_factors_have_symbols_of_their_own():
    assert len(set(product(FACTOR_SHAPES, FACTOR_COLOURS))) == 15
