"""What is asked: frozen settings. An impossible value is refused by the constructor, with the remedy."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ..errors import FileFormatError, SettingsError
from .declaration import check_settings, is_number, setting, shown

CellRule = Literal["intersects", "centre"]
GridOrigin = Literal["aligned", "corner"]
FamilyChoice = Literal["auto", "poisson", "nb1", "nb2", "all"]
PlaceRule = Literal["class", "share", "count"]
SignificanceTest = Literal["spatial", "plain"]

CELL_RULES: tuple[str, ...] = get_args(CellRule)
GRID_ORIGINS: tuple[str, ...] = get_args(GridOrigin)
FAMILY_CHOICES: tuple[str, ...] = get_args(FamilyChoice)
PLACE_RULES: tuple[str, ...] = get_args(PlaceRule)
SIGNIFICANCE_TESTS: tuple[str, ...] = get_args(SignificanceTest)

PLACE_CARDS = 10  # priority places that get a card of their own in the report, unless said otherwise
MOST_CARDS = 100
MOST_SMOOTHING = 20.0  # cells

FAMILIES = {
    "auto": ("poisson", "nb1"),
    "poisson": ("poisson",),
    "nb1": ("nb1",),
    "nb2": ("nb2",),
    "all": ("poisson", "nb1", "nb2"),
}


@dataclass(frozen=True, slots=True)
class GridSettings:
    """How the study area is cut into cells (method.md §2).

    Parameters
    ----------
    block_length : float
        Mean length of a street block, map units.
    cell_size : float, optional
        Map units; half a block when None.
    cell_rule : {"intersects", "centre"}
    grid_origin : {"aligned", "corner"}
        "aligned": cell edges at multiples of the cell size; "corner": at the lower left of the study area.
    """

    block_length: float = field(
        metadata=setting(
            parameter="BLOCK_LENGTH",
            kind="length",
            label="Block length",
            help="Mean length of a street block. Spatial influences are steps of half or whole blocks.",
            noun="The block length",
            proposed=200.0,
        )
    )
    cell_size: float | None = field(
        default=None,
        metadata=setting(
            parameter="CELL_SIZE",
            kind="length",
            label="Cell size (half a block when empty)",
            help="Side of the square cells; leave empty for half the block length, which is the standard.",
            noun="The cell size",
            optional=True,
            advanced=True,
        ),
    )
    cell_rule: str = field(
        default="intersects",
        metadata=setting(
            parameter="CELL_RULE",
            kind="choice",
            label="Cells are kept that",
            help="'intersects' keeps a cell that shares ground with the study area; 'centre' keeps it when its centre "
            "lies inside.",
            noun="The cell rule",
            choices=CELL_RULES,
            advanced=True,
            page="Cells are &kept that",
            words={
                "intersects": "share ground with the study area",
                "centre": "have their centre in the study area",
            },
        ),
    )
    grid_origin: str = field(
        default="aligned",
        metadata=setting(
            parameter="GRID_ORIGIN",
            kind="choice",
            label="Grid origin",
            help="'aligned' puts cell edges at multiples of the cell size, so that neighbouring areas and later runs "
            "share cells; 'corner' starts at the lower left corner of the study area.",
            noun="The grid origin",
            choices=GRID_ORIGINS,
            advanced=True,
            page="The grid starts &at",
            words={
                "aligned": "multiples of the cell size, so that areas and runs share cells",
                "corner": "the lower left corner of the study area",
            },
        ),
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.cell_size is not None and self.cell_size > self.block_length:
            raise SettingsError(
                f"The cell size {self.cell_size:g} is larger than the block length {self.block_length:g}; choose "
                "cells of half a block or smaller."
            )

    @property
    def size(self) -> float:
        """The cell size, map units."""
        return self.block_length / 2 if self.cell_size is None else self.cell_size


def check_version(document: Mapping[str, Any], newest: int, what: str) -> None:
    """Refuse a document from a newer version of the plugin, or one without a version."""
    version = document.get("version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise FileFormatError(f'{what} have no valid "version"; they are damaged or not ours.')
    if version > newest:
        raise FileFormatError(
            f"{what} are of version {version}, and this plugin reads up to version {newest}; update the plugin."
        )


@dataclass(frozen=True, slots=True)
class SelectionSettings:
    """How the model is chosen (method.md §4).

    Parameters
    ----------
    family : {"auto", "poisson", "nb1", "nb2", "all"}
        "auto" tries Poisson and NB1 and keeps the lower BIC; "all" tries NB2 as well.
    folds : int
        Folds of the cross-validation, 2 to 50.
    seed : int
        Seeds the fold labels: the only random thing.
    cull : bool
        Whether an elastic net culls the candidates before the stepwise selection.
    significance : {"spatial", "plain"}
        Whether what is selected is tested against the same layers shifted about the map (method.md §10).
    keep_unestablished : bool
        Whether factors that this test does not establish stay in the model, marked.
    draws : int
        How often the folds are drawn; the deviances of all draws are averaged.
    """

    family: str = field(
        default="auto",
        metadata=setting(
            parameter="FAMILY",
            kind="choice",
            label="Family",
            help="Distribution of the counts. 'auto' tries Poisson and NB1 (the negative binomial of RTMDx) and keeps "
            "the lower BIC; 'all' tries NB2 as well.",
            noun="The family",
            choices=FAMILY_CHOICES,
            advanced=True,
            page="&Distribution of the counts",
            words={
                "auto": "Poisson or negative binomial as in RTMDx (NB1), the lower BIC",
                "poisson": "Poisson",
                "nb1": "negative binomial, linear variance (NB1)",
                "nb2": "negative binomial, quadratic variance (NB2)",
                "all": "all three, the lowest BIC",
            },
        ),
    )
    folds: int = field(
        default=5,
        metadata=setting(
            parameter="FOLDS",
            kind="whole",
            label="Folds of the cross-validation",
            help="In how many parts the cells are split when the penalty of the elastic net is chosen.",
            noun="The number of folds",
            least=2,
            most=50,
            advanced=True,
            page="&Folds of the cross-validation",
        ),
    )
    seed: int = field(
        default=1,
        metadata=setting(
            parameter="SEED",
            kind="whole",
            label="Seed",
            help="Seeds the split in folds, the only random step: the same seed gives the same model.",
            noun="The seed",
            least=0,
            most=2**31 - 1,
            advanced=True,
            page="Se&ed",
        ),
    )
    cull: bool = field(
        default=True,
        metadata=setting(
            parameter="CULL",
            kind="switch",
            label="Cull candidates with an elastic net first",
            help="'yes' is the standard method; 'no' lets the stepwise selection see all candidates.",
            noun="The culling switch",
            advanced=True,
            page="Cull candidates with an elastic net first (the standard)",
        ),
    )
    significance: str = field(
        default="spatial",
        metadata=setting(
            parameter="SIGNIFICANCE",
            kind="choice",
            label="Significance",
            help="'spatial' holds each selected factor against the same layer shifted about the map, and takes those "
            "out of the model that go no better with the events where they are: events cluster, and a plain p-value "
            "does not know it. 'plain' leaves the model as the selection ends, as RTMDx does.",
            noun="The significance",
            choices=SIGNIFICANCE_TESTS,
            page="S&ignificance",
            words={
                "spatial": "against the same layers shifted about the map",
                "plain": "as if cells were independent of each other, as RTMDx",
            },
        ),
    )
    keep_unestablished: bool = field(
        default=False,
        metadata=setting(
            parameter="KEEP_UNESTABLISHED",
            kind="switch",
            label="Keep factors that are not established, marked",
            help="'yes' leaves the factors in the model that go no better with the events than the same layers shifted "
            "about the map, and marks them; 'no' takes them out. Only where the significance is 'spatial'.",
            noun="The switch for factors that are not established",
            advanced=True,
            page="Keep factors that are not established, mar&ked",
        ),
    )

    draws: int = field(
        default=1,
        metadata=setting(
            parameter="FOLD_DRAWS",
            kind="whole",
            label="Draws of the folds",
            help="How often the cells are split anew; the penalty with the lowest mean deviance over all draws is "
            "chosen. More than one makes the culling depend less on the seed, and takes so many times as long.",
            noun="The number of draws of the folds",
            least=1,
            most=50,
            advanced=True,
            page="Draws of the folds",
        ),
    )

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def families(self) -> tuple[str, ...]:
        """The families tried, in order."""
        return FAMILIES[self.family]


@dataclass(frozen=True, slots=True)
class PlaceSettings:
    """Which cells become priority places.

    Parameters
    ----------
    rule : {"class", "share", "count"}
    value : float
        class: at least this many standard deviations above the mean (0, 1 or 2); share: percent of the cells; count:
        cells.
    max_area : float, optional
        Largest area of one place, square map units; larger ones are split.
    """

    rule: str = field(
        default="class",
        metadata=setting(
            parameter="RULE",
            kind="choice",
            label="Which cells become priority places",
            help="'class': cells above the mean plus VALUE standard deviations; 'share': the VALUE percent of cells "
            "with the highest scores; 'count': the VALUE highest-scored cells.",
            noun="The rule for priority places",
            choices=PLACE_RULES,
            page="&Priority places are",
            words={
                "class": "cells that score above the mean plus so many standard deviations",
                "share": "the highest-scored percent of the cells",
                "count": "the highest-scored cells, so many",
            },
        ),
    )
    value: float = field(
        default=2.0,
        metadata=setting(
            parameter="VALUE",
            kind="number",
            label="Value of the rule",
            help="For 'class' 0, 1 or 2; for 'share' a percentage; for 'count' a number of cells.",
            least=0,
            page="&Value",
            typed_most=1_000_000,
            decimals=1,
        ),
    )
    max_area: float | None = field(
        default=None,
        metadata=setting(
            parameter="MAX_AREA",
            kind="area",
            label="Largest area of one place",
            help="A sprawling place is split in parts no larger than this, in the map's square units; leave empty to "
            "keep it whole.",
            noun="The largest area of a place",
            optional=True,
            page="Split places larger than (square map &units)",
            decimals=0,
            step=10_000,
            when_empty="as large as they are",
        ),
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.rule == "class" and self.value not in (0, 1, 2):
            raise SettingsError(
                f"The class value is {self.value:g}; it must be 0 (above mean), 1 (above mean + 1 SD) or 2 (above "
                "mean + 2 SD)."
            )
        if self.rule != "class" and not (is_number(self.value) and 0 < self.value < math.inf):
            raise SettingsError(
                f"The value of the rule for priority places is {shown(self.value)}; it must be a number above 0."
            )
        if self.rule == "share" and self.value > 100:
            raise SettingsError(f"The share is {self.value:g} percent; it must be 100 or less.")
