"""By which operation coordinates are reprojected: told with its accuracy, warned of where a better one is lacking."""

from types import SimpleNamespace

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsCoordinateTransformContext
from risk_terrain.rtm_plugin.adapters import reprojection
from risk_terrain.rtm_plugin.adapters.reprojection import Operation, operation_of


def transform(source: str, target: str) -> QgsCoordinateTransform:
    known = (QgsCoordinateReferenceSystem(crs) for crs in (source, target))
    return QgsCoordinateTransform(*known, QgsCoordinateTransformContext())


def test_without_another_datum_nothing_is_lost(qgis_app):
    operation = operation_of(transform("EPSG:4326", "EPSG:32616"))
    assert (operation.name, operation.accuracy) == ("UTM zone 16N", 0.0)
    assert operation.warning("crimes") == ""
    assert operation.item()["proj"] == reprojection.proj_version()


def test_great_britain(qgis_app):
    """With the Ordnance Survey's grid on this computer 1 metre and no word; without it 2 metres, and which file."""
    operation = operation_of(transform("EPSG:4326", "EPSG:27700"))
    assert "OSGB36 to WGS 84" in operation.name
    if operation.accuracy == 1.0:
        assert operation.warning("crimes") == ""
    else:
        assert (operation.accuracy, operation.better) == (2.0, 1.0)
        assert operation.warning("crimes") == (
            "Reprojection moves 'crimes' by up to 2 m, so that another computer may put some points into other cells: "
            "this one lacks the file uk_os_OSTN15_NTv2_OSGBtoETRS.tif, which would do it to 1 m. Add it to QGIS's "
            "folder of PROJ, or reproject the layer once and keep it."
        )


@pytest.mark.parametrize(
    ("accuracy", "warned"), [(None, "by an amount that is not known"), (30.0, "by up to 30 m"), (4.0, "")]
)
def test_a_coarse_operation_is_warned_of_though_nothing_better_is_known(accuracy, warned):
    warning = Operation("x", accuracy).warning("crimes")
    assert warned in warning
    assert bool(warning) == bool(warned)


def test_the_most_exact_of_the_lacking_ones(monkeypatch):
    def operation(name, accuracy, available, grids=()):
        files = [SimpleNamespace(shortName=file, isAvailable=False) for file in grids]
        return SimpleNamespace(name=name, accuracy=accuracy, isAvailable=available, grids=files)

    used = operation("helmert", 2.0, True)
    known = [
        operation("a", 0.5, False, ["a.tif"]),
        operation("b", 0.1, False, ["b.tif"]),
        used,
        operation("c", -1, True),
    ]
    monkeypatch.setattr(reprojection, "QgsDatumTransform", SimpleNamespace(operations=lambda source, target: known))
    fake = SimpleNamespace(
        instantiatedCoordinateOperationDetails=lambda: used, sourceCrs=lambda: None, destinationCrs=lambda: None
    )
    assert operation_of(fake) == Operation("helmert", 2.0, 0.1, ("b.tif",))
