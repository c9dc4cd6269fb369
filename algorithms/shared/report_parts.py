"""What goes into a report beside the model, however it is made: cells, named features, parameters, files."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from qgis.core import QgsProcessingParameterFileDestination

from ...rtm_plugin.adapters.files import Staging
from ...rtm_plugin.cartography.sheets import Sheet, write_sheets
from ...rtm_plugin.core.answers.diagnosis import Diagnosis, diagnose
from ...rtm_plugin.core.candidates.covariates import Observations
from ...rtm_plugin.core.errors import FitError, InputError
from ...rtm_plugin.core.model.document import RiskModel
from ...rtm_plugin.core.pipeline import StudyResult
from ...rtm_plugin.core.terrain.scores import shares
from ...rtm_plugin.core.tools.progress import Progress, silent
from ...rtm_plugin.report.card_texts import TO_FILL_IN, card_texts
from ...rtm_plugin.report.cells import Cells
from ...rtm_plugin.report.findings import Findings
from ...rtm_plugin.report.page import render
from .base import RtmAlgorithm, tr
from .study_inputs import Inputs

_ARRANGEMENTS = 99


def add_report_outputs(algorithm: RtmAlgorithm) -> None:
    """OUTPUT_REPORT, OUTPUT_FINDINGS, OUTPUT_CARDS."""
    algorithm.add(
        QgsProcessingParameterFileDestination(
            "OUTPUT_REPORT", tr("Report"), tr("HTML page (*.html)"), optional=True, createByDefault=True
        ),
        tr("One self-contained HTML page with the findings, maps, figures, the full fit and all settings."),
    )
    algorithm.add(
        QgsProcessingParameterFileDestination(
            "OUTPUT_FINDINGS", tr("Findings"), tr("Findings (*.json)"), optional=True, createByDefault=False
        ),
        tr("JSON file with every number and sentence of the report, for other programs."),
    )
    algorithm.add(
        QgsProcessingParameterFileDestination(
            "OUTPUT_CARDS", tr("Cards of the places"), tr("PDF (*.pdf)"), optional=True, createByDefault=False
        ),
        tr("The cards alone, to print and take along: one place a page, A4. Not written where there is no place."),
    )


def cells_of(inputs: Inputs, result: StudyResult) -> Cells:
    """The cells of a run."""
    observed = result.observations
    return Cells(
        grid=observed.grid,
        scores=result.terrain.scores,
        places=result.places.label,
        expected=result.terrain.expected.astype(np.float64),
        counts=observed.counts,
        shares=shares(result.model.selected, observed.candidates),
        layers={settings.name: read.by_name for read, settings in inputs.factors},
        streets=inputs.told_by.streets.features if inputs.told_by.streets is not None else None,
    )


def diagnosis_of(
    observed: Observations, model: RiskModel, places: NDArray[np.int64], progress: Progress = silent
) -> Diagnosis | None:
    """What a report tells of the fit, with fewer arrangements by chance than rtm:diagnose deals.

    None where the cells do not tell: other counts than those fitted on, a fit without a solution.
    """
    try:
        return diagnose(observed, model, places, permutations=_ARRANGEMENTS, progress=progress)
    except (FitError, InputError):
        return None


def _save_page(staging: Staging, path: str, findings: Findings, cells: Cells) -> None:
    staging.text(path, render(findings, cells))


def _save_numbers(staging: Staging, path: str, findings: Findings, cells: Cells) -> None:
    staging.text(path, findings.to_json())


def _save_cards(staging: Staging, path: str, findings: Findings, cells: Cells) -> None:
    sheets = [
        Sheet(
            heading=card.heading,
            under=card.title,
            drawing=card.map,
            beside=card.facts,
            below=card.near,
            lines=TO_FILL_IN,
        )
        for card in card_texts(findings, cells)
    ]
    write_sheets(staging.beside(path), findings.context.title, sheets, staging.marking)


REPORT_OUTPUTS: dict[str, Callable[[Staging, str, Findings, Cells], None]] = {
    "OUTPUT_REPORT": _save_page,
    "OUTPUT_FINDINGS": _save_numbers,
    "OUTPUT_CARDS": _save_cards,
}


def reports_of(findings: Findings) -> tuple[str, ...]:
    """The outputs that a report has: no cards where there is no place."""
    return tuple(name for name in REPORT_OUTPUTS if name != "OUTPUT_CARDS" or findings.cards)
