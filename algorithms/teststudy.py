"""rtm:teststudy — a saved study tested further: back-test, cross-validation, joint risk, on its own layers."""

from pathlib import Path
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingMultiStepFeedback,
    QgsProcessingOutputFile,
    QgsProcessingOutputRasterLayer,
    QgsProcessingOutputString,
    QgsProcessingParameterFolderDestination,
    QgsProcessingUtils,
)

from ..rtm_plugin.adapters.study_file import OpenLayers
from ..rtm_plugin.core.documents.declaration import parameters_of
from ..rtm_plugin.core.documents.study_document import StudyDocument
from ..rtm_plugin.core.errors import InputError
from .shared.base import RtmAlgorithm, tr
from .shared.request import Request
from .shared.settings import choice
from .shared.study_parameters import (
    RESULT_FILES,
    add_allow_remote,
    add_study,
    candidate_parameters,
    count_parameters,
    covariate_parameters,
    run_parameters,
    source_of,
    study_given,
)

_LOADED = {
    "backtest": ("backtest.csv",),
    "crossvalidation": ("crossvalidation.csv", "crossvalidation_factors.csv"),
    "jointrisk": ("joint_risk.tif", "joint_risk.csv"),
}
TESTS = tuple(_LOADED)
_USUAL_MONTHS = 12  # of the fitting window, where the study has none
_DAYS_OF_A_MONTH = 365.25 / 12


class TestStudy(RtmAlgorithm):
    """Test a saved study further."""

    NAME = "teststudy"
    LABEL = "Test a saved study further"
    GROUP = ("study", "Study from start to finish")
    TAGS = ("wizard", "study", "back-test", "cross-validation", "joint risk")
    FOLDER_FILES = tuple(name for names in _LOADED.values() for name in names)

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        add_study(self)
        self.add(
            choice("TEST", tr("Test"), TESTS, "backtest"),
            tr(
                "'backtest' rolls through the dates, fitting and testing; 'crossvalidation' holds out blocks of the "
                "study area; 'jointrisk' crosses the terrain with the density of the events."
            ),
        )
        self.add(
            QgsProcessingParameterFolderDestination("OUTPUT_FOLDER", tr("Folder of the results")),
            tr("Where the study was run: the test is written beside its results, and joint risk takes its terrain."),
        )
        add_allow_remote(self)
        self.addOutput(QgsProcessingOutputFile("OUTPUT", tr("Table")))
        self.addOutput(QgsProcessingOutputRasterLayer("OUTPUT_JOINT", tr("Joint risk")))
        self.addOutput(QgsProcessingOutputString("SUMMARY", tr("Summary")))

    def execute(self, request: Request) -> dict[str, Any]:
        study = study_given(request)
        problem = study.missing()
        if problem:
            raise InputError(problem)
        folder = Path(request.output("OUTPUT_FOLDER"))
        test = request.choice("TEST")
        project = request.project
        for name in _LOADED[test] if project is not None else ():
            details = QgsProcessingContext.LayerDetails(name, project, name)
            request.context.addLayerToLoadOnCompletion(str(folder / name), details)
        work = {"backtest": _backtest, "crossvalidation": _crossvalidation, "jointrisk": _joint_risk}[test]
        results = work(study, folder, request)
        request.feedback.pushInfo(results["SUMMARY"])
        return {"OUTPUT_FOLDER": str(folder), **results}


def _backtest(study: StudyDocument, folder: Path, request: Request) -> dict[str, Any]:
    """Every month of the events is tested with a model of the months before it."""
    if not study.date_field:
        raise InputError(tr("A back-test needs the dates of the events; choose the study's date field first."))
    days = study.fit.period.days
    months = max(round(days / _DAYS_OF_A_MONTH), 1) if days else _USUAL_MONTHS
    known = {d.name() for d in QgsApplication.processingRegistry().algorithmById("rtm:backtest").parameterDefinitions()}
    parameters = {name: value for name, value in run_parameters(study, request.context).items() if name in known}
    output = str(folder / "backtest.csv")
    results = request.run_child("backtest", {**parameters, "FIT_LENGTH": months, "OUTPUT": output})
    figures = ", ".join(
        f"{name.removeprefix('PAI_').replace('_', ' ').lower()} {value:.2f}"
        for name, value in results.items()
        if name.startswith("PAI_")
    )
    summary = tr("{:,} runs of {:,} months each, tested on the month after. Mean PAI at 5 % of the area: {}.").format(
        int(results["RUN_COUNT"]), months, figures or tr("none, as no run could be measured")
    )
    return {"OUTPUT": output, "SUMMARY": summary}


def _crossvalidation(study: StudyDocument, folder: Path, request: Request) -> dict[str, Any]:
    """Grid, counts and candidates as rtm:run makes them, then the folds."""
    layers = OpenLayers(request.context)
    steps = QgsProcessingMultiStepFeedback(len(study.factors) + 3, request.feedback)

    def step(number: int, algorithm: str, given: dict[str, Any]) -> str:
        steps.setCurrentStep(number)
        file = QgsProcessingUtils.generateTempFilename(f"{algorithm}_{number}.tif", request.context)
        return str(request.run_child(algorithm, {**given, "OUTPUT": file}, feedback=steps)["OUTPUT"])

    grid = step(
        0,
        "studygrid",
        {
            **parameters_of(study.grid),
            "STUDY_AREA": source_of(layers, study.study_area),
            "EXCLUDE": source_of(layers, study.exclude),
        },
    )
    events = {"EVENTS": source_of(layers, study.events), **count_parameters(study)}
    counts = step(1, "countevents", {"GRID": grid, **events})
    candidates = [
        step(
            number,
            "operationalise",
            {"GRID": grid, "FACTOR": source_of(layers, factor.layer), **candidate_parameters(factor.settings)},
        )
        for number, factor in enumerate(study.factors, 2)
    ]
    steps.setCurrentStep(len(study.factors) + 2)
    common = {"COUNTS": counts, "CANDIDATES": candidates, **parameters_of(study.selection)}
    common |= {} if study.marking is None else {"MARKING": study.marking}
    output = str(folder / "crossvalidation.csv")
    outputs = {"OUTPUT_TABLE": output, "OUTPUT_SELECTION": str(folder / "crossvalidation_factors.csv")}
    results = request.run_child(
        "crossvalidate", {**common, **covariate_parameters(study, layers), **outputs}, feedback=steps
    )
    summary = tr(
        "PAI at 5 % of the area: {:.2f} with random folds, {:.2f} with spatial ones. The nearer the two are, the less "
        "the model leans on its neighbourhood."
    ).format(results["PAI_RANDOM"], results["PAI_SPATIAL"])
    return {"OUTPUT": output, "SUMMARY": summary}


def _joint_risk(study: StudyDocument, folder: Path, request: Request) -> dict[str, Any]:
    """The terrain of the run, crossed with the events that it was fitted on."""
    terrain = folder / RESULT_FILES["OUTPUT_TERRAIN"]
    if not terrain.is_file():
        raise InputError(tr("The folder {} has no {}; run the study into it first.").format(folder.name, terrain.name))
    layers = OpenLayers(request.context)
    dates = {name: value for name, value in count_parameters(study).items() if name != "WEIGHT_FIELD"}
    raster, table = str(folder / "joint_risk.tif"), str(folder / "joint_risk.csv")
    parameters = {"TERRAIN": str(terrain), "EVENTS": source_of(layers, study.events), **dates}
    if study.later_events is not None and not study.test.period.known:
        parameters["LATER_EVENTS"] = source_of(layers, study.later_events)
    results = request.run_child("jointrisk", {**parameters, "OUTPUT": raster, "OUTPUT_TABLE": table})
    summary = tr("{:,} cells are vulnerable by their features and exposed by recent events.").format(
        int(results["CELLS_BOTH"])
    )
    if "PAI_BOTH" in results:
        summary += " " + tr("Their PAI on the later events is {:.2f}.").format(results["PAI_BOTH"])
    return {"OUTPUT": table, "OUTPUT_JOINT": raster, "SUMMARY": summary}
