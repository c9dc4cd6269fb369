"""What was read of a layer, and what was noticed on the way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from qgis.core import QgsProcessingFeedback

from ..core.arrays import Floats
from ..core.data.coverage import Coverage, coverage
from ..core.data.repeats import EventRows
from ..core.documents.layer_words import LayerChoice
from ..core.documents.periods import Dates, Period
from ..core.errors import InputError
from ..core.ground.features import Features
from ..core.ground.nearby import FeatureNames, NamedLayer
from .reprojection import Operation

MOST_EVENTS = 20_000_000  # that a field of counts may add up to: each takes memory of its own


@dataclass(slots=True, kw_only=True)
class LayerReport:
    """What was read, and what was put right or left out on the way.

    Parameters
    ----------
    name : str
    features : int
        With a usable geometry.
    without_geometry, repaired : int
    outside_window : int
        Events that have another date than was asked for.
    choice : LayerChoice or None
        Which features of the layer were taken, where the reader knows it.
    operation : Operation or None
        How its coordinates came into the study area's CRS; None where they were in it.
    notes, warnings : list of str
        Sentences for the log; warnings also go to the report.
    """

    name: str
    features: int = 0
    without_geometry: int = 0
    repaired: int = 0
    outside_window: int = 0
    choice: LayerChoice | None = None
    operation: Operation | None = None
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def words(self) -> LayerChoice:
        """What the layer is called in sentences."""
        return self.choice or LayerChoice(self.name)

    def tell(self, feedback: QgsProcessingFeedback) -> None:
        """Push the sentences to the log."""
        for note in self.notes:
            feedback.pushInfo(note)
        for warning in self.warnings:
            feedback.pushWarning(warning)


@dataclass(slots=True, kw_only=True)
class ReadLayer:
    """The features of a layer in the study area's CRS, the values of the wanted field, and what was noticed.

    Parameters
    ----------
    features : Features
    values : (m,) float64 or None, a weight for each coordinate
    report : LayerReport
    dates : Dates or None, of m points
    period : Period
        When the events happened; nothing known without dates.
    named : list of (str, Features)
        The features one by one, where they were asked for so.
    nameless : set of int
        Which of them, by their position, are numbered because the layer has no name for them.
    rows : EventRows or None
        What tells repeats, where it was asked for.
    unlocated : Dates or None
        When those happened that have no usable coordinates.
    coverage : Coverage or None
        How the events fill their window; None without dates.
    listed : ReadLayer or None
        The rows as the layer lists them, where each stands for several events or none.
    """

    features: Features
    values: Floats | None
    report: LayerReport
    dates: Dates | None = None
    period: Period = field(default_factory=Period)
    named: list[tuple[str, Features]] = field(default_factory=list)
    nameless: set[int] = field(default_factory=set)
    rows: EventRows | None = None
    unlocated: Dates | None = None
    coverage: Coverage | None = None
    listed: ReadLayer | None = None

    @property
    def as_listed(self) -> ReadLayer:
        """One point a row: what repeats and shared spots are looked for in."""
        return self.listed or self

    @property
    def by_name(self) -> NamedLayer:
        """The features with their names; without names where the layer tells none."""
        if not self.named:
            return NamedLayer(self.features)
        names = ["" if i in self.nameless else text for i, (text, _) in enumerate(self.named)]
        owner = np.repeat(np.arange(len(names)), [len(features.coordinates) for _, features in self.named])
        return NamedLayer(self.features, FeatureNames(names, owner))

    @property
    def days(self) -> int | None:
        """How many days the events can be taken to cover; None when that is not known."""
        return self.coverage.days if self.coverage is not None else self.period.days

    def only_dated(self, dates: Dates, unlocated: Dates) -> ReadLayer:
        """The events that have a date; how many have none is told. `unlocated` are the dates of those left out."""
        if dates.missing:
            self.report.warnings.append(
                f"{dates.missing:,} event{'s' if dates.missing > 1 else ''} of '{self.report.name}' left out: "
                f"{dates.source} is empty for {'them' if dates.missing > 1 else 'it'}."
            )
        read = self._only(~dates.unknown)
        read.dates, read.unlocated = dates.only(~dates.unknown), unlocated
        read.coverage = coverage(read.dates, Period())
        read.period = read.dates.span
        return read

    def during(self, window: Period, feedback: QgsProcessingFeedback) -> ReadLayer:
        """The events of a window, which may be open at either end; how many they are is told.

        Raises
        ------
        InputError
            No event in the window, or the window cuts a month of which the days are not known.
        """
        if self.dates is None:
            raise InputError(
                f"The events of '{self.report.name}' have no dates, so they cannot be limited to {window.text}; choose "
                "the field that holds their dates."
            )
        keep = self.dates.inside(window)
        read = self._only(keep)
        read.dates = self.dates.only(keep)
        read.coverage = coverage(read.dates, window)
        read.period = read.coverage.covered if read.coverage is not None else window
        read.report.outside_window = int(np.count_nonzero(~keep))
        if self.unlocated is not None:
            read.report.without_geometry = int(np.count_nonzero(self.unlocated.within(window)))
        note = f"{read.report.features:,} of {len(keep):,} events of '{read.report.name}' lie in {window.text}."
        read.report.notes.append(note)
        feedback.pushInfo(note)
        return read

    def counted(self, field_name: str) -> ReadLayer:
        """The same with each point as often as its value says: a row of 3 is 3 events, a row of 0 is none.

        Raises
        ------
        InputError
            A value that is no whole number, or more events than a study can hold.
        """
        values = np.zeros(0) if self.values is None else self.values
        broken = values[values != np.floor(values)]
        if len(broken):
            raise InputError(
                f"The field '{field_name}' of '{self.report.name}' holds {broken[0]:g}, and a model counts whole "
                "events; choose a field of whole numbers, or none, so that each row is one event."
            )
        if values.sum() > MOST_EVENTS:
            raise InputError(
                f"The field '{field_name}' of '{self.report.name}' adds up to {values.sum():,.0f} events, more than "
                f"{MOST_EVENTS:,}; choose the field that says how many events a row stands for."
            )
        index = np.repeat(np.arange(len(values)), values.astype(np.int64))
        read = self._only(index)
        read.dates = None if self.dates is None else self.dates.only(index)
        read.period, read.unlocated, read.coverage = self.period, self.unlocated, self.coverage
        read.values, read.rows, read.listed = None, None, self
        return read

    def _only(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> ReadLayer:
        """Some of the points: those that are true, or those of these numbers."""
        kept = len(keep) if keep.dtype == np.int64 else int(np.count_nonzero(keep))
        report = replace(self.report, features=kept, notes=list(self.report.notes), warnings=list(self.report.warnings))
        features = Features(self.features.geometry, self.features.coordinates[keep], kept)
        values = None if self.values is None else self.values[keep]
        return ReadLayer(
            features=features, values=values, report=report, rows=None if self.rows is None else self.rows.only(keep)
        )
