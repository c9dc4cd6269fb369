"""The fields of a page for settings that core declares: made, shown and read, whatever settings there are."""

import math
from collections.abc import Callable
from typing import Any

from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QSpinBox, QWidget

from ...adapters.feedback import tr
from ...core.documents.declaration import Setting, settings_of
from .page import Form


class SettingFields:
    """A field for each setting of a dataclass that has a label in the wizard.

    Parameters
    ----------
    page : str
        Begins the names of the fields: "settings" makes "settings_folds".
    kind : type
        The dataclass.
    """

    def __init__(self, page: str, kind: type[Any]) -> None:
        self._declared = {name: declared for name, declared in settings_of(kind).items() if declared.page}
        self.fields = {name: _field(declared) for name, declared in self._declared.items()}
        for name, field in self.fields.items():
            field.setObjectName(f"{page}_{name}")

    def label(self, name: str) -> str:
        """What stands beside a field."""
        return tr(self._declared[name].page)

    def add_to(self, form: Form, *without: str) -> None:
        """All fields, a row each in the order of the declarations, but for those named."""
        for name, field in self.fields.items():
            if name not in without:
                form.addRow("" if isinstance(field, QCheckBox) else self.label(name), field)

    def when_changed(self, work: Callable[[str], Any]) -> None:
        """Call `work` with the name of a setting whenever its field changes."""
        for name, field in self.fields.items():
            if isinstance(field, QComboBox):
                field.activated.connect(lambda *_, name=name: work(name))
            elif isinstance(field, QCheckBox):
                field.toggled.connect(lambda *_, name=name: work(name))
            else:
                field.valueChanged.connect(lambda *_, name=name: work(name))

    def show(self, settings: Any) -> None:
        """Fill the fields from the settings."""
        for name, field in self.fields.items():
            value = getattr(settings, name)
            if isinstance(field, QComboBox):
                field.setCurrentIndex(field.findData(value))
            elif isinstance(field, QCheckBox):
                field.setChecked(value)
            else:
                field.setValue(value or 0)

    def value(self, name: str) -> Any:
        """What one field holds; the least number of a field that may be empty stands for None."""
        field = self.fields[name]
        if isinstance(field, QComboBox):
            return field.currentData()
        if isinstance(field, QCheckBox):
            return field.isChecked()
        return (field.value() or None) if self._declared[name].optional else field.value()

    @property
    def values(self) -> dict[str, Any]:
        """What the fields hold, by setting."""
        return {name: self.value(name) for name in self.fields}


def _field(declared: Setting) -> QWidget:
    if declared.kind == "switch":
        return QCheckBox(tr(declared.page))
    if declared.kind == "choice":
        return _choice(declared)
    whole = declared.kind == "whole"
    spin = QSpinBox() if whole else QDoubleSpinBox()
    least = declared.least if math.isfinite(declared.least) else 0
    most = min(declared.most, declared.typed_most)
    spin.setRange(*((int(least), int(most)) if whole else (least, most)))
    if not whole:
        spin.setDecimals(declared.decimals)
        spin.setSingleStep(declared.step)
    if declared.when_empty:
        spin.setSpecialValueText(tr(declared.when_empty))
    spin.setKeyboardTracking(False)
    return spin


def _choice(declared: Setting) -> QComboBox:
    """The words of a choice, or what they are called; long names do not widen the page."""
    combo = QComboBox()
    if declared.words:
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(20)
    for word in declared.choices:
        combo.addItem(tr(declared.words[word]) if declared.words else word, word)
    return combo
