"""MARKING: the protective marking of a study, given once and carried by everything that comes of it."""

from collections.abc import Iterable
from dataclasses import replace

from qgis.core import QgsProcessingParameterString

from ...rtm_plugin.adapters.preferences import load_preferences, plain_marking
from ...rtm_plugin.core.errors import InputError
from ...rtm_plugin.core.model.document import RiskModel
from .base import RtmAlgorithm, tr
from .request import Request

MARKING = "MARKING"
SIGNED = "signed"  # the part of a provenance that says who made a result, and how it is marked


def add_marking(algorithm: RtmAlgorithm) -> None:
    """MARKING of what begins with data: the settings page has the default, and an empty text means no marking."""
    algorithm.add(
        QgsProcessingParameterString(MARKING, tr("Protective marking"), load_preferences().marking, optional=True),
        tr(
            "Such as OFFICIAL-SENSITIVE: stands on every page of what is made from this study, in its model and in "
            "the metadata of its layers. Your force may have a list of markings, and may demand one."
        ),
    )


def add_carried_marking(algorithm: RtmAlgorithm, source: str) -> None:
    """MARKING of what is made from results, `source` in words, which carry their study's marking."""
    algorithm.add(
        QgsProcessingParameterString(MARKING, tr("Protective marking"), optional=True),
        tr(
            "Stands on every page. Empty: that of {}, or where it has none, that of the settings page. Another one "
            "than that of {} is warned of."
        ).format(source, source),
    )


def given_marking(request: Request) -> str:
    """The marking of what begins with data, from the parameter of `add_marking`.

    Raises
    ------
    InputError
        The force's rules do not allow it.
    """
    return allowed(plain_marking(request.text(MARKING)))


def carried_marking(request: Request, sources: Iterable[str]) -> str:
    """The marking of what is made from results that carry the markings `sources`, "" where they have none.

    Raises
    ------
    InputError
        The results carry different markings and none is given, or the force's rules do not allow it.
    """
    given = ""
    if request.has(MARKING):
        given = plain_marking(request.text(MARKING))
    carried = sorted({marking for marking in map(plain_marking, sources) if marking})
    if not given and len(carried) > 1:
        raise InputError(
            tr("The inputs carry different protective markings ({}); make them anew under one marking.").format(
                ", ".join(carried)
            )
            if not request.has(MARKING)
            else tr("The inputs carry different protective markings ({}); choose the marking of the result.").format(
                ", ".join(carried)
            )
        )
    for other in carried:
        if given and given != other:
            request.feedback.pushWarning(
                tr("The input is marked {}, the result {}; make sure that this is meant.").format(other, given)
            )
    return allowed(given or (carried[0] if carried else load_preferences().marking))


def allowed(marking: str) -> str:
    """The marking, refused where the force's rules do not allow it."""
    refusal = load_preferences().refusal_of_marking(marking)
    if refusal:
        raise InputError(refusal)
    return marking


def marking_of_model(model: RiskModel) -> str:
    """What the file of a model carries; "" without one."""
    signed = model.provenance.get(SIGNED)
    marking = signed.get("marking") if isinstance(signed, dict) else None
    return marking if isinstance(marking, str) else ""


def marked(model: RiskModel, marking: str) -> RiskModel:
    """The same model under a marking, as its report prints it."""
    signed = model.provenance.get(SIGNED)
    kept = {k: v for k, v in signed.items() if k != "marking"} if isinstance(signed, dict) else {}
    signed = {**kept, **({"marking": marking} if marking else {})}
    others = {key: value for key, value in model.provenance.items() if key != SIGNED}
    return replace(model, provenance={**others, **({SIGNED: signed} if signed else {})})
