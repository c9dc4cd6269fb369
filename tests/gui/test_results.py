"""Maps of an earlier run leave the project before a new one, however the project spells their paths."""

import os

import pytest
from osgeo import gdal
from qgis.core import QgsProject, QgsRasterLayer
from risk_terrain.rtm_plugin.gui.results import leave_results


@pytest.fixture
def project(qgis_app):
    yield QgsProject.instance()
    QgsProject.instance().clear()


@pytest.mark.parametrize("spelling", ["as it is", "with dots", "by a link", "another folder"])
def test_maps_of_the_folder_leave(project, tmp_path, spelling):
    folder, other = tmp_path / "study", tmp_path / "other"
    for path in (folder, other):
        path.mkdir()
        gdal.GetDriverByName("GTiff").Create(str(path / "terrain.tif"), 2, 2)
    os.symlink(folder, tmp_path / "link")
    source = {
        "as it is": folder / "terrain.tif",
        "with dots": f"{other}/../study/./terrain.tif",
        "by a link": tmp_path / "link" / "terrain.tif",
        "another folder": other / "terrain.tif",
    }[spelling]
    assert project.addMapLayer(QgsRasterLayer(str(source), "terrain")) is not None
    leave_results(folder)
    assert len(project.mapLayers()) == (spelling == "another folder")
