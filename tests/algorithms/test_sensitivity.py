"""rtm:sensitivity: rows of runs and of factors, going on where it stopped, and what it refuses."""

import csv
import json

import pytest
from running import Log, files, process, refusal, run_inputs

FACTORS = ["bars", "kiosks"]
# The city's own choices, and what they are changed to.
KEYS = [
    ("as asked", ""),
    ("grid origin", "half a cell east"),
    ("grid origin", "half a cell north"),
    ("grid origin", "half a cell east and north"),
    ("cell size", "75"),
    ("cell size", "125"),
    ("cell size", "150"),
    ("block length", "150"),
    ("block length", "250"),
    ("density cut", "mean + 1 SD"),
    ("density cut", "mean + 3 SD"),
    ("family", "nb1"),
]


def parameters(city, folder) -> dict:
    """The city, quick: two factors within two blocks, culling off, one family."""
    few = {"FACTORS": [city.layer(name) for name in FACTORS], "MAX_BLOCKS": 2}
    outputs = {"OUTPUT_TABLE": str(folder / "factors.csv"), "OUTPUT_RUNS": str(folder / "runs.csv")}
    return run_inputs(city, CULL="no", FAMILY="poisson", **few, **outputs)


@pytest.fixture
def asked(city, out):
    return parameters(city, out)


@pytest.fixture(scope="module")
def whole(city, tmp_path_factory):
    """All runs without a break: folder, results, log. Look, do not touch."""
    folder, log = tmp_path_factory.mktemp("whole"), Log()
    return folder, process("sensitivity", parameters(city, folder), log), log


def rows(path) -> list[dict]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_rows(whole):
    out, results, log = whole
    assert files(out) == ["factors.csv", "runs.csv"]
    assert (results["RUN_COUNT"], results["NEW_RUNS"]) == (12, 12)
    runs = rows(out / "runs.csv")
    assert [(row["choice"], row["value"]) for row in runs] == KEYS
    assert [row["run"] for row in runs] == [str(number) for number in range(1, 13)]
    assert float(runs[0]["correlation"]) == pytest.approx(1)
    assert float(runs[0]["overlap_5"]) == pytest.approx(1)
    assert len({row["settings_hash"] for row in runs}) == 1
    settings = json.loads(runs[0]["settings"])
    assert [factor["name"] for factor in settings["factors"]] == FACTORS
    for row in runs:
        assert row["note"] == ""
        assert "bars" in row["selected"].split("; ")
        assert -1 <= float(row["correlation"]) <= 1
        assert 0 <= float(row["overlap_5"]) <= 1
    factors = {row["factor"]: row for row in rows(out / "factors.csv")}
    assert list(factors) == FACTORS
    for name, row in factors.items():
        chosen = [name in one["selected"].split("; ") for one in runs]
        sure = [name in one["established"].split("; ") for one in runs]
        assert (row["runs"], row["selected"]) == ("12", str(sum(chosen)))
        assert float(row["selected_share"]) == pytest.approx(sum(chosen) / 12)
        assert row["established"] == str(sum(sure))
    assert float(factors["bars"]["selected_share"]) == 1
    assert float(factors["kiosks"]["selected_share"]) < 0.5
    assert "12 runs, of which 0 are in the file already." in log.notes
    assert any(note.startswith("Run 5, cell size 75: ") for note in log.notes)
    assert any(note.startswith("bars: selected in 12 of 12 runs") for note in log.notes)


@pytest.mark.parametrize("at", [0, 3, 40, 80])
def test_cancelled_and_resumed_equals_uninterrupted(asked, out, whole, at):
    """Whatever was done when somebody pressed cancel is kept; the rest follows; the bytes are the same."""
    unbroken, _, _ = whole
    log = Log(stop_at=at)
    assert process("sensitivity", asked, log) == {}
    assert any(note.startswith("Cancelled; the runs that were done are kept in their file") for note in log.notes)
    path = out / "runs.csv"
    before = path.read_bytes() if path.exists() else b""
    assert (unbroken / "runs.csv").read_bytes().startswith(before)
    done = max(before.count(b"\n") - 1, 0)
    assert (done > 0) == (at >= 40)
    assert process("sensitivity", asked)["NEW_RUNS"] == 12 - done
    for name in ("runs.csv", "factors.csv"):
        assert (out / name).read_bytes() == (unbroken / name).read_bytes()
    assert process("sensitivity", asked)["NEW_RUNS"] == 0


def test_files_of_others_are_left_alone(asked, out, whole):
    content = (whole[0] / "runs.csv").read_bytes()
    (out / "runs.csv").write_bytes(content)
    assert refusal("sensitivity", {**asked, "BLOCK_LENGTH": 210}) == (
        "runs.csv holds runs of other settings, layers or another version of the plugin; choose another name, or "
        "remove the file."
    )
    assert (out / "runs.csv").read_bytes() == content
    (out / "runs.csv").write_bytes(b"a,b\n1,2\n")
    assert refusal("sensitivity", asked) == (
        "runs.csv is there already and is not a table of such runs of this version; choose another name."
    )
    assert (out / "runs.csv").read_bytes() == b"a,b\n1,2\n"


def test_with_an_exposure_other_cells_have_a_note(asked, out, chain):
    """The raster is of the study grid's cells, and nothing is resampled."""
    process("sensitivity", {**asked, "EXPOSURE": chain["expected"]}, log := Log())
    notes = {row["choice"]: row["note"] for row in rows(out / "runs.csv")}
    assert [choice for choice, note in notes.items() if note] == ["grid origin", "cell size"]
    assert rows(out / "factors.csv")[0]["runs"] == "6"
    assert any("Exposure and adjustments are rasters" in warning for warning in log.warnings)


def test_names_with_separators_and_formulas_come_back(asked, out, city):
    """What disarms texts for spreadsheets does not change a run that is read again."""
    entries = [{"layer": "bars", "name": "bars;=1+1|@x"}]
    settings = {"format": "risk-terrain-factors", "version": 1, "factors": entries}
    odd = {**asked, "FACTOR_SETTINGS": json.dumps(settings)}
    process("sensitivity", odd)
    table = (out / "factors.csv").read_bytes()
    assert process("sensitivity", odd)["NEW_RUNS"] == 0
    assert (out / "factors.csv").read_bytes() == table
    assert float(rows(out / "factors.csv")[0]["selected_share"]) == 1
