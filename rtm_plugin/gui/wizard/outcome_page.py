"""Third page: the events to explain, and later ones to test the map on."""

from typing import Any

from qgis.core import QgsFieldProxyModel
from qgis.gui import QgsFieldComboBox
from qgis.PyQt.QtWidgets import QDoubleSpinBox, QGroupBox, QPushButton, QVBoxLayout, QWidget

from ...adapters.feedback import tr
from ...core.documents.findings import Finding, ordered
from ...core.documents.settings import MOST_SMOOTHING
from ...core.documents.study_document import LayerRef, Window
from ...core.errors import RtmError
from ..layers import expression_problem, reference, refusal_of_layer
from .day_edit import DayEdit
from .layer_choice import LayerChoice
from .layers_edit import LayersEdit
from .page import FilterEdit, Page, button, column, folded, form, refusal_of, row, text_label

_EVENTS = ("point", "table")
_MOST_PROPOSALS = 3


class OutcomePage(Page):
    """Outcome events, their window, later events."""

    NAME = "outcome"
    TITLE = tr("Outcome events")
    EXPLANATION = tr(
        "The crimes or incidents to explain, as points. With a date field you can fit on one period and test the map "
        "on a later one, which is the only fair test of it."
    )

    def build(self) -> None:
        self.layer, self.filter = LayerChoice("outcome_layer", _EVENTS), FilterEdit("outcome_filter")
        self.date = QgsFieldComboBox()
        self.date.setObjectName("outcome_date")
        self.date.setAllowEmptyFieldName(True)
        self.fit = DayEdit("outcome_fit_start"), DayEdit("outcome_fit_end")
        self.later = LayerChoice("outcome_later_layer", _EVENTS, empty=tr("the same layer, in the test window"))
        self.later_filter = FilterEdit("outcome_later_filter")
        self.test = DayEdit("outcome_test_start"), DayEdit("outcome_test_end")
        self.message = text_label("outcome_message")
        fields = form()
        fields.addRow(tr("&Events"), self.layer)
        fields.addRow(tr("&Filter"), self.filter)
        fields.addRow(tr("&Date field"), self.date)
        fields.addRow(tr("F&it on events from, to"), row(*self.fit, even=True))
        fields.addRow("", self._proposals())
        self._offered: list[dict[str, Any]] = []
        self._offered_for: tuple[object, ...] = ()
        self.test_group = QGroupBox(tr("Later events, to test the map (optional)"))
        later = form()
        later.addRow(tr("Events &of"), self.later)
        later.addRow(tr("Filter of them"), self.later_filter)
        later.addRow(tr("&Test on events from, to"), row(*self.test, even=True))
        self.test_group.setLayout(later)
        column(self, fields, self.test_group, self.message, self._advanced())
        self.layer.changed.connect(self.by_hand(self._layer_chosen))
        self.later.changed.connect(self.by_hand(self._layer_chosen))
        self.date.fieldChanged.connect(self.by_hand(self._take))
        for filter_ in (self.filter, self.later_filter):
            filter_.edited.connect(self.by_hand(self._take))
        for day in (*self.fit, *self.test):
            day.edited.connect(self.by_hand(self._take))
        self.weight.fieldChanged.connect(self.by_hand(self._take))
        self.exposure.changed.connect(self.by_hand(self._take))
        self.smoothing.valueChanged.connect(self.by_hand(self._take))
        self.adjust.changed.connect(self.by_hand(self._take))
        self.city.changed.connect(self.by_hand(self._take))

    def _proposals(self) -> QWidget:
        """Buttons for the windows that the dates allow; hidden until those are known."""
        holder = QWidget()
        layout = QVBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        self.proposals: list[QPushButton] = []
        for i in range(_MOST_PROPOSALS):
            self.proposals.append(button(f"outcome_propose_{i + 1}", "", lambda i=i: self._propose(i)))
            self.proposals[-1].hide()
            layout.addWidget(self.proposals[-1])
        return holder

    def _advanced(self) -> QWidget:
        """What a row stands for, and what there is for events to happen to."""
        self.weight = QgsFieldComboBox()
        self.weight.setObjectName("outcome_weight")
        self.weight.setAllowEmptyFieldName(True)
        self.weight.setFilters(QgsFieldProxyModel.Filter.Numeric)
        self.exposure = LayerChoice("outcome_exposure", ("raster",), optional=True)
        self.smoothing = QDoubleSpinBox()
        self.smoothing.setObjectName("outcome_exposure_smoothing")
        self.smoothing.setRange(0.0, MOST_SMOOTHING)
        self.smoothing.setDecimals(1)
        self.smoothing.setSpecialValueText(tr("as it is"))
        self.smoothing.setKeyboardTracking(False)
        self.adjust = LayersEdit("outcome_adjust", ("raster",), tr("A raster on the study grid …"))
        self.city = LayersEdit("outcome_city", ("line", "polygon", "point"), tr("Streets, buildings, addresses …"))
        fields = form()
        fields.addRow(tr("Number of events in a ro&w"), self.weight)
        fields.addRow(tr("E&xposure"), self.exposure)
        fields.addRow(tr("s&moothed over so many cells"), self.smoothing)
        fields.addRow(tr("Ad&justments"), self.adjust)
        fields.addRow(tr("Where the &city is"), self.city)
        self.advanced = folded("outcome_advanced", fields)
        return self.advanced

    def fill(self) -> None:
        study = self.draft.study
        self.layer.show_ref(study.events)
        self.later.show_ref(study.later_events)
        layer = self.layer.vector
        self.filter.layer, self.later_filter.layer = layer, self.later.vector
        for field, name in ((self.date, study.date_field), (self.weight, study.weight_field)):
            field.setLayer(layer)
            field.setField(name)
        self.filter.line.setText(study.events.filter if study.events else "")
        self.later_filter.line.setText(study.later_events.filter if study.later_events else "")
        self.exposure.show_ref(study.exposure)
        self.smoothing.setValue(study.exposure_smoothing)
        self.adjust.show_refs(study.adjust)
        self.city.show_refs(study.city)
        if study.weight_field or study.rasters or study.city:
            self.advanced.setCollapsed(False)
        for days, window in ((self.fit, study.fit), (self.test, study.test)):
            for edit, day in zip(days, (window.start, window.end), strict=True):
                edit.show_day(day)
        self._enable()

    def refresh(self) -> None:
        study = self.draft.study
        asked = study.events is not None and study.study_area is not None and not study.outcome_problem()
        facts = self.facts.outcome() if asked else {}
        counted = bool(facts) and "refused" not in facts
        self.message.setText("\n".join(_lines(facts)) if counted else tr("Counting …") if facts is None else "")
        offered_for = study.events, study.date_field, study.later_events
        if counted:
            self._show_proposals(facts.get("proposals", []) if study.later_events is None else [])
        elif offered_for != self._offered_for:
            self._show_proposals([])
        self._offered_for = offered_for

    def _show_proposals(self, proposals: list[dict[str, Any]]) -> None:
        """Offer windows of the outcome's own layer; later events of another layer have their own dates."""
        self._offered = proposals[:_MOST_PROPOSALS]
        for i, proposal in enumerate(self.proposals):
            proposal.setVisible(i < len(self._offered))
            if i < len(self._offered):
                words = self._offered[i]["fit_text"], self._offered[i]["test_text"]
                proposal.setText(tr("Fit on {}, test on {}").format(*words))

    def _propose(self, number: int) -> None:
        """Take the windows that the button names."""
        chosen = self._offered[number]
        self._filling = True
        for days, key in ((self.fit, "fit"), (self.test, "test")):
            for i, edit in enumerate(days):
                edit.show_day(chosen[key][i])
        self._filling = False
        self.by_hand(self._take)()

    def reason(self) -> str:
        refusal = next(filter(None, (refusal_of_layer(choice.layer) for choice in self._choices())), "")
        for filter_ in (self.filter, self.later_filter):
            refusal = refusal or expression_problem(filter_.layer, filter_.text)
        refusal = refusal or self.adjust.problem or self.city.problem or self._window_problem()
        if self.draft.study.events is None:
            return refusal or tr("Choose the layer of the events.")
        return refusal or self.draft.study.outcome_problem() or refusal_of(self.facts.outcome())

    def _choices(self) -> tuple[LayerChoice, ...]:
        return self.layer, self.later, self.exposure

    def _window_problem(self) -> str:
        for days in (self.fit, self.test):
            problem = days[0].problem or days[1].problem
            if problem:
                return problem
            try:
                Window(days[0].day, days[1].day)
            except RtmError as error:
                return str(error)
        return ""

    def _layer_chosen(self) -> None:
        layer = self.layer.vector
        self._filling = True
        if self.filter.layer is not layer:
            self.filter.line.clear()
            for field in (self.date, self.weight):
                field.setLayer(layer)
                field.setField("")
        if self.later_filter.layer is not self.later.vector:
            self.later_filter.line.clear()
        self._filling = False
        self.filter.layer, self.later_filter.layer = layer, self.later.vector
        self._enable()
        self._take()

    def _take(self) -> None:
        if self._window_problem():
            return  # the reason says so
        study = self.draft.study
        lost = self.layer.lost is not None  # its fields cannot be shown; the study keeps them
        self.draft.set(
            events=_kept(self.layer, self.filter, study.events),
            later_events=_kept(self.later, self.later_filter, study.later_events),
            date_field=study.date_field if lost else self.date.currentField(),
            weight_field=study.weight_field if lost else self.weight.currentField(),
            fit=Window(self.fit[0].day, self.fit[1].day),
            test=Window(self.test[0].day, self.test[1].day),
            exposure=_kept(self.exposure, None, study.exposure),
            exposure_smoothing=self.smoothing.value(),
            adjust=self.adjust.refs,
            city=self.city.refs,
        )

    def _enable(self) -> None:
        self.later_filter.setEnabled(self.later.layer is not None)


def _kept(choice: LayerChoice, filter_: FilterEdit | None, before: LayerRef | None) -> LayerRef | None:
    """What the study keeps of a choice; what has left the project stays as it was."""
    if choice.lost is not None:
        return before
    text = filter_.text if filter_ is not None else ""
    layer = choice.layer
    if layer is None or refusal_of_layer(layer) or expression_problem(choice.vector, text):
        return None
    return reference(layer, text)


def _lines(facts: dict) -> list[str]:
    """What was found of the events, warnings first, in the sentences of log and report."""
    lines = [finding.text for finding in ordered(map(Finding.from_dict, facts["findings"]))]
    if facts.get("dates"):
        lines.append(tr("The layer's dates run from {}.").format(facts["dates"]))
    if "later" in facts:
        lines.append(tr("{:,} later events inside the study area will test the map.").format(facts["later"]))
    return lines
