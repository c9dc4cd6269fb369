"""Last page: what was found, in the report's own sentences, and where to go from here."""

from pathlib import Path
from typing import Any

from qgis.core import QgsApplication, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgisInterface
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
)

from ...adapters.feedback import tr
from ...core.documents.study_document import LayerRef
from ...core.doubt.significance import p_cell
from ..briefing import make_briefing
from ..layers import project_layer
from ..opening import open_file
from ..results import FURTHER_RESULTS, first_place, take_out
from ..tasks import Job
from .chart import FactorChart
from .page import Page, button, column, text_label
from .review_page import STUDY_FILE

_COLUMNS = (tr("Factor"), tr("How"), tr("Distance"), tr("RRV"), tr("95 % interval"), tr("p"))


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
        self._testing: Job | None = None
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
        self.layout_ = button("result_layout", tr("Make a print &layout"), self._make_layout)
        self.model = button("result_model", tr("Save as graphical &model …"), self._save_model)
        self.message = text_label("result_message")
        self.no_place = text_label("result_no_place")
        above, below = QHBoxLayout(), QHBoxLayout()
        for widget in (self.report, self.test, self.zoom):
            above.addWidget(widget)
        for widget in (self.layout_, self.model):
            below.addWidget(widget)
        above.addStretch(1)
        below.addStretch(1)
        further = QHBoxLayout()
        self.further = {
            "backtest": button("result_backtest", tr("B&ack-test"), lambda: self._test("backtest")),
            "crossvalidation": button(
                "result_crossvalidation", tr("&Cross-validate"), lambda: self._test("crossvalidation")
            ),
            "jointrisk": button("result_jointrisk", tr("&Joint risk"), lambda: self._test("jointrisk")),
        }
        self.stop_test = button("result_stop", tr("Stop it"), self.stop)
        further.addWidget(QLabel(tr("Test further:")))
        for widget in (*self.further.values(), self.stop_test):
            further.addWidget(widget)
        further.addStretch(1)
        column(
            self,
            *(above, below, further),
            *(self.message, self.no_place, self.opening, self.table, self.chart, self.sentences),
        )

    def fill(self) -> None:
        findings = self.draft.results.get("FINDINGS", {})
        told = ("headline", "lists", "warnings", "caveats")
        sentences = [sentence for part in told for sentence in findings.get(part, ())]
        self.opening.setText(sentences[0] if sentences else "")
        self.sentences.setText("\n\n".join(sentences[1:]))
        rows = findings.get("factors", [])
        self.table.setRowCount(len(rows))
        for i, factor in enumerate(rows):
            low, high = factor["low"], factor["high"]
            texts = (
                factor["factor"],
                factor["operationalisation"],
                f"{factor['distance']:g}" if factor["distance"] is not None else "",
                factor["effect"],
                tr("{:.2f} to {:.2f}").format(low, high) if low and high else "",
                p_cell(factor["p"], factor["established"]),
            )
            for j, text in enumerate(texts):
                self.table.setItem(i, j, QTableWidgetItem(text))
        height = self.table.horizontalHeader().sizeHint().height() + 6
        self.table.setFixedHeight(height + sum(self.table.rowHeight(i) for i in range(len(rows))))
        self.table.setVisible(bool(rows))
        self.chart.show_rows(rows)

    def refresh(self) -> None:
        registry = QgsApplication.processingRegistry()
        results = self.draft.results
        self.test.setVisible("OUTPUT_VALIDATION" in results)
        self.zoom.setVisible(self.iface is not None)
        place = first_place(str(results.get("OUTPUT_PLACES", "")))
        self.zoom.setEnabled(place is not None)
        self.layout_.setVisible(registry.algorithmById("rtm:briefing") is not None)
        self.no_place.setText(self._without_places() if results and place is None else "")
        for widget in self.further.values():
            widget.setEnabled(self._testing is None and bool(results))
        self.stop_test.setVisible(self._testing is not None)

    def _without_places(self) -> str:
        """Why there is nothing to zoom to."""
        return tr(
            "Every cell has the same score, so there is no priority place: no factor tells cells apart. Try other "
            "factors, or more events, and run again; the patrol places come of the forecast and need no factor."
        )

    def _test(self, test: str) -> None:
        """Start a further test in the folder of the results, with the study that lies there."""
        folder = Path(self.draft.folder)
        take_out(folder, FURTHER_RESULTS)
        parameters = {"STUDY": str(folder / STUDY_FILE), "TEST": test, "OUTPUT_FOLDER": str(folder)}
        self._testing = Job("rtm:teststudy", parameters)
        self._testing.feedback.told.connect(self._test_told)
        self._testing.finished.connect(self._tested)
        self.message.setText(tr("The test has begun …"))
        self._testing.start()
        self.refresh()

    def stop(self) -> None:
        """Stop a further test."""
        if self._testing is not None:
            self._testing.cancel()

    def _test_told(self, kind: str, text: str) -> None:
        if kind == "stage" and self._testing is not None:
            self.message.setText(text)

    def _tested(self, ok: bool, results: dict[str, Any]) -> None:
        job, self._testing = self._testing, None
        if ok and "SUMMARY" in results:
            self.message.setText(tr("{} The table is in the project.").format(results["SUMMARY"]))
            self._show_table(str(results.get("OUTPUT", "")))
        elif job is not None and job.feedback.isCanceled():
            self.message.setText(tr("The test was stopped."))
        else:
            self.message.setText(job.error if job is not None else "")
        self.refresh()

    def _show_table(self, path: str) -> None:
        """Open the table of the test, where there is a desktop to open it in."""
        table = project_layer(LayerRef(path, Path(path).stem)) if path else None
        if self.iface is not None and isinstance(table, QgsVectorLayer):
            self.iface.showAttributeTable(table)

    def _open_report(self) -> None:
        self._open(self.draft.results.get("OUTPUT_REPORT", ""))

    def _open_validation(self) -> None:
        self._open(self.draft.results.get("OUTPUT_VALIDATION", ""))

    def _open(self, path: str) -> None:
        self.message.setText(open_file(path))

    def _zoom(self) -> None:
        place = first_place(str(self.draft.results.get("OUTPUT_PLACES", "")))
        if place is None:
            self.message.setText(tr("No cell met the rule for priority places."))
        elif self.iface is not None:
            place.scale(3)
            canvas = self.iface.mapCanvas()
            canvas.setExtent(place)
            canvas.refresh()

    def _make_layout(self) -> None:
        self._job = make_briefing(
            QgsRasterLayer(str(self.draft.results.get("OUTPUT_TERRAIN", ""))), self.message.setText
        )

    def _save_model(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, tr("Save as graphical model"), "study.model3", tr("Model (*.model3)")
        )
        if path:
            self.save_model(path if path.lower().endswith(".model3") else f"{path}.model3")

    def save_model(self, path: str) -> None:
        """Write the study as a model for QGIS's graphical modeller."""
        self._model_file = path
        parameters = {"STUDY": self.draft.study.to_json(), "OUTPUT": path, "ALLOW_REMOTE": self.draft.allow_remote}
        self._job = Job("rtm:studymodel", parameters, quiet=True)
        self._job.finished.connect(self._model_saved)
        self._job.start()

    def _model_saved(self, ok: bool, _: dict[str, Any]) -> None:
        saved = tr("Saved as {}; open it in the graphical modeller.").format(Path(self._model_file).name)
        self.message.setText(saved if ok else self._job.error)
