"""The core as a programmer has it: installed by pip into a Python without QGIS, fed with GeoDataFrames and tables."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from small_city import FACTORS

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "plain" / "bin" / "python"
if not PYTHON.exists():
    pytest.skip("there is no .venv/plain; .ci/setup makes it", allow_module_level=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What pip makes of a checkout."""
    checkout, site = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("site")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, checkout)
    shutil.copytree(ROOT / "rtm_plugin" / "core", checkout / "rtm_plugin" / "core")
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([PYTHON, "-m", "pip", "install", *options, "--target", site, checkout], check=True)
    return site


@pytest.fixture(scope="module")
def answer(installed, tmp_path_factory):
    """Runs lines of Python there; the value of `answer` comes back."""
    script = tmp_path_factory.mktemp("script") / "script.py"

    def run(lines: str, folder: Path = script.parent):
        script.write_text(f"{lines}\nimport json\nprint(json.dumps(answer))\n", encoding="utf-8")
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        done = subprocess.run(
            [PYTHON, script],
            capture_output=True,
            text=True,
            cwd=folder,
            env={**kept, "PYTHONPATH": str(installed), "MPLBACKEND": "Agg", "OPENBLAS_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_without_qgis_and_nothing_heavy_before_it_is_used(answer):
    loaded = answer("import sys, risk_terrain\nanswer = sorted(m.split('.')[0] for m in sys.modules)")
    assert not {"qgis", "osgeo", "PyQt5", "scipy", "numpy", "pandas", "geopandas"} & set(loaded)


def test_the_same_model_as_rtm_run(answer, city, whole_run):
    theirs = whole_run[-1]
    mine = answer(f"""
import geopandas, risk_terrain as rt
layer = lambda name: geopandas.read_file({str(city.path)!r}, layer=name)
study = rt.Study.of(layer("area"), layer("events"), {{name: layer(name) for name in {FACTORS!r}}}, 200.0)
result = rt.run(study)
answer = json.loads(result.model.to_json()) if (json := __import__("json")) else None
frame = result.to_geodataframe()
answer["cells"] = [len(frame), float(frame.score.min()), frame.crs.to_epsg(), float(frame.area.iloc[0])]
""")
    cells, lowest, epsg, area = mine.pop("cells")
    assert (cells, lowest, epsg, area) == (theirs["grid"]["cells"], 1.0, 27700, pytest.approx(1e4))
    assert mine["candidates"] == theirs["candidates"]
    assert mine["family"] == theirs["family"]
    for one, other in zip(mine["families"].values(), theirs["families"].values(), strict=True):
        assert [term["name"] for term in one["selected"]] == [term["name"] for term in other["selected"]]
        assert one["bic"] == pytest.approx(other["bic"], rel=1e-9)


def test_the_notebook(answer):
    cells = json.loads((ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    pai = "measured.find('PAI', name, 0.05).expected"
    table = "list(result.model.table().factor)"
    told = answer(
        "\n".join([*code, f"answer = [{table}, len(axes.collections), [{pai} for name in ('terrain', 'forecast')]]"]),
        ROOT / "docs",
    )
    factors, drawn, (terrain, forecast) = told
    assert {"bars", "rail_stations"} <= set(factors)
    assert drawn == 1
    assert 1 < terrain < forecast


def test_a_matrix(answer):
    """The coefficient of a single candidate is the logarithm of the ratio of the two means."""
    told = answer("""
import pandas, risk_terrain as rt
frame = pandas.DataFrame({"bars": [1] * 40 + [0] * 60})
counts = [3, 1] * 20 + [1, 0] * 30
table = rt.select_model(counts, frame, rt.SelectionSettings(cull=False, family="poisson")).table()
answer = table.to_dict("records")
""")
    assert [row["name"] for row in told] == ["bars"]
    assert told[0]["rrv"] == pytest.approx(2.0 / 0.5)


def test_a_protective_column(answer):
    told = answer("""
import risk_terrain as rt
candidates = rt.CandidateSet.of({"police": [1] * 40 + [0] * 60}, protective=["police"])
counts = [1, 0] * 20 + [3, 1] * 30
settings = rt.SelectionSettings(cull=False, family="poisson")
answer = list(rt.select_model(counts, candidates, settings).table().rrv)
""")
    assert told == [pytest.approx(2.0 / 0.5)]


SENTENCES = {
    "rt.Study.of([1], points, {}, 200)": "'study area' is a list; give a GeoDataFrame",
    "rt.Study.of(area, points.set_crs(None, allow_override=True), {}, 200)": "'events' has no CRS",
    "rt.Study.of(area, points.to_crs(4326), {}, 200)": "'events' is in degrees (WGS 84)",
    "rt.Study.of(area, points.to_crs(32630), {}, 200)": "'events' is in WGS 84 / UTM zone 30N, the study area in",
    "rt.Study.of(points, points, {}, 200)": "'study area' holds points, where polygons are needed.",
    "rt.Study.of(area, points, {'bars': points.iloc[:0]}, 200)": "'bars' has no geometry",
    "rt.Study.of(area, points, {'x': pandas.concat([area, points])}, 200)": "'x' holds Point and Polygon; give",
    "rt.Study.of(bow, points, {}, 200)": "'study area' holds polygons that are not valid",
    "rt.Study.of(area, points, {}, -5)": "The block length is -5; it must be a number above 0.",
    "rt.Study.of(area, points, {}, 200, factor_settings={'pubs': {}})": "There are settings for pubs, which are no",
    "rt.select_model([1] * 12, {'a': [2] * 12})": "The candidate 'a' holds other values than 0 and 1",
    "rt.select_model([1] * 12, [1])": "The candidates are a list; give a DataFrame",
    "rt.select_model([1] * 12, {'a': [0, 1] * 7})": "There are 12 counts and 14 rows of candidates.",
}


@pytest.fixture(scope="module")
def told(answer):
    """With which sentence each of these calls is refused."""
    return answer(f"""
import geopandas, pandas, risk_terrain as rt
from shapely.geometry import Point, Polygon, box
frame = lambda *shapes: geopandas.GeoDataFrame(geometry=list(shapes), crs=27700)
area, points = frame(box(0, 0, 2000, 2000)), frame(Point(10, 10), Point(20, 30))
bow = frame(Polygon([(0, 0), (100, 100), (100, 0), (0, 100)]))
answer = {{}}
for call in {list(SENTENCES)!r}:
    try:
        eval(call)
        answer[call] = "it was not refused"
    except rt.RtmError as error:
        answer[call] = str(error)
""")


@pytest.mark.parametrize("call", SENTENCES)
def test_sentences(told, call):
    assert told[call].startswith(SENTENCES[call])
