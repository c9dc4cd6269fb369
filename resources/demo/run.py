"""Run a whole study with qgis_process, print what it found, and make a QGIS project of the results.

    run.py northbridge              the invented city beside this file, whose true effects are known
    run.py chicago DATA             burglaries in Chicago, in DATA/chicago/chicago.gpkg or DATA/chicago.gpkg

Each study is one call of rtm:run with its parameters as JSON on standard input, as a data scientist would run it.
Results go to build/<name>; the project there opens them, styled.
"""

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parents[1] / "build"

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@dataclass(frozen=True, kw_only=True)
class Study:
    """One call of rtm:run.

    data: the GeoPackage; events: layer with an optional subset; periods: the parameters that tell earlier from later
    events; factors: layer → its factor settings; surroundings: the parameters by which places are told → their layers.
    """

    name: str
    title: str
    data: Path
    boundary: str
    events: str
    periods: dict[str, str]
    factors: dict[str, dict[str, Any]]
    block_length: float
    max_area: float
    true_effects: list[dict[str, Any]] = field(default_factory=list)
    others: tuple[str, ...] = ()
    surroundings: dict[str, str] = field(default_factory=dict)


def northbridge() -> list[Study]:
    """One study for each crime type: fitted on the first year, tested on the second."""
    truth = json.loads((HERE / "truth.json").read_text(encoding="utf-8"))
    layers = [factor["layer"] for factor in truth["factors"]]
    studies = []
    for crime, known in truth["crime_types"].items():
        protective = {e["factor"] for e in known["effects"] if e["direction"] == "protective"}
        studies.append(
            Study(
                name=crime,
                title=f"{crime.capitalize()} in Northbridge BCU, 2024",
                data=HERE / "northbridge.gpkg",
                boundary="boundary",
                events=f"events|subset=crime_type = '{crime}'",
                periods={
                    "EVENT_DATE_FIELD": "date",
                    "FIT_START": "2024-01-01",
                    "FIT_END": "2024-12-31",
                    "TEST_START": "2025-01-01",
                    "TEST_END": "2025-12-31",
                },
                factors={layer: {"direction": "protective"} if layer in protective else {} for layer in layers},
                block_length=truth["block_length"],
                max_area=250_000,
                true_effects=known["effects"],
                others=("wards", "streets"),
                surroundings={"STREETS": "streets", "AREAS": "wards"},
            )
        )
    return studies


def chicago(folder: Path) -> list[Study]:
    """Burglaries of 2017, tested on 2018, in blocks of 400 m and of 200 m."""
    data = next((p for p in (folder / "chicago" / "chicago.gpkg", folder / "chicago.gpkg") if p.is_file()), None)
    if data is None:
        raise SystemExit(f"There is no chicago.gpkg in {folder} or its folder chicago; give the folder that holds it.")
    factors = (
        "abandoned_cars",
        "abandoned_buildings",
        "graffiti",
        "liquor_retail",
        "sanitation",
        "street_light_outages",
    )
    return [
        Study(
            name=f"cells_{block // 2}m",
            title=f"Burglary in Chicago, 2017, cells of {block // 2} m",
            data=data,
            boundary="boundary",
            events="burglaries_2017",
            periods={"TEST_EVENTS": f"{data}|layername=burglaries_2018"},
            factors={layer: {} for layer in factors},
            block_length=block,
            max_area=1_000_000,
            others=("neighbourhoods",),
        )
        for block in (400, 200)
    ]


def run(study: Study, folder: Path) -> dict[str, Any]:
    """Call qgis_process and return the results of rtm:run."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = [{"layer": layer, **changes} for layer, changes in study.factors.items()]
    inputs = {
        "TITLE": study.title,
        "STUDY_AREA": f"{study.data}|layername={study.boundary}",
        "EVENTS": f"{study.data}|layername={study.events}",
        **study.periods,
        **{name: f"{study.data}|layername={layer}" for name, layer in study.surroundings.items()},
        "FACTORS": [f"{study.data}|layername={layer}" for layer in study.factors],
        "FACTOR_SETTINGS": json.dumps({"format": "risk-terrain-factors", "version": 1, "factors": settings}),
        "BLOCK_LENGTH": study.block_length,
        "MAX_AREA": study.max_area,
        "OUTPUT_TERRAIN": str(folder / "terrain.tif"),
        "OUTPUT_EXPECTED": str(folder / "expected.tif"),
        "OUTPUT_PLACES": str(folder / "places.gpkg"),
        "OUTPUT_MODEL": str(folder / "model.json"),
        "OUTPUT_TABLE": str(folder / "candidates.csv"),
        "OUTPUT_REPORT": str(folder / "report.html"),
        "OUTPUT_FORECAST": str(folder / "forecast.tif"),
        "OUTPUT_VALIDATION": str(folder / "validation.html"),
    }
    asked = json.dumps({"inputs": inputs})
    (folder / "parameters.json").write_text(asked, encoding="utf-8")
    call = ["qgis_process", "run", "rtm:run", "-"]
    done = subprocess.run(call, input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"qgis_process could not run rtm:run:\n{done.stdout}\n{done.stderr}")
    return json.loads(done.stdout[done.stdout.index("{") :])["results"]


def print_model(study: Study, model: dict[str, Any], seconds: float) -> None:
    """The factor table, with the true effects beside the estimates where they are known."""
    grid, events = model["grid"], model["events"]
    print(f"\n{study.title}")
    print(
        f"  {grid['cells']:,} cells of {grid['cell_size']:g} m, {events['inside']:,.0f} events inside the study area "
        f"and {events['outside']:,.0f} outside; {len(model['candidates'])} candidate variables; "
        f"family {model['family']}, BIC {model['bic']:.1f}; {seconds:.0f} s"
    )
    known = {effect["factor"]: effect for effect in study.true_effects}
    tests = {test["candidate"]: test for test in model.get("significance", {}).get("remaining", ())}
    terms = {term["factor"]: {**term, **tests.get(term["name"], {})} for term in model["selected"]}
    headings = f"{'RRV':>7}  {'95 % interval':<14}{'p':>7}  {'true effect' if known else ''}"
    print(f"  {'established factor':<26}{'variable':<22}{headings}")
    for factor in [*terms, *(f for f in known if f not in terms)]:
        print("  " + _row(factor, terms.get(factor), known.get(factor), bool(known)))
    if known:
        wrong = [factor for factor in terms if factor not in known]
        print(
            f"  true factors established: {len(set(terms) & set(known))} of {len(known)}; "
            f"null factors: {len(wrong)} of {len(study.factors) - len(known)}"
        )


def _row(factor: str, term: dict[str, Any] | None, effect: dict[str, Any] | None, with_truth: bool) -> str:
    if term is None:
        estimate = f"{'not established':<22}{'':>7}  {'':<14}{'':>7}  "
    else:
        rrv = ("÷" if term["direction"] == "protective" else "×") + format(term["rrv"], ".2f")
        interval = f"{term['rrv_lower']:.2f} to {term['rrv_upper']:.2f}" if term.get("rrv_lower") else ""
        p = "" if term.get("p") is None else "< 0.001" if term["p"] < 0.001 else format(term["p"], ".3f")
        estimate = f"{_influence(term):<22}{rrv:>7}  {interval:<14}{p:>7}  "
    if not with_truth:
        true = ""
    elif effect is None:
        true = "none"
    else:
        true = f"{'÷' if effect['direction'] == 'protective' else '×'}{effect['rrv']:.2f}, {_influence(effect)}"
    return f"{factor:<26}{estimate}{true}"


def _influence(of: dict[str, Any]) -> str:
    return f"{of['operationalisation']} {of['distance']:g} m"


def print_accuracy(rows: list[dict[str, Any]]) -> None:
    """PAI of every map on the later events, expected over the order inside ties."""
    shares = sorted({row["share"] for row in rows})
    print(f"  {'PAI on the later events, in':<32}" + "".join(f"{share:>7.0%}" for share in shares) + " of the area")
    for name in dict.fromkeys(row["map"] for row in rows):
        values = {row["share"]: row["pai"]["expected"] for row in rows if row["map"] == name}
        print(f"    {name:<30}" + "".join(f"{values[share]:>7.2f}" for share in shares))


def make_project(path: Path, studies: list[Study]) -> None:
    """A QGIS project with the results of every study in a group, over the boundary and the other layers."""
    from qgis.core import QgsProject, QgsReferencedRectangle

    project = QgsProject()
    root = project.layerTreeRoot()
    for number, study in enumerate(studies):
        group = root.addGroup(study.title)
        _add_results(project, group, path.parent / study.name)
        group.setItemVisibilityChecked(number == 0)
    background = root.addGroup("Study area and risk factors")
    first = studies[0]
    boundary = _add_vector(project, background, first.data, first.boundary)
    for layer in (*first.others, *first.factors):
        _add_vector(project, background, first.data, layer)
        background.children()[-1].setItemVisibilityChecked(False)
    _outline(boundary)
    background.setExpanded(False)
    project.setCrs(boundary.crs())
    project.setTitle(path.stem)
    extent = boundary.extent()
    extent.scale(1.05)
    project.viewSettings().setDefaultViewExtent(QgsReferencedRectangle(extent, boundary.crs()))
    if not project.write(str(path)):
        raise SystemExit(f"The project {path} could not be written: {project.error()}")


def _add_results(project: Any, group: Any, folder: Path) -> None:
    from qgis.core import QgsRasterLayer, QgsVectorLayer

    layers = (
        QgsVectorLayer(str(folder / "places.gpkg"), "Priority places", "ogr"),
        QgsRasterLayer(str(folder / "terrain.tif"), "Risk terrain: relative risk score"),
        QgsRasterLayer(str(folder / "expected.tif"), "Expected events in a cell"),
        QgsRasterLayer(str(folder / "forecast.tif"), "Forecast: expected events in a cell"),
    )
    for layer in layers:
        layer.loadDefaultStyle()
        project.addMapLayer(layer, False)
        group.addLayer(layer).setItemVisibilityChecked(layer in layers[:2])


def _add_vector(project: Any, group: Any, data: Path, name: str) -> Any:
    from qgis.core import QgsVectorLayer

    layer = QgsVectorLayer(f"{data}|layername={name}", name, "ogr")
    project.addMapLayer(layer, False)
    group.addLayer(layer)
    return layer


def _outline(layer: Any) -> None:
    from qgis.core import QgsFillSymbol, QgsSingleSymbolRenderer

    symbol = QgsFillSymbol.createSimple({"style": "no", "outline_color": "#444444", "outline_width": "0.4"})
    layer.setRenderer(QgsSingleSymbolRenderer(symbol))


def _in_qgis(work: Callable[[], None]) -> None:
    """Do the work inside QGIS, and let go of all of its objects before QGIS ends."""
    from qgis.core import QgsApplication

    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp())
    application = QgsApplication([], True)
    application.initQgis()
    work()
    gc.collect()
    application.exitQgis()


def main(arguments: list[str]) -> None:
    """Run the studies of a named example."""
    if arguments[:1] == ["northbridge"]:
        studies = northbridge()
    elif arguments[:1] == ["chicago"] and len(arguments) == 2:
        studies = chicago(Path(arguments[1]).expanduser().resolve())
    else:
        raise SystemExit(__doc__)
    folder = OUTPUT / ("demo" if arguments[0] == "northbridge" else arguments[0])
    for study in studies:
        start = time.monotonic()
        results = run(study, folder / study.name)
        model = json.loads((folder / study.name / "model.json").read_text(encoding="utf-8"))
        print_model(study, model, time.monotonic() - start)
        print_accuracy(results.get("ACCURACY", []))
        print(f"  {model['verification']['reason']}")
    project = folder / f"{arguments[0]}.qgz"
    _in_qgis(lambda: make_project(project, studies))
    print(f"\nMaps, models, reports and priority places: {folder}")
    for study in studies:
        print(f"  {study.name + '/report.html':<28}{study.title}")
        print(f"  {study.name + '/validation.html':<28}its maps against the later events")
    print(f"Open in QGIS: {project}")


if __name__ == "__main__":
    main(sys.argv[1:])
