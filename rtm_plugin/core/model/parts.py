"""What a model file is made of: the cells, events and candidates that it was fitted on, and what was selected."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..documents.factor_settings import DIRECTIONS, rrv_text, sign_of
from ..documents.periods import Period
from ..documents.reading import DocumentReader
from ..errors import FileFormatError, SettingsError

MAY_LACK = {"optional": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSummary:
    """The cells that the model was fitted on."""

    cells: int
    cells_with_events: int
    cell_size: float
    block_length: float
    crs: str
    extent: tuple[float, ...]

    def __post_init__(self) -> None:
        require(self.cells > 0 and self.cell_size > 0 and self.block_length > 0, "its grid has no cells")
        require(len(self.extent) == 4, "its extent needs four numbers")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSummary:
    """Events inside the study area, which count, and outside, which do not, and their first and last day.

    Parameters
    ----------
    start, end : str or None
        ISO days, both included; None when the period of the events is not known. Older files lack them.
    left_out : float or None
        In the study area on ground without a cell; older files lack it, and have these among those outside.
    days : int or None
        Days that the events cover, for which expected counts are; None when not known. Older files lack them.
    """

    inside: float
    outside: float
    start: str | None = field(default=None, metadata=MAY_LACK)
    end: str | None = field(default=None, metadata=MAY_LACK)
    left_out: float | None = field(default=None, metadata=MAY_LACK)
    days: int | None = field(default=None, metadata=MAY_LACK)

    def __post_init__(self) -> None:
        try:
            Period.from_iso(self.start, self.end)
        except SettingsError as error:
            raise FileFormatError(f"The model file is damaged: its events have no valid period. {error}") from error

    @property
    def period(self) -> Period:
        """When the events happened."""
        return Period.from_iso(self.start, self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateFate:
    """What became of one candidate variable.

    Parameters
    ----------
    survived : bool
        The culling.
    fate : {"selected", "not established", "not selected", "culled", "dropped"}
    reason : str, a sentence
    bic_if_used : float or None
        BIC of the final model with this candidate in its factor's place.
    """

    name: str
    factor: str
    operationalisation: str
    distance: float
    direction: str
    cells_exposed: int
    threshold: float | None
    survived: bool
    fate: str
    reason: str
    bic_if_used: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTerm:
    """One selected variable.

    Parameters
    ----------
    coefficient, standard_error, p_value : float
        p after selection: too small by the search that went before.
    rrv : float
        Relative risk value, exp(coefficient): the rate of an exposed cell is multiplied by it (aggravating) or divided
        (protective).
    """

    name: str
    factor: str
    operationalisation: str
    distance: float
    direction: str
    coefficient: float
    standard_error: float
    p_value: float
    rrv: float

    def __post_init__(self) -> None:
        require(self.direction in DIRECTIONS, f"the direction of {self.name!r} is {self.direction!r}")
        require(
            self.coefficient < 700 and math.isclose(self.rrv, math.exp(self.coefficient), rel_tol=1e-6),
            f"the relative risk value of {self.name!r} is not exp(coefficient)",
        )

    @property
    def sign(self) -> float:
        """What an exposed cell has in the design: 1 aggravating, −1 protective."""
        return sign_of(self.direction)

    def rrv_text(self) -> str:
        """The relative risk value with what it does to the rate: "× 2.13" or "÷ 2.26"."""
        return rrv_text(self.rrv, self.direction)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentTerm:
    """A layer that is always in the model; the coefficient is for one standard deviation above the mean."""

    name: str
    mean: float
    sd: float
    coefficient: float
    standard_error: float
    p_value: float


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One step of the selection."""

    move: str
    name: str
    replaced: str
    bic: float
    log_likelihood: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyModel:
    """The model that the selection reached under one family."""

    family: str
    selected: tuple[ModelTerm, ...]
    adjustments: tuple[AdjustmentTerm, ...]
    intercept: float
    intercept_standard_error: float
    dispersion: float | None
    log_dispersion_standard_error: float | None
    log_likelihood: float
    bic: float
    steps: tuple[TraceStep, ...]

    @property
    def parameters(self) -> int:
        """Number of parameters, intercept and dispersion counted."""
        return 1 + len(self.selected) + len(self.adjustments) + (self.dispersion is not None)

    @property
    def bic_selected(self) -> float:
        """BIC where the selection ended, before what is not established left: the families are compared by it."""
        return next((step.bic for step in reversed(self.steps) if step.move != "not established"), self.bic)


@dataclass(frozen=True, slots=True, kw_only=True)
class CullingSummary:
    """How the elastic net chose: the winning L1 share and penalty, and its deviance over so many draws of the folds."""

    l1_share: float
    penalty: float
    deviance: float
    folds: int
    seed: int
    survivors: int
    draws: int = field(default=1, metadata=MAY_LACK)


def reader() -> DocumentReader:
    """Reads a model file, and says what is wrong with it."""
    return DocumentReader("The model file", unknown_refused=False, defaults=False)


def require(holds: bool, sentence: str) -> None:
    """Refuse a model file of which something does not hold."""
    reader().require(holds, sentence)
