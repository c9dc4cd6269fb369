"""What the provenance tells about how a result came to be, ready to print."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import wording
from .saved import KEY

_SOFTWARE = {"plugin": "Risk Terrain plugin", "qgis": "QGIS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """Start, durations, versions, settings, inputs, and who signed: analyst, unit, licence, marking, where set."""

    started: str
    seconds: float | None
    stages: tuple[tuple[str, float], ...]
    versions: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str], ...]
    inputs: tuple[Mapping[str, Any], ...]
    signed: Mapping[str, str]


def origins(provenance: Mapping[str, Any]) -> Origins:
    """Read the provenance, which is free in form, with tolerance."""
    seconds = provenance.get("seconds")
    stages = (
        tuple((str(k), float(v)) for k, v in seconds.items() if _is_number(v)) if isinstance(seconds, Mapping) else ()
    )
    parameters = provenance.get("parameters")
    inputs = provenance.get("inputs")
    signed = provenance.get("signed")
    known = {"started", "seconds", "parameters", "inputs", "signed", KEY}
    return Origins(
        started=wording.moment(str(provenance["started"])) if provenance.get("started") else "",
        seconds=sum(value for _, value in stages) if stages else None,
        stages=stages,
        versions=tuple((_SOFTWARE.get(k, k), _text(v)) for k, v in provenance.items() if k not in known),
        parameters=tuple((str(k), _text(_without_folders(v))) for k, v in parameters.items())
        if isinstance(parameters, Mapping)
        else (),
        inputs=tuple(_input(entry) for entry in inputs if isinstance(entry, Mapping))
        if isinstance(inputs, (list, tuple))
        else (),
        signed={str(k): _text(v) for k, v in signed.items()} if isinstance(signed, Mapping) else {},
    )


def _input(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    features = entry.get("features")
    return {
        "role": _text(entry.get("role", "")),
        "name": _text(entry.get("name", "")),
        "features": features if _is_number(features) else None,
        "sha256": _text(entry.get("sha256", "")),
        "reprojected": _reprojected(entry.get("reprojected")),
    }


def _reprojected(item: object) -> str:
    """By which operation a layer came into the study area's CRS; empty where it was in it."""
    if not isinstance(item, Mapping):
        return ""
    accuracy = item.get("accuracy")
    exact = f"{accuracy:g} m" if _is_number(accuracy) else "accuracy not known"
    return f"{_text(item.get('operation', ''))} ({exact}; PROJ {_text(item.get('proj', ''))})"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _without_folders(value: object) -> object:
    """File names without their folders: a page that is handed on need not tell whose computer it came from."""
    if isinstance(value, (list, tuple)):
        return [_without_folders(item) for item in value]
    if not isinstance(value, str) or not re.match(r"/|\\\\|[A-Za-z]:[\\/]", value):
        return value
    path, bar, rest = value.partition("|")
    return path.replace("\\", "/").rsplit("/", 1)[-1] + bar + rest


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json.dumps(value, ensure_ascii=False, default=str)
