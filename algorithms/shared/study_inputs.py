"""The layers and settings of a whole study: declared, read and handed to core; shared by what runs whole studies."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qgis.core import (
    Qgis,
    QgsCoordinateReferenceSystem,
    QgsMapLayer,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterString,
    QgsVectorLayer,
)

from ...rtm_plugin.adapters.crs import crs_text, metres_per_unit, units_text
from ...rtm_plugin.adapters.fields import guessed_name_field
from ...rtm_plugin.adapters.layers import (
    ReadLayer,
    layer_name,
    read_layer,
    warn_if_cut_at_boundary,
)
from ...rtm_plugin.core.data.study_findings import FactorLayer, factors_findings, refuse_errors, size_findings
from ...rtm_plugin.core.documents.factor_settings import FactorSettings, LayerSettings
from ...rtm_plugin.core.documents.findings import Finding
from ...rtm_plugin.core.documents.layer_words import proposed_title
from ...rtm_plugin.core.documents.periods import Period, refuse_unless_later
from ...rtm_plugin.core.documents.settings import GridSettings, PlaceSettings, SelectionSettings
from ...rtm_plugin.core.errors import InputError
from ...rtm_plugin.core.ground.features import inside, polygon_area
from ...rtm_plugin.core.ground.grid import Grid
from ...rtm_plugin.core.model.model_findings import few_places_finding
from ...rtm_plugin.core.pipeline import count
from ...rtm_plugin.core.study import Study
from ...rtm_plugin.core.terrain.places import TOP_SHARE, Places
from ...rtm_plugin.report.findings import FactorInfo, ReportContext
from .base import RtmAlgorithm, tr
from .data_findings import findings_of_events
from .event_dates import add_weight_field, read_points, require_date_field, window_of
from .parameters import (
    add_study_area,
    no_event_inside,
    read_covariates,
    read_factor_settings,
    read_source,
    read_study_area,
    source_item,
)
from .request import Request
from .settings import read_settings
from .whereabouts import StreetsAndAreas, read_streets_and_areas


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All layers of a study, read into the study area's CRS."""

    area: ReadLayer
    exclude: ReadLayer | None
    events: ReadLayer
    test_events: ReadLayer | None
    factors: list[tuple[ReadLayer, FactorSettings]]
    title: str
    crs: QgsCoordinateReferenceSystem
    factor_findings: tuple[Finding, ...] = ()
    told_by: StreetsAndAreas = field(default_factory=StreetsAndAreas)

    @property
    def all(self) -> list[tuple[str, ReadLayer]]:
        """Role and layer of every input."""
        optional = (("excluded ground", self.exclude), ("test events", self.test_events))
        return [
            ("study area", self.area),
            ("events", self.events),
            *((role, read) for role, read in optional if read is not None),
            *(("factor", read) for read, _ in self.factors),
            *self.told_by.all,
        ]

    @property
    def sources(self) -> list[dict[str, Any]]:
        """Provenance of every input."""
        return [source_item(role, read) for role, read in self.all]

    @property
    def fitted_on(self) -> list[dict[str, Any]]:
        """Provenance of the inputs that model and forecast are made from."""
        others = (self.test_events, self.told_by.streets, self.told_by.areas)
        return [source_item(role, read) for role, read in self.all if not any(read is other for other in others)]

    def findings(self, grid: Grid) -> tuple[Finding, ...]:
        """What is to be said of the factors, of the study's size, and of the events on a grid, fitted and tested on."""
        part = self.area.report.words.is_part
        counted = count(grid, self.events.features.coordinates, self.events.values)
        window = tr("the fitting window")
        listed = (
            *self.factor_findings,
            *size_findings(
                events=counted.inside, cells=grid.cells, block_length=grid.block_length, factors=len(self.factors)
            ),
            *findings_of_events(self.events, grid, window, area_is_part=part, events=counted),
        )
        if self.test_events is None:
            return listed
        tested, window = self.test_events, tr("the test window")
        return (*listed, *findings_of_events(tested, grid, window, area_is_part=part, with_spots=False))


def add_study_layers(algorithm: RtmAlgorithm) -> None:
    """STUDY_AREA, EVENTS, FACTORS, FACTOR_SETTINGS."""
    add_study_area(algorithm)
    algorithm.add(
        QgsProcessingParameterFeatureSource("EVENTS", tr("Outcome events"), [Qgis.ProcessingSourceType.Vector]),
        tr(
            "Points of the crimes or incidents to explain, or a table such as a CSV file with longitude and "
            "latitude or easting and northing. Those outside the study area are counted and left out."
        ),
    )
    add_weight_field(
        algorithm,
        tr(
            "Number of events that each row stands for, where the table counts them: whole numbers; 1 when empty. "
            "Later events are counted by the same field."
        ),
    )
    algorithm.add(
        QgsProcessingParameterMultipleLayers("FACTORS", tr("Risk factors"), Qgis.ProcessingSourceType.Vector),
        tr(
            "Layers of points, lines or polygons, one for each kind of feature. Include features outside the "
            "study area within the largest influence."
        ),
    )
    algorithm.add(
        QgsProcessingParameterString(
            "FACTOR_SETTINGS", tr("Factor settings (JSON text or file)"), multiLine=True, optional=True
        ),
        tr(
            "Settings of single factors, where they differ from those below: name, filter, operationalisation, "
            "max_blocks, increment, direction, density_sd, density_percent, origin. JSON text, or the path of a JSON "
            "file; the help shows an example."
        ),
        advanced=True,
    )


def read_inputs(request: Request, with_names: bool = False) -> Inputs:
    """Every layer of a study; the events of its windows, where it has some; the names of features, where wanted.

    Raises
    ------
    InputError
        A layer that cannot be used, no event inside, or a test window that is not after the fitting window.
    """
    area, crs = read_study_area(request)
    exclude = None
    if request.given("EXCLUDE"):
        exclude = read_source(request, "EXCLUDE", crs, wanted="polygon", dissolve=True)
    events, test_events = _fitted_and_tested(request, crs)
    for read in (events, test_events):
        if read is not None and not inside(area.features, read.features.coordinates).any():
            raise InputError(no_event_inside(read))
    told_by = read_streets_and_areas(request, crs, area.features.extent)
    factors = read_factors(request, area, crs, with_names)
    title = request.text("TITLE").strip()
    title = title or proposed_title(events.report.words, area.report.words, events.period)
    block_length = request.number("BLOCK_LENGTH")
    layers = [factor_layer(read, settings, block_length) for read, settings in factors]
    noticed = factors_findings(area.features, events.features.coordinates, layers, events.report.name)
    refuse_errors(noticed)
    return Inputs(
        area=area,
        exclude=exclude,
        events=events,
        test_events=test_events,
        factors=factors,
        title=title,
        crs=crs,
        factor_findings=noticed,
        told_by=told_by,
    )


def factor_layer(read: ReadLayer, settings: FactorSettings, block_length: float) -> FactorLayer:
    """A factor as core looks at it, before its candidates are made."""
    return FactorLayer(settings.name, read.features, settings.distances(block_length)[-1])


def _fitted_and_tested(request: Request, crs: QgsCoordinateReferenceSystem) -> tuple[ReadLayer, ReadLayer | None]:
    """The events to fit on and those to test on: two layers, or two windows of one."""
    fit, test = (window_of(request, prefix) for prefix in ("FIT_", "TEST_"))
    refuse_unless_later(fit, test)
    field = request.text("EVENT_DATE_FIELD")
    for window in (fit, test):
        require_date_field(field, window)
    weight = request.text("WEIGHT_FIELD")

    def read(name: str, demanded: bool) -> ReadLayer:
        return read_points(request, name, crs, field, value_field=weight, demanded=demanded)

    def counted(rows: ReadLayer) -> ReadLayer:
        return rows.counted(weight) if weight else rows

    whole = read("EVENTS", demanded=True)
    events = counted(whole.during(fit, request.feedback) if fit.known else whole)
    later = read("TEST_EVENTS", demanded=bool(test.known)) if request.given("TEST_EVENTS") else None
    if test.known:
        later = (later or whole).during(test, request.feedback)
    later = counted(later) if later is not None else None
    if later is not None:
        refuse_unless_later(events.period, later.period)
    return events, later


def read_factors(
    request: Request,
    area: ReadLayer,
    crs: QgsCoordinateReferenceSystem,
    with_names: bool = False,
) -> list[tuple[ReadLayer, FactorSettings]]:
    """Every risk factor with its settings."""
    layers = request.layers("FACTORS")
    block_length = request.number("BLOCK_LENGTH")
    factors = []
    for layer, entry, settings in _entries(request, layers):
        if not isinstance(layer, QgsVectorLayer):
            raise InputError(
                f"The risk factor '{layer.name()}' is not a vector layer; choose points, lines or polygons."
            )
        name_field = (guessed_name_field(layer.fields()) or None) if with_names else None
        wanted = {"expression": entry.filter, "layer": layer, "name_field": name_field}
        read = read_layer(layer, settings.name, crs, request.context, request.feedback, **wanted)
        if entry.origin == "police-generated":
            read.report.warnings.append(
                f"'{settings.name}' is generated by police activity, which can feed past policing back into the map; "
                "run the study without it too, and compare."
            )
        warn_if_cut_at_boundary(read, area.features, settings.distances(block_length)[-1], units_text(crs))
        read.report.tell(request.feedback)
        factors.append((read, settings))
    return factors


def _entries(
    request: Request, layers: Sequence[QgsMapLayer]
) -> list[tuple[QgsMapLayer, LayerSettings, FactorSettings]]:
    """Every layer with each of its entries in FACTOR_SETTINGS, or with the defaults."""
    given = request.given("FACTOR_SETTINGS")
    if not isinstance(given, (dict, list)):  # qgis_process hands over nested JSON as it is
        given = request.text("FACTOR_SETTINGS")
    entries = read_factor_settings(given)
    names = [layer_name(layer) for layer in layers]
    for entry in entries:
        if entry.layer not in names:
            raise InputError(
                f"The factor settings name the layer '{entry.layer}', which is not among the risk factors "
                f"({', '.join(names)}); add the layer or correct the name."
            )
    chosen = []
    # Each entry brings its name.
    defaults = read_settings(request, FactorSettings, name="the defaults")
    for layer, name in zip(layers, names, strict=True):
        matching = [entry for entry in entries if entry.layer == name] or [LayerSettings(name)]
        chosen.extend((layer, entry, entry.factor(defaults)) for entry in matching)
    return chosen


def study_of(request: Request, inputs: Inputs) -> Study:
    """What core is asked."""
    return Study(
        study_area=inputs.area.features,
        crs=crs_text(inputs.crs),
        events=inputs.events.features.coordinates,
        factors=[(read.features, settings) for read, settings in inputs.factors],
        grid=read_settings(request, GridSettings),
        selection=read_settings(request, SelectionSettings),
        places=read_settings(request, PlaceSettings),
        exclude=inputs.exclude.features if inputs.exclude else None,
        covariates=lambda grid: read_covariates(request, grid),
        period=inputs.events.period,
        days=inputs.events.days,
    )


def area_text(inputs: Inputs, grid: Grid) -> str:
    """The area of the cells and that of the study area itself, which is never quite the same."""
    square = metres_per_unit(inputs.crs) ** 2 / 1e6
    return tr("{:,} cells cover {:,.2f} km²; the study area itself, within its boundary, has {:,.2f} km².").format(
        grid.cells, grid.cells * grid.cell_size**2 * square, polygon_area(inputs.area.features) * square
    )


def report_context(inputs: Inputs, study: Study, data_findings: Sequence[Finding] = ()) -> ReportContext:
    """What the report tells of the inputs, and of what was noticed in them."""
    outcome, area = inputs.events.report.words, inputs.area.report.words
    metres = metres_per_unit(inputs.crs)
    block = study.grid.block_length
    factors = tuple(
        FactorInfo(
            name=settings.name,
            layer=read.report.name,
            geometry=read.features.geometry,
            features=read.report.features,
            operationalisation=settings.operationalisation,
            max_influence=settings.distances(block)[-1],
            increment=settings.distances(block)[0],
            direction=settings.direction,
            density_sd=None if settings.density_percent else settings.density_sd,
            density_percent=settings.density_percent or None,
            warnings=tuple(read.report.warnings),
        )
        for read, settings in inputs.factors
    )
    later = inputs.test_events
    return ReportContext(
        title=inputs.title,
        study_area=area.place,
        outcome=outcome.events,
        factors=factors,
        warnings=tuple(warning for role, read in inputs.all if role != "factor" for warning in read.report.warnings),
        units=units_text(inputs.crs),
        metres_per_unit=metres,
        places_rule=rule_text(study.places, metres),
        later_events=later.report.words.events if later else "",
        fit_period=inputs.events.period,
        later_period=later.period if later else Period(),
        outcome_source=outcome.source,
        study_area_source=area.source,
        boundary_km2=polygon_area(inputs.area.features) * metres**2 / 1e6,
        fit_days=inputs.events.days,
        data_findings=tuple(data_findings),
    )


def rule_text(places: PlaceSettings, metres: float) -> str:
    """The rule for priority places in words; `metres` is the length of a map unit."""
    square_km = (places.max_area or 0.0) * metres**2 / 1e6
    return _chosen(places) + (tr(", split to at most {:g} km²").format(square_km) if square_km else "")


def with_places(about: ReportContext, places: Places, settings: PlaceSettings) -> ReportContext:
    """What the report tells, with the rule by which its priority places were taken."""
    few = few_places_finding(places, settings)
    taken = settings if few is None else replace(settings, rule="share", value=TOP_SHARE)
    note = "" if few is None else few.sentence
    return replace(about, places_rule=rule_text(taken, about.metres_per_unit), places_note=note)


def _chosen(places: PlaceSettings) -> str:
    if places.rule == "class":
        return tr("touching cells with a score above mean") + (f" + {places.value:g} SD" if places.value else "")
    if places.rule == "share":
        return tr("touching cells among the {:g} percent with the highest scores").format(places.value)
    return tr("touching cells among the {:g} with the highest scores").format(places.value)
