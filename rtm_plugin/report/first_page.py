"""The first page of the report as plain data, for windows that show it elsewhere."""

import math
from dataclasses import asdict
from typing import Any

from .findings import Findings, Parameter


def first_page(findings: Findings) -> dict[str, Any]:
    """Sentences, warnings and the factor table: lists, texts and numbers only."""
    return {
        "title": findings.context.title,
        "headline": list(findings.headline),
        "lists": [places.sentence for places in findings.lists],
        "warnings": list(findings.warnings),
        "caveats": list(findings.caveats[:2]),
        "not_established": [asdict(row) for row in findings.doubt.not_established],
        "factors": [_row(row) for row in findings.factor_rows],
    }


def _row(row: Parameter) -> dict[str, Any]:
    return {
        "factor": row.factor,
        "kind": row.kind,
        "operationalisation": row.operationalisation,
        "distance": row.distance,
        "rrv": row.rrv,
        "effect": row.effect,
        "low": _finite(row.low),
        "high": _finite(row.high),
        "p": row.p_value,
        "established": row.established,
    }


def _finite(value: float | None) -> float | None:
    """An end of an interval; none where it lies beyond all numbers, as JSON has no infinity."""
    return value if value is not None and math.isfinite(value) else None
