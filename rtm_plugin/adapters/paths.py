"""Names and paths of files: whether two are the same file, and which names every computer takes."""

import ntpath
import os
import re
from pathlib import Path

from ..core.errors import OutputError

_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_LONGEST_NAME, _LONGEST_ON_WINDOWS = 255, 259  # bytes of a name, characters of a path


def path_key(path: str | Path) -> str:
    """A text that is equal for two spellings of one path; the disk is not touched.

    A path with a drive or a server is read as Windows does, on every system, since projects and studies travel.

    >>> path_key("C:/Cases/./Terrain.tif") == path_key("c:\\\\cases\\\\terrain.tif")
    True
    """
    text = str(path)
    if re.match(r"[A-Za-z]:[\\/]|\\\\|//", text):
        return ntpath.normpath(text).replace("/", "\\").lower()
    return os.path.normcase(os.path.abspath(text))


def source_key(source: str) -> str:
    """The same for the source of a layer, which may name one of several layers of a file.

    >>> source_key("C:/a.gpkg|layername=Bars") == source_key("c:\\A.gpkg|layername=Bars")
    True
    """
    path, bar, rest = source.partition("|")
    return path_key(path) + bar + rest


def same_file(first: str | Path, second: str | Path) -> bool:
    """Whether both are one file: two spellings, a link to it, or, where the disk ignores it, another case."""
    if path_key(first) == path_key(second):
        return True
    try:
        return os.path.samefile(first, second)
    except (OSError, ValueError):
        return False


def refuse_name(path: Path) -> None:
    """Refuse a path whose new folders or file have a name that Windows cannot keep: the file must be able to travel.

    Raises
    ------
    OutputError
    """
    path = path.absolute()
    existing = next((folder for folder in path.parents if folder.exists()), Path(path.anchor))
    for name in path.parts[len(existing.parts) :]:
        problem = _problem_of(name)
        if problem:
            raise OutputError(f"The name '{name}' {problem}; choose another name.")
    if os.name == "nt" and len(str(path)) > _LONGEST_ON_WINDOWS:
        raise OutputError(
            f"The path of {path.name} has more than {_LONGEST_ON_WINDOWS} letters; choose a folder nearer the top."
        )


def _problem_of(name: str) -> str:
    """What Windows has against a name; empty when nothing."""
    forbidden = _FORBIDDEN.search(name)
    if forbidden:
        sign = forbidden.group()
        return f"has the sign {sign} in it, which Windows refuses" if sign.isprintable() else "has a control sign in it"
    if _DEVICES.match(name):
        return "is kept by Windows for a device"
    if name.endswith((".", " ")) and name not in (".", ".."):
        return "ends with a dot or a space, which Windows drops"
    if len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        return f"is longer than {_LONGEST_NAME} bytes"
    return ""


def safe_name(text: str, otherwise: str) -> str:
    """A name for a file or folder, made of a title: letters, digits and plain signs, at most 60.

    >>> safe_name("Burglary: 2024/25?", "study"), safe_name("..", "study"), safe_name("NUL", "study")
    ('Burglary 2024 25', 'study', 'study NUL')
    """
    name = " ".join(re.sub(r"[^\w ,.()-]+", " ", text).split()).strip(" .")[:60].strip(" .") or otherwise
    return f"{otherwise} {name}" if _problem_of(name) else name
