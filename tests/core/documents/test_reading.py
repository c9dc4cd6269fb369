"""Documents that are damaged or hostile: a sentence each, never an error of Python, never a value that breaks later."""

import json
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.documents import reading
from risk_terrain.rtm_plugin.core.documents.reading import DocumentReader, json_text, known, parse_json, read_text
from risk_terrain.rtm_plugin.core.documents.study_document import StudyDocument
from risk_terrain.rtm_plugin.core.errors import FileFormatError, RtmError


@dataclass(frozen=True)
class Inner:
    size: float
    number: int = 1


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()
    free: Any = None
    hidden: str = field(default="", metadata={"in_file": False})


READER = DocumentReader("The file", unknown_refused=True, defaults=True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-mark", "utf-16-be-mark"])
def test_every_encoding_that_windows_writes(tmp_path, encoding):
    text = json.dumps({"title": "Zoë's Straße"}, ensure_ascii=False)
    marks = {
        "utf-16-le-mark": b"\xff\xfe" + text.encode("utf-16-le"),
        "utf-16-be-mark": b"\xfe\xff" + text.encode("utf-16-be"),
    }
    path = tmp_path / "study.json"
    path.write_bytes(marks.get(encoding) or text.encode(encoding))
    assert parse_json(read_text(path, "study file"), "The study file") == {"title": "Zoë's Straße"}


def test_files_that_are_no_documents(tmp_path, monkeypatch):
    path = tmp_path / "study.json"
    path.write_bytes(b"\x89PNG\xff")
    with pytest.raises(FileFormatError, match="is not text"):
        read_text(path, "study file")
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_text(tmp_path, "study file")
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_text(tmp_path / "a\0b", "study file")
    monkeypatch.setattr(reading, "LARGEST_FILE", 10)
    path.write_bytes(b"x" * 11)
    with pytest.raises(FileFormatError, match="too large"):
        read_text(path, "study file")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not valid JSON"),
        ("{'a': 1}", "not valid JSON (line 1)"),
        ("[NaN]", "holds NaN"),
        ("[Infinity]", "holds Infinity"),
        ("[-Infinity]", "holds -Infinity"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' twice"),
        ('{"x": {"a": 1, "a": 1}}', "the key 'a' twice"),
        ("[" * 100_000, "not valid JSON"),
        ("[" * 100 + "]" * 100, "nested deeper"),
        ('{"a":' * 60 + "1" + "}" * 60, "nested deeper"),
        ("[1" + "0" * 400 + "]", "more than 18 digits"),
        ("[-1" + "0" * 400 + "]", "more than 18 digits"),
        ('["\\ud800"]', "lone surrogate"),
        ('{"\\udfff": 1}', "lone surrogate"),
        ("1 2", "not valid JSON"),
    ],
)
def test_texts_that_are_refused(text, told):
    with pytest.raises(FileFormatError) as caught:
        parse_json(text, "The file")
    assert told in str(caught.value)
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 300


def test_texts_that_are_not():
    assert parse_json('\ufeff{"a": [1, 2.5, "\\ud83c\\udf7a", null, true]}', "The file") == {
        "a": [1, 2.5, "🍺", None, True]
    }
    assert parse_json(f"[{2**63 - 1}]", "The file") == [2**63 - 1]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([], "is not an object"),
        ({"name": 5}, "'name' of the file is 5, which is not text"),
        ({"name": "a", "inner": 3}, "'inner' of the file is not an object"),
        ({"name": "a", "inner": {}}, "lacks a key"),
        ({"name": "a", "inner": {"size": "2"}}, "which is not a number"),
        ({"name": "a", "inner": {"size": True}}, "which is not a number"),
        ({"name": "a", "inner": {"size": float("inf")}}, "not a finite number"),
        ({"name": "a", "inner": {"size": 1, "number": 1.5}}, "which is not a whole number"),
        ({"name": "a", "many": {"size": 1}}, "'many' of the file is not a list"),
        ({"name": "a", "other": 1}, "unknown key 'other'"),
        ({"name": "x" * 5_000, "inner": "y" * 5_000}, "is not an object"),
        ({"name": ["x" * 5_000]}, "…, which is not text"),
    ],
)
def test_values_of_the_wrong_type(value, told):
    with pytest.raises(FileFormatError) as caught:
        READER.read(Outer, value, "the file")
    assert told in str(caught.value)
    assert len(str(caught.value)) < 300


def test_values_of_the_right_type_come_back():
    outer = Outer("a", Inner(2.0, 3), (Inner(1.0),))
    text = json_text(outer)
    assert "hidden" not in text
    assert READER.read(Outer, json.loads(text), "the file") == outer
    assert json.loads(json_text({"a": float("nan"), "b": (1.5, float("inf"))}, known)) == {"a": None, "b": [1.5, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"a": float("nan")})


def test_infinity_where_any_value_may_stand():
    with pytest.raises(FileFormatError, match="not finite"):
        READER.read(Outer, {"name": "a", "free": {"a": [float("inf")]}}, "the file")


def test_damage_anywhere_is_a_sentence():
    """One value after another of a study is exchanged for each of many others."""
    whole = json.loads(StudyDocument().to_json())
    values = [None, True, -1, 10**17, 1.5, "", "x" * 300, [], {}, [[]], {"a": 1}, "nan", "2017-13-01", "\ue000"]
    rng = np.random.default_rng(5)
    for _ in range(400):
        document = json.loads(json.dumps(whole))
        at = document
        while True:
            key = list(at)[rng.integers(len(at))]
            if isinstance(at[key], dict) and at[key] and rng.random() < 0.7:
                at = at[key]
                continue
            at[key] = values[rng.integers(len(values))]
            break
        sentence = "."
        try:
            StudyDocument.from_json(json.dumps(document))
        except RtmError as error:
            sentence = str(error)
        assert sentence.endswith(".")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    for name in ("pipe.json", ""):
        with pytest.raises(FileFormatError, match="cannot be read: it is no file"):
            read_text(tmp_path / name, "model file")
