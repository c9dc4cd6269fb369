"""Third page: the events to explain, and later ones to test the map on."""

from qgis.core import Qgis
from qgis.gui import QgsFieldComboBox
from qgis.PyQt.QtWidgets import QGroupBox

from ...adapters.feedback import tr
from ...core.errors import RtmError
from ...core.findings import Finding, ordered
from ...core.study_document import LayerRef, Window
from ..layers import expression_problem, project_layer, reference, refusal_of_layer
from .page import DayEdit, FilterEdit, LayerChoice, Page, column, form, refusal_of, row, text_label

_Filter = Qgis.LayerFilter


class OutcomePage(Page):
    """Outcome events, their window, later events."""

    NAME = "outcome"
    TITLE = tr("Outcome events")
    EXPLANATION = tr(
        "The crimes or incidents to explain, as points. With a date field you can fit on one period and test the map "
        "on a later one, which is the only fair test of it."
    )

    def build(self) -> None:
        points = _Filter.PointLayer | _Filter.NoGeometry
        self.layer, self.filter = LayerChoice("outcome_layer", points), FilterEdit("outcome_filter")
        self.date = QgsFieldComboBox()
        self.date.setObjectName("outcome_date")
        self.date.setAllowEmptyFieldName(True)
        self.fit = DayEdit("outcome_fit_start"), DayEdit("outcome_fit_end")
        self.later = LayerChoice("outcome_later_layer", points, empty=tr("the same layer, in the test window"))
        self.later_filter = FilterEdit("outcome_later_filter")
        self.test = DayEdit("outcome_test_start"), DayEdit("outcome_test_end")
        self.told = text_label("outcome_told")
        fields = form()
        fields.addRow(tr("&Events"), self.layer)
        fields.addRow(tr("&Filter"), self.filter)
        fields.addRow(tr("&Date field"), self.date)
        fields.addRow(tr("F&it on events from, to"), row(*self.fit, even=True))
        self.test_group = QGroupBox(tr("Later events, to test the map (optional)"))
        later = form()
        later.addRow(tr("Events &of"), self.later)
        later.addRow(tr("Filter of them"), self.later_filter)
        later.addRow(tr("&Test on events from, to"), row(*self.test, even=True))
        self.test_group.setLayout(later)
        column(self, fields, self.test_group, self.told)
        self.layer.changed.connect(self.by_hand(self._layer_chosen))
        self.later.changed.connect(self.by_hand(self._layer_chosen))
        self.date.fieldChanged.connect(self.by_hand(self._take))
        for filter_ in (self.filter, self.later_filter):
            filter_.edited.connect(self.by_hand(self._take))
        for day in (*self.fit, *self.test):
            day.dateValueChanged.connect(self.by_hand(self._take))

    def fill(self) -> None:
        study = self.draft.study
        layer, later = project_layer(study.events), project_layer(study.later_events)
        self.layer.show(layer)
        self.later.show(later)
        self.filter.layer, self.later_filter.layer = layer, later
        self.date.setLayer(layer)
        self.date.setField(study.date_field)
        self.filter.line.setText(study.events.filter if study.events else "")
        self.later_filter.line.setText(study.later_events.filter if study.later_events else "")
        for days, window in ((self.fit, study.fit), (self.test, study.test)):
            for edit, day in zip(days, (window.start, window.end), strict=True):
                edit.show_day(day)
        self._enable()

    def refresh(self) -> None:
        study = self.draft.study
        if study.events is None or study.study_area is None or study.outcome_problem():
            self.told.setText("")
            return
        facts = self.facts.outcome()
        if facts is None or "refused" in facts:
            self.told.setText(tr("Counting …") if facts is None else "")
            return
        self.told.setText("\n".join(_lines(facts)))

    def reason(self) -> str:
        refusal = refusal_of_layer(self.layer.layer) or refusal_of_layer(self.later.layer)
        for filter_ in (self.filter, self.later_filter):
            refusal = refusal or expression_problem(filter_.layer, filter_.text)
        refusal = refusal or self._window_problem()
        if self.draft.study.events is None:
            return refusal or tr("Choose the layer of the events.")
        return refusal or self.draft.study.outcome_problem() or refusal_of(self.facts.outcome())

    def _window_problem(self) -> str:
        for days in (self.fit, self.test):
            try:
                Window(days[0].day, days[1].day)
            except RtmError as error:
                return str(error)
        return ""

    def _layer_chosen(self) -> None:
        layer = self.layer.layer
        self._filling = True
        if self.filter.layer is not layer:
            self.filter.line.clear()
            self.date.setLayer(layer)
            self.date.setField("")
        if self.later_filter.layer is not self.later.layer:
            self.later_filter.line.clear()
        self._filling = False
        self.filter.layer, self.later_filter.layer = layer, self.later.layer
        self._enable()
        self._take()

    def _take(self) -> None:
        if self._window_problem():
            return  # the reason says so
        self.draft.set(
            events=_kept(self.layer, self.filter),
            later_events=_kept(self.later, self.later_filter),
            date_field=self.date.currentField(),
            fit=Window(self.fit[0].day, self.fit[1].day),
            test=Window(self.test[0].day, self.test[1].day),
        )

    def _enable(self) -> None:
        self.later_filter.setEnabled(self.later.layer is not None)


def _kept(choice: LayerChoice, filter_: FilterEdit) -> LayerRef | None:
    layer = choice.layer
    if layer is None or refusal_of_layer(layer) or expression_problem(layer, filter_.text):
        return None
    return reference(layer, filter_.text)


def _lines(facts: dict) -> list[str]:
    """What was found of the events, warnings first, in the sentences of log and report."""
    lines = [finding.text for finding in ordered(map(Finding.from_dict, facts["findings"]))]
    if facts.get("dates"):
        lines.append(tr("The layer's dates run from {}.").format(facts["dates"]))
    if "later" in facts:
        lines.append(tr("{:,} later events inside the study area will test the map.").format(facts["later"]))
    return lines
