"""The risk terrain model: what was selected and all that is needed to score, explain and reproduce it; as JSON.

The file format is published in resources/schema/model.schema.json; here the constructors hold it.
"""

import hashlib
import json
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..candidates.columns import CandidateSet
from ..candidates.covariates import ExposureSummary
from ..documents.periods import Period
from ..documents.reading import DocumentReader, json_text, json_values, parse_json, read_text
from ..documents.settings import DIRECTIONS, check_version, rrv_text, sign_of
from ..doubt.significance import FactorTest, Significance
from ..errors import FileFormatError, InputError, SettingsError
from ..ground.frames import table_of
from ..regression.verification import Verification
from ..selection.separation import SeparationSummary
from ..terrain.scores import ScoreSummary

FORMAT = "risk-terrain-model"
VERSION = 1
_REPEATED = (  # what the file says of the chosen family at its top as well
    "selected",
    "adjustments",
    "intercept",
    "intercept_standard_error",
    "dispersion",
    "log_dispersion_standard_error",
    "log_likelihood",
    "bic",
)
_MAY_LACK = {"optional": True}
_SAME_SCORES = 1e-5  # relative; rasters hold scores with seven digits


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
        _require(self.cells > 0 and self.cell_size > 0 and self.block_length > 0, "its grid has no cells")
        _require(len(self.extent) == 4, "its extent needs four numbers")


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
    start: str | None = field(default=None, metadata=_MAY_LACK)
    end: str | None = field(default=None, metadata=_MAY_LACK)
    left_out: float | None = field(default=None, metadata=_MAY_LACK)
    days: int | None = field(default=None, metadata=_MAY_LACK)

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
        _require(self.direction in DIRECTIONS, f"the direction of {self.name!r} is {self.direction!r}")
        _require(
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
    """How the elastic net chose: the winning L1 share and penalty, and its cross-validated deviance."""

    l1_share: float
    penalty: float
    deviance: float
    folds: int
    seed: int
    survivors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskModel:
    """A risk terrain model.

    Parameters
    ----------
    families : mapping of family name → FamilyModel, every family tried
    family : str
        The one with the lowest BIC; its numbers are repeated at the top of the file.
    exposure : ExposureSummary or None
        None when all cells count alike.
    culling : CullingSummary or None
        None when the candidates were not culled.
    provenance : mapping
        Versions, times, parameters and inputs; free in form.
    separation : SeparationSummary or None
        Factors that leave no event on one side, and rare exposure; None, and not in the file, where there is neither.
    significance : Significance or None
        Which factors are established; None, and not in the file, where that was not asked or nothing was selected.
    """

    grid: GridSummary
    events: EventSummary
    candidates: tuple[CandidateFate, ...]
    family: str
    families: Mapping[str, FamilyModel]
    exposure: ExposureSummary | None
    culling: CullingSummary | None
    score: ScoreSummary
    verification: Verification
    provenance: Mapping[str, Any] = field(default_factory=dict)
    separation: SeparationSummary | None = field(default=None, metadata=_MAY_LACK)
    significance: Significance | None = field(default=None, metadata=_MAY_LACK)

    def __post_init__(self) -> None:
        _require(self.family in self.families, f"the family {self.family!r} is not among its families")
        factors = [term.factor for term in self.selected]
        _require(len(set(factors)) == len(factors), "one factor is selected twice")
        known = {candidate.name for candidate in self.candidates}
        for term in self.selected:
            _require(term.name in known, f"the selected {term.name!r} is not among its candidates")
        if self.significance is not None:
            tested = sorted(test.candidate for test in self.significance.remaining)
            _require(tested == sorted(term.name for term in self.selected), "its tests are not those of its variables")

    @property
    def best(self) -> FamilyModel:
        """The model of the chosen family."""
        return self.families[self.family]

    def table(self) -> Any:
        """A DataFrame of the selected variables, strongest first, with the fields of ModelTerm."""
        return table_of(self.selected)

    @property
    def selected(self) -> tuple[ModelTerm, ...]:
        """The selected variables, strongest first."""
        return self.best.selected

    def test_of(self, term: ModelTerm) -> FactorTest | None:
        """The test of significance of a selected variable; None where there was none."""
        return self.significance.of(term.name) if self.significance is not None else None

    def rrv_of(self, term: ModelTerm) -> float:
        """The relative risk value that people are told: allowing for clustering where that was tested."""
        test = self.test_of(term)
        return term.rrv if test is None or test.rrv is None else test.rrv

    @property
    def fingerprint(self) -> str:
        """Sixteen digits that tell models apart: a hash of all that a score is made from, to six significant digits.

        Times, versions and inputs do not enter, so that the same model found twice has the same fingerprint.
        """
        best = self.best
        terms = [[t.name, t.direction, f"{t.coefficient:.6g}"] for t in best.selected]
        terms += [[t.name, "adjustment", f"{t.coefficient:.6g}"] for t in best.adjustments]
        dispersion = None if best.dispersion is None else f"{best.dispersion:.6g}"
        about = [self.family, f"{best.intercept:.6g}", dispersion, sorted(terms), self.grid.cells, self.grid.cell_size]
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]

    @property
    def events_fitted(self) -> float:
        """Events in the cells that have a score."""
        return self.events.inside - (self.exposure.events_without if self.exposure is not None else 0.0)

    def made(self, summary: ScoreSummary, cells: int, fingerprint: str = "") -> bool:
        """Whether a terrain of so many cells, with scores of this summary, is this model's own.

        Parameters
        ----------
        fingerprint : str
            The one that the terrain carries; "" where it carries none, and cells and scores alone must tell.
        """
        if fingerprint and fingerprint != self.fingerprint:
            return False
        pairs = ((getattr(summary, name), getattr(self.score, name)) for name in ("min", "mean", "sd", "max"))
        same = all(math.isclose(one, other, rel_tol=_SAME_SCORES, abs_tol=_SAME_SCORES) for one, other in pairs)
        return same and cells == self.grid.cells

    def require_made(self, summary: ScoreSummary, cells: int, name: str, fingerprint: str = "") -> None:
        """Refuse a terrain called `name` that is not this model's own; the one check of this for every tool.

        Raises
        ------
        InputError
        """
        if self.made(summary, cells, fingerprint):
            return
        why = (
            f"it has {cells:,} cells with scores up to {summary.max:.4g}, the model's own {self.grid.cells:,} with "
            f"scores up to {self.score.max:.4g}"
        )
        if self.made(summary, cells):
            why = f"it was made with the model {fingerprint}, and this is {self.fingerprint}"
        raise InputError(
            f"The risk terrain '{name}' was not made with this model: {why}; choose the terrain of the same run."
        )

    def require_candidates(self, candidates: CandidateSet) -> None:
        """Refuse candidates that are not those which the model was fitted on, over its own cells.

        Raises
        ------
        InputError
            A selected variable is lacking, or exposes other cells.
        """
        names = [candidate.name for candidate in candidates.candidates]
        exposed = dict(zip(names, candidates.exposed().tolist(), strict=True))
        wanted = {fate.name: fate.cells_exposed for fate in self.candidates}
        for term in self.selected:
            if term.name not in candidates:
                raise InputError(
                    f"The model uses the candidate {term.name!r}, which none of the candidate rasters holds; add the "
                    "raster of its factor, made with the same grid and settings."
                )
            if exposed[term.name] != wanted[term.name]:
                raise InputError(
                    f"The candidate {term.name!r} exposes {exposed[term.name]:,} cells, and {wanted[term.name]:,} when "
                    "the model was fitted; choose the candidate rasters that the model was fitted on."
                )

    def to_json(self) -> str:
        """The text of the model file."""
        best = json_values(self.best)
        repeated = {key: best[key] for key in _REPEATED}
        document = {"format": FORMAT, "version": VERSION, **json_values(self)}
        for name in ("separation", "significance"):
            if document[name] is None:
                del document[name]
        at = list(document).index("families")
        items = list(document.items())
        document = dict([*items[:at], *repeated.items(), *items[at:]])
        return json_text(document)

    @classmethod
    def from_json(cls, text: str) -> "RiskModel":
        """Read the text of a model file.

        Raises
        ------
        FileFormatError
            Damaged, foreign, or from a newer version.
        """
        document = parse_json(text, "The model file")
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise FileFormatError(f'The file is not a risk terrain model: it lacks "format": "{FORMAT}".')
        check_version(document, VERSION, "The contents of the model file")
        model = _reader().read(cls, document, "the model")
        best = json_values(model.best)
        for key in _REPEATED:
            _require(best[key] == document.get(key), f"its {key!r} differs from that of its family")
        return typing.cast("RiskModel", model)

    @classmethod
    def load(cls, path: str | Path) -> "RiskModel":
        """Read a model file; refuse one that cannot be read, in a sentence."""
        return cls.from_json(read_text(path, "model file"))


def _reader() -> DocumentReader:
    return DocumentReader("The model file", unknown_refused=False, defaults=False)


def _require(holds: bool, sentence: str) -> None:
    _reader().require(holds, sentence)
