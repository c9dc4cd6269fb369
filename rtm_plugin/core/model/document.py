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
from ..documents.reading import json_text, json_values, parse_json, read_text
from ..documents.settings import check_version
from ..doubt.significance import FactorTest, Significance
from ..errors import FileFormatError, InputError
from ..ground.frames import table_of
from ..regression.verification import Verification
from ..selection.separation import SeparationSummary
from ..terrain.scores import ScoreSummary
from ..tools.normal import NORMAL_95
from .parts import (
    MAY_LACK,
    CandidateFate,
    CullingSummary,
    EventSummary,
    FamilyModel,
    GridSummary,
    ModelTerm,
    reader,
    require,
)

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
_SAME_SCORES = 1e-5  # relative; rasters hold scores with seven digits


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
    separation: SeparationSummary | None = field(default=None, metadata=MAY_LACK)
    significance: Significance | None = field(default=None, metadata=MAY_LACK)

    def __post_init__(self) -> None:
        require(self.family in self.families, f"the family {self.family!r} is not among its families")
        factors = [term.factor for term in self.selected]
        require(len(set(factors)) == len(factors), "one factor is selected twice")
        known = {candidate.name for candidate in self.candidates}
        for term in self.selected:
            require(term.name in known, f"the selected {term.name!r} is not among its candidates")
        if self.significance is not None:
            _require_sound(self.significance)
            tested = sorted(test.candidate for test in self.significance.remaining)
            require(tested == sorted(term.name for term in self.selected), "its tests are not those of its variables")

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

    def standard_error_of(self, term: ModelTerm) -> float:
        """Standard error of a coefficient: allowing for clustering where that was tested, else of independent cells."""
        test = self.test_of(term)
        if test is None or not test.rrv_lower or not test.rrv_upper:
            return term.standard_error
        return (math.log(test.rrv_upper) - math.log(test.rrv_lower)) / (2 * NORMAL_95)

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
        model = reader().read(cls, document, "the model")
        best = json_values(model.best)
        for key in _REPEATED:
            require(best[key] == document.get(key), f"its {key!r} differs from that of its family")
        return typing.cast("RiskModel", model)

    @classmethod
    def load(cls, path: str | Path) -> "RiskModel":
        """Read a model file; refuse one that cannot be read, in a sentence."""
        return cls.from_json(read_text(path, "model file"))


def _require_sound(significance: Significance) -> None:
    """Refuse tests that say what no test can."""
    require(len(significance.variances) == len(significance.ranges), "its clustering has not one variance a range")
    require(min((significance.nugget, *significance.variances, *significance.ranges)) >= 0, "its clustering is below 0")
    for test in (*significance.remaining, *significance.left):
        require(test.p is None or 0 <= test.p <= 1, f"the p of {test.candidate!r} is no probability")
        values = [value for value in (test.rrv_lower, test.rrv, test.rrv_upper) if value is not None]
        require(
            all(0 < value < math.inf for value in values) and values == sorted(values),
            f"the relative risk value of {test.candidate!r} is not above 0 and inside its interval",
        )
        require(
            (test.rrv_lower is None) == (test.rrv_upper is None) and not (test.rrv is None and len(values)),
            f"the interval of {test.candidate!r} lacks an end",
        )
