"""Drawings as SVG inside the page: text stays text, a reader hears what they show, and names are escaped."""

import base64
import math
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

INK, SOFT, RED, LINE = "#1a1a1a", "#4d4d4d", "#b30000", "#c9c4bd"
_FEWEST_PIXELS = 1000  # of a picture's longer side: viewers that smooth pictures then leave cells crisp


@dataclass(slots=True)
class Drawing:
    """Collects shapes; `markup` gives the picture with its title and description.

    Parameters
    ----------
    width, height : float
        Drawing units, about a screen pixel each.
    """

    width: float
    height: float
    _shapes: list[Markup] = field(default_factory=list)

    def line(
        self, x1: float, y1: float, x2: float, y2: float, colour: str = INK, width: float = 1.0, dash: str = ""
    ) -> None:
        """A straight line."""
        self._shapes.append(
            Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}" stroke-width="{}"{}/>').format(
                units(x1), units(y1), units(x2), units(y2), colour, units(width), _dashed(dash)
            )
        )

    def rectangle(self, x: float, y: float, width: float, height: float, fill: str, stroke: str = "none") -> None:
        """A filled rectangle."""
        self._shapes.append(
            Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}" stroke="{}"/>').format(
                units(x), units(y), units(max(0.0, width)), units(max(0.0, height)), fill, stroke
            )
        )

    def circle(self, x: float, y: float, radius: float, fill: str, stroke: str = "none", width: float = 1.0) -> None:
        """A filled circle."""
        self._shapes.append(
            Markup('<circle cx="{}" cy="{}" r="{}" fill="{}" stroke="{}" stroke-width="{}"/>').format(
                units(x), units(y), units(radius), fill, stroke, units(width)
            )
        )

    def path(self, steps: str, colour: str, width: float, fill: str = "none", dash: str = "") -> None:
        """A path in SVG's own letters; `steps` holds numbers only, never a name."""
        self._shapes.append(
            Markup('<path d="{}" stroke="{}" stroke-width="{}" fill="{}" stroke-linecap="square"{}/>').format(
                steps, colour, units(width), fill, _dashed(dash)
            )
        )

    def area(self, steps: str, fill: str, opacity: float) -> None:
        """A filled shape that lets through what lies below."""
        self._shapes.append(Markup('<path d="{}" fill="{}" fill-opacity="{}"/>').format(steps, fill, opacity))

    def polyline(self, points: Iterable[tuple[float, float]], colour: str, width: float = 1.5, dash: str = "") -> None:
        """A line through points."""
        steps = " L".join(f"{units(x)} {units(y)}" for x, y in points)
        if steps:
            self.path(f"M{steps}", colour, width, dash=dash)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        anchor: str = "start",
        size: float = 12,
        colour: str = INK,
        bold: bool = False,
    ) -> None:
        """Text whose base line starts, ends or has its middle at a point."""
        self._shapes.append(
            Markup('<text x="{}" y="{}" text-anchor="{}" font-size="{}" fill="{}"{}>{}</text>').format(
                units(x), units(y), anchor, units(size), colour, Markup(' font-weight="600"') if bold else "", text
            )
        )

    def picture(self, x: float, y: float, width: float, height: float, png: bytes) -> None:
        """A raster picture, whose pixels are not smoothed."""
        self._shapes.append(
            Markup(
                '<image x="{}" y="{}" width="{}" height="{}" preserveAspectRatio="none" '
                'style="image-rendering:pixelated" href="data:image/png;base64,{}"/>'
            ).format(units(x), units(y), units(width), units(height), base64.b64encode(png).decode("ascii"))
        )

    def markup(self, key: str, title: str, description: str, kind: str = "chart") -> Markup:
        """The whole picture.

        Parameters
        ----------
        key : str
            Unlike that of any other picture on the page.
        title, description : str
            What it is and what it shows, for those who do not see it.
        kind : str, class of the element
        """
        return Markup(
            '<svg class="{}" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-title {}-text">'
            '<title id="{}-title">{}</title><desc id="{}-text">{}</desc>{}</svg>'
        ).format(
            kind,
            units(self.width),
            units(self.height),
            key,
            key,
            key,
            title,
            key,
            description,
            Markup("").join(self._shapes),
        )


def units(value: float) -> str:
    """A drawing unit with two decimals at most.

    >>> units(3.0), units(2.125), units(-0.001)
    ('3', '2.12', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _dashed(dash: str) -> Markup:
    return Markup(' stroke-dasharray="{}"').format(dash) if dash else Markup("")


def short(text: str, letters: int) -> str:
    """A text cut to so many letters; the page tells it in full elsewhere.

    >>> short("abandoned buildings", 12)
    'abandoned b…'
    """
    return text if len(text) <= letters else f"{text[: letters - 1].rstrip()}…"


def indexed_png(values: NDArray[np.uint8], colours: Sequence[str]) -> bytes:
    """A PNG picture with a palette; value 0 is transparent, value i has colour i − 1.

    Small pictures are enlarged by whole steps, so that cells keep their edges wherever the page is shown.

    Parameters
    ----------
    values : (rows, columns) uint8
    colours : sequence of str, as #rrggbb

    Examples
    --------
    >>> indexed_png(np.array([[0, 1]], np.uint8), ["#ff0000"])[1:4]
    b'PNG'
    """
    step = max(1, math.ceil(_FEWEST_PIXELS / max(values.shape)))
    large = values.repeat(step, axis=0).repeat(step, axis=1)
    rows, columns = large.shape
    lines = np.zeros((rows, columns + 1), dtype=np.uint8)  # each line begins with its filter, which is none
    lines[:, 1:] = large
    palette = b"".join(bytes.fromhex(colour.lstrip("#")) for colour in ("#ffffff", *colours))
    pieces = (
        (b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)),
        (b"PLTE", palette),
        (b"tRNS", b"\x00"),
        (b"IDAT", zlib.compress(lines.tobytes(), 6)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in pieces
    )


def outline(values: NDArray[Any], x: float, y: float, width: float, height: float) -> str:
    """The cell edges across which the value changes, as steps of a path.

    Parameters
    ----------
    values : (rows, columns); beyond them the value is 0
    x, y : upper left corner
    width, height : of a cell

    Examples
    --------
    >>> outline(np.array([[0, 1, 1]]), 0, 0, 10, 10)
    'M10 0H30M10 10H30M10 0V10M30 0V10'
    """
    padded = np.pad(values, 1)
    flat = [
        f"M{units(x + a * width)} {units(y + row * height)}H{units(x + b * width)}"
        for row, a, b in _runs(padded[1:, 1:-1] != padded[:-1, 1:-1])
    ]
    upright = [
        f"M{units(x + column * width)} {units(y + a * height)}V{units(y + b * height)}"
        for column, a, b in _runs((padded[1:-1, 1:] != padded[1:-1, :-1]).T)
    ]
    return "".join(flat + upright)


def _runs(marked: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Line, first and last end of every run of marked items."""
    padded = np.pad(marked.astype(np.int8), ((0, 0), (1, 1)))
    change = np.diff(padded, axis=1)
    line, first = np.nonzero(change == 1)
    _, last = np.nonzero(change == -1)
    return list(zip(line.tolist(), first.tolist(), last.tolist(), strict=True))
