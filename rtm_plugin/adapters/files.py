"""Outputs appear whole or not at all: written beside their final name, moved there when all of them are done."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from ..core.errors import OutputError


class Staging:
    """Collects the files of a run; moves them to their final names on leaving, or removes them on an error or cancel.

    >>> with Staging() as staging:
    ...     staging.text("/tmp/risk_terrain_example.txt", "whole")
    >>> Path("/tmp/risk_terrain_example.txt").read_text()
    'whole'
    """

    def __init__(self) -> None:
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
        final = Path(final)
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"The folder {final.parent} cannot be made: {error.strerror or error}.") from error
        temporary = final.with_name(f".{secrets.token_hex(4)}.part{final.suffix}")
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
        for temporary, final in self._moves:
            pieces = _pieces(temporary)
            if not pieces:
                raise OutputError(
                    f"{final.name} could not be written to {final.parent}; check the disk and the folder."
                )
            for piece in pieces:
                try:
                    os.replace(piece, final.with_name(final.stem + piece.name.removeprefix(temporary.stem)))
                    final.with_name(f"{final.name}.aux.xml").unlink(missing_ok=True)  # statistics of the old content
                except OSError as error:
                    raise OutputError(
                        f"{final.name} cannot be written to {final.parent}: {error.strerror or error}. If it is open "
                        f"in QGIS "
                        "or another program, close or remove it there, or choose another name."
                    ) from error


def _write_text(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _pieces(temporary: Path) -> list[Path]:
    """The file and what drivers put beside it: a shapefile's companions, a journal."""
    return sorted(temporary.parent.glob(f"{temporary.stem}.*"))
