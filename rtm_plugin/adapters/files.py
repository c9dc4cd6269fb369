"""Outputs appear whole or not at all: written beside their final name, moved there when all of them are done."""

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from osgeo import gdal
from qgis.core import QgsProcessingFeedback

from ..core.errors import OutputError
from .feedback import stop_if_cancelled
from .moves import PREFIX, Mark, Move, back, forget_old, forward, tidy
from .paths import refuse_name

_CHUNK = 1 << 20  # bytes


def refuse_target(final: str | Path) -> None:
    """Refuse a file that cannot take its place: a name or folder that cannot be, a link, or one being edited elsewhere.

    Raises
    ------
    OutputError
    """
    final = Path(final)
    refuse_name(final)
    existing = next((folder for folder in final.absolute().parents if folder.exists()), None)
    if existing is None or not existing.is_dir() or not os.access(existing, os.W_OK):
        raise OutputError(f"{final.name} cannot be written to {final.parent}: the folder cannot be written to.")
    if final.is_dir():
        raise OutputError(f"{final.name} cannot be written to {final.parent}: there is a folder of that name.")
    if final.is_symlink():
        raise OutputError(f"{final.name} is a link to another file; choose that file itself, or another name.")
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
        self._token = secrets.token_hex(6)
        self._marks: dict[str, Mark] = {}  # by folder; the first one lists the moves
        self._moves: list[Move] = []
        self._stuck = False  # neither the new files nor the old ones could take their places: left to the next run

    def __enter__(self) -> "Staging":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._moves:
                self._commit()
        finally:
            for mark in reversed(self._marks.values()):
                mark.close(tidy=not self._stuck)
        if isinstance(error, OSError):
            raise OutputError(f"An output cannot be written: {error.strerror or error}.") from error

    def beside(self, final: str | Path) -> str:
        """Name of the file to write instead of `final`, in the same folder and with the same ending."""
        if self._feedback is not None:
            stop_if_cancelled(self._feedback)
        final = Path(final).absolute()
        refuse_target(final)
        self._mark(final)
        name = f"{PREFIX}{self._token}-{len(self._moves)}"
        move = Move(final.with_name(f"{name}.part{final.suffix}"), final, final.with_name(f"{name}.old"))
        self._moves.append(move)
        return str(move.piece)

    def holds(self, final: str | Path) -> bool:
        """Whether a file of this name is among the outputs already."""
        return Path(final).absolute() in [move.target for move in self._moves]

    def text(self, final: str | Path, text: str) -> None:
        """Write a UTF-8 text output."""
        self._write(final, [text.encode("utf-8")])

    @contextmanager
    def data(self, final: str | Path) -> Iterator[str]:
        """A path in memory for GDAL or OGR to write to; what lies there at the end, companions too, becomes an output.

        These libraries lose what goes wrong at closing a file, and hold it open after that. In memory nothing goes
        wrong, and the disk is written to by Python, which reports it.

        >>> with Staging() as staging, staging.data("/tmp/risk_terrain_example.csv") as path:
        ...     _ = gdal.FileFromMemBuffer(path, b"a,b")
        >>> Path("/tmp/risk_terrain_example.csv").read_text()
        'a,b'
        """
        final = Path(final)
        folder = f"/vsimem/{PREFIX}{secrets.token_hex(6)}"
        gdal.Mkdir(folder, 0o777)
        try:
            yield f"{folder}/data{final.suffix}"
            for name in gdal.ReadDir(folder) or ():
                if name.endswith(".aux.xml"):
                    continue  # statistics that somebody looked up
                self._write(final.with_name(final.stem + name[len("data") :]), _chunks(f"{folder}/{name}"))
        finally:
            gdal.RmdirRecursive(folder)

    def _mark(self, final: Path) -> None:
        """Mark the folder of an output, when it is not yet; what a killed run left there is repaired first."""
        folder = final.parent
        key = os.path.realpath(folder)
        if key in self._marks:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder {folder} cannot be made: {error.strerror or error}.") from error
        tidy(folder)
        head = next(iter(self._marks.values())).path if self._marks else None
        try:
            self._marks[key] = Mark(folder, self._token, head)
        except OSError as error:
            raise OutputError(f"{final.name} cannot be written to {folder}: {error.strerror or error}.") from error

    def _write(self, final: str | Path, chunks: Iterable[bytes]) -> None:
        try:
            _write_file(self.beside(final), chunks)
        except OSError as error:
            raise OutputError(f"{Path(final).name} cannot be written: {error.strerror or error}.") from error

    def _commit(self) -> None:
        """Move all files to their final names; when one cannot take its place, none does and the old ones come back."""
        if self._feedback is not None:
            stop_if_cancelled(self._feedback)
        for piece, target, _ in self._moves:
            if not piece.is_file() or not piece.stat().st_size:
                raise OutputError(
                    f"{target.name} could not be written to {target.parent}; check the disk and the folder."
                )
        marks = list(self._marks.values())
        try:
            for mark in reversed(marks):
                mark.list(self._moves)  # from the last of these on, the next run finishes what this one cannot
            forward(self._moves)
        except OSError as error:
            self._stuck = not back(self._moves)
            if not self._stuck:
                marks[0].strike_out()
            raise _refusal(Path(error.filename or self._moves[0].target), error) from error
        forget_old(self._moves)


def _refusal(target: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{target.name} cannot be written to {target.parent}: {error.strerror or error}. If it is open in QGIS or "
        "another program, close or remove it there, or choose another name."
    )


def _chunks(source: str) -> Iterator[bytes]:
    """The content of a file of GDAL's."""
    file = gdal.VSIFOpenL(source, "rb")
    try:
        while chunk := gdal.VSIFReadL(1, _CHUNK, file):
            yield bytes(chunk)
    finally:
        gdal.VSIFCloseL(file)


def _write_file(path: str, chunks: Iterable[bytes]) -> None:
    """Write a file that is on the disk, whole, when this returns; some network drives find out at the end only."""
    size = 0
    with open(path, "wb") as file:
        for chunk in chunks:
            size += file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if os.path.getsize(path) != size:
        raise OSError(errno.EIO, os.strerror(errno.EIO), path)
