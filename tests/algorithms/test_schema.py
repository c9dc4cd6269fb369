"""The published schemas hold every file that is written, and refuse what the plugin's constructors refuse."""

import copy
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from risk_terrain.algorithms.shared.parameters import read_factor_settings
from risk_terrain.rtm_plugin.core.errors import RtmError
from risk_terrain.rtm_plugin.core.model.document import RiskModel
from running import process, run_inputs
from small_city import FACTORS

FOLDER = Path(__file__).resolve().parents[2] / "resources" / "schema"
SCHEMAS = {name: json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8")) for name in ("model", "factors")}
GONE = object()

BROKEN_MODELS = {
    "another format": (["format"], "risk-model"),
    "no format": (["format"], GONE),
    "newer version": (["version"], 99),
    "version 0": (["version"], 0),
    "version as text": (["version"], "1"),
    "version true": (["version"], True),
    "no grid": (["grid"], GONE),
    "no cells": (["grid", "cells"], 0),
    "cells as text": (["grid", "cells"], "390"),
    "cells with a fraction": (["grid", "cells"], 390.5),
    "negative cell size": (["grid", "cell_size"], -100),
    "extent of three": (["grid", "extent"], [0, 0, 1]),
    "extent of texts": (["grid", "extent"], ["0", "0", "1", "1"]),
    "events as a list": (["events"], [178, 15]),
    "candidates as an object": (["candidates"], {}),
    "candidate without a name": (["candidates", 0, "name"], GONE),
    "candidate name a number": (["candidates", 0, "name"], 5),
    "survived as a number": (["candidates", 0, "survived"], 1),
    "exposed cells with a fraction": (["candidates", 0, "cells_exposed"], 0.5),
    "unknown family": (["family"], "nb3"),
    "family null": (["family"], None),
    "no families": (["families"], {}),
    "selected as text": (["selected"], "bars"),
    "term without a coefficient": (["families", "poisson", "selected", 0, "coefficient"], GONE),
    "coefficient as text": (["families", "poisson", "selected", 0, "coefficient"], "2.1"),
    "unknown direction": (["families", "poisson", "selected", 0, "direction"], "upwards"),
    "intercept null": (["families", "poisson", "intercept"], None),
    "dispersion as text": (["families", "nb1", "dispersion"], "0.2"),
    "steps missing": (["families", "nb1", "steps"], GONE),
    "culling as a list": (["culling"], []),
    "score without its mean": (["score", "mean"], GONE),
    "score mean true": (["score", "mean"], True),
    "verification missing": (["verification"], GONE),
    "provenance as text": (["provenance"], "by hand"),
}

BROKEN_FACTORS = {
    "a list": ["bars"],
    "another format": {"format": "factors", "version": 1, "factors": []},
    "newer version": {"format": "risk-terrain-factors", "version": 3, "factors": []},
    "no version": {"format": "risk-terrain-factors", "factors": []},
    "no factors": {"format": "risk-terrain-factors", "version": 1},
    "factors as an object": {"format": "risk-terrain-factors", "version": 1, "factors": {}},
    "another key": {"format": "risk-terrain-factors", "version": 1, "factors": [], "more": 1},
}
BROKEN_ENTRIES = {
    "a text": "bars",
    "no layer": {"name": "bars"},
    "layer as a number": {"layer": 5},
    "unknown key": {"layer": "bars", "radius": 5},
    "empty name": {"layer": "bars", "name": " "},
    "line break in the name": {"layer": "bars", "name": "a\nb"},
    "name too long": {"layer": "bars", "name": "x" * 121},
    "filter as a number": {"layer": "bars", "filter": 5},
    "unknown operationalisation": {"layer": "bars", "operationalisation": "nearness"},
    "five blocks": {"layer": "bars", "max_blocks": 5},
    "half a block": {"layer": "bars", "max_blocks": 0.5},
    "blocks true": {"layer": "bars", "max_blocks": True},
    "unknown increment": {"layer": "bars", "increment": "third"},
    "unknown direction": {"layer": "bars", "direction": "up"},
    "negative threshold": {"layer": "bars", "density_sd": -1},
    "threshold as text": {"layer": "bars", "density_sd": "2"},
}


def errors(name: str, document) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMAS[name]).iter_errors(document)]


def changed(document: dict, path: list, value) -> dict:
    """A copy with one place changed, or taken away."""
    document = copy.deepcopy(document)
    *way, last = path
    place = document
    for key in way:
        place = place[key]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return document


@pytest.mark.parametrize("name", SCHEMAS)
def test_is_valid_json_schema(name):
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_models_of_run_and_steps(whole_run, chain):
    assert errors("model", whole_run[3]) == []
    assert errors("model", json.loads(Path(chain["model"]).read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"FAMILY": "all"},
        {"FAMILY": "nb1", "CULL": "no"},
        {"FAMILY": "nb2"},
        {"FACTORS": ["kiosks"], "CULL": "no"},
        {"OPERATIONALISATION": "proximity", "INCREMENT": "whole", "TITLE": "<b>'\"&"},
    ],
)
def test_models_of_other_settings(city, changes, out):
    """Every family, no culling, and a model in which nothing was selected."""
    asked = {**changes, "FACTORS": [city.layer(name) for name in changes.get("FACTORS", FACTORS)]}
    path = out / "model.json"
    unwanted = dict.fromkeys(("OUTPUT_EXPECTED", "OUTPUT_PLACES", "OUTPUT_TABLE", "OUTPUT_REPORT"))
    targets = {"OUTPUT_MODEL": str(path), "OUTPUT_TERRAIN": str(out / "t.tif")}
    process("run", run_inputs(city, **{**asked, **targets, **unwanted}))
    text = path.read_text("utf-8")
    assert errors("model", json.loads(text)) == []
    assert RiskModel.from_json(text).to_json() == text


@pytest.mark.parametrize("case", BROKEN_MODELS)
def test_broken_models(whole_run, case):
    """Refused by the schema and by our constructors alike."""
    document = changed(whole_run[3], *BROKEN_MODELS[case])
    assert errors("model", document)
    with pytest.raises(RtmError) as refused:
        RiskModel.from_json(json.dumps(document))
    assert str(refused.value).endswith(".")


def test_models_that_contradict_themselves(whole_run):
    """What a schema cannot see, the constructors do."""
    for path, value in (
        (["families", "poisson", "selected", 0, "rrv"], 1.0),
        (["selected"], []),
        (["families", "poisson", "selected", 0, "name"], "nobody"),
        (["families", "poisson", "selected", 1, "factor"], "bars"),
    ):
        with pytest.raises(RtmError):
            RiskModel.from_json(json.dumps(changed(whole_run[3], path, value)))


def settings(entry) -> dict:
    return {"format": "risk-terrain-factors", "version": 1, "factors": [entry]}


def test_factor_settings_with_every_key():
    entry = {"layer": "bars", "name": "late bars", "filter": "kind = 'late'", "operationalisation": "density"}
    entry |= {"max_blocks": 4, "increment": "whole", "direction": "protective", "density_sd": 0}
    assert errors("factors", settings(entry)) == []
    read = read_factor_settings(json.dumps(settings(entry)))
    assert (read[0].layer, read[0].filter, read[0].changes["max_blocks"]) == ("bars", "kind = 'late'", 4)
    assert errors("factors", {"format": "risk-terrain-factors", "version": 1, "factors": []}) == []


@pytest.mark.parametrize(
    "document",
    [*BROKEN_FACTORS.values(), *map(settings, BROKEN_ENTRIES.values())],
    ids=[*BROKEN_FACTORS, *BROKEN_ENTRIES],
)
def test_broken_factor_settings(document, tmp_path):
    """Refused by the schema, and by our constructors from text and from a file."""
    assert errors("factors", document)
    path = tmp_path / "factors.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(RtmError) as refused:
        read_factor_settings(str(path))
    assert str(refused.value).endswith(".")
