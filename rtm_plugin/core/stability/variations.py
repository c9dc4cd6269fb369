"""The choices of a study that could have been others, changed one at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..documents.declaration import settings_of
from ..documents.factor_settings import FactorSettings
from ..documents.settings import FAMILIES, GridSettings
from ..errors import SettingsError
from ..ground.features import Features
from ..ground.grid import Grid, study_grid
from ..study import Study

SHIFTS = {  # in cells, to the east and to the north
    "half a cell east": (0.5, 0.0),
    "half a cell north": (0.0, 0.5),
    "half a cell east and north": (0.5, 0.5),
}
CELL_SIZES = (0.75, 1.25, 1.5)  # times the study's
BLOCK_LENGTHS = (0.75, 1.25)
DENSITY_CUTS = (-1.0, 1.0)  # standard deviations that are added to the study's
SEEDS = 3
_WAYS = ("lower", "higher")
_MOST_SEEDS = 2**31


@dataclass(frozen=True, slots=True, eq=False)
class Variation:
    """The study with one choice changed.

    Parameters
    ----------
    choice, value : str
        What is changed and to what, in words.
    study : Study
    shift : (float, float)
        How far the grid is moved to the east and to the north, in cells.
    """

    choice: str
    value: str
    study: Study
    shift: tuple[float, float] = (0.0, 0.0)

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from the others of the same study."""
        return self.choice, self.value

    @property
    def name(self) -> str:
        """Choice and value.

        >>> Variation("cell size", "75", None).name
        'cell size 75'
        """
        return f"{self.choice} {self.value}".rstrip()

    @property
    def grid(self) -> Grid:
        """The cells, laid anew."""
        study = self.study
        return study_grid(study.study_area, study.grid, study.crs, study.exclude, self.shift)


def variations(study: Study) -> tuple[Variation, ...]:
    """The study with each choice changed, one at a time; the study as asked is not among them.

    The grid is moved by half a cell in either direction and in both; cells are 0.75, 1.25 and 1.5 times as long, with
    the same block length, and blocks 0.75 and 1.25 times, with the same cells; "dense" begins one standard deviation
    lower and higher; the counts are Poisson and NB1; the folds of the culling are dealt with three other seeds. What
    the settings do not allow, and what changes nothing in this study, is left out.
    """
    return (
        *(Variation("grid origin", words, study, shift) for words, shift in SHIFTS.items()),
        *_other_grids(study),
        *_other_cuts(study),
        *_other_selections(study),
    )


def _other_grids(study: Study) -> Iterator[Variation]:
    """Cells of other sizes, and distances in blocks of other lengths."""
    grid = study.grid
    lengths = [(grid.block_length, times * grid.size, "cell size") for times in CELL_SIZES]
    lengths += [(times * grid.block_length, grid.size, "block length") for times in BLOCK_LENGTHS]
    for block, size, choice in lengths:
        try:
            other = GridSettings(block, size, grid.cell_rule, grid.grid_origin)
        except SettingsError:
            # Cells may not be longer than a block, and a study with large cells may come to that.
            continue
        yield Variation(choice, f"{size if choice == 'cell size' else block:g}", replace(study, grid=other))


def _other_cuts(study: Study) -> Iterator[Variation]:
    """Density from which a cell counts as dense."""
    bounds = settings_of(FactorSettings)["density_sd"]
    asked = _cuts(study.factors)
    for change in DENSITY_CUTS:
        factors = [
            (features, replace(own, density_sd=min(max(own.density_sd + change, bounds.least), bounds.most)))
            for features, own in study.factors
        ]
        cuts = _cuts(factors)
        if cuts != asked:
            # Signs would do for the words, but a spreadsheet takes a text that begins with one for a formula.
            words = f"mean + {cuts[0]:g} SD" if len(set(cuts)) == 1 else f"{abs(change):g} SD {_WAYS[change > 0]}"
            yield Variation("density cut", words, replace(study, factors=factors))


def _cuts(factors: Sequence[tuple[Features, FactorSettings]]) -> list[float]:
    """Standard deviations above the mean from which a cell counts as dense, of the factors that may act by density."""
    by_spread = [own for _, own in factors if "density" in own.kinds and not own.density_percent]
    return [own.density_sd for own in by_spread]


def _other_selections(study: Study) -> Iterator[Variation]:
    """Other families, and other folds for the culling."""
    asked = study.selection
    for family in dict.fromkeys((*FAMILIES["auto"], *asked.families)):
        if family != asked.family:
            yield Variation("family", family, replace(study, selection=replace(asked, family=family)))
    for number in range(1, 1 + SEEDS if asked.cull else 1):
        seed = (asked.seed + number) % _MOST_SEEDS
        yield Variation("culling seed", str(seed), replace(study, selection=replace(asked, seed=seed)))
