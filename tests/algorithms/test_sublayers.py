"""Sources that hold several layers: the first is never taken silently."""

import zipfile

import pytest
from osgeo import ogr
from qgis.core import QgsProcessingContext, QgsProject, QgsVectorLayer
from risk_terrain.rtm_plugin.adapters.sublayers import sublayers
from running import files, process, refusal
from small_city import point_wkt, write_layer

MONTHS = ("2018-01", "2018-02", "2018-03")


def csv_of(points) -> str:
    return "\n".join(["easting,northing", *(f"{x},{y}" for x, y in points.tolist())]) + "\n"


@pytest.fixture
def folder(city, tmp_path):
    """Three months of events, as a police force publishes them."""
    target = tmp_path / "months"
    target.mkdir()
    for month in MONTHS:
        (target / f"{month}.csv").write_text(csv_of(city.events), "utf-8")
    return target


@pytest.fixture
def archive(folder, tmp_path):
    path = tmp_path / "months.zip"
    with zipfile.ZipFile(path, "w") as file:
        for month in MONTHS:
            file.write(folder / f"{month}.csv", f"{month}.csv")
    return path


@pytest.fixture
def workbook(tmp_path):
    path = tmp_path / "book.xlsx"
    data = ogr.GetDriverByName("XLSX").CreateDataSource(str(path))
    for name in MONTHS:
        layer = data.CreateLayer(name, None, ogr.wkbNone)
        layer.CreateField(ogr.FieldDefn("easting", ogr.OFTReal))
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetField(0, 400_500.0)
        layer.CreateFeature(feature)
    del feature, layer, data
    return path


@pytest.fixture
def kml(tmp_path):
    point = "<Placemark><Point><coordinates>-2,52.6</coordinates></Point></Placemark>"
    folders = "".join(f"<Folder><name>{month}</name>{point}</Folder>" for month in MONTHS)
    path = tmp_path / "k.kml"
    path.write_text(f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{folders}</Document></kml>', "utf-8")
    return path


@pytest.mark.parametrize("kind", ["folder", "archive", "workbook", "kml"])
def test_sources_of_several_layers(kind, request):
    source = str(request.getfixturevalue(kind))
    found = sublayers(QgsVectorLayer(source, "x", "ogr").source())
    assert [layer.name.removesuffix(".csv") for layer in found] == list(MONTHS)
    for layer in found:
        assert sublayers(layer.source) == ()
        assert QgsVectorLayer(layer.source, layer.name, "ogr").isValid()


def test_one_layer_is_no_choice(city, folder, tmp_path):
    """Files of one layer, a layer that is named, and the tables in which QGIS keeps styles and projects."""
    one = write_layer(tmp_path / "one.gpkg", "bars", point_wkt(city.bars))
    path = one.split("|")[0]
    assert not QgsVectorLayer(path, "bars").saveStyleToDatabase("plain", "", True, "")
    assert QgsProject().write(f"geopackage:{path}?projectName=p")
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as file:
        file.write(folder / "2018-01.csv", "2018-01.csv")
    sources = [path, one, city.layer("bars"), str(folder / "2018-01.csv"), str(tmp_path / "one.zip"), ""]
    assert [sublayers(source) for source in sources] == [()] * len(sources)


def test_folder_as_events(refused, folder):
    sentence = refused("countevents", EVENTS=str(folder))
    assert sentence == (
        "The source 'months' holds 3 layers ('2018-01', '2018-02', '2018-03'), and none is chosen; name the one that "
        f"is meant, such as '{folder}|layername=2018-01', or merge them first (native:mergevectorlayers)."
    )


def test_layer_that_is_named(city, chain, folder, out):
    wanted = {"GRID": chain["grid"], "EVENTS": f"{folder}|layername=2018-02", "OUTPUT": str(out / "c.tif")}
    assert process("countevents", wanted)["EVENTS_INSIDE"] == 178


def test_every_input_of_every_tool(provider, city):
    """The GeoPackage of the whole city, given without a layer, is refused wherever features are taken."""
    whole = str(city.path)
    seen = set()
    for tool in provider.algorithms():
        for definition in tool.parameterDefinitions():
            vector = definition.type() in ("source", "vector") or (
                definition.type() == "multilayer" and "Raster" not in str(definition.layerType())
            )
            if vector and not definition.isDestination():
                value = [whole] if definition.type() == "multilayer" else whole
                fine, sentence = tool.create().checkParameterValues({definition.name(): value}, QgsProcessingContext())
                assert not fine
                assert sentence.startswith("The source 'city' holds 6 layers ('area', 'bars', 'events',"), (
                    f"{tool.name()} {definition.name()}: {sentence}"
                )
                seen.add(definition.name())
    assert {"STUDY_AREA", "EXCLUDE", "EVENTS", "TEST_EVENTS", "FACTORS", "STREETS", "PLACES", "BEFORE"} <= seen


def test_layer_of_the_project(city, chain, out):
    """A layer that was loaded without a choice is only the first of its file too."""
    layer = QgsVectorLayer(str(city.path), "mine", "ogr")
    QgsProject.instance().addMapLayer(layer)
    try:
        sentence = refusal("countevents", {"GRID": chain["grid"], "EVENTS": layer, "OUTPUT": str(out / "c.tif")})
    finally:
        QgsProject.instance().removeAllMapLayers()
    assert sentence.startswith("The source 'mine' holds 6 layers")
    assert files(out) == []


def test_study_file(city):
    """On the route of the wizard."""
    import json

    layer = {"name": "area", "provider": "ogr", "source": str(city.path)}
    study = {"format": "risk-terrain-study", "version": 1, "study_area": layer, "grid": {"block_length": 200}}
    facts = process("checkstudy", {"STUDY": json.dumps(study), "PART": "area"})["FACTS"]
    assert facts["area"]["refused"].startswith("The source 'area' holds 6 layers")


@pytest.mark.parametrize("name", ["bars", "footpaths"])
def test_no_polygons_as_a_boundary(refused, city, name):
    kind = {"bars": "point", "footpaths": "line"}[name]
    assert refused("studygrid", STUDY_AREA=city.layer(name)) == (
        f"The layer '{name}' holds {kind} features, where polygons are needed; choose another layer."
    )


@pytest.mark.parametrize(("algorithm", "name"), [("countevents", "EVENTS"), ("run", "EVENTS"), ("run", "TEST_EVENTS")])
def test_polygons_as_events_are_refused_before_the_run(refused, provider, city, algorithm, name):
    said = "The layer 'parks' holds polygon features, where points are needed; choose another layer."
    assert refused(algorithm, **{name: city.layer("parks")}) == said
    tool = provider.algorithm(algorithm).create()
    assert tool.checkParameterValues({name: city.layer("parks")}, QgsProcessingContext()) == (False, said)
