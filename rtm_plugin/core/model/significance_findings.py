"""What the test of significance gives to say: what is established, what is not, and how events cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..documents.findings import Finding
from ..doubt.significance import NOT_BETTER, WEAK, FactorTest, Significance, p_text
from .document import RiskModel

_TOLD_FROM = 0.05  # share of the clustering that a range must hold to be told
NO_EFFECT = "Not established is not the same as no effect: with more events it may yet be."
WHERE_PEOPLE_ARE = (
    "The factors go with these events, or with where people are: no exposure was given. Give a raster of people, homes "
    "or visits as exposure, or layers of streets or buildings that tell where the city is, to tell the two apart."
)


def significance_findings(model: RiskModel) -> tuple[Finding, ...]:
    """In this order: nothing can be tested, what is not established, weak findings, where people are, clustering."""
    significance = model.significance
    if significance is None:
        return ()
    if significance.reason:
        return (Finding("warning", untested_sentence(significance), "", {"shifts": significance.shifts}),)
    not_established = [*significance.left, *(test for test in significance.remaining if not test.established)]
    return (
        *(_not_established(test, stays=test in significance.remaining) for test in not_established),
        *map(_weak, filter(_is_weak, significance.remaining)),
        *_where_people_are(model),
        *_clustering(significance),
    )


def established_factors(significance: Significance) -> tuple[FactorTest, ...]:
    """The tests of the factors that are established."""
    return tuple(test for test in significance.remaining if test.established)


def clusters(significance: Significance) -> tuple[float, ...]:
    """Over which distances events cluster beyond what the model explains, map units, ascending; those that matter."""
    whole = significance.nugget + sum(significance.variances)
    pairs = zip(significance.variances, significance.ranges, strict=True)
    return tuple(sorted(reach for variance, reach in pairs if variance >= _TOLD_FROM * whole))


def untested_sentence(significance: Significance) -> str:
    """Why significance cannot be tested; it is said of a test that has a reason."""
    return f"Whether the factors are significant cannot be tested here, so none is established. {significance.reason}"


def clustering_sentence(distances: Sequence[str]) -> str:
    """How far clustering reaches; `distances` are texts with their unit."""
    return (
        f"Events cluster over {listed_distances(distances)} beyond what these factors explain; the test and the "
        "intervals allow for it."
    )


def goes_with_people(model: RiskModel) -> bool:
    """Whether nothing tells the factors from where people are."""
    return bool(model.selected) and model.exposure is None and not model.best.adjustments


def _not_established(test: FactorTest, stays: bool) -> Finding:
    """A factor that stays in the model all the same misleads more than one that is gone."""
    done = "it is in the model all the same, as was asked for" if stays else "it is not in the model"
    return Finding(
        "warning" if stays else "note",
        f"'{test.factor}' is not established: it {NOT_BETTER} ({p_text(test.p)}); {done}.",
        NO_EFFECT,
        {"factor": test.factor, "p": test.p},
    )


def _is_weak(test: FactorTest) -> bool:
    return test.established and test.p is not None and test.p > WEAK


def _weak(test: FactorTest) -> Finding:
    return Finding(
        "note",
        f"'{test.factor}' is established by a narrow margin ({p_text(test.p)}): such findings read too high as a rule, "
        "since those that happen to read low are not found.",
        "Look at it again with new events before acting on its relative risk value.",
        {"factor": test.factor, "p": test.p},
    )


def _where_people_are(model: RiskModel) -> Iterator[Finding]:
    if goes_with_people(model):
        yield Finding("note", WHERE_PEOPLE_ARE)


def _clustering(significance: Significance) -> Iterator[Finding]:
    reaches = clusters(significance)
    if reaches:
        yield Finding(
            "note",
            clustering_sentence([f"{reach:,.0f} map units" for reach in reaches]),
            "",
            {"ranges": ", ".join(f"{reach:.0f}" for reach in reaches)},
        )


def listed_distances(texts: Sequence[str]) -> str:
    """Distances in a row: "150 m", "150 m and 1,900 m"."""
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
