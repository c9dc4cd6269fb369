"""Each refusal of an input in its exact words, with nothing left on disk and no word of Python."""

import pytest
from qgis.core import QgsProcessingContext, QgsProcessingException
from running import Log
from small_city import write_layer

SQUARE = "POLYGON (({0} {1}, {2} {1}, {2} {3}, {0} {3}, {0} {1}))"
DEGREES = (
    "The layer 'town' is in EPSG:4326, whose coordinates are degrees, and risk terrain needs distances in metres; run "
    "'Reproject layer' (native:reprojectlayer) to a projected CRS first, for Great Britain EPSG:27700."
)


def square(x: float, y: float, side: float) -> str:
    return SQUARE.format(400_000 + x, 300_000 + y, 400_000 + x + side, 300_000 + y + side)


@pytest.mark.parametrize("algorithm", ["studygrid", "run"])
def test_study_area_in_degrees(refused, provider, tmp_path, algorithm):
    """Refused while people fill in the dialog, and by a run that skips that check."""
    source = write_layer(tmp_path / "t.gpkg", "town", [SQUARE.format(-1.5, 52.5, -1.4, 52.6)], crs="EPSG:4326")
    assert refused(algorithm, STUDY_AREA=source) == DEGREES
    tool, context = provider.algorithm(algorithm).create(), QgsProcessingContext()
    assert tool.checkParameterValues({"STUDY_AREA": source}, context) == (False, DEGREES)
    with pytest.raises(QgsProcessingException, match="coordinates are degrees"):
        tool.run({"STUDY_AREA": source, "BLOCK_LENGTH": 200}, context, Log(), {}, False)


@pytest.mark.parametrize("algorithm", ["studygrid", "run"])
def test_checking_while_people_type(provider, algorithm):
    """Nothing filled in yet: a plain answer, not an error."""
    tool = provider.algorithm(algorithm).create()
    for parameters in ({}, {"STUDY_AREA": None}, {"STUDY_AREA": ""}, {"STUDY_AREA": "nowhere"}):
        fine, sentence = tool.checkParameterValues(parameters, QgsProcessingContext())
        assert not fine
        assert "Error" not in sentence


@pytest.mark.parametrize("algorithm", ["studygrid", "run"])
def test_study_area_without_features(refused, city, algorithm):
    sentence = refused(algorithm, STUDY_AREA=city.layer("area") + "|subset=fid < 0")
    assert sentence == "The study area has no polygon; choose a polygon layer with at least one feature."


def test_no_event_inside(refused, tmp_path):
    source = write_layer(tmp_path / "e.gpkg", "thefts", ["POINT (1000 1000)", "POINT (2000 1000)"])
    assert refused("countevents", EVENTS=source) == (
        "None of the 2 events of 'thefts' lies inside the study area; check the layer, its filter and its CRS."
    )
    assert refused("run", EVENTS=source) == (
        "None of the 2 events of 'thefts' lies inside the study area; check the layer, its filter and its CRS."
    )


@pytest.mark.parametrize("algorithm", ["operationalise", "run"])
def test_factor_without_features(refused, city, algorithm):
    empty = city.layer("bars") + "|subset=fid < 0"
    changes = {"FACTOR": empty} if algorithm == "operationalise" else {"FACTORS": [empty]}
    assert refused(algorithm, **changes) == (
        "The risk factor 'bars' has no feature with a geometry; remove the layer or its filter."
    )


def test_one_factor_twice(refused, city, chain):
    twice = "The risk factor 'bars' is given twice; remove one, or give each its own name."
    assert refused("run", FACTORS=[city.layer("bars"), city.layer("parks"), city.layer("bars")]) == twice
    assert refused("selectmodel", CANDIDATES=[chain["bars"], chain["bars"]]) == twice


def test_all_candidates_constant(refused, tmp_path):
    """A factor everywhere, or nowhere near, explains nothing."""
    everywhere = write_layer(tmp_path / "p.gpkg", "plain", [square(-5000, -5000, 12_000)])
    nowhere = write_layer(tmp_path / "p.gpkg", "moon", ["POINT (1 1)"])
    assert refused("run", FACTORS=[everywhere, nowhere], OPERATIONALISATION="proximity") == (
        "No candidate variable varies over the study area: every cell, or none, is within the spatial influence of "
        "each factor. Use other factors or influences."
    )


def test_too_few_cells_with_events(refused, city):
    few = {"EVENTS": city.layer("events") + "|subset=fid < 4", "CULL": "yes", "FOLDS": 20}
    assert refused("run", **few) == (
        "Only 2 cells have events, fewer than the 20 folds of the cross-validation; use more events, larger cells or "
        "fewer folds."
    )


def test_grid_too_large(refused):
    assert refused("studygrid", BLOCK_LENGTH=0.2) == (
        "Cells of 0.1 map units would make a grid of 20,000 × 20,000 cells, more than can be handled; choose a cell "
        "size of at least 1."
    )


def test_cell_larger_than_block(refused):
    assert refused("run", CELL_SIZE=300) == (
        "The cell size 300 is larger than the block length 200; choose cells of half a block or smaller."
    )


def test_study_area_of_few_cells(refused, tmp_path):
    source = write_layer(tmp_path / "a.gpkg", "yard", [square(600, 600, 200)])
    assert refused("run", STUDY_AREA=source) == "The study area has only 4 cells; choose a smaller cell size."


def test_everything_excluded(refused, tmp_path):
    lake = write_layer(tmp_path / "l.gpkg", "lake", [square(-500, -500, 3000)])
    assert refused("studygrid", EXCLUDE=lake) == (
        "No cell of 100 map units is left in the study area; choose a smaller cell size, the rule 'intersects', or a "
        "smaller exclusion."
    )


CLASS_5 = "The class value is 5; it must be 0 (above mean), 1 (above mean + 1 SD) or 2 (above mean + 2 SD)."
SHARE_150 = "The share is 150 percent; it must be 100 or less."
COUNT_0 = "The value of the rule for priority places is 0.0; it must be a number above 0."


@pytest.mark.parametrize("algorithm", ["priorityplaces", "run"])
@pytest.mark.parametrize(
    ("rule", "value", "sentence"), [("class", 5, CLASS_5), ("share", 150, SHARE_150), ("count", 0, COUNT_0)]
)
def test_rule_of_places(refused, algorithm, rule, value, sentence):
    assert refused(algorithm, RULE=rule, VALUE=value) == sentence


@pytest.mark.parametrize(("field", "shown"), [("minus", "-1"), ("text", "a")])
def test_weight_field(refused, field, shown):
    assert refused("countevents", WEIGHT_FIELD=field) == (
        f"The field '{field}' of 'events' holds '{shown}'; weights must be numbers of 0 or more."
    )


def test_weight_field_that_is_not_there(refused):
    assert refused("countevents", WEIGHT_FIELD="harm") == (
        "The layer 'events' has no field 'harm'; choose one of its fields."
    )


@pytest.mark.parametrize(
    ("parameter", "algorithm", "layer", "sentence"),
    [
        ("EVENTS", "countevents", "footpaths", "The layer 'footpaths' holds line features, where points are needed"),
        ("EVENTS", "run", "parks", "The layer 'parks' holds polygon features, where points are needed"),
        ("STUDY_AREA", "studygrid", "bars", "The layer 'bars' holds point features, where polygons are needed"),
        ("EXCLUDE", "studygrid", "bars", "The layer 'bars' holds point features, where polygons are needed"),
        ("TEST_EVENTS", "run", "parks", "The layer 'parks' holds polygon features, where points are needed"),
    ],
)
def test_wrong_geometry(refused, city, parameter, algorithm, layer, sentence):
    assert refused(algorithm, **{parameter: city.layer(layer)}) == f"{sentence}; choose another layer."


def test_table_without_coordinates(refused, tmp_path):
    path = tmp_path / "crimes.csv"
    path.write_text("id,street\n1,High Street\n", encoding="utf-8")
    assert refused("countevents", EVENTS=str(path)) == (
        "The table 'crimes' has no geometry and no columns that look like coordinates (longitude and latitude, or "
        "easting and northing); rename its columns, or load it with Layer ▸ Add Delimited Text Layer."
    )


def test_factor_that_is_a_raster(refused, chain):
    assert refused("run", FACTORS=[chain["bars"]]) == (
        "The risk factor 'bars' is not a vector layer; choose points, lines or polygons."
    )


def test_layer_that_is_not_there(refused, city, tmp_path):
    for algorithm, name in (("countevents", "EVENTS"), ("studygrid", "STUDY_AREA"), ("operationalise", "FACTOR")):
        assert "Could not load source layer" in refused(algorithm, **{name: str(tmp_path / "gone.gpkg")})
    gone = str(tmp_path / "gone.gpkg")
    assert refused("run", FACTORS=[city.layer("bars"), gone]) == "Incorrect parameter value for FACTORS"


def test_no_later_event_inside(refused, tmp_path):
    """Refused while reading, not after the whole study."""
    source = write_layer(tmp_path / "later.gpkg", "later", ["POINT (1000 1000)"])
    assert refused("run", TEST_EVENTS=source) == (
        "None of the 1 events of 'later' lies inside the study area; check the layer, its filter and its CRS."
    )
