"""Last page: what was found, in the report's own sentences, and where to go from here."""

from pathlib import Path
from typing import Any

from qgis.core import QgsApplication
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
)

from ...adapters.feedback import tr
from ..results import first_place
from ..tasks import Job
from .chart import FactorChart
from .page import Page, button, column, text_label

_COLUMNS = (tr("Factor"), tr("How"), tr("Distance"), tr("RRV"), tr("95 % interval"))


class ResultPage(Page):
    """The first page of the report, and buttons."""

    NAME = "result"
    TITLE = tr("Result")
    EXPLANATION = tr(
        "What goes with the events, and how strongly. These are associations, not proof of cause. The report has the "
        "whole account; the maps are in the project."
    )

    iface: QgisInterface | None = None

    def build(self) -> None:
        self._job: Job | None = None
        self._model_file = ""
        self.opening, self.sentences = text_label("result_opening"), text_label("result_sentences")
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setObjectName("result_table")
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.chart = FactorChart()
        self.report = button("result_report", tr("Open the &report"), self._open_report)
        self.test = button("result_validation", tr("Open the &test"), self._open_validation)
        self.zoom = button("result_zoom", tr("&Zoom to the first place"), self._zoom)
        self.layout_ = button("result_layout", tr("Make a print &layout …"), self._make_layout)
        self.model = button("result_model", tr("Save as graphical &model …"), self._save_model)
        self.told = text_label("result_told")
        above, below = QHBoxLayout(), QHBoxLayout()
        for made in (self.report, self.test, self.zoom):
            above.addWidget(made)
        for made in (self.layout_, self.model):
            below.addWidget(made)
        above.addStretch(1)
        below.addStretch(1)
        column(self, above, below, self.told, self.opening, self.table, self.chart, self.sentences)

    def fill(self) -> None:
        found = self.draft.results.get("FINDINGS", {})
        sentences = [*found.get("headline", ()), *found.get("warnings", ()), *found.get("caveats", ())]
        self.opening.setText(sentences[0] if sentences else "")
        self.sentences.setText("\n\n".join(sentences[1:]))
        rows = found.get("factors", [])
        self.table.setRowCount(len(rows))
        for i, factor in enumerate(rows):
            low, high = factor["low"], factor["high"]
            texts = (
                factor["factor"],
                factor["operationalisation"],
                f"{factor['distance']:g}" if factor["distance"] is not None else "",
                factor["effect"],
                tr("{:.2f} to {:.2f}").format(low, high) if low and high else "",
            )
            for j, text in enumerate(texts):
                self.table.setItem(i, j, QTableWidgetItem(text))
        height = self.table.horizontalHeader().sizeHint().height() + 6
        self.table.setFixedHeight(height + sum(self.table.rowHeight(i) for i in range(len(rows))))
        self.table.setVisible(bool(rows))
        self.chart.show_rows(rows)

    def refresh(self) -> None:
        registry = QgsApplication.processingRegistry()
        self.test.setVisible("OUTPUT_VALIDATION" in self.draft.results)
        self.zoom.setVisible(self.iface is not None)
        self.layout_.setVisible(registry.algorithmById("rtm:briefing") is not None)

    def _open_report(self) -> None:
        self._open(self.draft.results.get("OUTPUT_REPORT", ""))

    def _open_validation(self) -> None:
        self._open(self.draft.results.get("OUTPUT_VALIDATION", ""))

    def _open(self, path: str) -> None:
        if not Path(path).is_file():
            self.told.setText(tr("{} is not there any more; run the study again.").format(Path(path).name))
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(path)):
            self.told.setText(tr("No browser could be opened. The report is {}").format(path))

    def _zoom(self) -> None:
        place = first_place(str(self.draft.results.get("OUTPUT_PLACES", "")))
        if place is None:
            self.told.setText(tr("No cell met the rule for priority places."))
        elif self.iface is not None:
            place.scale(3)
            canvas = self.iface.mapCanvas()
            canvas.setExtent(place)
            canvas.refresh()

    def _make_layout(self) -> None:
        from processing import execAlgorithmDialog

        results, study = self.draft.results, self.draft.study
        asked = {
            "MODEL": results.get("OUTPUT_MODEL"),
            "TERRAIN": results.get("OUTPUT_TERRAIN"),
            "PLACES": results.get("OUTPUT_PLACES"),
            "TITLE": study.title,
        }
        execAlgorithmDialog("rtm:briefing", asked)

    def _save_model(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, tr("Save as graphical model"), "study.model3", tr("Model (*.model3)")
        )
        if path:
            self.save_model(path if path.lower().endswith(".model3") else f"{path}.model3")

    def save_model(self, path: str) -> None:
        """Write the study as a model for QGIS's graphical modeller."""
        self._model_file = path
        asked = {"STUDY": self.draft.study.to_json(), "OUTPUT": path, "ALLOW_REMOTE": self.draft.allow_remote}
        self._job = Job("rtm:studymodel", asked, quiet=True)
        self._job.finished.connect(self._model_saved)
        self._job.start()

    def _model_saved(self, ok: bool, _: dict[str, Any]) -> None:
        saved = tr("Saved as {}; open it in the graphical modeller.").format(Path(self._model_file).name)
        self.told.setText(saved if ok else self._job.error)
