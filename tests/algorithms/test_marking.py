"""One protective marking for a study: on every product, carried by model and layers, demanded where a force does."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from osgeo import gdal
from qgis.core import QgsRasterLayer, QgsSettings, QgsVectorLayer
from risk_terrain.rtm_plugin.cartography.metadata import describe
from running import Log, process, refusal, run_parameters, steps
from small_city import ORIGIN

MARKING = "OFFICIAL-SENSITIVE <b>"  # a marking is text, and never HTML
ESCAPED = "OFFICIAL-SENSITIVE &lt;b&gt;"
DEMANDED = {"risk_terrain/markings": ["OFFICIAL", "SECRET"], "risk_terrain/marking_required": True}
NONE = "Your force demands a protective marking on every result; choose one (OFFICIAL, SECRET)."


@pytest.fixture(autouse=True)
def no_settings(qgis_app):
    QgsSettings().remove("risk_terrain")
    yield
    QgsSettings().remove("risk_terrain")


@pytest.fixture
def demanding(qgis_app):
    """The rules of a force."""
    for key, value in DEMANDED.items():
        QgsSettings().setValue(key, value)


QUICK = {"CULL": "no", "FAMILY": "poisson"}


def marked_run(city, folder: Path, marking: str = MARKING) -> Log:
    """A run with everything that it can write."""
    more = {"OUTPUT_FINDINGS": "findings.json", "OUTPUT_FORECAST": "forecast.tif", "OUTPUT_CARDS": "cards.pdf"}
    more |= {"OUTPUT_VALIDATION": "validation.html", "OUTPUT_TABLE": "table.gpkg"}
    asked = {name: str(folder / file) for name, file in more.items()}
    log = Log()
    events = f'{city.layer("events")}|subset="year" = 2025'
    process("run", run_parameters(city, folder, TEST_EVENTS=events, MARKING=marking, **asked, **QUICK), log)
    return log


@pytest.fixture(scope="module")
def _first(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("marked") / "run"


@pytest.fixture
def marked(city, _first) -> Path:
    """The folder of such a run, made once. Look, do not touch."""
    if not _first.exists():
        _first.mkdir()
        assert marked_run(city, _first).errors == []
    return _first


def raster_marking(path) -> str | None:
    return gdal.Open(str(path)).GetMetadataItem("RTM_MARKING")


def constraints(layer) -> list[tuple[str, str]]:
    return [(found.type, found.constraint) for found in layer.metadata().constraints()]


def printed(path: Path) -> list[str]:
    """The text of each page of a PDF."""
    if shutil.which("pdftotext") is None:
        pytest.skip("there is no pdftotext to read the PDF")
    shown = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
    return shown.split("\f")[:-1]


def signed(path: Path) -> dict:
    return json.loads(path.read_text("utf-8"))["provenance"].get("signed", {})


def test_every_product_of_a_run_carries_it(marked):
    assert signed(marked / "model.json") == {"marking": MARKING}
    for name in ("terrain.tif", "expected.tif", "forecast.tif"):
        assert raster_marking(marked / name) == MARKING
    terrain = QgsRasterLayer(str(marked / "terrain.tif"))
    describe(terrain)
    told = [("Protective marking", MARKING)]
    assert constraints(terrain) == told
    assert constraints(QgsVectorLayer(str(marked / "places.gpkg"))) == told
    assert constraints(QgsVectorLayer(str(marked / "table.gpkg"))) == told
    for name in ("report.html", "validation.html"):
        text = (marked / name).read_text("utf-8")
        assert text.count(f'"><bdi>{ESCAPED}</bdi></p>') == 2
        assert MARKING not in text
    findings = json.loads((marked / "findings.json").read_text("utf-8"))
    assert findings["model"]["provenance"]["signed"]["marking"] == MARKING


def test_the_cards_have_a_page_each_with_the_marking_at_both_edges(marked):
    cards = json.loads((marked / "findings.json").read_text("utf-8"))["cards"]
    pages = printed(marked / "cards.pdf")
    assert len(pages) == len(cards) > 0
    for rank, text in enumerate(pages, 1):
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        assert lines[0] == lines[-1] == MARKING
        assert lines[1].startswith(f"Place {rank} of ")
        assert {"Owner", "Response", "Review date"} <= set(lines)


def test_an_empty_marking_says_nothing_anywhere(city, tmp_path):
    QgsSettings().setValue("risk_terrain/marking", "OFFICIAL")
    marked_run(city, tmp_path, "")
    assert signed(tmp_path / "model.json") == {}
    assert raster_marking(tmp_path / "terrain.tif") is None
    assert constraints(QgsVectorLayer(str(tmp_path / "places.gpkg"))) == []
    for name in ("report.html", "validation.html"):
        assert 'class="marking' not in (tmp_path / name).read_text("utf-8")


def test_the_settings_page_has_the_default_and_both_routes_the_same_bytes(city, tmp_path):
    QgsSettings().setValue("risk_terrain/marking", "OFFICIAL")
    process("run", run_parameters(city, tmp_path))
    by_steps = tmp_path / "steps"
    by_steps.mkdir()
    path = steps(city, by_steps)
    assert signed(tmp_path / "model.json") == signed(Path(path["model"])) == {"marking": "OFFICIAL"}
    for name in ("terrain", "expected"):
        assert raster_marking(path[name]) == "OFFICIAL"
        assert Path(path[name]).read_bytes() == (tmp_path / f"{name}.tif").read_bytes()


def test_later_products_take_it_from_the_model(marked, tmp_path):
    given = {"MODEL": str(marked / "model.json"), "TERRAIN": str(marked / "terrain.tif")}
    log = Log()
    process("report", {**given, "OUTPUT_REPORT": str(tmp_path / "again.html")}, log)
    assert (tmp_path / "again.html").read_text("utf-8").count(f'"><bdi>{ESCAPED}</bdi></p>') == 2
    assert log.warnings == []
    process("report", {**given, "MARKING": "OFFICIAL", "OUTPUT_REPORT": str(tmp_path / "other.html")}, log)
    other = (tmp_path / "other.html").read_text("utf-8")
    assert other.count('"><bdi>OFFICIAL</bdi></p>') == 2
    assert log.warnings == [f"The input is marked {MARKING}, the result OFFICIAL; make sure that this is meant."]
    process("briefing", {**given, "OUTPUT": str(tmp_path / "briefing.pdf")})
    assert [page.count(MARKING) for page in printed(tmp_path / "briefing.pdf")] == [2]
    spot = {"POINT": f"{ORIGIN[0] + 500},{ORIGIN[1] + 500} [EPSG:27700]", "OUTPUT": str(tmp_path / "why.json")}
    answer = process("explain", {**given, **spot})
    assert answer["TEXT"].splitlines()[0] == MARKING
    assert json.loads((tmp_path / "why.json").read_text("utf-8"))["marking"] == MARKING


def test_layers_made_of_marked_layers_are_marked(city, marked, tmp_path):
    terrain = str(marked / "terrain.tif")
    process("priorityplaces", {"TERRAIN": terrain, "RULE": "share", "VALUE": 5, "OUTPUT": str(tmp_path / "p.gpkg")})
    assert constraints(QgsVectorLayer(str(tmp_path / "p.gpkg"))) == [("Protective marking", MARKING)]
    process("jointrisk", {"TERRAIN": terrain, "EVENTS": city.layer("events"), "OUTPUT": str(tmp_path / "joint.tif")})
    assert raster_marking(tmp_path / "joint.tif") == MARKING
    asked = {"TERRAINS": [terrain], "EVENTS": city.layer("events"), "REPLICATES": 0}
    process("validate", {**asked, "OUTPUT_HTML": str(tmp_path / "page.html"), "ALLOW_OVERLAP": True})
    assert (tmp_path / "page.html").read_text("utf-8").count(f'"><bdi>{ESCAPED}</bdi></p>') == 2


def test_a_force_refuses_a_run_without_one_of_its_markings(city, tmp_path, demanding):
    asked = run_parameters(city, tmp_path, **QUICK)
    assert refusal("run", asked) == NONE
    assert refusal("run", {**asked, "MARKING": " "}) == NONE
    assert refusal("run", {**asked, "MARKING": "RESTRICTED"}) == (
        "'RESTRICTED' is none of the protective markings of your force; choose one of them (OFFICIAL, SECRET)."
    )
    assert list(tmp_path.glob("*.tif")) == []
    process("run", {**asked, "MARKING": "SECRET"})
    assert raster_marking(tmp_path / "terrain.tif") == "SECRET"


def test_a_force_refuses_products_of_an_unmarked_model(city, tmp_path):
    process("run", run_parameters(city, tmp_path, **QUICK))
    for key, value in DEMANDED.items():
        QgsSettings().setValue(key, value)
    given = {"MODEL": str(tmp_path / "model.json"), "TERRAIN": str(tmp_path / "terrain.tif")}
    assert refusal("report", {**given, "OUTPUT_REPORT": str(tmp_path / "again.html")}) == NONE
    assert refusal("briefing", {**given, "OUTPUT": str(tmp_path / "briefing.pdf")}) == NONE
    process("report", {**given, "MARKING": "SECRET", "OUTPUT_REPORT": str(tmp_path / "again.html")})
    assert (tmp_path / "again.html").is_file()


def test_a_marking_that_would_be_cut_is_refused(city, tmp_path):
    assert refusal("run", run_parameters(city, tmp_path, MARKING="x" * 201)) == (
        "The protective marking has 201 letters; shorten it to at most 200."
    )


@pytest.mark.parametrize("signature", [{"marking": 5}, {"marking": ["SECRET"]}, "SECRET", ["marking"], None])
def test_a_model_file_with_a_senseless_signature_is_unmarked(city, chain, tmp_path, signature):
    document = json.loads(Path(chain["model"]).read_text("utf-8"))
    document["provenance"]["signed"] = signature
    model = tmp_path / "model.json"
    model.write_text(json.dumps(document), encoding="utf-8")
    asked = {"MODEL": str(model), "TERRAIN": chain["terrain"], "OUTPUT_REPORT": str(tmp_path / "r.html")}
    process("report", asked)
    assert 'class="marking' not in (tmp_path / "r.html").read_text("utf-8")
