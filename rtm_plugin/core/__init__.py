"""The method of Risk Terrain Modelling in numpy and scipy: no QGIS, no Qt, usable from a notebook."""
