"""What is fuzzed: right inputs made once, and for each seed one of them made wrong and given to an algorithm.

A case is a function of a random generator, the stock of right inputs and an empty folder; it gives the algorithm and
its parameters. Everything an algorithm may write goes into the folder `out` in it.
"""

import json
import random
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutations import hostile_value, spoilt_bytes, spoilt_document, spoilt_item, spoilt_table, wild_geometry
from osgeo import gdal

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "algorithms"))
from running import process, run_parameters, steps
from small_city import CRS, FACTORS, ORIGIN, SIDE, City, write_city

Asked = tuple[str, dict[str, Any]]
Case = Callable[[random.Random, "Stock", Path], Asked]


@dataclass(frozen=True)
class Stock:
    """Right inputs, made by the algorithms themselves."""

    city: City
    chain: dict[str, str]
    model: dict[str, Any]
    study: dict[str, Any]


def make_stock(folder: Path) -> Stock:
    """A small city, the rasters and the model of every step, and a study."""
    from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
    from risk_terrain.rtm_plugin.core.documents.study_document import Factor, LayerRef, StudyDocument, Window

    city = write_city(folder / "city.gpkg")
    chain = steps(city, folder)
    process("run", run_parameters(city, folder, OUTPUT_MODEL=str(folder / "whole.json"), CULL="no"))
    factors = tuple(Factor(LayerRef(city.layer(name), name), FactorSettings(name)) for name in FACTORS)
    study = StudyDocument(
        title="Thefts",
        study_area=LayerRef(city.layer("area"), "area"),
        events=LayerRef(city.layer("events"), "events", filter='"year" = 2024'),
        fit=Window(),
        factors=factors,
    )
    model = json.loads((folder / "whole.json").read_text("utf-8"))
    return Stock(city, chain, model, json.loads(study.to_json()))


def outputs(folder: Path, **files: str) -> dict[str, str]:
    """Output parameters as files of the folder `out`."""
    return {name: str(folder / "out" / file) for name, file in files.items()}


def a_model(rng: random.Random, stock: Stock, folder: Path) -> Asked:
    """A model file from someone else, to every tool that reads one."""
    model = folder / "model.json"
    model.write_bytes(spoilt_document(rng, stock.model))
    chain, given = stock.chain, {"MODEL": str(model), "TERRAIN": stock.chain["terrain"]}
    candidates = [chain[name] for name in FACTORS]
    return rng.choice(
        (
            ("terrain", {"MODEL": str(model), "CANDIDATES": candidates, **outputs(folder, OUTPUT="t.tif")}),
            ("priorityplaces", {**given, "CANDIDATES": candidates, **outputs(folder, OUTPUT="p.gpkg")}),
            ("report", {**given, **outputs(folder, OUTPUT_REPORT="r.html", OUTPUT_FINDINGS="f.json")}),
            (
                "explain",
                {**given, "EXPECTED": chain["expected"], "POINT": "400950,301150", **outputs(folder, OUTPUT="a.json")},
            ),
            (
                "whatif",
                {
                    **given,
                    "EXPECTED": chain["expected"],
                    "FACTOR": "bars",
                    "BEFORE": stock.city.layer("bars"),
                    **outputs(folder, OUTPUT="w.tif"),
                },
            ),
        )
    )


def a_study(rng: random.Random, stock: Stock, folder: Path) -> Asked:
    """A study file from someone else."""
    study = folder / "study.json"
    study.write_bytes(spoilt_document(rng, stock.study))
    return rng.choice(
        (
            ("checkstudy", {"STUDY": str(study)}),
            ("runstudy", {"STUDY": str(study), "OUTPUT_FOLDER": str(folder / "out")}),
            ("studymodel", {"STUDY": str(study), **outputs(folder, OUTPUT="m.model3")}),
        )
    )


def factor_settings(rng: random.Random, stock: Stock, folder: Path) -> Asked:
    """Factor settings, as text or as a file."""
    entries = [{"layer": name, "max_blocks": 2, "filter": "", "direction": "aggravating"} for name in FACTORS]
    document = {"format": "risk-terrain-factors", "version": 1, "factors": entries}
    raw = spoilt_document(rng, document)
    given = raw.decode("utf-8", "replace")
    if rng.random() < 0.5:
        (folder / "settings.json").write_bytes(raw)
        given = str(folder / "settings.json")
    return "run", quick_run(stock, folder, FACTOR_SETTINGS=given)


def quick_run(stock: Stock, folder: Path, **changes: Any) -> dict[str, Any]:
    """rtm:run with few outputs and without culling."""
    unwanted = dict.fromkeys(("OUTPUT_REPORT", "OUTPUT_TABLE", "OUTPUT_FORECAST", "OUTPUT_VALIDATION"))
    asked = {"CULL": "no", "FAMILY": "poisson", "FACTORS": stock.city.factors[:2], **changes}
    return run_parameters(stock.city, folder / "out", **{**unwanted, **asked})


def raster_metadata(rng: random.Random, stock: Stock, folder: Path) -> Asked:
    """A raster of ours whose metadata someone changed."""
    name = rng.choice(("grid", "counts", "bars", "terrain", "expected"))
    path = folder / f"{name}.tif"
    data = gdal.GetDriverByName("GTiff").CreateCopy(str(path), gdal.Open(stock.chain[name]))
    owner = data if rng.random() < 0.6 else data.GetRasterBand(rng.randrange(data.RasterCount) + 1)
    items = owner.GetMetadata() or data.GetMetadata()
    for _ in range(rng.choice((1, 1, 2))):
        key = rng.choice(sorted(items))
        if rng.random() < 0.15:
            items.pop(key)
        else:
            items[key] = spoilt_item(rng, items[key])
        if not items:
            break
    owner.SetMetadata({key: value.encode("utf-8", "replace").decode() for key, value in items.items()})
    del owner, data
    return _with_raster(rng, stock, folder, name, str(path))


def raster_bytes(rng: random.Random, stock: Stock, folder: Path) -> Asked:
    """A raster of ours that was cut short or damaged."""
    name = rng.choice(("grid", "counts", "bars", "terrain", "expected"))
    path = folder / f"{name}.tif"
    path.write_bytes(spoilt_bytes(rng, Path(stock.chain[name]).read_bytes()))
    return _with_raster(rng, stock, folder, name, str(path))


def _with_raster(rng: random.Random, stock: Stock, folder: Path, name: str, path: str) -> Asked:
    chain, city = stock.chain, stock.city
    candidates = [path if name == factor else chain[factor] for factor in FACTORS]
    counts, terrain = (path if name == kind else chain[kind] for kind in ("counts", "terrain"))
    by_name = {
        "grid": [
            ("countevents", {"GRID": path, "EVENTS": city.layer("events"), **outputs(folder, OUTPUT="c.tif")}),
            ("operationalise", {"GRID": path, "FACTOR": city.layer("parks"), **outputs(folder, OUTPUT="o.tif")}),
        ],
        "counts": [
            ("forecast", {"MODEL": chain["model"], "COUNTS": counts, "CANDIDATES": candidates,
                          **outputs(folder, OUTPUT="f.tif")}),
        ],
        "expected": [
            ("validate", {"TERRAINS": [path], "EVENTS": city.layer("events"), **outputs(folder, OUTPUT_JSON="v.json")}),
        ],
        "terrain": [
            ("priorityplaces", {"TERRAIN": terrain, **outputs(folder, OUTPUT="p.gpkg")}),
            ("report", {"MODEL": chain["model"], "TERRAIN": terrain, **outputs(folder, OUTPUT_REPORT="r.html")}),
            ("jointrisk", {"TERRAIN": terrain, "EVENTS": city.layer("events"), **outputs(folder, OUTPUT="j.tif")}),
        ],
    }  # fmt: skip
    model = {"COUNTS": counts, "CANDIDATES": candidates, **outputs(folder, OUTPUT_MODEL="m.json")}
    scored = {"MODEL": chain["model"], "CANDIDATES": candidates, **outputs(folder, OUTPUT="t.tif")}
    both = [("selectmodel", {**model, "CULL": "no"}), ("terrain", scored)]
    return rng.choice(by_name.get(name, both) if name != "counts" else by_name["counts"] + both[:1])


def events_table(rng: random.Random, stock: Stock, folder: Path) -> Asked:
    """Events as a CSV from some system."""
    header = rng.choice((["easting", "northing", "date"], ["X", "Y", "when"], ["id", "longitude", "latitude"]))
    if "longitude" in header:
        rows = [[str(i), str(-1.98 + 0.0001 * i), str(52.6 + 0.0001 * i)] for i in range(60)]
    else:
        rows = [[str(x), str(y), f"2024-{1 + i % 12:02d}-11"] for i, (x, y) in enumerate(stock.city.events.tolist())]
    table = folder / "events.csv"
    table.write_bytes(spoilt_table(rng, header, rows))
    if rng.random() < 0.5:
        asked = {"GRID": stock.chain["grid"], "EVENTS": str(table), **outputs(folder, OUTPUT="c.tif")}
        return "countevents", asked
    dates = {"EVENT_DATE_FIELD": header[-1], "FIT_START": "2024-02-01"} if rng.random() < 0.5 else {}
    return "run", quick_run(stock, folder, EVENTS=str(table), **dates)


def geometries(rng: random.Random, stock: Stock, folder: Path) -> Asked:
    """Layers of geometries that no one should draw, in each role."""
    path = folder / "wild.gpkg"
    west, south = ORIGIN.tolist()
    write_wild(path, [wild_geometry(rng, west, south, SIDE) for _ in range(rng.choice((1, 2, 5, 30)))])
    source = f"{path}|layername=wild"
    return rng.choice(
        (
            ("studygrid", {"STUDY_AREA": source, "BLOCK_LENGTH": 200, **outputs(folder, OUTPUT="g.tif")}),
            (
                "studygrid",
                {
                    "STUDY_AREA": stock.city.layer("area"),
                    "EXCLUDE": source,
                    "BLOCK_LENGTH": 200,
                    **outputs(folder, OUTPUT="g.tif"),
                },
            ),
            ("countevents", {"GRID": stock.chain["grid"], "EVENTS": source, **outputs(folder, OUTPUT="c.tif")}),
            ("operationalise", {"GRID": stock.chain["grid"], "FACTOR": source, **outputs(folder, OUTPUT="o.tif")}),
            ("run", quick_run(stock, folder, FACTORS=[stock.city.layer("bars"), source])),
            ("blocklength", {"STREETS": source, "STUDY_AREA": stock.city.layer("area")}),
        )
    )


def write_wild(path: Path, shapes: list[bytes]) -> None:
    """A GeoPackage layer of well-known binary as it is: no library looks at it while it is written."""
    from osgeo import ogr, osr

    reference = osr.SpatialReference()
    reference.SetFromUserInput(CRS)
    data = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = data.CreateLayer("wild", reference, ogr.wkbUnknown, ["SPATIAL_INDEX=NO"])
    head = b"GP\x00\x01" + (27700).to_bytes(4, "little")
    for i, shape in enumerate(shapes):
        text = (head + shape).hex()
        data.ExecuteSQL(f'INSERT INTO "{layer.GetName()}" ("{layer.GetGeometryColumn()}") VALUES (x\'{text}\')')
        if i == 0:
            data.ExecuteSQL("SELECT 1")
    del layer, data


def parameters(rng: random.Random, stock: Stock, folder: Path) -> Asked:
    """Settings of a run of any kind."""
    names = (
        "BLOCK_LENGTH", "CELL_SIZE", "CELL_RULE", "GRID_ORIGIN", "MAX_BLOCKS", "INCREMENT", "DENSITY_SD", "FOLDS",
        "SEED", "RULE", "VALUE", "MAX_AREA", "FAMILY", "TITLE", "PLACE_CARDS", "FIT_START", "TEST_END",
        "EVENT_DATE_FIELD",
    )  # fmt: skip
    changes = {name: hostile_value(rng) for name in rng.sample(names, rng.choice((1, 1, 2)))}
    return "run", quick_run(stock, folder, **changes)


CASES: dict[str, Case] = {
    case.__name__: case
    for case in (
        a_model, a_study, factor_settings, raster_metadata, raster_bytes, events_table, geometries, parameters,
    )
}  # fmt: skip


def make_case(number: int, stock: Stock, folder: Path) -> tuple[str, Asked]:
    """The case of a seed: its name, the algorithm and its parameters; the same for the same seed."""
    rng = random.Random(number)
    name = sorted(CASES)[number % len(CASES)]
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "out").mkdir(parents=True)
    return name, CASES[name](rng, stock, folder)
