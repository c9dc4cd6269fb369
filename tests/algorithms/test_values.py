"""Numbers, words, yes or no and dates given as text: taken as they are meant, or refused, by every tool."""

import json
import math

import numpy as np
import pytest
from qgis.core import Qgis, QgsProcessingContext, QgsProperty
from running import bands, only_terrain, process, refusal

NUMBERS = ("number", "distance", "area", "duration", "scale", "volume")
NO_NUMBERS = ("50,5", "50m", "abc", "2 km2", "1_000", "nan", "inf", "-inf", "1e400", math.nan, math.inf, 10**400, True)


def definitions(provider, *types):
    """(tool, parameter) of all that have one of these types."""
    pairs = [(tool, d) for tool in provider.algorithms() for d in tool.parameterDefinitions() if d.type() in types]
    assert pairs
    return pairs


def answer(tool, name: str, value) -> str:
    """What the check before a run says of one value."""
    fine, sentence = tool.create().checkParameterValues({name: value}, QgsProcessingContext())
    assert not fine, f"{name} = {value!r} is let through"
    return sentence


@pytest.mark.parametrize("value", NO_NUMBERS, ids=[str(value)[:8] for value in NO_NUMBERS])
def test_no_numbers(provider, value):
    for tool, definition in definitions(provider, *NUMBERS):
        sentence = answer(tool, definition.name(), value)
        assert sentence.startswith(f"{definition.description()} ({definition.name()}) is '{str(value)[:8]}"), sentence
        assert "not a number; write" in sentence or "not a whole number; write" in sentence
        assert len(sentence) < 250


def test_numbers_beyond_their_bounds(provider):
    for tool, definition in definitions(provider, *NUMBERS):
        for bound, beyond in ((definition.minimum(), -1), (definition.maximum(), 1)):
            if abs(bound) < 1e300:
                sentence = answer(tool, definition.name(), bound + beyond)
                assert f"{bound:.12g}" in sentence
                assert "must be" in sentence


def test_whole_numbers_are_not_rounded(provider):
    whole = [
        (tool, d)
        for tool, d in definitions(provider, "number")
        if d.dataType() == Qgis.ProcessingNumberParameterType.Integer
    ]
    assert {"SEED", "FOLDS", "MAX_BLOCKS"} <= {d.name() for _, d in whole}
    for tool, definition in whole:
        assert "'2.5', which is not a whole number" in answer(tool, definition.name(), 2.5)


def test_words(provider):
    """Each word and each of qgis_process's numbers is taken; the help names the words, as does a refusal."""
    from risk_terrain.algorithms.shared.request import Request
    from risk_terrain.algorithms.shared.values import typed_values

    for tool, definition in definitions(provider, "enum"):
        words = definition.options()
        assert definition.help().endswith(f" Words: {', '.join(words)}.")
        for place, word in enumerate(words):
            for given in (word, place, str(place), float(place)):
                typed = typed_values(Request(tool, {definition.name(): given}, QgsProcessingContext()))
                assert typed == {definition.name(): word}
        for wrong in ("other", -1, len(words), 0.5, "nan"):
            sentence = answer(tool, definition.name(), wrong)
            assert sentence == (
                f"{definition.description()} ({definition.name()}) is '{wrong}', which is not one of its words; choose "
                f"one of {', '.join(words)}."
            )


def test_yes_or_no(provider):
    from risk_terrain.algorithms.shared.request import Request
    from risk_terrain.algorithms.shared.values import typed_values

    for tool, definition in definitions(provider, "boolean"):
        name = definition.name()
        for given, meant in ((True, True), ("no", False), ("false", False), ("0", False), (1, True), ("Yes", True)):
            assert typed_values(Request(tool, {name: given}, QgsProcessingContext())) == {name: meant}
        assert "neither yes nor no" in answer(tool, name, "abc")


@pytest.mark.parametrize("value", ["31.02.2018", "2018-02-30", "abc", "2018", "03/05/2018"])
def test_no_dates(provider, value):
    for tool, definition in definitions(provider, "datetime"):
        assert answer(tool, definition.name(), value) == (
            f"{definition.description()} ({definition.name()}) is '{value}', which is not a date; write it as "
            "year-month-day, such as 2018-03-31."
        )


def test_cell_size_with_a_comma(refused):
    assert refused("studygrid", CELL_SIZE="50,5") == (
        "Cell size (half a block when empty) (CELL_SIZE) is '50,5', which is not a number; write digits with a decimal "
        "point and without a unit, such as 200 or 12.5."
    )


def test_area_with_a_unit(refused):
    assert refused("run", MAX_AREA="2 km2").startswith("Largest area of one place (MAX_AREA) is '2 km2', which is not")


def test_runs_that_skip_the_check(provider, city, out):
    """A model, or Python, may run a tool without its check: the run refuses too."""
    from qgis.core import QgsProcessingException
    from running import Log

    wanted = {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200, "CELL_SIZE": "50m", "OUTPUT": str(out / "g.tif")}
    with pytest.raises(QgsProcessingException, match=r"CELL_SIZE.*not a number"):
        provider.algorithm("studygrid").create().run(wanted, QgsProcessingContext(), Log(), {}, False)


def test_text_expressions_and_numbers_are_one(city, out):
    """The same cells for 50, '50', an expression, and the place of a word for the word."""
    asked = {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200}
    ways = [
        {"CELL_SIZE": 50, "CELL_RULE": "centre"},
        {"CELL_SIZE": " 50 ", "CELL_RULE": 1},
        {"CELL_SIZE": QgsProperty.fromExpression("5 * 10"), "CELL_RULE": "1"},
        {"CELL_SIZE": 50.0, "CELL_RULE": QgsProperty.fromExpression("'centre'")},
    ]
    grids = []
    for i, way in enumerate(ways):
        process("studygrid", {**asked, **way, "OUTPUT": str(out / f"{i}.tif")})
        grids.append(bands(out / f"{i}.tif"))
    assert grids[0].shape == (1, 40, 40)
    assert all(np.array_equal(grids[0], other) for other in grids[1:])
    sentence = refusal("studygrid", {**asked, "CELL_SIZE": QgsProperty.fromExpression("'a' || 'b'"), "OUTPUT": "g.tif"})
    assert "(CELL_SIZE) is 'ab', which is not a number" in sentence


def test_halves_of_letters_in_a_title(city, out):
    """What no file can hold becomes the sign for it."""
    process("run", only_terrain(city, out, TITLE="Theft \ud800 2018", SEED="1"))
    kept = json.loads((out / "model.json").read_text(encoding="utf-8"))["provenance"]["parameters"]
    assert kept["TITLE"] == "Theft \ufffd 2018"
    assert kept["SEED"] == 1
