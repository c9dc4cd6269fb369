"""No cell of a CSV file is a formula, in whichever way a spreadsheet takes the file apart; numbers stay numbers."""

import csv
import io
import re
import unicodedata

import pytest
from risk_terrain.rtm_plugin.adapters.runs_file import RunsFile
from risk_terrain.rtm_plugin.adapters.spreadsheets import harmless
from risk_terrain.rtm_plugin.adapters.tables import write_table

HOSTILE = (
    "=1+1", "+1+1", "-1+1", "@SUM(1)", " =1+1", "\t=1+1", "\r=1+1", "\n=1+1", "\xa0=1+1", "\u200b=1+1",
    "\ufeff=1+1", "\u3000=1+1", "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(1)", "\ufe621", "x;=1+1", "x; =1+1",
    "x;\u200b=1", "|=1", "x|=1+1", "x\t=1+1", 'x";=1+1', '";=1+1', "x\n=1+1", "x\r=cmd|' /C calc'!A0",
    'x;"=1+1', 'x; ""=1', 'x\t"\uff1d1', '"=1+1', '=HYPERLINK("http://x","y")', "a;b;@c", ";=1", "-5",
)  # fmt: skip
HARMLESS = ("bars", "bars; off-licences", "O'Neill's", "a = b", "5 - 3", "a@b.c", "x;y", "", "'quoted", "bars, pubs")


NUMBER = re.compile(r'^"?-(1\.5|2)(,|$)')  # what was written as a number


def is_formula(cell: str) -> bool:
    """Whether the first sign that is seen begins a formula."""
    seen = next((c for c in cell if unicodedata.category(c)[0] not in "ZC"), "x")
    return unicodedata.normalize("NFKC", seen)[0] in "=+-@"


def cells(text: str, separator: str) -> list[str]:
    return [cell for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in line]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_a_formula(text):
    assert harmless(text) != text
    assert harmless(text).replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize("text", HARMLESS)
def test_other_texts_stay(text):
    assert harmless(text) == text


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_table_taken_apart_by_any_separator(tmp_path, separator):
    path = tmp_path / "table.csv"
    rows = [["first", text, -1.5, -2, True] for text in (*HOSTILE, *HARMLESS)]
    write_table(str(path), str(path), (("a", str), ("b", str), ("c", float), ("d", int), ("e", bool)), rows)
    text = path.read_text(encoding="utf-8")
    assert not [cell for cell in cells(text, separator) if is_formula(cell) and not NUMBER.match(cell)]
    if separator == ",":
        read = list(csv.reader(io.StringIO(text, newline="")))
        assert read[0] == ["a", "b", "c", "d", "e"]
        assert {tuple(row[2:4]) for row in read[1:]} == {("-1.5", "-2")}
        assert {row[0] for row in read[1:]} == {"first"}


def test_texts_are_quoted_and_numbers_are_not(tmp_path):
    path = tmp_path / "table.csv"
    write_table(str(path), str(path), (("a", str), ("b", float)), [["bars", 1.25]])
    assert path.read_text(encoding="utf-8").splitlines()[1] == '"bars",1.25'
    runs = RunsFile(tmp_path / "runs.csv", ("a", "b", "c"), "a back-test")
    runs.append({"a": "x;=1+1", "b": 0.1, "c": None})
    assert runs.path.read_text(encoding="utf-8").splitlines() == ['"a","b","c"', '"x;\'=1+1",0.1,""']
    assert runs.rows() == [{"a": "x;'=1+1", "b": "0.1", "c": ""}]
