"""rtm:sensitivity — the study again with other grids, distances, cuts, families and seeds."""

from pathlib import Path
from typing import Any

from qgis.core import (
    Qgis,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterVectorDestination,
)

from ..rtm_plugin.adapters.files import Staging
from ..rtm_plugin.adapters.runs_file import RunsFile
from ..rtm_plugin.core.accuracy.backtest import text_hash
from ..rtm_plugin.core.documents.factor_settings import FactorSettings
from ..rtm_plugin.core.documents.settings import GridSettings, SelectionSettings
from ..rtm_plugin.core.stability.sensitivity import AS_ASKED, sensitivity, settings_text
from ..rtm_plugin.core.stability.sensitivity_runs import Sensitivity, SensitivityRun, run_of
from ..rtm_plugin.core.stability.variations import Variation, variations
from ..rtm_plugin.core.study import Study
from ..rtm_plugin.core.tools.parallel import available_workers
from .shared.base import RtmAlgorithm, results_group, tr
from .shared.data_findings import tell_findings
from .shared.event_dates import add_event_dates, add_window
from .shared.marking import add_marking, given_marking
from .shared.outputs import save_table, versions
from .shared.parameters import add_covariates, add_exclude
from .shared.request import Request
from .shared.sensitivity_tables import (
    FACTOR_COLUMNS,
    RESULT,
    RUN_COLUMNS,
    factor_rows,
    run_row,
    tell_factors,
    tell_run,
)
from .shared.settings import OF_ONE_FACTOR, add_settings
from .shared.study_inputs import add_study_layers, read_inputs, study_of


class SensitivityOfChoices(RtmAlgorithm):
    """Run a study with each of its choices changed."""

    NAME = "sensitivity"
    LABEL = "What if the choices had been others?"
    GROUP = ("accuracy", "How good is the map")
    TAGS = ("sensitivity", "robustness", "stability", "grid origin", "cell size", "block length", "seed")
    CANCELLED = "Cancelled; the runs that were done are kept in their file, and the next time it goes on from there."

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        add_study_layers(self)
        add_settings(self, GridSettings, parent="STUDY_AREA")
        add_exclude(self)
        add_settings(self, FactorSettings, without=OF_ONE_FACTOR)
        add_covariates(self)
        add_settings(self, SelectionSettings)
        add_event_dates(self)
        add_window(self, "FIT_", tr("fitting window"))
        add_marking(self)
        self.add(
            QgsProcessingParameterVectorDestination(
                "OUTPUT_TABLE", tr("How often factors are selected"), Qgis.ProcessingSourceType.Vector
            ),
            tr(
                "Table with a row for each factor: in what share of the runs it is selected, in what share it is "
                "established, and the runs that say something else of it than the study as asked."
            ),
        )
        self.add(
            QgsProcessingParameterFileDestination("OUTPUT_RUNS", tr("Runs"), tr("CSV file (*.csv)")),
            tr(
                "Table with a row for each run: what was changed, the model, and how alike its map is to that of the "
                "study as asked. Where the file holds runs of the same study already, only those that are missing are "
                "done."
            ),
        )
        self.addOutput(QgsProcessingOutputNumber("RUN_COUNT", tr("Number of runs in the file")))
        self.addOutput(QgsProcessingOutputNumber("NEW_RUNS", tr("Number of runs done now")))

    def execute(self, request: Request) -> dict[str, Any]:
        marking = given_marking(request)
        request.feedback.setProgressText(tr("Reading layers"))
        inputs = read_inputs(request)
        study = study_of(request, inputs)
        grid = Variation(AS_ASKED, "", study).grid
        tell_findings(inputs.findings(grid), request.feedback)
        made_by = {"plugin": versions()["plugin"], **({"marking": marking} if marking else {})}
        found, new = self._found(request, study, settings_text(study, grid, made_by))
        tell_factors(found, request.feedback)
        table = request.output("OUTPUT_TABLE")
        with Staging(request.feedback, marking) as staging:
            save_table(staging, table, FACTOR_COLUMNS, factor_rows(found))
        request.present(table, tr("What if the choices had been others: factors"), results_group(), 10)
        outputs = {"OUTPUT_TABLE": table, "OUTPUT_RUNS": request.output("OUTPUT_RUNS")}
        return {**outputs, "RUN_COUNT": len(found.runs), "NEW_RUNS": new}

    def _found(self, request: Request, study: Study, settings: str) -> tuple[Sensitivity, int]:
        """All runs, and how many of them were done now."""
        file = RunsFile(Path(request.output("OUTPUT_RUNS")), RUN_COLUMNS, tr("a table of such runs"))
        done = [run_of(row[RESULT]) for row in file.rows_of(text_hash(settings))]
        listed = variations(study)
        total = 1 + len(listed)
        request.feedback.pushInfo(tr("{} runs, of which {} are in the file already.").format(total, len(done)))
        number = 0

        def announce(current: int, name: str) -> None:
            nonlocal number
            number = current
            request.feedback.setProgressText(tr("Run {} of {}: {}").format(number, total, name))

        def save(run: SensitivityRun) -> None:
            file.append(run_row(number, run, settings))
            tell_run(number, run, request.feedback)

        found = sensitivity(
            study,
            listed,
            done=done,
            save=save,
            announce=announce,
            progress=request.progress(0.05, 0.98),
            workers=available_workers(),
        )
        return found, total - len(done)
