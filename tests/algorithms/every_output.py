"""Every algorithm that writes, ready to run on the small city, and a file name for each of its outputs."""

import re
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterDestination,
)
from risk_terrain.rtm_plugin.adapters.study_file import save_study
from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.settings import SelectionSettings
from risk_terrain.rtm_plugin.core.documents.study_document import Factor, LayerRef, StudyDocument
from running import run_inputs

QUICK = {"CULL": "no", "FAMILY": "poisson", "SIGNIFICANCE": "plain"}
IN_FOLDERS = {"runstudy": "model.json", "teststudy": "crossvalidation.csv"}


def calls(city, chain, dated: str, folder: Path) -> dict[str, dict]:
    """Algorithm → inputs. A new algorithm that writes must be added here."""
    made = {name.upper(): chain[name] for name in ("model", "terrain", "expected")}
    candidates = {"CANDIDATES": [chain["bars"], chain["footpaths"]]}
    few, study = {"FACTORS": [city.layer("bars")]}, {"STUDY": str(study_of(city, folder))}
    return {
        "studygrid": {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200},
        "countevents": {"GRID": chain["grid"], "EVENTS": city.layer("events")},
        "operationalise": {"GRID": chain["grid"], "FACTOR": city.layer("bars")},
        "selectmodel": {"COUNTS": chain["counts"], **candidates, **QUICK},
        "terrain": {"MODEL": chain["model"], **candidates},
        "priorityplaces": {"TERRAIN": chain["terrain"], "MODEL": chain["model"], **candidates},
        "validate": {"TERRAINS": [chain["terrain"]], "EVENTS": city.layer("events")},
        "forecast": {
            "MODEL": chain["model"],
            "CANDIDATES": [chain[name] for name in ("bars", "footpaths", "parks", "kiosks")],
            "EVENTS": [city.layer("events")],
        },
        "patrolplaces": {"FORECAST": chain["forecast"], "PLACES": chain["places"]},
        "crossvalidate": {"COUNTS": chain["counts"], **candidates, "BLOCK_SIZE": 500, "HELD_OUT_FOLDS": 2, **QUICK},
        "diagnose": {
            "MODEL": chain["model"],
            "COUNTS": chain["counts"],
            "CANDIDATES": [chain[name] for name in ("bars", "footpaths", "parks", "kiosks")],
            "PERMUTATIONS": 19,
        },
        "backtest": run_inputs(
            city, EVENTS=dated, EVENT_DATE_FIELD="Month", FIT_LENGTH=9, TEST_LENGTH=3, STEP=9, **few, **QUICK
        ),
        "sensitivity": run_inputs(
            city,
            **few,
            OPERATIONALISATION="proximity",
            MAX_BLOCKS=1,
            **QUICK,
        ),
        "doubt": run_inputs(
            city,
            FACTORS=[city.layer("bars")],
            OPERATIONALISATION="proximity",
            MAX_BLOCKS=1,
            REPLICATES=20,
            **QUICK,
        ),
        "jointrisk": {"TERRAIN": chain["terrain"], "EVENTS": city.layer("events")},
        "briefing": {"MODEL": chain["model"], "TERRAIN": chain["terrain"], "STUDY_AREA": city.layer("area")},
        "report": {"MODEL": chain["model"], "TERRAIN": chain["terrain"]},
        "exportplaces": {"PLACES": chain["places"]},
        "explain": {**made, "POINT": "400950,301150", "FACTORS": city.factors},
        "whatif": {**made, "FACTOR": "bars", "BEFORE": city.layer("bars")},
        "run": run_inputs(city, TEST_EVENTS=city.layer("events"), **few, **QUICK),
        "runstudy": study,
        "teststudy": {**study, "TEST": "crossvalidation"},
        "studymodel": study,
    }


def study_of(city, folder: Path) -> Path:
    """A saved study of the city."""
    ref = {name: LayerRef(city.layer(name), name) for name in ("area", "events", "bars", "footpaths")}
    factors = tuple(Factor(ref[name], FactorSettings(name)) for name in ("bars", "footpaths"))
    selection = SelectionSettings("poisson", 3, 2, False, "plain")
    path = folder / "saved.json"
    study = StudyDocument(
        title="Thefts", study_area=ref["area"], events=ref["events"], factors=factors, selection=selection
    )
    save_study(study, path)
    return path


def destinations(algorithm: str) -> list[QgsProcessingParameterDefinition]:
    """The parameters that name outputs."""
    return QgsApplication.processingRegistry().algorithmById(f"rtm:{algorithm}").destinationParameterDefinitions()


def file_name(definition: QgsProcessingParameterDefinition) -> str:
    """A name of the right kind; for a folder, one of the files in it."""
    if isinstance(definition, QgsProcessingParameterFolderDestination):
        return IN_FOLDERS[definition.algorithm().name()]
    if isinstance(definition, QgsProcessingParameterRasterDestination):
        return f"{definition.name().lower()}.tif"
    if isinstance(definition, QgsProcessingParameterFileDestination):
        return definition.name().lower() + re.search(r"\*(\.\w+)", definition.fileFilter()).group(1)
    return f"{definition.name().lower()}.gpkg"


def asked_for(algorithm: str, only: QgsProcessingParameterDefinition, path: Path) -> dict[str, object]:
    """One output at a path; the others into temporary files where they cannot be left out."""
    outputs: dict[str, object] = {}
    for definition in destinations(algorithm):
        optional = bool(definition.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional)
        outputs[definition.name()] = None if optional else "TEMPORARY_OUTPUT"
    is_folder = isinstance(only, QgsProcessingParameterFolderDestination)
    return {**outputs, only.name(): str(path.parent if is_folder else path)}
