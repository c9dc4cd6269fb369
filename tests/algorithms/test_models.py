"""The models that teach the modeller: they run by processing.run and by qgis_process, and give what the tools give."""

import json

import pytest
from qgis.core import QgsProcessingContext, QgsProcessingModelAlgorithm, QgsProject
from running import Log, bands, files, process, qgis_process
from small_city import CRS, FACTORS, point_wkt, write_layer
from test_routes import REPOSITORY, without_provenance

MODELS = REPOSITORY / "resources" / "models"
TAUGHT = ("standard_chain", "crime_types", "test_period")
OUTPUTS = {
    "standard_chain": ["Model", "Risk terrain", "Expected counts", "Priority places"],
    "crime_types": [f"{what} {k}" for k in (1, 2) for what in ("Model", "Risk terrain", "Priority places")],
    "test_period": ["Model", "Risk terrain", "Forecast", "Validation", "Figures"],
}
ENDINGS = {
    "Model": "json",
    "Risk": "tif",
    "Expected": "tif",
    "Forecast": "tif",
    "Priority": "gpkg",
    "Validation": "html",
    "Figures": "csv",
}


@pytest.fixture(scope="module")
def dated(city, tmp_path_factory):
    """The city's events with a type and a date: types at random, the first two thirds in 2024."""
    n = len(city.events)
    fields = {
        "kind": ["robbery" if i % 5 < 3 else "theft" for i in range(n)],
        "day": [f"2024-{1 + i % 12:02}-05" if i % 3 else f"2025-{1 + i % 12:02}-05" for i in range(n)],
    }
    path = tmp_path_factory.mktemp("dated") / "events.gpkg"
    return write_layer(path, "events", point_wkt(city.events), fields, CRS)


def load(name: str) -> QgsProcessingModelAlgorithm:
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(str(MODELS / f"{name}.model3"))
    return model


def asked(name: str, city, events: str, folder) -> dict:
    """Inputs and outputs of a model; an output is called as in the modeller."""
    inputs = {f"FACTOR_{i}": city.layer(factor) for i, factor in enumerate(FACTORS[:3], 1)}
    inputs |= {"STUDY_AREA": city.layer("area"), "EVENTS": events, "BLOCK_LENGTH": 200}
    if name == "crime_types":
        inputs |= {"TYPE_1": "\"kind\" = 'robbery'", "TYPE_2": "\"kind\" = 'theft'"}
    if name == "test_period":
        inputs |= {"FIT": "\"day\" < '2025-01-01'", "TEST": "\"day\" >= '2025-01-01'", "DATE_FIELD": "day"}
    model = load(name)  # definitions are gone when their model is
    labels = {d.description(): d.name() for d in model.destinationParameterDefinitions()}
    assert sorted(labels) == sorted(OUTPUTS[name])
    return inputs | {labels[label]: str(folder / file_of(label)) for label in OUTPUTS[name]}


def file_of(label: str) -> str:
    return f"{label.lower().replace(' ', '_')}.{ENDINGS[label.split()[0]]}"


def run(name: str, city, events: str, folder) -> Log:
    """processing.run on the model."""
    import processing

    log, context = Log(), QgsProcessingContext()
    context.setProject(QgsProject.instance())
    processing.run(load(name), asked(name, city, events, folder), feedback=log, context=context)
    return log


@pytest.mark.parametrize("name", TAUGHT)
def test_it_is_whole_and_teaches(name, provider):
    model = load(name)
    assert model.validate() == (True, [])
    assert all(child.algorithm() is not None for child in model.childAlgorithms().values())
    assert len(model.helpContent()["ALG_DESC"]) > 150
    told = model.helpContent()
    untold = [d.name() for d in model.parameterDefinitions() if not d.isDestination() and not told.get(d.name())]
    assert untold == [] or name == "standard_chain"
    assert "/" not in (MODELS / f"{name}.model3").read_text(encoding="utf-8").replace("/>", "").replace("</", "")


def test_the_folder_holds_these_three():
    assert sorted(files(MODELS)) == sorted(f"{name}.model3" for name in TAUGHT)


def test_crime_types(city, dated, out):
    """Each type as the tools give it when only its events are there; candidates are shared."""
    run("crime_types", city, dated, out)
    assert set(files(out)) >= {file_of(label) for label in OUTPUTS["crime_types"]}
    one, two = (json.loads((out / f"model_{k}.json").read_text(encoding="utf-8")) for k in (1, 2))
    n = len(city.events)
    assert one["events"]["inside"] + one["events"]["outside"] == sum(i % 5 < 3 for i in range(n))
    assert two["events"]["inside"] + two["events"]["outside"] == sum(i % 5 >= 3 for i in range(n))
    assert [c["cells_exposed"] for c in one["candidates"]] == [c["cells_exposed"] for c in two["candidates"]]
    process("studygrid", {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200, "OUTPUT": str(out / "grid.tif")})
    counted = {"GRID": str(out / "grid.tif"), "OUTPUT": str(out / "counts.tif")}
    process("countevents", {**counted, "EVENTS": f"{dated}|subset=\"kind\" = 'theft'"})
    assert bands(out / "counts.tif")[0].clip(0).sum() == two["events"]["inside"]


@pytest.fixture(scope="module")
def by_period(city, dated, provider, tmp_path_factory):
    """The folder of a run of the model with a test period, here."""
    folder = tmp_path_factory.mktemp("by_period")
    run("test_period", city, dated, folder)
    return folder


def test_period(by_period):
    """The later events touch no map, and the page measures terrain, forecast and baselines on them."""
    out = by_period
    model = json.loads((out / "model.json").read_text(encoding="utf-8"))
    assert (model["events"]["start"], model["events"]["end"]) == ("2024-02-05", "2024-12-05")
    page = (out / "validation.html").read_text(encoding="utf-8")
    assert "2025" in page
    table = (out / "figures.csv").read_text(encoding="utf-8")
    assert all(word in table for word in ("prior counts", "kernel density", "PAI"))


def test_qgis_process(by_period, city, dated, profile, out):
    """The same by the command line, of the model that has the most to hand over: filters, dates, a page, a table."""
    given = {"inputs": asked("test_period", city, dated, out)}
    done = qgis_process(profile, "run", str(MODELS / "test_period.model3"), "-", stdin=json.dumps(given))
    assert done.returncode == 0, done.stderr
    assert files(out) == files(by_period)
    mine, other = (without_provenance(folder / "model.json") for folder in (by_period, out))
    assert {key: mine[key] for key in mine if "name" in key} == {key: other[key] for key in other if "name" in key}
    assert bands(out / "risk_terrain.tif") == pytest.approx(bands(by_period / "risk_terrain.tif"), rel=1e-6)
