"""What makes a move of several files safe: a mark of the run in each folder, from which the next run repairs it.

A run leaves a mark, a small file, in each folder that it writes to, and holds a lock on it as long as it lives. The
system takes the lock away when the process ends, however it ends and on whichever computer. So a mark that can be
locked belongs to a run that is dead: what it left is removed. Before the first file is moved, the marks list all moves,
that of the first folder last: a run killed from there on is finished by the next one, so that either all old files are
there or all new ones.
"""

import errno
import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

PREFIX = ".rtm-"  # of the names of files that are not whole yet
_MARK = ".run"
_WAITS = 0.05, 0.1, 0.2, 0.4, 0.8  # seconds
_LOCKED_BYTE = 1 << 30  # far behind the content, which others may then read on Windows too
_DAY = 86_400.0  # seconds
_DESCRIBES, _INDEXES = (".aux.xml", ".ovr"), (".qix", ".sbn", ".sbx")
_of_this_process: set[str] = set()  # names of marks; on some network drives a process is never shut out by itself


class Move(NamedTuple):
    """A whole file, the name that it shall take, and where the file that has that name now is kept meanwhile."""

    piece: Path
    target: Path
    old: Path


def patiently(action: Callable[..., Any], *paths: Path) -> None:
    """Do it again for a second and a half while access is denied: a virus scanner or OneDrive lets go soon."""
    for wait in _WAITS:
        try:
            action(*paths)
        except PermissionError:
            time.sleep(wait)
        else:
            return
    action(*paths)


def remove(path: Path) -> bool:
    """Remove a file; whether it is gone. Tidying up never hides what went wrong before."""
    try:
        patiently(os.unlink, path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


class Mark:
    """The mark of a living run in a folder.

    Parameters
    ----------
    folder : Path
    token : str
        Part of the names of all files of the run.
    head : Path, optional
        The mark that lists the moves, in the first folder of the run; None when this is it.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """

    def __init__(self, folder: Path, token: str, head: Path | None = None) -> None:
        self.path = folder.absolute() / f"{PREFIX}{token}{_MARK}"
        self._head = str(head or self.path)
        _of_this_process.add(self.path.name)
        self._file = open(self.path, "x+b")  # noqa: SIM115 - open as long as the run lives
        try:
            _lock(self._file)
            self._write({"head": self._head})
        except OSError:
            self.close()
            raise

    def list(self, moves: Sequence[Move]) -> None:
        """Note what is about to be moved, on the disk when this returns."""
        self._write({"head": self._head, "moves": [[str(path) for path in move] for move in moves]})

    def strike_out(self) -> None:
        """Nothing is to be moved any more."""
        with suppress(OSError):  # then the list stands, and is carried out should this run be killed before it is over
            self._write({"head": self._head})

    def close(self, tidy: bool = True) -> None:
        """The run is over; unless told otherwise, all that it left in the folder goes."""
        with suppress(OSError):  # a full disk once more
            self._file.close()
        if tidy:
            _remove_files(self.path)
        _of_this_process.discard(self.path.name)

    def _write(self, content: dict[str, Any]) -> None:
        self._file.seek(0)
        self._file.write(json.dumps(content).encode() + b"\n")  # the first line counts, whatever was there before
        self._file.flush()
        os.fsync(self._file.fileno())


def forward(moves: Sequence[Move]) -> None:
    """Every piece takes its name; an OSError with the name of the first one that cannot."""
    for piece, target, old in moves:
        try:
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if target.exists():
                patiently(os.replace, target, old)
            patiently(os.replace, piece, target)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(target)) from error


def forget_old(moves: Sequence[Move]) -> None:
    """Remove what describes the old content of a file: statistics, overviews, a spatial index."""
    for _, target, _ in moves:
        stale = [target.name + ending for ending in _DESCRIBES]
        if target.suffix.lower() == ".shp":
            stale += [target.stem + ending for ending in _INDEXES]
        for name in stale:
            remove(target.with_name(name))


def back(moves: Sequence[Move]) -> bool:
    """Every earlier file gets its name back, wherever `forward` has stopped; whether that succeeded."""
    try:
        for piece, target, old in reversed(moves):
            if not piece.exists() and target.exists():
                patiently(os.replace, target, piece)
            if old.exists():
                patiently(os.replace, old, target)
    except OSError:
        return False
    return True


def tidy(folder: Path) -> None:
    """Finish what a killed run was moving in this folder, and remove what dead runs have left."""
    for mark in sorted(folder.glob(f"{PREFIX}*{_MARK}")):
        if mark.name not in _of_this_process:
            _bury(mark)
    for piece in folder.glob(f"{PREFIX}*.part*"):
        if not (folder / f"{_token(piece)}{_MARK}").exists() and _age(piece) > _DAY:  # of version 0.1.0, without a mark
            remove(piece)


def _bury(mark: Path, is_head: bool = False) -> None:
    """Repair and tidy up after the run that left a mark, if it is dead."""
    try:
        with open(mark, "r+b") as file:
            if not _lock(file):
                return
            content = _content(file.read())
            if not content and _age(mark) < _DAY:
                return  # a run that begins this moment has not locked its mark yet
            head = Path(str(content.get("head", mark)))
            if is_head or head == mark or head.name != mark.name or not _is_there(head.parent, mark):
                repaired = _repair(_listed(content, mark))
            else:  # whoever buries the first mark has moved the files of this folder too
                _bury(head, is_head=True)
                repaired = not head.exists()
    except OSError:
        return  # another run is at it, or the folder cannot be written to
    if repaired:
        _remove_files(mark)


def _listed(content: dict[str, Any], mark: Path) -> list[Move]:
    """The moves that a mark lists; only those of files of its run, in folders that it has marked, whoever wrote it."""
    moves = []
    for paths in content.get("moves", ()):
        move = Move(*map(Path, paths))
        folder, ours = move.target.parent, f"{mark.stem}-"
        beside = folder == move.piece.parent == move.old.parent
        named = move.piece.name.startswith(ours) and move.old.name.startswith(ours)
        if beside and named and _is_there(folder, mark) and (folder / mark.name).exists():
            moves.append(move)
    return moves


def _is_there(folder: Path, mark: Path) -> bool:
    """Whether a folder that a mark names can be reached; one of another server is not even looked for."""
    return (folder.drive == mark.drive or not folder.drive.startswith("\\\\")) and folder.exists()


def _repair(moves: Sequence[Move]) -> bool:
    """All new files, or where one cannot take its place, all old ones."""
    try:
        forward([move for move in moves if move.piece.exists()])
    except OSError:
        return back(moves)
    forget_old(moves)
    return True


def _remove_files(mark: Path) -> None:
    """All files of a run in a folder, the mark last and only when nothing else is left."""
    left = [piece for piece in mark.parent.glob(f"{mark.stem}-*") if not remove(piece)]
    if not left:
        remove(mark)


def _content(text: bytes) -> dict[str, Any]:
    """What a mark says; nothing when it was cut short: then nothing had been moved."""
    try:
        content = json.loads(text.partition(b"\n")[0])
        moves = content.get("moves", [])
        whole = all(len(move) == 3 and all(isinstance(path, str) for path in move) for move in moves)
    except (ValueError, AttributeError, TypeError):
        return {}
    return content if whole else {}


def _token(piece: Path) -> str:
    """The beginning of the names of a run's files."""
    return piece.name.partition(".part")[0].rpartition("-")[0] or PREFIX


def _age(path: Path) -> float:
    """Seconds since a file was written; none when it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _lock(file: BinaryIO) -> bool:
    """Lock a file as long as it is open; False when another has it, or the drive knows no locks."""
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(_LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
