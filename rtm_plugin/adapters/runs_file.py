"""A CSV file that grows by one whole row a run, so that a long series of runs can stop and go on."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..core.errors import FileFormatError, OutputError
from .moves import remove
from .spreadsheets import harmless


class RunsFile:
    """Rows of runs.

    Parameters
    ----------
    path : Path
    columns : sequence of str
    what : str
        What the file should be, for sentences: "a back-test".
    """

    def __init__(self, path: Path, columns: Sequence[str], what: str) -> None:
        self.path, self._columns, self._what = path, tuple(columns), what

    def rows(self) -> list[dict[str, str]]:
        """All whole rows; a last one that was cut off while it was written does not count.

        Raises
        ------
        FileFormatError
            Another kind of file.
        """
        try:
            text = self._whole().decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._foreign() from error
        lines = list(csv.reader(io.StringIO(text, newline="")))
        if not lines:
            return []
        if tuple(lines[0]) != self._columns or any(len(line) != len(self._columns) for line in lines):
            raise self._foreign()
        return [dict(zip(self._columns, line, strict=True)) for line in lines[1:]]

    def rows_of(self, settings_hash: str) -> list[dict[str, str]]:
        """All whole rows, refused when one of them is of other settings than these.

        Raises
        ------
        FileFormatError
            Another kind of file.
        OutputError
            Runs of other settings.
        """
        rows = self.rows()
        if any(row["settings_hash"] != settings_hash for row in rows):
            raise OutputError(
                f"{self.path.name} holds runs of other settings, layers or another version of the plugin; choose "
                "another name, or remove the file."
            )
        return rows

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row, and the header where there is none; on the disk when this returns.

        Raises
        ------
        OutputError
        """
        whole = len(self._whole())
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lines = [] if whole else [list(self._columns)]
            lines.append([self._plain(row[name]) for name in self._columns])
            with open(self.path, "r+b" if self.path.exists() else "xb") as file:
                file.truncate(whole)
                file.seek(whole)
                file.write(self._text(lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self._cut_off(whole)
            raise OutputError(
                f"{self.path.name} cannot be written to {self.path.parent}: {error.strerror or error}. If it is open "
                "in another program, close it there; the runs that it holds are kept."
            ) from error

    def _cut_off(self, whole: int) -> None:
        """Take away the beginning of a row that could not be written; where that fails too, the next run does it."""
        if not whole:
            remove(self.path)
            return
        with suppress(OSError):
            os.truncate(self.path, whole)

    def _whole(self) -> bytes:
        """What the file holds up to the last end of a line."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise FileFormatError(f"{self.path.name} cannot be read: {error.strerror or error}.") from error
        return content[: content.rfind(b"\n") + 1]

    def _foreign(self) -> FileFormatError:
        return FileFormatError(
            f"{self.path.name} is there already and is not {self._what} of this version; choose another name."
        )

    @staticmethod
    def _plain(value: Any) -> Any:
        """A text in one line, and no formula; numbers as they are, of which csv writes every digit."""
        return harmless(" ".join(value.splitlines())) if isinstance(value, str) else value

    @staticmethod
    def _text(lines: Sequence[Sequence[Any]]) -> bytes:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).writerows(lines)
        return text.getvalue().encode("utf-8")
