"""What was read of a layer, and what was noticed on the way."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from qgis.core import QgsProcessingFeedback

from ..core.errors import InputError
from ..core.features import Features, Floats
from ..core.periods import Dates, Period

MOST_EVENTS = 20_000_000  # that a field of counts may add up to: each takes memory of its own


@dataclass(slots=True)
class LayerReport:
    """What was read, and what was put right or left out on the way.

    Parameters
    ----------
    name : str
    features : int
        With a usable geometry.
    without_geometry, repaired : int
    notes, warnings : list of str
        Sentences for the log; warnings also go to the report.
    """

    name: str
    features: int = 0
    without_geometry: int = 0
    repaired: int = 0
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def tell(self, feedback: QgsProcessingFeedback) -> None:
        """Push the sentences to the log."""
        for note in self.notes:
            feedback.pushInfo(note)
        for warning in self.warnings:
            feedback.pushWarning(warning)


@dataclass(slots=True)
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
    """

    features: Features
    values: Floats | None
    report: LayerReport
    dates: Dates | None = None
    period: Period = field(default_factory=Period)
    named: list[tuple[str, Features]] = field(default_factory=list)

    def only_dated(self, dates: Dates) -> "ReadLayer":
        """The events that have a date; how many have none is told."""
        if dates.missing:
            self.report.warnings.append(
                f"{dates.missing:,} event{'s' if dates.missing > 1 else ''} of '{self.report.name}' left out: "
                f"{dates.source} is empty for {'them' if dates.missing > 1 else 'it'}."
            )
        read = self._only(~dates.unknown)
        read.dates = dates.only(~dates.unknown)
        read.period = read.dates.span
        return read

    def during(self, window: Period, feedback: QgsProcessingFeedback) -> "ReadLayer":
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
        read.period = window.completed(read.dates.span)
        note = f"{read.report.features:,} of {len(keep):,} events of '{read.report.name}' lie in {window.text}."
        read.report.notes.append(note)
        feedback.pushInfo(note)
        return read

    def counted(self, field_name: str) -> "ReadLayer":
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
        times = values.astype(np.int64)
        read = self._only(np.repeat(np.arange(len(times)), times))
        read.dates = None if self.dates is None else self.dates.only(np.repeat(np.arange(len(times)), times))
        read.period, read.values = self.period, None
        return read

    def _only(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "ReadLayer":
        """Some of the points: those that are true, or those of these numbers."""
        kept = len(keep) if keep.dtype == np.int64 else int(np.count_nonzero(keep))
        report = replace(self.report, features=kept, notes=list(self.report.notes), warnings=list(self.report.warnings))
        features = Features(self.features.geometry, self.features.coordinates[keep], kept)
        return ReadLayer(features, None if self.values is None else self.values[keep], report)
