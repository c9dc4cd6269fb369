"""What is asked of patrol places: for how much ground there are people, how large a place is, and how far apart."""

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from ..errors import SettingsError
from .declaration import check_settings, is_number, setting, shown

BudgetRule = Literal["share", "count", "area"]

BUDGET_RULES: tuple[str, ...] = get_args(BudgetRule)


@dataclass(frozen=True, slots=True)
class PatrolSettings:
    """Which cells become patrol places.

    Parameters
    ----------
    rule : {"share", "count", "area"}
    budget : float
        share: percent of the cells; count: places; area: hectares.
    max_area : float, optional
        Largest area of one place, square map units; 4 hectares or 4 cells, whichever is more, when None.
    min_distance : float, optional
        Gap between the edges of two places, map units; places may touch when None.
    """

    rule: str = field(
        default="share",
        metadata=setting(
            parameter="BUDGET_RULE",
            kind="choice",
            label="Patrol places are limited by",
            help="'share': the budget is the percentage of the area that they may cover; 'count': how many there may "
            "be; 'area': how many hectares they may cover.",
            noun="The rule of the budget for patrol places",
            choices=BUDGET_RULES,
            page="Patrol places are &limited by",
            words={
                "share": "the percent of the area that they cover",
                "count": "their number",
                "area": "the hectares that they cover",
            },
        ),
    )
    budget: float = field(
        default=1.0,
        metadata=setting(
            parameter="BUDGET",
            kind="number",
            label="Budget for patrol places",
            help="For 'share' a percentage of the area; for 'count' a number of places; for 'area' hectares. At least "
            "one cell is taken.",
            least=0,
            page="Budget of patr&ol places",
            typed_most=1_000_000,
            decimals=2,
        ),
    )
    max_area: float | None = field(
        default=None,
        metadata=setting(
            parameter="MAX_AREA",
            kind="area",
            label="Largest area of one patrol place",
            help="What a patrol can be present in, in the map's square units; 4 hectares or 4 cells, whichever is "
            "more, when empty.",
            noun="The largest area of a patrol place",
            optional=True,
            page="A patrol place is no larger than (&square map units)",
            decimals=0,
            step=10_000,
            when_empty="4 hectares or 4 cells, whichever is more",
        ),
    )
    min_distance: float | None = field(
        default=None,
        metadata=setting(
            parameter="MIN_DISTANCE",
            kind="length",
            label="Least distance between patrol places",
            help="Gap between the edges of two places, in map units; they may touch when empty. Places that must lie "
            "apart expect fewer events together, and the log says how many fewer.",
            noun="The least distance between patrol places",
            optional=True,
            page="Pat&rol places lie apart by (map units)",
            decimals=0,
            step=100,
            when_empty="nothing: they may touch",
        ),
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if not (is_number(self.budget) and 0 < self.budget < math.inf):
            raise SettingsError(f"The budget for patrol places is {shown(self.budget)}; it must be a number above 0.")
        if self.rule == "share" and self.budget > 100:
            raise SettingsError(
                f"The budget for patrol places is {self.budget:g} percent of the area; it must be 100 or less."
            )
        if self.rule == "count" and self.budget != int(self.budget):
            raise SettingsError(
                f"The budget for patrol places is {self.budget:g} places; it must be a whole number of them."
            )
