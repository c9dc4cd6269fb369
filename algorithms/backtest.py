"""rtm:backtest — fit on a window, test on the next, step on: how good the maps would have been."""

from pathlib import Path
from statistics import fmean
from typing import Any

from qgis.core import (
    QgsProcessingFeedback,
    QgsProcessingOutputNumber,
    QgsProcessingParameterFileDestination,
)

from ..rtm_plugin.adapters.runs_file import RunsFile
from ..rtm_plugin.core.accuracy.backtest import (
    MAPS,
    Backtest,
    BacktestRun,
    BacktestSettings,
    run_window,
    text_hash,
)
from ..rtm_plugin.core.accuracy.crossvalidation import SHARES
from ..rtm_plugin.core.documents.factor_settings import FactorSettings
from ..rtm_plugin.core.documents.periods import UNITS, Period, RollingSettings
from ..rtm_plugin.core.documents.settings import GridSettings, SelectionSettings
from ..rtm_plugin.core.errors import InputError, OutputError
from ..rtm_plugin.core.tools.parallel import available_workers
from ..rtm_plugin.core.tools.progress import parts
from .shared.base import RtmAlgorithm, tr
from .shared.data_findings import findings_of_events, tell_findings
from .shared.event_dates import add_event_dates, add_window, window_of
from .shared.marking import add_marking, given_marking
from .shared.outputs import versions
from .shared.parameters import add_covariates, add_exclude
from .shared.request import Request
from .shared.settings import OF_ONE_FACTOR, add_settings, choice, whole_number
from .shared.study_inputs import Inputs, add_study_layers, read_inputs, study_of

HEADLINE = 5  # percent of area
_FIGURES = tuple(
    f"{measure}_{name}_{share * 100:g}" for name in MAPS for measure in ("hit_rate", "pai") for share in SHARES
)
COLUMNS = (
    "run",
    "fit_start",
    "fit_end",
    "test_start",
    "test_end",
    "cells",
    "fit_events",
    "test_events",
    "family",
    "factors",
    "bic",
    "kernel_bandwidth",
    *_FIGURES,
    "note",
    "settings",
    "settings_hash",
    "events_hash",
)


class BackTest(RtmAlgorithm):
    """Roll through dated events, fitting and testing."""

    NAME = "backtest"
    LABEL = "Back-test through time"
    GROUP = ("accuracy", "How good is the map")
    TAGS = ("rolling origin", "prospective", "forecast", "baselines", "accuracy")
    CANCELLED = "Cancelled; the runs that were done are kept in the file, and the next back-test goes on from there."

    def initAlgorithm(self, configuration: dict[str, Any] | None = None) -> None:
        add_study_layers(self)
        add_event_dates(self, optional=False)
        self._add_windows()
        add_settings(self, GridSettings, parent="STUDY_AREA")
        add_exclude(self)
        add_settings(self, FactorSettings, without=OF_ONE_FACTOR)
        add_covariates(self)
        add_settings(self, SelectionSettings)
        add_marking(self)
        self.add(
            QgsProcessingParameterFileDestination("OUTPUT", tr("Runs"), tr("CSV file (*.csv)")),
            tr(
                "Table with a row for each run: windows, model, settings, and hit rate and PAI of every map. Where the "
                "file holds runs of the same settings already, only those that are missing are done."
            ),
        )
        self.addOutput(QgsProcessingOutputNumber("RUN_COUNT", tr("Number of runs in the file")))
        self.addOutput(QgsProcessingOutputNumber("NEW_RUNS", tr("Number of runs done now")))
        for name in MAPS:
            label = tr("Mean PAI at 5 % of area: {}").format(name.replace("_", " "))
            self.addOutput(QgsProcessingOutputNumber(f"PAI_{name.upper()}", label))

    def _add_windows(self) -> None:
        self.add(choice("UNIT", tr("Windows are counted in"), UNITS, "months"), tr("Unit of the three lengths below."))
        self.add(
            whole_number("FIT_LENGTH", tr("Length of the fitting window"), 12, 1, 10_000),
            tr("The model, the forecast and the baselines are made from the events of this window."),
        )
        self.add(
            whole_number("TEST_LENGTH", tr("Length of the test window"), 1, 1, 10_000),
            tr("They are measured on the events of the window that follows."),
        )
        self.add(
            whole_number("STEP", tr("Step"), 1, 1, 10_000),
            tr("How far both windows move on from one run to the next."),
        )
        self.add(
            whole_number("FORECAST_PERIODS", tr("Periods for the forecast"), 1, 1, 1000),
            tr(
                "In how many periods of equal length the fitting window is handed to the forecast. With more than one "
                "it learns from the fitting window what lasts, and how much older events should count."
            ),
            advanced=True,
        )
        add_window(self, "", tr("back-test"))

    def execute(self, request: Request) -> dict[str, Any]:
        marking = given_marking(request)
        settings = self._settings(request)
        request.feedback.setProgressText(tr("Reading layers"))
        inputs = read_inputs(request)
        test = self._laid(request, inputs, settings)
        dated = findings_of_events(inputs.events, test.grid, tr("the layer's dates"))
        tell_findings((*inputs.factor_findings, *dated), request.feedback)
        settings_text = test.settings_text(
            {"plugin": versions()["plugin"], **({"marking": marking} if marking else {})}
        )
        file = RunsFile(Path(request.output("OUTPUT")), COLUMNS, tr("a back-test"))
        done = self._done(file, test, settings_text)
        missing = [(k, window) for k, window in enumerate(test.windows, 1) if k not in done]
        request.feedback.pushInfo(
            tr("{} runs, of which {} are in the file already.").format(len(test.windows), len(done))
        )
        if missing:
            request.feedback.setProgressText(tr("Building candidates"))
            test = test.prepared(request.progress(0.02, 0.15), available_workers())
        progress = request.progress(0.15, 1.0)
        for (number, (fitted, tested)), share in zip(missing, parts(progress, len(missing)), strict=True):
            request.feedback.setProgressText(tr("Run {} of {}").format(number, len(test.windows)))
            run = run_window(test, fitted, tested, share)
            done[number] = row_of(number, run, settings_text, test.events_hash(fitted, tested))
            file.append(done[number])
            self._tell(number, run, request.feedback)
        return {"OUTPUT": str(file.path), **self._summary(done, len(missing), request.feedback)}

    def _settings(self, request: Request) -> BacktestSettings:
        fit, length, step, periods = (
            request.whole(name) for name in ("FIT_LENGTH", "TEST_LENGTH", "STEP", "FORECAST_PERIODS")
        )
        unit = request.choice("UNIT")
        return BacktestSettings(RollingSettings(fit, length, step, unit), periods)

    def _laid(self, request: Request, inputs: Inputs, settings: BacktestSettings) -> Backtest:
        """Grid and windows, so that what cannot be done is refused before the long work."""
        dates = inputs.events.dates
        if dates is None:
            raise InputError(tr("A back-test needs the dates of the events; choose the field that holds them."))
        study = study_of(request, inputs)
        return Backtest.of(study, dates, settings, window_of(request, ""))

    def _done(self, file: RunsFile, test: Backtest, settings_text: str) -> dict[int, dict[str, Any]]:
        """The runs of the file by number, refused when they are not of these settings and events."""
        number_of = {window: k for k, window in enumerate(test.windows, 1)}
        done: dict[int, dict[str, Any]] = {}
        for row in file.rows_of(text_hash(settings_text)):
            window = (
                Period.from_iso(row["fit_start"], row["fit_end"]),
                Period.from_iso(row["test_start"], row["test_end"]),
            )
            number = number_of.get(window)
            if number is None:
                continue
            if row["events_hash"] != test.events_hash(*window):
                raise OutputError(
                    tr(
                        "{} holds a run on {} with other events than there are now; choose another name, or remove the "
                        "file."
                    ).format(file.path.name, window[0].text)
                )
            done[number] = row
        return done

    def _tell(self, number: int, run: BacktestRun, feedback: QgsProcessingFeedback) -> None:
        text = tr("Run {}: fitted on {}, tested on {}").format(number, run.fitted.text, run.tested.text)
        if run.note:
            feedback.pushWarning(f"{text}: {run.note}")
            return
        at = SHARES.index(HEADLINE / 100)
        figures = ", ".join(f"{name.replace('_', ' ')} {run.accuracy[name][at].pai.expected:.2f}" for name in MAPS)
        feedback.pushInfo(tr("{}: PAI at 5 percent of area {}.").format(text, figures))

    def _summary(self, done: dict[int, dict[str, Any]], new: int, feedback: QgsProcessingFeedback) -> dict[str, Any]:
        """Means over all runs that could be measured."""
        outputs: dict[str, Any] = {"RUN_COUNT": len(done), "NEW_RUNS": new}
        for name in MAPS:
            values = [float(row[f"pai_{name}_{HEADLINE}"]) for row in done.values() if not row["note"]]
            if values:
                outputs[f"PAI_{name.upper()}"] = fmean(values)
                feedback.pushInfo(
                    tr("Mean PAI at 5 percent of area over {} runs: {} {:.2f}").format(
                        len(values), name.replace("_", " "), outputs[f"PAI_{name.upper()}"]
                    )
                )
        return outputs


def row_of(number: int, run: BacktestRun, settings: str, events: str) -> dict[str, Any]:
    """One row of the file; what was not measured stays empty."""
    (fit_start, fit_end), (test_start, test_end) = run.fitted.iso, run.tested.iso
    figures: dict[str, Any] = dict.fromkeys(_FIGURES, "")
    for name, rows in run.accuracy.items():
        for row in rows:
            figures[f"hit_rate_{name}_{row.share * 100:g}"] = row.hit_rate.expected
            figures[f"pai_{name}_{row.share * 100:g}"] = row.pai.expected
    model = run.model
    return {
        "run": number,
        "fit_start": fit_start,
        "fit_end": fit_end,
        "test_start": test_start,
        "test_end": test_end,
        "cells": run.cells,
        "fit_events": run.fit_events,
        "test_events": run.test_events,
        "family": model.family if model else "",
        "factors": "; ".join(term.name for term in model.selected) if model else "",
        "bic": model.bic if model else "",
        "kernel_bandwidth": "" if run.bandwidth is None else run.bandwidth,
        **figures,
        "note": run.note,
        "settings": settings,
        "settings_hash": text_hash(settings),
        "events_hash": events,
    }
