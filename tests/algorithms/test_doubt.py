"""rtm:doubt: rows of factors, places and cells, the document with its schema, and what it refuses."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from osgeo import ogr
from risk_terrain.rtm_plugin.adapters.tables import PLACE_COLUMNS
from running import Log, bands, descriptions, files, process, refusal, run_inputs, run_parameters

SCHEMA = json.loads(
    (Path(__file__).resolve().parents[2] / "resources" / "schema" / "doubt.schema.json").read_text("utf-8")
)
OUTPUTS = {
    "OUTPUT_TABLE": "factors.csv",
    "OUTPUT_PLACES": "places.gpkg",
    "OUTPUT_PROBABILITY": "probability.tif",
    "OUTPUT_JSON": "doubt.json",
}
QUICK = {
    "CULL": "no",
    "FAMILY": "poisson",
    "MAX_BLOCKS": 1,
    "RULE": "share",
    "VALUE": 20,
    "MAX_AREA": 40_000,
    "REPLICATES": 30,
}


def parameters(city, folder, **changes) -> dict:
    """The city, quick: culling off, one family, short ladders, many places."""
    return run_inputs(city, **{**{name: str(folder / file) for name, file in OUTPUTS.items()}, **QUICK, **changes})


@pytest.fixture(scope="module")
def done(city, tmp_path_factory):
    """The city resampled: folder, results, log, document. Look, do not touch."""
    folder, log = tmp_path_factory.mktemp("doubt"), Log()
    results = process("doubt", parameters(city, folder, MARKING="OFFICIAL"), log)
    return folder, results, log, json.loads((folder / "doubt.json").read_text("utf-8"))


def rows(path) -> list[dict]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_files(done):
    folder, results, _, _ = done
    assert files(folder) == [
        "doubt.json",
        "factors.csv",
        "places.gpkg",
        "places.qml",
        "probability.qml",
        "probability.tif",
    ]
    assert results["RESAMPLES_FITTED"] == 30
    assert {name: Path(results[name]).name for name in OUTPUTS} == OUTPUTS


def test_the_document_is_as_the_schema_has_it(done):
    _, results, _, document = done
    Draft202012Validator.check_schema(SCHEMA)
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)] == []
    assert (document["resamples"], document["fitted"], len(document["runs"])) == (30, 30, 30)
    assert document["blocks"]["length"] == results["BLOCK_USED"] == 100 * document["blocks"]["cells"]
    assert document["settings"] == {"resamples": 30, "top_share": 5, "side": None, "with_significance": False}
    assert document["provenance"]["signed"]["marking"] == "OFFICIAL"
    assert [item["role"] for item in document["provenance"]["inputs"]][:2] == ["study area", "events"]


def test_factors(done):
    folder, _, log, document = done
    factors = {row["factor"]: row for row in rows(folder / "factors.csv")}
    assert list(factors) == ["bars", "footpaths", "parks", "kiosks"]
    for one in document["factors"]:
        row = factors[one["factor"]]
        terms = [term for run in document["runs"] for term in run["terms"] if term["factor"] == one["factor"]]
        assert int(row["chosen"]) == one["chosen"] == len(terms)
        assert float(row["chosen_share"]) == pytest.approx(len(terms) / 30)
        values = [term["rrv"] for term in terms] + [1] * (30 - len(terms))
        ends = [float(row[f"rrv_{name}_all"]) for name in ("low", "median", "high")]
        assert ends == pytest.approx(np.quantile(values, [0.025, 0.5, 0.975]))
        named = dict(part.split(": ") for part in row["distances"].split("; ") if part)
        assert {float(key): int(number) for key, number in named.items()} == {
            distance: sum(term["distance"] == distance for term in terms)
            for distance in {term["distance"] for term in terms}
        }
    assert (factors["bars"]["as_asked"], factors["bars"]["chosen"]) == ("established", "30")
    assert factors["footpaths"]["chosen"] == "30"
    assert int(factors["kiosks"]["chosen"]) < 15
    assert (factors["kiosks"]["as_asked"], factors["kiosks"]["rrv"]) == ("not selected", "")
    assert any(note.startswith("The resamples were not tested for significance: ") for note in log.notes)
    assert any(note.startswith("bars: chosen in 30 of 30 resamples, there with a relative") for note in log.notes)


def test_places_are_those_of_the_study(done, city, tmp_path):
    folder, _, log, document = done
    unwanted = dict.fromkeys(("OUTPUT_EXPECTED", "OUTPUT_TABLE", "OUTPUT_REPORT"))
    process("run", run_parameters(city, tmp_path, **{**unwanted, **QUICK}))
    names = [name for name, _ in PLACE_COLUMNS]
    own, ours = ([dict(one.items()) for one in layer(path)] for path in (tmp_path, folder))
    assert len(own) == len(ours) == len(document["places"]) > 10
    assert [[row[name] for name in names] for row in ours] == [[row[name] for name in names] for row in own]
    for row, one in zip(ours, document["places"], strict=True):
        assert row["first_ten"] == pytest.approx(one["first"])
        assert [row["rank_low"], row["rank_mid"], row["rank_high"]] == pytest.approx(
            [one["ranks"]["lower"], one["ranks"]["median"], one["ranks"]["upper"]]
        )
        assert row["score_low"] <= row["mean_score"] <= row["score_high"]
        assert row["resamples"] == 30
        assert row["how_sure"].endswith(f"of {len(own)}; in the first ten in {one['first']:.0f} of 30 resamples")
    assert sum(row["first_ten"] for row in ours) == pytest.approx(10 * 30)
    assert any(note.startswith("Place 1: rank ") for note in log.notes)


def layer(folder) -> list[ogr.Feature]:
    data = ogr.Open(str(folder / "places.gpkg"))
    return sorted(data.GetLayer(0), key=lambda feature: feature["rank"])


def test_probabilities_add_up(done):
    folder, _, _, _ = done
    (values,) = bands(folder / "probability.tif")
    cells = values[values >= 0]
    assert descriptions(folder / "probability.tif") == ["probability of the top 5 %"]
    assert cells.sum() == pytest.approx(0.05 * len(cells), rel=1e-5)
    assert 0 < cells.max() <= 1


def test_the_same_again_and_another_seed(city, done, out):
    folder = done[0]
    process("doubt", parameters(city, out, MARKING="OFFICIAL"))
    for name in ("factors.csv", "probability.tif"):
        assert (out / name).read_bytes() == (folder / name).read_bytes()
    process("doubt", parameters(city, out, SEED=2))
    assert (out / "factors.csv").read_bytes() != (folder / "factors.csv").read_bytes()


def test_only_the_table(city, out):
    unwanted = dict.fromkeys(("OUTPUT_PLACES", "OUTPUT_PROBABILITY", "OUTPUT_JSON"))
    results = process("doubt", parameters(city, out, **unwanted, REPLICATES=20, WITH_SIGNIFICANCE="yes"))
    assert files(out) == ["factors.csv"]
    assert not [name for name in unwanted if name in results]


def test_nothing_selected_and_no_place(city, out):
    """A study without a factor has no place, and every cell is as likely as another to be flagged."""
    asked = parameters(city, out, FACTORS=[city.layer("kiosks")], MAX_BLOCKS=3, RULE="class", VALUE=2, BLOCK=300)
    process("doubt", asked, log := Log())
    document = json.loads((out / "doubt.json").read_text("utf-8"))
    assert document["places"] == []
    assert document["settings"]["side"] == document["blocks"]["length"] == 300
    assert layer(out) == []
    assert "Square blocks with a side of 300 map units (3 cells) are drawn." in log.notes


def test_what_is_refused(city, out):
    sentence = refusal("doubt", parameters(city, out, BLOCK=1500))
    assert sentence == (
        "Blocks of 1500 map units cannot be drawn here; give a side between 100, one cell, and 300, a sixth of the "
        "map's width."
    )
    assert files(out) == []


@pytest.mark.parametrize("at", [0, 10, 40, 97])
def test_cancelled_leaves_nothing(city, out, at):
    log = Log(stop_at=at)
    assert process("doubt", parameters(city, out), log) == {}
    assert "Cancelled; nothing was written." in log.notes
    assert files(out) == []
