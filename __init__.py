"""Risk Terrain, a QGIS plugin. QGIS imports this module for every installed plugin, so it loads nothing by itself."""


def classFactory(iface):
    """Return the plugin; iface is None in qgis_process, which has no windows."""
    from .rtm_plugin.plugin import RiskTerrainPlugin

    return RiskTerrainPlugin(iface)
