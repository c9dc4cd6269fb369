"""What can be said of a study before it runs: cells, events, features near, a suggestion; each refusal a sentence."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qgis.core import Qgis, QgsCoordinateReferenceSystem, QgsProcessingContext, QgsProcessingFeedback, QgsVectorLayer

from ...rtm_plugin.adapters.crs import metres_per_unit, require_projected, units_text
from ...rtm_plugin.adapters.feedback import progress_of, stop_if_cancelled
from ...rtm_plugin.adapters.layers import ReadLayer, geometry_of, layer_choice, read_layer
from ...rtm_plugin.adapters.rasters import Raster
from ...rtm_plugin.adapters.study_file import OpenLayers
from ...rtm_plugin.core.arrays import Floats
from ...rtm_plugin.core.candidates.covariates import Covariates, scaled_adjustments
from ...rtm_plugin.core.data.repeats import Stacking
from ...rtm_plugin.core.data.study_findings import (
    FactorLayer,
    factors_findings,
    layer_findings,
    near_area,
    refuse_errors,
    size_findings,
)
from ...rtm_plugin.core.documents.findings import Finding, warnings_in
from ...rtm_plugin.core.documents.periods import Period, proposed_windows
from ...rtm_plugin.core.documents.study_document import Factor, LayerRef, StudyDocument
from ...rtm_plugin.core.doubt.power import study_power
from ...rtm_plugin.core.errors import InputError, RtmError
from ...rtm_plugin.core.ground.clustering import nearest_neighbours, suggested
from ...rtm_plugin.core.ground.features import Features, inside, polygon_area
from ...rtm_plugin.core.ground.grid import Grid, study_grid
from ...rtm_plugin.core.pipeline import candidate_set, count, memory_needed
from .base import tr
from .data_findings import findings_of_events, inside_of, split_of
from .parameters import no_event_inside, read_city
from .study_inputs import factor_layer
from .whereabouts import can_name, nameless_areas

Facts = dict[str, Any]
MOST_EVENTS = 10_000_000  # that a number of events may be given as
_MOST_FOR_POWER = 20_000_000  # cells × candidates: what they can establish is then reckoned within half a minute


@dataclass(frozen=True, slots=True)
class Ground:
    """The study area, read."""

    area: Features
    crs: QgsCoordinateReferenceSystem

    @property
    def square_units(self) -> float:
        """Area in square map units."""
        return polygon_area(self.area)


class Inspector:
    """Looks at the layers of a study one by one."""

    def __init__(self, study: StudyDocument, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> None:
        self._study, self._context, self._feedback = study, context, feedback
        self._layers = OpenLayers(context)
        self._layers_read: list[FactorLayer] = []
        self._events: Floats | None = None

    def facts(self, part: str, events: int = 0) -> Facts:
        """Facts of "area", "outcome", "factors", or of all three; a part that cannot be used says why in "refused".

        "power" is what `events` events can establish of each factor; where they are 0, they are counted.
        """
        ground: list[Ground] = []

        def area() -> Facts:
            ground.append(self._ground())
            return self._area(ground[0])

        answers = {"area": _told(area)}
        if (part in ("outcome", "all") or (part == "power" and not events)) and ground:
            answers["outcome"] = _told(lambda: self._outcome(ground[0]))
        if part in ("factors", "all") and ground:
            answers["factors"] = self._factors(ground[0])
        events = events or round(answers.get("outcome", {}).get("inside", 0))
        if part == "power" and ground and events:
            answers["power"] = _told(lambda: self._power(ground[0], events))
        if ground:
            answers["findings"] = [finding.to_dict() for finding in self._findings(part, ground[0], answers)]
        return answers

    def _findings(self, part: str, ground: Ground, facts: Facts) -> tuple[Finding, ...]:
        """What is noticed of more than one layer: the factors beside one another and the events; the study's size."""
        outcome, area = facts.get("outcome", {}), facts["area"]
        noticed: tuple[Finding, ...] = ()
        if self._layers_read:
            study = self._study
            events = self._events if part == "all" else None
            name = study.events.name if study.events is not None else ""
            together = factors_findings(ground.area, events, self._layers_read, name)
            noticed += tuple(finding for finding in together if finding.text not in _refused(facts))
        if "cells" in area and "inside" in outcome:
            noticed += self._size(area["cells"], float(outcome["inside"]))
        return noticed

    def _read(self, ref: LayerRef, crs: QgsCoordinateReferenceSystem, **wanted: Any) -> ReadLayer:
        layer: QgsVectorLayer = self._layers.open(ref)
        stop_if_cancelled(self._feedback)
        read = read_layer(
            layer, ref.name, crs, self._context, self._feedback, expression=ref.filter, layer=layer, **wanted
        )
        read.report.choice = layer_choice(ref.name, layer, ref.filter)
        return read

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
        self._check_streets_and_areas()
        square = metres_per_unit(ground.crs) ** 2 / 1e6
        return {
            "cells": grid.cells,
            "square_km": ground.square_units * square,
            "cells_square_km": grid.cells * grid.cell_size**2 * square,
            "crs": ground.crs.authid() or ground.crs.description(),
            "units": units_text(ground.crs),
            "memory": memory_needed(grid, len(self._study.factors)),
            "seconds": seconds_expected(grid.cells, self._study),
            "findings": [finding.to_dict() for finding in self._size(grid.cells, 0.0)],
        }

    def _check_streets_and_areas(self) -> None:
        """Refuse the layers by which places are told where the run would refuse them."""
        for ref, wanted in ((self._study.streets, "line"), (self._study.areas, "polygon")):
            if ref is None:
                continue
            layer = self._layers.open(ref)
            geometry_of(layer, ref.name, wanted)
            if wanted == "polygon" and not can_name(layer.fields()):
                raise InputError(nameless_areas(ref.name))

    def _size(self, cells: int, events: float) -> tuple[Finding, ...]:
        return size_findings(
            events=events,
            cells=cells,
            block_length=self._study.grid.block_length,
            factors=len(self._study.factors),
        )

    def _outcome(self, ground: Ground) -> Facts:
        study = self._study
        problem = study.outcome_problem()
        if problem or study.events is None:
            raise InputError(problem)
        whole = self._rows(study.events, ground, study.date_field)
        fit, test = study.fit.period, study.test.period
        grid, part = self._grid(ground), bool(study.study_area and study.study_area.filter)
        events = self._counted(self._during(whole, fit))
        self._events = events.features.coordinates
        counted = count(grid, events.features.coordinates)
        if not counted.inside:
            raise InputError(no_event_inside(events))
        findings = findings_of_events(events, grid, tr("the fitting window"), area_is_part=part, events=counted)
        stacking = Stacking.of(inside_of(events, grid))
        facts: Facts = {
            **asdict(split_of(events, counted)),
            "without_geometry": events.report.without_geometry,
            "stacked": stacking.stacked,
            "highest_stack": stacking.highest,
        }
        if study.date_field:
            facts["dates"] = whole.period.text
            facts["proposals"] = [_proposal(*pair) for pair in proposed_windows(whole.period)]
        later = whole
        if study.later_events is not None:
            layer = self._layers.open(study.later_events)
            dated = bool(test.known) or layer.fields().lookupField(study.date_field) >= 0
            later = self._rows(study.later_events, ground, study.date_field if dated else "")
        if study.later_events is not None or test.known:
            tested = self._counted(self._during(later, test))
            counted = count(grid, tested.features.coordinates)
            if not counted.inside:
                raise InputError(no_event_inside(tested))
            facts["later"] = int(counted.inside)
            window = tr("the test window")
            more = findings_of_events(tested, grid, window, area_is_part=part, events=counted, with_spots=False)
            findings += more
        facts["findings"] = [finding.to_dict() for finding in findings]
        self._check_covariates(grid, ground.crs)
        return facts

    def _rows(self, ref: LayerRef, ground: Ground, date_field: str) -> ReadLayer:
        weight = self._study.weight_field
        return self._read(ref, ground.crs, wanted="point", date_field=date_field, value_field=weight, rows=True)

    def _counted(self, rows: ReadLayer) -> ReadLayer:
        """Each row as often as the weight field says."""
        weight = self._study.weight_field
        return rows.counted(weight) if weight else rows

    def _check_covariates(self, grid: Grid, crs: QgsCoordinateReferenceSystem) -> None:
        """Refuse an exposure or adjustments that the run would refuse."""
        study = self._study
        if not study.rasters and not study.city:
            return
        adjust = [Raster(self._layers.raster(ref), "adjustment") for ref in study.adjust]
        exposure = Raster(self._layers.raster(study.exposure), "exposure") if study.exposure is not None else None
        city = [self._layers.open(ref) for ref in study.city]
        covariates = Covariates(
            exposure.values_on(grid) if exposure is not None else None,
            exposure.name if exposure is not None else "",
            (
                *((raster.name, raster.values_on(grid)) for raster in adjust),
                *read_city(city, grid, crs, self._context, self._feedback),
            ),
        )
        covariates = covariates.smoothed_over(grid, study.exposure_smoothing)
        scaled_adjustments(covariates, covariates.exposed(grid.cells))

    def _during(self, read: ReadLayer, window: Period) -> ReadLayer:
        return read.during(window, self._feedback) if window.known else read

    def _factors(self, ground: Ground) -> list[Facts]:
        total = max(len(self._study.factors), 1)
        facts = []
        for i, factor in enumerate(self._study.factors):
            progress_of(self._feedback)(i / total)
            facts.append(_told(lambda factor=factor: self._factor(ground, factor)))
        return facts

    def _factor(self, ground: Ground, factor: Factor) -> Facts:
        points = self._layers.open(factor.layer).geometryType() == Qgis.GeometryType.Point
        read = self._read(factor.layer, ground.crs, name_field=None if points else "")
        layer = factor_layer(read, factor.settings, self._study.grid.block_length)
        self._layers_read.append(layer)
        return factor_facts(read, ground, layer)

    def _power(self, ground: Ground, events: int) -> Facts:
        """What so many events can establish of each factor, a sentence and a value each.

        The sentence is empty, and the value None, where a factor cannot be used, where nothing is to be tested, and
        where the study is so large that the answer would take longer than anybody waits.
        """
        study, grid = self._study, self._grid(ground)
        facts: list[Facts] = [{"sentence": "", "rrv": None} for _ in study.factors]
        small = grid.cells * study.candidate_count <= _MOST_FOR_POWER
        if not small or study.selection.significance != "spatial":
            return {"events": events, "factors": facts}
        layers = []
        for i, factor in enumerate(study.factors):
            try:
                read = self._read(factor.layer, ground.crs)
            except RtmError:
                continue
            if len(read.features.coordinates):
                layers.append((read.features, replace(factor.settings, name=str(i))))
        if layers:
            candidates = candidate_set(layers, grid, progress_of(self._feedback, 0.0, 0.3))
            found = study_power(grid, candidates, events, progress=progress_of(self._feedback, 0.3, 1.0))
            for _, settings in layers:
                power = found.of(settings.name)
                facts[int(settings.name)] = {
                    "sentence": found.text(settings.name),
                    "rrv": power.rrv if power is not None else None,
                }
        return {"events": events, "factors": facts}


def factor_facts(read: ReadLayer, ground: Ground, layer: FactorLayer) -> Facts:
    """Features in all, those within reach of the study area's box, and what nearest-neighbour analysis suggests."""
    noticed = layer_findings(ground.area, layer)
    refuse_errors(noticed)
    near = near_area(ground.area, layer.features, layer.reach)
    neighbours = None
    if read.features.geometry == "point":
        within = read.features.coordinates[inside(ground.area, read.features.coordinates)]
        neighbours = nearest_neighbours(within, ground.square_units) if len(within) > 1 else None
    choice, reason = suggested(neighbours, layer.reach)
    if read.features.geometry != "point":
        reason = "Nearest-neighbour analysis is for points, so let the model decide."
    return {
        "geometry": read.features.geometry,
        "features": read.report.features,
        "near": _features_of(read, near),
        "warnings": [*read.report.warnings, *warnings_in(noticed)],
        "operationalisation": choice,
        "reason": reason,
        "index": neighbours.index if neighbours else None,
        "z": neighbours.z if neighbours else None,
        "mean_distance": neighbours.mean_distance if neighbours else None,
    }


def _refused(known: Facts) -> set[str]:
    """Sentences with which a part is refused already."""
    parts = [known["area"], known.get("outcome", {}), *known.get("factors", [])]
    return {facts["refused"] for facts in parts if "refused" in facts}


def _features_of(read: ReadLayer, rows: NDArray[np.bool_]) -> int | None:
    """How many features the chosen rows of coordinates belong to; None where they were not read one by one."""
    if read.features.geometry == "point":
        return int(np.count_nonzero(rows))
    if not read.named:
        return None
    owner = np.repeat(np.arange(len(read.named)), [len(feature.coordinates) for _, feature in read.named])
    return len(np.unique(owner[rows]))


def seconds_expected(cells: int, study: StudyDocument) -> float:
    """Seconds that a run takes on two idle cores; lines through the runs of docs/performance.md."""
    candidates = study.candidate_count
    tested = 3e-4 * cells + 1e-6 * cells * candidates if study.selection.significance == "spatial" else 0.0
    return 5.0 + 1e-7 * cells * candidates + tested


def _proposal(fit: Period, test: Period) -> Facts:
    """Two windows, as JSON has them and in words."""
    return {"fit": list(fit.iso), "test": list(test.iso), "fit_text": fit.short, "test_text": test.short}


def _told(work: Callable[[], Facts]) -> Facts:
    """What the work finds, or the sentence with which it is refused."""
    try:
        return work()
    except RtmError as error:
        return {"refused": str(error)}
