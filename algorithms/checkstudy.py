"""rtm:checkstudy — what a study will find before it runs: cells, events, features; and what would refuse it."""

from typing import Any

from qgis.core import (
    QgsProcessingOutputString,
    QgsProcessingOutputVariant,
    QgsProcessingParameterString,
)

from ..rtm_plugin.core.documents.findings import Finding, ordered
from .shared.base import RtmAlgorithm, tr
from .shared.data_findings import tell_findings
from .shared.request import Request
from .shared.settings import choice, whole_number
from .shared.study_facts import MOST_EVENTS, Inspector
from .shared.study_parameters import add_allow_remote, study_given

PARTS = ("all", "area", "outcome", "factors", "power")


class CheckStudy(RtmAlgorithm):
    """Look at the layers of a study."""

    NAME = "checkstudy"
    LABEL = "Check a study before it runs"
    GROUP = ("study", "Study from start to finish")
    TAGS = ("wizard", "study", "check")

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        self.add(
            QgsProcessingParameterString("STUDY", tr("Study (file or JSON text)"), multiLine=True),
            tr("The path of a study file that the wizard saved, or its JSON text with absolute paths."),
        )
        self.add(
            choice("PART", tr("What to look at"), PARTS, "all"),
            tr(
                "Only the study area, the outcome or the risk factors, or all of them; or how weak an effect of each "
                "factor the events can establish."
            ),
        )
        self.add(
            whole_number("EVENT_COUNT", tr("Number of events"), 0, 0, MOST_EVENTS),
            tr("For 'power': how many events lie in the study area, where that is known already. 0 counts them."),
        )
        add_allow_remote(self)
        self.addOutput(QgsProcessingOutputVariant("FACTS", tr("What was found")))
        self.addOutput(QgsProcessingOutputString("REFUSALS", tr("What has to be put right first")))

    def execute(self, request: Request) -> dict[str, Any]:
        study = study_given(request)
        part = request.choice("PART")
        results = Inspector(study, request.context, request.feedback).facts(part, request.whole("EVENT_COUNT"))
        parts = [results["area"], results.get("outcome", {}), results.get("power", {}), *results.get("factors", [])]
        for factor, told in zip(study.factors, results.get("power", {}).get("factors", ()), strict=False):
            if told["sentence"]:
                request.feedback.pushInfo(f"{factor.settings.name}: {told['sentence']}")
        refusals = [facts["refused"] for facts in parts if "refused" in facts]
        if part == "all" and not study.factors:
            refusals.append(study.factors_problem())
        for refusal in refusals:
            request.feedback.pushWarning(refusal)
        noticed = [finding for facts in (results, *parts) for finding in facts.get("findings", ())]
        findings = ordered(map(Finding.from_dict, noticed))
        tell_findings(findings, request.feedback)
        refusals += [finding.text for finding in findings if finding.severity == "error"]
        return {"FACTS": results, "REFUSALS": "\n".join(refusals)}
