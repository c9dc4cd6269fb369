"""What was found: one frozen structure of the numbers and sentences that report, layout, dock and wizard all print."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from ..core.accuracy.at_share import Accuracy
from ..core.documents.factor_settings import rrv_text
from ..core.documents.findings import Finding
from ..core.documents.periods import Period
from ..core.documents.reading import json_text, json_values
from ..core.model.document import RiskModel
from ..core.terrain.places import Place
from .cards import PlaceCard
from .details import CountRow, DensityNote, FactorLadder, FitGroup, PlaceList, ScoreBins, ScoreClass
from .doubt import Doubt
from .validation import ValidationFindings, rounded
from .wording import NBSP, many, number, plain

FORMAT, VERSION = "risk-terrain-findings", 1

NOT_CAUSE = (
    "These are associations between places and events. They do not show that a factor causes the events, nor that "
    "removing it would prevent them."
)
RELATIVE = (
    "A score is relative: it compares the cells of this study area with its lowest-risk cell. A high score can go "
    "with few expected events, so read it beside the expected count."
)
CAVEATS = (
    RELATIVE,
    NOT_CAUSE,
    "Cells near the edge of the study area are under-exposed where a factor layer stops at the boundary, and their "
    "risk is then understated.",
    "Only events that were reported and recorded are counted. Where reporting or police activity differs from place "
    "to place, the map shows that too.",
    "The map says where conditions resemble those of past events, not where or when the next event will happen. Past "
    "counts are often the better short-term forecast; use both.",
    "The map describes places, not the people who live in them or pass through.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorInfo:
    """A risk factor as it was put in.

    Parameters
    ----------
    name, layer : str
        `layer` is the layer's name, without its path; "" where it is not known.
    geometry : {"point", "line", "polygon", ""}
    features : int or None
        None where it is not known.
    operationalisation : {"proximity", "density", "both"}
    max_influence, increment : float
        Largest spatial influence and the step of the ladder, map units.
    direction : {"aggravating", "protective"}
    density_sd : float or None
        Standard deviations above the mean from which a cell counts as dense; None where it is not known, or where
        a percentage says it.
    density_percent : float or None
        Of the cells, the densest, that count as dense.
    warnings : tuple of str, sentences
    """

    name: str
    layer: str
    geometry: str
    features: int | None
    operationalisation: str
    max_influence: float
    increment: float
    direction: str = "aggravating"
    density_sd: float | None = 2.0
    density_percent: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def operationalisation_text(self) -> str:
        """In words, with the density threshold where it matters."""
        dense = f"density ({self.dense_text})" if self.dense_text else "density"
        return {"proximity": "proximity", "density": dense, "both": f"proximity and {dense}"}[self.operationalisation]

    @property
    def dense_text(self) -> str:
        """From which density a cell counts as dense, in words; empty where that is not known."""
        if self.density_percent is not None:
            return f"the densest {plain(self.density_percent)} % of the cells"
        return "" if self.density_sd is None else f"mean + {plain(self.density_sd)} SD"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContext:
    """What the reader must know and the model file does not hold.

    Versions, start, durations, parameters and input hashes are in the model's provenance; the seed in its culling.

    Parameters
    ----------
    title, study_area, outcome : str
    factors : tuple of FactorInfo
    warnings : tuple of str
        Sentences collected while reading the inputs.
    units : str
        Of the CRS, plural: "metres".
    metres_per_unit : float
        For areas in km².
    places_rule : str
        Which cells became priority places, in words.
    places_note : str
        Why these and not those of the rule, a sentence; "" where the rule stands.
    later_events : str
        Name of the events that accuracy was measured against.
    fit_period, later_period : Period
        When the events happened, as far as it is known: those fitted on, and those that accuracy was measured against.
    outcome_source, study_area_source : str
        Layer, filter and selection of the events and of the study area, in full; "" where they are not known.
    boundary_km2 : float or None
        Area within the boundary, which the cells cover and exceed; None where it is not known.
    fit_days : int or None
        Days that the events fitted on cover: those that expected counts are for; None when that is not known.
    data_findings : tuple of Finding
        What was noticed of the events.
    """

    title: str
    study_area: str
    outcome: str
    factors: tuple[FactorInfo, ...]
    warnings: tuple[str, ...] = ()
    units: str = "metres"
    metres_per_unit: float = 1.0
    places_rule: str = "touching cells with a score above mean + 2 SD"
    places_note: str = ""
    later_events: str = ""
    fit_period: Period = field(default_factory=Period)
    later_period: Period = field(default_factory=Period)
    outcome_source: str = ""
    study_area_source: str = ""
    boundary_km2: float | None = None
    fit_days: int | None = None
    data_findings: tuple[Finding, ...] = ()

    @property
    def expected_for(self) -> str:
        """The period that expected counts are for, in words."""
        days = self.fit_days or self.fit_period.days
        return f"in {many(days, 'day')}" if days else "in a period as long as the one fitted on"

    @property
    def feature_count(self) -> int | None:
        """Features of all factors; None where that of one is not known, or there is no factor."""
        known = [factor.features for factor in self.factors if factor.features is not None]
        return sum(known) if known and len(known) == len(self.factors) else None

    def distance(self, value: float) -> str:
        """A distance with its unit."""
        return f"{plain(value)}{NBSP}{self.units}"

    def square_km(self, area: float) -> float:
        """An area in square map units as km²."""
        return area * self.metres_per_unit**2 / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A row of the model: a factor, the intercept, or the dispersion (as its logarithm).

    Parameters
    ----------
    kind : {"risk factor", "protective factor", "adjustment", "intercept", "dispersion"}
    name : str
        The candidate or the adjustment layer; "" for intercept and dispersion.
    rrv, low, high : float or None
        Relative risk value and its 95 % interval exp(coefficient ± 1.96 SE), as if cells were independent; in
        `factor_rows` those that allow for clustering, where the model has them. No interval where nothing gives one.
    sentence : str
    established : bool or None
        None where that was not tested.
    """

    kind: str
    name: str
    factor: str
    operationalisation: str
    distance: float | None
    coefficient: float
    standard_error: float | None
    z: float | None
    p_value: float | None
    rrv: float | None = None
    low: float | None = None
    high: float | None = None
    sentence: str = ""
    established: bool | None = None

    @property
    def is_factor(self) -> bool:
        """Whether it is a selected variable."""
        return self.kind.endswith("factor")

    @property
    def interval(self) -> str:
        """The ends of a factor's interval in words."""
        return "no interval" if self.low is None else f"{number(self.low)} to {number(self.high)}"

    @property
    def is_protective(self) -> bool:
        """Whether its relative risk value divides."""
        return self.kind == "protective factor"

    @property
    def effect(self) -> str:
        """What a factor does to the rate of an exposed cell: "× 2.13" or "÷ 2.26"; "" for other rows."""
        if not self.is_factor or self.rrv is None:
            return ""
        return rrv_text(self.rrv, "protective" if self.is_protective else "aggravating")


@dataclass(frozen=True, slots=True)
class FitSummary:
    """Measures of the chosen model's fit: deviance is −2 log-likelihood."""

    cells: int
    parameters: int
    log_likelihood: float
    aic: float
    bic: float

    @property
    def deviance(self) -> float:
        """−2 log-likelihood."""
        return -2 * self.log_likelihood

    @property
    def residual_df(self) -> int:
        """Cells less parameters."""
        return self.cells - self.parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRow:
    """One family in the comparison."""

    family: str
    label: str
    factors: int
    parameters: int
    log_likelihood: float
    bic: float
    chosen: bool


@dataclass(frozen=True, slots=True)
class CandidateCounts:
    """How many candidates reached each stage; `survived` is None when nothing was culled."""

    made: int
    dropped: int
    survived: int | None
    selected: int


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """A candidate that would do almost as well in its factor's place: BIC less than 6 above the model's."""

    factor: str
    chosen: str
    name: str
    bic_difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceSummary:
    """All priority places together; shares are of the study area's cells and events."""

    count: int
    cells: int
    square_km: float
    share_of_cells: float
    observed: float | None
    share_of_events: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """The score in words and for the QGIS raster calculator.

    Parameters
    ----------
    lowest : float or None
        The smallest value of `raw` over the cells, by which it is divided; None when it is not known.
    bands : tuple of str
        For each candidate named, where to find its band.
    """

    words: str
    raw: str
    score: str
    expected: str
    lowest: float | None
    bands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccuracyRow:
    """Accuracy at one share of the area, with its sentence."""

    figures: Accuracy
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything a reader is told.

    Parameters
    ----------
    headline : tuple of str
        What was found, in sentences, most important first.
    warnings : tuple of str
        What the reader must know before believing it.
    parameters : tuple of Parameter
        As if cells were independent: factors by relative risk value, then intercept, then dispersion.
    factor_rows : tuple of Parameter
        The factors as the reader is told of them: allowing for clustering, where that was tested.
    doubt : Doubt
        How sure it is.
    places : tuple of Place, all of them
    lowest_expected : float or None
        Expected events in a cell of score 1.
    family_sentence, dispersion_sentence, verification : str
    classes : tuple of ScoreClass, highest risk first
    bins : ScoreBins or None
        None when all scores are equal.
    ladders : tuple of FactorLadder
    fit_groups : tuple of FitGroup, lowest expected counts first
    count_rows : tuple of CountRow
    density : DensityNote or None
    cards : tuple of PlaceCard
        Of the first places.
    next_steps, not_shown : tuple of str
        What to do, and what the map does not show; for the first page.
    validation : ValidationFindings or None
        Terrain, forecast and baselines against later events.
    """

    context: ReportContext
    model: RiskModel
    headline: tuple[str, ...]
    warnings: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    factor_rows: tuple[Parameter, ...]
    doubt: Doubt
    fit: FitSummary
    families: tuple[FamilyRow, ...]
    family_sentence: str
    dispersion_sentence: str
    candidate_counts: CandidateCounts
    selection_sentence: str
    runners_up: tuple[RunnerUp, ...]
    formula: Formula
    lowest_expected: float | None
    places: tuple[Place, ...]
    place_summary: PlaceSummary
    accuracy: tuple[AccuracyRow, ...]
    verification: str
    classes: tuple[ScoreClass, ...]
    bins: ScoreBins | None
    ladders: tuple[FactorLadder, ...]
    fit_groups: tuple[FitGroup, ...]
    count_rows: tuple[CountRow, ...]
    density: DensityNote | None
    cards: tuple[PlaceCard, ...]
    next_steps: tuple[str, ...]
    not_shown: tuple[str, ...]
    validation: ValidationFindings | None
    lists: tuple[PlaceList, ...] = ()

    @property
    def caveats(self) -> tuple[str, ...]:
        """The limits of the map, for the end of the report; the first two for the windows, too."""
        return (*CAVEATS[:2], *self.doubt.caveats, *CAVEATS[2:])

    @property
    def accuracy_sentence(self) -> str:
        """Accuracy at the middle share, in words; empty when it was not measured."""
        return middle(self.accuracy).sentence if self.accuracy else ""

    @property
    def highest_expected(self) -> float | None:
        """Expected events in the cell with the highest score."""
        return None if self.lowest_expected is None else self.lowest_expected * self.model.score.max

    def to_json(self) -> str:
        """The text of the findings file: all that the page prints, numbers with ten digits, null where none is."""
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("model", "validation")}
        document = {
            "format": FORMAT,
            "version": VERSION,
            **json_values(told, rounded),
            "validation": None if self.validation is None else json.loads(self.validation.to_json()),
            "model": json.loads(self.model.to_json()),
        }
        return json_text(document)


def middle(measured: Sequence[AccuracyRow]) -> AccuracyRow:
    return measured[len(measured) // 2]
