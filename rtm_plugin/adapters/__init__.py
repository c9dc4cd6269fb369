"""QGIS and GDAL on one side, the arrays of core on the other."""
