"""Sixth page: what will be run, how long it takes, and where the results go."""

import json
import os
from pathlib import Path

from qgis.gui import QgsCollapsibleGroupBox, QgsFileWidget
from qgis.PyQt.QtCore import QStandardPaths
from qgis.PyQt.QtGui import QFontDatabase
from qgis.PyQt.QtWidgets import QFileDialog, QPlainTextEdit, QToolButton, QVBoxLayout

from ...adapters.feedback import tr
from ...adapters.files import Staging
from ...adapters.paths import refuse_name, safe_name
from ...adapters.preferences import load_preferences
from ...core.errors import RtmError
from .draft import Draft
from .page import Page, button, column, form, refusal_of, row, text_label

STUDY_FILE = "study.json"


class ReviewPage(Page):
    """Summary, estimate, folder, and the call that the next page makes."""

    NAME = "review"
    TITLE = tr("Review")
    EXPLANATION = tr(
        "Look once more before the study runs. It is saved with its results, so that it can be opened, changed and run "
        "again, here or with qgis_process."
    )

    def build(self) -> None:
        self.summary = text_label("review_summary")
        self.estimate = text_label("review_estimate")
        self.warning = text_label("review_warning")
        self.folder = QgsFileWidget()
        self.folder.setObjectName("review_folder")
        for browse in self.folder.findChildren(QToolButton):
            if browse.text():
                browse.setObjectName("review_folder_button")
        self.folder.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.save = button("review_save", tr("&Save study as …"), self._save)
        self.message = text_label("review_message")
        self.call = QPlainTextEdit()
        self.call.setObjectName("review_call")
        self.call.setReadOnly(True)
        self.call.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.call.setMinimumHeight(6 * self.fontMetrics().height())
        self.save_call = button("review_save_call", tr("Save this &JSON …"), self._save_call)
        fields = form()
        fields.addRow(tr("&Folder for the results"), self.folder)
        box = self.box = QgsCollapsibleGroupBox(tr("What qgis_process is asked: the same as the next page runs"))
        box.setObjectName("review_box")
        box.setSaveCollapsedState(False)
        inner = QVBoxLayout(box)
        inner.addWidget(self.call)
        inner.addWidget(row(self.message, self.save, self.save_call))
        column(self, self.summary, self.estimate, self.warning, fields, box)
        self.folder.fileChanged.connect(self.by_hand(self._folder_chosen))

    def fill(self) -> None:
        if not self.draft.folder:
            self.draft.folder = str(_free_folder(self.draft.study.title))
        self.folder.setFilePath(self.draft.folder)
        self.summary.setText(self._summary())
        self.warning.setText("\n".join(self.draft.study.warnings()))

    def refresh(self) -> None:
        self.call.setPlainText(self._call())
        noticed = [] if self.draft.study.missing() else self.facts.together() or []
        self.warning.setText("\n".join([*self.draft.study.warnings(), *(finding.text for finding in noticed)]))
        facts = self.facts.estimate()
        if facts is None or "refused" in facts:
            self.estimate.setText(tr("Counting …") if facts is None else "")
            return
        least, most = facts["seconds"], 3 * facts["seconds"]
        self.estimate.setText(
            tr("{:,} cells, {:,} candidate variables; about {} to {}, and up to {:,.0f} MB of memory.").format(
                facts["cells"], self.draft.study.candidate_count, _time(least), _time(most), facts["memory"] / 1e6
            )
            + (" " + tr("The folder holds results already; they will be replaced.") if self._holds_results() else "")
        )

    def reason(self) -> str:
        problem = self.draft.study.missing()
        if problem:
            return problem
        if not self.draft.folder.strip():
            return tr("Choose a folder for the results.")
        folder = Path(self.draft.folder)
        existing = next((f for f in (folder, *folder.absolute().parents) if f.exists()), None)
        if existing is None or not existing.is_dir() or not os.access(existing, os.W_OK):
            return tr("The folder '{}' cannot be written to; choose another one.").format(self.draft.folder)
        try:
            refuse_name(folder)
        except RtmError as error:
            return str(error)
        refusal = refusal_of(self.facts.estimate())
        if refusal or self.draft.study.missing():
            return refusal
        noticed = self.facts.together() or []
        return next((finding.text for finding in noticed if finding.severity == "error"), "")

    def _summary(self) -> str:
        study = self.draft.study
        lines = [study.title]
        if study.study_area is not None and study.events is not None:
            lines.append(
                tr("Study area: {}. Block length {:g}, cells of {:g}.").format(
                    study.study_area.name, study.grid.block_length, study.grid.size
                )
            )
            when = f", {study.fit.period.text}" if study.fit.period.known else ""
            lines.append(tr("Outcome: {}{}.").format(study.events.name, when))
            if study.later_events is not None or study.test.period.known:
                named = (study.later_events or study.events).name
                lines.append(
                    tr("Tested on: {}{}.").format(named, f", {study.test.period.text}" * study.test.period.known)
                )
            if study.exposure is not None:
                lines.append(tr("Rates are per unit of {}.").format(study.exposure.name))
            if study.adjust:
                lines.append(tr("Adjusted for {}.").format(", ".join(ref.name for ref in study.adjust)))
            if study.city:
                lines.append(tr("Where the city is: {}.").format(", ".join(ref.name for ref in study.city)))
            if study.exposure is None and not study.adjust and not study.city:
                lines.append(
                    tr(
                        "Nothing tells the factors from where people are: an exposure, or layers of where the city is "
                        "(Outcome events, Advanced), would."
                    )
                )
            named = [ref.name for ref in (study.streets, study.areas) if ref is not None]
            if named:
                lines.append(tr("Places are told by {}.").format(", ".join(named)))
            if study.weight_field:
                lines.append(tr("A row is as many events as its field '{}' says.").format(study.weight_field))
        names = ", ".join(factor.settings.name for factor in study.factors)
        lines.append(tr("{:,} risk factors: {}.").format(len(study.factors), names))
        return "\n".join(lines)

    def _call(self) -> str:
        return json.dumps({"inputs": run_inputs(self.draft)}, indent=1, ensure_ascii=False)

    def _holds_results(self) -> bool:
        return (Path(self.draft.folder) / "terrain.tif").exists()

    def _folder_chosen(self) -> None:
        self.draft.folder = self.folder.filePath().strip()

    def _save(self) -> None:
        start = str(Path(load_preferences().study_folder) / STUDY_FILE)
        path, _ = QFileDialog.getSaveFileName(self, tr("Save the study"), start, tr("Study (*.json)"))
        if path:
            self._tell(path, self.draft.save_as)

    def _save_call(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, tr("Save the call"), "run_study.json", tr("JSON (*.json)"))
        if path:
            self._tell(path, self._write_call)

    def _write_call(self, path: str) -> None:
        with Staging() as staging:
            staging.text(path, self._call() + "\n")

    def _tell(self, path: str, write: object) -> None:
        path = path if path.lower().endswith(".json") else f"{path}.json"
        try:
            write(path)
        except RtmError as error:
            self.message.setText(str(error))
        else:
            self.message.setText(tr("Saved as {}.").format(Path(path).name))


def run_inputs(draft: Draft) -> dict[str, str]:
    """What rtm:runstudy is given: the study that is saved beside its results, and the same folder."""
    inputs = {"STUDY": str(Path(draft.folder) / STUDY_FILE), "OUTPUT_FOLDER": str(Path(draft.folder))}
    return inputs | ({"ALLOW_REMOTE": "yes"} if draft.allow_remote == "yes" else {})


def _free_folder(title: str) -> Path:
    """A folder of documents, named after the study, that is not there yet."""
    name = safe_name(title, "study")
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    parent = Path(load_preferences().output_folder or Path(documents or Path.home()) / "Risk terrain")
    folder, number = parent / name, 2
    while folder.exists():
        folder, number = parent / f"{name} {number}", number + 1
    return folder


def _time(seconds: float) -> str:
    return tr("{:.0f} s").format(seconds) if seconds < 90 else tr("{:.0f} min").format(seconds / 60)
