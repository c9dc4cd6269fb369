"""The same answer by four routes: core, processing.run, the model that chains the steps, and qgis_process."""

import csv
import json
import math
from pathlib import Path
from xml.etree.ElementTree import canonicalize

import pytest
from qgis.core import QgsProcessingContext, QgsProcessingModelAlgorithm
from risk_terrain.algorithms.shared.outputs import save_expected, save_terrain
from risk_terrain.rtm_plugin.adapters.files import Staging
from risk_terrain.rtm_plugin.core import pipeline
from running import RUN_OUTPUTS, Log, files, pairs, process, qgis_process, run_parameters
from small_city import as_study

REPOSITORY = Path(__file__).resolve().parents[2]
MODEL = REPOSITORY / "resources" / "models" / "standard_chain.model3"
THREE = ("bars", "footpaths", "parks")  # the model takes three factors
MAX_AREA = 30_000
RASTERS = ("terrain.tif", "expected.tif")
# On Debian qgis_process brings its own BLAS (GSL's), which adds in another order than the one that numpy finds in plain
# Python: last bits differ, and more of them in a dispersion that is hardly there. Within one program nothing differs.
ROUNDING = 1e-8
CHANGES_FROM_RUN_TO_RUN = ("provenance.started", "provenance.seconds.", "provenance.parameters.")


def three(city) -> list[str]:
    return [city.layer(name) for name in THREE]


@pytest.fixture(scope="module")
def by_run(city, tmp_path_factory, provider):
    folder = tmp_path_factory.mktemp("by_run")
    process("run", run_parameters(city, folder, FACTORS=three(city), MAX_AREA=MAX_AREA))
    return folder


def model_of(path: Path) -> dict:
    """The model as flat pairs, without what differs from run to run."""
    found = pairs(json.loads(path.read_text(encoding="utf-8")))
    return {key: value for key, value in found.items() if not key.startswith(CHANGES_FROM_RUN_TO_RUN)}


def table_of(path: Path) -> dict:
    """The candidate table as flat pairs, numbers as numbers."""
    with open(path, encoding="utf-8", newline="") as file:
        found = pairs(list(csv.DictReader(file)))
    return {key: float(text) if text.replace(".", "").isdigit() else text for key, text in found.items()}


def without_provenance(path: Path) -> dict:
    return {key: value for key, value in model_of(path).items() if not key.startswith("provenance.")}


def differences(one: dict, other: dict, precision: float) -> dict:
    """What differs: texts at all, numbers by more than the relative precision, rounding errors told as such not at
    all."""
    assert one.keys() == other.keys()
    if precision:
        errors = {key for key in one if key.startswith("verification.") and key != "verification.status"}
        one = {key: value for key, value in one.items() if key not in errors}

    def same(a, b) -> bool:
        numbers = isinstance(a, float) and isinstance(b, float)
        return math.isclose(a, b, rel_tol=precision) if numbers else a == b

    return {key: (one[key], other[key]) for key in one if not same(one[key], other[key])}


def assert_same(one: Path, other: Path, precision: float = 0.0) -> None:
    """Byte-equal rasters, and equal styles, tables and models, inputs and their hashes included."""
    for name in RASTERS:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    for name in ("terrain.qml", "expected.qml"):
        assert canonicalize(from_file=one / name) == canonicalize(from_file=other / name)
    assert differences(table_of(one / "table.csv"), table_of(other / "table.csv"), precision) == {}
    assert differences(model_of(one / "model.json"), model_of(other / "model.json"), precision) == {}


def test_core(city, by_run, out):
    """Arrays that QGIS never saw, through core alone, written as rasters."""
    study = as_study(city, THREE, places=pipeline.PlaceSettings(max_area=MAX_AREA))
    result = pipeline.run(study, {})
    with Staging() as staging:
        save_terrain(staging, str(out / "terrain.tif"), result.grid, result.terrain, model=result.model)
        save_expected(staging, str(out / "expected.tif"), result.grid, result.terrain, model=result.model)
    for name in RASTERS:
        assert (out / name).read_bytes() == (by_run / name).read_bytes(), name
    (out / "model.json").write_text(result.model.to_json(), encoding="utf-8")
    assert without_provenance(out / "model.json") == without_provenance(by_run / "model.json")


def test_the_model_that_chains_the_steps(city, by_run, out):
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(str(MODEL))
    inputs = {f"FACTOR_{i}": source for i, source in enumerate(three(city), 1)}
    inputs |= {"STUDY_AREA": city.layer("area"), "EVENTS": city.layer("events"), "MAX_AREA": MAX_AREA}
    names = {d.description().lower(): d.name() for d in model.destinationParameterDefinitions()}
    wanted = {"terrain.tif": "risk terrain", "expected.tif": "expected counts", "model.json": "model"}
    wanted["places.gpkg"] = "priority places"
    outputs = {names[label]: str(out / file) for file, label in wanted.items()}
    log = Log()
    _, ok = model.run({**inputs, "BLOCK_LENGTH": 200, **outputs}, QgsProcessingContext(), log)
    assert ok, log.errors
    for name in RASTERS:
        assert (out / name).read_bytes() == (by_run / name).read_bytes(), name
    assert without_provenance(out / "model.json") == without_provenance(by_run / "model.json")
    assert files(out) == sorted([*wanted, "terrain.qml", "expected.qml", "places.qml"])


def test_qgis_process_with_plain_arguments(city, by_run, profile, out):
    arguments = [f"FACTORS={source}" for source in three(city)]
    arguments += [f"STUDY_AREA={city.layer('area')}", f"EVENTS={city.layer('events')}"]
    arguments += ["BLOCK_LENGTH=200", f"MAX_AREA={MAX_AREA}", "FAMILY=auto", "CULL=yes"]
    arguments += [f"{name}={out / file}" for name, file in RUN_OUTPUTS.items()]
    done = qgis_process(profile, "run", "rtm:run", "--", *arguments)
    assert done.returncode == 0, done.stderr
    assert_same(by_run, out, ROUNDING)
    assert files(out) == files(by_run)


def test_qgis_process_with_json(city, by_run, profile, out):
    outputs = {name: str(out / file) for name, file in RUN_OUTPUTS.items()}
    inputs = {"STUDY_AREA": city.layer("area"), "EVENTS": city.layer("events"), "FACTORS": three(city)}
    asked = {"inputs": {**inputs, "BLOCK_LENGTH": 200, "MAX_AREA": MAX_AREA, "OPERATIONALISATION": "both", **outputs}}
    done = qgis_process(profile, "run", "rtm:run", "-", stdin=json.dumps(asked))
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout[done.stdout.index("{") :])
    assert answer["results"]["FACTOR_COUNT"] == 2
    assert answer["results"]["OUTPUT_TERRAIN"] == outputs["OUTPUT_TERRAIN"]
    assert_same(by_run, out, ROUNDING)


def test_qgis_process_tells_a_refusal_in_a_sentence(city, profile, out):
    arguments = ["STUDY_AREA=" + city.layer("area"), "BLOCK_LENGTH=200", "CELL_SIZE=300", f"OUTPUT={out / 'grid.tif'}"]
    done = qgis_process(profile, "run", "rtm:studygrid", "--", *arguments)
    assert done.returncode != 0
    assert "The cell size 300 is larger than the block length 200; choose cells of half a block or smaller." in (
        done.stderr
    )
    assert "Traceback" not in done.stderr
    assert files(out) == []


def test_twice_gives_the_same_bytes(city, by_run, out):
    process("run", run_parameters(city, out, FACTORS=three(city), MAX_AREA=MAX_AREA))
    assert_same(by_run, out)


def test_another_seed_may_change_the_folds_but_not_the_candidates(city, by_run, out):
    process("run", run_parameters(city, out, FACTORS=three(city), SEED=7))
    mine, other = (json.loads((folder / "model.json").read_text("utf-8")) for folder in (out, by_run))
    assert mine["culling"]["seed"] == 7
    assert [c["cells_exposed"] for c in mine["candidates"]] == [c["cells_exposed"] for c in other["candidates"]]
