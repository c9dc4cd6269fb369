"""Terrain, model, candidates, counts and places that do not belong together are refused, on every route."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from osgeo import gdal, ogr
from qgis.core import QgsProject, QgsRasterLayer, QgsVectorLayer
from running import Log, process, refusal

gdal.UseExceptions()
POINT = "400950,301150"


@pytest.fixture(scope="module")
def other_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("other")


@pytest.fixture
def other(chain, other_folder):
    """Another model of the same cells and events: its file, terrain and expected counts. Made once; do not touch."""
    found = {name: str(other_folder / file) for name, file in OTHER.items()}
    if (other_folder / OTHER["expected"]).exists():
        return found
    process(
        "selectmodel",
        {"COUNTS": chain["counts"], "CANDIDATES": [chain["footpaths"]], "OUTPUT_MODEL": found["model"]},
    )
    process(
        "terrain",
        {
            "MODEL": found["model"],
            "CANDIDATES": [chain["footpaths"]],
            "OUTPUT": found["terrain"],
            "OUTPUT_EXPECTED": found["expected"],
        },
    )
    return found


OTHER = {"model": "model.json", "terrain": "terrain.tif", "expected": "expected.tif"}


def asked(tool, city, chain, tmp_path, **changes):
    """A run of each tool that takes a model and its terrain."""
    own = {"MODEL": chain["model"], "TERRAIN": chain["terrain"]}
    more = {
        "priorityplaces": {
            "CANDIDATES": [chain["bars"], chain["footpaths"]],
            "RULE": "share",
            "VALUE": 5,
            "OUTPUT": str(tmp_path / "p.gpkg"),
        },
        "briefing": {"OUTPUT": str(tmp_path / "b.pdf")},
        "report": {"OUTPUT_REPORT": str(tmp_path / "r.html")},
        "explain": {"POINT": POINT, "FACTORS": city.factors, "OUTPUT": str(tmp_path / "a.json")},
        "whatif": {
            "EXPECTED": chain["expected"],
            "FACTOR": "bars",
            "BEFORE": city.layer("bars"),
            "OUTPUT": str(tmp_path / "w.tif"),
            "OUTPUT_TABLE": str(tmp_path / "w.csv"),
        },
    }[tool]
    return {**own, **more, **changes}


def bare(path, target):
    """A copy of a raster without any metadata."""
    gdal.Translate(str(target), path)
    data = gdal.Open(str(target), gdal.GA_Update)
    data.SetMetadata({})
    del data
    return str(target)


TOOLS = ("priorityplaces", "briefing", "report", "explain", "whatif")


@pytest.mark.parametrize("tool", TOOLS)
def test_own_model(tool, city, chain, tmp_path):
    assert process(tool, asked(tool, city, chain, tmp_path))


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("tool", TOOLS)
def test_another_model(tool, lost, city, chain, other, tmp_path):
    """Whether the terrain still carries its metadata or has lost them."""
    terrain = bare(chain["terrain"], tmp_path / "bare.tif") if lost else chain["terrain"]
    sentence = refusal(tool, asked(tool, city, chain, tmp_path, MODEL=other["model"], TERRAIN=terrain))
    assert "was not made with this model" in sentence
    assert sentence.endswith("; choose the terrain of the same run.")
    assert not [path for path in tmp_path.iterdir() if path.name[0] in "brawp" and path.name != "bare.tif"]


@pytest.mark.parametrize("tool", ["report", "explain", "whatif"])
def test_expected_counts_of_another_model(tool, city, chain, other, tmp_path):
    sentence = refusal(tool, asked(tool, city, chain, tmp_path, EXPECTED=other["expected"]))
    assert sentence == "The expected counts 'expected' were not made with this model; choose the rasters of one run."


def test_candidates_of_other_features(city, chain, tmp_path):
    """A raster of the same factor and settings, made of other features."""
    changed = str(tmp_path / "bars.tif")
    half = f"{city.layer('bars')}|subset=fid % 2 = 0"
    process("operationalise", {"GRID": chain["grid"], "FACTOR": half, "NAME": "bars", "OUTPUT": changed})
    for tool in ("priorityplaces", "report"):
        run = asked(tool, city, chain, tmp_path, CANDIDATES=[changed, chain["footpaths"]])
        sentence = refusal(tool, run)
        assert "when the model was fitted; choose the candidate rasters that the model was fitted on" in sentence


@pytest.fixture
def foreign_places(other, tmp_path):
    path = str(tmp_path / "B_places.gpkg")
    process("priorityplaces", {"TERRAIN": other["terrain"], "RULE": "share", "VALUE": 5, "OUTPUT": path})
    return path


def test_places_keep_their_model(chain, tmp_path):
    path = str(tmp_path / "places.gpkg")
    process("priorityplaces", {"TERRAIN": chain["terrain"], "RULE": "share", "VALUE": 5, "OUTPUT": path})
    from risk_terrain.rtm_plugin.core.model.document import RiskModel

    data, fingerprint = ogr.Open(path), RiskModel.load(chain["model"]).fingerprint  # kept: its layers end with it
    kept = {key: text for key, text in data.GetLayer(0).GetMetadata().items() if key.startswith("RTM_")}
    assert kept == {"RTM_KIND": "terrain", "RTM_MODEL": fingerprint}
    shown = QgsVectorLayer(path).metadata()  # what QGIS shows under Properties ► Information
    assert (shown.identifier(), shown.title()) == (fingerprint, "Priority places")


@pytest.mark.parametrize("ending", ["gpkg", "geojson"])
@pytest.mark.parametrize("tool", ["briefing", "explain", "whatif"])
def test_places_of_another_study(tool, ending, city, chain, other, tmp_path):
    """By their metadata, and in a format without any by the cells and scores that they hold."""
    path = str(tmp_path / f"places_B.{ending}")
    process("priorityplaces", {"TERRAIN": other["terrain"], "RULE": "share", "VALUE": 5, "OUTPUT": path})
    sentence = refusal(tool, asked(tool, city, chain, tmp_path, PLACES=path))
    assert sentence.startswith("The priority places 'places_B' were not made from the risk terrain ")
    assert sentence.endswith("; choose the places of the same run, or make them again.")
    own = str(tmp_path / f"own.{ending}")
    process("priorityplaces", {"TERRAIN": chain["terrain"], "RULE": "share", "VALUE": 5, "OUTPUT": own})
    assert process(tool, asked(tool, city, chain, tmp_path, PLACES=own))


def test_wards_are_no_places(city, chain, tmp_path):
    """Polygons without the fields of priority places are as good as ever."""
    run = asked("whatif", city, chain, tmp_path, PLACES=city.layer("area"))
    process("whatif", run)
    with open(tmp_path / "w.csv", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 2


def test_the_dock_fills_in_the_places_of_the_same_study(chain, foreign_places, other, tmp_path):
    from risk_terrain.rtm_plugin.adapters.project import project_model

    project = QgsProject.instance()
    project.clear()
    copy = tmp_path / "A"
    copy.mkdir()
    for name in ("terrain", "model"):
        shutil.copy(chain[name], copy)
    own = str(tmp_path / "A_places.gpkg")
    process("priorityplaces", {"TERRAIN": chain["terrain"], "RULE": "share", "VALUE": 5, "OUTPUT": own})
    for path in (own, foreign_places):
        project.addMapLayer(QgsVectorLayer(path, Path(path).stem, "ogr"))
    found = {}
    for label, path in (("A", str(copy / Path(chain["terrain"]).name)), ("B", other["terrain"])):
        terrain = QgsRasterLayer(path, label)
        project.addMapLayer(terrain)
        places = project_model(project, terrain).places
        found[label] = project.mapLayer(places).name() if places else None
    project.clear()
    assert found == {"A": "A_places", "B": "B_places"}


def test_counts_of_other_events_are_told(city, chain, tmp_path):
    """The report of other counts says so on its page; it is not refused, as later events are looked at that way."""
    counts = str(tmp_path / "counts.tif")
    half = f"{city.layer('events')}|subset=fid % 2 = 0"
    process("countevents", {"GRID": chain["grid"], "EVENTS": half, "OUTPUT": counts})
    findings = tmp_path / "f.json"
    run = asked("report", city, chain, tmp_path, COUNTS=counts, OUTPUT_FINDINGS=str(findings))
    process("report", run, Log())
    warnings = json.loads(findings.read_text(encoding="utf-8"))["warnings"]
    assert any("not those that made the model" in warning for warning in warnings)
