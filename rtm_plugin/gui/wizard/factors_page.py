"""Fourth page: the risk factors, a row each; what is set below counts for all selected rows."""

from dataclasses import replace
from typing import Any

from qgis.core import QgsVectorLayer
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QGridLayout,
    QGroupBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from ...adapters.feedback import tr
from ...adapters.preferences import load_preferences
from ...core.documents.factor_settings import ORIGINS, FactorSettings
from ...core.documents.study_document import Factor
from ...core.errors import RtmError
from ..layers import expression_problem, project_layer, reference
from .add_layers import LayersDialog
from .facts import Facts
from .page import FilterEdit, Page, button, column, drop, folded, form, plain_tip, row, text_label
from .setting_fields import SettingFields

_COLUMNS = (
    tr("Factor"),
    tr("Features near"),
    tr("Operationalisation"),
    tr("Influence"),
    tr("Direction"),
    tr("Origin"),
    tr("Remarks"),
)
_TROUBLE = QColor("#b00020")


class FactorsPage(Page):
    """Which features, how they work, and where the data come from."""

    NAME = "factors"
    TITLE = tr("Risk factors")
    EXPLANATION = tr(
        "Layers of features that may go with the events: bars, stops, parks, paths. Proximity: being near one matters; "
        "density: many of them together; both lets the model decide. Changes below apply to all selected rows."
    )

    def build(self) -> None:
        self.dialog: LayersDialog | None = None
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setObjectName("factors_table")
        self.table.setHorizontalHeaderLabels(_COLUMNS)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.setMinimumHeight(7 * self.fontMetrics().height())
        self.add = button("factors_add", tr("&Add layers …"), self._choose)
        self.remove = button("factors_remove", tr("&Remove"), self._remove)
        self.suggest = button("factors_suggest", tr("S&uggest operationalisation"), self._suggest)
        self.message, self.remark = text_label("factors_message"), text_label("factors_remark")
        self.group = QGroupBox()
        self.group.setLayout(self._settings())
        layout = column(
            self, row(QWidget(), self.add, self.remove, self.suggest), self.table, self.remark, self.group, self.message
        )
        layout.setStretchFactor(self.table, 10)
        self.table.itemSelectionChanged.connect(self._show_selected)

    def _settings(self) -> QGridLayout:
        self.name, self.filter = QLineEdit(), FilterEdit("factors_filter")
        self.name.setObjectName("factors_name")
        self.settings = SettingFields("factors", FactorSettings)
        label, field = self.settings.label, self.settings.fields
        self.origin = _words("factors_origin", ORIGINS)
        more = form()
        self.settings.add_to(more, "operationalisation", "direction", "max_blocks", "increment")
        self.advanced = folded("factors_advanced", more)
        fields = QGridLayout()
        influence = row(field["max_blocks"], QLabel(label("increment")), field["increment"])
        for i, (text, holder, buddy) in enumerate(
            (
                (tr("Na&me"), self.name, self.name),
                (tr("&Filter"), self.filter, self.filter),
                (label("operationalisation"), field["operationalisation"], field["operationalisation"]),
                (label("direction"), field["direction"], field["direction"]),
                (label("max_blocks"), influence, field["max_blocks"]),
                (tr("Ori&gin of the data"), self.origin, self.origin),
            )
        ):
            named = QLabel(text)
            named.setBuddy(buddy)
            fields.addWidget(named, i // 2, i % 2 * 2)
            fields.addWidget(holder, i // 2, i % 2 * 2 + 1)
        fields.setColumnStretch(1, 1)
        fields.setColumnStretch(3, 1)
        fields.addWidget(self.advanced, 3, 0, 1, 4)
        self.name.editingFinished.connect(self.by_hand(self._name_edited))
        self.filter.edited.connect(self.by_hand(self._filter_edited))
        self.settings.when_changed(self._setting_changed)
        self.origin.activated.connect(self.by_hand(lambda: self._change({}, origin=self.origin.currentData())))
        return fields

    def fill(self) -> None:
        selected = self._selected()
        self.table.setRowCount(len(self.draft.study.factors))
        for i, factor in enumerate(self.draft.study.factors):
            self._write_row(i, factor)
        if not selected and self.draft.study.factors:
            self.table.selectRow(0)
        self._show_selected()

    def _write_row(self, i: int, factor: Factor) -> None:
        settings = factor.settings
        step = tr("half blocks") if settings.increment == "half" else tr("whole blocks")
        texts = {
            0: settings.name,
            2: settings.operationalisation,
            3: tr("{} in {}").format(settings.max_blocks, step),
            4: settings.direction,
            5: factor.origin,
        }
        for j in range(len(_COLUMNS)):
            item = self.table.item(i, j) or QTableWidgetItem()
            if j in texts:
                item.setText(texts[j])
            if self.table.item(i, j) is None:
                self.table.setItem(i, j, item)
        self.table.item(i, 0).setToolTip(plain_tip(tr("Layer: {}").format(factor.layer.name)))

    def refresh(self) -> None:
        if self.draft.study.study_area is None:
            return
        for i, (facts, power) in enumerate(zip(self.facts.factors(), self.facts.power(), strict=True)):
            if i >= self.table.rowCount():
                break
            self._write_facts(i, facts, power)
        self.message.setText(
            tr("{:,} factors make {:,} candidate variables.").format(
                len(self.draft.study.factors), self.draft.study.candidate_count
            )
        )
        self._show_remark()

    def _show_remark(self) -> None:
        """The remarks of a selected row in full."""
        rows = self._selected()
        item = self.table.item(rows[0], 6) if len(rows) == 1 else None
        self.remark.setText(item.text() if item is not None else "")
        self.remove.setEnabled(bool(rows))
        self.suggest.setEnabled(bool(rows) and self.draft.study.study_area is not None and any(self.facts.factors()))

    def _write_facts(self, i: int, facts: Facts | None, power: str) -> None:
        near, told, trouble = self.table.item(i, 1), self.table.item(i, 6), False
        if facts is None:
            near.setText("…")
            remark = ""
        elif "refused" in facts:
            near.setText("–")
            remark, trouble = str(facts["refused"]), True
        else:
            count = facts["near"] if facts["near"] is not None else facts["features"]
            near.setText(f"{count:,} {facts['geometry']}{'s' if count != 1 else ''}")
            remark = " ".join([*facts["warnings"], tr("Suggested: {}.").format(facts["operationalisation"])])
            remark = f"{remark} {facts['reason']} {power}".rstrip()
        told.setText(remark)
        told.setToolTip(plain_tip(remark))
        for j in range(len(_COLUMNS)):
            self.table.item(i, j).setForeground(_TROUBLE if trouble else self.palette().text().color())

    def reason(self) -> str:
        study = self.draft.study
        problem = study.factors_problem() or self._filter_problem()
        if problem:
            return problem
        facts = self.facts.factors()
        if any(f is None for f in facts):
            return tr("Counting …")
        return next((str(f["refused"]) for f in facts if f and "refused" in f), "")

    def _filter_problem(self) -> str:
        return expression_problem(self.filter.layer, self.filter.text) if len(self._selected()) == 1 else ""

    def _selected(self) -> list[int]:
        return sorted({index.row() for index in self.table.selectionModel().selectedRows()})

    def _show_selected(self) -> None:
        rows = [i for i in self._selected() if i < len(self.draft.study.factors)]
        before, self._filling = self._filling, True
        self.group.setEnabled(bool(rows))
        self.group.setTitle(
            tr("Settings of the selected factor") if len(rows) == 1 else tr("Settings of {} factors").format(len(rows))
        )
        one = len(rows) == 1
        for widget in (self.name, self.filter):
            widget.setEnabled(one)
        if rows:
            factor = self.draft.study.factors[rows[0]]
            self.name.setText(factor.settings.name if one else "")
            layer = project_layer(factor.layer) if one else None
            self.filter.layer = layer if isinstance(layer, QgsVectorLayer) else None
            self.filter.line.setText(factor.layer.filter if one else "")
            self.settings.show(factor.settings)
            self.origin.setCurrentIndex(self.origin.findData(factor.origin))
        self._filling = before
        self._show_remark()

    def _setting_changed(self, name: str) -> None:
        self.by_hand(lambda: self._change({name: self.settings.value(name)}))()

    def _change(self, changes: dict[str, Any], **of_factor: Any) -> None:
        """Change the settings of all selected factors."""
        factors = list(self.draft.study.factors)
        for i in self._selected():
            try:
                factors[i] = replace(factors[i], settings=replace(factors[i].settings, **changes), **of_factor)
            except RtmError as error:
                self.message.setText(str(error))
                return
        self._take(factors)

    def _take(self, factors: list[Factor]) -> None:
        self.draft.set(factors=tuple(factors))
        before, self._filling = self._filling, True
        self.fill()
        self._filling = before

    def _name_edited(self) -> None:
        if len(self._selected()) == 1 and self.name.text().strip():
            self._change({"name": self.name.text().strip()})

    def _filter_edited(self) -> None:
        rows = self._selected()
        if len(rows) == 1 and not self._filter_problem():
            factors = list(self.draft.study.factors)
            factors[rows[0]] = replace(factors[rows[0]], layer=replace(factors[rows[0]].layer, filter=self.filter.text))
            self._take(factors)

    def _remove(self) -> None:
        rows = set(self._selected())
        self.table.clearSelection()
        self.by_hand(lambda: self._take([f for i, f in enumerate(self.draft.study.factors) if i not in rows]))()

    def _suggest(self) -> None:
        known, factors = self.facts.factors(), list(self.draft.study.factors)
        for i in self._selected():
            facts = known[i]
            if facts and "refused" not in facts:
                settings = replace(factors[i].settings, operationalisation=facts["operationalisation"])
                factors[i] = replace(factors[i], settings=settings)
        self.by_hand(lambda: self._take(factors))()

    def _choose(self) -> None:
        """Offer all layers of the project that are not used yet."""
        drop(self.dialog)
        self.dialog = LayersDialog(self.draft.study, self)
        self.dialog.accepted.connect(lambda: self._add(self.dialog.chosen()))
        self.dialog.open()

    def _add(self, layers: list[QgsVectorLayer]) -> None:
        factors = list(self.draft.study.factors)
        taken = {factor.settings.name for factor in factors}
        mine = load_preferences()
        start = FactorSettings("factor", mine.operationalisation, mine.max_blocks, mine.increment)
        for layer in layers:
            name, number = _plain_name(layer.name()), 2
            while name in taken:
                name, number = f"{_plain_name(layer.name())} {number}", number + 1
            taken.add(name)
            factors.append(Factor(reference(layer), replace(start, name=name)))
        self.by_hand(lambda: self._take(factors))()


def _words(name: str, words: tuple[str, ...]) -> QComboBox:
    combo = QComboBox()
    combo.setObjectName(name)
    for word in words:
        combo.addItem(word, word)
    return combo


def _plain_name(text: str) -> str:
    """A layer's name as a factor's: one line, not too long."""
    return " ".join(text.split())[:100] or tr("factor")
