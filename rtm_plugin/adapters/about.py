"""What a result is, in words and figures, for the metadata of its file: any program shows them."""

from ..core.answers.whatif import NOT_CAUSE
from ..core.model.document import RiskModel
from ..core.model.raster_items import FACTORS, MODEL, SOFTWARE, SOFTWARE_TAG

_SCORE = (
    "Relative risk score of each cell: a score of 10 means ten times the rate of events of the lowest-risk cell of "
    "this study area, which scores 1. A score is relative; read it beside the expected count. It describes places, "
    "shows association and not cause, and is no forecast of single events."
)
_EXPECTED = "Events that the model expects in each cell in a period as long as the one that it was fitted on."
_CHANGED = f"with the features of one risk factor changed: {NOT_CAUSE}."
_BOUND = "bound of the interval of the events in each cell in the coming period."

# kind of a raster → its title and what its values mean
ABOUT = {
    "grid": ("Study grid", "Cells of the study area: 1 where a cell belongs to it."),
    "counts": ("Event counts", "Events in each cell of the study area."),
    "candidates": (
        "Candidate variables",
        "One band for each candidate variable of a risk factor: 1 where a cell is exposed to it.",
    ),
    "terrain": ("Risk terrain: relative risk score", _SCORE),
    "expected": ("Expected events in a cell", _EXPECTED),
    "forecast": ("Forecast of events in a cell", "Events expected in each cell in the coming period."),
    "forecast-lower": ("Forecast: lower bound", f"Lower {_BOUND}"),
    "forecast-upper": ("Forecast: upper bound", f"Upper {_BOUND}"),
    "forecast-probability": (
        "Forecast: probability of the top share",
        "Probability of each cell to be among those with the most events in the coming period.",
    ),
    "forecast-parts": ("Forecast: what it is made of", "Share of each part of the forecast in each cell."),
    "doubt-probability": (
        "How sure is this: probability of the top share",
        "Share of the resamples of the study in which each cell is among those with the highest relative risk scores.",
    ),
    "whatif-terrain": (f"What if: risk terrain ({NOT_CAUSE})", f"Relative risk score of each cell {_CHANGED}"),
    "whatif-expected": (f"What if: expected events ({NOT_CAUSE})", f"Expected events in each cell {_CHANGED}"),
    "whatif-difference": (
        f"What if: change in expected events ({NOT_CAUSE})",
        f"Expected events in each cell, after minus before, {_CHANGED}",
    ),
    "residuals": (
        "Residuals of a model",
        "Pearson residual of each cell: events observed less events expected, over their standard deviation.",
    ),
    "jointrisk": ("Joint risk", "Vulnerability (risk terrain) and exposure (recent events) of each cell together."),
}
PLACES = (  # of a layer of them
    "Priority places",
    "Touching cells of high relative risk score, ranked by the events expected there. They describe places, not the "
    "people in them. The identifier, where there is one, is the hash of the model behind them.",
)


def kind_items(kind: str) -> dict[str, str]:
    """Title, meaning and software of a raster of that kind, under the names that TIFF has for them."""
    title, text = ABOUT[kind]
    return {
        "TIFFTAG_DOCUMENTNAME": title,
        "TIFFTAG_IMAGEDESCRIPTION": text,
        SOFTWARE_TAG: SOFTWARE,
    }


def model_items(model: RiskModel) -> dict[str, str]:
    """The model behind a raster: its hash, and its factors with their relative risk values.

    Three digits, so that another order of sums on another machine does not change the file.
    """
    factors = "; ".join(
        f"{term.name} ({'divides' if term.direction == 'protective' else 'multiplies'} by {model.rrv_of(term):.3g})"
        for term in sorted(model.selected, key=lambda term: (-term.rrv, term.name))
    )
    return {MODEL: model.fingerprint, FACTORS: factors or "none"}
