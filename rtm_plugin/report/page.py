"""The report as one self-contained HTML page: no script, no network, no event points."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from ..core.ground.event_density import event_density
from ..core.terrain.scores import CLASS_COLOURS
from .cells import Cells
from .charts import distribution, forest, ladders, observed_and_expected, steps
from .details import bin_classes
from .findings import RELATIVE, Findings
from .legends import LegendRow, class_legend, density_legend
from .maps import RANKED, density_map, place_map, places_map, terrain_map
from .origins import origins
from .sentences import events_fitted, outcome_name
from .templates import environment
from .validation_page import BasisSection, area_section
from .wording import many, number, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Every drawing of the page; None or empty where there is nothing to draw."""

    terrain: Markup
    places: Markup | None
    density: Markup | None
    forest: Markup | None
    ladders: tuple[Markup, ...]
    distribution: Markup | None
    steps: Markup | None
    observed: Markup | None
    cards: tuple[Markup, ...]
    classes: tuple[LegendRow, ...]
    densities: tuple[LegendRow, ...]


def render(findings: Findings, cells: Cells) -> str:
    """The report.

    Parameters
    ----------
    findings : Findings
    cells : Cells, of which the maps are drawn
    """
    return (
        environment()
        .get_template("report.html")
        .render(
            f=findings,
            model=findings.model,
            context=findings.context,
            outcome=outcome_name(findings.context),
            events=events_fitted(findings.model, findings.context),
            pictures=pictures(findings, cells),
            later=_later(findings),
            top=findings.places[:RANKED],
            origins=origins(findings.model.provenance),
            relative=RELATIVE,
        )
    )


def pictures(findings: Findings, cells: Cells) -> Pictures:
    """Draw everything."""
    model, about, grid = findings.model, findings.context, cells.grid
    summary, rows, trace = model.score, findings.factor_rows, model.best.steps
    density = None if findings.density is None or cells.counts is None else event_density(grid, cells.counts)
    highest = findings.classes[0]
    shown = f"{many(min(RANKED, len(findings.places)), 'place')} with rank"
    classes = grid.raster(1 + summary.classes(cells.scores).astype(np.uint8), 0)
    ranks = grid.raster(cells.places, 0)
    return Pictures(
        terrain=terrain_map(
            grid,
            cells.scores,
            summary,
            about,
            f"{percent(highest.share_of_cells)} of {many(grid.cells, 'cell')} are in the class "
            f"{highest.name}; scores go from {number(summary.min)} to {number(summary.max)}. The table of classes has "
            "the same in numbers.",
        ),
        places=places_map(grid, cells.places, about, f"{many(len(findings.places), 'place')} in red, {shown}.")
        if findings.places
        else None,
        density=density_map(
            grid,
            density,
            about,
            f"{percent(density.shares[-1])} of the squares hold more than 4 times the mean density.",
        )
        if density is not None
        else None,
        forest=forest(rows) if rows else None,
        ladders=ladders(findings.ladders),
        distribution=None
        if findings.bins is None
        else distribution(findings.bins, summary.cuts, bin_classes(findings.bins, summary)),
        steps=steps(findings) if len(trace) > 1 else None,
        observed=observed_and_expected(findings.fit_groups) if len(findings.fit_groups) > 1 else None,
        cards=tuple(place_map(grid, classes, ranks, card, about, cells.streets) for card in findings.cards),
        classes=class_legend(findings.classes, summary, CLASS_COLOURS),
        densities=() if density is None else density_legend(density),
    )


def _later(findings: Findings) -> BasisSection | None:
    """The curve and tables of the validation; None without one."""
    return None if findings.validation is None else area_section(findings.validation.validation)
