"""Fifth page: title, priority places and patrol places; the rest has good defaults and is folded."""

from collections.abc import Mapping
from dataclasses import replace

from qgis.PyQt.QtWidgets import QDoubleSpinBox, QLineEdit

from ...adapters.feedback import tr
from ...adapters.layers import layer_choice
from ...adapters.preferences import load_preferences, plain_marking
from ...core.documents.layer_words import proposed_title
from ...core.documents.patrol_settings import PatrolSettings
from ...core.documents.settings import GridSettings, PlaceSettings, SelectionSettings
from ...core.documents.study_document import StudyDocument
from ...core.errors import RtmError
from ..layers import project_layer
from ..settings import marking_choice, show_marking
from .page import Page, column, folded, form, text_label
from .setting_fields import SettingFields


class SettingsPage(Page):
    """What the study is called, what becomes a priority place, how the model is chosen."""

    NAME = "settings"
    TITLE = tr("Settings")
    EXPLANATION = tr(
        "Give the study a title, and say which cells become priority places, where to work on what drives the events, "
        "and how much ground becomes patrol places, where to be present. The rest has good defaults; leave them unless "
        "you have a reason."
    )

    def build(self) -> None:
        self._proposed = ""
        self.title = QLineEdit()
        self.title.setObjectName("settings_title")
        self.title.setPlaceholderText(tr("such as: Robbery in Northbridge BCU, 2024"))
        self.places, self.selection = (
            SettingFields("settings", PlaceSettings),
            SettingFields("settings", SelectionSettings),
        )
        self.patrol = SettingFields("settings_patrol", PatrolSettings)
        self.grid, self.cards = SettingFields("settings", GridSettings), SettingFields("settings", StudyDocument)
        self.marking = marking_choice(load_preferences(), "")
        self.marking.setObjectName("settings_marking")
        fields = form()
        fields.addRow(tr("&Title"), self.title)
        fields.addRow(tr("Protective &marking"), self.marking)
        self.places.add_to(fields)
        self.patrol.add_to(fields)
        more = form()
        for settings in (self.selection, self.grid, self.cards):
            settings.add_to(more)
        self.advanced = folded("settings_advanced", more)
        self.message = text_label("settings_message")
        column(self, fields, self.message, self.advanced)
        take = self.by_hand(self._take)
        self.title.textChanged.connect(take)
        self.marking.currentTextChanged.connect(take)
        self.places.when_changed(self._place_changed)
        self.patrol.when_changed(self._patrol_changed)
        for settings in (self.selection, self.grid, self.cards):
            settings.when_changed(take)

    def fill(self) -> None:
        self._propose_title()
        study = self.draft.study
        self.title.setText(study.title)
        show_marking(self.marking, load_preferences().marking if study.marking is None else study.marking)
        self.places.show(study.places)
        self.patrol.show(study.patrol)
        self.selection.show(study.selection)
        self.grid.show(study.grid)
        self.cards.show(study)

    def _propose_title(self) -> None:
        """Crime, place and period as a title, until the analyst gives another."""
        study = self.draft.study
        if study.events is None or study.study_area is None or study.title.strip() not in ("", self._proposed):
            return
        events, area = (
            layer_choice(ref.name, project_layer(ref), ref.filter) for ref in (study.events, study.study_area)
        )
        self._proposed = proposed_title(events, area, study.fit.period)
        self.draft.set(title=self._proposed)

    def reason(self) -> str:
        if not self.draft.study.title.strip():
            return tr("Give the study a title; it heads the report and names the group of layers.")
        try:
            marking = plain_marking(self.marking.currentText())
        except RtmError as error:
            return str(error)
        refusal = load_preferences().refusal_of_marking(marking)
        if refusal:
            return refusal
        return self._problem()

    def _problem(self) -> str:
        try:
            self._places()
            self._patrol()
        except RtmError as error:
            return str(error)
        return ""

    def _places(self) -> PlaceSettings:
        return PlaceSettings(**self.places.values)

    def _patrol(self) -> PatrolSettings:
        return PatrolSettings(**self.patrol.values)

    def _place_changed(self, name: str) -> None:
        """Take the change; a rule that was chosen first gets a value that means something under it."""
        self.by_hand(self._rule_chosen if name == "rule" else self._take)()

    def _rule_chosen(self) -> None:
        self._begin_with(self.places.fields["value"], {"class": 2.0, "share": 5.0, "count": 100.0}, self.places)

    def _patrol_changed(self, name: str) -> None:
        """The same of patrol places."""
        self.by_hand(self._budget_chosen if name == "rule" else self._take)()

    def _budget_chosen(self) -> None:
        self._begin_with(self.patrol.fields["budget"], {"share": 1.0, "count": 10.0, "area": 20.0}, self.patrol)

    def _begin_with(self, field: QDoubleSpinBox, values: Mapping[str, float], settings: SettingFields) -> None:
        """Give a number the value that it begins with under the rule chosen."""
        self._filling = True
        field.setValue(values[settings.value("rule")])
        self._filling = False
        self._take()

    def _take(self) -> None:
        study, problem = self.draft.study, self._problem()
        places = study.places if problem else self._places()
        self.draft.set(
            title=self.title.text(),
            marking=self.marking.currentText().strip(),
            places=places,
            patrol=study.patrol if problem else self._patrol(),
            selection=replace(study.selection, **self.selection.values),
            grid=replace(study.grid, **self.grid.values),
            **self.cards.values,
        )
