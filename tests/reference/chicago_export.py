"""Export of Chicago for chicago.R: `python chicago_export.py DATA WORK BLOCK`, where WORK lies outside the repository.

Only what R cannot make itself goes out: the cells that the plugin's grid keeps (with our fold labels, because R cannot
repeat numpy's random generator), the events that count, and the points of the six factors.
"""

import sys
from pathlib import Path

import numpy as np
from osgeo import ogr

if __name__ == "__main__":  # under pytest, conftest.py has made the alias `risk_terrain` already
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import conftest  # noqa: F401

from risk_terrain.rtm_plugin.core.documents.settings import GridSettings, SelectionSettings
from risk_terrain.rtm_plugin.core.ground.features import Features, ring_segments
from risk_terrain.rtm_plugin.core.ground.grid import count_events, study_grid
from risk_terrain.rtm_plugin.core.selection.culling import stratified_folds

ogr.UseExceptions()
FACTORS = (
    "abandoned_cars",
    "abandoned_buildings",
    "graffiti",
    "liquor_retail",
    "sanitation",
    "street_light_outages",
)


def points(source, layer):
    """(m, 2): the points of a layer."""
    return np.array([feature.GetGeometryRef().GetPoint_2D() for feature in source.GetLayer(layer)])


def boundary(source):
    """The study area."""
    segments = []
    for feature in source.GetLayer("boundary"):
        for polygon in feature.GetGeometryRef():
            for i in range(polygon.GetGeometryCount()):
                ring = np.array(polygon.GetGeometryRef(i).GetPoints())[:, :2]
                segments.append(ring_segments(ring, anticlockwise=i == 0))
    return Features("polygon", np.vstack(segments), source.GetLayer("boundary").GetFeatureCount())


def read_study(data, block):
    """The grid, the counts, the events that count, and the points of each factor."""
    source = ogr.Open(str(Path(data) / "chicago" / "chicago.gpkg"))
    grid = study_grid(boundary(source), GridSettings(block))
    events = points(source, "burglaries_2017")
    counts, counted = count_events(grid, events)
    return grid, counts, events[counted], {name: points(source, name) for name in FACTORS}


def _write(path, header, columns):
    np.savetxt(path, columns, fmt="%.17g", delimiter=",", header=header, comments="")


def export(data, work, block):
    """Write cells.csv, events.csv and one CSV a factor into the folder `work`."""
    grid, counts, events, factors = read_study(data, block)
    settings = SelectionSettings()
    labels = stratified_folds(counts, settings.folds, settings.seed)
    work = Path(work)
    work.mkdir(parents=True, exist_ok=True)
    _write(work / "cells.csv", "x,y,fold", np.column_stack([grid.centres, labels]))
    _write(work / "events.csv", "x,y", events)
    for name, xy in factors.items():
        _write(work / f"factor_{name}.csv", "x,y", xy)


if __name__ == "__main__":
    export(sys.argv[1], sys.argv[2], float(sys.argv[3]))
