"""Why here? The question about a place of the map, and its answer."""

from typing import Any

from qgis.core import QgsCsException, QgsGeometry, QgsPointXY, QgsRectangle
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtGui import QGuiApplication

from ...adapters.crs import known_crs
from ...adapters.feedback import tr
from ...adapters.project import ProjectModel
from ..tasks import LatestJob
from .answer import answer_html
from .factors import FactorsOnMap
from .highlight import geometry_of
from .map_place import from_map
from .models import ChosenModel
from .widgets import DockWidgets


class Answers(QObject):
    """Asks rtm:explain in a task and shows what it says; the cell and the nearest features flash on the map."""

    def __init__(self, parts: DockWidgets, models: ChosenModel, factors: FactorsOnMap, canvas: QgsMapCanvas) -> None:
        super().__init__(parts)
        self._parts = parts
        self._models = models
        self._factors = factors
        self._canvas = canvas
        self._text = ""
        self.question = LatestJob(self)
        parts.copy.clicked.connect(self.copy)

    def ask(self, point: QgsPointXY) -> None:
        """Explain the cell at a point of the map."""
        self._models.look()  # files may have been moved or replaced since
        terrain, model = self._models.terrain, self._models.usable
        if terrain is None or model is None:
            self._tell(self._models.lacking())
            return
        try:
            place = from_map(self._canvas, terrain.crs()).transform(point)
        except QgsCsException:
            self._tell(tr("This place lies outside what the map's projection can say; click on the terrain."))
            return
        self._tell(tr("Looking…"))
        self.question.run("rtm:explain", explain_parameters(model, terrain.id(), place), self._show, self._tell)

    def copy(self) -> None:
        """The answer as text on the clipboard."""
        QGuiApplication.clipboard().setText(self._text)

    def end(self) -> None:
        """Nobody waits for the answer any more."""
        self.question.stop()

    def _show(self, results: dict[str, Any]) -> None:
        answer, self._text = results["ANSWER"], results["TEXT"]
        self._parts.answer.setHtml(answer_html(answer))
        self._parts.copy.setEnabled(True)
        half, x, y = answer["cell_size"] / 2, answer["x"], answer["y"]
        crs = known_crs(answer["crs"])
        cell = QgsGeometry.fromRect(QgsRectangle(x - half, y - half, x + half, y + half))
        nearest = [
            geometry_of(factor["nearest_feature"], crs, self._factors.layer_of(factor["factor"]))
            for factor in answer["factors"]
            if factor["nearest_feature"]
        ]
        self._factors.highlights.flash([cell, *nearest], crs)

    def _tell(self, sentence: str) -> None:
        self._text = ""
        self._parts.answer.setPlainText(sentence)
        self._parts.copy.setEnabled(False)


def explain_parameters(model: ProjectModel, terrain: str, place: QgsPointXY) -> dict[str, Any]:
    """Inputs of rtm:explain for a place in the CRS of the terrain, whose layer has that id."""
    optional = {"EXPECTED": model.expected, "EVENTS": model.events, "PLACES": model.places}
    return {
        "MODEL": model.path,
        "TERRAIN": terrain,
        "POINT": f"{place.x()!r},{place.y()!r}",
        "FACTORS": sorted(set(model.factors.values())),
        "FACTOR_SETTINGS": model.settings,
        **{name: source for name, source in optional.items() if source},
    }
