"""What can be said of a study before it runs: cells, events, features near, a suggestion; each refusal a sentence."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem, QgsProcessingContext, QgsProcessingFeedback, QgsVectorLayer

from ..rtm_plugin.adapters.crs import metres_per_unit, require_projected, units_text
from ..rtm_plugin.adapters.feedback import progress_of, stop_if_cancelled
from ..rtm_plugin.adapters.layers import ReadLayer, read_layer
from ..rtm_plugin.adapters.study_file import OpenLayers
from ..rtm_plugin.core.clustering import nearest_neighbours, suggested
from ..rtm_plugin.core.errors import InputError, RtmError
from ..rtm_plugin.core.features import Features, inside
from ..rtm_plugin.core.grid import Grid, study_grid
from ..rtm_plugin.core.periods import Period
from ..rtm_plugin.core.pipeline import memory_needed
from ..rtm_plugin.core.study_document import Factor, LayerRef, StudyDocument

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ground:
    """The study area, read."""

    area: Features
    crs: QgsCoordinateReferenceSystem

    @property
    def square_units(self) -> float:
        """Area in square map units: twice the signed areas under the directed edges."""
        a = self.area.coordinates - np.tile(self.area.coordinates[0, :2], 2)
        return abs(float(np.sum(a[:, 0] * a[:, 3] - a[:, 2] * a[:, 1]))) / 2


class Inspector:
    """Looks at the layers of a study one by one."""

    def __init__(self, study: StudyDocument, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        self._study, self._context, self._feedback = study, context, feedback
        self._layers = OpenLayers(context)

    def facts(self, part: str) -> Facts:
        """Facts of "area", "outcome", "factors", or of all three; a part that cannot be used says why in "refused"."""
        ground: list[Ground] = []

        def area() -> Facts:
            ground.append(self._ground())
            return self._area(ground[0])

        found = {"area": _told(area)}
        if part in ("outcome", "all") and ground:
            found["outcome"] = _told(lambda: self._outcome(ground[0]))
        if part in ("factors", "all") and ground:
            found["factors"] = self._factors(ground[0])
        return found

    def _read(self, ref: LayerRef, crs: QgsCoordinateReferenceSystem, **asked: Any) -> ReadLayer:
        layer: QgsVectorLayer = self._layers.open(ref)
        stop_if_cancelled(self._feedback)
        return read_layer(
            layer, ref.name, crs, self._context, self._feedback, expression=ref.filter, layer=layer, **asked
        )

    def _ground(self) -> Ground:
        ref = self._study.study_area
        if ref is None:
            raise InputError(self._study.missing())
        crs = self._layers.open(ref).crs()
        require_projected(crs, ref.name)
        read = self._read(ref, crs, wanted="polygon", dissolve=True)
        if not len(read.features.coordinates):
            raise InputError(f"No polygon of '{ref.name}' is chosen; choose another feature or layer.")
        require_projected(crs, ref.name, read.features.extent)
        return Ground(read.features, crs)

    def _grid(self, ground: Ground) -> Grid:
        exclude = self._study.exclude
        without = self._read(exclude, ground.crs, wanted="polygon", dissolve=True).features if exclude else None
        return study_grid(ground.area, self._study.grid, "", without)

    def _area(self, ground: Ground) -> Facts:
        grid = self._grid(ground)
        return {
            "cells": grid.cells,
            "square_km": ground.square_units * metres_per_unit(ground.crs) ** 2 / 1e6,
            "crs": ground.crs.authid() or ground.crs.description(),
            "units": units_text(ground.crs),
            "memory": memory_needed(grid, len(self._study.factors)),
            "seconds": seconds_expected(grid.cells, self._study.candidate_count),
        }

    def _outcome(self, ground: Ground) -> Facts:
        study = self._study
        problem = study.outcome_problem()
        if problem or study.events is None:
            raise InputError(problem)
        whole = self._read(study.events, ground.crs, wanted="point", date_field=study.date_field)
        fit, test = study.fit.period, study.test.period
        events = self._during(whole, fit)
        found = _events(ground, events) | {"without_geometry": whole.report.without_geometry}
        if study.date_field:
            found["dates"] = whole.period.text
        if not found["inside"]:
            raise InputError(
                f"None of the {len(events.features.coordinates):,} events of '{study.events.name}' lies inside the "
                "study area; check the layer, its filter and its CRS."
            )
        later = whole
        if study.later_events is not None:
            layer = self._layers.open(study.later_events)
            dated = bool(test.known) or layer.fields().lookupField(study.date_field) >= 0
            field = study.date_field if dated else ""
            later = self._read(study.later_events, ground.crs, wanted="point", date_field=field)
        if study.later_events is not None or test.known:
            found["later"] = _events(ground, self._during(later, test))["inside"]
        return found

    def _during(self, read: ReadLayer, window: Period) -> ReadLayer:
        return read.during(window, self._feedback) if window.known else read

    def _factors(self, ground: Ground) -> list[Facts]:
        total = max(len(self._study.factors), 1)
        found = []
        for i, factor in enumerate(self._study.factors):
            progress_of(self._feedback)(i / total)
            found.append(_told(lambda factor=factor: self._factor(ground, factor)))
        return found

    def _factor(self, ground: Ground, factor: Factor) -> Facts:
        read = self._read(factor.layer, ground.crs)
        reach = factor.settings.distances(self._study.grid.block_length)[-1]
        return factor_facts(read, ground, reach)


def factor_facts(read: ReadLayer, ground: Ground, reach: float) -> Facts:
    """Features in all, those near the study area's box, and what nearest-neighbour analysis suggests."""
    if not read.report.features:
        raise InputError(f"The layer '{read.report.name}' has no feature that can be used; check its filter.")
    ends = read.features.coordinates.reshape(len(read.features.coordinates), -1, 2)
    x0, y0, x1, y1 = ground.area.extent
    low, high = ends.min(axis=1), ends.max(axis=1)
    near = (high >= (x0 - reach, y0 - reach)).all(axis=1) & (low <= (x1 + reach, y1 + reach)).all(axis=1)
    if not near.any():
        raise InputError(
            f"No feature of '{read.report.name}' lies in or near the study area; check the layer and its CRS."
        )
    neighbours = None
    if read.features.geometry == "point":
        within = read.features.coordinates[inside(ground.area, read.features.coordinates)]
        neighbours = nearest_neighbours(within, ground.square_units) if len(within) > 1 else None
    choice, reason = suggested(neighbours, reach)
    if read.features.geometry != "point":
        reason = "Nearest-neighbour analysis is for points, so let the model decide."
    return {
        "geometry": read.features.geometry,
        "features": read.report.features,
        "near": int(np.count_nonzero(near)) if read.features.geometry == "point" else None,
        "warnings": list(read.report.warnings),
        "operationalisation": choice,
        "reason": reason,
        "index": neighbours.index if neighbours else None,
        "z": neighbours.z if neighbours else None,
        "mean_distance": neighbours.mean_distance if neighbours else None,
    }


def seconds_expected(cells: int, candidates: int) -> float:
    """Seconds that a run takes on two idle cores; a line through the runs of docs/performance.md."""
    return 5.0 + 1e-7 * cells * candidates


def _events(ground: Ground, read: ReadLayer) -> Facts:
    points = read.features.coordinates
    within = inside(ground.area, points)
    times = np.unique(points[within], axis=0, return_counts=True)[1] if within.any() else np.zeros(0, int)
    return {
        "inside": int(np.count_nonzero(within)),
        "outside": int(np.count_nonzero(~within)),
        "stacked": int(times[times > 1].sum()),
        "highest_stack": int(times.max()) if len(times) else 0,
    }


def _told(work: Callable[[], Facts]) -> Facts:
    """What the work finds, or the sentence with which it is refused."""
    try:
        return work()
    except RtmError as error:
        return {"refused": str(error)}
