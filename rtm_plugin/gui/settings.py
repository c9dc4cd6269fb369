"""The page "Risk terrain" in QGIS's options."""

from dataclasses import replace
from pathlib import Path

from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QGroupBox,
    QLabel,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ..adapters.feedback import tr
from ..adapters.preferences import Preferences, load_preferences, save_preferences
from ..core.documents.factor_settings import INCREMENTS, MAX_BLOCKS, OPERATIONALISATIONS


def marking_choice(rules: Preferences, marking: str) -> QComboBox:
    """A list of markings: free text as well, unless the force says which there are."""
    box = QComboBox()
    box.addItems(rules.marking_choices)
    box.setEditable(not rules.markings)
    show_marking(box, marking)
    return box


def show_marking(box: QComboBox, marking: str) -> None:
    """Choose a marking; one that the force's list lacks stays in sight, so that it can be refused by name."""
    if box.findText(marking) < 0:
        box.addItem(marking)
    box.setCurrentText(marking)


class SettingsFactory(QgsOptionsWidgetFactory):
    """Makes the page whenever the options are opened."""

    def __init__(self, icon: str) -> None:
        super().__init__(tr("Risk terrain"), QIcon(icon))

    def createWidget(self, parent: QWidget) -> QgsOptionsPageWidget:
        """A page with the settings in force."""
        return SettingsPage(parent)


class SettingsPage(QgsOptionsPageWidget):
    """Shows the settings in force; `apply` keeps what was changed."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(parent)
        self._now = now = load_preferences()
        self.analyst = QLineEdit(now.analyst, self)
        self.unit = QLineEdit(now.unit, self)
        self.licence = QLineEdit(now.licence, self)
        self.marking = marking_choice(now, now.marking)
        self.study_folder = self._folder(now.study_folder)
        self.output_folder = self._folder(now.output_folder)
        self.lost = QLabel(self)
        self.lost.setWordWrap(True)
        self.lost.setTextFormat(Qt.TextFormat.PlainText)
        self.block_length = QDoubleSpinBox(self)
        self.block_length.setRange(0.01, 1_000_000)
        self.block_length.setSuffix(tr(" map units"))
        self.block_length.setValue(now.block_length)
        self.max_blocks = QSpinBox(self)
        self.max_blocks.setRange(1, MAX_BLOCKS)
        self.max_blocks.setValue(now.max_blocks)
        self.increment = self._choice(INCREMENTS, now.increment)
        self.operationalisation = self._choice(OPERATIONALISATIONS, now.operationalisation)
        self._lay_out()

    def _lay_out(self) -> None:
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(
            self._group(
                tr("On reports, layouts and model files"),
                (tr("Analyst"), self.analyst),
                (tr("Unit"), self.unit),
                (tr("Licence reference"), self.licence),
                (tr("Protective marking"), self.marking),
            )
        )
        page.addWidget(
            self._group(tr("Folders"), (tr("Studies"), self.study_folder), (tr("Results"), self.output_folder))
        )
        page.addWidget(
            self._group(
                tr("A new study begins with"),
                (tr("Block length"), self.block_length),
                (tr("Largest influence, in blocks"), self.max_blocks),
                (tr("Increment"), self.increment),
                (tr("Operationalisation"), self.operationalisation),
            )
        )
        page.addWidget(self.lost)
        for widget in (self.study_folder, self.output_folder):
            widget.fileChanged.connect(self._look_for_folders)
        self._look_for_folders()
        note = QLabel(tr("What you leave alone follows the defaults of your force, where it has set any."), self)
        note.setWordWrap(True)
        page.addWidget(note)
        page.addStretch(1)

    def _look_for_folders(self) -> None:
        """Say which folder is not there, as a study would not be found or written in it."""
        paths = [widget.filePath() for widget in (self.study_folder, self.output_folder)]
        lost = [path for path in paths if path and not Path(path).is_dir()]
        self.lost.setText(
            "\n".join(tr("The folder {} is not there; choose another one.").format(path) for path in lost)
        )

    def _group(self, title: str, *rows: tuple[str, QWidget]) -> QGroupBox:
        box = QGroupBox(title, self)
        form = QFormLayout(box)
        for label, widget in rows:
            form.addRow(label, widget)
        return box

    def _folder(self, path: str) -> QgsFileWidget:
        widget = QgsFileWidget(self)
        widget.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        widget.setFilePath(path)
        return widget

    def _choice(self, words: tuple[str, ...], now: str) -> QComboBox:
        box = QComboBox(self)
        box.addItems(words)
        box.setCurrentText(now)
        return box

    @property
    def chosen(self) -> Preferences:
        """What the page shows."""
        return replace(
            self._now,
            analyst=self.analyst.text().strip(),
            unit=self.unit.text().strip(),
            licence=self.licence.text().strip(),
            marking=self.marking.currentText().strip(),
            study_folder=self.study_folder.filePath(),
            output_folder=self.output_folder.filePath(),
            block_length=self.block_length.value(),
            max_blocks=self.max_blocks.value(),
            increment=self.increment.currentText(),
            operationalisation=self.operationalisation.currentText(),
        )

    def apply(self) -> None:
        """Called by QGIS when the options are accepted."""
        save_preferences(self.chosen)
