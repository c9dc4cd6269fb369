"""Results told in the log, in sentences and a small table."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qgis.core import QgsProcessingFeedback

from ...rtm_plugin.core.accuracy.at_share import Accuracy
from ...rtm_plugin.core.documents.patrol_settings import PatrolSettings
from ...rtm_plugin.core.documents.settings import PlaceSettings
from ...rtm_plugin.core.doubt.significance import p_text
from ...rtm_plugin.core.forecast.empirical_bayes import PARTS, Forecast
from ...rtm_plugin.core.ground.grid import Grid
from ...rtm_plugin.core.model.document import RiskModel
from ...rtm_plugin.core.model.model_findings import few_places_finding, model_findings, no_places_finding
from ...rtm_plugin.core.terrain.connected_cells import KEPT
from ...rtm_plugin.core.terrain.patrol_places import PatrolPlaces, pays_for_less_than_a_cell
from ...rtm_plugin.core.terrain.places import Places
from ...rtm_plugin.report.validation import ValidationFindings
from .base import tr
from .data_findings import tell_findings


def tell_model(model: RiskModel, feedback: QgsProcessingFeedback) -> None:
    """Candidates, families, selected factors and the check."""
    survivors = sum(fate.survived for fate in model.candidates)
    feedback.pushInfo(
        f"{len(model.candidates)} candidate variables, of which {survivors} survived culling; family {model.family} "
        f"has the lowest BIC ({', '.join(f'{name} {family.bic:.1f}' for name, family in model.families.items())})."
    )
    if model.exposure is not None and model.exposure.cells_without:
        feedback.pushWarning(
            f"{model.exposure.cells_without:,} cells have no exposure in '{model.exposure.name}' and get no score; "
            f"{model.exposure.events_without:,.0f} events in them were left out of the fit."
        )
    tell_findings(model_findings(model), feedback)
    for term in model.selected:
        verb = "multiplied" if term.direction == "aggravating" else "divided"
        test = model.test_of(term)
        surely = ""
        if test is not None and test.rrv_lower is not None:
            surely = f", 95 % interval {test.rrv_lower:,.3f} to {test.rrv_upper:,.3f}, {p_text(test.p)}"
        feedback.pushInfo(
            f"  {term.factor}: {term.operationalisation} within {term.distance:g}, rate {verb} by "
            f"{model.rrv_of(term):,.3f}{surely} (if cells were independent: coefficient {term.coefficient:.4f}, "
            f"standard error {term.standard_error:.4f})"
        )
    tell = feedback.pushInfo if model.verification.status == "verified" else feedback.pushWarning
    tell(model.verification.reason)


def tell_places(
    places: Places, grid: Grid, scores: NDArray[np.float32], settings: PlaceSettings, feedback: QgsProcessingFeedback
) -> None:
    """How many places there are and how much ground they cover; or why there is none."""
    if not places.places:
        tell_findings([no_places_finding(scores, settings)], feedback)
        return
    if few := few_places_finding(places, settings):
        tell_findings([few], feedback)
    feedback.pushInfo(
        f"{len(places.places)} priority places of {places.cells:,} cells, {places.cells / grid.cells:.1%} of the study "
        "area."
    )


def tell_patrols(
    patrols: PatrolPlaces, grid: Grid, settings: PatrolSettings, metres: float, feedback: QgsProcessingFeedback
) -> None:
    """How many patrol places there are, what they expect, and how much less that is than the best cells expect."""
    if not patrols.places:
        feedback.pushWarning(tr("The forecast expects as many events in every cell, so that there is no patrol place."))
        return
    share = f"{patrols.cells / grid.cells:.1%}"
    number = len(patrols.places)
    feedback.pushInfo(
        f"{number} patrol place{'' if number == 1 else 's'} of {patrols.cells:,} cells, {share} of the area, no place "
        f"of more than {patrols.most:,}; {patrols.expected:,.1f} events are expected in them, {patrols.share:.1%} of "
        "all."
    )
    if pays_for_less_than_a_cell(settings, grid, metres):
        feedback.pushWarning(tr("The budget for patrol places is less than one cell; one is taken all the same."))
    if patrols.kept < KEPT:
        feedback.pushWarning(
            f"These places expect {patrols.kept:.0%} of what as many single cells would expect at best: that is what "
            "places of this size and distance cost on a forecast that changes from cell to cell."
        )


def tell_accuracy(rows: tuple[Accuracy, ...], events: str, feedback: QgsProcessingFeedback) -> None:
    """Hit rate and PAI of later events; `events` is what they are called."""
    for row in rows:
        hit, pai = row.hit_rate, row.pai
        feedback.pushInfo(
            f"Later events ({events}) in the {row.share:.0%} of area with the highest scores of the risk terrain: hit "
            f"rate {hit.expected:.1%} of {row.events:,.0f} "
            f"({hit.pessimistic:.1%} to {hit.optimistic:.1%} by the order inside ties), PAI {pai.expected:.2f} "
            f"({pai.pessimistic:.2f} to {pai.optimistic:.2f})."
        )


def tell_forecast(forecast: Forecast, events: str, coming: str, feedback: QgsProcessingFeedback) -> None:
    """What the forecast rests on, in three sentences.

    `events` is what the events are called, `coming` the period that is forecast: "in the next 365 days".
    """
    evidence = forecast.evidence
    feedback.pushInfo(
        f"{evidence.level:,.1f} events ({events}) are expected {coming}, from {evidence.events:,.0f} so far in "
        f"{evidence.cells_with_events:,} cells."
    )
    parts = ", ".join(f"{part:.0%} from {name}" for name, part in told_parts(forecast))
    feedback.pushInfo(f"Of the forecast come {parts}.")
    chosen = evidence.dispersion
    feedback.pushInfo(
        f"The constants were chosen by forecasting {evidence.method}: {chosen.family.upper()} with dispersion "
        f"{chosen.value:.3g}"
        + (f"; a period counts {evidence.recency:g} times as much as the next newer one." if evidence.tried else ".")
    )


def told_parts(forecast: Forecast) -> list[tuple[str, float]]:
    """The parts of the forecast, largest first."""
    return sorted(zip(PARTS, forecast.evidence.parts, strict=True), key=lambda pair: -pair[1])


def tell_validation(findings: ValidationFindings, sentences: Sequence[str], feedback: QgsProcessingFeedback) -> None:
    """Periods, warnings (but for those told while reading) and findings in the log."""
    about = findings.context
    for origin in about.origins:
        feedback.pushInfo(
            tr("'{}' was fitted on: {}").format(origin.name, origin.fitted.text or tr("a period that is not known"))
        )
    feedback.pushInfo(tr("Test period: {}").format(about.tested.text or tr("not known")))
    for warning in findings.warnings:
        if warning not in sentences:
            feedback.pushWarning(warning)
    for sentence in findings.headline:
        feedback.pushInfo(sentence)
