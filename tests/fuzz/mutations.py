"""Inputs made wrong: documents, tables, geometries, rasters. Each function takes a random generator first."""

import copy
import json
import math
import random
import re
import struct
from typing import Any

HOSTILE_TEXTS = (
    "", " ", "\x00", "\ud800", "a" * 300, "ü" * 200, "..", "../../etc/passwd", "CON", "x;=1+1", "=1+1", "<b>&amp;",
    "[% env('HOME') %]", "NaN", "inf", "-inf", "1e400", "0x10", "1,5", "50m", "١٢", "2024-02-30", "9999-12-31",
    "%s{}{0}", "'; drop table events; --", "\u202egnp.exe", "\n", "{", "//host/share/x.gpkg",
    "/vsicurl/http://127.0.0.1:1/x.gpkg",
)  # fmt: skip
HOSTILE_NUMBERS = (
    0, -1, 1, 2, 10**400, -(10**30), 2**31, 2**63, 0.0, -0.0, 1e-320, 1e308, 1e-12, 0.5, 1.0000000001,
    math.nan, math.inf,
)  # fmt: skip
WEIRD = (None, True, False, [], {}, [[]], {"": None}, [None] * 50)


def hostile_value(rng: random.Random) -> Any:
    """A value of a kind that nobody expects."""
    return copy.deepcopy(rng.choice((rng.choice(HOSTILE_TEXTS), rng.choice(HOSTILE_NUMBERS), rng.choice(WEIRD))))


def spoilt_document(rng: random.Random, document: Any) -> bytes:
    """A JSON document with one to three of its parts changed, or its text broken."""
    document = json.loads(json.dumps(document))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        spots = list(_spots(document))
        if spots:
            _spoil(rng, *rng.choice(spots))
    text = json.dumps(document, ensure_ascii=rng.random() < 0.5)
    encoding = rng.choice(("utf-8",) * 8 + ("utf-8-sig", "utf-16", "latin-1"))
    raw = text.encode(encoding, errors="surrogatepass" if encoding.startswith("utf") else "replace")
    return spoilt_bytes(rng, raw) if rng.random() < 0.1 else raw


def _spots(node: Any) -> Any:
    """Every container and key of a document."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(items):
        yield node, key
        yield from _spots(value)


def _spoil(rng: random.Random, node: Any, key: Any) -> None:
    kind = rng.random()
    if kind < 0.6:
        node[key] = hostile_value(rng)
    elif kind < 0.75:
        del node[key]
    elif kind < 0.9 and isinstance(node, dict):
        node[str(rng.choice(HOSTILE_TEXTS))] = hostile_value(rng)
    elif isinstance(node, list):
        node.extend([node[key]] * rng.choice((1, 2, 40)))
    elif isinstance(node[key], (int, float)) and not isinstance(node[key], bool):
        node[key] = -node[key]


def spoilt_bytes(rng: random.Random, raw: bytes) -> bytes:
    """Bytes cut short, or with some of them changed, taken out or repeated."""
    kind = rng.random()
    if kind < 0.4 or not raw:
        return raw[: rng.randrange(len(raw) + 1)]
    changed = bytearray(raw)
    for _ in range(rng.choice((1, 1, 4, 30))):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    if kind < 0.8:
        return bytes(changed)
    at = rng.randrange(len(raw))
    return raw[:at] + raw[at : at + 200] + raw[at:]


def spoilt_item(rng: random.Random, text: str) -> str:
    """A metadata item with another value, or with its digits, length or sign changed."""
    kind = rng.random()
    if kind < 0.5:
        value = hostile_value(rng)
        return value if isinstance(value, str) else json.dumps(value)
    if kind < 0.75 and re.search(r"\d", text):
        return re.sub(r"\d", lambda _: rng.choice("0123456789-e."), text, count=rng.choice((1, 3, 0)))
    return spoilt_bytes(rng, text.encode()).decode("latin-1").replace("\x00", "")


def spoilt_table(rng: random.Random, header: list[str], rows: list[list[str]]) -> bytes:
    """A CSV in some dialect, with spoilt cells, rows of other lengths, and odd encodings."""
    separator, quote = rng.choice(",,,;\t|"), rng.choice(("", '"'))
    lines = [list(header)]
    for row in rows:
        cells = [str(hostile_value(rng)) if rng.random() < 0.05 else cell for cell in row]
        if rng.random() < 0.03:
            cells = cells[: rng.randrange(len(cells) + 1)]
        lines.append(cells)
    if rng.random() < 0.2:
        lines[0][rng.randrange(len(header))] = str(rng.choice(HOSTILE_TEXTS))
    text = rng.choice(("\n", "\r\n", "\r")).join(separator.join(quote + c + quote for c in cells) for cells in lines)
    encoding = rng.choice(("utf-8", "utf-8-sig", "utf-16", "latin-1"))
    raw = text.encode(encoding, errors="replace" if encoding == "latin-1" else "surrogatepass")
    return spoilt_bytes(rng, raw) if rng.random() < 0.1 else raw


# --- well-known binary, so that nothing in between repairs it


def wild_geometry(rng: random.Random, west: float, south: float, side: float) -> bytes:
    """Well-known binary of any type, often degenerate, sometimes huge or without numbers."""
    kinds = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17)
    return _geometry(rng, rng.choice(kinds), (west, south, side), 0)


def _geometry(rng: random.Random, kind: int, box: tuple[float, float, float], depth: int) -> bytes:
    head = struct.pack("<BI", 1, kind)
    if kind == 1:
        return head + _vertex(rng, box)
    if kind in (2, 8):
        return head + _line(rng, box, rng.choice((0, 1, 2, 3, 5, 40)))
    if kind in (3, 17):
        return head + _polygon(rng, box)
    inside = {4: (1,), 5: (2,), 6: (3,), 9: (2, 8), 10: (2, 8), 11: (2, 8), 12: (3, 10), 15: (3,), 16: (17,)}
    choices = inside.get(kind, (1, 2, 3, 7 if depth < 3 else 1))
    number = rng.choice((0, 1, 2, 3))
    return (
        head
        + struct.pack("<I", number)
        + b"".join(_geometry(rng, rng.choice(choices), box, depth + 1) for _ in range(number))
    )


def _vertex(rng: random.Random, box: tuple[float, float, float]) -> bytes:
    west, south, side = box
    x, y = west + side * rng.uniform(-0.2, 1.2), south + side * rng.uniform(-0.2, 1.2)
    if rng.random() < 0.03:
        x = rng.choice((math.nan, math.inf, -math.inf, 0.0, 1e9, -2e9, 1e300, x))
    return struct.pack("<dd", x, y)


def _line(rng: random.Random, box: tuple[float, float, float], number: int) -> bytes:
    return struct.pack("<I", number) + b"".join(_vertex(rng, box) for _ in range(number))


def _polygon(rng: random.Random, box: tuple[float, float, float]) -> bytes:
    rings = []
    for _ in range(rng.choice((0, 1, 1, 2, 4))):
        vertices = [_vertex(rng, box) for _ in range(rng.choice((1, 3, 4, 8)))]
        if rng.random() < 0.9:
            vertices.append(vertices[0])
        rings.append(struct.pack("<I", len(vertices)) + b"".join(vertices))
    return struct.pack("<I", len(rings)) + b"".join(rings)
