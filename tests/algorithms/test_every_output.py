"""Every output of every algorithm: on a full disk, under Windows' rules, in folders and names that cannot be."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import risk_terrain
from every_output import asked_for, calls, destinations, file_name
from qgis.core import QgsProject
from risk_terrain.rtm_plugin.adapters import moves
from risk_terrain.rtm_plugin.adapters.files import Staging
from risk_terrain.rtm_plugin.cartography.briefing import is_whole_pdf
from risk_terrain.rtm_plugin.core.errors import OutputError
from risk_terrain.rtm_plugin.provider import ALGORITHMS
from running import files, process, refusal
from small_city import point_wkt, write_layer
from test_disk import OLD, fill, small_disk  # noqa: F401 - a fixture

WITHOUT_OUTPUT = {"blocklength", "suggest", "checkstudy"}
KEPT = {("backtest", "OUTPUT"), ("sensitivity", "OUTPUT_RUNS")}  # grow by a row a run, in place
WRITING = [module for module, _ in ALGORITHMS if module not in WITHOUT_OUTPUT]


@pytest.fixture(scope="module")
def dated(city, tmp_path_factory):
    """Events with months over a year."""
    months = [f"2022-{1 + i % 12:02}" for i in range(len(city.events))]
    path = tmp_path_factory.mktemp("months") / "m.gpkg"
    return write_layer(path, "crimes", point_wkt(city.events), {"Month": months})


@pytest.fixture
def inputs(city, chain, dated, tmp_path):
    yield calls(city, chain, dated, tmp_path)
    QgsProject.instance().clear()


def test_all_algorithms_are_covered(inputs):
    assert set(inputs) == set(WRITING)
    assert not [name for name in WITHOUT_OUTPUT if destinations(name)]


@pytest.mark.parametrize("algorithm", WRITING)
def test_full_disk(inputs, small_disk, algorithm):  # noqa: F811
    """Refused in a sentence, nothing new, and the earlier file as it was."""
    for definition in destinations(algorithm):
        for file in small_disk.iterdir():
            file.unlink()
        target = small_disk / file_name(definition)
        keeps = (algorithm, definition.name()) in KEPT  # goes on with the file, which must be one of its own
        if not keeps:
            target.write_text(OLD, encoding="utf-8")
        fill(small_disk, 0 if keeps else 1)
        sentence = refusal(algorithm, {**inputs[algorithm], **asked_for(algorithm, definition, target)})
        assert "written" in sentence, definition.name()
        assert sentence.endswith("."), definition.name()
        assert files(small_disk) == sorted(["full"] if keeps else ["full", target.name]), definition.name()
        assert keeps or target.read_text("utf-8") == OLD


@pytest.mark.parametrize("algorithm", WRITING)
def test_name_of_a_folder(inputs, out, algorithm):
    """Refused before any work."""
    for definition in destinations(algorithm):
        target = out / file_name(definition)
        target.mkdir()
        sentence = refusal(algorithm, {**inputs[algorithm], **asked_for(algorithm, definition, target)})
        assert sentence == f"{target.name} cannot be written to {out}: there is a folder of that name."
        target.rmdir()
    assert files(out) == []


def test_killed_within_the_move(inputs, out):
    """Old and new are there under hidden names only; the next run gives all new files their names."""
    asked, names = {}, {}
    for algorithm in WRITING:
        if algorithm == "backtest":
            continue  # it writes nothing but rows in place
        folder = out / algorithm
        folder.mkdir()
        targets = {}
        for definition in destinations(algorithm):
            path = folder / file_name(definition)
            if (algorithm, definition.name()) not in KEPT:
                path.write_text(OLD, encoding="utf-8")
            targets[definition.name()] = asked_for(algorithm, definition, path)[definition.name()]
        names[algorithm] = files(folder)
        asked[algorithm] = {**inputs[algorithm], **targets}
    program = Path(__file__).with_name("kills_of_algorithms.py")
    paths = [str(Path(next(iter(risk_terrain.__path__))).parent), *(path for path in sys.path if "qgis" in path)]
    done = subprocess.run(
        [sys.executable, str(program)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == dict.fromkeys(asked, signal.SIGKILL)
    for algorithm, earlier in names.items():
        folder = out / algorithm
        assert len(set(earlier) - set(files(folder))) == 1, algorithm
        moves.tidy(folder)
        assert set(earlier) <= set(files(folder)), algorithm
        assert not [name for name in files(folder) if name.startswith(".")], algorithm
        assert not [name for name in earlier if OLD.encode() in (folder / name).read_bytes()], algorithm


@pytest.fixture
def windows_rules(monkeypatch):
    """A file that this process has open can be neither replaced nor removed."""

    def is_open(path) -> bool:
        path = os.path.realpath(path)
        links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
        return any(os.path.realpath(link) == path for link in links if os.path.lexists(link))

    def guarded(action):
        def act(*paths, **options):
            if any(isinstance(path, (str, os.PathLike)) and is_open(path) for path in paths):
                raise PermissionError(13, "The process cannot access the file because it is being used", str(paths[0]))
            return action(*paths, **options)

        return act

    for name in ("replace", "unlink", "rename", "remove"):
        monkeypatch.setattr(os, name, guarded(getattr(os, name)))
    monkeypatch.setattr(moves, "_WAITS", ())


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="which files are open is read from /proc")
@pytest.mark.parametrize("algorithm", WRITING)
def test_under_the_rules_of_windows(inputs, out, windows_rules, algorithm):
    """Nothing is held open when it is moved, and nothing but the outputs is left."""
    targets = {}
    for definition in destinations(algorithm):
        path = out / file_name(definition)
        targets[definition.name()] = asked_for(algorithm, definition, path)[definition.name()]
    process(algorithm, {**inputs[algorithm], **targets})
    left = files(out)
    assert not [name for name in left if name.startswith(".")]
    assert {file_name(definition) for definition in destinations(algorithm)} <= set(left)


def test_failure_under_the_rules_of_windows(inputs, small_disk, windows_rules):  # noqa: F811
    """The reason reaches the analyst, not that a file could not be removed."""
    for algorithm, name in (("studygrid", "g.tif"), ("priorityplaces", "p.gpkg"), ("briefing", "b.pdf")):
        fill(small_disk, 1)
        sentence = refusal(algorithm, {**inputs[algorithm], "OUTPUT": str(small_disk / name)})
        assert re.search(r"No space left|disk has room", sentence), sentence
        assert files(small_disk) == ["full"]


def test_a_lock_that_goes_away(out, monkeypatch):
    """A virus scanner looks at each new file for a moment."""
    tries, waits, replace = [], [], os.replace

    def held(*paths):
        tries.append(paths)
        if len(tries) < 4:
            raise PermissionError(13, "Permission denied")
        return replace(*paths)

    monkeypatch.setattr(os, "replace", held)
    monkeypatch.setattr(moves.time, "sleep", waits.append)
    with Staging() as staging:
        staging.text(out / "a.txt", "new")
    assert (out / "a.txt").read_text("utf-8") == "new"
    assert waits == list(moves._WAITS[:3])


def staged(folder, *names, meanwhile=lambda: None) -> str:
    """The sentence with which a run that writes files is refused when it moves them."""

    def run() -> None:
        with Staging() as staging:
            for name in names:
                staging.text(folder / name, "new")
            meanwhile()

    with pytest.raises(OutputError) as caught:
        run()
    return str(caught.value)


def test_a_lock_that_stays(out, monkeypatch):
    """The file is named, the others are as they were, and nothing hides the reason."""
    (out / "a.txt").write_text(OLD, encoding="utf-8")
    (out / "b.txt").write_text(OLD, encoding="utf-8")
    replace = os.replace

    def held(source, target):
        if str(target).endswith("b.txt") and ".part" in str(source):
            raise PermissionError(13, "Permission denied")
        return replace(source, target)

    monkeypatch.setattr(os, "replace", held)
    monkeypatch.setattr(moves, "_WAITS", ())
    sentence = (
        "b.txt cannot be written to {}: Permission denied. If it is open in QGIS or another program, close or remove"
    )
    assert staged(out, "a.txt", "b.txt").startswith(sentence.format(out))
    assert files(out) == ["a.txt", "b.txt"]
    assert {(out / name).read_text("utf-8") for name in files(out)} == {OLD}


def test_a_folder_that_vanishes(out):
    sentence = f"a.txt could not be written to {out}; check the disk and the folder."
    assert staged(out, "a.txt", meanwhile=lambda: shutil.rmtree(out)) == sentence
    assert not out.exists()


def test_companions_and_descriptions_of_an_old_file_go(inputs, out):
    """An old spatial index would hide features of the new file, old statistics would colour it wrongly."""
    for name in ("p.qix", "p.sbn", "p.sbx", "p.shp.aux.xml", "t.tif.aux.xml", "t.tif.ovr"):
        (out / name).write_text(OLD, encoding="utf-8")
    process("priorityplaces", {**inputs["priorityplaces"], "OUTPUT": str(out / "p.shp")})
    process("terrain", {**inputs["terrain"], "OUTPUT": str(out / "t.tif"), "OUTPUT_EXPECTED": None})
    assert files(out) == ["p.cpg", "p.dbf", "p.prj", "p.qml", "p.shp", "p.shx", "t.qml", "t.tif"]


def test_files_can_be_read_by_others(inputs, out):
    """The same rights as any new file, so that a colleague can open it on a share."""
    process("studygrid", {**inputs["studygrid"], "OUTPUT": str(out / "g.tif")})
    (out / "usual").touch()
    rights = {stat.S_IMODE((out / name).stat().st_mode) for name in ("g.tif", "g.qml", "usual")}
    assert len(rights) == 1


def test_a_pdf_cut_short_is_known(inputs, out, tmp_path):
    process("briefing", {**inputs["briefing"], "OUTPUT": str(out / "b.pdf")})
    content = (out / "b.pdf").read_bytes()
    assert is_whole_pdf(out / "b.pdf")
    short, hollow = tmp_path / "short.pdf", tmp_path / "hollow.pdf"
    for keep in (0.0, 0.3, 0.9, 0.999):
        short.write_bytes(content[: int(keep * len(content))])
        assert not is_whole_pdf(short), keep
    hollow.write_bytes(content[:1000] + content[5000:])  # Qt has written on after the disk was full for a while
    assert not is_whole_pdf(hollow)


def test_nothing_else_writes_files():
    """Whoever writes in another way knows neither of full disks nor of kills: all goes through Staging."""
    root = Path(__file__).resolve().parents[2]
    writing = re.compile(
        r"\.write_(text|bytes)\(|saveNamedStyle|\.toFile\(|shutil|QFile\(|QSaveFile|to_csv|\bopen\([^)]*[\"'][rwax]?b?\+?[wax+]"
    )
    known = {"files.py", "moves.py", "runs_file.py"}
    sources = [path for folder in ("algorithms", "rtm_plugin") for path in (root / folder).rglob("*.py")]
    assert len(sources) > 100
    assert [path.name for path in sources if path.name not in known and writing.search(path.read_text("utf-8"))] == []
