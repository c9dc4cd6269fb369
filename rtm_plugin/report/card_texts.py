"""The cards of the priority places in pieces, for a page that is not HTML: heading, map, and the texts around it."""

from dataclasses import dataclass

import numpy as np

from .cards import PlaceCard
from .cells import Cells
from .findings import Findings
from .legends import class_legend
from .maps import CLASS_COLOURS, place_map
from .templates import environment
from .wording import whole

TO_FILL_IN = ("Owner", "Response", "Review date")


@dataclass(frozen=True, slots=True)
class CardText:
    """One card.

    Parameters
    ----------
    heading, title : str
        Which place, and of which study; plain text.
    map : str
        SVG.
    facts, near : str
        HTML without styles: what the place is, and what stands near.
    """

    heading: str
    title: str
    map: str
    facts: str
    near: str


def card_texts(findings: Findings, cells: Cells) -> tuple[CardText, ...]:
    """The cards, by rank."""
    grid, summary = cells.grid, findings.model.score
    classes = grid.raster(1 + summary.classes(cells.scores).astype(np.uint8), 0)
    ranks = grid.raster(cells.places, 0)
    legend = class_legend(findings.classes, summary, CLASS_COLOURS)
    templates = environment()

    def text(template: str, card: PlaceCard) -> str:
        shown = {"card": card, "place": card.place, "context": findings.context, "legend": legend}
        return templates.get_template(template).render(**shown)

    return tuple(
        CardText(
            f"Place {whole(card.place.rank)} of {whole(len(findings.places))}",
            findings.context.title,
            str(place_map(grid, classes, ranks, card, findings.context, cells.streets)),
            text("card_facts.html", card),
            text("card_near.html", card),
        )
        for card in findings.cards
    )
