"""rtm:studymodel — a saved study as a model for QGIS's graphical modeller: the six steps, a box each."""

from typing import Any

from qgis.core import (
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingUtils,
    QgsXmlUtils,
)
from qgis.PyQt.QtCore import QPointF
from qgis.PyQt.QtXml import QDomDocument

from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.core.documents.declaration import parameters_of
from ..rtm_plugin.core.documents.study_document import Factor, LayerRef, StudyDocument
from ..rtm_plugin.core.errors import InputError
from .shared.base import RtmAlgorithm, tr
from .shared.request import Request
from .shared.study_parameters import (
    add_allow_remote,
    candidate_parameters,
    count_parameters,
    study_given,
)

_COLUMN, _ROW = 280.0, 120.0  # points of the modeller's canvas


class StudyModel(RtmAlgorithm):
    """Save a study as a graphical model."""

    NAME = "studymodel"
    LABEL = "Save a study as a graphical model"
    GROUP = ("study", "Study from start to finish")
    TAGS = ("wizard", "study", "modeller", "model3")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterString("STUDY", tr("Study (file or JSON text)"), multiLine=True),
            tr("The path of a study file that the wizard saved, or its JSON text with absolute paths."),
        )
        self.add(
            QgsProcessingParameterFileDestination("OUTPUT", tr("Graphical model"), tr("Model (*.model3)")),
            tr("File of the model; open it in the graphical modeller, or add it to the toolbox."),
        )
        add_allow_remote(self)

    def execute(self, request: Request) -> dict[str, Any]:
        study = study_given(request)
        problem = study.missing()
        if problem:
            raise InputError(problem)
        path = request.output("OUTPUT")
        model = _Chain(study).model
        with Staging(request.feedback) as staging:
            staging.text(path, model_text(model))
        return {"OUTPUT": path}


def model_text(model: QgsProcessingModelAlgorithm) -> str:
    """The content of a .model3 file; QGIS's own `toFile` does not say when the disk is full."""
    document = QDomDocument("model")
    document.appendChild(QgsXmlUtils.writeVariant(model.toVariant(), document))
    return str(document.toString(2))


class _Chain:
    """The steps of a study, with its layers as inputs that can be exchanged."""

    def __init__(self, study: StudyDocument) -> None:
        self.study = study
        self.model = QgsProcessingModelAlgorithm(study.title or tr("Risk terrain study"), tr("Risk terrain studies"))
        self._inputs = 0
        self._grid()
        self._counts()
        candidates = [self._candidates(i, factor) for i, factor in enumerate(study.factors, 1)]
        self._model_of(candidates)
        self._terrain(candidates)
        self._places(candidates)

    def _grid(self) -> None:
        sources = self._values(parameters_of(self.study.grid))
        sources["STUDY_AREA"] = self._input("STUDY_AREA", tr("Study area"), self.study.study_area)
        if self.study.exclude is not None:
            sources["EXCLUDE"] = self._input("EXCLUDE", tr("Excluded ground"), self.study.exclude)
        self._step("grid", "studygrid", tr("Study grid"), 1, 0, sources)

    def _counts(self) -> None:
        sources = {"GRID": self._of("grid"), "EVENTS": self._input("EVENTS", tr("Outcome events"), self.study.events)}
        sources |= self._values(count_parameters(self.study))
        self._step("counts", "countevents", tr("Count events"), 2, 0, sources)

    def _candidates(self, number: int, factor: Factor) -> str:
        settings, step = factor.settings, f"factor_{number}"
        sources = {"GRID": self._of("grid"), "FACTOR": self._input(f"FACTOR_{number}", settings.name, factor.layer)}
        sources |= self._values(candidate_parameters(settings))
        self._step(step, "operationalise", settings.name, 2, number, sources)
        return step

    def _model_of(self, candidates: list[str]) -> None:
        sources = self._values(parameters_of(self.study.selection))
        if self.study.marking is not None:
            sources["MARKING"] = self._value(self.study.marking)
        sources |= {"COUNTS": self._of("counts"), "CANDIDATES": [self._of(step) for step in candidates]}
        sources |= self._covariates()
        self._step("model", "selectmodel", tr("Select model"), 3, 0, sources, outputs={"OUTPUT_MODEL": tr("Model")})

    def _terrain(self, candidates: list[str]) -> None:
        sources = {"MODEL": self._of("model", "OUTPUT_MODEL"), "CANDIDATES": [self._of(step) for step in candidates]}
        sources |= self._covariates()
        outputs = {"OUTPUT": tr("Risk terrain"), "OUTPUT_EXPECTED": tr("Expected counts")}
        self._step("terrain", "terrain", tr("Risk terrain"), 4, 0, sources, outputs=outputs)

    def _places(self, candidates: list[str]) -> None:
        sources = self._values(parameters_of(self.study.places))
        sources |= {
            "TERRAIN": self._of("terrain"),
            "EXPECTED": self._of("terrain", "OUTPUT_EXPECTED"),
            "COUNTS": self._of("counts"),
            "MODEL": self._of("model", "OUTPUT_MODEL"),
            "CANDIDATES": [self._of(step) for step in candidates],
        }
        if self.study.streets is not None:
            sources["STREETS"] = self._input("STREETS", tr("Streets, to tell places by"), self.study.streets)
        if self.study.areas is not None:
            sources["AREAS"] = self._input("AREAS", tr("Areas, to tell places by"), self.study.areas)
        self._step(
            "places", "priorityplaces", tr("Priority places"), 5, 0, sources, outputs={"OUTPUT": tr("Priority places")}
        )

    def _covariates(self) -> dict[str, Any]:
        """EXPOSURE, ADJUST and CITY, which selection and scoring must both have."""
        sources: dict[str, Any] = {}
        if self.study.exposure is not None:
            sources["EXPOSURE"] = self._raster("EXPOSURE", tr("Exposure"), self.study.exposure)
            sources["EXPOSURE_SMOOTHING"] = self._value(self.study.exposure_smoothing)
        if self.study.adjust:
            sources["ADJUST"] = [
                self._raster(f"ADJUST_{i}", tr("Adjustment: {}").format(ref.name), ref)
                for i, ref in enumerate(self.study.adjust, 1)
            ]
        if self.study.city:
            sources["CITY"] = [
                self._vector(f"CITY_{i}", tr("Where the city is: {}").format(ref.name), ref)
                for i, ref in enumerate(self.study.city, 1)
            ]
        return sources

    def _raster(self, name: str, label: str, ref: LayerRef) -> QgsProcessingModelChildParameterSource:
        """A raster that the model asks for once."""
        if self.model.parameterDefinition(name) is None:
            self._place(QgsProcessingParameterRasterLayer(name, label, defaultValue=ref.source))
        return QgsProcessingModelChildParameterSource.fromModelParameter(name)

    def _vector(self, name: str, label: str, ref: LayerRef) -> QgsProcessingModelChildParameterSource:
        """A layer of features that the model asks for once."""
        if self.model.parameterDefinition(name) is None:
            self._input(name, label, ref)
        return QgsProcessingModelChildParameterSource.fromModelParameter(name)

    def _input(self, name: str, label: str, ref: LayerRef | None) -> QgsProcessingModelChildParameterSource:
        """A layer that the model asks for; what the study has is the default."""
        if ref is None:
            raise InputError(self.study.missing())
        default: Any = QgsProcessingUtils.encodeProviderKeyAndUri(ref.provider, ref.source)
        if ref.filter:
            default = QgsProcessingFeatureSourceDefinition(default, filterExpression=ref.filter)
        self._place(QgsProcessingParameterFeatureSource(name, label, defaultValue=default))
        return QgsProcessingModelChildParameterSource.fromModelParameter(name)

    def _place(self, definition: QgsProcessingParameterDefinition) -> None:
        """An input of the model, below the one before."""
        place = QgsProcessingModelParameter(definition.name())
        place.setDescription(definition.description())
        place.setPosition(QPointF(0, self._inputs * _ROW))
        self._inputs += 1
        self.model.addModelParameter(definition, place)

    @staticmethod
    def _of(step: str, output: str = "OUTPUT") -> QgsProcessingModelChildParameterSource:
        return QgsProcessingModelChildParameterSource.fromChildOutput(step, output)

    @staticmethod
    def _value(value: Any) -> QgsProcessingModelChildParameterSource:
        return QgsProcessingModelChildParameterSource.fromStaticValue(value)

    def _values(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Settings as what a box of the model has written in it."""
        return {name: self._value(value) for name, value in parameters.items()}

    def _step(
        self,
        step: str,
        algorithm: str,
        label: str,
        column: int,
        row: int,
        sources: dict[str, Any],
        outputs: dict[str, str] | None = None,
    ) -> None:
        """A box of the model; its `outputs` are results of the model."""
        child = QgsProcessingModelChildAlgorithm(f"rtm:{algorithm}")
        child.setChildId(step)
        child.setDescription(label)
        child.setPosition(QPointF(column * _COLUMN, row * _ROW))
        for name, source in sources.items():
            child.addParameterSources(name, source if isinstance(source, list) else [source])
        kept = {}
        for name, text in (outputs or {}).items():
            output = QgsProcessingModelOutput(text, text)
            output.setChildId(step)
            output.setChildOutputName(name)
            output.setPosition(QPointF((column + 0.5) * _COLUMN, (row + 0.6 + 0.4 * len(kept)) * _ROW))
            kept[text] = output
        child.setModelOutputs(kept)
        self.model.addChildAlgorithm(child)
