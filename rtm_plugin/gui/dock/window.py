"""The dock "Risk terrain": the project's models, their factors on the map, the classes in view, and answers."""

from qgis.core import QgsPointXY, QgsProject
from qgis.gui import QgisInterface, QgsDockWidget

from ...adapters.feedback import tr
from .answers import Answers
from .classes import ClassesInView
from .factors import FactorsOnMap
from .models import ChosenModel
from .settling import settling
from .widgets import DockWidgets


class RiskTerrainDock(QgsDockWidget):
    """Looks at the project when layers come and go, at the map when it moves; all counting happens in tasks."""

    def __init__(self, iface: QgisInterface) -> None:
        super().__init__(tr("Risk terrain"), iface.mainWindow())
        self.setObjectName("RiskTerrainDock")
        canvas, parts = iface.mapCanvas(), DockWidgets(self)
        self.parts = parts
        self.setWidget(parts)
        self.models = ChosenModel(parts, parts.say)
        self.factors = FactorsOnMap(parts, self.models, canvas, parts.say)
        self.classes = ClassesInView(parts, self.models, canvas)
        self.answers = Answers(parts, self.models, self.factors, canvas)
        self._settled = settling(self, self.refresh)
        project = QgsProject.instance()
        project.layersAdded.connect(self._project_changed)
        project.layersRemoved.connect(self._project_changed)
        project.aboutToBeCleared.connect(self._end_work)
        self.visibilityChanged.connect(self.classes.count_soon)
        self.refresh()

    def refresh(self) -> None:
        """Look at the project anew."""
        self.models.list_terrains()

    def ask(self, point: QgsPointXY) -> None:
        """Explain the cell at a point of the map, in front."""
        self.setUserVisible(True)
        self.answers.ask(point)

    def take_down(self) -> None:
        """Let go of project, map and tasks; called before the dock is deleted."""
        project = QgsProject.instance()
        project.layersAdded.disconnect(self._project_changed)
        project.layersRemoved.disconnect(self._project_changed)
        project.aboutToBeCleared.disconnect(self._end_work)
        self._settled.stop()
        self.classes.take_down()
        self.answers.end()
        self.factors.highlights.clear()

    def _project_changed(self, *_layers: object) -> None:
        self._settled.start()

    def _end_work(self) -> None:
        """Nothing reads a layer any more: the project's layers are about to go."""
        self.classes.end()
        self.answers.end()
