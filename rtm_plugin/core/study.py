"""What a run is asked, and the events that it counts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .arrays import Floats
from .candidates.covariates import Covariates
from .documents.factor_settings import FactorSettings
from .documents.periods import Period
from .documents.settings import GridSettings, PlaceSettings, SelectionSettings
from .errors import InputError
from .ground.features import Features
from .ground.frames import features_of, merged
from .ground.grid import Grid


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Counts of the outcome events on a grid.

    Parameters
    ----------
    counts : (cells,) float64
    inside, outside : float
        Number of events that count, and that lie outside the study area; the sums of their weights where they have any.
    period : Period
        When they happened, as far as it is known.
    left_out : float
        Those in the study area on ground without a cell.
    days : int or None
        Days that they cover, without stretches where data are missing; None when that is not known.
    """

    counts: Floats
    inside: float
    outside: float
    period: Period = field(default_factory=Period)
    left_out: float = 0.0
    days: int | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Study:
    """All that a run needs, as arrays and settings.

    Parameters
    ----------
    study_area : Features of polygons
    events : (m, 2) float64
    factors : sequence of (Features, FactorSettings)
    exclude : Features of polygons, optional
    covariates : function of the grid that gives its Covariates, optional
    period : Period
        When the events happened, as far as it is known.
    days : int or None
        Days that the events cover; None when that is not known.
    """

    study_area: Features
    crs: str
    events: Floats
    factors: Sequence[tuple[Features, FactorSettings]]
    grid: GridSettings
    selection: SelectionSettings
    places: PlaceSettings
    exclude: Features | None = None
    covariates: Callable[[Grid], Covariates | None] | None = None
    period: Period = field(default_factory=Period)
    days: int | None = None

    @classmethod
    def of(
        cls,
        area: Any,
        events: Any,
        factors: Mapping[str, Any],
        block: float,
        *,
        exclude: Any = None,
        factor_settings: Mapping[str, Mapping[str, Any]] | None = None,
        **settings: Any,
    ) -> "Study":
        """A study from GeoDataFrames (or GeoSeries), all in the study area's projected CRS.

        Parameters
        ----------
        area : GeoDataFrame of polygons
        events : GeoDataFrame of points
        factors : mapping of name → GeoDataFrame of points, lines or polygons
        block : float
            Mean length of a street block, map units; cells are half of it.
        exclude : GeoDataFrame of polygons, optional
        factor_settings : mapping of factor → settings of its own, fields of FactorSettings
        **settings
            `grid`, `selection`, `places`, `covariates`, `period`, `days`, as the fields of the class.

        Raises
        ------
        InputError
            A wrong type, CRS or geometry.
        SettingsError
            An impossible setting.
        """
        apart = dict(factor_settings or {})
        if unknown := sorted(set(apart) - set(factors)):
            raise InputError(f"There are settings for {', '.join(unknown)}, which are no factors; correct the names.")
        study_area = features_of(area, "study area", wanted="polygon")
        crs = area.crs
        return cls(
            study_area=study_area,
            crs=crs.to_wkt(),
            events=features_of(events, "events", crs, "point").coordinates,
            factors=[
                (features_of(frame, name, crs), FactorSettings(name=name, **apart.get(name, {})))
                for name, frame in factors.items()
            ],
            exclude=None if exclude is None else merged(exclude, "excluded ground", crs),
            **{
                "grid": GridSettings(block),
                "selection": SelectionSettings(),
                "places": PlaceSettings(),
                **settings,
            },
        )
