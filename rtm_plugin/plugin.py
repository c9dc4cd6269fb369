"""The plugin object: provider for Processing everywhere, a menu in the desktop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsApplication
from qgis.PyQt.QtGui import QAction, QIcon

from .adapters.feedback import tr
from .adapters.libraries import load_libraries
from .provider import ICON, RESOURCES, RiskTerrainProvider

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from .gui.desktop import DesktopTools
    from .gui.wizard.window import Wizard


class RiskTerrainPlugin:
    """Loaded by QGIS desktop with an interface, by qgis_process with None."""

    def __init__(self, iface: QgisInterface | None) -> None:
        self.iface = iface
        self.provider: RiskTerrainProvider | None = None
        self.action: QAction | None = None
        self.wizard: Wizard | None = None
        self.tools: DesktopTools | None = None

    def initProcessing(self) -> None:
        """Load the libraries and add the provider; all that qgis_process calls."""
        load_libraries()
        self.provider = RiskTerrainProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self) -> None:
        """Add the provider, and a menu entry and toolbar button that open the whole analysis."""
        self.initProcessing()
        self.action = QAction(QIcon(ICON), tr("Risk Terrain Modelling…"), self.iface.mainWindow())
        self.action.setToolTip(tr("From a boundary, events and risk factors to a risk terrain and its report"))
        self.action.triggered.connect(self.open_wizard)
        self.iface.addPluginToMenu(tr("Risk Terrain"), self.action)
        self.iface.addToolBarIcon(self.action)
        self._add_tools()

    def _add_tools(self) -> None:
        """The dock and the map tool; windows are imported here only, as qgis_process has none."""
        from .gui.desktop import DesktopTools

        self.tools = DesktopTools(self.iface, str(RESOURCES / "icons" / "explain.svg"), tr("Risk Terrain"))

    def open_wizard(self) -> None:
        """Open the wizard, or bring the open one to the front."""
        from .gui.wizard.window import Wizard

        if self.wizard is None or not self.wizard.isVisible():
            self._drop_wizard()
            self.wizard = Wizard(self.iface, self.iface.mainWindow())
        self.wizard.show()
        self.wizard.raise_()
        self.wizard.activateWindow()

    def _drop_wizard(self) -> None:
        if self.wizard is not None:
            self.wizard.abandon()
            self.wizard = None

    def unload(self) -> None:
        """Take everything away again."""
        self._drop_wizard()
        if self.tools is not None:
            self.tools.unload()
            self.tools = None
        if self.action is not None:
            self.iface.removePluginMenu(tr("Risk Terrain"), self.action)
            self.iface.removeToolBarIcon(self.action)
            self.action.deleteLater()
            self.action = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
