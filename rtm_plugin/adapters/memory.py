"""How much memory this computer has, so that a run that cannot fit says so before it begins."""

import ctypes
import os
import sys
from pathlib import Path

from ..core.errors import InputError

_TABLE = Path("/proc/meminfo")


class _Status(ctypes.Structure):
    """What Windows tells of its memory (MEMORYSTATUSEX)."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        *(
            (name, ctypes.c_uint64)
            for name in ("total", "free", "pages", "free_pages", "virtual", "free_virtual", "more")
        ),
    )


def memory_of_this_computer() -> tuple[int, int] | None:
    """Bytes of memory in all, and of those that are free; None where the system does not tell."""
    if sys.platform == "win32":
        status = _Status(length=ctypes.sizeof(_Status))
        succeeded = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return (int(status.total), int(status.free)) if succeeded else None
    try:
        rows = dict(line.split(":", 1) for line in _TABLE.read_text(encoding="ascii").splitlines() if ":" in line)
        total, free = (1024 * int(rows[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    except (OSError, ValueError, KeyError, IndexError):
        return _of_posix()
    return total, free


def _of_posix() -> tuple[int, int] | None:
    """All of it, as macOS tells; what is free is not known, and taken to be all."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
    return total, total


def require_memory(needed: int) -> str:
    """Refuse what is sure not to fit into this computer; a warning where it fits, but not beside what is running.

    Parameters
    ----------
    needed : bytes that the work takes at most

    Raises
    ------
    InputError
    """
    known = memory_of_this_computer()
    if known is None or needed <= known[1]:
        return ""
    total, free = known
    remedy = "choose larger cells, a smaller area or fewer factors"
    start = f"This needs up to {_gigabytes(needed)} of memory, and"
    if needed > total:
        raise InputError(f"{start} this computer has {_gigabytes(total)} in all; {remedy}.")
    return f"{start} {_gigabytes(free)} are free: it may be slow, or fail. Close other programs, or {remedy}."


def _gigabytes(number: int) -> str:
    return f"{number / 1e9:,.1f} GB"
