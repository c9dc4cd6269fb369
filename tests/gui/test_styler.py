"""Results are styled after loading: QGIS deletes every post-processor once, so each result needs its own."""

import gc
from pathlib import Path

import pytest
from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsProject, QgsRasterLayer
from qgis.PyQt import sip
from risk_terrain.algorithms.shared.base import RtmAlgorithm
from risk_terrain.algorithms.shared.request import Request
from risk_terrain.rtm_plugin.core.terrain.scores import ScoreSummary

PATHS = {"/places.gpkg": 40, "/terrain.tif": 30, "/expected.tif": 20}


@pytest.fixture
def context(qgis_app) -> QgsProcessingContext:
    """A run's context that will load three results, each presented by the request."""
    context = QgsProcessingContext()
    for path, order in PATHS.items():
        details = QgsProcessingContext.LayerDetails(path, QgsProject.instance(), path)
        context.addLayerToLoadOnCompletion(path, details)
        Request(RtmAlgorithm(), {}, context).present(path, f"name of {path}", "Risk terrain: a study", order)
    return context


def stylers(context: QgsProcessingContext) -> list:
    """The post-processor of each result."""
    return [details.postProcessor() for details in context.layersToLoadOnCompletion().values()]


def test_each_result_has_its_own_and_qgis_deletes_them_with_the_run(context):
    """One for all would be deleted three times, which ends QGIS."""
    gc.collect()
    held = stylers(context)
    assert len({sip.unwrapinstance(styler) for styler in held}) == len(PATHS)
    assert {type(styler).__name__ for styler in held} == {"SidecarStyler"}, "the Python half was lost"
    owner = QgsProcessingContext()
    owner.takeResultsFrom(context)  # as QGIS does after the task
    sip.delete(context)
    assert not any(sip.isdeleted(styler) for styler in held)
    sip.delete(owner)
    assert all(sip.isdeleted(styler) for styler in held)


def test_name_group_and_order(context):
    found = context.layersToLoadOnCompletion()
    for path, order in PATHS.items():
        details = found[path]
        assert (details.name, details.forceName, details.layerSortKey) == (f"name of {path}", True, order)
        assert details.groupName == "Risk terrain: a study"


def test_a_result_that_is_not_loaded_is_left_alone(qgis_app):
    context = QgsProcessingContext()
    Request(RtmAlgorithm(), {}, context).present("/terrain.tif", "name", "group", 1)
    assert not context.layersToLoadOnCompletion()


def test_it_gives_a_loaded_layer_the_style_of_its_sidecar(context, tmp_path):
    """Even when QGIS has put the analyst's own default style on it before; the legend's heading is the band's name."""
    from osgeo import gdal
    from risk_terrain.rtm_plugin.cartography.sidecars import sidecar_path, style_text
    from risk_terrain.rtm_plugin.cartography.styles import terrain_painter

    path = str(tmp_path / "terrain.tif")
    raster = gdal.GetDriverByName("GTiff").Create(path, 3, 3, 1, gdal.GDT_Float32)
    raster.SetGeoTransform((400000, 100, 0, 500000, 0, -100))
    raster.GetRasterBand(1).SetDescription("relative risk score")
    del raster
    Path(sidecar_path(path)).write_text(
        style_text(path, terrain_painter(ScoreSummary(1, 2.0, 1.0, 9))), encoding="utf-8"
    )
    layer = QgsRasterLayer(path, "terrain", "gdal", QgsRasterLayer.LayerOptions(loadDefaultStyle=False))
    assert layer.renderer().type() == "singlebandgray"
    project = QgsProject()
    node = project.layerTreeRoot().addLayer(project.addMapLayer(layer, False))
    context.setProject(project)
    stylers(context)[1].postProcessLayer(layer, context, QgsProcessingFeedback())
    assert layer.renderer().type() == "singlebandpseudocolor"
    assert node.customProperty("legend/label-0") == "relative risk score"
    context.setProject(None)
