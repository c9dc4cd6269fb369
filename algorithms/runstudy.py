"""rtm:runstudy — the study that a file describes, run into a folder."""

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingOutputFile,
    QgsProcessingOutputHtml,
    QgsProcessingOutputNumber,
    QgsProcessingOutputRasterLayer,
    QgsProcessingOutputString,
    QgsProcessingOutputVariant,
    QgsProcessingOutputVectorLayer,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFolderDestination,
)

from ..rtm_plugin.adapters.libraries import VERIFYING
from .shared.base import RtmAlgorithm, tr
from .shared.request import Request
from .shared.study_parameters import RESULT_FILES, add_allow_remote, add_study, run_parameters, study_given

_RASTERS = {
    "OUTPUT_TERRAIN": "Risk terrain",
    "OUTPUT_EXPECTED": "Expected counts",
    "OUTPUT_FORECAST": "Forecast",
}
_LOADED = ("OUTPUT_PLACES", "OUTPUT_PATROL", *_RASTERS)


class RunStudy(RtmAlgorithm):
    """Run a saved study."""

    NAME = "runstudy"
    LABEL = "Run a saved study"
    GROUP = ("study", "Study from start to finish")
    TAGS = ("wizard", "study", "batch")
    FOLDER_FILES = tuple(RESULT_FILES.values())
    PACKAGES = ("scipy", "jinja2")
    LIBRARIES = VERIFYING

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        add_study(self)
        self.add(
            QgsProcessingParameterFolderDestination("OUTPUT_FOLDER", tr("Folder for the results")),
            tr("All results are written into this folder; files of an earlier run there are replaced."),
        )
        add_allow_remote(self)
        self.add(
            QgsProcessingParameterBoolean("LOAD", tr("Add the maps to the project"), True),
            tr("Whether the maps and places are added to the project when the study has been run in QGIS."),
            advanced=True,
        )
        for name, label in _RASTERS.items():
            self.addOutput(QgsProcessingOutputRasterLayer(name, label))
        self.addOutput(QgsProcessingOutputVectorLayer("OUTPUT_PLACES", tr("Priority places")))
        self.addOutput(QgsProcessingOutputVectorLayer("OUTPUT_PATROL", tr("Patrol places")))
        self.addOutput(QgsProcessingOutputFile("OUTPUT_MODEL", tr("Model")))
        self.addOutput(QgsProcessingOutputFile("OUTPUT_TABLE", tr("Candidate table")))
        self.addOutput(QgsProcessingOutputHtml("OUTPUT_REPORT", tr("Report")))
        self.addOutput(QgsProcessingOutputFile("OUTPUT_FINDINGS", tr("Findings")))
        self.addOutput(QgsProcessingOutputFile("OUTPUT_CARDS", tr("Cards of the places")))
        self.addOutput(QgsProcessingOutputHtml("OUTPUT_VALIDATION", tr("Validation")))
        self.addOutput(QgsProcessingOutputString("FAMILY", tr("Family")))
        self.addOutput(QgsProcessingOutputNumber("FACTOR_COUNT", tr("Number of selected factors")))
        self.addOutput(QgsProcessingOutputNumber("BIC", tr("BIC")))
        self.addOutput(QgsProcessingOutputNumber("PLACE_COUNT", tr("Number of priority places")))
        self.addOutput(QgsProcessingOutputNumber("PATROL_COUNT", tr("Number of patrol places")))
        self.addOutput(QgsProcessingOutputVariant("FINDINGS", tr("First page of the report")))

    def execute(self, request: Request) -> dict[str, Any]:
        study = study_given(request)
        folder = Path(request.output("OUTPUT_FOLDER"))
        parameters = run_parameters(study, request.context)
        outputs = {name: str(folder / file) for name, file in RESULT_FILES.items()}
        if request.flag("LOAD"):
            self._load_on_completion(request, outputs)
        results = request.run_child("run", {**parameters, **outputs})
        wanted = {definition.name() for definition in self.outputDefinitions()}
        return {"OUTPUT_FOLDER": str(folder), **{key: value for key, value in results.items() if key in wanted}}

    def _load_on_completion(self, request: Request, outputs: dict[str, str]) -> None:
        """Put the maps on the list of what QGIS loads; rtm:run names and styles what stands there."""
        project = request.project
        for name in _LOADED if project is not None else ():
            details = QgsProcessingContext.LayerDetails(name, project, name)
            request.context.addLayerToLoadOnCompletion(outputs[name], details)
