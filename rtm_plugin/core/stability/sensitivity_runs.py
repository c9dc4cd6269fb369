"""What came of each variation of a study, and what all of them say of each factor."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from ..accuracy.backtest import settings_json
from ..documents.reading import DocumentReader, parse_json


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenTerm:
    """One variable of the model that a run ends with: what its scores are made of."""

    name: str
    factor: str
    direction: str
    coefficient: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivityRun:
    """What came of one variation.

    Parameters
    ----------
    choice, value : str
        As the variation has them.
    cells : int
    events : float, in these cells
    family : str
    terms : tuple of ChosenTerm
        The model as it ends, without the factors that are not established where these leave it.
    selected : tuple of str
        The factors that the selection chose, before that.
    established : tuple of str, or None
        None where it was not asked for, or cannot be tested.
    correlation : float or None
        Spearman's rank correlation of the scores with those of the study as asked; None where a map has one score only.
    overlap : float or None
        Share of the highest-scored twentieth of the area that both have in common.
    note : str
        Why there is no model, or why factors could not be tested, in a sentence.
    """

    choice: str
    value: str
    cells: int = 0
    events: float = 0.0
    family: str = ""
    terms: tuple[ChosenTerm, ...] = ()
    selected: tuple[str, ...] = ()
    established: tuple[str, ...] | None = None
    correlation: float | None = None
    overlap: float | None = None
    note: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """As that of the variation."""
        return self.choice, self.value

    @property
    def name(self) -> str:
        """As that of the variation."""
        return f"{self.choice} {self.value}".rstrip()

    @property
    def fitted(self) -> bool:
        """Whether there is a model, be it one without factors."""
        return bool(self.family)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorSensitivity:
    """One factor over all runs.

    Parameters
    ----------
    runs, selected : int
        Runs with a model, and those in which the selection chose the factor.
    tested, established : int
        Runs in which factors could be tested, and those in which this one is established.
    as_asked : str
        Of the study as asked: "established", "selected" or "".
    otherwise : tuple of str
        The runs that say something else of it.
    """

    factor: str
    runs: int
    selected: int
    tested: int
    established: int
    as_asked: str
    otherwise: tuple[str, ...]

    @property
    def selected_share(self) -> float:
        """Share of the runs with a model."""
        return self.selected / self.runs

    @property
    def established_share(self) -> float | None:
        """Share of the runs with a test; None without any."""
        return self.established / self.tested if self.tested else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """All runs, the study as asked first, and what they say of each factor."""

    runs: tuple[SensitivityRun, ...]
    factors: tuple[FactorSensitivity, ...]

    @classmethod
    def of(cls, factors: Iterable[str], runs: Sequence[SensitivityRun]) -> "Sensitivity":
        """Count the runs by factor; runs without a model say nothing of any.

        Examples
        --------
        >>> first = SensitivityRun(choice="as asked", value="", family="nb1", selected=("bars",), established=("bars",))
        >>> from dataclasses import replace
        >>> other = replace(first, choice="cell size", value="75", established=())
        >>> (bars,) = Sensitivity.of(["bars"], [first, other]).factors
        >>> bars.selected_share, bars.established_share, bars.as_asked, bars.otherwise
        (1.0, 0.5, 'established', ('cell size 75',))
        """
        fitted = [run for run in runs if run.fitted]
        return cls(runs=tuple(runs), factors=tuple(_counted(name, fitted) for name in dict.fromkeys(factors)))


def _counted(factor: str, fitted: Sequence[SensitivityRun]) -> FactorSensitivity:
    said = [_said(factor, run) for run in fitted]
    tested = [run for run in fitted if run.established is not None]
    return FactorSensitivity(
        factor=factor,
        runs=len(fitted),
        selected=sum(factor in run.selected for run in fitted),
        tested=len(tested),
        established=said.count("established"),
        as_asked=said[0],
        otherwise=tuple(run.name for run, what in zip(fitted, said, strict=True) if what != said[0]),
    )


def run_text(run: SensitivityRun) -> str:
    """A run as JSON in one line, every digit kept; `run_of` reads it.

    Separators are written as escapes, so that no cell of a table is a formula to anybody, and no text is changed to
    keep it from being one.
    """
    return settings_json(asdict(run)).replace(";", r"\u003b").replace("|", r"\u007c")


def run_of(text: str) -> SensitivityRun:
    """A run from its JSON.

    Raises
    ------
    FileFormatError

    Examples
    --------
    >>> run = SensitivityRun(choice="family", value="nb1", family="nb1", selected=("bars; pubs",), correlation=1 / 3)
    >>> run_of(run_text(run)) == run
    True
    """
    reader = DocumentReader("A run of the file", unknown_refused=True, defaults=False)
    run: SensitivityRun = reader.read(SensitivityRun, parse_json(text, reader.name), "the run")
    return run


def _said(factor: str, run: SensitivityRun) -> str:
    if factor in (run.established or ()):
        return "established"
    return "selected" if factor in run.selected else ""
