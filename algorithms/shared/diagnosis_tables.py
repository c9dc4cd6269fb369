"""What rtm:diagnose tells: rows of its tables, the raster of residuals, its lines in the log."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from qgis.core import QgsProcessingFeedback

from ...rtm_plugin.adapters.about import model_items
from ...rtm_plugin.adapters.files import Staging
from ...rtm_plugin.adapters.rasters import Band
from ...rtm_plugin.adapters.tables import Column
from ...rtm_plugin.cartography.styles import residual_painter
from ...rtm_plugin.core.answers.diagnosis import Diagnosis
from ...rtm_plugin.core.answers.diagnosis_factors import SINGLE_CELLS, strongest_cell
from ...rtm_plugin.core.model.raster_items import FIT, family_items, period_items
from ...rtm_plugin.report.diagnosis import DiagnosisFindings
from .outputs import save_raster

CHECK_COLUMNS: tuple[Column, ...] = (
    ("check", str),
    ("severity", str),
    ("sentence", str),
    ("number_name", str),
    ("number", float),
    ("x", float),
    ("y", float),
)
CORRELOGRAM_COLUMNS: tuple[Column, ...] = (
    ("lag", int),
    ("moran_distance", float),
    ("moran", float),
    ("moran_expected", float),
    ("moran_spread", float),
    ("cells", int),
    ("pair_distance", float),
    ("pair_correlation", float),
    ("pair_fitted", float),
)
_NODATA = -9999.0


def check_rows(findings: DiagnosisFindings) -> Iterator[list[Any]]:
    """One row a check, with the centre of the cell that it is about, where it is about one."""
    diagnosis = findings.diagnosis
    for check in findings.checks:
        at: list[float | None] = [None, None]
        support = strongest_cell(diagnosis) if check.name == SINGLE_CELLS else None
        if support is not None:
            at = [float(place) for place in diagnosis.grid.centres[support.cell.cell]]
        number = check.number if check.number is not None and math.isfinite(check.number) else None
        yield [check.name, check.severity, check.sentence, check.number_name, number, *at]


def correlogram_rows(diagnosis: Diagnosis) -> Iterator[list[Any]]:
    """One row a lag, in cells: how alike residuals are, and how frequent pairs of events."""
    rings = {ring.lag: ring for ring in diagnosis.correlogram}
    pairs = {pair.lag: pair for pair in diagnosis.pairs}
    for lag in sorted({*rings, *pairs}):
        ring, pair = rings.get(lag), pairs.get(lag)
        alike = [None] * 5
        if ring is not None:
            alike = [ring.distance, ring.statistic, ring.expectation, ring.spread, ring.cells]
        yield [lag, *alike, *([pair.distance, pair.correlation, pair.fitted] if pair is not None else [None] * 3)]


def save_residuals(staging: Staging, path: str, diagnosis: Diagnosis) -> None:
    """Pearson residuals of the cells."""
    model = diagnosis.model
    items = period_items(FIT, model.events.period) | model_items(model)
    items |= family_items(model.family, model.best.dispersion)
    band = Band(diagnosis.residuals.astype(np.float32), "Pearson residual")
    save_raster(
        staging,
        path,
        diagnosis.grid,
        bands=[band],
        nodata=_NODATA,
        kind="residuals",
        items=items,
        painter=residual_painter(),
    )


def tell_diagnosis(findings: DiagnosisFindings, feedback: QgsProcessingFeedback) -> None:
    """What was found, then every check: those that warn as warnings."""
    for sentence in findings.headline:
        feedback.pushInfo(sentence)
    for check in findings.checks:
        tell = feedback.pushWarning if check.severity == "warning" else feedback.pushInfo
        tell(f"{check.name}: {check.sentence}")
