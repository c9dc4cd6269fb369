"""British National Grid references: how a spot in Great Britain is told over the radio."""

import math

LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"  # of the 25 squares of a square, row by row from the north west; there is no I
SPOT, SMALL_AREA, AREA = 10, 8, 6  # figures: a square metre, a square of 10 m, one of 100 m
_SQUARE = 100_000  # metres: side of a square with two letters
_COLUMNS, _ROWS = 7, 13  # of such squares, from the false origin
_ORIGIN = (10, 5)  # column and row of the false origin's square in the letters, which begin 1,000 km west, 500 km south


def grid_reference(easting: float, northing: float, figures: int = SPOT) -> str:
    """The reference of a spot in EPSG:27700, as Ordnance Survey's guide to the National Grid makes it.

    It names the square that holds the spot by its south-west corner: figures are cut off, never rounded, so that a
    shorter reference is the beginning of a longer one.

    Parameters
    ----------
    easting, northing : float, metres
    figures : {10, 8, 6}
        10 for a spot (1 m), 8 for a small area (10 m), 6 for an area (100 m).

    Returns
    -------
    str
        "" outside the grid, which is 700 km wide and 1,300 km high, and for what is no number.

    Raises
    ------
    ValueError
        Another number of figures.

    Examples
    --------
    >>> grid_reference(538852, 177345)
    'TQ 38852 77345'
    >>> grid_reference(538852, 177345, figures=6)
    'TQ 388 773'
    >>> grid_reference(-1, 177345)
    ''
    """
    if figures not in (SPOT, SMALL_AREA, AREA):
        raise ValueError(f"A grid reference has 10, 8 or 6 figures, not {figures}.")
    if not (0 <= easting < _COLUMNS * _SQUARE and 0 <= northing < _ROWS * _SQUARE):
        return ""
    column, row = int(easting // _SQUARE), int(northing // _SQUARE)
    unit, width = 10 ** (5 - figures // 2), figures // 2
    within = (math.floor(value % _SQUARE) // unit for value in (easting, northing))
    return " ".join([square_letters(column, row), *(f"{value:0{width}d}" for value in within)])


def square_letters(column: int, row: int) -> str:
    """The two letters of a 100 km square, counted from the false origin: of its 500 km square, and of itself in that.

    >>> square_letters(0, 0), square_letters(5, 1), square_letters(2, 7)
    ('SV', 'TQ', 'NN')
    """
    x, y = column + _ORIGIN[0], row + _ORIGIN[1]
    return _letter(x // 5, y // 5) + _letter(x % 5, y % 5)


def _letter(column: int, row: int) -> str:
    """The letter at a column from the west and a row from the south of five by five."""
    return LETTERS[(4 - row) * 5 + column]
