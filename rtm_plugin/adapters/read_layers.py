"""What was read of a layer, and what was noticed on the way."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from qgis.core import QgsProcessingFeedback

from ..core.coverage import Coverage, coverage
from ..core.errors import InputError
from ..core.features import Features, Floats
from ..core.layer_words import LayerChoice
from ..core.periods import Dates, Period
from ..core.repeats import EventRows


@dataclass(slots=True)
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
    notes, warnings : list of str
        Sentences for the log; warnings also go to the report.
    """

    name: str
    features: int = 0
    without_geometry: int = 0
    repaired: int = 0
    outside_window: int = 0
    choice: LayerChoice | None = None
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
    rows : EventRows or None
        What tells repeats, where it was asked for.
    unlocated : Dates or None
        When those happened that have no usable coordinates.
    coverage : Coverage or None
        How the events fill their window; None without dates.
    """

    features: Features
    values: Floats | None
    report: LayerReport
    dates: Dates | None = None
    period: Period = field(default_factory=Period)
    named: list[tuple[str, Features]] = field(default_factory=list)
    rows: EventRows | None = None
    unlocated: Dates | None = None
    coverage: Coverage | None = None

    @property
    def days(self) -> int | None:
        """How many days the events can be taken to cover; None when that is not known."""
        return self.coverage.days if self.coverage is not None else self.period.days

    def only_dated(self, dates: Dates, unlocated: Dates) -> "ReadLayer":
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
        read.coverage = coverage(read.dates, window)
        read.period = read.coverage.covered if read.coverage is not None else window
        read.report.outside_window = int(np.count_nonzero(~keep))
        if self.unlocated is not None:
            read.report.without_geometry = int(np.count_nonzero(self.unlocated.within(window)))
        note = f"{read.report.features:,} of {len(keep):,} events of '{read.report.name}' lie in {window.text}."
        read.report.notes.append(note)
        feedback.pushInfo(note)
        return read

    def _only(self, keep: NDArray[np.bool_]) -> "ReadLayer":
        """Some of the points."""
        kept = int(np.count_nonzero(keep))
        report = replace(self.report, features=kept, notes=list(self.report.notes), warnings=list(self.report.warnings))
        features = Features(self.features.geometry, self.features.coordinates[keep], kept)
        values = None if self.values is None else self.values[keep]
        return ReadLayer(features, values, report, rows=None if self.rows is None else self.rows.only(keep))
