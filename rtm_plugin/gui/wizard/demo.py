"""The demonstration: robbery in the invented city of Northbridge, fitted on one year and tested on the next."""

from pathlib import Path

from ...adapters.feedback import tr
from ...core.documents.factor_settings import FactorSettings
from ...core.documents.settings import GridSettings, PlaceSettings
from ...core.documents.study_document import Factor, LayerRef, StudyDocument, Window

DATA = Path(__file__).resolve().parents[3] / "resources" / "demo" / "northbridge.gpkg"
_FACTORS = {
    "bars": ("Bars", "licensing"),
    "betting_shops": ("Betting shops", "licensing"),
    "off_licences": ("Off-licences", "licensing"),
    "fast_food": ("Fast food", "licensing"),
    "atms": ("Cash machines", "physical"),
    "bus_stops": ("Bus stops", "physical"),
    "schools": ("Schools", "land use"),
    "staffed_public_buildings": ("Staffed public buildings", "physical"),
    "vacant_buildings": ("Vacant buildings", "physical"),
    "rail_stations": ("Rail stations", "physical"),
    "footpaths": ("Footpaths", "physical"),
    "railway": ("Railway", "physical"),
    "parks": ("Parks", "land use"),
    "car_parks": ("Car parks", "land use"),
}
_PROTECTIVE = ("staffed_public_buildings",)


def demo_study() -> StudyDocument:
    """The study of the demonstration."""

    def layer(table: str, name: str) -> LayerRef:
        return LayerRef(f"{DATA}|layername={table}", name)

    factors = tuple(
        Factor(
            layer(table, name),
            FactorSettings(name, direction="protective" if table in _PROTECTIVE else "aggravating"),
            origin,
        )
        for table, (name, origin) in _FACTORS.items()
    )
    return StudyDocument(
        title=tr("Robbery in Northbridge BCU, 2024"),
        study_area=layer("boundary", tr("Northbridge BCU")),
        events=LayerRef(f"{DATA}|layername=events|subset=\"crime_type\" = 'robbery'", tr("Robberies")),
        date_field="date",
        fit=Window("2024-01-01", "2024-12-31"),
        test=Window("2025-01-01", "2025-12-31"),
        factors=factors,
        streets=layer("streets", tr("Streets")),
        areas=layer("wards", tr("Wards")),
        grid=GridSettings(200.0),
        places=PlaceSettings(max_area=250_000.0),
    )
