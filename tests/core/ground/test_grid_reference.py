"""Grid references against published ones, and the corners of every square against the published map of letters."""

import math

import pytest
from risk_terrain.rtm_plugin.core.ground.grid_reference import LETTERS, grid_reference

# The 100 km squares of the National Grid as Ordnance Survey's map shows them, from the north.
MAP = """
HL HM HN HO HP JL JM
HQ HR HS HT HU JQ JR
HV HW HX HY HZ JV JW
NA NB NC ND NE OA OB
NF NG NH NJ NK OF OG
NL NM NN NO NP OL OM
NQ NR NS NT NU OQ OR
NV NW NX NY NZ OV OW
SA SB SC SD SE TA TB
SF SG SH SJ SK TF TG
SL SM SN SO SP TL TM
SQ SR SS ST SU TQ TR
SV SW SX SY SZ TV TW
"""
SQUARES = [
    (letters, 100_000 * column, 100_000 * row)
    for row, line in enumerate(reversed(MAP.split("\n")[1:-1]))
    for column, letters in enumerate(line.split())
]


@pytest.mark.parametrize(
    ("easting", "northing", "figures", "reference"),
    [
        # Point P of "Guide to the National Grid" (Ordnance Survey), in each of its precisions
        (538852, 177345, 10, "TQ 38852 77345"),
        (538852, 177345, 8, "TQ 3885 7734"),
        (538852, 177345, 6, "TQ 388 773"),
        # the worked example of "A guide to coordinate systems in Great Britain" (Ordnance Survey): a water tower
        (651409.903, 313177.270, 10, "TG 51409 13177"),
        (651409.903, 313177.270, 8, "TG 5140 1317"),
        (216650, 771250, 10, "NN 16650 71250"),  # Ben Nevis
        (216650, 771250, 6, "NN 166 712"),
        (530073, 180393, 10, "TQ 30073 80393"),  # Trafalgar Square
        (530073, 180393, 6, "TQ 300 803"),
        (533600, 180500, 6, "TQ 336 805"),  # Tower of London
        (438700, 114800, 6, "SU 387 148"),  # Ordnance Survey's offices in Southampton
        (568300, 236500, 6, "TL 683 365"),  # the church of "Using the National Grid" (Ordnance Survey)
        (402194, 145374, 10, "SU 02194 45374"),  # figures keep their leading zeros
    ],
)
def test_published_references(easting, northing, figures, reference):
    assert grid_reference(easting, northing, figures) == reference


def test_every_square_at_its_corners():
    """All 91: the south-west corner is in, and so is the last metre before the other three."""
    assert len(SQUARES) == 91
    last = 99_999.999
    for letters, x, y in SQUARES:
        assert grid_reference(x, y) == f"{letters} 00000 00000"
        assert grid_reference(x + last, y) == f"{letters} 99999 00000"
        assert grid_reference(x, y + last) == f"{letters} 00000 99999"
        assert grid_reference(x + last, y + last, 6) == f"{letters} 999 999"


@pytest.mark.parametrize(
    ("x", "y"), [(-0.001, 0), (0, -0.001), (700_000, 0), (0, 1_300_000), (-1e9, 5), (math.nan, 5), (5, math.inf)]
)
def test_outside_of_the_grid(x, y):
    assert grid_reference(x, y) == ""


def test_a_shorter_reference_names_the_square_around_the_longer_one():
    """Cut off, never rounded: 9.99 m are still in the square of 0."""
    assert [grid_reference(530009.99, 180099.99, figures) for figures in (10, 8, 6)] == [
        "TQ 30009 80099",
        "TQ 3000 8009",
        "TQ 300 800",
    ]


def test_other_numbers_of_figures_are_none():
    with pytest.raises(ValueError, match="not 7"):
        grid_reference(0, 0, 7)


def test_there_is_no_letter_i():
    assert len(LETTERS) == len(set(LETTERS)) == 25
    assert "I" not in LETTERS
