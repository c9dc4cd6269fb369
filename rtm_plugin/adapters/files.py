"""Outputs appear whole or not at all: written beside their final name, moved there when all of them are done."""

import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from qgis.core import QgsProcessingFeedback

from ..core.errors import OutputError
from .feedback import stop_if_cancelled

_PREFIX = ".rtm-"  # of the names of files that are not whole yet


def refuse_target(final: str | Path) -> None:
    """Refuse a file that cannot take its place: in a folder that cannot be written to, or being edited elsewhere.

    Raises
    ------
    OutputError
    """
    final = Path(final)
    existing = next((folder for folder in final.absolute().parents if folder.exists()), None)
    if existing is None or not existing.is_dir() or not os.access(existing, os.W_OK):
        raise OutputError(f"{final.name} cannot be written to {final.parent}: the folder cannot be written to.")
    for ending in ("-wal", "-journal"):
        if final.with_name(final.name + ending).exists():
            raise OutputError(
                f"{final.name} is being edited in QGIS or another program (there is a file {final.name}{ending}); "
                "close or remove it there, or choose another name."
            )


class Staging:
    """Collects the files of a run; moves them to their final names on leaving, or removes them on an error or cancel.

    Parameters
    ----------
    feedback : QgsProcessingFeedback, optional; asked once more for a cancel before anything is moved
    marking : str
        The protective marking that every layer among them carries in its metadata; "" for none.

    >>> with Staging() as staging:
    ...     staging.text("/tmp/risk_terrain_example.txt", "whole")
    >>> Path("/tmp/risk_terrain_example.txt").read_text()
    'whole'
    """

    def __init__(self, feedback: QgsProcessingFeedback | None = None, marking: str = "") -> None:
        self._feedback = feedback
        self.marking = marking
        self._moves: list[tuple[Path, Path]] = []

    def __enter__(self) -> "Staging":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._commit()
        finally:
            for temporary, _ in self._moves:
                for piece in _pieces(temporary):
                    piece.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OutputError(f"An output cannot be written: {error.strerror or error}.") from error

    def beside(self, final: str | Path) -> str:
        """Name of the file to write instead of `final`, in the same folder and with the same ending."""
        if self._feedback is not None:
            stop_if_cancelled(self._feedback)
        final = Path(final)
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder {final.parent} cannot be made: {error.strerror or error}.") from error
        refuse_target(final)
        temporary = final.with_name(f"{_PREFIX}{secrets.token_hex(4)}.part{final.suffix}")
        self._moves.append((temporary, final))
        return str(temporary)

    def write(self, final: str | Path, writer: Callable[[str], None]) -> None:
        """Write one output with `writer(path)`; an OSError becomes a sentence with the file's name."""
        try:
            writer(self.beside(final))
        except OSError as error:
            raise OutputError(f"{Path(final).name} cannot be written: {error.strerror or error}.") from error

    def text(self, final: str | Path, text: str) -> None:
        """Write a UTF-8 text output."""
        self.write(final, lambda path: _write_text(path, text))

    def _commit(self) -> None:
        """Move all files to their final names; when one cannot take its place, none does and the old ones come back."""
        if self._feedback is not None:
            stop_if_cancelled(self._feedback)
        moves = [move for temporary, final in self._moves for move in _moves_of(temporary, final)]
        done: list[tuple[Path, Path | None]] = []
        try:
            for piece, target in moves:
                done.append((target, _set_aside(target)))
                os.replace(piece, target)
        except OSError as error:
            for placed, old in reversed(done):
                placed.unlink(missing_ok=True)
                if old is not None:
                    os.replace(old, placed)
            raise OutputError(
                f"{target.name} cannot be written to {target.parent}: {error.strerror or error}. If it is open in "
                "QGIS or another program, close or remove it there, or choose another name."
            ) from error
        for target, old in done:
            target.with_name(f"{target.name}.aux.xml").unlink(missing_ok=True)  # statistics of the old content
            if old is not None:
                old.unlink(missing_ok=True)


def _moves_of(temporary: Path, final: Path) -> list[tuple[Path, Path]]:
    """Each file that was written for an output, and its final name."""
    pieces = _pieces(temporary)
    if not pieces:
        raise OutputError(f"{final.name} could not be written to {final.parent}; check the disk and the folder.")
    prefix = _prefix(temporary)
    return [(piece, final.with_name(final.stem + piece.name.removeprefix(prefix))) for piece in pieces]


def _set_aside(target: Path) -> Path | None:
    """Rename an existing file, so that it can come back."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not target.exists():
        return None
    old = target.with_name(f".{secrets.token_hex(4)}.old")
    os.replace(target, old)
    return old


def _write_text(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _pieces(temporary: Path) -> list[Path]:
    """The file and what drivers put beside it: a shapefile's companions, a journal."""
    return sorted(temporary.parent.glob(f"{_prefix(temporary)}*"))


def _prefix(temporary: Path) -> str:
    """The name without the ending, also where there is none."""
    return temporary.name[: temporary.name.index(".part") + len(".part")]
