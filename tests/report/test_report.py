"""The report: every number of a known model is on the page, and nothing else gets in."""

import dataclasses
import doctest
import functools
import itertools
import json
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.accuracy.at_share import SameArea, accuracy
from risk_terrain.rtm_plugin.core.accuracy.ranking import Bounds
from risk_terrain.rtm_plugin.core.accuracy.validation import ScoredMap, ValidationSettings, validate
from risk_terrain.rtm_plugin.core.errors import FileFormatError
from risk_terrain.rtm_plugin.core.ground.features import Features
from risk_terrain.rtm_plugin.core.ground.grid import Grid
from risk_terrain.rtm_plugin.core.ground.nearby import FeatureNames
from risk_terrain.rtm_plugin.core.model.document import RiskModel
from risk_terrain.rtm_plugin.core.model.parts import (
    CandidateFate,
    CullingSummary,
    EventSummary,
    FamilyModel,
    GridSummary,
    ModelTerm,
    TraceStep,
)
from risk_terrain.rtm_plugin.core.regression.verification import Verification
from risk_terrain.rtm_plugin.core.terrain.patrol_places import PatrolPlace, PatrolPlaces
from risk_terrain.rtm_plugin.core.terrain.places import FactorPresence, Place, Places, Whereabouts
from risk_terrain.rtm_plugin.core.terrain.scores import ScoreSummary
from risk_terrain.rtm_plugin.report import derive, maps, scales, svg, wording
from risk_terrain.rtm_plugin.report.card_texts import card_texts
from risk_terrain.rtm_plugin.report.cells import Cells, NamedLayer
from risk_terrain.rtm_plugin.report.findings import FactorInfo, ReportContext
from risk_terrain.rtm_plugin.report.page import render
from risk_terrain.rtm_plugin.report.place_lists import OnLaterEvents, place_lists
from risk_terrain.rtm_plugin.report.saved import context_of, saved_context
from risk_terrain.rtm_plugin.report.validation import validation_findings
from risk_terrain.rtm_plugin.report.validation_context import ValidationContext

GRID = Grid(410000.0, 441000.0, 250.0, 500.0, np.ones((4, 5), dtype=bool))
SCORES = np.array([1.0] * 12 + [8.6521] * 4 + [21.3638] * 3 + [184.8], np.float32)
LABELS = np.array([0] * 19 + [1])
EXPECTED = np.array([0.034857] * 12 + [0.30159] * 4 + [0.74468] * 3 + [6.44304])
COUNTS = np.array([0.0] * 11 + [1, 0, 1, 0, 0, 2, 0, 1, 9])
CELLS = Cells(grid=GRID, scores=SCORES, places=LABELS, expected=EXPECTED, counts=COUNTS)
VERIFIED = Verification(
    status="verified",
    reason="statsmodels 0.14 agrees.",
    statsmodels="0.14",
    log_likelihood_difference=1e-9,
    score=1e-6,
    coefficient_difference=None,
)
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
        name=f"{name}_{operationalisation}_{distance:g}",
        factor=name,
        operationalisation=operationalisation,
        distance=float(distance),
        direction=direction,
        coefficient=coefficient,
        standard_error=error,
        p_value=p,
        rrv=math.exp(coefficient),
    )


def fate(t, fate="selected", reason="In the model.", bic=18324.68):
    return CandidateFate(
        name=t.name,
        factor=t.factor,
        operationalisation=t.operationalisation,
        distance=t.distance,
        direction=t.direction,
        cells_exposed=4321,
        threshold=None,
        survived=True,
        fate=fate,
        reason=reason,
        bic_if_used=bic,
    )


def leeds(terms=None):
    terms = terms or (
        term("det_points", "density", 500, 2.1578, 0.04072),
        term("bus_stops", "proximity", 500, 3.0617, 0.15789),
    )
    other = term(terms[0].factor, "density", 750, 2.0, 0.05)
    nb1 = FamilyModel(
        family="nb1",
        selected=terms,
        adjustments=(),
        intercept=-3.3565,
        intercept_standard_error=0.15578,
        dispersion=math.exp(1.69852),
        log_dispersion_standard_error=0.03932,
        log_likelihood=-18288.17 / 2,
        bic=18324.68,
        steps=(TraceStep("start", "", "", 19999.99, -9990.0), TraceStep("add", terms[0].name, "", 18324.68, -9144.085)),
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
        grid=GridSummary(
            cells=9199,
            cells_with_events=2389,
            cell_size=250.0,
            block_length=500.0,
            crs="EPSG:27700",
            extent=(410000.0, 440000.0, 411250.0, 441000.0),
        ),
        events=EventSummary(inside=13857.0, outside=12.0),
        candidates=(
            *(fate(t) for t in terms),
            fate(other, "not selected", "det_points_density_500 stands for it.", 18328.18),
        ),
        family="nb1",
        families={"poisson": poisson, "nb1": nb1},
        exposure=None,
        culling=CullingSummary(l1_share=0.95, penalty=0.0123, deviance=1.234, folds=5, seed=42, survivors=3),
        score=ScoreSummary(1.0, 10.6, 21.7, 184.8),
        verification=VERIFIED,
        provenance={
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
    factors = tuple(
        FactorInfo(
            name=n,
            layer=n,
            geometry="point",
            features=1234,
            operationalisation="both",
            max_influence=1500.0,
            increment=250.0,
            density_sd=1.0,
        )
        for n in names
    )
    return dataclasses.replace(
        ReportContext(title="Violence in Leeds", study_area="Leeds", outcome="violence_2023", factors=factors),
        **changes,
    )


def places(factor="bus_stops"):
    presence = (FactorPresence(factor, 1.0), FactorPresence("det_points", 0.5))
    return (
        Place(
            rank=1,
            cells=1,
            area=62500.0,
            mean_score=184.8,
            max_score=184.8,
            expected=6.44304,
            observed=9.0,
            factors=presence,
        ),
    )


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


@functools.cache
def leeds_text() -> str:
    """All words of the page of the Leeds model."""
    return Reader(page()).text


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
    assert figure in leeds_text()


# what the report of RTMDx holds (method.md §8), as it stands in the page of the Leeds model
@pytest.mark.parametrize(
    "told",
    [
        *("Violence in Leeds", "Made 3 February 2026", "computed in 15 seconds"),
        *("violence_2023: 13,857 events in the study area", "Study area Leeds", "Risk factors 2, with 2,468 features"),
        *("Cell size 250 metres", "Block length 500 metres", "Cells 9,199", "Cells with events 2,389 (26 %)"),
        "bus_stops bus_stops (point) 1,234 proximity and density (mean + 1 SD) 1,500 metres 250 metres aggravating",
        *("2 risk factors made 3 candidate variables", "left 3 survivors", "Bidirectional stepwise selection on BIC"),
        "Risk factor bus_stops proximity 500 metres 3.0617 21.3638",
        "Risk factor det_points density 500 metres 2.1578 8.6521",
        *("Intercept β₀ – – −3.3565 –", "Dispersion ln σ – – 1.69852 –"),
        "bus_stops_proximity_500 3.0617 0.15789 19.39 < 0.001 21.3638 15.68 to 29.11",
        "det_points_density_500 2.1578 0.04072 52.99 < 0.001 8.6521",
        "intercept β₀ −3.3565 0.15578 −21.55 < 0.001",
        *("ln σ 1.69852 0.03932 43.20", "Cells, n 9,199", "Residual degrees of freedom 9,195"),
        *("Deviance (−2 log-likelihood) 18,288.17", "AIC 18,296.17", "BIC 18,324.68"),
        "Relative risk score = exp(3.062 × [bus_stops_proximity_500] + 2.158 × [det_points_density_500])",
        'exp(3.0617 * "bus_stops_proximity_500" + 2.1578 * "det_points_density_500")',
        "Scores range from 1 to 184.8, with mean 10.60 and standard deviation 21.70",
        "The cut points are 10.60 (mean), 32.30 (mean + 1 SD) and 54 (mean + 2 SD)",
        "one with the highest 6.44",
        "Map of relative risk scores",
    ],
)
def test_everything_that_the_report_of_rtmdx_holds(told):
    assert told in leeds_text()


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


def test_direction_marks_stay_inside_what_is_isolated():
    """Outside a bdi element none is on the page, so that no name turns the text after it."""
    name = "bars\u202ex"
    model = leeds((term(name, "proximity", 500, 1.0, 0.1),))
    html = page(model, context((name,), title=name, outcome=name), places(name))
    loose = re.sub(r"<bdi[^>]*>.*?</bdi>|<title>.*?</title>|<title id.*?</desc>", "", html, flags=re.S)
    assert "\u202e" not in loose


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


def many_factors(number):
    names = [f"factor_{i:02}" for i in range(number)]
    terms = tuple(
        term(
            n,
            "proximity" if i % 3 else "density",
            250 * (1 + i % 4),
            0.1 + 0.15 * i,
            0.05,
            "protective" if i == 2 else "aggravating",
        )
        for i, n in enumerate(names)
    )
    return leeds(terms), context(tuple(names))


@pytest.mark.parametrize("number", [1, 2, 6, 15, 40])
def test_any_number_of_factors(number):
    model, about = many_factors(number)
    html = page(model, about, places(model.selected[0].factor))
    text = Reader(html).text
    assert all(f"factor_{i:02}" in text for i in range(number))
    assert ("Protective factor factor_02" in text) == (number > 2)
    assert "nan" not in re.sub(r"base64,[^\"]*", "", html)
    headline = findings(model, about, places(model.selected[0].factor)).headline
    assert sum("otherwise equal cell" in sentence for sentence in headline) == (number if number <= 6 else 5)
    assert any(f"{number - 5}\u00a0more factor" in sentence for sentence in headline) == (number > 6)


def test_first_page_answers_the_commander():
    text = Reader(page()).text
    first = text[text.index("What was found") : text.index("Contents")]
    for told in (
        "associated with where violence 2023 happened: bus stops and det points",
        "A cell within 500 metres of bus stops has 21.4 times the rate",
        "The highest-risk cells (score above mean + 2 SD) are 5 % of the area, 0.0625 km², in 1 priority place",
        "and held 64.3 % of the 13,857 events (violence 2023)",
        "What to do next",
        "Give each place an owner",
        "What the map does not show",
        "do not show that a factor causes the events",
    ):
        assert told in first


def lists(measured=None, few=""):
    """Both lists: one priority place of one cell of twenty, one patrol place of two, which expects a quarter."""
    patrol = PatrolPlace(rank=1, cells=2, area=125_000.0, expected=2.0, share=0.25)
    patrols = PatrolPlaces(label=np.array([0] * 18 + [1, 1]), places=(patrol,), kept=1.0, most=4)
    about = context(later_events="violence 2024", places_note=few)
    return about, place_lists(about, GRID, Places(LABELS, places()), patrols, measured)


def test_first_page_says_what_the_lists_are_for():
    """In a line each; with how they did on later events where that was measured."""
    about, told = lists()
    first = Reader(page(about=about, lists=told)).text
    assert (
        "Priority places show where to work on what drives the events: 1 place on 5 % of the area, with the factors at "
        "work in each."
    ) in first
    assert (
        "Patrol places show where to be present: 1 place on 10 % of the area, where 25 % of the coming events are "
        "expected."
    ) in first
    assert "prior counts held" not in first
    rival = Bounds(0.2, 0.1, 0.3)
    figures = {"share": 0.1, "events": 40.0, "hit_rate": 0.3, "pai": 3.0, "rival_hit_rate": rival}
    measured = SameArea(**figures, rival_pai=rival.scaled(10), lower=-0.05, upper=0.25)
    about, told = lists(OnLaterEvents(patrol=measured))
    assert told[0].later is None
    assert Reader(page(about=about, lists=told)).text.count("prior counts held") == 1
    said = told[1].sentence.replace("\u00a0", " ")
    assert said.endswith(
        "They held 30 % of 40 later events (violence 2024), PAI 3; as many cells with the highest prior counts held "
        "20 % (between 10 % and 30 %, by how ties between cells are broken), PAI 2: a difference of 10.0 points, "
        "95 % interval −5.0 to 25.0, which chance alone may explain."
    )


def test_an_empty_list_says_so():
    nowhere = np.zeros(GRID.cells, np.int64)
    patrols = PatrolPlaces(label=nowhere, places=(), kept=1.0, most=4)
    told = place_lists(context(), GRID, Places(nowhere, ()), patrols)
    assert [row.sentence.rsplit(": ", 1)[1] for row in told] == ["there is none."] * 2
    assert len(place_lists(context(), GRID, Places(nowhere, ()))) == 1


def test_next_steps_name_the_patrol_places_where_there_are_some():
    about, told = lists()
    assert "take the patrol places, which come of the forecast" in Reader(page(about=about, lists=told)).text
    assert "take the forecast, or past counts" in Reader(page()).text


def test_that_few_places_were_found_is_said():
    about, _ = lists(few="Only one place scores above the mean + 2 SD, so that others are taken.")
    text = Reader(page(about=about)).text
    assert text.count(about.places_note) == 2  # on the first page, and beside the table


def test_without_counts_no_share_of_events_is_claimed():
    bare = Cells(grid=GRID, scores=SCORES, places=LABELS)
    text = Reader(page(cells=bare)).text
    assert "of the events" not in text[text.index("What was found") : text.index("Contents")]
    assert "Density of the events" not in text
    assert "Observed against expected" not in text


def test_observed_and_expected_are_sums_over_cells():
    found = findings(leeds(), context(), places())
    assert sum(group.cells for group in found.fit_groups) == GRID.cells
    assert sum(group.observed for group in found.fit_groups) == COUNTS.sum()
    assert sum(group.expected for group in found.fit_groups) == pytest.approx(EXPECTED.sum())
    top = found.fit_groups[-1]
    spread = 1.959963984540054 * math.sqrt(EXPECTED[-1] * (1 + math.exp(1.69852)))
    assert (top.cells, top.high) == (1, pytest.approx(EXPECTED[-1] + spread))
    assert [row.cells for row in found.count_rows] == [15, 3, 1, 0, 0, 1]
    assert sum(row.expected for row in found.count_rows) == pytest.approx(GRID.cells)
    zero = sum(math.exp(-m / s * math.log(1 + s)) for m in EXPECTED for s in [math.exp(1.69852)])
    assert found.count_rows[0].expected == pytest.approx(zero)


def test_classes_and_bins_hold_every_cell():
    found = findings(leeds(), context(), places())
    assert [row.cells for row in found.classes] == [1, 0, 3, 16]
    assert sum(row.share_of_events for row in found.classes) == pytest.approx(1.0)
    assert sum(found.bins.shares) == pytest.approx(1.0)
    assert (found.bins.edges[0], found.bins.edges[-1]) == (1.0, pytest.approx(184.8, rel=1e-6))


def test_ladder_tells_chosen_and_runner_up():
    ladder = findings(leeds(), context(), places()).ladders[1]
    assert ladder.factor == "det_points"
    assert [(r.name, r.gap and round(r.gap, 2), r.chosen, r.close) for r in ladder.rungs] == [
        ("det_points_density_500", 0.0, True, False),
        ("det_points_density_750", 3.5, False, True),
    ]


def carded():
    """One place with shares and what stands near: a named bar in it, an unnamed stop far away."""
    shares = np.zeros((2, GRID.cells))
    shares[:, -1] = (0.41, 0.59)
    at = np.array([[411_100.0, 440_100.0], [410_000.0, 440_900.0]])
    layers = {
        "bus_stops": NamedLayer(Features("point", at, 2), FeatureNames(["<b>Crown</b>", "Ship"], np.arange(2))),
        "det_points": NamedLayer(Features("point", at[1:], 1)),
    }
    return dataclasses.replace(CELLS, shares=shares, layers=layers)


def test_card_of_a_place():
    cells = carded()
    model = leeds()
    (card,) = findings(model, context(), places(), cells=cells).cards
    order = [t.factor for t in model.selected]
    share = dict(zip(order, (0.41, 0.59), strict=True))
    assert [(f.factor, f.share) for f in card.factors] == sorted(share.items(), key=lambda pair: -pair[1])
    assert card.middle == (411_125.0, 440_125.0)
    near = {(n.factor, n.name): n for n in card.near}
    assert near["bus_stops", "<b>Crown</b>"].distance == pytest.approx(math.hypot(25, 25))
    assert near["bus_stops", "<b>Crown</b>"].inside
    assert not near["det_points", ""].inside
    text = Reader(page(cells=cells)).text
    card_text = text[text.index("Place 1 of 1") :]
    for told in ("<b>Crown</b> 35 metres, in the place", "(no name in the layer) 1,366 metres", "41 %", "59 %"):
        assert told in card_text
    for blank in ("Owner", "Response", "Review date", "Expected events 6.44", "Observed events 9"):
        assert blank in card_text
    assert "Place 1 of 1" not in Reader(page(cells=cells, cards=0)).text


def located():
    """The place with words to find it by, one of them hostile."""
    where = Whereabouts("SE 11125 40125", "<i>Fleet</i> Street", "Castle ward", "Crown")
    return (dataclasses.replace(places()[0], where=where),)


def test_where_a_place_is_stands_on_its_card_and_in_the_table():
    told = page(spots=located())
    text = Reader(told).text
    where = "SE 11125 40125, <i>Fleet</i> Street, Castle ward"
    assert f"Where {where} Rank 1" in text[text.index("Place 1 of 1") :]
    table = text[text.index("ranked by expected events") :]
    assert table.index("Rank Where Area") < table.index(f"1 {where} 0.0625")
    assert "&lt;i&gt;Fleet&lt;/i&gt;" in told
    assert "<i>Fleet" not in told
    (card,) = card_texts(findings(leeds(), context(), located()), CELLS)
    assert "Where</td><td>SE 11125 40125, &lt;i&gt;Fleet&lt;/i&gt; Street, Castle ward</td>" in card.facts
    document = json.loads(findings(leeds(), context(), located()).to_json())
    assert document["places"][0]["where"]["street"] == "<i>Fleet</i> Street"


def test_nothing_is_said_of_a_place_that_has_no_words():
    assert not [mark for mark in ("<dt>Where</dt>", ">Where</th>") if mark in page()]
    only = (dataclasses.replace(places()[0], where=Whereabouts(area="Castle ward")),)
    assert "Where Castle ward Rank 1" in Reader(page(spots=only)).text


def street_steps(lines) -> list[list[tuple[float, float]]]:
    """The lines that the card's map draws for streets, each as its points, in drawing units of 400 for 13 cells."""
    cells = dataclasses.replace(CELLS, streets=Features("line", np.array(lines, float).reshape(-1, 4), 1))
    (card,) = card_texts(findings(leeds(), context(), places()), cells)
    found = re.findall(rf'<path d="([^"]*)" stroke="{maps.STREET}"', card.map)
    lines = [part.split("L") for steps in found for part in steps.split("M")[1:]]
    return [[tuple(map(float, spot.split())) for spot in line] for line in lines]


def test_streets_are_drawn_on_the_map_of_a_card_and_cut_off_at_its_edge():
    """The map shows 13 x 13 cells of 250 around the one at 411000 440000: from 409500 to 412750, 438500 to 441750."""
    unit = 13 * 250 / 400
    ((start, end),) = street_steps([(400000, 440125, 420000, 440125)])
    assert (start[0], end[0]) == (0.0, 400.0)
    assert start[1] == end[1] == pytest.approx((441750 - 440125) / unit, abs=0.05)
    assert street_steps([(400000, 440125, 409000, 440125)]) == []
    bent = [(409500, 441750, 410500, 440750), (410500, 440750, 410500, 439750), (412000, 439000, 412000, 439500)]
    first, second = street_steps(bent)
    corners = [(0, 0), (1000 / unit, 1000 / unit), (1000 / unit, 2000 / unit)]
    assert np.allclose(first, corners, atol=0.05)
    assert len(second) == 2


def test_bends_that_nobody_sees_are_not_drawn():
    """A hundred steps of 5 metres, 0.6 drawing units each, come as every other point, and the last."""
    xs = np.arange(410000, 410505, 5.0)
    ((*_, last),) = drawn = street_steps([(a, 440125, b, 440125) for a, b in itertools.pairwise(xs)])
    assert len(drawn[0]) == 51
    assert last[0] == pytest.approx((410500 - 409500) / (13 * 250 / 400), abs=0.05)


def test_protective_factor_on_a_card():
    model = leeds((term("bars", "proximity", 250, 1.0, 0.1), term("police", "proximity", 500, 0.5, 0.1, "protective")))
    spots = (dataclasses.replace(places()[0], factors=(FactorPresence("police", 1.0, True),)),)
    assert "no police near" in Reader(page(model, context(("bars", "police")), spots)).text


def test_findings_file_holds_what_the_page_prints():
    found = findings(leeds(), context(), places(), cells=carded())
    document = json.loads(found.to_json())
    assert (document["format"], document["version"]) == ("risk-terrain-findings", 1)
    assert document["headline"] == list(found.headline)
    assert [row["rrv"] for row in document["parameters"][:2]] == pytest.approx([21.3638, 8.6521], rel=1e-5)
    assert document["fit"]["bic"] == 18324.68
    assert document["model"] == json.loads(leeds().to_json())
    assert {f.name for f in dataclasses.fields(found)} <= set(document)
    card = json.dumps(document["cards"])
    assert "Crown" in card
    assert not re.search("41112|411100|44012|440100", card)
    assert found.to_json() == findings(leeds(), context(), places(), cells=carded()).to_json()


def test_context_survives_the_model_file():
    about = context(warnings=("Dates are months.",))
    model = dataclasses.replace(leeds(), provenance={"context": json.loads(json.dumps(saved_context(about)))})
    assert context_of(model, "metres", 1.0) == about
    assert context_of(model, "metres", 1.0, "Other").title == "Other"
    assert "context" not in Reader(page(model)).text


def test_context_of_a_model_without_one():
    about = context_of(leeds(), "metres", 1.0)
    assert (about.title, about.outcome, about.study_area) == ("Risk terrain model", "crime", "study area")
    assert [(f.name, f.operationalisation, f.features, f.max_influence) for f in about.factors] == [
        ("det_points", "density", None, 750.0),
        ("bus_stops", "proximity", None, 500.0),
    ]
    assert "A cell with a high density of det points (within 500 metres) has" in Reader(page(about=about)).text


@pytest.mark.parametrize(
    "damage", [{"title": 3}, {"factors": 7}, {"factors": [{}]}, {"warnings": [1]}, [], "text", {"outcome": None}]
)
def test_damaged_context_is_refused_in_a_sentence(damage):
    saved = saved_context(context())
    broken = {**saved, **damage} if isinstance(damage, dict) else damage
    with pytest.raises(FileFormatError, match="The model file is damaged: what it says about its inputs"):
        context_of(dataclasses.replace(leeds(), provenance={"context": broken}), "metres", 1.0)


def validated():
    counts = np.array([1.0] * 18 + [2.0, 4.0])
    terrain = ScoredMap("risk terrain", SCORES.astype(float), expected=EXPECTED)
    maps = [terrain, ScoredMap("forecast", EXPECTED + 0.1 * COUNTS), ScoredMap("prior counts", COUNTS, "baseline")]
    measured = validate(maps, counts, GRID, ValidationSettings(replicates=50))
    return validation_findings(measured, ValidationContext(title="t", later_events="later", outside=0.0))


def test_later_events_with_baselines_and_forecast():
    told = validated()
    text = Reader(page(validation=told)).text
    begin = text.index("Accuracy against later events Measured")
    section = text[begin : text.index("How the model was chosen", begin)]
    assert told.headline[0].replace("\u00a0", " ") in section
    for label in ("risk terrain", "forecast", "prior counts"):
        assert label in section
    hit = told.validation.find("hit rate", "forecast", 0.2).expected
    assert f"{100 * hit:.1f} %" in section
    assert "PAI by share of the area flagged" in section
    assert json.loads(findings(leeds(), context(), places(), validation=told).to_json())["validation"]["figures"]


def test_warnings_stand_before_the_findings():
    factor = dataclasses.replace(context().factors[0], warnings=("Its features stop at the boundary.",))
    model = dataclasses.replace(leeds(), events=EventSummary(inside=900.0, outside=100.0))
    model = dataclasses.replace(model, verification=Verification(status="not verified", reason="It was not verified."))
    text = Reader(page(model, context(factors=(factor,), warnings=("Dates are months.",)))).text
    top = text[: text.index("What was found")]
    for sentence in (
        "Dates are months.",
        "Bus stops: Its features stop",
        "It was not verified.",
        "100 of 1,000 events of 'violence 2023' (10%)",
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


def test_who_signs_stands_at_the_top_and_the_marking_at_both_ends():
    """From the settings page, through the model's provenance; names are text, not HTML."""
    signed = {"analyst": "A <b>Analyst</b>", "unit": "North BCU", "licence": "L-1", "marking": "OFFICIAL-SENSITIVE"}
    told = page(dataclasses.replace(leeds(), provenance={"signed": signed}))
    header, footer = (told[told.index(f"<{tag}>") : told.index(f"</{tag}>")] for tag in ("header", "footer"))
    for text in ("A &lt;b&gt;Analyst&lt;/b&gt;", "North BCU", "L-1", "OFFICIAL-SENSITIVE"):
        assert text in header
    assert "OFFICIAL-SENSITIVE" in footer
    assert "Analyst" not in page()
