"""Models and factor settings that are missing, damaged, hostile or newer: a sentence, and nothing left."""

import json
from pathlib import Path

import pytest


def test_missing_model_file(refused, chain, tmp_path):
    for algorithm in ("terrain", "priorityplaces"):
        given = {"CANDIDATES": [chain["bars"]], "MODEL": str(tmp_path / "gone.json")}
        assert refused(algorithm, **given) == "The model file 'gone.json' cannot be read: No such file or directory."


def with_value(path: str, old: str, new: str) -> str:
    text = Path(path).read_text("utf-8")
    assert old in text
    return text.replace(old, new, 1)


def damaged_models(path: str) -> dict[str, tuple[str | bytes, str]]:
    """Text of a model file → the sentence that refuses it."""
    document = json.loads(Path(path).read_text("utf-8"))
    mean = f'"mean": {document["score"]["mean"]!r}'
    broken = "is not valid JSON{}; it is damaged or another kind of file."
    return {
        "empty": ("", "The model file " + broken.format(" (line 1)")),
        "not JSON": ("{'format': 1}", "The model file " + broken.format(" (line 1)")),
        "binary": (b"\x89PNG\xff\xfe\x00", "The model file 'model.json' is not text; choose another file."),
        "a list": ("[]", 'The file is not a risk terrain model: it lacks "format": "risk-terrain-model".'),
        "nested": ("[" * 200_000, "The model file " + broken.format("")),
        "NaN": (
            with_value(path, mean, '"mean": NaN'),
            "The model file holds NaN, which is not a number; it is damaged.",
        ),
        "infinity": (
            with_value(path, mean, '"mean": -Infinity'),
            "The model file holds -Infinity, which is not a number; it is damaged.",
        ),
        "overflow": (
            with_value(path, mean, '"mean": 1e999'),
            "The model file is damaged: 'mean' of 'score' of the model is not a finite number.",
        ),
        "text for a number": (
            with_value(path, mean, '"mean": "2"'),
            "The model file is damaged: 'mean' of 'score' of the model is '2', which is not a number.",
        ),
        "newer": (
            with_value(path, '"version": 1', '"version": 2'),
            "The contents of the model file are of version 2, and this plugin reads up to version 1; update the "
            "plugin.",
        ),
        "huge number": (
            with_value(path, mean, '"mean": 1' + "0" * 5000),
            "The model file " + broken.format(""),
        ),
        "factor settings": (
            json.dumps({"format": "risk-terrain-factors", "version": 1, "factors": []}),
            'The file is not a risk terrain model: it lacks "format": "risk-terrain-model".',
        ),
    }


CASES = (
    "empty", "not JSON", "binary", "a list", "nested", "NaN", "infinity", "overflow", "text for a number", "newer",
    "huge number", "factor settings",
)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_damaged_model(refused, chain, tmp_path, case):
    models = damaged_models(chain["model"])
    assert set(models) == set(CASES)
    content, sentence = models[case]
    path = tmp_path / "model.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert refused("terrain", MODEL=str(path)) == sentence
    given = {"MODEL": str(path), "CANDIDATES": [chain["bars"], chain["footpaths"]]}
    assert refused("priorityplaces", **given) == sentence


def settings(*entries, **more) -> str:
    return json.dumps({"format": "risk-terrain-factors", "version": 1, "factors": list(entries), **more})


SETTINGS = {
    "unknown key": (
        settings({"layer": "bars", "radius": 5}),
        "Entry 1 of the factor settings has the unknown key 'radius'; remove it or correct its spelling.",
    ),
    "wrong format": (
        settings(format="factors"),
        'The factor settings are not of the format "risk-terrain-factors"; see the help for an example.',
    ),
    "version 99": (
        settings(version=99),
        "The factor settings are of version 99, and this plugin reads up to version 2; update the plugin.",
    ),
    "no version": (
        settings(version=None),
        'The factor settings have no valid "version"; they are damaged or not ours.',
    ),
    "bad expression": (
        settings({"layer": "bars", "filter": "kind = = 'late'"}),
        "The filter of 'bars' is not a valid expression (",
    ),
    "unknown field": (
        settings({"layer": "bars", "filter": "colour = 'red'"}),
        "The filter of 'bars' is not a valid expression (there is no field 'colour'); correct it.",
    ),
    "unknown layer": (
        settings({"layer": "pubs"}),
        "The factor settings name the layer 'pubs', which is not among the risk factors (bars, footpaths, parks, "
        "kiosks); add the layer or correct the name.",
    ),
    "two names alike": (
        settings({"layer": "bars", "name": "parks"}),
        "The risk factor 'parks' is given twice; remove one, or give each its own name.",
    ),
    "not JSON": (
        "{bars}",
        "The text of the factor settings is not valid JSON (line 1); it is damaged or another kind of file.",
    ),
    "nothing left": (
        settings({"layer": "bars", "filter": "kind = 'never'"}),
        "The risk factor 'bars' has no feature with a geometry; remove the layer or its filter.",
    ),
    "five blocks": (
        settings({"layer": "bars", "max_blocks": 5}),
        "The largest influence of bars in blocks is 5; it must be a whole number from 1 to 4.",
    ),
    "missing file": (
        "/nowhere/factors.json",
        "The factor settings file 'factors.json' cannot be read: No such file or directory.",
    ),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_factor_settings(refused, case):
    text, sentence = SETTINGS[case]
    found = refused("run", FACTOR_SETTINGS=text)
    assert found.startswith(sentence)
    assert found.endswith(".")
