"""Second page: where, how fine, and by what people find places there."""

from dataclasses import replace

from qgis.core import (
    QgsExpression,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingUtils,
)
from qgis.gui import QgsFieldComboBox
from qgis.PyQt.QtWidgets import QComboBox, QDoubleSpinBox

from ...adapters.crs import refusal_of_crs
from ...adapters.feedback import tr
from ...core.documents.declaration import SHORTEST
from ...core.documents.study_document import LayerRef
from ...core.errors import RtmError
from ..layers import expression_problem, reference, refusal_of_layer
from ..tasks import Job
from .layer_choice import LayerChoice
from .page import FilterEdit, Page, SelectedButton, button, column, form, plain_tip, refusal_of, row, text_label

_MOST_FEATURES = 500
_BY_FILTER = object()  # of the list of features: the one that is neither all nor a value of the field


class AreaPage(Page):
    """Study area, block length, cell size, ground to leave out, streets and areas that name places."""

    NAME = "area"
    TITLE = tr("Study area")
    EXPLANATION = tr(
        "The study area is cut into square cells, half a street block wide. Choose the layer of its boundary, in a "
        "projected coordinate system, and say how long a block is."
    )

    def build(self) -> None:
        self._job: Job | None = None
        self.layer = LayerChoice("area_layer", ("polygon",))
        self.field = QgsFieldComboBox()
        self.field.setObjectName("area_field")
        self.field.setAllowEmptyFieldName(True)
        self.feature = QComboBox()
        self.feature.setObjectName("area_feature")
        self.feature.setMinimumContentsLength(12)
        self.feature.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.selected = SelectedButton("area_selected")
        self.block = _length("area_block", SHORTEST)
        self.streets = LayerChoice("area_streets", ("line",), optional=True)
        self.areas = LayerChoice("area_areas", ("polygon",), optional=True)
        self.measure = button("area_measure", tr("&Measure"), self._measure)
        self.measured = text_label("area_measured")
        self.cell = _length("area_cell", 0.0)
        self.cell.setSpecialValueText(tr("half a block"))
        self.exclude = LayerChoice("area_exclude", ("polygon",), optional=True)
        self.exclude_filter = FilterEdit("area_exclude_filter")
        self.message = text_label("area_message")
        fields = form()
        fields.addRow(tr("Boundar&y"), self.layer)
        fields.addRow(tr("Feature chosen by"), row(self.field, self.feature, self.selected))
        fields.addRow(tr("Block &length"), self.block)
        fields.addRow(tr("S&treets, which name places"), row(self.streets, self.measure))
        fields.addRow("", self.measured)
        fields.addRow(tr("Cell &size"), self.cell)
        fields.addRow(tr("Ground to leave &out"), self.exclude)
        fields.addRow(tr("Filter of it"), self.exclude_filter)
        fields.addRow(tr("&Wards or beats, which name places"), self.areas)
        column(self, fields, self.message)
        self.layer.changed.connect(self.by_hand(self._layer_chosen))
        self.field.fieldChanged.connect(self.by_hand(self._field_chosen))
        self.feature.currentIndexChanged.connect(self.by_hand(self._feature_chosen))
        self.selected.chosen.connect(lambda text: self.by_hand(lambda: self._choose_selected(text))())
        self.exclude.changed.connect(self.by_hand(self._exclude_chosen))
        self.exclude_filter.edited.connect(self.by_hand(self._exclude_chosen))
        self.streets.changed.connect(self.by_hand(self._streets_chosen))
        self.areas.changed.connect(self.by_hand(self._areas_chosen))
        for spin in (self.block, self.cell):
            spin.valueChanged.connect(self.by_hand(self._lengths_changed))

    def fill(self) -> None:
        study = self.draft.study
        self.layer.show_ref(study.study_area)
        layer, chosen = self.layer.vector, study.study_area.filter if study.study_area else ""
        self.field.setLayer(layer)
        self.selected.watch(layer)
        equal, field, value = _equality(chosen)
        if not equal or self.field.currentField() != field:
            self.field.setField(field if equal else "")
        self._list_features()
        if equal:
            self.feature.setCurrentIndex(max(self.feature.findData(value), 0))
        elif chosen:
            self.feature.addItem(tr("by a filter: {}").format(chosen), _BY_FILTER)
            self.feature.setCurrentIndex(self.feature.count() - 1)
            self.feature.setEnabled(True)
        self.feature.setToolTip(plain_tip(chosen))
        self.exclude.show_ref(study.exclude)
        self.exclude_filter.layer = self.exclude.vector
        self.exclude_filter.line.setText(study.exclude.filter if study.exclude else "")
        self.exclude_filter.setEnabled(study.exclude is not None)
        self.block.setValue(study.grid.block_length)
        self.cell.setValue(study.grid.cell_size or 0.0)
        self.streets.show_ref(study.streets)
        self.areas.show_ref(study.areas)

    def refresh(self) -> None:
        facts = self.facts.area() if self.draft.study.study_area is not None else {}
        if facts and "refused" not in facts:
            self.message.setText(
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
            self.message.setText(tr("Counting …") if facts is None else "")

    def reason(self) -> str:
        refusal = refusal_of_layer(self.layer.layer) or self._crs_problem()
        for choice in (self.exclude, self.streets, self.areas):
            refusal = refusal or refusal_of_layer(choice.layer)
        refusal = refusal or expression_problem(self.exclude.vector, self.exclude_filter.text)
        if refusal:
            return refusal
        study = self.draft.study
        if study.study_area is None:
            return tr("Choose the layer that holds the boundary of the study area.")
        if self.cell.value() > self.block.value():
            return tr("The cell size is larger than the block length; choose cells of half a block or smaller.")
        return refusal_of(self.facts.area())

    def _crs_problem(self) -> str:
        """Why distances mean nothing here: at once, and for the whole layer where all of it is the study area."""
        layer, ref = self.layer.vector, self.draft.study.study_area
        if layer is None:
            return ""
        whole = ref is not None and not ref.filter and not layer.extent().isEmpty()
        return refusal_of_crs(layer.crs(), layer.name(), layer.extent() if whole else None)

    def _layer_chosen(self) -> None:
        if self.layer.lost is not None:
            return
        layer = self.layer.vector
        self._filling = True
        self.field.setLayer(layer)
        self.field.setField("")
        self.selected.watch(layer)
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
        layer, field = self.layer.vector, self.field.currentField()
        if layer is not None and field:
            values = layer.uniqueValues(layer.fields().lookupField(field), _MOST_FEATURES)
            for value in sorted(values, key=str):
                self.feature.addItem(str(value), value)
        self.feature.setEnabled(self.feature.count() > 1)

    def _feature_chosen(self) -> None:
        value = self.feature.currentData()
        if value is not _BY_FILTER:
            field = self.field.currentField()
            self._choose("" if value is None else QgsExpression.createFieldEqualityExpression(field, value))

    def _choose(self, filter_: str) -> None:
        """Keep some of the boundary's features, all when the filter is empty."""
        if self.draft.study.study_area is not None:
            self.draft.set(study_area=replace(self.draft.study.study_area, filter=filter_))

    def _choose_selected(self, filter_: str) -> None:
        self._choose(filter_)
        self.show_draft()

    def _exclude_chosen(self) -> None:
        if self.exclude.lost is not None:
            return
        layer = self.exclude.vector
        if layer is not self.exclude_filter.layer:
            self.exclude_filter.line.clear()
        self.exclude_filter.layer = layer
        usable = layer is not None and not refusal_of_layer(layer)
        usable = usable and not expression_problem(layer, self.exclude_filter.text)
        self.draft.set(exclude=reference(layer, self.exclude_filter.text) if usable else None)
        self.exclude_filter.setEnabled(layer is not None)

    def _streets_chosen(self) -> None:
        self.measured.setText(self._streets_problem())
        if self.streets.lost is None:
            self.draft.set(streets=_kept(self.streets))

    def _areas_chosen(self) -> None:
        if self.areas.lost is None:
            self.draft.set(areas=_kept(self.areas))

    def _lengths_changed(self) -> None:
        old = self.draft.study.grid
        try:
            grid = replace(old, block_length=self.block.value(), cell_size=self.cell.value() or None)
        except RtmError:
            return  # the reason says so; the draft keeps the last length that was possible
        self.draft.set(grid=grid)

    def _streets_problem(self) -> str:
        """Why the streets cannot be measured."""
        layer = self.streets.layer
        if layer is not None and layer.providerType() in ("memory", "virtual"):
            return tr("The layer '{}' is temporary; save it to a file first, then measure it.").format(layer.name())
        return refusal_of_layer(layer)

    def _measure(self) -> None:
        streets, ref = self.streets.layer, self.draft.study.study_area
        if streets is None or ref is None:
            self.measured.setText(tr("Choose the boundary and a layer of streets first."))
            return
        problem = self._streets_problem()
        if problem:
            self.measured.setText(problem)
            return
        self.measured.setText(tr("Measuring …"))
        self.measure.setEnabled(False)
        parameters = {"STUDY_AREA": _source(ref), "STREETS": _source(reference(streets))}
        self._job = Job("rtm:blocklength", parameters, quiet=True)
        self._job.finished.connect(self._measured)
        self._job.start()

    def _measured(self, ok: bool, results: dict[str, float]) -> None:
        job, self._job = self._job, None
        if ok:
            length = round(results["BLOCK_LENGTH"])
            self.measured.setText(
                tr("{:,} blocks, on average {:,.0f} long.").format(results["BLOCK_COUNT"], results["BLOCK_LENGTH"])
            )
            self.block.setValue(max(length, 1))
            self.checked.emit()
        else:
            self.measured.setText(job.error if job else "")
        self.measure.setEnabled(True)


def _kept(choice: LayerChoice) -> LayerRef | None:
    """What the study keeps of a choice."""
    layer = choice.layer
    return None if layer is None or refusal_of_layer(layer) else reference(layer)


def _source(ref: LayerRef) -> QgsProcessingFeatureSourceDefinition:
    """A layer of the study with its filter, for an algorithm that has no project."""
    address = QgsProcessingUtils.encodeProviderKeyAndUri(ref.provider, ref.source)
    return QgsProcessingFeatureSourceDefinition(address, filterExpression=ref.filter)


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
