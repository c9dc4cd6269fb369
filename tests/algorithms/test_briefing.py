"""rtm:briefing: a real PDF of the right size with the right words, in a template that may be a force's own."""

import getpass
import json
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest
from osgeo import gdal
from qgis.core import QgsLayoutItemLegend, QgsLegendRenderer, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import Qt
from running import Log, files, process, refusal
from small_city import point_wkt, write_layer

TEMPLATES = Path(__file__).resolve().parents[2] / "resources" / "layout"
A4, A3 = (842, 595), (1191, 842)  # points, landscape


@pytest.fixture
def asked(chain, city, out, tmp_path):
    """The parameters of a briefing with everything on it; the project is cleared afterwards.

    The places are a copy: QGIS keeps a GeoPackage open for a while, with files of its own beside it.
    """
    places = shutil.copy(chain["places"], tmp_path / "places.gpkg")
    yield {
        "MODEL": chain["model"],
        "TERRAIN": chain["terrain"],
        "PLACES": str(places),
        "STUDY_AREA": city.layer("area"),
        "FACTORS": [city.layer("bars"), city.layer("footpaths")],
        "BASEMAP": [city.layer("parks")],
        "TITLE": "Robbery in the small city",
        "MARKING": "OFFICIAL-SENSITIVE",
        "AUTHOR": "A. Analyst",
        "DATE": "2026-03-05",
        "OUTPUT": str(out / "briefing.pdf"),
    }
    QgsProject.instance().clear()


def page_size(path: Path) -> tuple[int, int]:
    """Of the first page, in points, from the file itself."""
    data = path.read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.rstrip().endswith(b"%%EOF")
    found = re.search(rb"/MediaBox\s*\[([\d.\s]+)\]", data)
    left, bottom, right, top = (float(part) for part in found.group(1).split())
    return round(right - left), round(top - bottom)


def words_of(path: Path) -> str:
    """The text of a PDF on one line, ligatures dissolved."""
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext (poppler-utils) is not there to read the PDF's text")
    done = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, text=True, check=True)
    return " ".join(unicodedata.normalize("NFKC", done.stdout).replace("\u2060", "").split())


def own_template(folder: Path, change=lambda text: text) -> str:
    path = folder / "own.qpt"
    path.write_text(change((TEMPLATES / "briefing-a4.qpt").read_text("utf-8")), encoding="utf-8")
    return str(path)


def rename(name: str, to: str):
    """Give the items of one id another."""
    return lambda text: text.replace(f'id="{name}"', f'id="{to}"')


def test_both_pages(asked, out):
    """Sizes, fonts and words; nothing but the PDFs is left, and both layouts are in the project."""
    log = Log()
    results = process("briefing", {**asked, "OUTPUT_A3": str(out / "wall.pdf")}, log)
    assert log.warnings == []
    assert results == {"OUTPUT": str(out / "briefing.pdf"), "OUTPUT_A3": str(out / "wall.pdf")}
    assert files(out) == ["briefing.pdf", "wall.pdf"]
    assert (page_size(out / "briefing.pdf"), page_size(out / "wall.pdf")) == (A4, A3)
    assert b"/FontFile2" in (out / "briefing.pdf").read_bytes()
    names = [layout.name() for layout in QgsProject.instance().layoutManager().layouts()]
    assert names == ["Briefing on A4: Robbery in the small city", "Briefing on A3: Robbery in the small city"]


def test_the_words(asked, chain, out):
    """The title, the three sentences, the factor table, the legend, the marking twice, period, caveat, author, date."""
    process("briefing", asked)
    text, model = words_of(out / "briefing.pdf"), json.loads(Path(chain["model"]).read_text("utf-8"))
    assert text.count("OFFICIAL-SENSITIVE") == 2
    for words in (
        "Robbery in the small city",
        "What the map says",
        "Of 4 risk factors tested, 2 are established as associated with where events happened",
        "priority place",
        f"Fitted on 178 events, period not recorded; {model['grid']['cells']} cells of 100 metres.",
        "above mean + 2 SD: highest risk",
        "Study area",
        "These are associations between places and events.",
        "A. Analyst",
        "5 March 2026 · model ",
        "Close-up: place 1",
    ):
        assert words in text, words
    for term in model["selected"]:
        assert f"{term['rrv']:.3g}" in text
        assert term["factor"].capitalize() in text
    strongest = max(model["selected"], key=lambda term: term["rrv"])
    assert f"has {strongest['rrv']:.3g} times the rate of events of an otherwise equal cell" in text


def test_the_author_is_the_one_given_and_not_the_account(asked, out):
    process("briefing", asked)
    data = (out / "briefing.pdf").read_bytes()
    for words in ("Robbery in", "A. Analyst"):
        assert words.encode() in data or words.encode("utf-16-be") in data
    process("briefing", {**asked, "AUTHOR": "", "OUTPUT": str(out / "without.pdf")})
    assert getpass.getuser().encode("utf-16-be") not in (out / "without.pdf").read_bytes()


def test_without_a_project_and_with_as_little_as_possible(asked, chain, out):
    """As qgis_process runs it; the outline comes from the terrain, and there is no inset without places."""
    import processing
    from qgis.core import QgsProcessingContext

    context = QgsProcessingContext()
    given = {name: asked[name] for name in ("MODEL", "TERRAIN", "OUTPUT")}
    processing.run("rtm:briefing", given, context=context, feedback=Log())
    text = words_of(out / "briefing.pdf")
    assert "OFFICIAL" not in text
    assert "Study area" in text
    assert "Close-up" not in text
    assert "priority place" not in text.lower()
    assert "The highest-risk cells (score above mean + 2 SD) are " in text


def test_the_layout_in_the_project(asked, out):
    """Its layers are copies in a group that is switched off; the analyst's own stay as they are."""
    project = QgsProject.instance()
    mine = QgsRasterLayer(asked["TERRAIN"], "my terrain")
    project.addMapLayer(mine)
    before = mine.renderer().type(), mine.opacity()
    process("briefing", {**asked, "TERRAIN": mine.id()})
    process("briefing", {**asked, "TERRAIN": mine.id()})
    assert (mine.renderer().type(), mine.opacity(), mine.name()) == (*before, "my terrain")
    groups = [group for group in project.layerTreeRoot().findGroups() if group.name().startswith("Briefing: ")]
    assert not any(group.itemVisibilityChecked() for group in groups)
    names = [layout.name() for layout in project.layoutManager().layouts()]
    title = "Briefing on A4: Robbery in the small city"
    assert names == [title, f"{title} (2)"]
    layout = project.layoutManager().layoutByName(title)
    shown = layout.itemById("map").layers()
    assert [layer.name() for layer in shown] == [
        "Priority place, with its rank", "Bars", "Footpaths", "Study area", "city", "Relative risk score",
    ]  # fmt: skip
    assert all(project.mapLayer(layer.id()) is not None for layer in shown)
    path = out / "p.qgz"
    assert project.write(str(path))
    again = QgsProject()
    assert again.read(str(path))
    assert len(again.layoutManager().layoutByName(title).itemById("map").layers()) == 6
    again.clear()


def test_map_scale_and_legend(asked, chain):
    """The map holds the whole terrain; the legend lists the highest class first."""
    process("briefing", asked)
    layout = QgsProject.instance().layoutManager().layouts()[0]
    main, inset = layout.itemById("map"), layout.itemById("inset")
    terrain = QgsRasterLayer(chain["terrain"], "t").extent()
    assert main.extent().contains(terrain)
    assert main.extent().height() < 1.3 * terrain.height()
    assert inset.extent().width() < terrain.width()
    assert main.overviews().size() == 1
    legend = next(item for item in layout.items() if isinstance(item, QgsLayoutItemLegend))
    node = legend.model().rootGroup().findLayers()[0]
    labels = [entry.data(Qt.ItemDataRole.DisplayRole) for entry in legend.model().layerLegendNodes(node)]
    assert [label.split("\u2028")[0] for label in labels] == [
        "above mean + 2 SD: highest risk", "+1 to +2 SD", "mean to +1 SD", "below mean",
    ]  # fmt: skip
    bar = layout.itemById("scalebar")
    assert bar.unitsPerSegment() == 200
    assert bar.unitLabel() == "m"


def test_a_part_of_the_area(asked):
    process("briefing", {**asked, "EXTENT": "400000,400800,300000,300700 [EPSG:27700]"})
    layout = QgsProject.instance().layoutManager().layouts()[0]
    main, inset = layout.itemById("map"), layout.itemById("inset")
    assert main.extent().width() < 1200
    assert inset.extent().width() > 2000
    assert (main.overviews().size(), inset.overviews().size()) == (0, 1)
    assert layout.itemById("inset_caption").text() == "Study area"


def test_only_the_first_places(asked, chain, tmp_path):
    places = str(tmp_path / "many.gpkg")
    process("priorityplaces", {"TERRAIN": chain["terrain"], "RULE": "class", "VALUE": 0, "OUTPUT": places})
    count = QgsVectorLayer(places, "p", "ogr").featureCount()
    assert count > 1
    process("briefing", {**asked, "PLACES": places, "PLACES_SHOWN": 1})
    layout = QgsProject.instance().layoutManager().layouts()[0]
    places = layout.itemById("map").layers()[0]
    assert places.name() == f"Priority places 1 to 1 of {count}, by rank"
    assert [feature["rank"] for feature in places.getFeatures()] == [1]


HOSTILE = "[% env('HOME') %] <b>bold</b> <img src=x> =cmd 'x' \" & {{ 7*7 }}"


def test_hostile_names_are_text(asked, out, city, tmp_path):
    path = tmp_path / "[% 40 + 2 %].gpkg"
    bars = QgsVectorLayer(write_layer(path, "bars", point_wkt(city.bars)), "[% 40 + 2 %] <i>", "ogr")
    QgsProject.instance().addMapLayer(bars)
    process("briefing", {**asked, "TITLE": HOSTILE, "AUTHOR": HOSTILE, "MARKING": HOSTILE, "FACTORS": [bars.id()]})
    text = words_of(out / "briefing.pdf")
    assert text.count("[% env('HOME') %] <b>bold</b> <img src=x> =cmd 'x' \" & {{ 7*7 }}") == 4
    assert "[% 40 + 2 %] <i>" in text
    assert "42" not in text.replace("1.42", "")


def overlaps(layout) -> list[str]:
    """Labels whose text is higher than their box."""
    from qgis.core import QgsLayoutItemLabel
    from risk_terrain.rtm_plugin.cartography import fit

    found = []
    for item in layout.items():
        if isinstance(item, QgsLayoutItemLabel) and item.id():
            height = fit._height(fit._context(layout), item.textFormat(), item.text(), item.rect().width())
            if height > item.rect().height() + 0.01:
                found.append(item.id())
    return found


def test_long_words_shrink_and_wrap(asked, out):
    long = "Robbery, theft from the person and violence with injury in the night-time economy " * 6
    process("briefing", {**asked, "TITLE": long + "x" * 300, "AUTHOR": "y" * 500, "MARKING": "SECRET " * 20})
    layout = QgsProject.instance().layoutManager().layouts()[0]
    assert overlaps(layout) == []
    title = layout.itemById("title")
    assert 5.5 <= title.textFormat().size() < 20
    assert layout.itemById("author").text().endswith("…")
    assert layout.itemById("caveat").text().endswith("multiplied.")


def many_factors(model: dict, count: int) -> dict:
    """The model with more factors, as a file could say it."""
    best = model["families"][model["family"]]
    for number in range(count - len(best["selected"])):
        name = f"staffed_public_buildings_{number}"
        entry = {**best["selected"][0], "name": f"{name}_proximity_100", "factor": name}
        best["selected"].append(entry)
        model["candidates"].append({**model["candidates"][0], "name": entry["name"], "factor": name})
    model["selected"] = best["selected"]
    model.pop("significance", None)
    return model


@pytest.mark.parametrize("count", [15, 60])
def test_many_factors(asked, chain, out, tmp_path, count):
    """Fifteen fit; of sixty, those left out are counted."""
    document = many_factors(json.loads(Path(chain["model"]).read_text("utf-8")), count)
    model, terrain, log = tmp_path / "m.json", tmp_path / "t.tif", Log()
    model.write_text(json.dumps(document), encoding="utf-8")
    gdal.Translate(str(terrain), chain["terrain"])
    data = gdal.Open(str(terrain), gdal.GA_Update)
    data.SetMetadata({key: value for key, value in data.GetMetadata().items() if key != "RTM_MODEL"})
    del data
    process("briefing", {**asked, "MODEL": str(model), "TERRAIN": str(terrain)}, log)
    layout = QgsProject.instance().layoutManager().layouts()[0]
    frame = layout.itemById("factors")
    table = frame.multiFrame()
    assert table.totalSize().height() <= frame.rect().height()
    rows = [[cell.content() for cell in row] for row in table.tableContents()]
    shown = [row for row in rows[1:] if not row[0].startswith("and ")]
    if count == 15:
        assert len(shown) == 15
        assert log.warnings == []
    else:
        assert rows[-1][0] == f"and {60 - len(shown)} more: see the report"
        assert log.warnings == [f"The factor table has no room for {60 - len(shown)} of 60 factors."]
    assert overlaps(layout) == []


def test_many_layers_in_the_legend(asked, city):
    """A legend that is too long takes the inset's room; nothing is cut off."""
    layers = [QgsVectorLayer(city.layer("bars"), f"kind of premises number {i}", "ogr") for i in range(15)]
    QgsProject.instance().addMapLayers(layers)
    log = Log()
    process("briefing", {**asked, "FACTORS": layers}, log)
    assert log.warnings == []
    layout = QgsProject.instance().layoutManager().layouts()[0]
    legend = layout.itemById("legend")
    needed = QgsLegendRenderer(legend.model(), legend.legendSettings()).minimumSize()
    assert needed.height() <= legend.rect().height()
    assert needed.width() <= legend.rect().width()
    assert not layout.itemById("inset").isVisible()
    assert len(legend.model().rootGroup().findLayers()) == 18


def test_no_factor_was_selected(asked, chain, tmp_path, out):
    """A map of one class and one sentence."""
    document = json.loads(Path(chain["model"]).read_text("utf-8"))
    best = document["families"][document["family"]]
    best["selected"] = document["selected"] = []
    document.pop("significance", None)
    document["score"] = {"min": 1.0, "mean": 1.0, "sd": 0.0, "max": 1.0}
    model, terrain = tmp_path / "m.json", tmp_path / "t.tif"
    model.write_text(json.dumps(document), encoding="utf-8")
    flat_copy(chain["terrain"], terrain)
    process("briefing", {**asked, "MODEL": str(model), "TERRAIN": str(terrain), "PLACES": None})
    text = words_of(out / "briefing.pdf")
    assert "No risk factor was selected" in text
    assert "the same everywhere: no risk factor is in the model" in text


def flat_copy(source: str, target: Path) -> None:
    copy = gdal.GetDriverByName("GTiff").CreateCopy(str(target), gdal.Open(source))
    band = copy.GetRasterBand(1)
    values = band.ReadAsArray()
    values[values > 0] = 1
    band.WriteArray(values)
    band.SetMetadataItem("RTM_DIGEST", None)
    items = copy.GetMetadata()
    copy.SetMetadata({key: value for key, value in items.items() if key != "RTM_MODEL"})
    del band, copy


def test_an_own_template(asked, out, tmp_path):
    """Its size and its own words stay; ours go where the ids are."""
    crest = own_template(tmp_path, lambda text: text.replace('labelText="Legend"', 'labelText="Northshire Police"'))
    process("briefing", {**asked, "TEMPLATE": crest})
    text = words_of(out / "briefing.pdf")
    assert "Northshire Police" in text
    assert "Robbery in the small city" in text


def test_missing_items_are_told_and_left_out(asked, out, tmp_path):
    own = own_template(tmp_path, lambda text: rename("legend", "other")(rename("caveat", "")(text)))
    log = Log()
    process("briefing", {**asked, "TEMPLATE": own}, log)
    assert log.warnings == [
        "The template 'own.qpt' has no item with the id 'caveat' and 'legend'; that part is left out."
    ]
    assert "These are associations" not in words_of(out / "briefing.pdf")


def test_refused_templates(asked, out, tmp_path):
    without_map = own_template(tmp_path, rename("map", "karte"))
    assert refusal("briefing", {**asked, "TEMPLATE": without_map}).startswith(
        "The template 'own.qpt' has no map with the item id 'map'; give its main map that id"
    )
    unmarked = own_template(tmp_path, rename("marking", "schutz"))
    assert refusal("briefing", {**asked, "TEMPLATE": unmarked}) == (
        "The template 'own.qpt' has no label with the item id 'marking', so the protective marking would be lost; add "
        "one at the top and one at the bottom."
    )
    process("briefing", {**asked, "TEMPLATE": unmarked, "MARKING": ""})
    for text in ("<qgis/>", "no markup", "<Layout"):
        other = own_template(tmp_path, lambda _, text=text: text)
        assert refusal("briefing", {**asked, "TEMPLATE": other}) == (
            "'own.qpt' is not a layout template of QGIS; save a layout with Layout ▸ Save as Template."
        )
    assert files(out) == ["briefing.pdf"]


def test_refusals(asked, chain, city, out, tmp_path):
    cases = {
        "The risk terrain raster 'counts' was not made by rtm:terrain or rtm:run; run that first and choose its "
        "output.": {"TERRAIN": chain["counts"]},
        "The layer 'events' holds the events of this study; where single events happened is not shown on a briefing. "
        "Choose layers of risk factors only.": {"FACTORS": [city.layer("events")]},
        "The basemap layer 'events' holds points; show risk factors as such, and no other points.": {
            "BASEMAP": [city.layer("events")]
        },
        "The layer 'area' does not hold priority places; choose the output of rtm:priorityplaces or rtm:run.": {
            "PLACES": city.layer("area")
        },
        "The part to show lies outside the risk terrain; choose another extent.": {
            "EXTENT": "0,100,0,100 [EPSG:27700]"
        },
        "No page is asked for; choose where the briefing on A4 or A3 shall go.": {"OUTPUT": None},
    }
    for sentence, changes in cases.items():
        assert refusal("briefing", {**asked, **changes}) == sentence
    folder = tmp_path / "file"
    folder.write_text("", encoding="utf-8")
    assert "cannot be written" in refusal("briefing", {**asked, "OUTPUT": str(folder / "b.pdf")})
    assert files(out) == []
    assert QgsProject.instance().layoutManager().layouts() == []
    assert QgsProject.instance().mapLayers() == {}


def test_events_under_another_name_are_refused(asked, chain, city, out, tmp_path):
    """By their coordinates: a copy of the layer with an innocent name."""
    copy = write_layer(tmp_path / "copy.gpkg", "lamps", point_wkt(city.events))
    assert refusal("briefing", {**asked, "FACTORS": [copy]}).startswith("The layer 'lamps' holds the events")


def test_the_terrain_of_another_model(asked, chain, tmp_path):
    document = json.loads(Path(chain["model"]).read_text("utf-8"))
    best = document["families"][document["family"]]
    document["intercept"] = best["intercept"] = -9.0
    model = tmp_path / "m.json"
    model.write_text(json.dumps(document), encoding="utf-8")
    sentence = refusal("briefing", {**asked, "MODEL": str(model)})
    assert sentence.startswith("The risk terrain 'terrain' was not made with this model: ")


def test_places_in_another_crs(asked, chain, out, tmp_path):
    other = str(tmp_path / "other" / "places.gpkg")
    Path(other).parent.mkdir()
    gdal.VectorTranslate(other, chain["places"], dstSRS="EPSG:32630", reproject=True)
    assert refusal("briefing", {**asked, "PLACES": other}) == (
        "The priority places 'places' are in another coordinate reference system than the risk terrain 'terrain'; "
        "choose the places of the same study."
    )


@pytest.mark.parametrize("at", [0, 30])
def test_cancel(asked, out, at):
    log = Log(stop_at=at)
    assert process("briefing", {**asked, "OUTPUT_A3": str(out / "wall.pdf")}, log) == {}
    assert files(out) == []
    assert QgsProject.instance().layoutManager().layouts() == []


def test_the_templates_are_those_that_the_program_makes(tmp_path):
    """Nobody has changed one and not the other; nothing in them is of the machine that made them."""
    for name in ("briefing-a4.qpt", "briefing-a3.qpt"):
        text = (TEMPLATES / name).read_text("utf-8")
        assert not re.search(r"/home/|/tmp/|/usr/", text)
    program = tmp_path / "make_templates.py"
    shutil.copy(TEMPLATES / "make_templates.py", program)
    subprocess.run(["/usr/bin/python3", program], check=True, capture_output=True)
    for name in ("briefing-a4.qpt", "briefing-a3.qpt"):
        assert (tmp_path / name).read_text("utf-8") == (TEMPLATES / name).read_text("utf-8")
