"""A study of the small city, as the wizard takes it over, and its run to the result page."""

import sys
from pathlib import Path

from risk_terrain.rtm_plugin.core.documents.factor_settings import FactorSettings
from risk_terrain.rtm_plugin.core.documents.settings import GridSettings, SelectionSettings
from risk_terrain.rtm_plugin.core.documents.study_document import Factor, LayerRef, StudyDocument

sys.path.insert(0, str(Path(__file__).parents[1] / "algorithms"))
from small_city import FACTORS, City
from wizard_hands import Hands, wait


def small_study(city: City, title: str = "Thefts", factors: tuple[str, ...] = FACTORS) -> StudyDocument:
    """All layers of the city, quick to run."""
    return StudyDocument(
        title=title,
        study_area=LayerRef(city.layer("area"), "area"),
        events=LayerRef(city.layer("events"), "events"),
        factors=tuple(Factor(LayerRef(city.layer(name), name), FactorSettings(name)) for name in factors),
        grid=GridSettings(200.0),
        selection=SelectionSettings("poisson", cull=False),
    )


def run_in_wizard(hands: Hands, study: StudyDocument, folder: Path) -> None:
    """From the start page over review and run to the result."""
    hands.wizard.start._take(study)
    hands.until("review")
    hands.wizard.draft.folder = str(folder)
    hands.wizard.page.show_draft()
    hands.next()
    wait(lambda: hands.page == "result" or not hands.wizard.run.running, "the study")
    assert hands.page == "result", hands.reason
