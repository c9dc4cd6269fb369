"""The page of a validation: its first sentence, every figure, stamps, and nothing that a name could do."""

import json
import math
import re
from datetime import date
from html.parser import HTMLParser

import numpy as np
import pytest
from risk_terrain.rtm_plugin.core.accuracy.validation import (
    PRIOR_COUNTS,
    RANDOM,
    ScoredMap,
    ValidationSettings,
    validate,
)
from risk_terrain.rtm_plugin.core.data.event_split import EventSplit, split_findings
from risk_terrain.rtm_plugin.core.documents.periods import Period
from risk_terrain.rtm_plugin.core.ground.grid import Grid
from risk_terrain.rtm_plugin.report import wording
from risk_terrain.rtm_plugin.report.validation import rounded, validation_findings
from risk_terrain.rtm_plugin.report.validation_context import MapOrigin, ValidationContext
from risk_terrain.rtm_plugin.report.validation_page import render_validation

GRID = Grid(0.0, 2000.0, 100.0, 200.0, np.ones((20, 20), bool))
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }} {% raw %}",
    "مدرسة \u202e txet",
    "bars & 'pubs' $x$ $",
    "_hidden",
    "long" * 40,
    "--> x",
)
TAGS = {"meta", "img", "br", "line", "rect"}


def measured(good=True, prior=True, names=("terrain",), **changes):
    """A terrain that knows the rates, or one that knows nothing, against prior counts and random."""
    random = np.random.default_rng(11)
    mean = np.exp(random.normal(-1, 1, 400).round(1))
    counts, before = (random.poisson(mean).astype(float) for _ in range(2))
    scores = mean if good else random.permutation(mean)
    maps = [ScoredMap(name, scores, expected=scores) for name in names]
    baselines = [ScoredMap(PRIOR_COUNTS, before, "baseline")] if prior else []
    maps += [*baselines, ScoredMap(RANDOM, np.zeros(400), "baseline")]
    settings = ValidationSettings(replicates=changes.pop("replicates", 200))
    streets = random.uniform(1, 100, 400) if changes.pop("streets", False) else None
    return validate(maps, counts, GRID, settings, before if prior else None, streets)


def about(**changes):
    known = {"tested": Period(date(2018, 1, 1), date(2018, 12, 31)), "prior_events": "burglaries_2017"}
    fitted = Period(date(2017, 1, 1), date(2017, 12, 31))
    origins = (MapOrigin("terrain", "relative risk scores", fitted),)
    return ValidationContext(**{"title": "Test", "later_events": "burglaries_2018", "outside": 3.0, **known,
                                "origins": origins, "bandwidth": 150.0, **changes})  # fmt: skip


def plain(text):
    return text.replace(wording.NBSP, " ")


class Page(HTMLParser):
    """Tags that open and close, the text of table cells, and the text outside style."""

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.text, self.names = [], [], "", set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.names.add(tag)
        if dict(attributes).get("role") == "img":
            self.images.append(dict(attributes))
        if tag not in TAGS:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.names.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text += data


def test_first_sentence_when_a_baseline_wins():
    found = validation_findings(measured(good=False), about())
    assert re.fullmatch(
        r"Prior counts did better than ‘terrain’ at 1, 2, 5, 10 and 20 % of the area: at 5 %, prior counts caught "
        r"[\d.]+ % of [\d,]+ later events \(burglaries 2018, 2018\) "
        r"and ‘terrain’ [\d.]+ % \(a difference of −[\d.]+ points, 95 % interval −[\d.]+ "
        r"to −?[\d.]+(, which chance alone may explain)?\)\.",
        plain(found.headline[0]),
    ), found.headline[0]


def test_first_sentence_when_the_terrain_wins():
    found = validation_findings(measured(), about())
    assert plain(found.headline[0]).startswith(
        "‘terrain’ did at least as well as every baseline at 1, 2, 5, 10 and 20 % of the area: at 5 %, prior counts "
        "caught "
    )


def test_first_sentence_without_prior_events():
    found = validation_findings(measured(prior=False), about(prior_events=""))
    events = f"{found.validation.events:,.0f} later events (burglaries 2018, 2018)"
    assert plain(found.headline[0]).startswith(
        "‘terrain’ was compared with flagging ground at random only, since no prior events were given: at 5 %, a "
        f"random choice caught 5 % of {events} and ‘terrain’ "
    )
    worse = validation_findings(measured(good=False, prior=False), about(prior_events=""))
    lost = [s for s in worse.validation.settings.shares if worse.validation.find("PAI", "terrain", s).expected < 1]
    assert ("A random choice did better than ‘terrain’" in worse.headline[0]) == bool(lost)


def test_every_figure_is_on_the_page():
    validation = measured(streets=True)
    text = plain(Page(render_validation(validation_findings(validation, about()))).text)
    for figure in validation.figures:
        if figure.kind != "share" or figure.against or figure.map == RANDOM:
            continue
        write = {"hit rate": lambda v: wording.percent(v, 1), "PEI": lambda v: wording.percent(v, 1)}.get(
            figure.measure, wording.number if figure.measure.startswith("events per") else lambda v: wording.fixed(v, 2)
        )
        if math.isfinite(figure.expected):
            assert plain(write(figure.expected)) in text, figure
            assert plain(f"{write(figure.lower)} to {write(figure.upper)}") in text, figure
    for heading in ("By area", "By length of street", "Calibration", "RRI (recapture)", "RRI (calibration)"):
        assert heading in text
    assert "1 January 2018 to 31 December 2018" in text
    assert "events of 1 January 2017 to 31 December 2017" in text


def test_page_is_whole_and_asks_for_nothing():
    page = render_validation(validation_findings(measured(streets=True), about()))
    parsed = Page(page)
    assert parsed.open == []
    assert len(parsed.images) == 2
    for picture in parsed.images:  # each has a title and a description
        assert all(f'id="{key}"' in page for key in picture["aria-labelledby"].split())
    assert not re.search(r"https?://|<script|javascript:", page)
    assert page == render_validation(validation_findings(measured(streets=True), about()))


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text(name):
    origins = (MapOrigin(name, "scores"),)
    context = about(title=name, later_events=name, prior_events=name, streets=name, weights=name, origins=origins)
    found = validation_findings(measured(names=(name, "b")), context)
    page = Page(render_validation(found))
    assert page.open == []
    assert "script" not in page.names
    assert len(page.images) == 1
    assert name in page.text
    assert json.loads(found.to_json())["maps"][0]["name"] == name


def test_overlap_is_stamped():
    sentence = "'terrain' was fitted on events of 2018: the figures flatter it and do not say how good it is."
    found = validation_findings(measured(), about(overlaps=(sentence,)))
    assert found.warnings[0] == sentence
    text = Page(render_validation(found)).text
    assert "Tested on events that made the map: this is not a validation" in text
    assert sentence in text
    assert json.loads(found.to_json())["overlap"] is True
    honest = validation_findings(measured(), about())
    assert "this is not a validation" not in Page(render_validation(honest)).text
    assert json.loads(honest.to_json())["overlap"] is False


def test_warnings():
    far = split_findings(EventSplit(230, 0, 1000), "'burglaries'")
    unknown = about(tested=Period(), origins=(MapOrigin("terrain", "scores"),), outside=1000.0, data_findings=far)
    warnings = [plain(text) for text in validation_findings(measured(streets=True), unknown).warnings]
    assert warnings[0] == (
        "Not known: the period of the events that made ‘terrain’ and the period of the later events. So it could not "
        "be checked whether maps were tested on events that made them; a test on those flatters."
    )
    assert warnings[1].startswith("1,000 of 1,230 events of 'burglaries' (81%) lie outside the study area")
    late = MapOrigin("terrain", "scores", Period(date(2019, 1, 1), date(2019, 2, 1)))
    assert "‘terrain’ was fitted on events of 1 January 2019 to 1 February 2019, after the test period" in plain(
        validation_findings(measured(), about(origins=(late,))).warnings[0]
    )


def test_expectations_are_said_to_be_of_the_test_period():
    """An expectation for 365 days is held against half a year only after it was scaled, and the sentence says so."""
    origins = (MapOrigin("terrain", "scores", Period(date(2017, 1, 1), date(2017, 12, 31)), days=365),)
    half = about(tested=Period(date(2018, 1, 1), date(2018, 6, 30)), tested_days=181, origins=origins)
    sentences = [plain(text) for text in validation_findings(measured(), half).headline]
    told = [text for text in sentences if "times as many events as came" in text]
    assert len(told) == 1
    assert told[0].startswith("Scaled from 365 days to the 181 days tested, ‘terrain’ expected ")
    assert "times as many events as came in all in 181 days" in told[0]
    sentences = [plain(text) for text in validation_findings(measured(), about()).headline]
    assert any(s.startswith("For a period that may have another length, ‘terrain’ expected ") for s in sentences)


def test_equal_maps_are_said_to_be_equal():
    found = validation_findings(measured(names=("one", "two")), about())
    assert "‘one’ and ‘two’ caught the same events at 5 % of the area." in [plain(text) for text in found.headline]


def test_json_holds_every_figure():
    found = validation_findings(measured(replicates=0), about())
    document = json.loads(found.to_json())
    assert (document["format"], document["version"]) == ("risk-terrain-validation", 1)
    assert len(document["figures"]) == len(found.validation.figures)
    for told, figure in zip(document["figures"], found.validation.figures, strict=True):
        assert told["expected"] == rounded(figure.expected)
        assert told["lower"] is None
        assert told["measure"] == figure.measure
    assert document["periods"]["fitted"] == {"terrain": ["2017-01-01", "2017-12-31"]}
    assert {curve["map"] for curve in document["curves"]} == {"terrain", PRIOR_COUNTS, RANDOM, "perfect"}
    assert "there are no intervals" in Page(render_validation(found)).text
