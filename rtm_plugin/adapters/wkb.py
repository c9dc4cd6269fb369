"""Well-known binary geometries as arrays, without a QgsPointXY for every vertex."""

import struct

import numpy as np

from ..core.arrays import Floats

# Codes of geometries that are written as a list of vertices, and of those that are a list of geometries. A TIN is a
# collection of triangles, a polyhedral surface one of polygons; a compound curve is a collection of curves, and a curve
# polygon one of rings.
_STRAIGHT = ((2,), (4, 5, 6, 7, 15, 16))
_CURVED = ((2, 8), (4, 5, 6, 7, 9, 10, 11, 12, 15, 16))
_Kinds = tuple[tuple[int, ...], tuple[int, ...]]

Part = list[Floats]  # a point or a line: one array of vertices; a polygon: its rings, the outer first


def parts(wkb: bytes) -> list[Part]:
    """The parts of a straight geometry, vertices (v, 2); Z and M are left out.

    Raises ValueError on what is not a (multi) point, line or polygon, a surface of facets, or a collection of those.

    >>> parts(struct.pack("<BIdd", 1, 1, 3.0, 4.0))[0][0].tolist()
    [[3.0, 4.0]]
    """
    read: list[Part] = []
    _read(wkb, 0, read, _STRAIGHT)
    return read


def all_vertices(wkb: bytes) -> Floats:
    """All vertices of a geometry, (v, 2); of curves the points that define them.

    QGIS's own iterator over vertices ends QGIS on some broken geometries.

    >>> all_vertices(struct.pack("<BIIdddddd", 1, 8, 3, 0, 0, 1, 1, 2, 0)).tolist()
    [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]]
    """
    read: list[Part] = []
    _read(wkb, 0, read, _CURVED)
    return np.vstack([np.zeros((0, 2)), *(ring for part in read for ring in part)])


def polygon(rings: Part) -> bytes:
    """A polygon of rings (v, 2), the outer first, as well-known binary; rings that enclose nothing are left out.

    QGIS's own constructor is not used: it takes over the holes, and Python, which does not know, frees them again.

    >>> triangle = np.array([[0, 0], [1, 0], [0, 1], [0, 0]], float)
    >>> parts(polygon([triangle]))[0][0].tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    closed = [np.ascontiguousarray(ring, dtype="<f8") for ring in rings if len(ring) > 3]
    body = b"".join(struct.pack("<I", len(ring)) + ring.tobytes() for ring in closed)
    return struct.pack("<BII", 1, 3, len(closed)) + body


def _read(wkb: bytes, at: int, read: list[Part], kinds: _Kinds) -> int:
    order = "<" if wkb[at] == 1 else ">"
    code = struct.unpack_from(order + "I", wkb, at + 1)[0]
    at += 5
    width = 2 + bool(code & 0x80000000) + bool(code & 0x40000000)
    code &= 0x0FFFFFFF
    width += {0: 0, 1: 1, 2: 1, 3: 2}[code // 1000]
    kind = code % 1000
    if kind == 1:
        vertices, at = _vertices(wkb, at, order, 1, width)
        if np.isfinite(vertices).all():  # an empty point is written as NaN
            read.append([vertices])
    elif kind in kinds[0]:
        number = struct.unpack_from(order + "I", wkb, at)[0]
        vertices, at = _vertices(wkb, at + 4, order, number, width)
        read.append([vertices])
    elif kind in (3, 17):  # a triangle is a polygon
        rings, at = _rings(wkb, at, order, width)
        read.append(rings)
    elif kind in kinds[1]:
        number = struct.unpack_from(order + "I", wkb, at)[0]
        at += 4
        for _ in range(number):
            at = _read(wkb, at, read, kinds)
    else:
        raise ValueError(f"geometry type {kind}")
    return at


def _rings(wkb: bytes, at: int, order: str, width: int) -> tuple[Part, int]:
    rings: Part = []
    number = struct.unpack_from(order + "I", wkb, at)[0]
    at += 4
    for _ in range(number):
        size = struct.unpack_from(order + "I", wkb, at)[0]
        ring, at = _vertices(wkb, at + 4, order, size, width)
        rings.append(ring)
    return rings, at


def _vertices(wkb: bytes, at: int, order: str, number: int, width: int) -> tuple[Floats, int]:
    values = np.frombuffer(wkb, dtype=order + "f8", count=number * width, offset=at)
    return values.reshape(number, width)[:, :2].astype(np.float64), at + 8 * number * width
