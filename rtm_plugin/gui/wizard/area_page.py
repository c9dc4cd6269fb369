"""Second page: where, and how fine."""

from dataclasses import replace

from qgis.core import Qgis, QgsExpression
from qgis.gui import QgsFieldComboBox
from qgis.PyQt.QtWidgets import QComboBox, QDoubleSpinBox

from ...adapters.feedback import tr
from ...core.errors import RtmError
from ...core.study import GridSettings
from ..layers import project_layer, reference, refusal_of_layer
from ..tasks import Job
from .page import LayerChoice, Page, button, column, form, refusal_of, row, text_label

_MOST_FEATURES = 500
_Filter = Qgis.LayerFilter


class AreaPage(Page):
    """Study area, block length, cell size, ground to leave out."""

    NAME = "area"
    TITLE = tr("Study area")
    EXPLANATION = tr(
        "The study area is cut into square cells, half a street block wide. Choose the layer of its boundary, in a "
        "projected coordinate system, and say how long a block is."
    )

    def build(self) -> None:
        self._job: Job | None = None
        self.layer = LayerChoice("area_layer", _Filter.PolygonLayer)
        self.field = QgsFieldComboBox()
        self.field.setObjectName("area_field")
        self.field.setAllowEmptyFieldName(True)
        self.feature = QComboBox()
        self.feature.setObjectName("area_feature")
        self.block = _length("area_block", 0.001)
        self.streets = LayerChoice("area_streets", _Filter.LineLayer, empty=tr("A layer of streets …"))
        self.measure = button("area_measure", tr("&Measure"), self._measure)
        self.measured = text_label("area_measured")
        self.cell = _length("area_cell", 0.0)
        self.cell.setSpecialValueText(tr("half a block"))
        self.exclude = LayerChoice("area_exclude", _Filter.PolygonLayer, optional=True)
        self.told = text_label("area_told")
        fields = form()
        fields.addRow(tr("Boundar&y"), self.layer)
        fields.addRow(tr("Feature chosen by"), row(self.field, self.feature))
        fields.addRow(tr("Block &length"), self.block)
        fields.addRow(tr("Measure it from"), row(self.streets, self.measure))
        fields.addRow("", self.measured)
        fields.addRow(tr("Cell &size"), self.cell)
        fields.addRow(tr("Ground to leave &out"), self.exclude)
        column(self, fields, self.told)
        self.layer.changed.connect(self.by_hand(self._layer_chosen))
        self.field.fieldChanged.connect(self.by_hand(self._field_chosen))
        self.feature.currentIndexChanged.connect(self.by_hand(self._feature_chosen))
        self.exclude.changed.connect(self.by_hand(self._exclude_chosen))
        for spin in (self.block, self.cell):
            spin.valueChanged.connect(self.by_hand(self._lengths_changed))

    def fill(self) -> None:
        study = self.draft.study
        layer = project_layer(study.study_area)
        self.layer.show(layer)
        self.field.setLayer(layer)
        equal, field, value = _equality(study.study_area.filter if study.study_area else "")
        self.field.setField(field if equal else "")
        self._list_features()
        if equal:
            self.feature.setCurrentIndex(max(self.feature.findData(value), 0))
        self.exclude.show(project_layer(study.exclude))
        self.block.setValue(study.grid.block_length)
        self.cell.setValue(study.grid.cell_size or 0.0)

    def refresh(self) -> None:
        facts = self.facts.area() if self.draft.study.study_area is not None else {}
        if facts and "refused" not in facts:
            self.told.setText(
                tr(
                    "{:,} cells of {:g} {} cover {:,.2f} square km in {}, which is projected: good. The study area "
                    "itself, within its boundary, has {:,.2f} square km."
                ).format(
                    facts["cells"],
                    self.draft.study.grid.size,
                    facts["units"],
                    facts["cells_square_km"],
                    facts["crs"],
                    facts["square_km"],
                )
            )
        else:
            self.told.setText(tr("Counting …") if facts is None else "")

    def reason(self) -> str:
        for choice in (self.layer, self.exclude):
            refusal = refusal_of_layer(choice.layer)
            if refusal:
                return refusal
        study = self.draft.study
        if study.study_area is None:
            return tr("Choose the layer that holds the boundary of the study area.")
        if self.cell.value() > self.block.value():
            return tr("The cell size is larger than the block length; choose cells of half a block or smaller.")
        return refusal_of(self.facts.area())

    def _layer_chosen(self) -> None:
        layer = self.layer.layer
        self._filling = True
        self.field.setLayer(layer)
        self.field.setField("")
        self._list_features()
        self._filling = False
        usable = layer is not None and not refusal_of_layer(layer)
        self.draft.set(study_area=reference(layer) if usable else None)

    def _field_chosen(self) -> None:
        self._filling = True
        self._list_features()
        self._filling = False
        self._feature_chosen()

    def _list_features(self) -> None:
        """The names in the field, a few hundred at most."""
        self.feature.clear()
        self.feature.addItem(tr("all features"), None)
        layer, field = self.layer.layer, self.field.currentField()
        if layer is not None and field:
            values = layer.uniqueValues(layer.fields().lookupField(field), _MOST_FEATURES)
            for value in sorted(values, key=str):
                self.feature.addItem(str(value), value)
        self.feature.setEnabled(self.feature.count() > 1)

    def _feature_chosen(self) -> None:
        ref, value = self.draft.study.study_area, self.feature.currentData()
        if ref is not None:
            chosen = (
                "" if value is None else QgsExpression.createFieldEqualityExpression(self.field.currentField(), value)
            )
            self.draft.set(study_area=replace(ref, filter=chosen))

    def _exclude_chosen(self) -> None:
        layer = self.exclude.layer
        usable = layer is not None and not refusal_of_layer(layer)
        self.draft.set(exclude=reference(layer) if usable else None)

    def _lengths_changed(self) -> None:
        old = self.draft.study.grid
        try:
            grid = GridSettings(self.block.value(), self.cell.value() or None, old.cell_rule, old.grid_origin)
        except RtmError:
            return  # the reason says so; the draft keeps the last length that was possible
        self.draft.set(grid=grid)

    def _measure(self) -> None:
        streets, ref = self.streets.layer, self.draft.study.study_area
        if streets is None or ref is None:
            self.measured.setText(tr("Choose the boundary and a layer of streets first."))
            return
        self.measured.setText(tr("Measuring …"))
        self.measure.setEnabled(False)
        asked = {"STUDY_AREA": ref.source, "STREETS": streets.source()}
        self._job = Job("rtm:blocklength", asked, quiet=True)
        self._job.finished.connect(self._measured)
        self._job.start()

    def _measured(self, ok: bool, found: dict[str, float]) -> None:
        job, self._job = self._job, None
        if ok:
            length = round(found["BLOCK_LENGTH"])
            self.measured.setText(
                tr("{:,} blocks, on average {:,.0f} long.").format(found["BLOCK_COUNT"], found["BLOCK_LENGTH"])
            )
            self.block.setValue(max(length, 1))
        else:
            self.measured.setText(job.error if job else "")
        self.measure.setEnabled(True)


def _length(name: str, least: float) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setObjectName(name)
    spin.setRange(least, 1_000_000)
    spin.setDecimals(2)
    spin.setSingleStep(10)
    spin.setKeyboardTracking(False)
    return spin


def _equality(text: str) -> tuple[bool, str, object]:
    """The field and value of "field" = value."""
    equal, field, value = QgsExpression.isFieldEqualityExpression(text) if text else (False, "", None)
    return equal, field, value
