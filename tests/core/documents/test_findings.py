"""Findings: refused when empty, ordered by gravity, the same in JSON."""

import json

import pytest
from risk_terrain.rtm_plugin.core.documents.findings import Finding, ordered, warnings_in
from risk_terrain.rtm_plugin.core.errors import SettingsError


def test_order_and_text():
    note = Finding("note", "The layer has 3 events.")
    error = Finding("error", "The layer is empty.", "Choose another.")
    warning = Finding("warning", "A month is missing.")
    assert ordered([note, warning, error, note]) == (error, warning, note)
    assert warnings_in([note, warning, error]) == ("The layer is empty. Choose another.", "A month is missing.")


def test_json_and_back():
    finding = Finding("warning", "6 of 12 months are empty.", "Ask for them.", {"empty": 6, "months": 12})
    assert Finding.from_dict(json.loads(json.dumps(finding.to_dict()))) == finding


@pytest.mark.parametrize("bad", [{"severity": "fatal", "sentence": "x"}, {"severity": "note"}, {"severity": 3}])
def test_refused(bad):
    with pytest.raises(SettingsError):
        Finding.from_dict(bad)
