"""What the plugin adds to the desktop beside its dialogs, and takes away again: dock, map tool, page of settings."""

from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QAction, QIcon
from qgis.PyQt.QtWidgets import QDockWidget

from ..adapters.feedback import tr
from .dialogs import close_dialogs
from .dock.window import RiskTerrainDock
from .settings import SettingsFactory
from .why_here import WhyHereTool


class DesktopTools:
    """Added by the plugin's initGui, taken away by its unload."""

    def __init__(self, iface: QgisInterface, icon: str, menu: str) -> None:
        self._iface = iface
        self._menu = menu
        self.dock = RiskTerrainDock(iface)
        iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.dock.hide()
        self.tool = WhyHereTool(iface.mapCanvas())
        self.why = QAction(QIcon(icon), tr("Why here?"), iface.mainWindow())
        self.why.setCheckable(True)
        self.why.setToolTip(tr("Click on the risk terrain to learn why a cell has its score"))
        self.tool.setAction(self.why)
        iface.addPluginToMenu(menu, self.why)
        iface.addToolBarIcon(self.why)
        self.panel = self.dock.toggleViewAction()
        iface.addPluginToMenu(menu, self.panel)
        self.why.triggered.connect(self._ask)
        self.dock.parts.why.clicked.connect(self._ask)
        self.tool.activated.connect(self._activated)
        self.tool.deactivated.connect(self._deactivated)
        self.tool.asked.connect(self.dock.ask)
        self.settings = SettingsFactory(icon)
        iface.registerOptionsWidgetFactory(self.settings)

    def _ask(self, wanted: bool) -> None:
        """Take the tool in hand, or put it down again."""
        canvas = self._iface.mapCanvas()
        if not wanted:
            canvas.unsetMapTool(self.tool)
            return
        self._show_dock()
        canvas.setMapTool(self.tool)

    def _show_dock(self) -> None:
        """In front; as a tab of the toolbox where that is open, since a share of its column would be too little."""
        window = self._iface.mainWindow()
        toolbox = window.findChild(QDockWidget, "ProcessingToolbox")
        if not self.dock.isVisible() and toolbox is not None and toolbox.isVisible() and not toolbox.isFloating():
            window.tabifyDockWidget(toolbox, self.dock)
        self.dock.setUserVisible(True)

    def _activated(self) -> None:
        self.dock.parts.why.setChecked(True)

    def _deactivated(self) -> None:
        self.dock.parts.why.setChecked(False)

    def unload(self) -> None:
        """Leave nothing: no page, tool, action, dock or connection."""
        close_dialogs()
        self._iface.unregisterOptionsWidgetFactory(self.settings)
        self._iface.mapCanvas().unsetMapTool(self.tool)
        self._iface.removePluginMenu(self._menu, self.why)
        self._iface.removePluginMenu(self._menu, self.panel)
        self._iface.removeToolBarIcon(self.why)
        self.dock.take_down()
        self._iface.removeDockWidget(self.dock)
        self.tool.deleteLater()
        self.why.deleteLater()
        self.dock.deleteLater()
