"""Cancel in any stage: no result, and no file, hidden ones included."""

import pytest
from running import RUN_OUTPUTS, Log, files, process, run_parameters
from small_city import FACTORS

EVERYWHERE = (0, 1, 6, 20, 41, 50, 60, 75, 90, 94)


@pytest.fixture
def asked(city, chain, out):
    """The parameters of each step, with every output in one folder."""
    candidates = [chain[name] for name in FACTORS]
    given = {"MODEL": chain["model"], "CANDIDATES": candidates}
    target = str(out / "result.tif")
    return {
        "studygrid": {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200, "OUTPUT": target},
        "countevents": {"GRID": chain["grid"], "EVENTS": city.layer("events"), "OUTPUT": target},
        "operationalise": {"GRID": chain["grid"], "FACTOR": city.layer("parks"), "OUTPUT": target},
        "selectmodel": {
            "COUNTS": chain["counts"],
            "CANDIDATES": candidates,
            "OUTPUT_MODEL": str(out / "m.json"),
            "OUTPUT_TABLE": str(out / "t.gpkg"),
        },
        "terrain": {**given, "OUTPUT": target, "OUTPUT_EXPECTED": str(out / "e.tif")},
        "priorityplaces": {**given, "TERRAIN": chain["terrain"], "OUTPUT": str(out / "p.gpkg")},
        "crossvalidate": {
            "COUNTS": chain["counts"],
            "CANDIDATES": candidates,
            "BLOCK_SIZE": 500,
            "CULL": "no",
            "FAMILY": "poisson",
            "OUTPUT_TABLE": str(out / "f.csv"),
            "OUTPUT_EXPECTED": str(out / "e.tif"),
        },
        "diagnose": {
            **given,
            "COUNTS": chain["counts"],
            "OUTPUT_TABLE": str(out / "c.csv"),
            "OUTPUT_RESIDUALS": target,
            "OUTPUT_REPORT": str(out / "page.html"),
        },
        "jointrisk": {"TERRAIN": chain["terrain"], "EVENTS": city.layer("events"), "OUTPUT": target},
        "whatif": {
            **{name.upper(): chain[name] for name in ("model", "terrain", "expected", "places")},
            "FACTOR": "bars",
            "BEFORE": city.layer("bars"),
            "OUTPUT": target,
        },
        "exportplaces": {"PLACES": chain["places"], "OUTPUT": str(out / "p.kml")},
        "run": run_parameters(city, out),
    }


def cancelled(algorithm: str, parameters: dict, at: float) -> Log:
    """Run it with somebody who presses cancel when the bar reaches a percentage."""
    log = Log(stop_at=at)
    assert process(algorithm, parameters, log) == {}
    assert log.isCanceled()
    assert log.errors == []
    assert "Cancelled; nothing was written." in log.notes
    return log


@pytest.mark.parametrize("at", EVERYWHERE)
def test_run(asked, out, at):
    log = cancelled("run", asked["run"], at)
    assert files(out) == []
    assert log.progress() < 97, "it went on for long after the button was pressed"


@pytest.mark.parametrize(
    ("algorithm", "at"),
    [
        ("studygrid", 0),  # it is quick and shows no progress
        ("countevents", 0),
        *[("operationalise", at) for at in (0, 8, 50, 80)],
        *[("selectmodel", at) for at in (0, 8, 50, 80)],
        *[("terrain", at) for at in (0, 15, 50)],
        *[("priorityplaces", at) for at in (0, 30, 80)],
        *[("crossvalidate", at) for at in (0, 3, 30, 90)],
        *[("diagnose", at) for at in (0, 5, 30, 80)],
        *[("jointrisk", at) for at in (0, 10, 50, 88)],
        *[("whatif", at) for at in (0, 20, 60, 85)],
        ("exportplaces", 0),
    ],
)
def test_steps(asked, out, algorithm, at):
    cancelled(algorithm, asked[algorithm], at)
    assert files(out) == []


def test_a_cancelled_run_leaves_the_earlier_results(asked, out):
    for name in RUN_OUTPUTS.values():
        (out / name).write_text("from last week", encoding="utf-8")
    cancelled("run", asked["run"], 60)
    assert files(out) == sorted(RUN_OUTPUTS.values())
    assert {(out / name).read_text("utf-8") for name in RUN_OUTPUTS.values()} == {"from last week"}


def test_progress_only_grows(asked):
    """The bar never runs back, and comes to its end."""
    seen: list[float] = []
    log = Log()
    log.progressChanged.connect(seen.append)
    process("run", asked["run"], log)
    assert seen == sorted(seen)
    assert seen[0] < 20
    assert seen[-1] > 90
    assert len(seen) > 10
