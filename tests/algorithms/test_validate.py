"""rtm:validate: the same figures as core, on the cells that all maps have, honest about periods."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import QgsProject, QgsRasterLayer
from risk_terrain.rtm_plugin.core.accuracy.at_share import accuracy
from running import Log, bands, files, process, qgis_process, refusal
from small_city import FOOTPATHS, moved, point_wkt, write_layer

SHARES = (0.01, 0.02, 0.05, 0.10, 0.20)


@pytest.fixture(scope="module")
def periods(city, tmp_path_factory):
    """Two layers of later and prior events, and both in one layer with days: even rows in 2023, odd ones in 2024."""
    path = tmp_path_factory.mktemp("periods") / "periods.gpkg"
    days = [f"{2023 + i % 2}-{1 + i % 12:02d}-15" for i in range(len(city.events))]
    weights = [float(1 + i % 3) for i in range(len(city.events))]
    return {
        "both": write_layer(path, "both", point_wkt(city.events), {"day": days, "harm": weights}),
        "prior": write_layer(path, "prior", point_wkt(city.events[::2])),
        "later": write_layer(path, "later", point_wkt(city.events[1::2])),
    }


def run(out, log=None, **asked):
    """Validate into `out`; results, rows of the table, document and page."""
    names = {"OUTPUT_TABLE": "table.csv", "OUTPUT_JSON": "figures.json", "OUTPUT_HTML": "page.html"}
    outputs = {key: str(out / name) for key, name in names.items()}
    results = process("validate", {"REPLICATES": 100, **asked, **outputs}, log)
    with open(outputs["OUTPUT_TABLE"], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    document = json.loads(Path(outputs["OUTPUT_JSON"]).read_text("utf-8"))
    return results, rows, document, Path(outputs["OUTPUT_HTML"]).read_text("utf-8")


def one(rows, measure, name, share, basis="area", against=""):
    wanted = {"measure": measure, "map": name, "basis": basis, "against": against, "threshold_kind": "share"}
    found = [r for r in rows if r["share"] and float(r["share"]) == share and wanted.items() <= r.items()]
    assert len(found) == 1
    return found[0]


def test_figures_are_those_of_core(chain, periods, out):
    """Table, document and numbers hold what core.accuracy gives for the cells of the raster."""
    log = Log()
    asked = {"TERRAINS": [chain["terrain"], chain["expected"]], "EVENTS": periods["later"]}
    results, rows, document, page = run(out, log, **asked, PRIOR_EVENTS=periods["prior"])
    process("countevents", {"GRID": chain["grid"], "EVENTS": periods["later"], "OUTPUT": str(out / "c.tif")})
    values, counts = bands(chain["terrain"])[0], bands(out / "c.tif")[0]
    kept = values != -9999
    for share in SHARES:
        wanted = accuracy(values[kept], counts[kept].astype(float), share)
        for measure, bounds in (("hit rate", wanted.hit_rate), ("PAI", wanted.pai), ("PEI", wanted.pei)):
            row = one(rows, measure, "terrain", share)
            for column in ("expected", "pessimistic", "optimistic"):
                assert float(row[column]) == pytest.approx(getattr(bounds, column), rel=1e-9)
    assert results["PAI"] == pytest.approx(accuracy(values[kept], counts[kept].astype(float), 0.05).pai.expected)
    assert results["HIT_RATE"] == pytest.approx(results["PAI"] * 0.05)
    assert [m["name"] for m in document["maps"]] == [
        "terrain",
        "expected",
        "prior counts",
        "kernel density of prior events",
        "random",
    ]
    assert [m["kind"] for m in document["maps"]][:3] == ["relative risk scores", "expected counts", "baseline"]
    assert document["headline"][0] in log.notes
    assert {r["map"] for r in rows if r["measure"] == "calibration slope"} == {"expected"}
    assert len(rows) == len(document["figures"])
    assert "<h1><bdi>terrain against later</bdi></h1>" in page
    assert files(out) == ["c.qml", "c.tif", "figures.json", "page.html", "table.csv"]


def test_the_score_and_the_expected_count_catch_the_same(chain, periods, out):
    """Without exposure the two rank alike, and the difference is 0 in every replicate."""
    _, rows, _, _ = run(out, TERRAINS=[chain["terrain"], chain["expected"]], EVENTS=periods["later"])
    for share in SHARES:
        row = one(rows, "hit rate", "terrain", share, against="expected")
        assert [float(row[c]) for c in ("expected", "lower", "upper")] == [0, 0, 0]


def test_the_same_bytes_twice(chain, periods, out):
    asked = {"TERRAINS": [chain["expected"]], "EVENTS": periods["later"], "PRIOR_EVENTS": periods["prior"]}
    for name in ("a", "b"):
        (out / name).mkdir()
        run(out / name, **asked)
    assert (out / "a" / "table.csv").read_bytes() == (out / "b" / "table.csv").read_bytes()
    texts = [(out / name / "figures.json").read_text("utf-8").splitlines() for name in ("a", "b")]
    assert len(texts[0]) == len(texts[1])
    differ = [pair for pair in zip(*texts, strict=True) if pair[0] != pair[1]]
    assert all('"started"' in line or '"OUTPUT_' in line for pair in differ for line in pair), differ


def test_streets_and_weights(city, chain, periods, out):
    asked = {"TERRAINS": [chain["terrain"]], "EVENTS": periods["both"], "WEIGHT_FIELD": "harm", "UNITS": "events"}
    _, rows, document, page = run(out, **asked, STREETS=city.layer("footpaths"))
    process(
        "countevents",
        {"GRID": chain["grid"], "EVENTS": periods["both"], "WEIGHT_FIELD": "harm", "OUTPUT": str(out / "c.tif")},
    )
    values, counts = bands(chain["terrain"])[0], bands(out / "c.tif")[0].astype(float)
    kept = values != -9999
    wanted = accuracy(values[kept], counts[kept], 0.05)
    assert float(one(rows, "hit rate", "terrain", 0.05)["expected"]) == pytest.approx(wanted.hit_rate.expected)
    assert document["events"]["inside"] == counts[kept].sum()
    whole = sum(np.hypot(*np.diff(moved(line), axis=0).T).sum() for line in FOOTPATHS)
    assert 0.8 * whole < 1000 * document["street_km"] < whole  # they go on beyond the boundary
    assert one(rows, "events per km", "terrain", 0.05, "street")["expected"]
    assert "By length of street" in page
    assert "weighted by <bdi>harm</bdi>" in page


def foreign(path, values, x_min=400_000.0, y_max=302_000.0, size=100.0, crs="EPSG:27700"):
    """A raster that is not ours, zeros and negative scores included; not a number where there is none."""
    data = gdal.GetDriverByName("GTiff").Create(str(path), values.shape[1], values.shape[0], 1, gdal.GDT_Float64)
    data.SetGeoTransform((x_min, size, 0, y_max, 0, -size))
    reference = osr.SpatialReference()
    reference.SetFromUserInput(crs)
    data.SetProjection(reference.ExportToWkt())
    data.GetRasterBand(1).WriteArray(values)
    return str(path)


def test_any_raster_of_scores_with_zeros(city, chain, periods, out, tmp_path):
    """Beside ours, on the cells of both; what ours lacks is told."""
    scores = np.random.default_rng(1).integers(-2, 3, (22, 21)).astype(float)
    other = foreign(tmp_path / "other.tif", scores, y_max=302_200.0)
    _, rows, document, _ = run(out, TERRAINS=[other, chain["terrain"]], EVENTS=periods["later"])
    values = bands(chain["terrain"])[0]
    kept = values != -9999
    assert document["cells"] == kept.sum()
    lost = 22 * 21 - int(kept.sum())
    sentence = f"{lost} cells of 'other' have a score that another map lacks, and are left out of the comparison."
    assert sentence in document["warnings"]
    process("countevents", {"GRID": chain["grid"], "EVENTS": periods["later"], "OUTPUT": str(out / "c.tif")})
    counts = bands(out / "c.tif")[0][kept].astype(float)
    wanted = accuracy(scores[2:, :20][kept], counts, 0.1)
    for column in ("expected", "pessimistic", "optimistic"):
        row = one(rows, "hit rate", "other", 0.1)
        assert float(row[column]) == pytest.approx(getattr(wanted.hit_rate, column))


def test_layers_of_one_name_and_of_a_baseline(chain, periods, out):
    layers = []
    for name in ("same", "same", "random"):
        layers.append(QgsRasterLayer(chain["terrain"], name))
        QgsProject.instance().addMapLayer(layers[-1])
    _, _, document, _ = run(out, TERRAINS=layers, EVENTS=periods["later"])
    assert [m["name"] for m in document["maps"]] == ["same", "same (2)", "random (2)", "random"]
    QgsProject.instance().removeMapLayers([layer.id() for layer in layers])


def test_refused_rasters(refused, chain, tmp_path):
    shifted = foreign(tmp_path / "shifted.tif", np.ones((20, 20)), x_min=400_050.0)
    assert refused("validate", TERRAINS=[chain["terrain"], shifted]) == (
        "The raster 'shifted' has other cells than the study grid (100 map units); make it on the study grid, for "
        "instance with rtm:countevents."
    )
    coarse = foreign(tmp_path / "coarse.tif", np.ones((10, 10)), size=200.0)
    assert refused("validate", TERRAINS=[chain["terrain"], coarse]).startswith("The raster 'coarse' has other cells")
    assert refused("validate", TERRAINS=[chain["bars"]]) == (
        "The raster 'bars' holds no scores; choose risk terrains, expected counts, forecasts or any other raster of "
        "scores."
    )
    data = gdal.GetDriverByName("GTiff").Create(str(tmp_path / "photo.tif"), 20, 20, 3, gdal.GDT_Byte)
    data.SetGeoTransform((400_000, 100, 0, 302_000, 0, -100))
    data.SetProjection(gdal.Open(chain["terrain"]).GetProjection())
    del data
    assert refused("validate", TERRAINS=[str(tmp_path / "photo.tif")]) == (
        "The raster 'photo' has 3 bands, of which only one can be the scores; save that band as a raster of its own."
    )
    away = foreign(tmp_path / "away.tif", np.ones((5, 5)), x_min=500_000.0)
    assert refused("validate", TERRAINS=[chain["terrain"], away]) == (
        "The maps have no cell in common; choose maps of the same study area."
    )
    other_crs = foreign(tmp_path / "utm.tif", np.ones((20, 20)), crs="EPSG:32630")
    assert refused("validate", TERRAINS=[chain["terrain"], other_crs]) == (
        "The raster 'utm' is in another coordinate reference system than 'terrain'; make all maps on the same study "
        "grid."
    )


def test_refused_events(refused, city, chain, periods, tmp_path):
    far = write_layer(tmp_path / "far.gpkg", "far", point_wkt(city.events[:4] + 50_000))
    nothing = "None of the 4 events of 'far' lies inside the study area; check the layer, its filter and its CRS."
    assert refused("validate", EVENTS=far) == nothing
    assert refused("validate", PRIOR_EVENTS=far) == nothing
    assert refused("validate", PRIOR_EVENTS=city.layer("events")) == (
        "The prior events 'events' are the later events themselves; choose the events that the maps were made from, or "
        "give a date field and the first day of the test period."
    )
    empty = write_layer(tmp_path / "empty.gpkg", "empty", [], {"day": ["x"]}, kind=1)
    assert refused("validate", EVENTS=empty).startswith("None of the 0 events of 'empty' lies inside the study area")
    assert refused("validate", EVENTS=periods["both"], START="2024-01-01") == (
        "The window from 1 January 2024 is given, but not the field that says when the events happened; choose the "
        "date field, or leave the dates empty."
    )
    assert refused("validate", STREETS=city.layer("bars")).startswith("The layer 'bars' holds point features")


@pytest.fixture(scope="module")
def fitted_2023(city, periods, tmp_path_factory, provider):
    """A terrain that knows that it was fitted on 2023."""
    folder = tmp_path_factory.mktemp("fitted")
    path = {name: str(folder / f"{name}.tif") for name in ("grid", "counts", "bars", "terrain", "expected")}
    process("studygrid", {"STUDY_AREA": city.layer("area"), "BLOCK_LENGTH": 200, "OUTPUT": path["grid"]})
    dated = {"EVENTS": periods["both"], "EVENT_DATE_FIELD": "day", "START": "2023-01-01", "END": "2023-12-31"}
    process("countevents", {"GRID": path["grid"], **dated, "OUTPUT": path["counts"]})
    process("operationalise", {"GRID": path["grid"], "FACTOR": city.layer("bars"), "OUTPUT": path["bars"]})
    model = {"COUNTS": path["counts"], "CANDIDATES": [path["bars"]], "OUTPUT_MODEL": str(folder / "m.json")}
    process("selectmodel", {**model, "OUTPUT_TABLE": str(folder / "t.csv")})
    scored = {"MODEL": model["OUTPUT_MODEL"], "CANDIDATES": [path["bars"]]}
    process("terrain", {**scored, "OUTPUT": path["terrain"], "OUTPUT_EXPECTED": path["expected"]})
    return path


def test_periods_are_told(fitted_2023, periods, out):
    """One dated layer gives the later and the prior events, as two layers do."""
    log = Log()
    dated = {"EVENT_DATE_FIELD": "day", "START": "2024-01-01", "END": "2024-12-31"}
    (out / "one").mkdir()
    (out / "two").mkdir()
    asked = {"TERRAINS": [fitted_2023["expected"]]}
    _, rows, document, page = run(
        out / "one", log, **asked, **dated, EVENTS=periods["both"], PRIOR_EVENTS=periods["both"]
    )
    assert document["periods"] == {
        "tested": ["2024-01-01", "2024-12-31"],
        "prior": ["2023-01-15", "2023-12-31"],
        "fitted": {"expected": ["2023-01-01", "2023-12-31"]},
    }
    assert "'expected' was fitted on: 1 January 2023 to 31 December 2023" in log.notes
    assert "Test period: 1 January 2024 to 31 December 2024" in log.notes
    assert "events of 1 January 2023 to 31 December 2023" in page
    assert document["overlap"] is False
    assert not [warning for warning in document["warnings"] if "Not known" in warning]
    _, by_hand, _, _ = run(out / "two", **asked, EVENTS=periods["later"], PRIOR_EVENTS=periods["prior"])
    assert len(rows) == len(by_hand)
    for row, other in zip(rows, by_hand, strict=True):
        # with dates the expectation for the 365 days of 2023 is scaled to the 366 of 2024; nothing else differs
        scaled = row["measure"] == "predicted / observed" and row["threshold_kind"] == "all"
        times = 366 / 365 if scaled else 1.0
        for name in ("expected", "pessimistic", "optimistic", "lower", "upper"):
            assert (row[name] == "") == (other[name] == "")
            if row[name]:
                close = 1e-2 if row["measure"] == "calibration slope" else 1e-6  # its bounds are interpolated
                assert float(row[name]) == pytest.approx(times * float(other[name]), rel=close), (row["measure"], name)


def test_overlap_is_refused_and_then_stamped(fitted_2023, periods, out):
    asked = {"TERRAINS": [fitted_2023["terrain"]], "EVENTS": periods["both"], "EVENT_DATE_FIELD": "day"}
    overlap = {**asked, "START": "2023-12-01"}
    sentence = (
        "'terrain' was fitted on events of 1 January 2023 to 31 December 2023, which overlaps with the test period (1 "
        "December 2023 to 15 December 2024)"
    )
    assert refusal("validate", {**overlap, "OUTPUT_HTML": str(out / "page.html")}) == (
        f"{sentence}; test on later events, or allow the overlap, which then is stated on every output."
    )
    assert files(out) == []
    log = Log()
    _, rows, document, page = run(out, log, **overlap, ALLOW_OVERLAP=True)
    assert document["overlap"] is True
    assert document["warnings"][0] == f"{sentence}: the figures flatter it and do not say how good it is."
    assert {row["overlap"] for row in rows} == {"1"}
    assert "this is not a validation" in page
    assert document["warnings"][0] in log.warnings


def test_dispersion_reaches_the_score(chain, periods, out, tmp_path):
    """CRPS is that of the model's own family, read from the raster."""
    items = gdal.Open(chain["expected"]).GetMetadata()
    model = json.loads(Path(chain["model"]).read_text("utf-8"))
    assert items["RTM_FAMILY"] == model["family"]
    assert ("RTM_DISPERSION" in items) == (model["dispersion"] is not None)
    scores = {}
    for family, more in (("poisson", {}), ("nb2", {"RTM_DISPERSION": "2.0"})):
        copy = str(tmp_path / f"{family}.tif")
        data = gdal.GetDriverByName("GTiff").CreateCopy(copy, gdal.Open(chain["expected"]))
        kept = {key: value for key, value in items.items() if key != "RTM_DISPERSION"}
        data.SetMetadata({**kept, "RTM_FAMILY": family, **more})
        del data
        (out / family).mkdir()
        _, rows, _, _ = run(out / family, TERRAINS=[copy], EVENTS=periods["later"], REPLICATES=0)
        scores[family] = next(float(r["expected"]) for r in rows if r["measure"] == "CRPS")
    assert scores["poisson"] != scores["nb2"]


@pytest.mark.parametrize("items", [{"RTM_FAMILY": "cauchy"}, {"RTM_FAMILY": "nb1"}, {"RTM_DISPERSION": "x"}])
def test_damaged_family(refused, chain, tmp_path, items):
    copy = str(tmp_path / "copy.tif")
    data = gdal.GetDriverByName("GTiff").CreateCopy(copy, gdal.Open(chain["expected"]))
    kept = {k: v for k, v in data.GetMetadata().items() if k not in ("RTM_FAMILY", "RTM_DISPERSION")}
    data.SetMetadata({**kept, **items})
    del data
    assert refused("validate", TERRAINS=[copy]) == "The metadata of 'copy' are damaged; make the raster again."


@pytest.mark.parametrize("stop_at", [0, 30, 60, 89])
def test_cancelled_run_leaves_nothing(chain, periods, out, stop_at):
    log = Log(stop_at)
    asked = {"TERRAINS": [chain["expected"]], "EVENTS": periods["later"], "PRIOR_EVENTS": periods["prior"]}
    process("validate", {**asked, "OUTPUT_HTML": str(out / "p.html"), "OUTPUT_TABLE": str(out / "t.gpkg")}, log)
    assert files(out) == []


def test_qgis_process(chain, periods, profile, out):
    """The same table from the command line."""
    asked = {"TERRAINS": [chain["terrain"]], "EVENTS": periods["later"], "PRIOR_EVENTS": periods["prior"]}
    _, rows, _, _ = run(out, **asked)
    asked |= {"REPLICATES": 100, "OUTPUT_TABLE": str(out / "again.csv")}
    done = qgis_process(profile, "run", "rtm:validate", "-", stdin=json.dumps({"inputs": asked}))
    assert done.returncode == 0, done.stderr
    with open(out / "again.csv", encoding="utf-8", newline="") as file:
        again = list(csv.DictReader(file))
    numbers = ("expected", "pessimistic", "optimistic", "lower", "upper")
    for one_row, other in zip(rows, again, strict=True):
        for column, value in one_row.items():
            if column in numbers and value:
                assert float(other[column]) == pytest.approx(float(value), rel=1e-9, abs=1e-12)
            else:
                assert other[column] == value
