"""Live counts: rtm:checkstudy in quiet tasks, one a part of the study; what was counted once is kept."""

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from ...core.documents.findings import Finding, ordered
from ...core.documents.study_document import Factor, StudyDocument
from ..tasks import Job
from .draft import Draft

Facts = dict[str, Any]
_QUIET = 250  # milliseconds without a change before counting begins


class FactFinder(QObject):
    """Facts of the draft's study; `arrived` is emitted when more are known.

    `facts` is None while something is being counted. A part that cannot be used holds the sentence "refused".
    """

    arrived = pyqtSignal()

    def __init__(self, draft: Draft, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._draft = draft
        self._known: dict[Hashable, Facts] = {}
        self._jobs: dict[str, tuple[Hashable, Job]] = {}
        self._wanted: dict[str, tuple[Hashable, StudyDocument]] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_QUIET)
        self._timer.timeout.connect(self._start)
        QgsProject.instance().aboutToBeCleared.connect(self.stop)

    def area(self) -> Facts | None:
        """Cells, area, CRS, units."""
        study = self._draft.study
        key = ("area", study.study_area, study.exclude, study.grid, study.streets, study.areas)
        return self._look("area", key, study)

    def estimate(self) -> Facts | None:
        """The same, with the memory and the time that the study needs."""
        study = self._draft.study
        size = study.candidate_count, len(study.factors), study.selection.significance
        key = ("estimate", study.study_area, study.exclude, study.grid, *size)
        return self._look("estimate", key, study)

    def outcome(self) -> Facts | None:
        """Events inside and outside, without coordinates, stacked; later events."""
        study = self._draft.study
        ground = study.study_area, study.exclude, study.grid
        windows = study.date_field, study.fit, study.test
        exposure = study.exposure, study.exposure_smoothing
        covariates = study.weight_field, *exposure, study.adjust, study.city
        key = ("outcome", *ground, study.events, study.later_events, *windows, *covariates)
        return self._look("outcome", key, study)

    def factors(self) -> list[Facts | None]:
        """Facts of each factor, None where they are being counted."""
        study = self._draft.study
        keys = [self._factor_key(study, factor) for factor in study.factors]
        new = {key: factor for key, factor in zip(keys, study.factors, strict=True) if key not in self._known}
        if new:
            self._want("factors", ("factors", *new), replace(study, factors=tuple(new.values())))
        return [self._known.get(key) for key in keys]

    def power(self) -> list[str]:
        """What the counted events can establish of each factor, in a sentence; empty where that is not known."""
        study, outcome = self._draft.study, self.outcome()
        events = int(outcome.get("inside", 0)) if outcome else 0
        nothing = [""] * len(study.factors)
        if not events or not study.factors:
            return nothing
        offered = tuple((factor.layer, factor.settings) for factor in study.factors)
        ground = study.study_area, study.exclude, study.grid, study.selection.significance
        facts = self._look("power", ("power", events, *ground, *offered), study)
        return [str(factor["sentence"]) for factor in facts["factors"]] if facts else nothing

    def together(self) -> list[Finding] | None:
        """What is noticed of area, factors and events beside one another, gravest first; None while it is counted."""
        study = self._draft.study
        facts = self._look("together", ("together", study.to_json()), study)
        return None if facts is None else list(ordered(map(Finding.from_dict, facts.get("findings", ()))))

    def stop(self) -> None:
        """End all counting, and wait until it has ended: the window, or the layers that are read, are about to go."""
        self._timer.stop()
        self._wanted.clear()
        for _, job in self._jobs.values():
            job.finished.disconnect()
            job.cancel()
        self._jobs.clear()
        Job.settle()

    @staticmethod
    def _factor_key(study: StudyDocument, factor: Factor) -> Hashable:
        return "factor", study.study_area, factor.layer, factor.settings.max_blocks * study.grid.block_length

    def _look(self, part: str, key: Hashable, study: StudyDocument) -> Facts | None:
        if key not in self._known:
            self._want(part, key, study)
        return self._known.get(key)

    def _want(self, part: str, key: Hashable, study: StudyDocument) -> None:
        if part in self._jobs and self._jobs[part][0] == key:
            self._wanted.pop(part, None)
            return
        if self._wanted.get(part, (None,))[0] != key:
            self._wanted[part] = key, study
            self._timer.start()

    def _start(self) -> None:
        for part, (key, study) in self._wanted.items():
            if part in self._jobs:
                _, old = self._jobs.pop(part)
                old.finished.disconnect()
                old.cancel()
            asked = {"estimate": "area", "together": "all"}.get(part, part)
            inputs = {"STUDY": study.to_json(), "PART": asked, "ALLOW_REMOTE": self._draft.allow_remote}
            if part == "power":
                inputs["EVENT_COUNT"] = key[1]
            job = Job("rtm:checkstudy", inputs, quiet=True)
            job.finished.connect(lambda ok, facts, part=part, key=key: self._done(part, key, ok, facts))
            self._jobs[part] = key, job
            job.start()
        self._wanted.clear()

    def _done(self, part: str, key: Any, ok: bool, answer: Facts) -> None:
        _, job = self._jobs.pop(part)
        facts = answer.get("FACTS", {}) if ok else {}
        missing = {"refused": "" if ok else job.error}
        area = facts.get("area", missing)
        if part == "factors":
            each = facts.get("factors")
            keys = key[1:]
            self._known |= zip(
                keys, each if each else [area if "refused" in area else missing] * len(keys), strict=True
            )
        elif part == "outcome":
            self._known[key] = facts.get("outcome", area)
        elif part == "power":
            told = facts.get("power", {})
            self._known[key] = told if "factors" in told else {}
        elif part == "together":
            self._known[key] = {"findings": [*area.get("findings", ()), *facts.get("findings", ())]}
        else:
            self._known[key] = area
        self.arrived.emit()
