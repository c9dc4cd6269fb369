"""rtm:backtest: rows, going on where it stopped, and what it refuses."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from risk_terrain.rtm_plugin.adapters.runs_file import RunsFile
from risk_terrain.rtm_plugin.core.errors import FileFormatError
from running import Log, files, process, refusal, run_inputs
from small_city import point_wkt, write_layer

MONTHS = [f"20{22 + k // 12}-{1 + k % 12:02}" for k in range(18)]
FACTORS = ("bars", "footpaths")
MAPS = ("terrain", "forecast", "prior_counts", "kernel_density")


@pytest.fixture(scope="module")
def dated(city, tmp_path_factory):
    """Events with months, as police.uk has them, over a year and a half."""
    path = tmp_path_factory.mktemp("months") / "m.gpkg"
    number = len(city.events)
    months = [MONTHS[i * 7 % 18] for i in range(number)]
    return write_layer(path, "crimes", point_wkt(city.events), {"Month": months, "=none": [""] * number})


@pytest.fixture
def asked(city, dated, out):
    """Nine months to fit, three to test, three on: three runs."""
    windows = {"FIT_LENGTH": 9, "TEST_LENGTH": 3, "STEP": 3, "EVENT_DATE_FIELD": "Month"}
    quick = {"CULL": "no", "FAMILY": "poisson"}
    factors = [city.layer(name) for name in FACTORS]
    return run_inputs(city, EVENTS=dated, FACTORS=factors, **windows, **quick, OUTPUT=str(out / "runs.csv"))


def rows(path) -> list[dict]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_rows(asked, out):
    log = Log()
    results = process("backtest", asked, log)
    found = rows(out / "runs.csv")
    assert files(out) == ["runs.csv"]
    assert [(row["fit_start"], row["fit_end"], row["test_start"], row["test_end"]) for row in found] == [
        ("2022-01-01", "2022-09-30", "2022-10-01", "2022-12-31"),
        ("2022-04-01", "2022-12-31", "2023-01-01", "2023-03-31"),
        ("2022-07-01", "2023-03-31", "2023-04-01", "2023-06-30"),
    ]
    assert [row["run"] for row in found] == ["1", "2", "3"]
    for row in found:
        assert row["note"] == ""
        assert row["family"] == "poisson"
        assert "bars_proximity_100" in row["factors"]
        for name in MAPS:
            for percent in (1, 2, 5, 10, 20):
                hit, pai = float(row[f"hit_rate_{name}_{percent}"]), float(row[f"pai_{name}_{percent}"])
                assert pai == pytest.approx(hit * 100 / percent)
        settings = json.loads(row["settings"])
        assert settings["rolling"] == {"fit": 9, "test": 3, "step": 3, "unit": "months"}
        assert settings["selection"]["family"] == "poisson"
        assert [factor["name"] for factor in settings["factors"]] == list(FACTORS)
    assert (results["RUN_COUNT"], results["NEW_RUNS"]) == (3, 3)
    for name in MAPS:
        assert results[f"PAI_{name.upper()}"] == pytest.approx(np.mean([float(row[f"pai_{name}_5"]) for row in found]))
    assert any(note.startswith("Run 2: fitted on 1 April 2022 to 31 December 2022, tested on") for note in log.notes)
    assert "3 runs, of which 0 are in the file already." in log.notes


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("whole") / "whole.csv"


@pytest.fixture
def whole(asked, kept):
    """The bytes of an uninterrupted back-test, made once."""
    if not kept.exists():
        process("backtest", {**asked, "OUTPUT": str(kept)})
    return kept.read_bytes()


@pytest.mark.parametrize("at", [0, 5, 20, 50, 80, 97])
def test_cancelled_and_resumed_equals_uninterrupted(asked, out, whole, at):
    """Whatever was done when somebody pressed cancel is kept whole; the rest follows; the bytes are the same."""
    log = Log(stop_at=at)
    assert process("backtest", asked, log) == {}
    assert (
        log.notes[-1].startswith("Cancelled; the runs that were done are kept in the file")
        or "Results" in log.notes[-1]
    )
    path = out / "runs.csv"
    before = path.read_bytes() if path.exists() else b""
    assert whole.startswith(before)
    assert before == b"" or before.endswith(b"\n")
    done = max(before.count(b"\n") - 1, 0)
    assert done == {0: 0, 5: 0, 20: 0, 50: 1, 80: 2, 97: 2}[at]
    results = process("backtest", asked)
    assert results["NEW_RUNS"] == 3 - done
    assert path.read_bytes() == whole
    assert process("backtest", asked)["NEW_RUNS"] == 0
    assert path.read_bytes() == whole


@pytest.mark.parametrize("cut", [1, 30, 700, 2400])
def test_a_row_that_was_cut_off(asked, out, whole, cut):
    """The machine went down while a row, or the header, was written."""
    path = out / "runs.csv"
    for kept in (whole[:-cut], whole[:cut]):
        path.write_bytes(kept)
        process("backtest", asked)
        assert path.read_bytes() == whole


def test_more_months_are_appended(asked, out, whole):
    """The file of a shorter time grows when more months have come."""
    shorter = {**asked, "END": "2023-03-31"}
    assert process("backtest", shorter)["RUN_COUNT"] == 2
    assert process("backtest", asked)["NEW_RUNS"] == 1
    assert (out / "runs.csv").read_bytes() == whole


def test_files_of_others_are_left_alone(asked, out, city, dated, whole, tmp_path):
    path = out / "runs.csv"
    path.write_bytes(whole)
    sentence = refusal("backtest", {**asked, "SEED": 2})
    assert sentence == (
        "runs.csv holds runs of other settings, layers or another version of the plugin; choose another name, or "
        "remove the file."
    )
    months = [MONTHS[i * 7 % 18] for i in range(len(city.events))]
    other = write_layer(tmp_path / "o.gpkg", "crimes", point_wkt(city.events + 1.0), {"Month": months})
    assert refusal("backtest", {**asked, "EVENTS": other}) == (
        "runs.csv holds a run on 1 January 2022 to 30 September 2022 with other events than there are now; choose "
        "another name, or remove the file."
    )
    assert path.read_bytes() == whole
    foreign = "runs.csv is there already and is not a back-test of this version; choose another name."
    for content in (b"a,b\n1,2\n", b"\xff\xfe\n", whole.replace(b'"poisson",', b'"poisson",,', 1)):
        path.write_bytes(content)
        assert refusal("backtest", asked) == foreign
        assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"UNIT": "days", "FIT_LENGTH": 200},
            "The window 1 January 2022 to 19 July 2022 cuts the month 2022-07, of whose events the field 'Month' of "
            "'crimes' does not tell the day; let windows start and end with whole months.",
        ),
        (
            {"FIT_LENGTH": 16},
            "The dates run from 1 January 2022 to 30 June 2023, too short for a fitting window of 16 and a test window "
            "of 3 months; choose shorter windows.",
        ),
        (
            {"FORECAST_PERIODS": 2},
            "The fitting window of 9 months cannot be cut in 2 periods of whole months for the forecast; choose a "
            "number that divides it.",
        ),
        (
            {"START": "2023-01-01", "END": "2022-01-01"},
            "The window ends on 1 January 2022, before it starts on 1 January 2023; exchange the two dates.",
        ),
        (
            {"EVENT_DATE_FIELD": "=none"},
            "The field '=none' of 'crimes' holds no date; choose the field that says when the events happened.",
        ),
    ],
)
def test_refusals(asked, out, changes, sentence):
    assert refusal("backtest", {**asked, **changes}) == sentence
    assert files(out) == []


def test_windows_without_events_are_rows_too(asked, out, city, tmp_path):
    """A quiet quarter is noted and does not end the back-test."""
    months = ["2022-11" if MONTHS[i * 7 % 18] in MONTHS[15:] else MONTHS[i * 7 % 18] for i in range(len(city.events))]
    months[0] = "2023-06"
    quiet = np.array([[400_000.0 - 500, 300_000.0], *city.events[1:]])
    source = write_layer(tmp_path / "q.gpkg", "crimes", point_wkt(quiet), {"Month": months})
    log = Log()
    results = process("backtest", {**asked, "EVENTS": source}, log)
    found = rows(out / "runs.csv")
    assert [row["note"] for row in found] == ["", "", "No event lies in the test window."]
    assert (found[2]["pai_terrain_5"], found[2]["family"], found[2]["test_events"]) == ("", "", "0.0")
    assert results["RUN_COUNT"] == 3
    assert results["PAI_TERRAIN"] == pytest.approx(np.mean([float(row["pai_terrain_5"]) for row in found[:2]]))
    empty = "No event of 'crimes' is from April 2023 to May 2023: 2 of 18 months in it are empty."
    assert log.warnings[1].startswith(empty)
    assert log.warnings[2:] == [
        "Run 3: fitted on 1 July 2022 to 31 March 2023, tested on 1 April 2023 to 30 June 2023: No event lies in the "
        "test window."
    ]


def test_names_that_a_spreadsheet_takes_for_formulas(tmp_path):
    file = RunsFile(tmp_path / "f.csv", ("a", "b"), "a list")
    file.append({"a": "=cmd|' /C calc'!A1", "b": 0.1})
    file.append({"a": 'two\nlines, "quoted"', "b": 1})
    assert file.rows() == [{"a": "'=cmd|' /C calc'!A1", "b": "0.1"}, {"a": 'two lines, "quoted"', "b": "1"}]
    Path(tmp_path / "g.csv").write_text("other\n1\n", encoding="utf-8")
    with pytest.raises(FileFormatError) as refused:
        RunsFile(tmp_path / "g.csv", ("a", "b"), "a list").rows()
    assert str(refused.value) == "g.csv is there already and is not a list of this version; choose another name."
