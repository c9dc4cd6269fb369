"""What a report tells of the inputs, kept in the model file: so that a report can be made from the file later."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ..core.documents.findings import Finding
from ..core.errors import FileFormatError, SettingsError
from ..core.model.document import RiskModel
from .findings import FactorInfo, ReportContext

KEY = "context"  # of the provenance
_TEXTS = ("title", "study_area", "outcome")
_LATER_TEXTS = ("outcome_source", "study_area_source")  # that older files lack


def saved_context(context: ReportContext) -> dict[str, Any]:
    """The part of a context that a model file does not hold elsewhere."""
    factors = [{**asdict(f), "warnings": list(f.warnings)} for f in context.factors]
    return {
        **{name: getattr(context, name) for name in (*_TEXTS, *_LATER_TEXTS)},
        "boundary_km2": context.boundary_km2,
        "data_findings": [finding.to_dict() for finding in context.data_findings],
        "warnings": list(context.warnings),
        "factors": factors,
    }


def context_of(model: RiskModel, units: str, metres_per_unit: float, title: str = "") -> ReportContext:
    """The context of a model that was saved, as far as its file tells.

    A model of rtm:run holds all of it; of another the names come from its inputs and the factors from its candidates.

    Parameters
    ----------
    model : RiskModel
    units, metres_per_unit : of the CRS
    title : str
        Instead of the saved one.

    Raises
    ------
    FileFormatError
        The saved context is damaged.
    """
    saved = model.provenance.get(KEY)
    context = _read(saved) if saved is not None else _derived(model)
    return replace(
        context,
        title=title or context.title or "Risk terrain model",
        units=units,
        metres_per_unit=metres_per_unit,
        fit_period=model.events.period,
        fit_days=model.events.days,
    )


def _read(saved: Any) -> ReportContext:
    try:
        texts = {name: _text(saved[name]) for name in _TEXTS}
        texts |= {name: _text(saved.get(name, "")) for name in _LATER_TEXTS}
        area = saved.get("boundary_km2")
        return ReportContext(
            **texts,
            factors=tuple(_factor(factor) for factor in saved["factors"]),
            warnings=tuple(_text(w) for w in saved["warnings"]),
            boundary_km2=None if area is None else float(area),
            data_findings=tuple(Finding.from_dict(item) for item in saved.get("data_findings", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError, SettingsError) as error:
        raise FileFormatError(
            "The model file is damaged: what it says about its inputs cannot be read. Run the study again."
        ) from error


def _factor(saved: Mapping[str, Any]) -> FactorInfo:
    operationalisation, features, sd = _text(saved["operationalisation"]), saved["features"], saved["density_sd"]
    percent = saved.get("density_percent")
    if operationalisation not in ("proximity", "density", "both"):
        raise ValueError(operationalisation)
    return FactorInfo(
        name=_text(saved["name"]),
        layer=_text(saved["layer"]),
        geometry=_text(saved["geometry"]),
        features=None if features is None else int(features),
        operationalisation=operationalisation,
        max_influence=float(saved["max_influence"]),
        increment=float(saved["increment"]),
        direction=_text(saved["direction"]),
        density_sd=None if sd is None else float(sd),
        density_percent=None if percent is None else float(percent),
        warnings=tuple(_text(w) for w in saved["warnings"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    return value


def _derived(model: RiskModel) -> ReportContext:
    inputs = model.provenance.get("inputs")
    entries = [e for e in inputs if isinstance(e, Mapping)] if isinstance(inputs, (list, tuple)) else []
    names = {str(e.get("role")): str(e.get("name")) for e in entries}
    features = {str(e.get("name")): e.get("features") for e in entries if e.get("role") == "factor"}
    factors = dict.fromkeys(c.factor for c in model.candidates)
    return ReportContext(
        title="",
        study_area=names.get("study area", "study area"),
        outcome=names.get("events", "events"),
        factors=tuple(_from_candidates(model, name, features.get(name)) for name in factors),
    )


def _from_candidates(model: RiskModel, name: str, features: Any) -> FactorInfo:
    of_factor = [c for c in model.candidates if c.factor == name]
    kinds = {c.operationalisation for c in of_factor}
    reach = sorted({c.distance for c in of_factor})
    number = features if isinstance(features, int) else None
    return FactorInfo(
        name=name,
        layer="",
        geometry="",
        features=number,
        operationalisation="both" if len(kinds) > 1 else kinds.pop(),
        max_influence=reach[-1],
        increment=reach[0],
        direction=of_factor[0].direction,
        density_sd=None,
    )
