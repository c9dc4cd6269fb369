"""How sure the report says that it is: all established, some, none, and nothing that could be tested."""

import dataclasses

import pytest
from risk_terrain.rtm_plugin.core.doubt.significance import FactorTest, Significance
from risk_terrain.rtm_plugin.report.first_page import first_page
from test_report import Reader, context, findings, leeds, nothing, page, places

REASON = "With 20 cells there are only 12 ways to shift a layer about the map; study a larger area, or smaller cells."


def judgement(term, p, rrv=9.0, stays=True):
    """The test of a variable, with an interval from rrv / 1.2 to rrv · 1.2."""
    return FactorTest(
        candidate=term.name,
        factor=term.factor,
        p=p,
        statistic=4.0,
        established=p is not None and p <= 0.05,
        rrv=rrv if stays else None,
        rrv_lower=rrv / 1.2 if stays else None,
        rrv_upper=rrv * 1.2 if stays else None,
    )


def significance(remaining=(), left=(), reason=""):
    return Significance(
        remaining=tuple(remaining),
        left=tuple(left),
        nugget=0.4,
        variances=(0.5, 0.3, 0.001),
        ranges=(148.0, 1915.0, 5000.0),
        shifts=3296,
        reason=reason,
    )


def judged(*ps, reason=""):
    """The Leeds model with its two variables tested, stops first."""
    model = leeds()
    stops, points = sorted(model.selected, key=lambda term: -term.rrv)
    tests = [judgement(term, p, rrv) for term, p, rrv in zip((stops, points), ps, (19.0, 8.0), strict=True)]
    return dataclasses.replace(model, significance=significance(tests, reason=reason))


def emptied():
    """A model whose only variable left."""
    term = leeds().selected[0]
    return dataclasses.replace(nothing(), significance=significance(left=[judgement(term, 0.33, stays=False)]))


def read(model, **more):
    return Reader(page(model, **more)).text


def test_all_established():
    text = read(judged(0.0003, 0.02))
    assert "All 2 risk factors tested are established as associated with where violence 2023 happened" in text
    assert "19 times the rate of events of an otherwise equal cell (95 % interval 15.8 to 22.8; p < 0.001)." in text
    assert "8 times the rate of events of an otherwise equal cell (95 % interval 6.67 to 9.60; p = 0.020)." in text
    assert "Events cluster over 150 metres and 1,900 metres beyond what these factors explain" in text
    assert "The factors go with these events, or with where people are: no exposure was given." in text
    assert "If cells were independent of each other: coefficients with standard errors" in text
    assert "not established" not in text.split("What was found")[1].split("Contents")[0]


def test_no_p_promises_more_than_the_shifts_tell():
    text = read(judged(0.0003, 0.0003)).split("The fit in full")[0]
    assert "e-" not in text.replace("re-", "").split("How sure is this?")[1].split("Priority places")[0]
    assert "0.000" not in text


def test_one_is_kept_and_marked():
    text = read(judged(0.0003, 0.2))
    assert (
        "Of 2 risk factors tested, 1 is established as associated with where violence 2023 happened: bus stops." in text
    )
    assert "This is not established." in text
    assert "Selected, but not established: goes no better with these events" in text
    assert "yes, marked" in text
    rows = first_page(findings(judged(0.0003, 0.2), context(), places()))
    assert [(row["factor"], row["established"], row["p"]) for row in rows["factors"]] == [
        ("bus_stops", True, 0.0003),
        ("det_points", False, 0.2),
    ]
    assert [row["factor"] for row in rows["not_established"]] == ["det_points"]


def test_none():
    text = read(emptied(), spots=())
    first = text.split("What was found")[1]
    assert first.strip().startswith(
        "No risk factor is established: det points was selected, but it goes no better with these events than the same "
        "layer shifted about the map. Every cell therefore has the same score"
    )
    assert "The forecast, which needs no factor, still tells where events repeat." in first
    assert "Use the forecast, or past counts." in first
    assert "No risk factor is in the model." in text


def test_cannot_be_tested():
    text = read(judged(None, None, reason=REASON))
    sentence = f"Whether the factors are significant cannot be tested here, so none is established. {REASON}"
    assert text.count(sentence) == 2, "among the warnings, and under How sure is this?"
    assert "established as associated" not in text
    assert "All 2 risk factors tested are associated with where violence 2023 happened" in text


def test_plain():
    """As before: nothing is called established, and the intervals are said to be too narrow."""
    text = read(leeds())
    assert "established" not in text
    assert "before selection is taken into account" in text


def test_a_value_without_an_interval():
    model = judged(0.0003, 0.0003)
    limit = dataclasses.replace(model.significance.remaining[0], rrv_lower=None, rrv_upper=None)
    tests = (limit, model.significance.remaining[1])
    text = read(dataclasses.replace(model, significance=significance(tests)))
    assert "19 (no interval)" in text
    assert "(p < 0.001), a value that stands for half an event on a side where there is none" in text


@pytest.mark.parametrize("model", [judged(0.0003, 0.02), judged(0.0003, 0.2), emptied()], ids=["all", "one", "none"])
def test_the_same_on_every_page(model):
    """Briefing, wizard and findings file take the values of the report."""
    spots = places() if model.selected else ()
    found = findings(model, context(), spots)
    values = [row.rrv for row in found.factor_rows]
    assert values == [test.rrv for test in model.significance.remaining]
    assert [row["rrv"] for row in first_page(found)["factors"]] == values
    assert '"factor_rows"' in found.to_json()
