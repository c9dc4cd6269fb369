"""The report: every number of a known model is on the page, and nothing else gets in."""

import dataclasses
import doctest
import itertools
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.accuracy import accuracy
from risk_terrain.rtm_plugin.core.grid import Grid
from risk_terrain.rtm_plugin.core.model import (
    CandidateFate,
    CullingSummary,
    EventSummary,
    FamilyModel,
    GridSummary,
    ModelTerm,
    RiskModel,
    TraceStep,
)
from risk_terrain.rtm_plugin.core.places import FactorPresence, Place
from risk_terrain.rtm_plugin.core.terrain import ScoreSummary
from risk_terrain.rtm_plugin.core.verification import Verification
from risk_terrain.rtm_plugin.report import derive, maps, scales, svg, wording
from risk_terrain.rtm_plugin.report.cells import Cells
from risk_terrain.rtm_plugin.report.findings import FactorInfo, ReportContext
from risk_terrain.rtm_plugin.report.page import render

GRID = Grid(410000.0, 441000.0, 250.0, 500.0, np.ones((4, 5), dtype=bool))
SCORES = np.array([1.0] * 12 + [8.6521] * 4 + [21.3638] * 3 + [184.8], np.float32)
LABELS = np.array([0] * 19 + [1])
EXPECTED = np.array([0.034857] * 12 + [0.30159] * 4 + [0.74468] * 3 + [6.44304])
COUNTS = np.array([0.0] * 11 + [1, 0, 1, 0, 0, 2, 0, 1, 9])
CELLS = Cells(GRID, SCORES, LABELS, EXPECTED, COUNTS)
VERIFIED = Verification("verified", "statsmodels 0.14 agrees.", "0.14", 1e-9, 1e-6, None)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }} {% raw %}",
    "مدرسة \u202e txet",
    "🍺 bars & 'pubs' $x$ $",
    "long" * 28,
)


def term(name, operationalisation, distance, coefficient, error, direction="aggravating", p=1e-9):
    return ModelTerm(
        f"{name}_{operationalisation}_{distance:g}",
        name,
        operationalisation,
        float(distance),
        direction,
        coefficient,
        error,
        p,
        math.exp(coefficient),
    )


def fate(t, fate="selected", reason="In the model.", bic=18324.68):
    return CandidateFate(
        t.name, t.factor, t.operationalisation, t.distance, t.direction, 4321, None, True, fate, reason, bic
    )


def leeds(terms=None):
    terms = terms or (
        term("det_points", "density", 500, 2.1578, 0.04072),
        term("bus_stops", "proximity", 500, 3.0617, 0.15789),
    )
    other = term(terms[0].factor, "density", 750, 2.0, 0.05)
    nb1 = FamilyModel(
        "nb1",
        terms,
        (),
        -3.3565,
        0.15578,
        math.exp(1.69852),
        0.03932,
        -18288.17 / 2,
        18324.68,
        (TraceStep("start", "", "", 19999.99, -9990.0), TraceStep("add", terms[0].name, "", 18324.68, -9144.085)),
    )
    poisson = dataclasses.replace(
        nb1,
        family="poisson",
        dispersion=None,
        log_dispersion_standard_error=None,
        log_likelihood=-15000.0,
        bic=30027.38,
    )
    return RiskModel(
        GridSummary(9199, 2389, 250.0, 500.0, "EPSG:27700", (410000.0, 440000.0, 411250.0, 441000.0)),
        EventSummary(13857.0, 12.0),
        (*(fate(t) for t in terms), fate(other, "not selected", "det_points_density_500 stands for it.", 18328.18)),
        "nb1",
        {"poisson": poisson, "nb1": nb1},
        None,
        CullingSummary(0.95, 0.0123, 1.234, 5, 42, 3),
        ScoreSummary(1.0, 10.6, 21.7, 184.8),
        VERIFIED,
        {
            "plugin": "0.1.0",
            "qgis": "3.40.3",
            "started": "2026-02-03T14:05:09+00:00",
            "seconds": {"culling": 12.0, "selection": 3.0},
            "parameters": {"BLOCK_LENGTH": 500, "FACTORS": ["bus_stops"]},
            "inputs": [{"role": "events", "name": "crime", "features": 13869, "sha256": "ab12" * 16}],
        },
    )


def nothing():
    model = leeds()
    empty = {
        name: dataclasses.replace(f, selected=(), intercept=0.4097, steps=f.steps[:1])
        for name, f in model.families.items()
    }
    flat = ScoreSummary(1.0, 1.0, 0.0, 1.0)
    fates = tuple(dataclasses.replace(c, fate="not selected", bic_if_used=None) for c in model.candidates)
    return dataclasses.replace(model, families=empty, score=flat, candidates=fates)


def context(names=("bus_stops", "det_points"), **changes):
    factors = tuple(FactorInfo(n, n, "point", 1234, "both", 1500.0, 250.0, density_sd=1.0) for n in names)
    return dataclasses.replace(ReportContext("Violence in Leeds", "Leeds", "violence_2023", factors), **changes)


def places(factor="bus_stops"):
    presence = (FactorPresence(factor, 1.0), FactorPresence("det_points", 0.5))
    return (Place(1, 1, 62500.0, 184.8, 184.8, 6.44304, 9.0, presence),)


def findings(model, about, spots, later=(), cells=CELLS, **more):
    return derive.findings(model, about, spots, cells, later, **more)


def page(model=None, about=None, spots=None, later=(), cells=CELLS, **more):
    about, spots = about or context(), places() if spots is None else spots
    return render(findings(model or leeds(), about, spots, later, cells, **more), cells)


class Reader(HTMLParser):
    """Text, tags and headings of a page."""

    def __init__(self, html):
        super().__init__()
        self.words, self.tags, self.headings, self._stack = [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._stack.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag):
        if tag not in ("bdi", "a", "code"):
            self.words.append(" ")
        while self._stack and self._stack.pop() != tag:
            pass

    def handle_data(self, data):
        if not self._stack or self._stack[-1] != "style":
            self.words.append(data)

    @property
    def text(self):
        return " ".join("".join(self.words).replace("\u00a0", " ").split())

    def having(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.mark.parametrize(
    "figure",
    [
        *("3.0617", "2.1578", "21.3638", "8.6521", "−3.3565", "1.69852"),
        *("0.15789", "0.04072", "0.15578", "0.03932"),
        *("18,288.17", "18,296.17", "18,324.68", "9,195"),
        *("13,857", "9,199", "2,389", "250 metres", "500 metres", "184.8", "52.99", "19.39"),
        *("0.0349", "6.44", "Violence in Leeds", "violence_2023", "EPSG:27700", "3 February 2026, 14:05", "15 seconds"),
        *(
            "1,234",
            "1,500 metres",
            "Random seed 42",
            "ab12ab12",
            "BLOCK_LENGTH 500",
            "3 candidate variables",
            "30,027.38",
        ),
        "det_points_density_750 +3.5",
    ],
)
def test_every_figure_of_the_leeds_report(figure):
    assert figure in Reader(page()).text


def test_model_table_is_sorted_by_risk_value_then_intercept_then_dispersion():
    found = findings(leeds(), context(), places())
    assert [row.factor or row.kind for row in found.parameters] == [
        "bus_stops",
        "det_points",
        "intercept",
        "dispersion",
    ]


def test_sentences_of_proximity_and_density():
    sentences = [s.replace("\u00a0", " ") for s in findings(leeds(), context(), places()).headline]
    assert sentences[1] == (
        "A cell within 500 metres of bus stops has 21.4 times the rate of events of an otherwise equal cell "
        "(95 % interval 15.7 to 29.1)."
    )
    assert sentences[2].startswith(
        "A cell with a high density of det points (within 500 metres; at least the mean + 1 SD) has 8.65 times"
    )


def test_protective_factor_divides_and_enters_the_formula_with_a_minus():
    model = leeds(
        (term("bars", "proximity", 250, 1.0, 0.1), term("police_stations", "proximity", 500, 0.5, 0.1, "protective"))
    )
    found = findings(model, context(("bars", "police_stations")), places())
    assert "has its rate of events divided by 1.65 compared with an otherwise equal cell" in found.headline[2]
    assert found.formula.raw == 'exp(1 * "bars_proximity_250" - 0.5 * "police_stations_proximity_500")'
    assert "divided by 1.65" in Reader(page(model)).text


def test_formula_gives_the_scores_and_expected_counts():
    formula = findings(leeds(), context(), places()).formula
    assert formula.raw == 'exp(3.0617 * "bus_stops_proximity_500" + 2.1578 * "det_points_density_500")'
    assert formula.expected == 'exp(-3.3565 + 3.0617 * "bus_stops_proximity_500" + 2.1578 * "det_points_density_500")'
    assert formula.lowest == pytest.approx(1.0, rel=1e-3)
    made = "band 1 of the raster that rtm:operationalise makes of det_points"
    assert formula.bands[1] == f"det_points_density_500: {made}"


def test_minimum_is_named_when_no_place_tells_it():
    assert findings(leeds(), context(), ()).formula.score.endswith(" / minimum")


def test_nothing_selected_makes_a_page_that_says_so():
    flat = dataclasses.replace(CELLS, scores=np.ones(GRID.cells, np.float32), places=np.zeros(GRID.cells, np.int64))
    html = page(nothing(), spots=(), cells=flat)
    text = Reader(html).text
    assert "No risk factor was selected: none of the 3 candidate variables lowers BIC" in text
    assert "No cell meets the rule for priority places" in text
    assert "95 % interval 1" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name):
    model = leeds((term(name, "density", 500, 2.1578, 0.04072), term("b", "proximity", 500, 1.0, 0.1)))
    about = context(
        (name, "b"),
        title=name,
        study_area=name,
        outcome=name,
        warnings=(name,),
        later_events=name,
        places_rule=name,
    )
    model = dataclasses.replace(
        model,
        grid=dataclasses.replace(model.grid, crs=name),
        provenance={
            name: name,
            "parameters": {name: [name]},
            "inputs": [{"role": name, "name": name}],
            "started": name,
        },
    )
    counts = np.arange(GRID.cells, dtype=float)
    html = page(model, about, places(name), [accuracy(SCORES, counts, 0.2)])
    reader = Reader(html)
    assert "<script" not in html
    usual = Reader(page(about=context(warnings=("Dates are months.",)), later=[accuracy(SCORES, counts, 0.2)]))
    assert {tag for tag, _ in reader.tags} <= {tag for tag, _ in usual.tags}
    assert not reader.having("img")
    assert all(image["href"].startswith("data:image/png;base64,") for image in reader.having("image"))
    assert not [key for _, attributes in reader.tags for key in attributes if key.startswith("on")]
    assert " ".join(name.split()) in reader.text


def test_direction_marks_in_a_name_do_not_reach_the_sentence():
    model = leeds((term("bars\u202ex", "proximity", 500, 1.0, 0.1),))
    assert not any("\u202e" in sentence for sentence in findings(model, context(("bars\u202ex",)), ()).headline)


def test_page_stands_alone():
    html = page()
    reader = Reader(html)
    assert not re.search(r"(https?:)?//[a-z]", re.sub(r"base64,[^\"]*", "", html))
    assert not reader.having("script")
    assert not reader.having("link")
    assert not reader.having("img")
    assert all(image["href"].startswith("data:image/png;base64,") for image in reader.having("image"))
    assert len(html) < 1_000_000


def test_page_is_accessible():
    reader = Reader(page())
    levels = reader.headings
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert reader.having("html")[0]["lang"] == "en-GB"
    pictures = [attributes for _, attributes in reader.tags if attributes.get("role") == "img"]
    assert len(pictures) == 9
    assert len(reader.having("caption")) == len(reader.having("table"))
    assert all("scope" in attributes for attributes in reader.having("th"))
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    named = [key for _, attributes in reader.tags for key in attributes.get("aria-labelledby", "").split()]
    assert set(named) <= set(ids)
    assert all("aria-labelledby" in picture for picture in pictures)
    assert {a["href"][1:] for a in reader.having("a")} <= set(ids)


def test_warnings_stand_before_the_findings():
    factor = dataclasses.replace(context().factors[0], warnings=("Its features stop at the boundary.",))
    model = dataclasses.replace(leeds(), events=EventSummary(900.0, 100.0))
    model = dataclasses.replace(model, verification=Verification("not verified", "It was not verified."))
    text = Reader(page(model, context(factors=(factor,), warnings=("Dates are months.",)))).text
    top = text[: text.index("What was found")]
    for sentence in (
        "Dates are months.",
        "Bus stops: Its features stop",
        "It was not verified.",
        "100 of 1,000 events (10 %)",
    ):
        assert sentence in top


def test_accuracy_with_its_bounds():
    counts = np.array([1.0] * 18 + [2.0, 4.0])
    text = Reader(page(later=[accuracy(SCORES, counts, 0.1)])).text
    assert "10 % 22.2 % (20.8 % to 25.0 %) 2.22 (2.08 to 2.50)" in text
    assert "The highest-scored 10 % of the area held 22.2 % (between 20.8 % and 25 %, by how ties between cells" in text


def test_association_is_never_called_cause():
    text = Reader(page()).text.lower()
    assert "associated with where violence 2023 happened" in text
    assert "do not show that a factor causes the events" in text
    assert not re.search(r"\b(because of|leads to|due to|effect of|driven by|results in)\b", text)


def test_no_place_of_an_event_or_cell_is_on_the_page():
    text = re.sub(r"base64,[^\"]*", "", page())
    for easting_or_northing in ("410000", "410,000", "441000", "440,000", "411250"):
        assert easting_or_northing not in text


def test_the_same_twice():
    assert page() == page()


@pytest.mark.parametrize("module", [maps, scales, svg, wording])
def test_examples(module):
    assert doctest.testmod(module, extraglobs={"np": np}).failed == 0
