"""A run that dies, wherever it dies: the next one into the folder leaves all old files or all new ones."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import risk_terrain
from kills import EARLIER, NAMES
from risk_terrain.rtm_plugin.adapters import moves
from risk_terrain.rtm_plugin.adapters.files import Staging
from running import files

HERE = Path(__file__).resolve().parent


def python(*arguments: str, **options) -> subprocess.Popen:
    """Another Python that knows the package."""
    environment = {**os.environ, "PYTHONPATH": str(Path(next(iter(risk_terrain.__path__))).parent)}
    return subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True, env=environment, **options)


def contents(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text("utf-8") for name in NAMES if (folder / name).exists()}


@pytest.mark.parametrize("first", ["one", "two"])
@pytest.mark.parametrize("locked", ["", "c.txt"])
def test_killed_at_each_step(tmp_path, locked, first):
    """Two folders of one run; the next run is into either of them, then into the other.

    With a file that cannot be replaced, the steps are those of taking everything back.
    """
    number = int(python(str(HERE / "kills.py"), str(tmp_path), locked).communicate()[0])
    assert number > 20
    old, new = dict.fromkeys(EARLIER, "old"), dict.fromkeys(NAMES, "new")
    ends = set()
    for folder in (tmp_path / str(n) for n in range(1, number + 1)):
        for part in (first, "one", "two"):
            with Staging() as staging:
                staging.text(folder / part / "later.txt", "x")
        left = contents(folder)
        assert left in (old, new), folder.name
        ends.add(len(left))
        assert files(folder) == sorted(["one", "two", "one/later.txt", "two/later.txt", *left]), folder.name
    assert ends == {3, 4}


HOLDING = """
import sys, time
from pathlib import Path
from risk_terrain.rtm_plugin.adapters.files import Staging
with Staging() as staging:
    staging.text(Path(sys.argv[1]) / "mine.txt", "of the other run")
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other_run(out, tmp_path):
    """Another process that has written its files and not yet moved them."""
    script = tmp_path / "holding.py"
    script.write_text(HOLDING, encoding="utf-8")
    run = python(str(script), str(out), stdin=subprocess.PIPE)
    assert run.stdout.readline() == "written\n"
    yield run
    run.kill()
    run.wait()


def test_a_living_run_is_left_alone(other_run, out):
    before = files(out)
    assert len(before) == 2
    moves.tidy(out)
    assert files(out) == before
    other_run.communicate("")
    assert files(out) == ["mine.txt"]


def test_what_a_dead_run_left_goes(other_run, out):
    os.kill(other_run.pid, signal.SIGKILL)
    other_run.wait()
    assert len(files(out)) == 2
    with Staging() as staging:
        staging.text(out / "other.txt", "x")
    assert files(out) == ["other.txt"]


def test_two_runs_of_one_process(out):
    with Staging() as first:
        first.text(out / "a.txt", "1")
        with Staging() as second:
            second.text(out / "b.txt", "2")
    assert files(out) == ["a.txt", "b.txt"]


def test_what_version_0_1_0_left_goes_after_a_day(out):
    fresh, stale = out / ".rtm-01234567.part.tif", out / ".rtm-89abcdef.part.tif"
    for path in (fresh, stale):
        path.write_bytes(b"x")
    os.utime(stale, (time.time() - 100_000,) * 2)
    moves.tidy(out)
    assert files(out) == [fresh.name]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"moves": 1}',
        '{"moves": [[1, 2, 3]]}',
        '{"moves": [["DIR/secret", "DIR/out/shown", "DIR/out/.rtm-ab-0.old"]]}',
        '{"moves": [["DIR/out/.rtm-ab-0.part", "DIR/secret", "DIR/out/.rtm-ab-0.old"]]}',
        '{"moves": [["DIR/.rtm-ab-0.part", "DIR/secret", "DIR/.rtm-ab-0.old"]]}',
        '{"head": "DIR/secret"}',
    ],
)
def test_a_mark_by_somebody_else_moves_nothing_of_ours(out, tmp_path, text):
    """A file that anybody can put into a shared folder."""
    for name in ("secret", "out/.rtm-ab-0.part", ".rtm-ab-0.part"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    (out / ".rtm-ab.run").write_text(text.replace("DIR", str(tmp_path)), encoding="utf-8")
    moves.tidy(out)
    assert (tmp_path / "secret").read_text("utf-8") == "secret"
    assert set(files(out)) <= {".rtm-ab.run", ".rtm-ab-0.part"}
