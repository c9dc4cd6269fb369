"""Fields for declared settings: each kind is shown, changed and read."""

from dataclasses import dataclass, field, replace

import pytest
from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLabel, QSpinBox
from risk_terrain.rtm_plugin.core.documents.declaration import setting
from risk_terrain.rtm_plugin.gui.wizard.page import form
from risk_terrain.rtm_plugin.gui.wizard.setting_fields import SettingFields


@dataclass(frozen=True)
class Tried:
    """A setting of each kind, and one with a widget elsewhere."""

    word: str = field(
        default="b",
        metadata=setting(
            parameter="WORD",
            kind="choice",
            label="",
            help="",
            choices=("a", "b"),
            page="&Word",
            words={"a": "A", "b": "B"},
        ),
    )
    area: float | None = field(
        default=None,
        metadata=setting(
            parameter="AREA", kind="area", label="", help="", optional=True, page="A&rea", when_empty="any", decimals=0
        ),
    )
    folds: int = field(
        default=3,
        metadata=setting(parameter="FOLDS", kind="whole", label="", help="", least=2, most=9, page="&Folds"),
    )
    quick: bool = field(default=True, metadata=setting(parameter="Q", kind="switch", label="", help="", page="&Quick"))
    cut: float = field(default=1.5, metadata=setting(parameter="CUT", kind="number", label="", help="", least=0))


@pytest.fixture
def fields():
    return SettingFields("tried", Tried)


def test_the_right_field_for_each_kind(fields):
    kinds = {name: type(made) for name, made in fields.fields.items()}
    assert kinds == {"word": QComboBox, "area": QDoubleSpinBox, "folds": QSpinBox, "quick": QCheckBox}
    assert [made.objectName() for made in fields.fields.values()] == [
        "tried_word", "tried_area", "tried_folds", "tried_quick",
    ]  # fmt: skip
    assert [fields.fields["word"].itemText(i) for i in range(2)] == ["A", "B"]
    assert (fields.fields["folds"].minimum(), fields.fields["folds"].maximum()) == (2, 9)


@pytest.mark.parametrize("settings", [Tried(), Tried("a", 5000.0, 7, False)])
def test_what_is_shown_is_read(fields, settings):
    fields.show(settings)
    assert replace(Tried(), **fields.values) == replace(settings, cut=1.5)
    assert (fields.fields["area"].text() == "any") is (settings.area is None)


def test_every_change_is_told_with_its_name(fields):
    told = []
    fields.when_changed(told.append)
    fields.fields["folds"].setValue(5)
    fields.fields["area"].setValue(900)
    fields.fields["quick"].click()
    fields.fields["word"].activated.emit(0)
    assert told == ["folds", "area", "quick", "word"]


def test_rows_of_a_form(fields):
    rows = form()
    fields.add_to(rows, "folds")
    labels = [rows.itemAt(i, rows.ItemRole.LabelRole).widget() for i in range(rows.rowCount())]
    assert [label.text() for label in labels] == ["&Word", "A&rea", ""]
    assert all(isinstance(label, QLabel) for label in labels)
