"""Vulnerability and exposure together: where conditions are risky, and where events are now."""

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..errors import InputError, SettingsError
from ..forecast.smoothing import Smoother
from ..ground.grid import Grid, count_events

JointRule = Literal["class", "share"]
JOINT_RULES: tuple[str, ...] = get_args(JointRule)
NEITHER, EXPOSED, VULNERABLE, BOTH = range(4)
JOINT_NAMES = (
    "neither",
    "exposed only: many recent events, low risk score",
    "vulnerable only: high risk score, few recent events",
    "both: high risk score and many recent events",
)
# orange against blue is told apart by colour-blind readers; in grey print their lightness is 95, 52, 78 and 16
JOINT_COLOURS = ("#f1f1f1", "#4a7fc0", "#f2b65a", "#451a2b")


@dataclass(frozen=True, slots=True)
class JointSettings:
    """What counts as high, for vulnerability and exposure alike.

    Parameters
    ----------
    rule : {"class", "share"}
        "class": above the mean plus `value` standard deviations (n − 1) of the cells; "share": among the `value`
        percent of cells with the highest values, cells that equal the last of them included.
    value : float
    """

    rule: str = "class"
    value: float = 1.0

    def __post_init__(self) -> None:
        if self.rule not in JOINT_RULES:
            raise SettingsError(f"The rule for high is {self.rule!r}; it must be one of {', '.join(JOINT_RULES)}.")
        if not np.isfinite(self.value) or self.value < 0:
            raise SettingsError(f"The value of the rule for high is {self.value!r}; it must be a number of 0 or more.")
        if self.rule == "share" and not 0 < self.value < 100:
            raise SettingsError(f"The share is {self.value:g} percent; it must be above 0 and below 100.")

    def high(self, values: NDArray[Any], what: str) -> NDArray[np.bool_]:
        """(n,) bool: the cells with high values (n,).

        Raises
        ------
        InputError
            The same value everywhere: nothing is higher than the rest.

        Examples
        --------
        >>> JointSettings().high(np.array([1.0, 1.0, 1.0, 9.0]), "score").tolist()
        [False, False, False, True]
        >>> JointSettings("share", 25.0).high(np.array([1.0, 5.0, 1.0, 5.0]), "score").tolist()
        [False, True, False, True]
        """
        wide = values.astype(np.float64)
        if wide.min() == wide.max():
            raise InputError(f"The {what} is the same in every cell, so that none can be told from the rest.")
        if self.rule == "class":
            above: NDArray[np.bool_] = wide > wide.mean() + self.value * wide.std(ddof=1)
            return above
        cells = int(np.ceil(len(wide) * self.value / 100.0))
        last = np.partition(wide, len(wide) - cells)[len(wide) - cells]
        return (wide >= last) & (wide > wide.min())


@dataclass(frozen=True, slots=True, kw_only=True)
class JointClass:
    """One of the four classes, in numbers.

    Parameters
    ----------
    number : int, 0 … 3
    cells : int
    area : float, km²
    share : float, of the area
    recent : float
        Events that the exposure was made of.
    later : float or None
        Events that came after; None when none were given.
    later_share, later_per_km2, pai : float or None
        Hit rate of the class, events per km², and hit rate over share of area.
    """

    number: int
    cells: int
    area: float
    share: float
    recent: float
    later: float | None = None
    later_share: float | None = None
    later_per_km2: float | None = None
    pai: float | None = None

    @property
    def name(self) -> str:
        """In words."""
        return JOINT_NAMES[self.number]


def joint_classes(vulnerability: NDArray[Any], exposure: Floats, settings: JointSettings) -> NDArray[np.uint8]:
    """(n,) uint8: 0 neither is high, 1 exposure only, 2 vulnerability only, 3 both.

    Parameters
    ----------
    vulnerability : (n,), relative risk scores
    exposure : (n,) float64, density of recent events

    Examples
    --------
    >>> scores, density = np.array([1, 9, 1, 9.0, 1, 1]), np.array([0, 0, 6, 7.0, 0, 0])
    >>> joint_classes(scores, density, JointSettings("share", 30)).tolist()
    [0, 2, 1, 3, 0, 0]
    """
    vulnerable = settings.high(vulnerability, "risk score")
    exposed = settings.high(exposure, "density of recent events")
    return (VULNERABLE * vulnerable + EXPOSED * exposed).astype(np.uint8)


def density_of_events(grid: Grid, points: Floats, bandwidth: float) -> Floats:
    """Density of events with a given bandwidth, as `baselines.kernel_baseline` has it: expected events in each cell.

    Parameters
    ----------
    points : (m, 2) float64
    bandwidth : float, h of the kernel (core.smoothing), map units

    Returns
    -------
    (cells,) float64; they add up to the number of events in the cells
    """
    if not np.isfinite(bandwidth) or bandwidth <= 0:
        raise SettingsError(f"The bandwidth is {bandwidth!r}; it must be a distance above 0.")
    counts, _ = count_events(grid, points)
    smoother = Smoother.over(grid)
    kernel = smoother.kernel(bandwidth / grid.cell_size)
    inside = smoother.smooth(smoother.transformed(np.ones(grid.cells)), kernel)
    spread = smoother.smooth(smoother.transformed(counts), kernel) / inside
    total = float(spread.sum())
    return spread * (float(counts.sum()) / total) if total else spread


def joint_table(
    classes: NDArray[np.uint8], cell_area: float, recent: Floats, later: Floats | None = None
) -> tuple[JointClass, ...]:
    """The four classes in numbers, from neither to both.

    Parameters
    ----------
    classes : (n,) uint8
    cell_area : float, km²
    recent, later : (n,) float64, events in each cell

    Raises
    ------
    InputError
        Later events are given, and none lies in the cells.
    """
    total = None if later is None else float(later.sum())
    if total == 0:
        raise InputError("No later event lies inside the cells of the risk terrain, so the classes cannot be tested.")
    rows = []
    for number in range(4):
        inside = classes == number
        cells = int(np.count_nonzero(inside))
        area, share = cells * cell_area, cells / len(classes)
        row = JointClass(number=number, cells=cells, area=area, share=share, recent=float(recent[inside].sum()))
        if later is not None and total:
            caught = float(later[inside].sum())
            hit_rate = caught / total
            row = replace(row, later=caught, later_share=hit_rate)
            if cells:
                row = replace(row, later_per_km2=caught / area, pai=hit_rate / share)
        rows.append(row)
    return tuple(rows)
