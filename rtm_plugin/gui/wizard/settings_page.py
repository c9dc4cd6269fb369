"""Fifth page: title and priority places; the rest has good defaults and is folded."""

from dataclasses import replace

from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox

from ...adapters.feedback import tr
from ...adapters.layers import layer_choice
from ...adapters.preferences import load_preferences, plain_marking
from ...core.documents.layer_words import proposed_title
from ...core.documents.settings import CELL_RULES, FAMILY_CHOICES, GRID_ORIGINS, MOST_CARDS, PLACE_RULES, PlaceSettings
from ...core.errors import RtmError
from ..layers import project_layer
from ..settings import marking_choice, show_marking
from .page import Page, column, folded, form, text_label

_RULES = {
    "class": tr("cells that score above the mean plus so many standard deviations"),
    "share": tr("the highest-scored percent of the cells"),
    "count": tr("the highest-scored cells, so many"),
}
_FAMILIES = {
    "auto": tr("Poisson or negative binomial as in RTMDx (NB1), the lower BIC"),
    "poisson": tr("Poisson"),
    "nb1": tr("negative binomial, linear variance (NB1)"),
    "nb2": tr("negative binomial, quadratic variance (NB2)"),
    "all": tr("all three, the lowest BIC"),
}
_CELLS = {"intersects": tr("share ground with the study area"), "centre": tr("have their centre in the study area")}
_ORIGINS = {
    "aligned": tr("multiples of the cell size, so that areas and runs share cells"),
    "corner": tr("the lower left corner of the study area"),
}


class SettingsPage(Page):
    """What the study is called, what becomes a priority place, how the model is chosen."""

    NAME = "settings"
    TITLE = tr("Settings")
    EXPLANATION = tr(
        "Give the study a title, and say which cells become priority places. The defaults of the rest are those of "
        "RTMDx; leave them unless you have a reason."
    )

    def build(self) -> None:
        self._proposed = ""
        self.title = QLineEdit()
        self.title.setObjectName("settings_title")
        self.title.setPlaceholderText(tr("such as: Robbery in Northbridge BCU, 2024"))
        self.rule = _choice("settings_rule", PLACE_RULES, _RULES)
        self.value = _number("settings_value", 0, 1_000_000, 1)
        self.max_area = _number("settings_max_area", 0, 1e12, 0)
        self.max_area.setSpecialValueText(tr("as large as they are"))
        self.max_area.setSingleStep(10_000)
        self.marking = marking_choice(load_preferences(), "")
        self.marking.setObjectName("settings_marking")
        fields = form()
        fields.addRow(tr("&Title"), self.title)
        fields.addRow(tr("Protective &marking"), self.marking)
        fields.addRow(tr("&Priority places are"), self.rule)
        fields.addRow(tr("&Value"), self.value)
        fields.addRow(tr("Split places larger than (square map &units)"), self.max_area)
        self.family = _choice("settings_family", FAMILY_CHOICES, _FAMILIES)
        self.folds = _whole("settings_folds", 2, 50)
        self.seed = _whole("settings_seed", 0, 2**31 - 1)
        self.cards = _whole("settings_cards", 0, MOST_CARDS)
        self.cull = QCheckBox(tr("Cull candidates with an elastic net first (the standard)"))
        self.cull.setObjectName("settings_cull")
        self.cell_rule = _choice("settings_cell_rule", CELL_RULES, _CELLS)
        self.origin = _choice("settings_grid_origin", GRID_ORIGINS, _ORIGINS)
        more = form()
        more.addRow(tr("&Distribution of the counts"), self.family)
        more.addRow(tr("&Folds of the cross-validation"), self.folds)
        more.addRow(tr("Se&ed"), self.seed)
        more.addRow("", self.cull)
        more.addRow(tr("Cells are &kept that"), self.cell_rule)
        more.addRow(tr("The grid starts &at"), self.origin)
        more.addRow(tr("Places with a &card in the report"), self.cards)
        self.advanced = folded("settings_advanced", more)
        self.told = text_label("settings_told")
        column(self, fields, self.told, self.advanced)
        take = self.by_hand(self._take)
        self.title.textChanged.connect(take)
        self.marking.currentTextChanged.connect(take)
        self.rule.activated.connect(self.by_hand(self._rule_chosen))
        for spin in (self.value, self.max_area, self.folds, self.seed, self.cards):
            spin.valueChanged.connect(take)
        for combo in (self.family, self.cell_rule, self.origin):
            combo.activated.connect(take)
        self.cull.toggled.connect(take)

    def fill(self) -> None:
        self._propose_title()
        study = self.draft.study
        self.title.setText(study.title)
        show_marking(self.marking, load_preferences().marking if study.marking is None else study.marking)
        _show(self.rule, study.places.rule)
        self.value.setValue(study.places.value)
        self.max_area.setValue(study.places.max_area or 0)
        _show(self.family, study.selection.family)
        self.folds.setValue(study.selection.folds)
        self.seed.setValue(study.selection.seed)
        self.cull.setChecked(study.selection.cull)
        _show(self.cell_rule, study.grid.cell_rule)
        _show(self.origin, study.grid.grid_origin)
        self.cards.setValue(study.cards)

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
        except RtmError as error:
            return str(error)
        return ""

    def _places(self) -> PlaceSettings:
        return PlaceSettings(self.rule.currentData(), self.value.value(), self.max_area.value() or None)

    def _rule_chosen(self) -> None:
        """A value that means something under the new rule."""
        self._filling = True
        self.value.setValue({"class": 2.0, "share": 5.0, "count": 100.0}[self.rule.currentData()])
        self._filling = False
        self._take()

    def _take(self) -> None:
        study = self.draft.study
        places = study.places if self._problem() else self._places()
        self.draft.set(
            title=self.title.text(),
            marking=self.marking.currentText().strip(),
            places=places,
            cards=self.cards.value(),
            selection=replace(
                study.selection,
                family=self.family.currentData(),
                folds=self.folds.value(),
                seed=self.seed.value(),
                cull=self.cull.isChecked(),
            ),
            grid=replace(study.grid, cell_rule=self.cell_rule.currentData(), grid_origin=self.origin.currentData()),
        )


def _choice(name: str, words: tuple[str, ...], labels: dict[str, str]) -> QComboBox:
    combo = QComboBox()
    combo.setObjectName(name)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(20)
    for word in words:
        combo.addItem(labels[word], word)
    return combo


def _show(combo: QComboBox, word: str) -> None:
    combo.setCurrentIndex(combo.findData(word))


def _whole(name: str, least: int, most: int) -> QSpinBox:
    spin = QSpinBox()
    spin.setObjectName(name)
    spin.setRange(least, most)
    spin.setKeyboardTracking(False)
    return spin


def _number(name: str, least: float, most: float, decimals: int) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setObjectName(name)
    spin.setRange(least, most)
    spin.setDecimals(decimals)
    spin.setKeyboardTracking(False)
    return spin
