"""The provider: the list of algorithms, in pipeline order."""

from pathlib import Path

from qgis.core import Qgis, QgsMessageLog, QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

RESOURCES = Path(__file__).resolve().parents[1] / "resources"
ICON = str(RESOURCES / "icons" / "risk_terrain.svg")

ALGORITHMS = (
    ("blocklength", "BlockLength"),
    ("suggest", "Suggest"),
    ("studygrid", "StudyGrid"),
    ("countevents", "CountEvents"),
    ("operationalise", "Operationalise"),
    ("selectmodel", "SelectModel"),
    ("terrain", "Terrain"),
    ("priorityplaces", "PriorityPlaces"),
    ("validate", "Validate"),
    ("forecast", "Forecast"),
    ("patrolplaces", "PatrolPlaces"),
    ("diagnose", "Diagnose"),
    ("crossvalidate", "CrossValidate"),
    ("backtest", "BackTest"),
    ("sensitivity", "SensitivityOfChoices"),
    ("doubt", "HowSureIsThis"),
    ("jointrisk", "JointRisk"),
    ("briefing", "Briefing"),
    ("report", "Report"),
    ("exportplaces", "ExportPlaces"),
    ("explain", "Explain"),
    ("whatif", "WhatIfFeaturesChange"),
    ("run", "Run"),
    ("checkstudy", "CheckStudy"),
    ("runstudy", "RunStudy"),
    ("studymodel", "StudyModel"),
    ("teststudy", "TestStudy"),
)
_PACKAGE = __name__.rsplit(".", 2)[0] + ".algorithms"


class RiskTerrainProvider(QgsProcessingProvider):
    """Provider `rtm`."""

    def id(self) -> str:
        return "rtm"

    def name(self) -> str:
        return "Risk Terrain"

    def longName(self) -> str:
        return "Risk Terrain Modelling"

    def icon(self) -> QIcon:
        return QIcon(ICON)

    def svgIconPath(self) -> str:
        return ICON

    def supportedOutputRasterLayerExtensions(self) -> list[str]:
        return ["tif"]

    def supportedOutputVectorLayerExtensions(self) -> list[str]:
        return ["gpkg", "geojson", "csv", "shp", "fgb"]

    def supportsNonFileBasedOutput(self) -> bool:
        return False

    def loadAlgorithms(self) -> None:
        """Load every algorithm; one that is broken is logged and the others still load."""
        for module, name in ALGORITHMS:
            try:
                # __import__ is what QGIS watches to unload a plugin's modules; those of importlib would stay, outdated
                self.addAlgorithm(getattr(__import__(f"{_PACKAGE}.{module}", fromlist=[name]), name)())
            except Exception as error:
                QgsMessageLog.logMessage(
                    f"rtm:{module} could not be loaded: {error}", "Risk Terrain", Qgis.MessageLevel.Critical
                )
