"""The method of Risk Terrain Modelling in numpy and scipy: no QGIS, no Qt, usable from a notebook.

    import geopandas, risk_terrain as rt

    study = rt.Study.of(area, events, {"bars": bars, "parks": parks}, block=400)
    result = rt.run(study)
    result.model.table()
    result.to_geodataframe().plot("score")

What is named here is the public face; everything else may move. Each name is imported when it is first used.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "Study": ".study",
    "StudyResult": ".pipeline",
    "run": ".pipeline",
    "GridSettings": ".documents.settings",
    "FactorSettings": ".documents.factor_settings",
    "SelectionSettings": ".documents.settings",
    "PlaceSettings": ".documents.settings",
    "CandidateSet": ".candidates.columns",
    "select_model": ".selection.procedure",
    "RiskModel": ".model.document",
    "ScoredMap": ".accuracy.validation",
    "validate": ".accuracy.validation",
    "diagnose": ".answers.diagnosis",
    "checks_of": ".answers.diagnosis_checks",
    "RtmError": ".errors",
}
__all__ = list(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
