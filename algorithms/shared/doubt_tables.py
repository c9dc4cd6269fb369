"""What rtm:doubt tells: rows of its tables, columns of its places, its lines in the log."""

from collections.abc import Iterator
from typing import Any

from qgis.core import QgsProcessingFeedback

from ...rtm_plugin.adapters.tables import Column
from ...rtm_plugin.core.stability.how_sure import HowSure
from ...rtm_plugin.core.stability.how_sure_figures import FactorDoubt, Interval, PlaceDoubt
from ...rtm_plugin.core.stability.resampled_blocks import BlockSide
from .base import tr

FACTOR_COLUMNS: tuple[Column, ...] = (
    ("factor", str),
    ("as_asked", str),
    ("variable", str),
    ("rrv", float),
    ("resamples", int),
    ("chosen", int),
    ("chosen_share", float),
    ("operationalisations", str),
    ("distances", str),
    ("rrv_low", float),
    ("rrv_median", float),
    ("rrv_high", float),
    ("rrv_low_all", float),
    ("rrv_median_all", float),
    ("rrv_high_all", float),
)
PLACE_COLUMNS: tuple[Column, ...] = (  # no more than ten letters, as many as a shapefile keeps
    ("score_low", float),
    ("score_high", float),
    ("rank_low", float),
    ("rank_mid", float),
    ("rank_high", float),
    ("first_ten", float),
    ("resamples", int),
    ("top_share", float),
    ("how_sure", str),
)
_PLACES_TOLD = 10


def factor_rows(found: HowSure) -> Iterator[list[Any]]:
    """One row a factor, in the order of the study."""
    for factor in found.factors:
        yield [
            factor.factor,
            factor.as_asked or "not selected",
            factor.variable,
            factor.rrv,
            factor.resamples,
            factor.chosen,
            factor.chosen_share,
            "; ".join(f"{name}: {number}" for name, number in factor.by_operationalisation.items()),
            "; ".join(f"{distance:g}: {number}" for distance, number in factor.by_distance.items()),
            *_ends(factor.rrv_chosen),
            *_ends(factor.rrv_all),
        ]


def _ends(interval: Interval | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if interval is None else (interval.lower, interval.median, interval.upper)


def place_rows(found: HowSure) -> list[list[Any]]:
    """What is told of each place beside what is known of it, by rank."""
    return [_place_row(place, found) for place in found.places]


def _place_row(place: PlaceDoubt, found: HowSure) -> list[Any]:
    low, _, high = _ends(place.mean_score)
    text = place.text(len(found.places), found.fitted)
    return [low, high, *_ends(place.ranks), place.first, found.fitted, place.probability, text]


def tell_blocks(side: BlockSide, feedback: QgsProcessingFeedback) -> None:
    """How long the blocks are, and whether they are long enough."""
    text = tr("Square blocks with a side of {:,.10g} map units ({} cells) are drawn.")
    feedback.pushInfo(text.format(side.length, side.cells))
    if side.too_short:
        text = tr(
            "Events cluster over about {:,.0f} map units beyond what the factors explain, and blocks should be at "
            "least four times as long: intervals are too narrow here, and shares too sure. Study a larger area, or add "
            "what explains the clustering."
        )
        feedback.pushWarning(text.format(side.clustering))


def tell_doubt(found: HowSure, feedback: QgsProcessingFeedback) -> None:
    """What the resamples say of each factor and of the first places."""
    without = [run for run in found.runs if run.model is None]
    if without:
        text = tr("In {} of {} resamples no model can be fitted; shares are of the others. {}")
        feedback.pushWarning(text.format(len(without), len(found.runs), without[0].note))
    for factor in found.factors:
        feedback.pushInfo(_factor_text(factor))
    if not found.settings.with_significance:
        text = tr(
            "The resamples were not tested for significance: where events cluster, a factor without any effect is "
            "chosen in many of them. What is established, the study itself says."
        )
        feedback.pushInfo(text)
    for place in found.places[:_PLACES_TOLD]:
        feedback.pushInfo(tr("Place {}: {}.").format(place.rank, place.text(len(found.places), found.fitted)))


def _factor_text(factor: FactorDoubt) -> str:
    text = tr("{}: chosen in {} of {} resamples").format(factor.factor, factor.chosen, factor.resamples)
    if factor.rrv_chosen is not None:
        ends = tr(", there with a relative risk value of {:.2f} to {:.2f}")
        text += ends.format(factor.rrv_chosen.lower, factor.rrv_chosen.upper)
    return text + "."
