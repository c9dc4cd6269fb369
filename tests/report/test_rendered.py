"""The report in a real browser: no violation of accessibility, and every card on a page of its own."""

import dataclasses
import re
import shutil
import subprocess

import pytest
from browser import chromium, violations
from risk_terrain.rtm_plugin.report.diagnosis import diagnosis_findings
from risk_terrain.rtm_plugin.report.diagnosis_page import render_diagnosis
from risk_terrain.rtm_plugin.report.validation import validation_findings
from risk_terrain.rtm_plugin.report.validation_page import render_validation
from test_diagnosis_page import diagnosed
from test_report import CELLS, HOSTILE, carded, context, leeds, many_factors, nothing, page, places, term, validated
from test_validation_page import about as about_validation
from test_validation_page import measured

MARKING = "OFFICIAL-SENSITIVE"


def hostile_page() -> str:
    """Every name on the page is one that means harm."""
    names = HOSTILE[:4]
    model = leeds(tuple(term(name, "proximity", 500, 1.0 + i, 0.1) for i, name in enumerate(names)))
    about = context(tuple(names), title=names[0], study_area=names[1], outcome=names[3], warnings=(names[2],))
    return page(model, about, places(names[0]), cells=carded_of(names[0]))


def flat_page() -> str:
    """Nothing was selected."""
    return page(
        nothing(), spots=(), cells=dataclasses.replace(CELLS, scores=CELLS.scores * 0 + 1, places=CELLS.places * 0)
    )


def big_page() -> str:
    """Fifteen factors, cards, later events, and a warning."""
    model, about = many_factors(15)
    about = dataclasses.replace(about, warnings=("Dates are months.",))
    return page(model, about, places("factor_01"), cells=carded_of("factor_01"), validation=validated())


def carded_of(factor):
    """Cells of a model with other factors: no shares, and the bars under that factor's name."""
    cells = carded()
    return dataclasses.replace(cells, shares=None, layers={factor: cells.layers["bus_stops"]})


def marked_model():
    """A model whose study has a protective marking."""
    return dataclasses.replace(leeds(), provenance={"signed": {"marking": MARKING}})


PAGES = {"hostile": hostile_page, "nothing selected": flat_page, "fifteen factors": big_page}
PAGES["marked"] = lambda: page(marked_model())
PAGES["diagnosis"] = lambda: render_diagnosis(diagnosis_findings(diagnosed(), context(("bars", "police"))))
PAGES["diagnosis, hostile"] = lambda: render_diagnosis(
    diagnosis_findings(diagnosed(HOSTILE[:2]), context(HOSTILE[:2], title=HOSTILE[0], outcome=HOSTILE[2]))
)
PAGES["validation"] = lambda: render_validation(validation_findings(measured(streets=True), about_validation()))


@pytest.mark.parametrize("name", PAGES)
def test_axe_core_finds_no_violation(name, tmp_path):
    assert violations(PAGES[name](), tmp_path) == []


def test_the_check_can_fail(tmp_path):
    """A figure without its title and a table without headers are found."""
    spoilt = big_page().replace(' aria-labelledby="forest-title forest-text"', "").replace(">RRV<", "><")
    spoilt = re.sub(r'<title id="forest-title">.*?</desc>', "", spoilt)
    assert "svg-img-alt" in {found["id"] for found in violations(spoilt, tmp_path)}


def printed_pages(html: str, folder) -> list[str]:
    """The text of each printed page."""
    if shutil.which("pdftotext") is None:
        pytest.skip("there is no pdftotext to read the printed pages")
    path, printed = folder / "page.html", folder / "page.pdf"
    path.write_text(html, encoding="utf-8")
    chromium(folder, f"--print-to-pdf={printed}", "--no-pdf-header-footer", path.as_uri())
    shown = subprocess.run(["pdftotext", "-layout", printed, "-"], capture_output=True, text=True, check=True).stdout
    return shown.split("\f")[:-1]


@pytest.mark.parametrize("kind", ["report", "validation", "diagnosis"])
def test_the_marking_stands_at_both_edges_of_every_printed_page(kind, tmp_path):
    if kind == "report":
        html = page(marked_model())
    elif kind == "diagnosis":
        signed = {"signed": {"marking": MARKING}}
        html = render_diagnosis(diagnosis_findings(diagnosed(), context(("bars", "police")), signed))
    else:
        signed = dataclasses.replace(about_validation(), provenance={"signed": {"marking": MARKING}})
        html = render_validation(validation_findings(measured(streets=True), signed))
    sheets = printed_pages(html, tmp_path)
    assert len(sheets) > 2
    for sheet in sheets:
        lines = [line.strip() for line in sheet.splitlines() if line.strip()]
        assert [i for i, line in enumerate(lines) if line == MARKING] == [0, len(lines) - 1]
        assert len(lines) > 4, "a page that is all but blank"


def test_prints_with_a_card_on_each_page(tmp_path):
    if shutil.which("pdfinfo") is None:
        pytest.skip("there is no pdfinfo to read the printed pages")
    spots = tuple(dataclasses.replace(places()[0], rank=rank) for rank in (1, 2, 3))
    labels = CELLS.places.copy()
    labels[[0, 1, 2]] = (1, 2, 3)
    sheets = printed_pages(page(spots=spots, cells=dataclasses.replace(carded(), places=labels)), tmp_path)
    assert "What was found" in sheets[0]
    assert "What the map does not show" in sheets[0]
    assert "Maps" not in sheets[0]
    found = [i for i, sheet in enumerate(sheets) if re.search(r"Place \d of 3", sheet)]
    assert found == [found[0], found[0] + 1, found[0] + 2]
    for i in found:
        assert "Owner" in sheets[i]
        assert "Review date" in sheets[i]
    size = subprocess.run(["pdfinfo", tmp_path / "page.pdf"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"Page size:\s+59[45]\.\d+ x 84[12]\.?\d* pts", size)  # A4
