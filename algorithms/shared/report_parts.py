"""What goes into a report beside the model, however it is made: cells, named features, parameters, files."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from qgis.core import QgsProcessingParameterFileDestination

from ...rtm_plugin.adapters.files import Staging
from ...rtm_plugin.adapters.read_layers import ReadLayer
from ...rtm_plugin.cartography.sheets import Sheet, write_sheets
from ...rtm_plugin.core.ground.nearby import FeatureNames
from ...rtm_plugin.core.pipeline import StudyResult
from ...rtm_plugin.core.terrain.scores import shares
from ...rtm_plugin.report.card_texts import TO_FILL_IN, card_texts
from ...rtm_plugin.report.cells import Cells, NamedLayer
from ...rtm_plugin.report.findings import Findings
from ...rtm_plugin.report.page import render
from .base import RtmAlgorithm, tr
from .study_inputs import Inputs

REPORT_OUTPUTS = ("OUTPUT_REPORT", "OUTPUT_FINDINGS", "OUTPUT_CARDS")


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
        observed.grid,
        result.terrain.scores,
        result.places.label,
        result.terrain.expected.astype(np.float64),
        observed.counts,
        shares(result.model.selected, observed.candidates),
        {settings.name: named_layer(read) for read, settings in inputs.factors},
    )


def named_layer(read: ReadLayer) -> NamedLayer:
    """A factor's features with their names; without names where the layer tells none."""
    if not read.named:
        return NamedLayer(read.features)
    texts = ["" if text == str(i) else text for i, (text, _) in enumerate(read.named, 1)]
    owner = np.repeat(np.arange(len(texts)), [len(own.coordinates) for _, own in read.named])
    return NamedLayer(read.features, FeatureNames(texts, owner))


def save_report(staging: Staging, files: Mapping[str, Any], found: Findings, cells: Cells) -> None:
    """The page and its numbers, as far as they are wanted."""
    if files["OUTPUT_REPORT"]:
        staging.text(files["OUTPUT_REPORT"], render(found, cells))
    if files["OUTPUT_FINDINGS"]:
        staging.text(files["OUTPUT_FINDINGS"], found.to_json())
    if files["OUTPUT_CARDS"] and found.cards:
        sheets = [
            Sheet(card.heading, card.title, card.map, card.facts, card.near, TO_FILL_IN)
            for card in card_texts(found, cells)
        ]
        write_sheets(staging.beside(files["OUTPUT_CARDS"]), found.context.title, sheets, staging.marking)
