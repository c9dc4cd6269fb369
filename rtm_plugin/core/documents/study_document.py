"""A whole study as one document: what the wizard fills, saves and runs; no path is opened here."""

import json
import typing
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..errors import FileFormatError, InputError, SettingsError
from .declaration import check_settings, is_number, setting, shown
from .factor_settings import FACTORS_FORMAT, FACTORS_VERSION, ORIGINS, FactorSettings
from .patrol_settings import PatrolSettings
from .periods import Period, refuse_unless_later
from .reading import DocumentReader, json_text, json_values, parse_json
from .settings import MOST_CARDS, MOST_SMOOTHING, PLACE_CARDS, GridSettings, PlaceSettings, SelectionSettings
from .settings import check_version as _check_version

STUDY_FORMAT = "risk-terrain-study"
# 1 lacks weight_field, exposure, adjust and cards, 2 lacks patrol, exposure_smoothing, city, streets and areas.
STUDY_VERSION = 3


@dataclass(frozen=True, slots=True)
class LayerRef:
    """Where a layer lies, as QGIS's data provider knows it.

    Parameters
    ----------
    source : str
        The provider's address of the layer: "city.gpkg|layername=bars".
    name : str
        What people call it.
    provider : str
        Key of the QGIS data provider.
    filter : str
        QGIS expression that chooses features; empty for all.
    """

    source: str
    name: str
    provider: str = "ogr"
    filter: str = ""

    def __post_init__(self) -> None:
        if not self.source.strip() or not self.provider.strip():
            raise SettingsError(f"The layer '{self.name}' has no source; choose the layer again.")


@dataclass(frozen=True, slots=True)
class Factor:
    """A risk factor: its layer, what it is called, how it becomes candidates, and where the data come from.

    Parameters
    ----------
    origin : {"physical", "licensing", "land use", "police-generated"}
        Police-generated data (calls, arrests) feed police activity back into the map; the reader is warned.
    """

    layer: LayerRef
    settings: FactorSettings
    origin: str = "physical"

    def __post_init__(self) -> None:
        if self.origin not in ORIGINS:
            raise SettingsError(
                f"The origin of {self.settings.name} is {self.origin!r}; it must be one of {', '.join(ORIGINS)}."
            )


@dataclass(frozen=True, slots=True)
class Window:
    """First and last day as ISO text; None for no limit."""

    start: str | None = None
    end: str | None = None

    def __post_init__(self) -> None:
        Period.from_iso(self.start, self.end)

    @property
    def period(self) -> Period:
        """The same as a period."""
        return Period.from_iso(self.start, self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDocument:
    """Everything that a study is asked; layers may still be missing while it is being filled.

    Parameters
    ----------
    study_area, exclude, events, later_events : LayerRef or None
    date_field : str
        Of events and later events; empty when no dates are used.
    fit, test : Window
        Days of the events to fit on and to test on; with a test window and no later events, both lie in one layer.
    weight_field : str
        Of events and later events: how many events a row stands for; empty when each is one.
    exposure : LayerRef or None
        Raster on the study grid of what there is for events to happen to.
    exposure_smoothing : float
        Standard deviation, in cells, of the weights that average it over the cells around; 0 leaves it.
    adjust : tuple of LayerRef
        Rasters on the study grid that are always in the model.
    city : tuple of LayerRef
        Layers whose features tell where the city is, for an adjustment made of them; without filters.
    streets, areas : LayerRef or None
        Lines and polygons, such as wards, by whose names places are told.
    cards : int
        How many of the first places get a card in the report.
    marking : str or None
        Protective marking of everything that comes of the study; "" for none, None for that of the settings page.

    Examples
    --------
    >>> study = StudyDocument(title="Robbery", events=LayerRef("city.gpkg|layername=events", "Robbery"))
    >>> StudyDocument.from_json(study.to_json()) == study
    True
    >>> study.missing()
    'The study has no study area; choose the layer that holds its boundary.'
    """

    title: str = ""
    study_area: LayerRef | None = None
    exclude: LayerRef | None = None
    events: LayerRef | None = None
    later_events: LayerRef | None = None
    date_field: str = ""
    fit: Window = field(default_factory=Window)
    test: Window = field(default_factory=Window)
    factors: tuple[Factor, ...] = ()
    grid: GridSettings = field(default_factory=lambda: GridSettings(200.0))
    selection: SelectionSettings = field(default_factory=SelectionSettings)
    places: PlaceSettings = field(default_factory=PlaceSettings)
    patrol: PatrolSettings = field(default_factory=PatrolSettings)
    weight_field: str = ""
    exposure: LayerRef | None = None
    exposure_smoothing: float = 0.0
    adjust: tuple[LayerRef, ...] = ()
    city: tuple[LayerRef, ...] = ()
    streets: LayerRef | None = None
    areas: LayerRef | None = None
    cards: int = field(
        default=PLACE_CARDS,
        metadata=setting(
            parameter="PLACE_CARDS",
            kind="whole",
            label="Cards of priority places in the report",
            help="How many of the first places get a page of their own in the report, with a map and what stands near.",
            noun="The number of cards",
            least=0,
            most=MOST_CARDS,
            advanced=True,
            page="Places with a &card in the report",
        ),
    )
    marking: str | None = None

    def __post_init__(self) -> None:
        check_settings(self)
        if not (is_number(self.exposure_smoothing) and 0 <= self.exposure_smoothing <= MOST_SMOOTHING):
            raise SettingsError(
                f"The smoothing of the exposure is {shown(self.exposure_smoothing)}; it must be a number of cells from "
                f"0 to {MOST_SMOOTHING:g}."
            )
        filtered = next((layer.name for layer in self.city if layer.filter), None)
        if filtered is not None:
            raise SettingsError(f"The layer '{filtered}' tells where the city is, and takes no filter; remove it.")

    @property
    def candidate_count(self) -> int:
        """How many candidate variables the factors make."""
        return sum(factor.settings.candidate_count for factor in self.factors)

    @property
    def layers(self) -> tuple[LayerRef, ...]:
        """Every layer of features that the study names, in order."""
        first = (self.study_area, self.exclude, self.events, self.later_events)
        factors = (factor.layer for factor in self.factors)
        named = (*first, *factors, *self.city, self.streets, self.areas)
        return tuple(layer for layer in named if layer is not None)

    @property
    def rasters(self) -> tuple[LayerRef, ...]:
        """Every raster that the study names, in order."""
        return (*((self.exposure,) if self.exposure is not None else ()), *self.adjust)

    def missing(self) -> str:
        """What the study still lacks before it can run, in a sentence with the remedy; empty when it is whole."""
        if self.study_area is None:
            return "The study has no study area; choose the layer that holds its boundary."
        return self.outcome_problem() or self.factors_problem()

    def outcome_problem(self) -> str:
        """The same of the outcome alone."""
        if self.events is None:
            return "The study has no outcome; choose the layer that holds the events."
        if (self.fit.period.known or self.test.period.known) and not self.date_field:
            return "A window of dates is given, but no date field; choose the field that says when events happened."
        try:
            refuse_unless_later(self.fit.period, self.test.period)
        except InputError as error:
            return str(error)
        if self.later_events is not None and self.later_events == self.events and not self.test.period.known:
            return "The later events are the same layer as the outcome; choose another layer, or a test window."
        return ""

    def factors_problem(self) -> str:
        """The same of the risk factors alone."""
        if not self.factors:
            return "The study has no risk factor; add at least one layer."
        seen: set[str] = set()
        for factor in self.factors:
            name = factor.settings.name.strip().casefold()
            if name in seen:
                return f"Two risk factors are called '{factor.settings.name}'; give them different names."
            seen.add(name)
        return ""

    def warnings(self) -> tuple[str, ...]:
        """What the reader of the result must know about the sources."""
        named = [factor.settings.name for factor in self.factors if factor.origin == "police-generated"]
        if not named:
            return ()
        return (
            f"Generated by police activity: {', '.join(named)}. The report will warn that such factors can feed past "
            "policing back into the map; run the study without them too, and compare.",
        )

    def with_layers(self, change: typing.Callable[[LayerRef], LayerRef]) -> "StudyDocument":
        """The same study with every layer changed, to make paths relative or absolute."""

        def changed(layer: LayerRef | None) -> LayerRef | None:
            return None if layer is None else change(layer)

        return replace(
            self,
            study_area=changed(self.study_area),
            exclude=changed(self.exclude),
            events=changed(self.events),
            later_events=changed(self.later_events),
            exposure=changed(self.exposure),
            adjust=tuple(change(layer) for layer in self.adjust),
            city=tuple(change(layer) for layer in self.city),
            streets=changed(self.streets),
            areas=changed(self.areas),
            factors=tuple(replace(factor, layer=change(factor.layer)) for factor in self.factors),
        )

    def to_json(self) -> str:
        """The text of the study file (resources/schema/study.schema.json)."""
        return json_text({"format": STUDY_FORMAT, "version": STUDY_VERSION, **json_values(self)})

    @classmethod
    def from_json(cls, text: str) -> "StudyDocument":
        """Read the text of a study file.

        Raises
        ------
        FileFormatError, SettingsError
            Damaged, foreign, from a newer version, or with an impossible value.
        """
        document = parse_json(text, "The study file")
        if not isinstance(document, dict) or document.get("format") != STUDY_FORMAT:
            raise FileFormatError(f'The file is not a study: it lacks "format": "{STUDY_FORMAT}".')
        _check_version(document, STUDY_VERSION, "The contents of the study file")
        given = {key: value for key, value in document.items() if key not in ("format", "version")}
        reader = DocumentReader("The study file", unknown_refused=True, defaults=True)
        return typing.cast("StudyDocument", reader.read(cls, given, "the study"))


def factor_settings_json(factors: Sequence[Factor], layer_names: Sequence[str]) -> str:
    """FACTOR_SETTINGS of rtm:run; `layer_names` are the names under which the run knows each factor's layer."""
    entries = [
        {"layer": name, "filter": factor.layer.filter, "origin": factor.origin, **json_values(factor.settings)}
        for factor, name in zip(factors, layer_names, strict=True)
    ]
    document = {"format": FACTORS_FORMAT, "version": FACTORS_VERSION, "factors": entries}
    return json.dumps(document, ensure_ascii=False, allow_nan=False)
