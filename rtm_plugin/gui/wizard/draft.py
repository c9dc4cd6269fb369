"""The study that the wizard's pages fill: one document, saved by itself so that a crash loses nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ...adapters.moves import remove
from ...adapters.study_file import load_study, save_study
from ...adapters.trust import remote_layers
from ...core.documents.study_document import StudyDocument
from ...core.errors import RtmError

_AUTOSAVE_AFTER = 500  # milliseconds without a change


def autosave_path() -> Path:
    """The file of the unfinished study, in the user's profile."""
    return Path(QgsApplication.qgisSettingsDirPath()) / "risk_terrain" / "unfinished_study.json"


class Draft(QObject):
    """The document, where its results go, and what the last run gave.

    Parameters
    ----------
    autosave : Path
        Where the unfinished study is kept.
    """

    changed = pyqtSignal()

    def __init__(self, autosave: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.study = StudyDocument()
        self.folder = ""
        self.results: dict[str, Any] = {}
        self._autosave = autosave
        self._safe = StudyDocument()  # what was begun with, or lies in a file of the analyst's: not worth keeping again
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_AUTOSAVE_AFTER)
        self._timer.timeout.connect(self.autosave)

    def set(self, **changes: Any) -> None:
        """Change fields of the document; everybody who listens is told when that changed anything."""
        self.replace(replace(self.study, **changes))

    def replace(self, study: StudyDocument) -> None:
        """Take another document."""
        if study == self.study:
            return
        self.study = study
        self._timer.start()
        self.changed.emit()

    def begin(self, study: StudyDocument) -> None:
        """Start from a study to which nothing has been added yet."""
        self._safe = study
        self.folder = ""  # each study has a folder of its own
        self.replace(study)

    def load(self, path: str | Path, allow_remote: bool = False) -> None:
        """Read a study file. Whatever the draft names from then on, the analyst has allowed or chosen.

        Raises
        ------
        UntrustedSourceError
            It names more than local files, and that was not allowed.
        RtmError
        """
        self.begin(load_study(path, allow_remote))

    def go_on(self) -> None:
        """Take the unfinished study; it stays unfinished until it is run or saved.

        Raises
        ------
        RtmError
        """
        self._safe = StudyDocument()
        self.replace(load_study(self._autosave))

    @property
    def allow_remote(self) -> str:
        """ALLOW_REMOTE of the runs of this study: what came with a file was asked about, the rest chosen by hand."""
        return "yes" if remote_layers(self.study) else "no"

    def save(self, path: str | Path) -> None:
        """Write the study to a file.

        Raises
        ------
        RtmError
        """
        save_study(self.study, path)

    def save_as(self, path: str | Path) -> None:
        """Write the study to a file of the analyst's choice: it is safe there, and nothing is offered again.

        Raises
        ------
        RtmError
        """
        self.save(path)
        self.forget()

    def autosave(self) -> None:
        """Keep the unfinished study; a profile that cannot be written to is no reason to stop."""
        self._timer.stop()
        if self.study in (self._safe, StudyDocument()):
            return
        try:
            save_study(self.study, self._autosave)
        except RtmError as error:
            QgsApplication.messageLog().logMessage(str(error), "Risk Terrain")

    @property
    def unfinished(self) -> Path | None:
        """The file of an unfinished study, if there is one."""
        return self._autosave if self._autosave.is_file() else None

    def forget(self) -> None:
        """The study is done or saved elsewhere: nothing is offered again."""
        self._timer.stop()
        self._safe = self.study
        remove(self._autosave)
