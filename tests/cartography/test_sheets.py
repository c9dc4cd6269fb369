"""Sheets as PDF: whole, one after the other, from any thread, with names as text and a refusal on a full disk."""

import threading
from pathlib import Path

import pytest
from risk_terrain.rtm_plugin.cartography.sheets import Sheet, write_sheets
from risk_terrain.rtm_plugin.core.errors import OutputError

SVG = '<svg class="map" viewBox="0 0 40 40"><rect x="0" y="0" width="40" height="40" fill="#b30000"/></svg>'
TABLE = "<table width='100%'><tr><td>{}</td></tr></table>"


def sheet(number: int) -> Sheet:
    texts = {"beside": TABLE.format("beside"), "below": TABLE.format("below")}
    return Sheet(
        heading=f"Place {number}", under="A study", drawing=SVG, **texts, lines=("Owner", "Response", "Review date")
    )


def test_many_files_in_a_row_from_threads(qgis_app, tmp_path):
    """Qt's objects of one file are gone when the next is made, often at the same address."""
    problems = []

    def write(number: int) -> None:
        try:
            for turn in range(10):
                write_sheets(str(tmp_path / f"{number}-{turn}.pdf"), "T", [sheet(1), sheet(2)], "OFFICIAL")
        except Exception as error:
            problems.append(repr(error))

    for number in range(5):
        thread = threading.Thread(target=write, args=(number,))
        thread.start()
        thread.join()
    assert problems == []
    written = sorted(tmp_path.glob("*.pdf"))
    assert len(written) == 50
    for path in written:
        data = path.read_bytes()
        assert data.startswith(b"%PDF")
        assert data.count(b"/Type /Page\n") == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told(qgis_app, tmp_path):
    path = tmp_path / "cards.pdf"
    path.symlink_to("/dev/full")
    with pytest.raises(OutputError):
        write_sheets(str(path), "T", [sheet(1)], "")
